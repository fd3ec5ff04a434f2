//! Which series stay, and which of their values.

use std::collections::HashSet;

use super::aggregation::Aggregator;
use super::lists::{aggregator, percentile, reduce, sort_by_number};
use super::table::{Constant, Function, Group, Kind, Param, SERIES, SERIES_LISTS, optional, required};
use formats::python_regex::Pattern;

use crate::error::EvaluationError;
use crate::evaluate::Invocation;
use crate::python::{float, general};
use crate::series::{NULL, Series, is_null};
use crate::value::Value;

type Answer = Result<Value, EvaluationError>;

const NUMBER: Param = required("n", Kind::Float);
const COUNT: Param = required("n", Kind::Integer);
const PATTERN: Param = required("pattern", Kind::String);
const FUNC: Param = optional("func", Kind::AggFunc).default(Constant::Text("average"));

const BY_NUMBER: Function = Function {
    signature: "(seriesList, n)",
    group: Group::FilterSeries,
    params: &[SERIES, NUMBER],
    help: "",
    aggregator: false,
    run: |call| compared(call, Aggregator::Average, Comparison::Above),
};

const BEST: Function = Function { params: &[SERIES, COUNT], ..BY_NUMBER };

pub const AVERAGE_ABOVE: Function = Function {
    help: "The series whose mean is above n.\n\nExample: averageAbove(web.*.load, 4)",
    ..BY_NUMBER
};

pub const AVERAGE_BELOW: Function = Function {
    help: "The series whose mean is at most n.\n\nExample: averageBelow(web.*.load, 0.1)",
    run: |call| compared(call, Aggregator::Average, Comparison::AtMost),
    ..BY_NUMBER
};

pub const CURRENT_ABOVE: Function = Function {
    help: "The series whose last value is above n.\n\nExample: currentAbove(web.*.load, 4)",
    run: |call| compared(call, Aggregator::Last, Comparison::Above),
    ..BY_NUMBER
};

pub const CURRENT_BELOW: Function = Function {
    help: "The series whose last value is at most n.\n\nExample: currentBelow(web.*.disk_free, 5)",
    run: |call| compared(call, Aggregator::Last, Comparison::AtMost),
    ..BY_NUMBER
};

pub const MAXIMUM_ABOVE: Function = Function {
    help: "The series whose greatest value is above n.\n\nExample: maximumAbove(web.*.load, 4)",
    run: |call| compared(call, Aggregator::Max, Comparison::Above),
    ..BY_NUMBER
};

pub const MAXIMUM_BELOW: Function = Function {
    help: "The series whose greatest value is at most n.\n\nExample: maximumBelow(web.*.load, 0.1)",
    run: |call| compared(call, Aggregator::Max, Comparison::AtMost),
    ..BY_NUMBER
};

pub const MINIMUM_ABOVE: Function = Function {
    help: "The series whose least value is above n.\n\nExample: minimumAbove(web.*.load, 1)",
    run: |call| compared(call, Aggregator::Min, Comparison::Above),
    ..BY_NUMBER
};

pub const MINIMUM_BELOW: Function = Function {
    help: "The series whose least value is at most n.\n\nExample: minimumBelow(web.*.disk_free, 5)",
    run: |call| compared(call, Aggregator::Min, Comparison::AtMost),
    ..BY_NUMBER
};

pub const FILTER_SERIES: Function = Function {
    signature: "(seriesList, func, operator, threshold)",
    params: &[
        SERIES,
        required("func", Kind::AggFunc),
        required("operator", Kind::String).options(&[
            Constant::Text("!="),
            Constant::Text("<"),
            Constant::Text("<="),
            Constant::Text("="),
            Constant::Text(">"),
            Constant::Text(">="),
        ]),
        required("threshold", Kind::Float),
    ],
    help: "The series for which a number made of all its values by `func` compares as wanted: =, !=, <, <=, > or \
           >=.\n\nExample: filterSeries(web.*.load, \"max\", \">\", 4)",
    run: |call| {
        (1..=3).try_for_each(|index| call.arguments.must_be_given(index))?;
        let aggregator = aggregator(&call.arguments.get(1).text())?;
        let operator = call.arguments.get(2).text();
        let comparison = Comparison::named(&operator)
            .ok_or_else(|| EvaluationError::input(format!("Unsupported operator: {operator}")))?;
        let threshold = call.arguments.float(3)?;
        keep(call, |series| Ok(comparison.holds(reduce(series, aggregator)?, threshold)))
    },
    ..BY_NUMBER
};

