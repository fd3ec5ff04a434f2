//! One target that somebody watches: which series it has, and what changed since the tick before.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use vocabulary::Timestamp;

use crate::evaluate::{Evaluated, TargetError};

/// Slots before the newest that are looked at again each tick, because points may come late.
const REVISITED_SLOTS: i64 = 10;
/// Longest window of one tick, whatever the step.
const MAX_WINDOW_SECONDS: i64 = 3_600;
/// What the head of a series takes, as that of eight-byte numbers: name, tags, two copies.
const SLOTS_OF_HEAD: usize = 32;
/// A target may take this share of the evaluating thread's time; slower ones are evaluated less often.
const MAX_SHARE: u32 = 10;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SeriesHead {
    pub id: u64,
    pub name: String,
    pub tags: BTreeMap<String, String>,
    pub step: i64,
}

/// New or corrected slots of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub id: u64,
    pub start: i64,
    pub values: Vec<f64>,
}

#[derive(Default)]
pub struct Watched {
    series: Vec<Known>,
    pub error: Option<TargetError>,
    /// Grows whenever the set of series, or the error, changes.
    pub version: u64,
    /// What changed at the last tick.
    pub rows: Vec<Row>,
    /// How long the last evaluation took.
    pub took: Duration,
    due: Option<Instant>,
}

struct Known {
    head: SeriesHead,
    start: i64,
    values: Vec<f64>,
}

impl Known {
    fn end(&self) -> i64 {
        self.start + self.values.len() as i64 * self.head.step
    }
}

impl Watched {
    pub fn heads(&self) -> Vec<SeriesHead> {
        self.series.iter().map(|known| known.head.clone()).collect()
    }

    /// What it holds, in numbers of eight bytes.
    pub fn slots(&self) -> usize {
        self.series.iter().map(|known| SLOTS_OF_HEAD + known.values.len()).sum()
    }

    pub fn len(&self) -> usize {
        self.series.len()
    }

    pub fn id_of(&self, name: &str) -> Option<u64> {
        self.series.iter().find(|known| known.head.name == name).map(|known| known.head.id)
    }

    pub fn is_due(&self, now: Instant) -> bool {
        self.due.is_none_or(|due| now >= due)
    }

    /// From where the next evaluation has to look: some slots back, and further where ticks were left out.
    pub fn window_start(&self, tick: Timestamp) -> Timestamp {
        let coarsest = self.series.iter().map(|known| known.head.step).max().unwrap_or(1);
        let told_until = self.series.iter().map(Known::end).min().unwrap_or(tick.0);
        let back = (tick.0 - told_until + coarsest).max(coarsest * REVISITED_SLOTS);
        tick.minus(back.min(MAX_WINDOW_SECONDS.max(2 * coarsest)))
    }

    /// Take the result of an evaluation in. `next_id` gives ids to series not seen before.
    pub fn update(
        &mut self,
        result: Result<Vec<Evaluated>, TargetError>,
        took: Duration,
        now: Instant,
        next_id: &mut u64,
    ) {
        self.took = took;
        self.due = Some(now + took * MAX_SHARE);
        self.rows.clear();
        match result {
            Err(error) => {
                if self.error.as_ref() != Some(&error) {
                    self.version += 1;
                }
                self.error = Some(error);
            }
            Ok(evaluated) => self.take(evaluated, next_id),
        }
    }

    fn take(&mut self, evaluated: Vec<Evaluated>, next_id: &mut u64) {
        let before: Vec<SeriesHead> = self.heads();
        let had_error = self.error.take().is_some();
        let mut old: Vec<Option<Known>> = std::mem::take(&mut self.series).into_iter().map(Some).collect();
        for series in evaluated {
            let same = |known: &Option<Known>| {
                known
                    .as_ref()
                    .is_some_and(|known| known.head.name == series.name && known.head.step == series.step)
            };
            let known = old.iter_mut().find(|known| same(known)).and_then(Option::take);
            let id = known.as_ref().map_or_else(
                || {
                    *next_id += 1;
                    *next_id
                },
                |known| known.head.id,
            );
            if let Some(row) = changes(id, known.as_ref(), &series) {
                self.rows.push(row);
            }
            let head = SeriesHead { id, name: series.name, tags: series.tags, step: series.step };
            self.series.push(Known { head, start: series.start, values: series.values });
        }
        if had_error || before != self.heads() {
            self.version += 1;
        }
    }
}

