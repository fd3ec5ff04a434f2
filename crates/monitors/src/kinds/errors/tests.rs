//! Stories of errors, with a clock of their own.

use error_tracking::{Level, News};
use state_store::StateStore;
use vocabulary::Timestamp;
use vocabulary::state::State;

use super::rules::{Change, ErrorRules, What};
use super::{Met, Past, Seen};
use crate::config::{Definitions, MonitorConfig};

const NOW: i64 = 1_700_000_000;
const QUIET: [&str; 0] = [];

struct Story {
    store: StateStore,
    _directory: tempfile::TempDir,
    monitors: Vec<MonitorConfig>,
    rules: ErrorRules,
    now: i64,
}

/// An event of group 12 of the project `shop`.
fn event() -> Seen {
    Seen {
        project: 1,
        project_name: "shop".into(),
        group: 70,
        number: 12,
        title: "TypeError: x".into(),
        level: Level::Error,
        environment: Some("production".into()),
        release: Some("shop@1.0".into()),
        tags: vec![("browser".into(), "Firefox 121".into())],
        user: None,
        // When it is told.
        at: Timestamp(i64::MAX),
        news: None,
        is_new_here: false,
        is_open: true,
        assigned: None,
    }
}

fn new() -> Seen {
    Seen { news: Some(News::New), is_new_here: true, ..event() }
}

fn back() -> Seen {
    Seen { news: Some(News::Regressed { resolved_release: None, release: None }), ..event() }
}

fn monitors(toml: &str) -> Vec<MonitorConfig> {
    let all: Definitions = toml::from_str(toml).unwrap();
    assert!(all.problems().is_empty(), "{:?}", all.problems());
    all.monitors
}

fn rule(when: &str) -> String {
    format!("[[monitor]]\nname = \"shop-errors\"\nkind = \"errors\"\nproject = \"shop\"\nwhen = [{when}]\n")
}

impl Story {
    fn of(toml: &str) -> Story {
        let directory = tempfile::tempdir().unwrap();
        let store = StateStore::open(&directory.path().join("state.db"), &[super::MIGRATIONS]).unwrap();
        let monitors = monitors(toml);
        let rules = ErrorRules::open(&store, &monitors, Timestamp(NOW)).unwrap();
        Story { store, _directory: directory, monitors, rules, now: NOW }
    }

    fn seen(&mut self, seen: &Seen) -> Vec<String> {
        self.now += 1;
        let changes = self.rules.told(std::slice::from_ref(seen), Timestamp(self.now));
        self.keep();
        words(&changes)
    }

    /// So many, a second apart.
    fn many(&mut self, count: u64, seen: impl Fn(u64) -> Seen) -> Vec<String> {
        (0..count).flat_map(|number| self.seen(&seen(number))).collect()
    }

    fn after(&mut self, seconds: i64) -> Vec<String> {
        self.now += seconds;
        let changes = self.rules.tick(Timestamp(self.now));
        self.keep();
        words(&changes)
    }

    fn settled(&mut self, why: &str) -> Vec<String> {
        let changes = self.rules.settled(1, 70, why, Timestamp(self.now));
        self.keep();
        words(&changes)
    }

    fn reload(&mut self, toml: &str) -> Vec<String> {
        self.monitors = monitors(toml);
        let changes = self.rules.reload(&self.monitors, Timestamp(self.now));
        self.keep();
        words(&changes)
    }

    fn keep(&mut self) {
        self.store.transaction(|tx| self.rules.save(tx)).unwrap();
        self.rules.saved();
        assert!(self.rules.is_saved());
    }

    /// What is not on the disk is lost.
    fn restart(&mut self) {
        self.rules = ErrorRules::open(&self.store, &self.monitors, Timestamp(self.now)).unwrap();
    }

