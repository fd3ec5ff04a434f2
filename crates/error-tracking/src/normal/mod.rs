//! One form of what clients of fifteen years send in many: old names, lists and maps, numbers as texts.
//!
//! Nothing is lost that a person could want to read; what has a bound is cut to it.

mod code;

use std::borrow::Cow;
use std::net::IpAddr;

use crate::event::{Level, Received};
use crate::limits::{
    MAX_BREADCRUMBS, MAX_FINGERPRINT_PARTS, MAX_RELEASE, MAX_TAG_KEY, MAX_TAG_VALUE, MAX_TAGS, cut,
};
use crate::read::Tree;

/// What raven and its kin called things.
const OLD_NAMES: [(&str, &str); 9] = [
    ("sentry.interfaces.Exception", "exception"),
    ("sentry.interfaces.Message", "logentry"),
    ("sentry.interfaces.Stacktrace", "stacktrace"),
    ("sentry.interfaces.Http", "request"),
    ("sentry.interfaces.User", "user"),
    ("sentry.interfaces.Breadcrumbs", "breadcrumbs"),
    ("sentry.interfaces.Csp", "csp"),
    ("culprit", "transaction"),
    ("message", "logentry"),
];
const PLAIN: [(&str, usize); 7] = [
    ("platform", 64),
    ("logger", MAX_TAG_VALUE),
    ("transaction", MAX_TAG_VALUE),
    ("server_name", MAX_TAG_VALUE),
    ("release", MAX_RELEASE),
    ("dist", 64),
    ("environment", 64),
];
/// What browser clients write for "the address that this comes from".
const AUTO: &str = "{{auto}}";

pub(crate) fn normalise(event: &mut Tree<'_>, received: &Received) {
    old_names(event);
    plain(event);
    level(event);
    tags(event);
    message(event);
    code::exceptions(event);
    code::threads(event);
    request(event);
    user(event, received.peer_ip);
    breadcrumbs(event);
    fingerprint(event);
    client(event, received.client.as_deref());
}

fn old_names(event: &mut Tree<'_>) {
    for (old, name) in OLD_NAMES {
        let Some(value) = event.take(old) else { continue };
        if !value.is_null() && event.get(name).is_none_or(Tree::is_null) {
            event.set(name, value);
        }
    }
}

/// Texts, however they were sent; what is empty is not there.
fn plain(event: &mut Tree<'_>) {
    for (key, bound) in PLAIN {
        let Some(value) = event.take(key) else { continue };
        let text = value.spelled().map(|text| cut(text.trim(), bound).to_owned());
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            event.set(key, Tree::owned_text(text));
        }
    }
    if event.get("platform").is_none() {
        event.set("platform", Tree::Text(Cow::Borrowed("other")));
    }
}

fn level(event: &mut Tree<'_>) {
    let level = event.get("level").and_then(Tree::spelled).and_then(|text| Level::read(&text));
    let is_feedback = event.get("type").and_then(Tree::text) == Some("feedback")
        || event.at(&["contexts", "feedback"]).is_some();
    let usual = if is_feedback { Level::Info } else { Level::Error };
    event.set("level", Tree::Text(Cow::Borrowed(level.unwrap_or(usual).word())));
}

/// A map of texts, from a map or a list of pairs.
fn tags(event: &mut Tree<'_>) {
    let Some(sent) = event.take("tags") else { return };
    let mut tags: Vec<(Cow<'_, str>, Tree<'_>)> = Vec::new();
    for (key, value) in pairs(sent) {
        let key = cut(key.trim(), MAX_TAG_KEY).to_owned();
        let value = value.spelled().map(|text| one_line(&text)).unwrap_or_default();
        let is_there = tags.iter().any(|(there, _)| *there == key);
        if tags.len() < MAX_TAGS && !key.is_empty() && !value.is_empty() && !is_there {
            tags.push((Cow::Owned(key), Tree::owned_text(value)));
        }
    }
    event.set("tags", Tree::Map(tags));
}

fn one_line(text: &str) -> String {
    cut(text.trim(), MAX_TAG_VALUE).replace(['\n', '\r'], " ")
}

/// Of a map, or of a list of lists of two, or of a list of `{key, value}`.
fn pairs(tree: Tree<'_>) -> Vec<(Cow<'_, str>, Tree<'_>)> {
    match tree {
        Tree::Map(entries) => entries,
        Tree::List(values) => values.into_iter().filter_map(pair).collect(),
        _ => Vec::new(),
    }
}

