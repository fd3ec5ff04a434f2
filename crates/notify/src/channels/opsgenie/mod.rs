//! Opsgenie (and whoever speaks its Alert API): an alert there for each incident here, and who has it there.

mod alert;
mod picture;
mod posted;
mod state;

use std::time::Duration;

use hyper::Method;
use incidents::Handle;
use outbound::http;

use super::asks::Asks;
use super::pictures::Pictures;
use super::post::{OneByOne, Place, Provider, asked, body_of, call, header, judge_own};
use super::problems::{self, Problems};
use super::{Channel, Entry, Heard, Letter, Opened, Post, Sent, Work};
use crate::config::{ChannelConfig, ChannelType, Secret, read_secret};
use crate::limits::{ASK_EVERY, CALL_GIVE_UP_SECONDS};
use crate::retry::Failure;
use crate::text;

pub const ENTRY: Entry = Entry {
    kind: ChannelType::Opsgenie,
    word: "opsgenie",
    keys: &["token", "token_file", "url", "responders", "secret", "secret_file", "ca_file"],
    problems,
    open,
    ear,
    give_up: CALL_GIVE_UP_SECONDS,
    posted: Some(posted::read),
    pictures: Pictures::After(picture::open),
    follows: super::yes,
    reaches: super::yes,
};

const USUAL: &str = "https://api.opsgenie.com";

fn problems(channel: &ChannelConfig) -> Problems {
    let mut found = Problems::new();
    problems::token(channel, Some("the key of an API integration"), &mut found);
    problems::url(channel, &mut found);
    problems::signing(channel, &mut found);
    let wrong = channel.responders.iter().flatten().filter(|one| alert::responder(one).is_none());
    found.extend(wrong.map(|one| {
        let why = format!("`{one}` is no responder: write \"team:web\", \"user:ana@example.org\", \"schedule:…\" or \"escalation:…\"");
        ("responders", why)
    }));
    found
}

struct Opsgenie {
    place: Place,
    key: Secret,
    responders: Vec<String>,
}

fn read(config: &ChannelConfig) -> Result<Opsgenie, String> {
    let key = read_secret(&config.token, &config.token_file)?.unwrap_or_default();
    let responders = config.responders.clone().unwrap_or_default();
    Ok(Opsgenie { place: Place::new(config, USUAL), key, responders })
}

fn open(config: &ChannelConfig) -> Result<Box<dyn Channel>, String> {
    read(config).map(OneByOne::boxed)
}

fn ear(config: &ChannelConfig) -> Opened {
    Ok(Some(Box::new(read(config)?)))
}

impl Opsgenie {
    /// While somebody has it there, an alert of its alias calls nobody. Who has taken it since then keeps it.
    async fn call_again(&self, alias: &str, since: i64, post: &Post<'_>) -> Result<(), Failure> {
        let alias = text::encode(alias);
        let alert = self.place.get(&format!("/v2/alerts/{alias}?identifierType=alias"))?;
        let alert = match asked(&self.signed(alert)?, post).await {
            // It is being made, and so in nobody's hands.
            Err(Failure::Never { .. }) => return Ok(()),
            answer => answer?,
        };
        if !state::is_taken_before(&alert["data"], since) {
            return Ok(());
        }
        let path = format!("/v2/alerts/{alias}/unacknowledge?identifierType=alias");
        self.judge(&call(&self.signed(self.place.json(&path, &alert::nobodys())?)?, post).await?)
    }

    fn signed(&self, mut request: http::Request) -> Result<http::Request, Failure> {
        header(&mut request, "Authorization", &format!("GenieKey {}", self.key.reveal()))?;
        Ok(request)
    }
}

impl Provider for Opsgenie {
    fn requests(
        &self,
        _to: &str,
        letters: &[&Letter],
        post: &Post<'_>,
    ) -> Result<Vec<http::Request>, Failure> {
        let Some((path, body)) = alert::of(letters[0], &self.responders, post) else { return Ok(Vec::new()) };
        Ok(vec![self.signed(self.place.json(&path, &body)?)?])
    }

    fn after<'w>(&'w self, letters: &'w [&'w Letter], post: &'w Post<'w>) -> Work<'w, Result<(), Failure>> {
        Box::pin(async move {
            let page = &letters[0].waiting.page;
            match page.message.nobodys_since.filter(|_| page.kind.is_problem()) {
                Some(since) => {
                    self.call_again(&text::dedup_key(page, &post.settings.server_id), since, post).await
                }
                None => Ok(()),
            }
        })
    }

    /// The alias, by which it is asked for.
    fn taken(&self, _answer: &http::Answer, _to: &str, letters: &[&Letter], post: &Post<'_>) -> Sent {
        Sent::called(Some(text::dedup_key(&letters[0].waiting.page, &post.settings.server_id)))
    }

    fn judge(&self, answer: &http::Answer) -> Result<(), Failure> {
        let is_own = answer.status.as_u16() == 202 && body_of(answer)["requestId"].is_string();
        judge_own(answer, is_own)
    }
}

impl Asks for Opsgenie {
    const EVERY: Duration = ASK_EVERY;

    async fn ask(&mut self, open: &[Handle], _cursor: &str, post: &Post<'_>) -> Result<Heard, Failure> {
        let mut heard = Heard::default();
        for newest in super::newest_of_each(open) {
            let path = format!("/v2/alerts/{}?identifierType=alias", text::encode(&newest.handle));
            match asked(&self.signed(self.place.request(Method::GET, &path)?)?, post).await {
                Ok(answer) => heard.said.extend(state::said(&answer["data"], newest)),
                // Alerts are made some time after they were taken.
                Err(Failure::Never { .. }) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(heard)
    }
}
