//! DEC: values that are whole multiples of 1/D, for a D such as 100 or 60.
//!
//! `v = n / D` must give `v` back to the bit. Values for which no `n` does (infinities, -0.0, a stray
//! odd one) are exceptions, kept as they are beside the column of `n`, which repeats its last there.

use super::bytes::{Reader, put_unsigned};
use super::column::{self, ColumnScratch};
use super::{CodecError, Effort};

/// What D may hold of ten.
const POWERS: [f64; 7] = [1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0];
const HAS_EXCEPTIONS: u8 = 1 << 3;
const HAS_FACTOR: u8 = 1 << 4;

/// One exception in so many values is taken at most.
const EXCEPTIONS_ONE_IN: usize = 50;
/// What an exception takes: the value and its position.
const EXCEPTION_BITS: usize = 80;
/// Values that a divisor is tried on before all.
const SAMPLE: usize = 16;

/// Numbers below this are found by adding and taking away 1.5 * 2^52, which rounds to whole ones.
const FAST_LIMIT: f64 = (1u64 << 51) as f64;
const ROUNDER: f64 = (3u64 << 51) as f64;
/// Beyond, not every whole number is a float.
const LIMIT: f64 = (1u64 << 53) as f64;

/// D = 10^exponent * factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Divisor {
    exponent: u8,
    factor: u32,
    value: f64,
}

impl Divisor {
    fn new(exponent: u8, factor: u32) -> Option<Divisor> {
        let value = POWERS.get(usize::from(exponent))? * f64::from(factor);
        (factor > 0).then_some(Divisor { exponent, factor, value })
    }

    pub(super) fn of(self, whole: i64) -> f64 {
        whole as f64 / self.value
    }

    /// Is `off` less than this share of the distance between two multiples?
    pub(super) fn is_far_less_than_a_step(self, off: f64, share: f64) -> bool {
        off.abs() * self.value <= share
    }

    /// One byte, and the factor if it is not 1. `flags` go into the byte.
    pub(super) fn write(self, flags: u8, out: &mut Vec<u8>) {
        if self.factor == 1 {
            out.push(self.exponent | flags);
        } else {
            out.push(self.exponent | flags | HAS_FACTOR);
            put_unsigned(out, u64::from(self.factor));
        }
    }

    /// Returns the byte too.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<(Divisor, u8), CodecError> {
        let head = reader.byte()?;
        let factor = if head & HAS_FACTOR == 0 { 1 } else { reader.count(u32::MAX as usize)? as u32 };
        let divisor = Divisor::new(head & 0b111, factor).filter(|_| head >> 5 == 0);
        Ok((divisor.ok_or(CodecError::Malformed("an unknown divisor"))?, head))
    }

    /// The whole number whose multiple is nearest, unless it is too large to be exact.
    pub(super) fn nearest(self, value: f64) -> Option<i64> {
        let scaled = value * self.value;
        let whole = if scaled.abs() < FAST_LIMIT {
            (scaled + ROUNDER).to_bits() as i64 - ROUNDER.to_bits() as i64
        } else if scaled.abs() < LIMIT {
            scaled.round() as i64
        } else {
            return None;
        };
        Some(whole)
    }

    /// The whole number that stands for `value`, if one does to the bit.
    fn whole(self, value: f64) -> Option<i64> {
        self.nearest(value).filter(|whole| self.of(*whole).to_bits() == value.to_bits())
    }

    /// All values at once; false in `fits` where [`Divisor::whole`] has to be asked.
    fn all(self, values: &[f64], wholes: &mut [i64]) -> bool {
        let mut fits = true;
        for (value, whole) in values.iter().zip(wholes) {
            let rounded = value * self.value + ROUNDER;
            *whole = (rounded.to_bits() as i64).wrapping_sub(ROUNDER.to_bits() as i64);
            let back = (rounded - ROUNDER) / self.value;
            fits &= (back.to_bits() == value.to_bits()) & (back.abs() * self.value < FAST_LIMIT);
        }
        fits
    }
}

/// Factors that are tried with every power of ten: seconds of a minute, and what averages of six make.
const FACTORS: [u32; 4] = [1, 6, 60, 360];
/// Factors that are tried alone: KiB and MiB of whole bytes.
const BINARY_FACTORS: [u32; 2] = [1 << 10, 1 << 20];

/// Divisors in rising order, smallest first: the smallest that fits makes the smallest numbers.
pub(super) fn divisors(ratios: &[u32]) -> Vec<Divisor> {
    let factors = FACTORS.iter().chain(ratios).copied();
    let mut all: Vec<Divisor> = factors
        .flat_map(|factor| (0..POWERS.len() as u8).filter_map(move |exponent| Divisor::new(exponent, factor)))
        .chain(BINARY_FACTORS.into_iter().filter_map(|factor| Divisor::new(0, factor)))
        .collect();
    all.sort_by(|a, b| a.value.total_cmp(&b.value));
    all.dedup_by(|a, b| a.value == b.value);
    all
}

