//! A month worked out by hand, and the borders of each definition.

use std::sync::Arc;

use jiff::tz::TimeZone;
use state_store::StateStore;
use vocabulary::Timestamp;
use vocabulary::state::{InstanceId, State, StateChange, StateType};

use super::*;
use crate::book::{Book, Contact, Kind, Subject};
use crate::desk::Desk;
use crate::night::Night;
use crate::people::Deed;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

fn case(opened: i64, closed: Option<i64>) -> Case {
    Case {
        id: opened,
        reason: "monitor:shop".into(),
        title: "shop".into(),
        opened,
        known: opened,
        closed,
        worst: State::Critical,
        production: true,
        acknowledged: None,
        pages: 1,
        self_healed: false,
        judged: None,
    }
}

fn answered(opened: i64, after: i64, closed: i64) -> Case {
    Case { acknowledged: Some((opened + after, "ana".into())), ..case(opened, Some(closed)) }
}

#[test]
fn a_month_equals_what_a_hand_computes() {
    // 30 days. In seconds since its beginning:
    //   A  day 1 00:00, had after  2 min, over after 30 min
    //   B  day 3 00:00, had after  4 min, over after 60 min
    //   C  day 3 00:30 (while B is open), had after 12 min, over after 90 min: until day 3 02:00
    //   D  day 9 12:00, nobody had it, over by itself after 20 min, it paged
    //   E  over within 59 s                         left out: flapped
    //   F  over by itself, and nobody was told      left out: untold
    //   G  of staging                               left out: not production
    //   H  day 20, a warning only, had after 1 min, over after 10 min: no failure
    let cases = [
        answered(DAY, 2 * MINUTE, DAY + 30 * MINUTE),
        answered(3 * DAY, 4 * MINUTE, 3 * DAY + HOUR),
        answered(3 * DAY + 30 * MINUTE, 12 * MINUTE, 3 * DAY + 2 * HOUR),
        Case { self_healed: true, ..case(9 * DAY + 12 * HOUR, Some(9 * DAY + 12 * HOUR + 20 * MINUTE)) },
        case(11 * DAY, Some(11 * DAY + 59)),
        Case { self_healed: true, pages: 0, ..case(12 * DAY, Some(12 * DAY + HOUR)) },
        Case { production: false, ..case(13 * DAY, Some(13 * DAY + HOUR)) },
        Case { worst: State::Warning, ..answered(20 * DAY, MINUTE, 20 * DAY + 10 * MINUTE) },
    ];
    let all = dealing(&cases, 30 * DAY);
    assert_eq!((all.incidents, all.paged, all.self_healed, all.open), (5, 5, 1, 0));
    assert_eq!((all.flapped, all.untold, all.not_production), (1, 1, 1));
    // MTTA: 2, 4, 12, 1 minutes: mean 19/4 = 4.75, in order 1 2 4 12: median 3, p95 rank ceil(3.8) = 4: 12.
    let minutes = |mean: f64, median: f64, p95: f64, count| {
        Some(Figures { count, mean: mean * 60.0, median: median * 60.0, p95: p95 * 60.0 })
    };
    assert_eq!(all.to_acknowledge, minutes(4.75, 3.0, 12.0, 4));
    // MTTR: 30, 60, 90, 20, 10 minutes: mean 210/5 = 42, median 30, p95 rank ceil(4.75) = 5: 90.
    assert_eq!(all.to_recover, minutes(42.0, 30.0, 90.0, 5));
    // Failures: A; B with C (day 3 00:00 to 02:00); D. Between: day 1 00:30 to day 3 00:00 = 47.5 h;
    // day 3 02:00 to day 9 12:00 = 154 h. Mean and median 100.75 h, p95 rank ceil(1.9) = 2: 154 h.
    assert_eq!(all.failures, 3);
    assert_eq!(all.between, minutes(100.75 * 60.0, 100.75 * 60.0, 154.0 * 60.0, 2));
}

#[test]
fn figures_of_few_and_of_none() {
    assert_eq!(Figures::of(Vec::new()), None);
    assert_eq!(Figures::of(vec![7]), Some(Figures { count: 1, mean: 7.0, median: 7.0, p95: 7.0 }));
    // 1 to 100: rank 95. 1 to 20: rank 19. 1 to 21: rank ceil(19.95) = 20.
    for (count, p95) in [(100, 95.0), (20, 19.0), (21, 20.0)] {
        assert_eq!(Figures::of((1..=count).collect()).map(|figures| figures.p95), Some(p95), "{count}");
    }
    assert_eq!(dealing([], 100), Dealing::default());
    let open = dealing(&[case(10, None)], 100);
    assert_eq!((open.open, open.failures, open.to_recover, open.between), (1, 1, None, None));
}

fn nights(zone: TimeZone) -> Nights {
    Nights::everywhere(Night::read("22:00-07:00").unwrap(), zone)
}

