//! What has been gathered by all receivers since the last flush, and which names are held.
//!
//! Names stay from flush to flush, as objects of the original do: an idle counter is 0, an idle timer or set
//! counts 0. Where idle ones are deleted, a name that comes back is put behind the others again; only its
//! place in memory is kept for a while.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::held::HeldNames;
use crate::sets::Members;
use crate::shard::{Class, Collector, Shared};
use crate::timers::Timer;

/// Flushes after which a deleted name gives up its place in memory.
const FLUSHES_KEPT: u32 = 60;
/// Fewer deleted names than this are not worth the work.
const SWEEP_FROM: usize = 1024;

/// The names of one class with what they hold.
#[derive(Debug)]
pub struct Table<T> {
    rows: Vec<Row<T>>,
    index: HashTable<u32>,
    hashes: RandomState,
    created: u64,
}

#[derive(Debug)]
pub struct Row<T> {
    pub key: Box<str>,
    pub held: T,
    /// What an object lists its keys by.
    pub created: u64,
    /// Deleted, and not named since, if false.
    pub present: bool,
    /// Flushes since it was present.
    absent_for: u32,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Table { rows: Vec::new(), index: HashTable::new(), hashes: RandomState::default(), created: 0 }
    }
}

impl<T: Default> Table<T> {
    /// The place of `key`, if there is one.
    pub fn position(&self, key: &str) -> Option<u32> {
        self.index.find(self.hashes.hash_one(key), |at| *self.rows[*at as usize].key == *key).copied()
    }

    fn add(&mut self, key: &str, names: &HeldNames) -> u32 {
        names.take(key);
        let at = self.rows.len() as u32;
        let row = Row { key: key.into(), held: T::default(), created: 0, present: false, absent_for: 0 };
        self.rows.push(row);
        let (rows, hashes) = (&self.rows, &self.hashes);
        self.index.insert_unique(hashes.hash_one(key), at, |at| hashes.hash_one(&*rows[*at as usize].key));
        at
    }

    /// The row at a place, present from now on. True if it was not before.
    pub fn touch(&mut self, position: u32) -> (&mut Row<T>, bool) {
        let row = &mut self.rows[position as usize];
        let fresh = !row.present;
        if fresh {
            self.created += 1;
            row.present = true;
            row.absent_for = 0;
            row.created = self.created;
        }
        (row, fresh)
    }

    pub fn present(&self) -> impl Iterator<Item = &Row<T>> {
        self.rows.iter().filter(|row| row.present)
    }

    pub fn present_mut(&mut self) -> impl Iterator<Item = &mut Row<T>> {
        self.rows.iter_mut().filter(|row| row.present)
    }

    /// Delete by name; false if there is none.
    pub fn delete(&mut self, key: &str) -> bool {
        let Some(at) = self.position(key) else { return false };
        let row = &mut self.rows[at as usize];
        row.held = T::default();
        std::mem::replace(&mut row.present, false)
    }

    fn age(&mut self) -> Ages {
        let mut ages = Ages::default();
        for row in self.rows.iter_mut() {
            row.absent_for = if row.present { 0 } else { row.absent_for.saturating_add(1) };
            ages.absent += usize::from(!row.present);
            ages.stale += usize::from(row.absent_for > FLUSHES_KEPT);
        }
        ages
    }

    /// Take out the rows that have been absent for more than so many flushes.
    fn sweep(&mut self, flushes: u32, names: &HeldNames) {
        self.rows.retain(|row| {
            let stays = row.absent_for <= flushes;
            if !stays {
                names.give_back(&row.key);
            }
            stays
        });
        self.index.clear();
        let (rows, hashes) = (&self.rows, &self.hashes);
        let hash = |at: &u32| hashes.hash_one(&*rows[*at as usize].key);
        for at in 0..rows.len() as u32 {
            self.index.insert_unique(hash(&at), at, hash);
        }
    }
}

/// Of the rows of a table, how many are absent, and for long.
#[derive(Clone, Copy, Debug, Default)]
struct Ages {
    absent: usize,
    stale: usize,
}

/// The three classes that receivers gather apart; gauges are shared as they are.
#[derive(Debug)]
pub struct Ledger {
    pub counters: Table<f64>,
    pub timers: Table<Timer>,
    pub sets: Table<Members>,
    max_names: usize,
    shared: Arc<Shared>,
}

impl Ledger {
    pub fn new(max_names: usize, shared: Arc<Shared>) -> Ledger {
        Ledger {
            counters: Table::default(),
            timers: Table::default(),
            sets: Table::default(),
            max_names,
            shared,
        }
    }

    pub fn set_max_names(&mut self, max_names: usize) {
        self.max_names = max_names;
    }

    /// Add to one of our own counters, whatever the limits. The original adds to what may have been deleted
    /// by command, which makes it not a number until the next flush.
    pub fn count_own(&mut self, key: &str, number: u64) {
        let known = self.counters.position(key);
        let at = known.unwrap_or_else(|| self.counters.add(key, &self.shared.names));
        if known.is_some() && number == 0 {
            return;
        }
        let (row, fresh) = self.counters.touch(at);
        row.held = if fresh && known.is_some() { f64::NAN } else { row.held + number as f64 };
    }

    /// The turn of an interval. If it pays to give up the places of deleted names: of those that have been
    /// absent for more than so many flushes.
    pub fn age(&mut self) -> Option<u32> {
        let ages = [self.counters.age(), self.timers.age(), self.sets.age()];
        let absent: usize = ages.iter().map(|ages| ages.absent).sum();
        let stale: usize = ages.iter().map(|ages| ages.stale).sum();
        let names = self.shared.names.names();
        let mostly_stale = stale > SWEEP_FROM && stale > names / 2;
        let nearly_full = names > self.max_names / 4 * 3 && absent > self.max_names / 4;
        if nearly_full { Some(0) } else { mostly_stale.then_some(FLUSHES_KEPT) }
    }

    /// Give up the places of names that are gone. Places change: receivers must have forgotten theirs.
    pub fn sweep(&mut self, flushes: u32) {
        self.counters.sweep(flushes, &self.shared.names);
        self.timers.sweep(flushes, &self.shared.names);
        self.sets.sweep(flushes, &self.shared.names);
    }
}

impl Collector for Ledger {
    fn position(&mut self, class: Class, key: &str) -> Option<u32> {
        let known = match class {
            Class::Counter => self.counters.position(key),
            Class::Timer => self.timers.position(key),
            Class::Set => self.sets.position(key),
            Class::Gauge => None,
        };
        if known.is_some() {
            return known;
        }
        let names = &self.shared.names;
        if !names.have_room(self.max_names) {
            return None;
        }
        match class {
            Class::Counter => Some(self.counters.add(key, names)),
            Class::Timer => Some(self.timers.add(key, names)),
            Class::Set => Some(self.sets.add(key, names)),
            Class::Gauge => None,
        }
    }

    fn counter(&mut self, position: u32, sum: f64) {
        self.counters.touch(position).0.held += sum;
    }

    fn timer(&mut self, position: u32, timer: &mut Timer) {
        self.timers.touch(position).0.held.take(timer);
    }

    fn set(&mut self, position: u32, members: &mut Members) {
        self.sets.touch(position).0.held.take(members);
    }
}
