//! What reached nobody is told again, once people are reached in another way.

use super::*;
use crate::oncall::policy::PolicyConfig;
use crate::page::Page;

#[test]
fn a_room_that_is_taken_out_was_no_person() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], &["chat"]);
    all.rooms.insert("chat".into());
    counter.desk.set_book(all.clone());
    counter.goes("latency", State::Critical);
    assert_eq!(counter.try_all("chat", &Attempt::Delivered), ["problem ana latency"]);
    goes_on(&mut counter, 1);
    assert!(is_untold(&counter));
    all.rooms.clear();
    all.contacts.insert("ana".into(), contact(&["sms"]));
    counter.desk.set_book(all.clone());
    assert!(is_untold(&counter), "nobody has looked into that chat");
    restart(&mut counter, &all);
    assert!(is_untold(&counter));
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem ana latency"]);
    goes_on(&mut counter, 1);
    assert!(!is_untold(&counter));
}

/// One step, by a policy that `latency` names; nobody is told by default.
fn by_one_step(whom: &str) -> (Counter, Book) {
    let counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], &["mail"]);
    all.contacts.insert("ben".into(), contact(&["sms"]));
    all.teams.insert("t".into(), vec!["ana".into()]);
    all.policies.push((policy(&[step(&[whom], "30min")]), String::new()));
    let paged = Subject { escalation_policy: Some("p".into()), ..subject(Kind::Monitor, None, &[]) };
    all.subjects.insert((false, "latency".into()), paged);
    counter.desk.set_book(all.clone());
    (counter, all)
}

fn is_lost_by_mail(counter: &mut Counter) {
    counter.goes("latency", State::Critical);
    assert_eq!(counter.try_all("mail", &Counter::given_up()), ["problem ana latency"]);
    goes_on(counter, 1);
    assert!(is_untold(counter));
}

/// (what a step names, what is defined in another way)
#[test]
fn a_step_that_names_somebody_else_tells_them_at_once() {
    type Change = fn(&mut Book);
    let changes: [(&str, Change); 3] = [
        ("ana", |all| all.policies[0].0.step[0].notify = vec!["ben".into()]),
        ("team:t", |all| drop(all.teams.insert("t".into(), vec!["ben".into()]))),
        ("ana", |all| all.policies[0].0.step.push(step(&["ben"], "1min"))),
    ];
    for (number, (whom, change)) in changes.into_iter().enumerate() {
        let (mut counter, mut all) = by_one_step(whom);
        is_lost_by_mail(&mut counter);
        change(&mut all);
        counter.desk.set_book(all);
        goes_on(&mut counter, 1);
        counter.try_all("mail", &Counter::given_up());
        goes_on(&mut counter, 1);
        assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem ben latency"], "{number}");
        goes_on(&mut counter, 1);
        assert!(!is_untold(&counter), "{number}");
    }
}

#[test]
fn whose_time_it_is_now_is_told() {
    let (mut counter, mut all) = by_one_step("team:t");
    all.teams.insert("t".into(), vec!["ana".into(), "ben".into()]);
    // Ben begins at 2000.
    all.periods = Some(Arc::new(|name, _, at| name != "ben" || at.0 >= 2_000));
    counter.desk.set_book(all);
    is_lost_by_mail(&mut counter);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), [""; 0]);
    counter.now = 2_000;
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem ben latency"]);
}

#[test]
fn by_another_policy_that_one_runs() {
    let (mut counter, mut all) = by_one_step("ana");
    is_lost_by_mail(&mut counter);
    let ops = PolicyConfig { name: "ops".into(), ..policy(&[step(&["ben"], "30min")]) };
    all.policies.push((ops, String::new()));
    let paged = Subject { escalation_policy: Some("ops".into()), ..subject(Kind::Monitor, None, &[]) };
    all.subjects.insert((false, "latency".into()), paged);
    counter.desk.set_book(all.clone());
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("mail", &Attempt::Delivered), [""; 0], "that was the other one");
    assert_eq!(counter.try_all("sms", &Counter::given_up()), ["problem ben latency"]);
    goes_on(&mut counter, 1);
    assert!(is_untold(&counter));
    // By none: its contacts are told.
    all.subjects.insert((false, "latency".into()), subject(Kind::Monitor, None, &["ana"]));
    counter.desk.set_book(all);
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("mail", &Attempt::Delivered), ["problem ana latency"]);
    goes_on(&mut counter, 1);
    assert!(!is_untold(&counter));
}

#[test]
fn what_flaps_in_an_incident_is_not_told_in_a_room_each_time() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], &["chat"]);
    all.contacts.insert("ben".into(), contact(&["chat"]));
    all.rooms.insert("chat".into());
    // What is bad again so soon is in the same incident.
    all.config.reopen_within = "10m".parse().unwrap();
    all.subjects.insert((false, "unclaimed".into()), subject(Kind::Monitor, None, &["ben"]));
    counter.desk.set_book(all);
    counter.goes("latency", State::Critical);
    counter.goes("unclaimed", State::Critical);
    counter.desk.act(2, "bea", &Deed::Merge { into: LATENCY }, Timestamp(counter.now)).unwrap();
    counter.try_all("chat", &Attempt::Delivered);
    let mut told = 0;
    for _ in 0..30 {
        for to in [State::Ok, State::Critical] {
            counter.goes("unclaimed", to);
            goes_on(&mut counter, 12);
            told += counter.try_all("chat", &Attempt::Delivered).len();
        }
    }
    assert!(is_untold(&counter) && told <= 4, "{told} times in twenty minutes");
}

