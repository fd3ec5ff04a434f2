//! Series as json: what Grafana and most others ask for. The hot path of large answers.

use std::borrow::Cow;

use vocabulary::Timestamp;

use super::Shape;
use crate::error::EvaluationError;
use crate::json::Json;
use crate::limits;
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
    let mut rows: Vec<Row<'_>> = Vec::with_capacity(series.len());
    for one in &series {
        let points = one.points()?;
        let count = points.len().min(moments(one));
        let any_known = || points[..count].iter().any(|value| !value.is_nan());
        if !shape.no_null_points || any_known() {
            rows.push((one, points, count));
        }
    }
    if shape.pretty {
        let mut json = Json::new(true);
        json.list(|json| rows.iter().for_each(|row| write_row(json, row, shape)));
        return Ok(json.out);
    }
    Ok(written_at_once(&rows, shape))
}

/// A series, its points, and how many of them are told.
type Row<'s> = (&'s Series, Cow<'s, [f64]>, usize);

fn write_row(json: &mut Json, (one, points, count): &Row<'_>, shape: &Shape) {
    json.item();
    json.object(|json| {
        json.key("target");
        match one.options.nameless && one.name == "None" {
            true => json.raw("null"),
            false => json.text(&one.name),
        }
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

/// Large answers are written in parts at the same time: digits are what takes long in them.
fn written_at_once(rows: &[Row<'_>], shape: &Shape) -> Vec<u8> {
    let points: usize = rows.iter().map(|(_, _, count)| count).sum();
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(limits::MAX_WRITERS);
    let parts = (points / limits::POINTS_FOR_A_WRITER).clamp(1, threads);
    let part = |rows: &[Row<'_>], begins: &[u8]| {
        let mut json = Json::new(false);
        json.out.reserve(rows.iter().map(|(one, _, count)| 64 + one.name.len() * 2 + count * 26).sum());
        json.out.extend_from_slice(begins);
        rows.iter().for_each(|row| write_row(&mut json, row, shape));
        json.out
    };
    let (first, others) = rows.split_at(rows.len() / parts);
    std::thread::scope(|scope| {
        let size = others.len().div_ceil(parts.max(2) - 1).max(1);
        let others: Vec<_> = others.chunks(size).map(|rows| scope.spawn(move || part(rows, b""))).collect();
        let mut out = part(first, b"[");
        for other in others {
            if out.len() > 1 {
                out.extend_from_slice(b", ");
            }
            // A writer cannot fail; if it did, so should the answer.
            out.extend_from_slice(&other.join().unwrap_or_else(|why| std::panic::resume_unwind(why)));
        }
        out.push(b']');
        out
    })
}

/// How many moments lie between start and end, both included, since points are told at most for these.
fn moments(series: &Series) -> usize {
    let span = series.end.since(series.start);
    if span < 0 { 0 } else { (span / series.seconds_per_point()) as usize + 1 }
}

fn datapoints(json: &mut Json, series: &Series, points: &[f64], shape: &Shape) {
    let (mut time, step) = (series.start, series.seconds_per_point());
    let numbers = series.numbers_of_points();
    json.out.reserve(points.len() * 26);
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
