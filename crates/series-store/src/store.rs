//! The store: its parts, how a series comes to be, and the switch to read-only.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use disk::{DiskError, Doing, Io, RealIo, Space};
use parking_lot::{Mutex, RwLock};
use vocabulary::ports::StoreError;
use vocabulary::retention::Policy;
use vocabulary::{Clock, SeriesRef, Timestamp, ValueKind};

use crate::blocks::{BlockStore, Files, SeriesRecord};
use crate::changes::{Changes, EVERYTHING};
use crate::config::StorageConfig;
use crate::head::{Stripe, TierStart};
use crate::limits::*;
use crate::live::Live;
use crate::manifest::{Flushed, Place};
use crate::marks::Marks;
use crate::names::{Created, Names, Refused};
use crate::policy::{Policies, PolicyEntry, PolicyId, Rules};
use crate::series_log::{Record, SeriesLog};
use crate::stats::{Counters, count};
use crate::wal::{Lsn, Wal};

/// How a store is opened.
pub struct Options {
    /// Made if it is not there.
    pub directory: PathBuf,
    pub config: StorageConfig,
    pub clock: Arc<dyn Clock>,
    pub io: Arc<dyn Io>,
    /// Takes the merged runs instead of files in `directory`.
    pub blocks: Option<Arc<dyn BlockStore>>,
}

impl Options {
    /// Files of the operating system in `directory`, default configuration.
    pub fn new(directory: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Options {
        Options {
            directory: directory.into(),
            config: StorageConfig::default(),
            clock,
            io: Arc::new(RealIo),
            blocks: None,
        }
    }
}

pub(crate) type SharedStripe = Arc<RwLock<Stripe>>;

/// Points on disk. Shared by threads; see the head of the crate for what it does.
pub struct Store {
    pub(crate) directory: PathBuf,
    pub(crate) io: Arc<dyn Io>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: ArcSwap<StorageConfig>,
    pub(crate) rules: ArcSwap<Rules>,
    pub(crate) names: Names,
    pub(crate) policies: ArcSwap<Policies>,
    pub(crate) stripes: ArcSwap<Vec<SharedStripe>>,
    /// Held while a series is made, so that ids, stripes and log agree on the order.
    pub(crate) creating: Mutex<()>,
    /// Held while a slot is read, changed and put back: sketches that are added, until they are in the log, and a coarse slot that is computed at once.
    pub(crate) changing_slot: Mutex<()>,
    /// What was taken of the senders' batches of sketches. Changed with `changing_slot` held.
    pub(crate) marks: Mutex<Marks>,
    pub(crate) series_log: Mutex<SeriesLog>,
    /// Held over a whole sync of it: see `Wal::syncing`, which is taken first.
    pub(crate) syncing_series: Mutex<()>,
    pub(crate) wal: Wal,
    pub(crate) files: Arc<Files>,
    pub(crate) blocks: Arc<dyn BlockStore>,
    pub(crate) live: Live,
    pub(crate) counters: Counters,
    pub(crate) changes: Changes,
    pub(crate) read_only: Mutex<Option<ReadOnly>>,
    pub(crate) is_read_only: AtomicBool,
    /// One flush, rollup or migration at a time; taken before `merging`.
    pub(crate) upkeep: Mutex<Upkeep>,
    /// One merge at a time.
    pub(crate) merging: Mutex<()>,
    /// Held for reading while imported archives are on their way into files, for writing by a rollup: it would
    /// take what is there so far for all there is.
    pub(crate) importing: RwLock<()>,
    /// Somebody waits for a merge to end: it is not to keep its pace.
    pub(crate) in_a_hurry: AtomicUsize,
    /// New series that a backend elsewhere has not been told of; `None` for files beside the series log.
    pub(crate) unannounced: Option<Mutex<Vec<u32>>>,
    pub(crate) memory_budget: AtomicU64,
    /// Stripes of whose series the newest points were looked for since the start: see `newest`.
    pub(crate) looked_through: AtomicUsize,
    /// When a merge last succeeded, in seconds; 0 if none did since the start.
    pub(crate) last_merge: AtomicI64,
    /// Bytes of files and the clock at the start.
    pub(crate) growth_since: (u64, Duration),
    /// Some series have another policy than the rules would give them now.
    pub(crate) policies_differ: AtomicBool,
    /// Wakes the thread that writes the log out.
    pub(crate) log_waker: Waker,
    pub(crate) sync_waker: Waker,
    pub(crate) flush_waker: Waker,
    pub(crate) merge_waker: Waker,
    pub(crate) _lock: Box<dyn Any + Send + Sync>,
}

/// Why and since when nothing is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOnly {
    pub reason: String,
    pub since: Timestamp,
}

