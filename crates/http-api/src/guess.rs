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

/// Under these StatsD tells of itself, as the original does. They are there before anybody has sent anything.
const STATSD_ITSELF: [&str; 4] = ["stats.statsd.", "stats.gauges.statsd.", "stats_counts.statsd.", "statsd."];

/// Is this one of StatsD's numbers about itself?
pub fn is_statsd_itself(name: &str) -> bool {
    STATSD_ITSELF.iter().any(|prefix| name.starts_with(prefix))
}

pub fn level(name: &str) -> Level {
    let root = name.split('.').next().unwrap_or_default();
    if SYSTEM_ROOTS.contains(&root) || is_statsd_itself(name) {
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

/// Words of names whose percentiles are times. Libraries report these in milliseconds unless told otherwise.
const TIME_WORDS: [&str; 7] = ["latency", "latencies", "duration", "durations", "time", "times", "timer"];

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
    let is_time = is_statsd_timer(metric) || words(metric).any(|word| TIME_WORDS.contains(&word.as_str()));
    if is_time && !last.starts_with("bin_") && !last.starts_with("sum_squares") && is_timer_part(last) {
        return Some("ms");
    }
    if is_statsd_itself(metric) && !metric.starts_with("stats_counts.") {
        return statsd_itself_unit(last);
    }
    is_statsd_rate(metric).then_some("/s")
}

/// Of what the original measures of itself: durations in milliseconds, lengths in bytes, moments, and rates.
fn statsd_itself_unit(last: &str) -> Option<&'static str> {
    match last {
        "processing_time" | "calculationtime" | "flush_time" => Some("ms"),
        "flush_length" => Some("B"),
        "bad_lines_seen" | "packets_received" | "metrics_received" => Some("/s"),
        _ => None,
    }
}

fn is_statsd_timer(metric: &str) -> bool {
    metric.contains(".timers.") || metric.starts_with("timers.")
}

/// Of a counter, in the legacy namespace.
fn is_statsd_rate(metric: &str) -> bool {
    let others = ["stats.gauges.", "stats.sets.", "stats.timers.", "stats.service_checks."];
    metric.starts_with("stats.") && !others.iter().any(|other| metric.starts_with(other))
}

/// What a value says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Type {
    /// How much there is.
    Gauge,
    /// How much a second.
    Rate,
    /// How many since the value before.
    Count,
    /// How many since the start of whoever counts: ever growing.
    Counter,
    /// One number of a timer's or histogram's values: a percentile, a mean, the largest.
    Histogram,
}

/// StatsD's names say it; else the endings that Coda Hale's library, Ostrich and collectd write.
pub fn type_of(name: &str) -> Type {
    let metric = vocabulary::series::split(name).0;
    let last = metric.rsplit('.').next().unwrap_or_default();
    if matches!(unit(name), Some("/s" | "B/s")) {
        return Type::Rate;
    }
    if metric.starts_with("stats_counts.") || is_statsd_timer(metric) && last.starts_with("count") {
        return Type::Count;
    }
    if is_timer_part(last) {
        return Type::Histogram;
    }
    let counts = last == "count" || last.ends_with("_total") || last.ends_with("_count");
    if counts && !metric.starts_with("stats.") { Type::Counter } else { Type::Gauge }
}

fn is_timer_part(last: &str) -> bool {
    TIMER_PARTS.iter().any(|part| {
        last.strip_prefix(part)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('_') || rest.parse::<u32>().is_ok())
    })
}

/// What brings the points of this series, as far as the name tells it.
pub fn source(name: &str) -> &'static str {
    if is_statsd_itself(name) {
        return "bellwether";
    }
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
        check("stats_counts.statsd.bad_lines_seen", Level::System);
        check("stats.uploads.gdrive.completed", Level::Business);
        check("stats.shop.orders", Level::Business);
        check("shop_orders;country=de", Level::Business);
        check("stats.timers.view.search.upper_90", Level::Feature);
        check("stats.recorder.started", Level::Feature);
    }

    #[test]
    fn sources() {
        let check = |name: &str, wanted: &str| assert_eq!(source(name), wanted, "{name}");
        check("host.web1.load.1m", "host");
        check("bellwether.store.series", "bellwether");
        check("stats.gauges.statsd.timestamp_lag", "bellwether");
        check("statsd.numStats", "bellwether");
        check("stats.gauges.statsdish", "statsd");
        check("stats_counts.orders", "statsd");
        check("shop_orders;country=de", "carbon");
    }

    #[test]
    fn types() {
        let check = |name: &str, wanted: Type| assert_eq!(type_of(name), wanted, "{name}");
        check("app.requests.m1_rate", Type::Rate);
        check("app.requests.count", Type::Counter);
        check("app.sizes.p95", Type::Histogram);
        check("app.sizes.stddev", Type::Histogram);
        check("app.queue.size", Type::Gauge);
        check("stats.uploads.failed;to=s3", Type::Rate);
        check("stats_counts.uploads.failed", Type::Count);
        check("stats.timers.api.count", Type::Count);
        check("stats.timers.api.count_90", Type::Count);
        check("stats.timers.api.upper_90", Type::Histogram);
        check("stats.gauges.jobs", Type::Gauge);
        check("stats.sets.users.count", Type::Gauge);
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
        check("app.latency.p95", Some("ms"));
        check("app.sizes.p95", None);
        check("stats.service_checks.db", None);
        check("stats.timers.app.latency.p95", Some("ms"));
        check("a.b;unit=x", None);
        check("stats.statsd.processing_time", Some("ms"));
        check("stats.statsd.graphiteStats.last_flush", None);
        check("stats.statsd.packets_received", Some("/s"));
        check("stats_counts.statsd.packets_received", None);
    }
}
