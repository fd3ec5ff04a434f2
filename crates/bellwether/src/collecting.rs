//! The thread that looks at the host each second and stores what it saw.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use collectors::{CollectorsConfig, HostCollector, HostStats, until_next};
use parking_lot::{Condvar, Mutex};
use vocabulary::ports::Successor;
use vocabulary::{Clock, PointBatch, PointSink};

/// Stops when dropped.
pub struct Collecting {
    shared: Arc<Shared>,
    /// `host.<name>`
    pub prefix: String,
    pub interval: Duration,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stop: Mutex<bool>,
    stopped: Condvar,
    stats: Mutex<HostStats>,
}

impl Collecting {
    pub fn start(
        config: &CollectorsConfig,
        sink: Arc<dyn PointSink>,
        clock: Arc<dyn Clock>,
    ) -> std::io::Result<Collecting> {
        let shared = Arc::new(Shared::default());
        let collector = HostCollector::new(config);
        let prefix = collector.prefix().trim_end_matches('.').to_owned();
        let interval = config.interval.duration();
        let collecting = shared.clone();
        let thread = thread::Builder::new()
            .name("host".into())
            .spawn(move || collecting.run(collector, interval, &*sink, &*clock))?;
        Ok(Collecting { shared, prefix, interval, thread: Some(thread) })
    }

    pub fn stats(&self) -> HostStats {
        *self.shared.stats.lock()
    }
}

impl Shared {
    fn run(&self, mut collector: HostCollector, interval: Duration, sink: &dyn PointSink, clock: &dyn Clock) {
        let (mut batch, mut hint) = (PointBatch::default(), Successor::default());
        while !self.stops_within(until_next(interval, clock.since_epoch())) {
            batch.clear();
            collector.sample(clock.now(), Instant::now(), &mut batch);
            sink.write(&batch, &mut hint);
            *self.stats.lock() = collector.stats();
        }
    }

    fn stops_within(&self, wait: Duration) -> bool {
        let mut stop = self.stop.lock();
        let end = Instant::now() + wait;
        while !*stop && !self.stopped.wait_until(&mut stop, end).timed_out() {}
        *stop
    }
}

impl Drop for Collecting {
    fn drop(&mut self) {
        *self.shared.stop.lock() = true;
        self.shared.stopped.notify_all();
        if let Some(thread) = self.thread.take() {
            // A collector that panicked has said so.
            let _ = thread.join();
        }
    }
}
