//! What a browser says of itself when it subscribes: where its push service is, and the keys that only it can open with.

use base64::Engine;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use outbound::Url;
use serde::Deserialize;

use super::encrypt::{AUTH_BYTES, KEY_BYTES};

pub struct Subscription {
    pub endpoint: Url,
    /// P-256, uncompressed.
    pub key: Vec<u8>,
    pub auth: Vec<u8>,
}

/// As `PushSubscription.toJSON()` has it.
#[derive(Deserialize)]
struct Written {
    endpoint: String,
    keys: Keys,
}

#[derive(Deserialize)]
struct Keys {
    p256dh: String,
    auth: String,
}

impl Subscription {
    /// The reason says what is wrong, not what was written.
    pub fn read(text: &str) -> Result<Subscription, String> {
        let written: Written =
            serde_json::from_str(text).map_err(|_| "this is no subscription of a browser")?;
        let endpoint = Url::parse(&written.endpoint).map_err(|_| "its `endpoint` is no address")?;
        if !endpoint.is_encrypted() || text.contains('\n') {
            return Err("its `endpoint` is no https address".into());
        }
        let (key, auth) = (decoded(&written.keys.p256dh)?, decoded(&written.keys.auth)?);
        if key.len() != KEY_BYTES || auth.len() != AUTH_BYTES {
            return Err("its keys are not as long as they have to be".into());
        }
        Ok(Subscription { endpoint, key, auth })
    }
}

/// Some browsers write what fills up the last letters, some do not.
fn decoded(text: &str) -> Result<Vec<u8>, String> {
    let engine = if text.ends_with('=') { URL_SAFE } else { URL_SAFE_NO_PAD };
    engine.decode(text).map_err(|_| "its keys are not in base64url".into())
}

pub fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
