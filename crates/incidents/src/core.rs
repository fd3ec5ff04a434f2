//! How an incident changes and ends. Plain code with the time passed in.
//!
//! [`Incidents::take`] is the whole of it: changes say what is bad, notices say whom a check's own rules told, and
//! [`settle`](Incidents::settle) decides once for the batch who hears of it. What is made is marked to be written;
//! [`Incidents::save`] writes it in the caller's transaction, [`Incidents::committed`] forgets the marks.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::{Notice, StateChange, StateType, Withheld};

use crate::book::{Book, OWN_PREFIX, Ways};
use crate::deeds::DECLARED;
use crate::incident::{Acknowledged, Entry, Incident, IncidentId, Key, Trouble};
use crate::kin::Kin;
use crate::limits::{MAX_LISTED_INSTANCES, MAX_TEXT, cut};
use crate::oncall::Roster;
use crate::oncall::counting::{Openings, Turns};
use crate::page::Page;
use crate::playbooks::Playbooks;
use crate::unsaved::Unsaved;

/// What is asked of those who watch, once a second, about what is not told yet.
pub trait Estate {
    /// Why nobody is to be told of this instance now.
    fn withheld(&self, key: &Key) -> Option<Withheld>;
    /// The same, if its acknowledgement is no reason any more.
    fn withheld_unless_acknowledged(&self, key: &Key) -> Option<Withheld> {
        self.withheld(key).filter(|why| *why != Withheld::Acknowledged)
    }
    /// Will the check's own rules still tell this contact that it is over?
    fn will_tell(&self, key: &Key, contact: &str) -> bool;
    /// Who has acknowledged this instance by itself.
    fn acknowledged(&self, key: &Key) -> Option<Acknowledged>;
}

/// Plain counters of this room.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub opened: u64,
    pub closed: u64,
    pub self_healed: u64,
    pub pages: u64,
    /// Opened, bad enough, and nobody to tell.
    pub untold: u64,
    /// Kept from somebody until the morning.
    pub held_at_night: u64,
}

#[derive(Default)]
pub struct Incidents {
    pub(crate) book: Book,
    pub(crate) roster: Arc<Roster>,
    pub(crate) playbooks: Playbooks,
    /// Whose turn it is in steps of policies that go round.
    pub(crate) turns: Turns,
    pub(crate) openings: Openings,
    /// Those that are open, and closed ones of which somebody is still to be told.
    pub(crate) live: BTreeMap<IncidentId, Incident>,
    pub(crate) by_reason: HashMap<String, IncidentId>,
    /// In which live incident an instance is.
    pub(crate) place: HashMap<Key, IncidentId>,
    /// What is bad in them, by what it has in common with others.
    pub(crate) kin: Kin,
    /// Those whose members are in another one now.
    pub(crate) merged: BTreeSet<IncidentId>,
    /// Bad, and in no incident: held back, or dismissed.
    pub(crate) held: BTreeMap<Key, Trouble>,
    pub(crate) next_incident: IncidentId,
    pub(crate) next_page: i64,
    pub(crate) touched: BTreeSet<IncidentId>,
    /// What joined incidents for another reason than theirs, since the last `settle`.
    pub(crate) joined: BTreeMap<IncidentId, Vec<Key>>,
    /// What of these was held back as its host was down, and is not any more.
    pub(crate) freed: BTreeMap<IncidentId, Vec<Key>>,
    /// Made since the last `take`.
    pub(crate) fresh: Vec<Page>,
    pub(crate) unsaved: Unsaved,
    /// Who is reached by what, in one number: another one when that is defined in another way.
    pub(crate) people: u64,
    /// The same of policies, of who is on call in the place of whom, and of people's own rules.
    pub(crate) rostered: u64,
    /// Other definitions since the last look.
    pub(crate) book_changed: bool,
    /// What this process was last told that the time is.
    pub(crate) latest: Option<Timestamp>,
    pub counters: Counters,
}

