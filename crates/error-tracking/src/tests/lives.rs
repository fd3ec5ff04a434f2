//! A group is resolved or ignored, and events go on coming.

use vocabulary::Timestamp;

use super::Story;
use crate::deeds::{Deed, Refusal};
use crate::life::{News, Until};
use crate::look::Wanted;

impl Story {
    fn act(&mut self, group: u64, deed: Deed) {
        self.now += 1;
        self.tracker.act(group, &deed, "ana", Timestamp(self.now)).unwrap();
    }

    pub(super) fn status(&self, group: u64) -> &'static str {
        self.tracker.one(group).unwrap().unwrap().detail.life.word()
    }
}

fn regressed(resolved: &str, release: &str) -> Option<News> {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Some(News::Regressed { resolved_release: some(resolved), release: some(release) })
}

#[test]
fn c129_a_new_group_and_one_that_is_back_are_told_once_each() {
    for restarts in [false, true] {
        let mut story = Story { restarts, ..Story::new() };
        assert_eq!(story.seen("A", "1.0.0"), Some(News::New));
        assert_eq!(story.seen("A", "1.0.0"), None);
        assert_eq!(story.seen("B", "1.0.0"), Some(News::New));
        story.act(1, Deed::Resolve);
        assert_eq!(story.status(1), "resolved");
        assert_eq!(story.seen("A", "1.0.0"), regressed("1.0.0", "1.0.0"));
        assert_eq!(story.seen("A", "1.0.0"), None);
        assert_eq!(story.status(1), "unresolved");
        assert_eq!(story.tracker.counters().regressed, u64::from(!restarts), "it counts since its start");
    }
}

#[test]
fn that_it_is_back_is_known_until_somebody_says_something() {
    let mut story = Story { restarts: true, ..Story::new() };
    let regressed_at = |story: &Story| story.tracker.one(1).unwrap().unwrap().detail.regressed_at;
    story.seen("A", "1.0.0");
    assert_eq!(regressed_at(&story), None);
    story.act(1, Deed::Resolve);
    story.seen("A", "1.0.0");
    let back = story.now;
    story.seen("A", "1.0.0");
    story.act(1, Deed::Assign { to: Some("ben".into()) });
    assert_eq!(regressed_at(&story), Some(back));
    let wanted = Wanted { is_back: true, limit: 10, ..Wanted::default() };
    let back = |story: &Story| story.tracker.list(&wanted, Timestamp(story.now)).unwrap().len();
    assert_eq!(back(&story), 1);
    story.act(1, Deed::Reopen);
    assert_eq!((regressed_at(&story), back(&story)), (None, 0));
}

#[test]
fn events_of_older_releases_bring_nothing_back() {
    let mut story = Story::new();
    for release in ["web@1.9.0", "web@1.10.0"] {
        story.seen("A", release);
    }
    story.act(1, Deed::Resolve);
    assert_eq!(story.seen("A", "web@1.9.0"), None, "it was to be expected");
    assert_eq!(story.seen("A", "web@1.10.0"), regressed("web@1.10.0", "web@1.10.0"));

    story.act(1, Deed::ResolveInNext);
    for release in ["web@1.9.0", "web@1.10.0", "web@1.9.5", ""] {
        assert_eq!(story.seen("A", release), None, "{release}");
    }
    assert_eq!(story.seen("A", "web@1.10.1"), regressed("web@1.10.0", "web@1.10.1"));

    story.act(1, Deed::ResolveIn { release: "web@1.11.0".into() });
    assert_eq!(story.seen("A", "web@1.10.9"), None);
    assert_eq!(story.seen("A", ""), None, "what says of no release is no proof");
    assert_eq!(story.seen("A", "web@1.11.0"), regressed("web@1.11.0", "web@1.11.0"));
}

#[test]
fn names_without_numbers_are_in_the_order_in_which_they_came() {
    let mut story = Story::new();
    for release in ["f00", "a11"] {
        story.seen("A", release);
    }
    story.act(1, Deed::ResolveInNext);
    assert_eq!(story.seen("A", "f00"), None);
    assert_eq!(story.seen("A", "b22"), regressed("a11", "b22"));
    // It is to come: until it is there, whatever is new comes before it.
    story.act(1, Deed::ResolveIn { release: "next".into() });
    assert_eq!(story.seen("A", "c33"), None);
    assert_eq!(story.seen("A", "next"), regressed("next", "next"));
}

#[test]
fn without_releases_any_event_brings_it_back() {
    let mut story = Story::new();
    story.seen("A", "");
    story.act(1, Deed::Resolve);
    assert_eq!(story.seen("A", ""), regressed("", ""));
    story.act(1, Deed::ResolveInNext);
    assert_eq!(story.seen("A", ""), None);
    assert_eq!(story.seen("A", "1.0.0"), regressed("", "1.0.0"));
}

