//! What names cost: bytes a series, seconds to load and to index, nanoseconds to resolve, milliseconds to
//! find. `cargo bench -p series-store --bench names`; NAMES=5000000 for more of them than a million.

use std::sync::OnceLock;
use std::time::Instant;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use series_store::names::{GuardLimits, Names};
use vocabulary::ports::{
    FindQuery, Node, Scope, Successor, TagExpression, TagListQuery, TagOperator, TagQuery,
};
use vocabulary::{PointBatch, Timestamp, ValueKind};

const BATCH: usize = 10_000;
const TAGGED: usize = 100_000;

fn main() {
    let names = loaded();
    report_memory(names);
    divan::main();
}

fn count() -> usize {
    std::env::var("NAMES").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000_000)
}

/// 52 bytes in the mean: 16 hosts a rack, 100 metrics a host, as one client sends them.
fn name(at: usize) -> String {
    let (metric, host) = (at % 100, at / 100);
    let (group, leaf) = (metric / 10, metric % 10);
    let part =
        ["cpu", "memory", "disk", "network", "requests", "errors", "cache", "queue", "threads", "gc"][group];
    let leaf = ["count", "mean", "upper_90", "lower", "sum", "rate", "median", "std", "upper", "last"][leaf];
    format!("production.rack{:03}.host{host:05}.{part}.instance{group:02}.{leaf}", host / 16)
}

fn tagged(at: usize) -> String {
    format!("requests.duration;dc=dc{};host=host{:05};route=/api/v1/{}", at % 3, at / 20, at % 20)
}

fn all_names() -> &'static [String] {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    NAMES.get_or_init(|| (0..count()).map(name).collect())
}

fn loaded() -> &'static Names {
    static LOADED: OnceLock<Names> = OnceLock::new();
    LOADED.get_or_init(|| {
        let list = all_names();
        let names = Names::new(GuardLimits {
            max_series: 10_000_000,
            max_new_per_minute: 0,
            ..GuardLimits::default()
        });
        let started = Instant::now();
        let mut loading = names.load(list.len());
        for (id, name) in list.iter().enumerate() {
            loading.add(id as u32, ValueKind::Number, name).expect("the names are distinct");
        }
        drop(loading);
        println!("load {} names: {:?}", list.len(), started.elapsed());
        let started = Instant::now();
        while names.maintain(&|| true) {}
        println!("index them: {:?}", started.elapsed());
        names
    })
}

fn report_memory(names: &Names) {
    let bytes = |part: usize| part as f64 / names.len() as f64;
    let memory = names.memory();
    let text: usize = all_names().iter().map(String::len).sum();
    println!(
        "bytes a series: {:.1} of which texts {:.1} (mean length {:.1}), table {:.1}, tries {:.1}, children {:.1}",
        bytes(memory.total()),
        bytes(memory.names),
        bytes(text),
        bytes(memory.table),
        bytes(memory.tries),
        bytes(memory.children)
    );
}

fn batches(order: impl Fn(usize) -> usize) -> Vec<PointBatch> {
    let list = all_names();
    let batch = |start: usize| {
        let mut batch = PointBatch::default();
        for at in start..(start + BATCH).min(list.len()) {
            batch.push(list[order(at)].as_bytes(), Timestamp(0), 0.0);
        }
        batch
    };
    (0..list.len()).step_by(BATCH).map(batch).collect()
}

fn resolve(bencher: Bencher<'_, '_>, batches: &[PointBatch]) {
    let names = loaded();
    let (mut hint, mut out, mut next) = (Successor::default(), Vec::new(), 0);
    for batch in batches {
        out.clear();
        names.resolve(batch, ValueKind::Number, &mut hint, &mut out);
    }
    bencher.counter(ItemsCount::new(BATCH)).bench_local(|| {
        out.clear();
        names.resolve(&batches[next % batches.len()], ValueKind::Number, &mut hint, &mut out);
        next += 1;
    });
}

