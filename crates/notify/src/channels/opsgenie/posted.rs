//! What Opsgenie posts by a webhook integration: who has its alerts. Pure.

use incidents::{Handle, What};
use serde_json::Value;

use crate::channels::{Said, Whose};
use crate::config::Secret;
use crate::incoming::{NotHeard, Posted, answered, is_same};

/// Opsgenie signs nothing, and sends the headers that it is told to.
const SECRET_HEADER: &str = "x-bellwether-secret";

pub fn read(secret: &Secret, posted: &Posted<'_>, open: &[Handle]) -> Result<Vec<Said>, NotHeard> {
    let given = posted.headers.get(SECRET_HEADER).and_then(|value| value.to_str().ok());
    if !given.is_some_and(|given| is_same(secret, given.trim())) {
        return Err(NotHeard::NotTheirs("X-Bellwether-Secret is not this channel's `secret`"));
    }
    let body: Value = serde_json::from_slice(posted.body)
        .map_err(|error| NotHeard::Garbled(format!("the body is no alert action: {error}")))?;
    Ok(said(&body, open, posted.now).into_iter().collect())
}

/// What the system did by itself is nobody's deed, nor is what a program did by the API: that may be us.
fn said(body: &Value, open: &[Handle], now: i64) -> Option<Said> {
    let what = match body["action"].as_str()? {
        "Acknowledge" => What::Acknowledge,
        "Close" => What::Resolve,
        _ => return None,
    };
    let alert = &body["alert"];
    let by = alert["username"].as_str().filter(|by| !by.is_empty() && !by.eq_ignore_ascii_case("system"))?;
    let of_program = body["source"]["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("api"));
    // Nanoseconds.
    let at = alert["updatedAt"].as_i64()? / 1_000_000_000;
    let page = answered(open, alert["alias"].as_str()?, at, now).filter(|_| !of_program)?;
    Some(Said { whose: Whose::Page(page.page), what, how: format!("in Opsgenie, by {by}") })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::channels::tests::handle;

    #[test]
    fn an_action_of_a_person_is_an_answer() {
        let open = [handle(7, 1_700_000_000)];
        let now = 1_700_000_100;
        let check = |action: &str, source: &str, by: &str, alias: &str, at: i64, wanted: Option<What>| {
            let body = json!({"action": action, "source": {"name": "", "type": source},
                "alert": {"alias": alias, "username": by, "updatedAt": at * 1_000_000_000 + 1_234}});
            assert_eq!(said(&body, &open, now).map(|said| said.what), wanted, "{body}");
        };
        check("Acknowledge", "web", "ana@example.org", "k", 1_700_000_040, Some(What::Acknowledge));
        check("Close", "mobile", "ana@example.org", "k", 1_700_000_040, Some(What::Resolve));
        check("Create", "web", "ana@example.org", "k", 1_700_000_040, None);
        check("Close", "web", "System", "k", 1_700_000_040, None);
        check("Close", "API", "ana", "k", 1_700_000_040, None);
        check("Acknowledge", "web", "ana@example.org", "other", 1_700_000_040, None);
        check("Acknowledge", "web", "ana@example.org", "k", 1_699_999_000, None);
    }
}