    /// Whose past was asked for, and is this.
    fn learn(&mut self, past: &Past) -> usize {
        let questions = self.rules.questions(Timestamp(self.now));
        questions.iter().for_each(|question| self.rules.learn(question, past, Timestamp(self.now)));
        questions.len()
    }
}

fn words(changes: &[Change]) -> Vec<String> {
    let word = |change: &Change| {
        let what = match &change.what {
            What::Begins(Met::New) => "is new".to_owned(),
            What::Begins(Met::Back) => "is back".to_owned(),
            What::Begins(Met::Events { count, .. }) => format!("{count} events"),
            What::Begins(Met::Users { count, .. }) => format!("{count} people"),
            What::Begins(Met::Spike { count, usual, .. }) => format!("{count} times, {usual} are usual"),
            What::Ends(why) => format!("over: {why}"),
        };
        format!("{} {what}", change.group)
    };
    changes.iter().map(word).collect()
}

#[test]
fn what_is_new_is_told_once_and_ends_when_it_is_calm() {
    let mut story = Story::of(&rule("\"new\""));
    assert_eq!(story.seen(&new()), ["shop/12 is new"]);
    assert_eq!(story.many(100, |_| event()), QUIET);
    assert_eq!(story.after(3_599), QUIET);
    assert_eq!(story.seen(&event()), QUIET, "it goes on");
    assert_eq!(story.after(3_599), QUIET);
    assert_eq!(story.after(1), ["shop/12 over: it has been calm for 1 h"]);
    assert_eq!(story.seen(&event()), QUIET, "it is not new any more");
    assert_eq!(story.rules.counters().told, 1);
}

#[test]
fn c113_whose_it_is_goes_with_each_word_of_it() {
    let whose = |changes: Vec<Change>| changes.into_iter().map(|change| change.assigned).collect::<Vec<_>>();
    let of = |team: &str, seen: Seen| [Seen { assigned: Some(team.into()), ..seen }];
    let mut story = Story::of(&rule("\"new\", \"regressed\", \"events > 2 in 5m\""));
    let mut told = |seen: &[Seen]| whose(story.rules.told(seen, Timestamp(NOW)));
    assert_eq!(told(&of("pay", new())), [Some("pay".into())]);
    assert_eq!(told(&of("web", back())), [Some("web".into())], "it stands, and is another's since");
    assert_eq!(told(&[event()]), [None], "the third of them is nobody's");
    story.keep();
    story.restart();
    assert_eq!(whose(story.rules.settled(1, 70, "resolved by ana", Timestamp(NOW))), [None]);
}

#[test]
fn what_somebody_resolved_is_over_and_comes_back() {
    let mut story = Story::of(&rule("\"new\", \"regressed\""));
    story.seen(&new());
    assert_eq!(story.settled("resolved by ana"), ["shop/12 over: resolved by ana"]);
    assert_eq!(story.seen(&Seen { is_open: false, ..event() }), QUIET, "an older release still has it");
    assert_eq!(story.seen(&back()), ["shop/12 is back"]);
    assert_eq!(story.settled("resolved by ana"), ["shop/12 over: resolved by ana"]);
    assert_eq!(story.settled("resolved by ana"), QUIET);
}

#[test]
fn each_environment_is_told_for_itself() {
    let mut story = Story::of(&rule("\"new\""));
    let staging = Seen { environment: Some("staging".into()), ..new() };
    assert_eq!(story.seen(&staging), ["shop/12 is new"]);
    let production = Seen { news: None, is_new_here: true, ..event() };
    assert_eq!(story.seen(&production), ["shop/12 is new"], "nobody was paged for staging");
    let environments: Vec<_> =
        story.rules.standing("shop-errors").map(|(place, _)| &place.environment).collect();
    assert_eq!(environments.len(), 2);
}

