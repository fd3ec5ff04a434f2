//! One group becomes two: what was counted goes along as far as it can be known, and nothing is counted twice or lost.

use std::collections::{BTreeMap, BTreeSet};

use vocabulary::Timestamp;
use vocabulary::error::{EventKey, StoredEvent};
use vocabulary::ports::EventLogError;

use super::{NOW, Story, digested_by, received};
use crate::deeds::Refusal;
use crate::event::HashValue;
use crate::group::Unparted;
use crate::look::{By, Span};
use crate::pending::STEPS;
use crate::split::Split;
use crate::tracker::Tracker;

const PLACES: [&str; 3] = ["live", "test", ""];

/// The `n`th event: of two kinds, releases, days, some people.
fn event(kind: &str, n: u64) -> String {
    let place = PLACES[n as usize % 3];
    let environment = if place.is_empty() { String::new() } else { format!(r#","environment":"{place}""#) };
    // A has 0 to 4, B has 3 to 7.
    let user = n % 5 + if kind == "B" { 3 } else { 0 };
    format!(
        r#"{{"exception":[{{"type":"{kind}","value":"v"}}],"release":"1.0.{}","user":{{"id":"{user}"}},"tags":{{"drive":"d{}","kind":"{kind}"}}{environment}}}"#,
        n / 4,
        n % 7,
    )
}

/// With the log that it writes.
struct Told {
    story: Story,
    log: Vec<StoredEvent>,
}

impl Told {
    /// Events of A, B, A, B, A …
    fn new() -> Told {
        let mut told = Told { story: Story::new(), log: Vec::new() };
        for n in 0..24 {
            told.event(if n % 2 == 0 { "A" } else { "B" }, n);
        }
        told
    }

    fn event(&mut self, kind: &str, n: u64) {
        let story = &mut self.story;
        story.now += 7_000;
        let event = digested_by(&story.project, &event(kind, n), &received(story.now, story.events));
        let number = story.events;
        let taken = story.take(&event).unwrap();
        let key = EventKey { project: 1, group: taken.group, at: event.at, id: event.event_id };
        let user = event.user.map(|user| user.hash);
        self.log.push(StoredEvent { number, key, user, body: event.body });
    }

    fn merge(&mut self) {
        let now = Timestamp(self.story.now);
        for from in self.story.tracker.merge(1, &[2], "ana", now).unwrap() {
            self.log.iter_mut().filter(|event| event.key.group == from).for_each(|event| event.key.group = 1);
        }
    }

    /// What retention would take.
    fn drop_events(&mut self, kind: &str, count: usize) {
        let mut left = count;
        self.log.retain(|event| {
            let goes = left > 0 && String::from_utf8_lossy(&event.body).contains(&format!("\"{kind}\""));
            left -= usize::from(goes);
            !goes
        });
    }

    /// Off the first group.
    fn split(&mut self, kind: &str) -> Result<u64, Refusal> {
        let (log, story) = (&self.log, &self.story);
        let now = Timestamp(story.now);
        let mut parting = story.tracker.parting(&story.project, 1, &[hash(story, kind)], now)?;
        let (late, early) = log.split_last().unwrap();
        early.iter().rev().for_each(|event| parting.add(event));
        let made = story.tracker.split(
            parting,
            |parting| {
                parting.add(late);
                Ok(())
            },
            "ana",
            now,
        )?;
        self.finish();
        Ok(made)
    }

    fn finish(&mut self) -> usize {
        let log = &mut self.log;
        let tell = |split: &Split| {
            let moves =
                |event: &&mut StoredEvent| split.numbers.iter().any(|one| one.contains(&event.number));
            let moved = log.iter_mut().filter(|event| event.key.group == split.old).filter(moves);
            moved.for_each(|event| event.key.group = split.made);
            Ok(())
        };
        self.story.tracker.finish_splits(tell).unwrap()
    }

    fn kept(&self, group: u64) -> Vec<u64> {
        self.log.iter().filter(|event| event.key.group == group).map(|event| event.number).collect()
    }

    fn seen(&self, group: u64) -> Seen {
        let (tracker, now) = (&self.story.tracker, Timestamp(self.story.now));
        let one = tracker.one(group).unwrap().unwrap();
        let mut seen = Seen {
            count: one.count,
            users: one.users.count(),
            first: one.first_seen.0,
            last: one.last_seen.0,
            title: one.title,
            releases: (one.detail.first_release, one.detail.last_release),
            environments: one.detail.environments.into_iter().collect(),
            events: [one.detail.first_event, one.detail.last_event].map(|id| id.to_string()),
            ..Seen::default()
        };
        for shares in tracker.tags(1, group, now).unwrap() {
            for value in shares.values {
                let counted = (value.count, value.last_seen.0);
                seen.tags.insert((shares.key.clone(), value.value), counted);
            }
        }
        let until = Timestamp(self.story.now + 90_000);
        for step in STEPS {
            for by in [By::Release, By::Environment] {
                let from = Timestamp(NOW - 86_400);
                let (group, by) = (Some(group), Some(by));
                let span =
                    Span { project: 1, group, step, from, until, by, environment: None, release: None };
                for slot in tracker.counts(&span, now).unwrap() {
                    let place = (step, slot.at.0, format!("{by:?} {}", slot.name));
                    seen.counts.insert(place, slot.count);
                }
                for (at, users) in tracker.people(&span, now).unwrap() {
                    seen.people.insert((step, at.0), users.count());
                }
            }
        }
        seen
    }

    fn unparted(&self, group: u64) -> Vec<Unparted> {
        self.story.tracker.one(group).unwrap().unwrap().detail.unparted
    }
}

fn hash(story: &Story, kind: &str) -> HashValue {
    digested_by(&story.project, &event(kind, 0), &received(NOW, 99)).hashes[0].value
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Seen {
    count: u64,
    users: u64,
    first: i64,
    last: i64,
    title: String,
    releases: (Option<String>, Option<String>),
    environments: BTreeSet<String>,
    events: [String; 2],
    tags: BTreeMap<(String, String), (u64, i64)>,
    counts: BTreeMap<(i64, i64, String), u64>,
    people: BTreeMap<(i64, i64), u64>,
}

fn numbers(seen: &Seen) -> Vec<u64> {
    seen.tags.values().map(|(n, _)| *n).collect()
}

type Sums = (u64, BTreeMap<(String, String), u64>, BTreeMap<(i64, i64, String), u64>);

/// What must be the same before and after.
fn sums(told: &Told, groups: &[u64]) -> Sums {
    let (mut count, mut tags, mut counts) = Sums::default();
    for seen in groups.iter().map(|group| told.seen(*group)) {
        count += seen.count;
        for (place, (n, _)) in seen.tags {
            *tags.entry(place).or_default() += n;
        }
        for (place, n) in seen.counts {
            *counts.entry(place).or_default() += n;
        }
    }
    (count, tags, counts)
}

#[test]
fn a_split_leaves_what_had_been_without_the_merge() {
    let apart = Told::new();
    let mut told = Told::new();
    told.merge();
    let before = sums(&told, &[1]);
    let made = told.split("B").unwrap();
    assert_eq!(made, 3);
    assert_eq!(sums(&told, &[1, made]), before);
    assert_eq!((told.seen(1), told.seen(made)), (apart.seen(1), apart.seen(2)));
    assert_eq!((told.unparted(1), told.unparted(made)), (vec![], vec![]));
    assert_eq!((told.kept(1), told.kept(made)), (apart.kept(1), apart.kept(2)));
    told.event("B", 24);
    assert_eq!(told.log.last().unwrap().key.group, made);
}

#[test]
fn where_one_has_lost_events_the_rest_is_its_own() {
    let apart = Told::new();
    for (kind, exact) in [("A", 2), ("B", 1)] {
        let mut told = Told::new();
        told.merge();
        let before = sums(&told, &[1]);
        told.drop_events(kind, 5);
        let made = told.split("B").unwrap();
        assert_eq!(sums(&told, &[1, made]), before, "{kind}");
        for (group, same) in [(1, 1), (made, 2)] {
            let (now, then) = (told.seen(group), apart.seen(same));
            assert_eq!((now.count, &now.counts), (then.count, &then.counts), "{kind}");
            // When the one that is gone was tagged last is gone with it.
            assert!(now.tags.keys().eq(then.tags.keys()), "{kind}");
            assert_eq!(numbers(&now), numbers(&then), "{kind}");
            assert_eq!((now.first, now.last, now.title), (then.first, then.last, then.title), "{kind}");
            if same == exact {
                assert_eq!((now.users, now.people), (then.users, then.people), "{kind}");
            }
        }
        let (holder, other) = if exact == 2 { (1, made) } else { (made, 1) };
        let said = Unparted { group: other, is_here: true, events: 0, users: 3 };
        assert_eq!((told.unparted(holder), told.unparted(other)), (vec![said], vec![]), "{kind}");
    }
}

#[test]
fn what_cannot_be_told_apart_stays_and_is_said() {
    let mut told = Told::new();
    told.merge();
    let before = sums(&told, &[1]);
    told.drop_events("A", 2);
    told.drop_events("B", 3);
    let made = told.split("B").unwrap();
    let after = sums(&told, &[1, made]);
    assert_eq!(after, before);
    let (old, new) = (told.seen(1), told.seen(made));
    assert_eq!((old.count, new.count), (12, 12));
    let tagged =
        |seen: &Seen, kind: &str| seen.tags.get(&("kind".to_owned(), kind.to_owned())).map_or(0, |(n, _)| *n);
    assert_eq!([tagged(&old, "A"), tagged(&old, "B"), tagged(&new, "B")], [12, 3, 9]);
    let [of_old] = told.unparted(1)[..] else { panic!() };
    assert_eq!((of_old.group, of_old.is_here, of_old.events), (made, true, 3));
    assert_eq!(told.unparted(made), [Unparted { group: 1, is_here: false, events: 3, users: 0 }]);
    told.story.restart();
    assert_eq!(told.unparted(1), [of_old]);
    // Together again, there is nothing left to be told apart.
    told.story.tracker.merge(1, &[made], "ana", Timestamp(told.story.now)).unwrap();
    assert_eq!((sums(&told, &[1]), told.unparted(1)), (before, vec![]));
}

#[test]
fn what_is_not_written_whole_has_never_been() {
    let mut told = Told::new();
    told.merge();
    let (before, seen, kept) = (sums(&told, &[1]), told.seen(1), told.kept(1));
    let run = |told: &Told, sql: &str| {
        told.story.store.transaction(|tx| tx.execute(sql, &[]).map(drop)).unwrap();
    };
    // The last of its writes fails.
    run(&told, "CREATE TRIGGER refused BEFORE INSERT ON error_parted BEGIN SELECT RAISE(ABORT, 'no'); END");
    assert!(matches!(told.split("B"), Err(Refusal::State(_))));
    for restarts in [false, true] {
        if restarts {
            told.story.tracker = Tracker::open(told.story.store.clone()).unwrap();
        }
        assert_eq!((sums(&told, &[1]), told.kept(1)), (before.clone(), kept.clone()));
        assert_eq!((told.seen(1), told.finish()), (seen.clone(), 0));
    }
    run(&told, "DROP TRIGGER refused");
    let now = Timestamp(told.story.now);
    let story = &told.story;
    let parting = story.tracker.parting(&story.project, 1, &[hash(story, "B")], now).unwrap();
    let failed = || Err(EventLogError::Disk("no disk".into()));
    let refused = story.tracker.split(parting, |_| failed(), "ana", now);
    assert!(matches!(refused, Err(Refusal::Log(_))));
    assert_eq!(told.seen(1), seen);
    let made = told.split("B").unwrap();
    assert_eq!((sums(&told, &[1, made]), told.kept(made).len()), (before, 12));
}

#[test]
fn a_kill_before_the_log_heard_of_it_is_made_up_for() {
    let mut told = Told::new();
    told.merge();
    let story = &told.story;
    let now = Timestamp(story.now);
    let mut parting = story.tracker.parting(&story.project, 1, &[hash(story, "B")], now).unwrap();
    told.log.iter().for_each(|event| parting.add(event));
    let made = story.tracker.split(parting, |_| Ok(()), "ana", now).unwrap();
    let full = told.story.tracker.finish_splits(|_| Err(EventLogError::Full("no room".into())));
    assert!(matches!(full, Err(Refusal::Log(_))));
    assert!(told.kept(made).is_empty());
    told.story.tracker = Tracker::open(told.story.store.clone()).unwrap();
    assert_eq!((told.finish(), told.finish()), (1, 0));
    let apart = Told::new();
    assert_eq!((told.kept(1), told.kept(made)), (apart.kept(1), apart.kept(2)));
    assert_eq!((told.seen(1), told.seen(made)), (apart.seen(1), apart.seen(2)));
}
