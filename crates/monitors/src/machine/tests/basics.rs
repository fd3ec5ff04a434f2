use vocabulary::state::StateType;

use super::support::Estate;

const ONE: &str = r#"
[[contact]]
name = "ops"
[[host]]
name = "web"
contacts = ["ops"]
notification_interval = "0s"
[[check]]
name = "http"
host = "web"
type = "passive"
max_check_attempts = 3
"#;

#[test]
fn soft_then_hard_then_recovery() {
    let mut estate = Estate::new(ONE);
    assert_eq!(estate.state("http"), "PENDING");
    assert_eq!(estate.result("http", 0), "");
    assert_eq!(estate.result("http", 2), "");
    assert_eq!(estate.state("http"), "CRITICAL SOFT 1");
    assert_eq!(estate.result("http", 1), "");
    assert_eq!(estate.state("http"), "WARNING SOFT 2");
    assert_eq!(estate.result("http", 2), "Problem CRITICAL ops 1");
    assert_eq!(estate.state("http"), "CRITICAL HARD 3");
    assert_eq!(estate.result("http", 2), "");
    assert_eq!(estate.result("http", 1), "Problem WARNING ops 2");
    assert_eq!(estate.result("http", 0), "Recovery OK ops 2");
    assert_eq!(estate.state("http"), "OK HARD 1");
}

#[test]
fn a_downtime_holds_back_and_what_is_still_bad_is_told_after_it() {
    let mut estate = Estate::new(ONE);
    let start = estate.now;
    let new = crate::machine::NewDowntime {
        object: estate.id("http"),
        start,
        end: start + 3600,
        fixed: true,
        duration: 0,
        triggered_by: None,
        author: "ann".into(),
        comment: "new disk".into(),
    };
    estate.command(crate::machine::Command::ScheduleDowntime(new)).unwrap();
    assert_eq!(estate.told(), "DowntimeStart OK ops 0");
    for _ in 0..4 {
        assert_eq!(estate.result("http", 2), "");
    }
    assert_eq!(estate.state("http"), "CRITICAL HARD 3");
    estate.wait(3600);
    assert_eq!(estate.told(), "DowntimeEnd CRITICAL ops 0");
    assert_eq!(estate.result("http", 2), "Problem CRITICAL ops 1");
}

#[test]
fn what_is_bad_is_bad_since_it_was_first_seen_so() {
    let mut estate = Estate::new(ONE);
    let start = estate.now;
    let hours_ago = |hours: i64| start - hours * 3_600;
    let last = |estate: &mut Estate| {
        let change = estate.out.changes.drain(..).next_back().unwrap();
        (change.at.0, change.to_type, change.seen_since().0)
    };
    estate.seen("http", 0, hours_ago(9)).seen("http", 2, hours_ago(8)).seen("http", 1, hours_ago(7));
    estate.wait(5).seen("http", 2, hours_ago(6));
    assert_eq!(last(&mut estate), (start + 5, StateType::Hard, hours_ago(8)), "SOFT from the first");
    estate.seen("http", 0, hours_ago(1));
    assert_eq!(last(&mut estate), (start + 5, StateType::Hard, hours_ago(1)));
    // A clock that is ahead, and one that has forgotten the time.
    for wrong in [start + 9_000, 1] {
        estate.seen("http", 2, wrong);
        assert_eq!(last(&mut estate), (start + 5, StateType::Soft, start + 5), "{wrong}");
        estate.seen("http", 0, start);
    }
}

#[test]
fn a_restart_does_not_forget_since_when_it_is_bad() {
    let mut estate = Estate::new(ONE);
    let start = estate.now;
    estate.seen("http", 2, start - 60);
    let saved = estate.machine.save(estate.id("http"));
    let mut anew = Estate::new(ONE);
    let id = anew.id("http");
    anew.machine.restore(id, &saved);
    anew.seen("http", 2, start).seen("http", 2, start);
    let change = anew.out.changes.last().unwrap();
    assert_eq!((change.to_type, change.seen_since().0), (StateType::Hard, start - 60));
}
