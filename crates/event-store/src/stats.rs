//! What the store counts, since its start.

use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Default)]
pub struct Counters {
    pub appended_events: Counter,
    pub appended_bytes: Counter,
    pub written_bytes: Counter,
    pub repeats: Counter,
    pub failed_batches: Counter,
    pub read_events: Counter,
    pub damaged_events: Counter,
    pub expired_events: Counter,
    pub erased_events: Counter,
}
