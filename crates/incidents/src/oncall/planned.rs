//! Turns that stand in a calendar, in the place of a rotation. What was stays, whatever the calendar says later; while it cannot
//! be read, what was known last holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use state_store::{Row, StateError, StateStore, Transaction};
use vocabulary::Timestamp;

use super::config::ScheduleConfig;
use crate::desk::Desk;
use crate::limits::MAX_PLANNED;
use crate::store::{json, read};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    pub from: Timestamp,
    pub until: Timestamp,
    /// The first has the turn, the next has it while that one is not there.
    pub people: Vec<Arc<str>>,
}

/// A layer with a calendar.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LayerName {
    pub schedule: Arc<str>,
    pub layer: Arc<str>,
}

impl std::fmt::Display for LayerName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "schedule `{}`, layer `{}`", self.schedule, self.layer)
    }
}

/// What is known of the calendars of layers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Plans {
    turns: BTreeMap<LayerName, Arc<[Planned]>>,
    /// When each was read for the last time.
    read: BTreeMap<LayerName, Timestamp>,
    /// What is wrong with each, as the last look at it found. In memory only: a start looks at once.
    doubts: BTreeMap<LayerName, Vec<String>>,
}

impl Desk {
    /// Of which layers calendars were read, and when for the last time.
    pub fn plans_read(&self) -> BTreeMap<LayerName, Timestamp> {
        self.inner.lock().oncall.plans.read.clone()
    }

    /// What the calendar of a layer says now: turns in order, one at a time.
    pub fn set_plan(&self, layer: &LayerName, turns: Vec<Planned>, now: Timestamp) -> Result<(), StateError> {
        self.take_plan(layer, turns, Some(now), now)
    }

    /// It says what it said before.
    pub fn plan_is_the_same(&self, layer: &LayerName, now: Timestamp) -> Result<(), StateError> {
        let known = self.inner.lock().oncall.plans.of(&layer.schedule, &layer.layer);
        self.take_plan(layer, known.to_vec(), Some(now), now)
    }

    /// The layer has no calendar any more.
    pub fn forget_plan(&self, layer: &LayerName, now: Timestamp) -> Result<(), StateError> {
        self.take_plan(layer, Vec::new(), None, now)?;
        self.doubt_plan(layer, Vec::new(), now);
        Ok(())
    }

    /// What is wrong with the calendar of a layer is among the warnings of its schedule.
    pub fn doubt_plan(&self, layer: &LayerName, doubts: Vec<String>, now: Timestamp) {
        let mut inner = self.inner.lock();
        let known = inner.oncall.plans.doubts.insert(layer.clone(), doubts);
        if known.unwrap_or_default() != inner.oncall.plans.doubts[layer] {
            self.refresh_roster(&mut inner, now);
            inner.build_roster();
        }
    }

    fn take_plan(
        &self,
        layer: &LayerName,
        turns: Vec<Planned>,
        read: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<(), StateError> {
        let mut inner = self.inner.lock();
        let known = inner.oncall.plans.of(&layer.schedule, &layer.layer);
        let merged = merged(&known, turns, now);
        let is_other = merged != *known;
        self.store.transaction(|tx| {
            save_read(tx, layer, read)?;
            if is_other { save(tx, layer, &merged) } else { Ok(()) }
        })?;
        let plans = &mut inner.oncall.plans;
        match read {
            Some(at) => drop(plans.read.insert(layer.clone(), at)),
            None => drop(plans.read.remove(layer)),
        }
        if is_other {
            plans.turns.insert(layer.clone(), merged.into());
            self.refresh_roster(&mut inner, now);
            inner.build_roster();
        }
        Ok(())
    }
}

/// What was until now as it was known then, what is to come as it is known now. The first that is ever known of holds for all
/// that was before.
fn merged(known: &[Planned], fresh: Vec<Planned>, now: Timestamp) -> Vec<Planned> {
    let past = known.iter().map(|turn| Planned { until: turn.until.min(now), ..turn.clone() });
    let to_come = fresh.into_iter().map(|turn| match known.is_empty() {
        true => turn,
        false => Planned { from: turn.from.max(now), ..turn },
    });
    let mut merged: Vec<Planned> = Vec::new();
    for turn in past.chain(to_come).filter(|turn| turn.from < turn.until) {
        match merged.last_mut().filter(|last| last.until == turn.from && last.people == turn.people) {
            Some(last) => last.until = turn.until,
            None => merged.push(turn),
        }
    }
    let beyond = merged.len().saturating_sub(MAX_PLANNED);
    merged.split_off(beyond)
}

impl Plans {
    pub fn of(&self, schedule: &Arc<str>, layer: &str) -> Arc<[Planned]> {
        let name = LayerName { schedule: schedule.clone(), layer: layer.into() };
        self.turns.get(&name).cloned().unwrap_or_default()
    }

