//! The tries of one kind of names, and how they come to be.
//!
//! Each covers a range of blocks. New names are searched one by one until some blocks of them are full;
//! then they become a trie, and are joined with those before that are not much larger. So there are few
//! tries, and a name is moved about once for each fourfold growth.

use std::ops::Range;
use std::sync::Arc;

use vocabulary::ValueKind;

use super::arena::{Closed, closed_alive, closed_name};
use super::limits::{BLOCK_NAMES, PENDING_BLOCKS};
use super::table::NameHasher;
use super::trie::{Trie, TrieBuilder};
use super::walk::tree_order;

/// A trie is joined with the one before that has less than so many times its names.
const JOIN_BELOW: usize = 4;
/// A trie of whose names one in so many is gone is made anew.
const GONE_ONE_IN: usize = 4;
/// Names between two looks at whether to go on.
const LOOK_EVERY: usize = 4_096;

/// In order of their blocks, without gaps, from block 0 on.
#[derive(Clone, Default)]
pub(super) struct Forest {
    pub(super) tries: Arc<Vec<Arc<Trie>>>,
}

impl Forest {
    /// Names in blocks from here on are in no trie.
    pub(super) fn end(&self) -> usize {
        self.tries.last().map_or(0, |trie| trie.blocks.end)
    }

    pub(super) fn bytes(&self) -> usize {
        self.tries.iter().map(|trie| trie.bytes()).sum()
    }

    /// The trie that has the names of a block.
    pub(super) fn of_block(&self, block: usize) -> Option<&Trie> {
        self.tries.iter().map(|trie| &**trie).find(|trie| trie.blocks.contains(&block))
    }

    /// What to do next: the tries that are replaced, by one over their blocks and perhaps the pending ones.
    fn next_job(&self, closed: &Closed) -> Option<Job> {
        let pending = self.end()..closed.len();
        if pending.len() >= PENDING_BLOCKS {
            let mut names = pending.len() * BLOCK_NAMES;
            let mut first = self.tries.len();
            while first > 0 && self.tries[first - 1].len() < JOIN_BELOW * names {
                first -= 1;
                names += self.tries[first].len();
            }
            return Some(Job { tries: first..self.tries.len(), pending });
        }
        let thin =
            self.tries.iter().position(|trie| trie.gone() > 0 && trie.gone() * GONE_ONE_IN >= trie.len())?;
        Some(Job { tries: thin..thin + 1, pending: pending.start..pending.start })
    }

    /// The forest after one job, or `None` if there is none or it was broken off.
    pub(super) fn grown(
        &self,
        closed: &Closed,
        kind: ValueKind,
        hasher: &NameHasher,
        go_on: &dyn Fn() -> bool,
    ) -> Option<Forest> {
        let Job { tries, pending } = self.next_job(closed)?;
        let mut ids: Vec<u32> = Vec::new();
        for trie in &self.tries[tries.clone()] {
            ids.extend(trie.ids().into_iter().filter(|id| closed_alive(closed, *id)));
        }
        for block in pending.clone() {
            let untagged = closed[block].names(kind).filter(|(_, name)| !name.contains(';'));
            ids.extend(untagged.map(|(at, _)| (block * BLOCK_NAMES + at) as u32));
        }
        let name = |id: u32| closed_name(closed, id).unwrap_or_default();
        // Each trie's ids are in order already, which a stable sort makes use of.
        ids.sort_by(|a, b| tree_order(name(*a), name(*b)));
        let mut builder = TrieBuilder::new(hasher);
        for (at, id) in ids.into_iter().enumerate() {
            if at % LOOK_EVERY == 0 && !go_on() {
                return None;
            }
            builder.add(name(id), id);
        }
        let start = self.tries[tries.clone()].first().map_or(pending.start, |trie| trie.blocks.start);
        let end =
            self.tries[tries.clone()].last().map_or(pending.end, |trie| trie.blocks.end.max(pending.end));
        let mut grown = self.tries.to_vec();
        grown.splice(tries, [Arc::new(builder.finish(start..end))]);
        Some(Forest { tries: Arc::new(grown) })
    }
}

struct Job {
    tries: Range<usize>,
    pending: Range<usize>,
}
