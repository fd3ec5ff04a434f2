//! Monitors under a clock that is set: what is told, second by second.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use vocabulary::Timestamp;
use vocabulary::ports::QueryLimits;
use vocabulary::state::{State, StateType};

use super::super::rule::problems;
use super::super::testing::{BEGIN, Stored, monitor};
use super::super::track::Away;
use super::{Kept, Look, Watch};
use crate::limits::{FORGET_SECONDS, MAX_WINDOW_BYTES_OF_INSTANCE};

/// Results by second, `instance status`, over a stretch of seconds in which points come as `put` says.
fn live(
    watch: &mut Watch,
    store: &Stored,
    seconds: std::ops::Range<i64>,
    put: impl Fn(&Stored, i64),
) -> Vec<String> {
    live_with(watch, store, &(), seconds, put)
}

fn live_with(
    watch: &mut Watch,
    store: &Stored,
    kept: &dyn Kept,
    seconds: std::ops::Range<i64>,
    put: impl Fn(&Stored, i64),
) -> Vec<String> {
    let limits = QueryLimits::default();
    let mut lines = Vec::new();
    for second in seconds {
        put(store, second);
        let look = Look {
            source: store,
            events: &graphite::NoEvents,
            zone: &TimeZone::UTC,
            limits: &limits,
            now: Timestamp(BEGIN + second),
        };
        let results = watch.tick(&look, kept);
        lines.extend(
            results.told.iter().map(|told| format!("{second} {} {}", told.instance, told.outcome.status)),
        );
        lines.extend(results.gone.iter().map(|(_, instance)| format!("{second} {instance} gone")));
    }
    lines
}

fn watching(keys: &str) -> Watch {
    let mut watch = Watch::default();
    watch.reload(&[monitor(keys)]).unwrap();
    watch
}

/// Without those that only repeat what was told before.
fn changes(lines: Vec<String>) -> Vec<String> {
    let mut last: HashMap<String, String> = Default::default();
    let mut is_news = |line: &String| {
        let (instance, status) = line.split_once(' ').and_then(|(_, rest)| rest.rsplit_once(' ')).unwrap();
        last.insert(instance.to_owned(), status.to_owned()).is_none_or(|before| before != status)
    };
    lines.into_iter().filter(|line| is_news(line)).collect()
}

#[test]
fn points_are_judged_when_they_are_there_and_gaps_when_they_are_over() {
    let store = Stored::default();
    let mut watch = watching("target = \"a.*\"\ncritical = \"> 5 or no point for 5s\"");
    let lines = live(&mut watch, &store, 0..40, |store, second| {
        let value = if (10..12).contains(&second) { 9.0 } else { 1.0 };
        // `b` comes at 15, is found at once, as little else is watched, and stops.
        if second < 25 {
            store.put("a.a", BEGIN + second, value);
        }
        if (15..30).contains(&second) {
            store.put("a.b", BEGIN + second, 1.0);
        }
    });
    let told = changes(lines);
    assert_eq!(told, ["0 a.a 0", "10 a.a 2", "12 a.a 0", "15 a.b 0", "33 a.a 2", "38 a.b 2"]);
}

#[test]
fn the_first_value_is_told_when_it_is_known() {
    let store = Stored::default();
    let mut watch = watching("target = \"scale(a.a, 2)\"\ncritical = \"> 5\"");
    let told = live(&mut watch, &store, 0..30, |store, second| store.put("a.a", BEGIN + second, 1.0));
    assert_eq!(told, ["0 scale(a.a,2) 0", "3 scale(a.a,2) 0"]);
}

#[test]
fn a_name_that_nobody_sends_is_missed() {
    let mut watch = watching("target = \"a.b\"\ncritical = \"no point for 5s\"");
    assert_eq!(changes(live(&mut watch, &Stored::default(), 0..40, |_, _| {})), ["0 a.b 0", "1 a.b 2"]);
    let mut watch = watching("target = \"a.*\"\ncritical = \"no point for 5s\"");
    assert!(live(&mut watch, &Stored::default(), 0..40, |_, _| {}).is_empty());
    assert_eq!(watch.troubles().collect::<Vec<_>>(), [("m", "the target finds no series")]);
}

