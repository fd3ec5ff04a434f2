//! What the names lock protects: the arena, the id tables, the spellings, and the prediction that
//! makes most look-ups unnecessary.

use std::collections::BTreeSet;
use std::ops::Range;

use hashbrown::HashTable;
use vocabulary::{PointBatch, ValueKind};

use super::Resolved;
use super::arena::Arena;
use super::children::Children;
use super::forest::Forest;
use super::limits::{ALIAS_BYTES_MAX, ALIASES_MAX, LOOKUP_GROUP};
use super::table::{NameHasher, Table};

pub(super) struct State {
    pub(super) arena: Arena,
    pub(super) hasher: NameHasher,
    numbers: Space,
    sketches: Space,
    aliases: Aliases,
    /// Blocks from which names were removed since they were last looked at.
    pub(super) thinned: BTreeSet<usize>,
}

/// The names of one kind.
pub(super) struct Space {
    pub(super) table: Table,
    pub(super) children: Children,
    pub(super) forest: Forest,
}

impl State {
    pub(super) fn new(hasher: NameHasher) -> State {
        let space =
            || Space { table: Table::new(), children: Children::default(), forest: Forest::default() };
        State {
            arena: Arena::new(),
            hasher,
            numbers: space(),
            sketches: space(),
            aliases: Aliases::default(),
            thinned: BTreeSet::new(),
        }
    }

    pub(super) fn space(&self, kind: ValueKind) -> &Space {
        match kind {
            ValueKind::Number => &self.numbers,
            ValueKind::Sketch => &self.sketches,
        }
    }

    pub(super) fn space_mut(&mut self, kind: ValueKind) -> &mut Space {
        match kind {
            ValueKind::Number => &mut self.numbers,
            ValueKind::Sketch => &mut self.sketches,
        }
    }

    /// Live names of both kinds.
    pub(super) fn len(&self) -> usize {
        self.numbers.table.len() + self.sketches.table.len()
    }

    /// A canonical name.
    pub(super) fn find(&self, hash: u64, name: &[u8], kind: ValueKind) -> Option<u32> {
        self.space(kind).table.find(hash, name, &self.arena)
    }

    /// A name in any spelling that was seen before.
    pub(super) fn find_spelling(&self, hash: u64, name: &[u8], kind: ValueKind) -> Option<u32> {
        let alias = || self.aliases.find(hash, name, kind).filter(|id| self.arena.kind(*id) == Some(kind));
        self.find(hash, name, kind).or_else(alias)
    }

    /// Puts a canonical name in, unless it is there: then its id is the error.
    pub(super) fn insert(&mut self, hash: u64, name: &str, kind: ValueKind) -> Result<u32, u32> {
        let State { arena, hasher, numbers, sketches, .. } = self;
        let space = if kind == ValueKind::Number { numbers } else { sketches };
        let id = arena.next_id();
        if let Some(known) = space.table.find_or_insert(hash, name.as_bytes(), id, arena, hasher) {
            return Err(known);
        }
        arena.push(name, kind);
        if !name.contains(';') {
            space.children.add(name, hash, hasher, is_leaf(&space.table, arena, hasher));
        }
        Ok(id)
    }

    /// How many children the branch has that a new series would be added to. Tagged ones are in no tree.
    pub(super) fn siblings(&self, name: &str, kind: ValueKind) -> u32 {
        if name.contains(';') {
            return 0;
        }
        let Space { table, children, .. } = self.space(kind);
        children.touched_by(name, &self.hasher, is_leaf(table, &self.arena, &self.hasher))
    }

    pub(super) fn remove(&mut self, id: u32) -> Option<(String, ValueKind)> {
        let kind = self.arena.kind(id)?;
        let name = self.arena.name(id)?.to_owned();
        let hash = self.hasher.hash(name.as_bytes());
        self.space_mut(kind).table.remove(hash, id);
        if !name.contains(';') {
            let State { arena, hasher, numbers, sketches, .. } = self;
            let space = if kind == ValueKind::Number { numbers } else { sketches };
            space.children.remove(&name, hash, hasher, is_leaf(&space.table, arena, hasher));
        }
        if let Some(trie) = self.space(kind).forest.of(id).filter(|_| !name.contains(';')) {
            trie.count_gone();
        }
        self.thinned.insert(self.arena.remove(id));
        Some((name, kind))
    }

    pub(super) fn reserve(&mut self, kind: ValueKind, count: usize) {
        let State { arena, hasher, numbers, sketches, .. } = self;
        let space = if kind == ValueKind::Number { numbers } else { sketches };
        space.table.reserve(count, arena, hasher);
    }

    /// Remember that `spelling` means the series `id`.
    pub(super) fn add_alias(&mut self, hash: u64, spelling: &[u8], kind: ValueKind, id: u32) {
        let hasher = &self.hasher;
        self.aliases.add(hash, spelling, kind, id, |text| hasher.hash(text));
    }

    pub(super) fn bytes(&self) -> MemoryUse {
        let spaces = [&self.numbers, &self.sketches];
        MemoryUse {
            names: self.arena.bytes() + self.aliases.bytes(),
            table: spaces.iter().map(|space| space.table.bytes()).sum(),
            children: spaces.iter().map(|space| space.children.bytes()).sum(),
            tries: spaces.iter().map(|space| space.forest.bytes()).sum(),
            ..MemoryUse::default()
        }
    }

