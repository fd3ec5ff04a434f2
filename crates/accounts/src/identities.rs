//! People by another's word: who a sign-in provider or a trusted proxy says somebody is, and who that is here.

use state_store::{Row, StateError, StateStore, Transaction};
use vocabulary::Timestamp;

use crate::limits::MAX_VOUCHED;
use crate::people::{check_name, check_new_name};
use crate::{AccountError, Role};

/// Somebody whom another vouches for.
#[derive(Clone, Debug, PartialEq)]
pub struct Vouched<'a> {
    /// Who vouches: the provider's URL, or `proxy`.
    pub by: &'a str,
    /// Who it is, for the one who vouches: never given to another.
    pub subject: &'a str,
    /// What they are called.
    pub name: &'a str,
    pub display_name: &'a str,
    pub role: Option<Role>,
    /// The role is said each time, and holds; else it is that of somebody new.
    pub role_is_said: bool,
    /// Somebody of that name who has a password here is the same. Else only whom an administrator has linked.
    pub join_existing: bool,
}

/// Who that is here.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrived {
    pub name: String,
    pub role: Role,
    /// They are here for the first time.
    pub is_new: bool,
    /// They were suspended until now.
    pub is_back: bool,
}

/// Whoever came before; nothing is changed.
pub fn arrived(state: &StateStore, by: &str, subject: &str) -> Result<Option<Arrived>, StateError> {
    Ok(known(&state.query(KNOWN, &[by.into(), subject.into()])?))
}

/// Is whom this voucher calls `subject` still this person?
pub(crate) fn is_still(
    tx: &Transaction<'_>,
    person: &str,
    (voucher, subject): (&str, &str),
) -> Result<bool, StateError> {
    let still = "SELECT 1 FROM identity WHERE person = ?1 AND voucher = ?2 AND subject = ?3";
    Ok(!tx.query(still, &[person.into(), voucher.into(), subject.into()])?.is_empty())
}

const KNOWN: &str =
    "SELECT person.name, person.role FROM identity JOIN person ON person.name = identity.person
     WHERE identity.voucher = ?1 AND identity.subject = ?2";

fn known(rows: &[Row]) -> Option<Arrived> {
    let row = rows.first()?;
    let (name, role) = (row.text(0).to_owned(), Role::parse(row.text(1)));
    Some(Arrived { name, role, is_new: false, is_back: false })
}

/// Whoever comes, made if they are new.
pub fn arrive(state: &StateStore, who: &Vouched<'_>, now: Timestamp) -> Result<Arrived, AccountError> {
    check_name(who.name)?;
    let arrived = state.transaction(|tx| {
        let Some(known) = known(&tx.query(KNOWN, &[who.by.into(), who.subject.into()])?) else {
            return come(tx, who, now);
        };
        match role_of_known(who, known.role) {
            Some(role) => {
                let is_back = be_seen(tx, who, &known.name, now)?;
                give_role(tx, &known.name, role)?;
                Ok(Ok(Arrived { role, is_back, ..known }))
            }
            // Whoever lost what their role followed from has none, and what is open of theirs ends: tokens hold of
            // administrators only.
            None => {
                give_role(tx, &known.name, Role::Viewer)?;
                tx.execute("DELETE FROM session WHERE person = ?1", &[known.name.as_str().into()])?;
                Ok(Err(roleless(&known.name)))
            }
        }
    })?;
    arrived.map_err(AccountError::Refused)
}

fn role_of_known(who: &Vouched<'_>, role: Role) -> Option<Role> {
    if who.role_is_said { who.role } else { Some(role) }
}

fn roleless(name: &str) -> String {
    format!("{name} has no role here: an administrator gives one to their group, or a default role in [auth]")
}

/// They are there, so that nothing of theirs rests. Whether it did.
fn be_seen(tx: &Transaction<'_>, who: &Vouched<'_>, name: &str, now: Timestamp) -> Result<bool, StateError> {
    tx.execute(
        "UPDATE identity SET seen = ?3 WHERE voucher = ?1 AND subject = ?2",
        &[who.by.into(), who.subject.into(), now.0.into()],
    )?;
    lift_suspension(tx, name)
}

fn lift_suspension(tx: &Transaction<'_>, name: &str) -> Result<bool, StateError> {
    let lift = "UPDATE person SET suspended = NULL WHERE name = ?1 AND suspended IS NOT NULL";
    Ok(tx.execute(lift, &[name.into()])? > 0)
}

/// Names are given to others once somebody has left: only who is known by the voucher's own mark is the same person.
fn come(
    tx: &Transaction<'_>,
    who: &Vouched<'_>,
    now: Timestamp,
) -> Result<Result<Arrived, String>, StateError> {
    let here = tx.query(
        "SELECT role, EXISTS (SELECT 1 FROM identity WHERE person = ?1 AND voucher = ?2), password <> '',
            EXISTS (SELECT 1 FROM link WHERE person = ?1 AND voucher = ?2 AND expires >= ?3)
         FROM person WHERE name = ?1",
        &[who.name.into(), who.by.into(), now.0.into()],
    )?;
    // Whoever was made by another's word has no password, and is nobody's but that one's.
    let is_joined = |row: &Row| row.integer(3) > 0 || who.join_existing && row.integer(2) > 0;
    if here.first().is_some_and(|row| row.integer(1) > 0 || !is_joined(row)) {
        return Ok(Err(format!(
            "there is another `{}` here already: an administrator links you with that one, removes it, or gives you another name",
            who.name
        )));
    }
    let role = match here.first() {
        Some(row) => role_of_known(who, Role::parse(row.text(0))),
        None => who.role,
    };
    let Some(role) = role else { return Ok(Err(roleless(who.name))) };
    if here.is_empty() {
        if let Err(AccountError::Refused(why)) = check_new_name(who.name) {
            return Ok(Err(why));
        }
        let rows = tx.query("SELECT count(DISTINCT person) FROM identity", &[])?;
        if rows.first().is_some_and(|row| row.integer(0) >= MAX_VOUCHED) {
            return Ok(Err(format!(
                "{MAX_VOUCHED} people were made by a provider or proxy already: an administrator removes some who are gone"
            )));
        }
        // A password that nobody can type.
        tx.execute(
            "INSERT INTO person (name, password, role, created, display_name) VALUES (?1, '', ?2, ?3, ?4)",
            &[who.name.into(), role.name().into(), now.0.into(), who.display_name.into()],
        )?;
    }
    give_role(tx, who.name, role)?;
    let linked = here.first().is_some_and(|row| row.integer(3) > 0).then_some(now.0);
    tx.execute(
        "INSERT INTO identity (voucher, subject, person, seen, linked) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[who.by.into(), who.subject.into(), who.name.into(), now.0.into(), linked.into()],
    )?;
    tx.execute("DELETE FROM link WHERE person = ?1 AND voucher = ?2", &[who.name.into(), who.by.into()])?;
    let is_back = lift_suspension(tx, who.name)?;
    Ok(Ok(Arrived { name: who.name.to_owned(), role, is_new: here.is_empty(), is_back }))
}

fn give_role(tx: &Transaction<'_>, name: &str, role: Role) -> Result<(), StateError> {
    let changed = tx.execute(
        "UPDATE person SET role = ?2 WHERE name = ?1 AND role <> ?2",
        &[name.into(), role.name().into()],
    )?;
    if changed > 0 {
        tx.execute("DELETE FROM session WHERE person = ?1", &[name.into()])?;
    }
    Ok(())
}
