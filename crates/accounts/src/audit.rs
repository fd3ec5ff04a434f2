//! The audit log: who changed what, when and from where, and how it was before.

use serde::Serialize;
use state_store::{Row, StateError, StateStore, Value};
use utoipa::ToSchema;
use vocabulary::Timestamp;

use crate::limits::{MAX_AUDIT_ENTRIES, MAX_AUDIT_FAILURES_A_DAY, MAX_AUDIT_TEXT};

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
    /// Without what people do to incidents, checks and hosts, which these tell themselves.
    pub settings_only: bool,
    pub limit: usize,
}

/// What strangers can do as often as they like.
pub const FAILED_SIGN_IN: &str = "failed to sign in";

/// The oldest go when there are more than are kept.
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
        tx.execute("DELETE FROM audit WHERE id <= ?1", &[(tx.inserted_id() - MAX_AUDIT_ENTRIES).into()])?;
        Ok(())
    })
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
const TOLD_ELSEWHERE: [&str; 6] =
    ["incidents/%", "checks/%", "hosts/%", "heartbeats/%", "comments/%", "me/%"];

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
