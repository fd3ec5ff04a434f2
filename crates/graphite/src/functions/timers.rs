//! Ours: percentiles and heatmaps of timers, from the distributions that are kept beside their numbers.
//!
//! The percentile of a window is that of all its samples, whatever the resolution they are kept at, and of as
//! many timers as are merged: counts of equal buckets are added, nothing is averaged.

use std::borrow::Cow;

use vocabulary::{Sketch, Step, Timestamp, sketch::BucketKey};

use super::lists::{group_by, key_of_name, normalized_step};
use super::summarize::step_of;
use super::table::{Constant, Function, Group, Kind, Param, optional, required};
use crate::attime;
use crate::error::EvaluationError;
use crate::evaluate::{Invocation, Window};
use crate::python::{float, general, quoted};
use crate::series::{NULL, Series};
use crate::timers::Timer;
use crate::value::Value;

type Answer = Result<Value, EvaluationError>;

const TIMERS: Param = required("timers", Kind::TimerList);
const WINDOW: Param = optional("window", Kind::Interval).suggestions(&[
    Constant::Text("1min"),
    Constant::Text("5min"),
    Constant::Text("1h"),
    Constant::Text("1d"),
]);

pub const PERCENTILE_OVER: Function = Function {
    signature: "(timers, n, window=None, align=False)",
    group: Group::Timers,
    params: &[
        TIMERS,
        required("n", Kind::Float),
        WINDOW,
        optional("align", Kind::Boolean).default(Constant::Bool(false)),
    ],
    help: "The n-th percentile (0 to 100) of all samples of each timer in the window before each point, within 1 % \
           of the exact one. Without a window, of the samples of each point alone. With `align`, one point for each \
           whole window. A timer is named by its path, without .upper or the like.\n\n\
           Example: percentileOver(stats.timers.api.*, 95, \"5min\")",
    aggregator: false,
    run: percentile_over,
};

pub const HEATMAP_OVER: Function = Function {
    signature: "(timers, window=None, buckets=20)",
    group: Group::Timers,
    params: &[TIMERS, WINDOW, optional("buckets", Kind::Integer).default(Constant::Int(20))],
    help: "How many samples of each timer fell into which range of values, in each whole window: one series for \
           each of up to `buckets` ranges, which all have the same proportion of upper to lower bound. The tags `ge` \
           and `le` tell the bounds.\n\nExample: aliasByTags(heatmapOver(stats.timers.api.latency, \"1min\"), \"le\")",
    aggregator: false,
    run: heatmap_over,
};

pub const MERGE_TIMERS: Function = Function {
    signature: "(timers, *nodes)",
    group: Group::Timers,
    params: &[TIMERS, optional("nodes", Kind::NodeOrTag).multiple()],
    help: "One timer of all, or of those that have the nodes (counted from 0) and tags in common, as if all their \
           samples had been sent to one.\n\n\
           Example: percentileOver(mergeTimers(stats.timers.*.latency, 2), 99, \"1h\")",
    aggregator: false,
    run: |call| {
        let nodes = call.arguments.rest().to_vec();
        let window = call.context.window;
        merged(call.timers(window)?, &nodes).map(Value::Timers)
    },
};

/// The window of the argument with this number, if there is one.
fn window_seconds(call: &Invocation<'_, '_>, argument: usize) -> Result<Option<i64>, EvaluationError> {
    let Some(text) = call.arguments.optional_text(argument)? else { return Ok(None) };
    let seconds = attime::parse_offset(&text).ok().filter(|seconds| *seconds > 0);
    let wrong = || EvaluationError::input(format!("{} is not a length of time", quoted(&text)));
    seconds.map(Some).ok_or_else(wrong)
}

/// `name` and what else it was made with.
fn name_with(function: &str, timer: &Timer, number: &str, window: Option<String>) -> String {
    let window = window.map_or(String::new(), |window| format!(",\"{window}\""));
    format!("{function}({},{number}{window})", timer.name)
}

