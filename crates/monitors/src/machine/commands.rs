//! What people and programs ask of the machine, beside results.

use std::fmt;
use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::NoticeKind;

use super::downtime::NewDowntime;
use super::limits::{LONGEST_TEXT, MAX_COMMENTS};
use super::live::Acknowledgement;
use super::telling::Note;
use super::{Happenings, Machine, ObjectId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Somebody has seen the problem: no further notices of it.
    Acknowledge {
        object: ObjectId,
        /// Until it is good again; else until the state changes.
        sticky: bool,
        /// Tell the contacts.
        notify: bool,
        /// The comment outlives the acknowledgement.
        persistent: bool,
        expires: Option<Timestamp>,
        author: String,
        comment: String,
    },
    RemoveAcknowledgement {
        object: ObjectId,
    },
    ScheduleDowntime(NewDowntime),
    CancelDowntime {
        id: u64,
    },
    /// A custom notice; `forced` goes past all filters, `broadcast` to the contacts of escalations too.
    Notify {
        object: ObjectId,
        author: String,
        comment: String,
        forced: bool,
        broadcast: bool,
        increment: bool,
    },
    Switch {
        object: ObjectId,
        what: Switch,
        on: bool,
    },
    Comment {
        object: ObjectId,
        author: String,
        comment: String,
        persistent: bool,
    },
    RemoveComment {
        id: u64,
    },
    /// These contacts heard of the end from the incident.
    Heard {
        object: ObjectId,
        contacts: Vec<Arc<str>>,
    },
}

/// What can be switched at an object while running; a switch outlives restarts and reloads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    Notifications,
    ActiveChecks,
    PassiveResults,
    FlapDetection,
    EventHandler,
}

/// What a command made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    Done,
    Downtime(u64),
    Comment(u64),
    /// So many are told.
    Told(usize),
}

/// Why a command was not obeyed; the text says how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    Wrong(String),
    NotFound(String),
    /// There is nothing to acknowledge.
    NoProblem(String),
    TooMany(String),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Refusal::Wrong(text)
        | Refusal::NotFound(text)
        | Refusal::NoProblem(text)
        | Refusal::TooMany(text)) = self;
        f.write_str(text)
    }
}

impl std::error::Error for Refusal {}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    pub id: u64,
    pub object: ObjectId,
    pub at: i64,
    pub author: Arc<str>,
    pub comment: Arc<str>,
    pub persistent: bool,
    /// It came with an acknowledgement, and goes with it unless it is persistent.
    pub of_acknowledgement: bool,
}

impl Machine {
    /// Obeys, or says why not; nothing is changed then.
    pub fn command(
        &mut self,
        command: Command,
        now: Timestamp,
        out: &mut Happenings,
    ) -> Result<Done, Refusal> {
        let now = now.0;
        match command {
            Command::Acknowledge { object, sticky, notify, persistent, expires, author, comment } => {
                let acknowledgement = Acknowledgement {
                    sticky,
                    author: text("author", author)?,
                    comment: text("comment", comment)?,
                    at: now,
                    expires: expires.map(|at| at.0),
                    persistent,
                };
                self.acknowledge(object, acknowledgement, notify, now, out)
            }
            Command::RemoveAcknowledgement { object } => self.remove_acknowledgement(object, now, out),
            Command::ScheduleDowntime(new) => self.schedule(new, now, out).map(Done::Downtime),
            Command::CancelDowntime { id } => self.cancel_downtime(id, now, out).map(|()| Done::Done),
            Command::Notify { object, author, comment, forced, broadcast, increment } => {
                let (author, comment) = (text("author", author)?, text("comment", comment)?);
                let note = Note { author, comment, forced, broadcast, increment };
                let before = out.notices.len();
                self.notify_with(object, NoticeKind::Custom, &note, now, out);
                Ok(Done::Told(out.notices.len() - before))
            }
            Command::Switch { object, what, on } => {
                self.switch(object, what, on, now, out);
                Ok(Done::Done)
            }
            Command::Comment { object, author, comment, persistent } => {
                let (author, comment) = (text("author", author)?, text("comment", comment)?);
                let entry = Comment {
                    id: 0,
                    object,
                    at: now,
                    author,
                    comment,
                    persistent,
                    of_acknowledgement: false,
                };
                let too_many =
                    || Refusal::TooMany(format!("there are {MAX_COMMENTS} comments already: delete some"));
                let id = self.add_comment(entry, out).ok_or_else(too_many)?;
                Ok(Done::Comment(id))
            }
            Command::RemoveComment { id } => {
                let gone = || Refusal::NotFound(format!("there is no comment {id}"));
                self.comments.remove(id).ok_or_else(gone)?;
                out.kept_changed = true;
                Ok(Done::Done)
            }
            Command::Heard { object, contacts } => {
                self.heard(object, &contacts, out);
                Ok(Done::Done)
            }
        }
    }

