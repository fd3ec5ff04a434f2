use super::*;

fn wrapped(events: &str) -> String {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{}END:VCALENDAR\r\n", events.replace('\n', "\r\n"))
}

fn one(lines: &str) -> Event {
    let mut events = read(&wrapped(&format!("BEGIN:VEVENT\n{lines}\nEND:VEVENT\n"))).unwrap().events;
    events.pop().unwrap()
}

#[test]
fn events_are_read_with_their_times() {
    let text = wrapped(
        "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\nBEGIN:STANDARD\nDTSTART:19701025T030000\nEND:STANDARD\nEND:VTIMEZONE\n\
         BEGIN:VEVENT\nUID:a\nDTSTART;VALUE=DATE:20260105\nDTEND;VALUE=DA\n TE:20260110\nSUMMARY:Holiday\nTRANSP:TRANSPARENT\nEND:VEVENT\n\
         BEGIN:VEVENT\nUID:b\nDTSTART;TZID=\"Europe/Berlin\":20260201T090000\nDURATION:PT8H30M\nSTATUS:CANCELLED\n\
         BEGIN:VALARM\nTRIGGER:-PT15M\nDURATION:PT1M\nEND:VALARM\nRRULE:FREQ=WEEKLY\nEND:VEVENT\n\
         BEGIN:VEVENT\nSUMMARY:without a beginning\nEND:VEVENT\n",
    );
    let calendar = read(&text).unwrap();
    assert_eq!((calendar.events.len(), calendar.left_out), (2, 1));
    let [holiday, day] = &calendar.events[..] else { panic!() };
    assert!(holiday.start.is_day() && holiday.free && holiday.rule.is_none() && !holiday.cancelled);
    assert_eq!((holiday.uid.as_str(), holiday.start.text.as_str()), ("a", "20260105"));
    assert_eq!(holiday.end.as_ref().map(|end| end.text.as_str()), Some("20260110"));
    assert_eq!((day.start.zone.as_deref(), day.duration), (Some("Europe/Berlin"), Some(30_600)));
    assert!(day.cancelled && day.rule.is_some() && !day.start.is_day() && day.unread.is_empty());
}

#[test]
fn what_an_event_is_called_is_read_as_it_is_meant() {
    let called = |line: &str| one(&format!("DTSTART:20260105\n{line}")).summary;
    assert_eq!(called("SUMMARY;LANGUAGE=de: ana\\, ben\\; c\\\\d\\nnights "), "ana, ben; c\\d nights");
    assert_eq!(called("SUMMARY:ana\\"), "ana");
    assert_eq!(called("BEGIN:VALARM\nSUMMARY:wake up\nEND:VALARM"), "");
    assert!(called(&format!("SUMMARY:{}", "ü".repeat(5_000))).len() <= MAX_SUMMARY);
}

#[test]
fn single_times_of_a_series_are_read() {
    let series = one(
        "DTSTART:20260105T080000Z\nRRULE:freq=daily\nEXDATE:20260106T080000Z,20260107T080000Z\nEXDATE:20260108T080000Z\n\
         RDATE;TZID=Asia/Tokyo:20260301T090000",
    );
    assert_eq!((series.left_out.len(), series.also.len()), (3, 1));
    assert_eq!(series.also[0].zone.as_deref(), Some("Asia/Tokyo"));
    let moved = one("DTSTART:20260105T090000Z\nRECURRENCE-ID:20260105T080000Z");
    assert_eq!(moved.instead_of.map(|at| at.text), Some("20260105T080000Z".to_owned()));
}