pub const EXCLUDE: Function = Function {
    signature: "(seriesList, pattern)",
    params: &[SERIES, PATTERN],
    help: "The series whose names the regular expression does not find anything in.\n\n\
           Example: exclude(web.*.load, \"test\")",
    run: |call| matching(call, false),
    ..BY_NUMBER
};

pub const GREP: Function = Function {
    signature: "(seriesList, pattern)",
    params: &[SERIES, PATTERN],
    help: "The series whose names the regular expression finds something in.\n\n\
           Example: grep(web.*.load, \"web[0-4]\\.\")",
    run: |call| matching(call, true),
    ..BY_NUMBER
};

pub const HIGHEST: Function = Function {
    signature: "(seriesList, n=1, func='average')",
    params: &[SERIES, COUNT, FUNC],
    help: "The n series with the greatest numbers made of their values by `func`.\n\n\
           Example: highest(web.*.load, 5, \"max\")",
    run: |call| {
        let aggregator = aggregator(&call.arguments.get(2).text())?;
        best(call, aggregator, true)
    },
    ..BEST
};

pub const HIGHEST_AVERAGE: Function = Function {
    help: "The n series with the greatest means.\n\nExample: highestAverage(web.*.load, 5)",
    run: |call| best(call, Aggregator::Average, true),
    ..BEST
};

pub const HIGHEST_CURRENT: Function = Function {
    help: "The n series with the greatest last values.\n\nExample: highestCurrent(web.*.load, 5)",
    run: |call| best(call, Aggregator::Last, true),
    ..BEST
};

pub const HIGHEST_MAX: Function = Function {
    help: "The n series with the greatest values.\n\nExample: highestMax(web.*.load, 5)",
    run: |call| best(call, Aggregator::Max, true),
    ..BEST
};

pub const LOWEST: Function = Function {
    signature: "(seriesList, n=1, func='average')",
    params: &[SERIES, COUNT, FUNC],
    help: "The n series with the least numbers made of their values by `func`.\n\n\
           Example: lowest(web.*.load, 5, \"min\")",
    run: |call| {
        let aggregator = aggregator(&call.arguments.get(2).text())?;
        best(call, aggregator, false)
    },
    ..BEST
};

pub const LOWEST_AVERAGE: Function = Function {
    help: "The n series with the least means.\n\nExample: lowestAverage(web.*.load, 5)",
    run: |call| best(call, Aggregator::Average, false),
    ..BEST
};

pub const LOWEST_CURRENT: Function = Function {
    help: "The n series with the least last values.\n\nExample: lowestCurrent(web.*.disk_free, 5)",
    run: |call| best(call, Aggregator::Last, false),
    ..BEST
};

pub const LIMIT: Function = Function {
    help: "The first n series.\n\nExample: limit(web.*.load, 10)",
    run: |call| {
        let count = call.arguments.int(1)?;
        Ok(Value::Series(first(call.series()?, count)))
    },
    ..BEST
};

pub const MOST_DEVIANT: Function = Function {
    help: "The n series whose values vary most.\n\nExample: mostDeviant(web.*.load, 5)",
    run: |call| {
        let count = call.arguments.int(1)?;
        let mut list = call.series()?;
        list.retain(|series| series.values.iter().any(|value| !is_null(*value)));
        let deviation = |series: &Series| reduce(series, Aggregator::Stddev);
        Ok(Value::Series(first(sort_by_number(list, deviation, true)?, count)))
    },
    ..BEST
};

pub const AVERAGE_OUTSIDE_PERCENTILE: Function = Function {
    help: "The series whose mean lies outside of the middle of all means: below the percentile 100 - n or above n.\
           \n\nExample: averageOutsidePercentile(web.*.load, 90)",
    run: average_outside_percentile,
    ..BY_NUMBER
};

pub const REMOVE_BETWEEN_PERCENTILE: Function = Function {
    help: "The series that at least once leave the middle of all series: below the percentile 100 - n of their \
           values at that time, or above n.\n\nExample: removeBetweenPercentile(web.*.load, 90)",
    run: remove_between_percentile,
    ..BY_NUMBER
};

