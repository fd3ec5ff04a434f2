//! Archives as lines, and who would have been told. What Nagios itself makes of a month is in scenarios/monitors.

use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use super::replay;
use crate::config::Definitions;
use crate::past::{PastEvent, PastWhat};

const RULES: &str = r#"{
    "contact": [{"name": "ops", "channels": ["log"]}],
    "host": [{"name": "h"}],
    "check": [
        {"name": "h/s", "host": "h", "service": "s", "type": "plugin", "command": ["x"], "check_interval": "300s",
         "retry_interval": "60s", "max_check_attempts": 3, "notification_interval": "600s", "contacts": ["ops"]},
        {"name": "h/v", "host": "h", "service": "v", "type": "plugin", "command": ["x"], "volatile": true, "check_interval": "300s",
         "retry_interval": "60s", "max_check_attempts": 1, "contacts": ["ops"]}]
}"#;

/// Of lines such as `600 h/s CRITICAL HARD 3`, `660 h/s told CRITICAL`, `700 h/s downtime cancelled`, `5 COMMAND;…`:
/// `600 problem` and so on.
fn check(archive: &[&str], until: i64, wanted: &[&str]) {
    let definitions: Definitions = serde_json::from_str(RULES).unwrap();
    let events = archive.iter().enumerate().map(|(line, text)| event(line as i64, text));
    let told = replay(&definitions, TimeZone::UTC, events, Timestamp(until)).unwrap();
    let notices: Vec<String> = told
        .notices
        .iter()
        .map(|notice| {
            format!(
                "{} {} {}",
                notice.at.0,
                serde_json::to_string(&notice.kind).unwrap().trim_matches('"'),
                notice.state
            )
        })
        .collect();
    assert_eq!(notices, wanted, "{archive:?}");
}

fn event(line: i64, text: &str) -> PastEvent {
    let (at, rest) = text.split_once(' ').unwrap();
    let words: Vec<&str> = rest.split(' ').collect();
    let state = |word: &str| serde_json::from_str(&format!("\"{word}\"")).unwrap();
    let (name, what) = match words.as_slice() {
        [command] => ("", PastWhat::Command { command: (*command).to_owned() }),
        [name, "downtime", phase] => (*name, PastWhat::Downtime { phase: (*phase).to_owned() }),
        [name, "told", word] => {
            let json = serde_json::json!({"kind": "notice", "notice": if *word == "OK" { "recovery" } else { "problem" },
                "state": word, "contact": "ops", "text": "", "author": "", "comment": ""});
            (*name, serde_json::from_value(json).unwrap())
        }
        [name, word, kind, attempt] => {
            let what = PastWhat::State {
                state: state(word),
                state_type: serde_json::from_str(&format!("\"{kind}\"")).unwrap(),
                attempt: attempt.parse().unwrap(),
                changed: true,
                text: String::new(),
            };
            (*name, what)
        }
        _ => panic!("{text}"),
    };
    let object = if name.is_empty() { "command" } else { "check" };
    PastEvent { at: at.parse().unwrap(), object: object.into(), name: name.into(), line, what }
}

#[test]
fn repeats_are_told_where_the_archive_has_them() {
    let archive = [
        "60 h/s CRITICAL SOFT 1",
        "120 h/s CRITICAL SOFT 2",
        "180 h/s CRITICAL HARD 3",
        "780 h/s told CRITICAL",
        "1080 h/s OK HARD 3",
    ];
    check(&archive, 2_000, &["180 problem CRITICAL", "780 problem CRITICAL", "1080 recovery OK"]);
}

#[test]
fn tries_that_were_not_written_are_put_in() {
    check(
        &["600 h/s CRITICAL HARD 3", "900 h/s OK HARD 3"],
        2_000,
        &["600 problem CRITICAL", "900 recovery OK"],
    );
}

#[test]
fn of_a_volatile_check_the_notice_stands_before_its_change() {
    let archive = [
        "60 h/v told CRITICAL",
        "60 h/v CRITICAL HARD 1",
        "360 h/v told CRITICAL",
        "360 h/v CRITICAL HARD 1",
        "660 h/v OK HARD 1",
    ];
    check(&archive, 2_000, &["60 problem CRITICAL", "360 problem CRITICAL", "660 recovery OK"]);
}

#[test]
fn downtimes_are_deleted_by_the_order_in_which_they_were_asked_for() {
    let plan = |at: i64, start: i64| format!("{at} SCHEDULE_SVC_DOWNTIME;h;s;{start};9000;1;0;0;ann;work");
    let (first, second) = (plan(10, 50), plan(20, 5_000));
    let archive = [
        &*first,
        &*second,
        "50 h/s downtime started",
        "60 h/s CRITICAL SOFT 1",
        "120 h/s CRITICAL SOFT 2",
        "180 h/s CRITICAL HARD 3",
        "400 DEL_SVC_DOWNTIME;1",
        "400 h/s downtime cancelled",
        "480 h/s told CRITICAL",
        "500 DEL_SVC_DOWNTIME;2",
        "780 h/s OK HARD 3",
    ];
    let wanted = [
        "50 downtime_start OK",
        "400 downtime_cancelled CRITICAL",
        "480 problem CRITICAL",
        "780 recovery OK",
    ];
    check(&archive, 6_000, &wanted);
    // The commands are not there: the lines of the downtime are.
    let lines: Vec<&str> = archive.into_iter().filter(|line| !line.contains("DOWNTIME;")).collect();
    check(
        &lines,
        6_000,
        &["50 downtime_start OK", "400 downtime_end CRITICAL", "480 problem CRITICAL", "780 recovery OK"],
    );
}
