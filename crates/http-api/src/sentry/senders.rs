//! What each project's clients sent, counted since the start: nothing is dropped unseen.

use std::collections::BTreeMap;

use error_tracking::runs::Runs;
use formats::sentry::{Category, ItemKind};
use parking_lot::Mutex;
use vocabulary::Timestamp;

use super::limits::RELEASES_RUN;
use super::timings::part_of_name;

const DAY_SECONDS: i64 = 86_400;

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
    /// The same of what has a quota of its own, by category.
    pub limited_others: BTreeMap<&'static str, u64>,
    /// Items that could not be read.
    pub invalid: u64,
    pub sessions: u64,
    pub crashed_sessions: u64,
    /// Of this day, by release as a part of names of series.
    pub releases: BTreeMap<String, Ran>,
    /// Of 1970: whose releases these are.
    pub day: i64,
    pub check_ins: u64,
    /// Those that no heartbeat takes.
    pub unknown_check_ins: u64,
    /// Schedules that check-ins would have set, beyond how often they may.
    pub dropped_schedules: u64,
    pub reports: u64,
    /// About an event that never came.
    pub dropped_reports: u64,
    pub attachments: u64,
    /// Too long, too many, or of no event.
    pub dropped_attachments: u64,
    /// Items of kinds that are not used.
    pub unused: BTreeMap<&'static str, u64>,
    /// What clients say that they lost themselves, by category.
    pub lost_by_clients: BTreeMap<&'static str, u64>,
}

/// Runs of one release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ran {
    pub sessions: u64,
    pub crashed: u64,
}

impl Ran {
    /// What came after `before`, unless a day has begun since.
    pub fn since(self, before: Ran) -> Ran {
        match self.sessions < before.sessions || self.crashed < before.crashed {
            true => self,
            false => {
                Ran { sessions: self.sessions - before.sessions, crashed: self.crashed - before.crashed }
            }
        }
    }
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

    pub fn limited(&mut self, category: Category) {
        *self.limited_others.entry(category.name()).or_default() += 1;
    }

    pub fn lost(&mut self, category: Category, quantity: u64) {
        let lost = self.lost_by_clients.entry(category.name()).or_default();
        *lost = lost.saturating_add(quantity);
    }

    pub fn ran(&mut self, runs: &Runs, at: Timestamp) {
        self.sessions = self.sessions.saturating_add(runs.began);
        self.crashed_sessions = self.crashed_sessions.saturating_add(runs.crashed);
        let day = at.0.div_euclid(DAY_SECONDS);
        if day != self.day {
            self.releases.clear();
            self.day = day;
        }
        let Some(release) = runs.release.as_deref().map(part_of_name) else { return };
        if self.releases.len() < RELEASES_RUN || self.releases.contains_key(&release) {
            let ran = self.releases.entry(release).or_default();
            ran.sessions = ran.sessions.saturating_add(runs.began);
            ran.crashed = ran.crashed.saturating_add(runs.crashed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(release: &str, began: u64, crashed: u64) -> Runs {
        Runs { release: Some(release.into()), began, crashed, ..Runs::default() }
    }

    #[test]
    fn runs_are_counted_by_release_within_a_bound_of_a_day() {
        let mut sent = Sent::default();
        sent.ran(&runs("web@1.2", 3, 1), Timestamp(10));
        sent.ran(&runs("web@1.2", 1, 0), Timestamp(20));
        sent.ran(&Runs { began: 1, ..Runs::default() }, Timestamp(20));
        assert_eq!((sent.sessions, sent.crashed_sessions), (5, 1));
        assert_eq!(sent.releases.get("web_1_2"), Some(&Ran { sessions: 4, crashed: 1 }));
        (0..100).for_each(|n| sent.ran(&runs(&format!("b{n}"), 1, 0), Timestamp(30)));
        assert_eq!(sent.releases.len(), RELEASES_RUN);
        sent.ran(&runs("web@1.2", 2, 0), Timestamp(DAY_SECONDS));
        let today = sent.releases["web_1_2"];
        assert_eq!(today.since(Ran { sessions: 4, crashed: 1 }), Ran { sessions: 2, crashed: 0 });
        assert_eq!((sent.releases.len(), sent.sessions), (1, 107));
    }
}
