//! What functions over lists of series share: keys of groups, and a common step.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use vocabulary::{Step, Timestamp};

use super::aggregation::Aggregator;
use crate::error::EvaluationError;
use crate::parse;
use crate::series::{NULL, Series, Tags, is_null};
use crate::value::Value;

/// Bounds and step that several series have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: Timestamp,
    pub end: Timestamp,
    pub step: Step,
}

impl Span {
    pub fn of(series: &Series) -> Span {
        Span { start: series.start, end: series.end, step: series.step }
    }
}

/// Make all series readable at their least common step. The end is cut to whole steps. `None` without series.
pub fn normalize<'s>(
    series: impl IntoIterator<Item = &'s mut Series>,
) -> Result<Option<Span>, EvaluationError> {
    let mut series: Vec<&mut Series> = series.into_iter().collect();
    let Some(first) = series.first() else { return Ok(None) };
    let Span { mut start, mut end, .. } = Span::of(first);
    for one in &series {
        start = start.min(one.start);
        end = end.max(one.end);
    }
    let step = normalized_step(series.iter().map(|one| one.step))?;
    for one in &mut series {
        one.values_per_point = (step.seconds() / one.step.seconds()) as usize;
    }
    end = end.minus(end.since(start).rem_euclid(step.seconds()));
    Ok(Some(Span { start, end, step }))
}

/// The least common multiple of the steps.
pub fn normalized_step(steps: impl Iterator<Item = Step>) -> Result<Step, EvaluationError> {
    let common = steps.map(Step::seconds).fold(1, least_common_multiple);
    let common = u32::try_from(common).ok().and_then(Step::new);
    common.ok_or_else(|| EvaluationError::input("the steps of the series have no common multiple"))
}

fn least_common_multiple(a: i64, b: i64) -> i64 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a / x).saturating_mul(b)
}

/// The paths that the series came from, each once.
pub fn path_expressions(series: &[Series]) -> String {
    let mut paths: Vec<&str> = Vec::new();
    let mut seen: HashSet<&str> = HashSet::new();
    let mut last: Option<&Arc<str>> = None;
    for path in series.iter().map(|one| &one.path_expression) {
        // Thousands of series of one pattern share its text.
        if last.is_some_and(|last| Arc::ptr_eq(last, path)) {
            continue;
        }
        last = Some(path);
        if seen.insert(path) {
            paths.push(path);
        }
    }
    paths.join(",")
}

/// The nodes and tags that make the key of a series, joined by dots. Of a name that ends like a call, nodes
/// are those of the first path in it.
pub fn key_of(series: &Series, nodes: &[Value]) -> Result<String, EvaluationError> {
    key_of_name(&series.name, &series.tags, nodes)
}

pub fn key_of_name(name: &str, tags: &Tags, nodes: &[Value]) -> Result<String, EvaluationError> {
    let path = match name.as_bytes().last() {
        None => return Err(EvaluationError::failed("string index out of range")),
        Some(b')') => {
            let expression = parse::parse(name)?;
            let path = expression.first_path();
            path.map_err(|_| EvaluationError::failed("list index out of range"))?.map(str::to_owned)
        }
        Some(_) => None,
    };
    let path = path.as_deref().unwrap_or(name);
    let parts = nodes.iter().map(|node| node_or_tag(tags, node, path));
    Ok(parts.collect::<Result<Vec<_>, _>>()?.join("."))
}

/// A whole number is a node of the path; everything else, and a node that is not there, a tag.
fn node_or_tag<'s>(tags: &'s Tags, node: &Value, path: &'s str) -> Result<&'s str, EvaluationError> {
    let index = match node {
        Value::Int(index) => Some(*index),
        Value::Bool(index) => Some(i64::from(*index)),
        Value::Text(_) => None,
        Value::Float(number) if number.is_nan() || number.fract() != 0.0 => None,
        other => {
            let what = format!("{} is neither a node nor a tag", other.repr());
            return Err(EvaluationError::failed(what));
        }
    };
    if let Some(node) = index.and_then(|index| node_of(path.split(';').next().unwrap_or(path), index)) {
        return Ok(node);
    }
    Ok(tags.get(&node.text()).map_or("", |value| value.as_ref()))
}

/// A node by its number; negative ones count from the end.
pub fn node_of(path: &str, index: i64) -> Option<&str> {
    if index >= 0 {
        return path.split('.').nth(usize::try_from(index).ok()?);
    }
    path.rsplit('.').nth(usize::try_from(-(index + 1)).ok()?)
}

