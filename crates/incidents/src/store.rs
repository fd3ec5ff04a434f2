//! The tables: what is written to them, and read from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use state_store::{Migrations, Row, StateError, StateStore, Transaction, Value};
use vocabulary::Timestamp;

use crate::core::Incidents;
use crate::desk::Seen;
use crate::incident::{Entry, Incident, IncidentId, Key, Phase, Trouble};
use crate::limits::{MAX_CLOSED, MAX_KEPT_PAGES, MAX_REOPEN_SECONDS};
use crate::oncall::counting::{Openings, Turns};
use crate::page::{Page, PageKind};
use crate::playbooks;
use crate::unsaved::HELD;

pub const MIGRATIONS: Migrations = Migrations {
    room: "incidents",
    steps: &["CREATE TABLE incident (id INTEGER PRIMARY KEY, reason TEXT NOT NULL, title TEXT NOT NULL, opened INTEGER NOT NULL,
            closed INTEGER, phase TEXT NOT NULL, ending INTEGER NOT NULL, detail TEXT NOT NULL) STRICT;
         CREATE INDEX incident_closed ON incident (closed);
         CREATE TABLE trouble (incident INTEGER NOT NULL, host INTEGER NOT NULL, monitor TEXT NOT NULL, instance TEXT NOT NULL,
            detail TEXT NOT NULL, PRIMARY KEY (incident, host, monitor, instance)) STRICT, WITHOUT ROWID;
         CREATE TABLE incident_entry (id INTEGER PRIMARY KEY, incident INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL,
            who TEXT NOT NULL, text TEXT NOT NULL) STRICT;
         CREATE INDEX incident_entry_incident ON incident_entry (incident, id);
         CREATE TABLE page (id INTEGER PRIMARY KEY, incident INTEGER, channel TEXT NOT NULL, contact TEXT NOT NULL, kind TEXT NOT NULL,
            at INTEGER NOT NULL, state TEXT NOT NULL, tries INTEGER NOT NULL, next_try INTEGER NOT NULL, ended INTEGER, error TEXT NOT NULL,
            message TEXT NOT NULL) STRICT;
         CREATE INDEX page_waiting ON page (state) WHERE state = 'waiting';
         CREATE INDEX page_incident ON page (incident);",
        // What people say of an incident: was it worth being told of? The last word counts.
        "CREATE TABLE incident_verdict (incident INTEGER PRIMARY KEY, useful INTEGER NOT NULL, who TEXT NOT NULL,
            at INTEGER NOT NULL) STRICT;",
        // What a receiver calls a page, and how far each channel has read what comes back.
        "ALTER TABLE page ADD COLUMN handle TEXT;
         CREATE INDEX page_handle ON page (channel, id) WHERE handle IS NOT NULL;
         CREATE TABLE channel_cursor (channel TEXT PRIMARY KEY, cursor TEXT NOT NULL) STRICT;",
        // It was worth being told of, and the word of it came too late. By the indexes the last time is found again.
        "ALTER TABLE incident_verdict ADD COLUMN too_late INTEGER NOT NULL DEFAULT 0;
         CREATE INDEX incident_reason ON incident (reason, id);
         CREATE INDEX trouble_member ON trouble (host, monitor, instance);",
        // What to do when something fires, and what people say of it. A version without a text is where it was taken out.
        "CREATE TABLE playbook (name TEXT PRIMARY KEY, text TEXT NOT NULL, version INTEGER NOT NULL, author TEXT NOT NULL,
            at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
         CREATE TABLE playbook_version (name TEXT NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL, author TEXT NOT NULL,
            text TEXT, PRIMARY KEY (name, version)) STRICT, WITHOUT ROWID;
         CREATE TABLE comment (id INTEGER PRIMARY KEY AUTOINCREMENT, about TEXT NOT NULL, at INTEGER NOT NULL, author TEXT NOT NULL,
            text TEXT NOT NULL) STRICT;
         CREATE INDEX comment_about ON comment (about, id);",
        // The last word to a contact by each channel.
        "CREATE INDEX page_contact ON page (contact, channel, id);",
        // And the last by each channel, whoever it was for.
        "CREATE INDEX page_channel ON page (channel, state, id);",
        // What a provider says of a page that failed may name an address. It stood in what everybody reads: with the page in the
        // timeline, and in the incident of its channel.
        "UPDATE incident_entry SET text = substr(text, 1, instr(text, ': not delivered yet: ') + 18)
            WHERE kind = 'page' AND instr(text, ': not delivered yet: ') > 0;
         UPDATE incident_entry SET text = substr(text, 1, instr(text, ': given up: ') + 9)
            WHERE kind = 'page' AND instr(text, ': given up: ') > 0;
         UPDATE incident_entry SET text = substr(text, 1, instr(text, told.said) + length(told.said) - 1) || 'its part of health says why'
            FROM (SELECT incident, 'pages cannot be delivered by ' || substr(monitor, 9) || ': ' AS said FROM trouble
                    WHERE monitor LIKE 'channel:%'
                UNION SELECT incident, substr(monitor, 9) || ' is switched off: ' FROM trouble WHERE monitor LIKE 'channel:%') AS told
            WHERE incident_entry.incident = told.incident AND instr(text, told.said) > 0;
         UPDATE trouble SET detail = json_set(detail, '$.text', 'its part of health says why')
            WHERE monitor LIKE 'channel:%' AND CASE WHEN json_valid(detail) THEN
                instr(json_extract(detail, '$.text'), 'pages cannot be delivered by ') = 1
                OR instr(json_extract(detail, '$.text'), substr(monitor, 9) || ' is switched off: ') = 1 END;",
        // Ways that lead to somebody no more, and where they led to.
        "CREATE TABLE unreached (contact TEXT NOT NULL, channel TEXT NOT NULL, in_a_row INTEGER NOT NULL, since INTEGER NOT NULL,
            why TEXT NOT NULL, address TEXT NOT NULL, PRIMARY KEY (contact, channel)) STRICT, WITHOUT ROWID;"],
};

