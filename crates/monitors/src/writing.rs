//! The way to the disk: what has gathered is written in one go, and who waits for it is told.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::batch::Prepared;
use crate::monitors::{Monitors, Ticket};
use crate::refused::Refused;

impl Monitors {
    /// Waits until something is to be written, or somebody is to be told that nothing is, or so long.
    pub fn wait_for_work(&self, longest: Duration) {
        let mut inner = self.inner.lock();
        let all_told = inner.committed == inner.applied || inner.failure.is_some();
        if inner.batch.is_empty() && all_told {
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
            // Nothing of what was done had to be written; what could not be is not on the disk for that.
            if inner.failure.is_none() {
                inner.committed = inner.applied;
                self.written.notify_all();
            }
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
            kept: batch.kept.then(|| inner.machine.take_kept_changes()),
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
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::tz::TimeZone;
    use state_store::StateStore;
    use vocabulary::Timestamp;

    use super::*;
    use crate::{Files, Outcome};

    const HEARTBEAT: &str = "[[monitor]]\nname = \"backup\"\nkind = \"heartbeat\"";

    /// Nobody writes here, so whoever waits for a thread that does waits in vain.
    #[test]
    fn what_changes_nothing_is_not_waited_for_and_what_does_is() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("s.db"), &[crate::store::MIGRATIONS]).unwrap();
        let files = Files { definitions: toml::from_str(HEARTBEAT).unwrap(), ..Files::default() };
        let monitors = Monitors::open(Arc::new(state), files, TimeZone::UTC, Timestamp(1_000)).unwrap();
        monitors.write_alone().unwrap();
        monitors.attended(true);
        let ping = |status: u8, now: i64| {
            let outcome = Outcome { status, at: Timestamp(now), ..Outcome::default() };
            let ticket = monitors.instance_results([("backup", "", &outcome)], Timestamp(now));
            monitors.wait(ticket, Duration::ZERO).is_ok()
        };
        assert!(!ping(0, 1_010), "the first is news");
        let first = monitors.prepare().unwrap();
        assert!(!ping(0, 1_011), "the one before is still on its way to the disk");
        monitors.committed(&first);
        // Which is told by whoever wrote that, at once.
        let asked = Instant::now();
        monitors.wait_for_work(Duration::from_secs(60));
        assert!(monitors.prepare().is_none() && asked.elapsed() < Duration::from_secs(30));
        assert!(ping(0, 1_012), "nothing is to be written");
        assert!(!ping(2, 1_013), "it is down");
        monitors.prepare().unwrap();
        monitors.failed("the disk is full".into());
        assert!(
            monitors.prepare().is_none() && !ping(2, 1_014),
            "what the disk did not take is not called kept"
        );
    }
}
