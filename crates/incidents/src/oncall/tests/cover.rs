//! Asking for cover, and calendars, at the desk.

use std::sync::Arc;

use state_store::StateStore;
use vocabulary::Timestamp;

use crate::book::{Book, Contact};
use crate::desk::Failed;
use crate::oncall::calendar::Of;
use crate::oncall::cover::Cover;
use crate::oncall::{LayerConfig, ScheduleConfig};
use crate::{Desk, Refusal};

const WEEK: i64 = 7 * 86_400;
/// In the first turn of ana.
const NOW: Timestamp = Timestamp(4 * 86_400 + 9 * 3_600 + 100);

fn book() -> Book {
    let layer = LayerConfig {
        people: vec!["ana".into(), "ben".into()],
        rotation: "weekly".into(),
        start: "1970-01-05".into(),
        ..LayerConfig::default()
    };
    let schedule = ScheduleConfig { name: "web".into(), layer: vec![layer], ..ScheduleConfig::default() };
    let contacts = ["ana", "ben", "cyd"].map(|name| (Arc::from(name), Contact::default()));
    Book { schedules: vec![(schedule, "a.toml:1".into())], contacts: contacts.into(), ..Book::default() }
}

fn desk() -> (Desk, tempfile::TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let migrations = [crate::MIGRATIONS, crate::oncall::MIGRATIONS];
    let store = StateStore::open(&directory.path().join("state.db"), &migrations).unwrap();
    (Desk::open(Arc::new(store), book(), b"secret").unwrap(), directory)
}

fn wanted(person: &str, seconds: i64) -> Cover {
    Cover {
        id: 0,
        schedule: "web".into(),
        person: person.into(),
        from: NOW,
        until: NOW.plus(seconds),
        note: "away".into(),
        by: person.into(),
        at: NOW,
        taken: None,
    }
}

fn refused<T>(done: Result<T, Failed>) -> String {
    match done.err() {
        Some(Failed::Refused(Refusal::Bad(why))) => why,
        Some(Failed::Refused(refusal)) => format!("{refusal:?}"),
        _ => panic!("it was done"),
    }
}

#[test]
fn the_first_who_accepts_covers_the_turns_of_who_asks_and_no_others() {
    let (desk, _directory) = desk();
    let on_call = |at: i64| desk.roster(NOW).duty("web", NOW.plus(at)).person.unwrap().to_string();
    let turns = || [on_call(0), on_call(WEEK), on_call(2 * WEEK), on_call(4 * WEEK)].join(" ");
    assert_eq!(turns(), "ana ben ana ana");
    assert!(refused(desk.ask_for_cover(wanted("ben", 3_600))).contains("`ben` is not on call"));
    assert!(refused(desk.ask_for_cover(wanted("zoe", 3_600))).contains("there is no contact `zoe`"));
    assert!(refused(desk.ask_for_cover(wanted("ana", 0))).contains("ends before it begins"));
    let id = desk.ask_for_cover(wanted("ana", 3 * WEEK)).unwrap().id;
    assert_eq!(turns(), "ana ben ana ana", "asking changes nothing");
    assert!(refused(desk.accept_cover(id, &"ana".into(), "ana", NOW)).contains("somebody else"));
    assert!(refused(desk.accept_cover(id, &"zoe".into(), "zoe", NOW)).contains("`zoe`"));
    let taken = desk.accept_cover(id, &"cyd".into(), "cyd", NOW).unwrap().taken.unwrap();
    assert_eq!(turns(), "cyd ben cyd ana");
    assert!(refused(desk.accept_cover(id, &"ben".into(), "ben", NOW)).contains("Taken { by: \"cyd\""));
    assert!(refused(desk.withdraw_cover(id, NOW)).contains("end the override"));
    assert_eq!(desk.covers(NOW).unwrap()[0].taken, Some(taken.clone()));
    assert_eq!(desk.covers(NOW.plus(3 * WEEK)).unwrap(), [], "it is over");
    desk.end_override(taken.override_id, NOW).unwrap();
    assert_eq!(turns(), "ana ben ana ana");
    let id = desk.ask_for_cover(wanted("ana", 60)).unwrap().id;
    desk.withdraw_cover(id, NOW).unwrap();
    assert_eq!(refused(desk.accept_cover(id, &"cyd".into(), "cyd", NOW)), "Unknown");
}

#[test]
fn a_calendar_is_read_by_its_secret_until_it_is_revoked_or_the_person_is_gone() {
    let (desk, _directory) = desk();
    let person = desk.make_feed(&Of::Person("ana".into()), "s1", "ana", NOW).unwrap();
    desk.make_feed(&Of::Schedule("web".into()), "s2", "ana", NOW).unwrap();
    assert!(
        refused(desk.make_feed(&Of::Person("zoe".into()), "s3", "ana", NOW)).contains("no contact `zoe`")
    );
    assert!(
        refused(desk.make_feed(&Of::Schedule("no".into()), "s3", "ana", NOW)).contains("no schedule `no`")
    );
    let events = |secret: &str| {
        let feed = desk.feed_of(secret).unwrap()?;
        desk.calendar(&feed.of, NOW).unwrap().map(|text| text.matches("UID:").count())
    };
    assert_eq!((events("s1"), events("s2"), events("s3")), (Some(27), Some(53), None));
    desk.set_book(Book { contacts: Default::default(), ..book() });
    assert_eq!(events("s1"), None, "no contact any more");
    desk.set_book(book());
    assert_eq!(events("s1"), Some(27));
    assert!(desk.remove_feed(person).unwrap() && !desk.remove_feed(person).unwrap());
    assert_eq!((events("s1"), desk.feeds().unwrap().len()), (None, 1));
}

#[test]
fn everybody_is_asked_for_cover_so_often_and_no_more() {
    let (desk, _directory) = desk();
    for _ in 0..crate::limits::MAX_COVERS_ASKED {
        let id = desk.ask_for_cover(wanted("ana", 60)).unwrap().id;
        desk.withdraw_cover(id, NOW).unwrap();
    }
    let again =
        |at: Timestamp| desk.ask_for_cover(Cover { at, until: NOW.plus(2 * 3_600), ..wanted("ana", 0) });
    assert!(refused(again(NOW)).contains("ten times within an hour"));
    assert!(again(NOW.plus(3_600)).is_ok());
}

#[test]
fn overrides_in_memory_are_those_of_the_table() {
    use crate::oncall::schedule::Override;
    let over = |id: i64| Override {
        id,
        schedule: "web".into(),
        person: "ben".into(),
        in_place_of: None,
        start: NOW,
        until: NOW.plus(id),
        by: "ben".into(),
        at: NOW,
        note: String::new(),
    };
    let most = crate::limits::MAX_OVERRIDES;
    let mut kept =
        crate::oncall::store::Kept { overrides: (1..=most + 2).map(over).collect(), ..Default::default() };
    kept.forget_old_overrides();
    assert_eq!(
        kept.overrides.iter().map(|over| over.id).collect::<Vec<_>>(),
        (3..=most + 2).collect::<Vec<_>>()
    );
}
