//! A sink that remembers, a clock that stands, and listeners on free ports.

use std::io::Write;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ingest::stats::ListenerStats;
use ingest::{Ingest, Ports, Settings};
use parking_lot::Mutex;
use vocabulary::ports::{PointSink, StoreError, Successor, WriteReport};
use vocabulary::settings::Listen;
use vocabulary::{Clock, PointBatch, SketchBatch};

pub const NOW: i64 = 1_700_000_000;

/// Keeps every point but those whose names begin with `refused`.
#[derive(Default)]
pub struct Memory {
    pub points: Mutex<Vec<(String, i64, f64)>>,
    pub sketches: Mutex<Vec<String>>,
}

impl PointSink for Memory {
    fn write(&self, batch: &PointBatch, _: &mut Successor) -> WriteReport {
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

    fn sync(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

pub struct Standing;

impl Clock for Standing {
    fn since_epoch(&self) -> Duration {
        Duration::from_secs(NOW as u64)
    }
}

pub struct Running {
    pub ingest: Ingest,
    pub memory: Arc<Memory>,
}

pub fn any_port() -> Listen {
    "127.0.0.1:0".parse().unwrap()
}

/// Everything off, so that a test opens what it is about.
pub fn quiet() -> Settings {
    let mut settings = Settings::default();
    let carbon = &mut settings.carbon;
    (carbon.line, carbon.udp, carbon.pickle) = (Listen::Off, Listen::Off, Listen::Off);
    settings
}

pub fn start(settings: Settings) -> Running {
    let memory = Arc::new(Memory::default());
    let ports = Ports { sink: Arc::clone(&memory) as Arc<dyn PointSink>, clock: Arc::new(Standing) };
    Running { ingest: Ingest::start(settings, ports).unwrap(), memory }
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

    pub fn points(&self) -> Vec<(String, i64, f64)> {
        self.memory.points.lock().clone()
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
