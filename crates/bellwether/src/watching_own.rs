//! How watching itself is: its own numbers, and its parts in the health of the server.

use std::sync::atomic::{AtomicU64, Ordering};

use http_api::control::{Dropped, Part, State};

use crate::health::{dropped, part};
use crate::house::House;
use crate::own::Counters;
use crate::sent::SentStats;
use crate::watching::Watching;

/// Nothing was written for so long though there is time to: the thread hangs on the disk.
const SLOW_SECONDS: f64 = 5.0;

pub fn count(house: &House, all: &mut Counters) {
    let counters = house.monitors.counters();
    for (name, value) in [
        ("results", counters.results),
        ("results.passive", counters.passive),
        ("refused", counters.refused),
        ("changes", counters.changes),
        ("notices", counters.notices),
        ("batches", counters.batches),
        ("rows", counters.rows),
        ("batches_failed", counters.failed_batches),
        ("dropped.instances", counters.left_out),
        ("dropped.alerts", counters.alerts_left_out),
        ("dropped.points", counters.points_left_out),
    ] {
        all.add(&format!("monitors.{name}"), value);
    }
    let metrics = *house.metric_watch.watch.lock();
    for (name, value) in [
        ("slots", metrics.slots),
        ("late", metrics.late),
        ("reads_failed", metrics.failed_reads),
        ("dropped.instances", metrics.refused_instances),
        ("dropped.windows", metrics.refused_windows),
    ] {
        all.add(&format!("monitors.metric.{name}"), value);
    }
    let Some(watching) = &**house.watching.load() else { return };
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let (stats, checks, handlers) = (&watching.stats, watching.check_stats(), &watching.handlers.stats);
    for (name, value) in [
        ("runs", read(&stats.runs)),
        ("timed_out", read(&stats.timed_out)),
        ("cut_bytes", read(&stats.cut_bytes)),
        ("latency_microseconds", read(&stats.latency_microseconds)),
        ("started", checks.started),
        ("forced", checks.forced),
        ("late_starts", checks.late_starts),
        ("held_back", checks.held_back),
        ("event_handlers", read(&handlers.run)),
        ("event_handlers_failed", read(&handlers.failed)),
        ("dropped.event_handlers", read(&handlers.dropped)),
    ] {
        all.add(&format!("checks.{name}"), value);
    }
    all.add("monitors.clock_steps", read(&stats.clock_steps));
    if let Some(sent) = &*house.sent.lock() {
        let SentStats { results, commands, refused, bad_lines } = &**sent;
        for (name, value) in
            [("results", results), ("commands", commands), ("refused", refused), ("bad_lines", bad_lines)]
        {
            all.add(&format!("checks.sent.{name}"), read(value));
        }
    }
}

pub fn gauges(house: &House, add: &mut impl FnMut(&str, f64)) {
    let tally = house.monitors.tally();
    for (name, value) in [
        ("ok", tally.ok),
        ("warning", tally.warning),
        ("critical", tally.critical),
        ("unknown", tally.unknown),
        ("pending", tally.pending),
    ] {
        add(&format!("monitors.state.{name}"), value as f64);
    }
    let metrics = *house.metric_watch.watch.lock();
    add("monitors.metric.instances", metrics.instances as f64);
    add("monitors.metric.window_bytes", metrics.window_bytes as f64);
    let Some(watching) = &**house.watching.load() else { return };
    let checks = watching.check_stats();
    add("checks.scheduled", checks.scheduled as f64);
    add("checks.running", checks.running as f64);
    add("checks.waiting", checks.waiting as f64);
}

pub fn parts(house: &House, now: f64) -> Vec<Part> {
    let Some(watching) = &**house.watching.load() else { return Vec::new() };
    vec![monitors_part(house, watching, now), checks_part(house, watching), metrics_part(house)]
}

fn monitors_part(house: &House, watching: &Watching, now: f64) -> Part {
    let counters = house.monitors.counters();
    let last = watching.stats.last_written.load(Ordering::Relaxed);
    let lag = if last > 0 { (now - last as f64).max(0.0) } else { 0.0 };
    let (state, text) = match house.monitors.failure() {
        Some(why) => (State::Critical, format!("states cannot be kept, so no result is taken: {why}")),
        None if house.history.in_last_minute("monitors.dropped.alerts") > 0.0 => (
            State::Critical,
            "alerts of others come to a check that has no room for more, so nobody is told of them: end those that are over"
                .to_owned(),
        ),
        None if lag > SLOW_SECONDS => (State::Warning, format!("nothing was kept for {lag:.0} s")),
        None => {
            let tally = house.monitors.tally();
            let all = tally.ok + tally.warning + tally.critical + tally.unknown + tally.pending;
            (State::Ok, format!("{all} watched, {} not yet known", tally.pending))
        }
    };
    let losses = [
        (
            "monitors.refused",
            "unknown",
            counters.refused,
            "Results for what is not defined, or is switched off.",
        ),
        (
            "monitors.dropped.instances",
            "limit",
            counters.left_out,
            "Instances of metric monitors and sub-checks of checks beyond the most that there may be.",
        ),
        (
            "monitors.dropped.alerts",
            "limit",
            counters.alerts_left_out,
            "Alerts of others beyond the most that their check may have; they are counted above too.",
        ),
        (
            "monitors.dropped.points",
            "disk",
            counters.points_left_out,
            "Numbers of results while states could not be kept.",
        ),
    ];
    Part {
        state,
        text,
        rate: house.history.rate("monitors.results"),
        unit: Some("results/s"),
        lag: Some(lag),
        last_success: (last > 0).then_some(last as f64),
        dropped: losses_of(house, &losses),
        ..part("monitors", "evaluator", "Monitors")
    }
}

