//! NEAR: values that are almost whole multiples of 1/D, as sums of decimals are after some thousand
//! roundings: 0.1 + 0.2 is a little above 0.3.
//!
//! `v = n / D + j * 2^e`: beside the column of `n` there is one of the small `j`.

use std::ops::Range;

use super::bytes::{Reader, put_signed};
use super::column::{self, ColumnScratch};
use super::decimal::{Divisor, sample};
use super::{CodecError, Effort};

/// The share of 1/D that a value may be off. Numbers that have nothing to do with 1/D would all be that
/// near to a multiple by a chance of 2^-19 each.
const OFF_MAX: f64 = 1.0 / (1u64 << 20) as f64;
/// What is off is counted in powers of two, of which at most so many.
const COUNT_MAX: f64 = (1u64 << 24) as f64;
/// Powers of two that are normal floats.
const EXPONENTS: Range<i64> = -1_022..1_024;

fn power_of_two(exponent: i64) -> f64 {
    f64::from_bits(((exponent + 1_023) as u64) << 52)
}

/// The exponent of the lowest bit that is set in a float, which is not 0.
fn lowest_bit(value: f64) -> i64 {
    let bits = value.to_bits();
    let (exponent, fraction) = ((bits >> 52 & 0x7ff) as i64, bits & ((1 << 52) - 1));
    exponent.max(1) - 1_075 + i64::from((fraction | u64::from(exponent > 0) << 52).trailing_zeros())
}

#[derive(Default)]
pub(super) struct NearScratch {
    wholes: Vec<i64>,
    off: Vec<f64>,
    counts: Vec<i64>,
}

/// The multiple next to a value, and how far off the value is.
fn near(divisor: Divisor, value: f64) -> Option<(i64, f64)> {
    let whole = divisor.nearest(value)?;
    let off = value - divisor.of(whole);
    divisor.is_far_less_than_a_step(off, OFF_MAX).then_some((whole, off))
}

impl NearScratch {
    pub(super) fn encode(
        &mut self,
        divisors: &[Divisor],
        columns: &mut ColumnScratch,
        values: &[f64],
        effort: Effort,
        out: &mut Vec<u8>,
    ) -> bool {
        let fits = |divisor: &&Divisor| sample(values).all(|value| near(**divisor, *value).is_some());
        let Some(divisor) = divisors.iter().find(fits) else { return false };
        let Some(exponent) = self.fit(*divisor, values) else { return false };
        divisor.write(0, out);
        put_signed(out, exponent);
        column::encode(columns, &self.counts, effort, out);
        column::encode(columns, &self.wholes, effort, out);
        true
    }

    /// Fills the columns; returns the exponent of what `counts` counts.
    fn fit(&mut self, divisor: Divisor, values: &[f64]) -> Option<i64> {
        self.wholes.clear();
        self.off.clear();
        for value in values {
            let (whole, off) = near(divisor, *value)?;
            self.wholes.push(whole);
            self.off.push(off);
        }
        let exponent = self.off.iter().filter(|off| **off != 0.0).map(|off| lowest_bit(*off)).min()?;
        let quantum = power_of_two(Some(exponent).filter(|exponent| EXPONENTS.contains(exponent))?);
        self.counts.clear();
        for ((value, whole), off) in values.iter().zip(&self.wholes).zip(&self.off) {
            let count = off / quantum;
            let back = divisor.of(*whole) + count * quantum;
            if count.abs() > COUNT_MAX || back.to_bits() != value.to_bits() {
                return None;
            }
            self.counts.push(count as i64);
        }
        Some(exponent)
    }
}

pub(super) fn decode(
    reader: &mut Reader<'_>,
    count: usize,
    range: Range<usize>,
    out: &mut [f64],
) -> Result<(), CodecError> {
    let (divisor, _) = Divisor::read(reader)?;
    let exponent = reader.signed()?;
    if !EXPONENTS.contains(&exponent) {
        return Err(CodecError::Malformed("a power of two that is no float"));
    }
    let quantum = power_of_two(exponent);
    let mut counts = vec![0; count];
    column::decode(reader, &mut counts)?;
    let mut wholes = vec![0; range.len()];
    column::decode_range(reader, count, range.clone(), &mut wholes)?;
    for ((slot, whole), count) in out.iter_mut().zip(&wholes).zip(&counts[range]) {
        *slot = divisor.of(*whole) + *count as f64 * quantum;
    }
    Ok(())
}