    pub fn warnings_of(&self, config: &ScheduleConfig) -> Vec<String> {
        let of_layer = |name: &LayerName| {
            *name.schedule == *config.name
                && config.with_calendars().any(|(_, layer)| layer.name == *name.layer)
        };
        let doubts = self.doubts.iter().filter(|(name, _)| of_layer(name));
        doubts.flat_map(|(name, said)| said.iter().map(move |one| format!("{name}: {one}"))).collect()
    }

    pub fn load(store: &StateStore) -> Result<Plans, StateError> {
        let name = |row: &Row| LayerName { schedule: row.text(0).into(), layer: row.text(1).into() };
        let sql = "SELECT schedule, layer, start, until, people FROM oncall_planned ORDER BY schedule, layer, start";
        let mut turns: BTreeMap<LayerName, Vec<Planned>> = BTreeMap::new();
        for row in &store.query(sql, &[])? {
            let Some(people) = read::<Vec<String>>(row.text(4), "a turn of a calendar") else { continue };
            let people = people.into_iter().map(Arc::from).collect();
            let (from, until) = (Timestamp(row.integer(2)), Timestamp(row.integer(3)));
            turns.entry(name(row)).or_default().push(Planned { from, until, people });
        }
        let read = store.query("SELECT schedule, layer, at FROM oncall_plan", &[])?;
        Ok(Plans {
            turns: turns.into_iter().map(|(name, turns)| (name, turns.into())).collect(),
            read: read.iter().map(|row| (name(row), Timestamp(row.integer(2)))).collect(),
            doubts: BTreeMap::new(),
        })
    }
}

fn save(tx: &Transaction<'_>, name: &LayerName, turns: &[Planned]) -> Result<(), StateError> {
    let (schedule, layer) = (&*name.schedule, &*name.layer);
    let sql = "DELETE FROM oncall_planned WHERE schedule = ?1 AND layer = ?2";
    tx.execute(sql, &[schedule.into(), layer.into()])?;
    for turn in turns {
        let people: Vec<&str> = turn.people.iter().map(|name| &**name).collect();
        tx.execute(
            "INSERT INTO oncall_planned (schedule, layer, start, until, people) VALUES (?1, ?2, ?3, ?4, ?5)",
            &[schedule.into(), layer.into(), turn.from.0.into(), turn.until.0.into(), json(&people)],
        )?;
    }
    Ok(())
}

fn save_read(tx: &Transaction<'_>, name: &LayerName, read: Option<Timestamp>) -> Result<(), StateError> {
    let (schedule, layer) = ((&*name.schedule).into(), (&*name.layer).into());
    match read {
        Some(at) => tx.execute(
            "INSERT OR REPLACE INTO oncall_plan (schedule, layer, at) VALUES (?1, ?2, ?3)",
            &[schedule, layer, at.0.into()],
        )?,
        None => {
            tx.execute("DELETE FROM oncall_plan WHERE schedule = ?1 AND layer = ?2", &[schedule, layer])?
        }
    };
    Ok(())
}
