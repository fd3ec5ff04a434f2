//! Several series -> one: sums, means, percentages, quotients.

use std::borrow::Cow;
use std::collections::HashMap;

use super::aggregation::Aggregator;
use super::lists::{self, Span, divided, key_of, node_of, normalize, path_expressions, power, zip_longest};
use super::table::{Constant, Function, Group, Kind, Param, SERIES, SERIES_LISTS, optional, required};
use crate::error::EvaluationError;
use crate::evaluate::Invocation;
use crate::python::general;
use crate::series::{NULL, Numbers, Series, is_null};
use crate::value::Value;

type Answer = Result<Value, EvaluationError>;

const FACTOR: Param = optional("xFilesFactor", Kind::Float);
const FIRST_POSITIONS: Param = required("seriesListFirstPos", Kind::SeriesList);
const SECOND_POSITIONS: Param = required("seriesListSecondPos", Kind::SeriesList);
const POSITIONS: Param = optional("position", Kind::Node).multiple();
const NODES: Param = optional("nodes", Kind::NodeOrTag).multiple();

const AGGREGATES: Function = Function {
    signature: "(*seriesLists)",
    group: Group::Combine,
    params: &[SERIES_LISTS],
    help: "",
    aggregator: true,
    run: |call| aggregate_lists(call, "sum"),
};

const PAIRS: Function = Function {
    signature: "(seriesListFirstPos, seriesListSecondPos)",
    group: Group::Combine,
    params: &[FIRST_POSITIONS, SECOND_POSITIONS],
    help: "",
    aggregator: true,
    run: |call| aggregate_pairs(call, "sum"),
};

const WILDCARDS: Function = Function {
    signature: "(seriesList, *position)",
    group: Group::Combine,
    params: &[SERIES, POSITIONS],
    help: "",
    aggregator: true,
    run: |call| with_wildcards(call, "sum"),
};

pub const AGGREGATE: Function = Function {
    signature: "(seriesList, func, xFilesFactor=None)",
    group: Group::Combine,
    params: &[SERIES, required("func", Kind::AggFunc), FACTOR],
    help: "One series whose points are made from the points of all series at the same time by `func`: average, \
           median, sum, min, max, diff, stddev, count, range, multiply, last or avg_zero. A point needs at least \
           the share `xFilesFactor` of the series to have a value.\n\nExample: aggregate(web.*.requests, \"sum\")",
    aggregator: false,
    run: |call| {
        let func = call.arguments.text(1)?;
        let factor = call.arguments.optional_float(2)?;
        let list = call.arguments.series_or_lists(0)?;
        Ok(one(aggregate(call, list, &func, factor)?))
    },
};

pub const SUM_SERIES: Function = Function {
    help: "The sum of all series, point by point; points without a value are left out. Series of different \
           steps are first averaged to their common step.\n\nExample: sumSeries(web.*.requests)",
    run: |call| aggregate_lists(call, "sum"),
    ..AGGREGATES
};

pub const AVERAGE_SERIES: Function = Function {
    help: "The mean of all series, point by point; points without a value are left out.\n\n\
           Example: averageSeries(web.*.load)",
    run: |call| aggregate_lists(call, "average"),
    ..AGGREGATES
};

pub const STDDEV_SERIES: Function = Function {
    help: "How much the series differ from each other at each point: the standard deviation of their values.\n\n\
           Example: stddevSeries(web.*.load)",
    run: |call| aggregate_lists(call, "stddev"),
    ..AGGREGATES
};

pub const MIN_SERIES: Function = Function {
    help: "The least value of all series at each point.\n\nExample: minSeries(web.*.disk_free)",
    run: |call| aggregate_lists(call, "min"),
    ..AGGREGATES
};

pub const MAX_SERIES: Function = Function {
    help: "The greatest value of all series at each point.\n\nExample: maxSeries(web.*.load)",
    run: |call| aggregate_lists(call, "max"),
    ..AGGREGATES
};

pub const DIFF_SERIES: Function = Function {
    help: "The first series minus all others, point by point. To subtract a constant, use offset().\n\n\
           Example: diffSeries(memory.total, memory.used)",
    run: |call| aggregate_lists(call, "diff"),
    ..AGGREGATES
};

