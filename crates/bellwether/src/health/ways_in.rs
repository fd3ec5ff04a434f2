//! What comes in, and what is passed on of it: listeners, the journal, other servers, the relay's rules.

use http_api::control::{BadLine, Dropped, Part, State};
use ingest::stats::ListenerStats;
use ingest::{OutgoingStats, RelayStats};

use super::{LISTED, dropped, part};
use crate::house::House;
use crate::own::{listener_name, outgoing_name};

/// The newest lines that could not be read, of all listeners.
pub(super) fn bad_lines(house: &House) -> Vec<BadLine> {
    let ingest = house.ingest.read();
    let listeners = ingest.as_ref().map(ingest::Ingest::stats).unwrap_or_default();
    let mut lines: Vec<BadLine> = listeners.iter().flat_map(lines_of).collect();
    lines.sort_by(|a, b| b.at.total_cmp(&a.at));
    lines.truncate(LISTED);
    lines
}

pub(super) fn listener_part(house: &House, listener: &ListenerStats) -> Part {
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
pub(super) const NAME_HELP: &str =
    "Names that cannot be series: empty, too long, not UTF-8, or with malformed tags.";
pub(super) const LIMIT_HELP: &str = "New names beyond the limits on series, see the refused names below.";
pub(super) const TOO_OLD_HELP: &str = "Older than everything that is kept of the series.";
pub(super) const FUTURE_HELP: &str =
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

pub(super) fn journal_part(house: &House, journal: &ingest::JournalStats) -> Part {
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

pub(super) fn outgoing_part(house: &House, kind: &str, title: &str, out: &OutgoingStats) -> Part {
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
pub(super) fn relay_parts(house: &House, relay: &RelayStats) -> Vec<Part> {
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
