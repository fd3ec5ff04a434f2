//! The address of what is published: nobody guesses one, and one that was withdrawn is never good again.
//!
//! The number of the post-mortem and which publication of it this is (8 bytes each, big endian), then HMAC-SHA256 over
//! those; all in base64 for addresses. It is not kept: it can be made again.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::hmac;

/// 48 bytes in base64.
const LENGTH: usize = 64;

pub fn make(secret: &[u8], id: i64, publication: i64) -> String {
    let mut bytes = [id.to_be_bytes(), publication.to_be_bytes()].concat();
    let seal = hmac::sign(&key(secret), &bytes);
    bytes.extend(seal.as_ref());
    BASE64.encode(bytes)
}

/// (post-mortem, publication), if we have made it.
pub fn read(secret: &[u8], token: &str) -> Option<(i64, i64)> {
    let bytes = (token.len() == LENGTH).then(|| BASE64.decode(token).ok())??;
    let (said, seal) = bytes.split_at_checked(16)?;
    hmac::verify(&key(secret), said, seal).ok()?;
    let (id, publication) = said.split_at(8);
    Some((i64::from_be_bytes(id.try_into().ok()?), i64::from_be_bytes(publication.try_into().ok()?)))
}

fn key(secret: &[u8]) -> hmac::Key {
    // Of the server's one secret each use has a key of its own.
    let own = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"bellwether post-mortem link");
    hmac::Key::new(hmac::HMAC_SHA256, own.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_made_here_is_read() {
        let token = make(b"secret", 12, 3);
        assert_eq!(token.len(), LENGTH);
        assert_eq!(read(b"secret", &token), Some((12, 3)));
        assert_eq!(read(b"other", &token), None);
        for place in 0..token.len() {
            let mut other = token.clone().into_bytes();
            other[place] = if other[place] == b'A' { b'B' } else { b'A' };
            assert_eq!(read(b"secret", &String::from_utf8(other).unwrap()), None, "{place}");
        }
        for nonsense in ["", "A", &"ü".repeat(32), &"A".repeat(LENGTH)] {
            assert_eq!(read(b"secret", nonsense), None, "{nonsense}");
        }
    }
}
