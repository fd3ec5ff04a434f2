//! Tells whoever waits that new slots are readable.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use vocabulary::Timestamp;

#[derive(Default)]
pub struct Live {
    newest: Mutex<Option<Timestamp>>,
    changed: Condvar,
}

impl Live {
    /// Ticks only go forward: an older one wakes nobody.
    pub fn publish(&self, tick: Timestamp) {
        let mut newest = self.newest.lock();
        if newest.is_none_or(|newest| newest < tick) {
            *newest = Some(tick);
            self.changed.notify_all();
        }
    }

    pub fn next(&self, after: Timestamp, wait: Duration) -> Option<Timestamp> {
        let until = Instant::now() + wait;
        let mut newest = self.newest.lock();
        loop {
            if let Some(tick) = newest.filter(|tick| *tick > after) {
                return Some(tick);
            }
            if self.changed.wait_until(&mut newest, until).timed_out() {
                return newest.filter(|tick| *tick > after);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_wakes_whoever_waits_for_a_later_one() {
        let live = std::sync::Arc::new(Live::default());
        assert_eq!(live.next(Timestamp(5), Duration::from_millis(1)), None);
        let waiter = {
            let live = std::sync::Arc::clone(&live);
            std::thread::spawn(move || live.next(Timestamp(5), Duration::from_secs(20)))
        };
        live.publish(Timestamp(5));
        live.publish(Timestamp(7));
        live.publish(Timestamp(6));
        assert_eq!(waiter.join().unwrap(), Some(Timestamp(7)));
        assert_eq!(live.next(Timestamp(6), Duration::ZERO), Some(Timestamp(7)));
        assert_eq!(live.next(Timestamp(7), Duration::ZERO), None);
    }
}
