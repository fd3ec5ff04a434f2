//! What is kept beside events, in the state database: what people said about them, and small attachments.

use error_tracking::Project;
use formats::sentry::user_report::UserReport;
use state_store::{Migrations, Row, StateError, StateStore, Transaction, Value};
use vocabulary::Timestamp;
use vocabulary::error::EventId;

use super::limits::{EARLY_REPORTS, EVENT_ATTACHMENTS, PROJECT_ATTACHMENTS_BYTES, PROJECT_REPORTS};

pub const MIGRATIONS: Migrations = Migrations {
    room: "sentry",
    steps: &[
        "CREATE TABLE error_report (id INTEGER PRIMARY KEY, project INTEGER NOT NULL, event BLOB NOT NULL, at INTEGER NOT NULL,
            name TEXT NOT NULL, email TEXT NOT NULL, comments TEXT NOT NULL, url TEXT, UNIQUE (project, event)) STRICT;
         CREATE TABLE error_attachment (id INTEGER PRIMARY KEY, project INTEGER NOT NULL, event BLOB NOT NULL, at INTEGER NOT NULL,
            name TEXT NOT NULL, content_type TEXT NOT NULL, kind TEXT NOT NULL, size INTEGER NOT NULL, content BLOB NOT NULL) STRICT;
         CREATE INDEX error_attachment_event ON error_attachment (project, event);
         CREATE INDEX error_attachment_size ON error_attachment (project, id, size);
         CREATE INDEX error_attachment_age ON error_attachment (project, at);",
        // What was said about an event that is not here, and may still come.
        "ALTER TABLE error_report ADD COLUMN early INTEGER NOT NULL DEFAULT 0;
         CREATE INDEX error_report_early ON error_report (project, id) WHERE early = 1;",
    ],
};

pub struct Attachment {
    pub event: EventId,
    pub name: String,
    pub content_type: String,
    /// Such as `event.attachment`, `event.minidump`.
    pub kind: String,
    pub content: Vec<u8>,
}

/// As it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAttachment {
    pub id: u64,
    pub name: String,
    pub content_type: String,
    pub kind: String,
    pub size: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptReport {
    pub at: Timestamp,
    pub name: String,
    pub email: String,
    pub comments: String,
    pub url: Option<String>,
}

/// What somebody said about an event.
pub struct Words {
    pub event: EventId,
    pub report: UserReport,
    /// The event is not here, and may still come.
    pub is_early: bool,
}

fn number(value: u64) -> Value {
    Value::from(i64::try_from(value).unwrap_or(i64::MAX))
}

fn id_of(event: EventId) -> Value {
    Value::from(event.0.to_vec())
}

/// As the project's events are. Who said it, and where they are reached, they said to be asked.
pub fn scrubbed(project: &Project, report: &UserReport) -> UserReport {
    let url = report.url.as_deref().map(|url| project.scrubbed(url));
    UserReport { comments: project.scrubbed(&report.comments), url, ..report.clone() }
}

/// The last word about an event counts; the oldest of the project go.
pub fn keep_reports(
    state: &StateStore,
    project: u64,
    said: &[Words],
    now: Timestamp,
) -> Result<(), StateError> {
    state.transaction(|tx| {
        for words in said {
            keep_report(tx, project, words, now)?;
        }
        let oldest = "DELETE FROM error_report WHERE project = ?1 AND id <=
            (SELECT id FROM error_report WHERE project = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)";
        tx.execute(oldest, &[number(project), number(PROJECT_REPORTS)]).map(drop)
    })
}

fn keep_report(tx: &Transaction<'_>, project: u64, words: &Words, now: Timestamp) -> Result<(), StateError> {
    let report = &words.report;
    let values = [
        number(project),
        id_of(words.event),
        now.0.into(),
        report.name.as_str().into(),
        report.email.as_str().into(),
        report.comments.as_str().into(),
        report.url.clone().into(),
        i64::from(words.is_early).into(),
    ];
    let sql = "INSERT INTO error_report (project, event, at, name, email, comments, url, early)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
        ON CONFLICT (project, event) DO UPDATE SET at = excluded.at, name = excluded.name, email = excluded.email,
            comments = excluded.comments, url = excluded.url, early = excluded.early";
    tx.execute(sql, &values).map(drop)
}