pub(crate) fn json(value: &impl Serialize) -> Value {
    // Plain structs of texts and numbers: there is nothing in them that JSON has no form for.
    Value::Text(serde_json::to_string(value).unwrap_or_default())
}

pub(crate) fn read<T: DeserializeOwned>(text: &str, what: &str) -> Option<T> {
    let read = serde_json::from_str(text);
    // The table is ours, so something else has written it. The rest is of more use than a refusal to start.
    read.inspect_err(|error| tracing::warn!(what, %error, "a record cannot be read, and is passed over")).ok()
}

impl Incidents {
    pub fn is_saved(&self) -> bool {
        self.unsaved.is_empty()
    }

    /// Write what has changed, in the transaction of whatever caused it.
    pub fn save(&self, tx: &Transaction<'_>) -> Result<(), StateError> {
        for incident in self.unsaved.old.values() {
            save_incident(tx, incident)?;
        }
        for id in &self.unsaved.incidents {
            if let Some(incident) = self.live.get(id) {
                save_incident(tx, incident)?;
            }
        }
        for (id, key) in &self.unsaved.troubles {
            let trouble = match *id {
                HELD => self.held.get(key),
                id => self.live.get(&id).and_then(|incident| incident.troubles.get(key)),
            };
            if let Some(trouble) = trouble {
                save_trouble(tx, *id, key, trouble)?;
            }
        }
        let moved = self.unsaved.moved.iter().map(|(id, key)| (*id, key));
        for (id, key) in self.unsaved.let_go.iter().map(|key| (HELD, key)).chain(moved) {
            let sql =
                "DELETE FROM trouble WHERE incident = ?1 AND host = ?2 AND monitor = ?3 AND instance = ?4";
            let mut values = vec![id.into()];
            values.extend(columns(key));
            tx.execute(sql, &values)?;
        }
        for (id, entry) in &self.unsaved.entries {
            save_entry(tx, *id, entry)?;
        }
        for page in &self.unsaved.pages {
            save_page(tx, page)?;
        }
        self.turns.save(tx)?;
        if let Some(newest) = self.unsaved.leaving.last() {
            forget_oldest(tx, *newest)?;
        }
        Ok(())
    }

