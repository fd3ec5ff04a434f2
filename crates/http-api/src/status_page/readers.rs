//! Readers who get by mail what is said: only whoever has pressed the button in the first mail, until they press the other.

use state_store::{Row, StateError, StateStore, Transaction, Value};
use vocabulary::Timestamp;

/// More are a newsletter, which others send better.
pub const MAX_READERS: i64 = 2_000;
/// Who asked and has not confirmed is forgotten after so long.
const FORGET_SECONDS: i64 = 2 * 86_400;
/// Of addresses that were asked for and have not confirmed: whoever writes down strangers' addresses fills no disk.
const MAX_ASKED: i64 = 1_000;
/// Nobody's mailbox is filled by others who write its address down here.
const AGAIN_SECONDS: i64 = 3_600;
/// Updates that are mailed together.
const AT_ONCE: i64 = 20;

/// What `status_page::posts::MIGRATIONS` has of them. What was said before is not mailed.
pub const MIGRATION: &str = "CREATE TABLE status_reader (token TEXT PRIMARY KEY, address TEXT NOT NULL UNIQUE, asked INTEGER NOT NULL,
        confirmed INTEGER) STRICT, WITHOUT ROWID;
     ALTER TABLE status_update ADD COLUMN mailed INTEGER NOT NULL DEFAULT 0;
     UPDATE status_update SET mailed = 1;";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    pub token: String,
    pub address: String,
    pub confirmed: Option<i64>,
}

/// What came of asking for mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// This reader is to get the mail with the button.
    New(Reader),
    /// Nothing is sent: it has been asked for a moment ago, or is a reader.
    Known,
    Full,
}

/// An address as readers write it. Its first part may mind capital letters, and no two people differ by them.
pub fn address(written: &str) -> Option<String> {
    let address = written.trim();
    let bad = |c: char| c.is_control() || c.is_whitespace() || "<>(),;:\"\\[]".contains(c);
    let (user, host) = address.rsplit_once('@')?;
    let named = !user.is_empty() && host.contains('.') && !host.starts_with('.') && !host.ends_with('.');
    let fine =
        named && !user.contains('@') && address.len() <= 254 && address.is_ascii() && !address.contains(bad);
    fine.then(|| address.to_ascii_lowercase())
}

/// `token` is for whoever is not known yet.
pub fn ask(tx: &Transaction<'_>, address: &str, token: &str, now: Timestamp) -> Result<Asked, StateError> {
    forget_old(tx, now)?;
    let known = "SELECT token, address, confirmed, asked FROM status_reader WHERE address = ?1";
    if let Some(row) = tx.query(known, &[address.into()])?.first() {
        if !row.is_null(2) || row.integer(3) > now.0 - AGAIN_SECONDS {
            return Ok(Asked::Known);
        }
        // The first mail may have been lost.
        tx.execute(
            "UPDATE status_reader SET asked = ?2 WHERE address = ?1",
            &[address.into(), now.0.into()],
        )?;
        return Ok(Asked::New(reader(row)));
    }
    if has_no_room(tx)? {
        return Ok(Asked::Full);
    }
    let sql = "INSERT INTO status_reader (token, address, asked, confirmed) VALUES (?1, ?2, ?3, NULL)";
    tx.execute(sql, &[token.into(), address.into(), now.0.into()])?;
    Ok(Asked::New(Reader { token: token.to_owned(), address: address.to_owned(), confirmed: None }))
}

fn has_no_room(tx: &Transaction<'_>) -> Result<bool, StateError> {
    let count = |which: &str| {
        let rows = tx.query(&format!("SELECT count(*) FROM status_reader WHERE {which}"), &[])?;
        Ok::<i64, StateError>(rows.first().map_or(0, |row| row.integer(0)))
    };
    Ok(count("confirmed IS NOT NULL")? >= MAX_READERS || count("confirmed IS NULL")? >= MAX_ASKED)
}

/// Whoever asks for mail now is told so, be they a reader already or not.
pub fn is_full(state: &StateStore, now: Timestamp) -> Result<bool, StateError> {
    state.transaction(|tx| {
        forget_old(tx, now)?;
        has_no_room(tx)
    })
}

fn forget_old(tx: &Transaction<'_>, now: Timestamp) -> Result<(), StateError> {
    let old = [Value::from(now.0 - FORGET_SECONDS)];
    tx.execute("DELETE FROM status_reader WHERE confirmed IS NULL AND asked < ?1", &old).map(drop)
}

pub fn of_token(state: &StateStore, token: &str) -> Result<Option<Reader>, StateError> {
    let sql = "SELECT token, address, confirmed FROM status_reader WHERE token = ?1";
    Ok(state.query(sql, &[token.into()])?.first().map(reader))
}

/// False: nobody has asked, or it is too long ago.
pub fn confirm(state: &StateStore, token: &str, now: Timestamp) -> Result<bool, StateError> {
    let sql = "UPDATE status_reader SET confirmed = coalesce(confirmed, ?2) WHERE token = ?1 AND (confirmed IS NOT NULL OR asked >= ?3)";
    let values = [token.into(), now.0.into(), (now.0 - FORGET_SECONDS).into()];
    state.transaction(|tx| Ok(tx.execute(sql, &values)? > 0))
}

