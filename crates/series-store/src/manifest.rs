//! The manifest: which files are part of the store, and up to where what was done.
//!
//! `docs/formats/manifest.md` draws it. An edit is atomic: one frame appended and synced. `CURRENT` names
//! the live file; a new one is written beside and takes over by a rename.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{DiskError, Doing, File, Io, read_whole, replace_whole};
use parking_lot::Mutex;
use vocabulary::retention::Archive;
use vocabulary::{Step, Timestamp};

use crate::bytes::{Malformed, Reader, frame_at, frames, put_frame, put_signed, put_varint};
use crate::limits::{MANIFEST_BYTES_MAX, MANIFEST_BYTES_READ};
use crate::marks::Marks;
use crate::policy::{Slot, Tier};
use crate::series_log::kind_of;
use crate::wal::Lsn;

pub const MAGIC: &[u8; 8] = b"BWMAN\r\n\x1a";
/// 2: changes of kind 8. Those of 1 are read as well.
pub const MAJOR: u16 = 2;
pub const MINOR: u16 = 0;
const HEADER_BYTES: usize = 16;

/// Files of one tier and stripe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    pub tier: Tier,
    pub stripe: u32,
}

/// What the manifest knows about one block file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMeta {
    pub place: Place,
    /// 0 flushed, 1 merged, 2 final.
    pub level: u8,
    /// The name of the file: no two ever had the same.
    pub number: u64,
    /// Where two files hold the same slot of a series, the higher sequence wins. A merged file has the
    /// highest of those that it was made of.
    pub sequence: u64,
    pub first: Slot,
    pub slots: u32,
    pub series: u32,
    pub bytes: u64,
    /// Which codec bytes its pages use, one bit each: a version that does not know one must not open.
    pub codecs: u64,
}

impl FileMeta {
    pub fn end(&self) -> Slot {
        self.first + i64::from(self.slots)
    }

    pub fn path(&self, blocks: &Path) -> PathBuf {
        let FileMeta { place, level, number, first, .. } = self;
        let span = place.tier.start(*first).0;
        blocks.join(place.tier.directory()).join(format!("{level}-{span}-{}-{number}.blk", place.stripe))
    }
}

/// Up to where the head of a tier and stripe is on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Slots before this are closed: points for them come late.
    pub base: Slot,
    /// Every log record before this whose slot is before `base`, or whose archive is not the finest, is
    /// in block files.
    pub lsn: Lsn,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    Add(FileMeta),
    Remove(u64),
    Flushed(Place, Flushed),
    /// Coarser slots that end at or before this moment are computed and stored.
    Rolled(Place, Timestamp),
    SeriesLog(u64),
    /// Numbers and sequences below this are taken.
    Next(u64),
    /// The last stop was clean: nothing in the log is needed.
    Clean(bool),
    /// What was taken of the senders' batches of sketches, in place of what was there before.
    Marks(Marks),
}

/// The sum of all edits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    pub files: BTreeMap<u64, FileMeta>,
    pub flushed: BTreeMap<Place, Flushed>,
    pub rolled: BTreeMap<Place, Timestamp>,
    pub series_log: u64,
    pub next: u64,
    pub clean: bool,
    pub marks: Marks,
}

impl State {
    fn apply(&mut self, edit: &Edit) {
        match edit {
            Edit::Add(meta) => {
                self.next = self.next.max(meta.number + 1).max(meta.sequence + 1);
                self.files.insert(meta.number, *meta);
            }
            Edit::Remove(number) => drop(self.files.remove(number)),
            Edit::Flushed(place, flushed) => drop(self.flushed.insert(*place, *flushed)),
            Edit::Rolled(place, time) => drop(self.rolled.insert(*place, *time)),
            Edit::SeriesLog(sequence) => self.series_log = *sequence,
            Edit::Next(next) => self.next = self.next.max(*next),
            Edit::Clean(clean) => self.clean = *clean,
            Edit::Marks(marks) => self.marks = marks.clone(),
        }
    }

