//! How many names are held in all, over counters, timers, sets and gauges, and whether there is room for one more.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::limits::HELD_NAME_BYTES;

#[derive(Debug, Default)]
pub struct HeldNames {
    names: AtomicUsize,
    bytes: AtomicUsize,
}

impl HeldNames {
    pub fn take(&self, key: &str) {
        self.names.fetch_add(1, Relaxed);
        self.bytes.fetch_add(key.len(), Relaxed);
    }

    pub fn give_back(&self, key: &str) {
        self.names.fetch_sub(1, Relaxed);
        self.bytes.fetch_sub(key.len(), Relaxed);
    }

    pub fn names(&self) -> usize {
        self.names.load(Relaxed)
    }

    pub fn have_room(&self, max_names: usize) -> bool {
        self.names() < max_names && self.bytes.load(Relaxed) < HELD_NAME_BYTES
    }
}
