//! Leave: times in which a person is away, by their own calendar. Their turns go to the next in the list, and to the layers
//! below if that is nobody; if that is nobody either, they stay theirs. What was stays, whatever the calendar says later.

use std::collections::BTreeMap;
use std::sync::Arc;

use state_store::{Row, StateError, StateStore, Transaction};
use vocabulary::Timestamp;

use super::roster::Roster;
use super::schedule::{Schedule, Shift};
use crate::desk::{Desk, Inner};
use crate::limits::{GAPS_AHEAD_SECONDS, MAX_LEAVES};

/// Why is nobody's business: it is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leave {
    pub from: Timestamp,
    pub until: Timestamp,
}

/// By person, in order, with time between them.
pub type Away = BTreeMap<Arc<str>, Vec<Leave>>;

/// A turn of somebody who is away then.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Clash {
    pub start: Timestamp,
    pub end: Timestamp,
    pub schedule: Arc<str>,
    pub person: Arc<str>,
    /// Who is on call instead, in the order in which they are.
    pub stand_ins: Vec<Arc<str>>,
    /// At times there is nobody: they stay on call, and may not answer.
    pub has_gap: bool,
}

/// What is known of people's calendars.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calendars {
    pub away: Arc<Away>,
    /// When each was read for the last time, of those who have one.
    pub read: BTreeMap<Arc<str>, Timestamp>,
}

impl Desk {
    /// Whose calendars were read, and when for the last time.
    pub fn calendars_read(&self) -> BTreeMap<Arc<str>, Timestamp> {
        self.inner.lock().oncall.calendars.read.clone()
    }

    /// What somebody's calendar says now.
    pub fn set_leave(&self, person: &Arc<str>, leave: Vec<Leave>, now: Timestamp) -> Result<(), StateError> {
        self.take_leave(person, leave, Some(now), now)
    }

    /// It says what it said before.
    pub fn leave_is_the_same(&self, person: &Arc<str>, now: Timestamp) -> Result<(), StateError> {
        let known = self.inner.lock().oncall.calendars.away.get(person).cloned().unwrap_or_default();
        self.take_leave(person, known, Some(now), now)
    }

    /// Who has no calendar any more is there.
    pub fn forget_calendar(&self, person: &Arc<str>, now: Timestamp) -> Result<(), StateError> {
        self.take_leave(person, Vec::new(), None, now)
    }

    fn take_leave(
        &self,
        person: &Arc<str>,
        leave: Vec<Leave>,
        read: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let mut inner = self.inner.lock();
        let known = inner.oncall.calendars.away.get(person).cloned().unwrap_or_default();
        let merged = merged(&known, leave, now);
        let is_other = merged != known;
        self.store.transaction(|tx| {
            save_read(tx, person, read)?;
            if is_other { save(tx, person, &merged) } else { Ok(()) }
        })?;
        let Inner { oncall, .. } = &mut *inner;
        match read {
            Some(at) => drop(oncall.calendars.read.insert(person.clone(), at)),
            None => drop(oncall.calendars.read.remove(person)),
        }
        if is_other {
            let away = Arc::make_mut(&mut oncall.calendars.away);
            match merged.is_empty() {
                true => drop(away.remove(person)),
                false => drop(away.insert(person.clone(), merged)),
            }
            self.refresh_roster(&mut inner, now);
            inner.build_roster();
        }
        Ok(())
    }
}

impl Roster {
    /// Turns of the next 30 days whose people are away then, the first that comes first.
    pub(crate) fn clashes(&self, now: Timestamp) -> Vec<Clash> {
        let all = self.schedules.iter().flat_map(|(name, known)| clashes_of(name, &known.schedule, now));
        let mut clashes: Vec<Clash> = all.collect();
        clashes.sort();
        clashes
    }
}

