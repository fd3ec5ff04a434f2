//! Rules of a project: which events belong together whatever they look like, which code is its own, whose an error is.

use serde::{Deserialize, Serialize};

use crate::limits::{MAX_CONDITIONS, MAX_FINGERPRINT_PARTS, MAX_NAME, MAX_PATTERN};
use crate::project::OwnerRule;
use crate::read::{Tree, exceptions, frames, text_at};

/// All conditions hold: then this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub when: Vec<Matcher>,
    pub then: Then,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Texts with variables, as clients send them.
    Fingerprint(Vec<String>),
    /// The frame is, or is not, the program's own code.
    InApp(bool),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matcher {
    /// One of the fields, or `tags.NAME`.
    pub field: String,
    /// `*` stands for anything, `?` for one character; case does not matter.
    pub pattern: String,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not: bool,
}

const EVENT_FIELDS: [&str; 11] = [
    "type",
    "value",
    "message",
    "level",
    "logger",
    "transaction",
    "release",
    "environment",
    "platform",
    "server_name",
    "url",
];
/// As Sentry calls them.
const OTHER_NAMES: [(&str, &str); 6] = [
    ("error.type", "type"),
    ("error.value", "value"),
    ("stack.function", "function"),
    ("stack.module", "module"),
    ("stack.abs_path", "path"),
    ("stack.package", "package"),
];
const FRAME_FIELDS: [&str; 4] = ["function", "module", "path", "package"];

impl Rule {
    pub fn problems(&self) -> Vec<(String, String)> {
        let mut problems = problems_of(&self.when);
        match &self.then {
            Then::Fingerprint(texts) if texts.is_empty() || texts.len() > MAX_FINGERPRINT_PARTS => {
                let why = format!("a fingerprint has 1 to {MAX_FINGERPRINT_PARTS} texts");
                problems.push(("then.fingerprint".into(), why));
            }
            Then::Fingerprint(texts) => {
                let long = texts.iter().position(|text| text.is_empty() || text.len() > MAX_PATTERN);
                let why = || format!("a text has 1 to {MAX_PATTERN} characters");
                problems.extend(long.map(|at| (format!("then.fingerprint[{at}]"), why())));
            }
            Then::InApp(_) => {
                let foreign = self.when.iter().position(|one| !FRAME_FIELDS.contains(&one.field()));
                let why = || format!("code is told by {}", FRAME_FIELDS.join(", "));
                problems.extend(foreign.map(|at| (format!("when[{at}].field"), why())));
            }
        }
        problems
    }
}

/// Of the conditions of one rule, each with its key.
pub fn problems_of(when: &[Matcher]) -> Vec<(String, String)> {
    let mut problems = Vec::new();
    if when.is_empty() || when.len() > MAX_CONDITIONS {
        problems.push(("when".into(), format!("a rule has 1 to {MAX_CONDITIONS} conditions")));
    }
    for (at, matcher) in when.iter().enumerate() {
        let (field, pattern) = (matcher.field(), &matcher.pattern);
        let is_tag = field.strip_prefix("tags.").is_some_and(|tag| !tag.is_empty() && tag.len() <= MAX_NAME);
        if !is_tag && !EVENT_FIELDS.contains(&field) && !FRAME_FIELDS.contains(&field) {
            let known = [&EVENT_FIELDS[..], &FRAME_FIELDS[..]].concat().join(", ");
            problems.push((format!("when[{at}].field"), format!("`{field}` is none of {known}, tags.NAME")));
        }
        if pattern.is_empty() || pattern.len() > MAX_PATTERN {
            problems.push((
                format!("when[{at}].pattern"),
                format!("a pattern has 1 to {MAX_PATTERN} characters"),
            ));
        }
    }
    problems
}

/// Those of one project, made ready.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    fingerprints: Vec<(Vec<Matcher>, Vec<String>)>,
    in_app: Vec<(Vec<Matcher>, bool)>,
    owners: Vec<OwnerRule>,
}

impl Rules {
    pub fn new(rules: &[Rule], owners: &[OwnerRule]) -> Rules {
        let mut made = Rules { owners: owners.to_vec(), ..Rules::default() };
        for rule in rules {
            match &rule.then {
                Then::Fingerprint(texts) => made.fingerprints.push((rule.when.clone(), texts.clone())),
                Then::InApp(is) => made.in_app.push((rule.when.clone(), *is)),
            }
        }
        made
    }

    /// The first rule that matches.
    pub fn fingerprint(&self, event: &Tree<'_>) -> Option<&[String]> {
        let rule = self.fingerprints.iter().find(|(when, _)| all_hold(when, event))?;
        Some(&rule.1)
    }

    /// None: no rule says.
    pub fn in_app(&self, frame: &Tree<'_>) -> Option<bool> {
        let holds =
            |one: &Matcher| one.not != of_frame(frame, one.field()).is_some_and(|text| one.fits(text));
        self.in_app.iter().find(|(when, _)| when.iter().all(holds)).map(|(_, is)| *is)
    }

    pub fn owner(&self, event: &Tree<'_>) -> Option<&str> {
        self.owners.iter().find(|rule| all_hold(&rule.when, event)).map(|rule| &*rule.owner)
    }
}

