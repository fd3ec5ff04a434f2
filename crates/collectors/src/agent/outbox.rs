//! Where an agent's points go: collected into batches, on disk from the first moment.
//!
//! **Order.** Batches are sent in the order in which they were closed. After an outage that would keep the newest
//! points waiting behind the backlog, so then rows are collected apart: what is newer than everything in the backlog
//! may overtake it, since no slot of a series can be in both; all else goes to the backlog's end.

use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use formats::agent_batch::frame::write_frame;
use formats::agent_batch::{Happened, NAME_BYTES_MAX, ROWS_BYTES_FULL, Rows};
use parking_lot::{Condvar, Mutex};
use vocabulary::ports::{BatchMark, StoreError, Successor, WriteReport};
use vocabulary::{Clock, PointBatch, PointSink, SketchBatch, Timestamp};

use super::instance::draw;
use super::limits;
use super::marks::Marks;
use super::rows_log::RowsLog;
use super::spool::{Amount, Batch, Found, Load, Sent, Spool, SpoolStats};

pub struct Outbox {
    clock: Arc<dyn Clock>,
    rows_log_path: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    spool: Spool,
    rows_log: RowsLog,
    marks: Marks,
    /// In the order of the backlog.
    open: Rows,
    /// Newer than the backlog, while there is one that is being sent.
    fresh: Rows,
    /// The newest point of the backlog, while it is being sent.
    overtaking: Option<Timestamp>,
    /// Closed batches of fresh rows, which are in the spool too.
    ready: VecDeque<Batch>,
    taken: Amount,
    refused_names: u64,
    no_value: u64,
    is_woken: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboxStats {
    pub spool: SpoolStats,
    /// Everything that was taken in since the start.
    pub taken: Amount,
    /// Names, and titles of events, that no batch can carry.
    pub refused_names: u64,
    pub no_value: u64,
    /// Rows that a kill before the end of their interval would have lost.
    pub unwritten_bytes: u64,
    pub rows_log_failure: Option<String>,
}

impl Outbox {
    /// Goes on where a killed agent was: its rows that were in no batch yet are the first of the next.
    pub fn open(directory: &Path, bytes_max: u64, clock: Arc<dyn Clock>) -> io::Result<(Outbox, Found)> {
        let (spool, mut found) = Spool::open(directory, bytes_max)?;
        let rows_log_path = directory.join("rows.log");
        let (rows_log, left) = RowsLog::open(&rows_log_path, spool.next_sequence())?;
        let marks = Marks::open(directory.join("marks"), &left.marks)?;
        found.damaged_bytes += left.lost_bytes;
        let outbox = Outbox {
            clock,
            rows_log_path,
            state: Mutex::new(State {
                spool,
                rows_log,
                marks,
                open: Rows::default(),
                fresh: Rows::default(),
                overtaking: None,
                ready: VecDeque::new(),
                taken: Amount::default(),
                refused_names: 0,
                no_value: 0,
                is_woken: false,
            }),
            changed: Condvar::new(),
        };
        let mut state = outbox.state.lock();
        // Under the number that they had: if their batch had reached the server before a power cut, it has them.
        state.spool.go_on_at(left.sequence);
        for part in &left.parts {
            if state.open.append(part).is_none() {
                found.damaged_bytes += part.len() as u64;
            }
            if state.open.as_bytes().len() >= ROWS_BYTES_FULL {
                state.close(&outbox.rows_log_path);
                state.spool.skip_numbers(draw()?);
            }
        }
        state.close(&outbox.rows_log_path);
        state.spool.skip_numbers(draw()?);
        found.waiting = state.spool.waiting();
        drop(state);
        Ok((outbox, found))
    }

    /// Closes the batch that is being collected.
    pub fn close(&self) {
        self.state.lock().close(&self.rows_log_path);
    }

    pub fn take_events(&self, events: &[Happened]) {
        if events.is_empty() {
            return;
        }
        let mut state = self.state.lock();
        let mut parts = state.begin_parts();
        for event in events {
            if event.what.len() > NAME_BYTES_MAX {
                state.refused_names += 1;
                continue;
            }
            state.open.event(event);
            state.taken.events += 1;
            // A batch that is longer than a server reads would be given up with all that is in it.
            if state.is_full() {
                state.close(&self.rows_log_path);
                parts = state.begin_parts();
            }
        }
        state.record(parts, None);
    }

