//! Where configuration text comes from, and how a place in it is told to a person.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

/// All texts of one configuration. Each begins where the one before ended, so that a position (as the
/// spans of their values carry it) names both the source and the place in it.
#[derive(Debug, Default)]
pub struct Sources {
    sources: Vec<Source>,
}

#[derive(Debug)]
struct Source {
    label: String,
    text: String,
    base: usize,
    /// Where each line of the text begins.
    lines: Vec<usize>,
    /// `None`: a variable of the environment.
    file: Option<PathBuf>,
}

impl Source {
    /// Line and column of a position in the text, counted from 1, and where that line begins.
    fn line_and_column(&self, at: usize) -> (usize, usize, usize) {
        let line = self.lines.partition_point(|start| *start <= at);
        let start = self.lines[line - 1];
        (line, self.text[start..at].chars().count() + 1, start)
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

/// More than this nobody reads at once: the first are mended first.
const MOST_TOLD: usize = 20;

/// As people read them.
pub fn told(problems: &[Problem]) -> String {
    let mut lines: Vec<String> = problems.iter().take(MOST_TOLD).map(Problem::to_string).collect();
    if problems.len() > MOST_TOLD {
        lines.push(format!("and {} more", problems.len() - MOST_TOLD));
    }
    lines.join("\n")
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
        let base = self.sources.last().map_or(0, |last| last.base + last.text.len() + 1);
        let text = text.strip_prefix('\u{feff}').unwrap_or(text).to_owned();
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        self.sources.push(Source { label, text, base, lines, file });
    }

    /// Each source's tree, with the file it is of. The parser recovers, so that all mistakes of form are
    /// told at once.
    pub fn parse(&self) -> impl Iterator<Item = (Option<&Path>, DeTable<'_>, Vec<Problem>)> {
        self.sources.iter().map(|source| {
            let (table, errors) = DeTable::parse_recoverable(&source.text);
            let problem = |error: &toml::de::Error| {
                let span = moved(error.span().unwrap_or_default(), source.base);
                self.problem(span, error.message().to_owned())
            };
            let problems = errors.iter().map(problem).collect();
            (source.file.as_deref(), moved_table(table.into_inner(), source.base), problems)
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
        let text = &source.text;
        let start = floor_boundary(text, span.start - source.base);
        let end = floor_boundary(text, span.end.saturating_sub(source.base)).max(start);
        let (line, column, line_start) = source.line_and_column(start);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let marks = text[start..end.min(line_end).max(start)].chars().count().max(1);
        let gutter = line.to_string();
        let excerpt = format!(
            "{gutter} | {}\n{:width$} | {:indent$}{}",
            text[line_start..line_end].replace('\t', " "),
            "",
            "",
            "^".repeat(marks),
            width = gutter.len(),
            indent = column - 1
        );
        Problem { place: format!("{}:{line}:{column}", source.label), message, excerpt: Some(excerpt) }
    }

    /// `file:line` of a position, or the variable that it is in.
    pub fn place(&self, position: usize) -> String {
        let source = self.sources.iter().rev().find(|source| source.base <= position);
        match source {
            Some(source) if source.file.is_some() => {
                let at = floor_boundary(&source.text, position - source.base);
                format!("{}:{}", source.label, source.line_and_column(at).0)
            }
            Some(source) => format!("environment variable {}", source.label),
            None => "configuration".into(),
        }
    }

    pub fn is_from_environment(&self, position: usize) -> bool {
        self.sources.iter().rev().find(|source| source.base <= position).is_some_and(|s| s.file.is_none())
    }
}

fn moved(span: Range<usize>, by: usize) -> Range<usize> {
    span.start + by..span.end + by
}

/// The same table with every span moved, so that it tells which of the sources it is from.
fn moved_table<'s>(table: DeTable<'s>, by: usize) -> DeTable<'s> {
    let moved_key = |key: Spanned<DeString<'s>>| Spanned::new(moved(key.span(), by), key.into_inner());
    table.into_iter().map(|(key, value)| (moved_key(key), moved_value(value, by))).collect()
}

fn moved_value<'s>(value: Spanned<DeValue<'s>>, by: usize) -> Spanned<DeValue<'s>> {
    let span = moved(value.span(), by);
    let inner = match value.into_inner() {
        DeValue::Table(table) => DeValue::Table(moved_table(table, by)),
        DeValue::Array(items) => {
            DeValue::Array(items.into_iter().map(|item| moved_value(item, by)).collect())
        }
        other => other,
    };
    Spanned::new(span, inner)
}

fn floor_boundary(text: &str, position: usize) -> usize {
    text.floor_char_boundary(position.min(text.len()))
}

fn quoted(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}
