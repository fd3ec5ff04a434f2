//! What goes on in the background, step by step: flush, rollup, merge, expiry, and the watch over the disk.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use disk::{DiskError, Doing, Space};
use parking_lot::MutexGuard;
use vocabulary::ports::StoreError;
use vocabulary::{SeriesRef, Sketch, Timestamp, ValueKind};

use crate::block::BlockFile;
use crate::blocks::RunHeader;
use crate::flush::Extent;
use crate::head::{TierHead, with_head};
use crate::limits::*;
use crate::manifest::{Edit, Place};
use crate::merge::{Pace, merge_files};
use crate::policy::{Slot, Tier};
use crate::series_log::{Record, SeriesLog, log_path};
use crate::stats::count;
use crate::store::{Store, Upkeep};
use crate::value::{Value, Windows};

impl Store {
    /// One round of all background work; true if there is more to do at once. Whoever has no threads for
    /// it calls this about once a second. Nothing in here is needed for reading what was written.
    pub fn maintain(&self) -> bool {
        self.flush_round() | self.merge_round(&|_| {})
    }

    /// What must not wait: the log, flushes, rollups, expiry, and the watch over disk and memory.
    pub(crate) fn flush_round(&self) -> bool {
        self.write_log_out_or_stop();
        let mut upkeep = self.upkeep.lock();
        self.watch_space(&mut upkeep);
        let memory_is_short = self.watch_memory();
        if self.is_read_only() && !self.try_to_write_again(&mut upkeep) {
            return false;
        }
        let now = self.now();
        let flushed = self.flush_due(now, memory_is_short).and_then(|()| self.follow_the_clock_back(now));
        if let Err(error) = flushed {
            self.flush_failed(&error);
            return false;
        }
        let rolled = self.roll_due(false).inspect_err(|_| count(&self.counters.merge_failures, 1));
        let expired = self.expire_old(now).and_then(|()| self.expire_idle(&mut upkeep, now));
        if let Err(error) = expired {
            self.flush_failed(&error);
        }
        if matches!(rolled, Ok(false)) && !std::mem::replace(&mut upkeep.policies_checked, true) {
            self.check_policies();
        }
        drop(upkeep);
        rolled.unwrap_or(false)
    }

    /// What may take its time: the newest points after a start, one merge, and the upkeep of the names. `pace` is
    /// told how many bytes were merged and may wait.
    pub(crate) fn merge_round(&self, pace: Pace<'_>) -> bool {
        let _merging = self.merging.lock();
        if self.find_newest() {
            return true;
        }
        if self.is_read_only() || self.space_is_low() {
            return false;
        }
        let merged =
            self.merge_due(self.now(), pace).inspect_err(|_| count(&self.counters.merge_failures, 1));
        merged.unwrap_or(false) | self.names.maintain(&|| true)
    }

    /// Holds up flushes and merges, which are told not to wait for their pace.
    pub(crate) fn stop_upkeep(&self) -> (MutexGuard<'_, Upkeep>, MutexGuard<'_, ()>) {
        self.in_a_hurry.fetch_add(1, Ordering::Relaxed);
        let guards = (self.upkeep.lock(), self.merging.lock());
        self.in_a_hurry.fetch_sub(1, Ordering::Relaxed);
        guards
    }

    fn flush_due(&self, now: Timestamp, memory_is_short: bool) -> Result<(), StoreError> {
        let (log_bytes, oldest_segment, _) = self.wal.extent();
        let pressure = Pressure {
            segment: oldest_segment.filter(|_| log_bytes > WAL_BYTES_MAX),
            memory: memory_is_short,
        };
        let mut flushed = false;
        for stripe in self.stripes.load().iter() {
            let due: Vec<(Place, Extent)> = {
                let mut stripe = stripe.write();
                stripe.tiers.iter_mut().filter_map(|tier| due_extent(tier, now, &pressure)).collect()
            };
            for (place, extent) in due {
                if !flushed {
                    self.wal.rotate(WAL_ROTATE_BYTES, || self.series_log.lock().write_out())?;
                    flushed = true;
                }
                self.flush_place(place, extent)?;
            }
        }
        if flushed { self.drop_log() } else { Ok(()) }
    }

