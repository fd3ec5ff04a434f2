//! What must not be kept: secrets by the names of their fields, and by their looks. Each thing that was taken out is noted
//! with its place and its rule, so that people see that it was there.
//!
//! Looked at are the parts of an event that hold what programs and people put there. Names of modules, functions and files are
//! left alone: a package called `authlib` is no secret.

mod cards;
mod named;
mod secret;
mod signs;
mod texts;

use std::borrow::Cow;

use formats::sentry::json;
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::event::Scrubbed;
use crate::limits::{MAX_NAME, MAX_PATTERN, MAX_PATTERN_BYTES, MAX_SCRUBBED, MAX_SCRUBBED_JSON};
use crate::project::Settings;
use crate::read::Tree;
use secret::secret_in;

pub const FILTERED: &str = "[Filtered]";

/// Whoever has one of these is signed in as somebody else.
const SESSIONS: [&str; 5] = ["cookie", "set-cookie", "sessionid", "session_id", "phpsessid"];
const ADDRESSES: [&str; 4] = ["ip_address", "remote_addr", "x-forwarded-for", "x-real-ip"];
/// The parts that are looked at.
const PARTS: [&str; 11] = [
    "transaction",
    "csp",
    "request",
    "user",
    "extra",
    "tags",
    "contexts",
    "breadcrumbs",
    "logentry",
    "exception",
    "threads",
];
/// Of an exception, a thread and a frame only these hold what a program had in hand.
const WITHIN_CODE: [&str; 7] =
    ["values", "value", "stacktrace", "raw_stacktrace", "frames", "vars", "mechanism"];

/// A rule of a project's own: what looks like this is taken out of texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScrubRule {
    pub name: String,
    /// A regular expression.
    pub pattern: String,
}

impl ScrubRule {
    pub fn problem(&self) -> Option<String> {
        if self.name.is_empty() || self.name.len() > MAX_NAME || self.pattern.len() > MAX_PATTERN {
            return Some(format!("a rule has a name, and a pattern of up to {MAX_PATTERN} characters"));
        }
        match self.read() {
            Ok(pattern) if pattern.is_match("") => Some("it matches everything".to_owned()),
            Ok(_) => None,
            Err(error) => Some(error.to_string().lines().last().unwrap_or_default().trim().to_owned()),
        }
    }

    fn read(&self) -> Result<Regex, regex::Error> {
        RegexBuilder::new(&self.pattern).size_limit(MAX_PATTERN_BYTES).build()
    }
}

/// The rules of one project, made ready.
#[derive(Debug)]
pub(crate) struct Scrubber {
    defaults: bool,
    remove_addresses: bool,
    /// In lower case.
    fields: Vec<String>,
    safe: Vec<String>,
    rules: Vec<(String, Regex)>,
}

/// A walk through one event.
struct Walk<'s> {
    scrubber: &'s Scrubber,
    found: Vec<Scrubbed>,
    /// Also those that are not noted any more.
    changes: usize,
    /// Within JSON that is a text: what is a text in there is not read as JSON again.
    in_json: bool,
}

/// Where a walk is. It is spelled only where something is found.
struct Place<'p> {
    within: Option<&'p Place<'p>>,
    step: Step<'p>,
}

enum Step<'p> {
    Key(&'p str),
    Number(usize),
}

impl Place<'_> {
    fn key<'p>(&'p self, key: &'p str) -> Place<'p> {
        Place { within: Some(self), step: Step::Key(key) }
    }

    fn number(&self, number: usize) -> Place<'_> {
        Place { within: Some(self), step: Step::Number(number) }
    }

    fn spelled(&self) -> String {
        let step = match self.step {
            Step::Key(key) => key.to_owned(),
            Step::Number(number) => number.to_string(),
        };
        self.within.map_or(step.clone(), |within| format!("{}.{step}", within.spelled()))
    }
}

impl Scrubber {
    pub fn new(settings: &Settings) -> Scrubber {
        let lower = |names: &[String]| names.iter().map(|name| name.to_lowercase()).collect();
        let read = |rule: &ScrubRule| {
            // What cannot be read has been refused by `problem`.
            Some((rule.name.clone(), rule.read().ok()?))
        };
        Scrubber {
            defaults: settings.scrub_defaults,
            remove_addresses: settings.remove_addresses,
            fields: lower(&settings.scrub_fields),
            safe: lower(&settings.safe_fields),
            rules: settings.scrub_rules.iter().filter_map(read).collect(),
        }
    }

    pub fn scrub(&self, event: &mut Tree<'_>) -> Vec<Scrubbed> {
        let mut walk = Walk { scrubber: self, found: Vec::new(), changes: 0, in_json: false };
        for part in PARTS {
            let Some(tree) = event.get_mut(part) else { continue };
            let place = Place { within: None, step: Step::Key(part) };
            match part {
                "exception" | "threads" => walk.code(&place, tree),
                _ => walk.tree(&place, tree),
            }
        }
        walk.found
    }

