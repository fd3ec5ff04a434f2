//! The write-ahead log: what was taken in and is not in block files yet, in the order it came.
//!
//! Appending is a copy into a buffer. [`Wal::write_out`] hands the buffer to the kernel (then kill -9
//! cannot lose it), [`Wal::sync`] makes it survive a power cut. `docs/formats/wal.md` draws the files.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use disk::{DiskError, Doing, File, Io};
use parking_lot::Mutex;

use crate::bytes::{FRAME_HEADER, Reader, short_frame_at};
use crate::limits::*;

pub const MAGIC: &[u8; 8] = b"BWWAL\r\n\x1a";
/// 2: records of kind 2. Segments of 1 are read as well.
pub const MAJOR: u16 = 2;
pub const MINOR: u16 = 0;
pub const HEADER_BYTES: usize = 32;

/// A position in the log: segment and offset, growing for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lsn(pub u64);

impl Lsn {
    pub fn new(segment: u32, offset: u64) -> Lsn {
        // Offsets stay below 4 GiB: a segment is rotated at 64 MiB plus one record.
        Lsn(u64::from(segment) << 32 | offset.min(u64::from(u32::MAX)))
    }

    pub fn segment(self) -> u32 {
        (self.0 >> 32) as u32
    }
}

pub struct Wal {
    io: Arc<dyn Io>,
    directory: PathBuf,
    filling: Mutex<Filling>,
    out: Mutex<Out>,
    /// Held over a whole sync, by those who wait for the disk alone: whoever comes meanwhile has to wait for what the
    /// first one took upon itself. Taken before `out`.
    syncing: Mutex<()>,
    /// What health shows.
    pub bytes_written: AtomicU64,
    pub syncs: AtomicU64,
    pub last_sync_micros: AtomicU64,
    pub worst_sync_micros: AtomicU64,
}

/// The buffer that records are copied into.
struct Filling {
    segment: u32,
    /// Length that the segment has with everything in the buffer.
    offset: u64,
    buffer: Vec<u8>,
    /// The clock at the oldest byte of the buffer.
    since: Duration,
    /// The store is read-only: take nothing.
    closed: bool,
}

/// The files.
struct Out {
    segment: u32,
    file: Option<Arc<dyn File>>,
    spare: Vec<u8>,
    /// Written, perhaps not durable.
    unsynced: Vec<Arc<dyn File>>,
    directory_changed: bool,
    /// What went wrong first since the log was begun: bytes of it may be lost, so that nobody may be told that they
    /// are safe.
    failed: Option<DiskError>,
    /// Segments that exist, oldest first, with their lengths.
    segments: Vec<(u32, u64)>,
}

impl Out {
    fn refuse_failed(&self) -> Result<(), DiskError> {
        self.failed.as_ref().map_or(Ok(()), |error| Err(error.again()))
    }

    fn note_failure(&mut self, result: &Result<(), DiskError>) {
        if let Err(error) = result {
            self.failed.get_or_insert_with(|| error.again());
        }
    }
}

/// What became of a record.
#[derive(Clone, Copy, Debug)]
pub struct Appended {
    /// The buffer is full or old: the caller should write it out when it holds no locks.
    pub write_out: bool,
}

impl Wal {
    /// Continues after the segments that are there; nothing is ever appended to an old one.
    pub fn new(io: Arc<dyn Io>, directory: PathBuf, segments: Vec<(u32, u64)>, first: u32) -> Wal {
        let filling = Filling {
            segment: first,
            offset: HEADER_BYTES as u64,
            buffer: Vec::new(),
            since: Duration::ZERO,
            closed: false,
        };
        let out = Out {
            segment: first,
            file: None,
            spare: Vec::new(),
            unsynced: Vec::new(),
            directory_changed: false,
            failed: None,
            segments,
        };
        Wal {
            io,
            directory,
            filling: Mutex::new(filling),
            out: Mutex::new(out),
            syncing: Mutex::new(()),
            bytes_written: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            last_sync_micros: AtomicU64::new(0),
            worst_sync_micros: AtomicU64::new(0),
        }
    }

