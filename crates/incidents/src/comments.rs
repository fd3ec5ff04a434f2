//! What people say of a monitor, a panel, an error group or a playbook, where no incident is open. Whoever is mentioned is
//! paged, as by a note on an incident; the comments of an incident are its notes.

use std::fmt;

use state_store::{Row, StateError, Transaction, Value};
use vocabulary::Timestamp;
use vocabulary::state::State;

use crate::core::Incidents;
use crate::desk::{Desk, Failed};
use crate::incident::{Key, Trouble};
use crate::limits::{
    MAX_AUTHOR, MAX_COMMENTED_NAME, MAX_COMMENTS, MAX_COMMENTS_OF_ONE, MAX_NOTE, MAX_TEXT, cut,
};
use crate::page::{About, Message, PageKind};
use crate::people::{Refusal, check_text};

/// What a comment is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Thing {
    /// Also a check.
    Monitor(String),
    Host(String),
    Playbook(String),
    /// What others know: `panel:…`, `group:…`.
    Other(String),
}

impl Thing {
    pub fn parse(text: &str) -> Result<Thing, Refusal> {
        let bad = |why: &str| Refusal::Bad(format!("`on` is `{}`: {why}", cut(text, MAX_COMMENTED_NAME)));
        if text.len() > MAX_COMMENTED_NAME || text.chars().any(char::is_control) {
            return Err(bad(&format!("at most {MAX_COMMENTED_NAME} bytes, in one line")));
        }
        let (kind, name) = text.split_once(':').unwrap_or((text, ""));
        match (kind, name.to_owned()) {
            ("incident", _) => {
                Err(bad("the comments of an incident are its notes, POST /api/v1/incidents/ID/note"))
            }
            (_, name) if name.is_empty() => Err(bad(KINDS)),
            ("monitor", name) => Ok(Thing::Monitor(name)),
            ("host", name) => Ok(Thing::Host(name)),
            ("playbook", name) => Ok(Thing::Playbook(name)),
            ("panel" | "group", _) => Ok(Thing::Other(text.to_owned())),
            _ => Err(bad(KINDS)),
        }
    }
}

const KINDS: &str = "write monitor:NAME, host:NAME, playbook:NAME, panel:ID or group:ID";

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Thing::Monitor(name) => write!(f, "monitor:{name}"),
            Thing::Host(name) => write!(f, "host:{name}"),
            Thing::Playbook(name) => write!(f, "playbook:{name}"),
            Thing::Other(text) => f.write_str(text),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub id: i64,
    pub on: String,
    pub at: i64,
    pub by: String,
    pub text: String,
}

impl Incidents {
    fn has(&self, thing: &Thing) -> bool {
        match thing {
            Thing::Monitor(name) => self.book.subject(false, name).is_some(),
            Thing::Host(name) => self.book.subject(true, name).is_some(),
            Thing::Playbook(name) => self.playbooks.0.contains_key(name.as_str()),
            Thing::Other(_) => true,
        }
    }

    /// Pages whom it names; returns those whom it does not reach, each with why.
    fn mention_in_comment(
        &mut self,
        thing: &Thing,
        by: &str,
        text: &str,
        now: Timestamp,
    ) -> Result<Vec<String>, Refusal> {
        let mentioned = self.mentioned(by, text)?;
        let mut message = self.message_of(thing, now);
        message.author = by.to_owned();
        message.comment = cut(text, MAX_TEXT).to_owned();
        for (contact, channels) in &mentioned.reached {
            self.page(None, PageKind::Mention, contact, channels, &message, now);
        }
        Ok(mentioned.missed)
    }

    /// As it is now, if it is watched.
    fn message_of(&self, thing: &Thing, now: Timestamp) -> Message {
        let (host, name) = match thing {
            Thing::Monitor(name) => (false, name.clone()),
            Thing::Host(name) => (true, name.clone()),
            Thing::Playbook(_) | Thing::Other(_) => (false, thing.to_string()),
        };
        let key = Key { host, monitor: name.as_str().into(), instance: "".into() };
        let bad = self.live.values().flat_map(|incident| incident.bad());
        let worst = bad
            .filter(|(member, _)| member.host == host && member.monitor == key.monitor)
            .max_by_key(|(_, trouble)| trouble.state.badness());
        let fine = if host { State::Up } else { State::Ok };
        let (key, trouble) = worst
            .map(|(key, trouble)| (key.clone(), trouble.clone()))
            .unwrap_or_else(|| (key, Trouble::of(fine, now.0, "")));
        let subject = self.book.about(&key);
        let mut message = self.message_about(&key, &trouble, subject);
        if matches!(thing, Thing::Playbook(_) | Thing::Other(_)) {
            message.about = About::Comment;
        }
        message
    }
}

