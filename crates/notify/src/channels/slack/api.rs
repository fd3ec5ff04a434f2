//! Slack's Web API: what went wrong stands in the body of an answer that says 200.

use outbound::http;
use serde_json::Value;

use crate::channels::Post;
use crate::channels::post::{Place, asked_pause, call, header, judge, said};
use crate::config::{ChannelConfig, Secret};
use crate::retry::Failure;

const USUAL: &str = "https://slack.com/api";

pub struct Api {
    place: Place,
    token: Secret,
}

impl Api {
    pub fn new(config: &ChannelConfig, token: Secret) -> Api {
        Api { place: Place::new(config, USUAL), token }
    }

    pub fn place(&self) -> &Place {
        &self.place
    }

    pub fn json(&self, method: &str, body: &Value) -> Result<http::Request, Failure> {
        self.signed(self.place.json(&format!("/{method}"), body)?)
    }

    /// What reads takes forms only.
    pub fn form(&self, method: &str, fields: &[(&str, &str)]) -> Result<http::Request, Failure> {
        self.signed(self.place.form(&format!("/{method}"), fields)?)
    }

    fn signed(&self, mut request: http::Request) -> Result<http::Request, Failure> {
        header(&mut request, "Authorization", &format!("Bearer {}", self.token.reveal()))?;
        Ok(request)
    }
}

pub async fn asked(request: &http::Request, post: &Post<'_>) -> Result<Value, Failure> {
    let answer = call(request, post).await?;
    verdict(&answer)
}

pub fn verdict(answer: &http::Answer) -> Result<Value, Failure> {
    judge(answer)?;
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    if body["ok"] == true {
        return Ok(body);
    }
    let error = body["error"].as_str().unwrap_or_default();
    let why = match explained(error) {
        Some(cure) => format!("{}: {cure}", said(answer)),
        None => said(answer),
    };
    Err(match error {
        "ratelimited"
        | "rate_limited"
        | "internal_error"
        | "fatal_error"
        | "service_unavailable"
        | "request_timeout"
        | "team_added_to_org"
        | "" => Failure::Channel { why, after: asked_pause(answer) },
        // Somebody has taken the app back: until it is mended it takes nothing.
        "invalid_auth" | "account_inactive" | "token_revoked" | "token_expired" | "not_authed" => {
            Failure::Gone { why }
        }
        _ => Failure::Never { why },
    })
}

fn explained(error: &str) -> Option<&'static str> {
    match error {
        "not_in_channel" => Some("invite the app to the room: /invite @its-name"),
        "channel_not_found" => Some("`to` is the ID of a room that the app is in, or of a person"),
        "missing_scope" => Some("the app lacks a scope: docs/channels.md lists them"),
        "not_allowed_token_type" => Some("`bot_token` and `app_token` are mixed up"),
        _ => None,
    }
}

/// Of a message that somebody has taken away: there is nothing to change any more.
pub fn is_of_gone_message(answer: &http::Answer) -> bool {
    is_one_of(answer, &["message_not_found", "cant_update_message", "edit_window_closed"])
}

/// … and nothing can be said below it.
pub fn is_of_gone_thread(answer: &http::Answer) -> bool {
    is_one_of(answer, &["thread_not_found"])
}

fn is_one_of(answer: &http::Answer, errors: &[&str]) -> bool {
    let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    answer.status.is_success() && errors.iter().any(|word| body["error"] == *word)
}
