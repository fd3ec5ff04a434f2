//! Coarse slots that are not computed, or not any more: what imports brought, what was set itself, what whisper
//! would have left empty.

use std::sync::Arc;

use vocabulary::Timestamp;

use crate::head::{HeadOf, SeriesHead, Stripe, TierHead, with_head};
use crate::limits::{LEFT_EMPTY_MAX, SERIES_PER_STRIPE};
use crate::policy::{PolicyId, Slot};
use crate::series_log::Record;
use crate::value::Windows;

impl Stripe {
    /// Note up to when a series was imported, and which of its points in files came first after that.
    pub fn note_imported(&mut self, local: u16, newest: u32, first_after: u32) {
        let Some(series) = self.get(local).copied() else { return };
        let goes_on = self.first_in_memory_after(series, newest).unwrap_or(u32::MAX).min(first_after);
        let last = series.last.max(newest);
        self.series[usize::from(local)] =
            SeriesHead { imported: newest, last, goes_on, set_since: 0, ..series };
    }

    /// Where the first slot of the finest archive begins that is not in files yet and later than `newest`.
    fn first_in_memory_after(&self, series: SeriesHead, newest: u32) -> Option<u32> {
        let tier = &self.tiers[self.tiers_of(series.policy)[0]];
        let head = f64::head(&tier.head)?;
        let tier = tier.place.tier;
        let after = tier.slot(Timestamp(newest.into())) + 1;
        let windows = head.frozen.iter().map(|frozen| &frozen.windows).chain([&head.open]);
        let first = windows.filter_map(|windows| {
            let extent = windows.extent().filter(|slots| slots.end > after)?;
            let slots = extent.start.max(after)..extent.end;
            let mut row = vec![f64::NAN; (slots.end - slots.start) as usize];
            windows.overlay(series.lane, &slots, &mut row);
            row.iter().position(|value| !value.is_nan()).map(|at| slots.start + at as i64)
        });
        u32::try_from(tier.start(first.min()?).0).ok()
    }

    /// A point came in order into the slot that begins then, and no earlier one did since the import.
    #[cold]
    pub fn note_goes_on(&mut self, local: u16, begins: i64) {
        self.series[usize::from(local)].goes_on = begins as u32;
        self.unlogged.insert(local);
    }

    /// Finer points that came before do not change the slot of a coarse archive any more.
    pub fn settle_slot<V: HeadOf>(&mut self, policy: PolicyId, archive: usize, local: u16, slot: Slot) {
        let tiers = Arc::clone(self.tiers_of(policy));
        let coarse = self.tiers[tiers[archive]].place.tier;
        for finer in &tiers[..archive] {
            let finer = &mut self.tiers[*finer];
            let finer_tier = finer.place.tier;
            let head = V::head_mut(&mut finer.head).filter(|head| head.late.count > 0);
            let points = head.and_then(|head| head.late.rows.get_mut(&local)).into_iter().flatten();
            for point in points.filter(|point| coarse.slot(finer_tier.start(point.slot())) == slot) {
                point.lazy_to = point.lazy_to.min(archive as u8 - 1);
            }
        }
    }

    /// Remember that a slot of a coarse archive stays empty.
    pub fn leave_empty<V: HeadOf>(&mut self, policy: PolicyId, archive: usize, local: u16, slot: Slot) {
        self.settle_slot::<V>(policy, archive, local, slot);
        let place = self.tiers_of(policy)[archive];
        with_head!(&mut self.tiers[place].head, head => {
            if head.left_empty.len() < LEFT_EMPTY_MAX {
                head.left_empty.insert((local, slot));
            }
        });
    }

    /// The same for one that the run before knew of, unless its mark has passed.
    pub fn leave_empty_still(&mut self, local: u16, archive: usize, begins: Timestamp) {
        let Some(policy) = self.get(local).map(|series| series.policy) else { return };
        let tiers = Arc::clone(self.tiers_of(policy));
        if archive == 0 || archive >= tiers.len() {
            return;
        }
        let (tier, rolled) = (self.tiers[tiers[archive]].place.tier, self.tiers[tiers[archive - 1]].rolled);
        if tier.slot(begins) >= tier.slot(rolled) {
            self.leave_empty::<f64>(policy, archive, local, tier.slot(begins));
        }
    }

    /// All that are to stay empty.
    pub fn left_empty(&self) -> Vec<Record<'static>> {
        let of = |(place, tier): (usize, &TierHead)| {
            let slots = with_head!(&tier.head, head => head.left_empty.clone());
            let step = tier.place.tier;
            slots.into_iter().filter_map(move |(local, slot)| {
                let places = self.tiers_of(self.get(local)?.policy);
                Some(Record::LeftEmpty {
                    id: self.number * SERIES_PER_STRIPE + u32::from(local),
                    archive: places.iter().position(|own| *own == place)? as u8,
                    begins: u32::try_from(step.start(slot).0).ok()?,
                })
            })
        };
        self.tiers.iter().enumerate().flat_map(of).collect()
    }
}