impl Desk {
    /// Returns it, and whom it names in vain.
    pub fn comment(
        &self,
        thing: &Thing,
        by: &str,
        text: &str,
        now: Timestamp,
    ) -> Result<(Comment, Vec<String>), Failed> {
        check_text("author", by, MAX_AUTHOR)
            .and_then(|()| check_text("text", text, MAX_NOTE))
            .map_err(Failed::Refused)?;
        let mut batch = self.batch();
        if !batch.inner.incidents.has(thing) {
            return Err(Failed::Refused(Refusal::Unknown));
        }
        let first = batch.inner.incidents.next_page;
        let missed =
            batch.inner.incidents.mention_in_comment(thing, by, text, now).map_err(Failed::Refused)?;
        let mut made =
            Comment { id: 0, on: thing.to_string(), at: now.0, by: by.to_owned(), text: text.to_owned() };
        // With the pages, or not at all.
        let written = batch.write(|tx, _| {
            made.id = insert(tx, &made)?;
            Ok(())
        });
        if let Err(error) = written {
            // Else the next transaction would send them, and whoever says it again would page twice.
            batch.inner.incidents.unsaved.pages.retain(|page| page.id < first);
            return Err(error.into());
        }
        batch.committed();
        Ok((made, missed))
    }

    /// The oldest first.
    pub fn comments(&self, thing: &Thing) -> Result<Vec<Comment>, StateError> {
        let sql = format!("{COMMENT} WHERE about = ?1 ORDER BY id");
        Ok(self.store.query(&sql, &[thing.to_string().into()])?.iter().map(comment).collect())
    }

    /// What was one thing is a part of another from now on.
    pub fn move_comments(&self, from: &Thing, to: &Thing) -> Result<(), StateError> {
        let sql = "UPDATE comment SET about = ?2 WHERE about = ?1";
        let values: [Value; 2] = [from.to_string().into(), to.to_string().into()];
        self.store.transaction(|tx| tx.execute(sql, &values)).map(drop)
    }

    /// On whatever they are, the newest first.
    pub fn newest_comments(&self, limit: usize) -> Result<Vec<Comment>, StateError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = self.store.query(&format!("{COMMENT} ORDER BY id DESC LIMIT ?1"), &[limit.into()])?;
        Ok(rows.iter().map(comment).collect())
    }

    pub fn one_comment(&self, id: i64) -> Result<Option<Comment>, StateError> {
        let rows = self.store.query(&format!("{COMMENT} WHERE id = ?1"), &[id.into()])?;
        Ok(rows.first().map(comment))
    }

    pub fn remove_comment(&self, id: i64) -> Result<(), Failed> {
        let sql = "DELETE FROM comment WHERE id = ?1";
        match self.store.transaction(|tx| tx.execute(sql, &[id.into()]))? {
            0 => Err(Failed::Refused(Refusal::Unknown)),
            _ => Ok(()),
        }
    }
}

const COMMENT: &str = "SELECT id, about, at, author, text FROM comment";

fn comment(row: &Row) -> Comment {
    Comment {
        id: row.integer(0),
        on: row.text(1).to_owned(),
        at: row.integer(2),
        by: row.text(3).to_owned(),
        text: row.text(4).to_owned(),
    }
}

