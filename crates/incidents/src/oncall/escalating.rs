//! How an incident goes through its policy, step by step. Who is on call is asked when a step runs; an acknowledgement
//! stops it; when a step reaches nobody the next one runs at once, and the timeline says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

use super::policy::{Burst, PolicyConfig, StepConfig, Target, seconds};
use super::reaching::USUAL_LATENESS;
use crate::book::{Contact, Subject};
use crate::core::{Estate, Incidents};
use crate::incident::{Entry, Incident, IncidentId, Phase, Told};
use crate::night::Quiet;
use crate::page::{Message, PageKind};
use crate::rooms::Recipient;

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

/// What came of a step.
enum Outcome {
    Reached,
    /// It waits until then.
    Held(Timestamp),
    /// Not meant for now.
    LeftOut,
    Nobody,
}

/// Of those whom a step names.
#[derive(Default)]
pub(crate) struct Found<'t> {
    pub now: Vec<Recipient>,
    pub asleep: Vec<(Arc<str>, Quiet)>,
    /// Targets that have neither.
    pub empty: Vec<&'t Target>,
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

    /// The policy that it goes by runs from its first step on, as soon as it is looked at what is due.
    pub(crate) fn rewind(&mut self, id: IncidentId, now: Timestamp) {
        let incident = self.live.get_mut(&id);
        let Some(at) = incident.and_then(|incident| incident.detail.escalation.as_mut()) else { return };
        (at.step, at.round, at.reached) = (0, 0, false);
        (at.began, at.next_at) = (Some(now.0), Some(now.0));
        self.unsaved.incident(id);
    }

    /// Of what was told before anything with a policy was bad enough, the policy begins with that.
    pub(crate) fn begin_of_members(&mut self, id: IncidentId, now: Timestamp) {
        let Some(incident) = self.live.get(&id) else { return };
        let detail = &incident.detail;
        if detail.escalation.is_some() || detail.snoozed_until.is_some() || incident.phase != Phase::Open {
            return;
        }
        let (mut last, mut policy) = (None, None);
        for (key, trouble) in incident.bad() {
            let name = (key.host, &*key.monitor);
            let for_paging = self.is_for_paging(incident, incident.said(trouble.state));
            if trouble.withheld.is_some() || !for_paging || last == Some(name) {
                continue;
            }
            last = Some(name);
            policy = self.policy_for(incident, key);
            if policy.is_some() {
                break;
            }
        }
        if let Some(policy) = policy {
            self.begin_escalation(id, &policy, now);
        }
    }

    /// What is nobody's any more begins again.
    pub(crate) fn begin_again(&mut self, id: IncidentId, now: Timestamp) {
        if let Some(policy) = self.policy_that_ran(id) {
            self.begin_escalation(id, &policy, now);
        }
    }

    /// None: there is none of this name any more either.
    pub(crate) fn policy_that_ran(&self, id: IncidentId) -> Option<Arc<PolicyConfig>> {
        let at = self.live.get(&id)?.detail.escalation.as_ref()?;
        self.roster.policies.get(at.policy.as_str()).map(|known| known.config.clone())
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
            let timeout =
                self.roster.policies.get(escalation.policy.as_str()).and_then(|it| it.config.ack_timeout);
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
            let Some(incident) = self.live.get_mut(&id) else { continue };
            incident.phase = Phase::Open;
            let by = incident.owner().map(|(name, _)| name.to_owned()).unwrap_or_default();
            incident.detail.acknowledged = None;
            (incident.detail.ran_out_at, incident.detail.anew_at) = (Some(now.0), Some(now.0));
            incident.detail.owner = None;
            let text = format!("{by} has had it for {timeout} and it is still bad: the policy begins again");
            self.write(id, Entry { at: now, kind: "unacknowledged", who: String::new(), text });
            self.touch(id);
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
            return self.catch_all(id, &why, now);
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
    pub(crate) fn lost_to_step(&mut self, id: IncidentId, contact: &str, now: Timestamp) {
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
        let text = format!(
            "step {} of `{}`: what it sent was not delivered, so it reaches nobody: the next step runs at once",
            at.step, at.policy
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

    fn run_step(
        &mut self,
        id: IncidentId,
        policy: &str,
        at: &mut Escalation,
        step: &StepConfig,
        now: Timestamp,
    ) -> Outcome {
        let word = format!("step {} of `{policy}`", at.step + 1);
        if let Some(why) = self.left_out(step, now) {
            self.note_step(id, format!("{word} is left out: {why}"), now);
            return Outcome::LeftOut;
        }
        let targets = step.targets();
        let rooms = targets.iter().filter_map(|target| match target {
            Target::Channel(name) => Some((Arc::from(format!("channel:{name}")), vec![name.clone()])),
            _ => None,
        });
        // Those of a step that was held have heard of it then.
        let heard = |name: &str| {
            let told = self.live.get(&id).and_then(|incident| incident.detail.told.get(name));
            at.held && told.is_some_and(Told::waits)
        };
        let rooms: Vec<Recipient> = rooms.filter(|(name, _): &Recipient| !heard(name)).collect();
        let Found { now: people, asleep, empty } = self.people_of(id, &targets, now);
        if let Some((_, quiet)) = asleep.iter().min_by_key(|(_, quiet)| quiet.until)
            && !self.book.reaches_one_of(&people)
        {
            if !at.held {
                self.counters.held_at_night += 1;
                let names: Vec<&str> = asleep.iter().map(|(name, _)| &**name).collect();
                let Quiet { clock, why, .. } = quiet;
                let text = format!("{word} for {} held until {clock}: quiet hours, {why}", names.join(", "));
                self.note_step(id, text, now);
                self.tell_rooms_meanwhile(id, &word, &rooms, now);
            }
            return Outcome::Held(quiet.until);
        }
        for target in &empty {
            self.note_step(id, format!("{word}: nobody is reached by {target}"), now);
        }
        self.note_who_is_in_rooms(id, &word, &people, now);
        let chosen = match step.round_robin {
            true => self.one_of(id, at, people).into_iter().collect(),
            false => people,
        };
        let only_rooms = targets.iter().all(Target::is_channel);
        let reached = self.book.reaches_one_of(&chosen) || only_rooms;
        let names: Vec<&str> = chosen.iter().chain(&rooms).map(|(name, _)| &**name).collect();
        let text = match (names.is_empty(), reached) {
            (true, _) => format!("{word} reaches nobody: the next step runs at once"),
            (false, true) => format!("{word}: {}", names.join(", ")),
            (false, false) => {
                format!("{word}: {}, and no person is reached: the next step runs at once", names.join(", "))
            }
        };
        self.note_step(id, text, now);
        let asleep = if step.round_robin { Vec::new() } else { asleep };
        self.tell_later(id, asleep.into_iter().map(|(name, _)| name), now);
        for (contact, channels) in chosen.iter().chain(&rooms) {
            self.tell_of_step(id, contact, channels, now);
        }
        if !reached {
            return Outcome::Nobody;
        }
        let in_person = chosen.iter().chain(&rooms).filter(|(_, channels)| self.book.reaches(channels));
        at.called = in_person.map(|(name, _)| (name.to_string(), false)).collect();
        Outcome::Reached
    }

    /// Nobody sleeps in a room: those that a held step names do not wait for the morning. Channels that call people do.
    fn tell_rooms_meanwhile(&mut self, id: IncidentId, step: &str, named: &[Recipient], now: Timestamp) {
        let rooms = named.iter().filter(|(_, channels)| !self.book.reaches(channels));
        for (name, channels) in &rooms.cloned().collect::<Vec<Recipient>>() {
            self.note_step(id, format!("{step}: {name} does not wait"), now);
            self.tell_of_step(id, name, channels, now);
        }
    }

    pub(crate) fn note_step(&mut self, id: IncidentId, text: String, now: Timestamp) {
        self.write(id, Entry { at: now, kind: "escalated", who: String::new(), text });
    }

    fn left_out(&self, step: &StepConfig, now: Timestamp) -> Option<String> {
        let outside = |name: &&str| self.book.is_in_period(name, now) == Some(false);
        if let Some(period) = step.if_time.as_deref().filter(outside) {
            return Some(format!("it is not `{period}`"));
        }
        let burst = step.only_if.as_deref().and_then(|text| Burst::read(text).ok())?;
        let count = self.openings.since(now.minus(burst.seconds));
        (count <= burst.more_than)
            .then(|| format!("{count} incidents in this time are not more than {}", burst.more_than))
    }

    /// Those who can be told now, and those who sleep, once each.
    fn people_of<'t>(&self, id: IncidentId, targets: &'t [Target], now: Timestamp) -> Found<'t> {
        let mut all = Found::default();
        for target in targets.iter().filter(|target| !target.is_channel()) {
            let found = self.reach_all(id, self.named_by(target, now), now);
            if found.now.is_empty() && found.asleep.is_empty() {
                all.empty.push(target);
            }
            all.now.extend(found.now);
            all.asleep.extend(found.asleep);
        }
        let mut seen = BTreeSet::new();
        all.now.retain(|(name, _)| seen.insert(name.clone()));
        all.asleep.retain(|(name, _)| seen.insert(name.clone()));
        all
    }

    /// Whom the steps of this policy name, as far as it is the time of the step.
    pub(crate) fn named_now(&self, policy: &PolicyConfig, now: Timestamp) -> Vec<Arc<str>> {
        let is_now = |step: &&StepConfig| {
            let period = step.if_time.as_deref();
            period.is_none_or(|name| self.book.is_in_period(name, now) != Some(false))
        };
        let targets = policy.step.iter().filter(is_now).flat_map(StepConfig::targets);
        targets.flat_map(|target| self.named_by(&target, now)).collect()
    }

    fn named_by(&self, target: &Target, now: Timestamp) -> Vec<Arc<str>> {
        match target {
            Target::Schedule(name) => self.roster.duty(name, now).person.into_iter().collect(),
            Target::Person(name) => vec![name.clone()],
            Target::Team(name) => self.book.teams.get(name).cloned().unwrap_or_default(),
            Target::Channel(_) => Vec::new(),
        }
    }

    /// Those who have channels and want to hear of it, if it is their time.
    pub(crate) fn reach_all(&self, id: IncidentId, names: Vec<Arc<str>>, now: Timestamp) -> Found<'static> {
        let mut found = Found::default();
        let Some(incident) = self.live.get(&id) else { return found };
        let Some((key, trouble)) = incident.tellable() else { return found };
        for name in names {
            let wants = |contact: &&Contact| contact.wants(incident.said(trouble.state));
            let Some(contact) = self.book.contacts.get(&name).filter(wants) else { continue };
            if contact.channels.is_empty() || !self.book.is_time(&name, key.host, now) {
                continue;
            }
            match self.quiet(incident, &name, now) {
                Some(quiet) => found.asleep.push((name, quiet)),
                None => found.now.push((name, contact.channels.clone())),
            }
        }
        found
    }

    /// The next in turn: one further for each incident, and for each round of one.
    fn one_of(&mut self, id: IncidentId, at: &mut Escalation, people: Vec<Recipient>) -> Option<Recipient> {
        let count = people.len() as u64;
        if count == 0 {
            return None;
        }
        let place = match at.places.get(&at.step) {
            Some(place) => *place,
            None => {
                let place = self.turns.next(&at.policy, at.step);
                at.places.insert(at.step, place);
                self.unsaved.incident(id);
                place
            }
        };
        let index = (place + u64::from(at.round)) % count;
        people.into_iter().nth(usize::try_from(index).unwrap_or(0))
    }

    pub(crate) fn tell_of_step(
        &mut self,
        id: IncidentId,
        contact: &Arc<str>,
        channels: &[Arc<str>],
        now: Timestamp,
    ) {
        let Some((kind, message)) = self.word_of_step(id, contact) else { return };
        self.tell_by_rule(id, kind, contact, channels, &message, now);
    }

    pub(super) fn word_of_step(&self, id: IncidentId, contact: &str) -> Option<(PageKind, Message)> {
        let incident = self.live.get(&id)?;
        let (key, trouble) = incident.tellable()?;
        let message = self.message(incident, key, trouble, self.book.about(key));
        let knows = incident.detail.told.get(contact).is_some_and(Told::waits);
        Some((if knows { PageKind::Still } else { PageKind::Problem }, message))
    }

    /// Does this subject tell its contacts by itself, as Nagios's rules say?
    pub(crate) fn tells_itself(subject: Option<&Subject>) -> bool {
        subject.is_some_and(|subject| !subject.kind.is_told_by_incident() && !subject.contacts.is_empty())
    }
}
