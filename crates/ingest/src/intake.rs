//! StatsD between its sockets and the store: packets into the aggregator and the journal, flushes out.
//!
//! Each receiving thread has a [`Lane`]: a shard of the aggregator and a writer of the journal. A flush cuts all
//! lanes at one moment: what was received before it is in the flush and in the old segments, what comes after in
//! the next of both.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, ArcSwapOption};
use formats::statsd::read_packet;
use parking_lot::{Condvar, Mutex};
use statsd::config::StatsdConfig;
use statsd::key_flush::KeyLog;
use statsd::{Aggregator, Flush, Receiving, Shard};
use vocabulary::ports::{BatchMark, PointSink, Successor, WriteReport};
use vocabulary::sample::{BadSample, Event, Sample, SampleSink, ServiceCheck};
use vocabulary::time::Clock;
use vocabulary::{SketchBatch, Timestamp};

use crate::forward::{Forwards, Origin};
use crate::gauge_log::GaugeLog;
use crate::ingest::Ports;
use crate::journal::{Journal, JournalStats, LeftBehind, Record, Replay, Writer};
use crate::listener::Tally;
use crate::outgoing::{OutgoingStats, OwnAddresses};
use crate::relay::Relay;
use crate::repeater::Repeater;
use crate::stats::BadInput;

/// What the store knows this receiver's flushes by.
const SENDER: &str = "statsd";

/// What became of a flush, for whoever carries on what is not points.
#[derive(Debug, Default)]
pub struct Flushed {
    pub time: Timestamp,
    /// Of the numbers.
    pub points: WriteReport,
    /// Of the distributions beside them.
    pub sketches: WriteReport,
    /// With the time at which each was received. After a crash they may be told a second time.
    pub events: Vec<(Timestamp, Event)>,
    pub service_checks: Vec<(Timestamp, ServiceCheck)>,
    /// The most frequent names, when it is time for them.
    pub key_log: Option<KeyLog>,
    /// How long aggregating and writing took.
    pub took: Duration,
}

/// What the start found of the last run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    pub gauges: usize,
    pub segments: usize,
    pub records: u64,
    /// Torn or damaged bytes of journal and gauge log.
    pub lost_bytes: u64,
    /// Files that could not be understood; they were left where they are or set aside.
    pub unreadable: Vec<PathBuf>,
}

pub struct Intake {
    aggregator: Arc<Aggregator>,
    sink: Arc<dyn PointSink>,
    clock: Arc<dyn Clock>,
    relay: Relay,
    forwards: Forwards,
    own: OwnAddresses,
    after_flush: AfterFlush,
    config: ArcSwap<StatsdConfig>,
    repeater: ArcSwapOption<Repeater>,
    lanes: Mutex<Vec<Weak<Mutex<Writer>>>>,
    /// Held for a whole flush, so that flushes do not overtake each other.
    flushing: Mutex<Successor>,
    journal: Mutex<Journal>,
    gauge_log: Mutex<Option<GaugeLog>>,
    keeper: Keeper,
}

pub type AfterFlush = Arc<dyn Fn(Flushed) + Send + Sync>;

/// What the thread that waits for the disk shall do next.
#[derive(Default)]
struct Keeper {
    orders: Mutex<Orders>,
    changed: Condvar,
}

#[derive(Default)]
struct Orders {
    /// Segments up to this one are flushed; delete them once that is safe.
    retire: Option<u64>,
    stop: bool,
}

