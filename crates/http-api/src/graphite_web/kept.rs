//! What graphite-web keeps in its database beside tags and events: dashboards, their templates, short links
//! and what was said about series.

use state_store::{Migrations, StateError, StateStore, Transaction};
use vocabulary::Timestamp;

pub const MIGRATIONS: Migrations = Migrations {
    room: "graphite-web",
    steps: &["CREATE TABLE graphite_record (kind TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,
            changed INTEGER NOT NULL, changed_by TEXT NOT NULL, PRIMARY KEY (kind, name)) STRICT, WITHOUT ROWID;
         CREATE TABLE short_link (id INTEGER PRIMARY KEY AUTOINCREMENT, url TEXT NOT NULL UNIQUE, made INTEGER NOT NULL) STRICT;",
        // Whether somebody has followed it.
        "ALTER TABLE short_link ADD COLUMN used INTEGER NOT NULL DEFAULT 0;
         CREATE INDEX short_link_unused ON short_link (id) WHERE used = 0;"],
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

/// The number of the link to this address, made if need be.
pub fn link(state: &StateStore, url: &str, now: Timestamp) -> Result<i64, Refused> {
    if url.len() > MAX_LINK_BYTES {
        return Err(Refused::Because(format!("the address is longer than {MAX_LINK_BYTES} bytes")));
    }
    let number = state.transaction(|tx| {
        if let Some(row) = tx.query("SELECT id FROM short_link WHERE url = ?1", &[url.into()])?.first() {
            return Ok(Some(row.integer(0)));
        }
        if !make_room(tx, url.len() as i64)? {
            return Ok(None);
        }
        tx.execute("INSERT INTO short_link (url, made) VALUES (?1, ?2)", &[url.into(), now.0.into()])?;
        Ok(Some(tx.inserted_id()))
    })?;
    number.ok_or_else(|| {
        Refused::Because(format!(
            "there are {MAX_LINKS} short links already, or {MAX_BYTES_OF_LINKS} bytes of them, and all are in use"
        ))
    })
}

/// For one more, of so many bytes. None is longer than this, so few have to go for it.
fn make_room(tx: &Transaction<'_>, length: i64) -> Result<bool, StateError> {
    let all = tx.query("SELECT count(*), coalesce(sum(octet_length(url)), 0) FROM short_link", &[])?;
    let (mut links, mut bytes) = (all[0].integer(0), all[0].integer(1));
    let has_room = |links: i64, bytes: i64| links < MAX_LINKS && bytes + length <= MAX_BYTES_OF_LINKS;
    if has_room(links, bytes) {
        return Ok(true);
    }
    let sql = "SELECT id, octet_length(url) FROM short_link WHERE used = 0 ORDER BY id LIMIT 1000";
    for oldest in tx.query(sql, &[])? {
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
        assert!(matches!(link(&state, &long, NOW), Err(Refused::Because(_))));
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
        assert_eq!(link(&state, "render?target=a", NOW).unwrap(), 1);
        assert_eq!(link(&state, "render?target=b", NOW).unwrap(), 2);
        assert_eq!(link(&state, "render?target=a", NOW).unwrap(), 1);
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
        link(&state, &long(most + 1), NOW).unwrap();
        link(&state, &long(most + 2), NOW).unwrap();
        assert!(link_to(&state, 1).unwrap().is_some(), "somebody has followed it");
        assert_eq!(link_to(&state, 2).unwrap(), None);
        assert!(link_to(&state, most).unwrap().is_some());
        state.transaction(|tx| tx.execute("UPDATE short_link SET used = 1", &[])).unwrap();
        assert!(matches!(link(&state, &long(most + 3), NOW), Err(Refused::Because(_))));
    }
}
