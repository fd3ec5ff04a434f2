//! What an administrator says of who comes by another's word: that they are the one whom a name means here, or are not; and
//! who rests because they come no more.

use std::collections::BTreeMap;

use state_store::{Row, StateError, StateStore, Transaction, Value};
use vocabulary::Timestamp;

use crate::AccountError;
use crate::limits::LINK_SECONDS;

/// Whoever comes by this voucher's word under the name of this person is meant by it; if nobody does yet, whoever comes next,
/// for a while. Whether there is such a person.
pub fn link(state: &StateStore, person: &str, voucher: &str, now: Timestamp) -> Result<bool, StateError> {
    state.transaction(|tx| {
        tx.execute("DELETE FROM link WHERE expires < ?1", &[now.0.into()])?;
        if tx.query("SELECT 1 FROM person WHERE name = ?1", &[person.into()])?.is_empty() {
            return Ok(false);
        }
        let known = tx.execute(
            "UPDATE identity SET linked = ?3 WHERE person = ?1 AND voucher = ?2",
            &[person.into(), voucher.into(), now.0.into()],
        )?;
        if known > 0 {
            return Ok(true);
        }
        tx.execute(
            "INSERT OR REPLACE INTO link (person, voucher, expires) VALUES (?1, ?2, ?3)",
            &[person.into(), voucher.into(), now.plus(LINK_SECONDS).0.into()],
        )?;
        Ok(true)
    })
}

/// What became of it that nobody is this person by a voucher's word any more.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unlinked {
    /// Somebody came so.
    pub was_known: bool,
    /// Nobody came so yet, and somebody might have.
    pub was_waited_for: bool,
    /// Nobody is left who is this person.
    pub leaves_nobody: bool,
    /// Of a person who is there still: whoever came so may have made them.
    pub tokens: Vec<String>,
    pub ways: usize,
}

/// Whoever comes by this voucher's word is this person no more, and nobody is waited for: what is open of theirs ends. If nobody
/// is left who is this person, what they made for others to come in with goes, and so do the ways by which they were reached; the
/// rest of theirs rests until somebody is. None: there is no such person.
pub fn unlink(
    state: &StateStore,
    person: &str,
    voucher: &str,
    now: Timestamp,
) -> Result<Option<Unlinked>, AccountError> {
    let unlinked = state.transaction(|tx| {
        if tx.query("SELECT 1 FROM person WHERE name = ?1", &[person.into()])?.is_empty() {
            return Ok(Ok(None));
        }
        let both: [Value; 2] = [person.into(), voucher.into()];
        let leaves_nobody = !tx.query(LEAVES_NOBODY, &both)?.is_empty();
        if leaves_nobody && is_last_administrator(tx, person)? {
            return Ok(Err(format!(
                "{person} is the last administrator: make another one first (bellwether user set NAME --role admin)"
            )));
        }
        let waiting = tx.execute("DELETE FROM link WHERE person = ?1 AND voucher = ?2", &both)?;
        let known = tx.execute("DELETE FROM identity WHERE person = ?1 AND voucher = ?2", &both)?;
        tx.execute("DELETE FROM membership WHERE person = ?1 AND voucher = ?2", &both)?;
        if known > 0 {
            tx.execute("DELETE FROM session WHERE person = ?1", &[person.into()])?;
        }
        let mut unlinked = Unlinked { was_known: known > 0, was_waited_for: waiting > 0, ..Unlinked::default() };
        if leaves_nobody {
            leave_to_nobody(tx, person, now)?;
            unlinked.leaves_nobody = true;
        } else if unlinked.was_known {
            let tokens = tx.query("SELECT name FROM token WHERE owner = ?1 ORDER BY name", &[person.into()])?;
            unlinked.tokens = tokens.iter().map(|row| row.text(0).to_owned()).collect();
            unlinked.ways = tx.query("SELECT id FROM way WHERE person = ?1", &[person.into()])?.len();
        }
        Ok(Ok(Some(unlinked)))
    })?;
    unlinked.map_err(AccountError::Refused)
}

const LEAVES_NOBODY: &str = "SELECT 1 FROM person WHERE name = ?1 AND password = ''
    AND EXISTS (SELECT 1 FROM identity WHERE person = person.name AND voucher = ?2)
    AND NOT EXISTS (SELECT 1 FROM identity WHERE person = person.name AND voucher <> ?2)";

/// Of those who can come in.
fn is_last_administrator(tx: &Transaction<'_>, person: &str) -> Result<bool, StateError> {
    let rows = tx.query(
        "SELECT name FROM person WHERE role = 'admin' AND suspended IS NULL
            AND (password <> '' OR EXISTS (SELECT 1 FROM identity WHERE person = person.name))",
        &[],
    )?;
    Ok(rows.len() == 1 && rows[0].text(0) == person)
}

