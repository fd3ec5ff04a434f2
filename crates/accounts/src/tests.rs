use state_store::StateStore;
use vocabulary::Timestamp;

use super::*;
use crate::sessions::open_session;

fn state() -> (tempfile::TempDir, StateStore) {
    let directory = tempfile::tempdir().unwrap();
    let state = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
    (directory, state)
}

/// Whoever shows that.
fn role_by(state: &StateStore, name: &str, password: &str) -> Option<Role> {
    check_password(state, name, password).unwrap().map(|shown| shown.role)
}

#[test]
fn a_person_signs_in_with_the_right_password_only() {
    let (_directory, state) = state();
    let now = Timestamp(1_000);
    set_person(&state, "ana", "correct horse", Role::Admin, now).unwrap();
    assert_eq!(role_by(&state, "ana", "correct horse"), Some(Role::Admin));
    assert_eq!(role_by(&state, "ana", "wrong horse"), None);
    assert_eq!(role_by(&state, "ben", "correct horse"), None);
    assert!(set_person(&state, "ana", "short", Role::Admin, now).is_err());
}

#[test]
fn another_password_leaves_the_role_that_somebody_has_by_then() {
    let (_directory, state) = state();
    let now = Timestamp(1_000);
    set_person(&state, "ana", "correct horse", Role::Admin, now).unwrap();
    let secret = open_session(&state, "ana", SESSION_SECONDS, now).unwrap();
    set_role(&state, "ana", Role::Viewer).unwrap();
    assert!(replace_password(&state, "ana", "another horse", None, now).unwrap());
    assert_eq!(role_by(&state, "ana", "another horse"), Some(Role::Viewer));
    assert!(session(&state, &secret, &[], &[], None, now).unwrap().is_none());
    assert!(replace_password(&state, "ana", "correct horse", Some(Role::Editor), now).unwrap());
    assert_eq!(role_by(&state, "ana", "correct horse"), Some(Role::Editor));
    assert!(!replace_password(&state, "ben", "correct horse", Some(Role::Editor), now).unwrap());
    assert_eq!(person(&state, "ben").unwrap(), None);
}

#[test]
fn a_session_ends_in_time_and_with_a_new_password() {
    let (_directory, state) = state();
    let now = Timestamp(1_000);
    set_person(&state, "ana", "correct horse", Role::Editor, now).unwrap();
    let secret = open_session(&state, "ana", SESSION_SECONDS, now).unwrap();
    let role =
        |at: Timestamp| session(&state, &secret, &[], &[], None, at).unwrap().map(|caller| caller.role);
    assert_eq!(role(now.plus(SESSION_SECONDS)), Some(Role::Editor));
    assert_eq!(role(now.plus(SESSION_SECONDS + 1)), None);
    set_person(&state, "ana", "another horse", Role::Editor, now).unwrap();
    assert_eq!(role(now), None);
}

fn new_token(name: &str, role: Role, prefixes: &[&str]) -> NewToken {
    let prefixes = prefixes.iter().map(|prefix| (*prefix).to_owned()).collect();
    NewToken { name: name.into(), role, prefixes, owner: None, expires: None }
}

#[test]
fn a_token_ends_with_its_time_and_with_its_owner() {
    let (_directory, state) = state();
    let now = Timestamp(1_000);
    let holds = |secret: &str, at: Timestamp| token(&state, secret, at).unwrap().is_some();
    let short = NewToken { expires: Some(1_100), ..new_token("short", Role::Viewer, &[]) };
    let (_, secret) = create_token(&state, &short, now).unwrap();
    assert!(holds(&secret, Timestamp(1_099)) && !holds(&secret, Timestamp(1_100)));
    assert!(
        create_token(&state, &NewToken { name: "past".into(), expires: Some(1_000), ..short }, now).is_err()
    );
    set_person(&state, "ana", "correct horse", Role::Admin, now).unwrap();
    let of_ana = |name: &str| NewToken { owner: Some("ana".into()), ..new_token(name, Role::Viewer, &[]) };
    let (_, secret) = create_token(&state, &of_ana("a"), now).unwrap();
    assert!(holds(&secret, now));
    set_role(&state, "ana", Role::Editor).unwrap();
    assert!(!holds(&secret, now), "only administrators have tokens");
    set_role(&state, "ana", Role::Admin).unwrap();
    assert!(holds(&secret, now));
    remove_person(&state, "ana").unwrap();
    set_person(&state, "ana", "correct horse", Role::Admin, now).unwrap();
    assert!(!holds(&secret, now), "another of the same name does not come into it");
    assert_eq!(tokens(&state).unwrap().len(), 1);
}

