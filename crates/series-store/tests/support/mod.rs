//! A clock to turn by hand, temporary directories, a seed, and short ways to ask.

pub mod memory_blocks;
pub mod model;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use disk::{Io, RealIo};
use series_store::blocks::BlockStore;
use series_store::{OpenError, Options, Recovery, StorageConfig, Store};
use vocabulary::ports::{FetchRequest, FindQuery, Node, QueryLimits, Row, Scope, Successor, WriteReport};
use vocabulary::retention::Aggregation;
use vocabulary::{Clock, PointBatch, PointSink, SeriesRef, SeriesSource, Sketch, Timestamp, ValueKind};

/// A round moment: a multiple of ten days.
pub const START: i64 = 1_728_000_000;

pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::SeqCst);
    }

    pub fn seconds(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Clock for ManualClock {
    fn since_epoch(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst) as u64)
    }
}

/// Removed when it is dropped, unless the test failed.
pub struct TempDir(PathBuf);

impl TempDir {
    pub fn new() -> TempDir {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("series-store-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        TempDir(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            drop(std::fs::remove_dir_all(&self.0));
        }
    }
}

/// A store in a temporary directory with a clock that stands still.
pub struct TestStore {
    pub store: Arc<Store>,
    pub recovery: Recovery,
    pub setup: Setup,
    _temporary: Option<TempDir>,
    hint: Successor,
}

/// What it takes to open the same store again.
#[derive(Clone)]
pub struct Setup {
    pub directory: PathBuf,
    pub config: StorageConfig,
    pub clock: Arc<ManualClock>,
    pub io: Arc<dyn Io>,
    pub blocks: Option<Arc<dyn BlockStore>>,
}

impl Setup {
    pub fn new(config: StorageConfig, io: Arc<dyn Io>) -> Setup {
        let clock = Arc::new(ManualClock(AtomicI64::new(START)));
        Setup { directory: PathBuf::from("/simulated"), config, clock, io, blocks: None }
    }

    pub fn try_open(&self) -> Result<TestStore, OpenError> {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let options = Options {
            directory: self.directory.clone(),
            config: self.config.clone(),
            clock,
            io: Arc::clone(&self.io),
            blocks: self.blocks.clone(),
        };
        let (store, recovery) = Store::open(options)?;
        let (store, setup) = (Arc::new(store), self.clone());
        Ok(TestStore { store, recovery, setup, _temporary: None, hint: Successor::default() })
    }

    pub fn open(&self) -> TestStore {
        self.try_open().unwrap_or_else(|error| panic!("{error}"))
    }
}

/// One retention rule for everything, one aggregation rule.
pub fn config(archives: &str, method: Aggregation, x_files_factor: f32) -> StorageConfig {
    let toml = serde_json::json!({
        "retention": [{"name": "all", "pattern": "", "archives": archives.split(',').collect::<Vec<_>>()}],
        "aggregation": [{"name": "all", "pattern": "", "method": method, "x_files_factor": x_files_factor}],
        "min_free": "1B",
    });
    serde_json::from_value(toml).unwrap()
}

impl TestStore {
    pub fn new(config: StorageConfig) -> TestStore {
        let temporary = TempDir::new();
        let setup = Setup::new(config, Arc::new(RealIo));
        let mut store = Setup { directory: temporary.path().to_owned(), ..setup }.open();
        store._temporary = Some(temporary);
        store
    }

    /// As after a kill -9: what was not handed to the kernel is lost.
    pub fn reopen(self) -> TestStore {
        self.reopen_after(|| ())
    }

    /// The same, with something done to the files in between.
    pub fn reopen_after(self, meanwhile: impl FnOnce()) -> TestStore {
        let TestStore { store, setup, _temporary, .. } = self;
        drop(store);
        meanwhile();
        TestStore { _temporary, ..setup.open() }
    }

    /// After a clean stop.
    pub fn restart(self) -> TestStore {
        self.store.close().unwrap();
        let store = self.reopen();
        assert!(store.recovery.clean, "{:?}", store.recovery);
        store
    }

    pub fn clock(&self) -> &ManualClock {
        &self.setup.clock
    }

