//! A place for flips: which feature is on and which is off, as whoever switches them tells us. We show them and
//! remember each change as an event on every graph; nobody's program asks us what to do.

use state_store::{Migrations, Row, StateError, StateStore};
use vocabulary::Timestamp;

use crate::annotations::{self, NewAnnotation};

pub const MIGRATIONS: Migrations = Migrations {
    room: "flags",
    steps: &["CREATE TABLE flag (name TEXT PRIMARY KEY, state TEXT NOT NULL, since INTEGER NOT NULL, author TEXT NOT NULL,
            note TEXT NOT NULL) STRICT, WITHOUT ROWID;"],
};

/// More is another system's work.
pub const MAX_FLAGS: usize = 1_000;
pub const MAX_NAME: usize = 200;
/// `on`, `off`, `25%`, `variant-b`.
pub const MAX_STATE: usize = 100;
pub const MAX_NOTE: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    pub name: String,
    pub state: String,
    pub since: i64,
    pub author: String,
    pub note: String,
}

#[derive(Debug)]
pub enum Refused {
    Bad(String),
    Full,
    State(StateError),
}

impl From<StateError> for Refused {
    fn from(error: StateError) -> Refused {
        Refused::State(error)
    }
}

pub fn all(state: &StateStore) -> Result<Vec<Flag>, StateError> {
    let rows = state.query("SELECT name, state, since, author, note FROM flag ORDER BY name", &[])?;
    Ok(rows.iter().map(flag).collect())
}

fn one(state: &StateStore, name: &str) -> Result<Option<Flag>, StateError> {
    let sql = "SELECT name, state, since, author, note FROM flag WHERE name = ?1";
    Ok(state.query(sql, &[name.into()])?.first().map(flag))
}

fn flag(row: &Row) -> Flag {
    Flag {
        name: row.text(0).to_owned(),
        state: row.text(1).to_owned(),
        since: row.integer(2),
        author: row.text(3).to_owned(),
        note: row.text(4).to_owned(),
    }
}

/// The same again changes nothing and is no event.
pub fn set(store: &StateStore, new: Flag) -> Result<Flag, Refused> {
    check(&new)?;
    let before = one(store, &new.name)?;
    if let Some(before) = before.as_ref().filter(|before| before.state == new.state) {
        return Ok(before.clone());
    }
    if before.is_none() && all(store)?.len() >= MAX_FLAGS {
        return Err(Refused::Full);
    }
    store.transaction(|tx| {
        let sql =
            "INSERT OR REPLACE INTO flag (name, state, since, author, note) VALUES (?1, ?2, ?3, ?4, ?5)";
        let texts = [&new.author, &new.note].map(|text| text.as_str().into());
        let [author, note] = texts;
        tx.execute(
            sql,
            &[new.name.as_str().into(), new.state.as_str().into(), new.since.into(), author, note],
        )?;
        Ok(())
    })?;
    let was = before.map_or_else(String::new, |before| format!("{} → ", before.state));
    annotate(store, &new, &format!("{was}{}", new.state))?;
    Ok(new)
}

/// False: there is no such flag.
pub fn remove(store: &StateStore, name: &str, author: &str, now: Timestamp) -> Result<bool, Refused> {
    let Some(gone) = one(store, name)? else { return Ok(false) };
    store.transaction(|tx| tx.execute("DELETE FROM flag WHERE name = ?1", &[name.into()]).map(|_| ()))?;
    let told = Flag { since: now.0, author: author.to_owned(), note: String::new(), ..gone };
    annotate(store, &told, &format!("{} → taken out", told.state))?;
    Ok(true)
}

fn annotate(store: &StateStore, flag: &Flag, change: &str) -> Result<(), StateError> {
    let what = format!("flag {}: {change}", flag.name);
    let data = [&flag.author, &flag.note].map(String::as_str).join(": ");
    let mark = NewAnnotation {
        at: flag.since as f64,
        what: what.chars().take(annotations::MAX_WHAT).collect(),
        tags: vec!["flip".into()],
        data,
    };
    annotations::add_all(store, &[mark]).map(|_| ())
}

fn check(new: &Flag) -> Result<(), Refused> {
    let plain = |text: &str| !text.chars().any(char::is_control);
    for (what, text, most) in [
        ("name", &new.name, MAX_NAME),
        ("state", &new.state, MAX_STATE),
        ("author", &new.author, MAX_NAME),
        ("note", &new.note, MAX_NOTE),
    ] {
        if text.len() > most {
            return Err(Refused::Bad(format!("`{what}` is longer than {most} bytes")));
        }
        if !plain(text) {
            return Err(Refused::Bad(format!("`{what}` is a line of text, without control characters")));
        }
    }
    if new.name.trim().is_empty() || new.state.trim().is_empty() {
        return Err(Refused::Bad("a flag has a name and a state, such as \"on\"".into()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_an_event_and_the_same_again_is_none() {
        let directory = tempfile::tempdir().unwrap();
        let rooms = [MIGRATIONS, annotations::MIGRATIONS];
        let store = StateStore::open(&directory.path().join("state.db"), &rooms).unwrap();
        let flag = |state: &str, since| Flag {
            name: "search".into(),
            state: state.into(),
            since,
            author: "ana".into(),
            note: String::new(),
        };
        let events = || {
            let query =
                annotations::Query { from: 0.0, until: 1e9, tags: None, set: annotations::TagSet::All };
            let mut all: Vec<String> =
                annotations::list(&store, &query).unwrap().into_iter().map(|event| event.what).collect();
            all.sort();
            all
        };
        assert_eq!(set(&store, flag("on", 10)).unwrap().since, 10);
        assert_eq!(set(&store, flag("on", 20)).unwrap().since, 10, "it is on since then");
        assert_eq!(set(&store, flag("off", 30)).unwrap().since, 30);
        assert_eq!(all(&store).unwrap(), [flag("off", 30)]);
        assert!(remove(&store, "search", "ana", Timestamp(40)).unwrap());
        assert!(!remove(&store, "search", "ana", Timestamp(40)).unwrap());
        assert_eq!(events(), ["flag search: off → taken out", "flag search: on", "flag search: on → off"]);
        for bad in [flag(" ", 1), flag("a\nb", 1), flag(&"x".repeat(101), 1)] {
            assert!(matches!(set(&store, bad), Err(Refused::Bad(_))));
        }
    }
}
