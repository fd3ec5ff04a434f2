//! Whom an incident of the past would have called, and when: the code that pages, on a stage of its own, until somebody had
//! it or it was over. Of round robin it is the turn of whoever it would have come to after those before.

use std::collections::BTreeSet;
use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::State;

use super::rehearsal::{Planned, goes_bad};
use crate::core::Incidents;
use crate::desk::Desk;
use crate::incident::Key;
use crate::limits::MAX_CALLED;
use crate::page::Page;

/// Something that would have gone bad.
#[derive(Clone, Debug)]
pub struct Past {
    pub key: Key,
    pub state: State,
    pub at: Timestamp,
    /// From when on nobody is called any more: somebody had it, or it was over.
    pub until: Timestamp,
    /// How many of the same rule there were before it.
    pub before: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calls {
    /// When, and whom; in order.
    pub made: Vec<(Timestamp, Arc<str>)>,
    /// There would have been more than are looked at.
    pub goes_on: bool,
}

/// What is known now of everybody and everything, put aside: thousands of moments of the past are asked of it, while the
/// desk goes on paging.
pub struct Scene(Incidents);

impl Desk {
    pub fn scene(&self, now: Timestamp) -> Scene {
        let mut inner = self.inner.lock();
        self.refresh_roster(&mut inner, now);
        inner.incidents.scene()
    }
}

impl Scene {
    /// As if this rule were defined so: it is tried before it is.
    pub fn watch(&mut self, monitor: &str, contacts: Vec<Arc<str>>, policy: Option<&str>) {
        let subject = self.0.book.subjects.entry((false, monitor.into())).or_default();
        (subject.contacts, subject.escalation_policy) = (contacts, policy.map(Arc::from));
    }

    /// By what is known of the shifts of then. None: nothing of this name is watched, or only its own rules tell. What is
    /// in shadow is told as if it were not.
    pub fn called(&self, past: &Past) -> Option<Calls> {
        self.0.stage_for(&past.key, past.at)?.called(past, MAX_CALLED)
    }
}

impl Incidents {
    /// Without playbooks, as nobody reads what it says.
    pub(crate) fn scene(&self) -> Scene {
        Scene(Incidents {
            book: self.book.clone(),
            roster: self.roster.clone(),
            turns: self.turns.clone(),
            openings: self.openings.until(Timestamp(i64::MAX)),
            ..Incidents::default()
        })
    }

    pub(crate) fn called(&mut self, past: &Past, most: usize) -> Option<Calls> {
        let Past { key, state, at, until, before } = past;
        self.book.subjects.get_mut(&(key.host, key.monitor.clone()))?.shadow = false;
        self.book.alerts.values_mut().for_each(|each| each.shadow = false);
        let told_by_itself = Incidents::tells_itself(self.book.about(key));
        self.turns.ahead = *before;
        let mut calls = BTreeSet::new();
        let mut keep = |pages: Vec<Page>, now: Timestamp| {
            let of_trouble = pages.into_iter().filter(|page| page.kind.is_problem());
            calls.extend(of_trouble.map(|page| (now, page.contact)));
        };
        keep(self.apply(&goes_bad(key, *state, *at, None), *at), *at);
        if told_by_itself && !self.live.values().any(|incident| incident.detail.escalation.is_some()) {
            return None;
        }
        let (mut now, mut moments) = (*at, 0);
        while let Some(next) = self.next_moment(now, *until, &[]).filter(|next| next < until) {
            moments += 1;
            if moments > most {
                break;
            }
            now = next;
            keep(self.tick(&Planned { held: &[], now }, now), now);
        }
        Some(Calls { made: calls.into_iter().collect(), goes_on: moments > most })
    }
}
