//! The tables: how each object is, what was told, every result in runs, what people planned and made.
//!
//! Only statements; when something is written, and what is held until then, is `monitors.rs`.

mod kept;

use std::sync::Arc;

use state_store::{Migrations, Row, StateError, StateStore, Transaction, Value};
use vocabulary::state::{InstanceId, NoticeKind, State, StateType};

use crate::batch::Row as KeptRow;
use crate::history::Run;
use crate::machine::{ObjectName, Saved};
pub use kept::{keep, kept};

pub const MIGRATIONS: Migrations = Migrations {
    room: "monitors",
    steps: &["CREATE TABLE monitor_object (
            id INTEGER PRIMARY KEY,
            -- check, host or instance
            kind TEXT NOT NULL, name TEXT NOT NULL, instance TEXT NOT NULL,
            -- How it is, as the machine saves it.
            saved TEXT NOT NULL,
            -- The run of results that goes on.
            run TEXT NOT NULL,
            changed INTEGER NOT NULL,
            UNIQUE (kind, name, instance)) STRICT;
         CREATE TABLE monitor_run (
            object INTEGER NOT NULL, began INTEGER NOT NULL, ended INTEGER NOT NULL, count INTEGER NOT NULL,
            status INTEGER NOT NULL, state TEXT NOT NULL, state_type TEXT NOT NULL, attempt INTEGER NOT NULL, active INTEGER NOT NULL,
            text TEXT NOT NULL, value REAL) STRICT;
         CREATE INDEX monitor_run_object ON monitor_run (object, began);
         CREATE INDEX monitor_run_ended ON monitor_run (ended);
         CREATE TABLE monitor_notice (
            id INTEGER PRIMARY KEY,
            monitor TEXT NOT NULL, instance TEXT NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
            recipient TEXT NOT NULL, channels TEXT NOT NULL, number INTEGER NOT NULL,
            text TEXT NOT NULL, author TEXT NOT NULL, comment TEXT NOT NULL) STRICT;
         CREATE INDEX monitor_notice_object ON monitor_notice (monitor, instance, id);
         CREATE INDEX monitor_notice_at ON monitor_notice (at);
         -- What each monitor did on each day.
         CREATE TABLE monitor_day (
            monitor TEXT NOT NULL, day INTEGER NOT NULL, fired INTEGER NOT NULL, healed INTEGER NOT NULL, told INTEGER NOT NULL,
            PRIMARY KEY (monitor, day)) STRICT, WITHOUT ROWID;
         -- By the numbers that people know them by, which are given once: the next ones stand in monitor_next.
         CREATE TABLE monitor_downtime (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
         CREATE TABLE monitor_comment (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
         CREATE TABLE monitor_next (what TEXT PRIMARY KEY, id INTEGER NOT NULL) STRICT, WITHOUT ROWID;
         -- Definitions made in the UI; the newest version counts, one without a body is a removal.
         CREATE TABLE monitor_made (
            name TEXT NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL, author TEXT NOT NULL, body TEXT,
            PRIMARY KEY (name, version)) STRICT, WITHOUT ROWID;
         CREATE TABLE monitor_silence (
            id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, until INTEGER NOT NULL) STRICT;",
        // Downtimes as they were in effect, by their own numbers.
        "CREATE TABLE monitor_planned (
            id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, instance TEXT NOT NULL,
            began INTEGER NOT NULL, ended INTEGER NOT NULL) STRICT;
         CREATE INDEX monitor_planned_ended ON monitor_planned (ended);"],
};

/// An object as it is on the disk.
pub struct ObjectRow {
    pub id: i64,
    kind: String,
    name: String,
    instance: String,
    pub saved: String,
    pub run: Option<Run>,
}

impl ObjectRow {
    pub fn new(of: &ObjectName, row: &KeptRow, saved: &Saved) -> ObjectRow {
        let (kind, name, instance) = parts_of(of);
        ObjectRow {
            id: row.id,
            kind: kind.into(),
            name: name.into(),
            instance: instance.into(),
            saved: to_json(saved),
            run: row.run.clone(),
        }
    }

    pub fn name(&self) -> ObjectName {
        name_of(&self.kind, &self.name, &self.instance)
    }
}

/// Kind, name and instance, as the tables have them.
pub fn parts_of(name: &ObjectName) -> (&'static str, &str, &str) {
    match name {
        ObjectName::Check(name) => ("check", name, ""),
        ObjectName::Host(name) => ("host", name, ""),
        ObjectName::Instance(name, instance) => ("instance", name, instance),
    }
}

pub fn name_of(kind: &str, name: &str, instance: &str) -> ObjectName {
    match kind {
        "check" => ObjectName::Check(name.into()),
        "host" => ObjectName::Host(name.into()),
        _ => ObjectName::Instance(name.into(), instance.into()),
    }
}

pub fn objects(state: &StateStore) -> Result<Vec<ObjectRow>, StateError> {
    let rows = state.query("SELECT id, kind, name, instance, saved, run FROM monitor_object", &[])?;
    let object = |row: &Row| ObjectRow {
        id: row.integer(0),
        kind: row.text(1).to_owned(),
        name: row.text(2).to_owned(),
        instance: row.text(3).to_owned(),
        saved: row.text(4).to_owned(),
        run: serde_json::from_str(row.text(5)).ok(),
    };
    Ok(rows.iter().map(object).collect())
}

pub fn write_object(tx: &Transaction<'_>, object: &ObjectRow, now: i64) -> Result<(), StateError> {
    let run = object.run.as_ref().map_or_else(String::new, to_json);
    let values: [Value; 7] = [
        object.id.into(),
        object.kind.as_str().into(),
        object.name.as_str().into(),
        object.instance.as_str().into(),
        object.saved.as_str().into(),
        run.into(),
        now.into(),
    ];
    tx.execute(
        "INSERT INTO monitor_object (id, kind, name, instance, saved, run, changed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (id) DO UPDATE SET saved = ?5, run = ?6, changed = ?7",
        &values,
    )?;
    Ok(())
}

/// Its runs stay until they are old.
pub fn remove_object(tx: &Transaction<'_>, id: i64) -> Result<(), StateError> {
    tx.execute("DELETE FROM monitor_object WHERE id = ?1", &[id.into()])?;
    Ok(())
}

/// A record of this room as JSON. Its types are our own: they have no keys or numbers that JSON lacks.
pub fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

pub fn write_run(tx: &Transaction<'_>, object: i64, run: &Run) -> Result<(), StateError> {
    let values: [Value; 11] = [
        object.into(),
        run.began.into(),
        run.ended.into(),
        (run.count as i64).into(),
        i64::from(run.status).into(),
        run.state.word().into(),
        type_word(run.state_type).into(),
        i64::from(run.attempt).into(),
        i64::from(run.active).into(),
        run.text.as_str().into(),
        run.value.into(),
    ];
    tx.execute(
        "INSERT INTO monitor_run (object, began, ended, count, status, state, state_type, attempt, active, text, value)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        &values,
    )?;
    Ok(())
}

/// The newest of those that reach into the window, and the one before them, in order.
pub fn runs(
    state: &StateStore,
    object: i64,
    from: i64,
    until: i64,
    limit: usize,
) -> Result<Vec<Run>, StateError> {
    let sql =
        "SELECT began, ended, count, status, state, state_type, attempt, active, text, value FROM monitor_run
         WHERE object = ?1 AND began <= ?3
           AND began >= COALESCE((SELECT MAX(began) FROM monitor_run WHERE object = ?1 AND began <= ?2), ?2)
         ORDER BY began DESC, rowid DESC LIMIT ?4";
    let rows = state.query(sql, &[object.into(), from.into(), until.into(), (limit as i64).into()])?;
    Ok(rows.iter().rev().map(run).collect())
}

fn run(row: &Row) -> Run {
    Run {
        began: row.integer(0),
        ended: row.integer(1),
        count: row.integer(2) as u64,
        status: row.integer(3) as u8,
        state: state_of(row.text(4)),
        state_type: if row.text(5) == "SOFT" { StateType::Soft } else { StateType::Hard },
        attempt: row.integer(6) as u32,
        active: row.integer(7) != 0,
        text: row.text(8).to_owned(),
        value: (!row.is_null(9)).then(|| row.real(9)),
    }
}

fn type_word(state_type: StateType) -> &'static str {
    match state_type {
        StateType::Soft => "SOFT",
        StateType::Hard => "HARD",
    }
}

