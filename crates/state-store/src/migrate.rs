//! Bringing a database to the present form. Each room numbers its own steps; a step, once released, is
//! never changed. Before the first step is taken on a database with content, a copy is put beside it.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension};

use crate::{StateError, copy, database};

/// The steps of one room, in order: SQL that brings its tables from form `i` to form `i + 1`.
#[derive(Clone, Copy, Debug)]
pub struct Migrations {
    pub room: &'static str,
    pub steps: &'static [&'static str],
}

pub(crate) fn run(connection: &mut Connection, path: &Path, rooms: &[Migrations]) -> Result<(), StateError> {
    connection
        .execute_batch("CREATE TABLE IF NOT EXISTS form (room TEXT PRIMARY KEY, version INTEGER NOT NULL)")
        .map_err(database("read the form"))?;
    let mut pending = Vec::new();
    for migrations in rooms {
        let found = form_of(connection, migrations.room)?;
        let known = migrations.steps.len() as u32;
        if found > known {
            return Err(StateError::Newer { room: migrations.room.to_owned(), found, known });
        }
        pending.extend((found..known).map(|step| (migrations, step)));
    }
    if !pending.is_empty() && has_records(connection)? {
        copy(connection, &copy_name(connection, path)?)?;
    }
    for (migrations, step) in pending {
        take(connection, migrations, step)?;
    }
    Ok(())
}

/// The form of each room's records in a database, which is not changed; none where there is no database.
pub fn forms(path: &Path) -> Result<Vec<(String, u32)>, StateError> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let doing = format!("look at {}", path.display());
    let connection = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY);
    let connection = connection.map_err(database(&doing))?;
    let mut statement =
        connection.prepare("SELECT room, version FROM form ORDER BY room").map_err(database(&doing))?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(database(&doing))?;
    rows.collect::<Result<_, _>>().map_err(database(&doing))
}

/// A whole database in which no room ever had records. Whatever else is wrong, opening it tells.
pub(crate) fn is_without_form(path: &Path) -> bool {
    let query = "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'form')";
    Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
        .and_then(|connection| connection.query_row(query, [], |row| row.get(0)))
        .unwrap_or(false)
}

fn form_of(connection: &Connection, room: &str) -> Result<u32, StateError> {
    let query = "SELECT version FROM form WHERE room = ?1";
    let found = connection.query_row(query, [room], |row| row.get(0)).optional();
    Ok(found.map_err(database("read the form"))?.unwrap_or(0))
}

fn has_records(connection: &Connection) -> Result<bool, StateError> {
    connection
        .query_row("SELECT EXISTS (SELECT 1 FROM form)", [], |row| row.get(0))
        .map_err(database("read the form"))
}

/// `before-<sum of forms>.db`: the sum grows with every migration, so no copy overwrites another.
fn copy_name(connection: &Connection, path: &Path) -> Result<std::path::PathBuf, StateError> {
    let forms: u32 = connection
        .query_row("SELECT COALESCE(SUM(version), 0) FROM form", [], |row| row.get(0))
        .map_err(database("read the form"))?;
    Ok(path.with_file_name(format!("before-{forms}.db")))
}

fn take(connection: &mut Connection, migrations: &Migrations, step: u32) -> Result<(), StateError> {
    let doing = format!("bring the records of {} to form {}", migrations.room, step + 1);
    let transaction = connection.transaction().map_err(database(&doing))?;
    transaction.execute_batch(migrations.steps[step as usize]).map_err(database(&doing))?;
    transaction
        .execute(
            "INSERT INTO form (room, version) VALUES (?1, ?2) ON CONFLICT (room) DO UPDATE SET version = ?2",
            (migrations.room, step + 1),
        )
        .map_err(database(&doing))?;
    transaction.commit().map_err(database(&doing))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StateStore;

    const FIRST: &[&str] = &["CREATE TABLE a (x INTEGER)"];
    const SECOND: &[&str] = &["CREATE TABLE a (x INTEGER)", "ALTER TABLE a ADD COLUMN y TEXT DEFAULT 'new'"];

    fn open(path: &Path, steps: &'static [&'static str]) -> Result<StateStore, StateError> {
        StateStore::open(path, &[Migrations { room: "a", steps }])
    }

    #[test]
    fn a_migration_keeps_the_records_and_a_copy_from_before() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.db");
        let old = open(&path, FIRST).unwrap();
        old.transaction(|tx| tx.execute("INSERT INTO a VALUES (7)", &[])).unwrap();
        drop(old);

        let new = open(&path, SECOND).unwrap();
        let rows = new.query("SELECT x, y FROM a", &[]).unwrap();
        assert_eq!((rows[0].integer(0), rows[0].text(1)), (7, "new"));

        let before = open(&directory.path().join("before-1.db"), FIRST).unwrap();
        assert_eq!(before.query("SELECT x FROM a", &[]).unwrap().len(), 1);
    }

    #[test]
    fn an_older_version_refuses_what_it_does_not_know() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.db");
        drop(open(&path, SECOND).unwrap());
        let error = open(&path, FIRST).err().unwrap();
        assert!(matches!(error, StateError::Newer { found: 2, known: 1, .. }), "{error}");
    }

    #[test]
    fn a_step_that_fails_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state.db");
        drop(open(&path, FIRST).unwrap());
        assert!(open(&path, &["CREATE TABLE a (x INTEGER)", "NONSENSE"]).is_err());
        open(&path, FIRST).unwrap();
        assert_eq!(forms(&path).unwrap(), [("a".to_owned(), 1)]);
        assert_eq!(forms(&directory.path().join("none.db")).unwrap(), []);
    }
}
