//! What the series of a flush are called: the prefixes and the suffix of the original's graphite backend.

use std::borrow::Cow;

use vocabulary::{PointBatch, SketchBatch, Timestamp};

use crate::config::{Machine, StatsdConfig};
use crate::keys::sanitized;
use crate::limits::FLUSH_NAME_BYTES;

const BYTES_OF_VALUE_AND_TIME: usize = 16;

/// All prefixes end with a dot unless they are empty; the suffix begins with one unless it is.
#[derive(Clone, Debug)]
pub struct Names {
    pub counter_rate: Affixes,
    pub counter_count: Affixes,
    pub timer: Affixes,
    pub gauge: Affixes,
    pub set: Affixes,
    /// What other people's checks report: 0 ok, 1 warning, 2 critical, 3 unknown. The original knows none.
    pub service_check: Affixes,
    /// The original writes `numStats` at the root in its legacy namespace.
    pub num_stats: String,
    /// `graphiteStats.*` and `processing_time` stand behind this.
    pub own: String,
    pub suffix: String,
    /// `;host=web1`, or nothing. In front of a name's own tags, so that a `host` among them counts.
    machine_tag: String,
    /// Keys are not clean: their metrics are cleaned here, as the graphite backend does then.
    clean: bool,
}

/// What goes before a key's metric, and behind it before the suffix and the tags.
#[derive(Clone, Debug)]
pub struct Affixes {
    before: String,
    behind: &'static str,
}

impl Names {
    pub fn new(config: &StatsdConfig) -> Names {
        let suffix = match config.global_suffix.as_str() {
            "" => String::new(),
            suffix => format!(".{suffix}"),
        };
        let (machine, machine_tag) = match &config.machine {
            Machine::Alone => ("", String::new()),
            Machine::Prefix(name) => (name.as_str(), String::new()),
            Machine::Tag(name) => ("", format!(";host={name}")),
        };
        let own_stats = format!("{}{}", joined(&[machine]), config.prefix_stats);
        let at = |parts: &[&str], behind| Affixes { before: joined(parts) + &joined(&[machine]), behind };
        if config.legacy_namespace {
            return Names {
                counter_rate: at(&["stats"], ""),
                counter_count: at(&["stats_counts"], ""),
                timer: at(&["stats", "timers"], ""),
                gauge: at(&["stats", "gauges"], ""),
                set: at(&["stats", "sets"], ".count"),
                service_check: at(&["stats", "service_checks"], ""),
                num_stats: format!("{own_stats}.numStats{suffix}"),
                own: format!("stats.{own_stats}."),
                suffix,
                machine_tag,
                clean: !config.key_name_sanitize,
            };
        }
        let global = config.global_prefix.as_str();
        Names {
            counter_rate: at(&[global, &config.prefix_counter], ".rate"),
            counter_count: at(&[global, &config.prefix_counter], ".count"),
            timer: at(&[global, &config.prefix_timer], ""),
            gauge: at(&[global, &config.prefix_gauge], ""),
            set: at(&[global, &config.prefix_set], ".count"),
            service_check: at(&[global, "service_checks"], ""),
            num_stats: format!("{}{own_stats}.numStats{suffix}", joined(&[global])),
            own: format!("{}{own_stats}.", joined(&[global])),
            suffix,
            machine_tag,
            clean: !config.key_name_sanitize,
        }
    }
}

/// Each part with a dot behind it; empty parts are left out.
fn joined(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).map(|part| format!("{part}.")).collect()
}

/// Writes points of one flush under their names.
pub struct Writer<'a> {
    pub names: &'a Names,
    pub time: Timestamp,
    pub points: PointBatch,
    pub sketches: SketchBatch,
    /// Values that are not numbers: the original writes `NaN`, which Carbon drops.
    pub not_numbers: u64,
    /// Points for which a batch has no room.
    pub left_out: u64,
    pub name_bytes: usize,
    text: Vec<u8>,
}

