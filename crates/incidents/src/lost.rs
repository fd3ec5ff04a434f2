//! Words of trouble that did not arrive: who has not heard of it, and what follows from that.

use std::collections::BTreeSet;
use std::sync::Arc;

use vocabulary::Timestamp;

use crate::core::{Estate, Incidents};
use crate::desk::Inner;
use crate::incident::{Given, IncidentId, Owner, Phase, TakenBack, Told};
use crate::page::{Page, PageKind};
use crate::rooms::Recipient;
use crate::untold::Unheard;

/// Whom to tell of an incident, whatever their hours are.
pub(crate) type Called = (IncidentId, Vec<Recipient>);

impl Given {
    /// To whom it was given, or to who stands in for them.
    fn is_said_by(&self, page: &Page) -> bool {
        page.kind == PageKind::HandedOver && page.message.detour.origin(page.id) >= self.page
    }
}

impl Inner {
    /// A word has arrived: so may what was lost before by the same channel, but not at each word anew.
    pub(crate) fn note_heard(&mut self, page: &Page, now: Timestamp) {
        if !self.may_reach(page) {
            return;
        }
        let unreached = &self.outbox.unreached;
        let may = |contact: &str, unheard: &Unheard| {
            let is_wrong = unreached.contains_key(&(contact.into(), page.channel.clone()));
            !is_wrong && unheard.has_paused(now)
        };
        self.incidents.tell_unheard_by(&page.channel, may);
        if let Some(id) = page.incident.filter(|_| page.kind.is_problem()) {
            self.incidents.has_arrived(id, page);
        }
    }

    /// Those whose words were given up just now, unless they have them by another way or will.
    pub(crate) fn note_lost(&mut self, given_up: &[Page], now: Timestamp) {
        for page in given_up.iter().filter(|page| page.kind.is_problem()) {
            let may_be_lost = self.may_reach(page) && !self.is_told_otherwise(page);
            let Some(id) = page.incident.filter(|_| may_be_lost) else { continue };
            if !self.is_still_told(page) {
                self.incidents.lose(id, page, now);
            }
            if !self.is_to_hear_whose_it_is(id) {
                self.incidents.take_back(id, page, now);
            }
        }
    }

    /// That somebody was given this is still to arrive, at them or at who stands in.
    fn is_to_hear_whose_it_is(&self, id: IncidentId) -> bool {
        let root = self.incidents.root_of(id);
        let Some(given) = self.incidents.given(root) else { return false };
        let parts = self.incidents.parts_of(root).map(|part| part.id);
        let all: Vec<IncidentId> = parts.chain([root]).collect();
        let waiting = all.iter().flat_map(|id| self.outbox.of_incident(*id));
        let waiting = waiting.filter(|page| self.outbox.is_to_go(page.id));
        let is_of_these = |page: &&Page| page.incident.is_some_and(|id| all.contains(&id));
        let mut pages = waiting.chain(self.incidents.unsaved.pages.iter().filter(is_of_these));
        pages.any(|page| given.is_said_by(page) && self.may_reach(page))
    }

    /// Another word of this trouble waits for the contact.
    fn is_still_told(&self, page: &Page) -> bool {
        let waiting = self.outbox.to_same(page).filter(|other| self.outbox.is_to_go(other.id));
        let to_same = |other: &&Page| (other.incident, &other.contact) == (page.incident, &page.contact);
        let fresh = self.incidents.unsaved.pages.iter().filter(to_same);
        let mut others = waiting.chain(fresh);
        others.any(|other| other.id != page.id && other.kind.is_problem() && self.may_reach(other))
    }
}

impl Incidents {
    fn has_arrived(&mut self, id: IncidentId, page: &Page) {
        let contact = &*page.contact;
        let is_old = self.anew_at(id).is_some_and(|anew_at| page.at.0 < anew_at);
        let told = self.live.get_mut(&id).and_then(|incident| incident.detail.told.get_mut(contact));
        // Since then they were to hear that it is worse.
        let is_less =
            |told: &Told| told.severity.is_some_and(|it| it.badness() > page.message.state.badness());
        let counts = |told: &&mut Told| !is_old && !is_less(told) && (told.lost || !told.reached);
        if let Some(told) = told.filter(counts) {
            (told.lost, told.reached) = (false, true);
            self.unsaved.incident(id);
        }
        let root = self.root_of(id);
        if self.given(root).is_some_and(|given| given.is_said_by(page)) {
            self.is_known_to_be_given(root);
        }
        let at = self.live.get_mut(&root).and_then(|incident| incident.detail.escalation.as_mut());
        if let Some(heard) = at.and_then(|at| at.called.get_mut(contact)).filter(|heard| !**heard) {
            *heard = true;
            self.unsaved.incident(root);
        }
    }

