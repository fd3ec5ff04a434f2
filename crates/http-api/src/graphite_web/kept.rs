//! What graphite-web keeps in its database beside tags and events: dashboards, their templates, short links
//! and what was said about series.

use state_store::{Migrations, StateError, StateStore, Transaction, Value};
use vocabulary::Timestamp;

pub const MIGRATIONS: Migrations = Migrations {
    room: "graphite-web",
    steps: &["CREATE TABLE graphite_record (kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
            changed INTEGER NOT NULL, changed_by TEXT NOT NULL, PRIMARY KEY (kind, name)) STRICT, WITHOUT ROWID;
         CREATE TABLE short_link (id INTEGER PRIMARY KEY AUTOINCREMENT, url TEXT NOT NULL UNIQUE, made INTEGER NOT NULL) STRICT;",
        // Whether somebody has followed it.
        "ALTER TABLE short_link ADD COLUMN used INTEGER NOT NULL DEFAULT 0;
         CREATE INDEX short_link_unused ON short_link (id) WHERE used = 0;",
        // Who has made it; empty: nobody knows, or nobody signs in.
        "ALTER TABLE short_link ADD COLUMN made_by TEXT NOT NULL DEFAULT '';
         CREATE INDEX short_link_made_by ON short_link (made_by);"],
};

/// Longest name; the original's column has 128 characters.
const MAX_NAME_BYTES: usize = 512;
/// Longest dashboard. One graph of the original's editor takes about a kilobyte.
const MAX_VALUE_BYTES: usize = 1 << 20;
/// Records of one kind. With the longest values that is what nobody makes by hand.
const MAX_RECORDS: i64 = 10_000;
/// Dashboards without a name that are kept; the oldest go.
const MAX_TEMPORARY: i64 = 1_000;
/// Longest address that is shortened; browsers take about as much.
const MAX_LINK_BYTES: usize = 16 << 10;
/// Short links are made by whoever may look, and bytes of their addresses. Those that somebody has followed are never taken
/// back: they are written down somewhere. Of the others the oldest make room.
const MAX_LINKS: i64 = 100_000;
const MAX_BYTES_OF_LINKS: i64 = 64 << 20;
/// Of these one person or token has so many, and of those beyond them that nobody has followed the oldest make room: whoever
/// follows all of theirs keeps nobody else from making any.
const MAX_LINKS_OF_ONE: i64 = MAX_LINKS / 16;
const MAX_BYTES_OF_ONE: i64 = MAX_BYTES_OF_LINKS / 16;

pub const TEMPORARY: &str = "temporary-";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Dashboard,
    Template,
    /// What was said about a series under a key; the name is both.
    Metadata,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::Dashboard => "dashboard",
            Kind::Template => "template",
            Kind::Metadata => "metadata",
        }
    }
}

#[derive(Debug)]
pub enum Refused {
    Because(String),
    State(StateError),
}

impl From<StateError> for Refused {
    fn from(error: StateError) -> Refused {
        Refused::State(error)
    }
}

pub fn get(state: &StateStore, kind: Kind, name: &str) -> Result<Option<String>, StateError> {
    let sql = "SELECT value FROM graphite_record WHERE kind = ?1 AND name = ?2";
    let rows = state.query(sql, &[kind.name().into(), name.into()])?;
    Ok(rows.first().map(|row| row.text(0).to_owned()))
}

pub fn set(
    state: &StateStore,
    kind: Kind,
    name: &str,
    value: &str,
    by: &str,
    now: Timestamp,
) -> Result<(), Refused> {
    check(name, value)?;
    let kept = state.transaction(|tx| {
        let others = "SELECT count(*) FROM graphite_record WHERE kind = ?1 AND name <> ?2";
        let full = tx.query(others, &[kind.name().into(), name.into()])?[0].integer(0) >= MAX_RECORDS;
        if !full {
            write(tx, kind, name, value, by, now)?;
        }
        Ok(!full)
    })?;
    if kept {
        return Ok(());
    }
    Err(Refused::Because(format!("there are {MAX_RECORDS} of these already; delete one first")))
}

