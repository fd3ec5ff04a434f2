//! Each series -> one series: arithmetic, derivatives, gaps.

use super::aggregation::Aggregator;
use super::lists::{power, reduce};
use super::summarize::summarized_values;
use super::table::{Constant, Function, Group, Kind, Param, SERIES, optional, required};
use crate::error::EvaluationError;
use crate::evaluate::Invocation;
use crate::python::{decimal, float, general, round};
use crate::series::{NULL, Numbers, Series, is_null};
use crate::value::{Value, point_text};

type Answer = Result<Value, EvaluationError>;

const LIMIT: Param = optional("limit", Kind::IntOrInf).default(Constant::Float(f64::INFINITY));
const MAX_VALUE: Param = optional("maxValue", Kind::Float);
const MIN_VALUE: Param = optional("minValue", Kind::Float);
const FACTOR: Param = required("factor", Kind::Float);

const OF_SERIES: Function = Function {
    signature: "(seriesList)",
    group: Group::Transform,
    params: &[SERIES],
    help: "",
    aggregator: false,
    run: |call| Ok(Value::Series(call.series()?)),
};

pub const ADD: Function = Function {
    signature: "(seriesList, constant)",
    params: &[SERIES, required("constant", Kind::Float)],
    help: "Adds a constant to each value.\n\nExample: add(web.*.load, 10)",
    run: |call| {
        let constant = call.arguments.float(1)?;
        let text = decimal(constant).ok_or_else(|| EvaluationError::failed("cannot convert to integer"))?;
        map_each(call, "add", &float(constant), &format!(",{text}"), |value| value + constant)
    },
    ..OF_SERIES
};

pub const ABSOLUTE: Function = Function {
    help: "Each value without its sign.\n\nExample: absolute(web.*.drift)",
    run: |call| {
        let mut list = call.series()?;
        for series in &mut list {
            let numbers = series.numbers;
            series.tags.set("absolute", "1");
            series.rename(format!("absolute({})", series.name));
            series.map_known(f64::abs);
            series.numbers = numbers;
        }
        Ok(Value::Series(list))
    },
    ..OF_SERIES
};

pub const COMPRESS_PERIODIC_GAPS: Function = Function {
    help: "Guesses from the first values that a series comes more rarely than its step and gives it the step that \
           it has, so that it has no gaps between.\n\nExample: compressPeriodicGaps(web.*.hourly)",
    run: compress_periodic_gaps,
    ..OF_SERIES
};

pub const DELAY: Function = Function {
    signature: "(seriesList, steps)",
    params: &[SERIES, required("steps", Kind::Integer)],
    help: "Moves the values by a number of steps to the right, or to the left if it is negative; values moved out \
           are lost.\n\nExample: divideSeries(web.answered, delay(web.asked, 2))",
    run: delay,
    ..OF_SERIES
};

pub const DERIVATIVE: Function = Function {
    help: "The difference from one value to the next. For counters that may start anew, take \
           nonNegativeDerivative() or perSecond().\n\nExample: derivative(web.*.bytes_total)",
    run: |call| {
        derive_each(call, "derivative", "1".into(), |series| {
            let values =
                pairs(
                    &series.values,
                    |last, value| {
                        if is_null(last) || is_null(value) { NULL } else { value - last }
                    },
                );
            Ok(series.derived(format!("derivative({})", series.name), values).with_numbers(series.numbers))
        })
    },
    ..OF_SERIES
};

pub const EXP: Function = Function {
    help: "e to the power of each value.\n\nExample: exp(web.*.log_size)",
    run: |call| {
        map_each(call, "exp", "e", "", |value| {
            let result = value.exp();
            // Too large for a float: no value, as in pow().
            if value.is_finite() && result.is_infinite() { NULL } else { result }
        })
    },
    ..OF_SERIES
};

pub const INTEGRAL: Function = Function {
    help: "The running total from the beginning of the range.\n\nExample: integral(web.*.sales)",
    run: |call| {
        derive_each(call, "integral", "1".into(), |series| {
            let mut total = 0.0;
            let running = |value: &f64| {
                if is_null(*value) {
                    return NULL;
                }
                total += value;
                total
            };
            let values = series.values.iter().map(running).collect();
            Ok(series.derived(format!("integral({})", series.name), values))
        })
    },
    ..OF_SERIES
};

