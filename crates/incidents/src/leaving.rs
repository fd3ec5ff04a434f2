//! Whoever is removed has nothing in hand any more: what was theirs is nobody's, and is told anew.

use std::collections::BTreeSet;
use std::sync::Arc;

use vocabulary::Timestamp;

use crate::core::Incidents;
use crate::desk::{Desk, Failed};
use crate::incident::{Entry, Incident, IncidentId, Key, Phase};

impl Desk {
    /// The open incidents that this person has, with their titles.
    pub fn in_hands_of(&self, person: &str) -> Vec<(IncidentId, String)> {
        let inner = self.inner.lock();
        let theirs = inner.incidents.theirs(person);
        theirs.map(|incident| (incident.id, incident.title.clone())).collect()
    }

    /// All that this person has is nobody's. Returns what is bad in it: it is acknowledged by nobody any more. To be called when
    /// the person is no contact any more, as those who are told are looked for anew.
    pub fn give_back_all_of(&self, person: &str, by: &str, now: Timestamp) -> Result<Vec<Key>, Failed> {
        let mut batch = self.batch();
        self.refresh_roster(&mut batch.inner, now);
        let incidents = &mut batch.inner.incidents;
        let theirs: Vec<IncidentId> = incidents.theirs(person).map(|incident| incident.id).collect();
        let mut bad = Vec::new();
        for id in theirs {
            bad.extend(incidents.give_back(id, person, by, now));
        }
        incidents.take(&[], &[], now);
        batch.commit_alone()?;
        Ok(bad)
    }
}

impl Incidents {
    fn theirs<'i>(&'i self, person: &'i str) -> impl Iterator<Item = &'i Incident> {
        let is_theirs = move |incident: &&Incident| {
            let owner = incident.owner().map(|(name, _)| name);
            incident.phase == Phase::Acknowledged && !incident.is_closed() && owner == Some(person)
        };
        self.live.values().filter(is_theirs)
    }

    fn give_back(&mut self, id: IncidentId, person: &str, by: &str, now: Timestamp) -> Vec<Key> {
        let Some(incident) = self.live.get(&id) else { return Vec::new() };
        let bad: Vec<Key> = incident.bad().map(|(key, _)| key.clone()).collect();
        let text = format!("{person}, who had it, is removed: it is nobody's again");
        self.nobodys_again(id, by, text, now);
        // Whoever should know is told again, as soon as it is looked at what is due.
        if let Some(incident) = self.live.get_mut(&id) {
            incident.detail.paged_at = None;
        }
        self.rewind(id, now);
        self.owe_notices(id, &bad);
        bad
    }

    /// Nobody has it, and neither acknowledgements of before count any more nor who heard of it before. Who is told of that, the
    /// caller says.
    pub(crate) fn nobodys_again(&mut self, id: IncidentId, by: &str, text: String, now: Timestamp) {
        let Some(incident) = self.live.get_mut(&id) else { return };
        incident.phase = Phase::Open;
        let detail = &mut incident.detail;
        (detail.acknowledged, detail.owner, detail.ran_out_at) = (None, None, Some(now.0));
        self.is_anew(id, now);
        self.write(id, Entry { at: now, kind: "unacknowledged", who: by.to_owned(), text });
        self.touch(id);
    }

    /// The contacts of a check hear of it by its own rules, which may have no further word to say: they are owed one.
    pub(crate) fn owe_notices(&mut self, id: IncidentId, bad: &[Key]) {
        for key in bad {
            let Some(incident) = self.live.get(&id) else { return };
            let Some(subject) = self.book.about(key).filter(|subject| Incidents::tells_itself(Some(subject)))
            else {
                continue;
            };
            if self.policy_for(incident, key).is_some() {
                continue;
            }
            let own = subject.contacts.iter().filter(|name| !self.channels_of(name).is_empty());
            let mut whom: BTreeSet<Arc<str>> = own.cloned().collect();
            if whom.is_empty() {
                whom.extend(self.book.config.contacts.iter().map(|name| Arc::from(name.as_str())));
            }
            let Some(incident) = self.live.get_mut(&id) else { return };
            for name in whom {
                incident.detail.told.entry(name.to_string()).or_default().owed.insert(key.mark());
            }
        }
    }
}
