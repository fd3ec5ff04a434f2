//! How long which resolution is kept, and how finer slots become a coarser one.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Step, Timestamp};

/// One resolution and for how long it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Archive {
    pub step: Step,
    /// A multiple of `step`.
    pub retention_seconds: i64,
}

impl Archive {
    pub fn points(self) -> i64 {
        self.retention_seconds / self.step.seconds()
    }
}

/// How the known finer slots make one coarser slot. Whisper's eight methods, then carbon's further ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregation {
    #[default]
    #[serde(alias = "avg")]
    Average,
    Sum,
    Last,
    Max,
    Min,
    /// Sum of the known over the number of all slots.
    AvgZero,
    /// The known value of largest magnitude, sign kept.
    Absmax,
    Absmin,
    Median,
    Count,
}

/// The archives of a series, finest first, and its rollup rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    pub archives: Archives,
    pub aggregation: Aggregation,
    /// The share of slots that must be known for a coarser slot to be, 0..=1.
    pub x_files_factor: f32,
}

/// A checked list of archives, finest first: steps grow and divide each other, retentions grow, and a
/// finer archive holds enough points to fill one of the next (whisper's `validateArchiveList`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Archives(Vec<Archive>);

impl Archives {
    pub fn new(mut archives: Vec<Archive>) -> Result<Archives, String> {
        archives.sort_by_key(|archive| archive.step);
        if archives.is_empty() {
            return Err("there must be at least one archive, such as \"1s:6h\"".into());
        }
        for pair in archives.windows(2) {
            let (finer, coarser) = (pair[0], pair[1]);
            if finer.step == coarser.step {
                return Err(format!("two archives have the same step: {finer} and {coarser}"));
            }
            if coarser.step.seconds() % finer.step.seconds() != 0 {
                return Err(format!("the step of {coarser} is not a multiple of the step of {finer}"));
            }
            if coarser.retention_seconds <= finer.retention_seconds {
                return Err(format!("{coarser} must be kept longer than the finer {finer}"));
            }
            let ratio = coarser.step.seconds() / finer.step.seconds();
            if finer.points() < ratio {
                return Err(format!(
                    "{finer} holds {} points, but one point of {coarser} needs {ratio}",
                    finer.points()
                ));
            }
        }
        Ok(Archives(archives))
    }

    pub fn as_slice(&self) -> &[Archive] {
        &self.0
    }

    pub fn finest(&self) -> Archive {
        self.0[0]
    }

    pub fn longest_retention_seconds(&self) -> i64 {
        self.0[self.0.len() - 1].retention_seconds
    }

    /// Whisper's rule: the finest archive that reaches back to `from`, else the longest.
    pub fn serving(&self, from: Timestamp, now: Timestamp) -> Archive {
        let age = now.since(from);
        let covering = self.0.iter().find(|archive| archive.retention_seconds >= age);
        *covering.unwrap_or(&self.0[self.0.len() - 1])
    }
}

impl FromStr for Archive {
    type Err = String;

    /// `STEP:KEEP` as carbon's storage-schemas.conf has it: bare numbers are seconds and points.
    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let (step, keep) = text
            .split_once(':')
            .ok_or_else(|| format!("`{text}` is not an archive: write STEP:KEEP, such as \"1s:6h\""))?;
        let seconds = match step.trim().parse::<i64>() {
            Ok(seconds) => seconds,
            Err(_) => span_seconds(step)?,
        };
        let step = u32::try_from(seconds)
            .ok()
            .and_then(Step::new)
            .ok_or_else(|| format!("the step of `{text}` must be at least 1 second"))?;
        let points = match keep.trim().parse::<i64>() {
            Ok(points) => points,
            Err(_) => span_seconds(keep)? / step.seconds(),
        };
        if points < 1 {
            return Err(format!("`{text}` keeps less than one point"));
        }
        let retention_seconds = points.checked_mul(step.seconds()).filter(|seconds| *seconds < 1 << 40);
        let retention_seconds = retention_seconds.ok_or_else(|| format!("`{text}` keeps too long"))?;
        Ok(Archive { step, retention_seconds })
    }
}

const UNITS_IN_SECONDS: [(&str, i64); 6] = [
    ("seconds", 1),
    ("minutes", 60),
    ("hours", 3_600),
    ("days", 86_400),
    ("weeks", 7 * 86_400),
    ("years", 365 * 86_400),
];

/// A number and any prefix of a unit's name, as whisper's `getUnitString` takes it.
fn span_seconds(text: &str) -> Result<i64, String> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let known = UNITS_IN_SECONDS.iter().find(|(name, _)| !unit.is_empty() && name.starts_with(unit));
    match (number.parse::<i64>(), known) {
        (Ok(number), Some((_, factor))) => {
            number.checked_mul(*factor).ok_or_else(|| format!("`{text}` is too long"))
        }
        _ => Err(format!("`{text}` is not a time: write a number and s, min, h, d, w or y, such as \"6h\"")),
    }
}

fn write_span(f: &mut fmt::Formatter<'_>, seconds: i64) -> fmt::Result {
    let units = [("y", 365 * 86_400), ("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)];
    let (unit, factor) = units.into_iter().find(|(_, factor)| seconds % factor == 0).unwrap_or(("s", 1));
    write!(f, "{}{unit}", seconds / factor)
}

impl fmt::Display for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_span(f, self.step.seconds())?;
        f.write_str(":")?;
        write_span(f, self.retention_seconds)
    }
}

impl FromStr for Archives {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Archives::new(text.split(',').map(str::parse).collect::<Result<_, _>>()?)
    }
}

impl fmt::Display for Archives {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, archive) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            archive.fmt(f)?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Archives {
    /// A list of `"STEP:KEEP"`.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let texts = Vec::<String>::deserialize(deserializer)?;
        let archives = texts.iter().map(|text| text.parse()).collect::<Result<_, _>>();
        archives.and_then(Archives::new).map_err(serde::de::Error::custom)
    }
}

impl Serialize for Archives {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(Archive::to_string))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_read_and_print() {
        let check = |text: &str, printed: &str| {
            assert_eq!(text.parse::<Archives>().unwrap().to_string(), printed, "{text}");
        };
        check("1s:6h,10s:7d,1m:30d,10m:5y", "1s:6h,10s:7d,1m:30d,10m:5y");
        check("60:1440", "1m:1d");
        check("10m:5y, 1s:6h", "1s:6h,10m:5y");
        check("1min:36hours", "1m:36h");
        for bad in ["", "1s", "1s:", "0s:1h", "1s:0", "7s:1h,10s:1d", "1s:1d,10s:1h", "1s:5,10s:1d", "1x:1d"]
        {
            assert!(bad.parse::<Archives>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_finest_archive_that_reaches_back_serves() {
        let archives: Archives = "1s:6h,10s:7d,1m:30d".parse().unwrap();
        let now = Timestamp(10_000_000);
        let step = |age: i64| archives.serving(now.minus(age), now).step.seconds();
        assert_eq!([step(0), step(6 * 3600), step(6 * 3600 + 1), step(8 * 86_400)], [1, 1, 10, 60]);
        assert_eq!(step(400 * 86_400), 60);
    }
}
