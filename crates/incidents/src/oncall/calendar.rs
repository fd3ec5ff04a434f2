//! Shifts as an iCalendar (RFC 5545), for people's own calendars.

use std::fmt::Write;
use std::sync::Arc;

use ring::digest;
use vocabulary::Timestamp;

use super::revisions::Revision;
use super::schedule::Schedule;
use crate::limits::{CALENDAR_AHEAD_SECONDS, CALENDAR_BACK_SECONDS, CALENDAR_SEARCH_SECONDS};

/// Bytes of a line without its end; what is longer goes on in the next.
const LINE: usize = 75;

/// A time in which one person is on call in one schedule, however often the layer changes meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    pub schedule: Arc<str>,
    pub person: Arc<str>,
    pub start: Timestamp,
    pub end: Timestamp,
    /// It began longer ago than was looked for.
    pub always: bool,
    /// Those whose turn it would be.
    pub instead_of: Vec<Arc<str>>,
    /// Of the event in calendars.
    pub revision: Option<Revision>,
}

/// Of a month ago until in a year. A turn that is not over begins where it began, so that it stays the same one.
pub fn turns(name: &Arc<str>, schedule: &Schedule, now: Timestamp) -> Vec<Turn> {
    let from = now.minus(CALENDAR_SEARCH_SECONDS);
    let mut turns: Vec<Turn> = Vec::new();
    for shift in schedule.shifts(from, now.plus(CALENDAR_AHEAD_SECONDS)) {
        let Some(person) = shift.duty.person else { continue };
        let instead_of = shift.duty.instead_of;
        match turns.last_mut().filter(|last| last.person == person && last.end == shift.start) {
            Some(last) => {
                last.end = shift.end;
                last.instead_of.extend(instead_of.filter(|name| !last.instead_of.contains(name)));
            }
            None => turns.push(Turn {
                schedule: name.clone(),
                person,
                start: shift.start,
                end: shift.end,
                always: shift.start == from,
                instead_of: instead_of.into_iter().collect(),
                revision: None,
            }),
        }
    }
    turns.retain(|turn| turn.end > now.minus(CALENDAR_BACK_SECONDS));
    turns
}

/// What a calendar is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    Person(Arc<str>),
    Schedule(Arc<str>),
}

/// The calendar as programs read it.
pub fn write(of: &Of, turns: &[Turn], now: Timestamp) -> String {
    let (Of::Person(name) | Of::Schedule(name)) = of;
    let mut out = String::new();
    for line in ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Bellwether//On call//EN", "METHOD:PUBLISH"] {
        fold(&mut out, line);
    }
    fold(&mut out, &format!("X-WR-CALNAME:{}", escaped(&format!("On call: {name}"))));
    // As often as programs should ask: the second is what older ones know.
    fold(&mut out, "REFRESH-INTERVAL;VALUE=DURATION:PT1H");
    fold(&mut out, "X-PUBLISHED-TTL:PT1H");
    for turn in turns {
        event(&mut out, of, turn, now);
    }
    fold(&mut out, "END:VCALENDAR");
    out
}

fn event(out: &mut String, of: &Of, turn: &Turn, now: Timestamp) {
    let summary = match of {
        Of::Person(_) => format!("On call: {}", turn.schedule),
        Of::Schedule(_) => turn.person.to_string(),
    };
    fold(out, "BEGIN:VEVENT");
    fold(out, &format!("UID:{}@bellwether", uid(turn)));
    fold(out, &format!("DTSTAMP:{}", utc(now)));
    if let Some(Revision { sequence, at }) = turn.revision {
        fold(out, &format!("SEQUENCE:{sequence}"));
        fold(out, &format!("LAST-MODIFIED:{}", utc(at)));
    }
    fold(out, &format!("DTSTART:{}", utc(turn.start)));
    fold(out, &format!("DTEND:{}", utc(turn.end)));
    fold(out, &format!("SUMMARY:{}", escaped(&summary)));
    if !turn.instead_of.is_empty() {
        let text = format!("instead of {}", turn.instead_of.join(", "));
        fold(out, &format!("DESCRIPTION:{}", escaped(&text)));
    }
    // Whoever is on call can be met with.
    fold(out, "TRANSP:TRANSPARENT");
    fold(out, "END:VEVENT");
}

