//! What providers post to us: is it theirs, and what does it say? Whoever is reached from outside need not ask them.
//!
//! An old event is no answer: what was done before the latest page is nobody's deed, so an event that is sent again says
//! nothing new.

use hyper::header::HeaderMap;
use incidents::{Answer, Desk, Handle};
use ring::hmac;

use crate::channels::{self, Said};
use crate::config::{ChannelConfig, ChannelType, Secret, read_secret};
use crate::limits::{CLOCKS_DIFFER_SECONDS, POSTED_AGE_SECONDS};
use crate::listening;

/// One request, in the name of a channel's provider.
pub struct Posted<'p> {
    pub headers: &'p HeaderMap,
    pub body: &'p [u8],
    /// Seconds since 1970.
    pub now: i64,
}

#[derive(Debug, PartialEq, Eq)]
pub enum NotHeard {
    /// There is no such channel, or none that is posted to.
    Unknown,
    /// Whoever posted it did not sign it as the provider does.
    NotTheirs(&'static str),
    Garbled(String),
    /// It could not be read whose it is: to be sent again.
    NotNow(String),
}

/// What a type of channel reads of it.
pub type Reads = fn(&Secret, &Posted<'_>, &[Handle]) -> Result<Vec<Said>, NotHeard>;

/// What people did there. The answers are to be carried out by whoever asks.
pub fn hear(
    all: &[ChannelConfig],
    desk: &Desk,
    name: &str,
    posted: &Posted<'_>,
) -> Result<Vec<Answer>, NotHeard> {
    let channel = all.iter().find(|channel| channel.name == name).ok_or(NotHeard::Unknown)?;
    let reads = channels::of(channel.kind).posted.ok_or(NotHeard::Unknown)?;
    let secret = read_secret(&channel.secret, &channel.secret_file).map_err(NotHeard::NotNow)?;
    let secret = secret.filter(|secret| !secret.reveal().is_empty()).ok_or(NotHeard::Unknown)?;
    let open = desk.answerable(name).map_err(|error| NotHeard::NotNow(error.to_string()))?;
    let said = reads(&secret, posted, &open)?;
    Ok(said.into_iter().filter_map(|said| listening::answer(desk, &open, &said, i64::MIN).ok()).collect())
}

/// The page that it answers, if it was done after that page, and lately.
pub fn answered<'h>(open: &'h [Handle], handle: &str, at: i64, now: i64) -> Option<&'h Handle> {
    let newest = open.iter().find(|one| one.handle == handle)?;
    (at >= newest.at - CLOCKS_DIFFER_SECONDS && at >= now - POSTED_AGE_SECONDS).then_some(newest)
}

/// `v1=HEX,v1=HEX`: one for each secret that the provider has of us; one has to be right.
pub fn is_signed(secret: &Secret, signatures: &str, body: &[u8]) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.reveal().as_bytes());
    let mut tags = signatures.split(',').filter_map(|one| of_hex(one.trim().strip_prefix("v1=")?));
    tags.any(|tag| hmac::verify(&key, body, &tag).is_ok())
}

/// Takes as long for any other text.
pub fn is_same(secret: &Secret, given: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"the same");
    let tag = hmac::sign(&key, secret.reveal().as_bytes());
    hmac::verify(&key, given.as_bytes(), tag.as_ref()).is_ok()
}

fn of_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).ok());
    digits.map(|two| u8::from_str_radix(two.filter(|two| two.len() == 2)?, 16).ok()).collect()
}

/// Was this form posted to this address by whoever calls for one of the channels? None: no channel calls anybody.
pub fn is_of_telephone(
    all: &[ChannelConfig],
    url: &str,
    form: &[(String, String)],
    signature: &str,
) -> Option<bool> {
    let mut calls = all.iter().filter(|channel| channel.kind == ChannelType::Voice).peekable();
    calls.peek()?;
    Some(calls.any(|channel| channels::twilio::is_from_there(channel, url, form, signature)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::tests::handle;

    #[test]
    fn one_right_signature_of_several_is_enough() {
        let secret = Secret::new("s3cret");
        // printf '{"event":1}' | openssl dgst -sha256 -hmac s3cret
        let hex = "4b89345c926cf627e3228210b0e56be6c80de0d161a726dfc0e1a392ed88b800";
        let other = hex.replace('4', "5");
        let check = |signatures: &str, wanted: bool| {
            assert_eq!(is_signed(&secret, signatures, b"{\"event\":1}"), wanted, "{signatures}");
        };
        check(&format!("v1={hex}"), true);
        check(&format!("v1={other},v1={hex}"), true);
        check(&format!("v1={hex}, v2=00"), true);
        check(&format!("v1={other}"), false);
        check(&format!("v2={hex}"), false);
        check(hex, false);
        check("v1=zz,v1=0,v1=", false);
        check("", false);
        assert!(is_same(&secret, "s3cret") && !is_same(&secret, "s3cre") && !is_same(&secret, ""));
    }

    #[test]
    fn what_is_old_answers_nothing() {
        let open = [handle(9, 10_000), handle(7, 9_000)];
        let check = |at: i64, now: i64, wanted: Option<i64>| {
            assert_eq!(answered(&open, "k", at, now).map(|one| one.page), wanted, "{at} {now}");
        };
        check(10_001, 10_002, Some(9));
        check(9_500, 10_002, None);
        check(10_001, 10_001 + POSTED_AGE_SECONDS, Some(9));
        check(10_001, 10_002 + POSTED_AGE_SECONDS, None);
        assert_eq!(answered(&open, "other", 10_001, 10_002), None);
    }
}
