//! `[relay]`: where the points that came in go by rule, with carbon's names for everything.
//!
//! | module | does |
//! |---|---|
//! | [`config`] | the section `[relay]`, compiled as it is read |
//! | [`plan`] | what becomes of a name: filters, rewriting, aggregation, destinations |
//! | [`ring`] | consistent hashing |
//! | [`aggregation`] | the buffers of aggregates |

#[doc(hidden)]
pub mod aggregation;
pub mod config;
#[doc(hidden)]
pub mod plan;
mod ring;

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use parking_lot::{Condvar, Mutex};
use vocabulary::ports::{PointSink, Successor, WriteReport};
use vocabulary::{Clock, PointBatch, Timestamp};

use crate::carbon::Outlet;
use crate::config::CarbonConfig;
use crate::forward::{Target, Wanted};
use crate::outgoing::{OutgoingStats, OwnAddresses};
use crate::stats::Sorted;
use aggregation::Buffers;
use config::RelayConfig;
use plan::{Parcels, Plan};

/// The rules in effect. Cloned freely; a reload changes them for everybody.
#[derive(Clone)]
pub struct Relay(Arc<Shared>);

struct Shared {
    works: ArcSwapOption<Works>,
    buffers: Mutex<Buffers>,
    /// Of StatsD's flushes and of aggregates; listeners count their own.
    made_here: Mutex<Sorted>,
    aggregates: Mutex<WriteReport>,
    own: OwnAddresses,
}

struct Works {
    plan: Plan,
    /// In the order of the plan's destinations.
    targets: Vec<Arc<Target>>,
}

/// How the rules are doing; destinations tell of themselves.
#[derive(Clone, Debug, Default)]
pub struct RelayStats {
    /// Of StatsD's flushes and of aggregates.
    pub made_here: Sorted,
    /// What became of the aggregates that were told.
    pub aggregates: WriteReport,
    /// Names of aggregates that have values.
    pub buffers: usize,
    /// Values that were aggregated, and that found no room.
    pub aggregated_values: u64,
    pub refused_values: u64,
    /// Regular expressions that gave up on a name.
    pub gave_up: u64,
    pub destinations: Vec<OutgoingStats>,
}

impl Relay {
    pub fn new(own: OwnAddresses) -> Relay {
        Relay(Arc::new(Shared {
            works: ArcSwapOption::empty(),
            buffers: Mutex::default(),
            made_here: Mutex::default(),
            aggregates: Mutex::default(),
            own,
        }))
    }

    /// Destinations that stay keep their queue and connection. Aggregates of rules that change are told before.
    pub fn set(&self, config: &RelayConfig, carbon: &CarbonConfig, sink: &dyn PointSink) -> io::Result<()> {
        let before = self.0.works.load_full();
        if before.as_ref().is_some_and(|works| works.plan.is_of(config, &carbon.blacklist, &carbon.whitelist))
        {
            return Ok(());
        }
        let plan = Plan::new(config, &carbon.blacklist, &carbon.whitelist);
        let works = match plan.map_err(io::Error::other)? {
            None => None,
            Some(plan) => Some(Arc::new(self.open(plan, config, before.as_deref())?)),
        };
        let goes_on =
            matches!((&before, &works), (Some(before), Some(now)) if now.plan.aggregates_as(&before.plan));
        if !goes_on {
            self.tell_all(sink);
        }
        self.0.works.store(works);
        Ok(())
    }

    fn open(&self, plan: Plan, config: &RelayConfig, before: Option<&Works>) -> io::Result<Works> {
        let targets = plan.destinations.iter().map(|destination| {
            let wanted = Wanted {
                label: destination.to_string(),
                address: destination.address(),
                protocol: config.protocol,
                queue: config.queue,
                only_carbon: false,
            };
            Target::keep_or_open(before.iter().flat_map(|works| &works.targets), wanted, &self.0.own)
        });
        let targets = targets.collect::<io::Result<_>>()?;
        Ok(Works { plan, targets })
    }

