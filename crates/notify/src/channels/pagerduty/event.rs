//! What PagerDuty gets: an alert event, or for what is no alert a change event. Pure.

use incidents::page::PageKind;
use serde_json::{Map, Value, json};
use vocabulary::state::State;

use crate::channels::{Letter, Post, pictures};
use crate::readable::readable;
use crate::text::{self, Said, cut};

const ALERTS: &str = "/v2/enqueue";
const CHANGES: &str = "/v2/change/enqueue";
/// PagerDuty's own bounds.
const SUMMARY_MAX: usize = 1_024;
/// Of an event 512 KB; no part of ours comes near it.
const DETAIL_MAX: usize = 8_000;

/// Where to, and what.
pub fn of(letter: &Letter, routing_key: &str, post: &Post<'_>) -> (&'static str, Value) {
    let page = &letter.waiting.page;
    let said = text::said(letter, post.settings, post.now);
    let action = match page.kind {
        kind if kind.is_problem() => "trigger",
        PageKind::Recovery | PageKind::Resolved => "resolve",
        PageKind::Acknowledgement => "acknowledge",
        _ => return (CHANGES, change(&said, routing_key, page.at.0)),
    };
    let mut event = json!({
        "routing_key": routing_key,
        "event_action": action,
        "dedup_key": text::dedup_key(page, &post.settings.server_id),
    });
    if action == "trigger" {
        let more = trigger(letter, &said);
        if let (Some(event), Value::Object(more)) = (event.as_object_mut(), more) {
            event.extend(more);
        }
    }
    (ALERTS, event)
}

fn trigger(letter: &Letter, said: &Said) -> Value {
    let page = &letter.waiting.page;
    let message = &page.message;
    let source = if message.instance.is_empty() { &message.name } else { &message.instance };
    let mut links = vec![json!({"href": said.link, "text": "The incident in Bellwether"})];
    links.extend(said.acknowledge.iter().map(|link| json!({"href": link, "text": "Acknowledge"})));
    links.extend(said.playbook_link().map(|link| json!({"href": link, "text": "Playbook"})));
    // It takes pictures by https only, and else refuses the event.
    let graph = letter.graph.iter().filter(|graph| graph.starts_with("https://"));
    let images: Vec<Value> = graph
        .map(|graph| json!({"src": graph, "href": said.link, "alt": pictures::caption(letter)}))
        .collect();
    json!({
        "payload": {
            "summary": cut(&said.headline, SUMMARY_MAX),
            "source": readable(source),
            "severity": severity(message.state),
            "timestamp": text::utc(message.since),
            "component": readable(&message.name),
            "class": message.about.word(),
            "custom_details": details(said),
        },
        "links": links,
        "images": images,
        "client": "Bellwether",
        "client_url": said.link,
    })
}

fn details(said: &Said) -> Map<String, Value> {
    let mut details = Map::new();
    let lists = [("Bad now", &said.instances), ("Changed shortly before", &said.marks)];
    let lists = lists.into_iter().filter(|(_, lines)| !lines.is_empty());
    let texts = [("It says", Some(&said.output)), ("What to do", said.playbook.as_ref())];
    let texts = texts.into_iter().filter_map(|(word, text)| Some((word, text?)));
    details.extend(said.facts.iter().map(|(word, what)| ((*word).to_owned(), Value::from(what.as_str()))));
    details.extend(
        texts
            .filter(|(_, text)| !text.is_empty())
            .map(|(word, text)| (word.to_owned(), cut(text, DETAIL_MAX).into())),
    );
    details.extend(lists.map(|(word, lines)| (word.to_owned(), cut(&lines.join("\n"), DETAIL_MAX).into())));
    details
}

fn severity(state: State) -> &'static str {
    match state {
        State::Critical | State::Down => "critical",
        State::Unknown | State::Unreachable => "error",
        State::Warning => "warning",
        State::Ok | State::Up => "info",
    }
}

fn change(said: &Said, routing_key: &str, at: i64) -> Value {
    json!({
        "routing_key": routing_key,
        "payload": {"summary": cut(&said.headline, SUMMARY_MAX), "timestamp": text::utc(at), "source": "Bellwether"},
        "links": [{"href": said.link, "text": "Bellwether"}],
    })
}
