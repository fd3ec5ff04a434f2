//! What can go wrong, as far as a caller can act on it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use vocabulary::ports::EventLogError;

/// Why a directory cannot be opened as a store. Nothing was changed.
#[derive(Debug)]
pub enum OpenError {
    /// Another process holds the directory.
    Locked(PathBuf),
    /// A file of a version that this one does not know.
    Version {
        path: PathBuf,
        found: u8,
    },
    /// What is no file of this store, under the name of one.
    Foreign(PathBuf),
    Disk(DiskError),
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Locked(directory) => {
                write!(f, "the events in {} are in use by another process", directory.display())
            }
            OpenError::Version { path, found } => {
                write!(f, "{} was written by another version (format {found})", path.display())
            }
            OpenError::Foreign(path) => {
                write!(f, "{} does not begin as a file of events; move it away", path.display())
            }
            OpenError::Disk(error) => error.fmt(f),
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

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.doing, self.path.display(), self.cause)
    }
}

impl std::error::Error for DiskError {}

impl From<DiskError> for EventLogError {
    fn from(error: DiskError) -> EventLogError {
        match error.cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                EventLogError::Full(error.to_string())
            }
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
                EventLogError::Damaged(error.to_string())
            }
            _ => EventLogError::Disk(error.to_string()),
        }
    }
}

/// Says what was being done when an `io::Error` came.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, DiskError>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, doing: &'static str, path: &Path) -> Result<T, DiskError> {
        self.map_err(|cause| DiskError { doing, path: path.to_owned(), cause })
    }
}

/// What is on the disk is not what was written.
pub(crate) fn damaged(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
