//! Pings, schedules and absences, with a clock of their own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::tz::TimeZone;
use parking_lot::Mutex;
use state_store::StateStore;
use vocabulary::Timestamp;
use vocabulary::settings::Secret;

use super::ask::{self, Ask, Refused, Whom};
use super::beats::{Answer, Beat, Heard, Heartbeats};
use super::config::{HeartbeatsConfig, problems};
use super::cron::Cron;
use super::heart::{PingKind, Shown};
use super::limits::MAX_CREATED;
use super::oncalendar::OnCalendar;
use crate::Definitions;
use crate::config::MonitorConfig;

const KEY: &str = "0123456789abcdef";
const HOUR: i64 = 3_600_000;

fn monitors(text: &str) -> Definitions {
    #[derive(serde::Deserialize)]
    struct File {
        monitor: Vec<MonitorConfig>,
    }
    let file: File = toml::from_str(text).unwrap();
    Definitions { monitors: file.monitor, ..Definitions::default() }
}

struct Rig {
    directory: tempfile::TempDir,
    store: Arc<StateStore>,
    heartbeats: Heartbeats,
    definitions: Definitions,
    now: AtomicI64,
}

impl Rig {
    fn new(text: &str) -> Rig {
        let directory = tempfile::tempdir().unwrap();
        let store =
            Arc::new(StateStore::open(&directory.path().join("state.db"), &[super::MIGRATIONS]).unwrap());
        let definitions = monitors(text);
        let heartbeats = Heartbeats::open(store.clone(), &definitions, &config(), None, 0).unwrap();
        Rig { directory, store, heartbeats, definitions, now: AtomicI64::new(0) }
    }

    fn at(&self, ms: i64) -> &Rig {
        self.now.store(ms, Ordering::Relaxed);
        self
    }

    fn now(&self) -> i64 {
        self.now.load(Ordering::Relaxed)
    }

    fn work(&self) -> Vec<Beat> {
        let round = self.heartbeats.work(|| self.now(), Duration::ZERO);
        round.replies.into_iter().for_each(|(reply, answer)| reply(answer));
        round.beats
    }

    /// States as (name, is down).
    fn states(&self) -> Vec<(String, bool)> {
        self.work().iter().map(|beat| (beat.name.to_string(), beat.outcome.status == 2)).collect()
    }

    fn ping(&self, path: &str) -> Answer {
        self.ping_with(path, None, b"")
    }

    fn ping_with(&self, path: &str, rid: Option<&str>, body: &[u8]) -> Answer {
        let (path, create) = path.strip_suffix("?create=1").map_or((path, false), |path| (path, true));
        let (whom, kind, exit, rid) = ask::read(path, rid, create)?;
        let answered = Arc::new(Mutex::new(None));
        let slot = answered.clone();
        let ask = Ask { whom, kind, exit, rid, method: "GET".into(), body: body.to_vec() };
        self.heartbeats.ask(ask, self.now(), Box::new(move |answer| *slot.lock() = Some(answer)));
        self.work();
        let answer = answered.lock().take();
        answer.expect("every ping is answered")
    }

    fn shown(&self, name: &str) -> Shown {
        self.heartbeats.one(name, self.now()).unwrap().unwrap().0.shown
    }

    fn text(&self, name: &str) -> String {
        self.heartbeats.one(name, self.now()).unwrap().unwrap().0.text
    }

    /// Killed, and started again after a while.
    fn restarted_after(mut self, ms: i64) -> Rig {
        let gone = Timestamp(self.now() / 1_000);
        let now = self.now() + ms;
        self.heartbeats =
            Heartbeats::open(self.store.clone(), &self.definitions, &config(), Some(gone), now).unwrap();
        self.at(now);
        self
    }
}

fn config() -> HeartbeatsConfig {
    HeartbeatsConfig { ping_key: Secret::new(KEY) }
}

