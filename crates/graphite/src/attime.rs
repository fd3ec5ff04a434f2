//! The time grammar of `from`, `until`, `now` and of dates and intervals in functions: graphite-web 1.1.10's
//! `attime`, with its habits.
//!
//! `[time of day][day][+|-offset]`, or epoch seconds. Days and times of day are read in a zone; offsets are
//! plain seconds (a day is 86,400 of them, a month 30 days, a year 365). Lengths in months of other kinds do
//! not exist. `12:30pm` is half past midnight, since `pm` adds twelve hours modulo 24.

use jiff::civil::{Date, DateTime};
use jiff::tz::{AmbiguousOffset, Offset, TimeZone};
use vocabulary::Timestamp;

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// The last second that the original can tell: the end of the year 9999.
const LAST_SECOND: i64 = 253_402_300_799;
const FIRST_SECOND: i64 = -62_135_596_800;

/// Why a text is no time, as Python words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeError(pub String);

impl std::fmt::Display for TimeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TimeError {}

fn error<T>(what: impl Into<String>) -> Result<T, TimeError> {
    Err(TimeError(what.into()))
}

/// A zone by its name in the zone database, in any letter case.
pub fn zone(name: &str) -> Option<TimeZone> {
    if name.is_empty() { None } else { TimeZone::get(name).ok() }
}