fn check(name: &str, value: &str) -> Result<(), Refused> {
    if name.len() > MAX_NAME_BYTES {
        return Err(Refused::Because(format!("the name is longer than {MAX_NAME_BYTES} bytes")));
    }
    if value.len() > MAX_VALUE_BYTES {
        return Err(Refused::Because(format!("what is to be kept is longer than {MAX_VALUE_BYTES} bytes")));
    }
    Ok(())
}

fn write(
    tx: &Transaction<'_>,
    kind: Kind,
    name: &str,
    value: &str,
    by: &str,
    now: Timestamp,
) -> Result<(), StateError> {
    let values = [kind.name().into(), name.into(), value.into(), now.0.into(), by.into()];
    tx.execute("INSERT OR REPLACE INTO graphite_record (kind, name, value, changed, changed_by) VALUES (?1, ?2, ?3, ?4, ?5)", &values)?;
    Ok(())
}

/// A dashboard under the first free name of its sort, and that name.
pub fn set_temporary(state: &StateStore, value: &str, by: &str, now: Timestamp) -> Result<String, Refused> {
    check("", value)?;
    let kept = state.transaction(|tx| {
        let like = format!("{TEMPORARY}%");
        let sql = "SELECT name FROM graphite_record WHERE kind = 'dashboard' AND name LIKE ?1 ORDER BY changed DESC, name DESC";
        let rows = tx.query(sql, &[like.into()])?;
        for row in rows.iter().skip(MAX_TEMPORARY as usize - 1) {
            tx.execute("DELETE FROM graphite_record WHERE kind = 'dashboard' AND name = ?1", &[row.text(0).into()])?;
        }
        let taken = |number: &usize| {
            let name = format!("{TEMPORARY}{number}");
            rows.iter().take(MAX_TEMPORARY as usize - 1).any(|row| row.text(0) == name)
        };
        let free = (0..).find(|number| !taken(number)).unwrap_or_default();
        let name = format!("{TEMPORARY}{free}");
        write(tx, Kind::Dashboard, &name, value, by, now)?;
        Ok(name)
    });
    Ok(kept?)
}

/// Whether there was one.
pub fn remove(state: &StateStore, kind: Kind, name: &str) -> Result<bool, StateError> {
    let sql = "DELETE FROM graphite_record WHERE kind = ?1 AND name = ?2";
    state.transaction(|tx| Ok(tx.execute(sql, &[kind.name().into(), name.into()])? > 0))
}

/// In order.
pub fn names(state: &StateStore, kind: Kind) -> Result<Vec<String>, StateError> {
    let rows = state
        .query("SELECT name FROM graphite_record WHERE kind = ?1 ORDER BY name", &[kind.name().into()])?;
    Ok(rows.iter().map(|row| row.text(0).to_owned()).collect())
}

/// The number of the link to this address, made if need be. `by`: who asks; empty where nobody signs in.
pub fn link(state: &StateStore, url: &str, by: &str, now: Timestamp) -> Result<i64, Refused> {
    if url.len() > MAX_LINK_BYTES {
        return Err(Refused::Because(format!("the address is longer than {MAX_LINK_BYTES} bytes")));
    }
    let number = state.transaction(|tx| {
        if let Some(row) = tx.query("SELECT id FROM short_link WHERE url = ?1", &[url.into()])?.first() {
            return Ok(Ok(row.integer(0)));
        }
        let length = url.len() as i64;
        let is_known = !by.is_empty();
        if is_known && !make_room(tx, length, Some(by), (MAX_LINKS_OF_ONE, MAX_BYTES_OF_ONE))? {
            let why = format!("{by} has {MAX_LINKS_OF_ONE} short links already, or {MAX_BYTES_OF_ONE} bytes of them, and all are in use");
            return Ok(Err(why));
        }
        if !make_room(tx, length, None, (MAX_LINKS, MAX_BYTES_OF_LINKS))? {
            let why = format!("there are {MAX_LINKS} short links already, or {MAX_BYTES_OF_LINKS} bytes of them, and all are in use");
            return Ok(Err(why));
        }
        let sql = "INSERT INTO short_link (url, made, made_by) VALUES (?1, ?2, ?3)";
        tx.execute(sql, &[url.into(), now.0.into(), by.into()])?;
        Ok(Ok(tx.inserted_id()))
    })?;
    number.map_err(Refused::Because)
}