    /// Batches for one request: the fresh ones first, then the backlog from its beginning.
    pub fn load(&self, bytes_max: usize, batches_max: usize) -> Load {
        let mut state = self.state.lock();
        let state = &mut *state;
        let mut load = Load::default();
        let room = if batches_max > 1 { bytes_max / 2 } else { 0 };
        for batch in &state.ready {
            if load.bytes.len() + batch.bytes.len() > room {
                break;
            }
            load.push(batch.sequence, batch.amount(), &batch.bytes);
        }
        state.spool.load(&mut load, bytes_max, batches_max);
        load
    }

    /// The server has them.
    pub fn settle(&self, load: &Load) {
        let mut state = self.state.lock();
        for sent in &load.sent {
            state.spool.settle(sent);
            state.ready.retain(|batch| batch.sequence != sent.sequence);
        }
        state.spool.returned();
        state.reached(self);
    }

    /// They were not taken, and stay.
    pub fn give_back(&self) {
        let mut state = self.state.lock();
        state.spool.returned();
        if state.overtaking.take().is_some() {
            state.close(&self.rows_log_path);
            state.ready.clear();
        }
    }

    /// No server will ever take this one.
    pub fn give_up(&self, sent: &Sent, bytes: &[u8]) {
        let mut state = self.state.lock();
        state.spool.keep_refused(sent.sequence, bytes);
        state.spool.settle(sent);
        state.ready.retain(|batch| batch.sequence != sent.sequence);
        state.spool.returned();
    }

    pub fn waiting(&self) -> Amount {
        self.state.lock().spool.waiting()
    }

    /// No batch below this number will be sent again.
    pub fn settled(&self) -> u64 {
        self.state.lock().spool.settled()
    }

    pub fn set_bytes_max(&self, bytes_max: u64) {
        self.state.lock().spool.set_bytes_max(bytes_max);
    }

    pub fn stats(&self) -> OutboxStats {
        let state = self.state.lock();
        OutboxStats {
            spool: state.spool.stats(),
            taken: state.taken,
            refused_names: state.refused_names,
            no_value: state.no_value,
            unwritten_bytes: state.rows_log.unwritten_bytes,
            rows_log_failure: state.rows_log.failure.clone(),
        }
    }

    /// Waits so long, or until [`Outbox::wake`].
    pub fn wait(&self, time: Duration) {
        let mut state = self.state.lock();
        if !state.is_woken {
            self.changed.wait_for(&mut state, time);
        }
        state.is_woken = false;
    }

    pub fn wake(&self) {
        self.state.lock().is_woken = true;
        self.changed.notify_all();
    }
}

/// Where the parts of one `write` begin.
type Parts = (usize, usize);

impl State {
    fn begin_parts(&mut self) -> Parts {
        let parts = (self.open.as_bytes().len(), self.fresh.as_bytes().len());
        self.open.begin_part();
        if self.overtaking.is_some() {
            self.fresh.begin_part();
        }
        parts
    }

    fn record(&mut self, (open, fresh): Parts, mark: Option<&str>) {
        let sequence = self.spool.next_sequence();
        let parts = [&self.open.as_bytes()[open..], &self.fresh.as_bytes()[fresh..]];
        self.rows_log.record(sequence, parts, mark);
    }

    /// Where a row of this time goes.
    fn rows_for(&mut self, time: Timestamp) -> &mut Rows {
        match self.overtaking {
            Some(backlog) if time > backlog => &mut self.fresh,
            _ => &mut self.open,
        }
    }

    fn is_full(&self) -> bool {
        self.open.as_bytes().len().max(self.fresh.as_bytes().len()) >= ROWS_BYTES_FULL
    }

    /// The backlog's rows first; both are written with one call.
    fn close(&mut self, rows_log_path: &Path) {
        let mut batches = Vec::new();
        let mut sequence = self.spool.next_sequence();
        for (rows, is_fresh) in [(&mut self.open, false), (&mut self.fresh, true)] {
            if !rows.is_empty() {
                let batch = Batch { sequence, summary: rows.summary, bytes: write_frame(sequence, rows) };
                if is_fresh {
                    self.ready.push_back(batch.clone());
                }
                batches.push(batch);
                sequence += 1;
            }
            rows.clear();
        }
        if !batches.is_empty() {
            self.spool.append(batches);
            // What a kill may still take away is told again by the journal, and must not be known then.
            if !self.spool.holds_some() {
                self.marks.keep();
            }
            self.rows_log.reset(rows_log_path);
        }
        // None of them may overtake another, so all of them wait for their turn then.
        if self.ready.iter().map(|batch| batch.bytes.len()).sum::<usize>() > limits::READY_BYTES_MAX {
            self.overtaking = None;
            self.ready.clear();
        }
    }

