//! Points of one stripe, under as few holds of its lock as can be.

use vocabulary::point::NamedPoint;
use vocabulary::ports::WriteReport;
use vocabulary::{PointBatch, Timestamp, ValueKind};

use super::apart::Apart;
use super::{Goes, Scratch, where_to};
use crate::head::{HeadOf, LateAt, SeriesHead, Stripe};
use crate::limits::*;
use crate::policy::{NO_POLICY, PolicyId, Slot};
use crate::store::{SharedStripe, Store};
use crate::wal_record::{ALL_LATER, Header, RecordWriter};

impl Store {
    /// Points of one stripe, in the order they came.
    pub(super) fn write_run(
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
