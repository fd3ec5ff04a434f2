//! The names themselves, by id, in blocks of 1,024.
//!
//! Ids count up, so a block fills once and is then closed: its text never moves again and can be read
//! without a lock by whoever holds the list of closed blocks. Beside the text a block keeps what is
//! known of each name in atomics: its successor, whether it is gone, and its kind.
//! Searches work on a [`Snapshot`]: the closed blocks, and a copy of what they need of the open one.

use std::cmp::Ordering;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

use vocabulary::ValueKind;

use super::limits::BLOCK_NAMES;

const NONE: u32 = u32::MAX;
const WORDS: usize = BLOCK_NAMES / 64;

pub(super) struct Arena {
    closed: Arc<Vec<Arc<Block>>>,
    open: Block,
    /// Stands for blocks in which no name is alive, so that ids of long ago cost one pointer per 1,024.
    empty: Arc<Block>,
}

#[derive(Default)]
pub(super) struct Block {
    text: String,
    /// End of each name in `text`; one starts where the previous ends.
    ends: Vec<u32>,
    successor: Vec<AtomicU32>,
    gone: [AtomicU64; WORDS],
    sketch: [AtomicU64; WORDS],
}

impl Block {
    fn with_room() -> Block {
        Block {
            successor: (0..BLOCK_NAMES).map(|_| AtomicU32::new(NONE)).collect(),
            ends: Vec::with_capacity(BLOCK_NAMES),
            ..Block::default()
        }
    }

    #[inline]
    fn text(&self, at: usize) -> Option<&str> {
        let end = *self.ends.get(at)?;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        self.text.get(start as usize..end as usize)
    }

    #[inline]
    fn has(bits: &[AtomicU64; WORDS], at: usize) -> bool {
        bits[at / 64].load(Relaxed) >> (at % 64) & 1 == 1
    }

    #[inline]
    fn is(&self, at: usize, kind: ValueKind) -> bool {
        !Block::has(&self.gone, at) && Block::has(&self.sketch, at) == (kind == ValueKind::Sketch)
    }

    fn push(&mut self, name: &str, kind: ValueKind) {
        let at = self.ends.len();
        self.text.push_str(name);
        self.ends.push(self.text.len() as u32);
        if kind == ValueKind::Sketch {
            self.sketch[at / 64].fetch_or(1 << (at % 64), Relaxed);
        }
    }

    fn push_gap(&mut self) {
        let at = self.ends.len();
        self.push("", ValueKind::Number);
        self.gone[at / 64].fetch_or(1 << (at % 64), Relaxed);
    }

    fn alive(&self) -> usize {
        let gone: u32 = self.gone.iter().map(|word| word.load(Relaxed).count_ones()).sum();
        self.ends.len() - gone as usize
    }

    /// Live names of one kind from a place on, with their places.
    fn names(&self, from: usize, kind: ValueKind) -> impl Iterator<Item = (usize, &str)> {
        (from..self.ends.len())
            .filter(move |at| self.is(*at, kind))
            .filter_map(|at| Some((at, self.text(at)?)))
    }

    /// A copy that has the text of names from a place on only, and no successors.
    fn copy_from(&self, at: usize) -> Block {
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        Block {
            text: self.text[start as usize..].to_owned(),
            ends: self.ends.iter().map(|end| end.saturating_sub(start)).collect(),
            successor: Vec::new(),
            gone: copy_bits(&self.gone),
            sketch: copy_bits(&self.sketch),
        }
    }

    /// The same block without the text of names that are gone.
    fn without_gone(&self) -> Block {
        let mut smaller = Block {
            successor: self.successor.iter().map(|next| AtomicU32::new(next.load(Relaxed))).collect(),
            ends: Vec::with_capacity(self.ends.len()),
            gone: copy_bits(&self.gone),
            sketch: copy_bits(&self.sketch),
            ..Block::default()
        };
        for at in 0..self.ends.len() {
            if !Block::has(&self.gone, at) {
                smaller.text.push_str(self.text(at).unwrap_or_default());
            }
            smaller.ends.push(smaller.text.len() as u32);
        }
        smaller.text.shrink_to_fit();
        smaller
    }