fn simple() -> Rig {
    Rig::new("[[monitor]]\nname = 'job'\nkind = 'heartbeat'\nslug = 'job'\nperiod = '1h'\ngrace = '10min'")
}

fn slug(rest: &str) -> String {
    format!("{KEY}/job{rest}")
}

#[test]
fn it_is_new_up_late_and_down() {
    let rig = simple();
    assert_eq!(
        (rig.at(1_000 * HOUR).states(), rig.shown("job")),
        (vec![], Shown::New),
        "never pinged, nobody is told"
    );
    assert_eq!(rig.ping(&slug("")), Ok(Heard::Known));
    assert_eq!(rig.shown("job"), Shown::Up);
    assert_eq!((rig.at(1_001 * HOUR).states(), rig.shown("job")), (vec![], Shown::Grace));
    assert_eq!(rig.at(1_001 * HOUR + 599_999).states(), vec![]);
    assert_eq!(rig.at(1_001 * HOUR + 600_000).states(), [("job".to_owned(), true)]);
    assert!(rig.text("job").starts_with("no ping since 1970-02-11 16:00:00 UTC"), "{}", rig.text("job"));
    assert_eq!(rig.at(1_005 * HOUR).states(), vec![], "once");
    assert_eq!(rig.ping(&slug("/0")), Ok(Heard::Known));
    assert_eq!(rig.shown("job"), Shown::Up);
}

#[test]
fn failures_count_at_once_and_say_why() {
    let rig = simple();
    rig.ping(&slug("")).unwrap();
    rig.ping_with(&slug("/3"), None, b"\n  disk full \nmore").unwrap();
    assert_eq!(rig.shown("job"), Shown::Down);
    assert_eq!(rig.text("job"), "it says that it failed with exit status 3: disk full");
    rig.ping(&slug("/log")).unwrap();
    assert_eq!(rig.shown("job"), Shown::Down, "a log line says nothing of the state");
    rig.ping(&slug("/fail")).unwrap();
    assert_eq!(rig.text("job"), "it says that it failed");
}

#[test]
fn runs_have_a_duration_and_an_end() {
    let rig = simple();
    let rid = |n: u8| format!("{n}0000000-0000-4000-8000-000000000000");
    rig.ping_with(&slug("/start"), Some(&rid(1)), b"").unwrap();
    assert_eq!(rig.shown("job"), Shown::Started);
    rig.at(5_000).ping_with(&slug("/start"), Some(&rid(2)), b"").unwrap();
    rig.at(7_500).ping_with(&slug(""), Some(&rid(2)), b"").unwrap();
    rig.at(8_000).ping_with(&slug(""), Some(&rid(1)), b"").unwrap();
    let (known, pings) = rig.heartbeats.one("job", 0).unwrap().unwrap();
    let told: Vec<_> = pings.iter().rev().map(|ping| (ping.kind, ping.duration_ms, ping.overlaps)).collect();
    use PingKind::{Start, Success};
    let wanted = [
        (Start, None, false),
        (Start, None, true),
        (Success, Some(2_500), false),
        (Success, Some(8_000), false),
    ];
    assert_eq!((told, known.shown), (wanted.to_vec(), Shown::Up));
    assert_eq!((known.heart.overlaps, known.heart.overlapped), (1, true));
    assert!(rig.text("job").ends_with("began while another had not ended"), "{}", rig.text("job"));
    rig.at(10_000).ping(&slug("/start")).unwrap();
    assert_eq!(rig.at(609_999).states(), vec![]);
    assert_eq!(rig.at(610_000).states(), [("job".to_owned(), true)], "it took longer than the grace");
    assert!(rig.text("job").contains("has not ended within 10min"), "{}", rig.text("job"));
    rig.ping(&slug("/0")).unwrap();
    assert_eq!(rig.shown("job"), Shown::Up);
}

