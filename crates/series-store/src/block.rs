//! Block files: pages of many series over one stretch of slots. Written once, never changed.
//!
//! `docs/formats/block.md` draws the bytes. A series has one page, over all slots of the file; the index
//! finds it by the series' number within its stripe.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use disk::{DiskError, Doing, File, Io};
use parking_lot::Mutex;
use vocabulary::Step;
use vocabulary::retention::Archive;

use crate::bytes::{Malformed, Reader, put_varint};
use crate::codec::{CodecError, Effort, PageEncoder};
use crate::damage::Damage;
use crate::limits::*;
use crate::manifest::{FileMeta, Place};
use crate::policy::{Slot, Tier};
use crate::series_log::kind_of;
use crate::value::Value;

pub const MAGIC: &[u8; 8] = b"BWBLK\r\n\x1a";
pub const END_MAGIC: &[u8; 8] = b"BWBLKEND";
pub const MAJOR: u16 = 1;
pub const MINOR: u16 = 0;
pub const HEADER_BYTES: usize = 64;
pub const FOOTER_BYTES: usize = 64;
/// One entry of the index's top: first series u16, length of its block u16, offset of its first page u40.
const TOP_ENTRY_BYTES: usize = 9;

/// Encode the slots of one series over a file's whole stretch. Returns the codec used, as one bit.
pub fn encode_page<V: Value>(
    encoder: &mut PageEncoder,
    slots: &[V],
    effort: Effort,
    out: &mut Vec<u8>,
) -> u64 {
    let start = out.len();
    V::encode(encoder, slots, effort, out);
    out.get(start).map_or(0, |codec| codec_bit(*codec))
}

/// The low five bits of a page's first byte are its codec.
fn codec_bit(first: u8) -> u64 {
    1 << (first & 31)
}

/// The codecs that this version reads.
pub fn known_codecs() -> u64 {
    let unknown = |codec: u8| {
        let mut page = vec![codec];
        page.extend_from_slice(&crc32c::crc32c(&[codec]).to_le_bytes());
        matches!(crate::codec::decode_numbers(&page, &mut []), Err(CodecError::UnknownCodec(_)))
    };
    (0..32).filter(|codec| !unknown(*codec)).map(codec_bit).sum()
}

/// Put the values of a page that lie in `wanted` over `row`, whose first slot is `wanted.start`.
/// After an error the row is as it was.
pub fn overlay_page<V: Value>(
    meta: &FileMeta,
    page: &[u8],
    wanted: &Range<Slot>,
    row: &mut [V],
    scratch: &mut Vec<V>,
) -> Result<(), CodecError> {
    let (from, until) = (meta.first.max(wanted.start), meta.end().min(wanted.end));
    if from >= until {
        return Ok(());
    }
    scratch.clear();
    scratch.resize((until - from) as usize, V::ABSENT);
    let part = (from - meta.first) as usize..(until - meta.first) as usize;
    V::decode(page, meta.slots as usize, part, scratch)?;
    let target = &mut row[(from - wanted.start) as usize..];
    for (slot, value) in target.iter_mut().zip(scratch) {
        if !value.is_absent() {
            slot.clone_from(value);
        }
    }
    Ok(())
}

/// Writes one file under a temporary name.
pub struct BlockWriter {
    io: Arc<dyn Io>,
    path: PathBuf,
    file: Arc<dyn File>,
    meta: FileMeta,
    buffer: Vec<u8>,
    /// Bytes before the buffer.
    written: u64,
    index: Vec<u8>,
    top: Vec<u8>,
    block: Vec<u8>,
    block_series: usize,
    last: Option<u16>,
}

const WRITE_BUFFER: usize = 1 << 20;

