//! What goes in comes out: by id, by group and time, after a start, after moves, without what was expired or erased.

use std::path::Path;

use disk::simulated::{SimulatedDisk, Unsynced};
use vocabulary::Timestamp;
use vocabulary::error::StoredEvent;
use vocabulary::ports::{EventLog, EventLogError, EventPage, Replay};

use crate::support::{DIRECTORY, Event, append, event, id, listed, open, try_open};

fn findings(disk: &SimulatedDisk) -> Vec<String> {
    let report = event_store::fsck::check(disk, Path::new(DIRECTORY)).unwrap();
    report.findings.iter().map(ToString::to_string).collect()
}

/// Newest first, as lists are.
fn backwards(events: &[Event]) -> Vec<Event> {
    events.iter().rev().cloned().collect()
}

#[test]
fn events_come_back_by_id_and_by_group() {
    let disk = SimulatedDisk::default();
    let store = open(&disk);
    let events: Vec<Event> = (1..=100).map(|n| event(1, n % 3, n)).collect();
    events.chunks(4).for_each(|batch| append(&store, batch));
    let others: Vec<Event> = (1..=10).map(|n| event(2, n % 3, n)).collect();
    append(&store, &others);
    let check = |store: &event_store::EventStore| {
        for event in events.iter().chain(&others) {
            let read = store.read(event.key.project, event.key.id).unwrap();
            assert_eq!(read.map(Event::of).as_ref(), Some(event));
        }
        for group in 0..3 {
            let expected: Vec<Event> =
                events.iter().filter(|event| event.key.group == group).cloned().collect();
            assert_eq!(listed(store, 1, group), backwards(&expected));
        }
        assert_eq!(store.read(1, id(1_000)).unwrap(), None);
        assert_eq!(store.read(3, id(1)).unwrap(), None);
        assert_eq!(listed(store, 1, 17), []);
        assert!(store.contains(2, id(10)) && !store.contains(2, id(11)));
    };
    check(&store);
    let stats = store.stats();
    assert!(stats.segments > 2 && stats.repeats > 50, "{stats:?}");
    assert_eq!((stats.events, stats.next, stats.appended_events), (110, 110, 110));
    drop(store);
    let (store, recovery) = try_open(&disk).unwrap();
    assert_eq!((recovery.events, recovery.torn_bytes, recovery.sealed_segments), (110, 0, 0));
    check(&store);
    assert_eq!(findings(&disk), [] as [String; 0]);
}

#[test]
fn nothing_and_too_much() {
    let disk = SimulatedDisk::default();
    let store = open(&disk);
    let ticket = store.append(&[]).unwrap();
    assert_eq!((ticket.first, ticket.next), (0, 0));
    let long = Event { body: vec![0; event_store::limits::BODY_BYTES + 1], ..event(1, 1, 1) };
    let refused = store.append(&[event(1, 1, 2).borrowed(), long.borrowed()]);
    assert!(matches!(refused, Err(EventLogError::TooLarge { what: "an event", .. })), "{refused:?}");
    assert_eq!((listed(&store, 1, 1), store.stats().failed_batches), (Vec::new(), 1));
    let empty = Event { body: Vec::new(), ..event(1, 1, 3) };
    append(&store, std::slice::from_ref(&empty));
    append(&store, &[Event { body: Vec::new(), ..event(1, 1, 4) }]);
    assert_eq!(store.read(1, id(3)).unwrap().map(Event::of), Some(empty));
    assert_eq!(store.list(1, 1, EventPage { before: None, limit: 0 }).unwrap(), []);
}

#[test]
fn a_page_begins_where_the_last_one_ended_though_times_are_equal() {
    let store = open(&SimulatedDisk::default());
    let mut events: Vec<Event> = (1..=60).map(|n| event(1, 1, n)).collect();
    events.iter_mut().for_each(|event| event.key.at = Timestamp(event.key.at.0 / 20));
    append(&store, &events);
    events.sort_by_key(|event| (event.key.at, event.key.id));
    assert_eq!(listed(&store, 1, 1), backwards(&events));
}

