//! How it went, as a draft: the incident's own timeline in words for readers, with parts in the place of names.

use std::collections::BTreeMap;

use crate::desk::Whole;
use crate::store::KeptEntry;

use super::redaction::replace_word;
use super::{Line, MAX_LINES, MAX_WORDS, Text};
use crate::limits::cut;

const MACHINE: &str = "monitoring";
/// Instances that are shown; which others joined is kept hidden.
const SHOWN_INSTANCES: usize = 3;

/// Who took part, by name, each with a part: `responder 1` is whoever was first seen in it.
pub fn parts(timeline: &[KeptEntry]) -> BTreeMap<String, String> {
    let mut parts = BTreeMap::new();
    // Those who did something go before those who only were told.
    let doing = timeline.iter().filter(|entry| entry.kind != "page");
    for entry in doing.chain(timeline.iter()).filter(|entry| !entry.who.is_empty()) {
        let next = parts.len() + 1;
        parts.entry(entry.who.clone()).or_insert_with(|| format!("responder {next}"));
    }
    parts
}

/// The draft that people go on from.
pub fn draft(found: &Whole) -> Text {
    let parts = parts(&found.timeline);
    let mut instances = 0;
    let mut lines: Vec<Line> = Vec::new();
    for entry in &found.timeline {
        let role = parts.get(&entry.who).map_or(MACHINE, String::as_str);
        let (role, words, mut hidden) = words(entry, role);
        if entry.kind == "instance" {
            instances += 1;
            hidden |= instances > SHOWN_INSTANCES;
        }
        let words = cut(&without_names(&words, &parts), MAX_WORDS).to_owned();
        lines.push(Line { at: entry.at, role: role.to_owned(), words, hidden });
    }
    // What was seen before we were told was written down after that.
    lines.sort_by_key(|line| line.at);
    lines.truncate(MAX_LINES);
    Text { title: found.incident.title.clone(), timeline: lines, ..Text::default() }
}

/// (role, words, hidden)
fn words<'r>(entry: &KeptEntry, role: &'r str) -> (&'r str, String, bool) {
    let said = |verb: &str| match entry.text.trim() {
        "" => verb.to_owned(),
        text => format!("{verb}: {text}"),
    };
    match entry.kind.as_str() {
        "opened" => (MACHINE, said("noticed it"), false),
        "page" if entry.who.is_empty() => (MACHINE, entry.text.clone(), true),
        "page" => (MACHINE, format!("told {role}"), true),
        "acknowledged" => (role, said("takes it"), false),
        "snoozed" if entry.who.is_empty() => (MACHINE, entry.text.clone(), false),
        "snoozed" => (role, said("puts it off"), false),
        "resolved" if entry.who.is_empty() => (MACHINE, entry.text.clone(), false),
        "resolved" => (role, "closes it".to_owned(), false),
        "helped" => (role, said("what helped"), false),
        "ticked" => (role, said("has done"), false),
        "unticked" => (role, said("takes back"), true),
        "note" if entry.text.starts_with("judged ") => (role, entry.text.clone(), true),
        _ => (role, entry.text.clone(), false),
    }
}

fn without_names(text: &str, parts: &BTreeMap<String, String>) -> String {
    // The longer first: `anabel` is not `ana`, and `ana maria` is not `ana` with something behind.
    let mut names: Vec<_> = parts.iter().collect();
    names.sort_by_key(|(name, _)| std::cmp::Reverse(name.len()));
    names.into_iter().fold(text.to_owned(), |text, (name, part)| replace_word(&text, name, part).0)
}
