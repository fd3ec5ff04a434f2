//! SKETCH: the number of buckets of each sketch, then all bucket keys, then all weights.

use vocabulary::Sketch;
use vocabulary::sketch::BucketKey;

use super::bytes::Reader;
use super::column::{self, ColumnScratch};
use super::values::{self, ValueEncoder};
use super::{Codec, CodecError, Effort};

/// Buckets that one sketch can have: `f64::MAX` is near bucket 73,100, and there are two signs.
const BUCKETS_MAX: i64 = 150_000;

#[derive(Default)]
pub(super) struct SketchScratch {
    numbers: Vec<i64>,
    weights: Vec<f64>,
}

impl SketchScratch {
    pub(super) fn encode<'s>(
        &mut self,
        columns: &mut ColumnScratch,
        values: &mut ValueEncoder,
        sketches: impl Iterator<Item = &'s Sketch> + Clone,
        effort: Effort,
        out: &mut Vec<u8>,
    ) {
        self.numbers.clear();
        self.numbers.extend(sketches.clone().map(|sketch| sketch.buckets().len() as i64));
        column::encode(columns, &self.numbers, effort, out);
        fill_key_distances(&mut self.numbers, sketches.clone());
        if self.numbers.is_empty() {
            return;
        }
        column::encode(columns, &self.numbers, effort, out);
        self.weights.clear();
        self.weights.extend(sketches.flat_map(|sketch| sketch.buckets().iter().map(|(_, weight)| *weight)));
        let at = out.len();
        out.push(0);
        out[at] = values.encode(columns, &self.weights, effort, out) as u8;
    }
}

/// The keys of a sketch rise: what is written is how far each is from the one before, and for the first
/// how far it is from the first of the sketch before.
fn fill_key_distances<'s>(distances: &mut Vec<i64>, sketches: impl Iterator<Item = &'s Sketch>) {
    distances.clear();
    let mut first_key = 0;
    for sketch in sketches {
        let mut before = first_key;
        for (index, (BucketKey(key), _)) in sketch.buckets().iter().enumerate() {
            let key = i64::from(*key);
            distances.push(key - before);
            before = key;
            if index == 0 {
                first_key = key;
            }
        }
    }
}

pub(super) fn decode(reader: &mut Reader<'_>, sketches: usize) -> Result<Vec<Sketch>, CodecError> {
    let mut counts = vec![0; sketches];
    column::decode(reader, &mut counts)?;
    if counts.iter().any(|count| !(0..=BUCKETS_MAX).contains(count)) {
        return Err(CodecError::Malformed("a sketch with more buckets than there are"));
    }
    let buckets = counts.iter().sum::<i64>() as usize;
    if buckets == 0 {
        return Ok(vec![Sketch::default(); sketches]);
    }
    let mut distances = vec![0; buckets];
    column::decode(reader, &mut distances)?;
    let mut weights = vec![0.0; buckets];
    let codec =
        Codec::from_bits(reader.byte()?).ok_or(CodecError::Malformed("an unknown codec of weights"))?;
    values::decode(codec, reader, buckets, 0..buckets, &mut weights)?;
    let mut pairs = distances.into_iter().zip(weights);
    let mut first_key = 0;
    counts.into_iter().map(|count| take_sketch(&mut pairs, count as usize, &mut first_key)).collect()
}

fn take_sketch(
    pairs: &mut impl Iterator<Item = (i64, f64)>,
    count: usize,
    first_key: &mut i64,
) -> Result<Sketch, CodecError> {
    let mut buckets = Vec::with_capacity(count);
    let mut key = *first_key;
    for (index, (distance, weight)) in pairs.take(count).enumerate() {
        key = key.wrapping_add(distance);
        if index == 0 {
            *first_key = key;
        }
        let key = i32::try_from(key).map_err(|_| CodecError::Malformed("a bucket that cannot be"))?;
        buckets.push((BucketKey(key), weight));
    }
    Sketch::from_buckets(buckets).ok_or(CodecError::Malformed("buckets that do not rise"))
}
