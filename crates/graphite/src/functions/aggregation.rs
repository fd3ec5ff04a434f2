//! Many values -> one: the twelve functions that `aggregate`, `summarize`, `sortBy` and many others take by name.

use crate::series::{NULL, Numbers, is_null};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregator {
    Average,
    AvgZero,
    Median,
    Sum,
    Min,
    Max,
    Diff,
    Stddev,
    Count,
    Range,
    Multiply,
    Last,
}

/// Every name, in the order of the original's table, aliases last.
pub const NAMES: [&str; 16] = [
    "average", "avg_zero", "median", "sum", "min", "max", "diff", "stddev", "count", "range", "multiply",
    "last", "rangeOf", "avg", "total", "current",
];

impl Aggregator {
    pub fn named(name: &str) -> Option<Aggregator> {
        Some(match name {
            "average" | "avg" => Aggregator::Average,
            "avg_zero" => Aggregator::AvgZero,
            "median" => Aggregator::Median,
            "sum" | "total" => Aggregator::Sum,
            "min" => Aggregator::Min,
            "max" => Aggregator::Max,
            "diff" => Aggregator::Diff,
            "stddev" => Aggregator::Stddev,
            "count" => Aggregator::Count,
            "range" | "rangeOf" => Aggregator::Range,
            "multiply" => Aggregator::Multiply,
            "last" | "current" => Aggregator::Last,
            _ => return None,
        })
    }

    /// Python counts in integers, and adds and compares integers to integers.
    pub fn numbers(self, of: Numbers) -> Numbers {
        match self {
            Aggregator::Count => Numbers::Integers,
            Aggregator::Sum | Aggregator::Min | Aggregator::Max | Aggregator::Diff | Aggregator::Last => of,
            _ => Numbers::Floats,
        }
    }

    /// Of one row of values; [`NULL`] where Python has `None`.
    pub fn of(self, row: &[f64]) -> f64 {
        let known = || row.iter().copied().filter(|value| !is_null(*value));
        let count = known().count();
        match self {
            Aggregator::Count => count as f64,
            Aggregator::AvgZero if !row.is_empty() => known().sum::<f64>() / row.len() as f64,
            Aggregator::Multiply if count < row.len() => NULL,
            _ if count == 0 => NULL,
            Aggregator::Average => known().sum::<f64>() / count as f64,
            Aggregator::Sum | Aggregator::AvgZero => known().sum(),
            Aggregator::Median => median(&mut known().collect::<Vec<_>>()),
            Aggregator::Min => known().reduce(lesser).unwrap_or(NULL),
            Aggregator::Max => known().reduce(greater).unwrap_or(NULL),
            Aggregator::Diff => known().reduce(|sum, value| sum - value).unwrap_or(NULL),
            Aggregator::Stddev => deviation(known(), count),
            Aggregator::Range => {
                known().reduce(greater).unwrap_or(NULL) - known().reduce(lesser).unwrap_or(NULL)
            }
            Aggregator::Multiply => known().reduce(|product, value| product * value).unwrap_or(NULL),
            Aggregator::Last => known().next_back().unwrap_or(NULL),
        }
    }

    /// Of each column of several rows; shorter rows are continued with nulls. A column counts when it has a
    /// value and its share of known values reaches the factor.
    pub fn of_columns(self, rows: &[impl AsRef<[f64]>], x_files_factor: f64) -> Vec<f64> {
        let length = rows.iter().map(|row| row.as_ref().len()).max().unwrap_or(0);
        match self {
            Aggregator::Median | Aggregator::Stddev => self.column_by_column(rows, length, x_files_factor),
            _ => self.row_by_row(rows, length, x_files_factor),
        }
    }

    fn column_by_column(self, rows: &[impl AsRef<[f64]>], length: usize, factor: f64) -> Vec<f64> {
        let mut column = Vec::with_capacity(rows.len());
        let aggregate = |index: usize| {
            column.clear();
            column.extend(rows.iter().filter_map(|row| row.as_ref().get(index)).filter(|v| !is_null(**v)));
            if enough(column.len(), rows.len(), factor) { self.of(&column) } else { NULL }
        };
        (0..length).map(aggregate).collect()
    }