#[derive(Default)]
pub(super) struct DecimalScratch {
    wholes: Vec<i64>,
    exceptions: Vec<(i64, f64)>,
    positions: Vec<i64>,
}

impl DecimalScratch {
    /// Writes the payload if a divisor fits all values but a few.
    pub(super) fn encode(
        &mut self,
        divisors: &[Divisor],
        columns: &mut ColumnScratch,
        values: &[f64],
        effort: Effort,
        out: &mut Vec<u8>,
    ) -> bool {
        let Some(divisor) = self.choose(divisors, values) else { return false };
        divisor.write(if self.exceptions.is_empty() { 0 } else { HAS_EXCEPTIONS }, out);
        if !self.exceptions.is_empty() {
            self.put_exceptions(columns, effort, out);
        }
        column::encode(columns, &self.wholes, effort, out);
        true
    }

    /// The smallest divisor that fits; or a larger one that needs no exceptions, if those cost more.
    fn choose(&mut self, divisors: &[Divisor], values: &[f64]) -> Option<Divisor> {
        let first = divisors.iter().position(|divisor| self.fit(*divisor, values))?;
        let smallest = divisors[first];
        if self.exceptions.is_empty() {
            return Some(smallest);
        }
        let bits_for_exceptions = (self.exceptions.len() * EXCEPTION_BITS) as f64;
        let is_cheaper = |divisor: &Divisor| {
            (divisor.value / smallest.value).log2() * values.len() as f64 <= bits_for_exceptions
        };
        for divisor in divisors[first + 1..].iter().take_while(|divisor| is_cheaper(divisor)) {
            if self.fit(*divisor, values) && self.exceptions.is_empty() {
                return Some(*divisor);
            }
        }
        self.fit(smallest, values);
        Some(smallest)
    }

    /// Fills `wholes` and `exceptions`.
    fn fit(&mut self, divisor: Divisor, values: &[f64]) -> bool {
        if !fits_sample(divisor, values) {
            return false;
        }
        self.exceptions.clear();
        self.wholes.resize(values.len(), 0);
        divisor.all(values, &mut self.wholes) || self.fit_with_exceptions(divisor, values)
    }

    fn fit_with_exceptions(&mut self, divisor: Divisor, values: &[f64]) -> bool {
        let allowed = values.len() / EXCEPTIONS_ONE_IN;
        let mut last = 0;
        for (at, value) in values.iter().enumerate() {
            match divisor.whole(*value) {
                Some(whole) => last = whole,
                None => {
                    self.exceptions.push((at as i64, *value));
                    if self.exceptions.len() > allowed {
                        return false;
                    }
                }
            }
            self.wholes[at] = last;
        }
        true
    }

    fn put_exceptions(&mut self, columns: &mut ColumnScratch, effort: Effort, out: &mut Vec<u8>) {
        put_unsigned(out, self.exceptions.len() as u64);
        self.positions.clear();
        self.positions.extend(self.exceptions.iter().map(|(at, _)| *at));
        column::encode(columns, &self.positions, effort, out);
        for (_, value) in &self.exceptions {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
}

/// A few values spread over the page.
pub(super) fn sample(values: &[f64]) -> impl Iterator<Item = &f64> {
    values.iter().step_by((values.len() / SAMPLE).max(1))
}

/// One of the sample may be an exception.
fn fits_sample(divisor: Divisor, values: &[f64]) -> bool {
    let mut may_miss = values.len() >= EXCEPTIONS_ONE_IN;
    sample(values).all(|value| divisor.whole(*value).is_some() || std::mem::take(&mut may_miss))
}

/// The part of the values that `range` names.
pub(super) fn decode(
    reader: &mut Reader<'_>,
    count: usize,
    range: std::ops::Range<usize>,
    out: &mut [f64],
) -> Result<(), CodecError> {
    let (divisor, head) = Divisor::read(reader)?;
    let exceptions = if head & HAS_EXCEPTIONS == 0 { Vec::new() } else { read_exceptions(reader, count)? };
    let mut wholes = vec![0; range.len()];
    column::decode_range(reader, count, range.clone(), &mut wholes)?;
    for (slot, whole) in out.iter_mut().zip(&wholes) {
        *slot = divisor.of(*whole);
    }
    for (at, value) in exceptions {
        if range.contains(&at) {
            out[at - range.start] = value;
        }
    }
    Ok(())
}

fn read_exceptions(reader: &mut Reader<'_>, count: usize) -> Result<Vec<(usize, f64)>, CodecError> {
    let number = reader.count(count)?;
    let mut positions = vec![0; number];
    column::decode(reader, &mut positions)?;
    let bits = reader.take(number * 8)?;
    let values = bits.chunks_exact(8).map(|eight| f64::from_le_bytes(eight.try_into().expect("eight bytes")));
    Ok(positions.into_iter().map(|at| usize::try_from(at).unwrap_or(usize::MAX)).zip(values).collect())
}
