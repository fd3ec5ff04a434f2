//! Which slots of a page hold a value.

use super::bytes::{Reader, put_unsigned};
use super::column::{self, ColumnScratch};
use super::{CodecError, Effort};

/// How presence is written; the top bits of a page's first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    All = 0,
    Bitmap = 1,
    Runs = 2,
}

impl Form {
    pub(super) fn from_bits(bits: u8) -> Option<Form> {
        [Form::All, Form::Bitmap, Form::Runs].into_iter().find(|form| *form as u8 == bits)
    }
}

/// Presence as runs of present slots with gaps of absent ones before them.
#[derive(Default)]
pub(super) struct Runs {
    /// Before the first run; may be 0.
    first_gap: u64,
    /// Before the others, less one: a gap is not empty.
    gaps: Vec<i64>,
    /// Less one: a run is not empty.
    lengths: Vec<i64>,
}

#[derive(Default)]
pub(super) struct PresenceScratch {
    runs: Runs,
    written: Vec<u8>,
}

/// Writes the cheapest form and tells which it is. At least one slot must be present.
pub(super) fn encode(
    scratch: &mut PresenceScratch,
    columns: &mut ColumnScratch,
    slots: impl ExactSizeIterator<Item = bool> + Clone,
    effort: Effort,
    out: &mut Vec<u8>,
) -> Form {
    if slots.clone().all(|present| present) {
        return Form::All;
    }
    let bitmap_bytes = slots.len().div_ceil(8);
    scratch.runs.fill(slots.clone());
    // A run takes about two bytes packed; less when its lengths repeat, which the final effort finds out.
    let worth_trying = match effort {
        Effort::Fast => scratch.runs.lengths.len() * 2 + 8 < bitmap_bytes,
        Effort::Final => true,
    };
    if worth_trying {
        scratch.written.clear();
        scratch.runs.write(columns, effort, &mut scratch.written);
        if scratch.written.len() < bitmap_bytes {
            out.extend_from_slice(&scratch.written);
            return Form::Runs;
        }
    }
    put_bitmap(slots, out);
    Form::Bitmap
}

fn put_bitmap(mut slots: impl ExactSizeIterator<Item = bool>, out: &mut Vec<u8>) {
    while slots.len() > 0 {
        let byte =
            slots.by_ref().take(8).enumerate().fold(0, |byte, (at, present)| byte | u8::from(present) << at);
        out.push(byte);
    }
}

impl Runs {
    fn fill(&mut self, slots: impl Iterator<Item = bool>) {
        self.gaps.clear();
        self.lengths.clear();
        let mut gap = 0;
        let mut before = false;
        for present in slots {
            match (before, present) {
                (_, false) => gap += 1,
                (false, true) => {
                    if self.lengths.is_empty() {
                        self.first_gap = gap;
                    } else {
                        self.gaps.push(gap as i64 - 1);
                    }
                    self.lengths.push(0);
                    gap = 0;
                }
                (true, true) => *self.lengths.last_mut().expect("a run is open") += 1,
            }
            before = present;
        }
    }

    fn write(&self, columns: &mut ColumnScratch, effort: Effort, out: &mut Vec<u8>) {
        put_unsigned(out, self.lengths.len() as u64);
        put_unsigned(out, self.first_gap);
        if !self.gaps.is_empty() {
            column::encode(columns, &self.gaps, effort, out);
        }
        column::encode(columns, &self.lengths, effort, out);
    }
}

/// Calls `set` for each present slot in rising order, and returns their number.
pub(super) fn decode(
    form: Form,
    reader: &mut Reader<'_>,
    slots: usize,
    mut set: impl FnMut(std::ops::Range<usize>),
) -> Result<usize, CodecError> {
    match form {
        Form::All => {
            set(0..slots);
            Ok(slots)
        }
        Form::Bitmap => decode_bitmap(reader.take(slots.div_ceil(8))?, slots, set),
        Form::Runs => decode_runs(reader, slots, set),
    }
}

fn decode_bitmap(
    bitmap: &[u8],
    slots: usize,
    mut set: impl FnMut(std::ops::Range<usize>),
) -> Result<usize, CodecError> {
    let mut count = 0;
    for (byte, base) in bitmap.iter().zip((0..).step_by(8)) {
        let mut left = *byte;
        while left != 0 {
            let start = left.trailing_zeros() as usize;
            let length = (left >> start).trailing_ones() as usize;
            if base + start + length > slots {
                return Err(CodecError::Malformed("a bit beyond the last slot"));
            }
            set(base + start..base + start + length);
            count += length;
            left = if start + length == 8 { 0 } else { left >> (start + length) << (start + length) };
        }
    }
    Ok(count)
}

fn decode_runs(
    reader: &mut Reader<'_>,
    slots: usize,
    mut set: impl FnMut(std::ops::Range<usize>),
) -> Result<usize, CodecError> {
    let runs = reader.count(slots)?;
    if runs == 0 {
        return Err(CodecError::Malformed("no run where some should be"));
    }
    let mut start = reader.count(slots)?;
    let (mut gaps, mut lengths) = (vec![0; runs - 1], vec![0; runs]);
    if !gaps.is_empty() {
        column::decode(reader, &mut gaps)?;
    }
    column::decode(reader, &mut lengths)?;
    let mut count = 0;
    for (index, length) in lengths.iter().enumerate() {
        let end = bounded(start + 1, *length, slots)?;
        set(start..end);
        count += end - start;
        if let Some(gap) = gaps.get(index) {
            start = bounded(end + 1, *gap, slots)?;
        }
    }
    Ok(count)
}

fn bounded(at: usize, further: i64, slots: usize) -> Result<usize, CodecError> {
    let end = usize::try_from(further).ok().and_then(|further| at.checked_add(further));
    end.filter(|end| *end <= slots).ok_or(CodecError::Malformed("a run beyond the last slot"))
}
