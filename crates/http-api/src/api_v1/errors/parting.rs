//! Which kept events go along when a group is split: those that are found by the hash that left.

use std::collections::BTreeSet;
use std::ops::Range;

use error_tracking::{HashValue, Project, digest_stored};
use vocabulary::error::StoredEvent;
use vocabulary::ports::EventPage;

use crate::answer::Answer;
use crate::services::Services;

/// Each is read and grouped again, a second for all of them; what is older stays where it is.
const LOOKED_AT: usize = 10_000;
/// Each stretch of events is kept by itself, and looked through whenever events of the project are listed.
const STRETCHES: usize = 1_000;
/// Bodies that are read at a time.
const AT_ONCE: usize = 100;

/// Numbers of the newest events of `old` that its `parted` hash finds. `stay`: the hashes that it still has, as they are shown.
pub fn numbers(
    services: &Services,
    project: &Project,
    old: u64,
    parted: HashValue,
    stay: &BTreeSet<String>,
) -> Answer<Vec<Range<u64>>> {
    let mut looked_at: Vec<(u64, bool)> = Vec::new();
    let mut before = None;
    while looked_at.len() < LOOKED_AT {
        let events = services.event_log.list(project.id, old, EventPage { before, limit: AT_ONCE })?;
        let Some(last) = events.last() else { break };
        before = Some((last.key.at, last.key.id));
        looked_at.extend(events.iter().map(|event| (event.number, goes(project, event, parted, stay))));
    }
    Ok(stretches(looked_at))
}

/// As a new event is grouped: the first hash that is known counts.
fn goes(project: &Project, event: &StoredEvent, parted: HashValue, stay: &BTreeSet<String>) -> bool {
    // What cannot be read again stays.
    let hashes = digest_stored(project, event).map_or_else(|_| Vec::new(), |digested| digested.hashes);
    let known = hashes.iter().find(|hash| hash.value == parted || stay.contains(&hash.value.to_string()));
    known.is_some_and(|hash| hash.value == parted)
}

/// The newest ones: neighbours among the group's events together, whatever other groups had in between.
fn stretches(mut looked_at: Vec<(u64, bool)>) -> Vec<Range<u64>> {
    looked_at.sort_unstable();
    let of_run = |run: &[(u64, bool)]| match run {
        [(first, true), ..] => Some(*first..run.last().map_or(*first, |(last, _)| *last) + 1),
        _ => None,
    };
    let mut all: Vec<Range<u64>> = looked_at.chunk_by(|a, b| a.1 == b.1).filter_map(of_run).collect();
    all.split_off(all.len().saturating_sub(STRETCHES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_go_together_and_the_newest_first() {
        let check = |looked_at: &[(u64, bool)], expected: &[Range<u64>]| {
            assert_eq!(stretches(looked_at.to_vec()), expected);
        };
        check(&[], &[]);
        check(&[(7, true)], std::slice::from_ref(&(7..8)));
        check(&[(9, true), (3, true), (5, true), (7, false), (1, false)], &[3..6, 9..10]);
        let mixed: Vec<(u64, bool)> = (0..5_000).map(|n| (n, n % 2 == 0)).collect();
        let kept = stretches(mixed);
        assert_eq!((kept.len(), kept.last().cloned()), (STRETCHES, Some(4_998..4_999)));
    }
}
