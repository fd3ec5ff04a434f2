//! When somebody is away, by the events of their calendar: whole days, and what lasts for half of one. What is marked as
//! free, or was cancelled, is no absence; neither is a meeting, in which a telephone can ring.

use std::collections::BTreeSet;

use formats::ical;
use incidents::oncall::leave::Leave;
use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use super::occurring::coming;

const LEAVE_SECONDS: i64 = 4 * 3_600;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub leave: Vec<Leave>,
    /// What was not understood, in the calendar's words.
    pub unread: BTreeSet<String>,
}

/// `own`: the zone of the person, in which whole days are, and times that name none.
pub fn found(text: &str, own: &TimeZone, now: Timestamp) -> Result<Found, String> {
    let calendar = ical::read(text)?;
    let coming = coming(&calendar, |event| !event.cancelled && !event.free, LEAVE_SECONDS, own, now);
    let leave = coming.times.iter().map(|time| Leave { from: time.from, until: time.until }).collect();
    Ok(Found { leave, unread: coming.unread })
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
