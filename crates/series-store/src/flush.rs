//! From memory to files of level 0: sealed windows, late points, and the coarser slots that late points
//! change.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use vocabulary::ports::{Scope, StoreError};
use vocabulary::{Sketch, Timestamp, ValueKind};

use crate::block::encode_page;
use crate::blocks::NewFiles;
use crate::codec::Effort;
use crate::head::{Frozen, HeadOf, Late, LatePoint, TierHead, with_head};
use crate::limits::*;
use crate::manifest::{Edit, FileMeta, Place};
use crate::policy::{PolicyId, Slot, Tier};
use crate::stats::count;
use crate::store::{SharedStripe, Store};
use crate::value::{Value, Windows};
use crate::view::{View, Wanted, by_run};
use crate::wal_record::ALL_LATER;

/// How much of the open slots a flush takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Windows whose grace is over.
    Sealed,
    /// Everything up to the present slot.
    UpToNow,
    /// Everything, so that the log is not needed any more.
    All,
}

impl Store {
    /// Take sealed windows and late points of one place out of memory and write them.
    pub(crate) fn flush_place(&self, place: Place, extent: Extent) -> Result<(), StoreError> {
        match place.tier.kind {
            ValueKind::Number => self.flush_kind::<f64>(place, extent),
            ValueKind::Sketch => self.flush_kind::<Option<Sketch>>(place, extent),
        }
    }

    /// Everything of every stripe.
    pub(crate) fn flush_everything(&self, extent: Extent) -> Result<(), StoreError> {
        for place in self.places() {
            self.flush_place(place, extent)?;
        }
        Ok(())
    }

    /// A writer whose late points are too many flushes them itself.
    pub(crate) fn flush_crowded(&self, place: Place) {
        let _upkeep = self.upkeep.lock();
        if self.is_read_only() {
            return self.give_up_memory(place);
        }
        if let Err(error) = self.flush_place(place, Extent::Sealed) {
            self.flush_failed(&error);
        }
    }

    pub(crate) fn flush_failed(&self, error: &StoreError) {
        count(&self.counters.flush_failures, 1);
        self.stop_writing_because(error.to_string());
    }

    pub(crate) fn places(&self) -> Vec<Place> {
        let stripes = self.stripes.load();
        let of =
            |stripe: &SharedStripe| stripe.read().tiers.iter().map(|tier| tier.place).collect::<Vec<_>>();
        stripes.iter().flat_map(of).collect()
    }

    fn flush_kind<V: HeadOf>(&self, place: Place, extent: Extent) -> Result<(), StoreError> {
        let stripe = self.stripe_for(place.stripe);
        let now = self.now();
        let frozen = {
            // Sketches that are in memory and not yet in the log, with the mark of their batch, wait for it.
            let _changing = (place.tier.kind == ValueKind::Sketch).then(|| self.changing_slot.lock());
            let mut stripe = stripe.write();
            let lsn = self.wal.position();
            let Some(head) = stripe.tier_mut(place.tier).and_then(|tier| V::head_mut(&mut tier.head)) else {
                return Ok(());
            };
            let end = freeze_end::<V>(&head.open, place.tier, extent, now);
            head.freeze(end, lsn, now);
            // Those of an earlier attempt that failed come first.
            head.frozen.clone()
        };
        for frozen in &frozen {
            self.write_frozen(&stripe, place, frozen)?;
        }
        Ok(())
    }

    fn write_frozen<V: HeadOf>(
        &self,
        stripe: &SharedStripe,
        place: Place,
        frozen: &Arc<Frozen<V>>,
    ) -> Result<(), StoreError> {
        let mut new = NewFiles::new(&self.files);
        self.write_windows(place, frozen, &mut new)?;
        self.write_late(place, &frozen.late, &mut new)?;
        for (place, computed) in self.compute_touched(stripe, place, frozen)? {
            self.write_late(place, &computed, &mut new)?;
        }
        self.log_went_on(stripe)?;
        self.make_series_durable()?;
        if place.tier.kind == ValueKind::Sketch {
            // Files must not hold sketches of a batch whose mark a kill could still take away.
            self.make_log_durable()?;
        }
        let mut others = vec![Edit::Flushed(place, frozen.flushed)];
        others.extend(self.lower_marks(stripe));
        let new = new.commit(others)?;
        let mut stripe = stripe.write();
        for meta in &new {
            if let Some(tier) = stripe.tier_mut(meta.place.tier) {
                tier.add_files([self.files.file(*meta)]);
            }
        }
        if let Some(head) = stripe.tier_mut(place.tier).and_then(|tier| V::head_mut(&mut tier.head)) {
            head.thaw(frozen);
            head.flushed = frozen.flushed;
        }
        count(&self.counters.flushes, 1);
        count(&self.counters.flushed_bytes, new.iter().map(|meta| meta.bytes).sum());
        Ok(())
    }

