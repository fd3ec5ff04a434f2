//! What check_nrpe and nrpe say to each other: one query, one answer, in versions 2, 3 and 4.
//!
//! ```text
//! all      version i16 · type i16 (1 query, 2 answer) · crc32 u32 · result i16
//! v2       … · text 1024 · 2 unused                                     1036 bytes
//! v3, v4   … · alignment i16 · length i32 · text, `length` bytes        a query is filled up to 1036 bytes
//! ```
//!
//! Big-endian; texts end at a zero. The checksum is that of the whole packet with its own field as zero. Version 3
//! counts the length of a query three bytes short, and leaves as many unused behind the text of an answer.

use std::fmt;

use crate::nagios::packet::{CRC, checksum};

const QUERY: u16 = 1;
const ANSWER: u16 = 2;
/// Version, type, checksum, result: the same in all versions.
pub const HEAD_BYTES: usize = 10;
const V2_BYTES: usize = 1036;
const V2_TEXT_BYTES: usize = 1024;
const V3_TEXT: usize = 16;
/// nrpe's own limit of an answer.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    V2 = 2,
    V3 = 3,
    V4 = 4,
}

impl TryFrom<u8> for Version {
    type Error = String;

    fn try_from(number: u8) -> Result<Version, String> {
        match number {
            2 => Ok(Version::V2),
            3 => Ok(Version::V3),
            4 => Ok(Version::V4),
            _ => Err(format!(
                "{number} is no version of NRPE's packets: write 2, 3 or 4, or leave it out to have the server's"
            )),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerError {
    /// There has to be so much in all.
    More(usize),
    Version(u16),
    NoAnswer(u16),
    TooLong(i32),
    Checksum,
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AnswerError::More(bytes) => write!(f, "the answer ends before its {bytes} bytes"),
            AnswerError::Version(version) => {
                write!(f, "the answer has version {version}, so it is not from an NRPE server")
            }
            AnswerError::NoAnswer(kind) => write!(f, "the answer is of type {kind} instead of {ANSWER}"),
            AnswerError::TooLong(bytes) => {
                write!(f, "an answer of {bytes} bytes is announced; {TEXT_BYTES_MAX} are allowed")
            }
            AnswerError::Checksum => f.write_str("the checksum of the answer is wrong"),
        }
    }
}

/// What the server's plugin said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    pub result: i16,
    pub text: &'a [u8],
}

/// The longest query that a version can carry.
pub fn query_bytes_max(version: Version) -> usize {
    match version {
        Version::V2 => V2_TEXT_BYTES - 1,
        Version::V3 | Version::V4 => TEXT_BYTES_MAX - 1,
    }
}

/// A query, for example `check_load!5!10`; it has to fit, and to have no zero in it.
pub fn query(version: Version, command: &str) -> Vec<u8> {
    let text = command.as_bytes();
    let mut bytes = vec![0; V2_BYTES];
    if version == Version::V2 {
        bytes[HEAD_BYTES..][..text.len()].copy_from_slice(text);
    } else {
        let unused = if version == Version::V3 { 3 } else { 0 };
        bytes.resize(V2_BYTES.max(V3_TEXT + text.len() + 1 + unused), 0);
        let length = (bytes.len() - V3_TEXT - unused) as u32;
        bytes[12..V3_TEXT].copy_from_slice(&length.to_be_bytes());
        bytes[V3_TEXT..][..text.len()].copy_from_slice(text);
    }
    bytes[..2].copy_from_slice(&(version as u16).to_be_bytes());
    bytes[2..4].copy_from_slice(&QUERY.to_be_bytes());
    let crc = checksum(&bytes);
    bytes[CRC].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// What has come so far of an answer. [`AnswerError::More`] says how much there has to be before it can be read on.
pub fn answer(bytes: &[u8]) -> Result<Answer<'_>, AnswerError> {
    let two = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    if bytes.len() < HEAD_BYTES {
        return Err(AnswerError::More(HEAD_BYTES));
    }
    let (version, kind) = (two(0), two(2));
    if kind != ANSWER {
        return Err(AnswerError::NoAnswer(kind));
    }
    let text = match version {
        2 => {
            let whole = bytes.get(..V2_BYTES).ok_or(AnswerError::More(V2_BYTES))?;
            let is_right = is_right(whole, 0);
            is_right.then_some(&whole[HEAD_BYTES..V2_BYTES - 2]).ok_or(AnswerError::Checksum)?
        }
        3 | 4 => {
            let head = bytes.get(..V3_TEXT).ok_or(AnswerError::More(V3_TEXT))?;
            let announced = i32::from_be_bytes([head[12], head[13], head[14], head[15]]);
            let length = usize::try_from(announced).unwrap_or(usize::MAX);
            if length > TEXT_BYTES_MAX {
                return Err(AnswerError::TooLong(announced));
            }
            let whole = bytes.get(..V3_TEXT + length).ok_or(AnswerError::More(V3_TEXT + length))?;
            // What version 3 leaves unused is not waited for: it is zero.
            let is_right = is_right(whole, 0) || (version == 3 && is_right(whole, 3));
            is_right.then_some(&whole[V3_TEXT..]).ok_or(AnswerError::Checksum)?
        }
        version => return Err(AnswerError::Version(version)),
    };
    let text = &text[..memchr::memchr(0, text).unwrap_or(text.len())];
    Ok(Answer { result: two(8) as i16, text })
}