#[test]
fn runs_beside_each_other_are_counted_and_dead_ones_are_no_runs() {
    let rig = simple();
    let rid = |n: u32| format!("{n:08}-0000-4000-8000-000000000000");
    let overlaps = |rig: &Rig| {
        let (known, _) = rig.heartbeats.one("job", 0).unwrap().unwrap();
        (known.heart.overlaps, known.heart.overlapped)
    };
    // Without a rid the second start says as much.
    rig.ping(&slug("/start")).unwrap();
    rig.at(1_000).ping(&slug("/start")).unwrap();
    assert_eq!(overlaps(&rig), (1, true));
    rig.at(2_000).ping(&slug("")).unwrap();
    rig.at(3_000).ping(&slug("/start")).unwrap();
    assert_eq!(overlaps(&rig), (1, false));
    rig.at(4_000).ping(&slug("")).unwrap();
    // One that never ends is dead after the grace, and the next one is alone.
    rig.at(5_000).ping_with(&slug("/start"), Some(&rid(0)), b"").unwrap();
    rig.at(700_000).ping_with(&slug("/start"), Some(&rid(1)), b"").unwrap();
    assert_eq!(overlaps(&rig), (1, false));
    // The same start twice, as a client that tries again sends it.
    rig.at(700_001).ping_with(&slug("/start"), Some(&rid(1)), b"").unwrap();
    assert_eq!(overlaps(&rig), (1, false));
    for n in 2..100 {
        rig.at(700_000 + i64::from(n)).ping_with(&slug("/start"), Some(&rid(n)), b"").unwrap();
    }
    let (known, _) = rig.heartbeats.one("job", 0).unwrap().unwrap();
    assert_eq!((known.heart.others.len(), known.heart.overlaps), (super::limits::MAX_RUNS, 99));
}

#[test]
fn paths_are_answered_as_the_original_answers_them() {
    let rig = Rig::new(
        "[[monitor]]\nname = 'a'\nkind = 'heartbeat'\nuuid = '11111111-2222-4333-8444-555555555555'\n\
         [[monitor]]\nname = 'b'\nkind = 'heartbeat'\nslug = 'twice'\n[[monitor]]\nname = 'c'\nkind = 'heartbeat'\nslug = 'twice'",
    );
    let uuid = "11111111-2222-4333-8444-555555555555";
    let known = Ok(Heard::Known);
    let check = |path: &str, wanted: Answer| assert_eq!(rig.ping(path), wanted, "{path}");
    for end in ["", "/", "/start", "/fail", "/log", "/0", "/255", "/007"] {
        check(&format!("{uuid}{end}"), known);
    }
    check(&uuid.to_uppercase(), known);
    check(&format!("{uuid}/256"), Err(Refused::BadExit));
    check(&format!("{uuid}/99999999999999999999"), Err(Refused::BadExit));
    check(&format!("{uuid}/stop"), Err(Refused::NotFound));
    check(&format!("{uuid}/start/now"), Err(Refused::NotFound));
    check("", Err(Refused::NotFound));
    check("nothing", Err(Refused::NotFound));
    check("99999999-2222-4333-8444-555555555555", Err(Refused::NotFound));
    check(&format!("{KEY}/twice"), Err(Refused::Ambiguous));
    check(&format!("{KEY}/other"), Err(Refused::NotFound));
    check("0123456789abcdeX/new?create=1", Err(Refused::NotFound));
    check(&format!("{KEY}/new?create=1"), Ok(Heard::Made));
    check(&format!("{KEY}/new?create=1"), known);
    check(&format!("{KEY}/new/fail"), known);
    assert_eq!(rig.ping_with(uuid, Some("no uuid"), b""), Err(Refused::BadRid));
    assert_eq!(rig.heartbeats.made().len(), 1);
    assert!(!rig.heartbeats.remove("a").unwrap(), "a file defines it");
    assert!(rig.heartbeats.remove("new").unwrap());
    check(&format!("{KEY}/new"), Err(Refused::NotFound));
}

