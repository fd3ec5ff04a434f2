//! Somebody is always told: what becomes of words of trouble that nobody gets.

mod anew;
mod defined;
mod hands;
mod stand_ins;

use super::delivery::{Counter, try_for, unreached, with_last_resort};
use super::policies::{policy, step};
use super::*;
use crate::desk::{Attempt, Failed};

const LATENCY: i64 = 1;

fn goes_on(counter: &mut Counter, seconds: i64) {
    counter.now += seconds;
    counter.desk.tick(&counter.sky, Timestamp(counter.now)).unwrap();
}

fn is_untold(counter: &Counter) -> bool {
    counter.desk.untold().incidents == [LATENCY]
}

fn restart(counter: &mut Counter, book: &Book) {
    counter.desk = crate::Desk::open(counter.desk.store.clone(), book.clone(), b"secret").unwrap();
}

fn act(counter: &Counter, deed: &Deed) -> Result<(), Failed> {
    counter.desk.act(LATENCY, "bea", deed, Timestamp(counter.now)).map(drop)
}

fn hand_over(to: &str) -> Deed {
    Deed::HandOver { to: to.into(), comment: String::new() }
}

fn phase(counter: &Counter) -> (Phase, Option<String>) {
    let incident = counter.desk.one(LATENCY).unwrap().unwrap().incident;
    (incident.phase, incident.owner().map(|(name, _)| name.to_owned()))
}

fn timeline(counter: &Counter) -> String {
    let all = counter.desk.one(LATENCY).unwrap().unwrap().timeline;
    all.iter().map(|entry| format!("{} {}\n", entry.kind, entry.text)).collect()
}

#[test]
fn h3_what_reached_nobody_is_known_until_it_is_told_again_by_another_definition() {
    let mut counter = Counter::new();
    let all = with_last_resort(&counter, &[("ana", &["hook"])], &["hook"]);
    counter.goes("latency", State::Critical);
    assert!(!is_untold(&counter), "it waits");
    counter.try_all("hook", &Counter::given_up());
    goes_on(&mut counter, 4_000);
    assert!(is_untold(&counter), "an hour later too");
    assert!(timeline(&counter).contains("page nobody is reached"), "{}", timeline(&counter));
    counter.desk.set_book(all.clone());
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("hook", &Attempt::Delivered), [""; 0], "nothing is another way");
    // The channel is another one.
    counter.desk.forgive("hook", Timestamp(counter.now)).unwrap();
    goes_on(&mut counter, 1);
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("hook", &Counter::given_up()), ["problem ana latency"], "once");
    goes_on(&mut counter, 1);
    assert!(is_untold(&counter));
    // She is reached elsewhere.
    let mut moved = all.clone();
    moved.contacts.insert("ana".into(), contact(&["hook", "sms"]));
    counter.desk.set_book(moved.clone());
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("hook", &Counter::given_up()), ["problem ana latency"]);
    assert!(!is_untold(&counter), "the text waits");
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem ana latency"]);
    assert!(!is_untold(&counter));
    restart(&mut counter, &moved);
    goes_on(&mut counter, 100);
    assert!(!is_untold(&counter));
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), [""; 0]);
}

#[test]
fn h3_a_start_tells_it_again_and_a_word_that_arrives_does_so_now_and_then() {
    let mut counter = Counter::new();
    let all = with_last_resort(&counter, &[("ana", &["hook"])], &["hook"]);
    counter.goes("latency", State::Critical);
    counter.try_all("hook", &Counter::given_up());
    restart(&mut counter, &all);
    assert!(is_untold(&counter), "it is kept");
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("hook", &Counter::given_up()), ["problem ana latency"]);
    // The hook takes everything but this.
    let takes_all_but_it = |counter: &Counter| {
        let due = counter.desk.due("hook", i64::MAX, 100);
        let refused = due.iter().filter(|it| &*it.page.message.name == "latency").count();
        let attempts = due.iter().map(|it| match &*it.page.message.name {
            "latency" => (it.page.id, Counter::given_up()),
            _ => (it.page.id, Attempt::Delivered),
        });
        let attempts: Vec<_> = attempts.collect();
        counter.desk.record("hook", &attempts, Timestamp(counter.now)).unwrap();
        refused
    };
    let mut again = 0;
    for _ in 0..60 {
        for to in [State::Critical, State::Ok] {
            counter.goes("unclaimed", to);
            again += takes_all_but_it(&counter);
            goes_on(&mut counter, 20);
            again += takes_all_but_it(&counter);
        }
    }
    assert!(is_untold(&counter) && (2..=6).contains(&again), "{again} times in an hour");
}

