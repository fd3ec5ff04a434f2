//! Carbon's `storage-schemas.conf` and `storage-aggregation.conf`, as Python's ConfigParser and carbon 1.1.10
//! read them: sections in order, first match wins.
//!
//! Where carbon would skip a section or refuse to start, the section is left out here and the reason told with
//! its line, so that an import can say what it did not carry over.

use std::collections::BTreeMap;

use vocabulary::retention::{Aggregation, Archives};

/// A rule of storage-schemas.conf.
#[derive(Clone, Debug, PartialEq)]
pub struct RetentionRule {
    pub name: String,
    /// A regular expression in Python's syntax, searched anywhere in the name.
    pub pattern: String,
    pub archives: Archives,
    pub line: usize,
}

/// A rule of storage-aggregation.conf. What it does not say is whisper's default: average, 0.5.
#[derive(Clone, Debug, PartialEq)]
pub struct AggregationRule {
    pub name: String,
    pub pattern: String,
    pub method: Option<Aggregation>,
    pub x_files_factor: Option<f32>,
    pub line: usize,
}

/// Something that was not carried over, and why. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub line: usize,
    pub message: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Rules<R> {
    pub rules: Vec<R>,
    pub problems: Vec<Problem>,
}

/// Carbon's own last rule of storage-schemas.conf, for names that match none in the file.
pub const DEFAULT_RETENTION: &str = "60s:7d";

/// Tells whether a pattern can be used, and if not why.
pub type CheckPattern<'a> = &'a dyn Fn(&str) -> Result<(), String>;

pub fn storage_schemas(text: &str, check_pattern: CheckPattern<'_>) -> Rules<RetentionRule> {
    rules(text, &["pattern", "retentions"], |section| {
        let pattern = section.pattern(check_pattern)?;
        let retentions = section.required("retentions")?;
        let archives: Archives = retentions.text.parse().map_err(|why| retentions.problem(why))?;
        Ok(RetentionRule { name: section.name.clone(), pattern, archives, line: section.line })
    })
}

pub fn storage_aggregation(text: &str, check_pattern: CheckPattern<'_>) -> Rules<AggregationRule> {
    rules(text, &["pattern", "xfilesfactor", "aggregationmethod"], |section| {
        let pattern = section.pattern(check_pattern)?;
        let x_files_factor = section.get("xfilesfactor").map(x_files_factor).transpose()?;
        let method = section.get("aggregationmethod").map(method).transpose()?;
        Ok(AggregationRule {
            name: section.name.clone(),
            pattern,
            method,
            x_files_factor,
            line: section.line,
        })
    })
}

fn x_files_factor(written: &Written) -> Result<f32, Problem> {
    let factor = crate::python_float::parse(&written.text).filter(|factor| (0.0..=1.0).contains(factor));
    let why = || written.problem(format!("xFilesFactor is between 0 and 1, not `{}`", written.text));
    factor.map(|factor| factor as f32).ok_or_else(why)
}

/// Whisper's names of methods.
const METHODS: [(&str, Aggregation); 8] = [
    ("average", Aggregation::Average),
    ("sum", Aggregation::Sum),
    ("last", Aggregation::Last),
    ("max", Aggregation::Max),
    ("min", Aggregation::Min),
    ("avg_zero", Aggregation::AvgZero),
    ("absmax", Aggregation::Absmax),
    ("absmin", Aggregation::Absmin),
];

fn method(written: &Written) -> Result<Aggregation, Problem> {
    let known = METHODS.iter().find(|(name, _)| *name == written.text);
    known.map(|(_, method)| *method).ok_or_else(|| {
        let names: Vec<_> = METHODS.iter().map(|(name, _)| *name).collect();
        written.problem(format!("aggregationMethod is one of {}, not `{}`", names.join(", "), written.text))
    })
}

pub(crate) fn rules<R>(
    text: &str,
    known: &[&str],
    rule: impl Fn(&Section) -> Result<R, Problem>,
) -> Rules<R> {
    let (sections, mut problems) = parse(text);
    let mut rules = Vec::new();
    for section in &sections {
        for (key, written) in section.values.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            problems.push(written.problem(format!("`{key}` in [{}] means nothing to Carbon", section.name)));
        }
        match rule(section) {
            Ok(rule) => rules.push(rule),
            Err(problem) => problems.push(problem),
        }
    }
    problems.sort_by_key(|problem| problem.line);
    Rules { rules, problems }
}

/// A section of the file, with keys in lower case.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) name: String,
    pub(crate) line: usize,
    values: BTreeMap<String, Written>,
}

#[derive(Clone, Debug)]
pub(crate) struct Written {
    pub(crate) text: String,
    pub(crate) line: usize,
}

impl Written {
    pub(crate) fn problem(&self, message: String) -> Problem {
        Problem { line: self.line, message }
    }
}

impl Section {
    pub(crate) fn get(&self, key: &str) -> Option<&Written> {
        self.values.get(key)
    }

