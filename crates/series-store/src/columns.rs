//! Open slots in memory. Numbers: one column per slot, indexed by lane, so that a flush of many series
//! into one slot writes memory in order (1-4 ns a value; row by row costs 9-13).

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use vocabulary::Sketch;

use crate::limits::LANES_PER_PAGE;
use crate::policy::Slot;
use crate::value::Windows;

type Page = Box<[f64; LANES_PER_PAGE]>;

/// Numbers of consecutive slots.
#[derive(Default)]
pub struct Columns {
    first: Slot,
    columns: VecDeque<Column>,
    pages: usize,
}

struct Column {
    pages: Vec<Option<Page>>,
    oldest_segment: u32,
}

const NO_SEGMENT: u32 = u32::MAX;

impl Column {
    fn new() -> Column {
        Column { pages: Vec::new(), oldest_segment: NO_SEGMENT }
    }

    fn page(&self, index: usize) -> Option<&Page> {
        self.pages.get(index)?.as_ref()
    }
}

fn empty_page() -> Page {
    Box::new([f64::NAN; LANES_PER_PAGE])
}

impl Columns {
    /// Where the column of a slot is, made if it is not there yet; good until the next
    /// [`Windows::freeze`] or call of this.
    pub fn column(&mut self, slot: Slot, segment: u32) -> usize {
        if self.columns.is_empty() {
            self.first = slot;
        }
        while slot < self.first {
            self.columns.push_front(Column::new());
            self.first -= 1;
        }
        let index = (slot - self.first) as usize;
        while self.columns.len() <= index {
            self.columns.push_back(Column::new());
        }
        let column = &mut self.columns[index];
        column.oldest_segment = column.oldest_segment.min(segment);
        index
    }

    #[inline]
    pub fn set(&mut self, column: usize, lane: u16, value: f64) {
        let (page, at) = (usize::from(lane) / LANES_PER_PAGE, usize::from(lane) % LANES_PER_PAGE);
        let column = &mut self.columns[column];
        match column.pages.get_mut(page) {
            Some(Some(page)) => page[at] = value,
            _ => {
                self.pages += 1;
                add_page(column, page)[at] = value;
            }
        }
    }

    fn clamp(&self, wanted: &Range<Slot>) -> Range<Slot> {
        let end = self.first + self.columns.len() as i64;
        wanted.start.max(self.first)..wanted.end.min(end)
    }
}

#[cold]
fn add_page(column: &mut Column, page: usize) -> &mut Page {
    if column.pages.len() <= page {
        column.pages.resize_with(page + 1, || None);
    }
    column.pages[page].insert(empty_page())
}

impl Windows<f64> for Columns {
    fn put(&mut self, lane: u16, slot: Slot, value: f64, segment: u32) {
        let column = self.column(slot, segment);
        self.set(column, lane, value);
    }

    fn overlay(&self, lane: u16, wanted: &Range<Slot>, row: &mut [f64]) {
        let (page, at) = (usize::from(lane) / LANES_PER_PAGE, usize::from(lane) % LANES_PER_PAGE);
        for slot in self.clamp(wanted) {
            let Some(page) = self.columns[(slot - self.first) as usize].page(page) else { continue };
            if !page[at].is_nan() {
                row[(slot - wanted.start) as usize] = page[at];
            }
        }
    }

    fn freeze(&mut self, end: Slot) -> Columns {
        let count = (end - self.first).clamp(0, self.columns.len() as i64);
        let rest = self.columns.split_off(count as usize);
        let columns = std::mem::replace(&mut self.columns, rest);
        let first = self.first;
        self.first += count;
        let pages = columns.iter().map(|column| column.pages.iter().flatten().count()).sum();
        self.pages -= pages;
        Columns { first, columns, pages }
    }

    fn extent(&self) -> Option<Range<Slot>> {
        let used = |column: &Column| !column.pages.is_empty();
        let start = self.columns.iter().position(used)?;
        let end = self.columns.iter().rposition(used)? + 1;
        Some(self.first + start as i64..self.first + end as i64)
    }

    fn rows(&self, wanted: &Range<Slot>, take: &mut dyn FnMut(u16, &[f64])) {
        let width = (wanted.end - wanted.start) as usize;
        let covered = self.clamp(wanted);
        let column = |slot: Slot| &self.columns[(slot - self.first) as usize];
        let pages = covered.clone().map(|slot| column(slot).pages.len()).max().unwrap_or(0);
        let mut block = Vec::new();
        for page in 0..pages {
            // Turn 256 lanes at a time: 60 columns of 2 KiB fit the cache.
            block.clear();
            block.resize(LANES_PER_PAGE * width, f64::NAN);
            for slot in covered.clone() {
                let Some(values) = column(slot).page(page) else { continue };
                let at = (slot - wanted.start) as usize;
                for (lane, value) in values.iter().enumerate() {
                    block[lane * width + at] = *value;
                }
            }
            for (lane, row) in block.chunks_exact(width).enumerate() {
                if row.iter().any(|value| !value.is_nan()) {
                    take((page * LANES_PER_PAGE + lane) as u16, row);
                }
            }
        }
    }

    fn oldest_segment(&self) -> Option<u32> {
        let oldest = self.columns.iter().map(|column| column.oldest_segment).min()?;
        (oldest != NO_SEGMENT).then_some(oldest)
    }

    fn bytes(&self) -> usize {
        self.pages * (LANES_PER_PAGE * 8 + 8)
    }
}

