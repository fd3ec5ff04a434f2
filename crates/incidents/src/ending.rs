//! How an incident ends, and who is told so.

use std::collections::BTreeSet;

use vocabulary::Timestamp;
use vocabulary::state::Withheld;

use crate::core::{Estate, Incidents};
use crate::incident::{Entry, Incident, IncidentId, Key, Phase, Told, Trouble};
use crate::limits::PATIENCE_SECONDS;

/// What is told later, when that lifts; the rest does not keep an end from those who know of the beginning.
fn holds_end(withheld: Option<Withheld>) -> bool {
    use Withheld::{Downtime, Flapping, Period, Silence};
    matches!(withheld, Some(Downtime | Silence | Flapping | Period))
}

impl Incidents {
    /// What has been touched: over, or worse than was told.
    pub(crate) fn settle(&mut self, now: Timestamp) {
        for id in std::mem::take(&mut self.touched) {
            let Some(incident) = self.live.get_mut(&id) else { continue };
            if let (Some(measured), Some(said)) = (incident.measured(), &incident.detail.by_hand)
                && measured.badness() > said.worst.badness()
            {
                // What was said of it was said of something else.
                incident.detail.by_hand = None;
            }
            incident.detail.severity = incident.severity_now();
            incident.detail.bad = incident.bad().count();
            incident.detail.grouped =
                incident.troubles.values().filter(|trouble| trouble.why.is_some()).count();
            if incident.detail.severity.badness() > incident.detail.worst.badness() {
                incident.detail.worst = incident.detail.severity;
            }
            self.unsaved.incident(id);
            if incident.is_closed() {
                // The last of its notices has told the end.
                self.let_go_of(id);
                continue;
            }
            if incident.bad().next().is_none() {
                self.close(id, None, now);
                self.tell_end_of_pages(id, now);
            } else {
                self.tell_problem(id, now);
                if let Some(freed) = self.freed.remove(&id) {
                    self.begin_of_freed(id, &freed, now);
                }
                self.begin_of_members(id, now);
                self.tell_members(id, now);
            }
        }
        self.joined.clear();
        self.freed.clear();
        self.tell_newcomers(now);
    }

    pub(crate) fn close(&mut self, id: IncidentId, by: Option<&str>, now: Timestamp) {
        let Some(incident) = self.live.get_mut(&id) else { return };
        incident.closed = Some(now);
        incident.phase = Phase::Resolved;
        incident.detail.snoozed_until = None;
        let ended = incident.troubles.values().filter_map(Trouble::ended).max();
        incident.detail.ended = ended.filter(|ended| by.is_none() && *ended < now.0);
        let detail = &incident.detail;
        let nobody_did = by.is_none() && detail.acknowledged.is_none() && !detail.unwatched;
        incident.detail.self_healed = nobody_did;
        incident.detail.resolved_by = by.map(str::to_owned);
        let at = incident.ended().map_or(now, Timestamp);
        incident.detail.ending = incident.detail.told.values().any(Told::waits);
        self.counters.closed += 1;
        self.counters.self_healed += u64::from(incident.detail.self_healed);
        let text = match (by, incident.detail.self_healed) {
            (Some(_), _) => "closed by hand",
            (None, false) if incident.detail.unwatched => "what it was about is not watched any more",
            (None, true) => "it went away by itself",
            (None, false) => "it is over",
        };
        let who = by.unwrap_or_default().to_owned();
        self.write(id, Entry { at, kind: "resolved", who, text: text.to_owned() });
        self.let_go_of(id);
        self.tell_ends_of_merged(id, now);
    }

    /// Those who were told of what has become a part of this one.
    fn tell_ends_of_merged(&mut self, id: IncidentId, now: Timestamp) {
        let parts = self.parts_of(id).filter(|part| part.detail.ending);
        for part in parts.map(|part| part.id).collect::<Vec<_>>() {
            self.tell_end_of_pages(part, now);
        }
    }

    /// Those whose members are in this one now.
    pub(crate) fn parts_of(&self, id: IncidentId) -> impl Iterator<Item = &Incident> {
        let parts = self.merged.iter().filter(move |part| self.root_of(**part) == id);
        parts.filter_map(|part| self.live.get(part))
    }

