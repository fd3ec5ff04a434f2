//! Gauges, shared by all receivers: the value that arrived last holds, whoever received it.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use parking_lot::Mutex;

use crate::held::HeldNames;

/// One gauge. A receiver that knows its name keeps a reference and needs no look-up.
#[derive(Debug)]
pub struct Gauge {
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    /// NaN until a value is set.
    value: f64,
    /// Set since the last flush.
    touched: bool,
    /// How many more flushes it outlives; only counted where idle gauges are deleted.
    flushes_left: u32,
    /// It has outlived all of them: its value is not held any more, and it goes unless it is set again.
    ended: bool,
    /// Removed from the table: a receiver that still holds it must ask for the name again.
    removed: bool,
}

impl Gauge {
    /// False if the gauge was deleted meanwhile.
    #[inline]
    pub fn set(&self, value: f64, flushes_left: u32) -> bool {
        self.update(flushes_left, |_| value)
    }

    /// Change the value held; zero and "none" are replaced, as the original tests for truth.
    #[inline]
    pub fn change(&self, by: f64, flushes_left: u32) -> bool {
        self.update(flushes_left, |held| if held == 0.0 || held.is_nan() { by } else { held + by })
    }

    #[inline]
    fn update(&self, flushes_left: u32, new: impl FnOnce(f64) -> f64) -> bool {
        let mut held = self.held.lock();
        if held.removed {
            return false;
        }
        let value = if std::mem::take(&mut held.ended) { f64::NAN } else { held.value };
        held.value = new(value);
        held.touched = true;
        held.flushes_left = flushes_left;
        true
    }
}

/// One change of a gauge since the flush before, for a journal that brings gauges over a restart.
#[derive(Clone, Debug, PartialEq)]
pub struct GaugeChange {
    pub name: String,
    /// `None`: the gauge was deleted.
    pub value: Option<f64>,
}

/// A gauge at the turn of an interval.
#[derive(Clone, Copy, Debug)]
pub struct AtTurn {
    value: f64,
    touched: bool,
    ended: bool,
}

/// All gauges by name, in the order of their first value.
#[derive(Debug, Default)]
pub struct GaugeTable {
    rows: Vec<Row>,
    index: HashTable<u32>,
    hashes: RandomState,
    /// Deleted by command since the last flush.
    deleted: Vec<String>,
    names: Arc<HeldNames>,
}

#[derive(Debug)]
struct Row {
    name: Box<str>,
    gauge: Arc<Gauge>,
    /// Not set by a client and not theirs to delete by neglect.
    own: bool,
}

impl GaugeTable {
    pub fn new(names: Arc<HeldNames>) -> GaugeTable {
        GaugeTable { names, ..GaugeTable::default() }
    }

    /// The gauge of that name; `None` if it is new and there is no room for it.
    pub fn find_or_add(&mut self, name: &str, max_names: usize) -> Option<Arc<Gauge>> {
        if let Some(at) = self.position(name) {
            return Some(Arc::clone(&self.rows[at].gauge));
        }
        self.names.have_room(max_names).then(|| self.add(name, false))
    }

    /// A gauge of our own, whatever the limits.
    pub fn set_own(&mut self, name: &str, value: f64) {
        let gauge = match self.position(name) {
            Some(at) => Arc::clone(&self.rows[at].gauge),
            None => self.add(name, true),
        };
        gauge.held.lock().value = value;
    }

    /// Put back a value from before a restart. It counts as unchanged.
    pub fn restore(&mut self, name: &str, value: f64, flushes_left: u32, max_names: usize) -> bool {
        let Some(gauge) = self.find_or_add(name, max_names) else { return false };
        let mut held = gauge.held.lock();
        held.value = value;
        held.flushes_left = flushes_left;
        true
    }

    /// Values in order, as they are now.
    pub fn each(&self, mut each: impl FnMut(&str, f64)) {
        for row in &self.rows {
            let value = row.gauge.held.lock().value;
            each(&row.name, value);
        }
    }

    /// The turn of an interval, in few words as receivers wait for it: all values, and, where `deletes`, an
    /// end to gauges that were idle for too long.
    pub fn turn(&self, deletes: bool, values: &mut Vec<AtTurn>) {
        values.clear();
        values.extend(self.rows.iter().map(|row| {
            let held = &mut *row.gauge.held.lock();
            if deletes && !row.own {
                held.flushes_left = held.flushes_left.saturating_sub(1);
                held.ended = held.flushes_left == 0;
            }
            AtTurn { value: held.value, touched: std::mem::take(&mut held.touched), ended: held.ended }
        }));
    }

    /// What [`GaugeTable::turn`] saw, by name, and what changed in the interval. Nothing may be deleted
    /// between the two.
    pub fn report(&mut self, values: &[AtTurn], mut each: impl FnMut(&str, f64)) -> Vec<GaugeChange> {
        let gone = self.deleted.drain(..).map(|name| GaugeChange { name, value: None });
        let mut changes: Vec<GaugeChange> = gone.collect();
        let mut ended = Vec::new();
        for (at, (row, seen)) in self.rows.iter().zip(values).enumerate() {
            each(&row.name, seen.value);
            if seen.ended {
                changes.push(GaugeChange { name: row.name.to_string(), value: None });
                let held = &mut *row.gauge.held.lock();
                // It may have been set again since.
                held.removed = held.ended;
                ended.extend(held.ended.then_some(at));
            } else if seen.touched {
                changes.push(GaugeChange { name: row.name.to_string(), value: Some(seen.value) });
            }
        }
        if !ended.is_empty() {
            self.remove(&ended);
        }
        changes
    }

    /// Delete by name; false if there is none.
    pub fn delete(&mut self, name: &str) -> bool {
        let Some(at) = self.position(name) else { return false };
        self.rows[at].gauge.held.lock().removed = true;
        self.remove(&[at]);
        self.deleted.push(name.to_owned());
        true
    }

    fn position(&self, name: &str) -> Option<usize> {
        let row = |at: &u32| &self.rows[*at as usize];
        self.index.find(self.hashes.hash_one(name), |at| *row(at).name == *name).map(|at| *at as usize)
    }

    fn add(&mut self, name: &str, own: bool) -> Arc<Gauge> {
        let held = Held { value: f64::NAN, touched: false, flushes_left: 0, ended: false, removed: false };
        self.names.take(name);
        let gauge = Arc::new(Gauge { held: Mutex::new(held) });
        let at = self.rows.len() as u32;
        self.rows.push(Row { name: name.into(), gauge: Arc::clone(&gauge), own });
        let (rows, hashes) = (&self.rows, &self.hashes);
        self.index.insert_unique(hashes.hash_one(name), at, |at| hashes.hash_one(&*rows[*at as usize].name));
        gauge
    }

    /// Take out the rows at these rising positions and keep the order of the rest.
    fn remove(&mut self, positions: &[usize]) {
        let (mut at, mut next) = (0, positions.iter().peekable());
        self.rows.retain(|row| {
            let gone = next.next_if(|position| **position == at).is_some();
            at += 1;
            if gone {
                self.names.give_back(&row.name);
            }
            !gone
        });
        self.index.clear();
        let (rows, hashes) = (&self.rows, &self.hashes);
        let hash = |at: &u32| hashes.hash_one(&*rows[*at as usize].name);
        for at in 0..rows.len() as u32 {
            self.index.insert_unique(hash(&at), at, hash);
        }
    }
}
