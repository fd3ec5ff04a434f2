//! PagerDuty: an incident there for each incident here (Events API v2), and who has it there (REST API).
//!
//! The same key from the first trigger to the resolve, so that a page that is sent twice is one incident. With a
//! `token` of the REST API PagerDuty is asked who has it, and with `from` told to call people again; with a `secret` it may tell by itself.

mod event;
mod posted;
mod state;

use std::time::Duration;

use hyper::Method;
use incidents::Handle;
use outbound::http;
use serde_json::Value;

use super::asks::Asks;
use super::email::address_problem;
use super::pictures::Pictures;
use super::post::{OneByOne, Place, Provider, asked, body_of, header, judge_own};
use super::problems::{self, Problems};
use super::{Channel, Ear, Entry, Heard, Letter, Opened, Post, Sent, Work};
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
        "from",
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
    if let Some(why) = channel.from.as_deref().and_then(address_problem) {
        found.push(("from", format!("{why}: write the mail address of somebody who signs in there")));
    }
    if channel.from.is_some() && channel.token.is_none() && channel.token_file.is_none() {
        found.push(("from", "this is of no use without a `token` of the REST API".into()));
    }
    if let Some(Err(why)) = channel.api_url.as_deref().map(outbound::Url::parse) {
        found.push(("api_url", why));
    }
    found
}

struct PagerDuty {
    place: Place,
    routing_key: Secret,
    rest: Option<Rest>,
}

/// The API that knows how incidents stand.
struct Rest {
    place: Place,
    token: Secret,
    /// In whose name something is changed there.
    from: Option<String>,
}

fn rest(config: &ChannelConfig) -> Result<Option<Rest>, String> {
    let Some(token) = read_secret(&config.token, &config.token_file)? else { return Ok(None) };
    let url = config.api_url.clone().unwrap_or_else(|| REST.to_owned());
    let place = Place::new(&ChannelConfig { url: Some(Secret::new(url)), ..config.clone() }, REST);
    Ok(Some(Rest { place, token, from: config.from.clone() }))
}

impl Rest {
    fn signed(&self, mut request: http::Request) -> Result<http::Request, Failure> {
        header(&mut request, "Authorization", &format!("Token token={}", self.token.reveal()))?;
        header(&mut request, "Accept", "application/vnd.pagerduty+json;version=2")?;
        Ok(request)
    }

    /// The newest of this key; null: there is none.
    async fn incident(&self, key: &str, post: &Post<'_>) -> Result<Value, Failure> {
        let key = text::encode(key);
        let path = format!("/incidents?incident_key={key}&sort_by=created_at:desc&limit=1");
        let answer = asked(&self.signed(self.place.get(&path)?)?, post).await?;
        Ok(answer["incidents"][0].clone())
    }

    /// While somebody has it there, an event under its key calls nobody. The first level of its escalation policy again: that
    /// takes it out of their hands, and calls people. Who has taken it since then keeps it.
    async fn call_again(&self, key: &str, since: i64, post: &Post<'_>) -> Result<(), Failure> {
        let incident = self.incident(key, post).await?;
        let (Some(id), true) = (incident["id"].as_str(), state::is_taken_before(&incident, since)) else {
            return Ok(());
        };
        let Some(from) = &self.from else {
            let why = "it is acknowledged in PagerDuty, where an event calls nobody then: give the channel `from`, and a \
                       `token` that may write";
            return Err(Failure::Never { why: why.into() });
        };
        let mut request = self.place.json(&format!("/incidents/{}", text::encode(id)), &state::again())?;
        request.method = Method::PUT;
        header(&mut request, "From", from)?;
        asked(&self.signed(request)?, post).await.map(drop)
    }
}

fn open(config: &ChannelConfig) -> Result<Box<dyn Channel>, String> {
    let routing_key = read_secret(&config.routing_key, &config.routing_key_file)?.unwrap_or_default();
    Ok(OneByOne::boxed(PagerDuty { place: Place::new(config, EVENTS), routing_key, rest: rest(config)? }))
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

    fn after<'w>(&'w self, letters: &'w [&'w Letter], post: &'w Post<'w>) -> Work<'w, Result<(), Failure>> {
        Box::pin(async move {
            let page = &letters[0].waiting.page;
            let since = page.message.nobodys_since.filter(|_| page.kind.is_problem());
            let (Some(rest), Some(since)) = (&self.rest, since) else { return Ok(()) };
            rest.call_again(&text::dedup_key(page, &post.settings.server_id), since, post).await
        })
    }

    fn taken(&self, _answer: &http::Answer, _to: &str, letters: &[&Letter], post: &Post<'_>) -> Sent {
        Sent::called(Some(text::dedup_key(&letters[0].waiting.page, &post.settings.server_id)))
    }

    fn judge(&self, answer: &http::Answer) -> Result<(), Failure> {
        // Others that take its events need not say 202.
        let is_own = body_of(answer)["status"] == "success";
        judge_own(answer, is_own)
    }
}

fn ear(config: &ChannelConfig) -> Opened {
    Ok(rest(config)?.map(|rest| -> Box<dyn Ear> { Box::new(rest) }))
}

/// Asks PagerDuty how its incidents stand.
impl Asks for Rest {
    const EVERY: Duration = ASK_EVERY;

    async fn ask(&mut self, open: &[Handle], _cursor: &str, post: &Post<'_>) -> Result<Heard, Failure> {
        let mut heard = Heard::default();
        for newest in super::newest_of_each(open) {
            let incident = self.incident(&newest.handle, post).await?;
            heard.said.extend(state::said(&incident, newest));
        }
        Ok(heard)
    }
}