/// Sketches: few series have them and most slots are filled, so a row per lane does.
#[derive(Default)]
pub struct SketchRows {
    rows: BTreeMap<u16, BTreeMap<Slot, Sketch>>,
    segments: BTreeMap<Slot, u32>,
    buckets: usize,
}

impl Windows<Option<Sketch>> for SketchRows {
    fn put(&mut self, lane: u16, slot: Slot, value: Option<Sketch>, segment: u32) {
        let Some(sketch) = value else { return };
        self.buckets += sketch.buckets().len();
        let before = self.rows.entry(lane).or_default().insert(slot, sketch);
        self.buckets -= before.map_or(0, |before| before.buckets().len());
        let oldest = self.segments.entry(slot).or_insert(segment);
        *oldest = (*oldest).min(segment);
    }

    fn overlay(&self, lane: u16, wanted: &Range<Slot>, row: &mut [Option<Sketch>]) {
        if wanted.is_empty() {
            return;
        }
        let slots = self.rows.get(&lane).into_iter().flat_map(|slots| slots.range(wanted.clone()));
        for (slot, sketch) in slots {
            row[(slot - wanted.start) as usize] = Some(sketch.clone());
        }
    }

    fn freeze(&mut self, end: Slot) -> SketchRows {
        let mut frozen = SketchRows::default();
        for (lane, slots) in &mut self.rows {
            let rest = slots.split_off(&end);
            let before = std::mem::replace(slots, rest);
            if !before.is_empty() {
                frozen.buckets += before.values().map(|sketch| sketch.buckets().len()).sum::<usize>();
                frozen.rows.insert(*lane, before);
            }
        }
        self.rows.retain(|_, slots| !slots.is_empty());
        self.buckets -= frozen.buckets;
        let rest = self.segments.split_off(&end);
        frozen.segments = std::mem::replace(&mut self.segments, rest);
        frozen
    }

    fn extent(&self) -> Option<Range<Slot>> {
        let start = *self.segments.first_key_value()?.0;
        let end = *self.segments.last_key_value()?.0 + 1;
        Some(start..end)
    }

    fn rows(&self, wanted: &Range<Slot>, take: &mut dyn FnMut(u16, &[Option<Sketch>])) {
        let mut row = Vec::new();
        for (lane, slots) in &self.rows {
            row.clear();
            row.resize((wanted.end - wanted.start) as usize, None);
            for (slot, sketch) in slots.range(wanted.clone()) {
                row[(slot - wanted.start) as usize] = Some(sketch.clone());
            }
            if row.iter().any(Option::is_some) {
                take(*lane, &row);
            }
        }
    }

    fn oldest_segment(&self) -> Option<u32> {
        self.segments.values().min().copied()
    }

    fn bytes(&self) -> usize {
        // A bucket, and an entry of the maps around it.
        self.buckets * 16 + self.rows.values().map(|slots| 64 * slots.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows<V: Clone, W: Windows<V>>(windows: &W, wanted: Range<Slot>) -> Vec<(u16, Vec<V>)> {
        let mut all = Vec::new();
        windows.rows(&wanted, &mut |lane, row| all.push((lane, row.to_vec())));
        all
    }

    #[test]
    fn columns_hold_freeze_and_turn() {
        let mut columns = Columns::default();
        columns.put(3, 100, 1.0, 7);
        columns.put(300, 102, 2.0, 8);
        columns.put(3, 98, 3.0, 9);
        assert_eq!((columns.extent(), columns.oldest_segment()), (Some(98..103), Some(7)));
        let mut row = [0.0; 4];
        columns.overlay(3, &(97..101), &mut row);
        assert_eq!(row, [0.0, 3.0, 0.0, 1.0]);
        let frozen = columns.freeze(101);
        assert_eq!(
            (frozen.extent(), frozen.oldest_segment(), columns.extent()),
            (Some(98..101), Some(7), Some(102..103))
        );
        assert_eq!(columns.oldest_segment(), Some(8));
        let turned = rows(&frozen, 98..101);
        assert_eq!(turned.len(), 1);
        assert_eq!(turned[0].1[..1], [3.0]);
        assert!(turned[0].0 == 3 && turned[0].1[1].is_nan() && turned[0].1[2] == 1.0);
        assert_eq!(rows(&columns, 102..103), [(300, vec![2.0])]);
        assert_eq!(columns.bytes() + frozen.bytes(), 3 * (LANES_PER_PAGE * 8 + 8));
    }

    #[test]
    fn sketches_hold_and_freeze() {
        let sketch = Sketch::from_values([(1.0, 1.0)]);
        let mut open = SketchRows::default();
        open.put(1, 10, Some(sketch.clone()), 5);
        open.put(1, 12, Some(sketch.clone()), 6);
        open.put(2, 12, Some(sketch.clone()), 6);
        let frozen = open.freeze(11);
        assert_eq!((frozen.extent(), open.extent()), (Some(10..11), Some(12..13)));
        assert_eq!((frozen.oldest_segment(), open.oldest_segment()), (Some(5), Some(6)));
        assert_eq!(rows(&open, 11..13), [1, 2].map(|lane| (lane, vec![None, Some(sketch.clone())])));
        let mut row = [None, None];
        frozen.overlay(1, &(9..11), &mut row);
        assert_eq!(row, [None, Some(sketch)]);
    }
}
