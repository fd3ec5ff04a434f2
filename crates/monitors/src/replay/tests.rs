//! Replays hold to a brute-force evaluator that works every second out anew, whatever rows the points come in; and
//! what they say is what the real clock would have said.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use vocabulary::ports::QueryLimits;
use vocabulary::{SeriesSource, Timestamp};

use super::*;
use crate::config::{ContactConfig, Definitions, MonitorConfig};
use crate::kinds::metric::Look;
use crate::kinds::metric::testing::{BEGIN, Stored, monitor};

fn look<'a>(store: &'a dyn SeriesSource, limits: &'a QueryLimits, now: i64) -> Look<'a> {
    const UTC: &TimeZone = &TimeZone::UTC;
    Look { source: store, events: &graphite::NoEvents, zone: UTC, limits, now: Timestamp(now) }
}

fn past(from: i64, until: i64) -> Past {
    Past { from: Timestamp(BEGIN + from), until: Timestamp(BEGIN + until), blind: Vec::new().into() }
}

fn tried(config: &MonitorConfig, store: &Stored, from: i64, until: i64) -> Replayed {
    let limits = QueryLimits::default();
    let all = Definitions { contacts: contacts(), ..Definitions::default() };
    replay(config, &all, &look(store, &limits, BEGIN + until), &past(from, until)).unwrap()
}

fn contacts() -> Vec<ContactConfig> {
    vec![ContactConfig { name: "ana".into(), channels: vec!["log".into()], ..ContactConfig::default() }]
}

/// `instance state began fired ended`, seconds from the beginning.
fn lines(replayed: &Replayed) -> Vec<String> {
    let shown = |at: Option<i64>| at.map_or("-".to_owned(), |at| (at - BEGIN).to_string());
    let line = |firing: &Firing| {
        let Firing { instance, state, began, fired, ended, told, .. } = firing;
        let told = if *told { " told" } else { "" };
        format!("{instance} {state} {} {} {}{told}", began - BEGIN, shown(*fired), shown(*ended))
    };
    replayed.firings.iter().map(line).collect()
}

#[test]
fn what_would_have_fired_is_told_with_its_times() {
    let store = Stored::default();
    for second in 0..200 {
        let bad = matches!(second, 20..=22 | 50..=89 | 190..);
        store.put("a.x", BEGIN + second, if bad { 400.0 } else { 1.0 });
        store.put("a.y", BEGIN + second, 1.0);
    }
    let config = monitor("target = \"a.*\"\ncritical = \"> 300\"\nfor = \"10s\"\ncontacts = [\"ana\"]");
    let replayed = tried(&config, &store, 0, 200);
    assert_eq!(
        lines(&replayed),
        ["a.x CRITICAL 20 - 23", "a.x CRITICAL 50 60 90 told", "a.x CRITICAL 190 - -"]
    );
    assert_eq!(replayed.pages, BTreeMap::from([("ana".to_owned(), 1)]));
    assert_eq!((replayed.fired(), replayed.self_healed()), (1, 2));
    assert_eq!(replayed.critical_lines, [300.0]);
    assert_eq!(replayed.known_from, Some(BEGIN));
    assert_eq!(
        replayed.sentence(),
        "It would have fired once, with 1 page; 2 times it healed by itself before anybody was told."
    );
}

#[test]
fn a_time_is_found_within_others() {
    let times = [3, 5, 5, 9];
    for (from, until) in (0..12).flat_map(|from| (from..12).map(move |until| (from, until))) {
        let plain = times.iter().any(|at| (from..=until).contains(at));
        assert_eq!(any_within(&times, from, until), plain, "{from} to {until}");
    }
    assert!(!any_within(&times, 9, 3) && !any_within(&[], 0, 9));
}

/// Each second looked at once: what looked through the rest of the day again in each empty one took minutes.
#[test]
fn a_month_of_which_little_is_known_is_soon_gone_through() {
    const MONTH: i64 = 30 * 86_400;
    let store = Stored::default();
    for second in (0..100).chain(MONTH / 2..MONTH / 2 + 100).chain(MONTH - 100..MONTH) {
        let bad = matches!(second % (MONTH / 2), 20..50);
        store.put("a.x", BEGIN + second, if bad { 400.0 } else { 1.0 });
    }
    store.put("a.y", BEGIN + 10, 1.0);
    let config = monitor("target = \"a.*\"\ncritical = \"> 300\"\nfor = \"10s\"\ncontacts = [\"ana\"]");
    let replayed = tried(&config, &store, 0, MONTH);
    let half = MONTH / 2;
    let second = format!("a.x CRITICAL {} {} {} told", half + 20, half + 30, half + 50);
    assert_eq!(lines(&replayed), ["a.x CRITICAL 20 30 50 told", &second]);
    assert_eq!(replayed.known_from, Some(BEGIN));
    assert_eq!(replayed.slots, 2 * (MONTH as u64 + 10), "and what `for` rests on at the beginning");
}

