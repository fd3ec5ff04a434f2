//! The whole way from `write` to a server, simulated: kills, lost answers and refusals at every moment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use formats::agent_batch::{Greeting, Happened, read_frame};
use vocabulary::ports::{BatchMark, Successor};
use vocabulary::{Clock, PointBatch, PointSink, Sketch, SketchBatch, Timestamp};

use super::forwarder::{Change, Forwarder, Identity, Receipt, Reply, Uplink};
use super::outbox::Outbox;

#[derive(Default)]
struct TestClock(AtomicI64);

impl Clock for TestClock {
    fn since_epoch(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::Relaxed) as u64)
    }
}

/// What a server does with requests, in ten lines.
#[derive(Default)]
struct Server {
    applied: BTreeSet<u64>,
    slots: BTreeMap<(Vec<u8>, i64), f64>,
    weight: f64,
    events: usize,
    repeated: u64,
    /// Numbers in the order in which they were applied.
    order: Vec<u64>,
    fate: Fate,
    settled: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Fate {
    #[default]
    Fine,
    Away,
    AnswerLost,
    Status(u16),
    /// It cannot read this batch.
    Chokes(u64),
}

impl Server {
    fn take(&mut self, body: &[u8]) -> Reply {
        let mut rest = body;
        let greeting = Greeting::read(&mut rest).unwrap();
        assert!(greeting.settled >= self.settled, "what is settled does not come back");
        self.settled = greeting.settled;
        while !rest.is_empty() {
            let frame = read_frame(rest).unwrap();
            assert!(frame.sequence >= greeting.settled);
            if self.fate == Fate::Chokes(frame.sequence) {
                return refused(422);
            }
            if self.applied.insert(frame.sequence) {
                self.order.push(frame.sequence);
                let rows = frame.rows().unwrap();
                let slot = |name: &[u8], time: Timestamp| (name.to_vec(), time.0);
                self.slots
                    .extend(rows.points.iter().map(|point| (slot(point.name, point.time), point.value)));
                self.weight += rows.sketches.iter().map(|(_, _, sketch)| sketch.count()).sum::<f64>();
                self.events += rows.events.len();
            } else {
                self.repeated += 1;
            }
            rest = &rest[frame.bytes.len()..];
        }
        Reply::Taken(Receipt::default())
    }
}

fn refused(status: u16) -> Reply {
    Reply::Refused { status, why: "because".into(), retry_after: Some(Duration::from_secs(1)) }
}

impl Uplink for Server {
    fn send(&mut self, body: Vec<u8>) -> Reply {
        match self.fate {
            Fate::Away => Reply::Away("away".into()),
            Fate::Status(status) => refused(status),
            Fate::Fine | Fate::Chokes(_) => self.take(&body),
            Fate::AnswerLost => {
                self.take(&body);
                Reply::Away("no answer".into())
            }
        }
    }
}

fn open(directory: &Path, clock: &Arc<TestClock>) -> Arc<Outbox> {
    Arc::new(Outbox::open(directory, 64 << 20, clock.clone()).unwrap().0)
}

fn forwarder(outbox: &Arc<Outbox>) -> Forwarder {
    let identity = Identity { name: "a".into(), instance: 7, interval: Duration::from_secs(1) };
    Forwarder::new(outbox.clone(), identity)
}

/// The files of an outbox as they are now.
fn copy(directory: &Path) -> tempfile::TempDir {
    let copied = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), copied.path().join(entry.file_name())).unwrap();
    }
    copied
}

