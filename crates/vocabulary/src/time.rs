//! Points in time, steps, and durations as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Seconds since 1970-01-01 UTC. Everything that is stored carries whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The start of the slot of `step` that this moment lies in.
    pub fn floor(self, step: Step) -> Timestamp {
        Timestamp(self.0 - self.0.rem_euclid(step.seconds()))
    }

    pub fn plus(self, seconds: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(seconds))
    }

    pub fn minus(self, seconds: i64) -> Timestamp {
        Timestamp(self.0.saturating_sub(seconds))
    }

    /// Seconds from `earlier` to this moment; negative if it is the later one.
    pub fn since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Length of a slot in seconds, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(u32);

impl Step {
    pub const ONE_SECOND: Step = Step(1);

    pub fn new(seconds: u32) -> Option<Step> {
        (seconds > 0).then_some(Step(seconds))
    }

    pub fn seconds(self) -> i64 {
        i64::from(self.0)
    }
}

/// Where `now` comes from. The real one lives in the binary; tests pass their own.
pub trait Clock: Send + Sync {
    /// Time since 1970-01-01 UTC.
    fn since_epoch(&self) -> Duration;

    fn now(&self) -> Timestamp {
        Timestamp(self.since_epoch().as_secs() as i64)
    }
}

/// To the minute beyond one, as people say it.
pub fn spell(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes} min"),
        3_600..172_800 if minutes == 0 => format!("{hours} h"),
        3_600..172_800 => format!("{hours} h {minutes} min"),
        _ => HumanDuration::from_secs((hours / 24 * 86_400).unsigned_abs()).to_string().replace('d', " days"),
    }
}

/// A duration as written in the configuration: `"5s"`, `"2000ms"`, `"1h"`, `"0s"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct HumanDuration(pub Duration);

impl HumanDuration {
    pub const fn from_millis(milliseconds: u64) -> HumanDuration {
        HumanDuration(Duration::from_millis(milliseconds))
    }

    pub const fn from_secs(seconds: u64) -> HumanDuration {
        HumanDuration(Duration::from_secs(seconds))
    }
}

const UNITS_IN_MILLISECONDS: [(&str, u64); 7] = [
    ("ms", 1),
    ("s", 1_000),
    ("min", 60_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 7 * 86_400_000),
];

impl FromStr for HumanDuration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let hint = || {
            format!(
                "`{text}` is not a duration: write a number and a unit (ms, s, min, h, d, w), such as \"5s\" or \"2000ms\""
            )
        };
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: u64 = number.parse().map_err(|_| hint())?;
        let (_, factor) =
            UNITS_IN_MILLISECONDS.iter().find(|(name, _)| *name == unit.trim()).ok_or_else(hint)?;
        let milliseconds = number.checked_mul(*factor).ok_or_else(|| format!("`{text}` is too long"))?;
        Ok(HumanDuration(Duration::from_millis(milliseconds)))
    }
}

impl fmt::Display for HumanDuration {
    /// The largest unit that divides it; weeks are left out because nobody reads `2w` as fast as `14d`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis() as u64;
        if milliseconds == 0 {
            return f.write_str("0s");
        }
        for (unit, factor) in [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000)] {
            if milliseconds.is_multiple_of(factor) {
                return write!(f, "{}{unit}", milliseconds / factor);
            }
        }
        write!(f, "{milliseconds}ms")
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for HumanDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floor_goes_down_before_the_epoch_too() {
        let ten = Step::new(10).unwrap();
        assert_eq!(Timestamp(25).floor(ten), Timestamp(20));
        assert_eq!(Timestamp(-5).floor(ten), Timestamp(-10));
    }

    #[test]
    fn durations_read_and_print() {
        let check = |text: &str, printed: &str| {
            assert_eq!(text.parse::<HumanDuration>().unwrap().to_string(), printed, "{text}");
        };
        check("5s", "5s");
        check("2000ms", "2s");
        check("1500 ms", "1500ms");
        check("0s", "0s");
        check("90min", "90min");
        check("24h", "1d");
        for bad in ["", "5", "s", "-1s", "1.5s", "5 parsecs", "99999999999999999999w"] {
            assert!(bad.parse::<HumanDuration>().is_err(), "{bad}");
        }
    }
}
