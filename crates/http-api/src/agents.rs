//! Agents on other machines: who there is, what each has sent, and which of its batches are stored.
//!
//! A batch may come twice, when the answer to it was lost. Points would not mind, sketches would count double: so the
//! numbers of stored batches are kept, in memory and in the state database, until the agent says that it is past them.
//! A kill may come between the two: the store has each batch's number beside its sketches, and drops what it has; events
//! go into the state database in one transaction with the number.

mod take;

use std::collections::HashMap;
use std::sync::Arc;

use formats::agent_batch::Greeting;
use parking_lot::Mutex;
use state_store::{Migrations, StateError, StateStore};
use vocabulary::{Applied, Timestamp};

use crate::annotations::{self, NewAnnotation};
use crate::answer::Problem;
pub use take::{Taken, take};

pub const MIGRATIONS: Migrations = Migrations {
    room: "agents",
    steps: &["CREATE TABLE agent (instance INTEGER NOT NULL, name TEXT NOT NULL, applied TEXT NOT NULL, seen INTEGER NOT NULL,
            PRIMARY KEY (instance, name)) STRICT, WITHOUT ROWID;"],
};

/// More agents than one server has use for; each is a row and some counters.
const MAX_AGENTS: usize = 1_000;
/// One that was silent for so long was taken away on purpose.
pub const FORGOTTEN_SECONDS: f64 = 86_400.0;

/// An agent as it was when it was heard last.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentStatus {
    pub name: String,
    /// Since the start of this server, seconds since 1970; `None`: not yet.
    pub heard_since: Option<f64>,
    pub last_heard: f64,
    pub interval_seconds: f64,
    pub waiting_points: u64,
    pub waiting_bytes: u64,
    /// As the agent counts them: its spool was full or damaged.
    pub dropped_points: u64,
    /// Its clock ahead of ours.
    pub skew_seconds: f64,
    /// Of the points that were stored.
    pub newest: Option<Timestamp>,
    /// Since the start of this server.
    pub totals: Taken,
    pub batches: u64,
    /// Another machine calls itself the same.
    pub has_twin: bool,
}

/// A name may be that of several instances: a spool that was begun anew, or two machines by mistake.
type Key = (u64, String);

/// What the store knows an agent by.
fn sender(greeting: &Greeting) -> String {
    format!("agent:{:016x}:{}", greeting.instance, greeting.name)
}

#[derive(Default)]
pub struct Agents {
    known: Mutex<HashMap<Key, Arc<Agent>>>,
}

#[derive(Default)]
struct Agent {
    /// Held while a request is worked on: one after the other.
    applied: Mutex<Applied>,
    status: Mutex<AgentStatus>,
}

impl Agents {
    /// Those that were heard before the restart.
    pub fn load(state: &StateStore, now: f64) -> Result<Agents, StateError> {
        let oldest = (now - FORGOTTEN_SECONDS) as i64;
        state.transaction(|tx| tx.execute("DELETE FROM agent WHERE seen < ?1", &[oldest.into()]))?;
        let rows = state.query("SELECT instance, name, applied, seen FROM agent", &[])?;
        let agents = rows.iter().map(|row| {
            let name = row.text(1).to_owned();
            let status = AgentStatus {
                name: name.clone(),
                last_heard: row.integer(3) as f64,
                ..AgentStatus::default()
            };
            let agent =
                Agent { applied: Mutex::new(Applied::parse(row.text(2))), status: Mutex::new(status) };
            ((row.integer(0) as u64, name), Arc::new(agent))
        });
        Ok(Agents { known: Mutex::new(agents.collect()) })
    }

    fn of(&self, greeting: &Greeting) -> Result<Arc<Agent>, Problem> {
        let mut known = self.known.lock();
        let key = (greeting.instance, greeting.name.clone());
        if !known.contains_key(&key) && known.len() >= MAX_AGENTS {
            let why = format!("there are {MAX_AGENTS} agents already");
            return Err(Problem::forbidden(why).hint("those that were silent for a day are forgotten"));
        }
        Ok(known.entry(key).or_default().clone())
    }

