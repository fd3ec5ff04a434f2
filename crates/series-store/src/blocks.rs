//! Where merged runs go: the half of the store that a cluster's database may replace.
//!
//! Head, log, names, flushed files, the first merge and the rollup are ours on every node that takes
//! points; a [`BlockStore`] takes the merged runs of all tiers, and gives them back. [`LocalBlocks`] keeps
//! them in files of level 1 and merges those to the final level 2.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use disk::{DiskError, Io, Space};
use parking_lot::{Mutex, RwLock};
use vocabulary::ports::{Scope, StoreError};
use vocabulary::{SeriesRef, Sketch, Timestamp};

use crate::block::{BlockFile, BlockWriter, OpenFiles, encode_page, overlay_page};
use crate::codec::{Effort, PageEncoder};
use crate::damage::Damage;
use crate::limits::*;
pub use crate::manifest::Place;
use crate::manifest::{Edit, FileMeta, Manifest};
use crate::merge::{Merged, Pace, merge_files};
use crate::newest::newest_in_files;
pub use crate::policy::{Slot, Tier};
use crate::value::Value;

/// Which slots of which series of one stripe.
#[derive(Clone, Copy, Debug)]
pub struct BlockRead<'a> {
    /// Kind, step and retention.
    pub tier: Tier,
    pub stripe: u32,
    /// In rising order.
    pub series: &'a [SeriesRef],
    pub slots: &'a Range<Slot>,
    /// Names that the asker may see. The store has checked each series; a backend that other nodes write
    /// to checks again.
    pub scope: &'a Scope,
}

/// A merged run on its way into a block store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunHeader {
    pub place: Place,
    pub first: Slot,
    pub slots: u32,
    /// Over slots that are there already, the higher sequence wins. The same run may come twice.
    pub sequence: u64,
}

/// Takes the rows of a run, series in rising order.
pub trait RunWriter {
    fn numbers(&mut self, series: SeriesRef, row: &[f64]) -> Result<(), StoreError>;
    fn sketches(&mut self, series: SeriesRef, row: &[Option<Sketch>]) -> Result<(), StoreError>;
    /// The run is durable and readable when this returns; dropped without, it never was.
    fn finish(self: Box<Self>) -> Result<(), StoreError>;
}

/// A name on its way into a block store that keeps names too.
#[derive(Clone, Copy, Debug)]
pub struct SeriesRecord<'a> {
    pub series: SeriesRef,
    pub name: &'a str,
}

