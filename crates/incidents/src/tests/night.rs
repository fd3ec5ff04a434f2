//! What waits for the morning, and what does not.

use super::policies::{policy, step};
use super::*;
use crate::config::NightPages;
use crate::oncall::policy::PolicyConfig;

const HOUR: i64 = 3_600;

/// Two o'clock at night, UTC; everything pages by day. The contacts have no zone of their own.
fn at_night() -> Story {
    let mut story = Story::new();
    wakes_at_seven(&mut story);
    story
}

fn wakes_at_seven(story: &mut Story) {
    story.now = 4 * 86_400 + 2 * HOUR;
    let config = &mut story.incidents.book.config;
    config.night = "22:00-07:00".into();
    (config.page_warnings, config.page_non_production) = (true, true);
}

fn by_policy(policy: PolicyConfig) -> Story {
    let mut story = Story::of_policy(policy);
    wakes_at_seven(&mut story);
    story
}

/// How many seconds it is until then, on the clock of UTC.
fn until(story: &Story, hour: i64) -> i64 {
    4 * 86_400 + hour * HOUR - story.now
}

fn said(story: &Story, id: i64) -> String {
    let lines = crate::store::timeline(&story.store, id).unwrap();
    lines.into_iter().map(|line| line.text).collect::<Vec<_>>().join("\n")
}

fn lives_in(story: &mut Story, contact: &str, zone: &str) {
    story.incidents.book.contacts.get_mut(contact).unwrap().time_zone = Some(zone.into());
}

#[test]
fn c084_c115_only_what_is_critical_in_production_rings_at_night() {
    let mut story = at_night();
    assert_eq!(story.goes("unclaimed", State::Critical), ["problem default by hook"]);
    assert_eq!(story.goes("latency", State::Warning), NOBODY);
    assert!(
        said(&story, 2)
            .contains("for ops held until 07:00: quiet hours, only CRITICAL of production rings at night")
    );
    let told = &story.incidents.live[&2].detail.told["ops"];
    assert_eq!(told.held.as_ref().unwrap().until, 4 * 86_400 + 7 * HOUR);
    assert_eq!(story.incidents.counters.held_at_night, 1);
    let seconds = until(&story, 7) - 1;
    assert_eq!(story.tick(seconds), NOBODY);
    assert_eq!(story.tick(1), ["still ops by mail", "still ops by hook"], "once, in the morning");
    assert_eq!(story.tick(HOUR), NOBODY);
    assert!(story.incidents.live[&2].detail.told["ops"].held.is_none());
    // What is not production is no matter for the night either, however bad.
    let mut story = at_night();
    assert_eq!(story.goes("latency|cpu;env=staging", State::Critical), NOBODY);
    assert_eq!(story.incidents.counters.held_at_night, 1);
}

#[test]
fn c115_without_a_word_in_the_files_only_what_is_critical_rings_at_night() {
    let mut story = Story::of_policy(policy(&[step(&["ana"], "5m")]));
    story.now = 4 * 86_400 + 2 * HOUR;
    let config = &mut story.incidents.book.config;
    *config = crate::config::IncidentsConfig::default();
    assert_eq!(config.night, "22:00-07:00");
    assert_eq!(story.goes("paged", State::Warning), NOBODY, "it would page nobody by day either");
    assert_eq!(story.goes("paged", State::Critical), ["problem ana by mail"]);
    assert_eq!(story.goes("latency", State::Critical), ["problem ops by mail", "problem ops by hook"]);
    assert_eq!(story.incidents.counters.held_at_night, 0);
    // What pages by day is held.
    story.incidents.book.config.page_warnings = true;
    assert_eq!(story.goes("unclaimed", State::Warning), NOBODY);
    story.incidents.book.config.contacts = vec!["ops".into()];
    story.goes("unclaimed", State::Ok);
    assert_eq!(story.goes("unclaimed", State::Warning), NOBODY);
    assert_eq!(story.incidents.counters.held_at_night, 1);
}

#[test]
fn what_is_over_by_the_morning_or_in_somebodys_hands_is_not_told() {
    let mut story = at_night();
    story.goes("latency", State::Warning);
    story.goes("latency", State::Ok);
    story.goes("unclaimed", State::Warning);
    story.act(2, Deed::Acknowledge { comment: String::new() }).unwrap();
    assert_eq!(story.tick(86_400 / 2), NOBODY);
}

