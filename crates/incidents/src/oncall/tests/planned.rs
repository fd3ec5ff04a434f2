//! Layers whose turns stand in a calendar.

use std::sync::Arc;

use state_store::StateStore;
use vocabulary::{Secret, Timestamp};

use crate::book::{Book, Contact};
use crate::desk::{Desk, Failed};
use crate::oncall::leave::Leave;
use crate::oncall::planned::{LayerName, Planned};
use crate::oncall::{LayerConfig, ScheduleConfig};
use crate::people::Refusal;

const HOUR: i64 = 3_600;

fn texts(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Above everybody's turns there is a layer with a calendar, and cyd is below.
fn schedule(people: &[&str]) -> ScheduleConfig {
    let planned = LayerConfig {
        name: "shop".into(),
        people: texts(people),
        calendar: Some(Secret("https://calendar.example.org/s3cret.ics".into())),
        ..LayerConfig::default()
    };
    let below = LayerConfig {
        people: texts(&["cyd"]),
        rotation: "weekly".into(),
        start: "1970-01-05".into(),
        ..LayerConfig::default()
    };
    ScheduleConfig { name: "web".into(), layer: vec![planned, below], ..ScheduleConfig::default() }
}

fn book(schedule: ScheduleConfig) -> Book {
    let contacts = ["ana", "ben", "cyd"].map(|name| (Arc::from(name), Contact::default()));
    Book {
        contacts: contacts.into_iter().collect(),
        schedules: vec![(schedule.without_addresses(), "a.toml:1".into())],
        ..Book::default()
    }
}

struct Story {
    store: Arc<StateStore>,
    _directory: tempfile::TempDir,
    desk: Desk,
}

impl Story {
    fn new(schedule: ScheduleConfig) -> Story {
        let directory = tempfile::tempdir().unwrap();
        let migrations = [crate::MIGRATIONS, crate::oncall::MIGRATIONS];
        let store = Arc::new(StateStore::open(&directory.path().join("state.db"), &migrations).unwrap());
        let desk = Desk::open(store.clone(), book(schedule), b"secret").unwrap();
        Story { store, _directory: directory, desk }
    }

    fn restarts(&mut self, schedule: ScheduleConfig) {
        self.desk = Desk::open(self.store.clone(), book(schedule), b"secret").unwrap();
    }

    /// `ana ben`: the first has the turn.
    fn says(&self, turns: &[(i64, i64, &str)], now: i64) {
        let planned = |(from, until, people): &(i64, i64, &str)| Planned {
            from: hour(*from),
            until: hour(*until),
            people: people.split(' ').map(Arc::from).collect(),
        };
        self.desk.set_plan(&name(), turns.iter().map(planned).collect(), hour(now)).unwrap();
    }

    /// Who is on call in each of the first twelve hours, by the first letter.
    fn hours(&self, now: i64) -> String {
        let roster = self.desk.roster(hour(now));
        let letter =
            |at| roster.duty("web", hour(at)).person.map_or('-', |name| name.chars().next().unwrap());
        (0..12).map(letter).collect()
    }
}

/// Since the morning of a Monday, when the rotation has begun.
fn hour(count: i64) -> Timestamp {
    Timestamp(11 * 86_400 + (9 + count) * HOUR)
}

fn name() -> LayerName {
    LayerName { schedule: "web".into(), layer: "shop".into() }
}

#[test]
fn an_event_puts_somebody_on_call_and_outside_of_events_the_layers_below_have_it() {
    let mut story = Story::new(schedule(&["ana", "ben"]));
    assert_eq!(story.hours(0), "cccccccccccc", "nothing is known yet");
    story.says(&[(2, 5, "ana"), (5, 6, "ben"), (8, 10, "ben ana")], 0);
    assert_eq!(story.hours(0), "ccaaabccbbcc");
    let roster = story.desk.roster(hour(0));
    story.desk.plan_is_the_same(&name(), hour(1)).unwrap();
    assert!(Arc::ptr_eq(&roster, &story.desk.roster(hour(1))), "nothing new");
    let borders: Vec<i64> =
        roster.schedules["web"].schedule.shifts(hour(0), hour(12)).iter().map(|it| it.start.0).collect();
    assert_eq!(borders, [0, 2, 5, 6, 8, 10].map(|count| hour(count).0));
    story.restarts(schedule(&["ana", "ben"]));
    assert_eq!(story.hours(1), "ccaaabccbbcc", "what was known last holds");
    assert_eq!(story.desk.plans_read().into_values().collect::<Vec<_>>(), [hour(1)]);
}

#[test]
fn whoever_is_away_is_stood_in_for_by_the_next_of_the_event_and_then_by_the_layers_below() {
    let story = Story::new(schedule(&["ana", "ben"]));
    story.says(&[(2, 5, "ana"), (8, 10, "ana ben")], 0);
    story.desk.set_leave(&"ana".into(), vec![Leave { from: hour(4), until: hour(9) }], hour(0)).unwrap();
    assert_eq!(story.hours(0), "ccaacccc".to_owned() + "bacc");
    let clashes = story.desk.clashes_ahead(hour(0));
    let stand_ins: Vec<&str> = clashes.iter().flat_map(|it| &it.stand_ins).map(|name| &**name).collect();
    assert_eq!(stand_ins, ["cyd", "ben"]);
}

#[test]
fn what_was_stays_whatever_the_calendar_says_later_and_when_there_is_none() {
    let mut story = Story::new(schedule(&["ana", "ben"]));
    story.says(&[(0, 12, "ana")], 1);
    story.says(&[(0, 6, "ben"), (8, 9, "ana")], 3);
    assert_eq!(story.hours(3), "aaabbbccaccc");
    story.desk.forget_plan(&name(), hour(5)).unwrap();
    story.restarts(schedule(&["ana", "ben"]));
    assert_eq!((story.hours(5).as_str(), story.desk.plans_read().len()), ("aaabbccccccc", 0));
}

#[test]
fn whom_the_layer_does_not_name_has_no_turns_in_it_from_then_on() {
    let mut story = Story::new(schedule(&["ana", "ben"]));
    story.says(&[(0, 12, "ben ana")], 0);
    assert_eq!(story.hours(0), "bbbbbbbbbbbb");
    story.restarts(schedule(&["ana"]));
    assert_eq!(story.hours(4), "bbbbaaaaaaaa");
}

#[test]
fn the_address_is_in_no_version_and_another_one_makes_none() {
    let mut story = Story::new(schedule(&["ana"]));
    let kept = |story: &Story| {
        story.desk.roster(hour(1));
        let rows = story.store.query("SELECT definition FROM oncall_version", &[]).unwrap();
        rows.iter().map(|row| row.text(0).to_owned()).collect::<Vec<_>>()
    };
    let first = kept(&story);
    assert!(first.len() == 1 && !first[0].contains("s3cret"), "{first:?}");
    let mut moved = schedule(&["ana"]);
    moved.layer[0].calendar = Some(Secret("/var/lib/shop.ics".into()));
    story.restarts(moved);
    assert_eq!(kept(&story), first);
}

#[test]
fn what_is_wrong_with_a_calendar_is_among_the_warnings() {
    let story = Story::new(schedule(&["ana"]));
    let warnings = |story: &Story| story.desk.roster(hour(0)).warnings.clone();
    story.desk.doubt_plan(&name(), vec!["it cannot be read".into()], hour(0));
    assert_eq!(warnings(&story), ["schedule `web`, layer `shop`: it cannot be read"]);
    story.desk.doubt_plan(&name(), Vec::new(), hour(0));
    assert!(warnings(&story).is_empty());
}

#[test]
fn a_calendar_is_for_files_and_says_alone_whose_turn_it_is() {
    assert_eq!(schedule(&["ana"]).problems(), []);
    let mut wrong = schedule(&["ana"]);
    let layer = &mut wrong.layer[0];
    (layer.rotation, layer.start, layer.handoff) = ("weekly".into(), "2026-01-05".into(), "09:00".into());
    (layer.restrictions, layer.end) = (texts(&["monday"]), Some("2027-01-01".into()));
    layer.name = String::new();
    let keys: Vec<String> = wrong.problems().into_iter().map(|(key, _)| key).collect();
    let all = ["rotation", "start", "handoff", "end", "restrictions", "name"];
    assert_eq!(keys, all.map(|key| format!("layer.0.{key}")));
    let mut twice = schedule(&["ana"]);
    twice.layer[1] = twice.layer[0].clone();
    assert_eq!(twice.problems().len(), 1);
    assert!(twice.problems()[0].0 == "layer.1.name" && twice.problems()[0].1.contains("twice"));

    let story = Story::new(schedule(&["ana"]));
    let made = ScheduleConfig { name: "mail".into(), ..schedule(&["ana"]) };
    for refused in
        [story.desk.put_schedule(made.clone(), "ana", hour(0)), story.desk.would_be(&made, hour(0)).map(drop)]
    {
        let Err(Failed::Refused(Refusal::Bad(why))) = refused else { panic!("it is refused") };
        assert!(why.starts_with("layer.0.calendar (layer 1 `shop`): ") && why.contains("files"), "{why}");
    }
}
