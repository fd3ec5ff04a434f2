//! Random histories against the model, over the store's own files and over a map as block store.

use std::sync::Arc;

use disk::simulated::{Random, SimulatedDisk};
use series_store::StorageConfig;
use vocabulary::PointSink;
use vocabulary::retention::Aggregation;

use crate::support::memory_blocks::MemoryBlocks;
use crate::support::model::{Model, same};
use crate::support::{Setup, TestStore, config, known, seed};

const ARCHIVES: &str = "1s:6h,10s:7d,1m:30d";
const METHODS: [Aggregation; 10] = [
    Aggregation::Average,
    Aggregation::Sum,
    Aggregation::Last,
    Aggregation::Max,
    Aggregation::Min,
    Aggregation::AvgZero,
    Aggregation::Absmax,
    Aggregation::Absmin,
    Aggregation::Median,
    Aggregation::Count,
];

struct History {
    store: TestStore,
    model: Model,
    random: Random,
    began: i64,
}

impl History {
    fn new(setup: &Setup, seed: u64) -> History {
        let mut random = Random::new(seed);
        let (method, factor) =
            (METHODS[random.below(10) as usize], [0.0, 0.3, 0.5, 1.0][random.below(4) as usize]);
        let setup = Setup { config: config(ARCHIVES, method, factor), ..setup.clone() };
        setup.clock.set(crate::support::START + random.below(86_400) as i64);
        let store = setup.open();
        let began = store.now();
        History { store, model: Model::new(ARCHIVES, method, factor), random, began }
    }

    fn write(&mut self) {
        let now = self.store.now();
        let series = 1 + self.random.below(6);
        let (first, count) = match self.random.below(10) {
            // In order, a little late, far back, and a little ahead.
            0..6 => (now - 5, 6),
            6..8 => (now - 200, self.random.below(60)),
            8 => (now - self.random.below(18_000) as i64, self.random.below(300)),
            _ => (now, 20),
        };
        let mut points = Vec::new();
        for time in first..(first + count as i64).min(now + 30) {
            for index in 0..series {
                if self.random.chance(90) {
                    let value = match self.random.below(4) {
                        0 => self.random.below(1_000) as f64 - 100.0,
                        1 => self.random.below(100_000) as f64 / 100.0,
                        2 => 0.0,
                        _ => self.random.below(1 << 50) as f64 / 3.0,
                    };
                    points.push((format!("s.{index}"), time, value));
                }
            }
        }
        let borrowed: Vec<(&str, i64, f64)> = points.iter().map(|(n, t, v)| (n.as_str(), *t, *v)).collect();
        let report = self.store.put(&borrowed);
        assert_eq!(report.stored as usize, points.len(), "{report:?}");
        points.iter().for_each(|(name, time, value)| self.model.put(name, *time, *value));
    }

    fn check(&self) {
        let now = self.store.now();
        // Reaching back 5, 20 and 200 hours asks one archive after the other.
        for (archive, hours) in [(0, 5), (1, 20), (2, 200)] {
            let from = now - hours * 3_600;
            for name in self.model.names() {
                let row = self.store.row(name, from, now);
                let (step, points) = known(&row);
                assert_eq!(step, self.model.step(archive));
                let wanted = self.model.points(name, archive, from.max(self.began - 19_000), now);
                if !same(&points, &wanted) {
                    let missing =
                        wanted.iter().filter(|point| !points.iter().any(|other| same(&[**point], &[*other])));
                    let extra =
                        points.iter().filter(|point| !wanted.iter().any(|other| same(&[**point], &[*other])));
                    let (missing, extra): (Vec<_>, Vec<_>) =
                        (missing.take(5).collect(), extra.take(5).collect());
                    panic!(
                        "{name}, archive {archive}, now {now}: missing {missing:?}, not expected {extra:?}"
                    );
                }
            }
        }
    }

    fn go_on(mut self) -> History {
        match self.random.below(12) {
            0 => self.store.advance(self.random.below(3_000) as i64),
            1..4 => self.store.advance(self.random.below(90) as i64),
            4..6 => self.store.settle(),
            6 => self.store.store.compact().unwrap(),
            7 => {
                self.store.store.sync().unwrap();
                self.store = self.store.reopen();
            }
            8 => self.store = self.store.restart(),
            // The clock is set, forth and back.
            9 => {
                self.store.advance(400);
                self.store.settle();
                self.store.advance(-400);
                self.store.settle();
            }
            _ => self.write(),
        }
        self
    }
}

fn run(setup: &Setup, seed: u64, steps: usize) {
    println!("seed {seed}");
    let mut history = History::new(setup, seed);
    history.write();
    for step in 0..steps {
        history = history.go_on();
        if step % 8 == 0 {
            history.check();
        }
    }
    history.check();
    let health = history.store.store.health();
    assert!(
        health.gaps.is_empty() && health.damaged_files.is_empty() && health.read_only.is_none(),
        "{health:?}"
    );
}

#[test]
fn files_answer_as_the_model() {
    for round in 0..rounds(4) {
        let disk = SimulatedDisk::default();
        run(&Setup::new(StorageConfig::default(), Arc::new(disk)), seed() + round, 80);
    }
}

#[test]
fn any_block_store_answers_as_the_model() {
    for round in 0..rounds(2) {
        let blocks = MemoryBlocks::default();
        let disk = SimulatedDisk::default();
        let setup = Setup::new(StorageConfig::default(), Arc::new(disk));
        run(&Setup { blocks: Some(Arc::new(blocks.clone())), ..setup }, seed() + 100 + round, 60);
        assert!(*blocks.runs.lock() > 0, "runs went to the block store");
        assert!(!blocks.announced.lock().is_empty());
    }
}

/// Histories that once found a fault: marks after the clock was set back, numbers of segments that were never begun.
#[test]
fn what_was_once_wrong_answers_as_the_model() {
    for seed in [1_795_312_448_740, 1_997] {
        let disk = SimulatedDisk::default();
        run(&Setup::new(StorageConfig::default(), Arc::new(disk)), seed, 60);
    }
}

fn rounds(short: u64) -> u64 {
    if crate::support::is_long() { 20 * short } else { short }
}
