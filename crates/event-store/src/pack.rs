//! Events of one group hardly differ: the first one in a segment is packed as it is, the others against it.

use std::collections::HashMap;
use std::io;

use zstd::zstd_safe::{self, CCtx, CDict, DCtx};

use crate::error::damaged;
use crate::limits::{BODY_BYTES, DICTIONARIES, DICTIONARIES_BYTES, LEVEL_REPEAT, LEVEL_WHOLE, POOR_REPEATS};

/// A dictionary that begins so is one that somebody trained; ours are bare content.
const TRAINED: [u8; 4] = [0x37, 0xa4, 0x30, 0xec];

/// Project and group.
type Group = (u64, u64);

pub struct Packer {
    context: CCtx<'static>,
    known: HashMap<Group, Known>,
    /// Of their bodies.
    bytes: usize,
    uses: u64,
    /// What was packed last. It has room for whatever may come out of a body, which is far more than what does.
    packed: Vec<u8>,
}

/// An event that others of its group are packed against.
struct Known {
    offset: u32,
    content: Content,
    bytes: usize,
    packed_bytes: usize,
    poor: u32,
    used: u64,
}

enum Content {
    /// Most groups of a quiet hour get one event.
    Bare(Vec<u8>),
    Prepared(CDict<'static>),
}

pub struct Packed<'p> {
    pub dictionary: Option<u32>,
    pub bytes: &'p [u8],
}

impl Packer {
    pub fn new() -> Packer {
        Packer { context: CCtx::create(), known: HashMap::new(), bytes: 0, uses: 0, packed: Vec::new() }
    }

    /// `offset` is where the record will stand.
    pub fn pack(&mut self, group: Group, body: &[u8], offset: u32) -> io::Result<Packed<'_>> {
        self.uses += 1;
        self.packed.clear();
        self.packed.reserve(zstd_safe::compress_bound(body.len()));
        let dictionary = self.pack_repeat(group, body)?;
        if dictionary.is_none() {
            self.context.compress(&mut self.packed, body, LEVEL_WHOLE).map_err(failed)?;
            self.remember(group, body, offset, self.packed.len());
        }
        Ok(Packed { dictionary, bytes: &self.packed })
    }

    /// Against what, if it can be.
    fn pack_repeat(&mut self, group: Group, body: &[u8]) -> io::Result<Option<u32>> {
        let Some(known) = self.known.get_mut(&group).filter(|known| known.poor < POOR_REPEATS) else {
            return Ok(None);
        };
        known.used = self.uses;
        self.context.compress_using_cdict(&mut self.packed, body, known.prepared()).map_err(failed)?;
        known.poor = if self.packed.len() * 2 > known.packed_bytes { known.poor + 1 } else { 0 };
        Ok(Some(known.offset))
    }

    fn remember(&mut self, group: Group, body: &[u8], offset: u32, packed_bytes: usize) {
        self.forget(group);
        if body.is_empty() || body.starts_with(&TRAINED) {
            return;
        }
        while self.known.len() >= DICTIONARIES || self.bytes + body.len() > DICTIONARIES_BYTES {
            let oldest = self.known.iter().min_by_key(|(_, known)| known.used).map(|(group, _)| *group);
            let Some(oldest) = oldest else { break };
            self.forget(oldest);
        }
        let content = Content::Bare(body.to_vec());
        self.bytes += body.len();
        let known = Known { offset, content, bytes: body.len(), packed_bytes, poor: 0, used: self.uses };
        self.known.insert(group, known);
    }

    fn forget(&mut self, group: Group) {
        if let Some(known) = self.known.remove(&group) {
            self.bytes -= known.bytes;
        }
    }

    /// What stands there or behind was not written after all.
    pub fn forget_from(&mut self, offset: u64) {
        self.known.retain(|_, known| u64::from(known.offset) < offset);
        self.bytes = self.known.values().map(|known| known.bytes).sum();
    }
}

impl Known {
    /// Prepared at the first repeat.
    fn prepared(&mut self) -> &CDict<'static> {
        if let Content::Bare(body) = &self.content {
            self.content = Content::Prepared(CDict::create(body, LEVEL_REPEAT));
        }
        match &self.content {
            Content::Prepared(dictionary) => dictionary,
            Content::Bare(_) => unreachable!("it was prepared above"),
        }
    }
}