    /// What the log told of the slots that imports ended in is told by the series log once the points are in files.
    fn log_went_on(&self, stripe: &SharedStripe) -> Result<(), StoreError> {
        let mut stripe = stripe.write();
        if stripe.unlogged.is_empty() {
            return Ok(());
        }
        let mut log = self.series_log.lock();
        // A batch of its own, as those of all imports.
        log.write_out()?;
        for local in std::mem::take(&mut stripe.unlogged) {
            if let Some(series) = stripe.get(local) {
                log.push(&series.went_on(stripe.number * SERIES_PER_STRIPE + u32::from(local)));
            }
        }
        Ok(log.write_out()?)
    }

    /// No file may be listed whose series are not on disk: after a crash their ids would be given again.
    pub(crate) fn make_series_durable(&self) -> Result<(), StoreError> {
        self.series_log.lock().write_out()?;
        Ok(self.sync_series_log()?)
    }

    /// The manifest must know from where on slots wait for their rollup before it knows of files with
    /// such slots: marks that it does not have, or has further on than they are.
    pub(crate) fn lower_marks(&self, stripe: &SharedStripe) -> Vec<Edit> {
        let stripe = stripe.read();
        let lower =
            |tier: &&TierHead| self.files.manifest.rolled(tier.place).is_none_or(|known| tier.rolled < known);
        stripe.tiers.iter().filter(lower).map(|tier| Edit::Rolled(tier.place, tier.rolled)).collect()
    }

    fn level0(&self, place: Place, slots: &Range<Slot>) -> FileMeta {
        let number = self.files.manifest.take_number();
        FileMeta {
            place,
            level: 0,
            number,
            sequence: number,
            first: slots.start,
            slots: (slots.end - slots.start) as u32,
            series: 0,
            bytes: 0,
            codecs: 0,
        }
    }

    fn write_windows<V: Value>(
        &self,
        place: Place,
        frozen: &Frozen<V>,
        new: &mut NewFiles<'_>,
    ) -> Result<(), StoreError> {
        let Some(extent) = frozen.windows.extent() else { return Ok(()) };
        for slots in spans(place.tier, &extent) {
            let mut pages = Pages::new(self);
            frozen.windows.rows(&slots, &mut |lane, row| {
                if let Some(local) = frozen.lanes.get(usize::from(lane)) {
                    pages.push(*local, row);
                }
            });
            new.add(pages.write(place, &slots)?);
        }
        Ok(())
    }

    /// One file per span that late points lie in, over the slots from the first to the last of them.
    fn write_late<V: Value>(
        &self,
        place: Place,
        late: &Late<V>,
        new: &mut NewFiles<'_>,
    ) -> Result<(), StoreError> {
        let mut extents: BTreeMap<Slot, Range<Slot>> = BTreeMap::new();
        let mut span = 0..0;
        for slot in late.rows.values().flatten().map(LatePoint::slot) {
            // One after the other mostly lies in the same.
            if !span.contains(&slot) {
                let start = place.tier.span_of(slot);
                span = start..start + place.tier.span_slots();
            }
            let extent = extents.entry(span.start).or_insert(slot..slot + 1);
            *extent = extent.start.min(slot)..extent.end.max(slot + 1);
        }
        let mut locals: Vec<u16> = late.rows.keys().copied().collect();
        locals.sort_unstable();
        for slots in extents.into_values() {
            let mut pages = Pages::new(self);
            let mut row = Vec::new();
            for local in &locals {
                if !late.of(*local).iter().any(|point| slots.contains(&point.slot())) {
                    continue;
                }
                row.clear();
                row.resize((slots.end - slots.start) as usize, V::ABSENT);
                late.overlay(*local, &slots, &mut row);
                pages.push(*local, &row);
            }
            new.add(pages.write(place, &slots)?);
        }
        Ok(())
    }

    /// Late points change coarser slots that were rolled up before: what those are now, by place.
    fn compute_touched<V: HeadOf>(
        &self,
        stripe: &SharedStripe,
        place: Place,
        frozen: &Frozen<V>,
    ) -> Result<Vec<(Place, Late<V>)>, StoreError> {
        let mut computed: BTreeMap<Place, Late<V>> = BTreeMap::new();
        let mut by_policy: BTreeMap<PolicyId, Vec<u16>> = BTreeMap::new();
        {
            let stripe = stripe.read();
            for local in frozen.late.rows.keys() {
                if let Some(series) = stripe.get(*local) {
                    by_policy.entry(series.policy).or_default().push(*local);
                }
            }
        }
        let times = late_times(place.tier, &frozen.late);
        let scope = Scope::everything();
        for (policy, mut locals) in by_policy {
            let Some(entry) = self.policy(policy) else { continue };
            locals.sort_unstable();
            for locals in locals.chunks(BATCH_SERIES) {
                let archive = entry.tiers.len() - 1;
                let wanted = Wanted {
                    policy,
                    entry: &entry,
                    locals: locals.to_vec(),
                    archive,
                    times: times.clone(),
                    scope: &scope,
                };
                let view = View::<V>::take(&stripe.read(), &*self.blocks, wanted);
                for archive in 1..=archive {
                    let place = Place { tier: entry.tiers[archive], stripe: place.stripe };
                    let late = computed.entry(place).or_default();
                    touched_slots(&view, archive, locals, late)?;
                }
            }
        }
        Ok(computed.into_iter().filter(|(_, late)| late.count > 0).collect())
    }