/// Of those that came before their event, whatever is older than so many: what it is about may be here meanwhile.
pub fn early_beyond(state: &StateStore, project: u64) -> Result<Vec<EventId>, StateError> {
    let sql =
        "SELECT event FROM error_report WHERE project = ?1 AND early = 1 ORDER BY id DESC LIMIT -1 OFFSET ?2";
    let rows = state.query(sql, &[number(project), number(EARLY_REPORTS)])?;
    Ok(rows.iter().filter_map(|row| row.bytes(0).try_into().ok().map(EventId)).collect())
}

/// Of those that came early: the event of some is here, and that of the others never came.
pub fn settle_early(
    state: &StateStore,
    project: u64,
    come: &[EventId],
    lost: &[EventId],
) -> Result<(), StateError> {
    state.transaction(|tx| {
        for event in come {
            let sql = "UPDATE error_report SET early = 0 WHERE project = ?1 AND event = ?2";
            tx.execute(sql, &[number(project), id_of(*event)])?;
        }
        for event in lost {
            let sql = "DELETE FROM error_report WHERE project = ?1 AND event = ?2";
            tx.execute(sql, &[number(project), id_of(*event)])?;
        }
        Ok(())
    })
}

pub fn report_of(state: &StateStore, project: u64, event: EventId) -> Result<Option<KeptReport>, StateError> {
    let sql = "SELECT at, name, email, comments, url FROM error_report WHERE project = ?1 AND event = ?2";
    let rows = state.query(sql, &[number(project), id_of(event)])?;
    Ok(rows.first().map(report))
}

/// Of a project, the newest first.
pub fn reports(
    state: &StateStore,
    project: u64,
    limit: usize,
) -> Result<Vec<(EventId, KeptReport)>, StateError> {
    let sql = "SELECT at, name, email, comments, url, event FROM error_report WHERE project = ?1 ORDER BY at DESC, id DESC LIMIT ?2";
    let rows = state.query(sql, &[number(project), number(limit as u64)])?;
    let whole = |row: &Row| Some((EventId(row.bytes(5).try_into().ok()?), report(row)));
    Ok(rows.iter().filter_map(whole).collect())
}

fn report(row: &Row) -> KeptReport {
    KeptReport {
        at: Timestamp(row.integer(0)),
        name: row.text(1).to_owned(),
        email: row.text(2).to_owned(),
        comments: row.text(3).to_owned(),
        url: (!row.is_null(4)).then(|| row.text(4).to_owned()),
    }
}

/// How many were kept: an event has a bounded number.
pub fn keep_attachments(
    state: &StateStore,
    project: u64,
    attachments: &[Attachment],
    now: Timestamp,
) -> Result<usize, StateError> {
    state.transaction(|tx| {
        let mut kept = 0;
        for attachment in attachments {
            kept += usize::from(keep_attachment(tx, project, attachment, now)?);
        }
        make_room(tx, project)?;
        Ok(kept)
    })
}

fn keep_attachment(
    tx: &Transaction<'_>,
    project: u64,
    attachment: &Attachment,
    now: Timestamp,
) -> Result<bool, StateError> {
    let counted = "SELECT count(*) FROM error_attachment WHERE project = ?1 AND event = ?2";
    let rows = tx.query(counted, &[number(project), id_of(attachment.event)])?;
    if rows.first().is_some_and(|row| row.integer(0) >= EVENT_ATTACHMENTS as i64) {
        return Ok(false);
    }
    let values = [
        number(project),
        id_of(attachment.event),
        now.0.into(),
        attachment.name.as_str().into(),
        attachment.content_type.as_str().into(),
        attachment.kind.as_str().into(),
        number(attachment.content.len() as u64),
        attachment.content.clone().into(),
    ];
    let sql = "INSERT INTO error_attachment (project, event, at, name, content_type, kind, size, content)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    tx.execute(sql, &values)?;
    Ok(true)
}

/// The oldest of the project go until the rest fits.
fn make_room(tx: &Transaction<'_>, project: u64) -> Result<(), StateError> {
    let sql = "DELETE FROM error_attachment WHERE project = ?1 AND id IN (
        SELECT id FROM (SELECT id, sum(size) OVER (ORDER BY id DESC) AS newer FROM error_attachment WHERE project = ?1)
        WHERE newer > ?2)";
    tx.execute(sql, &[number(project), number(PROJECT_ATTACHMENTS_BYTES)]).map(drop)
}

