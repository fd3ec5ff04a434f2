//! How every part is, for the Data page, the sentence on top of every page, and `/readyz`.

use std::collections::{BTreeMap, HashMap};

use http_api::control::{
    BadLine, Dropped, Health, Memory, NewSeries, Part, PrefixCount, Refused, RefusedPrefix, State,
    StorageHealth, Tier, sentence, worst,
};
use ingest::stats::ListenerStats;
use ingest::{OutgoingStats, RelayStats};
use series_store::StoreHealth;
use series_store::names::Offender;

use crate::house::House;
use crate::own::{listener_name, outgoing_name};
use crate::watcher::{STALLED_AFTER, doubts, links, outside};

/// A log record should be on the disk within a tenth of a second; ten times that is trouble.
const SLOW_SYNC_MILLISECONDS: f64 = 1_000.0;
/// Below this the disk is called nearly full.
const NEARLY_FULL_SECONDS: f64 = 2.0 * 86_400.0;
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
    parts.extend(crate::telling_own::parts(house, now));
    parts.extend(crate::errors::own::errors_part(house));
    parts.extend(crate::oncall_own::oncall_part(house));
    parts.extend(crate::leave::calendars_part(house));
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

/// The newest lines that could not be read, of all listeners.
fn bad_lines(house: &House) -> Vec<BadLine> {
    let ingest = house.ingest.read();
    let listeners = ingest.as_ref().map(ingest::Ingest::stats).unwrap_or_default();
    let mut lines: Vec<BadLine> = listeners.iter().flat_map(lines_of).collect();
    lines.sort_by(|a, b| b.at.total_cmp(&a.at));
    lines.truncate(LISTED);
    lines
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

fn listener_part(house: &House, listener: &ListenerStats) -> Part {
    let name = listener_name(listener.name);
    let is_statsd = listener.name.starts_with("statsd");
    let (counter, unit) = match listener.name {
        "statsd.admin" => ("packets", "commands/s"),
        "nsca" => ("samples", "results/s"),
        _ if is_statsd => ("samples", "metrics/s"),
        _ => ("lines", "points/s"),
    };
    let rate = house.history.rate(&format!("{name}.{counter}"));
    let list = listener_losses(house, &name, listener);
    let lost_lately = list
        .iter()
        .any(|entry| entry.last_minute > 0 && matches!(entry.cause, "kernel" | "memory" | "limit"));
    let last = listener.totals.last_received.map(|at| at.0 as f64);
    let (state, text) = match (listener.is_served, lost_lately) {
        (false, _) => {
            (State::Critical, "a thread of it has ended by a fault of ours: restart the server".into())
        }
        (true, true) => (State::Warning, listener_text(&list, rate, unit, last.is_some())),
        (true, false) => (State::Ok, listener_text(&list, rate, unit, last.is_some())),
    };
    Part {
        address: Some(listener.address.clone()),
        state,
        text,
        rate,
        unit: Some(unit),
        last_success: last,
        dropped: list,
        ..part(listener.name, "listener", listener_title(listener.name))
    }
}

/// What did not become points, by cause.
fn listener_losses(house: &House, name: &str, listener: &ListenerStats) -> Vec<Dropped> {
    let totals = &listener.totals;
    let points = totals.points;
    let all = [
        ("kernel", "dropped.kernel", listener.kernel_drops.unwrap_or(0), KERNEL_HELP),
        ("parser", "bad", totals.bad_sum(), PARSER_HELP),
        ("source", "refused.source", totals.refused_sources, SOURCE_HELP),
        ("connections", "refused.connection", totals.refused_connections, CONNECTIONS_HELP),
        ("memory", "dropped.memory", totals.closed_for_memory, MEMORY_HELP),
        ("name", "refused.name", points.refused_name, NAME_HELP),
        ("limit", "refused.limit", points.refused_limit, LIMIT_HELP),
        ("too old", "points.too_old", points.too_old, TOO_OLD_HELP),
        ("future", "points.in_future", points.in_future, FUTURE_HELP),
        ("no value", "points.no_value", points.no_value, NO_VALUE_HELP),
        ("blacklist", "sorted.blacklisted", totals.sorted.blacklisted, BLACKLIST_HELP),
        ("whitelist", "sorted.not_whitelisted", totals.sorted.not_whitelisted, WHITELIST_HELP),
        ("not aggregated", "sorted.unaggregated", totals.sorted.unaggregated, UNAGGREGATED_HELP),
        ("no destination", "sorted.unroutable", totals.sorted.unroutable, UNROUTABLE_HELP),
    ];
    let happened = all.into_iter().filter(|(_, _, total, _)| *total > 0);
    let entry = |(cause, counter, total, help)| {
        let mut entry = dropped(house, &format!("{name}.{counter}"), cause, total, help);
        if cause == "parser" {
            let each =
                totals.bad().map(|(reason, _)| house.history.in_last_minute(&format!("{name}.bad.{reason}")));
            entry.last_minute = each.sum::<f64>() as u64;
        }
        entry
    };
    happened.map(entry).collect()
}

const KERNEL_HELP: &str =
    "The socket's buffer was full. Raise net.core.rmem_max, or send fewer and larger packets.";
const PARSER_HELP: &str = "Lines that could not be read; the newest are listed below.";
const SOURCE_HELP: &str = "From addresses that are not in this listener's `allow` list.";
const CONNECTIONS_HELP: &str = "More connections than `max_connections`.";
const MEMORY_HELP: &str = "Connections closed because they held too many unfinished bytes.";
const NAME_HELP: &str = "Names that cannot be series: empty, too long, not UTF-8, or with malformed tags.";
const LIMIT_HELP: &str = "New names beyond the limits on series, see the refused names below.";
const TOO_OLD_HELP: &str = "Older than everything that is kept of the series.";
const FUTURE_HELP: &str =
    "Ahead of the clock by more than storage.future_tolerance: look at the sender's clock.";
const NO_VALUE_HELP: &str = "Points whose value is NaN: it means \"no value\", and is not stored.";

const BLACKLIST_HELP: &str = "Names that carbon.blacklist refuses.";
const WHITELIST_HELP: &str = "Names that no entry of carbon.whitelist matches.";
const UNAGGREGATED_HELP: &str = "With relay.forward_all = false: names that no rule of aggregation takes.";
const UNROUTABLE_HELP: &str = "With relay.store = false: names that no rule has a destination for.";

fn listener_title(name: &str) -> String {
    let (protocol, way) = name.split_once('.').unwrap_or((name, ""));
    let protocol = match protocol {
        "statsd" => "StatsD",
        "collectd" => "collectd",
        "nsca" => return "NSCA".into(),
        _ => "Carbon",
    };
    let way = match way {
        "udp" => "UDP",
        "tcp" => "TCP",
        "unix" => "Unix socket",
        "admin" => "admin",
        "line" => "lines",
        "pickle" => "pickles",
        other => other,
    };
    format!("{protocol} {way}")
}

fn listener_text(dropped: &[Dropped], rate: Option<f64>, unit: &str, heard: bool) -> String {
    let lately: Vec<String> = dropped
        .iter()
        .filter(|entry| entry.last_minute > 0)
        .map(|entry| format!("{} ({})", entry.last_minute, entry.cause))
        .collect();
    match (heard, lately.is_empty()) {
        (false, true) => "listening, nothing has come yet".into(),
        (_, true) => format!("{:.0} {unit}, nothing lost in the last minute", rate.unwrap_or(0.0)),
        (_, false) => {
            format!("{:.0} {unit}, lost in the last minute: {}", rate.unwrap_or(0.0), lately.join(", "))
        }
    }
}

fn lines_of(listener: &ListenerStats) -> impl Iterator<Item = BadLine> + '_ {
    listener.bad_lines.iter().map(|line| BadLine {
        listener: listener.name.to_owned(),
        source: line.source.map(|source| source.to_string()).unwrap_or_default(),
        reason: line.reason.clone(),
        sample: line.sample.clone(),
        at: line.at.0 as f64,
    })
}

