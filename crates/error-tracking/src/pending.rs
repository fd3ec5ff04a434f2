//! What has been counted in memory and is not yet in the tables.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use state_store::{StateError, Transaction, Value};

use crate::group::Mark;
use crate::limits::{MAX_PENDING, MAX_TAG_KEYS_PER_GROUP, MAX_VALUES_PER_TAG};
use crate::people;
use crate::store::number;

/// What stands for a whole project where a group is asked for.
pub(crate) const WHOLE: u64 = 0;
/// Counts by the minute, the hour, the day.
pub const STEPS: [i64; 3] = [60, 3_600, 86_400];
/// What there is too much of, of releases, environments and values of tags.
pub const OTHER: &str = "other";

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    project: u64,
    group: u64,
    minute: i64,
    release: String,
    environment: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Tag {
    project: u64,
    group: u64,
    key: String,
    value: String,
}

#[derive(Debug, Default)]
pub(crate) struct Pending {
    counts: HashMap<Place, u64>,
    tags: HashMap<Tag, (u64, i64)>,
    people: people::Waiting,
}

impl Pending {
    /// `release` and `environment` as they are counted.
    pub fn count(&mut self, mark: &Mark, release: &str, environment: &str) {
        self.people.count(mark);
        for group in [mark.group, WHOLE] {
            let place = Place {
                project: mark.project,
                group,
                minute: mark.at.0 - mark.at.0.rem_euclid(STEPS[0]),
                release: release.to_owned(),
                environment: environment.to_owned(),
            };
            *self.counts.entry(place).or_default() += 1;
            for (key, value) in &mark.tags {
                self.tag(mark, group, key, value);
            }
        }
    }

    fn tag(&mut self, mark: &Mark, group: u64, key: &str, value: &str) {
        // Many at once are a flood of values: they are counted, not named.
        let value = if self.tags.len() < MAX_PENDING { value } else { OTHER };
        let tag = Tag { project: mark.project, group, key: key.to_owned(), value: value.to_owned() };
        let (n, last) = self.tags.entry(tag).or_default();
        *n += 1;
        *last = (*last).max(mark.at.0);
    }

    /// People are nowhere without an event.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.tags.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.counts.len() + self.tags.len() + self.people.len() >= MAX_PENDING
    }

    pub fn save(&self, tx: &Transaction<'_>) -> Result<(), StateError> {
        let sql = "INSERT INTO error_count (project, grp, step, at, release, environment, n) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
            ON CONFLICT DO UPDATE SET n = n + excluded.n";
        for (place, n) in &self.counts {
            for step in STEPS {
                let at = place.minute - place.minute.rem_euclid(step);
                let values: [Value; 7] = [
                    number(place.project),
                    number(place.group),
                    step.into(),
                    at.into(),
                    place.release.as_str().into(),
                    place.environment.as_str().into(),
                    number(*n),
                ];
                tx.execute(sql, &values)?;
            }
        }
        self.people.save(tx)?;
        let mut sizes = Sizes::default();
        self.tags.iter().try_for_each(|(tag, (n, last))| save_tag(tx, &mut sizes, tag, *n, *last))
    }
}

/// How many values each name of a group has. Looked up once for each group that something is new of: a flood of names would have
/// each of them look through all that are there, while everybody else waits.
#[derive(Debug, Default)]
struct Sizes(HashMap<(u64, u64), HashMap<String, i64>>);

impl Sizes {
    fn of(&mut self, tx: &Transaction<'_>, tag: &Tag) -> Result<&mut HashMap<String, i64>, StateError> {
        Ok(match self.0.entry((tag.project, tag.group)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(vacant) => vacant.insert(sizes(tx, tag)?),
        })
    }
}

fn sizes(tx: &Transaction<'_>, tag: &Tag) -> Result<HashMap<String, i64>, StateError> {
    let sql = "SELECT key, count(*) FROM error_tag WHERE project = ?1 AND grp = ?2 GROUP BY key";
    let rows = tx.query(sql, &[number(tag.project), number(tag.group)])?;
    Ok(rows.iter().map(|row| (row.text(0).to_owned(), row.integer(1))).collect())
}

/// A value that is new where there are enough already is one of the others; so is a key.
fn save_tag(tx: &Transaction<'_>, sizes: &mut Sizes, tag: &Tag, n: u64, last: i64) -> Result<(), StateError> {
    let with = |value: &str| -> [Value; 6] {
        [
            number(tag.project),
            number(tag.group),
            tag.key.as_str().into(),
            value.into(),
            number(n),
            last.into(),
        ]
    };
    let add = "UPDATE error_tag SET n = n + ?5, last_seen = max(last_seen, ?6)
        WHERE project = ?1 AND grp = ?2 AND key = ?3 AND value = ?4";
    if tx.execute(add, &with(&tag.value))? > 0 {
        return Ok(());
    }
    let names = sizes.of(tx, tag)?;
    let values = names.get(&tag.key).copied().unwrap_or(0);
    if values == 0 && names.len() >= MAX_TAG_KEYS_PER_GROUP {
        return Ok(());
    }
    let is_named = values < MAX_VALUES_PER_TAG;
    if is_named {
        names.insert(tag.key.clone(), values + 1);
    }
    let insert =
        "INSERT INTO error_tag (project, grp, key, value, n, last_seen) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT DO UPDATE SET n = n + excluded.n, last_seen = max(last_seen, excluded.last_seen)";
    tx.execute(insert, &with(if is_named { tag.value.as_str() } else { OTHER })).map(drop)
}
