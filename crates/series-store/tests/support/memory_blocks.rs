//! The smallest block store there can be: a map. The store must answer the same over it.

use std::collections::BTreeMap;
use std::sync::Arc;

use disk::Space;
use parking_lot::Mutex;
use series_store::blocks::Tier;
use series_store::blocks::{BlockRead, BlockStore, RunHeader, RunWriter, SeriesRecord};
use vocabulary::ports::StoreError;
use vocabulary::{SeriesRef, Sketch};

/// One value by tier, series and slot.
type Slots<V> = Arc<Mutex<BTreeMap<(Tier, SeriesRef, i64), V>>>;

#[derive(Clone, Default)]
pub struct MemoryBlocks {
    numbers: Slots<f64>,
    sketches: Slots<Sketch>,
    pub announced: Arc<Mutex<BTreeMap<SeriesRef, String>>>,
    pub runs: Arc<Mutex<usize>>,
}

struct Run<'a> {
    blocks: &'a MemoryBlocks,
    header: RunHeader,
    numbers: Vec<((Tier, SeriesRef, i64), f64)>,
    sketches: Vec<((Tier, SeriesRef, i64), Sketch)>,
}

impl RunWriter for Run<'_> {
    fn numbers(&mut self, series: SeriesRef, row: &[f64]) -> Result<(), StoreError> {
        assert!(self.blocks.announced.lock().contains_key(&series), "names come before runs");
        let (tier, first) = (self.header.place.tier, self.header.first);
        let known = row.iter().enumerate().filter(|(_, value)| !value.is_nan());
        self.numbers.extend(known.map(|(at, value)| ((tier, series, first + at as i64), *value)));
        Ok(())
    }

    fn sketches(&mut self, series: SeriesRef, row: &[Option<Sketch>]) -> Result<(), StoreError> {
        let (tier, first) = (self.header.place.tier, self.header.first);
        let known = row.iter().enumerate().filter_map(|(at, sketch)| Some((at, sketch.clone()?)));
        self.sketches.extend(known.map(|(at, sketch)| ((tier, series, first + at as i64), sketch)));
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), StoreError> {
        self.blocks.numbers.lock().extend(self.numbers);
        self.blocks.sketches.lock().extend(self.sketches);
        *self.blocks.runs.lock() += 1;
        Ok(())
    }
}

impl BlockStore for MemoryBlocks {
    fn begin(&self, header: RunHeader) -> Result<Box<dyn RunWriter + '_>, StoreError> {
        Ok(Box::new(Run { blocks: self, header, numbers: Vec::new(), sketches: Vec::new() }))
    }

    fn read_numbers(&self, read: &BlockRead<'_>, rows: &mut [f64]) -> Result<(), StoreError> {
        let width = (read.slots.end - read.slots.start) as usize;
        let held = self.numbers.lock();
        for (row, series) in rows.chunks_exact_mut(width).zip(read.series) {
            for ((_, _, slot), value) in
                held.range((read.tier, *series, read.slots.start)..(read.tier, *series, read.slots.end))
            {
                row[(slot - read.slots.start) as usize] = *value;
            }
        }
        Ok(())
    }

    fn read_sketches(&self, read: &BlockRead<'_>, rows: &mut [Option<Sketch>]) -> Result<(), StoreError> {
        let width = (read.slots.end - read.slots.start) as usize;
        let held = self.sketches.lock();
        for (row, series) in rows.chunks_exact_mut(width).zip(read.series) {
            for ((_, _, slot), sketch) in
                held.range((read.tier, *series, read.slots.start)..(read.tier, *series, read.slots.end))
            {
                row[(slot - read.slots.start) as usize] = Some(sketch.clone());
            }
        }
        Ok(())
    }

    fn announce(&self, new: &[SeriesRecord<'_>]) -> Result<(), StoreError> {
        self.announced.lock().extend(new.iter().map(|record| (record.series, record.name.to_owned())));
        Ok(())
    }

    fn expire(&self, tier: Tier, before: i64) -> Result<(), StoreError> {
        self.numbers.lock().retain(|(of, _, slot), _| *of != tier || *slot >= before);
        self.sketches.lock().retain(|(of, _, slot), _| *of != tier || *slot >= before);
        Ok(())
    }

    fn space(&self) -> Option<Space> {
        None
    }
}
