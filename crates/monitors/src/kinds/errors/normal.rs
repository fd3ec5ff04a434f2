//! How often an error is usual, by what does not move for a single bad hour: medians.

use vocabulary::Timestamp;

use super::limits::{MIN_PAST_WINDOWS, MIN_SPIKE, PAST_SECONDS, SPIKE_SECONDS};

/// An error that comes each night at three is no news at three.
const DAY: i64 = 86_400;
const ABOUT_THE_SAME_TIME: i64 = 1_800;
/// Of deviations: six of them are one chance in hundreds of millions where counts are as of a bell.
const DEVIATIONS: f64 = 6.0;
/// From the median of deviations to one as of a bell.
const OF_MEDIAN: f64 = 1.4826;

/// What was counted of a group before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    pub first_seen: Timestamp,
    /// By the minute; those without events are left out.
    pub minutes: Vec<(Timestamp, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Normal {
    pub usual: f64,
    /// More than this is a spike.
    pub bound: f64,
}

impl Normal {
    /// None: it has not been known for long enough. The window that ends now is not of the past.
    pub fn of(past: &Past, now: Timestamp) -> Option<Normal> {
        let counts = windows(past, now);
        if counts.len() < MIN_PAST_WINDOWS {
            return None;
        }
        let mut sorted: Vec<f64> = counts.iter().map(|(_, count)| *count as f64).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let usual = quantile(&sorted, 0.5);
        let mut off: Vec<f64> = sorted.iter().map(|count| (count - usual).abs()).collect();
        off.sort_unstable_by(f64::total_cmp);
        // Counts are never steadier than chance: by the root of their number.
        let deviation = (OF_MEDIAN * quantile(&off, 0.5)).max(usual.sqrt()).max(1.0);
        let a_day_ago = counts.iter().filter(|(ago, _)| (ago - DAY).abs() <= ABOUT_THE_SAME_TIME);
        let a_day_ago = a_day_ago.map(|(_, count)| *count as f64).fold(0.0, f64::max);
        let bounds = [
            usual + DEVIATIONS * deviation,
            // Of many events a little more is certain, and nothing that anybody would get up for.
            2.0 * usual,
            // Bursts that come again and again.
            1.5 * quantile(&sorted, 0.9),
            2.0 * a_day_ago,
            (MIN_SPIKE - 1) as f64,
        ];
        Some(Normal { usual, bound: bounds.into_iter().fold(0.0, f64::max) })
    }
}

/// Each with how long ago it began, from the latest on.
fn windows(past: &Past, now: Timestamp) -> Vec<(i64, u64)> {
    let known = now.since(past.first_seen).min(PAST_SECONDS);
    // The first one is the present.
    let number = (known / SPIKE_SECONDS - 1).max(0);
    let mut counts: Vec<(i64, u64)> = (0..number).map(|index| ((index + 2) * SPIKE_SECONDS, 0)).collect();
    for (at, count) in &past.minutes {
        let index = now.since(*at) / SPIKE_SECONDS - 1;
        if let Some((_, sum)) = usize::try_from(index).ok().and_then(|index| counts.get_mut(index)) {
            *sum += count;
        }
    }
    counts
}

fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = (share * (sorted.len() - 1) as f64).round() as usize;
    sorted[at]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_700_000_000;

    /// Of each minute of two days, by how many minutes ago it was.
    fn normal(count: impl Fn(i64) -> u64) -> Normal {
        let minutes = (0..2_880).map(|ago| (Timestamp(NOW - ago * 60), count(ago)));
        Normal::of(&Past { first_seen: Timestamp(0), minutes: minutes.collect() }, Timestamp(NOW)).unwrap()
    }

    #[test]
    fn what_is_usual_decides() {
        let quiet = normal(|_| 0);
        assert_eq!((quiet.usual, quiet.bound), (0.0, 9.0), "ten are a spike where none are usual");
        let steady = normal(|_| 6);
        assert_eq!(steady.usual, 60.0);
        assert!((100.0..130.0).contains(&steady.bound), "{steady:?}");
        let busy = normal(|_| 1_000);
        assert_eq!((busy.usual, busy.bound), (10_000.0, 20_000.0), "twice as many at least");
    }

    #[test]
    fn one_bad_night_does_not_become_usual() {
        let bad = normal(|ago| if (300..540).contains(&ago) { 500 } else { 1 });
        assert_eq!(bad.usual, 10.0);
        assert!(bad.bound < 40.0, "{bad:?}");
    }

    #[test]
    fn what_comes_each_day_or_each_hour_is_usual() {
        let nightly = normal(|ago| if (1_435..1_445).contains(&ago) { 30 } else { 0 });
        assert!(nightly.bound >= 300.0, "{nightly:?}");
        let hourly = normal(|ago| if ago % 60 < 10 { 20 } else { 0 });
        assert!(hourly.bound >= 300.0, "{hourly:?}");
    }

    #[test]
    fn what_is_young_has_no_usual() {
        let young = Past { first_seen: Timestamp(NOW - 3_600), minutes: vec![(Timestamp(NOW - 3_600), 5)] };
        assert_eq!(Normal::of(&young, Timestamp(NOW)), None);
        let old = Past { first_seen: Timestamp(NOW - 7 * 3_600), ..Past::default() };
        assert!(Normal::of(&old, Timestamp(NOW)).is_some());
        let of_the_future = Past { first_seen: Timestamp(NOW + 60), ..Past::default() };
        assert_eq!(Normal::of(&of_the_future, Timestamp(NOW)), None);
    }
}
