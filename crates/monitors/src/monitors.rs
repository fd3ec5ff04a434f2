//! [`Monitors`]: the machine with everything that is kept of it, shared by threads.
//!
//! Whatever changes something (a result, a command, the time) is done in memory at once, and a [`Ticket`] tells when
//! it is on the disk. One thread, the binary's, takes together what has gathered ([`Monitors::prepare`]), writes it
//! in one transaction with whatever else belongs to it, and then says so ([`Monitors::committed`]). Whoever answers
//! somebody waits for the ticket before. The lock is held for calculations only, never while the disk is waited for.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use parking_lot::{Condvar, Mutex, MutexGuard};
use state_store::{StateError, StateStore};
use vocabulary::Timestamp;
use vocabulary::state::{InstanceId, StateChange, Withheld};

use crate::Outcome;
use crate::batch::{Batch, Prepared, Row};
use crate::config::Definitions;
use crate::history::{Run, Seen};
use crate::limits::MAX_WAITING_RESULTS;
use crate::machine::{
    Command, Done, Happenings, Kept, Kind, Machine, ObjectId, ObjectName, Problem, Refusal, Saved,
};
use crate::made::{Files, Made};
use crate::planned::PlannedTimes;
use crate::record::Record;
use crate::silence::{About, Silences};
use crate::store::{self, DOWNTIMES_AND_COMMENTS, KeptNotice};

/// Something was done that is on the disk when [`Monitors::wait`] says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// Why something was not done; the text says how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    NotFound(String),
    Wrong(String),
    /// As things are now.
    Conflict(String),
    /// The disk does not take it.
    NotKept(String),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (Refused::NotFound(text)
        | Refused::Wrong(text)
        | Refused::Conflict(text)
        | Refused::NotKept(text)) = self;
        f.write_str(text)
    }
}

impl std::error::Error for Refused {}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Refused {
        match refusal {
            Refusal::Wrong(text) => Refused::Wrong(text),
            Refusal::NotFound(text) => Refused::NotFound(text),
            Refusal::NoProblem(text) | Refusal::TooMany(text) => Refused::Conflict(text),
        }
    }
}

impl From<StateError> for Refused {
    fn from(error: StateError) -> Refused {
        Refused::NotKept(error.to_string())
    }
}

/// Plain counters of this room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub results: u64,
    /// Of those: sent to us.
    pub passive: u64,
    /// For what is not defined, or switched off.
    pub refused: u64,
    pub changes: u64,
    pub notices: u64,
    pub batches: u64,
    pub rows: u64,
    pub failed_batches: u64,
    /// Results of metric instances beyond the most that there may be.
    pub left_out: u64,
    /// Results whose numbers become no points, as the disk has not taken their states for too long.
    pub points_left_out: u64,
}

pub struct Monitors {
    pub(crate) state: Arc<StateStore>,
    pub(crate) inner: Mutex<Inner>,
    /// Held by whoever changes the definitions, which takes longer than the other lock may be held.
    pub(crate) defining: Mutex<()>,
    attended: AtomicBool,
    /// Something waits to be written.
    work: Condvar,
    /// Something was written, or could not be.
    written: Condvar,
}

pub(crate) struct Inner {
    pub machine: Machine,
    pub out: Happenings,
    pub rows: HashMap<ObjectId, Row>,
    /// Objects that are not defined now, as they were: they come back as they went.
    gone: HashMap<ObjectName, (Row, Saved)>,
    next_row: i64,
    next_notice: i64,
    batch: Batch,
    applied: u64,
    committed: u64,
    /// When something was done last.
    now: Timestamp,
    /// Why the last batch could not be written.
    pub failure: Option<String>,
    pub zone: TimeZone,
    pub files: Arc<Files>,
    pub made: Made,
    pub all: Arc<Definitions>,
    /// Of each contact.
    channels: HashMap<Arc<str>, Vec<String>>,
    /// The checks on each host, by the names that NSCA and the command pipe know them by.
    pub services: HashMap<String, HashMap<String, String>>,
    pub silences: Silences,
    pub counters: Counters,
    /// What of the database could not be read, or does not fit to the files; a line each.
    left_out: Vec<String>,
    /// How often each monitor fired, and what came of it.
    pub record: Record,
    planned: PlannedTimes,
}

