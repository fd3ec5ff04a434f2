//! It has become worse than people were told.

use vocabulary::state::{NoticeKind, State};

use super::policies::{policy, step};
use super::*;

fn call(story: &mut Story, whom: &str) -> Vec<String> {
    story.act(1, Deed::Escalate { to: vec![whom.into()], comment: String::new() }).unwrap()
}

#[test]
fn who_was_called_by_name_hears_it_once() {
    let mut story = Story::new();
    assert_eq!(story.goes("latency", State::Warning), NOBODY);
    assert_eq!(call(&mut story, "ana"), ["problem ana by mail"]);
    let told = ["still ops by mail", "still ops by hook", "worse ana by mail"];
    assert_eq!(story.goes("latency", State::Critical), told);
    assert_eq!(story.goes("latency", State::Warning), NOBODY);
    assert_eq!(story.goes("latency", State::Critical), NOBODY, "they know that it is so bad");
    story.goes("latency", State::Ok);
    assert!(story.believes.is_empty(), "{:?}", story.believes);
}

#[test]
fn whoever_has_it_in_hand_hears_it_too() {
    let mut story = Story::new();
    story.goes("latency", State::Warning);
    let hand_over = Deed::HandOver { to: "ana".into(), comment: String::new() };
    assert_eq!(story.act(1, hand_over).unwrap(), ["handed_over ana by mail"]);
    assert!(story.goes("latency", State::Critical).contains(&"worse ana by mail".to_owned()));
}

/// Its own rules tell its contacts, and know nothing of whom people called.
#[test]
fn of_a_check_those_hear_it_of_whom_its_own_rules_know_nothing() {
    let mut story = Story::new();
    assert_eq!(story.goes("web/http", State::Warning), NOBODY);
    assert_eq!(call(&mut story, "ana"), ["problem ana by mail"]);
    assert_eq!(story.goes("web/http", State::Critical), ["worse ana by mail"]);
    let notice = story.notice("web/http", NoticeKind::Problem, State::Critical, "ops");
    assert_eq!(notice, ["problem ops by mail", "problem ops by hook"]);
    assert_eq!(story.tick(60), NOBODY);
}

#[test]
fn whom_the_policy_begins_with_hears_it_by_that() {
    let mut story = Story::of_policy(policy(&[step(&["ana"], "5m"), step(&["ben"], "5m")]));
    assert_eq!(story.goes("paged", State::Warning), NOBODY);
    assert_eq!(call(&mut story, "ana"), ["problem ana by mail"]);
    assert_eq!(call(&mut story, "ben"), ["still ben by mail"]);
    assert_eq!(story.goes("paged", State::Critical), ["still ana by mail", "worse ben by mail"]);
}
