//! The tables of who is on call.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use state_store::{Migrations, Row, StateError, StateStore, Transaction};
use vocabulary::Timestamp;
use vocabulary::reach::ReachRule;

use super::config::ScheduleConfig;
use super::leave::Calendars;
use super::planned::Plans;
use super::policy::PolicyConfig;
use super::schedule::{Gone, Override};
use crate::limits::{COVERS_ASKED_SECONDS, MAX_COVERS_ASKED, MAX_OVERRIDES, MAX_VERSIONS};
use crate::people::Refusal;
use crate::store::{json, read};

pub const MIGRATIONS: Migrations = Migrations {
    room: "oncall",
    steps: &["CREATE TABLE oncall_made (kind TEXT NOT NULL, name TEXT NOT NULL, definition TEXT NOT NULL, made_by TEXT NOT NULL,
            at INTEGER NOT NULL, PRIMARY KEY (kind, name)) STRICT, WITHOUT ROWID;
         CREATE TABLE oncall_version (schedule TEXT NOT NULL, since INTEGER NOT NULL, definition TEXT,
            PRIMARY KEY (schedule, since)) STRICT, WITHOUT ROWID;
         CREATE TABLE oncall_override (id INTEGER PRIMARY KEY, schedule TEXT NOT NULL, person TEXT NOT NULL, in_place_of TEXT,
            start INTEGER NOT NULL, until INTEGER NOT NULL, made_by TEXT NOT NULL, at INTEGER NOT NULL, note TEXT NOT NULL) STRICT;
         CREATE TABLE oncall_gone (person TEXT PRIMARY KEY, since INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
        // Whose turn it is in steps of policies that go round.
        "CREATE TABLE oncall_turn (policy TEXT NOT NULL, step INTEGER NOT NULL, next INTEGER NOT NULL,
            PRIMARY KEY (policy, step)) STRICT, WITHOUT ROWID;",
        // Calendars that are read by whoever has the secret.
        "CREATE TABLE oncall_feed (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, name TEXT NOT NULL, secret BLOB NOT NULL UNIQUE,
            made_by TEXT NOT NULL, at INTEGER NOT NULL) STRICT;",
        "CREATE TABLE oncall_cover (id INTEGER PRIMARY KEY, schedule TEXT NOT NULL, person TEXT NOT NULL, start INTEGER NOT NULL,
            until INTEGER NOT NULL, note TEXT NOT NULL, made_by TEXT NOT NULL, at INTEGER NOT NULL, taken_by TEXT, taken_at INTEGER,
            override INTEGER) STRICT;
         CREATE INDEX oncall_cover_until ON oncall_cover (until);",
        // How people have said that they want to be reached.
        "CREATE TABLE oncall_rule (person TEXT PRIMARY KEY, definition TEXT NOT NULL, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
        // Turns of which people were told before they begin.
        "CREATE TABLE oncall_told (schedule TEXT NOT NULL, person TEXT NOT NULL, start INTEGER NOT NULL,
            PRIMARY KEY (schedule, person, start)) STRICT, WITHOUT ROWID;",
        // When people are, were and will be away, by their own calendars; when those were read for the last time.
        "CREATE TABLE oncall_leave (person TEXT NOT NULL, start INTEGER NOT NULL, until INTEGER NOT NULL,
            PRIMARY KEY (person, start)) STRICT, WITHOUT ROWID;
         CREATE TABLE oncall_calendar (person TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
        // What calendars were told last of each turn.
        "CREATE TABLE oncall_event (uid TEXT PRIMARY KEY, content TEXT NOT NULL, until INTEGER NOT NULL, sequence INTEGER NOT NULL,
            at INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
        // When it was in a calendar last, to some days; 0: that was not noted. Turns of a schedule that changed never come.
        "ALTER TABLE oncall_event ADD COLUMN seen INTEGER NOT NULL DEFAULT 0;",
        // Turns that stand in the calendars of layers; when those were read for the last time.
        "CREATE TABLE oncall_planned (schedule TEXT NOT NULL, layer TEXT NOT NULL, start INTEGER NOT NULL, until INTEGER NOT NULL,
            people TEXT NOT NULL, PRIMARY KEY (schedule, layer, start)) STRICT, WITHOUT ROWID;
         CREATE TABLE oncall_plan (schedule TEXT NOT NULL, layer TEXT NOT NULL, at INTEGER NOT NULL,
            PRIMARY KEY (schedule, layer)) STRICT, WITHOUT ROWID;"],
};

/// Made by the API.
#[derive(Clone, Debug)]
pub(crate) struct Made<T> {
    pub config: T,
    pub by: String,
    pub at: i64,
}

