//! What else a sender says of its alert: kept beside it as lines `key: value`, for people and to be read back. Of a value of
//! several lines the others are indented.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp as Instant;
use vocabulary::state::OfSender;

/// What a sender says of before is a mistake of its clock, or of no use.
const MOST_SECONDS_AGO: i64 = 30 * 86_400;
/// Letters of a description: what messages and lists have room for.
const MAX_DESCRIPTION: usize = 1_000;

/// What everybody who is told of an alert hears of what is said of it: since when, what it means, where it is written what to
/// do. `text` is said anyway.
pub fn of_sender(
    said: &BTreeMap<String, String>,
    start: Option<i64>,
    text: &str,
    now: i64,
) -> Option<Arc<OfSender>> {
    let since = start.filter(|start| (now - MOST_SECONDS_AGO..=now).contains(start));
    let description = said.get("description").map(|text| text.trim());
    let description = description.filter(|said| !said.is_empty() && *said != text.trim());
    // Nothing that a terminal would mistake for a command.
    let plain = |letter: char| if letter.is_control() && letter != '\n' { ' ' } else { letter };
    let description = description.map(|said| said.chars().map(plain).take(MAX_DESCRIPTION).collect());
    let runbook = ["runbook_url", "runbook"].iter().find_map(|key| address(said.get(*key)?));
    let found = OfSender { since, description, runbook, assigned: None };
    (found != OfSender::default()).then(|| Arc::new(found))
}

/// Of a page that a person may open, without what ends an address in a chat or a mail.
fn address(text: &str) -> Option<String> {
    let text = text.trim();
    let is_plain = !text.ends_with("//") && !text.contains(['<', '>', '"', '|', '`', '\\']);
    (is_plain && is_link(text)).then(|| text.to_owned())
}

/// None: it says none. Zero is how Go writes that there is none.
pub fn moment(key: &str, written: Option<&str>) -> Result<Option<i64>, String> {
    let Some(written) = written.filter(|at| !at.is_empty() && !at.starts_with("0001-")) else {
        return Ok(None);
    };
    let at =
        written.parse::<Instant>().map_err(|_| format!("`{key}` is no time such as 2026-03-29T01:00:00Z"))?;
    Ok(Some(at.as_second()))
}

/// Bytes of an address: browsers take about as much.
const LONGEST_LINK: usize = 2_000;
const LEFT_OUT: &str = "left out";
/// Characters of all of it.
pub const MAX_DETAILS: usize = 2_000;
const INDENT: &str = "\n  ";

/// An address that somebody may follow: others would run scripts, or look like another line.
pub fn is_link(address: &str) -> bool {
    let begins =
        |scheme: &str| address.get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme));
    (begins("http://") || begins("https://"))
        && address.len() <= LONGEST_LINK
        && !address.chars().any(|c| c.is_control() || c.is_whitespace())
}

/// Addresses that a sender gives with its alert. What is none is left out, and its name is said.
pub fn add_links<'a>(
    said: &mut BTreeMap<String, String>,
    links: impl IntoIterator<Item = (&'a str, Option<String>)>,
) {
    let mut no_links = Vec::new();
    for (name, address) in links {
        // What a sender calls so otherwise is none of these.
        said.remove(name);
        match address.as_deref().map(str::trim).filter(|address| !address.is_empty()) {
            Some(address) if is_link(address) => {
                said.insert(name.to_owned(), address.to_owned());
            }
            Some(_) => no_links.push(name),
            None => {}
        }
    }
    if !no_links.is_empty() {
        said.insert(LEFT_OUT.to_owned(), format!("{}: no http or https address", no_links.join(", ")));
    }
}

pub fn written(details: &BTreeMap<String, String>) -> String {
    let said = details.iter().filter(|(key, value)| !key.trim().is_empty() && !value.trim().is_empty());
    let lines: Vec<String> = said
        .map(|(key, value)| {
            let key: String = key.trim().chars().filter(|c| !c.is_control()).collect();
            let lines: Vec<&str> = value.trim().lines().collect();
            format!("{key}: {}", lines.join(INDENT))
        })
        .collect();
    lines.join("\n").chars().take(MAX_DETAILS).collect()
}

pub fn read(written: &str) -> BTreeMap<String, String> {
    let mut details: BTreeMap<String, String> = BTreeMap::new();
    let mut last = String::new();
    for line in written.lines() {
        match (line.strip_prefix("  "), line.split_once(": ")) {
            (Some(more), _) => {
                if let Some(value) = details.get_mut(&last) {
                    value.push('\n');
                    value.push_str(more);
                }
            }
            (None, Some((key, value))) => {
                key.clone_into(&mut last);
                details.insert(last.clone(), value.to_owned());
            }
            (None, None) => {}
        }
    }
    details
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_pages() {
        for link in ["http://x", "HTTPS://prometheus.example/graph?g0.expr=up%3D%3D0"] {
            assert!(is_link(link), "{link}");
        }
        let long = format!("https://{}", "x".repeat(LONGEST_LINK));
        for other in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//x",
            "",
            "https://x\nstartsAt: y",
            "http://a b",
            long.as_str(),
        ] {
            assert!(!is_link(other), "{other}");
        }
        let mut said = BTreeMap::from([("b".to_owned(), "javascript:y".to_owned())]);
        let given = |address: &str| Some(address.to_owned());
        add_links(
            &mut said,
            [("a", given("https://x ")), ("b", given("javascript:x")), ("c", None), ("d", given(" "))],
        );
        let read: Vec<(&str, &str)> =
            said.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        assert_eq!(read, [("a", "https://x"), ("left out", "b: no http or https address")]);
    }

    #[test]
    fn what_a_sender_says_is_passed_on_within_bounds() {
        let now = 100 * 86_400;
        let said = |runbook: &str, start: i64| {
            let said = [("description", "full\u{1b}text"), ("runbook_url", runbook)];
            let said = said.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
            of_sender(&said, Some(start), "in short", now).unwrap()
        };
        let found = said("https://wiki.example/disk", now - 60);
        assert_eq!(found.since, Some(now - 60));
        assert_eq!(found.description.as_deref(), Some("full text"));
        assert_eq!(found.runbook.as_deref(), Some("https://wiki.example/disk"));
        for wrong in ["javascript:alert(1)", "https://", "wiki/disk", "https://a b", "https://a|b", "ftp://x"]
        {
            assert_eq!(said(wrong, now).runbook, None, "{wrong}");
        }
        for wrong in [now + 1, now - MOST_SECONDS_AGO - 1] {
            assert_eq!(said("", wrong).since, None, "{wrong}");
        }
        let same = BTreeMap::from([("description".to_owned(), "in short".to_owned())]);
        assert_eq!(of_sender(&same, None, "in short", now), None, "it is said anyway");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let details = BTreeMap::from([
            pair("description", "the disk is full\nsince: noon"),
            pair("runbook_url", "https://wiki.example/disk"),
        ]);
        assert_eq!(read(&written(&details)), details);
        assert_eq!(written(&BTreeMap::from([pair("empty", " ")])), "");
        assert_eq!(read("not a detail"), BTreeMap::new());
        let forged = BTreeMap::from([pair("a\nstartsAt", "never")]);
        assert_eq!(read(&written(&forged)), BTreeMap::from([pair("astartsAt", "never")]));
        assert_eq!(
            written(&BTreeMap::from([pair("long", &"ä".repeat(10_000))])).chars().count(),
            MAX_DETAILS
        );
    }
}