#[test]
fn a_token_carries_its_role_and_scope_until_it_is_removed() {
    let (_directory, state) = state();
    let now = Timestamp(1_000);
    let (id, secret) = create_token(&state, &new_token("grafana", Role::Viewer, &["team.a."]), now).unwrap();
    let caller = token(&state, &secret, now).unwrap().unwrap();
    assert_eq!(
        (caller.role, caller.scope.sees("team.a.x"), caller.scope.sees("b")),
        (Role::Viewer, true, false)
    );
    assert!(token(&state, "bw_00", now).unwrap().is_none());
    assert!(create_token(&state, &new_token("grafana", Role::Viewer, &[]), now).is_err());
    for wrong in ["", "*", "\r", "a.\nb."] {
        let made = create_token(&state, &new_token("wide", Role::Viewer, &[wrong, "shop."]), now);
        assert!(made.is_err(), "{wrong:?} is no prefix");
    }
    assert_eq!(tokens(&state).unwrap()[0].last_used, Some(1_000));
    assert!(remove_token(&state, id).unwrap() && !remove_token(&state, id).unwrap());
    assert!(token(&state, &secret, now).unwrap().is_none());
}

fn team(name: &str, members: &[&str], prefixes: &[&str]) -> TeamConfig {
    let list = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    TeamConfig {
        name: name.into(),
        members: list(members),
        prefixes: list(prefixes),
        ..TeamConfig::default()
    }
}

#[test]
fn a_person_sees_what_their_teams_own() {
    let (_directory, state) = state();
    let files = [team("shop", &["ana"], &["shop."]), team("all", &["ana", "ben"], &[])];
    set_team(&state, &files, &team("mail", &["ana", "cho"], &["mail."])).unwrap();
    let check = |person: &str, role: Role, expected: &[&str]| {
        let scope = scope_of(&state, &files, person, role).unwrap();
        assert_eq!(scope.as_prefixes(), expected, "{person} {role:?}");
    };
    check("ana", Role::Editor, &["mail.", "shop."]);
    check("ana", Role::Admin, &[]);
    check("ben", Role::Viewer, &[]);
    check("cho", Role::Responder, &["mail."]);
    check("dee", Role::Viewer, &[]);
    // Whoever is limited sees the errors of their projects, by the names of their series.
    let with_projects = |team: TeamConfig| TeamConfig { projects: vec!["web".into()], ..team };
    let files =
        [with_projects(team("shop", &["ana"], &["shop."])), with_projects(team("errors", &["ben"], &[]))];
    let seen = |person: &str| scope_of(&state, &files, person, Role::Viewer).unwrap();
    assert_eq!(seen("ana").as_prefixes(), ["errors.web.", "mail.", "shop."]);
    assert!(seen("ben").is_everything());
    let now = Timestamp(1_000);
    set_person(&state, "cho", "correct horse", Role::Viewer, now).unwrap();
    let secret = open_session(&state, "cho", SESSION_SECONDS, now).unwrap();
    let sees = || session(&state, &secret, &files, &[], None, now).unwrap().unwrap().scope.sees("shop.x");
    assert!(!sees());
    let told = |contact: &str| scope_of_contact(&state, &files, contact).unwrap();
    assert_eq!(told("cho").as_prefixes(), ["mail."]);
    assert!(told("of-the-files").is_everything());
    assert!(remove_team(&state, &files, "mail").unwrap());
    assert!(sees(), "teams are those of now, not of the sign-in");
}

