//! What a draft says, what is taken out, and that nothing is overwritten or reopened by accident.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use state_store::StateStore;
use vocabulary::Timestamp;
use vocabulary::state::{InstanceId, State, StateChange, StateType};

use super::follow_ups::Kind as FollowUpKind;
use super::redaction::{Known, redacted, replace_word};
use super::wording::hints;
use super::*;
use crate::book::{Book, Contact, Kind, Subject};
use crate::desk::{Desk, Failed};
use crate::people::Deed;

fn desk(directory: &std::path::Path) -> Desk {
    let rooms = [crate::MIGRATIONS, crate::oncall::MIGRATIONS, MIGRATIONS];
    let store = StateStore::open(&directory.join("state.db"), &rooms).unwrap();
    let mut book = Book::default();
    for name in ["ana", "ben"] {
        book.contacts.insert(name.into(), Contact { channels: vec!["log".into()], ..Contact::default() });
    }
    let contacts = vec!["ana".into(), "ben".into()];
    let subject = Subject { kind: Kind::Monitor, contacts, ..Subject::default() };
    book.subjects.insert((false, "shop".into()), subject);
    Desk::open(Arc::new(store), book, b"secret").unwrap()
}

fn change(desk: &Desk, to: State, at: i64) {
    let change = StateChange {
        id: InstanceId { monitor: "shop".into(), instance: "".into() },
        at: Timestamp(at),
        from: State::Ok,
        from_type: StateType::Hard,
        to,
        to_type: StateType::Hard,
        attempt: 1,
        value: None,
        text: "Ben deployed; db1 is slow".into(),
        withheld: None,
    };
    desk.take(&[change], &[], Timestamp(at)).unwrap();
}

fn outage(desk: &Desk, at: i64) -> i64 {
    change(desk, State::Critical, at);
    let id = desk.list(crate::Wanted::Open, 1).unwrap()[0].0.id;
    desk.act(id, "ben", &Deed::Acknowledge { comment: "on it".into() }, Timestamp(at + 60)).unwrap();
    let note = Deed::Note { text: "asked ana for the password".into() };
    desk.act(id, "ben", &note, Timestamp(at + 90)).unwrap();
    change(desk, State::Ok, at + 600);
    id
}

fn refusal<T>(result: Result<T, Failed>) -> String {
    match result {
        Err(Failed::Refused(Refusal::No(why))) => why.to_owned(),
        Err(Failed::Refused(Refusal::Bad(why))) => why,
        Err(Failed::Refused(Refusal::Unknown)) => "unknown".into(),
        Err(Failed::Refused(Refusal::Taken { by, .. })) => by,
        Err(Failed::State(error)) => error.to_string(),
        Ok(_) => "done".into(),
    }
}

#[test]
fn a_draft_has_the_record_with_parts_in_the_place_of_names() {
    let directory = tempfile::tempdir().unwrap();
    let desk = desk(directory.path());
    let incident = outage(&desk, 1_000);
    let id = desk.begin_post_mortem(incident, "ana", Timestamp(2_000)).unwrap();
    let made = desk.post_mortem(id).unwrap().unwrap();
    assert_eq!((made.about.began, made.about.opened, made.about.ended), (1_000, 1_000, Some(1_600)));
    assert_eq!((made.version, made.text.title.as_str(), made.text.regret.as_str()), (1, "shop", ""));
    let shown = made.text.timeline.iter().filter(|line| !line.hidden);
    let shown: Vec<(i64, &str, &str)> =
        shown.map(|line| (line.at, line.role.as_str(), line.words.as_str())).collect();
    assert_eq!(
        shown,
        [
            (1_000, "monitoring", "noticed it: shop"),
            (1_000, "monitoring", "shop is CRITICAL: responder 1 deployed; db1 is slow"),
            (1_060, "responder 1", "takes it: on it"),
            (1_090, "responder 1", "asked responder 2 for the password"),
            (1_600, "monitoring", "shop is OK: responder 1 deployed; db1 is slow"),
            (1_600, "monitoring", "it is over"),
        ]
    );
    let told =
        made.text.timeline.iter().filter(|line| line.hidden && line.words.starts_with("told responder"));
    assert_eq!(told.count(), 4, "both of the beginning and of the end");
    assert_eq!(
        refusal(desk.begin_post_mortem(incident, "ana", Timestamp(2_000))),
        "this incident has a post-mortem already"
    );
    assert_eq!(refusal(desk.begin_post_mortem(99, "ana", Timestamp(2_000))), "unknown");
}

