//! Which codec suits the values of a page.

use std::ops::Range;

use super::bytes::Reader;
use super::column::ColumnScratch;
use super::decimal::{DecimalScratch, Divisor};
use super::dictionary::DictionaryScratch;
use super::near::NearScratch;
use super::ratio::RatioScratch;
use super::{Codec, CodecError, Effort, decimal, dictionary, float, near, ratio};

pub(super) struct ValueEncoder {
    divisors: Vec<Divisor>,
    decimal: DecimalScratch,
    near: NearScratch,
    ratio: RatioScratch,
    dictionary: DictionaryScratch,
    numbers: Vec<i64>,
    candidate: Vec<u8>,
}

/// What values that are not decimals may be; `Float` takes what is left.
const NOT_DECIMAL: [Codec; 3] = [Codec::Near, Codec::Ratio, Codec::Dictionary];

impl ValueEncoder {
    pub(super) fn new(ratios: &[u32]) -> ValueEncoder {
        ValueEncoder {
            divisors: decimal::divisors(ratios),
            decimal: DecimalScratch::default(),
            near: NearScratch::default(),
            ratio: RatioScratch::default(),
            dictionary: DictionaryScratch::default(),
            numbers: Vec::new(),
            candidate: Vec::new(),
        }
    }

    /// Appends the payload; there must be at least one value, and no NaN.
    pub(super) fn encode(
        &mut self,
        columns: &mut ColumnScratch,
        values: &[f64],
        effort: Effort,
        out: &mut Vec<u8>,
    ) -> Codec {
        let first = values[0].to_bits();
        if values.iter().all(|value| value.to_bits() == first) {
            put_constant(values[0], out);
            return Codec::Constant;
        }
        if self.decimal.encode(&self.divisors, columns, values, effort, out) {
            return Codec::Decimal;
        }
        match self.encode_shortest(columns, values, effort, out) {
            Some(codec) => codec,
            None => {
                float::encode(&mut self.numbers, columns, values, effort, out);
                Codec::Float
            }
        }
    }

    /// The first of [`NOT_DECIMAL`] that takes the values, or with the final effort the one that makes
    /// the least of them.
    fn encode_shortest(
        &mut self,
        columns: &mut ColumnScratch,
        values: &[f64],
        effort: Effort,
        out: &mut Vec<u8>,
    ) -> Option<Codec> {
        let start = out.len();
        let mut best = None;
        let mut candidate = std::mem::take(&mut self.candidate);
        for codec in NOT_DECIMAL {
            candidate.clear();
            if !self.try_codec(codec, columns, values, effort, &mut candidate) {
                continue;
            }
            if best.is_none() || candidate.len() < out.len() - start {
                out.truncate(start);
                out.extend_from_slice(&candidate);
                best = Some(codec);
            }
            if effort == Effort::Fast {
                break;
            }
        }
        self.candidate = candidate;
        best
    }

    fn try_codec(
        &mut self,
        codec: Codec,
        columns: &mut ColumnScratch,
        values: &[f64],
        effort: Effort,
        out: &mut Vec<u8>,
    ) -> bool {
        match codec {
            Codec::Near => self.near.encode(&self.divisors, columns, values, effort, out),
            Codec::Ratio => self.ratio.encode(columns, values, effort, out),
            _ => self.dictionary.encode(columns, values, effort, out),
        }
    }
}

/// The values in `range` of `count`.
pub(super) fn decode(
    codec: Codec,
    reader: &mut Reader<'_>,
    count: usize,
    range: Range<usize>,
    out: &mut [f64],
) -> Result<(), CodecError> {
    match codec {
        Codec::Constant => {
            out.fill(read_constant(reader.rest())?);
            Ok(())
        }
        Codec::Decimal => decimal::decode(reader, count, range, out),
        Codec::Near => near::decode(reader, count, range, out),
        Codec::Ratio => ratio::decode(reader, count, range, out),
        Codec::Dictionary => dictionary::decode(reader, count, range, out),
        Codec::Float => float::decode(reader, count, range, out),
        Codec::Empty | Codec::Sketch => Err(CodecError::Malformed("no numbers where numbers should be")),
    }
}

/// Big-endian without the zero bytes at its end: 42.0 takes two.
fn put_constant(value: f64, out: &mut Vec<u8>) {
    let bits = value.to_bits();
    let bytes = 8 - bits.trailing_zeros() as usize / 8;
    out.extend_from_slice(&bits.to_be_bytes()[..bytes.min(8)]);
}

fn read_constant(payload: &[u8]) -> Result<f64, CodecError> {
    let mut bytes = [0; 8];
    let used = bytes.get_mut(..payload.len()).ok_or(CodecError::Malformed("a value of more than 8 bytes"))?;
    used.copy_from_slice(payload);
    Ok(f64::from_be_bytes(bytes))
}
