//! Batches of sketches that are told again, whenever the process was killed: each counts once.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use disk::simulated::{Random, SimulatedDisk, Unsynced};
use vocabulary::ports::BatchMark;
use vocabulary::retention::Aggregation;
use vocabulary::{PointSink, Sketch, SketchBatch, Timestamp};

use crate::support::{START, Setup, TestStore, config, is_long, seed, sketched};

const NAMES: u64 = 6;

/// Keeps each batch until it knows that it is on the store's disk, as agents and the StatsD journal do.
struct Sender {
    name: &'static str,
    last: u64,
    unsettled: BTreeMap<u64, SketchBatch>,
    /// Values by series.
    sent: BTreeMap<String, f64>,
    repeated: u64,
}

impl Sender {
    fn new(name: &'static str) -> Sender {
        Sender { name, last: 0, unsettled: BTreeMap::new(), sent: BTreeMap::new(), repeated: 0 }
    }

    /// A new batch of so many rows; some of the same series and second.
    fn collect(&mut self, rows: u64, now: i64, random: &mut Random) -> u64 {
        let mut batch = SketchBatch::default();
        for row in 0..rows {
            // Large batches have names of their own: a record of the log holds so many at most.
            let name = format!("t.{}", if rows > NAMES { NAMES + row } else { random.below(NAMES) });
            let age = if random.chance(20) { 5_000 } else { random.below(30) as i64 };
            batch.push(name.as_bytes(), Timestamp(now - age), Sketch::from_values([(1.0 + row as f64, 1.0)]));
            *self.sent.entry(name).or_default() += 1.0;
        }
        self.last += 1;
        self.unsettled.insert(self.last, batch);
        self.last
    }

    fn tell(&mut self, store: &TestStore, number: u64, answer_is_lost: bool) {
        let Some(batch) = self.unsettled.get(&number) else { return };
        let settled = self.unsettled.keys().next().copied().unwrap_or(number);
        let mark = BatchMark { sender: self.name, number, settled };
        let report = store.store.write_sketches_once(batch, mark);
        assert_eq!(report.dropped(), 0, "{report:?}");
        assert_eq!(report.stored + report.volatile + report.repeated, batch.len() as u64, "{report:?}");
        self.repeated += report.repeated;
        if store.store.sync().is_ok() && !answer_is_lost {
            self.unsettled.remove(&number);
        }
    }

    /// As after a start: the backlog, or what is fresh before it.
    fn tell_all(&mut self, store: &TestStore, random: &mut Random) {
        let mut numbers: Vec<u64> = self.unsettled.keys().copied().collect();
        if random.chance(50) {
            numbers.reverse();
        }
        numbers.into_iter().for_each(|number| self.tell(store, number, false));
    }
}

fn setup(disk: &SimulatedDisk, before: Option<&Setup>) -> Setup {
    let io = Arc::new(disk.clone());
    match before {
        Some(before) => Setup { io, ..before.clone() },
        None => Setup::new(config("1s:1h,10s:1d", Aggregation::Average, 0.5), io),
    }
}

/// Steps in any order. The power ends somewhere in them: what comes then fails, as far as the sender can tell.
fn live(store: &TestStore, senders: &mut [Sender], random: &mut Random) {
    for sender in senders.iter_mut() {
        sender.tell_all(store, random);
    }
    for _ in 0..1 + random.below(30) {
        let sender = &mut senders[random.below(2) as usize];
        match random.below(12) {
            0..=5 => {
                let rows = 1 + random.below(NAMES);
                let number = sender.collect(rows, store.now(), random);
                sender.tell(store, number, random.chance(20));
            }
            6 | 7 => {
                let numbers: Vec<u64> = sender.unsettled.keys().copied().collect();
                if !numbers.is_empty() {
                    sender.tell(store, numbers[random.below(numbers.len() as u64) as usize], false);
                }
            }
            8 => drop(store.store.compact()),
            9 => drop(store.store.snapshot()),
            10 => {
                if store.now() < START + 2_000 {
                    store.advance(1 + random.below(40) as i64);
                }
                store.store.maintain();
            }
            _ => {
                // What the kernel has not got is lost by a kill.
                let number = sender.collect(2, store.now(), random);
                let batch = &sender.unsettled[&number];
                store.store.write_sketches_once(batch, BatchMark { sender: sender.name, number, settled: 0 });
            }
        }
    }
    if random.chance(15) {
        drop(store.store.close());
    }
}

fn check(store: &TestStore, senders: &[Sender], what: &str) {
    let mut sent: BTreeMap<&str, f64> = BTreeMap::new();
    for (name, values) in senders.iter().flat_map(|sender| &sender.sent) {
        *sent.entry(name).or_default() += values;
    }
    for (name, values) in sent {
        let (step, counted) = sketched(store, name, START - 20_000, store.now() + 20);
        assert_eq!((step, counted), (10, values), "{what}: {name}");
    }
}

