//! The second's end: own numbers are written, and whoever watches is told that the second can be read.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use vocabulary::{Clock, Timestamp};

/// Collectors need some milliseconds after the full second; what they miss is in the next tick.
const SETTLE: Duration = Duration::from_millis(40);
/// A StatsD flush that takes longer than this is not waited for.
const FLUSH_PATIENCE: Duration = Duration::from_millis(300);

pub struct Ticker {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    flushed: Timestamp,
    stop: bool,
}

impl Ticker {
    pub fn new() -> Arc<Ticker> {
        Arc::new(Ticker { state: Mutex::default(), changed: Condvar::new() })
    }

    /// StatsD's points of this second are readable.
    pub fn flushed(&self, time: Timestamp) {
        let mut state = self.state.lock();
        state.flushed = state.flushed.max(time);
        self.changed.notify_all();
    }

    pub fn stop(&self) {
        self.state.lock().stop = true;
        self.changed.notify_all();
    }

    /// Calls `second` with each full second once it has begun, then `tick` with it when its regular points are
    /// in. `flush_due` says whether a StatsD flush belongs to it.
    pub fn run(
        self: Arc<Self>,
        clock: Arc<dyn Clock>,
        flush_due: impl Fn(Timestamp) -> bool + Send + 'static,
        second: impl Fn(Timestamp) + Send + 'static,
        tick: impl Fn(Timestamp) + Send + 'static,
    ) -> std::io::Result<JoinHandle<()>> {
        thread::Builder::new().name("ticker".into()).spawn(move || {
            while let Some(now) = self.wait_for_second(clock.as_ref()) {
                second(now);
                self.wait_for_points(now, flush_due(now));
                tick(now);
            }
        })
    }

    fn wait_for_second(&self, clock: &dyn Clock) -> Option<Timestamp> {
        let since_epoch = clock.since_epoch();
        let into_second = Duration::from_nanos(u64::from(since_epoch.subsec_nanos()));
        let mut state = self.state.lock();
        if !state.stop {
            self.changed_or_timeout(&mut state, Duration::from_secs(1) - into_second);
        }
        // The timer may be early by a hair: the second is the one that is nearer.
        let reached = clock.since_epoch() + Duration::from_millis(5);
        (!state.stop).then_some(Timestamp(reached.as_secs() as i64))
    }

    /// Sleeps the whole time unless the stop comes.
    fn changed_or_timeout(&self, state: &mut parking_lot::MutexGuard<'_, State>, time: Duration) {
        let end = std::time::Instant::now() + time;
        while !state.stop && !self.changed.wait_until(state, end).timed_out() {}
    }

    fn wait_for_points(&self, now: Timestamp, flush_due: bool) {
        let mut state = self.state.lock();
        self.changed_or_timeout(&mut state, SETTLE);
        let end = std::time::Instant::now() + FLUSH_PATIENCE;
        while flush_due && state.flushed < now && !state.stop {
            if self.changed.wait_until(&mut state, end).timed_out() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn ticks_come_once_a_second_and_end() {
        let ticker = Ticker::new();
        let count = Arc::new(AtomicU64::new(0));
        let counted = count.clone();
        let clock = Arc::new(crate::clock::SystemClock);
        let tick = move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        };
        let thread = ticker.clone().run(clock, |_| false, |_| {}, tick).unwrap();
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while count.load(Ordering::Relaxed) < 2 && std::time::Instant::now() < deadline {
            thread::sleep(Duration::from_millis(20));
        }
        ticker.stop();
        thread.join().unwrap();
        assert!(count.load(Ordering::Relaxed) >= 2);
    }
}