#[test]
fn rules_are_read_and_what_is_not_understood_is_named() {
    let rule = Rule::read("FREQ=MONTHLY;INTERVAL=2;BYDAY=-1FR,MO;COUNT=5;WKST=SU").unwrap();
    assert_eq!((rule.frequency, rule.interval, rule.count), (Frequency::Monthly, 2, Some(5)));
    assert_eq!(rule.days, [OfDay { which: -1, day: 4 }, OfDay { which: 0, day: 0 }]);
    assert_eq!(rule.week_start, 6);
    let rule = Rule::read("FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=24,-1;UNTIL=20301231").unwrap();
    assert_eq!((&rule.months[..], &rule.days_of_month[..]), (&[12][..], &[24, -1][..]));
    assert!(rule.until.unwrap().is_day());

    let unread = |lines: &str| one(&format!("DTSTART:20260105T080000Z\n{lines}")).unread;
    for (text, named) in [
        ("FREQ=HOURLY", "RRULE:FREQ=HOURLY"),
        ("FREQ=DAILY;BYHOUR=9", "RRULE:BYHOUR=9"),
        ("FREQ=YEARLY;BYDAY=20MO", "RRULE:BYDAY=20MO"),
        ("FREQ=YEARLY;BYDAY=1MO", "RRULE:FREQ=YEARLY;BYDAY=1MO"),
        ("FREQ=WEEKLY;INTERVAL=0", "RRULE:INTERVAL=0"),
        ("FREQ=MONTHLY;BYMONTHDAY=32", "RRULE:BYMONTHDAY=32"),
        ("FREQ=MONTHLY;BYDAY=ä", "RRULE:BYDAY=ä"),
        ("COUNT=3", "RRULE:COUNT=3"),
    ] {
        let found = unread(&format!("RRULE:{text}"));
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!(found[0].to_lowercase(), named.to_lowercase());
    }
    assert_eq!(unread("RDATE;VALUE=PERIOD:20260105T080000Z/PT8H"), ["RDATE:VALUE=PERIOD"]);
    assert_eq!(unread("DURATION:long"), ["DURATION:long"]);
    assert_eq!(unread("RECURRENCE-ID;RANGE=THISANDFUTURE:20260105T080000Z"), ["RANGE:THISANDFUTURE"]);
    assert_eq!(unread("RRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY"), ["a second RRULE:FREQ=WEEKLY"]);
}

#[test]
fn what_is_no_calendar_is_refused() {
    assert!(read("<html>sign in</html>").unwrap_err().contains("BEGIN:VCALENDAR"));
    assert!(read("").is_err());
    let cut = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101\n";
    assert!(read(cut).unwrap_err().contains("cut off"));
    assert!(read(&format!("{cut}END:VEVENT\n")).unwrap_err().contains("cut off"));
    assert_eq!(read("\u{feff}begin:vcalendar\nEND:VCALENDAR").unwrap(), Calendar::default());
}

#[test]
fn durations_are_read() {
    let check = |text: &str, seconds| assert_eq!(duration(text), seconds, "{text}");
    check("P1D", Some(86_400));
    check("P2W", Some(1_209_600));
    check("+P1DT2H3M4S", Some(93_784));
    for wrong in ["", "1D", "P1", "PXD", "P99999999999999999999D"] {
        check(wrong, None);
    }
    check("P", Some(0));
}

#[test]
fn a_calendar_takes_no_more_memory_than_its_text() {
    let zone = "x".repeat(1 << 20);
    let series =
        one(&format!("DTSTART:20260105T080000Z\nEXDATE;TZID={zone}:{}", "20260106T080000,".repeat(1_000)));
    assert!(
        series.left_out.is_empty() && series.unread.len() <= 1,
        "its times stand beyond the end of a line"
    );
    let zone = "x".repeat(101);
    let series = one(&format!("DTSTART:20260105T080000Z\nEXDATE;TZID={zone}:20260106T080000,,,,wrong"));
    assert_eq!(series.left_out, [Moment { text: "20260106T080000".into(), zone: None }]);
    let long = format!("TZID:{}", "x".repeat(60));
    assert_eq!(series.unread, [long, "EXDATE:wrong".into()]);
    assert_eq!(one(&format!("DTSTART:20260105\n{}", "DURATION:x\n".repeat(100))).unread.len(), MAX_UNREAD);
    // Empty lines, and one line with no end that goes on and on.
    let empty = read(&format!("BEGIN:VCALENDAR\n{}END:VCALENDAR", "\n".repeat(1 << 20))).unwrap();
    assert_eq!(empty, Calendar::default());
    let folded = format!("DTSTART:20260105\nSUMMARY:{}", "ä\n ä".repeat(200_000));
    assert_eq!(one(&folded).start.text, "20260105");
    let longest = unfolded(&folded).map(|line| line.len()).max();
    assert!(longest.is_some_and(|longest| (MAX_LINE - 1..=MAX_LINE).contains(&longest)), "{longest:?}");
    let many = ["1"; 400].join(",");
    let unread = one(&format!("DTSTART:20260105\nRRULE:FREQ=MONTHLY;BYMONTHDAY={many}")).unread;
    assert!(unread[0].starts_with("RRULE:BYMONTHDAY=1,1"), "{unread:?}");
}

#[test]
fn whatever_bytes_come_nothing_breaks() {
    let event = "BEGIN:VEVENT\nDTSTART;TZID=Europe/Berlin:20260105T090000\nSUMMARY:äöü\\n\n\
                 RRULE:FREQ=MONTHLY;BYDAY=-1FR;BYSETPOS=1\nEXDATE:20260105T080000Z\nEND:VEVENT\n";
    crate::fuzzing::mutate(&[wrapped(event).into_bytes()], 3_000, crate::fuzzing::ical);
}
