//! More kinds of errors than a day may have: whoever has the public key can make each event one of its own.

use vocabulary::Timestamp;

use crate::event::{Digested, Hash};
use crate::grouping::{NEWEST, Why};

const DAY_SECONDS: i64 = 86_400;
const TITLE: &str = "Too many different errors in one day";

/// How many of something began on this day.
#[derive(Clone, Debug, Default)]
pub(crate) struct Today {
    day: i64,
    begun: usize,
}

impl Today {
    /// One more?
    pub fn may_begin(&mut self, most: usize, now: Timestamp) -> bool {
        let day = now.0.div_euclid(DAY_SECONDS);
        if self.day != day {
            *self = Today { day, begun: 0 };
        }
        self.begun += 1;
        self.begun <= most
    }
}

/// What all of them are found by. No event has it by itself.
pub(crate) fn hash() -> Hash {
    let why = Why::leaf("others", TITLE);
    Hash { value: why.hash(), version: NEWEST, why }
}

/// The event as one of all those that have no group of their own. It is kept as it is.
pub(crate) fn one_of_many(event: &Digested) -> Digested {
    Digested {
        title: TITLE.to_owned(),
        culprit: String::new(),
        hashes: vec![hash()],
        owner: None,
        ..event.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_day_has_its_own() {
        let mut today = Today::default();
        let mut begun = |at: i64| (0..5).filter(|_| today.may_begin(3, Timestamp(at))).count();
        assert_eq!((begun(100), begun(DAY_SECONDS - 1), begun(DAY_SECONDS)), (3, 0, 3));
    }
}
