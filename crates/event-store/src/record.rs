//! One event in a segment: a head with length and checksum, fields, the packed body.

use std::io;

use disk::File;
use vocabulary::Timestamp;
use vocabulary::error::{EventId, EventKey};

use crate::limits::BODY_BYTES;

/// Length and checksum.
pub const HEAD_BYTES: usize = 8;
/// What comes before the packed body.
pub const FIXED_BYTES: usize = 68;
/// In the place of a length: here begins the index.
pub const INDEX_MARK: u32 = u32::MAX;
/// Packing adds a little to what does not pack.
const LENGTH_MAX: usize = FIXED_BYTES + BODY_BYTES + BODY_BYTES / 128 + 1_024;
const HAS_USER: u32 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    pub number: u64,
    pub key: EventKey,
    pub user: Option<u64>,
    /// Where the record stands that this one is packed against.
    pub dictionary: Option<u32>,
    /// Of the body, unpacked.
    pub body_bytes: u32,
}

/// A record that was read, and whose checksum held.
pub struct Loaded {
    pub record: Record,
    bytes: Vec<u8>,
}

impl Loaded {
    pub fn packed(&self) -> &[u8] {
        &self.bytes[FIXED_BYTES..]
    }
}

pub enum Fetched {
    /// And where the next one begins.
    Record(Loaded, u64),
    /// Its checksum does not hold; the next one may begin there.
    Damaged(u64),
    /// No record can begin here: the file ends within it, or its length is none.
    Torn,
    End,
}

/// Appends one. Its length is told by its head.
pub fn write(record: &Record, packed: &[u8], out: &mut Vec<u8>) {
    let length = ((FIXED_BYTES + packed.len()) as u32).to_le_bytes();
    out.extend_from_slice(&length);
    out.extend_from_slice(&[0; 4]);
    let body = out.len();
    let EventKey { project, group, at, id } = record.key;
    for number in [record.number, project, group, at.0 as u64] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&id.0);
    out.extend_from_slice(&record.user.unwrap_or(0).to_le_bytes());
    let flags = if record.user.is_some() { HAS_USER } else { 0 };
    for number in [record.dictionary.unwrap_or(0), record.body_bytes, flags] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(packed);
    let crc = checksum(length, &out[body..]);
    out[body - 4..body].copy_from_slice(&crc.to_le_bytes());
}

/// The record at an offset of a file whose records end at `end`.
pub fn fetch(file: &dyn File, offset: u64, end: u64) -> io::Result<Fetched> {
    if offset >= end {
        return Ok(Fetched::End);
    }
    if offset + HEAD_BYTES as u64 > end {
        return Ok(Fetched::Torn);
    }
    let mut head = [0; HEAD_BYTES];
    file.read_at(&mut head, offset)?;
    let (length, crc) = (u32_at(&head, 0), u32_at(&head, 4));
    if length == INDEX_MARK {
        return Ok(Fetched::End);
    }
    let start = offset + HEAD_BYTES as u64;
    let next = start + u64::from(length);
    if !(FIXED_BYTES..=LENGTH_MAX).contains(&(length as usize)) || next > end {
        return Ok(Fetched::Torn);
    }
    let mut bytes = vec![0; length as usize];
    file.read_at(&mut bytes, start)?;
    if checksum(length.to_le_bytes(), &bytes) != crc {
        return Ok(Fetched::Damaged(next));
    }
    let record = read(&bytes);
    // The checksum holds, so a writer is wrong; its record is not believed all the same.
    let sound = record.body_bytes as usize <= BODY_BYTES
        && record.dictionary.is_none_or(|dictionary| u64::from(dictionary) < offset);
    Ok(if sound { Fetched::Record(Loaded { record, bytes }, next) } else { Fetched::Damaged(next) })
}

/// `bytes` has at least [`FIXED_BYTES`].
fn read(bytes: &[u8]) -> Record {
    let id = bytes[32..48].try_into().expect("16 bytes");
    let key = EventKey {
        project: u64_at(bytes, 8),
        group: u64_at(bytes, 16),
        at: Timestamp(u64_at(bytes, 24) as i64),
        id: EventId(id),
    };
    Record {
        number: u64_at(bytes, 0),
        key,
        user: (u32_at(bytes, 64) & HAS_USER != 0).then(|| u64_at(bytes, 48)),
        dictionary: Some(u32_at(bytes, 56)).filter(|offset| *offset != 0),
        body_bytes: u32_at(bytes, 60),
    }
}

fn checksum(length: [u8; 4], body: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&length), body)
}

pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("4 bytes"))
}

pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("8 bytes"))
}
