//! Following a pattern down the levels of a name.
//!
//! The nodes of the pattern that the next level may have to match are a set of bits. `**` keeps its bit
//! while levels pass, so that every node of the tree is visited once, however many ways lead to it.

use std::cmp::Ordering;

use super::glob::{NodePattern, Pattern};

/// Positions in a pattern that the next level is compared with. At most 128, see [`Pattern::compile`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Positions(u128);

impl Positions {
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn iter(self) -> impl Iterator<Item = usize> {
        let mut left = self.0;
        std::iter::from_fn(move || {
            let at = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (at < 128).then_some(at)
        })
    }

    /// The only position, if there is one only.
    pub(super) fn single(self) -> Option<usize> {
        self.0.is_power_of_two().then(|| self.0.trailing_zeros() as usize)
    }
}

/// What one level did.
pub(super) struct Step {
    /// This node is an answer.
    pub(super) accepted: bool,
    /// What the levels below have to match.
    pub(super) below: Positions,
}

impl Pattern {
    pub(super) fn start(&self) -> Positions {
        self.with_skips(1)
    }

    /// `**` may stand for no level at all, and an empty node always does.
    fn with_skips(&self, mut set: u128) -> Positions {
        for (at, node) in self.nodes.iter().enumerate() {
            let skips = node.any_depth || node.here;
            if set >> at & 1 == 1 && skips && at + 1 < self.nodes.len() {
                set |= 1 << (at + 1);
            }
        }
        Positions(set)
    }

    /// One level down, to a node that matches what `matches` says of a position.
    pub(super) fn step(&self, positions: Positions, matches: impl Fn(usize, &NodePattern) -> bool) -> Step {
        let last = self.nodes.len() - 1;
        let (mut accepted, mut below) = (false, 0u128);
        for at in positions.iter() {
            let node = &self.nodes[at];
            if node.any_depth {
                accepted |= at == last;
                below |= 1 << at;
            }
            if matches(at, node) {
                accepted |= at == last;
                below |= if at == last { 0 } else { 1 << (at + 1) };
            }
        }
        Step { accepted, below: self.with_skips(below) }
    }

    /// The pattern ends in a dot here: the answer is the branch that was reached, with the dot. (The root
    /// has no name that it could follow.)
    pub(super) fn ends_here(&self, positions: Positions) -> bool {
        let last = self.nodes.len() - 1;
        self.nodes[last].here && positions.0 >> last & 1 == 1
    }

    /// Tells which levels of one name are answers.
    pub(super) fn walk_name<'n>(&self, name: &'n str, mut answer: impl FnMut(Answer<'n>)) {
        let mut positions = self.start();
        let mut start = 0;
        if self.ends_here(positions) {
            answer(Answer::Branch(""));
        }
        while !positions.is_empty() {
            let end = name[start..].find('.').map(|at| start + at);
            let label = &name[start..end.unwrap_or(name.len())];
            let step = self.step(positions, |_, node| node.matches(label));
            let Some(end) = end else {
                if step.accepted {
                    answer(Answer::Leaf);
                }
                return;
            };
            if step.accepted {
                answer(Answer::Branch(&name[..end]));
            }
            if self.ends_here(step.below) {
                answer(Answer::Branch(&name[..=end]));
            }
            positions = step.below;
            start = end + 1;
        }
    }
}

pub(super) enum Answer<'n> {
    /// The path, with a dot at its end if the pattern has one.
    Branch(&'n str),
    Leaf,
}

/// Order of the tree: level by level, so that `a.b` comes before `a-b`.
pub(super) fn tree_order(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let same = common_bytes(a, b);
    match (a.get(same), b.get(same)) {
        (Some(x), Some(y)) => (*x != b'.').cmp(&(*y != b'.')).then(x.cmp(y)),
        _ => a.len().cmp(&b.len()),
    }
}

/// How many bytes are the same from the start on.
pub(super) fn common_bytes(a: &[u8], b: &[u8]) -> usize {
    let mut same = 0;
    for (x, y) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        let [x, y] =
            [x, y].map(|eight| u64::from_le_bytes(eight.try_into().expect("eight bytes were asked for")));
        if x != y {
            return same + (x ^ y).trailing_zeros() as usize / 8;
        }
        same += 8;
    }
    same + a[same..].iter().zip(&b[same..]).take_while(|(x, y)| x == y).count()
}