/// What the steps of [`Store::maintain`] remember.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    pub last_space_check: Option<Duration>,
    pub last_idle_pass: Option<Duration>,
    /// Since the configuration changed: see `Store::check_policies`.
    pub policies_checked: bool,
    pub space: Option<Space>,
    /// A failed flush is tried again after a while, not at once.
    pub retry_after: Option<Timestamp>,
}

/// A flag that a thread can wait for.
#[derive(Default)]
pub(crate) struct Waker {
    raised: Mutex<bool>,
    changed: parking_lot::Condvar,
}

impl Waker {
    pub fn raise(&self) {
        let mut raised = self.raised.lock();
        if !*raised {
            *raised = true;
            self.changed.notify_one();
        }
    }

    /// True if it was raised within `wait`; it is down again then.
    pub fn wait(&self, wait: Duration) -> bool {
        let mut raised = self.raised.lock();
        if !*raised {
            self.changed.wait_for(&mut raised, wait);
        }
        std::mem::take(&mut *raised)
    }
}

impl Store {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn stripe_of(&self, id: u32) -> Option<SharedStripe> {
        self.stripes.load().get((id / SERIES_PER_STRIPE) as usize).cloned()
    }

    pub(crate) fn policy(&self, id: PolicyId) -> Option<Arc<PolicyEntry>> {
        self.policies.load().get(id).cloned()
    }

    /// The series of a name, made if it is not there. True if it was made now.
    pub(crate) fn create_series(
        &self,
        name: &[u8],
        kind: ValueKind,
        now: Timestamp,
    ) -> Result<(u32, bool), Refused> {
        let _creating = self.creating.lock();
        let created = self.names.create(name, kind, now)?;
        if created.new {
            let policy = self.policy_for(kind, self.rules.load().policy_of(&created.name));
            self.enter_series(&created, policy, now);
        }
        Ok((created.id, created.new))
    }

    /// A new name becomes a series. Called with `creating` held.
    pub(crate) fn enter_series(
        &self,
        created: &Created,
        (policy, entry): (PolicyId, Arc<PolicyEntry>),
        now: Timestamp,
    ) {
        self.seat(created.id, policy, &entry, now);
        let record = Record::Series { id: created.id, policy, created: now, name: &created.name };
        self.series_log.lock().push(&record);
        if let Some(unannounced) = &self.unannounced {
            unannounced.lock().push(created.id);
        }
        count(&self.counters.series_created, 1);
        self.changes.note(EVERYTHING);
    }

    /// Series without a point yet, for who names them beforehand; without one they go like others that are idle.
    /// Returns how many are new. Those before a name that is refused are there.
    pub fn register(&self, names: &[String]) -> Result<u64, StoreError> {
        self.refuse_read_only()?;
        let mut new = 0;
        for name in names {
            let made = self.create_series(name.as_bytes(), ValueKind::Number, self.now());
            let (_, is_new) =
                made.map_err(|refused| StoreError::BadQuery(format!("`{name:.200}`: {refused}")))?;
            new += u64::from(is_new);
        }
        self.write_log_out()?;
        self.sync_series_log()?;
        Ok(new)
    }