    /// The clock was wrong, far ahead, and is right again: windows that were closed too early open again,
    /// from the first moment on at which no coarser slot can have been rolled up from a part of its points.
    /// Before it, and without this for ever, points are late ones: that is as right, and slower.
    fn follow_the_clock_back(&self, now: Timestamp) -> Result<(), StoreError> {
        let coarsest = self.all_tiers().into_iter().map(|tier| tier.step).max();
        for stripe in self.stripes.load().iter() {
            for place in self.places_of(stripe) {
                let step = coarsest.unwrap_or(place.tier.step);
                let begin = now.plus(self.future_tolerance() + step.seconds()).floor(step);
                let usual = place.tier.slot(begin) + place.tier.window_slots();
                if stripe.read().tier(place.tier).is_none_or(|tier| tier.head.base() <= usual) {
                    continue;
                }
                self.flush_place(place, Extent::All)?;
                stripe.write().open_again(place.tier, begin);
            }
        }
        Ok(())
    }

    /// The first merge: flushed files become a run for the block store.
    fn merge_due(&self, now: Timestamp, pace: Pace<'_>) -> Result<bool, StoreError> {
        for place in self.places() {
            if let Some(files) = self.due_files(place, now) {
                self.merge_level0(place, &files, pace)?;
                self.last_merge.store(now.0, Ordering::Relaxed);
                return Ok(true);
            }
        }
        // What is still growing is merged once, when it is all there.
        let files = self.files.manifest.state(|state| state.files.len());
        if self.importing.is_locked() && files < FILES_WHILE_IMPORTING {
            return Ok(false);
        }
        let tidied = self.blocks.tidy(now, &|place, local| self.keeps(place, local), pace)?;
        if tidied {
            self.last_merge.store(now.0, Ordering::Relaxed);
        }
        Ok(tidied)
    }

    fn due_files(&self, place: Place, now: Timestamp) -> Option<Vec<Arc<BlockFile>>> {
        let tier = place.tier;
        let spans = self.level0_by_span(place);
        let due = spans.into_iter().find(|(span, files)| {
            let closed =
                tier.slot(now.minus(tier.grace_seconds())) >= span + tier.span_slots() + tier.window_slots();
            closed || files.len() as i64 >= MERGE_WINDOWS
        });
        due.map(|(_, files)| files)
    }

    pub(crate) fn level0_by_span(
        &self,
        place: Place,
    ) -> std::collections::BTreeMap<Slot, Vec<Arc<BlockFile>>> {
        let stripe = self.stripe_for(place.stripe);
        let files = stripe.read().tier(place.tier).map(|tier| Arc::clone(&tier.level0)).unwrap_or_default();
        let mut spans: std::collections::BTreeMap<Slot, Vec<Arc<BlockFile>>> =
            std::collections::BTreeMap::new();
        for file in files.iter() {
            spans.entry(place.tier.span_of(file.meta.first)).or_default().push(Arc::clone(file));
        }
        spans
    }

    pub(crate) fn merge_level0(
        &self,
        place: Place,
        files: &[Arc<BlockFile>],
        pace: Pace<'_>,
    ) -> Result<(), StoreError> {
        match place.tier.kind {
            ValueKind::Number => self.merge_kind::<f64>(place, files, pace),
            ValueKind::Sketch => self.merge_kind::<Option<Sketch>>(place, files, pace),
        }
    }

    fn merge_kind<V: Value>(
        &self,
        place: Place,
        files: &[Arc<BlockFile>],
        pace: Pace<'_>,
    ) -> Result<(), StoreError> {
        self.announce()?;
        let first = files.iter().map(|file| file.meta.first).min().unwrap_or(0);
        let end = files.iter().map(|file| file.meta.end()).max().unwrap_or(0);
        let sequence = files.iter().map(|file| file.meta.sequence).max().unwrap_or(0);
        let mut run = self.blocks.begin(RunHeader { place, first, slots: (end - first) as u32, sequence })?;
        let base = u64::from(place.stripe) * u64::from(SERIES_PER_STRIPE);
        let keep = |local| self.keeps(place, local);
        let merged = merge_files::<V>(files, &(first..end), &keep, pace, &mut |local, row| {
            V::put_row(&mut *run, SeriesRef(base + u64::from(local)), row)
        })?;
        run.finish()?;
        let gone: Vec<u64> = files.iter().map(|file| file.meta.number).collect();
        self.files.manifest.commit(&gone.iter().map(|number| Edit::Remove(*number)).collect::<Vec<_>>())?;
        for file in files.iter().filter(|file| merged.damaged.contains(&file.meta.number)) {
            self.files.keep_damaged(file);
        }
        self.forget_level0(place, files);
        count(&self.counters.merges, 1);
        Ok(())
    }