    /// What the next transaction writes, as others see it.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let live = self.unsaved.incidents().filter_map(|id| self.live.get(&id));
        live.chain(self.unsaved.old.values()).map(Seen::of).collect()
    }

    /// The transaction has happened. Returns the pages that may be sent from now on.
    pub fn committed(&mut self) -> Vec<Page> {
        let unsaved = std::mem::take(&mut self.unsaved);
        self.turns.saved();
        for id in &unsaved.leaving {
            let over =
                self.live.get(id).is_some_and(|incident| incident.is_closed() && !incident.detail.ending);
            if over && let Some(incident) = self.live.remove(id) {
                self.merged.remove(id);
                for key in incident
                    .troubles
                    .keys()
                    .filter(|key| self.place.get(key) == Some(id))
                    .cloned()
                    .collect::<Vec<_>>()
                {
                    self.place.remove(&key);
                    self.kin.leave(&key);
                }
            }
        }
        unsaved.pages
    }

    /// As it was when the process ended, however it ended.
    pub fn load(store: &StateStore) -> Result<Incidents, StateError> {
        let next = |table: &str| {
            let rows = store.query(&format!("SELECT coalesce(max(id), 0) + 1 FROM {table}"), &[]);
            rows.map(|rows| rows.first().map_or(1, |row| row.integer(0)))
        };
        let mut incidents =
            Incidents { next_incident: next("incident")?, next_page: next("page")?, ..Incidents::default() };
        // The newest end stands for the present; what is too old for its rest leaves with the next tick.
        let sql = format!(
            "{INCIDENT} WHERE closed IS NULL OR ending = 1 OR closed >= (SELECT max(closed) FROM incident) - ?1
                ORDER BY closed IS NULL, id"
        );
        for row in store.query(&sql, &[MAX_REOPEN_SECONDS.into()])? {
            let Some(mut incident) = incident_of(&row) else { continue };
            incident.troubles = troubles(store, incident.id)?;
            incidents.settle_in(incident);
        }
        incidents.held = troubles(store, HELD)?;
        incidents.turns = Turns::load(store)?;
        incidents.openings = Openings::load(store)?;
        incidents.playbooks = playbooks::store::load(store)?;
        Ok(incidents)
    }
}

impl Incidents {
    /// Into memory, from the disk.
    pub(crate) fn settle_in(&mut self, incident: Incident) {
        let id = incident.id;
        match incident.detail.merged_into {
            Some(_) => drop(self.merged.insert(id)),
            None => self.by_reason.extend(incident.reasons().map(|reason| (reason.clone(), id))),
        }
        for (key, trouble) in &incident.troubles {
            // What was over here may be bad elsewhere since.
            let is_bad = !incident.is_closed() && !trouble.is_over();
            if is_bad || self.placed_bad(key).is_none() {
                self.place.insert(key.clone(), id);
            }
        }
        self.live.insert(id, incident);
    }
}

fn save_incident(tx: &Transaction<'_>, incident: &Incident) -> Result<(), StateError> {
    tx.execute(
        "INSERT OR REPLACE INTO incident (id, reason, title, opened, closed, phase, ending, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        &[
            incident.id.into(),
            incident.reason.as_str().into(),
            incident.title.as_str().into(),
            incident.opened.0.into(),
            incident.closed.map(|closed| closed.0).into(),
            incident.phase.word().into(),
            i64::from(incident.detail.ending).into(),
            json(&incident.detail),
        ],
    )?;
    Ok(())
}

fn columns(key: &Key) -> [Value; 3] {
    [i64::from(key.host).into(), (&*key.monitor).into(), (&*key.instance).into()]
}

fn save_trouble(
    tx: &Transaction<'_>,
    id: IncidentId,
    key: &Key,
    trouble: &Trouble,
) -> Result<(), StateError> {
    let mut values: Vec<Value> = vec![id.into()];
    values.extend(columns(key));
    values.push(json(trouble));
    let sql = "INSERT OR REPLACE INTO trouble (incident, host, monitor, instance, detail) VALUES (?1, ?2, ?3, ?4, ?5)";
    tx.execute(sql, &values)?;
    Ok(())
}

pub(crate) fn save_entry(tx: &Transaction<'_>, id: IncidentId, entry: &Entry) -> Result<(), StateError> {
    tx.execute(
        "INSERT INTO incident_entry (incident, at, kind, who, text) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[
            id.into(),
            entry.at.0.into(),
            entry.kind.into(),
            entry.who.as_str().into(),
            entry.text.as_str().into(),
        ],
    )?;
    Ok(())
}

