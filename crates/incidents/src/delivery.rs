//! What became of pages: what is written of it, and other ways for those that were not delivered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use state_store::{StateError, Transaction, Value};
use vocabulary::Timestamp;
use vocabulary::state::{InstanceId, State, StateChange, StateType};

use crate::answers;
use crate::book::Ways;
use crate::desk::{Attempt, Desk, Inner};
use crate::detour::Detoured;
use crate::incident::{Entry, IncidentId};
use crate::limits::{FAILURES_TO_TELL, MAX_TEXT, cut};
use crate::page::{Message, Page, PageKind};
use crate::store;

/// So many pages are given up in one transaction.
const MOST_AT_ONCE: usize = 200;
const GIVEN_UP: &str = "given up";
const NOT_YET: &str = "not delivered yet";

impl Desk {
    /// What became of tries that were made together.
    pub fn record(
        &self,
        channel: &str,
        attempts: &[(i64, Attempt)],
        now: Timestamp,
    ) -> Result<(), StateError> {
        let mut batch = self.batch();
        let (mut gone, mut given_up) = (Vec::new(), Vec::new());
        for (id, attempt) in attempts {
            let page = batch.inner.outbox.get(*id).map(|waiting| waiting.page.clone());
            batch.inner.note_attempt(channel, *id, attempt, now);
            batch.inner.note_otherwise(channel, *id, attempt);
            match attempt {
                Attempt::Delivered | Attempt::Taken { .. } => {
                    gone.push((*id, "delivered", String::new()));
                    page.iter().for_each(|page| batch.inner.note_heard(page, now));
                }
                Attempt::Unsaid => gone.push((*id, "delivered", String::new())),
                Attempt::Unreached { why } | Attempt::GivenUp { why } | Attempt::Gone { why } => {
                    gone.push((*id, "given_up", why.clone()));
                    batch.inner.outbox.ended.insert(*id);
                    let of_one = matches!(attempt, Attempt::Unreached { .. });
                    batch.inner.another_way(*id, of_one, why, now);
                    given_up.extend(page);
                }
                Attempt::Later { .. } => {}
            }
        }
        batch.inner.tell_of_channel(channel, now);
        batch.inner.note_lost(&given_up, now);
        batch.inner.end_where_it_stood_in(now);
        batch.write(|tx, inner| {
            for (id, attempt) in attempts {
                if let Attempt::Later { at_ms, why } = attempt {
                    save_later(tx, *id, *at_ms, why)?;
                }
            }
            inner.outbox.changed.iter().try_for_each(|id| save_message(tx, *id, inner))?;
            gone.iter().try_for_each(|(id, state, why)| save_end(tx, *id, state, why, now))?;
            attempts.iter().try_for_each(|(id, attempt)| answers::save_handle(tx, *id, attempt))
        })?;
        for (id, ..) in &gone {
            batch.inner.outbox.remove(*id);
        }
        batch.inner.outbox.changed.clear();
        batch.committed();
        Ok(())
    }

    /// There is no such channel any more: what waits for it goes another way.
    pub fn abandon(&self, channel: &str, now: Timestamp) -> Result<(), StateError> {
        let pages = self.inner.lock().outbox.of_channel(channel);
        let why = "there is no channel of this name any more".to_owned();
        let given_up = Attempt::GivenUp { why };
        // Somebody has taken it out: that it takes nothing any more is no news.
        self.inner.lock().outbox.failing.entry(Arc::from(channel)).or_default().told = true;
        // There may be very many: others want the desk in between.
        for some in pages.chunks(MOST_AT_ONCE) {
            let waits = |page: &&Page| self.inner.lock().outbox.get(page.id).is_some();
            let attempts = some.iter().filter(waits).map(|page| (page.id, given_up.clone()));
            let attempts: Vec<_> = attempts.collect();
            self.record(channel, &attempts, now)?;
        }
        self.forgive(channel, now)
    }

    /// Whatever was wrong with this channel says nothing any more: it is another one now, or none.
    pub fn forgive(&self, channel: &str, now: Timestamp) -> Result<(), StateError> {
        let mut batch = self.batch();
        batch.inner.outbox.forget_unreached_where(|way| *way.channel == *channel);
        batch.inner.incidents.tell_unheard_by(channel, |_, _| true);
        let Some(failing) = batch.inner.outbox.failing.get_mut(channel) else { return batch.commit_alone() };
        (failing.in_a_row, failing.off) = (0, false);
        failing.why.clear();
        batch.inner.tell_of_channel(channel, now);
        batch.inner.outbox.failing.remove(channel);
        batch.commit_alone()
    }

    /// It has said that it wants no more pages.
    pub fn is_off(&self, channel: &str) -> bool {
        self.inner.lock().outbox.failing.get(channel).is_some_and(|failing| failing.off)
    }
}