pub const RANGE_OF_SERIES: Function = Function {
    help: "The distance between the least and the greatest value of all series at each point.\n\n\
           Example: rangeOfSeries(web.*.load)",
    run: |call| aggregate_lists(call, "rangeOf"),
    ..AGGREGATES
};

pub const MULTIPLY_SERIES: Function = Function {
    help: "The product of all series, point by point; a point needs a value in each of them. To multiply by a \
           constant, use scale().\n\nExample: multiplySeries(requests.count, requests.mean)",
    run: |call| {
        let mut lists = call.arguments.rest_series()?;
        // One series is given back as it is.
        if lists.len() == 1 && lists[0].len() == 1 {
            return Ok(Value::Series(lists.remove(0)));
        }
        let list = lists.into_iter().flatten().collect();
        Ok(one(aggregate(call, list, "multiply", None)?))
    },
    ..AGGREGATES
};

pub const AGGREGATE_SERIES_LISTS: Function = Function {
    signature: "(seriesListFirstPos, seriesListSecondPos, func, xFilesFactor=None)",
    params: &[FIRST_POSITIONS, SECOND_POSITIONS, required("func", Kind::AggFunc), FACTOR],
    help: "Aggregates the first series of one list with the first of the other, the second with the second, and \
           so on. Both lists must have the same length.\n\n\
           Example: aggregateSeriesLists(web.*.sent, web.*.received, \"sum\")",
    aggregator: false,
    run: |call| {
        let func = call.arguments.text(2)?;
        aggregate_pairs(call, &func)
    },
    ..PAIRS
};

pub const SUM_SERIES_LISTS: Function = Function {
    help: "The sums of the first series of both lists, of the second of both lists, and so on.\n\n\
           Example: sumSeriesLists(web.*.sent, web.*.received)",
    run: |call| aggregate_pairs(call, "sum"),
    ..PAIRS
};

pub const DIFF_SERIES_LISTS: Function = Function {
    help: "The differences of the first series of both lists, of the second of both lists, and so on.\n\n\
           Example: diffSeriesLists(web.*.accepted, web.*.answered)",
    run: |call| aggregate_pairs(call, "diff"),
    ..PAIRS
};

pub const MULTIPLY_SERIES_LISTS: Function = Function {
    help: "The products of the first series of both lists, of the second of both lists, and so on.\n\n\
           Example: multiplySeriesLists(web.*.count, web.*.mean)",
    run: |call| aggregate_pairs(call, "multiply"),
    ..PAIRS
};

pub const AGGREGATE_WITH_WILDCARDS: Function = Function {
    signature: "(seriesList, func, *positions)",
    params: &[SERIES, required("func", Kind::AggFunc), POSITIONS],
    help: "Groups series whose names are equal but for the nodes at the given positions, and aggregates each \
           group with `func`. A result is named by the nodes that are left.\n\n\
           Example: aggregateWithWildcards(web.*.requests.{get,post}, \"sum\", 1)",
    aggregator: false,
    run: |call| {
        let func = call.arguments.text(1)?;
        with_wildcards(call, &func)
    },
    ..WILDCARDS
};

pub const SUM_SERIES_WITH_WILDCARDS: Function = Function {
    help: "Sums series whose names are equal but for the nodes at the given positions.\n\n\
           Example: sumSeriesWithWildcards(web.*.requests.{get,post}, 1)",
    run: |call| with_wildcards(call, "sum"),
    ..WILDCARDS
};

pub const AVERAGE_SERIES_WITH_WILDCARDS: Function = Function {
    help: "Averages series whose names are equal but for the nodes at the given positions.\n\n\
           Example: averageSeriesWithWildcards(web.*.load.{short,long}, 1)",
    run: |call| with_wildcards(call, "average"),
    ..WILDCARDS
};

pub const MULTIPLY_SERIES_WITH_WILDCARDS: Function = Function {
    help: "Multiplies series whose names are equal but for the nodes at the given positions.\n\n\
           Example: multiplySeriesWithWildcards(web.*.{count,mean}, 2)",
    run: |call| with_wildcards(call, "multiply"),
    ..WILDCARDS
};

pub const COUNT_SERIES: Function = Function {
    params: &[optional("seriesLists", Kind::SeriesList).multiple()],
    help: "How many series there are, as a line.\n\nExample: countSeries(web.*.requests)",
    run: count_series,
    ..AGGREGATES
};

