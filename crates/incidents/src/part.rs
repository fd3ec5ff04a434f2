//! What of incidents is seen by those whose scope is a part of all names: the incidents that have an instance of theirs,
//! and of these what is theirs. What is not is left out as if it were not there.

use std::sync::Arc;

use state_store::{StateError, StateStore, Value};
use vocabulary::ports::Scope;

use crate::desk::{Desk, Seen, Whole};
use crate::incident::{Incident, IncidentId, Key, Trouble};
use crate::store::{self, KeptEntry, LISTED, Wanted};

/// What somebody declared is theirs in whose scope its key is.
const DECLARED_BY_KEY: &str = "declared:key:";
/// What people did that names members, or tells whom a message named.
const NAMING_OTHERS: [&str; 4] = ["page", "grouped", "merged", "split"];

impl Key {
    pub fn is_in(&self, scope: &Scope) -> bool {
        let declared = self.monitor.strip_prefix(DECLARED_BY_KEY).filter(|_| !self.host);
        scope.sees_watched(declared.unwrap_or(&self.monitor), &self.instance)
    }

    /// The reason for which it would have opened an incident.
    pub(crate) fn is_behind(&self, reason: &str) -> bool {
        if let Some(group) = reason.strip_prefix("errors:") {
            return !self.host && group == format!("{}/{}", self.monitor, self.instance);
        }
        let name = match reason.split_once(':') {
            Some(("host", host)) if self.host => host,
            Some(("monitor", monitor)) if !self.host => monitor,
            _ => reason,
        };
        let rest = name.strip_prefix(&*self.monitor);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('@'))
    }
}

impl Incident {
    /// With what is in this scope only; nothing if none of it is. Its troubles must have been read.
    pub fn part(mut self, scope: &Scope) -> Option<Incident> {
        if scope.is_everything() {
            return Some(self);
        }
        let all = self.troubles.len();
        self.troubles.retain(|key, _| key.is_in(scope));
        let first = self.troubles.keys().next()?;
        if self.troubles.len() == all {
            return Some(self);
        }
        // What it is called after may be somebody else's.
        match self.troubles.keys().find(|key| key.is_behind(&self.reason)) {
            Some(key) if names_parts(&self.title, key) => self.title = self.title_with_parts(&key.monitor),
            Some(_) => {}
            None => {
                self.title = first.to_string();
                self.detail.playbook = None;
                self.reason = format!("{}{}", if first.host { "host:" } else { "monitor:" }, first.monitor);
            }
        }
        let mut also = std::mem::take(&mut self.detail.also);
        also.retain(|reason| self.troubles.keys().any(|key| key.is_behind(reason)));
        self.detail.grouped = self.detail.grouped.min(self.troubles.len());
        self.detail.bad = self.bad().count();
        self.detail.began = self.troubles.values().map(Trouble::began).min();
        self.detail.also = also;
        Some(self)
    }
}

/// Of a check in parts, which are in the title, and may be others'.
fn names_parts(title: &str, key: &Key) -> bool {
    let named = title.strip_prefix(&*key.monitor);
    !key.host && !key.instance.is_empty() && named.is_some_and(|rest| rest.starts_with(": "))
}

impl Whole {
    fn part(self, scope: &Scope) -> Option<Whole> {
        let all = self.incident.troubles.len();
        let mut incident = self.incident.part(scope)?;
        let mut timeline = self.timeline;
        // The words of entries name instances. What people said is for everybody who has to do with it.
        if incident.troubles.len() < all {
            let before = timeline.len();
            timeline.retain(is_of_everybody);
            incident.detail.unlisted += u64::try_from(before - timeline.len()).unwrap_or(0);
        }
        Some(Whole { incident, timeline, pages: self.pages })
    }
}

fn is_of_everybody(entry: &KeptEntry) -> bool {
    !entry.who.is_empty() && !NAMING_OTHERS.contains(&entry.kind.as_str())
}

impl Seen {
    /// For those who see what is in this scope; nothing if none of it is.
    pub fn part(&self, scope: &Scope) -> Option<Seen> {
        if scope.is_everything() {
            return Some(self.clone());
        }
        let members: Vec<_> = self.members.iter().filter(|(key, _)| key.is_in(scope)).cloned().collect();
        let (first, _) = members.first()?;
        let named = members.iter().map(|(key, _)| key).find(|key| key.is_behind(&self.reason));
        let title = match named {
            Some(key) if names_parts(&self.title, key) => key.to_string(),
            Some(_) => self.title.clone(),
            None => first.to_string(),
        };
        let bad = members.iter().filter(|(_, bad)| *bad).count();
        Some(Seen { title, bad, members, ..self.clone() })
    }
}

