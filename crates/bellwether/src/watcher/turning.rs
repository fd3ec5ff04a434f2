//! Which threads of the pager still turn: each leaves a mark in every round, by a clock that nobody sets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Without any of them nobody would be told of what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wheel {
    Ticker,
    Monitors,
    Checks,
    Metrics,
    Heartbeats,
    Errors,
}

const ALL: [(Wheel, &str); 6] = [
    (Wheel::Ticker, "ticker"),
    (Wheel::Monitors, "monitors"),
    (Wheel::Checks, "checks"),
    (Wheel::Metrics, "metrics"),
    (Wheel::Heartbeats, "heartbeats"),
    (Wheel::Errors, "error-rules"),
];

pub struct Turning {
    began: Instant,
    /// Milliseconds from then to the last mark.
    last: [AtomicU64; ALL.len()],
}

impl Default for Turning {
    fn default() -> Self {
        Turning { began: Instant::now(), last: Default::default() }
    }
}

impl Turning {
    pub fn note(&self, wheel: Wheel) {
        self.note_at(wheel, self.began.elapsed());
    }

    fn note_at(&self, wheel: Wheel, at: Duration) {
        let at = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        self.last[wheel as usize].store(at, Ordering::Relaxed);
    }

    /// Those that have not turned for longer than this, and for how long, the longest first.
    pub fn stalled(&self, longest: Duration) -> Vec<(&'static str, Duration)> {
        self.stalled_at(longest, self.began.elapsed())
    }

    fn stalled_at(&self, longest: Duration, now: Duration) -> Vec<(&'static str, Duration)> {
        let since = |(wheel, name): (Wheel, &'static str)| {
            let last = Duration::from_millis(self.last[wheel as usize].load(Ordering::Relaxed));
            (name, now.saturating_sub(last))
        };
        let mut stalled: Vec<_> = ALL.into_iter().map(since).filter(|(_, ago)| *ago > longest).collect();
        stalled.sort_by_key(|(_, ago)| std::cmp::Reverse(*ago));
        stalled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_turn_is_named() {
        let turning = Turning::default();
        let seconds = Duration::from_secs;
        assert_eq!(turning.stalled_at(seconds(60), seconds(30)), [], "it has just begun");
        ALL.into_iter().for_each(|(wheel, _)| turning.note_at(wheel, seconds(40)));
        turning.note_at(Wheel::Ticker, seconds(99));
        assert_eq!(turning.stalled_at(seconds(60), seconds(100)), []);
        turning.note_at(Wheel::Metrics, seconds(20));
        assert_eq!(turning.stalled_at(seconds(60), seconds(100)), [("metrics", seconds(80))]);
    }
}
