//! Pushover: a message of emergency priority, repeated there until somebody acknowledges it; its receipt tells who.

use std::time::Duration;

use incidents::{Handle, What};
use outbound::http;
use serde_json::Value;
use vocabulary::state::State;

use super::asks::Asks;
use super::pictures::{self, Illustrator, Pictures, Shown};
use super::post::{OneByOne, Place, Provider, asked, call, judge, judge_own};
use super::problems::{self, Problems};
use super::{Channel, Entry, Heard, Letter, Opened, Post, Said, Sent, Whose, Work};
use crate::config::{ChannelConfig, ChannelType, Secret, read_secret};
use crate::limits::{CALL_GIVE_UP_SECONDS, CLOCKS_DIFFER_SECONDS, RECEIPTS_EVERY};
use crate::retry::Failure;
use crate::text::{self, cut};

pub const ENTRY: Entry = Entry {
    kind: ChannelType::Pushover,
    word: "pushover",
    keys: &["token", "token_file", "to", "url", "ca_file"],
    problems,
    open,
    ear,
    give_up: CALL_GIVE_UP_SECONDS,
    posted: None,
    pictures: Pictures::After(|config| Ok(Some(Box::new(read(config)?)))),
    // It rings until it is told that somebody has it.
    follows: super::yes,
    reaches: super::yes,
};

const USUAL: &str = "https://api.pushover.net";
const WAY: &str = "pushover";
/// Pushover's own bounds.
const MESSAGE_MAX: usize = 1_024;
const TITLE_MAX: usize = 250;
const URL_MAX: usize = 512;
/// It rings again after so many seconds, for three hours, which is the most there is.
const RETRY: &str = "60";
const EXPIRE: &str = "10800";
const SILENT: &str = "-2";

fn problems(channel: &ChannelConfig) -> Problems {
    let mut found = Problems::new();
    problems::token(channel, Some("the API token of an application at Pushover"), &mut found);
    problems::url(channel, &mut found);
    problems::to(channel, is_key, "a key of a user or a group: 30 letters and digits", &mut found);
    found
}

