//! API tokens: what programs show.

use serde::Serialize;
use state_store::{Row, StateError, StateStore};
use utoipa::ToSchema;
use vocabulary::Timestamp;
use vocabulary::ports::Scope;

use crate::limits::{LAST_USED_EVERY_SECONDS, LONGEST_NAME};
use crate::secrets::{hashed, random_secret};
use crate::{AccountError, Caller, Role, Via};

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

/// A new token; the secret is not kept and cannot be shown again.
pub fn create_token(
    state: &StateStore,
    name: &str,
    role: Role,
    prefixes: &[String],
    now: Timestamp,
) -> Result<(i64, String), AccountError> {
    if name.trim().is_empty() || name.len() > LONGEST_NAME {
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