impl BlockWriter {
    /// `meta` says what the file is; its counts are filled in by [`BlockWriter::finish`].
    pub fn create(io: Arc<dyn Io>, blocks: &Path, meta: FileMeta) -> Result<BlockWriter, DiskError> {
        let path = meta.path(blocks);
        let temporary = temporary(&path);
        let file = match io.create(&temporary) {
            // The first file of its tier.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let directory = path.parent().unwrap_or(blocks);
                io.create_dir(directory).doing("create", directory)?;
                io.sync_dir(blocks).doing("sync", blocks)?;
                io.create(&temporary)
            }
            created => created,
        };
        let file = file.doing("create", &temporary)?;
        let meta = FileMeta { series: 0, bytes: 0, codecs: 0, ..meta };
        Ok(BlockWriter {
            io,
            path,
            file,
            meta,
            buffer: header(&meta).to_vec(),
            written: 0,
            index: Vec::new(),
            top: Vec::new(),
            block: Vec::new(),
            block_series: 0,
            last: None,
        })
    }

    /// Series come in rising order. Returns how many bytes went to the file since the last call, for pacing.
    pub fn push(&mut self, local: u16, page: &[u8], codecs: u64) -> Result<(), DiskError> {
        debug_assert!(self.last.is_none_or(|last| last < local), "series come in rising order");
        if self.block_series == INDEX_BLOCK_SERIES {
            self.end_block();
        }
        if self.block_series == 0 {
            let offset = self.written + self.buffer.len() as u64;
            self.top.extend_from_slice(&local.to_le_bytes());
            self.top.extend_from_slice(&[0; 2]);
            self.top.extend_from_slice(&offset.to_le_bytes()[..5]);
        } else {
            let last = self.last.expect("a block that is begun has a last series");
            put_varint(&mut self.block, u64::from(local - last));
        }
        put_varint(&mut self.block, page.len() as u64);
        self.block_series += 1;
        self.last = Some(local);
        self.meta.series += 1;
        self.meta.codecs |= codecs;
        self.buffer.extend_from_slice(page);
        if self.buffer.len() >= WRITE_BUFFER { self.write_buffer() } else { Ok(()) }
    }

    fn end_block(&mut self) {
        if self.block_series == 0 {
            return;
        }
        let crc = crc32c::crc32c(&self.block);
        self.block.extend_from_slice(&crc.to_le_bytes());
        // A block is at most 64 series of 3 + 5 bytes and a checksum.
        let length = self.block.len() as u16;
        let at = self.top.len() - TOP_ENTRY_BYTES + 2;
        self.top[at..at + 2].copy_from_slice(&length.to_le_bytes());
        self.index.append(&mut self.block);
        self.block_series = 0;
    }

    fn write_buffer(&mut self) -> Result<(), DiskError> {
        self.file.append(&self.buffer).doing("write", &self.path)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// The file is durable under its name when this returns; `None` if it would hold no series.
    pub fn finish(mut self) -> Result<Option<FileMeta>, DiskError> {
        if self.meta.series == 0 {
            self.discard();
            return Ok(None);
        }
        self.end_block();
        let index_offset = self.written + self.buffer.len() as u64;
        let footer = footer(index_offset, self.index.len() as u64, &self.top, &self.meta);
        self.buffer.extend_from_slice(&self.index);
        self.buffer.extend_from_slice(&self.top);
        self.buffer.extend_from_slice(&footer);
        let done = self.publish();
        if done.is_err() {
            drop(self.io.remove(&self.path));
            self.discard();
        }
        done.map(|()| Some(self.meta))
    }

    fn publish(&mut self) -> Result<(), DiskError> {
        self.write_buffer()?;
        self.file.sync().doing("sync", &self.path)?;
        let temporary = temporary(&self.path);
        self.io.rename(&temporary, &self.path).doing("rename", &temporary)?;
        let directory = self.path.parent().unwrap_or(Path::new("."));
        self.io.sync_dir(directory).doing("sync", directory)?;
        self.meta.bytes = self.written;
        Ok(())
    }

    /// Leave nothing behind. What cannot be removed now is removed at the next start.
    pub fn discard(&self) {
        drop(self.io.remove(&temporary(&self.path)));
    }
}

fn temporary(path: &Path) -> PathBuf {
    path.with_extension("tmp")
}

