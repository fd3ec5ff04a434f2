//! `import whisper DIR`: every point of every archive of a tree, while points go on coming in.
//!
//! Threads take batches of files. When a batch is on the disk its files are noted as done; what is interrupted
//! before that is done again the next time, which changes nothing. The tree is only read.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Instant;

use http_api::control::{ImportCounts, Move, WhisperImport};
use parking_lot::Mutex;
use series_store::import::{Archived, ImportEnd, Imported};
use series_store::names::Names;
use vocabulary::ValueKind;
use vocabulary::ports::Scope;

use super::done::Done;
use super::naming::{Named, TaggedNames, name_of};
use super::source::{Reading, Source};
use super::tree::{Bad, Found, Stamp, walk};
use super::{PROGRESS_INTERVAL, Stop, UNHEARD, cpu_seconds_of_this_thread, outside_of_the_data, threads};
use crate::house::{House, Phase};

/// Files of one batch, and their bytes: a few seconds of work. All series of a batch share the files they make.
const BATCH_FILES: usize = 512;
const BATCH_BYTES: u64 = 1 << 30;
/// The list of names of tagged series that an export leaves in the tree.
pub const NAMES_LIST: &str = "tagged-names.txt";
const LONGEST_LIST: u64 = 1 << 30;

/// Tells how things are; false if nobody listens any more.
pub type Tell<'a> = &'a mut dyn FnMut(Move<ImportCounts>) -> bool;

/// A file with a name.
struct NamedFile {
    found: Found,
    name: String,
}

/// What the threads say.
enum Said {
    Batch(Box<BatchCounts>),
    Refused(Bad),
    /// The store takes no more; why.
    Failed(String),
}

#[derive(Default)]
struct BatchCounts {
    imported: u64,
    empty: u64,
    refused: u64,
    points: u64,
    kept: u64,
    out_of_date: u64,
    not_numbers: u64,
    cpu_seconds: f64,
}

pub fn import(house: &House, wanted: &WhisperImport, tell: Tell<'_>) -> Result<ImportCounts, String> {
    let _one = house.moving.try_lock().ok_or("another import or export is running")?;
    let started = Instant::now();
    let root = wanted.directory.canonicalize().map_err(|error| doing(&wanted.directory, &error))?;
    outside_of_the_data(house, &root)?;
    let stop = Stop::default();
    let go_on = || !stop.is_set() && *house.phase.lock() != Phase::Stopping;
    let tree = walk(&root, &go_on).map_err(|error| doing(&root, &error))?;
    let mut job = Job::new(house, wanted, &root, tree.bad)?;
    job.name_files(tree.files, wanted)?;
    if job.counts.files == 0 {
        return Err(nothing_there(&root, &wanted.prefix));
    }
    let mut told = tell(Move::Started { files: job.counts.files });
    for bad in std::mem::take(&mut job.bad) {
        told = told && tell(refused(&bad));
    }
    job.sort();
    if told && go_on() {
        job.run(threads(wanted.jobs, house), &stop, tell)?;
    }
    job.counts.seconds = started.elapsed().as_secs_f64();
    let ImportCounts { imported, refused, points, .. } = job.counts;
    tracing::info!(tree = %root.display(), imported, refused, points, "a whisper tree was imported");
    Ok(job.counts)
}

fn doing(path: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}", path.display())
}

/// By reading, as devices have no length.
fn read_list(list: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(list)?.take(LONGEST_LIST + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST_LIST {
        return Err(io::Error::other(format!("more than {LONGEST_LIST} bytes: that is no list of names")));
    }
    Ok(text)
}

fn nothing_there(root: &Path, prefixes: &[String]) -> String {
    match prefixes {
        [] => format!("{}: there is no whisper file (*.wsp) below it", root.display()),
        _ => format!("{}: no whisper file's name begins with {}", root.display(), prefixes.join(" or ")),
    }
}

fn refused(bad: &Bad) -> Move<ImportCounts> {
    Move::Refused { path: bad.relative.to_string_lossy().into_owned(), why: bad.why.clone() }
}

/// One run.
struct Job<'a> {
    house: &'a House,
    root: &'a Path,
    done: Done,
    dry_run: bool,
    files: Vec<NamedFile>,
    bad: Vec<Bad>,
    counts: ImportCounts,
}

