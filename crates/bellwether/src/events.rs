//! What a flush of StatsD has beside points: what became of these is counted, events become annotations, the log of
//! frequent names is written.

use std::fs::OpenOptions;
use std::io::{self, Write};

use http_api::annotations::{self, NewAnnotation};
use ingest::Flushed;
use statsd::key_flush::KeyLog;
use vocabulary::Timestamp;
use vocabulary::sample::Event;

use crate::house::House;

pub fn keep(house: &House, flushed: Flushed) {
    let mut report = house.flush_report.lock();
    report.add(flushed.points);
    report.add(flushed.sketches);
    drop(report);
    annotate(house, flushed.events);
    log_keys(flushed.key_log);
}

/// The most frequent names, when it was time for them.
pub fn log_keys(log: Option<KeyLog>) {
    if let Some(log) = log
        && let Err(error) = append(&log)
    {
        let path = log.path.as_deref().map(|path| path.display().to_string()).unwrap_or_default();
        tracing::warn!(path, "statsd.key_flush.log was not written: {error}");
    }
}

fn annotate(house: &House, events: Vec<(Timestamp, Event)>) {
    let all: Vec<NewAnnotation> = events.into_iter().map(|(received, event)| new(received, event)).collect();
    match annotations::add_all(&house.state, &all) {
        Ok(0) => {}
        Ok(refused) => {
            tracing::warn!(refused, "events of StatsD clients with too many tags or impossible times")
        }
        Err(error) => tracing::warn!(events = all.len(), "events of StatsD clients were not kept: {error}"),
    }
}

pub fn new(received: Timestamp, event: Event) -> NewAnnotation {
    let word = |tag: &String| tag.split_whitespace().collect::<Vec<_>>().join("_");
    NewAnnotation {
        at: event.time.unwrap_or(received).0 as f64,
        what: event.title.chars().take(annotations::MAX_WHAT).collect(),
        tags: event.tags.iter().map(word).collect(),
        data: event.text,
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
