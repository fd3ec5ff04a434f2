//! Marks in time on every graph: deploys, flips, incidents, anything posted to `/events/`.

use serde::Serialize;
use state_store::{Migrations, Row, StateError, StateStore, Transaction, Value};
use utoipa::ToSchema;
use vocabulary::ports::Scope;

use crate::api_v1::errors;

pub const MIGRATIONS: Migrations = Migrations {
    room: "annotations",
    steps: &["CREATE TABLE annotation (id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, what TEXT NOT NULL, data TEXT NOT NULL) STRICT;
         CREATE INDEX annotation_at ON annotation (at);
         CREATE TABLE annotation_tag (annotation INTEGER NOT NULL REFERENCES annotation (id) ON DELETE CASCADE, position INTEGER NOT NULL,
            tag TEXT NOT NULL, PRIMARY KEY (annotation, position)) STRICT, WITHOUT ROWID;
         CREATE INDEX annotation_tag_tag ON annotation_tag (tag, annotation);",
        // Of which projects it is, a line each; empty: everybody's.
        "ALTER TABLE annotation ADD COLUMN projects TEXT NOT NULL DEFAULT '';"],
    // A tag at a position below 0 is not shown, the event is only found by it; one at a position from SHOWN_ONLY
    // on is only shown. See `tag_words`.
};

const SHOWN_ONLY: i64 = 1 << 20;

/// Longest texts; graphite-web's column for `what` has this length too.
pub const MAX_WHAT: usize = 255;
pub const MAX_DATA: usize = 64 << 10;
pub const MAX_TAGS: usize = 64;
/// Of all tags of one; the original's column for one of them has 255 characters.
const MAX_TAG_BYTES: usize = 4 << 10;
/// What stands beside a mark on a graph; all of it is at `/events/`.
const DATA_OF_MARK: usize = 1 << 10;
/// Data in one answer; the newest count.
const MAX_LISTED_BYTES: usize = 8 << 20;
/// So many of the newest keep all of their data, 256 MiB, and those before as much as a mark shows.
const KEPT_WHOLE: i64 = 4_096;
/// Tags that a query may name; each is looked up.
pub const MAX_WANTED_TAGS: usize = 1_000;
/// One answer holds at most so many; the newest count.
pub const MAX_LISTED: usize = 10_000;
/// The oldest go when there are more: StatsD clients can send a thousand a second, without asking anybody.
const MAX_KEPT: i64 = 100_000;
/// To the end of the year 9999.
const LATEST: f64 = 253_402_300_799.0;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Annotation {
    pub id: i64,
    pub at: f64,
    pub what: String,
    pub tags: Vec<String>,
    pub data: String,
    /// Of which it tells those who see one of them; none: everybody.
    #[serde(skip)]
    pub projects: Vec<String>,
}

/// How the tags of a query go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagSet {
    /// Of those that any event has.
    All,
    Any,
    /// Of those that are asked for.
    Each,
}

#[derive(Clone, Debug)]
pub struct Query<'a> {
    /// Both ends are part of it.
    pub from: f64,
    pub until: f64,
    /// None: whatever the tags. Tags that no event has are left out, as the original does; with none left
    /// nothing is found.
    pub tags: Option<&'a [String]>,
    pub set: TagSet,
}

#[derive(Clone, Debug)]
pub struct NewAnnotation {
    pub at: f64,
    pub what: String,
    pub tags: Vec<String>,
    pub data: String,
}

impl NewAnnotation {
    fn check(&self) -> Result<(), Refused> {
        let problem = if self.what.chars().count() > MAX_WHAT {
            format!("`what` is longer than {MAX_WHAT} characters")
        } else if self.data.len() > MAX_DATA {
            format!("`data` is longer than {MAX_DATA} bytes")
        } else if self.tags.len() > MAX_TAGS {
            format!("there are more than {MAX_TAGS} tags")
        } else if self.tags.iter().map(String::len).sum::<usize>() > MAX_TAG_BYTES {
            format!("the tags are longer than {MAX_TAG_BYTES} bytes")
        } else if !(-LATEST..=LATEST).contains(&self.at) {
            "`when` is not a time".to_owned()
        } else {
            return Ok(());
        };
        Err(Refused::Because(problem))
    }
}

/// Store one and give it an id; what is beyond the limits is refused with the reason.
pub fn add(state: &StateStore, new: &NewAnnotation) -> Result<i64, Refused> {
    new.check()?;
    Ok(state.transaction(|tx| insert(tx, new))?)
}

