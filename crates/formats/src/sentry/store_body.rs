//! The one event of `/store/`: JSON, or, of the oldest clients, JSON in zlib in base64, which nothing but its looks tells of.

use std::borrow::Cow;
use std::io::Read;

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::read::ZlibDecoder;

use super::json::Malformed;
use super::limits::EVENT_BYTES;

/// With and without `=` at its end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    Malformed(Malformed),
    /// Longer than an event may be, by then or once unpacked.
    TooLarge,
}

pub fn read(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Fault> {
    let bytes = bytes.trim_ascii_start();
    if bytes.is_empty() {
        return Err(Fault::Malformed(Malformed::new(0, "the body is empty: an event is an object of JSON")));
    }
    if is_json(bytes) {
        return within_limit(Cow::Borrowed(bytes));
    }
    let packed = if is_zlib(bytes) { Cow::Borrowed(bytes) } else { Cow::Owned(decode(bytes)?) };
    if is_json(&packed) {
        return within_limit(packed);
    }
    unpack(&packed).map(Cow::Owned)
}

fn is_json(bytes: &[u8]) -> bool {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).starts_with(b"{")
}

/// Deflate with a window of 32 KiB. In base64 the byte is an `x`, and the checksum of the two holds for hardly any letter behind it.
fn is_zlib(bytes: &[u8]) -> bool {
    matches!(bytes, [0x78, flags, ..] if (0x7800 + u32::from(*flags)).is_multiple_of(31) && !flags.is_ascii_alphanumeric())
}

fn within_limit(bytes: Cow<'_, [u8]>) -> Result<Cow<'_, [u8]>, Fault> {
    if bytes.len() > EVENT_BYTES { Err(Fault::TooLarge) } else { Ok(bytes) }
}

fn decode(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    // Packed it is shorter than the event, if it is one.
    if bytes.len() > 2 * EVENT_BYTES {
        return Err(Fault::TooLarge);
    }
    let letters: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let why = |error| format!("neither JSON nor base64: {error}");
    BASE64.decode(letters).map_err(|error| Fault::Malformed(Malformed::new(0, why(error))))
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut event = Vec::new();
    let read = ZlibDecoder::new(packed).take(EVENT_BYTES as u64 + 1).read_to_end(&mut event);
    let why = |error| format!("what base64 holds is neither JSON nor zlib: {error}");
    read.map_err(|error| Fault::Malformed(Malformed::new(0, why(error))))?;
    if event.len() > EVENT_BYTES {
        return Err(Fault::TooLarge);
    }
    // Zlib that is cut off unpacks to what was there.
    if is_json(&event) {
        Ok(event)
    } else {
        Err(Fault::Malformed(Malformed::new(0, "there is no JSON in it")))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut packer = ZlibEncoder::new(Vec::new(), Compression::default());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn events_in_all_their_wrappings() {
        let event = b"{\"message\":\"hello\"}";
        let packed = zlib(event);
        let text = BASE64.encode(&packed);
        let lines: String =
            text.as_bytes().chunks(16).map(|line| format!("{}\r\n", line.escape_ascii())).collect();
        for body in [
            event.to_vec(),
            [&b" \n"[..], event].concat(),
            packed.clone(),
            text.clone().into_bytes(),
            text.trim_end_matches('=').as_bytes().to_vec(),
            lines.into_bytes(),
            BASE64.encode(event).into_bytes(),
        ] {
            assert_eq!(read(&body).as_deref(), Ok(&event[..]), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for body in [&b""[..], b"[1]", b"not base64!", b"aGVsbG8="] {
            assert!(matches!(read(body), Err(Fault::Malformed(_))), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn what_is_too_large_is_not_unpacked_whole() {
        let long = vec![b' '; 8 * EVENT_BYTES];
        assert_eq!(read(BASE64.encode(zlib(&long)).as_bytes()), Err(Fault::TooLarge));
        assert_eq!(read(&[&b"{"[..], &long[..EVENT_BYTES]].concat()), Err(Fault::TooLarge));
        assert_eq!(read(&vec![b'A'; 3 * EVENT_BYTES]), Err(Fault::TooLarge));
    }
}