    /// The number of a policy; a new one is logged. Called with `creating` held.
    pub(crate) fn policy_for(&self, kind: ValueKind, policy: Policy) -> (PolicyId, Arc<PolicyEntry>) {
        let policies = self.policies.load();
        if let Some((id, entry)) = policies.find(kind, &policy).and_then(|id| Some((id, policies.get(id)?))) {
            return (id, Arc::clone(entry));
        }
        let entry = PolicyEntry::new(kind, policy);
        let mut grown = Policies::clone(&policies);
        let Some(id) = grown.add(entry.clone()) else {
            // 65,535 policies: no configuration gets there. The first one of the kind serves.
            let (id, entry) =
                policies.iter().find(|(_, entry)| entry.kind == kind).expect("the table is full");
            return (id, Arc::clone(entry));
        };
        self.series_log.lock().push(&Record::Policy(entry));
        self.policies.store(Arc::new(grown));
        self.note_ratios();
        (id, self.policy(id).expect("it was added just now"))
    }

    pub(crate) fn note_ratios(&self) {
        let policies = self.policies.load();
        let ratio_of = |(_, entry): (PolicyId, &Arc<PolicyEntry>)| {
            (1..entry.tiers.len()).map(|index| entry.ratio(index) as u32).collect::<Vec<_>>()
        };
        let mut ratios: Vec<u32> = policies.iter().flat_map(ratio_of).collect();
        ratios.sort_unstable();
        ratios.dedup();
        *self.files.ratios.write() = ratios;
    }

    /// Give a series its place in its stripe.
    pub(crate) fn seat(&self, id: u32, policy: PolicyId, entry: &PolicyEntry, now: Timestamp) {
        let stripe = self.stripe_for(id / SERIES_PER_STRIPE);
        let mut stripe = stripe.write();
        stripe.add_policy(policy, entry, &|place| self.tier_start(place, now));
        stripe.add_series((id % SERIES_PER_STRIPE) as u16, policy, now);
    }

    /// A stripe that is there, or a new one; then `creating` must be held.
    pub(crate) fn stripe_for(&self, number: u32) -> SharedStripe {
        let stripes = self.stripes.load();
        if let Some(stripe) = stripes.get(number as usize) {
            return Arc::clone(stripe);
        }
        let mut grown = Vec::clone(&stripes);
        while grown.len() <= number as usize {
            grown.push(Arc::new(RwLock::new(Stripe::new(grown.len() as u32))));
        }
        let stripe = Arc::clone(&grown[number as usize]);
        self.stripes.store(Arc::new(grown));
        stripe
    }

    /// Where a tier of a stripe begins or goes on.
    pub(crate) fn tier_start(&self, place: Place, now: Timestamp) -> TierStart {
        let tier = place.tier;
        let base = tier.window_of(tier.slot(now.minus(tier.grace_seconds())));
        let flushed = self.files.manifest.flushed(place).unwrap_or(Flushed { base, lsn: Lsn(0) });
        // The same for all tiers that begin together: none may be ahead of a finer one. Half an hour is
        // more than any window and grace.
        let rolled =
            self.files.manifest.rolled(place).unwrap_or(Timestamp((now.0 - 1_800).div_euclid(600) * 600));
        TierStart { flushed, rolled }
    }

    /// Hand everything that was logged to the kernel, series first; nothing while the log is closed. After a failure
    /// the store is read-only: what the buffer held is in memory alone.
    pub(crate) fn write_log_out(&self) -> Result<(), DiskError> {
        // Not by `is_read_only`: the log is open again before the store has left that state, and files that are
        // listed meanwhile rely on it.
        if self.wal.is_closed() {
            return Ok(());
        }
        self.pass_log_on().inspect_err(|error| self.log_failed(error))
    }

    fn pass_log_on(&self) -> Result<(), DiskError> {
        self.series_log.lock().write_out()?;
        // Once more when the log's buffer is taken: series may have come in between.
        self.wal.write_out(|| self.series_log.lock().write_out())
    }

    /// [`Store::write_log_out`] for those who go on either way.
    pub(crate) fn write_log_out_or_stop(&self) {
        drop(self.write_log_out());
    }

    /// The log can no longer be trusted. [`Store::maintain`] puts everything it held into block files.
    pub(crate) fn log_failed(&self, error: &DiskError) {
        if self.is_read_only() {
            return;
        }
        count(&self.counters.wal_failures, 1);
        self.stop_writing(error);
        self.flush_waker.raise();
    }

