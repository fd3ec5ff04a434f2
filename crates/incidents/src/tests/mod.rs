//! The rules of telling, by stories with a clock of their own.

mod alerts;
mod clock;
mod deeds;
mod delivery;
mod ends;
mod entries;
mod errors;
mod faults;
mod grouping;
mod leaving;
mod limited;
mod newcomers;
mod night;
mod owning;
mod policies;
mod reached;
mod reaching;
mod rooms;
mod worse;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use state_store::StateStore;
use vocabulary::Timestamp;
use vocabulary::state::{InstanceId, Notice, NoticeKind, State, StateChange, StateType, Withheld};

use crate::book::{Book, Contact, Kind, Subject};
use crate::config::{Environments, IncidentsConfig};
use crate::core::{Estate, Incidents};
use crate::incident::{Acknowledged, Key, Phase};
use crate::page::{Page, PageKind};
use crate::people::{Deed, Refusal};

fn contact(channels: &[&str]) -> Contact {
    Contact { channels: channels.iter().map(|name| Arc::from(*name)).collect(), ..Contact::default() }
}

fn subject(kind: Kind, host: Option<&str>, contacts: &[&str]) -> Subject {
    let contacts = contacts.iter().map(|name| Arc::from(*name)).collect();
    Subject {
        kind,
        host: host.map(Arc::from),
        contacts,
        critical: Some("> 800".into()),
        ..Subject::default()
    }
}

fn book() -> Book {
    let mut book = Book {
        config: IncidentsConfig {
            contacts: vec!["default".into()],
            night: "off".into(),
            group_window: vocabulary::time::HumanDuration(std::time::Duration::ZERO),
            reopen_within: vocabulary::time::HumanDuration(std::time::Duration::ZERO),
            ..IncidentsConfig::default()
        },
        environments: Environments::default(),
        ..Book::default()
    };
    for (name, channels) in [("ops", &["mail", "hook"][..]), ("ana", &["mail"]), ("default", &["hook"])] {
        book.contacts.insert(name.into(), contact(channels));
    }
    let mut add =
        |host: bool, name: &str, subject: Subject| book.subjects.insert((host, name.into()), subject);
    add(false, "latency", subject(Kind::Monitor, None, &["ops"]));
    add(false, "unclaimed", subject(Kind::Monitor, None, &[]));
    add(false, "shadow", Subject { shadow: true, ..subject(Kind::Monitor, None, &["ops"]) });
    add(false, "web/http", subject(Kind::Check, Some("web"), &["ops"]));
    add(false, "web/disk", subject(Kind::Check, Some("web"), &["ana"]));
    add(true, "web", subject(Kind::Host, None, &["ops"]));
    book
}

#[derive(Default)]
struct Sky {
    withheld: RefCell<HashMap<Key, Withheld>>,
    will_tell: RefCell<HashSet<(Key, String)>>,
    acknowledged: RefCell<HashMap<Key, Acknowledged>>,
}

impl Estate for Sky {
    fn withheld(&self, key: &Key) -> Option<Withheld> {
        self.withheld.borrow().get(key).copied()
    }

    fn will_tell(&self, key: &Key, contact: &str) -> bool {
        self.will_tell.borrow().contains(&(key.clone(), contact.to_owned()))
    }

    fn acknowledged(&self, key: &Key) -> Option<Acknowledged> {
        self.acknowledged.borrow().get(key).cloned()
    }
}

/// Incidents that are written and read again after each step, as if the process were killed each time.
struct Story {
    store: Arc<StateStore>,
    _directory: tempfile::TempDir,
    incidents: Incidents,
    sky: Sky,
    now: i64,
    /// Who has been told of which incident, and not of its end.
    believes: HashSet<(i64, String)>,
    /// Notices are silenced.
    silent: bool,
    /// It is nobody's time.
    office_hours: bool,
}

fn id(name: &str) -> InstanceId {
    let (monitor, instance) = name.split_once('|').unwrap_or((name, ""));
    InstanceId { monitor: monitor.into(), instance: instance.into() }
}

fn key(name: &str) -> Key {
    Key::of(&id(name))
}

fn change(name: &str, to: State, withheld: Option<Withheld>, at: i64) -> StateChange {
    StateChange {
        id: id(name),
        at: Timestamp(at),
        from: State::Ok,
        from_type: StateType::Hard,
        to,
        to_type: StateType::Hard,
        attempt: 1,
        value: Some(912.0),
        text: format!("text of {name}").into(),
        withheld,
        since: None,
        of_sender: None,
    }
}

