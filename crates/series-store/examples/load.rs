//! Loads a store in process and says what it took.
//!
//! ```text
//! load write SERIES SECONDS STEP      batches in the order of one client, threads running; CPU of all of it
//! load lines SERIES SECONDS           the same from text: what Carbon's lines cost once they are read
//! load memory SERIES POINTS GAP       so many points per series, GAP seconds apart; resident bytes per series
//! load minute SERIES                  a full minute of one-second points for every series
//! load calm SECONDS                   300 series once a second by the real clock: CPU, memory, syncs
//! load old rounds|series SERIES POINTS    points two days old, ten seconds apart, round by round or series by series
//! load start DIR                      opens a directory; how long until everything can be read
//! load fill DIR SERIES SECONDS        writes and leaves without closing, for `load start`
//! load fetch                          one series x 24 h at 10 s; 1,000 series x 1 h summed
//! load disk KIND                      bytes a point under blocks/ after compact, 1,000 series x 1 day at 10 s
//! ```

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use formats::carbon_line::StreamLines;
use series_store::{Options, StorageConfig, Store, spawn_background};
use vocabulary::ports::{FetchRequest, QueryLimits, Scope, Successor};
use vocabulary::retention::Aggregation;
use vocabulary::{Clock, PointBatch, PointSink, SeriesRef, SeriesSource, Timestamp};

const START: i64 = 1_728_000_000;
const BATCH: usize = 4_096;

struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn since_epoch(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst) as u64)
    }
}

struct Bench {
    store: Arc<Store>,
    clock: Arc<SetClock>,
    directory: PathBuf,
    batch: PointBatch,
    hint: Successor,
}

fn config(archives: &str) -> StorageConfig {
    let rules = serde_json::json!({
        "retention": [{"name": "all", "pattern": "", "archives": archives.split(',').collect::<Vec<_>>()}],
        "max_series": 0, "max_new_series_per_minute": 0,
    });
    serde_json::from_value(rules).expect("the configuration is valid")
}

impl Bench {
    fn open(directory: PathBuf, archives: &str) -> Bench {
        let clock = Arc::new(SetClock(AtomicI64::new(START)));
        let options = Options { config: config(archives), ..Options::new(directory.clone(), clock.clone()) };
        let (store, recovery) = Store::open(options).expect("the store opens");
        eprintln!("{recovery:?}");
        Bench {
            store: Arc::new(store),
            clock,
            directory,
            batch: PointBatch::default(),
            hint: Successor::default(),
        }
    }

    fn set(&self, time: i64) {
        self.clock.0.store(time, Ordering::SeqCst);
    }

    fn put(&mut self, name: &str, time: i64, value: f64) {
        self.batch.push(name.as_bytes(), Timestamp(time), value);
        if self.batch.len() == BATCH {
            self.send();
        }
    }

    /// As the listener does: pieces of a read's size.
    fn read(&mut self, text: &str, now: i64) {
        for (point, _) in StreamLines::new(text.as_bytes(), Timestamp(now)) {
            let point = point.expect("a good line");
            self.batch.push(point.name, point.time, point.value);
            if self.batch.len() == BATCH {
                self.send();
            }
        }
        if !self.batch.is_empty() {
            self.send();
        }
    }

    fn send(&mut self) {
        let report = self.store.write(&self.batch, &mut self.hint);
        assert_eq!(report.stored as usize, self.batch.len(), "{report:?}");
        self.batch.clear();
    }
}

fn name(series: usize) -> String {
    format!("servers.rack{:02}.host{:05}.disk.sda{}.operations.read", series % 37, series / 10, series % 10)
}

/// Values of a small walk with one decimal, the same for all runs.
fn value(series: usize, step: i64) -> f64 {
    let noise =
        (series as u64).wrapping_mul(0x9e37_79b9).wrapping_add((step as u64).wrapping_mul(0x85eb_ca6b));
    (500 + (noise >> 7) % 97 + (step as u64 % 60)) as f64 / 10.0
}

fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

fn own_thread_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|field| field.parse::<f64>().ok());
    nanoseconds.unwrap_or(0.0) / 1e9
}

fn resident_bytes() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

fn temporary() -> PathBuf {
    let path = std::env::temp_dir().join(format!("series-store-load-{}", std::process::id()));
    drop(std::fs::remove_dir_all(&path));
    path
}

fn number(arguments: &[String], at: usize) -> usize {
    arguments.get(at).and_then(|text| text.parse().ok()).expect("a number")
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = arguments.first().map(String::as_str).unwrap_or_default();
    match command {
        "write" => write(number(&arguments, 1), number(&arguments, 2) as i64, number(&arguments, 3) as i64),
        "lines" => lines(number(&arguments, 1), number(&arguments, 2) as i64),
        "memory" => memory(number(&arguments, 1), number(&arguments, 2) as i64, number(&arguments, 3) as i64),
        "minute" => memory(number(&arguments, 1), 60, 1),
        "calm" => calm(number(&arguments, 1) as i64),
        "old" => old(&arguments[1], number(&arguments, 2), number(&arguments, 3) as i64),
        "fill" => fill(Path::new(&arguments[1]), number(&arguments, 2), number(&arguments, 3) as i64),
        "start" => start(Path::new(&arguments[1])),
        "fetch" => fetch(),
        "disk" => disk(arguments.get(1).map(String::as_str).unwrap_or("gauge")),
        _ => eprintln!("see the head of this example"),
    }
}

fn write(series: usize, seconds: i64, step: i64) {
    let mut bench = Bench::open(temporary(), "1s:6h,10s:7d,1m:30d,10m:5y");
    let names: Vec<String> = (0..series).map(name).collect();
    let background = spawn_background(&bench.store).expect("threads start");
    names.iter().enumerate().for_each(|(index, name)| bench.put(name, START, value(index, 0)));
    bench.send();
    let (cpu, wall) = (cpu_seconds(), Instant::now());
    let mut points = 0;
    for time in (START + step..START + seconds).step_by(step as usize) {
        bench.set(time);
        for (index, name) in names.iter().enumerate() {
            bench.put(name, time, value(index, time));
        }
        points += names.len();
    }
    bench.send();
    let write_wall = wall.elapsed().as_secs_f64();
    background.stop().expect("the store closes");
    let cpu = cpu_seconds() - cpu;
    println!(
        "{points} points: {:.2} M/s by the writer's clock, {:.2} M/s per core of CPU, all work included ({cpu:.2} s); {:?}",
        points as f64 / write_wall / 1e6,
        points as f64 / cpu / 1e6,
        bench.store.stats(),
    );
    drop(std::fs::remove_dir_all(&bench.directory));
}

fn lines(series: usize, seconds: i64) {
    let mut bench = Bench::open(temporary(), "1s:6h,10s:7d,1m:30d,10m:5y");
    let names: Vec<String> = (0..series).map(name).collect();
    let text = |time: i64| -> String {
        let line = |(index, name)| format!("{name} {:.1} {time}\n", value(index, time));
        names.iter().enumerate().map(line).collect()
    };
    let background = spawn_background(&bench.store).expect("threads start");
    bench.read(&text(START), START);
    let (mut cpu, mut points) = (0.0, 0);
    for time in START + 1..START + seconds {
        // Making the text is not measured; what the other threads work meanwhile is.
        let (text, making) = (text(time), own_thread_seconds());
        bench.set(time);
        bench.read(&text, time);
        cpu += own_thread_seconds() - making;
        points += names.len();
    }
    background.stop().expect("the store closes");
    let others = cpu_seconds() - own_thread_seconds();
    let total = cpu + others;
    println!("points {points} cpu_seconds {total:.3} of_reader {cpu:.3} of_background {others:.3}");
    drop(std::fs::remove_dir_all(&bench.directory));
}