    /// Copy a framed record into the buffer. `None`: the log is closed, the record is not kept.
    pub fn append(&self, record: &[u8], clock: Duration) -> Option<Appended> {
        let mut filling = self.filling.lock();
        if filling.closed {
            return None;
        }
        if filling.buffer.is_empty() {
            filling.since = clock;
        }
        filling.buffer.extend_from_slice(record);
        filling.offset += record.len() as u64;
        let old = clock.abs_diff(filling.since) >= WAL_BUFFER_AGE;
        Some(Appended { write_out: old || filling.buffer.len() >= WAL_BUFFER_BYTES })
    }

    /// Where the next record will be.
    pub fn position(&self) -> Lsn {
        let filling = self.filling.lock();
        Lsn::new(filling.segment, filling.offset)
    }

    /// The next record begins a new segment, if the current one holds more than `least` bytes.
    pub fn rotate(
        &self,
        least: u64,
        before: impl FnOnce() -> Result<(), DiskError>,
    ) -> Result<(), DiskError> {
        self.pass_on(Some(least), before)
    }

    /// Hand the buffer to the kernel. `before` runs first, and only if there is something to write: the
    /// series log goes there, so that no point in the log names a series that is not.
    pub fn write_out(&self, before: impl FnOnce() -> Result<(), DiskError>) -> Result<(), DiskError> {
        self.pass_on(None, before)
    }

    fn pass_on(
        &self,
        rotate_above: Option<u64>,
        before: impl FnOnce() -> Result<(), DiskError>,
    ) -> Result<(), DiskError> {
        let mut out = self.out.lock();
        let mut buffer = std::mem::take(&mut out.spare);
        buffer.clear();
        let segment = {
            let mut filling = self.filling.lock();
            std::mem::swap(&mut filling.buffer, &mut buffer);
            let segment = filling.segment;
            let limit = rotate_above.map_or(WAL_SEGMENT_BYTES, |least| least.max(HEADER_BYTES as u64 + 1));
            if filling.offset >= limit {
                filling.segment += 1;
                filling.offset = HEADER_BYTES as u64;
            }
            segment
        };
        let written = if buffer.is_empty() {
            Ok(())
        } else {
            // Behind a torn record nothing is read any more.
            let sound = out.refuse_failed();
            sound.and_then(|()| before()).and_then(|()| self.write(&mut out, segment, &buffer))
        };
        out.note_failure(&written);
        if buffer.capacity() <= 4 * WAL_BUFFER_BYTES {
            out.spare = buffer;
        }
        written
    }

    fn write(&self, out: &mut Out, segment: u32, buffer: &[u8]) -> Result<(), DiskError> {
        if out.segment != segment || out.file.is_none() {
            self.start_segment(out, segment)?;
        }
        let path = segment_path(&self.directory, segment);
        let file = out.file.as_ref().expect("start_segment opened it");
        file.append(buffer).doing("write", &path)?;
        if let Some((_, length)) = out.segments.last_mut() {
            *length += buffer.len() as u64;
        }
        self.bytes_written.fetch_add(buffer.len() as u64, Ordering::Relaxed);
        if !out.unsynced.iter().any(|unsynced| Arc::ptr_eq(unsynced, file)) {
            let file = Arc::clone(file);
            out.unsynced.push(file);
        }
        Ok(())
    }

    /// The one before is durable first: replay takes a torn end only of the last, and what a later segment tells rests
    /// on the earlier ones. Whoever has a full buffer waits for this sync as long as the sync thread's own take, once
    /// in so many MiB: what was not handed to the kernel meanwhile a kill would take away.
    fn start_segment(&self, out: &mut Out, segment: u32) -> Result<(), DiskError> {
        if let Some(file) = out.file.take() {
            file.sync().doing("sync a segment in", &self.directory)?;
            self.io.sync_dir(&self.directory).doing("sync", &self.directory)?;
            out.unsynced.clear();
            out.directory_changed = false;
        }
        let path = segment_path(&self.directory, segment);
        let file = self.io.create(&path).doing("create", &path)?;
        let previous = out.segments.last().map_or(0, |(segment, _)| *segment);
        out.directory_changed = true;
        out.segment = segment;
        out.segments.push((segment, HEADER_BYTES as u64));
        file.append(&segment_header(segment, previous)).doing("write", &path)?;
        out.file = Some(file);
        Ok(())
    }

