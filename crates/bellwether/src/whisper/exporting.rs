//! `export whisper DIR`: series as whisper files, where carbon would have them.
//!
//! Each file comes to its place whole, by a rename, and none that is there is touched unless that was asked for.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Instant;

use formats::whisper::{Header, POINT_BYTES, write_points};
use http_api::control::{ExportCounts, Move, WhisperExport};
use vocabulary::ports::{FindQuery, Node, Scope, StoreError};
use vocabulary::retention::{Aggregation, Policy};
use vocabulary::{SeriesRef, SeriesSource, Timestamp, ValueKind};

use super::importing::NAMES_LIST;
use super::naming::path_of;
use super::{PROGRESS_INTERVAL, Stop, UNHEARD, outside_of_the_data, threads};
use crate::house::{House, Phase};

/// Series that one pattern may name.
const FOUND_MAX: usize = 10_000_000;

pub type Tell<'a> = &'a mut dyn FnMut(Move<ExportCounts>) -> bool;

struct Series {
    series: SeriesRef,
    name: String,
}

/// What became of one series.
enum Said {
    Written {
        points: u64,
        bytes: u64,
        method_unknown: bool,
    },
    /// A file is there.
    Left,
    Refused {
        name: String,
        why: String,
    },
    /// The disk takes no more; why.
    Failed(String),
}

pub fn export(house: &House, wanted: &WhisperExport, tell: Tell<'_>) -> Result<ExportCounts, String> {
    let _one = house.moving.try_lock().ok_or("another import or export is running")?;
    let started = Instant::now();
    let root = &wanted.directory;
    outside_of_the_data(house, root)?;
    let all = series(house, wanted)?;
    if all.is_empty() {
        return Err(nothing_to_write(&wanted.prefix));
    }
    fs::create_dir_all(root).map_err(|error| format!("{}: {error}", root.display()))?;
    let stop = Stop::default();
    let mut counts = ExportCounts { series: all.len() as u64, ..ExportCounts::default() };
    if tell(Move::Started { files: counts.series }) {
        run(house, wanted, &all, &stop, &mut counts, tell)?;
    }
    if !stop.is_set() {
        list_tagged(root, &all).map_err(|error| format!("{}: {error}", root.join(NAMES_LIST).display()))?;
    }
    counts.seconds = started.elapsed().as_secs_f64();
    Ok(counts)
}

fn nothing_to_write(prefixes: &[String]) -> String {
    match prefixes {
        [] => "there is no series of numbers".into(),
        _ => format!("no series that was asked for has a name that begins with {}", prefixes.join(" or ")),
    }
}

