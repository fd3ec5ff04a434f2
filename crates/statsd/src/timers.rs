//! What is kept of a timer in an interval, and the numbers that a flush makes of it.
//!
//! The arithmetic is the original's (`process_metrics.js`), operation by operation, so that sums of floats
//! round alike.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use vocabulary::Sketch;
use vocabulary::sketch::BucketKey;

use crate::config::{Bin, Percentile, StatsdConfig};
use crate::js;
use crate::limits::TIMER_VALUES;

/// The values of one timer since the last flush.
#[derive(Clone, Debug, Default)]
pub struct Timer {
    values: Vec<f64>,
    weights: Weights,
    /// Sum of the weights: how many events the values stand for.
    weight: f64,
    /// What came after the values had reached their bound.
    overflow: Option<Box<Overflow>>,
}

/// The weight of each value: nearly always one for all.
#[derive(Clone, Debug, Default)]
enum Weights {
    #[default]
    None,
    Same(f64),
    /// Up to which value, and the weight.
    Runs(Vec<(u32, f64)>),
}

/// Exact moments and a sketch of values that are not kept.
#[derive(Clone, Debug)]
struct Overflow {
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

impl Timer {
    /// Take one value in. True if it is kept as it is. `room` is what is left for the values of all timers.
    #[inline]
    pub fn push(&mut self, value: f64, weight: f64, room: &mut usize) -> bool {
        self.weight += weight;
        if self.values.len() >= TIMER_VALUES || *room == 0 {
            self.overflow.get_or_insert_default().push(value, weight);
            return false;
        }
        *room -= 1;
        match self.weights {
            Weights::Same(same) if same == weight => {}
            _ => {
                let index = self.values.len() as u32;
                self.weights.note(index, index + 1, weight);
            }
        }
        self.values.push(value);
        true
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.overflow.is_none()
    }

    /// The values in order of arrival, as the admin interface shows them.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Move everything from `other` to here.
    pub fn take(&mut self, other: &mut Timer) {
        if self.is_empty() && self.weight == 0.0 {
            std::mem::swap(self, other);
            return;
        }
        if self.values.len() + other.values.len() <= TIMER_VALUES {
            let start = self.values.len() as u32;
            let mut next = start;
            other.weights.each(other.values.len() as u32, |until, weight| {
                self.weights.note(next, start + until, weight);
                next = start + until;
            });
            self.values.append(&mut other.values);
        } else {
            other.spill();
        }
        if let Some(theirs) = other.overflow.take() {
            match &mut self.overflow {
                Some(ours) => ours.merge(&theirs),
                None => self.overflow = Some(theirs),
            }
        }
        self.weight += other.weight;
        other.clear();
    }

    /// Forget the values but not the memory they took, unless it was much more than they needed.
    pub fn clear(&mut self) {
        let used = self.values.len();
        self.values.clear();
        if self.values.capacity() > 1024 && self.values.capacity() / 4 > used {
            self.values.shrink_to(used);
        }
        self.weights = Weights::None;
        self.weight = 0.0;
        self.overflow = None;
    }

    /// Give up the values for their sketch.
    fn spill(&mut self) {
        let mut overflow = self.overflow.take().unwrap_or_default();
        let mut next = 0;
        self.weights.each(self.values.len() as u32, |until, weight| {
            self.values[next..until as usize].iter().for_each(|value| overflow.push(*value, weight));
            next = until as usize;
        });
        self.values.clear();
        self.weights = Weights::None;
        self.overflow = Some(overflow);
    }

    /// The numbers of this interval, and its distribution. Sorts the values.
    pub fn numbers(
        &mut self,
        plan: &TimerPlan,
        name: &str,
        scratch: &mut Scratch,
        out: &mut dyn FnMut(&str, f64),
    ) -> Sketch {
        if self.overflow.is_some() {
            self.spill();
        }
        if let Some(overflow) = &self.overflow {
            overflow.numbers(plan, name, self.weight, out);
            return overflow.sketch();
        }
        let mixed = self.mixed_sketch();
        self.values.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
        exact_numbers(&self.values, self.weight, plan, name, scratch, out);
        mixed.unwrap_or_else(|| self.even_sketch())
    }