    /// Everything written out before the call survives a power cut when this returns, also what another thread was
    /// just about to sync. `before` makes the series log durable. After an error the files concerned are never
    /// trusted again, and every sync fails until [`Wal::reopen`]: the caller abandons the segment and flushes what it
    /// held.
    pub fn sync(&self, before: impl FnOnce() -> Result<(), DiskError>) -> Result<(), DiskError> {
        let _syncing = self.syncing.lock();
        let synced = self.sync_unsynced(before);
        if synced.is_err() {
            self.out.lock().note_failure(&synced);
        }
        synced
    }

    fn sync_unsynced(&self, before: impl FnOnce() -> Result<(), DiskError>) -> Result<(), DiskError> {
        let (files, directory_changed) = {
            let mut out = self.out.lock();
            out.refuse_failed()?;
            (std::mem::take(&mut out.unsynced), std::mem::take(&mut out.directory_changed))
        };
        let started = std::time::Instant::now();
        // Also when the log itself has nothing new: the caller waits for both.
        before()?;
        if files.is_empty() && !directory_changed {
            return Ok(());
        }
        for file in files {
            file.sync().doing("sync a segment in", &self.directory)?;
        }
        if directory_changed {
            self.io.sync_dir(&self.directory).doing("sync", &self.directory)?;
        }
        let micros = started.elapsed().as_micros() as u64;
        self.syncs.fetch_add(1, Ordering::Relaxed);
        self.last_sync_micros.store(micros, Ordering::Relaxed);
        self.worst_sync_micros.fetch_max(micros, Ordering::Relaxed);
        Ok(())
    }

    /// Take nothing more; what is in the buffer is dropped (it is in the columns). The segment that
    /// failed is cut back to its last whole write as well as the disk lets us.
    pub fn close(&self) {
        let mut out = self.out.lock();
        let mut filling = self.filling.lock();
        filling.closed = true;
        filling.buffer = Vec::new();
        if out.file.take().is_some() {
            let known = out.segments.last().copied();
            if let Some((segment, length)) = known {
                let path = segment_path(&self.directory, segment);
                // A torn end is recognised by its checksum too: this only saves recovery a remark.
                drop(self.io.truncate(&path, length));
            }
        }
        filling.segment = filling.segment.max(out.segment) + 1;
        filling.offset = HEADER_BYTES as u64;
        out.unsynced.clear();
        let cause = std::io::Error::other("the log is closed, the store is read-only");
        out.note_failure(&Err(cause).doing("write", &self.directory));
    }

    pub fn is_closed(&self) -> bool {
        self.filling.lock().closed
    }

    pub fn reopen(&self) {
        let mut out = self.out.lock();
        out.failed = None;
        self.filling.lock().closed = false;
    }

    /// Remove the segments before `segment`: everything in them is in block files. Answers how many went.
    pub fn drop_before(&self, segment: u32) -> Result<usize, DiskError> {
        let mut out = self.out.lock();
        let mut gone = 0;
        while let Some((oldest, _)) = out.segments.first().copied() {
            if oldest >= segment {
                break;
            }
            if oldest == out.segment {
                out.file = None;
            }
            let path = segment_path(&self.directory, oldest);
            self.io.remove(&path).doing("remove", &path)?;
            out.segments.remove(0);
            gone += 1;
        }
        Ok(gone)
    }

    /// Bytes in all segments, the oldest of them, and how many there are.
    pub fn extent(&self) -> (u64, Option<u32>, u64) {
        let out = self.out.lock();
        let bytes = out.segments.iter().map(|(_, bytes)| bytes).sum();
        (bytes, out.segments.first().map(|(segment, _)| *segment), out.segments.len() as u64)
    }
}

pub fn segment_path(directory: &Path, segment: u32) -> PathBuf {
    directory.join(format!("0-{segment:08}.wal"))
}

/// The number in `0-00000012.wal`.
pub fn segment_of(name: &str) -> Option<u32> {
    name.strip_prefix("0-")?.strip_suffix(".wal")?.parse().ok()
}

fn segment_header(segment: u32, previous: u32) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8..10].copy_from_slice(&MAJOR.to_le_bytes());
    header[10..12].copy_from_slice(&MINOR.to_le_bytes());
    header[12..16].copy_from_slice(&segment.to_le_bytes());
    header[16..20].copy_from_slice(&previous.to_le_bytes());
    let crc = crc32c::crc32c(&header[..28]);
    header[28..].copy_from_slice(&crc.to_le_bytes());
    header
}

