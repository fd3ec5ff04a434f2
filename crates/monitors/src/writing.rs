//! The way to the disk: what has gathered is written in one go, and who waits for it is told.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::batch::Prepared;
use crate::monitors::{Monitors, Ticket};
use crate::refused::Refused;

impl Monitors {
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
