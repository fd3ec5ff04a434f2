//! What people do with groups, but for splitting them. Each is in the tables when its call returns.

use state_store::{Row, StateError, Transaction};
use vocabulary::Timestamp;
use vocabulary::ports::EventLogError;

use crate::group::Group;
use crate::life::{Fixed, Ignored, Life, Resolution, Until, is_release};
use crate::limits::{MAX_MERGED, MAX_NAME, MAX_TAG_VALUE, cut};
use crate::memory::Memory;
use crate::pending::OTHER;
use crate::people;
use crate::store::{activity, number};
use crate::tracker::Tracker;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    Resolve,
    ResolveIn { release: String },
    ResolveInNext,
    Ignore { until: Until },
    Reopen,
    Assign { to: Option<String> },
}

/// Why it is not done.
#[derive(Debug)]
pub enum Refusal {
    NoSuchGroup(u64),
    Wrong(String),
    State(StateError),
    /// The events could not be read, or moved.
    Log(EventLogError),
}

impl From<StateError> for Refusal {
    fn from(error: StateError) -> Refusal {
        Refusal::State(error)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refusal::NoSuchGroup(id) => write!(f, "there is no error group {id}"),
            Refusal::Wrong(why) => f.write_str(why),
            Refusal::State(error) => error.fmt(f),
            Refusal::Log(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Refusal {}

impl Deed {
    pub(crate) fn problem(&self, now: Timestamp) -> Option<String> {
        match self {
            Deed::Resolve | Deed::ResolveInNext | Deed::Reopen => None,
            Deed::ResolveIn { release } => (!is_release(release)).then(|| "name a release".to_owned()),
            Deed::Ignore { until } => until.problem(now),
            Deed::Assign { to } => {
                let is_bad = to.as_ref().is_some_and(|to| to.is_empty() || to.len() > MAX_NAME);
                is_bad.then(|| "name a person or a team".to_owned())
            }
        }
    }

    /// `newest`: the newest release of this moment.
    pub(crate) fn change(
        &self,
        life: &mut Life,
        assigned: &mut Option<String>,
        by: &str,
        now: Timestamp,
        newest: Option<String>,
    ) {
        let resolved = |fixed: Fixed| Life::Resolved(Resolution { at: now.0, by: by.to_owned(), fixed });
        match self {
            Deed::Resolve => *life = resolved(Fixed::Now { release: newest }),
            Deed::ResolveIn { release } => *life = resolved(Fixed::InRelease { release: release.clone() }),
            Deed::ResolveInNext => *life = resolved(Fixed::InNextRelease { after: newest }),
            Deed::Ignore { until } => *life = Life::Ignored(Ignored::new(until.clone(), by, now)),
            Deed::Reopen => *life = Life::Unresolved,
            Deed::Assign { to } => assigned.clone_from(to),
        }
    }

    fn words(&self) -> (&'static str, String) {
        match self {
            Deed::Resolve => ("resolved", String::new()),
            Deed::ResolveIn { release } => ("resolved", format!("in {release}")),
            Deed::ResolveInNext => ("resolved", "in the next release".to_owned()),
            Deed::Ignore { .. } => ("ignored", String::new()),
            Deed::Reopen => ("reopened", String::new()),
            Deed::Assign { to: Some(to) } => ("assigned", to.clone()),
            Deed::Assign { to: None } => ("unassigned", String::new()),
        }
    }
}

impl Tracker {
    /// The group as it is afterwards.
    pub fn act(&self, id: u64, deed: &Deed, by: &str, now: Timestamp) -> Result<Group, Refusal> {
        if let Some(why) = deed.problem(now) {
            return Err(Refusal::Wrong(why));
        }
        let mut memory = self.memory.lock();
        let id = self.present(&mut memory, id)?;
        let project = memory.group(id).map_or(0, |group| group.project);
        memory.know(&self.store, project)?;
        let newest = memory.releases(project).newest().map(str::to_owned);
        let group = memory.change(id).ok_or(Refusal::NoSuchGroup(id))?;
        let before = group.clone();
        deed.change(&mut group.detail.life, &mut group.assigned, by, now, newest);
        if !matches!(deed, Deed::Assign { .. }) {
            group.detail.regressed_at = None;
        }
        let after = group.clone();
        let (kind, text) = deed.words();
        let done = self.write(&mut memory, |tx| activity(tx, id, (now, by), kind, &text));
        if let Err(error) = done {
            // What is not kept has not been done.
            if let Some(group) = memory.change(id) {
                *group = before;
            }
            return Err(error.into());
        }
        Ok(after)
    }

    /// The events of `from` are those of `into` from now on. Answers which groups the log is to move.
    pub fn merge(&self, into: u64, from: &[u64], by: &str, now: Timestamp) -> Result<Vec<u64>, Refusal> {
        if from.is_empty() || from.len() > MAX_MERGED {
            return Err(Refusal::Wrong(format!("name 1 to {MAX_MERGED} groups to merge")));
        }
        let mut memory = self.memory.lock();
        let into = self.present(&mut memory, into)?;
        let project = memory.group(into).map_or(0, |group| group.project);
        memory.know(&self.store, project)?;
        let mut others = Vec::new();
        for id in from {
            let id = self.present(&mut memory, *id)?;
            let Some(group) = memory.group(id).cloned() else { continue };
            if group.project != project {
                return Err(Refusal::Wrong("groups of two projects cannot be one".to_owned()));
            }
            if id != into && others.iter().all(|other: &Group| other.id != id) {
                others.push(group);
            }
        }
        let releases = memory.releases(project).clone();
        let mut whole = memory.group(into).cloned().ok_or(Refusal::NoSuchGroup(into))?;
        others.iter().for_each(|other| whole.absorb(other, &releases));
        let moved: Vec<u64> = others.iter().map(|other| other.id).collect();
        self.write(&mut memory, |tx| {
            crate::store::save_group(tx, &whole)?;
            for other in &others {
                merge_rows(tx, project, other.id, into)?;
                people::merge(tx, project, other.id, into)?;
                activity(tx, into, (now, by), "merged", &other.title)?;
            }
            Ok(())
        })?;
        // What is in memory of them is old.
        moved.iter().chain([&into]).for_each(|id| memory.forget(*id));
        Ok(moved)
    }

    /// Every group that is part of another one, as (project, group, whole).
    pub fn merged(&self) -> Result<Vec<(u64, u64, u64)>, StateError> {
        let sql = "SELECT project, id, merged_into FROM error_group WHERE merged_into IS NOT NULL";
        let id = |row: &Row, at| row.integer(at).unsigned_abs();
        let rows = self.store.query(sql, &[])?;
        Ok(rows.iter().map(|row| (id(row, 0), id(row, 1), id(row, 2))).collect())
    }

    /// The value of a tag that says who somebody is becomes one of the others: what was counted stays. `key`: as for
    /// [`hash_of_user`](crate::hash_of_user).
    pub fn forget_person(&self, project: u64, key: &str, value: &str) -> Result<(), StateError> {
        let mut memory = self.memory.lock();
        self.write(&mut memory, |tx| forget_tag(tx, project, key, cut(value, MAX_TAG_VALUE)))
    }

    /// In memory; of a merged one the whole.
    pub(crate) fn present(&self, memory: &mut Memory, id: u64) -> Result<u64, Refusal> {
        memory.bring(&self.store, id)?.ok_or(Refusal::NoSuchGroup(id))
    }

    /// With all that waits, in one transaction.
    pub(crate) fn write(
        &self,
        memory: &mut Memory,
        work: impl FnOnce(&Transaction<'_>) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        self.store.transaction(|tx| {
            memory.save(tx)?;
            work(tx)
        })?;
        memory.saved();
        Ok(())
    }
}

fn forget_tag(tx: &Transaction<'_>, project: u64, key: &str, value: &str) -> Result<(), StateError> {
    if value == OTHER {
        return Ok(());
    }
    let whose = "project = ?1 AND value = ?2 AND key IN ('user', ?3, 'user.' || ?3)";
    let values = [number(project), value.into(), key.into(), OTHER.into()];
    let counted = format!(
        "INSERT INTO error_tag (project, grp, key, value, n, last_seen)
            SELECT project, grp, key, ?4, n, last_seen FROM error_tag WHERE {whose}
            ON CONFLICT DO UPDATE SET n = n + excluded.n, last_seen = max(last_seen, excluded.last_seen)"
    );
    tx.execute(&counted, &values)?;
    tx.execute(&format!("DELETE FROM error_tag WHERE {whose}"), &values[..3]).map(drop)
}

fn merge_rows(tx: &Transaction<'_>, project: u64, from: u64, into: u64) -> Result<(), StateError> {
    let ids = [number(project), number(from), number(into)];
    for sql in [
        "INSERT INTO error_count (project, grp, step, at, release, environment, n)
            SELECT project, ?3, step, at, release, environment, n FROM error_count WHERE project = ?1 AND grp = ?2
            ON CONFLICT DO UPDATE SET n = n + excluded.n",
        "INSERT INTO error_tag (project, grp, key, value, n, last_seen)
            SELECT project, ?3, key, value, n, last_seen FROM error_tag WHERE project = ?1 AND grp = ?2
            ON CONFLICT DO UPDATE SET n = n + excluded.n, last_seen = max(last_seen, excluded.last_seen)",
        "UPDATE error_hash SET grp = ?3 WHERE project = ?1 AND grp = ?2",
        "UPDATE error_group SET merged_into = ?3 WHERE project = ?1 AND (id = ?2 OR merged_into = ?2)",
    ] {
        tx.execute(sql, &ids)?;
    }
    for table in ["error_count", "error_tag"] {
        let sql = format!("DELETE FROM {table} WHERE project = ?1 AND grp = ?2");
        tx.execute(&sql, &ids[..2])?;
    }
    let sql = "UPDATE error_activity SET grp = ?2 WHERE grp = ?1";
    tx.execute(sql, &ids[1..]).map(drop)
}
