//! The audit log: who changed what, when and from where, and how it was before.

use serde::Serialize;
use state_store::{Row, StateError, StateStore, Transaction, Value};
use utoipa::ToSchema;
use vocabulary::Timestamp;

use crate::limits::{
    AUDIT_COUNTED_EVERY, AUDIT_SHARES, MAX_AUDIT_ENTRIES, MAX_AUDIT_FAILURES_A_DAY, MAX_AUDIT_TEXT,
};

/// What is written down of one change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    pub who: String,
    /// `session`, `token`, `loopback`, `control socket`, `file`, …
    pub via: &'static str,
    /// The address that it came from; empty where there is none.
    pub source: String,
    /// `changed`, `removed`, `posted`, `signed in`, …
    pub action: String,
    /// What was changed, such as `monitors/api-latency`.
    pub subject: String,
    /// What differs, as JSON; none: it was not there before, or is not there now.
    pub before: Option<String>,
    pub after: Option<String>,
    /// Of a changed file: the commit of the repository that it is in.
    pub commit: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AuditEntry {
    pub id: i64,
    pub at: i64,
    pub who: String,
    pub via: String,
    pub source: String,
    pub action: String,
    pub subject: String,
    /// JSON, in the form of what the API shows.
    pub before: Option<String>,
    pub after: Option<String>,
    pub commit: Option<String>,
}

/// Which entries; the newest come first.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub from: Option<i64>,
    pub until: Option<i64>,
    pub who: Option<String>,
    /// Entries with smaller ids only: the next part of a long list.
    pub before_id: Option<i64>,
    /// Without what people do to incidents, checks and hosts, which these tell themselves, and without what strangers try.
    pub settings_only: bool,
    pub limit: usize,
}

/// What strangers can do as often as they like.
pub const FAILED_SIGN_IN: &str = "failed to sign in";

/// When there are more than are kept, some go.
pub fn note(state: &StateStore, change: &Change, now: Timestamp) -> Result<(), StateError> {
    state.transaction(|tx| {
        if change.action == FAILED_SIGN_IN {
            let lately = tx.query(
                "SELECT count(*) FROM audit WHERE at > ?1 AND action = ?2",
                &[(now.0 - 86_400).into(), FAILED_SIGN_IN.into()],
            )?;
            if lately.first().is_some_and(|row| row.integer(0) >= MAX_AUDIT_FAILURES_A_DAY) {
                return Ok(());
            }
        }
        tx.execute(
            "INSERT INTO audit (at, who, via, source, action, subject, before, after, file_commit)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            &[
                now.0.into(),
                cut(&change.who).into(),
                change.via.into(),
                cut(&change.source).into(),
                cut(&change.action).into(),
                cut(&change.subject).into(),
                change.before.as_deref().map(cut).into(),
                change.after.as_deref().map(cut).into(),
                change.commit.as_deref().into(),
            ],
        )?;
        match tx.inserted_id() % AUDIT_COUNTED_EVERY {
            0 => make_room(tx, MAX_AUDIT_ENTRIES),
            _ => Ok(()),
        }
    })
}

/// The oldest go: of whoever has written more than their share, so that nobody pushes out what others did.
fn make_room(tx: &Transaction<'_>, most: i64) -> Result<(), StateError> {
    let rows = tx.query("SELECT count(*) FROM audit", &[])?;
    let beyond = rows.first().map_or(0, |row| row.integer(0)) - most;
    if beyond <= 0 {
        return Ok(());
    }
    let rows = tx.query("SELECT who, count(*) FROM audit GROUP BY who ORDER BY 2 DESC LIMIT 1", &[])?;
    match rows.first().filter(|row| row.integer(1) > most / AUDIT_SHARES) {
        Some(row) => tx.execute(
            "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE who = ?1 ORDER BY id LIMIT ?2)",
            &[row.text(0).into(), beyond.into()],
        )?,
        None => tx.execute(
            "DELETE FROM audit WHERE id IN (SELECT id FROM audit ORDER BY id LIMIT ?1)",
            &[beyond.into()],
        )?,
    };
    Ok(())
}

/// What is longer is cut, and says so.
fn cut(text: &str) -> String {
    if text.len() <= MAX_AUDIT_TEXT {
        return text.to_owned();
    }
    let end = (0..=MAX_AUDIT_TEXT).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}… ({} bytes)", &text[..end], text.len())
}

/// What people do to these is told by their own timelines and histories.
const TOLD_ELSEWHERE: [&str; 8] =
    ["incidents%", "checks/%", "hosts/%", "heartbeats/%", "comments%", "errors/groups/%", "me/%", "sentry/%"];

pub fn audit(state: &StateStore, asked: &Asked) -> Result<Vec<AuditEntry>, StateError> {
    let mut conditions = vec!["1"];
    let mut values: Vec<Value> = Vec::new();
    let mut with = |condition: &'static str, value: Option<Value>| {
        let Some(value) = value else { return };
        conditions.push(condition);
        values.push(value);
    };
    with("at >= ?", asked.from.map(Value::from));
    with("at <= ?", asked.until.map(Value::from));
    with("who = ?", asked.who.as_deref().map(Value::from));
    with("id < ?", asked.before_id.map(Value::from));
    if asked.settings_only {
        with("action <> ?", Some(FAILED_SIGN_IN.into()));
        TOLD_ELSEWHERE.iter().for_each(|kind| with("subject NOT LIKE ?", Some((*kind).into())));
    }
    values.push(i64::try_from(asked.limit).unwrap_or(i64::MAX).into());
    let statement = format!(
        "SELECT id, at, who, via, source, action, subject, before, after, file_commit FROM audit WHERE {}
         ORDER BY id DESC LIMIT ?",
        conditions.join(" AND ")
    );
    Ok(state.query(&statement, &values)?.iter().map(entry).collect())
}