    /// Make the log survive a power cut: series first.
    pub(crate) fn sync_log(&self) -> Result<(), DiskError> {
        self.wal.sync(|| self.sync_series_log())
    }

    /// Everything written out to it before the call survives a power cut when this returns.
    pub(crate) fn sync_series_log(&self) -> Result<(), DiskError> {
        let _syncing = self.syncing_series.lock();
        let (file, path) = {
            let mut log = self.series_log.lock();
            log.refuse_broken("sync")?;
            (log.take_unsynced(), log.path().to_owned())
        };
        let Some(file) = file else { return Ok(()) };
        let synced = file.sync();
        if synced.is_err() {
            self.series_log.lock().sync_failed();
        }
        synced.doing("sync", &path)
    }

    /// From now on nothing is written; points stay in memory for live views. [`Store::maintain`] leaves
    /// the state when the disk is well again.
    pub(crate) fn stop_writing(&self, error: &DiskError) {
        self.stop_writing_because(error.to_string());
    }

    pub(crate) fn stop_writing_because(&self, reason: String) {
        let mut state = self.read_only.lock();
        if state.is_none() {
            *state = Some(ReadOnly { reason, since: self.now() });
            self.is_read_only.store(true, Ordering::Release);
            self.wal.close();
            // Room for the manifest edit that may be under way.
            drop(self.io.remove(&self.directory.join("RESERVE")));
            count(&self.counters.times_read_only, 1);
        }
    }

    pub fn is_read_only(&self) -> bool {
        self.is_read_only.load(Ordering::Acquire)
    }

    /// Tell another backend of series before any run that holds them.
    pub(crate) fn announce(&self) -> Result<(), StoreError> {
        let Some(unannounced) = &self.unannounced else { return Ok(()) };
        let new = std::mem::take(&mut *unannounced.lock());
        if new.is_empty() {
            return Ok(());
        }
        let named: Vec<_> = new.iter().filter_map(|id| Some((*id, self.names.name(*id)?))).collect();
        let records: Vec<_> =
            named.iter().map(|(id, name)| SeriesRecord { series: SeriesRef(u64::from(*id)), name }).collect();
        let announced = self.blocks.announce(&records);
        if announced.is_err() {
            unannounced.lock().extend(new);
        }
        announced
    }

    /// Take another configuration. Retention and aggregation rules hold for series that come from now
    /// on; [`Store::repolicy`] brings the others along.
    pub fn set_config(&self, config: StorageConfig) {
        self.names.set_limits(guard_limits(&config));
        self.rules.store(Arc::new(Rules::new(&config)));
        self.memory_budget.store(memory_budget(&config), Ordering::Relaxed);
        self.config.store(Arc::new(config));
        self.upkeep.lock().policies_checked = false;
    }

    pub fn names(&self) -> &Names {
        &self.names
    }

    /// New slots up to and with this second are readable.
    pub fn publish_tick(&self, tick: Timestamp) {
        self.live.publish(tick);
    }
}

pub(crate) fn guard_limits(config: &StorageConfig) -> crate::names::GuardLimits {
    let no_limit_if_zero = |limit: u64| if limit == 0 { usize::MAX } else { limit as usize };
    crate::names::GuardLimits {
        max_series: no_limit_if_zero(config.max_series),
        max_new_per_minute: config.max_new_series_per_minute,
        max_new_per_prefix_per_minute: config.max_new_per_prefix_per_minute,
        ..crate::names::GuardLimits::default()
    }
}

/// What the configuration says, or 60 % of the memory that the machine or its control group has.
pub(crate) fn memory_budget(config: &StorageConfig) -> u64 {
    if config.memory.0 > 0 {
        return config.memory.0;
    }
    let pages = rustix::system::sysinfo();
    let machine = pages.totalram.saturating_mul(u64::from(pages.mem_unit));
    let limit = std::fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let group = limit.and_then(|text| text.trim().parse::<u64>().ok()).unwrap_or(u64::MAX);
    machine.min(group) / 10 * 6
}
