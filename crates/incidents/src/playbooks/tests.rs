//! Which playbook an incident has, that nobody overwrites anybody, and what becomes of ticks.

use std::sync::Arc;

use state_store::StateStore;
use vocabulary::Timestamp;
use vocabulary::ports::Scope;
use vocabulary::state::{InstanceId, State, StateChange, StateType};

use super::store::Written;
use super::*;
use crate::Wanted;
use crate::book::{Book, Contact};
use crate::desk::{Desk, Failed};
use crate::limits::MAX_PLAYBOOK;
use crate::people::{Deed, Refusal};

const UPLOADS: &str = "# Uploads\n1. look at the provider\n2. roll back\n\n## box\n- [ ] call Box\n\n## Disk is full\n- [ ] delete\n";

fn subject(playbook: Option<&str>) -> Subject {
    Subject { playbook: playbook.map(str::to_owned), contacts: vec!["ana".into()], ..Subject::default() }
}

fn book() -> Book {
    let mut book = Book::default();
    book.contacts.insert("ana".into(), Contact { channels: vec!["log".into()], ..Contact::default() });
    for (name, playbook) in [
        ("named", Some("uploads")),
        ("section", Some("uploads#disk is full")),
        ("no section", Some("uploads#nowhere")),
        ("not written", Some("soon")),
        ("link", Some("https://wiki.example.org/x")),
        ("text", Some("1. turn it off\n2. and on")),
        ("script", Some("javascript:alert(1)")),
        ("own name", None),
        ("none", None),
    ] {
        book.subjects.insert((false, name.into()), subject(playbook));
    }
    let by_service = Subject { playbook_of_service: Some("uploads#box".into()), ..subject(None) };
    book.subjects.insert((false, "by service".into()), by_service);
    book.subjects.insert((false, "shadow".into()), Subject { shadow: true, ..subject(None) });
    book.subjects.insert((false, "nobody told".into()), Subject::default());
    book.subjects.insert((true, "web".into()), subject(None));
    book
}

fn open(directory: &std::path::Path) -> Desk {
    let rooms = [crate::MIGRATIONS, crate::oncall::MIGRATIONS];
    let store = StateStore::open(&directory.join("state.db"), &rooms).unwrap();
    Desk::open(Arc::new(store), book(), b"secret").unwrap()
}

fn desk() -> (Desk, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let desk = open(directory.path());
    write(&desk, "uploads", 0, UPLOADS);
    write(&desk, "own name", 0, "- [ ] just do it");
    (desk, directory)
}

fn write(desk: &Desk, name: &str, read: i64, text: &str) -> Written {
    desk.write_playbook(name, "eda", read, text, Timestamp(50)).unwrap()
}

fn bad(desk: &Desk, monitor: &str, instance: &str) -> i64 {
    let change = StateChange {
        id: InstanceId { monitor: monitor.into(), instance: instance.into() },
        at: Timestamp(100),
        from: State::Ok,
        from_type: StateType::Hard,
        to: State::Critical,
        to_type: StateType::Hard,
        attempt: 1,
        value: None,
        text: "bad".into(),
        withheld: None,
        since: None,
        of_sender: None,
    };
    desk.take(&[change], &[], Timestamp(100)).unwrap();
    desk.list(Wanted::Open, 1).unwrap()[0].0.id
}

fn guide(desk: &Desk, id: i64) -> Guide {
    desk.guide(&Scope::everything(), id).unwrap().unwrap()
}

fn tick(desk: &Desk, id: i64, step: (usize, i64), done: bool) -> Result<(), Failed> {
    let deed = desk.ticking(&Scope::everything(), id, step, done)?;
    desk.act(id, "ana", &deed, Timestamp(200)).map(|_| ())
}

fn steps(guide: &Guide) -> Vec<(&str, bool)> {
    guide.steps.iter().map(|step| (&*step.text, step.ticked.is_some())).collect()
}

fn why<T: std::fmt::Debug>(result: Result<T, Failed>) -> String {
    match result.unwrap_err() {
        Failed::Refused(Refusal::Bad(why)) => why,
        Failed::Refused(Refusal::No(why)) => why.to_owned(),
        other => format!("{other:?}"),
    }
}

