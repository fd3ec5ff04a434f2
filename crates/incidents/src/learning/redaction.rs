//! What is taken out before others than us may read it: names of people, addresses, and what things are called here.
//!
//! It replaces what it knows, and shows what it replaced; what it cannot know, people say. That is why nothing is
//! published that nobody has looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::looks;

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
    let text = looks::without_addresses(text, &known.keep, &mut taken);
    let mut text = addresses(&text, &known.keep, &mut taken);
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
    let text = looks::without_machines(&text, &known.keep, &mut taken);
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

/// E-mail addresses and logins, IP addresses and networks, names of hosts with dots, and paths.
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
    let is_number = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
    let without =
        |mark: char| word.rsplit_once(mark).filter(|(_, rest)| is_number(rest)).map_or(word, |(at, _)| at);
    let (host, network) = (without(':'), without('/'));
    let is_ip = [word, host, network].iter().any(|text| is_ip(text));
    let is_path = word.starts_with('/') && word[1..].contains('/');
    is_login(word) || word.contains("://") || is_ip || is_path || is_host_name(host)
}

fn is_ip(text: &str) -> bool {
    text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok()
}

/// `joe@example.org`, `root@db9:/data`, and no `package@4.2`.
fn is_login(word: &str) -> bool {
    let Some((name, host)) = word.split_once('@') else { return false };
    let version = host.trim_start_matches('v');
    let is_version = version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && !is_ip(host);
    !name.is_empty() && host.starts_with(|c: char| c.is_alphanumeric() || c == '[') && !is_version
}

/// What the names of two labels end with that are hosts, not a series or a file. Those of ours, and those of the world.
const ENDINGS: &str = "local internal lan intern corp home localdomain private intranet prod production staging stage \
    cluster svc dmz vpn test example invalid arpa com org net edu gov mil int info biz io dev cloud \
    app eu de ch uk fr nl be es it pl se no dk fi us ca au jp cz";

/// `db1.internal.example.org`, and no `e.g.`, `4.2` or `api.latency`: two dots, a known ending, or a machine before it.
fn is_host_name(word: &str) -> bool {
    let labels: Vec<&str> = word.split('.').collect();
    let is_label = |label: &&str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let last = labels.last().copied().unwrap_or_default();
    let lettered = last.len() >= 2 && last.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_known =
        || ENDINGS.split(' ').any(|ending| ending.eq_ignore_ascii_case(last)) || looks::is_machine(labels[0]);
    labels.iter().all(is_label) && lettered && (labels.len() >= 3 || (labels.len() == 2 && is_known()))
}