pub const REMOVE_EMPTY_SERIES: Function = Function {
    signature: "(seriesList, xFilesFactor=None)",
    params: &[SERIES, optional("xFilesFactor", Kind::Float)],
    help: "Leaves out series without values, or with less than the share `xFilesFactor` of them.\n\n\
           Example: removeEmptySeries(web.*.load)",
    run: |call| {
        let factor = call.arguments.optional_float(1)?.unwrap_or(0.0);
        keep(call, |series| {
            let points = series.points()?;
            let known = points.iter().filter(|value| !is_null(**value)).count();
            Ok(super::aggregation::enough(known, points.len(), factor))
        })
    },
    ..BY_NUMBER
};

pub const UNIQUE: Function = Function {
    signature: "(*seriesLists)",
    params: &[SERIES_LISTS],
    help: "Of series with the same name only the first.\n\nExample: unique(web.*.load, web.web1.load)",
    run: |call| {
        let mut seen = HashSet::new();
        let mut list = call.arguments.rest_flat()?;
        list.retain(|series| seen.insert(series.name.clone()));
        Ok(Value::Series(list))
    },
    ..BY_NUMBER
};

pub const USE_SERIES_ABOVE: Function = Function {
    signature: "(seriesList, value, search, replace)",
    params: &[
        SERIES,
        required("value", Kind::Float),
        required("search", Kind::String),
        required("replace", Kind::String),
    ],
    help: "For each series that has a value above `value`, the series whose name search and replace make of its \
           name.\n\nExample: useSeriesAbove(web.*.load, 10, \"load\", \"requests\")",
    run: use_series_above,
    ..BY_NUMBER
};

const DATA: Function = Function { group: Group::FilterData, ..BY_NUMBER };

pub const REMOVE_ABOVE_PERCENTILE: Function = Function {
    help: "No value where it is above the n-th percentile of its series.\n\n\
           Example: removeAbovePercentile(web.*.load, 95)",
    run: |call| remove_by_percentile(call, "removeAbovePercentile", |value, limit| value > limit),
    ..DATA
};

pub const REMOVE_ABOVE_VALUE: Function = Function {
    help: "No value where it is above n.\n\nExample: removeAboveValue(web.*.load, 100)",
    run: |call| remove_by_value(call, "removeAboveValue", |value, limit| value > limit),
    ..DATA
};

pub const REMOVE_BELOW_PERCENTILE: Function = Function {
    help: "No value where it is below the n-th percentile of its series.\n\n\
           Example: removeBelowPercentile(web.*.load, 5)",
    run: |call| remove_by_percentile(call, "removeBelowPercentile", |value, limit| value < limit),
    ..DATA
};

pub const REMOVE_BELOW_VALUE: Function = Function {
    help: "No value where it is below n.\n\nExample: removeBelowValue(web.*.load, 0)",
    run: |call| remove_by_value(call, "removeBelowValue", |value, limit| value < limit),
    ..DATA
};

const SORT: Function = Function {
    signature: "(seriesList)",
    group: Group::Sorting,
    params: &[SERIES],
    help: "",
    aggregator: false,
    run: |call| sorted(call, Aggregator::Average, false),
};

pub const SORT_BY: Function = Function {
    signature: "(seriesList, func='average', reverse=False)",
    params: &[SERIES, FUNC, optional("reverse", Kind::Boolean).default(Constant::Bool(false))],
    help: "Sorted by a number made of all values of each series by `func`, the least first unless `reverse`.\n\n\
           Example: sortBy(web.*.load, \"max\", true)",
    run: |call| {
        let aggregator = aggregator(&call.arguments.get(1).text())?;
        let reverse = call.arguments.flag(2);
        sorted(call, aggregator, reverse)
    },
    ..SORT
};

pub const SORT_BY_MAXIMA: Function = Function {
    help: "Sorted by their greatest values, the greatest first.\n\nExample: sortByMaxima(web.*.load)",
    run: |call| sorted(call, Aggregator::Max, true),
    ..SORT
};

pub const SORT_BY_MINIMA: Function = Function {
    help: "Sorted by their least values, the least first; series without a value above 0 are left out.\n\n\
           Example: sortByMinima(web.*.disk_free)",
    run: |call| {
        let mut list = call.series()?;
        list.retain(|series| series.values.iter().any(|value| !is_null(*value) && *value > 0.0));
        Ok(Value::Series(sort_by_number(list, |series| reduce(series, Aggregator::Min), false)?))
    },
    ..SORT
};

