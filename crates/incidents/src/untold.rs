//! What nobody is told of, though there is somebody who could be: that is the worst that a pager can do, so health and the
//! heartbeat to the outside say it.

use crate::book::OWN_PREFIX;
use crate::core::Incidents;
use crate::desk::Desk;
use crate::incident::{Incident, IncidentId, Phase, Told};

/// Where nobody can be told of anything, nobody is missed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Untold {
    /// Open, bad enough to page, in nobody's hands, and nobody was told or will be.
    pub incidents: Vec<IncidentId>,
    /// What names nobody reaches nobody: `[incidents]` has neither contacts with a channel nor a policy.
    pub no_last_resort: bool,
}

impl Desk {
    pub fn untold(&self) -> Untold {
        self.inner.lock().incidents.untold()
    }
}

impl Incidents {
    pub(crate) fn untold(&self) -> Untold {
        let could_be_told = self.book.contacts.values().any(|contact| !contact.channels.is_empty());
        if !could_be_told {
            return Untold::default();
        }
        let open = self.live.values().filter(|incident| self.is_untold(incident));
        let is_reached = |name: &String| !self.channels_of(name).is_empty();
        let policy = self.book.config.escalation_policy.as_deref();
        let by_policy = policy.is_some_and(|name| self.roster.policies.contains_key(name));
        Untold {
            incidents: open.map(|incident| incident.id).collect(),
            no_last_resort: !by_policy && !self.book.config.contacts.iter().any(is_reached),
        }
    }

    fn is_untold(&self, incident: &Incident) -> bool {
        let Some((_, trouble)) = incident.tellable() else { return false };
        let detail = &incident.detail;
        let is_told =
            self.told_of(incident).any(|(_, told)| told.late || !told.owed.is_empty() || Told::waits(told));
        let is_being_told = detail.escalation.as_ref().is_some_and(|at| at.next_at.is_some());
        // Who is told of our own parts and channels is told elsewhere in health.
        let is_of_telling = ["channel:", OWN_PREFIX].iter().any(|prefix| incident.reason.starts_with(prefix));
        incident.phase == Phase::Open
            && detail.paged_at.is_some()
            && detail.snoozed_until.is_none()
            && !is_of_telling
            && self.is_for_paging(incident, incident.said(trouble.state))
            && !is_told
            && !is_being_told
    }
}
