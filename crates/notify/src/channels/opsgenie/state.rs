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
    let at = text::moment(alert["createdAt"].as_str()?)? + after.as_i64().unwrap_or(0) / 1_000;
    // What the system did by itself, such as an old alert that it closes, is nobody's deed.
    let of_person = !by.eq_ignore_ascii_case("system");
    (of_person && at >= page.at - CLOCKS_DIFFER_SECONDS).then(|| Said {
        whose: Whose::Page(page.page),
        what,
        how: format!("in Opsgenie, by {by}"),
    })
}
