//! CODED: integers in as few bits as their distribution allows.
//!
//! What is coded are the values themselves, their differences, or the differences of those (the order);
//! [`model`] describes how these residuals are distributed, [`rans`] turns them into bits by it. Groups of
//! 512 values can be read on their own, and four of them are read at the same time.

mod fit;
mod model;
mod rans;

use std::ops::Range;

use super::CodecError;
use super::bytes::{Reader, put_signed};
use fit::Fit;
use model::Model;
use rans::{DecodeTable, Encoder};

/// Values of a group are 512 times a power of two up to this exponent.
const GROUP_MIN: usize = 512;
const GROUP_EXPONENT_MAX: u8 = 4;
/// A group is doubled until it is about this long: what it costs of its own, 5 bytes, is then 1 %.
const GROUP_BITS: usize = 480 * 8;
/// Groups whose states are followed at the same time.
const LANES: usize = 4;
/// Fewer values are not worth a model.
const VALUES_MIN: usize = 24;

/// How often values are subtracted from their predecessors.
const ORDERS: usize = 3;
const ORDER_BITS: u32 = 2;

/// Reusable memory of the encoder.
#[derive(Default)]
pub(super) struct CodedScratch {
    residuals: Vec<i64>,
    fit: Fit,
    model: Model,
    encoder: Encoder,
}

impl CodedScratch {
    /// Appends the column if it takes fewer bytes than `at_most`; else `out` may hold anything behind
    /// its former end.
    pub(super) fn encode(&mut self, values: &[i64], at_most: usize, out: &mut Vec<u8>) -> bool {
        if values.len() < VALUES_MIN {
            return false;
        }
        let order = self.choose_order(values);
        self.residuals.clear();
        push_residuals(values, order, &mut self.residuals);
        let bits = self.fit.fit(&self.residuals, &mut self.model);
        if bits / 8 >= at_most {
            return false;
        }
        let exponent = group_exponent(values.len(), bits);
        let group_len = GROUP_MIN << exponent;
        let start = out.len();
        out.push(order as u8 | exponent << ORDER_BITS);
        self.model.write(out);
        self.encoder.prepare(&self.model);
        let mut starts = [0; ORDERS];
        let mut length = 0;
        for group in values.chunks(group_len) {
            put_start(group, order, &mut starts, out);
            self.residuals.clear();
            push_residuals(group, order, &mut self.residuals);
            let stream = self.encoder.encode(&self.residuals);
            put_signed(out, stream.len() as i64 - length);
            length = stream.len() as i64;
            out.extend_from_slice(stream);
        }
        out.len() - start < at_most
    }

    /// The order whose residuals look shortest in a sample.
    fn choose_order(&mut self, values: &[i64]) -> usize {
        let mut best = (f32::INFINITY, 0);
        for order in 0..ORDERS {
            fill_sample(values, order, &mut self.residuals);
            let bits = self.fit.bits_each(&mut self.residuals);
            if bits < best.0 {
                best = (bits, order);
            }
        }
        best.1
    }
}

/// What a group needs to be decoded on its own: its first value, and its first difference. Written as
/// differences to the group before.
fn put_start(group: &[i64], order: usize, before: &mut [i64; ORDERS], out: &mut Vec<u8>) {
    let mut differences = [0; ORDERS];
    let differences = &mut differences[..order.min(group.len())];
    differences.copy_from_slice(&group[..differences.len()]);
    for level in 1..differences.len() {
        for at in (level..differences.len()).rev() {
            differences[at] = differences[at].wrapping_sub(differences[at - 1]);
        }
    }
    for (difference, before) in differences.iter().zip(before) {
        put_signed(out, difference.wrapping_sub(*before));
        *before = *difference;
    }
}

fn group_exponent(values: usize, bits: usize) -> u8 {
    let long_enough = |exponent: &u8| (GROUP_MIN << exponent) * bits >= GROUP_BITS * values;
    (0..GROUP_EXPONENT_MAX).find(long_enough).unwrap_or(GROUP_EXPONENT_MAX)
}

fn push_residuals(run: &[i64], order: usize, residuals: &mut Vec<i64>) {
    match order {
        0 => residuals.extend_from_slice(run),
        1 => residuals.extend(run.windows(2).map(|w| w[1].wrapping_sub(w[0]))),
        _ => residuals
            .extend(run.windows(3).map(|w| w[2].wrapping_sub(w[1]).wrapping_sub(w[1].wrapping_sub(w[0])))),
    }
}

