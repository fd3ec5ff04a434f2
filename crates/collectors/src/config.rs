//! `[collectors]`.

use serde::{Deserialize, Deserializer, Serialize};
use vocabulary::time::HumanDuration;

use crate::limits;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CollectorsConfig {
    /// This host's own numbers, under `host.<name>.`.
    pub host: bool,
    /// How often; at least one second.
    pub interval: Interval,
    /// The `<name>` of this host; empty takes what the system calls itself.
    pub host_name: String,
    /// `cpu.core0.busy_percent` and so on, besides the sum over all cores.
    pub per_core: bool,
}

impl Default for CollectorsConfig {
    fn default() -> Self {
        CollectorsConfig {
            host: true,
            interval: Interval(HumanDuration::from_secs(1)),
            host_name: String::new(),
            per_core: false,
        }
    }
}

/// Points carry whole seconds, so there is nothing to gain below one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Interval(HumanDuration);

impl Interval {
    pub fn new(interval: HumanDuration) -> Result<Interval, String> {
        let (shortest, longest) = (limits::INTERVAL_MIN, limits::INTERVAL_MAX);
        if interval.0 < shortest.0 || interval.0 > longest.0 {
            return Err(format!("`{interval}` is not between {shortest} and {longest}"));
        }
        Ok(Interval(interval))
    }

    pub fn duration(self) -> std::time::Duration {
        self.0.0
    }
}

impl<'de> Deserialize<'de> for Interval {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Interval::new(HumanDuration::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_have_bounds() {
        for (text, fine) in [("1s", true), ("1h", true), ("999ms", false), ("0s", false), ("2h", false)] {
            assert_eq!(Interval::new(text.parse().unwrap()).is_ok(), fine, "{text}");
        }
    }
}