pub const SORT_BY_NAME: Function = Function {
    signature: "(seriesList, natural=False, reverse=False)",
    params: &[
        SERIES,
        optional("natural", Kind::Boolean).default(Constant::Bool(false)),
        optional("reverse", Kind::Boolean).default(Constant::Bool(false)),
    ],
    help: "Sorted by name; `natural` puts web2 before web10.\n\nExample: sortByName(web*.load, true)",
    run: |call| {
        let (natural, reverse) = (call.arguments.flag(1), call.arguments.flag(2));
        let mut list = call.series()?;
        let key = |series: &Series| if natural { natural_key(&series.name) } else { series.name.clone() };
        if reverse {
            list.sort_by_cached_key(|series| std::cmp::Reverse(key(series)));
        } else {
            list.sort_by_cached_key(key);
        }
        Ok(Value::Series(list))
    },
    ..SORT
};

pub const SORT_BY_TOTAL: Function = Function {
    help: "Sorted by the sums of their values, the greatest first.\n\nExample: sortByTotal(web.*.requests)",
    run: |call| sorted(call, Aggregator::Sum, true),
    ..SORT
};

/// How a number of a series compares with the threshold. No number is below every threshold.
#[derive(Clone, Copy)]
enum Comparison {
    Equal,
    Different,
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl Comparison {
    fn named(operator: &str) -> Option<Comparison> {
        Some(match operator {
            "=" => Comparison::Equal,
            "!=" => Comparison::Different,
            ">" => Comparison::Above,
            ">=" => Comparison::AtLeast,
            "<" => Comparison::Below,
            "<=" => Comparison::AtMost,
            _ => return None,
        })
    }

    fn holds(self, value: f64, threshold: f64) -> bool {
        match self {
            Comparison::Equal => !is_null(value) && value == threshold,
            Comparison::Different => is_null(value) || value != threshold,
            Comparison::Above => !is_null(value) && value > threshold,
            Comparison::AtLeast => !is_null(value) && value >= threshold,
            Comparison::Below => is_null(value) || value < threshold,
            Comparison::AtMost => is_null(value) || value <= threshold,
        }
    }
}

fn keep(
    call: &mut Invocation<'_, '_>,
    mut stays: impl FnMut(&Series) -> Result<bool, EvaluationError>,
) -> Answer {
    let mut kept = Vec::new();
    for series in call.series()? {
        call.evaluator.check()?;
        if stays(&series)? {
            kept.push(series);
        }
    }
    Ok(Value::Series(kept))
}

fn compared(call: &mut Invocation<'_, '_>, aggregator: Aggregator, comparison: Comparison) -> Answer {
    let threshold = call.arguments.float(1)?;
    keep(call, |series| Ok(comparison.holds(reduce(series, aggregator)?, threshold)))
}

fn matching(call: &mut Invocation<'_, '_>, wanted: bool) -> Answer {
    let pattern = Pattern::new(&call.arguments.text(1)?).map_err(EvaluationError::Failed)?;
    keep(call, |series| Ok(pattern.is_in(&series.name).map_err(EvaluationError::Failed)? == wanted))
}

/// Python's `list[:count]`: a negative count leaves that many out at the end.
fn first(mut list: Vec<Series>, count: i64) -> Vec<Series> {
    let kept = if count < 0 { list.len() as i64 + count } else { count };
    list.truncate(usize::try_from(kept).unwrap_or(0));
    list
}

fn sorted(call: &mut Invocation<'_, '_>, aggregator: Aggregator, descending: bool) -> Answer {
    let list = call.series()?;
    Ok(Value::Series(sort_by_number(list, |series| reduce(series, aggregator), descending)?))
}

fn best(call: &mut Invocation<'_, '_>, aggregator: Aggregator, descending: bool) -> Answer {
    // `highest` and `lowest` have a default that their parameters do not tell of; the others have none.
    let count = if call.arguments.parameters() > 2 && !call.arguments.has(1) {
        1
    } else {
        call.arguments.whole(1)?
    };
    let list = call.series()?;
    let sorted = sort_by_number(list, |series| reduce(series, aggregator), descending)?;
    Ok(Value::Series(first(sorted, count)))
}

/// Numbers in the name filled up with zeros to ten digits.
fn natural_key(name: &str) -> String {
    let mut key = String::with_capacity(name.len() + 10);
    let mut rest = name;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(at);
        let length = from.bytes().take_while(u8::is_ascii_digit).count();
        let digits = from[..length].trim_start_matches('0');
        key.push_str(before);
        key.extend(std::iter::repeat_n('0', 10_usize.saturating_sub(digits.len())));
        key.push_str(digits);
        rest = &from[length..];
    }
    key.push_str(rest);
    key
}

