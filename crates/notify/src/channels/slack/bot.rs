//! By an app of your own: one message for each incident, which shows how it stands, with what happens next below it.

use std::sync::Arc;

use incidents::page::PageKind;
use outbound::{Url, http};
use serde_json::{Value, json};

use super::api::{self, Api, asked, verdict};
use super::{WAY, blocks, is_place};
use crate::channels::pictures::{self, Illustrator, Shown};
use crate::channels::post::{OneByOne, Provider, call, judge};
use crate::channels::{self, Channel, Letter, Post, Sent, Work};
use crate::config::{ChannelConfig, read_secret};
use crate::limits::{CLOCKS_DIFFER_SECONDS, HISTORY_MESSAGES, LOOKS_BELOW};
use crate::retry::Failure;

/// A list of several incidents: no one of them changes it.
const LIST: char = '+';
const EVENT: &str = "bellwether_page";

pub struct Bot {
    api: Api,
    to: Vec<String>,
    /// Somebody hears what is pressed.
    hears: bool,
}

pub fn read(config: &ChannelConfig) -> Result<Bot, String> {
    let token = read_secret(&config.bot_token, &config.bot_token_file)?.unwrap_or_default();
    let hears = config.app_token.is_some() || config.app_token_file.is_some();
    Ok(Bot { api: Api::new(config, token), to: config.to.clone().unwrap_or_default(), hears })
}

pub fn open(config: &ChannelConfig) -> Result<Box<dyn Channel>, String> {
    read(config).map(OneByOne::boxed)
}

/// A message of ours.
struct Above<'l> {
    room: &'l str,
    ts: &'l str,
    is_list: bool,
}

fn above_of(handle: &str) -> Option<Above<'_>> {
    let (room, ts) = handle.split_once('/')?;
    Some(Above { room, ts: ts.trim_end_matches(LIST), is_list: ts.ends_with(LIST) })
}

