//! Secrets within texts: card numbers, passwords in URLs, fields of forms and query strings, keys.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::cards::cards;
use super::secret::secret_in;
use super::signs::Signs;
use super::{FILTERED, Scrubber};

const PRIVATE_KEY: &str = "-----BEGIN ";
/// `https://ana:secret@host`
static URL_PASSWORD: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(://[^\s/?#:@]*:)[^\s/?#@]+@").expect("it is read by a test"));
/// Words have no digits: `basic authentication` stays.
static BEARER: LazyLock<Regex> = LazyLock::new(|| {
    let token = r"[A-Za-z._~+/=-]{0,200}[0-9][A-Za-z0-9._~+/=-]{7,}";
    Regex::new(&format!(r"(?i)\b(bearer|basic) +{token}")).expect("it is read by a test")
});
/// `token=x`, of a form, a query string, a line of a log.
static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"([A-Za-z0-9_.%\[\]-]{1,100})=([^&;,\s\x22']+)").expect("it is read by a test")
});

/// The text without what it looks for, if that was there, and its rule.
type Step = fn(&Scrubber, &str) -> Option<(String, &'static str)>;

/// Each with signs without which there is nothing to be found.
const STEPS: [(Signs, Step); 5] = [
    (Signs::of("-"), private_key),
    (Signs::of("://"), passwords_in_urls),
    // Of `basic 1` and `bearer 1`.
    (Signs::of("ba 1"), bearers),
    (Signs::of("="), pairs),
    (Signs::of("1"), card_numbers),
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
            for (_, step) in STEPS.iter().filter(|(wanted, _)| signs.have(*wanted)) {
                now = apply(step(self, now.as_deref().unwrap_or(text)));
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
    changed(replaced?, "password")
}

fn bearers(_: &Scrubber, text: &str) -> Option<(String, &'static str)> {
    changed(BEARER.replace_all(text, format!("$1 {FILTERED}")), "password")
}

fn changed(replaced: Cow<'_, str>, rule: &'static str) -> Option<(String, &'static str)> {
    match replaced {
        Cow::Owned(text) => Some((text, rule)),
        Cow::Borrowed(_) => None,
    }
}

fn pairs(scrubber: &Scrubber, text: &str) -> Option<(String, &'static str)> {
    if !text.contains('=') || (secret_in(text).is_none() && scrubber.fields.is_empty()) {
        return None;
    }
    let mut is_changed = false;
    let replaced = PAIR.replace_all(text, |found: &regex::Captures<'_>| {
        let is_secret = scrubber.rule_of(&found[1]).is_some() && found[2] != *FILTERED;
        is_changed |= is_secret;
        if is_secret { format!("{}={FILTERED}", &found[1]) } else { found[0].to_owned() }
    });
    let replaced = replaced.into_owned();
    is_changed.then_some((replaced, "field"))
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