impl Desk {
    /// As [`Desk::list`], in this scope.
    pub fn list_in(
        &self,
        scope: &Scope,
        wanted: Wanted,
        limit: usize,
    ) -> Result<Vec<(Incident, usize)>, StateError> {
        if scope.is_everything() {
            return self.list(wanted, limit);
        }
        let mut seen = Vec::new();
        for (mut incident, _) in list_in(&self.store, scope, wanted, limit)? {
            incident.troubles = store::troubles(&self.store, incident.id)?;
            if let Some(incident) = incident.part(scope) {
                let instances = incident.troubles.len();
                seen.push((incident, instances));
            }
        }
        Ok(seen)
    }

    /// Of each of these, which services it is of.
    pub fn services_of(&self, keys: &[Key]) -> Vec<Vec<Arc<str>>> {
        let inner = self.inner.lock();
        keys.iter().map(|key| inner.incidents.book.services_of(key).to_vec()).collect()
    }

    /// How many are open.
    pub fn open_in(&self, scope: &Scope) -> Result<usize, StateError> {
        match scope.is_everything() {
            true => Ok(self.standing().open),
            false => count_open_in(&self.store, scope),
        }
    }

    /// As [`Desk::one`], in this scope.
    pub fn one_in(&self, scope: &Scope, id: IncidentId) -> Result<Option<Whole>, StateError> {
        Ok(self.one(id)?.and_then(|found| found.part(scope)))
    }

    /// Something of the incident is in this scope.
    pub fn is_in(&self, scope: &Scope, id: IncidentId) -> Result<bool, StateError> {
        if scope.is_everything() {
            return Ok(true);
        }
        Ok(store::troubles(&self.store, id)?.keys().any(|key| key.is_in(scope)))
    }
}

/// Those of the scope that were going on at some moment between, the newest first; what was merged is a part of another.
pub fn between(
    store: &StateStore,
    scope: &Scope,
    from: i64,
    until: i64,
    limit: usize,
) -> Result<Vec<Incident>, StateError> {
    let prefixes = scope.as_prefixes();
    let (with, in_scope) = if scope.is_everything() { (String::new(), "true") } else { within(scope) };
    let mut values: Vec<Value> = prefixes.iter().map(|prefix| prefix.as_str().into()).collect();
    let first = values.len() + 1;
    values.extend([until.into(), from.into(), i64::try_from(limit).unwrap_or(i64::MAX).into()]);
    let sql = format!(
        "{with} {LISTED} WHERE opened <= ?{first} AND (closed IS NULL OR closed >= ?{}) AND {in_scope}
            ORDER BY id DESC LIMIT ?{}",
        first + 1,
        first + 2
    );
    let mut found = Vec::new();
    for (mut incident, _) in store::listed(store, &sql, &values)? {
        if incident.detail.merged_into.is_some() {
            continue;
        }
        if scope.is_everything() {
            found.push(incident);
            continue;
        }
        incident.troubles = store::troubles(store, incident.id)?;
        found.extend(incident.part(scope));
    }
    Ok(found)
}

/// Those of which something is in the scope.
fn list_in(
    store: &StateStore,
    scope: &Scope,
    wanted: Wanted,
    limit: usize,
) -> Result<Vec<(Incident, usize)>, StateError> {
    let (with, in_scope) = within(scope);
    let sql = format!(
        "{with} {LISTED} WHERE {} AND {in_scope} ORDER BY id DESC LIMIT ?{}",
        wanted.condition(),
        scope.as_prefixes().len() + 1
    );
    let mut values: Vec<Value> = scope.as_prefixes().iter().map(|prefix| prefix.as_str().into()).collect();
    values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
    store::listed(store, &sql, &values)
}

fn count_open_in(store: &StateStore, scope: &Scope) -> Result<usize, StateError> {
    let (with, in_scope) = within(scope);
    let sql = format!("{with} SELECT count(*) FROM incident WHERE closed IS NULL AND {in_scope}");
    let values: Vec<Value> = scope.as_prefixes().iter().map(|prefix| prefix.as_str().into()).collect();
    let rows = store.query(&sql, &values)?;
    Ok(rows.first().map_or(0, |row| usize::try_from(row.integer(0)).unwrap_or(0)))
}

/// A table of the prefixes, which are the first parameters, and a condition on an incident: as
/// [`Key::is_in`] says it. Names may hold what `LIKE` would read as a wildcard.
fn within(scope: &Scope) -> (String, &'static str) {
    let rows: Vec<String> = (1..=scope.as_prefixes().len()).map(|number| format!("(?{number})")).collect();
    let with = format!("WITH prefix (start) AS (VALUES {})", rows.join(", "));
    let condition = "EXISTS (SELECT 1 FROM trouble, prefix WHERE trouble.incident = incident.id
        AND (substr(trouble.monitor, CASE WHEN substr(trouble.monitor, 1, 13) = 'declared:key:' THEN 14 ELSE 1 END,
                length(prefix.start)) = prefix.start
            OR substr(trouble.instance, 1, length(prefix.start)) = prefix.start))";
    (with, condition)
}
