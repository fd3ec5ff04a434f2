//! Rules on errors, between the tracker and incidents. What events mean for them goes into the transaction that keeps the
//! events ([`Round`]); every second the thread `error-rules` looks for spikes, and ends what was resolved or is calm.
//!
//! Lock order: the tracker, the rules, the log of events, the desk, the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use error_tracking::look::{By, Span, Wanted};
use error_tracking::{Group, Life, Projects, Tracker, dependency};
use incidents::{Condition, ErrorTrouble};
use monitors::Definitions;
use monitors::kinds::errors::{Change, ErrorRules, Met, Past, Question, Seen, What};
use parking_lot::{Mutex, MutexGuard};
use state_store::{StateError, StateStore, Transaction};
use vocabulary::Timestamp;
use vocabulary::state::StateChange;

use crate::errors::{Errors, in_common};
use crate::failure::Failure;
use crate::house::House;
use crate::watcher::turning::Wheel;

const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Windows of so many groups are filled at the start; those of others begin anew.
const MAX_FILLED: usize = 1_000;

/// A group, as (project, group), and why nobody has to hear of it any more.
type Settled = ((u64, u64), String);

pub struct ErrorTelling {
    rules: Mutex<ErrorRules>,
    /// What the rules were made of.
    known: Mutex<Arc<Definitions>>,
}

/// Held from what is told until it is on the disk, so that nobody else's transaction has half of it.
pub struct Round<'r> {
    rules: MutexGuard<'r, ErrorRules>,
}

impl Round<'_> {
    /// There are no rules.
    pub fn is_idle(&self) -> bool {
        self.rules.is_idle()
    }

    /// What these events mean for the rules, in the order in which the tracker took them; those too that are counted again
    /// after a kill. It goes through the desk's batch, and with [`Round::save`] into the transaction that keeps them.
    pub fn errors_told(&mut self, errors: &Errors, seen: &[Seen], now: Timestamp) -> Vec<StateChange> {
        self.rules.told(seen, now).iter().map(|change| state_change(errors, change)).collect()
    }

    pub fn save(&self, tx: &Transaction<'_>) -> Result<(), StateError> {
        self.rules.save(tx)
    }

    /// The transaction has happened. Without this it is written again with the next.
    pub fn saved(mut self) {
        self.rules.saved();
    }
}

impl ErrorTelling {
    /// Windows are filled with what the tracker has counted so far.
    pub fn open(
        (state, tracker, projects): (&StateStore, &Tracker, &Projects),
        definitions: Arc<Definitions>,
        now: Timestamp,
    ) -> Result<ErrorTelling, StateError> {
        let mut rules = ErrorRules::open(state, &definitions.monitors, now)?;
        let longest = rules.longest_window();
        if longest > 0 {
            fill(&mut rules, (tracker, projects), now.minus(longest), now)?;
        }
        Ok(ErrorTelling { rules: Mutex::new(rules), known: Mutex::new(definitions) })
    }

    /// To be taken after the tracker's batch and before the desk's.
    pub fn round(&self) -> Round<'_> {
        Round { rules: self.rules.lock() }
    }

    fn look(&self, house: &House, now: Timestamp) -> Result<(), StateError> {
        let definitions = house.monitors.definitions();
        let is_new = !Arc::ptr_eq(&definitions, &self.known.lock());
        if !is_new && self.rules.lock().is_idle() {
            return Ok(());
        }
        let tracker = &*house.errors.tracker;
        self.learn(tracker, now)?;
        let settled = self.settled(tracker)?;
        let mut round = self.round();
        let mut changes = Vec::new();
        if is_new {
            changes.extend(round.rules.reload(&definitions.monitors, now));
            missing_projects(&round.rules, &house.errors.projects);
        }
        for (group, why) in settled {
            changes.extend(round.rules.settled(group.0, group.1, &why, now));
        }
        let untold = std::mem::take(&mut *house.errors.untold.lock());
        changes.extend(round.rules.told(&untold, now));
        changes.extend(round.rules.tick(now));
        let changes: Vec<StateChange> =
            changes.iter().map(|change| state_change(&house.errors, change)).collect();
        keep(house, round, &changes, now)?;
        *self.known.lock() = definitions;
        Ok(())
    }

    /// The past of what may be a spike. It is read under no lock of the rules.
    fn learn(&self, tracker: &Tracker, now: Timestamp) -> Result<(), StateError> {
        let questions = self.rules.lock().questions(now);
        for question in questions {
            let past = past(tracker, &question, now)?;
            self.rules.lock().learn(&question, &past, now);
        }
        Ok(())
    }

    /// Groups that were told of, and that somebody has resolved, ignored or merged since.
    fn settled(&self, tracker: &Tracker) -> Result<Vec<Settled>, StateError> {
        let told = self.rules.lock().told_of();
        let mut settled = Vec::new();
        for (project, group) in told {
            if let Some(why) = why_settled(group, tracker.one(group)?.as_ref()) {
                settled.push(((project, group), why));
            }
        }
        Ok(settled)
    }
}

