//! Groups of the Sentry that a project comes from. What people did with them there holds here too: when one of them is seen here for
//! the first time, it is known, not new, and goes on as it was.
//!
//! How events are told apart is not the same there, so a group is known again by its title, without what changes from event to
//! event, and by where it was.

use std::collections::HashSet;

use state_store::{Row, StateError, StateStore, Transaction, Value};
use vocabulary::Timestamp;

use crate::deeds::{Deed, Refusal};
use crate::group::Group;
use crate::grouping::parameterised;
use crate::life::{Fixed, Life, Resolution};
use crate::limits::{MAX_MOVED, MAX_MOVED_AT_ONCE, MAX_NAME, MAX_TITLE, MOVED_TITLE, cut};
use crate::memory::Memory;
use crate::store::{activity, number};
use crate::tracker::Tracker;

pub(crate) const TABLES: &str =
    "CREATE TABLE error_moved (project INTEGER NOT NULL, old TEXT NOT NULL, title TEXT NOT NULL, culprit TEXT NOT NULL,
        life TEXT NOT NULL, assigned TEXT, first_seen INTEGER, n INTEGER NOT NULL, PRIMARY KEY (project, old)) STRICT, WITHOUT ROWID;
     CREATE INDEX error_moved_title ON error_moved (project, title)";

/// As the old side tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MovedGroup {
    /// What people called it there: `WEB-12`.
    pub id: String,
    pub title: String,
    pub culprit: String,
    pub first_seen: Option<i64>,
    pub count: u64,
    /// What was done with it, in order.
    pub deeds: Vec<Deed>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MovedIn {
    pub kept: u64,
    /// Of groups that had begun here, and were left alone by people here.
    pub applied: u64,
}

/// As it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    pub old: String,
    culprit: String,
    life: Life,
    assigned: Option<String>,
    first_seen: Option<i64>,
    count: u64,
}

/// What of a title stays the same from event to event. Old sides cut long ones, in the middle of a word.
fn key(title: &str) -> String {
    let line = title.lines().next().unwrap_or_default().trim();
    let whole = line.strip_suffix("...").or_else(|| line.strip_suffix('…')).unwrap_or(line);
    let short = cut(whole, MOVED_TITLE);
    let is_cut = short.len() < whole.len() || whole.len() < line.len();
    let words = if is_cut { short.rsplit_once(' ').map_or(short, |(words, _)| words) } else { short };
    parameterised(words)
}

/// The one that an event of this title and place is of. Of several the one that is open: nothing is hidden by a guess.
pub(crate) fn find(
    store: &StateStore,
    project: u64,
    title: &str,
    culprit: &str,
) -> Result<Option<Moved>, StateError> {
    let sql = "SELECT old, culprit, life, assigned, first_seen, n FROM error_moved WHERE project = ?1 AND title = ?2";
    let rows = store.query(sql, &[number(project), key(title).into()])?;
    let is_there = |moved: &Moved| moved.culprit == culprit || moved.culprit.is_empty() || culprit.is_empty();
    Ok(rows.iter().filter_map(of_row).filter(is_there).min_by_key(|moved| match moved.life {
        Life::Unresolved => 0,
        Life::Resolved(_) => 1,
        Life::Ignored(_) => 2,
    }))
}

fn of_row(row: &Row) -> Option<Moved> {
    let life = serde_json::from_str(row.text(2));
    let life =
        life.inspect_err(|error| tracing::warn!(%error, "a group that was moved cannot be read")).ok()?;
    Some(Moved {
        old: row.text(0).to_owned(),
        culprit: row.text(1).to_owned(),
        life,
        assigned: (!row.is_null(3)).then(|| row.text(3).to_owned()),
        first_seen: (!row.is_null(4)).then(|| row.integer(4)),
        count: row.integer(5).unsigned_abs(),
    })
}

impl Moved {
    fn new(group: &MovedGroup, by: &str, now: Timestamp) -> Moved {
        let (mut life, mut assigned) = (Life::Unresolved, None);
        for deed in &group.deeds {
            deed.change(&mut life, &mut assigned, by, now, None);
        }
        Moved {
            old: cut(&group.id, MAX_NAME).to_owned(),
            culprit: cut(&group.culprit, MAX_TITLE).to_owned(),
            life,
            assigned,
            first_seen: group.first_seen,
            count: group.count,
        }
    }

    /// The group goes on as it was there. `release`: what it was seen in here, which runs now.
    pub fn give(&self, group: &mut Group, release: Option<&str>) {
        group.detail.moved_from = Some(self.old.clone());
        let first_seen = self.first_seen.map_or(group.first_seen, Timestamp);
        group.first_seen = group.first_seen.min(first_seen);
        if self.assigned.is_some() {
            group.assigned.clone_from(&self.assigned);
        }
        group.detail.life = self.life.clone();
        if let Life::Resolved(Resolution { fixed: Fixed::InNextRelease { after: after @ None }, .. }) =
            &mut group.detail.life
        {
            *after = release.map(str::to_owned);
        }
    }

