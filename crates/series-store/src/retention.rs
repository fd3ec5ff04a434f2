//! Series that come to an end or change their policy.

use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::ports::StoreError;

use crate::changes::EVERYTHING;
use crate::limits::*;
use crate::manifest::{Edit, FileMeta};
use crate::series_log::Record;
use crate::stats::count;
use crate::store::{Store, Upkeep};

impl Store {
    /// Take series out: invisible at once, their space comes back with the next merges. Returns how many
    /// there were.
    pub fn delete(&self, series: &[vocabulary::SeriesRef]) -> Result<u64, StoreError> {
        let ids = series.iter().filter_map(|series| u32::try_from(series.0).ok());
        let removed = self.remove_series(ids);
        count(&self.counters.series_removed, removed);
        self.write_log_out()?;
        self.sync_series_log()?;
        Ok(removed)
    }

    fn remove_series(&self, ids: impl Iterator<Item = u32>) -> u64 {
        let _creating = self.creating.lock();
        let mut removed = 0;
        for id in ids {
            if self.names.remove(id).is_none() {
                continue;
            }
            if let Some(stripe) = self.stripe_of(id) {
                stripe.write().remove_series((id % SERIES_PER_STRIPE) as u16);
            }
            self.series_log.lock().push(&Record::Removed { id });
            removed += 1;
        }
        self.changes.note(EVERYTHING);
        removed
    }

    /// Once a day: series without a point in memory or in any file, older than their longest archive, go.
    pub(crate) fn expire_idle(&self, upkeep: &mut Upkeep, now: Timestamp) -> Result<(), StoreError> {
        let clock = self.clock.since_epoch();
        let last = *upkeep.last_idle_pass.get_or_insert(clock);
        if clock.abs_diff(last) < IDLE_PASS_INTERVAL {
            return Ok(());
        }
        upkeep.last_idle_pass = Some(clock);
        self.expire_strays(now)?;
        let expired = self.remove_series(self.idle_series(now).into_iter());
        count(&self.counters.series_expired, expired);
        let dead = self.names.next_id() as usize - self.names.len();
        if dead > SERIES_LOG_DEAD_MIN as usize && dead > self.names.len() && expired > 0 {
            let _creating = self.creating.lock();
            self.rewrite_series_log()?;
        }
        Ok(())
    }

    /// Flushed files of a tier that no series of their stripe has any more go by their retention alone.
    fn expire_strays(&self, now: Timestamp) -> Result<(), StoreError> {
        let level0: Vec<FileMeta> = self
            .files
            .manifest
            .state(|state| state.files.values().filter(|meta| meta.level == 0).copied().collect());
        let seated = |meta: &FileMeta| {
            let stripes = self.stripes.load();
            stripes
                .get(meta.place.stripe as usize)
                .is_some_and(|stripe| stripe.read().tier(meta.place.tier).is_some())
        };
        let over = |meta: &FileMeta| {
            let tier = meta.place.tier;
            tier.start(meta.end()) < now.minus(tier.retention_seconds)
        };
        for stray in level0.into_iter().filter(|meta| !seated(meta) && over(meta)) {
            self.files.manifest.commit(&[Edit::Remove(stray.number)])?;
            self.files.file(stray).doom();
            count(&self.counters.files_expired, 1);
        }
        Ok(())
    }

    fn idle_series(&self, now: Timestamp) -> Vec<u32> {
        let mut idle = Vec::new();
        for stripe in self.stripes.load().iter() {
            let (number, candidates) = {
                let stripe = stripe.read();
                let policies = self.policies.load();
                let old = |(local, head): (usize, &crate::head::SeriesHead)| {
                    let keep = policies.get(head.policy)?.longest_retention();
                    let newest = i64::from(head.last.max(head.created));
                    (newest < now.0 - keep).then_some(local as u16)
                };
                (stripe.number, stripe.series.iter().enumerate().filter_map(old).collect::<Vec<_>>())
            };
            if !candidates.is_empty() {
                let stored = self.stored_series(number);
                let gone = candidates.into_iter().filter(|local| !stored[usize::from(*local)]);
                idle.extend(gone.map(|local| number * SERIES_PER_STRIPE + u32::from(local)));
            }
        }
        idle
    }

    /// Which series of a stripe have a page in any file.
    fn stored_series(&self, number: u32) -> Vec<bool> {
        let mut stored = vec![false; SERIES_PER_STRIPE as usize];
        self.page_bytes(number, &mut |_, local, _| stored[usize::from(local)] = true);
        stored
    }

    /// Tier, series and bytes of every page of a stripe.
    pub(crate) fn page_bytes(&self, number: u32, take: &mut dyn FnMut(crate::policy::Tier, u16, u64)) {
        let stripe = self.stripe_for(number);
        let tiers: Vec<_> = {
            let stripe = stripe.read();
            stripe.tiers.iter().map(|tier| (tier.place, Arc::clone(&tier.level0))).collect()
        };
        for (place, level0) in tiers {
            for file in level0.iter() {
                for (local, bytes) in file.series().unwrap_or_default() {
                    take(place.tier, local, u64::from(bytes));
                }
            }
            self.blocks.series_bytes(place, &mut |local, bytes| take(place.tier, local, bytes));
        }
    }
}
