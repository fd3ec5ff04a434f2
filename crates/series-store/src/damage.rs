//! What could not be read. Counted for ever, listed up to a bound, shown by health.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::block::BlockFile;
use crate::limits::DAMAGE_LISTED_MAX;

/// Parts of files that failed a check, and gaps that recovery found.
#[derive(Default)]
pub struct Damage {
    pages: AtomicU64,
    files: Mutex<BTreeMap<String, DamagedFile>>,
    gaps: Mutex<Vec<Gap>>,
}

/// A file of which something could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DamagedFile {
    pub path: String,
    /// How often a page or a part of the index failed its check.
    pub failures: u64,
    /// The latest failure.
    pub why: String,
}

/// Something that is missing since a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    pub what: String,
    pub lost_bytes: u64,
}

impl Damage {
    pub fn file(&self, file: &BlockFile, why: &str) {
        self.note(&file.path.display().to_string(), why.to_owned());
    }

    pub fn page(&self, file: &BlockFile, local: u16) {
        self.pages.fetch_add(1, Ordering::Relaxed);
        self.note(
            &file.path.display().to_string(),
            format!("a page of series {local} of the stripe fails its check"),
        );
    }

    pub fn index(&self, file: &BlockFile, local: u16) {
        self.pages.fetch_add(1, Ordering::Relaxed);
        let why = format!("the index block from series {local} of the stripe on fails its check");
        self.note(&file.path.display().to_string(), why);
    }

    pub fn note(&self, path: &str, why: String) {
        let mut files = self.files.lock();
        if files.len() >= DAMAGE_LISTED_MAX && !files.contains_key(path) {
            return;
        }
        let entry = files.entry(path.to_owned()).or_default();
        entry.path = path.to_owned();
        entry.failures += 1;
        entry.why = why;
    }

    pub fn gap(&self, what: String, lost_bytes: u64) {
        let mut gaps = self.gaps.lock();
        if gaps.len() < DAMAGE_LISTED_MAX {
            gaps.push(Gap { what, lost_bytes });
        }
    }

    pub fn pages(&self) -> u64 {
        self.pages.load(Ordering::Relaxed)
    }

    pub fn files(&self) -> Vec<DamagedFile> {
        self.files.lock().values().cloned().collect()
    }

    pub fn gaps(&self) -> Vec<Gap> {
        self.gaps.lock().clone()
    }
}
