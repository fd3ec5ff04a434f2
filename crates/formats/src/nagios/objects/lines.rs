//! Object files, line by line: `define host { … }` with directives in it, and files that are included.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::kinds::Kind;

/// Where something stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub file: Arc<str>,
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// What is wrong, or cannot be carried over, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    pub place: Place,
    pub message: String,
}

/// Nothing: `null`, which stops inheritance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    pub text: Option<Arc<str>>,
    pub place: Place,
}

/// One `define`, as written or with what it inherits.
#[derive(Clone, Debug)]
pub struct Definition {
    pub kind: Kind,
    pub place: Place,
    /// Under the name that Nagios prefers; custom variables begin with `_`, in capitals.
    pub values: BTreeMap<Arc<str>, Value>,
    /// Of a time period: days and their hours, as written.
    pub ranges: Vec<(String, String, Place)>,
}

impl Definition {
    pub fn text(&self, key: &str) -> Option<&str> {
        self.values.get(key)?.text.as_deref()
    }

    /// Also where it is `null`.
    pub fn has(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    pub fn place_of(&self, key: &str) -> Place {
        self.values.get(key).map_or_else(|| self.place.clone(), |value| value.place.clone())
    }

    /// `register 0`: a template only.
    pub fn is_registered(&self) -> bool {
        self.text("register").is_none_or(|text| leading_number(text) != 0)
    }

    /// Items of a list, without the blanks around them.
    pub fn list(&self, key: &str) -> impl Iterator<Item = &str> {
        items(self.text(key).unwrap_or_default())
    }
}

pub fn items(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|item| !item.is_empty())
}

/// As C's `atoi`, which Nagios reads switches with.
pub fn leading_number(text: &str) -> i64 {
    let text = text.trim_start();
    let sign = usize::from(text.starts_with(['-', '+']));
    let digits = text[sign..].bytes().take_while(u8::is_ascii_digit).count();
    text[..sign + digits].parse().unwrap_or(0)
}

/// What an object file holds.
#[derive(Debug, Default)]
pub struct File {
    pub definitions: Vec<Definition>,
    pub includes: Vec<(Include, Place)>,
    pub problems: Vec<Problem>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Include {
    File(String),
    Directory(String),
}

pub fn read(file: &str, text: &str) -> File {
    let name: Arc<str> = file.into();
    let mut found = File::default();
    let mut open: Option<Definition> = None;
    for (line, written) in whole_lines(text) {
        let place = Place { file: name.clone(), line };
        let text = without_comment(&written);
        let text = text.trim_matches([' ', '\t', '\r', '\n']);
        let mut wrong = |message: String| found.problems.push(Problem { place: place.clone(), message });
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        if let Some(rest) = text.strip_prefix("define") {
            let word =
                rest.trim_start_matches([' ', '\t']).split([' ', '\t', '{']).next().unwrap_or_default();
            if open.is_some() {
                wrong(
                    "`define` within another definition: a `}` in a line of its own is missing before it"
                        .into(),
                );
            }
            match Kind::of(word) {
                Some(kind) => {
                    open = Some(Definition { kind, place, values: BTreeMap::new(), ranges: Vec::new() })
                }
                None => {
                    wrong(format!("`{word}` is no type of object of Nagios"));
                    open = None;
                }
            }
        } else if text == "}" {
            match open.take() {
                Some(definition) => found.definitions.push(definition),
                None => wrong("`}` without a definition before it".into()),
            }
        } else if let Some(definition) = &mut open {
            if let Err(message) = directive(definition, text, &place) {
                wrong(message);
            }
        } else if let Some(path) = text.strip_prefix("include_file=") {
            found.includes.push((Include::File(path.trim().to_owned()), place));
        } else if let Some(path) = text.strip_prefix("include_dir=") {
            found.includes.push((Include::Directory(path.trim().to_owned()), place));
        } else {
            wrong(format!("`{text}` stands outside of any definition"));
        }
    }
    if let Some(definition) = open {
        let message =
            "the file ends within this definition: a `}` in a line of its own is missing".to_owned();
        found.problems.push(Problem { place: definition.place, message });
    }
    found
}

/// A line that ends with a backslash goes on in the next one, whose indent is nothing.
pub fn whole_lines(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut lines = text.split('\n').enumerate();
    std::iter::from_fn(move || {
        let (at, line) = lines.next()?;
        let mut whole = line.trim_end_matches('\r').to_owned();
        while whole.ends_with('\\') && !whole.ends_with("\\\\") {
            whole.pop();
            let Some((_, next)) = lines.next() else { break };
            whole.push_str(next.trim_end_matches('\r').trim_start_matches([' ', '\t']));
        }
        Some((at + 1, whole))
    })
}

/// From a `;` on, unless a backslash stands before it, which then goes.
fn without_comment(line: &str) -> String {
    let mut kept = String::with_capacity(line.len());
    for (part, rest) in line.split_inclusive(';').map(|part| (part.strip_suffix(';').unwrap_or(part), part)) {
        kept.push_str(part);
        if part.len() == rest.len() || !part.ends_with('\\') {
            break;
        }
        kept.pop();
        kept.push(';');
    }
    kept
}

fn directive(definition: &mut Definition, text: &str, place: &Place) -> Result<(), String> {
    let (key, value) = match definition.kind {
        Kind::TimePeriod => split_period_line(text),
        _ => text.split_once([' ', '\t']).unwrap_or((text, "")),
    };
    let value = value.trim_matches([' ', '\t']);
    if definition.kind == Kind::TimePeriod
        && !matches!(key, "use" | "name" | "timeperiod_name" | "alias" | "exclude" | "register")
    {
        definition.ranges.push((key.to_owned(), value.to_owned(), place.clone()));
        return Ok(());
    }
    let key = if key.starts_with('_') && definition.kind.has_variables() {
        key.to_uppercase().into()
    } else {
        definition
            .kind
            .canonical(key)
            .ok_or_else(|| format!("`{key}` is no directive of a {}", definition.kind.word()))?
    };
    // A variable's `null` is its value, as Nagios has it.
    let text = (key.starts_with('_') || value != "null").then(|| value.into());
    definition.values.insert(key, Value { text, place: place.clone() });
    Ok(())
}

/// `monday 3 - thursday 4 00:00-24:00`: the hours are what comes after the last blank that has no comma before it.
fn split_period_line(text: &str) -> (&str, &str) {
    let first = text.split([' ', '\t']).next().unwrap_or_default();
    if matches!(first, "use" | "name" | "timeperiod_name" | "alias" | "exclude" | "register") {
        return text.split_once([' ', '\t']).unwrap_or((text, ""));
    }
    let hours = text.find(':').unwrap_or(text.len());
    let start = text[..hours].rfind([' ', '\t']).unwrap_or(hours);
    (text[..start].trim_end(), &text[start..])
}
