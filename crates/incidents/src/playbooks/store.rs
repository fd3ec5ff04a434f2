//! The tables of playbooks, and what is done with them at the desk.

use std::sync::Arc;

use state_store::{Row, StateError, StateStore, Transaction, Value};
use vocabulary::Timestamp;

use super::{Guide, Playbook, Playbooks};
use crate::desk::{Desk, Failed};
use crate::incident::IncidentId;
use crate::limits::{MAX_PLAYBOOK, MAX_PLAYBOOK_NAME, MAX_PLAYBOOK_VERSIONS, MAX_PLAYBOOKS};
use crate::people::Refusal;
use crate::store;

/// A version as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    pub version: i64,
    pub at: i64,
    pub by: String,
    /// None: it was taken out.
    pub text: Option<String>,
}

/// What became of a text that somebody sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    Done(Playbook),
    /// It is another by now than the one that was read; none: it is not there.
    Newer(Option<Playbook>),
}

pub(crate) fn load(store: &StateStore) -> Result<Playbooks, StateError> {
    let rows = store.query("SELECT name, text, version, author, at FROM playbook", &[])?;
    let playbook = |row: &Row| Playbook {
        name: row.text(0).into(),
        text: row.text(1).into(),
        version: row.integer(2),
        by: row.text(3).to_owned(),
        at: row.integer(4),
    };
    Ok(Playbooks(rows.iter().map(playbook).map(|one| (one.name.clone(), one)).collect()))
}

fn check(name: &str, text: &str) -> Result<(), Refusal> {
    let is_odd = name.chars().any(|c| c.is_control() || c == '#') || name.trim() != name;
    if name.is_empty() || name.len() > MAX_PLAYBOOK_NAME || is_odd {
        return Err(Refusal::Bad(format!(
            "the name of a playbook has 1 to {MAX_PLAYBOOK_NAME} bytes, no `#`, and no blank at its ends"
        )));
    }
    if text.trim().is_empty() {
        return Err(Refusal::Bad("`text` is empty: DELETE takes a playbook out".into()));
    }
    if text.len() > MAX_PLAYBOOK {
        return Err(Refusal::Bad(format!(
            "`text` has {} bytes, and {MAX_PLAYBOOK} at most are read at night: make two of it",
            text.len()
        )));
    }
    Ok(())
}

impl Desk {
    /// All that are kept, by name, each with what uses it.
    pub fn playbooks(&self) -> Vec<(Playbook, Vec<String>)> {
        let inner = self.inner.lock();
        let mut uses = inner.incidents.playbook_uses();
        let kept = inner.incidents.playbooks.0.values();
        kept.map(|one| (one.clone(), uses.remove(&*one.name).unwrap_or_default())).collect()
    }

    pub fn playbook(&self, name: &str) -> Option<Playbook> {
        self.inner.lock().incidents.playbooks.0.get(name).cloned()
    }

    /// What can wake somebody and says nothing of what to do.
    pub fn without_playbook(&self) -> Vec<String> {
        self.inner.lock().incidents.without_playbook()
    }

    /// What each of these (is it a host, name) says of its playbook, or its name or service does.
    pub fn playbooks_of(&self, of: &[(bool, &str)]) -> Vec<Option<String>> {
        let inner = self.inner.lock();
        of.iter().map(|(host, name)| inner.incidents.said_playbook(*host, name)).collect()
    }

    /// What is wrong with the playbook that a monitor, check or host names.
    pub fn playbook_problem(&self, host: bool, name: &str) -> Option<String> {
        self.inner.lock().incidents.playbook_problem(host, name)
    }

