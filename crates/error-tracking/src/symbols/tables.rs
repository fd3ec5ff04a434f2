//! Which bundle holds what, in the state database.

use formats::sentry::bundle::{Artifact, ArtifactKind, DebugId};
use state_store::{Row, StateError, StateStore, Transaction, Value};
use vocabulary::Timestamp;

use super::Sum;
use crate::store::number;

pub(crate) const TABLES: &str = "CREATE TABLE error_bundle (id INTEGER PRIMARY KEY, checksum TEXT NOT NULL UNIQUE, bytes INTEGER NOT NULL,
        files INTEGER NOT NULL, created INTEGER NOT NULL, used INTEGER NOT NULL) STRICT;
     CREATE TABLE error_bundle_of (bundle INTEGER NOT NULL REFERENCES error_bundle (id) ON DELETE CASCADE, project INTEGER NOT NULL,
        release TEXT NOT NULL, dist TEXT NOT NULL, PRIMARY KEY (bundle, project, release, dist)) STRICT, WITHOUT ROWID;
     CREATE TABLE error_artifact (bundle INTEGER NOT NULL REFERENCES error_bundle (id) ON DELETE CASCADE, path TEXT NOT NULL,
        kind TEXT NOT NULL, url TEXT NOT NULL, debug_id TEXT, source_map TEXT, PRIMARY KEY (bundle, path)) STRICT, WITHOUT ROWID;
     CREATE INDEX error_artifact_debug ON error_artifact (debug_id) WHERE debug_id IS NOT NULL;
     CREATE INDEX error_artifact_url ON error_artifact (url);";

/// A bundle that is there.
pub(super) struct Kept {
    pub id: i64,
    pub checksum: Sum,
    pub bytes: u64,
}

/// Whom a bundle is for. Texts that are not said are empty.
pub(super) struct For<'a> {
    pub projects: &'a [u64],
    pub release: &'a str,
    pub dist: &'a str,
}

pub(super) struct NewBundle<'a> {
    pub checksum: Sum,
    pub bytes: u64,
    pub files: &'a [Artifact],
}

/// A file of a bundle.
pub(super) struct FoundFile {
    pub bundle: i64,
    pub checksum: Sum,
    pub path: String,
    pub kind: String,
    pub url: String,
    pub source_map: Option<String>,
}

/// The ones that were not used for longest come first.
pub(super) fn all(store: &StateStore) -> Result<Vec<Kept>, StateError> {
    used_before(store, Timestamp(i64::MAX))
}

pub(super) fn used_before(store: &StateStore, at: Timestamp) -> Result<Vec<Kept>, StateError> {
    let sql = "SELECT id, checksum, bytes FROM error_bundle WHERE used < ?1 ORDER BY used, id";
    let kept = |row: &Row| {
        let checksum = row.text(1).parse().ok()?;
        Some(Kept { id: row.integer(0), checksum, bytes: row.integer(2).unsigned_abs() })
    };
    Ok(store.query(sql, &[at.0.into()])?.iter().filter_map(kept).collect())
}

pub(super) fn find(store: &StateStore, checksum: Sum) -> Result<Option<i64>, StateError> {
    let sql = "SELECT id FROM error_bundle WHERE checksum = ?1";
    let rows = store.query(sql, &[checksum.to_string().into()])?;
    Ok(rows.first().map(|row| row.integer(0)))
}

