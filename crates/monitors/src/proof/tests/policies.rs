//! Whom policies would have called.

use super::*;

#[test]
fn a_policy_lets_the_others_sleep() {
    let mut estate = Estate::new(4);
    estate.events.clear();
    let everybody = estate.prove();
    // By turns of a day, cyd first; of one rule alone.
    estate.called = &|bad| {
        let on_call = if (bad.at - BEGIN) / DAY % 2 == 0 { "cyd" } else { "dee" };
        (!bad.host && bad.name == "spikes").then(|| vec![(bad.at, on_call.to_owned())].into())
    };
    let by_turns = estate.prove();
    assert_eq!(by_turns.would.pages, everybody.would.pages);
    let of = |proof: &Proof, name: &str| proof.would.contacts.get(name).cloned().unwrap_or_default();
    let (ben, cyd, dee) = (of(&by_turns, "ben"), of(&by_turns, "cyd"), of(&by_turns, "dee"));
    assert!(cyd.pages > 20 && dee.pages > 20, "{:?}", by_turns.would.contacts);
    assert_eq!(ben.pages + cyd.pages + dee.pages, of(&everybody, "ben").pages);
    assert!((10..=11).contains(&by_turns.nights), "{}", by_turns.nights);
    let slept = &by_turns.slept["cyd"];
    assert_eq!((slept.sent, slept.would), (by_turns.nights, by_turns.nights - cyd.nights_woken));
    assert!(
        cyd.nights_woken < of(&everybody, "ben").nights_woken && slept.proposed > slept.would,
        "{slept:?}"
    );
}

#[test]
fn a_policy_calls_people_for_checks_too() {
    let mut estate = Estate::new(5);
    let by_contacts = estate.prove();
    estate.called = &|bad| (bad.name == "web/db").then(|| vec![(bad.at, "dee".to_owned())].into());
    let both = estate.prove();
    let pages = |proof: &Proof, name: &str| proof.would.contacts.get(name).map_or(0, |of| of.pages);
    assert_eq!(pages(&both, "ana"), pages(&by_contacts, "ana"), "its own contacts are told as before");
    assert!((DAYS as u64..=3 * DAYS as u64).contains(&pages(&both, "dee")), "{}", pages(&both, "dee"));
}

#[test]
fn later_steps_of_a_policy_are_pages_too() {
    let mut estate = Estate::new(6);
    estate.events.clear();
    let at_once = estate.prove();
    // Whose turn it is goes round; the other one is called after ten minutes, unless it is over by then.
    estate.called = &|bad| {
        let (first, second) = if bad.before % 2 == 0 { ("cyd", "dee") } else { ("dee", "cyd") };
        let later = bad.at + 10 * MINUTE;
        let all = [(bad.at, first), (later, second)].into_iter().filter(|(at, _)| *at <= bad.over);
        (bad.name == "errors").then(|| all.map(|(at, name)| (at, name.to_owned())).collect::<Vec<_>>().into())
    };
    let in_steps = estate.prove();
    let of = |proof: &Proof, name: &str| proof.would.contacts.get(name).map_or(0, |of| of.pages);
    let (before, cyd, dee) = (of(&at_once, "ana"), of(&in_steps, "cyd"), of(&in_steps, "dee"));
    assert!(cyd.abs_diff(dee) <= 4, "by turns: {cyd} and {dee}");
    // The three outages last for longer than ten minutes, what else fires ends before.
    assert_eq!(cyd + dee, before - of(&in_steps, "ana") + 3);
}

/// Of one who is called without end some calls are looked at, and the report says so.
#[test]
fn what_is_more_than_is_looked_at_is_said() {
    let mut estate = Estate::new(10);
    estate.called = &|bad| {
        let made = vec![(bad.at, "dee".to_owned())];
        Some(Calls { made, goes_on: bad.name != "tight" })
    };
    let proof = estate.prove();
    let said = |rule: &str| proof.doubts.iter().filter(|of| of.rule == rule && of.doubt.cannot_tell).count();
    assert_eq!((said("monitor:spikes"), said("check:web/db"), said("monitor:tight")), (1, 1, 0));
}