#[test]
fn h3_the_log_is_no_way_and_a_check_tells_again_too() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[("ana", &["log"])], &["log"]);
    counter.goes("latency", State::Critical);
    assert!(is_untold(&counter));
    all.contacts.insert("ana".into(), contact(&["sms"]));
    counter.desk.set_book(all);
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem ana latency"]);
    assert!(!is_untold(&counter));
    let mut of_check = Counter::new();
    let all = with_last_resort(&of_check, &[], &["hook"]);
    of_check.goes("web/disk", State::Critical);
    let notice = Notice {
        id: id("web/disk"),
        at: Timestamp(of_check.now),
        kind: NoticeKind::Problem,
        state: State::Critical,
        contact: "ana".into(),
        number: 1,
        text: "full".into(),
        author: "".into(),
        comment: "".into(),
    };
    of_check.desk.take(&[], &[(notice, false)], Timestamp(of_check.now)).unwrap();
    assert_eq!(of_check.try_all("hook", &Counter::given_up()).len(), 1);
    assert!(is_untold(&of_check));
    restart(&mut of_check, &all);
    goes_on(&mut of_check, 1);
    assert_eq!(of_check.try_all("hook", &Attempt::Delivered), ["still ana web/disk"]);
    goes_on(&mut of_check, 1);
    assert!(!is_untold(&of_check));
    assert_eq!(of_check.try_all("hook", &Attempt::Delivered), [""; 0]);
}

/// Step 1 ana, step 2 ben; nobody is told by default.
fn by_policy(ana: &[&str]) -> Counter {
    let counter = Counter::new();
    let mut all = with_last_resort(&counter, &[], ana);
    all.contacts.insert("ben".into(), contact(&["sms"]));
    all.policies.push((policy(&[step(&["ana"], "30min"), step(&["ben"], "30min")]), String::new()));
    let name = all.policies[0].0.name.as_str().into();
    let paged = Subject { escalation_policy: Some(name), ..subject(Kind::Monitor, None, &[]) };
    all.subjects.insert((false, "latency".into()), paged);
    counter.desk.set_book(all);
    counter
}

#[test]
fn h4_a_step_of_which_nothing_arrives_does_not_wait() {
    let mut counter = by_policy(&["mail", "hook"]);
    counter.goes("latency", State::Critical);
    counter.try_all("mail", &unreached());
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), [""; 0], "the hook may still tell her");
    counter.try_all("hook", &unreached());
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem ben latency"]);
    assert!(timeline(&counter).contains("so it reaches nobody: the next step runs at once"));
    let mut reached = by_policy(&["mail", "hook"]);
    reached.goes("latency", State::Critical);
    reached.try_all("mail", &Attempt::Delivered);
    reached.try_all("hook", &unreached());
    goes_on(&mut reached, 60);
    assert_eq!(reached.try_all("sms", &Attempt::Delivered), [""; 0], "she has it");
}

#[test]
fn h5_who_is_not_reached_gets_nothing_into_their_hands() {
    let mut counter = Counter::new();
    let all = with_last_resort(&counter, &[("ben", &["sms"])], &["hook"]);
    counter.goes("latency", State::Critical);
    try_for(&counter, "hook", "ana", &unreached());
    counter.try_all("sms", &Attempt::Delivered);
    let refused = act(&counter, &hand_over("ana"));
    assert!(
        matches!(&refused, Err(Failed::Refused(Refusal::Bad(why))) if why.contains("`ana`")),
        "{refused:?}"
    );
    assert_eq!(phase(&counter), (Phase::Open, None));
    let mut of_nothing = all.clone();
    of_nothing.needs.insert("mail".into(), vec!["email"]);
    of_nothing.contacts.insert("cyd".into(), contact(&["mail", "log"]));
    counter.desk.set_book(of_nothing.clone());
    assert!(act(&counter, &hand_over("cyd")).is_err(), "no address");
    let known = Contact { email: Some("cyd@example.org".into()), ..contact(&["mail", "log"]) };
    of_nothing.contacts.insert("cyd".into(), known);
    counter.desk.set_book(of_nothing);
    act(&counter, &hand_over("cyd")).unwrap();
    assert_eq!(phase(&counter), (Phase::Acknowledged, Some("cyd".into())));
    // It turns out only now that she is not reached, and Ben stands in.
    counter.try_all("mail", &unreached());
    assert_eq!(phase(&counter).0, Phase::Acknowledged);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["handed_over ben latency"]);
    goes_on(&mut counter, 60);
    assert_eq!(phase(&counter).0, Phase::Acknowledged);
}

