//! A changed retention: what it would do to existing series, and doing it, while points come in.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use vocabulary::ports::{Scope, StoreError};
use vocabulary::retention::Archives;
use vocabulary::{Sketch, Timestamp, ValueKind};

use crate::blocks::NewFiles;
use crate::changes::EVERYTHING;
use crate::config::{AggregationRule, RetentionRule};
use crate::flush::{Extent, Pages, spans};
use crate::head::{HeadOf, LateAt};
use crate::limits::*;
use crate::manifest::Place;
use crate::policy::{PolicyEntry, PolicyId, Rules, Slot, Tier};
use crate::series_log::Record;
use crate::store::{SharedStripe, Store};
use crate::value::{Value, Windows};
use crate::view::{View, Wanted};
use crate::wal_record::ALL_LATER;

/// What one retention rule is and would be responsible for.
#[derive(Clone, Debug, PartialEq)]
pub struct RulePreview {
    pub rule: RetentionRule,
    /// Series that the rule is the first to match.
    pub series: u64,
    /// Of those, how many would change their archives or their aggregation.
    pub changing: u64,
    /// The archives that those have, the first few kinds.
    pub have: Vec<Archives>,
    /// On disk now.
    pub bytes_now: u64,
    /// With every archive full: as the series are, and as they would be.
    pub full_bytes_now: u64,
    pub full_bytes_then: u64,
}

impl RulePreview {
    fn note_archives(&mut self, archives: &Archives) {
        const LISTED: usize = 8;
        if self.have.len() < LISTED && !self.have.contains(archives) {
            self.have.push(archives.clone());
        }
    }
}

/// What a migration did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Repolicied {
    pub series: u64,
    pub bytes_written: u64,
}

/// Series of one stripe that go from one policy to another.
pub(crate) struct Move {
    pub from: PolicyId,
    pub to: PolicyId,
    pub locals: Vec<u16>,
    pub by: Conversion,
}

/// How points come into archives of another step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// Each archive from the old ones, coarser slots rolled up.
    Archives,
    /// As if the points had been written under the new policy from the first on: the last one of a slot of the
    /// finest archive counts, and the coarser archives are rolled up from there.
    Points,
}

/// Series whose old archives are read at once: five years at ten minutes are 2 MB a series.
pub(crate) const MOVE_SERIES: usize = 64;

impl Store {
    /// What rules would do to the series that are there; all of them, with the built-in ones at the end (see
    /// [`crate::config::StorageConfig::retention_rules`]). Costs a look at every name and every index.
    pub fn retention_preview(
        &self,
        retention: &[RetentionRule],
        aggregation: &[AggregationRule],
    ) -> Result<Vec<RulePreview>, StoreError> {
        let rules = Rules::of(retention.to_vec(), aggregation.to_vec());
        let empty = |rule: &RetentionRule| RulePreview {
            rule: rule.clone(),
            series: 0,
            changing: 0,
            have: Vec::new(),
            bytes_now: 0,
            full_bytes_now: 0,
            full_bytes_then: 0,
        };
        let mut previews: Vec<RulePreview> = rules.retention.iter().map(empty).collect();
        let per_slot = self.bytes_per_slot();
        for stripe in self.stripes.load().iter() {
            let number = stripe.read().number;
            let mut bytes = vec![0; SERIES_PER_STRIPE as usize];
            self.page_bytes(number, &mut |_, local, page| bytes[usize::from(local)] += page);
            for (local, policy) in seated(stripe) {
                let Some(name) = self.names.name(number * SERIES_PER_STRIPE + u32::from(local)) else {
                    continue;
                };
                let Some(entry) = self.policy(policy) else { continue };
                let wanted = rules.policy_of(&name);
                let preview = &mut previews[rules.retention_of(&name)];
                preview.series += 1;
                if wanted != *entry.policy {
                    preview.changing += 1;
                    preview.note_archives(&entry.policy.archives);
                }
                preview.bytes_now += bytes[usize::from(local)];
                preview.full_bytes_now += full_bytes(&entry.policy.archives, per_slot);
                preview.full_bytes_then += full_bytes(&wanted.archives, per_slot);
            }
        }
        Ok(previews)
    }

