//! What is the same, what is not, and what people are told of it.

use super::{NOW, digested, digested_by, project, received};
use crate::event::HashValue;
use crate::grouping::rules::{Matcher, Rule, Then};
use crate::project::{Before, OwnerRule, Settings};

fn hash(event: &str) -> HashValue {
    digested(event).hashes[0].value
}

fn same(one: &str, other: &str) {
    assert_eq!(hash(one), hash(other), "the same:\n{one}\n{other}");
}

fn different(one: &str, other: &str) {
    assert_ne!(hash(one), hash(other), "not the same:\n{one}\n{other}");
}

fn message(text: &str) -> String {
    format!(r#"{{"message":"{text}"}}"#)
}

/// `frames`: each `{…}`, the innermost last.
fn thrown(platform: &str, kind: &str, value: &str, frames: &[&str]) -> String {
    let frames = frames.join(",");
    format!(
        r#"{{"platform":"{platform}","exception":[{{"type":"{kind}","value":"{value}","stacktrace":{{"frames":[{frames}]}}}}]}}"#
    )
}

const CART: &str =
    r#"{"module":"shop.cart","function":"total","context_line":"x = prices[sku]","lineno":5,"in_app":true}"#;
const VIEW: &str =
    r#"{"module":"shop.views","function":"checkout","context_line":"total(cart)","lineno":9,"in_app":true}"#;
const LIBRARY: &str = r#"{"module":"django.core","function":"inner","context_line":"get_response()","lineno":55,"in_app":false}"#;

#[test]
fn c128_lines_and_values_and_libraries_say_nothing() {
    let one = thrown("python", "KeyError", "'a-17'", &[LIBRARY, VIEW, CART]);
    same(&one, &one.replace(r#""lineno":5"#, r#""lineno":50"#));
    same(&one, &thrown("python", "KeyError", "'b'", &[LIBRARY, VIEW, CART]));
    same(&one, &thrown("python", "KeyError", "'a-17'", &[VIEW, CART]));
    let below = thrown("python", "KeyError", "'a-17'", &[VIEW, CART, LIBRARY]);
    same(&below, &thrown("python", "KeyError", "'b'", &[VIEW, CART, &LIBRARY.replace("inner", "outer")]));
    different(&below, &thrown("python", "KeyError", "no such table", &[VIEW, CART, LIBRARY]));
    different(&one, &thrown("python", "TypeError", "'a-17'", &[LIBRARY, VIEW, CART]));
    different(&one, &thrown("python", "KeyError", "'a-17'", &[LIBRARY, CART]));
    different(&one, &one.replace("x = prices[sku]", "return prices[sku]"));
    different(&one, &one.replace(r#""function":"total""#, r#""function":"sum""#));
}

#[test]
fn where_no_frame_is_the_programs_own_all_count() {
    let other = LIBRARY.replace("inner", "outer");
    different(&thrown("python", "E", "v", &[LIBRARY]), &thrown("python", "E", "v", &[&other]));
    // Where no frame tells anything the value does.
    let empty = r#"{"function":"?","in_app":true}"#;
    different(&thrown("javascript", "E", "a", &[empty]), &thrown("javascript", "E", "b", &[empty]));
    same(&thrown("javascript", "E", "of 1", &[empty]), &thrown("javascript", "E", "of 22", &[]));
}

#[test]
fn how_deep_a_recursion_went_says_nothing() {
    let again = CART.replace(r#""lineno":5"#, r#""lineno":6"#);
    same(
        &thrown("python", "E", "v", &[VIEW, CART]),
        &thrown("python", "E", "v", &[VIEW, CART, &again, CART]),
    );
    let circle = [VIEW, CART, VIEW, CART];
    same(&thrown("python", "E", "v", &circle[..2]), &thrown("python", "E", "v", &circle));
}

#[test]
fn every_exception_of_a_chain_counts() {
    let chain = |kinds: &[&str]| {
        let values =
            kinds.iter().map(|kind| format!(r#"{{"type":"{kind}","stacktrace":{{"frames":[{CART}]}}}}"#));
        format!(
            r#"{{"platform":"python","exception":{{"values":[{}]}}}}"#,
            values.collect::<Vec<_>>().join(",")
        )
    };
    different(&chain(&["A", "B"]), &chain(&["B"]));
    different(&chain(&["A", "B"]), &chain(&["B", "A"]));
    let group = |count: usize| {
        let child = r#"{"type":"A","value":"x 1"}"#;
        let root = r#"{"type":"ExceptionGroup","value":"g","mechanism":{"is_exception_group":true}}"#;
        let values = std::iter::repeat_n(child, count).chain([root]);
        format!(r#"{{"exception":[{}]}}"#, values.collect::<Vec<_>>().join(","))
    };
    same(&group(1), &group(3));
}

#[test]
fn c137_messages_are_told_by_their_templates() {
    same(&message("queue has 12 jobs"), &message("queue has 9000 jobs"));
    different(&message("queue has 12 jobs"), &message("queue has no jobs"));
    let template = |name: &str| format!(r#"{{"logentry":{{"message":"%s is late","params":["{name}"]}}}}"#);
    same(&template("ana"), &template("ben"));
    different(&message("ana is late"), &message("ben is late"));
    // One helper sends many messages.
    let sent = |text: &str| format!(r#"{{"message":"{text}","stacktrace":{{"frames":[{CART}]}}}}"#);
    different(&sent("disk is full"), &sent("disk is slow"));
    same(&sent("disk 1 is full"), &sent("disk 2 is full"));
    different(&sent("disk is full"), &message("disk is full"));
}

#[test]
fn minified_code_is_told_by_functions_and_what_build_tools_add_is_not() {
    let frame = |file: &str, function: &str| {
        format!(r#"{{"abs_path":"{file}","filename":"{file}","function":"{function}","in_app":true}}"#)
    };
    let thrown = |file: &str, function: &str| thrown("javascript", "E", "v", &[&frame(file, function)]);
    same(
        &thrown("https://a.example/app.1.js", "onClick"),
        &thrown("https://b.example/app.2.js", "Object.onClick"),
    );
    same(&thrown("/srv/main.0a1b2c3d.js", "f"), &thrown("/srv/main.9f8e7d6c.js", "f"));
    different(&thrown("/srv/main.js", "f"), &thrown("/srv/other.js", "f"));
    let mapped = |function: &str| {
        format!(
            r#"{{"filename":"./src/cart.js","function":"{function}","context_line":"throw new E()","data":{{"sourcemap":"x"}},"in_app":true}}"#
        )
    };
    let built = |function: &str| super::grouping::thrown("javascript", "E", "v", &[&mapped(function)]);
    same(&built("t"), &built("e.total"));
}

#[test]
fn what_is_made_up_by_the_client_says_nothing() {
    let synthetic = |kind: &str| {
        let stack = format!(r#""stacktrace":{{"frames":[{CART}]}}"#);
        format!(
            r#"{{"platform":"python","exception":[{{"type":"{kind}","mechanism":{{"synthetic":true}},{stack}}}]}}"#
        )
    };
    same(&synthetic("SIGSEGV"), &synthetic("SIGBUS"));
}

#[test]
fn fingerprints_of_clients() {
    let printed =
        |fingerprint: &str, text: &str| format!(r#"{{"message":"{text}","fingerprint":{fingerprint}}}"#);
    same(&printed(r#"["a"]"#, "x"), &printed(r#"["a"]"#, "y"));
    different(&printed(r#"["a"]"#, "x"), &printed(r#"["b"]"#, "x"));
    same(&printed(r#"["{{ default }}"]"#, "x"), &message("x"));
    same(&printed(r#"["{{default}}"]"#, "x"), &message("x"));
    different(&printed(r#"["{{ default }}","a"]"#, "x"), &message("x"));
    different(&printed(r#"["{{ default }}","a"]"#, "x"), &printed(r#"["{{ default }}","a"]"#, "y"));
    same(&printed(r#"["{{ default }}","a"]"#, "x 1"), &printed(r#"["{{   default}}","a"]"#, "x 2"));
    different(&printed(r#"["{{ message }}"]"#, "x"), &printed(r#"["{{ message }}"]"#, "y"));
    same(&printed(r#"["{{ tags.none }}"]"#, "x"), &printed(r#"["{{ tags.none }}"]"#, "y"));
    same(&printed("[]", "x"), &message("x"));
    same(&printed("null", "x"), &message("x"));
}

fn matcher(field: &str, pattern: &str) -> Matcher {
    Matcher { field: field.into(), pattern: pattern.into(), not: false }
}

#[test]
fn rules_of_a_project_go_before_all_else() {
    let rules = vec![
        Rule {
            when: vec![matcher("message", "*timeout*")],
            then: Then::Fingerprint(vec!["timeouts".into()]),
        },
        Rule { when: vec![matcher("module", "shop.generated.*")], then: Then::InApp(false) },
    ];
    let owners = vec![OwnerRule { when: vec![matcher("module", "shop.cart")], owner: "ana".into() }];
    let project = project(Settings { rules, owners, ..Settings::default() });
    let digested = |event: &str| digested_by(&project, event, &received(NOW, 0));
    let hash = |event: &str| digested(event).hashes[0].value;
    assert_eq!(hash(&message("read timeout of db")), hash(&message("Timeout!")));
    assert_ne!(hash(&message("timeout")), hash(&message("no such thing")));
    let generated = VIEW.replace("shop.views", "shop.generated.stub");
    let stack = |frames: &[&str]| thrown("python", "E", "v", frames);
    assert_eq!(hash(&stack(&[CART])), hash(&stack(&[&generated, CART])));
    assert_eq!(digested(&stack(&[CART])).owner.as_deref(), Some("ana"));
    assert_eq!(digested(&stack(&[VIEW])).owner, None);
}

#[test]
fn an_older_version_is_looked_for_until_it_is_over() {
    let before = |until: i64| {
        let settings =
            Settings { grouping_before: Some(Before { version: 1, until }), ..Settings::default() };
        digested_by(&project(settings), &message("x"), &received(NOW, 0)).hashes.len()
    };
    // There is one version so far, and what is the same is one hash.
    assert_eq!((before(NOW + 10), before(NOW - 10)), (1, 1));
    assert!(project(Settings::default()).settings.problems().is_empty());
}

#[test]
fn why_it_is_grouped_so_is_told() {
    let event = digested(&thrown("python", "KeyError", "'a-17'", &[LIBRARY, CART]));
    let why = serde_json::to_value(&event.hashes[0].why).unwrap();
    let exception = &why["parts"][0];
    assert_eq!(exception["parts"][0]["value"], "KeyError");
    let frames = &exception["parts"][1]["parts"];
    assert_eq!(frames[0]["counts"], false);
    assert_eq!(frames[0]["hint"], "not the program's own code");
    assert_eq!(frames[1]["parts"][1]["value"], "total");
    assert_eq!(exception["parts"][2]["hint"], "the line tells more");
}
