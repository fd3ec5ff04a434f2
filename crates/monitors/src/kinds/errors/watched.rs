//! One group in one environment, as one rule sees it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;
use vocabulary::state::State;

use super::condition::{Condition, Met};
use super::config::Rule;
use super::limits::SPIKE_SECONDS;
use super::normal::Normal;
use super::seen::Seen;
use super::window::{Counts, People};

/// What is not production pages nobody, so that it is told of for itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub rule: Arc<str>,
    pub project: u64,
    pub group: u64,
    pub environment: Option<String>,
}

/// What was told of and has not ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    pub label: String,
    pub title: String,
    pub state: State,
    /// Whose it was when a condition was met last. Versions before wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned: Option<String>,
    pub since: i64,
    /// Conditions as written, with when each was met last.
    pub held: BTreeMap<String, i64>,
}

/// Of one condition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Window {
    events: Counts,
    people: People,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Watched {
    pub standing: Option<Standing>,
    /// What would be told of it, of its newest event.
    about: Option<Standing>,
    /// By the places of their conditions in the rule.
    pub windows: BTreeMap<usize, Window>,
    /// When it was found out; None: it is too young to have one.
    pub normal: Option<(Timestamp, Option<Normal>)>,
    pub last_seen: Timestamp,
}

impl Place {
    pub fn of(rule: &Rule, seen: &Seen) -> Place {
        Place {
            rule: rule.name.clone(),
            project: seen.project,
            group: seen.group,
            environment: seen.environment.clone(),
        }
    }
}

impl Rule {
    /// There is something to remember of a group that was not known before.
    pub fn begins_with(&self, seen: &Seen) -> bool {
        self.has_windows() || self.conditions.iter().any(|(_, condition)| is_news(condition, seen))
    }

    pub fn has_windows(&self) -> bool {
        self.longest_window().is_some()
    }

    pub fn longest_window(&self) -> Option<i64> {
        self.conditions.iter().filter_map(|(_, condition)| within(condition)).max()
    }

    pub fn has_spike(&self) -> bool {
        self.conditions.iter().any(|(_, condition)| *condition == Condition::Spike)
    }
}

fn is_news(condition: &Condition, seen: &Seen) -> bool {
    match condition {
        Condition::New => seen.is_new(),
        Condition::Regressed => seen.is_back(),
        Condition::Spike | Condition::Events { .. } | Condition::Users { .. } => false,
    }
}

fn within(condition: &Condition) -> Option<i64> {
    match condition {
        Condition::New | Condition::Regressed => None,
        Condition::Spike => Some(SPIKE_SECONDS),
        Condition::Events { within, .. } | Condition::Users { within, .. } => Some(*within),
    }
}

impl Watched {
    /// As it was left. What it held counts from now: nothing ends because we were away.
    pub fn standing(mut standing: Standing, now: Timestamp) -> Watched {
        standing.held.values_mut().for_each(|at| *at = now.0);
        Watched { standing: Some(standing), last_seen: now, ..Watched::default() }
    }

    /// The conditions that hold from now on; those that were told are not told again.
    pub fn meet(&mut self, rule: &Rule, seen: &Seen, now: Timestamp) -> Vec<(Standing, Met)> {
        self.last_seen = now;
        if rule.has_spike() {
            // What is resolved or ignored is no spike.
            self.about = seen.is_open.then(|| about(seen, now));
        }
        let mut begun = Vec::new();
        for (index, (text, condition)) in rule.conditions.iter().enumerate() {
            let met = self.met(index, condition, seen, now);
            // … and is counted, and not told either.
            if let Some(met) = met.filter(|_| seen.is_open)
                && self.hold(text, seen, now)
            {
                begun.push(met);
            }
            self.goes_on(text, condition, now);
        }
        begun.into_iter().filter_map(|met| Some((self.standing.clone()?, met))).collect()
    }