/// So does one that compares instances with each other, slot by slot.
#[test]
fn the_first_point_is_not_looked_for_anew_in_each_slot() {
    const DAY: i64 = 86_400;
    let store = Stored::default();
    store.put("a.x", BEGIN + DAY, 400.0);
    store.put("a.y", BEGIN + DAY, 1.0);
    let replayed = tried(&monitor("target = \"a.*\"\ncritical = \"top 1 and > 300\""), &store, 0, DAY + 60);
    assert_eq!((replayed.known_from, replayed.fired()), (Some(BEGIN + DAY), 1));
}

/// A rule that flaps is told of once, and so is one in shadow: what it would tell is the question.
#[test]
fn ten_thousand_breaches_are_few_pages() {
    let store = Stored::default();
    for second in 0..20_000 {
        store.put("a", BEGIN + second, f64::from(u8::from(second % 2 == 1)));
    }
    let replayed = tried(&monitor("target = \"a\"\ncritical = \"> 0\"\nshadow = true"), &store, 0, 20_000);
    assert_eq!(replayed.fired(), 10_000);
    assert!((1..=3).contains(&replayed.told()), "{:?}", replayed.pages);
}

#[test]
fn two_versions_are_compared() {
    let store = Stored::default();
    for second in 0..300 {
        let value = match second {
            50..=59 => 400.0,
            100..=159 => 400.0,
            200..=229 => 250.0,
            _ => 1.0,
        };
        store.put("a", BEGIN + second, value);
    }
    let rule = |keys: &str| tried(&monitor(&format!("target = \"a\"\n{keys}")), &store, 0, 300);
    let (first, second) = (rule("critical = \"> 300\""), rule("critical = \"> 200\"\nfor = \"15s\""));
    let comparison = compare(&first, &second);
    let began = |list: &[Firing]| list.iter().map(|firing| firing.began - BEGIN).collect::<Vec<_>>();
    assert_eq!(comparison.both.len(), 1);
    assert_eq!((began(&comparison.only_first), began(&comparison.only_second)), (vec![50], vec![200]));
}

#[test]
fn coarse_points_are_said_to_be_coarse() {
    let store = Stored::with_archives("1s:1h,60s:1d");
    for second in (0..7_200).step_by(60) {
        store.put("a", BEGIN + second, if second == 600 { 400.0 } else { 1.0 });
    }
    let doubts = |keys: &str| {
        let replayed =
            tried(&monitor(&format!("target = \"a\"\ncritical = \"> 300\"\n{keys}")), &store, 0, 7_200);
        let shown = |doubt: &Doubt| format!("{} {} {}", doubt.step, doubt.cannot_tell, doubt.reason);
        (replayed.doubts.iter().map(shown).collect::<Vec<_>>(), replayed.fired())
    };
    let (coarse, fired) = doubts("");
    assert_eq!(coarse, ["60 false only points of 1min are kept: what is shorter is not seen"]);
    assert_eq!(fired, 1);
    let (cannot, fired) = doubts("for = \"30s\"");
    assert_eq!(
        cannot,
        ["60 true cannot tell: the `for` of 30s is shorter than the 1min that one kept point stands for"]
    );
    assert_eq!(fired, 0);
}

/// What a rule says of each second, worked out from all points each time.
struct Brute<'p> {
    points: &'p BTreeMap<i64, f64>,
    first: i64,
}