pub fn attachments_of(
    state: &StateStore,
    project: u64,
    event: EventId,
) -> Result<Vec<KeptAttachment>, StateError> {
    let sql = "SELECT id, name, content_type, kind, size FROM error_attachment WHERE project = ?1 AND event = ?2 ORDER BY id";
    let kept = |row: &Row| KeptAttachment {
        id: row.integer(0).unsigned_abs(),
        name: row.text(1).to_owned(),
        content_type: row.text(2).to_owned(),
        kind: row.text(3).to_owned(),
        size: row.integer(4).unsigned_abs(),
    };
    Ok(state.query(sql, &[number(project), id_of(event)])?.iter().map(kept).collect())
}

/// Its project, name and content.
pub fn attachment(state: &StateStore, id: u64) -> Result<Option<(u64, String, Vec<u8>)>, StateError> {
    let rows =
        state.query("SELECT project, name, content FROM error_attachment WHERE id = ?1", &[number(id)])?;
    Ok(rows.first().map(|row| (row.integer(0).unsigned_abs(), row.text(1).to_owned(), row.bytes(2).to_vec())))
}

/// What belongs to events of one person, and what they said with this address.
pub fn forget(
    state: &StateStore,
    project: u64,
    events: &[EventId],
    email: Option<&str>,
) -> Result<(), StateError> {
    state.transaction(|tx| {
        for event in events {
            for table in ["error_report", "error_attachment"] {
                let sql = format!("DELETE FROM {table} WHERE project = ?1 AND event = ?2");
                tx.execute(&sql, &[number(project), id_of(*event)])?;
            }
        }
        let Some(email) = email else { return Ok(()) };
        let sql = "DELETE FROM error_report WHERE project = ?1 AND email = ?2 COLLATE NOCASE";
        tx.execute(sql, &[number(project), email.into()]).map(drop)
    })
}

