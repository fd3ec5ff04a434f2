//! Who sends it: a token that is signed by this server's own key, which browsers have subscribed with (RFC 8292).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::json;

use super::subscription::encoded;
use crate::config::Secret;

/// Of the 24 hours that services allow.
const TOKEN_SECONDS: i64 = 12 * 3_600;

const BROKEN: &str = "the key for web push cannot be used";

/// A new key, to be kept as text.
pub fn make() -> Result<Secret, String> {
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
    Ok(Secret::new(STANDARD.encode(made.map_err(|_| "no key could be made")?.as_ref())))
}

fn pair(key: &str) -> Result<EcdsaKeyPair, String> {
    let bytes = STANDARD.decode(key).map_err(|_| BROKEN)?;
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &bytes, &SystemRandom::new())
        .map_err(|_| BROKEN.to_owned())
}

/// What browsers subscribe with.
pub fn public_key(key: &str) -> Result<String, String> {
    Ok(encoded(pair(key)?.public_key().as_ref()))
}

pub fn authorization(key: &str, origin: &str, from: Option<&str>, now: i64) -> Result<String, String> {
    let pair = pair(key)?;
    let mut claims = json!({"aud": origin, "exp": now + TOKEN_SECONDS});
    if let Some(from) = from {
        claims["sub"] = from.into();
    }
    let head = json!({"typ": "JWT", "alg": "ES256"});
    let said = format!("{}.{}", encoded(head.to_string().as_bytes()), encoded(claims.to_string().as_bytes()));
    let signature = pair.sign(&SystemRandom::new(), said.as_bytes()).map_err(|_| BROKEN)?;
    let public = encoded(pair.public_key().as_ref());
    Ok(format!("vapid t={said}.{}, k={public}", encoded(signature.as_ref())))
}

/// For the disk: readable by whoever has the server's own secret.
pub fn seal(key: &Secret, secret: &str) -> Result<Vec<u8>, String> {
    let failed = |_| "the key for web push could not be sealed".to_owned();
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).map_err(failed)?;
    let mut body = key.reveal().as_bytes().to_vec();
    let sealing = cipher(secret).map_err(failed)?;
    sealing
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut body)
        .map_err(failed)?;
    Ok([&nonce[..], &body].concat())
}

/// None: it was sealed with another secret, or is damaged.
pub fn unseal(sealed: &[u8], secret: &str) -> Option<Secret> {
    let (nonce, body) = sealed.split_at_checked(NONCE_LEN)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let mut body = body.to_vec();
    let opened = cipher(secret).ok()?.open_in_place(nonce, Aad::empty(), &mut body).ok()?;
    String::from_utf8(opened.to_vec()).ok().map(Secret::new)
}

fn cipher(secret: &str) -> Result<LessSafeKey, ring::error::Unspecified> {
    let key = digest(&SHA256, format!("web push {secret}").as_bytes());
    UnboundKey::new(&AES_256_GCM, key.as_ref()).map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    #[test]
    fn a_token_says_who_and_for_whom() {
        let key = make().unwrap();
        let said =
            authorization(key.reveal(), "https://push.example", Some("mailto:a@example.org"), 1_000).unwrap();
        let (token, public) = said.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
        assert_eq!(public, public_key(key.reveal()).unwrap());
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let read = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
        let claims: serde_json::Value =
            serde_json::from_slice(&read(signed.split_once('.').unwrap().1)).unwrap();
        assert_eq!(
            claims,
            json!({"aud": "https://push.example", "exp": 1_000 + TOKEN_SECONDS, "sub": "mailto:a@example.org"})
        );
        let known = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, read(public));
        known.verify(signed.as_bytes(), &read(signature)).unwrap();
    }

    #[test]
    fn a_key_is_read_with_the_servers_secret_only() {
        let key = make().unwrap();
        let sealed = seal(&key, "secret").unwrap();
        assert!(unseal(&sealed, "secret").unwrap() == key);
        assert!(unseal(&sealed, "another").is_none() && unseal(&sealed[..5], "secret").is_none());
    }
}
