//! The thread that closes batches and sends them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use collectors::agent::{Forwarder, ForwarderStats, Outbox, Uplink};
use vocabulary::{Clock, Timestamp};

use super::telling::{self, Told};

/// Behind the full second, so that its flush and its look at the host are in the batch.
const SETTLE: Duration = Duration::from_millis(150);
/// How long a stop waits for what is still to be sent; the rest waits in the spool.
const STOP_PATIENCE: Duration = Duration::from_secs(2);

/// Stops when dropped.
pub struct Sending {
    shared: Arc<Shared>,
    outbox: Arc<Outbox>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
}

/// What the thread works with.
pub struct Work {
    pub outbox: Arc<Outbox>,
    pub forwarder: Forwarder,
    pub uplink: Box<dyn Uplink + Send>,
    pub clock: Arc<dyn Clock>,
    pub interval: Duration,
    /// Called with each second before its batch is closed: own numbers.
    pub before_close: BeforeClose,
}

pub type BeforeClose = Box<dyn Fn(Timestamp, &ForwarderStats) + Send>;

impl Sending {
    pub fn start(work: Work) -> std::io::Result<Sending> {
        let shared = Arc::new(Shared::default());
        let (sending, outbox) = (shared.clone(), work.outbox.clone());
        let thread = thread::Builder::new().name("forward".into()).spawn(move || sending.run(work))?;
        Ok(Sending { shared, outbox, thread: Some(thread) })
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.outbox.wake();
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn run(&self, mut work: Work) {
        let mut due = next_close(work.interval, work.clock.since_epoch());
        let mut is_greeting_due = true;
        let mut told = Told::default();
        while !self.stop.load(Ordering::Relaxed) {
            let now = work.clock.since_epoch();
            // A clock that was set back does not hold up the batches.
            if now >= due || due.saturating_sub(now) > work.interval * 2 {
                (work.before_close)(Timestamp(now.as_secs() as i64), &work.forwarder.stats);
                work.outbox.close();
                due = next_close(work.interval, now);
                is_greeting_due = true;
                told.losses(&work.outbox.stats(), Instant::now());
            }
            let pause = work.forwarder.pause(Instant::now());
            let has_work = is_greeting_due || work.outbox.waiting().batches > 0;
            if has_work && pause.is_zero() {
                self.exchange(&mut work, &mut told);
                is_greeting_due = false;
                continue;
            }
            let until_due = due.saturating_sub(work.clock.since_epoch());
            let wait = if has_work { until_due.min(pause) } else { until_due };
            work.outbox.wait(wait.max(Duration::from_millis(1)));
        }
        self.finish(work, told);
    }

    fn exchange(&self, work: &mut Work, told: &mut Told) {
        let now_ms = work.clock.since_epoch().as_millis() as u64;
        let changes = work.forwarder.exchange(Instant::now(), now_ms, work.uplink.as_mut());
        changes.into_iter().for_each(telling::tell);
        if work.forwarder.stats.failure.is_none() {
            let here = work.clock.since_epoch().as_secs_f64();
            told.skew(work.forwarder.stats.sent.server_clock - here);
        }
    }

    /// Sends what is there if that is quick.
    fn finish(&self, mut work: Work, mut told: Told) {
        work.outbox.close();
        let end = Instant::now() + STOP_PATIENCE;
        while work.outbox.waiting().batches > 0 && Instant::now() < end {
            self.exchange(&mut work, &mut told);
            if work.forwarder.stats.failure.is_some() {
                break;
            }
        }
        let left = work.outbox.waiting().batches;
        if left > 0 {
            tracing::info!(batches = left, "not sent yet; they wait in the spool for the next start");
        }
    }
}

/// Since the epoch: the next multiple of the interval, and a moment.
fn next_close(interval: Duration, now: Duration) -> Duration {
    let interval = interval.as_millis().max(1);
    let now = now.saturating_sub(SETTLE).as_millis();
    Duration::from_millis(((now / interval + 1) * interval) as u64) + SETTLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_closed_a_moment_after_the_full_interval() {
        let at = |interval: u64, now: u64| {
            next_close(Duration::from_secs(interval), Duration::from_millis(now)).as_millis()
        };
        assert_eq!([at(1, 5_000), at(1, 5_149), at(1, 5_150), at(10, 5_000)], [5_150, 5_150, 6_150, 10_150]);
    }
}
