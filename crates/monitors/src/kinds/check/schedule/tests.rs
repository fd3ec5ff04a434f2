use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn check(name: &str) -> Subject {
    Subject::Check(name.into())
}

fn plan(name: &str, host: &str, seconds: u32, next_in: Option<u32>) -> Planned {
    Planned {
        subject: check(name),
        host: host.into(),
        interval: SECOND * seconds,
        next_in: next_in.map(|seconds| SECOND * seconds),
    }
}

fn names(starts: &[Start]) -> Vec<String> {
    starts.iter().map(|start| start.subject.to_string()).collect()
}

fn due(scheduler: &mut Scheduler, at: f64) -> Vec<String> {
    names(&scheduler.due(Duration::from_secs_f64(at), |_| Gate::Run))
}

#[test]
fn intervals_are_kept_from_start_to_start_and_the_machine_says_how_long_they_are() {
    let mut scheduler = Scheduler::new(10);
    scheduler.set(vec![plan("a", "h", 60, Some(5))], Duration::ZERO);
    assert_eq!(scheduler.next_due(), Some(SECOND * 5));
    assert_eq!(due(&mut scheduler, 4.9), [""; 0]);
    assert_eq!(due(&mut scheduler, 5.2), ["a"]);
    assert!(scheduler.is_running(&check("a")) && scheduler.next_due().is_none());
    assert!(scheduler.finished(&check("a"), SECOND * 60, SECOND * 9));
    assert_eq!(scheduler.next_of(&check("a")), Some(SECOND * 65));
    assert_eq!(due(&mut scheduler, 65.0), ["a"]);
    scheduler.finished(&check("a"), SECOND * 10, SECOND * 66);
    assert_eq!(due(&mut scheduler, 75.0), ["a"], "tried again after the interval for that");
    scheduler.finished(&check("a"), SECOND * 10, SECOND * 106);
    assert_eq!(scheduler.next_of(&check("a")), Some(SECOND * 115), "what was missed is not made up for");
}

#[test]
fn a_start_with_many_checks_is_no_rush_and_the_next_interval_neither() {
    let mut scheduler = Scheduler::new(10_000);
    let planned = (0..3_000).map(|n| plan(&format!("c{n}"), &format!("h{n}"), 300, None));
    scheduler.set(planned.collect(), Duration::ZERO);
    let mut most = [0, 0];
    for second in 0..600 {
        let now = SECOND * second;
        let starts = scheduler.due(now, |_| Gate::Run);
        let part = usize::from(second > 60);
        most[part] = starts.len().max(most[part]);
        starts.iter().for_each(|start| assert!(scheduler.finished(&start.subject, SECOND * 300, now)));
    }
    let started = scheduler.stats(SECOND * 600).started;
    assert!((8_000..9_000).contains(&started), "{started}");
    assert!(most[0] <= 70 && most[1] <= 20, "{most:?}");
    // A handful has its first results at once.
    let mut scheduler = Scheduler::new(10);
    scheduler.set((0..5).map(|n| plan(&format!("c{n}"), "h", 300, None)).collect(), Duration::ZERO);
    assert_eq!(due(&mut scheduler, 0.1).len(), 4, "what one host may have");
}

#[test]
fn a_host_that_hangs_has_its_share_and_no_more() {
    let mut scheduler = Scheduler::new(40);
    let hung = (0..100).map(|n| plan(&format!("hung{n}"), "dead", 60, Some(0)));
    let well = (0..30).map(|n| plan(&format!("well{n}"), &format!("h{n}"), 60, Some(1)));
    scheduler.set(hung.chain(well).collect(), Duration::ZERO);
    let first = scheduler.due(Duration::ZERO, |_| Gate::Run);
    assert_eq!(first.len(), 10);
    assert_eq!(scheduler.due(SECOND, |_| Gate::Run).len(), 30, "everybody else starts in time");
    assert_eq!(scheduler.stats(SECOND).waiting, 90);
    // Those that wait go by their age.
    scheduler.finished(&check("hung0"), SECOND * 60, SECOND * 30);
    scheduler.finished(&check("well0"), SECOND * 60, SECOND * 30);
    let next = scheduler.due(SECOND * 30, |_| Gate::Run);
    assert_eq!((names(&next), next[0].latency), (vec!["hung10".to_owned()], SECOND * 30));
    assert_eq!(scheduler.stats(SECOND * 30).late_starts, 1);
}