#[test]
fn what_becomes_critical_at_night_rings_at_once_and_its_end_is_told_at_once() {
    let mut story = at_night();
    story.goes("latency", State::Warning);
    assert_eq!(story.goes("latency", State::Critical), ["problem ops by mail", "problem ops by hook"]);
    assert_eq!(story.goes("latency", State::Ok), ["recovery ops by hook", "recovery ops by mail"]);
    // Of what they heard by day the end can wait.
    story.now -= 8 * HOUR;
    assert_eq!(story.goes("unclaimed", State::Warning), ["problem default by hook"]);
    story.now += 8 * HOUR;
    assert_eq!(story.goes("unclaimed", State::Ok), NOBODY);
    let seconds = until(&story, 7);
    assert_eq!(story.tick(seconds), ["recovery default by hook"]);
}

#[test]
fn it_is_night_where_the_contact_lives() {
    let mut story = at_night();
    // Eleven in the morning, and six o'clock.
    lives_in(&mut story, "ops", "Asia/Tokyo");
    lives_in(&mut story, "default", "Asia/Dubai");
    assert_eq!(story.goes("latency", State::Warning).len(), 2);
    assert_eq!(story.goes("unclaimed", State::Warning), NOBODY);
    let seconds = until(&story, 3);
    assert_eq!(story.tick(seconds), ["still default by hook"], "seven in Dubai");
}

#[test]
fn rooms_do_not_sleep_and_a_night_can_be_off() {
    let mut story = at_night();
    story.incidents.book.rooms.insert("hook".into());
    assert_eq!(story.goes("unclaimed", State::Warning), ["problem default by hook"]);
    let mut story = at_night();
    story.incidents.book.config.night_pages = NightPages::All;
    assert_eq!(story.goes("latency", State::Warning).len(), 2);
    let mut story = at_night();
    story.incidents.book.config.night = "off".into();
    assert_eq!(story.goes("latency", State::Warning).len(), 2);
}

#[test]
fn c101_what_has_no_owner_and_playbook_waits_if_that_is_wanted() {
    let mut story = at_night();
    story.incidents.book.config.require_owner_and_playbook_at_night = true;
    assert_eq!(story.goes("latency", State::Critical), NOBODY);
    assert!(said(&story, 1).contains("held until 07:00: quiet hours, it has no owner or no playbook"));
    let seconds = until(&story, 7);
    assert_eq!(story.tick(seconds).len(), 2);
    let mut story = at_night();
    story.incidents.book.config.require_owner_and_playbook_at_night = true;
    let latency = story.incidents.book.subjects.get_mut(&(false, "latency".into())).unwrap();
    (latency.owner, latency.playbook) = (Some("ops".into()), Some("restart it".into()));
    assert_eq!(story.goes("latency", State::Critical).len(), 2);
    let desk = crate::Desk::open(story.store.clone(), story.incidents.book.clone(), b"secret").unwrap();
    let (unready, kept) = desk.unready();
    let names: Vec<&str> = unready.iter().map(|one| &*one.name).collect();
    assert!(kept);
    assert_eq!(names, ["unclaimed", "web/disk", "web/http", "web"], "shadow pages nobody anyway");
    assert!(unready.iter().all(|one| one.owner && one.playbook));
}

#[test]
fn a_step_waits_for_the_morning_of_whom_it_would_wake() {
    let mut story = by_policy(policy(&[step(&["ana"], "5m"), step(&["ben"], "5m")]));
    assert_eq!(story.goes("paged", State::Warning), NOBODY);
    assert_eq!(story.tick(HOUR), NOBODY);
    let lines = said(&story, 1);
    let held =
        "step 1 of `p` for ana held until 07:00: quiet hours, only CRITICAL of production rings at night";
    assert_eq!(lines.matches(held).count(), 1, "{lines}");
    let seconds = until(&story, 7) - 1;
    assert_eq!(story.tick(seconds), NOBODY);
    assert_eq!(story.tick(1), ["problem ana by mail"]);
    assert_eq!(story.tick(299), NOBODY);
    assert_eq!(story.tick(1), ["problem ben by mail"]);
}

#[test]
fn a_step_that_waits_runs_when_it_becomes_critical() {
    let mut story = by_policy(policy(&[step(&["ana"], "5m"), step(&["ben"], "5m")]));
    story.goes("paged", State::Warning);
    story.tick(HOUR);
    let told = story.goes("paged", State::Critical);
    let told = [told, story.tick(1)].concat();
    assert_eq!(told, ["problem ana by mail"]);
    assert_eq!(story.tick(300), ["problem ben by mail"]);
}