fn memory(series: usize, points: i64, gap: i64) {
    let before = resident_bytes();
    let mut bench = Bench::open(temporary(), "1s:6h,10s:7d,1m:30d,10m:5y");
    let background = spawn_background(&bench.store).expect("threads start");
    for round in 0..points {
        bench.set(START + round * gap);
        for index in 0..series {
            bench.put(&name(index), START + round * gap, value(index, round));
        }
    }
    if !bench.batch.is_empty() {
        bench.send();
    }
    std::thread::sleep(Duration::from_secs(2));
    let used = resident_bytes() - before;
    println!("{:.0} B resident per series; {:?}", used as f64 / series as f64, bench.store.health().memory);
    drop(background);
    drop(std::fs::remove_dir_all(&bench.directory));
}

fn calm(seconds: i64) {
    let before = resident_bytes();
    let mut bench = Bench::open(temporary(), "1s:6h,10s:7d,1m:30d,10m:5y");
    let background = spawn_background(&bench.store).expect("threads start");
    std::thread::sleep(Duration::from_secs(1));
    println!("open and idle: {} KB resident", (resident_bytes() - before) >> 10);
    let cpu = cpu_seconds();
    for second in 0..seconds {
        bench.set(START + second);
        (0..300).for_each(|index| bench.put(&name(index), START + second, value(index, second)));
        bench.send();
        std::thread::sleep(Duration::from_secs(1));
    }
    let cpu = cpu_seconds() - cpu;
    println!(
        "300 series: {:.3} % of a core, {} KB resident, {:?}",
        100.0 * cpu / seconds as f64,
        (resident_bytes() - before) >> 10,
        bench.store.health().log
    );
    drop(background);
    drop(std::fs::remove_dir_all(&bench.directory));
}

fn old(order: &str, series: usize, points: i64) {
    let mut bench = Bench::open(temporary(), "1s:6h,10s:7d,1m:30d,10m:5y");
    let background = spawn_background(&bench.store).expect("threads start");
    let names: Vec<String> = (0..series).map(name).collect();
    bench.set(START + 2 * 86_400);
    names.iter().for_each(|name| bench.put(name, START + 2 * 86_400, 1.0));
    bench.send();
    let (cpu, wall) = (cpu_seconds(), Instant::now());
    let put = |bench: &mut Bench, index: usize, point: i64| {
        bench.put(&names[index], START + point * 10, value(index, point));
    };
    match order {
        "rounds" => (0..points).for_each(|point| (0..series).for_each(|index| put(&mut bench, index, point))),
        _ => (0..series).for_each(|index| (0..points).for_each(|point| put(&mut bench, index, point))),
    }
    if !bench.batch.is_empty() {
        bench.send();
    }
    let write_wall = wall.elapsed().as_secs_f64();
    let written = cpu_seconds() - cpu;
    background.stop().expect("the store closes");
    let (total, cpu) = ((series as i64 * points) as f64, cpu_seconds() - cpu);
    println!(
        "{total} old points: {:.2} M/s, {:.2} M/s per core of CPU ({cpu:.2} s, {written:.2} of them until the end was taken)",
        total / write_wall / 1e6,
        total / cpu / 1e6
    );
    drop(std::fs::remove_dir_all(&bench.directory));
}

fn fill(directory: &Path, series: usize, seconds: i64) {
    let mut bench = Bench::open(directory.to_owned(), "1s:6h,10s:7d,1m:30d,10m:5y");
    for time in START..START + seconds {
        bench.set(time);
        for index in 0..series {
            bench.put(&name(index), time, value(index, time));
        }
    }
    bench.send();
    bench.store.sync().expect("the log is written");
    println!("{:?}", bench.store.health().log);
    // As after a kill -9.
    std::process::exit(0);
}

