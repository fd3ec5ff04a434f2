//! How every part is, for the Data page, the sentence on top of every page, and `/readyz`.

mod names;
mod storage;
mod ways_in;

use std::collections::HashMap;

use http_api::control::{Dropped, Health, Part, State, sentence, worst};
use series_store::StoreHealth;

use self::storage::{storage, store_part};
use self::ways_in::{
    FUTURE_HELP, LIMIT_HELP, NAME_HELP, TOO_OLD_HELP, bad_lines, journal_part, listener_part, outgoing_part,
    relay_parts,
};
use crate::house::House;
use crate::watcher::{STALLED_AFTER, doubts, links, outside};

pub use names::{newest, refused, widest};

const LISTED: usize = 20;
/// A collector that missed so many looks is late.
const LATE_LOOKS: f64 = 5.0;

/// Since when each part is in its state, by the part's id.
pub type StateSince = HashMap<String, (State, f64)>;

/// The worst state of all parts, cheaply: it is looked at each second while a page is open.
pub fn state(house: &House) -> (State, Option<String>) {
    let store = house.store.health();
    let state = worst(&parts(house, &store));
    (state, store.read_only.map(|why| why.reason))
}

pub fn health(house: &House) -> Health {
    let now = house.clock.since_epoch().as_secs_f64();
    let store = house.store.health();
    let parts = parts(house, &store);
    let storage = storage(house, &store);
    let state = worst(&parts);
    Health {
        state,
        sentence: sentence(&parts, state),
        since: Some(note_since(house, "", state, now)),
        now,
        doubts: doubts::doubts(&parts, &storage, now),
        parts,
        storage,
        refused: refused(house),
        bad_lines: bad_lines(house),
        widest: widest(house),
        newest: newest(house),
    }
}

/// Each part, as it is now.
pub fn all_parts(house: &House) -> Vec<Part> {
    parts(house, &house.store.health())
}

fn parts(house: &House, store: &StoreHealth) -> Vec<Part> {
    let now = house.clock.since_epoch().as_secs_f64();
    let mut parts = Vec::new();
    if let Some(ingest) = house.ingest.read().as_ref() {
        parts.extend(ingest.stats().iter().map(|listener| listener_part(house, listener)));
        parts.push(journal_part(house, &ingest.journal_stats()));
        parts.extend(ingest.forward_stats().iter().map(|out| outgoing_part(house, "forward", "Carbon", out)));
        parts.extend(
            ingest.repeater_stats().iter().map(|out| outgoing_part(house, "repeater", "StatsD", out)),
        );
        parts.extend(ingest.relay_stats().iter().flat_map(|relay| relay_parts(house, relay)));
    }
    parts.push(aggregation_part(house));
    parts.extend(host_part(house, now));
    parts.extend(crate::agents::parts(house, now));
    parts.extend(crate::watching_own::parts(house, now));
    parts.extend(crate::made_own::made_part(house));
    parts.extend(crate::telling_own::parts(house, now));
    parts.extend(crate::errors::own::errors_part(house));
    parts.extend(crate::errors::tee::parts(house));
    parts.extend(crate::oncall_own::oncall_part(house));
    parts.extend(crate::calendars::parts(house));
    parts.extend(crate::people_own::people_part(house));
    parts.extend(crate::watcher::leavers::leavers_part(house));
    parts.push(outside::outside_part(house));
    parts.push(links::links_part(house));
    parts.extend(threads_part(house));
    parts.push(store_part(house, store));
    parts.push(query_part(house));
    parts.extend(configuration_part(house));
    for part in &mut parts {
        part.since = Some(note_since(house, &part.id, part.state, now));
    }
    parts
}

fn note_since(house: &House, id: &str, state: State, now: f64) -> f64 {
    let mut all = house.since.lock();
    match all.get(id) {
        Some((known, since)) if *known == state => *since,
        _ => {
            // What is fine from the beginning is so since the start, not since somebody first looked.
            let since = if state <= State::Ok && !all.contains_key(id) { house.started } else { now };
            all.insert(id.to_owned(), (state, since));
            since
        }
    }
}

pub fn part(id: impl Into<String>, kind: &'static str, title: impl Into<String>) -> Part {
    Part {
        id: id.into(),
        kind,
        title: title.into(),
        address: None,
        state: State::Ok,
        since: None,
        text: String::new(),
        rate: None,
        unit: None,
        lag: None,
        last_success: None,
        filled: None,
        dropped: Vec::new(),
    }
}

pub fn dropped(house: &House, counter: &str, cause: &'static str, total: u64, help: &'static str) -> Dropped {
    Dropped { cause, total, last_minute: house.history.in_last_minute(counter) as u64, help }
}