    /// A new text; what is not there yet is of version 0. Whoever has read an older one overwrites nothing.
    pub fn write_playbook(
        &self,
        name: &str,
        by: &str,
        read_version: i64,
        text: &str,
        now: Timestamp,
    ) -> Result<Written, Failed> {
        let text = text.replace("\r\n", "\n");
        check(name, &text).map_err(Failed::Refused)?;
        let mut inner = self.inner.lock();
        let kept = &mut inner.incidents.playbooks.0;
        let now_there = kept.get(name);
        if now_there.map_or(0, |one| one.version) != read_version {
            return Ok(Written::Newer(now_there.cloned()));
        }
        if let Some(same) = now_there.filter(|one| *one.text == *text) {
            return Ok(Written::Done(same.clone()));
        }
        if now_there.is_none() && kept.len() >= MAX_PLAYBOOKS {
            return Err(Failed::Refused(Refusal::No(
                "there are too many playbooks: take out what nothing uses",
            )));
        }
        let version = self.store.transaction(|tx| {
            let version = keep_version(tx, name, by, Some(&text), now)?;
            tx.execute(
                "INSERT OR REPLACE INTO playbook (name, text, version, author, at) VALUES (?1, ?2, ?3, ?4, ?5)",
                &[name.into(), text.as_str().into(), version.into(), by.into(), now.0.into()],
            )?;
            Ok(version)
        })?;
        let name: Arc<str> = name.into();
        let written =
            Playbook { name: name.clone(), text: text.into(), version, by: by.to_owned(), at: now.0 };
        kept.insert(name, written.clone());
        Ok(Written::Done(written))
    }

    /// Its versions stay.
    pub fn remove_playbook(&self, name: &str, by: &str, now: Timestamp) -> Result<(), Failed> {
        let mut inner = self.inner.lock();
        let kept = &mut inner.incidents.playbooks.0;
        if !kept.contains_key(name) {
            return Err(Failed::Refused(Refusal::Unknown));
        }
        self.store.transaction(|tx| {
            keep_version(tx, name, by, None, now)?;
            tx.execute("DELETE FROM playbook WHERE name = ?1", &[name.into()])
        })?;
        kept.remove(name);
        Ok(())
    }

    /// The newest first.
    pub fn playbook_versions(&self, name: &str) -> Result<Vec<Version>, StateError> {
        let sql =
            "SELECT version, at, author, text FROM playbook_version WHERE name = ?1 ORDER BY version DESC";
        let rows = self.store.query(sql, &[name.into()])?;
        let version = |row: &Row| Version {
            version: row.integer(0),
            at: row.integer(1),
            by: row.text(2).to_owned(),
            text: (!row.is_null(3)).then(|| row.text(3).to_owned()),
        };
        Ok(rows.iter().map(version).collect())
    }

    /// What an incident's playbook was in a version of before.
    pub(super) fn guide_of_version(
        &self,
        guide: &Guide,
        id: IncidentId,
        version: i64,
    ) -> Result<Option<Guide>, StateError> {
        let Some(name) = &guide.name else { return Ok(None) };
        let found = self.playbook_versions(name)?.into_iter().find(|one| one.version == version);
        let Some(text) = found.and_then(|found| found.text) else { return Ok(None) };
        let Some(incident) = store::one(&self.store, id)? else { return Ok(None) };
        let then = Playbooks::only(name, &text);
        Ok(Some(self.inner.lock().incidents.guide_from(&then, &incident)))
    }
}

/// Returns its number. Numbers go on when what was taken out is written anew.
fn keep_version(
    tx: &Transaction<'_>,
    name: &str,
    by: &str,
    text: Option<&str>,
    now: Timestamp,
) -> Result<i64, StateError> {
    let rows = tx.query(
        "SELECT coalesce(max(version), 0) + 1 FROM playbook_version WHERE name = ?1",
        &[name.into()],
    )?;
    let version = rows.first().map_or(1, |row| row.integer(0));
    tx.execute(
        "INSERT INTO playbook_version (name, version, at, author, text) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[name.into(), version.into(), now.0.into(), by.into(), text.map_or(Value::Null, Value::from)],
    )?;
    tx.execute(
        "DELETE FROM playbook_version WHERE name = ?1 AND version <= ?2",
        &[name.into(), (version - MAX_PLAYBOOK_VERSIONS).into()],
    )?;
    Ok(version)
}
