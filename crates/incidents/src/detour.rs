//! A page that is not delivered goes another way: by the contact's other channels, else to those who are told by default, all
//! of them, since nobody knows which of them looks.

use std::sync::Arc;

use vocabulary::Timestamp;

use crate::core::Incidents;
use crate::incident::{IncidentId, Told};
use crate::page::{Message, Otherwise, Page, PageKind};
use crate::rooms::Recipient;

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detoured {
    InPerson,
    /// It is told where nobody may look.
    RoomsOnly,
    /// There is no other way.
    Nowhere,
}

/// Those who are told by default.
#[derive(Default)]
struct StandIns {
    /// They have it already.
    known: Vec<Arc<str>>,
    to_tell: Vec<Recipient>,
}

impl Incidents {
    /// `of_one`: its way leads to this contact no more, and may lead to others.
    pub(crate) fn reroute(&mut self, page: &Page, of_one: bool, now: Timestamp) -> Detoured {
        let message = message_instead(page, of_one);
        let own: Vec<Arc<str>> = self
            .untried(page.kind, &message, &page.contact)
            .into_iter()
            .filter(|channel| !message.otherwise.has(channel))
            .collect();
        let is_reached = self.book.reaches(&own);
        let mut ways: Vec<Recipient> = Vec::new();
        if !own.is_empty() {
            ways.push((page.contact.clone(), own));
        }
        let mut known = Vec::new();
        if !is_reached {
            let others = self.stand_ins(page, &message);
            ways.extend(others.to_tell);
            known = others.known;
        }
        for (name, id) in known.iter().filter_map(|name| Some((name, page.incident?))) {
            self.stands_in_for_called(id, &page.contact, name, &self.channels_of(name));
        }
        for (contact, channels) in &ways {
            self.tell_instead(page, &message, contact, channels, now);
        }
        let in_person = !known.is_empty() || self.book.reaches_one_of(&ways);
        match (in_person, ways.is_empty()) {
            (true, _) => Detoured::InPerson,
            (false, false) => Detoured::RoomsOnly,
            (false, true) => Detoured::Nowhere,
        }
    }

    /// Channels of this contact that have a word for it, and were not tried in vain.
    fn untried(&self, kind: PageKind, message: &Message, contact: &str) -> Vec<Arc<str>> {
        let tried = |channel: &Arc<str>| {
            let is_for_nobody = message.tried.iter().any(|tried| **tried == **channel);
            let not_for = &message.detour.not_for;
            is_for_nobody || not_for.iter().any(|(whom, by)| *whom == *contact && **by == **channel)
        };
        // Whose turn begins soon is a word for that one alone, and wakes nobody on its other ways either.
        let is_quiet = kind == PageKind::OnCall;
        let untried = self.channels_of(contact).into_iter().filter(|channel| !tried(channel));
        let untried = untried.filter(|channel| self.book.says(channel, kind));
        untried.filter(|channel| !is_quiet || self.book.quiet.contains(channel)).collect()
    }

    /// Of trouble all who are told by default; of anything else one is enough.
    fn stand_ins(&self, page: &Page, message: &Message) -> StandIns {
        // Whoever stands in is one of them, and the others have theirs.
        if page.kind == PageKind::OnCall || page.message.detour.stands_for.is_some() {
            return StandIns::default();
        }
        let missed_it = |name: &&String| page.message.detour.missed_it.contains(*name);
        let others =
            self.book.config.contacts.iter().filter(|name| ***name != *page.contact && !missed_it(name));
        let others = others.map(|name| Arc::<str>::from(name.as_str()));
        let (known, others): (Vec<_>, Vec<_>) = others.partition(|name| self.has_it(page, name));
        if page.message.detour.again || (page.kind.is_end() && !known.is_empty()) {
            return StandIns { known, to_tell: Vec::new() };
        }
        let others = others.into_iter().map(|name| {
            let channels = self.untried(page.kind, message, &name);
            (name, channels)
        });
        let all: Vec<Recipient> = others.filter(|(_, channels)| !channels.is_empty()).collect();
        if page.kind.is_problem() {
            return StandIns { known, to_tell: all };
        }
        let in_person = all.iter().find(|(_, channels)| self.book.reaches(channels));
        StandIns { known, to_tell: in_person.or(all.first()).cloned().into_iter().collect() }
    }

