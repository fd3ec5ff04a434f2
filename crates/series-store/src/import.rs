//! Whole archives of series that another program kept, into files at once, while points come in live.
//!
//! A series keeps the archives that come with it as its policy, and each archive's slots just as they are: a
//! coarse one is not computed again from the finer ones, for it may have been written under another policy.
//! That is why a series remembers its newest imported point (`SeriesHead::imported`): coarse slots before it
//! are settled, and the slot it lies in is computed as soon as a later point comes, as whisper would.
//!
//! New series go straight to the [`crate::blocks::BlockStore`], page after page, without an archive ever being
//! in memory as a whole. What comes in live meanwhile has a higher sequence and wins. Series that have points
//! already are joined ([`crate::import_join`]).

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use vocabulary::ports::StoreError;
use vocabulary::retention::Policy;
use vocabulary::{SeriesRef, Timestamp, ValueKind};

use crate::blocks::{RunHeader, RunWriter};
use crate::changes::EVERYTHING;
use crate::flush::spans;
use crate::limits::*;
use crate::manifest::Place;
use crate::policy::{PolicyEntry, PolicyId, Slot, Tier};
use crate::series_log::Record;
use crate::stats::count;
use crate::store::{SharedStripe, Store};

/// Archives on their way in.
pub trait Archived: Send {
    fn name(&self) -> &str;

    fn policy(&self) -> &Policy;

    /// Put what an archive holds of the slots into the row, whose first slot is `slots.start`; the others stay
    /// as they are. Slots count steps of the archive since 1970.
    fn read(&mut self, archive: usize, slots: &Range<i64>, row: &mut [f64]) -> std::io::Result<()>;
}

/// What became of one series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Imported {
    /// Everything that its archives hold is stored.
    Stored {
        points: u64,
        /// Of those: not taken, because the store had a value for the slot.
        kept: u64,
    },
    /// Nothing, or not all of it, is stored; why.
    Refused(String),
}

/// Why an import ended early. What was finished before stays, and doing it again does no harm.
#[derive(Clone, Debug, PartialEq)]
pub enum ImportEnd {
    /// It was told to stop.
    Stopped,
    Store(StoreError),
}

impl<E: Into<StoreError>> From<E> for ImportEnd {
    fn from(error: E) -> ImportEnd {
        ImportEnd::Store(error.into())
    }
}

/// One import's surroundings.
pub(crate) struct Task<'a> {
    pub now: Timestamp,
    /// Asked often; false ends it.
    pub go_on: &'a (dyn Fn() -> bool + Sync),
}

impl Task<'_> {
    pub fn may_go_on(&self) -> Result<(), ImportEnd> {
        if (self.go_on)() { Ok(()) } else { Err(ImportEnd::Stopped) }
    }
}

/// One series of a batch.
pub(crate) struct Item {
    /// In the batch.
    pub at: usize,
    pub id: u32,
    pub entry: Arc<PolicyEntry>,
    pub policy: PolicyId,
    /// Time of the newest point so far that is not in the future; 0 if there is none.
    pub newest: u32,
    pub points: u64,
    pub kept: u64,
    /// Where the first slot after `newest` begins that the store had in files; `u32::MAX` if there is none.
    pub first_after: u32,
    pub failed: Option<String>,
}

impl Item {
    pub fn local(&self) -> u16 {
        (self.id % SERIES_PER_STRIPE) as u16
    }

    /// Read some slots; false if there is nothing in them, or if they could not be read.
    pub fn read(
        &mut self,
        source: &mut dyn Archived,
        archive: usize,
        slots: &Range<Slot>,
        row: &mut Vec<f64>,
        now: Timestamp,
    ) -> bool {
        row.clear();
        row.resize((slots.end - slots.start) as usize, f64::NAN);
        if self.failed.is_some() {
            return false;
        }
        if let Err(error) = source.read(archive, slots, row) {
            self.failed = Some(error.to_string());
            row.fill(f64::NAN);
            return false;
        }
        let tier = self.entry.tiers[archive];
        let present = (tier.slot(now) + 1 - slots.start).clamp(0, row.len() as i64) as usize;
        if archive > 0 {
            // Coarse slots of the future are rolled up when their time comes.
            row[present..].fill(f64::NAN);
        }
        if let Some(last) = row[..present].iter().rposition(|value| !value.is_nan()) {
            let time = tier.start(slots.start + last as i64).0;
            self.newest = self.newest.max(u32::try_from(time).unwrap_or(0));
        }
        let points = row.iter().filter(|value| !value.is_nan()).count();
        self.points += points as u64;
        points > 0
    }

