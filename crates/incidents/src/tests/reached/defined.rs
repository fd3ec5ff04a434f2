//! What is defined in another way while it is bad: people, policies, environments, hosts.

use super::*;
use crate::config::{EnvironmentConfig, Environments};
use crate::oncall::policy::PolicyConfig;

fn by_policy(name: &str, whom: &str) -> (PolicyConfig, String) {
    (PolicyConfig { name: name.into(), ..policy(&[step(&[whom], "30min")]) }, String::new())
}

fn goes_by(kind: Kind, host: Option<&str>, policy: &str) -> Subject {
    Subject { escalation_policy: Some(policy.into()), ..subject(kind, host, &[]) }
}

/// `ops` by mail, `dev` by texts, and `cyd`, who is told by default, by the hook.
fn people(counter: &Counter) -> Book {
    let mut all = with_last_resort(counter, &[("cyd", &["hook"])], &["mail"]);
    all.contacts.insert("ops".into(), contact(&["mail"]));
    all.contacts.insert("dev".into(), contact(&["sms"]));
    all.policies.extend([by_policy("net", "ops"), by_policy("webs", "dev")]);
    all
}

/// The host is down, and its check is bad in that.
fn host_with_check(acknowledged: bool) -> Counter {
    let mut counter = Counter::new();
    let mut all = people(&counter);
    all.subjects.insert((true, "web".into()), goes_by(Kind::Host, None, "net"));
    all.subjects.insert((false, "web/disk".into()), goes_by(Kind::Check, Some("web"), "webs"));
    counter.desk.set_book(all);
    counter.goes("host:web", State::Down);
    assert_eq!(counter.try_all("mail", &Attempt::Delivered), ["problem ops web"]);
    if acknowledged {
        let deed = Deed::Acknowledge { comment: String::new() };
        counter.desk.act(LATENCY, "ops", &deed, Timestamp(counter.now)).unwrap();
    }
    counter.sky.withheld.borrow_mut().insert(key("web/disk"), Withheld::HostDown);
    let disk = change("web/disk", State::Critical, Some(Withheld::HostDown), counter.now);
    counter.desk.take(&[disk], &[], Timestamp(counter.now)).unwrap();
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), [""; 0]);
    counter
}

#[test]
fn what_is_left_when_its_host_is_up_is_told_to_its_own_people() {
    let mut counter = host_with_check(false);
    counter.goes("host:web", State::Up);
    counter.sky.withheld.borrow_mut().clear();
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem dev web/disk"]);
    goes_on(&mut counter, 60);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), [""; 0], "once");
    // Its next result may come before anybody looks.
    let mut counter = host_with_check(false);
    counter.sky.withheld.borrow_mut().clear();
    let both = [
        change("host:web", State::Up, None, counter.now),
        change("web/disk", State::Critical, None, counter.now),
    ];
    counter.desk.take(&both, &[], Timestamp(counter.now)).unwrap();
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem dev web/disk"]);
    // Whoever has the whole hears that there is more of it.
    let mut counter = host_with_check(true);
    counter.goes("host:web", State::Up);
    counter.sky.withheld.borrow_mut().clear();
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("mail", &Attempt::Delivered), ["joined ops web/disk"]);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), [""; 0]);
}

#[test]
fn what_is_left_and_names_nobody_is_told_to_who_is_told_by_default() {
    let mut counter = Counter::new();
    let mut all = people(&counter);
    all.subjects.insert((true, "web".into()), goes_by(Kind::Host, None, "net"));
    all.subjects.insert((false, "web/disk".into()), subject(Kind::Check, Some("web"), &[]));
    counter.desk.set_book(all);
    counter.goes("host:web", State::Down);
    counter.sky.withheld.borrow_mut().insert(key("web/disk"), Withheld::HostDown);
    let disk = change("web/disk", State::Critical, Some(Withheld::HostDown), counter.now);
    counter.desk.take(&[disk], &[], Timestamp(counter.now)).unwrap();
    counter.goes("host:web", State::Up);
    counter.sky.withheld.borrow_mut().clear();
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("hook", &Attempt::Delivered), ["problem cyd web/disk"]);
}