#[test]
fn pings_make_no_more_than_so_many() {
    let rig = simple();
    for n in 0..MAX_CREATED {
        let (whom, kind, ..) = ask::read(&format!("{KEY}/s{n}"), None, true).unwrap();
        let ask = Ask { whom, kind, exit: None, rid: None, method: "GET".into(), body: Vec::new() };
        rig.heartbeats.ask(ask, 0, Box::new(|_| {}));
    }
    rig.work();
    assert_eq!(rig.ping(&format!("{KEY}/more?create=1")), Err(Refused::TooMany));
}

#[test]
fn everything_is_there_after_a_restart() {
    let rig = Rig::new("[[monitor]]\nname = 'job'\nkind = 'heartbeat'\nperiod = '1h'");
    let uuid = rig.heartbeats.one("job", 0).unwrap().unwrap().0.uuid;
    rig.ping(&uuid).unwrap();
    rig.ping_with(&format!("{uuid}/5"), None, &[b'x'; 20_000]).unwrap();
    rig.ping(&format!("{KEY}/new?create=1")).unwrap();
    let rig = rig.restarted_after(1_000);
    let (known, pings) = rig.heartbeats.one("job", 0).unwrap().unwrap();
    assert_eq!((known.uuid.as_str(), known.shown, pings.len()), (uuid.as_str(), Shown::Down, 2));
    assert_eq!((pings[0].exit, pings[0].body.len()), (Some(5), 10_000));
    assert_eq!(rig.ping(&format!("{KEY}/new")), Ok(Heard::Known));
    assert!(rig.directory.path().exists());
}

#[test]
fn what_was_missed_while_we_were_away_does_not_alarm() {
    // Away over its time, and one grace longer: the next hour counts.
    let rig = simple();
    rig.ping(&slug("")).unwrap();
    let rig = rig.at(HOUR - 60_000).to_owned_rig().restarted_after(HOUR / 2);
    assert_eq!(rig.states(), vec![]);
    assert_eq!(rig.at(2 * HOUR + 599_999).states(), vec![]);
    assert_eq!(rig.at(2 * HOUR + 600_000).states(), [("job".to_owned(), true)]);
}

#[test]
fn after_a_short_absence_one_grace_is_given() {
    let rig = simple();
    rig.ping(&slug("")).unwrap();
    rig.at(HOUR + 590_000);
    let rig = rig.restarted_after(20_000);
    assert_eq!(rig.states(), vec![]);
    assert_eq!(rig.at(rig.now() + 599_999).states(), vec![]);
    assert_eq!(rig.at(rig.now() + 1).states(), [("job".to_owned(), true)]);
}

#[test]
fn what_is_down_stays_down_and_a_run_of_before_is_not_waited_for() {
    let rig = simple();
    rig.ping(&slug("/fail")).unwrap();
    let rig = rig.restarted_after(HOUR);
    assert_eq!(rig.shown("job"), Shown::Down);
    rig.ping(&slug("")).unwrap();
    rig.ping(&slug("/start")).unwrap();
    let rig = rig.restarted_after(HOUR / 2);
    assert_eq!((rig.states(), rig.shown("job")), (vec![], Shown::Up));
}

impl Rig {
    fn to_owned_rig(&self) -> Rig {
        let now = self.now();
        let heartbeats =
            Heartbeats::open(self.store.clone(), &self.definitions, &config(), None, now).unwrap();
        Rig {
            directory: tempfile::tempdir().unwrap(),
            store: self.store.clone(),
            heartbeats,
            definitions: self.definitions.clone(),
            now: AtomicI64::new(now),
        }
    }
}

#[test]
fn pausing_and_going_on() {
    let rig = simple();
    rig.ping(&slug("")).unwrap();
    assert!(rig.heartbeats.pause("job", true) && !rig.heartbeats.pause("nothing", true));
    assert_eq!((rig.at(9 * HOUR).states(), rig.shown("job")), (vec![], Shown::Paused));
    rig.ping(&slug("")).unwrap();
    assert_eq!(rig.shown("job"), Shown::Up, "a ping ends the pause");
}

