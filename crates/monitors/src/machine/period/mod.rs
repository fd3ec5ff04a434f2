//! Time periods: Nagios's lines, in a zone of their own.
//!
//! Times are of the wall clock, so that `monday 09:00-17:00` stays that on the days on which the clock changes;
//! Nagios counts seconds from midnight and is an hour off on these two days.

mod lines;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;

use super::knobs::PeriodId;
pub(super) use lines::{Line, read_line};

/// How far ahead a period is looked through for its next valid moment, as Nagios does: about a year.
const DAYS_AHEAD: u32 = 366;
/// What is taken out of a period ends for Nagios so many seconds after its last moment, where it looks for the next
/// one that is valid.
const AFTER_EXCLUDED: i64 = 60;

const DAY: i64 = 86_400;

/// Seconds from midnight, both ends included, as Nagios reads them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub start: i64,
    pub end: i64,
}

/// A day as a rule names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Day {
    Date(Date),
    /// The month, and its day; negative from its end.
    OfYear(i8, i32),
    /// Negative from the month's end.
    OfMonth(i32),
    /// The month, and the nth of a weekday in it.
    WeekdayOfYear(i8, Weekday, i32),
    WeekdayOfMonth(Weekday, i32),
}

/// Days that have times of their own in the place of their weekday's.
#[derive(Clone, Debug)]
pub(super) struct Exception {
    pub first: Day,
    pub last: Day,
    /// Each nth day of them; below 2: all.
    pub skip: i32,
    pub spans: Vec<Span>,
}

#[derive(Clone, Debug)]
pub(super) struct Period {
    zone: TimeZone,
    /// Sunday first.
    weekdays: [Vec<Span>; 7],
    /// In Nagios's order: dates, then days of a year, of a month, weekdays of a year, of a month.
    exceptions: [Vec<Exception>; 5],
    pub exclude: Vec<PeriodId>,
    /// Nothing is ever outside.
    always: bool,
}

impl Period {
    pub fn always(zone: TimeZone) -> Period {
        let mut period = Period::never(zone);
        period.always = true;
        period.weekdays = std::array::from_fn(|_| vec![Span { start: 0, end: DAY }]);
        period
    }

    pub fn never(zone: TimeZone) -> Period {
        Period {
            zone,
            weekdays: Default::default(),
            exceptions: Default::default(),
            exclude: Vec::new(),
            always: false,
        }
    }

    pub fn add(&mut self, line: Line) {
        match line {
            // A later line for the same weekday stands in the place of the earlier, as in Nagios.
            Line::Weekday(day, spans) => self.weekdays[day.to_sunday_zero_offset() as usize] = spans,
            Line::Exception(exception) => self.exceptions[rank(exception.first)].push(exception),
        }
        let whole = |spans: &Vec<Span>| spans.contains(&Span { start: 0, end: DAY });
        self.always = self.weekdays.iter().all(whole) && self.exceptions.iter().all(Vec::is_empty);
    }

    pub fn contains(&self, at: i64, all: &[Period]) -> bool {
        if self.exclude.iter().any(|other| all[other.0 as usize].contains(at, all)) {
            return false;
        }
        self.always || {
            let (date, second) = self.civil(at);
            self.spans_of(date).iter().any(|span| span.start <= second && second <= span.end)
        }
    }

    /// The first moment from `from` on that lies inside; nothing: there is none for about a year.
    pub fn next_valid(&self, from: i64, all: &[Period]) -> Option<i64> {
        if self.contains(from, all) {
            return Some(from);
        }
        let edge = self.edges(from, all).find(|edge| self.contains(*edge, all))?;
        // What is taken out ends a minute later for whoever waits for its end, as in Nagios.
        let was_out = self.exclude.iter().any(|other| all[other.0 as usize].contains(edge - 1, all));
        if was_out { self.next_valid(edge - 1 + AFTER_EXCLUDED, all) } else { Some(edge) }
    }

    /// The first moment after `from`, which lies inside, that does not.
    pub fn next_invalid(&self, from: i64, all: &[Period]) -> Option<i64> {
        self.edges(from, all).find(|edge| !self.contains(*edge, all))
    }

    /// Each moment after `from` at which it may begin or end, in order.
    fn edges<'p>(&'p self, from: i64, all: &'p [Period]) -> impl Iterator<Item = i64> + 'p {
        let (mut date, _) = self.civil(from);
        let mut days_left = DAYS_AHEAD;
        let mut edges: Vec<i64> = Vec::new();
        std::iter::from_fn(move || {
            loop {
                if let Some(edge) = edges.pop() {
                    return Some(edge);
                }
                days_left = days_left.checked_sub(1)?;
                let next = date.tomorrow().ok()?;
                let day = self.moment(date, 0)..self.moment(next, 0);
                self.edges_near(date, all, &mut edges);
                edges.retain(|edge| *edge > from && day.contains(edge));
                edges.sort_unstable_by(|one, other| other.cmp(one));
                edges.dedup();
                date = next;
            }
        })
    }

