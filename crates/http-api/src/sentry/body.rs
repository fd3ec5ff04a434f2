//! The body of a request: read within its bounds, and unpacked as a stream against a cap, so that a bomb is refused when it
//! has grown to the cap and not when it has filled the memory.

use std::io::Read;

use axum::body::Body;
use axum::http::{HeaderMap, StatusCode, header};
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use formats::sentry::limits::REQUEST_BYTES;
use tokio_stream::StreamExt;

use super::answers::Refusal;
use super::limits::{CHUNK_BYTES, USUAL_BYTES, USUALLY_PACKED, WHOLE_WITHIN, ZSTD_WINDOW_LOG};
use super::room::Held;

/// As it was sent.
pub struct Packed {
    bytes: Vec<u8>,
    encoding: Encoding,
    held: Held,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Plain,
    Gzip,
    Deflate,
    Brotli,
    Zstd,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Result<Encoding, Refusal> {
        let said = headers.get(header::CONTENT_ENCODING).map(|said| said.to_str().unwrap_or("?"));
        match said.unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Ok(Encoding::Plain),
            "gzip" | "x-gzip" => Ok(Encoding::Gzip),
            "deflate" => Ok(Encoding::Deflate),
            "br" => Ok(Encoding::Brotli),
            "zstd" => Ok(Encoding::Zstd),
            other => {
                let why = format!("Content-Encoding is `{other}`: send gzip, deflate, br, zstd, or none");
                Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why))
            }
        }
    }
}

pub async fn read(headers: &HeaderMap, body: Body, held: Held) -> Result<Packed, Refusal> {
    let encoding = Encoding::of(headers)?;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > REQUEST_BYTES as u64) {
        return Err(Refusal::too_large("the body", REQUEST_BYTES));
    }
    let whole = tokio::time::timeout(WHOLE_WITHIN, collect(body, held)).await;
    let (bytes, held) = whole.unwrap_or_else(|_| {
        let why = format!("the body was not whole within {} s", WHOLE_WITHIN.as_secs());
        Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, why))
    })?;
    Ok(Packed { bytes, encoding, held })
}

async fn collect(body: Body, mut held: Held) -> Result<(Vec<u8>, Held), Refusal> {
    let mut bytes = Vec::new();
    let mut stream = body.into_data_stream();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| Refusal::bad_request(format!("the body broke off: {error}")))?;
        if bytes.len() + chunk.len() > REQUEST_BYTES {
            return Err(Refusal::too_large("the body", REQUEST_BYTES));
        }
        held.receive(chunk.len())?;
        bytes.extend_from_slice(&chunk);
    }
    Ok((bytes, held))
}

impl Packed {
    /// Once more, which needs as much room as what came.
    pub fn copied(&mut self) -> Result<Vec<u8>, Refusal> {
        self.held.unpack(self.bytes.len())?;
        Ok(self.bytes.clone())
    }

    /// What holds the room goes on to do so until it is dropped.
    pub fn unpack(self, most: usize) -> Result<(Vec<u8>, Held), Refusal> {
        let Packed { bytes, encoding, mut held } = self;
        let unpacked = match encoding {
            Encoding::Plain if bytes.len() > most => return Err(Refusal::too_large("the body", most)),
            Encoding::Plain => return Ok((bytes, held)),
            Encoding::Gzip => pour(MultiGzDecoder::new(&bytes[..]), bytes.len(), most, &mut held)?,
            // The standard means zlib's, and all clients send that; some proxies mean the bare one.
            Encoding::Deflate if is_zlib(&bytes) => {
                pour(ZlibDecoder::new(&bytes[..]), bytes.len(), most, &mut held)?
            }
            Encoding::Deflate => pour(DeflateDecoder::new(&bytes[..]), bytes.len(), most, &mut held)?,
            Encoding::Brotli if is_large_window(&bytes) => {
                return Err(Refusal::bad_request("brotli with a large window is none of HTTP's `br`"));
            }
            Encoding::Brotli => {
                let decoder = brotli_decompressor::Decompressor::new(&bytes[..], CHUNK_BYTES);
                pour(decoder, bytes.len(), most, &mut held)?
            }
            Encoding::Zstd => {
                let broken = |error: std::io::Error| Refusal::bad_request(format!("no zstd: {error}"));
                let mut decoder = zstd::stream::read::Decoder::new(&bytes[..]).map_err(broken)?;
                decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(broken)?;
                pour(decoder, bytes.len(), most, &mut held)?
            }
        };
        Ok((unpacked, held))
    }
}

/// The form in which the sender chooses a window of up to 1 GiB, which the decoder takes from our memory at once. RFC 7932, which
/// is what HTTP calls br, has none above 16 MiB.
fn is_large_window(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first & 0x7f == 0x11)
}

fn is_zlib(bytes: &[u8]) -> bool {
    let [first, second, ..] = bytes else { return false };
    first & 0x0f == 8 && u16::from_be_bytes([*first, *second]).is_multiple_of(31)
}

