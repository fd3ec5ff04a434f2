//! The way in: names to series, points to open slots, late points and the log.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use vocabulary::point::NamedPoint;
use vocabulary::ports::{BatchMark, Scope, StoreError, Successor, WriteReport};
use vocabulary::{PointBatch, PointSink, SketchBatch, Timestamp, ValueKind};

use crate::head::{HeadOf, LateAt, SeriesHead, Stripe};
use crate::limits::*;
use crate::names::{Refused, Resolved};
use crate::policy::{NO_POLICY, PolicyEntry, PolicyId, Slot};
use crate::stats::count;
use crate::store::{SharedStripe, Store};
use crate::value::{Value, Windows};
use crate::view::{View, Wanted};
use crate::wal_record::{ALL_LATER, Header, RecordWriter};

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

/// A point that needs a log record of its own, or slots computed at once.
#[derive(Clone, Copy, Debug)]
struct Apart {
    local: u16,
    policy: PolicyId,
    archive: usize,
    lazy_to: u8,
    time: Timestamp,
    value: f64,
}

/// Where a point of a policy and time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goes {
    /// Into the finest archive, from where the coarser ones are computed later on.
    Finest {
        slot: Slot,
    },
    /// Into the first archive that reaches back far enough (whisper's rule); or the next archive's slot is
    /// about to leave the finer one, so that it must be computed now.
    Apart {
        archive: usize,
        lazy_to: u8,
    },
    TooOld,
    InFuture,
}

pub(crate) fn where_to(entry: &PolicyEntry, time: Timestamp, now: Timestamp, tolerance: i64) -> Goes {
    let finest = entry.tiers[0];
    if now.since(time) < -tolerance.max(finest.step.seconds()) {
        return Goes::InFuture;
    }
    let Some(archive) = entry.archive_for_age(now.since(time)).filter(|_| time.0 >= 0) else {
        return Goes::TooOld;
    };
    let lazy_to = lazy_to(entry, archive, time, now);
    if archive == 0 && lazy_to == ALL_LATER {
        return Goes::Finest { slot: finest.slot(time) };
    }
    Goes::Apart { archive, lazy_to }
}

