//! Sessions: what a browser shows after somebody signed in.

use state_store::{Row, StateError, StateStore, Transaction};
use vocabulary::Timestamp;

use crate::config::TeamConfig;
use crate::identities::is_still;
use crate::limits::{MAX_SESSIONS, VOUCHED_SESSION_SECONDS};
use crate::memberships::is_followed_by;
use crate::people::Shown;
use crate::secrets::{hashed, random_secret};
use crate::teams::scope_of;
use crate::{AccountError, Caller, Role, Via};

/// The secret of a new session by another's word. Of more than a person uses the oldest ends. None: whom this voucher calls
/// `subject` is that person no more, since they were removed or unlinked while they signed in.
pub fn open_vouched_session(
    state: &StateStore,
    person: &str,
    (voucher, subject): (&str, &str),
    now: Timestamp,
) -> Result<Option<String>, AccountError> {
    let secret = new_secret()?;
    let of = Opened { person, voucher: Some(voucher), seconds: VOUCHED_SESSION_SECONDS };
    let opened = state.transaction(|tx| {
        if !is_still(tx, person, (voucher, subject))? {
            return Ok(false);
        }
        insert(tx, &secret, &of, now).map(|()| true)
    })?;
    Ok(opened.then_some(secret))
}

/// The same by a password. None: it was changed, or the person removed, while it was looked at.
pub fn open_session_by(
    state: &StateStore,
    shown: &Shown,
    seconds: i64,
    now: Timestamp,
) -> Result<Option<String>, AccountError> {
    let secret = new_secret()?;
    let opened = state.transaction(|tx| {
        let still = "SELECT 1 FROM person WHERE name = ?1 AND password = ?2";
        if tx.query(still, &[shown.name.as_str().into(), shown.hash.as_str().into()])?.is_empty() {
            return Ok(false);
        }
        insert(tx, &secret, &Opened { person: &shown.name, voucher: None, seconds }, now).map(|()| true)
    })?;
    Ok(opened.then_some(secret))
}

/// Whatever it is opened by, for what comes after.
#[cfg(test)]
pub(crate) fn open_session(
    state: &StateStore,
    person: &str,
    seconds: i64,
    now: Timestamp,
) -> Result<String, AccountError> {
    let secret = new_secret()?;
    state.transaction(|tx| insert(tx, &secret, &Opened { person, voucher: None, seconds }, now))?;
    Ok(secret)
}

fn new_secret() -> Result<String, AccountError> {
    random_secret().map_err(|error| AccountError::Refused(error.to_string()))
}

struct Opened<'a> {
    person: &'a str,
    voucher: Option<&'a str>,
    seconds: i64,
}

fn insert(tx: &Transaction<'_>, secret: &str, of: &Opened<'_>, now: Timestamp) -> Result<(), StateError> {
    tx.execute("DELETE FROM session WHERE expires < ?1", &[now.0.into()])?;
    tx.execute(
        "DELETE FROM session WHERE person = ?1 AND rowid NOT IN
            (SELECT rowid FROM session WHERE person = ?1 ORDER BY rowid DESC LIMIT ?2)",
        &[of.person.into(), (MAX_SESSIONS - 1).into()],
    )?;
    tx.execute(
        "INSERT INTO session (secret, person, expires, voucher) VALUES (?1, ?2, ?3, ?4)",
        &[hashed(secret).into(), of.person.into(), now.plus(of.seconds).0.into(), of.voucher.into()],
    )?;
    Ok(())
}

/// One that has just been ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Closed {
    pub person: String,
    /// By whose word it was opened, if by another's.
    pub voucher: Option<String>,
}

pub fn close_session(state: &StateStore, secret: &str) -> Result<Option<Closed>, StateError> {
    state.transaction(|tx| {
        let key = || [hashed(secret).into()];
        let rows = tx.query("SELECT person, voucher FROM session WHERE secret = ?1", &key())?;
        tx.execute("DELETE FROM session WHERE secret = ?1", &key())?;
        let closed = |row: &Row| Closed {
            person: row.text(0).to_owned(),
            voucher: (!row.is_null(1)).then(|| row.text(1).to_owned()),
        };
        Ok(rows.first().map(closed))
    })
}

/// Whoever came by the word of a provider that is asked no more signs in again: it cannot take that back any more. Whether
/// there was anybody. None: no provider is asked.
pub fn end_sessions_of_others(state: &StateStore, provider: Option<&str>) -> Result<bool, StateError> {
    const OF_OTHERS: &str = "FROM session WHERE voucher IS NOT NULL AND voucher IS NOT ?1";
    // It is looked at often, and seldom so.
    if state.query(&format!("SELECT 1 {OF_OTHERS} LIMIT 1"), &[provider.into()])?.is_empty() {
        return Ok(false);
    }
    state.transaction(|tx| Ok(tx.execute(&format!("DELETE {OF_OTHERS}"), &[provider.into()])? > 0))
}

/// Who opened it, with the role and the teams of now. One that was opened by the word of whoever says the groups now, and was
/// asked for none then, is none: nobody knows what they may see until they sign in again. Nor is one that was opened by the word
/// of another `provider` than that of now.
pub fn session(
    state: &StateStore,
    secret: &str,
    teams: &[TeamConfig],
    say_groups: &[&str],
    provider: Option<&str>,
    now: Timestamp,
) -> Result<Option<Caller>, StateError> {
    let rows = state.query(
        "SELECT person.name, person.role, session.expires, session.voucher
         FROM session JOIN person ON person.name = session.person
         WHERE session.secret = ?1 AND session.expires >= ?2 AND (session.voucher IS NULL OR session.voucher IS ?3)",
        &[hashed(secret).into(), now.0.into(), provider.into()],
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (name, role) = (row.text(0).to_owned(), Role::parse(row.text(1)));
    let voucher = (!row.is_null(3)).then(|| row.text(3)).filter(|voucher| say_groups.contains(voucher));
    if let Some(voucher) = voucher
        && !is_followed_by(state, &name, voucher)?
    {
        return Ok(None);
    }
    let scope = scope_of(state, teams, &name, role)?;
    // The second that is written down is the last.
    let until = Some(Timestamp(row.integer(2)).plus(1));
    Ok(Some(Caller { name, role, scope, via: Via::Session, until }))
}
