//! Everything about series names in memory: from name to id and back, globs, tags, and the guard
//! against too many of them.
//!
//! What comes in: names as senders spell them, patterns, tag expressions, and at the start the names of
//! the series log. What goes out: ids (`u32`, in order of arrival, never reused), matches, counts.
//! What never happens here: disk, threads, the clock (`now` is an argument).
//!
//! | module | holds |
//! |---|---|
//! | [`arena`] | texts by id, in blocks of 1,024 that never change once full |
//! | [`table`] | name -> id |
//! | [`state`] | both, under one lock; prediction by successor; other spellings |
//! | [`guard`], [`children`] | limits on new names, and who ran into them |
//! | [`cardinality`] | where many names are |
//! | [`glob`], [`walk`] | graphite's patterns, and following one down a name |
//! | [`trie`], [`forest`] | names as trees that never change, and how they come to be |
//! | [`find`] | answers to patterns |
//! | [`tag_query`], [`tag_index`], [`tags`] | tag expressions, which series have which tags, and answers |

mod arena;
mod cardinality;
mod children;
mod find;
mod forest;
#[doc(hidden)]
pub mod fuzzing;
mod glob;
mod guard;
mod limits;
mod spelling;
mod state;
mod table;
mod tag_index;
mod tag_query;
mod tags;
mod trie;
mod walk;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};
use vocabulary::ports::Successor;
use vocabulary::{PointBatch, SeriesRef, Timestamp, ValueKind};

pub use cardinality::WideNode;
pub use guard::{GuardLimits, Limit, NameFault, Offender, Refused, RefusedCounts, RefusedName};
pub use limits::NAME_BYTES_MAX;
pub use state::MemoryUse;

use guard::Guard;
use limits::{NEWEST_NAMES, RESOLVE_UNDER_ONE_LOCK, TAGS_UNDER_ONE_LOCK};
use state::State;
use table::NameHasher;
use tag_index::TagIndex;

/// Whether a name of a batch is a series already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolved {
    Known(u32),
    /// Give it to [`Names::create`].
    Unknown,
}

/// What [`Names::create`] made, or found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    pub id: u32,
    /// The canonical name.
    pub name: Arc<str>,
    /// False if the series was there already, perhaps under another spelling or made a moment ago by
    /// another thread: then nothing is to be logged.
    pub new: bool,
}

/// Who brings a new name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Sender,
    Import,
}

/// All names of a store. Shared by threads; nothing in here waits for the disk.
pub struct Names {
    hasher: NameHasher,
    state: RwLock<State>,
    guard: Mutex<Guard>,
    newest: Mutex<VecDeque<NewName>>,
    /// Of numbers and of sketches. A lock of their own: a search for a regular expression may take long.
    tags: [RwLock<TagIndex>; 2],
    /// Held while [`Names::maintain`] runs.
    maintenance: Mutex<()>,
}

/// A series that was created a short while ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewName {
    pub id: u32,
    pub name: Arc<str>,
    pub created: Timestamp,
}

impl Names {
    pub fn new(limits: GuardLimits) -> Names {
        let hasher = NameHasher::default();
        Names {
            hasher: hasher.clone(),
            state: RwLock::new(State::new(hasher)),
            guard: Mutex::new(Guard::new(limits)),
            newest: Mutex::default(),
            tags: Default::default(),
            maintenance: Mutex::default(),
        }
    }

    /// The id of each point's name, in order; appended to `out`. `hint` is the sender's: names that come
    /// in the same order as the last time cost 10 ns each.
    pub fn resolve(
        &self,
        batch: &PointBatch,
        kind: ValueKind,
        hint: &mut Successor,
        out: &mut Vec<Resolved>,
    ) {
        out.reserve(batch.len());
        let mut last = hint.0.and_then(|series| u32::try_from(series.0).ok());
        for start in (0..batch.len()).step_by(RESOLVE_UNDER_ONE_LOCK) {
            let points = start..(start + RESOLVE_UNDER_ONE_LOCK).min(batch.len());
            last = self.state.read().resolve(batch, points, kind, last, out);
        }
        hint.0 = last.map(|id| SeriesRef(id.into()));
    }

    /// The id of one name in any spelling that was seen before; one look-up, about 100 ns.
    pub fn id(&self, name: &[u8], kind: ValueKind) -> Option<u32> {
        self.state.read().find_spelling(self.hasher.hash(name), name, kind)
    }

