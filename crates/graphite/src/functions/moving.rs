//! Functions of the points before each point. They fetch what lies before the range, so that the first points
//! of the answer are complete.

use super::aggregation::{Aggregator, enough};
use super::lists::{aggregator, reduce};
use super::table::{Constant, Function, Group, Kind, Param, SERIES, WINDOWS, optional, required};
use crate::attime;
use crate::error::EvaluationError;
use crate::evaluate::Invocation;
use crate::python::{float, general, round};
use crate::series::{NULL, Series, is_null};
use crate::value::Value;

type Answer = Result<Value, EvaluationError>;

const WINDOW: Param = required("windowSize", Kind::IntOrInterval).suggestions(WINDOWS);
const FACTOR: Param = optional("xFilesFactor", Kind::Float);

const MOVING: Function = Function {
    signature: "(seriesList, windowSize, xFilesFactor=None)",
    group: Group::Calculate,
    params: &[SERIES, WINDOW, FACTOR],
    help: "",
    aggregator: false,
    run: |call| moving(call, "average", 2),
};

pub const MOVING_WINDOW: Function = Function {
    signature: "(seriesList, windowSize, func='average', xFilesFactor=None)",
    params: &[SERIES, WINDOW, optional("func", Kind::AggFunc).default(Constant::Text("average")), FACTOR],
    help: "Each point made by `func` of the points before it: of a number of points, or of a time such as '5min'. \
           At least the share `xFilesFactor` of them must be known.\n\n\
           Example: movingWindow(web.*.load, \"5min\", \"max\")",
    run: |call| {
        let func = call.arguments.get(2).text();
        moving(call, &func, 3)
    },
    ..MOVING
};

pub const MOVING_AVERAGE: Function = Function {
    help: "The mean of the last points: of a number of them, or of a time such as '5min'.\n\n\
           Example: movingAverage(web.*.load, 10)",
    ..MOVING
};

pub const MOVING_MEDIAN: Function = Function {
    help: "The median of the last points: of a number of them, or of a time such as '5min'.\n\n\
           Example: movingMedian(web.*.load, \"5min\")",
    run: |call| moving(call, "median", 2),
    ..MOVING
};

pub const MOVING_SUM: Function = Function {
    help: "The sum of the last points: of a number of them, or of a time such as '5min'.\n\n\
           Example: movingSum(web.*.requests, \"1h\")",
    run: |call| moving(call, "sum", 2),
    ..MOVING
};

pub const MOVING_MIN: Function = Function {
    help: "The least of the last points: of a number of them, or of a time such as '5min'.\n\n\
           Example: movingMin(web.*.disk_free, \"1h\")",
    run: |call| moving(call, "min", 2),
    ..MOVING
};

pub const MOVING_MAX: Function = Function {
    help: "The greatest of the last points: of a number of them, or of a time such as '5min'.\n\n\
           Example: movingMax(web.*.load, \"1h\")",
    run: |call| moving(call, "max", 2),
    ..MOVING
};

pub const EXPONENTIAL_MOVING_AVERAGE: Function = Function {
    signature: "(seriesList, windowSize)",
    params: &[SERIES, WINDOW],
    help: "A mean in which a point counts the less the longer ago it is: each new one with weight \
           2 / (windowSize + 1).\n\nExample: exponentialMovingAverage(web.*.load, 10)",
    run: exponential,
    ..MOVING
};

pub const STDEV: Function = Function {
    signature: "(seriesList, points, windowTolerance=0.1)",
    params: &[
        SERIES,
        required("points", Kind::Integer),
        optional("windowTolerance", Kind::Float).default(Constant::Float(0.1)),
    ],
    help: "The standard deviation of the last points, where at least the share `windowTolerance` of them is \
           known.\n\nExample: stdev(web.*.load, 30)",
    run: stdev,
    ..MOVING
};

/// Ours.
pub const QUANTILE_OVER_TIME: Function = Function {
    signature: "(seriesList, q, window, xFilesFactor=None)",
    params: &[
        SERIES,
        required("q", Kind::Float),
        required("window", Kind::IntOrInterval).suggestions(WINDOWS),
        FACTOR,
    ],
    help: "The quantile q (0 to 1) of the last points of each series: of a number of them, or of a time such as \
           '5min'. Between two points it is interpolated: 0.5 is the median, 0 the least, 1 the greatest. At least \
           the share `xFilesFactor` of the points must be known. For the quantile of a timer's samples, see \
           percentileOver().\n\nExample: quantileOverTime(web.*.load, 0.95, \"1h\")",
    run: quantile_over_time,
    ..MOVING
};