impl Incidents {
    pub fn set_book(&mut self, mut book: Book) {
        book.keep_unread(&self.book);
        self.people = book.people();
        self.book = book;
        self.book_changed = true;
        self.tie_anew();
    }

    pub(crate) fn book(&self) -> &Book {
        &self.book
    }

    pub(crate) fn roster(&self) -> &Arc<Roster> {
        &self.roster
    }

    pub(crate) fn set_roster(&mut self, roster: Arc<Roster>) {
        self.rostered = roster.people();
        self.roster = roster;
    }

    pub fn apply(&mut self, change: &StateChange, now: Timestamp) -> Vec<Page> {
        self.take(std::slice::from_ref(change), &[], now)
    }

    /// What happened together, in one go. A notice comes with whether a silence keeps it from being sent.
    pub fn take(&mut self, changes: &[StateChange], notices: &[(Notice, bool)], now: Timestamp) -> Vec<Page> {
        for change in self.parts_first(changes) {
            let key = Key::of(&change.id);
            match change.to.is_problem() {
                false => self.over(&key, change),
                true if change.to_type == StateType::Hard => self.bad(&key, change, now),
                true => {}
            }
        }
        let over = over_at_last(changes);
        for (notice, silenced) in notices {
            match silenced {
                true => self.silenced_notice(notice),
                false => self.notice(notice, over.contains(&Key::of(&notice.id)), now),
            }
        }
        self.settle(now);
        std::mem::take(&mut self.fresh)
    }

    /// What is told because time has passed, or because what held it back has lifted.
    pub fn tick(&mut self, estate: &dyn Estate, now: Timestamp) -> Vec<Page> {
        self.follow_clock(now);
        self.let_gone_go(now);
        self.end_rests(now);
        self.lift_held(estate, now);
        self.lift_muted(estate);
        self.see_acknowledged(estate, now);
        self.wake_snoozed(estate, now);
        let taken_back = self.look_at_taken_back(estate, now);
        self.tell_unheard(estate, now);
        self.settle(now);
        self.tell_owed(estate, now);
        self.escalate_due(estate, now);
        self.tell_taken_back(taken_back, now);
        self.tell_late(now);
        self.reach_on(estate, now);
        self.tell_ends(estate, now);
        std::mem::take(&mut self.fresh)
    }

    fn bad(&mut self, key: &Key, change: &StateChange, now: Timestamp) {
        let shadow = self.book.about(key).is_some_and(|subject| subject.shadow);
        if shadow || change.withheld == Some(Withheld::Shadow) {
            return;
        }
        let change = &StateChange { to: self.as_of_production(key, change.to), ..change.clone() };
        if let Some(id) = self.placed_bad(key) {
            return self.changes(id, key, change, now);
        }
        if self.sums_up_alerts(key) && self.has_bad_alert(key) {
            // Each of them has an incident.
            return;
        }
        let mut trouble = Trouble::new(change);
        if let Some(before) = self.held.get(key) {
            trouble.since = before.since;
            trouble.owed.clone_from(&before.owed);
            let worse = trouble.state.badness() > before.worst.badness();
            trouble.dismissed = before.dismissed && !worse;
            trouble.worst = if worse { trouble.state } else { before.worst };
        }
        let with_host = change.withheld == Some(Withheld::HostDown) && self.host_incident(key).is_some();
        if trouble.dismissed || (trouble.withheld.is_some() && !with_host) {
            self.hold(key.clone(), trouble);
        } else {
            self.enter(key.clone(), trouble, now);
        }
    }

