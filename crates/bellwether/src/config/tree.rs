//! Parsed configuration as a tree with positions: merging sources, and finding and removing the entry
//! that a complaint points at.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::source::{Problem, Sources};

/// More mistakes than this in one configuration are not worth listing.
const MAX_PROBLEMS: usize = 100;

/// Lay `over` on `base`: tables are merged, lists of tables are joined, anything else is replaced.
pub fn merge<'s>(base: &mut DeTable<'s>, over: DeTable<'s>) {
    for (key, value) in over {
        let Some(existing) = base.get_mut(&key) else {
            base.insert(key, value);
            continue;
        };
        match (existing.get_mut(), value) {
            (DeValue::Table(below), value) if value.get_ref().is_table() => {
                if let DeValue::Table(above) = value.into_inner() {
                    merge(below, above);
                }
            }
            (DeValue::Array(below), value)
                if is_list_of_tables(below) && is_array_of_tables(value.get_ref()) =>
            {
                if let DeValue::Array(above) = value.into_inner() {
                    above.into_iter().for_each(|item| below.push(item));
                }
            }
            (_, value) => *existing = value,
        }
    }
}

fn is_array_of_tables(value: &DeValue<'_>) -> bool {
    matches!(value, DeValue::Array(items) if is_list_of_tables(items))
}

fn is_list_of_tables(items: &DeArray<'_>) -> bool {
    !items.is_empty() && items.iter().all(|item| item.get_ref().is_table())
}

/// What a tree says, as far as it can be read.
pub struct Read<'s, T> {
    /// Without what was left out; `None` where others may go by that.
    pub value: Option<T>,
    pub problems: Vec<Problem>,
    /// What was read in the end.
    pub tree: Spanned<DeTable<'s>>,
    /// Where something was left out that is known and wrong: what misses it there was told already.
    incomplete: BTreeSet<String>,
}

impl<T> Read<'_, T> {
    /// Is all there that this key of the whole stands beside?
    pub fn is_complete(&self, key: &str) -> bool {
        key.split('.').next().is_none_or(|section| !self.incomplete.contains(section))
    }
}

/// Read `T` out of the tree. Each complaint is noted and the entry that caused it spelt as it was meant or left out, until
/// nothing is left to complain about: so a person hears of all mistakes at once, not one per try.
pub fn read_all<'s, T: DeserializeOwned>(tree: Spanned<DeTable<'s>>, sources: &Sources) -> Read<'s, T> {
    let mut read = Read { value: None, problems: Vec::new(), tree, incomplete: BTreeSet::new() };
    let mut found: Vec<(usize, Problem)> = Vec::new();
    let mut left_out: Vec<String> = Vec::new();
    let mut others_go_by_it = false;
    loop {
        let error = match T::deserialize(toml::de::Deserializer::from(read.tree.clone())) {
            Ok(value) => {
                read.value = (!others_go_by_it).then_some(value);
                break;
            }
            Err(error) => error,
        };
        let span = error.span().unwrap_or_default();
        let message = error.message();
        if sources.is_from_environment(span.start) && retype(read.tree.get_mut(), &span, message) {
            continue;
        }
        // What was left out because it was wrong is not missing.
        if !left_out.iter().any(|key| message == format!("missing field `{key}`")) {
            found.push((span.start, sources.problem(span.clone(), explain(message))));
        }
        if found.len() >= MAX_PROBLEMS {
            break;
        }
        let unknown = unknown_field(message);
        let meant = unknown.as_ref().and_then(|(name, expected)| closest(name, expected));
        if meant.is_some_and(|meant| respell(read.tree.get_mut(), &span, meant)) {
            continue;
        }
        let Some(left) = remove(read.tree.get_mut(), &span) else { break };
        others_go_by_it |= left.is_list || (left.is_listed && unknown.is_none());
        if unknown.is_none() {
            read.incomplete.insert(left.section);
        }
        left_out.push(left.key);
    }
    found.sort_by_key(|(position, _)| *position);
    read.problems = found.into_iter().map(|(_, problem)| problem).collect();
    read
}