impl Story {
    fn new() -> Story {
        let directory = tempfile::tempdir().unwrap();
        let store = StateStore::open(
            &directory.path().join("state.db"),
            &[crate::MIGRATIONS, crate::oncall::MIGRATIONS],
        )
        .unwrap();
        let mut incidents = Incidents::load(&store).unwrap();
        incidents.set_book(book());
        Story {
            store: Arc::new(store),
            _directory: directory,
            incidents,
            sky: Sky::default(),
            now: 1_000,
            believes: HashSet::new(),
            silent: false,
            office_hours: false,
        }
    }

    fn killed(&mut self) {
        self.store.transaction(|tx| self.incidents.save(tx)).unwrap();
        let (book, counters) = (std::mem::take(&mut self.incidents.book), self.incidents.counters);
        let roster = self.incidents.roster().clone();
        self.incidents = Incidents::load(&self.store).unwrap();
        self.incidents.counters = counters;
        self.incidents.set_book(book);
        self.incidents.set_roster(roster);
    }

    fn told(&mut self, pages: Vec<Page>) -> Vec<String> {
        self.killed();
        for page in &pages {
            let whom = (page.incident.unwrap(), format!("{} by {}", page.contact, page.channel));
            match page.kind {
                // It is no word of trouble, and no end follows it.
                PageKind::Mention | PageKind::Joined => {}
                kind if kind.is_end() => {
                    assert!(self.believes.remove(&whom), "{whom:?} hears of an end without a problem");
                }
                _ => drop(self.believes.insert(whom)),
            }
        }
        pages
            .iter()
            .map(|page| format!("{} {} by {}", page.kind.word(), page.contact, page.channel))
            .collect()
    }

    fn goes(&mut self, name: &str, to: State) -> Vec<String> {
        self.goes_with(name, to, None)
    }

    fn goes_with(&mut self, name: &str, to: State, withheld: Option<Withheld>) -> Vec<String> {
        self.now += 10;
        self.mind_hours();
        let pages = self.incidents.apply(&change(name, to, withheld, self.now), Timestamp(self.now));
        self.told(pages)
    }

    fn notice(&mut self, name: &str, kind: NoticeKind, state: State, contact: &str) -> Vec<String> {
        let notice = self.notice_of(name, kind, state, contact);
        let pages = self.incidents.take(&[], &[(notice, self.silent)], Timestamp(self.now));
        self.told(pages)
    }

    fn notice_of(&self, name: &str, kind: NoticeKind, state: State, contact: &str) -> Notice {
        Notice {
            id: id(name),
            at: Timestamp(self.now),
            kind,
            state,
            contact: contact.into(),
            number: 1,
            text: "text".into(),
            author: "".into(),
            comment: "".into(),
        }
    }

    fn tick(&mut self, seconds: i64) -> Vec<String> {
        self.now += seconds;
        self.mind_hours();
        let pages = self.incidents.tick(&self.sky, Timestamp(self.now));
        self.told(pages)
    }

    fn mind_hours(&mut self) {
        let out = self.office_hours;
        self.incidents.book.periods = Some(Arc::new(move |_, _, _| !out));
    }

    fn act(&mut self, id: i64, deed: Deed) -> Result<Vec<String>, Refusal> {
        self.incidents.act(id, "bea", &deed, Timestamp(self.now))?;
        let pages = self.incidents.take(&[], &[], Timestamp(self.now));
        Ok(self.told(pages))
    }
}

const NOBODY: [&str; 0] = [];

#[test]
fn a_problem_and_its_end_go_to_the_contacts_by_all_their_channels() {
    let mut story = Story::new();
    assert_eq!(story.goes("latency", State::Critical), ["problem ops by mail", "problem ops by hook"]);
    assert_eq!(story.tick(1), NOBODY);
    assert_eq!(story.goes("latency", State::Ok), ["recovery ops by hook", "recovery ops by mail"]);
    assert_eq!(story.tick(1), NOBODY);
    assert_eq!(story.goes("unclaimed", State::Critical), ["problem default by hook"]);
}

#[test]
fn a_warning_opens_and_does_not_page_until_it_is_worse() {
    let mut story = Story::new();
    assert_eq!(story.goes("latency", State::Warning), NOBODY);
    assert_eq!(story.incidents.open_count(), 1);
    assert_eq!(story.goes("latency", State::Critical).len(), 2);
    assert_eq!(story.goes("latency", State::Warning), NOBODY);
    assert_eq!(story.goes("latency", State::Critical), NOBODY, "told at this severity before");
    assert_eq!(story.goes("latency", State::Ok).len(), 2);
}