fn all_hold(when: &[Matcher], event: &Tree<'_>) -> bool {
    when.iter().all(|one| one.not != one.finds(event))
}

impl Matcher {
    /// As it is called here.
    fn field(&self) -> &str {
        let same = OTHER_NAMES.iter().find(|(other, _)| *other == self.field);
        same.map_or(&*self.field, |(_, field)| field)
    }

    fn fits(&self, text: &str) -> bool {
        glob(&self.pattern, text)
    }

    /// Of several exceptions and frames it is enough that one fits.
    fn finds(&self, event: &Tree<'_>) -> bool {
        let chain = exceptions(event);
        match self.field() {
            key @ ("type" | "value") => {
                chain.iter().filter_map(|one| text_at(one, &[key])).any(|text| self.fits(text))
            }
            // What is said, by whichever of them.
            "message" => {
                let values = chain.iter().filter_map(|one| text_at(one, &["value"]));
                crate::title::message(event).into_iter().chain(values).any(|text| self.fits(text))
            }
            "url" => text_at(event, &["request", "url"]).is_some_and(|text| self.fits(text)),
            field if FRAME_FIELDS.contains(&field) => {
                let stacks = chain.iter().filter_map(|one| one.get("stacktrace"));
                let stacks = stacks.chain(event.get("stacktrace"));
                let mut texts = stacks.flat_map(frames).filter_map(|frame| of_frame(frame, field));
                texts.any(|text| self.fits(text))
            }
            field => {
                let text = match field.strip_prefix("tags.") {
                    Some(tag) => text_at(event, &["tags", tag]),
                    None => text_at(event, &[field]),
                };
                text.is_some_and(|text| self.fits(text))
            }
        }
    }
}

fn of_frame<'t>(frame: &'t Tree<'_>, field: &str) -> Option<&'t str> {
    match field {
        "path" => text_at(frame, &["abs_path"]).or_else(|| text_at(frame, &["filename"])),
        field => text_at(frame, &[field]),
    }
}

/// Without going back further than to the last `*`: time is at most that of both lengths multiplied.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut place) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while place < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, place));
                at += 1;
            }
            Some(byte) if *byte == b'?' || byte.eq_ignore_ascii_case(&text[place]) => {
                at += 1;
                place += 1;
                // One character, however many bytes it has.
                while *byte == b'?' && text.get(place).is_some_and(|byte| byte & 0xc0 == 0x80) {
                    place += 1;
                }
            }
            _ => {
                let Some((after, from)) = star else { return false };
                star = Some((after, from + 1));
                (at, place) = (after + 1, from + 1);
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use formats::sentry::json;

    use super::{Matcher, Rule, Then, glob};

    #[test]
    fn patterns_match_whole_texts() {
        let check = |pattern: &str, text: &str, fits: bool| {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        };
        check("ValueError", "valueerror", true);
        check("Value", "ValueError", false);
        check("*error", "ValueError", true);
        check("v*e*r", "ValueError", true);
        check("*/vendor/*", "/srv/vendor/x.py", true);
        check("?", "é", true);
        check("??", "é", false);
        check("*", "", true);
        check("", "x", false);
        check("a*b*c*d", &"ab".repeat(10_000), false);
    }

    #[test]
    fn a_rule_that_cannot_be_is_told_with_its_place() {
        let matcher = |field: &str| Matcher { field: field.into(), pattern: "x".into(), not: false };
        let keys = |when: Vec<Matcher>, then: Then| {
            Rule { when, then }.problems().into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        assert_eq!(keys(vec![], Then::InApp(true)), ["when"]);
        assert_eq!(keys(vec![matcher("colour")], Then::Fingerprint(vec!["a".into()])), ["when[0].field"]);
        assert_eq!(keys(vec![matcher("type")], Then::InApp(true)), ["when[0].field"]);
        assert_eq!(keys(vec![matcher("tags.a")], Then::Fingerprint(vec![])), ["then.fingerprint"]);
        assert!(keys(vec![matcher("path")], Then::InApp(false)).is_empty());
        assert!(keys(vec![matcher("stack.module")], Then::InApp(false)).is_empty());
        let known = vec![matcher("error.type"), matcher("server_name")];
        assert!(keys(known, Then::Fingerprint(vec!["a".into()])).is_empty());
    }

    #[test]
    fn what_is_said_is_the_message_or_the_text_of_an_exception() {
        let finds = |field: &str, event: &str| {
            let event = json::read(event.as_bytes(), &json::Limits::default()).unwrap();
            Matcher { field: field.into(), pattern: "*timeout*".into(), not: false }.finds(&event)
        };
        let error =
            r#"{"exception":{"values":[{"type":"TA","value":"Read timeout"},{"type":"TB","value":"x"}]}}"#;
        assert!(finds("message", error) && finds("error.value", error) && !finds("error.type", error));
        let both = r#"{"logentry":{"formatted":"a timeout"},"exception":{"values":[{"value":"x"}]}}"#;
        assert!(finds("message", both) && !finds("value", both) && !finds("message", "{}"));
        assert!(finds("server_name", r#"{"server_name":"timeouts-1"}"#));
    }
}