    fn met(&mut self, index: usize, condition: &Condition, seen: &Seen, now: Timestamp) -> Option<Met> {
        // It is of the window in which it happened.
        let at = seen.at.min(now);
        match *condition {
            Condition::New => seen.is_new().then_some(Met::New),
            Condition::Regressed => seen.is_back().then_some(Met::Back),
            Condition::Spike => {
                self.counts(index).add(1, SPIKE_SECONDS, at);
                None
            }
            Condition::Events { from, within } => {
                let counts = self.counts(index);
                counts.add(1, within, at);
                let count = counts.within(within, now);
                (count >= from).then_some(Met::Events { count, from, within })
            }
            Condition::Users { from, within } => {
                let user = seen.user.filter(|_| now.since(at) < within)?;
                let people = &mut self.windows.entry(index).or_default().people;
                people.add(user, (from, within), now);
                let count = people.within(within, now);
                (count >= from).then_some(Met::Users { count, from, within })
            }
        }
    }

    /// Whether that is new.
    fn hold(&mut self, text: &str, seen: &Seen, now: Timestamp) -> bool {
        let standing = self.standing.get_or_insert_with(|| about(seen, now));
        standing.assigned.clone_from(&seen.assigned);
        standing.held.insert(text.to_owned(), now.0).is_none()
    }

    /// What is new, or back, is so for as long as it comes.
    fn goes_on(&mut self, text: &str, condition: &Condition, now: Timestamp) {
        if let (None, Some(standing)) = (within(condition), &mut self.standing)
            && let Some(at) = standing.held.get_mut(text)
        {
            *at = now.0;
        }
    }

    pub fn fill(&mut self, rule: &Rule, seen: &Seen, count: u64, at: Timestamp) {
        self.last_seen = self.last_seen.max(at);
        self.about = seen.is_open.then(|| about(seen, at));
        for (index, (_, condition)) in rule.conditions.iter().enumerate() {
            if let Condition::Events { within, .. } = condition {
                self.counts(index).add(count, *within, at);
            }
            if *condition == Condition::Spike {
                self.counts(index).add(count, SPIKE_SECONDS, at);
            }
        }
    }

    /// Of what a spike is looked for in.
    pub fn lately(&mut self, rule: &Rule, now: Timestamp) -> u64 {
        let index = rule.conditions.iter().position(|(_, condition)| *condition == Condition::Spike);
        index.map_or(0, |index| self.counts(index).within(SPIKE_SECONDS, now))
    }

    /// Some: one has begun.
    pub fn spike(&mut self, rule: &Rule, now: Timestamp) -> Option<(Standing, Met)> {
        let (_, normal) = self.normal?;
        let normal = normal?;
        let (text, _) = rule.conditions.iter().find(|(_, condition)| *condition == Condition::Spike)?;
        let count = self.lately(rule, now);
        if count as f64 <= normal.bound {
            return None;
        }
        let about = self.about.clone()?;
        let met = Met::Spike { count, usual: normal.usual, within: SPIKE_SECONDS };
        let assigned = about.assigned.clone();
        let standing = self.standing.get_or_insert(Standing { since: now.0, ..about });
        standing.assigned = assigned;
        let is_new = standing.held.insert(text.clone(), now.0).is_none();
        is_new.then(|| (standing.clone(), met))
    }

    /// Its windows, and what is usual of it, have to be known a little longer.
    pub fn is_of_use(&self, rule: &Rule, now: Timestamp) -> bool {
        rule.longest_window().is_some_and(|longest| now.since(self.last_seen) < longest)
    }

    fn counts(&mut self, index: usize) -> &mut Counts {
        &mut self.windows.entry(index).or_default().events
    }
}

/// Holding nothing yet.
fn about(seen: &Seen, now: Timestamp) -> Standing {
    Standing {
        label: seen.label(),
        title: seen.title.clone(),
        state: seen.state(),
        assigned: seen.assigned.clone(),
        since: now.0,
        held: BTreeMap::new(),
    }
}
