//! From a name to its id: a hash table that holds ids only and reads the names in the arena.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

use super::arena::Arena;
use super::limits::TABLE_SHARDS;

/// Seeded anew in each process, so that nobody can prepare names that collide.
#[derive(Clone, Default)]
pub(super) struct NameHasher(RandomState);

impl NameHasher {
    #[inline]
    pub(super) fn hash(&self, name: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(name);
        hasher.finish()
    }
}

/// Ids of one kind. In shards, so that growing stops nobody for long and never needs twice the memory.
pub(super) struct Table {
    shards: Vec<HashTable<u32>>,
    len: usize,
}

impl Table {
    pub(super) fn new() -> Table {
        Table { shards: (0..TABLE_SHARDS).map(|_| HashTable::new()).collect(), len: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Neither the low bits, which choose the bucket, nor the top seven, which the table compares first.
    #[inline]
    fn shard(hash: u64) -> usize {
        (hash >> 40) as usize % TABLE_SHARDS
    }

    #[inline]
    pub(super) fn find(&self, hash: u64, name: &[u8], arena: &Arena) -> Option<u32> {
        self.shards[Table::shard(hash)].find(hash, |id| arena.text_is(*id, name)).copied()
    }

    /// An id that is probably it, without a look at the name: wrong once in a hundred times.
    #[inline]
    pub(super) fn guess(&self, hash: u64) -> Option<u32> {
        self.shards[Table::shard(hash)].iter_hash(hash).next().copied()
    }

    /// The id that a name has already, or none and then it has this one, under which it has to be put into
    /// the arena next.
    pub(super) fn find_or_insert(
        &mut self,
        hash: u64,
        name: &[u8],
        id: u32,
        arena: &Arena,
        hasher: &NameHasher,
    ) -> Option<u32> {
        let rehash = |id: &u32| hasher.hash(arena.text(*id).as_bytes());
        match self.shards[Table::shard(hash)].entry(hash, |id| arena.text_is(*id, name), rehash) {
            Entry::Occupied(known) => Some(*known.get()),
            Entry::Vacant(place) => {
                place.insert(id);
                self.len += 1;
                None
            }
        }
    }

    pub(super) fn remove(&mut self, hash: u64, id: u32) {
        if let Ok(entry) = self.shards[Table::shard(hash)].find_entry(hash, |other| *other == id) {
            entry.remove();
            self.len -= 1;
        }
    }

    /// Room for `count` more, so that loading many does not move them again and again.
    pub(super) fn reserve(&mut self, count: usize, arena: &Arena, hasher: &NameHasher) {
        // Shards differ by a few standard deviations of an even spread.
        let each = count / TABLE_SHARDS;
        let each = each + 4 * each.isqrt();
        for shard in &mut self.shards {
            shard.reserve(each, |id| hasher.hash(arena.text(*id).as_bytes()));
        }
    }

    pub(super) fn bytes(&self) -> usize {
        // One control byte and one id per bucket; hashbrown keeps 7 of 8 buckets at most full.
        let buckets: usize =
            self.shards.iter().map(|shard| (shard.capacity() * 8 / 7).next_power_of_two()).sum();
        buckets * 5 + self.shards.capacity() * size_of::<HashTable<u32>>()
    }
}
