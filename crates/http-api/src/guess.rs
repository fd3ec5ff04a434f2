//! What a name tells: unit, level, and where the points come from. Guesses, always shown as such; a level
//! can be set by hand (see `levels.rs`).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// For whom a number is: what the business lives from, what a part of the site does, what the machines do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Business,
    Feature,
    System,
}

/// First segments under which machines report.
const SYSTEM_ROOTS: [&str; 9] =
    ["host", "bellwether", "collectd", "servers", "carbon", "system", "munin", "ganglia", "telegraf"];

/// Words of names by which people earn, lose or serve somebody.
const BUSINESS_WORDS: [&str; 22] = [
    "order",
    "orders",
    "checkout",
    "checkouts",
    "payment",
    "payments",
    "purchase",
    "purchases",
    "signup",
    "signups",
    "registration",
    "registrations",
    "revenue",
    "sale",
    "sales",
    "booking",
    "bookings",
    "subscription",
    "subscriptions",
    "login",
    "logins",
    "completed",
];

pub fn level(name: &str) -> Level {
    let root = name.split('.').next().unwrap_or_default();
    if SYSTEM_ROOTS.contains(&root) || name.starts_with("stats.statsd.") || name.starts_with("statsd.") {
        return Level::System;
    }
    if is_business(name) { Level::Business } else { Level::Feature }
}

/// Does the name speak of what people come for?
pub fn is_business(name: &str) -> bool {
    words(name).any(|word| BUSINESS_WORDS.contains(&word.as_str()))
}

/// Names in pieces at `.`, `_`, `-`, `;`, `=`, in lower case.
fn words(name: &str) -> impl Iterator<Item = String> + '_ {
    name.split(['.', '_', '-', ';', '=']).map(str::to_ascii_lowercase)
}

/// Endings of a name's last node that tell the unit. First match wins. The suffixes are those of StatsD,
/// of the Coda Hale metrics library and Ostrich, of collectd, and of our own host collector.
const UNIT_BY_ENDING: [(&str, &str); 37] = [
    ("count_ps", "/s"),
    ("mean_rate", "/s"),
    ("m1_rate", "/s"),
    ("m5_rate", "/s"),
    ("m15_rate", "/s"),
    ("_per_second", "/s"),
    ("_rate", "/s"),
    ("rate", "/s"),
    ("_percent", "%"),
    ("percent", "%"),
    ("_pct", "%"),
    ("_milliseconds", "ms"),
    ("_millis", "ms"),
    ("_ms", "ms"),
    ("latency_us", "µs"),
    ("_microseconds", "µs"),
    ("_seconds", "s"),
    ("_secs", "s"),
    ("uptime", "s"),
    ("_bytes_per_second", "B/s"),
    ("_bytes", "B"),
    ("bytes", "B"),
    ("_kb", "kB"),
    ("_celsius", "°C"),
    ("if_octets.rx", "B/s"),
    ("if_octets.tx", "B/s"),
    ("memory-used", "B"),
    ("memory-free", "B"),
    ("memory-cached", "B"),
    ("memory-buffered", "B"),
    ("_ratio", ""),
    ("count", ""),
    ("_total", ""),
    ("stddev_count", ""),
    ("load1", ""),
    ("load5", ""),
    ("load15", ""),
];

/// What a timer's series end with, before any percentile.
const TIMER_PARTS: [&str; 11] =
    ["mean", "upper", "lower", "median", "std", "sum", "min", "max", "stddev", "p", "mean_"];

/// The unit, when the name tells it. StatsD's timers are in milliseconds by its protocol.
pub fn unit(name: &str) -> Option<&'static str> {
    let metric = vocabulary::series::split(name).0;
    let by_ending = UNIT_BY_ENDING.iter().find(|(ending, _)| metric.ends_with(ending));
    if let Some((ending, unit)) = by_ending {
        // `_bytes_per_second` also ends with `_per_second`.
        let bytes = *unit == "/s" && metric.contains("bytes");
        return Some(if bytes && ending.contains("second") { "B/s" } else { unit });
    }
    let last = metric.rsplit('.').next().unwrap_or_default();
    let is_timer = metric.contains(".timers.") || metric.starts_with("timers.");
    if is_timer && !last.starts_with("bin_") && !last.starts_with("sum_squares") && is_timer_part(last) {
        return Some("ms");
    }
    let is_counter = metric.starts_with("stats.")
        && !["stats.gauges.", "stats.sets.", "stats.timers."].iter().any(|other| metric.starts_with(other));
    is_counter.then_some("/s")
}

fn is_timer_part(last: &str) -> bool {
    TIMER_PARTS.iter().any(|part| {
        last.strip_prefix(part)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('_') || rest.parse::<u32>().is_ok())
    })
}

/// What brings the points of this series, as far as the name tells it.
pub fn source(name: &str) -> &'static str {
    match name.split(['.', ';']).next().unwrap_or_default() {
        "host" => "host",
        "bellwether" => "bellwether",
        "stats" | "stats_counts" | "statsd" => "statsd",
        _ => "carbon",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        let check = |name: &str, wanted: Level| assert_eq!(level(name), wanted, "{name}");
        check("host.web1.cpu.user_percent", Level::System);
        check("bellwether.statsd.packets", Level::System);
        check("stats.statsd.bad_lines_seen", Level::System);
        check("stats.uploads.gdrive.completed", Level::Business);
        check("stats.shop.orders", Level::Business);
        check("shop_orders;country=de", Level::Business);
        check("stats.timers.view.search.upper_90", Level::Feature);
        check("stats.recorder.started", Level::Feature);
    }

    #[test]
    fn units() {
        let check = |name: &str, wanted: Option<&str>| assert_eq!(unit(name), wanted, "{name}");
        check("stats.timers.api.upper_90", Some("ms"));
        check("stats.timers.api.mean", Some("ms"));
        check("stats.timers.api.count", Some(""));
        check("stats.timers.api.count_ps", Some("/s"));
        check("stats.timers.api.sum_squares", None);
        check("stats.uploads.failed", Some("/s"));
        check("stats.gauges.queue", None);
        check("app.requests.m1_rate", Some("/s"));
        check("app.heap.used_bytes", Some("B"));
        check("host.web1.network.eth0.received_bytes_per_second", Some("B/s"));
        check("app.latency.p95", None);
        check("stats.timers.app.latency.p95", Some("ms"));
        check("a.b;unit=x", None);
    }
}