/// For one more, of so many bytes, among those of one or all. None is longer than this, so few have to go for it.
fn make_room(
    tx: &Transaction<'_>,
    length: i64,
    by: Option<&str>,
    (most_links, most_bytes): (i64, i64),
) -> Result<bool, StateError> {
    let theirs = by.map_or("true", |_| "made_by = ?1");
    let whose: Vec<Value> = by.into_iter().map(Value::from).collect();
    let sql = format!("SELECT count(*), coalesce(sum(octet_length(url)), 0) FROM short_link WHERE {theirs}");
    let all = tx.query(&sql, &whose)?;
    let (mut links, mut bytes) = (all[0].integer(0), all[0].integer(1));
    let has_room = |links: i64, bytes: i64| links < most_links && bytes + length <= most_bytes;
    if has_room(links, bytes) {
        return Ok(true);
    }
    let sql = format!(
        "SELECT id, octet_length(url) FROM short_link WHERE used = 0 AND {theirs} ORDER BY id LIMIT 1000"
    );
    for oldest in tx.query(&sql, &whose)? {
        tx.execute("DELETE FROM short_link WHERE id = ?1", &[oldest.integer(0).into()])?;
        (links, bytes) = (links - 1, bytes - oldest.integer(1));
        if has_room(links, bytes) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Where it leads; that somebody has followed it is noted.
pub fn link_to(state: &StateStore, number: i64) -> Result<Option<String>, StateError> {
    let rows = state.query("SELECT url, used FROM short_link WHERE id = ?1", &[number.into()])?;
    let Some(row) = rows.first() else { return Ok(None) };
    if row.integer(1) == 0 {
        let sql = "UPDATE short_link SET used = 1 WHERE id = ?1";
        // A disk that takes nothing keeps nobody from following it.
        if let Err(error) = state.transaction(|tx| tx.execute(sql, &[number.into()])) {
            tracing::warn!(%error, "that a short link is in use cannot be noted");
        }
    }
    Ok(Some(row.text(0).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000);

    fn state() -> (tempfile::TempDir, StateStore) {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
        (directory, state)
    }

    #[test]
    fn records_are_kept_by_kind_and_name() {
        let (_directory, state) = state();
        set(&state, Kind::Dashboard, "b", "1", "ana", NOW).unwrap();
        set(&state, Kind::Dashboard, "a", "2", "ana", NOW).unwrap();
        set(&state, Kind::Dashboard, "b", "3", "ana", NOW).unwrap();
        set(&state, Kind::Template, "b", "4", "ana", NOW).unwrap();
        assert_eq!(names(&state, Kind::Dashboard).unwrap(), ["a", "b"]);
        assert_eq!(get(&state, Kind::Dashboard, "b").unwrap().as_deref(), Some("3"));
        assert!(
            remove(&state, Kind::Dashboard, "b").unwrap() && !remove(&state, Kind::Dashboard, "b").unwrap()
        );
        assert_eq!(get(&state, Kind::Template, "b").unwrap().as_deref(), Some("4"));
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let (_directory, state) = state();
        let long = "x".repeat(MAX_VALUE_BYTES + 1);
        let refused = |kept| matches!(kept, Err(Refused::Because(_)));
        assert!(refused(set(&state, Kind::Dashboard, "a", &long, "ana", NOW)));
        assert!(refused(set(&state, Kind::Dashboard, &long, "1", "ana", NOW)));
        assert!(matches!(link(&state, &long, "ana", NOW), Err(Refused::Because(_))));
        assert!(names(&state, Kind::Dashboard).unwrap().is_empty());
    }

    #[test]
    fn the_oldest_of_the_nameless_go() {
        let (_directory, state) = state();
        let temporary = |at: i64| set_temporary(&state, "{}", "ana", Timestamp(at)).unwrap();
        assert_eq!((temporary(1), temporary(2)), ("temporary-0".into(), "temporary-1".into()));
        remove(&state, Kind::Dashboard, "temporary-0").unwrap();
        assert_eq!(temporary(3), "temporary-0");
        for at in 4..MAX_TEMPORARY + 10 {
            temporary(at);
        }
        assert_eq!(names(&state, Kind::Dashboard).unwrap().len() as i64, MAX_TEMPORARY);
    }

    #[test]
    fn an_address_has_one_link() {
        let (_directory, state) = state();
        assert_eq!(link(&state, "render?target=a", "ana", NOW).unwrap(), 1);
        assert_eq!(link(&state, "render?target=b", "ana", NOW).unwrap(), 2);
        assert_eq!(link(&state, "render?target=a", "ben", NOW).unwrap(), 1);
        assert_eq!(link_to(&state, 2).unwrap().as_deref(), Some("render?target=b"));
        assert_eq!(link_to(&state, 3).unwrap(), None);
    }

    #[test]
    fn links_that_nobody_follows_make_room() {
        let (_directory, state) = state();
        let long = |n: i64| format!("render?target={n}{}", "x".repeat(MAX_LINK_BYTES - 30));
        let most = MAX_BYTES_OF_LINKS / long(0).len() as i64;
        state
            .transaction(|tx| {
                for n in 1..=most {
                    let sql = "INSERT INTO short_link (url, made) VALUES (?1, 1)";
                    tx.execute(sql, &[long(n).into()])?;
                }
                Ok(())
            })
            .unwrap();
        assert!(link_to(&state, 1).unwrap().is_some());
        link(&state, &long(most + 1), "", NOW).unwrap();
        link(&state, &long(most + 2), "ana", NOW).unwrap();
        assert!(link_to(&state, 1).unwrap().is_some(), "somebody has followed it");
        assert_eq!(link_to(&state, 2).unwrap(), None);
        assert!(link_to(&state, most).unwrap().is_some());
        state.transaction(|tx| tx.execute("UPDATE short_link SET used = 1", &[])).unwrap();
        assert!(matches!(link(&state, &long(most + 3), "", NOW), Err(Refused::Because(_))));
    }

    #[test]
    fn whoever_follows_all_of_theirs_fills_their_own_part() {
        let (_directory, state) = state();
        let long = |n: i64| format!("render?target={n}{}", "x".repeat(MAX_LINK_BYTES - 30));
        let most = MAX_BYTES_OF_ONE / long(100).len() as i64;
        state
            .transaction(|tx| {
                for n in 100..100 + most {
                    let sql = "INSERT INTO short_link (url, made, made_by, used) VALUES (?1, 1, 'eve', ?2)";
                    tx.execute(sql, &[long(n).into(), i64::from(n > 100).into()])?;
                }
                Ok(())
            })
            .unwrap();
        // The one that nobody has followed makes room, and then there is none.
        let more = link(&state, &long(1_000), "eve", NOW).unwrap();
        assert_eq!(link_to(&state, 1).unwrap(), None);
        link_to(&state, more).unwrap();
        assert!(
            matches!(link(&state, &long(1_001), "eve", NOW), Err(Refused::Because(why)) if why.contains("eve has"))
        );
        assert!(link(&state, &long(1_001), "ana", NOW).is_ok());
        assert!(link(&state, &long(1_001), "eve", NOW).is_ok(), "what is there is there for all");
    }
}
