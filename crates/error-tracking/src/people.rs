//! How many different people had errors, over time: of a group, and of a whole project.

use std::collections::HashMap;

use state_store::{Row, StateError, Transaction, Value};
use vocabulary::Timestamp;

use crate::group::Mark;
use crate::look::Span;
use crate::pending::{STEPS, WHOLE};
use crate::store::number;
use crate::tracker::Tracker;
use crate::users::Users;

/// A sketch has 4 KB at most.
pub(crate) const TABLES: &str = "CREATE TABLE error_people (project INTEGER NOT NULL, grp INTEGER NOT NULL, step INTEGER NOT NULL, at INTEGER NOT NULL,
        sketch BLOB NOT NULL, PRIMARY KEY (project, grp, step, at)) STRICT;
     CREATE INDEX error_people_age ON error_people (step, at);";
const HERE: &str = "project = ?1 AND grp = ?2 AND step = ?3 AND at = ?4";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Place {
    project: u64,
    group: u64,
    step: i64,
    at: i64,
}

/// What waits to be written.
#[derive(Debug, Default)]
pub(crate) struct Waiting(HashMap<Place, Users>);

impl Waiting {
    pub fn count(&mut self, mark: &Mark) {
        let Some(user) = mark.user else { return };
        for group in [mark.group, WHOLE] {
            for step in STEPS {
                let at = mark.at.0 - mark.at.0.rem_euclid(step);
                let place = Place { project: mark.project, group, step, at };
                self.0.entry(place).or_default().add(user);
            }
        }
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn save(&self, tx: &Transaction<'_>) -> Result<(), StateError> {
        self.0.iter().try_for_each(|(place, users)| place.join(tx, users))
    }
}

impl Place {
    /// To those who are there already.
    fn join(self, tx: &Transaction<'_>, users: &Users) -> Result<(), StateError> {
        let key = [number(self.project), number(self.group), self.step.into(), self.at.into()];
        let with = |users: &Users| [&key[..], &[Value::from(users.to_bytes())]].concat();
        let insert =
            "INSERT OR IGNORE INTO error_people (project, grp, step, at, sketch) VALUES (?1, ?2, ?3, ?4, ?5)";
        if tx.execute(insert, &with(users))? > 0 {
            return Ok(());
        }
        let known = tx.query(&format!("SELECT sketch FROM error_people WHERE {HERE}"), &key)?;
        let mut all = known.first().map(|row| Users::from_bytes(row.bytes(0))).unwrap_or_default();
        all.join(users);
        tx.execute(&format!("UPDATE error_people SET sketch = ?5 WHERE {HERE}"), &with(&all)).map(drop)
    }
}

/// Another group's people are this one's from now on.
pub(crate) fn merge(tx: &Transaction<'_>, project: u64, from: u64, into: u64) -> Result<(), StateError> {
    let of_from = [number(project), number(from)];
    let sql = "SELECT step, at, sketch FROM error_people WHERE project = ?1 AND grp = ?2";
    for row in tx.query(sql, &of_from)? {
        let place = Place { project, group: into, step: row.integer(0), at: row.integer(1) };
        place.join(tx, &Users::from_bytes(row.bytes(2)))?;
    }
    tx.execute("DELETE FROM error_people WHERE project = ?1 AND grp = ?2", &of_from).map(drop)
}

/// Of a slot of which all events that stay are known, those who had the others go; else who had any of them stays there too.
pub(crate) fn part(
    tx: &Transaction<'_>,
    project: u64,
    (from, to): (u64, u64),
    moving: &[Mark],
    left: &[Mark],
) -> Result<(), StateError> {
    let left = by_slot(left);
    for ((step, at), (_, went)) in by_slot(moving) {
        let place = |group| Place { project, group, step, at };
        let here = [number(project), number(from), step.into(), at.into()];
        let is_kept = !tx.query(&format!("SELECT 1 FROM error_people WHERE {HERE}"), &here)?.is_empty();
        if !is_kept || went.count() == 0 {
            continue;
        }
        place(to).join(tx, &went)?;
        let rows = tx.query(&format!("SELECT coalesce(sum(n), 0) FROM error_count WHERE {HERE}"), &here)?;
        let events = rows.first().map_or(0, |row| row.integer(0).unsigned_abs());
        let (known, stay) = left.get(&(step, at)).cloned().unwrap_or_default();
        if known == events {
            tx.execute(&format!("DELETE FROM error_people WHERE {HERE}"), &here)?;
            if stay.count() > 0 {
                place(from).join(tx, &stay)?;
            }
        }
    }
    Ok(())
}

/// By step and time: how many events there were, and who had them.
fn by_slot(marks: &[Mark]) -> HashMap<(i64, i64), (u64, Users)> {
    let mut slots: HashMap<(i64, i64), (u64, Users)> = HashMap::new();
    for mark in marks {
        for step in STEPS {
            let (events, users) = slots.entry((step, mark.at.0 - mark.at.0.rem_euclid(step))).or_default();
            *events += 1;
            if let Some(user) = mark.user {
                users.add(user);
            }
        }
    }
    slots
}

impl Tracker {
    /// Who had errors, in order of time; slots without anybody are left out. They are told apart neither by release nor by
    /// environment.
    pub fn people(&self, span: &Span, now: Timestamp) -> Result<Vec<(Timestamp, Users)>, StateError> {
        self.tick(now)?;
        let sql = "SELECT at, sketch FROM error_people WHERE project = ?1 AND grp = ?2 AND step = ?3 AND at >= ?4 AND at < ?5
            ORDER BY at";
        let values: [Value; 5] = [
            number(span.project),
            number(span.group.unwrap_or(WHOLE)),
            span.step.into(),
            span.from.0.into(),
            span.until.0.into(),
        ];
        let of_slot = |row: &Row| (Timestamp(row.integer(0)), Users::from_bytes(row.bytes(1)));
        Ok(self.store.query(sql, &values)?.iter().map(of_slot).collect())
    }
}
