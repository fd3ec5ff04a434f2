//! Broken disks: whatever fails, no panic and no wrong value; what was synced is there after a power cut.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use disk::simulated::{Random, SimulatedDisk, Unsynced};
use vocabulary::PointSink;
use vocabulary::retention::Aggregation;

use crate::support::{START, Setup, TestStore, config, seed};

const ARCHIVES: &str = "1s:6h,10s:7d";

/// What was written, and what of it must survive.
#[derive(Default)]
struct Written {
    /// Every value that a slot ever had, the newest last.
    values: BTreeMap<(String, i64), Vec<f64>>,
    synced: BTreeMap<(String, i64), usize>,
}

impl Written {
    fn put(&mut self, store: &mut TestStore, name: &str, time: i64, value: f64) {
        let report = store.put(&[(name, time, value)]);
        if report.stored + report.volatile == 1 {
            self.values.entry((name.to_owned(), time)).or_default().push(value);
        }
    }

    fn sync(&mut self, store: &TestStore) {
        if store.store.sync().is_ok() {
            self.synced = self.values.iter().map(|(slot, values)| (slot.clone(), values.len())).collect();
        }
    }

    /// Every known slot holds something that was written to it, not older than the last sync.
    fn check(&self, store: &TestStore, all: bool, what: &str) {
        let names: BTreeSet<&String> = self.values.keys().map(|(name, _)| name).collect();
        for name in names {
            let there: BTreeMap<i64, f64> = match store.id(name) {
                Some(_) => store.points(name, START - 18_000, START + 3_000).1.into_iter().collect(),
                None => BTreeMap::new(),
            };
            for time in there.keys() {
                assert!(
                    self.values.contains_key(&(name.clone(), *time)),
                    "{what}: {name} at {time} was never written"
                );
            }
            for ((_, time), values) in self.values.iter().filter(|((of, _), _)| of == name) {
                let synced = self.synced.get(&(name.clone(), *time)).copied().unwrap_or(0);
                let first = if all { values.len() } else { synced };
                let acceptable = &values[first.saturating_sub(1)..];
                match there.get(time) {
                    Some(value) => assert!(acceptable.contains(value), "{what}: {name} at {time} is {value}"),
                    None => assert!(first == 0, "{what}: {name} at {time} is missing"),
                }
            }
        }
    }
}

/// A life in which everything happens: in order, late, overwritten, flushed, rolled up, merged, and a start.
fn live(setup: &Setup, store: &mut TestStore, written: &mut Written, random: &mut Random) {
    for round in 0..14 {
        let now = store.now();
        for time in now..now + 20 {
            store.clock().set(time);
            for series in 0..4 {
                written.put(store, &format!("s.{series}"), time, (random.below(100) as f64) / 4.0);
            }
        }
        written.put(store, "s.1", now - 1_000 - round, 7.0);
        written.put(store, "s.2", now + 3, 8.0);
        written.put(store, &format!("new.{round}"), now, 9.0);
        written.sync(store);
        store.advance(100);
        store.store.maintain();
        if round % 5 == 4 {
            drop(store.store.compact());
            written.check(store, true, "while it runs");
        }
    }
    let _ = setup;
}

fn setup(disk: &SimulatedDisk) -> Setup {
    Setup::new(config(ARCHIVES, Aggregation::Average, 0.5), Arc::new(disk.clone()))
}

fn operations_of_a_life() -> (u64, u64) {
    let disk = SimulatedDisk::default();
    let setup = setup(&disk);
    let mut store = setup.open();
    let opened = disk.operations();
    let mut written = Written::default();
    live(&setup, &mut store, &mut written, &mut Random::new(1));
    written.check(&store, true, "nothing fails");
    (opened, disk.operations())
}

/// So many operations in the short run, each in the long one.
fn stride(operations: u64, rounds: u64) -> usize {
    if crate::support::is_long() { 1 } else { (operations / rounds).max(1) as usize }
}