fn pair(tree: Tree<'_>) -> Option<(Cow<'_, str>, Tree<'_>)> {
    match tree {
        Tree::List(mut two) if two.len() == 2 => {
            let value = two.pop()?;
            Some((two.pop().and_then(into_text)?, value))
        }
        mut map @ Tree::Map(_) => Some((map.take("key").and_then(into_text)?, map.take("value")?)),
        _ => None,
    }
}

pub(super) fn into_text(tree: Tree<'_>) -> Option<Cow<'_, str>> {
    match tree {
        Tree::Text(text) | Tree::Number(text) => Some(text),
        Tree::Bool(is) => Some(Cow::Borrowed(if is { "true" } else { "false" })),
        Tree::Null | Tree::List(_) | Tree::Map(_) | Tree::Unread(_) => None,
    }
}

/// `{message, params, formatted}`, from a text too.
fn message(event: &mut Tree<'_>) {
    let Some(sent) = event.take("logentry") else { return };
    let mut entry = match sent {
        map @ Tree::Map(_) => map,
        other => match into_text(other) {
            Some(text) => Tree::Map(vec![(Cow::Borrowed("formatted"), Tree::Text(text))]),
            None => return,
        },
    };
    for key in ["message", "formatted"] {
        let Some(value) = entry.take(key) else { continue };
        if let Some(text) = into_text(value) {
            entry.set(key, Tree::Text(text));
        }
    }
    if entry.get("formatted").is_none()
        && let Some(text) = entry.get("message").and_then(Tree::text)
    {
        let text = filled_in(text, entry.get("params"));
        entry.set("formatted", Tree::owned_text(text));
    }
    event.set("logentry", entry);
}

/// `%s`, `%d`, `%(name)s` and `{}`, as far as they are plain.
fn filled_in(template: &str, params: Option<&Tree<'_>>) -> String {
    let Some(params) = params else { return template.to_owned() };
    let mut filled = String::with_capacity(template.len());
    let mut next = params.list().iter();
    let mut rest = template;
    while let Some(at) = rest.find(['%', '{']) {
        filled.push_str(&rest[..at]);
        rest = &rest[at..];
        let (length, value) = match rest.as_bytes() {
            [b'%', b's' | b'd' | b'i' | b'r' | b'f', ..] => (2, next.next()),
            [b'{', b'}', ..] => (2, next.next()),
            [b'%', b'(', ..] => match rest.find(')') {
                Some(end) => (end + 2, params.get(&rest[2..end])),
                None => (1, None),
            },
            _ => (1, None),
        };
        let length = rest.floor_char_boundary(length.min(rest.len()));
        match value.and_then(Tree::spelled) {
            Some(text) => filled.push_str(&text),
            None => filled.push_str(&rest[..length]),
        }
        rest = &rest[length..];
    }
    filled.push_str(rest);
    filled
}

/// Headers and cookies as maps; what was called `sentry.interfaces.Http` has other shapes too.
fn request(event: &mut Tree<'_>) {
    let Some(request) = event.get_mut("request") else { return };
    for key in ["headers", "cookies", "env"] {
        let Some(sent) = request.take(key) else { continue };
        match sent {
            list @ Tree::List(_) => request.set(key, Tree::Map(pairs(list))),
            other => request.set(key, other),
        }
    }
}

/// Who had it. The address that the client leaves to us is the one that it sends from.
fn user(event: &mut Tree<'_>, peer: Option<IpAddr>) {
    let address = peer.map(|peer| peer.to_string());
    let wants = |user: &Tree<'_>| user.get("ip_address").and_then(Tree::text) == Some(AUTO);
    if let Some(user) = event.get_mut("user") {
        if wants(user) {
            user.set("ip_address", address.map_or(Tree::Null, Tree::owned_text));
        }
        for key in ["id", "email", "username", "name"] {
            let Some(value) = user.take(key) else { continue };
            let text = into_text(value).map(|text| cut(text.trim(), MAX_TAG_VALUE).to_owned());
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                user.set(key, Tree::owned_text(text));
            }
        }
    }
}

/// `{values}`, the last of them.
fn breadcrumbs(event: &mut Tree<'_>) {
    let Some(sent) = event.take("breadcrumbs") else { return };
    let mut values = code::values(sent);
    let more = values.len().saturating_sub(MAX_BREADCRUMBS);
    values.drain(..more);
    event.set("breadcrumbs", Tree::Map(vec![(Cow::Borrowed("values"), Tree::List(values))]));
}

fn fingerprint(event: &mut Tree<'_>) {
    let Some(sent) = event.take("fingerprint") else { return };
    let texts = match sent {
        Tree::List(values) => values.into_iter().filter_map(into_text).take(MAX_FINGERPRINT_PARTS).collect(),
        other => Vec::from_iter(into_text(other)),
    };
    if !texts.is_empty() {
        event.set("fingerprint", Tree::List(texts.into_iter().map(Tree::Text).collect()));
    }
}