    /// What a slot costs on average, by the final files that are there; before there are any, what was
    /// measured on the usual mixture.
    fn bytes_per_slot(&self) -> f64 {
        let (bytes, slots) = self.files.manifest.state(|state| {
            let last = state.files.values().filter(|meta| meta.level == 2);
            last.fold((0, 0), |(bytes, slots), meta| {
                (bytes + meta.bytes, slots + u64::from(meta.series) * u64::from(meta.slots))
            })
        });
        if slots < 1_000_000 { 0.9 } else { bytes as f64 / slots as f64 }
    }

    /// Is there a series whose policy is not what the rules would give it?
    pub(crate) fn check_policies(&self) {
        let rules = self.rules.load();
        let differs = |stripe: &SharedStripe| {
            let number = stripe.read().number;
            seated(stripe).into_iter().any(|(local, policy)| {
                let name = self.names.name(number * SERIES_PER_STRIPE + u32::from(local));
                let entry = self.policy(policy);
                name.zip(entry).is_some_and(|(name, entry)| rules.policy_of(&name) != *entry.policy)
            })
        };
        let any = self.stripes.load().iter().any(differs);
        self.policies_differ.store(any, Ordering::Relaxed);
    }

    /// Bring every series to the policy that the configuration gives it. Points that come in meanwhile
    /// are kept; what the new archives cannot hold is gone at the next merges.
    pub fn repolicy(&self) -> Result<Repolicied, StoreError> {
        let mut done = Repolicied::default();
        let _guards = self.stop_upkeep();
        self.refuse_read_only()?;
        for stripe in self.stripes.load().iter() {
            for tier in self.places_of(stripe) {
                self.flush_place(tier, Extent::UpToNow)?;
            }
            for change in self.moves(stripe) {
                let kind = self.policy(change.from).map(|entry| entry.kind);
                done.series += change.locals.len() as u64;
                done.bytes_written += match kind {
                    Some(ValueKind::Sketch) => self.migrate::<Option<Sketch>>(stripe, &change)?,
                    _ => self.migrate::<f64>(stripe, &change)?,
                };
            }
        }
        self.write_log_out()?;
        self.sync_series_log()?;
        self.policies_differ.store(false, Ordering::Relaxed);
        Ok(done)
    }

    pub(crate) fn places_of(&self, stripe: &SharedStripe) -> Vec<Place> {
        stripe.read().tiers.iter().map(|tier| tier.place).collect()
    }

    fn moves(&self, stripe: &SharedStripe) -> Vec<Move> {
        let rules = self.rules.load();
        let number = stripe.read().number;
        let mut moves: BTreeMap<(PolicyId, PolicyId), Vec<u16>> = BTreeMap::new();
        for (local, from) in seated(stripe) {
            let name = self.names.name(number * SERIES_PER_STRIPE + u32::from(local));
            let Some((name, entry)) = name.zip(self.policy(from)) else { continue };
            let wanted = rules.policy_of(&name);
            if wanted != *entry.policy {
                let _creating = self.creating.lock();
                let (to, _) = self.policy_for(entry.kind, wanted);
                moves.entry((from, to)).or_default().push(local);
            }
        }
        let chunk = |((from, to), locals): ((PolicyId, PolicyId), Vec<u16>)| {
            locals
                .chunks(MOVE_SERIES)
                .map(|part| Move { from, to, locals: part.to_vec(), by: Conversion::Archives })
                .collect::<Vec<_>>()
        };
        moves.into_iter().flat_map(chunk).collect()
    }

    pub(crate) fn migrate<V: HeadOf>(&self, stripe: &SharedStripe, change: &Move) -> Result<u64, StoreError> {
        let Some((from, to)) = self.policy(change.from).zip(self.policy(change.to)) else { return Ok(0) };
        let now = self.now();
        let number = stripe.read().number;
        let new = self.copy_archives::<V>(stripe, change, &from, &to, now)?;
        stripe.write().add_policy(change.to, &to, &|place| self.tier_start(place, now));
        self.make_series_durable()?;
        let new = new.commit(self.lower_marks(stripe))?;
        let _creating = self.creating.lock();
        let mut held = stripe.write();
        for meta in &new {
            if let Some(tier) = held.tier_mut(meta.place.tier) {
                tier.add_files([self.files.file(*meta)]);
            }
        }
        for local in &change.locals {
            move_open::<V>(&mut held, *local, change.to, now);
            let id = number * SERIES_PER_STRIPE + u32::from(*local);
            self.series_log.lock().push(&Record::Repolicy { id, policy: change.to });
        }
        self.changes.note(EVERYTHING);
        Ok(new.iter().map(|meta| meta.bytes).sum())
    }