fn entry(row: &Row) -> AuditEntry {
    let text = |column: usize| row.text(column).to_owned();
    let maybe = |column: usize| (!row.is_null(column)).then(|| text(column));
    AuditEntry {
        id: row.integer(0),
        at: row.integer(1),
        who: text(2),
        via: text(3),
        source: text(4),
        action: text(5),
        subject: text(6),
        before: maybe(7),
        after: maybe(8),
        commit: maybe(9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MIGRATIONS;

    fn state() -> (tempfile::TempDir, StateStore) {
        let directory = tempfile::tempdir().unwrap();
        let state = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
        (directory, state)
    }

    #[test]
    fn changes_are_kept_newest_first_and_cut() {
        let (_directory, state) = state();
        let change = |who: &str, subject: &str| Change {
            who: who.into(),
            via: "session",
            action: "changed".into(),
            subject: subject.into(),
            ..Change::default()
        };
        note(&state, &change("ana", "monitors/a"), Timestamp(10)).unwrap();
        note(&state, &change("ben", "incidents"), Timestamp(15)).unwrap();
        note(&state, &change("ben", "incidents/1/note"), Timestamp(20)).unwrap();
        let long = Change { after: Some("\u{f6}".repeat(MAX_AUDIT_TEXT)), ..change("ana", "levels") };
        note(&state, &long, Timestamp(30)).unwrap();
        let check = |asked: Asked, expected: &[&str]| {
            let found = audit(&state, &Asked { limit: 10, ..asked }).unwrap();
            assert_eq!(found.iter().map(|entry| entry.subject.as_str()).collect::<Vec<_>>(), expected);
        };
        check(Asked::default(), &["levels", "incidents/1/note", "incidents", "monitors/a"]);
        check(Asked { who: Some("ana".into()), ..Asked::default() }, &["levels", "monitors/a"]);
        check(Asked { from: Some(20), until: Some(20), ..Asked::default() }, &["incidents/1/note"]);
        check(Asked { settings_only: true, ..Asked::default() }, &["levels", "monitors/a"]);
        check(Asked { before_id: Some(2), ..Asked::default() }, &["monitors/a"]);
        let cut = audit(&state, &Asked { limit: 1, ..Asked::default() }).unwrap().remove(0).after.unwrap();
        assert!(cut.len() < MAX_AUDIT_TEXT + 40 && cut.ends_with(" bytes)"), "{}", cut.len());
        note(&state, &change("ci", "sentry/organizations/a/releases"), Timestamp(35)).unwrap();
        // Strangers do not write on everybody's graphs.
        let failed = Change { action: FAILED_SIGN_IN.into(), ..change("ben", "") };
        note(&state, &failed, Timestamp(40)).unwrap();
        check(Asked { settings_only: true, ..Asked::default() }, &["levels", "monitors/a"]);
    }

    #[test]
    fn strangers_do_not_push_what_people_did_out_of_the_log() {
        let (_directory, state) = state();
        let failed =
            |who: &str| Change { who: who.into(), action: FAILED_SIGN_IN.into(), ..Change::default() };
        let count = || audit(&state, &Asked { limit: 10_000, ..Asked::default() }).unwrap().len() as i64;
        for n in 0..MAX_AUDIT_FAILURES_A_DAY + 50 {
            note(&state, &failed(if n % 2 == 0 { "ana" } else { "" }), Timestamp(100_000 + n)).unwrap();
        }
        assert_eq!(count(), MAX_AUDIT_FAILURES_A_DAY);
        let change = Change { who: "ana".into(), action: "signed in".into(), ..Change::default() };
        note(&state, &change, Timestamp(100_300)).unwrap();
        assert_eq!(count(), MAX_AUDIT_FAILURES_A_DAY + 1);
        note(&state, &failed("ana"), Timestamp(100_300 + 86_400)).unwrap();
        assert_eq!(count(), MAX_AUDIT_FAILURES_A_DAY + 2);
    }

    #[test]
    fn nobody_pushes_what_others_did_out_of_the_log() {
        let (_directory, state) = state();
        // Each writes so many, one after the other; how many of each are left.
        let left = |writers: &[(&str, usize)], most: i64| {
            for (who, count) in writers {
                for _ in 0..*count {
                    let change = Change { who: (*who).into(), action: "changed".into(), ..Change::default() };
                    note(&state, &change, Timestamp(1)).unwrap();
                }
            }
            state.transaction(|tx| make_room(tx, most)).unwrap();
            let all = audit(&state, &Asked { limit: 1_000, ..Asked::default() }).unwrap();
            ["ana", "ben", "cho", "dee", "eve"]
                .map(|name| all.iter().filter(|entry| entry.who == name).count())
        };
        assert_eq!(left(&[("ana", 5), ("ben", 30)], 40), [5, 30, 0, 0, 0], "there is room");
        assert_eq!(left(&[("ben", 20), ("ana", 1)], 40), [6, 34, 0, 0, 0], "ben's own go");
        assert_eq!(left(&[("cho", 3)], 40), [6, 31, 3, 0, 0], "also when another writes");
        assert_eq!(left(&[("ana", 4), ("cho", 7), ("dee", 10), ("eve", 10)], 40), [10, 0, 10, 10, 10]);
        assert_eq!(
            left(&[("ben", 2)], 40),
            [8, 2, 10, 10, 10],
            "nobody has more than a share: the oldest go"
        );
    }
}