#[test]
fn h5_what_was_handed_over_in_vain_is_nobodys_and_the_policy_goes_on() {
    let mut counter = by_policy(&["mail"]);
    counter.goes("latency", State::Critical);
    act(&counter, &Deed::Acknowledge { comment: String::new() }).unwrap();
    counter.try_all("mail", &Attempt::Delivered);
    act(&counter, &hand_over("ana")).unwrap();
    assert_eq!(counter.try_all("mail", &unreached()), ["handed_over ana latency"]);
    assert_eq!(phase(&counter), (Phase::Open, None));
    assert!(timeline(&counter).contains("unacknowledged ana is not reached"), "{}", timeline(&counter));
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("mail", &unreached()), ["still ana latency"]);
    goes_on(&mut counter, 1);
    assert_eq!(counter.try_all("sms", &Attempt::Delivered), ["problem ben latency"]);
}

#[test]
fn h6_a_snooze_of_what_somebody_has_ends_with_a_word_to_them() {
    let mut story = Story::new();
    story.goes("latency", State::Critical);
    let snooze = |story: &mut Story| {
        let until = Timestamp(story.now + 6);
        story.act(1, Deed::Snooze { until, comment: String::new() }).unwrap();
    };
    story.incidents.act(1, "ana", &Deed::Acknowledge { comment: String::new() }, Timestamp(1_010)).unwrap();
    snooze(&mut story);
    assert_eq!(story.tick(5), NOBODY);
    assert_eq!(story.tick(1), ["still ana by mail"]);
    assert_eq!(story.incidents.live[&1].detail.snoozed_until, None);
    assert_eq!(story.incidents.live[&1].phase, Phase::Acknowledged);
    assert_eq!(story.tick(60), NOBODY);
    // Of what is silenced nobody hears.
    snooze(&mut story);
    story.sky.withheld.borrow_mut().insert(key("latency"), Withheld::Silence);
    assert_eq!(story.tick(10), NOBODY);
    story.sky.withheld.borrow_mut().clear();
    // Whoever has it is no contact: those hear of it who know.
    story.act(1, Deed::Take { comment: String::new() }).unwrap();
    snooze(&mut story);
    let told = story.tick(10);
    assert!(told.contains(&"still ops by hook".to_owned()), "{told:?}");
}

#[test]
fn m1_whose_channels_have_no_address_are_named_and_m2_so_is_who_has_no_other_way() {
    let mut counter = Counter::new();
    let mut all = with_last_resort(&counter, &[("ana", &["mail", "sms"])], &["mail", "sms"]);
    all.needs = [("mail".into(), vec!["email"]), ("sms".into(), vec!["sms", "phone"])].into();
    counter.desk.set_book(all.clone());
    let known = counter.desk.rooms_only();
    assert!(known.contacts.contains(&"ana".into()) && !known.last_resort);
    let ways = [("phone".to_owned(), "+4930123456".to_owned())].into();
    all.contacts.insert("ana".into(), Contact { ways, ..contact(&["mail", "sms"]) });
    counter.desk.set_book(all);
    assert!(counter.desk.rooms_only().last_resort);
    counter.goes("latency", State::Critical);
    counter.try_all("mail", &unreached());
    assert!(counter.desk.standing().cut_off.is_empty(), "a text may still tell her");
    counter.try_all("sms", &unreached());
    assert_eq!(counter.desk.standing().cut_off, ["ana".into()].into());
    let now = Timestamp(counter.now);
    let rehearsed = counter.desk.rehearse(&key("latency"), State::Critical, now, &[], now).unwrap();
    let said = rehearsed.moments[0].said.join("\n");
    assert!(
        said.contains("ana is not reached by mail: ") && said.contains("ana is not reached by sms: "),
        "{said}"
    );
}

#[test]
fn m1_who_is_to_be_called_and_is_not_reached_is_a_warning() {
    let mut counter = by_policy(&["log"]);
    goes_on(&mut counter, 1);
    let warnings = counter.desk.inner.lock().incidents.roster().warnings.clone();
    let named = |name: &str| warnings.iter().any(|one| one.starts_with(&format!("`{name}` is to be called")));
    assert!(named("ana") && !named("ben"), "{warnings:?}");
}