impl Intake {
    /// Opens the journal (or none), and tells again what the last run could not.
    pub fn open(
        ports: &Ports,
        config: &StatsdConfig,
        (relay, forwards, own): (Relay, Forwards, OwnAddresses),
    ) -> io::Result<(Arc<Intake>, Recovered)> {
        let Ports { sink, clock, aggregator, data_dir, after_flush, .. } = ports.clone();
        let now = clock.since_epoch();
        let mut recovered = Recovered::default();
        let (journal, gauge_log, replay) = match &data_dir {
            None => (Journal::off(now), None, Replay::default()),
            Some(data_dir) => {
                let directory = data_dir.join("statsd");
                let replay = Replay::find(&directory)?;
                let (gauge_log, found) = GaugeLog::open(&directory, replay.oldest().unwrap_or(u64::MAX))?;
                let interval = config.flush_interval.duration();
                // The store remembers numbers of which neither a segment nor a gauge is left.
                let last_sequence = found.last_sequence.max(sink.last_batch(SENDER));
                let journal = Journal::open(&directory, interval, now, &replay, last_sequence);
                recovered.lost_bytes += found.lost_bytes;
                recovered.unreadable.extend(found.set_aside);
                for (name, value) in &found.gauges {
                    let restored = aggregator.restore_gauge(&String::from_utf8_lossy(name), *value);
                    recovered.gauges += usize::from(restored);
                }
                (journal, Some(gauge_log), replay)
            }
        };
        let intake = Arc::new(Intake {
            aggregator,
            sink,
            clock,
            relay,
            forwards,
            own,
            after_flush,
            config: ArcSwap::from_pointee(config.clone()),
            repeater: ArcSwapOption::empty(),
            lanes: Mutex::default(),
            flushing: Mutex::default(),
            journal: Mutex::new(journal),
            gauge_log: Mutex::new(gauge_log),
            keeper: Keeper::default(),
        });
        intake.set_repeater(config)?;
        recovered.unreadable.extend(replay.unreadable);
        intake.tell_again(&replay.segments, whole_seconds(now), &mut recovered);
        Ok((intake, recovered))
    }

    /// Feeds what was left behind to the aggregator. What was due by now is flushed under the time of the flush that
    /// never came; the rest becomes part of the running interval, and its segments go with it.
    fn tell_again(&self, segments: &[LeftBehind], now: Timestamp, recovered: &mut Recovered) {
        let mut by_due: BTreeMap<Timestamp, Vec<&LeftBehind>> = BTreeMap::new();
        for segment in segments {
            by_due.entry(segment.due).or_default().push(segment);
        }
        let shard = self.aggregator.shard();
        for (due, segments) in by_due {
            for segment in &segments {
                match self.feed(&shard, segment) {
                    Ok(back) => {
                        recovered.segments += 1;
                        recovered.records += back.records;
                        recovered.lost_bytes += back.lost_bytes;
                    }
                    Err(_) => recovered.unreadable.push(segment.path.clone()),
                }
            }
            if due <= now
                && let Some(last) = segments.last()
            {
                let begun = Instant::now();
                let flush = self.aggregator.flush(due);
                self.hand_on(flush, (last.sequence, true), begun, &mut Successor::default());
                self.retire(last.sequence);
            }
        }
    }

    fn feed(&self, shard: &Shard, segment: &LeftBehind) -> io::Result<crate::journal::ReadBack> {
        let dialect = self.config.load().dialect;
        let received = segment.due.minus(1);
        segment.read(|record| match record {
            Record::Packet(packet) => read_packet(packet, dialect, &mut shard.receive(received)),
            Record::Command(command) => drop(self.aggregator.admin(command, received)),
        })
    }

    pub fn lane(self: &Arc<Self>) -> Lane {
        // Held until the lane is in the list: a flush in between would leave it in the old segment.
        let journal = self.journal.lock();
        let writer = Arc::new(Mutex::new(Writer::new(&journal)));
        let mut lanes = self.lanes.lock();
        lanes.retain(|lane| lane.strong_count() > 0);
        lanes.push(Arc::downgrade(&writer));
        Lane { shard: self.aggregator.shard(), writer, intake: Arc::clone(self) }
    }

