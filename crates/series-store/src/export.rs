//! Whole archives out, as a query would show them: what is stored, and what is still to be rolled up.

use vocabulary::SeriesRef;
use vocabulary::Timestamp;
use vocabulary::ports::{Scope, StoreError};
use vocabulary::retention::Policy;

use crate::flush::spans;
use crate::limits::SERIES_PER_STRIPE;
use crate::store::Store;
use crate::view::{View, Wanted};

/// Takes the slots of one archive after the other, in their order: the policy, the number of the archive, the
/// first slot (a number of steps since 1970), and the values.
pub type TakeSlots<'a, E> = &'a mut dyn FnMut(&Policy, usize, i64, &[f64]) -> Result<(), E>;

impl Store {
    /// Everything that a series of numbers holds at `now`, a span at a time; false if there is no such series.
    pub fn export<E: From<StoreError>>(
        &self,
        series: SeriesRef,
        now: Timestamp,
        take: TakeSlots<'_, E>,
    ) -> Result<bool, E> {
        let Some(id) = u32::try_from(series.0).ok() else { return Ok(false) };
        let Some(stripe) = self.stripe_of(id) else { return Ok(false) };
        let local = (id % SERIES_PER_STRIPE) as u16;
        let scope = Scope::everything();
        let stripe = stripe.read();
        let policy = stripe.get(local).map(|series| series.policy);
        let Some((policy, entry)) = policy.and_then(|policy| Some((policy, self.policy(policy)?))) else {
            return Ok(false);
        };
        let wanted = Wanted {
            policy,
            entry: &entry,
            locals: vec![local],
            archive: entry.tiers.len() - 1,
            times: Timestamp(0)..now.plus(1),
            scope: &scope,
        };
        let view = View::<f64>::take(&stripe, &*self.blocks, wanted);
        drop(stripe);
        for (archive, tier) in entry.tiers.iter().enumerate() {
            let end = tier.slot(now) + 1;
            for slots in spans(*tier, &((end - tier.ring_slots()).max(0)..end)) {
                take(&entry.policy, archive, slots.start, &view.rows(archive, &slots)?)?;
            }
        }
        Ok(true)
    }
}
