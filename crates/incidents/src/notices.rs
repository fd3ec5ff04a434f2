//! What a check's own rules told, and what that says of its incident.

use vocabulary::Timestamp;
use vocabulary::state::{Notice, NoticeKind, State};

use crate::book::Kind;
use crate::core::Incidents;
use crate::incident::{IncidentId, Key, Trouble};

impl Incidents {
    /// `is_over`: by the last change that came with it. Then it says what was, and nothing is bad by it.
    pub(crate) fn notice(&mut self, notice: &Notice, is_over: bool, now: Timestamp) {
        let key = Key::of(&notice.id);
        let kind = self.book.about(&key).map(|subject| subject.kind);
        if kind.is_some_and(Kind::is_told_by_incident) {
            // The incident tells of it, once for all instances.
            return;
        }
        if self.is_told_by_alerts(&key, notice) {
            return;
        }
        let state = self.as_of_production(&key, notice.state);
        if state != notice.state && !self.wants(&notice.contact, state) {
            return;
        }
        let notice = &Notice { state, ..notice.clone() };
        if notice.kind == NoticeKind::Problem && self.is_quiet(&key, notice) {
            return;
        }
        if self.not_paging(&key).is_some() {
            // Listed as what Nagios would have sent; the incident, which its change of state opens, says why it is not.
            return;
        }
        if notice.kind == NoticeKind::Problem && !is_over && self.placed_bad(&key).is_none() {
            self.enter_told(&key, notice, now);
        }
        let id = self.place.get(&key).copied().filter(|id| self.knows(*id));
        let heard_in = id.map(|id| self.told_in(id, &notice.contact, &key));
        if id.is_some_and(|id| heard_in == Some(id) && self.is_grouped_away(id, &key, notice, now)) {
            return;
        }
        let id = heard_in;
        if let Some(id) = id {
            self.note_told(id, &key, notice, now);
        }
        self.page_notice(id, &key, notice, now);
    }

    pub(crate) fn wants(&self, contact: &str, state: State) -> bool {
        self.book.contacts.get(contact).is_none_or(|contact| contact.wants(state))
    }

    /// Somebody has closed its incident, or wants to hear of it later: what is no worse than then stays quiet, whatever
    /// its own rules say. Of a snooze it is told when that ends.
    fn is_quiet(&mut self, key: &Key, notice: &Notice) -> bool {
        if let Some(held) = self.held.get(key).filter(|held| held.dismissed) {
            return notice.state.badness() <= held.worst.badness();
        }
        let incident = self.placed_bad(key).and_then(|id| self.live.get(&id));
        let snoozed = incident.is_some_and(|incident| incident.detail.snoozed_until.is_some());
        if snoozed {
            self.silenced_notice(notice);
        }
        snoozed
    }

    /// Its own rules told of it, so it is not held back, whatever was known before.
    fn enter_told(&mut self, key: &Key, notice: &Notice, now: Timestamp) {
        let from_notice = || Trouble::of(notice.state, notice.at.0, &notice.text);
        let trouble = self.held.get(key).cloned().unwrap_or_else(from_notice);
        if !trouble.dismissed {
            self.enter(key.clone(), Trouble { withheld: None, ..trouble }, now);
        }
    }

    /// Of an end it is the incident in which this contact heard of the problem, which may have been merged since.
    fn told_in(&self, id: IncidentId, contact: &str, key: &Key) -> IncidentId {
        let mark = key.mark();
        let heard = |incident: &&crate::incident::Incident| {
            incident.detail.told.get(contact).is_some_and(|told| told.by_notices_of.contains(&mark))
        };
        self.parts_of(self.root_of(id)).find(heard).map_or(id, |incident| incident.id)
    }

    fn note_told(&mut self, id: IncidentId, key: &Key, notice: &Notice, now: Timestamp) {
        let email = self.email_of(&notice.contact);
        let ways = self.ways_of(&notice.contact);
        let anew_at = self.anew_at(id);
        let by_policy = self.live.get(&id).is_some_and(|it| self.policy_for(it, key).is_some());
        let Some(incident) = self.live.get_mut(&id) else { return };
        match notice.kind {
            NoticeKind::Problem => {
                let told = incident.detail.told.entry(notice.contact.to_string()).or_default();
                let known = told.severity.filter(|_| told.waits());
                told.by_notices_of.insert(key.mark());
                told.owed.remove(&key.mark());
                told.begin_word(anew_at, now);
                told.hears_of(known, std::iter::once(notice.state));
                (told.email, told.ways) = (email, ways);
                (told.of_end, told.late, told.held) = (false, false, None);
                if !by_policy {
                    // Else the policy of the same subject is still to hear of it.
                    incident.detail.paged_at = Some(incident.severity_now());
                }
            }
            NoticeKind::Recovery => {
                if let Some(told) = incident.detail.told.get_mut(&*notice.contact)
                    && told.by_notices_of.remove(&key.mark())
                {
                    told.of_end = told.by_notices_of.is_empty();
                }
            }
            _ => {}
        }
        self.touch(id);
    }

    /// What it would have told is told when the silence lifts, if it is still so: a problem here, an end by
    /// [`tell_ends`](Self::tell_ends).
    pub(crate) fn silenced_notice(&mut self, notice: &Notice) {
        let key = Key::of(&notice.id);
        let is_monitor = self
            .book
            .subject(key.host, &key.monitor)
            .is_some_and(|subject| subject.kind.is_told_by_incident());
        if notice.kind != NoticeKind::Problem || is_monitor {
            return;
        }
        match self.placed_bad(&key) {
            Some(id) => {
                let Some(incident) = self.live.get_mut(&id) else { return };
                let told = incident.detail.told.entry(notice.contact.to_string()).or_default();
                told.owed.insert(key.mark());
                self.unsaved.incident(id);
            }
            None => {
                if let Some(trouble) = self.held.get_mut(&key) {
                    trouble.owed.insert(notice.contact.to_string());
                    self.unsaved.held(key);
                }
            }
        }
    }
}