    /// Segments of the log that hold nothing that is needed any more go.
    pub(crate) fn drop_log(&self) -> Result<(), StoreError> {
        // The position first: what is appended later lies behind it.
        let mut oldest = self.wal.position().segment();
        for stripe in self.stripes.load().iter() {
            oldest = oldest.min(stripe.read().oldest_segment().unwrap_or(oldest));
        }
        if self.wal.extent().1.is_some_and(|first| first < oldest) {
            self.keep_marks()?;
        }
        self.wal.drop_before(oldest)?;
        Ok(())
    }

    /// While nothing can be written: forget the oldest points of a place, and count them.
    pub(crate) fn give_up_memory(&self, place: Place) {
        let stripe = self.stripe_for(place.stripe);
        let mut stripe = stripe.write();
        let now = self.now();
        let Some(tier) = stripe.tier_mut(place.tier) else { return };
        let end = place.tier.slot(now) - place.tier.window_slots();
        let lsn = self.wal.position();
        let points = with_head!(&mut tier.head, head => {
            head.freeze(end, lsn, now);
            let points: usize = head.frozen.iter().map(|frozen| frozen.points()).sum();
            head.frozen.clear();
            points
        });
        count(&self.counters.points_given_up, points as u64);
    }
}

fn freeze_end<V: Value>(open: &V::Windows, tier: Tier, extent: Extent, now: Timestamp) -> Slot {
    match extent {
        Extent::Sealed => tier.window_of(tier.slot(now.minus(tier.grace_seconds()))),
        Extent::UpToNow => open.extent().map_or(Slot::MIN, |open| open.end.min(tier.slot(now) + 1)),
        Extent::All => open.extent().map_or(Slot::MIN, |open| open.end),
    }
}

fn late_times<V: Value>(tier: Tier, late: &Late<V>) -> Range<Timestamp> {
    let slots = || late.rows.values().flatten().map(|point| point.slot());
    let (first, last) = (slots().min().unwrap_or(0), slots().max().unwrap_or(0));
    tier.start(first)..tier.start(last + 1)
}

fn touched_slots<V: HeadOf>(
    view: &View<'_, V>,
    archive: usize,
    locals: &[u16],
    late: &mut Late<V>,
) -> Result<(), StoreError> {
    let touched = (0..locals.len()).map(|at| (at, view.touched_rolled(at, archive)));
    for (run, which) in by_run(touched) {
        let values = view.compute(&which, archive, &run)?;
        for (at, row) in which.iter().zip(values.chunks_exact((run.end - run.start) as usize)) {
            for (slot, value) in run.clone().zip(row).filter(|(_, value)| !value.is_absent()) {
                late.put(locals[*at], slot, ALL_LATER, value.clone(), u32::MAX);
            }
        }
    }
    Ok(())
}

/// A stretch of slots cut at the bounds of the tier's spans: no file crosses one.
pub(crate) fn spans(tier: Tier, slots: &Range<Slot>) -> Vec<Range<Slot>> {
    let mut spans = Vec::new();
    let mut at = slots.start;
    while at < slots.end {
        let end = (tier.span_of(at) + tier.span_slots()).min(slots.end);
        spans.push(at..end);
        at = end;
    }
    spans
}

/// Encoded pages of one file, put in order before they are written: lanes are not always in the order of
/// the series.
pub(crate) struct Pages<'a> {
    store: &'a Store,
    encoder: crate::codec::PageEncoder,
    bytes: Vec<u8>,
    pages: Vec<(u16, Range<usize>, u64)>,
}

impl<'a> Pages<'a> {
    pub fn new(store: &'a Store) -> Pages<'a> {
        Pages { store, encoder: store.files.encoder(), bytes: Vec::new(), pages: Vec::new() }
    }

    pub fn push<V: Value>(&mut self, local: u16, row: &[V]) {
        if row.iter().all(V::is_absent) {
            return;
        }
        let start = self.bytes.len();
        let codec = encode_page(&mut self.encoder, row, Effort::Fast, &mut self.bytes);
        self.pages.push((local, start..self.bytes.len(), codec));
    }

    pub fn write(mut self, place: Place, slots: &Range<Slot>) -> Result<Option<FileMeta>, StoreError> {
        if self.pages.is_empty() {
            return Ok(None);
        }
        self.pages.sort_unstable_by_key(|(local, ..)| *local);
        let mut writer = self.store.files.writer(self.store.level0(place, slots))?;
        for (local, page, codec) in self.pages {
            if let Err(error) = writer.push(local, &self.bytes[page], codec) {
                writer.discard();
                return Err(error.into());
            }
        }
        Ok(writer.finish()?)
    }
}
