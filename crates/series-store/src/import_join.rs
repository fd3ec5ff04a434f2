//! Archives for series that have points of their own already: what came in live stays, the rest is filled in.
//!
//! The rule, slot by slot: **where the store has a value it stays**. One exception: a rolled-up value of ours
//! was made of what we had. Where the archives bring finer points that we lacked, theirs was made of more, and
//! is taken. So a series that was fed to both programs for a while has the other's past, our present, and no
//! dent where ours began.

use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::ports::{Scope, StoreError};

use crate::blocks::NewFiles;
use crate::changes::EVERYTHING;
use crate::flush::{Extent, Pages, spans};
use crate::import::{Archived, ImportEnd, Item, Task, wanted_slots};
use crate::limits::*;
use crate::manifest::Place;
use crate::policy::{PolicyEntry, PolicyId, Slot, Tier};
use crate::repolicy::{Conversion, MOVE_SERIES, Move};
use crate::store::{SharedStripe, Store};
use crate::view::{View, Wanted};

/// Slots of one series in which theirs was taken, by the slots of the next archive: in rising order.
#[derive(Default)]
struct Changed {
    now: Vec<Slot>,
    next: Vec<Slot>,
}

impl Changed {
    fn note(&mut self, coarse: Slot) {
        if self.next.last() != Some(&coarse) {
            self.next.push(coarse);
        }
    }

    fn turn(&mut self) {
        self.now = std::mem::take(&mut self.next);
    }
}

/// What is known of the slots that are being joined.
struct Joining {
    first: Slot,
    /// From here on coarse slots are computed until they are noted as imported; `Slot::MAX` for the finest.
    unrolled: Slot,
    /// The slot of the newest point: what is computed up to it is written down.
    newest: Slot,
    /// Slots that make one of the next archive; 0 for the coarsest.
    ratio: i64,
}

impl Store {
    /// Series of one stripe. No flush and no rollup comes in between.
    pub(crate) fn import_joined(
        &self,
        stripe: &SharedStripe,
        number: u32,
        batch: &mut [&mut dyn Archived],
        items: &mut [Item],
        task: &Task<'_>,
    ) -> Result<(), ImportEnd> {
        items.sort_by_key(|item| (item.policy, item.id));
        for items in items.chunk_by_mut(|a, b| a.policy == b.policy) {
            for items in items.chunks_mut(IMPORT_JOINED_SERIES) {
                task.may_go_on()?;
                let _upkeep = self.upkeep.lock();
                self.refuse_read_only()?;
                self.adopt_policy(stripe, items)?;
                self.join(stripe, number, batch, items, task)?;
                self.note_imported(stripe, items, None)?;
            }
        }
        items.sort_by_key(|item| item.id);
        Ok(())
    }

    /// Series that live points made under the rules of the configuration get the archives that are imported.
    fn adopt_policy(&self, stripe: &SharedStripe, items: &[Item]) -> Result<(), StoreError> {
        let mut others: Vec<(PolicyId, u16)> = {
            let stripe = stripe.read();
            let policy = |item: &Item| stripe.get(item.local()).map(|series| (series.policy, item.local()));
            let wanted = items[0].policy;
            items.iter().filter_map(policy).filter(|(policy, _)| *policy != wanted).collect()
        };
        if others.is_empty() {
            return Ok(());
        }
        for place in self.places_of(stripe) {
            self.flush_place(place, Extent::UpToNow)?;
        }
        others.sort_unstable();
        for same in others.chunk_by(|a, b| a.0 == b.0) {
            for part in same.chunks(MOVE_SERIES) {
                let locals = part.iter().map(|(_, local)| *local).collect();
                let change = Move { from: part[0].0, to: items[0].policy, locals, by: Conversion::Points };
                self.migrate::<f64>(stripe, &change)?;
            }
        }
        Ok(())
    }