#[test]
fn a_step_tells_those_who_are_awake_and_the_others_in_the_morning() {
    let mut story = by_policy(policy(&[step(&["ana", "ben"], "1h")]));
    lives_in(&mut story, "ben", "Asia/Tokyo");
    assert_eq!(story.goes("paged", State::Warning), ["problem ben by mail"]);
    let seconds = until(&story, 7);
    let told = story.tick(seconds);
    assert!(told.contains(&"still ana by mail".to_owned()), "{told:?}");
}

#[test]
fn whoever_asks_for_somebody_at_night_gets_somebody() {
    let mut story = by_policy(policy(&[step(&["ana"], "5m")]));
    story.goes("paged", State::Warning);
    let next = Deed::Escalate { to: Vec::new(), comment: String::new() };
    assert_eq!(story.act(1, next).unwrap(), ["problem default by hook"]);
}

#[test]
fn a_room_that_is_told_at_night_is_nobody_for_whom_somebody_is_asked() {
    let mut story = by_policy(policy(&[step(&["ben"], "5m"), step(&["ana", "channel:chat"], "5m")]));
    story.incidents.book.rooms.insert("chat".into());
    // Ten in the morning where ben is.
    lives_in(&mut story, "ben", "Asia/Tokyo");
    assert_eq!(story.goes("paged", State::Warning), ["problem ben by mail"]);
    let next = Deed::Escalate { to: Vec::new(), comment: String::new() };
    let told = story.act(1, next).unwrap();
    assert_eq!(told, ["problem channel:chat by chat", "still default by hook"]);
}

#[test]
fn c110_who_would_be_woken_knows_of_quiet_hours() {
    let story = by_policy(policy(&[step(&["ana"], "5m"), step(&["ben"], "5m")]));
    let rehearse = |state| {
        let at = Timestamp(story.now);
        story.incidents.stage_for(&key("paged"), at).unwrap().play(&key("paged"), state, at, &[])
    };
    assert_eq!(rehearse(State::Critical).moments[0].calls.len(), 1);
    let quiet = rehearse(State::Warning);
    assert!(quiet.moments[0].calls.is_empty() && quiet.moments[0].said[0].contains("held until 07:00"));
    let first = quiet.moments.iter().find(|moment| !moment.calls.is_empty()).unwrap();
    assert_eq!(first.at.0, 4 * 86_400 + 7 * HOUR);
}

#[test]
fn who_was_called_by_hand_at_night_hears_of_the_end_at_once() {
    let mut story = by_policy(policy(&[step(&["ana"], "5m")]));
    story.goes("paged", State::Warning);
    let next = Deed::Escalate { to: Vec::new(), comment: String::new() };
    assert_eq!(story.act(1, next).unwrap(), ["problem default by hook"]);
    assert_eq!(story.goes("paged", State::Ok), ["recovery default by hook"]);
}

#[test]
fn rooms_of_a_step_that_waits_do_not_wait_and_channels_that_call_people_do() {
    let named = ["ana", "channel:hook", "channel:pagerduty"];
    let mut story = by_policy(policy(&[step(&named, "5m"), step(&["ben"], "5m")]));
    story.incidents.book.rooms.insert("hook".into());
    assert_eq!(story.goes("paged", State::Warning), ["problem channel:hook by hook"]);
    let seconds = until(&story, 7) - 1;
    assert_eq!(story.tick(seconds), NOBODY, "once");
    assert_eq!(story.tick(1), ["problem ana by mail", "problem channel:pagerduty by pagerduty"]);
    assert_eq!(story.tick(300), ["problem ben by mail"]);
}

#[test]
fn for_whom_a_reload_took_out_in_the_night_somebody_else_is_told() {
    let mut story = at_night();
    assert_eq!(story.goes("latency", State::Warning), NOBODY);
    story.incidents.book.contacts.remove("ops");
    lives_in(&mut story, "default", "Asia/Tokyo");
    assert_eq!(story.tick(1), ["problem default by hook"], "it is day there");
    assert!(
        said(&story, 1)
            .contains("ops was to be told and is not reached by anything any more: default instead")
    );
    assert_eq!(story.tick(HOUR), NOBODY, "once");
}
