//! The agent's own numbers as series under `bellwether.agent.<name>.`: they wait in the spool as all others do, so what
//! happened in an outage is seen after it.

use collectors::agent::{Amount, ForwarderStats};
use vocabulary::{PointBatch, Timestamp};

use super::AgentParts;
use crate::own::Counters;
use crate::process;

pub fn write(parts: &AgentParts, forwarded: &ForwarderStats, now: Timestamp, batch: &mut PointBatch) {
    let prefix = format!("bellwether.agent.{}.", parts.name);
    let counters = counters(parts, forwarded);
    for (name, value) in &counters {
        // What never happened makes no series.
        if *value > 0.0 {
            let growth = parts.history.growth(name, *value);
            batch.push_parts(&[prefix.as_bytes(), name.as_bytes(), b".count"], now, growth);
        }
    }
    parts.history.note(now, &counters);
    for (name, value) in gauges(parts, forwarded) {
        batch.push_parts(&[prefix.as_bytes(), name.as_bytes()], now, value);
    }
}

fn counters(parts: &AgentParts, forwarded: &ForwarderStats) -> Vec<(String, f64)> {
    let mut all = Counters::default();
    if let Some(ingest) = parts.ingest.read().as_ref() {
        ingest.stats().iter().for_each(|listener| all.listener(listener));
    }
    all.aggregation(&parts.aggregator.stats(), &parts.flush_report.lock());
    let outbox = parts.outbox.stats();
    all.add("taken.points", outbox.taken.points);
    all.add("taken.sketches", outbox.taken.sketches);
    all.add("taken.events", outbox.taken.events);
    all.add("refused.names", outbox.refused_names);
    all.add("no_value", outbox.no_value);
    amount(&mut all, "dropped.spool_full", outbox.spool.dropped_full);
    amount(&mut all, "dropped.memory_full", outbox.spool.dropped_memory);
    amount(&mut all, "dropped.damaged", outbox.spool.damaged);
    all.add("dropped.damaged.bytes", outbox.spool.damaged_bytes);
    all.add("dropped.unreadable.points", forwarded.given_up_points);
    let sent = &forwarded.sent;
    all.add("server.stored", sent.stored);
    all.add("server.repeated_batches", sent.repeated);
    all.add("server.refused.name", sent.refused_name);
    all.add("server.refused.limit", sent.refused_limit);
    all.add("server.refused.token", sent.outside);
    all.add("server.refused.too_old", sent.too_old);
    all.add("server.refused.in_future", sent.in_future);
    all.add("server.requests", forwarded.requests);
    all.add("server.failures", forwarded.failures);
    all.add("process.cpu_milliseconds", process::cpu_milliseconds());
    all.into_list()
}

fn amount(all: &mut Counters, name: &str, amount: Amount) {
    all.add(&format!("{name}.points"), amount.points);
    all.add(&format!("{name}.sketches"), amount.sketches);
    all.add(&format!("{name}.events"), amount.events);
}

fn gauges(parts: &AgentParts, forwarded: &ForwarderStats) -> [(&'static str, f64); 6] {
    let waiting = parts.outbox.stats().spool.waiting;
    [
        ("spool.waiting_batches", waiting.batches as f64),
        ("spool.waiting_points", waiting.points as f64),
        ("spool.waiting_bytes", waiting.bytes as f64),
        ("server.connected", f64::from(u8::from(forwarded.failure.is_none()))),
        ("process.resident_bytes", process::resident_bytes() as f64),
        ("process.threads", process::threads() as f64),
    ]
}
