//! A sink that remembers, a clock that stands, and listeners on free ports.

use std::io::Write;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ingest::stats::ListenerStats;
use ingest::{Flushed, Ingest, Ports, Settings};
use parking_lot::Mutex;
use statsd::Aggregator;
use vocabulary::ports::{BatchMark, PointSink, StoreError, Successor, WriteReport};
use vocabulary::settings::Listen;
use vocabulary::{Clock, PointBatch, SketchBatch};

pub const NOW: i64 = 1_700_000_000;

/// Keeps every point but those whose names begin with `refused`.
#[derive(Default)]
pub struct Memory {
    pub points: Mutex<Vec<(String, i64, f64)>>,
    pub sketches: Mutex<Vec<String>>,
    /// Of StatsD's flushes.
    pub taken: Mutex<Vec<u64>>,
    /// How long each write of points takes; nothing by default.
    pub slowness: Mutex<Duration>,
}

impl PointSink for Memory {
    fn write(&self, batch: &PointBatch, _: &mut Successor) -> WriteReport {
        let slowness = *self.slowness.lock();
        std::thread::sleep(slowness);
        let mut report = WriteReport::default();
        let mut points = self.points.lock();
        for point in batch.iter() {
            if point.name.starts_with(b"refused") {
                report.refused_name += 1;
            } else {
                report.stored += 1;
                points.push((String::from_utf8_lossy(point.name).into_owned(), point.time.0, point.value));
            }
        }
        report
    }

    fn write_sketches(&self, batch: &SketchBatch) -> WriteReport {
        let names = batch.iter().map(|(name, _, _)| String::from_utf8_lossy(name).into_owned());
        self.sketches.lock().extend(names);
        WriteReport { stored: batch.len() as u64, ..WriteReport::default() }
    }

    fn write_sketches_once(&self, batch: &SketchBatch, mark: BatchMark<'_>) -> WriteReport {
        assert!(mark.settled <= mark.number, "a batch that is settled is told");
        if batch.is_empty() {
            return WriteReport::default();
        }
        let mut taken = self.taken.lock();
        if taken.contains(&mark.number) {
            return WriteReport { repeated: batch.len() as u64, ..WriteReport::default() };
        }
        taken.push(mark.number);
        self.write_sketches(batch)
    }

    fn last_batch(&self, _: &str) -> u64 {
        self.taken.lock().iter().copied().max().unwrap_or(0)
    }

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

/// A clock that stands until it is set.
pub struct Standing(AtomicU64);

impl Standing {
    pub fn at(milliseconds: u64) -> Arc<Standing> {
        Arc::new(Standing(AtomicU64::new(milliseconds)))
    }

    pub fn set(&self, milliseconds: u64) {
        self.0.store(milliseconds, Ordering::Relaxed);
    }
}

impl Clock for Standing {
    fn since_epoch(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

pub struct Running {
    pub ingest: Ingest,
    pub memory: Arc<Memory>,
    pub clock: Arc<Standing>,
    pub flushed: Arc<Mutex<Vec<Flushed>>>,
}

pub fn any_port() -> Listen {
    "127.0.0.1:0".parse().unwrap()
}

/// Everything off, so that a test opens what it is about.
pub fn quiet() -> Settings {
    let mut settings = Settings::default();
    let carbon = &mut settings.carbon;
    (carbon.line, carbon.udp, carbon.pickle) = (Listen::Off, Listen::Off, Listen::Off);
    let statsd = &mut settings.statsd;
    (statsd.udp, statsd.tcp, statsd.admin) = (Listen::Off, Listen::Off, Listen::Off);
    settings
}

pub fn start(settings: Settings) -> Running {
    start_in(settings, None, NOW as u64 * 1000)
}

/// With a journal, at a time in milliseconds.
pub fn start_in(settings: Settings, data_dir: Option<&Path>, now: u64) -> Running {
    let (memory, clock) = (Arc::new(Memory::default()), Standing::at(now));
    let flushed = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&flushed);
    let ports = Ports {
        after_flush: Arc::new(move |flush| seen.lock().push(flush)),
        ..ports(&memory, &clock, &settings, data_dir)
    };
    Running { ingest: Ingest::start(settings, ports).unwrap(), memory, clock, flushed }
}

pub fn ports(
    memory: &Arc<Memory>,
    clock: &Arc<Standing>,
    settings: &Settings,
    data_dir: Option<&Path>,
) -> Ports {
    Ports {
        sink: Arc::clone(memory) as Arc<dyn PointSink>,
        clock: Arc::clone(clock) as Arc<dyn Clock>,
        aggregator: Arc::new(Aggregator::new(&settings.statsd, clock.now())),
        data_dir: data_dir.map(Path::to_owned),
        after_flush: Arc::new(|_| {}),
        results: Arc::new(|_| ingest::Taken::Unknown),
    }
}

impl Running {
    pub fn stats(&self, name: &str) -> ListenerStats {
        self.ingest.stats().into_iter().find(|listener| listener.name == name).expect("an open listener")
    }

    pub fn address(&self, name: &str) -> SocketAddr {
        self.stats(name).address.parse().unwrap()
    }

    pub fn connect(&self, name: &str) -> TcpStream {
        let stream = TcpStream::connect(self.address(name)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        stream
    }

    pub fn send(&self, name: &str, bytes: &[u8]) {
        self.connect(name).write_all(bytes).unwrap();
    }

    pub fn send_datagram(&self, name: &str, bytes: &[u8]) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.send_to(bytes, self.address(name)).unwrap();
    }

    /// Points are readable a moment before they are counted, so counts are what to wait for.
    pub fn wait_for_stored(&self, name: &str, points: u64) {
        wait_until("the points", || self.stats(name).totals.points.stored == points);
    }

    pub fn points(&self) -> Vec<(String, i64, f64)> {
        self.memory.points.lock().clone()
    }

    /// The value of one point, if it is there.
    pub fn value(&self, name: &str, time: i64) -> Option<f64> {
        let points = self.memory.points.lock();
        points.iter().rev().find(|point| (point.0.as_str(), point.1) == (name, time)).map(|point| point.2)
    }

    pub fn names(&self) -> Vec<String> {
        self.points().into_iter().map(|(name, _, _)| name).collect()
    }
}

/// Waits for what will come about soon, and says what was missing if it does not.
pub fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(Instant::now() < give_up, "{what} did not come about");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub fn bad(stats: &ListenerStats) -> Vec<(&'static str, u64)> {
    stats.totals.bad().filter(|(_, count)| *count > 0).collect()
}