    /// Who was told of it, and of what has become a part of it.
    pub(crate) fn told_of<'i>(
        &'i self,
        incident: &'i Incident,
    ) -> impl Iterator<Item = (&'i String, &'i Told)> {
        std::iter::once(incident).chain(self.parts_of(incident.id)).flat_map(|part| &part.detail.told)
    }

    /// Where the members of a merged incident are now.
    pub(crate) fn root_of(&self, id: IncidentId) -> IncidentId {
        let mut root = id;
        while let Some(next) = self.live.get(&root).and_then(|incident| incident.detail.merged_into) {
            root = next;
        }
        root
    }

    /// Those who are told by nobody else are told at once, unless something holds it back.
    fn tell_end_of_pages(&mut self, id: IncidentId, now: Timestamp) {
        let (Some(incident), Some(root)) = (self.live.get(&id), self.live.get(&self.root_of(id))) else {
            return;
        };
        if root.troubles.values().any(|trouble| holds_end(trouble.withheld)) {
            return;
        }
        let told = incident.detail.told.iter();
        let host = incident.is_of_host();
        let due = told.filter(|(contact, told)| {
            told.waits() && told.by_notices_of.is_empty() && self.may_tell_end(incident, contact, host, now)
        });
        let due: Vec<String> = due.map(|(contact, _)| contact.clone()).collect();
        let kind = incident.kind_of_end();
        self.tell_end(id, &due, kind, now);
    }

    /// Ends that were held back, and those of which a check's own rules tell somebody else or nobody.
    pub(crate) fn tell_ends(&mut self, estate: &dyn Estate, now: Timestamp) {
        let ending: Vec<IncidentId> = self
            .live
            .values()
            .filter(|incident| incident.is_closed() && incident.detail.ending)
            .filter(|incident| self.live.get(&self.root_of(incident.id)).is_none_or(Incident::is_closed))
            .map(|incident| incident.id)
            .collect();
        for id in ending {
            let root = self.root_of(id);
            let held = self.members_of(root).any(|key| holds_end(estate.withheld(key)));
            let Some(incident) = self.live.get_mut(&id) else { continue };
            let free_since = (!held).then(|| incident.detail.free_since.unwrap_or(now.0));
            if incident.detail.free_since != free_since {
                incident.detail.free_since = free_since;
                self.unsaved.incident(id);
            }
            let Some(free_since) = free_since else { continue };
            let patient = now.0 - free_since < PATIENCE_SECONDS;
            let Some(incident) = self.live.get(&id) else { continue };
            let named = |contact: &str, by: &BTreeSet<String>| {
                let mut keys = self.members_of(root).filter(|key| by.contains(&key.mark()));
                !by.is_empty() && keys.any(|key| estate.will_tell(key, contact))
            };
            let host = incident.is_of_host();
            let told = incident.detail.told.iter().filter(|(_, told)| told.waits());
            let due: Vec<String> = told
                .filter(|(contact, told)| !(patient && named(contact, &told.by_notices_of)))
                .filter(|(contact, _)| self.may_tell_end(incident, contact, host, now))
                .map(|(contact, _)| contact.clone())
                .collect();
            let kind = incident.kind_of_end();
            self.tell_end(id, &due, kind, now);
        }
    }

    fn members_of(&self, id: IncidentId) -> impl Iterator<Item = &Key> {
        self.live.get(&id).into_iter().flat_map(|incident| incident.troubles.keys())
    }

    /// Closed, and everybody knows: what is left of it is on the disk. One that comes back meanwhile opens anew.
    pub(crate) fn let_go_of(&mut self, id: IncidentId) {
        let Some(incident) = self.live.get_mut(&id).filter(|incident| incident.is_closed()) else { return };
        incident.detail.ending = incident.detail.told.values().any(Told::waits);
        self.unsaved.incident(id);
        if !incident.detail.ending
            && (self.book.config.reopen_within.0.is_zero() || incident.detail.merged_into.is_some())
        {
            self.leave(id);
        }
    }

    /// What has rested long enough.
    pub(crate) fn end_rests(&mut self, now: Timestamp) {
        let over =
            self.live.values().filter(|incident| incident.rests() && !self.may_come_back(incident, now));
        for id in over.map(|incident| incident.id).collect::<Vec<_>>() {
            self.leave(id);
        }
    }

    fn leave(&mut self, id: IncidentId) {
        let Some(incident) = self.live.get(&id) else { return };
        for reason in incident.reasons() {
            if self.by_reason.get(reason) == Some(&id) {
                self.by_reason.remove(reason);
            }
        }
        self.unsaved.leaving(id);
    }
}
