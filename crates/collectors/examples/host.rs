//! Prints this host's numbers: `host SECONDS` looks once a second for so long, a JSON object a look, and says at the
//! end on stderr what that cost.

use std::thread;
use std::time::{Duration, Instant};

use collectors::{CollectorsConfig, HostCollector, until_next};
use vocabulary::{PointBatch, Timestamp};

fn now() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds: u64 = std::env::args().nth(1).ok_or("usage: host SECONDS")?.parse()?;
    let config = CollectorsConfig::default();
    let mut collector = HostCollector::new(&config);
    let mut batch = PointBatch::default();
    for _ in 0..=seconds.min(3600) {
        batch.clear();
        collector.sample(Timestamp(now().as_secs() as i64), Instant::now(), &mut batch);
        let fields: Vec<String> = batch
            .iter()
            .map(|point| {
                let name = String::from_utf8_lossy(point.name);
                format!("{:?}: {}", name.strip_prefix(collector.prefix()).unwrap_or(&name), point.value)
            })
            .collect();
        println!("{{{}}}", fields.join(", "));
        thread::sleep(until_next(config.interval.duration(), now()));
    }
    let cost = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let cost = Duration::new(cost.tv_sec as u64, cost.tv_nsec as u32);
    eprintln!("{:?} of processor time for {:?}; {:?}", cost, Duration::from_secs(seconds), collector.stats());
    Ok(())
}
