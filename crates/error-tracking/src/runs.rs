//! How runs of programs go ("sessions"), by release: how many there were, and how many crashed. Counts only, of any number of runs.

use std::collections::HashMap;

use state_store::{Row, StateError, StateStore, Transaction, Value};
use vocabulary::Timestamp;

use crate::limits::{HOURS_KEPT_SECONDS, MAX_NAME, MAX_PENDING, MAX_RELEASE, MAX_RUNS_TOLD, cut};
use crate::memory::Memory;
use crate::pending::{OTHER, STEPS};
use crate::store::number;
use crate::tracker::Tracker;

pub(crate) const TABLES: &str = "CREATE TABLE error_run (project INTEGER NOT NULL, step INTEGER NOT NULL, at INTEGER NOT NULL, release TEXT NOT NULL,
        environment TEXT NOT NULL, n INTEGER NOT NULL, crashed INTEGER NOT NULL,
        PRIMARY KEY (project, step, at, release, environment)) STRICT, WITHOUT ROWID;
     CREATE INDEX error_run_age ON error_run (step, at);";
/// By the hour and the day: a minute's share says nothing.
const RUN_STEPS: [i64; 2] = [STEPS[1], STEPS[2]];

/// Runs that began, and runs that crashed, told at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    pub release: Option<String>,
    pub environment: Option<String>,
    pub began: u64,
    pub crashed: u64,
}

/// How many there were in a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    pub runs: u64,
    pub crashed: u64,
}

impl Health {
    /// 1: none crashed. None: there were none. One that crashed may have begun before the time that is asked for.
    pub fn crash_free(self) -> Option<f64> {
        let crashed = self.crashed.min(self.runs);
        (self.runs > 0).then(|| 1.0 - crashed as f64 / self.runs as f64)
    }

    fn add(&mut self, more: Health) {
        self.runs = self.runs.saturating_add(more.runs);
        self.crashed = self.crashed.saturating_add(more.crashed);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    project: u64,
    hour: i64,
    release: String,
    environment: String,
}

/// What waits to be counted.
#[derive(Debug, Default)]
pub(crate) struct Waiting(HashMap<Place, Health>);

impl Waiting {
    fn add(&mut self, mut place: Place, health: Health) {
        if self.0.len() >= MAX_PENDING && !self.0.contains_key(&place) {
            place.release = OTHER.to_owned();
        }
        self.0.entry(place).or_default().add(health);
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// They could not be written, and go with those that came since.
    pub fn put_back(&mut self, earlier: Waiting) {
        for (place, health) in earlier.0 {
            self.add(place, health);
        }
    }

    /// A release is known from its first run on; names that are too many are `other`.
    pub fn settled(
        &self,
        store: &StateStore,
        memory: &mut Memory,
        now: Timestamp,
    ) -> Result<Waiting, StateError> {
        let mut settled = Waiting::default();
        for (place, health) in &self.0 {
            memory.know(store, place.project)?;
            let is_name = |text: &&str| !text.is_empty() && *text != OTHER;
            let release = Some(place.release.as_str()).filter(is_name);
            let environment = Some(place.environment.as_str()).filter(is_name);
            memory.note_seen(place.project, release, environment, now);
            let (release, environment) = memory.counted_as(place.project, &place.release, &place.environment);
            let (release, environment) = (release.to_owned(), environment.to_owned());
            settled.add(Place { release, environment, ..place.clone() }, *health);
        }
        Ok(settled)
    }

    pub fn save(&self, tx: &Transaction<'_>) -> Result<(), StateError> {
        let sql = "INSERT INTO error_run (project, step, at, release, environment, n, crashed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
            ON CONFLICT DO UPDATE SET n = n + excluded.n, crashed = crashed + excluded.crashed";
        for (place, health) in &self.0 {
            for step in RUN_STEPS {
                let values: [Value; 7] = [
                    number(place.project),
                    step.into(),
                    (place.hour - place.hour.rem_euclid(step)).into(),
                    place.release.as_str().into(),
                    place.environment.as_str().into(),
                    number(health.runs),
                    number(health.crashed),
                ];
                tx.execute(sql, &values)?;
            }
        }
        Ok(())
    }
}

impl Tracker {
    /// What a program tells of its runs. It is in the tables with the next tick.
    pub fn ran(&self, project: u64, runs: &Runs, now: Timestamp) {
        let text = |text: &Option<String>, most| cut(text.as_deref().unwrap_or_default(), most).to_owned();
        let place = Place {
            project,
            hour: now.0 - now.0.rem_euclid(RUN_STEPS[0]),
            release: text(&runs.release, MAX_RELEASE),
            environment: text(&runs.environment, MAX_NAME),
        };
        let health = Health { runs: runs.began.min(MAX_RUNS_TOLD), crashed: runs.crashed.min(MAX_RUNS_TOLD) };
        self.runs.lock().add(place, health);
    }