fn put(outbox: &Outbox, name: &str, time: i64, value: f64) {
    let mut batch = PointBatch::default();
    batch.push(name.as_bytes(), Timestamp(time), value);
    assert_eq!(outbox.write(&batch, &mut Successor::default()).stored, 1);
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// One life of an agent whose server fails and which is killed, at random; then all is well, and everything has to be
/// there, once, the last value of each slot.
fn life(seed: u64) {
    let mut random = Random(seed);
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock::default());
    let mut outbox = open(directory.path(), &clock);
    let mut forwarder_now = forwarder(&outbox);
    let mut server = Server::default();
    let (mut wanted, mut weight, mut events) = (BTreeMap::new(), 0.0, 0);
    for second in 1_000..1_120 {
        clock.0.store(second, Ordering::Relaxed);
        for _ in 0..random.below(6) {
            // Mostly now; some come late, correct what was sent, or are ahead.
            let time = second + [0, 0, 0, 0, -1, -7, -40, 2][random.below(8) as usize];
            let (name, value) = (format!("s{}", random.below(3)), random.below(1_000) as f64);
            put(&outbox, &name, time, value);
            wanted.insert((name.into_bytes(), time), value);
        }
        if random.below(3) == 0 {
            let mut sketches = SketchBatch::default();
            sketches.push(b"t", Timestamp(second), Sketch::from_values([(1.0, 1.0), (2.0, 2.0)]));
            outbox.write_sketches(&sketches);
            weight += 3.0;
        }
        if random.below(20) == 0 {
            outbox.take_events(&[Happened {
                at: Timestamp(second),
                what: "deployed".into(),
                ..Happened::default()
            }]);
            events += 1;
        }
        if random.below(6) == 0 {
            let fates = [
                Fate::Fine,
                Fate::Fine,
                Fate::Away,
                Fate::Away,
                Fate::AnswerLost,
                Fate::Status(503),
                Fate::Status(413),
            ];
            server.fate = fates[random.below(fates.len() as u64) as usize];
        }
        if random.below(15) == 0 {
            // Killed: nothing is closed, nothing is said.
            drop(forwarder_now);
            drop(outbox);
            outbox = open(directory.path(), &clock);
            forwarder_now = forwarder(&outbox);
        }
        if random.below(8) != 0 {
            outbox.close();
        }
        for _ in 0..random.below(3) {
            forwarder_now.exchange(Instant::now(), second as u64 * 1_000, &mut server);
        }
    }
    server.fate = Fate::Fine;
    outbox.close();
    for _ in 0..100 {
        forwarder_now.exchange(Instant::now(), 0, &mut server);
    }
    assert_eq!(outbox.waiting().batches, 0, "seed {seed}");
    assert_eq!((server.weight, server.events), (weight, events), "seed {seed}");
    assert_eq!(server.slots, wanted, "seed {seed}");
}

#[test]
fn whatever_fails_everything_arrives_once_and_the_last_value_counts() {
    let long = std::env::var("BELLWETHER_LONG").is_ok();
    for seed in 0..if long { 1_000 } else { 50 } {
        life(seed);
    }
}

/// An outage of so many seconds, with a batch in each.
fn after_an_outage(seconds: i64) -> (tempfile::TempDir, Arc<TestClock>, Arc<Outbox>, Forwarder, Server) {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock::default());
    let outbox = open(directory.path(), &clock);
    let mut forwarder = forwarder(&outbox);
    let mut server = Server { fate: Fate::Away, ..Server::default() };
    for second in 1..=seconds {
        clock.0.store(second, Ordering::Relaxed);
        put(&outbox, "a", second, 1.0);
        outbox.close();
        forwarder.exchange(Instant::now(), 0, &mut server);
    }
    (directory, clock, outbox, forwarder, server)
}

#[test]
fn what_is_fresh_overtakes_a_backlog_and_what_is_late_does_not() {
    let (_directory, clock, outbox, mut forwarder, mut server) = after_an_outage(3_000);
    let first = outbox.settled();
    server.fate = Fate::Fine;
    let told = forwarder.exchange(Instant::now(), 0, &mut server);
    assert!(matches!(told[..], [Change::Connected { waiting: 2_984, after: Some(_) }]), "{told:?}");
    clock.0.store(3_001, Ordering::Relaxed);
    put(&outbox, "a", 3_001, 5.0);
    put(&outbox, "a", 3_000, 6.0);
    put(&outbox, "b", 7, 7.0);
    outbox.close();
    forwarder.exchange(Instant::now(), 0, &mut server);
    // The fresh one is 3,002: the late rows of the same second are a batch before it, at the backlog's end.
    assert_eq!(server.order[16..18], [first + 3_001, first + 16]);
    assert_eq!(server.slots.get(&(b"a".to_vec(), 3_001)), Some(&5.0));
    while outbox.waiting().batches > 0 {
        forwarder.exchange(Instant::now(), 0, &mut server);
    }
    assert_eq!(server.order.last(), Some(&(first + 3_000)));
    assert_eq!(server.slots.get(&(b"a".to_vec(), 3_000)), Some(&6.0), "the last that was sent counts");
    assert_eq!((server.slots.len(), server.repeated), (3_002, 0));
    // And all is as before.
    put(&outbox, "a", 3_002, 1.0);
    outbox.close();
    assert_eq!(outbox.waiting().batches, 1);
}

