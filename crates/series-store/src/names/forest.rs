//! The tries of one kind of names, and how they come to be.
//!
//! Each covers a range of ids. New names are searched one by one until the next maintenance; then they
//! become a trie, which is joined with those before that are not much larger. So there are few tries, and
//! a name is moved a few times for each fourfold growth.

use std::ops::Range;
use std::sync::Arc;

use vocabulary::ValueKind;

use super::arena::Snapshot;
use super::table::NameHasher;
use super::trie::{Trie, TrieBuilder};
use super::walk::tree_order;

/// A trie is joined with the one before that has less than so many times its names.
const JOIN_BELOW: usize = 4;
/// A trie of whose names one in so many is gone is made anew.
const GONE_ONE_IN: usize = 4;
/// Names between two looks at whether to go on.
const LOOK_EVERY: usize = 4_096;

/// In order of their ids, without gaps, from 0 on.
#[derive(Clone, Default)]
pub(super) struct Forest {
    pub(super) tries: Arc<Vec<Arc<Trie>>>,
}

impl Forest {
    /// Names from this id on are in no trie.
    pub(super) fn end(&self) -> u32 {
        self.tries.last().map_or(0, |trie| trie.ids.end)
    }

    pub(super) fn bytes(&self) -> usize {
        self.tries.iter().map(|trie| trie.bytes()).sum()
    }

    /// The trie that would have a name.
    pub(super) fn of(&self, id: u32) -> Option<&Trie> {
        self.tries.iter().map(|trie| &**trie).find(|trie| trie.ids.contains(&id))
    }

    pub(super) fn has_job(&self, end: u32) -> bool {
        self.next_job(end).is_some()
    }

    /// Which tries are to be replaced by one over their ids and the new ones up to `end`.
    fn next_job(&self, end: u32) -> Option<Range<usize>> {
        let new = (end - self.end()) as usize;
        if new == 0 {
            let is_thin = |trie: &Arc<Trie>| trie.gone() > 0 && trie.gone() * GONE_ONE_IN >= trie.len();
            return self.tries.iter().position(is_thin).map(|thin| thin..thin + 1);
        }
        let (mut first, mut names) = (self.tries.len(), new);
        while first > 0 && self.tries[first - 1].len() < JOIN_BELOW * names {
            first -= 1;
            names += self.tries[first].len();
        }
        Some(first..self.tries.len())
    }

    /// The forest with one job done, or `None` if there is none or it was broken off. The snapshot must
    /// have the text of all names.
    pub(super) fn grown(
        &self,
        names: &Snapshot,
        kind: ValueKind,
        hasher: &NameHasher,
        go_on: &dyn Fn() -> bool,
    ) -> Option<Forest> {
        let replaced = self.next_job(names.end())?;
        let old = &self.tries[replaced.clone()];
        let mut ids: Vec<u32> = Vec::new();
        for trie in old {
            ids.extend(trie.ids_in_order().into_iter().filter(|id| names.is_alive(*id)));
        }
        let is_last = replaced.end == self.tries.len();
        if is_last {
            let new = names.names_from(self.end(), kind).filter(|(_, name)| !name.contains(';'));
            ids.extend(new.map(|(id, _)| id));
        }
        // The ids of each trie are in order already, which a stable sort makes use of.
        ids.sort_by(|a, b| tree_order(names.name(*a), names.name(*b)));
        let mut builder = TrieBuilder::new(hasher);
        for (at, id) in ids.into_iter().enumerate() {
            if at % LOOK_EVERY == 0 && !go_on() {
                return None;
            }
            builder.add(names.name(id), id);
        }
        let start = old.first().map_or(self.end(), |trie| trie.ids.start);
        let end = old.last().filter(|_| !is_last).map_or(names.end(), |trie| trie.ids.end);
        let mut tries = self.tries.to_vec();
        tries.splice(replaced, [Arc::new(builder.finish(start..end))]);
        Some(Forest { tries: Arc::new(tries) })
    }
}