fn is_right(bytes: &[u8], zeros: usize) -> bool {
    let mut whole = bytes.to_vec();
    whole.resize(bytes.len() + zeros, 0);
    bytes[CRC] == checksum(&whole).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A query turned into an answer, as a server that echoes would send it.
    fn echo(version: Version, text: &str, result: i16) -> Vec<u8> {
        let mut bytes = query(version, text);
        bytes[2..4].copy_from_slice(&ANSWER.to_be_bytes());
        bytes[8..10].copy_from_slice(&result.to_be_bytes());
        let crc = checksum(&bytes);
        bytes[CRC].copy_from_slice(&crc.to_be_bytes());
        bytes
    }

    #[test]
    fn what_is_asked_can_be_answered() {
        for version in [Version::V2, Version::V3, Version::V4] {
            let bytes = echo(version, "DISK OK | a=1\nlong", 1);
            assert_eq!(answer(&bytes), Ok(Answer { result: 1, text: b"DISK OK | a=1\nlong" }), "{version:?}");
            for cut in 0..bytes.len() - 3 {
                assert!(matches!(answer(&bytes[..cut]), Err(AnswerError::More(more)) if more > cut));
            }
            let mut other = bytes.clone();
            other[20] ^= 1;
            assert_eq!(answer(&other), Err(AnswerError::Checksum));
        }
        let lengths = [Version::V3, Version::V4]
            .map(|version| u32::from_be_bytes(query(version, "x")[12..16].try_into().unwrap()));
        assert_eq!(lengths, [1017, 1020], "as check_nrpe counts them");
    }

    #[test]
    fn long_texts() {
        let long = "x".repeat(5_000);
        for version in [Version::V3, Version::V4] {
            assert_eq!(answer(&echo(version, &long, 0)).unwrap().text, long.as_bytes());
        }
        assert_eq!(query(Version::V2, &"x".repeat(query_bytes_max(Version::V2))).len(), V2_BYTES);
    }

    /// Seen from Debian's nrpe 4.1.0.
    #[test]
    fn as_a_server_answers() {
        let seen = b"\x00\x04\x00\x02\x9e\x9a2>\x00\x01\x00\x00\x00\x00\x00\x0ba|b=1\nlong\x00";
        assert_eq!(answer(seen), Ok(Answer { result: 1, text: b"a|b=1\nlong" }));
    }

    #[test]
    fn what_is_no_answer() {
        assert_eq!(answer(b"HTTP/1.1 400 Bad"), Err(AnswerError::NoAnswer(0x5450)));
        assert_eq!(answer(&query(Version::V4, "x")), Err(AnswerError::NoAnswer(1)));
        assert_eq!(answer(b"\x00\x09\x00\x02aaaaaaaaaaaa"), Err(AnswerError::Version(9)));
        let long = b"\x00\x04\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff\xff\xff";
        assert_eq!(answer(long), Err(AnswerError::TooLong(i32::MAX)));
        let negative = b"\x00\x04\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff";
        assert_eq!(answer(negative), Err(AnswerError::TooLong(-1)));
    }
}
