//! What is kept of a timer in an interval.

use std::cmp::Ordering;

use vocabulary::Sketch;
use vocabulary::sketch::BucketKey;

use crate::limits::TIMER_VALUES;
use crate::overflow::Overflow;
use crate::timer_numbers::{Scratch, exact_numbers};
use crate::timer_plan::TimerPlan;

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
