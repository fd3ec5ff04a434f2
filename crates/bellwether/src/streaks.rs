//! Which ways in have sent regularly: only their silence is news. A number sent once by hand is not missed.

use std::collections::HashMap;

use parking_lot::Mutex;
use vocabulary::Timestamp;

/// A longer pause ends what was regular; many senders flush once a minute.
const LONGEST_PAUSE_SECONDS: i64 = 75;
/// Who sent for so long without such a pause will be missed.
const REGULAR_SECONDS: i64 = 120;

/// For each source, from when to when it last sent without a long pause.
#[derive(Default)]
pub struct Streaks(Mutex<HashMap<&'static str, (Timestamp, Timestamp)>>);

impl Streaks {
    /// Called each second with the time of the newest thing received.
    pub fn note(&self, source: &'static str, received: Timestamp) {
        let mut all = self.0.lock();
        let (began, last) = all.entry(source).or_insert((received, received));
        if received.since(*last) > LONGEST_PAUSE_SECONDS {
            *began = received;
        }
        *last = received;
    }

    pub fn is_regular(&self, source: &str) -> bool {
        self.0.lock().get(source).is_some_and(|(began, last)| last.since(*began) >= REGULAR_SECONDS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_once_is_not_regular() {
        let streaks = Streaks::default();
        let send = |times: std::ops::Range<i64>, each: usize| {
            times.step_by(each).for_each(|time| streaks.note("carbon", Timestamp(time)));
            streaks.is_regular("carbon")
        };
        assert!(!streaks.is_regular("carbon"));
        assert!(!send(0..1, 1), "once");
        assert!(!send(500..560, 10), "for a minute");
        assert!(send(560..700, 60), "for longer, once a minute");
        assert!(!send(1_000..1_001, 1), "again after a long silence");
    }
}