/// The same, of these projects.
pub fn add_of(state: &StateStore, new: &NewAnnotation, projects: &[String]) -> Result<i64, Refused> {
    new.check()?;
    Ok(state.transaction(|tx| {
        let id = insert(tx, new)?;
        let sql = "UPDATE annotation SET projects = ?2 WHERE id = ?1";
        tx.execute(sql, &[id.into(), projects.join("\n").into()])?;
        Ok(id)
    })?)
}

/// Store those within the limits, all at once: each transaction waits for the disk. Returns how many are beyond.
pub fn add_all(state: &StateStore, new: &[NewAnnotation]) -> Result<usize, StateError> {
    if new.iter().all(|new| new.check().is_err()) {
        return Ok(new.len());
    }
    state.transaction(|tx| add_within(tx, new))
}

/// The same, together with what else the transaction does.
pub fn add_within(tx: &Transaction<'_>, new: &[NewAnnotation]) -> Result<usize, StateError> {
    let fine: Vec<&NewAnnotation> = new.iter().filter(|new| new.check().is_ok()).collect();
    fine.iter().try_for_each(|new| insert(tx, new).map(|_| ()))?;
    Ok(new.len() - fine.len())
}

fn insert(tx: &Transaction<'_>, new: &NewAnnotation) -> Result<i64, StateError> {
    tx.execute(
        "INSERT INTO annotation (at, what, data) VALUES (?1, ?2, ?3)",
        &[new.at.into(), new.what.as_str().into(), new.data.as_str().into()],
    )?;
    let id = tx.inserted_id();
    let words = tag_words(&new.tags.join(" "));
    let shown = new.tags.iter().enumerate().map(|(position, tag)| {
        let shown_only = if words.contains(tag) { 0 } else { SHOWN_ONLY };
        (position as i64 + shown_only, tag)
    });
    let found_by = words.iter().filter(|word| !new.tags.contains(word));
    for (position, tag) in shown.chain((1..).map(|count: i64| -count).zip(found_by)) {
        tx.execute(
            "INSERT INTO annotation_tag (annotation, position, tag) VALUES (?1, ?2, ?3)",
            &[id.into(), position.into(), tag.as_str().into()],
        )?;
    }
    tx.execute("DELETE FROM annotation WHERE id <= ?1", &[(id - MAX_KEPT).into()])?;
    // Each passes by once.
    let sql = "UPDATE annotation SET data = substr(data, 1, ?2) WHERE id = ?1";
    tx.execute(sql, &[(id - KEPT_WHOLE).into(), (DATA_OF_MARK as i64).into()])?;
    Ok(id)
}

/// With so much of the data.
fn columns(data: usize) -> String {
    format!(
        "SELECT id, at, what, substr(data, 1, {data}),
    (SELECT group_concat(tag, ' ') FROM (SELECT tag FROM annotation_tag WHERE annotation = annotation.id AND position >= 0
        ORDER BY position % 1048576)), projects
    FROM annotation"
    )
}

/// What is told of them to those who see so much: nothing of other people's projects, not even what they are called.
pub fn seen(scope: &Scope, mut found: Vec<Annotation>) -> Vec<Annotation> {
    let is_theirs = |project: &String| errors::sees(scope, project);
    found.retain(|one| one.projects.is_empty() || one.projects.iter().any(is_theirs));
    for Annotation { tags, projects, .. } in &mut found {
        tags.retain(|tag| !projects.contains(tag) || is_theirs(tag));
    }
    found
}

/// The project is called otherwise from now on, and what is its own stays so: who sees it goes by its name.
pub fn rename_project(state: &StateStore, from: &str, to: &str) -> Result<(), StateError> {
    state.transaction(|tx| {
        let rows = tx.query("SELECT id, projects FROM annotation WHERE projects <> ''", &[])?;
        for row in rows.iter().filter(|row| row.text(1).lines().any(|project| project == from)) {
            let id = row.integer(0);
            let named = |project| if project == from { to } else { project };
            let projects: Vec<&str> = row.text(1).lines().map(named).collect();
            let sql = "UPDATE annotation SET projects = ?2 WHERE id = ?1";
            tx.execute(sql, &[id.into(), projects.join("\n").into()])?;
            let sql = "UPDATE annotation_tag SET tag = ?3 WHERE annotation = ?1 AND tag = ?2";
            tx.execute(sql, &[id.into(), from.into(), to.into()])?;
        }
        Ok(())
    })
}

pub fn one(state: &StateStore, id: i64) -> Result<Option<Annotation>, StateError> {
    let rows = state.query(&format!("{} WHERE id = ?1", columns(MAX_DATA)), &[id.into()])?;
    Ok(rows.first().map(from_row))
}

