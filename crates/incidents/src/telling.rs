//! Who is told of what, and what they are told.

use std::collections::BTreeSet;
use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::{Notice, NoticeKind, State};

use crate::book::Subject;
use crate::core::{Estate, Incidents};
use crate::incident::{Entry, Held, Incident, IncidentId, Key, Phase, Trouble};
use crate::limits::{MAX_TEXT, cut};
use crate::page::{Message, Page, PageKind};

impl Incidents {
    /// An incident that is worse than was told.
    pub(crate) fn tell_problem(&mut self, id: IncidentId, now: Timestamp) {
        let known = self.live.get(&id).and_then(|incident| incident.detail.paged_at);
        self.tell_contacts(id, now);
        self.tell_who_knows_less(id, known, now);
    }

    /// Those whom no notice of a check tells.
    fn tell_contacts(&mut self, id: IncidentId, now: Timestamp) {
        let Some(incident) = self.live.get(&id) else { return };
        let Some((key, trouble)) = incident.tellable() else { return };
        let severity = incident.said(trouble.state);
        let told_worse = incident.detail.paged_at.is_some_and(|told| told.badness() >= severity.badness());
        if told_worse || incident.detail.snoozed_until.is_some() || !self.is_for_paging(incident, severity) {
            return;
        }
        let about = self.book.about(key);
        let policy = self.policy_for(incident, key);
        let by_itself = Incidents::tells_itself(about);
        if by_itself && policy.is_none() {
            // Its contacts hear of it by its own rules.
            return;
        }
        let nobody_knows = !incident.detail.told.values().any(|told| self.has_heard(told));
        let kind = match (incident.detail.paged_at, incident.phase) {
            (_, Phase::Open) if nobody_knows => PageKind::Problem,
            (None, _) => PageKind::Still,
            (Some(_), _) => PageKind::Worse,
        };
        let host = key.host;
        // Contacts and a policy of one and the same both act.
        let by_policy_alone = policy.is_some() && about.is_none_or(|subject| subject.contacts.is_empty());
        let recipients = match by_itself || by_policy_alone {
            true => Vec::new(),
            false => self.recipients(incident, key, severity, now),
        };
        let (recipients, late): (Vec<_>, Vec<_>) =
            recipients.into_iter().partition(|(contact, _)| self.may_tell(incident, contact, host, now));
        let message = self.message(incident, key, trouble, about);
        let was_paged = incident.detail.paged_at.is_some();
        let is_rewound = incident.detail.escalation.as_ref().is_some_and(|at| at.runs_anew(now));
        self.tell_later(id, late.into_iter().map(|(contact, _)| contact), now);
        let Some(incident) = self.live.get(&id) else { return };
        if recipients.is_empty() && policy.is_none() && !incident.detail.told.values().any(|told| told.late) {
            self.counters.untold += 1;
            let text =
                "nobody is told: it names no contact with a channel, and neither does [incidents] contacts";
            self.write(id, Entry { at: now, kind: "page", who: String::new(), text: text.into() });
        }
        let rooms_only = !recipients.is_empty() && !self.book.reaches_one_of(&recipients);
        for (contact, channels) in recipients {
            self.tell_worse(id, kind, &contact, &channels, &message, now);
        }
        if rooms_only && policy.is_none() {
            self.note_nobody_in_rooms(id, now);
        }
        if let Some(incident) = self.live.get_mut(&id) {
            incident.detail.paged_at = Some(severity);
        }
        self.hear(id, now);
        if let Some(policy) = policy.filter(|_| !was_paged && !is_rewound) {
            self.begin_escalation(id, &policy, now);
        }
    }

    /// Who hears of the problem by this is told of its end.
    pub(crate) fn tell(
        &mut self,
        id: IncidentId,
        kind: PageKind,
        contact: &Arc<str>,
        channels: &[Arc<str>],
        message: &Message,
        now: Timestamp,
    ) {
        self.page(Some(id), kind, contact, channels, message, now);
        let (email, ways) = (self.email_of(contact), self.ways_of(contact));
        let woken_until = self.night_of(contact, now).map(|(until, _)| until.0);
        let (in_person, anew_at) = (self.book.reaches(channels), self.anew_at(id));
        let Some(incident) = self.live.get_mut(&id) else { return };
        // Of a member that is less bad than the whole the contact sees the whole too.
        let whole = incident.tellable().map(|(_, trouble)| incident.said(trouble.state));
        let told = incident.detail.told.entry(contact.to_string()).or_default();
        let known = told.severity.filter(|_| told.waits());
        told.begin_word(anew_at, now);
        told.hears_of(known, whole.into_iter().chain([message.state]));
        told.goes_by(channels, in_person);
        told.email = email.or(told.email.take());
        if !ways.is_empty() {
            told.ways = ways;
        }
        (told.of_end, told.late, told.held) = (false, false, None);
        told.woken_until = woken_until;
        incident.detail.ending = incident.is_closed();
        self.unsaved.incident(id);
    }

