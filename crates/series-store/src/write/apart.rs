//! Points that go into a coarser archive, or whose coarser slots must be computed at once.

use std::ops::Range;
use std::sync::Arc;

use vocabulary::ports::Scope;
use vocabulary::{Timestamp, ValueKind};

use super::lazy_to;
use crate::policy::{PolicyEntry, PolicyId, Slot};
use crate::stats::count;
use crate::store::{SharedStripe, Store};
use crate::value::Value;
use crate::view::{View, Wanted};
use crate::wal_record::{Header, RecordWriter};

/// A point that needs a log record of its own, or slots computed at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Apart {
    pub local: u16,
    pub policy: PolicyId,
    pub archive: usize,
    pub lazy_to: u8,
    pub time: Timestamp,
    pub value: f64,
}

impl Store {
    /// A point that goes into a coarser archive, or whose coarser slots must be computed now, because the
    /// finer archive is losing what they are computed from.
    pub(super) fn write_apart(&self, stripe: &SharedStripe, point: &Apart, now: Timestamp) -> bool {
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
