//! What series hold, put together from everywhere: merged runs, flushed files, slots on their way to the
//! disk, late points, open slots; and for a coarse archive, what is not rolled up yet.
//!
//! A [`View`] is a snapshot of one stripe for series of one policy. It is taken under the stripe's lock and
//! read without it. Rollup, late recomputation, migration and queries all read through it, so they agree.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use vocabulary::ports::{Scope, StoreError};
use vocabulary::{SeriesRef, Timestamp};

use crate::block::BlockFile;
use crate::blocks::{BlockRead, BlockStore, read_files};
use crate::head::{Frozen, Head, HeadOf, LatePoint, SeriesHead, Stripe};
use crate::limits::{SERIES_PER_STRIPE, TOUCHED_SLOTS};
use crate::policy::{PolicyEntry, PolicyId, Slot, Tier};
use crate::value::{Value, Windows};

/// Finer slots that are held at once while a coarse tail is computed, per series.
const TAIL_SLOTS: i64 = 8_192;

pub struct View<'a, V: Value> {
    blocks: &'a dyn BlockStore,
    scope: &'a Scope,
    entry: Arc<PolicyEntry>,
    stripe: u32,
    /// Rising, by the low 16 bits of the id.
    locals: Vec<u16>,
    lanes: Vec<u16>,
    heads: Vec<SeriesHead>,
    levels: Vec<Level<V>>,
}

/// One archive of the policy.
struct Level<V: Value> {
    tier: Tier,
    /// The next archive's slots that end by then are in files.
    rolled: Timestamp,
    level0: Arc<Vec<Arc<BlockFile>>>,
    frozen: Vec<Arc<Frozen<V>>>,
    /// Late points that are not frozen, with the series' position; in its order.
    late: Vec<(usize, LatePoint<V>)>,
    /// Slots that are not to be computed, with the series' position; in order.
    left_empty: Vec<(usize, Slot)>,
    open: Option<OpenRows<V>>,
}

impl<V: Value> Level<V> {
    fn late_of(&self, at: usize) -> impl Iterator<Item = &LatePoint<V>> {
        let first = self.late.partition_point(|(owner, _)| *owner < at);
        self.late[first..].iter().take_while(move |(owner, _)| *owner == at).map(|(_, point)| point)
    }
}

/// Open slots of the finest archive, row after row.
struct OpenRows<V> {
    slots: Range<Slot>,
    rows: Vec<V>,
}

/// Which part of a stripe to look at.
pub struct Wanted<'a> {
    pub policy: PolicyId,
    pub entry: &'a Arc<PolicyEntry>,
    pub locals: Vec<u16>,
    /// The coarsest archive that will be asked for.
    pub archive: usize,
    /// Nothing outside will be asked for.
    pub times: Range<Timestamp>,
    pub scope: &'a Scope,
}

