//! All rules on errors, and how each group stands with each of them.
//!
//! [`ErrorRules::told`] takes what happened, in the transaction that keeps the events; [`ErrorRules::tick`] what comes with
//! the time. Spikes need the past, which is read in between, under no lock of ours: [`ErrorRules::questions`],
//! [`ErrorRules::learn`]. What changes is kept by [`ErrorRules::save`], in the same transaction as what is told of it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use error_tracking::look::Span;
use state_store::{StateError, StateStore, Transaction};
use vocabulary::Timestamp;
use vocabulary::state::State;
use vocabulary::time::spell;

use super::condition::Met;
use super::config::Rule;
use super::limits::{MAX_QUESTIONS, MAX_WATCHED, MIN_SPIKE, NORMAL_FRESH_SECONDS, PAST_SECONDS};
use super::normal::{Normal, Past};
use super::seen::Seen;
use super::store;
use super::watched::{Place, Standing, Watched};
use crate::config::{MonitorConfig, MonitorKind};

const UNASKED: &str = "no rule asks for it any more";

/// A group meets a condition of a rule, or none any more.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub rule: Arc<str>,
    pub project: u64,
    pub group_id: u64,
    /// Such as `shop/12`: the same for ever.
    pub group: String,
    pub environment: Option<String>,
    pub title: String,
    pub state: State,
    /// The team or person whose the group is.
    pub assigned: Option<String>,
    pub at: Timestamp,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    Begins(Met),
    /// With why.
    Ends(String),
}

/// The past of one group, to be looked up.
#[derive(Clone, Debug)]
pub struct Question {
    pub place: Place,
    pub span: Span,
}

/// Plain counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub watched: usize,
    pub standing: usize,
    pub told: u64,
    /// Groups whose windows made room for others.
    pub forgotten: u64,
}

#[derive(Debug, Default)]
pub struct ErrorRules {
    rules: Vec<Rule>,
    watched: HashMap<Place, Watched>,
    dirty: BTreeSet<Place>,
    told: u64,
    forgotten: u64,
}

impl ErrorRules {
    /// With what was told of before and has not ended. What cannot be read is left out.
    pub fn open(
        store: &StateStore,
        monitors: &[MonitorConfig],
        now: Timestamp,
    ) -> Result<ErrorRules, StateError> {
        let mut rules = ErrorRules { rules: rules_of(monitors), ..ErrorRules::default() };
        for (place, standing) in store::load(store)? {
            rules.watched.insert(place, Watched::standing(standing, now));
        }
        Ok(rules)
    }

    /// Other definitions. What no rule asks for any more has ended.
    pub fn reload(&mut self, monitors: &[MonitorConfig], now: Timestamp) -> Vec<Change> {
        let before = std::mem::replace(&mut self.rules, rules_of(monitors));
        let is_same = |name: &str| {
            let of = |rules: &[Rule]| rules.iter().find(|rule| *rule.name == *name).cloned();
            of(&before) == of(&self.rules)
        };
        // Windows are of conditions that may be others now.
        self.watched.retain(|place, watched| watched.standing.is_some() || is_same(&place.rule));
        for (place, watched) in self.watched.iter_mut().filter(|(place, _)| !is_same(&place.rule)) {
            let rule = self.rules.iter().find(|rule| rule.name == place.rule);
            watched.windows.clear();
            if let Some(standing) = &mut watched.standing {
                let is_asked = |text: &str| {
                    rule.is_some_and(|rule| rule.conditions.iter().any(|(known, _)| known == text))
                };
                standing.held.retain(|text, _| is_asked(text));
            }
        }
        self.end_where(now, |_, standing| standing.held.is_empty().then(|| UNASKED.to_owned()))
    }

    /// Projects that rules name, so that whoever knows them can say which are not there.
    pub fn projects(&self) -> BTreeSet<&str> {
        self.rules.iter().filter_map(|rule| rule.project.exact()).collect()
    }