    fn edits(&self) -> Vec<Edit> {
        let files = self.files.values().map(|meta| Edit::Add(*meta));
        let flushed = self.flushed.iter().map(|(place, flushed)| Edit::Flushed(*place, *flushed));
        let rolled = self.rolled.iter().map(|(place, time)| Edit::Rolled(*place, *time));
        let rest = [Edit::SeriesLog(self.series_log), Edit::Next(self.next), Edit::Clean(self.clean)];
        let marks = (!self.marks.is_empty()).then(|| Edit::Marks(self.marks.clone()));
        files.chain(flushed).chain(rolled).chain(rest).chain(marks).collect()
    }
}

const ADD: u8 = 1;
const REMOVE: u8 = 2;
const FLUSHED: u8 = 3;
const ROLLED: u8 = 4;
const SERIES_LOG: u8 = 5;
const NEXT: u8 = 6;
const CLEAN: u8 = 7;
const MARKS: u8 = 8;

fn put_place(out: &mut Vec<u8>, place: &Place) {
    out.push(place.tier.kind as u8);
    put_varint(out, place.tier.step.seconds() as u64);
    put_varint(out, place.tier.retention_seconds as u64);
    put_varint(out, u64::from(place.stripe));
}

fn read_place(reader: &mut Reader<'_>) -> Result<Place, Malformed> {
    let kind = kind_of(reader.u8()?)?;
    let step = Step::new(reader.small()?).ok_or(Malformed)?;
    let retention_seconds = reader.small()?;
    Ok(Place { tier: Tier::new(kind, Archive { step, retention_seconds }), stripe: reader.small()? })
}

fn put_edit(out: &mut Vec<u8>, edit: &Edit) {
    match edit {
        Edit::Add(meta) => {
            out.push(ADD);
            put_place(out, &meta.place);
            out.push(meta.level);
            put_varint(out, meta.number);
            put_varint(out, meta.sequence);
            put_signed(out, meta.first);
            put_varint(out, u64::from(meta.slots));
            put_varint(out, u64::from(meta.series));
            put_varint(out, meta.bytes);
            put_varint(out, meta.codecs);
        }
        Edit::Remove(number) => {
            out.push(REMOVE);
            put_varint(out, *number);
        }
        Edit::Flushed(place, flushed) => {
            out.push(FLUSHED);
            put_place(out, place);
            put_signed(out, flushed.base);
            put_varint(out, flushed.lsn.0);
        }
        Edit::Rolled(place, time) => {
            out.push(ROLLED);
            put_place(out, place);
            put_signed(out, time.0);
        }
        Edit::SeriesLog(sequence) => {
            out.push(SERIES_LOG);
            put_varint(out, *sequence);
        }
        Edit::Next(next) => {
            out.push(NEXT);
            put_varint(out, *next);
        }
        Edit::Clean(clean) => out.extend_from_slice(&[CLEAN, u8::from(*clean)]),
        Edit::Marks(marks) => {
            out.push(MARKS);
            marks.put(out);
        }
    }
}

fn read_edit(reader: &mut Reader<'_>) -> Result<Edit, Malformed> {
    Ok(match reader.u8()? {
        ADD => Edit::Add(FileMeta {
            place: read_place(reader)?,
            level: reader.u8()?,
            number: reader.varint()?,
            sequence: reader.varint()?,
            first: reader.signed()?,
            slots: reader.small()?,
            series: reader.small()?,
            bytes: reader.varint()?,
            codecs: reader.varint()?,
        }),
        REMOVE => Edit::Remove(reader.varint()?),
        FLUSHED => {
            let place = read_place(reader)?;
            Edit::Flushed(place, Flushed { base: reader.signed()?, lsn: Lsn(reader.varint()?) })
        }
        ROLLED => Edit::Rolled(read_place(reader)?, Timestamp(reader.signed()?)),
        SERIES_LOG => Edit::SeriesLog(reader.varint()?),
        NEXT => Edit::Next(reader.varint()?),
        CLEAN => Edit::Clean(reader.u8()? != 0),
        MARKS => Edit::Marks(Marks::read(reader)?),
        _ => return Err(Malformed),
    })
}

fn header() -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8..10].copy_from_slice(&MAJOR.to_le_bytes());
    header[10..12].copy_from_slice(&MINOR.to_le_bytes());
    header
}

