//! Broken disks: whatever fails and wherever the process ends, no half batch and no wrong event; what was answered is there.

use std::collections::BTreeMap;

use disk::simulated::{Random, SimulatedDisk, Unsynced};
use event_store::EventStore;
use vocabulary::Timestamp;
use vocabulary::error::{EventBody, EventId};
use vocabulary::ports::{EventLog, EventLogError};

use crate::support::{Event, event, id, is_long, listed, open};

const PROJECT: u64 = 1;
/// All of one group, so that a list shows everything.
const GROUP: u64 = 7;

/// A ten-line model of the store.
#[derive(Default)]
struct Model {
    /// What was answered as kept: by id, with whether a sync came after it.
    kept: BTreeMap<EventId, (Event, bool)>,
    /// What was asked for and failed: it may be there all the same.
    asked: Vec<Event>,
    /// Those that may be gone: their expiry or erasure was begun.
    floor: i64,
    erased: Vec<u64>,
}

impl Model {
    fn append(&mut self, store: &EventStore, events: &[Event]) {
        let bodies: Vec<EventBody<'_>> = events.iter().map(Event::borrowed).collect();
        match store.append(&bodies) {
            Ok(_) => self.kept.extend(events.iter().map(|event| (event.key.id, (event.clone(), false)))),
            Err(_) => self.asked.extend_from_slice(events),
        }
    }

    fn sync(&mut self, store: &EventStore) {
        if store.sync().is_ok() {
            self.kept.values_mut().for_each(|(_, synced)| *synced = true);
        }
    }

    fn expire(&mut self, store: &EventStore, floor: i64) {
        self.floor = self.floor.max(floor);
        drop(store.expire(PROJECT, Timestamp(floor)));
    }

    fn erase(&mut self, store: &EventStore, user: u64) {
        self.erased.push(user);
        let all = self.kept.values().map(|(event, _)| event).chain(&self.asked);
        let theirs: Vec<EventId> =
            all.filter(|event| event.user == Some(user)).map(|event| event.key.id).collect();
        drop(store.erase(PROJECT, &theirs));
    }

    fn may_be_gone(&self, event: &Event) -> bool {
        event.key.at.0 < self.floor || event.user.is_some_and(|user| self.erased.contains(&user))
    }

    /// `all`: also what was not synced.
    fn check(&self, store: &EventStore, all: bool, what: &str) {
        let seen: BTreeMap<EventId, Event> =
            listed(store, PROJECT, GROUP).into_iter().map(|event| (event.key.id, event)).collect();
        for event in seen.values() {
            let kept = self.kept.get(&event.key.id).map(|(kept, _)| kept);
            let asked = self.asked.iter().find(|asked| asked.key.id == event.key.id);
            assert!(kept.or(asked) == Some(event), "{what}: event at {} was never written", event.key.at);
        }
        for (id, (event, synced)) in &self.kept {
            if (*synced || all) && !self.may_be_gone(event) {
                assert!(seen.contains_key(id), "{what}: event at {} is missing", event.key.at);
            }
        }
    }
}

/// Appends in batches, syncs, expiry, erasure; some fifteen segments.
fn live(store: &EventStore, model: &mut Model) {
    let mut random = Random::new(1);
    let mut next = 1;
    for round in 0..40u64 {
        let batch: Vec<Event> = (0..1 + random.below(6)).map(|at| event(PROJECT, GROUP, next + at)).collect();
        next += batch.len() as u64;
        model.append(store, &batch);
        if random.chance(40) {
            model.sync(store);
        }
        match round {
            15 => model.expire(store, 20),
            22 => model.erase(store, 3),
            30 => model.expire(store, 60),
            _ => {}
        }
    }
    model.sync(store);
}

fn operations_of_a_life() -> (u64, u64) {
    let disk = SimulatedDisk::default();
    let store = open(&disk);
    let opened = disk.operations();
    let mut model = Model::default();
    live(&store, &mut model);
    model.check(&store, true, "nothing fails");
    assert!(model.asked.is_empty() && store.stats().segments > 3, "{:?}", store.stats());
    (opened, disk.operations())
}

fn places(operations: std::ops::RangeInclusive<u64>) -> impl Iterator<Item = u64> {
    operations.step_by(if is_long() { 1 } else { 3 })
}

