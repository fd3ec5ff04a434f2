//! Who there is: people who sign in, their sessions, and API tokens. Secrets are kept hashed: passwords
//! with Argon2id, tokens and sessions (128 random bits and more) with SHA-256.

use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use state_store::{Migrations, Row, StateError, StateStore};
use utoipa::ToSchema;
use vocabulary::Timestamp;
use vocabulary::ports::Scope;

pub const MIGRATIONS: Migrations = Migrations {
    room: "accounts",
    steps: &["CREATE TABLE person (name TEXT PRIMARY KEY, password TEXT NOT NULL, role TEXT NOT NULL, created INTEGER NOT NULL) STRICT;
         CREATE TABLE session (secret BLOB PRIMARY KEY, person TEXT NOT NULL REFERENCES person (name) ON DELETE CASCADE, expires INTEGER NOT NULL) STRICT;
         CREATE TABLE token (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, secret BLOB NOT NULL UNIQUE, role TEXT NOT NULL,
            prefixes TEXT NOT NULL, created INTEGER NOT NULL, last_used INTEGER) STRICT;"],
};

/// A session ends this long after it was opened.
pub const SESSION_SECONDS: i64 = 30 * 86_400;
/// Short enough to type, long enough that guessing at the allowed rate is hopeless.
pub const MIN_PASSWORD_LENGTH: usize = 8;
/// Argon2 of a megabyte-long password would be a way to keep us busy.
pub const MAX_PASSWORD_LENGTH: usize = 1_024;
/// The time of a token's last use is written at most this often.
const LAST_USED_EVERY_SECONDS: i64 = 60;

/// What one may do, least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    Viewer,
    Responder,
    Editor,
    Admin,
}

impl Role {
    pub fn name(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Responder => "responder",
            Role::Editor => "editor",
            Role::Admin => "admin",
        }
    }

    fn parse(name: &str) -> Role {
        [Role::Admin, Role::Editor, Role::Responder]
            .into_iter()
            .find(|role| role.name() == name)
            .unwrap_or(Role::Viewer)
    }
}

/// Who asks, and what they may do and see.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    pub name: String,
    pub role: Role,
    pub scope: Scope,
    pub via: Via,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// Nobody has to say who they are on loopback.
    Loopback,
    ControlSocket,
    Session,
    Token,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct Token {
    pub id: i64,
    pub name: String,
    pub role: Role,
    /// Name prefixes that the bearer may see; empty means all.
    pub prefixes: Vec<String>,
    pub created: i64,
    pub last_used: Option<i64>,
}

/// 256 random bits as text that survives URLs, shells and double clicks.
pub fn random_secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn hashed(secret: &str) -> Vec<u8> {
    Sha256::digest(secret.as_bytes()).to_vec()
}

