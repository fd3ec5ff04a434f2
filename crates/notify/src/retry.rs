//! When a page is tried again, and when it is given up. Pure.

use std::time::Duration;

use crate::limits::{PAUSE_MAX, RETRY_AFTER_MAX};

/// Why a page was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody there, or not now: whatever waits for this channel would fail too.
    Channel { why: String, after: Option<Duration> },
    /// Of this page only, and perhaps not for ever.
    Page { why: String, after: Option<Duration> },
    /// It would never be taken.
    Never { why: String },
    /// Nor would any other for this receiver, which says nothing of others: a number that is wrong, a browser that is gone.
    Person { why: String },
    /// No page of this channel would be, ever.
    Gone { why: String },
}

impl Failure {
    pub fn why(&self) -> &str {
        match self {
            Failure::Channel { why, .. }
            | Failure::Page { why, .. }
            | Failure::Never { why }
            | Failure::Person { why }
            | Failure::Gone { why } => why,
        }
    }
}

impl Failure {
    /// Of an address that the channel itself names, nobody else can mend it than whoever mends the channel.
    pub fn of_person(self, is_own_address: bool) -> Failure {
        match self {
            Failure::Never { why } if is_own_address => Failure::Person { why },
            Failure::Person { why } if !is_own_address => Failure::Never { why },
            other => other,
        }
    }

    /// The pause that was asked for.
    pub fn after(&self) -> Option<Duration> {
        match self {
            Failure::Channel { after, .. } | Failure::Page { after, .. } => *after,
            Failure::Never { .. } | Failure::Person { .. } | Failure::Gone { .. } => None,
        }
    }
}

/// 1, 2, 4, … 60 s, each up to a quarter longer, so that many that failed together do not come back together.
pub fn pause(tries: u32, page: i64) -> Duration {
    let base = Duration::from_secs(1 << tries.min(6)).min(PAUSE_MAX);
    let mixed = (page.unsigned_abs() ^ u64::from(tries) << 32).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    base + base.mul_f64(0.25 * (mixed as f64 / (1u64 << 24) as f64))
}

/// The moment of the next try in milliseconds, or none when it is too late for one.
pub fn next_try(
    failure: &Failure,
    tries: u32,
    page: i64,
    began: i64,
    give_up: i64,
    now_ms: i64,
) -> Option<i64> {
    if matches!(failure, Failure::Never { .. } | Failure::Person { .. } | Failure::Gone { .. }) {
        return None;
    }
    let asked = failure.after();
    if now_ms / 1_000 - began >= give_up {
        return None;
    }
    let pause = pause(tries, page).max(asked.unwrap_or_default().min(RETRY_AFTER_MAX));
    now_ms.checked_add(i64::try_from(pause.as_millis()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_differ() {
        for (tries, seconds) in [(0, 1), (1, 2), (2, 4), (5, 32), (6, 60), (60, 60)] {
            let base = Duration::from_secs(seconds);
            let all: Vec<_> = (1..200).map(|page| pause(tries, page)).collect();
            assert!(all.iter().all(|pause| *pause >= base && *pause <= base.mul_f64(1.25)), "{tries}");
            assert!(all.iter().max().unwrap().saturating_sub(*all.iter().min().unwrap()) > base.mul_f64(0.2));
        }
    }

    #[test]
    fn a_receiver_says_when_and_time_runs_out() {
        let page = |after: u64| Failure::Page { why: "busy".into(), after: Some(Duration::from_secs(after)) };
        let next = |failure: &Failure, now_ms: i64| next_try(failure, 0, 1, 0, 3_600, now_ms);
        assert_eq!(next(&page(30), 1_000), Some(31_000));
        assert_eq!(next(&page(86_400), 1_000), Some(601_000), "not a day");
        assert!(next(&page(0), 3_599_000).is_some());
        assert_eq!(next(&page(0), 3_600_000), None);
        assert_eq!(next(&Failure::Never { why: "gone".into() }, 1_000), None);
    }
}
