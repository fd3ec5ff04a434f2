//! A disk in memory that fails, fills up and loses power when it is told to.
//!
//! It knows what is durable: the part of a file before its last sync, and the names in a directory at its last sync. A power
//! cut takes away any of the rest: a part of unsynced bytes, some of the unsynced names.

mod random;

use std::any::Any;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::{Entry, File, Io, Space};

pub use random::Random;

/// What survives a power cut of what was not synced. A kill of the process keeps all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsynced {
    Lost,
    Kept,
    /// Any part of it, and zeros where bytes were to be.
    Some(u64),
}

#[derive(Clone, Default)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    files: BTreeMap<PathBuf, Shared>,
    durable: BTreeMap<PathBuf, Shared>,
    directories: Vec<PathBuf>,
    /// Operations that change something, so far.
    operations: u64,
    fail_at: Option<u64>,
    power_ends_at: Option<u64>,
    /// Bytes that may still be written.
    room: Option<u64>,
    locked: bool,
    on_sync: Option<OnSync>,
}

/// Told the path of each file before it is synced; the disk works on meanwhile, and other threads may use it.
pub type OnSync = Arc<dyn Fn(&Path) + Send + Sync>;

type Shared = Arc<Mutex<Content>>;

#[derive(Clone, Default)]
struct Content {
    bytes: Vec<u8>,
    synced: usize,
}

impl SimulatedDisk {
    pub fn operations(&self) -> u64 {
        self.state.lock().operations
    }

    /// The operation of this number fails, once.
    pub fn fail_at(&self, operation: u64) {
        self.state.lock().fail_at = Some(operation);
    }

    /// From this operation on everything fails.
    pub fn end_power_at(&self, operation: u64) {
        self.state.lock().power_ends_at = Some(operation);
    }

    pub fn on_sync(&self, on_sync: Option<OnSync>) {
        self.state.lock().on_sync = on_sync;
    }

    pub fn set_room(&self, room: Option<u64>) {
        self.state.lock().room = room;
    }

    /// The disk as the next start finds it.
    pub fn after_power_cut(&self, unsynced: Unsynced) -> SimulatedDisk {
        let state = self.state.lock();
        let mut random = Random::new(if let Unsynced::Some(seed) = unsynced { seed } else { 0 });
        let mut names = state.durable.clone();
        let all: Vec<&PathBuf> = state.files.keys().chain(state.durable.keys()).collect();
        for path in all {
            let keep = match unsynced {
                Unsynced::Lost => false,
                Unsynced::Kept => true,
                Unsynced::Some(_) => random.chance(50),
            };
            if keep {
                match state.files.get(path) {
                    Some(content) => drop(names.insert(path.clone(), Arc::clone(content))),
                    None => drop(names.remove(path)),
                }
            }
        }
        let files: BTreeMap<PathBuf, Shared> = names
            .into_iter()
            .map(|(path, content)| (path, Arc::new(Mutex::new(cut(&content.lock(), unsynced, &mut random)))))
            .collect();
        let next = State {
            durable: files.clone(),
            files,
            directories: state.directories.clone(),
            ..State::default()
        };
        SimulatedDisk { state: Arc::new(Mutex::new(next)) }
    }

    /// Every file with its bytes.
    pub fn contents(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let state = self.state.lock();
        state.files.iter().map(|(path, content)| (path.clone(), content.lock().bytes.clone())).collect()
    }

    /// A copy of its own, with one file changed.
    pub fn with(&self, path: &Path, bytes: Vec<u8>) -> SimulatedDisk {
        let copy = self.after_power_cut(Unsynced::Kept);
        if let Some(content) = copy.state.lock().files.get(path) {
            let synced = bytes.len();
            *content.lock() = Content { bytes, synced };
        }
        copy
    }
}

fn cut(content: &Content, unsynced: Unsynced, random: &mut Random) -> Content {
    let (all, synced) = (content.bytes.len(), content.synced.min(content.bytes.len()));
    let bytes = match unsynced {
        Unsynced::Lost => content.bytes[..synced].to_vec(),
        Unsynced::Kept => content.bytes.clone(),
        Unsynced::Some(_) => {
            let kept = synced + random.below((all - synced) as u64 + 1) as usize;
            let mut bytes = content.bytes[..kept].to_vec();
            if random.chance(30) {
                // The length got there, the bytes did not.
                bytes.resize(kept + random.below((all - kept) as u64 + 1) as usize, 0);
            }
            bytes
        }
    };
    Content { synced: bytes.len(), bytes }
}

impl State {
    /// Counts an operation that changes something, or fails it.
    fn change(&mut self) -> io::Result<()> {
        self.operations += 1;
        if self.power_ends_at.is_some_and(|end| self.operations >= end) {
            return Err(io::Error::other("the power is off"));
        }
        if self.fail_at == Some(self.operations) {
            return Err(io::Error::other("this operation fails"));
        }
        Ok(())
    }