pub const GROUP: Function = Function {
    params: &[optional("seriesLists", Kind::SeriesList).multiple()],
    help: "All series of all lists in one list, for functions that take a single one.\n\n\
           Example: highestMax(group(web.*.load, db.*.load), 3)",
    aggregator: false,
    run: |call| Ok(Value::Series(call.arguments.rest_flat()?)),
    ..AGGREGATES
};

pub const PERCENTILE_OF_SERIES: Function = Function {
    signature: "(seriesList, n, interpolate=False)",
    params: &[
        SERIES,
        required("n", Kind::Float),
        optional("interpolate", Kind::Boolean).default(Constant::Bool(false)),
    ],
    help: "The n-th percentile of the values of all series at each point. Mind that percentiles of percentiles \
           or of means say little: for timers use percentileOver().\n\n\
           Example: percentileOfSeries(web.*.load, 95)",
    aggregator: false,
    run: percentile_of_series,
    ..AGGREGATES
};

pub const AS_PERCENT: Function = Function {
    signature: "(seriesList, total=None, *nodes)",
    params: &[SERIES, optional("total", Kind::Any), NODES],
    help: "Each series as a percentage of a total: of the sum of all series, of a constant, of one series, of \
           the series of a second list in order of their names, or, with nodes or tags, of the total of those \
           that have these in common. What has no counterpart is compared with MISSING.\n\n\
           Examples: asPercent(web.*.errors, web.*.requests, 1), asPercent(disk.used, 512)",
    run: as_percent,
    ..AGGREGATES
};

pub const DIVIDE_SERIES: Function = Function {
    signature: "(dividendSeriesList, divisorSeries)",
    params: &[required("dividendSeriesList", Kind::SeriesList), required("divisorSeries", Kind::SeriesList)],
    help: "Each series of the list divided by one series; no value where that is 0. To divide by a constant, use \
           scale().\n\nExample: divideSeries(web.*.errors, web.all.requests)",
    aggregator: false,
    run: divide_series,
    ..AGGREGATES
};

pub const DIVIDE_SERIES_LISTS: Function = Function {
    signature: "(dividendSeriesList, divisorSeriesList)",
    params: &[
        required("dividendSeriesList", Kind::SeriesList),
        required("divisorSeriesList", Kind::SeriesList),
    ],
    help: "The first series of one list divided by the first of the other, the second by the second, and so on. \
           Both lists must have the same length.\n\nExample: divideSeriesLists(web.*.errors, web.*.requests)",
    aggregator: false,
    run: divide_series_lists,
    ..AGGREGATES
};

pub const WEIGHTED_AVERAGE: Function = Function {
    signature: "(seriesListAvg, seriesListWeight, *nodes)",
    params: &[
        required("seriesListAvg", Kind::SeriesList),
        required("seriesListWeight", Kind::SeriesList),
        NODES,
    ],
    help: "The mean of all means, each weighted by the series of the second list that has the same nodes or \
           tags.\n\nExample: weightedAverage(web.*.latency.mean, web.*.latency.count, 1)",
    aggregator: false,
    run: weighted_average,
    ..AGGREGATES
};

pub const POW_SERIES: Function = Function {
    params: &[required("seriesList", Kind::SeriesList).multiple()],
    help: "The first series to the power of the second, that to the power of the third, and so on.\n\n\
           Example: powSeries(base, exponent)",
    run: pow_series,
    ..AGGREGATES
};

fn one(series: Option<Series>) -> Value {
    Value::Series(series.into_iter().collect())
}

fn aggregate_lists(call: &mut Invocation<'_, '_>, func: &str) -> Answer {
    let list = call.arguments.rest_flat()?;
    Ok(one(aggregate(call, list, func, None)?))
}