#[test]
fn nobody_overwrites_what_they_have_not_read() {
    let directory = tempfile::tempdir().unwrap();
    let desk = desk(directory.path());
    let incident = outage(&desk, 1_000);
    let id = desk.begin_post_mortem(incident, "ana", Timestamp(2_000)).unwrap();
    let mut text = desk.post_mortem(id).unwrap().unwrap().text;
    text.regret = "Orders were lost.".into();
    desk.write_post_mortem(id, "ana", 1, &text, Timestamp(2_010)).unwrap();
    let late = Text { regret: "Nothing was lost.".into(), ..text.clone() };
    assert!(refusal(desk.write_post_mortem(id, "ben", 1, &late, Timestamp(2_020))).contains("read it again"));
    let now = desk.post_mortem(id).unwrap().unwrap();
    assert_eq!((now.version, now.author.as_str(), now.text.regret.as_str()), (2, "ana", "Orders were lost."));
    let versions = desk.post_mortem_versions(id).unwrap();
    let versions: Vec<_> =
        versions.iter().map(|one| (one.version, one.at, one.text.regret.as_str())).collect();
    assert_eq!(versions, [(2, 2_010, "Orders were lost."), (1, 2_000, "")]);
    for (wrong, said) in [
        (Text { title: " ".into(), ..text.clone() }, "needs a `title`"),
        (Text { remedy: "x".repeat(MAX_TEXT + 1), ..text.clone() }, "`remedy` is longer"),
        (Text { timeline: vec![Line::default(); MAX_LINES + 1], ..text.clone() }, "lines at most"),
        (Text { redact: vec![String::new(); MAX_REDACTED + 1], ..text }, "`redact`"),
    ] {
        assert!(refusal(desk.write_post_mortem(id, "ana", 2, &wrong, Timestamp(1))).contains(said), "{said}");
    }
    assert_eq!(refusal(desk.write_post_mortem(77, "ana", 1, &late, Timestamp(1))), "unknown");
}

#[test]
fn a_link_shows_what_was_published_and_is_never_good_again_once_withdrawn() {
    let directory = tempfile::tempdir().unwrap();
    let desk = desk(directory.path());
    let incident = outage(&desk, 1_000);
    let id = desk.begin_post_mortem(incident, "ana", Timestamp(2_000)).unwrap();
    let token = || desk.post_mortem(id).unwrap().unwrap().published.map(|published| published.token);
    assert_eq!(token(), None);
    desk.publish(id, Some("one"), 1, "ana", Timestamp(2_100)).unwrap();
    let first = token().unwrap();
    assert_eq!(desk.published_page(&first).unwrap().as_deref(), Some("one"));
    desk.publish(id, Some("two"), 1, "ana", Timestamp(2_200)).unwrap();
    assert_eq!(token().as_deref(), Some(first.as_str()), "published anew it keeps its address");
    assert_eq!(desk.published_page(&first).unwrap().as_deref(), Some("two"));
    desk.publish(id, None, 0, "ana", Timestamp(2_300)).unwrap();
    assert_eq!((token(), desk.published_page(&first).unwrap()), (None, None));
    desk.publish(id, Some("three"), 1, "ana", Timestamp(2_400)).unwrap();
    let second = token().unwrap();
    assert_ne!(first, second);
    assert_eq!(desk.published_page(&first).unwrap(), None);
    assert_eq!(desk.published_page(&second).unwrap().as_deref(), Some("three"));
}

