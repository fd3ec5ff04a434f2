//! Ours, since Graphite's users keep asking for them: what the original has no function for.

use std::cmp::Ordering;
use std::collections::HashMap;

use vocabulary::Timestamp;

use super::aggregation::Aggregator;
use super::lists::{self, divided, key_of, normalize, path_expressions};
use super::table::{Constant, Function, Group, Kind, Param, SERIES, WINDOWS, optional, required};
use crate::attime;
use crate::error::EvaluationError;
use crate::evaluate::{Invocation, Window};
use crate::python::quoted;
use crate::series::{NULL, Series, is_null};
use crate::value::Value;

type Answer = Result<Value, EvaluationError>;

const OWN: Function = Function {
    signature: "",
    group: Group::Special,
    params: &[],
    help: "",
    aggregator: false,
    run: |_| Ok(Value::nothing()),
};

const NODES: Param = required("nodes", Kind::NodeOrTag).multiple();

pub const TOP_K: Function = Function {
    signature: "(seriesList, k)",
    group: Group::FilterSeries,
    params: &[SERIES, required("k", Kind::Integer)],
    help: "At each point in time, only the k greatest values; a series that is never among them is left out, and \
           what was among them for longest comes first. For the k greatest over the whole time, see highest().\n\n\
           Example: topK(web.*.load, 3)",
    run: top_k,
    ..OWN
};

pub const COUNTER_RATE: Function = Function {
    signature: "(seriesList, window=None)",
    group: Group::Transform,
    params: &[SERIES, optional("window", Kind::Interval).suggestions(WINDOWS)],
    help: "The increase of a counter in a second, between the known points: with a window, from the last one before \
           it to the last one in it; without, from the one before. Where the value falls, the counter began anew \
           from 0, so what it shows then is its increase. A gap counts with the time that it took: the increase \
           over it, by its length. Nothing is guessed beyond known points: with fewer than two of them there is no \
           value. See perSecond() for a counter that wraps at a known value.\n\n\
           Example: counterRate(web.*.requests_total, \"5min\")",
    run: counter_rate,
    ..OWN
};

pub const JOIN_BY_NODE: Function = Function {
    signature: "(seriesList, otherSeriesList, func, *nodes)",
    group: Group::Combine,
    params: &[
        SERIES,
        required("otherSeriesList", Kind::SeriesList),
        required("func", Kind::String).options(&[
            Constant::Text("diff"),
            Constant::Text("divide"),
            Constant::Text("max"),
            Constant::Text("min"),
            Constant::Text("multiply"),
            Constant::Text("percent"),
            Constant::Text("sum"),
        ]),
        NODES,
    ],
    help: "Each series together with the one of the other list that has the same nodes (counted from 0) or tags: \
           their quotient (divide), percentage, diff, sum, product (multiply), min or max. Of several in the other \
           list with the same nodes, the sum is taken; a series without a partner is left out.\n\n\
           Example: joinByNode(web.*.errors, web.*.requests, \"percent\", 1)",
    run: join_by_node,
    ..OWN
};

pub const SERIES_BY_REGEX: Function = Function {
    signature: "(pattern)",
    group: Group::Special,
    params: &[required("pattern", Kind::String)],
    help: "The series in whose names the regular expression is found, wherever it is unless it begins with ^. Dots \
           are any character unless written as \\. and nodes do not matter; tags are not part of the name.\n\n\
           Example: seriesByRegex(\"^web\\d+\\..*\\.requests$\")",
    // Its series are read where paths are.
    run: |_| Err(EvaluationError::failed("seriesByRegex takes one regular expression in quotes")),
    ..OWN
};