fn quantile_over_time(call: &mut Invocation<'_, '_>) -> Answer {
    let (q, factor) = (call.arguments.float(1)?, call.arguments.optional_float(3)?);
    if !(0.0..=1.0).contains(&q) {
        let shown = general(q);
        return Err(EvaluationError::input(format!("a quantile is a number from 0 to 1, not {shown}")));
    }
    let list = call.series()?;
    if list.is_empty() {
        return Ok(Value::nothing());
    }
    let length = Length::of(call, &list, 2)?;
    if length.seconds == 0 {
        return Err(EvaluationError::input("quantileOverTime: the window must be longer than nothing"));
    }
    let window = call.context.window.starting_earlier(length.seconds);
    let mut results = Vec::new();
    for mut series in call.first_again(window)? {
        call.evaluator.check()?;
        let name = format!("quantileOverTime({},{}{})", series.name, general(q), length.shown());
        series.tags.set("quantileOverTime", general(q));
        let points = length.points(&series);
        let values = match points {
            0 => vec![NULL; series.values.len()],
            points if points >= series.values.len() => Vec::new(),
            points => sliding_quantile(&series.values, points, q, factor.unwrap_or(series.x_files_factor)),
        };
        let mut moved = series.derived(name, values);
        moved.start = series.start.plus(length.seconds);
        results.push(moved);
    }
    Ok(Value::Series(results))
}

/// The length of a window, as it was written.
struct Length {
    text: Value,
    /// Seconds of an interval; for a number of points, that many of the longest step.
    seconds: i64,
    points: Option<usize>,
}

impl Length {
    fn of(call: &Invocation<'_, '_>, list: &[Series], argument: usize) -> Result<Length, EvaluationError> {
        let text = call.arguments.get(argument);
        if let Value::Text(interval) = &text {
            let seconds = attime::parse_offset(interval);
            let seconds = seconds.map_err(|error| EvaluationError::failed(error.to_string()))?.abs();
            return Ok(Length { text, seconds, points: None });
        }
        let points = text.as_float().filter(|points| (0.0..1e9).contains(points));
        let points = points.ok_or_else(|| {
            let shown = text.repr();
            EvaluationError::failed(format!("a window is a number of points or an interval, not {shown}"))
        })? as usize;
        let longest_step = list.iter().map(|series| series.step.seconds()).max().unwrap_or(1);
        Ok(Length { text, seconds: longest_step.saturating_mul(points as i64), points: Some(points) })
    }

    fn points(&self, series: &Series) -> usize {
        self.points.unwrap_or((self.seconds / series.step.seconds()) as usize)
    }

    /// `,10` or `,"5min"`
    fn shown(&self) -> String {
        match &self.text {
            Value::Text(interval) => format!(",\"{interval}\""),
            number => format!(",{}", number.text()),
        }
    }
}

fn moving(call: &mut Invocation<'_, '_>, func: &str, factor: usize) -> Answer {
    let factor = call.arguments.optional_float(factor)?;
    let list = call.series()?;
    if list.is_empty() {
        return Ok(Value::nothing());
    }
    let length = Length::of(call, &list, 1)?;
    let aggregator = aggregator(func)?;
    let tag = format!("moving{}", capitalized(func));
    let window = call.context.window.starting_earlier(length.seconds);
    let mut results = Vec::new();
    for mut series in call.first_again(window)? {
        call.evaluator.check()?;
        let points = length.points(&series);
        let name = format!("{tag}({}{})", series.name, length.shown());
        series.tags.set(tag.clone(), length.text.tag());
        let factor = factor.unwrap_or(series.x_files_factor);
        let values = windows(&series.values, points, aggregator, factor);
        let mut moved = series.derived(name, values).with_numbers(aggregator.numbers(series.numbers));
        moved.start = series.start.plus(length.seconds);
        results.push(moved);
    }
    Ok(Value::Series(results))
}

