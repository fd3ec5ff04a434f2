//! What Opsgenie gets. Pure.

use incidents::page::PageKind;
use serde_json::{Value, json};
use vocabulary::state::State;

use crate::channels::{Letter, Post};
use crate::readable::readable;
use crate::text::{self, cut};

/// Opsgenie's own bounds.
const MESSAGE_MAX: usize = 130;
const DESCRIPTION_MAX: usize = 15_000;
const ENTITY_MAX: usize = 512;
const NOTE_MAX: usize = 25_000;

/// Where to, and what; nothing for what is neither a beginning nor an end: an alert has no place for it.
pub fn of(letter: &Letter, responders: &[String], post: &Post<'_>) -> Option<(String, Value)> {
    let page = &letter.waiting.page;
    let said = text::said(letter, post.settings, post.now);
    let alias = text::dedup_key(page, &post.settings.server_id);
    let of_alias = |what: &str| format!("/v2/alerts/{}/{what}?identifierType=alias", text::encode(&alias));
    let note = json!({
        "user": if page.message.author.is_empty() { "Bellwether" } else { &page.message.author },
        "source": "Bellwether",
        "note": cut(&said.headline, NOTE_MAX),
    });
    match page.kind {
        kind if kind.is_problem() => {}
        PageKind::Recovery | PageKind::Resolved => return Some((of_alias("close"), note)),
        PageKind::Acknowledgement => return Some((of_alias("acknowledge"), note)),
        _ if page.incident.is_some() => return Some((of_alias("notes"), note)),
        _ => return None,
    }
    let message = &page.message;
    let entity = if message.instance.is_empty() { &message.name } else { &message.instance };
    let details: serde_json::Map<String, Value> =
        said.facts.iter().map(|(word, what)| ((*word).to_owned(), what.as_str().into())).collect();
    let mut alert = json!({
        "message": cut(&said.headline, MESSAGE_MAX),
        "alias": alias,
        "description": cut(&text::plain(&said), DESCRIPTION_MAX),
        "priority": priority(message.state),
        "source": "Bellwether",
        "entity": cut(&readable(entity), ENTITY_MAX),
        "tags": [message.about.word(), message.state.to_string()],
        "details": details,
    });
    if !responders.is_empty() {
        alert["responders"] = responders.iter().filter_map(|one| responder(one)).collect();
    }
    Some(("/v2/alerts".to_owned(), alert))
}

/// What is written to have people called again.
pub fn nobodys() -> Value {
    json!({"user": "Bellwether", "source": "Bellwether", "note": "it is nobody's any more, and still bad"})
}

/// `team:web`
pub fn responder(text: &str) -> Option<Value> {
    let (kind, name) = text.split_once(':').filter(|(_, name)| !name.trim().is_empty())?;
    match kind {
        "user" => Some(json!({"type": kind, "username": name})),
        "team" | "schedule" | "escalation" => Some(json!({"type": kind, "name": name})),
        _ => None,
    }
}

fn priority(state: State) -> &'static str {
    match state {
        State::Critical | State::Down => "P1",
        State::Unknown | State::Unreachable => "P2",
        State::Warning => "P3",
        State::Ok | State::Up => "P5",
    }
}