/// Set a person's password and role, making the person if need be. All their sessions end.
pub fn set_person(
    state: &StateStore,
    name: &str,
    password: &str,
    role: Role,
    now: Timestamp,
) -> Result<(), AccountError> {
    if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
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

/// The secret of a new session.
pub fn open_session(state: &StateStore, person: &str, now: Timestamp) -> Result<String, AccountError> {
    let secret = random_secret().map_err(|error| AccountError::Refused(error.to_string()))?;
    state.transaction(|tx| {
        tx.execute("DELETE FROM session WHERE expires < ?1", &[now.0.into()])?;
        tx.execute(
            "INSERT INTO session (secret, person, expires) VALUES (?1, ?2, ?3)",
            &[hashed(&secret).into(), person.into(), now.plus(SESSION_SECONDS).0.into()],
        )
    })?;
    Ok(secret)
}

pub fn close_session(state: &StateStore, secret: &str) -> Result<(), StateError> {
    state.transaction(|tx| tx.execute("DELETE FROM session WHERE secret = ?1", &[hashed(secret).into()]))?;
    Ok(())
}

pub fn session(state: &StateStore, secret: &str, now: Timestamp) -> Result<Option<Caller>, StateError> {
    let rows = state.query(
        "SELECT person.name, person.role FROM session JOIN person ON person.name = session.person
         WHERE session.secret = ?1 AND session.expires >= ?2",
        &[hashed(secret).into(), now.0.into()],
    )?;
    Ok(rows.first().map(|row| Caller {
        name: row.text(0).to_owned(),
        role: Role::parse(row.text(1)),
        scope: Scope::everything(),
        via: Via::Session,
    }))
}

/// A new token; the secret is not kept and cannot be shown again.
pub fn create_token(
    state: &StateStore,
    name: &str,
    role: Role,
    prefixes: &[String],
    now: Timestamp,
) -> Result<(i64, String), AccountError> {
    if name.trim().is_empty() || name.len() > 100 {
        return Err(AccountError::Refused("a token's name has 1 to 100 characters".into()));
    }
    if prefixes.iter().any(|prefix| prefix.is_empty() || prefix.contains('\n')) {
        return Err(AccountError::Refused("a prefix is not empty and has no line break".into()));
    }
    let secret = format!("bw_{}", random_secret().map_err(|error| AccountError::Refused(error.to_string()))?);
    let id = state.transaction(|tx| {
        if !tx.query("SELECT 1 FROM token WHERE name = ?1", &[name.into()])?.is_empty() {
            return Ok(None);
        }
        tx.execute(
            "INSERT INTO token (name, secret, role, prefixes, created) VALUES (?1, ?2, ?3, ?4, ?5)",
            &[
                name.into(),
                hashed(&secret).into(),
                role.name().into(),
                prefixes.join("\n").into(),
                now.0.into(),
            ],
        )?;
        Ok(Some(tx.inserted_id()))
    })?;
    let id = id.ok_or_else(|| AccountError::Refused(format!("there is a token called `{name}` already")))?;
    Ok((id, secret))
}

pub fn tokens(state: &StateStore) -> Result<Vec<Token>, StateError> {
    let rows =
        state.query("SELECT id, name, role, prefixes, created, last_used FROM token ORDER BY id", &[])?;
    Ok(rows
        .iter()
        .map(|row| Token {
            id: row.integer(0),
            name: row.text(1).to_owned(),
            role: Role::parse(row.text(2)),
            prefixes: prefixes(row, 3),
            created: row.integer(4),
            last_used: (!row.is_null(5)).then(|| row.integer(5)),
        })
        .collect())
}

/// Whether there was such a token.
pub fn remove_token(state: &StateStore, id: i64) -> Result<bool, StateError> {
    state.transaction(|tx| Ok(tx.execute("DELETE FROM token WHERE id = ?1", &[id.into()])? > 0))
}

pub fn token(state: &StateStore, secret: &str, now: Timestamp) -> Result<Option<Caller>, StateError> {
    let rows = state.query(
        "SELECT id, name, role, prefixes, last_used FROM token WHERE secret = ?1",
        &[hashed(secret).into()],
    )?;
    let Some(row) = rows.first() else { return Ok(None) };
    if row.is_null(4) || now.0 - row.integer(4) >= LAST_USED_EVERY_SECONDS {
        state.transaction(|tx| {
            tx.execute(
                "UPDATE token SET last_used = ?1 WHERE id = ?2",
                &[now.0.into(), row.integer(0).into()],
            )
        })?;
    }
    Ok(Some(Caller {
        name: row.text(1).to_owned(),
        role: Role::parse(row.text(2)),
        scope: Scope::prefixes(prefixes(row, 3)),
        via: Via::Token,
    }))
}

fn prefixes(row: &Row, column: usize) -> Vec<String> {
    row.text(column).lines().map(str::to_owned).collect()
}

#[derive(Debug)]
pub enum AccountError {
    /// Not allowed, with the reason.
    Refused(String),
    State(StateError),
}

impl From<StateError> for AccountError {
    fn from(error: StateError) -> AccountError {
        AccountError::State(error)
    }
}

impl From<AccountError> for crate::answer::Problem {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::Refused(why) => crate::answer::Problem::bad_request(why),
            AccountError::State(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> (tempfile::TempDir, StateStore) {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
        (directory, state)
    }

    #[test]
    fn a_person_signs_in_with_the_right_password_only() {
        let (_directory, state) = state();
        let now = Timestamp(1_000);
        set_person(&state, "ana", "correct horse", Role::Admin, now).unwrap();
        assert_eq!(check_password(&state, "ana", "correct horse").unwrap(), Some(Role::Admin));
        assert_eq!(check_password(&state, "ana", "wrong horse").unwrap(), None);
        assert_eq!(check_password(&state, "ben", "correct horse").unwrap(), None);
        assert!(set_person(&state, "ana", "short", Role::Admin, now).is_err());
    }

    #[test]
    fn a_session_ends_in_time_and_with_a_new_password() {
        let (_directory, state) = state();
        let now = Timestamp(1_000);
        set_person(&state, "ana", "correct horse", Role::Editor, now).unwrap();
        let secret = open_session(&state, "ana", now).unwrap();
        let role = |at: Timestamp| session(&state, &secret, at).unwrap().map(|caller| caller.role);
        assert_eq!(role(now.plus(SESSION_SECONDS)), Some(Role::Editor));
        assert_eq!(role(now.plus(SESSION_SECONDS + 1)), None);
        set_person(&state, "ana", "another horse", Role::Editor, now).unwrap();
        assert_eq!(role(now), None);
    }

    #[test]
    fn a_token_carries_its_role_and_scope_until_it_is_removed() {
        let (_directory, state) = state();
        let now = Timestamp(1_000);
        let (id, secret) = create_token(&state, "grafana", Role::Viewer, &["team.a.".into()], now).unwrap();
        let caller = token(&state, &secret, now).unwrap().unwrap();
        assert_eq!(
            (caller.role, caller.scope.sees("team.a.x"), caller.scope.sees("b")),
            (Role::Viewer, true, false)
        );
        assert!(token(&state, "bw_00", now).unwrap().is_none());
        assert!(create_token(&state, "grafana", Role::Viewer, &[], now).is_err());
        assert_eq!(tokens(&state).unwrap()[0].last_used, Some(1_000));
        assert!(remove_token(&state, id).unwrap() && !remove_token(&state, id).unwrap());
        assert!(token(&state, &secret, now).unwrap().is_none());
    }
}
