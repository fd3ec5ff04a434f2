//! The start: every segment is opened as it was left.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{DiskError, Doing, Entry, File, Io, RealIo};
use parking_lot::Mutex;

use crate::error::OpenError;
use crate::index::SealedIndex;
use crate::limits::{MARKS_BYTES, SEGMENT_BYTES};
use crate::marks::Marks;
use crate::sealed::Sealed;
use crate::stats::Counters;
use crate::store::{EventStore, Inner};
use crate::writer::{HEADER_BYTES, Header, Recovered, Writer, read_header};

pub(crate) const MARKS: &str = "marks";
const LOCK: &str = "lock";
const EXTENSION: &str = ".events";

pub struct Options {
    /// Made if it is not there.
    pub directory: PathBuf,
    /// A segment that is longer is sealed; at most [`SEGMENT_BYTES`].
    pub segment_bytes: u64,
    /// No number below is given to an event: whoever counts events has seen it, and the log lost it with the power.
    pub next_at_least: u64,
    pub io: Arc<dyn Io>,
}

impl Options {
    pub fn new(directory: PathBuf) -> Options {
        Options { directory, segment_bytes: SEGMENT_BYTES, next_at_least: 0, io: Arc::new(RealIo) }
    }
}

/// What the start found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    pub segments: u64,
    pub events: u64,
    /// Cut off the ends of segments: what was being written when the power went.
    pub torn_bytes: u64,
    /// Passed over: they stay in their segment until it expires.
    pub damaged_events: u64,
    /// Segments that got the index that was missing.
    pub sealed_segments: u64,
    /// The file of marks could not be read: merged groups are apart, expired events are back. It lies beside as `marks.damaged`.
    pub lost_marks: bool,
}

pub(crate) fn segment_path(directory: &Path, first: u64) -> PathBuf {
    directory.join(format!("{first:020}{EXTENSION}"))
}

/// The number in a segment's name.
pub(crate) fn segment_number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(EXTENSION).filter(|digits| digits.len() == 20)?;
    digits.parse().ok()
}

/// A segment as it was found.
enum Found {
    Sealed(Sealed),
    Open(Writer, Recovered),
    /// Not even its header got to the disk: there never was anything in it.
    Empty,
}

impl EventStore {
    pub fn open(options: Options) -> Result<(EventStore, Recovery), OpenError> {
        let Options { directory, segment_bytes, next_at_least, io } = options;
        // Offsets are of 32 bits.
        let segment_bytes = segment_bytes.min(SEGMENT_BYTES);
        io.create_dir(&directory).doing("creating", &directory)?;
        let lock = lock(&*io, &directory)?;
        let mut recovery = Recovery::default();
        let marks = read_marks(&*io, &directory, &mut recovery)?;
        let mut segments = find_segments(&*io, &directory)?;
        let last = match segments.pop() {
            Some((_, Found::Open(writer, recovered))) => Some((writer, recovered)),
            Some(other) => {
                segments.push(other);
                None
            }
            None => None,
        };
        let mut sealed = BTreeMap::new();
        for (first, found) in segments {
            if let Some(segment) = seal(&*io, found, &mut recovery)? {
                sealed.insert(first, Arc::new(segment));
            }
        }
        let next = sealed.values().map(|segment| segment.index.next).max().unwrap_or(0).max(next_at_least);
        let open = match last {
            Some((mut writer, recovered)) => {
                recovery.count(&recovered);
                writer.mend(&*io)?;
                // Doubles of what is in there are answered as kept.
                writer.file.sync().doing("syncing", &writer.path)?;
                writer.next = writer.next.max(next);
                writer
            }
            None => Writer::create(&*io, &segment_path(&directory, next), next)?,
        };
        recovery.segments = sealed.len() as u64 + 1;
        recovery.events = sealed.values().map(|segment| u64::from(segment.index.count)).sum::<u64>();
        recovery.events += open.index.len() as u64;
        let inner = Mutex::new(Inner { open, sealed, marks: Arc::new(marks) });
        let (upkeep, counters) = (Mutex::new(()), Counters::default());
        Ok((EventStore { io, directory, segment_bytes, inner, upkeep, counters, _lock: lock }, recovery))
    }
}