fn percentile_over(call: &mut Invocation<'_, '_>) -> Answer {
    let n = call.arguments.float(1)?;
    if !(0.0..=100.0).contains(&n) {
        return Err(EvaluationError::input(format!(
            "a percentile is a number from 0 to 100, not {}",
            general(n)
        )));
    }
    let (text, length) = (call.arguments.optional_text(2)?, window_seconds(call, 2)?);
    let align = call.arguments.flag(3);
    let mut results = Vec::new();
    for mut timer in timers_with_past(call, length, align)? {
        call.evaluator.check()?;
        timer.tags.set("percentileOver", float(n));
        let percentile = |sketch: Cow<'_, Sketch>| sketch.quantile(n / 100.0).unwrap_or(NULL);
        let name = name_with("percentileOver", &timer, &general(n), text.clone());
        let points = match length {
            Some(length) if align => aligned(call, &timer, length, percentile)?,
            length => sliding(call, &timer, length, percentile)?,
        };
        results.push(points.into_series(call, name, &timer));
    }
    Ok(Value::Series(results))
}

/// The timers from as much earlier on as the first point needs.
fn timers_with_past(
    call: &mut Invocation<'_, '_>,
    length: Option<i64>,
    align: bool,
) -> Result<Vec<Timer>, EvaluationError> {
    let window = call.context.window;
    let from = match length {
        None => window.from,
        Some(length) if align => Timestamp(window.from.0 - window.from.0.rem_euclid(length) - 1),
        Some(length) => window.from.minus(length),
    };
    call.timers(Window { from, ..window })
}

/// Points on their way to be a series.
struct Points {
    start: Timestamp,
    step: Step,
    values: Vec<f64>,
}

impl Points {
    fn into_series(self, call: &Invocation<'_, '_>, name: String, timer: &Timer) -> Series {
        let end = self.start.plus(self.values.len() as i64 * self.step.seconds());
        let series = call.new_series(name, self.start, end, self.step, self.values);
        Series { tags: timer.tags.clone(), ..series }
    }
}

/// A value for each slot of the range, made of the slots in the window that ends with it.
fn sliding(
    call: &mut Invocation<'_, '_>,
    timer: &Timer,
    length: Option<i64>,
    value: impl Fn(Cow<'_, Sketch>) -> f64,
) -> Result<Points, EvaluationError> {
    let step = timer.step.seconds();
    let slots = length.map_or(1, |length| (length + step - 1) / step) as usize;
    let from = call.context.window.from;
    let skipped = timer.slots.iter().enumerate();
    let skipped = skipped.take_while(|(index, _)| timer.start.plus(*index as i64 * step) <= from).count();
    call.evaluator.make_room(timer.slots.len() - skipped)?;
    let mut window = SlidingWindow::new(slots);
    let mut values = Vec::with_capacity(timer.slots.len() - skipped);
    for (index, slot) in timer.slots.iter().enumerate() {
        window.push(slot.as_ref());
        if index >= skipped {
            values.push(window.merged().map_or(NULL, &value));
        }
    }
    Ok(Points { start: timer.start.plus(skipped as i64 * step), step: timer.step, values })
}

/// The last few sketches, merged without ever taking one out of a sum: the older half is kept as sums up to
/// the middle, the newer half as one sum from the middle on. When the older half is used up, the newer takes
/// its place. Two merges a slot on average, however long the window is.
struct SlidingWindow<'s> {
    slots: usize,
    /// Sums of what ends at the middle; the longest last.
    older: Vec<Sketch>,
    newer: Vec<Option<&'s Sketch>>,
    newer_sum: Sketch,
}

impl<'s> SlidingWindow<'s> {
    fn new(slots: usize) -> SlidingWindow<'s> {
        SlidingWindow { slots, older: Vec::new(), newer: Vec::new(), newer_sum: Sketch::default() }
    }

    fn push(&mut self, sketch: Option<&'s Sketch>) {
        if self.older.len() + self.newer.len() == self.slots {
            if self.older.is_empty() {
                self.turn();
            }
            self.older.pop();
        }
        self.newer.push(sketch);
        if let Some(sketch) = sketch {
            self.newer_sum.merge(sketch);
        }
    }

    fn turn(&mut self) {
        let mut sum = Sketch::default();
        for sketch in self.newer.drain(..).rev() {
            if let Some(sketch) = sketch {
                sum.merge(sketch);
            }
            self.older.push(sum.clone());
        }
        self.newer_sum = Sketch::default();
    }

    fn merged(&self) -> Option<Cow<'_, Sketch>> {
        let older = self.older.last().filter(|older| !older.is_empty());
        match older {
            None => (!self.newer_sum.is_empty()).then_some(Cow::Borrowed(&self.newer_sum)),
            Some(older) if self.newer_sum.is_empty() => Some(Cow::Borrowed(older)),
            Some(older) => {
                let mut sum = older.clone();
                sum.merge(&self.newer_sum);
                Some(Cow::Owned(sum))
            }
        }
    }
}

