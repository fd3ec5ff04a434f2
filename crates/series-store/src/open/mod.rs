//! Opening a directory: versions, manifest, series, log. What is damaged is reported and kept aside, and
//! is never a reason not to start; an unknown version is, and then nothing is written.

mod files;
mod series;
mod version;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize};

use arc_swap::ArcSwap;
use disk::{DiskError, Doing, Io, read_whole, replace_whole};
use parking_lot::{Mutex, RwLock};
use vocabulary::Timestamp;

use self::files::{load_manifest, sort_out_files};
use self::series::{keep_lost_ids, load_series};
use self::version::{refuse_foreign, version_of};
use crate::block::OpenFiles;
use crate::blocks::{BlockStore, Files, LocalBlocks};
use crate::damage::{Damage, Gap};
use crate::error::OpenError;
use crate::head::{SeriesHead, Stripe};
use crate::limits::*;
use crate::live::Live;
use crate::manifest::{Edit, FileMeta, Manifest, State};
use crate::names::Names;
use crate::policy::Rules;
use crate::series_log::Record;
use crate::store::{Options, Store, Upkeep, Waker, guard_limits, memory_budget};
use crate::wal::{self, Records, Wal, segment_of};
use crate::wal_record::{RecordReader, read_parts};

pub(crate) use files::block_files;
pub(crate) use series::{LoadedSeries, Run};
pub(crate) use version::FORMAT_NAME;
pub use version::{FORMAT_MAJOR, FORMAT_MINOR, stored_format};

/// What opening found.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// The directory was empty.
    pub new: bool,
    /// The last stop was clean: nothing had to be replayed.
    pub clean: bool,
    pub series: usize,
    pub replayed_points: u64,
    /// Points of the log that were in block files already.
    pub skipped_points: u64,
    /// Points of the log whose series is gone or was never made durable.
    pub orphaned_points: u64,
    /// The run of the process from whose log no more sketches are taken: see `Store::breaks_off`.
    pub(crate) broken_off: Option<usize>,
    /// Bytes at the ends of files that a crash had cut.
    pub torn_bytes: u64,
    /// Files of unfinished flushes and merges that were removed, or moved to quarantine.
    pub leftovers: u64,
    /// What is missing since.
    pub gaps: Vec<Gap>,
    pub seconds: f64,
}