/// What is to be written, in order of the names.
fn series(house: &House, wanted: &WhisperExport) -> Result<Vec<Series>, String> {
    let scope = Scope::everything();
    let mut all = Vec::new();
    let mut take = |series: SeriesRef, name: &str| {
        if wanted.prefix.is_empty() || wanted.prefix.iter().any(|prefix| name.starts_with(prefix)) {
            all.push(Series { series, name: name.to_owned() });
        }
    };
    if wanted.target.is_empty() {
        let names = house.store.names();
        names.for_each(ValueKind::Number, &scope, |id, name| take(SeriesRef(id.into()), name));
    }
    for target in &wanted.target {
        let query = FindQuery { pattern: target, kind: ValueKind::Number, scope: &scope, limit: FOUND_MAX };
        let found = house.store.find(&query).map_err(|error| format!("{target}: {error}"))?;
        if !found.iter().any(|node| matches!(node, Node::Leaf(_))) {
            return Err(format!("{target}: no series has such a name; a target is a name or a pattern here"));
        }
        for node in found {
            if let Node::Leaf(found) = node {
                take(found.series, &found.name);
            }
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all.dedup_by(|a, b| a.series == b.series);
    Ok(all)
}

fn run(
    house: &House,
    wanted: &WhisperExport,
    all: &[Series],
    stop: &Stop,
    counts: &mut ExportCounts,
    tell: Tell<'_>,
) -> Result<(), String> {
    let next = AtomicUsize::new(0);
    let (said, heard) = sync_channel(UNHEARD);
    let failed = std::thread::scope(|scope| {
        for _ in 0..threads(wanted.jobs, house) {
            let (next, said) = (&next, said.clone());
            let spawned = std::thread::Builder::new()
                .name("export".into())
                .spawn_scoped(scope, move || work(house, wanted, all, next, stop, &said));
            spawned.map_err(|error| format!("a thread cannot be started: {error}"))?;
        }
        drop(said);
        let failed = listen(house, &heard, stop, counts, tell);
        Ok::<_, String>(failed)
    })?;
    failed.map_or(Ok(()), Err)
}

fn work(
    house: &House,
    wanted: &WhisperExport,
    all: &[Series],
    next: &AtomicUsize,
    stop: &Stop,
    said: &SyncSender<Said>,
) {
    while !stop.is_set() {
        let Some(series) = all.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
        let what = match write(house, wanted, series) {
            Ok(what) => what,
            Err(Unwritten::Series(why)) => Said::Refused { name: series.name.clone(), why },
            Err(Unwritten::Disk(why)) => Said::Failed(why),
        };
        if said.send(what).is_err() {
            return;
        }
    }
}

/// Until all threads are done. Returns what ended it early.
fn listen(
    house: &House,
    heard: &Receiver<Said>,
    stop: &Stop,
    counts: &mut ExportCounts,
    tell: Tell<'_>,
) -> Option<String> {
    let started = Instant::now();
    let (mut failed, mut told) = (None, Instant::now());
    loop {
        match heard.recv_timeout(PROGRESS_INTERVAL) {
            Ok(Said::Written { points, bytes, method_unknown }) => {
                counts.written += 1;
                counts.points += points;
                counts.bytes += bytes;
                counts.as_average += u64::from(method_unknown);
            }
            Ok(Said::Left) => counts.left += 1,
            Ok(Said::Refused { name, why }) => {
                counts.refused += 1;
                if !tell(Move::Refused { path: name, why }) {
                    stop.set();
                }
            }
            Ok(Said::Failed(why)) => {
                stop.set();
                failed.get_or_insert(why);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return failed,
        }
        if *house.phase.lock() == Phase::Stopping {
            stop.set();
            failed.get_or_insert_with(|| "the server stops".into());
        }
        if told.elapsed() >= PROGRESS_INTERVAL {
            told = Instant::now();
            counts.seconds = started.elapsed().as_secs_f64();
            if !tell(Move::Progress(counts.clone())) {
                stop.set();
            }
        }
    }
}

enum Unwritten {
    /// This one cannot be written.
    Series(String),
    /// None can.
    Disk(String),
}

impl From<StoreError> for Unwritten {
    fn from(error: StoreError) -> Unwritten {
        Unwritten::Series(error.to_string())
    }
}

fn on_disk(path: &Path) -> impl Fn(io::Error) -> Unwritten + '_ {
    move |error| {
        let why = format!("{}: {error}", path.display());
        match error.kind() {
            // The last three: something of another kind lies where the file or a directory of it should be.
            io::ErrorKind::InvalidFilename
            | io::ErrorKind::NotADirectory
            | io::ErrorKind::IsADirectory
            | io::ErrorKind::AlreadyExists => Unwritten::Series(why),
            _ => Unwritten::Disk(why),
        }
    }
}

fn write(house: &House, wanted: &WhisperExport, series: &Series) -> Result<Said, Unwritten> {
    let path = wanted.directory.join(path_of(&series.name).map_err(Unwritten::Series)?);
    match fs::symlink_metadata(&path) {
        Ok(_) if !wanted.overwrite => return Ok(Said::Left),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(on_disk(&path)(error)),
    }
    let directory = path.parent().unwrap_or(&wanted.directory);
    fs::create_dir_all(directory).map_err(on_disk(directory))?;
    let temporary = path.with_extension("wsp.unfinished");
    let written = write_file(house, series, &temporary).and_then(|said| {
        publish(&temporary, &path, wanted.overwrite).map(|new| if new { said } else { Said::Left })
    });
    if !matches!(written, Ok(Said::Written { .. })) {
        // It may not have been made at all.
        drop(fs::remove_file(&temporary));
    }
    written
}

/// False if another file has come to the place meanwhile.
fn publish(temporary: &Path, path: &Path, overwrite: bool) -> Result<bool, Unwritten> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    if overwrite {
        return fs::rename(temporary, path).map(|()| true).map_err(on_disk(path));
    }
    match renameat_with(CWD, temporary, CWD, path, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::EXIST) => Ok(false),
        // A file system that does not know the flag: nobody else writes there.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
            fs::rename(temporary, path).map(|()| true).map_err(on_disk(path))
        }
        Err(error) => Err(on_disk(path)(error.into())),
    }
}

