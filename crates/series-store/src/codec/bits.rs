//! Bits, low ones first: bit `i` of a stream is bit `i % 8` of byte `i / 8`.

/// The low `width` bits set.
#[inline]
pub(super) fn mask(width: u32) -> u64 {
    if width >= 64 { u64::MAX } else { (1 << width) - 1 }
}

/// Appends to a byte vector. Values must not have bits above their width.
pub(super) struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    word: u64,
    filled: u32,
}

impl<'a> BitWriter<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> BitWriter<'a> {
        BitWriter { out, word: 0, filled: 0 }
    }

    #[inline]
    pub(super) fn put(&mut self, value: u64, width: u32) {
        debug_assert!(value & !mask(width) == 0);
        self.word |= value << self.filled;
        self.filled += width;
        if self.filled >= 64 {
            self.out.extend_from_slice(&self.word.to_le_bytes());
            self.filled -= 64;
            // What did not fit. All 64 bits of a value that started at bit 0 did.
            self.word = if self.filled == 0 { 0 } else { value >> (width - self.filled) };
        }
    }

    /// The last byte is filled up with zeros.
    pub(super) fn finish(self) {
        let bytes = self.filled.div_ceil(8) as usize;
        self.out.extend_from_slice(&self.word.to_le_bytes()[..bytes]);
    }
}

/// Up to 56 bits that start at bit `at`, in the low bits of the result; what lies above them is not
/// cleared. Beyond the end there are zeros.
#[inline]
pub(super) fn peek(bytes: &[u8], at: usize) -> u64 {
    let from = at / 8;
    let word = match bytes.get(from..from + 8) {
        Some(eight) => u64::from_le_bytes(eight.try_into().expect("eight bytes were asked for")),
        None => peek_end(bytes, from),
    };
    word >> (at % 8)
}

#[cold]
fn peek_end(bytes: &[u8], from: usize) -> u64 {
    let tail = bytes.get(from..).unwrap_or_default();
    let mut word = [0; 8];
    word[..tail.len().min(8)].copy_from_slice(&tail[..tail.len().min(8)]);
    u64::from_le_bytes(word)
}

/// Any width up to 64.
#[inline]
pub(super) fn read(bytes: &[u8], at: usize, width: u32) -> u64 {
    if width <= 56 {
        return peek(bytes, at) & mask(width);
    }
    let low = peek(bytes, at) & mask(32);
    low | (peek(bytes, at + 32) & mask(width - 32)) << 32
}