fn cron_next(text: &str, zone: &str, after: i64, count: usize) -> Vec<i64> {
    let (cron, zone) = (Cron::parse(text).unwrap(), TimeZone::get(zone).unwrap());
    let mut at = after;
    (0..count)
        .map(|_| {
            at = cron.next(&zone, at).unwrap();
            at
        })
        .collect()
}

#[test]
fn cron_over_the_jumps_of_the_clock() {
    // 2026-03-29, 02:00 to 03:00 is left out; 2026-10-25, 02:00 to 03:00 comes twice.
    let check = |text: &str, after: i64, wanted: &[i64]| {
        assert_eq!(cron_next(text, "Europe/Berlin", after, wanted.len()), wanted, "{text}");
    };
    let (spring, autumn) = (1_774_738_800, 1_792_879_200);
    check("30 2 * * *", spring, &[spring + 2 * 3_600, spring + 25 * 3_600 + 1_800]);
    check("30 2 * * *", autumn, &[autumn + 2 * 3_600 + 1_800, autumn + 27 * 3_600 + 1_800]);
    check("*/30 2 * * *", autumn, &[2, 3, 4, 5].map(|half| autumn + 3_600 + half * 1_800));
}

#[test]
fn cron_expressions_that_mean_nothing_are_refused() {
    for bad in [
        "",
        "* * * *",
        "* * * * * *",
        "60 * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "* * 32 * *",
        "* * * 13 *",
        "* * * * 8",
        "a * * * *",
        "1- * * * *",
        "5-1 * * * *",
        "*/0 * * * *",
        "1,, * * * *",
        "-1 * * * *",
        "* * L-1 * *",
        "* * * * 1#6",
        "* * * * L",
        "* * * FOO *",
        "0 0 31 2 *",
        "0 0 30 2 *",
        "+1 * * * *",
        "1_0 * * * *",
        "* * * * MONL",
    ] {
        assert!(Cron::parse(bad).is_err(), "{bad}");
    }
    for good in [
        "0 0 L * *",
        "0 0 LW 2 *",
        "0 0 * * 5L",
        "0 0 * * mon#1",
        "0 0 29 2 *",
        "007 1-5/2,8 1 jan-MAR SUN,7",
    ] {
        assert!(Cron::parse(good).is_ok(), "{good}: {:?}", Cron::parse(good));
    }
}

#[test]
fn calendar_expressions() {
    let next = |text: &str| {
        OnCalendar::parse(text).and_then(|calendar| calendar.next(&TimeZone::UTC, 0).ok_or_else(String::new))
    };
    let day = 86_400;
    // 1970-01-01 was a Thursday.
    for (text, wanted) in [
        ("daily", day),
        ("Mon", 4 * day),
        ("Thu,Fri 12:30", 12 * 3_600 + 1_800),
        ("*-*-* *:*:10", 10),
        ("*:0/15", 900),
        ("*-02~01", (31 + 27) * day),
        ("2001-01-01", 978_307_200),
        ("01-1-1 00:00", 978_307_200),
        ("02:00 Europe/Berlin", 3_600),
        ("Sat\n00:00:05", 5),
        ("mon..wed,sun, 1-4", 3 * day),
    ] {
        assert_eq!(next(text), Ok(wanted), "{text}");
    }
    for bad in [
        "",
        "Foo",
        "25:00",
        "*/2:00",
        "1-1 1-1",
        "Mon..Sun extra 00:00",
        "~29",
        "*-02~29",
        "1:2:3:4",
        "00:00 Mars/Base",
        "1960-1-1",
    ] {
        assert!(OnCalendar::parse(bad).is_err(), "{bad}");
    }
}