#[test]
fn what_is_wrong_with_a_team_is_told() {
    let (_directory, state) = state();
    let files = [team("shop", &[], &[])];
    let refused = |team: TeamConfig| set_team(&state, &files, &team).unwrap_err().to_string();
    assert!(refused(team("shop", &[], &[])).contains("change it there"));
    assert!(refused(team("", &[], &[])).starts_with("name: "));
    assert!(refused(team("a", &[], &[""])).starts_with("prefixes: "));
    assert!(refused(team("a", &["b\nc"], &[])).starts_with("members: "));
    assert!(remove_team(&state, &files, "shop").is_err());
    assert!(!remove_team(&state, &files, "other").unwrap());
    let twice = problems(&[team("a", &[], &[]), team("a", &[], &[])]);
    assert_eq!(twice[0].0, "team.1.name");
}

#[test]
fn another_role_ends_sessions_and_the_same_does_not() {
    let (_directory, state) = state();
    let now = Timestamp(1_000);
    set_person(&state, "ana", "correct horse", Role::Editor, now).unwrap();
    let secret = open_session(&state, "ana", SESSION_SECONDS, now).unwrap();
    let signed_in = || session(&state, &secret, &[], &[], None, now).unwrap().is_some();
    assert!(set_role(&state, "ana", Role::Editor).unwrap() && signed_in());
    assert!(set_role(&state, "ana", Role::Viewer).unwrap() && !signed_in());
    assert!(!set_role(&state, "ben", Role::Viewer).unwrap());
}

#[test]
fn nobody_new_is_called_as_another_reads() {
    let (_directory, state) = state();
    let now = Timestamp(1_000);
    set_person(&state, "ana", "correct horse", Role::Editor, now).unwrap();
    for near in [
        "ana ",
        " ana",
        "an\u{200b}a",
        "\u{202e}ana",
        "ana\u{ad}",
        "\u{feff}ana",
        "an\u{34f}a",
        "ana\u{2800}",
        "ana\u{fe0f}",
        "ana\u{e0100}",
    ] {
        let vouched = vouched("2", near, Some(Role::Viewer));
        assert!(arrive(&state, &vouched, now).is_err(), "{near:?}");
        assert!(make_person(&state, near, "correct horse", Role::Viewer, now).is_err(), "{near:?}");
    }
    for fine in ["Ana", "ana b", "\u{e4}na", "\u{5b89}\u{5a1c}"] {
        assert!(arrive(&state, &vouched(fine, fine, Some(Role::Viewer)), now).is_ok(), "{fine}");
    }
}

#[test]
fn of_two_who_are_made_at_once_under_one_name_one_is() {
    let (_directory, state) = state();
    let make = |password: &str| make_person(&state, "ana", password, Role::Editor, Timestamp(1_000)).unwrap();
    let made = std::thread::scope(|scope| {
        let other = scope.spawn(|| make("correct horse"));
        [make("another horse"), other.join().unwrap()]
    });
    assert_eq!(made.iter().filter(|made| **made).count(), 1);
    let holds = ["another horse", "correct horse"].map(|password| role_by(&state, "ana", password).is_some());
    assert_eq!(holds, made, "who was second changed nothing");
    assert!(make_person(&state, "ben", "short", Role::Editor, Timestamp(1_000)).is_err());
}

#[test]
fn a_new_password_of_ones_own_ends_the_other_sessions() {
    let (_directory, state) = state();
    let now = Timestamp(1_000);
    set_person(&state, "ana", "correct horse", Role::Editor, now).unwrap();
    let (here, there) = (
        open_session(&state, "ana", SESSION_SECONDS, now).unwrap(),
        open_session(&state, "ana", SESSION_SECONDS, now).unwrap(),
    );
    let shown = check_password(&state, "ana", "correct horse").unwrap().unwrap();
    assert!(change_password(&state, &shown, "short", Some(&here)).is_err());
    assert!(change_password(&state, &shown, "another horse", Some(&here)).unwrap());
    let signed_in = |secret: &str| session(&state, secret, &[], &[], None, now).unwrap().is_some();
    assert_eq!((signed_in(&here), signed_in(&there)), (true, false));
    assert_eq!(role_by(&state, "ana", "another horse"), Some(Role::Editor));
}

