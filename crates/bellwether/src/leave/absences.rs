//! When somebody is away, by the events of their calendar: whole days, and what lasts for half of one. What is marked as
//! free, or was cancelled, is no absence; neither is a meeting, in which a telephone can ring.

use std::collections::BTreeSet;

use formats::ical::{self, Event, Moment};
use incidents::oncall::leave::Leave;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use super::recurring::{self, plus};

const LEAVE_SECONDS: i64 = 4 * 3_600;
const DAY: i64 = 86_400;
/// Who is away later than this will be seen in time.
const AHEAD_SECONDS: i64 = 400 * DAY;
/// Steps that the rules of one calendar may take: those of very many people for a century.
const ROOM: usize = 2_000_000;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub leave: Vec<Leave>,
    /// What was not understood, in the calendar's words.
    pub unread: BTreeSet<String>,
}

/// `own`: the zone of the person, in which whole days are, and times that name none.
pub fn found(text: &str, own: &TimeZone, now: Timestamp) -> Result<Found, String> {
    let calendar = ical::read(text)?;
    let moved: BTreeSet<(&str, i64)> =
        calendar.events.iter().filter_map(|event| moved_from(event, own)).collect();
    let mut looking = Looking { own, now, moved, room: ROOM, found: Found::default() };
    for event in calendar.events.iter().filter(|event| !event.cancelled && !event.free) {
        looking.enter(event);
    }
    let mut found = looking.found;
    if calendar.left_out > 0 {
        let (count, most) = (calendar.left_out, ical::MAX_EVENTS);
        found.unread.insert(format!("{count} events without DTSTART or beyond {most}"));
    }
    Ok(found)
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
    found: Found,
}