impl Monitors {
    /// With the state of each object as it was left.
    pub fn open(
        state: Arc<StateStore>,
        files: Files,
        zone: TimeZone,
        now: Timestamp,
    ) -> Result<Monitors, OpenError> {
        let (made, left_out) = Made::load(&state)?.fitting(&files.definitions);
        let all = made.merged(&files.definitions);
        let machine = Machine::new(&all, zone.clone()).map_err(OpenError::Definitions)?;
        let mut inner = Inner {
            machine,
            out: Happenings::default(),
            rows: HashMap::new(),
            gone: HashMap::new(),
            next_row: store::last_object(&state)? + 1,
            next_notice: store::last_id(&state, "monitor_notice")? + 1,
            batch: Batch::default(),
            applied: 0,
            committed: 0,
            now,
            failure: None,
            zone,
            files: Arc::new(files),
            made,
            all: Arc::new(all),
            channels: HashMap::new(),
            services: HashMap::new(),
            silences: Silences::load(&state, now)?,
            counters: Counters::default(),
            left_out,
            record: Record::load(&state, now)?,
            planned: PlannedTimes::default(),
        };
        inner.take_names();
        for row in store::objects(&state)? {
            let name = row.name();
            match serde_json::from_str::<Saved>(&row.saved) {
                Ok(saved) => drop(inner.gone.insert(name, (Row { id: row.id, run: row.run }, saved))),
                Err(error) => inner.left_out.push(format!("{}: {error}", plain(&name))),
            }
        }
        inner.restore_instances(now);
        inner.bring_back();
        let kept = store::kept(&state, DOWNTIMES_AND_COMMENTS)?.unwrap_or_else(|| "{}".into());
        match serde_json::from_str(&kept) {
            Ok(kept) => inner.restore_kept(&kept, now),
            Err(error) => inner.left_out.push(format!("downtimes and comments: {error}")),
        }
        inner.planned = PlannedTimes::of(&inner.machine);
        inner.remember_told(now);
        Ok(Monitors {
            state,
            inner: Mutex::new(inner),
            defining: Mutex::new(()),
            attended: AtomicBool::new(false),
            work: Condvar::new(),
            written: Condvar::new(),
        })
    }

    /// Takes other definitions over, or none of them. State stays with its name.
    pub fn reload(&self, files: Files, now: Timestamp) -> Result<(), Vec<Problem>> {
        let _alone = self.defining.lock();
        let (made, left_out) = Made::load(&self.state).unwrap_or_default().fitting(&files.definitions);
        let mut inner = self.inner.lock();
        inner.redefine(Arc::new(files), made, now)?;
        inner.left_out.extend(left_out);
        self.done(&mut inner, now);
        Ok(())
    }

    /// A result that was sent for what is defined under this name.
    pub fn result(&self, name: &ObjectName, outcome: &Outcome, now: Timestamp) -> Result<Ticket, Refused> {
        self.ran(name, outcome, 0.0, now)
    }

    /// One that we have looked for, so many seconds later than we should have.
    pub fn ran(
        &self,
        name: &ObjectName,
        outcome: &Outcome,
        latency_seconds: f64,
        now: Timestamp,
    ) -> Result<Ticket, Refused> {
        let mut inner = self.inner.lock();
        let Some(id) = inner.machine.named(name) else {
            inner.counters.refused += 1;
            return Err(unknown(name));
        };
        if !outcome.active {
            inner.refuse_passive(id, name, now)?;
        }
        inner.result(id, outcome, now);
        inner.measured(name, outcome, latency_seconds);
        Ok(self.done(&mut inner, now))
    }

    /// Of many at once, as the second's evaluation of metric monitors has them. What is beyond the limit is counted.
    pub fn instance_results<'o>(
        &self,
        results: impl IntoIterator<Item = (&'o str, &'o str, &'o Outcome)>,
        now: Timestamp,
    ) -> Ticket {
        let mut inner = self.inner.lock();
        for (monitor, instance, outcome) in results {
            match inner.instance(monitor, instance, now) {
                Ok(id) => inner.result(id, outcome, now),
                Err(_) => inner.counters.left_out += 1,
            }
        }
        self.done(&mut inner, now)
    }

    /// These are fine, and their series have been silent for so long that they do not come again.
    pub fn forget_instances(&self, gone: &[(Arc<str>, Arc<str>)], now: Timestamp) {
        if gone.is_empty() {
            return;
        }
        let mut inner = self.inner.lock();
        inner.gather(now);
        for (monitor, instance) in gone {
            let Some(id) = inner.machine.instance(monitor, instance) else { continue };
            inner.machine.remove_instance(id);
            inner.batch.dirty.remove(&id);
            if let Some(row) = inner.rows.remove(&id) {
                inner.batch.removed.push(row.id);
            }
        }
        self.done(&mut inner, now);
    }

