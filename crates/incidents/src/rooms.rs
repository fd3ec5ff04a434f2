//! Rooms: channels that may be empty at night, such as a chat; and the log, which nobody watches. What is told there is told, and counts for nobody: whoever is
//! reached by rooms only is as good as not there, and `[incidents] contacts` are told too.

use std::collections::BTreeSet;
use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::{NoticeKind, State};

use crate::book::{Book, Contact, LOG_CHANNEL};
use crate::core::Incidents;
use crate::desk::Desk;
use crate::incident::{Entry, Incident, IncidentId, Key, Told};

/// A contact, and by which channels.
pub(crate) type Recipient = (Arc<str>, Vec<Arc<str>>);

/// Who is reached by rooms only, or has no address for the channels that lead to people: for the health of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RoomsOnly {
    pub contacts: Vec<Arc<str>>,
    /// `[incidents] contacts` reach somebody in another way.
    pub last_resort: bool,
}

impl Book {
    /// Is there a person at the other end of one of these?
    pub(crate) fn reaches(&self, channels: &[Arc<str>]) -> bool {
        channels.iter().any(|channel| !self.rooms.contains(channel) && **channel != *LOG_CHANNEL)
    }

    pub(crate) fn reaches_one_of(&self, recipients: &[Recipient]) -> bool {
        recipients.iter().any(|(_, channels)| self.reaches(channels))
    }

    fn is_in_rooms_only(&self, contact: &str) -> bool {
        let known = self.contacts.get(contact);
        known.is_some_and(|known| !known.channels.is_empty() && !self.is_reached(known))
    }

    /// By a channel with a person at its end, and an address for it.
    pub(crate) fn is_reached(&self, contact: &Contact) -> bool {
        contact
            .channels
            .iter()
            .any(|channel| self.reaches(std::slice::from_ref(channel)) && self.leads_to(contact, channel))
    }

    /// Why nobody is reached by this channel, though something may be sent. None: it leads to people, of whom this may be one.
    pub(crate) fn why_nobody(&self, contact: &str, channel: &Arc<str>) -> Option<String> {
        let known = self.contacts.get(contact);
        if **channel == *LOG_CHANNEL {
            return Some("`log` is a list here and sends nothing".to_owned());
        }
        if self.rooms.contains(channel) {
            return Some(format!("`{channel}` is a room, which may be empty"));
        }
        let is_lost = known.is_some_and(|known| !self.leads_to(known, channel));
        is_lost.then(|| format!("`{channel}` has no address of theirs"))
    }

    fn last_resort(&self) -> impl Iterator<Item = Arc<str>> + '_ {
        self.config.contacts.iter().map(|name| Arc::from(name.as_str()))
    }
}

impl Desk {
    /// Does any contact name this channel?
    pub fn is_used(&self, channel: &str) -> bool {
        !self.users_of(channel).is_empty()
    }

    /// The contacts who are reached by this channel, in order.
    pub fn users_of(&self, channel: &str) -> Vec<Arc<str>> {
        self.inner.lock().incidents.book().users_of(channel)
    }

    pub fn rooms_only(&self) -> RoomsOnly {
        let inner = self.inner.lock();
        let book = &inner.incidents.book;
        let mut contacts: Vec<Arc<str>> =
            book.contacts.keys().filter(|name| book.is_in_rooms_only(name)).cloned().collect();
        contacts.sort();
        let reached = |name: Arc<str>| book.contacts.get(&name).is_some_and(|it| book.is_reached(it));
        let last_resort = book.last_resort().any(reached);
        RoomsOnly { contacts, last_resort }
    }
}

impl Incidents {
    /// With those of `[incidents] contacts`, if all the others look at rooms only. A policy sees to that by itself.
    pub(crate) fn with_last_resort(
        &self,
        mut recipients: Vec<Recipient>,
        incident: &Incident,
        key: &Key,
        severity: State,
        now: Timestamp,
    ) -> Vec<Recipient> {
        let is_fine = recipients.is_empty() || self.book.reaches_one_of(&recipients);
        if is_fine || self.policy_for(incident, key).is_some() {
            return recipients;
        }
        let known: BTreeSet<Arc<str>> = recipients.iter().map(|(name, _)| name.clone()).collect();
        let others = self
            .last_resort_for(key.host, severity, now)
            .into_iter()
            .filter(|(name, _)| !known.contains(name));
        recipients.extend(others);
        recipients
    }

    /// Those who want to hear of it.
    fn last_resort_for(&self, host: bool, severity: State, now: Timestamp) -> Vec<Recipient> {
        let reached = |name: Arc<str>| {
            let contact = self.book.contacts.get(&name).filter(|contact| contact.wants(severity))?;
            let is_reached = !contact.channels.is_empty() && !self.book.is_never(&name, host, now);
            is_reached.then(|| (name, contact.channels.clone()))
        };
        self.book.last_resort().filter_map(reached).collect()
    }

