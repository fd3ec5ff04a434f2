//! Whose turn begins soon hears of it once, and quietly.

use std::sync::Arc;

use state_store::StateStore;
use vocabulary::Timestamp;

use crate::book::{Book, Contact};
use crate::core::Estate;
use crate::desk::Desk;
use crate::incident::{Acknowledged, Key};
use crate::oncall::cover::Cover;
use crate::oncall::leave::Leave;
use crate::oncall::{LayerConfig, ScheduleConfig};
use vocabulary::state::Withheld;

const DAY: i64 = 86_400;
/// Monday, 12:00.
const NOON: i64 = 4 * DAY + DAY / 2;

struct Sky;

impl Estate for Sky {
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

struct Story {
    store: Arc<StateStore>,
    _directory: tempfile::TempDir,
    desk: Desk,
    rotation: &'static str,
    handoff: &'static str,
}

/// ana and ben in turn; each has a mailbox and a telephone.
fn book(rotation: &str, handoff: &str) -> Book {
    let contact = || Contact { channels: vec!["mail".into(), "sms".into()], ..Contact::default() };
    let layer = LayerConfig {
        people: vec!["ana".into(), "ben".into()],
        rotation: rotation.into(),
        start: "1970-01-05".into(),
        handoff: handoff.into(),
        ..LayerConfig::default()
    };
    let schedule = ScheduleConfig { name: "web".into(), layer: vec![layer], ..ScheduleConfig::default() };
    let contacts = ["ana", "ben", "cyd"].map(|name| (Arc::from(name), contact()));
    Book {
        contacts: contacts.into_iter().collect(),
        quiet: ["mail".into()].into_iter().collect(),
        schedules: vec![(schedule, String::new())],
        ..Book::default()
    }
}

impl Story {
    fn new(rotation: &'static str, handoff: &'static str) -> Story {
        let directory = tempfile::tempdir().unwrap();
        let migrations = [crate::MIGRATIONS, crate::oncall::MIGRATIONS];
        let store = Arc::new(StateStore::open(&directory.path().join("state.db"), &migrations).unwrap());
        let desk = Desk::open(store.clone(), book(rotation, handoff), b"secret").unwrap();
        Story { store, _directory: directory, desk, rotation, handoff }
    }

    fn restarts(&mut self) {
        self.desk = Desk::open(self.store.clone(), book(self.rotation, self.handoff), b"secret").unwrap();
    }

    /// (hours since noon, who, title) of what is told in these hours.
    fn told(&self, hours: std::ops::Range<i64>) -> Vec<(i64, String, String)> {
        let known = self.pages().len();
        let mut told = Vec::new();
        for hour in hours {
            self.desk.tick(&Sky, Timestamp(NOON + hour * 3_600)).unwrap();
            let pages = self.pages();
            told.extend(pages.into_iter().skip(known + told.len()).map(|(who, title)| (hour, who, title)));
        }
        told
    }

    fn pages(&self) -> Vec<(String, String)> {
        assert_eq!(self.desk.due("sms", i64::MAX, 100).len(), 0, "it rings for nobody");
        let pages = self.desk.due("mail", i64::MAX, 100).into_iter();
        let mut pages: Vec<_> = pages.map(|waiting| waiting.page).collect();
        pages.sort_by_key(|page| page.id);
        pages.into_iter().map(|page| (page.contact.to_string(), page.message.title)).collect()
    }
}

#[test]
fn whose_turn_begins_within_a_day_hears_of_it_once_through_a_restart() {
    let mut story = Story::new("weekly", "monday 15:00");
    // ben's week begins on the next Monday, seven days and three hours from now.
    assert_eq!(
        story.told(0..2),
        [(0, "ana".into(), "you are on call for `web` from Mon 05 Jan 15:00".into())]
    );
    story.restarts();
    assert_eq!(story.told(2..7 * 24 - 21), []);
    let told = story.told(7 * 24 - 21..7 * 24 + 48);
    assert_eq!(told, [(7 * 24 - 21, "ben".into(), "you are on call for `web` from Mon 12 Jan 15:00".into())]);
}

#[test]
fn nobody_is_told_at_night_nor_of_what_comes_each_day() {
    // A day before the handoff at three it is night, which is over at seven: 20 hours before.
    let story = Story::new("weekly", "monday 03:00");
    let told = story.told(0..7 * 24);
    let short: Vec<(i64, &str)> = told.iter().map(|(hour, who, _)| (*hour, who.as_str())).collect();
    assert_eq!(short, [(6 * 24 - 5, "ben")]);
    let story = Story::new("12h", "06:00");
    let told = story.told(0..5 * 24);
    assert_eq!(told.len(), 1, "of his first turn, and of none after it: {told:?}");
}

#[test]
fn asking_for_cover_and_covering_are_told_to_whom_it_concerns() {
    let story = Story::new("weekly", "monday 15:00");
    let at = Timestamp(NOON + 6 * 3_600);
    let wanted = Cover {
        id: 0,
        schedule: "web".into(),
        person: "ana".into(),
        from: at,
        until: at.plus(DAY),
        note: "my daughter is ill".into(),
        by: "ana".into(),
        at,
        taken: None,
    };
    let asked = story.desk.ask_for_cover(wanted).unwrap();
    let title = "ana asks for cover in `web`, Mon 05 Jan 18:00 to Tue 06 Jan 18:00";
    assert_eq!(story.pages(), [("ben".to_owned(), title.to_owned())]);
    story.desk.accept_cover(asked.id, &"ben".into(), "ben", at).unwrap();
    let title = "ben covers for you in `web`, Mon 05 Jan 18:00 to Tue 06 Jan 18:00";
    assert_eq!(story.pages()[1], ("ana".to_owned(), title.to_owned()));
}

#[test]
fn who_stands_in_for_leave_that_runs_already_is_told_once() {
    let mut story = Story::new("weekly", "monday 15:00");
    assert_eq!(story.told(0..5).len(), 1);
    let at = |hour: i64| Timestamp(NOON + hour * 3_600);
    story.desk.set_leave(&"ana".into(), vec![Leave { from: at(4), until: at(10) }], at(5)).unwrap();
    let ben = "you are on call for `web` from Mon 05 Jan 17:00".to_owned();
    assert_eq!(story.told(5..6), [(5, "ben".into(), ben)]);
    story.restarts();
    story.desk.tick(&Sky, at(5).plus(90)).unwrap();
    assert_eq!(story.pages().len(), 2);
    assert_eq!(story.told(6..12), [], "and she is not told that it is hers again");
}