/// The coarsest archive, counted from `archive` on, whose slot lies wholly within what the next finer one
/// still holds. Above it, slots are computed at once from what is left, as whisper's rings do.
pub(crate) fn lazy_to(entry: &PolicyEntry, archive: usize, time: Timestamp, now: Timestamp) -> u8 {
    for (index, pair) in entry.tiers.windows(2).enumerate().skip(archive) {
        if time.floor(pair[1].step) <= now.minus(pair[0].retention_seconds) {
            return index as u8;
        }
    }
    ALL_LATER
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

    /// Points of one stripe, in the order they came.
    fn write_run(
        &self,
        stripe: &SharedStripe,
        batch: &PointBatch,
        run: &[(u32, u32)],
        now: Timestamp,
        scratch: &mut Scratch,
        report: &mut WriteReport,
    ) {
        let Scratch { record, apart, .. } = scratch;
        apart.clear();
        let mut crowded = None;
        let mut write_out = false;
        for part in run.chunks(RUN_POINTS) {
            let mut stripe = self.with_series(stripe, part);
            let mut writer = RunWriter {
                store: self,
                now,
                tolerance: self.future_tolerance(),
                record,
                archive: 0,
                apart,
                report,
            };
            write_out |= writer.take(&mut stripe, batch, part);
            crowded = stripe
                .tiers
                .iter()
                .find(|tier| tier.head.late_points() > LATE_POINTS_MAX)
                .map(|tier| tier.place);
        }
        // Without any lock from here on.
        let apart = std::mem::take(&mut scratch.apart);
        for point in &apart {
            match self.write_apart(stripe, point, now) {
                true => report.stored += 1,
                false => report.volatile += 1,
            }
        }
        scratch.apart = apart;
        if write_out {
            self.write_log_out_or_stop();
        }
        if let Some(place) = crowded {
            // The sender waits while its own backlog is written: that is the back-pressure.
            self.flush_crowded(place);
        }
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

    /// A point that goes into a coarser archive, or whose coarser slots must be computed now, because the
    /// finer archive is losing what they are computed from.
    fn write_apart(&self, stripe: &SharedStripe, point: &Apart, now: Timestamp) -> bool {
        let Some(entry) = self.policy(point.policy) else { return false };
        let ladder = Ladder { store: self, stripe, point, entry: &entry, now };
        let _changing = self.changing_slot.lock();
        let before = ladder.slots_at_once();
        let stored = self.put_apart(stripe, point, now);
        for (archive, before) in before.into_iter().enumerate().skip(point.archive + 1) {
            if !ladder.is_at_once(archive) {
                if ladder.slot(archive).is_nan() {
                    break;
                }
                continue;
            }
            let value = ladder.ring_rollup(archive);
            let lazy_to = lazy_to(&entry, archive, point.time, now);
            // Too few are left: whisper leaves the slot as it was, and so it is written down.
            let set = if value.is_nan() { before } else { value };
            if set.is_nan() {
                let slot = entry.tiers[archive].slot(point.time);
                stripe.write().leave_empty::<f64>(point.policy, archive, point.local, slot);
            } else {
                self.put_apart(stripe, &Apart { archive, lazy_to, value: set, ..*point }, now);
                count(&self.counters.rolled_at_once, 1);
            }
            if value.is_nan() {
                break;
            }
        }
        stored
    }

    /// Put one value where it belongs, and into the log; true if it will be on disk.
    fn put_apart(&self, stripe: &SharedStripe, point: &Apart, now: Timestamp) -> bool {
        let Apart { local, archive, lazy_to, time, value, .. } = *point;
        let mut record = RecordWriter::default();
        let mut stripe = stripe.write();
        let number = stripe.number;
        record.begin(Header {
            kind: ValueKind::Number,
            stripe: number,
            archive: archive as u8,
            lazy_to,
            now,
        });
        record.number(local, time, value);
        self.apply::<f64>(&mut stripe, local, archive, lazy_to, time, value, now);
        let (stored, write_out) = self.log(&mut record);
        drop(stripe);
        if write_out {
            self.write_log_out_or_stop();
        }
        stored
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

/// Points that are taken under one hold of the stripe's lock: about 50 us.
const RUN_POINTS: usize = 2_048;

/// One hold of a stripe's lock.
struct RunWriter<'a> {
    store: &'a Store,
    now: Timestamp,
    tolerance: i64,
    record: &'a mut RecordWriter,
    /// Of the record that is being written.
    archive: usize,
    apart: &'a mut Vec<Apart>,
    report: &'a mut WriteReport,
}

/// What was found out for the point before: the next one's policy and time are mostly the same.
#[derive(Clone, Copy)]
struct Memo {
    policy: PolicyId,
    time: Timestamp,
    place: MemoPlace,
}

#[derive(Clone, Copy)]
enum MemoPlace {
    Column {
        tier: usize,
        column: usize,
        slot: Slot,
        /// The start of the slot.
        begins: i64,
    },
    Late {
        tier: usize,
        slot: Slot,
    },
    /// Into a coarser archive, and nothing is to be computed now.
    Coarse {
        archive: usize,
        slot: Slot,
    },
    Apart {
        archive: usize,
        lazy_to: u8,
    },
    TooOld,
    InFuture,
}

impl RunWriter<'_> {
    /// True if the log wants to be written out.
    fn take(&mut self, stripe: &mut Stripe, batch: &PointBatch, run: &[(u32, u32)]) -> bool {
        let segment = self.store.wal.position().segment();
        self.begin(stripe.number, 0);
        let mut memo = Memo { policy: NO_POLICY, time: Timestamp(i64::MIN), place: MemoPlace::TooOld };
        let mut pending = 0;
        let mut write_out = false;
        for (index, id) in run {
            let point = batch.get(*index as usize);
            let local = (id % SERIES_PER_STRIPE) as u16;
            let series = stripe.series[usize::from(local)];
            if series.is_gone() || point.value.is_nan() {
                self.report.no_value += 1;
                continue;
            }
            if memo.policy != series.policy || memo.time != point.time {
                let place = self.place(stripe, series.policy, point.time, segment);
                memo = Memo { policy: series.policy, time: point.time, place };
            }
            let archive = match memo.place {
                MemoPlace::Column { tier, column, slot, begins } => {
                    let head =
                        f64::head_mut(&mut stripe.tiers[tier].head).expect("numbers resolve to numbers");
                    head.open.set(column, series.lane, point.value);
                    if begins <= i64::from(series.imported) {
                        head.late.put(local, slot, ALL_LATER, point.value, segment);
                    } else if series.is_first_after_import(begins) {
                        stripe.note_goes_on(local, begins);
                    }
                    0
                }
                MemoPlace::Late { tier, slot } => {
                    let head =
                        f64::head_mut(&mut stripe.tiers[tier].head).expect("numbers resolve to numbers");
                    head.late.put(local, slot, ALL_LATER, point.value, segment);
                    *stripe.late_counts.entry(local).or_default() += 1;
                    self.report.late += 1;
                    0
                }
                // Points that came before it must be in their places first.
                MemoPlace::Coarse { archive, slot } if self.apart.is_empty() => {
                    let at = LateAt { local, archive, slot, lazy_to: ALL_LATER, segment };
                    stripe.put_late(series, at, point.value, self.now);
                    *stripe.late_counts.entry(local).or_default() += 1;
                    self.report.late += 1;
                    archive
                }
                MemoPlace::Coarse { archive, .. } => {
                    self.set_apart(stripe, local, archive, ALL_LATER, &point);
                    continue;
                }
                MemoPlace::Apart { archive, lazy_to } => {
                    self.set_apart(stripe, local, archive, lazy_to, &point);
                    continue;
                }
                MemoPlace::TooOld => {
                    self.report.too_old += 1;
                    continue;
                }
                MemoPlace::InFuture => {
                    self.report.in_future += 1;
                    continue;
                }
            };
            if archive != self.archive {
                write_out |= self.end(&mut pending);
                self.begin(stripe.number, archive);
            }
            self.record.number(local, point.time, point.value);
            pending += 1;
            note_last(&mut stripe.series[usize::from(local)], point.time);
            if self.record.is_full() {
                write_out |= self.end(&mut pending);
                self.begin(stripe.number, archive);
            }
        }
        write_out | self.end(&mut pending)
    }

    /// Keep a point for when the stripe is not locked any more.
    fn set_apart(
        &mut self,
        stripe: &mut Stripe,
        local: u16,
        archive: usize,
        lazy_to: u8,
        point: &NamedPoint<'_>,
    ) {
        let series = &mut stripe.series[usize::from(local)];
        let (policy, time, value) = (series.policy, point.time, point.value);
        self.apart.push(Apart { local, policy, archive, lazy_to, time, value });
        note_last(series, time);
        *stripe.late_counts.entry(local).or_default() += 1;
        self.report.late += 1;
    }

    fn begin(&mut self, stripe: u32, archive: usize) {
        self.archive = archive;
        self.record.begin(Header {
            kind: ValueKind::Number,
            stripe,
            archive: archive as u8,
            lazy_to: ALL_LATER,
            now: self.now,
        });
    }

    fn end(&mut self, pending: &mut u64) -> bool {
        let (stored, write_out) = self.store.log(self.record);
        let points = std::mem::take(pending);
        if stored {
            self.report.stored += points;
        } else {
            self.report.volatile += points;
        }
        write_out
    }

    fn place(&self, stripe: &mut Stripe, policy: PolicyId, time: Timestamp, segment: u32) -> MemoPlace {
        let Some(entry) = self.store.policy(policy) else { return MemoPlace::TooOld };
        match where_to(&entry, time, self.now, self.tolerance) {
            Goes::TooOld => MemoPlace::TooOld,
            Goes::InFuture => MemoPlace::InFuture,
            Goes::Apart { archive, lazy_to: ALL_LATER } => {
                MemoPlace::Coarse { archive, slot: entry.tiers[archive].slot(time) }
            }
            Goes::Apart { archive, lazy_to } => MemoPlace::Apart { archive, lazy_to },
            Goes::Finest { slot } => {
                let tier = stripe.tiers_of(policy)[0];
                let head = f64::head_mut(&mut stripe.tiers[tier].head).expect("numbers resolve to numbers");
                head.since.get_or_insert(self.now);
                if slot < head.base {
                    return MemoPlace::Late { tier, slot };
                }
                let begins = entry.tiers[0].start(slot).0;
                MemoPlace::Column { tier, column: head.open.column(slot, segment), slot, begins }
            }
        }
    }
}

#[inline]
pub(crate) fn note_last(series: &mut SeriesHead, time: Timestamp) {
    series.last = series.last.max(u32::try_from(time.0).unwrap_or(0));
}

/// The coarser slots above one point.
struct Ladder<'a> {
    store: &'a Store,
    stripe: &'a SharedStripe,
    point: &'a Apart,
    entry: &'a Arc<PolicyEntry>,
    now: Timestamp,
}

