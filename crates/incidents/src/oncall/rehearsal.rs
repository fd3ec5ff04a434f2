//! Who would be woken: the very code that pages, on a stage of its own with a clock that jumps from one moment to the next.
//! Nothing else is wrong on that stage, nothing is held back, nobody does anything, and nothing of it is kept.

use std::collections::BTreeSet;
use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::{State, StateChange, StateType, Withheld};

use crate::book::Book;
use crate::core::{Estate, Incidents};
use crate::desk::Desk;
use crate::incident::{Acknowledged, Key, Told};
use crate::limits::{MAX_REHEARSED, REHEARSAL_SECONDS};
use crate::page::{Page, PageKind};

/// What would happen if this went bad then and nobody did anything about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rehearsal {
    /// The policy that it goes by.
    pub policy: Option<String>,
    /// Contacts whom a check's own rules tell, as Nagios's do; these are not among the calls.
    pub by_own_rules: Vec<Arc<str>>,
    /// In order; the first is when it goes bad.
    pub moments: Vec<Moment>,
    /// There is more than is told here.
    pub goes_on: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    pub at: Timestamp,
    pub calls: Vec<Call>,
    /// What the timeline would say of it.
    pub said: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    pub contact: Arc<str>,
    pub channel: Arc<str>,
    pub kind: PageKind,
}

/// Nothing is held back, and no check tells anything by itself.
struct Bare;

impl Estate for Bare {
    fn withheld(&self, _: &Key) -> Option<Withheld> {
        None
    }

    fn will_tell(&self, _: &Key, _: &str) -> bool {
        false
    }

    fn acknowledged(&self, _: &Key) -> Option<Acknowledged> {
        None
    }
}

/// Periods begin at full minutes.
const MINUTE: i64 = 60;

impl Desk {
    /// None: nothing of this name is watched.
    pub fn rehearse(&self, key: &Key, state: State, at: Timestamp, now: Timestamp) -> Option<Rehearsal> {
        let stage = {
            let mut inner = self.inner.lock();
            self.refresh_roster(&mut inner, now);
            inner.incidents.stage_for(key, at)?
        };
        Some(stage.play(key, state, at))
    }
}

impl Incidents {
    /// With what is known of this one alone; none if nothing is.
    pub(crate) fn stage_for(&self, key: &Key, at: Timestamp) -> Option<Incidents> {
        let subject = self.book.subject(key.host, &key.monitor)?;
        let host = subject.host.as_ref().map(|host| (true, host.clone()));
        let needed = [Some((key.host, key.monitor.clone())), host].into_iter().flatten();
        let subjects = needed.filter_map(|name| Some((name.clone(), self.book.subjects.get(&name)?.clone())));
        let book = Book {
            subjects: subjects.collect(),
            contacts: self.book.contacts.clone(),
            teams: self.book.teams.clone(),
            config: self.book.config.clone(),
            environments: self.book.environments.clone(),
            periods: self.book.periods.clone(),
            named_periods: self.book.named_periods.clone(),
            zone: self.book.zone.clone(),
            ..Book::default()
        };
        Some(Incidents {
            book,
            roster: self.roster.clone(),
            turns: self.turns.clone(),
            openings: self.openings.until(at),
            next_incident: 1,
            next_page: 1,
            ..Incidents::default()
        })
    }

