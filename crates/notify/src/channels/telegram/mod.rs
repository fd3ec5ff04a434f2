//! Telegram: a message by a bot, with a button; what is pressed is fetched, nobody has to reach us.

mod update;

use std::time::Duration;

use hyper::Method;
use incidents::Handle;
use outbound::http;
use serde_json::{Value, json};

use super::asks::Asks;
use super::pictures::{self, Illustrator, Pictures, Shown};
use super::post::{OneByOne, Place, Provider, asked, asked_pause, call, judge, judge_own, said};
use super::problems::{self, Problems};
use super::{Channel, Entry, Heard, Letter, Opened, Outcome, Post, Said, Sent, Work};
use crate::config::{ChannelConfig, ChannelType, Secret, read_secret};
use crate::limits::{CALL_GIVE_UP_SECONDS, CALL_TIMEOUT, TELEGRAM_WAITS};
use crate::retry::Failure;
use crate::text::{self, cut};

pub const ENTRY: Entry = Entry {
    kind: ChannelType::Telegram,
    word: "telegram",
    keys: &["token", "token_file", "to", "url", "ca_file"],
    problems,
    open,
    ear,
    give_up: CALL_GIVE_UP_SECONDS,
    posted: None,
    pictures: Pictures::After(|config| Ok(Some(Box::new(read(config)?)))),
    follows: super::no,
    reaches: super::yes,
};

const USUAL: &str = "https://api.telegram.org";
const WAY: &str = "telegram";
/// Of a picture 1024 characters.
const CAPTION_MAX: usize = 1_000;
/// Of one message 4096 characters.
const MESSAGE_MAX: usize = 3_900;

fn problems(channel: &ChannelConfig) -> Problems {
    let mut found = Problems::new();
    problems::token(channel, Some("what @BotFather says, such as \"123456:ABC…\""), &mut found);
    problems::url(channel, &mut found);
    problems::to(
        channel,
        is_chat,
        "a chat: its number (of a group with a minus), or @name of a public one",
        &mut found,
    );
    found
}

