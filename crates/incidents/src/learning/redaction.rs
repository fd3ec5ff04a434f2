//! What is taken out before others than us may read it: names of people, addresses, and what things are called here.
//!
//! It replaces what it knows, and shows what it replaced; what it cannot know, people say. That is why nothing is
//! published that nobody has looked at.

use std::collections::{BTreeMap, BTreeSet};

/// What names are known, besides those that look like addresses.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// People, each with what stands in the place of the name.
    pub people: BTreeMap<String, String>,
    /// Hosts, monitors, series, and what people say.
    pub internals: BTreeSet<String>,
    pub keep: BTreeSet<String>,
}

const INTERNAL: &str = "[internal]";
const ADDRESS: &str = "[address]";
/// A shorter name would be found within everything.
const SHORTEST: usize = 2;

/// The text without them, and what was taken out.
pub fn redacted(text: &str, known: &Known) -> (String, BTreeSet<String>) {
    let mut taken = BTreeSet::new();
    let mut text = addresses(text, &known.keep, &mut taken);
    let people = known.people.iter().map(|(name, part)| (name.as_str(), part.as_str()));
    let internals = known.internals.iter().map(|name| (name.as_str(), INTERNAL));
    let mut all: Vec<(&str, &str)> = people.chain(internals).collect();
    // The longer first, so that no part of one is left.
    all.sort_by_key(|(name, _)| (std::cmp::Reverse(name.len()), *name));
    let wanted = |name: &str| name.chars().count() >= SHORTEST && !known.keep.contains(name);
    for (name, instead) in all.into_iter().filter(|(name, _)| wanted(name)) {
        let (replaced, count) = replace_word(&text, name, instead);
        if count > 0 {
            taken.insert(name.to_owned());
            text = replaced;
        }
    }
    (text, taken)
}

/// Where the name stands as a word of its own, whatever its case. How often it did, too.
pub fn replace_word(text: &str, name: &str, instead: &str) -> (String, usize) {
    if name.is_empty() {
        return (text.to_owned(), 0);
    }
    let within = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let (mut out, mut count, mut rest) = (String::with_capacity(text.len()), 0, text);
    let mut before = None;
    while let Some(c) = rest.chars().next() {
        let stands = begins_with(rest, name)
            .filter(|length| !within(before) && !within(rest[*length..].chars().next()));
        match stands {
            Some(length) => {
                out.push_str(instead);
                count += 1;
                before = rest[..length].chars().next_back();
                rest = &rest[length..];
            }
            None => {
                out.push(c);
                before = Some(c);
                rest = &rest[c.len_utf8()..];
            }
        }
    }
    (out, count)
}

/// The bytes of the text that are the name in any case.
fn begins_with(text: &str, name: &str) -> Option<usize> {
    let mut length = 0;
    let mut said = text.chars();
    for wanted in name.chars() {
        let c = said.next()?;
        if c != wanted && !c.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
        length += c.len_utf8();
    }
    Some(length)
}

/// E-mail addresses, links, IP addresses, host names with a dot before a known ending, and paths.
fn addresses(text: &str, keep: &BTreeSet<String>, taken: &mut BTreeSet<String>) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in text.split_inclusive(char::is_whitespace) {
        let word = piece.trim_end();
        // An address of IPv6 may begin with a colon.
        let bare = word.trim_start_matches(|c: char| "()[]{}<>\"'`,;.!?".contains(c));
        let bare = bare.trim_end_matches(|c: char| "()[]{}<>\"'`,;:.!?".contains(c));
        if bare.is_empty() || keep.contains(bare) || !is_address(bare) {
            out.push_str(piece);
            continue;
        }
        taken.insert(bare.to_owned());
        out.push_str(&piece.replacen(bare, ADDRESS, 1));
    }
    out
}

fn is_address(word: &str) -> bool {
    let host = word.rsplit_once(':').map_or(word, |(host, port)| {
        if port.bytes().all(|digit| digit.is_ascii_digit()) { host } else { word }
    });
    let is_mail = word.split_once('@').is_some_and(|(name, host)| !name.is_empty() && host.contains('.'));
    let is_link = word.contains("://");
    let is_ip = |text: &str| text.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    let is_ip = is_ip(word) || is_ip(host);
    let is_path = word.starts_with('/') && word[1..].contains('/');
    is_mail || is_link || is_ip || is_path || is_host_name(host)
}

/// `db1.internal.example.org`, and no `e.g.`, `4.2` or `api.latency`: at least two dots, or an ending of ours.
fn is_host_name(word: &str) -> bool {
    let labels: Vec<&str> = word.split('.').collect();
    let is_label = |label: &&str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let ours = ["local", "internal", "lan", "intern", "corp", "home", "localdomain"];
    let last = labels.last().copied().unwrap_or_default();
    let lettered = last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_alphabetic());
    labels.iter().all(is_label)
        && lettered
        && (labels.len() >= 3 || (labels.len() == 2 && ours.contains(&last)))
}