fn why_settled(id: u64, group: Option<&Group>) -> Option<String> {
    let Some(group) = group else { return Some("it is not there any more".into()) };
    match &group.detail.life {
        _ if group.id != id => Some(format!("it was merged into number {}", group.number)),
        Life::Unresolved => None,
        Life::Resolved(resolution) => Some(format!("resolved by {}", resolution.by)),
        Life::Ignored(ignored) => Some(format!("ignored by {}", ignored.by)),
    }
}

fn past(tracker: &Tracker, question: &Question, now: Timestamp) -> Result<Past, StateError> {
    let group = tracker.one(question.place.group)?;
    let slots = tracker.counts(&question.span, now)?;
    Ok(Past {
        first_seen: group.map_or(now, |group| group.first_seen),
        minutes: slots.into_iter().map(|slot| (slot.at, slot.count)).collect(),
    })
}

/// A project may be made later; until then a rule on it watches nothing, and somebody should know.
fn missing_projects(rules: &ErrorRules, projects: &Projects) {
    for name in rules.projects().into_iter().filter(|name| projects.named(name).is_none()) {
        tracing::warn!(project = name, "a monitor of errors is about a project that is not there");
    }
}

fn fill(
    rules: &mut ErrorRules,
    (tracker, projects): (&Tracker, &Projects),
    from: Timestamp,
    now: Timestamp,
) -> Result<(), StateError> {
    let unresolved = Some(Life::Unresolved.word().to_owned());
    let wanted =
        Wanted { status: unresolved, seen_since: Some(from), limit: MAX_FILLED, ..Wanted::default() };
    for group in tracker.list(&wanted, now)? {
        let Some(project) = projects.get(group.project) else { continue };
        let span = Span {
            project: group.project,
            group: Some(group.id),
            step: 60,
            from,
            until: now,
            by: Some(By::Environment),
            environment: None,
            release: None,
        };
        for slot in tracker.counts(&span, now)? {
            let seen = Seen {
                environment: Some(slot.name).filter(|name| !name.is_empty()),
                ..Seen::of_group(&project.name, &group)
            };
            rules.fill(&seen, slot.count, slot.at);
        }
    }
    Ok(())
}

fn keep(house: &House, round: Round<'_>, changes: &[StateChange], now: Timestamp) -> Result<(), StateError> {
    if changes.is_empty() && round.rules.is_saved() {
        return Ok(());
    }
    let mut batch = house.desk.batch();
    batch.take(changes, &[], now);
    house.state.transaction(|tx| {
        round.save(tx)?;
        batch.save(tx)
    })?;
    round.saved();
    batch.committed();
    crate::errors::tell_changes(house, changes);
    Ok(())
}

fn state_change(errors: &Errors, change: &Change) -> StateChange {
    let trouble = |condition, in_common| ErrorTrouble {
        rule: change.rule.clone(),
        group: change.group.clone(),
        environment: change.environment.clone(),
        title: change.title.clone(),
        state: change.state,
        assigned: change.assigned.clone(),
        condition,
        in_common,
        at: change.at,
    };
    match &change.what {
        What::Begins(met) => {
            let newest = in_common::newest(errors, change, met);
            let is_spike = matches!(met, Met::Spike { .. });
            let dependency = is_spike.then(|| dependency::of_most(&newest)).flatten();
            let in_common = in_common::words(errors, change, met, &newest, dependency.as_deref());
            trouble(condition(met, dependency), in_common).begins()
        }
        // How it began is not told of an end.
        What::Ends(why) => trouble(Condition::New, None).ends(why, change.at),
    }
}

fn condition(met: &Met, dependency: Option<String>) -> Condition {
    match *met {
        Met::New => Condition::New,
        Met::Back => Condition::Back,
        Met::Events { count, from, within } => Condition::Events { count, from, within },
        Met::Users { count, from, within } => Condition::Users { count, from, within },
        Met::Spike { count, usual, within } => Condition::Spike { count, usual, within, dependency },
    }
}

/// The thread; it ends when [`stop`](Self::stop) is called.
pub struct ErrorWatch {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl ErrorWatch {
    pub fn start(house: &Arc<House>) -> Result<ErrorWatch, Failure> {
        let stop = Arc::new(AtomicBool::new(false));
        let (house, stopping) = (house.clone(), stop.clone());
        let thread = std::thread::Builder::new().name("error-rules".into());
        let thread = thread.spawn(move || run(&house, &stopping)).map_err(Failure::doing("start"))?;
        Ok(ErrorWatch { stop, thread })
    }

    pub fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.thread().unpark();
        // A thread that panicked has said so.
        let _ = self.thread.join();
    }
}

fn run(house: &House, stop: &AtomicBool) {
    missing_projects(&house.error_telling.rules.lock(), &house.errors.projects);
    while !stop.load(Ordering::Relaxed) {
        house.turning.note(Wheel::Errors);
        if let Err(error) = house.error_telling.look(house, house.clock.now()) {
            tracing::error!(%error, "what errors mean cannot be kept; trying again");
        }
        std::thread::park_timeout(LOOK_EVERY);
    }
}