    /// A check has told its problem in rooms or by no channel at all, and so it is with all of its contacts.
    pub(crate) fn stand_in_for_rooms(
        &mut self,
        id: Option<IncidentId>,
        key: &Key,
        kind: NoticeKind,
        now: Timestamp,
    ) {
        let Some((id, incident)) = id.and_then(|id| Some((id, self.live.get(&id)?))) else { return };
        let Some(subject) = self.book.about(key) else { return };
        let Some((_, trouble)) = incident.tellable().filter(|_| kind == NoticeKind::Problem) else { return };
        let severity = incident.said(trouble.state);
        let own = subject.contacts.iter().filter_map(|name| {
            let contact = self.book.contacts.get(name).filter(|contact| contact.wants(severity))?;
            Some((name.clone(), contact.channels.clone()))
        });
        let all = self.with_last_resort(own.collect(), incident, key, severity, now);
        let knows = |name: &str| incident.detail.told.get(name).is_some_and(Told::waits);
        let others = all.into_iter().filter(|(name, _)| !subject.contacts.contains(name) && !knows(name));
        let (due, late): (Vec<Recipient>, Vec<Recipient>) =
            others.partition(|(name, _)| self.may_tell(incident, name, key.host, now));
        if (due.is_empty() && late.is_empty()) || !self.is_for_paging(incident, severity) {
            return;
        }
        self.note_rooms(
            id,
            "its contacts look at rooms only, or have no channel: [incidents] contacts are told too",
            now,
        );
        self.tell_later(id, late.into_iter().map(|(contact, _)| contact), now);
        for (contact, channels) in due {
            self.tell_of_step(id, &contact, &channels, now);
        }
    }

    /// A policy has tried everything: those who are told of what names nobody are told.
    pub(crate) fn catch_all(&mut self, id: IncidentId, why: &str, now: Timestamp) {
        let escalation = self.live.get_mut(&id).and_then(|incident| incident.detail.escalation.as_mut());
        if let Some(escalation) = escalation {
            escalation.next_at = None;
        }
        self.unsaved.incident(id);
        let names: Vec<Arc<str>> = self.book.last_resort().collect();
        let found = self.reach_all(id, names, now);
        let in_person = self.book.reaches_one_of(&found.now);
        let reached = found.now;
        let text = match (reached.is_empty(), found.asleep.is_empty()) {
            (false, _) => format!("{why}: [incidents] contacts are told"),
            (true, false) => format!("{why}: [incidents] contacts are told in the morning"),
            (true, true) => {
                self.counters.untold += 1;
                format!("{why}, and [incidents] contacts reaches nobody: nobody more is told")
            }
        };
        self.note_step(id, text, now);
        self.tell_later(id, found.asleep.into_iter().map(|(name, _)| name), now);
        for (contact, channels) in &reached {
            self.tell_of_step(id, contact, channels, now);
        }
        if !reached.is_empty() && !in_person {
            self.note_nobody_in_rooms(id, now);
        }
        // By what it could not be told: what is defined from now on is another way.
        self.note_unheard(id, now);
    }

    /// Whoever was to be told in the morning, and is not reached by anything since: those are told who are told of what names
    /// nobody, unless they know.
    pub(crate) fn in_place_of_late(&mut self, id: IncidentId, gone: &str, now: Timestamp) {
        let Some(incident) = self.live.get(&id) else { return };
        let Some((_, trouble)) = incident.tellable() else { return };
        if !self.is_for_paging(incident, incident.said(trouble.state)) {
            return;
        }
        let knows = |name: &str| incident.detail.told.get(name).is_some_and(|told| told.waits() || told.late);
        let others: Vec<Arc<str>> = self.book.last_resort().filter(|name| !knows(name)).collect();
        let found = self.reach_all(id, others, now);
        let others: Vec<&str> = found
            .now
            .iter()
            .map(|(name, _)| name)
            .chain(found.asleep.iter().map(|(name, _)| name))
            .map(|name| &**name)
            .collect();
        let text = match others.is_empty() {
            true => format!("{gone} was to be told and is not reached by anything any more"),
            false => format!(
                "{gone} was to be told and is not reached by anything any more: {} instead",
                others.join(", ")
            ),
        };
        self.note_rooms(id, &text, now);
        self.tell_later(id, found.asleep.into_iter().map(|(name, _)| name), now);
        for (contact, channels) in &found.now {
            self.tell_of_step(id, contact, channels, now);
        }
        let runs = self
            .live
            .get(&id)
            .is_some_and(|it| it.tellable().is_some_and(|(key, _)| self.policy_for(it, key).is_some()));
        if let Some(incident) = self.live.get_mut(&id).filter(|_| !runs) {
            let severity = incident.severity_now();
            incident.detail.paged_at.get_or_insert(severity);
        }
    }

    /// Of those whom a step names.
    pub(crate) fn note_who_is_in_rooms(
        &mut self,
        id: IncidentId,
        step: &str,
        people: &[Recipient],
        now: Timestamp,
    ) {
        let in_rooms = people.iter().filter(|(_, channels)| !self.book.reaches(channels));
        let line = |(name, channels): &Recipient| {
            let why: Vec<String> =
                channels.iter().filter_map(|channel| self.book.why_nobody(name, channel)).collect();
            format!("{step}: {name} is reached by nothing: {}", why.join(", "))
        };
        let lines: Vec<String> = in_rooms.map(line).collect();
        for line in lines {
            self.note_step(id, line, now);
        }
    }

    /// What was just told reached rooms, and nobody.
    pub(crate) fn note_nobody_in_rooms(&mut self, id: IncidentId, now: Timestamp) {
        self.counters.untold += 1;
        let why = "told in rooms only, which may be empty, or listed by `log`: nobody is reached. Name a contact with a telephone or \
                   a mailbox in [incidents] contacts";
        self.note_rooms(id, why, now);
    }

    fn note_rooms(&mut self, id: IncidentId, text: &str, now: Timestamp) {
        self.write(id, Entry { at: now, kind: "page", who: String::new(), text: text.to_owned() });
    }
}