impl Recovery {
    fn count(&mut self, recovered: &Recovered) {
        self.torn_bytes += recovered.torn_bytes;
        self.damaged_events += recovered.damaged_events;
    }
}

fn lock(io: &dyn Io, directory: &Path) -> Result<Box<dyn std::any::Any + Send + Sync>, OpenError> {
    let path = directory.join(LOCK);
    io.lock(&path).map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => OpenError::Locked(directory.to_owned()),
        _ => OpenError::Disk(DiskError { doing: "locking", path, cause: error }),
    })
}

fn read_marks(io: &dyn Io, directory: &Path, recovery: &mut Recovery) -> Result<Marks, OpenError> {
    let path = directory.join(MARKS);
    let file = match io.open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Marks::default()),
        file => file.doing("opening", &path)?,
    };
    let length = file.length().doing("reading", &path)?.min(MARKS_BYTES);
    let mut bytes = vec![0; length as usize];
    file.read_at(&mut bytes, 0).doing("reading", &path)?;
    if let Some(marks) = Marks::read(&bytes) {
        return Ok(marks);
    }
    recovery.lost_marks = true;
    io.rename(&path, &path.with_extension("damaged")).doing("moving away", &path)?;
    Ok(Marks::default())
}

/// In the order of their numbers. What a rewrite left behind goes.
fn find_segments(io: &dyn Io, directory: &Path) -> Result<Vec<(u64, Found)>, OpenError> {
    let mut segments = Vec::new();
    for Entry { name, .. } in io.list(directory).doing("listing", directory)? {
        let path = directory.join(&name);
        if name.ends_with(".tmp") {
            io.remove(&path).doing("removing", &path)?;
        }
        let Some(first) = segment_number(&name) else { continue };
        match look(io, &path, first)? {
            Found::Empty => io.remove(&path).doing("removing", &path)?,
            found => segments.push((first, found)),
        }
    }
    Ok(segments)
}

fn look(io: &dyn Io, path: &Path, first: u64) -> Result<Found, OpenError> {
    // It may be the one that is gone on with.
    let file = io.open_append(path).doing("opening", path)?;
    let length = file.length().doing("opening", path)?;
    let mut bytes = vec![0; length.min(HEADER_BYTES as u64) as usize];
    file.read_at(&mut bytes, 0).doing("reading", path)?;
    match read_header(&bytes) {
        Header::First(number) if number == first => {}
        Header::Version(found) => return Err(OpenError::Version { path: path.to_owned(), found }),
        Header::Cut => return Ok(Found::Empty),
        Header::First(_) if length <= HEADER_BYTES as u64 => return Ok(Found::Empty),
        Header::First(_) | Header::Foreign => return Err(OpenError::Foreign(path.to_owned())),
    }
    if let Some(sealed) = sealed(&file, path, first, length)? {
        return Ok(Found::Sealed(sealed));
    }
    let (writer, recovered) = Writer::recover(path.to_owned(), file, first)?;
    Ok(Found::Open(writer, recovered))
}

fn sealed(file: &Arc<dyn File>, path: &Path, first: u64, bytes: u64) -> Result<Option<Sealed>, OpenError> {
    let index = SealedIndex::read(&**file).doing("reading the index of", path)?;
    let segment = |index| Sealed { path: path.to_owned(), file: Arc::clone(file), first, bytes, index };
    Ok(index.map(segment))
}

/// What came before the last segment gets its index, if that is missing.
fn seal(io: &dyn Io, found: Found, recovery: &mut Recovery) -> Result<Option<Sealed>, OpenError> {
    match found {
        Found::Sealed(segment) => Ok(Some(segment)),
        Found::Empty => Ok(None),
        // The one before could not be left for it, and went on.
        Found::Open(writer, recovered) if writer.index.len() == 0 && recovered.torn_bytes == 0 => {
            io.remove(&writer.path).doing("removing", &writer.path)?;
            Ok(None)
        }
        Found::Open(mut writer, recovered) => {
            recovery.count(&recovered);
            recovery.sealed_segments += 1;
            Ok(Some(writer.seal(io)?))
        }
    }
}
