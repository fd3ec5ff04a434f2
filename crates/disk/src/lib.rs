//! Files as the stores ask for them, so that tests can break the disk.
//!
//! What comes in: paths, bytes to append, and when something has to survive a power cut. What goes out: bytes, and what failed
//! with what was being done to which file. What never happens here: knowledge of what is in a file, a file that is changed in
//! place, a thread, a clock.
//!
//! | module | holds |
//! |---|---|
//! | [`simulated`] | a disk in memory that fails, fills up and loses power, for the tests of the stores |

mod error;
mod real;
pub mod simulated;
#[cfg(test)]
mod tests;
mod whole;

use std::any::Any;
use std::io;
use std::path::Path;
use std::sync::Arc;

pub use error::{DiskError, Doing};
pub use real::RealIo;
pub use whole::{read_whole, replace_whole};

/// What a store asks of a file system. Real: [`RealIo`]; tests bring one that fails or loses power.
pub trait Io: Send + Sync {
    /// A new empty file, to be read and appended to. What was there under the name is gone; whoever has it open, or linked
    /// it under another name, keeps it.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// An existing file, to be read only.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// An existing file, to be read and appended to.
    fn open_append(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    fn truncate(&self, path: &Path, length: u64) -> io::Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn create_dir(&self, path: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in the directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Names and lengths of the files, names of the directories (length 0), in order.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;
    fn space(&self, path: &Path) -> io::Result<Space>;
    /// Held until the answer is dropped. `WouldBlock` if another process holds it.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Any + Send + Sync>>;
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    pub name: String,
    pub bytes: u64,
    pub directory: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Space {
    pub free: u64,
    pub total: u64,
}

pub trait File: Send + Sync {
    /// At the end, wherever that is by now.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
    /// Fills `bytes` from `offset` on or fails with `UnexpectedEof`.
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
    /// The contents and the length survive a power cut when this returns.
    fn sync(&self) -> io::Result<()>;
    fn length(&self) -> io::Result<u64>;
}