/// In order of time.
pub fn list(state: &StateStore, query: &Query<'_>) -> Result<Vec<Annotation>, StateError> {
    listed(state, query, MAX_DATA)
}

/// The same with the beginning of their data, for what is not about them.
pub fn marks(state: &StateStore, query: &Query<'_>) -> Result<Vec<Annotation>, StateError> {
    listed(state, query, DATA_OF_MARK)
}

fn listed(state: &StateStore, query: &Query<'_>, data: usize) -> Result<Vec<Annotation>, StateError> {
    let Some((condition, values)) = condition(state, query)? else { return Ok(Vec::new()) };
    let newest = "ORDER BY at DESC, id DESC LIMIT";
    // Their lengths first: what is too much for one answer is not read at all.
    let sql = format!("SELECT octet_length(data) FROM annotation {condition} {newest} {MAX_LISTED}");
    let mut bytes = 0;
    let fits = |row: &&Row| {
        bytes += usize::try_from(row.integer(0)).unwrap_or(MAX_DATA).min(data);
        bytes <= MAX_LISTED_BYTES
    };
    let most = state.query(&sql, &values)?.iter().take_while(fits).count();
    let sql = format!("{} {condition} {newest} {most}", columns(data));
    let mut found: Vec<Annotation> = state.query(&sql, &values)?.iter().map(from_row).collect();
    found.reverse();
    Ok(found)
}

/// Which they are; none: nothing can be found by these tags.
fn condition(state: &StateStore, query: &Query<'_>) -> Result<Option<(String, Vec<Value>)>, StateError> {
    let mut sql = "WHERE at >= ?1 AND at <= ?2".to_owned();
    let mut values: Vec<Value> = vec![query.from.into(), query.until.into()];
    if let Some(tags) = query.tags {
        let Some(tags) = wanted(state, tags, query.set)? else { return Ok(None) };
        let places: Vec<String> = (0..tags.len()).map(|index| format!("?{}", index + 3)).collect();
        let needed = if query.set == TagSet::Any { 1 } else { tags.len() };
        sql += &format!(
            " AND (SELECT count(DISTINCT tag) FROM annotation_tag WHERE annotation = annotation.id AND position < {SHOWN_ONLY} AND tag IN ({})) >= {needed}",
            places.join(", ")
        );
        values.extend(tags.into_iter().map(Value::from));
    }
    Ok(Some((sql, values)))
}

/// The tags to look for; none if nothing can be found by them.
fn wanted<'t>(
    state: &StateStore,
    tags: &'t [String],
    set: TagSet,
) -> Result<Option<Vec<&'t str>>, StateError> {
    let mut known = Vec::new();
    for tag in tags {
        let rows = state.query(
            "SELECT 1 FROM annotation_tag WHERE tag = ?1 AND position < ?2 LIMIT 1",
            &[tag.as_str().into(), SHOWN_ONLY.into()],
        )?;
        if !rows.is_empty() && !known.contains(&tag.as_str()) {
            known.push(tag);
        } else if rows.is_empty() && set == TagSet::Each {
            return Ok(None);
        }
    }
    Ok((!known.is_empty()).then_some(known))
}

/// The words by which an event is found: parted by blanks or, if there is a comma outside of double quotes, by
/// commas; what stands in quotes is one. (What is shown as its tags is parted by blanks, whatever they hold.)
fn tag_words(tags: &str) -> Vec<String> {
    let quoted = tags.split('"').skip(1).step_by(2);
    // A quote that is never closed does not count.
    let closed = tags.matches('"').count() / 2;
    let mut words: Vec<String> = quoted.take(closed).map(|word| word.trim().to_owned()).collect();
    let loose: Vec<&str> = tags
        .split('"')
        .enumerate()
        .filter(|(index, _)| index % 2 == 0 || index / 2 >= closed)
        .map(|(_, part)| part)
        .collect();
    let comma = loose.iter().any(|part| part.contains(','));
    for part in loose {
        words.extend(part.split(if comma { ',' } else { ' ' }).map(|word| word.trim().to_owned()));
    }
    words.retain(|word| !word.is_empty());
    words.sort();
    words.dedup();
    words
}

fn from_row(row: &Row) -> Annotation {
    Annotation {
        id: row.integer(0),
        at: row.real(1),
        what: row.text(2).to_owned(),
        data: row.text(3).to_owned(),
        tags: row.text(4).split(' ').filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
        projects: row.text(5).lines().map(str::to_owned).collect(),
    }
}

#[derive(Debug)]
pub enum Refused {
    Because(String),
    State(StateError),
}

impl From<StateError> for Refused {
    fn from(error: StateError) -> Refused {
        Refused::State(error)
    }
}

#[cfg(test)]
mod tests;