    /// One pass over each row: a thousand rows of an hour take about as long as reading them.
    fn row_by_row(self, rows: &[impl AsRef<[f64]>], length: usize, factor: f64) -> Vec<f64> {
        let mut counts = vec![0_u32; length];
        let mut totals = vec![0.0_f64; length];
        let mut lows = if self == Aggregator::Range { vec![0.0; length] } else { Vec::new() };
        for row in rows {
            let row = row.as_ref();
            let slots = totals.iter_mut().zip(&mut counts).zip(row);
            match self {
                Aggregator::Sum | Aggregator::Average | Aggregator::AvgZero | Aggregator::Count => {
                    for ((total, count), value) in slots {
                        *total += if is_null(*value) { 0.0 } else { *value };
                        *count += u32::from(!is_null(*value));
                    }
                }
                Aggregator::Range => {
                    for (((high, count), value), low) in slots.zip(&mut lows) {
                        if !is_null(*value) {
                            let first = *count == 0;
                            *high = if first { *value } else { greater(*high, *value) };
                            *low = if first { *value } else { lesser(*low, *value) };
                            *count += 1;
                        }
                    }
                }
                _ => {
                    for ((total, count), value) in slots {
                        if !is_null(*value) {
                            *total = if *count == 0 { *value } else { self.fold(*total, *value) };
                            *count += 1;
                        }
                    }
                }
            }
        }
        for (index, (total, count)) in totals.iter_mut().zip(counts).enumerate() {
            let count = count as usize;
            let complete = self != Aggregator::Multiply || count == rows.len();
            *total = match self {
                _ if !enough(count, rows.len(), factor) || !complete => NULL,
                Aggregator::Average => *total / count as f64,
                Aggregator::AvgZero => *total / rows.len() as f64,
                Aggregator::Count => count as f64,
                Aggregator::Range => *total - lows[index],
                _ => *total,
            };
        }
        totals
    }

    fn fold(self, total: f64, value: f64) -> f64 {
        match self {
            Aggregator::Min => lesser(total, value),
            Aggregator::Max => greater(total, value),
            Aggregator::Diff => total - value,
            Aggregator::Multiply => total * value,
            Aggregator::Last => value,
            _ => total + value,
        }
    }
}

/// The original's `xff`: is a large enough share known?
pub fn enough(known: usize, total: usize, x_files_factor: f64) -> bool {
    known > 0 && total > 0 && known as f64 / total as f64 >= x_files_factor
}

/// Python's `min` and `max`, which keep the first when a comparison is false (as with NaN).
fn lesser(least: f64, value: f64) -> f64 {
    if value < least { value } else { least }
}

fn greater(most: f64, value: f64) -> f64 {
    if value > most { value } else { most }
}

pub fn median(known: &mut [f64]) -> f64 {
    known.sort_by(f64::total_cmp);
    let middle = known.len() / 2;
    if known.len().is_multiple_of(2) { (known[middle - 1] + known[middle]) / 2.0 } else { known[middle] }
}

fn deviation(known: impl Iterator<Item = f64> + Clone, count: usize) -> f64 {
    let average = known.clone().sum::<f64>() / count as f64;
    let squares: f64 = known.map(|value| (value - average) * (value - average)).sum();
    (squares / count as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_and_a_column_agree() {
        let check = |name: &str, row: &[f64], wanted: f64| {
            let aggregator = Aggregator::named(name).unwrap();
            assert_eq!(aggregator.of(row).to_bits(), wanted.to_bits(), "{name} of a row");
            let rows: Vec<Vec<f64>> = row.iter().map(|value| vec![*value]).collect();
            assert_eq!(
                aggregator.of_columns(&rows, 0.0)[0].to_bits(),
                wanted.to_bits(),
                "{name} of a column"
            );
        };
        let gappy = [4.0, NULL, 1.0, 7.0];
        for (name, wanted) in [
            ("average", 4.0),
            ("avg_zero", 3.0),
            ("median", 4.0),
            ("sum", 12.0),
            ("min", 1.0),
            ("max", 7.0),
            ("diff", -4.0),
            ("stddev", 6.0_f64.sqrt()),
            ("count", 3.0),
            ("range", 6.0),
            ("multiply", NULL),
            ("last", 7.0),
        ] {
            check(name, &gappy, wanted);
        }
        check("multiply", &[2.0, 3.0], 6.0);
        check("median", &[1.0, 2.0], 1.5);
        assert!(is_null(Aggregator::Sum.of(&[NULL])) && Aggregator::Count.of(&[NULL]) == 0.0);
        assert!(is_null(Aggregator::Count.of_columns(&[vec![NULL]], 0.0)[0]));
        assert!(NAMES.iter().all(|name| Aggregator::named(name).is_some()));
    }

    #[test]
    fn the_factor_counts_missing_rows() {
        let rows = [vec![1.0, 1.0], vec![1.0]];
        assert_eq!(Aggregator::Sum.of_columns(&rows, 0.5), [2.0, 1.0]);
        assert!(is_null(Aggregator::Sum.of_columns(&rows, 0.6)[1]));
    }
}