pub const INTEGRAL_BY_INTERVAL: Function = Function {
    signature: "(seriesList, intervalUnit)",
    params: &[SERIES, required("intervalUnit", Kind::String)],
    help: "The running total, starting anew with each interval counted from the beginning of the range.\n\n\
           Example: integralByInterval(web.*.sales, \"1d\")",
    run: integral_by_interval,
    ..OF_SERIES
};

pub const INTERPOLATE: Function = Function {
    signature: "(seriesList, limit=inf)",
    params: &[SERIES, LIMIT],
    help: "Fills gaps of up to `limit` points with a straight line.\n\nExample: interpolate(web.*.load, 10)",
    run: interpolate,
    ..OF_SERIES
};

pub const INVERT: Function = Function {
    help: "1 divided by each value.\n\nExample: invert(web.*.interval)",
    run: |call| map_each(call, "invert", "1", "", |value| power(value, -1.0)),
    ..OF_SERIES
};

pub const IS_NON_NULL: Function = Function {
    help: "1 where there is a value, else 0: summed up, how many series have one.\n\n\
           Example: sumSeries(isNonNull(web.*.load))",
    run: |call| {
        let mut list = call.series()?;
        for series in &mut list {
            series.tags.set("isNonNull", "1");
            series.rename(format!("isNonNull({})", series.name));
            series.map_points(|value| if is_null(value) { 0.0 } else { 1.0 });
            series.numbers = Numbers::Integers;
        }
        Ok(Value::Series(list))
    },
    ..OF_SERIES
};

pub const KEEP_LAST_VALUE: Function = Function {
    signature: "(seriesList, limit=inf)",
    params: &[SERIES, LIMIT],
    help: "Fills gaps of up to `limit` points with the value before them.\n\n\
           Example: keepLastValue(web.*.version, 10)",
    run: keep_last_value,
    ..OF_SERIES
};

pub const LOG: Function = Function {
    signature: "(seriesList, base=10)",
    params: &[SERIES, optional("base", Kind::Integer).default(Constant::Int(10))],
    help: "The logarithm of each value; nothing for values up to 0.\n\nExample: log(web.*.size, 2)",
    run: logarithm,
    ..OF_SERIES
};

pub const LOGIT: Function = Function {
    help: "log(x / (1 - x)) of each value between 0 and 1.\n\nExample: logit(web.*.share)",
    run: |call| {
        map_each(call, "logit", "logit", "", |value| {
            let odds = value / (1.0 - value);
            if value == 1.0 || odds <= 0.0 { NULL } else { odds.ln() }
        })
    },
    ..OF_SERIES
};

pub const MIN_MAX: Function = Function {
    help: "Each series stretched so that its least value is 0 and its greatest 1.\n\nExample: minMax(web.*.load)",
    run: min_max,
    ..OF_SERIES
};

pub const NON_NEGATIVE_DERIVATIVE: Function = Function {
    signature: "(seriesList, maxValue=None, minValue=None)",
    params: &[SERIES, MAX_VALUE, MIN_VALUE],
    help: "The increase from one value of a counter to the next. Where the counter starts anew there is no value, \
           unless its greatest (or least) value is given.\n\n\
           Example: nonNegativeDerivative(web.*.bytes_total, 4294967295)",
    run: |call| {
        let bounds = Bounds::of(call)?;
        derive_each(call, "nonNegativeDerivative", "1".into(), |series| {
            let values = bounds.deltas(&series.values, |delta| delta);
            Ok(series.derived(format!("nonNegativeDerivative({})", series.name), values))
        })
    },
    ..OF_SERIES
};

pub const OFFSET: Function = Function {
    signature: "(seriesList, factor)",
    params: &[SERIES, FACTOR],
    help: "Adds a constant to each value.\n\nExample: offset(room.temperature, -273.15)",
    run: |call| {
        let factor = call.arguments.float(1)?;
        map_each(call, "offset", &float(factor), &format!(",{}", general(factor)), |value| value + factor)
    },
    ..OF_SERIES
};

