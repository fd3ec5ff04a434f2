//! What was told, and what people said of it, for whoever weighs the past.

use state_store::StateError;
use vocabulary::Timestamp;

use crate::desk::Desk;
use crate::store::{BEGAN, ENDED};

/// A word of trouble that went to a contact, by whatever channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    pub at: i64,
    /// Of its incident, such as `monitor:NAME`.
    pub reason: String,
    pub contact: String,
}

/// An incident that somebody judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub reason: String,
    pub title: String,
    /// When the first of it was seen bad.
    pub opened: i64,
    /// When all of it was seen well. None: it is still open.
    pub closed: Option<i64>,
    pub useful: bool,
}

impl Desk {
    /// Who is told of what names nobody, and whether a WARNING pages.
    pub fn by_default(&self) -> (Vec<String>, bool) {
        let inner = self.inner.lock();
        let config = &inner.incidents.book.config;
        (config.contacts.clone(), config.page_warnings)
    }

    /// In order. Of one contact that was told by several channels at once there is one.
    pub fn words(&self, from: Timestamp, until: Timestamp) -> Result<Vec<Word>, StateError> {
        let sql = "SELECT DISTINCT page.at, incident.reason, page.contact FROM page JOIN incident ON incident.id = page.incident
            WHERE page.at >= ?1 AND page.at <= ?2 AND page.kind IN ('problem', 'worse', 'still') ORDER BY 1, 2, 3";
        let rows = self.store.query(sql, &[from.0.into(), until.0.into()])?;
        let word = |row: &state_store::Row| Word {
            at: row.integer(0),
            reason: row.text(1).to_owned(),
            contact: row.text(2).to_owned(),
        };
        Ok(rows.iter().map(word).collect())
    }

    /// Incidents that began within this time and that people judged.
    pub fn verdicts(&self, from: Timestamp, until: Timestamp) -> Result<Vec<Verdict>, StateError> {
        let sql = format!(
            "SELECT i.reason, i.title, {BEGAN}, CASE WHEN i.closed IS NULL THEN 0 ELSE {ENDED} END, v.useful
                FROM incident_verdict v JOIN incident i ON i.id = v.incident
                WHERE i.opened >= ?1 AND {BEGAN} BETWEEN ?1 AND ?2 ORDER BY 3, 1"
        );
        let rows = self.store.query(&sql, &[from.0.into(), until.0.into()])?;
        let verdict = |row: &state_store::Row| Verdict {
            reason: row.text(0).to_owned(),
            title: row.text(1).to_owned(),
            opened: row.integer(2),
            closed: Some(row.integer(3)).filter(|closed| *closed > 0),
            useful: row.integer(4) != 0,
        };
        Ok(rows.iter().map(verdict).collect())
    }
}
