//! How an alert stands at Opsgenie. Pure.

use incidents::{Handle, What};
use serde_json::Value;

use crate::channels::{Said, Whose};
use crate::limits::CLOCKS_DIFFER_SECONDS;
use crate::text;

/// What people did there since the page, if anything. Times in `report` are milliseconds since the alert was made.
pub fn said(alert: &Value, page: &Handle) -> Option<Said> {
    let report = &alert["report"];
    let closed = alert["status"].as_str()? == "closed";
    let (what, by, after) = match (closed, alert["acknowledged"].as_bool()) {
        (true, _) => (What::Resolve, &report["closedBy"], &report["closeTime"]),
        (false, Some(true)) if !page.acknowledged => {
            (What::Acknowledge, &report["acknowledgedBy"], &report["ackTime"])
        }
        _ => return None,
    };
    let by = by.as_str().filter(|by| !by.is_empty())?;
    let at = moment(alert, after)?;
    // What the system did by itself, such as an old alert that it closes, is nobody's deed.
    let of_person = !by.eq_ignore_ascii_case("system");
    (of_person && at >= page.at - CLOCKS_DIFFER_SECONDS).then(|| Said {
        whose: Whose::Page(page.page),
        what,
        how: format!("in Opsgenie, by {by}"),
    })
}

/// Somebody has it there, and had it before this moment.
pub fn is_taken_before(alert: &Value, wanted: i64) -> bool {
    let at = moment(alert, &alert["report"]["ackTime"]);
    alert["acknowledged"] == true && alert["status"] != "closed" && at.is_none_or(|at| at < wanted)
}

fn moment(alert: &Value, after: &Value) -> Option<i64> {
    Some(text::moment(alert["createdAt"].as_str()?)? + after.as_i64().unwrap_or(0) / 1_000)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_has_taken_it_since_it_was_nobodys_keeps_it() {
        let check = |acknowledged: bool, status: &str, after: i64, expected| {
            let alert = json!({"status": status, "acknowledged": acknowledged, "createdAt": "2023-11-14T22:13:20Z",
                "report": {"ackTime": after}});
            assert_eq!(is_taken_before(&alert, 1_700_000_100), expected, "{alert}");
        };
        check(true, "open", 99_000, true);
        check(true, "open", 100_000, false);
        check(false, "open", 99_000, false);
        check(true, "closed", 99_000, false);
        assert!(!is_taken_before(&Value::Null, 0));
    }
}
