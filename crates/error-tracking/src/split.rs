//! One group becomes two, with all that was counted of it, in one transaction; the log is told of it after that, or at the next start.
//!
//! Whose the counts are is known of events that are kept. Where one of the two has all of its events there, the rest is the other's,
//! exactly. Where both have lost some, those of the new group stay with the old one in all but their number, and both say so.

use std::collections::BTreeSet;
use std::ops::Range;

use state_store::{Row, StateError, Transaction};
use vocabulary::Timestamp;
use vocabulary::error::EventId;
use vocabulary::ports::EventLogError;

use crate::carry::Way;
use crate::deeds::Refusal;
use crate::event::HashValue;
use crate::group::{Group, Mark, Unparted};
use crate::parting::{Kept, Parting};
use crate::pending::STEPS;
use crate::project::Project;
use crate::release::Releases;
use crate::store::{activity, number, save_group};
use crate::tracker::Tracker;
use crate::users::Users;

/// Splits of which the log is not known to have heard.
pub(crate) const TABLES: &str =
    "CREATE TABLE error_parted (made INTEGER PRIMARY KEY, project INTEGER NOT NULL, old INTEGER NOT NULL,
    numbers TEXT NOT NULL) STRICT";

/// Events of `old` with these numbers belong to `made`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Split {
    pub project: u64,
    pub old: u64,
    pub made: u64,
    pub numbers: Vec<Range<u64>>,
}

/// Hashes of one side.
#[derive(Debug)]
struct Side {
    hashes: BTreeSet<HashValue>,
    count: u64,
    first: Timestamp,
    last: Timestamp,
}

impl Side {
    fn of(rows: &[&Row]) -> Side {
        Side {
            hashes: rows.iter().filter_map(|row| Some(HashValue(row.bytes(0).try_into().ok()?))).collect(),
            count: rows.iter().map(|row| row.integer(1).unsigned_abs()).sum(),
            first: Timestamp(rows.iter().map(|row| row.integer(2)).min().unwrap_or(i64::MAX)),
            last: Timestamp(rows.iter().map(|row| row.integer(3)).max().unwrap_or(i64::MIN)),
        }
    }
}

impl Tracker {
    /// What is found by these hashes is to be another group. It is to be shown the events that are kept, the newest first.
    pub fn parting<'p>(
        &self,
        project: &'p Project,
        id: u64,
        hashes: &[HashValue],
        now: Timestamp,
    ) -> Result<Parting<'p>, Refusal> {
        let mut memory = self.memory.lock();
        let id = self.present(&mut memory, id)?;
        self.flush(&mut memory, now)?;
        let mut parting = Parting::new(project, id);
        let (leave, stay) = self.sides(id, &hashes.iter().copied().collect())?;
        (parting.leave, parting.stay) = (leave.hashes, stay.hashes);
        Ok(parting)
    }

    /// Answers the new group; [`finish_splits`](Tracker::finish_splits) is next. `look_again`: shows it what has come since it was
    /// shown the rest. Nothing comes while it looks.
    pub fn split<'p>(
        &self,
        mut parting: Parting<'p>,
        look_again: impl FnOnce(&mut Parting<'p>) -> Result<(), EventLogError>,
        by: &str,
        now: Timestamp,
    ) -> Result<u64, Refusal> {
        let mut memory = self.memory.lock();
        if self.present(&mut memory, parting.group())? != parting.group() {
            let why = "it has become part of another group in this moment: look at that one";
            return Err(Refusal::Wrong(why.to_owned()));
        }
        self.flush(&mut memory, now)?;
        memory.know(&self.store, parting.project())?;
        let (leave, stay) = self.sides(parting.group(), &parting.leave)?;
        parting.stay.clone_from(&stay.hashes);
        look_again(&mut parting).map_err(Refusal::Log)?;
        let id = parting.group();
        let before = memory.group(id).cloned().ok_or(Refusal::NoSuchGroup(id))?;
        let releases = memory.releases(before.project).clone();
        let names = (memory.next_group(), memory.next_number(before.project));
        let kept = parting.kept();
        let halves = Halves::of(before, names, &kept, (&leave, &stay), &releases);
        let made = halves.new.id;
        self.write(&mut memory, |tx| halves.save(tx, &kept, &leave, (now, by), &releases))?;
        memory.forget(id);
        Ok(made)
    }

    /// Those that leave and those that stay.
    fn sides(&self, group: u64, leave: &BTreeSet<HashValue>) -> Result<(Side, Side), Refusal> {
        let sql = "SELECT hash, n, first_seen, last_seen FROM error_hash WHERE grp = ?1";
        let rows = self.store.query(sql, &[number(group)])?;
        let (leave, stay): (Vec<&Row>, Vec<&Row>) =
            rows.iter().partition(|row| leave.iter().any(|hash| hash.0[..] == *row.bytes(0)));
        if leave.is_empty() || stay.is_empty() {
            let why = "name some of the group's hashes, and leave it one at least";
            return Err(Refusal::Wrong(why.to_owned()));
        }
        Ok((Side::of(&leave), Side::of(&stay)))
    }

    /// Has the log told of all splits that it may not have heard of: of one twice, if a kill came in between. Answers how many.
    pub fn finish_splits(
        &self,
        mut tell: impl FnMut(&Split) -> Result<(), EventLogError>,
    ) -> Result<usize, Refusal> {
        let rows =
            self.store.query("SELECT project, old, made, numbers FROM error_parted ORDER BY made", &[])?;
        for row in &rows {
            let id = |column| row.integer(column).unsigned_abs();
            let numbers: Vec<(u64, u64)> = serde_json::from_str(row.text(3)).unwrap_or_default();
            let numbers = numbers.into_iter().map(|(first, end)| first..end).collect();
            let split = Split { project: id(0), old: id(1), made: id(2), numbers };
            tell(&split).map_err(Refusal::Log)?;
            self.store.transaction(|tx| {
                tx.execute("DELETE FROM error_parted WHERE made = ?1", &[number(split.made)]).map(drop)
            })?;
        }
        Ok(rows.len())
    }
}