fn journal_part(house: &House, journal: &ingest::JournalStats) -> Part {
    let help = "Received by StatsD and not journaled: a kill at that moment would have lost it.";
    let list = match journal.unjournaled_bytes {
        0 => Vec::new(),
        bytes => vec![dropped(house, "journal.dropped.disk", "disk", bytes, help)],
    };
    let (state, text) = match &journal.failure {
        Some(why) => (State::Critical, format!("cannot be written: {why}; StatsD goes on without it")),
        None => (State::Ok, "what StatsD has received and not yet flushed survives a kill".into()),
    };
    Part {
        state,
        text,
        rate: house.history.rate("journal.written_bytes"),
        unit: Some("B/s"),
        dropped: list,
        ..part("journal", "queue", "StatsD journal")
    }
}

fn outgoing_part(house: &House, kind: &str, title: &str, out: &OutgoingStats) -> Part {
    let counter = outgoing_name(kind, &out.label);
    let help =
        "Could not be sent in time: the oldest of a full queue, because the other server is slow or away.";
    let list = match out.dropped {
        0 => Vec::new(),
        total => vec![dropped(house, &format!("{counter}.dropped.queue"), "queue", total, help)],
    };
    let lost_lately = list.iter().any(|entry| entry.last_minute > 0);
    let (state, text) = match (&out.failure, out.connected) {
        (Some(why), false) => (State::Warning, format!("not connected: {why}; {} wait", out.queued)),
        (_, false) => (State::Ok, "not connected yet".into()),
        (_, true) if lost_lately => {
            (State::Warning, format!("{} wait, others were dropped in the last minute", out.queued))
        }
        (_, true) => (State::Ok, format!("connected, {} wait", out.queued)),
    };
    Part {
        address: Some(out.label.clone()),
        state,
        text,
        rate: house.history.rate(&format!("{counter}.sent")),
        unit: Some("/s"),
        last_success: out.last_sent.map(|ago| house.clock.since_epoch().as_secs_f64() - ago.as_secs_f64()),
        filled: out.filled,
        dropped: list,
        ..part(format!("{kind}.{}", out.label), "forward", format!("{title} to {}", out.label))
    }
}