fn save_page(tx: &Transaction<'_>, page: &Page) -> Result<(), StateError> {
    // What goes to the log is listed, and that is all that is done with it.
    let (state, ended) = match &*page.channel == crate::book::LOG_CHANNEL {
        true => ("listed", Some(page.at.0)),
        false => ("waiting", None),
    };
    tx.execute(
        "INSERT OR REPLACE INTO page (id, incident, channel, contact, kind, at, state, tries, next_try, ended, error, message)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, 0, ?8, '', ?9)",
        &[
            page.id.into(),
            page.incident.into(),
            (&*page.channel).into(),
            (&*page.contact).into(),
            page.kind.word().into(),
            page.at.0.into(),
            state.into(),
            ended.into(),
            json(&page.message),
        ],
    )?;
    if page.id % 1_000 == 0 {
        let old = page.id - MAX_KEPT_PAGES;
        tx.execute("DELETE FROM page WHERE id <= ?1 AND state <> 'waiting'", &[old.into()])?;
    }
    Ok(())
}

fn forget_oldest(tx: &Transaction<'_>, newest: IncidentId) -> Result<(), StateError> {
    let old = [Value::from(newest - MAX_CLOSED)];
    tx.execute("DELETE FROM incident WHERE id <= ?1 AND closed IS NOT NULL AND ending = 0", &old)?;
    for table in ["trouble", "incident_entry", "incident_verdict"] {
        let sql = format!(
            "DELETE FROM {table} WHERE incident BETWEEN 1 AND ?1 AND incident NOT IN (SELECT id FROM incident WHERE id <= ?1)"
        );
        tx.execute(&sql, &old)?;
    }
    Ok(())
}

/// When the first of an incident `i` was seen bad, and the last of it well: what [`Incident::since`] and [`Incident::ended`] say.
pub(crate) const BEGAN: &str =
    "coalesce(CASE WHEN json_valid(i.detail) THEN json_extract(i.detail, '$.began') END, i.opened)";
pub(crate) const ENDED: &str =
    "coalesce(CASE WHEN json_valid(i.detail) THEN json_extract(i.detail, '$.ended') END, i.closed)";

pub(crate) const INCIDENT: &str = "SELECT id, reason, title, opened, closed, phase, detail FROM incident";

pub(crate) fn incident_of(row: &Row) -> Option<Incident> {
    let phase = match row.text(5) {
        "acknowledged" => Phase::Acknowledged,
        "resolved" => Phase::Resolved,
        _ => Phase::Open,
    };
    Some(Incident {
        id: row.integer(0),
        reason: row.text(1).to_owned(),
        title: row.text(2).to_owned(),
        opened: Timestamp(row.integer(3)),
        closed: (!row.is_null(4)).then(|| Timestamp(row.integer(4))),
        phase,
        detail: read(row.text(6), "incident")?,
        troubles: BTreeMap::new(),
    })
}

pub(crate) fn troubles(store: &StateStore, id: IncidentId) -> Result<BTreeMap<Key, Trouble>, StateError> {
    let rows = store
        .query("SELECT host, monitor, instance, detail FROM trouble WHERE incident = ?1", &[id.into()])?;
    let trouble = |row: &Row| {
        let key =
            Key { host: row.integer(0) != 0, monitor: row.text(1).into(), instance: row.text(2).into() };
        Some((key, read(row.text(3), "trouble")?))
    };
    Ok(rows.iter().filter_map(trouble).collect())
}

/// Which incidents are wanted, the newest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Open,
    All,
}

impl Wanted {
    pub(crate) fn condition(self) -> &'static str {
        match self {
            Wanted::Open => "closed IS NULL",
            Wanted::All => "true",
        }
    }
}

pub(crate) const LISTED: &str = "SELECT id, reason, title, opened, closed, phase, detail,
    (SELECT count(*) FROM trouble WHERE trouble.incident = incident.id) FROM incident";

/// With how many instances each has had.
pub(crate) fn list(
    store: &StateStore,
    wanted: Wanted,
    limit: usize,
) -> Result<Vec<(Incident, usize)>, StateError> {
    let sql = format!("{LISTED} WHERE {} ORDER BY id DESC LIMIT ?1", wanted.condition());
    listed(store, &sql, &[i64::try_from(limit).unwrap_or(i64::MAX).into()])
}

