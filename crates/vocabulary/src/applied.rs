//! Which numbers of a sender's batches have been taken: ranges, since they come nearly in order.

use std::collections::BTreeMap;
use std::fmt;

/// An agent that sends its backlog while fresh batches overtake it makes two; more come from interrupted ones.
const MAX_RANGES: usize = 1_000;

/// First and last of each range; no two touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied(BTreeMap<u64, u64>);

impl Applied {
    pub fn contains(&self, number: u64) -> bool {
        self.0.range(..=number).next_back().is_some_and(|(_, last)| number <= *last)
    }

    pub fn insert(&mut self, number: u64) {
        if self.contains(number) {
            return;
        }
        let after = number.checked_add(1).and_then(|next| self.0.remove(&next));
        let last = after.unwrap_or(number);
        match self.0.range_mut(..number).next_back() {
            Some((_, end)) if end.checked_add(1) == Some(number) => *end = last,
            _ => drop(self.0.insert(number, last)),
        }
        if self.0.len() > MAX_RANGES {
            self.0.pop_first();
        }
    }

    /// Nothing below this number will be asked for again.
    pub fn forget_below(&mut self, number: u64) {
        while self.0.first_key_value().is_some_and(|(_, last)| *last < number) {
            self.0.pop_first();
        }
    }

    /// The highest number that is remembered.
    pub fn last(&self) -> Option<u64> {
        self.0.last_key_value().map(|(_, last)| *last)
    }

    /// `1-5,9-9`
    pub fn parse(text: &str) -> Applied {
        let range = |part: &str| {
            let (first, last) = part.split_once('-')?;
            Some((first.parse().ok()?, last.parse().ok()?))
        };
        Applied(text.split(',').filter_map(range).collect())
    }
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{first}-{last}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_grow_together() {
        let mut applied = Applied::default();
        let check = |applied: &Applied, text: &str| {
            assert_eq!((applied.to_string().as_str(), &Applied::parse(text)), (text, applied));
        };
        check(&applied, "");
        for (number, wanted) in [
            (5, "5-5"),
            (7, "5-5,7-7"),
            (6, "5-7"),
            (6, "5-7"),
            (1, "1-1,5-7"),
            (8, "1-1,5-8"),
            (4, "1-1,4-8"),
        ] {
            applied.insert(number);
            check(&applied, wanted);
        }
        assert_eq!((applied.last(), Applied::default().last()), (Some(8), None));
        assert!([1, 4, 8].iter().all(|number| applied.contains(*number)));
        assert!([0, 2, 3, 9].iter().all(|number| !applied.contains(*number)));
        applied.forget_below(2);
        check(&applied, "4-8");
        applied.forget_below(6);
        check(&applied, "4-8");
        applied.insert(u64::MAX);
        assert!(applied.contains(u64::MAX));
        for number in 0..3_000 {
            applied.insert(number * 2 + 100);
        }
        assert!(applied.0.len() <= MAX_RANGES);
    }
}