#[test]
fn a_persons_load_counts_pages_incidents_and_nights() {
    let sent = |contact: &str, incident, at, lost| Sent { incident, contact: contact.into(), at, lost };
    let record = Record {
        // Twice in the night of the first day, once in that of the second (before seven), once at noon, and one that
        // never arrived.
        sent: vec![
            sent("ana", Some(1), 22 * HOUR, false),
            sent("ana", Some(1), DAY + 3 * HOUR, false),
            sent("ana", Some(2), 2 * DAY + 6 * HOUR, false),
            sent("ana", Some(3), 2 * DAY + 12 * HOUR, false),
            sent("ana", Some(4), 3 * DAY + 2 * HOUR, true),
            sent("ben", None, 12 * HOUR, false),
        ],
        cases: vec![answered(22 * HOUR, MINUTE, 23 * HOUR)],
        begins: None,
    };
    let all = load(&record, &nights(TimeZone::UTC));
    let ana = Load { pages: 5, lost: 1, incidents: 4, at_night: 3, nights: 2, acknowledged: 1 };
    assert_eq!(all["ana"], ana);
    assert_eq!(all["ben"], Load { pages: 1, ..Load::default() });
    // Twelve hours to the east noon is midnight.
    let east = load(&record, &nights(TimeZone::fixed(jiff::tz::offset(12))));
    assert_eq!((east["ben"].at_night, east["ben"].nights), (1, 1));
}

#[test]
fn the_record_is_what_the_desk_kept() {
    let directory = tempfile::tempdir().unwrap();
    let store =
        StateStore::open(&directory.path().join("state.db"), &[crate::MIGRATIONS, crate::oncall::MIGRATIONS])
            .unwrap();
    let mut book = Book::default();
    let contact = Contact {
        channels: vec!["mail".into(), "log".into()],
        time_zone: Some("Europe/Berlin".into()),
        ..Contact::default()
    };
    book.contacts.insert("ana".into(), contact);
    let subject = Subject { kind: Kind::Monitor, contacts: vec!["ana".into()], ..Subject::default() };
    book.subjects.insert((false, "shop".into()), subject);
    let desk = Desk::open(Arc::new(store), book, b"secret").unwrap();
    assert_eq!(desk.nights(Timestamp(0)).zone("ana").iana_name(), Some("Europe/Berlin"));
    let change = |to, at| StateChange {
        id: InstanceId { monitor: "shop".into(), instance: "".into() },
        at: Timestamp(at),
        from: State::Ok,
        from_type: StateType::Hard,
        to,
        to_type: StateType::Hard,
        attempt: 1,
        value: None,
        text: "".into(),
        withheld: None,
        since: None,
        of_sender: None,
    };
    desk.take(&[change(State::Critical, 1_000)], &[], Timestamp(1_000)).unwrap();
    let deed = Deed::Acknowledge { comment: String::new() };
    desk.act(1, "ana", &deed, Timestamp(1_060)).unwrap();
    desk.act(1, "ben", &Deed::Take { comment: String::new() }, Timestamp(1_090)).unwrap();
    desk.judge(1, "ana", Worth::Useless, "", Timestamp(1_100)).unwrap();
    desk.take(&[change(State::Ok, 1_600)], &[], Timestamp(1_600)).unwrap();
    let record = desk.what_happened(0, 2_000).unwrap();
    let wanted = Case {
        id: 1,
        acknowledged: Some((1_060, "ana".into())),
        judged: Some(Worth::Useless),
        ..case(1_000, Some(1_600))
    };
    assert_eq!(record.cases, [wanted]);
    // What is only listed reaches nobody.
    assert_eq!(record.sent, [Sent { incident: Some(1), contact: "ana".into(), at: 1_000, lost: false }]);
    assert_eq!(record.begins, Some(1_000));
    assert_eq!(noisiest(&record)[0].1.useless, 1);
    let later = desk.what_happened(1_001, 2_000).unwrap();
    assert_eq!((later.cases.len(), later.sent.len(), later.begins), (0, 0, Some(1_000)));
    // Of what was seen before it was told here a report has the times at which it was seen.
    let seen = |to, since, at| StateChange { since: Some(Timestamp(since)), ..change(to, at) };
    desk.take(&[seen(State::Critical, 4_000, 9_000)], &[], Timestamp(9_000)).unwrap();
    desk.take(&[seen(State::Ok, 4_900, 9_001)], &[], Timestamp(9_001)).unwrap();
    let then = desk.what_happened(4_000, 4_001).unwrap().cases;
    assert_eq!(
        then.iter().map(|case| (case.opened, case.closed)).collect::<Vec<_>>(),
        [(4_000, Some(4_900))]
    );
    // Nobody could have it before it was known.
    assert_eq!((then[0].known, then[0].pages), (9_000, 1));
    assert!(desk.what_happened(4_001, 10_000).unwrap().cases.is_empty());
    // So has what somebody judged.
    desk.judge(then[0].id, "ana", Worth::Useful, "", Timestamp(9_002)).unwrap();
    let verdicts = desk.verdicts(Timestamp(4_000), Timestamp(4_000)).unwrap();
    let lasted: Vec<_> = verdicts.iter().map(|verdict| (verdict.opened, verdict.closed)).collect();
    assert_eq!(lasted, [(4_000, Some(4_900))]);
    assert!(desk.verdicts(Timestamp(4_001), Timestamp(10_000)).unwrap().is_empty());
}
