//! The `[statsd]` section, sockets included; `ingest` opens them.

use std::path::PathBuf;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vocabulary::sample::Dialect;
use vocabulary::settings::Listen;
use vocabulary::time::HumanDuration;

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct StatsdConfig {
    /// Where datagrams are received, or "off".
    pub udp: Listen,
    /// Where lines are received over TCP, or "off".
    pub tcp: Listen,
    /// The admin interface (`stats`, `counters`, `delgauges`, ...), or "off".
    pub admin: Listen,
    /// Path of a Unix datagram socket, or "off".
    pub unix: UnixPath,
    /// Networks whose packets, connections and commands are taken.
    pub allow: Vec<IpNet>,
    /// Threads that receive datagrams; 0 chooses: one up to four cores, then a quarter of them.
    pub receivers: usize,
    /// Other StatsD servers that get a copy of every packet.
    pub repeater: Vec<RepeaterTarget>,
    /// How packets are repeated: "udp4", "udp6" or "tcp".
    pub repeater_protocol: RepeaterProtocol,

    /// "dogstatsd", or "statsd" for exactly the original's grammar.
    pub dialect: Dialect,
    /// How often numbers are handed on, at wall-clock multiples; at least one second.
    pub flush_interval: FlushInterval,
    /// Percentiles of timers; fractions are fine, negative ones mean the top.
    pub percentiles: Vec<Percentile>,
    /// Other percentiles for timers whose name contains `metric`; the first that matches wins.
    pub timer_percentiles: Vec<TimerPercentiles>,
    /// Bins for timers whose name contains `metric`; the first that matches wins.
    pub histogram: Vec<Histogram>,
    /// Numbers of a timer that are written (`mean`, `upper_percent`, ...); empty means all.
    pub calculated_timer_metrics: Vec<String>,
    /// Write counts (`stats_counts.NAME`, `NAME.count`) beside rates.
    pub flush_counts: bool,
    /// Write nothing for what was idle, instead of zeros and gauges' last values.
    pub delete_idle_stats: bool,
    /// Overrides `delete_idle_stats` for counters; the same for the next three.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_counters: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_timers: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_sets: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_gauges: Option<bool>,
    /// With deleted gauges: for how many flushes a gauge outlives its last sample.
    pub gauges_max_ttl: u32,
    /// Replace or drop characters of names that Graphite cannot have.
    pub key_name_sanitize: bool,
    /// Name of our own numbers, below the prefixes.
    pub prefix_stats: String,
    /// `stats.NAME` and `stats_counts.NAME` for counters; off, the prefixes below count.
    pub legacy_namespace: bool,
    pub global_prefix: String,
    pub prefix_counter: String,
    pub prefix_timer: String,
    pub prefix_gauge: String,
    pub prefix_set: String,
    /// Put behind every name, with a dot; empty means none.
    pub global_suffix: String,
    /// What `health` answers at first: "up" or "down".
    pub health_status: Health,
    /// Log of the most frequent names; off without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_flush: Option<KeyFlush>,
    /// Most names held at once; further ones are refused and counted.
    pub max_names: usize,
    /// Not a key of this section: an agent tells its machine's series from those of others.
    #[serde(skip)]
    pub machine: Machine,
}

/// How the series of this machine are told from those of others in the same store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Machine {
    /// It is the only one.
    #[default]
    Alone,
    /// `x` is called `NAME.x`, as if its client had called it so.
    Prefix(String),
    /// Series carry the tag `host`, unless the client has given one.
    Tag(String),
}

impl Default for StatsdConfig {
    fn default() -> Self {
        let loopback = |port: u16| Listen::On(([127, 0, 0, 1], port).into());
        StatsdConfig {
            udp: loopback(8125),
            tcp: loopback(8125),
            admin: loopback(8126),
            unix: UnixPath(None),
            allow: vec![IpNet::V4(Ipv4Net::new_assert(std::net::Ipv4Addr::new(127, 0, 0, 0), 8))],
            receivers: 0,
            repeater: Vec::new(),
            repeater_protocol: RepeaterProtocol::Udp4,
            dialect: Dialect::DogStatsD,
            flush_interval: FlushInterval(HumanDuration::from_secs(1)),
            percentiles: vec![Percentile(90.0)],
            timer_percentiles: Vec::new(),
            histogram: Vec::new(),
            calculated_timer_metrics: Vec::new(),
            flush_counts: true,
            delete_idle_stats: false,
            delete_counters: None,
            delete_timers: None,
            delete_sets: None,
            delete_gauges: None,
            gauges_max_ttl: 1,
            key_name_sanitize: true,
            prefix_stats: "statsd".into(),
            legacy_namespace: true,
            global_prefix: "stats".into(),
            prefix_counter: "counters".into(),
            prefix_timer: "timers".into(),
            prefix_gauge: "gauges".into(),
            prefix_set: "sets".into(),
            global_suffix: String::new(),
            health_status: Health::Up,
            key_flush: None,
            max_names: crate::limits::MAX_NAMES,
            machine: Machine::Alone,
        }
    }
}