    /// What people and programs ask for.
    pub fn command(
        &self,
        name: &ObjectName,
        command: impl FnOnce(ObjectId) -> Command,
        now: Timestamp,
    ) -> Result<(Done, Ticket), Refused> {
        let mut inner = self.inner.lock();
        let id = inner.machine.named(name).ok_or_else(|| unknown(name))?;
        self.obey(&mut inner, command(id), now)
    }

    pub fn cancel_downtime(&self, id: u64, now: Timestamp) -> Result<Ticket, Refused> {
        self.obey(&mut self.inner.lock(), Command::CancelDowntime { id }, now).map(|(_, ticket)| ticket)
    }

    pub fn remove_comment(&self, id: u64, now: Timestamp) -> Result<Ticket, Refused> {
        self.obey(&mut self.inner.lock(), Command::RemoveComment { id }, now).map(|(_, ticket)| ticket)
    }

    fn obey(
        &self,
        inner: &mut MutexGuard<'_, Inner>,
        command: Command,
        now: Timestamp,
    ) -> Result<(Done, Ticket), Refused> {
        inner.refuse_while_failing()?;
        let inner_now = &mut **inner;
        let done = inner_now.machine.command(command, now, &mut inner_now.out)?;
        Ok((done, self.done(inner, now)))
    }

    /// What comes with the time: downtimes begin and end, acknowledgements expire.
    pub fn tick(&self, now: Timestamp) {
        let mut inner = self.inner.lock();
        let inner_now = &mut *inner;
        inner_now.machine.tick(now, &mut inner_now.out);
        inner.silences.forget_ended(now);
        self.done(&mut inner, now);
    }

    /// When [`tick`](Self::tick) has something to do.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.inner.lock().machine.next_due()
    }

    /// Gathers what the machine said, and wakes whoever writes it.
    pub(crate) fn done(&self, inner: &mut MutexGuard<'_, Inner>, now: Timestamp) -> Ticket {
        inner.gather(now);
        inner.applied += 1;
        inner.now = now;
        if !inner.batch.is_empty() {
            self.work.notify_one();
        }
        Ticket(inner.applied)
    }

    /// Waits until something is to be written, or so long.
    pub fn wait_for_work(&self, longest: Duration) {
        let mut inner = self.inner.lock();
        if inner.batch.is_empty() {
            self.work.wait_for(&mut inner, longest);
        }
    }

    /// Ends a [`wait_for_work`](Self::wait_for_work).
    pub fn wake(&self) {
        self.work.notify_one();
    }

    /// Says that a thread writes what gathers. Without one (a command beside no server) who waits writes it.
    pub fn attended(&self, yes: bool) {
        self.attended.store(yes, Ordering::Relaxed);
    }

    fn write_alone(&self) -> Result<(), Refused> {
        let Some(prepared) = self.prepare() else { return Ok(()) };
        let written = self.state.transaction(|tx| prepared.write(tx));
        match written {
            Ok(()) => self.committed(&prepared),
            Err(error) => self.failed(error.to_string()),
        }
        Ok(())
    }

    /// All that has gathered, to be written; nothing is to be written if it is `None`.
    pub fn prepare(&self) -> Option<Prepared> {
        let mut inner = self.inner.lock();
        if inner.batch.is_empty() {
            // Nothing of what was done had to be written.
            inner.committed = inner.applied;
            self.written.notify_all();
            return None;
        }
        let inner = &mut *inner;
        let batch = std::mem::take(&mut inner.batch);
        let rows = batch.dirty.iter().filter_map(|id| {
            let row = inner.rows.get(id)?;
            Some((inner.machine.name(*id), row.clone(), inner.machine.save(*id)))
        });
        let rows: Vec<_> = batch.left.into_iter().chain(rows).collect();
        Some(Prepared {
            upto: inner.applied,
            at: inner.now,
            rows,
            runs: batch.runs,
            removed: batch.removed,
            notices: batch.notices,
            planned: batch.planned,
            kept: batch.kept.then(|| inner.machine.keep()),
            days: batch.days,
            carried: batch.carried,
        })
    }

    /// It is on the disk: who waits for it is told.
    pub fn committed(&self, prepared: &Prepared) {
        let mut inner = self.inner.lock();
        inner.committed = inner.committed.max(prepared.upto);
        inner.failure = None;
        inner.counters.batches += 1;
        inner.counters.rows += prepared.rows.len() as u64;
        self.written.notify_all();
    }

    /// It is not; until it is, nothing is taken from those who want an answer.
    pub fn failed(&self, why: String) {
        let mut inner = self.inner.lock();
        inner.failure = Some(why);
        inner.counters.failed_batches += 1;
        self.written.notify_all();
    }

    /// Until it is on the disk.
    pub fn wait(&self, ticket: Ticket, longest: Duration) -> Result<(), Refused> {
        if !self.attended.load(Ordering::Relaxed) {
            self.write_alone()?;
        }
        let until = Instant::now() + longest;
        let mut inner = self.inner.lock();
        loop {
            if inner.committed >= ticket.0 {
                return Ok(());
            }
            inner.refuse_while_failing()?;
            if self.written.wait_until(&mut inner, until).timed_out() {
                let why = "it was taken, and the disk has not kept it in time; it will be kept once the disk answers";
                return Err(Refused::NotKept(why.into()));
            }
        }
    }

    /// What of the kept state is not in effect, since this was asked last.
    pub fn left_out(&self) -> Vec<String> {
        std::mem::take(&mut self.inner.lock().left_out)
    }

    /// Why nothing can be kept at present.
    pub fn failure(&self) -> Option<String> {
        self.inner.lock().failure.clone()
    }

    pub fn counters(&self) -> Counters {
        self.inner.lock().counters
    }
}

