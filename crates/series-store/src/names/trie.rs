//! The names of some blocks as a tree that never changes, for globs.
//!
//! Nodes lie level by level, siblings side by side in order of their labels, so that a node needs no more
//! than its label, for a branch where its children start, and for a leaf its id: 8.4 bytes a leaf.
//! Labels are kept once each and sorted: comparing two is comparing their numbers.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use hashbrown::HashTable;

use super::table::NameHasher;
use super::walk::common_bytes;

pub(super) struct Trie {
    /// The untagged names of one kind that have these ids are in here.
    pub(super) ids: Range<u32>,
    labels: Labels,
    /// Label of each node. The first nodes are the children of the root.
    node_labels: Vec<u32>,
    branches: RankedBits,
    /// Of each branch, and at the end the number of nodes: children reach to where the next branch's start.
    first_children: Vec<u32>,
    leaves: RankedBits,
    leaf_ids: Vec<u32>,
    /// Leaves whose names were removed since.
    gone: AtomicUsize,
}

/// Distinct texts in order.
#[derive(Default)]
pub(super) struct Labels {
    text: String,
    ends: Vec<u32>,
}

impl Labels {
    pub(super) fn get(&self, label: u32) -> &str {
        let label = label as usize;
        let start = if label == 0 { 0 } else { self.ends[label - 1] };
        &self.text[start as usize..self.ends[label] as usize]
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len() as u32);
    }

    /// The number of labels for which `below` holds, which must be those at the start.
    fn partition(&self, below: impl Fn(&str) -> bool) -> u32 {
        let (mut low, mut high) = (0, self.len() as u32);
        while low < high {
            let middle = low + (high - low) / 2;
            if below(self.get(middle)) { low = middle + 1 } else { high = middle }
        }
        low
    }

    pub(super) fn find(&self, text: &str) -> Option<u32> {
        let at = self.partition(|label| label < text);
        ((at as usize) < self.len() && self.get(at) == text).then_some(at)
    }

    pub(super) fn with_prefix(&self, prefix: &str) -> Range<u32> {
        self.partition(|label| label < prefix)
            ..self.partition(|label| label < prefix || label.starts_with(prefix))
    }
}

/// Bits, and how many are set before each word of 64.
#[derive(Default)]
struct RankedBits {
    words: Vec<u64>,
    before: Vec<u32>,
}

impl RankedBits {
    fn new(bits: impl ExactSizeIterator<Item = bool>) -> RankedBits {
        let mut ranked = RankedBits { words: vec![0; bits.len().div_ceil(64)], before: Vec::new() };
        for (at, bit) in bits.enumerate() {
            ranked.words[at / 64] |= u64::from(bit) << (at % 64);
        }
        let mut sum = 0;
        ranked.before = ranked
            .words
            .iter()
            .map(|word| {
                let before = sum;
                sum += word.count_ones();
                before
            })
            .collect();
        ranked
    }

    /// How many are set before this one, if this one is.
    fn rank(&self, at: usize) -> Option<usize> {
        let word = self.words[at / 64];
        let below = word & ((1 << (at % 64)) - 1);
        (word >> (at % 64) & 1 == 1).then(|| (self.before[at / 64] + below.count_ones()) as usize)
    }

    fn bytes(&self) -> usize {
        self.words.capacity() * 8 + self.before.capacity() * 4
    }
}

impl Trie {
    pub(super) fn root(&self) -> Range<usize> {
        0..self.first_children.first().map_or(0, |first| *first as usize)
    }

    /// Children of a node; empty for what is a leaf only.
    pub(super) fn children(&self, node: usize) -> Range<usize> {
        match self.branches.rank(node) {
            Some(branch) => self.first_children[branch] as usize..self.first_children[branch + 1] as usize,
            None => 0..0,
        }
    }

    pub(super) fn leaf(&self, node: usize) -> Option<u32> {
        self.leaves.rank(node).map(|leaf| self.leaf_ids[leaf])
    }

    pub(super) fn label(&self, node: usize) -> u32 {
        self.node_labels[node]
    }

    pub(super) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// Of siblings, those whose label is in a range.
    pub(super) fn among(&self, siblings: Range<usize>, labels: &Range<u32>) -> Range<usize> {
        let own = &self.node_labels[siblings.clone()];
        let start = own.partition_point(|label| *label < labels.start);
        let end = start + own[start..].partition_point(|label| *label < labels.end);
        siblings.start + start..siblings.start + end
    }

    /// Number of names.
    pub(super) fn len(&self) -> usize {
        self.leaf_ids.len()
    }

    /// Of them, those that are gone, about: removals while it was made are not counted.
    pub(super) fn gone(&self) -> usize {
        self.gone.load(Relaxed)
    }

    pub(super) fn count_gone(&self) {
        self.gone.fetch_add(1, Relaxed);
    }

    /// All ids in the order of the tree.
    pub(super) fn ids_in_order(&self) -> Vec<u32> {
        let mut ids = Vec::with_capacity(self.len());
        self.collect_ids(self.root(), &mut ids);
        ids
    }

    fn collect_ids(&self, siblings: Range<usize>, ids: &mut Vec<u32>) {
        for node in siblings {
            ids.extend(self.leaf(node));
            self.collect_ids(self.children(node), ids);
        }
    }