    /// Further news of what is in an incident already.
    fn changes(&mut self, id: IncidentId, key: &Key, change: &StateChange, now: Timestamp) {
        let Some(incident) = self.live.get_mut(&id) else { return };
        let Some(trouble) = incident.troubles.get_mut(key) else { return };
        let (before, was_withheld) = (trouble.state, trouble.withheld);
        trouble.take(change);
        self.unsaved.trouble(id, key.clone());
        if was_withheld == Some(Withheld::HostDown) && change.withheld.is_none() {
            self.comes_free(id, key);
        }
        if before != change.to {
            let kind = if change.to.badness() > before.badness() { "worse" } else { "better" };
            let text = format!("{key} is {} ({before} before): {}", change.to, cut(&change.text, MAX_TEXT));
            self.write(id, Entry { at: now, kind, who: String::new(), text });
        }
        self.touch(id);
    }

    fn over(&mut self, key: &Key, change: &StateChange) {
        if self.held.remove(key).is_some() {
            self.unsaved.let_go(key.clone());
        }
        let Some(id) = self.placed_bad(key) else { return };
        let Some(incident) = self.live.get_mut(&id) else { return };
        let Some(trouble) = incident.troubles.get_mut(key) else { return };
        trouble.take(change);
        let at = trouble.ended().map_or(change.at, Timestamp);
        let listed = incident.troubles.len() <= MAX_LISTED_INSTANCES;
        self.unsaved.trouble(id, key.clone());
        self.kin.leave(key);
        if listed {
            let text = format!("{key} is {}: {}", change.to, cut(&change.text, MAX_TEXT));
            self.write(id, Entry { at, kind: "better", who: String::new(), text });
        }
        self.touch(id);
    }

    pub(crate) fn hold(&mut self, key: Key, trouble: Trouble) {
        self.unsaved.held(key.clone());
        self.held.insert(key, trouble);
    }

    pub(crate) fn touch(&mut self, id: IncidentId) {
        self.touched.insert(id);
        self.unsaved.incident(id);
    }

    /// Open, or not everybody knows of its end.
    pub(crate) fn knows(&self, id: IncidentId) -> bool {
        self.live.get(&id).is_some_and(|incident| !incident.rests())
    }

    pub fn open_count(&self) -> usize {
        self.live.values().filter(|incident| !incident.is_closed()).count()
    }

    /// Those that others have been told of.
    pub(crate) fn failing_channels(&self) -> Vec<Arc<str>> {
        let open = self.live.values().filter(|incident| !incident.is_closed());
        open.filter_map(|incident| incident.reason.strip_prefix("channel:").map(Arc::from)).collect()
    }

    /// Our own parts that an open incident is about.
    pub(crate) fn open_own(&self) -> Vec<String> {
        let open = self.live.values().filter(|incident| !incident.is_closed());
        open.filter_map(|incident| incident.reason.strip_prefix(OWN_PREFIX).map(str::to_owned)).collect()
    }

    pub(crate) fn email_of(&self, contact: &str) -> Option<String> {
        self.book.contacts.get(contact)?.email.clone()
    }

    pub(crate) fn ways_of(&self, contact: &str) -> Ways {
        self.book.contacts.get(contact).map(|contact| contact.ways.clone()).unwrap_or_default()
    }

    pub(crate) fn channels_of(&self, contact: &str) -> Vec<Arc<str>> {
        self.book.contacts.get(contact).map(|contact| contact.channels.clone()).unwrap_or_default()
    }
}

/// What was well again by the last word of a batch, whatever the notices of what was before say.
fn over_at_last(changes: &[StateChange]) -> HashSet<Key> {
    let mut over = HashSet::new();
    for change in changes {
        match change.to.is_problem() {
            false => drop(over.insert(Key::of(&change.id))),
            true if change.to_type == StateType::Hard => drop(over.remove(&Key::of(&change.id))),
            true => {}
        }
    }
    over
}

/// A channel, or a part of ours: nobody has to define it.
pub(crate) fn is_ours(monitor: &str) -> bool {
    ["channel:", OWN_PREFIX, DECLARED].iter().any(|prefix| monitor.starts_with(prefix))
}
