//! A file that is part of the store, and how many of them are open.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use disk::Io;
use parking_lot::Mutex;

use super::ends::{Opened, TopEntry, read_ends};
use crate::bytes::{Malformed, Reader};
use crate::codec::CodecError;
use crate::damage::Damage;
use crate::limits::*;
use crate::manifest::FileMeta;
use crate::policy::Slot;

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

/// Takes a page, with the position of its series among those asked for.
pub type TakePage<'a> = &'a mut dyn FnMut(usize, &[u8]) -> Result<(), CodecError>;

/// Where the page of one series lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct PagePlace {
    pub local: u16,
    pub offset: u64,
    pub bytes: u32,
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
    pub(super) fn io(error: std::io::Error) -> ReadFailure {
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

    pub(super) fn open(self: &Arc<Self>) -> Result<Arc<Opened>, ReadFailure> {
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

    pub(super) fn all_places(self: &Arc<Self>, opened: &Opened) -> Result<Vec<PagePlace>, ReadFailure> {
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