/// The key at this place gets the name that it was meant to have: what else is wrong is told of that. False: there is none,
/// or one of that name stands beside it.
fn respell<'s>(table: &mut DeTable<'s>, span: &Range<usize>, name: &str) -> bool {
    let here = table.keys().find(|key| key.span() == *span).cloned();
    if let Some(key) = here {
        if table.contains_key(name) {
            return false;
        }
        let Some(value) = table.remove(&key) else { return false };
        table.insert(Spanned::new(span.clone(), name.to_owned().into()), value);
        return true;
    }
    table.iter_mut().any(|(_, value)| match value.get_mut() {
        DeValue::Table(inner) => respell(inner, span, name),
        DeValue::Array(items) => items.iter_mut().any(|item| match item.get_mut() {
            DeValue::Table(inner) => respell(inner, span, name),
            _ => false,
        }),
        _ => false,
    })
}

/// A value from the environment has no type of its own: where text or a list was wanted, make it that.
fn retype<'s>(table: &mut DeTable<'s>, span: &Range<usize>, message: &str) -> bool {
    let to_list = message.contains("expected a sequence");
    if !to_list && !message.contains("expected a string") {
        return false;
    }
    let Some(value) = find_value(table, span) else { return false };
    let text = match value.get_ref() {
        DeValue::String(text) if to_list => text.to_string(),
        DeValue::Integer(number) if !to_list => number.as_str().to_owned(),
        DeValue::Float(number) if !to_list => number.as_str().to_owned(),
        DeValue::Boolean(yes) if !to_list => yes.to_string(),
        _ => return false,
    };
    let at = value.span();
    *value.get_mut() = if to_list {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        DeValue::Array(
            items.map(|item| Spanned::new(at.clone(), DeValue::String(item.to_owned().into()))).collect(),
        )
    } else {
        DeValue::String(text.into())
    };
    true
}

fn find_value<'t, 's>(
    table: &'t mut DeTable<'s>,
    span: &Range<usize>,
) -> Option<&'t mut Spanned<DeValue<'s>>> {
    for (_, value) in table.iter_mut() {
        if value.span() == *span && !value.get_ref().is_table() {
            return Some(value);
        }
        if let DeValue::Table(inner) = value.get_mut()
            && let Some(found) = find_value(inner, span)
        {
            return Some(found);
        }
    }
    None
}

struct LeftOut {
    key: String,
    /// The first key of the whole, under which it stood.
    section: String,
    /// It was an entry of a list of tables, or stood in one.
    is_listed: bool,
    /// It was a list of tables.
    is_list: bool,
}

/// Remove the innermost entry whose key or value is, or contains, `span`.
fn remove(table: &mut DeTable<'_>, span: &Range<usize>) -> Option<LeftOut> {
    let mut culprit = None;
    for (key, value) in table.iter_mut() {
        let exact = key.span() == *span;
        if !exact && let Some(removed) = remove_inside(key.get_ref(), value.get_mut(), span) {
            return Some(LeftOut { section: key.get_ref().to_string(), ..removed });
        }
        if exact || contains(&value.span(), span) || contains(&key.span(), span) {
            culprit = Some(key.clone());
        }
    }
    let key = culprit?;
    let value = table.remove(&key)?;
    let name = key.get_ref().to_string();
    let is_list = is_array_of_tables(value.get_ref());
    Some(LeftOut { section: name.clone(), key: name, is_listed: false, is_list })
}

fn remove_inside(key: &str, value: &mut DeValue<'_>, span: &Range<usize>) -> Option<LeftOut> {
    match value {
        DeValue::Table(inner) => remove(inner, span),
        DeValue::Array(items) => {
            let is_listed = is_list_of_tables(items);
            let inside = items.iter_mut().find_map(|item| remove_inside(key, item.get_mut(), span));
            if let Some(inside) = inside {
                return Some(LeftOut { is_listed: is_listed || inside.is_listed, ..inside });
            }
            let found = items.iter().any(|item| contains(&item.span(), span));
            if found {
                *items = items.iter().filter(|item| !contains(&item.span(), span)).cloned().collect();
            }
            let key = key.to_owned();
            found.then(|| LeftOut { section: key.clone(), key, is_listed, is_list: false })
        }
        _ => None,
    }
}

