//! What time brings about: what held back the word lifts, a snooze ends, a definition is gone.

use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::{State, Withheld};

use crate::core::{Estate, Incidents};
use crate::incident::{Acknowledged, Entry, Incident, IncidentId, Key, Phase, Told, Trouble};
use crate::limits::GONE_SECONDS;
use crate::page::PageKind;
use crate::rooms::Recipient;

impl Incidents {
    /// What is not defined any more is over as far as anybody is told, and is remembered for a while.
    pub(crate) fn let_gone_go(&mut self, now: Timestamp) {
        if !std::mem::take(&mut self.book_changed) {
            return;
        }
        self.mark_gone(now);
        let mut gone = Vec::new();
        for (id, incident) in self.live.iter().filter(|(_, incident)| !incident.is_closed()) {
            let bad = incident.bad().filter(|(key, _)| !self.is_defined(key));
            gone.extend(bad.map(|(key, trouble)| (*id, key.clone(), trouble.clone())));
        }
        for (id, key, trouble) in gone {
            let Some(incident) = self.live.get_mut(&id) else { continue };
            let fine = if key.host { State::Up } else { State::Ok };
            let text = "it is not watched any more".to_owned();
            if let Some(trouble) = incident.troubles.get_mut(&key) {
                (trouble.state, trouble.until, trouble.withheld) = (fine, Some(now.0), None);
                trouble.text.clone_from(&text);
            }
            incident.detail.unwatched = true;
            self.unsaved.trouble(id, key.clone());
            let text = format!("{key}: {text}");
            self.write(id, Entry { at: now, kind: "better", who: String::new(), text });
            self.touch(id);
            self.hold(key, Trouble { gone: Some(now.0), ..trouble });
        }
        self.look_at_production(now);
        self.look_at_late(now);
        self.look_at_who_knows(now);
    }

    /// What nobody has in hand, and only people know of who are no contacts any more: whoever is to be told now is.
    fn look_at_who_knows(&mut self, now: Timestamp) {
        if self.book.unread.people {
            return;
        }
        let is_open = |incident: &&Incident| {
            let detail = &incident.detail;
            let runs = detail.escalation.as_ref().is_some_and(|at| at.next_at.is_some());
            incident.phase == Phase::Open
                && detail.paged_at.is_some()
                && detail.snoozed_until.is_none()
                && !runs
        };
        let forgotten = self.live.values().filter(is_open).filter(|incident| self.is_forgotten(incident));
        for id in forgotten.map(|incident| incident.id).collect::<Vec<_>>() {
            let text = "whoever knows of it is no contact any more: it is told again".to_owned();
            self.write(id, Entry { at: now, kind: "page", who: String::new(), text });
            self.is_anew(id, now);
            self.tell_once_more(id, now);
        }
    }

    /// Somebody heard of it, and nobody of them is there. Whoever is to be told later has somebody told in their place by then.
    fn is_forgotten(&self, incident: &Incident) -> bool {
        let is_there = |name: &str| self.book.contacts.contains_key(name) || name.starts_with("channel:");
        let is_later = |told: &Told| told.late || !told.owed.is_empty();
        let knows = |told: &Told| self.has_heard(told) && told.is_since(incident.detail.anew_at);
        let mut gone = self
            .told_of(incident)
            .filter(|(_, told)| knows(told))
            .map(|(name, _)| !is_there(name))
            .peekable();
        let is_known = gone.peek().is_some();
        is_known && gone.all(|gone| gone) && !self.told_of(incident).any(|(_, told)| is_later(told))
    }