fn header(meta: &FileMeta) -> [u8; HEADER_BYTES] {
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

fn footer(index_offset: u64, index_bytes: u64, top: &[u8], meta: &FileMeta) -> [u8; FOOTER_BYTES] {
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

/// A block file that is part of the store. Removed from the disk when the last reader lets go of it,
/// once [`BlockFile::doom`] was called.
pub struct BlockFile {
    pub meta: FileMeta,
    pub path: PathBuf,
    io: Arc<dyn Io>,
    open_files: Arc<OpenFiles>,
    damage: Arc<Damage>,
    opened: Mutex<Option<Arc<Opened>>>,
    doomed: AtomicBool,
}

struct Opened {
    file: Arc<dyn File>,
    top: Vec<TopEntry>,
    index_offset: u64,
    index_bytes: u64,
}

#[derive(Clone, Copy)]
struct TopEntry {
    local: u16,
    block_bytes: u16,
    /// Where the block lies after the start of the index.
    block_offset: u32,
    page_offset: u64,
}

/// Takes a page, with the position of its series among those asked for.
pub type TakePage<'a> = &'a mut dyn FnMut(usize, &[u8]) -> Result<(), CodecError>;

/// Where the page of one series lies.
#[derive(Clone, Copy, Debug)]
struct PagePlace {
    local: u16,
    offset: u64,
    bytes: u32,
}

/// Why a file or a part of it could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadFailure {
    /// The operating system says no: may pass.
    Io(String),
    /// The bytes are not those that were written: will not pass.
    Damaged(String),
}

impl ReadFailure {
    fn io(error: std::io::Error) -> ReadFailure {
        match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::UnexpectedEof => {
                ReadFailure::Damaged(error.to_string())
            }
            _ => ReadFailure::Io(error.to_string()),
        }
    }
}

impl std::fmt::Display for ReadFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ReadFailure::Io(why) | ReadFailure::Damaged(why) => f.write_str(why),
        }
    }
}

/// Bounds how many files are open; the longest open is closed first.
#[derive(Default)]
pub struct OpenFiles {
    open: AtomicUsize,
    order: Mutex<std::collections::VecDeque<std::sync::Weak<BlockFile>>>,
}

impl OpenFiles {
    fn opened(&self, file: &Arc<BlockFile>) {
        let mut order = self.order.lock();
        if order.len() >= 2 * OPEN_FILES_MAX {
            order.retain(|file| file.strong_count() > 0);
        }
        order.push_back(Arc::downgrade(file));
        if self.open.fetch_add(1, Ordering::Relaxed) < OPEN_FILES_MAX {
            return;
        }
        while let Some(oldest) = order.pop_front() {
            if let Some(oldest) = oldest.upgrade().filter(|oldest| !Arc::ptr_eq(oldest, file)) {
                // Never wait for a file that is being opened just now while holding the order.
                if let Some(mut opened) = oldest.opened.try_lock()
                    && opened.take().is_some()
                {
                    self.open.fetch_sub(1, Ordering::Relaxed);
                    return;
                }
            }
        }
    }
}

impl Drop for BlockFile {
    fn drop(&mut self) {
        if self.opened.get_mut().take().is_some() {
            self.open_files.open.fetch_sub(1, Ordering::Relaxed);
        }
        if self.doomed.load(Ordering::Relaxed) {
            // If this fails the file is unlisted: the next start moves it to quarantine.
            drop(self.io.remove(&self.path));
        }
    }
}

impl BlockFile {
    pub fn new(
        meta: FileMeta,
        blocks: &Path,
        io: Arc<dyn Io>,
        open_files: Arc<OpenFiles>,
        damage: Arc<Damage>,
    ) -> Arc<BlockFile> {
        Arc::new(BlockFile {
            meta,
            path: meta.path(blocks),
            io,
            open_files,
            damage,
            opened: Mutex::new(None),
            doomed: AtomicBool::new(false),
        })
    }

    /// No longer listed in the manifest: to be removed when nobody reads it any more.
    pub fn doom(&self) {
        self.doomed.store(true, Ordering::Relaxed);
    }

    pub fn overlaps(&self, slots: &Range<Slot>) -> bool {
        self.meta.first < slots.end && slots.start < self.meta.end()
    }

