//! Entries for fuzzers: bytes from a disk that nobody can trust. None of them may panic.

use std::any::Any;
use std::io;
use std::path::Path;
use std::sync::Arc;

use disk::{Entry, File, Io, Space};

use crate::block::{BlockFile, OpenFiles, recover_meta};
use crate::damage::Damage;
use crate::value::Value;
use crate::wal::{self, Records};
use crate::wal_record::{RecordReader, read_parts};
use crate::{manifest, series_log};

/// A segment of the log.
pub fn log_segment(bytes: &[u8]) {
    wal::read_header(bytes);
    let mut records = Records::new(bytes);
    loop {
        for (_, payload) in records.by_ref() {
            record(payload);
        }
        if !records.resync() {
            return;
        }
    }
}

/// A record's payload, whose checksum was right.
pub fn record(payload: &[u8]) {
    let Ok(parts) = read_parts(payload) else { return };
    for record in parts.records {
        let Ok(mut reader) = RecordReader::new(record) else { return };
        while let Ok(Some(_)) = reader.next_point() {}
    }
}

pub fn series_log(bytes: &[u8]) {
    let _ = series_log::load(bytes, &mut |_| Ok(()));
    let _ = series_log::read_batch(bytes, &mut |_| Ok(()));
}

pub fn manifest(bytes: &[u8]) {
    drop(manifest::read(bytes));
}

/// A block file: its ends, its index, and all its pages.
pub fn block_file(bytes: &[u8]) {
    let path = Path::new("t1-60/0-0-0-1.blk");
    let io: Arc<dyn Io> = Arc::new(OneFile(Arc::from(bytes)));
    let Some(meta) = recover_meta(&*io, path, bytes.len() as u64) else { return };
    let file =
        BlockFile::new(meta, Path::new(""), io, Arc::new(OpenFiles::default()), Arc::new(Damage::default()));
    let Ok(mut scan) = file.scan() else { return };
    // A forged header may claim any number of slots.
    let slots = (meta.slots as usize).min(20_000);
    let mut row = vec![f64::NAN; slots];
    while scan.peek().is_some() {
        let Ok(page) = scan.take() else { return };
        let _ = f64::decode(page, slots, 0..slots, &mut row);
    }
    file.read(&[0, 1, 700, u16::MAX], &mut |_, _| Ok(()));
}

/// A file system of one file.
struct OneFile(Arc<[u8]>);

impl File for OneFile {
    fn append(&self, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let from = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)?.get(..bytes.len()));
        bytes.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }
}

impl Io for OneFile {
    fn open(&self, _: &Path) -> io::Result<Arc<dyn File>> {
        Ok(Arc::new(OneFile(Arc::clone(&self.0))))
    }

    fn create(&self, _: &Path) -> io::Result<Arc<dyn File>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn open_append(&self, _: &Path) -> io::Result<Arc<dyn File>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn truncate(&self, _: &Path, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn rename(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn remove(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn link(&self, _: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn create_dir(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync_dir(&self, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn list(&self, _: &Path) -> io::Result<Vec<Entry>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}
