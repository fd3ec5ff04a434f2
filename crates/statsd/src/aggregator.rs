//! The aggregation as a whole: receivers add to their shards, a flush takes from all of them at one moment.
//!
//! Locks are taken in the order of the fields of [`Aggregator`], then shards by their place in the list, then
//! the table of gauges, then a gauge.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use vocabulary::sample::{BadSample, Event, Sample, SampleSink, ServiceCheck};
use vocabulary::{PointBatch, SketchBatch, Timestamp};

use crate::config::{Health, StatsdConfig};
use crate::gauges::{AtTurn, GaugeChange, GaugeTable};
use crate::key_flush::KeyCounts;
use crate::keys::KeyRules;
use crate::ledger::Ledger;
use crate::limits;
use crate::names::{Names, Writer};
use crate::shard::{Class, Dated, Rules, ShardState, Shared};
use crate::stats::{BadLine, Held, Stats};
use crate::timers::{Scratch, TimerPlan};

/// Shared by the receivers, the flush and the admin interface.
#[derive(Debug)]
pub struct Aggregator {
    pub(crate) central: Mutex<Central>,
    shards: Mutex<Vec<Arc<Mutex<ShardState>>>>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
pub(crate) struct Central {
    pub config: StatsdConfig,
    pub ledger: Ledger,
    pub health: Health,
    pub started: Timestamp,
    pub last_packet: Timestamp,
    pub stats: Stats,
    pub delivery: Delivery,
    names: Names,
    plan: TimerPlan,
    scratch: Scratch,
    last_flush: Option<Timestamp>,
    /// Points of the last flush and bytes of their names.
    expected: (usize, usize),
    /// The places of names that have been gone for so many flushes are to be given up.
    sweep_due: Option<u32>,
    /// Memory for the gauges of a flush.
    gauges: Vec<AtTurn>,
    dated: Vec<Dated>,
    events: Vec<(Timestamp, Event)>,
    service_checks: Vec<(Timestamp, ServiceCheck)>,
    bad_lines: Vec<BadLine>,
}

/// What became of the flush before, in the original's words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery {
    pub last_flush: Timestamp,
    pub last_exception: Timestamp,
    pub flush_time: f64,
    pub flush_length: usize,
}

/// What one flush hands on.
#[derive(Debug, Default)]
pub struct Flush {
    pub time: Timestamp,
    pub points: PointBatch,
    /// The distributions of timers, histograms and distributions, by the name that their numbers share.
    pub sketches: SketchBatch,
    /// Gauges set or deleted since the flush before.
    pub changed_gauges: Vec<GaugeChange>,
    /// With the time at which each was received.
    pub events: Vec<(Timestamp, Event)>,
    pub service_checks: Vec<(Timestamp, ServiceCheck)>,
}

/// One receiver's place to add to. Dropping it loses nothing.
#[derive(Debug)]
pub struct Shard(Arc<Mutex<ShardState>>);

/// A receiver at work: no flush happens while this is held.
#[derive(Debug)]
pub struct Receiving<'a>(MutexGuard<'a, ShardState>);

impl Shard {
    /// Begin to add what was received at `now`. Hold it for a batch of packets, not while waiting for any.
    #[inline]
    pub fn receive(&self, now: Timestamp) -> Receiving<'_> {
        let mut state = self.0.lock();
        state.set_now(now);
        Receiving(state)
    }
}

impl SampleSink for Receiving<'_> {
    #[inline]
    fn packet(&mut self) {
        self.0.packet();
    }

    #[inline]
    fn line(&mut self, name: &[u8], tags: &[u8]) {
        self.0.line(name, tags);
    }

    #[inline]
    fn sample(&mut self, sample: &Sample<'_>) {
        self.0.sample(sample);
    }

    fn bad(&mut self, line: &[u8], why: BadSample) {
        self.0.bad(line, why);
    }

    fn event(&mut self, event: Event) {
        self.0.event(event);
    }

    fn service_check(&mut self, check: ServiceCheck) {
        self.0.service_check(check);
    }
}

impl Aggregator {
    pub fn new(config: &StatsdConfig, started: Timestamp) -> Aggregator {
        let shared = Arc::new(Shared::default());
        let central = Central::new(config, started, Arc::clone(&shared));
        Aggregator { central: Mutex::new(central), shards: Mutex::default(), shared }
    }

    /// A place to add to, for one more receiver.
    pub fn shard(&self) -> Shard {
        let rules = rules(&self.central.lock().config);
        let state = Arc::new(Mutex::new(ShardState::new(rules, Arc::clone(&self.shared))));
        self.shards.lock().push(Arc::clone(&state));
        Shard(state)
    }