impl<'a, V: HeadOf> View<'a, V> {
    /// Copy what changes and hold on to what does not. Series that are gone give empty rows.
    pub fn take(stripe: &Stripe, blocks: &'a dyn BlockStore, wanted: Wanted<'a>) -> View<'a, V> {
        let Wanted { policy, entry, locals, archive, times, scope } = wanted;
        let heads = locals.iter().map(|local| stripe.get(*local).copied());
        let heads: Vec<SeriesHead> = heads.map(|head| head.unwrap_or(SeriesHead::GONE)).collect();
        let lanes: Vec<u16> =
            heads.iter().map(|head| if head.is_gone() { u16::MAX } else { head.lane }).collect();
        let places = stripe.tiers_of(policy);
        // A coarse slot reaches further back than the time asked for.
        let coarsest = entry.tiers[archive];
        let times = times.start.floor(coarsest.step)..times.end.plus(coarsest.step.seconds());
        let levels = places[..=archive].iter().enumerate().map(|(index, place)| {
            let tier = &stripe.tiers[*place];
            let head = V::head(&tier.head).expect("the tiers of a policy are of its kind");
            let open = if index == 0 { open_rows(head, &lanes, tier.place.tier, &times) } else { None };
            Level {
                tier: tier.place.tier,
                rolled: tier.rolled,
                level0: Arc::clone(&tier.level0),
                frozen: head.frozen.clone(),
                late: late_points(head, &locals),
                left_empty: left_empty(head, &locals),
                open,
            }
        });
        let levels = levels.collect();
        View { blocks, scope, entry: Arc::clone(entry), stripe: stripe.number, locals, lanes, heads, levels }
    }

    /// Slots of all series of the view in one archive, row after row.
    pub fn rows(&self, archive: usize, slots: &Range<Slot>) -> Result<Vec<V>, StoreError> {
        let all: Vec<usize> = (0..self.locals.len()).collect();
        self.rows_of(&all, archive, slots)
    }

    /// The same of some series, by position in the view.
    pub fn rows_of(
        &self,
        which: &[usize],
        archive: usize,
        slots: &Range<Slot>,
    ) -> Result<Vec<V>, StoreError> {
        let width = (slots.end - slots.start).max(0) as usize;
        let mut rows = vec![V::ABSENT; which.len() * width];
        if width == 0 {
            return Ok(rows);
        }
        self.stored(which, archive, slots, &mut rows)?;
        if archive > 0 {
            self.roll_tail(which, archive, slots, &mut rows)?;
            self.roll_touched(which, archive, slots, &mut rows)?;
        }
        Ok(rows)
    }

    /// What was stored as such, oldest first.
    fn stored(
        &self,
        which: &[usize],
        archive: usize,
        slots: &Range<Slot>,
        rows: &mut [V],
    ) -> Result<(), StoreError> {
        let width = (slots.end - slots.start) as usize;
        let level = &self.levels[archive];
        let base = u64::from(self.stripe) * u64::from(SERIES_PER_STRIPE);
        let locals: Vec<u16> = which.iter().map(|at| self.locals[*at]).collect();
        let series: Vec<SeriesRef> = locals.iter().map(|local| SeriesRef(base + u64::from(*local))).collect();
        let read =
            BlockRead { tier: level.tier, stripe: self.stripe, series: &series, slots, scope: self.scope };
        V::read_blocks(self.blocks, &read, rows)?;
        read_files(&level.level0, &locals, slots, rows);
        for frozen in &level.frozen {
            for (row, at) in rows.chunks_exact_mut(width).zip(which) {
                // Only the finest archive has lanes of its own.
                if archive == 0 {
                    frozen.windows.overlay(self.lanes[*at], slots, row);
                }
                frozen.late.overlay(self.locals[*at], slots, row);
            }
        }
        self.overlay_late(which, level, slots, rows);
        if let Some(open) = &level.open {
            open.overlay(which, slots, rows);
        }
        Ok(())
    }

    fn overlay_late(&self, which: &[usize], level: &Level<V>, slots: &Range<Slot>, rows: &mut [V]) {
        if level.late.is_empty() {
            return;
        }
        let width = (slots.end - slots.start) as usize;
        for (row, at) in rows.chunks_exact_mut(width).zip(which) {
            for point in level.late_of(*at).filter(|point| slots.contains(&point.slot())) {
                row[(point.slot() - slots.start) as usize] = point.value.clone();
            }
        }
    }

    /// The first slot of an archive that is not rolled up yet.
    pub fn first_unrolled(&self, archive: usize) -> Slot {
        self.levels[archive].tier.slot(self.levels[archive - 1].rolled)
    }

    /// The slot that the newest imported point of a series lies in; before all slots if none was imported.
    fn imported_slot(&self, at: usize, archive: usize) -> Slot {
        match self.heads[at].imported {
            0 => Slot::MIN,
            newest => self.levels[archive].tier.slot(Timestamp(newest.into())),
        }
    }

    /// Slots of a coarse archive before this one hold what was rolled up or imported: only late points change them.
    fn first_unsettled(&self, at: usize, archive: usize) -> Slot {
        self.first_unrolled(archive).max(self.imported_slot(at, archive).saturating_add(1))
    }

    /// Is the slot of a coarse archive that the import ended in to be computed? Until something came after the
    /// newest imported point in it, it is as it was imported.
    fn goes_on(&self, at: usize, archive: usize) -> bool {
        let head = &self.heads[at];
        let is_set = 1u16.checked_shl(archive as u32).is_some_and(|bit| head.set_since & bit > 0);
        let first = self.levels[archive].tier.slot(Timestamp(head.goes_on.into()));
        !is_set && first == self.imported_slot(at, archive)
    }

    /// Slots that are not rolled up yet are computed from the finer archive, where nothing was stored.
    fn roll_tail(
        &self,
        which: &[usize],
        archive: usize,
        slots: &Range<Slot>,
        rows: &mut [V],
    ) -> Result<(), StoreError> {
        let imported = which.iter().map(|at| self.imported_slot(*at, archive)).min().unwrap_or(Slot::MIN);
        let first = self.first_unrolled(archive).max(imported).max(slots.start);
        let left_empty = &self.levels[archive].left_empty;
        let per_turn = (TAIL_SLOTS / self.entry.ratio(archive)).max(1);
        let width = (slots.end - slots.start) as usize;
        let mut at = first;
        while at < slots.end {
            let turn = at..(at + per_turn).min(slots.end);
            let computed = self.compute(which, archive, &turn)?;
            let turn_width = (turn.end - turn.start) as usize;
            let rows = rows.chunks_exact_mut(width).zip(computed.chunks_exact(turn_width));
            for ((row, computed), at) in rows.zip(which) {
                let target = &mut row[(turn.start - slots.start) as usize..];
                let imported = self.imported_slot(*at, archive);
                for ((value, computed), slot) in target.iter_mut().zip(computed).zip(turn.clone()) {
                    let may_be = || left_empty.binary_search(&(*at, slot)).is_err();
                    let takes = match slot.cmp(&imported) {
                        Ordering::Less => false,
                        Ordering::Equal => !computed.is_absent() && may_be() && self.goes_on(*at, archive),
                        Ordering::Greater => value.is_absent() && may_be(),
                    };
                    if takes {
                        value.clone_from(computed);
                    }
                }
            }
            at = turn.end;
        }
        Ok(())
    }

    /// Late points in memory change slots that were rolled up already: those are computed again.
    fn roll_touched(
        &self,
        which: &[usize],
        archive: usize,
        slots: &Range<Slot>,
        rows: &mut [V],
    ) -> Result<(), StoreError> {
        let width = (slots.end - slots.start) as usize;
        let touched = which.iter().enumerate().map(|(row, at)| {
            let settled = slots.start..slots.end.min(self.first_unsettled(*at, archive));
            (row, self.touched(*at, archive, &settled))
        });
        for (run, places) in by_run(touched) {
            let which: Vec<usize> = places.iter().map(|row| which[*row]).collect();
            let computed = self.compute(&which, archive, &run)?;
            let computed = computed.chunks_exact((run.end - run.start) as usize);
            for (row, computed) in places.iter().zip(computed) {
                let target = &mut rows[row * width + (run.start - slots.start) as usize..];
                for (slot, value) in target.iter_mut().zip(computed) {
                    if !value.is_absent() {
                        slot.clone_from(value);
                    }
                }
            }
        }
        Ok(())
    }

    /// Slots of `archive` in `slots` that late points in finer archives of this series lie in, in order.
    fn touched(&self, at: usize, archive: usize, slots: &Range<Slot>) -> Vec<Slot> {
        let mut touched = Vec::new();
        if slots.is_empty() {
            return touched;
        }
        let coarse = self.levels[archive].tier;
        for level in &self.levels[..archive] {
            let frozen = level.frozen.iter().flat_map(|frozen| frozen.late.of(self.locals[at]));
            let points = frozen.chain(level.late_of(at)).filter(|point| point.touches(archive));
            let hit = points.map(|point| coarse.slot(level.tier.start(point.slot())));
            for slot in hit.filter(|slot| slots.contains(slot)) {
                // Points mostly come in order, many to a slot.
                if touched.last() != Some(&slot) {
                    touched.push(slot);
                }
            }
        }
        if touched.is_empty() {
            return touched;
        }
        touched.sort_unstable();
        touched.dedup();
        let set = self.set_in_memory(at, archive);
        touched.retain(|slot| !set.contains(slot));
        touched
    }

    /// Slots of a coarse archive that were set themselves, later than any finer point in memory: whoever
    /// sets a slot is older than what the finer archive still takes.
    fn set_in_memory(&self, at: usize, archive: usize) -> Vec<Slot> {
        let level = &self.levels[archive];
        let frozen = level.frozen.iter().flat_map(|frozen| frozen.late.of(self.locals[at]));
        frozen.chain(level.late_of(at)).map(LatePoint::slot).collect()
    }

    /// Slots of `archive` that were rolled up or imported and that late points in memory change, in order.
    pub fn touched_rolled(&self, at: usize, archive: usize) -> Vec<Slot> {
        self.touched(at, archive, &(Slot::MIN..self.first_unsettled(at, archive)))
    }

    /// Slots of a coarse archive from those of the next finer one, for some series.
    pub fn compute(
        &self,
        which: &[usize],
        archive: usize,
        slots: &Range<Slot>,
    ) -> Result<Vec<V>, StoreError> {
        let ratio = self.entry.ratio(archive);
        let finer = self.rows_of(which, archive - 1, &(slots.start * ratio..slots.end * ratio))?;
        let mut known = Vec::new();
        let policy = &self.entry.policy;
        Ok(finer.chunks_exact(ratio as usize).map(|fine| V::roll(policy, fine, &mut known)).collect())
    }
}

