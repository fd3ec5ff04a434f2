//! The past of another monitoring, out of its archives: states as they changed, what was told to whom, downtimes.
//!
//! Kept apart from what was seen here, so that neither is taken for the other; a line that is imported twice is
//! there once. [`events`] gives them back in the order of their time, for replay ([`crate::replay::past`]) and for pages.

use serde::{Deserialize, Serialize};
use state_store::{Migrations, Row, StateError, StateStore, Transaction, Value};

pub const MIGRATIONS: Migrations = Migrations {
    room: "past",
    steps: &["CREATE TABLE past_event (
            at INTEGER NOT NULL,
            -- check or host, and its name
            object TEXT NOT NULL, name TEXT NOT NULL,
            -- state, notice, result, downtime, flapping, command
            kind TEXT NOT NULL,
            -- What tells it from others of the same second: the line's own text, hashed.
            line INTEGER NOT NULL,
            body TEXT NOT NULL,
            PRIMARY KEY (object, name, at, line)) STRICT, WITHOUT ROWID;
         CREATE INDEX past_event_at ON past_event (at);
         -- Archives that were read to the end, as they were then.
         CREATE TABLE past_file (path TEXT PRIMARY KEY, bytes INTEGER NOT NULL, modified INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
        // All of them are read in this order.
        "CREATE INDEX past_event_order ON past_event (at, line); DROP INDEX past_event_at;"],
};

/// One event of an object of the past.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PastEvent {
    pub at: i64,
    /// `check` or `host`; of a command neither.
    pub object: String,
    pub name: String,
    /// Tells it from others of the same second, and which of them came first.
    pub line: i64,
    #[serde(flatten)]
    pub what: PastWhat,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum PastWhat {
    State {
        state: vocabulary::state::State,
        state_type: vocabulary::state::StateType,
        attempt: u32,
        changed: bool,
        text: String,
    },
    Notice {
        notice: vocabulary::state::NoticeKind,
        state: vocabulary::state::State,
        contact: String,
        text: String,
        author: String,
        comment: String,
    },
    /// A program sent it in; its change, if it made one, is there too.
    Result {
        status: u8,
        text: String,
    },
    Downtime {
        phase: String,
    },
    Flapping {
        phase: String,
    },
    /// A line of the command pipe, without its time.
    Command {
        command: String,
    },
}

impl PastWhat {
    fn kind(&self) -> &'static str {
        match self {
            PastWhat::State { .. } => "state",
            PastWhat::Notice { .. } => "notice",
            PastWhat::Result { .. } => "result",
            PastWhat::Downtime { .. } => "downtime",
            PastWhat::Flapping { .. } => "flapping",
            PastWhat::Command { .. } => "command",
        }
    }
}

/// A part of an archive, all of it or none of it written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chunk {
    pub events: Vec<PastEvent>,
    /// With the last part of a file: it need not be read again while it is as it is.
    pub done: Option<PastFile>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PastFile {
    pub path: String,
    pub bytes: i64,
    pub modified: i64,
}

/// How many of a chunk's events were new.
pub fn write(tx: &Transaction<'_>, chunk: &Chunk) -> Result<usize, StateError> {
    let mut new = 0;
    for event in &chunk.events {
        let values: [Value; 6] = [
            event.at.into(),
            event.object.as_str().into(),
            event.name.as_str().into(),
            event.what.kind().into(),
            event.line.into(),
            crate::store::to_json(&event.what).into(),
        ];
        new += tx.execute(
            "INSERT INTO past_event (at, object, name, kind, line, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            &values,
        )?;
    }
    if let Some(file) = &chunk.done {
        let values: [Value; 3] = [file.path.as_str().into(), file.bytes.into(), file.modified.into()];
        tx.execute(
            "INSERT INTO past_file (path, bytes, modified) VALUES (?1, ?2, ?3)
             ON CONFLICT (path) DO UPDATE SET bytes = ?2, modified = ?3",
            &values,
        )?;
    }
    Ok(new)
}

/// Takes out what is so much older than the newest event, at most `most` of them. It counts from there and not from now,
/// so that archives of long ago stay as they were imported. Tells whether there is more.
pub fn prune(tx: &Transaction<'_>, keep_seconds: i64, most: usize) -> Result<bool, StateError> {
    let sql = "DELETE FROM past_event WHERE (object, name, at, line) IN (
            SELECT object, name, at, line FROM past_event
            WHERE at < (SELECT MAX(at) FROM past_event) - ?1 ORDER BY at LIMIT ?2)";
    Ok(tx.execute(sql, &[keep_seconds.into(), (most as i64).into()])? == most)
}

