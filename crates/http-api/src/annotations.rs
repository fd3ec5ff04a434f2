//! Marks in time on every graph: deploys, flips, incidents, anything posted to `/events/`.

use serde::Serialize;
use state_store::{Migrations, Row, StateError, StateStore, Value};
use utoipa::ToSchema;

pub const MIGRATIONS: Migrations = Migrations {
    room: "annotations",
    steps: &["CREATE TABLE annotation (id INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, what TEXT NOT NULL, data TEXT NOT NULL) STRICT;
         CREATE INDEX annotation_at ON annotation (at);
         CREATE TABLE annotation_tag (annotation INTEGER NOT NULL REFERENCES annotation (id) ON DELETE CASCADE, position INTEGER NOT NULL,
            tag TEXT NOT NULL, PRIMARY KEY (annotation, position)) STRICT, WITHOUT ROWID;
         CREATE INDEX annotation_tag_tag ON annotation_tag (tag, annotation);"],
};

/// Longest texts; graphite-web's column for `what` has this length too.
pub const MAX_WHAT: usize = 255;
pub const MAX_DATA: usize = 64 << 10;
pub const MAX_TAGS: usize = 64;
/// One answer holds at most so many; the newest count.
pub const MAX_LISTED: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Annotation {
    pub id: i64,
    pub at: f64,
    pub what: String,
    pub tags: Vec<String>,
    pub data: String,
}

/// How the tags of a query go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagSet {
    All,
    Any,
}

#[derive(Clone, Debug)]
pub struct Query<'a> {
    /// Both ends are part of it.
    pub from: f64,
    pub until: f64,
    pub tags: &'a [String],
    pub set: TagSet,
}

/// Store one and give it an id; texts beyond the limits are refused with the reason.
pub fn add(state: &StateStore, at: f64, what: &str, tags: &[String], data: &str) -> Result<i64, Refused> {
    if what.chars().count() > MAX_WHAT {
        return Err(Refused::Because(format!("`what` is longer than {MAX_WHAT} characters")));
    }
    if data.len() > MAX_DATA {
        return Err(Refused::Because(format!("`data` is longer than {MAX_DATA} bytes")));
    }
    if tags.len() > MAX_TAGS {
        return Err(Refused::Because(format!("there are more than {MAX_TAGS} tags")));
    }
    if !at.is_finite() {
        return Err(Refused::Because("`when` is not a time".into()));
    }
    let id = state.transaction(|tx| {
        tx.execute(
            "INSERT INTO annotation (at, what, data) VALUES (?1, ?2, ?3)",
            &[at.into(), what.into(), data.into()],
        )?;
        let id = tx.inserted_id();
        for (position, tag) in tags.iter().enumerate() {
            tx.execute(
                "INSERT INTO annotation_tag (annotation, position, tag) VALUES (?1, ?2, ?3)",
                &[id.into(), (position as i64).into(), tag.as_str().into()],
            )?;
        }
        Ok(id)
    })?;
    Ok(id)
}

const COLUMNS: &str = "SELECT id, at, what, data,
    (SELECT group_concat(tag, ' ') FROM (SELECT tag FROM annotation_tag WHERE annotation = annotation.id ORDER BY position))
    FROM annotation";

pub fn one(state: &StateStore, id: i64) -> Result<Option<Annotation>, StateError> {
    let rows = state.query(&format!("{COLUMNS} WHERE id = ?1"), &[id.into()])?;
    Ok(rows.first().map(from_row))
}

/// In order of time.
pub fn list(state: &StateStore, query: &Query<'_>) -> Result<Vec<Annotation>, StateError> {
    let mut tags: Vec<&String> = query.tags.iter().collect();
    tags.sort();
    tags.dedup();
    let mut sql = format!("{COLUMNS} WHERE at >= ?1 AND at <= ?2");
    let mut values: Vec<Value> = vec![query.from.into(), query.until.into()];
    if !tags.is_empty() {
        let places: Vec<String> = (0..tags.len()).map(|index| format!("?{}", index + 3)).collect();
        let needed = if query.set == TagSet::All { tags.len() } else { 1 };
        sql += &format!(
            " AND (SELECT count(DISTINCT tag) FROM annotation_tag WHERE annotation = annotation.id AND tag IN ({})) >= {needed}",
            places.join(", ")
        );
        values.extend(tags.into_iter().map(|tag| Value::from(tag.as_str())));
    }
    sql += &format!(" ORDER BY at DESC, id DESC LIMIT {MAX_LISTED}");
    let mut found: Vec<Annotation> = state.query(&sql, &values)?.iter().map(from_row).collect();
    found.reverse();
    Ok(found)
}

fn from_row(row: &Row) -> Annotation {
    Annotation {
        id: row.integer(0),
        at: row.real(1),
        what: row.text(2).to_owned(),
        data: row.text(3).to_owned(),
        tags: row.text(4).split(' ').filter(|tag| !tag.is_empty()).map(str::to_owned).collect(),
    }
}

#[derive(Debug)]
pub enum Refused {
    Because(String),
    State(StateError),
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Refused::Because(why) => f.write_str(why),
            Refused::State(error) => error.fmt(f),
        }
    }
}

impl From<StateError> for Refused {
    fn from(error: StateError) -> Refused {
        Refused::State(error)
    }
}

impl From<Refused> for crate::answer::Problem {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Because(why) => crate::answer::Problem::bad_request(why),
            Refused::State(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn annotations_are_found_by_time_and_tags() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
        let deploy = add(&state, 10.5, "deployed 1", &tags("deploy web"), "by ana").unwrap();
        add(&state, 20.0, "flip", &tags("flip web"), "").unwrap();
        add(&state, 15.0, "note", &[], "").unwrap();
        let check = |from: f64, until: f64, wanted: &str, set: TagSet, expected: &[&str]| {
            let wanted = tags(wanted);
            let found = list(&state, &Query { from, until, tags: &wanted, set }).unwrap();
            assert_eq!(found.iter().map(|a| a.what.as_str()).collect::<Vec<_>>(), expected, "{wanted:?}");
        };
        check(0.0, 100.0, "", TagSet::All, &["deployed 1", "note", "flip"]);
        check(10.5, 15.0, "", TagSet::All, &["deployed 1", "note"]);
        check(0.0, 100.0, "web", TagSet::All, &["deployed 1", "flip"]);
        check(0.0, 100.0, "web deploy", TagSet::All, &["deployed 1"]);
        check(0.0, 100.0, "deploy flip", TagSet::Any, &["deployed 1", "flip"]);
        let one = one(&state, deploy).unwrap().unwrap();
        assert_eq!((one.tags, one.data), (tags("deploy web"), "by ana".to_owned()));
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
        assert!(matches!(add(&state, 1.0, &"x".repeat(256), &[], ""), Err(Refused::Because(_))));
        assert!(matches!(add(&state, f64::NAN, "x", &[], ""), Err(Refused::Because(_))));
    }
}
