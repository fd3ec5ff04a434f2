//! When the newest point of each series came. A start reads names and the log only; what was stored before is
//! looked for afterwards, a stripe at a time, in the newest files first: of most series one small page is read.

use std::cmp::Reverse;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::RwLock;
use vocabulary::Timestamp;

use crate::block::{BlockFile, last_slot};
use crate::head::Stripe;
use crate::manifest::Place;
use crate::policy::{PolicyEntry, PolicyId, Slot};
use crate::store::Store;
use crate::value::Value;
use crate::write::note_last;

impl Store {
    /// Look through the next stripe; false if that was done for all of them.
    pub(crate) fn find_newest(&self) -> bool {
        let number = self.looked_through.fetch_add(1, Ordering::Relaxed);
        let Some(stripe) = self.stripes.load().get(number).cloned() else {
            self.looked_through.fetch_sub(1, Ordering::Relaxed);
            return false;
        };
        for (policy, entry) in self.policies.load().iter() {
            if stripe.read().has_policy(policy) {
                self.find_newest_of(&stripe, policy, entry);
            }
        }
        true
    }

    fn find_newest_of(&self, stripe: &RwLock<Stripe>, policy: PolicyId, entry: &PolicyEntry) {
        let mut wanted = known_so_far(&stripe.read(), policy);
        for tier in &entry.tiers {
            let place = Place { tier: *tier, stripe: stripe.read().number };
            self.find_newest_in(stripe, place, &mut wanted);
            // A coarser archive knows more only of what this one does not keep any more.
            let kept_since = self.now().minus(tier.retention_seconds);
            wanted.retain(|(_, newest)| *newest < kept_since);
            if wanted.is_empty() {
                return;
            }
        }
    }

    /// Read outside of the stripe's lock: points go on coming in.
    fn find_newest_in(&self, stripe: &RwLock<Stripe>, place: Place, wanted: &mut [(u16, Timestamp)]) {
        let locals: Vec<u16> = wanted.iter().map(|(local, _)| *local).collect();
        let mut newest: Vec<Slot> = wanted.iter().map(|(_, newest)| place.tier.slot(*newest)).collect();
        let level0 = stripe.read().tier(place.tier).map(|tier| Arc::clone(&tier.level0)).unwrap_or_default();
        // Never the other way round: a file of level 0 may become one of the blocks meanwhile.
        newest_in_files(&level0, place, &locals, &mut newest);
        self.blocks.newest(place, &locals, &mut newest);
        let mut stripe = stripe.write();
        for ((local, known), slot) in wanted.iter_mut().zip(newest) {
            if slot > place.tier.slot(*known) {
                *known = place.tier.start(slot);
                if stripe.get(*local).is_some() {
                    note_last(&mut stripe.series[usize::from(*local)], *known);
                }
            }
        }
    }
}

/// The series of a policy with what the log and imports say of them.
fn known_so_far(stripe: &Stripe, policy: PolicyId) -> Vec<(u16, Timestamp)> {
    let of_policy = stripe.series.iter().enumerate().filter(|(_, head)| head.policy == policy);
    of_policy.map(|(local, head)| (local as u16, Timestamp(i64::from(head.last)))).collect()
}

/// The newest slots with a value, where files of a place have newer ones than what is known.
pub(crate) fn newest_in_files(files: &[Arc<BlockFile>], place: Place, locals: &[u16], newest: &mut [Slot]) {
    match place.tier.kind {
        vocabulary::ValueKind::Number => newest_of_kind::<f64>(files, locals, newest),
        vocabulary::ValueKind::Sketch => newest_of_kind::<Option<vocabulary::Sketch>>(files, locals, newest),
    }
}

fn newest_of_kind<V: Value>(files: &[Arc<BlockFile>], locals: &[u16], newest: &mut [Slot]) {
    let mut files: Vec<&Arc<BlockFile>> = files.iter().collect();
    files.sort_by_key(|file| Reverse(file.meta.end()));
    let mut scratch = Vec::new();
    for file in files {
        let may_be_newer = |at: &usize| newest[*at] + 1 < file.meta.end();
        let positions: Vec<usize> = (0..locals.len()).filter(may_be_newer).collect();
        let wanted: Vec<u16> = positions.iter().map(|at| locals[*at]).collect();
        if wanted.is_empty() {
            continue;
        }
        file.read(&wanted, &mut |position, page| {
            if let Some(slot) = last_slot::<V>(&file.meta, page, &mut scratch)? {
                let known = &mut newest[positions[position]];
                *known = slot.max(*known);
            }
            Ok(())
        });
    }
}
