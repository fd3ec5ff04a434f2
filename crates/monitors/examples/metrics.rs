//! Metric monitors over a real store, in process, and what they took.
//!
//! ```text
//! metrics watch MONITORS SECONDS     each second every monitor's series gets a point, then all of them are judged
//! metrics replay SERIES DAYS         a 1 s rule over so many days of one-second points, kept at 1s:30d
//! metrics rules RULES DAYS STEP      many rules, each over its own series, with points STEP seconds apart
//! ```
//!
//! Printed are words and numbers in turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use monitors::config::{Definitions, MonitorConfig};
use monitors::kinds::metric::{Look, Watch};
use monitors::replay::{Past, replay};
use series_store::{Options, StorageConfig, Store};
use vocabulary::ports::{QueryLimits, Successor};
use vocabulary::time::HumanDuration;
use vocabulary::{Clock, PointBatch, PointSink, Timestamp};

const START: i64 = 1_728_000_000;
const BATCH: usize = 8_192;

struct SetClock(AtomicI64);

impl Clock for SetClock {
    fn since_epoch(&self) -> Duration {
        Duration::from_secs(self.0.load(Ordering::SeqCst) as u64)
    }
}

struct Bench {
    store: Store,
    clock: Arc<SetClock>,
    batch: PointBatch,
    hint: Successor,
    _directory: tempfile::TempDir,
}

impl Bench {
    fn open(archives: &str) -> Bench {
        let directory = tempfile::tempdir().expect("a directory for the store");
        let clock = Arc::new(SetClock(AtomicI64::new(START)));
        let rules = serde_json::json!({
            "retention": [{"name": "all", "pattern": "", "archives": archives.split(',').collect::<Vec<_>>()}],
            "max_series": 0, "max_new_series_per_minute": 0,
        });
        let config: StorageConfig = serde_json::from_value(rules).expect("the configuration is valid");
        let options = Options { config, ..Options::new(directory.path().to_owned(), clock.clone()) };
        let (store, _) = Store::open(options).expect("the store opens");
        Bench {
            store,
            clock,
            batch: PointBatch::default(),
            hint: Successor::default(),
            _directory: directory,
        }
    }

    fn put(&mut self, name: &str, time: i64, value: f64) {
        self.batch.push(name.as_bytes(), Timestamp(time), value);
        if self.batch.len() == BATCH {
            self.send();
        }
    }

    fn send(&mut self) {
        let report = self.store.write(&self.batch, &mut self.hint);
        assert_eq!(report.stored as usize, self.batch.len(), "{report:?}");
        self.batch.clear();
    }

    fn look<'b>(&'b self, limits: &'b QueryLimits, now: i64) -> Look<'b> {
        const UTC: &TimeZone = &TimeZone::UTC;
        Look { source: &self.store, events: &graphite::NoEvents, zone: UTC, limits, now: Timestamp(now) }
    }
}

fn name(series: usize) -> String {
    format!("stats.timers.rack{:02}.host{:05}.upper_90", series % 37, series)
}

/// A small walk, with a bad minute every few hours, and a bad hour every few weeks.
fn value(series: usize, second: i64) -> f64 {
    let noise =
        (series as u64).wrapping_mul(0x9e37_79b9).wrapping_add((second as u64).wrapping_mul(0x85eb_ca6b));
    let turn = second + series as i64 * 977;
    let bad = turn % 20_000 < 60 || turn % 2_000_000 < 3_600;
    (500 + (noise >> 7) % 97) as f64 / 10.0 + if bad { 300.0 } else { 0.0 }
}

fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// A few of each kind, as people have them.
const CONDITIONS: [&str; 5] =
    ["> 300", "outside 10..300", "avg over 1m > 300", "no point for 60s", "sum over 5m < 1"];

