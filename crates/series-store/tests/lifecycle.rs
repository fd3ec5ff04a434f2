//! Series that come, change, and go; limits; copies of the store; versions.

use std::path::Path;
use std::sync::Arc;

use disk::simulated::{SimulatedDisk, Unsynced};
use disk::{Io, RealIo};
use series_store::{OpenError, StorageConfig, fsck};
use vocabulary::ports::{FetchRequest, QueryLimits, Scope, StoreError, Successor};
use vocabulary::retention::Aggregation;
use vocabulary::{PointBatch, PointSink, SeriesRef, SeriesSource, Sketch, SketchBatch, Step, Timestamp};

use crate::support::{START, Setup, TestStore, config, known, request, sketched};

fn store(archives: &str) -> TestStore {
    TestStore::new(config(archives, Aggregation::Average, 0.5))
}

/// So many points from START on, one a second, at their time.
fn fill(store: &mut TestStore, name: &str, seconds: i64) {
    for time in START..START + seconds {
        store.clock().set(time);
        store.put_one(name, time, (time % 100) as f64);
    }
}

#[test]
fn every_point_is_accounted_for() {
    let mut store = store("1s:1h,10s:1d");
    let long = "x".repeat(600);
    let report = store.put(&[
        ("a", START, 1.0),
        ("a", START - 1_000, 2.0),
        ("a", START - 80_000, 3.0),
        ("a", START - 90_000, 4.0),
        ("a", START + 50, 5.0),
        ("a", START + 5_000, 6.0),
        ("a", START, f64::NAN),
        (&long, START, 1.0),
        ("b", START, 1.0),
    ]);
    let seen = (
        report.stored,
        report.late,
        report.too_old,
        report.in_future,
        report.no_value,
        report.refused_name,
        report.created,
    );
    assert_eq!(seen, (5, 2, 1, 1, 1, 1, 2), "{report:?}");
    assert_eq!(store.store.stats().points_stored, 5);
    assert_eq!(store.store.describe(store.id("a").unwrap()).unwrap().late, 2);
    assert_eq!(store.store.describe(store.id("a").unwrap()).unwrap().last_point, Some(Timestamp(START + 50)));
}

#[test]
fn names_in_any_order_of_tags_are_one_series() {
    let mut store = store("1s:1h");
    store.put_one("m;b=2;a=1", START, 1.0);
    store.put_one("m;a=1;b=2", START + 1, 2.0);
    store.put_one("m;b=2;a=1", START + 2, 3.0);
    store.advance(2);
    assert_eq!(store.points("m;a=1;b=2", START - 1, START + 2).1.len(), 3);
}

#[test]
fn limits_refuse_new_names_only() {
    let mut store =
        TestStore::new(StorageConfig { max_series: 2, ..config("1s:1h", Aggregation::Average, 0.5) });
    let report = store.put(&[("a", START, 1.0), ("b", START, 1.0), ("c", START, 1.0), ("a", START, 2.0)]);
    assert_eq!((report.stored, report.refused_limit, report.created), (3, 1, 2));
    store.store.set_config(StorageConfig { max_series: 3, ..config("1s:1h", Aggregation::Average, 0.5) });
    store.advance(2);
    assert_eq!(store.put(&[("c", START, 1.0)]).stored, 1);
}

#[test]
fn deleted_series_are_gone_and_stay_so() {
    let mut store = store("1s:1h,10s:1d");
    fill(&mut store, "a", 100);
    fill(&mut store, "b", 100);
    store.store.compact().unwrap();
    let gone = store.id("a").unwrap();
    assert_eq!(store.store.delete(&[gone, SeriesRef(99)]), Ok(1));
    let check = |store: &TestStore| {
        assert_eq!(store.id("a"), None);
        assert!(store.rows(&[gone], START, START + 50)[0].slots.is_empty());
        assert_eq!(store.points("b", START - 1, START + 99).1.len(), 100);
    };
    check(&store);
    store = store.reopen();
    check(&store);
    // The name may come back; it is another series.
    store.put_one("a", START + 99, 7.0);
    assert_ne!(store.id("a"), Some(gone));
    assert_eq!(store.points("a", START - 1, START + 99).1, [(START + 99, 7.0)]);
    store.store.compact().unwrap();
    assert_eq!(store.points("a", START - 1, START + 99).1, [(START + 99, 7.0)]);
    check_files(&store);
}

