//! Invitations: a link with which one person chooses their password, once.

use serde::{Deserialize, Serialize};
use state_store::{StateError, StateStore};
use utoipa::ToSchema;
use vocabulary::Timestamp;

use crate::limits::{INVITATION_SECONDS, MAX_INVITATIONS};
use crate::people::{check_name, check_new_name, hash_of, put};
use crate::secrets::{hashed, random_secret};
use crate::{AccountError, Role};

/// Who is to come.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Invited {
    pub name: String,
    pub role: Role,
    #[serde(default)]
    pub display_name: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Invitation {
    pub id: i64,
    #[serde(flatten)]
    pub invited: Invited,
    pub invited_by: String,
    pub expires: i64,
}

/// Who invites somebody.
#[derive(Clone, Debug, Default)]
pub struct Inviter {
    pub name: String,
    /// The person: the link is worth nothing once they are gone, suspended, or no administrator any more. None: whoever owns
    /// the server.
    pub owner: Option<String>,
    /// The end of the token that asks.
    pub until: Option<i64>,
}

/// Of invitations: whoever made them may still make them.
const HOLDS: &str = "expires >= ?1 AND (owner IS NULL OR EXISTS (SELECT 1 FROM person
    WHERE person.name = invitation.owner AND person.role = 'admin' AND person.suspended IS NULL))";

/// The secret of the link, which is not kept, and when it ends. Whoever was invited before by the same name has this one
/// only.
pub fn invite(
    state: &StateStore,
    invited: &Invited,
    by: &Inviter,
    now: Timestamp,
) -> Result<(String, i64), AccountError> {
    check_new_name(&invited.name)?;
    if !invited.display_name.is_empty() {
        check_name(&invited.display_name)?;
    }
    let secret = random_secret().map_err(|error| AccountError::Refused(error.to_string()))?;
    let usual = now.plus(INVITATION_SECONDS).0;
    let expires = by.until.map_or(usual, |until| until.min(usual));
    let refused = state.transaction(|tx| {
        tx.execute("DELETE FROM invitation WHERE expires < ?1", &[now.0.into()])?;
        if !tx.query("SELECT 1 FROM person WHERE name = ?1", &[invited.name.as_str().into()])?.is_empty() {
            return Ok(Some(format!("there is somebody called `{}` already", invited.name)));
        }
        let open = tx.query("SELECT count(*) FROM invitation", &[])?;
        if open.first().is_some_and(|row| row.integer(0) >= MAX_INVITATIONS) {
            return Ok(Some(format!("{MAX_INVITATIONS} invitations are open: withdraw some")));
        }
        tx.execute(
            "INSERT OR REPLACE INTO invitation (secret, name, role, display_name, invited_by, expires, owner)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            &[
                hashed(&secret).into(),
                invited.name.as_str().into(),
                invited.role.name().into(),
                invited.display_name.as_str().into(),
                by.name.as_str().into(),
                expires.into(),
                by.owner.as_deref().into(),
            ],
        )?;
        Ok(None)
    })?;
    match refused {
        Some(why) => Err(AccountError::Refused(why)),
        None => Ok((secret, expires)),
    }
}

/// Those that can still be accepted.
pub fn invitations(state: &StateStore, now: Timestamp) -> Result<Vec<Invitation>, StateError> {
    let rows = state.query(
        &format!(
            "SELECT id, name, role, display_name, invited_by, expires FROM invitation WHERE {HOLDS} ORDER BY id"
        ),
        &[now.0.into()],
    )?;
    let invitation = |row: &state_store::Row| Invitation {
        id: row.integer(0),
        invited: Invited {
            name: row.text(1).to_owned(),
            role: Role::parse(row.text(2)),
            display_name: row.text(3).to_owned(),
        },
        invited_by: row.text(4).to_owned(),
        expires: row.integer(5),
    };
    Ok(rows.iter().map(invitation).collect())
}

/// Whether there was such an invitation.
pub fn withdraw(state: &StateStore, id: i64) -> Result<bool, StateError> {
    state.transaction(|tx| Ok(tx.execute("DELETE FROM invitation WHERE id = ?1", &[id.into()])? > 0))
}

/// Make the person that the link was for; the link is used up. None: there is no such link (any more), or nobody stands for it.
pub fn accept(
    state: &StateStore,
    secret: &str,
    password: &str,
    now: Timestamp,
) -> Result<Option<Invited>, AccountError> {
    let find = &format!("SELECT name, role, display_name FROM invitation WHERE {HOLDS} AND secret = ?2");
    let key = || [now.0.into(), hashed(secret).into()];
    // Before the password is hashed, which strangers could keep us busy with.
    if state.query(find, &key())?.is_empty() {
        return Ok(None);
    }
    let hash = hash_of(password)?;
    Ok(state.transaction(|tx| {
        let rows = tx.query(find, &key())?;
        let Some(row) = rows.first() else { return Ok(None) };
        let invited = Invited {
            name: row.text(0).to_owned(),
            role: Role::parse(row.text(1)),
            display_name: row.text(2).to_owned(),
        };
        tx.execute("DELETE FROM invitation WHERE secret = ?1", &[hashed(secret).into()])?;
        // Somebody of that name may have been made meanwhile: their password is not a guest's to change.
        if !tx.query("SELECT 1 FROM person WHERE name = ?1", &[invited.name.as_str().into()])?.is_empty() {
            return Ok(None);
        }
        put(tx, &invited.name, &hash, invited.role, now)?;
        tx.execute(
            "UPDATE person SET display_name = ?2 WHERE name = ?1",
            &[invited.name.as_str().into(), invited.display_name.as_str().into()],
        )?;
        Ok(Some(invited))
    })?)
}