#[test]
fn ten_thousand_instances_are_one_incident_and_one_page() {
    let mut story = Story::new();
    let at = Timestamp(story.now);
    let storm: Vec<_> =
        (0..10_000).map(|n| change(&format!("latency|s{n}"), State::Critical, None, story.now)).collect();
    let mut pages = story.incidents.take(&storm[..5_000], &[], at);
    pages.extend(story.incidents.take(&storm[5_000..], &[], at));
    assert_eq!(pages[0].message.bad, 5_000);
    assert_eq!(story.told(pages).len(), 2, "one for each channel of the contact");
    let incident = story.incidents.live.values().next().unwrap();
    assert_eq!((incident.detail.breaches, incident.detail.bad), (10_000, 10_000));
    assert!(incident.detail.entries < 50, "{}", incident.detail.entries);
    let calm: Vec<_> =
        (0..10_000).map(|n| change(&format!("latency|s{n}"), State::Ok, None, story.now)).collect();
    assert_eq!(story.incidents.take(&calm[1..], &[], at).len(), 0);
    let pages = story.incidents.take(&calm[..1], &[], at);
    assert_eq!(story.told(pages), ["recovery ops by hook", "recovery ops by mail"]);
}

#[test]
fn what_is_held_back_is_told_when_that_lifts() {
    let mut story = Story::new();
    let instance = key("latency");
    for why in [Withheld::Downtime, Withheld::Silence, Withheld::Flapping, Withheld::Period] {
        story.sky.withheld.borrow_mut().insert(instance.clone(), why);
        assert_eq!(story.goes_with("latency", State::Critical, Some(why)), NOBODY);
        assert_eq!(story.tick(3_600), NOBODY);
        story.sky.withheld.borrow_mut().clear();
        assert_eq!(story.tick(1).len(), 2, "{why:?}");
        assert_eq!(story.goes("latency", State::Ok).len(), 2);
    }
    story.goes_with("latency", State::Critical, Some(Withheld::Downtime));
    story.goes("latency", State::Ok);
    assert_eq!(story.tick(1), NOBODY, "it was over before it could be told");
}

#[test]
fn an_end_under_a_silence_is_told_after_it() {
    let mut story = Story::new();
    story.goes("latency", State::Critical);
    story.sky.withheld.borrow_mut().insert(key("latency"), Withheld::Silence);
    assert_eq!(story.goes_with("latency", State::Ok, Some(Withheld::Silence)), NOBODY);
    assert_eq!(story.tick(3_600), NOBODY);
    story.sky.withheld.borrow_mut().clear();
    assert_eq!(story.tick(1).len(), 2);
    assert_eq!(story.tick(1), NOBODY);
}

#[test]
fn what_comes_back_before_its_end_was_told_is_the_same_incident() {
    let mut story = Story::new();
    story.goes("latency", State::Critical);
    story.sky.withheld.borrow_mut().insert(key("latency"), Withheld::Silence);
    story.goes_with("latency", State::Ok, Some(Withheld::Silence));
    story.sky.withheld.borrow_mut().clear();
    assert_eq!(story.goes("latency", State::Critical), NOBODY, "they think that it is bad, and so it is");
    assert_eq!(story.goes("latency", State::Ok).len(), 2);
    assert_eq!(story.goes("latency", State::Critical).len(), 2, "this is another one");
    assert_eq!(story.incidents.next_incident, 3);
}

#[test]
fn a_check_tells_its_contacts_itself_and_the_incident_tells_whom_it_leaves_out() {
    let mut story = Story::new();
    assert_eq!(story.goes("web/http", State::Critical), NOBODY);
    let problem =
        |story: &mut Story, contact| story.notice("web/http", NoticeKind::Problem, State::Critical, contact);
    assert_eq!(problem(&mut story, "ops"), ["problem ops by mail", "problem ops by hook"]);
    assert_eq!(problem(&mut story, "ana"), ["problem ana by mail"]);
    let (now, id) = (Timestamp(story.now), id("web/http"));
    let recovery = Notice {
        id,
        at: now,
        kind: NoticeKind::Recovery,
        state: State::Ok,
        contact: "ops".into(),
        number: 2,
        text: "fine".into(),
        author: "".into(),
        comment: "".into(),
    };
    let fine = change("web/http", State::Ok, None, story.now);
    let pages = story.incidents.take(&[fine], &[(recovery, false)], now);
    assert_eq!(story.told(pages), ["recovery ops by mail", "recovery ops by hook"]);
    assert_eq!(
        story.tick(1),
        ["recovery ana by mail"],
        "an escalation told her, the recovery did not name her"
    );
    assert_eq!(story.tick(1), NOBODY);
}

