//! The tables of what was learnt, and what is done with them at the desk.

use state_store::{Migrations, Row, StateError, Transaction, Value};
use vocabulary::Timestamp;

use super::follow_ups::MAX_FOLLOW_UPS;
use super::{
    About, FollowUp, MAX_VERSIONS, NewFollowUp, PostMortem, PostMortemId, Proof, Published, Text, link,
    timeline,
};
use crate::desk::{Desk, Failed};
use crate::incident::IncidentId;
use crate::people::Refusal;
use crate::store::{json, read};

pub const MIGRATIONS: Migrations = Migrations {
    room: "learning",
    steps: &["CREATE TABLE post_mortem (id INTEGER PRIMARY KEY, incident INTEGER NOT NULL UNIQUE, reason TEXT NOT NULL, about TEXT NOT NULL,
            text TEXT NOT NULL, version INTEGER NOT NULL, created INTEGER NOT NULL, changed INTEGER NOT NULL, author TEXT NOT NULL,
            publication INTEGER NOT NULL, published INTEGER, published_by TEXT NOT NULL, published_version INTEGER NOT NULL,
            page TEXT NOT NULL) STRICT;
         CREATE INDEX post_mortem_reason ON post_mortem (reason);
         CREATE TABLE post_mortem_version (post_mortem INTEGER NOT NULL, version INTEGER NOT NULL, at INTEGER NOT NULL,
            author TEXT NOT NULL, text TEXT NOT NULL, PRIMARY KEY (post_mortem, version)) STRICT, WITHOUT ROWID;
         CREATE TABLE follow_up (id INTEGER PRIMARY KEY, post_mortem INTEGER NOT NULL, detail TEXT NOT NULL, done INTEGER,
            done_by TEXT NOT NULL, proof TEXT) STRICT;
         CREATE INDEX follow_up_post_mortem ON follow_up (post_mortem);
         CREATE TABLE learnt_month (month TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"],
};

const ONE: &str = "SELECT id, about, text, version, created, changed, author, publication, published, published_by, published_version FROM post_mortem";

/// A version as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    pub version: i64,
    pub at: i64,
    pub author: String,
    pub text: Text,
}

fn refused<T>(refusal: Refusal) -> Result<T, Failed> {
    Err(Failed::Refused(refusal))
}

