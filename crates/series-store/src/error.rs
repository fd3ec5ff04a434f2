//! What can go wrong at the start, as far as a caller can act on it.

use std::fmt;
use std::path::PathBuf;

use disk::DiskError;

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
