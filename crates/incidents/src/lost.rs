//! Words of trouble that did not arrive: who has not heard of it, and what follows from that.

use std::collections::BTreeSet;
use std::sync::Arc;

use vocabulary::Timestamp;

use crate::core::{Estate, Incidents};
use crate::desk::Inner;
use crate::incident::{Entry, IncidentId, Phase, TakenBack, Told};
use crate::page::{Page, PageKind};
use crate::rooms::Recipient;
use crate::untold::Unheard;

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
            let is_lost = self.may_reach(page) && !self.is_told_otherwise(page);
            let Some(id) = page.incident.filter(|_| is_lost) else { continue };
            let fresh = self.incidents.unsaved.pages.iter();
            let waits = self.outbox.not_ended().chain(fresh).any(|other| {
                let same = (other.incident, &other.contact) == (page.incident, &page.contact);
                same && other.id != page.id && other.kind.is_problem() && self.may_reach(other)
            });
            if waits {
                continue;
            }
            let is_told_instead = self.is_told_by_others_instead(page);
            self.incidents.lose(id, page, now);
            if page.kind == PageKind::HandedOver && !is_told_instead {
                self.incidents.take_back(id, &page.message.author, now);
            }
        }
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
        self.lost_to_step(root, contact, now);
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

    /// Whoever was to have it is not reached: it is nobody's.
    fn take_back(&mut self, id: IncidentId, by: &str, now: Timestamp) {
        let root = self.root_of(id);
        let Some(incident) = self.live.get_mut(&root) else { return };
        let given = incident.detail.owner.as_ref().filter(|owner| owner.given);
        let Some(owner) = given.map(|owner| owner.name.clone()) else { return };
        let is_lost = incident.detail.told.get(&owner).is_some_and(|told| told.lost && !told.reached);
        if incident.phase != Phase::Acknowledged || !is_lost {
            return;
        }
        incident.phase = Phase::Open;
        (incident.detail.acknowledged, incident.detail.owner) = (None, None);
        (incident.detail.ran_out_at, incident.detail.anew_at) = (Some(now.0), Some(now.0));
        // Whoever should know is told again with the next look, which is after a start if it has to be.
        incident.detail.taken_back = Some(TakenBack { from: owner.clone(), by: by.to_owned() });
        let text =
            format!("{owner} is not reached, and neither is anybody else instead: it is nobody's again");
        self.write(root, Entry { at: now, kind: "unacknowledged", who: String::new(), text });
        self.touch(root);
    }

    /// Whoever handed it over is told, and without a policy all who know of it: no check tells that by itself.
    pub(crate) fn tell_taken_back(&mut self, estate: &dyn Estate, now: Timestamp) {
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
            if let Some(taken_back) = taken_back.filter(|_| is_open) {
                self.tell_of_taken_back(id, &taken_back, now);
            }
        }
    }

    fn tell_of_taken_back(&mut self, id: IncidentId, taken_back: &TakenBack, now: Timestamp) {
        let Some(incident) = self.live.get(&id) else { return };
        let by_policy = self.policy_that_ran(id).is_some();
        let know = self.told_of(incident).filter(|(_, told)| !by_policy && told.waits());
        let names: BTreeSet<&String> = know.map(|(name, _)| name).chain([&taken_back.by]).collect();
        let others = names.into_iter().filter(|name| **name != taken_back.from);
        let whom = others.map(|name| (Arc::from(name.as_str()), self.channels_of(name)));
        let whom: Vec<Recipient> = whom.filter(|(_, channels)| !channels.is_empty()).collect();
        self.call(id, PageKind::Still, &whom, "", "", now);
        if by_policy || !self.book.reaches_one_of(&whom) {
            self.tell_once_more(id, now);
        }
    }
}
