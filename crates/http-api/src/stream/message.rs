//! The events' data as text.

use axum::response::sse::Event;
use incidents::Seen;
use serde_json::{Value, json};

use vocabulary::state::StateChange;

use super::hub::End;
use super::watch::{Row, SeriesHead};
use crate::control::State;
use crate::evaluate::TargetError;

pub fn hello(stream: &str, now: f64, build: &str) -> Event {
    Event::default().event("hello").data(json!({"stream": stream, "now": now, "build": build}).to_string())
}

/// Why the stream ends now, though the server goes on: the last event of it.
pub fn end(reason: End) -> Event {
    let (reason, error, hint) = match reason {
        End::Expired => (
            "expired",
            "the session or token of this stream has ended",
            "sign in again, or use a token that still holds: bellwether token create NAME --role viewer",
        ),
        End::Changed => (
            "changed",
            "what may be seen here, or by whom, has changed",
            "open the stream again: whoever still may sees what is theirs now",
        ),
    };
    Event::default().event("end").data(json!({"reason": reason, "error": error, "hint": hint}).to_string())
}

/// Which series a target has now.
pub fn series(target: usize, text: &str, heads: &[SeriesHead], error: Option<&TargetError>) -> Event {
    let data = json!({"target": target, "text": text, "series": heads, "error": error});
    Event::default().event("series").data(data.to_string())
}

pub fn state(health: State, read_only: Option<&str>) -> Event {
    Event::default().event("state").data(json!({"health": health, "read_only": read_only}).to_string())
}

/// What is watched and is in another state than before.
pub fn changes(changes: &[&StateChange]) -> Event {
    let one = |change: &&StateChange| {
        let host = change.id.monitor.strip_prefix(monitors::machine::HOST_PREFIX);
        json!({
            "monitor": if host.is_some() { None } else { Some(&*change.id.monitor) },
            "host": host,
            "instance": if change.id.instance.is_empty() { None } else { Some(&*change.id.instance) },
            "at": change.at.0,
            "from": change.from,
            "state": change.to,
            "state_type": change.to_type,
            "attempt": change.attempt,
            "value": change.value.filter(|value| value.is_finite()),
            "text": &*change.text,
            "withheld": change.withheld,
        })
    };
    let all: Vec<_> = changes.iter().map(one).collect();
    Event::default().event("changes").data(json!({ "changes": all }).to_string())
}

/// Incidents to which something has happened, as they are now.
pub fn incidents(seen: &[Seen]) -> Event {
    let one = |seen: &Seen| {
        json!({
            "id": seen.id,
            "title": seen.title,
            "phase": seen.phase.word(),
            "severity": seen.severity,
            "owner": seen.owner,
            "opened": seen.opened,
            "closed": seen.closed,
            "bad": seen.bad,
        })
    };
    let all: Vec<_> = seen.iter().map(one).collect();
    Event::default().event("incidents").data(json!({ "incidents": all }).to_string())
}

/// Groups of errors, as the API lists them.
pub fn errors(new: &[Value], changed: &[Value]) -> Event {
    Event::default().event("errors").data(json!({"new": new, "changed": changed}).to_string())
}

/// New and corrected points, one row a series.
pub fn points(tick: i64, now: f64, rows: &[&Row]) -> Event {
    let mut text = format!("{{\"now\":{now},\"ids\":[");
    list(&mut text, rows, |text, row| text.push_str(&row.id.to_string()));
    text.push_str("],\"starts\":[");
    list(&mut text, rows, |text, row| text.push_str(&row.start.to_string()));
    text.push_str("],\"values\":[");
    list(&mut text, rows, |text, row| {
        text.push('[');
        list(text, &row.values, |text, value| push_number(text, *value));
        text.push(']');
    });
    text.push_str("]}");
    Event::default().event("points").id(tick.to_string()).data(text)
}

fn list<T>(text: &mut String, items: &[T], mut write: impl FnMut(&mut String, &T)) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write(text, item);
    }
}

/// JSON has no infinities; like Graphite we write them as numbers that overflow to them.
pub fn push_number(text: &mut String, value: f64) {
    use std::fmt::Write;
    if value.is_nan() {
        text.push_str("null");
    } else if value.is_infinite() {
        text.push_str(if value > 0.0 { "1e9999" } else { "-1e9999" });
    } else {
        write!(text, "{value}").expect("writing to a string does not fail");
    }
}