/// Do all of these projects have it?
pub(super) fn is_of(store: &StateStore, bundle: i64, projects: &[u64]) -> Result<bool, StateError> {
    let sql = "SELECT 1 FROM error_bundle_of WHERE bundle = ?1 AND project = ?2 LIMIT 1";
    for project in projects {
        if store.query(sql, &[bundle.into(), number(*project)])?.is_empty() {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn insert(tx: &Transaction<'_>, new: &NewBundle<'_>, now: Timestamp) -> Result<i64, StateError> {
    let values: [Value; 4] =
        [new.checksum.to_string().into(), number(new.bytes), number(new.files.len() as u64), now.0.into()];
    tx.execute(
        "INSERT INTO error_bundle (checksum, bytes, files, created, used) VALUES (?1, ?2, ?3, ?4, ?4)",
        &values,
    )?;
    let bundle = tx.inserted_id();
    let sql = "INSERT INTO error_artifact (bundle, path, kind, url, debug_id, source_map) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    for file in new.files {
        let values: [Value; 6] = [
            bundle.into(),
            file.path.as_str().into(),
            file.kind.word().into(),
            file.url.as_str().into(),
            file.debug_id.as_ref().map(DebugId::as_str).into(),
            file.source_map.as_deref().into(),
        ];
        tx.execute(sql, &values)?;
    }
    Ok(bundle)
}

/// It is for these too from now on, and in use.
pub(super) fn add_to(
    tx: &Transaction<'_>,
    bundle: i64,
    to: &For<'_>,
    now: Timestamp,
) -> Result<(), StateError> {
    let sql =
        "INSERT OR IGNORE INTO error_bundle_of (bundle, project, release, dist) VALUES (?1, ?2, ?3, ?4)";
    for project in to.projects {
        tx.execute(sql, &[bundle.into(), number(*project), to.release.into(), to.dist.into()])?;
    }
    used(tx, bundle, now)
}

pub(super) fn used(tx: &Transaction<'_>, bundle: i64, now: Timestamp) -> Result<(), StateError> {
    tx.execute("UPDATE error_bundle SET used = ?1 WHERE id = ?2", &[now.0.into(), bundle.into()]).map(drop)
}

pub(super) fn remove(store: &StateStore, bundle: i64) -> Result<(), StateError> {
    let sql = "DELETE FROM error_bundle WHERE id = ?1";
    store.transaction(|tx| tx.execute(sql, &[bundle.into()]).map(drop))
}

/// Those that have any.
pub(super) fn projects(store: &StateStore) -> Result<Vec<u64>, StateError> {
    let rows = store.query("SELECT DISTINCT project FROM error_bundle_of", &[])?;
    Ok(rows.iter().map(|row| row.integer(0).unsigned_abs()).collect())
}

const FOUND: &str =
    "SELECT a.bundle, b.checksum, a.path, a.kind, a.url, a.source_map FROM error_artifact AS a
    JOIN error_bundle AS b ON b.id = a.bundle";

/// Files of one id, those of the newest bundle first.
pub(super) fn by_debug_id(
    store: &StateStore,
    project: u64,
    id: &DebugId,
) -> Result<Vec<FoundFile>, StateError> {
    let sql = format!(
        "{FOUND} WHERE a.debug_id = ?1 AND EXISTS (SELECT 1 FROM error_bundle_of AS o WHERE o.bundle = a.bundle AND o.project = ?2)
            ORDER BY a.bundle DESC LIMIT 20"
    );
    Ok(files(&store.query(&sql, &[id.as_str().into(), number(project)])?))
}

/// Which release an event is of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Build {
    pub project: u64,
    pub release: String,
    pub dist: String,
}

/// What is of this dist comes before what is of none; then the newest.
pub(super) fn by_url(
    store: &StateStore,
    build: &Build,
    url: &str,
    kind: ArtifactKind,
) -> Result<Option<FoundFile>, StateError> {
    let sql = format!(
        "{FOUND} JOIN error_bundle_of AS o ON o.bundle = a.bundle
            WHERE a.url = ?1 AND a.kind = ?2 AND o.project = ?3 AND o.release = ?4 AND o.dist IN (?5, '')
            ORDER BY o.dist DESC, a.bundle DESC LIMIT 1"
    );
    let values: [Value; 5] = [
        url.into(),
        kind.word().into(),
        number(build.project),
        build.release.as_str().into(),
        build.dist.as_str().into(),
    ];
    Ok(files(&store.query(&sql, &values)?).pop())
}

fn files(rows: &[Row]) -> Vec<FoundFile> {
    let file = |row: &Row| {
        Some(FoundFile {
            bundle: row.integer(0),
            checksum: row.text(1).parse().ok()?,
            path: row.text(2).to_owned(),
            kind: row.text(3).to_owned(),
            url: row.text(4).to_owned(),
            source_map: (!row.is_null(5)).then(|| row.text(5).to_owned()),
        })
    };
    rows.iter().filter_map(file).collect()
}
