//! What is taken out, what stays, and what is said of it.

use formats::sentry::json;

use super::{ScrubRule, Scrubber};
use crate::project::Settings;

fn scrub(settings: &Settings, event: &str) -> (String, Vec<(String, String)>) {
    let mut tree = json::read(event.as_bytes(), &json::Limits::default()).unwrap();
    let found = Scrubber::new(settings).scrub(&mut tree);
    let found = found.into_iter().map(|one| (one.path, one.rule)).collect();
    (String::from_utf8(tree.to_bytes()).unwrap(), found)
}

fn check(settings: &Settings, event: &str, expected: &str, notes: &[(&str, &str)]) {
    let (scrubbed, found) = scrub(settings, event);
    assert_eq!(scrubbed, expected);
    let found: Vec<(&str, &str)> = found.iter().map(|(path, rule)| (&**path, &**rule)).collect();
    assert_eq!(found, notes, "{event}");
}

#[test]
fn fields_with_names_of_secrets_are_taken_out_wherever_they_are() {
    check(
        &Settings::default(),
        r#"{"extra":{"db":{"DB_PASSWORD":"x","host":"h"},"empty":{"token":null}}}"#,
        r#"{"extra":{"db":{"DB_PASSWORD":"[Filtered]","host":"h"},"empty":{"token":null}}}"#,
        &[("extra.db.DB_PASSWORD", "password")],
    );
    check(
        &Settings::default(),
        r#"{"request":{"headers":[["Authorization","Basic abc"],["Accept","*/*"]],"cookies":{"a":"b","sessionid":"x"}}}"#,
        r#"{"request":{"headers":[["Authorization","[Filtered]"],["Accept","*/*"]],"cookies":{"a":"b","sessionid":"[Filtered]"}}}"#,
        &[("request.headers.0.Authorization", "auth"), ("request.cookies.sessionid", "session")],
    );
    check(
        &Settings::default(),
        r#"{"exception":{"values":[{"type":"TokenError","stacktrace":{"frames":[{"function":"auth","vars":{"api_key":{"a":1}}}]}}]}}"#,
        r#"{"exception":{"values":[{"type":"TokenError","stacktrace":{"frames":[{"function":"auth","vars":{"api_key":"[Filtered]"}}]}}]}}"#,
        &[("exception.values.0.stacktrace.frames.0.vars.api_key", "api_key")],
    );
}

#[test]
fn names_of_code_are_no_secrets() {
    let event = r#"{"modules":{"authlib":"1.3"},"transaction":"auth.views.token","sdk":{"name":"x"}}"#;
    check(&Settings::default(), event, event, &[]);
}

