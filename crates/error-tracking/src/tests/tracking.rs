//! Groups over the database: counting, doubles, batches that never were, kills, merges.

use vocabulary::Timestamp;
use vocabulary::error::{EventKey, StoredEvent};

use super::{NOW, Story, digested_by, exception, received};
use crate::deeds::Refusal;
use crate::digest::digest_stored;
use crate::event::HashValue;
use crate::life::News;
use crate::limits::MAX_NEW_GROUPS_PER_DAY;
use crate::look::{By, Order, Span, Wanted};
use crate::tracker::Tracker;

impl Story {
    fn list(&self, wanted: &Wanted) -> Vec<(u64, u64)> {
        let wanted = Wanted { limit: 100, ..wanted.clone() };
        let groups = self.tracker.list(&wanted, Timestamp(self.now)).unwrap();
        groups.iter().map(|group| (group.id, group.count)).collect()
    }

    fn span(&self, by: Option<By>) -> Vec<(String, u64)> {
        let span = Span {
            project: 1,
            group: None,
            step: 86_400,
            from: Timestamp(NOW - 86_400),
            until: Timestamp(NOW + 86_400),
            by,
            environment: None,
            release: None,
        };
        assert_eq!(span.problem(), None);
        let slots = self.tracker.counts(&span, Timestamp(self.now)).unwrap();
        slots.into_iter().map(|slot| (slot.name, slot.count)).collect()
    }
}

