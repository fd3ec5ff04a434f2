//! What StatsD clients send beside numbers: events become annotations; service checks wait for monitors.

use ingest::Flushed;

use crate::house::House;

pub fn keep(house: &House, flushed: Flushed) {
    for (received, event) in flushed.events {
        let at = event.time.unwrap_or(received);
        let tags: Vec<String> =
            event.tags.iter().map(|tag| tag.split_whitespace().collect::<Vec<_>>().join("_")).collect();
        let what: String = event.title.chars().take(http_api::annotations::MAX_WHAT).collect();
        if let Err(error) = http_api::annotations::add(&house.state, at.0 as f64, &what, &tags, &event.text) {
            tracing::warn!(title = what, "an event of a StatsD client was not kept: {error}");
        }
    }
}