    /// The canonical name of the series that [`Names::create`] would make; none if there is such a series,
    /// or cannot be.
    pub fn would_create<'n>(&self, name: &'n [u8], kind: ValueKind) -> Option<Cow<'n, str>> {
        let canonical = spelling::canonical(name).ok()?;
        self.id(canonical.as_bytes(), kind).is_none().then_some(canonical)
    }

    /// Whether a series can have this name, for whoever asks before anything is made; an error says why not.
    pub fn check(name: &[u8]) -> Result<(), Refused> {
        spelling::canonical(name).map(drop).map_err(Refused::Name)
    }

    /// Makes a series of a name that [`Names::resolve`] did not know. The name may be in any spelling;
    /// what is stored is the canonical one, and the spelling is remembered for `resolve`.
    ///
    /// Ids are given in the order of these calls. A caller that logs them in that order must hold a
    /// lock of its own around this and the log.
    pub fn create(&self, name: &[u8], kind: ValueKind, now: Timestamp) -> Result<Created, Refused> {
        let hash = self.hasher.hash(name);
        if let Some(why) = self.guard.lock().refused_lately(hash, name, now) {
            return Err(why);
        }
        self.create_spelling(hash, name, kind, now, By::Sender)
    }

    /// The same for a name that an administrator brings along: how many may come a minute is no matter then,
    /// how many there may be is.
    pub fn import(&self, name: &[u8], kind: ValueKind, now: Timestamp) -> Result<Created, Refused> {
        self.create_spelling(self.hasher.hash(name), name, kind, now, By::Import)
    }

    fn create_spelling(
        &self,
        hash: u64,
        name: &[u8],
        kind: ValueKind,
        now: Timestamp,
        by: By,
    ) -> Result<Created, Refused> {
        let created = spelling::canonical(name)
            .map_err(Refused::Name)
            .and_then(|canonical| self.create_canonical(hash, name, &canonical, kind, now, by));
        if let Err(why) = created {
            self.guard.lock().refuse(hash, name, why, now);
        }
        created
    }

    fn create_canonical(
        &self,
        hash: u64,
        spelling: &[u8],
        name: &str,
        kind: ValueKind,
        now: Timestamp,
        by: By,
    ) -> Result<Created, Refused> {
        let other_spelling = spelling != name.as_bytes();
        let canonical_hash = if other_spelling { self.hasher.hash(name.as_bytes()) } else { hash };
        let mut state = self.state.write();
        let (id, new) = match state.find(canonical_hash, name.as_bytes(), kind) {
            Some(id) => (id, false),
            None => {
                self.admit(&state, name, kind, now, by).map_err(Refused::Limit)?;
                match state.insert(canonical_hash, name, kind) {
                    Ok(id) => (id, true),
                    Err(id) => (id, false),
                }
            }
        };
        if other_spelling {
            state.add_alias(hash, spelling, kind, id);
        }
        drop(state);
        let created = Created { id, name: name.into(), new };
        if created.new {
            self.remember_newest(&created, now);
        }
        Ok(created)
    }

    fn admit(&self, state: &State, name: &str, kind: ValueKind, now: Timestamp, by: By) -> Result<(), Limit> {
        let mut guard = self.guard.lock();
        if state.arena.is_full() {
            return Err(Limit::Memory);
        }
        if state.siblings(name, kind) >= guard.limits.max_children {
            return Err(Limit::Children);
        }
        match by {
            By::Sender => guard.admit(name, state.len(), now),
            By::Import => guard.has_room(state.len()),
        }
    }

    fn remember_newest(&self, created: &Created, now: Timestamp) {
        let mut newest = self.newest.lock();
        if newest.len() == NEWEST_NAMES {
            newest.pop_front();
        }
        newest.push_back(NewName { id: created.id, name: created.name.clone(), created: now });
    }

    /// For loading at the start: holds the lock until it is dropped. `expected` is the number of series
    /// of kind number that will come, about; twice as many take twice the memory of the id table, 10 bytes
    /// a series, for good.
    pub fn load(&self, expected: usize) -> Loading<'_> {
        let mut state = self.state.write();
        state.reserve(ValueKind::Number, expected);
        Loading { state }
    }

    /// Takes a series out, at once for all. Returns its name if it was there.
    pub fn remove(&self, id: u32) -> Option<String> {
        let (name, kind) = self.state.write().remove(id)?;
        if name.contains(';') {
            self.tags_of(kind).write().remove(id, &name);
        }
        Some(name)
    }

    /// Background work: brings the indexes up to date and gives memory of removed names back. To be called
    /// every second or so from a thread that may take its time (a second for a million new names); readers
    /// and writers go on meanwhile. Stops within a second or two, and without a result, when `go_on` says no.
    /// Returns whether there is more to do.
    pub fn maintain(&self, go_on: &dyn Fn() -> bool) -> bool {
        let _one_at_a_time = self.maintenance.lock();
        let mut more = false;
        for kind in [ValueKind::Number, ValueKind::Sketch] {
            more |= self.grow_forest(kind, go_on);
            more |= self.index_tags(kind, go_on);
        }
        self.reclaim(go_on) || more
    }

    fn grow_forest(&self, kind: ValueKind, go_on: &dyn Fn() -> bool) -> bool {
        let state = self.state.read();
        let forest = state.space(kind).forest.clone();
        if !forest.has_job(state.arena.next_id()) {
            return false;
        }
        let names = state.arena.snapshot(0);
        drop(state);
        let Some(grown) = forest.grown(&names, kind, &self.hasher, go_on) else { return !go_on() };
        self.state.write().space_mut(kind).forest = grown;
        true
    }

    fn tags_of(&self, kind: ValueKind) -> &RwLock<TagIndex> {
        &self.tags[usize::from(kind == ValueKind::Sketch)]
    }

    /// Some names at a time, so that nobody waits long for the index.
    fn index_tags(&self, kind: ValueKind, go_on: &dyn Fn() -> bool) -> bool {
        while go_on() {
            let mut index = self.tags_of(kind).write();
            let state = self.state.read();
            let end = state.arena.next_id().min(index.end.saturating_add(TAGS_UNDER_ONE_LOCK));
            if index.end == end {
                return false;
            }
            // Whoever removes one of these from now on takes it out of the index afterwards.
            for id in index.end..end {
                let name = state.arena.name(id).filter(|name| name.contains(';'));
                if let Some(name) = name.filter(|_| state.arena.kind(id) == Some(kind)) {
                    index.insert(id, name);
                }
            }
            index.end = end;
        }
        true
    }

    fn reclaim(&self, go_on: &dyn Fn() -> bool) -> bool {
        while go_on() {
            let mut state = self.state.write();
            // The open block, which is the last, waits until it is closed.
            let first = state.thinned.first().copied().filter(|block| state.arena.is_closed(*block));
            let Some(block) = first else { return false };
            state.thinned.remove(&block);
            state.arena.reclaim(block);
        }
        true
    }

    pub fn name(&self, id: u32) -> Option<Arc<str>> {
        self.state.read().arena.name(id).map(Arc::from)
    }

    pub fn kind(&self, id: u32) -> Option<ValueKind> {
        self.state.read().arena.kind(id)
    }

    /// Live series of both kinds.
    pub fn len(&self) -> usize {
        self.state.read().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The id that the next new series will get; all that were ever given are below.
    pub fn next_id(&self) -> u32 {
        self.state.read().arena.next_id()
    }

    pub fn memory(&self) -> MemoryUse {
        let tags = self.tags.iter().map(|tags| tags.read().bytes()).sum();
        MemoryUse { tags, ..self.state.read().bytes() }
    }

    pub fn set_limits(&self, limits: GuardLimits) {
        self.guard.lock().set_limits(limits);
    }

    /// While memory is short no new name is taken.
    pub fn set_memory_is_short(&self, short: bool) {
        self.guard.lock().memory_is_short = short;
    }

    pub fn refused_counts(&self) -> RefusedCounts {
        self.guard.lock().counts()
    }

    /// Whose names are refused by limits, worst first; at most 128 prefixes of two nodes.
    pub fn offenders(&self) -> Vec<Offender> {
        self.guard.lock().offenders()
    }

    /// The latest refused names, newest first; at most 64.
    pub fn refused_names(&self) -> Vec<RefusedName> {
        self.guard.lock().sample()
    }

    /// The latest created series since the start, newest first; at most 128.
    pub fn newest(&self) -> Vec<NewName> {
        self.newest.lock().iter().rev().cloned().collect()
    }
}

/// Names of the series log on their way into memory, in the order of the log.
pub struct Loading<'a> {
    state: parking_lot::RwLockWriteGuard<'a, State>,
}

/// The log names a series whose id is not above all before, or whose name lives already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfOrder {
    pub id: u32,
}

impl Loading<'_> {
    /// Ids must rise; those left out stay unused for ever. The name is as `create` returned it.
    pub fn add(&mut self, id: u32, kind: ValueKind, name: &str) -> Result<(), OutOfOrder> {
        let hash = self.state.hasher.hash(name.as_bytes());
        if id < self.state.arena.next_id() {
            return Err(OutOfOrder { id });
        }
        self.state.arena.skip_to(id);
        self.state.insert(hash, name, kind).map(drop).map_err(|_| OutOfOrder { id })
    }

    /// The log says that it was removed later.
    pub fn remove(&mut self, id: u32) {
        self.state.remove(id);
    }

    /// All ids below were given once, even if no name has them any more.
    pub fn reserve_ids(&mut self, next_id: u32) {
        self.state.arena.skip_to(next_id);
    }
}
