//! The state database: small records in transactions.
//!
//! Comes in: the migrations of the rooms that keep records here, and their statements. Goes out: rows.
//! What never happens here: knowing what a record means, or points and error bodies (they have stores of
//! their own). What a transaction that returned wrote survives a power cut.
//!
//! | file | holds |
//! |---|---|
//! | `lib.rs` | [`StateStore`], [`Transaction`], values and rows |
//! | `migrate.rs` | bringing a database to the present form, with a copy made before |

mod migrate;

use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use rusqlite::types::{Value as SqlValue, ValueRef};
use rusqlite::{Connection, ErrorCode};

pub use migrate::{Migrations, forms};

/// How long a statement waits for another process (`bellwether token` beside a server) to let go.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Statements kept compiled.
const STATEMENT_CACHE: usize = 64;

#[derive(Debug)]
pub enum StateError {
    /// Database or disk failed, with what was being done.
    Database {
        doing: String,
        cause: rusqlite::Error,
    },
    /// The database was written by a newer version of Bellwether.
    Newer {
        room: String,
        found: u32,
        known: u32,
    },
    Io {
        doing: String,
        cause: std::io::Error,
    },
    /// There was a database, and what is left of it holds nothing.
    Emptied {
        path: PathBuf,
    },
    Damaged {
        path: PathBuf,
        found: String,
    },
}

const CURE: &str =
    "restore a backup, or move the file away to go on without the people, tokens and annotations in it";

impl std::fmt::Display for StateError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StateError::Database { doing, cause } if is_damage(cause) => {
                write!(f, "state database: {doing}: {cause}; {CURE}")
            }
            StateError::Emptied { path } => write!(
                f,
                "state database: {} is empty, though this data directory has been used; {CURE}",
                path.display()
            ),
            StateError::Damaged { path, found } => {
                write!(f, "state database: {} is damaged: {found}; {CURE}", path.display())
            }
            StateError::Database { doing, cause } => write!(f, "state database: {doing}: {cause}"),
            StateError::Io { doing, cause } => write!(f, "state database: {doing}: {cause}"),
            StateError::Newer { room, found, known } => write!(
                f,
                "state database: the records of {room} have form {found}, this version knows forms up to {known}; \
                 run the newer version, or restore the copy that it made before it changed them"
            ),
        }
    }
}

impl std::error::Error for StateError {}