#[test]
fn what_is_ignored_counts_on_until_it_is_too_much() {
    let mut story = Story { restarts: true, ..Story::new() };
    let told = |why: &str| Some(News::Unignored { why: why.into() });
    story.seen("A", "1.0.0");

    story.act(1, Deed::Ignore { until: Until::Forever });
    assert!((0..20).all(|_| story.seen("A", "1.0.0").is_none()));
    assert_eq!(story.tracker.one(1).unwrap().unwrap().count, 21);

    story.act(1, Deed::Ignore { until: Until::Events(3) });
    assert_eq!((story.seen("A", ""), story.seen("A", "")), (None, None));
    assert_eq!(story.seen("A", ""), told("3 more events came"));

    let until = Until::Time(story.now + 100);
    story.act(1, Deed::Ignore { until });
    assert_eq!(story.seen("A", ""), None);
    story.now += 100;
    assert_eq!(story.seen("A", ""), told("the time is over"));

    story.act(1, Deed::Ignore { until: Until::EventsWithin { count: 3, seconds: 60 } });
    for _ in 0..5 {
        assert_eq!(story.seen("A", ""), None, "one in 50 seconds");
        story.now += 50;
    }
    story.seen("A", "");
    assert_eq!(story.seen("A", ""), told("3 events came within 1 min"));

    story.act(1, Deed::Ignore { until: Until::Release("2.0.0".into()) });
    assert_eq!(story.seen("A", "1.9.0"), None);
    assert_eq!(story.seen("A", "2.0.1"), told("it was seen in 2.0.1"));

    story.act(1, Deed::Ignore { until: Until::Users(2) });
    let of = |user: u64| format!(r#"{{"exception":[{{"type":"A","value":"v"}}],"user":{{"id":{user}}}}}"#);
    assert_eq!(story.event(&of(1)).news, None);
    assert_eq!(story.event(&of(1)).news, None);
    assert_eq!(story.event(&of(2)).news, told("2 people had it"));
    assert_eq!(story.status(1), "unresolved");
}

#[test]
fn what_was_ignored_until_a_time_is_open_when_it_is_over() {
    let mut story = Story::new();
    story.seen("A", "");
    let until = Until::Time(story.now + 100);
    story.act(1, Deed::Ignore { until });
    let open = |now: i64| {
        let wanted = Wanted { status: Some("unresolved".into()), limit: 10, ..Wanted::default() };
        let life = story.tracker.one(1).unwrap().unwrap().detail.life;
        (story.tracker.list(&wanted, Timestamp(now)).unwrap().len(), life.word_at(Timestamp(now)))
    };
    assert_eq!(open(story.now), (0, "ignored"));
    assert_eq!(open(story.now + 100), (1, "unresolved"));
}

#[test]
fn what_cannot_be_done_is_refused() {
    let mut story = Story::new();
    story.seen("A", "");
    let now = Timestamp(story.now);
    let refused = |deed: Deed| matches!(story.tracker.act(1, &deed, "ana", now), Err(Refusal::Wrong(_)));
    assert!(refused(Deed::Ignore { until: Until::Events(0) }));
    for time in [story.now, i64::MIN, i64::MAX] {
        assert!(refused(Deed::Ignore { until: Until::Time(time) }));
    }
    assert!(refused(Deed::Ignore { until: Until::Users(1_000_000) }));
    assert!(refused(Deed::Ignore { until: Until::EventsWithin { count: 1, seconds: 0 } }));
    assert!(refused(Deed::ResolveIn { release: String::new() }));
    assert!(refused(Deed::Assign { to: Some(String::new()) }));
    let nobody = story.tracker.act(9, &Deed::Resolve, "ana", now);
    assert!(matches!(nobody, Err(Refusal::NoSuchGroup(9))));
}

#[test]
fn c113_with_each_event_it_is_said_whose_the_group_is() {
    for restarts in [false, true] {
        let mut story = Story { restarts, ..Story::new() };
        let event = super::exception("A", "1.0.0");
        assert_eq!(story.event(&event).assigned, None);
        story.act(1, Deed::Assign { to: Some("pay".into()) });
        assert_eq!(story.event(&event).assigned.as_deref(), Some("pay"));
        story.act(1, Deed::Assign { to: None });
        assert_eq!(story.event(&event).assigned, None);
    }
}

#[test]
fn what_was_done_is_told_in_order() {
    let mut story = Story::new();
    story.seen("A", "1.0.0");
    story.act(1, Deed::Assign { to: Some("ben".into()) });
    story.act(1, Deed::Resolve);
    story.seen("A", "1.0.0");
    let told = story.tracker.activity(1, 10, Timestamp(story.now)).unwrap();
    let told: Vec<_> = told.iter().rev().map(|one| (&*one.kind, &*one.who)).collect();
    assert_eq!(told, [("opened", ""), ("assigned", "ana"), ("resolved", "ana"), ("regressed", "")]);
    assert_eq!(story.tracker.one(1).unwrap().unwrap().assigned.as_deref(), Some("ben"));
}
