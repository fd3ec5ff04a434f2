//! The log of the most frequent names, in the original's format.

use std::fmt::Write;
use std::path::PathBuf;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use jiff::tz::TimeZone;
use vocabulary::Timestamp;

use crate::limits::KEY_FLUSH_NAMES;

/// Lines to append to the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyLog {
    pub lines: String,
    /// The log's file; our own log without it.
    pub path: Option<PathBuf>,
}

/// How often each name was sent.
#[derive(Debug, Default)]
pub(crate) struct KeyCounts(HashMap<String, u64, RandomState>);

impl KeyCounts {
    pub fn add(&mut self, counts: HashMap<String, u64, RandomState>) {
        for (key, count) in counts {
            if self.0.len() < KEY_FLUSH_NAMES || self.0.contains_key(&key) {
                *self.0.entry(key).or_default() += count;
            }
        }
    }

    /// Lines for the most frequent `percent` of the names, in falling order, equal ones by name.
    pub fn log(&self, now: Timestamp, percent: f64) -> String {
        let mut sorted: Vec<(&String, &u64)> = self.0.iter().collect();
        sorted.sort_unstable_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
        let time = javascript_date(now);
        let shown = (sorted.len() as f64 * (percent / 100.0)).ceil().max(0.0) as usize;
        let mut log = String::new();
        for (key, count) in sorted.into_iter().take(shown) {
            let _ = writeln!(log, "{time} count={count} key={key}");
        }
        log
    }
}

/// `String(new Date())`, in UTC.
fn javascript_date(now: Timestamp) -> String {
    let utc =
        jiff::Timestamp::from_second(now.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH).to_zoned(TimeZone::UTC);
    utc.strftime("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first() {
        let mut counts = KeyCounts::default();
        let some = [("a", 1), ("b", 3), ("c", 2)].map(|(key, count)| (key.to_owned(), count));
        counts.add(some.into_iter().collect());
        counts.add([("a".to_owned(), 1)].into_iter().collect());
        let time = "Sat Nov 21 2026 03:07:00 GMT+0000 (Coordinated Universal Time)";
        let all = format!("{time} count=3 key=b\n{time} count=2 key=a\n{time} count=2 key=c\n");
        assert_eq!(counts.log(Timestamp(1_795_230_420), 100.0), all);
        assert_eq!(counts.log(Timestamp(1_795_230_420), 40.0).lines().count(), 2);
        assert_eq!(counts.log(Timestamp(0), 0.0), "");
    }
}
