//! What Nagios has no word for: shadow, reasons why nobody is told, expiring acknowledgements, recurring downtimes,
//! reloads, instances of monitors.

use jiff::tz::TimeZone;
use vocabulary::Timestamp;
use vocabulary::state::{State, Withheld};

use super::support::{Estate, START};
use crate::config::Definitions;
use crate::machine::{Command, Done, Kept, Machine, NewDowntime, ObjectName, Refusal, Switch};

const TWO: &str = r#"
[[contact]]
name = "ops"
[[contact]]
name = "boss"
[[host]]
name = "web"
contacts = ["ops"]
notification_interval = "0s"
[[check]]
name = "http"
host = "web"
type = "passive"
max_check_attempts = 1
[[check]]
name = "new-rule"
host = "web"
type = "passive"
max_check_attempts = 1
shadow = true
event_handler = ["/bin/true"]
[[monitor]]
name = "latency"
target = "api.*"
warning = "> 1"
contacts = ["ops"]
[[escalation]]
check = "http"
first_notification = 2
last_notification = 0
contacts = ["boss"]
"#;

fn acknowledge(estate: &Estate, name: &str, expires: Option<i64>) -> Command {
    Command::Acknowledge {
        object: estate.id(name),
        sticky: true,
        notify: false,
        persistent: false,
        expires: expires.map(Timestamp),
        author: "ann".into(),
        comment: "on it".into(),
    }
}

fn downtime(estate: &Estate, name: &str, from: i64, to: i64) -> Command {
    Command::ScheduleDowntime(NewDowntime {
        object: estate.id(name),
        start: estate.now + from,
        end: estate.now + to,
        fixed: true,
        duration: 0,
        triggered_by: None,
        author: "ann".into(),
        comment: "new disk".into(),
    })
}

/// Such as `OK -> CRITICAL Downtime`, since this was asked last.
fn changes(estate: &mut Estate) -> Vec<String> {
    let changes = estate.out.changes.drain(..);
    changes.map(|change| format!("{} -> {} {:?}", change.from, change.to, change.withheld)).collect()
}

#[test]
fn shadow_changes_its_state_and_tells_nobody() {
    let mut estate = Estate::new(TWO);
    assert_eq!(estate.result("new-rule", 2), "");
    assert_eq!(estate.state("new-rule"), "CRITICAL HARD 1");
    assert_eq!(changes(&mut estate), ["OK -> CRITICAL Some(Shadow)"]);
    let object = estate.id("new-rule");
    let (author, comment) = (String::new(), String::new());
    estate
        .command(Command::Notify { object, author, comment, forced: true, broadcast: true, increment: false })
        .unwrap();
    assert_eq!(estate.told(), "");
    assert_eq!(estate.out.handlers, []);
}

#[test]
fn why_nobody_is_told_is_said_and_unsaid() {
    let mut estate = Estate::new(TWO);
    estate.command(downtime(&estate, "web", 0, 600)).unwrap();
    estate.told();
    assert_eq!(estate.result("http", 2), "");
    assert_eq!(changes(&mut estate), ["OK -> CRITICAL Some(Downtime)"]);
    estate.result("http", 2);
    assert_eq!(changes(&mut estate), [""; 0]);
    estate.wait(600);
    assert_eq!(changes(&mut estate), ["CRITICAL -> CRITICAL None"]);
    estate.command(acknowledge(&estate, "http", Some(estate.now + 60))).unwrap();
    assert_eq!(changes(&mut estate), ["CRITICAL -> CRITICAL Some(Acknowledged)"]);
    estate.wait(60);
    assert_eq!(changes(&mut estate), ["CRITICAL -> CRITICAL None"]);
    let object = estate.id("http");
    estate.command(Command::Switch { object, what: Switch::Notifications, on: false }).unwrap();
    assert_eq!(changes(&mut estate), ["CRITICAL -> CRITICAL Some(Off)"]);
    let status = estate.machine.status(object, Timestamp(estate.now));
    assert_eq!((status.withheld, status.notifications_enabled), (Some(Withheld::Off), false));
}