#[test]
fn secrets_are_taken_out_of_texts() {
    let check = |text: &str, expected: &str, rule: &str| {
        let event = |text: &str| format!(r#"{{"extra":{{"note":"{text}"}}}}"#);
        let notes: &[(&str, &str)] = if rule.is_empty() { &[] } else { &[("extra.note", rule)] };
        check(&Settings::default(), &event(text), &event(expected), notes);
    };
    check("card 4111 1111 1111 1111 declined", "card [Filtered] declined", "card_number");
    check("redis://:s3cret@db:6379/0", "redis://:[Filtered]@db:6379/0", "password");
    check("sent Bearer abcdef1234567890", "sent Bearer [Filtered]", "password");
    check("a=1&access_token=xyz&b=2", "a=1&access_token=[Filtered]&b=2", "field");
    check("-----BEGIN RSA PRIVATE KEY-----abc", "[Filtered]", "private_key");
    check("sent Authorization: Bearer verysecret", "sent Authorization: Bearer [Filtered]", "password");
    check("{Authorization=Basic x}", "{Authorization=[Filtered] [Filtered]}", "field");
    check("Basic dXNlcjpwYXNz", "Basic [Filtered]", "password");
    check("bearer aBcDeFgHi.jK and Bearer abc1defg", "bearer [Filtered] and Bearer [Filtered]", "password");
    check(
        "Bearer Authentication failed, basic configuration",
        "Bearer Authentication failed, basic configuration",
        "",
    );
    check("login with password='x'", "login with password='[Filtered]'", "field");
    check("run --password x", "run --password [Filtered]", "field");
    check("basic trouble with http://host:80/x", "basic trouble with http://host:80/x", "");
    check("token [Filtered]", "token [Filtered]", "");
}

#[test]
fn bodies_that_are_json_are_scrubbed_by_the_names_in_them() {
    check(
        &Settings::default(),
        r#"{"request":{"data":"{\"user\":{\"sessionid\":5},\"a\":[1, 2]}","headers":{"x-api-key":"k"}}}"#,
        r#"{"request":{"data":"{\"user\":{\"sessionid\":\"[Filtered]\"},\"a\":[1,2]}","headers":{"x-api-key":"[Filtered]"}}}"#,
        &[("request.data.user.sessionid", "session"), ("request.headers.x-api-key", "api-key")],
    );
    let plain = r#"{"request":{"data":"{\"user\" : \"ana\"}"}}"#;
    check(&Settings::default(), plain, plain, &[]);
    check(
        &Settings::default(),
        r#"{"extra":{"cut":"{\"token\":\"x\",\"a\":"}}"#,
        r#"{"extra":{"cut":"{\"token\":\"[Filtered]\",\"a\":"}}"#,
        &[("extra.cut", "field")],
    );
    let own = Settings { scrub_fields: vec!["iban".into()], ..Settings::default() };
    check(
        &own,
        r#"{"breadcrumbs":{"values":[{"data":{"body":"[{\"iban\":{\"a\":1}}]"}}]}}"#,
        r#"{"breadcrumbs":{"values":[{"data":{"body":"[{\"iban\":\"[Filtered]\"}]"}}]}}"#,
        &[("breadcrumbs.values.0.data.body.0.iban", "iban")],
    );
}

#[test]
fn command_lines_are_scrubbed() {
    check(
        &Settings::default(),
        r#"{"extra":{"argv":["curl","--password","x","--token","--user","u"],"two":["--password=x","y"]}}"#,
        r#"{"extra":{"argv":["curl","--password","[Filtered]","--token","--user","u"],"two":["--password=[Filtered]","y"]}}"#,
        &[("extra.argv.2", "field"), ("extra.two.0", "field")],
    );
}

#[test]
fn a_projects_own_rules_and_its_safe_fields() {
    let settings = Settings {
        scrub_fields: vec!["Iban".into()],
        safe_fields: vec!["token_count".into()],
        scrub_rules: vec![ScrubRule { name: "customer".into(), pattern: r"C-\d+".into() }],
        ..Settings::default()
    };
    check(
        &settings,
        r#"{"extra":{"iban_from":"DE1","token_count":5,"note":"of C-12 and C-13"}}"#,
        r#"{"extra":{"iban_from":"[Filtered]","token_count":5,"note":"of [Filtered] and [Filtered]"}}"#,
        &[("extra.iban_from", "iban"), ("extra.note", "customer")],
    );
    let off = Settings { scrub_defaults: false, remove_addresses: true, ..Settings::default() };
    check(
        &off,
        r#"{"user":{"ip_address":"10.0.0.1","token":"x"}}"#,
        r#"{"user":{"ip_address":"[Filtered]","token":"x"}}"#,
        &[("user.ip_address", "address")],
    );
}

#[test]
fn a_rule_that_cannot_be_read_is_refused() {
    let problem = |pattern: &str| ScrubRule { name: "x".into(), pattern: pattern.into() }.problem();
    assert!(problem("(").is_some());
    assert!(problem("a*").is_some(), "it would match everywhere");
    assert!(problem("(a{1000}){1000}").is_some(), "too large");
    assert_eq!(problem("C-[0-9]+"), None);
}

#[test]
fn what_was_found_is_noted_up_to_a_bound_and_scrubbed_all_the_same() {
    let entries: Vec<String> = (0..1_000).map(|n| format!(r#""token{n}":1"#)).collect();
    let (scrubbed, found) = scrub(&Settings::default(), &format!(r#"{{"extra":{{{}}}}}"#, entries.join(",")));
    assert_eq!(found.len(), 200);
    assert_eq!(scrubbed.matches("[Filtered]").count(), 1_000);
}
