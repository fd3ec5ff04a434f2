//! Counters into rates, as collectd does before its write_graphite plugin writes them.

use std::collections::HashMap;

use formats::collectd::{FineTime, Value};
use vocabulary::Timestamp;

use crate::limits;

/// A counter is forgotten when nothing came for so long: the next value begins anew.
const KEPT_SECONDS: i64 = 3_600;
const SWEEP_SECONDS: i64 = 60;
/// After a longer pause (in intervals of the sender) a counter that went back was set to zero by a restart; without
/// one it is taken as collectd takes it.
const PAUSE_INTERVALS: f64 = 1.5;

struct Last {
    time: FineTime,
    raw: u64,
    /// When it came.
    seen: Timestamp,
}

#[derive(Default)]
pub struct Rates {
    last: HashMap<Box<str>, Last>,
    swept: Timestamp,
}

/// What a value comes to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    PerSecond(f64),
    /// The first one, or the first after a restart: the next one makes a rate.
    NotYet,
    /// Not newer than the one before.
    Backwards,
    /// No place for another name.
    Full,
}

impl Rates {
    pub fn rate(
        &mut self,
        name: &str,
        value: Value,
        time: FineTime,
        interval: FineTime,
        now: Timestamp,
    ) -> Rate {
        let raw = match value {
            Value::Gauge(value) => return Rate::PerSecond(value),
            Value::Counter(raw) | Value::Absolute(raw) => raw,
            Value::Derive(raw) => raw as u64,
        };
        let Some(last) = self.last.get_mut(name) else {
            if self.last.len() >= limits::COLLECTD_COUNTERS_MAX {
                return Rate::Full;
            }
            self.last.insert(name.into(), Last { time, raw, seen: now });
            return Rate::NotYet;
        };
        if time <= last.time {
            return Rate::Backwards;
        }
        let (before, seconds) = (last.raw, time.seconds_since(last.time));
        *last = Last { time, raw, seen: now };
        let pause = interval.0 > 0 && seconds > PAUSE_INTERVALS * interval.seconds_since(FineTime(0));
        let went_back = match value {
            Value::Counter(_) => raw < before,
            Value::Derive(raw) => raw < before as i64,
            Value::Absolute(_) | Value::Gauge(_) => false,
        };
        if pause && went_back {
            return Rate::NotYet;
        }
        Rate::PerSecond(grown(value, before) / seconds)
    }

    /// Once a minute at most.
    pub fn sweep(&mut self, now: Timestamp) {
        if now.since(self.swept) >= SWEEP_SECONDS {
            self.swept = now;
            self.last.retain(|_, last| now.since(last.seen) < KEPT_SECONDS);
        }
    }
}

/// What was counted since then.
fn grown(value: Value, before: u64) -> f64 {
    match value {
        Value::Gauge(value) => value,
        Value::Absolute(raw) => raw as f64,
        Value::Derive(raw) => (i128::from(raw) - i128::from(before as i64)) as f64,
        // A counter of 32 bits if it fitted into them.
        Value::Counter(raw) if raw < before && before <= u64::from(u32::MAX) => {
            (raw + (1 << 32) - before) as f64
        }
        Value::Counter(raw) => raw.wrapping_sub(before) as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1 << 30;

    #[test]
    fn rates_are_those_of_collectd() {
        let check = |first: Value, second: Value, seconds: u64, expected: Rate| {
            let mut rates = Rates::default();
            let mut take = |value, at: u64| {
                rates.rate("a", value, FineTime(at * SECOND), FineTime(10 * SECOND), Timestamp(0))
            };
            assert_eq!(take(first, 1_000), Rate::NotYet);
            assert_eq!(take(second, 1_000 + seconds), expected, "{second:?}");
        };
        let per_second = Rate::PerSecond;
        check(Value::Derive(100), Value::Derive(150), 10, per_second(5.0));
        check(Value::Derive(100), Value::Derive(50), 10, per_second(-5.0));
        check(Value::Derive(i64::MIN), Value::Derive(i64::MAX), 1, per_second(u64::MAX as f64));
        check(Value::Derive(100), Value::Derive(50), 60, Rate::NotYet);
        check(Value::Absolute(5), Value::Absolute(30), 10, per_second(3.0));
        check(Value::Counter(5), Value::Counter(30), 50, per_second(0.5));
        check(Value::Counter(u64::from(u32::MAX) - 4), Value::Counter(5), 10, per_second(1.0));
        check(Value::Counter(u64::MAX - 4), Value::Counter(5), 10, per_second(1.0));
        check(Value::Counter(u64::MAX - 4), Value::Counter(5), 60, Rate::NotYet);
        check(Value::Counter(5), Value::Counter(6), 0, Rate::Backwards);
    }

    #[test]
    fn memory_is_bounded() {
        let mut rates = Rates::default();
        let mut take = |name: &str, now: i64| {
            let rate = rates.rate(name, Value::Derive(1), FineTime(SECOND), FineTime(0), Timestamp(now));
            rates.sweep(Timestamp(now));
            (rate, rates.last.len())
        };
        for n in 0..limits::COLLECTD_COUNTERS_MAX {
            take(&n.to_string(), 100);
        }
        assert_eq!(take("one more", 101), (Rate::Full, limits::COLLECTD_COUNTERS_MAX));
        // What is not newer keeps nothing: a sender whose clock was ahead once is heard again after an hour.
        assert_eq!(take("1", 3_650).0, Rate::Backwards);
        assert_eq!(take("2", 3_720), (Rate::Backwards, 0));
        assert_eq!(take("one more", 3_721), (Rate::NotYet, 1));
    }
}
