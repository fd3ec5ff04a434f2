//! Secrets within texts that are told by how they look: card numbers, passwords in URLs, tokens in headers, keys.

use std::borrow::Cow;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use regex::Regex;

use super::cards::cards;
use super::named::{self, may_name};
use super::signs::Signs;
use super::{FILTERED, Scrubber};

const PRIVATE_KEY: &str = "-----BEGIN ";
/// `https://ana:secret@host`
static URL_PASSWORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(://[^\s/?#:@]*:)[^\s/?#@]+@").expect("it is read by a test"));
/// A header, however it is written down.
static AUTHORIZATION: LazyLock<Regex> = LazyLock::new(|| {
    let name = r#"authorization\\?["']?\s{0,4}(?:=>|=|:)\s{0,4}\\?["']?"#;
    let scheme = "(?:bearer|basic|token|digest|negotiate|apikey) +";
    Regex::new(&format!(r#"(?i)({name}{scheme})([^\s"'\\,;)}}]+)"#)).expect("it is read by a test")
});
static BEARER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(bearer|basic) +([A-Za-z0-9._~+/=-]{8,})").expect("it is read by a test")
});

/// The text without what it looks for, if that was there, and its rule.
type Step = fn(&Scrubber, &str) -> Option<(String, &'static str)>;

/// Each with signs without which there is nothing to be found, and whether there has to be the name of a secret, too.
const STEPS: [(Signs, bool, Step); 10] = [
    (Signs::of("-"), false, private_key),
    (Signs::of("://"), false, passwords_in_urls),
    (Signs::of("authorization "), false, authorizations),
    (Signs::of("bear "), false, bearers),
    (Signs::of("basic "), false, bearers),
    (Signs::of("form-data; name="), true, named::parts),
    (Signs::of("'"), true, named::quoted),
    (Signs::of("="), true, named::pairs),
    (Signs::of("- "), true, named::flags),
    (Signs::of("1"), false, card_numbers),
];

impl Scrubber {
    /// Without what is secret in it, and the rule that took it out; of several the last.
    pub(crate) fn in_text(&self, text: &str) -> Option<(String, String)> {
        let mut changed: Option<(String, String)> = None;
        let mut apply = |scrubbed: Option<(String, &str)>| {
            changed = scrubbed.map(|(text, rule)| (text, rule.to_owned())).or(changed.take());
            changed.as_ref().map(|(text, _)| text.clone())
        };
        let mut now: Option<String> = None;
        if self.defaults {
            // What a step puts in the place of something has none of those that are wanted.
            let signs = Signs::of(text);
            let mut is_named: Option<bool> = None;
            for (_, by_name, step) in STEPS.iter().filter(|(wanted, ..)| signs.have(*wanted)) {
                if !by_name || *is_named.get_or_insert_with(|| may_name(self, text)) {
                    now = apply(step(self, now.as_deref().unwrap_or(text)));
                }
            }
        }
        for (name, pattern) in &self.rules {
            let text = now.as_deref().unwrap_or(text);
            let replaced =
                pattern.is_match(text).then(|| pattern.replace_all(text, regex::NoExpand(FILTERED)));
            now = apply(replaced.map(|text| (text.into_owned(), &**name)));
        }
        changed
    }
}

fn private_key(_: &Scrubber, text: &str) -> Option<(String, &'static str)> {
    // Most texts have none, and that is told sooner than where it would be.
    let at = text.contains(PRIVATE_KEY).then(|| text.find(PRIVATE_KEY))??;
    text[at..].contains("PRIVATE KEY").then(|| (format!("{}{FILTERED}", &text[..at]), "private_key"))
}

fn passwords_in_urls(_: &Scrubber, text: &str) -> Option<(String, &'static str)> {
    let replaced = text.contains("://").then(|| URL_PASSWORD.replace_all(text, format!("${{1}}{FILTERED}@")));
    changed(text, replaced?, "password")
}

fn authorizations(_: &Scrubber, text: &str) -> Option<(String, &'static str)> {
    changed(text, AUTHORIZATION.replace_all(text, format!("${{1}}{FILTERED}")), "password")
}

fn bearers(_: &Scrubber, text: &str) -> Option<(String, &'static str)> {
    let replaced = BEARER.replace_all(text, |found: &regex::Captures<'_>| {
        let is_basic = found[1].eq_ignore_ascii_case("basic");
        let is_secret = match is_basic {
            true => has_digit(&found[2]) || is_name_and_password(&found[2]),
            false => is_no_word(&found[2]),
        };
        match is_secret {
            true => format!("{} {FILTERED}", &found[1]),
            false => found[0].to_owned(),
        }
    });
    changed(text, replaced, "password")
}

/// As browsers send them: `name:password`, in base64.
fn is_name_and_password(token: &str) -> bool {
    let token = token.trim_end_matches(['.', '=']);
    STANDARD_NO_PAD.decode(token).is_ok_and(|read| read.contains(&b':') && read.is_ascii())
}

/// Words have no digits, and capital letters at their beginning or all through: `bearer authentication` stays.
fn is_no_word(token: &str) -> bool {
    let is_word = |part: &str| {
        part.bytes().skip(1).all(|byte| byte.is_ascii_lowercase())
            || part.bytes().all(|byte| byte.is_ascii_uppercase())
    };
    has_digit(token) || !token.split(|letter: char| !letter.is_ascii_alphabetic()).all(is_word)
}

fn has_digit(token: &str) -> bool {
    token.bytes().any(|byte| byte.is_ascii_digit())
}

/// What the client had taken out itself is no change.
fn changed(text: &str, replaced: Cow<'_, str>, rule: &'static str) -> Option<(String, &'static str)> {
    (replaced != text).then(|| (replaced.into_owned(), rule))
}

fn card_numbers(_: &Scrubber, text: &str) -> Option<(String, &'static str)> {
    let found = cards(text);
    if found.is_empty() {
        return None;
    }
    let mut scrubbed = text.to_owned();
    for range in found.into_iter().rev() {
        scrubbed.replace_range(range, FILTERED);
    }
    Some((scrubbed, "card_number"))
}
