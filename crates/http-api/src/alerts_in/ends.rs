//! When alerts end that are posted again and again while they fire. That is in memory; the checks that have such alerts are
//! kept, so that after a start what was bad in them ends too, unless it is heard of again.

use std::collections::{BTreeSet, HashMap};

use state_store::{Migrations, StateError, StateStore};

pub const MIGRATIONS: Migrations = Migrations {
    room: "alerts_in",
    steps: &["CREATE TABLE alert_check (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;"],
};

/// Alerts whose end is known. Of more the end comes when their sender says so.
pub const MAX_ENDS: usize = 100_000;

#[derive(Debug, Default)]
pub struct Ends(parking_lot::Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// By check and name.
    ends: HashMap<(String, String), i64>,
    checks: BTreeSet<String>,
}

impl Ends {
    pub fn set(&self, check: &str, name: &str, end: i64) {
        let key = (check.to_owned(), name.to_owned());
        let ends = &mut self.0.lock().ends;
        if ends.len() < MAX_ENDS || ends.contains_key(&key) {
            ends.insert(key, end);
        }
    }

    /// Does it end by time?
    pub fn has(&self, check: &str, name: &str) -> bool {
        self.0.lock().ends.contains_key(&(check.to_owned(), name.to_owned()))
    }

    /// Those whose time is over; they are forgotten here.
    pub fn over(&self, now: i64) -> Vec<(String, String)> {
        let ends = &mut self.0.lock().ends;
        let over: Vec<_> = ends.iter().filter(|(_, end)| **end <= now).map(|(key, _)| key.clone()).collect();
        over.iter().for_each(|key| {
            ends.remove(key);
        });
        over
    }

    pub fn next(&self) -> Option<i64> {
        self.0.lock().ends.values().min().copied()
    }

    /// What is sent to this check ends by time, also after a restart.
    pub fn remember(&self, state: &StateStore, check: &str) -> Result<(), StateError> {
        if self.0.lock().checks.contains(check) {
            return Ok(());
        }
        state.transaction(|tx| {
            tx.execute("INSERT OR IGNORE INTO alert_check (name) VALUES (?1)", &[check.into()]).map(drop)
        })?;
        self.0.lock().checks.insert(check.to_owned());
        Ok(())
    }
}

/// Those that were remembered before the start.
pub fn checks(state: &StateStore) -> Result<Vec<String>, StateError> {
    let rows = state.query("SELECT name FROM alert_check ORDER BY name", &[])?;
    Ok(rows.iter().map(|row| row.text(0).to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_all_ends_that_there_could_be_are_remembered() {
        let ends = Ends::default();
        (0..=MAX_ENDS).for_each(|n| ends.set("prometheus", &format!("a{n}"), 100));
        ends.set("prometheus", "a0", 50);
        assert_eq!(ends.next(), Some(50));
        assert_eq!(ends.over(100).len(), MAX_ENDS);
    }

    #[test]
    fn whose_alerts_end_by_time_is_known_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
        let ends = Ends::default();
        for check in ["prometheus", "alertmanager", "prometheus"] {
            ends.remember(&state, check).unwrap();
        }
        Ends::default().remember(&state, "prometheus").unwrap();
        assert_eq!(checks(&state).unwrap(), ["alertmanager", "prometheus"]);
    }
}
