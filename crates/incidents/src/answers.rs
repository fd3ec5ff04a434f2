//! What comes back from channels: whoever was paged presses a button there, or a provider tells who has it. And the
//! other way: channels that keep a state of each incident hear what people do here.

use std::sync::Arc;

use state_store::{Row, StateError, Transaction};
use vocabulary::Timestamp;

use crate::core::Incidents;
use crate::desk::{Attempt, Desk};
use crate::incident::{IncidentId, Phase};
use crate::limits::{MAX_ANSWERABLE, MAX_HANDLE, cut};
use crate::page::PageKind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Acknowledge,
    Resolve,
    /// For so many seconds.
    Snooze(i64),
}

/// A deed of a contact, done by way of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub incident: IncidentId,
    pub contact: Arc<str>,
    pub what: What,
    /// How it came, in words, such as `in PagerDuty, by Ana`.
    pub how: String,
}

/// A page whose receiver may answer it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handle {
    pub page: i64,
    pub incident: IncidentId,
    pub contact: Arc<str>,
    /// What the receiver calls it.
    pub handle: String,
    /// When the page was made, or its incident became nobody's again: what was done before is no answer to it.
    pub at: i64,
    /// When the page was made.
    pub made: i64,
    /// Somebody has it already: only its end can still be told.
    pub acknowledged: bool,
}

impl Desk {
    /// Pages of a channel that can still be answered: of problems, in incidents that are not over, or are parts of such.
    /// The newest first.
    pub fn answerable(&self, channel: &str) -> Result<Vec<Handle>, StateError> {
        // Of one that was merged somebody is still to hear of the end.
        let rows = self.store.query(
            "SELECT page.id, page.incident, page.contact, page.handle, page.at, incident.phase
                FROM page JOIN incident ON incident.id = page.incident
                WHERE page.channel = ?1 AND page.handle IS NOT NULL AND (incident.closed IS NULL OR incident.ending = 1)
                AND page.kind IN ('problem', 'worse', 'still', 'handed_over') ORDER BY page.id DESC LIMIT ?2",
            &[channel.into(), MAX_ANSWERABLE.into()],
        )?;
        let inner = self.inner.lock();
        let open = |page: Handle| {
            let root = inner.incidents.live.get(&inner.incidents.root_of(page.incident))?;
            let acknowledged = root.phase != Phase::Open;
            // Nor is what was done before that ran out, or before it opened again, an answer to the pages that follow.
            let at = page.at.max(root.detail.ran_out_at.unwrap_or(page.at));
            // A clock that was ahead then is right by now: who answers in this moment does so after the page.
            let at = inner.incidents.latest.map_or(at, |now| at.min(now.0));
            (!root.is_closed()).then_some(Handle { acknowledged, at, ..page })
        };
        Ok(rows.iter().map(handle).filter_map(open).collect())
    }

    /// When it last became nobody's, though somebody had it: what was said before that is said of what is past.
    pub fn ran_out_at(&self, incident: IncidentId) -> Option<i64> {
        let inner = self.inner.lock();
        let root = inner.incidents.root_of(incident);
        inner.incidents.live.get(&root)?.detail.ran_out_at
    }

    /// Who was paged by this, of what: also when it is over.
    pub fn page_of_handle(&self, channel: &str, wanted: &str) -> Result<Option<Handle>, StateError> {
        let rows = self.store.query(
            "SELECT page.id, page.incident, page.contact, page.handle, page.at, incident.phase
                FROM page JOIN incident ON incident.id = page.incident
                WHERE page.channel = ?1 AND page.handle = ?2 ORDER BY page.id DESC LIMIT 1",
            &[channel.into(), wanted.into()],
        )?;
        Ok(rows.first().map(handle))
    }

    /// What the receivers call the messages of an incident by this channel, and whom each was for; the first before others.
    pub fn handles(&self, incident: IncidentId, channel: &str) -> Vec<(Arc<str>, String)> {
        let rows = self.store.query(
            "SELECT contact, handle FROM page WHERE incident = ?1 AND channel = ?2 AND handle IS NOT NULL ORDER BY id LIMIT ?3",
            &[incident.into(), channel.into(), MAX_ANSWERABLE.into()],
        );
        let rows = rows.inspect_err(|error| tracing::warn!(%error, "earlier messages of an incident"));
        let rows = rows.unwrap_or_default();
        rows.iter().map(|row| (Arc::from(row.text(0)), row.text(1).to_owned())).collect()
    }

