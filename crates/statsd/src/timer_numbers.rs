//! The numbers that a flush makes of a timer's values. The arithmetic is the original's (`process_metrics.js`),
//! operation by operation, so that sums of floats round alike.

use crate::js;
use crate::timer_plan::{PercentileNumbers, TimerPlan, Whole};

/// Memory of a flush for running sums, used again for each timer.
#[derive(Debug, Default)]
pub struct Scratch {
    sums: Vec<f64>,
    squares: Vec<f64>,
}

/// All numbers of a timer whose values are known, in rising order.
pub fn exact_numbers(
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
