//! Since when which points may have changed: what lets an answer be given twice without ever being stale.
//!
//! Whoever keeps an answer takes a moment before it reads. Every change is noted after it can be read and before
//! its sender is told, with the time of the oldest point that it touched; so what lies wholly before all that was
//! noted since the moment is as it was.

use std::collections::VecDeque;

use parking_lot::Mutex;

use crate::limits::CHANGES_MAX;

/// Everything may be different: series came or went, whole archives were put in, policies changed.
pub const EVERYTHING: i64 = i64::MIN;

#[derive(Default)]
pub struct Changes(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// Moments that were taken.
    moment: u64,
    /// Changes up to this moment are forgotten.
    forgotten: u64,
    /// After which moment the oldest touched time was which. Times rise: an older time that came later stands for
    /// all before it.
    log: VecDeque<(u64, i64)>,
}

impl Changes {
    /// The oldest time that was touched since no moment before.
    pub fn note(&self, oldest: i64) {
        let mut inner = self.0.lock();
        let moment = inner.moment;
        // Another already stands for it: the usual case, a lock and two comparisons.
        if inner.log.back().is_some_and(|(after, time)| *after == moment && *time <= oldest) {
            return;
        }
        while inner.log.back().is_some_and(|(_, time)| *time >= oldest) {
            inner.log.pop_back();
        }
        inner.log.push_back((moment, oldest));
        if inner.log.len() > CHANGES_MAX
            && let Some((after, _)) = inner.log.pop_front()
        {
            inner.forgotten = after;
        }
    }

    /// Changes from now on are told apart from those before.
    pub fn moment(&self) -> u64 {
        let mut inner = self.0.lock();
        let newest = inner.log.back().map_or(0, |(after, _)| *after);
        if newest == inner.moment {
            inner.moment += 1;
        }
        inner.moment
    }

    /// The oldest time that was touched since the moment; none if nothing was.
    pub fn oldest_since(&self, moment: u64) -> Option<i64> {
        let inner = self.0.lock();
        if moment <= inner.forgotten {
            return Some(EVERYTHING);
        }
        let first = inner.log.partition_point(|(after, _)| *after < moment);
        inner.log.get(first).map(|(_, time)| *time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_since_a_moment_counts() {
        let changes = Changes::default();
        let start = changes.moment();
        assert_eq!(changes.oldest_since(start), None);
        changes.note(100);
        changes.note(120);
        assert_eq!(changes.oldest_since(start), Some(100));
        let later = changes.moment();
        assert_eq!((changes.oldest_since(later), changes.moment()), (None, later));
        changes.note(110);
        assert_eq!((changes.oldest_since(start), changes.oldest_since(later)), (Some(100), Some(110)));
        let last = changes.moment();
        changes.note(90);
        let all = [start, later, last].map(|moment| changes.oldest_since(moment));
        assert_eq!(all, [Some(90); 3]);
        changes.note(EVERYTHING);
        assert_eq!(changes.oldest_since(start), Some(EVERYTHING));
    }

    #[test]
    fn as_a_plain_list_would_say() {
        let changes = Changes::default();
        let (mut plain, mut moments, mut state) = (Vec::new(), Vec::new(), 9_u64);
        for _ in 0..5_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let dice = (state >> 33) as i64;
            if dice % 5 == 0 {
                moments.push((changes.moment(), plain.len()));
            } else {
                changes.note(dice % 1_000);
                plain.push(dice % 1_000);
            }
        }
        for (moment, at) in moments {
            assert_eq!(changes.oldest_since(moment), plain[at..].iter().min().copied());
        }
    }

    #[test]
    fn what_is_forgotten_counts_as_changed() {
        let changes = Changes::default();
        let start = changes.moment();
        for time in 0..=CHANGES_MAX as i64 {
            changes.note(time);
            changes.moment();
        }
        assert_eq!(changes.oldest_since(start), Some(EVERYTHING));
        assert_eq!(changes.oldest_since(start + 1), Some(1));
    }
}