/// One series of all; none of none. `func` may carry the ending `Series`.
pub fn aggregate(
    call: &Invocation<'_, '_>,
    mut list: Vec<Series>,
    func: &str,
    x_files_factor: Option<f64>,
) -> Result<Option<Series>, EvaluationError> {
    let short = func.strip_suffix("Series").unwrap_or(func);
    let aggregator = Aggregator::named(short)
        .ok_or_else(|| EvaluationError::input(format!("Unsupported aggregation function: {func}")))?;
    let Some(Span { start, end, step }) = normalize(&mut list)? else { return Ok(None) };
    let x_files_factor = x_files_factor.unwrap_or(call.context.x_files_factor);
    let points = list.iter().map(Series::points).collect::<Result<Vec<_>, _>>()?;
    let values = aggregator.of_columns(&points, x_files_factor);
    let name = format!("{short}Series({})", path_expressions(&list));
    let mut tags = list[0].tags.clone();
    for other in &list[1..] {
        tags.keep_common(&other.tags);
    }
    if tags.get("name").is_none() {
        tags.set("name", name.as_str());
    }
    tags.set("aggregatedBy", short);
    let numbers = aggregator.numbers(all_integers(&list));
    let series = call.new_series(name, start, end, step, values);
    Ok(Some(Series { tags, x_files_factor, numbers, ..series }))
}

/// The points of all of them are integers.
fn all_integers(list: &[Series]) -> Numbers {
    let floats = list.iter().any(|series| series.numbers == Numbers::Floats || series.values_per_point > 1);
    if floats { Numbers::Floats } else { Numbers::Integers }
}

fn aggregate_pairs(call: &mut Invocation<'_, '_>, func: &str) -> Answer {
    if call.arguments.differ_in_length(0, 1) {
        let what = "seriesListFirstPos and seriesListSecondPos argument must have equal length";
        return Err(EvaluationError::input(what));
    }
    let (firsts, seconds) = (call.arguments.series(0)?, call.arguments.series(1)?);
    // Only aggregateSeriesLists has more parameters.
    let factor = if call.arguments.parameters() > 3 { call.arguments.optional_float(3)? } else { None };
    let mut results = Vec::with_capacity(firsts.len());
    for (first, second) in firsts.into_iter().zip(seconds) {
        let names = format!("Series({},{})", first.name, second.name);
        if let Some(mut series) = aggregate(call, vec![first, second], func, factor)? {
            let kept = series.name.find("Series(").unwrap_or(0);
            series.name = series.name[..kept].to_owned() + &names;
            results.push(series);
        }
    }
    Ok(Value::Series(results))
}

fn with_wildcards(call: &mut Invocation<'_, '_>, func: &str) -> Answer {
    let list = call.series()?;
    let positions = call.arguments.rest().to_vec();
    let is_wild = |index: usize| positions.iter().any(|position| position.as_float() == Some(index as f64));
    let groups = lists::group_by(list, |series| {
        let nodes = series.name.split('.').enumerate().filter(|(index, _)| !is_wild(*index));
        Ok(nodes.map(|(_, node)| node).collect::<Vec<_>>().join("."))
    })?;
    let mut results = Vec::with_capacity(groups.len());
    for (key, list) in groups {
        if let Some(series) = aggregate(call, list, func, None)? {
            results.push(Series { name: key, ..series });
        }
    }
    Ok(Value::Series(results))
}

fn count_series(call: &mut Invocation<'_, '_>) -> Answer {
    if call.arguments.rest().is_empty() {
        let mut line = super::special::constant_line(call, "0".into(), 0.0)?;
        line.path_expression = "countSeries()".into();
        return Ok(one(Some(line.with_numbers(Numbers::Integers))));
    }
    let mut list = call.arguments.rest_flat()?;
    let Some(Span { start, end, step }) = normalize(&mut list)? else { return Ok(Value::nothing()) };
    let mut length = 0;
    for series in &list {
        length = length.max(series.points()?.len());
    }
    let name = format!("countSeries({})", path_expressions(&list));
    let series = call.new_series(name, start, end, step, vec![list.len() as f64; length]);
    Ok(one(Some(series.with_numbers(Numbers::Integers))))
}

fn percentile_of_series(call: &mut Invocation<'_, '_>) -> Answer {
    let n = call.arguments.float(1)?;
    let interpolate = call.arguments.flag(2);
    if n <= 0.0 {
        return Err(EvaluationError::input("The requested percent is required to be greater than 0"));
    }
    let mut list = call.series()?;
    let Some(Span { start, end, step }) = normalize(&mut list)? else { return Ok(Value::nothing()) };
    let name = format!("percentileOfSeries({},{})", list[0].path_expression, general(n));
    let rows = list.iter().map(Series::points).collect::<Result<Vec<_>, _>>()?;
    let length = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    let mut values = Vec::with_capacity(length);
    let mut column = Vec::with_capacity(rows.len());
    for index in 0..length {
        column.clear();
        column.extend(rows.iter().filter_map(|row| row.get(index)));
        values.push(lists::percentile(&column, n, interpolate)?.unwrap_or(NULL));
    }
    Ok(one(Some(call.new_series(name, start, end, step, values))))
}

