//! The aggregation as a whole: receivers add to their shards, a flush takes from all of them at one moment.
//!
//! Locks are taken in the order of the fields of [`Aggregator`], then shards by their place in the list, then
//! the table of gauges, then a gauge.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use vocabulary::sample::{BadSample, Event, Sample, SampleSink, ServiceCheck};
use vocabulary::{PointBatch, SketchBatch, Timestamp};

use crate::central::Central;
use crate::config::StatsdConfig;
use crate::gauges::GaugeChange;
use crate::key_flush::KeyLog;
use crate::keys::KeyRules;
use crate::names::Writer;
use crate::shard::{Rules, ShardState, Shared};
use crate::stats::{BadLine, Held, Stats};

/// Shared by the receivers, the flush and the admin interface.
#[derive(Debug)]
pub struct Aggregator {
    pub(crate) central: Mutex<Central>,
    shards: Mutex<Vec<Arc<Mutex<ShardState>>>>,
    shared: Arc<Shared>,
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
    /// The most frequent names, where `key_flush` asks for them and its interval is over.
    pub key_log: Option<KeyLog>,
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
        let mut held = Held {
            counters: central.write_counters(&mut writer),
            timers: central.write_timers(&mut writer),
            ..Held::default()
        };
        let changed_gauges = self.shared.gauges.lock().report(&central.gauges, |key, value| {
            held.gauges += 1;
            writer.point(&names.gauge, key, "", value);
        });
        held.sets = central.write_sets(&mut writer);
        central.held = held;
        central.write_dated(&mut writer);
        central.write_service_checks(&mut writer);
        central.write_own(&mut writer, gathered, begun.elapsed() - gathered);
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

    /// How many names the last flush wrote.
    pub fn held(&self) -> Held {
        self.central.lock().held
    }

    /// Some of the bad lines up to the last flush or command, the newest last.
    pub fn bad_lines(&self) -> Vec<BadLine> {
        self.central.lock().bad_lines.clone()
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