/// An item is a name.
#[divan::bench]
fn resolve_in_client_order(bencher: Bencher<'_, '_>) {
    resolve(bencher, &batches(|at| at));
}

/// Each batch names others in another order: nothing can be predicted.
#[divan::bench(sample_count = 100, sample_size = 1)]
fn resolve_in_no_order(bencher: Bencher<'_, '_>) {
    // A prime that divides no power of ten.
    let count = count();
    resolve(bencher, &batches(|at| at * 7_919_317 % count));
}

#[divan::bench]
fn create(bencher: Bencher<'_, '_>) {
    let names =
        Names::new(GuardLimits { max_series: usize::MAX, max_new_per_minute: 0, ..GuardLimits::default() });
    let mut next = 0;
    bencher.counter(ItemsCount::new(1usize)).bench_local(|| {
        next += 1;
        names.create(name(next).as_bytes(), ValueKind::Number, Timestamp(0))
    });
}

fn find(names: &Names, pattern: &str) -> Vec<Node> {
    let scope = Scope::everything();
    let query = FindQuery { pattern, kind: ValueKind::Number, scope: &scope, limit: 10_000_000 };
    names.find(&query).expect("the pattern is good")
}

const PATTERNS: [&str; 8] = [
    "*",
    "production.rack1*",
    "production.rack001.host00017.cpu.instance00.mean",
    "production.*.host0001*.c*.*.mean",
    "production.*.host*.requests.*.upper_90",
    "production.rack{001,002,003}.*.{cpu,disk}.*.[a-m]*",
    "production.**.std",
    "**.host00500.**",
];

#[divan::bench(args = PATTERNS, sample_count = 20)]
fn find_pattern(bencher: Bencher<'_, '_>, pattern: &str) {
    println!("                          {} nodes", find(loaded(), pattern).len());
    bencher.bench_local(|| find(loaded(), black_box(pattern)));
}

#[divan::bench(sample_count = 5)]
fn for_each_name(bencher: Bencher<'_, '_>) {
    bencher.counter(ItemsCount::new(count())).bench_local(|| {
        let mut bytes = 0;
        loaded().for_each(ValueKind::Number, &Scope::everything(), |_, name| bytes += name.len());
        bytes
    });
}

fn with_tags() -> &'static Names {
    static TAGGED_NAMES: OnceLock<Names> = OnceLock::new();
    TAGGED_NAMES.get_or_init(|| {
        let names = Names::new(GuardLimits { max_new_per_minute: 0, ..GuardLimits::default() });
        for at in 0..TAGGED {
            names.create(tagged(at).as_bytes(), ValueKind::Number, Timestamp(0)).expect("there is room");
        }
        while names.maintain(&|| true) {}
        println!(
            "bytes a tagged series: {:.1} of which tags {:.1}",
            names.memory().total() as f64 / TAGGED as f64,
            names.memory().tags as f64 / TAGGED as f64
        );
        names
    })
}

fn expression(tag: &str, operator: TagOperator, value: &str) -> TagExpression {
    TagExpression { tag: tag.into(), operator, value: value.into() }
}

#[divan::bench]
fn find_tagged_100_of_100k(bencher: Bencher<'_, '_>) {
    let expressions = [
        expression("name", TagOperator::Equal, "requests.duration"),
        expression("host", TagOperator::Match, "host0001"),
        expression("dc", TagOperator::NotEqual, "dc1"),
    ];
    let scope = Scope::everything();
    let query = TagQuery { expressions: &expressions, kind: ValueKind::Number, scope: &scope, limit: 1_000 };
    bencher.bench_local(|| with_tags().find_tagged(black_box(&query)));
}

#[divan::bench]
fn tag_values_by_prefix(bencher: Bencher<'_, '_>) {
    let scope = Scope::everything();
    let query = TagListQuery { expressions: &[], prefix: "host01", filter: None, scope: &scope, limit: 100 };
    bencher.bench_local(|| with_tags().tag_values("host", black_box(&query)));
}
