//! carbon-aggregator's buffers: values of many series, gathered by interval, told again and again while they grow.
//!
//! When a buffer tells is counted from the moment its name was first seen, as carbon's looping calls do. Each time
//! it tells every interval that got values since, the running one too; the store keeps the last word. Intervals
//! older than `max_aggregation_intervals` go after they were told.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use formats::carbon_rules::Method;
use vocabulary::{PointBatch, Timestamp};

use crate::limits;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    pub max_intervals: i64,
    /// Tell at least so often.
    pub write_back_seconds: Option<i64>,
}

#[derive(Debug, Default)]
pub struct Buffers {
    by_name: HashMap<Arc<str>, Buffer>,
    /// Intervals, and values that are kept one by one: what memory goes by.
    cells: usize,
    /// Values that found no room.
    pub refused: u64,
    pub taken: u64,
}

#[derive(Debug)]
struct Buffer {
    method: Method,
    frequency: i64,
    /// How often it tells.
    every: i64,
    due: i64,
    intervals: BTreeMap<i64, Interval>,
}

#[derive(Debug)]
struct Interval {
    values: Values,
    /// Values came since it told.
    active: bool,
}

#[derive(Debug)]
struct Values {
    count: u64,
    sum: f64,
    min: f64,
    max: f64,
    /// Only where the method needs each of them.
    each: Vec<f64>,
}

impl Buffers {
    /// Names that have values.
    pub fn names(&self) -> usize {
        self.by_name.len()
    }

    /// A name keeps the rule that was first to bring it a value, until it is gone for a while: as in carbon.
    pub fn take(
        &mut self,
        name: &Arc<str>,
        rule: (Method, i64),
        point: (Timestamp, f64),
        pace: Pace,
        now: Timestamp,
    ) {
        let (time, value) = point;
        if value.is_nan() {
            return;
        }
        // What is far ahead would stay until then.
        let ahead = time.0.saturating_sub(now.0) > limits::AGGREGATION_AHEAD_SECONDS;
        if ahead || self.cells >= limits::AGGREGATION_CELLS_MAX {
            self.refused += 1;
            return;
        }
        let buffer = match self.by_name.get_mut(name) {
            Some(buffer) => buffer,
            None => self.by_name.entry(Arc::clone(name)).or_insert_with(|| Buffer::new(rule, pace, now)),
        };
        self.cells += buffer.take(time, value);
        self.taken += 1;
    }

    /// What is due by now goes to `out`.
    pub fn tell(&mut self, now: Timestamp, pace: Pace, out: &mut PointBatch) {
        let cells = &mut self.cells;
        self.by_name.retain(|name, buffer| {
            if buffer.due > now.0 {
                return true;
            }
            buffer.due += ((now.0 - buffer.due) / buffer.every + 1) * buffer.every;
            buffer.tell(name, out);
            *cells -= buffer.forget(now, pace);
            !buffer.intervals.is_empty()
        });
    }

    /// Everything that was not told yet, and nothing stays.
    pub fn tell_all(&mut self, out: &mut PointBatch) {
        for (name, mut buffer) in self.by_name.drain() {
            buffer.tell(&name, out);
        }
        self.cells = 0;
    }
}

impl Buffer {
    fn new((method, frequency): (Method, i64), pace: Pace, now: Timestamp) -> Buffer {
        let every = pace.write_back_seconds.map_or(frequency, |seconds| seconds.min(frequency));
        Buffer { method, frequency, every, due: now.0 + every, intervals: BTreeMap::new() }
    }

    /// Returns the cells that it took.
    fn take(&mut self, time: Timestamp, value: f64) -> usize {
        let start = time.0.saturating_sub(time.0.rem_euclid(self.frequency));
        let before = self.intervals.len();
        let interval = self.intervals.entry(start).or_default();
        interval.active = true;
        let kept = interval.values.take(value, self.method);
        self.intervals.len() - before + kept
    }

    fn tell(&mut self, name: &str, out: &mut PointBatch) {
        for (start, interval) in self.intervals.iter_mut().filter(|(_, interval)| interval.active) {
            interval.active = false;
            out.push(name.as_bytes(), Timestamp(*start), interval.values.result(self.method));
        }
    }

    /// Returns the cells that it gave back.
    fn forget(&mut self, now: Timestamp, pace: Pace) -> usize {
        let running = now.0 - now.0.rem_euclid(self.frequency);
        let oldest = running - pace.max_intervals * self.frequency;
        let kept = self.intervals.split_off(&oldest);
        let gone = std::mem::replace(&mut self.intervals, kept);
        gone.values().map(|interval| 1 + interval.values.each.len()).sum()
    }
}

impl Default for Interval {
    fn default() -> Self {
        let values =
            Values { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY, each: Vec::new() };
        Interval { values, active: false }
    }
}

impl Values {
    /// Returns how many it keeps of it.
    fn take(&mut self, value: f64, method: Method) -> usize {
        self.count += 1;
        self.sum += value;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        if !matches!(method, Method::Percentile(_)) {
            return 0;
        }
        self.each.push(value);
        1
    }

