//! Whoever is away is stood in for by the next in the list.

use std::collections::BTreeMap;
use std::sync::Arc;

use state_store::StateStore;
use vocabulary::Timestamp;

use crate::book::{Book, Contact};
use crate::desk::Desk;
use crate::oncall::cover::Cover;
use crate::oncall::leave::Leave;
use crate::oncall::{LayerConfig, Override, ScheduleConfig};

const DAY: i64 = 86_400;
/// A Monday, when ana's week begins; then it is ben's, then cyd's.
const MONDAY: i64 = 4 * DAY;

fn book(people: &[&str]) -> Book {
    let layer = |people: &[&str]| LayerConfig {
        people: people.iter().map(|name| (*name).to_owned()).collect(),
        rotation: "weekly".into(),
        start: "1970-01-05".into(),
        handoff: "00:00".into(),
        ..LayerConfig::default()
    };
    let schedule =
        ScheduleConfig { name: "web".into(), layer: vec![layer(people)], ..ScheduleConfig::default() };
    let contacts = ["ana", "ben", "cyd"].map(|name| (Arc::from(name), Contact::default()));
    Book {
        contacts: contacts.into_iter().collect(),
        schedules: vec![(schedule, String::new())],
        ..Book::default()
    }
}

struct Story {
    store: Arc<StateStore>,
    _directory: tempfile::TempDir,
    desk: Desk,
}

impl Story {
    fn new(people: &[&str]) -> Story {
        let directory = tempfile::tempdir().unwrap();
        let migrations = [crate::MIGRATIONS, crate::oncall::MIGRATIONS];
        let store = Arc::new(StateStore::open(&directory.path().join("state.db"), &migrations).unwrap());
        let desk = Desk::open(store.clone(), book(people), b"secret").unwrap();
        Story { store, _directory: directory, desk }
    }

    fn restarts(&mut self, people: &[&str]) {
        self.desk = Desk::open(self.store.clone(), book(people), b"secret").unwrap();
    }

    /// Days since the first Monday.
    fn away(&self, person: &str, days: &[(i64, i64)], now: i64) {
        let leave = |(from, until): &(i64, i64)| Leave { from: day(*from), until: day(*until) };
        self.desk.set_leave(&person.into(), days.iter().map(leave).collect(), day(now)).unwrap()
    }

    /// ana asks for cover of these days, and cyd accepts.
    fn is_covered(&self, from: i64, until: i64, now: i64) {
        let wanted = Cover {
            id: 0,
            schedule: "web".into(),
            person: "ana".into(),
            from: day(from),
            until: day(until),
            note: String::new(),
            by: "ana".into(),
            at: day(now),
            taken: None,
        };
        let Ok(asked) = self.desk.ask_for_cover(wanted) else { panic!("she has a turn then") };
        assert!(self.desk.accept_cover(asked.id, &"cyd".into(), "cyd", day(now)).is_ok());
    }

    /// Who is on call on each of so many days, by the first letter.
    fn days(&self, count: i64, now: i64) -> String {
        let roster = self.desk.roster(day(now));
        let letter = |at| roster.duty("web", day(at)).person.map_or('-', |name| name.chars().next().unwrap());
        (0..count).map(letter).collect()
    }
}

fn day(count: i64) -> Timestamp {
    Timestamp(MONDAY + count * DAY)
}

#[test]
fn c108_whoever_is_away_is_stood_in_for_by_the_next_in_the_list() {
    let mut story = Story::new(&["ana", "ben", "cyd"]);
    assert_eq!(story.days(21, 0), "aaaaaaabbbbbbbccccccc");
    story.away("ana", &[(2, 4)], 0);
    let roster = story.desk.roster(day(0));
    story.away("ana", &[(2, 4)], 0);
    assert!(Arc::ptr_eq(&roster, &story.desk.roster(day(0))), "nothing new");
    assert_eq!(story.days(21, 0), "aabbaaabbbbbbbccccccc");
    story.away("ben", &[(3, 10)], 0);
    assert_eq!(story.days(21, 0), "aabcaaacccbbbbccccccc");
    story.restarts(&["ana", "ben", "cyd"]);
    assert_eq!(story.days(21, 0), "aabcaaacccbbbbccccccc");
    let clashes = story.desk.clashes_ahead(day(0));
    let said: Vec<_> = clashes
        .iter()
        .map(|it| {
            (
                &*it.person,
                it.start,
                it.end,
                it.stand_ins.iter().map(|name| &**name).collect::<Vec<_>>(),
                it.has_gap,
            )
        })
        .collect();
    let expected =
        [("ana", day(2), day(4), vec!["ben", "cyd"], false), ("ben", day(7), day(10), vec!["cyd"], false)];
    assert_eq!(said, expected);
}

#[test]
fn what_was_stays_whatever_the_calendar_says_later() {
    let story = Story::new(&["ana", "ben", "cyd"]);
    story.away("ana", &[(0, 5)], 0);
    // On the third day it is said that she never was away, and goes on Saturday.
    story.away("ana", &[(5, 6)], 2);
    assert_eq!(story.days(7, 2), "bbaaaba");
    story.away("ana", &[], 6);
    assert_eq!(story.days(7, 6), "bbaaaba");
}

