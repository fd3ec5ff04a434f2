//! Parameters of a picture. The original turns each into a number, a truth value or a text by its look alone
//! and stumbles, or not, where it is used; so a value that does not fit is told when the drawing needs it.

use crate::error::EvaluationError;
use crate::functions::python_float;
use crate::parameters::{Parameters, python_int};
use crate::python::quoted;

const SHARED: [&str; 13] = [
    "width",
    "height",
    "margin",
    "bgcolor",
    "fgcolor",
    "fontName",
    "fontSize",
    "fontBold",
    "fontItalic",
    "colorList",
    "template",
    "yAxisSide",
    "outputFormat",
];

const OF_LINES: [&str; 50] = [
    "title",
    "vtitle",
    "lineMode",
    "lineWidth",
    "hideLegend",
    "hideAxes",
    "minXStep",
    "hideGrid",
    "majorGridLineColor",
    "minorGridLineColor",
    "thickness",
    "min",
    "max",
    "graphOnly",
    "yMin",
    "yMax",
    "yLimit",
    "yStep",
    "areaMode",
    "areaAlpha",
    "drawNullAsZero",
    "tz",
    "pieMode",
    "yUnitSystem",
    "logBase",
    "yMinLeft",
    "yMinRight",
    "yMaxLeft",
    "yMaxRight",
    "yLimitLeft",
    "yLimitRight",
    "yStepLeft",
    "yStepRight",
    "rightWidth",
    "rightColor",
    "rightDashed",
    "leftWidth",
    "leftColor",
    "leftDashed",
    "xFormat",
    "minorY",
    "hideYAxis",
    "uniqueLegend",
    "vtitleRight",
    "yDivisors",
    "connectedLimit",
    "hideXAxis",
    "hideNullFromLegend",
    "yAxisSide",
    "outputFormat",
];

const OF_PIES: [&str; 7] =
    ["title", "valueLabels", "valueLabelsMin", "hideLegend", "pieLabels", "areaAlpha", "valueLabelsColor"];

#[derive(Clone, Debug, PartialEq)]
pub enum Setting {
    Integer(f64),
    Float(f64),
    Flag(bool),
    Text(String),
}

#[derive(Clone, Debug, Default)]
pub struct Options(Vec<(&'static str, Setting)>);

type Found<T> = Result<T, EvaluationError>;

impl Options {
    pub fn of(params: Parameters<'_>, pie: bool) -> Options {
        let own: &[&'static str] = if pie { &OF_PIES } else { &OF_LINES };
        let names = SHARED.iter().chain(own);
        Options(names.filter_map(|name| Some((*name, setting(name, params.get(name)?)?))).collect())
    }

    pub fn get(&self, name: &str) -> Option<&Setting> {
        self.0.iter().find(|(known, _)| *known == name).map(|(_, setting)| setting)
    }

    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub fn set(&mut self, name: &'static str, setting: Setting) {
        self.0.retain(|(known, _)| *known != name);
        self.0.push((name, setting));
    }

    pub fn remove(&mut self, name: &str) {
        self.0.retain(|(known, _)| *known != name);
    }

    /// One name stands for another that is not given.
    pub fn default_to(&mut self, name: &'static str, other: &str) {
        if !self.has(name)
            && let Some(setting) = self.get(other).cloned()
        {
            self.set(name, setting);
        }
    }

    /// Python's truth: 0, `false` and what is not given are not.
    pub fn flag(&self, name: &str) -> bool {
        self.optional_flag(name).unwrap_or(false)
    }

    pub fn optional_flag(&self, name: &str) -> Option<bool> {
        Some(match self.get(name)? {
            Setting::Integer(number) | Setting::Float(number) => *number != 0.0,
            Setting::Flag(flag) => *flag,
            Setting::Text(text) => !text.is_empty(),
        })
    }

    /// Written as a number.
    pub fn number(&self, name: &str) -> Found<Option<f64>> {
        Ok(match self.get(name) {
            None => None,
            Some(Setting::Integer(number) | Setting::Float(number)) => Some(*number),
            Some(Setting::Flag(flag)) => Some(f64::from(u8::from(*flag))),
            Some(Setting::Text(text)) => return Err(wrong(name, text, "a number")),
        })
    }

    /// As Python's `int(value)` reads it.
    pub fn integer(&self, name: &str) -> Found<Option<f64>> {
        match self.get(name) {
            Some(Setting::Text(text)) => match python_int(text) {
                Some(number) => Ok(Some(number as f64)),
                None => Err(wrong(name, text, "an integer")),
            },
            _ => Ok(self.number(name)?.map(f64::trunc)),
        }
    }

    /// As Python's `float(value)` reads it.
    pub fn float(&self, name: &str) -> Found<Option<f64>> {
        match self.get(name) {
            Some(Setting::Text(text)) => match python_float(text) {
                Some(number) => Ok(Some(number)),
                None => Err(wrong(name, text, "a number")),
            },
            _ => self.number(name),
        }
    }

    /// A text; numbers are texts too. (The original fails for `title=2024`.)
    pub fn text(&self, name: &str) -> Option<String> {
        Some(match self.get(name)? {
            Setting::Integer(number) => format!("{number}"),
            Setting::Float(number) => crate::python::float(*number),
            Setting::Flag(flag) => if *flag { "true" } else { "false" }.to_owned(),
            Setting::Text(text) => text.clone(),
        })
    }

    /// One of a few words, in any case of letters.
    pub fn word<T: Copy>(&self, name: &str, words: &[(&str, T)], default: T) -> Found<T> {
        let Some(text) = self.text(name) else { return Ok(default) };
        let found = words.iter().find(|(word, _)| word.eq_ignore_ascii_case(&text));
        found.map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            wrong(name, &text, &format!("one of {}", names.join(", ")))
        })
    }
}

pub fn wrong(name: &str, value: &str, wanted: &str) -> EvaluationError {
    EvaluationError::failed(format!("{name} must be {wanted}, not {}", quoted(value)))
}

/// By its look alone; `default` and nothing count as not given.
fn setting(name: &str, value: &str) -> Option<Setting> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = value.strip_prefix('-').unwrap_or(value);
    if digits(unsigned) && !name.to_ascii_lowercase().contains("color") {
        return value.parse().ok().map(Setting::Integer);
    }
    if unsigned.contains('.') && digits(&unsigned.replacen('.', "", 1)) {
        return value.parse().ok().map(Setting::Float);
    }
    match value.to_ascii_lowercase().as_str() {
        "true" => Some(Setting::Flag(true)),
        "false" => Some(Setting::Flag(false)),
        "default" | "" => None,
        _ => Some(Setting::Text(value.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_by_look() {
        let check = |name: &str, value: &str, wanted: Option<Setting>| {
            assert_eq!(setting(name, value), wanted, "{name}={value}");
        };
        check("width", "12", Some(Setting::Integer(12.0)));
        check("yMin", "-1.5", Some(Setting::Float(-1.5)));
        check("yMin", "1e3", Some(Setting::Text("1e3".into())));
        check("yMin", "-", Some(Setting::Text("-".into())));
        check("yMin", ".", Some(Setting::Text(".".into())));
        check("bgcolor", "123456", Some(Setting::Text("123456".into())));
        check("bgcolor", "True", Some(Setting::Flag(true)));
        check("title", "DEFAULT", None);
        check("title", "", None);
    }
}
