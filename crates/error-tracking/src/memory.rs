//! What of the groups is in memory: those that were seen last, and all that is not in the tables yet.

use std::collections::{BTreeSet, HashMap};

use state_store::{StateError, StateStore, Transaction, Value};
use vocabulary::Timestamp;

use crate::event::{Hash, HashValue};
use crate::flood::Today;
use crate::group::{Group, Mark};
use crate::life::Life;
use crate::limits::{MAX_ENVIRONMENTS, MAX_GROUPS_IN_MEMORY, MAX_HASHES_IN_MEMORY, MAX_NEW_GROUPS_PER_DAY};
use crate::pending::{OTHER, Pending};
use crate::release::{Noted, Releases};
use crate::store::{self, number};
use crate::tracker::Counters;

/// What happened to a group that is back.
pub(crate) const REGRESSED: &str = "regressed";
/// Old counts are looked for no more often.
const TIDY_SECONDS: i64 = 3_600;

#[derive(Debug, Default)]
pub(crate) struct Memory {
    groups: HashMap<u64, Group>,
    by_hash: HashMap<(u64, HashValue), u64>,
    projects: HashMap<u64, Known>,
    next_group: u64,
    /// Rises with each use of a group.
    uses: u64,
    pub counted: u64,
    saved_counted: u64,
    pub counters: Counters,
    dirty: BTreeSet<u64>,
    pending: Pending,
    new_hashes: Vec<NewHash>,
    hash_counts: HashMap<(u64, HashValue), (u64, i64)>,
    new_releases: Vec<(u64, Noted)>,
    new_environments: Vec<(u64, String, i64)>,
    activities: Vec<Happened>,
    tidied: i64,
}

/// Of one project.
#[derive(Debug, Default)]
struct Known {
    releases: Releases,
    environments: BTreeSet<String>,
    next_number: u64,
    today: Today,
}

impl Known {
    fn counted_as<'n>(&self, release: &'n str, environment: &'n str) -> (&'n str, &'n str) {
        let knows_release = release.is_empty() || self.releases.contains(release);
        let knows_environment = environment.is_empty() || self.environments.contains(environment);
        (if knows_release { release } else { OTHER }, if knows_environment { environment } else { OTHER })
    }
}

/// What became of a group without anybody's doing.
#[derive(Clone, Debug)]
pub(crate) struct Happened {
    pub group: u64,
    pub at: Timestamp,
    pub kind: &'static str,
    pub text: String,
}

#[derive(Clone, Debug)]
pub(crate) struct NewHash {
    pub project: u64,
    pub group: u64,
    pub hash: Hash,
    pub at: Timestamp,
}

impl Memory {
    pub fn open(store: &StateStore) -> Result<Memory, StateError> {
        let first =
            |sql: &str| store.query(sql, &[]).map(|rows| rows.first().map_or(0, |row| row.integer(0)));
        let counted = first("SELECT next FROM error_counted WHERE id = 0")?.unsigned_abs();
        let next_group = first("SELECT coalesce(max(id), 0) + 1 FROM error_group")?.unsigned_abs();
        Ok(Memory { counted, saved_counted: counted, next_group, ..Memory::default() })
    }

    /// Reads what is known of a project, once.
    pub fn know(&mut self, store: &StateStore, project: u64) -> Result<(), StateError> {
        if self.projects.contains_key(&project) {
            return Ok(());
        }
        let id = [number(project)];
        let mut known = Known::default();
        let sql = "SELECT version, number, first_seen FROM error_release WHERE project = ?1 ORDER BY number";
        for row in store.query(sql, &id)? {
            let at = Timestamp(row.integer(2));
            known.releases.restore(row.text(0).to_owned(), row.integer(1).unsigned_abs(), at);
        }
        let names = store.query("SELECT name FROM error_environment WHERE project = ?1", &id)?;
        known.environments = names.iter().map(|row| row.text(0).to_owned()).collect();
        let sql = "SELECT coalesce(max(number), 0) + 1 FROM error_group WHERE project = ?1";
        let next = store.query(sql, &id)?;
        known.next_number = next.first().map_or(1, |row| row.integer(0).unsigned_abs());
        self.projects.insert(project, known);
        Ok(())
    }

    pub fn note_release(&mut self, project: u64, version: &str, now: Timestamp) {
        let Some(known) = self.projects.get_mut(&project) else { return };
        if let Some(noted) = known.releases.note(version, now) {
            self.new_releases.push((project, noted));
        }
    }

    pub fn note_seen(
        &mut self,
        project: u64,
        release: Option<&str>,
        environment: Option<&str>,
        now: Timestamp,
    ) {
        if let Some(release) = release {
            self.note_release(project, release, now);
        }
        let (Some(name), Some(known)) = (environment, self.projects.get_mut(&project)) else {
            return;
        };
        if known.environments.len() < MAX_ENVIRONMENTS && known.environments.insert(name.to_owned()) {
            self.new_environments.push((project, name.to_owned(), now.0));
        }
    }

