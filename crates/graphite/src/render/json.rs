//! Series as json: what Grafana and most others ask for. The hot path of large answers.

use vocabulary::Timestamp;

use super::Shape;
use crate::error::EvaluationError;
use crate::json::Json;
use crate::python::push_float;
use crate::series::{Numbers, Series};

pub fn json(mut series: Vec<Series>, shape: &Shape) -> Result<Vec<u8>, EvaluationError> {
    // Without a single value the original forgets the series too.
    if series.iter().all(|one| one.values.is_empty()) {
        return Ok(b"[]".to_vec());
    }
    if let Some(most) = shape.max_data_points {
        consolidate(&mut series, most);
    }
    let mut rows = Vec::with_capacity(series.len());
    for one in &series {
        let points = one.points()?;
        let count = points.len().min(moments(one));
        let any_known = || points[..count].iter().any(|value| !value.is_nan());
        if !shape.no_null_points || any_known() {
            rows.push((one, points, count));
        }
    }
    let mut json = Json::new(shape.pretty);
    json.out.reserve(rows.iter().map(|(one, _, count)| 64 + one.name.len() * 2 + count * 26).sum());
    json.list(|json| {
        for (one, points, count) in &rows {
            json.item();
            json.object(|json| {
                json.key("target");
                json.text(&one.name);
                json.key("tags");
                json.object(|json| {
                    for (tag, value) in one.tags.iter() {
                        json.key(tag);
                        json.text(value);
                    }
                });
                json.key("datapoints");
                json.list(|json| datapoints(json, one, &points[..*count], shape));
            });
        }
    });
    Ok(json.out)
}

/// How many moments lie between start and end, both included, since points are told at most for these.
fn moments(series: &Series) -> usize {
    let span = series.end.since(series.start);
    if span < 0 { 0 } else { (span / series.seconds_per_point()) as usize + 1 }
}

fn datapoints(json: &mut Json, series: &Series, points: &[f64], shape: &Shape) {
    let (mut time, step) = (series.start, series.seconds_per_point());
    let numbers = series.numbers_of_points();
    for value in points {
        if !(shape.no_null_points && value.is_nan()) {
            json.item();
            datapoint(json, *value, time, numbers, shape.pretty);
        }
        time = time.plus(step);
    }
}

fn datapoint(json: &mut Json, value: f64, time: Timestamp, numbers: Numbers, pretty: bool) {
    if pretty {
        json.list(|json| {
            json.item();
            number(&mut json.out, value, numbers);
            json.item();
            json.integer(time.0);
        });
        return;
    }
    json.out.push(b'[');
    number(&mut json.out, value, numbers);
    json.out.extend_from_slice(b", ");
    json.integer(time.0);
    json.out.push(b']');
}

/// NaN of either kind is null; infinity a number too large for a float, which readers turn back into it.
fn number(out: &mut Vec<u8>, value: f64, numbers: Numbers) {
    if value.is_nan() {
        out.extend_from_slice(b"null");
    } else if value.is_infinite() {
        out.extend_from_slice(if value > 0.0 { b"1e9999" } else { b"-1e9999" });
    } else if numbers == Numbers::Integers {
        push_integer(out, value);
    } else {
        push_float(out, value);
    }
}

pub fn push_integer(out: &mut Vec<u8>, value: f64) {
    if value.abs() < 9e15 {
        out.extend_from_slice(itoa::Buffer::new().format(value as i64).as_bytes());
    } else {
        out.extend_from_slice(format!("{value:.0}").as_bytes());
    }
}

/// Make points of several values where there are more than asked for. The start is moved so that points lie
/// on multiples of their length; of the values before it, all but one are dropped, as in the original.
fn consolidate(series: &mut [Series], most: u64) {
    let start = series.iter().map(|one| one.start).min().unwrap_or_default();
    let end = series.iter().map(|one| one.end).max().unwrap_or_default();
    let range = end.since(start) as f64;
    for one in series {
        if most == 1 {
            one.values_per_point = one.values.len();
            continue;
        }
        let step = one.step.seconds();
        let points = range / step as f64;
        if most == 0 || most as f64 >= points {
            continue;
        }
        let per_point = (points / most as f64).ceil() as usize;
        let seconds = (per_point as i64).saturating_mul(step);
        let nudge = seconds + one.start.0.rem_euclid(step) - one.start.0.rem_euclid(seconds);
        one.start = one.start.plus(nudge);
        let lost = usize::try_from(nudge / step - 1).unwrap_or(0).min(one.values.len());
        one.values_mut().drain(..lost);
        one.values_per_point = per_point;
    }
}
