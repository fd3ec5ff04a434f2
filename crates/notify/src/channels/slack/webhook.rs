//! By an incoming webhook: a message that can neither be changed nor answered there.

use hyper::Method;
use outbound::{Url, http};
use serde_json::{Value, json};

use super::blocks;
use crate::channels::pictures;
use crate::channels::post::{OneByOne, Place, Provider, asked_pause, header, judge_own, said};
use crate::channels::{Channel, Letter, Post};
use crate::config::{ChannelConfig, Secret};
use crate::retry::Failure;

struct Webhook {
    place: Place,
    url: Url,
}

pub fn open(config: &ChannelConfig) -> Result<Box<dyn Channel>, String> {
    let url = Url::parse(config.url.as_ref().map_or("", Secret::reveal))?;
    Ok(OneByOne::boxed(Webhook { place: Place::new(config, ""), url }))
}

impl Provider for Webhook {
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
        let mut message = blocks::message(letters, post, false);
        if let ([letter], Some(attachments)) = (letters, message["attachments"].as_array_mut()) {
            // A block of a picture that Slack cannot fetch would have it refuse the whole message.
            let picture = |url: &String| json!({"fallback": pictures::caption(letter), "image_url": url});
            attachments.extend(letter.graph.as_ref().map(picture));
        }
        request.body = message.to_string().into();
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
            _ => judge_own(answer, says_yes(&body)),
        }
    }
}

/// As one word. Slack's own is `ok`; chats that take its messages say so in other ways too.
const YES: [&str; 6] = ["ok", "1", "true", "success", "accepted", "received"];

/// In words or as JSON. A page of a proxy that wants a sign-in says no such thing.
fn says_yes(body: &str) -> bool {
    let is_yes = |word: &str| YES.iter().any(|yes| word.trim().eq_ignore_ascii_case(yes));
    let says = |said: &Value| match said {
        Value::Bool(said) => *said,
        Value::String(word) => is_yes(word),
        _ => false,
    };
    match serde_json::from_str(body) {
        Ok(Value::Object(said)) => {
            ["ok", "success", "status", "result"].iter().filter_map(|key| said.get(*key)).any(says)
                && said.get("ok") != Some(&Value::Bool(false))
                && said.get("success") != Some(&Value::Bool(false))
        }
        Ok(Value::String(word)) => is_yes(&word),
        _ => is_yes(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chats_that_take_slacks_messages_say_yes_in_their_own_words() {
        let check = |body: &str, wanted: bool| assert_eq!(says_yes(body), wanted, "{body}");
        check("ok", true);
        check("OK\n", true);
        check("1", true);
        check("\"ok\"", true);
        check(r#"{"ok":true}"#, true);
        check(r#"{"success":true}"#, true);
        check(r#"{"result":"success","msg":"","id":7}"#, true);
        check(r#"{"status":"accepted"}"#, true);
        check(r#"{"ok":false,"error":"invalid_payload"}"#, false);
        check(r#"{"success":false,"status":"ok"}"#, false);
        check(r#"{"result":"error","msg":"no such stream"}"#, false);
        check(r#"{"redirect":"https://portal.example"}"#, false);
        check("[]", false);
        check("", false);
        check("ok, now sign in", false);
        check("<html>ok</html>", false);
    }
}
