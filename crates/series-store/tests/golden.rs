//! A directory of each format version that ever was: it must open for ever.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::simulated::Random;
use disk::{RealIo, read_whole};
use series_store::{fsck, fuzzing};
use vocabulary::ports::{FindQuery, Node, QueryLimits, Scope};
use vocabulary::retention::Aggregation;
use vocabulary::{PointSink, SeriesSource, Sketch, SketchBatch, Timestamp, ValueKind};

use crate::support::{START, Setup, TempDir, TestStore, config, request, seed};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/v1.0")
}

fn setup(directory: &Path) -> Setup {
    let setup = Setup::new(config("1s:1h,10s:1d,60s:7d", Aggregation::Average, 0.5), Arc::new(RealIo));
    setup.clock.set(START + 3_000);
    Setup { directory: directory.to_owned(), ..setup }
}

/// Every kind of value: whole, decimal, a fraction, constant, rare.
fn value(series: i64, time: i64) -> Option<f64> {
    let second = time - START;
    match series {
        0 => Some(second as f64),
        1 => Some((second * 37 % 101) as f64 / 10.0),
        2 => Some(1.0 / (second + 1) as f64),
        3 => Some(42.0),
        _ => (second % 17 == 0).then_some(-0.5),
    }
}

const NAMES: [&str; 5] = ["g.whole", "g.decimal", "g.fraction", "g.constant", "g.rare;dc=a;host=b"];

/// Run by hand for a new version: `cargo test -p series-store --test main write_golden -- --ignored`.
#[test]
#[ignore = "writes the golden directory of a new version; the old ones stay"]
fn write_golden() {
    let directory = golden();
    assert!(!directory.exists(), "there is one");
    let mut store = setup(&directory).open();
    for time in START..START + 3_000 {
        store.clock().set(time);
        for (series, name) in NAMES.iter().enumerate() {
            if let Some(value) = value(series as i64, time) {
                store.put_one(name, time, value);
            }
        }
        let mut batch = SketchBatch::default();
        batch.push(b"g.timer", Timestamp(time), Sketch::from_values([((time - START + 1) as f64, 1.0)]));
        store.store.write_sketches(&batch);
        match time - START {
            1_500 => store.store.compact().unwrap(),
            2_800 => store.put_one("g.whole", START + 100, 100.0),
            _ => store.settle(),
        }
    }
    store.store.sync().unwrap();
    drop(store);
    std::fs::remove_file(directory.join("RESERVE")).unwrap();
    std::fs::remove_file(directory.join("LOCK")).unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn check(store: &TestStore) {
    for (series, name) in NAMES.iter().enumerate() {
        let wanted: Vec<(i64, f64)> =
            (START..START + 3_000).filter_map(|time| Some((time, value(series as i64, time)?))).collect();
        assert_eq!(store.points(name, START - 1, START + 2_999).1, wanted, "{name}");
    }
    let (step, coarse) = store.points("g.whole", store.now() - 80_000, START + 2_999);
    let wanted: Vec<(i64, f64)> =
        (0..300).map(|slot| (START + 10 * slot, (10 * slot) as f64 + 4.5)).collect();
    assert_eq!((step, coarse), (10, wanted));
    let scope = Scope::everything();
    let query = FindQuery { pattern: "g.timer", kind: ValueKind::Sketch, scope: &scope, limit: 1 };
    let Node::Leaf(timer) = store.store.find(&query).unwrap().remove(0) else { panic!("a series is a leaf") };
    let limits = QueryLimits::default();
    let timers = [timer.series];
    let asked = request(&timers, START - 1, START + 2_999, store.now(), &scope, &limits);
    let row = store.store.fetch_sketches(&asked).unwrap().remove(0);
    assert_eq!(row.slots.iter().flatten().map(Sketch::count).sum::<f64>(), 3_000.0);
}

#[test]
fn the_first_version_opens_for_ever() {
    let temporary = TempDir::new();
    copy(&golden(), temporary.path());
    let report = fsck(Arc::new(RealIo), temporary.path());
    assert!(report.is_clean() && report.files > 3 && report.log_records > 0, "{report:?}");
    let store = setup(temporary.path()).open();
    assert!(store.recovery.gaps.is_empty() && store.recovery.torn_bytes == 0, "{:?}", store.recovery);
    check(&store);
    store.settle();
    store.store.compact().unwrap();
    check(&store);
    check(&store.restart());
}

/// Each file of the golden directory, mutated: the parsers must not panic.
#[test]
fn parsers_survive_anything() {
    println!("seed {}", seed());
    let mut random = Random::new(seed());
    let mut files = Vec::new();
    collect(&golden(), &mut files);
    let rounds = if crate::support::is_long() { 20_000 } else { 300 };
    for path in files {
        let bytes = read_whole(&RealIo, &path, 1 << 20).unwrap();
        let name = path.display().to_string();
        let parse: fn(&[u8]) = match name.rsplit('/').next().unwrap_or_default() {
            name if name.ends_with(".blk") => fuzzing::block_file,
            name if name.ends_with(".wal") => fuzzing::log_segment,
            name if name.starts_with("SERIES") => fuzzing::series_log,
            name if name.starts_with("MANIFEST") => fuzzing::manifest,
            _ => continue,
        };
        parse(&bytes);
        for _ in 0..rounds {
            // Large files are cut to their start, so that mutations meet what matters.
            let mut mutated = bytes[..bytes.len().min(1 + random.below(8_000) as usize)].to_vec();
            for _ in 0..1 + random.below(4) {
                let at = random.below(mutated.len() as u64) as usize;
                match random.below(4) {
                    0 => mutated[at] ^= 1 << random.below(8),
                    1 => mutated[at] = [0, 1, 0x7f, 0x80, 0xff][random.below(5) as usize],
                    2 => mutated.truncate(at + 1),
                    _ => mutated.insert(at, random.below(256) as u8),
                }
            }
            parse(&mutated);
            // What a right checksum would let through.
            fuzzing::record(&mutated);
            fuzzing::series_log(&mutated);
        }
    }
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { collect(&path, files) } else { files.push(path) }
    }
}