/// Whoever is this person next did not make those tokens and invitations, and would give them back to whoever did.
fn leave_to_nobody(tx: &Transaction<'_>, person: &str, now: Timestamp) -> Result<(), StateError> {
    tx.execute("DELETE FROM token WHERE owner = ?1", &[person.into()])?;
    tx.execute("DELETE FROM invitation WHERE owner = ?1", &[person.into()])?;
    tx.execute("DELETE FROM way WHERE person = ?1", &[person.into()])?;
    tx.execute("UPDATE person SET suspended = ?2 WHERE name = ?1", &[person.into(), now.0.into()]).map(drop)
}

/// By whose word somebody comes, or may come within a while.
#[derive(Clone, Debug, PartialEq)]
pub struct ComesBy {
    pub voucher: String,
    /// When they last came so; none: not yet, or nobody wrote it down.
    pub seen: Option<i64>,
    /// When an administrator said that they are meant.
    pub linked: Option<i64>,
    /// Nobody has come so yet: until then somebody may.
    pub until: Option<i64>,
}

/// Of everybody, by name.
pub fn comes_by(state: &StateStore, now: Timestamp) -> Result<BTreeMap<String, Vec<ComesBy>>, StateError> {
    let known =
        state.query("SELECT person, voucher, seen, linked, NULL FROM identity ORDER BY voucher", &[])?;
    let waiting = state.query(
        "SELECT person, voucher, NULL, NULL, expires FROM link WHERE expires >= ?1 ORDER BY voucher",
        &[now.0.into()],
    )?;
    let mut all: BTreeMap<String, Vec<ComesBy>> = BTreeMap::new();
    for row in known.iter().chain(&waiting) {
        all.entry(row.text(0).to_owned()).or_default().push(of_row(row));
    }
    Ok(all)
}

fn of_row(row: &Row) -> ComesBy {
    let time = |column: usize| (!row.is_null(column)).then(|| row.integer(column));
    ComesBy { voucher: row.text(1).to_owned(), seen: time(2), linked: time(3), until: time(4) }
}

/// Names of people who were made by another's word, and of whom no administrator has said that they are meant.
pub fn unlinked(state: &StateStore) -> Result<Vec<String>, StateError> {
    let rows = state.query(
        "SELECT name FROM person WHERE password = '' AND EXISTS (SELECT 1 FROM identity WHERE person = person.name)
            AND NOT EXISTS (SELECT 1 FROM identity WHERE person = person.name AND linked IS NOT NULL) ORDER BY name",
        &[],
    )?;
    Ok(rows.iter().map(|row| row.text(0).to_owned()).collect())
}

/// They rest no more, and count as seen now. Whether they did; none: there is no such person.
pub fn unsuspend(state: &StateStore, person: &str, now: Timestamp) -> Result<Option<bool>, StateError> {
    state.transaction(|tx| {
        let rows = tx.query("SELECT suspended FROM person WHERE name = ?1", &[person.into()])?;
        let Some(row) = rows.first() else { return Ok(None) };
        if row.is_null(0) {
            return Ok(Some(false));
        }
        tx.execute("UPDATE identity SET seen = ?2 WHERE person = ?1", &[person.into(), now.0.into()])?;
        tx.execute("UPDATE person SET suspended = NULL WHERE name = ?1", &[person.into()])?;
        Ok(Some(true))
    })
}

const UNSEEN: &str = "password = ''
    AND EXISTS (SELECT 1 FROM identity WHERE person = person.name AND voucher = ?1)
    AND NOT EXISTS (SELECT 1 FROM identity WHERE person = person.name AND (voucher <> ?1 OR seen >= ?2))";

/// Who is suspended by then, unless they come before; in the order of their names.
pub fn unseen_by(
    state: &StateStore,
    (voucher, seconds): (&str, i64),
    then: Timestamp,
) -> Result<Vec<String>, StateError> {
    let sql = format!("SELECT name FROM person WHERE {UNSEEN} ORDER BY name");
    let rows = state.query(&sql, &[voucher.into(), then.minus(seconds).0.into()])?;
    Ok(rows.iter().map(|row| row.text(0).to_owned()).collect())
}

/// People who come by this voucher's word only, and have not for so long, are suspended: their tokens rest until
/// they come again, or an administrator takes that back; what the configuration says of others lifts nothing. None: nobody is
/// suspended any more. Whether somebody was.
pub fn suspend_unseen(
    state: &StateStore,
    unseen: Option<(&str, i64)>,
    now: Timestamp,
) -> Result<bool, StateError> {
    state.transaction(|tx| {
        let Some((voucher, seconds)) = unseen else {
            return Ok(false);
        };
        // Of those who were here before it was written down, it is not known.
        tx.execute(
            "UPDATE identity SET seen = ?2 WHERE voucher = ?1 AND seen IS NULL",
            &[voucher.into(), now.0.into()],
        )?;
        let suspended = tx.execute(
            &format!("UPDATE person SET suspended = ?3 WHERE suspended IS NULL AND {UNSEEN}"),
            &[voucher.into(), now.minus(seconds).0.into(), now.0.into()],
        )?;
        Ok(suspended > 0)
    })
}