#[test]
fn events_that_come_late_are_in_their_place() {
    let store = open(&SimulatedDisk::default());
    let mut order: Vec<u64> = (1..=80).collect();
    order.rotate_left(30);
    order.iter().for_each(|n| append(&store, &[event(1, 1, *n)]));
    let expected: Vec<Event> = (1..=80).map(|n| event(1, 1, n)).collect();
    assert_eq!(listed(&store, 1, 1), backwards(&expected));
}

#[test]
fn events_are_told_again_from_a_number_on() {
    let disk = SimulatedDisk::default();
    let store = open(&disk);
    let events: Vec<Event> = (0..50).map(|n| event(1, n % 3, n)).collect();
    events.chunks(3).for_each(|batch| append(&store, batch));
    let told = |from, limit: usize| {
        let mut told = Vec::new();
        let mut take = |event: StoredEvent| {
            told.push(event);
            if told.len() < limit { Replay::More } else { Replay::Enough }
        };
        store.replay(from, &mut take).unwrap();
        told
    };
    let all = told(17, 1_000);
    assert_eq!(all.iter().map(|event| event.number).collect::<Vec<_>>(), (17..50).collect::<Vec<_>>());
    assert_eq!(all.into_iter().map(Event::of).collect::<Vec<_>>(), events[17..]);
    assert_eq!((told(40, 3).len(), told(50, 3).len()), (3, 0));
}

#[test]
fn numbers_go_on_above_what_the_caller_has_seen() {
    let disk = SimulatedDisk::default();
    append(&open(&disk), &[event(1, 1, 1)]);
    let options = event_store::Options {
        next_at_least: 70,
        io: std::sync::Arc::new(disk.clone()),
        ..event_store::Options::new(DIRECTORY.into())
    };
    let (store, _) = event_store::EventStore::open(options).unwrap();
    assert_eq!(store.append(&[event(1, 1, 2).borrowed()]).unwrap().first, 70);
}

#[test]
fn a_moved_group_takes_its_events_along_and_no_later_ones() {
    let disk = SimulatedDisk::default();
    let store = open(&disk);
    (1..=40).for_each(|n| append(&store, &[event(1, n % 2, n)]));
    store.move_group(1, 0, 1).unwrap();
    store.move_group(1, 1, 5).unwrap();
    (41..=60).for_each(|n| append(&store, &[event(1, n % 2, n)]));
    let check = |store: &event_store::EventStore| {
        let numbers = |group| listed(store, 1, group).iter().map(|event| event.key.at.0).collect::<Vec<_>>();
        assert_eq!(numbers(5), (1..=40).rev().collect::<Vec<_>>());
        assert_eq!(numbers(0), (42..=60).rev().step_by(2).collect::<Vec<_>>());
        assert_eq!(store.read(1, id(1)).unwrap().unwrap().key.group, 5);
        assert_eq!(store.read(1, id(41)).unwrap().unwrap().key.group, 1);
    };
    check(&store);
    drop(store);
    check(&open(&disk));
}

#[test]
fn some_events_of_a_group_move_and_stay_so() {
    let disk = SimulatedDisk::default();
    let store = open(&disk);
    (1..=40).for_each(|n| append(&store, &[event(1, 7, n)]));
    let of = |at| {
        let number = store.read(1, id(at)).unwrap().unwrap().number;
        number..number + 1
    };
    store.move_events(1, 7, 8, &[of(3), of(10).start..of(12).end]).unwrap();
    store.move_events(1, 7, 8, &[]).unwrap();
    append(&store, &[event(1, 7, 41)]);
    let check = |store: &event_store::EventStore| {
        let at = |group| listed(store, 1, group).iter().map(|event| event.key.at.0).collect::<Vec<_>>();
        assert_eq!(at(8), [12, 11, 10, 3]);
        assert_eq!((at(7).len(), at(7)[0]), (37, 41));
        assert_eq!(store.read(1, id(3)).unwrap().unwrap().key.group, 8);
    };
    check(&store);
    drop(store);
    check(&open(&disk));
}