impl<V: Value> OpenRows<V> {
    fn overlay(&self, which: &[usize], slots: &Range<Slot>, rows: &mut [V]) {
        let (from, until) = (self.slots.start.max(slots.start), self.slots.end.min(slots.end));
        if from >= until {
            return;
        }
        let width = (slots.end - slots.start) as usize;
        let open_width = (self.slots.end - self.slots.start) as usize;
        for (row, at) in rows.chunks_exact_mut(width).zip(which) {
            let source = &self.rows[at * open_width..(at + 1) * open_width];
            let source = &source[(from - self.slots.start) as usize..(until - self.slots.start) as usize];
            for (slot, value) in row[(from - slots.start) as usize..].iter_mut().zip(source) {
                if !value.is_absent() {
                    slot.clone_from(value);
                }
            }
        }
    }
}

fn open_rows<V: Value>(
    head: &Head<V>,
    lanes: &[u16],
    tier: Tier,
    times: &Range<Timestamp>,
) -> Option<OpenRows<V>> {
    let extent = head.open.extent()?;
    let slots = extent.start.max(tier.slot(times.start))..extent.end.min(tier.slot(times.end) + 1);
    if slots.is_empty() {
        return None;
    }
    let width = (slots.end - slots.start) as usize;
    let mut rows = vec![V::ABSENT; width * lanes.len()];
    for (row, lane) in rows.chunks_exact_mut(width).zip(lanes) {
        head.open.overlay(*lane, &slots, row);
    }
    Some(OpenRows { slots, rows })
}

