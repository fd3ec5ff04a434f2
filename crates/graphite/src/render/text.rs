//! Series as lines: csv, raw, and two forms for charting libraries.

use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use super::json::push_integer;
use crate::attime;
use crate::error::EvaluationError;
use crate::json::Json;
use crate::python::{push_float, push_json_text};
use crate::series::{Numbers, Series, is_null};

/// `repr` of a value.
fn push_value(out: &mut Vec<u8>, value: f64, numbers: Numbers, null: &[u8]) {
    if is_null(value) {
        out.extend_from_slice(null);
    } else if numbers == Numbers::Integers && value.is_finite() {
        push_integer(out, value);
    } else {
        push_float(out, value);
    }
}

/// `name,YYYY-MM-DD HH:MM:SS,value`
pub fn csv(series: &[Series], zone: &TimeZone) -> Result<Vec<u8>, EvaluationError> {
    let mut out = Vec::new();
    for one in series {
        let name = csv_field(&one.name);
        for (index, value) in one.points()?.iter().enumerate() {
            let time = one.start.plus(index as i64 * one.step.seconds());
            out.extend_from_slice(name.as_bytes());
            out.push(b',');
            push_clock(&mut out, time, zone);
            out.push(b',');
            push_value(&mut out, *value, one.numbers, b"");
            out.extend_from_slice(b"\r\n");
        }
    }
    Ok(out)
}

/// Quoted only if it must be.
fn csv_field(text: &str) -> String {
    if text.contains([',', '"', '\r', '\n']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

fn push_clock(out: &mut Vec<u8>, time: Timestamp, zone: &TimeZone) {
    let shown = attime::civil(time, zone);
    let (date, clock) = (shown.date(), shown.time());
    out.extend_from_slice(
        format!(
            "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
            date.year(),
            date.month(),
            date.day(),
            clock.hour(),
            clock.minute(),
            clock.second()
        )
        .as_bytes(),
    );
}

/// `name,start,end,step|value,value,...`
pub fn raw(series: &[Series]) -> Result<Vec<u8>, EvaluationError> {
    let mut out = Vec::new();
    for one in series {
        let head = format!("{},{},{},{}|", one.name, one.start, one.end, one.step.seconds());
        out.extend_from_slice(head.as_bytes());
        for (index, value) in one.points()?.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            push_value(&mut out, *value, one.numbers, b"None");
        }
        out.push(b'\n');
    }
    Ok(out)
}

/// `{"labels" : [...], "data" : [[milliseconds, value, ...], ...]}` with the times of the first series. (The
/// original fails where another has more or fewer points.)
pub fn dygraph(series: &[Series]) -> Result<Vec<u8>, EvaluationError> {
    let Some(first) = series.first() else { return Ok(b"{}".to_vec()) };
    let mut out = b"{\"labels\" : [\"Time\"".to_vec();
    for one in series {
        out.extend_from_slice(b", ");
        push_json_text(&mut out, &one.name);
    }
    out.extend_from_slice(b"], \"data\" : [");
    let rows = series.iter().map(Series::points).collect::<Result<Vec<_>, _>>()?;
    let times = (first.start.0..first.end.0).step_by(first.step.seconds() as usize);
    for (index, time) in times.enumerate() {
        out.extend_from_slice(if index > 0 { b", [" } else { b"[" });
        out.extend_from_slice(format!("{time}000").as_bytes());
        for (one, row) in series.iter().zip(&rows) {
            out.extend_from_slice(b", ");
            match row.get(index).copied().unwrap_or(f64::NAN) {
                value if value.is_nan() => out.extend_from_slice(b"null"),
                f64::INFINITY => out.extend_from_slice(b"Infinity"),
                f64::NEG_INFINITY => out.extend_from_slice(b"-Infinity"),
                value => push_value(&mut out, value, one.numbers, b"null"),
            }
        }
        out.push(b']');
    }
    out.extend_from_slice(b"]}");
    Ok(out)
}

/// `[{"target": name, "datapoints": [{"x": time, "y": value}, ...]}]`
pub fn rickshaw(series: &[Series], pretty: bool) -> Result<Vec<u8>, EvaluationError> {
    let rows = series.iter().map(Series::points).collect::<Result<Vec<_>, _>>()?;
    let mut json = Json::new(pretty);
    json.list(|json| {
        for (one, row) in series.iter().zip(&rows) {
            json.item();
            json.object(|json| {
                json.key("target");
                json.text(&one.name);
                json.key("datapoints");
                json.list(|json| {
                    let times = (one.start.0..one.end.0).step_by(one.step.seconds() as usize);
                    for (time, value) in times.zip(row.iter()) {
                        json.item();
                        json.object(|json| {
                            json.key("x");
                            json.integer(time);
                            json.key("y");
                            match *value {
                                value if is_null(value) => json.raw("null"),
                                value if value.is_nan() => json.raw("NaN"),
                                f64::INFINITY => json.raw("Infinity"),
                                f64::NEG_INFINITY => json.raw("-Infinity"),
                                value => push_value(&mut json.out, value, one.numbers, b"null"),
                            }
                        });
                    }
                });
            });
        }
    });
    Ok(json.out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_quotes_what_it_must() {
        assert_eq!(csv_field("a.b"), "a.b");
        assert_eq!(csv_field("sum(a,b)"), "\"sum(a,b)\"");
        assert_eq!(csv_field("a\"b"), "\"a\"\"b\"");
    }
}
