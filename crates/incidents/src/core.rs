//! How an incident opens, changes and ends. Plain code with the time passed in.
//!
//! [`Incidents::take`] is the whole of it: changes say what is bad, notices say whom a check's own rules told, and
//! [`settle`](Incidents::settle) decides once for the batch who hears of it. What is made is marked to be written;
//! [`Incidents::save`] writes it in the caller's transaction, [`Incidents::committed`] forgets the marks.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::{Notice, State, StateChange, StateType, Withheld};

use crate::book::{Book, Kind, OWN_PREFIX, Ways};
use crate::deeds::{DECLARED, joined};
use crate::error_groups;
use crate::incident::{Acknowledged, Detail, Entry, Incident, IncidentId, Key, Phase, Trouble};
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
    /// Made since the last `take`.
    pub(crate) fresh: Vec<Page>,
    pub(crate) unsaved: Unsaved,
    /// Who is reached by what, in one number: another one when that is defined in another way.
    pub(crate) people: u64,
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
        self.tell_unheard(now);
        self.settle(now);
        self.tell_owed(estate, now);
        self.escalate_due(estate, now);
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
        let before = trouble.state;
        trouble.take(change);
        self.unsaved.trouble(id, key.clone());
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
        let listed = incident.troubles.len() <= MAX_LISTED_INSTANCES;
        self.unsaved.trouble(id, key.clone());
        self.kin.leave(key);
        if listed {
            let text = format!("{key} is {}: {}", change.to, cut(&change.text, MAX_TEXT));
            self.write(id, Entry { at: change.at, kind: "better", who: String::new(), text });
        }
        self.touch(id);
    }

    pub(crate) fn hold(&mut self, key: Key, trouble: Trouble) {
        self.unsaved.held(key.clone());
        self.held.insert(key, trouble);
    }

    pub(crate) fn placed_bad(&self, key: &Key) -> Option<IncidentId> {
        let id = *self.place.get(key)?;
        let incident = self.live.get(&id).filter(|incident| !incident.is_closed())?;
        incident.troubles.get(key).filter(|trouble| !trouble.is_over()).map(|_| id)
    }

    /// The open incident of the host that this check is on.
    fn host_incident(&self, key: &Key) -> Option<IncidentId> {
        let host = self.book.subject(key.host, &key.monitor)?.host.as_ref()?;
        let id = *self.by_reason.get(&format!("host:{host}"))?;
        let incident = self.live.get(&id).filter(|incident| !incident.is_closed())?;
        incident.bad().any(|(key, _)| key.host).then_some(id)
    }

    /// Into the incident that it belongs to, which opens if there is none.
    pub(crate) fn enter(&mut self, key: Key, mut trouble: Trouble, now: Timestamp) {
        if self.held.remove(&key).is_some() {
            self.unsaved.let_go(key.clone());
        }
        trouble.dismissed = false;
        let owed = std::mem::take(&mut trouble.owed);
        let by_host =
            (trouble.withheld == Some(Withheld::HostDown)).then(|| self.host_incident(&key)).flatten();
        let reason = self.reason(&key);
        let known = by_host.or_else(|| self.incident_of_reason(&reason, &key, trouble.since, now));
        let id = match known {
            Some(id) => id,
            None => match self.cause(&key, &trouble) {
                Some((id, why)) => {
                    self.stands_for(id, &reason);
                    trouble.why = Some(why);
                    id
                }
                None => self.open(&key, trouble.title_of_incident(&key), reason.clone(), now),
            },
        };
        let is_part = self.live.get(&id).is_some_and(|incident| incident.detail.also.contains(&reason));
        if is_part && trouble.why.is_none() {
            trouble.why = Some(format!("of {reason}, which is a part of it"));
        }
        self.reopen(id, now);
        let is_newcomer = known.is_some() && by_host.is_none() && self.is_newcomer(id, &key, now);
        let has_own_reason = self.is_of_errors(&key) || self.book.is_of_alerts(&key);
        let Some(incident) = self.live.get_mut(&id) else { return };
        incident.detail.breaches += 1;
        incident.note_began(&trouble);
        if is_newcomer {
            trouble.unheard = true;
            incident.detail.more_since.get_or_insert(now.0);
        }
        incident.detail.grouped += usize::from(trouble.why.is_some());
        if trouble.worst.badness() > incident.detail.worst.badness() {
            incident.detail.worst = trouble.worst;
        }
        if trouble.why.is_some() {
            self.joined.entry(id).or_default().push(key.clone());
        }
        let why = trouble.why.as_ref().map(|why| format!(" (grouped: {why})")).unwrap_or_default();
        let text = joined(&format!("{} is {}{why}", trouble.called(&key), trouble.state), &trouble.text);
        // Down, or behind one that is: nobody asks its checks either way.
        let is_host = key.host && !trouble.is_over();
        let since = trouble.since;
        let said = trouble.text.clone();
        incident.troubles.insert(key.clone(), trouble);
        let is_check = self.book.about(&key).is_some_and(|subject| subject.kind == Kind::Check);
        if is_check && !key.instance.is_empty() && incident.reason == reason {
            incident.title = incident.title_with_parts(&key.monitor);
        }
        if has_own_reason && incident.reason == reason {
            incident.title = error_groups::title(&said);
        }
        for contact in owed {
            incident.detail.told.entry(contact).or_default().owed.insert(key.mark());
        }
        let listed = incident.troubles.len() <= MAX_LISTED_INSTANCES;
        self.place.insert(key.clone(), id);
        self.tie(&key, since);
        self.unsaved.trouble(id, key.clone());
        if listed {
            self.write(id, Entry { at: now, kind: "instance", who: String::new(), text });
        } else {
            self.unlisted(id);
        }
        self.touch(id);
        if is_host {
            self.gather_checks(&key.monitor, now);
        }
    }

    /// What was held back since its host is down goes into the host's incident.
    fn gather_checks(&mut self, host: &str, now: Timestamp) {
        let of_host = |key: &Key| {
            let subject = self.book.subject(key.host, &key.monitor);
            subject.and_then(|subject| subject.host.as_deref()).is_some_and(|name| name == host)
        };
        let waiting = self.held.iter().filter(|(_, trouble)| trouble.withheld == Some(Withheld::HostDown));
        let waiting: Vec<_> = waiting
            .filter(|(key, trouble)| !trouble.dismissed && of_host(key))
            .map(|(key, trouble)| (key.clone(), trouble.clone()))
            .collect();
        for (key, trouble) in waiting {
            self.enter(key, trouble, now);
        }
    }

    pub(crate) fn open(&mut self, key: &Key, title: String, reason: String, now: Timestamp) -> IncidentId {
        let id = self.next_incident;
        self.next_incident += 1;
        self.counters.opened += 1;
        self.openings.add(now);
        let subject = self.book.about(key);
        let fine = if key.host { State::Up } else { State::Ok };
        let detail = Detail {
            severity: fine,
            worst: fine,
            paged_at: None,
            told: BTreeMap::new(),
            acknowledged: None,
            snoozed_until: None,
            self_healed: false,
            resolved_by: None,
            bad: 0,
            breaches: 0,
            unlisted: 0,
            entries: 0,
            playbook: subject
                .and_then(|subject| subject.playbook.as_ref().or(subject.playbook_of_service.as_ref()))
                .cloned(),
            ticks: BTreeMap::new(),
            production: self.environment(key).1,
            environment: self.environment(key).0.map(str::to_owned),
            ending: false,
            unwatched: false,
            free_since: None,
            owner: None,
            first_acknowledged: None,
            by_hand: None,
            also: BTreeSet::new(),
            merged_into: None,
            declared_by: None,
            reopened: 0,
            escalation: None,
            ran_out_at: None,
            parts_opened_at: None,
            helped: None,
            grouped: 0,
            more_told: None,
            heard_until: None,
            more_since: None,
            more_at: None,
            began: None,
            ended: None,
            unheard: None,
        };
        let incident = Incident {
            id,
            reason: reason.clone(),
            title: title.clone(),
            opened: now,
            closed: None,
            phase: Phase::Open,
            detail,
            troubles: BTreeMap::new(),
        };
        self.live.insert(id, incident);
        self.by_reason.insert(reason, id);
        self.write(id, Entry { at: now, kind: "opened", who: String::new(), text: title });
        if let Some(environment) = self.not_paging(key) {
            let text = format!(
                "nobody is paged: `{environment}` is not production, and [incidents] page_non_production is off"
            );
            self.write(id, Entry { at: now, kind: "page", who: String::new(), text });
        }
        id
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