#[test]
fn asked_for_by_somebody() {
    let mut scheduler = Scheduler::new(1);
    scheduler.set(vec![plan("a", "h", 60, Some(30)), plan("b", "h", 0, None)], Duration::ZERO);
    assert!(scheduler.force(&check("b")) && scheduler.force(&check("a")) && scheduler.force(&check("b")));
    assert!(!scheduler.force(&check("nobody")));
    let never = |_: &Subject| panic!("who asks for it gets it, whatever the period says");
    let starts = scheduler.due(SECOND, never);
    assert_eq!((names(&starts), starts[0].forced), (vec!["b".to_owned()], true));
    assert!(scheduler.force(&check("b")), "it runs: once more after that");
    scheduler.finished(&check("b"), Duration::ZERO, SECOND * 2);
    assert_eq!(names(&scheduler.due(SECOND * 2, never)), ["a"]);
    scheduler.finished(&check("a"), SECOND * 60, SECOND * 3);
    assert_eq!(scheduler.next_of(&check("a")), Some(SECOND * 62), "its interval begins anew");
    assert_eq!(names(&scheduler.due(SECOND * 3, never)), ["b"]);
    scheduler.finished(&check("b"), Duration::ZERO, SECOND * 4);
    assert_eq!(scheduler.next_of(&check("b")), None);
    assert_eq!(scheduler.next_due(), Some(SECOND * 62));
}

#[test]
fn held_back_by_its_period_or_a_dependency() {
    let mut scheduler = Scheduler::new(1);
    scheduler.set(vec![plan("a", "h", 60, Some(0)), plan("b", "h", 60, Some(1))], Duration::ZERO);
    let gate = |subject: &Subject| match &**subject.name() {
        "a" => Gate::NotFor(SECOND * 90),
        _ => Gate::Run,
    };
    assert_eq!(names(&scheduler.due(SECOND, gate)), ["b"]);
    assert_eq!(scheduler.next_of(&check("a")), Some(SECOND * 91));
    scheduler.finished(&check("b"), SECOND * 60, SECOND);
    assert_eq!(scheduler.due(SECOND * 91, |_| Gate::NotFor(Duration::ZERO)), []);
    assert_eq!(scheduler.next_due(), Some(SECOND * 92), "never at once again");
    assert_eq!(scheduler.stats(SECOND * 91).held_back, 3);
}

#[test]
fn another_configuration_keeps_what_is_the_same() {
    let mut scheduler = Scheduler::new(10);
    let first = vec![
        plan("same", "h", 60, Some(50)),
        plan("gone", "h", 60, Some(0)),
        plan("slower", "h", 600, Some(500)),
    ];
    scheduler.set(first, Duration::ZERO);
    assert_eq!(due(&mut scheduler, 0.0), ["gone"]);
    let second = vec![plan("same", "h", 60, None), plan("slower", "h", 60, None), plan("new", "h", 60, None)];
    scheduler.set(second, SECOND);
    assert_eq!(scheduler.next_of(&check("same")), Some(SECOND * 50));
    assert_eq!(scheduler.next_of(&check("slower")), Some(SECOND * 61), "no later than its new interval");
    assert!(!scheduler.finished(&check("gone"), SECOND * 60, SECOND * 2), "its result is nobody's");
    assert_eq!(due(&mut scheduler, 2.0), ["new"]);
    assert_eq!((scheduler.stats(SECOND).scheduled, scheduler.stats(SECOND).running), (3, 1));
    scheduler.set(vec![plan("same", "h", 0, None)], SECOND * 3);
    assert_eq!((due(&mut scheduler, 900.0), scheduler.next_due()), (vec![], None));
}

#[test]
fn a_clock_that_is_set_opens_and_shuts_periods() {
    let mut scheduler = Scheduler::new(10);
    scheduler.set(vec![plan("a", "h", 60, Some(5)), plan("b", "h", 600, Some(300))], Duration::ZERO);
    let night = |_: &Subject| Gate::NotFor(SECOND * 50_000);
    assert_eq!(scheduler.due(SECOND * 5, night), []);
    assert_eq!(scheduler.next_due(), Some(SECOND * 300));
    scheduler.ask_again(SECOND * 10);
    assert_eq!(scheduler.due(SECOND * 10, night), [], "it is night still");
    scheduler.ask_again(SECOND * 20);
    assert_eq!(due(&mut scheduler, 20.0), ["a"], "what was not held back keeps its time");
    scheduler.ask_again(SECOND * 30);
    assert_eq!(due(&mut scheduler, 30.0), [""; 0]);
}
