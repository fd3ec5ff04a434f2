//! [`Monitors`]: the machine with everything that is kept of it, shared by threads.
//!
//! Whatever changes something (a result, a command, the time) is done in memory at once, and a [`Ticket`] tells when
//! it is on the disk. One thread, the binary's, takes together what has gathered ([`Monitors::prepare`]), writes it
//! in one transaction with whatever else belongs to it, and then says so ([`Monitors::committed`]). Whoever answers
//! somebody waits for the ticket before. The lock is held for calculations only, never while the disk is waited for.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use jiff::tz::TimeZone;
use parking_lot::{Condvar, Mutex, MutexGuard};
use state_store::StateStore;
use vocabulary::Timestamp;

use crate::Outcome;
use crate::batch::{Batch, Row};
use crate::inner::Inner;
use crate::machine::{Command, Done, Happenings, Machine, ObjectId, ObjectName, Problem, Saved};
use crate::made::{Files, Made, Unfit};
use crate::planned::PlannedTimes;
use crate::record::Record;
use crate::refused::{OpenError, Refused, plain, unknown};
use crate::silence::Silences;
use crate::store;

/// Something was done that is on the disk when [`Monitors::wait`] says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub(crate) u64);

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
    /// Alerts of others for which their check had no room.
    pub alerts_left_out: u64,
    /// Results whose numbers become no points, as the disk has not taken their states for too long.
    pub points_left_out: u64,
}

pub struct Monitors {
    pub(crate) state: Arc<StateStore>,
    pub(crate) inner: Mutex<Inner>,
    /// Held by whoever changes the definitions, which takes longer than the other lock may be held.
    pub(crate) defining: Mutex<()>,
    pub(crate) attended: AtomicBool,
    /// Something waits to be written.
    pub(crate) work: Condvar,
    /// Something was written, or could not be.
    pub(crate) written: Condvar,
}

impl Monitors {
    /// With the state of each object as it was left.
    pub fn open(
        state: Arc<StateStore>,
        files: Files,
        zone: TimeZone,
        now: Timestamp,
    ) -> Result<Monitors, OpenError> {
        let made = Made::load(&state)?.fitting(&files.definitions);
        let all = made.merged(&files.definitions);
        let (silences, silences_left_out) = Silences::load(&state, now)?;
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
            silences,
            counters: Counters::default(),
            left_out: Vec::new(),
            record: Record::load(&state, now)?,
            planned: PlannedTimes::default(),
        };
        inner.note_unfit();
        inner.left_out.extend(silences_left_out);
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
        let (kept, wrong) = store::kept(&state)?;
        inner.left_out.extend(wrong);
        inner.restore_kept(&kept, now);
        inner.batch.kept = inner.machine.compare_kept(&kept);
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
        let made = Made::load(&self.state).unwrap_or_else(|error| {
            // What is watched goes on being watched, though the disk stumbles.
            let mut inner = self.inner.lock();
            inner.left_out.push(format!("changes of what is made in the UI: {error}"));
            inner.made.clone()
        });
        let made = made.fitting(&files.definitions);
        let mut inner = self.inner.lock();
        inner.redefine(Arc::new(files), made, now)?;
        inner.note_unfit();
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
        inner.ran(name, outcome, latency_seconds, now)?;
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
            if let Some(id) = inner.machine.instance(monitor, instance) {
                inner.forget(id);
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
        } else if inner.committed + 1 == inner.applied {
            // Another ping of a heartbeat that is well changes nothing: who sent it does not wait for the next batch.
            inner.committed = inner.applied;
        }
        Ticket(inner.applied)
    }

    /// What of the kept state is not in effect, since this was asked last.
    pub fn left_out(&self) -> Vec<String> {
        std::mem::take(&mut self.inner.lock().left_out)
    }

    /// What is made in the UI and does not fit to the files as they are now, by name.
    pub fn unfit(&self) -> BTreeMap<String, Unfit> {
        self.inner.lock().made.unfit.clone()
    }

    /// Why nothing can be kept at present.
    pub fn failure(&self) -> Option<String> {
        self.inner.lock().failure.clone()
    }

    pub fn counters(&self) -> Counters {
        self.inner.lock().counters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made::Definition;

    const ANA: &str = "[[contact]]\nname = \"ana\"\n";
    const BEN: &str = "[[contact]]\nname = \"ben\"\n";

    fn files(text: &str) -> Files {
        Files { definitions: toml::from_str(text).unwrap(), ..Files::default() }
    }

    fn disk(contacts: &[&str]) -> Definition {
        let check = serde_json::json!({ "name": "disk", "type": "passive", "max_check_attempts": 1, "contacts": contacts });
        serde_json::from_value(serde_json::json!({ "check": check })).unwrap()
    }

    #[test]
    fn a_reload_without_a_contact_loses_no_rule_of_the_ui() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("s.db"), &[store::MIGRATIONS]).unwrap();
        let both = files(&format!("{ANA}{BEN}"));
        let monitors =
            Monitors::open(Arc::new(state), both.clone(), TimeZone::UTC, Timestamp(1_000)).unwrap();
        monitors.define("disk", disk(&["ana", "ben"]), "zoe", Timestamp(1_001)).unwrap();
        let name = ObjectName::Check("disk".into());
        let bad = Outcome { status: 2, at: Timestamp(1_002), ..Outcome::default() };
        monitors.result(&name, &bad, Timestamp(1_002)).unwrap();
        let prepared = monitors.prepare().unwrap();
        monitors.committed(&prepared);
        let contacts = || monitors.definitions().checks[0].contacts.clone().unwrap();
        for _ in 0..2 {
            monitors.reload(files(BEN), Timestamp(1_003)).unwrap();
            assert_eq!(contacts(), ["ben"]);
            let said = monitors.left_out();
            assert!(said.len() == 1 && said[0].contains("no contact `ana`"), "{said:?}");
        }
        assert!(
            monitors.unfit()["disk"].is_watched && monitors.result(&name, &bad, Timestamp(1_004)).is_ok()
        );
        monitors.reload(both, Timestamp(1_005)).unwrap();
        assert_eq!((contacts(), monitors.unfit().len()), (vec!["ana".to_owned(), "ben".to_owned()], 0));
        // Edited so that it fits, it is no doubt any more.
        monitors.reload(files(BEN), Timestamp(1_006)).unwrap();
        let edited = monitors.define("disk", disk(&["ben"]), "zoe", Timestamp(1_007)).unwrap();
        assert_eq!((edited.version, monitors.unfit().len()), (2, 0));
        monitors.reload(files(""), Timestamp(1_008)).unwrap();
        assert_eq!((contacts().len(), monitors.unfit().len()), (0, 1), "whoever is told by default is told");
        monitors.undefine("disk", "zoe", Timestamp(1_009)).unwrap();
        assert!(monitors.unfit().is_empty() && monitors.definitions().checks.is_empty());
    }
}