#[test]
fn a_password_that_is_changed_while_it_is_looked_at_opens_nothing() {
    let (_directory, state) = state();
    let now = Timestamp(1_000);
    set_person(&state, "ana", "correct horse", Role::Admin, now).unwrap();
    let open = |shown: &Shown| open_session_by(&state, shown, SESSION_SECONDS, now).unwrap();
    let shown = check_password(&state, "ana", "correct horse").unwrap().unwrap();
    let secret = open(&shown).unwrap();
    assert!(session(&state, &secret, &[], &[], None, now).unwrap().is_some());
    set_person(&state, "ana", "another horse", Role::Admin, now).unwrap();
    assert!(open(&shown).is_none() && !change_password(&state, &shown, "a third horse", None).unwrap());
    assert_eq!(role_by(&state, "ana", "another horse"), Some(Role::Admin));
    remove_person(&state, "ana").unwrap();
    assert!(open(&shown).is_none());
}

#[test]
fn details_are_checked_and_kept() {
    let (_directory, state) = state();
    set_person(&state, "ana", "correct horse", Role::Editor, Timestamp(5)).unwrap();
    let details = |display_name: &str, zone: Option<&str>| Details {
        display_name: display_name.into(),
        time_zone: zone.map(str::to_owned),
    };
    assert!(describe(&state, "ana", &details("Ana", Some("Europe/Nowhere"))).is_err());
    assert!(describe(&state, "ana", &details("A\na", None)).is_err());
    assert!(!describe(&state, "ben", &details("", None)).unwrap());
    assert!(describe(&state, "ana", &details("Ana B.", Some("Europe/Berlin"))).unwrap());
    let ana = person(&state, "ana").unwrap().unwrap();
    assert_eq!((ana.details, ana.created), (details("Ana B.", Some("Europe/Berlin")), 5));
}

#[test]
fn an_invitation_is_accepted_once_and_in_time() {
    let (_directory, state) = state();
    let now = Timestamp(1_000);
    let by = |owner: Option<&str>| Inviter {
        name: "ana".into(),
        owner: owner.map(str::to_owned),
        ..Inviter::default()
    };
    let ben = Invited { name: "ben".into(), role: Role::Responder, display_name: "Ben".into() };
    let (first, _) = invite(&state, &ben, &by(None), now).unwrap();
    let (secret, expires) = invite(&state, &ben, &by(None), now).unwrap();
    assert_eq!(invitations(&state, now).unwrap().len(), 1, "the newer one goes before");
    let accepted = |secret: &str, password: &str, at: i64| accept(&state, secret, password, Timestamp(at));
    assert!(accepted(&first, "correct horse", 1_000).unwrap().is_none());
    assert!(accepted(&secret, "correct horse", expires + 1).unwrap().is_none());
    assert!(accepted(&secret, "short", expires).is_err());
    assert_eq!(accepted(&secret, "correct horse", expires).unwrap().unwrap().role, Role::Responder);
    assert!(accepted(&secret, "another horse", expires).unwrap().is_none());
    assert_eq!(role_by(&state, "ben", "correct horse"), Some(Role::Responder));
    assert_eq!(person(&state, "ben").unwrap().unwrap().details.display_name, "Ben");
    assert!(invite(&state, &ben, &by(None), now).is_err(), "ben is there");
    let cho = Invited { name: "cho".into(), ..ben };
    set_person(&state, "ana", "correct horse", Role::Admin, now).unwrap();
    let (secret, _) = invite(&state, &cho, &by(Some("ana")), now).unwrap();
    set_role(&state, "ana", Role::Editor).unwrap();
    assert!(accepted(&secret, "correct horse", 1_000).unwrap().is_none(), "only administrators invite");
    assert!(invitations(&state, now).unwrap().is_empty());
    set_role(&state, "ana", Role::Admin).unwrap();
    assert_eq!(invitations(&state, now).unwrap().len(), 1);
    remove_person(&state, "ana").unwrap();
    set_person(&state, "ana", "correct horse", Role::Admin, now).unwrap();
    assert!(accepted(&secret, "correct horse", 1_000).unwrap().is_none(), "whoever invited is gone");
    let short = Inviter { until: Some(1_100), ..by(None) };
    assert_eq!(invite(&state, &cho, &short, now).unwrap().1, 1_100);
}

fn vouched<'a>(subject: &'a str, name: &'a str, role: Option<Role>) -> Vouched<'a> {
    Vouched {
        by: "https://login.example",
        subject,
        name,
        display_name: "",
        role,
        role_is_said: true,
        join_existing: false,
    }
}