    /// It is not their time: they are told when it is, if it is still bad and nobody has it in hand.
    pub(crate) fn tell_later(
        &mut self,
        id: IncidentId,
        contacts: impl IntoIterator<Item = Arc<str>>,
        now: Timestamp,
    ) {
        for contact in contacts {
            let quiet = self.live.get(&id).and_then(|incident| self.quiet(incident, &contact, now));
            let Some(incident) = self.live.get_mut(&id) else { return };
            let told = incident.detail.told.entry(contact.to_string()).or_default();
            let was_late = std::mem::replace(&mut told.late, true);
            told.held = quiet.as_ref().map(|it| Held { until: it.until.0, why: it.why.to_owned() });
            self.unsaved.incident(id);
            if was_late {
                continue;
            }
            let text = match &quiet {
                Some(quiet) => {
                    self.counters.held_at_night += 1;
                    format!("for {contact} held until {}: quiet hours, {}", quiet.clock, quiet.why)
                }
                None => format!("{contact} is told when the contact's own period begins"),
            };
            self.write(id, Entry { at: now, kind: "page", who: contact.to_string(), text });
        }
    }

    /// Those whose time it was not.
    pub(crate) fn tell_late(&mut self, now: Timestamp) {
        let mut due = Vec::new();
        for (id, incident) in self.live.iter().filter(|(_, incident)| incident.phase == Phase::Open) {
            let Some((key, _)) = incident.tellable() else { continue };
            if incident.detail.snoozed_until.is_some() {
                continue;
            }
            let late = incident.detail.told.iter().filter(|(_, told)| told.late);
            let late = late.filter(|(contact, _)| self.may_tell(incident, contact, key.host, now));
            due.extend(late.map(|(contact, _)| (*id, Arc::<str>::from(contact.as_str()))));
        }
        for (id, contact) in due {
            let Some(incident) = self.live.get(&id) else { continue };
            let Some((key, trouble)) = incident.tellable() else { continue };
            let message = self.message(incident, key, trouble, self.book.about(key));
            let severity = incident.said(trouble.state);
            let pages = self.is_for_paging(incident, severity);
            if self.channels_of(&contact).is_empty() {
                // Taken out while it was night.
                self.in_place_of_late(id, &contact, now);
            }
            let wanted = self.book.contacts.get(&contact).is_some_and(|known| known.wants(severity));
            if wanted && pages {
                let channels = self.channels_of(&contact);
                self.tell_by_rule(id, PageKind::Still, &contact, &channels, &message, now);
                // What went bad meanwhile is in this page.
                self.hear(id, now);
            }
            if let Some(told) = self.live.get_mut(&id).and_then(|it| it.detail.told.get_mut(&*contact)) {
                (told.late, told.held) = (false, None);
            }
            self.touch(id);
        }
    }

    /// CRITICAL and DOWN of production, unless the configuration wants more.
    pub(crate) fn is_for_paging(&self, incident: &Incident, severity: State) -> bool {
        self.is_severe(severity) && (incident.detail.production || self.book.config.page_non_production)
    }

    pub(crate) fn is_severe(&self, severity: State) -> bool {
        matches!(severity, State::Critical | State::Down) || self.book.config.page_warnings
    }

