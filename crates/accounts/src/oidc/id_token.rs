//! What the provider says, signed with one of its keys (RFC 7515, OpenID Connect Core 3.1.3.7).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};
use serde::Deserialize;
use vocabulary::Timestamp;

use super::{Claims, OidcConfig};
use crate::limits::{CLOCK_SKEW_SECONDS, MAX_ID_TOKEN};

/// The provider's keys, as it publishes them. Kinds that nobody here knows are passed over.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Keys {
    keys: Vec<Key>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

#[derive(Debug, PartialEq)]
pub enum Unbelievable {
    /// Signed with a key that is not among these: the provider may have a new one.
    UnknownKey,
    Because(String),
}

impl From<&str> for Unbelievable {
    fn from(why: &str) -> Unbelievable {
        Unbelievable::Because(why.to_owned())
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    /// Extensions that have to be understood; none is.
    crit: Option<serde_json::Value>,
}

/// How a signature is looked at, by the header's `alg`. `none` and the kinds with a shared secret are not among them.
enum Way {
    Rsa(&'static RsaParameters),
    Curve { name: &'static str, bytes: usize, way: &'static dyn VerificationAlgorithm },
    Edwards,
}

fn way(alg: &str) -> Option<Way> {
    Some(match alg {
        "RS256" => Way::Rsa(&RSA_PKCS1_2048_8192_SHA256),
        "RS384" => Way::Rsa(&RSA_PKCS1_2048_8192_SHA384),
        "RS512" => Way::Rsa(&RSA_PKCS1_2048_8192_SHA512),
        "PS256" => Way::Rsa(&RSA_PSS_2048_8192_SHA256),
        "PS384" => Way::Rsa(&RSA_PSS_2048_8192_SHA384),
        "PS512" => Way::Rsa(&RSA_PSS_2048_8192_SHA512),
        "ES256" => Way::Curve { name: "P-256", bytes: 32, way: &ECDSA_P256_SHA256_FIXED },
        "ES384" => Way::Curve { name: "P-384", bytes: 48, way: &ECDSA_P384_SHA384_FIXED },
        "EdDSA" => Way::Edwards,
        _ => return None,
    })
}

/// Everything that has to hold before a word of it is believed.
pub fn verify(
    token: &str,
    keys: &Keys,
    config: &OidcConfig,
    nonce: &str,
    now: Timestamp,
) -> Result<Claims, Unbelievable> {
    if token.len() > MAX_ID_TOKEN {
        return Err("its word is too long".into());
    }
    let (signed, signature) = token.rsplit_once('.').ok_or("its word is not in three parts")?;
    let (header, payload) = signed.split_once('.').ok_or("its word is not in three parts")?;
    let header: Header = json(header)?;
    let signature = bytes(signature)?;
    if header.crit.is_some() {
        return Err("its signature has extensions that this server does not know".into());
    }
    let way = way(&header.alg).ok_or("its word is not signed in a way that this server believes")?;
    let mut fitting = keys.keys.iter().filter(|key| key.fits(&header, &way)).peekable();
    if fitting.peek().is_none() {
        return Err(Unbelievable::UnknownKey);
    }
    if !fitting.any(|key| key.signed(&way, signed.as_bytes(), &signature)) {
        return Err("the signature of its word is wrong".into());
    }
    let claims = Claims(json(payload)?);
    check(&claims, config, nonce, now)?;
    Ok(claims)
}

fn bytes(part: &str) -> Result<Vec<u8>, Unbelievable> {
    BASE64.decode(part).map_err(|_| "its word cannot be read".into())
}

fn json<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, Unbelievable> {
    serde_json::from_slice(&bytes(part)?).map_err(|_| "its word cannot be read".into())
}

impl Key {
    fn fits(&self, header: &Header, way: &Way) -> bool {
        let kind = match way {
            Way::Rsa(_) => self.kty == "RSA",
            Way::Curve { name, .. } => self.kty == "EC" && self.crv.as_deref() == Some(name),
            Way::Edwards => self.kty == "OKP" && self.crv.as_deref() == Some("Ed25519"),
        };
        kind && (header.kid.is_none() || header.kid == self.kid)
            && self.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && self.alg.as_deref().is_none_or(|alg| alg == header.alg)
    }

    fn signed(&self, way: &Way, text: &[u8], signature: &[u8]) -> bool {
        let part = |part: &Option<String>| BASE64.decode(part.as_deref()?).ok();
        let right = || -> Option<bool> {
            Some(match way {
                Way::Rsa(way) => RsaPublicKeyComponents { n: part(&self.n)?, e: part(&self.e)? }
                    .verify(way, text, signature)
                    .is_ok(),
                Way::Curve { bytes, way, .. } => {
                    let (x, y) = (part(&self.x)?, part(&self.y)?);
                    if x.len() != *bytes || y.len() != *bytes {
                        return None;
                    }
                    let point = [&[4][..], &x, &y].concat();
                    UnparsedPublicKey::new(*way, point).verify(text, signature).is_ok()
                }
                Way::Edwards => {
                    UnparsedPublicKey::new(&ED25519, part(&self.x)?).verify(text, signature).is_ok()
                }
            })
        };
        right().unwrap_or(false)
    }
}

/// Is it from this provider, for us, of this sign-in, and of now?
fn check(claims: &Claims, config: &OidcConfig, nonce: &str, now: Timestamp) -> Result<(), Unbelievable> {
    if claims.text("iss") != Some(&config.issuer) {
        return Err("its word is another provider's".into());
    }
    let audience = claims.texts("aud");
    let others = audience.iter().any(|one| *one != config.client_id);
    let party = claims.text("azp");
    let for_us = audience.contains(&config.client_id.as_str())
        && party.is_none_or(|party| party == config.client_id)
        && !(others && party.is_none());
    if !for_us {
        return Err("its word is for another server, not for auth.oidc.client_id".into());
    }
    if claims.text("nonce") != Some(nonce) {
        return Err("its word belongs to another sign-in".into());
    }
    let until = claims.seconds("exp").ok_or("its word does not say how long it holds")?;
    let since = claims.seconds("iat").ok_or("its word does not say when it was given")?;
    if now.0 as f64 > until + CLOCK_SKEW_SECONDS {
        return Err("its word holds no more: do the clocks of this server and of the provider agree?".into());
    }
    let from =
        if claims.has("nbf") { claims.seconds("nbf").ok_or("its word cannot be read")? } else { since };
    if from.max(since) > now.0 as f64 + CLOCK_SKEW_SECONDS {
        return Err(
            "its word is of the future: do the clocks of this server and of the provider agree?".into()
        );
    }
    match claims.subject() {
        Some(_) => Ok(()),
        None => Err("it does not say who signed in".into()),
    }
}
