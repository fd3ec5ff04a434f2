//! The open segment: records are appended, and found by an index in memory.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{DiskError, Doing, File, Io};
use vocabulary::error::EventBody;

use crate::index::{Entry, OpenIndex, SealedIndex};
use crate::pack::Packer;
use crate::reader::{Records, Scan};
use crate::record::{self, Record, u64_at};
use crate::sealed::Sealed;

const MAGIC: [u8; 4] = *b"BWEV";
const VERSION: u8 = 1;
const BEGINNING: [u8; 5] = *b"BWEV\x01";
/// Magic, version, the number of the first event.
pub const HEADER_BYTES: usize = 16;

pub struct Writer {
    pub path: PathBuf,
    pub file: Arc<dyn File>,
    /// No event in it has a lower number; the file's name.
    pub first: u64,
    /// The number that the next event gets.
    pub next: u64,
    pub length: u64,
    pub index: OpenIndex,
    pub repeats: u64,
    packer: Packer,
    /// Behind `length` may be what was not written to its end.
    torn: bool,
}

pub enum Header {
    First(u64),
    /// The file ends within it.
    Cut,
    Version(u8),
    Foreign,
}

pub fn read_header(bytes: &[u8]) -> Header {
    // The length of a file may get to the disk without its bytes.
    let written = bytes.len() - bytes.iter().rev().take_while(|byte| **byte == 0).count();
    if written < BEGINNING.len() && BEGINNING.starts_with(&bytes[..written]) {
        return Header::Cut;
    }
    if !bytes.starts_with(&MAGIC) {
        return Header::Foreign;
    }
    match bytes.get(MAGIC.len()) {
        Some(&VERSION) if bytes.len() < HEADER_BYTES => Header::Cut,
        Some(&VERSION) => Header::First(u64_at(bytes, 8)),
        other => Header::Version(other.copied().unwrap_or(0)),
    }
}

fn header(first: u64) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&[VERSION, 0, 0, 0]);
    bytes.extend_from_slice(&first.to_le_bytes());
    bytes
}

impl Writer {
    /// A new segment. It is there after a power cut; what is in it is for [`File::sync`].
    pub fn create(io: &dyn Io, path: &Path, first: u64) -> Result<Writer, DiskError> {
        let create = || -> io::Result<Arc<dyn File>> {
            let file = io.create(path)?;
            file.append(&header(first))?;
            file.sync()?;
            io.sync_dir(path.parent().unwrap_or(Path::new(".")))?;
            Ok(file)
        };
        let file = create().doing("creating", path)?;
        Ok(Writer::over(path.to_owned(), file, first))
    }

    fn over(path: PathBuf, file: Arc<dyn File>, first: u64) -> Writer {
        let (index, packer, length) = (OpenIndex::default(), Packer::new(), HEADER_BYTES as u64);
        Writer { path, file, first, next: first, length, index, repeats: 0, packer, torn: false }
    }

    /// What was written before a stop. Its torn end is cut before anything is appended.
    pub fn recover(path: PathBuf, file: Arc<dyn File>, first: u64) -> Result<(Writer, Recovered), DiskError> {
        let bytes = file.length().doing("opening", &path)?;
        let records = Records { file: Arc::clone(&file), path: path.clone(), end: bytes };
        let mut writer = Writer::over(path, file, first);
        let mut scan = Scan::new(records, HEADER_BYTES as u64);
        let mut damaged = 0;
        while let Some((offset, loaded)) = scan.step()? {
            let Record { number, key, user, .. } = loaded.record;
            writer.index.insert(Entry { key, number, user, offset });
            writer.next = writer.next.max(number.saturating_add(1));
            // Those at the very end belong to what is torn.
            damaged = scan.damaged;
        }
        writer.length = scan.sound_end;
        writer.torn = bytes > scan.sound_end;
        Ok((writer, Recovered { torn_bytes: bytes - scan.sound_end, damaged_events: damaged }))
    }

    pub fn records(&self) -> Records {
        Records { file: Arc::clone(&self.file), path: self.path.clone(), end: self.length }
    }

    /// Of the numbers of the events the lowest is not below `next`, and they rise. All are written, or none.
    pub fn append(&mut self, io: &dyn Io, events: &[(u64, EventBody<'_>)]) -> Result<(), DiskError> {
        self.mend(io)?;
        let appended = self.try_append(events);
        if appended.is_err() {
            self.torn = true;
            self.packer.forget_from(self.length);
            // If that fails too, the next one tries again.
            drop(self.mend(io));
        }
        appended.doing("appending to", &self.path)
    }

    fn try_append(&mut self, events: &[(u64, EventBody<'_>)]) -> io::Result<()> {
        let mut out = Vec::new();
        let mut entries = Vec::with_capacity(events.len());
        let mut repeats = 0;
        for (number, event) in events {
            let offset = (self.length + out.len() as u64) as u32;
            let packed = self.packer.pack((event.key.project, event.key.group), event.body, offset)?;
            let record = Record {
                number: *number,
                key: event.key,
                user: event.user,
                dictionary: packed.dictionary,
                body_bytes: event.body.len() as u32,
            };
            record::write(&record, packed.bytes, &mut out);
            entries.push(Entry { key: event.key, number: *number, user: event.user, offset });
            repeats += u64::from(packed.dictionary.is_some());
        }
        self.file.append(&out)?;
        self.length += out.len() as u64;
        self.repeats += repeats;
        self.next = events.last().map_or(self.next, |(number, _)| number + 1);
        entries.into_iter().for_each(|entry| self.index.insert(entry));
        Ok(())
    }

    /// Cuts off what was not written to its end.
    pub fn mend(&mut self, io: &dyn Io) -> Result<(), DiskError> {
        if self.torn {
            io.truncate(&self.path, self.length).doing("cutting off the torn end of", &self.path)?;
            self.torn = false;
        }
        Ok(())
    }

    /// The index at its end, synced. Whoever appends to it afterwards cuts the index off again.
    pub fn seal(&mut self, io: &dyn Io) -> Result<Sealed, DiskError> {
        self.mend(io)?;
        self.torn = true;
        let bytes = self.index.to_bytes(self.length, self.next);
        let write = || -> io::Result<Option<SealedIndex>> {
            self.file.append(&bytes)?;
            self.file.sync()?;
            SealedIndex::read(&*self.file)
        };
        let index =
            write().and_then(|index| index.ok_or_else(|| crate::error::damaged("it does not read back")));
        let index = index.doing("writing the index of", &self.path)?;
        let bytes = self.length + bytes.len() as u64;
        Ok(Sealed { path: self.path.clone(), file: Arc::clone(&self.file), first: self.first, bytes, index })
    }
}

pub struct Recovered {
    pub torn_bytes: u64,
    pub damaged_events: u64,
}
