//! Slots of a tier that wait for their rollup become slots of the next coarser tiers.
//!
//! The coarse values are what a reader would have computed; from then on they are in files and the finer
//! slots may go. Files and mark become valid in one edit of the manifest.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use vocabulary::ports::{Scope, StoreError};
use vocabulary::{Sketch, Timestamp, ValueKind};

use crate::blocks::NewFiles;
use crate::flush::{Pages, spans};
use crate::head::{HeadOf, Stripe, with_head};
use crate::limits::*;
use crate::manifest::{Edit, FileMeta, Place};
use crate::policy::{PolicyEntry, PolicyId, Slot, Tier};
use crate::stats::count;
use crate::store::{SharedStripe, Store};
use crate::view::{View, Wanted};

/// Rollup of one tier of one stripe that is due.
#[derive(Clone, Debug)]
struct Due {
    place: Place,
    times: Range<Timestamp>,
}

impl Store {
    /// Roll up what is due; true if something was. With `all`, whatever waits.
    pub(crate) fn roll_due(&self, all: bool) -> Result<bool, StoreError> {
        for stripe in self.stripes.load().iter() {
            let due = self.due_rollup(&stripe.read(), all);
            if let Some(due) = due {
                match due.place.tier.kind {
                    ValueKind::Number => self.roll::<f64>(stripe, &due)?,
                    ValueKind::Sketch => self.roll::<Option<Sketch>>(stripe, &due)?,
                }
                count(&self.counters.rollups, 1);
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn due_rollup(&self, stripe: &Stripe, all: bool) -> Option<Due> {
        let policies = self.policies.load();
        let seated: Vec<&Arc<PolicyEntry>> =
            policies.iter().filter(|(id, _)| stripe.has_policy(*id)).map(|(_, entry)| entry).collect();
        for tier in &stripe.tiers {
            let Some(until) = rolled_to(stripe, &seated, tier.place.tier) else { continue };
            let waiting = until.since(tier.rolled) / tier.place.tier.step.seconds();
            let enough = (MERGE_WINDOWS * WINDOW_SLOTS).min(tier.place.tier.ring_slots() / 4).max(1);
            if waiting >= if all { 1 } else { enough } {
                return Some(Due { place: tier.place, times: tier.rolled..until });
            }
        }
        None
    }

    fn roll<V: HeadOf>(&self, shared: &SharedStripe, due: &Due) -> Result<(), StoreError> {
        let _no_import = self.importing.write();
        let mut new = NewFiles::new(&self.files);
        let coarser = self.coarser_series(shared, due.place.tier);
        for (coarse, series) in &coarser {
            let slots = coarse.slot(due.times.start)..coarse.slot(due.times.end);
            for slots in spans(*coarse, &slots) {
                let place = Place { tier: *coarse, stripe: due.place.stripe };
                new.add(self.roll_span::<V>(shared, place, &slots, series)?);
            }
        }
        self.make_series_durable()?;
        let mut marks = self.lower_marks(shared);
        marks.push(Edit::Rolled(due.place, due.times.end));
        let new = new.commit(marks)?;
        let mut stripe = shared.write();
        for meta in &new {
            if let Some(tier) = stripe.tier_mut(meta.place.tier) {
                tier.add_files([self.files.file(*meta)]);
            }
        }
        for tier in stripe.tiers.iter_mut().filter(|tier| coarser.contains_key(&tier.place.tier)) {
            let open = tier.place.tier.slot(due.times.end);
            with_head!(&mut tier.head, head => head.left_empty.retain(|(_, slot)| *slot >= open));
        }
        if let Some(tier) = stripe.tier_mut(due.place.tier) {
            tier.rolled = due.times.end;
        }
        Ok(())
    }

    /// Series by the tier that follows `tier` in their policies.
    fn coarser_series(&self, shared: &SharedStripe, tier: Tier) -> BTreeMap<Tier, Vec<(u16, PolicyId)>> {
        let policies = self.policies.load();
        let mut series: BTreeMap<Tier, Vec<(u16, PolicyId)>> = BTreeMap::new();
        let stripe = shared.read();
        for (local, head) in stripe.series.iter().enumerate() {
            let Some(entry) = policies.get(head.policy) else { continue };
            let next = entry.tiers.iter().position(|own| *own == tier).and_then(|at| entry.tiers.get(at + 1));
            if let Some(next) = next {
                series.entry(*next).or_default().push((local as u16, head.policy));
            }
        }
        series
    }

    /// Series whose slots are computed at once, by how many finer slots each takes.
    fn rolled_together(&self, tier: Tier, width: usize) -> usize {
        let policies = self.policies.load();
        let ratio = |entry: &Arc<PolicyEntry>| {
            let archive = entry.tiers.iter().position(|own| *own == tier)?;
            (archive > 0).then(|| entry.ratio(archive) as usize)
        };
        let finer = width * policies.iter().filter_map(|(_, entry)| ratio(entry)).max().unwrap_or(1);
        (ROLLED_SLOTS / finer.max(1)).clamp(1, BATCH_SERIES)
    }

    fn roll_span<V: HeadOf>(
        &self,
        shared: &SharedStripe,
        place: Place,
        slots: &Range<Slot>,
        series: &[(u16, PolicyId)],
    ) -> Result<Option<FileMeta>, StoreError> {
        let mut pages = Pages::new(self);
        let scope = Scope::everything();
        let width = (slots.end - slots.start) as usize;
        for batch in series.chunks(self.rolled_together(place.tier, width)) {
            let mut by_policy: BTreeMap<PolicyId, Vec<u16>> = BTreeMap::new();
            batch.iter().for_each(|(local, policy)| by_policy.entry(*policy).or_default().push(*local));
            for (policy, locals) in by_policy {
                let Some(entry) = self.policy(policy) else { continue };
                let Some(archive) = entry.tiers.iter().position(|tier| *tier == place.tier) else { continue };
                let times = place.tier.start(slots.start)..place.tier.start(slots.end);
                let wanted =
                    Wanted { policy, entry: &entry, locals: locals.clone(), archive, times, scope: &scope };
                let view = View::<V>::take(&shared.read(), &*self.blocks, wanted);
                let rows = view.rows(archive, slots)?;
                for (local, row) in locals.iter().zip(rows.chunks_exact(width)) {
                    pages.push(*local, row);
                }
            }
        }
        pages.write(place, slots)
    }
}

/// Up to where the slots of a tier are complete: its own windows closed where it is a finest tier, and
/// everything rolled up into it where it is not. `None` if nothing coarser follows anywhere.
fn rolled_to(stripe: &Stripe, seated: &[&Arc<PolicyEntry>], tier: Tier) -> Option<Timestamp> {
    let mut until: Option<Timestamp> = None;
    let mut followed = false;
    for entry in seated {
        let Some(at) = entry.tiers.iter().position(|own| *own == tier) else { continue };
        followed |= at + 1 < entry.tiers.len();
        let complete = match at {
            0 => tier.start(stripe.tier(tier)?.head.base()),
            _ => stripe.tier(entry.tiers[at - 1])?.rolled.floor(tier.step),
        };
        until = Some(until.map_or(complete, |until| until.min(complete)));
    }
    until.filter(|_| followed)
}
