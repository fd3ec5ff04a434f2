//! aes128gcm: a message that only one browser can read (RFC 8291), as one record of RFC 8188.
//!
//! ```text
//! | salt (16) | record size (4) | 65 | our key of this message (65) | what is sealed, 2, tag (16) |
//! ```

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};
use ring::rand::{SecureRandom, SystemRandom};

/// Of P-256, uncompressed.
pub const KEY_BYTES: usize = 65;
pub const AUTH_BYTES: usize = 16;
const SALT_BYTES: usize = 16;
/// One record holds all: services take no more than this.
const RECORD_BYTES: u32 = 4_096;
/// What stands behind the last record's content.
const LAST: u8 = 2;

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// `key` and `auth` as the browser has said.
pub fn sealed(key: &[u8], auth: &[u8], content: &[u8]) -> Result<Vec<u8>, String> {
    let failed = |_| "the keys of the subscription cannot be used".to_owned();
    let random = SystemRandom::new();
    let mut salt = [0; SALT_BYTES];
    random.fill(&mut salt).map_err(failed)?;
    let private = EphemeralPrivateKey::generate(&ECDH_P256, &random).map_err(failed)?;
    let public = private.compute_public_key().map_err(failed)?;
    let theirs = UnparsedPublicKey::new(&ECDH_P256, key);
    let shared = agree_ephemeral(private, &theirs, <[u8]>::to_vec).map_err(failed)?;
    let (content_key, nonce) = keys(&shared, auth, key, public.as_ref(), &salt).map_err(failed)?;

    let mut body = [content, &[LAST]].concat();
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &content_key).map_err(failed)?);
    let nonce = Nonce::assume_unique_for_key(nonce);
    cipher.seal_in_place_append_tag(nonce, Aad::empty(), &mut body).map_err(failed)?;
    let head = [&salt[..], &RECORD_BYTES.to_be_bytes(), &[KEY_BYTES as u8], public.as_ref()].concat();
    Ok([head, body].concat())
}

type Keys = ([u8; 16], [u8; NONCE_LEN]);

fn keys(
    shared: &[u8],
    auth: &[u8],
    theirs: &[u8],
    ours: &[u8],
    salt: &[u8],
) -> Result<Keys, ring::error::Unspecified> {
    let both = [b"WebPush: info\0", theirs, ours].concat();
    let mut material = [0; 32];
    fill(&Salt::new(HKDF_SHA256, auth).extract(shared), &both, &mut material)?;
    let secret = Salt::new(HKDF_SHA256, salt).extract(&material);
    let (mut key, mut nonce) = ([0; 16], [0; NONCE_LEN]);
    fill(&secret, b"Content-Encoding: aes128gcm\0", &mut key)?;
    fill(&secret, b"Content-Encoding: nonce\0", &mut nonce)?;
    Ok((key, nonce))
}

fn fill(secret: &Prk, info: &[u8], out: &mut [u8]) -> Result<(), ring::error::Unspecified> {
    secret.expand(&[info], Length(out.len()))?.fill(out)
}

#[cfg(test)]
pub mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    pub fn receiver() -> (EphemeralPrivateKey, Vec<u8>) {
        let private = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).unwrap();
        let public = private.compute_public_key().unwrap().as_ref().to_vec();
        (private, public)
    }

    /// The example of RFC 8291, section 5 and appendix A: from the shared secret on all is the same for everybody.
    #[test]
    fn c104_keys_are_those_of_the_standard() {
        let read = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let (key, nonce) = keys(
            &read("kyrL1jIIOHEzg3sM2ZWRHDRB62YACZhhSlknJ672kSs"),
            &read("BTBZMqHH6r4Tts7J_aSIgg"),
            &read("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
            &read("BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"),
            &read("DGv6ra1nlYgDCS1FRnbzlw"),
        )
        .unwrap();
        assert_eq!(key.to_vec(), read("oIhVW04MRdy2XN9CiKLxTg"));
        assert_eq!(nonce.to_vec(), read("4h_95klXJ5E_qnoN"));
    }

    #[test]
    fn who_has_the_keys_reads_it() {
        let (private, public) = receiver();
        let auth = [7; AUTH_BYTES];
        let body = sealed(&public, &auth, b"the shop is closed").unwrap();
        let (salt, ours) = (&body[..SALT_BYTES], &body[21..21 + KEY_BYTES]);
        assert_eq!(body[16..20], RECORD_BYTES.to_be_bytes());
        let theirs = UnparsedPublicKey::new(&ECDH_P256, ours);
        let shared = agree_ephemeral(private, &theirs, <[u8]>::to_vec).unwrap();
        let (key, nonce) = keys(&shared, &auth, &public, ours, salt).unwrap();
        let cipher = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
        let mut sealed = body[21 + KEY_BYTES..].to_vec();
        let opened =
            cipher.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed).unwrap();
        assert_eq!(opened, b"the shop is closed\x02");
        assert!(super::sealed(&[4; KEY_BYTES], &auth, b"").is_err(), "no point of the curve");
    }
}
