//! The admin interface: a command in, the original's answer out. The socket is `ingest`'s.

use std::fmt::Write;

use vocabulary::Timestamp;

use crate::aggregator::Aggregator;
use crate::central::Central;
use crate::config::{Bin, Health, StatsdConfig};
use crate::ledger::Row;
use crate::{inspect, js};

/// What to write back, and whether to close the connection then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdminAnswer {
    pub text: String,
    pub quit: bool,
}

const HELP: &str =
    "Commands: stats, counters, timers, gauges, delcounters, deltimers, delgauges, health, config, quit\n\n";
const END: &str = "END\n\n";

impl Aggregator {
    /// Answer one command line, with or without its line end.
    pub fn admin(&self, line: &[u8], now: Timestamp) -> AdminAnswer {
        let line = String::from_utf8_lossy(line);
        let mut words = line.trim_matches(js::is_space).split(' ');
        let command = words.next().unwrap_or_default();
        let parameters: Vec<&str> = words.collect();
        if command == "quit" {
            return AdminAnswer { text: String::new(), quit: true };
        }
        AdminAnswer { text: self.admin_text(command, &parameters, now), quit: false }
    }

    fn admin_text(&self, command: &str, parameters: &[&str], now: Timestamp) -> String {
        let mut central = self.central.lock();
        if !matches!(command, "help" | "config" | "health") {
            self.gather(&mut central, |_| {});
        }
        let central = &mut *central;
        match command {
            "help" => HELP.into(),
            "config" => config(&central.config),
            "health" => health(&mut central.health, parameters),
            "stats" => stats(central, now),
            "counters" => {
                let rows = listed(central.ledger.counters.present());
                let values: Vec<(&str, f64)> = rows.iter().map(|row| (&*row.key, row.held)).collect();
                inspect::numbers(&values) + "\n" + END
            }
            "timers" => {
                let rows = listed(central.ledger.timers.present());
                let values: Vec<(&str, &[f64])> =
                    rows.iter().map(|row| (&*row.key, row.held.values())).collect();
                inspect::arrays(&values) + "\n" + END
            }
            "gauges" => {
                let gauges = in_object_order(self.gauges(), |(key, _)| key);
                let values: Vec<(&str, f64)> =
                    gauges.iter().map(|(key, value)| (key.as_str(), *value)).collect();
                inspect::numbers(&values) + "\n" + END
            }
            "delcounters" => {
                let table = &mut central.ledger.counters;
                delete(parameters, keys(&listed(table.present())), |key| table.delete(key))
            }
            "deltimers" => {
                let table = &mut central.ledger.timers;
                delete(parameters, keys(&listed(table.present())), |key| table.delete(key))
            }
            "delgauges" => {
                let keys = in_object_order(self.gauges(), |(key, _)| key).into_iter().map(|(key, _)| key);
                let keys: Vec<String> = keys.collect();
                let mut gauges = self.shared().gauges.lock();
                delete(parameters, keys, |key| gauges.delete(key))
            }
            _ => "ERROR\n".into(),
        }
    }
}

/// In the order in which an object lists its keys: numbers first, then as they were created.
fn in_object_order<T>(mut created: Vec<T>, key: impl Fn(&T) -> &str) -> Vec<T> {
    created.sort_by_key(|item| js::array_index(key(item)).map_or(u64::MAX, u64::from));
    created
}