/// A laptop that was closed, a machine that was paused: series that go on are not absent, one that does not is, later.
#[test]
fn a_sleep_of_ours_is_nobodys_absence() {
    let points = |store: &Stored, second: i64| {
        if !(30..1_003).contains(&second) {
            store.put("a.goes_on", BEGIN + second, 5.0);
        }
        if second < 30 {
            store.put("a.ends", BEGIN + second, 5.0);
        }
    };
    let told = |keys: &str, blind: &[(i64, i64)]| {
        let (store, mut watch) = (Stored::default(), watching(keys));
        let mut lines = live(&mut watch, &store, 0..30, points);
        let away =
            |(from, until)| Away { from: BEGIN + from, until: BEGIN + until, whole: BEGIN + until + 1 };
        watch.was_blind(blind.iter().copied().map(away).collect());
        lines.extend(live(&mut watch, &store, 1_000..1_040, points));
        changes(lines).into_iter().filter(|line| !line.ends_with(" 0")).collect::<Vec<_>>()
    };
    let absent = "target = \"a.*\"\ncritical = \"no point for 5s\"";
    assert_eq!(told(absent, &[(30, 1_000)]), ["1009 a.ends 2"]);
    assert!(told(absent, &[]).contains(&"1000 a.goes_on 2".to_owned()), "it is the gap that matters");
    let silent = "target = \"a.*\"\ncritical = \"> 9\"\nmissing = \"unknown\"\nmissing_after = \"5s\"";
    assert_eq!(told(silent, &[(30, 1_000)]), ["1009 a.ends 3"]);
    // A floor: less came in the last ten seconds, as we did not see most of them.
    let floor = "target = \"a.*\"\ncritical = \"total over 10s < 20\"";
    assert_eq!(told(floor, &[(30, 1_000)]), ["1014 a.ends 2"]);
}

#[test]
fn late_points_are_waited_for_once_they_are_seen_to_be_late() {
    let store = Stored::default();
    let mut watch = watching("target = \"a\"\ncritical = \"> 5\"");
    // From 15 on each point comes five seconds late, from 30 on each is bad.
    let lines = live(&mut watch, &store, 0..60, |store, second| {
        let late = if second < 15 { 0 } else { 5 };
        store.put("a", BEGIN + second - late, if second < 30 { 1.0 } else { 9.0 });
    });
    assert!(watch.stats.late > 0, "{:?}", watch.stats);
    let told = changes(lines);
    assert_eq!(told.last().unwrap().as_str(), "30 a 2", "{told:?}");
}

/// A monitor of a series that is known to be late does not call it silent while nobody can know.
#[test]
fn the_age_of_the_newest_point_is_taken_for_lateness_at_first() {
    let store = Stored::default();
    (0..100).for_each(|second| store.put("a", BEGIN + second - 8, 1.0));
    let late = |store: &Stored, second: i64| store.put("a", BEGIN + second - 8, 1.0);
    let mut watch = watching("target = \"a\"\ncritical = \"no point for 3s\"");
    assert_eq!(changes(live(&mut watch, &store, 100..200, late)), ["100 a 0"]);
    // One that has just stopped is told of as soon as it could no longer be late.
    let mut watch = watching("target = \"a\"\ncritical = \"no point for 3s\"");
    assert_eq!(changes(live(&mut watch, &store, 200..300, |_, _| {})), ["200 a 0", "208 a 2"]);
}

#[test]
fn expressions_and_several_series_are_judged_too() {
    let store = Stored::default();
    let mut watch = watching(
        "target = \"sumSeries(a.*)\"\nseries = { quiet = \"q\" }\ncritical = \"> 5 while quiet < 1\"",
    );
    let lines = live(&mut watch, &store, 0..40, |store, second| {
        store.put("a.a", BEGIN + second, 3.0);
        store.put("a.b", BEGIN + second, 3.0);
        store.put("q", BEGIN + second, f64::from(u8::from(second > 20)));
    });
    assert_eq!(changes(lines), ["0 sumSeries(a.*) 0", "3 sumSeries(a.*) 2", "24 sumSeries(a.*) 0"]);
}

