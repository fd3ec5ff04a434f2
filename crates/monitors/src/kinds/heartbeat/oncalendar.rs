//! systemd's calendar expressions (`OnCalendar=`), as Healthchecks reads them: `Mon..Fri 09:00`, `*-*~01 12:00 Europe/Riga`.
//!
//! Several lines are several expressions; the next of any of them counts. A local time that the clocks leave out is left
//! out; one that comes twice counts once, as in the library that Healthchecks uses.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::calendar::{self, Bits, Moment, TimesOfDay};

/// systemd looks no further.
const END_YEAR: i16 = 2200;
const FIRST_YEAR: u32 = 1970;
const MAX_LINES: usize = 10;
const WORDS: [(&str, &str); 9] = [
    ("minutely", "*-*-* *:*:00"),
    ("hourly", "*-*-* *:00:00"),
    ("daily", "*-*-* 00:00:00"),
    ("monthly", "*-*-01 00:00:00"),
    ("weekly", "Mon *-*-* 00:00:00"),
    ("yearly", "*-01-01 00:00:00"),
    ("annually", "*-01-01 00:00:00"),
    ("quarterly", "*-01,04,07,10-01 00:00:00"),
    ("semiannually", "*-01,07-01 00:00:00"),
];
const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

#[derive(Clone, Debug)]
pub struct OnCalendar(Vec<Line>);

#[derive(Clone, Debug)]
struct Line {
    /// None: that of the heartbeat.
    zone: Option<TimeZone>,
    /// 0 is Monday.
    weekdays: Bits,
    years: Years,
    months: Bits,
    days: Days,
    times: TimesOfDay,
}

#[derive(Clone, Debug)]
enum Years {
    Any,
    These(Vec<i16>),
}

#[derive(Clone, Copy, Debug)]
enum Days {
    /// Counted from the first.
    From(Bits),
    /// Counted back from the last, which is 1.
    Back(Bits),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Weekday,
    Year,
    Month,
    Day,
    Hour,
    Minute,
    Second,
}

impl Field {
    fn range(self) -> (u32, u32) {
        match self {
            Field::Weekday => (0, 6),
            Field::Year => (FIRST_YEAR, END_YEAR as u32 - 1),
            Field::Month => (1, 12),
            Field::Day => (1, 31),
            Field::Hour => (0, 23),
            Field::Minute | Field::Second => (0, 59),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Field::Weekday => "day of the week",
            Field::Year => "year",
            Field::Month => "month",
            Field::Day => "day of the month",
            Field::Hour => "hour",
            Field::Minute => "minute",
            Field::Second => "second",
        }
    }

    fn number(self, text: &str) -> Option<u32> {
        if self == Field::Weekday {
            let text = text.to_ascii_lowercase();
            let day = DAYS.iter().position(|day| *day == text || day[..3] == text);
            return day.and_then(|day| u32::try_from(day).ok());
        }
        let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let mut number: u32 = all.then(|| text.parse().unwrap_or(u32::MAX))?;
        if self == Field::Year && number < 100 {
            number += if number < 70 { 2000 } else { 1900 };
        }
        let (low, high) = self.range();
        (low..=high).contains(&number).then_some(number)
    }

    fn parse(self, text: &str) -> Result<Vec<u32>, String> {
        self.numbers(text, false)
            .ok_or_else(|| format!("`{text}` is no {} of a calendar expression", self.name()))
    }

    /// With `back` the day is counted from the end of the month; systemd takes those up to 28.
    fn numbers(self, text: &str, back: bool) -> Option<Vec<u32>> {
        let (low, high) = self.range();
        let high = if back { 28 } else { high };
        if self != Field::Weekday && text == "*" {
            return Some((low..=self.range().1).collect());
        }
        if text.contains('*') {
            return None;
        }
        if self == Field::Weekday {
            let text = text.trim_end_matches(',').replace('-', "..");
            return self.list(&text, back);
        }
        self.list(text, back).filter(|all| !back || all.iter().all(|number| *number <= high))
    }

    fn list(self, text: &str, back: bool) -> Option<Vec<u32>> {
        let mut all = Vec::new();
        for term in text.split(',') {
            all.extend(self.term(term, back)?);
        }
        Some(all)
    }

    fn term(self, text: &str, back: bool) -> Option<Vec<u32>> {
        if self != Field::Weekday
            && let Some((term, step)) = text.split_once('/')
        {
            let step =
                step.bytes().all(|byte| byte.is_ascii_digit()).then(|| step.parse::<usize>().ok()).flatten();
            let step = step.filter(|step| *step > 0)?;
            let of = self.term(term, back)?;
            let (_, high) = self.range();
            return Some(match (&of[..], back) {
                ([start], false) => (*start..=high).step_by(step).collect(),
                // From there on, that is nearer to the end of the month.
                ([start], true) => (1..=*start).rev().step_by(step).collect(),
                (_, false) => of.into_iter().step_by(step).collect(),
                (_, true) => of.into_iter().rev().step_by(step).collect(),
            });
        }
        if let Some((start, end)) = text.split_once("..") {
            let (start, end) = (self.number(start)?, self.number(end)?);
            return (start <= end).then(|| (start..=end).collect());
        }
        Some(vec![self.number(text)?])
    }
}