impl Desk {
    /// Begins the post-mortem of an incident from its record. There is one of each.
    pub fn begin_post_mortem(
        &self,
        incident: IncidentId,
        author: &str,
        now: Timestamp,
    ) -> Result<PostMortemId, Failed> {
        let Some(found) = self.one(incident)? else { return refused(Refusal::Unknown) };
        if self.post_mortem_of(incident)?.is_some() {
            return refused(Refusal::No("this incident has a post-mortem already"));
        }
        let text = timeline::draft(&found);
        let opened = found.incident.opened.0;
        let first = found.incident.troubles.values().map(|trouble| trouble.since).min();
        let about = About {
            incident,
            reason: found.incident.reason,
            title: found.incident.title,
            began: first.map_or(opened, |first| first.min(opened)),
            opened,
            ended: found.incident.closed.map(|closed| closed.0),
        };
        let id = self.store.transaction(|tx| {
            tx.execute(
                "INSERT INTO post_mortem (incident, reason, about, text, version, created, changed, author, publication, published,
                    published_by, published_version, page) VALUES (?1, ?2, ?3, ?4, 1, ?5, ?5, ?6, 0, NULL, '', 0, '')",
                &[incident.into(), about.reason.as_str().into(), json(&about), json(&text), now.0.into(), author.into()],
            )?;
            let rows = tx.query("SELECT last_insert_rowid()", &[])?;
            let id = rows.first().map_or(0, |row| row.integer(0));
            keep_version(tx, id, 1, author, &text, now)?;
            Ok(id)
        })?;
        Ok(id)
    }

    /// Another text. Whoever has read an older one than there is now is told so, and overwrites nothing.
    pub fn write_post_mortem(
        &self,
        id: PostMortemId,
        author: &str,
        read_version: i64,
        text: &Text,
        now: Timestamp,
    ) -> Result<(), Failed> {
        if let Err(refusal) = text.check() {
            return refused(refusal);
        }
        let written = self.store.transaction(|tx| {
            let changed = tx.execute(
                "UPDATE post_mortem SET text = ?3, version = version + 1, changed = ?4, author = ?5 WHERE id = ?1 AND version = ?2",
                &[id.into(), read_version.into(), json(text), now.0.into(), author.into()],
            )?;
            if changed > 0 {
                keep_version(tx, id, read_version + 1, author, text, now)?;
            }
            Ok(changed > 0)
        })?;
        match (written, self.post_mortem(id)?) {
            (true, _) => Ok(()),
            (false, None) => refused(Refusal::Unknown),
            (false, Some(_)) => refused(Refusal::No(
                "somebody else has changed it meanwhile: read it again, and put both together",
            )),
        }
    }

    pub fn post_mortem(&self, id: PostMortemId) -> Result<Option<PostMortem>, StateError> {
        let found = self.some_post_mortems("WHERE id = ?1", &[id.into()])?;
        Ok(found.into_iter().next())
    }

    pub fn post_mortem_of(&self, incident: IncidentId) -> Result<Option<PostMortem>, StateError> {
        let found = self.some_post_mortems("WHERE incident = ?1", &[incident.into()])?;
        Ok(found.into_iter().next())
    }

    /// The newest first.
    pub fn post_mortems(&self, limit: usize) -> Result<Vec<PostMortem>, StateError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.some_post_mortems("ORDER BY id DESC LIMIT ?1", &[limit.into()])
    }

    /// Of earlier incidents of the same reason, the newest first: what was learnt then.
    pub fn earlier_post_mortems(
        &self,
        incident: IncidentId,
        reason: &str,
    ) -> Result<Vec<PostMortem>, StateError> {
        self.some_post_mortems(
            "WHERE reason = ?1 AND incident < ?2 ORDER BY incident DESC LIMIT 10",
            &[reason.into(), incident.into()],
        )
    }

    pub fn post_mortem_versions(&self, id: PostMortemId) -> Result<Vec<Version>, StateError> {
        let sql = "SELECT version, at, author, text FROM post_mortem_version WHERE post_mortem = ?1 ORDER BY version DESC";
        let version = |row: &Row| {
            let text = read(row.text(3), "post-mortem")?;
            Some(Version {
                version: row.integer(0),
                at: row.integer(1),
                author: row.text(2).to_owned(),
                text,
            })
        };
        Ok(self.store.query(sql, &[id.into()])?.iter().filter_map(version).collect())
    }

    fn some_post_mortems(&self, which: &str, values: &[Value]) -> Result<Vec<PostMortem>, StateError> {
        let mut found = Vec::new();
        for row in self.store.query(&format!("{ONE} {which}"), values)? {
            let id = row.integer(0);
            let (Some(about), Some(text)) =
                (read(row.text(1), "post-mortem"), read(row.text(2), "post-mortem"))
            else {
                continue;
            };
            let token = link::make(&self.secret, id, row.integer(7));
            let published = (!row.is_null(8)).then(|| Published {
                at: row.integer(8),
                by: row.text(9).to_owned(),
                token,
                version: row.integer(10),
            });
            found.push(PostMortem {
                id,
                about,
                text,
                version: row.integer(3),
                created: row.integer(4),
                changed: row.integer(5),
                author: row.text(6).to_owned(),
                published,
                follow_ups: self.follow_ups_of(Some(id))?,
            });
        }
        Ok(found)
    }

    /// Shows this page to whoever has its address, from now on; or none any more.
    pub fn publish(
        &self,
        id: PostMortemId,
        page: Option<&str>,
        version: i64,
        author: &str,
        now: Timestamp,
    ) -> Result<(), Failed> {
        let published = page.map(|_| now.0);
        // What is published anew keeps its address; what is withdrawn never has that one again.
        let changed = self.store.transaction(|tx| {
            tx.execute(
                "UPDATE post_mortem SET publication = publication + (published IS NOT NULL AND ?2 IS NULL), published = ?2,
                    published_by = ?3, published_version = ?4, page = ?5 WHERE id = ?1",
                &[id.into(), published.into(), author.into(), version.into(), page.unwrap_or_default().into()],
            )
        })?;
        if changed == 0 { refused(Refusal::Unknown) } else { Ok(()) }
    }

    /// Everybody who can be reached, by name.
    pub fn contact_names(&self) -> Vec<String> {
        self.inner.lock().incidents.book.contacts.keys().map(ToString::to_string).collect()
    }

    /// What a link shows.
    pub fn published_page(&self, token: &str) -> Result<Option<String>, StateError> {
        let Some((id, publication)) = link::read(&self.secret, token) else { return Ok(None) };
        let sql = "SELECT page FROM post_mortem WHERE id = ?1 AND publication = ?2 AND published IS NOT NULL";
        let rows = self.store.query(sql, &[id.into(), publication.into()])?;
        Ok(rows.first().map(|row| row.text(0).to_owned()))
    }

    pub fn add_follow_up(&self, id: PostMortemId, new: &NewFollowUp) -> Result<i64, Failed> {
        if let Err(refusal) = new.check() {
            return refused(refusal);
        }
        let Some(found) = self.post_mortem(id)? else { return refused(Refusal::Unknown) };
        if found.follow_ups.len() >= MAX_FOLLOW_UPS {
            return refused(Refusal::No(
                "a post-mortem has 50 follow-ups at most: what is more is a project of its own",
            ));
        }
        Ok(self.store.transaction(|tx| {
            tx.execute(
                "INSERT INTO follow_up (post_mortem, detail, done, done_by, proof) VALUES (?1, ?2, NULL, '', NULL)",
                &[id.into(), json(new)],
            )?;
            let rows = tx.query("SELECT last_insert_rowid()", &[])?;
            Ok(rows.first().map_or(0, |row| row.integer(0)))
        })?)
    }

    /// As it is from now on.
    pub fn change_follow_up(&self, changed: &FollowUp) -> Result<(), Failed> {
        if let Err(refusal) = changed.new.check() {
            return refused(refusal);
        }
        let (done, by) = changed.done.as_ref().map_or((None, ""), |(at, by)| (Some(*at), by.as_str()));
        let count = self.store.transaction(|tx| {
            tx.execute(
                "UPDATE follow_up SET detail = ?3, done = ?4, done_by = ?5, proof = ?6 WHERE id = ?1 AND post_mortem = ?2",
                &[
                    changed.id.into(),
                    changed.post_mortem.into(),
                    json(&changed.new),
                    done.into(),
                    by.into(),
                    changed.proof.as_ref().map_or(Value::Null, json),
                ],
            )
        })?;
        if count == 0 { refused(Refusal::Unknown) } else { Ok(()) }
    }

    pub fn remove_follow_up(&self, id: PostMortemId, follow_up: i64) -> Result<(), Failed> {
        let count = self.store.transaction(|tx| {
            tx.execute(
                "DELETE FROM follow_up WHERE id = ?1 AND post_mortem = ?2",
                &[follow_up.into(), id.into()],
            )
        })?;
        if count == 0 { refused(Refusal::Unknown) } else { Ok(()) }
    }

    /// Of one post-mortem; or all that are open, those due first.
    pub fn follow_ups_of(&self, id: Option<PostMortemId>) -> Result<Vec<FollowUp>, StateError> {
        let all = "SELECT id, post_mortem, detail, done, done_by, proof FROM follow_up";
        let rows = match id {
            Some(id) => {
                self.store.query(&format!("{all} WHERE post_mortem = ?1 ORDER BY id"), &[id.into()])?
            }
            None => self.store.query(&format!("{all} WHERE done IS NULL ORDER BY id"), &[])?,
        };
        let mut found: Vec<FollowUp> = rows.iter().filter_map(follow_up).collect();
        if id.is_none() {
            found.sort_by(|a, b| (&a.new.due, a.id).cmp(&(&b.new.due, b.id)));
        }
        Ok(found)
    }
}

fn keep_version(
    tx: &Transaction<'_>,
    id: PostMortemId,
    version: i64,
    author: &str,
    text: &Text,
    now: Timestamp,
) -> Result<(), StateError> {
    tx.execute(
        "INSERT INTO post_mortem_version (post_mortem, version, at, author, text) VALUES (?1, ?2, ?3, ?4, ?5)",
        &[id.into(), version.into(), now.0.into(), author.into(), json(text)],
    )?;
    tx.execute(
        "DELETE FROM post_mortem_version WHERE post_mortem = ?1 AND version <= ?2",
        &[id.into(), (version - MAX_VERSIONS).into()],
    )?;
    Ok(())
}

fn follow_up(row: &Row) -> Option<FollowUp> {
    let proof = if row.is_null(5) { None } else { read::<Proof>(row.text(5), "follow-up") };
    Some(FollowUp {
        id: row.integer(0),
        post_mortem: row.integer(1),
        new: read(row.text(2), "follow-up")?,
        done: (!row.is_null(3)).then(|| (row.integer(3), row.text(4).to_owned())),
        proof,
    })
}
