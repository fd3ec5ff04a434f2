//! The way in: names to series, points to open slots, late points and the log.
//!
//! | module | holds |
//! |---|---|
//! | [`run`] | the points of one stripe, under one hold of its lock |
//! | [`goes`] | which archive a point goes into |
//! | [`apart`] | points of coarser archives, and the slots above them that are computed at once |

mod apart;
mod goes;
mod run;

use std::cell::RefCell;

use vocabulary::point::NamedPoint;
use vocabulary::ports::{BatchMark, StoreError, Successor, WriteReport};
use vocabulary::{PointBatch, PointSink, SketchBatch, Timestamp, ValueKind};

use self::apart::Apart;
use crate::head::{HeadOf, LateAt, Stripe};
use crate::limits::*;
use crate::names::{Refused, Resolved};
use crate::policy::PolicyEntry;
use crate::stats::count;
use crate::store::{SharedStripe, Store};
use crate::value::Windows;
use crate::wal_record::RecordWriter;

pub(crate) use goes::{Goes, lazy_to, where_to};
pub(crate) use run::note_last;

/// Memory of one thread that writes, kept from batch to batch.
#[derive(Default)]
struct Scratch {
    resolved: Vec<Resolved>,
    /// Position in the batch and id, sorted by stripe.
    rows: Vec<(u32, u32)>,
    sorted: Vec<(u32, u32)>,
    record: RecordWriter,
    apart: Vec<Apart>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// A point whose name is no series yet.
#[derive(Clone, Copy)]
pub(crate) struct First<'b> {
    pub name: &'b [u8],
    pub kind: ValueKind,
    pub time: Timestamp,
    pub has_value: bool,
}

impl PointSink for Store {
    fn write(&self, batch: &PointBatch, hint: &mut Successor) -> WriteReport {
        SCRATCH.with_borrow_mut(|scratch| self.write_batch(batch, hint, scratch))
    }

    fn write_sketches(&self, batch: &SketchBatch) -> WriteReport {
        self.write_sketch_batch(batch, None)
    }

    fn write_sketches_once(&self, batch: &SketchBatch, mark: BatchMark<'_>) -> WriteReport {
        self.write_sketch_batch(batch, Some(mark))
    }

    fn last_batch(&self, sender: &str) -> u64 {
        self.marks.lock().last_batch(sender)
    }

    fn sync(&self) -> Result<(), StoreError> {
        self.make_log_durable()?;
        self.refuse_read_only()
    }
}

impl Store {
    fn write_batch(&self, batch: &PointBatch, hint: &mut Successor, scratch: &mut Scratch) -> WriteReport {
        let now = self.now();
        let mut report = WriteReport::default();
        self.resolve(batch, hint, now, scratch, &mut report);
        sort_by_stripe(&mut scratch.rows, &mut scratch.sorted);
        let rows = std::mem::take(&mut scratch.rows);
        for run in rows.chunk_by(|a, b| a.1 / SERIES_PER_STRIPE == b.1 / SERIES_PER_STRIPE) {
            let stripe = self.stripe_with(run[0].1);
            self.write_run(&stripe, batch, run, now, scratch, &mut report);
        }
        scratch.rows = rows;
        self.changes.note(batch.oldest().map_or(i64::MAX, |time| time.0));
        self.count_report(&report);
        report
    }

    /// Fills `scratch.rows`; unknown names become series if their point can be kept.
    fn resolve(
        &self,
        batch: &PointBatch,
        hint: &mut Successor,
        now: Timestamp,
        scratch: &mut Scratch,
        report: &mut WriteReport,
    ) {
        scratch.resolved.clear();
        self.names.resolve(batch, ValueKind::Number, hint, &mut scratch.resolved);
        scratch.rows.clear();
        for (index, resolved) in scratch.resolved.iter().enumerate() {
            let id = match resolved {
                Resolved::Known(id) => Some(*id),
                Resolved::Unknown => {
                    let NamedPoint { name, time, value } = batch.get(index);
                    let first = First { name, kind: ValueKind::Number, time, has_value: !value.is_nan() };
                    self.create_counted(first, now, report)
                }
            };
            scratch.rows.extend(id.map(|id| (index as u32, id)));
        }
    }

    pub(crate) fn create_counted(
        &self,
        first: First<'_>,
        now: Timestamp,
        report: &mut WriteReport,
    ) -> Option<u32> {
        if !self.is_worth_a_series(&first, now, report) {
            return None;
        }
        match self.create_series(first.name, first.kind, now) {
            Ok((id, new)) => {
                report.created += u64::from(new);
                Some(id)
            }
            Err(Refused::Name(_)) => {
                report.refused_name += 1;
                None
            }
            Err(Refused::Limit(_)) => {
                report.refused_limit += 1;
                None
            }
        }
    }

    /// A point that would be refused is counted as that, and leaves no name behind.
    fn is_worth_a_series(&self, first: &First<'_>, now: Timestamp, report: &mut WriteReport) -> bool {
        let rules = self.rules.load();
        let tolerance = self.future_tolerance();
        let sure = first.time.0 >= 0 && (-tolerance..=rules.least_reach).contains(&now.since(first.time));
        if sure && first.has_value {
            return true;
        }
        let Some(canonical) = self.names.would_create(first.name, first.kind) else { return true };
        if !first.has_value {
            report.no_value += 1;
            return false;
        }
        let entry = PolicyEntry::new(first.kind, rules.policy_of(&canonical));
        match where_to(&entry, first.time, now, tolerance) {
            Goes::TooOld => report.too_old += 1,
            Goes::InFuture => report.in_future += 1,
            Goes::Finest { .. } | Goes::Apart { .. } => return true,
        }
        false
    }