    /// Whose time begins no more by other definitions is waited for in vain, unless others have heard: then there is time for it to
    /// begin by yet other ones.
    fn look_at_late(&mut self, now: Timestamp) {
        let mut never = Vec::new();
        for incident in self.live.values().filter(|incident| !incident.is_closed()) {
            let Some((key, _)) = incident.tellable() else { continue };
            if self.told_of(incident).any(|(_, told)| !told.late && self.has_heard(told)) {
                continue;
            }
            let late = incident.detail.told.iter().filter(|(_, told)| told.late);
            let late = late.filter(|(name, _)| self.book.is_never(name, key.host, now));
            never.extend(late.map(|(name, _)| (incident.id, name.clone())));
        }
        for (id, name) in never {
            self.in_place_of_late(id, &name, now);
            if let Some(told) = self.live.get_mut(&id).and_then(|it| it.detail.told.get_mut(&name)) {
                (told.late, told.held) = (false, None);
            }
            self.touch(id);
        }
    }

    /// What pages nobody may be production by other definitions, and what was told may be none any more. And what was not bad enough
    /// to page may be now.
    fn look_at_production(&mut self, now: Timestamp) {
        let open = self.live.values().filter(|incident| !incident.is_closed());
        let open: Vec<IncidentId> = open.map(|incident| incident.id).collect();
        for id in open {
            let Some(incident) = self.live.get(&id) else { continue };
            let is_production = |key: &Key| self.environment(key).1;
            let found = incident.bad().find(|(key, _)| is_production(key));
            match (incident.detail.production, found.map(|(key, _)| key.clone())) {
                (false, Some(key)) => self.is_production_now(id, &key, now),
                (true, None) => self.is_production_still(id, now),
                _ => {}
            }
            if self.live.get(&id).is_some_and(|it| it.phase == Phase::Open && it.detail.paged_at.is_none()) {
                self.touched.insert(id);
            }
        }
    }

    fn is_production_now(&mut self, id: IncidentId, key: &Key, now: Timestamp) {
        let environment = self.environment(key).0.map(str::to_owned);
        let Some(incident) = self.live.get_mut(&id) else { return };
        (incident.detail.production, incident.detail.environment) = (true, environment);
        let bad: Vec<Key> = incident.bad().map(|(key, _)| key.clone()).collect();
        let text = format!("{key} is production by other definitions: people are told from now on");
        self.write(id, Entry { at: now, kind: "page", who: String::new(), text });
        // What its own rules had to say was told to nobody, and they may have nothing more to say.
        let bad: Vec<Key> = bad.into_iter().filter(|key| self.environment(key).1).collect();
        self.owe_notices(id, &bad);
        self.touch(id);
    }

    /// Whoever was told goes on being told.
    fn is_production_still(&mut self, id: IncidentId, now: Timestamp) {
        let Some(incident) = self.live.get(&id) else { return };
        let Some((key, _)) = incident.bad().next() else { return };
        let Some(environment) = self.environment(key).0.map(str::to_owned) else { return };
        if incident.detail.environment.as_ref() == Some(&environment) {
            return;
        }
        let text = format!(
            "`{environment}` is not production by other definitions: this incident stays what it was"
        );
        if let Some(incident) = self.live.get_mut(&id) {
            incident.detail.environment = Some(environment);
        }
        self.write(id, Entry { at: now, kind: "page", who: String::new(), text });
    }

    fn is_defined(&self, key: &Key) -> bool {
        let is_left_out = !key.host && self.book.left_out.contains(&key.monitor);
        is_left_out
            || crate::core::is_ours(&key.monitor)
            || self.book.subject(key.host, &key.monitor).is_some()
    }

    /// Of what is held back: what is defined again is as bad as it was, what is not for long is forgotten.
    fn mark_gone(&mut self, now: Timestamp) {
        let held = self.held.iter().map(|(key, trouble)| (key.clone(), trouble.gone));
        for (key, gone) in held.collect::<Vec<_>>() {
            match (gone, self.is_defined(&key)) {
                (None, true) => continue,
                (Some(since), false) if now.0 - since > GONE_SECONDS => {
                    self.held.remove(&key);
                    self.unsaved.let_go(key);
                    continue;
                }
                _ => {}
            }
            let defined = self.is_defined(&key);
            let Some(trouble) = self.held.get_mut(&key) else { continue };
            match defined {
                // Whether something holds it back now is asked next.
                true => (trouble.gone, trouble.withheld) = (None, Some(Withheld::Delayed)),
                false => trouble.gone = gone.or(Some(now.0)),
            }
            self.unsaved.held(key);
        }
    }