impl<'a> Job<'a> {
    fn new(
        house: &'a House,
        wanted: &WhisperImport,
        root: &'a Path,
        bad: Vec<Bad>,
    ) -> Result<Job<'a>, String> {
        let again = wanted.again && !wanted.dry_run;
        let done = Done::open(house.store.directory(), root, again)
            .map_err(|error| format!("the list of what is done cannot be opened: {error}"))?;
        let refused = bad.len() as u64;
        let counts = ImportCounts { files: refused, refused, ..ImportCounts::default() };
        Ok(Job { house, root, done, dry_run: wanted.dry_run, files: Vec::new(), bad, counts })
    }

    /// Find the name of each file, and leave out what is not wanted, done, or there twice.
    fn name_files(&mut self, found: Vec<Found>, wanted: &WhisperImport) -> Result<(), String> {
        let named: Vec<(Found, Named)> = found
            .into_iter()
            .map(|found| (name_of(&found.relative), found))
            .map(|(name, found)| (found, name))
            .collect();
        let any_hash = named.iter().any(|(_, name)| matches!(name, Named::Hash(_)));
        let tagged = self.tagged_names(wanted, any_hash)?;
        let mut seen: HashMap<String, PathBuf> = HashMap::new();
        for (found, name) in named {
            let name = match name {
                Named::Name(name) => Ok(name),
                Named::Not(why) => Err(why),
                Named::Hash(hash) => tagged.get(&hash).map(str::to_owned).ok_or_else(|| {
                    "only the hash of its name is known: give a list of names with --tagged-names".into()
                }),
            };
            let is_wanted = |name: &String| {
                wanted.prefix.is_empty() || wanted.prefix.iter().any(|prefix| name.starts_with(prefix))
            };
            if name.as_ref().is_ok_and(|name| !is_wanted(name)) {
                continue;
            }
            self.counts.files += 1;
            match name {
                Ok(name) => match seen.insert(name.clone(), found.relative.clone()) {
                    None if !wanted.again && self.done.has(&found.relative, found.stamp) => {
                        self.counts.already_done += 1;
                    }
                    None => self.files.push(NamedFile { found, name }),
                    Some(first) => {
                        let why = format!("{} has the same name, {name}", first.display());
                        seen.insert(name, first);
                        self.refuse(found.relative, why);
                    }
                },
                Err(why) => self.refuse(found.relative, why),
            }
        }
        Ok(())
    }

    fn refuse(&mut self, relative: PathBuf, why: String) {
        self.counts.refused += 1;
        self.bad.push(Bad { relative, why });
    }

    /// Names of tagged series: of the list that was given, whether a file needs it or not, and where one does, of
    /// the list beside and of what came in live.
    fn tagged_names(&self, wanted: &WhisperImport, any_hash: bool) -> Result<TaggedNames, String> {
        let mut names = TaggedNames::default();
        let beside = Some(self.root.join(NAMES_LIST)).filter(|list| any_hash && list.is_file());
        for list in beside.iter().chain(&wanted.tagged_names) {
            let text = read_list(list).map_err(|error| doing(list, &error))?;
            names.add_list(&text).map_err(|why| format!("{} {why}", list.display()))?;
        }
        if !any_hash {
            return Ok(names);
        }
        self.house.store.names().for_each(ValueKind::Number, &Scope::everything(), |_, name| {
            if name.contains(';') {
                names.add(name);
            }
        });
        Ok(names)
    }

    /// Series that are there already by their numbers, so that what is added to them lies together; then the new.
    fn sort(&mut self) {
        let names = self.house.store.names();
        let number = |file: &NamedFile| names.id(file.name.as_bytes(), ValueKind::Number).unwrap_or(u32::MAX);
        self.files.sort_by_cached_key(number);
    }

    fn run(&mut self, threads: usize, stop: &Stop, tell: Tell<'_>) -> Result<(), String> {
        let files = std::mem::take(&mut self.files);
        let bytes: u64 = files.iter().map(|file| file.found.stamp.bytes).sum();
        self.counts.bytes = bytes;
        let batches = Mutex::new(batches(files, threads).into_iter());
        let read_bytes = Arc::new(AtomicU64::new(0));
        let (said, heard) = sync_channel(UNHEARD);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                let (job, batches, said, read_bytes) =
                    (&*self, &batches, said.clone(), Arc::clone(&read_bytes));
                let worker = Worker { job, stop, said, read_bytes };
                let spawned = std::thread::Builder::new()
                    .name("import".into())
                    .spawn_scoped(scope, move || worker.run(batches));
                spawned.map_err(|error| format!("a thread cannot be started: {error}"))?;
            }
            drop(said);
            let mut counts = self.counts.clone();
            let failed = self.listen(&heard, &mut counts, &read_bytes, stop, tell);
            stop.set();
            Ok::<_, String>((counts, failed))
        })
        .and_then(|(counts, failed)| {
            self.counts = counts;
            failed.map_or(Ok(()), Err)
        })
    }

    /// Until all threads are done.
    fn listen(
        &self,
        heard: &Receiver<Said>,
        counts: &mut ImportCounts,
        read_bytes: &AtomicU64,
        stop: &Stop,
        tell: Tell<'_>,
    ) -> Option<String> {
        let started = Instant::now();
        let mut failed = None;
        let mut told = Instant::now();
        loop {
            match heard.recv_timeout(PROGRESS_INTERVAL) {
                Ok(Said::Batch(batch)) => batch.add_to(counts),
                Ok(Said::Refused(bad)) => {
                    if !tell(refused(&bad)) {
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
            if *self.house.phase.lock() == Phase::Stopping {
                stop.set();
                failed.get_or_insert_with(|| "the server stops".into());
            }
            if told.elapsed() >= PROGRESS_INTERVAL {
                told = Instant::now();
                counts.seconds = started.elapsed().as_secs_f64();
                counts.read_bytes = read_bytes.load(Ordering::Relaxed);
                if !tell(Move::Progress(counts.clone())) {
                    stop.set();
                }
            }
        }
    }
}

impl BatchCounts {
    fn add_to(&self, counts: &mut ImportCounts) {
        counts.imported += self.imported;
        counts.empty += self.empty;
        counts.refused += self.refused;
        counts.points += self.points;
        counts.kept += self.kept;
        counts.out_of_date += self.out_of_date;
        counts.not_numbers += self.not_numbers;
        counts.cpu_seconds += self.cpu_seconds;
    }
}

/// Small trees are cut finer, so that all threads have something to do.
fn batches(files: Vec<NamedFile>, threads: usize) -> Vec<Vec<NamedFile>> {
    let most = files.len().div_ceil(4 * threads).clamp(16, BATCH_FILES);
    let mut batches: Vec<Vec<NamedFile>> = Vec::new();
    let mut bytes = 0;
    for file in files {
        bytes += file.found.stamp.bytes;
        match batches.last_mut().filter(|batch| batch.len() < most && bytes <= BATCH_BYTES) {
            Some(batch) => batch.push(file),
            None => {
                bytes = file.found.stamp.bytes;
                batches.push(vec![file]);
            }
        }
    }
    batches
}

/// One thread.
struct Worker<'a, 'b> {
    job: &'a Job<'b>,
    stop: &'a Stop,
    said: SyncSender<Said>,
    read_bytes: Arc<AtomicU64>,
}

impl Worker<'_, '_> {
    fn run(&self, batches: &Mutex<std::vec::IntoIter<Vec<NamedFile>>>) {
        while !self.stop.is_set() {
            let Some(batch) = batches.lock().next() else { return };
            let before = cpu_seconds_of_this_thread();
            let mut counts = BatchCounts::default();
            let ended = self.batch(&batch, &mut counts);
            counts.cpu_seconds = cpu_seconds_of_this_thread() - before;
            self.say(Said::Batch(Box::new(counts)));
            if let Err(why) = ended {
                return self.say(Said::Failed(why));
            }
        }
    }

    /// Nobody hears it only if the run is over.
    fn say(&self, what: Said) {
        drop(self.said.send(what));
    }

    fn refuse(&self, file: &NamedFile, why: String, counts: &mut BatchCounts) {
        counts.refused += 1;
        self.say(Said::Refused(Bad { relative: file.found.relative.clone(), why }));
    }

    fn batch(&self, batch: &[NamedFile], counts: &mut BatchCounts) -> Result<(), String> {
        let store = &self.job.house.store;
        let now = store.now();
        let reading = Arc::new(Reading::default());
        let read = self.job.house.clock.since_epoch();
        let mut sources: Vec<(&NamedFile, Source)> = Vec::with_capacity(batch.len());
        for (at, file) in batch.iter().enumerate() {
            let (root, relative, name) = (self.job.root, &file.found.relative, file.name.clone());
            let named = Names::check(name.as_bytes()).map_err(|why| why.to_string());
            let open = |()| Source::open(root, relative, name, at, now, &reading, &self.read_bytes);
            match named.and_then(open) {
                Ok(source) => sources.push((file, source)),
                Err(why) => self.refuse(file, why, counts),
            }
        }
        if self.job.dry_run {
            counts.imported += sources.len() as u64;
            return Ok(());
        }
        let mut archived: Vec<&mut dyn Archived> =
            sources.iter_mut().map(|(_, source)| source as &mut dyn Archived).collect();
        let imported = match store.import(&mut archived, &|| !self.stop.is_set()) {
            Ok(imported) => imported,
            Err(ImportEnd::Stopped) => return Ok(()),
            Err(ImportEnd::Store(error)) => return Err(error.to_string()),
        };
        let mut done: Vec<(&Path, Stamp)> = Vec::with_capacity(sources.len());
        for ((file, source), imported) in sources.iter().zip(imported) {
            match imported {
                Imported::Stored { points, kept } => {
                    counts.imported += u64::from(points > 0);
                    counts.empty += u64::from(points == 0);
                    counts.points += points;
                    counts.kept += kept;
                    counts.out_of_date += source.aside.out_of_date();
                    counts.not_numbers += source.aside.not_numbers;
                    done.push((&file.found.relative, file.found.stamp));
                }
                Imported::Refused(why) => self.refuse(file, why, counts),
            }
        }
        let noted = self.job.done.add(done.into_iter(), read);
        noted.map_err(|error| doing(self.job.done.path(), &error))
    }
}