/// What keeps everything from opening.
#[derive(Debug)]
pub enum OpenError {
    State(StateError),
    Definitions(Vec<Problem>),
}

impl From<StateError> for OpenError {
    fn from(error: StateError) -> OpenError {
        OpenError::State(error)
    }
}

impl std::fmt::Display for OpenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            OpenError::State(error) => error.fmt(f),
            OpenError::Definitions(problems) => {
                let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
                f.write_str(&told.join("; "))
            }
        }
    }
}

impl std::error::Error for OpenError {}

pub(crate) fn unknown(name: &ObjectName) -> Refused {
    Refused::NotFound(match name {
        ObjectName::Check(name) => format!("there is no check `{name}`"),
        ObjectName::Host(name) => format!("there is no host `{name}`"),
        ObjectName::Instance(monitor, instance) if instance.is_empty() => {
            format!("there is no monitor `{monitor}`")
        }
        ObjectName::Instance(monitor, instance) => {
            format!("monitor `{monitor}` has no instance `{instance}`")
        }
    })
}

impl Inner {
    /// While the disk takes nothing, nothing is promised: what was sent would be sent again, and count twice.
    pub fn refuse_while_failing(&self) -> Result<(), Refused> {
        match &self.failure {
            None => Ok(()),
            Some(why) => Err(Refused::NotKept(format!("nothing can be kept at present: {why}"))),
        }
    }

    fn refuse_passive(&mut self, id: ObjectId, name: &ObjectName, now: Timestamp) -> Result<(), Refused> {
        self.refuse_while_failing()?;
        if self.machine.status(id, now).passive_results_enabled {
            return Ok(());
        }
        self.counters.refused += 1;
        let name = plain(name);
        Err(Refused::Conflict(format!(
            "results that are sent for `{name}` are switched off; switch them on again"
        )))
    }

    fn result(&mut self, id: ObjectId, outcome: &Outcome, now: Timestamp) {
        self.counters.results += 1;
        self.counters.passive += u64::from(!outcome.active);
        self.machine.result(id, outcome, now, &mut self.out);
        let changed = self.note(id, outcome, now);
        // An instance is looked at each second; a look that says what the last one said is not written.
        let is_instance = self.machine.kind(id) == Kind::Instance;
        if is_instance && !changed && self.out.notices.is_empty() && self.out.changes.is_empty() {
            self.out.touched.retain(|touched| *touched != id);
        }
        self.gather(now);
    }

    /// While the disk takes nothing, checks go on; their states are one each, their numbers are ever more.
    fn measured(&mut self, name: &ObjectName, outcome: &Outcome, latency_seconds: f64) {
        if self.batch.carried.results.len() >= MAX_WAITING_RESULTS {
            self.counters.points_left_out += 1;
            return;
        }
        self.batch.carried.results.push((name.clone(), outcome.clone(), latency_seconds));
    }

