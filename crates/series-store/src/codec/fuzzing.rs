//! Entries for fuzzers. Nothing in here may panic, whatever the bytes.

use super::{CRC_BYTES, decode_numbers, decode_numbers_range, decode_sketches};

/// Two bytes of slot count, then a page without its checksum, which is added so that what is behind it
/// is reached.
pub fn page(data: &[u8]) {
    let Some((slots, body)) = data.split_first_chunk() else { return };
    let slots = usize::from(u16::from_le_bytes(*slots)) % 4_096;
    let mut page = Vec::with_capacity(body.len() + CRC_BYTES);
    page.extend_from_slice(body);
    page.extend_from_slice(&crc32c::crc32c(body).to_le_bytes());
    let mut out = vec![0.0; slots];
    let whole = decode_numbers(&page, &mut out);
    let part = slots / 3..slots / 2;
    let mut some = vec![0.0; part.len()];
    let partly = decode_numbers_range(&page, slots, part.clone(), &mut some);
    if whole.is_ok() && partly.is_ok() {
        let same = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
        assert!(out[part].iter().zip(&some).all(same), "a part differs from the whole");
    }
    // A few bytes may stand for 150,000 buckets a slot.
    let _ = decode_sketches(&page, slots % 8);
}
