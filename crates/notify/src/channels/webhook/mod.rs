//! A page as JSON, posted to an address and signed.
//!
//! `X-Bellwether-Signature` is `sha256=` and the hex HMAC of the timestamp, a dot and the body, by the channel's
//! secret. `X-Bellwether-Delivery` is the same when a delivery is tried again. docs/incidents.md has the body.

mod body;

use std::path::PathBuf;
use std::time::Duration;

use hyper::Method;
use hyper::header::RETRY_AFTER;
use outbound::{Egress, Kind, Url, http};
use ring::hmac;

use super::{Letter, Results};
use crate::config::{ChannelConfig, Secret, read_secret};
use crate::limits::{WEBHOOK_ANSWER_BYTES, WEBHOOK_CONNECT, WEBHOOK_TIMEOUT};
use crate::retry::Failure;
use crate::sender::Settings;

pub struct Webhook {
    url: Url,
    secret: Option<Secret>,
    ca_file: Option<PathBuf>,
}

pub fn problems(channel: &ChannelConfig) -> Vec<(&'static str, String)> {
    let mut problems = Vec::new();
    match &channel.url {
        None => problems.push(("url", "a channel of type webhook needs the address that it posts to".into())),
        // The address may hold a secret, so it is not repeated.
        Some(url) => {
            let wrong = Url::parse(url.reveal()).err();
            let cure = "this is not an address to post to: write it as \"https://example.org/path\"";
            problems.extend(wrong.map(|_| ("url", cure.to_owned())));
        }
    }
    if channel.secret.is_some() && channel.secret_file.is_some() {
        problems.push(("secret_file", "`secret` is set too; write one of them".into()));
    }
    problems
}

impl Webhook {
    pub fn open(config: &ChannelConfig) -> Result<Webhook, String> {
        let url = Url::parse(config.url.as_ref().map_or("", Secret::reveal))?;
        let secret = read_secret(&config.secret, &config.secret_file)?;
        Ok(Webhook { url, secret, ca_file: config.ca_file.clone() })
    }

    /// One after the other, until one finds nobody there.
    pub async fn send(&self, letters: &[Letter], settings: &Settings, egress: &Egress, now: i64) -> Results {
        let mut results = Results::new();
        for letter in letters {
            let sent = self.post(letter, settings, egress, now).await;
            let stop = matches!(sent, Err(Failure::Channel { .. } | Failure::Gone { .. }));
            results.push((letter.waiting.page.id, sent));
            if stop {
                break;
            }
        }
        results
    }

    async fn post(
        &self,
        letter: &Letter,
        settings: &Settings,
        egress: &Egress,
        now: i64,
    ) -> Result<(), Failure> {
        let request =
            self.request(letter, settings, now).map_err(|failure| Failure::Never { why: failure.message })?;
        match http::call(egress, &request).await {
            Ok(answer) => judge(&answer),
            Err(failure) if matches!(failure.kind, Kind::Wrong) => {
                Err(Failure::Never { why: failure.message })
            }
            Err(failure) => Err(Failure::Channel { why: failure.message, after: None }),
        }
    }

    fn request(
        &self,
        letter: &Letter,
        settings: &Settings,
        now: i64,
    ) -> Result<http::Request, outbound::Failure> {
        let page = &letter.waiting.page;
        let body = body::json(letter, settings, now).to_string();
        let mut request = http::Request::new(Method::POST, self.url.clone());
        request.connect_timeout = WEBHOOK_CONNECT;
        request.timeout = WEBHOOK_TIMEOUT;
        request.body_most = WEBHOOK_ANSWER_BYTES;
        request.tls.authorities.clone_from(&self.ca_file);
        request.header("Content-Type", "application/json")?;
        request.header("User-Agent", "Bellwether")?;
        request.header("X-Bellwether-Event", page.kind.word())?;
        request.header("X-Bellwether-Delivery", &delivery(page.id, &settings.server_id))?;
        request.header("X-Bellwether-Timestamp", &now.to_string())?;
        if let Some(secret) = &self.secret {
            request.header("X-Bellwether-Signature", &signature(secret.reveal(), now, &body))?;
        }
        request.body = body.into();
        Ok(request)
    }
}

/// Of one page always the same, in the form of a UUID.
pub fn delivery(page: i64, server_id: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, format!("{server_id}/{page}").as_bytes());
    let hex: String = digest.as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    // Version 8: made by rules of our own.
    format!("{}-{}-8{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}

pub fn signature(secret: &str, timestamp: i64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{timestamp}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256={hex}")
}

fn judge(answer: &http::Answer) -> Result<(), Failure> {
    let status = answer.status.as_u16();
    let said: String =
        String::from_utf8_lossy(&answer.body).chars().filter(|c| !c.is_control()).take(200).collect();
    let why =
        format!("{} answers {status}{}{said}", answer.url.origin(), if said.is_empty() { "" } else { ": " });
    let seconds =
        answer.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    let after = seconds.map(Duration::from_secs);
    match status {
        200..=299 => Ok(()),
        // Whoever answers so wants to hear no more, ever.
        410 => Err(Failure::Gone { why }),
        408 | 425 | 429 | 500..=599 => Err(Failure::Channel { why, after }),
        _ => Err(Failure::Never { why }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_are_those_of_others() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac geheim
        let wanted = "sha256=c2f0a59f12d0bcd3933234d85083c03b99e970604203fd059a320436bb602adf";
        assert_eq!(signature("geheim", 1_700_000_000, "{\"a\":1}"), wanted);
        assert_ne!(signature("geheim", 1_700_000_001, "{\"a\":1}"), wanted);
    }

    #[test]
    fn a_delivery_has_one_name() {
        let name = delivery(7, "abc");
        assert_eq!(name, delivery(7, "abc"));
        assert_ne!(name, delivery(8, "abc"));
        assert_eq!(name.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12], "{name}");
    }
}
