//! This room by itself: StatsD and Carbon listeners with a sink that only counts, to be compared with `bare_sink`.
//!
//! `receive STATSD-UDP CARBON-TCP SECONDS [DATA-DIR]`; a file `relay.toml` in DATA-DIR is the section `[relay]`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ingest::{Ingest, Ports, Settings};
use statsd::Aggregator;
use vocabulary::ports::{BatchMark, PointSink, StoreError, Successor, WriteReport};
use vocabulary::settings::Listen;
use vocabulary::{Clock, PointBatch, SketchBatch, Timestamp};

#[path = "support/cpu.rs"]
mod cpu;

#[derive(Default)]
struct Counting {
    points: AtomicU64,
}

impl PointSink for Counting {
    fn write(&self, batch: &PointBatch, _: &mut Successor) -> WriteReport {
        // Looks at each point, as any store must.
        let stored =
            batch.iter().filter(|point| !point.name.is_empty() && !point.value.is_nan()).count() as u64;
        self.points.fetch_add(stored, Ordering::Relaxed);
        WriteReport { stored, ..WriteReport::default() }
    }

    fn write_sketches(&self, batch: &SketchBatch) -> WriteReport {
        WriteReport { stored: batch.len() as u64, ..WriteReport::default() }
    }

    fn write_sketches_once(&self, batch: &SketchBatch, _: BatchMark<'_>) -> WriteReport {
        self.write_sketches(batch)
    }

    fn last_batch(&self, _: &str) -> u64 {
        0
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

struct Real;

impl Clock for Real {
    fn since_epoch(&self) -> Duration {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [udp, line, seconds, rest @ ..] = arguments.as_slice() else {
        return Err("usage: receive STATSD-UDP CARBON-TCP SECONDS [DATA-DIR]".into());
    };
    let mut settings = Settings::default();
    (settings.carbon.udp, settings.carbon.pickle) = (Listen::Off, Listen::Off);
    (settings.statsd.tcp, settings.statsd.admin) = (Listen::Off, Listen::Off);
    (settings.statsd.udp, settings.carbon.line) = (udp.parse()?, line.parse()?);
    let relay = rest.first().map(|directory| std::path::Path::new(directory).join("relay.toml"));
    if let Some(text) = relay.and_then(|file| std::fs::read_to_string(file).ok()) {
        settings.relay = toml::from_str(&text)?;
    }
    let sink = Arc::new(Counting::default());
    let ports = Ports {
        sink: Arc::clone(&sink) as Arc<dyn PointSink>,
        clock: Arc::new(Real),
        aggregator: Arc::new(Aggregator::new(&settings.statsd, Timestamp(0))),
        data_dir: rest.first().map(Into::into),
        after_flush: Arc::new(|_| {}),
        results: Arc::new(|_| ingest::Taken::Unknown),
    };
    let ingest = Ingest::start(settings, ports)?;
    std::thread::sleep(Duration::from_secs(seconds.parse()?));
    for listener in ingest.stats() {
        let totals = listener.totals;
        println!(
            "{} packets {} lines {} samples {} bytes {} kernel_drops {:?} bad {}",
            listener.name,
            totals.packets,
            totals.lines,
            totals.samples,
            totals.bytes,
            listener.kernel_drops,
            totals.bad_sum()
        );
    }
    println!("journal {:?}", ingest.journal_stats());
    println!("points {} cpu_seconds {:.3}", sink.points.load(Ordering::Relaxed), cpu::seconds());
    ingest.stop();
    Ok(())
}
