//! The key that web push is signed with. Browsers subscribe with it, so that it stays the same: it is in the state database,
//! sealed with `secret.key`.

use notify::channels::push::vapid;
use notify::config::Secret;
use state_store::{Migrations, StateStore};

use crate::failure::Failure;

pub const MIGRATIONS: Migrations = Migrations {
    room: "push",
    steps: &[
        "CREATE TABLE push_key (only INTEGER PRIMARY KEY CHECK (only = 1), sealed BLOB NOT NULL) STRICT;",
    ],
};

/// Made when there is none.
pub fn load(state: &StateStore, secret: &str) -> Result<Secret, Failure> {
    let doing = "read the key for web push";
    let rows = state.query("SELECT sealed FROM push_key", &[]).map_err(Failure::doing(doing))?;
    if let Some(row) = rows.first() {
        if let Some(key) = vapid::unseal(row.bytes(0), secret) {
            return Ok(key);
        }
        tracing::warn!(
            "the key for web push was sealed with another secret.key: browsers have to subscribe again"
        );
    }
    let key = vapid::make().map_err(Failure::new)?;
    let sealed = vapid::seal(&key, secret).map_err(Failure::new)?;
    let kept = state.transaction(|tx| {
        tx.execute("INSERT OR REPLACE INTO push_key (only, sealed) VALUES (1, ?1)", &[sealed.into()])
    });
    kept.map_err(Failure::doing("keep the key for web push"))?;
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stays_the_same_with_the_same_secret() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
        let made = load(&state, "secret").unwrap();
        assert!(load(&state, "secret").unwrap() == made);
        let another = load(&state, "another").unwrap();
        assert!(another != made && load(&state, "another").unwrap() == another);
    }
}