pub const OFFSET_TO_ZERO: Function = Function {
    help: "Each value minus the least of its series.\n\nExample: offsetToZero(web.*.temperature)",
    run: offset_to_zero,
    ..OF_SERIES
};

pub const PER_SECOND: Function = Function {
    signature: "(seriesList, maxValue=None, minValue=None)",
    params: &[SERIES, MAX_VALUE, MIN_VALUE],
    help: "The increase of a counter in a second. Where the counter starts anew there is no value, unless its \
           greatest (or least) value is given.\n\nExample: perSecond(web.*.requests_total)",
    run: |call| {
        let bounds = Bounds::of(call)?;
        derive_each(call, "perSecond", "1".into(), |series| {
            let step = series.step.seconds() as f64;
            let values = bounds.deltas(&series.values, |delta| round(delta / step, 6));
            Ok(series.derived(format!("perSecond({})", series.name), values))
        })
    },
    ..OF_SERIES
};

pub const POW: Function = Function {
    signature: "(seriesList, factor)",
    params: &[SERIES, FACTOR],
    help: "Each value to a power.\n\nExample: pow(web.*.radius, 2)",
    run: |call| {
        let factor = call.arguments.float(1)?;
        map_each(call, "pow", &float(factor), &format!(",{}", general(factor)), |value| power(value, factor))
    },
    ..OF_SERIES
};

pub const ROUND: Function = Function {
    signature: "(seriesList, precision=None)",
    params: &[SERIES, optional("precision", Kind::Integer).default(Constant::Int(0))],
    help: "Values rounded to a number of decimals.\n\nExample: round(web.*.load, 1)",
    run: round_values,
    ..OF_SERIES
};

pub const SCALE: Function = Function {
    signature: "(seriesList, factor)",
    params: &[SERIES, FACTOR],
    help: "Multiplies each value by a constant.\n\nExample: scale(web.*.load, 100)",
    run: |call| {
        let factor = call.arguments.float(1)?;
        map_each(call, "scale", &float(factor), &format!(",{}", general(factor)), |value| value * factor)
    },
    ..OF_SERIES
};

pub const SCALE_TO_SECONDS: Function = Function {
    signature: "(seriesList, seconds)",
    params: &[SERIES, required("seconds", Kind::Float)],
    help: "Values counted for each step turned into values for this many seconds, whatever the step is.\n\n\
           Example: scaleToSeconds(web.*.requests, 1)",
    run: scale_to_seconds,
    ..OF_SERIES
};

pub const SIGMOID: Function = Function {
    help: "1 / (1 + exp(-x)) of each value, which is between 0 and 1.\n\nExample: sigmoid(web.*.score)",
    run: |call| map_each(call, "sigmoid", "sigmoid", "", |value| 1.0 / (1.0 + (-value).exp())),
    ..OF_SERIES
};

pub const SQUARE_ROOT: Function = Function {
    help: "The square root of each value; nothing for negative ones.\n\nExample: squareRoot(web.*.area)",
    run: |call| map_each(call, "squareRoot", "1", "", |value| power(value, 0.5)),
    ..OF_SERIES
};

pub const TRANSFORM_NULL: Function = Function {
    signature: "(seriesList, default=0, referenceSeries=None)",
    params: &[
        SERIES,
        optional("default", Kind::Float).default(Constant::Int(0)),
        optional("referenceSeries", Kind::SeriesList),
    ],
    help: "Puts a number where there is no value; with a reference, only where one of its series has a value.\n\n\
           Example: transformNull(web.*.errors, 0)",
    run: transform_null,
    ..OF_SERIES
};

/// `function(name<arguments>)`, a tag, and a change of each known value.
fn map_each(
    call: &mut Invocation<'_, '_>,
    function: &'static str,
    tag: &str,
    arguments: &str,
    mut change: impl FnMut(f64) -> f64,
) -> Answer {
    let mut list = call.series()?;
    for series in &mut list {
        series.tags.set(function, tag);
        series.rename(format!("{function}({}{arguments})", series.name));
        series.map_known(&mut change);
    }
    Ok(Value::Series(list))
}