    /// Of values whose weights differ, which must be told before they are sorted.
    fn mixed_sketch(&self) -> Option<Sketch> {
        let Weights::Runs(_) = self.weights else { return None };
        let mut next = 0;
        let mut weighted = Vec::with_capacity(self.values.len());
        self.weights.each(self.values.len() as u32, |until, weight| {
            weighted.extend(self.values[next..until as usize].iter().map(|value| (*value, weight)));
            next = until as usize;
        });
        Some(Sketch::from_values(weighted))
    }

    /// Of sorted values that all weigh the same: a bucket is looked up once for equal values.
    fn even_sketch(&self) -> Sketch {
        let Weights::Same(weight) = self.weights else { return Sketch::default() };
        let mut buckets: Vec<(BucketKey, f64)> = Vec::new();
        for equal in self.values.chunk_by(|a, b| a == b) {
            let (key, weight) = (BucketKey::of(equal[0]), weight * equal.len() as f64);
            match buckets.last_mut() {
                Some(last) if last.0 == key => last.1 += weight,
                _ => buckets.push((key, weight)),
            }
        }
        // Refused only for a weight that is not finite: a sample rate of 0.
        Sketch::from_buckets(buckets).unwrap_or_default()
    }
}

impl Weights {
    /// The values from `from` to before `until` have this weight, those before have theirs already.
    fn note(&mut self, from: u32, until: u32, weight: f64) {
        match self {
            Weights::None => *self = Weights::Same(weight),
            Weights::Same(same) if *same == weight => {}
            Weights::Same(same) => *self = Weights::Runs(vec![(from, *same), (until, weight)]),
            Weights::Runs(runs) => match runs.last_mut() {
                Some(last) if last.1 == weight => last.0 = until,
                _ => runs.push((until, weight)),
            },
        }
    }

