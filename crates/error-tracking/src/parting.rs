//! Which kept events go along when a group is split: those that the hashes find that leave it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use vocabulary::error::StoredEvent;

use crate::digest::digest_stored;
use crate::event::{Digested, HashValue};
use crate::group::Mark;
use crate::limits::{MAX_PARTED_EVENTS, MAX_PARTED_STRETCHES};
use crate::project::Project;

/// A split that is being made: it is shown what is kept of the group.
pub struct Parting<'p> {
    project: &'p Project,
    group: u64,
    pub(crate) leave: BTreeSet<HashValue>,
    pub(crate) stay: BTreeSet<HashValue>,
    /// By their numbers; None: it cannot be read again.
    looked_at: BTreeMap<u64, Option<(Goes, Mark)>>,
}

type Goes = bool;

/// What is kept of both sides.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// Events of the log that go.
    pub numbers: Vec<Range<u64>>,
    pub went: Vec<Mark>,
    /// As far as they were looked at.
    pub stayed: Vec<Mark>,
}

impl<'p> Parting<'p> {
    pub(crate) fn new(project: &'p Project, group: u64) -> Parting<'p> {
        let (leave, stay) = (BTreeSet::new(), BTreeSet::new());
        Parting { project, group, leave, stay, looked_at: BTreeMap::new() }
    }

    pub fn project(&self) -> u64 {
        self.project.id
    }

    /// The one that is split.
    pub fn group(&self) -> u64 {
        self.group
    }

    /// What else there is stays, with all that was counted of it.
    pub fn is_full(&self) -> bool {
        self.looked_at.len() >= MAX_PARTED_EVENTS
    }

    /// Shown twice, an event is one all the same.
    pub fn add(&mut self, stored: &StoredEvent) {
        let is_of_it = stored.key.project == self.project.id && stored.key.group == self.group;
        if is_of_it && !self.looked_at.contains_key(&stored.number) {
            let digested = digest_stored(self.project, stored).ok();
            let seen = digested.map(|event| (self.goes(&event), Mark::of(&event, self.group)));
            self.looked_at.insert(stored.number, seen);
        }
    }

    /// As a new event is grouped: the first hash that is known counts.
    fn goes(&self, event: &Digested) -> Goes {
        let mut hashes = event.hashes.iter().map(|hash| hash.value);
        let known = hashes.find(|hash| self.leave.contains(hash) || self.stay.contains(hash));
        known.is_some_and(|hash| self.leave.contains(&hash))
    }

    pub(crate) fn kept(self) -> Kept {
        let ways = self.looked_at.iter().map(|(number, seen)| (*number, matches!(seen, Some((true, _)))));
        let numbers = stretches(&ways.collect::<Vec<_>>());
        let mut kept = Kept { numbers, ..Kept::default() };
        for (number, seen) in self.looked_at {
            let is_moved = kept.numbers.iter().any(|stretch| stretch.contains(&number));
            match seen {
                Some((_, mark)) if is_moved => kept.went.push(mark),
                Some((_, mark)) => kept.stayed.push(mark),
                None => {}
            }
        }
        kept
    }
}

/// The newest ones: neighbours among the group's events together, whatever other groups had in between.
fn stretches(looked_at: &[(u64, Goes)]) -> Vec<Range<u64>> {
    let of_run = |run: &[(u64, Goes)]| match run {
        [(first, true), ..] => Some(*first..run.last().map_or(*first, |(last, _)| *last) + 1),
        _ => None,
    };
    let mut all: Vec<Range<u64>> = looked_at.chunk_by(|a, b| a.1 == b.1).filter_map(of_run).collect();
    all.split_off(all.len().saturating_sub(MAX_PARTED_STRETCHES))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_go_together_and_the_newest_first() {
        let check = |looked_at: &[(u64, bool)], expected: &[Range<u64>]| {
            assert_eq!(stretches(looked_at), expected);
        };
        check(&[], &[]);
        check(&[(7, true)], std::slice::from_ref(&(7..8)));
        check(&[(1, false), (3, true), (5, true), (7, false), (9, true)], &[3..6, 9..10]);
        let mixed: Vec<(u64, bool)> = (0..5_000).map(|n| (n, n % 2 == 0)).collect();
        let kept = stretches(&mixed);
        assert_eq!((kept.len(), kept.last().cloned()), (MAX_PARTED_STRETCHES, Some(4_998..4_999)));
    }
}
