//! How the residuals of a column are distributed: evenly within each of a few segments.
//!
//! A segment is a range of integers with a weight out of 1,024. Reader and writer cut it in the same way
//! into *bins* of a power of two integers, each with its share of the weight.

use crate::codec::CodecError;
use crate::codec::bits::{self, BitWriter};
use crate::codec::bytes::{Reader, from_zigzag, put_signed, zigzag};

/// All weights together.
pub(super) const TOTAL: u32 = 1 << TOTAL_BITS;
pub(super) const TOTAL_BITS: u32 = 10;
/// Segments are counted in a byte's low six bits plus one.
pub(super) const SEGMENTS_MAX: usize = 64;
/// A bin has at least this weight, about, so that sharing a segment's out among its bins is nearly even.
const BIN_WEIGHT: u32 = 8;

/// `first..=first + span`, with `weight` of [`TOTAL`].
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Segment {
    pub(super) first: i64,
    pub(super) span: u64,
    pub(super) weight: u32,
}

/// Segments in rising order, at least one. They may leave gaps, in which no residual is.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Model {
    pub(super) segments: Vec<Segment>,
}

/// `1 << width` integers from `first` on. The last bin of a segment may reach beyond its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bin {
    pub(super) first: i64,
    pub(super) width: u32,
    pub(super) weight: u32,
}

impl Segment {
    pub(super) fn last(&self) -> i64 {
        self.first.wrapping_add(self.span as i64)
    }

    /// Bits of the integers within one bin: as few as leave each bin a fair weight.
    pub(super) fn bin_width(&self) -> u32 {
        let bins_max = u64::from((self.weight / BIN_WEIGHT).max(1));
        let mut width = (64 - self.span.leading_zeros()).saturating_sub(bins_max.ilog2() + 1);
        while self.bins(width) > bins_max {
            width += 1;
        }
        width
    }

    fn bins(&self, width: u32) -> u64 {
        shift_right(self.span, width) + 1
    }

    pub(super) fn cut(&self) -> impl Iterator<Item = Bin> + use<> {
        let Segment { first, span, weight } = *self;
        let width = self.bin_width();
        let bins = self.bins(width);
        // Each bin gets 1, and of what is left its share by the integers of the segment that it holds.
        // Counted in units of 2^coarse integers, so that the products stay within 64 bits.
        let extra = u64::from(weight) - bins;
        let coarse = (64 - span.leading_zeros()).saturating_sub(50);
        let all = (span >> coarse) + 1;
        let mut given = 0;
        (0..bins).map(move |index| {
            let end = if index + 1 == bins { all } else { shift_left(index + 1, width) >> coarse };
            let due = extra * end / all;
            let weight = 1 + due - given;
            given = due;
            Bin { first: first.wrapping_add(shift_left(index, width) as i64), width, weight: weight as u32 }
        })
    }
}

/// Shifts that may be by all 64 bits.
pub(super) fn shift_left(value: u64, by: u32) -> u64 {
    value.checked_shl(by).unwrap_or(0)
}

pub(super) fn shift_right(value: u64, by: u32) -> u64 {
    value.checked_shr(by).unwrap_or(0)
}

/// A number above 0: one bit less zeros than it has bits, then its bits from the top one on. (Elias' gamma code.)
fn put_gamma(writer: &mut BitWriter<'_>, value: u64) {
    let length = value.ilog2() + 1;
    writer.put(0, length - 1);
    writer.put(1, 1);
    writer.put(value & bits::mask(length - 1), length - 1);
}

/// Numbers of more bits than this may be written with their top ones only.
const PRECISE_BITS: u32 = 12;
/// Then they are rounded up to so many ones at their end that this is what is left.
const ROUNDED_BITS: u32 = 10;

/// The number that a span may be rounded up to, if it is long enough.
pub(super) fn rounded_up(span: u64) -> Option<u64> {
    let length = length_of(span);
    (length > PRECISE_BITS).then(|| span | bits::mask(length - ROUNDED_BITS))
}

/// A span: one that is long has a bit before its own that tells whether it is a rounded one.
fn put_span(writer: &mut BitWriter<'_>, span: u64, length_before: &mut u32) {
    let length = length_of(span);
    put_length(writer, length, length_before);
    match rounded_up(span) {
        Some(rounded) if rounded == span => {
            writer.put(1, 1);
            writer.put(span >> (length - ROUNDED_BITS) & bits::mask(ROUNDED_BITS - 1), ROUNDED_BITS - 1);
        }
        long => {
            writer.put(0, u32::from(long.is_some()));
            put_below_top(writer, span, length);
        }
    }
}

fn put_length(writer: &mut BitWriter<'_>, length: u32, before: &mut u32) {
    put_gamma(writer, zigzag(i64::from(length) - i64::from(*before)) + 1);
    *before = length;
}

