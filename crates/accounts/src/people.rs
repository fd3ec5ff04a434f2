//! People who sign in.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use serde::{Deserialize, Serialize};
use state_store::{Row, StateError, StateStore, Transaction};
use utoipa::ToSchema;
use vocabulary::Timestamp;

use crate::config::is_name;
use crate::limits::{LONGEST_NAME, MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH};
use crate::secrets::hashed;
use crate::{AccountError, Role};

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Person {
    pub name: String,
    pub role: Role,
    #[serde(flatten)]
    pub details: Details,
    pub created: i64,
    /// Since when their tokens rest: they have not come by the provider's word for long (`forget_after`).
    pub suspended: Option<i64>,
}

/// What a person says of themselves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Details {
    /// As others read it; empty: the name.
    pub display_name: String,
    /// Such as `Europe/Berlin`; none: the server's.
    pub time_zone: Option<String>,
}

impl Details {
    fn check(&self) -> Result<(), AccountError> {
        if !self.display_name.is_empty() && !is_name(&self.display_name) {
            let why =
                format!("`display_name` has at most {LONGEST_NAME} characters and no control characters");
            return Err(AccountError::Refused(why));
        }
        match &self.time_zone {
            Some(zone) if jiff::tz::TimeZone::get(zone).is_err() => Err(AccountError::Refused(format!(
                "there is no time zone `{zone}`: write one such as Europe/Berlin"
            ))),
            _ => Ok(()),
        }
    }
}

pub(crate) fn check_name(name: &str) -> Result<(), AccountError> {
    match is_name(name) {
        true => Ok(()),
        false => Err(AccountError::Refused(format!(
            "a name has 1 to {LONGEST_NAME} characters and no control characters"
        ))),
    }
}

/// Of somebody new: a name that reads as another's is not another one.
pub(crate) fn check_new_name(name: &str) -> Result<(), AccountError> {
    check_name(name)?;
    match name.trim() == name && !name.chars().any(is_unseen) {
        true => Ok(()),
        false => Err(AccountError::Refused(
            "a name neither begins nor ends with a blank, and has no characters that nobody sees".into(),
        )),
    }
}