/// The state that a manifest's bytes add up to, and how many bytes at the end were torn. Sound frames
/// after an unsound one are no torn end: then the whole is not to be trusted.
pub fn read(bytes: &[u8]) -> Result<(State, usize), Malformed> {
    let start = bytes.get(..HEADER_BYTES).ok_or(Malformed)?;
    if major_of(start).is_none_or(|major| !is_known(major)) {
        return Err(Malformed);
    }
    let mut state = State::default();
    let mut length = 0;
    for (payload, end) in frames(&bytes[HEADER_BYTES..]) {
        let mut reader = Reader::new(payload);
        let mut edits = Vec::new();
        while !reader.is_empty() {
            edits.push(read_edit(&mut reader)?);
        }
        edits.iter().for_each(|edit| state.apply(edit));
        length = end;
    }
    let rest = &bytes[HEADER_BYTES + length..];
    if length == 0 || (1..rest.len()).any(|at| frame_at(rest, at).is_some()) {
        return Err(Malformed);
    }
    Ok((state, rest.len()))
}

fn is_known(major: u16) -> bool {
    (1..=MAJOR).contains(&major)
}

/// The major version that a manifest's header tells, if it is a manifest.
pub fn major_of(bytes: &[u8]) -> Option<u16> {
    let start = bytes.get(..HEADER_BYTES).filter(|start| start[..8] == *MAGIC)?;
    Some(u16::from_le_bytes([start[8], start[9]]))
}

pub fn manifest_path(directory: &Path, number: u64) -> PathBuf {
    directory.join(format!("MANIFEST-{number:06}"))
}