    /// The numbers of what is stored, and the events of the last batch: both or neither. Returns how many of the
    /// events are beyond the limits.
    fn keep(
        &self,
        state: &StateStore,
        greeting: &Greeting,
        applied: &Applied,
        events: &[NewAnnotation],
        now: f64,
    ) -> Result<usize, StateError> {
        state.transaction(|tx| {
            tx.execute(
                "INSERT OR REPLACE INTO agent (instance, name, applied, seen) VALUES (?1, ?2, ?3, ?4)",
                &[
                    (greeting.instance as i64).into(),
                    greeting.name.as_str().into(),
                    applied.to_string().into(),
                    (now as i64).into(),
                ],
            )?;
            annotations::add_within(tx, events)
        })
    }

    /// One for each name, in order: of several instances the one that was heard last.
    pub fn statuses(&self, now: f64) -> Vec<AgentStatus> {
        let mut known = self.known.lock();
        known.retain(|_, agent| now - agent.status.lock().last_heard < FORGOTTEN_SECONDS);
        let mut all: Vec<AgentStatus> = known.values().map(|agent| agent.status.lock().clone()).collect();
        drop(known);
        all.sort_by(|a, b| a.name.cmp(&b.name).then(b.last_heard.total_cmp(&a.last_heard)));
        all.dedup_by(|older, newer| {
            let same = older.name == newer.name;
            // A spool that was begun anew is heard only after the old one fell silent.
            newer.has_twin |= same && newer.heard_since.is_some_and(|since| older.last_heard > since);
            same
        });
        all
    }

    fn has_twin(&self, greeting: &Greeting, now: f64) -> bool {
        let statuses = self.statuses(now);
        statuses.iter().any(|status| status.name == greeting.name && status.has_twin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn greeting(instance: u64, name: &str) -> Greeting {
        Greeting { instance, name: name.into(), ..Greeting::default() }
    }

    fn heard(agents: &Agents, instance: u64, name: &str, at: f64) {
        let agent = agents.of(&greeting(instance, name)).unwrap();
        let mut status = agent.status.lock();
        status.name = name.into();
        status.heard_since.get_or_insert(at);
        status.last_heard = at;
    }

    #[test]
    fn what_was_stored_is_known_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
        let agents = Agents::load(&state, 1e6).unwrap();
        let mut applied = Applied::default();
        applied.insert(5);
        agents.keep(&state, &greeting(u64::MAX, "web1"), &applied, &[], 1e6).unwrap();
        agents.keep(&state, &greeting(2, "old"), &applied, &[], 1e6 - FORGOTTEN_SECONDS - 1.0).unwrap();
        let again = Agents::load(&state, 1e6).unwrap();
        assert!(again.of(&greeting(u64::MAX, "web1")).unwrap().applied.lock().contains(5));
        let statuses = again.statuses(1e6);
        assert_eq!((statuses.len(), statuses[0].last_heard, statuses[0].heard_since), (1, 1e6, None));
    }

    #[test]
    fn events_and_the_number_of_their_batch_are_kept_both_or_neither() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.db");
        let event = NewAnnotation { at: 1.0, what: "deployed".into(), tags: vec![], data: String::new() };
        let mut applied = Applied::default();
        applied.insert(5);
        let keep = |state: &StateStore| {
            Agents::default().keep(state, &greeting(1, "web1"), &applied, std::slice::from_ref(&event), 1e6)
        };
        let is_known = |state: &StateStore| {
            Agents::load(state, 1e6).unwrap().of(&greeting(1, "web1")).unwrap().applied.lock().contains(5)
        };
        // It has no table for events.
        let state = StateStore::open(&path, &[MIGRATIONS]).unwrap();
        assert!(keep(&state).is_err() && !is_known(&state));
        drop(state);
        let state = StateStore::open(&path, &[MIGRATIONS, annotations::MIGRATIONS]).unwrap();
        assert_eq!(keep(&state).unwrap(), 0);
        assert!(is_known(&state) && annotations::one(&state, 1).unwrap().is_some());
    }

    #[test]
    fn twins_are_told_from_a_spool_that_was_begun_anew() {
        let agents = Agents::default();
        let twin = |now| agents.statuses(now).iter().map(|status| status.has_twin).collect::<Vec<_>>();
        heard(&agents, 1, "web1", 10.0);
        heard(&agents, 2, "web1", 20.0);
        assert_eq!(twin(20.0), [false]);
        heard(&agents, 1, "web1", 21.0);
        assert_eq!(twin(21.0), [true], "the first one is heard after the second has begun");
        heard(&agents, 3, "web2", 21.0);
        assert_eq!(twin(21.0), [true, false]);
        assert_eq!(agents.statuses(22.0 + FORGOTTEN_SECONDS).len(), 0);
    }
}