#[test]
fn each_has_the_section_that_is_meant() {
    let (desk, _directory) = desk();
    let check = |monitor: &str, instance: &str, title: &str, first: Option<&str>, problem: Option<&str>| {
        let guide = guide(&desk, bad(&desk, monitor, instance));
        let step = guide.steps.first().map(|step| &*step.text);
        assert_eq!((&*guide.title, step, guide.problem.as_deref()), (title, first, problem), "{monitor}");
    };
    check("named", "", "Uploads", Some("look at the provider"), None);
    check("section", "", "Disk is full", Some("delete"), None);
    let lacks = "the playbook `uploads` has no section `nowhere`: it has Uploads, box, Disk is full";
    check("no section", "", "Uploads", Some("look at the provider"), Some(lacks));
    check("not written", "", "", None, Some("there is no playbook `soon` yet"));
    check("link", "", "https://wiki.example.org/x", None, None);
    check("script", "", "", None, Some("there is no playbook `javascript:alert(1)` yet"));
    check("text", "", "", Some("turn it off"), None);
    check("own name", "", "own name", Some("just do it"), None);
    check("by service", "", "box", Some("call Box"), None);
    check("none", "", "", None, Some("nobody has written down yet what to do"));
}

#[test]
fn the_section_of_an_instance_opens() {
    let (desk, _directory) = desk();
    let id = bad(&desk, "named", "Box");
    assert_eq!((guide(&desk, id).title, guide(&desk, id).version), ("box".into(), 1));
    write(&desk, "uploads", 1, "# Uploads\n1. all\n## named\n1. this\n");
    assert_eq!(guide(&desk, id).title, "named");
}

#[test]
fn what_wakes_somebody_and_says_nothing_is_listed() {
    let (desk, _directory) = desk();
    assert_eq!(desk.without_playbook(), ["host:web", "none", "not written", "script"]);
    assert_eq!(
        desk.playbook_problem(false, "not written").as_deref(),
        Some("there is no playbook `soon` yet")
    );
    assert_eq!(desk.playbook_problem(false, "named"), None);
    let kept: Vec<(String, usize)> =
        desk.playbooks().iter().map(|(one, uses)| (one.name.to_string(), uses.len())).collect();
    assert_eq!(kept, [("own name".into(), 1), ("uploads".into(), 4)]);
    for (playbook, left) in [("soon", 3), ("web", 2), ("none", 1)] {
        write(&desk, playbook, 0, "x");
        assert_eq!(desk.without_playbook().len(), left, "{playbook}");
    }
}

#[test]
fn nobody_overwrites_what_they_have_not_read() {
    let (desk, directory) = desk();
    let Written::Done(second) = write(&desk, "uploads", 1, "1. a\r\n2. b") else { panic!("not written") };
    assert_eq!((second.version, &*second.text, &*second.by), (2, "1. a\n2. b", "eda"));
    assert_eq!(write(&desk, "uploads", 1, "mine"), Written::Newer(Some(second.clone())));
    assert_eq!(write(&desk, "new", 3, "mine"), Written::Newer(None));
    assert_eq!(write(&desk, "uploads", 2, "1. a\n2. b"), Written::Done(second), "the same is no new version");
    desk.remove_playbook("uploads", "eda", Timestamp(60)).unwrap();
    assert!(matches!(write(&desk, "uploads", 0, "again"), Written::Done(one) if one.version == 4));
    let versions = desk.playbook_versions("uploads").unwrap();
    let texts: Vec<_> = versions.iter().map(|one| (one.version, one.text.as_deref())).collect();
    assert_eq!(texts, [(4, Some("again")), (3, None), (2, Some("1. a\n2. b")), (1, Some(UPLOADS))]);
    drop(desk);
    assert_eq!(open(directory.path()).playbook("uploads").map(|one| one.version), Some(4));
}

