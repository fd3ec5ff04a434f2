//! A noisy estate, seeded: far fewer pages are proposed, and no known outage is missed.

mod as_sent;
mod known;
mod policies;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::tz::TimeZone;
use state_store::StateStore;
use vocabulary::Timestamp;
use vocabulary::ports::QueryLimits;
use vocabulary::state::{State, StateType};

use super::report::Proof;
use super::weigh::{Nights, Verdict};
use super::*;
use crate::config::Definitions;
use crate::kinds::metric::Look;
use crate::kinds::metric::testing::{BEGIN, Stored};
use crate::past::{self, Chunk, PastEvent, PastWhat};
use crate::replay::Past;
use crate::{Files, Monitors};

const MINUTE: i64 = 60;
const DAY: i64 = 86_400;
const DAYS: i64 = 10;

/// Marsaglia's xorshift: the same estate from the same seed, everywhere.
struct Dice(u64);

impl Dice {
    fn of(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, bound: i64) -> i64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound.unsigned_abs()) as i64
    }
}

/// From ten in the evening until seven, UTC, for all but one.
pub(super) struct TenToSeven {
    pub awake: &'static str,
}

impl Nights for TenToSeven {
    fn of(&self, contact: &str, at: i64) -> Option<jiff::civil::Date> {
        let local = jiff::Timestamp::from_second(at).ok()?.to_zoned(TimeZone::UTC).datetime();
        match local.hour() {
            _ if contact == self.awake => None,
            22.. => Some(local.date()),
            hour if hour < 7 => local.date().yesterday().ok(),
            _ => None,
        }
    }

    fn count(&self, contact: &str, from: i64, until: i64) -> u64 {
        let looks = (from..until).step_by(1_800);
        looks.filter_map(|at| self.of(contact, at)).collect::<std::collections::BTreeSet<_>>().len() as u64
    }
}

struct Estate {
    series: Stored,
    definitions: Definitions,
    labels: Vec<Label>,
    events: Vec<PastEvent>,
    called: super::Called<'static>,
    sent: Vec<Sent>,
}

const RULES: &str = r#"
[[contact]]
name = "ana"
channels = ["log"]
[[monitor]]
name = "errors"
target = "site.errors"
critical = "> 50"
contacts = ["ana"]
[[monitor]]
name = "spikes"
target = "web.*.load"
critical = "> 8"
[[monitor]]
name = "tight"
target = "db.connections"
critical = "> 80"
[[monitor]]
name = "restless"
target = "queue.depth"
critical = "> 1000"
[[host]]
name = "web"
[[check]]
name = "web/db"
host = "web"
command = ["check"]
check_interval = "1min"
max_check_attempts = 1
contacts = ["ana"]
notification_interval = "0s"
[[check]]
name = "web/app"
host = "web"
command = ["check"]
check_interval = "1min"
max_check_attempts = 1
contacts = ["ana"]
notification_interval = "30min"
[[check]]
name = "web/swap"
host = "web"
command = ["check"]
check_interval = "10min"
max_check_attempts = 1
contacts = ["ana"]
notification_interval = "1h"
"#;

impl Estate {
    fn new(seed: u64) -> Estate {
        let mut dice = Dice::of(seed);
        let outages: Vec<(i64, i64)> = (0..3)
            .map(|number| {
                let start = BEGIN + (number * 3 + 1) * DAY + dice.below(DAY / MINUTE) * MINUTE;
                (start, start + (20 + dice.below(40)) * MINUTE)
            })
            .collect();
        let series = Stored::with_archives("1m:90d");
        let is_out = |at: i64| outages.iter().any(|(start, end)| (*start..*end).contains(&at));
        let mut restless = 0;
        for at in (0..DAYS * DAY / MINUTE).map(|minute| BEGIN + minute * MINUTE) {
            let mut spike =
                |one_in: i64, high: f64, low: f64| if dice.below(one_in) == 0 { high } else { low };
            series.put("site.errors", at, if is_out(at) { 400.0 } else { spike(600, 60.0, 2.0) });
            for host in ["web.one.load", "web.two.load"] {
                series.put(host, at, spike(150, 12.0, 1.0));
            }
            series.put("db.connections", at, spike(100, 84.0, 60.0));
            if restless == 0 && spike(300, 1.0, 0.0) > 0.0 {
                restless = 30;
            }
            restless = (restless - 1).max(0);
            series.put("queue.depth", at, if restless % 4 > 1 { 1_500.0 } else { 10.0 });
        }
        let label =
            |(start, end): &(i64, i64)| Label { start: *start, end: *end, title: "checkout is down".into() };
        Estate {
            series,
            definitions: toml::from_str(RULES).unwrap(),
            labels: outages.iter().map(label).collect(),
            events: events(&mut dice),
            called: &|_| None,
            sent: Vec::new(),
        }
    }

