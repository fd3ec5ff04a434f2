//! What was in somebody's hands and is nobody's again.

use vocabulary::reach::{ReachRule, ReachStep, Severity};

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
    let counter = handed_to_ana(&["mail"]);
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
    let says = [
        Deed::Acknowledge { comment: String::new() },
        Deed::Take { comment: String::new() },
        Deed::Note { text: "I am at it".into() },
    ];
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

/// By the name of the page: what is due for one contact comes to this.
fn comes_to(counter: &Counter, channel: &str, kind: PageKind, attempt: &Attempt) {
    let due = counter.desk.due(channel, i64::MAX, 100);
    let attempts = due.iter().filter(|it| it.page.kind == kind).map(|it| (it.page.id, attempt.clone()));
    let attempts: Vec<_> = attempts.collect();
    assert_eq!(attempts.len(), 1, "{due:?}");
    counter.desk.record(channel, &attempts, Timestamp(counter.now)).unwrap();
}

#[test]
fn others_are_told_for_all_the_ways_of_a_word_that_wait() {
    let mut counter = handed_to_ana(&["mail", "hook"]);
    let later = Attempt::Later { at_ms: (counter.now + 60) * 1_000, why: "not now".into() };
    for _ in 0..3 {
        comes_to(&counter, "hook", PageKind::HandedOver, &later);
    }
    // The hook fails, and the mail is refused: Ben is told, for both.
    comes_to(&counter, "mail", PageKind::HandedOver, &Counter::given_up());
    comes_to(&counter, "sms", PageKind::HandedOver, &Attempt::Delivered);
    let book = counter.desk.inner.lock().incidents.book.clone();
    restart(&mut counter, &book);
    comes_to(&counter, "hook", PageKind::HandedOver, &Counter::given_up());
    assert_eq!(phase(&counter), (Phase::Acknowledged, Some("ana".into())), "Ben knows that she does not");
    assert_eq!(counter.desk.standing().pages.reached_nobody, 0);
}

#[test]
fn a_later_word_that_is_lost_says_too_that_whoever_has_it_is_not_reached() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], &["mail", "hook"]);
    all.contacts.insert("ben".into(), contact(&["sms"]));
    all.config.page_warnings = true;
    all.subjects.insert((false, "latency".into()), subject(Kind::Monitor, None, &["ben"]));
    counter.desk.set_book(all);
    counter.goes("latency", State::Warning);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem ben latency"]);
    counter.desk.act(LATENCY, "ben", &hand_over("ana"), Timestamp(counter.now)).unwrap();
    counter.goes("latency", State::Critical);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["worse ben latency"]);
    counter.try_all("mail", &Counter::given_up());
    assert_eq!(phase(&counter), (Phase::Acknowledged, Some("ana".into())), "the hook may still tell her");
    assert_eq!(
        counter.try_all("hook", &Counter::given_up()),
        ["handed_over ana latency", "worse ana latency"]
    );
    assert_eq!(phase(&counter), (Phase::Open, None));
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["still ben latency"]);
}

#[test]
fn an_older_word_does_not_say_that_it_is_theirs() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], &["mail", "hook"]);
    all.contacts.insert("ben".into(), contact(&["sms"]));
    all.subjects.insert((false, "latency".into()), subject(Kind::Monitor, None, &["ana", "ben"]));
    counter.desk.set_book(all);
    counter.goes("latency", State::Critical);
    counter.try_all("sms", &Attempt::Delivered);
    counter.try_all("mail", &Counter::given_up());
    counter.now += 1;
    counter.desk.act(LATENCY, "ben", &hand_over("ana"), Timestamp(counter.now)).unwrap();
    comes_to(&counter, "hook", PageKind::Problem, &Attempt::Delivered);
    counter.try_all("mail", &Counter::given_up());
    comes_to(&counter, "hook", PageKind::HandedOver, &Counter::given_up());
    assert_eq!(phase(&counter), (Phase::Open, None));
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["still ben latency"]);
}

