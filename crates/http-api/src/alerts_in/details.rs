//! What else a sender says of its alert: kept beside it as lines `key: value`, for people and to be read back. Of a value of
//! several lines the others are indented.

use std::collections::BTreeMap;

/// Characters of all of it.
pub const MAX_DETAILS: usize = 2_000;
const INDENT: &str = "\n  ";

pub fn written(details: &BTreeMap<String, String>) -> String {
    let said = details.iter().filter(|(key, value)| !key.trim().is_empty() && !value.trim().is_empty());
    let lines: Vec<String> = said
        .map(|(key, value)| {
            let lines: Vec<&str> = value.trim().lines().collect();
            format!("{}: {}", key.trim(), lines.join(INDENT))
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
    fn what_is_written_is_read_back() {
        let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        let details = BTreeMap::from([
            pair("description", "the disk is full\nsince: noon"),
            pair("runbook_url", "https://wiki.example/disk"),
        ]);
        assert_eq!(read(&written(&details)), details);
        assert_eq!(written(&BTreeMap::from([pair("empty", " ")])), "");
        assert_eq!(read("not a detail"), BTreeMap::new());
        assert_eq!(
            written(&BTreeMap::from([pair("long", &"ä".repeat(10_000))])).chars().count(),
            MAX_DETAILS
        );
    }
}