    pub(super) fn bytes(&self) -> usize {
        let numbers = self.node_labels.capacity() + self.first_children.capacity() + self.leaf_ids.capacity();
        let labels = self.labels.text.capacity() + self.labels.ends.capacity() * 4;
        size_of::<Trie>() + numbers * 4 + self.branches.bytes() + self.leaves.bytes() + labels
    }
}

const NO_LEAF: u32 = u32::MAX;

/// A node that is being built.
struct Node {
    label: u32,
    /// Index in the next level.
    first_child: u32,
    leaf: u32,
}

/// Takes names in the order of the tree.
pub(super) struct TrieBuilder<'h> {
    levels: Vec<Vec<Node>>,
    before: String,
    labels: Labels,
    /// Numbers of labels in order of their first use.
    known: HashTable<u32>,
    hasher: &'h NameHasher,
}

impl<'h> TrieBuilder<'h> {
    pub(super) fn new(hasher: &'h NameHasher) -> TrieBuilder<'h> {
        TrieBuilder {
            levels: Vec::new(),
            before: String::new(),
            labels: Labels::default(),
            known: HashTable::new(),
            hasher,
        }
    }

    pub(super) fn add(&mut self, name: &str, id: u32) {
        let (mut level, shared) = shared_nodes(&self.before, name);
        for label in name[shared..].split('.') {
            let label = self.label(label);
            if self.levels.len() <= level + 1 {
                self.levels.resize_with(level + 2, Vec::new);
            }
            let first_child = self.levels[level + 1].len() as u32;
            self.levels[level].push(Node { label, first_child, leaf: NO_LEAF });
            level += 1;
        }
        if let Some(node) = self.levels[level - 1].last_mut() {
            node.leaf = id;
        }
        self.before.clear();
        self.before.push_str(name);
    }

    fn label(&mut self, text: &str) -> u32 {
        let hash = self.hasher.hash(text.as_bytes());
        let TrieBuilder { labels, known, hasher, .. } = self;
        if let Some(label) = known.find(hash, |label| labels.get(*label) == text) {
            return *label;
        }
        let label = labels.len() as u32;
        labels.push(text);
        known.insert_unique(hash, label, |label| hasher.hash(labels.get(*label).as_bytes()));
        label
    }

    pub(super) fn finish(self, ids: Range<u32>) -> Trie {
        let TrieBuilder { levels, labels, known, .. } = self;
        drop(known);
        let (labels, numbers) = in_order(labels);
        let nodes: usize = levels.iter().map(Vec::len).sum();
        let mut node_labels = Vec::with_capacity(nodes);
        let (mut is_branch, mut is_leaf) = (Vec::with_capacity(nodes), Vec::with_capacity(nodes));
        let (mut first_children, mut leaf_ids) = (Vec::new(), Vec::new());
        let mut level_end = 0;
        for (index, level) in levels.iter().enumerate() {
            level_end += level.len();
            let below = levels.get(index + 1).map_or(0, Vec::len) as u32;
            for (at, node) in level.iter().enumerate() {
                let end = level.get(at + 1).map_or(below, |next| next.first_child);
                node_labels.push(numbers[node.label as usize]);
                is_branch.push(end > node.first_child);
                is_leaf.push(node.leaf != NO_LEAF);
                if end > node.first_child {
                    first_children.push(level_end as u32 + node.first_child);
                }
                if node.leaf != NO_LEAF {
                    leaf_ids.push(node.leaf);
                }
            }
        }
        first_children.push(nodes as u32);
        first_children.shrink_to_fit();
        leaf_ids.shrink_to_fit();
        let (branches, leaves) =
            (RankedBits::new(is_branch.into_iter()), RankedBits::new(is_leaf.into_iter()));
        Trie {
            ids,
            labels,
            node_labels,
            branches,
            first_children,
            leaves,
            leaf_ids,
            gone: AtomicUsize::new(0),
        }
    }
}

/// How many nodes the start of two names has in common, and where in the second the next one starts.
fn shared_nodes(before: &str, name: &str) -> (usize, usize) {
    let same = common_bytes(before.as_bytes(), name.as_bytes());
    // `before` is whole nodes of `name` if a dot follows.
    let shared = if same == before.len() && same > 0 && name.as_bytes().get(same) == Some(&b'.') {
        same + 1
    } else {
        name.as_bytes()[..same].iter().rposition(|byte| *byte == b'.').map_or(0, |dot| dot + 1)
    };
    (name.as_bytes()[..shared].iter().filter(|byte| **byte == b'.').count(), shared)
}

/// The labels sorted, and for each old number the new one.
fn in_order(labels: Labels) -> (Labels, Vec<u32>) {
    let mut order: Vec<u32> = (0..labels.len() as u32).collect();
    order.sort_unstable_by(|a, b| labels.get(*a).cmp(labels.get(*b)));
    let mut sorted =
        Labels { text: String::with_capacity(labels.text.len()), ends: Vec::with_capacity(order.len()) };
    let mut numbers = vec![0; order.len()];
    for (new, old) in order.into_iter().enumerate() {
        sorted.push(labels.get(old));
        numbers[old as usize] = new as u32;
    }
    (sorted, numbers)
}