/// Both groups as they are to be.
#[derive(Debug)]
struct Halves {
    old: Group,
    new: Group,
    /// All events of the old one are kept, so what is not theirs is the new one's.
    is_old_whole: bool,
    /// Of the one that has what cannot be told apart: its releases and environments are those that it has counts of.
    has_rest: bool,
}

impl Halves {
    fn of(
        before: Group,
        (id, own_number): (u64, u64),
        kept: &Kept,
        (leave, stay): (&Side, &Side),
        releases: &Releases,
    ) -> Halves {
        let (went, stayed) = (kept.went.len() as u64, kept.stayed.len() as u64);
        let new_count = leave.count.max(went).min(before.count);
        let old_count = before.count - new_count;
        // What it has of others cannot be told from what it has of its own.
        let is_old_whole = before.detail.unparted.is_empty() && stayed == old_count;
        let is_new_whole = went == new_count;

        let mut new = Group { id, number: own_number, hashes: leave.hashes.len(), ..before.clone() };
        new.detail.unparted.clear();
        let mut old = Group { hashes: stay.hashes.len(), ..before.clone() };
        match is_old_whole && !is_new_whole {
            true => new.keep_rest(&before, (&kept.went, &kept.stayed), (leave, stay), releases),
            false => new.have_only(&kept.went, leave, releases),
        }
        match is_old_whole {
            true => old.have_only(&kept.stayed, stay, releases),
            false => old.keep_rest(&before, (&kept.stayed, &kept.went), (stay, leave), releases),
        }
        if before.detail.moved_from.is_some() {
            old.first_seen = before.first_seen;
        }
        (new.count, old.count) = (new_count, old_count);
        let has_rest = !(is_old_whole && is_new_whole);
        let mut halves = Halves { old, new, is_old_whole, has_rest };
        if has_rest {
            halves.say_what_is_unparted(kept);
        }
        halves
    }

    fn say_what_is_unparted(&mut self, kept: &Kept) {
        let only = |marks: &[Mark], others: &[Mark]| {
            let theirs: BTreeSet<u64> = others.iter().filter_map(|mark| mark.user).collect();
            let users = marks.iter().filter_map(|mark| mark.user).filter(|user| !theirs.contains(user));
            users.collect::<BTreeSet<u64>>().len() as u64
        };
        let (old, new) = (self.old.id, self.new.id);
        let unparted = |group, is_here, events, users| Unparted { group, is_here, events, users };
        let (of_new, of_old) = match self.is_old_whole {
            true => (unparted(old, true, 0, only(&kept.stayed, &kept.went)), None),
            false => {
                let events = self.new.count.saturating_sub(kept.went.len() as u64);
                let users = only(&kept.went, &kept.stayed);
                (unparted(old, false, events, 0), Some(unparted(new, true, events, users)))
            }
        };
        self.new.detail.note_unparted(of_new);
        if let Some(of_old) = of_old {
            self.old.detail.note_unparted(of_old);
        }
    }