fn contains(outer: &Range<usize>, inner: &Range<usize>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

/// Where the value at `path` (`section.key`, or `section.list.2.key`) stands, or the nearest one above it.
pub fn position(tree: &Spanned<DeTable<'_>>, path: &str) -> Range<usize> {
    let mut at = tree.span();
    let mut table = Some(tree.get_ref());
    let mut list: Option<&DeArray<'_>> = None;
    for key in path.split('.') {
        let in_table = table.and_then(|table| table.get(key));
        let in_list = || list?.get(key.parse::<usize>().ok()?);
        let Some(value) = in_table.or_else(in_list) else { return at };
        at = value.span();
        table = value.get_ref().as_table();
        list = value.get_ref().as_array();
    }
    at
}

/// The parser's words, with a suggestion where a name was mistyped, or with what to write instead.
fn explain(message: &str) -> String {
    let Some((unknown, expected)) = unknown_field(message) else {
        return match message.split_once(", expected struct ") {
            Some((found, _)) => format!("{found}, expected a table: {{ key = value, … }}"),
            None => match cure(message) {
                Some(cure) => format!("{message}: {cure}"),
                None => message.to_owned(),
            },
        };
    };
    match closest(&unknown, &expected) {
        Some(name) => format!("unknown key `{unknown}`; did you mean `{name}`?"),
        None if expected.is_empty() => format!("unknown key `{unknown}`; nothing can be set here"),
        None => format!("unknown key `{unknown}`; known here are: {}", expected.join(", ")),
    }
}

/// What to write where the parser only says what it wanted.
fn cure(message: &str) -> Option<String> {
    if let Some(field) = message.strip_prefix("missing field ") {
        return Some(format!("add the key {field}"));
    }
    if message.starts_with("unknown variant") {
        return Some("write it as it stands here, in quotes".into());
    }
    if message.contains("invalid type: map, expected a sequence") {
        return Some("each is a table of its own, in a file and with two brackets: [[name]]".into());
    }
    if message.contains("IP address") {
        return Some("write a network or an address, such as \"127.0.0.0/8\" or \"::1\"".into());
    }
    let (_, wanted) = message.strip_prefix("invalid ")?.rsplit_once("expected ")?;
    let cure = match wanted {
        "a string" => "write a text in quotes; durations and sizes have units, as in \"5s\" or \"64MiB\"",
        "path string" => "write a path in quotes",
        "a boolean" => "write true or false",
        "a sequence" => "write a list, such as [\"a\", \"b\"] or [1, 2]",
        "u16" => "write a whole number from 0 to 65535, without quotes",
        "u8" | "u32" | "u64" | "usize" => "write a whole number from 0, without quotes",
        "f32" | "f64" => "write a number without quotes",
        _ => return None,
    };
    Some(cure.into())
}

/// The known key that was probably meant.
fn closest<'n>(unknown: &str, expected: &[&'n str]) -> Option<&'n str> {
    let unknown = snake_case(unknown);
    let likeness = |name: &&str| (strsim::jaro_winkler(&unknown, name) * 1000.0) as u32;
    expected.iter().copied().max_by_key(likeness).filter(|name| likeness(name) > 780)
}

fn unknown_field(message: &str) -> Option<(String, Vec<&str>)> {
    let rest = message.strip_prefix("unknown field `")?;
    let (unknown, rest) = rest.split_once('`')?;
    Some((unknown.to_owned(), rest.split('`').skip(1).step_by(2).collect()))
}

/// StatsD's own files say `flushInterval`; people will type it here too.
fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out.replace('-', "_")
}
