//! What can go wrong, as far as a caller can act on it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use vocabulary::ports::StoreError;

/// Why a directory cannot be opened as a store.
#[derive(Debug)]
pub enum OpenError {
    /// Another process holds the directory.
    Locked(PathBuf),
    /// Written by a version whose formats this one does not know. Nothing was written.
    Version { found: String, why: String },
    /// Files that should be there are not, or not readable at all.
    Disk(DiskError),
    /// The configuration contradicts itself.
    Config(String),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Locked(directory) => {
                write!(f, "the store in {} is in use by another process", directory.display())
            }
            OpenError::Version { found, why } => {
                write!(f, "the store was written by another version ({found}): {why}; nothing was changed")
            }
            OpenError::Disk(error) => error.fmt(f),
            OpenError::Config(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<DiskError> for OpenError {
    fn from(error: DiskError) -> OpenError {
        OpenError::Disk(error)
    }
}

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

/// Says what was being done when an `io::Error` came.
pub trait Doing<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, DiskError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, DiskError> {
        self.map_err(|cause| DiskError { doing, path: path.to_owned(), cause })
    }
}