    /// Ends the interval under the time `due`. `retire`: its journal goes as soon as its points are safe. It stays
    /// when the interval is cut short, so that a start before `due` can go on where this one stopped.
    pub fn flush(&self, due: Timestamp, retire: bool) {
        let mut hint = self.flushing.lock();
        let begun = Instant::now();
        let mut sequence = 0;
        let flush = {
            let mut journal = self.journal.lock();
            let lanes = self.lanes.lock();
            self.aggregator.flush_with(due, || {
                sequence = journal.begin_segment(self.clock.since_epoch());
                for writer in lanes.iter().filter_map(Weak::upgrade) {
                    writer.lock().switch(journal.current());
                }
            })
        };
        self.hand_on(flush, (sequence, retire), begun, &mut hint);
        if retire {
            self.retire(sequence);
        }
    }

    /// `is_whole`: false when the interval was cut short, and the next start tells it again with what comes then.
    fn hand_on(&self, flush: Flush, (sequence, is_whole): (u64, bool), begun: Instant, hint: &mut Successor) {
        let now = self.clock.now();
        let points = self.relay.write_made_here(&flush.points, &*self.sink, hint, now);
        let sketches = self.write_sketches(&flush.sketches, sequence, is_whole);
        let took = begun.elapsed();
        self.aggregator.delivered(now, took, points.dropped() == 0);
        self.forwards.offer(&flush.points, Origin::Flush);
        self.keep_gauges(&flush, sequence);
        let Flush { time, events, service_checks, key_log, .. } = flush;
        (self.after_flush)(Flushed { time, points, sketches, events, service_checks, key_log, took });
    }

    /// Points may be told twice, sketches add up: those of each segment are told under its number, and those of an
    /// interval that was cut short stay in the journal, where the next start finds them.
    fn write_sketches(&self, batch: &SketchBatch, sequence: u64, is_whole: bool) -> WriteReport {
        let settled = {
            let journal = self.journal.lock();
            if !is_whole && journal.has_all_of(sequence) {
                journal.sync_waiting();
                return WriteReport::default();
            }
            journal.oldest()
        };
        self.sink.write_sketches_once(batch, BatchMark { sender: SENDER, number: sequence, settled })
    }

    fn keep_gauges(&self, flush: &Flush, sequence: u64) {
        if flush.changed_gauges.is_empty() {
            return;
        }
        if let Some(log) = self.gauge_log.lock().as_mut() {
            let changes = flush.changed_gauges.iter().map(|change| (change.name.as_bytes(), change.value));
            self.journal.lock().note(log.append(sequence, changes));
        }
    }

    fn retire(&self, sequence: u64) {
        let waiting = self.journal.lock().is_waiting();
        let dirty = self.gauge_log.lock().as_ref().is_some_and(GaugeLog::is_dirty);
        if waiting || dirty {
            self.keeper.orders.lock().retire = Some(sequence);
            self.keeper.changed.notify_one();
        }
    }

    pub fn reconfigure(&self, config: &StatsdConfig) -> io::Result<()> {
        let before = self.config.load();
        if before.repeater != config.repeater || before.repeater_protocol != config.repeater_protocol {
            self.set_repeater(config)?;
        }
        self.journal.lock().set_interval(config.flush_interval.duration());
        self.config.store(Arc::new(config.clone()));
        self.aggregator.reconfigure(config);
        Ok(())
    }

    fn set_repeater(&self, config: &StatsdConfig) -> io::Result<()> {
        let repeater = match config.repeater.as_slice() {
            [] => None,
            targets => Some(Arc::new(Repeater::start(targets, config.repeater_protocol, &self.own)?)),
        };
        self.repeater.store(repeater);
        Ok(())
    }

    pub fn journal_stats(&self) -> JournalStats {
        self.journal.lock().stats()
    }

    pub fn finish_repeating(&self) {
        if let Some(repeater) = &*self.repeater.load() {
            repeater.finish();
        }
    }

    pub fn repeater_stats(&self) -> Vec<OutgoingStats> {
        self.repeater.load().as_ref().map_or_else(Vec::new, |repeater| repeater.stats())
    }