#[test]
fn what_becomes_production_is_told() {
    let staging =
        EnvironmentConfig { name: "staging".into(), pattern: "^(latency|web)".into(), production: false };
    let staging = Environments::new(&[staging]);
    let mut counter = Counter::new();
    let mut all = people(&counter);
    all.environments = staging.clone();
    all.subjects.insert((false, "latency".into()), subject(Kind::Monitor, None, &["dev"]));
    all.subjects.insert((false, "web/disk".into()), subject(Kind::Check, None, &["ops"]));
    counter.desk.set_book(all.clone());
    counter.goes("latency", State::Critical);
    counter.goes("web/disk", State::Critical);
    let notice = hands::problem("web/disk", "ops", counter.now);
    counter.desk.take(&[], &[(notice, false)], Timestamp(counter.now)).unwrap();
    goes_on(&mut counter, 60);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), [""; 0]);
    all.environments = Environments::default();
    counter.desk.set_book(all.clone());
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem dev latency"]);
    assert_eq!(
        counter.try_all("mail", &Attempt::Delivered),
        ["still ops web/disk"],
        "its rules said it in vain"
    );
    // The other way round it stays what it was, and says so once.
    all.environments = staging;
    for _ in 0..2 {
        counter.desk.set_book(all.clone());
        goes_on(&mut counter, 1);
    }
    let said = timeline(&counter);
    assert_eq!(said.matches("is not production by other definitions").count(), 1, "{said}");
    counter.goes("latency", State::Ok);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["recovery dev latency"]);
}

/// A check whose contact was owed its problem by a silence, and whose contacts are others when that ends.
fn owed_to_who_is_gone(now_named: &[&str]) -> Counter {
    let mut counter = Counter::new();
    let mut all = people(&counter);
    all.subjects.insert((false, "latency".into()), subject(Kind::Check, None, &["ana"]));
    counter.desk.set_book(all.clone());
    counter.sky.withheld.borrow_mut().insert(key("latency"), Withheld::Silence);
    counter.now += 10;
    let bad = change("latency", State::Critical, Some(Withheld::Silence), counter.now);
    let notice = hands::problem("latency", "ana", counter.now);
    counter.desk.take(&[bad], &[(notice, true)], Timestamp(counter.now)).unwrap();
    all.contacts.remove("ana");
    all.subjects.insert((false, "latency".into()), subject(Kind::Check, None, now_named));
    counter.desk.set_book(all);
    goes_on(&mut counter, 60);
    counter.sky.withheld.borrow_mut().clear();
    goes_on(&mut counter, 1);
    goes_on(&mut counter, 1);
    counter
}

#[test]
fn what_was_owed_to_who_is_gone_is_told_to_who_is_named_now() {
    let mut counter = owed_to_who_is_gone(&["dev"]);
    assert_eq!(counter.try_all("sms", &Counter::given_up()), ["still dev latency"]);
    assert_eq!(counter.try_all("hook", &Attempt::Delivered), ["still cyd latency"], "who stands in");
    let mut counter = owed_to_who_is_gone(&["ana"]);
    assert_eq!(counter.try_all("hook", &Counter::given_up()), ["problem cyd latency"]);
    goes_on(&mut counter, 1);
    assert!(is_untold(&counter), "nobody has it, and that is known");
}

#[test]
fn a_first_word_that_a_silence_kept_and_nobody_got_is_known() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[("ana", &["mail"])], &["mail"]);
    all.subjects.insert((false, "latency".into()), subject(Kind::Check, None, &["ana"]));
    counter.desk.set_book(all.clone());
    counter.sky.withheld.borrow_mut().insert(key("latency"), Withheld::Silence);
    let bad = change("latency", State::Critical, Some(Withheld::Silence), counter.now);
    let notice = hands::problem("latency", "ana", counter.now);
    counter.desk.take(&[bad], &[(notice, true)], Timestamp(counter.now)).unwrap();
    goes_on(&mut counter, 1);
    counter.sky.withheld.borrow_mut().clear();
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("mail", &Counter::given_up()), ["still ana latency"]);
    goes_on(&mut counter, 100);
    assert!(is_untold(&counter));
    restart(&mut counter, &all);
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("mail", &Attempt::Delivered), ["still ana latency"]);
    goes_on(&mut counter, 1);
    assert!(!is_untold(&counter));
}