impl Looking<'_> {
    fn enter(&mut self, event: &Event) {
        let read = At::read(&event.start, self.own).and_then(|at| Some((length(event, &at, self.own)?, at)));
        let Some((length, at)) = read else {
            self.unread("DTSTART", &event.start.text);
            return;
        };
        if matches!(length, Length::Seconds(seconds) if seconds < LEAVE_SECONDS) {
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
        let leave: Vec<Leave> =
            coming.map(|(_, from, until)| Leave { from: Timestamp(from), until: Timestamp(until) }).collect();
        self.found.leave.extend(leave);
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
        if self.found.unread.len() < ical::MAX_UNREAD {
            self.found.unread.insert(what);
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
    time: Time,
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
            8 => Time::midnight(),
            // A second that is put in is the last one of its minute.
            15 => Time::new(small(9, 11)?, small(11, 13)?, small(13, 15)?.min(59), 0).ok()?,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn calendar(events: &[&str]) -> String {
        let events: String =
            events.iter().map(|event| format!("BEGIN:VEVENT\n{event}\nEND:VEVENT\n")).collect();
        format!("BEGIN:VCALENDAR\n{events}END:VCALENDAR\n")
    }

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_second())
    }

    fn in_berlin(events: &[&str]) -> Found {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        found(&calendar(events), &zone, at("2026-01-01T00:00:00Z")).unwrap()
    }

    /// When each of them begins.
    fn begins(events: &[&str]) -> Vec<String> {
        let begin = |leave: &Leave| jiff::Timestamp::from_second(leave.from.0).unwrap().to_string();
        in_berlin(events).leave.iter().map(begin).collect()
    }

    #[test]
    fn c108_days_and_half_days_are_leave_and_meetings_are_not() {
        let check = |event: &str, expected: Option<(&str, &str)>| {
            let found = in_berlin(&[event]).leave;
            let found = found.first().map(|leave| (leave.from, leave.until));
            assert_eq!(found, expected.map(|(from, until)| (at(from), at(until))), "{event}");
        };
        let week = Some(("2026-01-04T23:00:00Z", "2026-01-09T23:00:00Z"));
        check("DTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:20260110", week);
        check("DTSTART;VALUE=DATE:20260105\nDURATION:P5D", week);
        check("DTSTART;VALUE=DATE:20260105", Some(("2026-01-04T23:00:00Z", "2026-01-05T23:00:00Z")));
        check("DTSTART;VALUE=DATE:20260105\nTRANSP:TRANSPARENT", None);
        check("DTSTART;VALUE=DATE:20260105\nSTATUS:CANCELLED", None);
        // The day on which the clocks are changed has 23 hours.
        check("DTSTART;VALUE=DATE:20260329", Some(("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")));
        let half = Some(("2026-01-05T08:00:00Z", "2026-01-05T12:00:00Z"));
        check("DTSTART:20260105T080000Z\nDTEND:20260105T120000Z", half);
        check("DTSTART:20260105T080000Z\nDTEND:20260105T115959Z", None);
        check("DTSTART:20260105T080000Z\nDTEND:20260105T160000Z\nTRANSP:TRANSPARENT", None);
        let tokyo = Some(("2026-01-05T00:00:00Z", "2026-01-05T08:00:00Z"));
        check("DTSTART;TZID=Asia/Tokyo:20260105T090000\nDURATION:PT8H", tokyo);
        let own = Some(("2026-01-05T08:00:00Z", "2026-01-05T16:00:00Z"));
        check("DTSTART;TZID=W. Europe Standard Time:20260105T090000\nDURATION:PT8H", own);
        check("DTSTART:20260105T090000\nDURATION:PT8H", own);
        for wrong in
            ["DTSTART:2026", "DTSTART:20261305", "DTSTART:20260105T250000", "DTSTART:x\nDURATION:PT8H"]
        {
            check(wrong, None);
            assert_eq!(in_berlin(&[wrong]).unread.len(), 1, "{wrong}");
        }
        check("DTSTART;VALUE=DATE:20250105", None);
        check("DTSTART;VALUE=DATE:20290105", None);
    }

    #[test]
    fn the_last_day_counts_wherever_it_is_and_what_has_no_end_is_ahead() {
        let in_zone = |zone: &str, event: &str| {
            let (zone, now) = (TimeZone::get(zone).unwrap(), at("2026-01-01T00:00:00Z"));
            found(&calendar(&[event]), &zone, now).unwrap().leave
        };
        let until = |moment: &str| format!("DTSTART;VALUE=DATE:20260121\nRRULE:FREQ=DAILY;UNTIL={moment}");
        for (zone, moment) in [
            ("America/New_York", "20260123T000000Z"),
            ("America/New_York", "20260123T050000Z"),
            ("Europe/Berlin", "20260123T000000Z"),
            ("Europe/Berlin", "20260122T230000Z"),
            ("Pacific/Auckland", "20260123"),
        ] {
            assert_eq!(in_zone(zone, &until(moment)).len(), 3, "{zone} {moment}");
        }
        let leave = in_zone("America/New_York", "DTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DATE:99991231");
        assert_eq!(leave.len(), 1);
        assert!(leave[0].until.since(at("2027-01-01T00:00:00Z")) > 0, "{leave:?}");
    }

    #[test]
    fn what_comes_again_is_away_each_time_but_when_it_is_left_out_or_moved() {
        let fridays = "UID:f\nDTSTART;VALUE=DATE:20251205\nRRULE:FREQ=WEEKLY;UNTIL=20260123";
        let expected =
            ["2026-01-01T23:00:00Z", "2026-01-08T23:00:00Z", "2026-01-15T23:00:00Z", "2026-01-22T23:00:00Z"];
        assert_eq!(begins(&[fridays]), expected);
        let but = format!("{fridays}\nEXDATE;VALUE=DATE:20260109\nRDATE;VALUE=DATE:20260131");
        let moved = "UID:f\nRECURRENCE-ID;VALUE=DATE:20260116\nDTSTART;VALUE=DATE:20260119";
        let expected =
            ["2026-01-01T23:00:00Z", "2026-01-22T23:00:00Z", "2026-01-30T23:00:00Z", "2026-01-18T23:00:00Z"];
        assert_eq!(begins(&[&but[..], moved]), expected);
        let cancelled = format!("{moved}\nSTATUS:CANCELLED");
        assert_eq!(begins(&[&but[..], &cancelled[..]]), &expected[..3]);
        // At nine by the clock on the wall, in winter and in summer, up to a moment of UTC.
        let nine = "DTSTART;TZID=Europe/Berlin:20260326T090000\nDURATION:PT8H\nRRULE:FREQ=DAILY;UNTIL=20260330T070000Z\n\
                    EXDATE:20260328T080000Z";
        assert_eq!(
            begins(&[nine]),
            ["2026-03-26T08:00:00Z", "2026-03-27T08:00:00Z", "2026-03-29T07:00:00Z", "2026-03-30T07:00:00Z"]
        );
        // No further ahead than anybody looks.
        assert_eq!(
            begins(&["DTSTART;VALUE=DATE:20200101\nRRULE:FREQ=YEARLY"]),
            ["2025-12-31T23:00:00Z", "2026-12-31T23:00:00Z"]
        );
    }

    #[test]
    fn what_is_not_understood_is_told_by_its_name() {
        let unread = |event: &str| in_berlin(&[event]).unread.into_iter().collect::<Vec<_>>();
        let hourly = "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=HOURLY";
        assert_eq!(unread(hourly), ["RRULE:FREQ=HOURLY"]);
        assert_eq!(begins(&[hourly]).len(), 1, "the first time is known");
        assert_eq!(
            unread("DTSTART:20260105T080000Z\nDURATION:PT1H\nRRULE:FREQ=HOURLY"),
            [""; 0],
            "no absence"
        );
        let until = "DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=DAILY;UNTIL=SOON";
        assert_eq!((unread(until), begins(&[until]).len()), (vec!["UNTIL:SOON".to_owned()], 1));
        let windows = "DTSTART;TZID=W. Europe Standard Time:20260105T090000\nDURATION:PT8H";
        assert_eq!(unread(windows), ["TZID:W. Europe Standard Time"]);
        assert_eq!(
            unread("SUMMARY:no time"),
            [format!("1 events without DTSTART or beyond {}", ical::MAX_EVENTS)]
        );
        let rules = (1..50).map(|n| format!("DTSTART;VALUE=DATE:20260105\nRRULE:FREQ={n}"));
        let rules: Vec<String> = rules.collect();
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        assert_eq!(in_berlin(&rules).unread.len(), ical::MAX_UNREAD);
        assert!(found("<html>", &TimeZone::UTC, Timestamp(0)).is_err());
    }
}
