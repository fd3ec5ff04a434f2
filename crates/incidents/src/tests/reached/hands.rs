//! What was in somebody's hands and is nobody's again.

use super::*;

#[test]
fn who_heard_before_it_was_nobodys_again_says_nothing() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], &["mail"]);
    all.contacts.insert("dan".into(), contact(&["sms"]));
    let mut by = policy(&[step(&["ana"], "30min")]);
    by.ack_timeout = Some("1min".parse().unwrap());
    all.policies.push((by, String::new()));
    let paged = Subject { escalation_policy: Some("p".into()), ..subject(Kind::Monitor, None, &[]) };
    all.subjects.insert((false, "latency".into()), paged);
    counter.desk.set_book(all);
    counter.goes("latency", State::Critical);
    act(&counter, &Deed::Escalate { to: vec!["dan".into()], comment: String::new() }).unwrap();
    assert_eq!(counter.try_all("mail", &Attempt::Delivered), ["problem ana latency"]);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered).len(), 1);
    act(&counter, &Deed::Acknowledge { comment: String::new() }).unwrap();
    goes_on(&mut counter, 61);
    assert_eq!(phase(&counter), (Phase::Open, None));
    assert_eq!(counter.try_all("mail", &Counter::given_up()), ["still ana latency"]);
    goes_on(&mut counter, 1);
    assert!(is_untold(&counter));
    act(&counter, &Deed::Take { comment: String::new() }).unwrap();
    assert!(!is_untold(&counter));
}

#[test]
fn who_heard_before_a_snooze_or_of_less_says_nothing() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], &["mail"]);
    all.config.page_warnings = true;
    counter.desk.set_book(all);
    counter.goes("latency", State::Warning);
    assert_eq!(counter.try_all("mail", &Attempt::Delivered), ["problem ana latency"]);
    let until = Timestamp(counter.now + 60);
    act(&counter, &Deed::Snooze { until, comment: String::new() }).unwrap();
    goes_on(&mut counter, 61);
    assert_eq!(counter.try_all("mail", &Counter::given_up()), ["still ana latency"]);
    goes_on(&mut counter, 1);
    assert!(is_untold(&counter), "after the snooze nobody has heard of it");
    let mut worse = Counter::new();
    let mut all = with_last_resort(&worse, &[], &["mail"]);
    all.config.page_warnings = true;
    worse.desk.set_book(all);
    worse.goes("latency", State::Warning);
    assert_eq!(worse.try_all("mail", &Attempt::Delivered), ["problem ana latency"]);
    worse.goes("latency", State::Critical);
    assert_eq!(worse.try_all("mail", &Counter::given_up()), ["worse ana latency"]);
    goes_on(&mut worse, 1);
    assert!(is_untold(&worse), "that it is CRITICAL nobody has heard");
}