/// The two ends of the middle that is meant by n.
fn ends(n: f64) -> (f64, f64) {
    let n = if n < 50.0 { 100.0 - n } else { n };
    (100.0 - n, n)
}

fn average_outside_percentile(call: &mut Invocation<'_, '_>) -> Answer {
    let (low, high) = ends(call.arguments.float(1)?);
    let list = call.series()?;
    let mut averages = Vec::with_capacity(list.len());
    for series in &list {
        averages.push(reduce(series, Aggregator::Average)?);
    }
    let (low, high) = (percentile(&averages, low, false)?, percentile(&averages, high, false)?);
    let (Some(low), Some(high)) = (low, high) else { return Ok(Value::nothing()) };
    let inside = |average: f64| is_null(average) || low < average && average < high;
    let kept = list.into_iter().zip(averages).filter(|(_, average)| !inside(*average));
    Ok(Value::Series(kept.map(|(series, _)| series).collect()))
}

fn remove_between_percentile(call: &mut Invocation<'_, '_>) -> Answer {
    let (low, high) = ends(call.arguments.float(1)?);
    let list = call.series()?;
    let length = list.iter().map(|series| series.values.len()).min().unwrap_or(0);
    let mut bounds = Vec::with_capacity(length);
    let mut column = Vec::with_capacity(list.len());
    for index in 0..length {
        column.clear();
        column.extend(list.iter().map(|series| series.values[index]));
        bounds.push((percentile(&column, low, false)?, percentile(&column, high, false)?));
    }
    let leaves = |(value, (low, high)): (&f64, &(Option<f64>, Option<f64>))| {
        let inside = low.is_some_and(|low| low < *value) && high.is_some_and(|high| *value < high);
        !is_null(*value) && !inside
    };
    let mut list = list;
    list.retain(|series| series.values.iter().zip(&bounds).any(leaves));
    Ok(Value::Series(list))
}

fn use_series_above(call: &mut Invocation<'_, '_>) -> Answer {
    let value = call.arguments.float(1)?;
    let (search, replace) = (call.arguments.text(2)?, call.arguments.text(3)?);
    let substitution = super::alias::Substitution::new(&search, &replace)?;
    let mut names = Vec::new();
    for series in call.series()? {
        let most = reduce(&series, Aggregator::Max)?;
        if !is_null(most) && most > value {
            names.push(substitution.apply(&series.name)?);
        }
    }
    if names.is_empty() {
        return Ok(Value::nothing());
    }
    let mut found = call.evaluate_text(&format!("group({})", names.join(",")))?;
    found.retain(|series| !series.values.is_empty());
    Ok(Value::Series(found))
}

fn remove_by_value(
    call: &mut Invocation<'_, '_>,
    function: &str,
    is_removed: fn(f64, f64) -> bool,
) -> Answer {
    let n = call.arguments.float(1)?;
    let mut list = call.series()?;
    for series in &mut list {
        series.rename(format!("{function}({}, {})", series.name, general(n)));
        remove(series, |value| is_removed(value, n));
    }
    Ok(Value::Series(list))
}

fn remove_by_percentile(
    call: &mut Invocation<'_, '_>,
    function: &str,
    is_removed: fn(f64, f64) -> bool,
) -> Answer {
    let n = call.arguments.float(1)?;
    let mut list = call.series()?;
    if n == 0.0 && !list.is_empty() {
        return Err(EvaluationError::failed("The requested percent is required to be greater than 0"));
    }
    for series in &mut list {
        series.rename(format!("{function}({}, {})", series.name, general(n)));
        // A percentile that does not exist (of more than 100) removes nothing.
        if let Ok(Some(limit)) = percentile(&series.values, n, false) {
            series.tags.set("nPercentile", float(n));
            remove(series, |value| is_removed(value, limit));
        }
    }
    Ok(Value::Series(list))
}

fn remove(series: &mut Series, is_removed: impl Fn(f64) -> bool) {
    series.map_points(|value| if !is_null(value) && is_removed(value) { NULL } else { value });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn natural_order() {
        assert!(natural_key("web2") < natural_key("web10"));
        assert_eq!(natural_key("a007b"), "a0000000007b");
        assert_eq!(natural_key("a12345678901"), "a12345678901");
    }
}