    /// The rule by which what is called so is taken out, whatever it is.
    fn rule_of(&self, key: &str) -> Option<Cow<'_, str>> {
        if self.is_safe(key) {
            return None;
        }
        if let Some(field) = self.field_in(key) {
            return Some(Cow::Borrowed(field));
        }
        let is_one_of = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(key));
        if self.remove_addresses && is_one_of(&ADDRESSES) {
            return Some(Cow::Borrowed("address"));
        }
        if !self.defaults {
            return None;
        }
        if let Some(secret) = secret_in(key) {
            return Some(Cow::Owned(secret.to_lowercase()));
        }
        is_one_of(&SESSIONS).then_some(Cow::Borrowed("session"))
    }

    /// Of the project's own fields the one that this name holds.
    fn field_in(&self, key: &str) -> Option<&str> {
        if self.fields.is_empty() {
            return None;
        }
        let lower = key.to_lowercase();
        self.fields.iter().map(String::as_str).find(|field| lower.contains(field))
    }

    fn is_safe(&self, key: &str) -> bool {
        !self.safe.is_empty() && self.safe.iter().any(|safe| safe.eq_ignore_ascii_case(key))
    }
}

impl Walk<'_> {
    /// Exceptions, threads, frames.
    fn code(&mut self, place: &Place<'_>, tree: &mut Tree<'_>) {
        match tree {
            Tree::List(values) => {
                for (number, value) in values.iter_mut().enumerate() {
                    self.code(&place.number(number), value);
                }
            }
            Tree::Map(entries) => {
                for (key, value) in entries.iter_mut().filter(|(key, _)| WITHIN_CODE.contains(&&**key)) {
                    let place = place.key(key);
                    match &**key {
                        "vars" | "mechanism" | "value" => self.tree(&place, value),
                        _ => self.code(&place, value),
                    }
                }
            }
            _ => {}
        }
    }

    fn tree(&mut self, place: &Place<'_>, tree: &mut Tree<'_>) {
        tree.read_through();
        match tree {
            Tree::Map(entries) => {
                for (key, value) in entries {
                    self.named(place, key, value);
                }
            }
            Tree::List(values) => match &mut values[..] {
                // Headers and cookies may come as pairs.
                [Tree::Text(key), value] if is_name(key) => self.named(place, key, value),
                values => self.list(place, values),
            },
            Tree::Text(text) => {
                if let Some(changed) = self.json(place, text) {
                    *text = Cow::Owned(changed);
                }
                if let Some((changed, rule)) = self.scrubber.in_text(text) {
                    *text = Cow::Owned(changed);
                    self.note(place, &rule);
                }
            }
            Tree::Null | Tree::Bool(_) | Tree::Number(_) | Tree::Unread(_) => {}
        }
    }

    /// Of a command line the values behind flags, too.
    fn list(&mut self, place: &Place<'_>, values: &mut [Tree<'_>]) {
        let mut is_behind_flag = false;
        for (number, value) in values.iter_mut().enumerate() {
            let place = place.number(number);
            let is_secret = is_behind_flag && value.text().is_some_and(|text| !text.starts_with('-'));
            is_behind_flag = value.text().is_some_and(|text| named::is_flag(self.scrubber, text));
            match is_secret {
                true => self.take_out(&place, value, "field"),
                false => self.tree(&place, value),
            }
        }
    }

    /// Bodies of requests and answers are texts, and fields in them have names.
    fn json(&mut self, place: &Place<'_>, text: &str) -> Option<String> {
        let may_be = text.trim_start().starts_with(['{', '[']) && text.contains('"');
        if self.in_json || !may_be || text.len() > MAX_SCRUBBED_JSON {
            return None;
        }
        let mut tree = json::read(text.as_bytes(), &json::Limits::default()).ok()?;
        let before = self.changes;
        self.in_json = true;
        self.tree(place, &mut tree);
        self.in_json = false;
        (self.changes > before).then(|| String::from_utf8(tree.to_bytes()).ok())?
    }

    fn named(&mut self, within: &Place<'_>, key: &str, value: &mut Tree<'_>) {
        if value.is_null() || self.scrubber.is_safe(key) {
            return;
        }
        let place = within.key(key);
        match self.scrubber.rule_of(key) {
            Some(rule) => self.take_out(&place, value, &rule),
            None => self.tree(&place, value),
        }
    }

    fn take_out(&mut self, place: &Place<'_>, value: &mut Tree<'_>, rule: &str) {
        if !is_filtered(value) {
            *value = Tree::Text(Cow::Borrowed(FILTERED));
            self.note(place, rule);
        }
    }

    fn note(&mut self, place: &Place<'_>, rule: &str) {
        self.changes += 1;
        if self.found.len() < MAX_SCRUBBED {
            self.found.push(Scrubbed { path: place.spelled(), rule: rule.to_owned() });
        }
    }
}

/// The client has done it.
fn is_filtered(value: &Tree<'_>) -> bool {
    value.text() == Some(FILTERED)
}

fn is_name(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= MAX_NAME
        && !key.contains(|letter: char| letter.is_whitespace() || letter == '=')
}

#[cfg(test)]
mod tests;
