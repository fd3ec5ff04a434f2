//! Who may read a calendar without signing in: whoever has its secret, until somebody revokes it.

use ring::digest;
use state_store::{Row, StateError};
use vocabulary::Timestamp;

use super::calendar::{self, Of};
use super::revisions;
use crate::desk::{Desk, Failed};
use crate::limits::{MAX_AUTHOR, MAX_FEEDS};
use crate::people::Refusal;

/// One of a person or of a schedule. Its secret is kept hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    pub id: i64,
    pub of: Of,
    pub by: String,
    pub at: Timestamp,
}

/// The secret has 256 random bits: there is nothing to guess, and a plain hash keeps it.
fn hashed(secret: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, secret.as_bytes()).as_ref().to_vec()
}

fn feed(row: &Row) -> Feed {
    let name = row.text(2).into();
    let of = if row.text(1) == "person" { Of::Person(name) } else { Of::Schedule(name) };
    Feed { id: row.integer(0), of, by: row.text(3).to_owned(), at: Timestamp(row.integer(4)) }
}

const FEED: &str = "SELECT id, kind, name, made_by, at FROM oncall_feed";

impl Desk {
    /// Returns its number. Whoever knows the secret reads it.
    pub fn make_feed(&self, of: &Of, secret: &str, by: &str, now: Timestamp) -> Result<i64, Failed> {
        let bad = |why: String| Err(Failed::Refused(Refusal::Bad(why)));
        if by.len() > MAX_AUTHOR {
            return bad(format!("`author` is longer than {MAX_AUTHOR} bytes"));
        }
        let (kind, name) = match of {
            Of::Person(name) => ("person", name),
            Of::Schedule(name) => ("schedule", name),
        };
        if !self.has(of, now) {
            let noun = if kind == "person" { "contact" } else { "schedule" };
            return bad(format!("there is no {noun} `{name}`"));
        }
        if self.feeds()?.len() >= MAX_FEEDS {
            return bad(format!("there are {MAX_FEEDS} calendars already: remove one first"));
        }
        let sql = "INSERT INTO oncall_feed (kind, name, secret, made_by, at) VALUES (?1, ?2, ?3, ?4, ?5)";
        let id = self.store.transaction(|tx| {
            let values = [kind.into(), (&**name).into(), hashed(secret).into(), by.into(), now.0.into()];
            tx.execute(sql, &values)?;
            Ok(tx.inserted_id())
        })?;
        Ok(id)
    }

    pub fn feeds(&self) -> Result<Vec<Feed>, StateError> {
        Ok(self.store.query(&format!("{FEED} ORDER BY id"), &[])?.iter().map(feed).collect())
    }

    /// False: there is none of this number.
    pub fn remove_feed(&self, id: i64) -> Result<bool, StateError> {
        let sql = "DELETE FROM oncall_feed WHERE id = ?1";
        Ok(self.store.transaction(|tx| tx.execute(sql, &[id.into()]))? > 0)
    }

    pub fn feed_of(&self, secret: &str) -> Result<Option<Feed>, StateError> {
        let found = self.store.query(&format!("{FEED} WHERE secret = ?1"), &[hashed(secret).into()])?;
        Ok(found.first().map(feed))
    }

    /// Of a person who is no contact any more, or a schedule that is gone, there is none.
    pub fn calendar(&self, of: &Of, now: Timestamp) -> Result<Option<String>, StateError> {
        if !self.has(of, now) {
            return Ok(None);
        }
        let roster = self.roster(now);
        let wanted = roster.schedules.iter().filter(|(name, known)| match of {
            Of::Schedule(schedule) => schedule == *name,
            Of::Person(person) => known.schedule.names(person),
        });
        let mut turns: Vec<_> =
            wanted.flat_map(|(name, known)| calendar::turns(name, &known.schedule, now)).collect();
        if let Of::Person(person) = of {
            turns.retain(|turn| turn.person == *person);
        }
        revisions::give(&self.store, &mut turns, now)?;
        Ok(Some(calendar::write(of, &turns, now)))
    }

    fn has(&self, of: &Of, now: Timestamp) -> bool {
        match of {
            Of::Person(name) => self.inner.lock().incidents.book().contacts.contains_key(name),
            Of::Schedule(name) => self.roster(now).schedules.contains_key(name),
        }
    }
}