/// Returns its number. The oldest go.
fn insert(tx: &Transaction<'_>, new: &Comment) -> Result<i64, StateError> {
    tx.execute(
        "INSERT INTO comment (about, at, author, text) VALUES (?1, ?2, ?3, ?4)",
        &[new.on.as_str().into(), new.at.into(), new.by.as_str().into(), new.text.as_str().into()],
    )?;
    let id = tx.inserted_id();
    tx.execute("DELETE FROM comment WHERE id <= ?1", &[(id - MAX_COMMENTS).into()])?;
    tx.execute(
        "DELETE FROM comment WHERE about = ?1 AND id NOT IN (SELECT id FROM comment WHERE about = ?1 ORDER BY id DESC LIMIT ?2)",
        &[new.on.as_str().into(), MAX_COMMENTS_OF_ONE.into()],
    )?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use state_store::StateStore;

    use super::*;
    use crate::book::{Book, Contact, Subject};

    fn desk() -> (Desk, tempfile::TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let rooms = [crate::MIGRATIONS, crate::oncall::MIGRATIONS];
        let store = StateStore::open(&directory.path().join("state.db"), &rooms).unwrap();
        let mut book = Book::default();
        book.contacts.insert("ana".into(), Contact { channels: vec!["mail".into()], ..Contact::default() });
        book.subjects.insert((false, "latency".into()), Subject::default());
        (Desk::open(Arc::new(store), book, b"secret").unwrap(), directory)
    }

    fn on(text: &str) -> Thing {
        Thing::parse(text).unwrap()
    }

    fn why<T: fmt::Debug>(result: Result<T, Failed>) -> String {
        format!("{:?}", result.unwrap_err())
    }

    #[test]
    fn whoever_is_mentioned_is_paged_and_who_is_not_is_said() {
        let (desk, _directory) = desk();
        let said = |thing: &str, text: &str| desk.comment(&on(thing), "ben", text, Timestamp(7)).unwrap();
        let (made, missed) = said("monitor:latency", "too tight, @ana and @zoe?");
        assert_eq!((made.id, &*made.on, &*made.by, made.at), (1, "monitor:latency", "ben", 7));
        assert_eq!(missed, ["@zoe is no contact"]);
        said("panel:front/p95", "log scale, @ana?");
        let pages = desk.due("mail", i64::MAX, 10);
        let told: Vec<_> = pages
            .iter()
            .map(|one| (one.page.kind, one.page.incident, one.page.message.about, &*one.page.message.name))
            .collect();
        assert_eq!(
            told,
            [
                (PageKind::Mention, None, About::Monitor, "latency"),
                (PageKind::Mention, None, About::Comment, "panel:front/p95"),
            ]
        );
        assert_eq!(pages[0].page.message.comment, "too tight, @ana and @zoe?");
    }

    #[test]
    fn they_are_listed_in_their_order_and_taken_out_by_number() {
        let (desk, _directory) = desk();
        let thing = on("group:7f");
        for text in ["one", "two"] {
            desk.comment(&thing, "ben", text, Timestamp(7)).unwrap();
        }
        let texts = || desk.comments(&thing).unwrap().into_iter().map(|one| one.text).collect::<Vec<_>>();
        assert_eq!(texts(), ["one", "two"]);
        assert_eq!(desk.one_comment(1).unwrap().map(|one| one.by), Some("ben".into()));
        desk.remove_comment(1).unwrap();
        assert_eq!(texts(), ["two"]);
        assert!(why(desk.remove_comment(1)).contains("Unknown"));
        assert_eq!(desk.comments(&on("group:8")).unwrap(), []);
        desk.move_comments(&thing, &on("group:8")).unwrap();
        assert_eq!((texts().len(), desk.comments(&on("group:8")).unwrap().len()), (0, 1));
    }

    #[test]
    fn the_oldest_go() {
        let (desk, _directory) = desk();
        desk.comment(&on("panel:b"), "ben", "stays", Timestamp(0)).unwrap();
        let one = |at: i64| Comment { id: 0, on: "panel:a".into(), at, by: String::new(), text: "x".into() };
        let all = |tx: &Transaction<'_>| {
            (0..=MAX_COMMENTS_OF_ONE).try_for_each(|at| insert(tx, &one(at)).map(drop))
        };
        desk.store.transaction(all).unwrap();
        let left = desk.comments(&on("panel:a")).unwrap();
        assert_eq!((left.len() as i64, left[0].at), (MAX_COMMENTS_OF_ONE, 1));
        assert_eq!(desk.comments(&on("panel:b")).unwrap().len(), 1);
    }

    #[test]
    fn what_is_not_there_or_says_nothing_is_refused() {
        let (desk, _directory) = desk();
        let said = |thing: &str, text: &str| desk.comment(&on(thing), "ben", text, Timestamp(7));
        for nowhere in ["monitor:gone", "host:latency", "playbook:gone"] {
            assert!(why(said(nowhere, "x")).contains("Unknown"), "{nowhere}");
        }
        assert!(why(said("monitor:latency", " ")).contains("needs a text"));
        assert!(why(said("monitor:latency", &"x".repeat(MAX_NOTE + 1))).contains("longer than"));
        for (text, wanted) in [
            ("incident:3", "are its notes"),
            ("nothing-there", "write monitor:NAME"),
            ("panel:", "write monitor:NAME"),
            ("file:x", "write monitor:NAME"),
            ("panel:\n", "in one line"),
        ] {
            assert!(matches!(Thing::parse(text), Err(Refusal::Bad(why)) if why.contains(wanted)), "{text}");
        }
        assert!(Thing::parse(&format!("panel:{}", "x".repeat(MAX_COMMENTED_NAME))).is_err());
    }
}