/// Python's `capitalize`: the first letter large, all others small.
fn capitalized(word: &str) -> String {
    let mut letters = word.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    first + &letters.as_str().to_lowercase()
}

/// One value for each window that ends behind the first `points` + 1 values.
fn windows(values: &[f64], points: usize, aggregator: Aggregator, factor: f64) -> Vec<f64> {
    if points == 0 {
        return vec![NULL; values.len()];
    }
    if points >= values.len() {
        return Vec::new();
    }
    match aggregator {
        Aggregator::Median => sliding_median(values, points, factor),
        Aggregator::Stddev | Aggregator::Diff | Aggregator::Multiply => {
            let mut known = Vec::with_capacity(points);
            let window = |window: &[f64]| {
                known.clear();
                known.extend(window.iter().filter(|value| !is_null(**value)));
                if enough(known.len(), points, factor) { aggregator.of(&known) } else { NULL }
            };
            values.windows(points).skip(1).map(window).collect()
        }
        _ => sliding_parts(values, points, aggregator, factor),
    }
}

/// What can be put together from two neighbouring pieces of a window.
#[derive(Clone, Copy)]
struct Part {
    known: usize,
    sum: f64,
    least: f64,
    most: f64,
    last: f64,
}

impl Part {
    const EMPTY: Part = Part { known: 0, sum: 0.0, least: NULL, most: NULL, last: NULL };

    fn of(value: f64) -> Part {
        if is_null(value) {
            return Part::EMPTY;
        }
        Part { known: 1, sum: value, least: value, most: value, last: value }
    }

    fn then(self, later: Part) -> Part {
        if self.known == 0 {
            return later;
        }
        if later.known == 0 {
            return self;
        }
        Part {
            known: self.known + later.known,
            sum: self.sum + later.sum,
            least: if later.least < self.least { later.least } else { self.least },
            most: if later.most > self.most { later.most } else { self.most },
            last: later.last,
        }
    }

    fn value(self, aggregator: Aggregator) -> f64 {
        match aggregator {
            Aggregator::Sum => self.sum,
            Aggregator::Min => self.least,
            Aggregator::Max => self.most,
            Aggregator::Count => self.known as f64,
            Aggregator::Range => self.most - self.least,
            Aggregator::Last => self.last,
            _ => self.sum / self.known as f64,
        }
    }
}

/// Values are cut into blocks as long as a window: each window is the end of one block and the beginning of
/// the next. Nothing is ever subtracted, so infinities and rounding stay where they belong.
fn sliding_parts(values: &[f64], points: usize, aggregator: Aggregator, factor: f64) -> Vec<f64> {
    let mut to_block_end = vec![Part::EMPTY; values.len()];
    for (block, parts) in values.chunks(points).zip(to_block_end.chunks_mut(points)) {
        let mut part = Part::EMPTY;
        for (value, place) in block.iter().zip(parts).rev() {
            part = Part::of(*value).then(part);
            *place = part;
        }
    }
    let mut answers = Vec::with_capacity(values.len() - points);
    let mut from_block_start = Part::EMPTY;
    for (end, value) in values.iter().enumerate() {
        from_block_start = if end % points == 0 { Part::EMPTY } else { from_block_start };
        from_block_start = from_block_start.then(Part::of(*value));
        // The window of `points` values that ends with this one.
        if end >= points {
            let start = end + 1 - points;
            let part = match start % points {
                0 => from_block_start,
                _ => to_block_end[start].then(from_block_start),
            };
            let fine = enough(part.known, points, factor);
            answers.push(if fine { part.value(aggregator) } else { NULL });
        }
    }
    answers
}

/// Half of the values are below it: the quantile that lies between two is their mean.
fn sliding_median(values: &[f64], points: usize, factor: f64) -> Vec<f64> {
    sliding_quantile(values, points, 0.5, factor)
}