/// None: it was not defined from then on.
#[derive(Clone, Debug)]
pub(crate) struct KeptVersion {
    pub schedule: Arc<str>,
    pub since: Timestamp,
    pub definition: Option<ScheduleConfig>,
}

/// All that the tables hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    pub made: Vec<Made<ScheduleConfig>>,
    pub policies: Vec<Made<PolicyConfig>>,
    /// By schedule, the oldest first.
    pub versions: Vec<KeptVersion>,
    pub overrides: Vec<Override>,
    pub gone: Gone,
    pub rules: BTreeMap<Arc<str>, Vec<ReachRule>>,
    /// Who has asked for cover lately, and when. In memory only: a start forgets it.
    pub asked: Vec<(String, Timestamp)>,
    pub calendars: Calendars,
    pub plans: Plans,
}

/// What is to be written since files and people have changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct News {
    pub versions: Vec<KeptVersion>,
    /// Gone since, or back.
    pub gone: Vec<(Arc<str>, Option<Timestamp>)>,
}

impl News {
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty() && self.gone.is_empty()
    }
}

const OVERRIDE: &str =
    "SELECT id, schedule, person, in_place_of, start, until, made_by, at, note FROM oncall_override";

impl Kept {
    pub fn load(store: &StateStore) -> Result<Kept, StateError> {
        let versions = store
            .query("SELECT schedule, since, definition FROM oncall_version ORDER BY schedule, since", &[])?;
        let versions = versions.iter().map(|row| KeptVersion {
            schedule: row.text(0).into(),
            since: Timestamp(row.integer(1)),
            definition: (!row.is_null(2)).then(|| read(row.text(2), "a version of a schedule")).flatten(),
        });
        let overrides = store.query(&format!("{OVERRIDE} ORDER BY id"), &[])?;
        let gone = store.query("SELECT person, since FROM oncall_gone", &[])?;
        Ok(Kept {
            made: made(store, "schedule")?,
            policies: made(store, "policy")?,
            versions: versions.collect(),
            overrides: overrides.iter().map(override_of).collect(),
            rules: rules(store)?,
            asked: Vec::new(),
            calendars: Calendars::load(store)?,
            plans: Plans::load(store)?,
            gone: gone.iter().map(|row| (Arc::from(row.text(0)), Timestamp(row.integer(1)))).collect(),
        })
    }

    /// As in the table: those that ended first go.
    pub fn forget_old_overrides(&mut self) {
        let most = usize::try_from(MAX_OVERRIDES).unwrap_or(usize::MAX);
        if self.overrides.len() > most {
            self.overrides.sort_by_key(|over| std::cmp::Reverse(over.until));
            self.overrides.truncate(most);
            self.overrides.sort_by_key(|over| over.id);
        }
    }

    /// What was asked and taken back counts too: everybody was told of it.
    pub fn may_ask(&mut self, by: &str, now: Timestamp) -> Result<(), Refusal> {
        self.asked.retain(|(_, at)| now.since(*at) < COVERS_ASKED_SECONDS);
        match self.asked.iter().filter(|(who, _)| who == by).count() < MAX_COVERS_ASKED {
            true => Ok(()),
            false => Err(Refusal::No(
                "you have asked for cover ten times within an hour, and everybody is told each time: ask again later, \
                 or set an override",
            )),
        }
    }

    pub fn take(&mut self, news: News) {
        for version in news.versions {
            self.versions.retain(|kept| (&kept.schedule, kept.since) != (&version.schedule, version.since));
            self.versions.push(version);
        }
        self.versions.sort_by(|a, b| (&a.schedule, a.since).cmp(&(&b.schedule, b.since)));
        for (person, since) in news.gone {
            match since {
                Some(since) => drop(self.gone.insert(person, since)),
                None => drop(self.gone.remove(&person)),
            }
        }
    }
}

fn override_of(row: &Row) -> Override {
    Override {
        id: row.integer(0),
        schedule: row.text(1).into(),
        person: row.text(2).into(),
        in_place_of: (!row.is_null(3)).then(|| row.text(3).into()),
        start: Timestamp(row.integer(4)),
        until: Timestamp(row.integer(5)),
        by: row.text(6).to_owned(),
        at: Timestamp(row.integer(7)),
        note: row.text(8).to_owned(),
    }
}