fn save_later(tx: &Transaction<'_>, id: i64, at_ms: i64, why: &str) -> Result<(), StateError> {
    tx.execute(
        "UPDATE page SET tries = tries + 1, next_try = ?2, error = ?3 WHERE id = ?1",
        &[id.into(), at_ms.into(), cut(why, MAX_TEXT).into()],
    )?;
    Ok(())
}

fn save_message(tx: &Transaction<'_>, id: i64, inner: &Inner) -> Result<(), StateError> {
    let Some(waiting) = inner.outbox.get(id) else { return Ok(()) };
    tx.execute(
        "UPDATE page SET message = ?2 WHERE id = ?1",
        &[id.into(), store::json(&waiting.page.message)],
    )?;
    Ok(())
}

fn save_end(tx: &Transaction<'_>, id: i64, state: &str, why: &str, now: Timestamp) -> Result<(), StateError> {
    let values: [Value; 4] = [id.into(), state.into(), now.0.into(), cut(why, MAX_TEXT).into()];
    tx.execute(
        "UPDATE page SET state = ?2, ended = ?3, error = ?4, tries = tries + 1 WHERE id = ?1",
        &values,
    )?;
    Ok(())
}

impl Inner {
    fn note_attempt(&mut self, channel: &str, id: i64, attempt: &Attempt, now: Timestamp) {
        if matches!(attempt, Attempt::GivenUp { .. } | Attempt::Unreached { .. }) && self.is_letter(id) {
            // A reader's address that is none says nothing of the channel.
            self.outbox.counters.failures += 1;
            return;
        }
        let is_of_channel = self.is_of_channel(channel, id, attempt, now);
        let failing = self.outbox.failing.entry(Arc::from(channel)).or_default();
        let (kind, text) = match attempt {
            Attempt::Delivered | Attempt::Taken { .. } => {
                self.outbox.counters.delivered += 1;
                failing.in_a_row = 0;
                failing.people.clear();
                ("page", "delivered")
            }
            Attempt::Unsaid => return,
            Attempt::Later { why, .. }
            | Attempt::Unreached { why }
            | Attempt::GivenUp { why }
            | Attempt::Gone { why } => {
                self.outbox.counters.failures += 1;
                if is_of_channel {
                    failing.note(why, matches!(attempt, Attempt::Gone { .. }), now);
                }
                let later = matches!(attempt, Attempt::Later { .. });
                // Why stands with the page only: it may name an address, and everybody reads the timeline.
                ("page", if later { NOT_YET } else { GIVEN_UP })
            }
        };
        let Some(waiting) = self.outbox.get_mut(id) else { return };
        waiting.tries += 1;
        if let Attempt::Later { at_ms, .. } = attempt {
            waiting.next_try = *at_ms;
        }
        // Of tries that failed the first is a line of the timeline, and the end.
        if matches!(attempt, Attempt::Later { .. }) && waiting.tries > 1 {
            return;
        }
        let page = waiting.page.clone();
        if let Some(incident) = page.incident {
            let text = format!("{} by {channel}: {text}", page.kind.word());
            self.incidents.write(incident, Entry { at: now, kind, who: page.contact.to_string(), text });
        }
    }

    /// Does what became of it say something of the channel, and not of one person only?
    fn is_of_channel(&mut self, channel: &str, id: i64, attempt: &Attempt, now: Timestamp) -> bool {
        let Some(contact) = self.outbox.get(id).map(|waiting| waiting.page.contact.clone()) else {
            return true;
        };
        match attempt {
            Attempt::Unreached { why } => self.note_unreached(channel, &contact, why, now),
            Attempt::Delivered | Attempt::Taken { .. } => {
                self.outbox.note_reached(channel, &contact);
                true
            }
            Attempt::Unsaid | Attempt::Later { .. } | Attempt::GivenUp { .. } | Attempt::Gone { .. } => true,
        }
    }

    fn is_letter(&self, id: i64) -> bool {
        self.outbox.get(id).is_some_and(|waiting| waiting.page.kind == PageKind::Letter)
    }

    /// A page that was given up goes by another channel of the contact, else to those who are told by default.
    fn another_way(&mut self, id: i64, of_one: bool, why: &str, now: Timestamp) {
        self.outbox.counters.given_up += 1;
        let Some(page) = self.outbox.get_mut(id).map(|waiting| waiting.page.clone()) else { return };
        self.note_missed_end(&page);
        if page.message.rerouted || page.kind == PageKind::Letter || self.is_told_otherwise(&page) {
            return;
        }
        if self.reroute_one(&page, of_one, now) {
            self.reroute_rest_of(&page, now);
        } else if !self.is_told_by_others_instead(&page) {
            self.outbox.counters.reached_nobody += 1;
            tracing::error!(
                channel = &*page.channel,
                contact = &*page.contact,
                title = page.message.title,
                why,
                "a page reached nobody: there is no other channel to send it by"
            );
        }
    }