    fn open(self: &Arc<Self>) -> Result<Arc<Opened>, ReadFailure> {
        let mut guard = self.opened.lock();
        if let Some(opened) = &*guard {
            return Ok(Arc::clone(opened));
        }
        let file = self.io.open(&self.path).map_err(ReadFailure::io)?;
        let opened = Arc::new(read_ends(file, &self.meta)?);
        *guard = Some(Arc::clone(&opened));
        drop(guard);
        self.open_files.opened(self);
        Ok(opened)
    }

    /// Check header, footer and the index's top.
    pub fn check_ends(self: &Arc<Self>) -> Result<(), ReadFailure> {
        self.open().map(drop)
    }

    /// The pages of the wanted series (rising); `take` gets the position within `locals`. What cannot be
    /// read is noted as damage and left out.
    pub fn read(self: &Arc<Self>, locals: &[u16], take: TakePage<'_>) {
        let opened = match self.open() {
            Ok(opened) => opened,
            Err(why) => return self.damage.file(self, &why.to_string()),
        };
        let places = self.locate(&opened, locals);
        let mut run = Vec::new();
        let mut at = 0;
        while at < places.len() {
            let end = run_end(&places, at);
            let (first, last) = (places[at].1, places[end - 1].1);
            let bytes = last.offset + u64::from(last.bytes) - first.offset;
            run.resize(bytes as usize, 0);
            match opened.file.read_at(&mut run, first.offset) {
                Ok(()) => {
                    for (position, place) in &places[at..end] {
                        let start = (place.offset - first.offset) as usize;
                        if take(*position, &run[start..start + place.bytes as usize]).is_err() {
                            self.damage.page(self, place.local);
                        }
                    }
                }
                Err(error) => self.damage.file(self, &error.to_string()),
            }
            at = end;
        }
    }

    /// Every (series, page bytes) of the index, in order.
    pub fn series(self: &Arc<Self>) -> Result<Vec<(u16, u32)>, ReadFailure> {
        let opened = self.open()?;
        let places = self.all_places(&opened)?;
        Ok(places.iter().map(|place| (place.local, place.bytes)).collect())
    }

    fn all_places(self: &Arc<Self>, opened: &Opened) -> Result<Vec<PagePlace>, ReadFailure> {
        let index = read_index(opened).map_err(ReadFailure::io)?;
        // Two bytes a series at least: what the file claims is not allocated unseen.
        let mut places = Vec::with_capacity(self.meta.series.min(index.len() as u32) as usize);
        for entry in &opened.top {
            let block = &index[entry.block_offset as usize..][..usize::from(entry.block_bytes)];
            if read_index_block(entry, block, opened.index_offset, &mut places).is_err() {
                self.damage.index(self, entry.local);
            }
        }
        Ok(places)
    }

    /// Where the wanted series lie; those that are not in the file are left out.
    fn locate(self: &Arc<Self>, opened: &Opened, locals: &[u16]) -> Vec<(usize, PagePlace)> {
        let mut found = Vec::with_capacity(locals.len().min(self.meta.series as usize));
        // Many series: one read of the whole index is cheaper than many of its blocks.
        let whole = if locals.len() > opened.top.len() / 4 + 2 { read_index(opened).ok() } else { None };
        let mut block_bytes = Vec::new();
        let mut places: Vec<PagePlace> = Vec::new();
        let mut loaded = usize::MAX;
        for (position, local) in locals.iter().enumerate() {
            let at = opened.top.partition_point(|entry| entry.local <= *local);
            let Some(at) = at.checked_sub(1) else { continue };
            if at != loaded {
                let entry = &opened.top[at];
                places.clear();
                let block = match &whole {
                    Some(index) => index.get(entry.block_offset as usize..),
                    None => {
                        block_bytes.resize(usize::from(entry.block_bytes), 0);
                        let offset = opened.index_offset + u64::from(entry.block_offset);
                        opened.file.read_at(&mut block_bytes, offset).ok().map(|()| &block_bytes[..])
                    }
                };
                let block = block.and_then(|block| block.get(..usize::from(entry.block_bytes)));
                let read = block
                    .ok_or(Malformed)
                    .and_then(|block| read_index_block(entry, block, opened.index_offset, &mut places));
                if read.is_err() {
                    self.damage.index(self, entry.local);
                }
                loaded = at;
            }
            if let Ok(index) = places.binary_search_by_key(local, |place| place.local) {
                found.push((position, places[index]));
            }
        }
        found
    }