fn check_files(store: &TestStore) {
    let report = store.store.check();
    assert!(report.is_clean() && report.files > 0, "{report:?}");
}

#[test]
fn files_and_series_go_when_their_time_is_over() {
    let mut store = store("1s:1h,10s:3h");
    fill(&mut store, "old", 200);
    store.store.compact().unwrap();
    let files = |store: &TestStore| store.store.file_paths().len();
    assert!(files(&store) > 0);
    for _ in 0..40 {
        store.advance(3_000);
        let now = store.now();
        store.put_one("young", now, 1.0);
        store.settle();
    }
    let oldest = store.store.file_paths().iter().filter_map(|path| start_of(path)).min().unwrap();
    assert!(oldest > store.now() - 2 * 3 * 3_600 - 86_400, "files are kept as long as their span needs");
    assert!(
        store.store.stats().series_expired == 1 && store.id("old").is_none() && store.id("young").is_some()
    );
    let store = store.restart();
    assert_eq!(store.id("old"), None);
}

/// The time in a file's name.
fn start_of(path: &Path) -> Option<i64> {
    path.file_name()?.to_str()?.split('-').nth(1)?.parse().ok()
}

#[test]
fn a_changed_retention_is_previewed_and_then_done() {
    let mut store = store("1s:1h,10s:1d");
    fill(&mut store, "a.x", 600);
    fill(&mut store, "b.x", 600);
    store.store.compact().unwrap();
    let finer = store.points("a.x", START - 1, START + 599).1;
    let new: StorageConfig = serde_json::from_value(serde_json::json!({
        "retention": [
            {"name": "a", "pattern": "^a", "archives": ["1s:30m", "30s:2d"]},
            {"name": "rest", "pattern": "", "archives": ["1s:1h", "10s:1d"]},
        ],
        "aggregation": [{"name": "all", "pattern": "", "method": "average", "x_files_factor": 0.5}],
        "min_free": "1B",
    }))
    .unwrap();
    let preview = store.store.retention_preview(&new.retention_rules(), &new.aggregation_rules()).unwrap();
    let counts: Vec<_> = preview.iter().map(|rule| (rule.series, rule.changing)).collect();
    assert_eq!(counts, [(1, 1), (1, 0), (0, 0)]);
    assert!(preview[0].bytes_now > 0 && preview[0].full_bytes_then != preview[0].full_bytes_now);
    store.store.set_config(new.clone());
    store.settle();
    assert!(store.store.health().policies_differ);
    // A point that is in memory only goes along.
    let now = store.now();
    store.put_one("a.x", now, 123.0);
    assert_eq!(store.store.repolicy().unwrap().series, 1);
    assert!(!store.store.health().policies_differ);
    let check = |store: &TestStore| {
        let mut wanted = finer.clone();
        wanted[599].1 = 123.0;
        assert_eq!(store.points("a.x", START - 1, START + 599).1, wanted);
        assert_eq!(store.points("b.x", START - 1, START + 599).1, finer);
        assert_eq!(
            store.store.describe(store.id("a.x").unwrap()).unwrap().policy.archives.to_string(),
            "1s:30m,30s:2d"
        );
        let (step, coarse) = known(&store.row("a.x", store.now() - 40_000, START + 570));
        assert_eq!((step, coarse.len()), (30, 20));
        let average = |from: usize| finer[from..from + 30].iter().map(|(_, value)| value).sum::<f64>() / 30.0;
        assert!((coarse[1].1 - average(30)).abs() < 1e-9, "{coarse:?}");
    };
    check(&store);
    store.setup.config = new;
    store = store.reopen();
    check(&store);
    store.settle();
    store.store.compact().unwrap();
    check(&store);
    check_files(&store);
}

