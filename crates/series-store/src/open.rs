//! Opening a directory: versions, manifest, series, log. What is damaged is reported and kept aside, and
//! is never a reason not to start; an unknown version is, and then nothing is written.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize};

use arc_swap::ArcSwap;
use disk::{DiskError, Doing, Io, RealIo, read_whole, replace_whole};
use parking_lot::{Mutex, RwLock};
use vocabulary::{Timestamp, ValueKind};

use crate::block::{HEADER_BYTES, OpenFiles, known_codecs, recover_meta};
use crate::blocks::{BlockStore, Files, LocalBlocks};
use crate::damage::{Damage, Gap};
use crate::error::OpenError;
use crate::head::{SeriesHead, Stripe};
use crate::limits::*;
use crate::live::Live;
use crate::manifest::{self, Edit, FileMeta, Found, Manifest, State};
use crate::names::{Loading, Names};
use crate::policy::{NO_POLICY, Policies, PolicyId, Rules};
use crate::series_log::{self, Record, SeriesLog, Unreadable, log_path};
use crate::store::{Options, Store, Upkeep, Waker, guard_limits, memory_budget};
use crate::wal::{self, Records, SegmentHeader, Wal, segment_of};
use crate::wal_record::{RecordReader, read_parts};

/// The formats this version writes. A store of a higher major version is not opened; one of a higher minor
/// version is, unless it uses something that is unknown here.
pub const FORMAT_MAJOR: u32 = 1;
pub const FORMAT_MINOR: u32 = 2;
pub(crate) const FORMAT_NAME: &str = "bellwether-series-store";

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

