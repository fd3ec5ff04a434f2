//! Artifacts of builds, and what they are for: source maps put names in the place of what a build tool made of them.
//!
//! Comes in: chunks of uploads, and which of them make a bundle. Goes out: frames as people wrote them. Chunks and bundles are
//! files of a [`Disk`]; which bundle holds what is in the state database; maps that are in use are in memory, bounded.
//!
//! | module | holds |
//! |---|---|
//! | `disk` | the files |
//! | `shelf` | chunks put together to bundles |
//! | `tables` | which bundle holds what, for whom |
//! | `urls` | by which names a file is looked for |
//! | `maps` | parsed source maps in memory |
//! | `resolve`, `frames` | an event's frames looked up and rewritten |

mod disk;
mod frames;
mod maps;
mod resolve;
mod shelf;
mod sum;
pub(crate) mod tables;
#[cfg(test)]
mod tests;
mod urls;

use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;

use formats::sentry::bundle::{self, Manifest};
use formats::sentry::zip::Listing;
use parking_lot::{Mutex, RwLock};
use state_store::{StateError, StateStore};
use vocabulary::Timestamp;

pub use disk::{Directory, Disk};
pub use sum::Sum;

use crate::limits::{
    BUNDLES_KEPT_SECONDS, MAX_BUNDLE_BYTES, MAX_BUNDLE_PROJECTS, MAX_BUNDLES_BYTES, MAX_CHUNKS, MAX_RELEASE,
    cut,
};
use maps::{Maps, Place};
use resolve::Wanted;
use shelf::{Joined, Shelf};
use tables::{For, Kept, NewBundle};

/// Why something is not done.
#[derive(Debug)]
pub enum ArtifactError {
    /// What was sent is not right.
    Wrong(String),
    /// There is no room for it now.
    Full(String),
    Disk(String),
    State(StateError),
}

impl ArtifactError {
    fn disk(doing: &'static str) -> impl Fn(io::Error) -> ArtifactError + Copy {
        move |error| ArtifactError::Disk(format!("cannot {doing}: {error}"))
    }
}

impl From<StateError> for ArtifactError {
    fn from(error: StateError) -> ArtifactError {
        ArtifactError::State(error)
    }
}

