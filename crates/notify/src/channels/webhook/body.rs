//! What a webhook gets.

use serde_json::{Value, json};

use crate::channels::Letter;
use crate::sender::Settings;
use crate::text;

pub fn json(letter: &Letter, settings: &Settings, now: i64) -> Value {
    let page = &letter.waiting.page;
    let message = &page.message;
    let said = text::said(letter, settings, now);
    json!({
        "version": 1,
        "event": page.kind.word(),
        "incident": page.incident,
        "contact": &*page.contact,
        "channel": &*page.channel,
        "at": page.at.0,
        "headline": said.headline,
        "about": message.about.word(),
        "name": message.name,
        "instance": message.instance,
        "title": message.title,
        "state": message.state,
        "since": message.since,
        "until": message.until,
        "value": message.value,
        "warning": message.warning,
        "critical": message.critical,
        "output": message.text,
        "bad": message.bad,
        "instances": message.instances.iter().map(|named| {
            json!({"instance": named.instance, "state": named.state, "output": named.text})
        }).collect::<Vec<_>>(),
        "description": message.description,
        "playbook": message.playbook,
        "author": message.author,
        "comment": message.comment,
        "number": message.number,
        "instead_of": message.instead_of,
        "changed": letter.marks.iter().map(|mark| json!({"at": mark.at, "what": mark.what})).collect::<Vec<_>>(),
        "usual": letter.usual,
        "link": said.link,
        "acknowledge": said.acknowledge,
        "links_are_local": settings.url_is_local,
        "text": text::plain(&said),
    })
}
