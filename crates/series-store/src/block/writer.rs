//! Writes a file under a temporary name, and gives it its own when it is whole and durable.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{DiskError, Doing, File, Io};

use super::ends::{TOP_ENTRY_BYTES, footer, header};
use crate::bytes::put_varint;
use crate::limits::*;
use crate::manifest::FileMeta;

/// Writes one file under a temporary name.
pub struct BlockWriter {
    io: Arc<dyn Io>,
    path: PathBuf,
    file: Arc<dyn File>,
    meta: FileMeta,
    buffer: Vec<u8>,
    /// Bytes before the buffer.
    written: u64,
    index: Vec<u8>,
    top: Vec<u8>,
    block: Vec<u8>,
    block_series: usize,
    last: Option<u16>,
}

const WRITE_BUFFER: usize = 1 << 20;

impl BlockWriter {
    /// `meta` says what the file is; its counts are filled in by [`BlockWriter::finish`].
    pub fn create(io: Arc<dyn Io>, blocks: &Path, meta: FileMeta) -> Result<BlockWriter, DiskError> {
        let path = meta.path(blocks);
        let temporary = temporary(&path);
        let file = match io.create(&temporary) {
            // The first file of its tier.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let directory = path.parent().unwrap_or(blocks);
                io.create_dir(directory).doing("create", directory)?;
                io.sync_dir(blocks).doing("sync", blocks)?;
                io.create(&temporary)
            }
            created => created,
        };
        let file = file.doing("create", &temporary)?;
        let meta = FileMeta { series: 0, bytes: 0, codecs: 0, ..meta };
        Ok(BlockWriter {
            io,
            path,
            file,
            meta,
            buffer: header(&meta).to_vec(),
            written: 0,
            index: Vec::new(),
            top: Vec::new(),
            block: Vec::new(),
            block_series: 0,
            last: None,
        })
    }

    /// Series come in rising order. Returns how many bytes went to the file since the last call, for pacing.
    pub fn push(&mut self, local: u16, page: &[u8], codecs: u64) -> Result<(), DiskError> {
        debug_assert!(self.last.is_none_or(|last| last < local), "series come in rising order");
        if self.block_series == INDEX_BLOCK_SERIES {
            self.end_block();
        }
        if self.block_series == 0 {
            let offset = self.written + self.buffer.len() as u64;
            self.top.extend_from_slice(&local.to_le_bytes());
            self.top.extend_from_slice(&[0; 2]);
            self.top.extend_from_slice(&offset.to_le_bytes()[..5]);
        } else {
            let last = self.last.expect("a block that is begun has a last series");
            put_varint(&mut self.block, u64::from(local - last));
        }
        put_varint(&mut self.block, page.len() as u64);
        self.block_series += 1;
        self.last = Some(local);
        self.meta.series += 1;
        self.meta.codecs |= codecs;
        self.buffer.extend_from_slice(page);
        if self.buffer.len() >= WRITE_BUFFER { self.write_buffer() } else { Ok(()) }
    }

    fn end_block(&mut self) {
        if self.block_series == 0 {
            return;
        }
        let crc = crc32c::crc32c(&self.block);
        self.block.extend_from_slice(&crc.to_le_bytes());
        // A block is at most 64 series of 3 + 5 bytes and a checksum.
        let length = self.block.len() as u16;
        let at = self.top.len() - TOP_ENTRY_BYTES + 2;
        self.top[at..at + 2].copy_from_slice(&length.to_le_bytes());
        self.index.append(&mut self.block);
        self.block_series = 0;
    }

    fn write_buffer(&mut self) -> Result<(), DiskError> {
        self.file.append(&self.buffer).doing("write", &self.path)?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }

    /// The file is durable under its name when this returns; `None` if it would hold no series.
    pub fn finish(mut self) -> Result<Option<FileMeta>, DiskError> {
        if self.meta.series == 0 {
            self.discard();
            return Ok(None);
        }
        self.end_block();
        let index_offset = self.written + self.buffer.len() as u64;
        let footer = footer(index_offset, self.index.len() as u64, &self.top, &self.meta);
        self.buffer.extend_from_slice(&self.index);
        self.buffer.extend_from_slice(&self.top);
        self.buffer.extend_from_slice(&footer);
        let done = self.publish();
        if done.is_err() {
            drop(self.io.remove(&self.path));
            self.discard();
        }
        done.map(|()| Some(self.meta))
    }

    fn publish(&mut self) -> Result<(), DiskError> {
        self.write_buffer()?;
        self.file.sync().doing("sync", &self.path)?;
        let temporary = temporary(&self.path);
        self.io.rename(&temporary, &self.path).doing("rename", &temporary)?;
        let directory = self.path.parent().unwrap_or(Path::new("."));
        self.io.sync_dir(directory).doing("sync", directory)?;
        self.meta.bytes = self.written;
        Ok(())
    }

    /// Leave nothing behind. What cannot be removed now is removed at the next start.
    pub fn discard(&self) {
        drop(self.io.remove(&temporary(&self.path)));
    }
}

fn temporary(path: &Path) -> PathBuf {
    path.with_extension("tmp")
}
