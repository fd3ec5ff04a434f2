use super::*;
use crate::limits::{
    CODE_PAUSE_SECONDS, CODE_SECONDS, CODE_TRIES, CODES_AN_HOUR, CODES_AN_HOUR_TO_A_PHONE,
    PHONE_CODES_AN_HOUR,
};
use crate::{MIGRATIONS, Role, remove_person, set_person};

const NOW: Timestamp = Timestamp(1_700_000_000);

fn state() -> (tempfile::TempDir, StateStore) {
    let directory = tempfile::tempdir().unwrap();
    let state = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
    set_person(&state, "ana", "correct horse", Role::Responder, NOW).unwrap();
    (directory, state)
}

fn wanted(id: Option<i64>, kind: &str, address: Option<&str>) -> WantedWay {
    let address = address.map(str::to_owned);
    WantedWay { id, kind: kind.into(), address, label: String::new(), channel: None }
}

fn only(state: &StateStore) -> Way {
    let mut all = ways(state, "ana").unwrap();
    assert_eq!(all.len(), 1);
    all.remove(0)
}

#[test]
fn a_way_counts_once_its_code_has_come_back() {
    let (_directory, state) = state();
    set_ways(&state, "ana", &[wanted(None, "ntfy", Some("t1"))], NOW).unwrap();
    let way = only(&state);
    assert!(way.confirmed.is_none() && confirmed_ways(&state).unwrap().is_empty());
    assert_eq!(confirm_way(&state, "ana", way.id, "000000", NOW).unwrap(), Typed::NoCode);
    let (_, code) = new_code(&state, "ana", way.id, NOW).unwrap().unwrap();
    assert!(code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()), "{code}");
    assert!(new_code(&state, "ben", way.id, NOW).unwrap().is_none(), "not his");
    assert_eq!(confirm_way(&state, "ben", way.id, &code, NOW).unwrap(), Typed::Unknown);
    assert_eq!(confirm_way(&state, "ana", way.id, "x", NOW).unwrap(), Typed::Wrong { left: CODE_TRIES - 1 });
    let late = NOW.plus(CODE_SECONDS + 1);
    assert_eq!(confirm_way(&state, "ana", way.id, &code, late).unwrap(), Typed::NoCode);
    let typed = format!(" {code}\n");
    assert_eq!(confirm_way(&state, "ana", way.id, &typed, NOW.plus(CODE_SECONDS)).unwrap(), Typed::Right);
    assert_eq!(confirm_way(&state, "ana", way.id, &code, NOW).unwrap(), Typed::NoCode, "only once");
    assert_eq!(confirmed_ways(&state).unwrap()[0].id, way.id);
}

#[test]
fn a_code_is_not_guessed() {
    let (_directory, state) = state();
    set_ways(&state, "ana", &[wanted(None, "ntfy", Some("t1"))], NOW).unwrap();
    let way = only(&state);
    let (_, code) = new_code(&state, "ana", way.id, NOW).unwrap().unwrap();
    for left in (0..CODE_TRIES).rev() {
        assert_eq!(confirm_way(&state, "ana", way.id, "nonsense", NOW).unwrap(), Typed::Wrong { left });
    }
    assert_eq!(confirm_way(&state, "ana", way.id, &code, NOW).unwrap(), Typed::NoCode);
    for sent in 0..CODES_AN_HOUR {
        let at = NOW.plus(sent * CODE_PAUSE_SECONDS);
        may_send(&state, &way, at).unwrap();
        assert!(may_send(&state, &way, at.plus(CODE_PAUSE_SECONDS - 1)).is_err(), "too soon");
    }
    let full = NOW.plus(CODES_AN_HOUR * CODE_PAUSE_SECONDS);
    assert!(may_send(&state, &way, full).is_err() && may_send(&state, &way, NOW.plus(3_600)).is_ok());
}