fn clashes_of(name: &Arc<str>, real: &Schedule, now: Timestamp) -> Vec<Clash> {
    let mut clashes = Vec::new();
    if real.away.is_empty() {
        return clashes;
    }
    let meant = Schedule { away: Arc::default(), ..real.clone() };
    for shift in meant.shifts(now, now.plus(GAPS_AHEAD_SECONDS)) {
        let Some(person) = shift.duty.person else { continue };
        let leave = real.away.get(&person).map(|leave| &leave[..]).unwrap_or_default();
        for leave in leave.iter().filter(|it| it.from < shift.end && shift.start < it.until) {
            let (start, end) = (leave.from.max(shift.start), leave.until.min(shift.end));
            clashes.extend(clash(name, real, &person, start, end));
        }
    }
    clashes
}

/// None: somebody has put them on call in their own turn all the same, which says that they are there.
fn clash(
    name: &Arc<str>,
    real: &Schedule,
    person: &Arc<str>,
    start: Timestamp,
    end: Timestamp,
) -> Option<Clash> {
    let mut instead = real.shifts(start, end);
    let is_on_call = |shift: &Shift| shift.duty.person.as_ref() == Some(person);
    let is_in_own_turn = |shift: &Shift| shift.duty.override_id.is_some() && shift.duty.instead_of.is_none();
    instead.retain(|shift| !is_on_call(shift) || !is_in_own_turn(shift));
    let (start, end) = (instead.first()?.start, instead.last()?.end);
    let has_gap = instead.iter().any(|shift| is_on_call(shift) || shift.duty.person.is_none());
    let mut stand_ins: Vec<Arc<str>> = Vec::new();
    for name in instead.iter().filter_map(|shift| shift.duty.person.as_ref()) {
        if name != person && !stand_ins.contains(name) {
            stand_ins.push(name.clone());
        }
    }
    Some(Clash { start, end, schedule: name.clone(), person: person.clone(), stand_ins, has_gap })
}

/// What was until now as it was known then, what is to come as it is known now.
fn merged(known: &[Leave], fresh: Vec<Leave>, now: Timestamp) -> Vec<Leave> {
    let past = known.iter().map(|leave| Leave { until: leave.until.min(now), ..*leave });
    let to_come = fresh.into_iter().map(|leave| Leave { from: leave.from.max(now), ..leave });
    let mut all: Vec<Leave> = past.chain(to_come).filter(|leave| leave.from < leave.until).collect();
    all.sort_unstable();
    let mut merged: Vec<Leave> = Vec::new();
    for leave in all {
        match merged.last_mut().filter(|last| leave.from <= last.until) {
            Some(last) => last.until = last.until.max(leave.until),
            None => merged.push(leave),
        }
    }
    // Of too many the oldest go, so that what comes next is known.
    let beyond = merged.len().saturating_sub(MAX_LEAVES);
    merged.split_off(beyond)
}

impl Calendars {
    pub fn load(store: &StateStore) -> Result<Calendars, StateError> {
        let rows =
            store.query("SELECT person, start, until FROM oncall_leave ORDER BY person, start", &[])?;
        let leave = |row: &Row| Leave { from: Timestamp(row.integer(1)), until: Timestamp(row.integer(2)) };
        let mut away = Away::new();
        for row in &rows {
            away.entry(Arc::from(row.text(0))).or_default().push(leave(row));
        }
        let read = store.query("SELECT person, at FROM oncall_calendar", &[])?;
        let read = read.iter().map(|row| (Arc::from(row.text(0)), Timestamp(row.integer(1)))).collect();
        Ok(Calendars { away: Arc::new(away), read })
    }
}

fn save(tx: &Transaction<'_>, person: &str, leave: &[Leave]) -> Result<(), StateError> {
    tx.execute("DELETE FROM oncall_leave WHERE person = ?1", &[person.into()])?;
    for one in leave {
        tx.execute(
            "INSERT INTO oncall_leave (person, start, until) VALUES (?1, ?2, ?3)",
            &[person.into(), one.from.0.into(), one.until.0.into()],
        )?;
    }
    Ok(())
}

fn save_read(tx: &Transaction<'_>, person: &str, read: Option<Timestamp>) -> Result<(), StateError> {
    match read {
        Some(at) => tx.execute(
            "INSERT OR REPLACE INTO oncall_calendar (person, at) VALUES (?1, ?2)",
            &[person.into(), at.0.into()],
        )?,
        None => tx.execute("DELETE FROM oncall_calendar WHERE person = ?1", &[person.into()])?,
    };
    Ok(())
}
