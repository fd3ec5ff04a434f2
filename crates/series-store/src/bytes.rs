//! Variable-length integers and frames, shared by all files of the store except the pages.
//!
//! A varint holds 7 bits a byte, low bits first, the top bit set on all but the last byte. Signed
//! numbers are zigzagged first. A frame is `len u32 | crc32c u32 | payload`, little endian.

use std::fmt;

/// The bytes are not what the format says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes are not of this format")
    }
}

impl std::error::Error for Malformed {}

#[inline]
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

#[inline]
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

#[inline]
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

pub fn put_signed(out: &mut Vec<u8>, value: i64) {
    put_varint(out, zigzag(value));
}

/// Reads from the front of a slice; every reader checks what is left.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn remaining(&self) -> usize {
        self.bytes.len()
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.bytes.split_at_checked(count).ok_or(Malformed)?;
        self.bytes = rest;
        Ok(taken)
    }

    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.bytes.split_first_chunk::<N>().ok_or(Malformed)?;
        self.bytes = rest;
        Ok(*taken)
    }

    pub fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    pub fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    pub fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    #[inline]
    pub fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0u64;
        for (index, byte) in self.bytes.iter().enumerate().take(10) {
            let shift = 7 * index as u32;
            if index == 9 && *byte > 1 {
                return Err(Malformed);
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                self.bytes = &self.bytes[index + 1..];
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    pub fn signed(&mut self) -> Result<i64, Malformed> {
        self.varint().map(unzigzag)
    }

    /// A varint that must fit a smaller type.
    pub fn small<T: TryFrom<u64>>(&mut self) -> Result<T, Malformed> {
        T::try_from(self.varint()?).map_err(|_| Malformed)
    }
}

pub const FRAME_HEADER: usize = 8;

/// Append one frame around what `fill` writes.
pub fn put_frame(out: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEADER]);
    fill(out);
    let payload = &out[start + FRAME_HEADER..];
    let (length, crc) = (payload.len() as u32, crc32c::crc32c(payload));
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..start + 8].copy_from_slice(&crc.to_le_bytes());
}

/// The payloads of the whole frames at the front of `bytes`, with how many bytes each frame ends at.
/// Stops without a word at the first frame that is cut short or fails its checksum: compare where it
/// stopped with the length.
pub fn frames(bytes: &[u8]) -> impl Iterator<Item = (&[u8], usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (payload, end) = frame_at(bytes, at)?;
        at = end;
        Some((payload, end))
    })
}

/// The frame that starts at `at`, if it is whole and sound. An empty frame is not: zeros are no frame.
pub fn frame_at(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    short_frame_at(bytes, at, usize::MAX)
}

/// The same for frames of at most `longest` bytes: a search for the next sound frame need not look far.
pub fn short_frame_at(bytes: &[u8], at: usize, longest: usize) -> Option<(&[u8], usize)> {
    let mut reader = Reader::new(bytes.get(at..)?);
    let length = Some(reader.u32().ok()? as usize).filter(|length| *length <= longest)?;
    let crc = reader.u32().ok()?;
    let payload = reader.take(length).ok()?;
    (length > 0 && crc32c::crc32c(payload) == crc).then_some((payload, at + FRAME_HEADER + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back() {
        for value in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            let mut reader = Reader::new(&out);
            assert_eq!(reader.varint(), Ok(value));
            assert!(reader.is_empty());
        }
        for value in [0, 1, -1, 63, -64, i64::MAX, i64::MIN] {
            let mut out = Vec::new();
            put_signed(&mut out, value);
            assert_eq!(Reader::new(&out).signed(), Ok(value));
        }
    }

    #[test]
    fn overlong_and_cut_numbers_are_refused() {
        for bad in [&[][..], &[0x80], &[0xff; 10], &[0xff; 11]] {
            assert_eq!(Reader::new(bad).varint(), Err(Malformed), "{bad:?}");
        }
        assert_eq!(Reader::new(&[0xff, 0x01]).small::<u8>(), Ok(255));
        assert_eq!(Reader::new(&[0x80, 0x02]).small::<u8>(), Err(Malformed));
    }

    #[test]
    fn frames_stop_at_the_first_bad_one() {
        let mut bytes = Vec::new();
        put_frame(&mut bytes, |out| out.extend_from_slice(b"one"));
        let first = bytes.len();
        put_frame(&mut bytes, |out| out.extend_from_slice(b"two"));
        let read = |bytes: &[u8]| frames(bytes).map(|(payload, _)| payload.to_vec()).collect::<Vec<_>>();
        assert_eq!(read(&bytes), [b"one".to_vec(), b"two".to_vec()]);
        assert_eq!(read(&bytes[..bytes.len() - 1]), [b"one".to_vec()]);
        bytes[first + FRAME_HEADER] ^= 1;
        assert_eq!(frames(&bytes).last().map(|(_, end)| end), Some(first));
        assert_eq!(read(&[0; 64]), Vec::<Vec<u8>>::new());
    }
}
