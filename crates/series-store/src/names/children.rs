//! How many children each branch of the name tree has, for the guard: a branch is known by a hash only.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use hashbrown::HashTable;

use super::table::NameHasher;

/// Counts by branch. The root is the branch of the empty path.
#[derive(Default)]
pub(super) struct Children {
    counts: HashTable<Count>,
}

/// 64 bits of hash tell branches apart: among 10 million the chance of one shared count is 3 in a million.
#[derive(Clone, Copy)]
struct Count {
    hash: [u32; 2],
    children: u32,
}

impl Count {
    fn hash(self) -> u64 {
        u64::from(self.hash[0]) << 32 | u64::from(self.hash[1])
    }
}

/// The path of the branch that holds `path`; the root's is empty, and holds itself not.
fn parent(path: &str) -> Option<&str> {
    match path.rfind('.') {
        Some(dot) => Some(&path[..dot]),
        None => (!path.is_empty()).then_some(""),
    }
}

impl Children {
    pub(super) fn of(&self, branch: &str, hasher: &NameHasher) -> u32 {
        self.of_hash(hasher.hash(branch.as_bytes()))
    }

    fn of_hash(&self, hash: u64) -> u32 {
        self.counts.find(hash, |count| count.hash() == hash).map_or(0, |count| count.children)
    }

    /// How full the one branch is that would get one more child from a new series; 0 if the node is
    /// there already. Branches that have to be made on the way start with one child.
    pub(super) fn touched_by(&self, name: &str, hasher: &NameHasher, is_leaf: impl Fn(&str) -> bool) -> u32 {
        let mut path = name;
        let mut exists = self.of(name, hasher) > 0;
        while let Some(branch) = parent(path).filter(|_| !exists) {
            let children = self.of(branch, hasher);
            if children > 0 {
                return children;
            }
            exists = is_leaf(branch);
            path = branch;
        }
        0
    }

    /// Counts a series that was not there; `hash` is that of its name. `is_leaf` tells whether a path is a series too.
    pub(super) fn add(&mut self, name: &str, hash: u64, hasher: &NameHasher, is_leaf: impl Fn(&str) -> bool) {
        let mut path = name;
        // A node that was a branch already is no new child.
        let mut exists = self.of_hash(hash) > 0;
        while let Some(branch) = parent(path).filter(|_| !exists) {
            let children = self.change(branch, hasher, 1);
            exists = children > 1 || is_leaf(branch);
            path = branch;
        }
    }

    /// Takes a series out that is gone.
    pub(super) fn remove(
        &mut self,
        name: &str,
        hash: u64,
        hasher: &NameHasher,
        is_leaf: impl Fn(&str) -> bool,
    ) {
        let mut path = name;
        let mut stays = self.of_hash(hash) > 0;
        while let Some(branch) = parent(path).filter(|_| !stays) {
            let children = self.change(branch, hasher, -1);
            stays = children > 0 || is_leaf(branch);
            path = branch;
        }
    }

    fn change(&mut self, branch: &str, hasher: &NameHasher, by: i32) -> u32 {
        let hash = hasher.hash(branch.as_bytes());
        match self.counts.find_entry(hash, |count| count.hash() == hash) {
            Ok(mut entry) => {
                let children = entry.get().children.saturating_add_signed(by);
                entry.get_mut().children = children;
                if children == 0 {
                    entry.remove();
                }
                children
            }
            Err(_) if by > 0 => {
                let count = Count { hash: [(hash >> 32) as u32, hash as u32], children: 1 };
                self.counts.insert_unique(hash, count, |count| count.hash());
                1
            }
            Err(_) => 0,
        }
    }

    /// Hashes of the branches with most children, and how many those are.
    pub(super) fn widest(&self, most: usize) -> HashMap<u64, u32> {
        let mut least_first = BinaryHeap::new();
        for count in &self.counts {
            least_first.push(Reverse((count.children, count.hash())));
            if least_first.len() > most {
                least_first.pop();
            }
        }
        least_first.into_iter().map(|Reverse((children, hash))| (hash, children)).collect()
    }

    pub(super) fn bytes(&self) -> usize {
        (self.counts.capacity() * 8 / 7).next_power_of_two() * (size_of::<Count>() + 1)
    }
}