/// The slots from the first that differs from what is known, to the end.
fn changes(id: u64, known: Option<&Known>, series: &Evaluated) -> Option<Row> {
    let same = |index: usize| {
        let Some(known) = known else { return false };
        let at = (series.start - known.start) / series.step + index as i64;
        let aligned = (series.start - known.start) % series.step == 0;
        let before = usize::try_from(at).ok().and_then(|at| known.values.get(at));
        let value = series.values[index];
        // Slots from before the last window were sent when they were in it.
        let older = aligned && at < 0;
        older
            || before.is_some_and(|before| {
                aligned && (before.to_bits() == value.to_bits() || before.is_nan() && value.is_nan())
            })
    };
    let first = (0..series.values.len()).find(|index| !same(*index))?;
    let start = series.start + first as i64 * series.step;
    Some(Row { id, start, values: series.values[first..].to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evaluated(name: &str, start: i64, values: &[f64]) -> Evaluated {
        Evaluated { name: name.into(), tags: BTreeMap::new(), step: 1, start, values: values.to_vec() }
    }

    fn tick(watched: &mut Watched, series: Vec<Evaluated>) -> Vec<(i64, Vec<f64>)> {
        watched.update(Ok(series), Duration::ZERO, Instant::now(), &mut 0);
        watched.rows.iter().map(|row| (row.start, row.values.clone())).collect()
    }

    #[test]
    fn only_what_changed_is_told() {
        let mut watched = Watched::default();
        assert_eq!(tick(&mut watched, vec![evaluated("a", 10, &[1.0, 2.0])]), [(10, vec![1.0, 2.0])]);
        assert_eq!(tick(&mut watched, vec![evaluated("a", 11, &[2.0, 3.0])]), [(12, vec![3.0])]);
        assert_eq!(tick(&mut watched, vec![evaluated("a", 11, &[2.0, 3.0])]), []);
        assert_eq!(
            tick(&mut watched, vec![evaluated("a", 11, &[5.0, 3.0, 4.0])]),
            [(11, vec![5.0, 3.0, 4.0])]
        );
    }

    #[test]
    fn missing_is_missing_and_stays_quiet() {
        let mut watched = Watched::default();
        let nan = f64::NAN;
        tick(&mut watched, vec![evaluated("a", 10, &[1.0, nan])]);
        assert_eq!(tick(&mut watched, vec![evaluated("a", 10, &[1.0, nan])]), []);
        assert_eq!(tick(&mut watched, vec![evaluated("a", 10, &[1.0, 2.0])]), [(11, vec![2.0])]);
    }

    #[test]
    fn ticks_that_were_left_out_are_made_up_for() {
        let mut watched = Watched::default();
        tick(&mut watched, vec![evaluated("a", 10, &[1.0, 2.0])]);
        let start = |tick: i64| watched.window_start(Timestamp(tick)).0;
        assert_eq!([start(12), start(20), start(60)], [2, 10, 11]);
        assert_eq!(start(100_000), 100_000 - MAX_WINDOW_SECONDS);
    }

    #[test]
    fn the_version_grows_with_the_set_of_series() {
        let mut watched = Watched::default();
        tick(&mut watched, vec![evaluated("a", 10, &[1.0])]);
        let version = watched.version;
        tick(&mut watched, vec![evaluated("a", 11, &[1.0])]);
        assert_eq!(watched.version, version);
        tick(&mut watched, vec![evaluated("a", 12, &[1.0]), evaluated("b", 12, &[1.0])]);
        assert_eq!(watched.version, version + 1);
    }
}
