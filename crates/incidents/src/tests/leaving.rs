//! What was in the hands of whoever is removed.

use super::delivery::Counter;
use super::policies::{policy, step};
use super::*;
use crate::desk::Attempt;

const FIRST: i64 = 1;

fn acknowledged(counter: &Counter) {
    let deed = Deed::Acknowledge { comment: String::new() };
    counter.desk.act(FIRST, "ana", &deed, Timestamp(counter.now)).unwrap();
    assert_eq!(counter.desk.in_hands_of("ana").len(), 1);
}

/// She is no contact any more, and what was hers is given back.
fn leaves(counter: &mut Counter, mut book: Book) -> Vec<Key> {
    book.contacts.remove("ana");
    counter.desk.set_book(book);
    counter.now += 10;
    let bad = counter.desk.give_back_all_of("ana", "root", Timestamp(counter.now)).unwrap();
    counter.desk.tick(&counter.sky, Timestamp(counter.now)).unwrap();
    assert!(counter.desk.in_hands_of("ana").is_empty());
    bad
}

#[test]
fn what_a_leaver_had_is_told_anew_to_whom_it_may_concern() {
    let mut counter = Counter::new();
    counter.goes("latency", State::Critical);
    counter.try_all("hook", &Attempt::Delivered);
    acknowledged(&counter);
    assert!(counter.desk.in_hands_of("ben").is_empty());
    assert_eq!(leaves(&mut counter, book()), [key("latency")]);
    let whole = counter.desk.one(FIRST).unwrap().unwrap();
    assert_eq!((whole.incident.phase, whole.incident.owner()), (Phase::Open, None));
    let last = whole.timeline.iter().find(|entry| entry.kind == "unacknowledged").unwrap();
    assert_eq!(
        (&*last.who, &*last.text),
        ("root", "ana, who had it, is removed: it is nobody's again"),
        "{:?}",
        whole.timeline
    );
    assert_eq!(counter.try_all("hook", &Attempt::Delivered), ["still ops latency"]);
    // It may be given back once only, and what is over is nobody's.
    assert!(leaves(&mut counter, book()).is_empty());
    assert_eq!(counter.try_all("hook", &Attempt::Delivered), [""; 0]);
}

#[test]
fn a_policy_begins_again_without_the_leaver() {
    let mut counter = Counter::new();
    let mut all = book();
    all.policies.push((policy(&[step(&["ana"], "5min"), step(&["ops"], "5min")]), "a:1".into()));
    let latency = all.subjects.get_mut(&(false, "latency".into())).unwrap();
    (latency.contacts, latency.escalation_policy) = (Vec::new(), Some("p".into()));
    counter.desk.set_book(all.clone());
    counter.goes("latency", State::Critical);
    assert_eq!(counter.try_all("mail", &Attempt::Delivered), ["problem ana latency"]);
    acknowledged(&counter);
    leaves(&mut counter, all);
    assert_eq!(
        counter.try_all("hook", &Attempt::Delivered),
        ["problem ops latency"],
        "without a wait for nobody"
    );
}

#[test]
fn contacts_of_a_check_whose_rules_have_said_all_are_told_too() {
    let mut counter = Counter::new();
    counter.goes("web/http", State::Critical);
    acknowledged(&counter);
    leaves(&mut counter, book());
    assert_eq!(counter.try_all("hook", &Attempt::Delivered), ["still ops web/http"]);
    // Where nobody of them is left, those are told who are told of what names nobody.
    let mut alone = Counter::new();
    alone.goes("web/disk", State::Critical);
    acknowledged(&alone);
    leaves(&mut alone, book());
    assert_eq!(alone.try_all("hook", &Attempt::Delivered), ["still default web/disk"]);
}
