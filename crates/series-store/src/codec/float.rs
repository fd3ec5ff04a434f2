//! FLOAT: the bits of the values themselves, as integers in the order of the values.
//!
//! Low bits that are zero in all values (floats that came from 32 bits, or small binary fractions)
//! are left out.

use super::bytes::Reader;
use super::column::{self, ColumnScratch};
use super::{CodecError, Effort};

const SIGN: u64 = 1 << 63;

/// Sign and magnitude to a number: positive floats count up from 0, negative ones down from -1.
pub(super) fn ordered(value: f64, shift: u32) -> i64 {
    let bits = value.to_bits();
    let magnitude = ((bits & !SIGN) >> shift) as i64;
    if bits & SIGN == 0 { magnitude } else { !magnitude }
}

pub(super) fn unordered(number: i64, shift: u32) -> f64 {
    let (magnitude, sign) = if number < 0 { (!number, SIGN) } else { (number, 0) };
    f64::from_bits(((magnitude as u64) << shift) & !SIGN | sign)
}

pub(super) fn encode(
    numbers: &mut Vec<i64>,
    columns: &mut ColumnScratch,
    values: &[f64],
    effort: Effort,
    out: &mut Vec<u8>,
) {
    let used = values.iter().fold(0, |used, value| used | value.to_bits() & !SIGN);
    let shift = used.trailing_zeros().min(52);
    numbers.clear();
    numbers.extend(values.iter().map(|value| ordered(*value, shift)));
    out.push(shift as u8);
    column::encode(columns, numbers, effort, out);
}

pub(super) fn decode(
    reader: &mut Reader<'_>,
    count: usize,
    range: std::ops::Range<usize>,
    out: &mut [f64],
) -> Result<(), CodecError> {
    let shift = u32::from(reader.byte()?);
    if shift > 52 {
        return Err(CodecError::Malformed("a shift above 52 bits"));
    }
    let mut numbers = vec![0; range.len()];
    column::decode_range(reader, count, range, &mut numbers)?;
    for (slot, number) in out.iter_mut().zip(&numbers) {
        *slot = unordered(*number, shift);
    }
    Ok(())
}