impl OnCalendar {
    pub fn parse(text: &str) -> Result<OnCalendar, String> {
        let lines: Vec<&str> = text.trim().split('\n').collect();
        if lines.len() > MAX_LINES {
            return Err(format!("there are more than {MAX_LINES} lines of calendar expressions"));
        }
        let lines = lines.into_iter().map(Line::parse).collect::<Result<_, _>>().map(OnCalendar)?;
        match lines.next(&TimeZone::UTC, 946_684_800) {
            Some(_) => Ok(lines),
            None => Err(format!("`{text}` never comes")),
        }
    }

    pub fn next(&self, zone: &TimeZone, after: i64) -> Option<i64> {
        self.0.iter().filter_map(|line| line.next(zone, after)).min()
    }
}

impl Line {
    fn parse(text: &str) -> Result<Line, String> {
        let mut text = text.trim();
        let mut zone = None;
        if let Some((head, name)) = text.rsplit_once(char::is_whitespace)
            && !name.starts_with(|c: char| c.is_ascii_digit() || c == '*')
            && let Ok(found) = TimeZone::get(name)
        {
            (text, zone) = (head.trim(), Some(found));
        }
        let word = WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
        let spread = word.map_or(text, |(_, meaning)| meaning).replace('~', "-~");
        let mut parts: Vec<&str> = spread.split_whitespace().collect();
        if parts.is_empty() {
            return Err("a calendar expression is empty: write one, such as \"Mon..Fri 09:00\"".into());
        }
        let times = match parts.last().filter(|part| part.contains(':')) {
            Some(part) => times(part)?,
            None => TimesOfDay { hours: Bits::of([0]), minutes: Bits::of([0]), seconds: Bits::of([0]) },
        };
        parts.pop_if(|part| part.contains(':'));
        let dated = |part: &&mut &str| {
            part.contains('-') && part.starts_with(|c: char| c.is_ascii_digit() || c == '*')
        };
        let date = parts.pop_if(|part| dated(&part));
        let (years, months, days) = match date {
            Some(date) => dates(date)?,
            None => (Years::Any, Bits::of(1..=12), Days::From(Bits::of(1..=31))),
        };
        let weekdays = match parts.first() {
            Some(part) => Bits::of(Field::Weekday.parse(part)?),
            None => Bits::of(0..=6),
        };
        if let Some(left) = parts.get(1) {
            return Err(format!(
                "`{left}` has no place in the calendar expression `{text}`: it is days of the week, a date and a time, such as \"Mon *-*-1..7 09:00\""
            ));
        }
        Ok(Line { zone, weekdays, years, months, days, times })
    }

    fn next(&self, zone: &TimeZone, after: i64) -> Option<i64> {
        let zone = self.zone.as_ref().unwrap_or(zone);
        let mut local = calendar::local(zone, after)?;
        loop {
            local = calendar::next(local, END_YEAR, &self.times, |date| self.next_date(date))?;
            match calendar::moment(zone, local)? {
                Moment::At(at) if at > after => return Some(at),
                // Left out, or the first of two that is over.
                _ => {}
            }
        }
    }

    fn next_date(&self, from: Date) -> Option<Date> {
        let mut date = from;
        while date.year() < END_YEAR {
            if !self.is_year(date.year()) {
                date = Date::new(date.year() + 1, 1, 1).ok()?;
            } else if !self.months.has(date.month()) {
                date = date.last_of_month().tomorrow().ok()?;
            } else if self.weekdays.has(date.weekday().to_monday_zero_offset()) && self.is_day(date) {
                return Some(date);
            } else {
                date = date.tomorrow().ok()?;
            }
        }
        None
    }

    fn is_year(&self, year: i16) -> bool {
        match &self.years {
            Years::Any => true,
            Years::These(years) => years.contains(&year),
        }
    }

    fn is_day(&self, date: Date) -> bool {
        match self.days {
            Days::From(days) => days.has(date.day()),
            Days::Back(days) => days.has(date.days_in_month() - date.day() + 1),
        }
    }
}

fn times(part: &str) -> Result<TimesOfDay, String> {
    let fields: Vec<&str> = part.split(':').collect();
    let (hours, minutes, seconds) = match fields[..] {
        [hours, minutes] => (hours, minutes, "0"),
        [hours, minutes, seconds] => (hours, minutes, seconds),
        _ => {
            return Err(format!(
                "`{part}` is no time of a calendar expression: write it as 09:00 or 09:00:00"
            ));
        }
    };
    Ok(TimesOfDay {
        hours: Bits::of(Field::Hour.parse(hours)?),
        minutes: Bits::of(Field::Minute.parse(minutes)?),
        seconds: Bits::of(Field::Second.parse(seconds)?),
    })
}

fn dates(part: &str) -> Result<(Years, Bits, Days), String> {
    let fields: Vec<&str> = part.split('-').collect();
    let (year, month, day) = match fields[..] {
        [month, day] => ("*", month, day),
        [year, month, day] => (year, month, day),
        _ => {
            return Err(format!(
                "`{part}` is no date of a calendar expression: write it as 2026-12-24 or 12-24"
            ));
        }
    };
    let years = match year {
        "*" => Years::Any,
        year => Years::These(
            Field::Year.parse(year)?.into_iter().filter_map(|year| i16::try_from(year).ok()).collect(),
        ),
    };
    let problem =
        || format!("`{day}` is no day of a calendar expression; counted from the end there are 1 to 28");
    let days = match day.strip_prefix('~') {
        Some(back) => Days::Back(Bits::of(Field::Day.numbers(back, true).ok_or_else(problem)?)),
        None => Days::From(Bits::of(Field::Day.parse(day)?)),
    };
    Ok((years, Bits::of(Field::Month.parse(month)?), days))
}