fn state_of(word: &str) -> State {
    use State::{Critical, Down, Ok, Unknown, Unreachable, Up, Warning};
    let all = [Ok, Warning, Critical, Unknown, Up, Down, Unreachable];
    all.into_iter().find(|state| state.word() == word).unwrap_or(Unknown)
}

/// What a contact was told, and by which channels.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptNotice {
    pub id: i64,
    pub monitor: String,
    pub instance: String,
    pub at: i64,
    pub kind: NoticeKind,
    pub state: State,
    pub recipient: String,
    pub channels: Vec<String>,
    pub number: u32,
    pub text: String,
    pub author: String,
    pub comment: String,
}

pub fn write_notice(tx: &Transaction<'_>, notice: &KeptNotice) -> Result<(), StateError> {
    let values: [Value; 12] = [
        notice.id.into(),
        notice.monitor.as_str().into(),
        notice.instance.as_str().into(),
        notice.at.into(),
        to_json(&notice.kind).trim_matches('"').into(),
        notice.state.word().into(),
        notice.recipient.as_str().into(),
        notice.channels.join("\n").into(),
        i64::from(notice.number).into(),
        notice.text.as_str().into(),
        notice.author.as_str().into(),
        notice.comment.as_str().into(),
    ];
    tx.execute(
        "INSERT INTO monitor_notice (id, monitor, instance, at, kind, state, recipient, channels, number, text, author, comment)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        &values,
    )?;
    Ok(())
}

