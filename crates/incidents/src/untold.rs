//! What nobody is told of, though there is somebody who could be: that is the worst that a pager can do, so health and the
//! heartbeat to the outside say it.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;

use crate::book::{Book, OWN_PREFIX};
use crate::core::{Estate, Incidents};
use crate::desk::Desk;
use crate::incident::{Entry, Incident, IncidentId, Key, Phase, Told};
use crate::limits::{LONGEST_UNHEARD_PAUSE_SECONDS, UNHEARD_PAUSE_SECONDS};
use crate::rooms::Recipient;

/// The number of no book: whatever is defined now, it is something else.
const NOBODY: u64 = 0;

/// An incident of which nobody has heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unheard {
    /// By what people are reached, in one number.
    pub people: u64,
    /// Who is to hear of what is in it, in another one.
    #[serde(default)]
    pub named: u64,
    /// What is in it.
    #[serde(default)]
    pub members: u64,
    /// Whose turn it is, and whose time.
    #[serde(default)]
    pub turns: u64,
    /// When it was told last.
    pub at: i64,
    /// How often it was told again.
    pub tries: u32,
}

impl Unheard {
    /// It was not told again just now.
    pub(crate) fn has_paused(&self, now: Timestamp) -> bool {
        let pause = UNHEARD_PAUSE_SECONDS << self.tries.min(10);
        now.0 - self.at >= pause.min(LONGEST_UNHEARD_PAUSE_SECONDS)
    }
}

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

    /// Not one of the words of trouble that went to this contact is known to have been lost, or one has arrived.
    pub(crate) fn has_heard(&self, told: &Told) -> bool {
        let channels: Vec<Arc<str>> = told.channels.iter().map(|name| Arc::from(name.as_str())).collect();
        // What is a room now was none then, or the other way round. Versions before kept no channels of notices, nor when.
        let is_old = channels.is_empty() && told.at.is_none();
        let in_person = told.in_person != Some(false) && (is_old || self.book.reaches(&channels));
        told.waits() && in_person && (told.reached || !told.lost)
    }

    /// Since when it is told anew, also to whom has heard of it.
    pub(crate) fn anew_at(&self, id: IncidentId) -> Option<i64> {
        self.live.get(&self.root_of(id)).and_then(|incident| incident.detail.anew_at)
    }

    /// From now on it is told anew: who has heard of it before need not look any more.
    pub(crate) fn is_anew(&mut self, id: IncidentId, now: Timestamp) {
        let parts: Vec<IncidentId> = self.parts_of(id).map(|part| part.id).collect();
        for part in parts.into_iter().chain([id]) {
            let Some(incident) = self.live.get_mut(&part) else { continue };
            // What was said in this very second was said before.
            for at in incident.detail.told.values_mut().filter_map(|told| told.at.as_mut()) {
                *at = (*at).min(now.0 - 1);
            }
            self.unsaved.incident(part);
        }
        if let Some(incident) = self.live.get_mut(&id) {
            incident.detail.anew_at = Some(now.0);
        }
    }

    pub(crate) fn is_untold(&self, incident: &Incident) -> bool {
        let detail = &incident.detail;
        let is_being_told = detail.escalation.as_ref().is_some_and(|at| at.next_at.is_some());
        // Who is told of our own parts and channels is told elsewhere in health.
        let is_of_telling = ["channel:", OWN_PREFIX].iter().any(|prefix| incident.reason.starts_with(prefix));
        let is_open = incident.phase == Phase::Open && !incident.is_closed();
        let is_told_soon = detail.taken_back.is_some();
        if !is_open
            || is_told_soon
            || detail.paged_at.is_none()
            || detail.snoozed_until.is_some()
            || is_of_telling
        {
            return false;
        }
        let knows = |told: &Told| self.has_heard(told) && told.is_since(detail.anew_at);
        let is_told = |told: &Told| told.late || !told.owed.is_empty() || knows(told);
        if is_being_told || self.told_of(incident).any(|(_, told)| is_told(told)) {
            return false;
        }
        let tellable = incident.tellable();
        tellable.is_some_and(|(_, trouble)| self.is_for_paging(incident, incident.said(trouble.state)))
    }

    /// Of what has reached nobody a note is made; once people are reached in another way it is told again.
    pub(crate) fn tell_unheard(&mut self, estate: &dyn Estate, now: Timestamp) {
        let (mut fresh, mut again, mut heard) = (Vec::new(), Vec::new(), Vec::new());
        for incident in self.live.values().filter(|incident| !incident.is_closed()) {
            match (&incident.detail.unheard, self.is_untold(incident)) {
                (None, true) => fresh.push(incident.id),
                (Some(unheard), true) if self.may_tell_anew(incident, unheard, now) => {
                    again.push(incident.id);
                }
                (Some(_), false) if self.is_known(incident) => heard.push(incident.id),
                _ => {}
            }
        }
        for id in fresh {
            self.note_unheard(id, now);
        }
        for id in again {
            // A silence may have begun meanwhile.
            self.mute(id, estate);
            if self.live.get(&id).is_some_and(|incident| self.is_untold(incident)) {
                self.tell_anew(id, now);
            }
        }
        for id in heard {
            if let Some(incident) = self.live.get_mut(&id) {
                incident.detail.unheard = None;
                self.unsaved.incident(id);
            }
        }
    }

    /// For certain: somebody has it, or a word of it was delivered.
    fn is_known(&self, incident: &Incident) -> bool {
        let arrived = |told: &Told| told.reached && told.waits() && told.is_since(incident.detail.anew_at);
        incident.phase != Phase::Open || self.told_of(incident).any(|(_, told)| arrived(told))
    }

    pub(crate) fn note_unheard(&mut self, id: IncidentId, now: Timestamp) {
        let Some(incident) = self.live.get(&id) else { return };
        if incident.detail.unheard.is_some() || !self.is_untold(incident) {
            return;
        }
        let unheard = self.unheard(incident, now);
        if let Some(incident) = self.live.get_mut(&id) {
            incident.detail.unheard = Some(unheard);
        }
        self.unsaved.incident(id);
        let text = "nobody is reached: it is told again once people or channels are defined in another way";
        self.write(id, Entry { at: now, kind: "page", who: String::new(), text: text.into() });
    }

    /// Something may lead to people now that did not: what was lost is told again, the next time that it is looked at.
    pub(crate) fn tell_unheard_by(&mut self, channel: &str, may: impl Fn(&str, &Unheard) -> bool) {
        let was_lost = |incident: &&Incident| {
            let Some(unheard) = incident.detail.unheard.as_ref() else { return false };
            let by_this = |told: &Told| told.lost && told.channels.contains(channel);
            self.told_of(incident).any(|(name, told)| by_this(told) && may(name, unheard))
        };
        let open = self.live.values().filter(|incident| !incident.is_closed());
        for id in open.filter(was_lost).map(|incident| incident.id).collect::<Vec<_>>() {
            let incident = self.live.get_mut(&id);
            if let Some(unheard) = incident.and_then(|incident| incident.detail.unheard.as_mut()) {
                unheard.people = NOBODY;
            }
            self.unsaved.incident(id);
        }
    }

    /// As at the start: everybody may be reached in another way than before, and what was to be told is looked at again.
    pub(crate) fn tell_all_unheard(&mut self) {
        let to_tell =
            |incident: &&Incident| incident.phase == Phase::Open && incident.detail.paged_at.is_none();
        self.touched.extend(self.live.values().filter(to_tell).map(|incident| incident.id));
        for unheard in self.live.values_mut().filter_map(|incident| incident.detail.unheard.as_mut()) {
            unheard.people = NOBODY;
        }
    }

    fn tell_anew(&mut self, id: IncidentId, now: Timestamp) {
        let Some(incident) = self.live.get(&id) else { return };
        let tries = incident.detail.unheard.as_ref().map_or(0, |unheard| unheard.tries);
        let unheard = Unheard { tries: tries.saturating_add(1), ..self.unheard(incident, now) };
        if let Some(incident) = self.live.get_mut(&id) {
            incident.detail.unheard = Some(unheard);
        }
        let text = "it has reached nobody so far: it is told again";
        self.write(id, Entry { at: now, kind: "page", who: String::new(), text: text.into() });
        self.tell_once_more(id, now);
    }

    /// As if for the first time: by its policy from the first step on, else to its contacts.
    pub(crate) fn tell_once_more(&mut self, id: IncidentId, now: Timestamp) {
        let Some(incident) = self.live.get(&id) else { return };
        let by_itself = incident.tellable().and_then(|(key, _)| {
            let subject = self.book.about(key).filter(|subject| Incidents::tells_itself(Some(subject)))?;
            self.policy_for(incident, key).is_none().then(|| subject.contacts.clone())
        });
        if let Some(incident) = self.live.get_mut(&id) {
            incident.detail.paged_at = None;
        }
        self.rewind(id, now);
        self.touch(id);
        let Some(contacts) = by_itself else { return };
        // The notices of a check come by its own rules, which may have none to say; what they have said in a silence is told when
        // that lifts.
        let told = self.live.get(&id).map(|incident| &incident.detail.told);
        let is_owed =
            |name: &Arc<str>| told.and_then(|told| told.get(&**name)).is_some_and(|it| !it.owed.is_empty());
        let (owed, contacts): (Vec<_>, Vec<_>) = contacts.into_iter().partition(is_owed);
        let last_resort: Vec<Arc<str>> =
            self.book.config.contacts.iter().map(|name| Arc::from(name.as_str())).collect();
        let own = self.who_hears(id, &contacts, now);
        let hear_later = owed.iter().any(|name| self.book.reaches(&self.channels_of(name)));
        let in_person = self.book.reaches_one_of(&own.0) || self.book.reaches_one_of(&own.1);
        let (found, late) = match in_person || hear_later {
            true => own,
            false => self.who_hears(id, &last_resort, now),
        };
        self.tell_later(id, late.into_iter().map(|(contact, _)| contact), now);
        for (contact, channels) in &found {
            self.tell_of_step(id, contact, channels, now);
        }
        if let Some(incident) = self.live.get_mut(&id) {
            incident.detail.paged_at = Some(incident.severity_now());
        }
    }

    /// Who wants to hear of it now, and who when their own time begins.
    fn who_hears(
        &self,
        id: IncidentId,
        names: &[Arc<str>],
        now: Timestamp,
    ) -> (Vec<Recipient>, Vec<Recipient>) {
        let Some(incident) = self.live.get(&id) else { return Default::default() };
        let Some((key, trouble)) = incident.tellable() else { return Default::default() };
        let severity = incident.said(trouble.state);
        let wants = |name: &&Arc<str>| self.book.contacts.get(*name).is_some_and(|it| it.wants(severity));
        let all = names.iter().filter(wants).map(|name| (name.clone(), self.channels_of(name)));
        let is_reached =
            |name: &str, by: &[Arc<str>]| !by.is_empty() && !self.book.is_never(name, key.host, now);
        let reached = all.filter(|(name, channels)| is_reached(name, channels));
        reached.partition(|(name, _)| self.may_tell(incident, name, key.host, now))
    }

    /// What somebody has defined in another way is tried at once; what comes and goes by itself, such as turns and what else goes
    /// bad, not at each of them anew.
    fn may_tell_anew(&self, incident: &Incident, unheard: &Unheard, now: Timestamp) -> bool {
        let (members, named) = self.who_is_named(incident);
        let is_same = (members, named) == (unheard.members, unheard.named);
        if unheard.people != self.ways() || (members == unheard.members && !is_same) {
            return true;
        }
        unheard.has_paused(now) && (!is_same || unheard.turns != self.turns_in(incident, now))
    }

    /// As it is now.
    fn unheard(&self, incident: &Incident, now: Timestamp) -> Unheard {
        let (members, named) = self.who_is_named(incident);
        let (people, turns) = (self.ways(), self.turns_in(incident, now));
        Unheard { people, named, members, turns, at: now.0, tries: 0 }
    }

    /// In one number by what people are reached.
    fn ways(&self) -> u64 {
        hashed(|all| (self.people, self.rostered).hash(all)).max(NOBODY + 1)
    }

    /// What is in it, each monitor once, and who is to hear of that: of what is well again too, since what flaps is no other matter.
    fn who_is_named(&self, incident: &Incident) -> (u64, u64) {
        let (mut members, mut named) = (DefaultHasher::new(), DefaultHasher::new());
        for key in monitors_of(incident) {
            (key.host, &key.monitor).hash(&mut members);
            let subject = self.book.about(key);
            let who = subject.map(|one| (&one.contacts, &one.escalation_policy, &one.owner));
            who.hash(&mut named);
        }
        (members.finish(), named.finish())
    }

    /// Whose turn it is, and whose time.
    fn turns_in(&self, incident: &Incident, now: Timestamp) -> u64 {
        let last_resort = self.book.config.contacts.iter().map(|name| Arc::from(name.as_str()));
        let mut named: BTreeSet<(bool, Arc<str>)> = last_resort.map(|name| (false, name)).collect();
        for key in monitors_of(incident) {
            let subject = self.book.about(key);
            let contacts = subject.into_iter().flat_map(|subject| &subject.contacts);
            named.extend(contacts.map(|name| (key.host, name.clone())));
            if let Some(policy) = self.policy_for(incident, key) {
                named.extend(self.named_now(&policy, now).into_iter().map(|name| (key.host, name)));
            }
        }
        hashed(|all| {
            for (host, name) in named {
                (self.book.is_time(&name, host, now), name).hash(all);
            }
        })
    }
}

/// One key of each.
fn monitors_of(incident: &Incident) -> impl Iterator<Item = &Key> {
    let mut last = None;
    let keys = incident.troubles.keys();
    keys.filter(move |key| {
        let name = (key.host, &key.monitor);
        last.replace(name) != Some(name)
    })
}

fn hashed(write: impl FnOnce(&mut DefaultHasher)) -> u64 {
    let mut all = DefaultHasher::new();
    write(&mut all);
    all.finish()
}

impl Book {
    pub(crate) fn people(&self) -> u64 {
        let mut all = DefaultHasher::new();
        let sorted: BTreeMap<_, _> = self.contacts.iter().collect();
        for (name, contact) in sorted {
            (name, &contact.channels, &contact.email, &contact.ways, contact.disabled).hash(&mut all);
            (&contact.check_options, &contact.host_options).hash(&mut all);
            format!("{:?}", contact.rules).hash(&mut all);
        }
        format!("{:?}", self.owning).hash(&mut all);
        let teams: BTreeMap<_, _> = self.teams.iter().collect();
        teams.hash(&mut all);
        (&self.rooms, &self.config.contacts, &self.config.escalation_policy).hash(&mut all);
        all.finish()
    }
}