impl Brute<'_> {
    fn window(&self, at: i64, seconds: i64) -> Vec<f64> {
        self.points.range(at - seconds + 1..=at).map(|(_, value)| *value).collect()
    }

    /// Windows reach back to before the series began: they cannot be told unless they grow into it.
    fn is_full(&self, at: i64, seconds: i64) -> bool {
        self.first <= at - seconds + 1
    }

    fn holds(&self, rule: &str, at: i64) -> (Option<bool>, Option<bool>) {
        let told = |value: Option<bool>| (value, value);
        let full = |seconds: i64, value: Option<bool>| match self.is_full(at, seconds) {
            true => (value, value),
            false => (None, value),
        };
        let value = self.points.get(&at).copied();
        match rule {
            "> 5" => told(value.map(|value| value > 5.0)),
            "outside 2..7" => told(value.map(|value| !(2.0..=7.0).contains(&value))),
            "sum over 20s < 60" => {
                let window = self.window(at, 20);
                full(20, (!window.is_empty()).then(|| window.iter().sum::<f64>() < 60.0))
            }
            "avg over 15s >= 5" => {
                let window = self.window(at, 15);
                full(
                    15,
                    (!window.is_empty()).then(|| window.iter().sum::<f64>() / window.len() as f64 >= 5.0),
                )
            }
            "max over 10s > 8" => {
                let window = self.window(at, 10);
                let holds = (!window.is_empty()).then(|| window.iter().any(|value| *value > 8.0));
                if holds == Some(true) { told(holds) } else { full(10, holds) }
            }
            "median over 9s > 5" => {
                let mut window = self.window(at, 9);
                window.sort_by(f64::total_cmp);
                let rank = window.len().div_ceil(2);
                full(9, (!window.is_empty()).then(|| window[rank - 1] > 5.0))
            }
            "change over 7s > 3" => {
                // Of two series, which seldom meet, a value counts for a minute.
                let lately = |at: i64| self.points.range(at - 60..=at).next_back().map(|(_, value)| *value);
                let change = lately(at).and_then(|now| Some(now - lately(at - 7)?));
                told(change.map(|change| change > 3.0))
            }
            "no point for 5s" => {
                let last = self.points.range(..=at).next_back().map(|(time, _)| *time);
                told(Some(last.is_some_and(|last| at - last > 5)))
            }
            other => panic!("{other}"),
        }
    }
}

const CONDITIONS: [&str; 8] = [
    "> 5",
    "outside 2..7",
    "sum over 20s < 60",
    "avg over 15s >= 5",
    "max over 10s > 8",
    "median over 9s > 5",
    "change over 7s > 3",
    "no point for 5s",
];

/// The latch, once more and slowly: (state, about to be) of each second.
fn brute(
    points: &BTreeMap<i64, f64>,
    condition: &str,
    lasting: i64,
    clearing: i64,
    until: i64,
) -> Vec<(i64, bool)> {
    let first = points.keys().next().copied().unwrap_or(i64::MAX);
    let brute = Brute { points, first };
    let (mut on, mut turning): (bool, Option<i64>) = (false, None);
    let mut out = Vec::new();
    for at in 0..=until {
        let (holds, so_far) = brute.holds(condition, at);
        let turns = if on { so_far.map(|holds| !holds) } else { holds };
        match turns {
            Some(true) => {
                let since = *turning.get_or_insert(at);
                if at - since >= if on { clearing } else { lasting } {
                    (on, turning) = (!on, None);
                    out.push((at, on));
                }
            }
            Some(false) => turning = None,
            None => {}
        }
    }
    out
}

#[test]
fn replays_equal_a_brute_force_evaluator() {
    let rounds: u64 = if std::env::var_os("BELLWETHER_LONG").is_some() { 4_000 } else { 200 };
    let mut total = 0;
    for seed in 0..rounds {
        let mut random = Random(seed * 2 + 1);
        let store = Stored::default();
        let mut points = BTreeMap::new();
        let length = 50 + random.below(400) as i64;
        let (gaps, wave) = (random.below(5), 1 + random.below(60) as i64);
        let begin = random.below(30) as i64;
        for at in begin..=length {
            if random.below(10) < gaps && at > begin {
                continue;
            }
            // Long swings, so that conditions last.
            let value = (at / wave % 3) as f64 * 3.0 + random.below(4) as f64;
            points.insert(at, value);
            store.put("a", BEGIN + at, value);
        }
        let condition = CONDITIONS[random.below(CONDITIONS.len() as u64) as usize];
        let (lasting, clearing) = (random.below(12) as i64, random.below(8) as i64);
        let keys = format!(
            "target = \"a\"\ncritical = \"{condition}\"\nfor = \"{lasting}s\"\nrecover_for = \"{clearing}s\""
        );
        let replayed = tried(&monitor(&keys), &store, 0, length);
        let mut found: Vec<(i64, bool)> = Vec::new();
        for firing in replayed.firings.iter().filter(|firing| !firing.healed()) {
            found.extend(firing.fired.map(|at| (at - BEGIN, true)));
            found.extend(firing.ended.map(|at| (at - BEGIN, false)));
        }
        // A firing that is followed by what is about to be the next one ends where that ends.
        let wanted = brute(&points, condition, lasting, clearing, length);
        let fired =
            |list: &[(i64, bool)]| list.iter().filter(|(_, on)| *on).map(|(at, _)| *at).collect::<Vec<_>>();
        assert_eq!(fired(&found), fired(&wanted), "seed {seed}: {keys}\n{points:?}");
        assert_eq!(found, wanted, "seed {seed}: {keys}");
        total += fired(&found).len() as u64;
    }
    assert!(total > rounds, "{total} firings of {rounds} rules say little");
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit.max(1)
    }
}
