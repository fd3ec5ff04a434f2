//! A column of integers: what every codec turns its values into.
//!
//! Arithmetic wraps, so that any `i64` may stand in a column, the whole range side by side too.
//! The number of values is not written: the reader knows it. There must be at least one.

use std::ops::Range;

use super::bytes::{Reader, put_signed, put_unsigned};
use super::coded::{self, CodedScratch};
use super::{CodecError, Effort, packed};

const CONSTANT: u8 = 0;
const LINEAR: u8 = 1;
const PACKED: u8 = 2;
const CODED: u8 = 3;
const MULTIPLES: u8 = 4;

/// What a column of multiples takes beside the column of what it multiplies, about.
const MULTIPLES_BITS: u32 = 48;

/// Reusable memory of the encoder.
#[derive(Default)]
pub(super) struct ColumnScratch {
    packed: Vec<u8>,
    quotients: Vec<i64>,
    coded: CodedScratch,
}

pub(super) fn encode(scratch: &mut ColumnScratch, values: &[i64], effort: Effort, out: &mut Vec<u8>) {
    match linear_step(values) {
        Some(0) => {
            out.push(CONSTANT);
            put_signed(out, values[0]);
        }
        Some(step) => {
            out.push(LINEAR);
            put_signed(out, values[0]);
            put_signed(out, step);
        }
        None => scratch.encode_irregular(values, effort, out),
    }
}

/// The step of an arithmetic progression, which one or two values always are.
fn linear_step(values: &[i64]) -> Option<i64> {
    let step = values.get(1).map_or(0, |second| second.wrapping_sub(values[0]));
    values.windows(2).all(|pair| pair[1].wrapping_sub(pair[0]) == step).then_some(step)
}

/// The largest number that divides the distance of all values to the first.
fn common_factor(values: &[i64]) -> u64 {
    let mut factor = 0;
    for value in values {
        factor = greatest_common_divisor(value.wrapping_sub(values[0]).unsigned_abs(), factor);
        if factor == 1 {
            break;
        }
    }
    factor
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

impl ColumnScratch {
    fn encode_irregular(&mut self, values: &[i64], effort: Effort, out: &mut Vec<u8>) {
        let factor = common_factor(values);
        if factor.ilog2() * (values.len() as u32) < MULTIPLES_BITS || factor > i64::MAX as u64 {
            return self.encode_numbers(values, effort, out);
        }
        out.push(MULTIPLES);
        put_signed(out, values[0]);
        put_unsigned(out, factor);
        let mut quotients = std::mem::take(&mut self.quotients);
        quotients.clear();
        quotients.extend(values.iter().map(|value| value.wrapping_sub(values[0]) / factor as i64));
        self.encode_numbers(&quotients, effort, out);
        self.quotients = quotients;
    }

    fn encode_numbers(&mut self, values: &[i64], effort: Effort, out: &mut Vec<u8>) {
        match effort {
            Effort::Fast => {
                out.push(PACKED);
                packed::encode(values, out);
            }
            Effort::Final => self.encode_shortest(values, out),
        }
    }

    fn encode_shortest(&mut self, values: &[i64], out: &mut Vec<u8>) {
        self.packed.clear();
        packed::encode(values, &mut self.packed);
        let start = out.len();
        out.push(CODED);
        if !self.coded.encode(values, self.packed.len(), out) {
            out.truncate(start);
            out.push(PACKED);
            out.extend_from_slice(&self.packed);
        }
    }
}

/// Fills `out`, whose length is the number of values that were encoded.
pub(super) fn decode(reader: &mut Reader<'_>, out: &mut [i64]) -> Result<(), CodecError> {
    decode_range(reader, out.len(), 0..out.len(), out)
}

/// The values in `range` of `count`. The reader stands behind the column afterwards only if all were
/// asked for.
pub(super) fn decode_range(
    reader: &mut Reader<'_>,
    count: usize,
    range: Range<usize>,
    out: &mut [i64],
) -> Result<(), CodecError> {
    match reader.byte()? {
        CONSTANT => {
            out.fill(reader.signed()?);
            Ok(())
        }
        LINEAR => {
            let (first, step) = (reader.signed()?, reader.signed()?);
            for (slot, at) in out.iter_mut().zip(range) {
                *slot = first.wrapping_add(step.wrapping_mul(at as i64));
            }
            Ok(())
        }
        MULTIPLES => {
            let (first, factor) = (reader.signed()?, reader.unsigned()?);
            let kind = reader.byte()?;
            decode_numbers(kind, reader, count, range, out)?;
            for slot in out {
                *slot = first.wrapping_add(slot.wrapping_mul(factor as i64));
            }
            Ok(())
        }
        kind => decode_numbers(kind, reader, count, range, out),
    }
}

fn decode_numbers(
    kind: u8,
    reader: &mut Reader<'_>,
    count: usize,
    range: Range<usize>,
    out: &mut [i64],
) -> Result<(), CodecError> {
    match kind {
        PACKED if range == (0..count) => packed::decode(reader, out),
        PACKED => {
            let mut until_end = vec![0; range.end];
            packed::decode(reader, &mut until_end)?;
            out.copy_from_slice(&until_end[range]);
            Ok(())
        }
        CODED => coded::decode(reader, count, range, out),
        _ => Err(CodecError::Malformed("an unknown kind of column")),
    }
}