impl Store {
    pub fn open(options: Options) -> Result<(Store, Recovery), OpenError> {
        let started = std::time::Instant::now();
        let Options { directory, config, clock, io, blocks } = options;
        // A store with blocks of its own elsewhere may say so in its configuration.
        let problems = config.problems().into_iter().filter(|(key, _)| *key != "engine" || blocks.is_none());
        if let Some((key, why)) = problems.into_iter().next() {
            return Err(OpenError::Config(format!("storage.{key}: {why}")));
        }
        refuse_foreign(&*io, &directory)?;
        make_directories(&*io, &directory)?;
        let lock = io.lock(&directory.join("LOCK")).map_err(|cause| match cause.kind() {
            std::io::ErrorKind::WouldBlock => OpenError::Locked(directory.clone()),
            _ => DiskError { doing: "lock", path: directory.join("LOCK"), cause }.into(),
        })?;
        let damage = Arc::new(Damage::default());
        let mut recovery = Recovery::default();
        let (state, number) = load_manifest(&*io, &directory, &damage, &mut recovery)?;
        let segments = wal_segments(&*io, &directory)?;
        let first_segment = next_segment(&state, &segments);
        let clean = state.clean && segments.is_empty();

        let manifest = Arc::new(Manifest::new(Arc::clone(&io), directory.clone(), state, number));
        let files = Arc::new(Files {
            io: Arc::clone(&io),
            blocks: directory.join("blocks"),
            quarantine: directory.join("quarantine"),
            manifest: Arc::clone(&manifest),
            open: Arc::new(OpenFiles::default()),
            damage: Arc::clone(&damage),
            ratios: RwLock::default(),
        });
        recovery.leftovers = sort_out_files(&files, &damage, recovery.torn_bytes > 0)?;
        let listed: Vec<FileMeta> = manifest.state(|state| state.files.values().copied().collect());
        let (level0, merged): (Vec<_>, Vec<_>) = listed.into_iter().partition(|meta| meta.level == 0);
        let merged = merged.into_iter().map(|meta| files.file(meta)).collect();
        let elsewhere = blocks.is_some();
        let blocks: Arc<dyn BlockStore> =
            blocks.unwrap_or_else(|| Arc::new(LocalBlocks::new(Arc::clone(&files), merged)));

        let names = Names::new(guard_limits(&config));
        let mut loaded = LoadedSeries::default();
        let series_log =
            load_series(&io, &directory, &manifest, &names, &damage, &mut loaded, &mut recovery)?;
        keep_lost_ids(&files, &names, &recovery);
        let wal = Wal::new(Arc::clone(&io), directory.join("wal"), segments.clone(), first_segment);
        // Which of them the backend knows is not kept: it is told of all again.
        let unannounced = elsewhere.then(|| Mutex::new(loaded.ids().collect()));
        let marks = manifest.state(|state| state.marks.clone());
        let stored = manifest.state(|state| state.files.values().map(|meta| meta.bytes).sum());
        let growth_since = (stored, clock.since_epoch());
        let store = Store {
            rules: ArcSwap::from_pointee(Rules::new(&config)),
            memory_budget: AtomicU64::new(memory_budget(&config)),
            config: ArcSwap::from_pointee(config),
            directory,
            io,
            clock,
            names,
            policies: ArcSwap::from_pointee(std::mem::take(&mut loaded.policies)),
            stripes: ArcSwap::default(),
            creating: Mutex::new(()),
            changing_slot: Mutex::new(()),
            marks: Mutex::new(marks),
            series_log: Mutex::new(series_log),
            syncing_series: Mutex::new(()),
            wal,
            files,
            blocks,
            live: Live::default(),
            counters: Default::default(),
            changes: Default::default(),
            read_only: Mutex::default(),
            is_read_only: AtomicBool::new(false),
            upkeep: Mutex::new(Upkeep::default()),
            merging: Mutex::new(()),
            importing: RwLock::new(()),
            in_a_hurry: AtomicUsize::new(0),
            unannounced,
            looked_through: AtomicUsize::new(0),
            last_merge: AtomicI64::new(0),
            growth_since,
            policies_differ: AtomicBool::new(false),
            log_waker: Waker::default(),
            sync_waker: Waker::default(),
            flush_waker: Waker::default(),
            merge_waker: Waker::default(),
            _lock: lock,
        };
        store.note_ratios();
        store.seat_all(&loaded, first_now(&*store.io, &store.directory, &segments).unwrap_or(store.now()));
        store.shelve(level0);
        store.replay(&segments, &loaded, &mut recovery)?;
        store.begin_writing(first_segment, &mut recovery)?;
        recovery.clean = clean;
        recovery.series = store.names.len();
        recovery.gaps = damage.gaps();
        recovery.seconds = started.elapsed().as_secs_f64();
        Ok((store, recovery))
    }

    /// All series that were loaded get their places.
    fn seat_all(&self, loaded: &LoadedSeries, now: Timestamp) {
        let policies = self.policies.load();
        let mut stripes: Vec<Stripe> = Vec::new();
        for (id, (policy, created)) in loaded.series.iter().enumerate() {
            let Some(entry) = policies.get(*policy) else { continue };
            let (number, local) = (id as u32 / SERIES_PER_STRIPE, (id as u32 % SERIES_PER_STRIPE) as u16);
            while stripes.len() <= number as usize {
                stripes.push(Stripe::new(stripes.len() as u32));
            }
            let stripe = &mut stripes[number as usize];
            stripe.add_policy(*policy, entry, &|place| self.tier_start(place, now));
            stripe.add_series(local, *policy, Timestamp(i64::from(*created)));
            if let Some((imported, goes_on, set_since)) = loaded.imported.get(&(id as u32)).copied() {
                let head = &mut stripe.series[usize::from(local)];
                *head = SeriesHead { imported, goes_on, set_since, last: imported, ..*head };
            }
        }
        for (id, archive, begins) in loaded.left_empty.iter().copied() {
            let local = (id % SERIES_PER_STRIPE) as u16;
            if let Some(stripe) = stripes.get_mut((id / SERIES_PER_STRIPE) as usize) {
                stripe.leave_empty_still(local, archive.into(), Timestamp(begins.into()));
            }
        }
        self.stripes
            .store(Arc::new(stripes.into_iter().map(|stripe| Arc::new(RwLock::new(stripe))).collect()));
    }

