//! When the events of a calendar come: from now on, each time of what comes again, but for those that are left out or moved.

use std::collections::BTreeSet;

use formats::ical::{self, Calendar, Event, Moment};
use jiff::civil::{Date, DateTime, Time as Clock};
use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use super::recurring::{self, plus};

const DAY: i64 = 86_400;
/// What is later than this will be seen in time.
const AHEAD_SECONDS: i64 = 400 * DAY;
/// Steps that the rules of one calendar may take: those of very many people for a century.
const ROOM: usize = 2_000_000;

/// A time at which an event comes.
#[derive(Clone, Copy, Debug)]
pub struct Time<'e> {
    pub event: &'e Event,
    pub from: Timestamp,
    pub until: Timestamp,
}

#[derive(Debug, Default)]
pub struct Coming<'e> {
    pub times: Vec<Time<'e>>,
    /// What was not understood, in the calendar's words.
    pub unread: BTreeSet<String>,
}

/// Those that are asked for; what is moved is seen in all. Whole days count however short the least time is.
/// `own`: the zone in which whole days are, and times that name none.
pub fn coming<'e>(
    calendar: &'e Calendar,
    is_asked_for: impl Fn(&Event) -> bool,
    least_seconds: i64,
    own: &'e TimeZone,
    now: Timestamp,
) -> Coming<'e> {
    let moved = calendar.events.iter().filter_map(|event| moved_from(event, own)).collect();
    let mut looking = Looking { own, now, moved, room: ROOM, coming: Coming::default() };
    for event in calendar.events.iter().filter(|event| is_asked_for(event)) {
        looking.enter(event, least_seconds);
    }
    let mut coming = looking.coming;
    if calendar.left_out > 0 {
        let (count, most) = (calendar.left_out, ical::MAX_EVENTS);
        coming.unread.insert(format!("{count} events without DTSTART or beyond {most}"));
    }
    coming
}

/// The series, and the time of it in whose place this stands.
fn moved_from<'e>(event: &'e Event, own: &TimeZone) -> Option<(&'e str, i64)> {
    let at = At::read(event.instead_of.as_ref()?, own)?;
    Some((event.uid.as_str(), at.second()?))
}

struct Looking<'e> {
    own: &'e TimeZone,
    now: Timestamp,
    moved: BTreeSet<(&'e str, i64)>,
    room: usize,
    coming: Coming<'e>,
}

impl<'e> Looking<'e> {
    fn enter(&mut self, event: &'e Event, least_seconds: i64) {
        let read = At::read(&event.start, self.own).and_then(|at| Some((length(event, &at, self.own)?, at)));
        let Some((length, at)) = read else {
            self.unread("DTSTART", &event.start.text);
            return;
        };
        if matches!(length, Length::Seconds(seconds) if seconds < least_seconds) {
            return;
        }
        event.unread.iter().for_each(|what| self.note(what.clone()));
        if let Some(name) = event.start.zone.as_ref().filter(|name| TimeZone::get(name).is_err()) {
            self.unread("TZID", name);
        }
        let days = self.days(event, &at);
        let mut times: Vec<At> = days.into_iter().map(|day| at.on(day)).collect();
        for moment in &event.also {
            match At::read(moment, self.own) {
                Some(at) => times.push(at),
                None => self.unread("RDATE", &moment.text),
            }
        }
        let (now, horizon) = (self.now.0, self.horizon());
        let spans = times.iter().filter_map(|at| Some((at, at.second()?, at.end(length).unwrap_or(horizon))));
        let ahead = spans.filter(|(_, from, until)| from < until && now < *until && *from < horizon);
        // Last, as each is compared with all that are left out.
        let coming = ahead.filter(|(at, ..)| self.comes(event, at));
        let times: Vec<Time<'e>> = coming
            .map(|(_, from, until)| Time { event, from: Timestamp(from), until: Timestamp(until) })
            .collect();
        self.coming.times.extend(times);
    }

    fn horizon(&self) -> i64 {
        self.now.0.saturating_add(AHEAD_SECONDS)
    }

    fn unread(&mut self, name: &str, text: &str) {
        let text: String = text.chars().filter(|c| !c.is_control()).take(60).collect();
        self.note(format!("{name}:{text}"));
    }

    /// Health shows it at each look.
    fn note(&mut self, what: String) {
        if self.coming.unread.len() < ical::MAX_UNREAD {
            self.coming.unread.insert(what);
        }
    }

