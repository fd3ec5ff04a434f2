//! What is said of releases by those who make them: when they went out, where to, with which changes. Which release is later
//! than which is another matter (`release`).

use state_store::{Row, StateError, Transaction, Value};
use vocabulary::Timestamp;

use crate::deeds::Refusal;
use crate::life::is_release;
use crate::limits::{MAX_COMMITS, MAX_DEPLOYS, MAX_LISTED, MAX_NAME, MAX_RELEASES, MAX_SAID, cut};
use crate::store::number;
use crate::tracker::Tracker;

pub(crate) const TABLES: &str = "CREATE TABLE error_shipped (project INTEGER NOT NULL, version TEXT NOT NULL, created INTEGER NOT NULL,
        released INTEGER, url TEXT NOT NULL, reference TEXT NOT NULL, status TEXT NOT NULL, PRIMARY KEY (project, version)) STRICT, WITHOUT ROWID;
     CREATE INDEX error_shipped_version ON error_shipped (version);
     CREATE INDEX error_shipped_created ON error_shipped (project, created);
     CREATE TABLE error_deploy (id INTEGER PRIMARY KEY AUTOINCREMENT, project INTEGER NOT NULL, version TEXT NOT NULL, environment TEXT NOT NULL,
        name TEXT NOT NULL, url TEXT NOT NULL, started INTEGER, finished INTEGER NOT NULL) STRICT;
     CREATE INDEX error_deploy_release ON error_deploy (project, version);
     CREATE TABLE error_commit (project INTEGER NOT NULL, version TEXT NOT NULL, place INTEGER NOT NULL, id TEXT NOT NULL,
        repository TEXT NOT NULL, author_name TEXT NOT NULL, author_email TEXT NOT NULL, at INTEGER, message TEXT NOT NULL,
        PRIMARY KEY (project, version, place)) STRICT, WITHOUT ROWID;";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shipped {
    pub project: u64,
    pub version: String,
    pub created: Timestamp,
    /// None: it is being prepared.
    pub released: Option<Timestamp>,
    pub url: String,
    pub reference: String,
    /// `open` or `archived`.
    pub status: String,
    pub deploys: u64,
    pub commits: u64,
}

/// What is said of a release. What is None stays as it was.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub created: Option<Timestamp>,
    pub released: Option<Timestamp>,
    pub url: Option<String>,
    pub reference: Option<String>,
    pub status: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deploy {
    pub id: i64,
    pub environment: String,
    pub name: String,
    pub url: String,
    pub started: Option<Timestamp>,
    pub finished: Timestamp,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commit {
    pub id: String,
    pub repository: String,
    pub author_name: String,
    pub author_email: String,
    pub at: Option<Timestamp>,
    pub message: String,
}

const STATUSES: [&str; 2] = ["open", "archived"];

impl Said {
    fn problem(&self) -> Option<String> {
        let is_long = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() > MAX_SAID);
        if is_long(&self.url) || is_long(&self.reference) {
            return Some(format!("`url` and `ref` have {MAX_SAID} bytes at most"));
        }
        let is_other = self.status.as_deref().is_some_and(|status| !STATUSES.contains(&status));
        is_other.then(|| "`status` is open or archived".to_owned())
    }
}

fn optional(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| at.0.into())
}

fn time(row: &Row, column: usize) -> Option<Timestamp> {
    (!row.is_null(column)).then(|| Timestamp(row.integer(column)))
}

fn release_problem(version: &str) -> Option<Refusal> {
    let is_good = is_release(version) && !version.contains(['\n', '\r', '\t']) && version.trim() == version;
    (!is_good).then(|| Refusal::Wrong("a release has 1 to 250 bytes, and no line break in it".to_owned()))
}

impl Tracker {
    /// A release is made, or more is said of it. Answers whether it is new.
    pub fn ship(&self, project: u64, version: &str, said: &Said, now: Timestamp) -> Result<bool, Refusal> {
        if let Some(wrong) = release_problem(version) {
            return Err(wrong);
        }
        if let Some(why) = said.problem() {
            return Err(Refusal::Wrong(why));
        }
        self.note_release(project, version, now)?;
        Ok(self.store.transaction(|tx| ship(tx, project, version, said, now))?)
    }