#[test]
fn every_operation_fails_once() {
    let (opened, operations) = operations_of_a_life();
    println!("{operations} operations, seed {}", seed());
    let offset = seed() % stride(operations, 25) as u64;
    for operation in (opened + 1 + offset..=operations).step_by(stride(operations, 25)) {
        let disk = SimulatedDisk::default();
        let setup = setup(&disk);
        let mut store = setup.open();
        disk.fail_at(operation);
        let mut written = Written::default();
        live(&setup, &mut store, &mut written, &mut Random::new(1));
        let what = format!("operation {operation} of {operations} fails");
        written.check(&store, true, &format!("{what}, soon after"));
        // It recovered by itself, and what it holds now survives.
        for _ in 0..3 {
            store.advance(10);
            store.store.maintain();
        }
        assert!(!store.store.is_read_only(), "{what}: {:?}", store.store.health().read_only);
        written.sync(&store);
        written.check(&store, true, &format!("{what}, later"));
        let gaps = store.store.health().gaps;
        assert!(gaps.is_empty(), "{what}: {gaps:?}");
        drop(store);
        let after = Setup { io: Arc::new(disk.after_power_cut(Unsynced::Lost)), ..setup };
        written.check(&after.open(), false, &format!("{what}, after a power cut"));
    }
}

#[test]
fn an_operation_fails_while_opening() {
    let (opened, _) = operations_of_a_life();
    for operation in 1..=opened {
        let disk = SimulatedDisk::default();
        disk.fail_at(operation);
        let setup = setup(&disk);
        // It may refuse; what it may not is to spoil the directory for the next time.
        drop(setup.try_open());
        let mut store = setup.open();
        store.put_one("a", START, 1.0);
        store.store.sync().unwrap();
        assert_eq!(store.reopen().points("a", START - 1, START).1, [(START, 1.0)], "operation {operation}");
    }
}

#[test]
fn the_power_ends_at_every_operation() {
    let (opened, operations) = operations_of_a_life();
    println!("{operations} operations, seed {}", seed());
    let offset = seed() % stride(operations, 25) as u64;
    for operation in (opened + 1 + offset..=operations).step_by(stride(operations, 25)) {
        let disk = SimulatedDisk::default();
        let setup = setup(&disk);
        let mut store = setup.open();
        disk.end_power_at(operation);
        let mut written = Written::default();
        live(&setup, &mut store, &mut written, &mut Random::new(1));
        drop(store);
        let random = Unsynced::Some(seed() + operation);
        for unsynced in [Unsynced::Lost, Unsynced::Kept, random, Unsynced::Some(seed() + 2 * operation)] {
            let what = format!("power ends at {operation} of {operations}, {unsynced:?}");
            let again = disk.after_power_cut(unsynced);
            let after = Setup { io: Arc::new(again.clone()), ..setup.clone() };
            let mut store = after.open();
            written.check(&store, false, &what);
            // And once more right after the start, before anything is flushed.
            store.put_one("later", store.now(), 1.0);
            store.store.sync().unwrap();
            drop(store);
            let after = Setup { io: Arc::new(again.after_power_cut(unsynced)), ..setup.clone() };
            let store = after.open();
            written.check(&store, false, &format!("{what}, twice"));
            store.settle();
            written.check(&store, false, &format!("{what}, twice, settled"));
        }
    }
}