/// Runs of values from all over the column.
fn fill_sample(values: &[i64], order: usize, residuals: &mut Vec<i64>) {
    const RUN: usize = 32;
    const RUNS: usize = 8;
    residuals.clear();
    for run in values.chunks(values.len().div_ceil(RUNS).max(RUN)) {
        push_residuals(&run[..run.len().min(RUN)], order, residuals);
    }
}

/// A group that is to be decoded.
struct Group<'a> {
    values: Range<usize>,
    start: [i64; ORDERS],
    stream: &'a [u8],
}

/// The values in `range` of `count`.
pub(super) fn decode(
    reader: &mut Reader<'_>,
    count: usize,
    range: Range<usize>,
    out: &mut [i64],
) -> Result<(), CodecError> {
    let head = reader.byte()?;
    let (order, exponent) = (usize::from(head & ((1 << ORDER_BITS) - 1)), head >> ORDER_BITS);
    if order >= ORDERS || exponent > GROUP_EXPONENT_MAX {
        return Err(CodecError::Malformed("an unknown order or size of groups"));
    }
    let group_len = GROUP_MIN << exponent;
    let model = Model::read(reader)?;
    let table = DecodeTable::new(&model);
    let wanted = range.start / group_len..range.end.div_ceil(group_len);
    let (mut start, mut length) = ([0i64; ORDERS], 0i64);
    let mut groups: Vec<Group<'_>> = Vec::with_capacity(wanted.len());
    for index in 0..wanted.end {
        let values = index * group_len..((index + 1) * group_len).min(count);
        for level in &mut start[..order.min(values.len())] {
            *level = level.wrapping_add(reader.signed()?);
        }
        length = length.wrapping_add(reader.signed()?);
        let stream = reader.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        if index >= wanted.start {
            groups.push(Group { values, start, stream });
        }
    }
    decode_groups(&table, order, &groups, &range, out);
    Ok(())
}

fn decode_groups(
    table: &DecodeTable,
    order: usize,
    groups: &[Group<'_>],
    range: &Range<usize>,
    out: &mut [i64],
) {
    let Some(longest) = groups.iter().map(|group| group.values.len()).max() else { return };
    let mut residuals = vec![0; groups.len().min(LANES) * longest];
    let mut left = groups;
    while let Some(first) = left.first() {
        let len = first.values.len();
        let alike = left.iter().take_while(|group| group.values.len() == len).count();
        let lanes = if alike >= LANES { LANES } else { alike.min(2) };
        let (now, later) = left.split_at(lanes);
        match lanes {
            LANES => decode_lanes::<LANES>(table, order, now, &mut residuals),
            2 => decode_lanes::<2>(table, order, now, &mut residuals),
            _ => decode_lanes::<1>(table, order, now, &mut residuals),
        }
        for (group, residuals) in now.iter().zip(residuals.chunks_exact_mut(len)) {
            deliver(order, group, residuals, range, out);
        }
        left = later;
    }
}

fn decode_lanes<const N: usize>(
    table: &DecodeTable,
    order: usize,
    groups: &[Group<'_>],
    residuals: &mut [i64],
) {
    let len = groups[0].values.len();
    let mut lanes = residuals.chunks_exact_mut(len);
    let lanes = std::array::from_fn(|_| {
        let lane = lanes.next().expect("there is room for as many lanes as groups");
        &mut lane[order.min(len)..]
    });
    rans::decode::<N>(table, std::array::from_fn(|lane| groups[lane].stream), lanes);
}

/// Adds the residuals up and copies what is in the range.
fn deliver(order: usize, group: &Group<'_>, residuals: &mut [i64], range: &Range<usize>, out: &mut [i64]) {
    let levels = order.min(residuals.len());
    residuals[..levels].copy_from_slice(&group.start[..levels]);
    for level in (0..levels).rev() {
        let mut sum = residuals[level];
        for residual in &mut residuals[level + 1..] {
            sum = sum.wrapping_add(*residual);
            *residual = sum;
        }
    }
    let (from, until) = (group.values.start.max(range.start), group.values.end.min(range.end));
    out[from - range.start..until - range.start]
        .copy_from_slice(&residuals[from - group.values.start..until - group.values.start]);
}