    /// How far back events decide; 0: they do not.
    pub fn longest_window(&self) -> i64 {
        self.rules.iter().filter_map(Rule::longest_window).max().unwrap_or_default()
    }

    /// Groups that something stands of, as (project, group).
    pub fn told_of(&self) -> BTreeSet<(u64, u64)> {
        let standing = self.watched.iter().filter(|(_, watched)| watched.standing.is_some());
        standing.map(|(place, _)| (place.project, place.group)).collect()
    }

    pub fn is_idle(&self) -> bool {
        self.rules.is_empty() && self.watched.is_empty()
    }

    pub fn told(&mut self, seen: &[Seen], now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        for seen in seen {
            for rule in self.rules.iter().filter(|rule| rule.is_about(seen)) {
                let place = Place::of(rule, seen);
                if !self.watched.contains_key(&place) && !rule.begins_with(seen) {
                    continue;
                }
                let watched = self.watched.entry(place.clone()).or_default();
                for (standing, met) in watched.meet(rule, seen, now) {
                    self.dirty.insert(place.clone());
                    changes.push(change(&place, &standing, now, What::Begins(met)));
                }
            }
        }
        self.make_room();
        self.counted(changes)
    }

    /// Somebody did something about it, such as `resolved by ana`: what was told of it is over.
    pub fn settled(&mut self, project: u64, group: u64, why: &str, now: Timestamp) -> Vec<Change> {
        let is_it = |place: &Place| place.project == project && place.group == group;
        let changes = self.end_where(now, |place, _| is_it(place).then(|| why.to_owned()));
        self.watched.retain(|place, _| !is_it(place));
        changes
    }

    /// What was read of the counts of groups, so that a start does not begin windows anew.
    pub fn fill(&mut self, seen: &Seen, count: u64, at: Timestamp) {
        // Counts know neither tags nor people.
        for rule in self.rules.iter().filter(|rule| rule.tag.is_none() && rule.is_about(seen)) {
            if rule.has_windows() {
                self.watched.entry(Place::of(rule, seen)).or_default().fill(rule, seen, count, at);
            }
        }
        self.make_room();
    }

