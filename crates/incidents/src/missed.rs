//! Ends that did not arrive: whoever counts on somebody else to have heard it counts on those only who have, or will.

use crate::desk::Inner;
use crate::incident::IncidentId;
use crate::page::{Detour, Page};

impl Inner {
    /// This one has it, whatever becomes of it by other ways.
    pub(crate) fn note_got_end(&mut self, page: &Page) {
        let Some(id) = page.incident.filter(|_| page.kind.is_end() && self.may_reach(page)) else { return };
        let name = page.contact.to_string();
        self.note_in_ends(id, |detour| detour.got_it.push(name.clone()));
    }

    /// It was given up, and this one neither has it by another way nor will.
    pub(crate) fn note_missed_end(&mut self, page: &Page) {
        let Some(id) = page.incident.filter(|_| page.kind.is_end()) else { return };
        let has_it = page.message.detour.got_it.iter().any(|name| **name == *page.contact);
        if has_it || self.will_hear_end(page, &page.contact) == Some(true) {
            return;
        }
        let name = page.contact.to_string();
        self.note_in_ends(id, |detour| detour.missed_it.push(name.clone()));
        let told = self.incidents.live.get_mut(&id).and_then(|incident| incident.detail.told.get_mut(&name));
        if let Some(told) = told {
            told.missed_end = true;
            self.incidents.unsaved.incident(id);
        }
    }

    /// Of those who are to have this end by another page: those of whom all that is left of it waits for a channel that fails.
    pub(crate) fn who_may_miss_end(&self, page: &Page) -> Vec<String> {
        let Detour { have_it, got_it, .. } = &page.message.detour;
        let open = have_it.iter().filter(|name| !got_it.contains(name));
        open.filter(|name| self.will_hear_end(page, name) == Some(false)).cloned().collect()
    }

    /// By another page than this one. None: nothing more of it waits.
    fn will_hear_end(&self, page: &Page, name: &str) -> Option<bool> {
        let fails = |channel: &str| self.outbox.failing.get(channel).is_some_and(|failing| failing.told);
        let waiting = self.outbox.ends_of(page.incident?).filter(|end| self.outbox.is_to_go(end.id));
        let fresh = self.incidents.unsaved.pages.iter();
        let fresh = fresh.filter(|end| end.incident == page.incident && end.kind.is_end());
        let theirs = waiting.chain(fresh).filter(|end| *end.contact == *name && end.id != page.id);
        theirs.map(|end| self.may_reach(end) && !fails(&end.channel)).max()
    }

    fn note_in_ends(&mut self, incident: IncidentId, note: impl Fn(&mut Detour)) {
        for id in self.outbox.ends_of(incident).map(|end| end.id).collect::<Vec<_>>() {
            if let Some(waiting) = self.outbox.get_mut(id) {
                note(&mut waiting.page.message.detour);
                self.outbox.changed.insert(id);
            }
        }
        let fresh = self.incidents.unsaved.pages.iter_mut();
        let ends = fresh.filter(|end| end.incident == Some(incident) && end.kind.is_end());
        ends.for_each(|end| note(&mut end.message.detour));
    }
}
