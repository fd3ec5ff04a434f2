//! All pages of a file, one after the other.

use std::sync::Arc;

use super::ends::Opened;
use super::file::{BlockFile, PagePlace, ReadFailure};

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

impl BlockFile {
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
}

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
