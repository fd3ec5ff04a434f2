//! Who there is, and who may do what: people who sign in, their teams and sessions, API tokens.
//!
//! Comes in: what is shown to say who asks (a password, the secret of a session or token), and what an administrator
//! changes. Goes out: a [`Caller`] with a role and a scope. What never happens here: HTTP, sending anything, reading
//! the clock. Secrets are kept hashed: passwords with Argon2id, those of tokens and sessions (128 random bits and
//! more) with SHA-256.
//!
//! | file | holds |
//! |---|---|
//! | `lib.rs` | [`Caller`], [`Role`], migrations, what is refused |
//! | `people.rs`, `sessions.rs`, `tokens.rs`, `teams.rs`, `invitations.rs` | each with its table |
//! | `identities.rs` | who somebody is by the word of a provider or a proxy |
//! | `links.rs` | what an administrator says of that word, and what ends without it |
//! | `memberships.rs` | teams that somebody is in by that word |
//! | `oidc/` | what such a provider is asked, and whether it is believed |
//! | `ways.rs` | how a person is reached, and that it was tried; `ways/codes.rs` shows that they read it |
//! | `audit.rs` | who changed what, and how it was before |
//! | `config.rs` | `[[team]]` |
//! | `secrets.rs` | random secrets and how they are kept |
//! | `limits.rs` | what is bounded, and by how much |

mod audit;
mod config;
mod identities;
mod invitations;
pub mod limits;
mod links;
mod memberships;
pub mod oidc;
mod people;
mod secrets;
mod sessions;
mod teams;
mod tokens;
mod ways;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use state_store::{Migrations, StateError};
use utoipa::ToSchema;
use vocabulary::Timestamp;
use vocabulary::ports::Scope;

pub use audit::{Asked, AuditEntry, Change, FAILED_SIGN_IN, audit, note};
pub use config::{TeamConfig, problems};
pub use identities::{Arrived, Vouched, arrive, arrived};
pub use invitations::{Invitation, Invited, Inviter, accept, invitations, invite, withdraw};
pub use limits::{SESSION_SECONDS, VOUCHED_SESSION_SECONDS};
pub use links::{ComesBy, Unlinked, comes_by, link, suspend_unseen, unlink, unlinked, unseen_by, unsuspend};
pub use memberships::{Followed, Moved, follow_groups, forget_memberships};
#[cfg(test)]
pub(crate) use people::set_person;
pub use people::{
    Details, Person, Shown, change_password, check_password, describe, make_person, people, person,
    remove_person, replace_password, set_role,
};
pub use secrets::random_secret;
pub use sessions::{
    Closed, close_session, end_sessions_of_others, open_session_by, open_vouched_session, session,
};
pub use teams::{Team, remove_team, scope_of, scope_of_contact, set_team, teams, teams_of};
pub use tokens::{NewToken, Token, create_token, remove_token, token, tokens};
pub use ways::{
    Tested, Typed, WantedWay, Way, confirm_way, confirmed_ways, is_phone, lose_way, may_send, new_code,
    note_test, set_ways, ways,
};

