//! `[[downtime]]`: planned time that comes again. Of each, for each object, the next occurrence stands among the
//! other downtimes, so that it can be seen in advance, and cancelled once.

use std::collections::BTreeSet;
use std::sync::Arc;

use vocabulary::Timestamp;

use super::downtime::Downtime;
use super::limits::{MAX_DOWNTIMES, RECURRENCE_DAYS};
use super::period::Period;
use super::{Machine, ObjectId};
use crate::config::DowntimeConfig;

/// Planned time to come, of a `[[downtime]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    pub name: Arc<str>,
    pub comment: Arc<str>,
    pub start: Timestamp,
    pub end: Timestamp,
    /// Names or globs.
    pub checks: Vec<String>,
    pub hosts: Vec<String>,
    pub monitors: Vec<String>,
}

#[derive(Debug)]
pub(super) struct Recurring {
    pub name: Arc<str>,
    pub comment: Arc<str>,
    pub period: Period,
    pub checks: Vec<String>,
    pub hosts: Vec<String>,
    pub monitors: Vec<String>,
}

impl Recurring {
    pub fn new(config: &DowntimeConfig, period: Period) -> Recurring {
        Recurring {
            name: Arc::from(config.name.as_str()),
            comment: Arc::from(config.comment.as_str()),
            period,
            checks: config.checks.clone(),
            hosts: config.hosts.clone(),
            monitors: config.monitors.clone(),
        }
    }

    pub fn covers(&self, kind: super::Kind, name: &str) -> bool {
        let globs = match kind {
            super::Kind::Check => &self.checks,
            super::Kind::Host => &self.hosts,
            super::Kind::Instance => &self.monitors,
        };
        globs.iter().any(|glob| matches(glob, name))
    }

    /// An occurrence that was planned before is one still.
    pub fn has(&self, start: i64, end: i64) -> bool {
        let alone = std::slice::from_ref(&self.period);
        self.period.contains(start, alone) && self.period.next_invalid(start, alone) == Some(end + 1)
    }

    fn at(&self, start: i64, end: i64) -> Occurrence {
        Occurrence {
            name: self.name.clone(),
            comment: self.comment.clone(),
            start: Timestamp(start),
            end: Timestamp(end),
            checks: self.checks.clone(),
            hosts: self.hosts.clone(),
            monitors: self.monitors.clone(),
        }
    }

    /// The first occurrence that ends after `after`.
    pub fn occurrence(&self, after: i64) -> Option<(i64, i64)> {
        let alone = std::slice::from_ref(&self.period);
        let (start, end) = if self.period.contains(after, alone) {
            // In the middle of one: what is left of it.
            (after, self.period.next_invalid(after, alone)?)
        } else {
            let start = self.period.next_valid(after, alone)?;
            (start, self.period.next_invalid(start, alone)?)
        };
        // Ends of spans are included in Nagios's periods; a downtime's end is not.
        let end = end - 1;
        (start < end && start - after <= RECURRENCE_DAYS * 86_400).then_some((start, end))
    }
}

/// `*` stands for any text.
pub(super) fn matches(glob: &str, name: &str) -> bool {
    let Some((head, tail)) = glob.split_once('*') else { return glob == name };
    let Some(rest) = name.strip_prefix(head) else { return false };
    let mut from = 0;
    loop {
        if matches(tail, &rest[from..]) {
            return true;
        }
        match rest[from..].chars().next() {
            Some(letter) => from += letter.len_utf8(),
            None => return false,
        }
    }
}

impl Machine {
    /// Recurring downtimes in the window, in order, at most so many.
    pub fn upcoming(&self, from: Timestamp, until: Timestamp, limit: usize) -> Vec<Occurrence> {
        // The next one of each, by its start; who is first goes on to its own next.
        let mut next: BTreeSet<(i64, i64, usize)> = BTreeSet::new();
        let mut all = Vec::new();
        let add = |next: &mut BTreeSet<_>, index: usize, after: i64| {
            let found = self.recurring[index].occurrence(after).filter(|(start, _)| *start < until.0);
            next.extend(found.map(|(start, end)| (start, end, index)));
        };
        (0..self.recurring.len()).for_each(|index| add(&mut next, index, from.0));
        while let Some((start, end, index)) = next.pop_first().filter(|_| all.len() < limit) {
            all.push(self.recurring[index].at(start, end));
            add(&mut next, index, end + 1);
        }
        all
    }

    /// The next occurrence of each, where none is held yet.
    pub(super) fn plan_recurring(&mut self, now: i64) {
        let objects: Vec<ObjectId> = self.ids().collect();
        for object in objects {
            self.plan_recurring_of(object, now);
        }
    }

    pub(super) fn plan_recurring_of(&mut self, object: ObjectId, now: i64) {
        // A part is held back with its check.
        if self.of(object).knobs.part_of.is_some() {
            return;
        }
        for index in 0..self.recurring.len() {
            let recurring = &self.recurring[index];
            let held = self
                .downtimes
                .of(object)
                .any(|downtime| downtime.recurring.as_ref() == Some(&recurring.name));
            if !held && recurring.covers(self.of(object).knobs.kind, self.plain_name(object)) {
                self.plan(index, object, now);
            }
        }
    }

    fn plan(&mut self, index: usize, object: ObjectId, after: i64) {
        let recurring = &self.recurring[index];
        let Some((start, end)) = recurring.occurrence(after) else { return };
        if self.downtimes.by_id.len() >= MAX_DOWNTIMES {
            self.recurring_left_out += 1;
            return;
        }
        let downtime = Downtime {
            id: self.downtimes.next_id.max(1),
            object,
            start,
            end,
            fixed: true,
            duration: end - start,
            triggered_by: None,
            author: recurring.name.clone(),
            comment: recurring.comment.clone(),
            entered: after,
            in_effect: false,
            began: 0,
            start_told: false,
            recurring: Some(recurring.name.clone()),
        };
        self.enter(downtime);
    }

    /// After one occurrence comes the next.
    pub(super) fn recur(&mut self, ended: &Downtime, now: i64) {
        let Some(name) = &ended.recurring else { return };
        if let Some(index) = self.recurring.iter().position(|recurring| recurring.name == *name) {
            self.plan(index, ended.object, now.max(ended.end) + 1);
        }
    }
}
