//! The tables.

use state_store::{Migrations, StateError, StateStore, Transaction, Value};
use vocabulary::Timestamp;

use crate::group::{self, Group};
use crate::limits::{HOURS_KEPT_SECONDS, MINUTES_KEPT_SECONDS};
use crate::pending::STEPS;

pub const MIGRATIONS: Migrations = Migrations {
    room: "error-tracking",
    steps: &[
        "CREATE TABLE error_project (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created INTEGER NOT NULL,
            keys TEXT NOT NULL, settings TEXT NOT NULL) STRICT;
         CREATE TABLE error_group (id INTEGER PRIMARY KEY, project INTEGER NOT NULL, number INTEGER NOT NULL, status TEXT NOT NULL, ignored_until INTEGER,
            title TEXT NOT NULL, culprit TEXT NOT NULL, level INTEGER NOT NULL, first_seen INTEGER NOT NULL,
            last_seen INTEGER NOT NULL, count INTEGER NOT NULL, users INTEGER NOT NULL, assigned TEXT, merged_into INTEGER,
            detail TEXT NOT NULL, sketch BLOB NOT NULL) STRICT;
         CREATE UNIQUE INDEX error_group_number ON error_group (project, number);
         CREATE INDEX error_group_last ON error_group (project, last_seen);
         CREATE TABLE error_hash (project INTEGER NOT NULL, hash BLOB NOT NULL, grp INTEGER NOT NULL, version INTEGER NOT NULL,
            n INTEGER NOT NULL, first_seen INTEGER NOT NULL, last_seen INTEGER NOT NULL, why TEXT NOT NULL,
            PRIMARY KEY (project, hash)) STRICT, WITHOUT ROWID;
         CREATE INDEX error_hash_group ON error_hash (grp);
         CREATE TABLE error_release (project INTEGER NOT NULL, version TEXT NOT NULL, number INTEGER NOT NULL,
            first_seen INTEGER NOT NULL, PRIMARY KEY (project, version)) STRICT, WITHOUT ROWID;
         CREATE TABLE error_environment (project INTEGER NOT NULL, name TEXT NOT NULL, first_seen INTEGER NOT NULL,
            PRIMARY KEY (project, name)) STRICT, WITHOUT ROWID;
         CREATE TABLE error_count (project INTEGER NOT NULL, grp INTEGER NOT NULL, step INTEGER NOT NULL, at INTEGER NOT NULL,
            release TEXT NOT NULL, environment TEXT NOT NULL, n INTEGER NOT NULL,
            PRIMARY KEY (project, grp, step, at, release, environment)) STRICT, WITHOUT ROWID;
         CREATE INDEX error_count_age ON error_count (step, at);
         CREATE TABLE error_tag (project INTEGER NOT NULL, grp INTEGER NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
            n INTEGER NOT NULL, last_seen INTEGER NOT NULL, PRIMARY KEY (project, grp, key, value)) STRICT, WITHOUT ROWID;
         CREATE TABLE error_activity (id INTEGER PRIMARY KEY, grp INTEGER NOT NULL, at INTEGER NOT NULL, who TEXT NOT NULL,
            kind TEXT NOT NULL, text TEXT NOT NULL) STRICT;
         CREATE INDEX error_activity_group ON error_activity (grp, id);
         CREATE TABLE error_counted (id INTEGER PRIMARY KEY, next INTEGER NOT NULL) STRICT;",
        crate::symbols::tables::TABLES,
        crate::shipped::TABLES,
        crate::runs::TABLES,
        crate::people::TABLES,
        crate::moved::TABLES,
        crate::flood::TABLES,
        "CREATE INDEX error_group_merged ON error_group (id) WHERE merged_into IS NOT NULL;",
        crate::split::TABLES,
    ],
};

/// Ids, counts and the like: all are far below what an integer of the table holds.
pub(crate) fn number(value: u64) -> Value {
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

pub(crate) fn save_group(tx: &Transaction<'_>, group: &Group) -> Result<(), StateError> {
    let sql = "INSERT INTO error_group (id, project, number, status, title, culprit, level, first_seen, last_seen, count, users,
            assigned, detail, sketch, ignored_until) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
        ON CONFLICT (id) DO UPDATE SET status = excluded.status, title = excluded.title, culprit = excluded.culprit,
            level = excluded.level, first_seen = excluded.first_seen, last_seen = excluded.last_seen, count = excluded.count,
            users = excluded.users, assigned = excluded.assigned, detail = excluded.detail, sketch = excluded.sketch,
            ignored_until = excluded.ignored_until";
    // Plain structs of texts and numbers: there is nothing in them that JSON has no form for.
    let detail = serde_json::to_string(&group.detail).unwrap_or_default();
    let values: [Value; 15] = [
        number(group.id),
        number(group.project),
        number(group.number),
        group.detail.life.word().into(),
        group.title.as_str().into(),
        group.culprit.as_str().into(),
        (group.level as i64).into(),
        group.first_seen.0.into(),
        group.last_seen.0.into(),
        number(group.count),
        number(group.users.count()),
        group.assigned.as_deref().into(),
        detail.into(),
        group.users.to_bytes().into(),
        group.detail.life.ignored_until().into(),
    ];
    tx.execute(sql, &values).map(drop)
}

/// The one that it was merged into, if it was.
pub(crate) fn load_group(store: &StateStore, id: u64) -> Result<Option<Group>, StateError> {
    let sql = format!(
        "SELECT {} FROM error_group WHERE id = coalesce((SELECT merged_into FROM error_group WHERE id = ?1), ?1)",
        group::COLUMNS
    );
    let rows = store.query(&sql, &[number(id)])?;
    Ok(rows.first().and_then(group::of_row))
}

pub(crate) fn activity(
    tx: &Transaction<'_>,
    group: u64,
    (at, who): (Timestamp, &str),
    kind: &str,
    text: &str,
) -> Result<(), StateError> {
    let sql = "INSERT INTO error_activity (grp, at, who, kind, text) VALUES (?1, ?2, ?3, ?4, ?5)";
    tx.execute(sql, &[number(group), at.0.into(), who.into(), kind.into(), text.into()]).map(drop)
}

/// Fine counts are of use for as long as somebody looks at the hour.
pub(crate) fn forget_old_counts(tx: &Transaction<'_>, now: Timestamp) -> Result<(), StateError> {
    for (step, kept) in [(STEPS[0], MINUTES_KEPT_SECONDS), (STEPS[1], HOURS_KEPT_SECONDS)] {
        for table in ["error_count", "error_run", "error_people"] {
            let sql = format!("DELETE FROM {table} WHERE step = ?1 AND at < ?2");
            tx.execute(&sql, &[step.into(), now.minus(kept).0.into()])?;
        }
    }
    Ok(())
}
