//! Finds the segments that describe given residuals in the fewest bits.
//!
//! The sorted residuals are cut into *atoms* of about equally many; then the cheapest way to join
//! neighbouring atoms to segments is found by dynamic programming. What a segment costs: its residuals'
//! share of the bits, and its own description in the model.

use super::model::{Model, SEGMENTS_MAX, Segment, TOTAL, gap_bits, rounded_up, segment_bits, span_bits};

/// Atoms that equally common residuals would make.
const ATOMS: usize = 48;
/// Atoms of a sample, from which only a cost is wanted.
const SAMPLE_ATOMS: usize = 16;
/// Residuals within such a span are counted, not sorted.
const COUNTED_SPAN: u64 = 4096;
/// An atom ends early where the next residual is so many times further than they were apart in it.
const GAP: u64 = 16;

#[derive(Default)]
pub(super) struct Fit {
    sorted: Vec<i64>,
    counts: Vec<u32>,
    atoms: Vec<Atom>,
    /// Per number of leading atoms: the least bits they take, and where the last segment starts.
    best: Vec<(f32, usize)>,
}

#[derive(Clone, Copy)]
struct Atom {
    first: i64,
    last: i64,
    count: u32,
}

impl Atom {
    fn span(self) -> u64 {
        self.last.wrapping_sub(self.first) as u64
    }

    fn join(self, next: Atom) -> Atom {
        Atom { first: self.first, last: next.last, count: self.count + next.count }
    }

    /// Bits of its residuals, when there are `all` of them.
    fn bits(self, all: f32) -> f32 {
        let count = self.count as f32;
        count * (log2(all) - log2(count) + log2(self.span() as f32 + 1.0))
    }
}

/// Good to 0.0002 for normal positive numbers: exponent, and a polynomial for the rest.
fn log2(value: f32) -> f32 {
    let bits = value.to_bits();
    let exponent = (bits >> 23) as f32 - 127.0;
    let m = f32::from_bits(bits & 0x7f_ffff | 0x3f80_0000);
    exponent - 2.498_353 + m * (4.029_211 + m * (-2.078_335_2 + m * (0.626_032_2 - m * 0.078_440_68)))
}

impl Fit {
    /// About how many bits each of these residuals would take, for comparison with others. Sorts them.
    pub(super) fn bits_each(&mut self, residuals: &mut [i64]) -> f32 {
        residuals.sort_unstable();
        self.atoms.clear();
        let mut maker = AtomMaker::new(&mut self.atoms, residuals.len(), SAMPLE_ATOMS);
        for run in residuals.chunk_by(|a, b| a == b) {
            maker.take(run[0], run.len() as u32);
        }
        maker.finish();
        let all = residuals.len() as f32;
        self.atoms.iter().map(|atom| atom.bits(all)).sum::<f32>() / all
    }

    /// Makes the model; returns about how many bits the residuals will take, of which there must be some.
    pub(super) fn fit(&mut self, residuals: &[i64], model: &mut Model) -> usize {
        self.make_atoms(residuals);
        let all = residuals.len() as f32;
        self.join_atoms(all);
        self.write_segments(all, model);
        let bits: f32 = self.atoms.iter().map(|segment| segment.bits(all)).sum();
        bits as usize
    }

    fn make_atoms(&mut self, residuals: &[i64]) {
        self.atoms.clear();
        let mut maker = AtomMaker::new(&mut self.atoms, residuals.len(), ATOMS);
        let (least, most) = residuals.iter().fold((i64::MAX, i64::MIN), |(l, m), r| (l.min(*r), m.max(*r)));
        let span = most.wrapping_sub(least) as u64;
        if span < COUNTED_SPAN {
            self.counts.clear();
            self.counts.resize(span as usize + 1, 0);
            for residual in residuals {
                self.counts[residual.wrapping_sub(least) as usize] += 1;
            }
            for (above, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
                maker.take(least + above as i64, *count);
            }
        } else {
            self.sorted.clear();
            self.sorted.extend_from_slice(residuals);
            self.sorted.sort_unstable();
            for run in self.sorted.chunk_by(|a, b| a == b) {
                maker.take(run[0], run.len() as u32);
            }
        }
        maker.finish();
    }