#[test]
fn the_disk_is_full_at_every_byte_of_a_flush() {
    let mut random = Random::new(seed());
    let rounds = if crate::support::is_long() { 2_000 } else { 50 };
    for round in 0..rounds {
        let disk = SimulatedDisk::default();
        let setup = setup(&disk);
        let mut store = setup.open();
        let mut written = Written::default();
        for time in START..START + 100 {
            store.clock().set(time);
            (0..4)
                .for_each(|series| written.put(&mut store, &format!("s.{series}"), time, (time % 7) as f64));
        }
        written.sync(&store);
        let room = if round < 40 { round * 50 } else { random.below(8_000) };
        disk.set_room(Some(room));
        store.advance(700);
        store.store.maintain();
        drop(store.store.compact());
        let what = format!("seed {}, room for {room} bytes", seed());
        written.check(&store, true, &what);
        let now = store.now();
        for time in now..now + 30 {
            store.clock().set(time);
            written.put(&mut store, "s.0", time, 5.0);
            drop(store.store.sync());
        }
        // Live data is shown all the while.
        written.check(&store, true, &what);
        if round % 3 == 0 {
            // A start while the disk is full still shows what was stored.
            let full = Setup { io: Arc::new(disk.after_power_cut(Unsynced::Lost)), ..setup.clone() };
            if let Ok(store) = full.try_open() {
                written.check(&store, false, &format!("{what}, started while full"));
            }
        }
        disk.set_room(None);
        store.advance(10);
        store.store.maintain();
        assert!(!store.store.is_read_only(), "{what}: {:?}", store.store.health().read_only);
        written.check(&store, true, &what);
        written.sync(&store);
        drop(store);
        let after = Setup { io: Arc::new(disk.after_power_cut(Unsynced::Lost)), ..setup };
        let store = after.open();
        written.check(&store, true, &what);
        assert!(store.recovery.gaps.is_empty(), "{what}: {:?}", store.recovery.gaps);
    }
}

#[test]
fn a_flipped_bit_is_a_reported_gap_at_worst() {
    let disk = SimulatedDisk::default();
    let setup = setup(&disk);
    let mut store = setup.open();
    let mut written = Written::default();
    live(&setup, &mut store, &mut written, &mut Random::new(1));
    drop(store);
    let whole = disk.after_power_cut(Unsynced::Kept);
    let mut random = Random::new(seed());
    let flips = if crate::support::is_long() { 200 } else { 4 };
    println!("seed {}", seed());
    for (path, bytes) in whole.contents() {
        let name = path.display().to_string();
        if bytes.is_empty() || name.ends_with("RESERVE") || name.ends_with("FORMAT") {
            continue;
        }
        for flip in 0..flips {
            // The ends of a file hold its header and footer: they get their share.
            let at = match flip % 3 {
                0 => random.below(bytes.len().min(64) as u64) as usize,
                1 => bytes.len() - 1 - random.below(bytes.len().min(200) as u64) as usize,
                _ => random.below(bytes.len() as u64) as usize,
            };
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << random.below(8);
            let broken = whole.with(&path, flipped);
            let setup = Setup { io: Arc::new(broken), ..setup.clone() };
            let what = format!("{name}, byte {at} of {}", bytes.len());
            match setup.try_open() {
                Ok(store) => {
                    no_wrong_value(&written, &store, &what);
                    store.settle();
                    drop(store.store.compact());
                    no_wrong_value(&written, &store, &what);
                }
                // A version number that was hit: a refusal that says so.
                Err(error) => assert!(error.to_string().contains("version"), "{what}: {error}"),
            }
        }
    }
}

/// Values may be missing if that is reported; none may be one that was never written.
fn no_wrong_value(written: &Written, store: &TestStore, what: &str) {
    let names: BTreeSet<&String> = written.values.keys().map(|(name, _)| name).collect();
    let mut missing = 0;
    for name in names {
        let there: BTreeMap<i64, f64> = match store.id(name) {
            Some(_) => store.points(name, START - 18_000, START + 3_000).1.into_iter().collect(),
            None => BTreeMap::new(),
        };
        for (time, value) in &there {
            let ever = written.values.get(&(name.clone(), *time));
            assert!(ever.is_some_and(|ever| ever.contains(value)), "{what}: {name} at {time} is {value}");
        }
        let wanted = written.values.iter().filter(|((of, _), _)| of == name);
        missing += wanted.filter(|((_, time), values)| there.get(time) != values.last()).count();
    }
    let health = store.store.health();
    let reported =
        !health.gaps.is_empty() || !health.damaged_files.is_empty() || store.recovery.torn_bytes > 0;
    assert!(missing == 0 || reported, "{what}: {missing} points are gone without a word");
}