pub const MIGRATIONS: Migrations = Migrations {
    room: "accounts",
    steps: &["CREATE TABLE person (name TEXT PRIMARY KEY, password TEXT NOT NULL, role TEXT NOT NULL, created INTEGER NOT NULL) STRICT;
         CREATE TABLE session (secret BLOB PRIMARY KEY, person TEXT NOT NULL REFERENCES person (name) ON DELETE CASCADE, expires INTEGER NOT NULL) STRICT;
         CREATE TABLE token (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, secret BLOB NOT NULL UNIQUE, role TEXT NOT NULL,
            prefixes TEXT NOT NULL, created INTEGER NOT NULL, last_used INTEGER) STRICT;",
        "ALTER TABLE person ADD COLUMN display_name TEXT NOT NULL DEFAULT '';
         ALTER TABLE person ADD COLUMN time_zone TEXT;
         CREATE TABLE team (name TEXT PRIMARY KEY, members TEXT NOT NULL, prefixes TEXT NOT NULL, projects TEXT NOT NULL, escalation_policy TEXT) STRICT;
         CREATE TABLE invitation (id INTEGER PRIMARY KEY, secret BLOB NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE, role TEXT NOT NULL, display_name TEXT NOT NULL,
            invited_by TEXT NOT NULL, expires INTEGER NOT NULL) STRICT;",
        "CREATE TABLE audit (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, who TEXT NOT NULL, via TEXT NOT NULL, source TEXT NOT NULL,
            action TEXT NOT NULL, subject TEXT NOT NULL, before TEXT, after TEXT, file_commit TEXT) STRICT;
         CREATE INDEX audit_at ON audit (at);",
        "CREATE TABLE identity (voucher TEXT NOT NULL, subject TEXT NOT NULL, person TEXT NOT NULL REFERENCES person (name) ON DELETE CASCADE,
            PRIMARY KEY (voucher, subject)) STRICT;
         CREATE INDEX identity_person ON identity (person);
         ALTER TABLE token ADD COLUMN owner TEXT;
         ALTER TABLE token ADD COLUMN expires INTEGER;",
        // How people are reached. Ids are not used again: what is asked of one way must not be done to another.
        "CREATE TABLE way (id INTEGER PRIMARY KEY AUTOINCREMENT, person TEXT NOT NULL REFERENCES person (name) ON DELETE CASCADE,
            kind TEXT NOT NULL, address TEXT NOT NULL, label TEXT NOT NULL, channel TEXT, changed INTEGER NOT NULL, confirmed INTEGER,
            gone INTEGER, tested INTEGER, test_error TEXT NOT NULL, code BLOB, code_salt TEXT, code_until INTEGER, code_tries INTEGER) STRICT;
         CREATE INDEX way_person ON way (person);
         CREATE TABLE way_sent (person TEXT NOT NULL REFERENCES person (name) ON DELETE CASCADE, at INTEGER NOT NULL) STRICT;",
        // What was sent is counted by telephone as well, and outlives who asked for it. When somebody last came by a word of
        // another, and since when what is theirs rests because they have not; who may come so as somebody who is here.
        "DROP TABLE way_sent;
         CREATE TABLE way_sent (person TEXT NOT NULL, at INTEGER NOT NULL, phone TEXT, is_code INTEGER NOT NULL) STRICT;
         CREATE INDEX way_sent_at ON way_sent (at);
         ALTER TABLE identity ADD COLUMN seen INTEGER;
         ALTER TABLE person ADD COLUMN suspended INTEGER;
         CREATE TABLE link (person TEXT NOT NULL REFERENCES person (name) ON DELETE CASCADE, voucher TEXT NOT NULL, expires INTEGER NOT NULL,
            PRIMARY KEY (person, voucher)) STRICT;",
        // Teams by the word of whoever vouches for somebody; those by hand stand with the team. When an administrator said that
        // somebody who comes so is the one of this name; by whose word a session was opened.
        "CREATE TABLE membership (person TEXT NOT NULL REFERENCES person (name) ON DELETE CASCADE, team TEXT NOT NULL, voucher TEXT NOT NULL,
            PRIMARY KEY (person, voucher, team)) STRICT;
         CREATE INDEX membership_team ON membership (team);
         ALTER TABLE identity ADD COLUMN linked INTEGER;
         ALTER TABLE session ADD COLUMN voucher TEXT;",
        // Whose an invitation is, as tokens are somebody's.
        "ALTER TABLE invitation ADD COLUMN owner TEXT;
         UPDATE invitation SET owner = invited_by WHERE EXISTS (SELECT 1 FROM person WHERE person.name = invited_by);",
        // Opened by another's word before it was written down by whose.
        "DELETE FROM session WHERE voucher IS NULL AND person IN (SELECT name FROM person WHERE password = '');",
        // Of each person, the oldest first.
        "CREATE INDEX audit_who ON audit (who, id);"],
};

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

    pub(crate) fn parse(name: &str) -> Role {
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
    /// From then on their session or token is none any more; none: it does not end by itself.
    pub until: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// Nobody has to say who they are on loopback.
    Loopback,
    ControlSocket,
    Session,
    Token,
    /// A trusted proxy in front says who it is.
    Proxy,
}

impl Via {
    /// A person themselves, not a program that acts for somebody.
    pub fn is_person(self) -> bool {
        matches!(self, Via::Session | Via::Proxy)
    }
}

#[derive(Debug)]
pub enum AccountError {
    /// Not allowed, with the reason.
    Refused(String),
    /// Not so often, with when it may be tried again.
    TooSoon(String),
    State(StateError),
}

impl From<StateError> for AccountError {
    fn from(error: StateError) -> AccountError {
        AccountError::State(error)
    }
}

impl std::fmt::Display for AccountError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AccountError::Refused(why) | AccountError::TooSoon(why) => f.write_str(why),
            AccountError::State(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AccountError {}