    fn forget_level0(&self, place: Place, files: &[Arc<BlockFile>]) {
        let gone: Vec<u64> = files.iter().map(|file| file.meta.number).collect();
        let stripe = self.stripe_for(place.stripe);
        if let Some(tier) = stripe.write().tier_mut(place.tier) {
            tier.remove_files(&gone);
        }
        files.iter().for_each(|file| file.doom());
    }

    /// Does a series still keep points in a tier? What a merge leaves out otherwise.
    pub(crate) fn keeps(&self, place: Place, local: u16) -> bool {
        let Some(stripe) = self.stripes.load().get(place.stripe as usize).cloned() else { return false };
        let policy = stripe.read().get(local).map(|series| series.policy);
        policy.and_then(|policy| self.policy(policy)).is_some_and(|entry| entry.tiers.contains(&place.tier))
    }

    /// Flush everything, roll up what waits, merge everything to final blocks.
    pub fn compact(&self) -> Result<(), StoreError> {
        let _guards = self.stop_upkeep();
        self.refuse_read_only()?;
        // What was in the log's buffer is lost to it after a failure.
        let rotated = self.wal.rotate(WAL_ROTATE_BYTES, || self.series_log.lock().write_out());
        rotated.inspect_err(|error| self.stop_writing(error))?;
        self.flush_everything(Extent::UpToNow)?;
        self.drop_log()?;
        while self.roll_due(false)? {}
        for place in self.places() {
            for files in self.level0_by_span(place).into_values() {
                self.merge_level0(place, &files, &|_| {})?;
            }
        }
        self.blocks.finalise(&|place, local| self.keeps(place, local))
    }

    /// Files that hold nothing that a query may still see go, once they are rolled up.
    pub(crate) fn expire_old(&self, now: Timestamp) -> Result<(), StoreError> {
        for tier in self.all_tiers() {
            let Some(before) = self.expired_before(tier, now) else { continue };
            for stripe in self.stripes.load().iter() {
                let old: Vec<Arc<BlockFile>> = {
                    let stripe = stripe.read();
                    let files = stripe.tier(tier).map(|tier| Arc::clone(&tier.level0)).unwrap_or_default();
                    files.iter().filter(|file| file.meta.end() <= before).cloned().collect()
                };
                if let Some(first) = old.first() {
                    let place = first.meta.place;
                    let edits: Vec<Edit> = old.iter().map(|file| Edit::Remove(file.meta.number)).collect();
                    self.files.manifest.commit(&edits)?;
                    self.forget_level0(place, &old);
                    count(&self.counters.files_expired, old.len() as u64);
                }
            }
            self.blocks.expire(tier, before)?;
        }
        Ok(())
    }

    fn all_tiers(&self) -> Vec<Tier> {
        let mut tiers: Vec<Tier> =
            self.policies.load().iter().flat_map(|(_, entry)| entry.tiers.clone()).collect();
        tiers.sort_unstable();
        tiers.dedup();
        tiers
    }

    /// A slot of the next tier may begin before the retention ends, or before the mark up to which all
    /// slots that end there are rolled up, or where a late point waits: its first part stays too.
    fn expired_before(&self, tier: Tier, now: Timestamp) -> Option<Slot> {
        let policies = self.policies.load();
        let next_step = |entry: &Arc<crate::policy::PolicyEntry>| {
            let at = entry.tiers.iter().position(|own| *own == tier)?;
            entry.tiers.get(at + 1).map(|next| next.step.seconds())
        };
        let mut before = now.minus(tier.retention_seconds);
        if let Some(slack) = policies.iter().filter_map(|(_, entry)| next_step(entry)).max() {
            for stripe in self.stripes.load().iter() {
                let stripe = stripe.read();
                let rolled = stripe.tier(tier).map(|tier| tier.rolled);
                before = [rolled, stripe.oldest_late()].into_iter().flatten().fold(before, Timestamp::min);
            }
            before = before.minus(slack);
        }
        (before.0 > 0).then(|| tier.slot(before))
    }