fn tagged(kind: &str, key: &str, value: &str) -> String {
    format!(r#"{{"exception":[{{"type":"{kind}","value":"v"}}],"tags":{{"{key}":"{value}"}}}}"#)
}

#[test]
fn groups_are_counted_and_listed() {
    for restarts in [false, true] {
        let mut story = Story { restarts, ..Story::new() };
        for (kind, times) in [("A", 3), ("B", 5), ("C", 1)] {
            (0..times).for_each(|_| drop(story.seen(kind, "1.0.0")));
        }
        assert_eq!(story.list(&Wanted::default()), [(3, 1), (2, 5), (1, 3)]);
        assert_eq!(
            story.list(&Wanted { order: Order::Count, ..Wanted::default() }),
            [(2, 5), (1, 3), (3, 1)]
        );
        assert_eq!(story.list(&Wanted { text: Some("b: V".into()), ..Wanted::default() }), [(2, 5)]);
        assert_eq!(story.list(&Wanted { release: Some("1.0.0".into()), ..Wanted::default() }).len(), 3);
        assert_eq!(story.list(&Wanted { release: Some("2.0.0".into()), ..Wanted::default() }), []);
        let first_release = Some("1.0.0".to_owned());
        assert_eq!(story.list(&Wanted { first_release, ..Wanted::default() }).len(), 3);
        let opened = story.tracker.opened_by_release(1, Timestamp(story.now)).unwrap();
        assert_eq!(opened.get("1.0.0"), Some(&3));
        let active = |after: i64| story.tracker.active(Timestamp(NOW + after)).unwrap();
        assert_eq!((active(0), active(2 * 86_400)), (vec![1], vec![]));
        let newest = |project| story.tracker.newest_event(project).unwrap().map(|at| at.0 >= NOW);
        assert_eq!((newest(1), newest(2)), (Some(true), None));
        assert_eq!(story.list(&Wanted { status: Some("resolved".into()), ..Wanted::default() }), []);
        assert_eq!(story.list(&Wanted { project: Some(2), ..Wanted::default() }), []);
        let tags = vec![("level".to_owned(), "error".to_owned())];
        assert_eq!(story.list(&Wanted { tags, ..Wanted::default() }).len(), 3);
        let titled = |title: &str| Wanted { titles: vec![title.to_owned()], ..Wanted::default() };
        assert_eq!(story.list(&titled("b: *")), [(2, 5)]);
        assert_eq!((story.list(&titled("*: v: ")).len(), story.list(&titled("b"))), (3, vec![]));
        assert_eq!(story.list(&Wanted { count_least: Some(5), ..titled("b: v: ") }), [(2, 5)]);
        assert_eq!(story.list(&Wanted { count_most: Some(4), ..titled("b: v: ") }), []);
        let has = |tag: &str| Wanted { has_tags: vec![tag.to_owned()], ..Wanted::default() };
        assert_eq!((story.list(&has("level")).len(), story.list(&has("till"))), (3, vec![]));
        let taken = |is_assigned| Wanted { is_assigned: Some(is_assigned), ..Wanted::default() };
        assert_eq!((story.list(&taken(false)).len(), story.list(&taken(true))), (3, vec![]));
        let one = story.tracker.numbered(1, 2, Timestamp(story.now)).unwrap().unwrap();
        assert_eq!((one.title.as_str(), one.detail.first_release.as_deref()), ("B: v", Some("1.0.0")));
    }
}

#[test]
fn an_event_that_is_there_already_is_not_counted() {
    let mut story = Story::new();
    let event = digested_by(&story.project, &exception("A", ""), &received(NOW, 0));
    let mut batch = story.tracker.batch();
    let first = batch.take(&story.project, &event, false, Timestamp(NOW)).unwrap();
    assert_eq!(first.map(|taken| (taken.short, taken.news)), Some(("SHOP-1".into(), Some(News::New))));
    assert_eq!(batch.take(&story.project, &event, false, Timestamp(NOW)).unwrap(), None, "twice in a batch");
    batch.commit(1);
    assert_eq!(batch.take(&story.project, &event, true, Timestamp(NOW)).unwrap(), None, "the log knows it");
    batch.commit(1);
    drop(batch);
    assert_eq!(story.list(&Wanted::default()), [(1, 1)]);
    assert_eq!(story.tracker.counters().doubled, 2);
    story.seen("A", "");
    assert_eq!(story.list(&Wanted::default()), [(1, 2)]);
}

#[test]
fn a_batch_that_could_not_be_written_has_never_been() {
    let mut story = Story::new();
    let event = digested_by(&story.project, &exception("A", ""), &received(NOW, 0));
    let mut batch = story.tracker.batch();
    batch.take(&story.project, &event, false, Timestamp(NOW)).unwrap().unwrap();
    drop(batch);
    assert_eq!(story.list(&Wanted::default()), []);
    assert_eq!(story.take(&event).unwrap().news, Some(News::New));
}

#[test]
fn what_a_kill_left_uncounted_is_read_back_from_the_log() {
    let mut story = Story::new();
    let mut log: Vec<StoredEvent> = Vec::new();
    for (number, kind) in ["A", "A", "B", "A", "B"].iter().enumerate() {
        story.now += 1;
        let event =
            digested_by(&story.project, &exception(kind, "1.0.0"), &received(story.now, number as u64));
        let taken = story.take(&event).unwrap();
        let key = EventKey { project: 1, group: taken.group, at: event.at, id: event.event_id };
        log.push(StoredEvent { number: number as u64, key, user: None, body: event.body });
        if number == 1 {
            story.tracker.tick(Timestamp(story.now)).unwrap();
        }
    }
    let counted = story.list(&Wanted::default());
    for kills in 1..3 {
        // Nothing was written since the second event.
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.db");
        let mut early = Story::new();
        for stored in &log[..2] {
            let event = digest_stored(&early.project, stored).unwrap();
            early.take(&event).unwrap();
        }
        early.tracker.tick(Timestamp(NOW)).unwrap();
        early.store.backup(&path).unwrap();
        let store = state_store::StateStore::open(&path, &[crate::MIGRATIONS]).unwrap();
        let store = std::sync::Arc::new(store);
        let mut tracker = Tracker::open(store.clone()).unwrap();
        for _ in 0..kills {
            tracker = Tracker::open(store.clone()).unwrap();
            assert_eq!(tracker.counted(), 2);
            let mut batch = tracker.batch();
            for stored in &log[2..] {
                let event = digest_stored(&early.project, stored).unwrap();
                let told =
                    batch.recount(&early.project, &event, stored.key.group, Timestamp(story.now)).unwrap();
                assert_eq!(told.group, stored.key.group);
                batch.commit(stored.number + 1);
            }
        }
        let after = Story { tracker, store, ..early };
        assert_eq!(after.list(&Wanted::default()), counted);
        let mut after = after;
        after.now = story.now;
        assert_eq!(after.seen("B", "1.0.0"), None, "it is known");
        assert_eq!(after.event(&exception("C", "")).group, 3, "no id is given twice");
    }
}

#[test]
fn c130_people_are_counted_over_time() {
    for restarts in [false, true] {
        let mut story = Story { restarts, ..Story::new() };
        let of = |kind: &str, user: u64| {
            format!(r#"{{"exception":[{{"type":"{kind}","value":"v"}}],"user":{{"id":{user}}}}}"#)
        };
        for (kind, user) in [("A", 1), ("A", 2), ("A", 1), ("B", 2), ("B", 3)] {
            story.event(&of(kind, user));
        }
        let people = |story: &Story, group: Option<u64>, step: i64| -> Vec<u64> {
            let (from, until) = (Timestamp(NOW - 2 * 86_400), Timestamp(NOW + 86_400));
            let span =
                Span { project: 1, group, step, from, until, by: None, environment: None, release: None };
            let slots = story.tracker.people(&span, Timestamp(story.now)).unwrap();
            slots.iter().map(|(_, users)| users.count()).collect()
        };
        for step in [3_600, 86_400] {
            assert_eq!(people(&story, Some(1), step), [2]);
            assert_eq!(people(&story, Some(2), step), [2]);
            assert_eq!(people(&story, None, step), [3]);
        }
        story.tracker.merge(1, &[2], "ana", Timestamp(story.now)).unwrap();
        assert_eq!((people(&story, Some(1), 86_400), people(&story, Some(2), 86_400)), (vec![3], vec![]));
    }
}

#[test]
fn c130_counts_by_release_and_environment() {
    let mut story = Story::new();
    (0..3).for_each(|_| drop(story.seen("A", "1.0.0")));
    story.seen("B", "2.0.0");
    story.event(r#"{"message":"x","environment":"staging"}"#);
    let sum = |slots: Vec<(String, u64)>| {
        let mut sums = std::collections::BTreeMap::new();
        slots.into_iter().for_each(|(name, n)| *sums.entry(name).or_insert(0) += n);
        sums.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(sum(story.span(None)), [(String::new(), 5)]);
    let by_release = [("".to_owned(), 1), ("1.0.0".to_owned(), 3), ("2.0.0".to_owned(), 1)];
    assert_eq!(sum(story.span(Some(By::Release))), by_release);
    assert_eq!(sum(story.span(Some(By::Environment))), [("".to_owned(), 4), ("staging".to_owned(), 1)]);
    let releases = story.tracker.releases(1, 10).unwrap();
    assert_eq!(releases.iter().map(|(version, _)| &**version).collect::<Vec<_>>(), ["2.0.0", "1.0.0"]);
}

#[test]
fn s1_the_share_of_a_tag_stands_beside_what_is_usual() {
    let mut story = Story::new();
    for n in 0..10 {
        story.event(&tagged("A", "provider", if n == 0 { "dropbox" } else { "gdrive" }));
        (0..4).for_each(|_| drop(story.event(&tagged("B", "provider", "dropbox"))));
    }
    let shares = story.tracker.tags(1, 1, Timestamp(story.now)).unwrap();
    let provider = shares.iter().find(|shares| shares.key == "provider").unwrap();
    let told: Vec<_> =
        provider.values.iter().map(|one| (&*one.value, one.count, one.share, one.usual)).collect();
    assert_eq!(told, [("gdrive", 9, 0.9, 0.18), ("dropbox", 1, 0.1, 0.82)]);
}

#[test]
fn who_is_forgotten_is_counted_with_the_others() {
    let mut story = Story::new();
    for id in ["17", "17", "18"] {
        story.event(&format!(
            r#"{{"message":"x","user":{{"id":"{id}"}},"tags":{{"user.id":"{id}","order":"{id}"}}}}"#
        ));
    }
    story.tracker.forget_person(1, "id", "17").unwrap();
    let shares = story.tracker.tags(1, 1, Timestamp(story.now)).unwrap();
    let told = |key: &str| -> Vec<(String, u64)> {
        let one = shares.iter().find(|shares| shares.key == key).unwrap();
        one.values.iter().map(|value| (value.value.clone(), value.count)).collect()
    };
    for key in ["user", "user.id"] {
        assert_eq!(told(key), [("other".to_owned(), 2), ("18".to_owned(), 1)], "{key}");
    }
    assert_eq!(told("order"), [("17".to_owned(), 2), ("18".to_owned(), 1)], "no word for a person");
}

#[test]
fn a_million_values_of_a_tag_are_a_bounded_number_of_rows() {
    let mut story = Story::new();
    for n in 0..400 {
        story.event(&tagged("A", "request_id", &format!("r{n}")));
        if n % 40 == 0 {
            story.restart();
        }
    }
    for n in 0..150 {
        story.event(&tagged("A", &format!("key{n}"), "x"));
    }
    let shares = story.tracker.tags(1, 1, Timestamp(story.now)).unwrap();
    assert!(shares.len() <= 100, "{}", shares.len());
    let ids = shares.iter().find(|shares| shares.key == "request_id").unwrap();
    assert!(ids.values.len() <= 101, "{}", ids.values.len());
    assert_eq!((ids.values[0].value.as_str(), ids.values[0].count), ("other", 300));
    assert_eq!(ids.values.iter().map(|one| one.count).sum::<u64>(), 400, "nothing is lost");
}

#[test]
fn a_flood_of_kinds_is_one_group_and_what_is_known_stays_apart() {
    for restarts in [false, true] {
        let mut story = Story { restarts, ..Story::new() };
        let known = story.event(&exception("K", "")).group;
        // A restart begins to count anew.
        let in_flood = |story: &mut Story, kind: &str| {
            {
                let mut memory = story.tracker.memory.lock();
                memory.know(&story.store, 1).unwrap();
                for _ in 0..MAX_NEW_GROUPS_PER_DAY {
                    memory.may_open(1, Timestamp(story.now));
                }
            }
            story.event(&exception(kind, "")).group
        };
        let many = in_flood(&mut story, "A");
        assert_ne!(many, known);
        assert_eq!(["B", "A", "K"].map(|kind| in_flood(&mut story, kind)), [many, many, known]);
        let group = story.tracker.one(many).unwrap().unwrap();
        assert_eq!((group.count, group.title.as_str()), (3, "Too many different errors in one day"));
        assert_eq!(story.tracker.hashes(many, Timestamp(story.now)).unwrap().len(), 1);
        story.now += 86_400;
        let own = story.event(&exception("A", "")).group;
        assert!(own != known && own != many, "tomorrow it has its own");
    }
}

#[test]
fn groups_become_one_and_one_becomes_two() {
    for restarts in [false, true] {
        let mut story = Story { restarts, ..Story::new() };
        for kind in ["A", "B", "B", "C"] {
            story.seen(kind, "1.0.0");
        }
        let now = Timestamp(story.now);
        assert_eq!(story.tracker.merge(1, &[2, 1], "ana", now).unwrap(), [2]);
        assert_eq!(story.list(&Wanted::default()), [(3, 1), (1, 3)]);
        assert_eq!(story.event(&exception("B", "")).group, 1, "it is found there from now on");
        assert_eq!(story.tracker.one(2).unwrap().unwrap().id, 1, "old links lead there");
        assert_eq!(story.tracker.merged().unwrap(), [(1, 2, 1)]);
        let hashes = story.tracker.hashes(1, now).unwrap();
        assert_eq!(hashes.iter().map(|hash| hash.count).collect::<Vec<_>>(), [3, 1]);
        assert!(hashes[0].why["parts"][0]["counts"] == true);

        let of_b = digested_by(&story.project, &exception("B", ""), &received(NOW, 99)).hashes[0].value;
        let all: Vec<HashValue> = ["A", "B"]
            .map(|kind| digested_by(&story.project, &exception(kind, ""), &received(NOW, 99)).hashes[0].value)
            .to_vec();
        let refused = story.tracker.parting(&story.project, 1, &all, now);
        assert!(matches!(refused, Err(Refusal::Wrong(_))), "one stays");
        let parting = story.tracker.parting(&story.project, 1, &[of_b], now).unwrap();
        let new = story.tracker.split(parting, |_| Ok(()), "ana", now).unwrap();
        assert_eq!(new, 4);
        let taken = story.event(&exception("B", ""));
        assert_eq!((taken.group, taken.short.as_str(), taken.news), (4, "SHOP-4", None));
        assert_eq!(story.event(&exception("A", "")).group, 1);
        let mut counts = story.list(&Wanted::default());
        counts.sort_unstable();
        assert_eq!(counts, [(1, 2), (3, 1), (4, 4)]);
        assert!(matches!(story.tracker.merge(1, &[77], "ana", now), Err(Refusal::NoSuchGroup(77))));
        assert!(matches!(story.tracker.merge(1, &[], "ana", now), Err(Refusal::Wrong(_))));
    }
}

#[test]
fn what_was_known_before_a_move_is_not_new() {
    let mut story = Story::new();
    let settings = crate::project::Settings { baseline_until: Some(NOW + 100), ..Default::default() };
    story.project = super::project(settings);
    assert_eq!(story.seen("A", ""), None);
    story.now += 100;
    assert_eq!(story.seen("B", ""), Some(News::New));
}