    fn each(&self, count: u32, mut each: impl FnMut(u32, f64)) {
        match self {
            Weights::None => {}
            Weights::Same(weight) => each(count, *weight),
            Weights::Runs(runs) => runs.iter().for_each(|(until, weight)| each(*until, *weight)),
        }
    }
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
    fn push(&mut self, value: f64, weight: f64) {
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

    fn merge(&mut self, other: &Overflow) {
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

    fn sketch(&self) -> Sketch {
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

    fn numbers(&self, plan: &TimerPlan, name: &str, weight: f64, out: &mut dyn FnMut(&str, f64)) {
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

/// Memory of a flush for running sums, used again for each timer.
#[derive(Debug, Default)]
pub struct Scratch {
    sums: Vec<f64>,
    squares: Vec<f64>,
}

fn exact_numbers(
    sorted: &[f64],
    weight: f64,
    plan: &TimerPlan,
    name: &str,
    scratch: &mut Scratch,
    out: &mut dyn FnMut(&str, f64),
) {
    let Some((lower, upper)) = sorted.first().zip(sorted.last()) else { return plan.write_idle(out) };
    let count = sorted.len();
    scratch.fill(sorted);
    // What a percentile of a single value is made of.
    let single = PercentileNumbers { count: 1.0, sum: *lower, sum_squares: lower * lower, edge: *upper };
    for percentile in plan.percentiles(name) {
        if count == 1 {
            percentile.write(&single, *lower, out);
        } else if let Some(numbers) = scratch.percentile(sorted, percentile.percent) {
            percentile.write(&numbers, numbers.sum / numbers.count, out);
        }
    }
    let sum = scratch.sums[count - 1];
    let mean = sum / count as f64;
    let mut differences = 0.0;
    for value in sorted {
        differences += (value - mean) * (value - mean);
    }
    let middle = count / 2;
    let median = if count % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 };
    plan.write_whole(
        &Whole {
            std: (differences / count as f64).sqrt(),
            upper: *upper,
            lower: *lower,
            count: weight,
            sum,
            sum_squares: scratch.squares[count - 1],
            mean,
            median,
        },
        out,
    );
    let mut next = 0;
    plan.write_bins(name, out, |limit| {
        let start = next;
        while next < count && (limit == f64::INFINITY || sorted[next] < limit) {
            next += 1;
        }
        (next - start) as f64
    });
}

impl Scratch {
    fn fill(&mut self, sorted: &[f64]) {
        self.sums.clear();
        self.squares.clear();
        let (mut sum, mut squares) = (sorted[0], sorted[0] * sorted[0]);
        self.sums.push(sum);
        self.squares.push(squares);
        for value in &sorted[1..] {
            sum += value;
            squares += value * value;
            self.sums.push(sum);
            self.squares.push(squares);
        }
    }

    /// Of two values or more. What the original reads from beyond its arrays is unknown.
    fn percentile(&self, sorted: &[f64], percent: f64) -> Option<PercentileNumbers> {
        let count = sorted.len();
        let wanted = js::round(percent.abs() / 100.0 * count as f64);
        if wanted == 0.0 {
            return None;
        }
        let unknown = PercentileNumbers { count: wanted, ..PercentileNumbers::UNKNOWN };
        if wanted > count as f64 {
            return Some(unknown);
        }
        let number = wanted as usize;
        if percent > 0.0 {
            let last = number - 1;
            let (sum, sum_squares) = (self.sums[last], self.squares[last]);
            return Some(PercentileNumbers { count: wanted, sum, sum_squares, edge: sorted[last] });
        }
        let edge = sorted[count - number];
        let Some(before) = (count - number).checked_sub(1) else {
            return Some(PercentileNumbers { edge, ..unknown });
        };
        let sum = self.sums[count - 1] - self.sums[before];
        let sum_squares = self.squares[count - 1] - self.squares[before];
        Some(PercentileNumbers { count: wanted, sum, sum_squares, edge })
    }
}

/// NaN is what the original has no number for; it is not written.
struct PercentileNumbers {
    count: f64,
    sum: f64,
    sum_squares: f64,
    /// The largest value of a bottom share, the smallest of a top share.
    edge: f64,
}

impl PercentileNumbers {
    const UNKNOWN: PercentileNumbers =
        PercentileNumbers { count: f64::NAN, sum: f64::NAN, sum_squares: f64::NAN, edge: f64::NAN };
}

struct Whole {
    std: f64,
    upper: f64,
    lower: f64,
    count: f64,
    sum: f64,
    sum_squares: f64,
    mean: f64,
    median: f64,
}

/// Which numbers of a timer are written and what they are called, made once from the configuration.
/// A number that `calculated_timer_metrics` leaves out has no name.
#[derive(Clone, Debug)]
pub struct TimerPlan {
    seconds: f64,
    /// For timers whose name contains the text; the last is for all.
    percentiles: Vec<(String, Vec<PercentilePlan>)>,
    std: Option<&'static str>,
    upper: Option<&'static str>,
    lower: Option<&'static str>,
    count: Option<&'static str>,
    count_ps: Option<&'static str>,
    sum: Option<&'static str>,
    sum_squares: Option<&'static str>,
    mean: Option<&'static str>,
    median: Option<&'static str>,
    histograms: Vec<HistogramPlan>,
}

#[derive(Clone, Debug)]
struct PercentilePlan {
    percent: f64,
    count: Option<String>,
    mean: Option<String>,
    edge: Option<String>,
    sum: Option<String>,
    sum_squares: Option<String>,
}

#[derive(Clone, Debug)]
struct HistogramPlan {
    metric: String,
    /// Upper limit and name, infinity for the rest.
    bins: Vec<(f64, String)>,
}

impl TimerPlan {
    pub fn new(config: &StatsdConfig) -> TimerPlan {
        let filter = &config.calculated_timer_metrics;
        let wanted = |name: &str| filter.is_empty() || filter.iter().any(|metric| *metric == cleaned(name));
        let whole = |name: &'static str| wanted(name).then_some(name);
        let of = |what: &str, percent: &str| Some(format!("{what}_{percent}")).filter(|name| wanted(name));
        let percentile = |percentile: &Percentile| {
            let percent = percentile.0;
            let text = js::number_to_text(percent).replacen('.', "_", 1).replacen('-', "top", 1);
            PercentilePlan {
                percent,
                count: of("count", &text),
                mean: of("mean", &text),
                edge: of(if percent > 0.0 { "upper" } else { "lower" }, &text),
                sum: of("sum", &text),
                sum_squares: of("sum_squares", &text),
            }
        };
        let bin = |bin: &Bin| match bin {
            Bin::Below(limit) => {
                (*limit, format!("histogram.bin_{}", js::number_to_text(*limit).replacen('.', "_", 1)))
            }
            Bin::Rest => (f64::INFINITY, "histogram.bin_inf".to_owned()),
        };
        let histograms = config.histogram.iter().map(|histogram| HistogramPlan {
            metric: histogram.metric.clone(),
            bins: histogram.bins.iter().map(bin).collect(),
        });
        let special = config.timer_percentiles.iter().map(|special| (&*special.metric, &special.percentiles));
        let percentiles = special
            .chain([("", &config.percentiles)])
            .map(|(metric, percentiles)| (metric.to_owned(), percentiles.iter().map(percentile).collect()))
            .collect();
        TimerPlan {
            seconds: config.flush_interval.seconds(),
            percentiles,
            std: whole("std"),
            upper: whole("upper"),
            lower: whole("lower"),
            count: whole("count"),
            count_ps: whole("count_ps"),
            sum: whole("sum"),
            sum_squares: whole("sum_squares"),
            mean: whole("mean"),
            median: whole("median"),
            histograms: if wanted("histogram") { histograms.collect() } else { Vec::new() },
        }
    }

    fn percentiles(&self, name: &str) -> &[PercentilePlan] {
        let matching = self.percentiles.iter().find(|(metric, _)| name.contains(metric));
        matching.map_or(&[], |(_, percentiles)| percentiles)
    }

    /// Of a timer without values in the interval.
    fn write_idle(&self, out: &mut dyn FnMut(&str, f64)) {
        for name in [self.count, self.count_ps].into_iter().flatten() {
            out(name, 0.0);
        }
    }

    fn write_whole(&self, whole: &Whole, out: &mut dyn FnMut(&str, f64)) {
        let Whole { std, upper, lower, count, sum, sum_squares, mean, median } = *whole;
        for (name, value) in [
            (self.std, std),
            (self.upper, upper),
            (self.lower, lower),
            (self.count, count),
            (self.count_ps, count / self.seconds),
            (self.sum, sum),
            (self.sum_squares, sum_squares),
            (self.mean, mean),
            (self.median, median),
        ] {
            if let Some(name) = name {
                out(name, value);
            }
        }
    }

    /// `frequency` tells how many values lie below a limit that lay not below the one before.
    fn write_bins(&self, name: &str, out: &mut dyn FnMut(&str, f64), mut frequency: impl FnMut(f64) -> f64) {
        let matching = self.histograms.iter().find(|histogram| name.contains(&histogram.metric));
        for (limit, name) in matching.into_iter().flat_map(|histogram| &histogram.bins) {
            out(name, frequency(*limit));
        }
    }
}

impl PercentilePlan {
    fn write(&self, numbers: &PercentileNumbers, mean: f64, out: &mut dyn FnMut(&str, f64)) {
        for (name, value) in [
            (&self.count, numbers.count),
            (&self.mean, mean),
            (&self.edge, numbers.edge),
            (&self.sum, numbers.sum),
            (&self.sum_squares, numbers.sum_squares),
        ] {
            if let Some(name) = name {
                out(name, value);
            }
        }
    }
}

/// A name with its last number and a `top` before that replaced, for the comparison with
/// `calculated_timer_metrics`: `upper_90` and `lower_top10` become `upper_percent` and `lower_percent`.
fn cleaned(name: &str) -> String {
    let start = name.trim_end_matches(|character: char| character.is_ascii_digit());
    let stem = start.strip_suffix("_top").or_else(|| start.strip_suffix('_'));
    match stem {
        Some(stem) if start.len() < name.len() => format!("{stem}_percent"),
        _ => name.to_owned(),
    }
}
