//! Which names are many, new, or refused.

use std::collections::BTreeMap;

use http_api::control::{NewSeries, PrefixCount, Refused, RefusedPrefix};
use series_store::names::Offender;

use super::LISTED;
use crate::house::House;

pub fn refused(house: &House) -> Refused {
    let offenders = house.store.names().offenders();
    Refused {
        total: offenders.iter().map(|offender| offender.refused).sum(),
        prefixes: worst_offenders(offenders),
    }
}

/// So many prefixes with the same first node are one offender, whose second nodes are what grows.
const ALIKE: usize = 8;

/// Whose names were refused, worst first. Of a prefix by itself, what is certain: a sketch counts them.
fn worst_offenders(offenders: Vec<Offender>) -> Vec<RefusedPrefix> {
    let mut by_node: BTreeMap<String, Vec<Offender>> = BTreeMap::new();
    for offender in offenders {
        let node = offender.prefix.split('.').next().unwrap_or_default().to_owned();
        by_node.entry(node).or_default().push(offender);
    }
    let told = |(node, offenders): (String, Vec<Offender>)| -> Vec<RefusedPrefix> {
        if offenders.len() >= ALIKE {
            let refused = offenders.iter().map(|offender| offender.refused).sum();
            let example = offenders.into_iter().next().map_or_else(String::new, |offender| offender.example);
            return vec![RefusedPrefix { prefix: format!("{node}.*"), refused, example }];
        }
        let alone = offenders.into_iter().map(|offender| RefusedPrefix {
            refused: offender.refused - offender.overcount,
            prefix: offender.prefix,
            example: offender.example,
        });
        alone.collect()
    };
    let mut prefixes: Vec<RefusedPrefix> = by_node.into_iter().flat_map(told).collect();
    prefixes.sort_by_key(|prefix| std::cmp::Reverse(prefix.refused));
    prefixes.truncate(LISTED);
    prefixes
}

/// The prefixes with most series. Looking at all names takes a quarter of a second at a million, so the
/// answer is kept for a while: half a minute there.
pub fn widest(house: &House) -> Vec<PrefixCount> {
    const NAMES_FOR_A_SECOND: usize = 33_000;
    let (names, now) = (house.store.names(), house.clock.now().0);
    let mut kept = house.widest.lock();
    let kept_for = (names.len() / NAMES_FOR_A_SECOND) as i64;
    // A clock that was set back is outside of it too.
    if !(kept.0..kept.0 + kept_for).contains(&now) {
        let widest = names.largest_prefixes(LISTED);
        *kept = (now, widest.into_iter().map(|(prefix, series)| PrefixCount { prefix, series }).collect());
    }
    kept.1.clone()
}

pub fn newest(house: &House) -> Vec<NewSeries> {
    let newest = house.store.names().newest();
    newest
        .into_iter()
        .take(LISTED)
        .map(|new| NewSeries { name: new.name.to_string(), created: new.created.0 })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_by_what_it_has_in_common() {
        let offender = |prefix: &str, refused: u64, overcount: u64| Offender {
            prefix: prefix.into(),
            refused,
            overcount,
            example: format!("{prefix}.x"),
        };
        let mut offenders = vec![offender("calm.a", 40, 0), offender("new.a", 393, 392)];
        offenders.extend((0..100).map(|number| offender(&format!("flood.n{number}"), 393, 392)));
        let told: Vec<_> =
            worst_offenders(offenders).into_iter().map(|prefix| (prefix.prefix, prefix.refused)).collect();
        assert_eq!(told, [("flood.*".into(), 39_300), ("calm.a".into(), 40), ("new.a".into(), 1)]);
    }
}
