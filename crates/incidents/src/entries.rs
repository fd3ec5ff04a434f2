//! What is written down of an incident: there is room for so much that a machine says, and for what people do as well.

use crate::core::Incidents;
use crate::incident::{Entry, Incident, IncidentId};
use crate::limits::{MAX_ENTRIES, MAX_ENTRIES_WITH_DEEDS};
use crate::people::Refusal;

impl Entry {
    /// What comes again and again while nobody does anything, such as ends and new beginnings of what flaps: of a long storm the
    /// first say enough. Some of it names whom it tells.
    fn is_of_machine(&self) -> bool {
        self.who.is_empty()
            || matches!(self.kind, "page" | "instance" | "worse" | "better" | "notice" | "grouped")
    }
}

impl Incidents {
    pub(crate) fn write(&mut self, id: IncidentId, entry: Entry) {
        let Some(incident) = self.live.get_mut(&id) else { return };
        let most = if entry.is_of_machine() { MAX_ENTRIES } else { MAX_ENTRIES_WITH_DEEDS };
        if incident.detail.entries >= most {
            return self.unlisted(id);
        }
        incident.detail.entries += 1;
        self.unsaved.incident(id);
        self.unsaved.entries.push((id, entry));
    }

    /// Also of an incident that memory has let go of.
    pub(crate) fn write_anywhere(&mut self, id: IncidentId, entry: Entry) {
        match self.live.contains_key(&id) {
            true => self.write(id, entry),
            false => self.unsaved.entries.push((id, entry)),
        }
    }

    pub(crate) fn unlisted(&mut self, id: IncidentId) {
        if let Some(incident) = self.live.get_mut(&id) {
            incident.detail.unlisted += 1;
            self.unsaved.incident(id);
        }
    }
}

/// What somebody writes is kept, or refused.
pub(crate) fn check_room(incident: &Incident) -> Result<(), Refusal> {
    match incident.detail.entries >= MAX_ENTRIES_WITH_DEEDS {
        true => Err(Refusal::No("its timeline is full: write it in the post-mortem, or resolve it")),
        false => Ok(()),
    }
}