    pub fn now(&self) -> i64 {
        self.setup.clock.seconds()
    }

    pub fn advance(&self, seconds: i64) {
        self.setup.clock.set(self.now() + seconds);
    }

    /// All background work that is due.
    pub fn settle(&self) {
        for _ in 0..1000 {
            if !self.store.maintain() {
                return;
            }
        }
        panic!("the background work does not come to an end");
    }

    pub fn put(&mut self, points: &[(&str, i64, f64)]) -> WriteReport {
        let mut batch = PointBatch::default();
        points.iter().for_each(|(name, time, value)| batch.push(name.as_bytes(), Timestamp(*time), *value));
        self.store.write(&batch, &mut self.hint)
    }

    pub fn put_one(&mut self, name: &str, time: i64, value: f64) {
        let report = self.put(&[(name, time, value)]);
        assert_eq!(report.dropped(), 0, "{report:?}");
    }

    pub fn id(&self, name: &str) -> Option<SeriesRef> {
        let scope = Scope::everything();
        let query = FindQuery { pattern: name, kind: ValueKind::Number, scope: &scope, limit: 10 };
        self.store.find(&query).unwrap().into_iter().find_map(|node| match node {
            Node::Leaf(found) => Some(found.series),
            Node::Branch { .. } => None,
        })
    }

    pub fn row(&self, name: &str, from: i64, until: i64) -> Row<f64> {
        let id = self.id(name).unwrap_or_else(|| panic!("{name} is not there"));
        self.rows(&[id], from, until).remove(0)
    }

    pub fn rows(&self, series: &[SeriesRef], from: i64, until: i64) -> Vec<Row<f64>> {
        let scope = Scope::everything();
        self.store.fetch(&request(series, from, until, self.now(), &scope, &QueryLimits::default())).unwrap()
    }

    /// (time, value) of the known slots, and the step.
    pub fn points(&self, name: &str, from: i64, until: i64) -> (i64, Vec<(i64, f64)>) {
        known(&self.row(name, from, until))
    }
}

/// The step of what is asked for, and how many values all sketches of it hold.
pub fn sketched(store: &TestStore, name: &str, from: i64, until: i64) -> (i64, f64) {
    let scope = Scope::everything();
    let query = FindQuery { pattern: name, kind: ValueKind::Sketch, scope: &scope, limit: 10 };
    let Node::Leaf(found) = store.store.find(&query).unwrap().remove(0) else { panic!("a series is a leaf") };
    let (series, limits) = ([found.series], QueryLimits::default());
    let asked = request(&series, from, until, store.now(), &scope, &limits);
    let row = store.store.fetch_sketches(&asked).unwrap().remove(0);
    (row.step.seconds(), row.slots.iter().flatten().map(Sketch::count).sum())
}

pub fn request<'a>(
    series: &'a [SeriesRef],
    from: i64,
    until: i64,
    now: i64,
    scope: &'a Scope,
    limits: &'a QueryLimits,
) -> FetchRequest<'a> {
    FetchRequest {
        series,
        from: Timestamp(from),
        until: Timestamp(until),
        now: Timestamp(now),
        step: None,
        consolidation: Aggregation::Average,
        scope,
        limits,
    }
}

pub fn known(row: &Row<f64>) -> (i64, Vec<(i64, f64)>) {
    let step = row.step.seconds();
    let points = row.slots.iter().enumerate().filter(|(_, value)| !value.is_nan());
    (step, points.map(|(at, value)| (row.start.0 + at as i64 * step, *value)).collect())
}

/// Printed by whoever uses it, and set to repeat a run.
#[expect(clippy::disallowed_methods, reason = "a seed is to differ from run to run")]
pub fn seed() -> u64 {
    use std::sync::OnceLock;
    static SEED: OnceLock<u64> = OnceLock::new();
    let clock = || {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(1, |time| time.as_millis() as u64)
    };
    *SEED.get_or_init(|| {
        std::env::var("STORE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(clock)
    })
}

/// `xtask long` runs the full lengths of what an ordinary run does a part of.
pub fn is_long() -> bool {
    std::env::var_os("BELLWETHER_LONG").is_some()
}