    pub(crate) fn lift_held(&mut self, estate: &dyn Estate, now: Timestamp) {
        let mut lifted = Vec::new();
        for (key, trouble) in &mut self.held {
            if trouble.dismissed || trouble.gone.is_some() {
                continue;
            }
            let withheld = estate.withheld(key);
            if withheld != trouble.withheld {
                trouble.withheld = withheld;
                self.unsaved.held(key.clone());
                if withheld.is_none() {
                    lifted.push((key.clone(), trouble.clone()));
                }
            }
        }
        for (key, trouble) in lifted {
            self.enter(key, trouble, now);
        }
    }

    /// Its host is up again, and it is still bad: a member of the host's incident as any other, that nobody has heard of.
    pub(crate) fn comes_free(&mut self, id: IncidentId, key: &Key) {
        let reason = self.reason(key);
        let Some(incident) = self.live.get_mut(&id) else { return };
        let is_own = incident.reasons().any(|known| *known == reason);
        let Some(trouble) = incident.troubles.get_mut(key).filter(|_| !is_own) else { return };
        trouble.why.get_or_insert_with(|| "its host is up again, and it is still bad".to_owned());
        self.joined.entry(id).or_default().push(key.clone());
        self.freed.entry(id).or_default().push(key.clone());
        self.unsaved.trouble(id, key.clone());
        self.touch(id);
    }

    /// In an incident, but not told of.
    pub(crate) fn lift_muted(&mut self, estate: &dyn Estate) {
        let mut freed = Vec::new();
        for (id, incident) in self.live.iter_mut().filter(|(_, incident)| !incident.is_closed()) {
            let ran_out = incident.detail.ran_out_at;
            for (key, trouble) in &mut incident.troubles {
                if trouble.withheld.is_none() || trouble.is_over() {
                    continue;
                }
                let withheld = held_back(key, ran_out, estate);
                if withheld != trouble.withheld {
                    if withheld.is_none() && trouble.withheld == Some(Withheld::HostDown) {
                        freed.push((*id, key.clone()));
                    }
                    trouble.withheld = withheld;
                    self.unsaved.trouble(*id, key.clone());
                    self.touched.insert(*id);
                }
            }
        }
        for (id, key) in freed {
            self.comes_free(id, &key);
        }
    }

    /// What was told of and is held back now (a silence, a downtime that has begun) reaches nobody further.
    pub(crate) fn mute(&mut self, id: IncidentId, estate: &dyn Estate) {
        let Some(incident) = self.live.get_mut(&id) else { return };
        let ran_out = incident.detail.ran_out_at;
        for (key, trouble) in &mut incident.troubles {
            if trouble.withheld.is_some() || trouble.is_over() {
                continue;
            }
            trouble.withheld = held_back(key, ran_out, estate);
            if trouble.withheld.is_some() {
                self.unsaved.trouble(id, key.clone());
            }
        }
    }