/// A new series for each, after its tag has been set.
pub fn derive_each(
    call: &mut Invocation<'_, '_>,
    function: &'static str,
    tag: std::sync::Arc<str>,
    mut derive: impl FnMut(&Series) -> Result<Series, EvaluationError>,
) -> Answer {
    let mut results = Vec::new();
    for mut series in call.series()? {
        call.evaluator.check()?;
        series.tags.set(function, tag.clone());
        results.push(derive(&series)?);
    }
    Ok(Value::Series(results))
}

/// Each value with the one before it, nothing before the first.
fn pairs(values: &[f64], mut change: impl FnMut(f64, f64) -> f64) -> Vec<f64> {
    let mut last = NULL;
    values.iter().map(|value| change(std::mem::replace(&mut last, *value), *value)).collect()
}

/// The range of a counter.
struct Bounds {
    most: Option<f64>,
    least: Option<f64>,
}

impl Bounds {
    fn of(call: &Invocation<'_, '_>) -> Result<Bounds, EvaluationError> {
        Ok(Bounds { most: call.arguments.optional_float(1)?, least: call.arguments.optional_float(2)? })
    }

    fn deltas(&self, values: &[f64], change: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut last = NULL;
        let mut deltas = Vec::with_capacity(values.len());
        for value in values {
            let (delta, next) = self.delta(*value, last);
            deltas.push(if is_null(delta) { NULL } else { change(delta) });
            last = next;
        }
        deltas
    }

    /// The increase, and what counts as the value before the next. (The original fails on gaps when a bound is
    /// given; here a gap is a gap.)
    fn delta(&self, value: f64, last: f64) -> (f64, f64) {
        if self.most.is_some_and(|most| value > most) || self.least.is_some_and(|least| value < least) {
            return (NULL, NULL);
        }
        if is_null(last) || is_null(value) {
            return (NULL, value);
        }
        if value >= last {
            return (value - last, value);
        }
        let wrapped = match (self.most, self.least) {
            (Some(most), least) => most + 1.0 + value - last - least.unwrap_or(0.0),
            (None, Some(least)) => value - least,
            (None, None) => NULL,
        };
        (wrapped, value)
    }
}

fn delay(call: &mut Invocation<'_, '_>) -> Answer {
    let steps = call.arguments.int(1)?;
    derive_each(call, "delay", steps.to_string().into(), |series| {
        let length = series.values.len();
        let moved = usize::try_from(steps.unsigned_abs()).unwrap_or(usize::MAX).min(length);
        let gap = std::iter::repeat_n(NULL, moved);
        let values: Vec<f64> = match steps {
            ..0 => series.values[moved..].iter().copied().chain(gap).collect(),
            // Python's `series[:-0]` is nothing.
            0 => Vec::new(),
            1.. => gap.chain(series.values[..length - moved].iter().copied()).collect(),
        };
        Ok(series.derived(format!("delay({},{steps})", series.name), values).with_numbers(series.numbers))
    })
}

fn integral_by_interval(call: &mut Invocation<'_, '_>) -> Answer {
    let unit = call.arguments.text(1)?;
    let interval = super::arguments::interval_or_failed(&unit)?.abs();
    if interval == 0 {
        return Err(EvaluationError::failed("integer division or modulo by zero"));
    }
    let from = call.wall_clock_seconds(call.context.window.from);
    derive_each(call, "integralByInterval", unit.as_str().into(), |series| {
        let step = series.step.seconds();
        let mut total = 0.0;
        let mut time = series.start.0 - from;
        let mut values = Vec::with_capacity(series.values.len());
        for value in series.values.iter() {
            if time.div_euclid(interval) != (time - step).div_euclid(interval) {
                total = 0.0;
            }
            if !is_null(*value) {
                total += value;
            }
            values.push(total);
            time += step;
        }
        Ok(series.derived(format!("integralByInterval({},'{unit}')", series.name), values))
    })
}

/// The longest gap to fill; infinite is every one.
fn gap_limit(call: &Invocation<'_, '_>) -> Result<usize, EvaluationError> {
    match call.arguments.get(1) {
        // As many as are not more; infinity is no limit, and what is less than nothing fills nothing.
        Value::Float(limit) => Ok(limit as usize),
        _ => Ok(usize::try_from(call.arguments.int(1)?).unwrap_or(0)),
    }
}