    // The disk

    fn watch_space(&self, upkeep: &mut Upkeep) {
        let clock = self.clock.since_epoch();
        if upkeep.last_space_check.is_some_and(|last| clock.abs_diff(last) < SPACE_INTERVAL) {
            return;
        }
        upkeep.last_space_check = Some(clock);
        upkeep.space = self.io.space(&self.directory).ok();
        if let Some(space) = upkeep.space.filter(|space| space.free < self.min_free(*space)) {
            let least = self.min_free(space) >> 20;
            self.stop_writing_because(format!(
                "only {} MiB of disk are free, less than {least} MiB",
                space.free >> 20
            ));
        }
    }

    /// On a small disk the share counts: a tenth of it at most.
    pub(crate) fn min_free(&self, space: Space) -> u64 {
        let configured = self.config.load().min_free.0;
        let usual = MIN_FREE_BYTES.max(space.total / MIN_FREE_SHARE).min(space.total / 10);
        if configured > 0 { configured } else { usual }
    }

    /// A merge needs room for its result before its inputs go.
    fn space_is_low(&self) -> bool {
        self.io.space(&self.directory).is_ok_and(|space| space.free < 2 * self.min_free(space))
    }

    pub(crate) fn refuse_read_only(&self) -> Result<(), StoreError> {
        match &*self.read_only.lock() {
            Some(state) => Err(StoreError::Disk(format!("read-only: {}", state.reason))),
            None => Ok(()),
        }
    }

    /// Leave the read-only state if there is room again and everything in memory can be written.
    fn try_to_write_again(&self, upkeep: &mut Upkeep) -> bool {
        let now = self.now();
        let room = upkeep.space.is_none_or(|space| space.free as f64 >= 1.5 * self.min_free(space) as f64);
        let wait = upkeep.retry_after.is_some_and(|after| now < after && after.since(now) <= RETRY_SECONDS);
        if !room || wait {
            return false;
        }
        upkeep.retry_after = Some(now.plus(RETRY_SECONDS));
        if self.start_writing_again().is_err() {
            self.wal.close();
            drop(self.io.remove(&self.directory.join("RESERVE")));
            return false;
        }
        upkeep.retry_after = None;
        let mut state = self.read_only.lock();
        *state = None;
        self.is_read_only.store(false, Ordering::Release);
        true
    }

    fn start_writing_again(&self) -> Result<(), StoreError> {
        self.make_reserve()?;
        self.say_begun()?;
        self.mend_series_log()?;
        self.wal.reopen();
        self.flush_everything(Extent::All)?;
        self.make_log_durable()?;
        // Of batches that came meanwhile, whose sketches the log never had.
        self.keep_marks()?;
        self.drop_log()
    }

    pub(crate) fn make_reserve(&self) -> Result<(), DiskError> {
        let path = self.directory.join("RESERVE");
        let held = self.io.open(&path).and_then(|file| file.length()).unwrap_or(0);
        if held == RESERVE_BYTES {
            return Ok(());
        }
        let file = self.io.create(&path).doing("create", &path)?;
        let zeros = vec![0; 1 << 20];
        for _ in 0..RESERVE_BYTES >> 20 {
            file.append(&zeros).doing("write", &path)?;
        }
        Ok(())
    }

    /// A log of series whose end is unknown is written anew from memory, under another name.
    pub(crate) fn mend_series_log(&self) -> Result<(), StoreError> {
        let _creating = self.creating.lock();
        if !self.series_log.lock().broken {
            return Ok(());
        }
        self.rewrite_series_log()
    }