    /// In the history. True if it says something else than the result before.
    fn note(&mut self, id: ObjectId, outcome: &Outcome, now: Timestamp) -> bool {
        let status = self.machine.status(id, now);
        let seen = Seen {
            at: status.last_check.unwrap_or(now).0,
            status: outcome.status,
            state: status.state.unwrap_or(status.last_hard_state),
            state_type: status.state_type,
            attempt: status.attempt,
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
    fn gather(&mut self, now: Timestamp) {
        for change in std::mem::take(&mut self.out.changes) {
            self.counters.changes += 1;
            self.record.change(&change, &mut self.batch.days);
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
        let host = match id.monitor.strip_prefix(crate::machine::HOST_PREFIX) {
            Some(host) => Some(Arc::from(host)),
            None => self.machine.check(&id.monitor).and_then(|id| self.machine.status(id, now).host),
        };
        let is_host = id.monitor.starts_with(crate::machine::HOST_PREFIX);
        let monitor = (!is_host).then_some(&*id.monitor);
        self.silences.of(About { monitor, instance: &id.instance, host: host.as_deref() }, now).is_some()
    }

    /// Other definitions, or none of them.
    pub fn redefine(&mut self, files: Arc<Files>, made: Made, now: Timestamp) -> Result<(), Vec<Problem>> {
        let all = made.merged(&files.definitions);
        self.gather(now);
        let before: Vec<(ObjectId, ObjectName, Saved)> =
            self.machine.ids().map(|id| (id, self.machine.name(id), self.machine.save(id))).collect();
        self.machine.reload(&all)?;
        let mut rows = std::mem::take(&mut self.rows);
        for (id, name, saved) in before {
            let Some(row) = rows.remove(&id) else { continue };
            match self.machine.named(&name) {
                Some(id) => {
                    self.rows.insert(id, row);
                    // Ids may be others now.
                    self.batch.dirty.insert(id);
                }
                None => {
                    self.batch.dirty.remove(&id);
                    self.batch.left.push((name.clone(), row.clone(), saved.clone()));
                    self.gone.insert(name, (row, saved));
                }
            }
        }
        (self.files, self.made, self.all) = (files, made, Arc::new(all));
        self.take_names();
        self.bring_back();
        // Recurring downtimes of what is new are planned.
        let kept = self.machine.keep();
        self.restore_kept(&kept, now);
        self.batch.kept = true;
        self.gather(now);
        Ok(())
    }

    /// Objects that are defined, and were before.
    fn bring_back(&mut self) {
        let ids: Vec<ObjectId> = self.machine.ids().collect();
        for id in ids {
            if self.rows.contains_key(&id) {
                continue;
            }
            if let Some((row, saved)) = self.gone.remove(&self.machine.name(id)) {
                self.machine.restore(id, &saved);
                self.rows.insert(id, row);
            }
        }
    }

    /// Instances of monitors that are defined are there from the beginning: what has vanished is still in trouble.
    fn restore_instances(&mut self, now: Timestamp) {
        let instances = self.gone.keys().filter_map(|name| match name {
            ObjectName::Instance(monitor, instance) => Some((monitor.clone(), instance.clone())),
            _ => None,
        });
        for (monitor, instance) in instances.collect::<Vec<_>>() {
            // Of a monitor that is not defined now they stay where they are.
            let _ = self.instance(&monitor, &instance, now);
        }
    }

    fn restore_kept(&mut self, kept: &Kept, now: Timestamp) {
        let gone = self.machine.restore_kept(kept, now.0);
        let told =
            gone.iter().map(|name| format!("a downtime or comment of `{}`, which is gone", plain(name)));
        self.left_out.extend(told);
    }

    /// Problems that somebody was told of do not count as healed by themselves.
    fn remember_told(&mut self, now: Timestamp) {
        for id in self.machine.ids() {
            if self.machine.status(id, now).notification_number > 0 {
                self.record.told(self.machine.instance_id(id));
            }
        }
    }

    fn take_names(&mut self) {
        let contacts = self.all.contacts.iter();
        self.channels =
            contacts.map(|contact| (contact.name.as_str().into(), contact.channels.clone())).collect();
        self.services.clear();
        for check in self.all.checks.iter().filter(|check| !check.host.is_empty()) {
            let service = check.service.as_ref().unwrap_or(&check.name).clone();
            self.services.entry(check.host.clone()).or_default().insert(service, check.name.clone());
        }
    }

    /// Of one object: those that wait for the disk, and the one that goes on.
    pub fn runs_not_written(&self, row: &Row) -> Vec<Run> {
        let waiting = self.batch.runs.iter().filter(|(object, _)| *object == row.id).map(|(_, run)| run);
        waiting.chain(&row.run).cloned().collect()
    }
}

pub(crate) fn plain(name: &ObjectName) -> &str {
    match name {
        ObjectName::Check(name) | ObjectName::Host(name) | ObjectName::Instance(name, _) => name,
    }
}
