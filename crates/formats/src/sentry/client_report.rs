//! What SDKs dropped before they sent it, so that nothing is lost unseen.

use super::item::Category;
use super::json::{self, Limits, Malformed, Tree};
use super::limits::CLIENT_REPORTS;
use super::when;

#[derive(Clone, Debug, PartialEq)]
pub struct ClientReport {
    /// Seconds since 1970.
    pub at: Option<f64>,
    pub lost: Vec<Lost>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// Such as `ratelimit_backoff`, `queue_overflow`, `before_send`, `sample_rate`.
    pub reason: String,
    pub category: Category,
    pub quantity: u64,
}

/// Relays tell what they dropped under two further names.
const LISTS: [&str; 4] =
    ["discarded_events", "rate_limited_events", "filtered_events", "filtered_sampling_events"];

/// Reasons are words of SDKs, not of people.
const REASON_BYTES: usize = 64;

/// What is no entry is passed over: a report of losses is not worth losing for it.
pub fn read(bytes: &[u8]) -> Result<ClientReport, Malformed> {
    let tree = json::read(bytes, &Limits::default())?;
    if !matches!(tree, Tree::Map(_)) {
        return Err(Malformed::new(0, "a client report is a JSON object"));
    }
    let entries = LISTS.iter().filter_map(|list| tree.get(list)).flat_map(Tree::list);
    let lost: Vec<Lost> = entries.filter_map(lost).take(CLIENT_REPORTS).collect();
    Ok(ClientReport { at: tree.get("timestamp").and_then(when::read), lost })
}

fn lost(tree: &Tree<'_>) -> Option<Lost> {
    let text = |key| tree.get(key).and_then(Tree::text);
    let quantity = tree.get("quantity").and_then(Tree::count).filter(|quantity| *quantity > 0)?;
    let reason = super::cut(text("reason").unwrap_or("unknown"), REASON_BYTES).to_owned();
    Some(Lost { reason, category: Category::of(text("category").unwrap_or_default()), quantity })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_read() {
        let payload = br#"{"timestamp":"1970-01-01T00:01:00Z","discarded_events":[
            {"reason":"ratelimit_backoff","category":"error","quantity":23},
            {"reason":"queue_overflow","category":"of_tomorrow","quantity":"2"},
            {"quantity":0},{"quantity":-1},7],"filtered_events":[{"quantity":1}]}"#;
        let report = read(payload).unwrap();
        let lost = |reason: &str, category, quantity| Lost { reason: reason.into(), category, quantity };
        assert_eq!(report.at, Some(60.0));
        assert_eq!(
            report.lost,
            [
                lost("ratelimit_backoff", Category::Error, 23),
                lost("queue_overflow", Category::Unknown, 2),
                lost("unknown", Category::Unknown, 1),
            ]
        );
    }

    #[test]
    fn what_is_none_is_refused_and_many_are_cut() {
        assert!(read(b"[]").is_err() && read(b"{").is_err());
        assert_eq!(read(b"{}").unwrap(), ClientReport { at: None, lost: Vec::new() });
        let many = format!("{{\"discarded_events\":[{}7]}}", "{\"quantity\":1},".repeat(CLIENT_REPORTS + 5));
        assert_eq!(read(many.as_bytes()).unwrap().lost.len(), CLIENT_REPORTS);
    }
}