fn top_k(call: &mut Invocation<'_, '_>) -> Answer {
    let k = usize::try_from(call.arguments.int(1)?).unwrap_or(0);
    if k == 0 {
        return Err(EvaluationError::input("topK: k must be at least 1"));
    }
    let mut list = call.series()?;
    let Some(span) = normalize(&mut list)? else { return Ok(Value::nothing()) };
    // Points by time, since series need not begin together.
    let count = (span.end.since(span.start) / span.step.seconds()).max(0) as usize;
    let mut rows = Vec::with_capacity(list.len());
    for series in &list {
        call.evaluator.make_room(count)?;
        let mut row = vec![NULL; count];
        let first = (series.start.since(span.start) / span.step.seconds()) as usize;
        for (place, value) in row.iter_mut().skip(first).zip(series.points()?.iter()) {
            *place = *value;
        }
        rows.push(row);
    }
    let mut among: Vec<usize> = vec![0; rows.len()];
    let mut order: Vec<usize> = Vec::with_capacity(rows.len());
    for slot in 0..count {
        order.clear();
        order.extend((0..rows.len()).filter(|row| !is_null(rows[*row][slot])));
        // Of equal ones the first, so that lines do not flicker.
        let greater = |a: &usize, b: &usize| rows[*b][slot].total_cmp(&rows[*a][slot]).then(a.cmp(b));
        if order.len() > k {
            order.select_nth_unstable_by(k, greater);
            order.drain(k..).for_each(|row| rows[row][slot] = NULL);
        }
        order.iter().for_each(|row| among[*row] += 1);
    }
    let mut results = Vec::new();
    for ((series, values), among) in list.into_iter().zip(rows).zip(among) {
        if among > 0 {
            let mut top = series.derived(series.name.clone(), values);
            (top.start, top.end, top.step) = (span.start, span.end, span.step);
            top.path_expression = series.path_expression.clone();
            results.push((among, top));
        }
    }
    results.sort_by(|(a, _), (b, _)| b.cmp(a));
    Ok(Value::Series(results.into_iter().map(|(_, series)| series).collect()))
}

/// Points that a rate without a window looks back for the one before its first.
const LOOK_BACK_POINTS: i64 = 10;

fn counter_rate(call: &mut Invocation<'_, '_>) -> Answer {
    let text = call.arguments.optional_text(1)?;
    let length = match &text {
        None => None,
        Some(text) => {
            let seconds = attime::parse_offset(text).ok().filter(|seconds| *seconds > 0);
            let wrong = || EvaluationError::input(format!("{} is not a length of time", quoted(text)));
            Some(seconds.ok_or_else(wrong)?)
        }
    };
    let list = call.series()?;
    let Some(step) = list.iter().map(|series| series.step.seconds()).max() else {
        return Ok(Value::nothing());
    };
    let window = call.context.window;
    let before = length.map_or(step * LOOK_BACK_POINTS, |length| length.saturating_mul(2));
    let mut results = Vec::new();
    for mut series in call.first_again(window.starting_earlier(before))? {
        call.evaluator.check()?;
        let shown = text.as_ref().map_or(String::new(), |text| format!(",\"{text}\""));
        let name = format!("counterRate({}{shown})", series.name);
        series.tags.set("counterRate", text.clone().unwrap_or_else(|| "1".into()));
        let mut values = rates(&series, length);
        let gone = points_before(&series, window).min(values.len());
        values.drain(..gone);
        let mut rate = series.derived(name, values);
        rate.start = series.start.plus(gone as i64 * series.step.seconds());
        results.push(rate);
    }
    Ok(Value::Series(results))
}

/// Points that were fetched only for those within the window.
fn points_before(series: &Series, window: Window) -> usize {
    let beyond = window.from.since(series.start);
    if beyond < 0 { 0 } else { (beyond / series.step.seconds()) as usize + 1 }
}

/// A known point of a counter.
struct Known {
    time: Timestamp,
    /// All increases since the first known point.
    total: f64,
}

fn rates(series: &Series, length: Option<i64>) -> Vec<f64> {
    let mut known: Vec<Known> = Vec::new();
    let mut last = NULL;
    // The first known point that still counts for the window, as a place in `known`.
    let mut first = 0;
    let mut time = series.start;
    let mut rates = Vec::with_capacity(series.values.len());
    for value in series.values.iter().copied() {
        if !is_null(value) {
            let total = known.last().map_or(0.0, |before| before.total + increase(last, value));
            known.push(Known { time, total });
            last = value;
        }
        let here = known.last().filter(|here| length.is_some() || here.time == time);
        let begin = match length {
            None => known.len().checked_sub(2),
            Some(length) => {
                // The last one at or before the beginning of the window, unless it is a window away from it.
                while known.get(first + 1).is_some_and(|next| next.time <= time.minus(length)) {
                    first += 1;
                }
                let far = time.minus(length.saturating_mul(2));
                while known.get(first).is_some_and(|one| one.time <= far) {
                    first += 1;
                }
                Some(first)
            }
        };
        let begin = begin.and_then(|begin| known.get(begin));
        let in_window = |here: &Known| length.is_none_or(|length| here.time > time.minus(length));
        rates.push(match (begin, here.filter(|here| in_window(here))) {
            (Some(begin), Some(here)) if here.time > begin.time => {
                (here.total - begin.total) / here.time.since(begin.time) as f64
            }
            _ => NULL,
        });
        time = time.plus(series.step.seconds());
    }
    rates
}

/// A counter that falls began anew.
fn increase(last: f64, value: f64) -> f64 {
    if value >= last { value - last } else { value }
}

