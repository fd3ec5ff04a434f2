//! More kinds of errors than a day may have: whoever has the public key can make each event one of its own.

use state_store::{Row, StateError, StateStore, Transaction};
use vocabulary::Timestamp;

use crate::event::{Digested, Hash};
use crate::grouping::{NEWEST, Why};
use crate::store::number;

const DAY_SECONDS: i64 = 86_400;
const TITLE: &str = "Too many different errors in one day";

/// How many groups of a project began on its last day, also in a process that is gone: their times are those of events, and tell not.
pub(crate) const TABLES: &str = "CREATE TABLE error_today (project INTEGER PRIMARY KEY, day INTEGER NOT NULL, begun INTEGER NOT NULL) STRICT";

/// How many of something began on this day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Today {
    day: i64,
    begun: usize,
}

impl Today {
    pub fn load(store: &StateStore, project: u64) -> Result<Today, StateError> {
        let rows =
            store.query("SELECT day, begun FROM error_today WHERE project = ?1", &[number(project)])?;
        let of_row = |row: &Row| Today { day: row.integer(0), begun: row.integer(1).unsigned_abs() as usize };
        Ok(rows.first().map(of_row).unwrap_or_default())
    }

    pub fn save(self, tx: &Transaction<'_>, project: u64) -> Result<(), StateError> {
        let sql = "INSERT OR REPLACE INTO error_today (project, day, begun) VALUES (?1, ?2, ?3)";
        tx.execute(sql, &[number(project), self.day.into(), number(self.begun as u64)]).map(drop)
    }

    /// One that began then, in a process that is gone.
    pub fn began(&mut self, at: Timestamp) {
        let day = at.0.div_euclid(DAY_SECONDS);
        if day > self.day {
            *self = Today { day, begun: 0 };
        }
        self.begun += usize::from(day == self.day);
    }

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

    #[test]
    fn a_restart_begins_no_new_day() {
        let mut today = Today::default();
        for at in [5, DAY_SECONDS, DAY_SECONDS + 7] {
            today.began(Timestamp(at));
        }
        assert_eq!(today, Today { day: 1, begun: 2 });
        assert!(
            today.may_begin(3, Timestamp(DAY_SECONDS + 9)) && !today.may_begin(3, Timestamp(DAY_SECONDS + 9))
        );
        let (_directory, store) = crate::tests::store();
        assert_eq!(Today::load(&store, 7).unwrap(), Today::default());
        store.transaction(|tx| today.save(tx, 7)).unwrap();
        assert_eq!(Today::load(&store, 7).unwrap(), today);
    }
}