pub(crate) fn listed(
    store: &StateStore,
    sql: &str,
    values: &[Value],
) -> Result<Vec<(Incident, usize)>, StateError> {
    let rows = store.query(sql, values)?;
    let one = |row: &Row| Some((incident_of(row)?, usize::try_from(row.integer(7)).unwrap_or(0)));
    Ok(rows.iter().filter_map(one).collect())
}

pub(crate) fn one(store: &StateStore, id: IncidentId) -> Result<Option<Incident>, StateError> {
    let rows = store.query(&format!("{INCIDENT} WHERE id = ?1"), &[id.into()])?;
    let Some(mut incident) = rows.first().and_then(incident_of) else { return Ok(None) };
    incident.troubles = troubles(store, id)?;
    Ok(Some(incident))
}

/// An entry of a timeline as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptEntry {
    pub at: i64,
    pub kind: String,
    pub who: String,
    pub text: String,
}

pub(crate) fn timeline(store: &StateStore, id: IncidentId) -> Result<Vec<KeptEntry>, StateError> {
    let rows = store.query(
        "SELECT at, kind, who, text FROM incident_entry WHERE incident = ?1 ORDER BY id",
        &[id.into()],
    )?;
    let entry = |row: &Row| KeptEntry {
        at: row.integer(0),
        kind: row.text(1).to_owned(),
        who: row.text(2).to_owned(),
        text: row.text(3).to_owned(),
    };
    Ok(rows.iter().map(entry).collect())
}

/// A page as it is kept, with what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptPage {
    pub page: Page,
    /// `waiting`, `delivered`, `listed`, `given_up`.
    pub state: String,
    pub tries: u32,
    pub next_try: i64,
    pub ended: Option<i64>,
    pub error: String,
}

const PAGE: &str = "SELECT id, incident, channel, contact, kind, at, state, tries, next_try, ended, error, message FROM page";

pub(crate) fn waiting_pages(store: &StateStore) -> Result<Vec<KeptPage>, StateError> {
    let rows = store.query(&format!("{PAGE} WHERE state = 'waiting' ORDER BY id"), &[])?;
    Ok(rows.iter().filter_map(kept_page).collect())
}

pub(crate) fn pages_of(store: &StateStore, id: IncidentId) -> Result<Vec<KeptPage>, StateError> {
    let rows = store.query(&format!("{PAGE} WHERE incident = ?1 ORDER BY id"), &[id.into()])?;
    Ok(rows.iter().filter_map(kept_page).collect())
}

/// Of a contact those that are in no incident, the newest first.
pub(crate) fn pages_of_nothing(
    store: &StateStore,
    contact: &str,
    limit: i64,
) -> Result<Vec<KeptPage>, StateError> {
    let sql = format!("{PAGE} WHERE incident IS NULL AND contact = ?1 ORDER BY id DESC LIMIT ?2");
    let rows = store.query(&sql, &[contact.into(), limit.into()])?;
    Ok(rows.iter().filter_map(kept_page).collect())
}

pub(crate) fn first_page(
    store: &StateStore,
    id: IncidentId,
    contact: &str,
    channel: &str,
) -> Result<Option<i64>, StateError> {
    let sql = "SELECT min(id) FROM page WHERE incident = ?1 AND contact = ?2 AND channel = ?3";
    let rows = store.query(sql, &[id.into(), contact.into(), channel.into()])?;
    Ok(rows.first().filter(|row| !row.is_null(0)).map(|row| row.integer(0)))
}

fn kept_page(row: &Row) -> Option<KeptPage> {
    let kind = serde_json::from_value::<PageKind>(row.text(4).into()).ok()?;
    let page = Page {
        id: row.integer(0),
        incident: (!row.is_null(1)).then(|| row.integer(1)),
        kind,
        contact: Arc::from(row.text(3)),
        channel: Arc::from(row.text(2)),
        at: Timestamp(row.integer(5)),
        message: read(row.text(11), "page")?,
    };
    Some(KeptPage {
        page,
        state: row.text(6).to_owned(),
        tries: u32::try_from(row.integer(7)).unwrap_or(0),
        next_try: row.integer(8),
        ended: (!row.is_null(9)).then(|| row.integer(9)),
        error: row.text(10).to_owned(),
    })
}
