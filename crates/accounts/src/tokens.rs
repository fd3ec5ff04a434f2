//! API tokens: what programs show.

use serde::Serialize;
use state_store::{Row, StateError, StateStore};
use utoipa::ToSchema;
use vocabulary::Timestamp;
use vocabulary::ports::Scope;

use crate::config::ALL_NAMES;
use crate::limits::{LAST_USED_EVERY_SECONDS, LONGEST_NAME};
use crate::secrets::{hashed, random_secret};
use crate::{AccountError, Caller, Role, Via};

#[derive(Debug, Serialize, ToSchema)]
pub struct Token {
    pub id: i64,
    #[serde(flatten)]
    pub token: NewToken,
    pub created: i64,
    pub last_used: Option<i64>,
}

/// What is said of a token when it is made.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NewToken {
    pub name: String,
    pub role: Role,
    /// Name prefixes that the bearer may see; empty means all.
    pub prefixes: Vec<String>,
    /// Whoever made it: it ends when they go, or are no administrator any more. None: whoever owns the server.
    pub owner: Option<String>,
    /// It is no token from then on.
    pub expires: Option<i64>,
}

impl NewToken {
    fn check(&self, now: Timestamp) -> Result<(), AccountError> {
        let refused = |why: &str| Err(AccountError::Refused(why.into()));
        if self.name.trim().is_empty() || self.name.len() > LONGEST_NAME {
            return refused("a token's name has 1 to 100 characters");
        }
        if self.prefixes.iter().any(|prefix| prefix.is_empty() || prefix.contains(char::is_control)) {
            return refused("a prefix is not empty and has no control characters");
        }
        if self.prefixes.iter().any(|prefix| prefix == ALL_NAMES) {
            return refused("a token without prefixes sees everything: leave out `*`");
        }
        if self.expires.is_some_and(|at| at <= now.0) {
            return refused("`expires` is past: write a time to come, in seconds since 1970");
        }
        Ok(())
    }
}

/// The id and the secret, which is not kept and cannot be shown again.
pub fn create_token(
    state: &StateStore,
    new: &NewToken,
    now: Timestamp,
) -> Result<(i64, String), AccountError> {
    new.check(now)?;
    let secret = format!("bw_{}", random_secret().map_err(|error| AccountError::Refused(error.to_string()))?);
    let id = state.transaction(|tx| {
        if !tx.query("SELECT 1 FROM token WHERE name = ?1", &[new.name.as_str().into()])?.is_empty() {
            return Ok(None);
        }
        tx.execute(
            "INSERT INTO token (name, secret, role, prefixes, created, owner, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            &[
                new.name.as_str().into(),
                hashed(&secret).into(),
                new.role.name().into(),
                new.prefixes.join("\n").into(),
                now.0.into(),
                new.owner.as_deref().into(),
                new.expires.into(),
            ],
        )?;
        Ok(Some(tx.inserted_id()))
    })?;
    let taken = || AccountError::Refused(format!("there is a token called `{}` already", new.name));
    Ok((id.ok_or_else(taken)?, secret))
}

pub fn tokens(state: &StateStore) -> Result<Vec<Token>, StateError> {
    let rows = state.query(
        "SELECT id, name, role, prefixes, owner, expires, created, last_used FROM token ORDER BY id",
        &[],
    )?;
    let number = |row: &Row, column: usize| (!row.is_null(column)).then(|| row.integer(column));
    let token = |row: &Row| Token {
        id: row.integer(0),
        token: NewToken {
            name: row.text(1).to_owned(),
            role: Role::parse(row.text(2)),
            prefixes: prefixes(row, 3),
            owner: (!row.is_null(4)).then(|| row.text(4).to_owned()),
            expires: number(row, 5),
        },
        created: row.integer(6),
        last_used: number(row, 7),
    };
    Ok(rows.iter().map(token).collect())
}

/// Whether there was such a token.
pub fn remove_token(state: &StateStore, id: i64) -> Result<bool, StateError> {
    state.transaction(|tx| Ok(tx.execute("DELETE FROM token WHERE id = ?1", &[id.into()])? > 0))
}

/// Who shows it, while it holds.
pub fn token(state: &StateStore, secret: &str, now: Timestamp) -> Result<Option<Caller>, StateError> {
    let rows = state.query(
        "SELECT id, name, role, prefixes, last_used, expires FROM token WHERE secret = ?1 AND (expires IS NULL OR expires > ?2)
         AND (owner IS NULL OR EXISTS (SELECT 1 FROM person WHERE person.name = token.owner AND person.role = 'admin'
             AND person.suspended IS NULL))",
        &[hashed(secret).into(), now.0.into()],
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
        until: (!row.is_null(5)).then(|| Timestamp(row.integer(5))),
    }))
}

fn prefixes(row: &Row, column: usize) -> Vec<String> {
    row.text(column).lines().map(str::to_owned).collect()
}