    /// Files for the tiers that are new to the series.
    fn copy_archives<V: HeadOf>(
        &self,
        stripe: &SharedStripe,
        change: &Move,
        from: &Arc<PolicyEntry>,
        to: &Arc<PolicyEntry>,
        now: Timestamp,
    ) -> Result<NewFiles<'_>, StoreError> {
        let scope = Scope::everything();
        let coarsest = from.tiers.len() - 1;
        let oldest = now.minus(from.longest_retention());
        let number = stripe.read().number;
        let wanted = Wanted {
            policy: change.from,
            entry: from,
            locals: change.locals.clone(),
            archive: coarsest,
            times: oldest..now.plus(1),
            scope: &scope,
        };
        let view = View::<V>::take(&stripe.read(), &*self.blocks, wanted);
        let mut pages: BTreeMap<(Tier, Slot), (Range<Slot>, Pages<'_>)> = BTreeMap::new();
        for (at, local) in change.locals.iter().enumerate() {
            let mut finer: Option<(Range<Slot>, Vec<V>)> = None;
            for (archive, tier) in to.tiers.iter().enumerate() {
                let is_there = from.tiers.contains(tier);
                if is_there && change.by == Conversion::Archives {
                    continue;
                }
                let slots = tier.slot(now.minus(tier.retention_seconds)).max(0)..tier.slot(now) + 1;
                let mut row = vec![V::ABSENT; (slots.end - slots.start) as usize];
                if let Some((finer_slots, finer)) = &finer {
                    let old = (to.tiers[archive - 1], finer_slots, finer.as_slice());
                    roll_into(to, old, *tier, &slots, &mut row);
                }
                let last_counts = archive == 0 && change.by == Conversion::Points;
                convert(&view, at, from, to, (*tier, &slots), last_counts, now, &mut row)?;
                if change.by == Conversion::Points {
                    finer = Some((slots.clone(), row.clone()));
                }
                if is_there {
                    continue;
                }
                for span in spans(*tier, &slots) {
                    let part = &row[(span.start - slots.start) as usize..(span.end - slots.start) as usize];
                    let entry = pages.entry((*tier, span.start)).or_insert_with(|| (span, Pages::new(self)));
                    entry.1.push(*local, part);
                }
            }
        }
        let mut new = NewFiles::new(&self.files);
        for ((tier, _), (slots, pages)) in pages {
            new.add(pages.write(Place { tier, stripe: number }, &slots)?);
        }
        Ok(new)
    }
}

fn seated(stripe: &SharedStripe) -> Vec<(u16, PolicyId)> {
    let stripe = stripe.read();
    let alive = stripe.series.iter().enumerate().filter(|(_, head)| !head.is_gone());
    alive.map(|(local, head)| (local as u16, head.policy)).collect()
}

fn full_bytes(archives: &vocabulary::retention::Archives, per_slot: f64) -> u64 {
    let slots: i64 = archives.as_slice().iter().map(|archive| archive.points()).sum();
    (slots as f64 * per_slot) as u64
}

