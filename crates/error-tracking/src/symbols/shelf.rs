//! Chunks that were sent, and bundles that were made of them, as files.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use formats::sentry::zip::Source;
use parking_lot::Mutex;
use vocabulary::Timestamp;

use super::disk::{Disk, Named, bundle, chunk, partial};
use super::sum::Summing;
use super::{ArtifactError, Sum};
use crate::limits::{CHUNKS_KEPT_SECONDS, MAX_BUNDLE_BYTES, MAX_CHUNK_BYTES, MAX_CHUNKS, MAX_CHUNKS_BYTES};

pub(super) struct Shelf {
    disk: Arc<dyn Disk>,
    chunks: Mutex<Chunks>,
}

/// Those that wait for the rest of their bundle.
#[derive(Default)]
struct Chunks {
    known: HashMap<Sum, Chunk>,
    bytes: u64,
}

struct Chunk {
    bytes: u64,
    at: Timestamp,
}

/// What became of putting chunks together.
pub(super) enum Joined {
    /// A file that is whole, and not yet a bundle.
    Whole(String),
    /// These have to be sent, or sent again.
    Missing(Vec<Sum>),
}

impl Shelf {
    /// With the bundles that are there.
    pub(super) fn open(disk: Arc<dyn Disk>, now: Timestamp) -> io::Result<(Shelf, Vec<Sum>)> {
        let (mut chunks, mut bundles) = (Chunks::default(), Vec::new());
        for (name, bytes) in disk.list()? {
            match Named::read(&name) {
                Named::Chunk(sum) => chunks.add(sum, Chunk { bytes, at: now }),
                Named::Bundle(sum) => bundles.push(sum),
                Named::Partial => disk.remove(&name)?,
                Named::NotOurs => tracing::warn!(name, "a file among the artifacts is none of them"),
            }
        }
        Ok((Shelf { disk, chunks: Mutex::new(chunks) }, bundles))
    }

    /// Of these, in their order.
    pub(super) fn missing(&self, wanted: &[Sum]) -> Vec<Sum> {
        let chunks = self.chunks.lock();
        wanted.iter().filter(|sum| !chunks.known.contains_key(sum)).copied().collect()
    }

    pub(super) fn put(&self, sum: Sum, bytes: &[u8], now: Timestamp) -> Result<(), ArtifactError> {
        if bytes.len() > MAX_CHUNK_BYTES {
            return Err(ArtifactError::Wrong(format!("a chunk has {MAX_CHUNK_BYTES} bytes at most")));
        }
        let found = Sum::of(bytes);
        if found != sum {
            let why = format!("the chunk that is said to be {sum} is {found}: it changed on its way");
            return Err(ArtifactError::Wrong(why));
        }
        if !self.missing(&[sum]).is_empty() {
            self.chunks.lock().make_room(bytes.len())?;
            self.disk.put(&chunk(sum), bytes).map_err(ArtifactError::disk("keep a chunk"))?;
            self.chunks.lock().add(sum, Chunk { bytes: bytes.len() as u64, at: now });
        }
        Ok(())
    }

    /// One behind the other. What a power cut left of a chunk is found by its sum, and asked for again.
    pub(super) fn join(&self, whole: Sum, chunks: &[Sum]) -> Result<Joined, ArtifactError> {
        let missing = self.missing(chunks);
        if !missing.is_empty() {
            return Ok(Joined::Missing(missing));
        }
        let name = partial(&bundle(whole));
        let joined = self.write_joined(&name, whole, chunks);
        if !matches!(joined, Ok(Joined::Whole(_))) {
            self.discard(&name);
        }
        joined
    }

    fn write_joined(&self, name: &str, whole: Sum, chunks: &[Sum]) -> Result<Joined, ArtifactError> {
        let failed = ArtifactError::disk("put a bundle together");
        self.disk.remove(name).map_err(failed)?;
        let (mut summing, mut length) = (Summing::default(), 0);
        for sum in chunks {
            let bytes = self.disk.read(&chunk(*sum)).unwrap_or_default();
            if Sum::of(&bytes) != *sum {
                self.forget(&[*sum]);
                return Ok(Joined::Missing(vec![*sum]));
            }
            length += bytes.len();
            if length > MAX_BUNDLE_BYTES {
                return Err(ArtifactError::Wrong(format!("a bundle has {MAX_BUNDLE_BYTES} bytes at most")));
            }
            summing.add(&bytes);
            self.disk.append(name, &bytes).map_err(failed)?;
        }
        let found = summing.sum();
        match found == whole {
            true => Ok(Joined::Whole(name.to_owned())),
            false => Err(ArtifactError::Wrong(format!("these chunks make {found}, which is not {whole}"))),
        }
    }

    /// It survives a power cut from now on, and its chunks are not needed any more.
    pub(super) fn settle(&self, name: &str, whole: Sum, chunks: &[Sum]) -> Result<(), ArtifactError> {
        self.disk.settle(name, &bundle(whole)).map_err(ArtifactError::disk("keep a bundle"))?;
        self.forget(chunks);
        Ok(())
    }

    pub(super) fn open_file(&self, name: &str) -> Result<Box<dyn Source>, ArtifactError> {
        self.disk.open(name).map_err(ArtifactError::disk("open a bundle"))
    }

    pub(super) fn open_bundle(&self, sum: Sum) -> Result<Box<dyn Source>, ArtifactError> {
        self.open_file(&bundle(sum))
    }

    pub(super) fn remove_bundle(&self, sum: Sum) -> Result<(), ArtifactError> {
        self.disk.remove(&bundle(sum)).map_err(ArtifactError::disk("remove a bundle"))
    }

    /// What cannot be removed now is removed at the next start.
    pub(super) fn discard(&self, name: &str) {
        if let Err(error) = self.disk.remove(name) {
            tracing::warn!(name, %error, "cannot remove what is left of an upload");
        }
    }

    fn forget(&self, chunks: &[Sum]) {
        for sum in chunks {
            self.chunks.lock().remove(*sum);
            self.discard(&chunk(*sum));
        }
    }

    /// Uploads that were never finished.
    pub(super) fn tend(&self, now: Timestamp) {
        let is_old = |chunk: &Chunk| now.since(chunk.at) > CHUNKS_KEPT_SECONDS;
        let old: Vec<Sum> = {
            let chunks = self.chunks.lock();
            chunks.known.iter().filter(|(_, chunk)| is_old(chunk)).map(|(sum, _)| *sum).collect()
        };
        self.forget(&old);
    }
}

impl Chunks {
    fn make_room(&self, bytes: usize) -> Result<(), ArtifactError> {
        let is_full = self.known.len() >= MAX_CHUNKS || self.bytes + bytes as u64 > MAX_CHUNKS_BYTES;
        let why = "too much that was uploaded waits to be put together: finish those uploads, or wait a day";
        if is_full { Err(ArtifactError::Full(why.into())) } else { Ok(()) }
    }

    fn add(&mut self, sum: Sum, chunk: Chunk) {
        self.bytes += chunk.bytes;
        if let Some(before) = self.known.insert(sum, chunk) {
            self.bytes -= before.bytes;
        }
    }

    fn remove(&mut self, sum: Sum) {
        if let Some(chunk) = self.known.remove(&sum) {
            self.bytes -= chunk.bytes;
        }
    }
}
