//! What [`Monitors`](crate::Monitors) holds under its lock, and what a result does to it.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;
use vocabulary::Timestamp;
use vocabulary::state::{InstanceId, StateChange, Withheld};

use crate::Outcome;
use crate::batch::{Batch, Row};
use crate::config::Definitions;
use crate::history::{Run, Seen};
use crate::limits::MAX_WAITING_RESULTS;
use crate::machine::{HOST_PREFIX, Happenings, Hold, Kind, Machine, ObjectId, ObjectName, Refusal, Saved};
use crate::made::{Files, Made};
use crate::monitors::Counters;
use crate::planned::PlannedTimes;
use crate::record::Record;
use crate::refused::{Refused, plain, unknown};
use crate::silence::{About, Silences};
use crate::store::KeptNotice;

pub(crate) struct Inner {
    pub machine: Machine,
    pub out: Happenings,
    pub rows: HashMap<ObjectId, Row>,
    /// Objects that are not defined now, as they were: they come back as they went.
    pub gone: HashMap<ObjectName, (Row, Saved)>,
    pub next_row: i64,
    pub next_notice: i64,
    pub batch: Batch,
    pub applied: u64,
    pub committed: u64,
    /// When something was done last.
    pub now: Timestamp,
    /// Why the last batch could not be written.
    pub failure: Option<String>,
    pub zone: TimeZone,
    pub files: Arc<Files>,
    pub made: Made,
    pub all: Arc<Definitions>,
    /// Of each contact.
    pub channels: HashMap<Arc<str>, Vec<String>>,
    /// The checks on each host, by the names that NSCA and the command pipe know them by.
    pub services: HashMap<String, HashMap<String, String>>,
    pub silences: Silences,
    pub counters: Counters,
    /// What of the database could not be read, or does not fit to the files; a line each.
    pub left_out: Vec<String>,
    /// How often each monitor fired, and what came of it.
    pub record: Record,
    pub planned: PlannedTimes,
}

impl Inner {
    /// While the disk takes nothing, nothing is promised: what was sent would be sent again, and count twice.
    pub fn refuse_while_failing(&self) -> Result<(), Refused> {
        match &self.failure {
            None => Ok(()),
            Some(why) => Err(Refused::NotKept(format!("nothing can be kept at present: {why}"))),
        }
    }

    pub fn refuse_passive(&mut self, id: ObjectId, name: &ObjectName) -> Result<(), Refused> {
        self.refuse_while_failing()?;
        if self.machine.takes_results(id) {
            return Ok(());
        }
        self.counters.refused += 1;
        let name = plain(name);
        Err(Refused::Conflict(format!(
            "results that are sent for `{name}` are switched off; switch them on again"
        )))
    }

    /// A result of what is defined under this name, with its parts: for how many that are bad there is no room.
    pub fn ran(
        &mut self,
        name: &ObjectName,
        outcome: &Outcome,
        latency_seconds: f64,
        now: Timestamp,
    ) -> Result<usize, Refused> {
        let id = self.taking(name, outcome.active)?;
        self.result(id, outcome, now);
        let without_room = match name {
            ObjectName::Check(check) => self.take_parts(check, outcome, now),
            _ => 0,
        };
        self.measured(name, outcome, latency_seconds);
        Ok(without_room)
    }

    /// What takes a result of this name.
    pub fn taking(&mut self, name: &ObjectName, active: bool) -> Result<ObjectId, Refused> {
        let Some(id) = self.machine.named(name) else {
            self.counters.refused += 1;
            return Err(unknown(name));
        };
        if !active {
            self.refuse_passive(id, name)?;
        }
        Ok(id)
    }

    pub fn result(&mut self, id: ObjectId, outcome: &Outcome, now: Timestamp) {
        self.counters.results += 1;
        self.counters.passive += u64::from(!outcome.active);
        self.machine.result(id, outcome, now, &mut self.out);
        let changed = self.note(id, outcome);
        // An instance is looked at each second; a look that says what the last one said is not written.
        let is_instance = self.machine.kind(id) == Kind::Instance;
        if is_instance && !changed && self.out.notices.is_empty() && self.out.changes.is_empty() {
            self.out.touched.retain(|touched| *touched != id);
        }
        self.gather(now);
    }

    /// While the disk takes nothing, checks go on; their states are one each, their numbers are ever more.
    pub fn measured(&mut self, name: &ObjectName, outcome: &Outcome, latency_seconds: f64) {
        if self.batch.carried.results.len() >= MAX_WAITING_RESULTS {
            self.counters.points_left_out += 1;
            return;
        }
        self.batch.carried.results.push((name.clone(), outcome.clone(), latency_seconds));
    }

    /// In the history. True if it says something else than the result before.
    fn note(&mut self, id: ObjectId, outcome: &Outcome) -> bool {
        let made = self.machine.made_of_it(id);
        let seen = Seen {
            at: made.last_check.0,
            status: outcome.status,
            state: made.state,
            state_type: made.state_type,
            attempt: made.attempt,
            active: outcome.active,
            text: &outcome.output,
            value: outcome.value,
        };
        let row = self.row(id);
        if row.run.as_mut().is_some_and(|run| run.take(seen)) {
            return false;
        }
        let ended = row.run.replace(Run::new(seen));
        let object = row.id;
        self.batch.runs.extend(ended.map(|run| (object, run)));
        true
    }

