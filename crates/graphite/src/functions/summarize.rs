//! Points gathered into longer intervals.

use jiff::civil::DateTime;
use vocabulary::{Step, Timestamp};

use super::aggregation::Aggregator;
use super::lists::aggregator;
use super::table::{Constant, Function, Group, Kind, Param, SERIES, optional, required};
use crate::attime::{self, Unit};
use crate::error::EvaluationError;
use crate::evaluate::{Invocation, Window};
use crate::series::{NULL, Series, is_null};
use crate::value::Value;

type Answer = Result<Value, EvaluationError>;

const INTERVAL: Param = required("intervalString", Kind::Interval).suggestions(&[
    Constant::Text("10min"),
    Constant::Text("1h"),
    Constant::Text("1d"),
]);
const FUNC: Param = optional("func", Kind::AggFunc).default(Constant::Text("sum"));

pub const SUMMARIZE: Function = Function {
    signature: "(seriesList, intervalString, func='sum', alignToFrom=False)",
    group: Group::Transform,
    params: &[SERIES, INTERVAL, FUNC, optional("alignToFrom", Kind::Boolean).default(Constant::Bool(false))],
    help: "One point for each interval, made of its points by `func` (sum by default). Intervals lie on multiples \
           of their length since 1970 (UTC), or, with `alignToFrom`, start with the range.\n\n\
           Example: summarize(web.*.errors, \"1h\", \"sum\")",
    aggregator: false,
    run: summarize,
};

pub const SMART_SUMMARIZE: Function = Function {
    signature: "(seriesList, intervalString, func='sum', alignTo=None)",
    group: Group::Transform,
    params: &[
        SERIES,
        INTERVAL,
        FUNC,
        optional("alignTo", Kind::String).options(&[
            Constant::Bool(false),
            Constant::None,
            Constant::Bool(true),
            Constant::Text("days"),
            Constant::Text("hours"),
            Constant::Text("minutes"),
            Constant::Text("months"),
            Constant::Text("seconds"),
            Constant::Text("weeks"),
            Constant::Text("years"),
        ]),
    ],
    help: "Like summarize() with intervals that start with the range, or, with `alignTo`, with the calendar unit \
           (in the time zone of the request) that the range starts in; \"weeks1\" to \"weeks7\" name the first day \
           of the week.\n\nExample: smartSummarize(web.*.sales, \"1d\", \"sum\", \"days\")",
    aggregator: false,
    run: smart_summarize,
};

pub const HITCOUNT: Function = Function {
    signature: "(seriesList, intervalString, alignToInterval=False)",
    group: Group::Transform,
    params: &[SERIES, INTERVAL, optional("alignToInterval", Kind::Boolean).default(Constant::Bool(false))],
    help: "How often something happened in each interval, from rates for each second: values times seconds. \
           Intervals end with the range, or, with `alignToInterval`, start with the day, hour or minute.\n\n\
           Example: hitcount(perSecond(web.*.requests_total), \"1h\")",
    aggregator: false,
    run: hitcount,
};

fn summarize(call: &mut Invocation<'_, '_>) -> Answer {
    let (text, func, align) = (call.arguments.text(1)?, call.arguments.get(2).text(), call.arguments.flag(3));
    let interval = positive(call.arguments.interval(1)?)?;
    let list = call.series()?;
    if list.is_empty() {
        return Ok(Value::nothing());
    }
    let aggregator = aggregator(&func)?;
    let mut results = Vec::with_capacity(list.len());
    for mut series in list {
        let floor = |time: Timestamp| time.minus(time.0.rem_euclid(interval));
        let (start, mut end) = match align {
            true => (series.start, series.end),
            false => (floor(series.start), floor(series.end).plus(interval)),
        };
        let (values, aligned_end) = summarized_values(call, &series, aggregator, interval, start, end)?;
        if align {
            end = aligned_end;
        }
        series.tags.set("summarize", text.as_str());
        series.tags.set("summarizeFunction", func.as_str());
        let aligned = if align { ", true" } else { "" };
        let name = format!("summarize({}, \"{text}\", \"{func}\"{aligned})", series.name);
        let summary = series.derived(name, values).with_numbers(aggregator.numbers(series.numbers));
        results.push(Series { start, end, step: step_of(interval)?, ..summary });
    }
    Ok(Value::Series(results))
}

