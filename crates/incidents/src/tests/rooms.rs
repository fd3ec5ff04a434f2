//! C107: a chat alone never counts as reaching somebody.

use super::policies::{policy, step};
use super::*;
use crate::untold::Untold;

/// `chat` is a room; ana is there only, ben has a mailbox too.
fn with_rooms(story: &mut Story) {
    let book = &mut story.incidents.book;
    book.rooms.insert("chat".into());
    book.contacts.insert("ana".into(), contact(&["chat"]));
    book.contacts.insert("ben".into(), contact(&["chat", "mail"]));
}

fn timeline(story: &Story, id: i64) -> String {
    let lines = crate::store::timeline(&story.store, id).unwrap();
    lines.into_iter().map(|line| line.text).collect::<Vec<_>>().join("\n")
}

#[test]
fn c107_a_step_that_reaches_rooms_only_does_not_wait() {
    let mut story = Story::of_policy(policy(&[step(&["ana"], "5m"), step(&["ben"], "5m")]));
    with_rooms(&mut story);
    let told = story.goes("paged", State::Critical);
    assert_eq!(told, ["problem ana by chat", "problem ben by chat", "problem ben by mail"]);
    let lines = timeline(&story, 1);
    assert!(
        lines.contains("step 1 of `p`: ana is reached by nothing: `chat` is a room, which may be empty"),
        "{lines}"
    );
    assert!(lines.contains("ana, and no person is reached: the next step runs at once"), "{lines}");
    let mut ends = story.goes("paged", State::Ok);
    ends.sort();
    assert_eq!(ends, ["recovery ana by chat", "recovery ben by chat", "recovery ben by mail"]);
}

#[test]
fn when_a_whole_round_reaches_rooms_only_those_of_last_resort_are_told() {
    let repeating = crate::oncall::PolicyConfig { repeat: 3, ..policy(&[step(&["ana"], "5m")]) };
    let mut story = Story::of_policy(repeating);
    with_rooms(&mut story);
    assert_eq!(story.goes("paged", State::Critical), ["problem ana by chat", "problem default by hook"]);
    assert_eq!(story.incidents.counters.untold, 0);
    story.goes("paged", State::Ok);
    story.incidents.book.rooms.insert("hook".into());
    story.goes("paged", State::Critical);
    assert!(timeline(&story, 2).contains("nobody is reached"), "{}", timeline(&story, 2));
    assert_eq!(story.incidents.counters.untold, 1);
}

#[test]
fn c107_the_log_alone_reaches_nobody() {
    let mut story = Story::of_policy(policy(&[step(&["ana"], "5m"), step(&["ben"], "5m")]));
    story.incidents.book.contacts.insert("ana".into(), contact(&["log"]));
    story.incidents.book.contacts.insert("ben".into(), contact(&["log", "mail"]));
    let told = story.goes("paged", State::Critical);
    assert_eq!(
        told,
        ["problem ana by log", "problem ben by log", "problem ben by mail"],
        "ana is not waited for"
    );
    let desk = crate::Desk::open(story.store.clone(), story.incidents.book.clone(), b"secret").unwrap();
    assert_eq!(desk.rooms_only().contacts, ["ana".into()] as [std::sync::Arc<str>; 1]);
}

/// (whose problem it is, who is told of it)
#[test]
fn contacts_in_rooms_only_bring_those_of_last_resort() {
    let mut story = Story::new();
    with_rooms(&mut story);
    let check = |story: &mut Story, contacts: &[&str], wanted: &[&str]| {
        let all = &mut story.incidents.book.subjects;
        all.insert((false, "latency".into()), subject(Kind::Monitor, None, contacts));
        assert_eq!(story.goes("latency", State::Critical), wanted, "{contacts:?}");
        assert_eq!(story.goes("latency", State::Ok).len(), wanted.len(), "{contacts:?}");
    };
    check(&mut story, &["ana"], &["problem ana by chat", "problem default by hook"]);
    check(
        &mut story,
        &["ana", "ben"],
        &["problem ana by chat", "problem ben by chat", "problem ben by mail"],
    );
    check(&mut story, &["ana", "default"], &["problem ana by chat", "problem default by hook"]);
    assert_eq!(story.incidents.counters.untold, 0);
    story.incidents.book.rooms.insert("hook".into());
    check(&mut story, &["default"], &["problem default by hook"]);
    assert_eq!(story.incidents.counters.untold, 1);
    assert!(timeline(&story, 4).contains("told in rooms only"), "{}", timeline(&story, 4));
}

#[test]
fn a_check_that_tells_in_rooms_only_brings_those_of_last_resort_once() {
    let mut story = Story::new();
    with_rooms(&mut story);
    assert_eq!(story.goes("web/disk", State::Critical), NOBODY);
    let told = story.notice("web/disk", NoticeKind::Problem, State::Critical, "ana");
    assert_eq!(told, ["problem ana by chat", "problem default by hook"]);
    let told = story.notice("web/disk", NoticeKind::Problem, State::Critical, "ana");
    assert_eq!(told, ["problem ana by chat"], "it was told already");
    let mut ends = story.goes("web/disk", State::Ok);
    ends.extend(story.notice("web/disk", NoticeKind::Recovery, State::Ok, "ana"));
    ends.extend(story.tick(1));
    ends.sort();
    assert_eq!(ends, ["recovery ana by chat", "recovery default by hook"]);
    // Who has a mailbox is somebody.
    story.incidents.book.contacts.insert("ana".into(), contact(&["mail"]));
    story.goes("web/disk", State::Critical);
    let told = story.notice("web/disk", NoticeKind::Problem, State::Critical, "ana");
    assert_eq!(told, ["problem ana by mail"]);
}

#[test]
fn who_is_in_rooms_only_is_known_by_name() {
    let mut story = Story::new();
    with_rooms(&mut story);
    let book = std::mem::take(&mut story.incidents.book);
    let desk = crate::Desk::open(story.store.clone(), book.clone(), b"secret").unwrap();
    let known = desk.rooms_only();
    assert_eq!((known.contacts, known.last_resort), (vec!["ana".into()], true));
    desk.set_book(Book { rooms: ["chat", "hook"].map(Arc::from).into(), ..book });
    let known = desk.rooms_only();
    assert_eq!((known.contacts, known.last_resort), (vec!["ana".into(), "default".into()], false));
}

#[test]
fn what_nobody_is_told_of_is_known_until_somebody_has_it() {
    let mut story = Story::new();
    assert_eq!(story.incidents.untold(), Untold::default());
    story.incidents.book.config.contacts.clear();
    assert!(story.incidents.untold().no_last_resort);
    story.goes("latency", State::Critical);
    story.goes("latency", State::Ok);
    assert_eq!(story.goes("unclaimed", State::Warning), NOBODY);
    assert_eq!(story.incidents.untold().incidents, [0; 0], "nothing to tell");
    assert_eq!(story.goes("unclaimed", State::Critical), NOBODY);
    assert_eq!((story.incidents.untold().incidents, story.incidents.counters.untold), (vec![2], 1));
    story.act(2, Deed::Acknowledge { comment: String::new() }).unwrap();
    assert_eq!(story.incidents.untold().incidents, [0; 0]);
    // Nobody can be told of anything: whoever looks, looks.
    story.incidents.book.contacts.clear();
    assert_eq!(story.incidents.untold(), Untold::default());
}
