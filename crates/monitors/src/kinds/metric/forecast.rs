//! When will a series reach a level, if it goes on as lately?
//!
//! The line through the past is Siegel's repeated medians (A. F. Siegel, "Robust regression using repeated medians",
//! Biometrika 69, 1982): up to half of the points may be astray, so a single large file does not bend it. Against
//! what is emptied again and again, as a disk whose logs are rotated, the past is cut at its resets first: after one
//! reset the stretch since then speaks; where resets repeat, the peaks do, since growth between two of them is
//! no news.

use std::collections::VecDeque;

use vocabulary::Timestamp;

use super::window::Point;
use crate::limits::{FORECAST_PARTS, FORECAST_STRETCH};

#[derive(Clone, Debug)]
pub struct Forecast {
    level: f64,
    rising: bool,
    /// How much of the past is looked at.
    by: i64,
    /// Points within so many seconds are one.
    quantum: i64,
    /// Start, sum of values, weight.
    parts: VecDeque<(i64, f64, f64)>,
    last: f64,
    /// When the level is reached, as judged when the last part was complete. Infinity: never.
    reached_at: Option<f64>,
}

/// A drop this many times as large as the usual change, and this share of all that there is, is a reset.
const RESET_FACTOR: f64 = 5.0;
const RESET_SHARE: f64 = 0.2;

impl Forecast {
    pub fn new(level: f64, rising: bool, by: i64) -> Forecast {
        Forecast {
            level,
            rising,
            by,
            quantum: quantum(by),
            parts: VecDeque::new(),
            last: f64::NAN,
            reached_at: None,
        }
    }

    pub fn push(&mut self, point: Point) {
        self.last = point.value;
        let start = point.at.0 - point.at.0.rem_euclid(self.quantum);
        let added = (point.value * point.weight, point.weight);
        match self.parts.back_mut() {
            Some((at, sum, weight)) if *at == start => {
                *sum += added.0;
                *weight += added.1;
            }
            _ => {
                // The last part is complete now.
                self.reached_at = self.judge();
                self.parts.push_back((start, added.0, added.1));
            }
        }
    }

    pub fn advance(&mut self, now: Timestamp) {
        while self.parts.front().is_some_and(|(at, ..)| *at + self.quantum <= now.0 - self.by) {
            self.parts.pop_front();
        }
    }

    /// Seconds from now until the level is reached, infinity for never; `None` while too little is known.
    pub fn seconds_left(&self, now: Timestamp) -> Option<f64> {
        let there = if self.rising { self.last >= self.level } else { self.last <= self.level };
        if there {
            return Some(0.0);
        }
        self.reached_at.map(|at| (at - now.0 as f64).max(0.0))
    }

    fn judge(&self) -> Option<f64> {
        let sign = if self.rising { 1.0 } else { -1.0 };
        let middle = self.quantum as f64 / 2.0;
        let known: Vec<(f64, f64)> =
            self.parts.iter().map(|(at, sum, weight)| (*at as f64 + middle, sign * sum / weight)).collect();
        reached(&known, sign * self.level)
    }

    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        self.parts.capacity() * size_of::<(i64, f64, f64)>()
    }

    /// What it takes once it knows all of the past that it looks at.
    pub fn most_bytes(by: i64) -> usize {
        let parts = usize::try_from(by / quantum(by) + 2).unwrap_or(usize::MAX);
        parts.next_power_of_two().max(4) * size_of::<(i64, f64, f64)>()
    }
}

fn quantum(by: i64) -> i64 {
    (by / FORECAST_PARTS as i64).max(1)
}

/// The time at which points (time, value) will have risen to a level.
pub fn reached(points: &[(f64, f64)], level: f64) -> Option<f64> {
    let stretches = stretches(points);
    let (slope, base) = match stretches.as_slice() {
        [] => return None,
        [.., last] if stretches.len() <= 2 => {
            if last.len() < FORECAST_STRETCH {
                return None;
            }
            line(last)?
        }
        // The last stretch may not have come to its peak.
        all => line(&peaks(all))?,
    };
    if slope <= 0.0 {
        return Some(f64::INFINITY);
    }
    let (from, value) = base;
    Some((from + (level - value) / slope).max(points[points.len() - 1].0))
}

fn peaks(stretches: &[&[(f64, f64)]]) -> Vec<(f64, f64)> {
    let peak = |stretch: &&[(f64, f64)]| {
        stretch.iter().copied().max_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or_default()
    };
    let mut peaks: Vec<(f64, f64)> = stretches.iter().map(peak).collect();
    // What is not yet as high as the peak before says nothing; what is higher says something new.
    if let [.., before, last] = peaks.as_slice()
        && last.1 < before.1
    {
        peaks.pop();
    }
    peaks
}