/// Nothing is left of them.
pub fn stop(state: &StateStore, token: &str) -> Result<bool, StateError> {
    state.transaction(|tx| Ok(tx.execute("DELETE FROM status_reader WHERE token = ?1", &[token.into()])? > 0))
}

pub fn confirmed(state: &StateStore) -> Result<Vec<Reader>, StateError> {
    let sql =
        "SELECT token, address, confirmed FROM status_reader WHERE confirmed IS NOT NULL ORDER BY address";
    Ok(state.query(sql, &[])?.iter().map(reader).collect())
}

fn reader(row: &Row) -> Reader {
    Reader {
        token: row.text(0).to_owned(),
        address: row.text(1).to_owned(),
        confirmed: (!row.is_null(2)).then(|| row.integer(2)),
    }
}

/// What has been said and not mailed, as (post, number), the oldest first.
pub fn unmailed(state: &StateStore) -> Result<Vec<(i64, i64)>, StateError> {
    let sql = "SELECT post, number FROM status_update WHERE mailed = 0 ORDER BY at, post, number LIMIT ?1";
    Ok(state.query(sql, &[AT_ONCE.into()])?.iter().map(|row| (row.integer(0), row.integer(1))).collect())
}

pub fn mailed(tx: &Transaction<'_>, updates: &[(i64, i64)]) -> Result<(), StateError> {
    let sql = "UPDATE status_update SET mailed = 1 WHERE post = ?1 AND number = ?2";
    updates
        .iter()
        .try_for_each(|(post, number)| tx.execute(sql, &[(*post).into(), (*number).into()]).map(drop))
}

#[cfg(test)]
mod tests {
    use super::super::posts::MIGRATIONS;
    use super::*;

    fn store() -> (tempfile::TempDir, StateStore) {
        let directory = tempfile::tempdir().unwrap();
        let store = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
        (directory, store)
    }

    #[test]
    fn an_address_is_one_mailbox_somewhere() {
        let check = |written: &str, wanted: Option<&str>| {
            assert_eq!(address(written).as_deref(), wanted, "{written}")
        };
        check(" Bo@Example.org ", Some("bo@example.org"));
        check("bo+news@mail.example.org", Some("bo+news@mail.example.org"));
        for wrong in [
            "",
            "bo",
            "bo@",
            "@example.org",
            "bo@localhost",
            "bo@.org",
            "bo@x.",
            "a@b@c.org",
            "a b@c.org",
            "a@c.org\r\nBcc: d@e.org",
            "bö@c.org",
            "a@c.org,d@e.org",
        ] {
            check(wrong, None);
        }
        check(&format!("{}@example.org", "a".repeat(250)), None);
    }

    #[test]
    fn a_reader_asks_confirms_and_stops() {
        let (_directory, store) = store();
        let ask_at = |address: &str, token: &str, at: i64| {
            store.transaction(|tx| ask(tx, address, token, Timestamp(at))).unwrap()
        };
        let Asked::New(bo) = ask_at("bo@example.org", "t1", 100) else { panic!("not asked") };
        assert_eq!((bo.token.as_str(), bo.confirmed), ("t1", None));
        assert_eq!(ask_at("bo@example.org", "t2", 200), Asked::Known);
        assert_eq!(
            ask_at("bo@example.org", "t2", 100 + AGAIN_SECONDS),
            Asked::New(bo),
            "the same link again"
        );
        assert!(confirmed(&store).unwrap().is_empty());
        assert!(!confirm(&store, "t2", Timestamp(200)).unwrap());
        let too_late = Timestamp(101 + AGAIN_SECONDS + FORGET_SECONDS);
        assert!(!confirm(&store, "t1", too_late).unwrap());
        assert!(
            confirm(&store, "t1", Timestamp(300)).unwrap() && confirm(&store, "t1", Timestamp(400)).unwrap()
        );
        assert_eq!(confirmed(&store).unwrap()[0].confirmed, Some(300));
        assert_eq!(
            ask_at("bo@example.org", "t3", 500 + FORGET_SECONDS),
            Asked::Known,
            "who has confirmed is not forgotten"
        );
        assert!(stop(&store, "t1").unwrap() && !stop(&store, "t1").unwrap());
        assert!(of_token(&store, "t1").unwrap().is_none());
        assert!(matches!(ask_at("ana@example.org", "t4", 600), Asked::New(_)));
        assert!(matches!(ask_at("ana@example.org", "t5", 601 + FORGET_SECONDS), Asked::New(_)), "asked anew");
    }

    #[test]
    fn strangers_addresses_fill_no_disk() {
        let (_directory, store) = store();
        let fill = |tx: &Transaction<'_>| {
            for n in 0..MAX_ASKED {
                assert!(matches!(
                    ask(tx, &format!("{n}@example.org"), &n.to_string(), Timestamp(0))?,
                    Asked::New(_)
                ));
            }
            ask(tx, "more@example.org", "more", Timestamp(0))
        };
        assert_eq!(store.transaction(fill).unwrap(), Asked::Full);
    }
}