#[test]
fn a_snapshot_opens_as_a_store() {
    let mut store = store("1s:1h,10s:1d");
    fill(&mut store, "a", 300);
    let snapshot = store.store.snapshot().unwrap();
    let now = store.now();
    store.put_one("after", now, 1.0);
    let report = fsck(Arc::new(RealIo), &snapshot);
    assert!(report.is_clean() && report.series == 1, "{report:?}");
    let copy = Setup { directory: snapshot.clone(), ..store.setup.clone() };
    let mut copy = copy.open();
    assert!(copy.recovery.gaps.is_empty(), "{:?}", copy.recovery);
    assert_eq!(copy.points("a", START - 1, START + 299).1.len(), 300);
    assert_eq!(copy.id("after"), None);
    // It goes on as a store of its own, and loses nothing by a crash.
    let now = copy.now();
    copy.put_one("a", now, 5.5);
    copy.put_one("more", now, 6.5);
    copy.store.sync().unwrap();
    let copy = copy.reopen();
    assert_eq!(copy.points("more", now - 1, now).1, [(now, 6.5)]);
    assert_eq!(copy.points("a", now - 1, now).1, [(now, 5.5)]);
    assert_eq!(store.points("a", START - 1, START + 299).1.len(), 300);
}

/// The step, and how many values the sketches of a series hold in (from, until].
#[test]
fn sketches_add_up_whatever_happens() {
    let archives = "1s:1h,10s:1d,60s:7d";
    let mut store = store(archives);
    let name = b"stats.timers.t".as_slice();
    let mut weight = 0.0;
    let mut put = |store: &TestStore, time: i64, value: f64| {
        let mut batch = SketchBatch::default();
        batch.push(name, Timestamp(time), Sketch::from_values([(value, 1.0)]));
        assert_eq!(store.store.write_sketches(&batch).stored, 1);
        weight += 1.0;
    };
    for time in START..START + 120 {
        store.clock().set(time);
        put(&store, time, 1.0);
        put(&store, time, 100.0);
    }
    store.store.compact().unwrap();
    put(&store, START + 5, 3.0);
    store.advance(2_000);
    store.settle();
    put(&store, START + 6, 3.0);
    // Beyond the finest archive, and at its edge.
    store.advance(1_600);
    put(&store, START + 7, 3.0);
    put(&store, START + 119, 3.0);
    store.store.sync().unwrap();
    store = store.reopen();
    store.settle();
    assert_eq!(store.id("stats.timers.t"), None, "sketches are not among the numbers");
    let total = |store: &TestStore, from: i64| sketched(store, "stats.timers.t", from, START + 179);
    assert_eq!(total(&store, START - 1), (10, weight));
    store.advance(2 * 86_400);
    store.settle();
    assert_eq!(total(&store, START - 1), (60, weight));
    let store = store.restart();
    assert_eq!(total(&store, START - 1), (60, weight));
}

#[test]
fn coarser_steps_scopes_and_limits_of_queries() {
    let mut store = store("1s:1h");
    fill(&mut store, "team.a", 100);
    let id = [store.id("team.a").unwrap()];
    let scope = Scope::everything();
    let limits = QueryLimits::default();
    let base = request(&id, START + 4, START + 99, store.now(), &scope, &limits);
    let coarse = FetchRequest { step: Step::new(10), consolidation: Aggregation::Max, ..base.clone() };
    let row = store.store.fetch(&coarse).unwrap().remove(0);
    assert_eq!((row.start.0, row.step.seconds(), row.slots.len()), (START, 10, 10));
    assert_eq!((row.slots[0], row.slots[9]), (9.0, 99.0));
    let hidden = Scope::prefixes(vec!["other.".into()]);
    let row = store.store.fetch(&FetchRequest { scope: &hidden, ..base.clone() }).unwrap().remove(0);
    assert!(row.slots.is_empty());
    let few = QueryLimits { max_points: 10, ..QueryLimits::default() };
    let much = store.store.fetch(&FetchRequest { limits: &few, ..base.clone() });
    assert_eq!(much, Err(StoreError::TooMuch { what: "points", limit: 10 }));
    few.cancelled.store(true, std::sync::atomic::Ordering::Relaxed);
    let long = QueryLimits { cancelled: few.cancelled, ..QueryLimits::default() };
    assert_eq!(store.store.fetch(&FetchRequest { limits: &long, ..base }), Err(StoreError::Cancelled));
}

#[test]
fn two_processes_cannot_have_one_directory() {
    let store = store("1s:1h");
    assert!(matches!(store.setup.try_open(), Err(OpenError::Locked(_))));
}

