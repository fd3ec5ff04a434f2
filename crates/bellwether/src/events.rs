//! What a flush of StatsD has beside points: events become annotations, the log of frequent names is written.

use std::fs::OpenOptions;
use std::io::{self, Write};

use ingest::Flushed;
use statsd::key_flush::KeyLog;
use vocabulary::Timestamp;
use vocabulary::sample::Event;

use crate::house::House;

pub fn keep(house: &House, flushed: Flushed) {
    for (received, event) in flushed.events {
        annotate(house, received, event);
    }
    if let Some(log) = flushed.key_log
        && let Err(error) = append(&log)
    {
        let path = log.path.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
        tracing::warn!(path, "statsd.key_flush.log was not written: {error}");
    }
}

fn annotate(house: &House, received: Timestamp, event: Event) {
    let at = event.time.unwrap_or(received);
    let tags: Vec<String> =
        event.tags.iter().map(|tag| tag.split_whitespace().collect::<Vec<_>>().join("_")).collect();
    let what: String = event.title.chars().take(http_api::annotations::MAX_WHAT).collect();
    if let Err(error) = http_api::annotations::add(&house.state, at.0 as f64, &what, &tags, &event.text) {
        tracing::warn!(title = what, "an event of a StatsD client was not kept: {error}");
    }
}

/// To standard output without a file, as the original.
fn append(log: &KeyLog) -> io::Result<()> {
    match &log.path {
        Some(path) => {
            OpenOptions::new().append(true).create(true).open(path)?.write_all(log.lines.as_bytes())
        }
        None => io::stdout().lock().write_all(log.lines.as_bytes()),
    }
}
