//! It has become worse than people were told.

use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::State;

use crate::core::Incidents;
use crate::incident::{IncidentId, Phase, Told};
use crate::page::{Message, PageKind};
use crate::rooms::Recipient;

impl Incidents {
    /// It has become worse: who heard of it when it was less bad hears of that, whoever has called them. Whom the notices of a
    /// check tell they tell of that too; a policy that begins anew tells by itself.
    pub(crate) fn tell_who_knows_less(&mut self, id: IncidentId, known: Option<State>, now: Timestamp) {
        let Some(incident) = self.live.get(&id) else { return };
        let Some((key, trouble)) = incident.tellable() else { return };
        let severity = incident.said(trouble.state);
        let is_rewound = incident.detail.escalation.as_ref().is_some_and(|at| at.runs_anew(now));
        if is_rewound || incident.detail.snoozed_until.is_some() || !self.is_for_paging(incident, severity) {
            return;
        }
        let knows_less = |told: &Told| {
            let heard = told.severity.or(known);
            told.waits()
                && told.by_notices_of.is_empty()
                && heard.is_none_or(|heard| heard.badness() < severity.badness())
        };
        let due = incident.detail.told.iter().filter(|(_, told)| knows_less(told));
        let due = due.filter(|(name, _)| self.may_tell(incident, name, key.host, now));
        let due: Vec<Recipient> = due
            .map(|(name, told)| {
                let had = || told.channels.iter().map(|it| Arc::from(it.as_str())).collect();
                // How bad it is may be another rule's, with other ways.
                let all = told.rule.is_some().then(|| self.channels_of(name));
                (Arc::from(name.as_str()), all.unwrap_or_else(had))
            })
            .collect();
        if due.is_empty() {
            return;
        }
        let message = self.message(incident, key, trouble, self.book.about(key));
        for (contact, channels) in due {
            self.tell_worse(id, PageKind::Worse, &contact, &channels, &message, now);
        }
    }

    /// In somebody's hands no rule goes on: whoever is told that it is worse hears it by all ways of the rule at once.
    pub(crate) fn tell_worse(
        &mut self,
        id: IncidentId,
        kind: PageKind,
        contact: &Arc<str>,
        channels: &[Arc<str>],
        message: &Message,
        now: Timestamp,
    ) {
        if self.live.get(&id).is_some_and(|incident| incident.phase == Phase::Open) {
            return self.tell_by_rule(id, kind, contact, channels, message, now);
        }
        let ways = self.all_ways(contact, message.state, channels);
        self.tell(id, kind, contact, &ways, message, now);
    }
}
