//! How an incident stands at PagerDuty, as its REST API tells. Pure.

use incidents::{Handle, What};
use serde_json::{Value, json};

use crate::channels::{Said, Whose};
use crate::limits::CLOCKS_DIFFER_SECONDS;
use crate::text;

/// What people did there since the page, if anything. What PagerDuty did by itself, such as resolving what nobody
/// touched for hours, is nobody's deed.
pub fn said(incident: &Value, page: &Handle) -> Option<Said> {
    let (what, by, at) = match incident["status"].as_str()? {
        "acknowledged" if !page.acknowledged => {
            let last = incident["acknowledgements"].as_array()?.last()?;
            (What::Acknowledge, &last["acknowledger"], &last["at"])
        }
        "resolved" => (What::Resolve, &incident["last_status_change_by"], &incident["last_status_change_at"]),
        _ => return None,
    };
    let of_person = by["type"].as_str().is_some_and(|kind| kind.starts_with("user"));
    let at = text::moment(at.as_str()?)?;
    (of_person && at >= page.at - CLOCKS_DIFFER_SECONDS).then(|| Said {
        whose: Whose::Page(page.page),
        what,
        how: format!("in PagerDuty, by {}", by["summary"].as_str().unwrap_or("somebody")),
    })
}

/// Somebody has it there, and had it before this moment.
pub fn is_taken_before(incident: &Value, moment: i64) -> bool {
    let last = incident["acknowledgements"].as_array().and_then(|all| all.last());
    let at = last.and_then(|last| text::moment(last["at"].as_str()?));
    incident["status"] == "acknowledged" && at.is_none_or(|at| at < moment)
}

/// What is written to have people called again from the first level on.
pub fn again() -> Value {
    json!({"incident": {"type": "incident_reference", "escalation_level": 1}})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::tests::handle;

    #[test]
    fn who_has_taken_it_since_it_was_nobodys_keeps_it() {
        let check = |incident: Value, expected| {
            assert_eq!(is_taken_before(&incident, 1_700_000_000), expected, "{incident}");
        };
        let acknowledged = |at: &str| json!({"status": "acknowledged", "acknowledgements": [{"at": "2023-11-14T20:00:00Z"}, {"at": at}]});
        check(acknowledged("2023-11-14T22:13:19Z"), true);
        check(acknowledged("2023-11-14T22:13:20Z"), false);
        check(json!({"status": "acknowledged"}), true);
        check(json!({"status": "triggered"}), false);
        check(Value::Null, false);
    }

    #[test]
    fn people_answer_and_clocks_do_not() {
        let page = |acknowledged| Handle { acknowledged, ..handle(7, 1_700_000_000) };
        let check = |incident: Value, acknowledged, wanted: Option<What>| {
            let found = said(&incident, &page(acknowledged));
            assert_eq!(found.map(|said| said.what), wanted, "{incident}");
        };
        let ana = json!({"type": "user_reference", "summary": "Ana"});
        let acknowledged = |at: &str| json!({"status": "acknowledged", "acknowledgements": [{"at": at, "acknowledger": ana}]});
        check(acknowledged("2023-11-14T22:14:00Z"), false, Some(What::Acknowledge));
        check(acknowledged("2023-11-14T22:14:00Z"), true, None);
        check(acknowledged("2023-11-14T22:10:00Z"), false, None);
        check(json!({"status": "triggered"}), false, None);
        let resolved = |by: &Value| json!({"status": "resolved", "last_status_change_at": "2023-11-14T23:00:00Z", "last_status_change_by": by});
        check(resolved(&ana), true, Some(What::Resolve));
        check(resolved(&json!({"type": "service_reference", "summary": "web"})), true, None);
        check(json!("nonsense"), false, None);
    }
}
