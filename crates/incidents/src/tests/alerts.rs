//! Alerts that others send: each key of a sender is a reason of its own.

use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::{Notice, NoticeKind, OfSender, State, StateChange};
use vocabulary::time::HumanDuration;

use super::{NOBODY, Story, change, key, subject};
use crate::book::Kind;
use crate::limits::{FLOOD_SECONDS, MAX_ALERTS_APART};
use crate::people::Deed;

const TOLD: [&str; 2] = ["problem ops by mail", "problem ops by hook"];
const OVER: [&str; 2] = ["recovery ops by hook", "recovery ops by mail"];

impl Story {
    fn of_alerts() -> Story {
        let mut story = Story::new();
        let book = &mut story.incidents.book;
        book.config.group_window = HumanDuration(std::time::Duration::from_secs(120));
        book.subjects.insert((false, "sender".into()), subject(Kind::Check, Some("web"), &["ops"]));
        book.alerts.insert("sender".into(), subject(Kind::Alerts, None, &["ops"]));
        story
    }

    fn titles(&self) -> Vec<&str> {
        let open = self.incidents.live.values().filter(|incident| !incident.is_closed());
        open.map(|incident| incident.title.as_str()).collect()
    }
}

#[test]
fn c106_each_key_pages_by_itself_and_an_acknowledgement_says_nothing_of_others() {
    let mut story = Story::of_alerts();
    assert_eq!(story.goes("sender|disk-1", State::Critical), TOLD);
    assert_eq!(story.goes("sender", State::Critical), NOBODY, "it sums up what they were told");
    assert_eq!(story.notice("sender", NoticeKind::Problem, State::Critical, "ops"), NOBODY);
    story.act(1, Deed::Acknowledge { comment: String::new() }).unwrap();
    assert_eq!(story.goes("sender|mail-2", State::Critical), TOLD, "nobody has this one");
    assert_eq!(story.titles(), ["text of sender|disk-1", "text of sender|mail-2"]);
    assert!(story.incidents.live[&2].detail.acknowledged.is_none());
    assert_eq!(story.goes("sender|disk-1", State::Ok), OVER);
    let over = ["sender", "sender|mail-2"].map(|name| change(name, State::Ok, None, story.now));
    let recovery = Notice {
        id: super::id("sender"),
        at: Timestamp(story.now),
        kind: NoticeKind::Recovery,
        state: State::Ok,
        contact: "ops".into(),
        number: 2,
        text: "no alert fires".into(),
        author: "".into(),
        comment: "".into(),
    };
    let pages = story.incidents.take(&over, &[(recovery, false)], Timestamp(story.now));
    assert_eq!(story.told(pages), OVER, "once");
    assert!(story.believes.is_empty() && story.incidents.open_count() == 0);
}

#[test]
fn c106_the_check_counts_by_itself_if_no_alert_has_made_it_bad() {
    let mut story = Story::of_alerts();
    // The sum comes before its parts.
    let both = ["sender", "sender|disk-1"].map(|name| change(name, State::Critical, None, story.now));
    let pages = story.incidents.take(&both, &[], Timestamp(story.now));
    assert_eq!(story.told(pages), TOLD);
    assert_eq!(story.incidents.open_count(), 1);
    assert_eq!(story.goes("sender|disk-1", State::Ok), OVER);
    story.goes("sender", State::Ok);
    assert_eq!(story.goes("sender", State::Critical), NOBODY, "its own rules tell");
    assert_eq!(story.notice("sender", NoticeKind::Problem, State::Critical, "ops"), TOLD);
    assert_eq!(story.incidents.open_count(), 1);
}

#[test]
fn what_its_sender_says_is_in_the_incident_and_its_pages() {
    let mut story = Story::of_alerts();
    let said = OfSender {
        since: Some(story.now - 300),
        description: Some("it fills up".into()),
        runbook: Some("https://wiki.example/disk".into()),
        ..OfSender::default()
    };
    let of_sender = Some(Arc::new(said));
    let bad = StateChange { of_sender, ..change("sender|disk-1", State::Critical, None, story.now) };
    let (at, began) = (Timestamp(story.now), story.now - 300);
    let pages = story.incidents.take(&[bad], &[], at);
    let message = pages[0].message.clone();
    assert_eq!((message.since, message.description.as_deref()), (began, Some("it fills up")));
    assert_eq!(message.playbook.as_deref(), Some("https://wiki.example/disk"));
    assert_eq!(story.told(pages), TOLD);
    let guide = |story: &Story| story.incidents.guide_of(&story.incidents.live[&1]).url;
    assert_eq!((story.incidents.live[&1].since(), story.incidents.live[&1].opened), (began, at));
    assert_eq!(guide(&story).as_deref(), Some("https://wiki.example/disk"), "also after a restart");
    let own = story.incidents.book.alerts.get_mut("sender").unwrap();
    own.playbook = Some("https://own.example/sender".into());
    assert_eq!(
        guide(&story).as_deref(),
        Some("https://own.example/sender"),
        "what is defined here goes first"
    );
    let over = change("sender|disk-1", State::Ok, None, story.now + 60);
    let pages = story.incidents.take(&[over], &[], Timestamp(story.now + 60));
    assert_eq!(pages[0].message.since, began);
    assert_eq!(story.told(pages), OVER);
}