    fn bytes(&self) -> usize {
        size_of::<Block>() + self.text.capacity() + 4 * (self.ends.capacity() + self.successor.capacity())
    }

    fn gone_bytes(&self) -> usize {
        let gone = (0..self.ends.len()).filter(|at| Block::has(&self.gone, *at));
        gone.map(|at| self.text(at).map_or(0, str::len)).sum()
    }
}

fn copy_bits(bits: &[AtomicU64; WORDS]) -> [AtomicU64; WORDS] {
    bits.each_ref().map(|word| AtomicU64::new(word.load(Relaxed)))
}

/// Where an id lives.
#[inline]
fn place(id: u32) -> (usize, usize) {
    (id as usize / BLOCK_NAMES, id as usize % BLOCK_NAMES)
}

/// The names at one moment, to be read without the lock. Their text stays here if they are removed.
pub(super) struct Snapshot {
    closed: Arc<Vec<Arc<Block>>>,
    open: Block,
}

impl Snapshot {
    /// The id that was next.
    pub(super) fn end(&self) -> u32 {
        (self.closed.len() * BLOCK_NAMES + self.open.ends.len()) as u32
    }

    fn block(&self, block: usize) -> &Block {
        self.closed.get(block).map_or(&self.open, |block| &**block)
    }

    /// The text of a name that was alive when the snapshot was taken, and not before its first.
    pub(super) fn name(&self, id: u32) -> &str {
        let (block, at) = place(id);
        self.block(block).text(at).unwrap_or_default()
    }

    /// Is the name that has this id still there? In closed blocks this is of now.
    pub(super) fn is_alive(&self, id: u32) -> bool {
        let (block, at) = place(id);
        let block = self.block(block);
        at < block.ends.len() && !Block::has(&block.gone, at)
    }

    /// Live names of one kind from an id on.
    pub(super) fn names_from(&self, id: u32, kind: ValueKind) -> impl Iterator<Item = (u32, &str)> {
        let (first, from) = place(id);
        (first..=self.closed.len()).flat_map(move |block| {
            let names = self.block(block).names(if block == first { from } else { 0 }, kind);
            names.map(move |(at, name)| ((block * BLOCK_NAMES + at) as u32, name))
        })
    }
}

impl Arena {
    pub(super) fn new() -> Arena {
        Arena { closed: Arc::default(), open: Block::with_room(), empty: Arc::default() }
    }

    /// The id that the next name gets.
    pub(super) fn next_id(&self) -> u32 {
        (self.closed.len() * BLOCK_NAMES + self.open.ends.len()) as u32
    }

    /// Is there an id left? They are never reused; at a thousand new names a second they last 49 days
    /// of nothing but new names, and 4,294 times `max_series` of a million.
    pub(super) fn is_full(&self) -> bool {
        self.closed.len() + 1 >= NONE as usize / BLOCK_NAMES
    }

    pub(super) fn push(&mut self, name: &str, kind: ValueKind) -> u32 {
        let id = self.next_id();
        self.open.push(name, kind);
        self.close_if_full();
        id
    }

    /// Leave out ids, as after the removal of the names that had them.
    pub(super) fn skip_to(&mut self, id: u32) {
        while self.next_id() < id {
            if self.open.ends.is_empty() && id - self.next_id() >= BLOCK_NAMES as u32 {
                Arc::make_mut(&mut self.closed).push(self.empty.clone());
            } else {
                self.open.push_gap();
                self.close_if_full();
            }
        }
    }

    fn close_if_full(&mut self) {
        if self.open.ends.len() == BLOCK_NAMES {
            let mut full = std::mem::replace(&mut self.open, Block::with_room());
            full.text.shrink_to_fit();
            let full = if full.alive() == 0 { self.empty.clone() } else { Arc::new(full) };
            Arc::make_mut(&mut self.closed).push(full);
        }
    }