    fn result(&mut self, method: Method) -> f64 {
        match method {
            Method::Sum => self.sum,
            Method::Avg => self.sum / self.count as f64,
            Method::Min => self.min,
            Method::Max => self.max,
            Method::Count => self.count as f64,
            Method::Percentile(thousandths) => percentile(&mut self.each, f64::from(thousandths) / 1000.0),
        }
    }
}

/// Between the two nearest ranks, in carbon's own order of operations. There is at least one value.
fn percentile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = share * (values.len() - 1) as f64;
    let (left, right) = (rank.floor(), rank.ceil());
    let at = |rank: f64| values.get(rank as usize).copied().unwrap_or(f64::NAN);
    if left == right { at(left) } else { at(left) * (right - rank) + at(right) * (rank - left) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACE: Pace = Pace { max_intervals: 5, write_back_seconds: None };

    fn told(buffers: &mut Buffers, now: i64, pace: Pace) -> Vec<(i64, f64)> {
        let mut out = PointBatch::default();
        buffers.tell(Timestamp(now), pace, &mut out);
        let mut points: Vec<_> = out.iter().map(|point| (point.time.0, point.value)).collect();
        points.sort_by_key(|(time, _)| *time);
        points
    }

    #[test]
    fn intervals_are_told_while_they_grow_and_then_forgotten() {
        let mut buffers = Buffers::default();
        let take = |buffers: &mut Buffers, now: i64, time: i64, value: f64| {
            buffers.take(&"all".into(), (Method::Sum, 10), (Timestamp(time), value), PACE, Timestamp(now));
        };
        take(&mut buffers, 1_003, 1_003, 1.0);
        take(&mut buffers, 1_009, 1_009, 2.0);
        assert_eq!(told(&mut buffers, 1_012, PACE), []);
        take(&mut buffers, 1_012, 1_012, 4.0);
        assert_eq!(told(&mut buffers, 1_013, PACE), [(1_000, 3.0), (1_010, 4.0)]);
        take(&mut buffers, 1_014, 1_001, 8.0);
        assert_eq!(told(&mut buffers, 1_022, PACE), []);
        assert_eq!(told(&mut buffers, 1_023, PACE), [(1_000, 11.0)]);
        // Six intervals later the first is forgotten; what comes for it is told by itself.
        assert_eq!(told(&mut buffers, 1_063, PACE), []);
        take(&mut buffers, 1_064, 1_001, 5.0);
        assert_eq!(told(&mut buffers, 1_073, PACE), [(1_000, 5.0)]);
        assert_eq!((buffers.names(), buffers.cells), (0, 0));
    }

    #[test]
    fn aggregates_are_written_back_early_where_that_is_wanted() {
        let pace = Pace { max_intervals: 1, write_back_seconds: Some(5) };
        let mut buffers = Buffers::default();
        buffers.take(&"a".into(), (Method::Max, 60), (Timestamp(60), 1.0), pace, Timestamp(60));
        buffers.take(&"b".into(), (Method::Max, 2), (Timestamp(60), 1.0), pace, Timestamp(60));
        assert_eq!(told(&mut buffers, 62, pace).len(), 1);
        assert_eq!(told(&mut buffers, 65, pace).len(), 1);
        let mut out = PointBatch::default();
        buffers.take(&"a".into(), (Method::Max, 60), (Timestamp(61), 7.0), pace, Timestamp(66));
        buffers.tell_all(&mut out);
        assert_eq!(out.iter().map(|point| point.value).collect::<Vec<_>>(), [7.0]);
        assert_eq!((buffers.names(), buffers.cells), (0, 0));
    }

    #[test]
    fn methods() {
        let check = |method: Method, values: &[f64], wanted: f64| {
            let mut interval = Interval::default();
            for value in values {
                interval.values.take(*value, method);
            }
            assert_eq!(interval.values.result(method), wanted, "{method} {values:?}");
        };
        let values = [4.0, 1.0, 3.0, 2.0];
        check(Method::Sum, &values, 10.0);
        check(Method::Avg, &values, 2.5);
        check(Method::Min, &values, 1.0);
        check(Method::Max, &values, 4.0);
        check(Method::Count, &values, 4.0);
        check(Method::Percentile(500), &values, 2.5);
        check(Method::Percentile(750), &values, 3.25);
        check(Method::Percentile(999), &[7.0], 7.0);
    }

    #[test]
    fn memory_is_bounded() {
        let mut buffers = Buffers { cells: limits::AGGREGATION_CELLS_MAX, ..Buffers::default() };
        buffers.take(&"a".into(), (Method::Sum, 60), (Timestamp(60), 1.0), PACE, Timestamp(60));
        assert_eq!((buffers.names(), buffers.refused), (0, 1));
        let mut buffers = Buffers::default();
        for time in [i64::MAX, i64::MIN, 4_000, 3_600] {
            buffers.take(&"a".into(), (Method::Sum, 60), (Timestamp(time), 1.0), PACE, Timestamp(0));
        }
        assert_eq!((buffers.taken, buffers.refused), (2, 2));
        buffers.tell(Timestamp(60), PACE, &mut PointBatch::default());
    }
}