fn start(directory: &Path) {
    let wall = Instant::now();
    let bench = Bench::open(directory.to_owned(), "1s:6h,10s:7d,1m:30d,10m:5y");
    println!("open after {:.2} s, {} MB resident", wall.elapsed().as_secs_f64(), resident_bytes() >> 20);
    let scope = Scope::everything();
    let query = vocabulary::ports::FindQuery {
        pattern: "servers.*.host00001.disk.*.operations.read",
        kind: vocabulary::ValueKind::Number,
        scope: &scope,
        limit: 1000,
    };
    let found = bench.store.find(&query).map(|found| found.len());
    println!("found {found:?} after {:.2} s", wall.elapsed().as_secs_f64());
}

fn fetch() {
    let mut bench = Bench::open(temporary(), "10s:30d");
    let names: Vec<String> = (0..1_000).map(name).collect();
    for time in (START..START + 86_400).step_by(10) {
        bench.set(time);
        for (index, name) in names.iter().enumerate() {
            bench.put(name, time, value(index, time));
        }
        while time % 600 == 0 && bench.store.maintain() {}
    }
    bench.send();
    let now = START + 86_400;
    ask(&bench, "with level 0 and 1", now);
    bench.store.compact().expect("compacts");
    ask(&bench, "after compact", now);
    drop(std::fs::remove_dir_all(&bench.directory));
}

fn ask(bench: &Bench, when: &str, now: i64) {
    let scope = Scope::everything();
    let limits = QueryLimits::default();
    let all: Vec<SeriesRef> = (0..1_000).map(SeriesRef).collect();
    let request = |series, from| FetchRequest {
        series,
        from: Timestamp(from),
        until: Timestamp(now),
        now: Timestamp(now),
        step: None,
        consolidation: Aggregation::Average,
        scope: &scope,
        limits: &limits,
    };
    let best = |run: &dyn Fn()| {
        (0..30)
            .map(|_| {
                let at = Instant::now();
                run();
                at.elapsed()
            })
            .min()
            .unwrap_or_default()
    };
    let day = best(&|| {
        assert_eq!(
            bench.store.fetch(&request(&all[..1], now - 86_400)).map(|rows| rows[0].slots.len()),
            Ok(8_640)
        )
    });
    let hour = |back: i64| {
        best(&|| {
            let rows = bench.store.fetch(&request(&all, now - 3_600 - back)).expect("fetches");
            let sum: f64 = rows.iter().flat_map(|row| &row.slots).filter(|value| !value.is_nan()).sum();
            assert!(sum > 0.0);
        })
    };
    println!("{when}: 1 x 24 h {day:?}; 1,000 x the last hour {:?}", hour(0));
}

fn disk(kind: &str) {
    let mut bench = Bench::open(temporary(), "10s:30d");
    let names: Vec<String> = (0..1_000).map(|index| format!("bench.{kind}.{index:04}")).collect();
    let mut state = vec![0.0f64; names.len()];
    let mut seed = 42u64;
    let mut random = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as f64 / (1u64 << 31) as f64
    };
    let mut points = 0u64;
    for time in (START..START + 86_400).step_by(10) {
        bench.set(time);
        for (index, name) in names.iter().enumerate() {
            let value = match kind {
                "gauge" => {
                    state[index] += (random() * 5.0).floor() - 2.0;
                    Some(state[index])
                }
                "counter" => {
                    state[index] += (random() * 5.0).floor();
                    Some(state[index])
                }
                "constant" => Some(42.0),
                "sparse" => (random() < 0.05).then(|| (random() * 1000.0).floor()),
                _ => Some((random() * 100.0).floor() / 10.0),
            };
            if let Some(value) = value {
                bench.put(name, time, value);
                points += 1;
            }
        }
        while time % 600 == 0 && bench.store.maintain() {}
    }
    bench.send();
    bench.store.compact().expect("compacts");
    let bytes: u64 = bench.store.health().tiers.iter().map(|tier| tier.bytes).sum();
    println!("{kind}: {:.4} B/point, {bytes} B for {points} points", bytes as f64 / points as f64);
    drop(std::fs::remove_dir_all(&bench.directory));
}
