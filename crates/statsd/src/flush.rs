//! A flush as it is written: the numbers of every name that is held, then our own.

use std::time::Duration;

use vocabulary::sample::Dialect;

use crate::aggregator::Flush;
use crate::central::{Central, Delivery};
use crate::gauges::GaugeChange;
use crate::keys::{KeyRules, TooLong};
use crate::names::Writer;
use crate::shard::{Class, Dated};

impl Central {
    pub fn write_counters(&self, writer: &mut Writer<'_>) -> usize {
        let seconds = self.config.flush_interval.seconds();
        let mut keys = 0;
        for row in self.ledger.counters.present() {
            writer.point(&writer.names.counter_rate, &row.key, "", row.held / seconds);
            if self.config.flush_counts {
                writer.point(&writer.names.counter_count, &row.key, "", row.held);
            }
            keys += 1;
        }
        keys
    }

    pub fn write_timers(&mut self, writer: &mut Writer<'_>) -> usize {
        let (plan, scratch, names) = (&self.plan, &mut self.scratch, writer.names);
        let mut keys = 0;
        for row in self.ledger.timers.present_mut() {
            let key = &row.key;
            let sketch = row.held.numbers(plan, key, scratch, &mut |what, value| {
                writer.point(&names.timer, key, what, value);
            });
            writer.sketch(key, sketch);
            keys += 1;
        }
        keys
    }

    pub fn write_sets(&self, writer: &mut Writer<'_>) -> usize {
        let mut keys = 0;
        for row in self.ledger.sets.present() {
            writer.point(&writer.names.set, &row.key, "", row.held.len() as f64);
            keys += 1;
        }
        keys
    }

    /// What clients gave a time of their own, at that time. Of one gauge at one time the last value counts.
    pub fn write_dated(&mut self, writer: &mut Writer<'_>) {
        let seconds = self.config.flush_interval.seconds();
        let mut dated = std::mem::take(&mut self.dated);
        let same = |a: &Dated, b: &Dated| (a.class, &a.key, a.time) == (b.class, &b.key, b.time);
        dated.sort_by(|a, b| (a.class, &a.key, a.time).cmp(&(b.class, &b.key, b.time)));
        for readings in dated.chunk_by(same) {
            let Dated { class, key, time, value } = &readings[readings.len() - 1];
            if *class == Class::Gauge {
                writer.point_at(*time, &writer.names.gauge, key, "", *value);
                continue;
            }
            let sum: f64 = readings.iter().map(|reading| reading.value).sum();
            writer.point_at(*time, &writer.names.counter_rate, key, "", sum / seconds);
            if self.config.flush_counts {
                writer.point_at(*time, &writer.names.counter_count, key, "", sum);
            }
        }
    }

    /// The status of each service check, at its own time if it has one.
    pub fn write_service_checks(&mut self, writer: &mut Writer<'_>) {
        let rules = KeyRules { dialect: Dialect::DogStatsD, sanitize: self.config.key_name_sanitize };
        for (received, check) in &self.service_checks {
            let host = check.host.iter().map(|host| format!("host:{host}"));
            let tags: Vec<String> = check.tags.iter().cloned().chain(host).collect();
            match rules.key(check.name.as_bytes(), tags.join(",").as_bytes()) {
                Ok(key) => {
                    let time = check.time.unwrap_or(*received);
                    writer.point_at(time, &writer.names.service_check, &key, "", check.status as u8 as f64);
                }
                Err(TooLong) => self.stats.refused_long_names += 1,
            }
        }
    }

    pub fn write_own(&self, writer: &mut Writer<'_>, gathered: Duration, calculated: Duration) {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        let Delivery { last_flush, last_exception, flush_time, flush_length } = self.delivery;
        writer.num_stats(self.held.all() as f64);
        writer.own("graphiteStats.calculationtime", milliseconds(calculated));
        writer.own("processing_time", milliseconds(gathered));
        writer.own("graphiteStats.last_exception", last_exception.0 as f64);
        writer.own("graphiteStats.last_flush", last_flush.0 as f64);
        writer.own("graphiteStats.flush_time", flush_time);
        writer.own("graphiteStats.flush_length", flush_length as f64);
    }

    pub fn finish(&mut self, writer: Writer<'_>, changed_gauges: Vec<GaugeChange>) -> Flush {
        self.delivery.flush_length = writer.bytes();
        let Writer { time, points, sketches, not_numbers, left_out, name_bytes, .. } = writer;
        self.stats.not_numbers += not_numbers;
        self.stats.left_out += left_out;
        self.expected = (points.len(), name_bytes);
        Flush {
            time,
            points,
            sketches,
            changed_gauges,
            events: std::mem::take(&mut self.events),
            service_checks: std::mem::take(&mut self.service_checks),
            key_log: self.key_log(time),
        }
    }
}
