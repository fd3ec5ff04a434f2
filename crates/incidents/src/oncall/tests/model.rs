//! A naive model of a schedule: it walks the time minute by minute, looks at the clock on the wall, and remembers the
//! latest that it has shown so far and the earliest that it will show again. It shares no arithmetic with the room.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use crate::oncall::config::{Advance, LayerConfig, ScheduleConfig};
use crate::oncall::leave::{Away, Leave};
use crate::oncall::schedule::{Schedule, Version};

const MINUTE: i64 = 60;
const DAY_MINUTES: i64 = 1_440;
const WEEK_MINUTES: i64 = 7 * DAY_MINUTES;

/// The same layer in numbers, so that the model reads no words. Minutes of the wall clock since 1970.
#[derive(Clone, Debug)]
struct Plain {
    zone: &'static str,
    people: Vec<String>,
    length: i64,
    /// A handoff, and the first turn.
    anchor: i64,
    start: i64,
    end: Option<i64>,
    /// (minute of the week from Monday, minutes)
    windows: Vec<(i64, i64)>,
    by_work: bool,
}

fn wall_minutes(zone: &TimeZone, from: i64, count: usize) -> Vec<i64> {
    let at = |n: usize| {
        let at = jiff::Timestamp::from_second(from + n as i64 * MINUTE).unwrap();
        (at.as_second() + i64::from(zone.to_offset(at).seconds())) / MINUTE
    };
    (0..count).map(at).collect()
}

/// Per minute: the place in the list, or none.
fn walk(layer: &Plain, from: i64, count: usize) -> Vec<Option<usize>> {
    let shown = wall_minutes(&TimeZone::get(layer.zone).unwrap(), from, count + 2 * DAY_MINUTES as usize);
    let mut latest = shown.clone();
    for n in 1..latest.len() {
        latest[n] = latest[n].max(latest[n - 1]);
    }
    let mut earliest = shown;
    for n in (0..earliest.len() - 1).rev() {
        earliest[n] = earliest[n].min(earliest[n + 1]);
    }
    let mut turns = Turns { layer, counted: BTreeMap::new() };
    (0..count).map(|n| turns.at(latest[n], earliest[n])).collect()
}

struct Turns<'l> {
    layer: &'l Plain,
    /// By turn: how many turns before it count.
    counted: BTreeMap<i64, i64>,
}

impl Turns<'_> {
    fn at(&mut self, latest: i64, earliest: i64) -> Option<usize> {
        let layer = self.layer;
        if latest < layer.start || layer.end.is_some_and(|end| earliest >= end) {
            return None;
        }
        if !layer.windows.is_empty() && !layer.windows.iter().any(|window| is_in(*window, latest, earliest)) {
            return None;
        }
        let turn = (latest - layer.anchor).div_euclid(layer.length);
        let counted = if layer.by_work { self.worked_before(turn) } else { turn };
        Some(counted.rem_euclid(layer.people.len() as i64) as usize)
    }

    fn worked_before(&mut self, turn: i64) -> i64 {
        if turn <= 0 {
            return 0;
        }
        if let Some(known) = self.counted.get(&turn) {
            return *known;
        }
        let from = self.counted.last_key_value().map_or((0, 0), |(turn, count)| (*turn, *count));
        let mut count = from.1;
        for before in from.0..turn {
            let begin = self.layer.anchor + before * self.layer.length;
            let minutes = begin..begin + self.layer.length.min(WEEK_MINUTES);
            // Windows begin and end at whole half hours here.
            count += i64::from(
                minutes
                    .step_by(30)
                    .any(|minute| self.layer.windows.iter().any(|window| shows(*window, minute))),
            );
        }
        self.counted.insert(turn, count);
        count
    }
}

fn shows((start, length): (i64, i64), minute: i64) -> bool {
    (minute - 4 * DAY_MINUTES - start).rem_euclid(WEEK_MINUTES) < length
}

/// It has begun once this has been shown, and is not over as long as something before its end will be shown.
fn is_in((start, length): (i64, i64), latest: i64, earliest: i64) -> bool {
    let week = (latest - 4 * DAY_MINUTES - start).div_euclid(WEEK_MINUTES);
    (week - 1..=week).any(|week| {
        let begin = 4 * DAY_MINUTES + week * WEEK_MINUTES + start;
        begin <= latest && earliest < begin + length
    })
}

fn civil(minutes: i64) -> String {
    let at = jiff::Timestamp::from_second(minutes * MINUTE).unwrap();
    at.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M").to_string()
}

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

