//! When alerts end that are posted again and again while they fire. That is in memory; which they are is kept with how long
//! each could stay unheard, so that after a start it ends after as long, unless it is heard of again.

use std::collections::{HashMap, HashSet};

use state_store::{Migrations, StateError, StateStore};

pub const MIGRATIONS: Migrations = Migrations {
    room: "alerts_in",
    steps: &[
        "CREATE TABLE alert_check (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;",
        // The checks only said that any alert in them was posted so.
        "CREATE TABLE alert_key (monitor TEXT NOT NULL, name TEXT NOT NULL, patience INTEGER NOT NULL,
            PRIMARY KEY (monitor, name)) STRICT, WITHOUT ROWID;",
        // To which checks alerts have come.
        "CREATE TABLE alert_sent_to (monitor TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;",
    ],
};

/// A key is written again when it says something else by more than this.
const PATIENCE_DIFFERS_SECONDS: i64 = 60;
/// Alerts whose end is known. Of more the end comes when their sender says so.
pub const MAX_ENDS: usize = 100_000;

#[derive(Debug, Default)]
pub struct Ends(parking_lot::Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// By check and name.
    ends: HashMap<(String, String), i64>,
    /// Those on the disk, with their patience.
    kept: HashMap<(String, String), i64>,
    /// Checks to which alerts have come.
    sent_to: HashSet<String>,
}

impl Ends {
    pub fn set(&self, check: &str, name: &str, end: i64) {
        let key = (check.to_owned(), name.to_owned());
        let ends = &mut self.0.lock().ends;
        if ends.len() < MAX_ENDS || ends.contains_key(&key) {
            ends.insert(key, end);
        }
    }

    /// Its sender says so.
    pub fn ended(&self, check: &str, name: &str) {
        self.0.lock().ends.remove(&(check.to_owned(), name.to_owned()));
    }

    /// Does it end by time?
    pub fn has(&self, check: &str, name: &str) -> bool {
        self.0.lock().ends.contains_key(&(check.to_owned(), name.to_owned()))
    }

    /// Alerts come to this check, now and after a restart.
    pub fn note_sent_to(&self, state: &StateStore, check: &str) -> Result<(), StateError> {
        if self.0.lock().sent_to.contains(check) {
            return Ok(());
        }
        let insert = "INSERT OR IGNORE INTO alert_sent_to (monitor) VALUES (?1)";
        state.transaction(|tx| tx.execute(insert, &[check.into()]).map(drop))?;
        self.0.lock().sent_to.insert(check.to_owned());
        Ok(())
    }