#[test]
fn a_notice_that_a_silence_kept_back_is_told_when_it_lifts() {
    let mut story = Story::new();
    let silence = |story: &mut Story, on: bool| {
        story.silent = on;
        match on {
            true => drop(story.sky.withheld.borrow_mut().insert(key("web/http"), Withheld::Silence)),
            false => story.sky.withheld.borrow_mut().clear(),
        }
    };
    silence(&mut story, true);
    story.goes_with("web/http", State::Critical, Some(Withheld::Silence));
    assert_eq!(story.notice("web/http", NoticeKind::Problem, State::Critical, "ops"), NOBODY);
    assert_eq!(story.tick(3_600), NOBODY);
    silence(&mut story, false);
    assert_eq!(story.tick(1), ["still ops by mail", "still ops by hook"]);
    assert_eq!(story.tick(1), NOBODY);
    silence(&mut story, true);
    story.goes_with("web/http", State::Ok, Some(Withheld::Silence));
    assert_eq!(story.notice("web/http", NoticeKind::Recovery, State::Ok, "ops"), NOBODY);
    assert_eq!(story.tick(3_600), NOBODY);
    silence(&mut story, false);
    assert_eq!(story.tick(1), ["recovery ops by hook", "recovery ops by mail"]);
    silence(&mut story, true);
    story.goes_with("web/http", State::Critical, Some(Withheld::Silence));
    story.notice("web/http", NoticeKind::Problem, State::Critical, "ops");
    story.goes_with("web/http", State::Ok, Some(Withheld::Silence));
    silence(&mut story, false);
    assert_eq!(story.tick(1), NOBODY, "nobody knew of it, and it is over");
}

#[test]
fn whom_the_check_will_still_tell_is_left_to_it() {
    let mut story = Story::new();
    story.goes("web/http", State::Critical);
    story.notice("web/http", NoticeKind::Problem, State::Critical, "ops");
    story.sky.will_tell.borrow_mut().insert((key("web/http"), "ops".into()));
    story.goes_with("web/http", State::Ok, Some(Withheld::Flapping));
    assert_eq!(story.tick(60), NOBODY);
    story.sky.will_tell.borrow_mut().clear();
    assert_eq!(story.notice("web/http", NoticeKind::Recovery, State::Ok, "ops").len(), 2);
    assert_eq!(story.tick(60), NOBODY, "once is enough");
    assert!(!story.incidents.knows(1));
}

#[test]
fn a_host_that_is_down_takes_its_checks_into_one_incident() {
    let mut story = Story::new();
    assert_eq!(story.goes_with("web/disk", State::Critical, Some(Withheld::HostDown)), NOBODY);
    assert_eq!(story.goes("host:web", State::Down), NOBODY);
    assert_eq!(story.notice("host:web", NoticeKind::Problem, State::Down, "ops").len(), 2);
    assert_eq!(story.goes_with("web/http", State::Critical, Some(Withheld::HostDown)), NOBODY);
    assert_eq!(story.incidents.open_count(), 1);
    assert_eq!(story.incidents.live.values().next().unwrap().detail.bad, 3);
    story.goes("host:web", State::Up);
    story.notice("host:web", NoticeKind::Recovery, State::Up, "ops");
    story.goes("web/http", State::Ok);
    assert_eq!(story.incidents.open_count(), 1);
    story.goes("web/disk", State::Ok);
    assert_eq!(story.incidents.open_count(), 0);
    assert_eq!(story.tick(1), NOBODY, "ops heard of its end");
}

#[test]
fn shadow_and_what_is_not_production_do_not_page() {
    let mut story = Story::new();
    assert_eq!(story.goes("shadow", State::Critical), NOBODY);
    assert_eq!(story.goes_with("latency", State::Critical, Some(Withheld::Shadow)), NOBODY);
    assert_eq!(story.incidents.open_count(), 0);
    assert_eq!(story.goes("latency|cpu;env=staging", State::Critical), NOBODY);
    assert_eq!(story.incidents.open_count(), 1);
}