fn is_damage(cause: &rusqlite::Error) -> bool {
    matches!(cause.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

/// A value that goes into or comes out of a statement.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Integer(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Value::Real(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(value)
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Value {
        Value::Bytes(value)
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

/// One row of an answer. A column of another type than asked for reads as that type's empty value:
/// the tables are ours and typed, so that would be a mistake in a statement, found by its test.
#[derive(Clone, Debug, PartialEq)]
pub struct Row(Vec<Value>);

impl Row {
    pub fn integer(&self, column: usize) -> i64 {
        match self.0.get(column) {
            Some(Value::Integer(number)) => *number,
            _ => 0,
        }
    }

    pub fn real(&self, column: usize) -> f64 {
        match self.0.get(column) {
            Some(Value::Real(number)) => *number,
            Some(Value::Integer(number)) => *number as f64,
            _ => 0.0,
        }
    }

    pub fn text(&self, column: usize) -> &str {
        match self.0.get(column) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    pub fn bytes(&self, column: usize) -> &[u8] {
        match self.0.get(column) {
            Some(Value::Bytes(bytes)) => bytes,
            _ => &[],
        }
    }

    pub fn is_null(&self, column: usize) -> bool {
        matches!(self.0.get(column), None | Some(Value::Null))
    }
}

pub struct StateStore {
    connection: Mutex<Connection>,
}

/// Statements that happen together or not at all. Placeholders are `?1`, `?2`, …
pub struct Transaction<'c> {
    inner: rusqlite::Transaction<'c>,
}

fn database(doing: &str) -> impl FnOnce(rusqlite::Error) -> StateError {
    move |cause| StateError::Database { doing: doing.to_owned(), cause }
}

impl StateStore {
    /// Open or create the database and bring the records of every room to their present form.
    pub fn open(path: &Path, rooms: &[Migrations]) -> Result<StateStore, StateError> {
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).map_err(|cause| StateError::Io {
                doing: format!("create {}", directory.display()),
                cause,
            })?;
        }
        let doing = format!("open {}", path.display());
        let mut connection = Connection::open(path).map_err(database(&doing))?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(database(&doing))?;
        connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        // FULL: an acknowledged record is on the disk when the transaction returns.
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;")
            .map_err(database(&doing))?;
        refuse_damaged(&connection, path)?;
        migrate::run(&mut connection, path, rooms)?;
        Ok(StateStore { connection: Mutex::new(connection) })
    }

    /// To look into it beside a running server, as it is. None: there is no database.
    pub fn open_to_read(path: &Path) -> Result<Option<StateStore>, StateError> {
        if !path.exists() {
            return Ok(None);
        }
        let doing = format!("look at {}", path.display());
        let connection = Connection::open_with_flags(path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
            .map_err(database(&doing))?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(database(&doing))?;
        Ok(Some(StateStore { connection: Mutex::new(connection) }))
    }

    /// Run `work` in a transaction; an error from it undoes everything.
    pub fn transaction<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StateError>,
    ) -> Result<T, StateError> {
        let mut connection = self.connection.lock();
        let inner = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .map_err(database("begin"))?;
        let transaction = Transaction { inner };
        let answer = work(&transaction)?;
        transaction.inner.commit().map_err(database("commit"))?;
        Ok(answer)
    }

    /// Rows, outside of a transaction.
    pub fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StateError> {
        query(&self.connection.lock(), sql, values)
    }

    /// A consistent copy of the database, made while others go on writing.
    pub fn backup(&self, to: &Path) -> Result<(), StateError> {
        copy(&self.connection.lock(), to)
    }
}

/// Later a damaged page would be met by the one request that needs it.
fn refuse_damaged(connection: &Connection, path: &Path) -> Result<(), StateError> {
    let doing = format!("check {}", path.display());
    let check = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    match check.map_err(database(&doing))?.as_str() {
        "ok" => Ok(()),
        found => Err(StateError::Damaged { path: path.to_owned(), found: found.replace('\n', " ") }),
    }
}

/// For a database that has been used: a file that is there must still hold records. SQLite takes an empty
/// file for a new database, and its log for one of somebody else.
pub fn refuse_emptied(path: &Path) -> Result<(), StateError> {
    let Ok(metadata) = std::fs::metadata(path) else { return Ok(()) };
    if metadata.len() > 0 && !migrate::is_without_form(path) {
        return Ok(());
    }
    Err(StateError::Emptied { path: path.to_owned() })
}

impl Transaction<'_> {
    /// The number of rows that changed.
    pub fn execute(&self, sql: &str, values: &[Value]) -> Result<usize, StateError> {
        let mut statement = self.inner.prepare_cached(sql).map_err(database(sql))?;
        statement.execute(rusqlite::params_from_iter(values.iter().map(to_sql))).map_err(database(sql))
    }

    /// The id of the row that the last insert made.
    pub fn inserted_id(&self) -> i64 {
        self.inner.last_insert_rowid()
    }

    pub fn query(&self, sql: &str, values: &[Value]) -> Result<Vec<Row>, StateError> {
        query(&self.inner, sql, values)
    }
}

fn query(connection: &Connection, sql: &str, values: &[Value]) -> Result<Vec<Row>, StateError> {
    let mut statement = connection.prepare_cached(sql).map_err(database(sql))?;
    let columns = statement.column_count();
    let rows = statement
        .query_map(rusqlite::params_from_iter(values.iter().map(to_sql)), |row| {
            (0..columns).map(|column| row.get_ref(column).map(from_sql)).collect::<Result<_, _>>().map(Row)
        })
        .map_err(database(sql))?;
    rows.collect::<Result<_, _>>().map_err(database(sql))
}

fn to_sql(value: &Value) -> SqlValue {
    match value {
        Value::Null => SqlValue::Null,
        Value::Integer(number) => SqlValue::Integer(*number),
        Value::Real(number) => SqlValue::Real(*number),
        Value::Text(text) => SqlValue::Text(text.clone()),
        Value::Bytes(bytes) => SqlValue::Blob(bytes.clone()),
    }
}

fn from_sql(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(String::from_utf8_lossy(text).into_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    }
}

