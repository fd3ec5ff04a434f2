//! Who is told in the place of others is told once.

use vocabulary::reach::{ReachRule, ReachStep, Severity};
use vocabulary::time::HumanDuration;

use super::*;

fn of_latency(told: Vec<String>) -> Vec<String> {
    told.into_iter().filter(|one| one.ends_with(" latency")).collect()
}

#[test]
fn whoever_stands_in_for_many_is_told_once_and_has_one_end() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[("ben", &["sms"]), ("cyd", &["sms"])], &["hook"]);
    for name in ["dan", "eve"] {
        all.contacts.insert(name.into(), contact(&["hook"]));
    }
    all.subjects.insert((false, "latency".into()), subject(Kind::Monitor, None, &["ana", "dan", "eve"]));
    counter.desk.set_book(all);
    counter.goes("latency", State::Critical);
    assert_eq!(counter.try_all("hook", &unreached()).len(), 3);
    let told = of_latency(counter.try_all("sms", &Attempt::Delivered));
    assert_eq!(told, ["problem ben latency", "problem cyd latency"]);
    assert_eq!(counter.desk.standing().pages.reached_nobody, 0);
    counter.goes("latency", State::Ok);
    let mut ends = of_latency(counter.try_all("sms", &Attempt::Delivered));
    counter.try_all("hook", &unreached());
    ends.extend(of_latency(counter.try_all("sms", &Attempt::Delivered)));
    assert_eq!(ends, ["recovery ben latency", "recovery cyd latency"]);
}

#[test]
fn a_rule_that_repeats_in_vain_brings_no_others_each_time() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[("ben", &["sms"])], &["hook"]);
    let steps = vec![ReachStep { after: HumanDuration::from_secs(0), channel: "hook".into() }];
    let repeat_every = Some(HumanDuration::from_secs(60));
    let rules = vec![ReachRule { severity: Severity::Critical, steps, repeat_every }];
    all.contacts.insert("ana".into(), Contact { rules, ..contact(&["hook"]) });
    counter.desk.set_book(all);
    counter.goes("latency", State::Critical);
    let mut told = Vec::new();
    for _ in 0..4 {
        assert!(!counter.try_all("hook", &unreached()).is_empty());
        told.extend(of_latency(counter.try_all("sms", &Attempt::Delivered)));
        goes_on(&mut counter, 60);
    }
    assert_eq!(told, ["problem ben latency"]);
}

#[test]
fn what_is_nobodys_again_is_told_to_who_stands_in_again() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[("ben", &["sms"])], &["hook"]);
    let mut by = policy(&[step(&["ana"], "30min")]);
    by.ack_timeout = Some("1min".parse().unwrap());
    all.policies.push((by, String::new()));
    let paged = Subject { escalation_policy: Some("p".into()), ..subject(Kind::Monitor, None, &[]) };
    all.subjects.insert((false, "latency".into()), paged);
    counter.desk.set_book(all);
    counter.goes("latency", State::Critical);
    counter.try_all("hook", &unreached());
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem ben latency"]);
    act(&counter, &Deed::Acknowledge { comment: String::new() }).unwrap();
    goes_on(&mut counter, 61);
    counter.try_all("hook", &unreached());
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["still ben latency"]);
}

#[test]
fn a_check_whose_contact_has_no_channel_is_told_to_those_of_last_resort() {
    let told = |last: &[(&str, &[&str])]| {
        let mut counter = Counter::new();
        with_last_resort(&counter, last, &[]);
        counter.goes("web/disk", State::Critical);
        let notice = hands::problem("web/disk", "ana", counter.now);
        for _ in 0..2 {
            counter.desk.take(&[], &[(notice.clone(), false)], Timestamp(counter.now)).unwrap();
        }
        let told = counter.try_all("sms", &Attempt::Delivered);
        goes_on(&mut counter, 1);
        (told, is_untold(&counter))
    };
    assert_eq!(told(&[("ben", &["sms"])]), (vec!["problem ben web/disk".to_owned()], false));
    assert_eq!(told(&[]), (vec![], true), "there is nobody, and that is known");
}

#[test]
fn an_end_that_no_way_brings_is_told_once_in_their_place() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[("ben", &["sms"])], &["hook", "mail"]);
    all.contacts.insert("dan".into(), contact(&["hook"]));
    all.subjects.insert((false, "latency".into()), subject(Kind::Monitor, None, &["ana", "dan"]));
    counter.desk.set_book(all);
    counter.goes("latency", State::Critical);
    for channel in ["hook", "mail"] {
        counter.try_all(channel, &Attempt::Delivered);
    }
    counter.goes("latency", State::Ok);
    let mut ends = Vec::new();
    for channel in ["hook", "mail"] {
        counter.try_all(channel, &unreached());
        ends.extend(of_latency(counter.try_all("sms", &Attempt::Delivered)));
    }
    assert_eq!(ends, ["recovery ben latency"], "for three pages");
}