fn quotient(call: &Invocation<'_, '_>, mut pair: [Series; 2]) -> Result<Series, EvaluationError> {
    let name = format!("divideSeries({},{})", pair[0].name, pair[1].name);
    let span = normalize(&mut pair)?;
    let Span { start, end, step } = span.unwrap_or(Span::of(&pair[0]));
    let values = {
        let (a, b) = (pair[0].points()?, pair[1].points()?);
        zip_longest(&a, &b).map(|(a, b)| divided(a, b)).collect()
    };
    Ok(call.new_series(name, start, end, step, values))
}

fn divide_series(call: &mut Invocation<'_, '_>) -> Answer {
    if let Some(count) = call.arguments.length(1).filter(|count| *count > 1) {
        let what = format!("divideSeries second argument must reference exactly 1 series (got {count})");
        return Err(EvaluationError::input(what));
    }
    let (dividends, mut divisors) = (call.arguments.series(0)?, call.arguments.series(1)?);
    let mut results = Vec::with_capacity(dividends.len());
    match divisors.pop() {
        None => {
            for mut series in dividends {
                series.rename(format!("divideSeries({},MISSING)", series.name));
                series.values_mut().fill(NULL);
                results.push(series);
            }
        }
        Some(divisor) => {
            for dividend in dividends {
                results.push(quotient(call, [dividend, divisor.clone()])?);
            }
        }
    }
    Ok(Value::Series(results))
}

fn divide_series_lists(call: &mut Invocation<'_, '_>) -> Answer {
    if call.arguments.differ_in_length(0, 1) {
        let what = "dividendSeriesList and divisorSeriesList argument must have equal length";
        return Err(EvaluationError::input(what));
    }
    let (dividends, divisors) = (call.arguments.series(0)?, call.arguments.series(1)?);
    let pairs = dividends.into_iter().zip(divisors);
    let results = pairs.map(|(dividend, divisor)| quotient(call, [dividend, divisor]));
    Ok(Value::Series(results.collect::<Result<_, _>>()?))
}

fn weighted_average(call: &mut Invocation<'_, '_>) -> Answer {
    if let (Some(means), Some(weights)) = (call.arguments.length(0), call.arguments.length(1))
        && means != weights
    {
        return Err(EvaluationError::input(format!(
            "weightedAverage must receive the same number of series for seriesListAvg and seriesListWeight but \
             received respectively {means} and {weights}",
        )));
    }
    let (means, weights) = (call.arguments.series(0)?, call.arguments.series(1)?);
    let nodes = call.arguments.rest().to_vec();
    let products = weighted_products(call, &means, &weights, &nodes)?;
    if products.is_empty() {
        return Ok(Value::nothing());
    }
    let paths = |list: &[Series]| {
        let mut paths: Vec<&str> = list.iter().map(|series| series.path_expression.as_ref()).collect();
        paths.sort_unstable();
        paths.dedup();
        paths.join(",")
    };
    let shown_nodes = nodes.iter().map(Value::text).collect::<Vec<_>>().join(",");
    let name = format!("weightedAverage({}, {}, {shown_nodes})", paths(&means), paths(&weights));
    let (Some(products), Some(weights)) =
        (aggregate(call, products, "sum", None)?, aggregate(call, weights, "sum", None)?)
    else {
        return Ok(Value::nothing());
    };
    let values = zip_longest(&products.values, &weights.values).map(|(a, b)| divided(a, b)).collect();
    let Span { start, end, step } = Span::of(&products);
    Ok(one(Some(call.new_series(name, start, end, step, values))))
}

