//! A mergeable distribution: counts in logarithmic buckets.
//!
//! DDSketch (Masson, Rim, Lee, VLDB 2019) without collapsing: bucket `i` holds the values in
//! `(GAMMA^(i-1), GAMMA^i]` and answers with the value that is within half a bucket of all of them.
//! With buckets 1 % wide every quantile is within [`RELATIVE_ERROR`] of the exact one, and since a
//! merge only adds counts, that holds over any window, rollup, tag set and node.
//! Counts are weights: a sample taken at rate 0.1 counts ten times.

/// A bucket's upper bound divided by its lower bound.
pub const GAMMA: f64 = 1.01;
/// The largest relative error of a quantile: (GAMMA - 1) / (GAMMA + 1).
pub const RELATIVE_ERROR: f64 = (GAMMA - 1.0) / (GAMMA + 1.0);
/// Magnitudes below this count as zero; `f64::MAX` ends up near bucket 71,000.
pub const SMALLEST_MAGNITUDE: f64 = 1e-9;

/// Sorted buckets with the weight in each. The key tells sign and bucket, in the order of the values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sketch {
    buckets: Vec<(BucketKey, f64)>,
}

/// Position on the number line: negative values have keys below zero, zero itself is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketKey(pub i32);

/// Keeps every key of a positive value above zero: `ln(1e-9)/ln(1.01)` is about -2083.
const OFFSET: i32 = 2_100;

impl BucketKey {
    pub fn of(value: f64) -> BucketKey {
        let magnitude = value.abs();
        if magnitude < SMALLEST_MAGNITUDE {
            return BucketKey(0);
        }
        let index = (magnitude.min(f64::MAX).ln() / GAMMA.ln()).ceil() as i32 + OFFSET;
        BucketKey(if value < 0.0 { -index } else { index })
    }

    /// The value that stands for the bucket.
    pub fn value(self) -> f64 {
        let (low, high) = self.bounds();
        if self.0 == 0 { 0.0 } else { 2.0 * low * high / (low + high) }
    }

    /// Lower and upper bound on the number line.
    pub fn bounds(self) -> (f64, f64) {
        let power = |index: i32| (f64::from(index - OFFSET) * GAMMA.ln()).exp();
        match self.0 {
            0 => (-SMALLEST_MAGNITUDE, SMALLEST_MAGNITUDE),
            key if key > 0 => (power(key - 1), power(key)),
            key => (-power(-key), -power(-key - 1)),
        }
    }
}

impl Sketch {
    /// From buckets in rising order, each once, with weights above zero; `None` if they are not that.
    pub fn from_buckets(buckets: Vec<(BucketKey, f64)>) -> Option<Sketch> {
        let rising = buckets.windows(2).all(|pair| pair[0].0 < pair[1].0);
        let weighty = buckets.iter().all(|(_, weight)| weight.is_finite() && *weight > 0.0);
        (rising && weighty).then_some(Sketch { buckets })
    }

    /// The distribution of `values`, each counting `weight`. NaN is not a value and is left out.
    pub fn from_values(values: impl IntoIterator<Item = (f64, f64)>) -> Sketch {
        let keyed = values
            .into_iter()
            .filter(|(value, weight)| !value.is_nan() && weight.is_finite() && *weight > 0.0)
            .map(|(value, weight)| (BucketKey::of(value), weight));
        let mut buckets: Vec<(BucketKey, f64)> = keyed.collect();
        buckets.sort_unstable_by_key(|(key, _)| *key);
        buckets.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        Sketch { buckets }
    }

    pub fn buckets(&self) -> &[(BucketKey, f64)] {
        &self.buckets
    }

    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// The weight of all values.
    pub fn count(&self) -> f64 {
        self.buckets.iter().map(|(_, weight)| weight).sum()
    }

    pub fn merge(&mut self, other: &Sketch) {
        if self.buckets.is_empty() {
            self.buckets.clone_from(&other.buckets);
            return;
        }
        let mut merged = Vec::with_capacity(self.buckets.len() + other.buckets.len());
        let (mut ours, mut theirs) = (self.buckets.iter().peekable(), other.buckets.iter().peekable());
        while let (Some(a), Some(b)) = (ours.peek(), theirs.peek()) {
            let (a, b) = (**a, **b);
            match a.0.cmp(&b.0) {
                std::cmp::Ordering::Less => merged.extend(ours.next().copied()),
                std::cmp::Ordering::Greater => merged.extend(theirs.next().copied()),
                std::cmp::Ordering::Equal => {
                    merged.push((a.0, a.1 + b.1));
                    ours.next();
                    theirs.next();
                }
            }
        }
        merged.extend(ours.copied());
        merged.extend(theirs.copied());
        self.buckets = merged;
    }