    fn lose(&mut self, id: IncidentId, page: &Page, now: Timestamp) {
        let contact = &*page.contact;
        if let Some(told) = self.live.get_mut(&id).and_then(|it| it.detail.told.get_mut(contact)) {
            told.lost = true;
            self.unsaved.incident(id);
        }
        let root = self.root_of(id);
        self.lost_to_step(root, page, now);
        self.note_unheard(root, now);
        // While it waited they have become somebody who is reached elsewhere.
        let moved =
            self.book.contacts.get(contact).is_some_and(|known| {
                (&known.email, &known.ways) != (&page.message.email, &page.message.ways)
            });
        if moved {
            self.tell_unheard_by(&page.channel, |name, _| name == contact);
        }
    }

    fn given(&self, id: IncidentId) -> Option<&Given> {
        self.live.get(&id)?.detail.owner.as_ref()?.given.as_ref()
    }

    pub(crate) fn is_known_to_be_given(&mut self, id: IncidentId) {
        let owner = self.live.get_mut(&id).and_then(|incident| incident.detail.owner.as_mut());
        if owner.and_then(|owner| owner.given.take()).is_some() {
            self.unsaved.incident(id);
        }
    }

    /// Whoever was to have it is not reached: it is nobody's.
    fn take_back(&mut self, id: IncidentId, page: &Page, now: Timestamp) {
        let root = self.root_of(id);
        let owner = self.live.get(&root).and_then(|incident| incident.detail.owner.clone());
        let Some(Owner { name: owner, given: Some(given), .. }) = owner else { return };
        let is_had = self.live.get(&root).is_some_and(|incident| incident.phase == Phase::Acknowledged);
        if !is_had || !given.is_said_by(page) {
            return;
        }
        let text =
            format!("{owner} is not reached, and neither is anybody else instead: it is nobody's again");
        self.nobodys_again(root, "", text, now);
        let Some(incident) = self.live.get_mut(&root) else { return };
        // Whoever should know is told again with the next look, which is after a start if it has to be.
        incident.detail.taken_back = Some(TakenBack { from: owner, by: given.by });
    }

    /// What was handed over in vain, and whom to call for it. Where a policy runs again, or nobody would hear of it, it is told as if
    /// for the first time.
    pub(crate) fn look_at_taken_back(&mut self, estate: &dyn Estate, now: Timestamp) -> Vec<Called> {
        let mut called = Vec::new();
        let all = self.live.values().filter(|incident| incident.detail.taken_back.is_some());
        for id in all.map(|incident| incident.id).collect::<Vec<_>>() {
            self.mute(id, estate);
            let Some(incident) = self.live.get_mut(&id) else { continue };
            let is_open = incident.phase == Phase::Open;
            if is_open && (incident.detail.snoozed_until.is_some() || incident.tellable().is_none()) {
                continue;
            }
            let taken_back = incident.detail.taken_back.take();
            self.unsaved.incident(id);
            let Some(taken_back) = taken_back.filter(|_| is_open) else { continue };
            let by_policy = self.has_gone_by_policy(id);
            let whom = self.who_hears_of_taken_back(id, &taken_back, by_policy);
            if by_policy || !self.book.reaches_one_of(&whom) {
                self.tell_once_more(id, now);
            }
            called.push((id, whom));
        }
        called
    }

    /// Whoever handed it over, and without a policy all who know of it: no check tells that by itself.
    fn who_hears_of_taken_back(
        &self,
        id: IncidentId,
        taken_back: &TakenBack,
        by_policy: bool,
    ) -> Vec<Recipient> {
        let Some(incident) = self.live.get(&id) else { return Vec::new() };
        let know = self.told_of(incident).filter(|(_, told)| !by_policy && told.waits());
        let names: BTreeSet<&String> = know.map(|(name, _)| name).chain([&taken_back.by]).collect();
        let others = names.into_iter().filter(|name| **name != taken_back.from);
        let whom = others.map(|name| (Arc::from(name.as_str()), self.channels_of(name)));
        whom.filter(|(_, channels)| !channels.is_empty()).collect()
    }

    /// Unless they have just been told by something else.
    pub(crate) fn tell_taken_back(&mut self, called: Vec<Called>, now: Timestamp) {
        for (id, whom) in called {
            let is_told = |name: &str| {
                let mut words = self.fresh.iter().filter(|page| page.at == now && page.kind.is_problem());
                words.any(|page| page.incident == Some(id) && *page.contact == *name)
            };
            let whom: Vec<Recipient> = whom.into_iter().filter(|(name, _)| !is_told(name)).collect();
            self.call(id, PageKind::Still, &whom, "", "", now);
        }
    }
}