fn aggregation_part(house: &House) -> Part {
    let stats = house.aggregator.stats();
    let flushed = *house.flush_report.lock();
    let all = [
        ("names", "refused.names", stats.refused_names, "New names while statsd.max_names were held."),
        ("long names", "refused.long_names", stats.refused_long_names, "Names that are too long."),
        (
            "timestamps",
            "refused.dated",
            stats.refused_dated,
            "More readings with times of their own than one interval takes.",
        ),
        ("set members", "refused.members", stats.refused_members, "Sets that were full."),
        ("events", "dropped.events", stats.dropped_events, "More events than one interval takes."),
        (
            "service checks",
            "dropped.service_checks",
            stats.dropped_service_checks,
            "More service checks than one interval takes.",
        ),
        (
            "left out",
            "dropped.left_out",
            stats.left_out,
            "Points of a flush that was too large to be written whole.",
        ),
        ("limit", "refused.limit", flushed.refused_limit, LIMIT_HELP),
        ("name", "refused.name", flushed.refused_name, NAME_HELP),
        ("too old", "points.too_old", flushed.too_old, TOO_OLD_HELP),
        ("future", "points.in_future", flushed.in_future, FUTURE_HELP),
    ];
    let list: Vec<Dropped> = all
        .into_iter()
        .filter(|(_, _, total, _)| *total > 0)
        .map(|(cause, counter, total, help)| dropped(house, &format!("statsd.{counter}"), cause, total, help))
        .collect();
    let lately = list.iter().any(|entry| entry.last_minute > 0);
    let held = house.aggregator.held();
    Part {
        state: if lately { State::Warning } else { State::Ok },
        text: format!(
            "{} counters, {} timers, {} gauges, {} sets",
            held.counters, held.timers, held.gauges, held.sets
        ),
        rate: house.history.rate("statsd.accepted"),
        unit: Some("metrics/s"),
        last_success: house.last_flush(),
        dropped: list,
        ..part("statsd", "evaluator", "StatsD aggregation")
    }
}

/// The collector of this host's numbers, if it is wanted.
fn host_part(house: &House, now: f64) -> Option<Part> {
    let host = house.host.lock();
    let host = host.as_ref()?;
    let stats = host.stats();
    let last = stats.last_sample.map(|at| at.0 as f64);
    let late = last.is_some_and(|last| now - last > LATE_LOOKS * host.interval.as_secs_f64());
    let (state, text) = match (late, stats.unresponsive) {
        (true, _) => (State::Warning, "does not come to look any more".into()),
        (_, 0) => (State::Ok, format!("a look takes {:.1} ms", stats.last_took.as_secs_f64() * 1e3)),
        (_, hanging) => {
            (State::Warning, format!("{hanging} mounts or sensors do not answer; the others are watched"))
        }
    };
    Some(Part {
        state,
        text,
        rate: stats
            .points
            .checked_div(stats.samples)
            .map(|points| points as f64 / host.interval.as_secs_f64()),
        unit: Some("points/s"),
        last_success: last,
        ..part("host", "collector", "This host")
    })
}

fn query_part(house: &House) -> Part {
    let per_query = match (house.history.rate("http.query_microseconds"), house.history.rate("http.queries"))
    {
        (Some(busy), Some(queries)) if queries > 0.0 => format!("{:.1} ms each", busy / queries / 1e3),
        _ => "none asked lately".into(),
    };
    let addresses: Vec<String> = house
        .config
        .load()
        .http
        .listen
        .iter()
        .filter_map(|listen| listen.address())
        .map(|address| address.to_string())
        .collect();
    Part {
        address: (!addresses.is_empty()).then(|| addresses.join(", ")),
        text: format!("queries: {per_query}"),
        rate: house.history.rate("http.queries"),
        unit: Some("queries/s"),
        // Whoever reads this was answered.
        last_success: Some(house.clock.since_epoch().as_secs_f64()),
        ..part("http", "listener", "HTTP")
    }
}

fn configuration_part(house: &House) -> Option<Part> {
    let reloads = house.reloads.lock().clone();
    let (state, text) = match (&reloads.failed, reloads.waiting.as_slice()) {
        (Some(why), _) => (State::Warning, format!("the last change was not taken over: {why}")),
        (None, []) => return None,
        (None, waiting) => (State::Ok, format!("waits for the next start: {}", waiting.join(", "))),
    };
    Some(Part { state, text, ..part("config", "evaluator", "Configuration") })
}

/// Only when one of the pager's threads does not turn any more.
fn threads_part(house: &House) -> Option<Part> {
    let stalled = house.turning.stalled(STALLED_AFTER);
    let (thread, ago) = stalled.first()?;
    let others = if stalled.len() > 1 { format!(", and {} more", stalled.len() - 1) } else { String::new() };
    let text = format!("`{thread}` has not turned for {} s{others}: restart the server", ago.as_secs());
    Some(Part { state: State::Critical, text, ..part("threads", "evaluator", "Threads") })
}