#[test]
fn who_stood_in_before_the_owner_was_removed_is_told_again() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[("ben", &["sms"])], &["mail"]);
    all.subjects.insert((false, "latency".into()), subject(Kind::Check, None, &["ana"]));
    all.contacts.insert("zoe".into(), contact(&["hook"]));
    counter.desk.set_book(all.clone());
    counter.goes("latency", State::Critical);
    let notice = hands::problem("latency", "ana", counter.now);
    counter.desk.take(&[], &[(notice, false)], Timestamp(counter.now)).unwrap();
    counter.try_all("mail", &Counter::given_up());
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem ben latency"]);
    let take = Deed::Take { comment: String::new() };
    // In the very second in which they are removed too.
    for seconds in [10, 0] {
        counter.now += seconds;
        counter.desk.act(LATENCY, "zoe", &take, Timestamp(counter.now)).unwrap();
        all.contacts.remove("zoe");
        counter.desk.set_book(all.clone());
        counter.desk.give_back_all_of("zoe", "root", Timestamp(counter.now)).unwrap();
        counter.desk.tick(&counter.sky, Timestamp(counter.now)).unwrap();
        assert_eq!(counter.try_all("mail", &Counter::given_up()), ["still ana latency"]);
        let mut told = counter.try_all("sms", &Attempt::Delivered);
        told.retain(|one| one.ends_with(" latency"));
        assert_eq!(told, ["still ben latency"]);
    }
    goes_on(&mut counter, 1);
    assert!(!is_untold(&counter));
    counter.desk.act(LATENCY, "zoe", &take, Timestamp(counter.now)).unwrap();
    counter.desk.give_back_all_of("zoe", "root", Timestamp(counter.now)).unwrap();
    goes_on(&mut counter, 1);
    counter.try_all("mail", &Counter::given_up());
    counter.try_all("sms", &Counter::given_up());
    goes_on(&mut counter, 1);
    assert!(is_untold(&counter), "what they heard before says nothing");
}

/// `latency` goes by `net`, which has told ops, and somebody acts on it.
fn told_by_net(deed: &Deed) -> (Counter, Book) {
    let mut counter = Counter::new();
    let mut all = people(&counter);
    all.policies[0].0.ack_timeout = Some("1min".parse().unwrap());
    all.subjects.insert((false, "latency".into()), goes_by(Kind::Monitor, None, "net"));
    counter.desk.set_book(all.clone());
    counter.goes("latency", State::Critical);
    assert_eq!(counter.try_all("mail", &Attempt::Delivered), ["problem ops latency"]);
    act(&counter, deed).unwrap();
    all.subjects.insert((false, "latency".into()), goes_by(Kind::Monitor, None, "webs"));
    (counter, all)
}

#[test]
fn what_is_told_anew_goes_by_the_policy_of_now() {
    let until = Timestamp(1_070);
    let deeds =
        [Deed::Snooze { until, comment: String::new() }, Deed::Acknowledge { comment: String::new() }];
    for deed in &deeds {
        for is_deleted in [false, true] {
            let (mut counter, mut all) = told_by_net(deed);
            if is_deleted && matches!(deed, Deed::Snooze { .. }) {
                all.policies.remove(0);
            }
            counter.desk.set_book(all);
            goes_on(&mut counter, 30);
            goes_on(&mut counter, 31);
            goes_on(&mut counter, 1);
            assert_eq!(counter.try_all("mail", &Attempt::Delivered), [""; 0], "{deed:?}");
            assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem dev latency"], "{deed:?}");
            assert_eq!(counter.try_all("hook", &Attempt::Delivered), [""; 0], "{deed:?}");
        }
    }
    // By none any more: its contacts are told.
    let (mut counter, mut all) = told_by_net(&deeds[1]);
    all.subjects.insert((false, "latency".into()), subject(Kind::Monitor, None, &["dev"]));
    counter.desk.set_book(all);
    goes_on(&mut counter, 61);
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["still dev latency"]);
    // One that is deleted while it runs is no reason to fall back on those who are told by default.
    let mut counter = Counter::new();
    let mut all = people(&counter);
    all.policies[0].0.step[0].wait = "1min".parse().unwrap();
    all.subjects.insert((false, "latency".into()), goes_by(Kind::Monitor, None, "net"));
    counter.desk.set_book(all.clone());
    counter.goes("latency", State::Critical);
    all.policies.remove(0);
    all.subjects.insert((false, "latency".into()), goes_by(Kind::Monitor, None, "webs"));
    counter.desk.set_book(all);
    goes_on(&mut counter, 61);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem dev latency"]);
    assert!(timeline(&counter).contains("it goes by `webs` now"), "{}", timeline(&counter));
}

#[test]
fn a_part_that_was_told_anew_in_vain_is_not_known_by_those_of_the_whole() {
    let mut counter = Counter::new();
    let mut all = people(&counter);
    all.config.contacts.clear();
    all.subjects.insert((false, "latency".into()), subject(Kind::Monitor, None, &["dev"]));
    all.subjects.insert((false, "unclaimed".into()), subject(Kind::Monitor, None, &["ops"]));
    counter.desk.set_book(all);
    counter.goes("latency", State::Critical);
    counter.goes("unclaimed", State::Critical);
    counter.try_all("sms", &Attempt::Delivered);
    counter.try_all("mail", &Attempt::Delivered);
    let until = Timestamp(counter.now + 10);
    act(&counter, &Deed::Snooze { until, comment: String::new() }).unwrap();
    goes_on(&mut counter, 11);
    assert_eq!(counter.try_all("sms", &Counter::given_up()), ["still dev latency"]);
    counter.desk.act(LATENCY, "bea", &Deed::Merge { into: 2 }, Timestamp(counter.now)).unwrap();
    goes_on(&mut counter, 1);
    assert_eq!(counter.desk.untold().incidents, [2]);
}

