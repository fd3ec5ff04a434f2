//! What is said of events that are on the disk already: their group was moved, or their time is over. One small file, written
//! anew at each change.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use vocabulary::Timestamp;

use crate::limits::{MOVES, MOVES_OF_ALL};
use crate::record::{u32_at, u64_at};

const MAGIC: [u8; 8] = *b"BWEM\x01\0\0\0";
/// With moves of some events only, which versions before do not know: written where there are such.
const MAGIC_OF_PARTS: [u8; 8] = *b"BWEM\x02\0\0\0";
/// Magic, moves, floors; a checksum at the end.
const HEAD_BYTES: usize = 16;
const MOVE_BYTES: usize = 32;
const PART_BYTES: usize = 40;
const FLOOR_BYTES: usize = 16;

#[derive(Clone, Default, Debug, PartialEq)]
pub struct Marks {
    /// By project, in the order in which they were made.
    moves: BTreeMap<u64, Vec<Move>>,
    /// By project: what is older is not found any more.
    floors: BTreeMap<u64, Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Move {
    from: u64,
    to: u64,
    /// Events with lower numbers moved …
    before: u64,
    /// … from this one on.
    since: u64,
}

impl Marks {
    pub fn add_move(&mut self, project: u64, from: u64, to: u64, numbers: Range<u64>) {
        let Range { start: since, end: before } = numbers;
        let moves = self.moves.entry(project).or_default();
        // A whole group, as far as there are events.
        if since == 0 {
            forget_round_trips(moves, (from, to), before);
        }
        moves.push(Move { from, to, before, since });
    }

    /// For how many more moves of this project there is room, once those are forgotten that no event on the disk is old enough for.
    pub fn room(&self, project: u64, oldest_number: u64) -> usize {
        let held = |moves: &Vec<Move>| moves.iter().filter(|made| made.before > oldest_number).count();
        let of_all: usize = self.moves.values().map(held).sum();
        let of_project = self.moves.get(&project).map_or(0, held);
        MOVES.saturating_sub(of_project).min(MOVES_OF_ALL.saturating_sub(of_all))
    }

    /// Never lower than it was: what was expired is gone.
    pub fn raise_floor(&mut self, project: u64, floor: Timestamp) -> bool {
        let there = self.floors.entry(project).or_insert(Timestamp(i64::MIN));
        let rises = floor > *there;
        *there = floor.max(*there);
        rises
    }

    pub fn floor(&self, project: u64) -> Timestamp {
        self.floors.get(&project).copied().unwrap_or(Timestamp(i64::MIN))
    }

    /// Of moves that no event on the disk is old enough for.
    pub fn forget_moves_before(&mut self, oldest_number: u64) {
        self.moves.values_mut().for_each(|moves| moves.retain(|made| made.before > oldest_number));
        self.moves.retain(|_, moves| !moves.is_empty());
    }

    /// The group that an event belongs to by now.
    pub fn group(&self, project: u64, group: u64, number: u64) -> u64 {
        let moves = self.moves.get(&project).into_iter().flatten();
        moves
            .filter(|made| (made.since..made.before).contains(&number))
            .fold(group, |group, made| if group == made.from { made.to } else { group })
    }