#[test]
fn a_move_that_a_kill_kept_from_the_log_is_made_up_once() {
    let disk = SimulatedDisk::default();
    let store = open(&disk);
    (1..=40).for_each(|n| append(&store, &[event(1, n % 2, n)]));
    store.move_group(1, 0, 1).unwrap();
    assert_eq!(store.make_up_moves(&[(1, 0, 1)]).unwrap(), 0, "it is known");
    let merged = [(1, 0, 5), (1, 1, 5)];
    assert_eq!(store.make_up_moves(&merged).unwrap(), 2);
    assert_eq!((listed(&store, 1, 5).len(), listed(&store, 1, 1).len()), (40, 0));
    drop(store);
    let store = open(&disk);
    assert_eq!((listed(&store, 1, 5).len(), store.make_up_moves(&merged).unwrap()), (40, 0));
}

#[test]
fn expired_events_are_gone() {
    let disk = SimulatedDisk::default();
    let store = open(&disk);
    (1..=100).for_each(|n| append(&store, &[event(1, 1, n), event(2, 1, n)]));
    let before = store.stats();
    let held = [1, 2, 3].map(|project| store.held(project));
    assert_eq!(held.map(|held| held.events), [100, 100, 0]);
    assert_eq!((held[0].oldest, held[2].bytes, held[2].oldest), (Some(Timestamp(1)), 0, None));
    let bytes = held[0].bytes + held[1].bytes;
    assert!(
        held[0].bytes.abs_diff(held[1].bytes) < 1_000 && bytes <= before.disk_bytes,
        "{held:?} {before:?}"
    );
    assert!(bytes + 1_000 > before.disk_bytes, "{held:?} {before:?}");
    store.expire(1, Timestamp(61)).unwrap();
    let check = |store: &event_store::EventStore| {
        assert_eq!((listed(store, 1, 1).len(), listed(store, 2, 1).len()), (40, 100));
        assert_eq!((store.read(1, id(60)).unwrap(), store.read(1, id(61)).unwrap().is_some()), (None, true));
    };
    check(&store);
    let gone = store.expire(2, Timestamp(81)).unwrap();
    assert!(gone > 50, "{gone}");
    assert_eq!((listed(&store, 1, 1).len(), listed(&store, 2, 1).len()), (40, 20));
    // Never back.
    store.expire(2, Timestamp(1)).unwrap();
    assert_eq!(listed(&store, 2, 1).len(), 20);
    let after = store.stats();
    assert!(after.disk_bytes < before.disk_bytes && after.segments < before.segments, "{before:?} {after:?}");
    assert_eq!((after.events + after.expired_events, after.next), (200, 200));
    drop(store);
    assert_eq!(findings(&disk), [] as [String; 0]);
    let store = open(&disk);
    assert_eq!((listed(&store, 1, 1).len(), listed(&store, 2, 1).len()), (40, 20));
    store.expire(1, Timestamp(1_000)).unwrap();
    store.expire(2, Timestamp(1_000)).unwrap();
    assert_eq!((store.stats().events, store.stats().next), (0, 200));
    drop(store);
    assert_eq!(open(&disk).append(&[event(1, 1, 1_001).borrowed()]).unwrap().first, 200);
}

#[test]
fn one_users_events_are_erased_from_the_disk() {
    let disk = SimulatedDisk::default();
    let store = open(&disk);
    let mut events: Vec<Event> = (1..=60).map(|n| event(1, n % 3, n)).collect();
    for event in &mut events {
        let mark = if event.user == Some(4) { "secret-of-four" } else { "nothing" };
        event.body.extend_from_slice(mark.as_bytes());
    }
    events.chunks(5).for_each(|batch| append(&store, batch));
    let other = Event { user: Some(4), ..event(2, 1, 100) };
    append(&store, std::slice::from_ref(&other));
    let of_four =
        |store: &event_store::EventStore| store.events_where(1, &mut |user, _| user == Some(4)).unwrap();
    let mut ids = of_four(&store);
    let marked =
        store.events_where(1, &mut |_, body| body.is_some_and(|body| body.ends_with(b"secret-of-four")));
    assert_eq!(marked.unwrap(), ids, "by their bodies");
    let theirs = events.iter().filter(|event| event.user == Some(4));
    let mut wanted: Vec<_> = theirs.map(|event| event.key.id).collect();
    ids.sort();
    wanted.sort();
    assert_eq!(ids, wanted);
    assert_eq!(store.erase(1, &ids).unwrap(), 10);
    assert_eq!(of_four(&store), []);
    assert_eq!(store.erase(1, &ids).unwrap(), 0);
    let stays = |event: &&Event| event.user != Some(4);
    for group in 0..3 {
        let expected = events.iter().filter(stays).filter(|event| event.key.group == group);
        assert_eq!(listed(&store, 1, group), backwards(&expected.cloned().collect::<Vec<_>>()));
    }
    assert_eq!(listed(&store, 2, 1), [other]);
    for (path, bytes) in disk.contents() {
        let found = bytes.windows(14).any(|window| window == b"secret-of-four");
        assert!(!found, "{}", path.display());
    }
    assert_eq!(store.stats().erased_events, 10);
    drop(store);
    assert_eq!(findings(&disk), [] as [String; 0]);
}

