//! Moments, in the shapes in which programs write them.

use super::tokens::{digits, ends, run_end};

const MONTHS: &str = "January February March April May June July August September October November December";
const DAYS: &str = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday";
/// Of a short form.
const SHORT: usize = 3;

/// It may be the name of a month or of a day of the week.
pub(super) fn begins_with_name(run: &[u8]) -> bool {
    is_of(MONTHS, run) || is_of(DAYS, run)
}

fn is_of(names: &str, run: &[u8]) -> bool {
    names.split(' ').map(str::as_bytes).any(|name| name == run || name[..SHORT] == *run)
}

pub(super) fn date(bytes: &[u8], at: usize) -> Option<usize> {
    let end = year_first(bytes, at)
        .or_else(|| year_last(bytes, at))
        .or_else(|| compact(bytes, at))
        .or_else(|| named(bytes, at))
        .or_else(|| clock(bytes, at).filter(|end| has_seconds(&bytes[at..*end])))?;
    ends(bytes, end).then_some(end)
}

fn has_seconds(text: &[u8]) -> bool {
    text.iter().filter(|byte| **byte == b':').count() >= 2
}

fn one_of(bytes: &[u8], at: usize, wanted: &[u8]) -> Option<usize> {
    bytes.get(at).filter(|byte| wanted.contains(byte)).map(|_| at + 1)
}

/// `2024-01-02`, with a time of day or without.
fn year_first(bytes: &[u8], at: usize) -> Option<usize> {
    let month = one_of(bytes, digits(bytes, at, 4, 4)?, b"-/.")?;
    let separator = bytes[month - 1];
    let day = one_of(bytes, digits(bytes, month, 1, 2)?, &[separator])?;
    let end = digits(bytes, day, 1, 2)?;
    Some(with_clock(bytes, end))
}

/// `02.01.2024`, `1/2/2024`.
fn year_last(bytes: &[u8], at: usize) -> Option<usize> {
    let second = one_of(bytes, digits(bytes, at, 1, 2)?, b"-/.")?;
    let separator = bytes[second - 1];
    let year = one_of(bytes, digits(bytes, second, 1, 2)?, &[separator])?;
    let end = digits(bytes, year, 4, 4)?;
    Some(with_clock(bytes, end))
}

/// `20240102T030405Z`.
fn compact(bytes: &[u8], at: usize) -> Option<usize> {
    let time = one_of(bytes, digits(bytes, at, 8, 8)?, b"T")?;
    let end = digits(bytes, time, 4, 6)?;
    Some(one_of(bytes, end, b"Z").unwrap_or(end))
}

/// `Mon, 02 Jan 2006 15:04:05 GMT`, `Jan 2, 2006`, `Mon Jan  2 15:04:05 2006`.
fn named(bytes: &[u8], at: usize) -> Option<usize> {
    let start = match name(bytes, at, DAYS) {
        Some(end) => blanks(bytes, one_of(bytes, end, b",").unwrap_or(end))?,
        None => at,
    };
    let date = match name(bytes, start, MONTHS) {
        Some(month) => digits(bytes, blanks(bytes, month)?, 1, 2)?,
        None => name(bytes, blanks(bytes, digits(bytes, start, 1, 2)?)?, MONTHS)?,
    };
    let date =
        with_year(bytes, one_of(bytes, date, b",").map_or(date, |comma| year_behind(bytes, comma, date)));
    Some(with_year(bytes, with_clock(bytes, date)))
}

/// The comma belongs to the date if a year follows it.
fn year_behind(bytes: &[u8], comma: usize, date: usize) -> usize {
    if with_year(bytes, comma) > comma { comma } else { date }
}

fn name(bytes: &[u8], at: usize, names: &str) -> Option<usize> {
    let end = run_end(bytes, at, |byte| byte.is_ascii_alphabetic());
    is_of(names, &bytes[at..end]).then_some(end)
}

fn blanks(bytes: &[u8], at: usize) -> Option<usize> {
    let end = run_end(bytes, at, |byte| byte == b' ');
    (end > at).then_some(end)
}

fn with_year(bytes: &[u8], end: usize) -> usize {
    let year = blanks(bytes, end).and_then(|at| digits(bytes, at, 4, 4));
    year.filter(|year| ends(bytes, *year)).unwrap_or(end)
}

fn with_clock(bytes: &[u8], end: usize) -> usize {
    let at = one_of(bytes, end, b"T ").or_else(|| one_of(bytes, end, b",").and_then(|at| blanks(bytes, at)));
    at.and_then(|at| clock(bytes, at)).filter(|end| ends(bytes, *end)).unwrap_or(end)
}

/// `3:04`, `03:04:05.678`, with `PM` or a zone behind it.
fn clock(bytes: &[u8], at: usize) -> Option<usize> {
    let minutes = one_of(bytes, digits(bytes, at, 1, 2)?, b":")?;
    let mut end = digits(bytes, minutes, 2, 2)?;
    if let Some(seconds) = one_of(bytes, end, b":").and_then(|at| digits(bytes, at, 2, 2)) {
        end = seconds;
        let fraction = one_of(bytes, end, b".,").and_then(|at| digits(bytes, at, 1, 9));
        end = fraction.unwrap_or(end);
    }
    Some(zone(bytes, end).unwrap_or(end))
}

fn zone(bytes: &[u8], end: usize) -> Option<usize> {
    let at = one_of(bytes, end, b" ").unwrap_or(end);
    for word in [&b"AM"[..], b"PM", b"am", b"pm", b"UTC", b"GMT"] {
        if bytes[at..].starts_with(word) && ends(bytes, at + word.len()) {
            return Some(at + word.len());
        }
    }
    if let Some(zulu) = one_of(bytes, end, b"Z") {
        return Some(zulu);
    }
    let hours = digits(bytes, one_of(bytes, at, b"+-")?, 2, 4)?;
    Some(one_of(bytes, hours, b":").and_then(|at| digits(bytes, at, 2, 2)).unwrap_or(hours))
}
