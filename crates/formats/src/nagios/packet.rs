//! What the packets of NRPE and NSCA have both.

use std::ops::Range;

pub const CRC: Range<usize> = 4..8;

/// CRC-32 of a packet whose own field counts as zero.
pub fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&bytes[..CRC.start]);
    crc.update(&[0; 4]);
    crc.update(&bytes[CRC.end..]);
    crc.finalize()
}
