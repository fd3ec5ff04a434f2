//! Looks by name, as graphTemplates.conf has them: colours, and the font.

/// All looks of a file. The section `default` is what others and requests without `template` build on.
#[derive(Clone, Debug, Default)]
pub struct Templates {
    default: Template,
    named: Vec<(String, Template)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    pub background: String,
    pub foreground: String,
    pub major_line: String,
    pub minor_line: String,
    /// Of lines without a colour of their own, in turn.
    pub line_colors: Vec<String>,
    pub font_name: String,
    pub font_size: f64,
    pub font_bold: bool,
    pub font_italic: bool,
}

impl Default for Template {
    fn default() -> Template {
        let colors = "blue,green,red,purple,brown,yellow,aqua,grey,magenta,pink,gold,rose";
        Template {
            background: "white".into(),
            foreground: "black".into(),
            major_line: "rose".into(),
            minor_line: "grey".into(),
            line_colors: colors.split(',').map(str::to_owned).collect(),
            font_name: "Sans".into(),
            font_size: 10.0,
            font_bold: false,
            font_italic: false,
        }
    }
}

/// A line of the file that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    pub line: usize,
    pub what: String,
}

impl std::fmt::Display for TemplateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for TemplateError {}

impl Templates {
    /// The text of a graphTemplates.conf.
    pub fn parse(text: &str) -> Result<Templates, TemplateError> {
        let lines = lines(text)?;
        let mut default = Template::default();
        for (line, _, key, value) in lines.iter().filter(|(_, section, ..)| *section == "default") {
            default.set(key, value).map_err(|what| TemplateError { line: *line, what })?;
        }
        let mut named: Vec<(String, Template)> = Vec::new();
        for (line, section, key, value) in lines.iter().filter(|(_, section, ..)| *section != "default") {
            if named.last().is_none_or(|(name, _)| name != section) {
                named.push(((*section).to_owned(), default.clone()));
            }
            if let Some((_, template)) = named.last_mut() {
                template.set(key, value).map_err(|what| TemplateError { line: *line, what })?;
            }
        }
        Ok(Templates { default, named })
    }

    /// The template of that name, or the default.
    pub fn named(&self, name: &str) -> &Template {
        self.named.iter().find(|(known, _)| known == name).map_or(&self.default, |(_, template)| template)
    }
}

type Line<'a> = (usize, &'a str, String, &'a str);

/// `[section]` and `key = value`, comments from `#` or `;` to the end of the line.
fn lines(text: &str) -> Result<Vec<Line<'_>>, TemplateError> {
    let mut section = None;
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let (number, line) = (index + 1, line.trim());
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = Some(name);
            continue;
        }
        let error = |what: &str| TemplateError { line: number, what: what.to_owned() };
        let section = section.ok_or_else(|| error("a value before the first [section]"))?;
        let (key, value) =
            line.split_once(['=', ':']).ok_or_else(|| error("neither [section] nor key = value"))?;
        lines.push((number, section, key.trim().to_ascii_lowercase(), value.trim()));
    }
    Ok(lines)
}

impl Template {
    /// Keys that templates do not have are left alone, as in the original.
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "background" => value.clone_into(&mut self.background),
            "foreground" => value.clone_into(&mut self.foreground),
            "majorline" => value.clone_into(&mut self.major_line),
            "minorline" => value.clone_into(&mut self.minor_line),
            "linecolors" => {
                self.line_colors = value.split(',').map(|color| color.trim().to_owned()).collect()
            }
            "fontname" => value.clone_into(&mut self.font_name),
            "fontsize" => {
                self.font_size =
                    value.parse().map_err(|_| format!("fontSize must be a number, not {value}"))?;
            }
            "fontbold" => self.font_bold = value.eq_ignore_ascii_case("true"),
            "fontitalic" => self.font_italic = value.eq_ignore_ascii_case("true"),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_build_on_the_default() {
        let text = "# looks\n[default]\nbackground = #111111\nfontSize=12\n\n[ocean]\nlineColors = red, 00ff00aa\n\
                    FontBold: TRUE\nother = 5\n";
        let templates = Templates::parse(text).unwrap();
        let ocean = templates.named("ocean");
        assert_eq!(ocean.background, "#111111");
        assert_eq!(ocean.line_colors, ["red", "00ff00aa"]);
        assert!(ocean.font_bold && ocean.font_size == 12.0);
        assert_eq!(templates.named("nothing").foreground, "black");
        assert!(!templates.named("default").font_bold);
    }

    #[test]
    fn bad_files() {
        let line = |text: &str| Templates::parse(text).unwrap_err().line;
        assert_eq!(line("a = b"), 1);
        assert_eq!(line("[a]\nnothing"), 2);
        assert_eq!(line("[a]\n\nfontSize = big"), 3);
    }
}