/// Metric monitors may be behind for so long before it is worth a word.
const METRICS_BEHIND_SECONDS: i64 = 10;

fn metrics_part(house: &House) -> Part {
    let (stats, troubles) = (*house.metric_watch.watch.lock(), house.metric_watch.troubles.lock().clone());
    let (state, text) = match troubles.first() {
        _ if stats.behind > METRICS_BEHIND_SECONDS => {
            (State::Warning, format!("judging is {} s behind: too much for this machine", stats.behind))
        }
        Some((monitor, why)) => {
            let more =
                if troubles.len() > 1 { format!(", and {} more", troubles.len() - 1) } else { String::new() };
            (State::Ok, format!("{} watched; `{monitor}` has nothing to tell: {why}{more}", stats.instances))
        }
        None if stats.monitors == 0 => (State::Off, "no metric monitors".to_owned()),
        None => (State::Ok, format!("{} instances of {} monitors", stats.instances, stats.monitors)),
    };
    let losses = [
        (
            "monitors.metric.dropped.instances",
            "limit",
            stats.refused_instances,
            "Series of one monitor beyond the most that it may have.",
        ),
        (
            "monitors.metric.dropped.windows",
            "memory",
            stats.refused_windows,
            "Series whose windows would have taken more memory than all may.",
        ),
        ("monitors.metric.late", "late", stats.late, "Points that came after their second was judged."),
        (
            "monitors.metric.reads_failed",
            "reads",
            stats.failed_reads,
            "Looks that could not read their series.",
        ),
    ];
    let took = house.metric_watch.last_microseconds.load(Ordering::Relaxed);
    let last = house.metric_watch.last_look.load(Ordering::Relaxed);
    Part {
        state,
        text,
        rate: house.history.rate("monitors.metric.slots"),
        unit: Some("points/s"),
        lag: Some(took as f64 / 1e6 + stats.behind.max(0) as f64),
        last_success: (last > 0).then_some(last as f64),
        dropped: losses_of(house, &losses),
        ..part("metrics", "evaluator", "Metric monitors")
    }
}

fn checks_part(house: &House, watching: &Watching) -> Part {
    let checks = watching.check_stats();
    let config = house.config.load();
    let late = house.history.in_last_minute("checks.late_starts");
    let (state, text) = match (checks.waiting, late) {
        (waiting, late) if waiting > 0 && late > 0.0 => (
            State::Warning,
            format!(
                "{waiting} checks wait because {} run already: raise checks.max_concurrent, or run them less often",
                checks.running
            ),
        ),
        _ if checks.scheduled == 0 => (State::Off, "no checks that run here".to_owned()),
        _ => (State::Ok, format!("{} scheduled, {} running", checks.scheduled, checks.running)),
    };
    let last = watching.stats.last_result.load(Ordering::Relaxed);
    Part {
        state,
        text,
        rate: house.history.rate("checks.runs"),
        unit: Some("checks/s"),
        lag: Some(watching.stats.last_latency_microseconds.load(Ordering::Relaxed) as f64 / 1e6),
        last_success: (last > 0).then_some(last as f64),
        filled: Some(checks.running as f64 / config.checks.max_concurrent.max(1) as f64),
        dropped: losses_of(house, &check_losses(house, watching)),
        ..part("checks", "evaluator", "Checks")
    }
}

fn check_losses(house: &House, watching: &Watching) -> Vec<(&'static str, &'static str, u64, &'static str)> {
    let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let handlers = &watching.handlers.stats;
    let mut losses = vec![
        (
            "checks.cut_bytes",
            "output",
            read(&watching.stats.cut_bytes),
            "Bytes of output beyond what is kept of one check.",
        ),
        (
            "checks.dropped.event_handlers",
            "event_handlers",
            read(&handlers.dropped),
            "Event handlers that were not run because too many were waiting.",
        ),
    ];
    if let Some(sent) = &*house.sent.lock() {
        losses.push((
            "checks.sent.refused",
            "refused",
            read(&sent.refused),
            "Results and commands that were sent for what is not defined, or that cannot be done; the log says which.",
        ));
        losses.push((
            "checks.sent.bad_lines",
            "bad_lines",
            read(&sent.bad_lines),
            "Lines of the command pipe that are no command; the log has their beginning.",
        ));
    }
    losses
}

fn losses_of(house: &House, losses: &[(&str, &'static str, u64, &'static str)]) -> Vec<Dropped> {
    let lost = losses.iter().filter(|(.., total, _)| *total > 0);
    lost.map(|(counter, cause, total, help)| dropped(house, counter, cause, *total, help)).collect()
}
