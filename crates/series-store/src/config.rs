//! The section `[storage]` of the configuration file.

use std::fmt;
use std::str::FromStr;

use regex::Regex;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use vocabulary::retention::{Aggregation, Archives};
use vocabulary::time::HumanDuration;

/// How points are kept, for how long, and how much of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageConfig {
    /// "embedded": files in `data_dir`. "clickhouse": a cluster (not in this version).
    pub engine: Engine,
    /// Most series; further names are refused and counted. 0 = no limit.
    pub max_series: u64,
    /// Most new series a minute. 0 = no limit.
    pub max_new_series_per_minute: u64,
    /// The same for each prefix of two name segments. 0 = no limit.
    pub max_new_per_prefix_per_minute: u64,
    /// How long which resolution is kept. First match wins; below these stands "default", which matches all.
    pub retention: Vec<RetentionRule>,
    /// How fine slots become coarser ones. First match wins; below these stand built-in rules for statsd's
    /// names (`config show --defaults` lists them), then average with x_files_factor 0.5.
    pub aggregation: Vec<AggregationRule>,
    /// With less free space than this the store turns read-only. "0B" = the larger of 1 GiB and 2 %.
    pub min_free: ByteSize,
    /// Memory for points that are not on disk yet and for names. "0B" = 60 % of the machine's.
    pub memory: ByteSize,
    /// Most bytes a second that merging of files may read and write.
    pub compaction_rate: ByteSize,
    /// Points this far ahead of the clock are still taken; at least one minute always is.
    pub future_tolerance: HumanDuration,
    pub wal: WalConfig,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WalConfig {
    /// How often the log is made to survive a power cut.
    pub sync_interval: HumanDuration,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    #[default]
    Embedded,
    Clickhouse,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetentionRule {
    pub name: String,
    /// A regular expression, searched anywhere in the full name with its tags.
    pub pattern: Pattern,
    /// Resolutions and how long each is kept, finest first: "STEP:KEEP".
    pub archives: Archives,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AggregationRule {
    pub name: String,
    /// A regular expression, searched anywhere in the full name with its tags.
    pub pattern: Pattern,
    #[serde(default)]
    pub method: Aggregation,
    /// The share of fine slots that must be known for a coarser one to be.
    #[serde(default)]
    pub x_files_factor: Share,
}

impl Default for StorageConfig {
    fn default() -> Self {
        StorageConfig {
            engine: Engine::Embedded,
            max_series: 2_000_000,
            max_new_series_per_minute: 2_000_000,
            max_new_per_prefix_per_minute: 0,
            retention: Vec::new(),
            aggregation: Vec::new(),
            min_free: ByteSize(0),
            memory: ByteSize(0),
            compaction_rate: ByteSize(64 << 20),
            future_tolerance: HumanDuration::from_secs(60),
            wal: WalConfig::default(),
        }
    }
}

impl Default for WalConfig {
    fn default() -> Self {
        WalConfig { sync_interval: HumanDuration::from_millis(100) }
    }
}

impl StorageConfig {
    /// What no single value shows: keys that contradict each other.
    pub fn problems(&self) -> Vec<(&'static str, String)> {
        let mut problems = Vec::new();
        if self.engine == Engine::Clickhouse {
            problems.push(("engine", "\"clickhouse\" is not in this version: write \"embedded\"".into()));
        }
        let twice = |names: Vec<&str>| {
            let repeated = names.iter().enumerate().find(|(at, name)| names[..*at].contains(name));
            repeated.map(|(_, name)| format!("two rules are called `{name}`: give each its own name"))
        };
        let retention = twice(self.retention.iter().map(|rule| rule.name.as_str()).collect());
        problems.extend(retention.map(|why| ("retention", why)));
        let aggregation = twice(self.aggregation.iter().map(|rule| rule.name.as_str()).collect());
        problems.extend(aggregation.map(|why| ("aggregation", why)));
        let interval = self.wal.sync_interval.0.as_millis();
        if !(1..=60_000).contains(&interval) {
            problems.push(("wal.sync_interval", "must be from 1ms to 60s".into()));
        }
        problems
    }

    /// The user's rules, then the built-in one, under a name of its own also where the user took "default".
    pub fn retention_rules(&self) -> Vec<RetentionRule> {
        let taken = self.retention.iter().any(|rule| rule.name == "default");
        let default = RetentionRule {
            name: if taken { "built-in default" } else { "default" }.into(),
            pattern: built_in(".*"),
            archives: DEFAULT_ARCHIVES.parse().expect("the default archives are valid"),
        };
        self.retention.iter().cloned().chain([default]).collect()
    }

    /// The user's rules, then the built-in ones. What none matches is averaged with factor 0.5.
    pub fn aggregation_rules(&self) -> Vec<AggregationRule> {
        let built_ins = BUILT_IN_AGGREGATION.iter().map(|(name, pattern, method, factor)| AggregationRule {
            name: (*name).into(),
            pattern: built_in(pattern),
            method: *method,
            x_files_factor: Share(*factor),
        });
        self.aggregation.iter().cloned().chain(built_ins).collect()
    }
}

/// One-second graphs of today, ten-second ones of the week, five years for capacity planning.
pub const DEFAULT_ARCHIVES: &str = "1s:6h,10s:7d,1m:30d,10m:5y";

/// What statsd's and carbon's own documents recommend, widened to tagged names (`;` after the last
/// segment) and to percentiles (`upper_90`, `count_90`). Gauges, rates, means and medians fall through
/// to the average, as there. Numbers of checks come every few minutes: a share of the seconds would forget them.
const BUILT_IN_AGGREGATION: [(&str, &str, Aggregation, f32); 6] = [
    ("checks", r"^checks\.", Aggregation::Average, 0.0),
    ("min", r"[._](lower|min)(_?\d+(_\d+)?)?(;|$)", Aggregation::Min, 0.1),
    ("max", r"[._](upper|max)(_?\d+(_\d+)?)?(;|$)", Aggregation::Max, 0.1),
    ("sum", r"\.(sum|sum_squares)(_\d+(_\d+)?)?(;|$)", Aggregation::Sum, 0.0),
    ("count", r"[._](count|counts)(_\d+(_\d+)?)?(;|$)", Aggregation::Sum, 0.0),
    ("count_legacy", r"^stats_counts\.", Aggregation::Sum, 0.0),
];

fn built_in(pattern: &str) -> Pattern {
    pattern.parse().expect("built-in patterns are valid")
}

/// A regular expression that compiles.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    pub fn matches(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

impl FromStr for Pattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let why = |error: regex::Error| {
            format!(
                "`{text}` is not a regular expression (look-around and back-references are not known): {error}"
            )
        };
        Regex::new(text).map(Pattern).map_err(why)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// A number from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f32);

impl Share {
    pub fn value(self) -> f32 {
        self.0
    }
}

impl Default for Share {
    fn default() -> Self {
        Share(0.5)
    }
}

/// A number of bytes: `"64MiB"`, `"1GiB"`, `"0B"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

const BYTE_UNITS: [(&str, u64); 8] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("B", 1),
];

impl FromStr for ByteSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let factor = BYTE_UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim()));
        let bytes = number
            .parse::<u64>()
            .ok()
            .zip(factor)
            .and_then(|(number, (_, factor))| number.checked_mul(*factor));
        bytes.map(ByteSize).ok_or_else(|| {
            format!("`{text}` is not a size: write a number and B, KiB, MiB, GiB or TiB, such as \"64MiB\"")
        })
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = BYTE_UNITS[..4].iter().find(|(_, factor)| self.0 > 0 && self.0.is_multiple_of(*factor));
        let (unit, factor) = fits.copied().unwrap_or(("B", 1));
        write!(f, "{}{unit}", self.0 / factor)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = f32::deserialize(deserializer)?;
        if (0.0..=1.0).contains(&number) {
            return Ok(Share(number));
        }
        Err(serde::de::Error::custom(format!("{number} is not a share: write a number from 0 to 1")))
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // By way of its shortest text: 0.1 is to be printed as 0.1, not as the nearest f32.
        let number = self.0.to_string().parse().unwrap_or(f64::from(self.0));
        serializer.serialize_f64(number)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_and_print() {
        let check = |text: &str, printed: &str| {
            assert_eq!(text.parse::<ByteSize>().unwrap().to_string(), printed, "{text}");
        };
        check("64MiB", "64MiB");
        check("65536 KiB", "64MiB");
        check("1GB", "1000000000B");
        check("0B", "0B");
        for bad in ["", "64", "MiB", "-1B", "1.5GiB", "99999999999999999999B", "20000000TiB"] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
    }

    #[test]
    fn built_in_rules_know_statsd_names() {
        let rules = StorageConfig::default().aggregation_rules();
        let check = |name: &str, wanted: &str| {
            let rule = rules.iter().find(|rule| rule.pattern.matches(name));
            assert_eq!(rule.map_or("average", |rule| rule.name.as_str()), wanted, "{name}");
        };
        check("checks.web1.disk.used_bytes", "checks");
        check("checks.web1.ping.rtt_max", "checks");
        check("stats.timers.api.lower", "min");
        check("stats.timers.api.lower_90", "min");
        check("stats.timers.api.upper_90;host=a", "max");
        check("stats.timers.api.upper_99_9", "max");
        check("stats.timers.api.sum", "sum");
        check("stats.timers.api.sum_squares_90", "sum");
        check("stats.timers.api.count", "count");
        check("stats.timers.api.count_ps", "average");
        check("stats.timers.api.mean_90", "average");
        check("stats_counts.logins", "count_legacy");
        check("stats.counters.logins.count", "count");
        check("stats.counters.logins.rate", "average");
        check("stats.gauges.upper.limit", "average");
        check("requests_count", "count");
        check("stats.gauges.discount", "average");
    }

    #[test]
    fn contradictions_are_named() {
        let rule =
            RetentionRule { name: "a".into(), pattern: built_in("x"), archives: "1s:1h".parse().unwrap() };
        let config = StorageConfig {
            engine: Engine::Clickhouse,
            retention: vec![rule.clone(), rule],
            wal: WalConfig { sync_interval: HumanDuration::from_millis(0) },
            ..StorageConfig::default()
        };
        let keys: Vec<_> = config.problems().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["engine", "retention", "wal.sync_interval"]);
        assert!(StorageConfig::default().problems().is_empty());
    }
}
