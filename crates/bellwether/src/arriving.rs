//! What comes in, by way in; the host at a glance; what well-known series mean.

use std::collections::HashMap;

use http_api::control::{Arriving, Help, Panel};
use ingest::stats::ListenerStats;
use vocabulary::ports::Scope;
use vocabulary::{Timestamp, ValueKind};

use crate::collecting::Collecting;
use crate::house::House;

/// Every way in that is open, with what comes through it.
pub fn arriving(house: &House) -> Vec<Arriving> {
    let mut found = Vec::new();
    if let Some(ingest) = house.ingest.read().as_ref() {
        let listeners = ingest.stats();
        for (source, counter) in SOURCES {
            let mine = of_source(&listeners, source);
            if mine.is_empty() {
                continue;
            }
            let rate =
                |name: &str| house.history.rate(&format!("{}.{counter}", crate::own::listener_name(name)));
            found.push(Arriving {
                source,
                points_per_second: mine.iter().filter_map(|listener| rate(listener.name)).sum(),
                series: 0,
                newest: newest_of(&mine).map(|at| at.0 as f64),
                listening: mine.first().map(|listener| listener.address.clone()),
                latest: None,
                regular: house.streaks.is_regular(source),
                target: house.config.load().own.series.then(|| rate_target(&mine, counter)),
            });
        }
    }
    found.extend(house.host.lock().as_ref().map(host));
    note_newest(house, &mut found);
    let counts = house.series_by_source.lock().counts(house);
    for entry in &mut found {
        entry.series = counts.get(entry.source).copied().unwrap_or(0);
    }
    found
}

/// Ways in that other programs use, and the counter that says how much each brings.
const SOURCES: [(&str, &str); 3] = [("statsd", "samples"), ("carbon", "lines"), ("collectd", "lines")];

fn of_source<'a>(listeners: &'a [ListenerStats], source: &str) -> Vec<&'a ListenerStats> {
    let is_its = |listener: &&ListenerStats| {
        listener.name.split('.').next() == Some(source) && listener.name != "statsd.admin"
    };
    listeners.iter().filter(is_its).collect()
}

fn newest_of(listeners: &[&ListenerStats]) -> Option<Timestamp> {
    listeners.iter().filter_map(|listener| listener.totals.last_received).max()
}

/// How much comes through all of these, as a target.
fn rate_target(listeners: &[&ListenerStats], counter: &str) -> String {
    let series: Vec<String> = listeners
        .iter()
        .map(|listener| format!("bellwether.{}.{counter}.count", crate::own::listener_name(listener.name)))
        .collect();
    format!("sumSeries({})", series.join(","))
}

/// Once a second: who has sent lately.
pub fn note_streaks(house: &House) {
    let ingest = house.ingest.read();
    let Some(ingest) = ingest.as_ref() else { return };
    let listeners = ingest.stats();
    for (source, _) in SOURCES {
        if let Some(newest) = newest_of(&of_source(&listeners, source)) {
            house.streaks.note(source, newest);
        }
    }
}

/// How many series each source has. Looks at all names, so only when there are others than before and not
/// more often than every few seconds.
#[derive(Default)]
pub struct SeriesBySource {
    names: usize,
    counted: i64,
    counts: HashMap<&'static str, u64>,
}

impl SeriesBySource {
    /// A look at a million names takes tens of milliseconds.
    const NAMES_FOR_A_SECOND_OF_PAUSE: usize = 100_000;

    fn counts(&mut self, house: &House) -> HashMap<&'static str, u64> {
        let (names, now) = (house.store.names(), house.clock.now().0);
        let pause = (names.len() / Self::NAMES_FOR_A_SECOND_OF_PAUSE) as i64;
        // A clock that was set back ends the pause too.
        if names.len() != self.names && !(self.counted..=self.counted + pause).contains(&now) {
            self.counts.clear();
            names.for_each(ValueKind::Number, &Scope::everything(), |_, name| {
                *self.counts.entry(http_api::source_of(name)).or_default() += 1;
            });
            (self.names, self.counted) = (names.len(), now);
        }
        self.counts.clone()
    }
}

fn host(collecting: &Collecting) -> Arriving {
    let stats = collecting.stats();
    let a_sample = stats.points.checked_div(stats.samples).unwrap_or(0);
    Arriving {
        source: "host",
        points_per_second: a_sample as f64 / collecting.interval.as_secs_f64(),
        series: 0,
        newest: stats.last_sample.map(|at| at.0 as f64),
        listening: None,
        latest: None,
        regular: true,
        target: None,
    }
}

/// The newest series of each source, which a page can say "received" with.
fn note_newest(house: &House, found: &mut [Arriving]) {
    for new in house.store.names().newest() {
        let source = http_api::source_of(&new.name);
        if let Some(entry) = found.iter_mut().find(|entry| entry.source == source && entry.latest.is_none()) {
            entry.latest = Some(new.name.to_string());
        }
    }
}

/// (title, what follows the host's prefix, unit, which paragraph explains it)
const PANELS: [(&str, &[&str], &str); 8] = [
    (
        "Processor",
        &["cpu.user_percent", "cpu.system_percent", "cpu.iowait_percent", "cpu.steal_percent"],
        "%",
    ),
    ("Memory", &["memory.used_bytes", "memory.cached_bytes", "memory.available_bytes"], "B"),
    (
        "Waiting (pressure)",
        &["pressure.cpu.some_percent", "pressure.io.some_percent", "pressure.memory.some_percent"],
        "%",
    ),
    ("Network", &["network.*.received_bytes_per_second", "network.*.sent_bytes_per_second"], "B/s"),
    ("Disk traffic", &["disk.*.read_bytes_per_second", "disk.*.write_bytes_per_second"], "B/s"),
    ("Disk latency", &["disk.*.await_ms"], "ms"),
    ("File systems", &["filesystem.*.used_percent"], "%"),
    ("Load", &["load.1m", "load.5m"], "tasks"),
];

/// Graphs that show the host at a glance.
pub fn host_panels(house: &House) -> Vec<Panel> {
    let Some(prefix) = house.host.lock().as_ref().map(|host| host.prefix.clone()) else { return Vec::new() };
    let panel = |(title, metrics, unit): (&'static str, &[&str], &'static str)| Panel {
        title,
        targets: metrics.iter().map(|metric| format!("{prefix}.{metric}")).collect(),
        unit,
        help: metrics
            .first()
            .and_then(|metric| help(&format!("{prefix}.{metric}")))
            .map_or("", |help| help.text),
    };
    PANELS.into_iter().map(panel).collect()
}

/// What a series of the host collector or of our own means.
pub fn help(series: &str) -> Option<Help> {
    collectors::doc_of(series).map(|doc| Help { unit: Some(doc.unit), text: doc.text })
}