/// A ring on its way into a file: its first place holds the oldest point, so that it need not be turned.
struct Output {
    file: File,
    header: Header,
    /// Of each ring: the slot in its first place.
    bases: Vec<Option<i64>>,
    points: u64,
    buffer: Vec<u8>,
}

impl Output {
    fn new(file: File, header: Header) -> io::Result<Output> {
        file.set_len(header.file_bytes())?;
        file.write_all_at(&header.bytes(), 0)?;
        let bases = vec![None; header.rings.len()];
        Ok(Output { file, header, bases, points: 0, buffer: Vec::new() })
    }

    fn put(&mut self, archive: usize, first: i64, row: &[f64]) -> io::Result<()> {
        let Some(known) = row.iter().position(|value| !value.is_nan()) else { return Ok(()) };
        let last = row.iter().rposition(|value| !value.is_nan()).unwrap_or(known);
        let base = *self.bases[archive].get_or_insert(first + known as i64);
        let ring = self.header.rings[archive];
        let row = &row[known..=last];
        let place = (first + known as i64 - base) as u64 * POINT_BYTES as u64;
        self.buffer.clear();
        write_points(ring.step, first + known as i64, row, &mut self.buffer);
        self.points += row.iter().filter(|value| !value.is_nan()).count() as u64;
        self.file.write_all_at(&self.buffer, ring.offset + place)
    }
}

fn write_file(house: &House, series: &Series, temporary: &Path) -> Result<Said, Unwritten> {
    let mut output: Option<Output> = None;
    let mut method_unknown = false;
    let now: Timestamp = house.store.now();
    let found = house.store.export::<Unwritten>(series.series, now, &mut |policy, archive, first, row| {
        if output.is_none() {
            let header = header(policy, &mut method_unknown).map_err(Unwritten::Series)?;
            let file = File::create(temporary).map_err(on_disk(temporary))?;
            output = Some(Output::new(file, header).map_err(on_disk(temporary))?);
        }
        match &mut output {
            Some(output) => output.put(archive, first, row).map_err(on_disk(temporary)),
            None => Ok(()),
        }
    })?;
    let Some(output) = output.filter(|_| found) else {
        return Err(Unwritten::Series("it is gone".into()));
    };
    output.file.sync_data().map_err(on_disk(temporary))?;
    Ok(Said::Written { points: output.points, bytes: output.header.file_bytes(), method_unknown })
}

fn header(policy: &Policy, method_unknown: &mut bool) -> Result<Header, String> {
    if let Some(header) = Header::of(policy) {
        return Ok(header);
    }
    *method_unknown = true;
    let average = Policy { aggregation: Aggregation::Average, ..policy.clone() };
    Header::of(&average).ok_or_else(|| format!("{} is more than whisper can hold", policy.archives))
}

/// Tagged series are called after their hash: their names go into a list beside, and stay there.
fn list_tagged(root: &Path, all: &[Series]) -> io::Result<()> {
    let path = root.join(NAMES_LIST);
    let before = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error),
    };
    let mut names: BTreeSet<&str> = before.lines().filter(|line| !line.is_empty()).collect();
    let known = names.len();
    names.extend(all.iter().map(|series| series.name.as_str()).filter(|name| name.contains(';')));
    if names.len() == known {
        return Ok(());
    }
    let temporary: PathBuf = path.with_extension("txt.unfinished");
    let mut file = File::create(&temporary)?;
    for name in names {
        writeln!(file, "{name}")?;
    }
    file.sync_data()?;
    fs::rename(&temporary, &path)
}