    /// One command line of the admin port: the answer, and whether to close.
    pub fn admin(&self, lane: &Lane, line: &[u8]) -> (Vec<u8>, bool) {
        let answer = self.aggregator.admin(line, self.clock.now());
        if line.trim_ascii_start().starts_with(b"del") {
            let mut writer = lane.writer.lock();
            writer.record(Record::Command(line));
            writer.write_out();
        }
        (answer.text.into_bytes(), answer.quit)
    }
}

/// One receiving thread's way in.
pub struct Lane {
    shard: Shard,
    writer: Arc<Mutex<Writer>>,
    intake: Arc<Intake>,
}

/// A datagram, or whole lines of a stream.
pub struct Packet<'a> {
    pub bytes: &'a [u8],
    pub source: Option<IpAddr>,
}

impl Lane {
    pub fn intake(&self) -> &Arc<Intake> {
        &self.intake
    }

    /// Aggregates the packets and records them, as one step as seen from a flush.
    pub fn take<'a>(&self, packets: impl Iterator<Item = Packet<'a>>, tally: &mut Tally) {
        let dialect = self.intake.config.load().dialect;
        let repeater = self.intake.repeater.load();
        let receiving = self.shard.receive(tally.now);
        let mut writer = self.writer.lock();
        let mut sink = Counting { receiving, tally, source: None };
        for packet in packets {
            sink.source = packet.source;
            read_packet(packet.bytes, dialect, &mut sink);
            writer.record(Record::Packet(packet.bytes));
            if let Some(repeater) = &*repeater {
                repeater.repeat(packet.bytes);
            }
        }
    }

    pub fn write_if_due(&self) {
        self.writer.lock().write_if_due(Instant::now());
    }

    pub fn write_out(&self) {
        self.writer.lock().write_out();
    }
}

/// Counts per listener what goes by on its way into the aggregator.
struct Counting<'a, 't> {
    receiving: Receiving<'a>,
    tally: &'t mut Tally,
    source: Option<IpAddr>,
}

impl SampleSink for Counting<'_, '_> {
    #[inline]
    fn packet(&mut self) {
        self.receiving.packet();
    }

    #[inline]
    fn line(&mut self, name: &[u8], tags: &[u8]) {
        self.tally.totals.lines += 1;
        self.receiving.line(name, tags);
    }

    #[inline]
    fn sample(&mut self, sample: &Sample<'_>) {
        self.tally.totals.samples += 1;
        self.receiving.sample(sample);
    }

    #[cold]
    fn bad(&mut self, line: &[u8], why: BadSample) {
        self.tally.bad_sample(self.source, BadInput::Statsd, why.label(), line);
        self.receiving.bad(line, why);
    }

    fn event(&mut self, event: Event) {
        self.tally.totals.samples += 1;
        self.receiving.event(event);
    }

    fn service_check(&mut self, check: ServiceCheck) {
        self.tally.totals.samples += 1;
        self.receiving.service_check(check);
    }
}