fn smart_summarize(call: &mut Invocation<'_, '_>) -> Answer {
    let (text, func) = (call.arguments.text(1)?, call.arguments.get(2).text());
    let align = match call.arguments.get(3) {
        Value::None | Value::Bool(_) => None,
        align => Some(align.text()),
    };
    let list = match align {
        None => call.series()?,
        Some(align) => {
            let window = call.context.window;
            let from = aligned(call, &align, window.from)?;
            call.first_again(Window { from, ..window })?
        }
    };
    let interval = positive(call.arguments.interval(1)?)?;
    if list.is_empty() {
        return Ok(Value::nothing());
    }
    let aggregator = aggregator(&func)?;
    let mut results = Vec::with_capacity(list.len());
    for mut series in list {
        let (values, end) = summarized_values(call, &series, aggregator, interval, series.start, series.end)?;
        series.tags.set("smartSummarize", text.as_str());
        series.tags.set("smartSummarizeFunction", func.as_str());
        let name = format!("smartSummarize({}, \"{text}\", \"{func}\")", series.name);
        let summary = series.derived(name, values).with_numbers(aggregator.numbers(series.numbers));
        results.push(Series { end, step: step_of(interval)?, ..summary });
    }
    Ok(Value::Series(results))
}

/// The beginning of the calendar unit in which the moment lies.
fn aligned(call: &Invocation<'_, '_>, align: &str, moment: Timestamp) -> Result<Timestamp, EvaluationError> {
    let failed = |error: attime::TimeError| EvaluationError::failed(error.to_string());
    let unit = Unit::of(align).map_err(failed)?;
    let shown = attime::civil(moment, &call.question().zone);
    let date = shown.date();
    let midnight = |date: jiff::civil::Date| date.at(0, 0, 0, 0);
    let aligned = match unit {
        Unit::Years => midnight(date.first_of_year()),
        Unit::Months => midnight(date.first_of_month()),
        Unit::Weeks => midnight(date),
        Unit::Days => midnight(date),
        Unit::Hours => date.at(shown.hour(), 0, 0, 0),
        Unit::Minutes => date.at(shown.hour(), shown.minute(), 0, 0),
        Unit::Seconds => shown,
    };
    let mut start = moment.minus(seconds_between(aligned, shown));
    if unit == Unit::Weeks {
        let first = week_start(align)?;
        let days = (i64::from(date.weekday().to_monday_one_offset()) - first).rem_euclid(7);
        start = start.minus(days * 86_400);
    }
    Ok(start)
}

/// 1 is Monday; a digit at the end names another day.
fn week_start(align: &str) -> Result<i64, EvaluationError> {
    match align.chars().next_back() {
        Some(last) if last.is_alphabetic() => Ok(1),
        Some(last) => last.to_digit(10).map(i64::from).ok_or_else(|| {
            EvaluationError::failed(format!("invalid literal for int() with base 10: '{last}'"))
        }),
        None => Ok(1),
    }
}

/// On the same clock: the original does not look for changes of the clock in between.
fn seconds_between(from: DateTime, to: DateTime) -> i64 {
    to.duration_since(from).as_secs()
}

fn positive(interval: i64) -> Result<i64, EvaluationError> {
    if interval > 0 { Ok(interval) } else { Err(EvaluationError::failed("the interval must be positive")) }
}

pub fn step_of(seconds: i64) -> Result<Step, EvaluationError> {
    let step = u32::try_from(seconds).ok().and_then(Step::new);
    step.ok_or_else(|| EvaluationError::input("the interval is too long"))
}

