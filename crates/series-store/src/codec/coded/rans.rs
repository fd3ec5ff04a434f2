//! Asymmetric numeral systems (Duda 2013), the range variant: one integer, the state, holds what was
//! coded; a bin with weight `w` of 1,024 multiplies it by 1024/w. The decoder undoes this step by step, so
//! the encoder works from the last value to the first.
//!
//! A stream has two ends: after the state, the words that the state outgrew come from the front; the
//! places of the values within their bins, plain bits, come from the back.

use super::model::{Bin, Model, Segment, TOTAL, TOTAL_BITS, shift_right};
use crate::codec::bits::{BitWriter, mask};

/// The state is at least this between steps, and below 2^32: it loses and gains words of 16 bits.
const STATE_MIN: u32 = 1 << 16;
const STATE_BYTES: usize = 4;

/// What a state's low ten bits say: the bin, and how far into its weight they are.
#[derive(Clone, Copy)]
struct Slot {
    first: i64,
    /// Weight (bits 0 to 15), place within it (16 to 31), width (32 on). One word, because a table of a
    /// thousand is made for every page.
    rest: u64,
}

impl Slot {
    fn of(bin: Bin, place: u32) -> Slot {
        Slot {
            first: bin.first,
            rest: u64::from(bin.weight) | u64::from(place) << 16 | u64::from(bin.width) << 32,
        }
    }

    fn weight(self) -> u32 {
        self.rest as u32 & 0xffff
    }

    fn place(self) -> u32 {
        self.rest as u32 >> 16
    }

    fn width(self) -> u32 {
        (self.rest >> 32) as u32
    }
}

pub(super) struct DecodeTable {
    slots: Box<[Slot; TOTAL as usize]>,
}

impl DecodeTable {
    pub(super) fn new(model: &Model) -> DecodeTable {
        let mut slots = Vec::with_capacity(TOTAL as usize);
        for bin in model.segments.iter().flat_map(Segment::cut) {
            slots.extend((0..bin.weight).map(|place| Slot::of(bin, place)));
        }
        let slots = slots.into_boxed_slice().try_into().ok();
        DecodeTable { slots: slots.expect("the weights of a model add up") }
    }
}

/// Where one stream is read.
#[derive(Clone, Copy)]
struct Lane<'a> {
    bytes: &'a [u8],
    state: u32,
    /// The next word from the front.
    front: usize,
    /// Bits taken from the back.
    back: usize,
}

impl<'a> Lane<'a> {
    fn new(bytes: &'a [u8]) -> Lane<'a> {
        let state = bytes.first_chunk().map_or(STATE_MIN, |state| u32::from_le_bytes(*state));
        Lane { bytes, state, front: STATE_BYTES, back: 0 }
    }

    #[inline(always)]
    fn step(&mut self, table: &DecodeTable) -> i64 {
        let slot = table.slots[(self.state % TOTAL) as usize];
        let state = slot.weight().wrapping_mul(self.state >> TOTAL_BITS).wrapping_add(slot.place());
        let word = self
            .bytes
            .get(self.front..self.front + 2)
            .map_or(0, |word| u16::from_le_bytes([word[0], word[1]]));
        let short = state < STATE_MIN;
        self.state = if short { state << 16 | u32::from(word) } else { state };
        self.front += if short { 2 } else { 0 };
        let offset = self.peek_back(slot.width());
        self.back += slot.width() as usize;
        slot.first.wrapping_add(offset as i64)
    }

    /// Up to 56 bits before the ones that were taken; what is beyond the other end are zeros.
    #[inline(always)]
    fn peek_back(&self, width: u32) -> u64 {
        let end = self.bytes.len().wrapping_sub(self.back / 8);
        match self.bytes.get(end.wrapping_sub(8)..end) {
            Some(eight) if width <= 56 => {
                let word = u64::from_be_bytes(eight.try_into().expect("eight bytes were asked for"));
                word >> (self.back % 8) & mask(width)
            }
            _ => self.peek_back_slowly(width),
        }
    }

    #[cold]
    fn peek_back_slowly(&self, width: u32) -> u64 {
        let mut value = 0;
        for bit in 0..width as usize {
            let at = self.back + bit;
            let byte = self.bytes.len().checked_sub(at / 8 + 1).map_or(0, |index| self.bytes[index]);
            value |= u64::from(byte >> (at % 8) & 1) << bit;
        }
        value
    }
}

/// Decodes some streams of equally many values side by side, so that the processor need not wait for
/// one state before it works on the next.
pub(super) fn decode<const N: usize>(table: &DecodeTable, streams: [&[u8]; N], mut out: [&mut [i64]; N]) {
    let mut lanes = streams.map(Lane::new);
    for at in 0..out[0].len() {
        for (lane, out) in lanes.iter_mut().zip(&mut out) {
            out[at] = lane.step(table);
        }
    }
}

#[derive(Clone, Copy, Default)]
struct CodingBin {
    weight: u32,
    /// Weights of all bins before.
    start: u32,
}

#[derive(Clone, Copy, Default)]
struct CodingSegment {
    first: i64,
    width: u32,
    bin: usize,
}

/// Reusable memory of the encoder, prepared for one model.
#[derive(Default)]
pub(super) struct Encoder {
    segments: Vec<CodingSegment>,
    bins: Vec<CodingBin>,
    words: Vec<u16>,
    back: Vec<u8>,
    stream: Vec<u8>,
}

impl Encoder {
    pub(super) fn prepare(&mut self, model: &Model) {
        self.segments.clear();
        self.bins.clear();
        let mut start = 0;
        for segment in &model.segments {
            let coding =
                CodingSegment { first: segment.first, width: segment.bin_width(), bin: self.bins.len() };
            self.segments.push(coding);
            for Bin { weight, .. } in segment.cut() {
                self.bins.push(CodingBin { weight, start });
                start += weight;
            }
        }
    }

    /// The stream of one group. All residuals must lie in segments of the model.
    pub(super) fn encode(&mut self, residuals: &[i64]) -> &[u8] {
        self.words.clear();
        self.back.clear();
        let mut state = STATE_MIN;
        for residual in residuals.iter().rev() {
            let CodingBin { weight, start } = self.bins[self.place(*residual).0];
            // The decoder takes a word where the state is short: then the encoder gives one here.
            if u64::from(state) >= u64::from(weight) << (32 - TOTAL_BITS) {
                self.words.push(state as u16);
                state >>= 16;
            }
            state = (state / weight) << TOTAL_BITS | (state % weight + start);
        }
        let mut back = std::mem::take(&mut self.back);
        let mut writer = BitWriter::new(&mut back);
        for residual in residuals {
            let (_, offset, width) = self.place(*residual);
            writer.put(offset, width);
        }
        writer.finish();
        self.back = back;
        self.join(state)
    }

    /// The bin that holds a residual, where in it, and how many bits that takes.
    #[inline]
    fn place(&self, residual: i64) -> (usize, u64, u32) {
        let index = self.segments.partition_point(|segment| segment.first <= residual) - 1;
        let segment = self.segments[index];
        let above = residual.wrapping_sub(segment.first) as u64;
        (segment.bin + shift_right(above, segment.width) as usize, above & mask(segment.width), segment.width)
    }

    fn join(&mut self, state: u32) -> &[u8] {
        self.stream.clear();
        self.stream.extend_from_slice(&state.to_le_bytes());
        self.stream.extend(self.words.iter().rev().flat_map(|word| word.to_le_bytes()));
        self.stream.extend(self.back.iter().rev());
        &self.stream
    }
}