impl Bot {
    /// The first message of this incident in the same place.
    fn above<'l>(&self, letter: &'l Letter) -> Option<Above<'l>> {
        let is_here = |contact: &Arc<str>| !self.to.is_empty() || *contact == letter.waiting.page.contact;
        let (_, handle) = letter.earlier.iter().find(|(contact, _)| is_here(contact))?;
        above_of(handle)
    }

    fn said_anew(&self, to: &str, letters: &[&Letter], post: &Post<'_>) -> Result<http::Request, Failure> {
        let mut body = blocks::message(letters, post, self.hears);
        body["channel"] = to.into();
        body["metadata"] = metadata(letters, post);
        self.api.json("chat.postMessage", &body)
    }

    /// How it stands now is shown by the message itself; that something happened, by a word below it.
    fn said_below(
        &self,
        above: &Above<'_>,
        letter: &Letter,
        post: &Post<'_>,
    ) -> Result<Vec<http::Request>, Failure> {
        let kind = letter.waiting.page.kind;
        let mut requests = Vec::new();
        let changes = kind.is_problem() || kind.is_end() || kind == PageKind::Acknowledgement;
        if changes && !above.is_list {
            let mut body = blocks::message(&[letter], post, self.hears);
            (body["channel"], body["ts"]) = (above.room.into(), above.ts.into());
            requests.push(self.api.json("chat.update", &body)?);
        }
        let mut body = blocks::word(letter, post);
        body["metadata"] = metadata(&[letter], post);
        (body["channel"], body["thread_ts"]) = (above.room.into(), above.ts.into());
        // What is news to people who are not in the thread is shown in the room as well.
        body["reply_broadcast"] = kind.is_problem().into();
        requests.push(self.api.json("chat.postMessage", &body)?);
        Ok(requests)
    }

    /// Of letters that one of us may have sent and died: those that are there, with their messages.
    async fn look_back(
        &self,
        to: &str,
        letters: &[&Letter],
        post: &Post<'_>,
    ) -> Result<Vec<(i64, Sent)>, Failure> {
        let room = self.room(to, post).await?;
        let oldest = letters.iter().map(|letter| letter.waiting.page.at.0).min().unwrap_or(post.now);
        let oldest = (oldest - CLOCKS_DIFFER_SECONDS).to_string();
        let fields = [
            ("channel", room.as_str()),
            ("oldest", &oldest),
            ("include_all_metadata", "true"),
            ("limit", HISTORY_MESSAGES),
        ];
        let answer = asked(&self.api.form("conversations.history", &fields)?, post).await?;
        let messages = answer["messages"].as_array().into_iter().flatten();
        let found = messages.flat_map(|message| pages_of(message, &room, &post.settings.server_id));
        let wanted = |page: i64| letters.iter().any(|letter| letter.waiting.page.id == page);
        Ok(found.filter(|(page, _)| wanted(*page)).collect())
    }

    /// The same of a word below a message. It has no name of its own there: the message has.
    async fn look_below(
        &self,
        above: &Above<'_>,
        letter: &Letter,
        post: &Post<'_>,
    ) -> Result<Option<i64>, Failure> {
        let page = &letter.waiting.page;
        let oldest = (page.at.0 - CLOCKS_DIFFER_SECONDS).to_string();
        let fields = [
            ("channel", above.room),
            ("ts", above.ts),
            ("oldest", &oldest),
            ("include_all_metadata", "true"),
            ("limit", HISTORY_MESSAGES),
        ];
        let answer = asked(&self.api.form("conversations.replies", &fields)?, post).await?;
        let messages = answer["messages"].as_array().into_iter().flatten();
        let mut told = messages.flat_map(|message| pages_of(message, above.room, &post.settings.server_id));
        Ok(told.any(|(told, _)| told == page.id).then_some(page.id))
    }

    /// People are written to in a conversation of their own.
    async fn room(&self, to: &str, post: &Post<'_>) -> Result<String, Failure> {
        if !to.starts_with(['U', 'W']) {
            return Ok(to.to_owned());
        }
        let answer = asked(&self.api.form("conversations.open", &[("users", to)])?, post).await?;
        Ok(answer["channel"]["id"].as_str().unwrap_or(to).to_owned())
    }

    async fn find(&self, letters: &[Letter], post: &Post<'_>) -> Result<Vec<(i64, Sent)>, Failure> {
        let mut found = Vec::new();
        let mut by_place: Vec<(String, Vec<&Letter>)> = Vec::new();
        for letter in letters.iter().filter(|letter| is_uncertain(letter, post.since)) {
            if let Some(above) = self.above(letter) {
                let there = may_look(self.look_below(&above, letter, post).await)?;
                found.extend(there.flatten().map(|page| (page, Sent::default())));
                continue;
            }
            let Some(to) = self.recipients(letter).ok().and_then(|mut to| to.pop()) else { continue };
            match by_place.iter_mut().find(|(place, _)| *place == to) {
                Some((_, letters)) => letters.push(letter),
                None => by_place.push((to, vec![letter])),
            }
        }
        for (to, letters) in by_place {
            let there = may_look(self.look_back(&to, &letters, post).await)?;
            found.extend(there.into_iter().flatten());
        }
        Ok(found)
    }

    /// Uploaded, and then shown below the page.
    async fn upload(&self, shown: &Shown, post: &Post<'_>) -> Result<(), Failure> {
        let Some(above) = shown.handle.as_deref().and_then(above_of) else { return Ok(()) };
        let length = shown.picture.len().to_string();
        let fields = [("filename", pictures::FILE_NAME), ("length", length.as_str())];
        let place = asked(&self.api.form("files.getUploadURLExternal", &fields)?, post).await?;
        let url = Url::parse(place["upload_url"].as_str().unwrap_or_default())
            .map_err(|why| Failure::Never { why })?;
        let mut request = self.api.place().at(http::post(), url);
        request.body = shown.picture.clone().into();
        judge(&call(&request, post).await?)?;
        let title = pictures::caption(&shown.letter);
        let body = json!({"files": [{"id": place["file_id"], "title": title}], "channel_id": above.room, "thread_ts": above.ts});
        asked(&self.api.json("files.completeUploadExternal", &body)?, post).await.map(|_| ())
    }
}

/// It may have been sent by one of us who died before it was noted.
fn is_uncertain(letter: &Letter, since: i64) -> bool {
    letter.waiting.tries > 0 || letter.waiting.page.at.0 <= since
}

/// Without the right to look it may be said twice, which is better than never.
fn may_look<T>(looked: Result<T, Failure>) -> Result<Option<T>, Failure> {
    match looked {
        Ok(there) => Ok(Some(there)),
        Err(Failure::Never { why }) => {
            tracing::debug!(why, "Slack does not tell what is there already");
            Ok(None)
        }
        Err(failure) => Err(failure),
    }
}

/// What is shown to nobody, and says which pages it tells of.
fn metadata(letters: &[&Letter], post: &Post<'_>) -> Value {
    let pages: Vec<String> = letters.iter().map(|letter| letter.waiting.page.id.to_string()).collect();
    json!({"event_type": EVENT, "event_payload": {"server": post.settings.server_id, "pages": pages.join(",")}})
}