/// The known values of each window in order, without sorting each anew: all values are sorted once, and a tree
/// counts which of them are in the window. A step takes the logarithm of the length, whatever the window is.
fn sliding_quantile(values: &[f64], points: usize, q: f64, factor: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).filter(|place| !is_null(values[*place])).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut rank_of = vec![usize::MAX; values.len()];
    order.iter().enumerate().for_each(|(rank, place)| rank_of[*place] = rank);
    let mut present = Counts::new(order.len());
    let mut answers = Vec::with_capacity(values.len() - points);
    for end in 0..values.len() {
        if let Some(gone) =
            end.checked_sub(points).map(|gone| rank_of[gone]).filter(|rank| *rank < order.len())
        {
            present.change(gone, -1);
        }
        if rank_of[end] < order.len() {
            present.change(rank_of[end], 1);
        }
        if end >= points {
            let at = |nth: usize| values[order[present.nth(nth)]];
            answers.push(match present.all {
                0 => NULL,
                known if !enough(known, points, factor) => NULL,
                known => between(q * (known - 1) as f64, at),
            });
        }
    }
    answers
}

/// The value at a place that may lie between two.
fn between(place: f64, at: impl Fn(usize) -> f64) -> f64 {
    let (below, share) = (place.floor(), place - place.floor());
    let lower = at(below as usize);
    if share == 0.0 {
        return lower;
    }
    let upper = at(below as usize + 1);
    // The mean as the original takes it for medians.
    if share == 0.5 { (lower + upper) / 2.0 } else { lower + (upper - lower) * share }
}

/// How many there are of each rank, as partial sums (a Fenwick tree).
struct Counts {
    sums: Vec<i32>,
    all: usize,
}

impl Counts {
    fn new(ranks: usize) -> Counts {
        Counts { sums: vec![0; ranks + 1], all: 0 }
    }

    fn change(&mut self, rank: usize, by: i32) {
        self.all = self.all.saturating_add_signed(by as isize);
        let mut at = rank + 1;
        while at < self.sums.len() {
            self.sums[at] += by;
            at += at & at.wrapping_neg();
        }
    }

    /// The rank of the n-th, counted from 0.
    fn nth(&self, n: usize) -> usize {
        let (mut rank, mut left) = (0, n as i32 + 1);
        let mut step = self.sums.len().next_power_of_two() / 2;
        while step > 0 {
            if rank + step < self.sums.len() && self.sums[rank + step] < left {
                rank += step;
                left -= self.sums[rank];
            }
            step /= 2;
        }
        rank
    }
}

fn exponential(call: &mut Invocation<'_, '_>) -> Answer {
    let list = call.series()?;
    if list.is_empty() {
        return Ok(Value::nothing());
    }
    let length = Length::of(call, &list, 1)?;
    // An interval counts by its seconds here, whatever the step is.
    let weight = 2.0 / (length.points.map_or(length.seconds as f64, |points| points as f64) + 1.0);
    let window = call.context.window.starting_earlier(length.seconds);
    let mut results = Vec::new();
    for mut series in call.first_again(window)? {
        call.evaluator.check()?;
        let first = length.points(&series).min(series.values.len());
        let name = format!("exponentialMovingAverage({}{})", series.name, length.shown());
        series.tags.set("exponentialMovingAverage", length.text.tag());
        let start = Aggregator::Average.of(&series.values[..first]);
        let mut average = if is_null(start) { 0.0 } else { start };
        let mut values = vec![round(average, 6)];
        for value in &series.values[first..] {
            if is_null(*value) {
                values.push(NULL);
                continue;
            }
            average = weight * value + (1.0 - weight) * average;
            values.push(round(average, 6));
        }
        let mut smoothed = series.derived(name, values);
        smoothed.start = series.start.plus(length.seconds);
        results.push(smoothed);
    }
    Ok(Value::Series(results))
}

fn stdev(call: &mut Invocation<'_, '_>) -> Answer {
    let (points, tolerance) = (call.arguments.int(1)?, call.arguments.float(2)?);
    let list = call.series()?;
    if list.is_empty() {
        return Ok(Value::nothing());
    }
    let length =
        usize::try_from(points).map_err(|_| EvaluationError::failed("points must not be negative"))?;
    let mut results = Vec::with_capacity(list.len());
    for mut series in list {
        series.tags.set("stdev", points.to_string());
        let values = deviations(&series.values, length, tolerance);
        results.push(series.derived(format!("stdev({},{points})", series.name), values));
    }
    Ok(Value::Series(results))
}

