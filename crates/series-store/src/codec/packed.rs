//! PACKED: blocks of 64 values, each with the least of its values (or of its differences) and what is
//! above that in as many bits as the largest needs.

use super::CodecError;
use super::bits::{BitWriter, read};
use super::bytes::{Reader, put_signed};

/// Values that share one width.
const BLOCK: usize = 64;
/// Set in a block's head if differences are packed, not values.
const DIFFERENCES: u8 = 0x80;

/// The first value stands alone, so that all differences of the first block are small.
pub(super) fn encode(values: &[i64], out: &mut Vec<u8>) {
    put_signed(out, values[0]);
    let mut previous = values[0];
    for block in values[1..].chunks(BLOCK) {
        pack_block(previous, block, out);
        previous = block[block.len() - 1];
    }
}

fn pack_block(previous: i64, block: &[i64], out: &mut Vec<u8>) {
    let mut differences = [0; BLOCK];
    let mut before = previous;
    for (difference, value) in differences.iter_mut().zip(block) {
        *difference = value.wrapping_sub(before);
        before = *value;
    }
    let differences = &differences[..block.len()];
    let (least, width) = least_and_width(block);
    let (least_difference, difference_width) = least_and_width(differences);
    if difference_width < width {
        out.push(difference_width as u8 | DIFFERENCES);
        put_signed(out, least_difference);
        pack_above(least_difference, difference_width, differences, out);
    } else {
        out.push(width as u8);
        put_signed(out, least.wrapping_sub(previous));
        pack_above(least, width, block, out);
    }
}

fn least_and_width(values: &[i64]) -> (i64, u32) {
    let (mut least, mut most) = (values[0], values[0]);
    for value in values {
        least = least.min(*value);
        most = most.max(*value);
    }
    (least, 64 - (most.wrapping_sub(least) as u64).leading_zeros())
}

fn pack_above(least: i64, width: u32, values: &[i64], out: &mut Vec<u8>) {
    let mut writer = BitWriter::new(out);
    for value in values {
        writer.put(value.wrapping_sub(least) as u64, width);
    }
    writer.finish();
}

pub(super) fn decode(reader: &mut Reader<'_>, out: &mut [i64]) -> Result<(), CodecError> {
    let first = reader.signed()?;
    let Some((head, rest)) = out.split_first_mut() else { return Ok(()) };
    *head = first;
    let mut previous = first;
    for block in rest.chunks_mut(BLOCK) {
        unpack_block(reader, previous, block)?;
        previous = block[block.len() - 1];
    }
    Ok(())
}

fn unpack_block(reader: &mut Reader<'_>, previous: i64, block: &mut [i64]) -> Result<(), CodecError> {
    let head = reader.byte()?;
    let width = u32::from(head & !DIFFERENCES);
    if width > 64 {
        return Err(CodecError::Malformed("a width above 64 bits"));
    }
    let least = reader.signed()?;
    let bits = reader.take((block.len() * width as usize).div_ceil(8))?;
    if head & DIFFERENCES == 0 {
        let least = previous.wrapping_add(least);
        unpack_above(bits, width, block, |above| least.wrapping_add(above as i64));
    } else {
        let mut value = previous;
        unpack_above(bits, width, block, |above| {
            value = value.wrapping_add(least).wrapping_add(above as i64);
            value
        });
    }
    Ok(())
}

#[inline]
fn unpack_above(bits: &[u8], width: u32, block: &mut [i64], mut value: impl FnMut(u64) -> i64) {
    let mut at = 0;
    for slot in block {
        *slot = value(read(bits, at, width));
        at += width as usize;
    }
}
