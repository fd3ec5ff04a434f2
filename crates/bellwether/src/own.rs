//! Own numbers as ordinary series under `bellwether.`: counters as the growth of each second (`.count`, so
//! that they are summed when rolled up), gauges as they are.

use vocabulary::ports::WriteReport;
use vocabulary::{PointBatch, Timestamp};

use crate::house::House;
use crate::process;

const PREFIX: &str = "bellwether.";

/// All counters since the start, by name.
pub fn counters(house: &House) -> Vec<(String, f64)> {
    let mut all = Counters::default();
    if let Some(ingest) = house.ingest.read().as_ref() {
        for listener in ingest.stats() {
            all.listener(&listener);
        }
        for forward in ingest.forward_stats() {
            all.outgoing("forward", &forward);
        }
        for repeater in ingest.repeater_stats() {
            all.outgoing("repeater", &repeater);
        }
        if let Some(relay) = ingest.relay_stats() {
            all.relay(&relay);
        }
        let journal = ingest.journal_stats();
        all.add("journal.written_bytes", journal.written_bytes);
        all.add("journal.dropped.disk", journal.unjournaled_bytes);
    }
    all.aggregation(&house.aggregator.stats(), &house.flush_report.lock());
    for (name, value) in house.store.stats().each() {
        all.add(&format!("store.{name}"), value);
    }
    let read = |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
    if let Some(crowd) = house.crowd.get() {
        all.add("http.refused_connections", read(&crowd.refused));
    }
    if let Some(services) = house.services.load().as_ref() {
        let counters = &services.counters;
        all.add("http.requests", read(&counters.requests));
        all.add("http.refused", read(&counters.refused));
        all.add("http.refused_headers", read(&counters.refused_headers));
        all.add("http.refused_bodies", read(&counters.refused_bodies));
        all.add("http.queries", read(&counters.queries));
        all.add("http.queries_failed", read(&counters.queries_failed));
        all.add("http.queries_cancelled", read(&counters.queries_cancelled));
        all.add("http.answers_hit", read(&services.answers.hits));
        all.add("http.answers_missed", read(&services.answers.misses));
        all.add("http.answers_evicted", read(&services.answers.evicted));
        all.add("http.query_microseconds", read(&counters.query_microseconds));
        all.add("http.streams_lagging", read(&counters.streams_lagging));
    }
    crate::agents::count(house, &mut all);
    crate::watching_own::count(house, &mut all);
    crate::telling_own::count(house, &mut all);
    crate::watcher::outside::count(house, &mut all);
    crate::errors::own::count(house, &mut all);
    all.add("process.cpu_milliseconds", process::cpu_milliseconds());
    all.0
}

/// `statsd.udp` -> `ingest.statsd_udp`: one node for each listener.
pub fn listener_name(name: &str) -> String {
    format!("ingest.{}", name.replace('.', "_"))
}

/// One node for each server that is sent to.
pub fn outgoing_name(kind: &str, label: &str) -> String {
    let node = |c: char| if c.is_alphanumeric() || c == '-' { c } else { '_' };
    format!("{kind}.{}", label.chars().map(node).collect::<String>())
}

/// Counters since the start, by name.
#[derive(Default)]
pub struct Counters(Vec<(String, f64)>);

impl Counters {
    pub fn into_list(self) -> Vec<(String, f64)> {
        self.0
    }

    pub fn add(&mut self, name: &str, value: u64) {
        self.0.push((name.to_owned(), value as f64));
    }

    pub fn listener(&mut self, listener: &ingest::stats::ListenerStats) {
        let name = listener_name(listener.name);
        let totals = &listener.totals;
        let points = totals.points;
        for (what, value) in [
            ("packets", totals.packets),
            ("bytes", totals.bytes),
            ("lines", totals.lines),
            ("samples", totals.samples),
            ("points.stored", points.stored),
            ("points.volatile", points.volatile),
            ("points.late", points.late),
            ("points.too_old", points.too_old),
            ("points.in_future", points.in_future),
            ("points.no_value", points.no_value),
            ("refused.name", points.refused_name),
            ("refused.limit", points.refused_limit),
            ("refused.source", totals.refused_sources),
            ("refused.connection", totals.refused_connections),
            ("dropped.kernel", listener.kernel_drops.unwrap_or(0)),
            ("dropped.memory", totals.closed_for_memory),
        ] {
            self.add(&format!("{name}.{what}"), value);
        }
        // Only StatsD's listeners have no points to sort.
        if !listener.name.starts_with("statsd") {
            self.sorted(&name, &totals.sorted);
        }
        for (reason, count) in totals.bad() {
            self.add(&format!("{name}.bad.{reason}"), count);
        }
    }