    /// Whose past is to be looked up, since there are enough events for a spike.
    pub fn questions(&mut self, now: Timestamp) -> Vec<Question> {
        let mut questions = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.has_spike()) {
            for (place, watched) in self.watched.iter_mut().filter(|(place, _)| place.rule == rule.name) {
                let is_known =
                    watched.normal.as_ref().is_some_and(|(at, _)| now.since(*at) < NORMAL_FRESH_SECONDS);
                if questions.len() < MAX_QUESTIONS && !is_known && watched.lately(rule, now) >= MIN_SPIKE {
                    questions.push(Question { place: place.clone(), span: span(rule, place, now) });
                }
            }
        }
        questions
    }

    pub fn learn(&mut self, question: &Question, past: &Past, now: Timestamp) {
        if let Some(watched) = self.watched.get_mut(&question.place) {
            watched.normal = Some((now, Normal::of(past, now)));
        }
    }

    /// Once every few seconds: spikes begin, and what is calm ends.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Change> {
        let mut changes = Vec::new();
        for rule in &self.rules {
            for (place, watched) in self.watched.iter_mut().filter(|(place, _)| place.rule == rule.name) {
                if let Some((standing, met)) = watched.spike(rule, now) {
                    self.dirty.insert(place.clone());
                    changes.push(change(place, &standing, now, What::Begins(met)));
                }
            }
        }
        let calm: HashMap<Arc<str>, i64> =
            self.rules.iter().map(|rule| (rule.name.clone(), rule.calm_seconds)).collect();
        changes.extend(self.end_where(now, |place, standing| {
            let Some(calm) = calm.get(&place.rule).copied() else {
                return Some(UNASKED.to_owned());
            };
            let is_calm = standing.held.values().all(|at| now.0 - at >= calm);
            is_calm.then(|| format!("it has been calm for {}", spell(calm)))
        }));
        self.watched.retain(|place, watched| {
            let rule = self.rules.iter().find(|rule| rule.name == place.rule);
            watched.standing.is_some() || rule.is_some_and(|rule| watched.is_of_use(rule, now))
        });
        self.counted(changes)
    }

    /// Of a rule: what stands, such as `shop/12`, with how bad it is and since when.
    pub fn standing<'r>(&'r self, rule: &'r str) -> impl Iterator<Item = (&'r Place, &'r Standing)> {
        let of_rule = self.watched.iter().filter(move |(place, _)| *place.rule == *rule);
        of_rule.filter_map(|(place, watched)| Some((place, watched.standing.as_ref()?)))
    }

    pub fn save(&self, tx: &Transaction<'_>) -> Result<(), StateError> {
        self.dirty.iter().try_for_each(|place| {
            let watched = self.watched.get(place);
            store::save(tx, place, watched.and_then(|watched| watched.standing.as_ref()))
        })
    }

    /// The transaction has happened. Without this it is written again with the next.
    pub fn saved(&mut self) {
        self.dirty.clear();
    }

    pub fn is_saved(&self) -> bool {
        self.dirty.is_empty()
    }

    pub fn counters(&self) -> Counters {
        let standing = self.watched.values().filter(|watched| watched.standing.is_some()).count();
        Counters { watched: self.watched.len(), standing, told: self.told, forgotten: self.forgotten }
    }

    fn end_where(
        &mut self,
        now: Timestamp,
        why: impl Fn(&Place, &Standing) -> Option<String>,
    ) -> Vec<Change> {
        let mut changes = Vec::new();
        for (place, watched) in &mut self.watched {
            let Some(standing) = &watched.standing else { continue };
            if let Some(why) = why(place, standing) {
                self.dirty.insert(place.clone());
                changes.push(change(place, standing, now, What::Ends(why)));
                watched.standing = None;
            }
        }
        changes.sort_by(|a, b| (&a.rule, &a.group, &a.environment).cmp(&(&b.rule, &b.group, &b.environment)));
        changes
    }

    /// What is told of stays, whatever else there is: it has to end some day.
    fn make_room(&mut self) {
        if self.watched.len() <= MAX_WATCHED {
            return;
        }
        let idle = self.watched.iter().filter(|(_, watched)| watched.standing.is_none());
        let mut idle: Vec<(Timestamp, Place)> =
            idle.map(|(place, watched)| (watched.last_seen, place.clone())).collect();
        idle.sort_unstable_by_key(|(at, _)| *at);
        // A tenth at once, so that it is seldom.
        let going = self.watched.len() - MAX_WATCHED * 9 / 10;
        for (_, place) in idle.into_iter().take(going) {
            self.watched.remove(&place);
            self.forgotten += 1;
        }
    }

    fn counted(&mut self, changes: Vec<Change>) -> Vec<Change> {
        self.told += changes.iter().filter(|change| matches!(change.what, What::Begins(_))).count() as u64;
        changes
    }
}

fn rules_of(monitors: &[MonitorConfig]) -> Vec<Rule> {
    let of_errors = monitors.iter().filter(|monitor| monitor.kind == MonitorKind::Errors);
    // Definitions with problems do not come so far.
    of_errors.filter_map(|monitor| Rule::new(monitor).ok()).collect()
}

fn change(place: &Place, standing: &Standing, at: Timestamp, what: What) -> Change {
    Change {
        rule: place.rule.clone(),
        project: place.project,
        group_id: place.group,
        group: standing.label.clone(),
        environment: place.environment.clone(),
        title: standing.title.clone(),
        state: standing.state,
        assigned: standing.assigned.clone(),
        at,
        what,
    }
}

fn span(rule: &Rule, place: &Place, now: Timestamp) -> Span {
    Span {
        project: place.project,
        group: Some(place.group),
        step: 60,
        from: now.minus(PAST_SECONDS),
        until: now,
        by: None,
        environment: place.environment.clone(),
        release: rule.release.as_ref().and_then(|release| release.exact()).map(str::to_owned),
    }
}