#[test]
fn unknown_versions_are_refused_and_nothing_is_written() {
    let disk = SimulatedDisk::default();
    let setup = Setup::new(config("1s:1h,10s:1d", Aggregation::Average, 0.5), Arc::new(disk.clone()));
    let mut store = setup.open();
    fill(&mut store, "a", 100);
    store.store.compact().unwrap();
    fill(&mut store, "a", 200);
    store.store.sync().unwrap();
    drop(store);
    let disk = disk.after_power_cut(Unsynced::Kept);
    let refused = |disk: &SimulatedDisk| {
        let before = disk.contents();
        let setup = Setup { io: Arc::new(disk.clone()), ..setup.clone() };
        let Err(OpenError::Version { .. }) = setup.try_open() else { panic!("it was opened") };
        assert!(disk.contents() == before && disk.operations() == 0, "something was written");
    };
    let path = |name: &str| {
        let found = disk.contents().into_iter().find(|(path, _)| path.to_string_lossy().contains(name));
        found.unwrap_or_else(|| panic!("{name} is there"))
    };
    let (format, _) = path("FORMAT");
    refused(&disk.with(&format, b"bellwether-series-store 2.0\n".to_vec()));
    refused(&disk.with(&format, b"something else\n".to_vec()));
    for name in ["MANIFEST", ".wal", "SERIES"] {
        let (file, mut bytes) = path(name);
        bytes[8] = 3;
        if name == ".wal" {
            // The header has a checksum of its own.
            let crc = crc32c::crc32c(&bytes[..28]);
            bytes[28..32].copy_from_slice(&crc.to_le_bytes());
        }
        refused(&disk.with(&file, bytes));
    }
    // A later minor version is opened as long as it uses nothing unknown.
    let later = disk.with(&format, b"bellwether-series-store 1.7\n".to_vec());
    let store = Setup { io: Arc::new(later), ..setup.clone() }.open();
    assert_eq!(store.points("a", START - 1, START + 199).1.len(), 200);
    drop(store);
    // A file that uses a codec which is unknown here.
    let (manifest, bytes) = path("MANIFEST");
    refused(&disk.with(&manifest, with_unknown_codec(&bytes)));
}

/// One more edit: a file of a tier, with bit 30 of its codecs set.
fn with_unknown_codec(bytes: &[u8]) -> Vec<u8> {
    let mut payload = vec![1, 0, 1, 0x90, 0x1c, 0, 2];
    payload.extend_from_slice(&[0xff, 0x01, 0xff, 0x01, 2, 1, 1, 0x80, 0x01]);
    payload.extend_from_slice(&[0x80, 0x80, 0x80, 0x80, 0x04]);
    let mut out = bytes.to_vec();
    out.extend_from_slice(&(payload.len() as u32).to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c(&payload).to_le_bytes());
    out.extend_from_slice(&payload);
    out
}

#[test]
fn the_clock_goes_a_year_ahead_and_back() {
    let mut store = store("1s:6h,10s:7d");
    fill(&mut store, "a", 100);
    store.clock().set(START + 365 * 86_400);
    store.put_one("future", START + 365 * 86_400, 1.0);
    store.settle();
    store.clock().set(START + 100);
    store.settle();
    for time in START + 100..START + 200 {
        store.clock().set(time);
        store.put_one("a", time, (time % 100) as f64);
    }
    store.settle();
    let report = store.put(&[("a", START + 199, 99.0)]);
    assert_eq!(report.late, 0, "windows are open again after a coarse slot");
    // What was in reach of the wrong clock's retention is gone with it; what came since is there.
    let check = |store: &TestStore| {
        let since = store.points("a", START + 99, START + 199).1;
        assert_eq!(since.len(), 100);
        let row = store.row("a", store.now() - 80_000, START + 199);
        assert!(known(&row).1.iter().any(|(time, _)| *time == START + 150), "{:?}", known(&row));
    };
    check(&store);
    store.store.sync().unwrap();
    let store = store.reopen();
    check(&store);
    store.settle();
    check(&store);
}