    fn save(
        mut self,
        tx: &Transaction<'_>,
        kept: &Kept,
        leave: &Side,
        (now, by): (Timestamp, &str),
        releases: &Releases,
    ) -> Result<(), StateError> {
        let (project, old, new) = (self.old.project, self.old.id, self.new.id);
        for hash in &leave.hashes {
            let sql = "UPDATE error_hash SET grp = ?1 WHERE project = ?2 AND hash = ?3";
            tx.execute(sql, &[number(new), number(project), hash.0.to_vec().into()])?;
        }
        let way = |from, to| Way { project, from, to };
        if self.is_old_whole {
            way(old, new).all(tx)?;
            way(new, old).these(tx, &kept.stayed, &kept.went)?;
        } else {
            way(old, new).these(tx, &kept.went, &kept.stayed)?;
        }
        if self.has_rest {
            let holder = if self.is_old_whole { &mut self.new } else { &mut self.old };
            let names = counted_names(tx, project, holder.id)?;
            holder.be_seen_in(&names, releases);
        }
        save_group(tx, &self.old)?;
        save_group(tx, &self.new)?;
        let numbers: Vec<(u64, u64)> = kept.numbers.iter().map(|one| (one.start, one.end)).collect();
        let numbers = serde_json::to_string(&numbers).unwrap_or_default();
        let sql = "INSERT INTO error_parted (made, project, old, numbers) VALUES (?1, ?2, ?3, ?4)";
        tx.execute(sql, &[number(new), number(project), number(old), numbers.into()])?;
        activity(tx, old, (now, by), "split", &format!("into {}", self.new.number))?;
        activity(tx, new, (now, by), "split", &format!("from {}", self.old.number))
    }
}

impl Group {
    /// As if these had been all of its events. What is known of them goes beyond those that are kept.
    fn have_only(&mut self, marks: &[Mark], side: &Side, releases: &Releases) {
        self.users = Users::default();
        (self.first_seen, self.last_seen) = (Timestamp(i64::MAX), Timestamp(i64::MIN));
        let detail = &mut self.detail;
        (detail.first_event, detail.last_event) = (EventId::default(), EventId::default());
        (detail.first_release, detail.last_release) = (None, None);
        detail.environments.clear();
        marks.iter().for_each(|mark| self.count(mark, releases));
        self.first_seen = self.first_seen.min(side.first);
        self.last_seen = self.last_seen.max(side.last);
    }

    /// Events that are gone may have been its own, so only what is surely the other one's is taken from it.
    fn keep_rest(
        &mut self,
        before: &Group,
        (own_marks, other_marks): (&[Mark], &[Mark]),
        (own, other): (&Side, &Side),
        releases: &Releases,
    ) {
        let mut known = self.clone();
        known.have_only(own_marks, own, releases);
        if other.first <= before.first_seen {
            self.first_seen = known.first_seen;
        }
        if other.last >= before.last_seen {
            self.last_seen = known.last_seen;
        }
        let is_others = |id: EventId| other_marks.iter().any(|mark| mark.id == id);
        if is_others(self.detail.first_event) {
            self.detail.first_event = known.detail.first_event;
        }
        if is_others(self.detail.last_event) {
            self.detail.last_event = known.detail.last_event;
        }
        // A merge leaves the name as it was, whoever came last.
        if !own_marks.is_empty() {
            (self.title, self.culprit, self.level) = (known.title, known.culprit, known.level);
        }
    }
}

/// Releases and environments that a group has counts of.
fn counted_names(
    tx: &Transaction<'_>,
    project: u64,
    group: u64,
) -> Result<Vec<(String, String)>, StateError> {
    let sql =
        "SELECT DISTINCT release, environment FROM error_count WHERE project = ?1 AND grp = ?2 AND step = ?3";
    let rows = tx.query(sql, &[number(project), number(group), STEPS[2].into()])?;
    Ok(rows.iter().map(|row| (row.text(0).to_owned(), row.text(1).to_owned())).collect())
}
