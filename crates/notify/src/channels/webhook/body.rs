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
        "last_time": letter.last_time,
        "link": said.link,
        "acknowledge": said.acknowledge,
        "graph": letter.graph,
        "links_are_local": settings.url_is_local,
        "text": text::plain(&said),
    })
}

/// What templates see: the same, and what is of use in forms of others.
pub fn for_template(letter: &Letter, settings: &Settings, now: i64) -> Value {
    let page = &letter.waiting.page;
    let said = text::said(letter, settings, now);
    let mut body = json(letter, settings, now);
    body["facts"] = said.facts.iter().map(|(word, what)| json!({"word": word, "what": what})).collect();
    body["changes"] = said.marks.join("; ").into();
    body["key"] = text::dedup_key(page, &settings.server_id).into();
    body["since_utc"] = text::utc(page.message.since).into();
    body["until_utc"] = page.message.until.map(text::utc).into();
    body
}

/// A page to try a template with.
pub fn sample() -> Value {
    json!({
        "version": 1, "event": "problem", "incident": 12, "contact": "ana", "channel": "chat", "at": 1_700_000_300,
        "headline": "CRITICAL: api-latency (2 instances)", "about": "monitor", "name": "api-latency", "instance": "api.eu",
        "title": "api-latency", "state": "CRITICAL", "since": 1_700_000_290, "until": null, "value": 912.4,
        "warning": "> 300", "critical": "> 800", "output": "912.4", "bad": 2,
        "instances": [{"instance": "api.eu", "state": "CRITICAL", "output": "912.4"}],
        "description": null, "playbook": "https://wiki.example/api", "author": "", "comment": "", "number": null,
        "instead_of": null, "changed": [{"at": 1_700_000_200, "what": "deployed 4.2 (deploy)"}],
        "usual": "12 to 80 on the day before", "last_time": "12 min, ana: restarted the proxy", "link": "https://bell.example/incidents/12",
        "acknowledge": "https://bell.example/a/TOKEN", "links_are_local": false,
        "graph": "https://bell.example/a/graph/SEEN.png",
        "text": "What to do\n  https://wiki.example/api\n\nAcknowledge\n  https://bell.example/a/TOKEN\n",
        "facts": [{"word": "State", "what": "CRITICAL"}], "changes": "2023-11-14 22:16:40 UTC deployed 4.2 (deploy)", "key": "bellwether-incident-12-0", "since_utc": "2023-11-14T22:18:10Z",
        "until_utc": null,
    })
}