fn words(layer: &Plain) -> LayerConfig {
    let time = |minute: i64| format!("{:02}:{:02}", minute / 60 % 24, minute % 60);
    let moment = |minute: i64| {
        let minute = minute.rem_euclid(WEEK_MINUTES);
        format!("{} {}", DAYS[(minute / DAY_MINUTES) as usize], time(minute))
    };
    let handoff = match layer.length % WEEK_MINUTES {
        0 => moment(layer.anchor - 4 * DAY_MINUTES),
        _ => time(layer.anchor.rem_euclid(DAY_MINUTES)),
    };
    LayerConfig {
        people: layer.people.clone(),
        rotation: format!("{}h", layer.length / 60),
        start: civil(layer.start),
        handoff,
        restrictions: layer
            .windows
            .iter()
            .map(|(at, length)| format!("{} - {}", moment(*at), moment(at + length)))
            .collect(),
        advance: if layer.by_work { Advance::Worked } else { Advance::Calendar },
        time_zone: Some(layer.zone.to_owned()),
        end: layer.end.map(civil),
        ..LayerConfig::default()
    }
}

fn schedule(layers: &[Plain]) -> Schedule {
    let config = ScheduleConfig {
        name: "s".into(),
        layer: layers.iter().map(words).collect(),
        ..ScheduleConfig::default()
    };
    assert_eq!(config.problems(), [], "{config:?}");
    let version = Version::new(Timestamp(0), &config, &TimeZone::UTC).unwrap();
    Schedule { versions: vec![version], ..Schedule::default() }
}

/// Somebody is away: who, and the minutes from when until when.
type Absence = (&'static str, i64, i64);

/// Whoever has the turn, or the first behind them in the list who is not away at this minute.
fn who_is_there<'l>(layer: &'l Plain, place: usize, minute: i64, absences: &[Absence]) -> Option<&'l str> {
    let is_away = |name: &str| {
        absences.iter().any(|(who, from, until)| *who == name && (*from..*until).contains(&minute))
    };
    let mut behind = (0..layer.people.len()).map(|n| layer.people[(place + n) % layer.people.len()].as_str());
    behind.find(|name| !is_away(name))
}

/// As the room knows them: by person, in order, with time between them.
fn away(absences: &[Absence]) -> Arc<Away> {
    let mut away = Away::new();
    for name in absences.iter().map(|(name, ..)| *name) {
        let mut minutes: Vec<i64> = absences
            .iter()
            .filter(|(who, ..)| *who == name)
            .flat_map(|(_, from, until)| *from..*until)
            .collect();
        minutes.sort_unstable();
        minutes.dedup();
        let alone = minutes.chunk_by(|minute, next| next - minute == 1);
        let leave = alone.map(|alone| Leave {
            from: Timestamp(alone[0] * MINUTE),
            until: Timestamp((alone[alone.len() - 1] + 1) * MINUTE),
        });
        away.insert(name.into(), leave.collect());
    }
    Arc::new(away)
}

/// Every minute, by the list of shifts; the two ways of asking agree at its borders.
fn compare(layers: &[Plain], absences: &[Absence], from: i64, minutes: usize, story: &str) {
    let walked: Vec<_> = layers.iter().map(|layer| walk(layer, from, minutes)).collect();
    let expected = |n: usize| {
        let minute = from / MINUTE + n as i64;
        let by_layer = || layers.iter().zip(&walked);
        let there = by_layer().find_map(|(layer, walked)| who_is_there(layer, walked[n]?, minute, absences));
        // All are away.
        there.or_else(|| by_layer().find_map(|(layer, walked)| Some(layer.people[walked[n]?].as_str())))
    };
    let schedule = Schedule { away: away(absences), ..schedule(layers) };
    let until = Timestamp(from + minutes as i64 * MINUTE);
    let shifts = schedule.shifts(Timestamp(from), until);
    assert_eq!(shifts.iter().map(|shift| shift.end.since(shift.start)).sum::<i64>(), minutes as i64 * MINUTE);
    for shift in &shifts {
        let (first, end) = ((shift.start.0 - from) / MINUTE, (shift.end.0 - from) / MINUTE);
        for n in first..end {
            let says = shift.duty.person.as_deref();
            let at = jiff::Timestamp::from_second(from + n * MINUTE).unwrap();
            assert_eq!(says, expected(n as usize), "{story}: {at}: {layers:#?}");
        }
        let before = Timestamp(shift.end.0 - 1);
        assert_eq!(schedule.duty(before).person, shift.duty.person, "{story}: {shift:?}");
    }
}

fn minutes(text: &str) -> i64 {
    let at: jiff::civil::DateTime = text.parse().unwrap();
    at.to_zoned(TimeZone::UTC).unwrap().timestamp().as_second() / MINUTE
}

