//! How long one piece of work took, and whether it went well: the root of a trace. Its spans are not read.

use super::json::{self, Limits, Malformed, Tree};
use super::{cut, when};

/// Of a name; longer ones hold what was sent.
const NAME_BYTES: usize = 200;

#[derive(Clone, Debug, PartialEq)]
pub struct Transaction {
    /// Such as `/basket/{number}/`; empty if the client says none.
    pub name: String,
    pub has_failed: bool,
    pub seconds: f64,
}

/// The payload of an item `transaction`.
pub fn read(bytes: &[u8]) -> Result<Transaction, Malformed> {
    let tree = json::read(bytes, &Limits::default())?;
    let time = |key: &str| {
        let time = tree.get(key).and_then(when::read);
        time.ok_or_else(|| Malformed::new(0, format!("`{key}` of a transaction is no point in time")))
    };
    let seconds = time("timestamp")? - time("start_timestamp")?;
    if !(seconds.is_finite() && seconds >= 0.0) {
        return Err(Malformed::new(0, "a transaction ends before it starts"));
    }
    let name = tree.get("transaction").and_then(Tree::text).unwrap_or_default();
    let status = tree.at(&["contexts", "trace", "status"]).and_then(Tree::text);
    Ok(Transaction { name: cut(name, NAME_BYTES).to_owned(), has_failed: is_failure(status), seconds })
}

/// What was called off, or says nothing of itself, has not failed.
fn is_failure(status: Option<&str>) -> bool {
    !matches!(status, None | Some("ok" | "cancelled" | "unknown" | "unset"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_it_took_and_how_it_went() {
        let payload = br#"{"type": "transaction", "transaction": "/pay", "start_timestamp": "2026-11-22T10:00:00.500Z",
            "timestamp": 1795341602, "contexts": {"trace": {"op": "http.server", "status": "internal_error"}}, "spans": []}"#;
        let read = read(payload).unwrap();
        assert_eq!((read.name.as_str(), read.has_failed), ("/pay", true));
        assert!((read.seconds - 1.5).abs() < 1e-6, "{read:?}");
    }

    #[test]
    fn what_says_nothing_of_itself_went_well() {
        let read = read(br#"{"start_timestamp": 1, "timestamp": 1}"#).unwrap();
        assert_eq!(read, Transaction { name: String::new(), has_failed: false, seconds: 0.0 });
        assert!(!is_failure(Some("cancelled")) && is_failure(Some("deadline_exceeded")));
    }

    #[test]
    fn what_has_no_length_is_refused() {
        for payload in ["{}", r#"{"start_timestamp": 2, "timestamp": 1}"#, r#"{"timestamp": 1}"#, "[", "7"] {
            assert!(read(payload.as_bytes()).is_err(), "{payload}");
        }
    }
}