#[test]
fn too_many_events_are_told_once_while_they_come() {
    let mut story = Story::of(&rule("\"events > 10 in 1min\""));
    assert_eq!(story.many(10, |_| event()), QUIET);
    assert_eq!(story.seen(&event()), ["shop/12 11 events"]);
    assert_eq!(story.many(100, |_| event()), QUIET);
    // One a minute is not too many.
    for _ in 0..59 {
        assert_eq!(story.after(60), QUIET);
        assert_eq!(story.seen(&event()), QUIET);
    }
    assert_eq!(story.after(60), ["shop/12 over: it has been calm for 1 h"]);
}

#[test]
fn what_happened_long_ago_is_no_crowd_of_now() {
    let mut story = Story::of(&rule("\"events > 3 in 5m\", \"users > 2 in 5m\""));
    let old = |user: u64| Seen { user: Some(user), at: Timestamp(NOW - 3_600), ..event() };
    assert_eq!(story.many(20, old), QUIET);
    assert_eq!(story.many(4, |user| Seen { user: Some(user), ..event() }).len(), 2);
}

#[test]
fn people_are_counted_once_each() {
    let mut story = Story::of(&rule("\"users > 2 in 1h\""));
    let of = |user: u64| Seen { user: Some(user), ..event() };
    assert_eq!(story.many(50, |_| of(1)), QUIET);
    assert_eq!(story.many(50, |_| event()), QUIET, "nobody in particular");
    assert_eq!(story.many(2, |number| of(2 + number)), ["shop/12 3 people"]);
}

#[test]
fn a_spike_is_told_by_what_is_usual() {
    let mut story = Story::of(&rule("\"spike\""));
    let usual = Past {
        first_seen: Timestamp(0),
        minutes: (20..2_880).map(|ago| (Timestamp(NOW - ago * 60), 2)).collect(),
    };
    story.many(20, |_| event());
    assert_eq!(story.learn(&usual), 1);
    assert_eq!(story.after(1), QUIET, "twenty in ten minutes are usual");
    story.many(100, |_| event());
    assert_eq!(story.learn(&usual), 0, "it is known");
    assert_eq!(story.after(1), ["shop/12 120 times, 20 are usual"]);
    assert_eq!(story.after(1), QUIET);
    // The window is empty after ten minutes, and then it has to be calm.
    assert_eq!(story.after(3_000), QUIET);
    assert_eq!(story.after(600), ["shop/12 over: it has been calm for 1 h"]);
}

#[test]
fn a_young_error_has_no_spike() {
    let mut story = Story::of(&rule("\"spike\""));
    story.many(500, |_| event());
    story.learn(&Past { first_seen: Timestamp(NOW - 3_600), ..Past::default() });
    assert_eq!(story.after(1), QUIET);
}

#[test]
fn rules_are_about_what_they_say() {
    let check = |keys: &str, told: bool| {
        let mut story = Story::of(&format!("{}{keys}", rule("\"new\"")));
        assert_eq!(!story.seen(&new()).is_empty(), told, "{keys}");
    };
    check("environment = \"production\"", true);
    check("environment = \"staging\"", false);
    check("release = \"shop@1.*\"", true);
    check("release = \"shop@2.*\"", false);
    check("tag = \"browser=Firefox*\"", true);
    check("tag = \"browser=Chrome*\"", false);
    check("tag = \"device=*\"", false);
    let other = rule("\"new\"").replace("\"shop\"", "\"web\"");
    assert_eq!(Story::of(&other).seen(&new()), QUIET);
    let all = rule("\"new\"").replace("\"shop\"", "\"*\"");
    assert_eq!(Story::of(&all).seen(&new()), ["shop/12 is new"]);
}

#[test]
fn a_warning_is_no_critical_matter() {
    let mut story = Story::of(&rule("\"new\""));
    story.seen(&new());
    story.seen(&Seen { group: 71, number: 13, level: Level::Warning, ..new() });
    let mut states: Vec<State> = story.rules.standing("shop-errors").map(|(_, one)| one.state).collect();
    states.sort_by_key(|state| state.badness());
    assert_eq!(states, [State::Warning, State::Critical]);
}

