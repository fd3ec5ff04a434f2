//! What else a sender says of its alert: kept beside it as lines `key: value`, for people and to be read back. Of a value of
//! several lines the others are indented.

use std::collections::BTreeMap;

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
            &long,
        ] {
            assert!(!is_link(other), "{other}");
        }
        let mut said = BTreeMap::new();
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