/// Which series are still in a tier: the others' pages are left out of a merge.
pub type Keep<'a> = &'a (dyn Fn(Place, u16) -> bool + 'a);

pub trait BlockStore: Send + Sync {
    fn begin(&self, run: RunHeader) -> Result<Box<dyn RunWriter + '_>, StoreError>;

    /// Fills one row of slots for each series, in order; absent slots are left as they are.
    fn read_numbers(&self, read: &BlockRead<'_>, rows: &mut [f64]) -> Result<(), StoreError>;

    fn read_sketches(&self, read: &BlockRead<'_>, rows: &mut [Option<Sketch>]) -> Result<(), StoreError>;

    /// Names are announced before any run that has them. A backend beside the series log needs none.
    fn announce(&self, _new: &[SeriesRecord<'_>]) -> Result<(), StoreError> {
        Ok(())
    }

    /// Slots of the tier before this one are no longer wanted.
    fn expire(&self, tier: Tier, before: Slot) -> Result<(), StoreError>;

    /// One step of the backend's own upkeep; true if there was something to do.
    fn tidy(&self, _now: Timestamp, _keep: Keep<'_>, _pace: Pace<'_>) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// Bring everything into its final form.
    fn finalise(&self, _keep: Keep<'_>) -> Result<(), StoreError> {
        Ok(())
    }

    /// Room left, where the backend knows.
    fn space(&self) -> Option<Space>;

    /// Bytes of each series of a stripe in a tier, where the backend knows.
    fn series_bytes(&self, _place: Place, _take: &mut dyn FnMut(u16, u64)) {}

    /// Raise `newest`, one slot for each of the series `locals` (rising), to the newest that has a value, where
    /// the backend knows.
    fn newest(&self, _place: Place, _locals: &[u16], _newest: &mut [Slot]) {}
}

type Shelf = Arc<Vec<Arc<BlockFile>>>;

/// Files of levels 1 and 2 in `blocks/`.
pub struct LocalBlocks {
    shared: Arc<Files>,
    shelves: RwLock<HashMap<Place, Shelf>>,
    /// One merge at a time.
    merging: Mutex<()>,
}

/// What everything that deals with block files needs.
pub struct Files {
    pub io: Arc<dyn Io>,
    pub blocks: PathBuf,
    pub quarantine: PathBuf,
    pub manifest: Arc<Manifest>,
    pub open: Arc<OpenFiles>,
    pub damage: Arc<Damage>,
    /// Ratios between the steps of all policies: averages are multiples of one over them.
    pub ratios: RwLock<Vec<u32>>,
}

impl Files {
    pub fn encoder(&self) -> PageEncoder {
        PageEncoder::new(&self.ratios.read())
    }

    pub fn file(&self, meta: FileMeta) -> Arc<BlockFile> {
        BlockFile::new(
            meta,
            &self.blocks,
            Arc::clone(&self.io),
            Arc::clone(&self.open),
            Arc::clone(&self.damage),
        )
    }

    pub fn writer(&self, meta: FileMeta) -> Result<BlockWriter, DiskError> {
        BlockWriter::create(Arc::clone(&self.io), &self.blocks, meta)
    }

    /// Keep a file of which something cannot be read: a second name in `quarantine/`.
    pub fn keep_damaged(&self, file: &BlockFile) {
        let name = file.path.file_name().unwrap_or_default();
        let directory = file.meta.place.tier.directory();
        let target = self.quarantine.join(format!("{directory}-{}", name.to_string_lossy()));
        let kept = self.io.create_dir(&self.quarantine).and_then(|()| self.io.link(&file.path, &target));
        let what = match kept {
            Ok(()) => format!("{}: unreadable pages, kept as {}", file.path.display(), target.display()),
            Err(error) => format!("{}: unreadable pages, could not be kept: {error}", file.path.display()),
        };
        self.damage.gap(what, 0);
    }
}

/// Files that are written and not listed yet: removed again if it does not come to that.
pub struct NewFiles<'a> {
    files: &'a Files,
    metas: Vec<FileMeta>,
}

impl<'a> NewFiles<'a> {
    pub fn new(files: &'a Files) -> NewFiles<'a> {
        NewFiles { files, metas: Vec::new() }
    }

    pub fn add(&mut self, metas: impl IntoIterator<Item = FileMeta>) {
        self.metas.extend(metas);
    }

    /// List the files, and whatever else is to be valid with them.
    pub fn commit(mut self, others: Vec<Edit>) -> Result<Vec<FileMeta>, DiskError> {
        // From here on they may be listed on disk even if this fails: the manifest takes care of them.
        let metas = std::mem::take(&mut self.metas);
        let edits: Vec<Edit> = metas.iter().copied().map(Edit::Add).chain(others).collect();
        self.files.manifest.commit(&edits)?;
        Ok(metas)
    }
}

impl Drop for NewFiles<'_> {
    fn drop(&mut self) {
        for meta in &self.metas {
            drop(self.files.io.remove(&meta.path(&self.files.blocks)));
        }
    }
}

impl LocalBlocks {
    pub fn new(shared: Arc<Files>, files: Vec<Arc<BlockFile>>) -> LocalBlocks {
        let mut shelves: HashMap<Place, Vec<Arc<BlockFile>>> = HashMap::new();
        for file in files {
            shelves.entry(file.meta.place).or_default().push(file);
        }
        let sorted = shelves.into_iter().map(|(place, mut files)| {
            files.sort_by_key(|file| (file.meta.sequence, file.meta.number));
            (place, Arc::new(files))
        });
        LocalBlocks { shared, shelves: RwLock::new(sorted.collect()), merging: Mutex::new(()) }
    }

    fn shelf(&self, place: Place) -> Shelf {
        self.shelves.read().get(&place).cloned().unwrap_or_default()
    }

    pub fn files(&self) -> Vec<Arc<BlockFile>> {
        self.shelves.read().values().flat_map(|shelf| shelf.iter().cloned()).collect()
    }

    fn change(&self, place: Place, gone: &[u64], new: Option<FileMeta>) {
        let mut shelves = self.shelves.write();
        let shelf = Arc::make_mut(shelves.entry(place).or_default());
        for file in shelf.iter().filter(|file| gone.contains(&file.meta.number)) {
            file.doom();
        }
        shelf.retain(|file| !gone.contains(&file.meta.number));
        shelf.extend(new.map(|meta| self.shared.file(meta)));
        shelf.sort_by_key(|file| (file.meta.sequence, file.meta.number));
    }

    fn read<V: Value>(&self, read: &BlockRead<'_>, rows: &mut [V]) {
        let shelf = self.shelf(Place { tier: read.tier, stripe: read.stripe });
        let locals: Vec<u16> = read.series.iter().map(|series| series.0 as u16).collect();
        read_files(&shelf, &locals, read.slots, rows);
    }

    /// Files of one span whose time to be merged has come, and at which level the result is.
    fn due(
        &self,
        files: &[Arc<BlockFile>],
        tier: Tier,
        span: Slot,
        now: Timestamp,
    ) -> Option<(Vec<Arc<BlockFile>>, u8)> {
        let closed = tier.slot(now)
            >= span + tier.span_slots() + tier.window_slots() + tier.grace_seconds() / tier.step.seconds();
        let (last, merged): (Vec<_>, Vec<_>) = files.iter().cloned().partition(|file| file.meta.level == 2);
        if !closed || merged.is_empty() {
            return None;
        }
        let bytes = |files: &[Arc<BlockFile>]| files.iter().map(|file| file.meta.bytes).sum::<u64>();
        if last.is_empty() || bytes(&merged) * OVERLAY_SHARE >= bytes(&last) {
            return Some((files.to_vec(), 2));
        }
        (merged.len() >= OVERLAYS_MAX).then_some((merged, 1))
    }

    fn merge(
        &self,
        files: &[Arc<BlockFile>],
        level: u8,
        keep: Keep<'_>,
        pace: Pace<'_>,
    ) -> Result<(), StoreError> {
        let place = files[0].meta.place;
        let first = files.iter().map(|file| file.meta.first).min().unwrap_or(0);
        let end = files.iter().map(|file| file.meta.end()).max().unwrap_or(0);
        let effort = if level == 2 { Effort::Final } else { Effort::Fast };
        let meta = FileMeta {
            place,
            level,
            number: self.shared.manifest.take_number(),
            sequence: files.iter().map(|file| file.meta.sequence).max().unwrap_or(0),
            first,
            slots: (end - first) as u32,
            series: 0,
            bytes: 0,
            codecs: 0,
        };
        let mut writer = self.shared.writer(meta)?;
        let merged = match place.tier.kind {
            vocabulary::ValueKind::Number => {
                self.merge_into::<f64>(files, &mut writer, meta, effort, keep, pace)
            }
            vocabulary::ValueKind::Sketch => {
                self.merge_into::<Option<Sketch>>(files, &mut writer, meta, effort, keep, pace)
            }
        };
        let merged = match merged {
            Ok(merged) => merged,
            Err(error) => {
                writer.discard();
                return Err(error);
            }
        };
        let new = writer.finish()?;
        let gone: Vec<u64> = files.iter().map(|file| file.meta.number).collect();
        let edits: Vec<Edit> =
            new.map(Edit::Add).into_iter().chain(gone.iter().map(|number| Edit::Remove(*number))).collect();
        self.shared.manifest.commit(&edits)?;
        for file in files.iter().filter(|file| merged.damaged.contains(&file.meta.number)) {
            self.shared.keep_damaged(file);
        }
        self.change(place, &gone, new);
        Ok(())
    }

    fn merge_into<V: Value>(
        &self,
        files: &[Arc<BlockFile>],
        writer: &mut BlockWriter,
        meta: FileMeta,
        effort: Effort,
        keep: Keep<'_>,
        pace: Pace<'_>,
    ) -> Result<Merged, StoreError> {
        let mut encoder = self.shared.encoder();
        let mut page = Vec::new();
        let slots = meta.first..meta.end();
        merge_files::<V>(files, &slots, &|local| keep(meta.place, local), pace, &mut |local, row| {
            page.clear();
            let codecs = encode_page(&mut encoder, row, effort, &mut page);
            Ok(writer.push(local, &page, codecs)?)
        })
    }

    fn by_span(&self, place: Place) -> BTreeMap<Slot, Vec<Arc<BlockFile>>> {
        let mut spans: BTreeMap<Slot, Vec<Arc<BlockFile>>> = BTreeMap::new();
        for file in self.shelf(place).iter() {
            spans.entry(place.tier.span_of(file.meta.first)).or_default().push(Arc::clone(file));
        }
        spans
    }

    fn places(&self) -> Vec<Place> {
        let mut places: Vec<Place> = self.shelves.read().keys().copied().collect();
        places.sort_unstable();
        places
    }
}

/// Put what the files hold over rows, oldest sequence first.
pub fn read_files<V: Value>(files: &[Arc<BlockFile>], locals: &[u16], slots: &Range<Slot>, rows: &mut [V]) {
    let width = (slots.end - slots.start) as usize;
    let mut scratch = Vec::new();
    for file in files.iter().filter(|file| file.overlaps(slots)) {
        file.read(locals, &mut |position, page| {
            let row = &mut rows[position * width..(position + 1) * width];
            overlay_page(&file.meta, page, slots, row, &mut scratch)
        });
    }
}

impl BlockStore for LocalBlocks {
    fn begin(&self, run: RunHeader) -> Result<Box<dyn RunWriter + '_>, StoreError> {
        let meta = FileMeta {
            place: run.place,
            level: 1,
            number: self.shared.manifest.take_number(),
            sequence: run.sequence,
            first: run.first,
            slots: run.slots,
            series: 0,
            bytes: 0,
            codecs: 0,
        };
        let writer = Some(self.shared.writer(meta)?);
        Ok(Box::new(LocalRun { blocks: self, writer, encoder: self.shared.encoder(), page: Vec::new() }))
    }

    fn read_numbers(&self, read: &BlockRead<'_>, rows: &mut [f64]) -> Result<(), StoreError> {
        self.read(read, rows);
        Ok(())
    }

    fn read_sketches(&self, read: &BlockRead<'_>, rows: &mut [Option<Sketch>]) -> Result<(), StoreError> {
        self.read(read, rows);
        Ok(())
    }

    fn expire(&self, tier: Tier, before: Slot) -> Result<(), StoreError> {
        // While a merge runs files stay; the next call takes them.
        let Some(_merging) = self.merging.try_lock() else { return Ok(()) };
        for place in self.places().into_iter().filter(|place| place.tier == tier) {
            let old: Vec<u64> = self
                .shelf(place)
                .iter()
                .filter(|file| file.meta.end() <= before)
                .map(|file| file.meta.number)
                .collect();
            if !old.is_empty() {
                let edits: Vec<Edit> = old.iter().map(|number| Edit::Remove(*number)).collect();
                self.shared.manifest.commit(&edits)?;
                self.change(place, &old, None);
            }
        }
        Ok(())
    }

    fn tidy(&self, now: Timestamp, keep: Keep<'_>, pace: Pace<'_>) -> Result<bool, StoreError> {
        let _merging = self.merging.lock();
        for place in self.places() {
            for (span, files) in self.by_span(place) {
                if let Some((due, level)) = self.due(&files, place.tier, span, now) {
                    self.merge(&due, level, keep, pace)?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn finalise(&self, keep: Keep<'_>) -> Result<(), StoreError> {
        let _merging = self.merging.lock();
        for place in self.places() {
            for files in self.by_span(place).into_values() {
                if files.len() > 1 || files[0].meta.level < 2 {
                    self.merge(&files, 2, keep, &|_| {})?;
                }
            }
        }
        Ok(())
    }

    fn space(&self) -> Option<Space> {
        self.shared.io.space(&self.shared.blocks).ok()
    }

    fn series_bytes(&self, place: Place, take: &mut dyn FnMut(u16, u64)) {
        for file in self.shelf(place).iter() {
            let series = file.series().unwrap_or_default();
            series.into_iter().for_each(|(local, bytes)| take(local, u64::from(bytes)));
        }
    }

    fn newest(&self, place: Place, locals: &[u16], newest: &mut [Slot]) {
        newest_in_files(&self.shelf(place), place, locals, newest);
    }
}

/// One run on its way into a file of level 1.
struct LocalRun<'a> {
    blocks: &'a LocalBlocks,
    /// `None` once it is finished.
    writer: Option<BlockWriter>,
    encoder: PageEncoder,
    page: Vec<u8>,
}

impl LocalRun<'_> {
    fn put<V: Value>(&mut self, series: SeriesRef, row: &[V]) -> Result<(), StoreError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        self.page.clear();
        let codecs = encode_page(&mut self.encoder, row, Effort::Fast, &mut self.page);
        Ok(writer.push(series.0 as u16, &self.page, codecs)?)
    }
}

impl RunWriter for LocalRun<'_> {
    fn numbers(&mut self, series: SeriesRef, row: &[f64]) -> Result<(), StoreError> {
        self.put(series, row)
    }

    fn sketches(&mut self, series: SeriesRef, row: &[Option<Sketch>]) -> Result<(), StoreError> {
        self.put(series, row)
    }

    fn finish(mut self: Box<Self>) -> Result<(), StoreError> {
        let Some(writer) = self.writer.take() else { return Ok(()) };
        if let Some(meta) = writer.finish()? {
            self.blocks.shared.manifest.commit(&[Edit::Add(meta)])?;
            self.blocks.change(meta.place, &[], Some(meta));
        }
        Ok(())
    }
}

impl Drop for LocalRun<'_> {
    fn drop(&mut self) {
        if let Some(writer) = &self.writer {
            writer.discard();
        }
    }
}