    /// A server has answered: what is fresh may overtake from now on, or need not any more.
    fn reached(&mut self, outbox: &Outbox) {
        let backlog = self.spool.waiting().batches.saturating_sub(self.ready.len() as u64);
        if self.overtaking.is_none() && backlog >= limits::BACKLOG_BATCHES {
            let sane = outbox.clock.now().plus(limits::AHEAD_SECONDS_MAX);
            let newest = self.spool.newest().max(self.open.summary.newest).min(sane);
            self.overtaking = Some(newest);
        } else if self.overtaking.is_some() && backlog == 0 {
            // Closed at once: rows of before and after must not meet in one batch in the wrong order.
            self.close(&outbox.rows_log_path);
            self.overtaking = None;
            self.ready.clear();
        }
    }
}

impl PointSink for Outbox {
    fn write(&self, batch: &PointBatch, _: &mut Successor) -> WriteReport {
        let mut report = WriteReport::default();
        if batch.is_empty() {
            return report;
        }
        let mut state = self.state.lock();
        let mut parts = state.begin_parts();
        for point in batch.iter() {
            if point.value.is_nan() {
                report.no_value += 1;
            } else if point.name.is_empty() || point.name.len() > NAME_BYTES_MAX {
                report.refused_name += 1;
            } else {
                state.rows_for(point.time).point(point.name, point.time, point.value);
                report.stored += 1;
            }
            if state.is_full() {
                state.close(&self.rows_log_path);
                parts = state.begin_parts();
            }
        }
        state.record(parts, None);
        state.taken.points += report.stored;
        state.refused_names += report.refused_name;
        state.no_value += report.no_value;
        report
    }

    fn write_sketches(&self, batch: &SketchBatch) -> WriteReport {
        self.put_sketches(batch, None)
    }

    /// A flush in whose midst a batch is full is in two or more: a kill before the mark is written, with the last rows,
    /// brings the first ones twice.
    fn write_sketches_once(&self, batch: &SketchBatch, mark: BatchMark<'_>) -> WriteReport {
        self.put_sketches(batch, Some(mark))
    }

    fn last_batch(&self, sender: &str) -> u64 {
        self.state.lock().marks.last(sender)
    }

    fn sync(&self) -> Result<(), StoreError> {
        let (failure, files) = {
            let state = self.state.lock();
            let files = [state.rows_log.file(), state.spool.file()];
            let failure = state.rows_log.failure.clone().or(state.spool.stats().failure);
            (failure, files.map(|file| file.map(std::fs::File::try_clone)))
        };
        if let Some(why) = failure {
            return Err(StoreError::Disk(format!("the spool cannot be written: {why}")));
        }
        for file in files.into_iter().flatten() {
            let synced = file.and_then(|file| file.sync_data());
            synced.map_err(|error| StoreError::Disk(format!("sync the spool: {error}")))?;
        }
        Ok(())
    }
}

impl Outbox {
    /// They add up in any order, so none has to wait.
    fn put_sketches(&self, batch: &SketchBatch, mark: Option<BatchMark<'_>>) -> WriteReport {
        let mut report = WriteReport::default();
        if batch.is_empty() {
            return report;
        }
        let mut state = self.state.lock();
        if mark.is_some_and(|mark| state.marks.has(mark)) {
            report.repeated = batch.len() as u64;
            return report;
        }
        let mut parts = state.begin_parts();
        for (name, time, sketch) in batch.iter() {
            if name.is_empty() || name.len() > NAME_BYTES_MAX {
                report.refused_name += 1;
                continue;
            }
            state.rows_for(time).sketch(name, time, sketch);
            report.stored += 1;
            if state.is_full() {
                state.close(&self.rows_log_path);
                parts = state.begin_parts();
            }
        }
        let noted = mark.map(|mark| state.marks.note(mark));
        state.record(parts, noted.as_deref());
        state.taken.sketches += report.stored;
        state.refused_names += report.refused_name;
        report
    }
}
