//! What all receivers share behind one lock: the ledger, the settings, what was counted.

use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::sample::{Event, ServiceCheck};

use crate::config::{Health, KeyFlush, StatsdConfig};
use crate::gauges::{AtTurn, GaugeTable};
use crate::key_flush::{KeyCounts, KeyLog};
use crate::ledger::Ledger;
use crate::limits;
use crate::names::Names;
use crate::shard::{Dated, ShardState, Shared};
use crate::stats::{BadLine, Held, Stats};
use crate::timer_numbers::Scratch;
use crate::timer_plan::TimerPlan;

#[derive(Debug)]
pub(crate) struct Central {
    pub config: StatsdConfig,
    pub ledger: Ledger,
    pub health: Health,
    pub started: Timestamp,
    pub last_packet: Timestamp,
    pub stats: Stats,
    pub delivery: Delivery,
    pub held: Held,
    pub names: Names,
    pub plan: TimerPlan,
    pub scratch: Scratch,
    pub last_flush: Option<Timestamp>,
    /// Points of the last flush and bytes of their names.
    pub expected: (usize, usize),
    /// The places of names that have been gone for so many flushes are to be given up.
    pub sweep_due: Option<u32>,
    /// Memory for the gauges of a flush.
    pub gauges: Vec<AtTurn>,
    pub dated: Vec<Dated>,
    pub events: Vec<(Timestamp, Event)>,
    pub service_checks: Vec<(Timestamp, ServiceCheck)>,
    pub bad_lines: Vec<BadLine>,
    pub key_counts: KeyCounts,
    /// When the names were counted out last.
    pub keys_logged: Timestamp,
}

/// What became of the flush before, in the original's words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery {
    pub last_flush: Timestamp,
    pub last_exception: Timestamp,
    pub flush_time: f64,
    pub flush_length: usize,
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
    pub fn new(config: &StatsdConfig, started: Timestamp, shared: Arc<Shared>) -> Central {
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
            held: Held::default(),
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
            key_counts: KeyCounts::default(),
            keys_logged: started,
        }
    }

    pub fn reconfigure(&mut self, config: &StatsdConfig) {
        self.names = Names::new(config);
        self.plan = TimerPlan::new(config);
        self.ledger.set_max_names(config.max_names);
        if self.config.health_status != config.health_status {
            self.health = config.health_status;
        }
        self.config = config.clone();
    }

    /// Move everything that a receiver has gathered to here.
    pub fn take_over(&mut self, shard: &mut ShardState) {
        shard.drain(&mut self.ledger);
        let stats = std::mem::take(&mut shard.stats);
        for (counter, number) in
            OwnCounter::ALL.into_iter().zip([stats.bad_lines(), stats.packets, stats.lines])
        {
            self.ledger.count_own(&counter.key(&self.config), number);
        }
        self.stats.add(&stats);
        self.last_packet = self.last_packet.max(shard.last_packet.unwrap_or(self.last_packet));
        self.key_counts.add(std::mem::take(&mut shard.key_counts));
        let dated = shard.dated.len() as u64;
        let refused = move_bounded(&mut shard.dated, &mut self.dated, limits::DATED_READINGS);
        self.stats.refused_dated += refused;
        self.stats.dated += dated - refused;
        self.stats.accepted += dated - refused;
        self.stats.dropped_events += move_bounded(&mut shard.events, &mut self.events, limits::NOTICES);
        self.stats.dropped_service_checks +=
            move_bounded(&mut shard.service_checks, &mut self.service_checks, limits::NOTICES);
        self.bad_lines.append(&mut shard.bad_lines);
        let surplus = self.bad_lines.len().saturating_sub(limits::BAD_LINES_SHOWN);
        self.bad_lines.drain(..surplus);
    }

    /// By how much the time since the flush before differs from the interval, as a gauge.
    pub fn note_lag(&mut self, gauges: &mut GaugeTable, time: Timestamp) {
        if let Some(last) = self.last_flush.replace(time) {
            let lag = time.since(last) as f64 - self.config.flush_interval.seconds();
            gauges.set_own(&format!("{}.timestamp_lag", self.config.prefix_stats), lag);
        }
    }

    /// The most frequent names, if they are wanted now.
    pub fn key_log(&mut self, now: Timestamp) -> Option<KeyLog> {
        let KeyFlush { interval, percent, log } = self.config.key_flush.as_ref()?;
        if now.since(self.keys_logged) < interval.0.as_secs() as i64 {
            return None;
        }
        self.keys_logged = now;
        let lines = std::mem::take(&mut self.key_counts).log(now, *percent);
        Some(KeyLog { lines, path: log.clone() })
    }

    /// Counters to 0, timers and sets empty; or gone, where idle ones are deleted.
    pub fn begin_interval(&mut self) {
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
}

/// Move what there is room for; how many there was none for.
fn move_bounded<T>(from: &mut Vec<T>, to: &mut Vec<T>, most: usize) -> u64 {
    let room = most.saturating_sub(to.len());
    let dropped = from.len().saturating_sub(room);
    from.truncate(room);
    to.append(from);
    dropped as u64
}
