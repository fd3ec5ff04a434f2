//! Slack: by an incoming webhook, or by an app of your own, whose messages have buttons, tell who has it, and are answered
//! over a connection that we open (Socket Mode), so that nobody has to reach us.

mod api;
mod blocks;
mod bot;
mod envelope;
mod socket;
mod webhook;

use super::pictures::{self, Pictures};
use super::problems::{self, Problems};
use super::{Channel, Entry, Opened};
use crate::config::{ChannelConfig, ChannelType, Secret, read_secret};
use crate::limits::CALL_GIVE_UP_SECONDS;

pub const ENTRY: Entry = Entry {
    kind: ChannelType::Slack,
    word: "slack",
    keys: &["url", "bot_token", "bot_token_file", "app_token", "app_token_file", "to", "ca_file"],
    problems,
    open,
    ear,
    posted: None,
    give_up: CALL_GIVE_UP_SECONDS,
    pictures: Pictures::After(illustrator),
    follows: is_app,
    reaches: super::no,
};

/// Where a contact keeps who it is in Slack.
const WAY: &str = "slack_user";

fn is_app(channel: &ChannelConfig) -> bool {
    channel.bot_token.is_some() || channel.bot_token_file.is_some()
}

fn problems(channel: &ChannelConfig) -> Problems {
    let mut found = Problems::new();
    problems::url(channel, &mut found);
    let bot = (("bot_token", &channel.bot_token), ("bot_token_file", &channel.bot_token_file));
    let app = (("app_token", &channel.app_token), ("app_token_file", &channel.app_token_file));
    problems::secret(app.0, app.1, None, &mut found);
    let is_other = |token: &Option<Secret>, begins: &str| {
        token.as_ref().is_some_and(|token| !token.reveal().starts_with(begins))
    };
    if is_other(&channel.bot_token, "xoxb-") {
        let why =
            "this is no bot token: those begin with `xoxb-`, and stand below OAuth & Permissions of the app";
        found.push(("bot_token", why.into()));
    }
    if is_other(&channel.app_token, "xapp-") {
        let why = "this is no app-level token: those begin with `xapp-`, and stand below Basic Information of the app";
        found.push(("app_token", why.into()));
    }
    let hears = channel.app_token.is_some() || channel.app_token_file.is_some();
    match (is_app(channel), hears) {
        (true, _) => problems::secret(bot.0, bot.1, None, &mut found),
        (false, true) => problems::secret(
            bot.0,
            bot.1,
            Some("what `app_token` hears is below messages of a bot"),
            &mut found,
        ),
        (false, false) => problems::url_is_there(channel, &mut found),
    }
    problems::to(
        channel,
        is_place,
        "a room's or a person's ID, such as \"C0123ABCD\": it stands at the end of its details",
        &mut found,
    );
    if channel.to.as_ref().is_some_and(|to| to.len() > 1) {
        found.push(("to", "one room: make a channel for each".into()));
    }
    if !is_app(channel) && channel.to.is_some() {
        found.push(("to", "a webhook leads to its own room: leave it out, or write `bot_token`".into()));
    }
    found
}

/// Rooms, conversations and people have numbers of one form.
fn is_place(text: &str) -> bool {
    let rest = text.strip_prefix(['C', 'G', 'D', 'U', 'W']).unwrap_or_default();
    rest.len() >= 2 && rest.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn open(config: &ChannelConfig) -> Result<Box<dyn Channel>, String> {
    if is_app(config) { bot::open(config) } else { webhook::open(config) }
}

/// A webhook takes no files.
fn illustrator(config: &ChannelConfig) -> pictures::Opened {
    if is_app(config) { Ok(Some(Box::new(bot::read(config)?))) } else { Ok(None) }
}

fn ear(config: &ChannelConfig) -> Opened {
    match read_secret(&config.app_token, &config.app_token_file)? {
        Some(app_token) if is_app(config) => Ok(Some(Box::new(socket::Socket::new(config, app_token)?))),
        _ => Ok(None),
    }
}