    /// Take other settings. Names and values stay.
    pub fn reconfigure(&self, config: &StatsdConfig) {
        let mut central = self.central.lock();
        self.gather(&mut central, |shards| {
            shards.iter_mut().for_each(|shard| shard.set_rules(rules(config)));
        });
        central.reconfigure(config);
    }

    /// End the interval; `time` is what its points carry.
    pub fn flush(&self, time: Timestamp) -> Flush {
        self.flush_with(time, || {})
    }

    /// The same, with a call at the moment that parts the intervals: whatever a receiver added before is in
    /// this flush, whatever it adds later is in the next. Receivers wait meanwhile.
    pub fn flush_with(&self, time: Timestamp, at_cut: impl FnOnce()) -> Flush {
        // Only for the numbers about the flush itself.
        let begun = Instant::now();
        let central = &mut *self.central.lock();
        central.note_lag(&mut self.shared.gauges.lock(), time);
        let names = central.names.clone();
        let mut writer = Writer::new(&names, time, central.expected);
        let deletes_gauges = central.config.deletes_gauges();
        let mut gauges = std::mem::take(&mut central.gauges);
        self.gather(central, |shards| {
            shards.iter_mut().for_each(|shard| shard.begin_interval());
            self.shared.gauges.lock().turn(deletes_gauges, &mut gauges);
            at_cut();
        });
        let gathered = begun.elapsed();
        central.gauges = gauges;
        let mut keys = central.write_counters(&mut writer) + central.write_timers(&mut writer);
        let changed_gauges = self.shared.gauges.lock().report(&central.gauges, |key, value| {
            keys += 1;
            writer.point(&names.gauge, key, "", value);
        });
        keys += central.write_sets(&mut writer);
        central.write_dated(&mut writer);
        central.write_own(&mut writer, keys, gathered, begun.elapsed() - gathered);
        central.begin_interval();
        central.finish(writer, changed_gauges)
    }

    /// Tell what became of a flush: when and how long it took to hand on its points, and whether they were
    /// taken. It shows in the next flush as `graphiteStats`, and in the admin interface.
    pub fn delivered(&self, now: Timestamp, took: Duration, taken: bool) {
        let delivery = &mut self.central.lock().delivery;
        delivery.flush_time = took.as_secs_f64() * 1000.0;
        match taken {
            true => delivery.last_flush = now,
            false => delivery.last_exception = now,
        }
    }

    /// Put back a gauge from before a restart; false if there is no room for it.
    pub fn restore_gauge(&self, name: &str, value: f64) -> bool {
        let central = self.central.lock();
        let StatsdConfig { gauges_max_ttl, max_names, .. } = central.config;
        self.shared.gauges.lock().restore(name, value, gauges_max_ttl, max_names)
    }

    /// All gauges as they are now, for a fresh journal of them.
    pub fn gauges(&self) -> Vec<(String, f64)> {
        let mut all = Vec::new();
        self.shared.gauges.lock().each(|name, value| all.push((name.to_owned(), value)));
        all
    }

    /// Counters since the start, up to the last flush or command.
    pub fn stats(&self) -> Stats {
        self.central.lock().stats.clone()
    }

    pub fn held(&self) -> Held {
        let central = self.central.lock();
        Held {
            counters: central.ledger.counters.present().count(),
            timers: central.ledger.timers.present().count(),
            gauges: self.shared.gauges.lock().len(),
            sets: central.ledger.sets.present().count(),
        }
    }

    /// Some of the bad lines up to the last flush or command, the newest last.
    pub fn bad_lines(&self) -> Vec<BadLine> {
        self.central.lock().bad_lines.clone()
    }

    /// How often each name was sent since the last call, if `key_flush` is set.
    pub fn count_keys(&self) -> KeyCounts {
        let mut counts = KeyCounts::default();
        for shard in self.shards.lock().iter() {
            counts.add(std::mem::take(&mut shard.lock().key_counts));
        }
        counts
    }

