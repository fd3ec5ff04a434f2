//! What a file says about itself at its two ends: header, footer, and the index's top.

use std::path::Path;
use std::sync::Arc;

use disk::{File, Io};
use vocabulary::Step;
use vocabulary::retention::Archive;

use super::file::ReadFailure;
use crate::bytes::{Malformed, Reader};
use crate::manifest::{FileMeta, Place};
use crate::policy::Tier;
use crate::series_log::kind_of;

pub const MAGIC: &[u8; 8] = b"BWBLK\r\n\x1a";
pub const END_MAGIC: &[u8; 8] = b"BWBLKEND";
pub const MAJOR: u16 = 1;
pub const MINOR: u16 = 0;
pub const HEADER_BYTES: usize = 64;
pub const FOOTER_BYTES: usize = 64;
/// One entry of the index's top: first series u16, length of its block u16, offset of its first page u40.
pub(super) const TOP_ENTRY_BYTES: usize = 9;

pub(super) struct Opened {
    pub file: Arc<dyn File>,
    pub top: Vec<TopEntry>,
    pub index_offset: u64,
    pub index_bytes: u64,
}

#[derive(Clone, Copy)]
pub(super) struct TopEntry {
    pub local: u16,
    pub block_bytes: u16,
    /// Where the block lies after the start of the index.
    pub block_offset: u32,
    pub page_offset: u64,
}

pub(super) fn header(meta: &FileMeta) -> [u8; HEADER_BYTES] {
    let mut out = Vec::with_capacity(HEADER_BYTES);
    let tier = meta.place.tier;
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&MAJOR.to_le_bytes());
    out.extend_from_slice(&MINOR.to_le_bytes());
    out.extend_from_slice(&[tier.kind as u8, meta.level, 0, 0]);
    out.extend_from_slice(&(tier.step.seconds() as u32).to_le_bytes());
    out.extend_from_slice(&meta.place.stripe.to_le_bytes());
    out.extend_from_slice(&tier.retention_seconds.to_le_bytes());
    out.extend_from_slice(&meta.first.to_le_bytes());
    out.extend_from_slice(&meta.slots.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&meta.sequence.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out.try_into().expect("the fields above are 64 bytes")
}

pub(super) fn footer(index_offset: u64, index_bytes: u64, top: &[u8], meta: &FileMeta) -> [u8; FOOTER_BYTES] {
    let mut out = Vec::with_capacity(FOOTER_BYTES);
    out.extend_from_slice(&index_offset.to_le_bytes());
    out.extend_from_slice(&index_bytes.to_le_bytes());
    out.extend_from_slice(&(top.len() as u32).to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c(top).to_le_bytes());
    out.extend_from_slice(&meta.series.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&meta.codecs.to_le_bytes());
    out.extend_from_slice(&[0; 12]);
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(END_MAGIC);
    out.try_into().expect("the fields above are 64 bytes")
}

/// What a file says about itself, when the manifest is lost; `None` if it cannot be believed.
pub fn recover_meta(io: &dyn Io, path: &Path, bytes: u64) -> Option<FileMeta> {
    let file = io.open(path).ok()?;
    let mut head = [0; HEADER_BYTES];
    let mut foot = [0; FOOTER_BYTES];
    file.read_at(&mut head, 0).ok()?;
    file.read_at(&mut foot, bytes.checked_sub(FOOTER_BYTES as u64)?).ok()?;
    let number = path.file_stem()?.to_str()?.rsplit('-').next()?.parse().ok()?;
    let meta = parse_header(&head, number).ok()?;
    let mut reader = Reader::new(&foot[24..]);
    let (series, _, codecs) = (reader.u32().ok()?, reader.u32().ok()?, reader.u64().ok()?);
    let meta = FileMeta { series, bytes, codecs, ..meta };
    read_ends(file, &meta).is_ok().then_some(meta)
}

