//! The round of events, without a server.

use error_tracking::{NewProject, NoSymbols, Project, Received, Settings, digest};
use formats::sentry::json;
use vocabulary::error::EventId;
use vocabulary::ports::EventPage;

use super::*;
use crate::clock::SystemClock;

const MIGRATIONS: [state_store::Migrations; 4] = [
    error_tracking::MIGRATIONS,
    incidents::MIGRATIONS,
    incidents::oncall::MIGRATIONS,
    monitors::kinds::errors::MIGRATIONS,
];

struct Place {
    directory: tempfile::TempDir,
}

const NOW: Timestamp = Timestamp(1_700_000_000);

impl Place {
    fn new() -> Place {
        Place { directory: tempfile::tempdir().unwrap() }
    }

    fn open(&self) -> Errors {
        let database = self.directory.path().join("state.db");
        let state = Arc::new(StateStore::open(&database, &MIGRATIONS).unwrap());
        let errors = Errors::open(self.directory.path(), &state, &SystemClock);
        let errors = errors.map_err(|failure| failure.message).unwrap();
        errors.queue.lock().is_open = true;
        errors
    }
}

fn project(errors: &Errors) -> Arc<Project> {
    let new = NewProject { name: "web".into(), id: None, public_key: "0123456789abcdef".repeat(2) };
    errors.projects.create(&new, Timestamp(1)).unwrap()
}

fn event(project: &Arc<Project>, id: u8, message: &str) -> Incoming {
    let text = format!("{{\"message\": \"{message}\"}}");
    let received = Received {
        at: NOW,
        sent_at: None,
        peer_ip: None,
        envelope_event_id: Some(EventId([id; 16])),
        spare_id: EventId::default(),
        client: None,
    };
    let tree = json::read(text.as_bytes(), &json::Limits::default()).unwrap();
    let event = digest(project, tree, &received, &NoSymbols).unwrap();
    Incoming { project: project.clone(), event }
}

fn worked(errors: &Errors, events: Vec<Incoming>) -> Vec<Outcome> {
    let mut answered = errors.take(events).unwrap();
    let known = (&*errors.state, &*errors.tracker, &*errors.projects);
    let telling = ErrorTelling::open(known, Arc::default(), NOW).unwrap();
    let desk = Desk::open(errors.state.clone(), incidents::Book::default(), b"a secret").unwrap();
    let rules = Rules { telling: &telling, desk: &desk };
    assert_eq!(round(errors, &rules, errors.next(Duration::ZERO), NOW), [], "nobody asks");
    answered.try_recv().unwrap().unwrap()
}

fn count_of(errors: &Errors, outcome: &Outcome) -> u64 {
    let Outcome::Kept { group, .. } = outcome else { panic!("{outcome:?}") };
    errors.tracker.one(*group).unwrap().unwrap().count
}

#[test]
fn whoever_is_turned_away_is_told_why_and_counted() {
    let place = Place::new();
    let errors = place.open();
    let project = project(&errors);
    let mut answered = errors.take(vec![event(&project, 1, "a"), event(&project, 2, "b")]).unwrap();
    turn_away(&errors, errors.next(Duration::ZERO), "only 3 MiB of disk are free");
    assert_eq!(answered.try_recv().unwrap(), Err(NotKept("only 3 MiB of disk are free".into())));
    assert_eq!(errors.stats.not_kept.load(Ordering::Relaxed), 2);
    assert!(!errors.log.contains(project.id, EventId([1; 16])));
}

#[test]
fn what_is_answered_is_kept_and_counted_though_the_process_ends_there() {
    let place = Place::new();
    let first = {
        let errors = place.open();
        let project = project(&errors);
        let opened = worked(&errors, vec![event(&project, 1, "a")]);
        assert!(matches!(&opened[0], Outcome::Kept { short, news: Some(News::New), .. } if short == "WEB-1"));
        let repeated = worked(&errors, vec![event(&project, 2, "a"), event(&project, 2, "a")]);
        assert!(matches!(&repeated[0], Outcome::Kept { news: None, .. }));
        assert_eq!(repeated[1], Outcome::Doubled);
        assert_eq!(worked(&errors, vec![event(&project, 1, "a")]), [Outcome::Doubled]);
        assert_eq!(count_of(&errors, &opened[0]), 2);
        opened
    };
    // The repeat was in the log only.
    let errors = place.open();
    assert_eq!(count_of(&errors, &first[0]), 2);
    assert_eq!(errors.log.stats().events, 2);
    drop(errors);
    assert_eq!(count_of(&place.open(), &first[0]), 2, "once is enough");
}

#[test]
fn a_group_that_nobody_is_told_of_is_written_before_it_is_answered_for() {
    let place = Place::new();
    let errors = place.open();
    let settings = Settings { baseline_until: Some(NOW.0 + 100), ..Settings::default() };
    let project = errors.projects.set_settings(project(&errors).id, settings).unwrap();
    let opened = worked(&errors, vec![event(&project, 1, "a")]);
    assert!(matches!(&opened[0], Outcome::Kept { news: None, .. }));
    let rows = errors.state.query("SELECT count FROM error_group", &[]).unwrap();
    assert_eq!(rows.iter().map(|row| row.integer(0)).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_queue_has_an_end() {
    let place = Place::new();
    let errors = place.open();
    let project = project(&errors);
    let many = |count: usize| (0..count).map(|_| event(&project, 1, "a")).collect::<Vec<_>>();
    let _waiting = errors.take(many(MAX_WAITING)).unwrap();
    assert_eq!(errors.take(many(1)).unwrap_err(), Busy);
    assert_eq!((errors.waiting(), errors.filled()), (MAX_WAITING, 1.0));
    assert_eq!(errors.next(Duration::ZERO).len(), 1, "one that is longer than a round goes alone");
    errors.close();
    assert_eq!(errors.take(many(1)).unwrap_err(), Busy, "nobody would answer");
}

#[test]
fn a_split_that_a_kill_cut_off_is_finished_at_the_start() {
    let place = Place::new();
    let (number, made, group) = {
        let errors = place.open();
        let project = project(&errors);
        let ids = [(1, "cart is empty"), (2, "no such user"), (3, "no such user")];
        let groups: Vec<u64> = ids
            .map(|(id, message)| match worked(&errors, vec![event(&project, id, message)]).remove(0) {
                Outcome::Kept { group, .. } => group,
                other => panic!("{other:?}"),
            })
            .to_vec();
        errors.tracker.merge(groups[0], &[groups[1]], "ana", NOW).unwrap();
        errors.log.move_group(project.id, groups[1], groups[0]).unwrap();
        let leaves = event(&project, 9, "no such user").event.hashes[0].value;
        let mut parting = errors.tracker.parting(&project, groups[0], &[leaves], NOW).unwrap();
        let all = errors.log.list(project.id, groups[0], EventPage { before: None, limit: 10 }).unwrap();
        all.iter().for_each(|event| parting.add(event));
        let made = errors.tracker.split(parting, |_| Ok(()), "ana", NOW).unwrap();
        (project.id, made, groups[0])
    };
    let errors = place.open();
    let ids = |group| {
        let events = errors.log.list(number, group, EventPage { before: None, limit: 10 }).unwrap();
        events.iter().map(|event| event.key.id.0[0]).collect::<std::collections::BTreeSet<u8>>()
    };
    assert_eq!((ids(group), ids(made)), ([1].into(), [2, 3].into()));
    let counted = |group| errors.tracker.one(group).unwrap().unwrap().count;
    assert_eq!((counted(group), counted(made)), (1, 2));
}