/// The same for the same turn, whenever it is asked for, and whatever else is in the calendar.
pub(super) fn uid(turn: &Turn) -> String {
    let start = if turn.always { "always".to_owned() } else { turn.start.0.to_string() };
    let text = format!("{}\n{}\n{start}", turn.schedule, turn.person);
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest.as_ref()[..16].iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn utc(at: Timestamp) -> String {
    let at = jiff::Timestamp::from_second(at.0).unwrap_or_default();
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | ';' | ',' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// Never within a character: a line that goes on begins with a blank, which counts.
fn fold(out: &mut String, line: &str) {
    let mut used = 0;
    for c in line.chars() {
        if used + c.len_utf8() > LINE {
            out.push_str("\r\n ");
            used = 1;
        }
        out.push(c);
        used += c.len_utf8();
    }
    out.push_str("\r\n");
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::oncall::schedule::{Override, Version};
    use crate::oncall::{LayerConfig, ScheduleConfig};

    fn schedule(people: &[&str], rotation: &str) -> Schedule {
        let layer = LayerConfig {
            people: people.iter().map(|name| (*name).to_owned()).collect(),
            rotation: rotation.into(),
            start: "2020-01-06".into(),
            ..LayerConfig::default()
        };
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let config = ScheduleConfig { layer: vec![layer], ..ScheduleConfig::default() };
        let versions = vec![Version::new(Timestamp(0), &config, &zone).unwrap()];
        Schedule { versions, ..Schedule::default() }
    }

    fn now() -> Timestamp {
        Timestamp("2026-03-27T12:00:00Z".parse::<jiff::Timestamp>().unwrap().as_second())
    }

    fn lines_of<'t>(text: &'t str, key: &str) -> Vec<&'t str> {
        text.split("\r\n").filter_map(|line| line.strip_prefix(key)).collect()
    }

    #[test]
    fn every_turn_is_an_event_of_utc() {
        let mut schedule = schedule(&["ana", "ben"], "daily");
        let over = Override {
            id: 1,
            schedule: "web".into(),
            person: "ben".into(),
            in_place_of: None,
            start: now(),
            until: now().plus(3_600),
            by: String::new(),
            at: now(),
            note: String::new(),
        };
        let whose = schedule.duty(now()).person.unwrap();
        let over = Override { person: if &*whose == "ana" { "ben".into() } else { "ana".into() }, ..over };
        schedule.overrides.push(over);
        let turns = turns(&"web".into(), &schedule, now());
        let text = write(&Of::Schedule("web".into()), &turns, now());
        let starts = lines_of(&text, "DTSTART:");
        assert!(starts.len() > 390, "a month back and a year ahead: {}", starts.len());
        // 09:00 on the wall, before and after the clocks were changed.
        assert!(starts.contains(&"20260328T080000Z") && starts.contains(&"20260330T070000Z"));
        assert!(starts.contains(&"20260327T120000Z"));
        assert_eq!(lines_of(&text, "DESCRIPTION:"), [format!("instead of {whose}")]);
        let mut uids = lines_of(&text, "UID:");
        uids.sort_unstable();
        uids.dedup();
        assert_eq!(uids.len(), starts.len());
        assert!(text.ends_with("END:VEVENT\r\nEND:VCALENDAR\r\n"));
    }

    #[test]
    fn an_event_stays_the_same_while_time_goes_by() {
        for (people, rotation) in
            [(&["ana", "ben"][..], "daily"), (&["ana", "ben"], "26 weeks"), (&["ana"], "weekly")]
        {
            let schedule = schedule(people, rotation);
            let ids = |at: Timestamp| {
                let turns = turns(&"web".into(), &schedule, at);
                turns.iter().map(|turn| (uid(turn), turn.end > now().plus(7_200))).collect::<Vec<_>>()
            };
            let later: Vec<_> = ids(now().plus(3_600)).into_iter().map(|(uid, _)| uid).collect();
            let gone = ids(now()).into_iter().filter(|(uid, lasts)| *lasts && !later.contains(uid)).count();
            assert_eq!(gone, 0, "{rotation}");
        }
    }

    #[test]
    fn lines_are_folded_between_characters_and_names_are_escaped() {
        let mut out = String::new();
        let text = format!("SUMMARY:{}", "ü€".repeat(60));
        fold(&mut out, &text);
        let lines: Vec<&str> = out.trim_end_matches("\r\n").split("\r\n").collect();
        assert!(lines.len() > 3 && lines.iter().all(|line| line.len() <= LINE));
        assert!(lines[1..].iter().all(|line| line.starts_with(' ')));
        assert_eq!(out.replace("\r\n ", "").trim_end(), text, "what is unfolded is what it was");
        assert_eq!(escaped("a;b,c\\d\ne\rf\u{7}"), "a\\;b\\,c\\\\d\\nef");
        let mut just = String::new();
        fold(&mut just, &"x".repeat(LINE));
        assert_eq!(just, format!("{}\r\n", "x".repeat(LINE)));
    }
}
