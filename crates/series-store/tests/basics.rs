//! Points in, points out, through every stage of their life.

use vocabulary::ports::WriteReport;
use vocabulary::retention::Aggregation;
use vocabulary::{PointSink, Sketch, SketchBatch, Timestamp};

use crate::support::{START, TestStore, config};

fn minute_of(store: &TestStore, name: &str) -> Vec<(i64, f64)> {
    store.points(name, START - 1, START + 59).1
}

#[test]
fn what_is_refused_leaves_no_name() {
    let rules = serde_json::json!({
        "retention": [
            {"name": "short", "pattern": "^short", "archives": ["1s:1h"]},
            {"name": "all", "pattern": "", "archives": ["1s:6h", "1m:30d"]},
        ],
        "min_free": "1B",
    });
    let mut store = TestStore::new(serde_json::from_value(rules).unwrap());
    let mut check = |points: &[(&str, i64, f64)], wanted: WriteReport| {
        let name = points[0].0;
        let was_there = store.id(name).is_some();
        let report = store.put(points);
        assert_eq!(WriteReport { late: 0, ..report }, wanted, "{points:?}");
        assert_eq!(store.id(name).is_some(), was_there || wanted.created == 1, "{points:?}");
    };
    let none = WriteReport::default();
    let (too_old, in_future, no_value) = (
        WriteReport { too_old: 1, ..none },
        WriteReport { in_future: 1, ..none },
        WriteReport { no_value: 1, ..none },
    );
    let made = WriteReport { stored: 1, created: 1, ..none };
    const MONTH: i64 = 30 * 86_400;
    check(&[("q", 1, 0.0)], too_old);
    check(&[("q", -1, 0.0)], too_old);
    check(&[("q", START - MONTH - 1, 0.0)], too_old);
    check(&[("q", START + 61, 0.0)], in_future);
    check(&[("q", START, f64::NAN)], no_value);
    check(&[("q", i64::MAX, f64::NAN)], no_value);
    check(&[("short.a", START - 3_601, 0.0)], too_old);
    check(&[("short.a", START - 3_600, 0.0)], made);
    check(&[("long.a", START - 3_601, 0.0)], made);
    check(&[("oldest", START - MONTH, 0.0)], made);
    check(&[("newest", START + 60, 0.0)], made);
    check(&[("mixed", 1, 0.0), ("mixed", START, 0.0), ("mixed", 2, 0.0)], WriteReport { too_old: 2, ..made });
    check(&[("mixed", START + 61, 0.0)], in_future);
    check(&[(".mixed", 3, 0.0)], too_old);
    check(&[("a;=b", 1, 0.0)], WriteReport { refused_name: 1, ..none });

    let mut sketches = SketchBatch::default();
    for time in [1, START, START + 61] {
        let name = format!("s{time}");
        sketches.push(name.as_bytes(), Timestamp(time), Sketch::from_values([(1.0, 1.0)]));
    }
    let wanted = WriteReport { too_old: 1, in_future: 1, ..made };
    assert_eq!(WriteReport { late: 0, ..store.store.write_sketches(&sketches) }, wanted);
}

#[test]
fn a_point_is_there_at_once_and_stays() {
    let mut store = TestStore::new(config("1s:6h,10s:7d,1m:30d", Aggregation::Average, 0.5));
    let wanted: Vec<(i64, f64)> = (0..60).map(|second| (START + second, second as f64 / 10.0)).collect();
    for (time, value) in &wanted {
        store.clock().set(*time);
        store.put_one("a.b", *time, *value);
        assert_eq!(store.points("a.b", *time - 1, *time).1, [(*time, *value)]);
    }
    store.settle();
    assert_eq!(minute_of(&store, "a.b"), wanted);
    // Flushed, rolled up, merged, final, and after a start.
    for (seconds, compact) in [(100, false), (700, false), (3_000, true), (7_000, false), (0, true)] {
        store.advance(seconds);
        store.settle();
        if compact {
            store.store.compact().unwrap();
        }
        assert_eq!(minute_of(&store, "a.b"), wanted, "after {seconds} s");
        store = store.reopen();
        assert_eq!(minute_of(&store, "a.b"), wanted, "after {seconds} s and a start");
    }
    let coarse = |from: usize| (START + from as i64, (from..from + 10).sum::<usize>() as f64 / 100.0);
    store.clock().set(START + 7 * 3_600);
    store.settle();
    let (step, points) = store.points("a.b", START - 1, START + 59);
    assert_eq!((step, points), (10, [0, 10, 20, 30, 40, 50].map(coarse).to_vec()));
    assert!(store.store.health().gaps.is_empty(), "{:?}", store.store.health());
}
