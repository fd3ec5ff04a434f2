//! What a slot can hold: a number, where NaN is "nothing", or a sketch.
//!
//! Reading, merging and rolling up are the same for both, so they are written once over this trait.

use std::ops::Range;

use vocabulary::ports::StoreError;
use vocabulary::retention::{Aggregation, Policy};
use vocabulary::{SeriesRef, Sketch, ValueKind};

use crate::blocks::{BlockRead, BlockStore, RunWriter};
use crate::codec::{self, CodecError, Effort, PageEncoder};
use crate::columns::{Columns, SketchRows};
use crate::policy::Slot;

/// Slots of one tier and stripe that are not on disk yet, by lane and slot.
pub trait Windows<V>: Default + Send + Sync {
    /// `segment` of the log holds the value.
    fn put(&mut self, lane: u16, slot: Slot, value: V, segment: u32);
    /// Put what is there of a lane over `row`, whose first slot is `wanted.start`.
    fn overlay(&self, lane: u16, wanted: &Range<Slot>, row: &mut [V]);
    /// Take out all slots before `end`.
    fn freeze(&mut self, end: Slot) -> Self;
    /// From the first to the last slot that may hold something.
    fn extent(&self) -> Option<Range<Slot>>;
    /// Every lane that holds something in `wanted`, in order, with its slots.
    fn rows(&self, wanted: &Range<Slot>, take: &mut dyn FnMut(u16, &[V]));
    /// The oldest segment of the log that holds something of this.
    fn oldest_segment(&self) -> Option<u32>;
    fn bytes(&self) -> usize;
}

pub trait Value: Clone + PartialEq + Send + Sync + 'static {
    const KIND: ValueKind;
    const ABSENT: Self;
    /// How the slots that are still open are held.
    type Windows: Windows<Self>;

    fn is_absent(&self) -> bool;
    fn encode(encoder: &mut PageEncoder, slots: &[Self], effort: Effort, out: &mut Vec<u8>);
    /// The slots `part` of a page of `slots`; absent ones are set absent.
    fn decode(page: &[u8], slots: usize, part: Range<usize>, out: &mut [Self]) -> Result<(), CodecError>;
    /// One coarser slot of all the finer ones, known or not, in order.
    fn roll(policy: &Policy, slots: &[Self], known: &mut Vec<f64>) -> Self;
    /// Slots of a coarser step for display; the share of known slots does not matter.
    fn consolidate(method: Aggregation, slots: &[Self], known: &mut Vec<f64>) -> Self;
    /// [`BlockStore::read_numbers`] or `read_sketches`.
    fn read_blocks(
        blocks: &dyn BlockStore,
        read: &BlockRead<'_>,
        rows: &mut [Self],
    ) -> Result<(), StoreError>;
    fn put_row(run: &mut dyn RunWriter, series: SeriesRef, row: &[Self]) -> Result<(), StoreError>;
}

impl Value for f64 {
    const KIND: ValueKind = ValueKind::Number;
    const ABSENT: f64 = f64::NAN;
    type Windows = Columns;

    #[inline]
    fn is_absent(&self) -> bool {
        self.is_nan()
    }

    fn encode(encoder: &mut PageEncoder, slots: &[f64], effort: Effort, out: &mut Vec<u8>) {
        encoder.numbers(slots, effort, out);
    }

    fn decode(page: &[u8], slots: usize, part: Range<usize>, out: &mut [f64]) -> Result<(), CodecError> {
        codec::decode_numbers_range(page, slots, part, out)
    }

    /// Whisper's `__propagate`: the share is compared as a double with a factor that was stored as a float.
    #[inline]
    fn roll(policy: &Policy, slots: &[f64], known: &mut Vec<f64>) -> f64 {
        known.clear();
        known.extend(slots.iter().copied().filter(|value| !value.is_nan()));
        let share = known.len() as f64 / slots.len() as f64;
        if known.is_empty() || share < f64::from(policy.x_files_factor) {
            return f64::NAN;
        }
        codec::rollup(policy.aggregation, known, slots.len())
    }

    fn consolidate(method: Aggregation, slots: &[f64], known: &mut Vec<f64>) -> f64 {
        known.clear();
        known.extend(slots.iter().copied().filter(|value| !value.is_nan()));
        codec::rollup(method, known, slots.len())
    }

    fn read_blocks(
        blocks: &dyn BlockStore,
        read: &BlockRead<'_>,
        rows: &mut [f64],
    ) -> Result<(), StoreError> {
        blocks.read_numbers(read, rows)
    }

    fn put_row(run: &mut dyn RunWriter, series: SeriesRef, row: &[f64]) -> Result<(), StoreError> {
        run.numbers(series, row)
    }
}

impl Value for Option<Sketch> {
    const KIND: ValueKind = ValueKind::Sketch;
    const ABSENT: Option<Sketch> = None;
    type Windows = SketchRows;

    fn is_absent(&self) -> bool {
        self.is_none()
    }

    fn encode(encoder: &mut PageEncoder, slots: &[Option<Sketch>], effort: Effort, out: &mut Vec<u8>) {
        encoder.sketches(slots, effort, out);
    }

    fn decode(page: &[u8], slots: usize, part: Range<usize>, out: &mut [Self]) -> Result<(), CodecError> {
        let sketches = codec::decode_sketches(page, slots)?.into_iter().skip(part.start).take(part.len());
        out.iter_mut().zip(sketches).for_each(|(slot, sketch)| *slot = sketch);
        Ok(())
    }

    /// Counts add up, whatever the share.
    fn roll(_: &Policy, slots: &[Option<Sketch>], _: &mut Vec<f64>) -> Option<Sketch> {
        merged(slots)
    }

    fn consolidate(_: Aggregation, slots: &[Option<Sketch>], _: &mut Vec<f64>) -> Option<Sketch> {
        merged(slots)
    }

    fn read_blocks(
        blocks: &dyn BlockStore,
        read: &BlockRead<'_>,
        rows: &mut [Self],
    ) -> Result<(), StoreError> {
        blocks.read_sketches(read, rows)
    }

    fn put_row(run: &mut dyn RunWriter, series: SeriesRef, row: &[Self]) -> Result<(), StoreError> {
        run.sketches(series, row)
    }
}

fn merged(slots: &[Option<Sketch>]) -> Option<Sketch> {
    let mut known = slots.iter().flatten();
    let mut sum = known.next()?.clone();
    known.for_each(|sketch| sum.merge(sketch));
    Some(sum)
}
