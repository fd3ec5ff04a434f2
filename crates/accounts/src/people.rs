//! People who sign in.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use state_store::{StateError, StateStore};
use vocabulary::Timestamp;

use crate::limits::{LONGEST_NAME, MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH};
use crate::{AccountError, Role};

/// Set a person's password and role, making the person if need be. All their sessions end.
pub fn set_person(
    state: &StateStore,
    name: &str,
    password: &str,
    role: Role,
    now: Timestamp,
) -> Result<(), AccountError> {
    if name.is_empty() || name.len() > LONGEST_NAME || name.chars().any(char::is_control) {
        return Err(AccountError::Refused("a name has 1 to 100 characters and no control characters".into()));
    }
    if !(MIN_PASSWORD_LENGTH..=MAX_PASSWORD_LENGTH).contains(&password.len()) {
        return Err(AccountError::Refused(format!(
            "a password has {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH} characters"
        )));
    }
    let hash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|error| AccountError::Refused(format!("cannot hash the password: {error}")))?
        .to_string();
    state.transaction(|tx| {
        tx.execute(
            "INSERT INTO person (name, password, role, created) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (name) DO UPDATE SET password = ?2, role = ?3",
            &[name.into(), hash.into(), role.name().into(), now.0.into()],
        )?;
        tx.execute("DELETE FROM session WHERE person = ?1", &[name.into()])
    })?;
    Ok(())
}

pub fn people(state: &StateStore) -> Result<Vec<(String, Role)>, StateError> {
    let rows = state.query("SELECT name, role FROM person ORDER BY name", &[])?;
    Ok(rows.iter().map(|row| (row.text(0).to_owned(), Role::parse(row.text(1)))).collect())
}

/// Whether there was such a person.
pub fn remove_person(state: &StateStore, name: &str) -> Result<bool, StateError> {
    state.transaction(|tx| Ok(tx.execute("DELETE FROM person WHERE name = ?1", &[name.into()])? > 0))
}

/// The person's role if name and password are right. Takes as long for names that do not exist.
pub fn check_password(state: &StateStore, name: &str, password: &str) -> Result<Option<Role>, StateError> {
    if password.len() > MAX_PASSWORD_LENGTH {
        return Ok(None);
    }
    let rows = state.query("SELECT password, role FROM person WHERE name = ?1", &[name.into()])?;
    // A hash of nothing that anybody can type, with the same parameters.
    const NOBODY: &str =
        "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let stored = rows.first().map_or(NOBODY, |row| row.text(0));
    let right = PasswordHash::new(stored)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok());
    Ok(rows.first().filter(|_| right).map(|row| Role::parse(row.text(1))))
}