#[test]
fn where_nobody_is_left_it_stays_theirs_and_somebodys_word_goes_before_a_calendar() {
    let story = Story::new(&["ana"]);
    story.away("ana", &[(1, 3)], 0);
    assert_eq!(story.days(4, 0), "aaaa");
    assert_eq!(story.desk.gaps_ahead(day(0)), []);
    let clashes = story.desk.clashes_ahead(day(0));
    assert!(clashes[0].has_gap && clashes[0].stand_ins.is_empty());
    assert_eq!((clashes.len(), clashes[0].start, clashes[0].end), (1, day(1), day(3)));
    let over = Override {
        id: 0,
        schedule: "web".into(),
        person: "ana".into(),
        in_place_of: None,
        start: day(1),
        until: day(2),
        by: "ana".into(),
        at: day(0),
        note: "I am at home after all".into(),
    };
    story.desk.stand_in(over).unwrap();
    assert_eq!(story.days(4, 0), "aaaa");
    let clashes = story.desk.clashes_ahead(day(0));
    assert_eq!((clashes.len(), clashes[0].start, clashes[0].end), (1, day(2), day(3)));
}

#[test]
fn a_calendar_that_is_taken_away_brings_its_person_back_and_when_it_was_read_is_kept() {
    let mut story = Story::new(&["ana", "ben", "cyd"]);
    story.away("ana", &[(1, 6)], 0);
    story.desk.leave_is_the_same(&"ana".into(), day(2)).unwrap();
    story.restarts(&["ana", "ben", "cyd"]);
    assert_eq!(story.desk.calendars_read(), BTreeMap::from([(Arc::from("ana"), day(2))]));
    assert_eq!(story.days(7, 2), "abbbbba");
    story.desk.forget_calendar(&"ana".into(), day(3)).unwrap();
    assert_eq!(story.days(7, 3), "abbaaaa");
    story.restarts(&["ana", "ben", "cyd"]);
    assert!(story.desk.calendars_read().is_empty());
    assert_eq!(story.days(7, 3), "abbaaaa");
}

#[test]
fn who_has_nobody_behind_them_is_stood_in_for_by_the_layer_below() {
    let layer = |people: &[&str]| book(people).schedules.remove(0).0.layer.remove(0);
    let mut two = book(&["ana"]);
    two.schedules[0].0.layer.push(layer(&["cyd"]));
    let mut story = Story::new(&["ana"]);
    story.desk = Desk::open(story.store.clone(), two, b"secret").unwrap();
    story.away("ana", &[(1, 3)], 0);
    assert_eq!(story.days(4, 0), "acca");
    assert_eq!(story.desk.gaps_ahead(day(0)), []);
    assert_eq!(story.desk.clashes_ahead(day(0))[0].stand_ins, [Arc::<str>::from("cyd")]);
}

#[test]
fn whoever_has_accepted_cover_has_it_whether_the_calendar_was_read_before_or_after() {
    let story = Story::new(&["ana", "ben"]);
    story.is_covered(2, 4, 0);
    story.away("ana", &[(2, 5)], 1);
    assert_eq!(story.days(8, 1), "aaccbaab");
    let story = Story::new(&["ana", "ben"]);
    story.away("ana", &[(2, 5)], 0);
    assert_eq!(story.days(8, 0), "aabbbaab");
    story.is_covered(2, 4, 1);
    assert_eq!(story.days(8, 1), "aaccbaab");
}

#[test]
fn cover_holds_too_where_only_the_layer_below_would_have_stood_in() {
    let mut two = book(&["ana"]);
    let below = book(&["ben"]).schedules.remove(0).0.layer.remove(0);
    two.schedules[0].0.layer.push(below);
    let mut story = Story::new(&["ana"]);
    story.desk = Desk::open(story.store.clone(), two, b"secret").unwrap();
    story.away("ana", &[(1, 4)], 0);
    story.is_covered(1, 3, 0);
    assert_eq!(story.days(5, 0), "accba");
}

#[test]
fn when_all_are_away_it_is_theirs_whose_turn_it_is() {
    let story = Story::new(&["ana", "ben"]);
    story.away("ana", &[(1, 9)], 0);
    story.away("ben", &[(3, 8)], 0);
    assert_eq!(story.days(10, 0), "abbaaaabbb");
    assert_eq!(story.desk.gaps_ahead(day(0)), []);
    let clashes = story.desk.clashes_ahead(day(0));
    let said: Vec<_> = clashes.iter().map(|it| (&*it.person, it.stand_ins.len(), it.has_gap)).collect();
    assert_eq!(said, [("ana", 1, true), ("ben", 0, true)]);
}

#[test]
fn who_covers_for_somebody_and_goes_on_leave_then_is_named() {
    let story = Story::new(&["ana", "ben"]);
    story.is_covered(2, 5, 0);
    assert_eq!(story.desk.clashes_ahead(day(0)), []);
    story.away("cyd", &[(3, 9)], 1);
    assert_eq!(story.days(7, 1), "aacccaa", "they have said so");
    let clashes = story.desk.clashes_ahead(day(1));
    let said: Vec<_> = clashes.iter().map(|it| (&*it.person, it.start, it.end, it.has_gap)).collect();
    assert_eq!(said, [("cyd", day(3), day(5), true)]);
}
