//! What failed, and what whoever uses a store is told of it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use vocabulary::ports::{EventLogError, StoreError};

/// A failed operation on a file, with what was being done to which file.
#[derive(Debug)]
pub struct DiskError {
    pub doing: &'static str,
    pub path: PathBuf,
    pub cause: io::Error,
}

impl DiskError {
    /// No space left, or over a quota: goes away by itself when somebody makes room.
    pub fn is_full(&self) -> bool {
        matches!(self.cause.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }

    /// What is on the disk is not what was written.
    pub fn is_damage(&self) -> bool {
        matches!(self.cause.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof)
    }

    /// The same for whoever else it concerns.
    pub fn again(&self) -> DiskError {
        let cause = io::Error::new(self.cause.kind(), self.cause.to_string());
        DiskError { doing: self.doing, path: self.path.clone(), cause }
    }
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.doing, self.path.display(), self.cause)
    }
}

impl std::error::Error for DiskError {}

impl From<DiskError> for StoreError {
    fn from(error: DiskError) -> StoreError {
        StoreError::Disk(error.to_string())
    }
}

impl From<DiskError> for EventLogError {
    fn from(error: DiskError) -> EventLogError {
        let told = error.to_string();
        if error.is_full() {
            EventLogError::Full(told)
        } else if error.is_damage() {
            EventLogError::Damaged(told)
        } else {
            EventLogError::Disk(told)
        }
    }
}

/// Says what was being done when an `io::Error` came.
pub trait Doing<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, DiskError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, DiskError> {
        self.map_err(|cause| DiskError { doing, path: path.to_owned(), cause })
    }
}