    /// Leaves the segments in `atoms`.
    fn join_atoms(&mut self, all: f32) {
        self.best.clear();
        self.best.push((0.0, 0));
        for end in 0..self.atoms.len() {
            let mut joined = self.atoms[end];
            let mut best = (f32::INFINITY, end);
            for start in (0..=end).rev() {
                if start < end {
                    joined = self.atoms[start].join(joined);
                }
                let bits = self.best[start].0 + joined.bits(all) + segment_bits(joined.span()) as f32;
                if bits < best.0 {
                    best = (bits, start);
                }
            }
            self.best.push(best);
        }
        let mut segments = Vec::with_capacity(SEGMENTS_MAX);
        let mut end = self.atoms.len();
        while end > 0 {
            let start = self.best[end].1;
            segments.extend(self.atoms[start..end].iter().copied().reduce(Atom::join));
            end = start;
        }
        segments.reverse();
        while segments.len() > SEGMENTS_MAX {
            segments =
                segments.chunks(2).filter_map(|pair| pair.iter().copied().reduce(Atom::join)).collect();
        }
        self.atoms = segments;
    }

    fn write_segments(&mut self, all: f32, model: &mut Model) {
        self.place_borders();
        model.segments.clear();
        let weight = |count: u32| (count as f32 * TOTAL as f32 / all).round().max(1.0) as u32;
        model.segments.extend(self.atoms.iter().map(|atom| Segment {
            first: atom.first,
            span: atom.span(),
            weight: weight(atom.count),
        }));
        settle_weights(&mut model.segments);
    }

    /// Where there is room between two segments, the border may be put so that it is short to describe.
    fn place_borders(&mut self) {
        for at in 0..self.atoms.len() {
            let room = match self.atoms.get(at + 1) {
                Some(next) => next.first.wrapping_sub(self.atoms[at].first) as u64 - 1,
                None => i64::MAX.wrapping_sub(self.atoms[at].first) as u64,
            };
            let atom = &mut self.atoms[at];
            if let Some(span) = rounded_up(atom.span()).filter(|span| *span <= room) {
                atom.last = atom.first.wrapping_add(span as i64);
            }
            if let [atom, next, ..] = &mut self.atoms[at..] {
                close_gap(atom, next);
            }
        }
    }
}

/// A gap is described, unless it is cheaper to let one of its neighbours reach over it.
fn close_gap(atom: &mut Atom, next: &mut Atom) {
    let gap = next.first.wrapping_sub(atom.last) as u64 - 1;
    if gap == 0 {
        return;
    }
    let higher = Atom { last: next.first.wrapping_sub(1), ..*atom };
    let lower = Atom { first: atom.last.wrapping_add(1), ..*next };
    let described = gap_bits(gap) as f32;
    let raise =
        higher.bits(1.0) - atom.bits(1.0) + span_bits(higher.span()) as f32 - span_bits(atom.span()) as f32;
    let sink = lower.bits(1.0) - next.bits(1.0);
    if raise < described && raise <= sink {
        *atom = higher;
    } else if sink < described {
        *next = lower;
    }
}

/// Makes the weights add up: what is missing or too much goes to or comes from the heaviest.
fn settle_weights(segments: &mut [Segment]) {
    let mut sum: u32 = segments.iter().map(|segment| segment.weight).sum();
    while sum != TOTAL {
        let heaviest = segments.iter_mut().max_by_key(|segment| segment.weight);
        let Some(heaviest) = heaviest else { return };
        let before = heaviest.weight;
        heaviest.weight =
            if sum < TOTAL { before + (TOTAL - sum) } else { before - (sum - TOTAL).min(before / 2) };
        sum = sum + heaviest.weight - before;
    }
}

/// Collects residuals, in rising order, to atoms.
struct AtomMaker<'a> {
    atoms: &'a mut Vec<Atom>,
    open: Option<Atom>,
    full: u32,
    atoms_max: usize,
}

impl<'a> AtomMaker<'a> {
    fn new(atoms: &'a mut Vec<Atom>, residuals: usize, wanted: usize) -> AtomMaker<'a> {
        AtomMaker { atoms, open: None, full: (residuals / wanted).max(1) as u32, atoms_max: 2 * wanted }
    }

    fn take(&mut self, residual: i64, count: u32) {
        let new = Atom { first: residual, last: residual, count };
        let alone = count >= self.full;
        self.open = match self.open {
            Some(open) if !alone && !self.is_far(open, residual) => Some(open.join(new)),
            Some(open) => {
                self.atoms.push(open);
                Some(new)
            }
            None => Some(new),
        };
        if self.open.is_some_and(|open| open.count >= self.full) {
            self.atoms.extend(self.open.take());
        }
    }

    fn is_far(&self, open: Atom, residual: i64) -> bool {
        let distance = residual.wrapping_sub(open.last) as u64;
        open.count > 1
            && self.atoms.len() < self.atoms_max
            && distance / GAP > open.span() / u64::from(open.count) + 1
    }

    fn finish(self) {
        self.atoms.extend(self.open);
    }
}