    /// What cannot be worked out comes once, and is told of.
    fn days(&mut self, event: &Event, at: &At) -> Vec<Date> {
        let Some(rule) = &event.rule else { return vec![at.date] };
        let until = rule.until.as_ref().map(|moment| (moment, At::read(moment, &at.zone)));
        if let Some((moment, None)) = &until {
            self.unread("UNTIL", &moment.text);
            return vec![at.date];
        }
        let horizon = self.horizon();
        let is_over = |day: Date| {
            let ends = match &until {
                Some((moment, Some(until))) if moment.is_day() || event.start.is_day() => {
                    day > until.last_day(&at.zone)
                }
                Some((_, Some(until))) => at.on(day).second() > until.second(),
                _ => false,
            };
            ends || at.on(day).second().is_none_or(|from| from >= horizon)
        };
        match recurring::days(rule, at.date, is_over, &mut self.room) {
            Ok(days) => days,
            Err(recurring::TooMany) => {
                self.unread("RRULE", "more times than can be worked out");
                vec![at.date]
            }
        }
    }

    /// Neither left out nor moved to another time.
    fn comes(&self, event: &Event, at: &At) -> bool {
        let mut is_left_out = event.left_out.iter().filter_map(|moment| {
            let out = At::read(moment, self.own)?;
            Some(if moment.is_day() { out.date == at.date } else { out.second() == at.second() })
        });
        let is_moved = event.instead_of.is_none()
            && at.second().is_some_and(|second| self.moved.contains(&(event.uid.as_str(), second)));
        !is_left_out.any(|it| it) && !is_moved
    }
}

/// Days are as long as they are where the person is.
#[derive(Clone, Copy)]
enum Length {
    Days(i64),
    Seconds(i64),
}

/// None: it cannot be read.
fn length(event: &Event, at: &At, own: &TimeZone) -> Option<Length> {
    if event.start.is_day() {
        let days = match (&event.end, event.duration) {
            (Some(end), _) => i64::from(at.date.until(At::read(end, own)?.date).ok()?.get_days()),
            (None, Some(seconds)) => seconds.div_euclid(DAY),
            (None, None) => 1,
        };
        // Some write the last day as the end, and mean one day.
        return Some(Length::Days(days.max(1)));
    }
    let seconds = match (&event.end, event.duration) {
        (Some(end), _) => At::read(end, own)?.second()?.checked_sub(at.second()?)?,
        (None, duration) => duration.unwrap_or(0),
    };
    Some(Length::Seconds(seconds))
}

/// What a clock shows in a zone.
#[derive(Clone, Debug)]
struct At {
    date: Date,
    time: Clock,
    zone: TimeZone,
}

impl At {
    /// `20260105`, `20260105T090000`, `20260105T080000Z`; a zone that nobody knows is the person's own.
    fn read(moment: &Moment, own: &TimeZone) -> Option<At> {
        let text = moment.text.trim_end_matches('Z');
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<i16>().ok();
        let small = |from, to| number(from, to).and_then(|number| i8::try_from(number).ok());
        let date = Date::new(number(0, 4)?, small(4, 6)?, small(6, 8)?).ok()?;
        let time = match text.len() {
            8 => Clock::midnight(),
            // A second that is put in is the last one of its minute.
            15 => Clock::new(small(9, 11)?, small(11, 13)?, small(13, 15)?.min(59), 0).ok()?,
            _ => return None,
        };
        let named = moment.zone.as_deref().and_then(|name| TimeZone::get(name).ok());
        let zone = match moment.text.ends_with('Z') {
            true => TimeZone::UTC,
            false => named.unwrap_or_else(|| own.clone()),
        };
        Some(At { date, time, zone })
    }

    fn on(&self, date: Date) -> At {
        At { date, ..self.clone() }
    }

    fn second(&self) -> Option<i64> {
        let zoned = DateTime::from_parts(self.date, self.time).to_zoned(self.zone.clone()).ok()?;
        Some(zoned.timestamp().as_second())
    }

    /// Whole days may end at a moment: midnight of UTC, or where they are.
    fn last_day(&self, zone: &TimeZone) -> Date {
        let there = self.second().and_then(|second| jiff::Timestamp::from_second(second).ok());
        there.map_or(self.date, |there| there.to_zoned(zone.clone()).date().max(self.date))
    }

    /// None: beyond all calendars.
    fn end(&self, length: Length) -> Option<i64> {
        match length {
            Length::Days(days) => self.on(plus(self.date, days)?).second(),
            Length::Seconds(seconds) => self.second()?.checked_add(seconds),
        }
    }
}