/// Lists of series that have the same key, in the order in which the keys came.
pub fn group_by<T>(
    items: Vec<T>,
    mut key_of: impl FnMut(&T) -> Result<String, EvaluationError>,
) -> Result<Vec<(String, Vec<T>)>, EvaluationError> {
    let mut groups: Vec<(String, Vec<T>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for item in items {
        let key = key_of(&item)?;
        match places.get(&key) {
            Some(place) => groups[*place].1.push(item),
            None => {
                places.insert(key.clone(), groups.len());
                groups.push((key, vec![item]));
            }
        }
    }
    Ok(groups)
}

/// The function by its name, or the original's complaint.
pub fn aggregator(name: &str) -> Result<Aggregator, EvaluationError> {
    Aggregator::named(name)
        .ok_or_else(|| EvaluationError::input(format!("Unsupported aggregation function: {name}")))
}

/// One number for the whole series.
pub fn reduce(series: &Series, aggregator: Aggregator) -> Result<f64, EvaluationError> {
    Ok(aggregator.of(&series.points()?))
}

/// Sort by a number of each series, `None` below all others; equal ones keep their order.
pub fn sort_by_number(
    list: Vec<Series>,
    mut number: impl FnMut(&Series) -> Result<f64, EvaluationError>,
    descending: bool,
) -> Result<Vec<Series>, EvaluationError> {
    let mut keyed = Vec::with_capacity(list.len());
    for series in list {
        let value = number(&series)?;
        keyed.push((if is_null(value) { f64::NEG_INFINITY } else { value }, series));
    }
    keyed.sort_by(|(a, _), (b, _)| {
        let order = a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal);
        if descending { order.reverse() } else { order }
    });
    Ok(keyed.into_iter().map(|(_, series)| series).collect())
}

/// Both sorted by name, as far as both reach.
pub fn sorted_by_name(mut list: Vec<Series>) -> Vec<Series> {
    list.sort_by(|a, b| a.name.cmp(&b.name));
    list
}

/// The original's percentile: by rank in the sorted known values, between ranks if `interpolate`.
pub fn percentile(points: &[f64], n: f64, interpolate: bool) -> Result<Option<f64>, EvaluationError> {
    let mut sorted: Vec<f64> = points.iter().copied().filter(|value| !is_null(*value)).collect();
    if sorted.is_empty() {
        return Ok(None);
    }
    sorted.sort_by(f64::total_cmp);
    let out_of_range = || EvaluationError::failed("list index out of range");
    let fractional = (n / 100.0) * (sorted.len() + 1) as f64;
    if !fractional.is_finite() {
        return Err(out_of_range());
    }
    let fraction = fractional - fractional.trunc();
    let mut rank = fractional as i64;
    if !interpolate {
        rank += fraction.ceil() as i64;
    }
    // Python counts a negative index from the end.
    let at = |index: i64| {
        let index = if index < 0 { index + sorted.len() as i64 } else { index };
        usize::try_from(index).ok().and_then(|index| sorted.get(index)).copied().ok_or_else(out_of_range)
    };
    let length = sorted.len() as i64;
    let mut value = match rank {
        0 => at(0)?,
        _ if rank - 1 == length => at(-1)?,
        _ => at(rank - 1)?,
    };
    if interpolate && rank != length {
        value += fraction * (at(rank)? - value);
    }
    Ok(Some(value))
}

/// The points of both, side by side, nulls behind the end of the shorter one.
pub fn zip_longest<'p>(a: &'p [f64], b: &'p [f64]) -> impl Iterator<Item = (f64, f64)> + 'p {
    let at = |points: &[f64], index: usize| points.get(index).copied().unwrap_or(NULL);
    (0..a.len().max(b.len())).map(move |index| (at(a, index), at(b, index)))
}

/// Python's division that gives nothing instead of failing.
pub fn divided(a: f64, b: f64) -> f64 {
    if is_null(a) || is_null(b) || b == 0.0 { NULL } else { a / b }
}

/// Python's `math.pow`, with nothing where it fails.
pub fn power(base: f64, exponent: f64) -> f64 {
    if is_null(base) || is_null(exponent) {
        return NULL;
    }
    let result = base.powf(exponent);
    let finite = base.is_finite() && exponent.is_finite();
    if finite && !result.is_finite() { NULL } else { result }
}