    /// All names now; of those before `id` perhaps not the text.
    pub(super) fn snapshot(&self, id: u32) -> Snapshot {
        let (block, at) = place(id);
        let at = match block.cmp(&self.closed.len()) {
            Ordering::Less => 0,
            Ordering::Equal => at.min(self.open.ends.len()),
            Ordering::Greater => self.open.ends.len(),
        };
        Snapshot { closed: self.closed.clone(), open: self.open.copy_from(at) }
    }

    #[inline]
    fn find(&self, id: u32) -> (&Block, usize) {
        let (block, at) = place(id);
        (self.closed.get(block).map_or(&self.open, |block| &**block), at)
    }

    /// Text of a live name.
    pub(super) fn name(&self, id: u32) -> Option<&str> {
        let (block, at) = self.located(id)?;
        (!Block::has(&block.gone, at)).then(|| block.text(at)).flatten()
    }

    fn located(&self, id: u32) -> Option<(&Block, usize)> {
        (id < self.next_id()).then(|| self.find(id)).filter(|(block, at)| *at < block.ends.len())
    }

    pub(super) fn kind(&self, id: u32) -> Option<ValueKind> {
        let (block, at) = self.located(id).filter(|(block, at)| !Block::has(&block.gone, *at))?;
        Some(if Block::has(&block.sketch, at) { ValueKind::Sketch } else { ValueKind::Number })
    }

    /// Does this id stand for this name?
    #[inline]
    pub(super) fn is(&self, id: u32, name: &[u8], kind: ValueKind) -> bool {
        let (block, at) = self.find(id);
        block.text(at).is_some_and(|text| text.as_bytes() == name) && block.is(at, kind)
    }

    /// Only the text, for the table of one kind, in which no dead name is.
    #[inline]
    pub(super) fn text_is(&self, id: u32, name: &[u8]) -> bool {
        let (block, at) = self.find(id);
        block.text(at).is_some_and(|text| text.as_bytes() == name)
    }

    #[inline]
    pub(super) fn text(&self, id: u32) -> &str {
        let (block, at) = self.find(id);
        block.text(at).unwrap_or_default()
    }

    /// The id that came after this one the last time.
    #[inline]
    pub(super) fn successor(&self, id: u32) -> Option<u32> {
        let (block, at) = self.find(id);
        let next = block.successor.get(at)?.load(Relaxed);
        (next != NONE).then_some(next)
    }

    #[inline]
    pub(super) fn set_successor(&self, id: u32, next: u32) {
        let (block, at) = self.find(id);
        if let Some(successor) = block.successor.get(at)
            && successor.load(Relaxed) != next
        {
            successor.store(next, Relaxed);
        }
    }

    /// Marks a name as gone. Its text stays until its block, whose number this returns, is reclaimed.
    pub(super) fn remove(&self, id: u32) -> usize {
        let (block, at) = self.find(id);
        block.gone[at / 64].fetch_or(1 << (at % 64), Relaxed);
        place(id).0
    }

    pub(super) fn is_closed(&self, block: usize) -> bool {
        block < self.closed.len()
    }

    /// Gives the text of removed names back, if it is a quarter of a block or more.
    pub(super) fn reclaim(&mut self, block: usize) {
        let Some(thinned) = self.closed.get(block).filter(|block| !block.ends.is_empty()) else { return };
        let smaller = if thinned.alive() == 0 {
            self.empty.clone()
        } else if thinned.gone_bytes() * 4 >= thinned.text.len() {
            Arc::new(thinned.without_gone())
        } else {
            return;
        };
        Arc::make_mut(&mut self.closed)[block] = smaller;
    }

    pub(super) fn bytes(&self) -> usize {
        let closed: usize = self.closed.iter().map(|block| block.bytes()).sum();
        closed + self.open.bytes() + self.closed.capacity() * size_of::<Arc<Block>>()
    }
}
