//! Counters over the last minute: what rates and "in the last minute" are made of.

use std::collections::{HashMap, VecDeque};

use parking_lot::Mutex;
use vocabulary::Timestamp;

const SECONDS_KEPT: usize = 61;
/// Rates are averages over so many seconds: steady enough to read, quick enough to notice.
const RATE_SECONDS: i64 = 5;

/// Snapshots of all counters, one a second.
#[derive(Default)]
pub struct History(Mutex<VecDeque<Snapshot>>);

struct Snapshot {
    at: Timestamp,
    counters: HashMap<String, f64>,
}

impl History {
    pub fn note(&self, at: Timestamp, counters: &[(String, f64)]) {
        let mut snapshots = self.0.lock();
        let before = snapshots.back().map_or(Timestamp(i64::MIN), |last| last.at);
        if before == at {
            return;
        }
        // At the start all counters were 0. Where the clock was set back, what is known would lie ahead of it and
        // hold every rate until it catches up, so only the last is kept, as of just now.
        if snapshots.is_empty() || before > at {
            let counters = snapshots.pop_back().map(|last| last.counters).unwrap_or_default();
            snapshots.clear();
            snapshots.push_back(Snapshot { at: at.minus(1), counters });
        }
        if snapshots.len() == SECONDS_KEPT {
            snapshots.pop_front();
        }
        snapshots.push_back(Snapshot { at, counters: counters.iter().cloned().collect() });
    }

    /// By how much the counter has grown since the last snapshot, if it is at `value` now. A counter that was not
    /// there began at 0, and one that is smaller has begun anew.
    pub fn growth(&self, counter: &str, value: f64) -> f64 {
        let snapshots = self.0.lock();
        let before = snapshots.back().and_then(|last| last.counters.get(counter).copied()).unwrap_or(0.0);
        if value < before { value } else { value - before }
    }

    /// Per second, over the last few seconds.
    pub fn rate(&self, counter: &str) -> Option<f64> {
        let snapshots = self.0.lock();
        let last = snapshots.back()?;
        let earlier = snapshots.iter().find(|snapshot| last.at.since(snapshot.at) <= RATE_SECONDS)?;
        let seconds = last.at.since(earlier.at);
        let grown = last.counters.get(counter)? - earlier.counters.get(counter).copied().unwrap_or(0.0);
        (seconds > 0).then(|| (grown / seconds as f64).max(0.0))
    }

    pub fn in_last_minute(&self, counter: &str) -> f64 {
        let snapshots = self.0.lock();
        let value = |snapshot: &Snapshot| snapshot.counters.get(counter).copied().unwrap_or(0.0);
        match (snapshots.front(), snapshots.back()) {
            (Some(first), Some(last)) => (value(last) - value(first)).max(0.0),
            _ => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_sums_of_a_minute() {
        let history = History::default();
        assert_eq!(history.rate("a"), None);
        for second in 0..100 {
            history.note(Timestamp(second), &[("a".into(), second as f64 * 3.0)]);
        }
        assert_eq!(history.rate("a"), Some(3.0));
        assert_eq!(history.in_last_minute("a"), 180.0);
        assert_eq!((history.rate("b"), history.in_last_minute("b")), (None, 0.0));
        for second in 0..3 {
            history.note(Timestamp(second), &[("a".into(), 300.0 + second as f64 * 3.0)]);
        }
        assert_eq!(history.rate("a"), Some(3.0), "rates go on after the clock was set back");
        assert_eq!(history.in_last_minute("a"), 9.0);
        assert_eq!([309.0, 5.0].map(|value| history.growth("a", value)), [3.0, 5.0]);
        assert_eq!(history.growth("b", 4.0), 4.0);
    }
}