    pub(crate) fn recipients(
        &self,
        incident: &Incident,
        key: &Key,
        severity: State,
        now: Timestamp,
    ) -> Vec<(Arc<str>, Vec<Arc<str>>)> {
        let subject = self.book.about(key);
        let failing = incident.reason.strip_prefix("channel:");
        let default = self.book.config.contacts.iter().map(|name| Arc::from(name.as_str()));
        let is_somebodys = |subject: &&Subject| self.book.has_somebody(&subject.contacts, key.host, now);
        let mut names: Vec<Arc<str>> = match (subject.filter(is_somebodys), failing) {
            (_, Some(channel)) => self.book.users_of(channel).into_iter().chain(default).collect(),
            (Some(subject), None) => subject.contacts.clone(),
            // It names nobody, or nobody whom anything reaches.
            (None, None) => default.collect(),
        };
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(name.clone()));
        let reached = |name: Arc<str>| {
            let contact = self.book.contacts.get(&name).filter(|contact| contact.wants(severity))?;
            let channels = contact.channels.iter().filter(|channel| Some(&***channel) != failing);
            let channels: Vec<_> = channels.cloned().collect();
            (!channels.is_empty()).then_some((name, channels))
        };
        let mut reached: Vec<(Arc<str>, Vec<Arc<str>>)> = names.into_iter().filter_map(reached).collect();
        // Beside others they are told when their time begins, be it by a change of the files; alone they are nobody.
        if reached.iter().all(|(name, _)| self.book.is_never(name, key.host, now)) {
            reached.clear();
        }
        match failing {
            Some(_) => reached,
            None => self.with_last_resort(reached, incident, key, severity, now),
        }
    }

    /// A check's own notice that a silence kept back, once that has lifted and it is still bad.
    pub(crate) fn tell_owed(&mut self, estate: &dyn Estate, now: Timestamp) {
        let mut due = Vec::new();
        let awake = |incident: &Incident| !incident.is_closed() && incident.detail.snoozed_until.is_none();
        for (id, incident) in self.live.iter().filter(|(_, incident)| awake(incident)) {
            for (contact, told) in incident.detail.told.iter().filter(|(_, told)| !told.owed.is_empty()) {
                let owed = incident.bad().filter(|(key, _)| told.owed.contains(&key.mark()));
                let owed = owed.filter(|(key, _)| self.book.is_time(contact, key.host, now));
                due.extend(owed.map(|(key, _)| (*id, contact.clone(), key.clone())));
            }
        }
        for (id, contact, key) in due {
            if estate.withheld(&key).is_some() {
                continue;
            }
            let channels = self.channels_of(&contact);
            if channels.is_empty() {
                self.owe_others(id, &contact, &key, now);
                continue;
            }
            let Some(incident) = self.live.get(&id) else { continue };
            let Some(trouble) = incident.troubles.get(&key) else { continue };
            let message = self.message_about(&key, trouble, self.book.about(&key));
            let by_policy = self.policy_for(incident, &key).is_some();
            self.tell_by_rule(id, PageKind::Still, &Arc::from(contact.as_str()), &channels, &message, now);
            let Some(incident) = self.live.get_mut(&id) else { continue };
            let told = incident.detail.told.entry(contact).or_default();
            told.owed.remove(&key.mark());
            told.by_notices_of.insert(key.mark());
            if !by_policy {
                // Else the policy of the same subject is still to hear of it.
                incident.detail.paged_at = Some(incident.severity_now());
            }
            self.touch(id);
        }
    }

    /// Whoever was owed this is reached by nothing any more, as somebody who was taken out: it is owed to the contacts that the
    /// subject has now, else told to those who are told of what names nobody.
    fn owe_others(&mut self, id: IncidentId, gone: &str, key: &Key, now: Timestamp) {
        let Some(incident) = self.live.get(&id) else { return };
        let by_policy = self.policy_for(incident, key).is_some();
        let named = self.book.about(key).into_iter().flat_map(|subject| &subject.contacts);
        let named = named.filter(|name| !self.channels_of(name).is_empty());
        let named: Vec<Arc<str>> =
            named.filter(|name| self.wants(name, incident.severity_now())).cloned().collect();
        let anew_at = self.anew_at(id);
        let Some(incident) = self.live.get_mut(&id) else { return };
        if let Some(told) = incident.detail.told.get_mut(gone) {
            told.owed.remove(&key.mark());
        }
        for name in &named {
            let told = incident.detail.told.entry(name.to_string()).or_default();
            if !(told.waits() && told.is_since(anew_at)) {
                told.owed.insert(key.mark());
            }
        }
        self.touch(id);
        if named.is_empty() && !by_policy {
            self.in_place_of_late(id, gone, now);
        }
    }

    /// Tell these contacts that it is over, by the channels that told them of it.
    pub(crate) fn tell_end(&mut self, id: IncidentId, contacts: &[String], kind: PageKind, now: Timestamp) {
        let have_it = self.have_own_end(id);
        for contact in contacts {
            let Some(incident) = self.live.get(&id) else { return };
            let Some(told) = incident.detail.told.get(contact) else { continue };
            let had = told.channels.iter().map(|channel| Arc::from(channel.as_str()));
            let channels: Vec<Arc<str>> =
                if told.channels.is_empty() { self.channels_of(contact) } else { had.collect() };
            let mut message = self.message_of_end(incident, now);
            message.email.clone_from(&told.email);
            message.ways.clone_from(&told.ways);
            message.detour.have_it.clone_from(&have_it);
            self.page(Some(id), kind, &Arc::from(contact.as_str()), &channels, &message, now);
            if let Some(told) =
                self.live.get_mut(&id).and_then(|incident| incident.detail.told.get_mut(contact))
            {
                told.of_end = true;
            }
        }
        if !contacts.is_empty() {
            self.let_go_of(id);
        }
    }

    /// A check's own word to one contact.
    pub(crate) fn page_notice(&mut self, id: Option<IncidentId>, key: &Key, notice: &Notice, now: Timestamp) {
        let channels = self.channels_for_notice(id, notice, now);
        if !channels.is_empty() {
            self.say_notice(id, key, notice, &channels, now);
        }
        self.stand_in_for_rooms(id, key, notice.kind, now);
    }

    fn say_notice(
        &mut self,
        id: Option<IncidentId>,
        key: &Key,
        notice: &Notice,
        channels: &[Arc<str>],
        now: Timestamp,
    ) {
        let subject = self.book.about(key);
        let incident = id.and_then(|id| self.live.get(&id));
        let known = incident.and_then(|incident| incident.troubles.get(key));
        let mut trouble = known.cloned().unwrap_or_else(|| Trouble {
            until: (notice.kind == NoticeKind::Recovery).then_some(notice.at.0),
            ..Trouble::of(notice.state, notice.at.0, "")
        });
        trouble.state = notice.state;
        trouble.text = cut(&notice.text, MAX_TEXT).to_owned();
        let mut message = self.message_about(key, &trouble, subject);
        if let Some(incident) = incident.filter(|incident| incident.reason == self.reason(key)) {
            message.title = incident.title.clone();
        }
        message.author = notice.author.to_string();
        message.comment = cut(&notice.comment, MAX_TEXT).to_owned();
        message.number = (notice.number > 0).then_some(notice.number);
        if let Some(id) = id.filter(|_| notice.kind == NoticeKind::Recovery) {
            message.detour.have_it = self.have_own_end(id);
        }
        // A check's own word is of that check, and for whom its rules name.
        self.page_as_it_is(id, PageKind::of_notice(notice.kind), &notice.contact, channels, &message, now);
    }

    /// A problem goes by the contact's own rule; its end by what told of it; anything else need not ring.
    fn channels_for_notice(
        &mut self,
        id: Option<IncidentId>,
        notice: &Notice,
        now: Timestamp,
    ) -> Vec<Arc<str>> {
        let (contact, all) = (&notice.contact, self.channels_of(&notice.contact));
        let Some(id) = id.filter(|id| self.knows(*id)) else { return self.first_ways(contact) };
        if notice.kind == NoticeKind::Problem {
            let channels = self.begin_rule(id, contact, notice.state, &all, now);
            let in_person = self.book.reaches(&channels);
            if let Some(incident) = self.live.get_mut(&id) {
                let told = incident.detail.told.entry(contact.to_string()).or_default();
                told.goes_by(&channels, in_person);
            }
            return channels;
        }
        let told = self.live.get(&id).and_then(|incident| incident.detail.told.get(&**contact));
        let had: Vec<Arc<str>> =
            told.into_iter().flat_map(|told| &told.channels).map(|name| Arc::from(name.as_str())).collect();
        let had: Vec<Arc<str>> = all.into_iter().filter(|channel| had.contains(channel)).collect();
        if had.is_empty() { self.first_ways(contact) } else { had }
    }

    /// One page for each channel, to be sent once it is on the disk.
    pub(crate) fn page_as_it_is(
        &mut self,
        incident: Option<IncidentId>,
        kind: PageKind,
        contact: &Arc<str>,
        channels: &[Arc<str>],
        message: &Message,
        now: Timestamp,
    ) {
        for channel in channels {
            let id = self.next_page;
            self.next_page += 1;
            self.counters.pages += 1;
            let email = self.email_of(contact).or_else(|| message.email.clone());
            let own = self.ways_of(contact);
            let ways = if own.is_empty() { message.ways.clone() } else { own };
            let message = Message { email, ways, ..message.clone() };
            let page = Page {
                id,
                incident,
                kind,
                contact: contact.clone(),
                channel: channel.clone(),
                at: now,
                message,
            };
            self.unsaved.pages.push(page.clone());
            self.fresh.push(page);
            if let Some(incident) = incident {
                let text = format!("{} for {contact} by {channel}", kind.word());
                self.write_anywhere(
                    incident,
                    Entry { at: now, kind: "page", who: contact.to_string(), text },
                );
            }
        }
    }
}