fn watch(monitors: usize, seconds: i64) {
    let mut bench = Bench::open("1s:6h,10s:7d,1m:30d");
    let rule = |index: usize| {
        let target = match index % 100 {
            // One in ten is an expression, and one in a hundred a sum over a rack.
            9 => format!("sumSeries(stats.timers.rack{:02}.*.upper_90)", index % 37),
            place if place % 10 == 8 => format!("movingAverage({}, 10)", name(index)),
            _ => name(index),
        };
        let name = format!("m{index}");
        let mut rule = MonitorConfig { name, target: Some(target), ..MonitorConfig::default() };
        rule.critical = Some(CONDITIONS[index % CONDITIONS.len()].to_owned());
        rule.lasting = index.is_multiple_of(2).then(|| HumanDuration::from_secs(10));
        rule
    };
    let rules: Vec<MonitorConfig> = (0..monitors).map(rule).collect();
    let names: Vec<String> = (0..monitors).map(name).collect();
    let mut watch = Watch::default();
    watch.reload(&rules).expect("the rules are right");
    let limits = QueryLimits::default();
    let (mut taken, mut told, mut cpu) = (Vec::new(), 0, 0.0);
    for second in 0..seconds {
        let now = START + second;
        bench.clock.0.store(now, Ordering::SeqCst);
        for (series, name) in names.iter().enumerate() {
            bench.put(name, now, value(series, now));
        }
        bench.send();
        // As the server does each second.
        while bench.store.maintain() {}
        let (begun, before) = (Instant::now(), cpu_seconds());
        told += watch.tick(&bench.look(&limits, now), &()).told.len();
        // The first seconds find the series and fill windows.
        if second >= 20 {
            taken.push(begun.elapsed().as_secs_f64());
            cpu += cpu_seconds() - before;
        }
    }
    taken.sort_by(f64::total_cmp);
    let p99 = taken[taken.len() * 99 / 100];
    let share = cpu / taken.len() as f64;
    let behind = watch.stats.behind;
    println!("p99_seconds {p99} cpu_share {share} told {told} behind {behind} slots {}", watch.stats.slots);
}

fn tried(bench: &Bench, rules: &[MonitorConfig], days: i64) {
    let limits = QueryLimits { max_points: 1 << 40, ..QueryLimits::default() };
    let now = START + days * 86_400;
    let past = Past { from: Timestamp(START), until: Timestamp(now), blind: Vec::new().into() };
    let begun = Instant::now();
    let (mut fired, mut slots) = (0, 0);
    for rule in rules {
        let answer =
            replay(rule, &Definitions::default(), &bench.look(&limits, now), &past).expect("it replays");
        fired += answer.fired();
        slots += answer.slots;
    }
    println!("seconds {} fired {fired} slots {slots}", begun.elapsed().as_secs_f64());
}

fn fill(bench: &mut Bench, series: usize, days: i64, step: i64) {
    let names: Vec<String> = (0..series).map(name).collect();
    let mut next_flush = START;
    for at in (START..START + days * 86_400).step_by(step as usize) {
        bench.clock.0.store(at, Ordering::SeqCst);
        for (series, name) in names.iter().enumerate() {
            bench.put(name, at, value(series, at));
        }
        if at >= next_flush {
            bench.send();
            bench.store.compact().expect("the store writes blocks");
            next_flush = at + 86_400;
        }
    }
    bench.send();
    bench.store.compact().expect("the store writes blocks");
}

fn rule(target: String) -> MonitorConfig {
    MonitorConfig {
        name: "latency".into(),
        target: Some(target),
        warning: Some("> 200".into()),
        critical: Some("> 300".into()),
        lasting: Some(HumanDuration::from_secs(30)),
        ..MonitorConfig::default()
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| arguments.get(at).and_then(|text| text.parse::<i64>().ok()).expect("a number");
    match arguments.first().map(String::as_str) {
        Some("watch") => watch(number(1) as usize, number(2)),
        Some("replay") => {
            let mut bench = Bench::open("1s:30d");
            fill(&mut bench, number(1) as usize, number(2), 1);
            tried(&bench, &[rule("stats.timers.*.*.upper_90".into())], number(2));
        }
        Some("rules") => {
            let (rules, days, step) = (number(1) as usize, number(2), number(3));
            let mut bench = Bench::open(&format!("{step}s:{}d", days + 1));
            fill(&mut bench, rules, days, step);
            let mut list: Vec<MonitorConfig> = (0..rules).map(name).map(rule).collect();
            for (index, rule) in list.iter_mut().enumerate() {
                // The same, with times that points this far apart can tell.
                let condition = CONDITIONS[index % CONDITIONS.len()];
                let condition = condition.replace("60s", "1h").replace("1m", "30m").replace("5m", "2h");
                (rule.warning, rule.critical) = (None, Some(condition));
                rule.lasting = Some(HumanDuration::from_secs(2 * step as u64));
            }
            tried(&bench, &list, days);
        }
        _ => panic!("metrics watch|replay|rules, see the head of the file"),
    }
}