pub(crate) fn save_news(tx: &Transaction<'_>, news: &News) -> Result<(), StateError> {
    for version in &news.versions {
        let definition = version.definition.as_ref().map(json);
        tx.execute(
            "INSERT OR REPLACE INTO oncall_version (schedule, since, definition) VALUES (?1, ?2, ?3)",
            &[
                (&*version.schedule).into(),
                version.since.0.into(),
                definition.unwrap_or(state_store::Value::Null),
            ],
        )?;
        tx.execute(
            "DELETE FROM oncall_version WHERE schedule = ?1 AND since NOT IN
                (SELECT since FROM oncall_version WHERE schedule = ?1 ORDER BY since DESC LIMIT ?2)",
            &[(&*version.schedule).into(), MAX_VERSIONS.into()],
        )?;
    }
    for (person, since) in &news.gone {
        match since {
            Some(since) => tx.execute(
                "INSERT OR REPLACE INTO oncall_gone (person, since) VALUES (?1, ?2)",
                &[(&**person).into(), since.0.into()],
            )?,
            None => tx.execute("DELETE FROM oncall_gone WHERE person = ?1", &[(&**person).into()])?,
        };
    }
    Ok(())
}

fn made<T: DeserializeOwned>(store: &StateStore, kind: &str) -> Result<Vec<Made<T>>, StateError> {
    let sql = "SELECT definition, made_by, at FROM oncall_made WHERE kind = ?1 ORDER BY name";
    let rows = store.query(sql, &[kind.into()])?;
    let made = |row: &Row| {
        let config = read(row.text(0), "a schedule or a policy")?;
        Some(Made { config, by: row.text(1).to_owned(), at: row.integer(2) })
    };
    Ok(rows.iter().filter_map(made).collect())
}

pub(crate) fn save_made<T: Serialize>(
    tx: &Transaction<'_>,
    kind: &str,
    name: &str,
    made: &Made<T>,
) -> Result<(), StateError> {
    tx.execute(
        "INSERT OR REPLACE INTO oncall_made (kind, name, definition, made_by, at) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[kind.into(), name.into(), json(&made.config), made.by.as_str().into(), made.at.into()],
    )?;
    Ok(())
}

fn rules(store: &StateStore) -> Result<BTreeMap<Arc<str>, Vec<ReachRule>>, StateError> {
    let rows = store.query("SELECT person, definition FROM oncall_rule", &[])?;
    let rules = |row: &Row| Some((Arc::from(row.text(0)), read(row.text(1), "somebody's own rules")?));
    Ok(rows.iter().filter_map(rules).collect())
}

/// None of them: there is nothing to keep.
pub(super) fn save_rules(
    tx: &Transaction<'_>,
    person: &str,
    rules: &[ReachRule],
    now: Timestamp,
) -> Result<(), StateError> {
    if rules.is_empty() {
        tx.execute("DELETE FROM oncall_rule WHERE person = ?1", &[person.into()])?;
        return Ok(());
    }
    tx.execute(
        "INSERT OR REPLACE INTO oncall_rule (person, definition, at) VALUES (?1, ?2, ?3)",
        &[person.into(), json(&rules), now.0.into()],
    )?;
    Ok(())
}

pub(crate) fn remove_made(tx: &Transaction<'_>, kind: &str, name: &str) -> Result<(), StateError> {
    tx.execute("DELETE FROM oncall_made WHERE kind = ?1 AND name = ?2", &[kind.into(), name.into()])?;
    Ok(())
}

/// Returns its number.
pub(crate) fn save_override(tx: &Transaction<'_>, over: &Override) -> Result<i64, StateError> {
    tx.execute(
        "INSERT INTO oncall_override (schedule, person, in_place_of, start, until, made_by, at, note)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &[
            (&*over.schedule).into(),
            (&*over.person).into(),
            over.in_place_of.as_deref().into(),
            over.start.0.into(),
            over.until.0.into(),
            over.by.as_str().into(),
            over.at.0.into(),
            over.note.as_str().into(),
        ],
    )?;
    let id = tx.inserted_id();
    tx.execute(
        "DELETE FROM oncall_override WHERE id NOT IN (SELECT id FROM oncall_override ORDER BY until DESC LIMIT ?1)",
        &[MAX_OVERRIDES.into()],
    )?;
    Ok(id)
}

pub(crate) fn end_override(tx: &Transaction<'_>, id: i64, until: Timestamp) -> Result<(), StateError> {
    // What has not begun yet never was.
    tx.execute("DELETE FROM oncall_override WHERE id = ?1 AND start >= ?2", &[id.into(), until.0.into()])?;
    tx.execute(
        "UPDATE oncall_override SET until = ?2 WHERE id = ?1 AND until > ?2",
        &[id.into(), until.0.into()],
    )?;
    Ok(())
}
