//! How long an answer will be, before it is written: text takes several times what its values take.

use super::{Format, Shape};
use crate::series::Series;

/// Bytes of the answer, about: usual digits, not the longest.
pub fn of_answer(format: Format, shape: &Shape, series: &[Series]) -> usize {
    let points = |one: &Series| one.values.len().div_ceil(one.values_per_point.max(1));
    let each = |of_series: usize, of_point: &dyn Fn(&Series) -> usize| {
        let of_one = |one: &Series| {
            let points = match (format, shape.max_data_points) {
                (Format::Json, Some(most)) => points(one).min(usize::try_from(most).unwrap_or(usize::MAX)),
                _ => points(one),
            };
            points.saturating_mul(of_point(one)).saturating_add(of_series + 2 * one.name.len())
        };
        series.iter().map(of_one).fold(0, usize::saturating_add)
    };
    let pretty = if shape.pretty { 2 } else { 1 };
    match format {
        // Parts that other threads wrote are there twice for a moment.
        Format::Json => each(128, &|_| 40 * pretty),
        Format::Rickshaw => each(64, &|_| 40 * pretty),
        Format::Csv => each(0, &|one| one.name.len() + 36),
        Format::Raw => each(64, &|_| 16),
        Format::Pickle | Format::MessagePack => each(256, &|_| 10),
        // The times of the first series, with a value of each.
        Format::Dygraph => {
            let rows = series.first().map_or(0, points);
            each(16, &|_| 0).saturating_add(rows.saturating_mul(series.len() + 1).saturating_mul(14))
        }
        // Pixels; their number has a limit of its own.
        _ => 0,
    }
}
