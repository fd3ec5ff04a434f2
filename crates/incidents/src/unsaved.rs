//! What is still to be written to the tables.

use std::collections::{BTreeMap, BTreeSet};

use crate::incident::{Entry, Incident, IncidentId, Key};
use crate::page::Page;

/// The place of what is bad and in no incident.
pub(crate) const HELD: IncidentId = 0;

/// What the next transaction writes. It stays marked until that transaction is known to have happened.
#[derive(Debug, Default)]
pub(crate) struct Unsaved {
    pub incidents: BTreeSet<IncidentId>,
    pub troubles: BTreeSet<(IncidentId, Key)>,
    pub let_go: BTreeSet<Key>,
    pub leaving: BTreeSet<IncidentId>,
    pub moved: BTreeSet<(IncidentId, Key)>,
    /// Changed, though memory has let go of them.
    pub old: BTreeMap<IncidentId, Incident>,
    pub entries: Vec<(IncidentId, Entry)>,
    pub pages: Vec<Page>,
}

impl Unsaved {
    pub fn incident(&mut self, id: IncidentId) {
        self.incidents.insert(id);
    }

    pub fn trouble(&mut self, id: IncidentId, key: Key) {
        self.moved.remove(&(id, key.clone()));
        self.troubles.insert((id, key));
    }

    pub fn old(&mut self, incident: Incident) {
        self.old.insert(incident.id, incident);
    }

    /// It is in another incident now.
    pub fn moved(&mut self, id: IncidentId, key: Key) {
        self.troubles.remove(&(id, key.clone()));
        self.moved.insert((id, key));
    }

    /// What is to be written of.
    pub fn incidents(&self) -> impl Iterator<Item = IncidentId> {
        self.incidents.iter().copied()
    }

    pub fn held(&mut self, key: Key) {
        self.let_go.remove(&key);
        self.troubles.insert((HELD, key));
    }

    pub fn let_go(&mut self, key: Key) {
        self.troubles.remove(&(HELD, key.clone()));
        self.let_go.insert(key);
    }

    /// Not needed in memory any more, once it is written.
    pub fn leaving(&mut self, id: IncidentId) {
        self.leaving.insert(id);
    }

    pub fn is_empty(&self) -> bool {
        let Unsaved { incidents, troubles, let_go, leaving, moved, old, entries, pages } = self;
        incidents.is_empty()
            && troubles.is_empty()
            && let_go.is_empty()
            && leaving.is_empty()
            && moved.is_empty()
            && old.is_empty()
            && entries.is_empty()
            && pages.is_empty()
    }
}