pub(super) fn is_chat(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = (1..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let name = text.strip_prefix('@').unwrap_or_default();
    is_number || (!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
}

struct Telegram {
    place: Place,
    token: Secret,
    to: Vec<String>,
    /// Buttons that were pressed, to be told what came of it.
    pressed: Vec<update::Pressed>,
}

fn read(config: &ChannelConfig) -> Result<Telegram, String> {
    let token = read_secret(&config.token, &config.token_file)?.unwrap_or_default();
    let to = config.to.clone().unwrap_or_default();
    Ok(Telegram { place: Place::new(config, USUAL), token, to, pressed: Vec::new() })
}

fn open(config: &ChannelConfig) -> Result<Box<dyn Channel>, String> {
    read(config).map(OneByOne::boxed)
}

fn ear(config: &ChannelConfig) -> Opened {
    Ok(Some(Box::new(read(config)?)))
}

impl Telegram {
    fn ask_for(&self, method: &str, body: &Value) -> Result<http::Request, Failure> {
        self.place.json(&format!("/bot{}/{method}", self.token.reveal()), body)
    }

    /// The button stops turning and goes away, unless it is to be pressed again. A nicety: when it fails, the deed is done all the same.
    async fn confirm(&self, pressed: &update::Pressed, outcome: Outcome, post: &Post<'_>) {
        let word = match outcome {
            Outcome::Done => "Noted: you have it.",
            Outcome::Taken => "Somebody has it already.",
            Outcome::Over => "It is over already.",
            Outcome::Older => "Nobody has it any more, maybe since then: if you have it, press again.",
            Outcome::Stranger => "This is not the message that the page was sent as.",
            Outcome::NotNow => return,
        };
        let told = json!({"callback_query_id": pressed.query, "text": word});
        let without = json!({"chat_id": pressed.chat, "message_id": pressed.message, "reply_markup": {"inline_keyboard": []}});
        let words = [("answerCallbackQuery", told), ("editMessageReplyMarkup", without)];
        for (method, body) in words.into_iter().take(if outcome == Outcome::Older { 1 } else { 2 }) {
            if let Ok(request) = self.ask_for(method, &body)
                && let Err(failure) = call(&request, post).await
            {
                tracing::debug!(why = failure.why(), "a button of Telegram was not told that it is done");
            }
        }
    }
}

impl Provider for Telegram {
    fn recipients(&self, letter: &Letter) -> Result<Vec<String>, Failure> {
        super::recipients(letter, &self.to, WAY, is_chat)
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
        let all: Vec<text::Said> =
            letters.iter().map(|letter| text::said(letter, post.settings, post.now)).collect();
        let lines: Vec<String> = match all.as_slice() {
            [one] => vec![format!("{}\n\n{}", one.headline, text::short(one))],
            many => many.iter().map(|said| format!("• {}", said.headline)).collect(),
        };
        let buttons = letters.iter().zip(&all).filter(|(letter, _)| letter.token.is_some());
        let press = |(letter, said): (&&Letter, &text::Said)| {
            let label = if all.len() == 1 {
                "Acknowledge".into()
            } else {
                format!("Ack {}", cut(&said.headline, 40))
            };
            json!([{"text": label, "callback_data": update::data(letter.waiting.page.id)}])
        };
        let mut keyboard: Vec<Value> = buttons.map(press).collect();
        // Telegram refuses buttons that lead to this machine only.
        if !post.settings.url_is_local {
            keyboard.push(json!([{"text": "Look", "url": all[0].link}]));
        }
        let body = json!({
            "chat_id": to,
            "text": cut(&lines.join("\n"), MESSAGE_MAX),
            "link_preview_options": {"is_disabled": true},
            "disable_notification": !letters.iter().any(|letter| letter.waiting.page.kind.is_problem()),
            "reply_markup": {"inline_keyboard": keyboard},
        });
        Ok(vec![self.ask_for("sendMessage", &body)?])
    }

    fn taken(&self, answer: &http::Answer, _to: &str, _letters: &[&Letter], _post: &Post<'_>) -> Sent {
        let answer: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        Sent::called(update::handle(&answer["result"]))
    }

    /// The pause that Telegram asks for stands in the body.
    fn judge(&self, answer: &http::Answer) -> Result<(), Failure> {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        if answer.status.as_u16() != 429 {
            // Whoever has blocked the bot, or is not there.
            let is_unknown = body["description"].as_str().is_some_and(|said| said.contains("chat not found"));
            let of_receiver = answer.status.as_u16() == 403 || is_unknown;
            return judge_own(answer, body["ok"] == true)
                .map_err(|failure| failure.of_person(self.to.is_empty() && of_receiver));
        }
        let seconds = body["parameters"]["retry_after"].as_u64().map(Duration::from_secs);
        Err(Failure::Channel { why: said(answer), after: seconds.or_else(|| asked_pause(answer)) })
    }
}

impl Asks for Telegram {
    /// The waiting is done at Telegram.
    const EVERY: Duration = Duration::from_secs(1);
    const ENDS_WHEN_TAKEN: bool = true;

    async fn ask(&mut self, _open: &[Handle], cursor: &str, post: &Post<'_>) -> Result<Heard, Failure> {
        let path = format!(
            "/bot{}/getUpdates?timeout={}&allowed_updates=%5B%22callback_query%22%5D{}",
            self.token.reveal(),
            TELEGRAM_WAITS.as_secs(),
            if cursor.is_empty() { String::new() } else { format!("&offset={cursor}") },
        );
        let mut request = self.place.request(Method::GET, &path)?;
        request.timeout = TELEGRAM_WAITS + CALL_TIMEOUT;
        let answer = asked(&request, post).await?;
        let (heard, pressed) = update::heard(&answer);
        self.pressed = pressed;
        Ok(heard)
    }

    async fn told(&mut self, came: &[(Said, Outcome)], post: &Post<'_>) {
        for (pressed, (_, outcome)) in std::mem::take(&mut self.pressed).iter().zip(came) {
            self.confirm(pressed, *outcome, post).await;
        }
    }
}

impl Illustrator for Telegram {
    /// As an answer to the page, without a sound.
    fn show<'w>(&'w self, shown: &'w Shown, post: &'w Post<'w>) -> Work<'w, Result<(), Failure>> {
        Box::pin(async move {
            let handle = shown.handle.as_deref().and_then(|handle| handle.split_once('/'));
            let Some((chat, message)) = handle else { return Ok(()) };
            let above = json!({"message_id": message.parse::<i64>().unwrap_or_default()}).to_string();
            let caption = pictures::caption(&shown.letter);
            let fields = [
                ("chat_id", chat),
                ("caption", &cut(&caption, CAPTION_MAX)),
                ("disable_notification", "true"),
                ("reply_parameters", &above),
            ];
            let path = format!("/bot{}/sendPhoto", self.token.reveal());
            let request = self.place.multipart(&path, &fields, ("photo", &shown.picture))?;
            judge(&call(&request, post).await?)
        })
    }
}
