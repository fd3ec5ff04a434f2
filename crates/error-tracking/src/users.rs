//! How many different people: exactly up to a bound, then by a HyperLogLog of 4,096 registers (± 1.6 %).

use crate::limits::MAX_EXACT_USERS;

const INDEX_BITS: u32 = 12;
const REGISTERS: usize = 1 << INDEX_BITS;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Users {
    /// Sorted.
    Exact(Vec<u64>),
    Sketch(Vec<u8>),
}

impl Default for Users {
    fn default() -> Users {
        Users::Exact(Vec::new())
    }
}

impl Users {
    pub fn add(&mut self, user: u64) {
        match self {
            Users::Exact(users) => {
                if let Err(place) = users.binary_search(&user) {
                    users.insert(place, user);
                }
                if users.len() > MAX_EXACT_USERS {
                    self.estimate_from_now();
                }
            }
            Users::Sketch(registers) => note(registers, user),
        }
    }

    fn estimate_from_now(&mut self) {
        if let Users::Exact(users) = self {
            let mut registers = vec![0; REGISTERS];
            users.iter().for_each(|user| note(&mut registers, *user));
            *self = Users::Sketch(registers);
        }
    }

    pub fn count(&self) -> u64 {
        match self {
            Users::Exact(users) => users.len() as u64,
            Users::Sketch(registers) => estimate(registers),
        }
    }

    pub fn join(&mut self, other: &Users) {
        match other {
            Users::Exact(users) => users.iter().for_each(|user| self.add(*user)),
            Users::Sketch(theirs) => {
                self.estimate_from_now();
                if let Users::Sketch(registers) = self {
                    registers.iter_mut().zip(theirs).for_each(|(ours, theirs)| *ours = (*ours).max(*theirs));
                }
            }
        }
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Users::Exact(users) => users.iter().flat_map(|user| user.to_le_bytes()).collect(),
            Users::Sketch(registers) => [&[0xff][..], &registers[..]].concat(),
        }
    }

    /// What is none of ours is nobody.
    pub fn from_bytes(bytes: &[u8]) -> Users {
        if bytes.len() == REGISTERS + 1 {
            return Users::Sketch(bytes[1..].to_vec());
        }
        let whole =
            bytes.chunks_exact(8).filter_map(|chunk| Some(u64::from_le_bytes(chunk.try_into().ok()?)));
        Users::Exact(whole.collect())
    }
}

fn note(registers: &mut [u8], user: u64) {
    let index = (user >> (64 - INDEX_BITS)) as usize;
    // The bit behind the rest bounds the rank.
    let rank = ((user << INDEX_BITS) | 1 << (INDEX_BITS - 1)).leading_zeros() as u8 + 1;
    registers[index] = registers[index].max(rank);
}

fn estimate(registers: &[u8]) -> u64 {
    let size = registers.len() as f64;
    let sum: f64 = registers.iter().map(|rank| 0.5_f64.powi(i32::from(*rank))).sum();
    let raw = 0.7213 / (1.0 + 1.079 / size) * size * size / sum;
    let empty = registers.iter().filter(|rank| **rank == 0).count();
    let by_empty = size * (size / empty.max(1) as f64).ln();
    let is_small = raw <= 2.5 * size && empty > 0;
    (if is_small { by_empty } else { raw }).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spread as hashes are.
    fn hash(n: u64) -> u64 {
        let mixed = (n ^ (n >> 30)).wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    #[test]
    fn few_are_counted_and_many_estimated() {
        let mut users = Users::default();
        for n in 0..100_000 {
            users.add(hash(n));
            users.add(hash(n));
            if [1, 100, 512].contains(&(n + 1)) {
                assert_eq!(users.count(), n + 1);
            }
            if [1_000, 10_000, 100_000].contains(&(n + 1)) {
                let off = users.count() as f64 / (n + 1) as f64 - 1.0;
                assert!(off.abs() < 0.06, "{} of {}", users.count(), n + 1);
            }
        }
    }

    #[test]
    fn they_come_back_and_join() {
        for (ours, theirs) in [(10, 20), (10, 2_000), (2_000, 10), (2_000, 3_000)] {
            let mut one = Users::default();
            (0..ours).for_each(|n| one.add(hash(n)));
            let mut other = Users::default();
            (0..theirs).for_each(|n| other.add(hash(n)));
            one.join(&Users::from_bytes(&other.to_bytes()));
            let all = ours.max(theirs) as f64;
            assert!((one.count() as f64 / all - 1.0).abs() < 0.06, "{ours} and {theirs}: {}", one.count());
        }
        assert_eq!(Users::from_bytes(b"abc").count(), 0);
    }
}