    fn outcome(self) -> Imported {
        match self.failed {
            None => Imported::Stored { points: self.points, kept: self.kept },
            Some(why) => Imported::Refused(why),
        }
    }
}

impl Store {
    /// Take archives in, all of `batch` together. What came of each, in order. The larger the batch, the fewer
    /// files it makes; none of it is sure to be kept before this returns.
    pub fn import(
        &self,
        batch: &mut [&mut dyn Archived],
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<Imported>, ImportEnd> {
        let task = Task { now: self.now(), go_on };
        self.refuse_read_only()?;
        self.refuse_low_space()?;
        let mut done: Vec<Option<Imported>> = vec![None; batch.len()];
        let mut existing = Vec::new();
        {
            let _no_rollup = self.importing.read();
            // Before any of the series is there: whatever is flushed of them has a higher one.
            let sequence = self.files.manifest.take_number();
            let mut fresh = Vec::new();
            let mut seen = HashSet::new();
            for (at, source) in batch.iter().enumerate() {
                match self.begin_import(at, &**source, task.now) {
                    Ok((item, _)) if !seen.insert(item.id) => {
                        let why = format!("there is another one called {}", source.name());
                        done[at] = Some(Imported::Refused(why));
                    }
                    Ok((item, true)) => fresh.push(item),
                    Ok((item, false)) => existing.push(item),
                    Err(why) => done[at] = Some(Imported::Refused(why)),
                }
            }
            for (number, items) in by_stripe(&mut fresh) {
                self.import_fresh(&self.stripe_for(number), number, batch, items, sequence, &task)?;
            }
            settle(fresh, &mut done);
        }
        for (number, items) in by_stripe(&mut existing) {
            self.import_joined(&self.stripe_for(number), number, batch, items, &task)?;
        }
        settle(existing, &mut done);
        // Some may have other archives than the rules would give them: health tells.
        self.upkeep.lock().policies_checked = false;
        let points = |done: &Option<Imported>| match done {
            Some(Imported::Stored { points, kept }) => points - kept,
            _ => 0,
        };
        count(&self.counters.points_imported, done.iter().map(points).sum());
        Ok(done.into_iter().flatten().collect())
    }

    /// A merge needs room for its result, and so does what comes in live.
    fn refuse_low_space(&self) -> Result<(), StoreError> {
        match self.io.space(&self.directory) {
            Ok(space) if space.free < 2 * self.min_free(space) => {
                let (free, wanted) = (space.free >> 20, self.min_free(space) >> 19);
                Err(StoreError::Disk(format!(
                    "the disk is nearly full: {free} MiB are free and an import leaves {wanted} MiB alone; make room"
                )))
            }
            _ => Ok(()),
        }
    }

    /// The series of one source; true if it was made now.
    fn begin_import(&self, at: usize, source: &dyn Archived, now: Timestamp) -> Result<(Item, bool), String> {
        let _creating = self.creating.lock();
        let (policy, entry) = self.policy_for(ValueKind::Number, source.policy().clone());
        if *entry.policy != *source.policy() {
            return Err("there are too many different retentions: 65,535 are in use".into());
        }
        let name = source.name().as_bytes();
        let created =
            self.names.import(name, ValueKind::Number, now).map_err(|refused| refused.to_string())?;
        if created.new {
            self.enter_series(&created, (policy, Arc::clone(&entry)), now);
        }
        let item = Item {
            at,
            id: created.id,
            entry,
            policy,
            newest: 0,
            points: 0,
            kept: 0,
            first_after: u32::MAX,
            failed: None,
        };
        Ok((item, created.new))
    }

    /// Series of one stripe that had no points before.
    fn import_fresh(
        &self,
        stripe: &SharedStripe,
        number: u32,
        batch: &mut [&mut dyn Archived],
        items: &mut [Item],
        sequence: u64,
        task: &Task<'_>,
    ) -> Result<(), ImportEnd> {
        self.announce()?;
        let plan = plan(items, task.now);
        let mut row = Vec::new();
        let mut parts = plan.chunks(IMPORT_FILES_OPEN).peekable();
        while let Some(part) = parts.next() {
            let mut runs: BTreeMap<(Tier, Slot), Box<dyn RunWriter + '_>> = BTreeMap::new();
            for item in items.iter_mut() {
                task.may_go_on()?;
                let entry = Arc::clone(&item.entry);
                let series = SeriesRef(item.id.into());
                for (tier, slots) in part {
                    let Some(archive) = entry.tiers.iter().position(|own| own == tier) else { continue };
                    if !item.read(&mut *batch[item.at], archive, slots, &mut row, task.now) {
                        continue;
                    }
                    let run = match runs.entry((*tier, slots.start)) {
                        std::collections::btree_map::Entry::Occupied(run) => run.into_mut(),
                        std::collections::btree_map::Entry::Vacant(free) => {
                            let place = Place { tier: *tier, stripe: number };
                            let header =
                                RunHeader { place, first: slots.start, slots: width(slots), sequence };
                            free.insert(self.blocks.begin(header)?)
                        }
                    };
                    run.numbers(series, &row)?;
                }
            }
            self.prepare_import(stripe)?;
            // Before any file counts: with the finer archives alone, coarse slots would be computed from them.
            let newest = if parts.peek().is_some() { Some(task.now) } else { None };
            self.note_imported(stripe, items, newest)?;
            let finished = runs.into_values().try_for_each(|run| run.finish());
            // Whoever asked since the series were made was told that they are empty. Those that were finished count,
            // also where the next one failed.
            self.changes.note(EVERYTHING);
            finished?;
        }
        Ok(())
    }

    /// What must be on disk before files with points of a stripe's new series are.
    pub(crate) fn prepare_import(&self, stripe: &SharedStripe) -> Result<(), StoreError> {
        self.make_series_durable()?;
        let marks = self.lower_marks(stripe);
        if !marks.is_empty() {
            self.files.manifest.commit(&marks)?;
        }
        Ok(())
    }

    /// From now on what was imported is left as it is: up to the newest point, or up to the time given while it
    /// is not known which is the newest.
    pub(crate) fn note_imported(
        &self,
        stripe: &SharedStripe,
        items: &[Item],
        until: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let until = until.and_then(|time| u32::try_from(time.0).ok());
        {
            let mut held = stripe.write();
            let mut log = self.series_log.lock();
            // A batch of its own: a version that does not know these records steps over them alone.
            log.write_out()?;
            for item in items {
                let newest = until.unwrap_or(item.newest);
                let series = held.series.get(usize::from(item.local()));
                if series.is_some_and(|series| series.imported != newest && item.points > 0) {
                    held.note_imported(item.local(), newest, item.first_after);
                    log.push(&Record::Imported { id: item.id, newest });
                    log.push(&held.series[usize::from(item.local())].went_on(item.id));
                }
            }
            // Coarse slots that were computed until now are those of the file.
            self.changes.note(EVERYTHING);
        }
        self.make_series_durable()
    }
}

/// The slots of an archive that are asked for: what whisper would show, as much before it as a file covers, for
/// whoever asks for the moment at which the import began, and a ring's length of the future.
pub(crate) fn wanted_slots(tier: Tier, now: Timestamp) -> Range<Slot> {
    let (ring, span) = (tier.ring_slots(), tier.span_slots());
    let newest = tier.slot(now);
    (newest - ring - span + 1).max(0)..newest + ring.min(span) + 1
}

/// All files that series of these policies may need, finest archives first.
fn plan(items: &[Item], now: Timestamp) -> Vec<(Tier, Range<Slot>)> {
    let mut tiers: Vec<Tier> = items.iter().flat_map(|item| item.entry.tiers.iter().copied()).collect();
    tiers.sort_unstable();
    tiers.dedup();
    let files =
        |tier: Tier| spans(tier, &wanted_slots(tier, now)).into_iter().map(move |slots| (tier, slots));
    tiers.into_iter().flat_map(files).collect()
}

fn width(slots: &Range<Slot>) -> u32 {
    (slots.end - slots.start) as u32
}

/// The items of each stripe, in order of their numbers.
fn by_stripe(items: &mut [Item]) -> impl Iterator<Item = (u32, &mut [Item])> {
    items.sort_by_key(|item| item.id);
    items
        .chunk_by_mut(|a, b| a.id / SERIES_PER_STRIPE == b.id / SERIES_PER_STRIPE)
        .map(|items| (items[0].id / SERIES_PER_STRIPE, items))
}

fn settle(items: Vec<Item>, done: &mut [Option<Imported>]) {
    for item in items {
        let at = item.at;
        done[at] = Some(item.outcome());
    }
}