    pub(crate) fn future_tolerance(&self) -> i64 {
        (self.config.load().future_tolerance.0.as_secs() as i64).max(FUTURE_SECONDS_MIN)
    }

    /// The stripe of a series; if another thread is just making its first series, when that is done.
    pub(crate) fn stripe_with(&self, id: u32) -> SharedStripe {
        self.stripe_of(id).unwrap_or_else(|| {
            let _creating = self.creating.lock();
            self.stripe_for(id / SERIES_PER_STRIPE)
        })
    }

    /// The stripe, locked, with all series of the run seated: another thread may just have got an id for
    /// a name and not yet a seat, which it gives while it holds `creating`.
    pub(crate) fn with_series<'a>(
        &self,
        stripe: &'a SharedStripe,
        run: &[(u32, u32)],
    ) -> parking_lot::RwLockWriteGuard<'a, Stripe> {
        let highest = run.iter().map(|(_, id)| id % SERIES_PER_STRIPE).max().unwrap_or(0) as usize;
        let guard = stripe.write();
        if guard.series.len() > highest {
            return guard;
        }
        drop(guard);
        drop(self.creating.lock());
        stripe.write()
    }

    /// Append a record; true if it will be on disk.
    fn log(&self, record: &mut RecordWriter) -> (bool, bool) {
        if record.points() == 0 {
            return (!self.is_read_only(), false);
        }
        match self.wal.append(record.finish(), self.clock.since_epoch()) {
            Some(appended) => {
                self.log_waker.raise();
                (true, appended.write_out)
            }
            None => (false, false),
        }
    }

    /// Put a value where it belongs: an open slot of the finest archive or the late points.
    #[expect(clippy::too_many_arguments, reason = "a point has this many parts")]
    pub(crate) fn apply<V: HeadOf>(
        &self,
        stripe: &mut Stripe,
        local: u16,
        archive: usize,
        lazy_to: u8,
        time: Timestamp,
        value: V,
        now: Timestamp,
    ) {
        let Some(series) = stripe.get(local).copied() else { return };
        let segment = self.wal.position().segment();
        let place = stripe.tiers_of(series.policy)[0];
        let tier = &mut stripe.tiers[place];
        let slot = tier.place.tier.slot(time);
        let Some(head) = V::head_mut(&mut tier.head) else { return };
        if archive == 0 && slot >= head.base {
            head.since.get_or_insert(now);
            let begins = tier.place.tier.start(slot).0;
            if begins <= i64::from(series.imported) {
                head.late.put(local, slot, lazy_to, value.clone(), segment);
            }
            head.open.put(series.lane, slot, value, segment);
            if series.is_first_after_import(begins) {
                stripe.note_goes_on(local, begins);
            }
        } else {
            self.apply_late(stripe, local, archive, lazy_to, time, value, now);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a point has this many parts")]
    pub(crate) fn apply_late<V: HeadOf>(
        &self,
        stripe: &mut Stripe,
        local: u16,
        archive: usize,
        lazy_to: u8,
        time: Timestamp,
        value: V,
        now: Timestamp,
    ) {
        let segment = self.wal.position().segment();
        let Some(series) = stripe.get(local).copied() else { return };
        let Some(place) = stripe.tiers_of(series.policy).get(archive).copied() else { return };
        let slot = stripe.tiers[place].place.tier.slot(time);
        stripe.put_late(series, LateAt { local, archive, slot, lazy_to, segment }, value, now);
    }

    pub(crate) fn count_report(&self, report: &WriteReport) {
        let counters = &self.counters;
        count(&counters.points_stored, report.stored);
        count(&counters.points_volatile, report.volatile);
        count(&counters.points_late, report.late);
        count(&counters.points_too_old, report.too_old);
        count(&counters.points_in_future, report.in_future);
        count(&counters.points_no_value, report.no_value);
        count(&counters.points_refused_name, report.refused_name);
        count(&counters.points_refused_limit, report.refused_limit);
        count(&counters.sketches_repeated, report.repeated);
    }
}

/// A stable counting sort, left out when one stripe is all there is.
fn sort_by_stripe(rows: &mut Vec<(u32, u32)>, sorted: &mut Vec<(u32, u32)>) {
    let Some(first) = rows.first().map(|(_, id)| id / SERIES_PER_STRIPE) else { return };
    if rows.iter().all(|(_, id)| id / SERIES_PER_STRIPE == first) {
        return;
    }
    let highest = rows.iter().map(|(_, id)| id / SERIES_PER_STRIPE).max().unwrap_or(0) as usize;
    let mut starts = vec![0usize; highest + 2];
    rows.iter().for_each(|(_, id)| starts[(id / SERIES_PER_STRIPE) as usize + 1] += 1);
    (1..starts.len()).for_each(|at| starts[at] += starts[at - 1]);
    sorted.clear();
    sorted.resize(rows.len(), (0, 0));
    for row in rows.iter() {
        let at = &mut starts[(row.1 / SERIES_PER_STRIPE) as usize];
        sorted[*at] = *row;
        *at += 1;
    }
    std::mem::swap(rows, sorted);
}