/// The version that a directory's store is written in, (major, minor), by reading only; `None` without a store.
pub fn stored_format(directory: &Path) -> std::io::Result<Option<(u32, u32)>> {
    match read_whole(&RealIo, &directory.join("FORMAT"), 256) {
        Ok(text) => Ok(version_of(&String::from_utf8_lossy(&text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn version_of(format: &str) -> Option<(u32, u32)> {
    let (major, minor) = format.trim().strip_prefix(FORMAT_NAME)?.trim().split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Versions first, and only by reading.
fn refuse_foreign(io: &dyn Io, directory: &Path) -> Result<(), OpenError> {
    let foreign = |found: String, why: &str| OpenError::Version { found, why: why.into() };
    if let Ok(text) = read_whole(io, &directory.join("FORMAT"), 256) {
        let text = String::from_utf8_lossy(&text).trim().to_owned();
        match version_of(&text) {
            Some((major, _)) if major <= FORMAT_MAJOR => {}
            Some(_) => return Err(foreign(text, "its format is newer than this program knows")),
            None => return Err(foreign(text, "FORMAT is not one of this program's")),
        }
    }
    match manifest::find(io, directory) {
        Ok(Found::Foreign { major }) => {
            return Err(foreign(
                format!("manifest {major}"),
                "its manifest is of a version that is unknown here",
            ));
        }
        Ok(Found::Sound { state, .. }) => {
            let unknown = state.files.values().find(|meta| meta.codecs & !known_codecs() != 0);
            if let Some(meta) = unknown {
                let path = meta.path(Path::new("blocks"));
                let why = format!("{} uses a codec that is unknown here", path.display());
                return Err(OpenError::Version { found: format!("codecs {:#b}", meta.codecs), why });
            }
            let mut start = [0; series_log::HEADER_BYTES];
            let log = log_path(&directory.join("series"), state.series_log);
            let read = io.open(&log).and_then(|file| file.read_at(&mut start, 0));
            if let (Ok(()), Err(Unreadable::Foreign { major })) =
                (read, series_log::load(&start, &mut |_| Ok(())))
            {
                return Err(foreign(
                    format!("series log {major}"),
                    "its series log is of a version that is unknown here",
                ));
            }
        }
        _ => {}
    }
    for (segment, _) in wal_segments(io, directory).unwrap_or_default() {
        let path = wal::segment_path(&directory.join("wal"), segment);
        let mut start = [0; wal::HEADER_BYTES];
        let read = io.open(&path).and_then(|file| file.read_at(&mut start, 0));
        if let (Ok(()), SegmentHeader::Foreign { major }) = (read, wal::read_header(&start)) {
            return Err(foreign(format!("log {major}"), "its log is of a version that is unknown here"));
        }
    }
    Ok(())
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

fn load_manifest(
    io: &dyn Io,
    directory: &Path,
    damage: &Damage,
    recovery: &mut Recovery,
) -> Result<(State, u64), OpenError> {
    match manifest::find(io, directory).doing("read the manifest in", directory)? {
        Found::Nothing => Ok((State::default(), 0)),
        Found::Sound { state, number, torn } => {
            recovery.torn_bytes += torn as u64;
            Ok((state, number))
        }
        Found::Foreign { major } => {
            Err(OpenError::Version { found: format!("manifest {major}"), why: "unknown".into() })
        }
        Found::Lost { why, highest } => {
            damage.gap(format!("{why}: the list of files was made anew from the files themselves"), 0);
            keep_manifests(io, directory);
            Ok((rebuild(io, directory), highest))
        }
    }
}

/// A manifest that cannot be read is kept before a new one takes its place.
fn keep_manifests(io: &dyn Io, directory: &Path) {
    let quarantine = directory.join("quarantine");
    drop(io.create_dir(&quarantine));
    for entry in io.list(directory).unwrap_or_default() {
        if entry.name.starts_with("MANIFEST-") {
            drop(io.link(&directory.join(&entry.name), &quarantine.join(&entry.name)));
        }
    }
}

/// What the block files say about themselves. Where the rollup stood is not in them: all their slots count
/// as waiting, which costs time and changes nothing, because stored slots win over computed ones.
fn rebuild(io: &dyn Io, directory: &Path) -> State {
    let mut state = State::default();
    let blocks = directory.join("blocks");
    for (path, bytes) in block_files(io, &blocks) {
        let Some(meta) = recover_meta(io, &path, bytes) else { continue };
        let start = meta.place.tier.start(meta.first);
        let rolled = state.rolled.entry(meta.place).or_insert(start);
        *rolled = (*rolled).min(start);
        state.next = state.next.max(meta.number + 1).max(meta.sequence + 1);
        state.files.insert(meta.number, meta);
    }
    let logs = io.list(&directory.join("series")).unwrap_or_default();
    state.series_log = logs.iter().filter_map(|entry| log_sequence(&entry.name)).max().unwrap_or(0);
    state
}

fn log_sequence(name: &str) -> Option<u64> {
    name.strip_prefix("SERIES-")?.strip_suffix(".log")?.parse().ok()
}

/// All files in the directories below `blocks/`.
pub(crate) fn block_files(io: &dyn Io, blocks: &Path) -> Vec<(PathBuf, u64)> {
    let directories = io.list(blocks).unwrap_or_default().into_iter().filter(|entry| entry.directory);
    let files = directories.flat_map(|directory| {
        let path = blocks.join(&directory.name);
        let entries = io.list(&path).unwrap_or_default();
        entries.into_iter().map(move |entry| (path.join(&entry.name), entry.bytes)).collect::<Vec<_>>()
    });
    files.collect()
}

/// Compare the list with the disk. Leftovers of an unfinished flush or merge go; while it is unsure whether
/// the list is whole they are only moved aside, as strangers and files of a wrong length are. Missing
/// files are reported.
fn sort_out_files(files: &Files, damage: &Damage, unsure: bool) -> Result<u64, OpenError> {
    let mut leftovers = 0;
    let mut listed: BTreeMap<PathBuf, FileMeta> = files
        .manifest
        .state(|state| state.files.values().map(|meta| (meta.path(&files.blocks), *meta)).collect());
    let mut gone = Vec::new();
    for (path, bytes) in block_files(&*files.io, &files.blocks) {
        if path.extension().is_some_and(|extension| extension == "tmp") {
            files.io.remove(&path).doing("remove the leftover", &path)?;
            leftovers += 1;
            continue;
        }
        match listed.remove(&path) {
            Some(meta) if meta.bytes == bytes && bytes >= HEADER_BYTES as u64 => {}
            Some(meta) => {
                gone.push(Edit::Remove(meta.number));
                let why = format!("is {bytes} bytes long instead of {}", meta.bytes);
                set_aside(files, &path, &why, damage);
            }
            None if !unsure && recover_meta(&*files.io, &path, bytes).is_some() => {
                files.io.remove(&path).doing("remove the leftover", &path)?;
                leftovers += 1;
            }
            // The end of the manifest is torn: most likely by a power cut, in this file's line, and the points
            // are in the log. If it was damaged later they are not, and nothing here tells the two apart.
            None if unsure && recover_meta(&*files.io, &path, bytes).is_some() => {
                set_aside(files, &path, "is not in the list of files, whose end is damaged", damage);
                leftovers += 1;
            }
            None => set_aside(files, &path, "is not one of the store's", damage),
        }
    }
    for (path, meta) in listed {
        gone.push(Edit::Remove(meta.number));
        damage.gap(format!("{} is missing", path.display()), meta.bytes);
    }
    if !gone.is_empty() {
        files.manifest.commit(&gone)?;
    }
    Ok(leftovers)
}

fn set_aside(files: &Files, path: &Path, why: &str, damage: &Damage) {
    let moved = if move_aside(files, path) { "moved to quarantine" } else { "left where it is" };
    damage.gap(format!("{} {why}: {moved}", path.display()), 0);
}

/// Into `quarantine/`, under a name that tells where it was.
fn move_aside(files: &Files, path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let directory = path.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let target = files.quarantine.join(format!("{directory}-{name}"));
    files.io.create_dir(&files.quarantine).and_then(|()| files.io.rename(path, &target)).is_ok()
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

/// Series of the log on their way to their stripes.
#[derive(Default)]
pub(crate) struct LoadedSeries {
    policies: Policies,
    /// Policy and time of creation by id.
    series: Vec<(PolicyId, u32)>,
    /// Time of the newest imported point, `goes_on` and `set_since`, by id.
    imported: HashMap<u32, (u32, u32, u16)>,
    /// Id, archive and beginning of slots that were left empty.
    left_empty: Vec<(u32, u8, u32)>,
    /// From which segment on ids above which are known.
    opened: Vec<(u32, u32)>,
}

/// A run of the process that wrote a part of the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// How many had been begun since the series log was.
    pub number: usize,
    pub known_ids: u32,
}

impl LoadedSeries {
    /// Ids below this may occur in a segment; a higher one belongs to a series that was never made
    /// durable, and whose id another has now.
    fn ids_known_to(&self, segment: u32) -> u32 {
        let later = self.opened.iter().filter(|(first, _)| segment < *first);
        later.map(|(_, next_id)| *next_id).min().unwrap_or(u32::MAX)
    }

    /// Which run of the process wrote a segment, as far as it matters.
    pub(crate) fn run_of(&self, segment: u32) -> Run {
        let number = self.opened.iter().filter(|(first, _)| *first <= segment).count();
        Run { number, known_ids: self.ids_known_to(segment) }
    }

    fn ids(&self) -> impl Iterator<Item = u32> {
        let alive = self.series.iter().enumerate().filter(|(_, (policy, _))| *policy != NO_POLICY);
        alive.map(|(id, _)| id as u32)
    }

    fn take(&mut self, names: &mut Loading<'_>, record: Record<'_>) -> Result<(), crate::bytes::Malformed> {
        match record {
            Record::Policy(entry) => {
                self.policies.add(entry).ok_or(crate::bytes::Malformed)?;
            }
            Record::Series { id, policy, created, name } => {
                let kind: ValueKind = self.policies.get(policy).ok_or(crate::bytes::Malformed)?.kind;
                // A name that lives already, or an id out of order: a log that was damaged. The first stays.
                if names.add(id, kind, name).is_ok() {
                    *self.seat(id) = (policy, u32::try_from(created.0).unwrap_or(0));
                }
            }
            Record::Removed { id } => {
                names.remove(id);
                *self.seat(id) = (NO_POLICY, 0);
                self.imported.remove(&id);
            }
            Record::Repolicy { id, policy } => {
                let seat = self.seat(id);
                if seat.0 != NO_POLICY {
                    seat.0 = policy;
                }
            }
            Record::Imported { id, newest } => {
                self.imported.insert(id, (newest, u32::MAX, 0));
            }
            Record::WentOn { id, goes_on, set_since } => {
                if let Some(imported) = self.imported.get_mut(&id) {
                    (imported.1, imported.2) = (goes_on, set_since);
                }
            }
            Record::LeftEmpty { id, archive, begins } => self.left_empty.push((id, archive, begins)),
            Record::Opened { first_segment, next_id } => {
                names.reserve_ids(next_id);
                self.opened.push((first_segment, next_id));
            }
        }
        Ok(())
    }

    fn seat(&mut self, id: u32) -> &mut (PolicyId, u32) {
        let index = id as usize;
        if self.series.len() <= index {
            self.series.resize(index + 1, (NO_POLICY, 0));
        }
        &mut self.series[index]
    }
}

fn load_series(
    io: &Arc<dyn Io>,
    directory: &Path,
    manifest: &Manifest,
    names: &Names,
    damage: &Damage,
    loaded: &mut LoadedSeries,
    recovery: &mut Recovery,
) -> Result<SeriesLog, OpenError> {
    let series = directory.join("series");
    let sequence = manifest.state(|state| state.series_log);
    remove_other_logs(&**io, &series, sequence);
    let path = log_path(&series, sequence);
    let bytes = match read_whole(&**io, &path, SERIES_LOG_BYTES_READ) {
        Ok(bytes) if bytes.len() >= series_log::HEADER_BYTES => bytes,
        Ok(_) => return new_log(io, path),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if manifest.state(|state| !state.files.is_empty()) {
                damage.gap(format!("{} is missing: names are lost", path.display()), 0);
            }
            return new_log(io, path);
        }
        Err(cause) => return Err(DiskError { doing: "read", path, cause }.into()),
    };
    let mut loading = names.load(bytes.len() / 20);
    let read = series_log::load(&bytes, &mut |record| loaded.take(&mut loading, record));
    drop(loading);
    match read {
        Ok(read) => {
            recovery.torn_bytes += read.torn as u64;
            let mut log = SeriesLog::append_to(Arc::clone(io), path.clone(), read.length as u64)?;
            if read.damaged > 0 {
                log.broken = true;
                keep_aside(&**io, directory, &path);
                damage
                    .gap(format!("{} is damaged: some names are lost", path.display()), read.damaged as u64);
            }
            Ok(log)
        }
        Err(Unreadable::Foreign { major }) => Err(OpenError::Version {
            found: format!("series log {major}"),
            why: "its series log is of a version that is unknown here".into(),
        }),
        Err(Unreadable::Malformed) => {
            keep_aside(&**io, directory, &path);
            damage.gap(format!("{} cannot be read: names are lost", path.display()), bytes.len() as u64);
            new_log(io, path)
        }
    }
}

/// Where the series log lost its end, block files still have points of series that nobody can name. Their ids
/// are never given to new names, which would inherit those points.
fn keep_lost_ids(files: &Arc<Files>, names: &Names, recovery: &Recovery) {
    let known = names.next_id();
    let metas: Vec<FileMeta> = files.manifest.state(|state| state.files.values().copied().collect());
    let first_id = |meta: &FileMeta| meta.place.stripe.saturating_mul(SERIES_PER_STRIPE);
    // Looking into all files takes time: only when something is amiss, or when even their counts say more.
    let amiss = recovery.torn_bytes > 0
        || !files.damage.gaps().is_empty()
        || metas.iter().any(|meta| first_id(meta).saturating_add(meta.series) > known);
    if !amiss {
        return;
    }
    let next_id = metas.iter().map(|meta| match files.file(*meta).series() {
        Ok(series) => series.last().map_or(0, |(local, _)| first_id(meta) + u32::from(*local) + 1),
        // Which series it has is unknown: all that it may have.
        Err(_) => first_id(meta).saturating_add(SERIES_PER_STRIPE),
    });
    let next_id = next_id.max().unwrap_or(0);
    if next_id > known {
        let why =
            format!("the names of up to {} series are lost; their points stay in the files", next_id - known);
        files.damage.gap(why, 0);
        names.load(0).reserve_ids(next_id);
    }
}

fn keep_aside(io: &dyn Io, directory: &Path, path: &Path) {
    let quarantine = directory.join("quarantine");
    drop(io.create_dir(&quarantine));
    drop(io.link(path, &quarantine.join(path.file_name().unwrap_or_default())));
}

fn new_log(io: &Arc<dyn Io>, path: PathBuf) -> Result<SeriesLog, OpenError> {
    let directory = path.parent().unwrap_or(Path::new(".")).to_owned();
    let log = SeriesLog::create(Arc::clone(io), path)?;
    io.sync_dir(&directory).doing("sync", &directory)?;
    Ok(log)
}

/// A crash while the log was written anew leaves two.
fn remove_other_logs(io: &dyn Io, directory: &Path, live: u64) {
    for entry in io.list(directory).unwrap_or_default() {
        if log_sequence(&entry.name).is_some_and(|sequence| sequence != live) {
            drop(io.remove(&directory.join(&entry.name)));
        }
    }
}
