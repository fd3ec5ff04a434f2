//! A segment that never changes again.

use std::path::PathBuf;
use std::sync::Arc;

use disk::{DiskError, Doing, File};
use vocabulary::Timestamp;
use vocabulary::error::EventId;

use crate::index::{Entry, SealedIndex, Wanted};
use crate::reader::Records;

pub struct Sealed {
    pub path: PathBuf,
    pub file: Arc<dyn File>,
    pub first: u64,
    /// Of the whole file.
    pub bytes: u64,
    pub index: SealedIndex,
}

impl Sealed {
    pub fn records(&self) -> Records {
        Records { file: Arc::clone(&self.file), path: self.path.clone(), end: self.index.end }
    }

    pub fn find(&self, project: u64, id: EventId) -> Result<Option<u32>, DiskError> {
        self.index.find(&*self.file, project, id).doing("reading the index of", &self.path)
    }

    pub fn newest(&self, wanted: &Wanted<'_>) -> Result<Vec<Entry>, DiskError> {
        self.index.newest(&*self.file, wanted).doing("reading the index of", &self.path)
    }

    pub fn newest_of(&self, project: u64) -> Option<Timestamp> {
        self.index.span(project).map(|span| span.newest)
    }

    pub fn of_project(&self, project: u64) -> Result<Vec<Entry>, DiskError> {
        let Some(span) = self.index.span(project) else { return Ok(Vec::new()) };
        self.index.entries(&*self.file, span.entries.clone()).doing("reading the index of", &self.path)
    }

    /// All of them, in the order in which they came.
    pub fn by_offset(&self) -> Result<Vec<Entry>, DiskError> {
        let entries = self.index.entries(&*self.file, 0..self.index.count);
        let mut entries = entries.doing("reading the index of", &self.path)?;
        entries.sort_unstable_by_key(|entry| entry.offset);
        Ok(entries)
    }
}