#[test]
fn a_batch_that_cannot_be_read_is_found_set_aside_and_counted() {
    let (directory, _clock, outbox, mut forwarder, mut server) = after_an_outage(20);
    let bad = outbox.settled() + 12;
    server.fate = Fate::Chokes(bad);
    let mut told = Vec::new();
    for _ in 0..40 {
        told.extend(forwarder.exchange(Instant::now(), 0, &mut server));
    }
    let is_it = |change: &Change| matches!(change, Change::GivenUp { sequence, .. } if *sequence == bad);
    assert!(told.iter().any(is_it), "{told:?}");
    assert_eq!((outbox.waiting().batches, server.applied.len()), (0, 19));
    assert_eq!((forwarder.stats.given_up, forwarder.stats.given_up_points), (1, 1));
    let kept = directory.path().join(format!("refused-{bad:020}.damaged"));
    assert!(kept.exists());
}

/// The files are as they were some seconds before; the server has heard more.
#[test]
fn batches_after_a_power_cut_are_not_taken_for_those_before_it() {
    let (directory, clock, outbox, mut forwarder, mut server) = after_an_outage(3);
    server.fate = Fate::Fine;
    let mut wanted = 0;
    let mut collect = |outbox: &Outbox, second: i64| {
        clock.0.store(second, Ordering::Relaxed);
        put(outbox, "a", second, 1.0);
        let mut sketches = SketchBatch::default();
        sketches.push(b"t", Timestamp(second), Sketch::from_values([(1.0, 1.0)]));
        outbox.write_sketches(&sketches);
        wanted += 1;
    };
    while outbox.waiting().batches > 0 {
        forwarder.exchange(Instant::now(), 0, &mut server);
    }
    collect(&outbox, 4);
    let older = copy(directory.path());
    for second in 5..9 {
        outbox.close();
        forwarder.exchange(Instant::now(), 0, &mut server);
        collect(&outbox, second);
    }
    assert_eq!((outbox.waiting().batches, server.slots.len()), (0, 7));
    drop((forwarder, outbox));
    // The rows of the eighth second were on no disk; those of the fourth are told again.
    server.settled = 0;
    let outbox = open(older.path(), &clock);
    let mut forwarder = self::forwarder(&outbox);
    for second in 9..15 {
        collect(&outbox, second);
        outbox.close();
    }
    for _ in 0..10 {
        forwarder.exchange(Instant::now(), 0, &mut server);
    }
    assert_eq!((outbox.waiting().batches, server.repeated), (0, 1));
    let seconds: Vec<i64> = server.slots.keys().map(|(_, time)| *time).collect();
    assert_eq!(seconds, [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14]);
    assert_eq!(server.weight, f64::from(wanted) - 1.0);
}

/// One image, machine-id and all, started twice.
#[test]
fn copies_of_one_machine_do_not_give_the_same_numbers() {
    let (directory, clock, outbox, forwarder, mut server) = after_an_outage(1);
    drop((forwarder, outbox));
    server.fate = Fate::Fine;
    for (nth, name) in ["b", "c"].into_iter().enumerate() {
        let machine = copy(directory.path());
        let outbox = open(machine.path(), &clock);
        let mut forwarder = self::forwarder(&outbox);
        put(&outbox, name, 5, 1.0);
        outbox.close();
        server.settled = 0;
        while outbox.waiting().batches > 0 {
            forwarder.exchange(Instant::now(), 0, &mut server);
        }
        // What both have of the image is the same batch.
        assert_eq!(server.repeated, nth as u64);
    }
    let names: Vec<&[u8]> = server.slots.keys().map(|(name, _)| &name[..]).collect();
    assert_eq!(names, [b"a", b"b", b"c"]);
}