    pub(crate) fn required(&self, key: &str) -> Result<&Written, Problem> {
        let missing = || Problem { line: self.line, message: format!("[{}] has no `{key}`", self.name) };
        self.get(key).filter(|written| !written.text.is_empty()).ok_or_else(missing)
    }

    pub(crate) fn pattern(&self, check: CheckPattern<'_>) -> Result<String, Problem> {
        let pattern = self.required("pattern")?;
        check(&pattern.text).map_err(|why| pattern.problem(why))?;
        Ok(pattern.text.clone())
    }
}

/// ConfigParser's file format: `[section]`, `key = value` or `key: value`, deeper indented lines go on with the
/// value, whole lines after `#` or `;` are comments. `[DEFAULT]` gives all sections values that they lack.
fn parse(text: &str) -> (Vec<Section>, Vec<Problem>) {
    let mut parser = Parser::default();
    for (index, line) in text.lines().enumerate() {
        parser.line(index + 1, line);
    }
    parser.finish()
}

#[derive(Default)]
struct Parser {
    sections: Vec<Section>,
    problems: Vec<Problem>,
    /// The key that an indented line goes on with, and how far that key was indented.
    open: Option<(String, usize)>,
    /// Of a header that was refused: its lines belong nowhere.
    skipping: bool,
}

const DEFAULT: &str = "DEFAULT";

impl Parser {
    fn line(&mut self, number: usize, line: &str) {
        let text = line.trim();
        if text.is_empty() || text.starts_with(['#', ';']) {
            return;
        }
        let indent = line.len() - line.trim_start().len();
        if self.goes_on(text, indent) {
            return;
        }
        self.open = None;
        if let Some(header) = text.strip_prefix('[') {
            self.header(number, header);
        } else if !self.skipping {
            self.key(number, text, indent);
        }
    }

    fn goes_on(&mut self, text: &str, indent: usize) -> bool {
        let Some((key, _)) = self.open.as_ref().filter(|(_, key_indent)| indent > *key_indent) else {
            return false;
        };
        if let Some(written) = self.sections.last_mut().and_then(|section| section.values.get_mut(key)) {
            written.text.push('\n');
            written.text.push_str(text);
        }
        true
    }

    fn header(&mut self, line: usize, header: &str) {
        let name = header.strip_suffix(']').filter(|name| !name.is_empty());
        let twice = name.is_some_and(|name| self.sections.iter().any(|section| section.name == name));
        match name {
            Some(name) if !twice => {
                self.skipping = false;
                self.sections.push(Section { name: name.into(), line, values: BTreeMap::new() });
            }
            Some(name) => self.refuse(line, format!("there is a section [{name}] already")),
            None => self
                .refuse(line, format!("`[{header}` is not a section: Carbon wants [name] alone on its line")),
        }
    }

    fn refuse(&mut self, line: usize, message: String) {
        self.skipping = true;
        self.problems.push(Problem { line, message });
    }

    fn key(&mut self, line: usize, text: &str, indent: usize) {
        let Some(section) = self.sections.last_mut() else {
            let message = format!("`{text}` stands before the first section");
            return self.problems.push(Problem { line, message });
        };
        let Some((key, value)) = text.split_once(['=', ':']) else {
            let message = format!("`{text}` is not of the form key = value");
            return self.problems.push(Problem { line, message });
        };
        let key = key.trim().to_lowercase();
        if section.values.contains_key(&key) {
            let message = format!("`{key}` stands twice in [{}]", section.name);
            return self.problems.push(Problem { line, message });
        }
        section.values.insert(key.clone(), Written { text: value.trim().to_owned(), line });
        self.open = Some((key, indent));
    }

    fn finish(self) -> (Vec<Section>, Vec<Problem>) {
        let Parser { mut sections, mut problems, .. } = self;
        let defaults = sections.iter().position(|section| section.name == DEFAULT);
        let defaults = defaults.map(|at| sections.remove(at).values).unwrap_or_default();
        for section in &mut sections {
            for (key, written) in &defaults {
                section.values.entry(key.clone()).or_insert_with(|| written.clone());
            }
        }
        // A section with a value that cannot be read is no rule: not even carbon reads the rest of it.
        sections.retain_mut(|section| {
            let raw = section.values.clone();
            let failed = section.values.values_mut().find_map(|written| interpolate(written, &raw).err());
            let readable = failed.is_none();
            problems.extend(failed);
            readable
        });
        (sections, problems)
    }
}

