//! The members of a set in an interval. A member is kept as a 64-bit hash: with a million members the
//! chance that any two are taken for one is 3 in 100 million.

use hashbrown::HashTable;

use crate::limits::SET_MEMBERS;

#[derive(Clone, Debug, Default)]
pub struct Members {
    hashes: HashTable<u64>,
}

impl Members {
    /// False if the set is full and does not hold it.
    #[inline]
    pub fn insert(&mut self, hash: u64) -> bool {
        if self.hashes.find(hash, |known| *known == hash).is_some() {
            return true;
        }
        if self.hashes.len() >= SET_MEMBERS {
            return false;
        }
        self.hashes.insert_unique(hash, hash, |hash| *hash);
        true
    }

    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Move the members of `other` to here; each receiver has kept its own to the bound.
    pub fn take(&mut self, other: &mut Members) {
        if self.is_empty() {
            return std::mem::swap(self, other);
        }
        for hash in &other.hashes {
            if self.hashes.find(*hash, |known| known == hash).is_none() {
                self.hashes.insert_unique(*hash, *hash, |hash| *hash);
            }
        }
        other.clear();
    }

    /// Forget the members but not the memory they took, unless it was much more than they needed.
    pub fn clear(&mut self) {
        let used = self.hashes.len();
        self.hashes.clear();
        if self.hashes.capacity() > 1024 && self.hashes.capacity() / 4 > used {
            self.hashes = HashTable::new();
        }
    }
}