fn keep_last_value(call: &mut Invocation<'_, '_>) -> Answer {
    let limit = gap_limit(call)?;
    let mut list = call.series()?;
    for series in &mut list {
        series.rename(format!("keepLastValue({})", series.name));
        let values = series.values_mut();
        fill_gaps(values, limit, true, |before, _, gap| gap.fill(before));
    }
    Ok(Value::Series(list))
}

fn interpolate(call: &mut Invocation<'_, '_>) -> Answer {
    let limit = gap_limit(call)?;
    let mut list = call.series()?;
    for series in &mut list {
        series.rename(format!("interpolate({})", series.name));
        let values = series.values_mut();
        fill_gaps(values, limit, false, |before, after, gap| {
            let parts = (gap.len() + 1) as f64;
            for (index, value) in gap.iter_mut().enumerate() {
                *value = before + (index + 1) as f64 * (after - before) / parts;
            }
        });
        series.numbers = Numbers::Floats;
    }
    Ok(Value::Series(list))
}

/// Calls `fill` with the values around each gap that has a value before it (and, unless `at_end`, after it)
/// and is not longer than the limit.
fn fill_gaps(values: &mut [f64], limit: usize, at_end: bool, fill: impl Fn(f64, f64, &mut [f64])) {
    let mut before: Option<usize> = None;
    for index in 0..=values.len() {
        let value = values.get(index).copied().unwrap_or(NULL);
        if is_null(value) && index < values.len() {
            continue;
        }
        if let Some(known) = before
            && index - known > 1
            && index - known - 1 <= limit
            && (index < values.len() || at_end)
        {
            let last = values[known];
            fill(last, value, &mut values[known + 1..index]);
        }
        before = Some(index);
    }
}

fn logarithm(call: &mut Invocation<'_, '_>) -> Answer {
    let base = call.arguments.get(1);
    let number = call.arguments.float(1)?;
    let text = base.text();
    derive_each(call, "log", base.tag(), |series| {
        let has_values = series.values.iter().any(|value| !is_null(*value) && *value > 0.0);
        if has_values && (number <= 0.0 || number == 1.0) {
            return Err(EvaluationError::failed("the base of a logarithm must be above 0 and not 1"));
        }
        let log = |value: &f64| {
            if is_null(*value) || *value <= 0.0 { NULL } else { value.ln() / number.ln() }
        };
        let values = series.values.iter().map(log).collect();
        Ok(series.derived(format!("log({}, {text})", series.name), values))
    })
}

fn min_max(call: &mut Invocation<'_, '_>) -> Answer {
    let mut list = call.series()?;
    for series in &mut list {
        series.rename(format!("minMax({})", series.name));
        let (least, most) = (reduce(series, Aggregator::Min)?, reduce(series, Aggregator::Max)?);
        let range = most - least;
        series.map_known(|value| if range == 0.0 { 0.0 } else { (value - least) / range });
    }
    Ok(Value::Series(list))
}

fn offset_to_zero(call: &mut Invocation<'_, '_>) -> Answer {
    let mut list = call.series()?;
    for series in &mut list {
        let least = reduce(series, Aggregator::Min)?;
        series.tags.set("offsetToZero", point_text(least, series.numbers));
        series.rename(format!("offsetToZero({})", series.name));
        series.map_known(|value| value - least);
    }
    Ok(Value::Series(list))
}

fn round_values(call: &mut Invocation<'_, '_>) -> Answer {
    let given = call.arguments.is_given(1);
    let precision = call.arguments.int(1)?;
    let digits = precision.clamp(-400, 400) as i32;
    let mut list = call.series()?;
    for series in &mut list {
        series.tags.set("round", precision.to_string());
        let shown = if given { format!(",{}", general(precision as f64)) } else { String::new() };
        series.rename(format!("round({}{shown})", series.name));
        series.map_known(|value| round(value, digits));
    }
    Ok(Value::Series(list))
}