#[test]
fn what_has_to_last_is_soft_first_and_repeated_when_it_counts() {
    let store = Stored::default();
    let mut watch = watching("target = \"a\"\ncritical = \"> 5\"\nfor = \"3s\"");
    let lines = live(&mut watch, &store, 0..20, |store, second| {
        store.put("a", BEGIN + second, if second > 9 { 9.0 } else { 1.0 });
    });
    let bad: Vec<&String> = lines.iter().filter(|line| line.ends_with('2')).collect();
    assert_eq!(bad, ["10 a 2", "13 a 2"]);
}

#[test]
fn the_three_greatest() {
    let store = Stored::default();
    let mut watch = watching("target = \"a.*\"\nwarning = \"top 1 and > 5\"");
    let lines = live(&mut watch, &store, 0..20, |store, second| {
        for (name, value) in [("a.a", 7.0), ("a.b", if second < 10 { 6.0 } else { 8.0 }), ("a.c", 1.0)] {
            store.put(name, BEGIN + second, value);
        }
    });
    assert_eq!(changes(lines), ["0 a.a 0", "0 a.b 0", "0 a.c 0", "2 a.a 1", "10 a.a 0", "10 a.b 1"]);
}

/// What comes after the first look at a second is judged in the same second.
#[test]
fn a_second_look_within_a_second_judges_what_came_meanwhile() {
    let store = Stored::default();
    let mut watch = watching("target = \"a.*\"\ncritical = \"> 5\"");
    let limits = QueryLimits::default();
    let mut told = Vec::new();
    for half in 0..80 {
        let (second, again) = (half / 2, half % 2 == 1);
        if again {
            // It stops for good at 30.
            let value = if second == 20 { 9.0 } else { 1.0 };
            (second < 30).then(|| store.put("a.late", BEGIN + second, value));
        }
        let look = Look {
            source: &store,
            events: &graphite::NoEvents,
            zone: &TimeZone::UTC,
            limits: &limits,
            now: Timestamp(BEGIN + second),
        };
        let results = watch.tick(&look, &());
        told.extend(results.told.iter().map(|told| format!("{second} {again} {}", told.outcome.status)));
    }
    let bad: Vec<&String> = told.iter().filter(|line| !line.ends_with('0')).collect();
    assert_eq!(bad, ["20 true 2"], "{told:?}");
    assert!(told.contains(&"21 true 0".to_owned()), "{told:?}");
}