#[derive(Clone, Copy)]
enum Join {
    Divide,
    Percent,
    With(Aggregator),
}

impl Join {
    fn named(name: &str) -> Option<Join> {
        Some(match name {
            "divide" => Join::Divide,
            "percent" => Join::Percent,
            "diff" => Join::With(Aggregator::Diff),
            "sum" => Join::With(Aggregator::Sum),
            "multiply" => Join::With(Aggregator::Multiply),
            "min" => Join::With(Aggregator::Min),
            "max" => Join::With(Aggregator::Max),
            _ => return None,
        })
    }

    /// Of two values that must both be known.
    fn of(self, one: f64, other: f64) -> f64 {
        if is_null(one) || is_null(other) {
            return NULL;
        }
        match self {
            Join::Divide => divided(one, other),
            Join::Percent if is_null(divided(one, other)) => NULL,
            Join::Percent => divided(one, other) * 100.0,
            Join::With(aggregator) => aggregator.of(&[one, other]),
        }
    }
}

fn join_by_node(call: &mut Invocation<'_, '_>) -> Answer {
    let func = call.arguments.text(2)?;
    let join = Join::named(&func).ok_or_else(|| {
        let what = "func must be one of diff, divide, max, min, multiply, percent, sum";
        EvaluationError::input(format!("joinByNode: {what}, not {}", quoted(&func)))
    })?;
    let nodes = call.arguments.rest().to_vec();
    if nodes.is_empty() {
        return Err(EvaluationError::input("joinByNode: name at least one node or tag to join by"));
    }
    let (list, others) = (call.arguments.series(0)?, call.arguments.series(1)?);
    let others = lists::group_by(others, |series| key_of(series, &nodes))?;
    let others = others.into_iter().map(|(key, group)| Ok((key, total(call, group)?)));
    let others: HashMap<String, Series> = others.collect::<Result<_, EvaluationError>>()?;
    let mut results = Vec::new();
    for series in list {
        call.evaluator.check()?;
        let Some(other) = others.get(&key_of(&series, &nodes)?) else { continue };
        call.evaluator.make_room_for_text(series.name.len() + other.name.len())?;
        results.push(joined(call, join, &func, [series, other.clone()])?);
    }
    Ok(Value::Series(results))
}

/// The sum of several; one is itself.
fn total(call: &Invocation<'_, '_>, mut group: Vec<Series>) -> Result<Series, EvaluationError> {
    if group.len() == 1 {
        return Ok(group.remove(0));
    }
    let name = format!("sumSeries({})", path_expressions(&group));
    let mut tags = group[0].tags.clone();
    group.iter().for_each(|series| tags.keep_common(&series.tags));
    let span = normalize(&mut group)?.unwrap_or(lists::Span::of(&group[0]));
    let points = group.iter().map(Series::points).collect::<Result<Vec<_>, _>>()?;
    let values = Aggregator::Sum.of_columns(&points, 0.0);
    Ok(Series { tags, ..call.new_series(name, span.start, span.end, span.step, values) })
}

fn joined(
    call: &Invocation<'_, '_>,
    join: Join,
    func: &str,
    mut pair: [Series; 2],
) -> Result<Series, EvaluationError> {
    // As if it were a call on the first: names then have its nodes.
    let name = format!("joinByNode({},{},\"{func}\")", pair[0].name, pair[1].name);
    let mut tags = pair[0].tags.clone();
    tags.keep_common(&pair[1].tags);
    if let Some(name) = pair[0].tags.get("name") {
        tags.set("name", name.clone());
    }
    tags.set("joinByNode", func);
    let span = normalize(&mut pair)?.unwrap_or(lists::Span::of(&pair[0]));
    let (one, other) = (pair[0].points()?, pair[1].points()?);
    let values = match pair[0].start.cmp(&pair[1].start) {
        Ordering::Equal => lists::zip_longest(&one, &other).map(|(a, b)| join.of(a, b)).collect(),
        // What does not begin together is joined by time.
        _ => {
            let at = |series: &Series, points: &[f64], time: Timestamp| {
                let slot = time.since(series.start).div_euclid(span.step.seconds());
                usize::try_from(slot).ok().and_then(|slot| points.get(slot)).copied().unwrap_or(NULL)
            };
            let times = (span.start.0..span.end.0).step_by(span.step.seconds() as usize).map(Timestamp);
            times.map(|time| join.of(at(&pair[0], &one, time), at(&pair[1], &other, time))).collect()
        }
    };
    Ok(Series { tags, ..call.new_series(name, span.start, span.end, span.step, values) })
}
