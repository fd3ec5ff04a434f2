//! Pages: the slots of one series to bytes and back, to the bit.
//!
//! What comes in: slots, NaN (or `None`) where there is no value. What goes out: a page,
//!
//! ```text
//! codec and form of presence (1 byte) | presence | payload | crc32c (4 bytes)
//! ```
//!
//! which `docs/formats/page.md` draws. Neither its length nor the number of slots is in it: the caller
//! keeps both. What never happens here: disk, clocks, knowledge of series.
//!
//! A page costs 6 to 12 bytes beside its values, and a final one about 30 more for what it learnt about
//! them. So let it cover many slots: 2,000 to 10,000 in final blocks, and the whole span of the block
//! where few are present. Reading a part ([`decode_numbers_range`]) does not decode all.
//!
//! | module | holds |
//! |---|---|
//! | [`values`] | which codec suits the values of a page |
//! | [`decimal`], [`near`], [`ratio`], [`dictionary`], [`float`] | values to columns of integers |
//! | [`column`]: [`packed`], [`coded`] | integers to bytes, quickly or shortly |
//! | [`sketch`] | sketches to columns |
//! | [`presence`] | which slots hold a value |
//! | [`rollup`] | finer values to a coarser one, exactly |

mod bits;
mod bytes;
mod coded;
mod column;
mod decimal;
mod dictionary;
mod float;
#[doc(hidden)]
pub mod fuzzing;
mod near;
mod packed;
mod presence;
mod ratio;
mod rollup;
mod sketch;
mod values;

#[cfg(test)]
pub(crate) mod tests;

use std::ops::Range;

use vocabulary::Sketch;

use bytes::Reader;
use column::ColumnScratch;
use presence::{Form, PresenceScratch};
use sketch::SketchScratch;
use values::ValueEncoder;

pub use rollup::rollup;

/// How hard to look for a short form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effort {
    /// For pages that are merged away soon: 5 ns a value.
    Fast,
    /// For pages that stay for years: 15 to 25 ns a value, several times that for what is no decimal.
    Final,
}

/// Why a page cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodecError {
    /// The bytes are not those that were written.
    Checksum,
    /// Written by a newer version.
    UnknownCodec(u8),
    /// The checksum is right, what it covers is not: a bug, or forged.
    Malformed(&'static str),
}

impl std::fmt::Display for CodecError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CodecError::Checksum => f.write_str("the checksum of the page is wrong"),
            CodecError::UnknownCodec(codec) => {
                write!(f, "the page is written with the unknown codec {codec}")
            }
            CodecError::Malformed(what) => write!(f, "the page is malformed: {what}"),
        }
    }
}

impl std::error::Error for CodecError {}

/// Low bits of the first byte; the form of presence is above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Codec {
    /// No slot is present.
    Empty = 0,
    /// All values have the same bits.
    Constant = 1,
    Decimal = 2,
    Near = 3,
    Ratio = 4,
    Dictionary = 5,
    Float = 6,
    Sketch = 7,
}

const CODEC_BITS: u32 = 5;
const CRC_BYTES: usize = 4;

impl Codec {
    fn from_bits(bits: u8) -> Option<Codec> {
        use Codec::*;
        [Empty, Constant, Decimal, Near, Ratio, Dictionary, Float, Sketch].get(usize::from(bits)).copied()
    }
}

/// Makes pages; keeps its memory from one to the next.
pub struct PageEncoder {
    columns: ColumnScratch,
    presence: PresenceScratch,
    values: ValueEncoder,
    present: Vec<f64>,
    sketches: SketchScratch,
}

impl PageEncoder {
    /// `ratios` are those between the steps of the policy's archives: averages over so many values are
    /// multiples of one over them.
    pub fn new(ratios: &[u32]) -> PageEncoder {
        PageEncoder {
            columns: ColumnScratch::default(),
            presence: PresenceScratch::default(),
            values: ValueEncoder::new(ratios),
            present: Vec::new(),
            sketches: SketchScratch::default(),
        }
    }

    /// Appends the page of some slots to `out`; NaN is absent, every other value comes back to the bit.
    pub fn numbers(&mut self, slots: &[f64], effort: Effort, out: &mut Vec<u8>) {
        let start = out.len();
        self.present.clear();
        self.present.extend(slots.iter().filter(|value| !value.is_nan()));
        if self.present.is_empty() {
            out.push(Codec::Empty as u8);
        } else {
            out.push(0);
            let present = slots.iter().map(|value| !value.is_nan());
            let form = presence::encode(&mut self.presence, &mut self.columns, present, effort, out);
            let codec = self.values.encode(&mut self.columns, &self.present, effort, out);
            out[start] = codec as u8 | (form as u8) << CODEC_BITS;
        }
        seal(start, out);
    }