fn people(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Five people on three continents, each day 09:00 to 17:00 of where they are, two of them taking turns by week in two
/// places; a backup by week holds what is left.
#[test]
fn a_year_around_the_world_is_that_of_the_model_minute_by_minute() {
    let place = |zone, names: &[&str], by_work| Plain {
        zone,
        people: people(names),
        length: WEEK_MINUTES,
        anchor: minutes("2025-12-29T09:00"),
        start: minutes("2025-12-29T09:00"),
        end: None,
        windows: (0..7).map(|day| (day * DAY_MINUTES + 9 * 60, 8 * 60)).collect(),
        by_work,
    };
    let backup = Plain {
        length: 8 * 60,
        anchor: minutes("2025-12-20T02:30"),
        start: minutes("2025-12-20T02:30"),
        windows: Vec::new(),
        ..place("Europe/Berlin", &["ana", "ben", "cyd", "dee", "eve"], false)
    };
    let layers = [
        place("Pacific/Auckland", &["ana"], false),
        place("Europe/Berlin", &["ben", "cyd"], true),
        place("America/Los_Angeles", &["dee", "eve"], false),
        backup,
    ];
    let from = minutes("2026-01-01T00:00") * MINUTE;
    compare(&layers, &[], from, 366 * DAY_MINUTES as usize, "a year");
    // A summer: one alone in a layer, two of one layer at once, everybody for a night, some over the changes of the clocks.
    let absence = |name, from: &str, until: &str| (name, minutes(from), minutes(until));
    let absences = [
        absence("ana", "2026-02-02T11:00", "2026-02-20T11:00"),
        absence("ben", "2026-03-27T23:00", "2026-04-07T22:00"),
        absence("cyd", "2026-04-01T22:00", "2026-04-03T22:00"),
        absence("ben", "2026-07-01T05:17", "2026-07-01T13:17"),
        absence("ana", "2026-07-10T00:00", "2026-08-01T00:00"),
        absence("eve", "2026-07-20T00:00", "2026-08-20T00:00"),
        absence("ben", "2026-07-24T00:00", "2026-07-28T00:00"),
        absence("cyd", "2026-07-24T00:00", "2026-07-26T00:00"),
        absence("dee", "2026-07-24T20:00", "2026-07-25T08:00"),
        absence("dee", "2026-10-31T00:00", "2026-11-02T12:00"),
    ];
    compare(&layers, &absences, from, 366 * DAY_MINUTES as usize, "a year with leave");
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as i64
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as i64) as usize]
    }
}

/// Zones whose clocks change by an hour, by half of one, at midnight, and not at all.
const ZONES: [&str; 7] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Kolkata",
    "Pacific/Auckland",
    "UTC",
];

fn some_layer(random: &mut Random, around: i64) -> Plain {
    let length = random.of(&[1, 3, 5, 8, 12, 24, 36, 48, 168, 336]) * 60;
    let start = around - random.below(40) * DAY_MINUTES - random.below(48) * 30;
    // The turn that it begins in may have begun before.
    // Of that day, as a time of handoff is of the day that it starts on.
    let into = random.below(length.min(DAY_MINUTES) / 30) * 30;
    let into = if length < DAY_MINUTES { into.min(start.rem_euclid(DAY_MINUTES)) } else { into };
    let anchor = if length < WEEK_MINUTES { start - into } else { start - random.below(7 * 48) * 30 };
    let window = |random: &mut Random| (random.below(7 * 48) * 30, (1 + random.below(40)) * 30);
    let windows: Vec<_> = (0..random.of(&[0, 0, 1, 4])).map(|_| window(random)).collect();
    Plain {
        zone: random.of(&ZONES),
        people: people(&["ana", "ben", "cyd", "dee"][..1 + random.below(4) as usize]),
        length,
        anchor,
        start,
        end: (random.below(3) == 0).then(|| around + random.below(20 * 48) * 30),
        by_work: random.below(2) == 0 && !windows.is_empty(),
        windows,
    }
}

fn some_absence(random: &mut Random, around: i64) -> Absence {
    let from = around - 11 * DAY_MINUTES + random.below(21 * DAY_MINUTES);
    (random.of(&["ana", "ben", "cyd", "dee"]), from, from + 1 + random.below(6 * DAY_MINUTES))
}

