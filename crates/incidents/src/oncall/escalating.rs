//! How an incident goes through its policy, step by step. Who is on call is asked when a step runs; an acknowledgement
//! stops it; when a step reaches nobody the next one runs at once, and the timeline says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

use super::policy::{PolicyConfig, seconds};
use super::reaching::USUAL_LATENESS;
use super::step::Outcome;
use crate::book::Subject;
use crate::core::{Estate, Incidents};
use crate::incident::{Entry, Incident, IncidentId, Key, Phase, Trouble};
use crate::page::Page;

/// How far an incident has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    pub policy: String,
    /// The step that runs next, from 0; as many as there are: the end of the round.
    pub step: usize,
    /// How often it has begun again.
    #[serde(default)]
    pub round: u32,
    /// When this round began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<i64>,
    /// When that runs; none: all has been tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<i64>,
    /// Of steps that go round: where this incident began.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub places: BTreeMap<usize, u64>,
    /// Some step of this round has reached somebody.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reached: bool,
    /// Whom the step would reach sleeps, and it is nothing to wake somebody for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// Whom the last step called, and who stands in for them: has a word of it been delivered? Who is lost is not among them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub called: BTreeMap<String, bool>,
}

impl Escalation {
    /// From its first step on, now.
    pub(crate) fn runs_anew(&self, now: Timestamp) -> bool {
        (self.step, self.round, self.next_at) == (0, 0, Some(now.0))
    }
}

/// The first of each monitor: they stand together.
fn monitors_of<'i>(
    members: impl Iterator<Item = (&'i Key, &'i Trouble)>,
) -> impl Iterator<Item = (&'i Key, &'i Trouble)> {
    let mut last = None;
    members.filter(move |(key, _)| {
        let name = (key.host, &*key.monitor);
        last.replace(name) != Some(name)
    })
}

impl Incidents {
    /// From the first step on, now.
    pub(crate) fn begin_escalation(&mut self, id: IncidentId, policy: &PolicyConfig, now: Timestamp) {
        let Some(incident) = self.live.get_mut(&id) else { return };
        let before = incident.detail.escalation.take().filter(|before| before.policy == policy.name);
        let places = before.map(|before| before.places).unwrap_or_default();
        incident.detail.escalation = Some(Escalation {
            policy: policy.name.clone(),
            began: Some(now.0),
            next_at: Some(now.0),
            places,
            ..Escalation::default()
        });
        self.unsaved.incident(id);
        self.run_escalation(id, now);
    }

    /// The policy that it goes by runs from its first step on, as soon as it is looked at what is due. Where that is another one by
    /// now, it begins as the first would.
    pub(crate) fn rewind(&mut self, id: IncidentId, now: Timestamp) {
        let goes_by_it = self.goes_by_what_ran(id);
        let Some(incident) = self.live.get_mut(&id) else { return };
        incident.detail.escalation = incident.detail.escalation.take().filter(|_| goes_by_it);
        if let Some(at) = incident.detail.escalation.as_mut() {
            (at.step, at.round, at.reached) = (0, 0, false);
            (at.began, at.next_at) = (Some(now.0), Some(now.0));
        }
        self.unsaved.incident(id);
    }

    /// Something that is bad in it goes by the policy that has run.
    fn goes_by_what_ran(&self, id: IncidentId) -> bool {
        let Some(incident) = self.live.get(&id) else { return false };
        let Some(at) = incident.detail.escalation.as_ref() else { return false };
        let mut policies = monitors_of(incident.bad()).filter_map(|(key, _)| self.policy_for(incident, key));
        policies.any(|policy| policy.name == at.policy)
    }

    /// Of what was told before anything with a policy was bad enough, the policy begins with that.
    pub(crate) fn begin_of_members(&mut self, id: IncidentId, now: Timestamp) {
        let Some(incident) = self.live.get(&id) else { return };
        let detail = &incident.detail;
        if detail.escalation.is_some() || detail.snoozed_until.is_some() || incident.phase != Phase::Open {
            return;
        }
        if let Some(policy) = self.policy_of_one_of(incident, incident.bad()) {
            self.begin_escalation(id, &policy, now);
        }
    }

