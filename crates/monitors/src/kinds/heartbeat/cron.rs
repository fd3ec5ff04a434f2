//! Cron expressions of five fields, as Healthchecks reads them: what Debian's cron takes, `L`, `LW`, `5L` and `1#2`.
//!
//! As in Debian's cron a job at fixed hours runs right after a gap of the clock that it falls into, and once when its
//! hour comes twice; one whose minute or hour begins with `*` follows real time. If the day of the month or of the week
//! begins with `*`, both must match, else either.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp as Instant, ToSpan};

use super::calendar::{self, Bits, Moment, TimesOfDay};

/// As Healthchecks.
pub const MAX_LENGTH: usize = 100;
/// What never comes in so many years is refused.
const MAX_YEARS: i16 = 50;
const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const LONGEST: [u32; 13] = [0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    times: TimesOfDay,
    days: Bits,
    last_day: bool,
    last_weekday: bool,
    months: Bits,
    /// 0 and 7 are Sunday.
    weekdays: Bits,
    /// The last Monday, ... of a month.
    last_of_weekday: Bits,
    /// The first, second, ... Monday, ...
    nth: [Bits; 6],
    both_days: bool,
    /// Runs at hours of the wall clock, not at intervals.
    fixed: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Minute,
    Hour,
    Day,
    Month,
    Weekday,
}

/// What one field may hold.
#[derive(Default)]
struct Parsed {
    numbers: Bits,
    last: bool,
    last_weekday: bool,
    last_of_weekday: Bits,
    nth: [Bits; 6],
}

impl Field {
    fn range(self) -> (u32, u32) {
        match self {
            Field::Minute => (0, 59),
            Field::Hour => (0, 23),
            Field::Day => (1, 31),
            Field::Month => (1, 12),
            Field::Weekday => (0, 7),
        }
    }

    fn problem(self, part: &str) -> String {
        let (name, (low, high)) = (self.name(), self.range());
        format!(
            "`{part}` is no {name} of a cron expression: write numbers from {low} to {high}, `*`, ranges `a-b`, lists `a,b`, steps `*/n`"
        )
    }

    fn name(self) -> &'static str {
        match self {
            Field::Minute => "minute",
            Field::Hour => "hour",
            Field::Day => "day of the month",
            Field::Month => "month",
            Field::Weekday => "day of the week",
        }
    }

    fn number(self, text: &str) -> Option<u32> {
        let by_name = |names: &[&str]| names.iter().position(|name| *name == text);
        let named = match self {
            Field::Month => by_name(&MONTHS).map(|index| index + 1),
            Field::Weekday => by_name(&DAYS),
            _ => None,
        };
        if let Some(named) = named {
            return u32::try_from(named).ok();
        }
        let (low, high) = self.range();
        digits(text).filter(|number| (low..=high).contains(number))
    }

    /// The order in which the forms are looked for is cronsim's, so that mixtures mean or lack the same.
    fn parse(self, text: &str, into: &mut Parsed) -> Option<()> {
        let (low, high) = self.range();
        if text == "*" {
            into.numbers = into.numbers.union(Bits::of(low..=high));
        } else if text.contains(',') {
            for term in text.split(',') {
                self.parse(term, into)?;
            }
        } else if self == Field::Weekday && text.contains('L') {
            let day = text.strip_suffix('L').filter(|day| digits(day).is_some())?;
            into.last_of_weekday = into.last_of_weekday.union(Bits::of([self.number(day)?]));
        } else if self == Field::Weekday && text.contains('#') {
            let (day, nth) = text.split_once('#')?;
            let nth = digits(nth).filter(|nth| (1..=5).contains(nth))? as usize;
            into.nth[nth] = into.nth[nth].union(Bits::of([self.number(day)?]));
        } else if let Some((term, step)) = text.split_once('/') {
            self.parse_step(term, digits(step).filter(|step| *step > 0)?, into)?;
        } else if let Some((start, end)) = text.split_once('-') {
            let (start, end) = (self.number(start)?, self.number(end)?);
            (start <= end).then(|| into.numbers = into.numbers.union(Bits::of(start..=end)))?;
        } else if self == Field::Day && text == "LW" {
            into.last_weekday = true;
        } else if self == Field::Day && text == "L" {
            into.last = true;
        } else {
            into.numbers = into.numbers.union(Bits::of([self.number(text)?]));
        }
        Some(())
    }

    /// `a/n` goes from a to the end, others take each n-th of what they are.
    fn parse_step(self, term: &str, step: u32, into: &mut Parsed) -> Option<()> {
        let mut of = Parsed::default();
        self.parse(term, &mut of)?;
        into.last |= of.last;
        into.last_weekday |= of.last_weekday;
        let (_, high) = self.range();
        let all: Vec<u32> = match of.numbers.0.count_ones() {
            1 => (of.numbers.0.trailing_zeros()..=high).collect(),
            _ => (0..64).filter(|number| of.numbers.0 >> number & 1 == 1).collect(),
        };
        into.numbers = into.numbers.union(Bits::of(all.into_iter().step_by(step as usize)));
        Some(())
    }
}

fn digits(text: &str) -> Option<u32> {
    let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // What is too long for a number is too large for any field.
    all.then(|| text.parse().unwrap_or(u32::MAX))
}

