//! Every difference that is known: told when it is new and when it is gone, and counted in between.

use std::collections::HashMap;

use super::report::Difference;

/// Beyond this they are only counted: nobody reads on, and memory is bounded.
const MOST_KEPT: usize = 200_000;

/// What makes two sightings the same difference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    subject: String,
    kind: super::report::Kind,
    step: i64,
    window: i64,
}

struct Known {
    difference: Difference,
    /// Epoch seconds.
    first_seen: i64,
    first_round: u64,
    round: u64,
}

#[derive(Default)]
pub struct Ledger {
    known: HashMap<Key, Known>,
    round: u64,
    pub not_kept: u64,
}

/// A difference, and since when it is known.
pub struct Told<'l> {
    pub difference: &'l Difference,
    pub first_seen: i64,
    pub new: bool,
}

impl Ledger {
    pub fn begin(&mut self) {
        self.round += 1;
        self.not_kept = 0;
    }

    /// Is it new?
    pub fn see(&mut self, difference: Difference, now: i64) -> bool {
        let Difference { step, window, kind, .. } = difference;
        let key = Key { subject: difference.subject.clone(), kind, step, window };
        if let Some(known) = self.known.get_mut(&key) {
            (known.round, known.difference) = (self.round, difference);
            return false;
        }
        if self.known.len() >= MOST_KEPT {
            self.not_kept += 1;
            return false;
        }
        let round = self.round;
        self.known.insert(key, Known { difference, first_seen: now, first_round: round, round });
        true
    }

    /// Those that were not seen again in this round.
    pub fn end(&mut self) -> Vec<(Difference, i64)> {
        let round = self.round;
        let gone = self.known.extract_if(|_, known| known.round != round);
        let mut gone: Vec<_> = gone.map(|(_, known)| (known.difference, known.first_seen)).collect();
        gone.sort_by(|a, b| a.0.subject.cmp(&b.0.subject));
        gone
    }

    pub fn new_in_round(&self) -> usize {
        self.known.values().filter(|known| known.first_round == self.round).count()
    }

    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Those that mean something: not what is expected to differ.
    pub fn real(&self) -> usize {
        self.known.values().filter(|known| !known.difference.expected).count()
    }

    /// Does any of its stored points differ?
    pub fn knows(&self, series: &str) -> Option<&Difference> {
        let known = self.known.values().map(|known| &known.difference);
        known.filter(|difference| !difference.expected).find(|difference| difference.subject == series)
    }

    pub fn all(&self) -> Vec<Told<'_>> {
        let mut all: Vec<Told<'_>> = self
            .known
            .values()
            .map(|known| Told {
                difference: &known.difference,
                first_seen: known.first_seen,
                new: known.first_round == self.round,
            })
            .collect();
        all.sort_by(|a, b| {
            (&a.difference.subject, a.difference.step).cmp(&(&b.difference.subject, b.difference.step))
        });
        all
    }
}