fn scale_to_seconds(call: &mut Invocation<'_, '_>) -> Answer {
    let seconds = call.arguments.float(1)?;
    let text = decimal(seconds).ok_or_else(|| EvaluationError::failed("cannot convert to integer"))?;
    let mut list = call.series()?;
    for series in &mut list {
        series.tags.set("scaleToSeconds", float(seconds));
        series.rename(format!("scaleToSeconds({},{text})", series.name));
        let factor = seconds / series.step.seconds() as f64;
        series.map_known(|value| round(value * factor, 6));
    }
    Ok(Value::Series(list))
}

fn transform_null(call: &mut Invocation<'_, '_>) -> Answer {
    let default = call.arguments.get(1);
    let number = call.arguments.float(1)?;
    let reference = call.arguments.optional_series(2)?;
    let known = known_anywhere(&reference)?;
    let mut list = call.series()?;
    for series in &mut list {
        series.tags.set("transformNull", default.tag());
        let mut shown_reference = "";
        let length = series.values.len();
        if let Some(known) = &known {
            series.tags.set("referenceSeries", "1");
            shown_reference = ",referenceSeries";
            series.values_mut().resize(length.max(known.len()), NULL);
        }
        series.rename(format!("transformNull({},{}{shown_reference})", series.name, general(number)));
        let mut index = 0;
        series.map_points(|value| {
            let fill = known.as_ref().is_none_or(|known| known.get(index).copied().unwrap_or(false));
            index += 1;
            if is_null(value) && fill { number } else { value }
        });
        // Of a longer reference the original keeps the end.
        let surplus = series.values.len() - length;
        series.values_mut().drain(..surplus);
        let integers = series.numbers == Numbers::Integers && matches!(default, Value::Int(_));
        series.numbers = if integers { Numbers::Integers } else { Numbers::Floats };
    }
    Ok(Value::Series(list))
}

/// Where any of the series has a value; `None` without series.
fn known_anywhere(list: &[Series]) -> Result<Option<Vec<bool>>, EvaluationError> {
    if list.is_empty() {
        return Ok(None);
    }
    let mut known = Vec::new();
    for series in list {
        let points = series.points()?;
        known.resize(known.len().max(points.len()), false);
        known.iter_mut().zip(points.iter()).for_each(|(known, value)| *known |= !is_null(*value));
    }
    Ok(Some(known))
}

fn compress_periodic_gaps(call: &mut Invocation<'_, '_>) -> Answer {
    let mut results = Vec::new();
    for mut series in call.series()? {
        series.rename(format!("compressPeriodicGaps({})", series.name));
        results.push(match guessed_interval(&series) {
            None => series,
            Some((first, points)) => compressed(call, &series, first, points)?,
        });
    }
    Ok(Value::Series(results))
}

/// Where the first value is and how many points it is to the next, if the third comes just as far behind.
/// Values of 0 are passed over, and a value in the first slot is not taken for the first, as in the original.
fn guessed_interval(series: &Series) -> Option<(usize, usize)> {
    let is_value = |value: &f64| !is_null(*value) && *value != 0.0;
    let (mut first, mut second) = (0, 0);
    for (index, _) in series.values.iter().enumerate().filter(|(_, value)| is_value(value)) {
        if first > 0 {
            second = index;
            break;
        }
        first = index;
    }
    let points = second.checked_sub(first).filter(|points| *points > 1)?;
    let third = second + points;
    let at = |index: usize| series.values.get(index).copied().unwrap_or(NULL);
    let fits = third + 2 <= series.values.len() && is_value(&at(third));
    (fits && is_null(at(third - 1)) && is_null(at(third + 1))).then_some((first, points))
}

fn compressed(
    call: &mut Invocation<'_, '_>,
    series: &Series,
    first: usize,
    points: usize,
) -> Result<Series, EvaluationError> {
    let interval = points as i64 * series.step.seconds();
    let start = series.start.plus(first as i64 * series.step.seconds());
    let (values, _) = summarized_values(call, series, Aggregator::Last, interval, start, series.end)?;
    let end = start.plus(interval * (values.len() as i64 - 1));
    let mut compressed = series.derived(series.name.clone(), values);
    compressed.step = super::summarize::step_of(interval)?;
    (compressed.start, compressed.end) = (start, end);
    compressed.path_expression = series.path_expression.clone();
    Ok(compressed)
}
