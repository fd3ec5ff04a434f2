//! From what a client sends to what is kept.

use vocabulary::Timestamp;

use super::{NOW, digested, digested_by, project, received};
use crate::digest::{NoSymbols, digest, digest_stored};
use crate::event::{Kind, Level, Received};
use crate::person::hash_of_user;
use crate::project::Settings;
use crate::read::Tree;

const DJANGO: &str = r#"{
    "event_id": "fc6d8c0c-43fc-4630-ad85-0ee518f1b9d0", "timestamp": 1699999990.25, "platform": "python", "level": "error",
    "release": "shop@1.2.3", "environment": "production", "server_name": "web1", "transaction": "shop.views.checkout",
    "user": {"id": 17, "email": "ana@example.com"}, "tags": {"provider": "gdrive"},
    "contexts": {"runtime": {"name": "CPython", "version": "3.12.1"}},
    "request": {"url": "https://shop.example/checkout?token=abc", "headers": {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0"}},
    "exception": {"values": [
        {"type": "KeyError", "value": "'sku'", "stacktrace": {"frames": [
            {"module": "shop.cart", "function": "total", "abs_path": "/srv/shop/cart.py", "context_line": "    return prices[sku]", "lineno": 5, "vars": {"password": "x"}}]}},
        {"type": "CartError", "value": "cart 17 is broken\nreally", "mechanism": {"type": "django", "handled": false}, "stacktrace": {"frames": [
            {"module": "django.core", "function": "inner", "abs_path": "/venv/lib/python3.12/site-packages/django/core.py"},
            {"module": "shop.views", "function": "checkout", "abs_path": "/srv/shop/views.py", "context_line": "total(cart)", "lineno": 9}]}}]}}"#;

#[test]
fn c133_an_event_becomes_what_is_kept_found_and_counted() {
    let event = digested(DJANGO);
    assert_eq!(event.event_id.to_string(), "fc6d8c0c43fc4630ad850ee518f1b9d0");
    assert_eq!((event.at, event.received_at), (Timestamp(1_699_999_990), Timestamp(NOW)));
    assert_eq!((event.kind, event.level, event.handled), (Kind::Exception, Level::Error, Some(false)));
    assert_eq!(event.title, "CartError: cart 17 is broken");
    assert_eq!(event.culprit, "shop.views.checkout");
    assert_eq!(event.user.as_ref().map(|user| user.hash), Some(hash_of_user(1, "id", "17")));
    let tag = |key: &str| event.tags.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
    assert_eq!(tag("provider"), Some("gdrive"));
    assert_eq!(tag("browser"), Some("Firefox 121"));
    assert_eq!(tag("runtime"), Some("CPython 3.12.1"));
    assert_eq!(tag("url"), Some("https://shop.example/checkout"));
    assert_eq!(tag("handled"), Some("no"));
    assert_eq!(tag("mechanism"), Some("django"));
    let body = String::from_utf8(event.body.clone()).unwrap();
    let password = "exception.values.0.stacktrace.frames.0.vars.password";
    let scrubbed: Vec<_> = event.scrubbed.iter().map(|one| (&*one.path, &*one.rule)).collect();
    assert_eq!(scrubbed, [("request.url", "field"), (password, "password")]);
    assert!(body.contains(r#""password":"[Filtered]""#) && body.contains("token=[Filtered]"), "{body}");
    assert!(body.contains(r#""rule":"password""#), "it is told with the event: {body}");
    assert!(body.contains(r#""in_app":false"#) && body.contains(r#""in_app":true"#), "{body}");
}

#[test]
fn c139_words_without_an_error_are_called_by_what_they_say() {
    let said = |words: &str| {
        digested(&format!(r#"{{"contexts": {{"feedback": {{"message": "{words}", "name": "Otto"}}}}}}"#))
    };
    let event = said("Where is the button?\\nI have looked.");
    assert_eq!((event.kind, event.level), (Kind::Feedback, Level::Info));
    assert_eq!(event.title, "Where is the button?");
    assert_eq!(said(" Too slow ").hashes, said("Too slow").hashes);
    assert_ne!(said("Too slow").hashes[0].value, event.hashes[0].value, "each is dealt with by itself");
}

#[test]
fn what_was_stored_is_the_same_event_when_it_is_read_again() {
    let project = project(Settings::default());
    let event = digested_by(&project, DJANGO, &received(NOW, 0));
    let stored = vocabulary::error::StoredEvent {
        number: 0,
        key: vocabulary::error::EventKey { project: 1, group: 5, at: event.at, id: event.event_id },
        user: event.user.as_ref().map(|user| user.hash),
        body: event.body.clone(),
    };
    let again = digest_stored(&project, &stored).unwrap();
    assert_eq!(again.hashes, event.hashes);
    assert_eq!((again.tags, again.title, again.release), (event.tags, event.title, event.release));
    assert_eq!((again.at, again.event_id, again.user), (event.at, event.event_id, event.user));
}

#[test]
fn lines_of_source_come_with_their_ends_from_ruby() {
    let event = r#"{"platform": "ruby", "exception": {"values": [{"type": "IOError", "value": "closed", "stacktrace": {"frames": [
        {"function": "pay", "filename": "app/pay.rb", "pre_context": ["def pay\n", "\n"], "context_line": "  raise IOError\r\n", "post_context": ["end"]}]}}]}}"#;
    let body = String::from_utf8(digested(event).body).unwrap();
    for part in [
        r#""pre_context":["def pay",""]"#,
        r#""context_line":"  raise IOError""#,
        r#""post_context":["end"]"#,
    ] {
        assert!(body.contains(part), "{part} in {body}");
    }
}

#[test]
fn lines_around_a_place_are_kept_as_they_came_and_scrubbed_elsewhere() {
    let lines = r#"["pay(\"x\")", "password=hunter2"]"#;
    let event = format!(
        r#"{{"extra": {{"pre_context": {lines}}}, "exception": {{"values": [{{"type": "E", "stacktrace": {{"frames": [
        {{"function": "pay", "pre_context": {lines}}}]}}}}]}}}}"#
    );
    let body = String::from_utf8(digested(&event).body).unwrap();
    assert!(body.contains(&format!(r#""function":"pay","pre_context":{lines}"#)), "{body}");
    assert!(body.contains(r#""extra":{"pre_context":["pay(\"x\")","password=[Filtered]"]}"#), "{body}");
}

#[test]
fn the_clock_of_the_sender_is_set_right_and_what_cannot_be_happened_now() {
    let at = |timestamp: &str, sent: Option<i64>| {
        let received = Received { sent_at: sent.map(Timestamp), ..received(NOW, 0) };
        let event = format!(r#"{{"message":"x","timestamp":{timestamp}}}"#);
        digested_by(&project(Settings::default()), &event, &received).at.0 - NOW
    };
    let seconds = |offset: i64| (NOW + offset).to_string();
    assert_eq!(at(&seconds(-5), None), -5);
    assert_eq!(at(&seconds(-5), Some(NOW - 2)), -5, "a slow network is no wrong clock");
    assert_eq!(at(&seconds(3_595), Some(NOW + 3_600)), -5, "an hour ahead");
    assert_eq!(at(&seconds(7_200), None), 0, "the future");
    assert_eq!(at("1", None), 0, "the past");
    assert_eq!(at("\"2023-11-14T22:13:15Z\"", None), -5);
    assert_eq!(at("\"soon\"", None), 0);
}

#[test]
fn ids_come_from_the_envelope_the_event_or_us() {
    let id = |event: &str, envelope: bool| {
        let envelope = envelope.then(|| "11111111111111111111111111111111".parse().unwrap());
        let received = Received { envelope_event_id: envelope, ..received(NOW, 7) };
        digested_by(&project(Settings::default()), event, &received).event_id.to_string()
    };
    let own = r#"{"event_id":"22222222222222222222222222222222"}"#;
    assert!(id(own, true).starts_with("1111"));
    assert!(id(own, false).starts_with("2222"));
    assert_eq!(id(r#"{"event_id":"nonsense"}"#, false), "0000000000000008".to_owned() + &"0".repeat(16));
}

#[test]
fn what_is_no_event_is_refused_and_what_is_empty_is_one() {
    let refused = digest(&project(Settings::default()), Tree::List(vec![]), &received(NOW, 0), &NoSymbols);
    assert!(refused.unwrap_err().to_string().contains("JSON object"));
    let empty = digested("{}");
    assert_eq!((empty.title.as_str(), empty.hashes.len()), ("<without a title>", 1));
    // Wrong everywhere.
    let odd = r#"{"exception":5,"threads":"x","tags":[[]],"user":[],"request":3,"breadcrumbs":{"values":1},"logentry":[],
        "contexts":7,"level":{},"platform":[],"fingerprint":[null],"stacktrace":{"frames":[1,null]},"sdk":1,"csp":"x"}"#;
    digested(odd);
}

#[test]
fn titles_and_culprits() {
    let check = |event: &str, title: &str, culprit: &str| {
        let event = digested(event);
        assert_eq!((event.title.as_str(), event.culprit.as_str()), (title, culprit));
    };
    check(r#"{"exception":[{"type":"E"}]}"#, "E", "");
    check(r#"{"exception":[{"value":"only a value"}]}"#, "only a value", "");
    check(r#"{"message":"first\nsecond"}"#, "first", "");
    check(r#"{"logentry":{"message":"%s is late","params":["x"]}}"#, "x is late", "");
    let frames = r#"{"frames":[{"module":"a.b","function":"f","in_app":true},{"module":"lib","function":"g","in_app":false}]}"#;
    check(
        &format!(
            r#"{{"exception":[{{"type":"SIGSEGV","value":"0x0","mechanism":{{"synthetic":true}},"stacktrace":{frames}}}]}}"#
        ),
        "f",
        "a.b in f",
    );
    check(
        r#"{"csp":{"effective_directive":"script-src","blocked_uri":"https://evil.example/x.js","document_uri":"https://shop.example/"}}"#,
        "Blocked 'script-src' from 'evil.example'",
        "script-src",
    );
    check(
        r#"{"csp":{"violated_directive":"img-src https:","blocked_uri":"https://shop.example/a.png","document_uri":"https://shop.example/"}}"#,
        "Blocked 'img-src' from 'self'",
        "img-src",
    );
    check(
        r#"{"csp":{"effective_directive":"expectct","blocked_uri":"shop.example"}}"#,
        "Expect-CT failed for 'shop.example'",
        "expectct",
    );
    // Nothing but threads: the one that crashed.
    let threads =
        format!(r#"{{"threads":{{"values":[{{"id":1}},{{"id":2,"crashed":true,"stacktrace":{frames}}}]}}}}"#);
    check(&threads, "f", "a.b in f");
    check(&threads.replace("true,\"stack", "false,\"stack"), "<without a title>", "");
}

#[test]
fn what_we_say_of_an_event_nobody_says_in_our_name() {
    let event = r#"{"message":"x","_source":{"url":"https://evil.example/{path}","root":""},
        "\u005ffeedback":{"comments":"pay"},"_attachments":[{"id":1}],"_scrubbed":[{"path":"a","rule":"b"}]}"#;
    let body: serde_json::Value = serde_json::from_slice(&digested(event).body).unwrap();
    let ours: Vec<&String> = body.as_object().unwrap().keys().filter(|key| key.starts_with('_')).collect();
    assert_eq!(ours, ["_scrubbed"]);
    assert_eq!(body["_scrubbed"], serde_json::json!([]));
}