    fn join(
        &self,
        stripe: &SharedStripe,
        number: u32,
        batch: &mut [&mut dyn Archived],
        items: &mut [Item],
        task: &Task<'_>,
    ) -> Result<(), ImportEnd> {
        let entry = Arc::clone(&items[0].entry);
        let scope = Scope::everything();
        let locals = items.iter().map(Item::local).collect();
        let wanted = Wanted {
            policy: items[0].policy,
            entry: &entry,
            locals,
            archive: entry.tiers.len() - 1,
            times: Timestamp(0)..Timestamp(i64::from(u32::MAX)),
            scope: &scope,
        };
        let view = View::<f64>::take(&stripe.read(), &*self.blocks, wanted);
        let mut new = NewFiles::new(&self.files);
        let mut changed: Vec<Changed> = items.iter().map(|_| Changed::default()).collect();
        let mut row = Vec::new();
        for (archive, tier) in entry.tiers.iter().enumerate() {
            for slots in spans(*tier, &wanted_slots(*tier, task.now)) {
                task.may_go_on()?;
                let ours = view.rows(archive, &slots)?;
                let mut pages = Pages::new(self);
                let ours = ours.chunks_exact((slots.end - slots.start) as usize);
                for ((item, changed), ours) in items.iter_mut().zip(&mut changed).zip(ours) {
                    item.read(&mut *batch[item.at], archive, &slots, &mut row, task.now);
                    let joining = joining(&view, &entry, archive, slots.start, item.newest);
                    item.kept += join_row(&joining, ours, &mut row, changed);
                    pages.push(item.local(), &row);
                }
                new.add(pages.write(Place { tier: *tier, stripe: number }, &slots)?);
            }
            changed.iter_mut().for_each(Changed::turn);
        }
        let coarsest = entry.tiers[entry.tiers.len() - 1];
        for (at, item) in items.iter_mut().enumerate() {
            item.first_after = first_after(&view, at, (entry.tiers[0], coarsest), item.newest)?;
        }
        self.prepare_import(stripe)?;
        let new = new.commit(Vec::new())?;
        let mut stripe = stripe.write();
        for meta in &new {
            if let Some(tier) = stripe.tier_mut(meta.place.tier) {
                tier.add_files([self.files.file(*meta)]);
            }
        }
        self.changes.note(EVERYTHING);
        Ok(())
    }
}

/// Where the first slot begins that holds something after the newest imported point, up to the end of the coarsest
/// slot that this point lies in.
fn first_after(
    view: &View<'_, f64>,
    at: usize,
    (finest, coarsest): (Tier, Tier),
    newest: u32,
) -> Result<u32, StoreError> {
    let newest = Timestamp(newest.into());
    let slots = finest.slot(newest) + 1..finest.slot(coarsest.start(coarsest.slot(newest) + 1));
    let first = view.rows_of(&[at], 0, &slots)?.iter().position(|value| !value.is_nan());
    let begins = first.map(|at| finest.start(slots.start + at as i64).0);
    Ok(begins.and_then(|begins| u32::try_from(begins).ok()).unwrap_or(u32::MAX))
}

fn joining(view: &View<'_, f64>, entry: &PolicyEntry, archive: usize, first: Slot, newest: u32) -> Joining {
    Joining {
        first,
        unrolled: if archive == 0 { Slot::MAX } else { view.first_unrolled(archive) },
        newest: entry.tiers[archive].slot(Timestamp(newest.into())),
        ratio: if archive + 1 < entry.tiers.len() { entry.ratio(archive + 1) } else { 0 },
    }
}

/// Leave in `row`, which holds theirs, what is to be written. Returns how many of theirs are not taken.
fn join_row(joining: &Joining, ours: &[f64], row: &mut [f64], changed: &mut Changed) -> u64 {
    let mut kept = 0;
    for (slot, (theirs, ours)) in (joining.first..).zip(row.iter_mut().zip(ours)) {
        let was_computed = slot >= joining.unrolled && slot <= joining.newest;
        let stays = if was_computed { *ours } else { f64::NAN };
        if theirs.is_nan() || theirs.to_bits() == ours.to_bits() {
            *theirs = stays;
            continue;
        }
        if !ours.is_nan() && changed.now.binary_search(&slot).is_err() {
            kept += 1;
            *theirs = stays;
            continue;
        }
        if joining.ratio > 0 {
            changed.note(slot.div_euclid(joining.ratio));
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO: f64 = f64::NAN;

    fn check(joining: &Joining, changed: &[Slot], ours: &[f64], theirs: &[f64], wanted: &[f64], kept: u64) {
        let mut row = theirs.to_vec();
        let mut changed = Changed { now: changed.to_vec(), next: Vec::new() };
        assert_eq!(join_row(joining, ours, &mut row, &mut changed), kept);
        let same =
            row.iter().zip(wanted).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan());
        assert!(same, "{row:?} instead of {wanted:?}");
    }

    #[test]
    fn ours_stays_and_gaps_are_filled() {
        let joining = Joining { first: 100, unrolled: Slot::MAX, newest: 104, ratio: 10 };
        check(&joining, &[], &[NO, 1.0, 2.0, NO], &[7.0, 1.0, 9.0, NO], &[7.0, NO, NO, NO], 1);
    }

    #[test]
    fn a_coarse_value_made_of_more_is_taken() {
        let joining = Joining { first: 10, unrolled: 12, newest: 13, ratio: 0 };
        // Slot 10 gained finer points, 11 did not; 12 and 13 were computed and are written down; 14 is not.
        check(
            &joining,
            &[10],
            &[1.0, 1.0, 5.0, 6.0, 7.0],
            &[2.0, 2.0, NO, 8.0, NO],
            &[2.0, NO, 5.0, 6.0, NO],
            2,
        );
    }
}