    /// That of each project, the smallest number first.
    pub fn shipped(&self, version: &str) -> Result<Vec<Shipped>, StateError> {
        self.shipped_where("version = ?1", &[version.into()], "project", MAX_LISTED)
    }

    /// The newest first.
    pub fn shipped_of(&self, project: u64, limit: usize) -> Result<Vec<Shipped>, StateError> {
        self.shipped_where("project = ?1", &[number(project)], "created DESC, version DESC", limit)
    }

    fn shipped_where(
        &self,
        condition: &str,
        values: &[Value],
        order: &str,
        limit: usize,
    ) -> Result<Vec<Shipped>, StateError> {
        let limit = limit.min(MAX_LISTED);
        let sql = format!(
            "SELECT project, version, created, released, url, reference, status,
                (SELECT count(*) FROM error_deploy AS d WHERE d.project = s.project AND d.version = s.version),
                (SELECT count(*) FROM error_commit AS c WHERE c.project = s.project AND c.version = s.version)
             FROM error_shipped AS s WHERE {condition} ORDER BY {order} LIMIT {limit}"
        );
        let shipped = |row: &Row| Shipped {
            project: row.integer(0).unsigned_abs(),
            version: row.text(1).to_owned(),
            created: Timestamp(row.integer(2)),
            released: time(row, 3),
            url: row.text(4).to_owned(),
            reference: row.text(5).to_owned(),
            status: row.text(6).to_owned(),
            deploys: row.integer(7).unsigned_abs(),
            commits: row.integer(8).unsigned_abs(),
        };
        Ok(self.store.query(&sql, values)?.iter().map(shipped).collect())
    }

    /// What was said of it goes; what events told of it stays. Answers whether there was anything.
    pub fn unship(&self, project: u64, version: &str) -> Result<bool, StateError> {
        self.store.transaction(|tx| unship(tx, project, version))
    }

    /// In the place of those that there were.
    pub fn set_commits(&self, project: u64, version: &str, commits: &[Commit]) -> Result<(), Refusal> {
        if commits.len() > MAX_COMMITS {
            return Err(Refusal::Wrong(format!("a release has {MAX_COMMITS} commits at most")));
        }
        Ok(self.store.transaction(|tx| write_commits(tx, project, version, commits))?)
    }

    pub fn commits(&self, project: u64, version: &str) -> Result<Vec<Commit>, StateError> {
        let sql = "SELECT id, repository, author_name, author_email, at, message FROM error_commit
            WHERE project = ?1 AND version = ?2 ORDER BY place";
        let commit = |row: &Row| Commit {
            id: row.text(0).to_owned(),
            repository: row.text(1).to_owned(),
            author_name: row.text(2).to_owned(),
            author_email: row.text(3).to_owned(),
            at: time(row, 4),
            message: row.text(5).to_owned(),
        };
        Ok(self.store.query(sql, &[number(project), version.into()])?.iter().map(commit).collect())
    }

    /// Its number.
    pub fn deploy(&self, project: u64, version: &str, deploy: &Deploy) -> Result<i64, Refusal> {
        let texts = [&deploy.environment, &deploy.name];
        if deploy.environment.is_empty() || texts.iter().any(|text| text.len() > MAX_NAME) {
            return Err(Refusal::Wrong(format!("`environment` and `name` have {MAX_NAME} bytes at most")));
        }
        if deploy.url.len() > MAX_SAID {
            return Err(Refusal::Wrong(format!("`url` has {MAX_SAID} bytes at most")));
        }
        Ok(self.store.transaction(|tx| write_deploy(tx, project, version, deploy))?)
    }

