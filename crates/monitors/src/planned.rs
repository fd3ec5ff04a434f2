//! When planned time was in effect, kept when it is over: trouble within it does not count against availability.
//!
//! A downtime is written with its coming end as it begins, and again if somebody ends it earlier, so that a restart
//! leaves none open.

use std::collections::{BTreeMap, HashMap};

use state_store::{StateError, StateStore, Transaction};

use crate::limits::MAX_LISTED;
use crate::machine::{Downtime, Machine, ObjectName};
use crate::store::{name_of, parts_of};

/// One downtime's time in effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedRow {
    id: u64,
    of: ObjectName,
    began: i64,
    ended: i64,
}

/// From when to when, in seconds since 1970.
pub type Spans = HashMap<ObjectName, Vec<(i64, i64)>>;

/// Those in effect now.
#[derive(Debug, Default)]
pub struct PlannedTimes(BTreeMap<u64, PlannedRow>);

impl PlannedTimes {
    /// As they are after a start: they stand in the database already.
    pub fn of(machine: &Machine) -> PlannedTimes {
        PlannedTimes(in_effect(machine).collect())
    }

    /// What is to be written, as downtimes began and ended.
    pub fn changed(&mut self, machine: &Machine, now: i64) -> Vec<PlannedRow> {
        let current: BTreeMap<u64, PlannedRow> = in_effect(machine).collect();
        let began = current.values().filter(|row| !self.0.contains_key(&row.id)).cloned();
        let over = self.0.values().filter(|row| !current.contains_key(&row.id));
        let over = over.map(|row| PlannedRow { ended: row.ended.min(now), ..row.clone() });
        let rows = began.chain(over).collect();
        self.0 = current;
        rows
    }
}

fn in_effect(machine: &Machine) -> impl Iterator<Item = (u64, PlannedRow)> {
    let downtimes = machine.downtimes().filter(|downtime| downtime.in_effect);
    downtimes.map(|downtime| {
        let (began, ended) = span(downtime);
        (downtime.id, PlannedRow { id: downtime.id, of: machine.name(downtime.object), began, ended })
    })
}

/// One that was entered later holds from then: what had happened is not planned after the fact.
fn span(downtime: &Downtime) -> (i64, i64) {
    match downtime.fixed {
        true => (downtime.start.max(downtime.entered), downtime.end),
        false => (downtime.began, downtime.began.saturating_add(downtime.duration)),
    }
}

pub fn write(tx: &Transaction<'_>, row: &PlannedRow) -> Result<(), StateError> {
    let (kind, name, instance) = parts_of(&row.of);
    tx.execute(
        "INSERT INTO monitor_planned (id, kind, name, instance, began, ended) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (id) DO UPDATE SET ended = ?6",
        &[
            (row.id as i64).into(),
            kind.into(),
            name.into(),
            instance.into(),
            row.began.into(),
            row.ended.into(),
        ],
    )?;
    Ok(())
}

/// All that reach into a window; of very many the newest.
pub fn between(state: &StateStore, from: i64, until: i64) -> Result<Spans, StateError> {
    let sql = "SELECT kind, name, instance, began, ended FROM monitor_planned
         WHERE ended > ?1 AND began < ?2 ORDER BY ended DESC LIMIT ?3";
    let mut spans = Spans::new();
    for row in state.query(sql, &[from.into(), until.into(), (MAX_LISTED as i64).into()])? {
        let of = name_of(row.text(0), row.text(1), row.text(2));
        spans.entry(of).or_default().push((row.integer(3).max(from), row.integer(4).min(until)));
    }
    Ok(spans)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CheckConfig, CheckType, Definitions};
    use crate::machine::{Command, Happenings, NewDowntime};
    use vocabulary::Timestamp;

    fn machine() -> Machine {
        let check = CheckConfig { name: "disk".into(), kind: CheckType::Passive, ..CheckConfig::default() };
        let all = Definitions { checks: vec![check], ..Definitions::default() };
        Machine::new(&all, jiff::tz::TimeZone::UTC).unwrap()
    }

    fn plan(machine: &mut Machine, start: i64, end: i64, now: i64) -> u64 {
        let object = machine.check("disk").unwrap();
        let new = NewDowntime {
            object,
            start,
            end,
            fixed: true,
            duration: 0,
            triggered_by: None,
            author: "ana".into(),
            comment: "".into(),
        };
        let mut out = Happenings::default();
        machine.command(Command::ScheduleDowntime(new), Timestamp(now), &mut out).unwrap();
        machine.downtimes().map(|downtime| downtime.id).max().unwrap()
    }

    #[test]
    fn planned_time_is_known_after_it_is_over_and_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("s.db"), &[crate::store::MIGRATIONS]).unwrap();
        let mut machine = machine();
        let mut times = PlannedTimes::default();
        let keep = |times: &mut PlannedTimes, machine: &Machine, now: i64| {
            let rows = times.changed(machine, now);
            state.transaction(|tx| rows.iter().try_for_each(|row| write(tx, row))).unwrap();
            rows.len()
        };
        plan(&mut machine, 5_000, 6_000, 1_000);
        assert_eq!(keep(&mut times, &machine, 1_000), 0, "it has not begun");
        // Begins later than it was to: from when it was entered.
        plan(&mut machine, 900, 3_000, 1_000);
        assert_eq!(keep(&mut times, &machine, 1_000), 1);
        let of = ObjectName::Check("disk".into());
        assert_eq!(between(&state, 0, 10_000).unwrap()[&of], [(1_000, 3_000)]);
        // A restart: nothing is written twice, and its end still is.
        times = PlannedTimes::of(&machine);
        assert_eq!(keep(&mut times, &machine, 1_500), 0);
        let mut out = Happenings::default();
        let id = machine.downtimes().find(|one| one.in_effect).unwrap().id;
        machine.command(Command::CancelDowntime { id }, Timestamp(2_000), &mut out).unwrap();
        assert_eq!(keep(&mut times, &machine, 2_000), 1);
        assert_eq!(between(&state, 0, 10_000).unwrap()[&of], [(1_000, 2_000)]);
        assert_eq!(between(&state, 1_500, 1_800).unwrap()[&of], [(1_500, 1_800)]);
        machine.tick(Timestamp(5_000), &mut out);
        keep(&mut times, &machine, 5_000);
        assert_eq!(between(&state, 2_000, 10_000).unwrap()[&of], [(5_000, 6_000)]);
        assert!(between(&state, 6_000, 7_000).unwrap().is_empty());
    }
}