impl Cron {
    pub fn parse(text: &str) -> Result<Cron, String> {
        let upper = text.to_ascii_uppercase();
        let parts: Vec<&str> = upper.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = parts[..] else {
            return Err(format!(
                "`{text}` has {} fields, and a cron expression has five: minute, hour, day of the month, month, day of the week",
                parts.len()
            ));
        };
        let field = |field: Field, part: &str| {
            let mut parsed = Parsed::default();
            field.parse(part, &mut parsed).map(|()| parsed).ok_or_else(|| field.problem(part))
        };
        let minutes = field(Field::Minute, minute)?.numbers;
        let hours = field(Field::Hour, hour)?.numbers;
        let days = field(Field::Day, day)?;
        let months = field(Field::Month, month)?.numbers;
        let weekdays = field(Field::Weekday, weekday)?;
        let cron = Cron {
            times: TimesOfDay { hours, minutes, seconds: Bits::of([0]) },
            days: days.numbers,
            last_day: days.last,
            last_weekday: days.last_weekday,
            months,
            weekdays: weekdays.numbers,
            last_of_weekday: weekdays.last_of_weekday,
            nth: weekdays.nth,
            both_days: day.starts_with('*') || weekday.starts_with('*'),
            fixed: !minute.starts_with('*') && !hour.starts_with('*'),
        };
        cron.refuse_never(text)?;
        Ok(cron)
    }

    fn refuse_never(&self, text: &str) -> Result<(), String> {
        let never = || Err(format!("`{text}` never comes: no month that it names has that day"));
        let last = self.last_day || self.last_weekday;
        let first = self.days.0.trailing_zeros();
        let longest =
            (1..=12).filter(|month| self.months.has(*month as i8)).map(|month| LONGEST[month]).max();
        if self.both_days && !last && longest.is_some_and(|longest| first > longest) {
            return never();
        }
        match self.next(&TimeZone::UTC, 946_684_800) {
            Some(_) => Ok(()),
            None => never(),
        }
    }

    /// The first moment after this one, in seconds since 1970.
    pub fn next(&self, zone: &TimeZone, after: i64) -> Option<i64> {
        if self.fixed { self.next_fixed(zone, after) } else { self.next_running(zone, after) }
    }

    fn next_fixed(&self, zone: &TimeZone, after: i64) -> Option<i64> {
        let mut local = calendar::local(zone, after)?;
        let end = local.year().saturating_add(MAX_YEARS + 1);
        loop {
            local = calendar::next(local, end, &self.times, |date| self.next_date(date, end))?;
            // Of an hour that comes twice the first one counts, and it may be over already.
            let (Moment::At(at) | Moment::Gap(at)) = calendar::moment(zone, local)?;
            if at > after {
                return Some(at);
            }
        }
    }

    /// Minute by minute of real time, with long steps over hours and days that do not match.
    fn next_running(&self, zone: &TimeZone, after: i64) -> Option<i64> {
        let mut at = after - after.rem_euclid(60) + 60;
        let end = calendar::local(zone, at)?.year().saturating_add(MAX_YEARS + 1);
        loop {
            let local = calendar::local(zone, at)?;
            let date = local.date();
            let next = self.next_date(date, end)?;
            if next != date {
                at = next.to_zoned(zone.clone()).ok()?.timestamp().as_second();
            } else if !self.times.hours.has(local.hour()) {
                at += 60 * (60 - i64::from(local.minute()));
            } else if !self.times.minutes.has(local.minute()) {
                at += 60;
            } else {
                return Some(at);
            }
        }
    }

    fn next_date(&self, from: Date, end: i16) -> Option<Date> {
        let mut date = from;
        while date.year() < end {
            if !self.months.has(date.month()) {
                date = date.last_of_month().tomorrow().ok()?;
            } else if self.is_day(date) {
                return Some(date);
            } else {
                date = date.tomorrow().ok()?;
            }
        }
        None
    }

    fn is_day(&self, date: Date) -> bool {
        let (of_month, of_week) = (self.is_day_of_month(date), self.is_day_of_week(date));
        if self.both_days { of_month && of_week } else { of_month || of_week }
    }

    fn is_day_of_month(&self, date: Date) -> bool {
        self.days.has(date.day())
            || (self.last_day && date.day() == date.days_in_month())
            || (self.last_weekday && date == last_weekday(date))
    }

    fn is_day_of_week(&self, date: Date) -> bool {
        let sunday_is_7 = date.weekday().to_monday_one_offset();
        let among = |set: Bits| set.has(sunday_is_7) || set.has(sunday_is_7 % 7);
        let nth = (date.day() as usize).div_ceil(7);
        among(self.weekdays)
            || (among(self.last_of_weekday) && date.day() + 7 > date.days_in_month())
            || among(self.nth[nth])
    }
}

/// The last day of its month that is no Saturday and no Sunday.
fn last_weekday(date: Date) -> Date {
    let last = date.last_of_month();
    let back = i64::from(last.weekday().to_monday_one_offset() - 5).max(0);
    last.saturating_sub(back.days())
}

/// For texts.
pub fn utc(seconds: i64) -> String {
    Instant::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}