    fn prove(&self) -> Proof {
        self.prove_while(&|_| true)
    }

    fn prove_while(&self, go_on: &(dyn Fn(f64) -> bool + Sync)) -> Proof {
        let question = Question {
            definitions: &self.definitions,
            origins: &BTreeMap::from([(("monitor", "spikes".to_owned()), "conf.d/web.toml:3".to_owned())]),
            labels: self.labels.clone(),
            nights: &TenToSeven { awake: "nobody" },
            sent: self.sent.clone(),
            judged: BTreeMap::new(),
        };
        self.on(|ground| prove(&question, ground, go_on).unwrap())
    }

    fn on<T>(&self, ask: impl FnOnce(&Ground<'_>) -> T) -> T {
        self.within(&QueryLimits::default(), ask)
    }

    fn within<T>(&self, limits: &QueryLimits, ask: impl FnOnce(&Ground<'_>) -> T) -> T {
        let directory = tempfile::tempdir().unwrap();
        let migrations = [crate::store::MIGRATIONS, past::MIGRATIONS];
        let store = Arc::new(StateStore::open(&directory.path().join("s.db"), &migrations).unwrap());
        let chunk = Chunk { events: self.events.clone(), done: None };
        store.transaction(|tx| past::write(tx, &chunk)).unwrap();
        let end = BEGIN + DAYS * DAY;
        let files = Files { definitions: self.definitions.clone(), ..Files::default() };
        let monitors = Monitors::open(store.clone(), files, TimeZone::UTC, Timestamp(end)).unwrap();
        let (zone, window) = (TimeZone::UTC, (Timestamp(BEGIN), Timestamp(end)));
        let ground = Ground {
            look: Look {
                source: &self.series,
                events: &graphite::NoEvents,
                zone: &zone,
                limits,
                now: window.1,
            },
            past: Past { from: window.0, until: window.1, blind: Vec::new().into() },
            store: &store,
            monitors: &monitors,
            zone: &zone,
            telling: Telling {
                contacts: vec!["ben".into()],
                page_warnings: false,
                pages: &|_, _, _| true,
                called: self.called,
            },
        };
        ask(&ground)
    }
}

fn change(line: i64, at: i64, name: &str, state: State) -> PastEvent {
    let state_type = StateType::Hard;
    let what = PastWhat::State { state, state_type, attempt: 1, changed: true, text: "so".into() };
    PastEvent { at, object: "check".into(), name: name.into(), line, what }
}

/// A database that hiccups with what needs it behind it, and a swap that is full for days, which somebody is told of each
/// hour.
fn events(dice: &mut Dice) -> Vec<PastEvent> {
    let mut events = Vec::new();
    let mut change = |at: i64, name: &str, state: State| {
        events.push(change(events.len() as i64, at, name, state));
    };
    for name in ["web/db", "web/app", "web/swap"] {
        change(BEGIN, name, State::Ok);
    }
    for number in 0..DAYS * 2 {
        let at = BEGIN + number * DAY / 2 + dice.below(300) * MINUTE + 3_600;
        change(at, "web/db", State::Critical);
        change(at + 2 * MINUTE, "web/app", State::Critical);
        change(at + 40 * MINUTE, "web/app", State::Ok);
        change(at + 45 * MINUTE, "web/db", State::Ok);
    }
    change(BEGIN + DAY, "web/swap", State::Critical);
    change(BEGIN + 8 * DAY, "web/swap", State::Ok);
    events.sort_by_key(|event| (event.at, event.line));
    events
}

#[test]
fn a_noisy_estate_becomes_calm_and_no_known_outage_is_missed() {
    for seed in 1..=20 {
        let proof = Estate::new(seed).prove();
        let (would, proposed) = (proof.would.pages, proof.proposed.pages);
        let chosen: Vec<_> = proof
            .proposals
            .iter()
            .map(|one| format!("{}: {} ({} -> {})", one.rule, one.what, one.pages_before, one.pages_after))
            .collect();
        assert!(would > 200, "seed {seed}: {would}");
        assert!(proposed * 5 <= would, "seed {seed}: {proposed} of {would} are left: {chosen:#?}");
        for judged in &proof.labels {
            assert!(
                judged.would.is_some() && judged.with_proposals.is_some(),
                "seed {seed}: {judged:?} {chosen:#?}"
            );
            assert_eq!(judged.verdict, Verdict::New, "nobody was told then");
        }
        assert!(!proof.unfinished && proof.first_report_at.is_none(), "seed {seed}");
        for one in &proof.proposals {
            let read: Definitions =
                toml::from_str(&one.toml).unwrap_or_else(|error| panic!("{error}\n{}", one.toml));
            assert_eq!(
                read.monitors.len() + read.checks.len() + read.hosts.len() + read.dependencies.len(),
                1,
                "{}",
                one.toml
            );
            assert!(
                one.pages_after < one.pages_before && one.caught_after == one.caught_before,
                "seed {seed}: {one:?}"
            );
        }
    }
}

#[test]
fn what_is_proposed_says_whose_place_it_takes() {
    let proof = Estate::new(3).prove();
    let of =
        |rule: &str| {
            proof.proposals.iter().find(|one| one.rule == rule).unwrap_or_else(|| {
                panic!("no proposal for {rule}: {:#?}, {:#?}", proof.proposals, proof.rules)
            })
        };
    let spikes = of("monitor:spikes");
    assert_eq!(spikes.replaces.as_deref(), Some("conf.d/web.toml:3"));
    assert!(spikes.toml.contains("take that out") && spikes.toml.contains("[[monitor]]"), "{}", spikes.toml);
    assert_eq!(of("check:web/app").kind, changes::Kind::Dependency, "{:?}", of("check:web/app"));
    assert_eq!(of("check:web/swap").kind, changes::Kind::Repeats);
    assert!(proof.sentence.contains("no known outage is missed"), "{}", proof.sentence);
    assert!(proof.would.at_night > 0 && proof.would.contacts.contains_key("ben"));
}

/// Whatever has not been replayed is not proposed.
#[test]
fn when_time_is_up_only_what_was_replayed_is_proposed() {
    let estate = Estate::new(3);
    let of_numbers = |proof: &Proof| proof.proposals.iter().all(|one| one.rule.starts_with("monitor:"));
    // All were chosen, and those of checks, which have a say in each other, were not replayed together.
    let proof = estate.prove_while(&|share| share < 0.95);
    assert!(proof.unfinished && of_numbers(&proof) && !proof.proposals.is_empty(), "{:?}", proof.proposals);
    assert!(proof.labels.iter().all(|label| label.with_proposals.is_some()));
    // It ends among the changes of the first rule.
    let asked = AtomicUsize::new(0);
    let proof = estate.prove_while(&|share| share < 0.6 || asked.fetch_add(1, Ordering::Relaxed) < 2);
    assert!(proof.unfinished && of_numbers(&proof) && proof.proposals.len() <= 1, "{:?}", proof.proposals);
}

#[test]
fn a_replay_of_checks_ends_with_its_time() {
    let estate = Estate::new(3);
    let limits = QueryLimits { deadline: Some(std::time::Instant::now()), ..QueryLimits::default() };
    let all = &estate.definitions;
    let ended = estate.within(&limits, |ground| ground.objects(all, &ground::objects_of(all)).map(|_| ()));
    assert_eq!(ended, Err(crate::replay::checks::ENDED.to_owned()));
}

#[test]
fn the_first_report_comes_on_the_seventh_day() {
    let mut estate = Estate::new(1);
    estate.definitions =
        toml::from_str("[[monitor]]\nname = \"new\"\ntarget = \"young\"\ncritical = \"> 5\"\nshadow = true")
            .unwrap();
    estate.events.clear();
    let end = BEGIN + DAYS * DAY;
    for at in (end - 3 * DAY..end).step_by(MINUTE as usize) {
        estate.series.put("young", at, if at % 7_200 < 60 { 9.0 } else { 1.0 });
    }
    let proof = estate.prove();
    let known = proof.known_from.unwrap();
    assert_eq!(proof.first_report_at, Some(known + EARLIEST_SECONDS));
    assert!(proof.proposals.is_empty() && proof.sentence.contains("seven days"), "{}", proof.sentence);
    assert!(
        proof.of_shadow > 30 && proof.rules[0].shadow,
        "it is counted from the first day: {:?}",
        proof.rules
    );
    estate.labels.clear();
    for at in (end - 9 * DAY..end - 3 * DAY).step_by(MINUTE as usize) {
        estate.series.put("young", at, if at % 7_200 < 60 { 9.0 } else { 1.0 });
    }
    let proof = estate.prove();
    assert_eq!(proof.first_report_at, None);
    assert_eq!(proof.proposals[0].kind, changes::Kind::For, "{:?}", proof.proposals);
}