    /// Called with `creating` held.
    pub(crate) fn rewrite_series_log(&self) -> Result<(), StoreError> {
        let sequence = self.files.manifest.state(|state| state.series_log) + 1;
        let directory = self.directory.join("series");
        let path = log_path(&directory, sequence);
        let mut log = SeriesLog::create(Arc::clone(&self.io), path)?;
        for (_, entry) in self.policies.load().iter() {
            log.push(&Record::Policy((**entry).clone()));
        }
        for stripe in self.stripes.load().iter() {
            let stripe = stripe.read();
            for (local, head) in stripe.series.iter().enumerate().filter(|(_, head)| !head.is_gone()) {
                let id = stripe.number * SERIES_PER_STRIPE + local as u32;
                let Some(name) = self.names.name(id) else { continue };
                let created = Timestamp(i64::from(head.created));
                log.push(&Record::Series { id, policy: head.policy, created, name: &name });
                if head.imported > 0 {
                    log.push(&Record::Imported { id, newest: head.imported });
                    log.push(&head.went_on(id));
                }
                if log.buffered() > 1 << 20 {
                    log.write_out()?;
                }
            }
        }
        log.push(&Record::Opened {
            first_segment: self.wal.position().segment(),
            next_id: self.names.next_id(),
        });
        log.write_out()?;
        if let Some(file) = log.take_unsynced() {
            file.sync().doing("sync", log.path())?;
            self.io.sync_dir(&directory).doing("sync", &directory)?;
        }
        let mut held = self.series_log.lock();
        self.files.manifest.commit(&[Edit::SeriesLog(sequence)])?;
        let old = std::mem::replace(&mut *held, log);
        drop(self.io.remove(old.path()));
        Ok(())
    }

    /// Nine tenths of the budget: no new names, and windows are closed early; while nothing can be
    /// written, the oldest points are given up.
    fn watch_memory(&self) -> bool {
        let memory = self.memory();
        let short = memory.points + memory.names + memory.series > memory.budget / 10 * 9;
        self.names.set_memory_is_short(short);
        if short && self.is_read_only() {
            for place in self.places() {
                self.give_up_memory(place);
            }
        }
        short
    }

    /// Flush what there is, so that the log is empty, and say so. The store takes no more points then.
    pub fn close(&self) -> Result<(), StoreError> {
        let mut upkeep = self.upkeep.lock();
        // A write that failed a moment ago may succeed now; else what is in memory is lost.
        if self.is_read_only() && !self.try_to_write_again(&mut upkeep) {
            return Ok(());
        }
        self.write_log_out()?;
        self.flush_everything(Extent::All)?;
        self.log_left_empty()?;
        self.wal.rotate(0, || self.series_log.lock().write_out())?;
        self.write_log_out()?;
        self.sync_series_log()?;
        self.sync_log()?;
        self.drop_log()?;
        self.files.manifest.commit(&[Edit::Clean(true)])?;
        Ok(())
    }

    fn log_left_empty(&self) -> Result<(), StoreError> {
        let stripes = self.stripes.load();
        let records: Vec<Record<'_>> = stripes.iter().flat_map(|stripe| stripe.read().left_empty()).collect();
        let mut log = self.series_log.lock();
        // A batch of its own: a version that does not know these records steps over them alone.
        log.write_out()?;
        records.iter().for_each(|record| log.push(record));
        Ok(log.write_out()?)
    }
}

const RETRY_SECONDS: i64 = 5;

/// Reasons to flush before windows are closed.
struct Pressure {
    /// The log is too long, and this is its oldest segment.
    segment: Option<u32>,
    memory: bool,
}

/// Whether a tier is to be flushed now, and how far.
fn due_extent(tier: &mut TierHead, now: Timestamp, pressure: &Pressure) -> Option<(Place, Extent)> {
    let place = tier.place;
    let sealed = place.tier.window_of(place.tier.slot(now.minus(place.tier.grace_seconds())));
    with_head!(&mut tier.head, head => {
        let Some(since) = head.since else {
            // Nothing is open: what comes for closed windows is late all the same.
            head.base = head.base.max(sealed);
            return None;
        };
        // The clock went back: count from now on.
        head.since = Some(since.min(now));
        let age = now.since(since);
        let pins_the_log = pressure.segment.is_some() && head.oldest_segment() == pressure.segment;
        if pins_the_log || pressure.memory || age >= OPEN_AGE.as_secs() as i64 {
            return Some((place, Extent::UpToNow));
        }
        let has_sealed = head.open.extent().is_some_and(|open| open.start < sealed) || !head.frozen.is_empty();
        let old = age >= FLUSH_AGE.as_secs() as i64;
        let large = has_sealed && head.open.bytes() >= FLUSH_BYTES;
        let crowded = head.late.count >= LATE_POINTS_FLUSH;
        let due = large || crowded || (old && (has_sealed || head.late.count > 0));
        due.then_some((place, Extent::Sealed))
    })
}