/// Files that were read to the end.
pub fn files(state: &StateStore) -> Result<Vec<PastFile>, StateError> {
    let rows = state.query("SELECT path, bytes, modified FROM past_file ORDER BY path", &[])?;
    let file = |row: &Row| PastFile {
        path: row.text(0).to_owned(),
        bytes: row.integer(1),
        modified: row.integer(2),
    };
    Ok(rows.iter().map(file).collect())
}

/// Of one object (`check` or `host`, and its name) or of all, in `from..until`, oldest first, at most so many.
pub fn events(
    state: &StateStore,
    object: Option<(&str, &str)>,
    (from, until): (i64, i64),
    most: usize,
) -> Result<Vec<PastEvent>, StateError> {
    const COLUMNS: &str = "SELECT at, object, name, line, body FROM past_event WHERE at >= ?1 AND at < ?2";
    let most: Value = (most as i64).into();
    let rows = match object {
        Some((object, name)) => state.query(
            &format!("{COLUMNS} AND object = ?4 AND name = ?5 ORDER BY at, line LIMIT ?3"),
            &[from.into(), until.into(), most, object.into(), name.into()],
        )?,
        None => state.query(
            &format!("{COLUMNS} ORDER BY at, line, object, name LIMIT ?3"),
            &[from.into(), until.into(), most],
        )?,
    };
    Ok(rows.iter().filter_map(event).collect())
}

/// All up to `until`, oldest first, a page at a time, for as long as `take` asks for more; false: there are some that were
/// not read, as those beyond `most`.
pub fn each(
    state: &StateStore,
    until: i64,
    most: usize,
    mut take: impl FnMut(PastEvent) -> bool,
) -> Result<bool, StateError> {
    const PAGE: usize = 20_000;
    let (mut after, mut count) = (None::<PastEvent>, 0);
    loop {
        let sql = "SELECT at, object, name, line, body FROM past_event
             WHERE at <= ?1 AND (at, line, object, name) > (?2, ?3, ?4, ?5) ORDER BY at, line, object, name LIMIT ?6";
        let (at, line, object, name) = match &after {
            Some(last) => (last.at, last.line, last.object.as_str(), last.name.as_str()),
            None => (i64::MIN, 0, "", ""),
        };
        let values = [until.into(), at.into(), line.into(), object.into(), name.into(), (PAGE as i64).into()];
        let rows = state.query(sql, &values)?;
        let events = rows.iter().filter_map(event).collect::<Vec<_>>();
        after = events.last().cloned();
        count += rows.len();
        if !events.into_iter().all(&mut take) {
            return Ok(false);
        }
        if rows.len() < PAGE || after.is_none() {
            return Ok(true);
        }
        if count >= most {
            return Ok(false);
        }
    }
}

fn event(row: &Row) -> Option<PastEvent> {
    Some(PastEvent {
        at: row.integer(0),
        object: row.text(1).to_owned(),
        name: row.text(2).to_owned(),
        line: row.integer(3),
        what: serde_json::from_str(row.text(4)).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(at: i64, name: &str, line: i64) -> PastEvent {
        let what = PastWhat::Flapping { phase: "started".into() };
        PastEvent { at, object: "check".into(), name: name.into(), line, what }
    }

    #[test]
    fn what_is_imported_twice_is_there_once() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("s.db"), &[MIGRATIONS]).unwrap();
        let done = PastFile { path: "a".into(), bytes: 5, modified: 7 };
        let mut chunk =
            Chunk { events: vec![event(5, "b", 0), event(3, "a", 1), event(3, "a", 0)], done: None };
        assert_eq!(state.transaction(|tx| write(tx, &chunk)).unwrap(), 3);
        assert_eq!(files(&state).unwrap(), []);
        chunk.events.push(event(9, "a", 0));
        chunk.done = Some(done.clone());
        assert_eq!(state.transaction(|tx| write(tx, &chunk)).unwrap(), 1);
        assert_eq!(files(&state).unwrap(), [done]);
        let times = |object, window| {
            let events = events(&state, object, window, 10).unwrap();
            events.iter().map(|event| (event.at, event.line)).collect::<Vec<_>>()
        };
        assert_eq!(times(None, (0, 100)), [(3, 0), (3, 1), (5, 0), (9, 0)]);
        assert_eq!(times(Some(("check", "a")), (3, 9)), [(3, 0), (3, 1)]);
        assert_eq!(times(Some(("host", "a")), (0, 100)), []);
        assert_eq!(events(&state, None, (0, 100), 1).unwrap(), [event(3, "a", 0)]);
        while state.transaction(|tx| prune(tx, 5, 1)).unwrap() {}
        assert_eq!(times(None, (0, 100)), [(5, 0), (9, 0)]);
    }
}