    /// Move what all receivers have gathered to the ledger; `at_cut` sees them all stand still.
    pub(crate) fn gather(
        &self,
        central: &mut Central,
        at_cut: impl FnOnce(&mut [MutexGuard<'_, ShardState>]),
    ) {
        let mut shards = self.shards.lock();
        // Nobody can add to a shard that only this list holds.
        let left: Vec<bool> = shards.iter().map(|shard| Arc::strong_count(shard) == 1).collect();
        let mut held: Vec<_> = shards.iter().map(|shard| shard.lock()).collect();
        held.iter_mut().for_each(|shard| central.take_over(shard));
        if let Some(flushes) = central.sweep_due.take() {
            held.iter_mut().for_each(|shard| shard.forget());
            central.ledger.sweep(flushes);
        }
        at_cut(&mut held);
        drop(held);
        let mut left = left.into_iter();
        shards.retain(|_| !left.next().unwrap_or(false));
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }
}

fn rules(config: &StatsdConfig) -> Rules {
    Rules {
        keys: KeyRules { dialect: config.dialect, sanitize: config.key_name_sanitize },
        flush_milliseconds: config.flush_interval.milliseconds() as i64,
        gauges_max_ttl: config.gauges_max_ttl,
        max_names: config.max_names,
        counts_keys: config.key_flush.is_some(),
    }
}

/// The counters that the original keeps of its own.
#[derive(Clone, Copy)]
enum OwnCounter {
    BadLinesSeen,
    PacketsReceived,
    MetricsReceived,
}

impl OwnCounter {
    const ALL: [OwnCounter; 3] =
        [OwnCounter::BadLinesSeen, OwnCounter::PacketsReceived, OwnCounter::MetricsReceived];

    fn name(self) -> &'static str {
        match self {
            OwnCounter::BadLinesSeen => "bad_lines_seen",
            OwnCounter::PacketsReceived => "packets_received",
            OwnCounter::MetricsReceived => "metrics_received",
        }
    }

    fn key(self, config: &StatsdConfig) -> String {
        format!("{}.{}", config.prefix_stats, self.name())
    }

    /// The original keeps every counter with such a word in its name when it deletes idle ones.
    fn is_in(key: &str) -> bool {
        OwnCounter::ALL.iter().any(|counter| key.contains(counter.name()))
    }
}

impl Central {
    fn new(config: &StatsdConfig, started: Timestamp, shared: Arc<Shared>) -> Central {
        let mut ledger = Ledger::new(config.max_names, shared);
        for counter in OwnCounter::ALL {
            ledger.count_own(&counter.key(config), 0);
        }
        let delivery =
            Delivery { last_flush: started, last_exception: Timestamp(0), flush_time: 0.0, flush_length: 0 };
        Central {
            config: config.clone(),
            ledger,
            health: config.health_status,
            started,
            last_packet: started,
            stats: Stats::default(),
            delivery,
            names: Names::new(config),
            plan: TimerPlan::new(config),
            scratch: Scratch::default(),
            last_flush: None,
            expected: (0, 0),
            sweep_due: None,
            gauges: Vec::new(),
            dated: Vec::new(),
            events: Vec::new(),
            service_checks: Vec::new(),
            bad_lines: Vec::new(),
        }
    }

    fn reconfigure(&mut self, config: &StatsdConfig) {
        self.names = Names::new(config);
        self.plan = TimerPlan::new(config);
        self.ledger.set_max_names(config.max_names);
        if self.config.health_status != config.health_status {
            self.health = config.health_status;
        }
        self.config = config.clone();
    }

    fn take_over(&mut self, shard: &mut ShardState) {
        shard.drain(&mut self.ledger);
        let stats = std::mem::take(&mut shard.stats);
        for (counter, number) in
            OwnCounter::ALL.into_iter().zip([stats.bad_lines(), stats.packets, stats.lines])
        {
            self.ledger.count_own(&counter.key(&self.config), number);
        }
        self.stats.add(&stats);
        self.last_packet = self.last_packet.max(shard.last_packet.unwrap_or(self.last_packet));
        self.dated.append(&mut shard.dated);
        self.stats.dropped_events += move_bounded(&mut shard.events, &mut self.events);
        self.stats.dropped_service_checks +=
            move_bounded(&mut shard.service_checks, &mut self.service_checks);
        self.bad_lines.append(&mut shard.bad_lines);
        let surplus = self.bad_lines.len().saturating_sub(limits::BAD_LINES_SHOWN);
        self.bad_lines.drain(..surplus);
    }

    /// By how much the time since the flush before differs from the interval, as a gauge.
    fn note_lag(&mut self, gauges: &mut GaugeTable, time: Timestamp) {
        if let Some(last) = self.last_flush.replace(time) {
            let lag = time.since(last) as f64 - self.config.flush_interval.seconds();
            gauges.set_own(&format!("{}.timestamp_lag", self.config.prefix_stats), lag);
        }
    }