#[test]
fn what_leads_elsewhere_is_confirmed_again() {
    let (_directory, state) = state();
    set_ways(&state, "ana", &[wanted(None, "ntfy", Some("t1"))], NOW).unwrap();
    let way = only(&state);
    let confirmed = |state: &StateStore| {
        let (_, code) = new_code(state, "ana", way.id, NOW).unwrap().unwrap();
        assert_eq!(confirm_way(state, "ana", way.id, &code, NOW).unwrap(), Typed::Right);
    };
    confirmed(&state);
    note_test(&state, &way, "", NOW).unwrap();
    set_ways(&state, "ana", &[wanted(Some(way.id), "ntfy", None)], NOW.plus(1)).unwrap();
    assert!(only(&state).confirmed.is_some() && only(&state).tested.is_some(), "nothing has changed");
    set_ways(&state, "ana", &[wanted(Some(way.id), "ntfy", Some("t2"))], NOW.plus(2)).unwrap();
    assert!(only(&state).confirmed.is_none() && only(&state).tested.is_none());
    confirmed(&state);
    assert!(!lose_way(&state, "ana", "ntfy", "t1", NOW).unwrap());
    assert!(lose_way(&state, "ana", "ntfy", "t2", NOW).unwrap() && only(&state).gone.is_some());
    assert!(new_code(&state, "ana", way.id, NOW).unwrap().is_none(), "there is nobody to send one to");
    set_ways(&state, "ana", &[], NOW).unwrap();
    assert!(ways(&state, "ana").unwrap().is_empty());
}

#[test]
fn mistakes_are_told_at_their_place() {
    let (_directory, state) = state();
    let check = |wanted: &[WantedWay], expected: &str| {
        let why = set_ways(&state, "ana", wanted, NOW).unwrap_err().to_string();
        assert!(why.contains(expected), "{why}");
    };
    check(&[wanted(None, "ntfy", None)], "ways.0.address: this is missing");
    check(&[wanted(Some(7), "ntfy", Some("t"))], "there is no way 7");
    check(&[wanted(Some(7), "ntfy", Some("t")), wanted(Some(7), "ntfy", Some("t"))], "ways.1.id");
    check(&vec![wanted(None, "ntfy", Some("t")); MAX_WAYS + 1], "at most");
    set_ways(&state, "ana", &[wanted(None, "ntfy", Some("t"))], NOW).unwrap();
    assert!(remove_person(&state, "ana").unwrap() && ways(&state, "ana").unwrap().is_empty());
}

fn phone_of(state: &StateStore, person: &str, kind: &str, number: &str) -> Way {
    set_person(state, person, "correct horse", Role::Responder, NOW).unwrap();
    set_ways(state, person, &[wanted(None, kind, Some(number))], NOW).unwrap();
    ways(state, person).unwrap().remove(0)
}

#[test]
fn a_strangers_telephone_is_not_rung_by_many() {
    let (_directory, state) = state();
    for index in 0..CODES_AN_HOUR_TO_A_PHONE {
        let kind = if index % 2 == 0 { "sms" } else { "voice" };
        let number = if index % 2 == 0 { "+491701234567" } else { "+49 170 1234567" };
        may_send(&state, &phone_of(&state, &format!("p{index}"), kind, number), NOW).unwrap();
    }
    let another = phone_of(&state, "another", "sms", "+491701234567");
    let refused = may_send(&state, &another, NOW).unwrap_err();
    assert!(matches!(&refused, AccountError::TooSoon(why) if why.contains("this number")), "{refused}");
    // Taking the people out who asked does not begin it anew.
    (0..CODES_AN_HOUR_TO_A_PHONE)
        .for_each(|index| assert!(remove_person(&state, &format!("p{index}")).unwrap()));
    assert!(may_send(&state, &another, NOW.plus(3_599)).is_err());
    // Whoever has shown that it is theirs tries it, and other numbers have codes of their own.
    may_send(&state, &Way { confirmed: Some(1), ..another.clone() }, NOW).unwrap();
    may_send(&state, &phone_of(&state, "third", "sms", "+491709999999"), NOW).unwrap();
    may_send(&state, &another, NOW.plus(3_600)).unwrap();
}

#[test]
fn texts_and_calls_are_bounded_for_all_together() {
    let (_directory, state) = state();
    for index in 0..PHONE_CODES_AN_HOUR {
        let way = phone_of(&state, &format!("p{index}"), "sms", &format!("+49170{index}"));
        may_send(&state, &way, NOW).unwrap();
    }
    let last = phone_of(&state, "last", "voice", "+4930");
    assert!(may_send(&state, &last, NOW).unwrap_err().to_string().contains("all people together"));
    set_ways(&state, "last", &[wanted(None, "ntfy", Some("t"))], NOW).unwrap();
    may_send(&state, &ways(&state, "last").unwrap()[0], NOW).unwrap();
}
