//! RATIO: values that are fractions with a small denominator, as the means that statsd sends are.
//!
//! `v = (whole * q + r) / q` with the smallest `q` up to 65,535 that gives `v` back, or a float close by;
//! then a column says how many floats away. Means of floats that were rounded before are such.

use std::ops::Range;

use super::bytes::Reader;
use super::column::{self, ColumnScratch};
use super::decimal::sample;
use super::float::{ordered, unordered};
use super::{CodecError, Effort};

const DENOMINATOR_MAX: i64 = 65_535;
/// Where a numerator, as a float, is exact.
const NUMERATOR_LIMIT: f64 = (1u64 << 53) as f64;
/// Floats that the fraction may be away from the value.
const FLOATS_MAX: i64 = 4;
/// The convergents of a number grow at least as fast as Fibonacci's: the 24th is above 65,535.
const STEPS_MAX: usize = 24;

#[derive(Default)]
pub(super) struct RatioScratch {
    /// Distances, denominators, remainders, wholes.
    columns: [Vec<i64>; 4],
}

/// Distance in floats, denominator, remainder, whole.
fn fraction(value: f64) -> Option<[i64; 4]> {
    let magnitude = value.abs();
    if magnitude >= NUMERATOR_LIMIT {
        return None;
    }
    let wanted = ordered(value, 0);
    let (mut numerator, mut numerator_before) = (1i64, 0i64);
    let (mut denominator, mut denominator_before) = (0i64, 1i64);
    let mut rest = magnitude;
    for _ in 0..STEPS_MAX {
        let part = rest.floor();
        // Beyond, the fraction would be too large anyway; this keeps the products within an i64.
        if part >= NUMERATOR_LIMIT {
            return None;
        }
        let next = (part as i64).checked_mul(numerator)?.checked_add(numerator_before)?;
        (numerator_before, numerator) = (numerator, next);
        let next = (part as i64).checked_mul(denominator)?.checked_add(denominator_before)?;
        (denominator_before, denominator) = (denominator, next);
        if denominator > DENOMINATOR_MAX || numerator as f64 >= NUMERATOR_LIMIT {
            return None;
        }
        let signed = if value.is_sign_negative() { -numerator } else { numerator };
        let distance = wanted.wrapping_sub(ordered(signed as f64 / denominator as f64, 0));
        if (-FLOATS_MAX..=FLOATS_MAX).contains(&distance) {
            return Some([
                distance,
                denominator,
                signed.rem_euclid(denominator),
                signed.div_euclid(denominator),
            ]);
        }
        rest = 1.0 / (rest - part);
    }
    None
}

impl RatioScratch {
    pub(super) fn encode(
        &mut self,
        columns: &mut ColumnScratch,
        values: &[f64],
        effort: Effort,
        out: &mut Vec<u8>,
    ) -> bool {
        if !sample(values).all(|value| fraction(*value).is_some()) {
            return false;
        }
        self.columns.iter_mut().for_each(Vec::clear);
        for value in values {
            let Some(parts) = fraction(*value) else { return false };
            for (column, part) in self.columns.iter_mut().zip(parts) {
                column.push(part);
            }
        }
        for column in &self.columns {
            column::encode(columns, column, effort, out);
        }
        true
    }
}

pub(super) fn decode(
    reader: &mut Reader<'_>,
    count: usize,
    range: Range<usize>,
    out: &mut [f64],
) -> Result<(), CodecError> {
    let mut read = || {
        let mut column = vec![0; count];
        column::decode(reader, &mut column).map(|()| column)
    };
    let (distances, denominators, remainders, wholes) = (read()?, read()?, read()?, read()?);
    for (slot, at) in out.iter_mut().zip(range) {
        let numerator = wholes[at].wrapping_mul(denominators[at]).wrapping_add(remainders[at]);
        let fraction = numerator as f64 / denominators[at] as f64;
        *slot = unordered(ordered(fraction, 0).wrapping_add(distances[at]), 0);
    }
    Ok(())
}
