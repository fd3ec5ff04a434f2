//! Two incidents become one, or one becomes two. Whoever was told of a problem is told of its end all the same.

use std::collections::BTreeSet;
use std::sync::Arc;

use vocabulary::Timestamp;

use crate::core::Incidents;
use crate::incident::{Entry, Incident, IncidentId, Key, Owner, Phase, Told, Trouble};
use crate::limits::MAX_NOTE;
use crate::oncall::Escalation;
use crate::page::PageKind;
use crate::people::{Refusal, check_text};

impl Incidents {
    /// The members of one go into another. Who was told of the one hears of its end when the other is over.
    pub(crate) fn merge(
        &mut self,
        from: IncidentId,
        into: IncidentId,
        by: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if from == into {
            return Err(Refusal::Bad("`into` is the incident itself".into()));
        }
        if self.live.get(&into).is_none_or(Incident::is_closed) {
            return Err(Refusal::Bad(format!("`into`: there is no open incident {into}")));
        }
        let Some(incident) = self.live.get_mut(&from) else { return Err(Refusal::Unknown) };
        let troubles = std::mem::take(&mut incident.troubles);
        let title = incident.title.clone();
        let paged_at = incident.detail.paged_at;
        let waits = |told: &Told| told.late || !told.owed.is_empty() || told.rule.is_some();
        let to_hear = incident.detail.told.iter().filter(|(_, told)| waits(told));
        let to_hear: Vec<(String, Told)> = to_hear.map(|(name, told)| (name.clone(), told.clone())).collect();
        let mut escalation = incident.detail.escalation.clone();
        if let Some(at) = escalation.as_mut().filter(|_| incident.phase != Phase::Open) {
            // Somebody has that part: nobody more is called for it.
            at.next_at = None;
        }
        let before = incident.clone();
        let mut reasons: Vec<String> = incident.reasons().cloned().collect();
        for (key, trouble) in troubles {
            self.move_into(from, into, key, trouble, &format!("merged by {by}"));
        }
        // One that has come to stand for another incident since is left to that.
        reasons.retain(|reason| {
            self.by_reason.get(reason).is_none_or(|other| *other == from || !self.knows(*other))
        });
        for reason in &reasons {
            self.by_reason.insert(reason.clone(), into);
        }
        self.close_merged(from, into, by, now);
        if let Some(incident) = self.live.get_mut(&into) {
            let detail = &mut incident.detail;
            detail.also.extend(reasons);
            // What was told of the one is not told again of the other, and its policy goes on.
            detail.paged_at = detail.paged_at.into_iter().chain(paged_at).max_by_key(|state| state.badness());
            detail.more_since = detail.more_since.or(before.detail.more_since);
            // Who heard of a part before that was told anew has not heard of it.
            detail.anew_at = detail.anew_at.max(before.detail.anew_at);
            detail.taken_back = detail.taken_back.take().or_else(|| before.detail.taken_back.clone());
            let runs = |at: &Option<Escalation>| at.as_ref().is_some_and(|at| at.next_at.is_some());
            if detail.escalation.is_none() || (!runs(&detail.escalation) && runs(&escalation)) {
                // A policy that has tried everything calls nobody any more: the one that runs goes on.
                detail.escalation = escalation;
            }
            // Who was to hear of it later hears of it here.
            for (name, part) in to_hear {
                let told = detail.told.entry(name).or_default();
                told.late |= part.late && !told.waits();
                told.owed.extend(part.owed);
                told.rule = told.rule.take().or(part.rule);
            }
        }
        let text = format!("#{from} ({title}) is a part of it now");
        self.write(into, Entry { at: now, kind: "merged", who: by.into(), text: text.clone() });
        self.take_production_from(&before, into);
        self.take_owner_from(&before, into, now);
        let whole = self.live.get(&into).filter(|whole| whole.phase == Phase::Acknowledged);
        let owner = whole.and_then(Incident::owner).map(|(name, _)| name.to_owned());
        if let Some(owner) = owner.filter(|_| before.phase == Phase::Open) {
            // Nobody had this part: whoever calls people for it hears that somebody has it now.
            self.tell_followers(into, &owner, "", now);
        }
        if self.live.get(&into).and_then(Incident::owner).is_some_and(|(owner, _)| owner != by) {
            self.tell_owner(into, &text, now);
        }
        self.touch(into);
        Ok(())
    }

    /// Of production and something else together: it is production that suffers.
    fn take_production_from(&mut self, part: &Incident, into: IncidentId) {
        let Some(incident) = self.live.get_mut(&into) else { return };
        if part.detail.production && !incident.detail.production {
            incident.detail.production = true;
            incident.detail.environment.clone_from(&part.detail.environment);
        }
    }