    /// A release and an environment, which may be empty, as they are counted: names that are too many are one.
    pub fn counted_as<'n>(&self, project: u64, release: &'n str, environment: &'n str) -> (&'n str, &'n str) {
        let known = self.projects.get(&project);
        known.map_or((OTHER, OTHER), |known| known.counted_as(release, environment))
    }

    pub fn environments(&self, project: u64) -> Vec<String> {
        let known = self.projects.get(&project);
        known.map(|known| known.environments.iter().cloned().collect()).unwrap_or_default()
    }

    pub fn releases(&self, project: u64) -> &Releases {
        static NONE: std::sync::LazyLock<Releases> = std::sync::LazyLock::new(Releases::default);
        self.projects.get(&project).map_or(&*NONE, |known| &known.releases)
    }

    pub fn next_group(&mut self) -> u64 {
        let id = self.next_group.max(1);
        self.next_group = id + 1;
        id
    }

    /// The log has it, so no other group may.
    pub fn spend_group(&mut self, id: u64) {
        self.next_group = self.next_group.max(id + 1);
    }

    /// A group more today?
    pub fn may_open(&mut self, project: u64, now: Timestamp) -> bool {
        let known = self.projects.get_mut(&project);
        known.is_none_or(|known| known.today.may_begin(MAX_NEW_GROUPS_PER_DAY, now))
    }

    pub fn next_number(&mut self, project: u64) -> u64 {
        let known = self.projects.entry(project).or_default();
        let number = known.next_number.max(1);
        known.next_number = number + 1;
        number
    }

    pub fn group(&self, id: u64) -> Option<&Group> {
        self.groups.get(&id)
    }

    pub fn leads(&self, place: (u64, HashValue)) -> bool {
        self.by_hash.contains_key(&place)
    }

    /// The group that a hash leads to.
    pub fn led(&mut self, store: &StateStore, place: (u64, HashValue)) -> Result<Option<u64>, StateError> {
        if let Some(group) = self.by_hash.get(&place) {
            return Ok(Some(*group));
        }
        let sql = "SELECT grp FROM error_hash WHERE project = ?1 AND hash = ?2";
        let rows = store.query(sql, &[number(place.0), place.1.0.to_vec().into()])?;
        let group = rows.first().map(|row| row.integer(0).unsigned_abs());
        if let Some(group) = group {
            self.by_hash.insert(place, group);
        }
        Ok(group)
    }

    /// Into memory. Answers which group it is: another one, if it was merged.
    pub fn bring(&mut self, store: &StateStore, id: u64) -> Result<Option<u64>, StateError> {
        self.uses += 1;
        if let Some(group) = self.groups.get_mut(&id) {
            group.used = self.uses;
            return Ok(Some(id));
        }
        let Some(group) = store::load_group(store, id)? else { return Ok(None) };
        let id = group.id;
        // Of a merged one the target may be here, and newer than its row.
        self.groups.entry(id).or_insert(group).used = self.uses;
        Ok(Some(id))
    }

    pub fn adopt(&mut self, groups: impl Iterator<Item = Group>) {
        for mut group in groups {
            self.uses += 1;
            group.used = self.uses;
            self.dirty.insert(group.id);
            let (id, at) = (group.id, group.first_seen);
            self.activities.push(Happened { group: id, at, kind: "opened", text: String::new() });
            self.groups.insert(group.id, group);
        }
    }

    pub fn live(&mut self, id: u64, life: Life) {
        if let Some(group) = self.change(id) {
            group.detail.life = life;
        }
    }

    /// It is listed with what people did.
    pub fn happened(&mut self, one: Happened) {
        if let Some(group) = self.change(one.group).filter(|_| one.kind == REGRESSED) {
            group.detail.regressed_at = Some(one.at.0);
        }
        self.activities.push(one);
    }

    pub fn lead(&mut self, hash: NewHash) {
        self.by_hash.insert((hash.project, hash.hash.value), hash.group);
        if let Some(group) = self.groups.get_mut(&hash.group) {
            group.hashes += 1;
        }
        self.new_hashes.push(hash);
    }

    pub fn count(&mut self, mark: &Mark) {
        let Some(known) = self.projects.get(&mark.project) else { return };
        let (release, environment) = known.counted_as(
            mark.release.as_deref().unwrap_or_default(),
            mark.environment.as_deref().unwrap_or_default(),
        );
        self.pending.count(mark, release, environment);
        if let Some(hash) = mark.hash {
            let (n, last) = self.hash_counts.entry((mark.project, hash)).or_default();
            *n += 1;
            *last = (*last).max(mark.at.0);
        }
        if let Some(group) = self.groups.get_mut(&mark.group) {
            group.count(mark, &known.releases);
            self.dirty.insert(mark.group);
        }
    }

    pub fn is_full(&self) -> bool {
        self.pending.is_full()
    }

    /// To be changed; it is to be brought in first.
    pub fn change(&mut self, id: u64) -> Option<&mut Group> {
        let group = self.groups.get_mut(&id)?;
        self.dirty.insert(id);
        Some(group)
    }

    /// It is another's now, or its row has changed.
    pub fn forget(&mut self, id: u64) {
        self.groups.remove(&id);
        self.dirty.remove(&id);
        self.by_hash.retain(|_, group| *group != id);
    }

    pub fn is_saved(&self) -> bool {
        self.dirty.is_empty()
            && self.pending.is_empty()
            && self.new_hashes.is_empty()
            && self.new_releases.is_empty()
            && self.new_environments.is_empty()
            && self.activities.is_empty()
            && self.counted == self.saved_counted
    }

    pub fn save(&self, tx: &Transaction<'_>) -> Result<(), StateError> {
        for group in self.dirty.iter().filter_map(|id| self.groups.get(id)) {
            store::save_group(tx, group)?;
        }
        for hash in &self.new_hashes {
            save_hash(tx, hash)?;
        }
        let add = "UPDATE error_hash SET n = n + ?3, last_seen = max(last_seen, ?4) WHERE project = ?1 AND hash = ?2";
        for ((project, hash), (n, last)) in &self.hash_counts {
            tx.execute(add, &[number(*project), hash.0.to_vec().into(), number(*n), (*last).into()])?;
        }
        self.save_names(tx)?;
        for Happened { group, at, kind, text } in &self.activities {
            store::activity(tx, *group, (*at, ""), kind, text)?;
        }
        self.pending.save(tx)?;
        let sql = "INSERT INTO error_counted (id, next) VALUES (0, ?1) ON CONFLICT (id) DO UPDATE SET next = excluded.next";
        tx.execute(sql, &[number(self.counted)]).map(drop)
    }

    /// Of releases and environments.
    fn save_names(&self, tx: &Transaction<'_>) -> Result<(), StateError> {
        for (project, noted) in &self.new_releases {
            if let Some(gone) = &noted.gone {
                let sql = "DELETE FROM error_release WHERE project = ?1 AND version = ?2";
                tx.execute(sql, &[number(*project), gone.as_str().into()])?;
            }
            let sql = "INSERT OR REPLACE INTO error_release (project, version, number, first_seen) VALUES (?1, ?2, ?3, ?4)";
            let values: [Value; 4] =
                [number(*project), noted.version.as_str().into(), number(noted.number), noted.at.0.into()];
            tx.execute(sql, &values)?;
        }
        for (project, name, at) in &self.new_environments {
            let sql =
                "INSERT OR IGNORE INTO error_environment (project, name, first_seen) VALUES (?1, ?2, ?3)";
            tx.execute(sql, &[number(*project), name.as_str().into(), (*at).into()])?;
        }
        Ok(())
    }

    /// In the same transaction, now and then.
    pub fn tidy(&self, tx: &Transaction<'_>, now: Timestamp) -> Result<(), StateError> {
        if self.is_tidy(now) { Ok(()) } else { store::forget_old_counts(tx, now) }
    }

    fn is_tidy(&self, now: Timestamp) -> bool {
        now.0 - self.tidied < TIDY_SECONDS
    }

    pub fn tidied(&mut self, now: Timestamp) {
        if !self.is_tidy(now) {
            self.tidied = now.0;
        }
    }

    /// The transaction has happened.
    pub fn saved(&mut self) {
        self.dirty.clear();
        self.pending = Pending::default();
        self.new_hashes.clear();
        self.hash_counts.clear();
        self.new_releases.clear();
        self.new_environments.clear();
        self.activities.clear();
        self.saved_counted = self.counted;
        self.make_room();
    }

    /// All is in the tables, so whatever was used longest ago may go: a tenth at once, so that it is seldom.
    fn make_room(&mut self) {
        if self.by_hash.len() > MAX_HASHES_IN_MEMORY {
            self.by_hash.clear();
        }
        if self.groups.len() <= MAX_GROUPS_IN_MEMORY {
            return;
        }
        let mut uses: Vec<u64> = self.groups.values().map(|group| group.used).collect();
        let going = self.groups.len() - MAX_GROUPS_IN_MEMORY * 9 / 10;
        let at = going.min(uses.len() - 1);
        let (_, oldest_kept, _) = uses.select_nth_unstable(at);
        let oldest_kept = *oldest_kept;
        self.groups.retain(|_, group| group.used >= oldest_kept);
    }
}

fn save_hash(tx: &Transaction<'_>, new: &NewHash) -> Result<(), StateError> {
    let sql = "INSERT OR IGNORE INTO error_hash (project, hash, grp, version, n, first_seen, last_seen, why)
        VALUES (?1, ?2, ?3, ?4, 0, ?5, ?5, ?6)";
    let why = serde_json::to_string(&new.hash.why).unwrap_or_default();
    let values: [Value; 6] = [
        number(new.project),
        new.hash.value.0.to_vec().into(),
        number(new.group),
        i64::from(new.hash.version).into(),
        new.at.0.into(),
        why.into(),
    ];
    tx.execute(sql, &values).map(drop)
}