/// The pages that a message of this server tells of.
fn pages_of(message: &Value, room: &str, server_id: &str) -> Vec<(i64, Sent)> {
    let metadata = &message["metadata"];
    let (told, ts) = (&metadata["event_payload"], message["ts"].as_str());
    let (Some(ts), true) = (ts, metadata["event_type"] == EVENT && told["server"] == server_id) else {
        return Vec::new();
    };
    let pages: Vec<i64> =
        told["pages"].as_str().unwrap_or_default().split(',').filter_map(|page| page.parse().ok()).collect();
    let sent = Sent::called(Some(handle(room, ts, pages.len())));
    pages.into_iter().map(|page| (page, sent.clone())).collect()
}

fn handle(room: &str, ts: &str, pages: usize) -> String {
    let list = if pages > 1 { LIST.to_string() } else { String::new() };
    format!("{room}/{ts}{list}")
}

impl Provider for Bot {
    fn recipients(&self, letter: &Letter) -> Result<Vec<String>, Failure> {
        channels::recipients(letter, &self.to, WAY, is_place)
    }

    fn bundles(&self) -> bool {
        true
    }

    fn folds(&self) -> bool {
        true
    }

    /// Each word below a message is looked for by itself. What was found is noted before more is asked, so that a storm gets on.
    fn in_one_round(&self, letters: &[Letter], since: i64) -> usize {
        let is_looked_for = |letter: &Letter| is_uncertain(letter, since) && self.above(letter).is_some();
        let mut looked_for = letters.iter().enumerate().filter(|(_, letter)| is_looked_for(letter));
        looked_for.nth(LOOKS_BELOW).map_or(letters.len(), |(beyond, _)| beyond)
    }

    fn there_already<'w>(
        &'w self,
        letters: &'w [Letter],
        post: &'w Post<'w>,
    ) -> Work<'w, Result<Vec<(i64, Sent)>, Failure>> {
        Box::pin(self.find(letters, post))
    }

    fn requests(
        &self,
        to: &str,
        letters: &[&Letter],
        post: &Post<'_>,
    ) -> Result<Vec<http::Request>, Failure> {
        let [letter] = letters else { return Ok(vec![self.said_anew(to, letters, post)?]) };
        match self.above(letter) {
            Some(above) => self.said_below(&above, letter, post),
            // There is no message that could show it.
            None if letter.waiting.page.kind == PageKind::Acknowledgement => Ok(Vec::new()),
            None => Ok(vec![self.said_anew(to, letters, post)?]),
        }
    }

    fn taken(&self, answer: &http::Answer, _to: &str, letters: &[&Letter], _post: &Post<'_>) -> Sent {
        if letters.len() == 1 && self.above(letters[0]).is_some() {
            return Sent::default();
        }
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let named = body["channel"].as_str().zip(body["ts"].as_str());
        Sent::called(named.map(|(room, ts)| handle(room, ts, letters.len())))
    }

    /// Somebody has taken the message away, and all that was said below it: it is said anew.
    fn instead(
        &self,
        answer: &http::Answer,
        to: &str,
        letters: &[&Letter],
        post: &Post<'_>,
    ) -> Option<Result<http::Request, Failure>> {
        api::is_of_gone_thread(answer).then(|| self.said_anew(to, letters, post))
    }

    fn judge(&self, answer: &http::Answer) -> Result<(), Failure> {
        if api::is_of_gone_message(answer) {
            return Ok(());
        }
        verdict(answer).map(|_| ())
    }
}

impl Illustrator for Bot {
    fn show<'w>(&'w self, shown: &'w Shown, post: &'w Post<'w>) -> Work<'w, Result<(), Failure>> {
        Box::pin(self.upload(shown, post))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channels::tests::letter;

    #[test]
    fn of_words_that_are_looked_for_a_few_are_dealt_with_at_once() {
        let config = json!({"name": "x", "type": "slack", "bot_token": "xoxb-1"});
        let bot = read(&serde_json::from_value(config).unwrap()).unwrap();
        let word = || Letter { earlier: vec![("ana".into(), "C1/1.2".into())], ..letter() };
        let mut letters: Vec<Letter> = (0..60).map(|_| word()).collect();
        letters[3] = letter();
        let made = letters[0].waiting.page.at.0;
        assert_eq!(bot.in_one_round(&letters, made - 1), 60, "none of them can be there");
        assert_eq!(bot.in_one_round(&letters, made), LOOKS_BELOW + 1);
        letters.truncate(LOOKS_BELOW);
        assert_eq!(bot.in_one_round(&letters, made), LOOKS_BELOW);
    }
}
