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