/// The past between its resets.
fn stretches(points: &[(f64, f64)]) -> Vec<&[(f64, f64)]> {
    let values = || points.iter().map(|point| point.1);
    let range = values().fold(f64::NEG_INFINITY, f64::max) - values().fold(f64::INFINITY, f64::min);
    let mut changes: Vec<f64> = points.windows(2).map(|pair| (pair[1].1 - pair[0].1).abs()).collect();
    let usual = median(&mut changes).unwrap_or(0.0);
    let resets = |pair: &[(f64, f64)]| {
        let drop = pair[0].1 - pair[1].1;
        drop > RESET_FACTOR * usual && drop > RESET_SHARE * range
    };
    let mut stretches = Vec::new();
    let mut start = 0;
    for (index, pair) in points.windows(2).enumerate() {
        if resets(pair) {
            // A reset in the middle of a part takes two steps; the point between is of neither stretch.
            if index > start || index == 0 {
                stretches.push(&points[start..=index]);
            }
            start = index + 1;
        }
    }
    if start < points.len() {
        stretches.push(&points[start..]);
    }
    stretches
}

/// Slope, and a point that the line goes through at the end.
fn line(points: &[(f64, f64)]) -> Option<(f64, (f64, f64))> {
    let (last, _) = *points.last()?;
    let mut slopes = Vec::with_capacity(points.len());
    let mut of_one = Vec::with_capacity(points.len());
    for (at, value) in points {
        of_one.clear();
        let others = points.iter().filter(|other| other.0 != *at);
        of_one.extend(others.map(|other| (other.1 - value) / (other.0 - at)));
        slopes.extend(median(&mut of_one));
    }
    let slope = median(&mut slopes)?;
    // Where it stands now, the last points know best.
    let lately = &points[points.len() - points.len().min(FORECAST_STRETCH)..];
    let mut levels: Vec<f64> = lately.iter().map(|(at, value)| value + slope * (last - at)).collect();
    Some((slope, (last, median(&mut levels)?)))
}

fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len().checked_sub(1)? / 2;
    let even = values.len().is_multiple_of(2);
    let (_, median, above) = values.select_nth_unstable_by(middle, f64::total_cmp);
    // Of an even number there are two in the middle.
    let next = above.iter().copied().fold(f64::INFINITY, f64::min);
    Some(if even { (*median + next) / 2.0 } else { *median })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: f64 = 3_600.0;

    /// Two days of a quarter of an hour each, made of the hours that have passed.
    fn series(value: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        (0..192).map(|quarter| f64::from(quarter) / 4.0).map(|hour| (hour * HOUR, value(hour))).collect()
    }

    /// Hours after the last point.
    fn left(points: &[(f64, f64)], level: f64) -> f64 {
        (reached(points, level).unwrap() - points[points.len() - 1].0) / HOUR
    }

    /// The same numbers in every run, from -1 to 1.
    fn noise(hour: f64) -> f64 {
        ((hour * 4.0) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23) as f64 / u64::MAX as f64
            * 2.0
            - 1.0
    }

    #[test]
    fn steady_growth_goes_on() {
        let hours = left(&series(|hour| 40.0 + hour), 100.0);
        assert!((hours - 12.25).abs() < 0.5, "{hours}");
        let hours = left(&series(|hour| 40.0 + hour + 2.0 * noise(hour)), 100.0);
        assert!((hours - 12.25).abs() < 3.0, "{hours}");
    }

    #[test]
    fn what_stays_or_falls_never_gets_there() {
        assert_eq!(left(&series(|_| 40.0), 100.0), f64::INFINITY);
        assert_eq!(left(&series(|hour| 80.0 - hour), 100.0), f64::INFINITY);
        assert!(left(&series(|hour| 40.0 + noise(hour)), 100.0) > 500.0);
    }

    #[test]
    fn logs_that_are_rotated_do_not_fill_the_disk() {
        // Every six hours it falls back to where it began.
        assert_eq!(left(&series(|hour| 40.0 + 5.0 * (hour % 6.0)), 100.0), f64::INFINITY);
        // The same, with a disk that fills beneath it: the peaks reach 100 about 30 hours after the last one.
        let hours = left(&series(|hour| 20.0 + hour / 1.5 + 5.0 * (hour % 6.0)), 100.0);
        assert!((20.0..40.0).contains(&hours), "{hours}");
    }

    #[test]
    fn one_clearing_up_and_one_large_file_do_not_bend_it() {
        let cleared = series(|hour| if hour < 24.0 { 50.0 + 2.0 * hour } else { 2.0 * (hour - 24.0) });
        let hours = left(&cleared, 100.0);
        assert!((hours - 26.25).abs() < 1.0, "{hours}");
        let hours = left(&series(|hour| if hour < 36.0 { 40.0 } else { 60.0 }), 100.0);
        assert_eq!(hours, f64::INFINITY);
    }

    #[test]
    fn too_little_says_nothing() {
        assert_eq!(reached(&series(|hour| hour)[..FORECAST_STRETCH - 1], 100.0), None);
        assert_eq!(reached(&[], 100.0), None);
    }

    #[test]
    fn the_time_goes_on_between_two_looks() {
        let mut forecast = Forecast::new(100.0, true, 6_000);
        let mut before = None;
        for second in 0..3_000 {
            let at = Timestamp(second);
            forecast.push(Point { at, value: second as f64 / 100.0, weight: 1.0 });
            forecast.advance(at);
            let left = forecast.seconds_left(at);
            if let (Some(before), Some(left)) = (before, left) {
                let change: f64 = left - before;
                assert!((-120.0..60.0).contains(&change), "{second}: {before} -> {left}");
            }
            before = left;
        }
        let left = before.unwrap();
        assert!((left - 7_000.0).abs() < 300.0, "{left}");
    }
}