impl StatsdConfig {
    pub fn deletes_counters(&self) -> bool {
        self.delete_counters.unwrap_or(self.delete_idle_stats)
    }

    pub fn deletes_timers(&self) -> bool {
        self.delete_timers.unwrap_or(self.delete_idle_stats)
    }

    pub fn deletes_sets(&self) -> bool {
        self.delete_sets.unwrap_or(self.delete_idle_stats)
    }

    pub fn deletes_gauges(&self) -> bool {
        self.delete_gauges.unwrap_or(self.delete_idle_stats)
    }

    /// What no single key can tell.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.max_names == 0 {
            problems.push(("max_names", "with 0 every name is refused: write a number above it".into()));
        }
        if self.gauges_max_ttl == 0 {
            problems.push(("gauges_max_ttl", "a gauge lives for at least 1 flush".into()));
        }
        if self.key_flush.as_ref().is_some_and(|log| log.interval.0 < Duration::from_secs(1)) {
            problems.push((
                "key_flush",
                "names are counted for one second at least: write interval = \"10s\"".into(),
            ));
        }
        if let Some(metric) = self.calculated_timer_metrics.iter().find(|metric| !is_timer_metric(metric)) {
            problems.push((
                "calculated_timer_metrics",
                format!("no number of a timer is called `{metric}`: there are {}", TIMER_METRICS.join(", ")),
            ));
        }
        problems
    }
}

/// What `calculated_timer_metrics` may name; percentiles are meant by `mean_percent` and so on.
const TIMER_METRICS: [&str; 16] = [
    "count",
    "count_ps",
    "mean",
    "median",
    "std",
    "sum",
    "sum_squares",
    "upper",
    "lower",
    "histogram",
    "count_percent",
    "mean_percent",
    "upper_percent",
    "lower_percent",
    "sum_percent",
    "sum_squares_percent",
];

/// The original cuts only the last digits off `upper_99_9`, so `upper_99_percent` is a name too.
fn is_timer_metric(metric: &str) -> bool {
    let fraction = metric.strip_suffix("_percent").and_then(|start| start.rsplit_once('_'));
    let percentile = |start: &str| TIMER_METRICS.contains(&format!("{start}_percent").as_str());
    TIMER_METRICS.contains(&metric) || fraction.is_some_and(|(start, _)| percentile(start))
}

/// At least one second: points carry whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct FlushInterval(HumanDuration);

impl FlushInterval {
    pub fn new(interval: HumanDuration) -> Result<FlushInterval, String> {
        if interval.0 < Duration::from_secs(1) {
            return Err(format!(
                "`{interval}` is too short: points carry whole seconds, write \"1s\" or more"
            ));
        }
        if interval.0 > crate::limits::LONGEST_FLUSH_INTERVAL {
            return Err(format!("`{interval}` is too long: nothing would be seen for that time"));
        }
        Ok(FlushInterval(interval))
    }

    pub fn duration(self) -> Duration {
        self.0.0
    }

    /// The divisor of the original's rates: milliseconds / 1000.
    pub fn seconds(self) -> f64 {
        self.milliseconds() as f64 / 1000.0
    }

    pub fn milliseconds(self) -> u64 {
        self.0.0.as_millis() as u64
    }
}

impl<'de> Deserialize<'de> for FlushInterval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        FlushInterval::new(HumanDuration::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A share of the values in percent: 90, 99.9, or -10 for the top tenth.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percentile(pub f64);

impl<'de> Deserialize<'de> for Percentile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let percent = f64::deserialize(deserializer)?;
        if !percent.is_finite() {
            return Err(serde::de::Error::custom("a percentile is a number such as 90, 99.9 or -10"));
        }
        Ok(Percentile(percent))
    }
}

impl Serialize for Percentile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_number(self.0, serializer)
    }
}

/// Whole numbers without `.0`, as people write them.
fn serialize_number<S: Serializer>(number: f64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        serializer.serialize_i64(number as i64)
    } else {
        serializer.serialize_f64(number)
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct TimerPercentiles {
    /// A part of the timer's name.
    pub metric: String,
    pub percentiles: Vec<Percentile>,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Histogram {
    /// A part of the timer's name.
    pub metric: String,
    /// Upper limits of the bins, not included, rising; "inf" takes the rest.
    pub bins: Vec<Bin>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bin {
    Below(f64),
    Rest,
}

impl<'de> Deserialize<'de> for Bin {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(f64),
            Word(String),
        }
        match Written::deserialize(deserializer) {
            Ok(Written::Number(f64::INFINITY)) => Ok(Bin::Rest),
            Ok(Written::Number(limit)) if limit.is_finite() => Ok(Bin::Below(limit)),
            Ok(Written::Word(word)) if word == "inf" => Ok(Bin::Rest),
            _ => Err(serde::de::Error::custom("a bin is a number or \"inf\"")),
        }
    }
}

impl Serialize for Bin {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Bin::Below(limit) => serialize_number(*limit, serializer),
            Bin::Rest => serializer.serialize_str("inf"),
        }
    }
}