#[test]
fn who_is_vouched_for_is_known_by_the_vouchers_own_mark() {
    let (_directory, state) = state();
    let now = Timestamp(1_000);
    let come = |who: &Vouched<'_>| arrive(&state, who, now).map(|here| (here.name, here.role, here.is_new));
    let first = vouched("1", "ana", Some(Role::Editor));
    assert_eq!(come(&first).unwrap(), ("ana".into(), Role::Editor, true));
    assert_eq!(come(&first).unwrap(), ("ana".into(), Role::Editor, false));
    // Called otherwise now, and still the same; another who is called so is another.
    assert_eq!(come(&Vouched { name: "anna", ..first.clone() }).unwrap().0, "ana");
    for join_existing in [false, true] {
        let other = Vouched { join_existing, ..vouched("2", "ana", Some(Role::Admin)) };
        assert!(come(&other).unwrap_err().to_string().contains("another `ana`"));
    }
    assert_eq!(role_by(&state, "ana", ""), None);
    assert_eq!(role_by(&state, "ana", "correct horse"), None);
    // Out, and in again as somebody new.
    remove_person(&state, "ana").unwrap();
    assert!(come(&first).unwrap().2);
}

#[test]
fn a_role_that_is_said_holds_and_ends_with_its_word() {
    let (_directory, state) = state();
    let now = Timestamp(1_000);
    let come = |role| arrive(&state, &vouched("1", "ana", role), now);
    assert!(come(None).unwrap_err().to_string().contains("no role"));
    assert!(people(&state).unwrap().is_empty(), "whoever is refused is not made");
    come(Some(Role::Admin)).unwrap();
    let secret = open_session(&state, "ana", VOUCHED_SESSION_SECONDS, now).unwrap();
    let signed_in = || session(&state, &secret, &[], &[], None, now).unwrap().is_some();
    come(Some(Role::Admin)).unwrap();
    assert!(signed_in());
    assert_eq!(come(Some(Role::Viewer)).unwrap().role, Role::Viewer);
    assert!(!signed_in());
    come(Some(Role::Admin)).unwrap();
    let secret = open_session(&state, "ana", VOUCHED_SESSION_SECONDS, now).unwrap();
    let of_ana = NewToken { owner: Some("ana".into()), ..new_token("a", Role::Admin, &[]) };
    let (_, own) = create_token(&state, &of_ana, now).unwrap();
    assert!(come(None).is_err());
    assert!(session(&state, &secret, &[], &[], None, now).unwrap().is_none());
    assert!(token(&state, &own, now).unwrap().is_none());
    // Where it is not said, it is an administrator's to give.
    let unsaid = Vouched { role_is_said: false, ..vouched("1", "ana", Some(Role::Viewer)) };
    set_role(&state, "ana", Role::Editor).unwrap();
    assert_eq!(arrive(&state, &unsaid, now).unwrap().role, Role::Editor);
}

#[test]
fn somebody_who_is_here_is_joined_only_where_that_is_said() {
    let (_directory, state) = state();
    let now = Timestamp(1_000);
    set_person(&state, "ana", "correct horse", Role::Responder, now).unwrap();
    let unsaid = Vouched { role_is_said: false, ..vouched("1", "ana", Some(Role::Admin)) };
    assert!(arrive(&state, &unsaid, now).is_err());
    let joined = arrive(&state, &Vouched { join_existing: true, ..unsaid }, now).unwrap();
    assert_eq!((joined.role, joined.is_new), (Role::Responder, false));
    assert_eq!(role_by(&state, "ana", "correct horse"), Some(Role::Responder));
    assert!(arrive(&state, &vouched("3", "a\nb", Some(Role::Viewer)), now).is_err());
}