fn put_below_top(writer: &mut BitWriter<'_>, value: u64, length: u32) {
    writer.put(value & bits::mask(length.saturating_sub(1)), length.saturating_sub(1));
}

fn length_of(value: u64) -> u32 {
    64 - value.leading_zeros()
}

/// Bits that a gap takes, 0 included.
pub(super) fn gap_bits(gap: u64) -> u32 {
    let length = length_of(gap);
    2 * zigzag(i64::from(length)).saturating_add(1).ilog2() + 1 + length.saturating_sub(1)
}

/// Bits that a span takes, besides how many they are.
pub(super) fn span_bits(span: u64) -> u32 {
    match rounded_up(span) {
        Some(rounded) if rounded == span => ROUNDED_BITS,
        long => length_of(span).saturating_sub(1) + u32::from(long.is_some()),
    }
}

/// Bits that a segment of about this span takes: a weight, no gap, a length like the one before, and a
/// span that can be rounded if it is long.
pub(super) fn segment_bits(span: u64) -> u32 {
    TOTAL_BITS + 3 + length_of(span).saturating_sub(1).min(PRECISE_BITS)
}

struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl BitReader<'_> {
    fn take(&mut self, width: u32) -> u64 {
        let value = bits::read(self.bytes, self.at, width);
        self.at += width as usize;
        value
    }

    fn gamma(&mut self) -> Result<u64, CodecError> {
        let zeros = bits::read(self.bytes, self.at, 64).trailing_zeros();
        if zeros >= 63 {
            return Err(CodecError::Malformed("a number of more than 63 bits in the model"));
        }
        self.at += zeros as usize + 1;
        Ok(1 << zeros | self.take(zeros))
    }

    fn length(&mut self, before: &mut u32) -> Result<u32, CodecError> {
        let change = from_zigzag(self.gamma()? - 1);
        let length =
            u32::try_from(i64::from(*before).saturating_add(change)).ok().filter(|length| *length <= 64);
        *before = length.ok_or(CodecError::Malformed("a number of more than 64 bits in the model"))?;
        Ok(*before)
    }

    fn below_top(&mut self, length: u32) -> u64 {
        if length == 0 { 0 } else { 1 << (length - 1) | self.take(length - 1) }
    }

    fn gap(&mut self) -> Result<u64, CodecError> {
        let length = self.length(&mut 0)?;
        Ok(self.below_top(length))
    }

    fn span(&mut self, length_before: &mut u32) -> Result<u64, CodecError> {
        let length = self.length(length_before)?;
        if length > PRECISE_BITS && self.take(1) == 1 {
            let below = length - ROUNDED_BITS;
            return Ok(self.below_top(ROUNDED_BITS) << below | bits::mask(below));
        }
        Ok(self.below_top(length))
    }
}

const WEIGHTS: CodecError = CodecError::Malformed("weights that do not add up");

/// Bits of a weight less one, when it is less than `left`.
fn weight_bits(left: u32) -> u32 {
    left.ilog2() + 1 - u32::from(left.is_power_of_two())
}

impl Model {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.segments.len() as u8 - 1);
        put_signed(out, self.segments[0].first);
        let mut writer = BitWriter::new(out);
        let (mut next, mut left, mut span_length) = (self.segments[0].first, TOTAL, 0);
        for segment in &self.segments {
            let gap = segment.first.wrapping_sub(next) as u64;
            put_length(&mut writer, length_of(gap), &mut 0);
            put_below_top(&mut writer, gap, length_of(gap));
            put_span(&mut writer, segment.span, &mut span_length);
            // The last one's is what is left; the reader knows by then.
            if left > segment.weight {
                writer.put(u64::from(segment.weight - 1), weight_bits(left));
            }
            next = segment.last().wrapping_add(1);
            left -= segment.weight;
        }
        writer.finish();
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Model, CodecError> {
        let count = usize::from(reader.byte()?) + 1;
        if count > SEGMENTS_MAX {
            return Err(CodecError::Malformed("more segments than there may be"));
        }
        let mut next = reader.signed()?;
        let mut bits = BitReader { bytes: reader.rest(), at: 0 };
        let mut segments = Vec::with_capacity(count);
        let (mut left, mut span_length) = (TOTAL, 0);
        for index in 0..count {
            next = next.wrapping_add(bits.gap()? as i64);
            let span = bits.span(&mut span_length)?;
            let weight = if index + 1 < count { bits.take(weight_bits(left)) as u32 + 1 } else { left };
            left =
                left.checked_sub(weight).filter(|left| (*left > 0) == (index + 1 < count)).ok_or(WEIGHTS)?;
            let segment = Segment { first: next, span, weight };
            next = segment.last().wrapping_add(1);
            segments.push(segment);
        }
        reader.take(bits.at.div_ceil(8))?;
        Ok(Model { segments })
    }
}
