//! How many within the last minutes.

use std::collections::{BTreeMap, HashMap};

use vocabulary::Timestamp;

use super::limits::WINDOW_PARTS;

/// Events, in parts of the window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counts(BTreeMap<i64, u64>);

impl Counts {
    pub fn add(&mut self, count: u64, within: i64, at: Timestamp) {
        *self.0.entry(part(within, at)).or_default() += count;
    }

    pub fn within(&mut self, within: i64, now: Timestamp) -> u64 {
        let oldest = part(within, now.minus(within));
        self.0.retain(|part, _| *part > oldest);
        self.0.values().sum()
    }
}

fn part(within: i64, at: Timestamp) -> i64 {
    at.0.div_euclid((within / WINDOW_PARTS).max(1))
}

/// People, with when each had it last. No more are remembered than decide.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct People(HashMap<u64, i64>);

impl People {
    pub fn add(&mut self, user: u64, (from, within): (u64, i64), now: Timestamp) {
        let is_full = self.0.len() as u64 >= from && !self.0.contains_key(&user);
        if is_full {
            self.within(within, now);
        }
        // With so many there the condition holds, whoever comes.
        if (self.0.len() as u64) < from || self.0.contains_key(&user) {
            self.0.insert(user, now.0);
        } else if let Some(oldest) = self.0.iter().min_by_key(|(_, at)| **at).map(|(user, _)| *user) {
            self.0.remove(&oldest);
            self.0.insert(user, now.0);
        }
    }

    pub fn within(&mut self, within: i64, now: Timestamp) -> u64 {
        self.0.retain(|_, at| now.0 - *at < within);
        self.0.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_old_is_not_counted() {
        let mut counts = Counts::default();
        for second in 0..100 {
            counts.add(1, 60, Timestamp(second));
        }
        assert_eq!(counts.within(60, Timestamp(99)), 60);
        assert_eq!(counts.within(60, Timestamp(139)), 20);
        assert_eq!(counts.within(60, Timestamp(1_000)), 0);
    }

    #[test]
    fn people_count_once_and_are_forgotten() {
        let (mut people, rule) = (People::default(), (3, 60));
        for (user, at) in [(1, 0), (1, 10), (2, 20)] {
            people.add(user, rule, Timestamp(at));
        }
        assert_eq!(people.within(60, Timestamp(20)), 2);
        assert_eq!(people.within(60, Timestamp(75)), 1);
    }

    #[test]
    fn no_more_people_are_held_than_decide() {
        let (mut people, rule) = (People::default(), (3, 60));
        for user in 0..1_000 {
            people.add(user, rule, Timestamp(user as i64 / 100));
        }
        assert_eq!(people.0.len(), 3);
        // The newest ones are those who stay longest.
        assert_eq!(people.within(60, Timestamp(68)), 3);
        assert_eq!(people.within(60, Timestamp(69)), 0);
    }
}