    /// Looks the names of some points of a batch up. `last` is the series before the first of them;
    /// returns the last one.
    pub(super) fn resolve(
        &self,
        batch: &PointBatch,
        points: Range<usize>,
        kind: ValueKind,
        mut last: Option<u32>,
        out: &mut Vec<Resolved>,
    ) -> Option<u32> {
        let mut at = points.start;
        // Prediction fails once where a client changes its mind, and always for one that has no order:
        // the group doubles until it holds as many names as have their cache misses overlap.
        let mut group = 1;
        while at < points.end {
            let name = batch.get(at).name;
            if let Some(id) = last.and_then(|last| self.predict(last, name, kind)) {
                out.push(Resolved::Known(id));
                last = Some(id);
                group = 1;
                at += 1;
                continue;
            }
            let end = (at + group).min(points.end);
            last = self.look_up(batch, at..end, kind, last, out);
            group = (group * 2).min(LOOKUP_GROUP);
            at = end;
        }
        last
    }

    #[inline]
    fn predict(&self, last: u32, name: &[u8], kind: ValueKind) -> Option<u32> {
        self.arena.successor(last).filter(|next| self.arena.is(*next, name, kind))
    }

    /// Hash all, then probe all, then compare all: misses of the cache in one step do not wait for each other.
    fn look_up(
        &self,
        batch: &PointBatch,
        points: Range<usize>,
        kind: ValueKind,
        mut last: Option<u32>,
        out: &mut Vec<Resolved>,
    ) -> Option<u32> {
        let table = &self.space(kind).table;
        let count = points.len();
        let (mut hashes, mut guesses) = ([0; LOOKUP_GROUP], [None; LOOKUP_GROUP]);
        for (slot, at) in points.clone().enumerate() {
            hashes[slot] = self.hasher.hash(batch.get(at).name);
        }
        for slot in 0..count {
            guesses[slot] = table.guess(hashes[slot]);
        }
        for (slot, at) in points.enumerate() {
            let name = batch.get(at).name;
            let guess = guesses[slot].filter(|id| self.arena.text_is(*id, name));
            let Some(id) = guess.or_else(|| self.find_spelling(hashes[slot], name, kind)) else {
                out.push(Resolved::Unknown);
                continue;
            };
            if let Some(last) = last {
                self.arena.set_successor(last, id);
            }
            last = Some(id);
            out.push(Resolved::Known(id));
        }
        last
    }
}

fn is_leaf<'a>(table: &'a Table, arena: &'a Arena, hasher: &'a NameHasher) -> impl Fn(&str) -> bool + 'a {
    |path| table.find(hasher.hash(path.as_bytes()), path.as_bytes(), arena).is_some()
}

/// Bytes that the names take, by part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryUse {
    /// Texts, successors and marks.
    pub names: usize,
    /// From name to id.
    pub table: usize,
    /// Numbers of children, for the guard.
    pub children: usize,
    /// Tries for globs.
    pub tries: usize,
    /// Postings of tags.
    pub tags: usize,
}

impl MemoryUse {
    pub fn total(&self) -> usize {
        let MemoryUse { names, table, children, tries, tags } = self;
        names + table + children + tries + tags
    }
}

/// Other spellings of known names: a client that sends `a;z=1;b=2` does so each time. A spelling may
/// outlive its series; who finds it looks whether the id is alive.
/// When they are too many, all are forgotten: those in use come back at the price of one `create`.
#[derive(Default)]
struct Aliases {
    text: Vec<u8>,
    rows: Vec<Alias>,
    table: HashTable<u32>,
}

struct Alias {
    start: u32,
    end: u32,
    id: u32,
    kind: ValueKind,
}

impl Aliases {
    fn text(&self, row: u32) -> &[u8] {
        let Alias { start, end, .. } = self.rows[row as usize];
        &self.text[start as usize..end as usize]
    }

    fn find(&self, hash: u64, spelling: &[u8], kind: ValueKind) -> Option<u32> {
        self.find_row(hash, spelling, kind).map(|row| self.rows[row].id)
    }

    fn find_row(&self, hash: u64, spelling: &[u8], kind: ValueKind) -> Option<usize> {
        if self.rows.is_empty() {
            return None;
        }
        let is_it = |row: &u32| self.rows[*row as usize].kind == kind && self.text(*row) == spelling;
        self.table.find(hash, is_it).map(|row| *row as usize)
    }

    fn add(&mut self, hash: u64, spelling: &[u8], kind: ValueKind, id: u32, hasher: impl Fn(&[u8]) -> u64) {
        if let Some(row) = self.find_row(hash, spelling, kind) {
            // The series that it meant is gone.
            self.rows[row].id = id;
            return;
        }
        if self.rows.len() >= ALIASES_MAX || self.text.len() + spelling.len() > ALIAS_BYTES_MAX {
            *self = Aliases::default();
        }
        let start = self.text.len() as u32;
        self.text.extend_from_slice(spelling);
        let row = self.rows.len() as u32;
        self.rows.push(Alias { start, end: self.text.len() as u32, id, kind });
        let Aliases { text, rows, table } = self;
        table.insert_unique(hash, row, |row| {
            let Alias { start, end, .. } = rows[*row as usize];
            hasher(&text[start as usize..end as usize])
        });
    }

    fn bytes(&self) -> usize {
        self.text.capacity() + self.rows.capacity() * size_of::<Alias>() + self.table.capacity() * 6
    }
}