#[test]
fn people_acknowledge_note_snooze_and_resolve() {
    let mut story = Story::new();
    story.goes("latency|a", State::Critical);
    let acknowledge = Deed::Acknowledge { comment: "looking".into() };
    assert_eq!(story.act(1, acknowledge.clone()), Ok(vec![]));
    assert_eq!(story.incidents.live[&1].phase, Phase::Acknowledged);
    let entries = story.incidents.live[&1].detail.entries;
    assert_eq!(story.act(1, acknowledge), Ok(vec![]), "twice does nothing more");
    assert_eq!(story.incidents.live[&1].detail.entries, entries);
    assert!(matches!(story.act(1, Deed::Note { text: " ".into() }), Err(Refusal::Bad(_))));
    assert!(matches!(story.act(9, Deed::Note { text: "x".into() }), Err(Refusal::Unknown)));
    let resolve = Deed::Resolve { comment: "known".into(), helped: String::new() };
    assert_eq!(story.act(1, resolve.clone()).unwrap(), ["resolved ops by hook", "resolved ops by mail"]);
    assert_eq!(story.goes("latency|a", State::Critical), NOBODY, "dismissed");
    assert_eq!(story.tick(3_600), NOBODY);
    assert_eq!(story.goes("latency|b", State::Critical).len(), 2, "this was not");
    assert_eq!(story.goes("latency|a", State::Ok), NOBODY);
    assert_eq!(story.goes("latency|b", State::Ok).len(), 2);
}

#[test]
fn a_snooze_ends_with_another_word_if_it_is_still_bad() {
    let mut story = Story::new();
    story.goes("latency", State::Warning);
    let until = Timestamp(story.now + 600);
    story.act(1, Deed::Snooze { until, comment: String::new() }).unwrap();
    assert_eq!(story.goes("latency", State::Critical), NOBODY);
    assert_eq!(story.tick(500), NOBODY);
    assert_eq!(story.tick(200).len(), 2);
    let past = Timestamp(story.now - 1);
    assert!(matches!(
        story.act(1, Deed::Snooze { until: past, comment: String::new() }),
        Err(Refusal::Bad(_))
    ));
    let far = Timestamp(story.now + 40 * 86_400);
    assert!(matches!(
        story.act(1, Deed::Snooze { until: far, comment: String::new() }),
        Err(Refusal::Bad(_))
    ));
}

#[test]
fn a_checks_own_rules_are_quiet_while_people_want_them_to_be() {
    let mut story = Story::new();
    let notice = |story: &mut Story, state| story.notice("web/http", NoticeKind::Problem, state, "ops");
    story.goes("web/http", State::Warning);
    assert_eq!(notice(&mut story, State::Warning).len(), 2);
    let until = Timestamp(story.now + 600);
    story.act(1, Deed::Snooze { until, comment: String::new() }).unwrap();
    assert_eq!(notice(&mut story, State::Warning), NOBODY, "its interval is over, the snooze is not");
    assert_eq!(story.tick(500), NOBODY);
    assert_eq!(story.tick(200), ["still ops by mail", "still ops by hook"]);
    story.act(1, Deed::Resolve { comment: String::new(), helped: String::new() }).unwrap();
    story.tick(1);
    assert!(story.believes.is_empty());
    assert_eq!(notice(&mut story, State::Warning), NOBODY, "closed by hand");
    story.goes("web/http", State::Critical);
    assert_eq!(notice(&mut story, State::Critical).len(), 2, "it is worse now");
}

#[test]
fn kinds_of_pages_have_the_words_of_notices() {
    assert_eq!(PageKind::of_notice(NoticeKind::FlappingDisabled).word(), "flapping_stop");
    assert_eq!(PageKind::of_notice(NoticeKind::DowntimeCancelled).word(), "downtime_cancelled");
}

#[test]
fn a_title_names_a_few_sub_checks_of_its_own_check_and_counts_the_others() {
    let mut story = Story::new();
    for part in ["a", "b", "c", "d", "e"] {
        story.goes(&format!("web/http|{part}"), State::Critical);
    }
    assert_eq!(story.incidents.live[&1].title, "web/http: a, b, c and 2 more");
    story.goes("web/disk|x", State::Critical);
    story.act(2, Deed::Merge { into: 1 }).unwrap();
    story.goes("web/http|f", State::Critical);
    assert_eq!(story.incidents.live[&1].title, "web/http: a, b, c and 3 more");
    for part in 0..crate::limits::MAX_COUNTED_PARTS {
        story.incidents.apply(
            &change(&format!("web/http|p{part}"), State::Critical, None, story.now),
            Timestamp(story.now),
        );
    }
    assert_eq!(story.incidents.live[&1].title, "web/http: a, b, c and more than 1000 more");
}