    /// They have had this word themselves, or in the place of somebody else: of trouble since it was told anew and since the
    /// round of the policy began, of its end once.
    fn has_it(&self, page: &Page, name: &str) -> bool {
        match page.kind {
            PageKind::Problem | PageKind::Worse | PageKind::Still => self.has_this_trouble(page, name),
            kind => kind.is_end() && page.message.detour.have_it.iter().any(|one| one == name),
        }
    }

    fn has_this_trouble(&self, page: &Page, name: &str) -> bool {
        let Some(id) = page.incident.filter(|id| self.knows(*id)) else { return false };
        let Some(root) = self.live.get(&self.root_of(id)) else { return false };
        let round = root.detail.escalation.as_ref().and_then(|at| at.began);
        let since = match page.message.detour.called {
            true => Some(page.at.0),
            false => round.max(root.detail.anew_at),
        };
        // What is better than they know is news too.
        let is_so_bad = |told: &Told| told.severity == Some(page.message.state);
        let mut told = self.told_of(root).filter(|(contact, _)| *contact == name).map(|(_, told)| told);
        told.any(|told| is_so_bad(told) && told.is_since(since) && self.has_heard(told))
    }

    /// Those who are told by default and hear of this end by themselves.
    pub(crate) fn have_own_end(&self, id: IncidentId) -> Vec<String> {
        let Some(incident) = self.live.get(&id) else { return Vec::new() };
        let hears = |name: &&String| {
            let told = incident.detail.told.get(*name);
            told.is_some_and(|told| {
                (told.waits() || told.of_end) && told.in_person == Some(true) && !told.missed_end
            })
        };
        self.book.config.contacts.iter().filter(hears).cloned().collect()
    }

    fn tell_instead(
        &mut self,
        page: &Page,
        message: &Message,
        contact: &Arc<str>,
        channels: &[Arc<str>],
        now: Timestamp,
    ) {
        let mut message = message.clone();
        let origin = page.message.detour.origin(page.id);
        if *contact != page.contact {
            message.otherwise = Otherwise::default();
            (message.detour.stands_for, message.detour.first) = (Some(origin), None);
        } else if message.detour.stands_for.is_none() {
            message.detour.first = Some(origin);
        }
        if let Some(id) = page.incident {
            self.stands_in_for_called(id, &page.contact, contact, channels);
        }
        match page.incident.filter(|id| page.kind.is_problem() && self.knows(*id)) {
            Some(id) => self.tell(id, page.kind, contact, channels, &message, now),
            None => self.page(page.incident, page.kind, contact, channels, &message, now),
        }
        let known = page.incident.filter(|id| page.kind.is_end() && self.knows(*id));
        let incident = known.and_then(|id| self.live.get_mut(&id));
        if let Some(told) = incident.and_then(|incident| incident.detail.told.get_mut(&**contact)) {
            // Whoever stood in for the problem has heard of the end by this.
            told.of_end = true;
        }
    }

    /// Whoever is told in the place of somebody whom the last step has called is called by it too.
    fn stands_in_for_called(&mut self, id: IncidentId, missed: &str, contact: &str, channels: &[Arc<str>]) {
        let reaches = self.book.reaches(channels);
        let root = self.root_of(id);
        let incident = self.live.get_mut(&root).filter(|_| reaches);
        let Some(at) = incident.and_then(|incident| incident.detail.escalation.as_mut()) else { return };
        if at.called.contains_key(missed) {
            at.called.entry(contact.to_owned()).or_insert(false);
            self.unsaved.incident(root);
        }
    }
}

fn message_instead(page: &Page, of_one: bool) -> Message {
    let mut message = page.message.clone();
    message.email = None;
    message.ways.clear();
    // Why it did not: that names an address or number, which is not for whoever stands in.
    message.instead_of = Some(format!("{} by {}", page.contact, page.channel));
    match of_one {
        true => message.detour.not_for.push((page.contact.to_string(), page.channel.to_string())),
        false => message.tried.push(page.channel.to_string()),
    }
    message
}