#[test]
fn what_cannot_be_kept_is_refused_with_why() {
    let (desk, _directory) = desk();
    let check = |name: &str, text: &str, wanted: &str| {
        let said = why(desk.write_playbook(name, "eda", 0, text, Timestamp(0)));
        assert!(said.contains(wanted), "{name}: {said}");
    };
    check("a#b", "x", "no `#`");
    check("", "x", "1 to 200 bytes");
    check(" a", "x", "no blank at its ends");
    check("a\n", "x", "1 to 200 bytes");
    check("new", " \n", "`text` is empty");
    check("new", &"x".repeat(MAX_PLAYBOOK + 1), "65537 bytes");
    assert!(why(desk.remove_playbook("new", "eda", Timestamp(0))).contains("Unknown"));
}

#[test]
fn ticks_stand_in_the_timeline_and_stay_through_edits() {
    let (desk, directory) = desk();
    let id = bad(&desk, "named", "");
    tick(&desk, id, (2, 1), true).unwrap();
    tick(&desk, id, (2, 1), true).unwrap();
    assert_eq!(
        steps(&guide(&desk, id)),
        [("look at the provider", false), ("roll back", true), ("call Box", false), ("delete", false)]
    );
    // Between the two another step came in; whoever still has the old version ticks what they read.
    write(&desk, "uploads", 1, "1. breathe\n2. look at the provider\n3. roll back");
    assert_eq!(steps(&guide(&desk, id))[2], ("roll back", true));
    tick(&desk, id, (1, 1), true).unwrap();
    assert_eq!(
        steps(&guide(&desk, id)),
        [("breathe", false), ("look at the provider", true), ("roll back", true)]
    );
    tick(&desk, id, (3, 2), false).unwrap();
    assert!(why(tick(&desk, id, (3, 1), true)).contains("no such step"));
    assert!(why(tick(&desk, id, (4, 2), true)).contains("has 3 steps"));
    assert!(why(tick(&desk, id, (0, 2), true)).contains("`step` is 0"));
    let whole = desk.one(id).unwrap().unwrap();
    let ticks = whole.timeline.iter().filter(|entry| entry.kind.ends_with("ticked"));
    let ticks: Vec<_> = ticks.map(|entry| (&*entry.kind, &*entry.who, &*entry.text)).collect();
    let expected = [
        ("ticked", "ana", "roll back"),
        ("ticked", "ana", "look at the provider"),
        ("unticked", "ana", "roll back"),
    ];
    assert_eq!(ticks, expected);
    drop(desk);
    let desk = open(directory.path());
    let ticked = guide(&desk, id).steps[1].ticked.clone();
    assert_eq!(ticked, Some(Tick { by: "ana".into(), at: 200 }));
    desk.act(id, "ana", &Deed::Resolve { comment: String::new(), helped: String::new() }, Timestamp(300))
        .unwrap();
    assert!(why(tick(&desk, id, (1, 2), true)).contains("resolved already"));
    assert_eq!(steps(&guide(&desk, id))[1], ("look at the provider", true), "what was done stays to be read");
}

#[test]
fn a_text_in_the_definition_is_ticked_too() {
    let (desk, _directory) = desk();
    let id = bad(&desk, "text", "");
    tick(&desk, id, (1, 0), true).unwrap();
    assert_eq!(steps(&guide(&desk, id)), [("turn it off", true), ("and on", false)]);
    assert!(why(tick(&desk, id, (1, 7), true)).contains("no such step"));
}

#[test]
fn a_page_says_how_the_playbook_begins() {
    let (desk, _directory) = desk();
    let check = |monitor: &str, expected: Option<&str>| {
        let pages = desk.one(bad(&desk, monitor, "")).unwrap().unwrap().pages;
        assert_eq!(pages[0].page.message.playbook.as_deref(), expected, "{monitor}");
    };
    let all = "playbook uploads, Uploads\n1. look at the provider\n2. roll back\n3. call Box\n… and more on the incident's page";
    check("named", Some(all));
    check("section", Some("playbook uploads, Disk is full\n1. delete"));
    check("own name", Some("playbook own name\n1. just do it"));
    check("link", Some("https://wiki.example.org/x"));
    check("text", Some("1. turn it off\n2. and on"));
    check("not written", Some("there is no playbook `soon` yet"));
    check("none", None);
}
