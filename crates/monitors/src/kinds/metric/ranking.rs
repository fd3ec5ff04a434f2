//! Where instances stand among each other, for `top 3`.

use super::rule::Rule;
use super::source::Slots;

/// Says of each instance and input its place by the newest value, the greatest having the first.
pub fn rank<'r>(
    rule: &Rule,
    instances: impl Iterator<Item = (usize, &'r Vec<Option<Slots>>)> + Clone,
    mut place: impl FnMut(usize, usize, Option<u32>),
) {
    for input in 0..rule.inputs.len() {
        let newest = |rows: &Vec<Option<Slots>>| {
            rows[input]
                .as_ref()
                .and_then(|row| row.values.iter().rev().find(|value| !value.is_nan()).copied())
        };
        let mut values: Vec<(usize, Option<f64>)> =
            instances.clone().map(|(instance, rows)| (instance, newest(rows))).collect();
        order(&mut values);
        for (index, (instance, value)) in values.iter().enumerate() {
            place(*instance, input, value.map(|_| index as u32 + 1));
        }
    }
}

/// Greatest first, those without a value last; equals in the order in which they came.
pub fn order(values: &mut [(usize, Option<f64>)]) {
    values.sort_by(|a, b| match (a.1, b.1) {
        (Some(a), Some(b)) => b.total_cmp(&a),
        (a, b) => b.is_some().cmp(&a.is_some()),
    });
}