/// Each mean times its weight, for the keys that have both. The last of several with the same key counts.
fn weighted_products(
    call: &Invocation<'_, '_>,
    means: &[Series],
    weights: &[Series],
    nodes: &[Value],
) -> Result<Vec<Series>, EvaluationError> {
    let mut keys: Vec<String> = Vec::new();
    let mut pairs: HashMap<String, (Option<usize>, Option<usize>)> = HashMap::new();
    for index in 0..means.len() {
        for (is_mean, series) in [(true, &means[index]), (false, &weights[index])] {
            let key = key_of(series, nodes)?;
            let pair = pairs.entry(key.clone()).or_insert_with(|| {
                keys.push(key);
                (None, None)
            });
            let place = if is_mean { &mut pair.0 } else { &mut pair.1 };
            *place = Some(index);
        }
    }
    let mut products = Vec::with_capacity(keys.len());
    for key in keys {
        let (Some(mean), Some(weight)) = pairs[&key] else { continue };
        let (mean, weight) = (&means[mean], &weights[weight]);
        let (a, b) = (mean.points()?, weight.points()?);
        let product = |(a, b)| if is_null(a) || is_null(b) { NULL } else { a * b };
        let values = zip_longest(&a, &b).map(product).collect();
        let name = format!("product({},{})", weight.name, mean.name);
        products.push(call.new_series(name, mean.start, mean.end, mean.step, values));
    }
    Ok(products)
}

fn pow_series(call: &mut Invocation<'_, '_>) -> Answer {
    let mut list = call.arguments.rest_flat()?;
    let Some(Span { start, end, step }) = normalize(&mut list)? else { return Ok(Value::nothing()) };
    let names: Vec<&str> = list.iter().map(|series| series.name.as_str()).collect();
    let name = format!("powSeries({})", names.join(","));
    let rows = list.iter().map(Series::points).collect::<Result<Vec<_>, _>>()?;
    let length = rows.iter().map(|row| row.len()).max().unwrap_or(0);
    let at = |row: &Cow<'_, [f64]>, index: usize| row.get(index).copied().unwrap_or(NULL);
    let value = |index: usize| rows.iter().map(|row| at(row, index)).reduce(power).unwrap_or(NULL);
    let values = (0..length).map(value).collect();
    Ok(one(Some(call.new_series(name, start, end, step, values))))
}

fn as_percent(call: &mut Invocation<'_, '_>) -> Answer {
    let mut list = call.series()?;
    let total = call.arguments.get(1);
    let nodes = call.arguments.rest().to_vec();
    if normalize(&mut list)?.is_none() {
        return Ok(Value::nothing());
    }
    if !nodes.is_empty() {
        return percent_by_nodes(call, list, total, &nodes);
    }
    match total {
        Value::None => {
            let points = list.iter().map(Series::points).collect::<Result<Vec<_>, _>>()?;
            let sums = Aggregator::Sum.of_columns(&points, 0.0);
            let text = format!("sumSeries({})", path_expressions(&list));
            percent_of_one(call, list, &sums, &text)
        }
        Value::Series(totals) if totals.len() == list.len() => {
            let pairs = lists::sorted_by_name(list).into_iter().zip(lists::sorted_by_name(totals));
            let results =
                pairs.map(|(series, total)| percent_of_pair(call, [series, total]).map(|(one, _)| one));
            Ok(Value::Series(results.collect::<Result<_, _>>()?))
        }
        Value::Series(mut totals) if totals.len() == 1 => {
            normalize(list.iter_mut().chain(&mut totals))?;
            let points = totals[0].points()?;
            percent_of_one(call, list, &points, &totals[0].name)
        }
        Value::Series(_) | Value::Lists(_) => Err(EvaluationError::input(
            "asPercent second argument must be missing, a single digit, reference exactly 1 series or reference \
             the same number of series as the first argument",
        )),
        total => {
            let number = total.as_float().ok_or_else(|| {
                EvaluationError::failed(format!("{} is neither a number nor a series", total.repr()))
            })?;
            let totals = vec![number; list[0].values.len()];
            percent_of_one(call, list, &totals, &total.text())
        }
    }
}

/// Bounds and step stay those of the series even where its points were consolidated.
fn percent_of_one(call: &mut Invocation<'_, '_>, list: Vec<Series>, totals: &[f64], text: &str) -> Answer {
    // Each name holds the whole total, which may hold the names of all: thousands squared.
    call.evaluator.make_room_for_text(list.len().saturating_mul(text.len()))?;
    let mut results = Vec::with_capacity(list.len());
    for series in list {
        let points = series.points()?;
        let values = zip_longest(&points, totals).map(|(value, total)| percent(value, total)).collect();
        let text = if text.is_empty() { &series.path_expression } else { text };
        let name = format!("asPercent({},{text})", series.name);
        results.push(call.new_series(name, series.start, series.end, series.step, values));
    }
    Ok(Value::Series(results))
}

