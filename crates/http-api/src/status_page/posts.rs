//! What was said to people outside: posts, each with its updates, the newest last.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use state_store::{Migrations, Row, StateError, StateStore, Transaction, Value};
use utoipa::ToSchema;
use vocabulary::Timestamp;

pub const MIGRATIONS: Migrations = Migrations {
    room: "status_page",
    // Numbers are not used again: readers of the feed know posts by them.
    steps: &[
        "CREATE TABLE status_post (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, opened INTEGER NOT NULL, ended INTEGER) STRICT;
         CREATE TABLE status_update (post INTEGER NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, phase TEXT NOT NULL,
            text TEXT NOT NULL, components TEXT NOT NULL, author TEXT NOT NULL, PRIMARY KEY (post, number)) STRICT, WITHOUT ROWID;",
        super::readers::MIGRATION,
    ],
};

/// The page shows what is over for so long; then it is history.
const SHOWN_SECONDS: i64 = 14 * 86_400;
/// More at once would be read by nobody.
pub const MAX_OPEN: usize = 50;
/// Posts that are kept; of more the oldest that are over go.
const MAX_KEPT: i64 = 1_000;
pub const MAX_UPDATES: usize = 200;
pub const MAX_TITLE: usize = 200;
pub const MAX_TEXT: usize = 10_000;

/// Where it has got to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Investigating,
    Identified,
    Monitoring,
    Resolved,
    /// Work that is announced.
    Planned,
    /// News, and no trouble.
    Notice,
}

/// How a part of what we offer does, for those who use it. The worse is the greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Operational,
    Maintenance,
    Degraded,
    PartialOutage,
    Outage,
}

/// What each component that is named does now.
pub type Standings = BTreeMap<String, Standing>;

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Update {
    pub number: i64,
    pub at: i64,
    pub phase: Phase,
    pub text: String,
    #[schema(value_type = Object)]
    pub components: Standings,
    /// Never shown outside.
    pub author: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Post {
    pub id: i64,
    pub title: String,
    pub opened: i64,
    /// When it was said to be resolved.
    pub ended: Option<i64>,
    /// The oldest first.
    pub updates: Vec<Update>,
}

impl Post {
    pub fn last(&self) -> Option<&Update> {
        self.updates.last()
    }
}

/// What somebody says.
#[derive(Clone, Debug)]
pub struct Said {
    pub phase: Phase,
    pub text: String,
    /// None: as before.
    pub components: Option<Standings>,
    pub author: String,
}

#[derive(Debug)]
pub enum Refused {
    Bad(String),
    Unknown,
    Full(String),
    State(StateError),
}

impl From<StateError> for Refused {
    fn from(error: StateError) -> Refused {
        Refused::State(error)
    }
}

/// Open ones, and those that were over lately; the newest first.
pub fn shown(state: &StateStore, now: Timestamp) -> Result<Vec<Post>, StateError> {
    let since = now.0 - SHOWN_SECONDS;
    some(state, "WHERE ended IS NULL OR ended >= ?1 ORDER BY id DESC", &[since.into()])
}

/// The newest first.
pub fn all(state: &StateStore, limit: usize) -> Result<Vec<Post>, StateError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    some(state, "ORDER BY id DESC LIMIT ?1", &[limit.into()])
}

pub fn one(state: &StateStore, id: i64) -> Result<Option<Post>, StateError> {
    Ok(some(state, "WHERE id = ?1", &[id.into()])?.into_iter().next())
}

fn some(state: &StateStore, which: &str, values: &[Value]) -> Result<Vec<Post>, StateError> {
    let rows = state.query(&format!("SELECT id, title, opened, ended FROM status_post {which}"), values)?;
    let sql = "SELECT number, at, phase, text, components, author FROM status_update WHERE post = ?1 ORDER BY number";
    let mut posts = Vec::new();
    for row in &rows {
        let id = row.integer(0);
        let updates = state.query(sql, &[id.into()])?.iter().filter_map(update).collect();
        let title = row.text(1).to_owned();
        posts.push(Post {
            id,
            title,
            opened: row.integer(2),
            ended: (!row.is_null(3)).then(|| row.integer(3)),
            updates,
        });
    }
    Ok(posts)
}