    fn is_off(&self) -> bool {
        self.power_ends_at.is_some_and(|end| self.operations >= end)
    }

    fn get(&self, path: &Path) -> io::Result<Shared> {
        self.files.get(path).cloned().ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

struct SimulatedFile {
    path: PathBuf,
    disk: Arc<Mutex<State>>,
    content: Shared,
    may_append: bool,
}

impl File for SimulatedFile {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        if !self.may_append {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it was opened to be read only"));
        }
        let mut state = self.disk.lock();
        let mut content = self.content.lock();
        if let Err(error) = state.change() {
            // A write that fails may have got half way.
            content.bytes.extend_from_slice(&bytes[..bytes.len() / 2]);
            return Err(error);
        }
        let room = state.room.unwrap_or(u64::MAX);
        let written = (bytes.len() as u64).min(room) as usize;
        content.bytes.extend_from_slice(&bytes[..written]);
        state.room = state.room.map(|room| room - written as u64);
        if written < bytes.len() { Err(io::Error::from(io::ErrorKind::StorageFull)) } else { Ok(()) }
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        let content = self.content.lock();
        let from = content.bytes.get(offset as usize..).and_then(|rest| rest.get(..bytes.len()));
        bytes.copy_from_slice(from.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let on_sync = self.disk.lock().on_sync.clone();
        if let Some(on_sync) = on_sync {
            on_sync(&self.path);
        }
        self.disk.lock().change()?;
        let mut content = self.content.lock();
        content.synced = content.bytes.len();
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.content.lock().bytes.len() as u64)
    }
}

impl SimulatedDisk {
    fn file(&self, path: &Path, content: Shared, may_append: bool) -> Arc<dyn File> {
        Arc::new(SimulatedFile { path: path.to_owned(), disk: Arc::clone(&self.state), content, may_append })
    }
}

impl Io for SimulatedDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut state = self.state.lock();
        let parent = path.parent().unwrap_or(path);
        if !state.directories.iter().any(|directory| directory == parent) {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        state.change()?;
        let content = Shared::default();
        state.files.insert(path.to_owned(), Arc::clone(&content));
        Ok(self.file(path, content, true))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let content = self.state.lock().get(path)?;
        Ok(self.file(path, content, false))
    }

    fn open_append(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let content = self.state.lock().get(path)?;
        Ok(self.file(path, content, true))
    }

    fn truncate(&self, path: &Path, length: u64) -> io::Result<()> {
        let mut state = self.state.lock();
        state.change()?;
        let content = state.get(path)?;
        let mut content = content.lock();
        content.bytes.truncate(length as usize);
        content.synced = content.synced.min(length as usize);
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.change()?;
        let content = state.get(from)?;
        state.files.remove(from);
        state.files.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.change()?;
        state.get(path)?;
        state.files.remove(path);
        Ok(())
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.change()?;
        let content = state.get(from)?;
        state.files.insert(to.to_owned(), content);
        Ok(())
    }

    /// Directories are durable at once: what would be lost with one is lost with its names.
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.change()?;
        state.directories.extend(path.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state.lock();
        state.change()?;
        let inside = |name: &PathBuf| name.parent() == Some(path);
        state.durable.retain(|name, _| !inside(name));
        let now: Vec<_> = state
            .files
            .iter()
            .filter(|(name, _)| inside(name))
            .map(|(n, c)| (n.clone(), Arc::clone(c)))
            .collect();
        state.durable.extend(now);
        Ok(())
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let state = self.state.lock();
        if !state.directories.iter().any(|directory| directory == path) {
            return Err(io::Error::from(io::ErrorKind::NotFound));
        }
        let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let inside = |entry: &&PathBuf| entry.parent() == Some(path);
        let mut entries: Vec<Entry> = state
            .files
            .iter()
            .filter(|(file, _)| inside(file))
            .map(|(file, content)| Entry {
                name: name(file),
                bytes: content.lock().bytes.len() as u64,
                directory: false,
            })
            .collect();
        let directories = state.directories.iter().filter(inside);
        entries.extend(directories.map(|directory| Entry {
            name: name(directory),
            bytes: 0,
            directory: true,
        }));
        entries.sort();
        entries.dedup();
        Ok(entries)
    }

    fn space(&self, _: &Path) -> io::Result<Space> {
        let state = self.state.lock();
        if state.is_off() {
            return Err(io::Error::other("the power is off"));
        }
        Ok(Space { free: state.room.unwrap_or(1 << 40), total: 1 << 40 })
    }

    fn lock(&self, _: &Path) -> io::Result<Box<dyn Any + Send + Sync>> {
        let mut state = self.state.lock();
        if std::mem::replace(&mut state.locked, true) {
            return Err(io::Error::from(io::ErrorKind::WouldBlock));
        }
        Ok(Box::new(Unlock(Arc::clone(&self.state))))
    }
}

struct Unlock(Arc<Mutex<State>>);

impl Drop for Unlock {
    fn drop(&mut self) {
        self.0.lock().locked = false;
    }
}
