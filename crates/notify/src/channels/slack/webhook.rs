//! By an incoming webhook: a message that can neither be changed nor answered there.

use hyper::Method;
use outbound::{Url, http};
use serde_json::json;

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
            _ => judge_own(answer, body.trim() == "ok"),
        }
    }
}