fn parse_header(head: &[u8; HEADER_BYTES], number: u64) -> Result<FileMeta, Malformed> {
    let mut reader = Reader::new(head);
    let (magic, major) = (reader.take(8)?, reader.u16()?);
    reader.take(2)?;
    let (kind, level) = (kind_of(reader.u8()?)?, reader.u8()?);
    reader.take(2)?;
    let step = Step::new(reader.u32()?).ok_or(Malformed)?;
    let stripe = reader.u32()?;
    let retention_seconds = reader.u64()? as i64;
    let first = reader.u64()? as i64;
    let slots = reader.u32()?;
    reader.take(4)?;
    let sequence = reader.u64()?;
    if magic != MAGIC
        || major != MAJOR
        || crc32c::crc32c(&head[..60]) != u32::from_le_bytes([head[60], head[61], head[62], head[63]])
    {
        return Err(Malformed);
    }
    let place = Place { tier: Tier::new(kind, Archive { step, retention_seconds }), stripe };
    Ok(FileMeta { place, level, number, sequence, first, slots, series: 0, bytes: 0, codecs: 0 })
}

/// Read and check header, footer and top.
pub(super) fn read_ends(file: Arc<dyn File>, meta: &FileMeta) -> Result<Opened, ReadFailure> {
    let damaged = |why: &str| ReadFailure::Damaged(why.into());
    let length = file.length().map_err(ReadFailure::io)?;
    if length < (HEADER_BYTES + FOOTER_BYTES) as u64 || length != meta.bytes {
        return Err(damaged(&format!("is {length} bytes long instead of {}", meta.bytes)));
    }
    let mut head = [0; HEADER_BYTES];
    let mut foot = [0; FOOTER_BYTES];
    file.read_at(&mut head, 0).map_err(ReadFailure::io)?;
    file.read_at(&mut foot, length - FOOTER_BYTES as u64).map_err(ReadFailure::io)?;
    if head != header(meta) {
        return Err(damaged("its header is not what the manifest says"));
    }
    let parsed = parse_footer(&foot, meta, length).map_err(|_| damaged("its footer fails its check"))?;
    let (index_offset, index_bytes, top_bytes, top_crc) = parsed;
    let mut top_text = vec![0; top_bytes];
    file.read_at(&mut top_text, index_offset + index_bytes).map_err(ReadFailure::io)?;
    let top =
        if crc32c::crc32c(&top_text) == top_crc { parse_top(&top_text, index_bytes) } else { Err(Malformed) };
    let top = top.map_err(|_| damaged("its index fails its check"))?;
    Ok(Opened { file, top, index_offset, index_bytes })
}

fn parse_footer(
    foot: &[u8; FOOTER_BYTES],
    meta: &FileMeta,
    length: u64,
) -> Result<(u64, u64, usize, u32), Malformed> {
    let crc = crc32c::crc32c(&foot[..52]);
    let mut reader = Reader::new(foot);
    let (index_offset, index_bytes) = (reader.u64()?, reader.u64()?);
    let (top_bytes, top_crc) = (reader.u32()? as usize, reader.u32()?);
    let series = reader.u32()?;
    reader.take(24)?;
    let sound = reader.u32()? == crc && reader.take(8)? == END_MAGIC && series == meta.series;
    let end = index_offset.checked_add(index_bytes).and_then(|end| end.checked_add(top_bytes as u64));
    let fits = end == Some(length - FOOTER_BYTES as u64) && index_offset >= HEADER_BYTES as u64;
    if sound && fits { Ok((index_offset, index_bytes, top_bytes, top_crc)) } else { Err(Malformed) }
}

fn parse_top(text: &[u8], index_bytes: u64) -> Result<Vec<TopEntry>, Malformed> {
    let mut reader = Reader::new(text);
    let mut top = Vec::with_capacity(text.len() / TOP_ENTRY_BYTES);
    let mut block_offset = 0u32;
    while !reader.is_empty() {
        let (local, block_bytes) = (reader.u16()?, reader.u16()?);
        let mut offset = [0; 8];
        offset[..5].copy_from_slice(reader.take(5)?);
        top.push(TopEntry { local, block_bytes, block_offset, page_offset: u64::from_le_bytes(offset) });
        block_offset = block_offset.checked_add(u32::from(block_bytes)).ok_or(Malformed)?;
    }
    if u64::from(block_offset) == index_bytes { Ok(top) } else { Err(Malformed) }
}
