//! Slack by an incoming webhook: a message in a channel, with links. It can neither be changed nor answered there.

mod blocks;

use hyper::Method;
use outbound::{Url, http};

use super::post::{OneByOne, Place, Provider, asked_pause, header, judge, said};
use super::problems::{self, Problems};
use super::{Channel, Entry, Letter, Post, deaf};
use crate::config::{ChannelConfig, ChannelType, Secret};
use crate::limits::CALL_GIVE_UP_SECONDS;
use crate::retry::Failure;

pub const ENTRY: Entry = Entry {
    kind: ChannelType::Slack,
    word: "slack",
    keys: &["url", "ca_file"],
    problems,
    open,
    ear: deaf,
    give_up: CALL_GIVE_UP_SECONDS,
    pictures: false,
    follows: false,
    reaches: super::nobody,
};

fn problems(channel: &ChannelConfig) -> Problems {
    let mut found = Problems::new();
    problems::url_is_there(channel, &mut found);
    problems::url(channel, &mut found);
    found
}

struct Slack {
    place: Place,
    url: Url,
}

fn open(config: &ChannelConfig) -> Result<Box<dyn Channel>, String> {
    let url = Url::parse(config.url.as_ref().map_or("", Secret::reveal))?;
    Ok(OneByOne::boxed(Slack { place: Place::new(config, ""), url }))
}

impl Provider for Slack {
    fn bundles(&self) -> bool {
        true
    }

    fn requests(
        &self,
        _to: &str,
        letters: &[&Letter],
        post: &Post<'_>,
    ) -> Result<Vec<http::Request>, Failure> {
        let mut request = self.place.at(Method::POST, self.url.clone());
        header(&mut request, "Content-Type", "application/json")?;
        request.body = blocks::message(letters, post).to_string().into();
        Ok(vec![request])
    }

    /// An address that was taken back, or a room that was archived, takes nothing more until somebody mends it.
    fn judge(&self, answer: &http::Answer) -> Result<(), Failure> {
        let body = String::from_utf8_lossy(&answer.body);
        let words = ["channel_is_archived", "no_active_hooks", "no_service", "invalid_token"];
        match answer.status.as_u16() {
            403 | 404 | 410 if words.iter().any(|word| body.contains(word)) => {
                Err(Failure::Gone { why: said(answer) })
            }
            429 => Err(Failure::Channel { why: said(answer), after: asked_pause(answer) }),
            _ => judge(answer),
        }
    }
}