#[test]
fn an_acknowledgement_that_expires_lets_the_next_result_tell() {
    let mut estate =
        Estate::new(&TWO.replace("notification_interval = \"0s\"", "notification_interval = \"1s\""));
    estate.result("http", 2);
    let past = estate.command(acknowledge(&estate, "http", Some(START)));
    assert!(matches!(past, Err(Refusal::Wrong(_))), "{past:?}");
    estate.command(acknowledge(&estate, "http", Some(START + 300))).unwrap();
    assert_eq!(estate.machine.next_due(), Some(Timestamp(START + 300)));
    assert_eq!(estate.machine.comments().count(), 1);
    assert_eq!(estate.wait(200).result("http", 2), "");
    assert_eq!(estate.wait(100).result("http", 2), "Problem CRITICAL boss 2");
    assert_eq!(estate.machine.comments().count(), 0);
    let removed = estate.command(Command::RemoveAcknowledgement { object: estate.id("http") });
    assert!(matches!(removed, Err(Refusal::NoProblem(_))), "{removed:?}");
}

#[test]
fn who_is_not_named_in_the_recovery_is_outstanding() {
    let mut estate =
        Estate::new(&TWO.replace("notification_interval = \"0s\"", "notification_interval = \"1s\""));
    let id = estate.id("http");
    assert_eq!(estate.result("http", 2), "Problem CRITICAL ops 1");
    assert_eq!(estate.wait(60).result("http", 2), "Problem CRITICAL boss 2");
    assert_eq!(estate.machine.outstanding(id), ["ops".into(), "boss".into()]);
    assert_eq!(estate.wait(60).result("http", 0), "Recovery OK boss 2");
    assert_eq!(estate.machine.outstanding(id), ["ops".into()]);
    assert!(!estate.machine.recovery_is_due(id));
    estate.command(Command::Heard { object: id, contacts: vec!["ops".into()] }).unwrap();
    assert!(estate.machine.outstanding(id).is_empty());
}

#[test]
fn an_instance_is_hard_at_once_and_told_once() {
    let mut estate = Estate::new(TWO);
    let id = estate.machine.add_instance("latency", "api.a", estate.now).unwrap();
    assert_eq!(estate.machine.add_instance("latency", "api.a", estate.now), Ok(id));
    assert_eq!(estate.machine.name(id), ObjectName::Instance("latency".into(), "api.a".into()));
    let mut look = |status| {
        let outcome = crate::Outcome { status, value: Some(2.0), ..crate::Outcome::default() };
        estate.machine.result(id, &outcome, Timestamp(estate.now), &mut estate.out);
        estate.told()
    };
    assert_eq!(look(1), "Problem WARNING ops 1");
    assert_eq!(look(1), "");
    assert_eq!(look(2), "Problem CRITICAL ops 2");
    assert_eq!(look(0), "Recovery OK ops 2");
    let unknown = estate.machine.add_instance("throughput", "x", 0);
    assert!(matches!(unknown, Err(Refusal::NotFound(_))), "{unknown:?}");
    estate.machine.remove_instance(id);
    assert_eq!(estate.machine.instance("latency", "api.a"), None);
}

#[test]
fn recurring_downtimes_keep_to_the_wall_clock() {
    // Sunday 02:00-04:00 in Berlin; the clock changes on 2026-03-29 at 02:00.
    let text = format!(
        "{TWO}[[downtime]]\nname = \"backup\"\nchecks = [\"ht*\"]\nmonitors = [\"latency\"]\ncomment = \"backup runs\"\n\
         ranges = [\"sunday 01:00-04:00\"]\ntime_zone = \"Europe/Berlin\"\n"
    );
    let definitions: Definitions = toml::from_str(&text).unwrap();
    let moment = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_second();
    let mut estate = Estate::new(&text);
    estate.now = moment("2026-03-27T12:00:00Z");
    assert_eq!(estate.machine.restore_kept(&Kept::default(), estate.now), []);
    let planned: Vec<(i64, i64)> =
        estate.machine.downtimes().map(|planned| (planned.start, planned.end)).collect();
    assert_eq!(planned, [(moment("2026-03-29T00:00:00Z"), moment("2026-03-29T02:00:00Z"))]);
    // And all of them, as far ahead as one looks.
    let ahead = estate.machine.upcoming(Timestamp(estate.now), Timestamp(estate.now + 15 * 86_400), 10);
    let ahead: Vec<(i64, i64)> = ahead.iter().map(|one| (one.start.0, one.end.0)).collect();
    let (second, third) = ("2026-04-04T23:00:00Z", "2026-04-05T02:00:00Z");
    assert_eq!(
        ahead,
        [planned[0], (moment(second), moment(third))],
        "three hours of the wall clock, two by the sun"
    );
    let one = estate.machine.upcoming(Timestamp(planned[0].0 + 60), Timestamp(planned[0].1), 10);
    assert_eq!(one[0].end.0, planned[0].1, "what is left of the one in effect");
    // An instance that comes later is covered as well.
    estate.machine.add_instance("latency", "api.a", estate.now).unwrap();
    assert_eq!(estate.machine.downtimes().count(), 2);
    estate.wait(moment("2026-03-29T01:00:00Z") - estate.now);
    assert_eq!(estate.told(), "DowntimeStart OK ops 0, DowntimeStart OK ops 0");
    assert_eq!(estate.result("http", 2), "");
    // A restart in the middle of it changes nothing.
    let kept = estate.machine.keep();
    let saved = estate.machine.save(estate.id("http"));
    let mut again = Machine::new(&definitions, TimeZone::UTC).unwrap();
    again.add_instance("latency", "api.a", estate.now).unwrap();
    again.restore(again.object("http").unwrap(), &saved);
    assert_eq!(again.restore_kept(&kept, estate.now), []);
    assert_eq!(again.keep(), kept);
    estate.machine = again;
    estate.wait(3_600);
    assert_eq!(estate.told(), "DowntimeEnd CRITICAL ops 0, DowntimeEnd OK ops 0");
    assert_eq!(estate.result("http", 2), "Problem CRITICAL ops 1");
    // The next one is there already, at the same time of day.
    let next = estate.machine.downtimes().map(|planned| planned.start).min().unwrap();
    assert_eq!(next, moment("2026-04-04T23:00:00Z"));
    // Without its definition it is gone, and nobody is told.
    estate.machine.reload(&toml::from_str(TWO).unwrap()).unwrap();
    assert_eq!(estate.machine.downtimes().count(), 0);
}