#[test]
fn a_restart_tells_nothing_twice_and_ends_nothing() {
    let mut story = Story::of(&rule("\"new\", \"events > 10 in 1min\""));
    story.seen(&new());
    story.now += 7_200;
    story.restart();
    assert_eq!(story.after(1), QUIET, "we were away, not it");
    assert_eq!(story.seen(&new()), QUIET, "its event is read back from the log");
    story.rules.fill(&event(), 9, Timestamp(story.now));
    assert_eq!(story.seen(&event()), ["shop/12 11 events"], "its window is filled from the counts");
    assert_eq!(story.after(3_600), ["shop/12 over: it has been calm for 1 h"]);
    story.restart();
    assert_eq!(story.rules.counters().standing, 0);
}

#[test]
fn what_no_rule_asks_for_has_ended() {
    let mut story = Story::of(&rule("\"new\", \"events > 1 in 1min\""));
    story.seen(&new());
    story.seen(&event());
    assert_eq!(story.reload(&rule("\"new\"")), QUIET, "it is still new");
    let other = rule("\"regressed\"");
    assert_eq!(story.reload(&other), ["shop/12 over: no rule asks for it any more"]);
    story.seen(&back());
    assert_eq!(story.reload(""), ["shop/12 over: no rule asks for it any more"]);
    assert_eq!(story.after(1), QUIET);
    assert!(story.rules.is_idle());
}

#[test]
fn groups_beyond_the_bound_make_room_and_what_is_told_of_stays() {
    let mut story = Story::of(&rule("\"new\", \"events > 10 in 1min\""));
    story.seen(&new());
    let others: Vec<Seen> = (0..6_000).map(|group| Seen { group: 100 + group, ..event() }).collect();
    story.rules.told(&others, Timestamp(story.now + 1));
    let counters = story.rules.counters();
    assert!(counters.watched <= super::limits::MAX_WATCHED && counters.forgotten > 1_000, "{counters:?}");
    assert_eq!(counters.standing, 1);
}

#[test]
fn problems_are_told_with_their_keys() {
    let check = |toml: &str, key: &str, why: &str| {
        let all: Definitions = toml::from_str(toml).unwrap();
        let problems = all.problems();
        let is_told = problems.iter().any(|(at, text)| at == key && text.contains(why));
        assert!(is_told, "{toml}: {problems:?}");
    };
    let begin = "[[monitor]]\nname = \"e\"\nkind = \"errors\"\n";
    check(begin, "monitor.0.project", "write project = \"web\"");
    check(begin, "monitor.0.when", "write when = [\"new\", \"regressed\"]");
    let project = format!("{begin}project = \"web\"\n");
    check(&format!("{project}when = [\"often\"]"), "monitor.0.when", "`often` is no condition on errors");
    check(&format!("{project}when = [\"new\", \"NEW\"]"), "monitor.0.when", "`NEW` is there already");
    let good = format!("{project}when = [\"new\"]\n");
    check(&format!("{good}tag = \"browser\""), "monitor.0.tag", "write such as \"browser=Firefox*\"");
    check(&format!("{good}environment = \"\""), "monitor.0.environment", "leave it out");
    check(&format!("{good}recover_for = \"1s\""), "monitor.0.recover_for", "write \"1min\" to \"2d\"");
    check(&format!("{good}target = \"a.b\""), "monitor.0.target", "this is of kind = \"metric\" only");
    check(&format!("{good}slug = \"a\""), "monitor.0.slug", "this is of kind = \"heartbeat\" only");
    let spike = format!("{project}when = [\"spike\"]\ntag = \"a=b\"");
    check(&spike, "monitor.0.tag", "not known by tag");
    let metric = "[[monitor]]\nname = \"m\"\ntarget = \"a.b\"\ncritical = \"> 1\"\nwhen = [\"new\"]";
    check(metric, "monitor.0.when", "this is of kind = \"errors\" only");
}
