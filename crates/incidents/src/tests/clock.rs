//! A clock that was ahead is set back: nothing waits for what it showed.

use vocabulary::reach::{ReachRule, ReachStep, Severity};
use vocabulary::time::HumanDuration;

use super::delivery::{Counter, with_last_resort};
use super::policies::{policy, step};
use super::*;
use crate::desk::{Attempt, Desk};

const DAY: i64 = 86_400;

impl Story {
    /// The process that has just seen what the clock shows sees it a day earlier.
    fn set_back(&mut self) {
        self.incidents.latest = Some(Timestamp(self.now));
        self.now -= DAY;
    }
}

/// At ten days.
fn late(mut story: Story) -> Story {
    story.now = 10 * DAY;
    story
}

#[test]
fn a_policy_goes_on() {
    let mut story = late(Story::of_policy(policy(&[step(&["ana"], "5m"), step(&["ben"], "10m")])));
    assert_eq!(story.goes("paged", State::Critical), ["problem ana by mail"]);
    assert_eq!(story.tick(60), NOBODY);
    story.set_back();
    assert_eq!(story.tick(0), NOBODY);
    assert_eq!(story.tick(239), NOBODY);
    assert_eq!(story.tick(1), ["problem ben by mail"], "as if nothing had been");
    assert_eq!(story.tick(599), NOBODY);
    let told = story.tick(1);
    assert!(told.contains(&"problem default by hook".to_owned()), "it has come to its end: {told:?}");
}

#[test]
fn a_start_with_a_clock_that_is_behind_calls_nobody_before_the_time() {
    let mut story = late(Story::of_policy(policy(&[step(&["ana"], "5m"), step(&["ben"], "10m")])));
    assert_eq!(story.goes("paged", State::Critical), ["problem ana by mail"]);
    // Each step of a story is a process of its own.
    story.now -= DAY;
    assert_eq!(story.tick(1), NOBODY);
    story.now += DAY;
    assert_eq!(story.tick(298), NOBODY);
    assert_eq!(story.tick(1), ["problem ben by mail"], "once the clock is right");
}

#[test]
fn a_rule_of_ones_own_takes_as_long_as_it_would_have() {
    let mut story = late(Story::new());
    let minutes = |minutes: u64| HumanDuration::from_secs(60 * minutes);
    let ways = [(0, "mail"), (2, "sms")];
    let steps = ways.map(|(after, channel)| ReachStep { after: minutes(after), channel: channel.into() });
    let rule = ReachRule { severity: Severity::Any, steps: steps.into(), repeat_every: None };
    let ops = story.incidents.book.contacts.get_mut("ops").unwrap();
    *ops = Contact { rules: vec![rule], ..contact(&["mail", "sms"]) };
    assert_eq!(story.goes("latency", State::Critical), ["problem ops by mail"]);
    story.set_back();
    assert_eq!(story.tick(0), NOBODY);
    assert_eq!(story.tick(119), NOBODY);
    assert_eq!(story.tick(1), ["still ops by sms"]);
}

#[test]
fn a_page_is_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let rooms = [crate::MIGRATIONS, crate::oncall::MIGRATIONS];
    let store = StateStore::open(&directory.path().join("state.db"), &rooms).unwrap();
    let desk = Desk::open(Arc::new(store), book(), b"secret").unwrap();
    let now = Timestamp(10 * DAY);
    desk.take(&[change("latency", State::Critical, None, now.0)], &[], now).unwrap();
    let due = |at: i64| desk.due("mail", at * 1_000, 10);
    let page = due(now.0)[0].page.id;
    let later = Attempt::Later { at_ms: (now.0 + 600) * 1_000, why: "nobody is there".into() };
    desk.record("mail", &[(page, later)], now).unwrap();
    assert_eq!(due(now.0 + 599), []);
    assert_eq!(due(now.0 - DAY).len(), 1, "no pause is that long");
}

#[test]
fn what_was_told_anew_by_a_clock_that_was_ahead_is_known() {
    let mut counter = Counter::new();
    let all = with_last_resort(&counter, &[("ana", &["mail"])], &["mail"]);
    counter.goes("latency", State::Critical);
    counter.try_all("mail", &Attempt::Delivered);
    let tick = |counter: &mut Counter, seconds: i64| {
        counter.now += seconds;
        counter.desk.tick(&counter.sky, Timestamp(counter.now)).unwrap();
    };
    tick(&mut counter, 3_600);
    let until = Timestamp(counter.now + 1);
    let snooze = Deed::Snooze { until, comment: String::new() };
    counter.desk.act(1, "bea", &snooze, Timestamp(counter.now)).unwrap();
    tick(&mut counter, 1);
    assert_eq!(counter.try_all("mail", &Attempt::Delivered), ["still ana latency"]);
    tick(&mut counter, -3_500);
    let call = Deed::Escalate { to: vec!["ana".into()], comment: String::new() };
    counter.desk.act(1, "bea", &call, Timestamp(counter.now)).unwrap();
    assert_eq!(counter.try_all("mail", &Attempt::Delivered).len(), 1);
    tick(&mut counter, 1);
    assert!(counter.desk.untold().incidents.is_empty());
    counter.desk = Desk::open(counter.desk.store.clone(), all, b"secret").unwrap();
    tick(&mut counter, 1);
    assert_eq!(counter.try_all("mail", &Attempt::Delivered), NOBODY, "a start calls nobody again");
}