fn listed<'a, T: 'a>(rows: impl Iterator<Item = &'a Row<T>>) -> Vec<&'a Row<T>> {
    let mut rows: Vec<&Row<T>> = rows.collect();
    rows.sort_unstable_by_key(|row| row.created);
    in_object_order(rows, |row| &row.key)
}

fn keys<T>(rows: &[&Row<T>]) -> Vec<String> {
    rows.iter().map(|row| row.key.to_string()).collect()
}

/// Delete what each parameter names: a key, or with `.*` behind it all below. The original also finds what
/// every object has from birth, and says that it deleted it.
fn delete(parameters: &[&str], mut keys: Vec<String>, mut delete: impl FnMut(&str) -> bool) -> String {
    let mut answer = String::new();
    for parameter in parameters {
        let inborn = js::OBJECT_MEMBERS.contains(parameter);
        let folder = parameter.strip_suffix('*').filter(|folder| folder.ends_with('.'));
        let exact = keys.iter().filter(|key| key == parameter);
        let below = keys.iter().filter(|key| folder.is_some_and(|folder| key.starts_with(folder)));
        let mut found: Vec<String> = exact.chain(below).cloned().collect();
        if found.is_empty() && inborn {
            found.push((*parameter).to_owned());
        }
        if found.is_empty() {
            let _ = writeln!(answer, "metric {parameter} not found");
        }
        for key in &found {
            delete(key);
            let _ = writeln!(answer, "deleted: {key}");
        }
        keys.retain(|key| !found.contains(key));
    }
    answer + END
}

fn health(health: &mut Health, parameters: &[&str]) -> String {
    match parameters.first().map(|word| word.to_lowercase()).as_deref() {
        Some("up") => *health = Health::Up,
        Some("down") => *health = Health::Down,
        _ => {}
    }
    format!("health: {}\n", health.word())
}

fn stats(central: &Central, now: Timestamp) -> String {
    let delivery = &central.delivery;
    let mut answer = String::new();
    for (name, value) in [
        ("uptime", now.since(central.started) as f64),
        ("messages.last_msg_seen", now.since(central.last_packet) as f64),
        ("messages.bad_lines_seen", central.stats.bad_lines() as f64),
        ("graphite.last_flush", now.since(delivery.last_flush) as f64),
        ("graphite.last_exception", now.since(delivery.last_exception) as f64),
        ("graphite.flush_time", delivery.flush_time),
        ("graphite.flush_length", delivery.flush_length as f64),
    ] {
        let _ = writeln!(answer, "{name}: {}", js::number_to_text(value));
    }
    answer + END
}

/// The settings under the original's names, in the order of its example.
fn config(config: &StatsdConfig) -> String {
    let mut text = String::from("\n");
    let mut line = |name: &str, value: &dyn std::fmt::Display| {
        let _ = writeln!(text, "{name}: {value}");
    };
    if let Some(address) = config.udp.address() {
        line("address", &address.ip());
        line("port", &address.port());
    }
    if let Some(address) = config.admin.address() {
        line("mgmt_address", &address.ip());
        line("mgmt_port", &address.port());
    }
    line("healthStatus", &config.health_status.word());
    line("flushInterval", &config.flush_interval.milliseconds());
    for (index, percentile) in config.percentiles.iter().enumerate() {
        line(&format!("percentThreshold > {index}"), &js::number_to_text(percentile.0));
    }
    line("flush_counts", &config.flush_counts);
    if let Some(key_flush) = &config.key_flush {
        line("keyFlush > interval", &key_flush.interval.0.as_millis());
        line("keyFlush > percent", &js::number_to_text(key_flush.percent));
        if let Some(log) = &key_flush.log {
            line("keyFlush > log", &log.display());
        }
    }
    line("deleteIdleStats", &config.delete_idle_stats);
    line("deleteGauges", &config.deletes_gauges());
    line("gaugesMaxTTL", &config.gauges_max_ttl);
    line("deleteTimers", &config.deletes_timers());
    line("deleteSets", &config.deletes_sets());
    line("deleteCounters", &config.deletes_counters());
    line("prefixStats", &config.prefix_stats);
    line("keyNameSanitize", &config.key_name_sanitize);
    for (index, metric) in config.calculated_timer_metrics.iter().enumerate() {
        line(&format!("calculatedTimerMetrics > {index}"), metric);
    }
    line("graphite > legacyNamespace", &config.legacy_namespace);
    line("graphite > globalPrefix", &config.global_prefix);
    line("graphite > prefixCounter", &config.prefix_counter);
    line("graphite > prefixTimer", &config.prefix_timer);
    line("graphite > prefixGauge", &config.prefix_gauge);
    line("graphite > prefixSet", &config.prefix_set);
    line("graphite > globalSuffix", &config.global_suffix);
    for (index, target) in config.repeater.iter().enumerate() {
        line(&format!("repeater > {index}"), &format!("{}:{}", target.host, target.port));
    }
    line("repeaterProtocol", &config.repeater_protocol.word());
    for (index, histogram) in config.histogram.iter().enumerate() {
        let bins: Vec<String> = histogram.bins.iter().map(bin).collect();
        line(&format!("histogram > {index}"), &format!("{} [{}]", histogram.metric, bins.join(", ")));
    }
    text
}

fn bin(bin: &Bin) -> String {
    match bin {
        Bin::Below(limit) => js::number_to_text(*limit),
        Bin::Rest => "inf".into(),
    }
}