    /// Go through all series in order.
    pub fn scan(self: &Arc<Self>) -> Result<BlockScan, ReadFailure> {
        let opened = self.open()?;
        let places = self.all_places(&opened)?;
        Ok(BlockScan {
            file: Arc::clone(self),
            opened,
            places,
            next: 0,
            buffer: Vec::new(),
            buffer_offset: 0,
        })
    }

    pub fn note_bad_page(&self, local: u16) {
        self.damage.page(self, local);
    }
}

/// How many of the places from `at` on are read in one go.
fn run_end(places: &[(usize, PagePlace)], at: usize) -> usize {
    let first = places[at].1.offset;
    let mut end = at + 1;
    while end < places.len() {
        let (before, next) = (places[end - 1].1, places[end].1);
        let before_end = before.offset + u64::from(before.bytes);
        let far = next.offset.saturating_sub(before_end) > READ_GAP;
        if far || next.offset + u64::from(next.bytes) - first > READ_RUN {
            break;
        }
        end += 1;
    }
    end
}

fn read_index(opened: &Opened) -> std::io::Result<Vec<u8>> {
    let mut index = vec![0; opened.index_bytes as usize];
    opened.file.read_at(&mut index, opened.index_offset)?;
    Ok(index)
}

fn read_index_block(
    entry: &TopEntry,
    block: &[u8],
    pages_end: u64,
    places: &mut Vec<PagePlace>,
) -> Result<(), Malformed> {
    let (entries, crc) = block.split_last_chunk::<4>().ok_or(Malformed)?;
    if crc32c::crc32c(entries) != u32::from_le_bytes(*crc) {
        return Err(Malformed);
    }
    let mut reader = Reader::new(entries);
    let mut local = entry.local;
    let mut offset = entry.page_offset;
    let mut first = true;
    while !reader.is_empty() {
        if !first {
            local = local.checked_add(reader.small()?).ok_or(Malformed)?;
        }
        first = false;
        let bytes: u32 = reader.small()?;
        if offset + u64::from(bytes) > pages_end {
            return Err(Malformed);
        }
        places.push(PagePlace { local, offset, bytes });
        offset += u64::from(bytes);
    }
    Ok(())
}

/// Read and check header, footer and top.
fn read_ends(file: Arc<dyn File>, meta: &FileMeta) -> Result<Opened, ReadFailure> {
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

/// All series of a file in order, read in large pieces.
pub struct BlockScan {
    file: Arc<BlockFile>,
    opened: Arc<Opened>,
    places: Vec<PagePlace>,
    next: usize,
    buffer: Vec<u8>,
    buffer_offset: u64,
}

const SCAN_BUFFER: u64 = 256 << 10;

impl BlockScan {
    pub fn file(&self) -> &Arc<BlockFile> {
        &self.file
    }

    /// A part of the index failed its check: some series are not given.
    pub fn is_incomplete(&self) -> bool {
        self.places.len() < self.file.meta.series as usize
    }

    /// The series that [`BlockScan::take`] would give.
    pub fn peek(&self) -> Option<u16> {
        self.places.get(self.next).map(|place| place.local)
    }

    /// The page of the series that `peek` told.
    pub fn take(&mut self) -> Result<&[u8], ReadFailure> {
        let place = self.places[self.next];
        self.next += 1;
        let held = self.buffer_offset..self.buffer_offset + self.buffer.len() as u64;
        let end = place.offset + u64::from(place.bytes);
        if place.offset < held.start || end > held.end {
            let length = SCAN_BUFFER.max(u64::from(place.bytes)).min(self.opened.index_offset - place.offset);
            self.buffer.resize(length as usize, 0);
            self.buffer_offset = place.offset;
            if let Err(error) = self.opened.file.read_at(&mut self.buffer, place.offset) {
                self.buffer.clear();
                return Err(ReadFailure::io(error));
            }
        }
        let start = (place.offset - self.buffer_offset) as usize;
        Ok(&self.buffer[start..start + place.bytes as usize])
    }
}
