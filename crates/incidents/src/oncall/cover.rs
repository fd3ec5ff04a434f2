//! Somebody asks for cover: whoever accepts it first stands in for them, in the turns that are theirs and no others.

use std::sync::Arc;

use state_store::{Row, StateError, Transaction};
use vocabulary::Timestamp;

use super::doing::{check_author, check_override};
use super::schedule::Override;
use super::store;
use crate::desk::{Desk, Failed, Inner};
use crate::limits::MAX_COVERS;
use crate::people::Refusal;

/// What somebody asks for, and who has accepted it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    pub id: i64,
    pub schedule: Arc<str>,
    /// Whose turns are to be covered.
    pub person: Arc<str>,
    pub from: Timestamp,
    pub until: Timestamp,
    pub note: String,
    pub by: String,
    pub at: Timestamp,
    pub taken: Option<Taken>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub by: Arc<str>,
    pub at: Timestamp,
    pub override_id: i64,
}

const COVER: &str = "SELECT id, schedule, person, start, until, note, made_by, at, taken_by, taken_at, override FROM oncall_cover";

fn cover(row: &Row) -> Cover {
    let taken =
        || Taken { by: row.text(8).into(), at: Timestamp(row.integer(9)), override_id: row.integer(10) };
    Cover {
        id: row.integer(0),
        schedule: row.text(1).into(),
        person: row.text(2).into(),
        from: Timestamp(row.integer(3)),
        until: Timestamp(row.integer(4)),
        note: row.text(5).to_owned(),
        by: row.text(6).to_owned(),
        at: Timestamp(row.integer(7)),
        taken: (!row.is_null(8)).then(taken),
    }
}

fn bad<T>(why: String) -> Result<T, Failed> {
    Err(Failed::Refused(Refusal::Bad(why)))
}

impl Cover {
    /// Whoever accepts it stands in from now on at the earliest, and only while it would be their turn.
    fn stand_in(&self, person: &Arc<str>, by: &str, now: Timestamp) -> Override {
        Override {
            id: 0,
            schedule: self.schedule.clone(),
            person: person.clone(),
            in_place_of: Some(self.person.clone()),
            start: self.from.max(now),
            until: self.until,
            by: by.to_owned(),
            at: now,
            note: self.note.clone(),
        }
    }
}

impl Desk {
    /// Returns it with its number.
    pub fn ask_for_cover(&self, mut wanted: Cover) -> Result<Cover, Failed> {
        check_author(&wanted.by)?;
        let now = wanted.at;
        wanted.from = wanted.from.max(now);
        let mut batch = self.batch();
        let inner = &mut *batch.inner;
        self.refresh_roster(inner, now);
        // What could not be accepted is refused at once.
        check_override(inner, &wanted.stand_in(&wanted.person, &wanted.by, now))?;
        if !has_a_turn(inner, &wanted) {
            let Cover { person, schedule, .. } = &wanted;
            return bad(format!(
                "`{person}` is not on call in schedule `{schedule}` then: GET /api/v1/schedules/{schedule}/shifts has the turns"
            ));
        }
        inner.oncall.may_ask(&wanted.by, now).map_err(Failed::Refused)?;
        wanted.id = self.store.transaction(|tx| save(tx, &wanted))?;
        inner.oncall.asked.push((wanted.by.clone(), now));
        inner.incidents.announce_cover_wanted(&wanted, now);
        batch.commit_alone()?;
        Ok(wanted)
    }

    /// Those that are not over, accepted or not.
    pub fn covers(&self, now: Timestamp) -> Result<Vec<Cover>, StateError> {
        let rows =
            self.store.query(&format!("{COVER} WHERE until > ?1 ORDER BY start, id"), &[now.0.into()])?;
        Ok(rows.iter().map(cover).collect())
    }

    /// The first who does has it.
    pub fn accept_cover(
        &self,
        id: i64,
        person: &Arc<str>,
        by: &str,
        now: Timestamp,
    ) -> Result<Cover, Failed> {
        check_author(by)?;
        let mut batch = self.batch();
        let inner = &mut *batch.inner;
        self.refresh_roster(inner, now);
        let mut wanted = self.cover_of(id, now)?;
        if let Some(taken) = &wanted.taken {
            let (by, at) = (taken.by.to_string(), taken.at.0);
            return Err(Failed::Refused(Refusal::Taken { by, at }));
        }
        if *person == wanted.person {
            return bad(format!("`{person}` asks for cover, so it is somebody else who covers"));
        }
        let mut over = wanted.stand_in(person, by, now);
        check_override(inner, &over)?;
        over.id = self.store.transaction(|tx| {
            let override_id = store::save_override(tx, &over)?;
            tx.execute(
                "UPDATE oncall_cover SET taken_by = ?2, taken_at = ?3, override = ?4 WHERE id = ?1",
                &[id.into(), (&**person).into(), now.0.into(), override_id.into()],
            )?;
            Ok(override_id)
        })?;
        wanted.taken = Some(Taken { by: person.clone(), at: now, override_id: over.id });
        inner.stands_in(over);
        inner.incidents.announce_cover(&wanted, person, now);
        batch.commit_alone()?;
        Ok(wanted)
    }

    /// It is not wanted any more. What was accepted is an override, and ends as these do.
    pub fn withdraw_cover(&self, id: i64, now: Timestamp) -> Result<(), Failed> {
        let _inner = self.inner.lock();
        if self.cover_of(id, now)?.taken.is_some() {
            let why = "somebody has accepted it: end the override";
            return Err(Failed::Refused(Refusal::No(why)));
        }
        let sql = "DELETE FROM oncall_cover WHERE id = ?1";
        self.store.transaction(|tx| tx.execute(sql, &[id.into()]))?;
        Ok(())
    }

    fn cover_of(&self, id: i64, now: Timestamp) -> Result<Cover, Failed> {
        let values = [id.into(), now.0.into()];
        let rows = self.store.query(&format!("{COVER} WHERE id = ?1 AND until > ?2"), &values)?;
        rows.first().map(cover).ok_or(Failed::Refused(Refusal::Unknown))
    }
}

/// Also if the calendar knows already that they are away: whoever accepts is asked, and who stands in by the list was not.
fn has_a_turn(inner: &Inner, wanted: &Cover) -> bool {
    let known = inner.incidents.roster().schedules.get(&wanted.schedule);
    let shifts = known.map(|known| known.schedule.shifts(wanted.from, wanted.until)).unwrap_or_default();
    shifts.iter().any(|shift| shift.duty.is_turn_of(&wanted.person))
}

fn save(tx: &Transaction<'_>, wanted: &Cover) -> Result<i64, StateError> {
    tx.execute(
        "INSERT INTO oncall_cover (schedule, person, start, until, note, made_by, at)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            (&*wanted.schedule).into(),
            (&*wanted.person).into(),
            wanted.from.0.into(),
            wanted.until.0.into(),
            wanted.note.as_str().into(),
            wanted.by.as_str().into(),
            wanted.at.0.into(),
        ],
    )?;
    let id = tx.inserted_id();
    tx.execute(
        "DELETE FROM oncall_cover WHERE id NOT IN (SELECT id FROM oncall_cover ORDER BY until DESC LIMIT ?1)",
        &[MAX_COVERS.into()],
    )?;
    Ok(id)
}
