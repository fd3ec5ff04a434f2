//! A page as JSON, posted to an address and signed.
//!
//! `X-Bellwether-Signature` is `sha256=` and the hex HMAC of the timestamp, a dot and the body, by the channel's
//! secret. `X-Bellwether-Delivery` is the same when a delivery is tried again. docs/channels.md has the body.

pub mod body;
mod picture;
mod template;

use std::io::Read;

use hyper::Method;
use outbound::{Url, http};
use ring::hmac;

use super::pictures::Pictures;
use super::post::{OneByOne, Place, Provider, header};
use super::problems::{self, Problems};
use super::{Channel, Entry, Letter, Post, deaf};
use crate::config::{ChannelConfig, ChannelType, Secret, read_secret};
use crate::limits::{CALL_GIVE_UP_SECONDS, TEMPLATE_BYTES};
use crate::retry::Failure;

pub use template::Format;
use template::Template;

pub const ENTRY: Entry = Entry {
    kind: ChannelType::Webhook,
    word: "webhook",
    keys: &["url", "secret", "secret_file", "format", "template", "template_file", "content_type", "ca_file"],
    problems,
    open,
    ear: deaf,
    give_up: CALL_GIVE_UP_SECONDS,
    posted: None,
    pictures: Pictures::After(picture::open),
    follows: super::no,
    reaches,
};

/// Forms of chats are of rooms; what reads any other body is somebody's own program.
fn reaches(config: &ChannelConfig) -> bool {
    !config.format.is_some_and(Format::is_chat)
}

struct Webhook {
    place: Place,
    url: Url,
    secret: Option<Secret>,
    template: Option<Template>,
    content_type: String,
}

fn problems(channel: &ChannelConfig) -> Problems {
    let mut found = Problems::new();
    problems::url_is_there(channel, &mut found);
    problems::url(channel, &mut found);
    problems::signing(channel, &mut found);
    let written = [channel.format.is_some(), channel.template.is_some(), channel.template_file.is_some()];
    if written.iter().filter(|is| **is).count() > 1 {
        let why = "`format`, `template` and `template_file` say the same: write one of them";
        found.push(("template", why.into()));
    }
    // A file is looked at when the channel begins: it may not be there yet where this is checked.
    if let Some(text) = &channel.template {
        let tried = Template::new(text).and_then(|template| template.render(&body::sample()));
        found.extend(tried.err().map(|why| ("template", why)));
    }
    let wrong = channel.content_type.as_deref().and_then(|it| http::header("Content-Type", it).err());
    found.extend(wrong.map(|why| ("content_type", why)));
    found
}

/// What its body is made of, if not of the usual.
fn template(config: &ChannelConfig) -> Result<Option<Template>, String> {
    let text = match (&config.template_file, &config.template, config.format) {
        (Some(path), ..) => {
            let file = std::fs::File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
            let mut text = String::new();
            let read = file.take(TEMPLATE_BYTES as u64).read_to_string(&mut text);
            read.map_err(|error| format!("{}: {error}", path.display()))?;
            text
        }
        (None, Some(text), _) => text.clone(),
        (None, None, Some(format)) => format.text().to_owned(),
        (None, None, None) => return Ok(None),
    };
    Template::new(&text).map(Some)
}

fn open(config: &ChannelConfig) -> Result<Box<dyn Channel>, String> {
    let url = Url::parse(config.url.as_ref().map_or("", Secret::reveal))?;
    let secret = read_secret(&config.secret, &config.secret_file)?;
    let (place, template) = (Place::new(config, ""), template(config)?);
    let content_type = config.content_type.clone().unwrap_or_else(|| "application/json".into());
    Ok(OneByOne::boxed(Webhook { place, url, secret, template, content_type }))
}

impl Provider for Webhook {
    fn requests(
        &self,
        _to: &str,
        letters: &[&Letter],
        post: &Post<'_>,
    ) -> Result<Vec<http::Request>, Failure> {
        let page = &letters[0].waiting.page;
        let body = match &self.template {
            None => body::json(letters[0], post.settings, post.now).to_string(),
            Some(template) => template
                .render(&body::for_template(letters[0], post.settings, post.now))
                .map_err(|why| Failure::Never { why: format!("the template of its body: {why}") })?,
        };
        let mut request = self.place.at(Method::POST, self.url.clone());
        header(&mut request, "Content-Type", &self.content_type)?;
        header(&mut request, "User-Agent", "Bellwether")?;
        header(&mut request, "X-Bellwether-Event", page.kind.word())?;
        header(&mut request, "X-Bellwether-Delivery", &delivery(page.id, &post.settings.server_id))?;
        header(&mut request, "X-Bellwether-Timestamp", &post.now.to_string())?;
        if let Some(secret) = &self.secret {
            let signature = signature(secret.reveal(), post.now, &body);
            header(&mut request, "X-Bellwether-Signature", &signature)?;
        }
        request.body = body.into();
        Ok(vec![request])
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
