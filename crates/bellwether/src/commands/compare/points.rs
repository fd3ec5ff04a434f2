//! The stored points of one series on both sides, slot by slot.

use std::ops::Range;

use super::causes;
use super::raw::Row;

/// Numbers closer than this are the same: both sum in an order of their own.
const SAME: f64 = 1e-9;
/// Differing slots of which the values are kept, to find the cause.
const SAMPLES: usize = 100;

/// One archive of a series. Both have slots of the same length.
pub struct Pair {
    pub step: i64,
    pub theirs: Option<Row>,
    pub ours: Option<Row>,
    /// Times of slots that are compared: what neither has forgotten, and what is settled.
    pub window: Range<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    MissingHere,
    MissingThere,
    Differs,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Slot {
    pub time: i64,
    pub theirs: Option<f64>,
    pub ours: Option<f64>,
}

/// Slots of one archive that differ in the same way.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub what: What,
    pub step: i64,
    pub points: u64,
    pub first: i64,
    pub last: i64,
    pub example: Slot,
    /// Coarser archives that differ in the same places, because they are made of this one.
    pub also: Vec<i64>,
    pub cause: String,
}

/// Slots that differ, while they are counted.
pub struct Tally {
    pub what: What,
    pub points: u64,
    pub samples: Vec<Slot>,
    last: i64,
}

#[derive(Default)]
pub struct Compared {
    pub found: Vec<Found>,
    /// Slots that at least one side has.
    pub points: u64,
}

pub fn same(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= SAME * a.abs().max(b.abs()).max(1e-12)
}

/// Finest archive first.
pub fn compare(pairs: &[Pair]) -> Compared {
    let mut compared = Compared::default();
    // Times of finer slots that differ: coarser slots over them differ for the same reason.
    let mut differing: Vec<i64> = Vec::new();
    for (index, pair) in pairs.iter().enumerate() {
        let mut tallies: Vec<Tally> = Vec::new();
        let mut here: Vec<i64> = Vec::new();
        let mut follows = false;
        for slot in slots(pair) {
            compared.points += 1;
            let Some(what) = difference(&slot) else { continue };
            let next = differing.partition_point(|time| *time < slot.time);
            if differing.get(next).is_some_and(|time| *time < slot.time + pair.step) {
                follows = true;
                continue;
            }
            here.push(slot.time);
            match tallies.iter_mut().find(|tally| tally.what == what) {
                Some(tally) => tally.add(slot),
                None => tallies.push(Tally { what, points: 1, last: slot.time, samples: vec![slot] }),
            }
        }
        if follows {
            compared.found.iter_mut().for_each(|found| found.also.push(pair.step));
        }
        for tally in tallies {
            let cause = causes::of(&tally, index, pairs);
            compared.found.push(tally.found(pair.step, cause));
        }
        differing.extend(here);
        differing.sort_unstable();
    }
    compared
}

/// Slots of which at least one side has a value.
fn slots(pair: &Pair) -> impl Iterator<Item = Slot> {
    let first = pair.window.start.div_euclid(pair.step) * pair.step;
    let first = if first < pair.window.start { first + pair.step } else { first };
    let times = (first..pair.window.end).step_by(pair.step as usize);
    let value = |row: &Option<Row>, time| row.as_ref().and_then(|row| row.at(time));
    times.filter_map(move |time| {
        let slot = Slot { time, theirs: value(&pair.theirs, time), ours: value(&pair.ours, time) };
        (slot.theirs.is_some() || slot.ours.is_some()).then_some(slot)
    })
}

fn difference(slot: &Slot) -> Option<What> {
    match (slot.theirs, slot.ours) {
        (Some(theirs), Some(ours)) => (!same(theirs, ours)).then_some(What::Differs),
        (Some(_), None) => Some(What::MissingHere),
        (None, Some(_)) => Some(What::MissingThere),
        (None, None) => None,
    }
}

impl Tally {
    fn add(&mut self, slot: Slot) {
        self.points += 1;
        self.last = slot.time;
        if self.samples.len() < SAMPLES {
            self.samples.push(slot);
        }
    }

    pub fn first(&self) -> i64 {
        self.samples[0].time
    }

    pub fn last(&self) -> i64 {
        self.last
    }

    fn found(self, step: i64, cause: String) -> Found {
        Found {
            what: self.what,
            step,
            points: self.points,
            first: self.first(),
            last: self.last,
            example: self.samples[0],
            also: Vec::new(),
            cause,
        }
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn row(start: i64, step: i64, values: &[f64]) -> Option<Row> {
        Some(Row { start, step, values: values.to_vec() })
    }

    pub fn pair(theirs: Option<Row>, ours: Option<Row>) -> Pair {
        let one = theirs.as_ref().or(ours.as_ref()).unwrap();
        let window = one.start..one.start + one.step * one.values.len() as i64;
        Pair { step: one.step, theirs, ours, window }
    }

    const NO: f64 = f64::NAN;

    #[test]
    fn each_way_to_differ_is_counted_once() {
        let theirs = row(100, 10, &[1.0, NO, 3.0, 4.0, 5.0, NO]);
        let ours = row(100, 10, &[1.0 + 1e-12, 2.0, NO, 4.5, NO, NO]);
        let compared = compare(&[pair(theirs, ours)]);
        assert_eq!(compared.points, 5);
        let found: Vec<_> = compared.found.iter().map(|f| (f.what, f.points, f.first, f.last)).collect();
        assert_eq!(
            found,
            [
                (What::MissingThere, 1, 110, 110),
                (What::MissingHere, 2, 120, 140),
                (What::Differs, 1, 130, 130)
            ]
        );
        assert_eq!(compared.found[2].example, Slot { time: 130, theirs: Some(4.0), ours: Some(4.5) });
    }

    #[test]
    fn what_is_outside_of_the_window_or_of_a_row_is_not_compared() {
        let mut cut = pair(row(100, 10, &[1.0, 2.0, 3.0]), row(100, 10, &[9.0, 2.0, 9.0]));
        cut.window = 101..120;
        assert!(compare(&[cut]).found.is_empty());
        let mut gone = pair(row(100, 10, &[1.0]), row(100, 10, &[1.0]));
        gone.ours = None;
        assert_eq!(compare(&[gone]).found[0].what, What::MissingHere);
    }

    #[test]
    fn coarser_archives_follow_from_finer_ones() {
        let fine = || pair(row(0, 10, &[1.0, 2.0, 3.0, 4.0]), row(0, 10, &[1.0, 7.0, 3.0, 4.0]));
        let coarse = |second: f64| pair(row(0, 20, &[1.5, 3.5]), row(0, 20, &[4.0, second]));
        let compared = compare(&[fine(), coarse(3.5)]);
        assert_eq!((compared.found.len(), &compared.found[0].also), (1, &vec![20]));
        // A coarser slot of its own is a difference of its own.
        let compared = compare(&[fine(), coarse(9.0)]);
        assert_eq!((compared.found.len(), compared.found[1].step, compared.found[1].first), (2, 20, 20));
    }
}