#[test]
fn what_is_not_of_production_makes_the_word_of_the_check_no_worse() {
    let mut story = Story::of_alerts();
    story.incidents.book.contacts.get_mut("ana").unwrap().check_options = Some(vec!["c".into()]);
    let notice =
        |story: &mut Story, contact| story.notice("sender", NoticeKind::Problem, State::Critical, contact);
    story.goes("sender|disk-1", State::Warning);
    story.goes("sender|Slow;env=staging", State::Critical);
    assert_eq!(story.goes("sender", State::Critical), NOBODY);
    assert_eq!(notice(&mut story, "ana"), NOBODY, "she wants to hear of CRITICAL only");
    assert_eq!(notice(&mut story, "ops"), TOLD);
    let check = |story: &Story| story.incidents.placed_state(&key("sender"));
    assert_eq!(check(&story), Some(State::Warning));
    story.goes("sender|disk-1", State::Ok);
    story.goes("sender", State::Critical);
    assert_eq!(check(&story), Some(State::Warning), "what is left is of staging");
    let alone = key("web/http");
    assert_eq!(story.incidents.as_of_production(&alone, State::Critical), State::Critical);
}

#[test]
fn c106_a_warning_reaches_the_contacts_of_the_check_by_its_own_rules() {
    let mut story = Story::of_alerts();
    let notice = |story: &mut Story, kind, state| story.notice("sender", kind, state, "ops");
    assert_eq!(story.goes("sender|Slow;env=staging", State::Critical), NOBODY);
    story.goes("sender", State::Warning);
    assert_eq!(notice(&mut story, NoticeKind::Problem, State::Warning), NOBODY, "not of production");
    assert_eq!(story.goes("sender|disk-1", State::Warning), NOBODY, "it does not page");
    assert_eq!(notice(&mut story, NoticeKind::Problem, State::Warning), TOLD);
    story.goes("sender|Slow;env=staging", State::Ok);
    story.goes("sender|disk-1", State::Ok);
    assert_eq!(story.goes("sender", State::Ok), NOBODY, "whom it told hears by its own rules");
    let over = notice(&mut story, NoticeKind::Recovery, State::Ok);
    assert_eq!(over, ["recovery ops by mail", "recovery ops by hook"]);
    assert!(story.believes.is_empty() && story.incidents.open_count() == 0);
}

#[test]
fn c106_an_alert_that_becomes_worse_than_a_warning_pages_once() {
    let mut story = Story::of_alerts();
    let notice = |story: &mut Story, kind, state| story.notice("sender", kind, state, "ops");
    assert_eq!(story.goes("sender|disk-1", State::Warning), NOBODY);
    assert_eq!(story.goes("sender", State::Warning), NOBODY);
    assert_eq!(notice(&mut story, NoticeKind::Problem, State::Warning), TOLD);
    assert_eq!(story.goes("sender|disk-1", State::Critical), TOLD, "its own incident pages");
    assert_eq!(story.goes("sender", State::Critical), NOBODY);
    assert_eq!(notice(&mut story, NoticeKind::Problem, State::Critical), NOBODY, "they know");
    assert_eq!(story.incidents.placed_state(&key("sender")), Some(State::Warning));
    assert_eq!(story.goes("sender|disk-1", State::Ok), OVER);
    story.goes("sender", State::Ok);
    assert_eq!(notice(&mut story, NoticeKind::Recovery, State::Ok).len(), 2);
    assert!(story.believes.is_empty() && story.incidents.open_count() == 0);
}

#[test]
fn c106_a_check_that_is_bad_by_itself_is_told_again_though_an_alert_pages() {
    let mut story = Story::of_alerts();
    let told = |story: &mut Story| story.notice("sender", NoticeKind::Problem, State::Critical, "ops");
    story.goes("sender", State::Critical);
    assert_eq!(told(&mut story), TOLD);
    assert_eq!(story.goes("sender|disk-1", State::Critical), TOLD);
    assert_eq!(told(&mut story), TOLD, "by its own rules, as often as they say");
}

#[test]
fn c106_those_of_one_rule_that_begin_together_are_one_incident() {
    let mut story = Story::of_alerts();
    assert_eq!(story.goes("sender|Down;job=a", State::Critical), TOLD);
    assert_eq!(story.goes("sender|Down;job=b", State::Critical), NOBODY);
    assert_eq!(story.goes("sender|Slow;job=a", State::Critical), TOLD, "another rule");
    assert_eq!(story.goes("sender|Slow;job=a;env=staging", State::Critical), NOBODY, "not of production");
    assert_eq!(story.incidents.open_count(), 3);
    let joined = &story.incidents.live[&1].troubles[&super::key("sender|Down;job=b")];
    assert_eq!(joined.why.as_deref(), Some("it began with another Down of sender"));
}

#[test]
fn c106_a_flood_of_keys_wakes_nobody_for_each() {
    let mut story = Story::of_alerts();
    let keys: Vec<String> = (0..60).map(|n| format!("sender|key-{n}")).collect();
    let at = Timestamp(story.now);
    let storm: Vec<_> = keys.iter().map(|key| change(key, State::Critical, None, at.0)).collect();
    let pages = story.incidents.take(&storm, &[], at);
    assert_eq!(story.told(pages).len(), 2 * MAX_ALERTS_APART);
    assert_eq!(story.incidents.open_count(), MAX_ALERTS_APART);
    let bad: usize = story.incidents.live.values().map(|incident| incident.detail.bad).sum();
    assert_eq!(bad, keys.len());
    story.act(1, Deed::Acknowledge { comment: String::new() }).unwrap();
    assert_eq!(story.goes("sender|one-more", State::Critical), TOLD, "somebody works on one of them");
    story.tick(FLOOD_SECONDS);
    assert_eq!(story.goes("sender|later", State::Critical), TOLD);
    for key in keys.iter().map(String::as_str).chain(["sender|one-more", "sender|later"]) {
        story.goes(key, State::Ok);
    }
    assert!(story.believes.is_empty() && story.incidents.open_count() == 0, "{:?}", story.believes);
}
