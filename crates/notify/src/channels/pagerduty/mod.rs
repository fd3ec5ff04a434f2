//! PagerDuty: an incident there for each incident here (Events API v2), and who has it there (REST API).
//!
//! The same key from the first trigger to the resolve, so that a page that is sent twice is one incident. With a
//! `token` of the REST API PagerDuty is asked who has it; with a `secret` it may tell by itself.

mod event;
mod posted;
mod state;

use std::time::Duration;

use incidents::Handle;
use outbound::http;

use super::asks::Asks;
use super::pictures::Pictures;
use super::post::{OneByOne, Place, Provider, asked, header};
use super::problems::{self, Problems};
use super::{Channel, Entry, Heard, Letter, Opened, Post, Sent};
use crate::config::{ChannelConfig, ChannelType, Secret, read_secret};
use crate::limits::{ASK_EVERY, CALL_GIVE_UP_SECONDS};
use crate::retry::Failure;
use crate::text;

pub const ENTRY: Entry = Entry {
    kind: ChannelType::Pagerduty,
    word: "pagerduty",
    keys: &[
        "routing_key",
        "routing_key_file",
        "url",
        "token",
        "token_file",
        "api_url",
        "secret",
        "secret_file",
        "ca_file",
    ],
    problems,
    open,
    ear,
    give_up: CALL_GIVE_UP_SECONDS,
    posted: Some(posted::read),
    pictures: Pictures::None,
    follows: super::yes,
    reaches: super::yes,
};

const EVENTS: &str = "https://events.pagerduty.com";
const REST: &str = "https://api.pagerduty.com";

fn problems(channel: &ChannelConfig) -> Problems {
    let mut found = Problems::new();
    problems::secret(
        ("routing_key", &channel.routing_key),
        ("routing_key_file", &channel.routing_key_file),
        Some("the integration key of a service's Events API v2"),
        &mut found,
    );
    let is_key = |key: &Secret| {
        key.reveal().len() == 32 && key.reveal().bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    if channel.routing_key.as_ref().is_some_and(|key| !is_key(key)) {
        let why = "this is no integration key: those are 32 letters and digits";
        found.push(("routing_key", why.into()));
    }
    problems::url(channel, &mut found);
    problems::token(channel, None, &mut found);
    problems::signing(channel, &mut found);
    if let Some(Err(why)) = channel.api_url.as_deref().map(outbound::Url::parse) {
        found.push(("api_url", why));
    }
    found
}

struct PagerDuty {
    place: Place,
    routing_key: Secret,
}

fn open(config: &ChannelConfig) -> Result<Box<dyn Channel>, String> {
    let routing_key = read_secret(&config.routing_key, &config.routing_key_file)?.unwrap_or_default();
    Ok(OneByOne::boxed(PagerDuty { place: Place::new(config, EVENTS), routing_key }))
}

impl Provider for PagerDuty {
    fn requests(
        &self,
        _to: &str,
        letters: &[&Letter],
        post: &Post<'_>,
    ) -> Result<Vec<http::Request>, Failure> {
        let (path, body) = event::of(letters[0], self.routing_key.reveal(), post);
        Ok(vec![self.place.json(path, &body)?])
    }

    fn taken(&self, _answer: &http::Answer, _to: &str, letters: &[&Letter], post: &Post<'_>) -> Sent {
        Sent { handle: Some(text::dedup_key(&letters[0].waiting.page, &post.settings.server_id)) }
    }
}

/// Asks PagerDuty how its incidents stand.
struct Asking {
    place: Place,
    token: Secret,
}

fn ear(config: &ChannelConfig) -> Opened {
    let Some(token) = read_secret(&config.token, &config.token_file)? else { return Ok(None) };
    let url = config.api_url.clone().unwrap_or_else(|| REST.to_owned());
    let place = Place::new(&ChannelConfig { url: Some(Secret::new(url)), ..config.clone() }, REST);
    Ok(Some(Box::new(Asking { place, token })))
}

impl Asks for Asking {
    const EVERY: Duration = ASK_EVERY;

    async fn ask(&mut self, open: &[Handle], _cursor: &str, post: &Post<'_>) -> Result<Heard, Failure> {
        let mut heard = Heard::default();
        for newest in super::newest_of_each(open) {
            let key = text::encode(&newest.handle);
            let path = format!("/incidents?incident_key={key}&sort_by=created_at:desc&limit=1");
            let mut request = self.place.get(&path)?;
            header(&mut request, "Authorization", &format!("Token token={}", self.token.reveal()))?;
            header(&mut request, "Accept", "application/vnd.pagerduty+json;version=2")?;
            let answer = asked(&request, post).await?;
            heard.said.extend(state::said(&answer["incidents"][0], newest));
        }
        Ok(heard)
    }
}