    pub(crate) fn play(mut self, key: &Key, state: State, at: Timestamp) -> Rehearsal {
        let subject = self.book.subject(key.host, &key.monitor);
        let by_own_rules = match Incidents::tells_itself(subject) {
            true => subject.map(|subject| subject.contacts.clone()).unwrap_or_default(),
            false => Vec::new(),
        };
        let mut rehearsal = Rehearsal { by_own_rules, ..Rehearsal::default() };
        let pages = self.apply(&goes_bad(key, state, at), at);
        let mut moment = self.moment(pages, at);
        moment.said.extend(self.why_nobody(&moment));
        rehearsal.moments.push(moment);
        let escalation = self.live.values().find_map(|incident| incident.detail.escalation.as_ref());
        rehearsal.policy = escalation.map(|escalation| escalation.policy.clone());
        let (mut now, end) = (at, at.plus(REHEARSAL_SECONDS));
        while let Some(next) = self.next_moment(now, end) {
            if rehearsal.moments.len() >= MAX_REHEARSED || next >= end {
                rehearsal.goes_on = true;
                break;
            }
            now = next;
            let pages = self.tick(&Bare, now);
            let moment = self.moment(pages, now);
            if !(moment.calls.is_empty() && moment.said.is_empty()) {
                rehearsal.moments.push(moment);
            }
        }
        rehearsal
    }

    /// What came of this second, with the lines of the timeline that are no mere echo of a page.
    fn moment(&mut self, pages: Vec<Page>, at: Timestamp) -> Moment {
        let call = |page: Page| Call { contact: page.contact, channel: page.channel, kind: page.kind };
        let calls: Vec<Call> = pages.into_iter().map(call).collect();
        let echo = |call: &Call| format!("{} for {} by {}", call.kind.word(), call.contact, call.channel);
        let echoes: BTreeSet<String> = calls.iter().map(echo).collect();
        let entries = std::mem::take(&mut self.unsaved.entries).into_iter().map(|(_, entry)| entry);
        let told = entries.filter(|entry| matches!(entry.kind, "escalated" | "page"));
        let said = told.map(|entry| entry.text).filter(|text| !echoes.contains(text));
        Moment { at, calls, said: said.collect() }
    }

    /// What the timeline need not say, since the incident does.
    fn why_nobody(&self, moment: &Moment) -> Option<String> {
        let Some(incident) = self.live.values().next() else {
            return Some("it is in shadow: no incident opens".into());
        };
        let state = incident.tellable().map(|(_, trouble)| trouble.state)?;
        let silent = moment.calls.is_empty() && moment.said.is_empty();
        let low = silent && !self.is_for_paging(incident, state);
        low.then(|| format!("{state} pages nobody: [incidents] page_warnings is off"))
    }

    /// When something happens next, if anything does; the end stands for all that lies behind it.
    fn next_moment(&self, now: Timestamp, end: Timestamp) -> Option<Timestamp> {
        let open = self.live.values().filter(|incident| !incident.is_closed());
        let steps = open.clone().filter_map(|incident| incident.detail.escalation.as_ref()?.next_at);
        // One that is due and has not run is held back, and nothing lifts that here.
        let step = steps.filter(|next| *next > now.0).min().map(Timestamp);
        let until = step.map_or(end, |step| step.min(end));
        let mut waits = false;
        let late = open.flat_map(|incident| {
            let host = incident.tellable().is_some_and(|(key, _)| key.host);
            let names = incident.detail.told.iter().filter(|(_, told): &(_, &Told)| told.late);
            names.map(move |(name, _)| (name.as_str(), host))
        });
        let late = late.inspect(|_| waits = true);
        let begins = late.filter_map(|(name, host)| self.begins(name, host, now, until)).min();
        begins.or(step).or(waits.then_some(end))
    }

    /// When it is this contact's time.
    fn begins(&self, contact: &str, host: bool, now: Timestamp, until: Timestamp) -> Option<Timestamp> {
        let first = now.0 - now.0.rem_euclid(MINUTE) + MINUTE;
        let mut minutes = (0..).map(|n| Timestamp(first + n * MINUTE)).take_while(|at| *at <= until);
        minutes.find(|at| self.book.is_time(contact, host, *at))
    }
}

fn goes_bad(key: &Key, state: State, at: Timestamp) -> StateChange {
    StateChange {
        id: key.id(),
        at,
        from: if key.host { State::Up } else { State::Ok },
        from_type: StateType::Hard,
        to: state,
        to_type: StateType::Hard,
        attempt: 1,
        value: None,
        text: "".into(),
        withheld: None,
    }
}
