use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::{Period, read_line};

fn period(lines: &[&str], zone: &str) -> Period {
    let mut period = Period::never(TimeZone::get(zone).unwrap());
    for line in lines {
        period.add(read_line(line).unwrap());
    }
    period
}

fn at(text: &str, zone: &str) -> i64 {
    let civil: DateTime = text.parse().unwrap();
    civil.in_tz(zone).unwrap().timestamp().as_second()
}

fn next(lines: &[&str], zone: &str, from: &str) -> Option<String> {
    let period = period(lines, zone);
    let found = period.next_valid(at(from, zone), &[])?;
    Some(
        jiff::Timestamp::from_second(found)
            .unwrap()
            .in_tz(zone)
            .unwrap()
            .strftime("%Y-%m-%d %H:%M:%S")
            .to_string(),
    )
}

#[test]
fn wall_clock_times_stay_when_the_clock_changes() {
    let berlin = "Europe/Berlin";
    let check = |lines: &[&str], from: &str, wanted: &str| {
        assert_eq!(next(lines, berlin, from).as_deref(), Some(wanted), "{lines:?} from {from}");
    };
    // 2:00 to 3:00 is left out on March 29th, and comes twice on October 25th.
    check(&["sunday 09:00-17:00"], "2026-03-28 12:00:00", "2026-03-29 09:00:00");
    check(&["sunday 09:00-17:00"], "2026-10-24 12:00:00", "2026-10-25 09:00:00");
    // No clock shows that on the 29th.
    check(&["sunday 02:15-02:45"], "2026-03-28 12:00:00", "2026-04-05 02:15:00");
    check(&["sunday 01:45-03:15"], "2026-03-28 12:00:00", "2026-03-29 01:45:00");
    check(&["sunday 02:15-02:45"], "2026-10-24 12:00:00", "2026-10-25 02:15:00");
    check(&["monday 00:01-00:02"], "2026-03-29 01:40:00", "2026-03-30 00:01:00");
    check(&["day 1 - 31 / 2 05:00-06:00"], "2026-03-28 12:00:00", "2026-03-29 05:00:00");
    let sunday = period(&["sunday 00:00-24:00"], berlin);
    let hours = (sunday.next_invalid(at("2026-03-29 00:00:00", berlin), &[]).unwrap()
        - at("2026-03-29 00:00:00", berlin))
        / 3600;
    assert_eq!(hours, 23);
}

#[test]
fn ends_are_inside_and_zones_are_of_the_period() {
    let work = period(&["monday 09:00-17:00"], "America/New_York");
    let monday = at("2026-03-30 09:00:00", "America/New_York");
    assert!(!work.contains(monday - 1, &[]));
    assert!(work.contains(monday, &[]));
    assert!(work.contains(monday + 8 * 3600, &[]));
    assert!(!work.contains(monday + 8 * 3600 + 1, &[]));
    assert_eq!(work.next_invalid(monday, &[]), Some(monday + 8 * 3600 + 1));
}

#[test]
fn what_never_comes_is_nothing() {
    assert_eq!(next(&["2020-01-01 00:00-24:00"], "UTC", "2026-03-30 00:00:00"), None);
    assert_eq!(next(&[], "UTC", "2026-03-30 00:00:00"), None);
    assert_eq!(period(&["sunday 10:00-11:00"], "UTC").next_valid(i64::MAX / 4, &[]), None);
}

#[test]
fn wrong_lines_say_what_is_wrong() {
    for (line, wanted) in [
        ("", "the times are missing"),
        ("monday", "the times are missing"),
        ("moonday 09:00-17:00", "the day is not understood"),
        ("monday 09:00", "has no end"),
        ("monday 09:00-25:00", "is not a time of day"),
        ("monday 09:60-17:00", "is not a time of day"),
        ("monday 22:00-06:00", "ends before it begins"),
        ("monday / 2 09:00-17:00", "a plain weekday takes no `/`"),
        ("2026-02-30 00:00-24:00", "the day is not understood"),
        ("day 1 - monday 2 00:00-24:00", "the day is not understood"),
        ("day 1 / 0 00:00-24:00", "a positive number"),
        ("day 99999999999999 00:00-24:00", "the day is not understood"),
        ("täg 1 00:00-24:00", "the day is not understood"),
    ] {
        let problem = read_line(line).unwrap_err();
        assert!(problem.contains(wanted), "{line}: {problem}");
    }
}

/// Ten thousand texts of the parts that lines are made of: an answer to each, and no moment makes it fall over.
#[test]
fn no_line_breaks_it() {
    const PARTS: [&str; 24] = [
        "monday",
        "day",
        "april",
        "2026-03-30",
        "-1",
        "5",
        "31",
        "0",
        " - ",
        " / ",
        "/",
        "2",
        "09:00-17:00",
        "00:00-24:00",
        ",",
        "-",
        ":",
        " ",
        "24:00",
        "february",
        "friday",
        "99",
        "é",
        "-2147483648",
    ];
    let mut seed = 1_u64;
    for _ in 0..10_000 {
        let mut line = String::new();
        for _ in 0..1 + (seed >> 40) % 9 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            line += PARTS[(seed >> 33) as usize % PARTS.len()];
            line += if seed >> 62 == 0 { "" } else { " " };
        }
        if let Ok(read) = read_line(&line) {
            let mut period = Period::never(TimeZone::UTC);
            period.add(read);
            for moment in [0, 1_774_000_000, 1_709_164_800, -1] {
                period.contains(moment, &[]);
            }
            period.next_valid(1_774_000_000, &[]);
        }
    }
}