#[test]
fn whom_somebody_calls_by_hand_others_stand_in_for_though_they_know() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[("ben", &["sms"])], &["hook"]);
    all.contacts.insert("dan".into(), contact(&["hook"]));
    all.contacts.insert("eve".into(), contact(&["hook"]));
    counter.desk.set_book(all);
    counter.goes("latency", State::Critical);
    counter.try_all("hook", &unreached());
    assert_eq!(of_latency(counter.try_all("sms", &Attempt::Delivered)), ["problem ben latency"]);
    goes_on(&mut counter, 7_200);
    let to = vec!["dan".into(), "eve".into()];
    act(&counter, &Deed::Escalate { to, comment: "somebody please".into() }).unwrap();
    assert_eq!(counter.try_all("hook", &unreached()).len(), 2);
    assert_eq!(of_latency(counter.try_all("sms", &Attempt::Delivered)), ["still ben latency"], "once");
    // And whoever has it wants to be woken after a snooze.
    let deed = Deed::Acknowledge { comment: String::new() };
    counter.desk.act(LATENCY, "ana", &deed, Timestamp(counter.now)).unwrap();
    let until = Timestamp(counter.now + 60);
    act(&counter, &Deed::Snooze { until, comment: String::new() }).unwrap();
    goes_on(&mut counter, 61);
    assert_eq!(counter.try_all("hook", &unreached()), ["still ana latency"]);
    assert_eq!(of_latency(counter.try_all("sms", &Attempt::Delivered)), ["still ben latency"]);
}

#[test]
fn who_hears_late_of_what_is_over_hears_that_it_is_last() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[("ben", &["sms"])], &["mail"]);
    all.subjects.insert((false, "latency".into()), subject(Kind::Monitor, None, &["ana", "ben"]));
    counter.desk.set_book(all);
    counter.goes("latency", State::Critical);
    act(&counter, &Deed::Note { text: "@ana, is it yours?".into() }).unwrap();
    counter.goes("latency", State::Ok);
    let told = of_latency(counter.try_all("sms", &Attempt::Delivered));
    assert_eq!(told, ["problem ben latency", "recovery ben latency"]);
    let later = Attempt::Later { at_ms: (counter.now + 60) * 1_000, why: "not now".into() };
    for _ in 0..3 {
        assert_eq!(try_for(&counter, "mail", "ana", &later), 1);
    }
    let told = of_latency(counter.try_all("sms", &Attempt::Delivered));
    assert!(told.contains(&"mention ben latency".to_owned()), "{told:?}");
    assert_eq!(told.last().map(String::as_str), Some("recovery ben latency"), "{told:?}");
}

/// Ana and Ben are told by default, and `cyd` too if the third is to be there; all have heard of the problem but cyd.
fn told_by_default(others: &[(&str, &[&str])]) -> Counter {
    let mut counter = Counter::new();
    let last: Vec<(&str, &[&str])> =
        [("ana", &["mail"][..]), ("ben", &["sms"])].into_iter().chain(others.iter().copied()).collect();
    let mut all = with_last_resort(&counter, &last, &["mail"]);
    all.subjects.insert((false, "latency".into()), subject(Kind::Monitor, None, &["ana", "ben"]));
    counter.desk.set_book(all);
    counter.goes("latency", State::Critical);
    for channel in ["mail", "sms"] {
        assert_eq!(counter.try_all(channel, &Attempt::Delivered).len(), 1);
    }
    counter.goes("latency", State::Ok);
    counter
}

#[test]
fn two_who_count_on_each_other_for_the_end_do_not_both_miss_it_unseen() {
    let lost = |counter: &mut Counter| {
        for channel in ["mail", "sms"] {
            let told = of_latency(counter.try_all(channel, &Counter::given_up()));
            assert_eq!(told.len(), 1, "{told:?}");
        }
        counter.desk.standing().pages.reached_nobody
    };
    assert_eq!(lost(&mut told_by_default(&[])), 1, "there is nobody else, and that is counted");
    let mut counter = told_by_default(&[("cyd", &["hook"])]);
    assert_eq!(lost(&mut counter), 0);
    assert_eq!(of_latency(counter.try_all("hook", &Attempt::Delivered)), ["recovery cyd latency"]);
    // One of them has it: nobody is missed, whoever is tried first.
    for order in [["mail", "sms"], ["sms", "mail"]] {
        let mut counter = told_by_default(&[("cyd", &["hook"])]);
        counter.try_all(order[0], &Attempt::Delivered);
        counter.try_all(order[1], &Counter::given_up());
        assert_eq!(counter.try_all("hook", &Attempt::Delivered), [""; 0]);
        let mut counter = told_by_default(&[("cyd", &["hook"])]);
        counter.try_all(order[0], &Counter::given_up());
        counter.try_all(order[1], &Attempt::Delivered);
        assert_eq!(counter.try_all("hook", &Attempt::Delivered), [""; 0]);
        assert_eq!(counter.desk.standing().pages.reached_nobody, 0);
    }
}

#[test]
fn who_has_the_end_by_a_checks_own_word_has_it_once() {
    let mut counter = Counter::new();
    let last: [(&str, &[&str]); 2] = [("ana", &["mail"]), ("ben", &["sms"])];
    let mut all = with_last_resort(&counter, &last, &["mail"]);
    all.subjects.insert((false, "latency".into()), subject(Kind::Check, None, &["ana", "ben"]));
    counter.desk.set_book(all);
    let both = |kind, state, at| {
        let notice = |who| Notice { kind, state, number: 2, ..hands::problem("latency", who, at) };
        ["ana", "ben"].map(|who| (notice(who), false))
    };
    counter.goes("latency", State::Critical);
    let at = Timestamp(counter.now);
    counter.desk.take(&[], &both(NoticeKind::Problem, State::Critical, at.0), at).unwrap();
    for channel in ["mail", "sms"] {
        counter.try_all(channel, &Attempt::Delivered);
    }
    let fine = change("latency", State::Ok, None, at.0);
    counter.desk.take(&[fine], &both(NoticeKind::Recovery, State::Ok, at.0), at).unwrap();
    assert_eq!(counter.try_all("mail", &Counter::given_up()), ["recovery ana latency"]);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["recovery ben latency"], "by his own word");
}