/// A moment, read in the zone; `now` is what it is relative to.
pub fn parse(text: &str, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, TimeError> {
    let text: String = text.trim().to_lowercase().chars().filter(|c| !"_, ".contains(*c)).collect();
    if is_digits(&text) && !is_calendar_day(&text) {
        let seconds: i64 = text.parse().unwrap_or(i64::MAX);
        if seconds > LAST_SECOND {
            return error("year is out of range");
        }
        return Ok(Timestamp(seconds));
    }
    let split = text.find('+').or_else(|| text.find('-')).unwrap_or(text.len());
    let (reference, offset) = text.split_at(split);
    let reference = parse_reference(reference, zone, now)?;
    let moment = reference.0.checked_add(parse_offset(offset)?);
    match moment {
        Some(seconds) if (FIRST_SECOND..=LAST_SECOND).contains(&seconds) => Ok(Timestamp(seconds)),
        _ => error("date value out of range"),
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Eight digits that look like YYYYMMDD are a day, not a second of 1970 or so.
fn is_calendar_day(digits: &str) -> bool {
    let number = |range: std::ops::Range<usize>| digits[range].parse::<u32>().unwrap_or(0);
    digits.len() == 8 && number(0..4) > 1900 && number(4..6) < 13 && number(6..8) < 32
}

/// `[time of day][day]`
fn parse_reference(raw: &str, zone: &TimeZone, now: Timestamp) -> Result<Timestamp, TimeError> {
    if raw.is_empty() || raw == "now" {
        return Ok(now);
    }
    let (hour, minute, day) = parse_time_of_day(raw)?;
    if !(0..24).contains(&hour) {
        return error("hour must be in 0..23");
    }
    if !(0..60).contains(&minute) {
        return error("minute must be in 0..59");
    }
    let today = civil(now, zone).date();
    let date = parse_day(day, raw, today)?;
    localize(date.at(hour as i8, minute as i8, 0, 0), zone)
}

/// Hour, minute, and what is left of the text.
fn parse_time_of_day(text: &str) -> Result<(i64, i64, &str), TimeError> {
    let (mut hour, mut minute, mut rest) = (0, 0, text);
    if let Some(colon @ 1..=2) = rest.find(':') {
        hour = python_int(&rest[..colon])?;
        minute = python_int(slice(rest, colon + 1, colon + 3))?;
        rest = slice(rest, colon + 3, rest.len());
        if let Some(after) = rest.strip_prefix("am") {
            rest = after;
        } else if let Some(after) = rest.strip_prefix("pm") {
            hour = (hour + 12).rem_euclid(24);
            rest = after;
        }
    }
    if let Some(at @ 1..=2) = rest.find("am") {
        hour = python_int(&rest[..at])?;
        rest = &rest[at + 2..];
    }
    if let Some(at @ 1..=2) = rest.find("pm") {
        hour = (python_int(&rest[..at])? + 12).rem_euclid(24);
        rest = &rest[at + 2..];
    }
    for (word, its_hour) in [("noon", 12), ("midnight", 0), ("teatime", 16)] {
        if let Some(after) = rest.strip_prefix(word) {
            return Ok((its_hour, 0, after));
        }
    }
    Ok((hour, minute, rest))
}

fn parse_day(text: &str, raw: &str, today: Date) -> Result<Date, TimeError> {
    let out_of_range = |_| TimeError("date value out of range".into());
    match text {
        "" | "today" => return Ok(today),
        "yesterday" => return today.yesterday().map_err(out_of_range),
        "tomorrow" => return today.tomorrow().map_err(out_of_range),
        _ => {}
    }
    if text.matches('/').count() == 2 {
        let parts = text.split('/').map(python_int).collect::<Result<Vec<_>, _>>()?;
        let mut year = parts[2];
        if year < 1900 {
            year += 1900;
        }
        if year < 1970 {
            year += 100;
        }
        return day_of(year, parts[0], parts[1]);
    }
    if text.len() == 8 && is_digits(text) {
        return day_of(python_int(&text[..4])?, python_int(&text[4..6])?, python_int(&text[6..])?);
    }
    let start = slice(text, 0, 3);
    if let Some(month) = MONTHS.iter().position(|name| *name == start) {
        let bytes = text.as_bytes();
        let digits = bytes.iter().rev().take(2).take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return error("Day of month required after month name");
        }
        let day = python_int(&text[text.len() - digits..])?;
        return day_of(i64::from(today.year()), month as i64 + 1, day);
    }
    if let Some(wanted) = WEEKDAYS.iter().position(|name| *name == start) {
        let this = today.weekday().to_sunday_zero_offset() as i64;
        let back = (this - wanted as i64).rem_euclid(7);
        return today.checked_sub(jiff::Span::new().days(back)).map_err(out_of_range);
    }
    error(format!("Unknown day reference: {raw}"))
}

/// The bytes from..to as far as there are such and they are whole characters.
fn slice(text: &str, from: usize, to: usize) -> &str {
    text.get(from.min(text.len())..to.min(text.len())).unwrap_or_default()
}

fn day_of(year: i64, month: i64, day: i64) -> Result<Date, TimeError> {
    if [year, month, day].iter().any(|number| *number > i64::from(i32::MAX)) {
        return error("signed integer is greater than maximum");
    }
    if !(1..=9999).contains(&year) {
        return error(format!("year {year} is out of range"));
    }
    if !(1..=12).contains(&month) {
        return error("month must be in 1..12");
    }
    let day_error = || TimeError("day is out of range for month".into());
    let day = i8::try_from(day).map_err(|_| day_error())?;
    Date::new(year as i16, month as i8, day).map_err(|_| day_error())
}

fn python_int(text: &str) -> Result<i64, TimeError> {
    let digits = text.trim().strip_prefix(['+', '-']).unwrap_or(text.trim());
    let wrong =
        || TimeError(format!("invalid literal for int() with base 10: {}", crate::python::quoted(text)));
    if !is_digits(digits) {
        return Err(wrong());
    }
    // Nothing that a time holds is this long; what is, is out of every range.
    text.trim().parse().map_err(|_| TimeError("Python int too large to convert to C int".into()))
}

/// `[+|-] NUMBER UNIT ...` in seconds. Without a sign it is positive, with one it holds for all parts.
pub fn parse_offset(text: &str) -> Result<i64, TimeError> {
    let Some(first) = text.chars().next() else { return Ok(0) };
    let (sign, mut rest) = match first {
        '+' => (1, &text[1..]),
        '-' => (-1, &text[1..]),
        c if c.is_ascii_digit() => (1, text),
        _ => return error(format!("'Invalid offset: {text}'")),
    };
    let mut seconds: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest.split_at(digits);
        let letters: usize = after.chars().take_while(|c| c.is_alphabetic()).map(char::len_utf8).sum();
        let (unit, after) = after.split_at(letters);
        let number = python_int(number)?;
        let part = number.checked_mul(Unit::of(unit)?.seconds());
        let sum = part.and_then(|part| seconds.checked_add(sign * part));
        // Python's longest time span is 999,999,999 days.
        let sum = sum.filter(|sum| sum.abs() <= 999_999_999 * 86_400);
        seconds = sum.ok_or_else(|| TimeError("the interval is longer than 999999999 days".into()))?;
        rest = after;
    }
    Ok(seconds)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Seconds,
    Minutes,
    Hours,
    Days,
    Weeks,
    Months,
    Years,
}

impl Unit {
    /// By how the text begins: `s`, `min`, `h`, `d`, `w`, `mon`, `y`.
    pub fn of(text: &str) -> Result<Unit, TimeError> {
        let units = [
            ("s", Unit::Seconds),
            ("min", Unit::Minutes),
            ("h", Unit::Hours),
            ("d", Unit::Days),
            ("w", Unit::Weeks),
            ("mon", Unit::Months),
            ("y", Unit::Years),
        ];
        match units.iter().find(|(start, _)| text.starts_with(start)) {
            Some((_, unit)) => Ok(*unit),
            None => error(format!("Invalid offset unit '{text}'")),
        }
    }

    pub fn seconds(self) -> i64 {
        match self {
            Unit::Seconds => 1,
            Unit::Minutes => 60,
            Unit::Hours => 3_600,
            Unit::Days => 86_400,
            Unit::Weeks => 7 * 86_400,
            Unit::Months => 30 * 86_400,
            Unit::Years => 365 * 86_400,
        }
    }
}

/// What clocks of the zone show at that moment.
pub fn civil(moment: Timestamp, zone: &TimeZone) -> DateTime {
    let seconds = moment.0.clamp(FIRST_SECOND, LAST_SECOND);
    let timestamp = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    zone.to_datetime(timestamp)
}

pub fn is_summer_time(moment: Timestamp, zone: &TimeZone) -> bool {
    let moment = jiff::Timestamp::from_second(moment.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    zone.to_offset_info(moment).dst().is_dst()
}

/// The moment at which clocks of the zone show this. Of what they show twice, the time that is not summer time,
/// or else the later one; what they never show is counted on from before the gap.
pub fn localize(shown: DateTime, zone: &TimeZone) -> Result<Timestamp, TimeError> {
    let moment =
        |offset: Offset| offset.to_timestamp(shown).map_err(|_| TimeError("date value out of range".into()));
    let moment = match zone.to_ambiguous_timestamp(shown).offset() {
        AmbiguousOffset::Unambiguous { offset } => moment(offset)?,
        AmbiguousOffset::Gap { before, .. } => moment(before)?,
        AmbiguousOffset::Fold { before, after } => {
            let (earlier, later) = (moment(before)?, moment(after)?);
            let summer = |moment| zone.to_offset_info(moment).dst().is_dst();
            if summer(later) && !summer(earlier) { earlier } else { later }
        }
    };
    Ok(Timestamp(moment.as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2024-03-13 12:34:56 UTC, a Wednesday.
    const NOW: Timestamp = Timestamp(1_710_333_296);

    #[test]
    fn times() {
        let check = |text: &str, wanted: i64| {
            assert_eq!(parse(text, &TimeZone::UTC, NOW), Ok(Timestamp(wanted)), "{text}");
        };
        let today = 1_710_288_000;
        check("", NOW.0);
        check("now", NOW.0);
        check("-1h", NOW.0 - 3600);
        check("1234567890", 1_234_567_890);
        check("20240229", 1_709_164_800);
        check("19700101", 0);
        check("18990101", 18_990_101);
        check("noon", today + 43_200);
        check("6pm yesterday", today + 18 * 3600 - 86_400);
        check("12:30pm", today + 30 * 60);
        check("10:15am tomorrow", today + 36_900 + 86_400);
        check("monday", today - 2 * 86_400);
        check("wednesday", today);
        check("thu", today - 6 * 86_400);
        check("Jan 5", 1_704_412_800);
        check("02/29/24", 1_709_164_800);
        check("midnight_02/29/2024+1h30min", 1_709_164_800 + 5400);
    }

    #[test]
    fn what_is_no_time() {
        let check = |text: &str, wanted: &str| {
            assert_eq!(parse(text, &TimeZone::UTC, NOW), Err(TimeError(wanted.into())), "{text}");
        };
        check("foo", "Unknown day reference: foo");
        check("now-1d+1h", "Unknown day reference: now-1d");
        check("1:5pm", "invalid literal for int() with base 10: '5p'");
        check("+1h-5min", "invalid literal for int() with base 10: ''");
        check("-1m", "Invalid offset unit 'm'");
        check("-h", "invalid literal for int() with base 10: ''");
        check("25:00", "hour must be in 0..23");
        check("02/30/24", "day is out of range for month");
        check("13/01/24", "month must be in 1..12");
        check("january", "Day of month required after month name");
    }

    #[test]
    fn offsets() {
        let check = |text: &str, wanted: i64| assert_eq!(parse_offset(text), Ok(wanted), "{text}");
        check("", 0);
        check("5min", 300);
        check("-1h30min", -5400);
        check("+2weeks", 1_209_600);
        check("1month1year", 395 * 86_400);
        assert!(parse_offset("x").is_err() && parse_offset("1").is_err() && parse_offset("1h-1s").is_err());
        assert!(parse_offset("99999999999999999999d").is_err());
    }

    #[test]
    fn clocks_that_change() {
        let zone = zone("america/new_york").unwrap();
        let at = |text: &str| parse(text, &zone, NOW).unwrap().0;
        assert_eq!(at("2:30am 03/10/24"), 1_710_055_800);
        assert_eq!(at("1:30am 11/03/24"), 1_730_615_400);
        assert_eq!(at("noon 07/01/24"), 1_719_849_600);
    }
}