impl std::fmt::Display for ArtifactError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ArtifactError::Wrong(why) | ArtifactError::Full(why) | ArtifactError::Disk(why) => {
                f.write_str(why)
            }
            ArtifactError::State(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ArtifactError {}

/// A bundle to be made of chunks.
#[derive(Clone, Debug)]
pub struct Assembly {
    pub checksum: Sum,
    pub chunks: Vec<Sum>,
    pub projects: Vec<u64>,
    /// What is not said is as the bundle says.
    pub release: Option<String>,
    pub dist: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assembled {
    /// These have to be sent first.
    Missing(Vec<Sum>),
    Done,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArtifactStats {
    pub bundles: u64,
    pub bundle_bytes: u64,
    /// In memory.
    pub map_bytes: u64,
}

pub struct Artifacts {
    store: Arc<StateStore>,
    shelf: Shelf,
    /// One bundle is put together at a time.
    assembling: Mutex<()>,
    /// Projects that have any.
    projects: RwLock<HashSet<u64>>,
    maps: Maps,
    places: Mutex<HashMap<Wanted, Option<Place>>>,
    /// Bundles that events needed, to be noted at the next look after them.
    used: Mutex<HashSet<i64>>,
}

impl Artifacts {
    /// Files without a record, and records without a file, are what a stop in between left: they go.
    pub fn open(
        store: Arc<StateStore>,
        disk: Arc<dyn Disk>,
        now: Timestamp,
    ) -> Result<Artifacts, ArtifactError> {
        let (shelf, files) = Shelf::open(disk, now).map_err(ArtifactError::disk("open the artifacts"))?;
        let kept = tables::all(&store)?;
        for file in files.iter().filter(|file| kept.iter().all(|kept| kept.checksum != **file)) {
            shelf.remove_bundle(*file)?;
        }
        for gone in kept.iter().filter(|kept| !files.contains(&kept.checksum)) {
            tracing::warn!(checksum = %gone.checksum, "the file of a bundle of artifacts is gone");
            tables::remove(&store, gone.id)?;
        }
        let artifacts = Artifacts {
            store,
            shelf,
            assembling: Mutex::new(()),
            projects: RwLock::default(),
            maps: Maps::default(),
            places: Mutex::default(),
            used: Mutex::default(),
        };
        artifacts.forget_what_was_found()?;
        Ok(artifacts)
    }

    /// Those of the chunks that have not been sent.
    pub fn missing(&self, chunks: &[Sum]) -> Vec<Sum> {
        self.shelf.missing(chunks)
    }

    pub fn put_chunk(&self, sum: Sum, bytes: &[u8], now: Timestamp) -> Result<(), ArtifactError> {
        self.shelf.put(sum, bytes, now)
    }

    /// The bundle is there, for these projects, and survives a power cut, when this answers that it is done.
    pub fn assemble(&self, wanted: &Assembly, now: Timestamp) -> Result<Assembled, ArtifactError> {
        wanted.check()?;
        let _alone = self.assembling.lock();
        if let Some(bundle) = tables::find(&self.store, wanted.checksum)? {
            // A checksum is no proof of having it, and what is in it is another project's.
            if !tables::is_of(&self.store, bundle, &wanted.projects)? {
                match self.shelf.join(wanted.checksum, &wanted.chunks)? {
                    Joined::Missing(missing) => return Ok(Assembled::Missing(missing)),
                    Joined::Whole(file) => self.shelf.discard(&file),
                }
            }
            let source = self.shelf.open_bundle(wanted.checksum)?;
            let (_, manifest) = bundle::read(&*source).map_err(ArtifactError::Wrong)?;
            let whose = wanted.whose(&manifest);
            self.store.transaction(|tx| tables::add_to(tx, bundle, &whose, now))?;
            self.forget_what_was_found()?;
            return Ok(Assembled::Done);
        }
        match self.shelf.join(wanted.checksum, &wanted.chunks)? {
            Joined::Missing(missing) => Ok(Assembled::Missing(missing)),
            Joined::Whole(file) => {
                let kept = self.keep(&file, wanted, now);
                if kept.is_err() {
                    self.shelf.discard(&file);
                }
                kept.map(|()| Assembled::Done)
            }
        }
    }

    fn keep(&self, file: &str, wanted: &Assembly, now: Timestamp) -> Result<(), ArtifactError> {
        let source = self.shelf.open_file(file)?;
        let (_, manifest) = bundle::read(&*source).map_err(ArtifactError::Wrong)?;
        self.make_room(source.length(), now)?;
        self.shelf.settle(file, wanted.checksum, &wanted.chunks)?;
        let new = NewBundle { checksum: wanted.checksum, bytes: source.length(), files: &manifest.files };
        let whose = wanted.whose(&manifest);
        let written = self.store.transaction(|tx| {
            let bundle = tables::insert(tx, &new, now)?;
            tables::add_to(tx, bundle, &whose, now)
        });
        if written.is_err() {
            self.shelf.remove_bundle(wanted.checksum)?;
        }
        written?;
        Ok(self.forget_what_was_found()?)
    }

    /// Those go that were not used for longest.
    fn make_room(&self, bytes: u64, now: Timestamp) -> Result<(), ArtifactError> {
        self.note_used(now)?;
        let kept = tables::all(&self.store)?;
        let mut all: u64 = kept.iter().map(|kept| kept.bytes).sum();
        for oldest in &kept {
            if all + bytes <= MAX_BUNDLES_BYTES {
                break;
            }
            tracing::warn!(checksum = %oldest.checksum, "a bundle of artifacts goes to make room for a new one");
            self.remove(oldest)?;
            all -= oldest.bytes;
        }
        Ok(())
    }

    /// Now and then: what is not needed any more goes. Answers how many bundles that were.
    pub fn tend(&self, now: Timestamp) -> Result<usize, ArtifactError> {
        let _alone = self.assembling.lock();
        self.shelf.tend(now);
        self.note_used(now)?;
        let old = tables::used_before(&self.store, now.minus(BUNDLES_KEPT_SECONDS))?;
        old.iter().try_for_each(|bundle| self.remove(bundle))?;
        Ok(old.len())
    }

    pub fn stats(&self) -> Result<ArtifactStats, ArtifactError> {
        let kept = tables::all(&self.store)?;
        Ok(ArtifactStats {
            bundles: kept.len() as u64,
            bundle_bytes: kept.iter().map(|kept| kept.bytes).sum(),
            map_bytes: self.maps.bytes() as u64,
        })
    }

    fn note_used(&self, now: Timestamp) -> Result<(), StateError> {
        let used = std::mem::take(&mut *self.used.lock());
        if used.is_empty() {
            return Ok(());
        }
        self.store.transaction(|tx| used.iter().try_for_each(|bundle| tables::used(tx, *bundle, now)))
    }

    fn remove(&self, bundle: &Kept) -> Result<(), ArtifactError> {
        tables::remove(&self.store, bundle.id)?;
        self.forget_what_was_found()?;
        self.shelf.remove_bundle(bundle.checksum)
    }

    /// Another bundle may hold what was looked for.
    fn forget_what_was_found(&self) -> Result<(), StateError> {
        let projects = tables::projects(&self.store)?;
        *self.projects.write() = projects.into_iter().collect();
        self.places.lock().clear();
        self.maps.clear();
        Ok(())
    }

    fn serves(&self, project: u64) -> bool {
        self.projects.read().contains(&project)
    }

    /// A file of a bundle.
    fn file(&self, place: &Place, path: &str, most: usize) -> Result<Vec<u8>, String> {
        let source = self.shelf.open_bundle(place.checksum).map_err(|error| error.to_string())?;
        Listing::read(&*source)?.file(&*source, path, most)
    }
}

impl Assembly {
    fn check(&self) -> Result<(), ArtifactError> {
        let wrong = |why: String| Err(ArtifactError::Wrong(why));
        if self.projects.is_empty() || self.projects.len() > MAX_BUNDLE_PROJECTS {
            return wrong(format!("a bundle is for 1 to {MAX_BUNDLE_PROJECTS} projects"));
        }
        if self.chunks.is_empty() || self.chunks.len() > MAX_CHUNKS {
            let most = MAX_BUNDLE_BYTES >> 20;
            return wrong(format!("a bundle is made of chunks, {MAX_CHUNKS} and {most} MiB at most"));
        }
        let is_long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > MAX_RELEASE);
        if is_long(&self.release) || is_long(&self.dist) {
            return wrong(format!("a release and a dist have {MAX_RELEASE} bytes at most"));
        }
        Ok(())
    }

    /// What is not said here is as the bundle says.
    fn whose<'a>(&'a self, manifest: &'a Manifest) -> For<'a> {
        let said = |own: &'a Option<String>, bundle: &'a Option<String>| {
            own.as_ref().or(bundle.as_ref()).map_or("", |text| cut(text, MAX_RELEASE))
        };
        For {
            projects: &self.projects,
            release: said(&self.release, &manifest.release),
            dist: said(&self.dist, &manifest.dist),
        }
    }
}