#[test]
fn a_full_disk_turns_read_only_and_back_by_itself() {
    let disk = SimulatedDisk::default();
    let config =
        StorageConfig { min_free: "64KiB".parse().unwrap(), ..config("1s:1h", Aggregation::Average, 0.5) };
    let mut store = Setup::new(config, Arc::new(disk.clone())).open();
    fill(&mut store, "a", 10);
    disk.set_room(Some(50 << 10));
    store.advance(2);
    store.settle();
    let health = store.store.health();
    assert!(health.read_only.is_some_and(|state| state.reason.contains("free")), "below min_free");
    let now = store.now();
    let report = store.put(&[("a", now, 5.0), ("b", now, 6.0)]);
    assert_eq!((report.stored, report.volatile), (0, 2));
    assert_eq!(store.points("b", now - 1, now).1, [(now, 6.0)], "live data is shown");
    assert!(store.store.sync().is_err() && store.store.compact().is_err());
    // A little more is not enough, half as much again is.
    disk.set_room(Some(80 << 10));
    store.advance(10);
    store.settle();
    assert!(store.store.is_read_only());
    disk.set_room(None);
    store.advance(10);
    store.settle();
    assert!(!store.store.is_read_only());
    store.store.sync().unwrap();
    let store = store.reopen();
    assert_eq!(store.points("b", now - 1, now).1, [(now, 6.0)], "what came meanwhile is kept");
    assert_eq!(store.points("a", START - 1, START + 9).1.len(), 10);
}

#[test]
fn threads_write_and_read_at_once() {
    let store = store("1s:1h,10s:1d");
    let background = series_store::spawn_background(&store.store).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..3 {
            let store = &store.store;
            scope.spawn(move || {
                let mut hint = Successor::default();
                for round in 0..50i64 {
                    let mut batch = PointBatch::default();
                    for series in 0..40 {
                        // Names that several threads make at once, and some of their own.
                        let name = if series < 20 {
                            format!("shared.{series}")
                        } else {
                            format!("own.{writer}.{series}")
                        };
                        batch.push(name.as_bytes(), Timestamp(START - round), 1.0);
                    }
                    assert_eq!(store.write(&batch, &mut hint).stored, 40);
                }
            });
        }
        let store = &store;
        scope.spawn(move || {
            for _ in 0..30 {
                if let Some(id) = store.id("shared.0") {
                    assert!(
                        known(&store.rows(&[id], START - 100, START)[0])
                            .1
                            .iter()
                            .all(|(_, value)| *value == 1.0)
                    );
                }
            }
        });
    });
    background.stop().unwrap();
    let store = store.reopen();
    assert!(store.recovery.clean && store.recovery.series == 80, "{:?}", store.recovery);
    for name in ["shared.0", "shared.19", "own.2.39"] {
        assert_eq!(store.points(name, START - 50, START).1.len(), 50, "{name}");
    }
}

/// Two agents may send of the same timer and second: what one adds must not be what the other read before.
#[test]
fn sketches_of_several_senders_add_up() {
    const SENDERS: usize = 16;
    const EACH: usize = 500;
    let store = store("1s:1h,10s:1d");
    let one = || {
        let mut batch = SketchBatch::default();
        batch.push(b"timer", Timestamp(START), Sketch::from_values([(2.0, 1.0)]));
        batch
    };
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| (0..EACH).for_each(|_| assert_eq!(store.store.write_sketches(&one()).stored, 1)));
        }
    });
    assert_eq!(sketched(&store, "timer", START - 1, START), (1, (SENDERS * EACH) as f64));
}

#[test]
fn a_lost_manifest_is_made_anew_from_the_files() {
    let mut store = store("1s:1h,10s:1d");
    fill(&mut store, "a", 300);
    store.store.compact().unwrap();
    let directory = store.setup.directory.clone();
    std::fs::remove_file(directory.join("CURRENT")).unwrap();
    let store = store.reopen();
    assert_eq!(store.recovery.gaps.len(), 1, "{:?}", store.recovery);
    assert_eq!(store.points("a", START - 1, START + 299).1.len(), 300);
    assert!(RealIo.list(&directory.join("quarantine")).is_ok_and(|kept| !kept.is_empty()));
}