    fn relay(&mut self, relay: &ingest::RelayStats) {
        for destination in &relay.destinations {
            self.outgoing("relay", destination);
        }
        self.sorted("relay.made_here", &relay.made_here);
        self.add("relay.aggregates.stored", relay.aggregates.stored);
        self.add("relay.aggregates.refused", relay.aggregates.dropped());
        self.add("relay.aggregated_values", relay.aggregated_values);
        self.add("relay.refused_values", relay.refused_values);
        self.add("relay.gave_up", relay.gave_up);
    }

    fn sorted(&mut self, name: &str, sorted: &ingest::stats::Sorted) {
        for (what, value) in sorted.each() {
            self.add(&format!("{name}.sorted.{what}"), value);
        }
    }

    fn outgoing(&mut self, kind: &str, outgoing: &ingest::OutgoingStats) {
        let name = outgoing_name(kind, &outgoing.label);
        self.add(&format!("{name}.sent"), outgoing.sent);
        self.add(&format!("{name}.dropped.queue"), outgoing.dropped);
    }

    pub fn aggregation(&mut self, stats: &statsd::Stats, flushed: &WriteReport) {
        for (what, value) in [
            ("accepted", stats.accepted),
            ("refused.names", stats.refused_names),
            ("refused.long_names", stats.refused_long_names),
            ("refused.dated", stats.refused_dated),
            ("refused.members", stats.refused_members),
            ("refused.limit", flushed.refused_limit),
            ("refused.name", flushed.refused_name),
            ("points.stored", flushed.stored),
            ("points.volatile", flushed.volatile),
            ("points.too_old", flushed.too_old),
            ("points.in_future", flushed.in_future),
            ("dated", stats.dated),
            ("ignored_timestamps", stats.ignored_timestamps),
            ("dropped.left_out", stats.left_out),
            ("sketched_values", stats.sketched_values),
            ("not_numbers", stats.not_numbers),
            ("events", stats.events),
            ("dropped.events", stats.dropped_events),
            ("service_checks", stats.service_checks),
            ("dropped.service_checks", stats.dropped_service_checks),
        ] {
            self.add(&format!("statsd.{what}"), value);
        }
    }
}

/// The points of this second: what the counters grew by since the last one, and the gauges.
pub fn write(house: &House, counters: &[(String, f64)], now: Timestamp, batch: &mut PointBatch) {
    for (name, value) in counters {
        let growth = house.history.growth(name, *value);
        batch.push_parts(&[PREFIX.as_bytes(), name.as_bytes(), b".count"], now, growth);
    }
    for (name, value) in gauges(house) {
        batch.push_parts(&[PREFIX.as_bytes(), name.as_bytes()], now, value);
    }
}

fn gauges(house: &House) -> Vec<(String, f64)> {
    let mut all: Vec<(String, f64)> = Vec::new();
    let mut add = |name: &str, value: f64| all.push((name.to_owned(), value));
    let held = house.aggregator.held();
    add("statsd.held.counters", held.counters as f64);
    add("statsd.held.timers", held.timers as f64);
    add("statsd.held.gauges", held.gauges as f64);
    add("statsd.held.sets", held.sets as f64);
    let store = house.store.health();
    add("store.series", store.series as f64);
    add("store.log_bytes", store.log.bytes as f64);
    add("store.log_age_seconds", store.log.oldest_seconds as f64);
    add("store.sync_milliseconds", store.log.last_sync.as_secs_f64() * 1e3);
    add("store.waiting_files", store.waiting_files as f64);
    add("store.disk_bytes", store.tiers.iter().map(|tier| tier.bytes).sum::<u64>() as f64);
    add("store.memory.points_bytes", store.memory.points as f64);
    add("store.memory.names_bytes", store.memory.names as f64);
    if let Some(free) = store.free_bytes {
        add("store.free_bytes", free as f64);
    }
    if let Some(services) = house.services.load().as_ref() {
        add("http.streams", services.counters.streams.load(std::sync::atomic::Ordering::Relaxed) as f64);
    }
    crate::agents::gauges(house, &mut add);
    crate::watching_own::gauges(house, &mut add);
    crate::errors::own::gauges(house, &mut add);
    add("process.resident_bytes", process::resident_bytes() as f64);
    add("process.threads", process::threads() as f64);
    if let Some(ingest) = house.ingest.read().as_ref() {
        for listener in ingest.stats() {
            if listener.kernel_drops.is_none() {
                add(
                    &format!("{}.connections", listener_name(listener.name)),
                    listener.open_connections as f64,
                );
            }
        }
    }
    all
}