/// Whose notices.
pub enum Of {
    All,
    Monitor(Arc<str>),
    One(InstanceId),
}

/// The newest, in order.
pub fn notices(state: &StateStore, of: &Of, limit: usize) -> Result<Vec<KeptNotice>, StateError> {
    const COLUMNS: &str = "SELECT id, monitor, instance, at, kind, state, recipient, channels, number, text, author, comment FROM monitor_notice";
    let limit: Value = (limit as i64).into();
    let rows = match of {
        Of::One(id) => {
            let sql = format!("{COLUMNS} WHERE monitor = ?1 AND instance = ?2 ORDER BY id DESC LIMIT ?3");
            state.query(&sql, &[(&*id.monitor).into(), (&*id.instance).into(), limit])?
        }
        Of::Monitor(name) => {
            let sql = format!("{COLUMNS} WHERE monitor = ?1 ORDER BY id DESC LIMIT ?2");
            state.query(&sql, &[(&**name).into(), limit])?
        }
        Of::All => state.query(&format!("{COLUMNS} ORDER BY id DESC LIMIT ?1"), &[limit])?,
    };
    Ok(rows.iter().rev().map(notice).collect())
}

fn notice(row: &Row) -> KeptNotice {
    KeptNotice {
        id: row.integer(0),
        monitor: row.text(1).to_owned(),
        instance: row.text(2).to_owned(),
        at: row.integer(3),
        kind: serde_json::from_str(&format!("\"{}\"", row.text(4))).unwrap_or(NoticeKind::Custom),
        state: state_of(row.text(5)),
        recipient: row.text(6).to_owned(),
        channels: row.text(7).split('\n').map(str::to_owned).collect(),
        number: row.integer(8) as u32,
        text: row.text(9).to_owned(),
        author: row.text(10).to_owned(),
        comment: row.text(11).to_owned(),
    }
}

pub fn last_id(state: &StateStore, table: &str) -> Result<i64, StateError> {
    let rows = state.query(&format!("SELECT COALESCE(MAX(id), 0) FROM {table}"), &[])?;
    Ok(rows.first().map_or(0, |row| row.integer(0)))
}

/// Also of those whose runs are all that is left of them.
pub fn last_object(state: &StateStore) -> Result<i64, StateError> {
    let rows = state.query("SELECT COALESCE(MAX(object), 0) FROM monitor_run", &[])?;
    Ok(last_id(state, "monitor_object")?.max(rows.first().map_or(0, |row| row.integer(0))))
}

/// Takes out what is older, at most `most` rows of each table, so that nobody waits for it. Tells whether there is more.
pub fn prune(tx: &Transaction<'_>, before: i64, most: usize) -> Result<bool, StateError> {
    let mut full = false;
    for (table, column) in [("monitor_run", "ended"), ("monitor_notice", "at"), ("monitor_planned", "ended")]
    {
        let sql = format!(
            "DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} WHERE {column} < ?1 LIMIT ?2)"
        );
        full |= tx.execute(&sql, &[before.into(), (most as i64).into()])? == most;
    }
    tx.execute("DELETE FROM monitor_day WHERE day < ?1", &[(before / 86_400).into()])?;
    Ok(full)
}

#[cfg(test)]
mod tests;