#[test]
fn a_segment_of_the_log_that_is_gone_is_a_gap() {
    let mut store = store("1s:1h");
    for second in 0..3 {
        store.put_one("a", START - second, 1.0);
        store.store.sync().unwrap();
        store = store.reopen();
    }
    assert!(store.recovery.gaps.is_empty(), "{:?}", store.recovery);
    let segment = store.setup.directory.join("wal/0-00000002.wal");
    let store = store.reopen_after(|| std::fs::remove_file(segment).unwrap());
    assert!(store.recovery.gaps[0].what.contains("segments before 3 are missing"), "{:?}", store.recovery);
    assert_eq!(store.points("a", START - 5, START).1, [(START - 2, 1.0), (START, 1.0)]);
}

/// Whatever is cut off or hit in the log of names: no new name gets the points of an old one.
#[test]
#[expect(clippy::disallowed_methods, reason = "the file is small: this test has made it")]
fn new_names_never_inherit_the_points_of_lost_ones() {
    let check = |what: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut store = store("1s:1h,10s:1d");
        for (name, from) in [("old.a", 0), ("old.b", 20), ("old.c", 40)] {
            (from..from + 20).for_each(|second| {
                store.clock().set(START + second);
                store.put_one(name, START + second, 1.0);
            });
            store.store.compact().unwrap();
        }
        let directory = store.setup.directory.clone();
        let mut store = store.reopen_after(|| {
            let path = directory.join("series/SERIES-000000.log");
            let mut bytes = std::fs::read(&path).unwrap();
            change(&mut bytes);
            std::fs::write(&path, bytes).unwrap();
        });
        for name in ["new.a", "new.b", "new.c", "new.d"] {
            store.clock().set(START + 100);
            store.put_one(name, START + 100, -1.0);
            let (_, points) = store.points(name, START - 10, START + 110);
            assert_eq!(points, [(START + 100, -1.0)], "{what}: {name}");
        }
        let lost = ["old.a", "old.b", "old.c"].iter().any(|name| store.id(name).is_none());
        assert!(!lost || !store.recovery.gaps.is_empty(), "{what}: {:?}", store.recovery);
    };
    check("empty", &|bytes| bytes.clear());
    check("header only", &|bytes| bytes.truncate(16));
    for part in 1..8 {
        check(&format!("{part} of 8"), &|bytes| bytes.truncate(bytes.len() * part / 8));
        check(&format!("hit at {part} of 8"), &|bytes| {
            let at = bytes.len() * part / 8;
            bytes[at] ^= 0x10;
        });
    }
    check("last byte", &|bytes| bytes.truncate(bytes.len() - 1));
    check("magic", &|bytes| bytes[0] ^= 1);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the file is small: this test has made it")]
fn a_cut_manifest_loses_no_file_without_a_word() {
    let mut store = store("1s:1h,10s:1d");
    fill(&mut store, "b", 60);
    store.store.compact().unwrap();
    let directory = store.setup.directory.clone();
    let whole = store.points("b", START - 1, START + 60).1.len();
    let store = store.reopen_after(|| {
        let current = std::fs::read_to_string(directory.join("CURRENT")).unwrap();
        let path = directory.join(current.trim());
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() * 2 / 3]).unwrap();
    });
    let there = store.id("b").map_or(0, |_| store.points("b", START - 1, START + 60).1.len());
    assert!(there == whole || !store.recovery.gaps.is_empty(), "{there} of {whole}: {:?}", store.recovery);
}

#[test]
fn the_newest_point_is_known_after_a_start() {
    let mut store = store("1s:10m,10s:1d");
    fill(&mut store, "merged", 100);
    store.store.compact().unwrap();
    store.advance(3_600);
    store.settle();
    let flushed = store.now();
    store.put_one("flushed", flushed, 1.0);
    store = store.restart();
    store.put_one("young", flushed + 3, 2.0);
    store = store.reopen();
    store.settle();
    let newest = |store: &TestStore, name: &str| {
        let info = store.store.describe(store.id(name).unwrap()).unwrap();
        info.last_point.map(|at| at.0)
    };
    // The finest archive has forgotten it: what is left is its ten seconds.
    assert_eq!(newest(&store, "merged"), Some(START + 90));
    assert_eq!(newest(&store, "flushed"), Some(flushed));
    store.put_one("flushed", flushed - 100, 1.0);
    assert_eq!(newest(&store, "flushed"), Some(flushed), "a late point is not the newest");
}