#[test]
fn a_reload_keeps_states_by_name_and_refuses_as_a_whole() {
    let mut estate = Estate::new(TWO);
    estate.result("http", 2);
    estate.command(downtime(&estate, "new-rule", 0, 600)).unwrap();
    let wrong: Definitions = toml::from_str(&TWO.replace("host = \"web\"", "host = \"wep\"")).unwrap();
    let problems = estate.machine.reload(&wrong).unwrap_err();
    assert!(problems[0].to_string().contains("wep"), "{problems:?}");
    assert_eq!(estate.state("http"), "CRITICAL HARD 1");
    // Contacts in another order, another check before, one check less.
    let other = TWO
        .replace("[[contact]]\nname = \"ops\"\n", "")
        .replace("[[host]]", "[[contact]]\nname = \"ops\"\n[[host]]")
        .replace("name = \"new-rule\"", "name = \"other\"");
    estate.machine.reload(&toml::from_str(&other).unwrap()).unwrap();
    assert_eq!(estate.state("http"), "CRITICAL HARD 1");
    assert_eq!(estate.state("other"), "PENDING");
    assert_eq!(estate.machine.object("new-rule"), None);
    assert_eq!(estate.machine.downtimes().count(), 0);
    assert_eq!(estate.machine.outstanding(estate.id("http")), ["ops".into()]);
    estate.told();
    assert_eq!(estate.result("http", 0), "Recovery OK ops 1");
}

#[test]
fn a_clock_that_goes_back_does_not_silence() {
    let mut estate =
        Estate::new(&TWO.replace("notification_interval = \"0s\"", "notification_interval = \"10min\""));
    assert_eq!(estate.result("http", 2), "Problem CRITICAL ops 1");
    assert_eq!(estate.wait(600).result("http", 2), "Problem CRITICAL boss 2");
    // One interval after the step it speaks again.
    estate.now -= 86_400;
    assert_eq!(estate.result("http", 2), "");
    estate.now += 600;
    assert_eq!(estate.result("http", 2), "Problem CRITICAL boss 3");
}

#[test]
fn what_cannot_be_asked_is_refused_with_a_reason() {
    let mut estate = Estate::new(TWO);
    let refused = |answer: Result<Done, Refusal>, part: &str| {
        let refusal = answer.unwrap_err().to_string();
        assert!(refusal.contains(part), "{refusal}");
    };
    refused(estate.command(acknowledge(&estate, "http", None)), "no problem to acknowledge");
    refused(estate.command(downtime(&estate, "http", 10, 10)), "ends before it begins");
    refused(estate.command(downtime(&estate, "http", -20, -10)), "over already");
    refused(estate.command(Command::CancelDowntime { id: 77 }), "no downtime 77");
    refused(estate.command(Command::RemoveComment { id: 77 }), "no comment 77");
    let object = estate.id("http");
    let (author, comment) = ("a".repeat(9_000), String::new());
    refused(estate.command(Command::Comment { object, author, comment, persistent: true }), "at most 8192");
    assert_eq!(estate.out.touched, []);
    assert_eq!(estate.machine.status(object, Timestamp(START)).state, None::<State>);
}