#[test]
fn every_operation_fails_once() {
    let (opened, operations) = operations_of_a_life();
    for operation in places(opened + 1..=operations) {
        let disk = SimulatedDisk::default();
        let store = open(&disk);
        disk.fail_at(operation);
        let mut model = Model::default();
        live(&store, &mut model);
        let what = format!("operation {operation} of {operations} fails");
        model.check(&store, true, &what);
        // It goes on by itself, and no half batch is left.
        model.append(&store, &[event(PROJECT, GROUP, 5_000)]);
        model.sync(&store);
        model.check(&store, true, &format!("{what}, later"));
        assert!(store.read(PROJECT, id(5_000)).unwrap().is_some(), "{what}");
        drop(store);
        let after = open(&disk.after_power_cut(Unsynced::Lost));
        model.check(&after, false, &format!("{what}, after a power cut"));
    }
}

#[test]
fn a_batch_that_failed_leaves_nothing() {
    let disk = SimulatedDisk::default();
    let store = open(&disk);
    let first = event(PROJECT, GROUP, 1);
    store.append(&[first.borrowed()]).unwrap();
    disk.fail_at(disk.operations() + 1);
    let batch = [event(PROJECT, GROUP, 2), event(PROJECT, GROUP, 3)];
    assert!(store.append(&[batch[0].borrowed(), batch[1].borrowed()]).is_err());
    assert_eq!(listed(&store, PROJECT, GROUP), std::slice::from_ref(&first));
    assert_eq!(store.stats().failed_batches, 1);
    drop(store);
    assert_eq!(listed(&open(&disk), PROJECT, GROUP), [first]);
}

#[test]
fn an_operation_fails_while_opening() {
    let (opened, _) = operations_of_a_life();
    let lived = SimulatedDisk::default();
    let mut model = Model::default();
    live(&open(&lived), &mut model);
    for operation in 1..=opened + 4 {
        for start in [SimulatedDisk::default(), lived.after_power_cut(Unsynced::Some(operation))] {
            start.fail_at(operation);
            // It may refuse; what it may not is to spoil the directory for the next time.
            drop(crate::support::try_open(&start));
            start.fail_at(0);
            let store = open(&start);
            store.append(&[event(2, 1, 1).borrowed()]).unwrap();
            drop(store);
            let what = format!("operation {operation}");
            assert_eq!(listed(&open(&start), 2, 1).len(), 1, "{what}");
            if !start.contents().is_empty() && listed(&open(&start), PROJECT, GROUP).len() > 1 {
                model.check(&open(&start), false, &what);
            }
        }
    }
}

/// A kill keeps what was written, a power cut what was synced.
#[test]
fn it_ends_at_every_operation() {
    let (opened, operations) = operations_of_a_life();
    for operation in places(opened + 1..=operations) {
        let disk = SimulatedDisk::default();
        let store = open(&disk);
        disk.end_power_at(operation);
        let mut model = Model::default();
        live(&store, &mut model);
        drop(store);
        for unsynced in
            [Unsynced::Kept, Unsynced::Lost, Unsynced::Some(operation), Unsynced::Some(2 * operation)]
        {
            let what = format!("it ends at {operation} of {operations}, {unsynced:?}");
            let again = disk.after_power_cut(unsynced);
            let store = open(&again);
            model.check(&store, unsynced == Unsynced::Kept, &what);
            store.append(&[event(2, 1, 1).borrowed()]).unwrap();
            store.sync().unwrap();
            drop(store);
            let store = open(&again.after_power_cut(Unsynced::Lost));
            model.check(&store, false, &format!("{what}, twice"));
            assert_eq!(listed(&store, 2, 1).len(), 1, "{what}");
        }
    }
}

#[test]
fn the_disk_is_full_at_any_byte() {
    for room in (0..6_000).step_by(if is_long() { 1 } else { 97 }) {
        let disk = SimulatedDisk::default();
        let store = open(&disk);
        disk.set_room(Some(room));
        let mut model = Model::default();
        for n in 0..80 {
            model.append(&store, &[event(PROJECT, GROUP, 2 * n + 1), event(PROJECT, GROUP, 2 * n + 2)]);
        }
        let what = format!("room for {room} bytes");
        assert!(!model.asked.is_empty(), "{what}");
        let full = store.append(&[event(PROJECT, GROUP, 9_000).borrowed()]);
        assert!(matches!(full, Err(EventLogError::Full(_))), "{what}: {full:?}");
        model.check(&store, true, &what);
        assert_eq!(listed(&store, PROJECT, GROUP).len(), model.kept.len(), "{what}");
        // Somebody makes room.
        disk.set_room(None);
        model.append(&store, &[event(PROJECT, GROUP, 9_001)]);
        model.check(&store, true, &format!("{what}, and then there is more"));
        drop(store);
        model.check(&open(&disk), true, &format!("{what}, and a start"));
    }
}
