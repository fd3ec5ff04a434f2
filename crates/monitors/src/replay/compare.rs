//! Two versions of a rule over the same past.

use serde::Serialize;

use super::{Firing, Replayed};

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// What fired with both: (of the first, of the second).
    pub both: Vec<(Firing, Firing)>,
    pub only_first: Vec<Firing>,
    pub only_second: Vec<Firing>,
}

/// Firings of one instance that overlap are the same trouble.
pub fn compare(first: &Replayed, second: &Replayed) -> Comparison {
    let fired = |replayed: &Replayed| -> Vec<Firing> {
        replayed.firings.iter().filter(|firing| !firing.healed()).cloned().collect()
    };
    let mut others: Vec<Option<Firing>> = fired(second).into_iter().map(Some).collect();
    let mut comparison = Comparison::default();
    for firing in fired(first) {
        let meets = |other: &&mut Option<Firing>| other.as_ref().is_some_and(|other| overlap(&firing, other));
        match others.iter_mut().find(meets).and_then(Option::take) {
            Some(other) => comparison.both.push((firing, other)),
            None => comparison.only_first.push(firing),
        }
    }
    comparison.only_second = others.into_iter().flatten().collect();
    comparison
}

fn overlap(a: &Firing, b: &Firing) -> bool {
    let end = |firing: &Firing| firing.ended.unwrap_or(i64::MAX);
    a.instance == b.instance && a.began <= end(b) && b.began <= end(a)
}
