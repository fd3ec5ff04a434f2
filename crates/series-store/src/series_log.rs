//! The series log: every name with its number and policy, in the order they came.
//!
//! `docs/formats/series-log.md` draws it. Batches of records, each with a checksum; loading stops at the
//! first bad one, which is the torn end of a crash.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{DiskError, Doing, File, Io};
use vocabulary::retention::{Aggregation, Archive, Archives, Policy};
use vocabulary::{Step, Timestamp, ValueKind};

use crate::bytes::{Malformed, Reader, frame_at, put_frame, put_varint};
use crate::policy::{PolicyEntry, PolicyId};

pub const MAGIC: &[u8; 8] = b"BWSER\r\n\x1a";
pub const MAJOR: u16 = 1;
pub const MINOR: u16 = 2;
pub const HEADER_BYTES: usize = 16;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq)]
pub enum Record<'a> {
    /// Policies are numbered in the order of their records, from 0.
    Policy(PolicyEntry),
    Series {
        id: u32,
        policy: PolicyId,
        created: Timestamp,
        name: &'a str,
    },
    Removed {
        id: u32,
    },
    Repolicy {
        id: u32,
        policy: PolicyId,
    },
    /// Archives of the series were imported; their newest point is of this time.
    Imported {
        id: u32,
        newest: u32,
    },
    /// What became since of the coarse slots that the import ended in: see `SeriesHead`.
    WentOn {
        id: u32,
        goes_on: u32,
        set_since: u16,
    },
    /// The slot of a coarse archive that begins then stays empty: see `Head::left_empty`.
    LeftEmpty {
        id: u32,
        archive: u8,
        begins: u32,
    },
    /// The store was opened: log segments before `first_segment` know only series below `next_id`, and no
    /// series below it is ever made again.
    Opened {
        first_segment: u32,
        next_id: u32,
    },
}

const POLICY: u8 = 1;
const SERIES: u8 = 2;
const REMOVED: u8 = 3;
const REPOLICY: u8 = 4;
const OPENED: u8 = 5;
const IMPORTED: u8 = 6;
const WENT_ON: u8 = 7;
const LEFT_EMPTY: u8 = 8;

/// Fills one batch. Names are stored by what they do not share with the one before.
#[derive(Debug, Default)]
pub struct BatchWriter {
    bytes: Vec<u8>,
    last_id: u32,
    last_name: Vec<u8>,
}

impl BatchWriter {
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn push(&mut self, record: &Record<'_>) {
        match record {
            Record::Policy(entry) => self.policy(entry),
            Record::Series { id, policy, created, name } => self.series(*id, *policy, *created, name),
            Record::Removed { id } => self.numbers(REMOVED, &[u64::from(*id)]),
            Record::Repolicy { id, policy } => {
                self.numbers(REPOLICY, &[u64::from(*id), u64::from(*policy)]);
            }
            Record::Imported { id, newest } => {
                self.numbers(IMPORTED, &[u64::from(*id), u64::from(*newest)]);
            }
            Record::WentOn { id, goes_on, set_since } => {
                self.numbers(WENT_ON, &[u64::from(*id), u64::from(*goes_on), u64::from(*set_since)]);
            }
            Record::LeftEmpty { id, archive, begins } => {
                self.numbers(LEFT_EMPTY, &[u64::from(*id), u64::from(*archive), u64::from(*begins)]);
            }
            Record::Opened { first_segment, next_id } => {
                self.numbers(OPENED, &[u64::from(*first_segment), u64::from(*next_id)]);
            }
        }
    }

    fn numbers(&mut self, tag: u8, numbers: &[u64]) {
        self.bytes.push(tag);
        numbers.iter().for_each(|number| put_varint(&mut self.bytes, *number));
    }

    fn policy(&mut self, entry: &PolicyEntry) {
        let policy = &entry.policy;
        self.bytes.extend_from_slice(&[POLICY, entry.kind as u8, aggregation_code(policy.aggregation)]);
        self.bytes.extend_from_slice(&policy.x_files_factor.to_bits().to_le_bytes());
        let archives = policy.archives.as_slice();
        put_varint(&mut self.bytes, archives.len() as u64);
        for archive in archives {
            put_varint(&mut self.bytes, archive.step.seconds() as u64);
            put_varint(&mut self.bytes, archive.retention_seconds as u64);
        }
    }