#[test]
fn of_too_many_sessions_the_oldest_ends() {
    let (_directory, state) = state();
    let now = Timestamp(1_000);
    for name in ["ana", "ben"] {
        set_person(&state, name, "correct horse", Role::Editor, now).unwrap();
    }
    let of_ben = open_session(&state, "ben", SESSION_SECONDS, now).unwrap();
    let holds = |secret: &str| session(&state, secret, &[], &[], None, now).unwrap().is_some();
    let secrets: Vec<String> = (0..=limits::MAX_SESSIONS)
        .map(|_| open_session(&state, "ana", SESSION_SECONDS, now).unwrap())
        .collect();
    assert!(!holds(&secrets[0]) && secrets[1..].iter().all(|secret| holds(secret)));
    assert!(holds(&of_ben), "others' are not counted");
    assert_eq!(close_session(&state, &of_ben).unwrap().map(|closed| closed.person).as_deref(), Some("ben"));
    assert!(!holds(&of_ben) && close_session(&state, &of_ben).unwrap().is_none());
}

#[test]
fn whom_another_way_made_is_joined_by_an_administrator_only() {
    let (_directory, state) = state();
    let now = Timestamp(1_000);
    let by_proxy = Vouched { by: "proxy", role_is_said: false, ..vouched("ana", "ana", Some(Role::Viewer)) };
    arrive(&state, &by_proxy, now).unwrap();
    // Not even where people with a password are joined: this one has none.
    let by_provider = Vouched { join_existing: true, ..vouched("1", "ana", Some(Role::Admin)) };
    let refused = arrive(&state, &by_provider, now).unwrap_err().to_string();
    assert!(refused.contains("links you"), "{refused}");
    assert!(!link(&state, "nobody", by_provider.by, now).unwrap());
    assert!(link(&state, "ana", by_provider.by, now).unwrap());
    let withdraw = || unlink(&state, "ana", by_provider.by, now).unwrap().unwrap().was_waited_for;
    assert_eq!((withdraw(), withdraw()), (true, false));
    assert!(arrive(&state, &by_provider, now).is_err(), "it was withdrawn");
    assert!(link(&state, "ana", by_provider.by, now).unwrap());
    let late = now.plus(limits::LINK_SECONDS + 1);
    assert!(arrive(&state, &by_provider, late).is_err(), "a link is for a week");
    let joined = arrive(&state, &by_provider, now).unwrap();
    assert_eq!((joined.name.as_str(), joined.role, joined.is_new), ("ana", Role::Admin, false));
    // Once, for whoever came first.
    let second = Vouched { subject: "2", ..by_provider };
    assert!(arrive(&state, &second, now).is_err());
}

#[test]
fn what_is_of_people_who_come_no_more_rests() {
    let (_directory, state) = state();
    let (now, day) = (Timestamp(1_000_000), 86_400);
    let issuer = "https://login.example";
    let come = |at| arrive(&state, &vouched("1", "ana", Some(Role::Admin)), at);
    come(now).unwrap();
    set_person(&state, "root", "correct horse", Role::Admin, now).unwrap();
    link(&state, "root", issuer, now).unwrap();
    arrive(&state, &vouched("2", "root", Some(Role::Admin)), now).unwrap();
    arrive(&state, &Vouched { by: "proxy", ..vouched("p", "pat", Some(Role::Viewer)) }, now).unwrap();
    let of_ana = NewToken { owner: Some("ana".into()), ..new_token("a", Role::Viewer, &[]) };
    let (_, secret) = create_token(&state, &of_ana, now).unwrap();
    let holds = |at| token(&state, &secret, at).unwrap().is_some();
    let resting = || -> Vec<String> {
        people(&state)
            .unwrap()
            .into_iter()
            .filter(|one| one.suspended.is_some())
            .map(|one| one.name)
            .collect()
    };
    let look = |at| suspend_unseen(&state, Some((issuer, 30 * day)), at).unwrap();
    assert!(!look(now.plus(30 * day)) && resting().is_empty());
    let by = |at| unseen_by(&state, (issuer, 30 * day), at).unwrap();
    assert_eq!((by(now.plus(30 * day)), by(now.plus(30 * day + 1))), (vec![], vec!["ana".to_owned()]));
    let late = now.plus(30 * day + 1);
    assert!(look(late) && !look(late), "it is said once");
    assert_eq!(resting(), ["ana"], "whoever has a password or comes by a proxy may still come");
    assert!(!holds(late));
    // Back, as they were.
    assert!(come(late).unwrap().is_back && !come(late).unwrap().is_back);
    assert!(resting().is_empty() && holds(late) && !look(late));
    assert!(look(late.plus(31 * day)) && resting() == ["ana"]);
    // Not by what the files say of another provider, or of none.
    let elsewhere = Some(("https://other.example", 30 * day));
    assert!(
        !suspend_unseen(&state, None, late).unwrap() && !suspend_unseen(&state, elsewhere, late).unwrap()
    );
    assert!(resting() == ["ana"] && !holds(late));
    set_person(&state, "ana", "correct horse", Role::Admin, late).unwrap();
    assert!(resting().is_empty() && holds(late), "an administrator gave a password");
}