    /// What one of two people has in hand they have all of, unless somebody has the other: then that one does.
    fn take_owner_from(&mut self, part: &Incident, into: IncidentId, now: Timestamp) {
        let own_word =
            |incident: &Incident| incident.detail.acknowledged.as_ref().is_some_and(|said| !said.of_parts);
        let Some(incident) = self.live.get_mut(&into).filter(|incident| !own_word(incident)) else { return };
        if !own_word(part) {
            return;
        }
        incident.phase = Phase::Acknowledged;
        incident.detail.acknowledged.clone_from(&part.detail.acknowledged);
        incident.detail.owner.clone_from(&part.detail.owner);
        incident.detail.first_acknowledged.get_or_insert(now.0);
        let Some(owner) = part.owner().map(|(name, _)| name.to_owned()) else { return };
        let text = format!("{owner} has #{}, and so all of it", part.id);
        self.write(into, Entry { at: now, kind: "acknowledged", who: owner.clone(), text });
        self.tell_followers(into, &owner, "", now);
    }

    fn close_merged(&mut self, from: IncidentId, into: IncidentId, by: &str, now: Timestamp) {
        let Some(incident) = self.live.get_mut(&from) else { return };
        (incident.closed, incident.phase) = (Some(now), Phase::Resolved);
        let detail = &mut incident.detail;
        (detail.merged_into, detail.snoozed_until, detail.bad) = (Some(into), None, 0);
        self.merged.insert(from);
        detail.resolved_by = Some(by.to_owned());
        detail.ending = detail.told.values().any(Told::waits);
        self.counters.closed += 1;
        self.write(from, Entry { at: now, kind: "merged", who: by.into(), text: format!("into #{into}") });
        self.let_go_of(from);
    }

    /// Of one that is in both, what is bad counts.
    fn move_into(&mut self, from: IncidentId, into: IncidentId, key: Key, trouble: Trouble, why: &str) {
        self.unsaved.moved(from, key.clone());
        // What was over here may be bad elsewhere since.
        let is_there = !trouble.is_over() || self.place.get(&key) == Some(&from);
        let Some(incident) = self.live.get_mut(&into) else { return };
        let known_bad = incident.troubles.get(&key).is_some_and(|known| !known.is_over());
        if !known_bad {
            let why = trouble.why.clone().or_else(|| Some(why.to_owned()));
            incident.troubles.insert(key.clone(), Trouble { why, ..trouble });
            self.unsaved.trouble(into, key.clone());
        }
        if is_there {
            self.place.insert(key, into);
        }
    }

    /// Some members become an incident of their own. Who was told of them stays told, and hears of both ends.
    pub fn split(
        &mut self,
        from: IncidentId,
        by: &str,
        members: &[Key],
        comment: &str,
        now: Timestamp,
    ) -> Result<IncidentId, Refusal> {
        check_text("comment", comment, MAX_NOTE)?;
        let Some(incident) = self.live.get(&from) else { return Err(Refusal::Unknown) };
        self.check_split(incident, members)?;
        let Some(first) = members.first() else { return Err(Refusal::Bad("`members` names none".into())) };
        let own = self.reason(first);
        let is_alias = incident.detail.also.contains(&own);
        let free = is_alias || !self.by_reason.contains_key(&own);
        let before = incident.clone();
        let reason = if free { own.clone() } else { format!("split:{}", self.next_incident) };
        let title = before.troubles.get(first).map(|trouble| trouble.title_of_incident(first));
        let into = self.open(first, title.unwrap_or_default(), reason, now, now);
        for key in members {
            let moved = self.live.get_mut(&from).and_then(|incident| incident.troubles.remove(key));
            let Some(trouble) = moved else { continue };
            self.move_into(from, into, key.clone(), trouble, "");
            let is_first = self.reason(key) == own;
            if let Some(moved) = self.live.get_mut(&into).and_then(|incident| incident.troubles.get_mut(key))
            {
                moved.why = (!is_first).then(|| format!("split off by {by} together with {first}"));
            }
        }
        self.stay_told(&before, into, members);
        self.give_part(into, now);
        self.reasons_go_with(&before, into, members);
        self.parts_go_with(from, into);
        for (id, text) in
            [(from, format!("{} of it are #{into} now", members.len())), (into, format!("from #{from}"))]
        {
            let text = if comment.is_empty() { text } else { format!("{text}: {comment}") };
            self.write(id, Entry { at: now, kind: "split", who: by.into(), text });
            self.touch(id);
        }
        Ok(into)
    }

    /// What else goes bad for the reasons of these is theirs from now on.
    fn reasons_go_with(&mut self, before: &Incident, into: IncidentId, members: &[Key]) {
        let reasons: BTreeSet<String> = members.iter().map(|key| self.reason(key)).collect();
        for reason in reasons.into_iter().filter(|reason| before.detail.also.contains(reason)) {
            if let Some(incident) = self.live.get_mut(&before.id) {
                incident.detail.also.remove(&reason);
            }
            if let Some(incident) = self.live.get_mut(&into).filter(|incident| incident.reason != reason) {
                incident.detail.also.insert(reason.clone());
            }
            self.by_reason.insert(reason, into);
        }
    }