    /// A channel that fails is told of by others, and what waits for it goes by them; so is that it works again.
    fn tell_of_channel(&mut self, channel: &str, now: Timestamp) {
        let Some(failing) = self.outbox.failing.get_mut(channel) else { return };
        let (bad, why) = (failing.in_a_row >= FAILURES_TO_TELL, failing.why.clone());
        if bad == failing.told {
            if bad {
                self.reroute_waiting(channel, now);
            }
            return;
        }
        if !bad && failing.in_a_row > 0 {
            return;
        }
        failing.told = bad;
        let text = match bad {
            // What a provider says of it may name an address: the part of the channel says it to administrators.
            true if failing.off => format!("{channel} is switched off: it says that it takes no more"),
            true => format!("pages cannot be delivered by {channel}: its part of health says why"),
            false if why.is_empty() => format!("{channel} is defined in another way, or not any more"),
            false => format!("pages are delivered by {channel} again"),
        };
        let (from, to) = if bad { (State::Ok, State::Critical) } else { (State::Critical, State::Ok) };
        let change = StateChange {
            id: InstanceId { monitor: format!("channel:{channel}").into(), instance: "".into() },
            at: now,
            from,
            from_type: StateType::Hard,
            to,
            to_type: StateType::Hard,
            attempt: 1,
            value: None,
            text: text.into(),
            withheld: None,
            since: None,
            of_sender: None,
        };
        self.incidents.take(&[change], &[], now);
        if bad {
            self.reroute_waiting(channel, now);
        }
    }

    /// Whoever hears of a problem in another's place, when all the others know its end already, hears of the end too, and
    /// of what comes between: they wait behind, and go in their order.
    fn reroute_rest_of(&mut self, problem: &Page, now: Timestamp) {
        let is_over = problem.incident.is_some_and(|id| !self.incidents.knows(id));
        if !is_over || !problem.kind.is_problem() {
            return;
        }
        let follows = |page: &Page| {
            let is_word = page.kind.is_problem() || page.kind.is_end();
            page.id > problem.id && page.channel == problem.channel && is_word
        };
        let waiting = self.outbox.to_same(problem).filter(|page| follows(page)).cloned();
        for page in waiting.collect::<Vec<_>>() {
            self.reroute_one(&page, false, now);
        }
    }

    /// Of what is over, and of which all have heard, the end is told to whoever has just stood in for somebody, unless it
    /// went the same way: the end of whom they stood in for may have another one.
    fn end_where_it_stood_in(&mut self, now: Timestamp) {
        let mut last: BTreeMap<(IncidentId, Arc<str>), &Page> = BTreeMap::new();
        let is_word = |page: &&Page| page.kind.is_problem() || page.kind.is_end();
        let instead = self.incidents.unsaved.pages.iter().filter(|page| page.message.instead_of.is_some());
        for page in instead.filter(is_word) {
            if let Some(incident) = page.incident.filter(|id| !self.incidents.knows(*id)) {
                last.insert((incident, page.contact.clone()), page);
            }
        }
        let problems: Vec<Page> = last.into_values().filter(|page| page.kind.is_problem()).cloned().collect();
        for Page { incident, contact, channel, message, .. } in problems {
            let Some(end) = incident.and_then(|id| self.outbox.ends_of(id).next()) else { continue };
            let (kind, told) = (end.kind, end.message.clone());
            let (email, ways) = (None, Ways::new());
            // What its problem named is what its end names to whoever does not see all of it.
            let told = match self.incidents.is_limited(&contact) {
                true => Message {
                    state: told.state,
                    until: told.until,
                    text: String::new(),
                    instances: Vec::new(),
                    ..message.clone()
                },
                false => told,
            };
            let told = Message { instead_of: message.instead_of, email, ways, ..told };
            self.incidents.page(incident, kind, &contact, &[channel], &told, now);
        }
    }

    fn reroute_waiting(&mut self, channel: &str, now: Timestamp) {
        for page in self.outbox.to_reroute(channel) {
            self.reroute_one(&page, false, now);
        }
    }

