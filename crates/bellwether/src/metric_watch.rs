//! The thread that judges metric monitors: each second, as soon as StatsD's and the collectors' points can be read,
//! and a few times more within it for what comes in between.
//!
//! If a look takes longer than a second, the next one takes what has gathered meanwhile: nothing is left out, and how
//! far the last instance is behind stands in the statistics.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use http_api::StateEvents;
use monitors::kinds::metric::{Kept, Look, Results, Watch, WatchStats};
use monitors::{Definitions, Monitors};
use parking_lot::Mutex;
use vocabulary::Timestamp;
use vocabulary::ports::{LiveTail, QueryLimits, Scope};
use vocabulary::state::{State, StateType};

use crate::failure::Failure;
use crate::house::House;
use crate::watcher::turning::Wheel;

/// What Carbon brings comes at any moment of a second, and waits for so long at most.
const LOOK_EVERY: Duration = Duration::from_millis(250);

#[derive(Default)]
pub struct MetricWatchStats {
    pub watch: Mutex<WatchStats>,
    pub last_microseconds: AtomicU64,
    pub last_look: AtomicI64,
    /// Monitors that have nothing to tell, and why.
    pub troubles: Mutex<Vec<(String, String)>>,
}

pub struct MetricWatch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl MetricWatch {
    pub fn start(house: &Arc<House>) -> Result<MetricWatch, Failure> {
        let stop = Arc::new(AtomicBool::new(false));
        let judge = Judge { house: house.clone(), stop: stop.clone() };
        let thread = std::thread::Builder::new().name("metrics".into()).spawn(move || judge.run());
        Ok(MetricWatch { stop, thread: thread.map_err(Failure::doing("start"))? })
    }

    /// With the next tick, or after this look.
    pub fn stop_soon(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    pub fn stop(self) {
        self.stop_soon();
        // A thread that panicked has said so.
        let _ = self.thread.join();
    }
}

struct Judge {
    house: Arc<House>,
    stop: Arc<AtomicBool>,
}

impl Judge {
    fn run(self) {
        let mut watch = Watch::default();
        let mut known: Option<Arc<Definitions>> = None;
        let mut last = Timestamp(0);
        while !self.stop.load(Ordering::Relaxed) {
            self.house.turning.note(Wheel::Metrics);
            if let Some(tick) = self.house.store.next_tick(last, LOOK_EVERY) {
                last = tick;
            }
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
            self.renew(&mut watch, &mut known);
            self.look(&mut watch, self.house.clock.now());
        }
    }

    fn renew(&self, watch: &mut Watch, known: &mut Option<Arc<Definitions>>) {
        let definitions = self.house.monitors.definitions();
        if known.as_ref().is_some_and(|known| Arc::ptr_eq(known, &definitions)) {
            return;
        }
        if let Err(wrong) = watch.reload(&definitions.monitors) {
            // Definitions are looked through before they are taken, so this is a mistake of ours.
            tracing::error!(?wrong, "metric monitors cannot be taken over");
        }
        *known = Some(definitions);
    }

    fn look(&self, watch: &mut Watch, now: Timestamp) {
        let begun = Instant::now();
        let monitors = &self.house.monitors;
        let zone = jiff::tz::TimeZone::system();
        let limits = QueryLimits { deadline: Some(begun + LONGEST_LOOK), ..QueryLimits::default() };
        let events = StateEvents { state: &self.house.state, scope: &Scope::everything() };
        // Before anything is missed: we may have been away ourselves until this moment.
        watch.was_blind(self.house.alive.look(now, self.house.config.load().flush_seconds()));
        let look = Look { source: &*self.house.store, events: &events, zone: &zone, limits: &limits, now };
        let Results { told, gone } = watch.tick(&look, &KeptStates(monitors));
        if told.is_empty() && gone.is_empty() {
            return self.note(watch, begun, now);
        }
        let results = told.iter().map(|told| (&*told.monitor, &*told.instance, &told.outcome));
        monitors.instance_results(results, now);
        monitors.forget_instances(&gone, now);
        for (monitor, instance) in &gone {
            tracing::info!(%monitor, %instance, "no longer watched: its series has been gone for a day, or the monitor means others now");
        }
        self.note(watch, begun, now);
    }

    fn note(&self, watch: &Watch, begun: Instant, now: Timestamp) {
        let stats = &self.house.metric_watch;
        *stats.watch.lock() = watch.stats;
        *stats.troubles.lock() =
            watch.troubles().map(|(monitor, why)| (monitor.to_owned(), why.to_owned())).collect();
        stats.last_microseconds.store(begun.elapsed().as_micros() as u64, Ordering::Relaxed);
        stats.last_look.store(now.0, Ordering::Relaxed);
    }
}

/// What the state machine knows.
struct KeptStates<'a>(&'a Monitors);

impl Kept for KeptStates<'_> {
    fn state(&self, monitor: &str, instance: &str) -> Option<(State, StateType)> {
        self.0.instance_state(monitor, instance)
    }

    fn instances(&self, monitor: &str) -> Vec<Arc<str>> {
        self.0.known_instances(monitor)
    }
}

/// One expression that takes for ever must not keep all others from being judged.
const LONGEST_LOOK: Duration = Duration::from_secs(20);