/// The threads that flush on time and that wait for the disk.
pub struct Timers {
    intake: Arc<Intake>,
    flusher: Arc<Flusher>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Flusher {
    /// Whether to flush at all: with every listener off, nothing is written.
    wanted: Mutex<Wanted>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Wanted {
    #[default]
    Nothing,
    Flushes,
    Stop,
}

impl Timers {
    pub fn start(intake: &Arc<Intake>) -> io::Result<Timers> {
        let flusher = Arc::new(Flusher::default());
        let mut timers =
            Timers { intake: Arc::clone(intake), flusher: Arc::clone(&flusher), threads: Vec::new() };
        let flushing = Arc::clone(intake);
        let run = move || flusher.run(&flushing);
        timers.threads.push(thread::Builder::new().name("statsd-flush".into()).spawn(run)?);
        let keeping = Arc::clone(intake);
        let run = move || keeping.keep();
        timers.threads.push(thread::Builder::new().name("statsd-journal".into()).spawn(run)?);
        Ok(timers)
    }

    pub fn set_flushing(&self, flushing: bool) {
        self.flusher.set(if flushing { Wanted::Flushes } else { Wanted::Nothing });
    }

    /// Flushes what is left, under the time at which it was due.
    pub fn stop(mut self) {
        let flushing = *self.flusher.wanted.lock() == Wanted::Flushes;
        self.end_threads();
        if flushing {
            self.intake.flush(whole_seconds(self.intake.next_due()), false);
            self.intake.keep_now(None);
        }
    }

    fn end_threads(&mut self) {
        self.flusher.set(Wanted::Stop);
        self.intake.keeper.orders.lock().stop = true;
        self.intake.keeper.changed.notify_all();
        for thread in self.threads.drain(..) {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        self.end_threads();
    }
}

impl Flusher {
    fn set(&self, wanted: Wanted) {
        *self.wanted.lock() = wanted;
        self.changed.notify_all();
    }

    fn run(&self, intake: &Intake) {
        let mut interval = intake.interval();
        let mut due = intake.next_due();
        let mut wanted = self.wanted.lock();
        loop {
            match *wanted {
                Wanted::Stop => return,
                Wanted::Nothing => {
                    self.changed.wait(&mut wanted);
                    due = intake.next_due();
                    continue;
                }
                Wanted::Flushes => {}
            }
            let left = due.saturating_sub(intake.clock.since_epoch());
            // The interval was changed, or the clock set back by more than one: begin anew.
            if interval != intake.interval() || left > interval {
                interval = intake.interval();
                due = intake.next_due();
                continue;
            }
            if !left.is_zero() {
                self.changed.wait_for(&mut wanted, left);
                continue;
            }
            drop(wanted);
            // After a pause of the whole machine several are due: one flush, under the time of the latest.
            intake.flush(whole_seconds(intake.last_due()), true);
            due = intake.next_due();
            wanted = self.wanted.lock();
        }
    }
}

fn whole_seconds(time: Duration) -> Timestamp {
    Timestamp(time.as_secs() as i64)
}

impl Intake {
    fn interval(&self) -> Duration {
        self.config.load().flush_interval.duration()
    }

    /// The last multiple of the interval up to now, since the epoch.
    fn last_due(&self) -> Duration {
        let interval = self.interval().as_millis().max(1);
        let now = self.clock.since_epoch().as_millis();
        Duration::from_millis((now / interval * interval) as u64)
    }

    /// The first multiple after now.
    fn next_due(&self) -> Duration {
        self.last_due() + self.interval()
    }

    /// The thread that may wait for the disk.
    fn keep(&self) {
        loop {
            let (retire, stop) = self.wait_for_orders();
            self.keep_now(retire);
            if stop {
                return;
            }
        }
    }

    fn wait_for_orders(&self) -> (Option<u64>, bool) {
        let mut orders = self.keeper.orders.lock();
        let end = Instant::now() + Duration::from_secs(1);
        while orders.retire.is_none() && !orders.stop {
            // With longer intervals what was received must reach the disk meanwhile.
            if self.interval() <= Duration::from_secs(1) {
                self.keeper.changed.wait(&mut orders);
            } else if self.keeper.changed.wait_until(&mut orders, end).timed_out() {
                break;
            }
        }
        (orders.retire.take(), orders.stop)
    }

    fn keep_now(&self, retire: Option<u64>) {
        let segment = Arc::clone(self.journal.lock().current());
        segment.sync();
        if let Some(log) = self.gauge_log.lock().as_mut() {
            let oldest = self.journal.lock().oldest();
            let kept = log.sync().and_then(|()| log.rewrite_if_grown(oldest));
            self.journal.lock().note(kept);
        }
        let Some(sequence) = retire else { return };
        let safe = self.sink.sync().is_ok();
        let mut journal = self.journal.lock();
        if safe {
            journal.retire(sequence);
        } else {
            journal.give_up_oldest();
        }
    }
}