    /// The newest first.
    pub fn deploys(&self, project: u64, version: &str) -> Result<Vec<Deploy>, StateError> {
        let sql = "SELECT id, environment, name, url, started, finished FROM error_deploy
            WHERE project = ?1 AND version = ?2 ORDER BY id DESC";
        let deploy = |row: &Row| Deploy {
            id: row.integer(0),
            environment: row.text(1).to_owned(),
            name: row.text(2).to_owned(),
            url: row.text(3).to_owned(),
            started: time(row, 4),
            finished: Timestamp(row.integer(5)),
        };
        Ok(self.store.query(sql, &[number(project), version.into()])?.iter().map(deploy).collect())
    }
}

fn ship(
    tx: &Transaction<'_>,
    project: u64,
    version: &str,
    said: &Said,
    now: Timestamp,
) -> Result<bool, StateError> {
    let values: [Value; 3] = [number(project), version.into(), said.created.unwrap_or(now).0.into()];
    let sql = "INSERT OR IGNORE INTO error_shipped (project, version, created, url, reference, status)
        VALUES (?1, ?2, ?3, '', '', 'open')";
    let is_new = tx.execute(sql, &values)? > 0;
    let values: [Value; 6] = [
        number(project),
        version.into(),
        optional(said.released),
        said.url.as_deref().into(),
        said.reference.as_deref().into(),
        said.status.as_deref().into(),
    ];
    let sql = "UPDATE error_shipped SET released = coalesce(?3, released), url = coalesce(?4, url),
        reference = coalesce(?5, reference), status = coalesce(?6, status) WHERE project = ?1 AND version = ?2";
    tx.execute(sql, &values)?;
    if is_new {
        forget_oldest(tx, project)?;
    }
    Ok(is_new)
}

/// As many are kept as are kept in order.
fn forget_oldest(tx: &Transaction<'_>, project: u64) -> Result<(), StateError> {
    let sql = "SELECT version FROM error_shipped WHERE project = ?1 ORDER BY created DESC, version DESC LIMIT 10 OFFSET ?2";
    for row in tx.query(sql, &[number(project), number(MAX_RELEASES as u64)])? {
        unship(tx, project, row.text(0))?;
    }
    Ok(())
}

fn unship(tx: &Transaction<'_>, project: u64, version: &str) -> Result<bool, StateError> {
    let which: [Value; 2] = [number(project), version.into()];
    tx.execute("DELETE FROM error_deploy WHERE project = ?1 AND version = ?2", &which)?;
    tx.execute("DELETE FROM error_commit WHERE project = ?1 AND version = ?2", &which)?;
    Ok(tx.execute("DELETE FROM error_shipped WHERE project = ?1 AND version = ?2", &which)? > 0)
}

fn write_commits(
    tx: &Transaction<'_>,
    project: u64,
    version: &str,
    commits: &[Commit],
) -> Result<(), StateError> {
    let which: [Value; 2] = [number(project), version.into()];
    tx.execute("DELETE FROM error_commit WHERE project = ?1 AND version = ?2", &which)?;
    let sql = "INSERT INTO error_commit (project, version, place, id, repository, author_name, author_email, at, message)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    for (place, commit) in commits.iter().enumerate() {
        let short = |text: &str| Value::from(cut(text, MAX_NAME));
        let values: [Value; 9] = [
            number(project),
            version.into(),
            number(place as u64),
            short(&commit.id),
            short(&commit.repository),
            short(&commit.author_name),
            short(&commit.author_email),
            optional(commit.at),
            cut(&commit.message, MAX_SAID).into(),
        ];
        tx.execute(sql, &values)?;
    }
    Ok(())
}