/// Old clients say what they are in the request only.
fn client(event: &mut Tree<'_>, client: Option<&str>) {
    let Some(client) = client.filter(|_| event.get("sdk").is_none_or(Tree::is_null)) else { return };
    let (name, version) = client.split_once('/').unwrap_or((client, ""));
    let text = |text: &str| Tree::owned_text(cut(text, MAX_TAG_VALUE));
    let sdk = vec![(Cow::Borrowed("name"), text(name)), (Cow::Borrowed("version"), text(version))];
    event.set("sdk", Tree::Map(sdk));
}

#[cfg(test)]
mod tests {
    use formats::sentry::json;
    use vocabulary::Timestamp;
    use vocabulary::error::EventId;

    use super::normalise;
    use crate::event::Received;

    fn check(event: &str, path: &[&str], expected: &str) {
        let mut tree = json::read(event.as_bytes(), &json::Limits::default()).unwrap();
        let received = Received {
            at: Timestamp(1_000_000),
            sent_at: None,
            peer_ip: Some("192.0.2.7".parse().unwrap()),
            envelope_event_id: None,
            spare_id: EventId::default(),
            client: Some("raven-python/6.10".into()),
        };
        normalise(&mut tree, &received);
        let found = tree.at(path).map(|tree| String::from_utf8(tree.to_bytes()).unwrap());
        assert_eq!(found.as_deref().unwrap_or("nothing"), expected, "{event}");
    }

    #[test]
    fn old_names_and_shapes_become_new_ones() {
        check(r#"{"message":"a"}"#, &["logentry"], r#"{"formatted":"a"}"#);
        check(
            r#"{"sentry.interfaces.Message":{"message":"%s of %d","params":["a",3]}}"#,
            &["logentry", "formatted"],
            r#""a of 3""#,
        );
        check(
            r#"{"logentry":{"message":"{} and %(b)s","params":{"b":1}}}"#,
            &["logentry", "formatted"],
            r#""{} and 1""#,
        );
        check(
            r#"{"logentry":{"message":"100 %é","params":["x"]}}"#,
            &["logentry", "formatted"],
            r#""100 %é""#,
        );
        check(r#"{"level":40}"#, &["level"], r#""error""#);
        check(r#"{"level":"WARN"}"#, &["level"], r#""warning""#);
        check(r#"{"level":"loud"}"#, &["level"], r#""error""#);
        check(r#"{"release":17,"environment":" "}"#, &["release"], r#""17""#);
        check(r#"{"environment":" "}"#, &["environment"], "nothing");
        check(r#"{"culprit":"a.b"}"#, &["transaction"], r#""a.b""#);
        check("{}", &["sdk"], r#"{"name":"raven-python","version":"6.10"}"#);
        check(r#"{"fingerprint":"one"}"#, &["fingerprint"], r#"["one"]"#);
    }

    #[test]
    fn tags_are_texts_under_names() {
        check(r#"{"tags":[["a",1],["b",null],["a",2],["",1],[1]]}"#, &["tags"], r#"{"a":"1"}"#);
        check(r#"{"tags":{"a":true,"b":"x\ny"}}"#, &["tags"], r#"{"a":"true","b":"x y"}"#);
        check(r#"{"tags":[{"key":"a","value":"b"}]}"#, &["tags"], r#"{"a":"b"}"#);
        check(r#"{"tags":5}"#, &["tags"], "{}");
    }

    #[test]
    fn who_had_it_and_from_where() {
        check(
            r#"{"user":{"id":17,"ip_address":"{{auto}}"}}"#,
            &["user"],
            r#"{"ip_address":"192.0.2.7","id":"17"}"#,
        );
        check(r#"{"user":null}"#, &["user"], "null");
        check(r#"{"request":{"headers":[["A","b"]]}}"#, &["request", "headers"], r#"{"A":"b"}"#);
    }

    #[test]
    fn exceptions_come_in_three_shapes() {
        let value = r#"{"type":"E","value":"v"}"#;
        let wanted = format!("[{value}]");
        for sent in [format!("[{value}]"), format!(r#"{{"values":[null,{value}]}}"#), value.to_owned()] {
            check(&format!(r#"{{"exception":{sent}}}"#), &["exception", "values"], &wanted);
        }
        check(
            r#"{"exception":[{"type":"E","value":{"a":1}}]}"#,
            &["exception", "values"],
            r#"[{"type":"E","value":"{\"a\":1}"}]"#,
        );
        check(r#"{"exception":"broken"}"#, &["exception"], r#"{"values":[]}"#);
    }
}