/// What cannot be read was written by a later version: it is left out rather than shown wrong.
fn update(row: &Row) -> Option<Update> {
    let phase = serde_json::from_value(row.text(2).into()).ok()?;
    let components = serde_json::from_str(row.text(4)).ok()?;
    let [text, author] = [3, 5].map(|column| row.text(column).to_owned());
    Some(Update { number: row.integer(0), at: row.integer(1), phase, text, components, author })
}

/// Begins a post.
pub fn begin(
    state: &StateStore,
    title: &str,
    said: &Said,
    known: &[String],
    now: Timestamp,
) -> Result<Post, Refused> {
    check_title(title)?;
    check(said, known)?;
    let open = "SELECT COUNT(*) FROM status_post WHERE ended IS NULL";
    let open = state.query(open, &[])?.first().map_or(0, |row| row.integer(0));
    if open >= MAX_OPEN as i64 {
        return Err(Refused::Full(format!("{MAX_OPEN} posts are open: resolve or withdraw some")));
    }
    let id = state.transaction(|tx| {
        let sql = "INSERT INTO status_post (title, opened, ended) VALUES (?1, ?2, NULL)";
        tx.execute(sql, &[title.trim().into(), now.0.into()])?;
        let id = tx.query("SELECT last_insert_rowid()", &[])?.first().map_or(0, |row| row.integer(0));
        add(tx, id, 1, said, &said.components.clone().unwrap_or_default(), now)?;
        forget(tx)?;
        Ok(id)
    })?;
    one(state, id)?.ok_or(Refused::Unknown)
}

/// Says what came of it. After a resolution it is open again if something else is said.
pub fn go_on(
    state: &StateStore,
    id: i64,
    said: &Said,
    known: &[String],
    now: Timestamp,
) -> Result<Post, Refused> {
    check(said, known)?;
    let post = one(state, id)?.ok_or(Refused::Unknown)?;
    if post.updates.len() >= MAX_UPDATES {
        return Err(Refused::Full(format!(
            "it has {MAX_UPDATES} updates already: resolve it, and begin another"
        )));
    }
    let before = post.last().map(|last| last.components.clone()).unwrap_or_default();
    let components = said.components.clone().unwrap_or(before);
    state.transaction(|tx| {
        let sql = "SELECT COALESCE(MAX(number), 0) FROM status_update WHERE post = ?1";
        let last = tx.query(sql, &[id.into()])?.first().map_or(0, |row| row.integer(0));
        add(tx, id, last + 1, said, &components, now)
    })?;
    one(state, id)?.ok_or(Refused::Unknown)
}

/// It was wrong to say it. False: there is none.
pub fn withdraw(state: &StateStore, id: i64) -> Result<bool, StateError> {
    state.transaction(|tx| {
        tx.execute("DELETE FROM status_update WHERE post = ?1", &[id.into()])?;
        Ok(tx.execute("DELETE FROM status_post WHERE id = ?1", &[id.into()])? > 0)
    })
}

fn add(
    tx: &Transaction<'_>,
    id: i64,
    number: i64,
    said: &Said,
    components: &Standings,
    now: Timestamp,
) -> Result<(), StateError> {
    let ended = (said.phase == Phase::Resolved).then_some(now.0);
    tx.execute("UPDATE status_post SET ended = ?2 WHERE id = ?1", &[id.into(), ended.into()])?;
    let word = serde_json::to_value(said.phase).unwrap_or_default();
    let components = serde_json::to_string(components).unwrap_or_default();
    let sql = "INSERT INTO status_update (post, number, at, phase, text, components, author) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let values = [
        id.into(),
        number.into(),
        now.0.into(),
        word.as_str().unwrap_or_default().into(),
        said.text.trim().into(),
        components.as_str().into(),
        said.author.as_str().into(),
    ];
    tx.execute(sql, &values)?;
    Ok(())
}

fn forget(tx: &Transaction<'_>) -> Result<(), StateError> {
    let old =
        "SELECT id FROM status_post WHERE ended IS NOT NULL AND id <= (SELECT MAX(id) FROM status_post) - ?1";
    let values = [MAX_KEPT.into()];
    tx.execute(&format!("DELETE FROM status_update WHERE post IN ({old})"), &values)?;
    tx.execute(&format!("DELETE FROM status_post WHERE id IN ({old})"), &values)?;
    Ok(())
}

fn check_title(title: &str) -> Result<(), Refused> {
    let is_line = !title.trim().is_empty() && !title.chars().any(char::is_control);
    match is_line && title.len() <= MAX_TITLE {
        true => Ok(()),
        false => Err(Refused::Bad(format!("`title` is one line of 1 to {MAX_TITLE} bytes"))),
    }
}

