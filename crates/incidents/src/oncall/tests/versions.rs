//! A schedule that changes: what was stays as it was.

use std::sync::Arc;

use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use crate::oncall::roster::news;
use crate::oncall::schedule::Schedule;
use crate::oncall::store::Kept;
use crate::oncall::{LayerConfig, Roster, ScheduleConfig};

fn of(person: &str) -> Option<ScheduleConfig> {
    let layer = LayerConfig {
        people: vec![person.to_owned()],
        rotation: "weekly".into(),
        start: "1970-01-01".into(),
        ..LayerConfig::default()
    };
    Some(ScheduleConfig { name: "s".into(), layer: vec![layer], ..ScheduleConfig::default() })
}

/// The files say this from then on.
fn says(kept: &mut Kept, config: Option<ScheduleConfig>, at: i64) -> Vec<(ScheduleConfig, String)> {
    let files: Vec<_> = config.map(|config| (config, String::new())).into_iter().collect();
    let found = news(&files, kept, |_| true, Timestamp(at));
    kept.take(found);
    files
}

const BEGAN: i64 = 1_000_000;

fn changed() -> (Kept, Schedule) {
    let mut kept = Kept::default();
    says(&mut kept, of("ana"), BEGAN);
    says(&mut kept, of("ana"), BEGAN + 1_000);
    says(&mut kept, of("ben"), BEGAN + 5_000);
    says(&mut kept, None, BEGAN + 9_000);
    let files = says(&mut kept, of("cyd"), BEGAN + 12_000);
    let roster = Roster::new(&files, &kept, &TimeZone::UTC);
    let schedule = roster.schedules["s"].schedule.clone();
    (kept, schedule)
}

#[test]
fn whoever_was_on_call_then_was_so_whatever_the_schedule_says_now() {
    let (kept, schedule) = changed();
    let since: Vec<i64> = kept.versions.iter().map(|version| version.since.0).collect();
    let expected = [0, BEGAN + 5_000, BEGAN + 9_000, BEGAN + 12_000];
    assert_eq!(since, expected, "the first holds for all before it; the same again is no version");
    let on = |at: i64| schedule.duty(Timestamp(BEGAN + at)).person;
    for (at, person) in [
        (-900_000, Some("ana")),
        (4_999, Some("ana")),
        (5_000, Some("ben")),
        (8_999, Some("ben")),
        (9_000, None),
        (11_999, None),
        (12_000, Some("cyd")),
        (9_000_000, Some("cyd")),
    ] {
        assert_eq!(on(at), person.map(Arc::from), "{at}");
    }
}

#[test]
fn shifts_and_gaps_are_cut_where_it_changed() {
    let (_, schedule) = changed();
    let (from, until) = (Timestamp(BEGAN + 4_000), Timestamp(BEGAN + 13_000));
    let shifts = schedule.shifts(from, until).into_iter();
    let shifts: Vec<_> = shifts
        .map(|it| (it.start.0 - BEGAN, it.end.0 - BEGAN, it.duty.person.map(|it| it.to_string())))
        .collect();
    let named = |name: &str| Some(name.to_owned());
    let expected = [
        (4_000, 5_000, named("ana")),
        (5_000, 9_000, named("ben")),
        (9_000, 12_000, None),
        (12_000, 13_000, named("cyd")),
    ];
    assert_eq!(shifts, expected);
    let gap = (Timestamp(BEGAN + 9_000), Timestamp(BEGAN + 12_000));
    assert_eq!(schedule.gaps(from, until), [gap]);
}