/// The name in `CURRENT`, if there is one.
pub fn current(io: &dyn Io, directory: &Path) -> std::io::Result<Option<u64>> {
    match read_whole(io, &directory.join("CURRENT"), 64) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let number = text.trim().strip_prefix("MANIFEST-").and_then(|number| number.parse().ok());
            number.map(Some).ok_or_else(|| {
                std::io::Error::new(std::io::ErrorKind::InvalidData, "CURRENT names no manifest")
            })
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The live manifest.
pub struct Manifest {
    io: Arc<dyn Io>,
    directory: PathBuf,
    inner: Mutex<Inner>,
}

struct Inner {
    state: State,
    number: u64,
    /// `None`: the next edit starts a new file, because there is none yet or its end is unknown.
    file: Option<Arc<dyn File>>,
    bytes: u64,
    /// Files of edits that failed. Such an edit may be on disk all the same, so they stay until a new
    /// manifest is known to be the current one.
    orphans: Vec<PathBuf>,
}

impl Manifest {
    /// Continue from `state`. The first edit writes a new file, so an old one is never appended to after a crash.
    pub fn new(io: Arc<dyn Io>, directory: PathBuf, state: State, number: u64) -> Manifest {
        let inner = Inner { state, number, file: None, bytes: 0, orphans: Vec::new() };
        Manifest { io, directory, inner: Mutex::new(inner) }
    }

    pub fn state<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.inner.lock().state)
    }

    pub fn flushed(&self, place: Place) -> Option<Flushed> {
        self.state(|state| state.flushed.get(&place).copied())
    }

    pub fn rolled(&self, place: Place) -> Option<Timestamp> {
        self.state(|state| state.rolled.get(&place).copied())
    }

    /// A number that no file and no sequence had. It need not be stored: [`Edit::Add`] moves the bound.
    pub fn take_number(&self) -> u64 {
        let mut inner = self.inner.lock();
        inner.state.next += 1;
        inner.state.next - 1
    }

    /// All edits happen, durably, or none in this run. After an error they may still be found after a
    /// crash: the caller must leave all files as they are.
    pub fn commit(&self, edits: &[Edit]) -> Result<(), DiskError> {
        if edits.is_empty() {
            // An empty frame is none when it is read: it would end the file before what follows.
            return Ok(());
        }
        let mut inner = self.inner.lock();
        let committed = self.try_commit(&mut inner, edits);
        if committed.is_err() {
            let blocks = self.directory.join("blocks");
            let added = edits.iter().filter_map(|edit| match edit {
                Edit::Add(meta) => Some(meta.path(&blocks)),
                _ => None,
            });
            inner.orphans.extend(added);
        }
        committed
    }

    fn try_commit(&self, inner: &mut Inner, edits: &[Edit]) -> Result<(), DiskError> {
        let Some(file) = inner.file.clone().filter(|_| inner.bytes < MANIFEST_BYTES_MAX) else {
            return self.start_file(inner, edits);
        };
        let mut frame = Vec::new();
        put_frame(&mut frame, |out| edits.iter().for_each(|edit| put_edit(out, edit)));
        let path = manifest_path(&self.directory, inner.number);
        // Until both succeeded nobody knows how the file ends: the next edit writes another.
        inner.file = None;
        file.append(&frame).doing("write", &path)?;
        file.sync().doing("sync", &path)?;
        inner.file = Some(file);
        inner.bytes += frame.len() as u64;
        edits.iter().for_each(|edit| inner.state.apply(edit));
        Ok(())
    }

    fn start_file(&self, inner: &mut Inner, edits: &[Edit]) -> Result<(), DiskError> {
        let mut state = inner.state.clone();
        edits.iter().for_each(|edit| state.apply(edit));
        let number = inner.number + 1;
        let path = manifest_path(&self.directory, number);
        let mut bytes = header().to_vec();
        put_frame(&mut bytes, |out| state.edits().iter().for_each(|edit| put_edit(out, edit)));
        let file = self.io.create(&path).doing("create", &path)?;
        file.append(&bytes).doing("write", &path)?;
        file.sync().doing("sync", &path)?;
        let name = format!("MANIFEST-{number:06}\n");
        let current = self.directory.join("CURRENT");
        // If only the last step of this fails, the new file may be the current one after a crash. It
        // must not be mistaken for an older state then, nor written twice: its number is taken.
        inner.number = number;
        replace_whole(&*self.io, &current, name.as_bytes()).doing("replace", &current)?;
        inner.state = state;
        inner.file = Some(file);
        inner.bytes = bytes.len() as u64;
        self.remove_older(number);
        for orphan in inner.orphans.drain(..) {
            drop(self.io.remove(&orphan));
        }
        Ok(())
    }

    /// Old manifests are of no use, and harmless: an error to remove one is one to ignore.
    fn remove_older(&self, live: u64) {
        let entries = self.io.list(&self.directory).unwrap_or_default();
        for entry in entries {
            let number = manifest_number(&entry.name);
            if number.is_some_and(|number| number != live) {
                drop(self.io.remove(&self.directory.join(&entry.name)));
            }
        }
    }

    /// The current state as the bytes of a manifest file of its own.
    pub fn image(&self) -> (State, Vec<u8>) {
        let state = self.inner.lock().state.clone();
        let mut bytes = header().to_vec();
        put_frame(&mut bytes, |out| state.edits().iter().for_each(|edit| put_edit(out, edit)));
        (state, bytes)
    }
}

/// What a directory has for a manifest.
#[derive(Debug)]
pub enum Found {
    /// None yet: a new store.
    Nothing,
    Sound {
        state: State,
        number: u64,
        torn: usize,
    },
    Foreign {
        major: u16,
    },
    /// There was one, and it cannot be read.
    Lost {
        why: String,
        highest: u64,
    },
}

/// Read the current manifest of a directory; an error is one of the operating system that may pass.
pub fn find(io: &dyn Io, directory: &Path) -> std::io::Result<Found> {
    let numbers = io.list(directory)?.into_iter().filter_map(|entry| manifest_number(&entry.name));
    let highest = numbers.max().unwrap_or(0);
    let lost = |why: &str| Ok(Found::Lost { why: why.to_owned(), highest });
    let number = match current(io, directory) {
        Ok(Some(number)) => number,
        Ok(None) if highest == 0 => return Ok(Found::Nothing),
        Ok(None) => return lost("CURRENT is missing"),
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            return lost("CURRENT names no manifest");
        }
        Err(error) => return Err(error),
    };
    let bytes = match read_whole(io, &manifest_path(directory, number), MANIFEST_BYTES_READ) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return lost("the manifest is missing"),
        Err(error) => return Err(error),
    };
    if let Some(major) = major_of(&bytes).filter(|major| !is_known(*major)) {
        return Ok(Found::Foreign { major });
    }
    match read(&bytes) {
        Ok((state, torn)) => Ok(Found::Sound { state, number, torn }),
        Err(Malformed) => lost("the manifest fails its check"),
    }
}

