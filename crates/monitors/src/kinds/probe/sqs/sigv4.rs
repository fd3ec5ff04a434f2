//! Signature Version 4 of Amazon's services, for a POST of JSON without a query. The HMACs are ring's.

use outbound::{Secret, Url};
use ring::{digest, hmac};
use vocabulary::Timestamp;

pub struct Keys {
    pub access: String,
    pub secret: Secret,
}

pub struct Scope<'s> {
    pub region: &'s str,
    pub service: &'s str,
    pub now: Timestamp,
}

const SIGNED: &str = "content-type;host;x-amz-date;x-amz-target";

/// Headers to add.
pub fn sign(
    keys: &Keys,
    scope: &Scope<'_>,
    url: &Url,
    target: &str,
    body: &[u8],
) -> [(&'static str, String); 2] {
    let moment = jiff::Timestamp::from_second(scope.now.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let moment = moment.strftime("%Y%m%dT%H%M%SZ").to_string();
    let day = &moment[..8];
    let path = url.path_and_query();
    let host = url.authority();
    let canonical = format!(
        "POST\n{path}\n\ncontent-type:application/x-amz-json-1.0\nhost:{host}\nx-amz-date:{moment}\nx-amz-target:{target}\n\n\
         {SIGNED}\n{}",
        hash(body)
    );
    let within = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
    let to_sign = format!("AWS4-HMAC-SHA256\n{moment}\n{within}\n{}", hash(canonical.as_bytes()));
    let key = signing_key(&keys.secret, day, scope);
    let signature = hex(mac(key.as_ref(), &to_sign).as_ref());
    let told = format!(
        "AWS4-HMAC-SHA256 Credential={}/{within}, SignedHeaders={SIGNED}, Signature={signature}",
        keys.access
    );
    [("X-Amz-Date", moment), ("Authorization", told)]
}

fn signing_key(secret: &Secret, day: &str, scope: &Scope<'_>) -> hmac::Tag {
    let of_day = mac(format!("AWS4{}", secret.0).as_bytes(), day);
    let of_region = mac(of_day.as_ref(), scope.region);
    let of_service = mac(of_region.as_ref(), scope.service);
    mac(of_service.as_ref(), "aws4_request")
}

fn mac(key: &[u8], text: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes())
}

fn hash(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key that Amazon's documentation derives as its example.
    #[test]
    fn the_key_of_the_documentation() {
        let secret = Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into());
        let scope = Scope { region: "us-east-1", service: "iam", now: Timestamp(0) };
        let key = signing_key(&secret, "20150830", &scope);
        assert_eq!(hex(key.as_ref()), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }
}