#[test]
fn what_was_split_off_or_merged_meanwhile_is_nobodys_too() {
    let two = || {
        let mut counter = handed_to_ana(&["mail"]);
        counter.goes("unclaimed", State::Critical);
        counter.try_all("sms", &Attempt::Delivered);
        counter
    };
    let owner = |counter: &Counter, id| {
        let incident = counter.desk.one(id).unwrap().unwrap().incident;
        incident.owner().map(|(name, _)| name.to_owned())
    };
    let mut merged = two();
    merged.desk.act(LATENCY, "ben", &Deed::Merge { into: 2 }, Timestamp(merged.now)).unwrap();
    assert_eq!(owner(&merged, 2), Some("ana".into()));
    try_for(&merged, "mail", "ana", &Counter::given_up());
    try_for(&merged, "sms", "ben", &Counter::given_up());
    assert_eq!(owner(&merged, 2), None);
    goes_on(&mut merged, 1);
    let told = merged.try_all("sms", &Attempt::Delivered);
    assert_eq!(told.iter().filter(|one| one.starts_with("still ben ")).count(), 1, "{told:?}");

    let mut split = two();
    split.desk.act(2, "ben", &Deed::Merge { into: LATENCY }, Timestamp(split.now)).unwrap();
    let members = [key("unclaimed")];
    let new = split.desk.split(LATENCY, "ben", &members, "", Timestamp(split.now)).unwrap();
    assert_eq!(owner(&split, new), Some("ana".into()));
    for _ in 0..2 {
        try_for(&split, "mail", "ana", &Counter::given_up());
        try_for(&split, "sms", "ben", &Counter::given_up());
    }
    assert_eq!((owner(&split, LATENCY), owner(&split, new)), (None, None));
    goes_on(&mut split, 1);
    let told = split.try_all("sms", &Attempt::Delivered);
    let still = |name: &str| told.iter().filter(|one| **one == format!("still ben {name}")).count();
    assert_eq!((still("latency"), still("unclaimed")), (1, 1), "{told:?}");
}

#[test]
fn whoever_handed_it_over_hears_once_that_it_is_nobodys_though_the_policy_names_them() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], &["mail"]);
    all.contacts.insert("ben".into(), contact(&["sms"]));
    all.policies.push((policy(&[step(&["ben"], "30min")]), String::new()));
    let paged = Subject { escalation_policy: Some("p".into()), ..subject(Kind::Monitor, None, &[]) };
    all.subjects.insert((false, "latency".into()), paged);
    counter.desk.set_book(all);
    counter.goes("latency", State::Critical);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem ben latency"]);
    for gives in ["ben", "ops"] {
        counter.desk.act(LATENCY, gives, &hand_over("ana"), Timestamp(counter.now)).unwrap();
        counter.desk.forgive("mail", Timestamp(counter.now)).unwrap();
        try_for(&counter, "mail", "ana", &Counter::given_up());
        assert_eq!(phase(&counter), (Phase::Open, None));
        goes_on(&mut counter, 1);
        assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["still ben latency"]);
        let to_ops = if gives == "ops" { vec!["still ops latency"] } else { vec![] };
        assert_eq!(counter.try_all("hook", &Attempt::Delivered), to_ops, "whoever gave it hears too");
        goes_on(&mut counter, 60);
        assert_eq!(counter.try_all("sms", &Attempt::Delivered), [""; 0]);
    }
}

#[test]
fn a_snooze_of_a_check_that_says_it_once_ends_with_a_word() {
    let mut story = Story::new();
    story.goes("web/http", State::Critical);
    story.notice("web/http", NoticeKind::Problem, State::Critical, "ops");
    let until = Timestamp(story.now + 600);
    story.act(1, Deed::Snooze { until, comment: String::new() }).unwrap();
    assert_eq!(story.tick(500), NOBODY);
    assert_eq!(story.tick(200), ["still ops by mail", "still ops by hook"]);
    assert_eq!(story.tick(600), NOBODY);
}