    fn write_counters(&self, writer: &mut Writer<'_>) -> usize {
        let seconds = self.config.flush_interval.seconds();
        let mut keys = 0;
        for row in self.ledger.counters.present() {
            writer.point(&writer.names.counter_rate, &row.key, "", row.held / seconds);
            if self.config.flush_counts {
                writer.point(&writer.names.counter_count, &row.key, "", row.held);
            }
            keys += 1;
        }
        keys
    }

    fn write_timers(&mut self, writer: &mut Writer<'_>) -> usize {
        let (plan, scratch, names) = (&self.plan, &mut self.scratch, writer.names);
        let mut keys = 0;
        for row in self.ledger.timers.present_mut() {
            let key = &row.key;
            let sketch = row.held.numbers(plan, key, scratch, &mut |what, value| {
                writer.point(&names.timer, key, what, value);
            });
            writer.sketch(key, sketch);
            keys += 1;
        }
        keys
    }

    fn write_sets(&self, writer: &mut Writer<'_>) -> usize {
        let mut keys = 0;
        for row in self.ledger.sets.present() {
            writer.point(&writer.names.set, &row.key, "", row.held.len() as f64);
            keys += 1;
        }
        keys
    }

    /// What clients gave a time of their own, at that time. Of one gauge at one time the last value counts.
    fn write_dated(&mut self, writer: &mut Writer<'_>) {
        let seconds = self.config.flush_interval.seconds();
        let mut dated = std::mem::take(&mut self.dated);
        let same = |a: &Dated, b: &Dated| (a.class, &a.key, a.time) == (b.class, &b.key, b.time);
        dated.sort_by(|a, b| (a.class, &a.key, a.time).cmp(&(b.class, &b.key, b.time)));
        for readings in dated.chunk_by(same) {
            let Dated { class, key, time, value } = &readings[readings.len() - 1];
            if *class == Class::Gauge {
                writer.point_at(*time, &writer.names.gauge, key, "", *value);
                continue;
            }
            let sum: f64 = readings.iter().map(|reading| reading.value).sum();
            writer.point_at(*time, &writer.names.counter_rate, key, "", sum / seconds);
            if self.config.flush_counts {
                writer.point_at(*time, &writer.names.counter_count, key, "", sum);
            }
        }
    }

    fn write_own(&self, writer: &mut Writer<'_>, keys: usize, gathered: Duration, calculated: Duration) {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        let Delivery { last_flush, last_exception, flush_time, flush_length } = self.delivery;
        writer.num_stats(keys as f64);
        writer.own("graphiteStats.calculationtime", milliseconds(calculated));
        writer.own("processing_time", milliseconds(gathered));
        writer.own("graphiteStats.last_exception", last_exception.0 as f64);
        writer.own("graphiteStats.last_flush", last_flush.0 as f64);
        writer.own("graphiteStats.flush_time", flush_time);
        writer.own("graphiteStats.flush_length", flush_length as f64);
    }

    /// Counters to 0, timers and sets empty; or gone, where idle ones are deleted.
    fn begin_interval(&mut self) {
        self.sweep_due = self.ledger.age();
        let deletes = self.config.deletes_counters();
        for row in self.ledger.counters.present_mut() {
            row.held = 0.0;
            row.present = !deletes || OwnCounter::is_in(&row.key);
        }
        let deletes = self.config.deletes_timers();
        for row in self.ledger.timers.present_mut() {
            row.held.clear();
            row.present = !deletes;
        }
        let deletes = self.config.deletes_sets();
        for row in self.ledger.sets.present_mut() {
            row.held.clear();
            row.present = !deletes;
        }
    }

    fn finish(&mut self, writer: Writer<'_>, changed_gauges: Vec<GaugeChange>) -> Flush {
        self.delivery.flush_length = writer.bytes();
        let Writer { time, points, sketches, not_numbers, left_out, name_bytes, .. } = writer;
        self.stats.not_numbers += not_numbers;
        self.stats.left_out += left_out;
        self.expected = (points.len(), name_bytes);
        Flush {
            time,
            points,
            sketches,
            changed_gauges,
            events: std::mem::take(&mut self.events),
            service_checks: std::mem::take(&mut self.service_checks),
        }
    }
}

/// Move what there is room for; how many there was none for.
fn move_bounded<T>(from: &mut Vec<T>, to: &mut Vec<T>) -> u64 {
    let room = limits::NOTICES.saturating_sub(to.len());
    let dropped = from.len().saturating_sub(room);
    from.truncate(room);
    to.append(from);
    dropped as u64
}
