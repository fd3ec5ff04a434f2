//! What will hold back the word of something: planned time, as it is known now.

use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::{InstanceId, Withheld};

use super::{HOST_PREFIX, Kind, Machine, ObjectId};

/// Occurrences of one recurring downtime that are looked at: more than come in a year of days.
const MAX_OCCURRENCES: usize = 400;

/// From then until then nobody is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    pub start: Timestamp,
    pub end: Timestamp,
    pub why: Withheld,
    /// What it is, in words.
    pub what: String,
}

/// What a downtime of it would be of.
struct Planned<'n> {
    kind: Kind,
    name: &'n str,
    /// None: nothing of it has been seen yet.
    object: Option<ObjectId>,
}

impl Machine {
    /// Its own planned time and that of its host, of which something lies between these. A flexible downtime is taken to
    /// begin at `from`, when this goes bad.
    pub fn planned_ahead(&self, id: &InstanceId, from: Timestamp, until: Timestamp) -> Vec<Hold> {
        let mut all: Vec<Hold> =
            self.planned_of(id).iter().flat_map(|planned| self.holds_of(planned, from.0, until.0)).collect();
        all.sort_by_key(|hold| (hold.start, hold.end));
        all
    }

    /// The host that it is, or is on.
    pub fn host_named(&self, id: &InstanceId) -> Option<Arc<str>> {
        match id.monitor.strip_prefix(HOST_PREFIX) {
            Some(host) => Some(host.into()),
            None => self
                .check(&id.monitor)
                .and_then(|check| self.host_of(check))
                .map(|host| self.name_of(host).into()),
        }
    }

    fn planned_of<'n>(&'n self, id: &'n InstanceId) -> Vec<Planned<'n>> {
        let host =
            |host: ObjectId| Planned { kind: Kind::Host, name: self.name_of(host), object: Some(host) };
        if let Some(name) = id.monitor.strip_prefix(HOST_PREFIX) {
            return self.host(name).map(host).into_iter().collect();
        }
        let name = &*id.monitor;
        match self.check(name) {
            Some(check) => {
                let own = Planned { kind: Kind::Check, name, object: Some(check) };
                std::iter::once(own).chain(self.host_of(check).map(host)).collect()
            }
            None => vec![Planned { kind: Kind::Instance, name, object: self.instance(name, &id.instance) }],
        }
    }

    fn holds_of(&self, planned: &Planned<'_>, from: i64, until: i64) -> Vec<Hold> {
        let mut all = Vec::new();
        let hold = |start: i64, end: i64, what: &str| Hold {
            start: Timestamp(start),
            end: Timestamp(end),
            why: Withheld::Downtime,
            what: format!("downtime: {what}"),
        };
        let known = || planned.object.into_iter().flat_map(|object| self.downtimes_of(object));
        for downtime in known().filter(|downtime| downtime.recurring.is_none()) {
            let (start, end) = match (downtime.fixed, downtime.in_effect) {
                (true, _) => (downtime.start, downtime.end),
                (false, true) => (downtime.began, downtime.began.saturating_add(downtime.duration)),
                (false, false) if downtime.start <= from && from <= downtime.end => {
                    (from, from.saturating_add(downtime.duration))
                }
                (false, false) => continue,
            };
            if start < until && from < end {
                all.push(hold(start, end, &downtime.comment));
            }
        }
        for recurring in self.recurring.iter().filter(|it| it.covers(planned.kind, planned.name)) {
            // Whoever cancelled an occurrence has the next one planned already.
            let next = known().find(|downtime| downtime.recurring.as_ref() == Some(&recurring.name));
            let mut after = next.map_or(from, |next| next.start.max(from));
            for _ in 0..MAX_OCCURRENCES {
                let Some((start, end)) = recurring.occurrence(after).filter(|(start, _)| *start < until)
                else {
                    break;
                };
                all.push(hold(start, end, &recurring.name));
                after = end + 1;
            }
        }
        all
    }
}