#[test]
fn a_repeat_finds_what_was_learnt_before_and_is_still_to_be_done() {
    let directory = tempfile::tempdir().unwrap();
    let desk = desk(directory.path());
    let first = outage(&desk, 1_000);
    let id = desk.begin_post_mortem(first, "ana", Timestamp(2_000)).unwrap();
    let task = |what: &str, due: &str| NewFollowUp {
        what: what.into(),
        owner: "ben".into(),
        due: due.into(),
        ..NewFollowUp::default()
    };
    let later = desk.add_follow_up(id, &task("a second database", "2026-12-24")).unwrap();
    let sooner = desk.add_follow_up(id, &task("an index", "2026-12-01")).unwrap();
    let second = outage(&desk, 90_000);
    let found = desk.earlier_post_mortems(second, "monitor:shop").unwrap();
    assert_eq!(found.iter().map(|one| one.about.incident).collect::<Vec<_>>(), [first]);
    assert_eq!(found[0].follow_ups.len(), 2);
    assert!(desk.earlier_post_mortems(first, "monitor:shop").unwrap().is_empty());
    let open = || desk.follow_ups_of(None).unwrap().into_iter().map(|one| one.id).collect::<Vec<_>>();
    assert_eq!(open(), [sooner, later]);
    let mut done = desk.follow_ups_of(Some(id)).unwrap().remove(1);
    done.done = Some((3_000, "ben".into()));
    desk.change_follow_up(&done).unwrap();
    assert_eq!(open(), [later]);
    assert_eq!(desk.follow_ups_of(Some(id)).unwrap()[1], done);
    desk.remove_follow_up(id, later).unwrap();
    assert_eq!((open(), refusal(desk.remove_follow_up(id, later))), (Vec::new(), "unknown".into()));
    for (wrong, said) in [
        (task("", "2026-12-01"), "`what`"),
        (task("x", "soon"), "`due`"),
        (NewFollowUp { owner: String::new(), ..task("x", "2026-12-01") }, "nobody's"),
        (NewFollowUp { monitor: Some("m".into()), ..task("x", "2026-12-01") }, "new_monitor"),
    ] {
        assert!(refusal(desk.add_follow_up(id, &wrong)).contains(said), "{said}");
    }
    let monitor = NewFollowUp { kind: FollowUpKind::NewMonitor, ..task("watch it", "2026-12-01") };
    assert!(desk.add_follow_up(id, &monitor).is_ok());
    assert!(
        monitor.is_late("2026-12-02".parse().unwrap()) && !monitor.is_late("2026-12-01".parse().unwrap())
    );
}

#[test]
fn names_and_internals_are_taken_out_and_said() {
    let set = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<BTreeSet<_>>();
    let people = [("ana", "responder 1"), ("Ana Maria", "responder 2")];
    let known = Known {
        people: people
            .into_iter()
            .map(|(name, part)| (name.to_owned(), part.to_owned()))
            .collect::<BTreeMap<_, _>>(),
        internals: set(&["db1", "api-latency", "Projekt Ü"]),
        keep: set(&["shop"]),
    };
    let check = |text: &str, wanted: &str, taken: &[&str]| {
        assert_eq!(redacted(text, &known), (wanted.to_owned(), set(taken)), "{text}");
    };
    check("ANA asked Ana Maria.", "responder 1 asked responder 2.", &["ana", "Ana Maria"]);
    check("banana, ana_x and anagram stay", "banana, ana_x and anagram stay", &[]);
    check("(db1) and db10, projekt ü", "([internal]) and db10, [internal]", &["db1", "Projekt Ü"]);
    check(
        "mail joe@example.org, see https://wiki/x.",
        "mail [address], see [address].",
        &["joe@example.org", "https://wiki/x"],
    );
    check(
        "10.0.0.1:5432 and [::1] and web1.dc2.example.org;",
        "[address] and [[address]] and [address];",
        &["10.0.0.1:5432", "::1", "web1.dc2.example.org"],
    );
    check("deployed 4.2.1, e.g. at 3.5 s; a/b", "deployed 4.2.1, e.g. at 3.5 s; a/b", &[]);
    check("wrote /var/lib/x on nas.local", "wrote [address] on [address]", &["/var/lib/x", "nas.local"]);
    assert_eq!(replace_word("a.a A", "a", "b"), ("b.b b".into(), 3));
    assert_eq!(replace_word("text", "", "b"), ("text".into(), 0));
}

#[test]
fn blame_is_pointed_at() {
    let text = Text {
        reason: "Somebody forgot the index; they Should Have known.".into(),
        timeline: vec![Line { words: "it was human error".into(), ..Line::default() }],
        ..Text::default()
    };
    let found = hints(&text);
    let found: Vec<(&str, &str)> =
        found.iter().map(|hint| (hint.place.as_str(), hint.found.as_str())).collect();
    assert_eq!(found, [("reason", "should have"), ("reason", "forgot"), ("timeline 0", "human error")]);
    assert!(
        hints(&Text { remedy: "An index, and a test that looks for it.".into(), ..Text::default() })
            .is_empty()
    );
    assert!(!serde_json::to_string(&text).unwrap().contains("culprit"));
}
