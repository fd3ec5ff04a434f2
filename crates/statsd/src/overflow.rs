//! Values of a timer that are too many to be kept: exact sums, and a sketch for all that needs an order.

use std::collections::BTreeMap;

use vocabulary::Sketch;
use vocabulary::sketch::BucketKey;

use crate::js;
use crate::timer_plan::{PercentileNumbers, TimerPlan, Whole};

/// Exact moments and a sketch of values that are not kept.
#[derive(Clone, Debug)]
pub struct Overflow {
    count: u64,
    sum: f64,
    sum_squares: f64,
    mean: f64,
    /// Sum of squared differences from the mean, by Welford's method.
    deviation: f64,
    lower: f64,
    upper: f64,
    /// Number and weight of the values in each bucket.
    buckets: BTreeMap<BucketKey, (u64, f64)>,
}

impl Default for Overflow {
    fn default() -> Self {
        Overflow {
            count: 0,
            sum: 0.0,
            sum_squares: 0.0,
            mean: 0.0,
            deviation: 0.0,
            lower: f64::INFINITY,
            upper: f64::NEG_INFINITY,
            buckets: BTreeMap::new(),
        }
    }
}

impl Overflow {
    pub fn push(&mut self, value: f64, weight: f64) {
        self.count += 1;
        self.sum += value;
        self.sum_squares += value * value;
        let from_mean = value - self.mean;
        self.mean += from_mean / self.count as f64;
        self.deviation += from_mean * (value - self.mean);
        self.lower = self.lower.min(value);
        self.upper = self.upper.max(value);
        let bucket = self.buckets.entry(BucketKey::of(value)).or_default();
        bucket.0 += 1;
        bucket.1 += weight;
    }

    pub fn merge(&mut self, other: &Overflow) {
        let (ours, theirs) = (self.count as f64, other.count as f64);
        let from_mean = other.mean - self.mean;
        self.deviation += other.deviation + from_mean * from_mean * ours * theirs / (ours + theirs);
        self.mean += from_mean * theirs / (ours + theirs);
        self.count += other.count;
        self.sum += other.sum;
        self.sum_squares += other.sum_squares;
        self.lower = self.lower.min(other.lower);
        self.upper = self.upper.max(other.upper);
        for (key, (count, weight)) in &other.buckets {
            let bucket = self.buckets.entry(*key).or_default();
            bucket.0 += count;
            bucket.1 += weight;
        }
    }

    pub fn sketch(&self) -> Sketch {
        let buckets = self.buckets.iter().map(|(key, (_, weight))| (*key, *weight));
        Sketch::from_buckets(buckets.collect()).unwrap_or_default()
    }

    /// Number, sum and sum of squares of the lowest `wanted` values, and the last of them; each value that
    /// of its bucket.
    fn lowest(&self, wanted: f64) -> (f64, f64, f64) {
        let (mut left, mut sum, mut sum_squares, mut last) = (wanted, 0.0, 0.0, self.lower);
        for (key, (count, _)) in &self.buckets {
            if left <= 0.0 {
                break;
            }
            let value = key.value().clamp(self.lower, self.upper);
            let taken = left.min(*count as f64);
            sum += value * taken;
            sum_squares += value * value * taken;
            last = value;
            left -= taken;
        }
        (sum, sum_squares, last)
    }

    pub fn numbers(&self, plan: &TimerPlan, name: &str, weight: f64, out: &mut dyn FnMut(&str, f64)) {
        let count = self.count as f64;
        for percentile in plan.percentiles(name) {
            let wanted = js::round(percentile.percent.abs() / 100.0 * count);
            if wanted == 0.0 {
                continue;
            }
            let numbers = if wanted > count {
                PercentileNumbers { count: wanted, ..PercentileNumbers::UNKNOWN }
            } else if percentile.percent > 0.0 {
                let (sum, sum_squares, edge) = self.lowest(wanted);
                PercentileNumbers { count: wanted, sum, sum_squares, edge }
            } else {
                let (sum, sum_squares, _) = self.lowest(count - wanted);
                let edge = self.lowest(count - wanted + 1.0).2;
                let (sum, sum_squares) = (self.sum - sum, self.sum_squares - sum_squares);
                PercentileNumbers { count: wanted, sum, sum_squares, edge }
            };
            percentile.write(&numbers, numbers.sum / wanted, out);
        }
        let median = (self.lowest((count / 2.0).ceil()).2 + self.lowest((count / 2.0).floor() + 1.0).2) / 2.0;
        plan.write_whole(
            &Whole {
                std: (self.deviation / count).sqrt(),
                upper: self.upper,
                lower: self.lower,
                count: weight,
                sum: self.sum,
                sum_squares: self.sum_squares,
                mean: self.sum / count,
                median,
            },
            out,
        );
        let mut buckets = self.buckets.iter().peekable();
        plan.write_bins(name, out, |limit| {
            let mut frequency = 0;
            while let Some((_, (count, _))) = buckets.next_if(|(key, _)| key.value() < limit) {
                frequency += count;
            }
            frequency as f64
        });
    }
}