/// SQLite's online backup; the copy replaces `to` only when it is whole.
fn copy(from: &Connection, to: &Path) -> Result<(), StateError> {
    let doing = format!("copy to {}", to.display());
    let partial = to.with_extension("partial");
    let io = |cause| StateError::Io { doing: doing.clone(), cause };
    match std::fs::remove_file(&partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    let mut target = Connection::open(&partial).map_err(database(&doing))?;
    let backup = rusqlite::backup::Backup::new(from, &mut target).map_err(database(&doing))?;
    // The caller holds the only connection of this process, so one step of all pages never starves anybody here.
    backup.run_to_completion(i32::MAX, Duration::from_millis(10), None).map_err(database(&doing))?;
    drop(backup);
    target.close().map_err(|(_, cause)| database(&doing)(cause))?;
    std::fs::File::open(&partial).and_then(|file| file.sync_all()).map_err(io)?;
    std::fs::rename(&partial, to).map_err(io)?;
    let directory = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(directory).and_then(|directory| directory.sync_all()).map_err(io)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Migrations =
        Migrations { room: "test", steps: &["CREATE TABLE thing (id INTEGER PRIMARY KEY, name TEXT)"] };

    fn store() -> (tempfile::TempDir, StateStore) {
        let directory = tempfile::tempdir().unwrap();
        let store = StateStore::open(&directory.path().join("state.db"), &[ROOM]).unwrap();
        (directory, store)
    }

    fn names(store: &StateStore) -> Vec<String> {
        let rows = store.query("SELECT name FROM thing ORDER BY id", &[]).unwrap();
        rows.iter().map(|row| row.text(0).to_owned()).collect()
    }

    #[test]
    fn a_transaction_happens_whole_or_not_at_all() {
        let (_directory, store) = store();
        let insert = |name: &str, fail: bool| {
            store.transaction(|tx| {
                tx.execute("INSERT INTO thing (name) VALUES (?1)", &[name.into()])?;
                if fail { tx.execute("INSERT INTO nowhere VALUES (1)", &[]).map(|_| ()) } else { Ok(()) }
            })
        };
        insert("kept", false).unwrap();
        assert!(insert("undone", true).unwrap_err().to_string().contains("nowhere"));
        assert_eq!(names(&store), ["kept"]);
    }

    #[test]
    fn values_come_back_as_they_went_in() {
        let (_directory, store) = store();
        let values =
            [Value::Null, 7.into(), 1.5.into(), "text".into(), vec![0u8, 255].into(), None::<i64>.into()];
        let rows = store.query("SELECT ?1, ?2, ?3, ?4, ?5, ?6", &values).unwrap();
        assert_eq!(rows, [Row(values.to_vec())]);
        assert!(rows[0].is_null(0) && rows[0].is_null(9));
        assert_eq!((rows[0].integer(1), rows[0].real(2), rows[0].text(3)), (7, 1.5, "text"));
        assert_eq!(rows[0].bytes(4), [0, 255]);
    }

    #[test]
    fn a_damaged_database_is_told_with_a_cure() {
        let (directory, store) = store();
        store.transaction(|tx| tx.execute("INSERT INTO thing (name) VALUES ('x')", &[])).unwrap();
        let copy = directory.path().join("copy.db");
        store.backup(&copy).unwrap();
        let length = std::fs::metadata(&copy).unwrap().len();
        // One page of a table: what is in the others could still be read, until somebody asks for this one.
        let blur = |path: &Path| {
            use std::os::unix::fs::FileExt;
            std::fs::File::options().write(true).open(path)?.write_all_at(&[b'x'; 64], length - 4_096)
        };
        let cut = |path: &Path| std::fs::File::options().write(true).open(path)?.set_len(length / 2);
        let overwrite = |path: &Path| std::fs::write(path, [b'x'; 4_096]);
        for damage in [&blur as &dyn Fn(&Path) -> std::io::Result<()>, &cut, &overwrite] {
            store.backup(&copy).unwrap();
            damage(&copy).unwrap();
            let error = StateStore::open(&copy, &[ROOM]).err().unwrap().to_string();
            assert!(error.contains("copy.db") && error.contains("restore a backup"), "{error}");
        }
    }

    #[test]
    fn a_backup_is_whole_and_opens() {
        let (directory, store) = store();
        store.transaction(|tx| tx.execute("INSERT INTO thing (name) VALUES ('x')", &[])).unwrap();
        let copy = directory.path().join("copy.db");
        store.backup(&copy).unwrap();
        assert_eq!(names(&StateStore::open(&copy, &[ROOM]).unwrap()), ["x"]);
    }
}
