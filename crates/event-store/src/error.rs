//! What can go wrong, as far as a caller can act on it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use disk::DiskError;

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

/// What is on the disk is not what was written.
pub(crate) fn damaged(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