fn any(random: &mut Random) -> Unsynced {
    match random.below(4) {
        0 => Unsynced::Lost,
        1 => Unsynced::Some(random.number()),
        // As kill -9 leaves it.
        _ => Unsynced::Kept,
    }
}

#[test]
fn whenever_it_is_killed_each_batch_counts_once() {
    println!("seed {}", seed());
    let (rounds, kills) = if is_long() { (200, 40) } else { (8, 12) };
    let mut repeated = 0;
    for round in 0..rounds {
        let what = format!("seed {}, round {round}", seed());
        let random = &mut Random::new(seed() + round);
        let mut disk = SimulatedDisk::default();
        let first = setup(&disk, None);
        let mut senders = [Sender::new("agent:1:web1"), Sender::new("statsd")];
        for _ in 0..kills {
            disk.end_power_at(disk.operations() + 1 + random.below(150));
            if let Ok(store) = setup(&disk, Some(&first)).try_open() {
                live(&store, &mut senders, random);
            }
            disk = disk.after_power_cut(any(random));
        }
        let store = setup(&disk, Some(&first)).open();
        senders.iter_mut().for_each(|sender| sender.tell_all(&store, random));
        assert!(senders.iter().all(|sender| sender.unsettled.is_empty()), "{what}");
        check(&store, &senders, &what);
        store.store.compact().unwrap();
        check(&store, &senders, &what);
        check(&store.restart(), &senders, &what);
        repeated += senders.iter().map(|sender| sender.repeated).sum::<u64>();
    }
    assert!(repeated > 0, "nothing was told twice: this shows nothing");
}

/// A batch of several records of the log, of which a kill left some.
#[test]
fn the_rest_of_a_batch_is_taken_where_it_broke_off() {
    const ROWS: u64 = 2_500;
    let write = |store: &TestStore, sender: &Sender| {
        let mark = BatchMark { sender: sender.name, number: 1, settled: 1 };
        store.store.write_sketches_once(&sender.unsettled[&1], mark)
    };
    let disk = SimulatedDisk::default();
    let first = setup(&disk, None);
    let random = &mut Random::new(1);
    let mut sender = Sender::new("agent:1:web1");
    sender.collect(ROWS, START, random);
    let store = first.open();
    assert_eq!(write(&store, &sender).stored, ROWS);
    store.store.sync().unwrap();
    drop(store);
    let is_log = |path: &Path| path.extension().is_some_and(|extension| extension == "wal");
    let (path, log) = disk.contents().into_iter().find(|(path, _)| is_log(path)).unwrap();
    let mut seen = Vec::new();
    for tenth in [0, 5, 9, 10] {
        let cut = log[..32 + (log.len() - 32) * tenth / 10].to_vec();
        let disk = disk.with(&path, cut);
        let store = setup(&disk, Some(&first)).open();
        let report = write(&store, &sender);
        assert_eq!(report.stored + report.repeated, ROWS, "{report:?}");
        seen.push(report.repeated);
        assert_eq!(write(&store, &sender).repeated, ROWS);
        check(&store, std::slice::from_ref(&sender), "told once more");
    }
    assert_eq!(seen, [0, 1_024, 2_048, ROWS]);
}

/// Memory, the log, files, a clean start, a snapshot: the mark is wherever the sketches are.
#[test]
fn a_mark_goes_where_its_sketches_go() {
    let random = &mut Random::new(2);
    let mut store = TestStore::new(config("1s:1h,10s:1d", Aggregation::Average, 0.5));
    let mut sender = Sender::new("statsd");
    let number = sender.collect(4, START, random);
    let tell = |store: &TestStore, sender: &Sender| {
        let mark = BatchMark { sender: sender.name, number, settled: number };
        store.store.write_sketches_once(&sender.unsettled[&number], mark)
    };
    assert_eq!(tell(&store, &sender).stored, 4);
    let told_again = |store: &TestStore, what: &str| {
        let report = tell(store, &sender);
        assert_eq!((report.repeated, report.stored), (4, 0), "{what}");
        assert_eq!(store.store.last_batch("statsd"), number, "{what}");
        assert_eq!(store.store.last_batch("statsd2"), 0, "{what}");
        check(store, std::slice::from_ref(&sender), what);
    };
    told_again(&store, "in memory");
    store.store.sync().unwrap();
    store = store.reopen();
    told_again(&store, "in the log");
    store.advance(700);
    store.store.compact().unwrap();
    let copy = store.store.snapshot().unwrap();
    store = store.reopen();
    told_again(&store, "in files");
    told_again(&Setup { directory: copy, ..store.setup.clone() }.open(), "in a snapshot");
    store = store.restart();
    told_again(&store, "after a clean stop");
    assert_eq!(store.store.stats().sketches_repeated, 4);
}

