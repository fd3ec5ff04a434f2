//! What a draft says, what is taken out, and that nothing is overwritten or reopened by accident.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use state_store::StateStore;
use vocabulary::Timestamp;
use vocabulary::state::{InstanceId, State, StateChange, StateType, Withheld};

use super::earlier::in_words;
use super::follow_ups::Kind as FollowUpKind;
use super::redaction::{Known, redacted, replace_word};
use super::wording::hints;
use super::*;
use crate::book::{Book, Contact, Kind, Subject};
use crate::core::Estate;
use crate::desk::{Desk, Failed};
use crate::incident::{Acknowledged, Key};
use crate::noise::Worth;
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

/// Nothing holds back what is told, and nobody else tells it.
struct Nothing;

impl Estate for Nothing {
    fn withheld(&self, _: &Key) -> Option<Withheld> {
        None
    }

    fn will_tell(&self, _: &Key, _: &str) -> bool {
        false
    }

    fn acknowledged(&self, _: &Key) -> Option<Acknowledged> {
        None
    }
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
        since: None,
        of_sender: None,
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
    check("(db1) and adb1, projekt ü", "([internal]) and adb1, [internal]", &["db1", "Projekt Ü"]);
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
    check(
        "10.0.0.0/8, fd00::/8; as root@db9 or root@10.0.0.5:",
        "[address], [address]; as [address] or [address]:",
        &["10.0.0.0/8", "fd00::/8", "root@db9", "root@10.0.0.5"],
    );
    check(
        "db1.fra, web.prod and Shop.COM",
        "[address], [address] and [address]",
        &["db1.fra", "web.prod", "Shop.COM"],
    );
    check(
        "install left-pad@4.2 @here, see api.latency of report.pdf",
        "install left-pad@4.2 @here, see api.latency of report.pdf",
        &[],
    );
    check(
        "Ana Maria (+49 170 1234567) ran it on web-3 with password=x1",
        "responder 2 ([telephone]) ran it on [internal] with password=[secret]",
        &["+49 170 1234567", "Ana Maria", "web-3", "x1"],
    );
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

#[test]
fn the_last_time_says_how_long_it_was_who_had_it_and_what_helped() {
    let directory = tempfile::tempdir().unwrap();
    let desk = desk(directory.path());
    let words = |id: i64| in_words(&desk.earlier(id).unwrap());
    let helped = |id: i64, text: &str, at: i64| {
        desk.act(id, "ana", &Deed::Helped { text: text.into() }, Timestamp(at)).map(drop)
    };
    let first = outage(&desk, 1_000);
    assert_eq!(words(first), None, "it is the first time");
    // Memory lets go of it with time; what helped is written down in the morning.
    desk.tick(&Nothing, Timestamp(50_000)).unwrap();
    assert!(desk.inner.lock().incidents.live.is_empty());
    helped(first, "restarted\nthe proxy ", 50_000).unwrap();
    let second = outage(&desk, 90_000);
    assert_eq!(words(second).as_deref(), Some("10 min, ben: restarted the proxy"));
    let third = outage(&desk, 180_000);
    let said = "10 min, ben, who did not write down what helped; before that ben: restarted the proxy";
    assert_eq!(words(third).as_deref(), Some(said));
    helped(second, "a bigger disk", 181_000).unwrap();
    helped(second, "a faster disk", 181_001).unwrap();
    assert_eq!(words(third).as_deref(), Some("10 min, ben: a faster disk"), "the last word counts");
    desk.judge(second, "ana", Worth::TooLate, "", Timestamp(182_000)).unwrap();

    let fourth = outage(&desk, 270_000);
    let fifth = outage(&desk, 360_000);
    let found = desk.earlier(fifth).unwrap();
    assert_eq!(found.iter().map(|one| one.incident.id).collect::<Vec<_>>(), [fourth, third, second]);
    assert!(found.iter().all(|one| one.same_reason && one.seconds() == 600 && one.owner() == Some("ben")));
    assert_eq!(found[2].judged.as_ref().map(|judged| judged.worth), Some(Worth::TooLate));

    let timeline = desk.one(second).unwrap().unwrap().timeline;
    let entries = timeline.iter().filter(|entry| entry.kind == "helped");
    assert_eq!(
        entries.map(|entry| entry.text.as_str()).collect::<Vec<_>>(),
        ["a bigger disk", "a faster disk"]
    );
    assert_eq!(refusal(helped(fifth, " ", 361_000)), "say what helped: `text` is empty");
    assert!(refusal(helped(fifth, &"x".repeat(1_001), 361_000)).contains("1000 bytes"));
    assert_eq!(refusal(helped(99, "x", 361_000)), "unknown");
}

#[test]
fn the_same_members_are_the_same_whatever_they_were_grouped_with() {
    let directory = tempfile::tempdir().unwrap();
    let desk = desk(directory.path());
    let whole = outage(&desk, 1_000);
    // A person declares it, and then its monitor goes bad: two incidents, of which one becomes a part of the other.
    let declared = crate::Declaration { title: "nobody can pay".into(), ..crate::Declaration::default() };
    let (by_hand, _) = desk.declare("cem", &declared, Timestamp(90_000)).unwrap();
    change(&desk, State::Critical, 90_010);
    let measured = desk.list(crate::Wanted::Open, 1).unwrap()[0].0.id;
    assert_ne!(measured, by_hand);
    desk.act(measured, "ben", &Deed::Merge { into: by_hand }, Timestamp(90_020)).unwrap();
    let found = desk.earlier(by_hand).unwrap();
    let shown: Vec<_> = found.iter().map(|one| (one.incident.id, one.same_reason)).collect();
    assert_eq!(shown, [(whole, false)], "its member was bad before");
    let close = Deed::Resolve { comment: "it works".into(), helped: "called the bank".into() };
    desk.act(by_hand, "cem", &close, Timestamp(90_300)).unwrap();
    change(&desk, State::Ok, 90_310);
    let again = outage(&desk, 180_000);
    let found = desk.earlier(again).unwrap();
    assert_eq!(
        found.iter().map(|one| one.incident.id).collect::<Vec<_>>(),
        [by_hand, whole],
        "not the merged one"
    );
    assert_eq!(in_words(&found).as_deref(), Some("5 min, cem: called the bank"));
}

#[test]
fn a_note_on_what_is_long_over_pages_whom_it_mentions() {
    let directory = tempfile::tempdir().unwrap();
    let desk = desk(directory.path());
    let id = outage(&desk, 1_000);
    desk.tick(&Nothing, Timestamp(50_000)).unwrap();
    assert!(desk.inner.lock().incidents.live.is_empty());
    let pages = desk.one(id).unwrap().unwrap().pages.len();
    desk.act(id, "ben", &Deed::Note { text: "@ana look again".into() }, Timestamp(50_010)).unwrap();
    let found = desk.one(id).unwrap().unwrap();
    let page = &found.pages[pages].page;
    assert_eq!((page.kind.word(), &*page.contact, page.message.until), ("mention", "ana", Some(1_600)));
    let said: Vec<_> = found.timeline.iter().rev().take(2).map(|entry| entry.text.as_str()).collect();
    assert_eq!(said, ["mention for ana by log", "@ana look again"]);
    let refused = desk.act(id, "ben", &Deed::Acknowledge { comment: String::new() }, Timestamp(50_020));
    assert!(refusal(refused).contains("what helped, can still be added"));
}