#[test]
fn an_administrator_says_who_is_meant_and_who_rests_no_more() {
    let (_directory, state) = state();
    let (now, day) = (Timestamp(1_000_000), 86_400);
    let issuer = "https://login.example";
    let come = |subject| arrive(&state, &vouched(subject, "ana", Some(Role::Responder)), now);
    let of_ana = |at| comes_by(&state, at).unwrap().remove("ana").unwrap_or_default();
    come("1").unwrap();
    assert_eq!(unlinked(&state).unwrap(), ["ana"]);
    assert!(link(&state, "ana", issuer, now.plus(5)).unwrap());
    assert!(unlinked(&state).unwrap().is_empty());
    let known = ComesBy { voucher: issuer.into(), seen: Some(now.0), linked: Some(now.0 + 5), until: None };
    assert_eq!(of_ana(now), [known]);
    assert!(come("2").is_err(), "whoever is linked already lets nobody else in");
    // Rests, and is back by an administrator's word, for as long as by one's own.
    let late = now.plus(30 * day + 1);
    let look = |at| suspend_unseen(&state, Some((issuer, 30 * day)), at).unwrap();
    assert!(look(late));
    assert_eq!(unsuspend(&state, "ana", late).unwrap(), Some(true));
    assert_eq!(unsuspend(&state, "ana", late).unwrap(), Some(false));
    assert_eq!(unsuspend(&state, "nobody", late).unwrap(), None);
    assert!(!look(late.plus(30 * day)) && look(late.plus(30 * day + 1)));
    // Somebody else after all: out, and not in again as the same, nor anew under this name.
    let secret = open_session(&state, "ana", SESSION_SECONDS, now).unwrap();
    let end = |name| unlink(&state, name, issuer, late).unwrap().map(|unlinked| unlinked.was_known);
    assert_eq!((end("ana"), end("ana"), end("nobody")), (Some(true), Some(false), None));
    assert!(session(&state, &secret, &[], &[], None, now).unwrap().is_none() && of_ana(now).is_empty());
    assert!(come("1").unwrap_err().to_string().contains("another `ana`"));
    link(&state, "ana", issuer, now).unwrap();
    assert_eq!(of_ana(now)[0].until, Some(now.plus(limits::LINK_SECONDS).0));
    assert!(of_ana(now.plus(limits::LINK_SECONDS + 1)).is_empty());
    come("2").unwrap();
    assert!(of_ana(now)[0].linked.is_some() && unlinked(&state).unwrap().is_empty());
}