impl<'a> Writer<'a> {
    /// `expected` is about how many points and bytes of names there will be.
    pub fn new(names: &'a Names, time: Timestamp, expected: (usize, usize)) -> Writer<'a> {
        let points = PointBatch::with_capacity(expected.0, expected.1);
        let (sketches, text) = (SketchBatch::default(), Vec::new());
        Writer { names, time, points, sketches, not_numbers: 0, left_out: 0, name_bytes: 0, text }
    }

    /// Bytes written: names, values and times.
    pub fn bytes(&self) -> usize {
        self.name_bytes + self.points.len() * BYTES_OF_VALUE_AND_TIME
    }

    /// One number of `key`. `what` is for numbers of a timer.
    #[inline]
    pub fn point(&mut self, affixes: &Affixes, key: &str, what: &str, value: f64) {
        self.point_at(self.time, affixes, key, what, value);
    }

    pub fn point_at(&mut self, time: Timestamp, affixes: &Affixes, key: &str, what: &str, value: f64) {
        if value.is_nan() {
            self.not_numbers += 1;
            return;
        }
        let (metric, tags) = self.metric_and_tags(key);
        let dot = if what.is_empty() { "" } else { "." };
        let Names { suffix, machine_tag, .. } = self.names;
        let parts = [&affixes.before, &*metric, dot, what, affixes.behind, suffix, machine_tag, tags];
        self.push(&parts.map(str::as_bytes), time, value);
    }

    fn push(&mut self, name: &[&[u8]], time: Timestamp, value: f64) {
        let length: usize = name.iter().map(|part| part.len()).sum();
        if self.name_bytes + length > FLUSH_NAME_BYTES {
            self.left_out += 1;
            return;
        }
        self.name_bytes += length;
        self.points.push_parts(name, time, value);
    }

    fn metric_and_tags<'k>(&self, key: &'k str) -> (Cow<'k, str>, &'k str) {
        let (metric, tags) = key.split_at(key.find(';').unwrap_or(key.len()));
        let metric = if self.names.clean { sanitized(metric) } else { Cow::Borrowed(metric) };
        (metric, tags)
    }

    /// The distribution of the timer `key`, under the name that its numbers have in common.
    pub fn sketch(&mut self, key: &str, sketch: vocabulary::Sketch) {
        if sketch.is_empty() {
            return;
        }
        let (metric, tags) = self.metric_and_tags(key);
        self.text.clear();
        let Names { timer, suffix, machine_tag, .. } = self.names;
        for part in [&timer.before, &*metric, suffix, machine_tag, tags] {
            self.text.extend_from_slice(part.as_bytes());
        }
        self.sketches.push(&self.text, self.time, sketch);
    }

    /// One of the aggregation's own numbers.
    pub fn own(&mut self, what: &str, value: f64) {
        let Names { own, suffix, machine_tag, .. } = self.names;
        let parts = [own, what, suffix, machine_tag].map(str::as_bytes);
        self.push(&parts, self.time, value);
    }

    pub fn num_stats(&mut self, value: f64) {
        let Names { num_stats, machine_tag, .. } = self.names;
        self.push(&[num_stats.as_bytes(), machine_tag.as_bytes()], self.time, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names of a counter with a tag, a set and a timer's sketch, then of our own.
    fn names(machine: Machine, legacy_namespace: bool) -> Vec<String> {
        let config = StatsdConfig { machine, legacy_namespace, ..StatsdConfig::default() };
        let names = Names::new(&config);
        let mut writer = Writer::new(&names, Timestamp(1), (0, 0));
        writer.point(&names.counter_rate, "orders;env=prod", "", 1.0);
        writer.point(&names.set, "users", "", 1.0);
        writer.sketch("api", vocabulary::Sketch::from_values([(1.0, 1.0)]));
        writer.own("processing_time", 1.0);
        writer.num_stats(1.0);
        let sketches = writer.sketches.iter().map(|(name, _, _)| name.to_vec()).collect::<Vec<_>>();
        let points = writer.points.iter().map(|point| point.name.to_vec());
        points.chain(sketches).map(|name| String::from_utf8(name).unwrap()).collect()
    }

    #[test]
    fn the_series_of_machines_are_told_apart() {
        let plain = [
            "stats.orders;env=prod",
            "stats.sets.users.count",
            "stats.statsd.processing_time",
            "statsd.numStats",
            "stats.timers.api",
        ];
        assert_eq!(names(Machine::Alone, true), plain);
        assert_eq!(
            names(Machine::Prefix("web1".into()), true),
            [
                "stats.web1.orders;env=prod",
                "stats.sets.web1.users.count",
                "stats.web1.statsd.processing_time",
                "web1.statsd.numStats",
                "stats.timers.web1.api"
            ]
        );
        assert_eq!(
            names(Machine::Prefix("web1".into()), false),
            [
                "stats.counters.web1.orders.rate;env=prod",
                "stats.sets.web1.users.count",
                "stats.web1.statsd.processing_time",
                "stats.web1.statsd.numStats",
                "stats.timers.web1.api"
            ]
        );
        assert_eq!(
            names(Machine::Tag("web1".into()), true),
            [
                "stats.orders;host=web1;env=prod",
                "stats.sets.users.count;host=web1",
                "stats.statsd.processing_time;host=web1",
                "statsd.numStats;host=web1",
                "stats.timers.api;host=web1"
            ]
        );
    }
}