/// `packed`: how many bytes it is made of.
fn pour(mut decoder: impl Read, packed: usize, most: usize, held: &mut Held) -> Result<Vec<u8>, Refusal> {
    let mut unpacked = Vec::with_capacity((packed * USUALLY_PACKED).clamp(CHUNK_BYTES, USUAL_BYTES));
    loop {
        let chunk = &mut decoder.by_ref().take(CHUNK_BYTES as u64);
        let read = chunk.read_to_end(&mut unpacked).map_err(|error| {
            Refusal::bad_request(format!("the body is not packed as its Content-Encoding says: {error}"))
        })?;
        if read == 0 {
            return Ok(unpacked);
        }
        if unpacked.len() > most {
            return Err(Refusal::too_large("the unpacked body", most));
        }
        held.unpack(read)?;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::Arc;

    use axum::http::HeaderValue;
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use super::super::room::Room;
    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    fn packed(encoding: &'static str, bytes: Vec<u8>) -> Packed {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        let held = Arc::new(Room::default()).hold(HERE, &[]);
        Packed { bytes, encoding: Encoding::of(&headers).unwrap(), held }
    }

    fn unpacked(encoding: &'static str, bytes: Vec<u8>, most: usize) -> Result<Vec<u8>, StatusCode> {
        packed(encoding, bytes).unpack(most).map(|(bytes, _)| bytes).map_err(|refusal| refusal.status)
    }

    #[test]
    fn every_way_of_packing_that_clients_use() {
        let event = b"{\"message\": \"hello hello hello hello\"}".repeat(10);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(&event).unwrap();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(&event).unwrap();
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::fast());
        bare.write_all(&event).unwrap();
        let gzip = gzip.finish().unwrap();
        for (encoding, bytes) in [
            ("identity", event.clone()),
            ("gzip", gzip.clone()),
            ("x-gzip", gzip.clone()),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", bare.finish().unwrap()),
            ("zstd", zstd::stream::encode_all(&event[..], 1).unwrap()),
        ] {
            assert_eq!(unpacked(encoding, bytes, 1 << 20).as_ref(), Ok(&event), "{encoding}");
        }
        assert_eq!(unpacked("gzip", event.clone(), 1 << 20), Err(StatusCode::BAD_REQUEST));
        assert_eq!(unpacked("br", event.clone(), 1 << 20), Err(StatusCode::BAD_REQUEST));
        assert_eq!(unpacked("gzip", gzip, 10), Err(StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(unpacked("identity", event, 10), Err(StatusCode::PAYLOAD_TOO_LARGE));
    }

    #[test]
    fn a_bomb_ends_at_the_cap() {
        let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
        for _ in 0..64 {
            bomb.write_all(&vec![b' '; 1 << 20]).unwrap();
        }
        let room = Arc::new(Room::default());
        let packed =
            Packed { bytes: bomb.finish().unwrap(), encoding: Encoding::Gzip, held: room.hold(HERE, &[]) };
        assert_eq!(packed.unpack(1 << 20).map(|_| ()).unwrap_err().status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(room.held_bytes(), 0);
    }

    /// Lowest bit first, as brotli has them.
    #[derive(Default)]
    struct Bits {
        bytes: Vec<u8>,
        used: usize,
    }

    impl Bits {
        fn put(&mut self, value: usize, count: usize) {
            for at in 0..count {
                if self.used.is_multiple_of(8) {
                    self.bytes.push(0);
                }
                let bit = u8::from((value >> at) & 1 == 1);
                *self.bytes.last_mut().unwrap() |= bit << (self.used % 8);
                self.used += 1;
            }
        }

        /// A code of one symbol, which then takes no bits at all.
        fn only(&mut self, symbol: usize, width: usize) {
            self.put(1, 2);
            self.put(0, 2);
            self.put(symbol, width);
        }

        /// So many spaces, in 13 bytes.
        fn spaces(&mut self, length: usize) {
            const FROM: usize = 22_594;
            const INSERT_FROM: usize = 504;
            self.put(0, 1); // Not the last one,
            self.put(2, 2); // its length in six digits of 16,
            self.put(length - 1, 24);
            self.put(0, 1); // compressed,
            self.put(0, 3); // one type of block of each sort,
            self.put(0, 6); // no distances,
            self.put(0, 2 + 2); // one context, one code.
            self.only(b' '.into(), 8);
            self.only(INSERT_FROM, 10);
            self.only(0, 6);
            self.put(length - FROM, 24);
        }
    }

    fn brotli(lengths: &[usize]) -> Vec<u8> {
        let mut bits = Bits::default();
        bits.put(0, 1);
        lengths.iter().for_each(|length| bits.spaces(*length));
        bits.put(3, 2);
        bits.bytes
    }

    #[test]
    fn a_bomb_of_brotli_ends_at_the_cap() {
        let one = unpacked("br", brotli(&[1 << 21]), 4 << 20).unwrap();
        assert!(one.len() == 1 << 21 && one.iter().all(|byte| *byte == b' '));
        let bomb = brotli(&[1 << 24; 4]);
        assert!(bomb.len() < 100);
        assert_eq!(unpacked("br", bomb, 1 << 20), Err(StatusCode::PAYLOAD_TOO_LARGE));
    }

    #[test]
    fn brotli_with_a_window_of_1_gib_is_refused_before_it_is_made() {
        for bytes in [vec![0x11, 30, 0, 0], vec![0x11], vec![0x91, 30, 0, 0]] {
            let refusal = packed("br", bytes).unpack(1 << 20).map(|_| ()).unwrap_err();
            assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
            assert!(refusal.detail.contains("large window"), "{}", refusal.detail);
        }
    }

    #[test]
    fn an_unknown_encoding_is_named() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("compress"));
        assert!(Encoding::of(&headers).unwrap_err().detail.contains("compress"));
    }
}