pub struct Unpacker(DCtx<'static>);

impl Unpacker {
    pub fn new() -> Unpacker {
        Unpacker(DCtx::create())
    }

    /// `bytes` is how long the body is said to be.
    pub fn unpack(&mut self, packed: &[u8], dictionary: Option<&[u8]>, bytes: u32) -> io::Result<Vec<u8>> {
        let expected = (bytes as usize).min(BODY_BYTES);
        let mut body = Vec::with_capacity(expected);
        let written = match dictionary {
            Some(dictionary) => self.0.decompress_using_dict(&mut body, packed, dictionary),
            None => self.0.decompress(&mut body, packed),
        };
        match written {
            Ok(length) if length == expected => Ok(body),
            _ => Err(damaged("the body of an event cannot be unpacked")),
        }
    }
}

fn failed(code: usize) -> io::Error {
    io::Error::other(format!("packing an event: {}", zstd_safe::get_error_name(code)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Group = (1, 2);

    /// 100 KB that do not pack, and a short part that differs.
    fn body(n: u64) -> Vec<u8> {
        let mut state = 88_172_645_463_325_252u64;
        let mut bytes: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .take(100_000)
        .collect();
        bytes.extend_from_slice(&n.to_le_bytes());
        bytes
    }

    #[test]
    fn repeats_are_small_and_come_back() {
        let (mut packer, mut unpacker) = (Packer::new(), Unpacker::new());
        let first = packer.pack(HERE, &body(0), 16).unwrap();
        assert_eq!(first.dictionary, None);
        assert_eq!(unpacker.unpack(first.bytes, None, 100_008).unwrap(), body(0));
        for n in 1..20 {
            let packed = packer.pack(HERE, &body(n), 16 + n as u32).unwrap();
            assert_eq!(packed.dictionary, Some(16));
            assert!(packed.bytes.len() < 1_000, "{}", packed.bytes.len());
            assert_eq!(unpacker.unpack(packed.bytes, Some(&body(0)), 100_008).unwrap(), body(n));
        }
        let other = packer.pack((1, 3), &body(0), 2_000).unwrap();
        assert_eq!(other.dictionary, None);
    }

    #[test]
    fn a_group_that_changes_gets_another_dictionary() {
        let mut packer = Packer::new();
        packer.pack(HERE, b"{\"a\":\"short, and long ago\"}", 16).unwrap();
        let later: Vec<_> =
            (0..20).map(|n| packer.pack(HERE, &body(n), 1_000 + n as u32).unwrap().dictionary).collect();
        assert_eq!(later.iter().filter(|dictionary| **dictionary == Some(16)).count(), POOR_REPEATS as usize);
        assert_eq!(later.last(), Some(&Some(1_000 + POOR_REPEATS)));
    }

    #[test]
    fn what_was_not_written_is_no_dictionary() {
        let mut packer = Packer::new();
        packer.pack(HERE, &body(0), 16).unwrap();
        packer.pack((1, 3), &body(0), 5_000).unwrap();
        packer.forget_from(5_000);
        assert_eq!(packer.pack((1, 3), &body(1), 5_000).unwrap().dictionary, None);
        assert_eq!(packer.pack(HERE, &body(1), 6_000).unwrap().dictionary, Some(16));
    }

    #[test]
    fn memory_is_bounded() {
        let mut packer = Packer::new();
        for group in 0..2 * DICTIONARIES as u64 {
            packer.pack((1, group), &body(group)[..1_000], 16).unwrap();
        }
        assert_eq!(packer.known.len(), DICTIONARIES);
        assert_eq!(packer.bytes, DICTIONARIES * 1_000);
    }

    #[test]
    fn what_looks_like_a_trained_dictionary_is_none() {
        let mut packer = Packer::new();
        packer.pack(HERE, &[&TRAINED[..], b"rest"].concat(), 16).unwrap();
        assert_eq!(packer.pack(HERE, b"rest", 20).unwrap().dictionary, None);
    }

    #[test]
    fn what_was_not_packed_is_not_unpacked() {
        let mut unpacker = Unpacker::new();
        assert!(unpacker.unpack(b"nonsense", None, 8).is_err());
        let mut packer = Packer::new();
        let packed = packer.pack(HERE, b"12345678", 16).unwrap();
        assert!(unpacker.unpack(packed.bytes, None, 9).is_err());
        assert!(unpacker.unpack(packed.bytes, None, 2).is_err());
        assert_eq!(unpacker.unpack(packed.bytes, None, 8).unwrap(), b"12345678");
    }
}
