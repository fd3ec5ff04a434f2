//! What `send_nsca` sends: results of checks, one packet each, behind a greeting of ours.
//!
//! ```text
//! greeting   iv 128 · time u32
//! packet     version i16 = 3 · 2 unused · crc32 u32 · time u32 · status i16 · host 64 · service 128
//!            · output 4096 (512 before NSCA 2.9) · 2 unused          all big-endian; 4304 or 720 bytes
//! ```
//!
//! The time is the greeting's, sent back. Texts end at a zero; behind it is noise. The checksum is that of the whole
//! packet with its own field as zero: with another password it is wrong, and that is all there is of authentication.
//! How packets are encrypted is said by nobody: both ends are configured alike ([`crypt`]).

pub mod crypt;
mod rijndael;

use std::fmt;

use crate::nagios::packet::{CRC, checksum};

pub const IV_BYTES: usize = 128;
pub const GREETING_BYTES: usize = IV_BYTES + 4;
pub const PACKET_BYTES: usize = 4304;
/// Before NSCA 2.9, and from it in its mode for servers of that time.
pub const OLD_PACKET_BYTES: usize = 720;

const VERSION: u16 = 3;
const HOST: usize = 14;
const SERVICE: usize = HOST + 64;
const OUTPUT: usize = SERVICE + 128;
const UNUSED_AT_END: usize = 2;

pub fn greeting(iv: &[u8; IV_BYTES], time: u32) -> [u8; GREETING_BYTES] {
    let mut bytes = [0; GREETING_BYTES];
    bytes[..IV_BYTES].copy_from_slice(iv);
    bytes[IV_BYTES..].copy_from_slice(&time.to_be_bytes());
    bytes
}

/// One result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<'p> {
    pub time: u32,
    pub status: i16,
    pub host: &'p [u8],
    /// Empty: the result is the host's own.
    pub service: &'p [u8],
    pub output: &'p [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketError {
    Length,
    Version(u16),
    /// The checksum is wrong: another password, another method, or a broken packet.
    Checksum,
}

impl fmt::Display for PacketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PacketError::Length => write!(f, "a packet has {PACKET_BYTES} bytes, or {OLD_PACKET_BYTES} before NSCA 2.9"),
            PacketError::Version(version) => write!(
                f,
                "packet version {version} instead of {VERSION}: is the sender's encryption_method or password another than [nsca] method and password?"
            ),
            PacketError::Checksum => f.write_str(
                "the checksum is wrong: is the sender's encryption_method or password another than [nsca] method and password?",
            ),
        }
    }
}

/// The checksum first: it alone tells whether the packet was decrypted to what it was.
pub fn is_whole(bytes: &[u8]) -> bool {
    let Some(crc) = bytes.get(CRC).and_then(|crc| crc.try_into().ok()) else { return false };
    checksum(bytes) == u32::from_be_bytes(crc)
}

/// A packet, decrypted.
pub fn read(bytes: &[u8]) -> Result<Packet<'_>, PacketError> {
    if !matches!(bytes.len(), PACKET_BYTES | OLD_PACKET_BYTES) {
        return Err(PacketError::Length);
    }
    let two = |at: usize| [bytes[at], bytes[at + 1]];
    let version = u16::from_be_bytes(two(0));
    if version != VERSION {
        return Err(PacketError::Version(version));
    }
    if !is_whole(bytes) {
        return Err(PacketError::Checksum);
    }
    let text = |from: usize, to: usize| {
        let field = &bytes[from..to];
        &field[..memchr::memchr(0, field).unwrap_or(field.len())]
    };
    Ok(Packet {
        time: u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]),
        status: i16::from_be_bytes(two(12)),
        host: text(HOST, SERVICE),
        service: text(SERVICE, OUTPUT),
        output: text(OUTPUT, bytes.len() - UNUSED_AT_END),
    })
}

/// A packet before it is encrypted, for tests: texts that are too long are cut.
#[doc(hidden)]
pub fn write(packet: &Packet<'_>, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let mut put = |at: usize, most: usize, text: &[u8]| {
        let text = &text[..text.len().min(most)];
        bytes[at..at + text.len()].copy_from_slice(text);
    };
    put(0, 2, &VERSION.to_be_bytes());
    put(8, 4, &packet.time.to_be_bytes());
    put(12, 2, &packet.status.to_be_bytes());
    put(HOST, 64, packet.host);
    put(SERVICE, 128, packet.service);
    put(OUTPUT, length - UNUSED_AT_END - OUTPUT, packet.output);
    mend(&mut bytes);
    bytes
}

/// The checksum that belongs to it.
#[doc(hidden)]
pub fn mend(bytes: &mut [u8]) {
    let crc = checksum(bytes);
    bytes[CRC].copy_from_slice(&crc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACKET: Packet<'static> =
        Packet { time: 1_700_000_000, status: 2, host: b"web1", service: b"disk", output: b"full | a=1" };

    #[test]
    fn both_lengths_are_read() {
        for length in [PACKET_BYTES, OLD_PACKET_BYTES] {
            let mut bytes = write(&PACKET, length);
            assert_eq!(read(&bytes), Ok(PACKET));
            bytes[300] ^= 1;
            assert_eq!(read(&bytes), Err(PacketError::Checksum));
            bytes[1] = 4;
            assert_eq!(read(&bytes), Err(PacketError::Version(4)));
            assert_eq!(read(&bytes[1..]), Err(PacketError::Length));
        }
    }

    #[test]
    fn texts_end_at_a_zero_or_with_their_field() {
        let long = Packet { host: &[b'h'; 64], service: b"", output: &[b'o'; 512], status: -1, ..PACKET };
        assert_eq!(read(&write(&long, OLD_PACKET_BYTES)), Ok(long));
    }
}