/// Killed before its StatsD could delete the journal of the flush.
#[test]
fn a_flush_that_is_told_again_after_a_kill_is_taken_once() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock::default());
    let tell = |outbox: &Outbox, number: u64| {
        let mut sketches = SketchBatch::default();
        sketches.push(b"t", Timestamp(number as i64), Sketch::from_values([(1.0, 1.0)]));
        let mark = BatchMark { sender: "statsd", number, settled: number };
        let report = outbox.write_sketches_once(&sketches, mark);
        (report.stored, report.repeated)
    };
    let outbox = open(directory.path(), &clock);
    assert_eq!((outbox.last_batch("statsd"), tell(&outbox, 1)), (0, (1, 0)));
    drop(outbox);
    // From the log of the rows; and then from the file beside a batch that was closed.
    let outbox = open(directory.path(), &clock);
    assert_eq!((outbox.last_batch("statsd"), tell(&outbox, 1)), (1, (0, 1)));
    assert_eq!(tell(&outbox, 2), (1, 0));
    outbox.close();
    drop(outbox);
    let outbox = open(directory.path(), &clock);
    assert_eq!((outbox.last_batch("statsd"), tell(&outbox, 2), tell(&outbox, 3)), (2, (0, 1), (1, 0)));
    outbox.close();
    let (mut forwarder, mut server) = (forwarder(&outbox), Server::default());
    while outbox.waiting().batches > 0 {
        forwarder.exchange(Instant::now(), 0, &mut server);
    }
    assert_eq!(server.weight, 3.0);
}

#[test]
fn refusals_say_what_to_do_and_are_told_once() {
    let (_directory, _clock, outbox, mut forwarder, mut server) = after_an_outage(1);
    for (status, told) in [
        (401, "token"),
        (403, "token"),
        (404, "Bellwether"),
        (413, "max_body_bytes"),
        (503, "wait"),
        (500, "500"),
    ] {
        server.fate = Fate::Status(status);
        let now = Instant::now();
        let changes = forwarder.exchange(now, 0, &mut server);
        assert!(matches!(&changes[..], [Change::Lost(why)] if why.contains(told)), "{status}: {changes:?}");
        assert_eq!(forwarder.exchange(now, 0, &mut server), [], "{status}: told once");
        let pause = forwarder.pause(now);
        assert!(pause > Duration::from_millis(99) && pause <= Duration::from_secs(3), "{status}: {pause:?}");
    }
    assert_eq!(outbox.waiting().batches, 1, "it keeps everything");
    server.fate = Fate::Fine;
    assert!(matches!(forwarder.exchange(Instant::now(), 0, &mut server)[..], [Change::Connected { .. }]));
    assert_eq!((forwarder.pause(Instant::now()), outbox.waiting().batches), (Duration::ZERO, 0));
}

#[test]
fn a_flood_is_cut_into_batches_and_odd_rows_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let outbox = open(directory.path(), &Arc::default());
    let mut batch = PointBatch::default();
    for number in 0..300_000u32 {
        batch.push(
            format!("flood.{:08x}.value", number.wrapping_mul(2_654_435_761)).as_bytes(),
            Timestamp(1),
            1.5,
        );
    }
    batch.push(b"", Timestamp(1), 1.0);
    batch.push(&[b'x'; 100_000], Timestamp(1), 1.0);
    batch.push(b"nan", Timestamp(1), f64::NAN);
    let report = outbox.write(&batch, &mut Successor::default());
    assert_eq!((report.stored, report.refused_name, report.no_value), (300_000, 2, 1));
    let long = Happened { what: "deployed".into(), data: "x".repeat(16 << 10), ..Happened::default() };
    let untold = Happened { what: "x".repeat(100_000), ..Happened::default() };
    outbox.take_events(&[vec![long; 1_000], vec![untold]].concat());
    outbox.close();
    let stats = outbox.stats();
    assert!(stats.spool.waiting.batches > 3 && stats.spool.waiting.points == 300_000, "{stats:?}");
    assert_eq!((stats.taken.events, stats.refused_names), (1_000, 3));
    let mut server = Server::default();
    let mut forwarder = forwarder(&outbox);
    while outbox.waiting().batches > 0 {
        forwarder.exchange(Instant::now(), 0, &mut server);
    }
    assert_eq!((server.slots.len(), server.events), (300_000, 1_000));
}