#[test]
fn problems_of_definitions_are_told() {
    let check = |keys: &str, wanted: &[&str]| {
        let text = format!("[[monitor]]\nname = 'm'\n{keys}");
        let told: Vec<_> = problems(&monitors(&text).monitors[0]).into_iter().map(|(key, _)| key).collect();
        assert_eq!(told, wanted, "{keys}");
    };
    check("kind = 'heartbeat'", &[]);
    check("kind = 'heartbeat'\nschedule = '0 4 * * *'\ntime_zone = 'Europe/Riga'\ngrace = '1h'", &[]);
    check("kind = 'heartbeat'\nschedule = '0 4 * *'", &["schedule"]);
    check("kind = 'heartbeat'\nschedule = ''", &["schedule"]);
    check(
        "kind = 'heartbeat'\nschedule = 'daily'\nperiod = '1h'\ntime_zone = 'Nowhere'",
        &["period", "time_zone"],
    );
    check(
        "kind = 'heartbeat'\nperiod = '0s'\ngrace = '9999d'\nslug = 'a b'\nuuid = 'x'",
        &["period", "grace", "slug", "uuid"],
    );
    check("kind = 'heartbeat'\ntime_zone = 'UTC'", &["time_zone"]);
    check("kind = 'metric'\nslug = 'x'", &["slug"]);
    check(
        "kind = 'heartbeat'\ntarget = 'a.b'\ncritical = '> 1'\nfor = '5s'\nmissing = 'critical'",
        &["target", "critical", "for", "missing"],
    );
}

/// Anything at all is read or refused, and what is read comes after the moment that was asked about.
#[test]
fn any_text_is_a_schedule_or_is_refused() {
    let seeds =
        ["*/5 1-3 L,15 jan MON#2", "0 0 29 2 *", "Mon..Fri *-*~1..7/2 09:00/15:30 Europe/Riga", "quarterly"];
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = |bound: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random as usize % bound
    };
    let rounds = if std::env::var_os("BELLWETHER_LONG").is_some() { 40_000 } else { 2_000 };
    for _ in 0..rounds {
        let mut text: Vec<u8> = seeds[next(seeds.len())].bytes().collect();
        for _ in 0..=next(3) {
            let at = next(text.len());
            match next(3) {
                0 => drop(text.remove(at)),
                1 => text[at] = b"0123456789*/-,~.#LW: \n"[next(22)],
                _ => text.insert(at, b"0123456789*/-,~.#LW: \n"[next(22)]),
            }
        }
        let text = String::from_utf8(text).unwrap();
        let zone = TimeZone::get(["UTC", "Europe/Berlin", "Australia/Lord_Howe"][next(3)]).unwrap();
        if let Ok(schedule) = super::schedule::Schedule::parse(&text, zone) {
            let from = 1_700_000_000_000 + next(1 << 36) as i64;
            let found = schedule.after(from);
            assert!(found.is_none_or(|at| at > from), "{text}");
        }
    }
}

#[test]
fn slugs_and_names_are_found_alike() {
    let rig = simple();
    let whom = Whom::Name("job".into());
    let ask =
        Ask { whom, kind: PingKind::Success, exit: None, rid: None, method: "GET".into(), body: Vec::new() };
    rig.heartbeats.ask(ask, 0, Box::new(|answer| assert_eq!(answer, Ok(Heard::Known))));
    assert_eq!(rig.states(), [("job".to_owned(), false)]);
}

#[test]
fn a_clock_that_is_set_misses_nothing() {
    let rig = simple();
    rig.at(1_000 * HOUR).ping(&slug("")).unwrap();
    rig.heartbeats.under_real_clock(rig.now());
    for hours in [1_024, 950, 951] {
        assert_eq!((rig.at(hours * HOUR).states(), rig.shown("job")), (vec![], Shown::Up), "{hours}");
    }
    // No further ahead than if it had pinged now.
    let known = rig.heartbeats.one("job", rig.now()).unwrap().unwrap().0;
    assert!(known.expected_ms.is_some_and(|expected| expected <= 952 * HOUR), "{:?}", known.expected_ms);
}