#[test]
fn a_directory_is_held_by_one() {
    let disk = SimulatedDisk::default();
    let store = open(&disk);
    assert!(matches!(try_open(&disk), Err(event_store::OpenError::Locked(_))));
    drop(store);
    assert!(try_open(&disk).is_ok());
}

#[test]
fn what_another_version_wrote_is_left_alone() {
    let disk = SimulatedDisk::default();
    append(&open(&disk), &[event(1, 1, 1)]);
    let (path, bytes) = disk.contents().into_iter().find(|(path, _)| path.ends_with(segment(0))).unwrap();
    let mut later = bytes.clone();
    later[4] = 2;
    let refused = try_open(&disk.with(&path, later.clone())).err().unwrap().to_string();
    assert!(refused.contains("another version (format 2)"), "{refused}");
    later[0] = b'x';
    let refused = try_open(&disk.with(&path, later)).err().unwrap().to_string();
    assert!(refused.contains("does not begin as a file of events"), "{refused}");
}

fn segment(first: u64) -> String {
    format!("{first:020}.events")
}

/// No byte that changes brings a wrong event, and every change is found.
#[test]
fn every_byte_may_be_damaged() {
    let disk = SimulatedDisk::default();
    let store = open(&disk);
    let events: Vec<Event> = (1..=40).map(|n| event(1, 1, n)).collect();
    events.chunks(4).for_each(|batch| append(&store, batch));
    drop(store);
    let stride = if crate::support::is_long() { 1 } else { 37 };
    for (path, bytes) in disk.contents() {
        for at in (0..bytes.len()).step_by(stride) {
            let mut changed = bytes.clone();
            changed[at] ^= 0x41;
            let disk = disk.with(&path, changed);
            let reported = findings(&disk);
            let Ok((store, recovery)) = try_open(&disk) else { continue };
            let seen = listed(&store, 1, 1);
            assert!(seen.iter().all(|event| events.contains(event)), "byte {at} of {}", path.display());
            let missed = seen.len() < events.len();
            let said = !reported.is_empty() || recovery.torn_bytes > 0 || recovery.damaged_events > 0;
            assert!(
                !missed || said,
                "byte {at} of {}: {} events, and nothing said",
                path.display(),
                seen.len()
            );
        }
    }
}

#[test]
fn marks_that_cannot_be_read_are_laid_aside() {
    let disk = SimulatedDisk::default();
    let store = open(&disk);
    append(&store, &[event(1, 1, 1)]);
    store.move_group(1, 1, 2).unwrap();
    drop(store);
    let disk = disk.with(&Path::new(DIRECTORY).join("marks"), b"nonsense".to_vec());
    let (store, recovery) = try_open(&disk).unwrap();
    assert!(recovery.lost_marks);
    assert_eq!(listed(&store, 1, 1).len(), 1);
    assert!(
        disk.contents().iter().any(|(path, bytes)| path.ends_with("marks.damaged") && bytes == b"nonsense")
    );
    drop(store);
    assert!(!try_open(&disk.after_power_cut(Unsynced::Kept)).unwrap().1.lost_marks);
}
