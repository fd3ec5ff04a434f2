//! Who would be woken: the very code that pages, on a stage of its own with a clock that jumps from one moment to the next.
//! Nothing else is wrong on that stage, nobody does anything, and nothing of it is kept; what is planned holds back what it
//! would hold back then.

use std::collections::BTreeSet;
use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::{State, StateChange, StateType, Withheld};

use crate::book::Book;
use crate::core::{Estate, Incidents};
use crate::desk::Desk;
use crate::incident::{Acknowledged, Incident, Key, Told};
use crate::limits::{MAX_REHEARSED, REHEARSAL_SECONDS};
use crate::page::{Page, PageKind};

/// What would happen if this went bad then and nobody did anything about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rehearsal {
    /// The policy that it goes by.
    pub policy: Option<String>,
    /// Why by that one.
    pub policy_why: Option<String>,
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

/// From then until then something holds back the word of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    pub from: Timestamp,
    pub until: Timestamp,
    pub why: Withheld,
    /// In words.
    pub what: String,
}

/// At one moment, with what is planned; no check tells anything by itself.
pub(super) struct Planned<'h> {
    pub held: &'h [Held],
    pub now: Timestamp,
}

impl Planned<'_> {
    fn holds(&self) -> Option<&Held> {
        self.held.iter().find(|held| held.from <= self.now && self.now < held.until)
    }
}

impl Estate for Planned<'_> {
    fn withheld(&self, _: &Key) -> Option<Withheld> {
        self.holds().map(|held| held.why)
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
    pub fn rehearse(
        &self,
        key: &Key,
        state: State,
        at: Timestamp,
        held: &[Held],
        now: Timestamp,
    ) -> Option<Rehearsal> {
        let stage = {
            let mut inner = self.inner.lock();
            self.refresh_roster(&mut inner, now);
            inner.incidents.stage_for(key, at)?
        };
        let mut rehearsal = stage.play(key, state, at, held);
        let inner = self.inner.lock();
        for moment in &mut rehearsal.moments {
            let in_vain = moment.calls.iter().filter(|call| !inner.leads_to(&call.contact, &call.channel));
            let said = in_vain.map(|Call { contact, channel, .. }| {
                format!(
                    "{contact} is not reached by {channel}: there is no address, or it leads to them no more"
                )
            });
            moment.said.extend(said.collect::<Vec<_>>());
        }
        Some(rehearsal)
    }
}

impl Incidents {
    /// With what is known of this one alone; none if nothing is.
    pub(crate) fn stage_for(&self, key: &Key, at: Timestamp) -> Option<Incidents> {
        let subject = self.book.about(key)?;
        let host = subject.host.as_ref().map(|host| (true, host.clone()));
        let needed = [Some((key.host, key.monitor.clone())), host].into_iter().flatten();
        let subjects = needed.filter_map(|name| Some((name.clone(), self.book.subjects.get(&name)?.clone())));
        let book = Book {
            subjects: subjects.collect(),
            alerts: self.book.alerts.clone(),
            contacts: self.book.contacts.clone(),
            teams: self.book.teams.clone(),
            owning: self.book.owning.clone(),
            config: self.book.config.clone(),
            environments: self.book.environments.clone(),
            rooms: self.book.rooms.clone(),
            periods: self.book.periods.clone(),
            named_periods: self.book.named_periods.clone(),
            next_times: self.book.next_times.clone(),
            zone: self.book.zone.clone(),
            ..Book::default()
        };
        Some(Incidents {
            book,
            roster: self.roster.clone(),
            turns: self.turns.clone(),
            playbooks: self.playbooks.clone(),
            openings: self.openings.until(at),
            next_incident: 1,
            next_page: 1,
            ..Incidents::default()
        })
    }

    pub(crate) fn play(mut self, key: &Key, state: State, at: Timestamp, held: &[Held]) -> Rehearsal {
        let subject = self.book.about(key);
        let by_own_rules = match Incidents::tells_itself(subject) {
            true => subject.map(|subject| subject.contacts.clone()).unwrap_or_default(),
            false => Vec::new(),
        };
        let mut rehearsal = Rehearsal { by_own_rules, ..Rehearsal::default() };
        let planned = Planned { held, now: at };
        let pages = self.apply(&goes_bad(key, state, at, planned.withheld(key)), at);
        let mut moment = self.moment(pages, at);
        moment.said.extend(match planned.holds() {
            Some(held) => Some(format!("nobody is told: {}", held.what)),
            None => self.why_nobody(&moment),
        });
        rehearsal.moments.push(moment);
        let (mut now, end) = (at, at.plus(REHEARSAL_SECONDS));
        while let Some(next) = self.next_moment(now, end, held) {
            if rehearsal.moments.len() >= MAX_REHEARSED || next >= end {
                rehearsal.goes_on = true;
                break;
            }
            now = next;
            let pages = self.tick(&Planned { held, now }, now);
            let moment = self.moment(pages, now);
            if !(moment.calls.is_empty() && moment.said.is_empty()) {
                rehearsal.moments.push(moment);
            }
        }
        let escalation = self.live.values().find_map(|incident| incident.detail.escalation.as_ref());
        rehearsal.policy = escalation.map(|escalation| escalation.policy.clone());
        let route = self.route(key).filter(|_| rehearsal.policy.is_some());
        rehearsal.policy_why = route.map(|route| route.why.to_string());
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
    pub(super) fn next_moment(&self, now: Timestamp, end: Timestamp, held: &[Held]) -> Option<Timestamp> {
        let borders = held.iter().flat_map(|held| [held.from, held.until]);
        let border = borders.filter(|border| now < *border && *border < end).min();
        let open = self.live.values().filter(|incident| !incident.is_closed());
        let steps = open.clone().filter_map(|incident| incident.detail.escalation.as_ref()?.next_at);
        let rules = open.clone().flat_map(|incident| incident.detail.told.values());
        let steps = steps.chain(rules.filter_map(|told| Some(told.rule.as_ref()?.next_at)));
        // One that is due and has not run is held back, until a border.
        let step = steps.filter(|next| *next > now.0).min().map(Timestamp);
        let step = step.into_iter().chain(border).min();
        let until = step.map_or(end, |step| step.min(end));
        let mut waits = false;
        let due = |told: &Told| told.late || told.rule.as_ref().is_some_and(|rule| rule.next_at <= now.0);
        let late = open.flat_map(|incident| {
            let names = incident.detail.told.iter().filter(move |(_, told): &(_, &Told)| due(told));
            names.map(move |(name, _)| (name.as_str(), incident))
        });
        let late = late.inspect(|_| waits = true);
        let begins = late.filter_map(|(name, incident)| self.begins(name, incident, now, until)).min();
        begins.or(step).or(waits.then_some(end))
    }

    /// When it is this contact's time.
    fn begins(
        &self,
        contact: &str,
        incident: &Incident,
        now: Timestamp,
        until: Timestamp,
    ) -> Option<Timestamp> {
        let host = incident.tellable().is_some_and(|(key, _)| key.host);
        let first = now.0 - now.0.rem_euclid(MINUTE) + MINUTE;
        let mut minutes = (0..).map(|n| Timestamp(first + n * MINUTE)).take_while(|at| *at <= until);
        minutes.find(|at| self.may_tell(incident, contact, host, *at))
    }
}

pub(super) fn goes_bad(key: &Key, state: State, at: Timestamp, withheld: Option<Withheld>) -> StateChange {
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
        withheld,
        since: None,
        of_sender: None,
    }
}