/// The rules, and each destination.
fn relay_parts(house: &House, relay: &RelayStats) -> Vec<Part> {
    let destinations = relay.destinations.iter().map(|out| outgoing_part(house, "relay", "Relay", out));
    [relay_part(house, relay)].into_iter().chain(destinations).collect()
}

/// What listeners do not count: StatsD's flushes and aggregates on their way through the rules.
fn relay_part(house: &House, relay: &RelayStats) -> Part {
    let here = relay.made_here;
    let aggregates = relay.aggregates;
    let all = [
        ("blacklist", "made_here.sorted.blacklisted", here.blacklisted, BLACKLIST_HELP),
        ("whitelist", "made_here.sorted.not_whitelisted", here.not_whitelisted, WHITELIST_HELP),
        ("not aggregated", "made_here.sorted.unaggregated", here.unaggregated, UNAGGREGATED_HELP),
        ("no destination", "made_here.sorted.unroutable", here.unroutable, UNROUTABLE_HELP),
        ("store", "aggregates.refused", aggregates.dropped(), "Aggregates that the store refused."),
        (
            "memory",
            "refused_values",
            relay.refused_values,
            "Values that no longer fit into the aggregates, or are more than an hour ahead of the clock.",
        ),
        (
            "gave up",
            "gave_up",
            relay.gave_up,
            "A regular expression took too many steps for a name, which was taken as not matching: simplify it.",
        ),
    ];
    let happened = all.into_iter().filter(|(_, _, total, _)| *total > 0);
    let list: Vec<Dropped> = happened
        .map(|(cause, counter, total, help)| dropped(house, &format!("relay.{counter}"), cause, total, help))
        .collect();
    let trouble = ["store", "memory", "gave up"];
    let lately = list.iter().any(|entry| entry.last_minute > 0 && trouble.contains(&entry.cause));
    Part {
        state: if lately { State::Warning } else { State::Ok },
        text: format!("{} destinations, {} aggregates", relay.destinations.len(), relay.buffers),
        rate: house.history.rate("relay.aggregated_values"),
        unit: Some("aggregated values/s"),
        dropped: list,
        ..part("relay", "evaluator", "Relay and its rules")
    }
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

fn store_part(house: &House, store: &StoreHealth) -> Part {
    let sync = store.log.last_sync.as_secs_f64() * 1e3;
    let (state, text) = match store {
        StoreHealth { read_only: Some(why), .. } => {
            (State::Critical, format!("read-only: {}; new points are kept for live views only", why.reason))
        }
        StoreHealth { damaged_files, .. } if !damaged_files.is_empty() => {
            (State::Warning, format!("{} files are damaged; what can be read is served", damaged_files.len()))
        }
        StoreHealth { gaps, .. } if !gaps.is_empty() => {
            let more = if gaps.len() > 1 { format!(", and {} more", gaps.len() - 1) } else { String::new() };
            (State::Warning, format!("damage was found at the start: {}{more}", gaps[0].what))
        }
        StoreHealth { merges_behind: true, .. } => {
            (State::Warning, "merging falls behind: the disk is too slow".into())
        }
        StoreHealth { full_in: Some(full), .. } if full.as_secs_f64() < NEARLY_FULL_SECONDS => {
            (State::Warning, format!("the disk is full in about {} hours", full.as_secs() / 3_600))
        }
        _ if sync > SLOW_SYNC_MILLISECONDS => {
            (State::Warning, format!("the disk takes {sync:.0} ms to sync"))
        }
        _ => (State::Ok, format!("{} series, log synced in {sync:.0} ms", store.series)),
    };
    let given_up = house.store.stats().points_given_up;
    let help = "Points of a time without room on the disk that memory could not hold until there was some.";
    let list = match given_up {
        0 => Vec::new(),
        total => vec![dropped(house, "store.points_given_up", "disk", total, help)],
    };
    Part {
        dropped: list,
        address: Some(house.config.load().data_dir.0.display().to_string()),
        state,
        text,
        rate: house.history.rate("store.points_stored"),
        unit: Some("points/s"),
        lag: Some(store.log.last_sync.as_secs_f64()),
        last_success: store.read_only.is_none().then(|| house.clock.since_epoch().as_secs_f64()),
        ..part("store", "store", "Store")
    }
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

fn last_gaps(mut gaps: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    gaps.drain(..gaps.len().saturating_sub(LISTED));
    gaps
}

fn kept_answers(house: &House) -> u64 {
    house.services.load().as_ref().as_ref().map_or(0, |services| services.answers.bytes() as u64)
}

fn storage(house: &House, store: &StoreHealth) -> StorageHealth {
    let memory = |part: &str, bytes: u64| Memory { part: part.into(), bytes };
    StorageHealth {
        series: store.series,
        points_per_second: house.history.rate("store.points_stored").unwrap_or(0.0),
        disk_bytes: store.tiers.iter().map(|tier| tier.bytes).sum(),
        free_bytes: store.free_bytes,
        seconds_to_full: store.full_in.map(|full| full.as_secs_f64()),
        read_only: store.read_only.as_ref().map(|why| why.reason.clone()),
        memory: vec![
            memory("recent points", store.memory.points),
            memory("names", store.memory.names),
            memory("series", store.memory.series),
            memory("recent answers", kept_answers(house)),
        ],
        resident_bytes: crate::process::resident_bytes(),
        memory_budget_bytes: store.memory.budget,
        tiers: store.tiers.iter().map(tier).collect(),
        wal_bytes: store.log.bytes,
        sync_milliseconds: store.log.last_sync.as_secs_f64() * 1e3,
        backlog: store.waiting_files,
        gaps: last_gaps(house.alive.gaps()),
        lost: store.gaps.iter().map(|gap| format!("{} ({} bytes)", gap.what, gap.lost_bytes)).collect(),
        quarantined: store.damaged_files.iter().map(|file| format!("{}: {}", file.path, file.why)).collect(),
        retention_differs: store.policies_differ,
    }
}

fn tier(tier: &series_store::TierHealth) -> Tier {
    let step = u32::try_from(tier.step_seconds)
        .ok()
        .and_then(vocabulary::Step::new)
        .unwrap_or(vocabulary::Step::ONE_SECOND);
    let archive = vocabulary::retention::Archive { step, retention_seconds: tier.retention_seconds };
    let kind = if tier.kind == vocabulary::ValueKind::Sketch { " (distributions)" } else { "" };
    Tier { archive: format!("{archive}{kind}"), files: tier.files, bytes: tier.bytes }
}

pub fn refused(house: &House) -> Refused {
    let offenders = house.store.names().offenders();
    Refused {
        total: offenders.iter().map(|offender| offender.refused).sum(),
        prefixes: worst_offenders(offenders),
    }
}

/// So many prefixes with the same first node are one offender, whose second nodes are what grows.
const ALIKE: usize = 8;

/// Whose names were refused, worst first. Of a prefix by itself, what is certain: a sketch counts them.
fn worst_offenders(offenders: Vec<Offender>) -> Vec<RefusedPrefix> {
    let mut by_node: BTreeMap<String, Vec<Offender>> = BTreeMap::new();
    for offender in offenders {
        let node = offender.prefix.split('.').next().unwrap_or_default().to_owned();
        by_node.entry(node).or_default().push(offender);
    }
    let told = |(node, offenders): (String, Vec<Offender>)| -> Vec<RefusedPrefix> {
        if offenders.len() >= ALIKE {
            let refused = offenders.iter().map(|offender| offender.refused).sum();
            let example = offenders.into_iter().next().map_or_else(String::new, |offender| offender.example);
            return vec![RefusedPrefix { prefix: format!("{node}.*"), refused, example }];
        }
        let alone = offenders.into_iter().map(|offender| RefusedPrefix {
            refused: offender.refused - offender.overcount,
            prefix: offender.prefix,
            example: offender.example,
        });
        alone.collect()
    };
    let mut prefixes: Vec<RefusedPrefix> = by_node.into_iter().flat_map(told).collect();
    prefixes.sort_by_key(|prefix| std::cmp::Reverse(prefix.refused));
    prefixes.truncate(LISTED);
    prefixes
}

/// The prefixes with most series. Looking at all names takes a quarter of a second at a million, so the
/// answer is kept for a while: half a minute there.
pub fn widest(house: &House) -> Vec<PrefixCount> {
    const NAMES_FOR_A_SECOND: usize = 33_000;
    let (names, now) = (house.store.names(), house.clock.now().0);
    let mut kept = house.widest.lock();
    let kept_for = (names.len() / NAMES_FOR_A_SECOND) as i64;
    // A clock that was set back is outside of it too.
    if !(kept.0..kept.0 + kept_for).contains(&now) {
        let widest = names.largest_prefixes(LISTED);
        *kept = (now, widest.into_iter().map(|(prefix, series)| PrefixCount { prefix, series }).collect());
    }
    kept.1.clone()
}

pub fn newest(house: &House) -> Vec<NewSeries> {
    let newest = house.store.names().newest();
    newest
        .into_iter()
        .take(LISTED)
        .map(|new| NewSeries { name: new.name.to_string(), created: new.created.0 })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_by_what_it_has_in_common() {
        let offender = |prefix: &str, refused: u64, overcount: u64| Offender {
            prefix: prefix.into(),
            refused,
            overcount,
            example: format!("{prefix}.x"),
        };
        let mut offenders = vec![offender("calm.a", 40, 0), offender("new.a", 393, 392)];
        offenders.extend((0..100).map(|number| offender(&format!("flood.n{number}"), 393, 392)));
        let told: Vec<_> =
            worst_offenders(offenders).into_iter().map(|prefix| (prefix.prefix, prefix.refused)).collect();
        assert_eq!(told, [("flood.*".into(), 39_300), ("calm.a".into(), 40), ("new.a".into(), 1)]);
    }
}