#[test]
fn of_somebody_who_was_another_nothing_lives_on() {
    let (_directory, state) = state();
    let now = Timestamp(1_000_000);
    let issuer = "https://login.example";
    let come = |subject| arrive(&state, &vouched(subject, "ana", Some(Role::Admin)), now);
    come("1").unwrap();
    let of_ana = NewToken { owner: Some("ana".into()), ..new_token("a", Role::Admin, &[]) };
    let (_, secret) = create_token(&state, &of_ana, now).unwrap();
    let by = Inviter { name: "ana".into(), owner: Some("ana".into()), ..Inviter::default() };
    let ben = Invited { name: "ben".into(), role: Role::Admin, display_name: String::new() };
    let (link_of_ben, _) = invite(&state, &ben, &by, now).unwrap();
    let holds = || token(&state, &secret, now).unwrap().is_some();
    let suspended = || person(&state, "ana").unwrap().unwrap().suspended;
    let end = || unlink(&state, "ana", issuer, now);
    assert!(end().unwrap_err().to_string().contains("the last administrator"));
    assert!(holds() && come("1").is_ok(), "what is refused changes nothing");
    set_person(&state, "root", "correct horse", Role::Admin, now).unwrap();
    // By another's word they may still come.
    link(&state, "ana", "proxy", now).unwrap();
    arrive(&state, &Vouched { by: "proxy", ..vouched("ana", "ana", Some(Role::Admin)) }, now).unwrap();
    let of_mail = WantedWay {
        id: None,
        kind: "email".into(),
        address: Some("ana@example.org".into()),
        label: String::new(),
        channel: None,
    };
    set_ways(&state, "ana", &[of_mail], now).unwrap();
    let told = unlink(&state, "ana", "proxy", now).unwrap().unwrap();
    assert_eq!((told.tokens, told.ways, told.leaves_nobody), (vec!["a".to_owned()], 1, false));
    assert!(holds() && suspended().is_none());
    let told = end().unwrap().unwrap();
    assert_eq!((told.tokens, told.ways, told.leaves_nobody), (vec![], 0, true), "nothing is left");
    assert!(!holds() && suspended() == Some(now.0) && ways(&state, "ana").unwrap().is_empty());
    // Whoever is meant is back, and what the other made is not.
    link(&state, "ana", issuer, now).unwrap();
    assert!(come("2").unwrap().is_back && suspended().is_none());
    assert!(!holds() && accept(&state, &link_of_ben, "correct horse", now).unwrap().is_none());
    end().unwrap();
    assert_eq!(unsuspend(&state, "ana", now).unwrap(), Some(true));
    assert!(!holds() && suspended().is_none());
}

#[test]
fn a_session_says_by_whose_word_it_was_opened() {
    let (_directory, state) = state();
    let now = Timestamp(1_000);
    let by = ("https://login.example", "1");
    arrive(&state, &vouched(by.1, "ana", Some(Role::Viewer)), now).unwrap();
    let own = open_session(&state, "ana", SESSION_SECONDS, now).unwrap();
    let vouched = open_vouched_session(&state, "ana", by, now).unwrap().unwrap();
    let late = now.plus(VOUCHED_SESSION_SECONDS + 1);
    let holds = |secret: &str| session(&state, secret, &[], &[], Some(by.0), late).unwrap().is_some();
    assert!(holds(&own) && !holds(&vouched));
    let closed = |secret: &str| close_session(&state, secret).unwrap();
    assert_eq!(closed(&own).and_then(|closed| closed.voucher), None);
    assert_eq!(closed(&vouched).and_then(|closed| closed.voucher).as_deref(), Some("https://login.example"));
    assert_eq!(closed(&vouched), None, "it is closed");
    // Whoever says the groups now, and was asked for none then, is asked again first.
    let asked = |secret: &str| session(&state, secret, &[], &[by.0], Some(by.0), now).unwrap().is_some();
    let vouched = open_vouched_session(&state, "ana", by, now).unwrap().unwrap();
    let own = open_session(&state, "ana", SESSION_SECONDS, now).unwrap();
    assert!(asked(&own) && !asked(&vouched));
    follow_groups(&state, &[], "ana", by, &[]).unwrap();
    assert!(asked(&own) && asked(&vouched));
    // Another provider does not answer for it.
    assert!(!end_sessions_of_others(&state, Some(by.0)).unwrap() && asked(&vouched));
    for provider in [None, Some("https://another.example")] {
        let asked = |secret: &str| session(&state, secret, &[], &[by.0], provider, now).unwrap().is_some();
        assert!(!asked(&vouched) && asked(&own), "{provider:?}, before anybody has ended it");
    }
    assert!(end_sessions_of_others(&state, None).unwrap() && !asked(&vouched) && asked(&own));
    assert!(!end_sessions_of_others(&state, Some("https://another.example")).unwrap());
    // Whoever was removed while they signed in does not come in, nor does another take their place.
    assert!(open_vouched_session(&state, "ana", (by.0, "2"), now).unwrap().is_none());
    remove_person(&state, "ana").unwrap();
    assert!(open_vouched_session(&state, "ana", by, now).unwrap().is_none());
    set_person(&state, "ana", "correct horse", Role::Viewer, now).unwrap();
    assert!(open_vouched_session(&state, "ana", by, now).unwrap().is_none());
}