    /// An incident whose checks are all acknowledged is, for as long as they are.
    pub(crate) fn see_acknowledged(&mut self, estate: &dyn Estate, now: Timestamp) {
        let mut changed = Vec::new();
        for (id, incident) in self.live.iter().filter(|(_, incident)| !incident.is_closed()) {
            let by_parts = incident.detail.acknowledged.as_ref().is_some_and(|by| by.of_parts);
            if incident.phase == Phase::Acknowledged && !by_parts {
                continue;
            }
            // What its host or another reason holds back needs nobody's word.
            let open = |trouble: &Trouble| matches!(trouble.withheld, None | Some(Withheld::Acknowledged));
            let bad = incident.bad().filter(|(_, trouble)| open(trouble));
            let ran_out = incident.detail.ran_out_at.unwrap_or(i64::MIN);
            let by = bad.map(|(key, _)| estate.acknowledged(key).filter(|by| by.at > ran_out));
            let by: Option<Vec<Acknowledged>> = by.collect();
            let newest = by.and_then(|by| by.into_iter().max_by_key(|by| by.at));
            if newest.is_some() != by_parts {
                changed.push((*id, newest));
            }
        }
        for (id, by) in changed {
            let is_told_anew = by.is_none() && self.has_gone_by_policy(id);
            let Some(incident) = self.live.get_mut(&id) else { continue };
            incident.phase = if by.is_some() { Phase::Acknowledged } else { Phase::Open };
            incident.detail.acknowledged.clone_from(&by);
            if by.is_none() {
                incident.detail.parts_opened_at = Some(now.0);
            }
            if is_told_anew {
                self.is_anew(id, now);
            }
            let entry = match by {
                Some(by) => Entry { at: now, kind: "acknowledged", who: by.by, text: by.comment },
                None => {
                    let text = "what was acknowledged has changed: it is nobody's any more".to_owned();
                    Entry { at: now, kind: "unacknowledged", who: String::new(), text }
                }
            };
            let is_nobodys = entry.kind == "unacknowledged";
            let (who, text) = (entry.who.clone(), entry.text.clone());
            self.write(id, entry);
            self.touch(id);
            match is_nobodys {
                true => self.begin_again(id, now),
                false => self.tell_followers(id, &who, &text, now),
            }
        }
    }

    pub(crate) fn wake_snoozed(&mut self, estate: &dyn Estate, now: Timestamp) {
        // In a silence that waits until it lifts.
        let is_told = |key: &Key| estate.withheld_unless_acknowledged(key).is_none();
        let due = |incident: &&mut Incident| {
            let is_over = incident.detail.snoozed_until.is_some_and(|until| until <= now.0);
            is_over && incident.bad().any(|(key, _)| is_told(key))
        };
        let mut woken = Vec::new();
        for incident in self.live.values_mut().filter(due) {
            incident.detail.snoozed_until = None;
            if !incident.is_closed() {
                woken.push((incident.id, incident.phase));
            }
        }
        for (id, phase) in woken {
            let text = "the snooze is over and it is still bad".to_owned();
            self.write(id, Entry { at: now, kind: "snoozed", who: String::new(), text });
            self.touch(id);
            self.mute(id, estate);
            if phase == Phase::Acknowledged {
                self.wake_owner(id, now);
                continue;
            }
            // Whoever should know is told again.
            let Some(incident) = self.live.get_mut(&id) else { continue };
            incident.detail.paged_at = None;
            let mut told = incident.detail.told.values();
            let by_notices = told.any(|told| told.waits() && !told.by_notices_of.is_empty());
            self.is_anew(id, now);
            match by_notices {
                // A check's own rules may have nothing more to say.
                true => self.tell_once_more(id, now),
                false => self.rewind(id, now),
            }
        }
    }

    /// Whoever has it wanted to hear of it now, whatever their hours are; who is no contact cannot, and those do who know of it.
    fn wake_owner(&mut self, id: IncidentId, now: Timestamp) {
        let Some(incident) = self.live.get(&id) else { return };
        let reached = |name: &str| (Arc::from(name), self.channels_of(name));
        let owner = incident.owner().map(|(name, _)| reached(name)).filter(|(_, by)| self.book.reaches(by));
        let know = incident.detail.told.iter().filter(|(_, told)| told.waits());
        let whom: Vec<Recipient> = match owner {
            Some(owner) => vec![owner],
            None => know.map(|(name, _)| reached(name)).filter(|(_, by)| !by.is_empty()).collect(),
        };
        self.call(id, PageKind::Still, &whom, "", "", now);
    }
}

/// What holds it back in an incident whose acknowledgement ran out then: what was acknowledged before that is nobody's.
fn held_back(key: &Key, ran_out: Option<i64>, estate: &dyn Estate) -> Option<Withheld> {
    let why = estate.withheld(key)?;
    let is_old = |out: i64| estate.acknowledged(key).is_none_or(|by| by.at <= out);
    match why {
        Withheld::Acknowledged if ran_out.is_some_and(is_old) => estate.withheld_unless_acknowledged(key),
        why => Some(why),
    }
}