fn check(said: &Said, known: &[String]) -> Result<(), Refused> {
    // What is no character of XML would break the feed.
    let is_text = !said.text.trim().is_empty()
        && !said
            .text
            .chars()
            .any(|c| (c.is_control() && !matches!(c, '\n' | '\t')) || matches!(c, '\u{fffe}' | '\u{ffff}'));
    if !is_text || said.text.len() > MAX_TEXT {
        return Err(Refused::Bad(format!("`text` is plain text of 1 to {MAX_TEXT} bytes")));
    }
    let named = said.components.iter().flat_map(BTreeMap::keys);
    if let Some(name) = named.into_iter().find(|name| !known.contains(name)) {
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(Refused::Bad(format!(
            "there is no component `{name}`: [status_page] components has {known}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, StateStore) {
        let directory = tempfile::tempdir().unwrap();
        let store = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
        (directory, store)
    }

    fn said(phase: Phase, text: &str, components: Option<Standings>) -> Said {
        Said { phase, text: text.into(), components, author: "ana".into() }
    }

    fn known() -> Vec<String> {
        vec!["Shop".to_owned()]
    }

    #[test]
    fn a_post_goes_on_keeps_its_components_and_ends() {
        let (_directory, store) = store();
        let out: Standings = [("Shop".to_owned(), Standing::Outage)].into();
        let first = said(Phase::Investigating, "We look.", Some(out.clone()));
        let post = begin(&store, " Orders fail ", &first, &known(), Timestamp(100)).unwrap();
        assert_eq!((post.title.as_str(), post.opened, post.ended), ("Orders fail", 100, None));
        let second = said(Phase::Identified, "A disk.", None);
        let post = go_on(&store, post.id, &second, &known(), Timestamp(200)).unwrap();
        assert_eq!(post.last().map(|last| (last.number, last.components.clone())), Some((2, out)));
        let over = said(Phase::Resolved, "It works.", Some(Standings::new()));
        let post = go_on(&store, post.id, &over, &known(), Timestamp(300)).unwrap();
        assert_eq!(post.ended, Some(300));
        assert_eq!(shown(&store, Timestamp(300 + SHOWN_SECONDS)).unwrap(), std::slice::from_ref(&post));
        assert_eq!(shown(&store, Timestamp(301 + SHOWN_SECONDS)).unwrap(), []);
        assert_eq!(all(&store, 10).unwrap(), std::slice::from_ref(&post));
        let again =
            go_on(&store, post.id, &said(Phase::Monitoring, "Again.", None), &known(), Timestamp(400));
        assert_eq!(again.unwrap().ended, None);
        assert!(withdraw(&store, post.id).unwrap() && !withdraw(&store, post.id).unwrap());
        let next = begin(&store, "Next", &first, &known(), Timestamp(500)).unwrap();
        assert_eq!(next.id, post.id + 1, "the number of what was withdrawn is not used again");
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        let (_directory, store) = store();
        let good = said(Phase::Notice, "x", None);
        for title in ["", " ", "a\nb", &"a".repeat(MAX_TITLE + 1)] {
            assert!(
                matches!(begin(&store, title, &good, &[], Timestamp(0)), Err(Refused::Bad(_))),
                "{title}"
            );
        }
        for text in ["", " ", "a\0", "a\u{ffff}", &"a".repeat(MAX_TEXT + 1)] {
            let wrong = said(Phase::Notice, text, None);
            assert!(matches!(begin(&store, "x", &wrong, &[], Timestamp(0)), Err(Refused::Bad(_))), "{text}");
        }
        let strange = said(Phase::Notice, "x", Some([("Shap".to_owned(), Standing::Degraded)].into()));
        let why = begin(&store, "x", &strange, &known(), Timestamp(0)).unwrap_err();
        assert!(matches!(&why, Refused::Bad(why) if why.contains("Shap") && why.contains("Shop")), "{why:?}");
        assert!(matches!(go_on(&store, 9, &good, &[], Timestamp(0)), Err(Refused::Unknown)));
        for n in 0..MAX_OPEN {
            begin(&store, &format!("{n}"), &good, &[], Timestamp(0)).unwrap();
        }
        assert!(matches!(begin(&store, "more", &good, &[], Timestamp(0)), Err(Refused::Full(_))));
    }
}
