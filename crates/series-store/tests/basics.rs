//! Points in, points out, through every stage of their life.

use vocabulary::retention::Aggregation;

use crate::support::{START, TestStore, config};

fn minute_of(store: &TestStore, name: &str) -> Vec<(i64, f64)> {
    store.points(name, START - 1, START + 59).1
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