/// Blanks without a width, marks of direction, joiners, and what else shows nothing: Unicode's `Default_Ignorable_Code_Point`, with
/// those that end lines, and the pattern of Braille that has no dots.
fn is_unseen(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// What is kept of a password that may be used.
pub(crate) fn hash_of(password: &str) -> Result<String, AccountError> {
    if !(MIN_PASSWORD_LENGTH..=MAX_PASSWORD_LENGTH).contains(&password.len()) {
        return Err(AccountError::Refused(format!(
            "a password has {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters"
        )));
    }
    let hash = Argon2::default().hash_password(password.as_bytes());
    Ok(hash.map_err(|error| AccountError::Refused(format!("cannot hash the password: {error}")))?.to_string())
}

/// Set a person's password and role, making the person if need be. All their sessions end.
#[cfg(test)]
pub(crate) fn set_person(
    state: &StateStore,
    name: &str,
    password: &str,
    role: Role,
    now: Timestamp,
) -> Result<(), AccountError> {
    check_name(name)?;
    let hash = hash_of(password)?;
    state.transaction(|tx| put(tx, name, &hash, role, now))?;
    Ok(())
}

/// Another password for whoever is there, who keeps their role unless one is said. All their sessions end. False: there is nobody
/// of that name.
pub fn replace_password(
    state: &StateStore,
    name: &str,
    password: &str,
    role: Option<Role>,
    now: Timestamp,
) -> Result<bool, AccountError> {
    check_name(name)?;
    let hash = hash_of(password)?;
    Ok(state.transaction(|tx| {
        let rows = tx.query("SELECT role FROM person WHERE name = ?1", &[name.into()])?;
        let Some(before) = rows.first().map(|row| Role::parse(row.text(0))) else { return Ok(false) };
        put(tx, name, &hash, role.unwrap_or(before), now)?;
        Ok(true)
    })?)
}

/// Make a person. False: there is somebody of that name, who stays as they are.
pub fn make_person(
    state: &StateStore,
    name: &str,
    password: &str,
    role: Role,
    now: Timestamp,
) -> Result<bool, AccountError> {
    check_new_name(name)?;
    let hash = hash_of(password)?;
    Ok(state.transaction(|tx| {
        if !tx.query("SELECT 1 FROM person WHERE name = ?1", &[name.into()])?.is_empty() {
            return Ok(false);
        }
        put(tx, name, &hash, role, now)?;
        Ok(true)
    })?)
}

pub(crate) fn put(
    tx: &Transaction<'_>,
    name: &str,
    hash: &str,
    role: Role,
    now: Timestamp,
) -> Result<(), StateError> {
    tx.execute(
        "INSERT INTO person (name, password, role, created) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (name) DO UPDATE SET password = ?2, role = ?3, suspended = NULL",
        &[name.into(), hash.into(), role.name().into(), now.0.into()],
    )?;
    tx.execute("DELETE FROM session WHERE person = ?1", &[name.into()])?;
    Ok(())
}

/// Whether there is such a person. With another role than before, their sessions end.
pub fn set_role(state: &StateStore, name: &str, role: Role) -> Result<bool, StateError> {
    state.transaction(|tx| {
        let changed = tx.execute(
            "UPDATE person SET role = ?2 WHERE name = ?1 AND role <> ?2",
            &[name.into(), role.name().into()],
        )?;
        if changed > 0 {
            tx.execute("DELETE FROM session WHERE person = ?1", &[name.into()])?;
        }
        Ok(!tx.query("SELECT 1 FROM person WHERE name = ?1", &[name.into()])?.is_empty())
    })
}

/// Whether there is such a person.
pub fn describe(state: &StateStore, name: &str, details: &Details) -> Result<bool, AccountError> {
    details.check()?;
    let changed = state.transaction(|tx| {
        tx.execute(
            "UPDATE person SET display_name = ?2, time_zone = ?3 WHERE name = ?1",
            &[name.into(), details.display_name.as_str().into(), details.time_zone.as_deref().into()],
        )
    })?;
    Ok(changed > 0)
}

/// A new password of one's own, in the place of the one that was shown. All sessions end but that with the secret `kept`, in
/// which it was said. False: the one that was shown is not theirs any more.
pub fn change_password(
    state: &StateStore,
    shown: &Shown,
    password: &str,
    kept: Option<&str>,
) -> Result<bool, AccountError> {
    let hash = hash_of(password)?;
    Ok(state.transaction(|tx| {
        let changed = tx.execute(
            "UPDATE person SET password = ?2 WHERE name = ?1 AND password = ?3",
            &[shown.name.as_str().into(), hash.into(), shown.hash.as_str().into()],
        )?;
        if changed > 0 {
            tx.execute(
                "DELETE FROM session WHERE person = ?1 AND secret <> ?2",
                &[shown.name.as_str().into(), kept.map(hashed).unwrap_or_default().into()],
            )?;
        }
        Ok(changed > 0)
    })?)
}

const COLUMNS: &str = "SELECT name, role, display_name, time_zone, created, suspended FROM person";

fn of_row(row: &Row) -> Person {
    Person {
        name: row.text(0).to_owned(),
        role: Role::parse(row.text(1)),
        details: Details {
            display_name: row.text(2).to_owned(),
            time_zone: (!row.is_null(3)).then(|| row.text(3).to_owned()),
        },
        created: row.integer(4),
        suspended: (!row.is_null(5)).then(|| row.integer(5)),
    }
}

pub fn people(state: &StateStore) -> Result<Vec<Person>, StateError> {
    Ok(state.query(&format!("{COLUMNS} ORDER BY name"), &[])?.iter().map(of_row).collect())
}

pub fn person(state: &StateStore, name: &str) -> Result<Option<Person>, StateError> {
    Ok(state.query(&format!("{COLUMNS} WHERE name = ?1"), &[name.into()])?.first().map(of_row))
}

/// Whether there was such a person. Their sessions and tokens go with them, and so do the links by which they let others
/// in, or themselves.
pub fn remove_person(state: &StateStore, name: &str) -> Result<bool, StateError> {
    state.transaction(|tx| {
        tx.execute("DELETE FROM token WHERE owner = ?1", &[name.into()])?;
        tx.execute("DELETE FROM invitation WHERE owner = ?1", &[name.into()])?;
        Ok(tx.execute("DELETE FROM person WHERE name = ?1", &[name.into()])? > 0)
    })
}

/// A name and a password that were right in that moment.
#[derive(Clone, Debug)]
pub struct Shown {
    pub name: String,
    pub role: Role,
    /// What was kept of the password: with another one, what was shown is worth nothing any more.
    pub(crate) hash: String,
}

/// Whose name and password are right. Takes as long for names that do not exist.
pub fn check_password(state: &StateStore, name: &str, password: &str) -> Result<Option<Shown>, StateError> {
    if password.len() > MAX_PASSWORD_LENGTH {
        return Ok(None);
    }
    let rows = state.query("SELECT password, role FROM person WHERE name = ?1", &[name.into()])?;
    // A hash of nothing that anybody can type, with the same parameters.
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    // Nor has whoever comes by a provider's word only.
    let stored = rows.first().map(|row| row.text(0)).filter(|stored| !stored.is_empty()).unwrap_or(NOBODY);
    let right = PasswordHash::new(stored)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
    let shown = |row: &Row| Shown {
        name: name.to_owned(),
        role: Role::parse(row.text(1)),
        hash: row.text(0).to_owned(),
    };
    Ok(rows.first().filter(|_| right).map(shown))
}