fn late_points<V: Value>(head: &Head<V>, locals: &[u16]) -> Vec<(usize, LatePoint<V>)> {
    if head.late.count == 0 {
        return Vec::new();
    }
    let of = |(at, local): (usize, &u16)| head.late.of(*local).iter().map(move |point| (at, point.clone()));
    locals.iter().enumerate().flat_map(of).collect()
}

fn left_empty<V: Value>(head: &Head<V>, locals: &[u16]) -> Vec<(usize, Slot)> {
    if head.left_empty.is_empty() {
        return Vec::new();
    }
    let of = |(at, local): (usize, &u16)| {
        let slots = head.left_empty.range((*local, Slot::MIN)..=(*local, Slot::MAX));
        slots.map(move |(_, slot)| (at, *slot))
    };
    locals.iter().enumerate().flat_map(of).collect()
}

/// Stretches of neighbouring slots, each with those whose slots they are, so that these are computed together:
/// what they are computed from lies together in the files.
pub(crate) fn by_run(
    slots: impl Iterator<Item = (usize, Vec<Slot>)>,
) -> impl Iterator<Item = (Range<Slot>, Vec<usize>)> {
    let mut found: BTreeMap<(Slot, Slot), Vec<usize>> = BTreeMap::new();
    for (at, slots) in slots {
        for run in runs(slots) {
            found.entry((run.start, run.end)).or_default().push(at);
        }
    }
    found.into_iter().flat_map(|((start, end), all)| {
        let together = (TOUCHED_SLOTS / (end - start) as usize).max(1);
        let parts: Vec<_> = all.chunks(together).map(|part| (start..end, part.to_vec())).collect();
        parts
    })
}

/// Neighbours joined.
fn runs(slots: Vec<Slot>) -> Vec<Range<Slot>> {
    let mut runs: Vec<Range<Slot>> = Vec::new();
    for slot in slots {
        match runs.last_mut() {
            Some(run) if run.end == slot => run.end += 1,
            _ => runs.push(slot..slot + 1),
        }
    }
    runs
}