    pub fn words(&self) -> String {
        format!("{}, {} events there", self.old, self.count)
    }

    fn save(&self, tx: &Transaction<'_>, project: u64, title: &str) -> Result<(), StateError> {
        let sql =
            "INSERT OR REPLACE INTO error_moved (project, old, title, culprit, life, assigned, first_seen, n)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let values: [Value; 8] = [
            number(project),
            self.old.as_str().into(),
            key(title).into(),
            self.culprit.as_str().into(),
            serde_json::to_string(&self.life).unwrap_or_default().into(),
            self.assigned.as_deref().into(),
            self.first_seen.into(),
            number(self.count),
        ];
        tx.execute(sql, &values).map(drop)
    }
}

impl Tracker {
    /// Said again, what was said last counts, for groups that nobody has touched here.
    pub fn move_in(
        &self,
        project: u64,
        groups: &[MovedGroup],
        by: &str,
        now: Timestamp,
    ) -> Result<MovedIn, Refusal> {
        if groups.len() > MAX_MOVED_AT_ONCE {
            return Err(Refusal::Wrong(format!("send {MAX_MOVED_AT_ONCE} groups at once, at most")));
        }
        for (at, group) in groups.iter().enumerate() {
            let without =
                [("id", &group.id), ("title", &group.title)].into_iter().find(|(_, text)| text.is_empty());
            let bad = without.map(|(key, _)| format!("{key}: it is empty"));
            let bad = bad.or_else(|| group.deeds.iter().find_map(|deed| deed.problem(now)));
            if let Some(why) = bad {
                return Err(Refusal::Wrong(format!("groups[{at}] {}: {why}", group.id)));
            }
        }
        let mut memory = self.memory.lock();
        self.flush(&mut memory, now)?;
        let count = "SELECT count(*) FROM error_moved WHERE project = ?1";
        let there = self.store.query(count, &[number(project)])?;
        let there = there.first().map_or(0, |row| row.integer(0).unsigned_abs() as usize);
        if there + groups.len() > MAX_MOVED {
            return Err(Refusal::Wrong(format!("a project takes over {MAX_MOVED} groups at most")));
        }
        self.write(&mut memory, |tx| {
            groups.iter().try_for_each(|group| Moved::new(group, by, now).save(tx, project, &group.title))
        })?;
        let titles = groups.iter().map(|group| key(&group.title)).collect();
        let applied = self.catch_up(&mut memory, project, &titles, now)?;
        Ok(MovedIn { kept: groups.len() as u64, applied })
    }

    /// Groups that began here before they were told of, with one of these titles.
    fn catch_up(
        &self,
        memory: &mut Memory,
        project: u64,
        titles: &HashSet<String>,
        now: Timestamp,
    ) -> Result<u64, Refusal> {
        let sql = "SELECT id, title, culprit FROM error_group WHERE project = ?1 AND merged_into IS NULL AND status = 'unresolved'
            AND NOT EXISTS (SELECT 1 FROM error_activity WHERE grp = error_group.id AND who <> '')";
        let mut changed = Vec::new();
        for row in self.store.query(sql, &[number(project)])? {
            let (id, title, culprit) = (row.integer(0).unsigned_abs(), row.text(1), row.text(2));
            if !titles.contains(&key(title)) {
                continue;
            }
            let Some(moved) = find(&self.store, project, title, culprit)? else { continue };
            let Some(id) = memory.bring(&self.store, id)? else { continue };
            let Some(known) = memory.group(id) else { continue };
            let mut group = known.clone();
            moved.give(&mut group, known.detail.last_release.as_deref());
            if group != *known
                && let Some(known) = memory.change(id)
            {
                *known = group;
                changed.push((id, moved.words()));
            }
        }
        // Nobody has done it here.
        self.write(memory, |tx| {
            changed.iter().try_for_each(|(id, text)| activity(tx, *id, (now, ""), "moved", text))
        })?;
        Ok(changed.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn titles_are_the_same_where_the_old_side_cut_them() {
        let check = |one: &str, other: &str| assert_eq!(key(one), key(other));
        check("ValueError: no user 17", "ValueError: no user 99");
        let long = "OperationalError: connection to server at db failed: the database system is starting up and not accepting";
        check(&format!("{long} connections yet"), &format!("{}...", &long[..100]));
        check("KeyError: 'a'\nmore", "KeyError: 'a'");
        assert_ne!(key("ValueError: no user"), key("ValueError: no order"));
    }
}
