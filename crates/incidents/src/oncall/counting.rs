//! What steps of policies count: whose turn it is where they go round, and how many incidents there were.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use state_store::{Row, StateError, StateStore, Transaction};
use vocabulary::Timestamp;

use crate::limits::MAX_OPENINGS;

/// Whose turn it is in steps that go round, by policy and step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Turns {
    next: BTreeMap<(String, usize), u64>,
    unsaved: BTreeSet<(String, usize)>,
    /// On a stage: so many have gone by meanwhile.
    pub ahead: u64,
}

impl Turns {
    pub(super) fn next(&mut self, policy: &str, step: usize) -> u64 {
        let key = (policy.to_owned(), step);
        let next = self.next.entry(key.clone()).or_default();
        let turn = *next + self.ahead;
        *next += 1;
        self.unsaved.insert(key);
        turn
    }

    pub fn load(store: &StateStore) -> Result<Turns, StateError> {
        let rows = store.query("SELECT policy, step, next FROM oncall_turn", &[])?;
        let turn = |row: &Row| {
            let step = usize::try_from(row.integer(1)).unwrap_or(0);
            ((row.text(0).to_owned(), step), row.integer(2).unsigned_abs())
        };
        Ok(Turns { next: rows.iter().map(turn).collect(), unsaved: BTreeSet::new(), ahead: 0 })
    }

    pub fn save(&self, tx: &Transaction<'_>) -> Result<(), StateError> {
        for (policy, step) in &self.unsaved {
            let next = self.next.get(&(policy.clone(), *step)).copied().unwrap_or_default();
            let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
            tx.execute(
                "INSERT OR REPLACE INTO oncall_turn (policy, step, next) VALUES (?1, ?2, ?3)",
                &[policy.as_str().into(), number(*step as u64).into(), number(next).into()],
            )?;
        }
        Ok(())
    }

    pub fn saved(&mut self) {
        self.unsaved.clear();
    }
}

/// When incidents have opened, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Openings(VecDeque<Timestamp>);

impl Openings {
    pub fn add(&mut self, at: Timestamp) {
        self.0.push_back(at);
        if self.0.len() > MAX_OPENINGS {
            self.0.pop_front();
        }
    }

    pub(super) fn since(&self, since: Timestamp) -> usize {
        self.0.iter().rev().take_while(|at| **at > since).count()
    }

    /// As it was then.
    pub fn until(&self, at: Timestamp) -> Openings {
        Openings(self.0.iter().copied().filter(|opened| *opened <= at).collect())
    }

    pub fn load(store: &StateStore) -> Result<Openings, StateError> {
        let bound = i64::try_from(MAX_OPENINGS).unwrap_or(i64::MAX);
        let rows = store.query("SELECT opened FROM incident ORDER BY id DESC LIMIT ?1", &[bound.into()])?;
        Ok(Openings(rows.iter().rev().map(|row| Timestamp(row.integer(0))).collect()))
    }
}