    fn row(&mut self, id: ObjectId) -> &mut Row {
        let next = &mut self.next_row;
        self.rows.entry(id).or_insert_with(|| {
            *next += 1;
            Row { id: *next - 1, run: None }
        })
    }

    /// An instance does not come again: nothing of it stays but its runs, until they are old.
    pub fn forget(&mut self, id: ObjectId) {
        self.machine.remove_instance(id);
        self.batch.dirty.remove(&id);
        if let Some(row) = self.rows.remove(&id) {
            self.batch.removed.push(row.id);
        }
    }

    /// An instance is made when it is first seen.
    pub fn instance(&mut self, monitor: &str, instance: &str, now: Timestamp) -> Result<ObjectId, Refusal> {
        if let Some(id) = self.machine.instance(monitor, instance) {
            return Ok(id);
        }
        let id = self.machine.add_instance(monitor, instance, now.0)?;
        let name = ObjectName::Instance(monitor.to_owned(), instance.to_owned());
        if let Some((row, saved)) = self.gone.remove(&name) {
            self.machine.restore(id, &saved);
            self.rows.insert(id, row);
        }
        Ok(id)
    }

    /// Out of the machine's hands into the batch.
    pub fn gather(&mut self, now: Timestamp) {
        for change in std::mem::take(&mut self.out.changes) {
            self.counters.changes += 1;
            // What a part does its check does.
            if !self.machine.is_part(&change.id) {
                self.record.change(&change, &mut self.batch.days);
            }
            let change = self.with_silence(change, now);
            self.batch.carried.changes.push(change);
        }
        for notice in std::mem::take(&mut self.out.notices) {
            self.counters.notices += 1;
            let silenced = self.is_silenced(&notice.id, now);
            self.keep_notice(&notice);
            self.batch.carried.notices.push((notice, silenced));
        }
        for id in std::mem::take(&mut self.out.touched) {
            self.row(id);
            self.batch.dirty.insert(id);
        }
        for handler in std::mem::take(&mut self.out.handlers) {
            self.batch.carried.handlers.push((self.machine.name(handler.object), handler));
        }
        let looks = std::mem::take(&mut self.out.looks);
        self.batch.carried.looks.extend(looks.into_iter().map(|id| self.machine.name(id)));
        if std::mem::take(&mut self.out.kept_changed) {
            self.batch.kept = true;
            self.batch.planned.extend(self.planned.changed(&self.machine, now.0));
        }
    }

    fn keep_notice(&mut self, notice: &vocabulary::state::Notice) {
        self.record.notice(notice, &mut self.batch.days);
        let channels = self.channels.get(&notice.contact).filter(|channels| !channels.is_empty()).cloned();
        self.batch.notices.push(KeptNotice {
            id: self.next_notice,
            monitor: notice.id.monitor.to_string(),
            instance: notice.id.instance.to_string(),
            at: notice.at.0,
            kind: notice.kind,
            state: notice.state,
            recipient: notice.contact.to_string(),
            // A contact without channels can be told of nothing, and the list says what would have been told.
            channels: channels.unwrap_or_else(|| vec!["log".into()]),
            number: notice.number,
            text: notice.text.to_string(),
            author: notice.author.to_string(),
            comment: notice.comment.to_string(),
        });
        self.next_notice += 1;
    }

    fn with_silence(&self, change: StateChange, now: Timestamp) -> StateChange {
        let silenced = change.withheld.is_none() && self.is_silenced(&change.id, now);
        StateChange { withheld: if silenced { Some(Withheld::Silence) } else { change.withheld }, ..change }
    }

    pub fn is_silenced(&self, id: &InstanceId, now: Timestamp) -> bool {
        if self.silences.all().len() == 0 {
            return false;
        }
        let host = self.machine.host_named(id);
        self.silences.of(about(id, host.as_deref()), now).is_some()
    }

    /// The numbers of those that hold it back now.
    pub fn silenced_by(&self, id: &InstanceId, now: Timestamp) -> Vec<i64> {
        let host = self.machine.host_named(id);
        let silences = self.silences.matching(about(id, host.as_deref()));
        silences.filter(|silence| silence.holds_at(now)).map(|silence| silence.id).collect()
    }

    /// Planned time and silences that will hold back the word of it.
    pub fn holds(&self, id: &InstanceId, from: Timestamp, until: Timestamp) -> Vec<Hold> {
        let host = self.machine.host_named(id);
        let silences = self.silences.matching(about(id, host.as_deref()));
        let silences = silences.filter(|silence| silence.from < until.0 && from.0 < silence.until);
        let silences = silences.map(|silence| Hold {
            start: Timestamp(silence.from),
            end: Timestamp(silence.until),
            why: Withheld::Silence,
            what: format!("silence of {}: {}", silence.author, silence.reason),
        });
        self.machine.planned_ahead(id, from, until).into_iter().chain(silences).collect()
    }

    /// Of one object: those that wait for the disk, and the one that goes on.
    pub fn runs_not_written(&self, row: &Row) -> Vec<Run> {
        let waiting = self.batch.runs.iter().filter(|(object, _)| *object == row.id).map(|(_, run)| run);
        waiting.chain(&row.run).cloned().collect()
    }
}

fn about<'a>(id: &'a InstanceId, host: Option<&'a str>) -> About<'a> {
    let is_host = id.monitor.starts_with(HOST_PREFIX);
    About { monitor: (!is_host).then_some(&*id.monitor), instance: &id.instance, host }
}