    /// By release, since the beginning of that hour (of what is older, of that day); empty for runs that say of none.
    pub fn health(
        &self,
        project: u64,
        since: Timestamp,
        environment: Option<&str>,
        now: Timestamp,
    ) -> Result<HashMap<String, Health>, StateError> {
        self.tick(now)?;
        let [hour, day] = RUN_STEPS;
        let step = if now.since(since) < HOURS_KEPT_SECONDS { hour } else { day };
        let from = since.0 - since.0.rem_euclid(step);
        let sql = "SELECT release, sum(n), sum(crashed) FROM error_run
            WHERE project = ?1 AND step = ?2 AND at >= ?3 AND (?4 IS NULL OR environment = ?4) GROUP BY release";
        let rows = self.store.query(sql, &[number(project), step.into(), from.into(), environment.into()])?;
        let health = |row: &Row| Health {
            runs: row.integer(1).unsigned_abs(),
            crashed: row.integer(2).unsigned_abs(),
        };
        Ok(rows.iter().map(|row| (row.text(0).to_owned(), health(row))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::store;

    const NOW: Timestamp = Timestamp(1_700_000_000);

    fn ran(tracker: &Tracker, release: &str, began: u64, crashed: u64) {
        let release = Some(release.to_owned()).filter(|release| !release.is_empty());
        tracker.ran(1, &Runs { release, environment: Some("live".into()), began, crashed }, NOW);
    }

    fn share(tracker: &Tracker, release: &str, since: Timestamp, environment: Option<&str>) -> Option<f64> {
        let health = tracker.health(1, since, environment, NOW).unwrap();
        health.get(release).copied().unwrap_or_default().crash_free()
    }

    #[test]
    fn the_share_of_runs_that_did_not_crash_is_known_of_each_release() {
        let (_directory, store) = store();
        let tracker = Tracker::open(store.clone()).unwrap();
        for (release, began, crashed) in [("web@1", 3, 0), ("web@1", 1, 1), ("web@2", 2, 0), ("", 1, 0)] {
            ran(&tracker, release, began, crashed);
        }
        tracker.tick(NOW).unwrap();
        let tracker = Tracker::open(store).unwrap();
        assert_eq!(share(&tracker, "web@1", NOW, None), Some(0.75));
        assert_eq!(share(&tracker, "web@1", Timestamp(0), None), Some(0.75), "by the day");
        assert_eq!(share(&tracker, "web@2", NOW, Some("live")), Some(1.0));
        assert_eq!(share(&tracker, "web@2", NOW, Some("staging")), None);
        assert_eq!((share(&tracker, "", NOW, None), share(&tracker, "web@3", NOW, None)), (Some(1.0), None));
        let known: Vec<String> =
            tracker.releases(1, 10).unwrap().into_iter().map(|(release, _)| release).collect();
        assert_eq!(known.len(), 2, "a release is known from its first run on: {known:?}");
        assert_eq!(share(&tracker, "web@1", NOW.plus(86_400), None), None);
    }

    #[test]
    fn more_crashes_than_runs_are_no_less_than_nothing() {
        let health = |runs, crashed| Health { runs, crashed }.crash_free();
        assert_eq!((health(0, 3), health(2, 3), health(2, 0)), (None, Some(0.0), Some(1.0)));
    }
}