    fn series(&mut self, id: u32, policy: PolicyId, created: Timestamp, name: &str) {
        let shared = name.bytes().zip(&self.last_name).take_while(|(a, b)| a == *b).count();
        self.bytes.push(SERIES);
        put_varint(&mut self.bytes, u64::from(id.wrapping_sub(self.last_id)));
        put_varint(&mut self.bytes, u64::from(policy));
        put_varint(&mut self.bytes, created.0.max(0) as u64);
        put_varint(&mut self.bytes, shared as u64);
        put_varint(&mut self.bytes, (name.len() - shared) as u64);
        self.bytes.extend_from_slice(&name.as_bytes()[shared..]);
        self.last_id = id;
        self.last_name.truncate(shared);
        self.last_name.extend_from_slice(&name.as_bytes()[shared..]);
    }

    /// The batch as a frame; the writer is empty again.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut frame = Vec::with_capacity(self.bytes.len() + 8);
        put_frame(&mut frame, |out| out.extend_from_slice(&self.bytes));
        self.bytes.clear();
        self.last_id = 0;
        self.last_name.clear();
        frame
    }
}

/// Give each record of a batch to `take`.
pub fn read_batch(
    payload: &[u8],
    take: &mut dyn FnMut(Record<'_>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut reader = Reader::new(payload);
    let mut last_id = 0u32;
    let mut name: Vec<u8> = Vec::new();
    while !reader.is_empty() {
        match reader.u8()? {
            POLICY => take(Record::Policy(read_policy(&mut reader)?))?,
            SERIES => {
                last_id = last_id.wrapping_add(reader.small()?);
                let policy = reader.small()?;
                let created = Timestamp(reader.small()?);
                let shared: usize = reader.small()?;
                let own: usize = reader.small()?;
                if shared > name.len() {
                    return Err(Malformed);
                }
                name.truncate(shared);
                name.extend_from_slice(reader.take(own)?);
                let name = std::str::from_utf8(&name).map_err(|_| Malformed)?;
                take(Record::Series { id: last_id, policy, created, name })?;
            }
            REMOVED => take(Record::Removed { id: reader.small()? })?,
            REPOLICY => take(Record::Repolicy { id: reader.small()?, policy: reader.small()? })?,
            IMPORTED => take(Record::Imported { id: reader.small()?, newest: reader.small()? })?,
            WENT_ON => take(Record::WentOn {
                id: reader.small()?,
                goes_on: reader.small()?,
                set_since: reader.small()?,
            })?,
            LEFT_EMPTY => take(Record::LeftEmpty {
                id: reader.small()?,
                archive: reader.small()?,
                begins: reader.small()?,
            })?,
            OPENED => take(Record::Opened { first_segment: reader.small()?, next_id: reader.small()? })?,
            _ => return Err(Malformed),
        }
    }
    Ok(())
}

fn read_policy(reader: &mut Reader<'_>) -> Result<PolicyEntry, Malformed> {
    let kind = kind_of(reader.u8()?)?;
    let aggregation = aggregation_of(reader.u8()?)?;
    let x_files_factor = f32::from_bits(reader.u32()?);
    let count: usize = reader.small()?;
    let mut archives = Vec::new();
    for _ in 0..count {
        let step = Step::new(reader.small()?).ok_or(Malformed)?;
        let retention_seconds: i64 = reader.small()?;
        archives.push(Archive { step, retention_seconds });
    }
    let archives = Archives::new(archives).map_err(|_| Malformed)?;
    Ok(PolicyEntry::new(kind, Policy { archives, aggregation, x_files_factor }))
}

pub fn kind_of(code: u8) -> Result<ValueKind, Malformed> {
    match code {
        0 => Ok(ValueKind::Number),
        1 => Ok(ValueKind::Sketch),
        _ => Err(Malformed),
    }
}

/// Whisper's numbers for whisper's methods.
const AGGREGATIONS: [(u8, Aggregation); 10] = [
    (1, Aggregation::Average),
    (2, Aggregation::Sum),
    (3, Aggregation::Last),
    (4, Aggregation::Max),
    (5, Aggregation::Min),
    (6, Aggregation::AvgZero),
    (7, Aggregation::Absmax),
    (8, Aggregation::Absmin),
    (9, Aggregation::Median),
    (10, Aggregation::Count),
];

fn aggregation_code(aggregation: Aggregation) -> u8 {
    let code = AGGREGATIONS.iter().find(|(_, method)| *method == aggregation).map(|(code, _)| *code);
    code.expect("every method has a number, see the test")
}

fn aggregation_of(code: u8) -> Result<Aggregation, Malformed> {
    AGGREGATIONS.iter().find(|(number, _)| *number == code).map(|(_, method)| *method).ok_or(Malformed)
}

/// The file that is appended to.
pub struct SeriesLog {
    path: PathBuf,
    file: Arc<dyn File>,
    batch: BatchWriter,
    unsynced: bool,
    /// A write failed: the end of the file is unknown, the log must be written anew.
    pub broken: bool,
    pub bytes: u64,
}

impl SeriesLog {
    /// A new file with a header that is durable: half of one would look like another version's.
    pub fn create(io: Arc<dyn Io>, path: PathBuf) -> Result<SeriesLog, DiskError> {
        let file = io.create(&path).doing("create", &path)?;
        file.append(&header()).doing("write", &path)?;
        file.sync().doing("sync", &path)?;
        Ok(SeriesLog {
            path,
            file,
            batch: BatchWriter::default(),
            unsynced: false,
            broken: false,
            bytes: HEADER_BYTES as u64,
        })
    }

    /// Continue a file whose sound part is `length` bytes long.
    pub fn append_to(io: Arc<dyn Io>, path: PathBuf, length: u64) -> Result<SeriesLog, DiskError> {
        let file = io.open_append(&path).doing("open", &path)?;
        if file.length().doing("look at", &path)? != length {
            io.truncate(&path, length).doing("cut the torn end of", &path)?;
        }
        Ok(SeriesLog {
            path,
            file,
            batch: BatchWriter::default(),
            unsynced: false,
            broken: false,
            bytes: length,
        })
    }

    pub fn push(&mut self, record: &Record<'_>) {
        self.batch.push(record);
    }

    /// Bytes that wait for [`SeriesLog::write_out`].
    pub fn buffered(&self) -> usize {
        self.batch.len()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn write_out(&mut self) -> Result<(), DiskError> {
        self.refuse_broken("write")?;
        if self.batch.is_empty() {
            return Ok(());
        }
        let frame = self.batch.finish();
        self.unsynced = true;
        // Set before, cleared after: a panic or an error leaves it set.
        self.broken = true;
        self.file.append(&frame).doing("write", &self.path)?;
        self.broken = false;
        self.bytes += frame.len() as u64;
        Ok(())
    }

    /// What follows a torn batch would be read, and what was in it would be missing; a sync that failed may
    /// succeed the next time and mean nothing.
    pub fn refuse_broken(&self, doing: &'static str) -> Result<(), DiskError> {
        if self.broken {
            let cause = std::io::Error::other("an earlier write failed; it must be written anew");
            return Err(cause).doing(doing, &self.path);
        }
        Ok(())
    }

    /// What must be synced now, if anything. The caller syncs it without holding the log's lock and
    /// calls [`SeriesLog::sync_failed`] if that fails.
    pub fn take_unsynced(&mut self) -> Option<Arc<dyn File>> {
        std::mem::take(&mut self.unsynced).then(|| Arc::clone(&self.file))
    }

    pub fn sync_failed(&mut self) {
        self.broken = true;
        self.unsynced = true;
    }
}

pub fn log_path(directory: &Path, sequence: u64) -> PathBuf {
    directory.join(format!("SERIES-{sequence:06}.log"))
}

fn header() -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8..10].copy_from_slice(&MAJOR.to_le_bytes());
    header[10..12].copy_from_slice(&MINOR.to_le_bytes());
    header
}