    /// What was merged into the whole, and of which nothing is left there, is a part of this one: its end is this one's.
    fn parts_go_with(&mut self, from: IncidentId, into: IncidentId) {
        let reasons_in = |id: IncidentId| -> BTreeSet<String> {
            let incident = self.live.get(&id);
            incident.into_iter().flat_map(Incident::bad).map(|(key, _)| self.reason(key)).collect()
        };
        let (left, gone) = (reasons_in(from), reasons_in(into));
        let of = |part: &&Incident, all: &BTreeSet<String>| part.reasons().any(|reason| all.contains(reason));
        let parts = self.parts_of(from).filter(|part| of(part, &gone) && !of(part, &left));
        for part in parts.map(|part| part.id).collect::<Vec<_>>() {
            if let Some(part) = self.live.get_mut(&part) {
                part.detail.merged_into = Some(into);
            }
            self.unsaved.incident(part);
        }
    }

    fn check_split(&self, incident: &Incident, members: &[Key]) -> Result<(), Refusal> {
        if incident.is_closed() {
            return Err(Refusal::No("the incident is resolved already"));
        }
        if let Some(key) = members.iter().find(|key| !incident.troubles.contains_key(key)) {
            return Err(Refusal::Bad(format!("`{key}` is not a member of incident {}", incident.id)));
        }
        let bad = |members: &[Key]| {
            members.iter().any(|key| incident.troubles.get(key).is_some_and(|it| !it.is_over()))
        };
        if !bad(members) {
            return Err(Refusal::Bad(
                "none of these members is bad now, so there is nothing to split off".into(),
            ));
        }
        match incident.bad().all(|(key, _)| members.contains(key)) {
            true => Err(Refusal::Bad("these are all that is bad in it: one has to stay".into())),
            false => Ok(()),
        }
    }

    /// Whoever was given the whole, and has not heard of that yet, was given this: should they not be reached, it is nobody's too.
    fn give_part(&mut self, id: IncidentId, now: Timestamp) {
        let owner = self.live.get(&id).and_then(|incident| incident.detail.owner.clone());
        let Some(Owner { name, given: Some(given), .. }) = owner else { return };
        let whom = [(Arc::from(name.as_str()), self.channels_of(&name))];
        self.call(id, PageKind::HandedOver, &whom, &given.by, "", now);
    }

    fn stay_told(&mut self, before: &Incident, into: IncidentId, members: &[Key]) {
        let marks: Vec<String> = members.iter().map(Key::mark).collect();
        let goes_by = |key: &Key, policy: &str| {
            let found = self.policy_for(before, key);
            found.is_some_and(|found| found.name == policy)
        };
        let escalation = before.detail.escalation.clone();
        let escalation = escalation.filter(|at| members.iter().any(|key| goes_by(key, &at.policy)));
        let (Some(old), told) = (self.live.get_mut(&before.id), &before.detail.told) else { return };
        let mut parts: Vec<(String, Told)> = Vec::new();
        for (contact, told) in told {
            let by_page = told.by_notices_of.is_empty();
            let mut part = told.clone();
            part.by_notices_of.retain(|mark| marks.contains(mark));
            part.owed.retain(|mark| marks.contains(mark));
            if let Some(rest) = old.detail.told.get_mut(contact) {
                rest.by_notices_of.retain(|mark| !marks.contains(mark));
                rest.owed.retain(|mark| !marks.contains(mark));
                if !by_page && rest.by_notices_of.is_empty() {
                    // All that this contact was told of is in the other one.
                    rest.of_end = true;
                }
            }
            if by_page || !part.by_notices_of.is_empty() || !part.owed.is_empty() {
                parts.push((contact.clone(), part));
            }
        }
        let Some(new) = self.live.get_mut(&into) else { return };
        new.detail.told.extend(parts);
        new.detail.paged_at = before.detail.paged_at;
        (new.detail.heard_until, new.detail.more_since) =
            (before.detail.heard_until, before.detail.more_since);
        new.detail.escalation = escalation;
        (new.detail.snoozed_until, new.detail.anew_at) = (before.detail.snoozed_until, before.detail.anew_at);
        new.detail.acknowledged = before.detail.acknowledged.clone();
        new.detail.owner = before.detail.owner.clone();
        new.detail.taken_back = before.detail.taken_back.clone();
        new.detail.first_acknowledged = before.detail.first_acknowledged;
        new.phase = before.phase;
        new.detail.breaches = members.len() as u64;
        let worst = new.troubles.values().map(|trouble| trouble.worst).max_by_key(|state| state.badness());
        new.detail.worst = worst.unwrap_or(new.detail.worst);
    }
}
