//! What each project's clients sent, counted since the start: nothing is dropped unseen.

use std::collections::BTreeMap;

use formats::sentry::{Category, ItemKind};
use parking_lot::Mutex;
use vocabulary::Timestamp;

#[derive(Debug, Default)]
pub struct Senders {
    projects: Mutex<BTreeMap<u64, Sent>>,
    refused: Mutex<BTreeMap<u16, u64>>,
}

#[derive(Clone, Debug, Default)]
pub struct Sent {
    pub last: Timestamp,
    /// Name and version of the client that sent last.
    pub client: Option<String>,
    /// Beyond what the project may send.
    pub limited: u64,
    /// Items that could not be read.
    pub invalid: u64,
    pub sessions: u64,
    pub crashed_sessions: u64,
    pub check_ins: u64,
    /// Those that no heartbeat takes.
    pub unknown_check_ins: u64,
    pub reports: u64,
    pub attachments: u64,
    /// Too long, too many, or of no event.
    pub dropped_attachments: u64,
    /// Items of kinds that are not used.
    pub unused: BTreeMap<&'static str, u64>,
    /// What clients say that they lost themselves, by category.
    pub lost_by_clients: BTreeMap<&'static str, u64>,
}

impl Senders {
    pub fn note(&self, project: u64, change: impl FnOnce(&mut Sent)) {
        change(self.projects.lock().entry(project).or_default());
    }

    /// A request that was turned away, by its status.
    pub fn refused(&self, status: u16) {
        *self.refused.lock().entry(status).or_default() += 1;
    }

    pub fn all(&self) -> BTreeMap<u64, Sent> {
        self.projects.lock().clone()
    }

    pub fn of(&self, project: u64) -> Option<Sent> {
        self.projects.lock().get(&project).cloned()
    }

    pub fn all_refused(&self) -> BTreeMap<u16, u64> {
        self.refused.lock().clone()
    }
}

impl Sent {
    pub fn unused(&mut self, kind: ItemKind) {
        *self.unused.entry(kind.name()).or_default() += 1;
    }

    pub fn lost(&mut self, category: Category, quantity: u64) {
        let lost = self.lost_by_clients.entry(category.name()).or_default();
        *lost = lost.saturating_add(quantity);
    }

    pub fn sessions(&mut self, all: u64, crashed: u64) {
        self.sessions = self.sessions.saturating_add(all);
        self.crashed_sessions = self.crashed_sessions.saturating_add(crashed);
    }
}
