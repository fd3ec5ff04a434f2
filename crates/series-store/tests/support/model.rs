//! What the store must answer, in a few lines: points in a map, coarser slots computed from finer ones.
//!
//! It knows nothing of rings: histories that reach the end of an archive are compared with whisper itself,
//! in `scenarios/store`.

use std::collections::BTreeMap;
use std::ops::Range;

use vocabulary::retention::{Aggregation, Archives};

#[derive(Clone, Debug)]
pub struct Model {
    archives: Archives,
    method: Aggregation,
    x_files_factor: f32,
    slots: BTreeMap<String, BTreeMap<i64, f64>>,
}

impl Model {
    pub fn new(archives: &str, method: Aggregation, x_files_factor: f32) -> Model {
        Model { archives: archives.parse().unwrap(), method, x_files_factor, slots: BTreeMap::new() }
    }

    pub fn put(&mut self, name: &str, time: i64, value: f64) {
        let slot = time.div_euclid(self.step(0));
        self.slots.entry(name.to_owned()).or_default().insert(slot, value);
    }

    pub fn step(&self, archive: usize) -> i64 {
        self.archives.as_slice()[archive].step.seconds()
    }

    pub fn names(&self) -> impl Iterator<Item = &String> {
        self.slots.keys()
    }

    fn slots(&self, name: &str, archive: usize, slots: Range<i64>) -> Vec<(i64, f64)> {
        if archive == 0 {
            return self.slots[name].range(slots).map(|(slot, value)| (*slot, *value)).collect();
        }
        let ratio = self.step(archive) / self.step(archive - 1);
        let finer = self.slots(name, archive - 1, slots.start * ratio..slots.end * ratio);
        let groups = finer.chunk_by(|a, b| a.0.div_euclid(ratio) == b.0.div_euclid(ratio));
        let enough =
            |group: &&[(i64, f64)]| group.len() as f64 / ratio as f64 >= f64::from(self.x_files_factor);
        let roll = |group: &[(i64, f64)]| {
            let known: Vec<f64> = group.iter().map(|(_, value)| *value).collect();
            (group[0].0.div_euclid(ratio), rolled(self.method, &known, ratio as f64))
        };
        groups.filter(enough).map(roll).collect()
    }

    /// (time, value) of the known slots in (from, until].
    pub fn points(&self, name: &str, archive: usize, from: i64, until: i64) -> Vec<(i64, f64)> {
        let step = self.step(archive);
        let slots = from.div_euclid(step) + 1..until.div_euclid(step) + 1;
        self.slots(name, archive, slots).into_iter().map(|(slot, value)| (slot * step, value)).collect()
    }
}

fn rolled(method: Aggregation, known: &[f64], slots: f64) -> f64 {
    let sum: f64 = known.iter().sum();
    let by =
        |better: fn(f64, f64) -> bool| known.iter().copied().reduce(|a, b| if better(b, a) { b } else { a });
    match method {
        Aggregation::Average => sum / known.len() as f64,
        Aggregation::Sum => sum,
        Aggregation::Last => known[known.len() - 1],
        Aggregation::Max => by(|a, b| a > b).unwrap(),
        Aggregation::Min => by(|a, b| a < b).unwrap(),
        Aggregation::AvgZero => sum / slots,
        Aggregation::Absmax => by(|a, b| a.abs() > b.abs()).unwrap(),
        Aggregation::Absmin => by(|a, b| a.abs() < b.abs()).unwrap(),
        Aggregation::Count => known.len() as f64,
        Aggregation::Median => {
            let mut sorted = known.to_vec();
            sorted.sort_by(f64::total_cmp);
            let half = sorted.len() / 2;
            if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 }
        }
    }
}

/// The same up to the last bits of a sum.
pub fn same(a: &[(i64, f64)], b: &[(i64, f64)]) -> bool {
    let close = |x: f64, y: f64| x == y || (x - y).abs() <= 1e-12 * x.abs().max(y.abs());
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.0 == y.0 && close(x.1, y.1))
}