    /// Of this day and its neighbours: what ends at midnight ends in the next, and another zone's day lies across two.
    fn edges_near(&self, date: Date, all: &[Period], edges: &mut Vec<i64>) {
        for near in [date.yesterday(), Ok(date), date.tomorrow()].into_iter().flatten() {
            edges.push(self.moment(near, 0));
            for span in self.spans_of(near) {
                edges.push(self.moment(near, span.start));
                edges.push(self.moment(near, span.end) + 1);
            }
        }
        for other in &self.exclude {
            all[other.0 as usize].edges_near(date, all, edges);
        }
    }

    fn civil(&self, at: i64) -> (Date, i64) {
        let at = Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH);
        let local = self.zone.to_datetime(at);
        let time = local.time();
        let second = i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
        (local.date(), second)
    }

    /// A wall-clock time that the change of the clock leaves out is the moment after the gap; one that it
    /// brings twice is the first of the two.
    fn moment(&self, date: Date, second: i64) -> i64 {
        let (date, second) =
            if second >= DAY { (date.tomorrow().unwrap_or(date), second - DAY) } else { (date, second) };
        let at = date.at((second / 3600) as i8, (second / 60 % 60) as i8, (second % 60) as i8, 0);
        self.zone.to_ambiguous_timestamp(at).compatible().map_or(i64::MAX / 2, Timestamp::as_second)
    }

    fn spans_of(&self, date: Date) -> &[Span] {
        let mut exceptions = self.exceptions.iter().flatten();
        match exceptions.find(|exception| exception.covers(date)) {
            Some(exception) => &exception.spans,
            None => &self.weekdays[date.weekday().to_sunday_zero_offset() as usize],
        }
    }
}

/// Nagios looks through exceptions kind by kind, not in the order in which they are written.
fn rank(day: Day) -> usize {
    match day {
        Day::Date(_) => 0,
        Day::OfYear(..) => 1,
        Day::OfMonth(_) => 2,
        Day::WeekdayOfYear(..) => 3,
        Day::WeekdayOfMonth(..) => 4,
    }
}

impl Exception {
    fn covers(&self, date: Date) -> bool {
        let Some(mut first) = self.first.in_month_of(date) else { return false };
        let Some(mut last) = self.last_day(date, first) else { return false };
        if self.skip > 1 {
            if first > date {
                return false;
            }
            let days = (date - first).get_days();
            if days % self.skip != 0 {
                return false;
            }
            // A single date with `/ n` goes on from there without an end.
            if matches!(self.first, Day::Date(_)) && self.first == self.last {
                last = date;
            }
            first = date;
        }
        if first <= last { first <= date && date <= last } else { first <= date || date <= last }
    }

    fn last_day(&self, date: Date, first: Date) -> Option<Date> {
        let mut last = self.last.in_month_of(date);
        let mut year = date;
        // `august 2 - february 5` goes into the next year. As in Nagios, days of the new year are not seen then.
        let over_the_year = matches!(self.last, Day::OfYear(..) | Day::WeekdayOfYear(..));
        if over_the_year && last.is_none_or(|last| last < first) {
            year = date.first_of_month().checked_add(jiff::Span::new().years(1)).ok()?;
            last = self.last.in_month_of(year);
        }
        // An end that the month does not have is its last day.
        last.or_else(|| match self.last {
            Day::Date(_) => None,
            Day::OfYear(month, day) => (day > 0).then(|| of_month(in_month(year, month)?, -1)).flatten(),
            Day::OfMonth(day) => (day > 0).then(|| of_month(date, -1)).flatten(),
            Day::WeekdayOfYear(_, _, nth) => {
                (nth > 0).then(|| of_month(in_month(year, date.month())?, -1)).flatten()
            }
            Day::WeekdayOfMonth(_, nth) => (nth > 0).then(|| of_month(date, -1)).flatten(),
        })
    }
}

impl Day {
    /// Which day that is in the month or year of `date`; nothing if there is none.
    fn in_month_of(self, date: Date) -> Option<Date> {
        match self {
            Day::Date(day) => Some(day),
            Day::OfYear(month, day) => of_month(in_month(date, month)?, day),
            Day::OfMonth(day) => of_month(date, day),
            Day::WeekdayOfYear(month, weekday, nth) => weekday_of_month(in_month(date, month)?, weekday, nth),
            Day::WeekdayOfMonth(weekday, nth) => weekday_of_month(date, weekday, nth),
        }
    }
}

fn in_month(date: Date, month: i8) -> Option<Date> {
    Date::new(date.year(), month, 1).ok()
}

/// Nagios takes -31 and beyond as -31, and day 0 as the one after the month's last, which is none.
fn of_month(month: Date, day: i32) -> Option<Date> {
    let days = i32::from(month.days_in_month());
    let day = if day > 0 { day } else { days + 1 + day.max(-31) };
    if !(1..=days).contains(&day) {
        return None;
    }
    Date::new(month.year(), month.month(), day as i8).ok()
}

/// Beyond the fifth is the fifth, as in Nagios.
fn weekday_of_month(month: Date, weekday: Weekday, nth: i32) -> Option<Date> {
    if nth == 0 {
        return None;
    }
    month.nth_weekday_of_month(nth.clamp(-5, 5) as i8, weekday).ok()
}