    /// Flushed files go to their tiers. A tier that no series has any more keeps its files until they
    /// expire: nobody asks for them.
    fn shelve(&self, level0: Vec<FileMeta>) {
        let mut by_place: BTreeMap<_, Vec<FileMeta>> = BTreeMap::new();
        for meta in level0 {
            by_place.entry(meta.place).or_default().push(meta);
        }
        for (place, metas) in by_place {
            let Some(stripe) = self.stripes.load().get(place.stripe as usize).cloned() else { continue };
            let mut stripe = stripe.write();
            if let Some(tier) = stripe.tier_mut(place.tier) {
                tier.add_files(metas.iter().map(|meta| self.files.file(*meta)));
            }
        }
    }

    /// From here on files change: the first edit starts a new manifest.
    fn begin_writing(&self, first_segment: u32, recovery: &mut Recovery) -> Result<(), OpenError> {
        if read_whole(&*self.io, &self.directory.join("FORMAT"), 256).is_err() {
            self.write_format()?;
            recovery.new = self.names.is_empty();
        }
        let broken = self.series_log.lock().broken;
        if broken {
            let _creating = self.creating.lock();
            if let Err(error) = self.rewrite_series_log() {
                self.stop_writing_because(error.to_string());
            }
        }
        // Before any series of this run, also if it cannot be written yet.
        self.series_log.lock().push(&Record::Opened { first_segment, next_id: self.names.next_id() });
        let begun = self.say_begun().and_then(|()| self.series_log.lock().write_out());
        // A full disk: start all the same, read-only. Everything stored can be read.
        if let Err(error) = begun.and_then(|()| self.make_reserve()) {
            if error.is_full() {
                self.stop_writing(&error);
            } else {
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// What others must know of the directory before any edit of this version is in it. A start on a full disk says
    /// it when there is room.
    pub(crate) fn say_begun(&self) -> Result<(), DiskError> {
        let text = read_whole(&*self.io, &self.directory.join("FORMAT"), 256).unwrap_or_default();
        let version = version_of(&String::from_utf8_lossy(&text));
        if version.is_some_and(|version| version < (FORMAT_MAJOR, FORMAT_MINOR)) {
            self.write_format()?;
        }
        self.files.manifest.commit(&[Edit::Clean(false)])
    }

    fn write_format(&self) -> Result<(), DiskError> {
        let path = self.directory.join("FORMAT");
        let own = format!("{FORMAT_NAME} {FORMAT_MAJOR}.{FORMAT_MINOR}\n");
        replace_whole(&*self.io, &path, own.as_bytes()).doing("write", &path)
    }
}

fn make_directories(io: &dyn Io, directory: &Path) -> Result<(), DiskError> {
    for directory in
        [directory.to_owned(), directory.join("wal"), directory.join("series"), directory.join("blocks")]
    {
        if io.list(&directory).is_err() {
            io.create_dir(&directory).doing("create", &directory)?;
        }
    }
    io.sync_dir(directory).doing("sync", directory)
}

/// Segments of the log with their lengths, oldest first.
fn wal_segments(io: &dyn Io, directory: &Path) -> Result<Vec<(u32, u64)>, DiskError> {
    let directory = directory.join("wal");
    let entries = io.list(&directory).doing("list", &directory)?;
    let mut segments: Vec<(u32, u64)> =
        entries.iter().filter_map(|entry| Some((segment_of(&entry.name)?, entry.bytes))).collect();
    segments.sort_unstable();
    Ok(segments)
}

/// A segment that no position in the manifest lies behind: positions tell what was flushed.
fn next_segment(state: &State, segments: &[(u32, u64)]) -> u32 {
    let flushed = state.flushed.values().map(|flushed| flushed.lsn.segment());
    let written = segments.iter().map(|(segment, _)| *segment);
    flushed.chain(written).max().unwrap_or(0) + 1
}

/// The clock at the oldest record: heads that the manifest does not know began about then.
fn first_now(io: &dyn Io, directory: &Path, segments: &[(u32, u64)]) -> Option<Timestamp> {
    let (segment, length) = segments.first()?;
    let file = io.open(&wal::segment_path(&directory.join("wal"), *segment)).ok()?;
    let mut start = vec![0; (*length as usize).min(wal::HEADER_BYTES + WAL_RECORD_BYTES_MAX)];
    file.read_at(&mut start, 0).ok()?;
    let (_, payload) = Records::new(&start).next()?;
    let parts = read_parts(payload).ok()?;
    RecordReader::new(parts.records.first()?).ok().map(|reader| reader.header.now)
}