/// A path, or `"off"`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnixPath(pub Option<PathBuf>);

impl<'de> Deserialize<'de> for UnixPath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let path = String::deserialize(deserializer)?;
        match path.as_str() {
            "off" => Ok(UnixPath(None)),
            "" => Err(serde::de::Error::custom("write the path of a socket, or \"off\"")),
            path => Ok(UnixPath(Some(path.into()))),
        }
    }
}

impl Serialize for UnixPath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(path) => path.serialize(serializer),
            None => serializer.serialize_str("off"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct RepeaterTarget {
    pub host: String,
    pub port: u16,
}

impl RepeaterTarget {
    /// `host:port`, IPv6 addresses in brackets.
    pub fn address(&self) -> String {
        let RepeaterTarget { host, port } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum RepeaterProtocol {
    #[default]
    Udp4,
    Udp6,
    Tcp,
}

impl RepeaterProtocol {
    pub fn word(self) -> &'static str {
        match self {
            RepeaterProtocol::Udp4 => "udp4",
            RepeaterProtocol::Udp6 => "udp6",
            RepeaterProtocol::Tcp => "tcp",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Health {
    #[default]
    Up,
    Down,
}

impl Health {
    pub fn word(self) -> &'static str {
        match self {
            Health::Up => "up",
            Health::Down => "down",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct KeyFlush {
    /// How often names are counted out and written.
    pub interval: HumanDuration,
    /// Which share of the names, the most frequent first.
    #[serde(default = "all_percent")]
    pub percent: f64,
    /// Where to append them; our own log without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<PathBuf>,
}

fn all_percent() -> f64 {
    100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_what_an_empty_section_means() {
        assert_eq!(toml::from_str::<StatsdConfig>("").unwrap(), StatsdConfig::default());
        assert_eq!(StatsdConfig::default().problems(), []);
    }

    #[test]
    fn what_is_written_reads_back() {
        let written = r#"
            udp = "off"
            unix = "/run/statsd.sock"
            allow = ["10.0.0.0/8", "::1/128"]
            repeater = [{ host = "other", port = 8125 }]
            repeater_protocol = "tcp"
            dialect = "statsd"
            flush_interval = "10s"
            percentiles = [90, 99.9, -10]
            timer_percentiles = [{ metric = "api.", percentiles = [95] }]
            histogram = [{ metric = "x", bins = [0.1, 1, "inf"] }]
            delete_idle_stats = true
            delete_gauges = false
            health_status = "down"
            key_flush = { interval = "10s" }
        "#;
        let config: StatsdConfig = toml::from_str(written).unwrap();
        assert_eq!(config.percentiles, [90.0, 99.9, -10.0].map(Percentile));
        assert_eq!(config.histogram[0].bins, [Bin::Below(0.1), Bin::Below(1.0), Bin::Rest]);
        assert!(config.deletes_counters() && !config.deletes_gauges());
        assert_eq!(toml::from_str::<StatsdConfig>(&toml::to_string(&config).unwrap()).unwrap(), config);
    }

    #[test]
    fn bad_values_say_what_to_write() {
        for (line, wanted) in [
            ("flush_interval = \"500ms\"", "write \"1s\" or more"),
            ("percentiles = [nan]", "a percentile is a number"),
            ("histogram = [{ metric = \"x\", bins = [\"x\"] }]", "a bin is a number or \"inf\""),
            ("dialect = \"datadog\"", "dogstatsd"),
            ("unix = \"\"", "path of a socket"),
            ("udpp = \"off\"", "unknown field"),
        ] {
            let error = toml::from_str::<StatsdConfig>(line).unwrap_err().to_string();
            assert!(error.contains(wanted), "{line}: {error}");
        }
        let config = StatsdConfig {
            max_names: 0,
            gauges_max_ttl: 0,
            calculated_timer_metrics: vec!["upper_90".into()],
            key_flush: Some(KeyFlush { interval: HumanDuration::default(), percent: 100.0, log: None }),
            ..StatsdConfig::default()
        };
        let keys: Vec<_> = config.problems().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["max_names", "gauges_max_ttl", "key_flush", "calculated_timer_metrics"]);
    }
}
