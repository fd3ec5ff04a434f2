//! What goes bad enters the incident that it belongs to, or opens one.

use std::collections::{BTreeMap, BTreeSet};

use vocabulary::Timestamp;
use vocabulary::state::{State, Withheld};

use crate::book::Kind;
use crate::core::Incidents;
use crate::deeds::joined;
use crate::error_groups;
use crate::incident::{Detail, Entry, Incident, IncidentId, Key, Phase, Trouble};
use crate::limits::MAX_LISTED_INSTANCES;

impl Incidents {
    pub(crate) fn placed_bad(&self, key: &Key) -> Option<IncidentId> {
        let id = *self.place.get(key)?;
        let incident = self.live.get(&id).filter(|incident| !incident.is_closed())?;
        incident.troubles.get(key).filter(|trouble| !trouble.is_over()).map(|_| id)
    }

    /// The open incident of the host that this check is on.
    pub(crate) fn host_incident(&self, key: &Key) -> Option<IncidentId> {
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
        // What is measured stands in the timeline when it was seen, which may be before we were told.
        let began = Timestamp(trouble.began().min(now.0));
        let known = by_host.or_else(|| self.incident_of_reason(&reason, &key, trouble.since, now));
        let id = match known {
            Some(id) => id,
            None => match self.cause(&key, &trouble) {
                Some((id, why)) => {
                    self.stands_for(id, &reason);
                    trouble.why = Some(why);
                    id
                }
                None => self.open(&key, trouble.title_of_incident(&key), reason.clone(), began, now),
            },
        };
        let is_part = self.live.get(&id).is_some_and(|incident| incident.detail.also.contains(&reason));
        if is_part && trouble.why.is_none() {
            trouble.why = Some(format!("of {reason}, which is a part of it"));
        }
        self.reopen(id, began, now);
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
            self.write(id, Entry { at: began, kind: "instance", who: String::new(), text });
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

    pub(crate) fn open(
        &mut self,
        key: &Key,
        title: String,
        reason: String,
        began: Timestamp,
        now: Timestamp,
    ) -> IncidentId {
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
            asked_by: None,
            reopened: 0,
            escalation: None,
            ran_out_at: None,
            anew_at: None,
            taken_back: None,
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
        self.write(id, Entry { at: began, kind: "opened", who: String::new(), text: title });
        if let Some(environment) = self.not_paging(key) {
            let text = format!(
                "nobody is paged: `{environment}` is not production, and [incidents] page_non_production is off"
            );
            self.write(id, Entry { at: now, kind: "page", who: String::new(), text });
        }
        id
    }
}