/// While the store leaves the read-only state batches come in, and then it is killed.
#[test]
fn what_comes_while_writing_begins_again_counts_once() {
    let disk = SimulatedDisk::default();
    let first = setup(&disk, None);
    let random = &mut Random::new(3);
    let store = first.open();
    let mut sender = Sender::new("statsd");
    for _ in 0..20 {
        sender.collect(3, START, random);
    }
    disk.set_room(Some(0));
    store.advance(10);
    store.store.maintain();
    assert!(store.store.is_read_only());
    sender.tell(&store, 1, false);
    assert!(sender.unsettled.contains_key(&1), "nothing is safe on a full disk");
    // One batch when the first file is written, so that the log has something to sync, and one at each sync of it.
    let (target, told) = (Arc::clone(&store.store), sender.unsettled.clone());
    let next = AtomicU64::new(2);
    disk.on_sync(Some(Arc::new(move |path: &Path| {
        let number = next.load(Ordering::Relaxed);
        let is_log = path.extension().is_some_and(|ending| ending == "wal");
        let is_first_file = number == 2 && path.to_string_lossy().contains("/blocks/");
        if let Some(batch) = told.get(&number).filter(|_| is_log || is_first_file) {
            next.store(number + 1, Ordering::Relaxed);
            target.write_sketches_once(batch, BatchMark { sender: "statsd", number, settled: 1 });
        }
    })));
    disk.set_room(None);
    store.advance(10);
    store.store.maintain();
    assert!(!store.store.is_read_only(), "{:?}", store.store.health().read_only);
    disk.on_sync(None);
    let killed = disk.after_power_cut(Unsynced::Kept);
    let store = setup(&killed, Some(&first)).open();
    sender.tell_all(&store, random);
    assert!(sender.unsettled.is_empty() && sender.repeated > 0);
    check(&store, std::slice::from_ref(&sender), "killed when it had begun to write again");
}

/// Of a machine whose clock is ahead: a copy that says that it has a batch has all of it.
#[test]
fn a_snapshot_has_what_its_marks_tell_of_ahead_of_the_clock_too() {
    let store = TestStore::new(config("1s:1h,10s:1d", Aggregation::Average, 0.5));
    let mut batch = SketchBatch::default();
    for ahead in [0, 20] {
        batch.push(b"t.0", Timestamp(START + ahead), Sketch::from_values([(1.0, 1.0)]));
    }
    let mark = BatchMark { sender: "agent:1:web1", number: 1, settled: 1 };
    assert_eq!(store.store.write_sketches_once(&batch, mark).stored, 2);
    let copy = store.store.snapshot().unwrap();
    let copy = Setup { directory: copy, ..store.setup.clone() }.open();
    assert_eq!(copy.store.write_sketches_once(&batch, mark).repeated, 2);
    store.advance(30);
    assert_eq!(sketched(&copy, "t.0", START - 10, START + 30).1, 2.0);
    // And the store itself goes on as if nothing had been.
    assert_eq!(store.store.write_sketches_once(&batch, BatchMark { number: 2, ..mark }).stored, 2);
    assert_eq!(sketched(&store, "t.0", START - 10, START + 30).1, 4.0);
}

/// The kernel may write the log before the series that it names; then the power ends.
#[test]
fn a_batch_whose_series_a_power_cut_took_is_told_again_whole() {
    let disk = SimulatedDisk::default();
    let first = setup(&disk, None);
    let store = first.open();
    let mut sender = Sender::new("agent:1:web1");
    for (number, names) in [(1, &["t.0"][..]), (2, &["t.0", "t.1"][..]), (3, &["t.0"][..])] {
        let mut batch = SketchBatch::default();
        for name in names {
            batch.push(name.as_bytes(), Timestamp(START), Sketch::from_values([(1.0, 1.0)]));
            *sender.sent.entry((*name).to_owned()).or_default() += 1.0;
        }
        sender.unsettled.insert(number, batch);
    }
    let write = |number: u64| {
        let mark = BatchMark { sender: sender.name, number, settled: 1 };
        assert_eq!(store.store.write_sketches_once(&sender.unsettled[&number], mark).repeated, 0);
    };
    let series = || {
        let is_it = |path: &Path| path.extension().is_some_and(|ending| ending == "log");
        disk.contents().into_iter().find(|(path, _)| is_it(path)).unwrap()
    };
    write(1);
    store.store.sync().unwrap();
    let (path, before) = series();
    write(2);
    write(3);
    store.store.maintain();
    assert!(series().1.len() > before.len(), "t.1 has come");
    let cut = disk.with(&path, before);
    let store = setup(&cut, Some(&first)).open();
    sender.tell_all(&store, &mut Random::new(4));
    assert_eq!((sender.repeated, sender.unsettled.len()), (1, 0));
    check(&store, std::slice::from_ref(&sender), "told again");
    drop(store);
    // Also at the start after that, from the log of both runs.
    let killed = cut.after_power_cut(Unsynced::Kept);
    check(&setup(&killed, Some(&first)).open(), std::slice::from_ref(&sender), "started once more");
}
