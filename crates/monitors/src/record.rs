//! How often each monitor fired, how often that ended by itself, and how often somebody was told: what tells a noisy
//! rule from a useful one. Counted by day.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use state_store::{StateError, StateStore, Transaction};
use vocabulary::Timestamp;
use vocabulary::state::{InstanceId, Notice, NoticeKind, StateChange};

/// What is shown is of so many days.
pub const SHOWN_DAYS: i64 = 30;

const DAY: i64 = 86_400;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Times that it became bad.
    pub fired: u64,
    /// Of those: good again before anybody was told.
    pub healed: u64,
    /// Problem notices.
    pub told: u64,
}

impl Counts {
    fn add(&mut self, other: Counts) {
        self.fired += other.fired;
        self.healed += other.healed;
        self.told += other.told;
    }
}

/// What was counted and is not yet on the disk.
#[derive(Debug, Default)]
pub struct Days(BTreeMap<(Arc<str>, i64), Counts>);

impl Days {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn write(&self, tx: &Transaction<'_>) -> Result<(), StateError> {
        for ((monitor, day), counts) in &self.0 {
            let number = |count: u64| (count as i64).into();
            tx.execute(
                "INSERT INTO monitor_day (monitor, day, fired, healed, told) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (monitor, day) DO UPDATE SET fired = fired + ?3, healed = healed + ?4, told = told + ?5",
                &[(&**monitor).into(), (*day).into(), number(counts.fired), number(counts.healed), number(counts.told)],
            )?;
        }
        Ok(())
    }
}

/// The last days of every monitor.
#[derive(Debug, Default)]
pub struct Record {
    days: HashMap<Arc<str>, BTreeMap<i64, Counts>>,
    /// In trouble, and somebody was told.
    told: HashSet<InstanceId>,
}

impl Record {
    pub fn load(state: &StateStore, now: Timestamp) -> Result<Record, StateError> {
        let sql = "SELECT monitor, day, fired, healed, told FROM monitor_day WHERE day > ?1";
        let mut record = Record::default();
        for row in state.query(sql, &[(now.0 / DAY - SHOWN_DAYS).into()])? {
            let number = |column| row.integer(column).unsigned_abs();
            let counts = Counts { fired: number(2), healed: number(3), told: number(4) };
            record.days.entry(row.text(0).into()).or_default().insert(row.integer(1), counts);
        }
        Ok(record)
    }

    /// Somebody was told of what is in trouble now.
    pub fn told(&mut self, id: &InstanceId) {
        self.told.insert(id.clone());
    }

    /// It counts on the day on which it was seen, which is before we were told where a result was sent later.
    pub fn change(&mut self, change: &StateChange, days: &mut Days) {
        let at = change.seen_since();
        match (change.from.is_problem(), change.to.is_problem()) {
            (false, true) => self.count(&change.id, at, Counts { fired: 1, ..Counts::default() }, days),
            (true, false) => {
                let healed = u64::from(!self.told.remove(&change.id));
                self.count(&change.id, at, Counts { healed, ..Counts::default() }, days);
            }
            _ => {}
        }
    }

    pub fn notice(&mut self, notice: &Notice, days: &mut Days) {
        if notice.kind == NoticeKind::Problem {
            self.told.insert(notice.id.clone());
            self.count(&notice.id, notice.at, Counts { told: 1, ..Counts::default() }, days);
        }
    }

    fn count(&mut self, id: &InstanceId, at: Timestamp, counts: Counts, days: &mut Days) {
        if counts == Counts::default() {
            return;
        }
        let day = at.0.div_euclid(DAY);
        let own = self.days.entry(id.monitor.clone()).or_default();
        own.entry(day).or_default().add(counts);
        own.retain(|kept, _| *kept > day - SHOWN_DAYS);
        days.0.entry((id.monitor.clone(), day)).or_default().add(counts);
    }

    pub fn of(&self, monitor: &str, now: Timestamp) -> Counts {
        let mut all = Counts::default();
        let since = now.0.div_euclid(DAY) - SHOWN_DAYS;
        let days = self.days.get(monitor).into_iter().flatten();
        days.filter(|(day, _)| **day > since).for_each(|(_, counts)| all.add(*counts));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::state::{State, StateType};

    fn change(at: i64, from: State, to: State) -> StateChange {
        StateChange {
            id: InstanceId { monitor: "m".into(), instance: "".into() },
            at: Timestamp(at),
            from,
            from_type: StateType::Hard,
            to,
            to_type: StateType::Hard,
            attempt: 1,
            value: None,
            text: "".into(),
            withheld: None,
            since: None,
            of_sender: None,
        }
    }

    fn notice(at: i64) -> Notice {
        Notice {
            id: InstanceId { monitor: "m".into(), instance: "".into() },
            at: Timestamp(at),
            kind: NoticeKind::Problem,
            state: State::Critical,
            contact: "ana".into(),
            number: 1,
            text: "".into(),
            author: "".into(),
            comment: "".into(),
        }
    }

    #[test]
    fn what_ends_before_anybody_is_told_has_healed_by_itself() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("s.db"), &[crate::store::MIGRATIONS]).unwrap();
        let mut record = Record::default();
        let now = 100 * DAY;
        for told in [false, true] {
            let mut days = Days::default();
            record.change(&change(now, State::Ok, State::Critical), &mut days);
            if told {
                record.notice(&notice(now), &mut days);
            }
            record.change(&change(now + 5, State::Critical, State::Warning), &mut days);
            record.change(&change(now + 9, State::Warning, State::Ok), &mut days);
            state.transaction(|tx| days.write(tx)).unwrap();
        }
        let wanted = Counts { fired: 2, healed: 1, told: 1 };
        assert_eq!(record.of("m", Timestamp(now)), wanted);
        assert_eq!(Record::load(&state, Timestamp(now)).unwrap().of("m", Timestamp(now)), wanted);
        assert_eq!(record.of("m", Timestamp(now + SHOWN_DAYS * DAY)), Counts::default());
    }

    #[test]
    fn what_was_seen_earlier_counts_on_its_own_day() {
        let (mut record, mut days) = (Record::default(), Days::default());
        let now = 100 * DAY;
        let seen = |ago: i64, from, to| StateChange {
            since: Some(Timestamp(now - ago * DAY)),
            ..change(now, from, to)
        };
        for (bad, well) in [(40, 39), (3, 2)] {
            record.change(&seen(bad, State::Ok, State::Critical), &mut days);
            record.change(&seen(well, State::Critical, State::Ok), &mut days);
        }
        let counted: Vec<_> =
            days.0.iter().map(|((_, day), counts)| (100 - day, counts.fired, counts.healed)).collect();
        assert_eq!(counted, [(40, 1, 0), (39, 0, 1), (3, 1, 0), (2, 0, 1)]);
        assert_eq!(record.of("m", Timestamp(now)), Counts { fired: 1, healed: 1, told: 0 }, "of a month");
    }
}