/// A sketch for each whole window, `None` where nothing is known, and the start of the first.
fn windows(
    call: &mut Invocation<'_, '_>,
    timer: &Timer,
    length: i64,
) -> Result<(Timestamp, Vec<Option<Sketch>>), EvaluationError> {
    let floor = |time: Timestamp| Timestamp(time.0 - time.0.rem_euclid(length));
    let step = timer.step.seconds();
    let start = floor(timer.start);
    let last = timer.end().minus(step);
    let count = floor(last).since(start) / length + 1;
    call.evaluator.make_room(count as usize)?;
    let mut windows: Vec<Option<Sketch>> = vec![None; count as usize];
    for (index, slot) in timer.slots.iter().enumerate() {
        let Some(sketch) = slot else { continue };
        let time = timer.start.plus(index as i64 * step);
        let window = &mut windows[(floor(time).since(start) / length) as usize];
        window.get_or_insert_default().merge(sketch);
    }
    Ok((start, windows))
}

fn aligned(
    call: &mut Invocation<'_, '_>,
    timer: &Timer,
    length: i64,
    value: impl Fn(Cow<'_, Sketch>) -> f64,
) -> Result<Points, EvaluationError> {
    let (start, windows) = windows(call, timer, length)?;
    let values = windows.iter().map(|sketch| sketch.as_ref().map_or(NULL, |one| value(Cow::Borrowed(one))));
    Ok(Points { start, step: step_of(length)?, values: values.collect() })
}

fn heatmap_over(call: &mut Invocation<'_, '_>) -> Answer {
    let (text, length) = (call.arguments.optional_text(1)?, window_seconds(call, 1)?);
    let rows = call.arguments.int(2)?;
    let rows = i32::try_from(rows).ok().filter(|rows| (1..=1_000).contains(rows));
    let rows = rows.ok_or_else(|| EvaluationError::input("buckets must be a number from 1 to 1000"))?;
    let mut results = Vec::new();
    for timer in timers_with_past(call, length, true)? {
        call.evaluator.check()?;
        let length = length.unwrap_or(timer.step.seconds());
        let (start, windows) = windows(call, &timer, length)?;
        let Some(ranges) = Ranges::over(&windows, rows) else { continue };
        call.evaluator.make_room(windows.len() * ranges.count())?;
        let end = start.plus(windows.len() as i64 * length);
        for (range, values) in ranges.all().zip(ranges.counts(&windows)) {
            let (low, high) = ranges.bounds(range);
            let name = name_with("heatmapOver", &timer, &general(high), text.clone());
            let mut series = call.new_series(name, start, end, step_of(length)?, values);
            series.tags = timer.tags.clone();
            series.tags.set("ge", general(low));
            series.tags.set("le", general(high));
            results.push(series);
        }
    }
    Ok(Value::Series(results))
}

/// Ranges of values: runs of equally many buckets of a sketch, a power of two of them, and counted from zero, so
/// that they stay where they are when the picture moves on.
struct Ranges {
    width: i32,
    first: i32,
    last: i32,
}

impl Ranges {
    fn over(windows: &[Option<Sketch>], most: i32) -> Option<Ranges> {
        let keys = || windows.iter().flatten().flat_map(|sketch| sketch.buckets()).map(|(key, _)| key.0);
        let (low, high) = (keys().min()?, keys().max()?);
        let of_width =
            |width: i32| Ranges { width, first: low.div_euclid(width), last: high.div_euclid(width) };
        let few_enough = |ranges: &Ranges| ranges.count() <= most as usize;
        // Values below and above zero never share a range.
        (0..30).map(|power| of_width(1 << power)).find(few_enough).or(Some(of_width(1 << 30)))
    }

    fn count(&self) -> usize {
        (self.last - self.first) as usize + 1
    }

    fn all(&self) -> std::ops::RangeInclusive<i32> {
        self.first..=self.last
    }

    fn bounds(&self, range: i32) -> (f64, f64) {
        let first = range.saturating_mul(self.width);
        (BucketKey(first).bounds().0, BucketKey(first.saturating_add(self.width - 1)).bounds().1)
    }

    /// For each range, the weight in each window.
    fn counts(&self, windows: &[Option<Sketch>]) -> Vec<Vec<f64>> {
        let empty: Vec<f64> =
            windows.iter().map(|window| if window.is_some() { 0.0 } else { NULL }).collect();
        let mut counts = vec![empty; self.count()];
        for (index, sketch) in windows.iter().enumerate() {
            for (key, weight) in sketch.iter().flat_map(|sketch| sketch.buckets()) {
                counts[(key.0.div_euclid(self.width) - self.first) as usize][index] += weight;
            }
        }
        counts
    }
}

fn merged(timers: Vec<Timer>, nodes: &[Value]) -> Result<Vec<Timer>, EvaluationError> {
    let groups = group_by(timers, |timer| key_of_name(&timer.name, &timer.tags, nodes))?;
    groups.into_iter().map(|(key, timers)| merge_group(key, timers, nodes.is_empty())).collect()
}

/// At the least common step.
fn merge_group(key: String, timers: Vec<Timer>, all: bool) -> Result<Timer, EvaluationError> {
    let step = normalized_step(timers.iter().map(|timer| timer.step))?;
    let start = timers.iter().map(|timer| timer.start.floor(step)).min().unwrap_or_default();
    let end = timers.iter().map(Timer::end).max().unwrap_or_default();
    let count = (end.since(start) + step.seconds() - 1).div_euclid(step.seconds());
    let mut slots: Vec<Option<Sketch>> = vec![None; usize::try_from(count).unwrap_or(0)];
    for timer in &timers {
        for (index, slot) in timer.slots.iter().enumerate() {
            let time = timer.start.plus(index as i64 * timer.step.seconds());
            let place = slots.get_mut((time.since(start) / step.seconds()) as usize);
            if let (Some(place), Some(sketch)) = (place, slot) {
                place.get_or_insert_default().merge(sketch);
            }
        }
    }
    let mut paths: Vec<&str> = timers.iter().map(|timer| timer.path_expression.as_ref()).collect();
    paths.dedup();
    let path = format!("mergeTimers({})", paths.join(","));
    let mut tags = timers[0].tags.clone();
    timers[1..].iter().for_each(|timer| tags.keep_common(&timer.tags));
    let name = if all { path.clone() } else { key };
    if tags.get("name").is_none() {
        tags.set("name", name.as_str());
    }
    Ok(Timer { name, path_expression: path.into(), tags, start, step, slots: slots.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sketch(values: &[f64]) -> Sketch {
        Sketch::from_values(values.iter().map(|value| (*value, 1.0)))
    }

    #[test]
    fn a_sliding_window_holds_its_slots_and_no_others() {
        let slots: Vec<Option<Sketch>> =
            (0..50).map(|index| (index % 5 != 2).then(|| sketch(&[f64::from(index) + 1.0]))).collect();
        for length in [1, 2, 3, 7, 50, 80] {
            let mut window = SlidingWindow::new(length);
            for (index, slot) in slots.iter().enumerate() {
                window.push(slot.as_ref());
                let mut wanted = Sketch::default();
                slots[(index + 1).saturating_sub(length)..=index]
                    .iter()
                    .flatten()
                    .for_each(|s| wanted.merge(s));
                let merged = window.merged().map(Cow::into_owned).unwrap_or_default();
                assert_eq!(merged, wanted, "{length} {index}");
            }
        }
    }

    #[test]
    fn ranges_hold_all_and_are_few() {
        let windows = [Some(sketch(&[0.001, 0.5, 3.0])), None, Some(sketch(&[40.0, 41.0, -2.0, 0.0]))];
        for most in [1, 2, 5, 20, 1000] {
            let ranges = Ranges::over(&windows, most).unwrap();
            assert!(ranges.count() <= most.max(2) as usize);
            let counts = ranges.counts(&windows);
            let of_window = |index: usize| counts.iter().map(|row| row[index]).sum::<f64>();
            assert_eq!((of_window(0), of_window(2)), (3.0, 4.0), "{most}");
            assert!(counts.iter().all(|row| row[1].is_nan()));
            for pair in ranges.all().collect::<Vec<_>>().windows(2) {
                let (upper, lower) = (ranges.bounds(pair[0]).1, ranges.bounds(pair[1]).0);
                assert!((upper - lower).abs() <= 1e-8 + upper.abs() * 1e-9, "{upper} {lower}");
            }
        }
        assert!(Ranges::over(&[None], 5).is_none());
    }
}
