//! What PagerDuty posts by a webhook subscription (v3): who has its incidents. Pure.

use incidents::{Handle, What};
use serde_json::Value;

use crate::channels::{Said, Whose};
use crate::config::Secret;
use crate::incoming::{NotHeard, Posted, answered, is_signed};
use crate::text;

const SIGNATURES: &str = "x-pagerduty-signature";

/// What services and clocks did there is nobody's deed.
pub fn read(secret: &Secret, posted: &Posted<'_>, open: &[Handle]) -> Result<Vec<Said>, NotHeard> {
    let signatures = posted.headers.get(SIGNATURES).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !is_signed(secret, signatures, posted.body) {
        return Err(NotHeard::NotTheirs(
            "X-PagerDuty-Signature holds no signature with this channel's `secret`",
        ));
    }
    let body: Value = serde_json::from_slice(posted.body)
        .map_err(|error| NotHeard::Garbled(format!("the body is no event: {error}")))?;
    Ok(said(&body["event"], open, posted.now).into_iter().collect())
}

fn said(event: &Value, open: &[Handle], now: i64) -> Option<Said> {
    let what = match event["event_type"].as_str()? {
        "incident.acknowledged" => What::Acknowledge,
        "incident.resolved" => What::Resolve,
        _ => return None,
    };
    let by = &event["agent"];
    by["type"].as_str().filter(|kind| kind.starts_with("user"))?;
    let at = text::moment(event["occurred_at"].as_str()?)?;
    let page = answered(open, event["data"]["incident_key"].as_str()?, at, now)?;
    Some(Said {
        whose: Whose::Page(page.page),
        what,
        how: format!("in PagerDuty, by {}", by["summary"].as_str().unwrap_or("somebody")),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::channels::tests::handle;

    #[test]
    fn an_event_of_a_person_is_an_answer() {
        let open = [handle(7, 1_700_000_000)];
        let now = 1_700_000_100;
        let check = |kind: &str, agent: Value, key: &str, at: &str, wanted: Option<What>| {
            let event = json!({"id": "01", "event_type": kind, "resource_type": "incident", "occurred_at": at, "agent": agent,
                "data": {"id": "P", "type": "incident", "incident_key": key}});
            let found = said(&event, &open, now);
            assert_eq!(found.map(|said| said.what), wanted, "{event}");
        };
        let ana = json!({"type": "user_reference", "summary": "Ana"});
        let then = "2023-11-14T22:14:00.123Z";
        check("incident.acknowledged", ana.clone(), "k", then, Some(What::Acknowledge));
        check("incident.resolved", ana.clone(), "k", then, Some(What::Resolve));
        check("incident.triggered", ana.clone(), "k", then, None);
        check("incident.acknowledged", ana.clone(), "other", then, None);
        check("incident.acknowledged", ana, "k", "2023-11-14T22:10:00Z", None);
        check("incident.resolved", json!({"type": "service_reference"}), "k", then, None);
        check("incident.resolved", Value::Null, "k", then, None);
    }
}