/// How a whole file read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Where the sound part ends.
    pub length: usize,
    /// Bytes after the last sound batch: the torn end of a crash.
    pub torn: usize,
    /// Bytes in the middle that were stepped over. The file must not be appended to.
    pub damaged: usize,
}

/// Why a file cannot be loaded at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    Foreign { major: u16 },
    Malformed,
}

/// Give every record of a file to `take`. Damaged batches are stepped over.
pub fn load(
    bytes: &[u8],
    take: &mut dyn FnMut(Record<'_>) -> Result<(), Malformed>,
) -> Result<Loaded, Unreadable> {
    let start = bytes.get(..HEADER_BYTES).ok_or(Unreadable::Malformed)?;
    let major = u16::from_le_bytes([start[8], start[9]]);
    if start[..8] != *MAGIC {
        return Err(Unreadable::Malformed);
    }
    if major > MAJOR {
        return Err(Unreadable::Foreign { major });
    }
    if major < MAJOR {
        return Err(Unreadable::Malformed);
    }
    let mut loaded = Loaded { length: HEADER_BYTES, ..Loaded::default() };
    let mut at = HEADER_BYTES;
    while at < bytes.len() {
        match frame_at(bytes, at) {
            Some((payload, end)) => {
                loaded.damaged += at - loaded.length;
                if read_batch(payload, take).is_err() {
                    loaded.damaged += end - at;
                }
                (at, loaded.length) = (end, end);
            }
            None => at += 1,
        }
    }
    loaded.torn = bytes.len() - loaded.length;
    Ok(loaded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> PolicyEntry {
        let policy = Policy {
            archives: "1s:6h,10s:7d".parse().unwrap(),
            aggregation: Aggregation::Absmin,
            x_files_factor: 0.3,
        };
        PolicyEntry::new(ValueKind::Sketch, policy)
    }

    fn records() -> Vec<Record<'static>> {
        let series = |id, name| Record::Series { id, policy: 0, created: Timestamp(1_700_000_000), name };
        vec![
            Record::Opened { first_segment: 1, next_id: 0 },
            Record::Policy(policy()),
            series(0, "a.b.c"),
            series(1, "a.b.d"),
            series(5, "a.ü"),
            Record::Removed { id: 1 },
            Record::Repolicy { id: 5, policy: 0 },
            Record::Imported { id: 5, newest: 1_700_000_100 },
            Record::WentOn { id: 5, goes_on: u32::MAX, set_since: 6 },
            Record::LeftEmpty { id: 5, archive: 1, begins: 1_700_000_040 },
        ]
    }

    fn read(bytes: &[u8]) -> Result<(Vec<String>, Loaded), Unreadable> {
        let mut seen = Vec::new();
        let loaded = load(bytes, &mut |record| {
            seen.push(format!("{record:?}"));
            Ok(())
        })?;
        Ok((seen, loaded))
    }

    #[test]
    fn records_come_back_and_a_torn_end_is_cut() {
        let mut bytes = header().to_vec();
        let mut writer = BatchWriter::default();
        let mut ends = vec![bytes.len()];
        for part in records().chunks(4) {
            part.iter().for_each(|record| writer.push(record));
            bytes.extend_from_slice(&writer.finish());
            ends.push(bytes.len());
        }
        let all: Vec<String> = records().iter().map(|record| format!("{record:?}")).collect();
        for cut in HEADER_BYTES..=bytes.len() {
            let whole = ends.iter().filter(|end| **end <= cut).count() - 1;
            let (seen, loaded) = read(&bytes[..cut]).unwrap();
            assert_eq!(seen, all[..(4 * whole).min(all.len())]);
            assert_eq!(loaded.length, ends[whole]);
        }
        assert_eq!(read(&bytes[..10]), Err(Unreadable::Malformed));
        bytes[ends[0] + 9] ^= 1;
        let (seen, loaded) = read(&bytes).unwrap();
        assert_eq!((seen.as_slice(), loaded.damaged), (&all[4..], ends[1] - ends[0]));
    }

    #[test]
    fn every_method_has_a_number() {
        let names =
            ["average", "sum", "last", "max", "min", "avg_zero", "absmax", "absmin", "median", "count"];
        for (name, (code, method)) in names.iter().zip(AGGREGATIONS) {
            assert_eq!(aggregation_code(method), code, "{name}");
            assert_eq!(aggregation_of(code), Ok(method));
        }
    }

    /// The batch of `docs/formats/series-log.md`, written by hand.
    #[test]
    fn the_drawn_batch_reads() {
        let mut payload = vec![5, 1, 7];
        payload.extend_from_slice(&[1, 0, 1, 0, 0, 0, 0x3f, 1, 10, 60]);
        payload.extend_from_slice(&[2, 7, 0, 100, 0, 3, b'a', b'.', b'b']);
        payload.extend_from_slice(&[2, 1, 0, 100, 2, 1, b'c', 3, 7]);
        let mut seen = Vec::new();
        read_batch(&payload, &mut |record| {
            if let Record::Series { id, name, created, .. } = record {
                seen.push((id, name.to_owned(), created.0));
            }
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, [(7, "a.b".to_owned(), 100), (8, "a.c".to_owned(), 100)]);
    }
}