/// Somebody has accepted cover for some of somebody's turns: whoever is there instead by the list, it is theirs.
#[test]
fn cover_with_leave_is_that_of_the_model() {
    use crate::oncall::schedule::Override;
    let layer = |names: &[&str]| Plain {
        zone: "UTC",
        people: people(names),
        length: 12 * 60,
        anchor: minutes("2026-01-01T09:00"),
        start: minutes("2026-01-01T09:00"),
        end: None,
        windows: Vec::new(),
        by_work: false,
    };
    for seed in 1..=20_u64 {
        let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let layer = layer(&["ana", "ben", "cyd"]);
        let from = minutes("2026-01-03T09:00");
        let around = from + 10 * DAY_MINUTES;
        let absences: Vec<Absence> =
            (0..3).map(|_| some_absence(&mut random, around)).filter(|(who, ..)| *who != "cyd").collect();
        let covered = (from + random.below(4 * 1_440), from + random.below(12 * 1_440) + 4 * 1_440);
        let over = Override {
            id: 1,
            schedule: "s".into(),
            person: "eve".into(),
            in_place_of: Some("ana".into()),
            start: Timestamp(covered.0 * MINUTE),
            until: Timestamp(covered.1 * MINUTE),
            by: String::new(),
            at: Timestamp(0),
            note: String::new(),
        };
        let mut schedule = schedule(std::slice::from_ref(&layer));
        (schedule.away, schedule.overrides) = (away(&absences), vec![over]);
        let count = 16 * DAY_MINUTES as usize;
        for (n, place) in walk(&layer, from * MINUTE, count).into_iter().enumerate().step_by(7) {
            let minute = from + n as i64;
            let by_list = who_is_there(&layer, place.unwrap(), minute, &absences);
            let is_anas = place == Some(0) || by_list == Some("ana");
            let is_covered = (covered.0..covered.1).contains(&minute) && is_anas;
            let expected = if is_covered { Some("eve") } else { by_list };
            let says = schedule.duty(Timestamp(minute * MINUTE)).person;
            assert_eq!(says.as_deref(), expected, "seed {seed}, minute {n}, {absences:?}");
        }
    }
}

/// Twenty days around the changes of the clocks.
#[test]
fn schedules_of_any_kind_are_those_of_the_model() {
    let seeds = if std::env::var_os("BELLWETHER_LONG").is_some() { 2_000 } else { 60 };
    let changes = [
        "2026-03-29T01:00",
        "2026-10-25T01:00",
        "2026-03-08T07:00",
        "2026-11-01T06:00",
        "2026-04-04T15:00",
        "2026-09-06T04:00",
    ];
    for seed in 1..=seeds {
        let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let around = minutes(random.of(&changes));
        let layers: Vec<Plain> = (0..1 + random.below(3)).map(|_| some_layer(&mut random, around)).collect();
        let from = (around - 10 * DAY_MINUTES) * MINUTE;
        let absences: Vec<Absence> =
            (0..random.below(6)).map(|_| some_absence(&mut random, around)).collect();
        compare(&layers, &absences, from, 20 * DAY_MINUTES as usize, &format!("seed {seed}"));
    }
}

#[test]
fn whoever_has_left_leaves_no_hole_and_a_stand_in_lies_on_top() {
    use crate::oncall::schedule::Override;
    let layer = Plain {
        zone: "UTC",
        people: people(&["ana", "ben", "cyd"]),
        length: DAY_MINUTES,
        anchor: minutes("2026-01-01T09:00"),
        start: minutes("2026-01-01T09:00"),
        end: None,
        windows: Vec::new(),
        by_work: false,
    };
    let mut schedule = schedule(&[layer]);
    let day = |n: i64| Timestamp((minutes("2026-01-01T09:00") + n * DAY_MINUTES) * MINUTE);
    let over = |id, person: &str, of: Option<&str>, from, until| Override {
        id,
        schedule: "s".into(),
        person: person.into(),
        in_place_of: of.map(Arc::from),
        start: from,
        until,
        by: String::new(),
        at: Timestamp(0),
        note: String::new(),
    };
    let on = |schedule: &Schedule| {
        let shifts = schedule.shifts(day(0), day(8));
        let name = |at: i64| schedule.duty(day(at)).person.map_or("-".to_owned(), |name| name.to_string());
        assert!(schedule.gaps(day(0), day(8)).is_empty());
        (shifts.len(), (0..8).map(name).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(on(&schedule), (8, "ana ben cyd ana ben cyd ana ben".into()));
    // From the middle of the sixth day on, which is half hers.
    schedule.gone = Arc::new([(Arc::from("cyd"), Timestamp(day(5).0 + 60))].into());
    assert_eq!(on(&schedule), (9, "ana ben cyd ana ben cyd ana ben".into()));
    schedule.gone = Arc::new([(Arc::from("cyd"), day(4))].into());
    assert_eq!(on(&schedule), (8, "ana ben cyd ana ben ana ana ben".into()));
    // In the place of one, then in the place of who stands in, then of everybody.
    schedule.overrides = vec![
        over(1, "dee", Some("ana"), day(0), day(8)),
        over(2, "eve", Some("dee"), day(3), day(4)),
        over(3, "ana", None, day(4), day(5)),
    ];
    assert_eq!(on(&schedule).1, "dee ben cyd eve ana dee dee ben");
}