    fn acknowledge(
        &mut self,
        object: ObjectId,
        acknowledgement: Acknowledgement,
        notify: bool,
        now: i64,
        out: &mut Happenings,
    ) -> Result<Done, Refusal> {
        if !self.of(object).live.is_bad() {
            let message = format!(
                "`{}` is {}: there is no problem to acknowledge",
                self.plain_name(object),
                self.of(object).live.state
            );
            return Err(Refusal::NoProblem(message));
        }
        if acknowledgement.expires.is_some_and(|at| at <= now) {
            return Err(Refusal::Wrong(
                "the acknowledgement would have ended already: `expires` lies in the past".into(),
            ));
        }
        let (author, comment) = (acknowledgement.author.clone(), acknowledgement.comment.clone());
        if notify {
            let note = Note { author: author.clone(), comment: comment.clone(), ..Note::default() };
            self.notify_with(object, NoticeKind::Acknowledgement, &note, now, out);
        }
        if let Some(at) = acknowledgement.expires {
            self.expiring.insert((at, object));
        }
        let persistent = acknowledgement.persistent;
        self.live(object).acknowledgement = Some(Box::new(acknowledgement));
        // Without room for the comment the acknowledgement still holds, and has the text itself.
        let entry = Comment { id: 0, object, at: now, author, comment, persistent, of_acknowledgement: true };
        self.add_comment(entry, out);
        out.touch(object);
        self.show_withheld(object, now, out);
        Ok(Done::Done)
    }

    fn remove_acknowledgement(
        &mut self,
        object: ObjectId,
        now: i64,
        out: &mut Happenings,
    ) -> Result<Done, Refusal> {
        if self.of(object).live.acknowledgement.is_none() {
            return Err(Refusal::NoProblem(format!("`{}` is not acknowledged", self.plain_name(object))));
        }
        self.end_acknowledgement(object, out);
        self.show_withheld(object, now, out);
        Ok(Done::Done)
    }

    pub(super) fn end_acknowledgement(&mut self, object: ObjectId, out: &mut Happenings) {
        let Some(ended) = self.live(object).acknowledgement.take() else { return };
        if let Some(at) = ended.expires {
            self.expiring.remove(&(at, object));
        }
        out.kept_changed |= self.comments.remove_where(|comment| {
            comment.object == object && comment.of_acknowledgement && !comment.persistent
        });
        out.touch(object);
    }

    pub(super) fn expire_acknowledgements(&mut self, now: i64, out: &mut Happenings) {
        while let Some((at, object)) = self.expiring.first().copied().filter(|(at, _)| *at <= now) {
            self.expiring.remove(&(at, object));
            let current = self.of(object).live.acknowledgement.as_ref();
            if current.is_some_and(|acknowledgement| acknowledgement.expires == Some(at)) {
                self.end_acknowledgement(object, out);
                self.show_withheld(object, now, out);
            }
        }
    }

    fn switch(&mut self, object: ObjectId, what: Switch, on: bool, now: i64, out: &mut Happenings) {
        let live = self.live(object);
        let switches = &mut live.switches;
        let slot = match what {
            Switch::Notifications => &mut switches.notifications,
            Switch::ActiveChecks => &mut switches.active_checks,
            Switch::PassiveResults => &mut switches.passive_results,
            Switch::FlapDetection => &mut switches.flap_detection,
            Switch::EventHandler => &mut switches.event_handler,
        };
        *slot = Some(on);
        let stops_flapping = what == Switch::FlapDetection && !on && live.flapping;
        out.touch(object);
        if stops_flapping {
            self.stop_flapping(object, now, Some(NoticeKind::FlappingDisabled), out);
        }
        self.show_withheld(object, now, out);
    }

    fn add_comment(&mut self, comment: Comment, out: &mut Happenings) -> Option<u64> {
        if self.comments.by_id.len() >= MAX_COMMENTS {
            self.comments_left_out += 1;
            return None;
        }
        out.kept_changed = true;
        Some(self.comments.add(comment))
    }

    fn heard(&mut self, object: ObjectId, contacts: &[Arc<str>], out: &mut Happenings) {
        let names = &self.shared.contacts;
        let live = &mut self.objects[object.0 as usize].live;
        live.told.retain(|told| !contacts.contains(&names[told.0 as usize].name));
        out.touch(object);
    }
}

fn text(what: &str, text: String) -> Result<Arc<str>, Refusal> {
    if text.len() > LONGEST_TEXT {
        let message = format!("`{what}` has {} bytes: at most {LONGEST_TEXT} are kept", text.len());
        return Err(Refusal::Wrong(message));
    }
    Ok(Arc::from(text))
}