/// What the start of a segment says about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SegmentHeader {
    Ours {
        segment: u32,
        /// The newest that was there when this one was begun; 0: none, or a version that did not note it.
        previous: u32,
    },
    /// Written by a version with another major number.
    Foreign {
        major: u16,
    },
    Damaged,
}

pub fn read_header(bytes: &[u8]) -> SegmentHeader {
    let read = || -> Result<SegmentHeader, crate::bytes::Malformed> {
        let mut reader = Reader::new(bytes);
        let magic = reader.take(8)?;
        let (major, _minor, segment) = (reader.u16()?, reader.u16()?, reader.u32()?);
        let previous = reader.u32()?;
        reader.take(8)?;
        let sound = magic == MAGIC && reader.u32()? == crc32c::crc32c(&bytes[..28]);
        Ok(match sound {
            false => SegmentHeader::Damaged,
            true if !(1..=MAJOR).contains(&major) => SegmentHeader::Foreign { major },
            true => SegmentHeader::Ours { segment, previous },
        })
    };
    read().unwrap_or(SegmentHeader::Damaged)
}

/// Is it the start of this segment, whole?
pub fn is_of(bytes: &[u8], number: u32) -> bool {
    matches!(read_header(bytes), SegmentHeader::Ours { segment, .. } if segment == number)
}

/// Records of a segment's bytes after its header, each with the offset where it starts; and what could
/// not be read.
pub struct Records<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bytes that were skipped to find the next whole record.
    pub skipped: usize,
}

impl<'a> Records<'a> {
    pub fn new(bytes: &'a [u8]) -> Records<'a> {
        Records { bytes, at: HEADER_BYTES.min(bytes.len()), skipped: 0 }
    }

    /// What lies after the last record that was given.
    pub fn rest(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Step over damage to the next offset where a whole record checks. False at the end.
    pub fn resync(&mut self) -> bool {
        for at in self.at + 1..self.bytes.len().saturating_sub(FRAME_HEADER) {
            if short_frame_at(self.bytes, at, WAL_RECORD_BYTES_MAX).is_some() {
                self.skipped += at - self.at;
                self.at = at;
                return true;
            }
        }
        self.skipped += self.rest();
        self.at = self.bytes.len();
        false
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = (u64, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (payload, end) = short_frame_at(self.bytes, self.at, WAL_RECORD_BYTES_MAX)?;
        let start = self.at as u64;
        self.at = end;
        Some((start, payload))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wal_record::{RecordReader, Value, read_parts};

    /// What version 1 wrote of one sketch, from `tests/golden/v1.0`.
    const FIRST_VERSION: &[u8] = b"BWWAL\r\n\x1a\x01\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x92\xb1\xc4\x14\
        \x0e\0\0\0\x91\x48\xed\x76\x01\0\xff\0\x9c\xea\xf9\xef\x0c\x14\x01\x9e\x2d\x10";

    #[test]
    fn a_segment_of_the_first_version_reads() {
        assert_eq!(read_header(FIRST_VERSION), SegmentHeader::Ours { segment: 5, previous: 0 });
        let mut records = Records::new(FIRST_VERSION);
        let (offset, payload) = records.next().unwrap();
        assert_eq!((offset, records.rest()), (HEADER_BYTES as u64, 0));
        let parts = read_parts(payload).unwrap();
        assert!(parts.mark.is_none());
        let mut points = RecordReader::new(parts.records[0]).unwrap();
        let (local, _, Value::Sketch(sketch)) = points.next_point().unwrap().unwrap() else {
            panic!("it is a sketch")
        };
        assert_eq!((parts.records.len(), local, sketch.count()), (1, 5, 1.0));
        assert_eq!(points.next_point(), Ok(None));
    }

    #[test]
    fn a_later_version_is_told_apart_from_damage() {
        let mut header = segment_header(7, 3);
        assert_eq!(read_header(&header), SegmentHeader::Ours { segment: 7, previous: 3 });
        header[8] = 3;
        assert_eq!(read_header(&header), SegmentHeader::Damaged);
        let crc = crc32c::crc32c(&header[..28]);
        header[28..].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(read_header(&header), SegmentHeader::Foreign { major: 3 });
    }
}