    /// The first policy by which one of these goes that people are to be paged for.
    fn policy_of_one_of<'i>(
        &self,
        incident: &'i Incident,
        members: impl Iterator<Item = (&'i Key, &'i Trouble)>,
    ) -> Option<Arc<PolicyConfig>> {
        let tellable = members.filter(|(_, trouble)| {
            trouble.withheld.is_none() && self.is_for_paging(incident, incident.said(trouble.state))
        });
        monitors_of(tellable).find_map(|(key, _)| self.policy_for(incident, key))
    }

    /// Its host is up again, and these are bad all the same: whom the host has called need not be theirs. In somebody's hands the
    /// owner hears of it as of what joins.
    pub(crate) fn begin_of_freed(&mut self, id: IncidentId, freed: &[Key], now: Timestamp) {
        let Some(incident) = self.live.get(&id) else { return };
        if incident.detail.snoozed_until.is_some() || incident.phase != Phase::Open {
            return;
        }
        let bad = incident.bad().filter(|(key, _)| freed.contains(key));
        let Some(policy) = self.policy_of_one_of(incident, bad) else { return };
        if incident.detail.escalation.as_ref().is_none_or(|at| at.policy != policy.name) {
            self.begin_escalation(id, &policy, now);
        }
    }

    /// What is nobody's any more begins again, by the policy that it goes by now; by none its contacts are told.
    pub(crate) fn begin_again(&mut self, id: IncidentId, now: Timestamp) {
        if !self.has_gone_by_policy(id) {
            return;
        }
        match self.policy_to_run(id) {
            Some(policy) => self.begin_escalation(id, &policy, now),
            None => self.tell_once_more(id, now),
        }
    }

    pub(crate) fn has_gone_by_policy(&self, id: IncidentId) -> bool {
        self.live.get(&id).is_some_and(|incident| incident.detail.escalation.is_some())
    }

    /// Of what has gone by a policy: the same, or if that is not its own any more, the one that is.
    pub(crate) fn policy_to_run(&self, id: IncidentId) -> Option<Arc<PolicyConfig>> {
        let incident = self.live.get(&id)?;
        let at = incident.detail.escalation.as_ref()?;
        match self.goes_by_what_ran(id) {
            true => self.roster.policies.get(at.policy.as_str()).map(|known| known.config.clone()),
            false => monitors_of(incident.bad()).find_map(|(key, _)| self.policy_for(incident, key)),
        }
    }

    /// Steps whose time has come, and acknowledgements that have run out.
    pub(crate) fn escalate_due(&mut self, estate: &dyn Estate, now: Timestamp) {
        self.run_out_acknowledgements(now);
        let due = |incident: &&Incident| {
            // What waits for the morning is looked at each time: it may have become bad enough meanwhile.
            let due = |at: &Escalation| at.next_at.is_some_and(|next| at.held || next <= now.0);
            incident.phase == Phase::Open && incident.detail.escalation.as_ref().is_some_and(due)
        };
        let due: Vec<IncidentId> = self.live.values().filter(due).map(|incident| incident.id).collect();
        for id in due {
            self.mute(id, estate);
            self.run_escalation(id, now);
        }
    }

    fn run_out_acknowledgements(&mut self, now: Timestamp) {
        let mut out = Vec::new();
        for incident in self.live.values().filter(|incident| incident.phase == Phase::Acknowledged) {
            let Some(escalation) = &incident.detail.escalation else { continue };
            let timeout = match self.roster.policies.get(escalation.policy.as_str()) {
                Some(known) => known.config.ack_timeout,
                None => self.policy_to_run(incident.id).and_then(|policy| policy.ack_timeout),
            };
            // In other hands, or said again, it has its whole time again.
            let taken = incident.detail.owner.as_ref().map_or(i64::MIN, |owner| owner.since);
            let since = incident.detail.acknowledged.as_ref().map(|by| by.at.max(taken));
            if let (Some(timeout), Some(since)) = (timeout, since)
                && now.0 - since >= seconds(timeout)
            {
                out.push((incident.id, timeout));
            }
        }
        for (id, timeout) in out {
            let Some(incident) = self.live.get(&id) else { continue };
            let by = incident.owner().map(|(name, _)| name.to_owned()).unwrap_or_default();
            let text = format!("{by} has had it for {timeout} and it is still bad: the policy begins again");
            self.nobodys_again(id, "", text, now);
            self.begin_again(id, now);
        }
    }

    /// Somebody wants the next step now. False: no policy has one.
    pub(crate) fn hand_on(&mut self, id: IncidentId, by: &str, comment: &str, now: Timestamp) -> bool {
        let runs = |incident: &Incident| incident.phase == Phase::Open && self.may_run(incident);
        if !self.live.get(&id).is_some_and(runs) {
            // It would wait, and whoever asks wants somebody now.
            return false;
        }
        let escalation = self.live.get_mut(&id).and_then(|incident| incident.detail.escalation.as_mut());
        let Some(escalation) = escalation.filter(|escalation| escalation.next_at.is_some()) else {
            return false;
        };
        escalation.next_at = Some(now.0);
        let separator = if comment.is_empty() { "" } else { ": " };
        let text = format!("the next step of `{}` runs now{separator}{comment}", escalation.policy);
        self.write(id, Entry { at: now, kind: "escalated", who: by.into(), text });
        let before = self.counters.pages;
        self.run_escalation(id, now);
        // Whoever asks for somebody does not want to wait until they wake by themselves, nor hear that nobody was there.
        let at = self.live.get(&id).and_then(|incident| incident.detail.escalation.as_ref());
        self.counters.pages > before && at.is_none_or(|at| !at.held)
    }

    /// Nothing keeps a step from telling anybody.
    pub(crate) fn may_run(&self, incident: &Incident) -> bool {
        let Some((_, trouble)) = incident.tellable() else { return false };
        incident.detail.snoozed_until.is_none() && self.is_for_paging(incident, incident.said(trouble.state))
    }

    /// Run what is due of one incident, unless something holds it back: then it runs when that lifts.
    fn run_escalation(&mut self, id: IncidentId, now: Timestamp) {
        let Some(incident) = self.live.get(&id) else { return };
        // What somebody has got as a warning, and is bad enough to page only now, is told all the same: the first step.
        if !self.may_run(incident) {
            return;
        }
        let Some(at) = incident.detail.escalation.clone() else { return };
        let Some(policy) = self.roster.policies.get(at.policy.as_str()).map(|known| known.config.clone())
        else {
            let why = format!("there is no policy `{}` any more", at.policy);
            let Some(policy) = self.policy_to_run(id) else { return self.catch_all(id, &why, now) };
            self.note_step(id, format!("{why}: it goes by `{}` now", policy.name), now);
            return self.begin_escalation(id, &policy, now);
        };
        let mut at = at;
        let on_time = |next: &i64| !at.held && (0..=USUAL_LATENESS).contains(&(now.0 - next));
        let base = at.next_at.filter(on_time).unwrap_or(now.0);
        loop {
            let Some(step) = policy.step.get(at.step) else {
                let again = at.round < policy.repeat && at.reached;
                if !again {
                    self.keep(id, at);
                    return self.catch_all(id, &format!("policy `{}` has come to its end", policy.name), now);
                }
                (at.round, at.step, at.reached, at.began) = (at.round + 1, 0, false, Some(now.0));
                continue;
            };
            let outcome = self.run_step(id, &policy.name, &mut at, step, now);
            if let Outcome::Held(until) = outcome {
                (at.held, at.next_at) = (true, Some(until.0));
                return self.keep(id, at);
            }
            at.step += 1;
            at.held = false;
            if let Outcome::Reached = outcome {
                at.reached = true;
                at.next_at = Some(base + seconds(step.wait));
                return self.keep(id, at);
            }
        }
    }

    /// What the step sent to this contact was not delivered. If so it is with all whom it called, it has reached nobody.
    pub(crate) fn lost_to_step(&mut self, id: IncidentId, page: &Page, now: Timestamp) {
        let contact = &*page.contact;
        let Some(incident) = self.live.get_mut(&id).filter(|incident| incident.phase == Phase::Open) else {
            return;
        };
        let Some(at) = incident.detail.escalation.as_mut() else { return };
        if at.called.get(contact) != Some(&false) {
            return;
        }
        at.called.remove(contact);
        self.unsaved.incident(id);
        if !at.called.is_empty() || at.held || at.next_at.is_none_or(|next| next <= now.0) {
            return;
        }
        at.next_at = Some(now.0);
        // Why stands with the page: it may name an address, and everybody reads the timeline.
        let text = format!(
            "step {} of `{}`: what it sent was not delivered, so it reaches nobody: the next step runs at once (the last was for {contact} by {}, \
             and its page says why)",
            at.step, at.policy, page.channel
        );
        self.note_step(id, text, now);
    }

    fn keep(&mut self, id: IncidentId, at: Escalation) {
        let incident = self.live.get_mut(&id);
        if let Some(incident) = incident.filter(|it| it.detail.escalation.as_ref() != Some(&at)) {
            incident.detail.escalation = Some(at);
            self.unsaved.incident(id);
        }
    }

    /// Does this subject tell its contacts by itself, as Nagios's rules say?
    pub(crate) fn tells_itself(subject: Option<&Subject>) -> bool {
        subject.is_some_and(|subject| !subject.kind.is_told_by_incident() && !subject.contacts.is_empty())
    }
}