#[test]
fn of_a_check_whoever_is_out_of_their_time_is_told_later() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], &["mail"]);
    counter.goes("web/disk", State::Critical);
    let notice = hands::problem("web/disk", "ana", counter.now);
    counter.desk.take(&[], &[(notice, false)], Timestamp(counter.now)).unwrap();
    counter.try_all("mail", &Counter::given_up());
    goes_on(&mut counter, 1);
    assert!(is_untold(&counter));
    // She is reached elsewhere, from 2000 on.
    all.contacts.insert("ana".into(), contact(&["sms"]));
    all.periods = Some(Arc::new(|_, _, at| at.0 >= 2_000));
    counter.desk.set_book(all);
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), [""; 0]);
    assert!(!is_untold(&counter), "she is told in the morning");
    counter.now = 2_000;
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["still ana web/disk"]);
    goes_on(&mut counter, 60);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), [""; 0]);
}

#[test]
fn what_was_lost_by_a_telephone_and_then_told_in_a_room_was_told_to_nobody() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], &["sms"]);
    all.rooms.insert("chat".into());
    counter.desk.set_book(all.clone());
    counter.goes("latency", State::Critical);
    counter.try_all("sms", &Counter::given_up());
    goes_on(&mut counter, 1);
    assert!(is_untold(&counter));
    all.contacts.insert("ana".into(), contact(&["chat"]));
    counter.desk.set_book(all);
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("chat", &Attempt::Delivered), ["problem ana latency"]);
    goes_on(&mut counter, 1);
    assert!(is_untold(&counter), "that chat may be empty");
}

#[test]
fn what_is_defined_elsewhere_is_no_other_way() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], &["chat"]);
    all.rooms.insert("chat".into());
    counter.desk.set_book(all.clone());
    counter.goes("latency", State::Critical);
    counter.try_all("chat", &Attempt::Delivered);
    for number in 0..20 {
        all.subjects.insert((false, format!("m{number}").into()), subject(Kind::Monitor, None, &["ana"]));
        counter.desk.set_book(all.clone());
        goes_on(&mut counter, 30);
        assert_eq!(counter.try_all("chat", &Attempt::Delivered), [""; 0], "{number}");
    }
    assert!(is_untold(&counter));
}

#[test]
fn what_a_part_has_lost_is_told_again_when_its_channel_brings_something() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], &["hook"]);
    all.contacts.insert("ben".into(), contact(&["log"]));
    all.subjects.insert((false, "unclaimed".into()), subject(Kind::Monitor, None, &["ben"]));
    counter.desk.set_book(all.clone());
    counter.goes("latency", State::Critical);
    counter.try_all("hook", &Counter::given_up());
    all.subjects.insert((false, "latency".into()), subject(Kind::Monitor, None, &["ben"]));
    counter.desk.set_book(all);
    counter.goes("unclaimed", State::Critical);
    counter.desk.act(LATENCY, "bea", &Deed::Merge { into: 2 }, Timestamp(counter.now)).unwrap();
    goes_on(&mut counter, 100);
    assert_eq!(counter.desk.untold().incidents, [2]);
    let tries = |counter: &Counter| {
        let inner = counter.desk.inner.lock();
        inner.incidents.live[&2].detail.unheard.as_ref().map_or(0, |unheard| unheard.tries)
    };
    let before = tries(&counter);
    goes_on(&mut counter, 1);
    assert_eq!(tries(&counter), before);
    counter.desk.forgive("hook", Timestamp(counter.now)).unwrap();
    goes_on(&mut counter, 1);
    assert_eq!(tries(&counter), before + 1, "it is told again");
}

#[test]
fn what_opens_again_is_told_again_as_soon_as_the_first_time() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], &["hook"]);
    all.config.reopen_within = "10m".parse().unwrap();
    counter.desk.set_book(all);
    let tries = |counter: &Counter| {
        let inner = counter.desk.inner.lock();
        inner.incidents.live[&LATENCY].detail.unheard.as_ref().map(|unheard| unheard.tries)
    };
    counter.goes("latency", State::Critical);
    for _ in 0..3 {
        counter.try_all("hook", &Counter::given_up());
        counter.desk.forgive("hook", Timestamp(counter.now)).unwrap();
        goes_on(&mut counter, 1);
    }
    assert_eq!(tries(&counter), Some(3));
    counter.goes("latency", State::Ok);
    counter.goes("latency", State::Critical);
    assert_eq!(tries(&counter), Some(0));
}

#[test]
fn what_finds_no_room_among_those_that_wait_is_told_to_nobody() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], &["hook"]);
    all.subjects.insert((false, "unclaimed".into()), subject(Kind::Monitor, None, &["ana"]));
    counter.desk.set_book(all);
    counter.goes("latency", State::Critical);
    let first = counter.desk.due("hook", i64::MAX, 1).remove(0).page;
    let others = (1..=crate::limits::MAX_WAITING).map(|number| {
        let id = first.id + 1_000 + i64::try_from(number).unwrap();
        Page { id, ..first.clone() }
    });
    assert_eq!(counter.desk.inner.lock().outbox.put(others).len(), 1);
    assert!(counter.desk.untold().incidents.is_empty());
    counter.goes("unclaimed", State::Critical);
    assert_eq!(counter.desk.untold().incidents, [2]);
}