/// What the state machine would know.
struct States(Vec<(&'static str, State)>);

impl Kept for States {
    fn state(&self, _: &str, instance: &str) -> Option<(State, StateType)> {
        self.0.iter().find(|(name, _)| *name == instance).map(|(_, state)| (*state, StateType::Hard))
    }

    fn instances(&self, _: &str) -> Vec<Arc<str>> {
        self.0.iter().map(|(name, _)| Arc::from(*name)).collect()
    }
}

#[test]
fn what_vanished_is_forgotten_when_it_was_fine_and_stays_when_it_was_bad() {
    let store = Stored::default();
    let kept = States(vec![("a.a", State::Critical), ("a.fine", State::Ok), ("a.bad", State::Critical)]);
    let mut watch = watching("target = \"a.*\"\ncritical = \"> 5\"");
    let put = |store: &Stored, second| store.put("a.a", BEGIN + second, 9.0);
    let told = live_with(&mut watch, &store, &kept, 0..30, put);
    assert!(told.iter().all(|line| line.ends_with("a.a 2")), "{told:?}");
    let later = FORGET_SECONDS..FORGET_SECONDS + 30;
    let told = live_with(&mut watch, &store, &kept, later, put);
    let gone: Vec<&String> = told.iter().filter(|line| line.ends_with("gone")).collect();
    assert_eq!(gone, [&format!("{} a.fine gone", FORGET_SECONDS + 1)]);
}

#[test]
fn what_another_target_does_not_mean_is_over_and_forgotten() {
    let store = Stored::default();
    let kept = States(vec![("a.x", State::Critical), ("b.y", State::Critical), ("b.z", State::Ok)]);
    // At a start the name alone tells, where the target is a pattern.
    let mut watch = watching("target = \"a.*\"\ncritical = \"> 5\"");
    let told = live_with(&mut watch, &store, &kept, 0..3, |_, _| {});
    assert_eq!(told, ["0 b.y 0", "0 b.y gone", "0 b.z gone"]);
    // Of an expression nobody knows what it found before, unless it was changed just now.
    let mut watch = watching("target = \"sumSeries(a.*)\"\ncritical = \"> 5\"");
    assert!(live_with(&mut watch, &store, &kept, 3..9, |_, _| {}).is_empty());
    watch.reload(&[monitor("target = \"sumSeries(c.*)\"\ncritical = \"> 5\"")]).unwrap();
    let told = live_with(&mut watch, &store, &kept, 9..20, |_, _| {});
    assert_eq!(told.iter().filter(|line| line.ends_with(" 0")).count(), 2, "{told:?}");
    assert_eq!(told.iter().filter(|line| line.ends_with("gone")).count(), 3, "{told:?}");
    // Another threshold is no other target.
    let mut watch = watching("target = \"sumSeries(a.*)\"\ncritical = \"> 5\"");
    assert!(live_with(&mut watch, &store, &kept, 20..30, |_, _| {}).is_empty());
    watch.reload(&[monitor("target = \"sumSeries(a.*)\"\ncritical = \"> 6\"")]).unwrap();
    assert!(live_with(&mut watch, &store, &kept, 30..40, |_, _| {}).is_empty());
}

#[test]
fn windows_take_no_more_memory_than_is_known_beforehand() {
    let store = Stored::default();
    for condition in [
        "avg over 10m > 1 and p95 over 20m > 1",
        "max over 15m > 1 or changes over 15m > 3",
        "sum over 2h > 1 and min over 90m < 1",
        "reaches 9000 within 20m",
    ] {
        let mut watch = watching(&format!("target = \"a\"\ncritical = \"{condition}\""));
        live(&mut watch, &store, 0..3_000, |store, second| {
            store.put("a", BEGIN + second, (second * 7 % 13) as f64)
        });
        let watched = &watch.watched[0];
        let (taken, most) = (watched.instances[0].track.window_bytes(), watched.window_bytes());
        assert!(taken <= most && taken * 64 > most, "{condition}: {taken} of {most}");
    }
    let many: Vec<String> = (50..70).map(|minutes| format!("p95 over {minutes}m > 1")).collect();
    let found = problems(&monitor(&format!("target = \"a\"\ncritical = \"{}\"", many.join(" or "))));
    let most = format!("and {} KiB at most may be taken", MAX_WINDOW_BYTES_OF_INSTANCE >> 10);
    assert!(found.len() == 1 && found[0].0 == "critical" && found[0].1.contains(&most), "{found:?}");
}

/// A store that cannot be read says nothing about what is in it.
#[test]
fn a_read_that_fails_is_no_silence() {
    let store = Stored::default();
    let mut watch = watching("target = \"a\"\ncritical = \"no point for 5s\"");
    let put = |store: &Stored, second| store.put("a", BEGIN + second, 1.0);
    assert_eq!(changes(live(&mut watch, &store, 0..20, put)), ["0 a 0"]);
    store.fail(true);
    assert!(live(&mut watch, &store, 20..40, put).is_empty());
    assert!(watch.stats.failed_reads >= 20 && watch.stats.behind > 10, "{:?}", watch.stats);
    store.fail(false);
    assert!(live(&mut watch, &store, 40..60, put).iter().all(|line| line.ends_with("a 0")));
}
