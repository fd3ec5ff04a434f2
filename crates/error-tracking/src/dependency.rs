//! Whose fault it may be: the service that a program called when it failed, as far as its event tells of one.

use std::collections::BTreeMap;

use formats::sentry::json::{self, Limits};
use vocabulary::error::StoredEvent;

use crate::read::{Tree, exceptions, text_at};

/// Tags by which programs and tracing say it themselves; the first is ours.
const TAGS: [&str; 4] = [TAG, "peer.service", "net.peer.name", "upstream"];
pub(crate) const TAG: &str = "dependency";
/// What stands before a host in texts of exceptions; behind a word there has to be a dot in it.
const BEFORE_A_HOST: [&str; 3] = ["://", "host='", "host=\""];
const BEFORE_A_NAME: [&str; 3] = ["ENOTFOUND ", "ECONNREFUSED ", "lookup "];
/// Calls before those are of something else.
const LAST_CALLS: usize = 10;
/// By most clients, and by Python's present one.
const STATUS: [&str; 2] = ["status_code", "http.response.status_code"];
const FAILED_STATUS: f64 = 400.0;
/// The longest name that there is.
const MAX_HOST: usize = 253;

/// By its own word, by an exception's text, by the last call that failed.
pub(crate) fn of(event: &Tree<'_>) -> Option<String> {
    let own = text_at(event, &["request", "url"]).and_then(host_in);
    let is_other = |host: &String| own.as_ref() != Some(host);
    let values = exceptions(event).iter().rev().filter_map(|one| text_at(one, &["value"]));
    said(event)
        .or_else(|| values.filter_map(host_in).find(is_other))
        .or_else(|| failed_call(event).filter(is_other))
}

/// What most of the events name, if that is half of them at least.
pub fn of_most(events: &[StoredEvent]) -> Option<String> {
    let mut counts = BTreeMap::<String, usize>::new();
    for stored in events {
        let named = json::read(&stored.body, &Limits::default()).ok().and_then(|event| of(&event));
        if let Some(named) = named {
            *counts.entry(named).or_default() += 1;
        }
    }
    let (named, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    (2 * count >= events.len()).then_some(named)
}

fn said(event: &Tree<'_>) -> Option<String> {
    let tags = event.get("tags")?;
    TAGS.iter().find_map(|tag| text_at(tags, &[*tag])).map(str::to_owned)
}

/// The newest of the last calls that failed.
fn failed_call(event: &Tree<'_>) -> Option<String> {
    let calls = event.at(&["breadcrumbs", "values"]).map(Tree::list).unwrap_or_default();
    calls.iter().rev().take(LAST_CALLS).find_map(|call| {
        let status = STATUS.iter().find_map(|key| call.at(&["data", *key])).and_then(Tree::number);
        let has_failed = status.is_some_and(|status| status >= FAILED_STATUS)
            || text_at(call, &["level"]) == Some("error");
        text_at(call, &["data", "url"]).filter(|_| has_failed).and_then(host_in)
    })
}

fn host_in(text: &str) -> Option<String> {
    let after = |mark: &&str| text.find(*mark).map(|at| &text[at + mark.len()..]);
    let hosts = BEFORE_A_HOST.iter().filter_map(after).filter_map(host);
    let names = BEFORE_A_NAME.iter().filter_map(after).filter_map(host).filter(|name| name.contains('.'));
    hosts.chain(names).next()
}

/// The text begins with it, but for who signs in there.
fn host(text: &str) -> Option<String> {
    let whole = text.split(['/', '?', '#', '\'', '"', ' ', ',', ')', '\\']).next().unwrap_or_default();
    let host = whole.rsplit('@').next().unwrap_or_default();
    let host = host.split(':').next().unwrap_or_default().trim_end_matches('.');
    let is_of_a_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let is_good = !host.is_empty() && host.len() <= MAX_HOST && host.bytes().all(is_of_a_host);
    is_good.then(|| host.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use vocabulary::Timestamp;
    use vocabulary::error::{EventId, EventKey};

    use super::*;

    fn named(event: &str) -> Option<String> {
        of(&json::read(event.as_bytes(), &Limits::default()).unwrap())
    }

    fn of_value(value: &str) -> String {
        let value = serde_json::to_string(value).unwrap();
        format!(
            r#"{{"exception":{{"values":[{{"type":"E","value":{value}}}]}},"request":{{"url":"https://shop.example/pay"}}}}"#
        )
    }

    #[test]
    fn texts_of_exceptions_name_whom_they_called() {
        let check = |value: &str, expected: Option<&str>| {
            assert_eq!(named(&of_value(value)).as_deref(), expected, "{value}");
        };
        check(
            "401 Client Error: Unauthorized for url: https://API.drive.example/v3/files?x=1",
            Some("api.drive.example"),
        );
        check("HTTPSConnectionPool(host='pay.example', port=443): Max retries exceeded", Some("pay.example"));
        check("getaddrinfo ENOTFOUND mail.example", Some("mail.example"));
        check("connect ECONNREFUSED 10.0.0.7:5432", Some("10.0.0.7"));
        check("dial tcp: lookup pay.example on 10.0.0.2:53: no such host", Some("pay.example"));
        check("postgres://[Filtered]@db:5432/shop: timeout", Some("db"));
        check("no lookup table", None);
        check("https://shop.example/pay is not there", None);
        check("file:///etc/passwd", None);
        check("x", None);
    }

    #[test]
    fn tags_say_it_better_and_failed_calls_where_nothing_else_does() {
        let tagged =
            r#"{"tags":{"peer.service":"drive"},"exception":{"values":[{"value":"https://a.example"}]}}"#;
        assert_eq!(named(tagged).as_deref(), Some("drive"));
        let called = |key: &str, status: u16| {
            let call =
                format!(r#"{{"type":"http","data":{{"url":"https://pay.example/v1","{key}":{status}}}}}"#);
            named(&format!(r#"{{"message":"x","breadcrumbs":{{"values":[{call}]}}}}"#))
        };
        for key in STATUS {
            assert_eq!((called(key, 503).as_deref(), called(key, 200)), (Some("pay.example"), None), "{key}");
        }
    }

    #[test]
    fn half_of_the_events_have_to_name_it() {
        let stored = |value: &str| StoredEvent {
            number: 1,
            key: EventKey { project: 1, group: 1, at: Timestamp(1), id: EventId::default() },
            user: None,
            body: of_value(value).into_bytes(),
        };
        let (a, b, none) = (stored("https://a.example"), stored("https://b.example"), stored("x"));
        assert_eq!(of_most(&[a.clone(), a.clone(), b, none.clone()]).as_deref(), Some("a.example"));
        assert_eq!(of_most(&[a, none.clone(), none]), None);
        assert_eq!(of_most(&[]), None);
    }
}