    /// It goes another way too, once: what was given up is not to go again when its channel is found to fail by that.
    /// False: there is no other way that reaches somebody, or it has gone it. Letters have no other.
    fn reroute_one(&mut self, page: &Page, of_one: bool, now: Timestamp) -> bool {
        let stays = page.message.rerouted || page.kind == PageKind::Letter;
        if stays || self.is_told_otherwise(page) {
            return false;
        }
        let same = self.outbox.of_word(page);
        let mut from = page.clone();
        from.message.detour.missed_it.extend(self.who_may_miss_end(page));
        from.message.otherwise.used.extend(same.iter().map(|(_, channel)| channel.to_string()));
        let before = self.incidents.unsaved.pages.len();
        let detoured = self.incidents.reroute(&from, of_one, now);
        if detoured == Detoured::Nowhere {
            return false;
        }
        self.outbox.counters.rerouted += 1;
        self.note_end_instead(page, before);
        // Whoever stands in does so for all the ways that fail, not for each again.
        for id in same.into_iter().map(|(id, _)| id).chain([page.id]) {
            if let Some(waiting) = self.outbox.get_mut(id) {
                waiting.page.message.rerouted = true;
            }
            self.outbox.changed.insert(id);
        }
        detoured == Detoured::InPerson
    }

    /// Whoever has just been told of an end in the place of one is not told of it in the place of another, or for another way.
    fn note_end_instead(&mut self, page: &Page, before: usize) {
        let Some(incident) = page.incident.filter(|_| page.kind.is_end()) else { return };
        let told = self.incidents.unsaved.pages[before..].iter();
        let told = told.filter(|told| told.contact != page.contact && self.may_reach(told));
        let names: BTreeSet<String> = told.map(|told| told.contact.to_string()).collect();
        if names.is_empty() {
            return;
        }
        for id in self.outbox.ends_of(incident).map(|end| end.id).collect::<Vec<_>>() {
            if let Some(waiting) = self.outbox.get_mut(id) {
                waiting.page.message.detour.have_it.extend(names.iter().cloned());
                self.outbox.changed.insert(id);
            }
        }
        let fresh = self.incidents.unsaved.pages.iter_mut();
        for end in fresh.filter(|end| end.incident == Some(incident) && end.kind.is_end()) {
            end.message.detour.have_it.extend(names.iter().cloned());
        }
    }

    /// Somebody else who stands in for the same one has it, or will.
    pub(crate) fn is_told_by_others_instead(&self, page: &Page) -> bool {
        let origin = page.message.detour.origin(page.id);
        let waiting = self.outbox.of_origin(origin).filter(|other| self.outbox.is_to_go(other.id));
        let mut others = waiting.chain(&self.incidents.unsaved.pages);
        let is_instead =
            |other: &Page| other.id != page.id && other.message.detour.stands_for == Some(origin);
        page.message.detour.stood_in || others.any(|other| is_instead(other) && self.may_reach(other))
    }

    pub(crate) fn may_reach(&self, page: &Page) -> bool {
        self.incidents.book.reaches(std::slice::from_ref(&page.channel))
    }

    /// What waits in the place of the same page has to know that somebody has it.
    fn note_stood_in(&mut self, page: &Page) {
        let Some(origin) = page.message.detour.stands_for.filter(|_| self.may_reach(page)) else { return };
        for id in self.outbox.of_origin(origin).map(|other| other.id).collect::<Vec<_>>() {
            if let Some(waiting) = self.outbox.get_mut(id) {
                waiting.page.message.detour.stood_in = true;
                self.outbox.changed.insert(id);
            }
        }
    }

    /// The contact has this word by another of its ways, or will have it by one that works. Rooms reach nobody.
    pub(crate) fn is_told_otherwise(&self, page: &Page) -> bool {
        let fails = |channel: &str| self.outbox.failing.get(channel).is_some_and(|failing| failing.told);
        let waiting = self.outbox.of_word(page).into_iter().map(|(_, channel)| channel);
        let reached = page.message.otherwise.reached.iter().map(|channel| Arc::from(channel.as_str()));
        let waiting =
            waiting.filter(|channel| !fails(channel) && self.incidents.book.says(channel, page.kind));
        let ways: Vec<Arc<str>> = waiting.chain(reached).collect();
        self.incidents.book.reaches(&ways)
    }

    /// What waits to say the same to the same contact by other channels has to know what came of this.
    fn note_otherwise(&mut self, channel: &str, id: i64, attempt: &Attempt) {
        let reached = match attempt {
            Attempt::Delivered | Attempt::Taken { .. } => true,
            Attempt::Unreached { .. } | Attempt::GivenUp { .. } | Attempt::Gone { .. } => false,
            Attempt::Unsaid | Attempt::Later { .. } => return,
        };
        let Some(page) = self.outbox.get(id).map(|waiting| waiting.page.clone()) else { return };
        if reached {
            self.note_got_end(&page);
        }
        for (other, _) in self.outbox.of_word(&page) {
            let Some(waiting) = self.outbox.get_mut(other) else { continue };
            let otherwise = &mut waiting.page.message.otherwise;
            let ways = if reached { &mut otherwise.reached } else { &mut otherwise.used };
            ways.push(channel.to_owned());
            self.outbox.changed.insert(other);
        }
        if reached {
            self.note_stood_in(&page);
        }
    }
}
