//! The tables of heartbeats.

use state_store::{Migrations, Row, StateError, StateStore, Transaction, Value};

use super::heart::{Heart, PingKind};
use super::limits::MAX_PINGS;

pub const MIGRATIONS: Migrations = Migrations {
    room: "heartbeats",
    steps: &["CREATE TABLE heartbeat (name TEXT PRIMARY KEY, uuid TEXT NOT NULL, created INTEGER NOT NULL, heart TEXT NOT NULL) STRICT, WITHOUT ROWID;
         CREATE TABLE heartbeat_ping (heartbeat TEXT NOT NULL, n INTEGER NOT NULL, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, exit_status INTEGER,
            rid TEXT, method TEXT NOT NULL, duration_ms INTEGER, overlaps INTEGER NOT NULL, body BLOB NOT NULL,
            PRIMARY KEY (heartbeat, n)) STRICT, WITHOUT ROWID;"],
};

/// A heartbeat as it is kept.
pub struct Kept {
    pub name: String,
    pub uuid: String,
    /// Made by a ping, not by the configuration.
    pub created: bool,
    pub heart: Heart,
}

/// One ping as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptPing {
    pub n: u64,
    pub at_ms: i64,
    pub kind: PingKind,
    pub exit: Option<u8>,
    pub rid: Option<String>,
    pub method: String,
    /// From its start, of the ping that ended a run.
    pub duration_ms: Option<i64>,
    pub overlaps: bool,
    pub body: Vec<u8>,
}

pub fn load(store: &StateStore) -> Result<Vec<Kept>, StateError> {
    let rows = store.query("SELECT name, uuid, created, heart FROM heartbeat", &[])?;
    let kept = |row: &Row| Kept {
        name: row.text(0).to_owned(),
        uuid: row.text(1).to_owned(),
        created: row.integer(2) != 0,
        // What cannot be read is as new: it is told of by nobody until its next ping.
        heart: serde_json::from_str(row.text(3)).unwrap_or_default(),
    };
    Ok(rows.iter().map(kept).collect())
}

pub fn save(
    tx: &Transaction<'_>,
    name: &str,
    uuid: &str,
    created: bool,
    heart: &Heart,
) -> Result<(), StateError> {
    // Plain struct of numbers and texts: JSON has a form for all of it.
    let heart = serde_json::to_string(heart).unwrap_or_default();
    tx.execute(
        "INSERT OR REPLACE INTO heartbeat (name, uuid, created, heart) VALUES (?1, ?2, ?3, ?4)",
        &[name.into(), uuid.into(), i64::from(created).into(), heart.into()],
    )?;
    Ok(())
}

pub fn remove(tx: &Transaction<'_>, name: &str) -> Result<(), StateError> {
    tx.execute("DELETE FROM heartbeat WHERE name = ?1", &[name.into()])?;
    tx.execute("DELETE FROM heartbeat_ping WHERE heartbeat = ?1", &[name.into()])?;
    Ok(())
}

pub fn save_ping(tx: &Transaction<'_>, heartbeat: &str, ping: &KeptPing) -> Result<(), StateError> {
    let n = i64::try_from(ping.n).unwrap_or(i64::MAX);
    tx.execute(
        "INSERT OR REPLACE INTO heartbeat_ping (heartbeat, n, at_ms, kind, exit_status, rid, method, duration_ms, overlaps, body)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        &[
            heartbeat.into(),
            n.into(),
            ping.at_ms.into(),
            ping.kind.word().into(),
            ping.exit.map(i64::from).into(),
            ping.rid.clone().into(),
            ping.method.as_str().into(),
            ping.duration_ms.into(),
            i64::from(ping.overlaps).into(),
            ping.body.clone().into(),
        ],
    )?;
    tx.execute(
        "DELETE FROM heartbeat_ping WHERE heartbeat = ?1 AND n <= ?2",
        &[heartbeat.into(), (n - MAX_PINGS).into()],
    )?;
    Ok(())
}

/// The last ones, the newest first.
pub fn pings(store: &StateStore, heartbeat: &str) -> Result<Vec<KeptPing>, StateError> {
    let sql =
        "SELECT n, at_ms, kind, exit_status, rid, method, duration_ms, overlaps, body FROM heartbeat_ping
        WHERE heartbeat = ?1 ORDER BY n DESC";
    let optional = |row: &Row, column: usize| (!row.is_null(column)).then(|| row.integer(column));
    let ping = |row: &Row| KeptPing {
        n: row.integer(0).unsigned_abs(),
        at_ms: row.integer(1),
        kind: match row.text(2) {
            "start" => PingKind::Start,
            "fail" => PingKind::Fail,
            "log" => PingKind::Log,
            _ => PingKind::Success,
        },
        exit: optional(row, 3).and_then(|exit| u8::try_from(exit).ok()),
        rid: (!row.is_null(4)).then(|| row.text(4).to_owned()),
        method: row.text(5).to_owned(),
        duration_ms: optional(row, 6),
        overlaps: row.integer(7) != 0,
        body: row.bytes(8).to_vec(),
    };
    Ok(store.query(sql, &[Value::from(heartbeat)])?.iter().map(ping).collect())
}
