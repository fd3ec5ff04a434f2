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

/// Ben is the last resort and hands it over to Ana, who has a mailbox and a telephone.
fn handed_to_ana(ana: &[&str]) -> Counter {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[("ben", &["sms"])], ana);
    all.subjects.insert((false, "latency".into()), subject(Kind::Monitor, None, &["ben"]));
    counter.desk.set_book(all);
    counter.goes("latency", State::Critical);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem ben latency"]);
    counter.desk.act(LATENCY, "ben", &hand_over("ana"), Timestamp(counter.now)).unwrap();
    counter
}

#[test]
fn who_knew_of_it_before_does_not_stand_in_for_whoever_it_was_handed_to() {
    let mut counter = handed_to_ana(&["mail"]);
    // Her channel fails for all, so her page goes to Ben too, and stays.
    let later = |at: i64| Attempt::Later { at_ms: at * 1_000 + 60_000, why: "not now".into() };
    for _ in 0..3 {
        let at = later(counter.now);
        try_for(&counter, "mail", "ana", &at);
    }
    assert!(try_for(&counter, "sms", "ben", &unreached()) > 0);
    assert_eq!(phase(&counter), (Phase::Acknowledged, Some("ana".into())), "hers may still arrive");
    try_for(&counter, "mail", "ana", &Counter::given_up());
    assert_eq!(phase(&counter), (Phase::Open, None));
    assert!(timeline(&counter).contains("unacknowledged ana is not reached"), "{}", timeline(&counter));
}

#[test]
fn who_stands_in_does_so_for_all_the_ways_of_a_word() {
    let mut counter = handed_to_ana(&["mail", "hook"]);
    for channel in ["mail", "hook"] {
        try_for(&counter, channel, "ana", &Counter::given_up());
    }
    assert_eq!(try_for(&counter, "sms", "ben", &Attempt::Delivered), 1);
    goes_on(&mut counter, 60);
    assert_eq!(phase(&counter), (Phase::Acknowledged, Some("ana".into())), "Ben knows that she does not");
}

/// A check tells Ben by itself, who hands it over to Ana.
#[test]
fn what_a_check_told_and_was_handed_over_in_vain_is_told_to_whoever_handed_it_over() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], &["mail"]);
    all.contacts.insert("ben".into(), contact(&["sms"]));
    all.subjects.insert((false, "web/disk".into()), subject(Kind::Check, Some("web"), &["ben"]));
    counter.desk.set_book(all.clone());
    counter.goes("web/disk", State::Critical);
    counter
        .desk
        .take(&[], &[(problem("web/disk", "ben", counter.now), false)], Timestamp(counter.now))
        .unwrap();
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem ben web/disk"]);
    counter.desk.act(LATENCY, "ben", &hand_over("ana"), Timestamp(counter.now)).unwrap();
    assert_eq!(counter.try_all("mail", &Counter::given_up()), ["handed_over ana web/disk"]);
    assert_eq!(phase(&counter), (Phase::Open, None));
    restart(&mut counter, &all);
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["still ben web/disk"]);
    assert_eq!(counter.try_all("mail", &Attempt::Delivered), [""; 0], "she is not reached");
    goes_on(&mut counter, 60);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), [""; 0], "once");
}

pub(super) fn problem(name: &str, contact: &str, at: i64) -> Notice {
    Notice {
        id: id(name),
        at: Timestamp(at),
        kind: NoticeKind::Problem,
        state: State::Critical,
        contact: contact.into(),
        number: 1,
        text: "full".into(),
        author: "".into(),
        comment: "".into(),
    }
}

#[test]
fn who_says_that_they_have_it_keeps_it() {
    let says = [Deed::Acknowledge { comment: String::new() }, Deed::Take { comment: String::new() }];
    for deed in says {
        let mut counter = handed_to_ana(&["mail"]);
        counter.desk.act(LATENCY, "ana", &deed, Timestamp(counter.now)).unwrap();
        counter.try_all("mail", &Counter::given_up());
        counter.try_all("sms", &unreached());
        goes_on(&mut counter, 1);
        assert_eq!(phase(&counter), (Phase::Acknowledged, Some("ana".into())), "{deed:?}");
    }
}

#[test]
fn a_snooze_that_ends_in_a_silence_waits_for_its_end() {
    /// Silenced, which its acknowledgement hides.
    struct Silenced(std::cell::Cell<bool>);
    impl Estate for Silenced {
        fn withheld(&self, _: &Key) -> Option<Withheld> {
            Some(Withheld::Acknowledged)
        }
        fn withheld_unless_acknowledged(&self, _: &Key) -> Option<Withheld> {
            self.0.get().then_some(Withheld::Silence)
        }
        fn will_tell(&self, _: &Key, _: &str) -> bool {
            false
        }
        fn acknowledged(&self, _: &Key) -> Option<Acknowledged> {
            None
        }
    }
    let mut story = Story::new();
    story.goes("latency", State::Critical);
    story
        .incidents
        .act(1, "ana", &Deed::Acknowledge { comment: String::new() }, Timestamp(story.now))
        .unwrap();
    let until = Timestamp(story.now + 6);
    story.act(1, Deed::Snooze { until, comment: String::new() }).unwrap();
    let estate = Silenced(true.into());
    let told_at = |story: &mut Story, at: i64| {
        let pages = story.incidents.tick(&estate, Timestamp(at));
        estate.0.set(at < until.0 + 60);
        story.told(pages)
    };
    assert_eq!(told_at(&mut story, until.0), NOBODY);
    assert_eq!(told_at(&mut story, until.0 + 60), NOBODY);
    assert_eq!(told_at(&mut story, until.0 + 61), ["still ana by mail"]);
    assert_eq!(told_at(&mut story, until.0 + 62), NOBODY);
}

#[test]
fn what_was_still_to_be_told_is_told_after_a_start() {
    let mut counter = Counter::new();
    let all = with_last_resort(&counter, &[], &["mail"]);
    counter.goes("latency", State::Critical);
    counter.try_all("mail", &Attempt::Delivered);
    // As versions before left it that were stopped in between.
    {
        let mut batch = counter.desk.batch();
        let incidents = &mut batch.inner.incidents;
        incidents.live.get_mut(&LATENCY).unwrap().detail.paged_at = None;
        incidents.unsaved.incident(LATENCY);
        batch.commit_alone().unwrap();
    }
    restart(&mut counter, &all);
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("mail", &Attempt::Delivered), ["still ana latency"]);
    restart(&mut counter, &all);
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("mail", &Attempt::Delivered), [""; 0]);
}