#[test]
fn who_was_told_instead_that_it_was_handed_over_knows_though_other_words_are_lost() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[("ben", &["sms"])], &["mail", "hook"]);
    all.subjects.insert((false, "latency".into()), subject(Kind::Monitor, None, &["ana", "ben"]));
    counter.desk.set_book(all);
    counter.goes("latency", State::Critical);
    counter.try_all("sms", &Attempt::Delivered);
    counter.desk.act(LATENCY, "ben", &hand_over("ana"), Timestamp(counter.now)).unwrap();
    let later = Attempt::Later { at_ms: (counter.now + 60) * 1_000, why: "not now".into() };
    for _ in 0..3 {
        try_for(&counter, "hook", "ana", &later);
    }
    try_for(&counter, "mail", "ana", &Counter::given_up());
    try_for(&counter, "mail", "ana", &Counter::given_up());
    assert!(counter.try_all("sms", &Attempt::Delivered).contains(&"handed_over ben latency".to_owned()));
    for _ in 0..2 {
        try_for(&counter, "hook", "ana", &Counter::given_up());
    }
    goes_on(&mut counter, 60);
    assert_eq!(phase(&counter), (Phase::Acknowledged, Some("ana".into())), "{}", timeline(&counter));
}

#[test]
fn whom_a_room_was_given_to_is_taken_to_know() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], &["mail"]);
    all.contacts.insert("ben".into(), contact(&["chat"]));
    all.rooms.insert("chat".into());
    counter.desk.set_book(all);
    counter.goes("latency", State::Critical);
    act(&counter, &hand_over("ben")).unwrap();
    counter.try_all("mail", &Counter::given_up());
    counter.try_all("chat", &Counter::given_up());
    goes_on(&mut counter, 60);
    assert_eq!(phase(&counter), (Phase::Acknowledged, Some("ben".into())));
}

#[test]
fn a_snooze_of_what_nobody_has_waits_for_a_silence_too() {
    let mut story = Story::new();
    for (name, check) in [("latency", false), ("web/http", true)] {
        story.goes(name, State::Critical);
        if check {
            story.notice(name, NoticeKind::Problem, State::Critical, "ops");
        }
        let id = story.incidents.placed_bad(&key(name)).unwrap();
        let until = Timestamp(story.now + 600);
        story.act(id, Deed::Snooze { until, comment: String::new() }).unwrap();
        story.sky.withheld.borrow_mut().insert(key(name), Withheld::Silence);
        assert_eq!(story.tick(700), NOBODY, "{name}");
        story.sky.withheld.borrow_mut().clear();
        assert_eq!(story.tick(1), ["still ops by mail", "still ops by hook"], "{name}");
        assert_eq!(story.tick(60), NOBODY, "{name}");
    }
}

#[test]
fn what_goes_another_way_says_what_it_said_first() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], &["sms"]);
    let steps = vec![ReachStep { after: "0s".parse().unwrap(), channel: "mail".into() }];
    let rules = vec![ReachRule { severity: Severity::Critical, steps, repeat_every: None }];
    all.contacts.insert("cyd".into(), Contact { rules, ..contact(&["mail", "hook"]) });
    counter.desk.set_book(all);
    counter.goes("latency", State::Critical);
    counter.try_all("sms", &Attempt::Delivered);
    act(&counter, &hand_over("cyd")).unwrap();
    counter.desk.act(LATENCY, "cyd", &hand_over("ana"), Timestamp(counter.now)).unwrap();
    // That it was Cyd's goes by his other way now, and says nothing of Ana.
    try_for(&counter, "mail", "cyd", &Counter::given_up());
    try_for(&counter, "sms", "ana", &Counter::given_up());
    assert_eq!(phase(&counter), (Phase::Open, None));
    assert_eq!(try_for(&counter, "hook", "cyd", &Attempt::Delivered), 1);
}