pub(super) fn is_key(text: &str) -> bool {
    text.len() == 30 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

struct Pushover {
    place: Place,
    token: Secret,
    to: Vec<String>,
}

fn read(config: &ChannelConfig) -> Result<Pushover, String> {
    let token = read_secret(&config.token, &config.token_file)?.unwrap_or_default();
    Ok(Pushover { place: Place::new(config, USUAL), token, to: config.to.clone().unwrap_or_default() })
}

fn open(config: &ChannelConfig) -> Result<Box<dyn Channel>, String> {
    read(config).map(OneByOne::boxed)
}

fn ear(config: &ChannelConfig) -> Opened {
    Ok(Some(Box::new(read(config)?)))
}

impl Pushover {
    /// What rings because of this incident rings no more.
    fn cancel(&self, letter: &Letter, post: &Post<'_>) -> Result<http::Request, Failure> {
        let tag = text::dedup_key(&letter.waiting.page, &post.settings.server_id);
        self.place.form(&format!("/1/receipts/cancel_by_tag/{tag}.json"), &[("token", self.token.reveal())])
    }

    fn message(&self, to: &str, letters: &[&Letter], post: &Post<'_>) -> Result<http::Request, Failure> {
        let all: Vec<text::Said> =
            letters.iter().map(|letter| text::said(letter, post.settings, post.now)).collect();
        let (title, body) = match all.as_slice() {
            [one] => (one.headline.clone(), text::short(one)),
            many => (
                format!("{} notices: {}", many.len(), many[0].headline),
                many.iter().map(|said| said.headline.as_str()).collect::<Vec<_>>().join("\n"),
            ),
        };
        let tags: Vec<String> = letters
            .iter()
            .map(|letter| text::dedup_key(&letter.waiting.page, &post.settings.server_id))
            .collect();
        let (title, body, tags) = (cut(&title, TITLE_MAX), cut(&body, MESSAGE_MAX), tags.join(","));
        let priority = letters.iter().map(|letter| priority(letter)).max().unwrap_or_default();
        let priority_word = priority.to_string();
        let mut fields = vec![
            ("token", self.token.reveal()),
            ("user", to),
            ("title", &title),
            ("message", &body),
            ("priority", &priority_word),
        ];
        if priority == 2 {
            fields.extend([("retry", RETRY), ("expire", EXPIRE), ("tags", &tags)]);
        }
        if all[0].link.len() <= URL_MAX {
            fields.extend([("url", all[0].link.as_str()), ("url_title", "Look")]);
        }
        self.place.form("/1/messages.json", &fields)
    }
}

/// 2 rings until somebody has it.
fn priority(letter: &Letter) -> i8 {
    let page = &letter.waiting.page;
    match (page.kind.is_problem(), page.message.state) {
        (true, State::Critical | State::Down) => 2,
        (true, _) => 1,
        (false, _) => 0,
    }
}

impl Provider for Pushover {
    fn recipients(&self, letter: &Letter) -> Result<Vec<String>, Failure> {
        super::recipients(letter, &self.to, WAY, is_key)
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
        let quiet = |letter: &&&Letter| {
            let kind = letter.waiting.page.kind;
            kind.is_end() || kind == incidents::PageKind::Acknowledgement
        };
        let mut requests: Vec<http::Request> =
            letters.iter().filter(quiet).map(|letter| self.cancel(letter, post)).collect::<Result<_, _>>()?;
        let told: Vec<&Letter> = letters
            .iter()
            .filter(|letter| letter.waiting.page.kind != incidents::PageKind::Acknowledgement)
            .copied()
            .collect();
        if !told.is_empty() {
            requests.push(self.message(to, &told, post)?);
        }
        Ok(requests)
    }

    fn taken(&self, answer: &http::Answer, _to: &str, _letters: &[&Letter], _post: &Post<'_>) -> Sent {
        let answer: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        Sent::called(answer["receipt"].as_str().map(str::to_owned))
    }

    fn judge(&self, answer: &http::Answer) -> Result<(), Failure> {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let of_receiver = body["user"] == "invalid";
        judge_own(answer, body["status"] == 1)
            .map_err(|failure| failure.of_person(self.to.is_empty() && of_receiver))
    }
}

impl Asks for Pushover {
    const EVERY: Duration = RECEIPTS_EVERY;

    async fn ask(&mut self, open: &[Handle], _cursor: &str, post: &Post<'_>) -> Result<Heard, Failure> {
        let mut heard = Heard::default();
        for newest in super::newest_of_each(open).into_iter().filter(|one| !one.acknowledged) {
            let path = format!(
                "/1/receipts/{}.json?token={}",
                text::encode(&newest.handle),
                text::encode(self.token.reveal())
            );
            let receipt = match asked(&self.place.get(&path)?, post).await {
                Ok(receipt) => receipt,
                // A receipt is forgotten a week later.
                Err(Failure::Never { .. }) => continue,
                Err(failure) => return Err(failure),
            };
            // A receipt stays acknowledged, also when its incident is nobody's again.
            let is_new =
                receipt["acknowledged_at"].as_i64().is_none_or(|at| at >= newest.at - CLOCKS_DIFFER_SECONDS);
            if receipt["acknowledged"] == 1 && is_new {
                let device = receipt["acknowledged_by_device"].as_str().filter(|device| !device.is_empty());
                let how = format!("in Pushover, on {}", device.unwrap_or("a telephone"));
                // Whatever was told in one message is acknowledged together.
                let same = open.iter().filter(|one| one.handle == newest.handle);
                let said = |one: &Handle| Said {
                    whose: Whose::Page(one.page),
                    what: What::Acknowledge,
                    how: how.clone(),
                };
                heard.said.extend(same.map(said));
            }
        }
        Ok(heard)
    }
}

impl Illustrator for Pushover {
    /// A second message, of the priority that makes no sound.
    fn show<'w>(&'w self, shown: &'w Shown, post: &'w Post<'w>) -> Work<'w, Result<(), Failure>> {
        Box::pin(async move {
            let words = pictures::caption(&shown.letter);
            for to in self.recipients(&shown.letter)? {
                let fields = [
                    ("token", self.token.reveal()),
                    ("user", &to),
                    ("message", &cut(&words, MESSAGE_MAX)),
                    ("priority", SILENT),
                ];
                let request =
                    self.place.multipart("/1/messages.json", &fields, ("attachment", &shown.picture))?;
                judge(&call(&request, post).await?)?;
            }
            Ok(())
        })
    }
}