    /// Sends on and counts by the rules; returns what the rules kept from the store.
    pub fn write(
        &self,
        batch: &PointBatch,
        sink: &dyn PointSink,
        hint: &mut Successor,
        now: Timestamp,
    ) -> (WriteReport, Sorted) {
        let works = self.0.works.load();
        let Some(works) = &*works else {
            return (sink.write(batch, hint), Sorted::default());
        };
        let parcels = works.plan.sort(batch, &self.0.buffers, now);
        works.hand_over(parcels, sink, hint)
    }

    /// The same for points that no listener counts.
    pub fn write_made_here(
        &self,
        batch: &PointBatch,
        sink: &dyn PointSink,
        hint: &mut Successor,
        now: Timestamp,
    ) -> WriteReport {
        let (report, sorted) = self.write(batch, sink, hint, now);
        self.0.made_here.lock().add(sorted);
        report
    }

    /// Tells the aggregates that are due.
    pub fn tick(&self, sink: &dyn PointSink, now: Timestamp) {
        let works = self.0.works.load();
        let Some(works) = &*works else { return };
        let mut due = PointBatch::default();
        self.0.buffers.lock().tell(now, works.plan.pace(), &mut due);
        self.hand_over_aggregates(works, &due, sink);
    }

    /// Tells all aggregates as far as they are, and sends what is queued if that is quick.
    pub fn finish(&self, sink: &dyn PointSink) {
        self.tell_all(sink);
        if let Some(works) = &*self.0.works.load() {
            Target::finish_all(&works.targets);
        }
    }

    fn tell_all(&self, sink: &dyn PointSink) {
        let works = self.0.works.load();
        let Some(works) = &*works else { return };
        let mut rest = PointBatch::default();
        self.0.buffers.lock().tell_all(&mut rest);
        self.hand_over_aggregates(works, &rest, sink);
    }

    fn hand_over_aggregates(&self, works: &Works, aggregates: &PointBatch, sink: &dyn PointSink) {
        if aggregates.is_empty() {
            return;
        }
        let parcels = works.plan.sort_aggregates(aggregates);
        let (report, sorted) = works.hand_over(parcels, sink, &mut Successor::default());
        self.0.aggregates.lock().add(report);
        self.0.made_here.lock().add(sorted);
    }

    pub fn stats(&self) -> Option<RelayStats> {
        let works = self.0.works.load();
        let works = works.as_ref()?;
        let buffers = self.0.buffers.lock();
        Some(RelayStats {
            made_here: *self.0.made_here.lock(),
            aggregates: *self.0.aggregates.lock(),
            buffers: buffers.names(),
            aggregated_values: buffers.taken,
            refused_values: buffers.refused,
            gave_up: works.plan.gave_up.load(Ordering::Relaxed),
            destinations: works.targets.iter().map(|target| target.stats()).collect(),
        })
    }
}

impl Works {
    fn hand_over(
        &self,
        parcels: Parcels,
        sink: &dyn PointSink,
        hint: &mut Successor,
    ) -> (WriteReport, Sorted) {
        let Parcels { to_store, to_send, sorted } = parcels;
        let report = match to_store.is_empty() {
            true => WriteReport::default(),
            false => sink.write(&to_store, hint),
        };
        for (target, batch) in self.targets.iter().zip(&to_send) {
            if !batch.is_empty() {
                target.offer(batch);
            }
        }
        (report, sorted)
    }
}

/// The thread that tells aggregates when they are due.
pub struct Telling {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl Telling {
    pub fn start(outlet: Outlet, clock: Arc<dyn Clock>) -> io::Result<Telling> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let stopping = Arc::clone(&stop);
        let run = move || {
            let (stop, changed) = &*stopping;
            let mut stop = stop.lock();
            while !*stop {
                let into_second = Duration::from_nanos(clock.since_epoch().subsec_nanos().into());
                if changed.wait_for(&mut stop, Duration::from_secs(1) - into_second).timed_out() {
                    outlet.relay.tick(&*outlet.sink, clock.now());
                }
            }
        };
        let thread = thread::Builder::new().name("relay-aggregates".into()).spawn(run)?;
        Ok(Telling { stop, thread: Some(thread) })
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        *self.stop.0.lock() = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            // One that panicked has said so.
            let _ = thread.join();
        }
    }
}
