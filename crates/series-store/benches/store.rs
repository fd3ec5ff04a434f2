//! The whole store: points in, slots out.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use divan::Bencher;
use divan::counter::ItemsCount;
use series_store::{Options, StorageConfig, Store};
use vocabulary::ports::{FetchRequest, QueryLimits, Scope, Successor};
use vocabulary::retention::Aggregation;
use vocabulary::{Clock, PointBatch, PointSink, SeriesRef, SeriesSource, Timestamp};

const START: i64 = 1_728_000_000;
const SERIES: usize = 10_000;

fn main() {
    divan::main();
}

struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn since_epoch(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst) as u64)
    }
}

struct Fixture {
    store: Store,
    clock: Arc<SetClock>,
    directory: PathBuf,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

fn fixture(archives: &str) -> Fixture {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let directory = std::env::temp_dir().join(format!("series-store-bench-{}-{number}", std::process::id()));
    let config = serde_json::json!({
        "retention": [{"name": "all", "pattern": "", "archives": archives.split(',').collect::<Vec<_>>()}],
    });
    let config: StorageConfig = serde_json::from_value(config).expect("a valid configuration");
    let clock = Arc::new(SetClock(AtomicI64::new(START)));
    let options = Options { config, ..Options::new(directory.clone(), clock.clone()) };
    let (store, _) = Store::open(options).expect("the store opens");
    Fixture { store, clock, directory }
}

fn batch(time: i64) -> PointBatch {
    let mut batch = PointBatch::default();
    for series in 0..SERIES {
        let name = format!("servers.rack{:02}.host{:05}.cpu.user", series % 37, series);
        batch.push(name.as_bytes(), Timestamp(time), (series % 100) as f64 / 10.0);
    }
    batch
}

/// One flush of 10,000 series in the sender's order.
#[divan::bench]
fn write_in_order(bencher: Bencher<'_, '_>) {
    let fixture = fixture("1s:6h,10s:7d");
    let batch = batch(START);
    let mut hint = Successor::default();
    fixture.store.write(&batch, &mut hint);
    bencher.counter(ItemsCount::new(SERIES)).bench_local(|| fixture.store.write(&batch, &mut hint));
}

/// The same with names that the prediction never guesses.
#[divan::bench]
fn write_without_prediction(bencher: Bencher<'_, '_>) {
    let fixture = fixture("1s:6h,10s:7d");
    let ordered = batch(START);
    let mut shuffled = PointBatch::default();
    for index in 0..SERIES {
        let point = ordered.get(index * 7_919 % SERIES);
        shuffled.push(point.name, point.time, point.value);
    }
    fixture.store.write(&ordered, &mut Successor::default());
    bencher
        .counter(ItemsCount::new(SERIES))
        .bench_local(|| fixture.store.write(&shuffled, &mut Successor::default()));
}

/// An hour of 100 series at ten seconds, from open slots and flushed files.
#[divan::bench]
fn fetch_an_hour(bencher: Bencher<'_, '_>) {
    let fixture = fixture("10s:7d");
    let mut hint = Successor::default();
    for time in (START..START + 3_600).step_by(10) {
        fixture.clock.0.store(time, Ordering::SeqCst);
        fixture.store.write(&batch(time), &mut hint);
        while fixture.store.maintain() {}
    }
    let series: Vec<SeriesRef> = (0..100).map(SeriesRef).collect();
    let (scope, limits) = (Scope::everything(), QueryLimits::default());
    let request = FetchRequest {
        series: &series,
        from: Timestamp(START - 1),
        until: Timestamp(START + 3_600),
        now: Timestamp(START + 3_600),
        step: None,
        consolidation: Aggregation::Average,
        scope: &scope,
        limits: &limits,
    };
    bencher.counter(ItemsCount::new(36_000usize)).bench_local(|| fixture.store.fetch(&request));
}