/// ConfigParser's `%(key)s` and `%%`. One level: a value that is put in is not looked into again.
fn interpolate(written: &mut Written, values: &BTreeMap<String, Written>) -> Result<(), Problem> {
    if !written.text.contains('%') {
        return Ok(());
    }
    let mut out = String::new();
    let mut rest = written.text.as_str();
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let reference = after.strip_prefix('(').and_then(|after| after.split_once(")s"));
        let Some((key, after)) = reference else {
            return Err(written.problem("a `%` must be written `%%` in this file".into()));
        };
        let Some(value) = values.get(&key.to_lowercase()) else {
            return Err(written.problem(format!("`%({key})s` refers to a key that is not there")));
        };
        out.push_str(&value.text);
        rest = after;
    }
    out.push_str(rest);
    written.text = out;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn no_lookahead(pattern: &str) -> Result<(), String> {
        if pattern.contains("(?=") { Err("look-ahead is not supported".into()) } else { Ok(()) }
    }

    fn schemas(text: &str) -> (Vec<String>, Vec<(usize, String)>) {
        let Rules { rules, problems } = storage_schemas(text, &no_lookahead);
        let rules = rules.iter().map(|rule| {
            let RetentionRule { name, pattern, archives, line } = rule;
            format!("{line} {name} {pattern} {archives}")
        });
        (rules.collect(), problems.into_iter().map(|problem| (problem.line, problem.message)).collect())
    }

    #[test]
    fn schemas_in_the_order_of_the_file() {
        let text = "# comment\n[carbon]\npattern = ^carbon\\.\nretentions = 60:90d\n\n; comment\n[default]\nPATTERN: .*\n\
                    Retentions = 60s:1d,\n   5m:30d,\n\n   1h:3y\n";
        let wanted = ["2 carbon ^carbon\\. 1m:90d", "7 default .* 1m:1d,5m:30d,1h:3y"];
        assert_eq!(schemas(text), (wanted.map(String::from).to_vec(), vec![]));
    }

    #[test]
    fn what_is_left_out_is_told_with_its_line() {
        let check = |text: &str, line: usize, message: &str| {
            assert_eq!(schemas(text), (vec![], vec![(line, message.to_owned())]), "{text:?}");
        };
        check("x = 1", 1, "`x = 1` stands before the first section");
        check("[a]\nretentions = 1s:1d", 1, "[a] has no `pattern`");
        check("[a]\npattern = x", 1, "[a] has no `retentions`");
        check("[a]\npattern =\nretentions = 1s:1d", 1, "[a] has no `pattern`");
        check(
            "\n[a] ; x\npattern = x",
            2,
            "`[a] ; x` is not a section: Carbon wants [name] alone on its line",
        );
        check("[a]\npattern = (?=x)\nretentions = 1s:1d", 2, "look-ahead is not supported");
        check("[a]\npattern = 50%\nretentions = 1s:1d", 2, "a `%` must be written `%%` in this file");
        check(
            "[a]\npattern = x\nretentions = 7s:70s,10s:1d",
            3,
            "the step of 10s:1d is not a multiple of the step of 7s:70s",
        );
        let (rules, problems) = schemas(
            "[a]\npattern = x\nnonsense\nretentions = 1s:1d\npriority = 5\npattern = y\n[a]\npattern = z",
        );
        assert_eq!(rules, ["1 a x 1s:1d"]);
        let told: Vec<_> = problems.iter().map(|(line, message)| format!("{line} {message}")).collect();
        let wanted = [
            "3 `nonsense` is not of the form key = value",
            "5 `priority` in [a] means nothing to Carbon",
            "6 `pattern` stands twice in [a]",
            "7 there is a section [a] already",
        ];
        assert_eq!(told, wanted);
    }

    #[test]
    fn defaults_and_references() {
        let text = "[DEFAULT]\nretentions = %(step)s:1d\nstep = 10s\n[a]\npattern = 100%%\n[b]\npattern = b\nstep = 1s";
        let (rules, problems) = schemas(text);
        assert_eq!(rules, ["4 a 100% 10s:1d", "6 b b 1s:1d"]);
        assert_eq!(problems.len(), 2, "`step` means nothing to Carbon: {problems:?}");
    }

    #[test]
    fn aggregation() {
        let text = "[min]\npattern = \\.min$\nxFilesFactor = 0.1\naggregationMethod = min\n[rest]\npattern = .*\n\
                    [bad]\npattern = x\nxFilesFactor = 1.5\n[worse]\npattern = x\naggregationMethod = mode\n";
        let Rules { rules, problems } = storage_aggregation(text, &no_lookahead);
        let told: Vec<_> =
            rules.iter().map(|rule| (rule.name.as_str(), rule.method, rule.x_files_factor)).collect();
        assert_eq!(told, [("min", Some(Aggregation::Min), Some(0.1)), ("rest", None, None)]);
        assert_eq!(problems.iter().map(|problem| problem.line).collect::<Vec<_>>(), [9, 12]);
        assert!(problems[0].message.contains("between 0 and 1"), "{}", problems[0].message);
    }

    /// The examples that Carbon ships.
    #[test]
    fn the_files_that_come_with_carbon() {
        let schemas_example = "[carbon]\npattern = ^carbon\\.\nretentions = 60:90d\n\n[default]\npattern = .*\nretentions = 60s:1d,5m:30d,1h:3y\n";
        assert_eq!(schemas(schemas_example).0.len(), 2);
        assert!(DEFAULT_RETENTION.parse::<Archives>().is_ok());
    }
}