    /// Whether somebody has it; none: it is over, or never was. Of what was merged the whole is acknowledged, and nothing
    /// else can be done with it.
    pub fn is_taken(&self, incident: IncidentId, what: What) -> Result<Option<bool>, StateError> {
        let incident = match what {
            What::Acknowledge => self.inner.lock().incidents.root_of(incident),
            What::Resolve | What::Snooze(_) => incident,
        };
        let sql = "SELECT phase FROM incident WHERE id = ?1 AND closed IS NULL";
        let rows = self.store.query(sql, &[incident.into()])?;
        Ok(rows.first().map(|row| row.text(0) != "open"))
    }

    /// Is somebody told of pages under this name?
    pub fn is_contact(&self, name: &str) -> bool {
        self.inner.lock().incidents.book.contacts.contains_key(name)
    }

    /// Is that a person of accounts, whom no file makes a contact?
    pub fn is_of_account(&self, name: &str) -> bool {
        self.inner.lock().incidents.book.contacts.get(name).is_some_and(|contact| contact.of_account)
    }

    /// Who is reached there. What somebody is called there is easily taken, and says nothing.
    pub fn contact_reached(&self, way: &str, at: &str) -> Option<Arc<str>> {
        let inner = self.inner.lock();
        let mut contacts = inner.incidents.book.contacts.iter();
        contacts.find(|(_, one)| one.ways.get(way).is_some_and(|own| own == at)).map(|(name, _)| name.clone())
    }

    /// How far a channel has read what comes back; empty: nothing yet.
    pub fn cursor(&self, channel: &str) -> Result<String, StateError> {
        let rows =
            self.store.query("SELECT cursor FROM channel_cursor WHERE channel = ?1", &[channel.into()])?;
        Ok(rows.first().map(|row| row.text(0).to_owned()).unwrap_or_default())
    }

    pub fn set_cursor(&self, channel: &str, cursor: &str) -> Result<(), StateError> {
        self.store.transaction(|tx| {
            let sql = "INSERT OR REPLACE INTO channel_cursor (channel, cursor) VALUES (?1, ?2)";
            tx.execute(sql, &[channel.into(), cut(cursor, MAX_HANDLE).into()]).map(|_| ())
        })
    }
}

fn handle(row: &Row) -> Handle {
    Handle {
        page: row.integer(0),
        incident: row.integer(1),
        contact: Arc::from(row.text(2)),
        handle: row.text(3).to_owned(),
        at: row.integer(4),
        made: row.integer(4),
        acknowledged: row.text(5) != "open",
    }
}

pub(crate) fn save_handle(tx: &Transaction<'_>, id: i64, attempt: &Attempt) -> Result<(), StateError> {
    let Attempt::Taken { handle } = attempt else { return Ok(()) };
    tx.execute("UPDATE page SET handle = ?2 WHERE id = ?1", &[id.into(), cut(handle, MAX_HANDLE).into()])?;
    Ok(())
}

impl Incidents {
    /// Somebody has it: a provider that was told of it, and that goes on calling people until somebody has, is told so.
    pub(crate) fn tell_followers(&mut self, id: IncidentId, by: &str, comment: &str, now: Timestamp) {
        let Some(incident) = self.live.get(&id) else { return };
        let Some((key, trouble)) = incident.tellable().or_else(|| incident.bad().next()) else { return };
        let follows = |channel: &String| self.book.followers.contains(channel.as_str());
        // What was merged into it has a state of its own there.
        let mut told: Vec<(IncidentId, Arc<str>, Vec<Arc<str>>)> = Vec::new();
        for one in std::iter::once(incident).chain(self.parts_of(id)) {
            for (contact, heard) in &one.detail.told {
                let channels = heard.channels.iter().filter(|channel| follows(channel));
                let channels = channels.map(|channel| Arc::from(channel.as_str())).collect();
                told.push((one.id, Arc::from(contact.as_str()), channels));
            }
        }
        let mut message = self.message(incident, key, trouble, self.book.about(key));
        (message.author, message.comment) = (by.to_owned(), comment.to_owned());
        for (of, contact, channels) in told {
            self.page(Some(of), PageKind::Acknowledgement, &contact, &channels, &message, now);
        }
    }
}