    /// Appends the page of some slots of sketches to `out`.
    pub fn sketches(&mut self, slots: &[Option<Sketch>], effort: Effort, out: &mut Vec<u8>) {
        let start = out.len();
        if slots.iter().all(Option::is_none) {
            out.push(Codec::Empty as u8);
        } else {
            out.push(0);
            let present = slots.iter().map(Option::is_some);
            let form = presence::encode(&mut self.presence, &mut self.columns, present, effort, out);
            out[start] = Codec::Sketch as u8 | (form as u8) << CODEC_BITS;
            let PageEncoder { columns, values, sketches, .. } = self;
            sketches.encode(columns, values, slots.iter().flatten(), effort, out);
        }
        seal(start, out);
    }
}

fn seal(start: usize, out: &mut Vec<u8>) {
    let crc = crc32c::crc32c(&out[start..]);
    out.extend_from_slice(&crc.to_le_bytes());
}

/// Checks the sum; returns codec, form of presence, and what follows the first byte.
fn open(page: &[u8]) -> Result<(Codec, Form, Reader<'_>), CodecError> {
    let (body, crc) = page.split_last_chunk::<CRC_BYTES>().ok_or(CodecError::Checksum)?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*crc) {
        return Err(CodecError::Checksum);
    }
    let mut reader = Reader::new(body);
    let head = reader.byte()?;
    let codec = Codec::from_bits(head & ((1 << CODEC_BITS) - 1)).ok_or(CodecError::UnknownCodec(head))?;
    let form = Form::from_bits(head >> CODEC_BITS).ok_or(CodecError::UnknownCodec(head))?;
    Ok((codec, form, reader))
}

/// Fills `out`, whose length is the number of slots that were encoded; absent slots become NaN.
/// After an error what is in `out` means nothing.
pub fn decode_numbers(page: &[u8], out: &mut [f64]) -> Result<(), CodecError> {
    decode_numbers_range(page, out.len(), 0..out.len(), out)
}

/// The slots `range` of a page of `slots`. The whole page is checked, but only about what is asked for
/// is decoded.
///
/// # Panics
/// If the range is not within the slots or `out` is not as long as it.
pub fn decode_numbers_range(
    page: &[u8],
    slots: usize,
    range: Range<usize>,
    out: &mut [f64],
) -> Result<(), CodecError> {
    assert!(range.end <= slots && range.len() == out.len(), "a range of the page and room for it");
    let (codec, form, mut reader) = open(page)?;
    if codec == Codec::Empty {
        out.fill(f64::NAN);
        return Ok(());
    }
    if form == Form::All {
        return values::decode(codec, &mut reader, slots, range, out);
    }
    out.fill(f64::NAN);
    // Where the wanted values go, and how many come before them.
    let (mut wanted, mut before) = (Vec::new(), 0);
    let count = presence::decode(form, &mut reader, slots, |run| {
        before += run.end.min(range.start).saturating_sub(run.start);
        let (start, end) = (run.start.max(range.start), run.end.min(range.end));
        if start < end {
            wanted.push(start - range.start..end - range.start);
        }
    })?;
    let mut values = vec![0.0; wanted.iter().map(Range::len).sum()];
    let value_range = before..before + values.len();
    values::decode(codec, &mut reader, count, value_range, &mut values)?;
    let mut from = 0;
    for run in wanted {
        let until = from + run.len();
        out[run].copy_from_slice(&values[from..until]);
        from = until;
    }
    Ok(())
}

/// The sketches of a page of so many slots.
pub fn decode_sketches(page: &[u8], slots: usize) -> Result<Vec<Option<Sketch>>, CodecError> {
    let (codec, form, mut reader) = open(page)?;
    let mut out = vec![None; slots];
    match codec {
        Codec::Empty => {}
        Codec::Sketch => {
            let mut present = Vec::new();
            presence::decode(form, &mut reader, slots, |run| present.extend(run))?;
            let sketches = sketch::decode(&mut reader, present.len())?;
            for (at, sketch) in present.into_iter().zip(sketches) {
                out[at] = Some(sketch);
            }
        }
        _ => return Err(CodecError::Malformed("numbers where sketches should be")),
    }
    Ok(out)
}
