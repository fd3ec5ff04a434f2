//! The last time this happened: what is known of earlier incidents of the same reason, or with the same members, and
//! what helped.

use serde::{Deserialize, Serialize};
use state_store::{Row, StateError};
use vocabulary::Timestamp;
use vocabulary::time::spell;

use crate::core::Incidents;
use crate::desk::Desk;
use crate::incident::{Entry, Incident, IncidentId};
use crate::limits::{EARLIER, MAX_COMPARED, MAX_HELPED};
use crate::noise::Judged;
use crate::people::{Refusal, check_text};
use crate::store::{INCIDENT, incident_of};

/// What got it going again, in the words of a person. The last word counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Helped {
    pub text: String,
    pub who: String,
    pub at: i64,
}

/// One time that it happened before.
#[derive(Clone, Debug, PartialEq)]
pub struct Earlier {
    pub incident: Incident,
    /// Of the same reason; else some of the same was bad in it.
    pub same_reason: bool,
    pub judged: Option<Judged>,
}

impl Earlier {
    pub fn seconds(&self) -> i64 {
        self.incident.closed.map_or(0, |closed| closed.since(self.incident.opened))
    }

    /// Who had it, else who closed it.
    pub fn owner(&self) -> Option<&str> {
        let owner = self.incident.owner().map(|(name, _)| name);
        owner.or(self.incident.detail.resolved_by.as_deref())
    }
}

/// As one line, for pages: `12 min, ana: restarted the proxy`. Of several the newest comes first.
pub fn in_words(earlier: &[Earlier]) -> Option<String> {
    let last = earlier.first()?;
    let helped = |one: &Earlier| {
        let helped = one.incident.detail.helped.as_ref()?;
        Some(format!("{}: {}", one.owner().unwrap_or(&helped.who), one_line(&helped.text)))
    };
    let lasted = spell(last.seconds());
    if let Some(helped) = helped(last) {
        return Some(format!("{lasted}, {helped}"));
    }
    let how = match (last.owner(), last.incident.detail.self_healed) {
        (_, true) => "ended by itself".to_owned(),
        (Some(owner), false) => format!("{owner}, who did not write down what helped"),
        (None, false) => "nobody wrote down what helped".to_owned(),
    };
    let before = earlier.iter().skip(1).find_map(helped);
    let before = before.map(|before| format!("; before that {before}")).unwrap_or_default();
    Some(format!("{lasted}, {how}{before}"))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Desk {
    /// The last times that it happened, the newest first: of those that are over, and not parts of another one now.
    pub fn earlier(&self, id: IncidentId) -> Result<Vec<Earlier>, StateError> {
        // Of a storm the first members say enough. What was merged into others is passed over below.
        let sql = format!(
            "{INCIDENT} WHERE closed IS NOT NULL AND id < ?1 AND (reason = (SELECT reason FROM incident WHERE id = ?1) OR id IN (
                SELECT old.incident FROM (SELECT host, monitor, instance FROM trouble WHERE incident = ?1 LIMIT ?2) mine
                JOIN trouble old ON old.host = mine.host AND old.monitor = mine.monitor AND old.instance = mine.instance))
                ORDER BY id DESC LIMIT ?3"
        );
        let bounds =
            [MAX_COMPARED, EARLIER * MERGED_FOR_EACH].map(|bound| i64::try_from(bound).unwrap_or(i64::MAX));
        let found = self.store.query(&sql, &[id.into(), bounds[0].into(), bounds[1].into()])?;
        let reason = self.store.query("SELECT reason FROM incident WHERE id = ?1", &[id.into()])?;
        let reason = reason.first().map(|row| row.text(0).to_owned()).unwrap_or_default();
        let whole = |row: &Row| incident_of(row).filter(|incident| incident.detail.merged_into.is_none());
        let earlier = found.iter().filter_map(whole).take(EARLIER).map(|incident| {
            let same_reason = incident.reasons().any(|one| *one == reason);
            Ok(Earlier { same_reason, judged: self.verdict(incident.id)?, incident })
        });
        earlier.collect()
    }
}

/// Incidents that are read until enough are found that were not merged into others.
const MERGED_FOR_EACH: usize = 10;

impl Incidents {
    /// Somebody writes down what helped, when it is closed or later.
    pub(crate) fn say_what_helped(
        &mut self,
        id: IncidentId,
        by: &str,
        text: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let helped = helped(by, text, now)?;
        let Some(incident) = self.live.get_mut(&id) else { return Err(Refusal::Unknown) };
        incident.detail.helped = Some(helped);
        self.write(id, entry(by, text, now));
        Ok(())
    }

    /// The same of one that memory has let go of.
    pub(crate) fn say_what_helped_in_old(
        &mut self,
        mut incident: Incident,
        by: &str,
        text: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        incident.detail.helped = Some(helped(by, text, now)?);
        self.write_anywhere(incident.id, entry(by, text, now));
        self.unsaved.old(incident);
        Ok(())
    }
}

fn helped(by: &str, text: &str, now: Timestamp) -> Result<Helped, Refusal> {
    check_text("helped", text, MAX_HELPED)?;
    if text.trim().is_empty() {
        return Err(Refusal::Bad("say what helped: `text` is empty".into()));
    }
    Ok(Helped { text: text.trim().to_owned(), who: by.to_owned(), at: now.0 })
}

fn entry(by: &str, text: &str, now: Timestamp) -> Entry {
    Entry { at: now, kind: "helped", who: by.to_owned(), text: text.trim().to_owned() }
}