/// By running sums, as the original, so that rounding errors are the same; what they make negative is nothing.
fn deviations(values: &[f64], length: usize, tolerance: f64) -> Vec<f64> {
    let (mut known, mut sum, mut squares) = (0.0, 0.0, 0.0);
    let mut deviations = Vec::with_capacity(values.len());
    if length == 0 {
        return vec![NULL; values.len()];
    }
    for (index, value) in values.iter().enumerate() {
        let gone = index.checked_sub(length).map_or(NULL, |gone| values[gone]);
        if !is_null(gone) {
            known -= 1.0;
            sum -= gone;
            squares -= gone * gone;
        }
        if !is_null(*value) {
            known += 1.0;
            sum += value;
            squares += value * value;
        }
        let variance = known * squares - sum * sum;
        let fine =
            known > 0.0 && known / length as f64 >= tolerance && (variance >= 0.0 || variance.is_nan());
        deviations.push(if fine { variance.sqrt() / known } else { NULL });
    }
    deviations
}

pub const N_PERCENTILE: Function = Function {
    signature: "(seriesList, n)",
    group: Group::Calculate,
    params: &[SERIES, required("n", Kind::Float)],
    help: "A horizontal line at the n-th percentile of each series' values.\n\nExample: nPercentile(web.*.load, 95)",
    aggregator: false,
    run: |call| {
        let n = call.arguments.float(1)?;
        if n == 0.0 {
            return Err(EvaluationError::failed("The requested percent is required to be greater than 0"));
        }
        let mut results = Vec::new();
        for mut series in call.series()? {
            let Some(percentile) = super::lists::percentile(&series.values, n, false)? else { continue };
            series.tags.set("nPercentile", float(n));
            let count = series.end.since(series.start).max(0) / series.step.seconds();
            call.evaluator.make_room(count as usize)?;
            let name = format!("nPercentile({}, {})", series.name, general(n));
            results.push(series.derived(name, vec![percentile; count as usize]));
        }
        Ok(Value::Series(results))
    },
};

pub const AGGREGATE_LINE: Function = Function {
    signature: "(seriesList, func='average', keepStep=False)",
    group: Group::Calculate,
    params: &[
        SERIES,
        optional("func", Kind::AggFunc).default(Constant::Text("average")),
        optional("keepStep", Kind::Boolean).default(Constant::Bool(false)),
    ],
    help: "A horizontal line at one number made of all values of a series by `func`.\n\n\
           Example: aggregateLine(web.*.load, \"max\")",
    aggregator: false,
    run: aggregate_line,
};

fn aggregate_line(call: &mut Invocation<'_, '_>) -> Answer {
    let aggregator = aggregator(&call.arguments.get(1).text())?;
    let keep_step = call.arguments.flag(2);
    let mut results = Vec::new();
    for series in call.series()? {
        let value = reduce(&series, aggregator)?;
        let numbers = aggregator.numbers(series.numbers);
        let shown = if is_null(value) { "None".into() } else { general(value) };
        let name = format!("aggregateLine({}, {shown})", series.name);
        let line = if keep_step {
            series.derived(name, vec![value; series.values.len()])
        } else {
            let constant = crate::value::point_text(value, numbers);
            let mut line = super::special::constant_line(call, constant, value)?;
            line.rename(name);
            line
        };
        results.push(line.with_numbers(numbers));
    }
    Ok(Value::Series(results))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_slide_gives_what_the_window_gives() {
        let mut state = 7_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as f64 / 1e9
        };
        let values: Vec<f64> = (0..200).map(|index| if index % 7 == 3 { NULL } else { next() }).collect();
        for points in [1, 2, 5, 64, 199] {
            for name in super::super::aggregation::NAMES {
                let aggregator = Aggregator::named(name).unwrap();
                let slid = windows(&values, points, aggregator, 0.5);
                assert_eq!(slid.len(), values.len() - points, "{name} {points}");
                for (index, value) in slid.iter().enumerate() {
                    let window = &values[index + 1..index + 1 + points];
                    let known: Vec<f64> = window.iter().copied().filter(|v| !is_null(*v)).collect();
                    let fine = enough(known.len(), points, 0.5);
                    let wanted = if fine { aggregator.of(&known) } else { NULL };
                    let close = (value - wanted).abs() <= wanted.abs() * 1e-12;
                    assert!(close || is_null(*value) && is_null(wanted), "{name} {points} {index}");
                }
            }
        }
        assert!(windows(&values, 200, Aggregator::Sum, 0.0).is_empty());
    }
}