    /// The value below or at which the share `quantile` (0..=1) of the weight lies: nearest rank, as
    /// `sorted[ceil(q * n) - 1]` gives it on the values themselves. `None` without values.
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        let wanted = quantile.clamp(0.0, 1.0) * self.count();
        // Weights are sums of floats: a rank that is met but for rounding is met.
        let slack = wanted.abs() * 1e-9;
        let mut seen = 0.0;
        for (key, weight) in &self.buckets {
            seen += weight;
            if seen + slack >= wanted {
                return Some(key.value());
            }
        }
        self.buckets.last().map(|(key, _)| key.value())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(values: &mut [f64], quantile: f64) -> f64 {
        values.sort_by(f64::total_cmp);
        let rank = (quantile * values.len() as f64).ceil() as usize;
        values[rank.max(1) - 1]
    }

    /// A small generator, so that a failure repeats.
    fn samples(seed: u64, count: usize) -> Vec<f64> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 53) as f64
        };
        (0..count).map(|_| (next() * 20.0 - 5.0).exp() * if next() < 0.1 { -1.0 } else { 1.0 }).collect()
    }

    #[test]
    fn quantiles_are_within_the_stated_error() {
        let mut values = samples(7, 10_000);
        let sketch = Sketch::from_values(values.iter().map(|v| (*v, 1.0)));
        for quantile in [0.0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0] {
            let (got, want) = (sketch.quantile(quantile).unwrap(), exact(&mut values, quantile));
            assert!((got - want).abs() <= want.abs() * (RELATIVE_ERROR + 1e-12), "{quantile}: {got} {want}");
        }
    }

    #[test]
    fn merging_equals_sketching_all_at_once() {
        let values = samples(11, 3_000);
        let whole = Sketch::from_values(values.iter().map(|v| (*v, 1.0)));
        let mut merged = Sketch::default();
        for part in values.chunks(70) {
            merged.merge(&Sketch::from_values(part.iter().map(|v| (*v, 1.0))));
        }
        assert_eq!(merged, whole);
    }

    #[test]
    fn weights_count_as_often_as_they_say() {
        let sketch = Sketch::from_values([(1.0, 10.0), (100.0, 1.0)]);
        assert_eq!(sketch.count(), 11.0);
        assert!((sketch.quantile(0.9).unwrap() - 1.0).abs() < 0.01);
        assert!((sketch.quantile(0.95).unwrap() - 100.0).abs() < 1.0);
    }

    #[test]
    fn extremes_have_a_place() {
        let edge = [0.0, -0.0, 1e-300, f64::MAX, f64::MIN, f64::INFINITY, f64::NEG_INFINITY];
        let sketch = Sketch::from_values(edge.iter().map(|v| (*v, 1.0)));
        assert_eq!(sketch.count(), edge.len() as f64);
        assert!(sketch.buckets().windows(2).all(|pair| pair[0].0 < pair[1].0));
        assert!(Sketch::from_values([(f64::NAN, 1.0)]).is_empty());
        assert_eq!(Sketch::default().quantile(0.5), None);
    }

    #[test]
    fn bounds_contain_what_falls_into_the_bucket() {
        for value in samples(3, 500) {
            let (low, high) = BucketKey::of(value).bounds();
            assert!(low <= value * (1.0 + 1e-12_f64.copysign(value)) && value <= high + high.abs() * 1e-12);
        }
    }

    #[test]
    fn buckets_from_outside_are_checked() {
        let key = BucketKey;
        assert!(Sketch::from_buckets(vec![(key(1), 1.0), (key(2), 0.5)]).is_some());
        assert!(Sketch::from_buckets(vec![(key(2), 1.0), (key(1), 1.0)]).is_none());
        assert!(Sketch::from_buckets(vec![(key(1), 0.0)]).is_none());
        assert!(Sketch::from_buckets(vec![(key(1), f64::NAN)]).is_none());
    }
}
