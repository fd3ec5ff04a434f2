//! Where configuration text comes from, and how a place in it is told to a person.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::de::{DeTable, DeValue};

/// All texts of one configuration. Each begins where the one before ended, so that a position (as the
/// spans of parsed values carry it) names both the source and the place in it.
#[derive(Debug, Default)]
pub struct Sources {
    sources: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    label: String,
    /// The text, behind as many blanks as all sources before it are long.
    shifted: String,
    base: usize,
    /// `None`: a variable of the environment.
    file: Option<PathBuf>,
}

impl Source {
    fn text(&self) -> &str {
        &self.shifted[self.base..]
    }
}

/// Something wrong with the configuration, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// `file:line:column`, or what else tells the place.
    pub place: String,
    pub message: String,
    /// The line with a mark under the mistake, where there is a file to show.
    pub excerpt: Option<String>,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.message)?;
        match &self.excerpt {
            Some(excerpt) => write!(f, "\n{excerpt}"),
            None => Ok(()),
        }
    }
}

impl Sources {
    pub fn add_file(&mut self, path: &Path, text: &str) {
        self.add(path.display().to_string(), text, Some(path.to_owned()));
    }

    /// A value from the environment, as the document `section.key = value`. What is not TOML is a string.
    pub fn add_variable(&mut self, name: &str, path: &str, value: &str) {
        let is_toml = |text: &str| DeValue::parse(text).is_ok();
        let list = format!("[{value}]");
        let value = match value {
            _ if is_toml(value) => value.to_owned(),
            // `90,99`
            _ if value.contains(',') && is_toml(&list) => list,
            _ => quoted(value),
        };
        self.add(name.to_owned(), &format!("{path} = {value}"), None);
    }

    fn add(&mut self, label: String, text: &str, file: Option<PathBuf>) {
        let base = self.sources.last().map_or(0, |last| last.base + last.text().len() + 1);
        // Blanks in front are legal and move every span by `base`.
        let shifted = " ".repeat(base) + text.strip_prefix('\u{feff}').unwrap_or(text);
        self.sources.push(Source { label, shifted, base, file });
    }

    /// Each source's tree, with the file it is of. The parser recovers, so that all mistakes of form are
    /// told at once.
    pub fn parse(&self) -> impl Iterator<Item = (Option<&Path>, DeTable<'_>, Vec<Problem>)> {
        self.sources.iter().map(|source| {
            let (table, errors) = DeTable::parse_recoverable(&source.shifted);
            let here = source.base..source.base;
            let problems = errors
                .iter()
                .map(|error| self.problem(error.span().unwrap_or(here.clone()), error.message().to_owned()))
                .collect();
            (source.file.as_deref(), table.into_inner(), problems)
        })
    }

    pub fn problem(&self, span: Range<usize>, message: String) -> Problem {
        let Some(source) = self.sources.iter().rev().find(|source| source.base <= span.start) else {
            return Problem { place: "configuration".into(), message, excerpt: None };
        };
        if source.file.is_none() {
            let place = format!("environment variable {}", source.label);
            return Problem { place, message, excerpt: None };
        }
        let start = floor_boundary(source.text(), span.start - source.base);
        let end = floor_boundary(source.text(), span.end.saturating_sub(source.base)).max(start);
        let line_start = source.text()[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = source.text()[start..].find('\n').map_or(source.text().len(), |at| start + at);
        let line = source.text()[..line_start].matches('\n').count() + 1;
        let column = source.text()[line_start..start].chars().count() + 1;
        let marks = source.text()[start..end.min(line_end).max(start)].chars().count().max(1);
        let gutter = line.to_string();
        let excerpt = format!(
            "{gutter} | {}\n{:width$} | {:indent$}{}",
            source.text()[line_start..line_end].replace('\t', " "),
            "",
            "",
            "^".repeat(marks),
            width = gutter.len(),
            indent = column - 1
        );
        Problem { place: format!("{}:{line}:{column}", source.label), message, excerpt: Some(excerpt) }
    }

    pub fn is_from_environment(&self, position: usize) -> bool {
        self.sources.iter().rev().find(|source| source.base <= position).is_some_and(|s| s.file.is_none())
    }
}

fn floor_boundary(text: &str, position: usize) -> usize {
    text.floor_char_boundary(position.min(text.len()))
}

fn quoted(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}
