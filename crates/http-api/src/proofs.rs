//! Proofs of the pager: one is made at a time, those that are done are kept, so that whoever has the address can read them.

use std::sync::Arc;

use parking_lot::Mutex;
use state_store::{Migrations, Row, StateError, StateStore};

pub const MIGRATIONS: Migrations = Migrations {
    room: "proof",
    steps: &[
        "CREATE TABLE proof (id INTEGER PRIMARY KEY, made INTEGER NOT NULL, author TEXT NOT NULL, began INTEGER NOT NULL,
            ended INTEGER NOT NULL, state TEXT NOT NULL, sentence TEXT NOT NULL, body TEXT NOT NULL) STRICT;",
    ],
};

/// The oldest go: each may be some hundred kilobytes.
const KEPT: i64 = 50;

/// The one that is being made.
#[derive(Default)]
pub struct Proofs(Mutex<Option<Making>>);

#[derive(Clone, Debug, PartialEq)]
pub struct Making {
    pub id: i64,
    /// How much of it is done, 0 to 1.
    pub share: f64,
}

/// One as it is kept; `body` is the report, or why there is none.
#[derive(Clone, Debug, PartialEq)]
pub struct Kept {
    pub id: i64,
    pub made: i64,
    pub author: String,
    pub from: i64,
    pub until: i64,
    pub state: String,
    pub sentence: String,
    pub body: String,
}

pub const RUNNING: &str = "running";
pub const DONE: &str = "done";
pub const FAILED: &str = "failed";

/// Frees the place when whoever makes it ends, however that is.
pub struct Place {
    proofs: Arc<Proofs>,
    pub id: i64,
}

impl Drop for Place {
    fn drop(&mut self) {
        *self.proofs.0.lock() = None;
    }
}

impl Place {
    pub fn note(&self, share: f64) {
        if let Some(making) = self.proofs.0.lock().as_mut() {
            making.share = share;
        }
    }
}

impl Proofs {
    pub fn making(&self) -> Option<Making> {
        self.0.lock().clone()
    }

    /// None: another one is being made.
    pub fn begin(self: &Arc<Self>, store: &StateStore, new: &Kept) -> Result<Option<Place>, StateError> {
        let mut making = self.0.lock();
        if making.is_some() {
            return Ok(None);
        }
        let id = store.transaction(|tx| {
            let last = tx.query("SELECT coalesce(max(id), 0) FROM proof", &[])?;
            let id = last.first().map_or(0, |row| row.integer(0)) + 1;
            tx.execute(
                "INSERT INTO proof (id, made, author, began, ended, state, sentence, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, '', '')",
                &[id.into(), new.made.into(), new.author.as_str().into(), new.from.into(), new.until.into(), RUNNING.into()],
            )?;
            tx.execute("DELETE FROM proof WHERE id <= ?1", &[(id - KEPT).into()])?;
            Ok(id)
        })?;
        *making = Some(Making { id, share: 0.0 });
        Ok(Some(Place { proofs: self.clone(), id }))
    }
}

pub fn end(store: &StateStore, id: i64, state: &str, sentence: &str, body: &str) -> Result<(), StateError> {
    store.transaction(|tx| {
        tx.execute(
            "UPDATE proof SET state = ?2, sentence = ?3, body = ?4 WHERE id = ?1",
            &[id.into(), state.into(), sentence.into(), body.into()],
        )
    })?;
    Ok(())
}

/// The newest first, without their bodies.
pub fn list(store: &StateStore) -> Result<Vec<Kept>, StateError> {
    let sql = "SELECT id, made, author, began, ended, state, sentence, '' FROM proof ORDER BY id DESC";
    Ok(store.query(sql, &[])?.iter().map(kept).collect())
}

pub fn one(store: &StateStore, id: i64) -> Result<Option<Kept>, StateError> {
    let sql = "SELECT id, made, author, began, ended, state, sentence, body FROM proof WHERE id = ?1";
    Ok(store.query(sql, &[id.into()])?.first().map(kept))
}

fn kept(row: &Row) -> Kept {
    Kept {
        id: row.integer(0),
        made: row.integer(1),
        author: row.text(2).to_owned(),
        from: row.integer(3),
        until: row.integer(4),
        state: row.text(5).to_owned(),
        sentence: row.text(6).to_owned(),
        body: row.text(7).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_made_at_a_time_and_the_last_are_kept() {
        let directory = tempfile::tempdir().unwrap();
        let store = StateStore::open(&directory.path().join("s.db"), &[MIGRATIONS]).unwrap();
        let proofs = Arc::new(Proofs::default());
        let new = Kept {
            id: 0,
            made: 1_000,
            author: "ana".into(),
            from: 10,
            until: 20,
            state: String::new(),
            sentence: String::new(),
            body: String::new(),
        };
        let place = proofs.begin(&store, &new).unwrap().unwrap();
        assert!(proofs.begin(&store, &new).unwrap().is_none(), "another one is being made");
        place.note(0.5);
        assert_eq!(proofs.making(), Some(Making { id: 1, share: 0.5 }));
        end(&store, 1, DONE, "fine", "{}").unwrap();
        drop(place);
        let wanted =
            Kept { id: 1, state: DONE.into(), sentence: "fine".into(), body: "{}".into(), ..new.clone() };
        assert_eq!((proofs.making(), one(&store, 1).unwrap()), (None, Some(wanted)));
        for _ in 0..KEPT {
            drop(proofs.begin(&store, &new).unwrap());
        }
        let all = list(&store).unwrap();
        assert_eq!((all.len() as i64, all[0].id, one(&store, 1).unwrap()), (KEPT, KEPT + 1, None));
    }
}
