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
    Ok(id)
}

const COLUMNS: &str = "SELECT id, at, what, data,
    (SELECT group_concat(tag, ' ') FROM (SELECT tag FROM annotation_tag WHERE annotation = annotation.id AND position >= 0
        ORDER BY position % 1048576)), projects
    FROM annotation";

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
    let rows = state.query(&format!("{COLUMNS} WHERE id = ?1"), &[id.into()])?;
    Ok(rows.first().map(from_row))
}

/// In order of time.
pub fn list(state: &StateStore, query: &Query<'_>) -> Result<Vec<Annotation>, StateError> {
    let mut sql = format!("{COLUMNS} WHERE at >= ?1 AND at <= ?2");
    let mut values: Vec<Value> = vec![query.from.into(), query.until.into()];
    if let Some(tags) = query.tags {
        let Some(tags) = wanted(state, tags, query.set)? else { return Ok(Vec::new()) };
        let places: Vec<String> = (0..tags.len()).map(|index| format!("?{}", index + 3)).collect();
        let needed = if query.set == TagSet::Any { 1 } else { tags.len() };
        sql += &format!(
            " AND (SELECT count(DISTINCT tag) FROM annotation_tag WHERE annotation = annotation.id AND position < {SHOWN_ONLY} AND tag IN ({})) >= {needed}",
            places.join(", ")
        );
        values.extend(tags.into_iter().map(Value::from));
    }
    sql += &format!(" ORDER BY at DESC, id DESC LIMIT {MAX_LISTED}");
    let mut found: Vec<Annotation> = state.query(&sql, &values)?.iter().map(from_row).collect();
    found.reverse();
    Ok(found)
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
mod tests {
    use graphite::Events;
    use vocabulary::Timestamp;

    use super::*;
    use crate::StateEvents;

    fn tags(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn new(at: f64, what: &str, words: &str, data: &str) -> NewAnnotation {
        NewAnnotation { at, what: what.into(), tags: tags(words), data: data.into() }
    }

    fn state() -> (tempfile::TempDir, StateStore) {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
        (directory, state)
    }

    #[test]
    fn annotations_are_found_by_time_and_tags() {
        let (_directory, state) = state();
        let deploy = add(&state, &new(10.5, "deployed 1", "deploy web", "by ana")).unwrap();
        add(&state, &new(20.0, "flip", "flip web", "")).unwrap();
        add(&state, &new(15.0, "note", "", "")).unwrap();
        let check = |from: f64, until: f64, wanted: &str, set: TagSet, expected: &[&str]| {
            let wanted = (!wanted.is_empty()).then(|| tags(wanted));
            let found = list(&state, &Query { from, until, tags: wanted.as_deref(), set }).unwrap();
            assert_eq!(found.iter().map(|a| a.what.as_str()).collect::<Vec<_>>(), expected, "{wanted:?}");
        };
        check(0.0, 100.0, "", TagSet::All, &["deployed 1", "note", "flip"]);
        check(10.5, 15.0, "", TagSet::All, &["deployed 1", "note"]);
        check(0.0, 100.0, "web", TagSet::All, &["deployed 1", "flip"]);
        check(0.0, 100.0, "web deploy", TagSet::All, &["deployed 1"]);
        check(0.0, 100.0, "deploy flip", TagSet::Any, &["deployed 1", "flip"]);
        check(0.0, 100.0, "deploy nothing", TagSet::All, &["deployed 1"]);
        check(0.0, 100.0, "deploy nothing", TagSet::Each, &[]);
        check(0.0, 100.0, "nothing", TagSet::All, &[]);
        let one = one(&state, deploy).unwrap().unwrap();
        assert_eq!((one.tags, one.data), (tags("deploy web"), "by ana".to_owned()));
    }

    #[test]
    fn what_is_of_projects_is_told_to_those_who_see_them() {
        let (_directory, state) = state();
        let of = |projects: &[&str]| projects.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>();
        add_of(&state, &new(1.0, "both", "deploy shop mail", ""), &of(&["shop", "mail"])).unwrap();
        add_of(&state, &new(2.0, "theirs", "deploy mail", ""), &of(&["mail"])).unwrap();
        add(&state, &new(3.0, "everybody's", "mail", "")).unwrap();
        let told = |scope: Scope| {
            let all = Query { from: 0.0, until: 9.0, tags: None, set: TagSet::All };
            let found = seen(&scope, list(&state, &all).unwrap()).into_iter();
            found.map(|one| format!("{}: {}", one.what, one.tags.join(" "))).collect::<Vec<_>>()
        };
        let limited = Scope::prefixes(vec!["errors.shop.".to_owned()]);
        assert_eq!(told(limited.clone()), ["both: deploy shop", "everybody's: mail"]);
        assert_eq!(told(Scope::everything()).len(), 3);
        let moments = |scope: &Scope| {
            let events = StateEvents { state: &state, scope };
            events.moments(Timestamp(0), Timestamp(9), &["mail".to_owned()]).len()
        };
        assert_eq!((moments(&limited), moments(&Scope::everything())), (2, 3), "for `events` too");
        // It takes them along, and whoever is called so next has none of them.
        rename_project(&state, "mail", "post").unwrap();
        assert_eq!(told(limited), ["both: deploy shop", "everybody's: mail"]);
        assert_eq!(told(Scope::prefixes(vec!["errors.mail.".to_owned()])), ["everybody's: mail"]);
        let of_post = told(Scope::prefixes(vec!["errors.post.".to_owned()]));
        assert_eq!(of_post, ["both: deploy post", "theirs: deploy post", "everybody's: mail"]);
    }

    #[test]
    fn words_of_tags() {
        let check = |text: &str, wanted: &[&str]| assert_eq!(tag_words(text), wanted, "{text}");
        check("b a  a", &["a", "b"]);
        check("a,b c", &["a", "b c"]);
        check("it's \"q\"", &["it's", "q"]);
        check("\"a, b\" c d", &["a, b", "c", "d"]);
        check("\"a, b\" c d, e", &["a, b", "c d", "e"]);
        check("\"open, x", &["open", "x"]);
        check("", &[]);
    }

    #[test]
    fn any_text_has_words_without_blanks_around() {
        // xorshift: the same texts in every run.
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..seed % 24 {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                text.push([' ', ',', '"', 'a', 'b', '\u{e4}'][(seed % 6) as usize]);
            }
            seed = seed.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(1);
            let words = tag_words(&text);
            assert!(words.iter().all(|word| !word.is_empty() && word.trim() == word), "{text:?} {words:?}");
            assert!(words.is_sorted(), "{text:?} {words:?}");
        }
    }

    #[test]
    fn what_is_parted_by_commas_is_found_and_shown_as_it_came() {
        let (_directory, state) = state();
        let id = add(&state, &new(1.0, "old client", "deploy,web", "")).unwrap();
        let query = |word: &str| {
            let tags = tags(word);
            list(&state, &Query { from: 0.0, until: 9.0, tags: Some(&tags), set: TagSet::All }).unwrap().len()
        };
        assert_eq!((query("deploy"), query("web"), query("other"), query("deploy,web")), (1, 1, 0, 0));
        assert_eq!(one(&state, id).unwrap().unwrap().tags, ["deploy,web"]);
    }

    #[test]
    fn what_is_beyond_the_limits_is_refused() {
        let (_directory, state) = state();
        let beyond = [new(1.0, &"x".repeat(256), "", ""), new(f64::NAN, "x", "", ""), new(1e18, "x", "", "")];
        for new in &beyond {
            assert!(matches!(add(&state, new), Err(Refused::Because(_))), "{new:?}");
        }
        let all = [&beyond[..], &[new(1.0, "fine", "", "")]].concat();
        assert_eq!(add_all(&state, &all).unwrap(), 3);
        let found = list(&state, &Query { from: 0.0, until: 9.0, tags: None, set: TagSet::All }).unwrap();
        assert_eq!(found.iter().map(|a| a.what.as_str()).collect::<Vec<_>>(), ["fine"]);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let (_directory, state) = state();
        let first = add(&state, &new(1.0, "first", "tag", "")).unwrap();
        state
            .transaction(|tx| tx.execute("UPDATE sqlite_sequence SET seq = ?1", &[(MAX_KEPT - 1).into()]))
            .unwrap();
        add(&state, &new(2.0, "still within", "", "")).unwrap();
        assert!(one(&state, first).unwrap().is_some());
        add(&state, &new(3.0, "one more", "", "")).unwrap();
        assert!(one(&state, first).unwrap().is_none());
        let tags = state.query("SELECT count(*) FROM annotation_tag", &[]).unwrap();
        assert_eq!(tags[0].integer(0), 0, "its tags go with it");
    }
}