    pub fn are_sent_to(&self, check: &str) -> bool {
        self.0.lock().sent_to.contains(check)
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

    /// It could not be ended: once more then, unless something else is known by now.
    pub fn set_again(&self, check: &str, name: &str, end: i64) {
        self.0.lock().ends.entry((check.to_owned(), name.to_owned())).or_insert(end);
    }

    /// These of the check end by time, also after a restart.
    pub fn remember(
        &self,
        state: &StateStore,
        check: &str,
        ends: &[(String, i64)],
        now: i64,
    ) -> Result<(), StateError> {
        let mut new: HashMap<(String, String), i64> = HashMap::new();
        {
            let known = self.0.lock();
            for (name, end) in ends.iter().filter(|(_, end)| *end > now) {
                let (key, patience) = ((check.to_owned(), name.clone()), end.saturating_sub(now));
                let same = |kept: &i64| kept.abs_diff(patience) <= PATIENCE_DIFFERS_SECONDS.unsigned_abs();
                if known.ends.contains_key(&key) && !known.kept.get(&key).is_some_and(same) {
                    new.insert(key, patience);
                }
            }
        }
        if new.is_empty() {
            return Ok(());
        }
        state.transaction(|tx| {
            for ((check, name), patience) in &new {
                tx.execute(
                    "INSERT OR REPLACE INTO alert_key (monitor, name, patience) VALUES (?1, ?2, ?3)",
                    &[check.as_str().into(), name.as_str().into(), (*patience).into()],
                )?;
            }
            Ok(())
        })?;
        self.0.lock().kept.extend(new);
        Ok(())
    }

    /// These have ended.
    pub fn forget(&self, state: &StateStore, over: &[(String, String)]) -> Result<(), StateError> {
        let gone: Vec<&(String, String)> = {
            let known = self.0.lock();
            over.iter()
                .filter(|key| known.kept.contains_key(*key) && !known.ends.contains_key(*key))
                .collect()
        };
        if gone.is_empty() {
            return Ok(());
        }
        state.transaction(|tx| {
            for (check, name) in &gone {
                tx.execute(
                    "DELETE FROM alert_key WHERE monitor = ?1 AND name = ?2",
                    &[check.as_str().into(), name.as_str().into()],
                )?;
            }
            Ok(())
        })?;
        let kept = &mut self.0.lock().kept;
        for key in gone {
            kept.remove(key);
        }
        Ok(())
    }

    /// After a start: each that was remembered has as long to be heard of again as it had before.
    pub fn resume(&self, state: &StateStore, now: i64) -> Result<(), StateError> {
        let rows = state.query("SELECT monitor, name, patience FROM alert_key", &[])?;
        for row in &rows {
            let (check, name, patience) = (row.text(0), row.text(1), row.integer(2));
            self.set(check, name, now.saturating_add(patience));
            self.0.lock().kept.insert((check.to_owned(), name.to_owned()), patience);
        }
        let rows = state.query("SELECT monitor FROM alert_sent_to", &[])?;
        self.0.lock().sent_to.extend(rows.iter().map(|row| row.text(0).to_owned()));
        Ok(())
    }
}

/// What versions before wrote: checks of which all that was bad was taken for such an alert. They are told once.
pub fn take_checks(state: &StateStore) -> Result<Vec<String>, StateError> {
    let rows = state.query("SELECT name FROM alert_check ORDER BY name", &[])?;
    let names: Vec<String> = rows.iter().map(|row| row.text(0).to_owned()).collect();
    if !names.is_empty() {
        state.transaction(|tx| tx.execute("DELETE FROM alert_check", &[]).map(drop))?;
    }
    Ok(names)
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

    fn open(directory: &std::path::Path) -> StateStore {
        StateStore::open(&directory.join("state.db"), &[MIGRATIONS]).unwrap()
    }

    /// What is known after a start at 1,000.
    fn resumed(state: &StateStore) -> Vec<(String, String)> {
        let ends = Ends::default();
        ends.resume(state, 1_000).unwrap();
        let mut over = ends.over(1_240);
        over.sort();
        over
    }

    #[test]
    fn which_alerts_end_by_time_is_known_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let (state, ends) = (open(directory.path()), Ends::default());
        let key = |name: &str| ("prometheus".to_owned(), name.to_owned());
        let posted = [("down".to_owned(), 340), ("slow".to_owned(), 2_000), ("over".to_owned(), 100)];
        posted.iter().for_each(|(name, end)| ends.set("prometheus", name, *end));
        ends.remember(&state, "prometheus", &posted, 100).unwrap();
        assert_eq!(resumed(&state), [key("down")], "four minutes each time; the other has more");
        ends.remember(&state, "prometheus", &[("slow".to_owned(), 440)], 200).unwrap();
        assert_eq!(resumed(&state), [key("down"), key("slow")], "it says another end now");
        ends.forget(&state, &[key("down")]).unwrap();
        assert_eq!(resumed(&state).len(), 2, "it was heard of meanwhile");
        let over = ends.over(340);
        ends.forget(&state, &over).unwrap();
        assert_eq!(resumed(&state), [key("slow")]);
        ends.note_sent_to(&state, "pager").unwrap();
        ends.note_sent_to(&state, "pager").unwrap();
        let again = Ends::default();
        again.resume(&state, 1_000).unwrap();
        assert!(again.are_sent_to("pager") && !again.are_sent_to("backup"));
        ends.ended("prometheus", "slow");
        ends.forget(&state, &[key("slow")]).unwrap();
        assert_eq!((resumed(&state), ends.has("prometheus", "slow")), (vec![], false), "its sender says so");
    }

    #[test]
    fn what_could_not_be_ended_is_ended_later() {
        let ends = Ends::default();
        ends.set("prometheus", "down", 100);
        ends.set("prometheus", "slow", 100);
        assert_eq!(ends.over(100).len(), 2);
        ends.set("prometheus", "slow", 400);
        ends.set_again("prometheus", "down", 130);
        ends.set_again("prometheus", "slow", 130);
        assert_eq!(ends.over(130), [("prometheus".to_owned(), "down".to_owned())]);
        assert_eq!(ends.next(), Some(400), "it fires again");
    }

    #[test]
    fn what_versions_before_kept_is_told_once() {
        let directory = tempfile::tempdir().unwrap();
        let state = open(directory.path());
        let insert = "INSERT INTO alert_check (name) VALUES ('alertmanager')";
        state.transaction(|tx| tx.execute(insert, &[]).map(drop)).unwrap();
        assert_eq!(take_checks(&state).unwrap(), ["alertmanager"]);
        assert!(take_checks(&state).unwrap().is_empty());
    }
}
