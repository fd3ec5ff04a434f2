//! Made-up series whose cost on the disk is compared: values that grow, wander, stand still or come rarely.

use std::collections::HashMap;
use std::fmt::Write;
use std::str::FromStr;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any values, cheaply made.
    Ramp,
    /// Wanders by up to 10.0 a step, with one decimal.
    Gauge,
    /// Grows by up to 200 a step.
    Counter,
    Constant,
    /// A twentieth of the points, whole numbers up to 1,000.
    Sparse,
    /// By turns: constant, small counter, load with two decimals, percentage, few distinct sizes.
    Mixed,
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Kind, String> {
        Ok(match text {
            "ramp" => Kind::Ramp,
            "gauge" => Kind::Gauge,
            "counter" => Kind::Counter,
            "constant" => Kind::Constant,
            "sparse" => Kind::Sparse,
            "mixed" => Kind::Mixed,
            _ => return Err(format!("`{text}` is no kind of series")),
        })
    }
}

/// Where all series of one kind stand.
pub struct Series {
    kind: Kind,
    values: Vec<i64>,
    random: Random,
    /// How often a series changed by so much.
    steps: HashMap<i64, u64>,
}

impl Series {
    pub fn new(kind: Kind, count: usize) -> Series {
        Series { kind, values: vec![0; count], random: Random(42), steps: HashMap::new() }
    }

    /// Writes the next value of a series; `false`: it has none this time.
    pub fn next(&mut self, series: usize, round: u64, out: &mut String) -> bool {
        let random = &mut self.random;
        let value = &mut self.values[series];
        match self.kind {
            Kind::Ramp => number((series as i64 * 7 + round as i64) % 10_000, 2, out),
            Kind::Constant => number(42, 0, out),
            Kind::Sparse => {
                if random.below(20) != 0 {
                    return false;
                }
                number(random.below(1_001), 0, out);
            }
            Kind::Gauge | Kind::Counter => {
                let up = self.kind == Kind::Counter;
                let step = random.below(201) - if up { 0 } else { 100 };
                *value += step;
                *self.steps.entry(step).or_default() += 1;
                number(*value, if up { 0 } else { 1 }, out);
            }
            Kind::Mixed => match series % 5 {
                0 => number(series as i64, 0, out),
                1 => {
                    *value += random.below(8);
                    number(*value, 0, out);
                }
                2 => {
                    *value = (*value + random.below(21) - 10).clamp(0, 1_600);
                    number(*value, 2, out);
                }
                3 => number(random.below(1_001), 1, out),
                _ => number(4_096 * random.below(16), 0, out),
            },
        }
        true
    }

    /// Bytes a point that no code can go below on average, as far as steps do not depend on each other.
    pub fn entropy(&self) -> f64 {
        let all: u64 = self.steps.values().sum();
        let bits = |count: &u64| {
            let share = *count as f64 / all as f64;
            -share * share.log2()
        };
        self.steps.values().map(bits).sum::<f64>() / 8.0
    }
}

/// `-12.3` for -123 and one decimal.
fn number(value: i64, decimals: u32, out: &mut String) {
    let unit = 10_i64.pow(decimals);
    let sign = if value < 0 { "-" } else { "" };
    let (whole, rest) = (value.abs() / unit, value.abs() % unit);
    // Writing into a String cannot fail.
    let _ = match decimals {
        0 => write!(out, "{sign}{whole}"),
        _ => write!(out, "{sign}{whole}.{rest:0width$}", width = decimals as usize),
    };
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (((self.0 >> 32) * bound as u64) >> 32) as i64
    }
}