impl Ladder<'_> {
    /// Must the slot of an archive be computed now? Part of it has left the next finer one.
    fn is_at_once(&self, archive: usize) -> bool {
        let finer = self.entry.tiers[archive - 1];
        self.point.time.floor(self.entry.tiers[archive].step) <= self.now.minus(finer.retention_seconds)
    }

    /// What the slots that will be computed now are before; NaN for the others.
    fn slots_at_once(&self) -> Vec<f64> {
        let first = self.point.archive + 1;
        let value = |archive| {
            if archive >= first && self.is_at_once(archive) { self.slot(archive) } else { f64::NAN }
        };
        (0..self.entry.tiers.len()).map(value).collect()
    }

    /// The slot of an archive that the point lies in.
    fn slot(&self, archive: usize) -> f64 {
        let slot = self.entry.tiers[archive].slot(self.point.time);
        self.rows(archive, &(slot..slot + 1))[0]
    }

    fn rows(&self, archive: usize, slots: &Range<Slot>) -> Vec<f64> {
        let tier = self.entry.tiers[archive];
        let scope = Scope::everything();
        let wanted = Wanted {
            policy: self.point.policy,
            entry: self.entry,
            locals: vec![self.point.local],
            archive,
            times: tier.start(slots.start)..tier.start(slots.end),
            scope: &scope,
        };
        let view = View::<f64>::take(&self.stripe.read(), &*self.store.blocks, wanted);
        let nothing = || vec![f64::NAN; (slots.end - slots.start) as usize];
        view.rows(archive, slots).unwrap_or_else(|_| nothing())
    }

    /// A slot as whisper computes it: a finer slot whose place in the ring a newer one has taken does not
    /// count.
    fn ring_rollup(&self, archive: usize) -> f64 {
        let slot = self.entry.tiers[archive].slot(self.point.time);
        let ratio = self.entry.ratio(archive);
        let finer = slot * ratio..(slot + 1) * ratio;
        let ring = self.entry.tiers[archive - 1].ring_slots();
        let mut values = self.rows(archive - 1, &finer);
        let newer = self.rows(archive - 1, &(finer.start + ring..finer.end + ring));
        for (value, newer) in values.iter_mut().zip(&newer) {
            if !newer.is_nan() {
                *value = f64::NAN;
            }
        }
        f64::roll(&self.entry.policy, &values, &mut Vec::new())
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
