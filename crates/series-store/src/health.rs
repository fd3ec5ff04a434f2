//! How the store is: what people, and the series about ourselves, are shown.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use vocabulary::{Timestamp, ValueKind};

use crate::damage::{DamagedFile, Gap};
use crate::head::with_head;
use crate::limits::BACKLOG_FILES;
use crate::policy::Tier;
use crate::stats::StoreStats;
use crate::store::{ReadOnly, Store};

#[derive(Clone, Debug)]
pub struct StoreHealth {
    /// Why nothing is written, if so.
    pub read_only: Option<ReadOnly>,
    /// Files of which something could not be read since the start.
    pub damaged_files: Vec<DamagedFile>,
    /// What was found missing, at the start or since.
    pub gaps: Vec<Gap>,
    pub bad_pages: u64,
    pub log: LogHealth,
    /// Flushed files that wait for their merge, and whether they are too many.
    pub waiting_files: u64,
    pub merges_behind: bool,
    pub last_merge: Option<Timestamp>,
    pub tiers: Vec<TierHealth>,
    pub free_bytes: Option<u64>,
    /// Below this the store turns read-only.
    pub min_free_bytes: Option<u64>,
    /// At the rate at which files grew since the start; `None` if they do not.
    pub full_in: Option<Duration>,
    pub series: u64,
    /// Series whose stored policy is not what the configuration would give them now, as far as the rules'
    /// texts tell: see [`Store::retention_preview`] for the exact numbers.
    pub policies_differ: bool,
    pub memory: MemoryHealth,
    pub stats: StoreStats,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogHealth {
    pub bytes: u64,
    pub segments: u64,
    /// Age of the oldest point that is only in the log and in memory.
    pub oldest_seconds: u64,
    pub syncs: u64,
    pub last_sync: Duration,
    pub worst_sync: Duration,
}

/// Files of one resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TierHealth {
    pub kind: ValueKind,
    pub step_seconds: i64,
    pub retention_seconds: i64,
    pub files: u64,
    pub bytes: u64,
}

/// Bytes by what they are for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryHealth {
    pub points: u64,
    pub names: u64,
    pub series: u64,
    pub budget: u64,
}

impl Store {
    pub fn health(&self) -> StoreHealth {
        let space = self.io.space(&self.directory).ok();
        let (waiting_files, most_waiting) = self.waiting_files();
        StoreHealth {
            read_only: self.read_only.lock().clone(),
            damaged_files: self.files.damage.files(),
            gaps: self.files.damage.gaps(),
            bad_pages: self.files.damage.pages(),
            log: self.log_health(),
            waiting_files,
            merges_behind: most_waiting > BACKLOG_FILES,
            last_merge: self.last_merge(),
            tiers: self.tier_health(),
            free_bytes: space.map(|space| space.free),
            min_free_bytes: space.map(|space| self.min_free(space)),
            full_in: space.and_then(|space| self.full_in(space.free)),
            series: self.names.len() as u64,
            policies_differ: self.policies_differ.load(Ordering::Relaxed),
            memory: self.memory(),
            stats: self.stats(),
        }
    }

    pub fn stats(&self) -> StoreStats {
        self.counters.snapshot()
    }

    fn waiting_files(&self) -> (u64, usize) {
        let mut all = 0;
        let mut most = 0;
        for stripe in self.stripes.load().iter() {
            for tier in &stripe.read().tiers {
                all += tier.level0.len() as u64;
                most = most.max(tier.level0.len());
            }
        }
        (all, most)
    }

    fn last_merge(&self) -> Option<Timestamp> {
        match self.last_merge.load(Ordering::Relaxed) {
            0 => None,
            seconds => Some(Timestamp(seconds)),
        }
    }

    fn log_health(&self) -> LogHealth {
        let (bytes, _, segments) = self.wal.extent();
        let now = self.now();
        let since = |tier: &crate::head::TierHead| with_head!(&tier.head, head => head.since);
        let oldest = self
            .stripes
            .load()
            .iter()
            .filter_map(|stripe| stripe.read().tiers.iter().filter_map(since).min())
            .min();
        LogHealth {
            bytes,
            segments,
            oldest_seconds: oldest.map_or(0, |oldest| now.since(oldest).max(0) as u64),
            syncs: self.wal.syncs.load(Ordering::Relaxed),
            last_sync: Duration::from_micros(self.wal.last_sync_micros.load(Ordering::Relaxed)),
            worst_sync: Duration::from_micros(self.wal.worst_sync_micros.load(Ordering::Relaxed)),
        }
    }

    fn tier_health(&self) -> Vec<TierHealth> {
        let mut tiers: BTreeMap<Tier, (u64, u64)> = BTreeMap::new();
        self.files.manifest.state(|state| {
            for meta in state.files.values() {
                let entry = tiers.entry(meta.place.tier).or_default();
                *entry = (entry.0 + 1, entry.1 + meta.bytes);
            }
        });
        let health = |(tier, (files, bytes)): (Tier, (u64, u64))| TierHealth {
            kind: tier.kind,
            step_seconds: tier.step.seconds(),
            retention_seconds: tier.retention_seconds,
            files,
            bytes,
        };
        tiers.into_iter().map(health).collect()
    }

    pub(crate) fn stored_bytes(&self) -> u64 {
        self.files.manifest.state(|state| state.files.values().map(|meta| meta.bytes).sum())
    }

    /// Files also shrink by merges and go by retention: only a lasting growth says when the disk is full.
    fn full_in(&self, free: u64) -> Option<Duration> {
        let (bytes_then, then) = self.growth_since;
        let passed = self.clock.since_epoch().checked_sub(then)?.as_secs();
        let grown = self.stored_bytes().checked_sub(bytes_then)?;
        // Less than ten minutes say nothing.
        let per_second = (passed >= 600 && grown > 0).then(|| grown as f64 / passed as f64)?;
        Some(Duration::from_secs((free as f64 / per_second) as u64))
    }

    pub(crate) fn memory(&self) -> MemoryHealth {
        let mut memory = MemoryHealth {
            names: self.names.memory().total() as u64,
            budget: self.memory_budget.load(Ordering::Relaxed),
            ..MemoryHealth::default()
        };
        for stripe in self.stripes.load().iter() {
            let stripe = stripe.read();
            memory.points += stripe.tiers.iter().map(|tier| tier.head.bytes() as u64).sum::<u64>();
            memory.series += (stripe.series.len() * size_of::<crate::head::SeriesHead>()) as u64;
        }
        memory
    }
}
