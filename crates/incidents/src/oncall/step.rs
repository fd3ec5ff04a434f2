//! One step of a policy: whom it names now, who of them is reached, and who is told.

use std::collections::BTreeSet;
use std::sync::Arc;

use vocabulary::Timestamp;

use super::escalating::Escalation;
use super::policy::{Burst, PolicyConfig, StepConfig, Target};
use crate::book::Contact;
use crate::core::Incidents;
use crate::incident::{Entry, IncidentId, Told};
use crate::night::Quiet;
use crate::page::{Message, PageKind};
use crate::rooms::Recipient;

/// What came of a step.
pub(super) enum Outcome {
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
    pub(super) fn run_step(
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
}
