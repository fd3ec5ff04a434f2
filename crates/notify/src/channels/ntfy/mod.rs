//! ntfy: a telephone rings without an account anywhere, and its button acknowledges without anybody reaching us: it
//! writes into a second topic, which we read.

mod message;

use std::time::Duration;

use hyper::Method;
use incidents::{Handle, What};
use outbound::http;

use super::asks::Asks;
use super::pictures::{self, Illustrator, Pictures, Shown};
use super::post::{OneByOne, Place, Provider, asked_pause, body_of, call, header, judge, judge_own};
use super::problems::{self, Problems};
use super::{Channel, Entry, Heard, Letter, Opened, Post, Said, Sent, Whose, Work};
use crate::config::{ChannelConfig, ChannelType, Secret, read_secret};
use crate::limits::{CALL_GIVE_UP_SECONDS, NTFY_EVERY};
use crate::retry::Failure;
use crate::sender::Settings;
use crate::text;

pub const ENTRY: Entry = Entry {
    kind: ChannelType::Ntfy,
    word: "ntfy",
    keys: &["url", "to", "token", "token_file", "reply_topic", "ca_file"],
    problems,
    open,
    ear,
    give_up: CALL_GIVE_UP_SECONDS,
    posted: None,
    pictures: Pictures::After(|config| Ok(Some(Box::new(read(config)?)))),
    follows: super::no,
    reaches: super::yes,
};

const USUAL: &str = "https://ntfy.sh";
/// Where a contact keeps its topic.
const WAY: &str = "ntfy";

fn problems(channel: &ChannelConfig) -> Problems {
    let mut found = Problems::new();
    let shape = "a topic: letters, digits, - and _, 64 at most";
    problems::url(channel, &mut found);
    problems::token(channel, None, &mut found);
    problems::to(channel, is_topic, shape, &mut found);
    if channel.reply_topic.as_ref().is_some_and(|topic| !is_topic(topic.reveal())) {
        found.push(("reply_topic", format!("this is not {shape}")));
    }
    found
}

pub(super) fn is_topic(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&text.len()) && text.bytes().all(plain)
}

struct Ntfy {
    place: Place,
    token: Option<Secret>,
    to: Vec<String>,
    reply_topic: Option<Secret>,
    name: String,
}

fn read(config: &ChannelConfig) -> Result<Ntfy, String> {
    Ok(Ntfy {
        place: Place::new(config, USUAL),
        token: read_secret(&config.token, &config.token_file)?,
        to: config.to.clone().unwrap_or_default(),
        reply_topic: config.reply_topic.clone(),
        name: config.name.clone(),
    })
}

fn open(config: &ChannelConfig) -> Result<Box<dyn Channel>, String> {
    read(config).map(OneByOne::boxed)
}

fn ear(config: &ChannelConfig) -> Opened {
    Ok(Some(Box::new(read(config)?)))
}

impl Ntfy {
    /// Nobody else knows it: it is made of the server's own secret.
    fn reply_topic(&self, settings: &Settings) -> String {
        let own = || format!("bellwether-{}", settings.derived(&format!("ntfy reply {}", self.name)));
        self.reply_topic.as_ref().map_or_else(own, |topic| topic.reveal().to_owned())
    }

    fn signed(&self, mut request: http::Request) -> Result<http::Request, Failure> {
        if let Some(token) = &self.token {
            header(&mut request, "Authorization", &format!("Bearer {}", token.reveal()))?;
        }
        Ok(request)
    }
}

impl Provider for Ntfy {
    fn recipients(&self, letter: &Letter) -> Result<Vec<String>, Failure> {
        super::recipients(letter, &self.to, WAY, is_topic)
    }

    fn bundles(&self) -> bool {
        true
    }

    fn requests(
        &self,
        to: &str,
        letters: &[&Letter],
        post: &Post<'_>,
    ) -> Result<Vec<http::Request>, Failure> {
        let reply = format!("{}/{}", self.place.url, self.reply_topic(post.settings));
        let body = message::of(letters, to, &reply, post);
        Ok(vec![self.signed(self.place.json("/", &body)?)?])
    }

    fn taken(&self, answer: &http::Answer, _to: &str, letters: &[&Letter], _post: &Post<'_>) -> Sent {
        let answer: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let id = answer["id"].as_str().map(str::to_owned);
        Sent::called(Some(id.unwrap_or_else(|| letters[0].waiting.page.id.to_string())))
    }

    /// ntfy.sh says 429 without a pause when the day's messages are used up.
    fn judge(&self, answer: &http::Answer) -> Result<(), Failure> {
        match answer.status.as_u16() {
            // Whoever may not write there now may soon: somebody mends it.
            401 | 403 => {
                let why = format!("{}: the token may not write there", super::post::said(answer));
                Err(Failure::Channel { why, after: asked_pause(answer) })
            }
            _ => judge_own(answer, body_of(answer)["id"].is_string()),
        }
    }
}

impl Illustrator for Ntfy {
    /// A second message, which makes no sound: a page with something attached would be one that waits for it.
    fn show<'w>(&'w self, shown: &'w Shown, post: &'w Post<'w>) -> Work<'w, Result<(), Failure>> {
        Box::pin(async move {
            let words = text::encode(&pictures::caption(&shown.letter));
            for to in self.recipients(&shown.letter)? {
                let path = format!("/{to}?filename={}&message={words}&priority=low", pictures::FILE_NAME);
                let mut request = self.signed(self.place.request(Method::PUT, &path)?)?;
                request.body = shown.picture.clone().into();
                self.judge(&call(&request, post).await?)?;
            }
            Ok(())
        })
    }
}

/// What a button wrote.
fn said(token: &str, at: i64) -> Said {
    let whose = Whose::Token { token: token.to_owned(), at };
    Said { whose, what: What::Acknowledge, how: "by ntfy's button".into() }
}

impl Asks for Ntfy {
    const EVERY: Duration = NTFY_EVERY;
    const ENDS_WHEN_TAKEN: bool = true;

    async fn ask(&mut self, open: &[Handle], cursor: &str, post: &Post<'_>) -> Result<Heard, Failure> {
        // The first time from when the oldest page that waits was made.
        let oldest = open.iter().map(|one| one.at).min().unwrap_or(post.now);
        let since = if cursor.is_empty() { oldest.to_string() } else { cursor.to_owned() };
        let path = format!("/{}/json?poll=1&since={since}", self.reply_topic(post.settings));
        let answer = call(&self.signed(self.place.get(&path)?)?, post).await?;
        judge(&answer)?;
        Ok(message::heard(&answer.body))
    }
}