/// Fill the slots of a new archive that are empty from the old ones: from the archive of the same step as far as it reaches;
/// else rolled up from finer ones; and before those begin, from coarser ones, each of whose points is put
/// where it begins, as `whisper-resize` does.
#[expect(clippy::too_many_arguments, reason = "two policies, the series, the archive and its row")]
fn convert<V: HeadOf>(
    view: &View<'_, V>,
    at: usize,
    from: &PolicyEntry,
    to: &PolicyEntry,
    (tier, slots): (Tier, &Range<Slot>),
    last_counts: bool,
    now: Timestamp,
    row: &mut [V],
) -> Result<(), StoreError> {
    let mut covered = now.plus(1);
    // Finest first; a coarser archive matters before the finer ones begin, and where they have nothing.
    let same_first = |index: &usize| (from.tiers[*index].step != tier.step, *index);
    let mut order: Vec<usize> = (0..from.tiers.len()).collect();
    order.sort_by_key(same_first);
    for index in order {
        let old = from.tiers[index];
        let begin = now.minus(old.retention_seconds).max(tier.start(slots.start));
        let old_slots = old.slot(begin).max(0)..old.slot(now) + 1;
        let values = view.rows_of(&[at], index, &old_slots)?;
        if old.step < tier.step && last_counts {
            for (at, value) in values.iter().enumerate().rev().filter(|(_, value)| !value.is_absent()) {
                let target = tier.slot(old.start(old_slots.start + at as i64));
                if slots.contains(&target) && row[(target - slots.start) as usize].is_absent() {
                    row[(target - slots.start) as usize].clone_from(value);
                }
            }
        } else if old.step < tier.step {
            roll_into(to, (old, &old_slots, &values), tier, slots, row);
        } else {
            for (slot, value) in old_slots.clone().zip(&values).filter(|(_, value)| !value.is_absent()) {
                let time = old.start(slot);
                let target = tier.slot(time);
                let free = slots.contains(&target) && row[(target - slots.start) as usize].is_absent();
                if free && (old.step == tier.step || time < covered) {
                    row[(target - slots.start) as usize].clone_from(value);
                }
            }
        }
        covered = covered.min(begin);
    }
    Ok(())
}

fn roll_into<V: Value>(
    to: &PolicyEntry,
    (old, old_slots, values): (Tier, &Range<Slot>, &[V]),
    tier: Tier,
    slots: &Range<Slot>,
    row: &mut [V],
) {
    let per_slot = (tier.step.seconds() as u64).div_ceil(old.step.seconds() as u64) as usize;
    let mut known = Vec::new();
    let mut group: Vec<V> = Vec::with_capacity(per_slot);
    let mut target = None;
    let mut finish = |target: Option<Slot>, group: &mut Vec<V>| {
        group.resize(per_slot.max(group.len()), V::ABSENT);
        if let Some(target) = target.filter(|target| slots.contains(target)) {
            let place = &mut row[(target - slots.start) as usize];
            if place.is_absent() {
                *place = V::roll(&to.policy, group, &mut known);
            }
        }
        group.clear();
    };
    for (slot, value) in old_slots.clone().zip(values) {
        let now_at = tier.slot(old.start(slot));
        if target.is_some_and(|target| target != now_at) {
            finish(target, &mut group);
        }
        target = Some(now_at);
        group.push(value.clone());
    }
    finish(target, &mut group);
}

/// Points that came while the archives were copied go along: they are in memory only, and in the log,
/// which will name the new policy's archives when it is replayed.
fn move_open<V: HeadOf>(stripe: &mut crate::head::Stripe, local: u16, to: PolicyId, now: Timestamp) {
    let Some(series) = stripe.get(local).copied() else { return };
    let mut moved: Vec<(Timestamp, V)> = Vec::new();
    let mut segment = u32::MAX;
    let finest = stripe.tiers_of(series.policy)[0];
    let tier = stripe.tiers[finest].place.tier;
    if let Some(head) = V::head(&stripe.tiers[finest].head) {
        segment = head.oldest_segment().unwrap_or(segment);
        let late = head.late.of(local).iter().map(|point| (tier.start(point.slot()), point.value.clone()));
        moved.extend(late);
        if let Some(extent) = head.open.extent() {
            let mut row = vec![V::ABSENT; (extent.end - extent.start) as usize];
            head.open.overlay(series.lane, &extent, &mut row);
            let open = extent.zip(row).filter(|(_, value)| !value.is_absent());
            moved.extend(open.map(|(slot, value)| (tier.start(slot), value)));
        }
    }
    let created = Timestamp(i64::from(series.created));
    stripe.add_series(local, to, created);
    let Some(series) = stripe.get(local).copied() else { return };
    let finest = stripe.tiers_of(to)[0];
    for (time, value) in moved {
        let tier = &mut stripe.tiers[finest];
        let slot = tier.place.tier.slot(time);
        match V::head_mut(&mut tier.head) {
            Some(head) if slot >= head.base => {
                head.since.get_or_insert(now);
                head.open.put(series.lane, slot, value, segment);
            }
            _ => {
                let at = LateAt { local, archive: 0, slot, lazy_to: ALL_LATER, segment };
                stripe.put_late(series, at, value, now);
            }
        }
    }
}
