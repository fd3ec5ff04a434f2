use state_store::StateStore;
use vocabulary::Timestamp;

use super::*;

fn state() -> (tempfile::TempDir, StateStore) {
    let directory = tempfile::tempdir().unwrap();
    let state = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
    (directory, state)
}

#[test]
fn a_person_signs_in_with_the_right_password_only() {
    let (_directory, state) = state();
    let now = Timestamp(1_000);
    set_person(&state, "ana", "correct horse", Role::Admin, now).unwrap();
    assert_eq!(check_password(&state, "ana", "correct horse").unwrap(), Some(Role::Admin));
    assert_eq!(check_password(&state, "ana", "wrong horse").unwrap(), None);
    assert_eq!(check_password(&state, "ben", "correct horse").unwrap(), None);
    assert!(set_person(&state, "ana", "short", Role::Admin, now).is_err());
}

#[test]
fn a_session_ends_in_time_and_with_a_new_password() {
    let (_directory, state) = state();
    let now = Timestamp(1_000);
    set_person(&state, "ana", "correct horse", Role::Editor, now).unwrap();
    let secret = open_session(&state, "ana", now).unwrap();
    let role = |at: Timestamp| session(&state, &secret, at).unwrap().map(|caller| caller.role);
    assert_eq!(role(now.plus(SESSION_SECONDS)), Some(Role::Editor));
    assert_eq!(role(now.plus(SESSION_SECONDS + 1)), None);
    set_person(&state, "ana", "another horse", Role::Editor, now).unwrap();
    assert_eq!(role(now), None);
}

#[test]
fn a_token_carries_its_role_and_scope_until_it_is_removed() {
    let (_directory, state) = state();
    let now = Timestamp(1_000);
    let (id, secret) = create_token(&state, "grafana", Role::Viewer, &["team.a.".into()], now).unwrap();
    let caller = token(&state, &secret, now).unwrap().unwrap();
    assert_eq!(
        (caller.role, caller.scope.sees("team.a.x"), caller.scope.sees("b")),
        (Role::Viewer, true, false)
    );
    assert!(token(&state, "bw_00", now).unwrap().is_none());
    assert!(create_token(&state, "grafana", Role::Viewer, &[], now).is_err());
    assert_eq!(tokens(&state).unwrap()[0].last_used, Some(1_000));
    assert!(remove_token(&state, id).unwrap() && !remove_token(&state, id).unwrap());
    assert!(token(&state, &secret, now).unwrap().is_none());
}