fn manifest_number(name: &str) -> Option<u64> {
    name.strip_prefix("MANIFEST-")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::marks::Mark;
    use vocabulary::ValueKind;

    fn place(text: &str, stripe: u32) -> Place {
        Place { tier: Tier::new(ValueKind::Number, text.parse().unwrap()), stripe }
    }

    fn edits() -> Vec<Edit> {
        let meta = FileMeta {
            place: place("1s:6h", 3),
            level: 1,
            number: 12,
            sequence: 9,
            first: 1_700_000_040,
            slots: 960,
            series: 65_536,
            bytes: 1 << 33,
            codecs: 0b1011,
        };
        let mut marks = Marks::default();
        let (number, settled, at) = (7, 3, Timestamp(1_700_000_000));
        marks.note(&Mark { sender: "agent:1:web1".into(), number, settled, at, through: None });
        vec![
            Edit::Add(meta),
            Edit::Add(FileMeta { number: 13, ..meta }),
            Edit::Remove(13),
            Edit::Flushed(place("1s:6h", 3), Flushed { base: 1_700_001_000, lsn: Lsn::new(7, 99) }),
            Edit::Rolled(place("10s:7d", 0), Timestamp(-5)),
            Edit::SeriesLog(2),
            Edit::Next(40),
            Edit::Clean(true),
            Edit::Marks(marks),
        ]
    }

    #[test]
    fn edits_add_up_and_a_torn_end_is_cut() {
        let mut bytes = header().to_vec();
        let mut states = vec![(bytes.len(), State::default())];
        for edit in edits() {
            put_frame(&mut bytes, |out| put_edit(out, &edit));
            let mut state = states[states.len() - 1].1.clone();
            state.apply(&edit);
            states.push((bytes.len(), state));
        }
        for cut in states[1].0..=bytes.len() {
            let (end, wanted) = states.iter().rev().find(|(end, _)| *end <= cut).unwrap();
            assert_eq!(read(&bytes[..cut]), Ok((wanted.clone(), cut - end)));
        }
        assert_eq!(read(&bytes[..states[1].0 - 1]), Err(Malformed));
        let mut flipped = bytes.clone();
        flipped[states[1].0 + 9] ^= 1;
        assert_eq!(read(&flipped), Err(Malformed));
        let last = &states[states.len() - 1].1;
        assert_eq!((last.files.len(), last.next, last.clean), (1, 40, true));
        let mut image = header().to_vec();
        put_frame(&mut image, |out| last.edits().iter().for_each(|edit| put_edit(out, edit)));
        assert_eq!(read(&image), Ok((last.clone(), 0)));
    }

    #[test]
    fn the_first_version_reads_and_a_later_one_does_not() {
        let mut bytes = header().to_vec();
        put_frame(&mut bytes, |out| put_edit(out, &Edit::Next(5)));
        for (major, reads) in [(0u16, false), (1, true), (2, true), (3, false)] {
            bytes[8..10].copy_from_slice(&major.to_le_bytes());
            assert_eq!(read(&bytes).is_ok(), reads, "{major}");
        }
    }

    #[test]
    fn files_have_names_that_sort_by_time() {
        let Edit::Add(meta) = edits()[0].clone() else { panic!("the first edit adds") };
        assert_eq!(meta.path(Path::new("blocks")), Path::new("blocks/t1-21600/1-1700000040-3-12.blk"));
    }

    /// The edit of `docs/formats/manifest.md`, written by hand.
    #[test]
    fn the_drawn_edit_reads() {
        let bytes = [4, 0, 10, 0x80, 0xf5, 0x24, 2, 0xd0, 0x0f, 6, 5];
        let mut reader = Reader::new(&bytes);
        assert_eq!(read_edit(&mut reader), Ok(Edit::Rolled(place("10s:7d", 2), Timestamp(1000))));
        assert_eq!(read_edit(&mut reader), Ok(Edit::Next(5)));
    }
}