#[test]
fn what_is_left_out_of_the_rules_is_not_over() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], &["mail"]);
    counter.desk.set_book(all.clone());
    counter.goes("latency", State::Critical);
    counter.try_all("mail", &Attempt::Delivered);
    all.subjects.remove(&(false, "latency".into()));
    all.left_out.insert("latency".into());
    counter.desk.set_book(all.clone());
    goes_on(&mut counter, 60);
    assert_eq!((phase(&counter).0, counter.try_all("mail", &Attempt::Delivered).len()), (Phase::Open, 0));
    all.left_out.clear();
    counter.desk.set_book(all);
    goes_on(&mut counter, 1);
    assert_eq!(phase(&counter).0, Phase::Resolved, "it is gone");
}

#[test]
fn whose_time_never_begins_is_not_waited_for() {
    let mut counter = Counter::new();
    let mut all = people(&counter);
    all.periods = Some(Arc::new(|name, _, _| name != "dev"));
    // Dev's time begins in a year.
    let next = |name: &str, _: bool, now: Timestamp| {
        Some(Timestamp(now.0 + if name == "dev" { 31_536_000 } else { 0 }))
    };
    all.next_times = Some(Arc::new(next));
    all.subjects.insert((false, "latency".into()), subject(Kind::Monitor, None, &["dev"]));
    counter.desk.set_book(all.clone());
    counter.goes("latency", State::Critical);
    assert_eq!(counter.try_all("hook", &Attempt::Delivered), ["problem cyd latency"]);
    // Where there is nobody else, that is known.
    let mut counter = Counter::new();
    all.config.contacts = vec!["dev".into()];
    counter.desk.set_book(all.clone());
    counter.goes("latency", State::Critical);
    assert!(is_untold(&counter), "{}", timeline(&counter));
    // It was to be soon, and is not any more.
    let mut counter = Counter::new();
    all.config.contacts = vec!["cyd".into()];
    let never = all.next_times.take();
    counter.desk.set_book(all.clone());
    counter.goes("latency", State::Critical);
    assert!(timeline(&counter).contains("dev is told when the contact's own period begins"));
    all.next_times = never;
    counter.desk.set_book(all);
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("hook", &Attempt::Delivered), ["problem cyd latency"]);
}

#[test]
fn who_is_named_and_not_defined_is_as_good_as_nobody() {
    let mut counter = Counter::new();
    let mut all = people(&counter);
    all.subjects.insert((false, "latency".into()), subject(Kind::Monitor, None, &["ghost"]));
    counter.desk.set_book(all);
    counter.goes("latency", State::Critical);
    assert_eq!(counter.try_all("hook", &Attempt::Delivered), ["problem cyd latency"]);
}

#[test]
fn what_only_those_know_who_are_gone_is_told_again() {
    for kind in [Kind::Monitor, Kind::Check] {
        let mut counter = Counter::new();
        let mut all = people(&counter);
        all.subjects.insert((false, "latency".into()), subject(kind, None, &["dev"]));
        counter.desk.set_book(all.clone());
        counter.goes("latency", State::Critical);
        if kind == Kind::Check {
            let notice = hands::problem("latency", "dev", counter.now);
            counter.desk.take(&[], &[(notice, false)], Timestamp(counter.now)).unwrap();
        }
        assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem dev latency"]);
        all.contacts.remove("dev");
        // As the rules have it by then.
        all.subjects.insert((false, "latency".into()), subject(kind, None, &[]));
        for _ in 0..2 {
            counter.desk.set_book(all.clone());
            goes_on(&mut counter, 1);
        }
        assert_eq!(counter.try_all("hook", &Attempt::Delivered), ["still cyd latency"], "{kind:?}, once");
        goes_on(&mut counter, 1);
        assert!(!is_untold(&counter));
        counter.goes("latency", State::Ok);
        assert_eq!(counter.try_all("hook", &Attempt::Delivered), ["recovery cyd latency"]);
        goes_on(&mut counter, 1_000);
        assert_eq!(
            counter.try_all("sms", &Attempt::Delivered),
            ["recovery dev latency"],
            "where they heard of it"
        );
    }
}