fn percent_of_pair(
    call: &Invocation<'_, '_>,
    mut pair: [Series; 2],
) -> Result<(Series, Span), EvaluationError> {
    // The total's name may hold those of a whole group.
    call.evaluator.make_room_for_text(pair[0].name.len() + pair[1].name.len())?;
    let name = format!("asPercent({},{})", pair[0].name, pair[1].name);
    let span = normalize(&mut pair)?.unwrap_or(Span::of(&pair[0]));
    let (a, b) = (pair[0].points()?, pair[1].points()?);
    let values = zip_longest(&a, &b).map(|(value, total)| percent(value, total)).collect();
    Ok((call.new_series(name, span.start, span.end, span.step, values), span))
}

fn percent(value: f64, total: f64) -> f64 {
    let share = divided(value, total);
    if is_null(share) { NULL } else { share * 100.0 }
}

/// Series and totals that have nodes or tags in common. What lacks a total (or a series) gets points without
/// values, within the bounds of whatever was brought to a common step last, as in the original.
fn percent_by_nodes(call: &Invocation<'_, '_>, list: Vec<Series>, total: Value, nodes: &[Value]) -> Answer {
    let groups = lists::group_by(list, |series| key_of(series, nodes))?;
    let mut keys: Vec<String> = groups.iter().map(|(key, _)| key.clone()).collect();
    let mut groups: HashMap<String, Vec<Series>> = groups.into_iter().collect();
    let totals = match total {
        Value::None => keys.iter().map(|key| (key.clone(), groups[key].clone())).collect(),
        Value::Series(totals) => lists::group_by(totals, |series| key_of(series, nodes))?,
        _ => return Err(EvaluationError::input("total must be None or a seriesList")),
    };
    let mut last_span = None;
    let mut total_of: HashMap<String, Series> = HashMap::new();
    for (key, list) in totals {
        let (total, span) = sum_of(call, list)?;
        last_span = span.or(last_span);
        if !groups.contains_key(&key) {
            keys.push(key.clone());
        }
        total_of.insert(key, total);
    }
    let unbounded = || EvaluationError::failed("no two series are brought together here");
    let mut results = Vec::new();
    for key in keys {
        let total = total_of.get(&key);
        let Some(group) = groups.remove(&key) else {
            let Some(total) = total else { continue };
            let Span { start, end, step } = last_span.ok_or_else(unbounded)?;
            let name = format!("asPercent(MISSING,{})", total.name);
            results.push(call.new_series(name, start, end, step, vec![NULL; total.points()?.len()]));
            continue;
        };
        for series in group {
            let Some(total) = total else {
                let Span { start, end, step } = last_span.ok_or_else(unbounded)?;
                let name = format!("asPercent({},MISSING)", series.name);
                results.push(call.new_series(name, start, end, step, vec![NULL; series.points()?.len()]));
                continue;
            };
            let (percentage, span) = percent_of_pair(call, [series, total.clone()])?;
            last_span = Some(span);
            results.push(percentage);
        }
    }
    Ok(Value::Series(results))
}

/// A single one is its own total.
fn sum_of(
    call: &Invocation<'_, '_>,
    mut list: Vec<Series>,
) -> Result<(Series, Option<Span>), EvaluationError> {
    if list.len() == 1 {
        return Ok((list.remove(0), None));
    }
    let name = format!("sumSeries({})", path_expressions(&list));
    let span = normalize(&mut list)?;
    let Span { start, end, step } = span.unwrap_or(Span::of(&list[0]));
    let points = list.iter().map(Series::points).collect::<Result<Vec<_>, _>>()?;
    let values = Aggregator::Sum.of_columns(&points, 0.0);
    Ok((call.new_series(name, start, end, step, values), span))
}

/// A node of a series' name, or the original's failure.
pub fn name_node(series: &Series, index: i64) -> Result<&str, EvaluationError> {
    node_of(&series.name, index).ok_or_else(|| EvaluationError::failed("list index out of range"))
}
