//! How the known finer values of a coarser slot become its value.

use vocabulary::retention::Aggregation;

/// Decimals that an exact sum may have.
const POWERS: [f64; 7] = [1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0];
/// Up to here floats and whole numbers are the same.
const LIMIT: i64 = 1 << 53;

/// The value of a coarser slot. `known` are the present finer values in the order of time; with none
/// there is none: NaN. `slots` counts the absent too, and matters to `AvgZero` only.
///
/// Where all values are decimals of at most six places the sum is exact, and an average is rounded once.
/// Whisper adds floats, so that its answers may differ in their last bits.
pub fn rollup(method: Aggregation, known: &[f64], slots: usize) -> f64 {
    let Some((first, rest)) = known.split_first() else { return f64::NAN };
    // Among equals the first wins, as with Python's max and min.
    let best = |better: fn(f64, f64) -> bool| {
        rest.iter().fold(*first, |best, v| if better(*v, best) { *v } else { best })
    };
    match method {
        Aggregation::Average => sum_over(known, known.len()),
        Aggregation::AvgZero => sum_over(known, slots.max(known.len())),
        Aggregation::Sum => sum_over(known, 1),
        Aggregation::Last => known[known.len() - 1],
        Aggregation::Max => best(|v, best| v > best),
        Aggregation::Min => best(|v, best| v < best),
        Aggregation::Absmax => best(|v, best| v.abs() > best.abs()),
        Aggregation::Absmin => best(|v, best| v.abs() < best.abs()),
        Aggregation::Median => median(known),
        Aggregation::Count => known.len() as f64,
    }
}

/// The sum divided by a count.
fn sum_over(known: &[f64], count: usize) -> f64 {
    exact_sum_over(known, count).unwrap_or_else(|| known.iter().sum::<f64>() / count as f64)
}

fn exact_sum_over(known: &[f64], count: usize) -> Option<f64> {
    let mut power = 0;
    let mut sum = 0i64;
    for value in known {
        let mut whole = whole(*value, POWERS[power]);
        while whole.is_none() && power + 1 < POWERS.len() {
            power += 1;
            sum = sum.checked_mul(10)?;
            whole = self::whole(*value, POWERS[power]);
        }
        sum = sum.checked_add(whole?)?;
    }
    let divisor = POWERS[power] * count as f64;
    (sum.abs() <= LIMIT && divisor <= LIMIT as f64).then(|| sum as f64 / divisor)
}

/// `n` with `n / power == value` to the bit.
fn whole(value: f64, power: f64) -> Option<i64> {
    let scaled = value * power;
    let whole = (scaled + 0.5_f64.copysign(scaled)) as i64;
    // Beyond the limit the next float is not the next whole number; infinity ends up there too, NaN at 0.
    (whole.unsigned_abs() < LIMIT as u64 && (whole as f64 / power).to_bits() == value.to_bits())
        .then_some(whole)
}

/// The middle one; of two middle ones, half way between.
fn median(known: &[f64]) -> f64 {
    let mut sorted = known.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { sum_over(&sorted[middle - 1..=middle], 2) }
}
