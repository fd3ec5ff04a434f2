//! One sign-in: what the browser is sent to the provider with, and what it has to come back with.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use form_urlencoded::{Serializer, byte_serialize};
use ring::hmac;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use vocabulary::Timestamp;
use vocabulary::settings::Secret;

use super::discovery::with_query;
use super::{Discovery, OidcConfig};
use crate::AccountError;
use crate::secrets::{hashed, random_secret};

/// People look for their telephone and type a code; whoever was away begins again.
pub const ATTEMPT_SECONDS: i64 = 600;
/// Of a path of ours, which is kept in a cookie: those have 4 kB.
const LONGEST_NEXT: usize = 2_000;
/// Of HMAC-SHA256, in bytes.
const SEAL: usize = 32;
const PURPOSE: &[u8] = b"bellwether sign-in attempt";

/// What cookies of attempts are sealed with, and nothing else: of the server's one secret each use has a key of its own.
#[derive(Clone)]
pub struct AttemptKey(hmac::Key);

impl AttemptKey {
    pub fn of(secret: &[u8]) -> AttemptKey {
        let own = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), PURPOSE);
        AttemptKey(hmac::Key::new(hmac::HMAC_SHA256, own.as_ref()))
    }
}

/// Kept by the browser that began it, and by nobody else: what comes back to another browser is not for it. It is no
/// secret before its owner, and worth nothing without the provider's word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    state: String,
    nonce: String,
    verifier: String,
    begun: i64,
    /// Where to go then: a path of ours.
    next: String,
}

/// What the provider's token endpoint is sent.
pub struct CodeQuestion {
    pub form: String,
    /// The header `Authorization`.
    pub authorization: Option<Secret>,
}

/// What it answers.
#[derive(Deserialize)]
pub struct Tokens {
    pub id_token: String,
    pub access_token: Option<String>,
}

impl Attempt {
    pub fn begin(next: &str, now: Timestamp) -> Result<Attempt, AccountError> {
        let random = || random_secret().map_err(|error| AccountError::Refused(error.to_string()));
        Ok(Attempt {
            state: random()?,
            nonce: random()?,
            verifier: random()?,
            begun: now.0,
            next: own_path(next).to_owned(),
        })
    }

    /// As a cookie keeps it: itself and its seal.
    pub fn sealed(&self, key: &AttemptKey) -> Result<String, AccountError> {
        let mut bytes = serde_json::to_vec(self).map_err(|error| AccountError::Refused(error.to_string()))?;
        let seal = hmac::sign(&key.0, &bytes);
        bytes.extend(seal.as_ref());
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// None: this server did not make it, or it has ended. Nothing of it is read before its seal is known to be right, so
    /// that neither a neighbour nor a program chooses by what name tries are counted, or where somebody goes then.
    pub fn opened(sealed: &str, key: &AttemptKey, now: Timestamp) -> Option<Attempt> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (said, seal) = bytes.split_at_checked(bytes.len().checked_sub(SEAL)?)?;
        hmac::verify(&key.0, said, seal).ok()?;
        let attempt: Attempt = serde_json::from_slice(said).ok()?;
        let age = now.0.checked_sub(attempt.begun)?;
        (0..=ATTEMPT_SECONDS).contains(&age).then_some(attempt)
    }

    /// Where the browser goes now.
    pub fn question(&self, discovery: &Discovery, config: &OidcConfig, back: &str) -> String {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.as_bytes()));
        let query = Serializer::new(String::new())
            .append_pair("response_type", "code")
            .append_pair("client_id", &config.client_id)
            .append_pair("redirect_uri", back)
            .append_pair("scope", &config.scopes.join(" "))
            .append_pair("state", &self.state)
            .append_pair("nonce", &self.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256")
            .finish();
        with_query(&discovery.authorization_endpoint, &query)
    }

    /// Is it this one that the browser comes back from? Takes as long for every other.
    pub fn is(&self, state: &str) -> bool {
        hashed(&self.state) == hashed(state)
    }

    /// What the attempt is called where tries are counted.
    pub fn id(&self) -> &str {
        &self.state
    }

    pub fn nonce(&self) -> &str {
        &self.nonce
    }

    pub fn next(&self) -> &str {
        &self.next
    }

    pub fn redeem(&self, discovery: &Discovery, config: &OidcConfig, code: &str, back: &str) -> CodeQuestion {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", back)
            .append_pair("code_verifier", &self.verifier);
        let secret = config.client_secret.as_ref();
        let authorization = secret.filter(|_| discovery.takes_basic()).map(|secret| {
            // RFC 6749, 2.3.1: both are encoded as in forms before they are joined.
            let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
            let pair = format!("{}:{}", encoded(&config.client_id), encoded(secret.reveal()));
            Secret::new(format!("Basic {}", STANDARD.encode(pair)))
        });
        if authorization.is_none() {
            form.append_pair("client_id", &config.client_id);
            secret.into_iter().for_each(|secret| {
                form.append_pair("client_secret", secret.reveal());
            });
        }
        CodeQuestion { form: form.finish(), authorization }
    }
}

/// Whoever sends a link to the sign-in must not choose another site to go to from there. Browsers read `\` as `/`.
fn own_path(next: &str) -> &str {
    let own = next.starts_with('/')
        && !next[1..].starts_with(['/', '\\'])
        && next.len() <= LONGEST_NEXT
        && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if own { next } else { "/" }
}