/// What belongs to events that are kept no longer.
pub fn expire(state: &StateStore, project: u64, before: Timestamp) -> Result<(), StateError> {
    state.transaction(|tx| {
        for table in ["error_report", "error_attachment"] {
            let sql = format!("DELETE FROM {table} WHERE project = ?1 AND at < ?2");
            tx.execute(&sql, &[number(project), before.0.into()])?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store() -> (tempfile::TempDir, StateStore) {
        let directory = tempfile::tempdir().unwrap();
        let store = StateStore::open(&directory.path().join("state.db"), &[MIGRATIONS]).unwrap();
        (directory, store)
    }

    const EVENT: EventId = EventId([7; 16]);

    fn words(event: EventId, comments: &str, is_early: bool) -> Words {
        let report = UserReport { comments: comments.into(), name: "Ana".into(), ..UserReport::default() };
        Words { event, report, is_early }
    }

    #[test]
    fn the_last_word_about_an_event_counts() {
        let (_directory, state) = store();
        for comments in ["first", "second"] {
            keep_reports(&state, 1, &[words(EVENT, comments, false)], Timestamp(5)).unwrap();
        }
        let kept = report_of(&state, 1, EVENT).unwrap().unwrap();
        assert_eq!((kept.comments.as_str(), kept.name.as_str(), kept.url), ("second", "Ana", None));
        assert_eq!(report_of(&state, 2, EVENT).unwrap(), None);
        keep_reports(&state, 1, &[words(EventId([8; 16]), "of another", false)], Timestamp(7)).unwrap();
        let all = |limit| reports(&state, 1, limit).unwrap();
        let said: Vec<_> = all(9).into_iter().map(|(event, one)| (event.0[0], one.comments)).collect();
        assert_eq!(said, [(8, "of another".to_owned()), (7, "second".to_owned())]);
        assert_eq!((all(1).len(), reports(&state, 2, 9).unwrap().len()), (1, 0));
        expire(&state, 1, Timestamp(6)).unwrap();
        assert_eq!(report_of(&state, 1, EVENT).unwrap(), None);
    }

    #[test]
    fn of_what_is_said_before_its_event_little_waits() {
        let (_directory, state) = store();
        let event = |n: u64| EventId(u128::from(n).to_be_bytes());
        let early = |n: u64| words(event(n), "early", true);
        keep_reports(&state, 1, &[words(EVENT, "about what is here", false)], Timestamp(5)).unwrap();
        let many: Vec<Words> = (0..EARLY_REPORTS).map(early).collect();
        keep_reports(&state, 1, &many, Timestamp(5)).unwrap();
        keep_reports(&state, 2, &[early(0)], Timestamp(5)).unwrap();
        assert_eq!(early_beyond(&state, 1).unwrap(), []);
        let more = [early(EARLY_REPORTS), early(EARLY_REPORTS + 1)];
        keep_reports(&state, 1, &more, Timestamp(6)).unwrap();
        assert_eq!(early_beyond(&state, 1).unwrap(), [event(1), event(0)]);
        settle_early(&state, 1, &[event(0)], &[event(1)]).unwrap();
        assert_eq!(early_beyond(&state, 1).unwrap(), []);
        let is_kept = |project, event| report_of(&state, project, event).unwrap().is_some();
        assert!(is_kept(1, EVENT) && is_kept(1, event(0)) && is_kept(2, event(0)) && !is_kept(1, event(1)));
    }

    #[test]
    fn what_people_say_is_scrubbed_as_events_are() {
        let settings = error_tracking::Settings::default();
        let project = Project::new(1, "web", Vec::new(), settings, Timestamp(0));
        let report = UserReport {
            email: "ana@example.com".into(),
            comments: "I paid with 4111 1111 1111 1111 and it broke".into(),
            ..UserReport::default()
        };
        let kept = scrubbed(&project, &report);
        assert!(!kept.comments.contains("4111") && kept.comments.ends_with("it broke"), "{}", kept.comments);
        assert_eq!((kept.email.as_str(), kept.url), ("ana@example.com", None));
    }

    #[test]
    fn what_one_person_said_and_sent_goes_with_their_events() {
        let (_directory, state) = store();
        let (theirs, spoken, others) = (EVENT, EventId([8; 16]), EventId([9; 16]));
        for (event, email) in [(theirs, ""), (spoken, "Ana@example.com"), (others, "bo@example.com")] {
            let report = UserReport { comments: "x".into(), email: email.into(), ..UserReport::default() };
            let words = Words { event, report, is_early: false };
            keep_reports(&state, 1, &[words], Timestamp(5)).unwrap();
            let file = Attachment {
                event,
                name: "log.txt".into(),
                content_type: String::new(),
                kind: "event.attachment".into(),
                content: vec![b'x'],
            };
            keep_attachments(&state, 1, &[file], Timestamp(5)).unwrap();
        }
        forget(&state, 2, &[theirs], Some("ana@example.com")).unwrap();
        assert!(report_of(&state, 1, theirs).unwrap().is_some(), "another project's stay");
        forget(&state, 1, &[theirs], Some("ana@example.com")).unwrap();
        let left = |event| {
            let report = report_of(&state, 1, event).unwrap().is_some();
            (report, attachments_of(&state, 1, event).unwrap().len())
        };
        assert_eq!([left(theirs), left(spoken), left(others)], [(false, 0), (false, 1), (true, 1)]);
    }

    #[test]
    fn an_event_has_so_many_attachments_and_a_project_so_many_bytes() {
        let (_directory, state) = store();
        let one = |event: EventId, size: usize| Attachment {
            event,
            name: "log.txt".into(),
            content_type: "text/plain".into(),
            kind: "event.attachment".into(),
            content: vec![b'x'; size],
        };
        let many: Vec<Attachment> = (0..EVENT_ATTACHMENTS + 3).map(|_| one(EVENT, 3)).collect();
        assert_eq!(keep_attachments(&state, 1, &many, Timestamp(1)).unwrap(), EVENT_ATTACHMENTS);
        let listed = attachments_of(&state, 1, EVENT).unwrap();
        assert_eq!(
            (listed.len(), listed[0].size, listed[0].name.as_str()),
            (EVENT_ATTACHMENTS, 3, "log.txt")
        );
        let (project, name, content) = attachment(&state, listed[0].id).unwrap().unwrap();
        assert_eq!((project, name.as_str(), content), (1, "log.txt", b"xxx".to_vec()));
        // The newest stay.
        state.transaction(|tx| tx.execute("UPDATE error_attachment SET size = 1 << 30", &[])).unwrap();
        keep_attachments(&state, 1, &[one(EventId([8; 16]), 3)], Timestamp(2)).unwrap();
        assert_eq!(attachments_of(&state, 1, EVENT).unwrap(), []);
        assert_eq!(attachments_of(&state, 1, EventId([8; 16])).unwrap().len(), 1);
    }
}