/// One value for each interval from start to end, with the end of the last. The points of an interval are
/// those of its slots, and of the slot that it starts in the middle of.
pub fn summarized_values(
    call: &mut Invocation<'_, '_>,
    series: &Series,
    aggregator: Aggregator,
    interval: i64,
    start: Timestamp,
    end: Timestamp,
) -> Result<(Vec<f64>, Timestamp), EvaluationError> {
    let points = series.points()?;
    let step = series.step.seconds();
    let slots = (end.since(start).max(0) + interval - 1) / interval;
    call.evaluator.make_room(slots as usize)?;
    let in_range = (series.end.since(series.start).max(0) + step - 1) / step;
    let count = points.len().min(in_range as usize);
    let mut values = Vec::with_capacity(slots as usize);
    let mut next = 0;
    let mut from = start;
    while from < end {
        let until = from.plus(interval);
        let mut first = next;
        let mut known = 0_usize;
        while next < count {
            let time = series.start.plus(next as i64 * step);
            if time >= until {
                break;
            }
            if time <= from {
                first = next;
            }
            known += usize::from(time >= from && !is_null(points[next]));
            next += 1;
        }
        let share = known as f64 / (interval as f64 / step as f64);
        let fine = known > 0 && share >= series.x_files_factor;
        values.push(if fine { aggregator.of(&points[first..next]) } else { NULL });
        from = until;
    }
    Ok((values, from))
}

fn hitcount(call: &mut Invocation<'_, '_>) -> Answer {
    let (text, align) = (call.arguments.text(1)?, call.arguments.flag(2));
    let interval = positive(call.arguments.interval(1)?)?;
    let mut list = if align { aligned_for_hits(call, interval)? } else { call.series()? };
    let mut results = Vec::with_capacity(list.len());
    for series in &mut list {
        let buckets = (series.end.since(series.start) + interval - 1).div_euclid(interval).max(0);
        call.evaluator.make_room(buckets as usize)?;
        let start = series.end.minus(buckets * interval);
        let values = hits(series, start, interval, buckets as usize)?;
        series.tags.set("hitcount", text.as_str());
        let aligned = if align { ", true" } else { "" };
        let name = format!("hitcount({}, \"{text}\"{aligned})", series.name);
        results.push(Series { start, step: step_of(interval)?, ..series.derived(name, values) });
    }
    Ok(Value::Series(results))
}

/// From the beginning of the day, hour or minute on, to the end of the interval behind the last whole one.
fn aligned_for_hits(call: &mut Invocation<'_, '_>, interval: i64) -> Result<Vec<Series>, EvaluationError> {
    let window = call.context.window;
    let unit = match interval {
        86_400.. => "days",
        3_600.. => "hours",
        60.. => "minutes",
        _ => "seconds",
    };
    let from = aligned(call, unit, window.from)?;
    let mut list = call.first_again(Window { from, ..window })?;
    for series in &mut list {
        let whole = series.end.since(series.start).div_euclid(interval);
        series.end = series.start.plus((whole + 1) * interval);
    }
    Ok(list)
}

/// Each value counts for the seconds of its slot, split between buckets where the slot spans several.
fn hits(
    series: &Series,
    start: Timestamp,
    interval: i64,
    buckets: usize,
) -> Result<Vec<f64>, EvaluationError> {
    let step = series.step.seconds();
    let mut sums = vec![NULL; buckets];
    let mut add = |bucket: i64, hits: f64| {
        let sum = usize::try_from(bucket).ok().and_then(|bucket| sums.get_mut(bucket));
        if let Some(sum) = sum {
            *sum = if is_null(*sum) { hits } else { *sum + hits };
        }
    };
    for (index, value) in series.points()?.iter().enumerate().filter(|(_, value)| !is_null(**value)) {
        let from = series.start.plus(index as i64 * step).since(start);
        let (first, first_rest) = (from.div_euclid(interval), from.rem_euclid(interval));
        let until = from + step;
        let (mut last, mut last_rest) = (until.div_euclid(interval), until.rem_euclid(interval));
        if last >= buckets as i64 {
            (last, last_rest) = (buckets as i64 - 1, interval);
        }
        if first == last {
            add(first, value * (last_rest - first_rest) as f64);
            continue;
        }
        add(first, value * (interval - first_rest) as f64);
        for bucket in first + 1..last {
            add(bucket, value * interval as f64);
        }
        if last_rest > 0 {
            add(last, value * last_rest as f64);
        }
    }
    Ok(sums)
}
