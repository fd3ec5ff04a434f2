//! More of the same, later. What goes bad within `[incidents] group_window` of what people were told is a number in that;
//! what goes bad after that is news, though it is of the same monitor: whoever has the incident hears of it, once for all
//! of an hour and by nothing that rings. If nobody has it, its policy begins again when it has come to its end, or those are
//! told who were told before. What was bad in it before is no news.

use std::collections::BTreeSet;
use std::sync::Arc;

use vocabulary::Timestamp;

use crate::core::Incidents;
use crate::incident::{Incident, IncidentId, Key, Phase, Told};
use crate::limits::{MORE_AGAIN_SECONDS, USUAL_GROUP_SECONDS};
use crate::page::{Message, PageKind};
use crate::rooms::Recipient;

impl Incident {
    /// What was in it by then is in what people were told.
    fn heard_until(&self) -> Option<i64> {
        // Versions before wrote none.
        self.detail.heard_until.or(self.detail.paged_at.map(|_| self.opened.0))
    }
}

impl Incidents {
    /// Is it more than those take it to be who were told of its incident?
    pub(crate) fn is_newcomer(&self, id: IncidentId, key: &Key, now: Timestamp) -> bool {
        let window = i64::try_from(self.book.config.group_window.0.as_secs()).unwrap_or(i64::MAX);
        // Without grouping what goes bad at once is one page all the same.
        let window = if window == 0 { USUAL_GROUP_SECONDS } else { window };
        let is_one_of_many = !key.host && !key.instance.is_empty();
        let incident = self.live.get(&id).filter(|incident| !incident.is_closed());
        is_one_of_many
            && !Incidents::tells_itself(self.book.about(key))
            && incident.is_some_and(|incident| {
                let heard = incident.heard_until();
                !incident.troubles.contains_key(key)
                    && heard.is_some_and(|heard| now.0 > heard.saturating_add(window))
            })
    }

    /// Somebody knows of all that is bad in it by now.
    pub(crate) fn hear(&mut self, id: IncidentId, now: Timestamp) {
        let Some(incident) = self.live.get_mut(&id) else { return };
        (incident.detail.heard_until, incident.detail.more_since) = (Some(now.0), None);
        for (key, trouble) in incident.troubles.iter_mut().filter(|(_, trouble)| trouble.unheard) {
            trouble.unheard = false;
            self.unsaved.trouble(id, key.clone());
        }
        self.unsaved.incident(id);
    }

    /// Newcomers that nobody has heard of.
    pub(crate) fn tell_newcomers(&mut self, now: Timestamp) {
        let is_due = |incident: &&Incident| {
            let detail = &incident.detail;
            !incident.is_closed()
                && detail.more_since.is_some()
                && detail.snoozed_until.is_none()
                && detail.more_at.is_none_or(|at| now.0 - at >= MORE_AGAIN_SECONDS)
        };
        let due: Vec<IncidentId> = self.live.values().filter(is_due).map(|incident| incident.id).collect();
        for id in due {
            self.tell_newcomers_of(id, now);
        }
    }

    fn tell_newcomers_of(&mut self, id: IncidentId, now: Timestamp) {
        let Some(incident) = self.live.get(&id) else { return };
        let unheard = || incident.bad().filter(|(_, trouble)| trouble.unheard);
        if unheard().next().is_none() {
            // They are over, and nobody has missed anything.
            return self.forget_newcomers(id);
        }
        let mut tellable = unheard().filter(|(_, trouble)| {
            trouble.withheld.is_none() && self.is_for_paging(incident, incident.said(trouble.state))
        });
        let Some((first, trouble)) = tellable.next() else { return };
        let more = match tellable.count() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let mut message = self.message(incident, first, trouble, self.book.about(first));
        message.comment = format!("{first}{more} went bad since you were told");
        let (host, phase) = (first.host, incident.phase);
        let is_told = match phase {
            Phase::Open => self.tell_more_anew(id, host, &message, now),
            _ => self.tell_more_to_owner(id, host, &message, now),
        };
        if is_told {
            self.hear(id, now);
            if let Some(incident) = self.live.get_mut(&id) {
                incident.detail.more_at = Some(now.0);
            }
        }
    }

    fn forget_newcomers(&mut self, id: IncidentId) {
        if let Some(incident) = self.live.get_mut(&id) {
            incident.detail.more_since = None;
            self.unsaved.incident(id);
        }
    }

    /// Nobody has it. False: people are being called for it, or there is nobody who could be told now.
    fn tell_more_anew(&mut self, id: IncidentId, host: bool, message: &Message, now: Timestamp) -> bool {
        let Some(incident) = self.live.get(&id) else { return false };
        if let Some(escalation) = &incident.detail.escalation
            && self.roster.policies.contains_key(escalation.policy.as_str())
        {
            let has_ended = escalation.next_at.is_none();
            if has_ended {
                self.begin_again(id, now);
            }
            return has_ended;
        }
        let told = self.those_who_wait(incident, host, now);
        for (contact, channels) in &told {
            self.tell_by_rule(id, PageKind::Still, contact, channels, message, now);
        }
        !told.is_empty()
    }

    /// Whoever has it decides whom else to call. If that is nobody whom we reach, those hear of it who were told before.
    fn tell_more_to_owner(&mut self, id: IncidentId, host: bool, message: &Message, now: Timestamp) -> bool {
        let Some(incident) = self.live.get(&id) else { return false };
        if incident.detail.acknowledged.as_ref().is_some_and(|said| said.of_parts) {
            // What is not acknowledged by itself makes it nobody's.
            return false;
        }
        let Some(owner) = incident.owner().map(|(name, _)| Arc::<str>::from(name)) else { return false };
        if self.fresh.iter().any(|page| page.incident == Some(id) && page.contact == owner) {
            return true;
        }
        let channels = self.channels_of(&owner);
        let whom = match channels.is_empty() {
            true => self.those_who_wait(incident, host, now),
            false if !self.book.is_time(&owner, host, now) => return false,
            false => vec![(owner, channels)],
        };
        for (contact, channels) in &whom {
            self.tell_joined(id, contact, channels, message, now);
        }
        !whom.is_empty()
    }

    /// By nothing that rings. Who is reached in no other way than by telephone is called: it says nothing else.
    pub(crate) fn tell_joined(
        &mut self,
        id: IncidentId,
        contact: &Arc<str>,
        channels: &[Arc<str>],
        message: &Message,
        now: Timestamp,
    ) {
        match channels.iter().all(|channel| self.book.calls.contains(channel)) {
            true => self.tell(id, PageKind::Still, contact, channels, message, now),
            false => self.page(Some(id), PageKind::Joined, contact, channels, message, now),
        }
    }

    /// Who knows of it and can be told now.
    fn those_who_wait(&self, incident: &Incident, host: bool, now: Timestamp) -> Vec<Recipient> {
        let told = self.told_of(incident).filter(|(_, told): &(&String, &Told)| told.waits());
        let told: BTreeSet<&String> = told.map(|(name, _)| name).collect();
        let told = told.into_iter().filter(|name| self.may_tell(incident, name, host, now));
        let told = told.map(|name| (Arc::from(name.as_str()), self.channels_of(name)));
        told.filter(|(_, channels): &Recipient| !channels.is_empty()).collect()
    }
}