fn write_deploy(
    tx: &Transaction<'_>,
    project: u64,
    version: &str,
    deploy: &Deploy,
) -> Result<i64, StateError> {
    let values: [Value; 7] = [
        number(project),
        version.into(),
        deploy.environment.as_str().into(),
        deploy.name.as_str().into(),
        deploy.url.as_str().into(),
        optional(deploy.started),
        deploy.finished.0.into(),
    ];
    let sql = "INSERT INTO error_deploy (project, version, environment, name, url, started, finished)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    tx.execute(sql, &values)?;
    let id = tx.inserted_id();
    let sql = "DELETE FROM error_deploy WHERE project = ?1 AND version = ?2 AND id NOT IN
        (SELECT id FROM error_deploy WHERE project = ?1 AND version = ?2 ORDER BY id DESC LIMIT ?3)";
    tx.execute(sql, &[number(project), version.into(), number(MAX_DEPLOYS as u64)])?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000);

    fn tracker() -> (tempfile::TempDir, Tracker) {
        let (directory, store) = crate::tests::store();
        (directory, Tracker::open(store).unwrap())
    }

    #[test]
    fn what_is_said_of_a_release_adds_up() {
        let (_directory, tracker) = tracker();
        let url = Said { url: Some("https://a.example".into()), ..Said::default() };
        assert!(tracker.ship(1, "web@1", &url, NOW).unwrap());
        let released = Said { released: Some(NOW.plus(5)), ..Said::default() };
        assert!(!tracker.ship(1, "web@1", &released, NOW.plus(5)).unwrap());
        assert!(tracker.ship(2, "web@1", &Said::default(), NOW).unwrap());
        let found = tracker.shipped("web@1").unwrap();
        assert_eq!(found.iter().map(|one| one.project).collect::<Vec<_>>(), [1, 2]);
        assert_eq!((found[0].url.as_str(), found[0].released), ("https://a.example", Some(NOW.plus(5))));
        assert_eq!(tracker.releases(1, 10).unwrap(), [("web@1".to_owned(), NOW)], "it is in order, too");
        assert!(tracker.unship(1, "web@1").unwrap());
        assert!(!tracker.unship(1, "web@1").unwrap());
    }

    #[test]
    fn commits_and_deploys_are_of_their_release() {
        let (_directory, tracker) = tracker();
        tracker.ship(1, "1", &Said::default(), NOW).unwrap();
        let commit = |id: &str| Commit { id: id.into(), message: "m".repeat(10_000), ..Commit::default() };
        tracker.set_commits(1, "1", &[commit("a"), commit("b")]).unwrap();
        tracker.set_commits(1, "1", &[commit("c")]).unwrap();
        let commits = tracker.commits(1, "1").unwrap();
        assert_eq!((commits.len(), commits[0].id.as_str(), commits[0].message.len()), (1, "c", MAX_SAID));
        for n in 0..MAX_DEPLOYS + 5 {
            let environment = format!("e{n}");
            let deploy = Deploy { environment, finished: NOW, ..Deploy::default() };
            tracker.deploy(1, "1", &deploy).unwrap();
        }
        let deploys = tracker.deploys(1, "1").unwrap();
        assert_eq!((deploys.len(), deploys[0].environment.as_str()), (MAX_DEPLOYS, "e104"));
        let shipped = &tracker.shipped_of(1, 10).unwrap()[0];
        assert_eq!((shipped.deploys, shipped.commits), (MAX_DEPLOYS as u64, 1));
    }

    #[test]
    fn what_is_wrong_is_told() {
        let (_directory, tracker) = tracker();
        let wrong = |done: Result<bool, Refusal>, why: &str| {
            let error = done.unwrap_err();
            assert!(error.to_string().contains(why), "{error}");
        };
        for version in ["", "a\nb", " a", &"v".repeat(251)] {
            wrong(tracker.ship(1, version, &Said::default(), NOW), "a release has");
        }
        let status = Said { status: Some("lost".into()), ..Said::default() };
        wrong(tracker.ship(1, "1", &status, NOW), "open or archived");
        let nowhere = Deploy::default();
        assert!(tracker.deploy(1, "1", &nowhere).unwrap_err().to_string().contains("`environment`"));
        let many = vec![Commit::default(); MAX_COMMITS + 1];
        assert!(tracker.set_commits(1, "1", &many).unwrap_err().to_string().contains("at most"));
    }
}
