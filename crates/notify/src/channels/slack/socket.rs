//! Hears what is pressed below messages, over a connection that we open (Socket Mode).
//!
//! An envelope is acknowledged when the deed is on the disk, some milliseconds after it came: Slack waits for three seconds,
//! and shows whoever pressed that it failed if nothing comes.

use std::time::{Duration, Instant};

use incidents::{Handle, What};
use outbound::Url;
use outbound::websocket::{Frame as Came, Websocket};
use serde_json::json;

use super::api::{Api, asked};
use super::envelope::{self, Frame, Pressed};
use crate::channels::asks::Asks;
use crate::channels::{Heard, Outcome, Post, Said};
use crate::config::{ChannelConfig, Secret, read_secret};
use crate::limits::{CALL_TIMEOUT, SOCKET_BYTES, SOCKET_LASTS, SOCKET_SILENCE};
use crate::retry::Failure;

pub struct Socket {
    app: Api,
    bot: Api,
    link: Option<Link>,
    /// Whose envelope waits for what comes of it.
    pressed: Option<Pressed>,
}

struct Link {
    websocket: Websocket,
    since: Instant,
}

impl Socket {
    pub fn new(config: &ChannelConfig, app_token: Secret) -> Result<Socket, String> {
        let bot_token = read_secret(&config.bot_token, &config.bot_token_file)?.unwrap_or_default();
        let (app, bot) = (Api::new(config, app_token), Api::new(config, bot_token));
        Ok(Socket { app, bot, link: None, pressed: None })
    }

    /// The address is good for one connection.
    async fn connect(&self, post: &Post<'_>) -> Result<Link, Failure> {
        let answer = asked(&self.app.form("apps.connections.open", &[])?, post).await?;
        let url = Url::of_websocket(answer["url"].as_str().unwrap_or_default())
            .map_err(|why| Failure::Channel { why: format!("apps.connections.open: {why}"), after: None })?;
        let request = self.app.place().at(hyper::Method::GET, url);
        let opened = Websocket::open(post.egress, &request, SOCKET_BYTES).await;
        let websocket = opened.map_err(|failure| lost(failure.message))?;
        Ok(Link { websocket, since: Instant::now() })
    }

    /// What was pressed; none: the connection is to be made anew.
    async fn next(link: &mut Link) -> Result<Option<Pressed>, Failure> {
        let mut asked = false;
        loop {
            let came = link.websocket.next(SOCKET_SILENCE).await.map_err(|failure| lost(failure.message))?;
            let text = match came {
                Came::Text(text) => text,
                Came::Alive => {
                    asked = false;
                    continue;
                }
                Came::Closed => return Err(lost("Slack has closed the connection".into())),
                Came::Nothing if asked => return Err(lost("Slack says nothing any more".into())),
                Came::Nothing => {
                    asked = true;
                    link.websocket.ping(CALL_TIMEOUT).await.map_err(|failure| lost(failure.message))?;
                    continue;
                }
            };
            asked = false;
            match envelope::read(&text) {
                Frame::Pressed(pressed) => return Ok(Some(pressed)),
                Frame::Other { envelope } => acknowledge(link, &envelope).await?,
                Frame::Disconnect { why } => {
                    tracing::debug!(why, "Slack asks for another connection");
                    return match link.since.elapsed() < SOCKET_LASTS {
                        true => Err(lost(format!("Slack ends the connection at once: {why}"))),
                        false => Ok(None),
                    };
                }
                Frame::Nothing => {}
            }
        }
    }

    async fn whisper(&self, pressed: &Pressed, words: &str, post: &Post<'_>) {
        let body = json!({"channel": pressed.room, "user": pressed.user, "text": words});
        let told = match self.bot.json("chat.postEphemeral", &body) {
            Ok(request) => asked(&request, post).await.map(|_| ()),
            Err(failure) => Err(failure),
        };
        if let Err(failure) = told {
            tracing::debug!(why = failure.why(), "whoever pressed a button was not told what came of it");
        }
    }
}

fn lost(why: String) -> Failure {
    Failure::Channel { why, after: None }
}

async fn acknowledge(link: &mut Link, envelope: &str) -> Result<(), Failure> {
    let said = link.websocket.send(envelope::acknowledgement(envelope), CALL_TIMEOUT).await;
    said.map_err(|failure| lost(failure.message))
}

impl Asks for Socket {
    /// The waiting is done on the connection.
    const EVERY: Duration = Duration::ZERO;
    /// Whoever presses below an old message is told that it is over.
    const ALWAYS_OPEN: bool = true;

    async fn ask(&mut self, _open: &[Handle], _cursor: &str, post: &Post<'_>) -> Result<Heard, Failure> {
        let mut link = match self.link.take() {
            Some(link) => link,
            None => self.connect(post).await?,
        };
        let Some(pressed) = Socket::next(&mut link).await? else { return Ok(Heard::default()) };
        self.link = Some(link);
        let said = pressed.said.clone();
        self.pressed = Some(pressed);
        Ok(Heard { said: vec![said], ..Heard::default() })
    }

    async fn told(&mut self, came: &[(Said, Outcome)], post: &Post<'_>) {
        let (Some(pressed), Some((said, outcome))) = (self.pressed.take(), came.first()) else { return };
        if *outcome == Outcome::NotNow {
            return;
        }
        let Some(link) = &mut self.link else { return };
        if let Err(failure) = acknowledge(link, &pressed.envelope).await {
            tracing::debug!(why = failure.why(), "an envelope of Slack was not acknowledged");
            self.link = None;
        }
        if let Some(words) = words(said, *outcome, &pressed.user) {
            self.whisper(&pressed, &words, post).await;
        }
    }
}

/// For whoever pressed; none: the message itself shows it.
fn words(said: &Said, outcome: Outcome, user: &str) -> Option<String> {
    match outcome {
        Outcome::Done if matches!(said.what, What::Snooze(_)) => {
            Some("Snoozed for an hour: if it is not over by then, it is told again.".into())
        }
        Outcome::Done | Outcome::NotNow => None,
        Outcome::Taken => Some("Somebody has it already.".into()),
        Outcome::Over => Some("It is over already.".into()),
        Outcome::Older => Some("Nobody has it any more since then: press it again.".into()),
        Outcome::Stranger => Some(format!(
            "Bellwether does not know who you are, so nothing was done. Whoever keeps its configuration writes \
             `slack_user = \"{user}\"` below your `[[contact]]`."
        )),
    }
}