    /// All groups under which events of this one may have been appended.
    pub fn sources(&self, project: u64, group: u64) -> BTreeSet<u64> {
        let mut sources = BTreeSet::from([group]);
        // Backwards: what moved to a group before that one moved on.
        for made in self.moves.get(&project).into_iter().flatten().rev() {
            if sources.contains(&made.to) {
                sources.insert(made.from);
            }
        }
        sources
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let moves =
            self.moves.iter().flat_map(|(project, moves)| moves.iter().map(move |made| (project, made)));
        let has_parts = self.moves.values().flatten().any(|made| made.since > 0);
        let mut out = if has_parts { MAGIC_OF_PARTS } else { MAGIC }.to_vec();
        for count in [self.moves.values().map(Vec::len).sum::<usize>(), self.floors.len()] {
            out.extend_from_slice(&(count as u32).to_le_bytes());
        }
        for (project, Move { from, to, before, since }) in moves {
            let since = has_parts.then_some(since);
            for number in [project, from, to, before].into_iter().chain(since) {
                out.extend_from_slice(&number.to_le_bytes());
            }
        }
        for (project, floor) in &self.floors {
            out.extend_from_slice(&project.to_le_bytes());
            out.extend_from_slice(&floor.0.to_le_bytes());
        }
        let crc = crc32c::crc32c(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    pub fn read(bytes: &[u8]) -> Option<Marks> {
        let (content, crc) = bytes.split_at_checked(bytes.len().checked_sub(4)?)?;
        if content.len() < HEAD_BYTES || crc32c::crc32c(content) != u32_at(crc, 0) {
            return None;
        }
        let (head, rest) = content.split_at(HEAD_BYTES);
        let move_bytes = match &head[..MAGIC.len()] {
            magic if magic == MAGIC => MOVE_BYTES,
            magic if magic == MAGIC_OF_PARTS => PART_BYTES,
            _ => return None,
        };
        let (moves, floors) = rest.split_at_checked((u32_at(head, 8) as usize).checked_mul(move_bytes)?)?;
        if floors.len() != (u32_at(head, 12) as usize).checked_mul(FLOOR_BYTES)? {
            return None;
        }
        let mut marks = Marks::default();
        for made in moves.chunks_exact(move_bytes) {
            let [project, from, to, before] = [0, 8, 16, 24].map(|at| u64_at(made, at));
            let since = if move_bytes == PART_BYTES { u64_at(made, MOVE_BYTES) } else { 0 };
            marks.moves.entry(project).or_default().push(Move { from, to, before, since });
        }
        for floor in floors.chunks_exact(FLOOR_BYTES) {
            marks.floors.insert(u64_at(floor, 0), Timestamp(u64_at(floor, 8) as i64));
        }
        Some(marks)
    }
}

/// What of `from` comes back to `to` was never away, unless it would have been moved meanwhile from where it was or from where it
/// was not.
fn forget_round_trips(moves: &mut Vec<Move>, (from, to): (u64, u64), before: u64) {
    let (mut kept, mut later): (Vec<Move>, Vec<Move>) = (Vec::new(), Vec::new());
    for made in moves.drain(..).rev() {
        let touches = |one: &Move| one.since < made.before && made.since < one.before;
        if (made.from, made.to) == (to, from) && made.before <= before && !later.iter().any(touches) {
            continue;
        }
        if made.from == from || made.from == to {
            later.push(made);
        }
        kept.push(made);
    }
    kept.reverse();
    *moves = kept;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::MARKS_BYTES;

    #[test]
    fn what_goes_and_comes_back_leaves_little_behind() {
        let mut marks = Marks::default();
        for made in 100..200 {
            (0..500).for_each(|n| marks.add_move(1, 10, made, 2 * n..2 * n + 1));
            marks.add_move(1, made, 10, 0..1_000);
        }
        assert_eq!(marks.room(1, 0), MOVES - 100);
        assert_eq!((marks.room(1, 1_000), marks.room(2, 0)), (MOVES, MOVES));
        assert_eq!((marks.group(1, 10, 4), marks.group(1, 199, 4)), (10, 10));
    }

    #[test]
    fn there_is_room_for_so_many_of_one_and_of_all() {
        let mut marks = Marks::default();
        (0..MOVES as u64 + 5).for_each(|n| marks.add_move(1, n + 10, 5, 1..9));
        assert_eq!((marks.room(1, 0), marks.room(2, 0)), (0, MOVES));
        for project in 2..MOVES_OF_ALL as u64 / MOVES as u64 + 1 {
            (0..MOVES as u64).for_each(|n| marks.add_move(project, n + 10, 5, 1..9));
        }
        assert_eq!(marks.room(999, 0), 0);
        assert!((marks.to_bytes().len() as u64) < MARKS_BYTES / 2 + MARKS_BYTES / 4);
    }

    /// Splits and merges by a die, with every move kept beside.
    #[test]
    fn what_is_left_out_changes_no_events_group() {
        let mut die = 88_172_645_463_325_252_u64;
        let mut roll = |sides: u64| {
            die ^= die << 13;
            die ^= die >> 7;
            die ^= die << 17;
            die % sides
        };
        for _ in 0..60 {
            let (mut marks, mut all, mut groups) = (Marks::default(), Vec::new(), vec![1, 2, 3]);
            for made in 10..40 {
                let from = groups[roll(groups.len() as u64) as usize];
                if roll(2) == 0 {
                    let first = roll(40);
                    let stretches = [first..first + 1 + roll(9), first + 12..first + 13 + roll(9)];
                    all.extend(stretches.map(|numbers| (from, made, numbers)));
                    groups.push(made);
                } else if groups.len() > 1 {
                    groups.retain(|group| *group != from);
                    all.push((from, groups[roll(groups.len() as u64) as usize], 0..70));
                }
            }
            for (from, to, numbers) in all.iter().cloned() {
                marks.add_move(1, from, to, numbers);
            }
            for (group, number) in (1..40).flat_map(|group| (0..70).map(move |number| (group, number))) {
                let moves = all.iter().filter(|(.., numbers)| numbers.contains(&number));
                let expected = moves.fold(group, |at, (from, to, _)| if at == *from { *to } else { at });
                assert_eq!(marks.group(1, group, number), expected, "{group} {number} of {all:?}");
            }
        }
    }

    #[test]
    fn groups_are_followed_through_their_moves() {
        let mut marks = Marks::default();
        marks.add_move(1, 10, 20, 0..100);
        marks.add_move(1, 20, 30, 0..200);
        // Into a group that is gone, from then on.
        marks.add_move(1, 40, 10, 0..300);
        assert_eq!(marks.group(1, 10, 99), 30);
        assert_eq!(marks.group(1, 10, 100), 10);
        assert_eq!(marks.group(1, 20, 150), 30);
        assert_eq!(marks.group(1, 40, 5), 10);
        assert_eq!(marks.group(2, 10, 5), 10);
        assert_eq!(marks.sources(1, 30), BTreeSet::from([10, 20, 30]));
        assert_eq!(marks.sources(1, 10), BTreeSet::from([10, 40]));
        marks.forget_moves_before(200);
        assert_eq!((marks.group(1, 10, 99), marks.group(1, 40, 5)), (10, 10));
    }

    #[test]
    fn some_events_of_a_group_move_and_move_on() {
        let mut marks = Marks::default();
        marks.add_move(1, 10, 20, 0..100);
        marks.add_move(1, 20, 30, 50..60);
        marks.add_move(1, 30, 40, 0..200);
        let group = |number| marks.group(1, 10, number);
        assert_eq!((group(49), group(50), group(59), group(60)), (20, 40, 40, 20));
        assert_eq!(marks.sources(1, 40), BTreeSet::from([10, 20, 30, 40]));
    }

    #[test]
    fn they_are_written_and_read() {
        let mut parts = Marks::default();
        parts.add_move(1, 10, 20, 0..100);
        assert!(parts.to_bytes().starts_with(&MAGIC), "as versions before wrote it");
        parts.add_move(1, 20, 30, 50..60);
        assert_eq!(Marks::read(&parts.to_bytes()), Some(parts));
        let mut marks = Marks::default();
        assert_eq!(Marks::read(&marks.to_bytes()), Some(marks.clone()));
        marks.add_move(1, 10, 20, 0..100);
        marks.add_move(7, 10, 20, 0..100);
        assert!(marks.raise_floor(3, Timestamp(50)) && !marks.raise_floor(3, Timestamp(40)));
        assert_eq!((marks.floor(3), marks.floor(4)), (Timestamp(50), Timestamp(i64::MIN)));
        let bytes = marks.to_bytes();
        assert_eq!(Marks::read(&bytes), Some(marks));
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert_eq!((Marks::read(&changed), Marks::read(&bytes[..at])), (None, None), "byte {at}");
        }
    }
}
