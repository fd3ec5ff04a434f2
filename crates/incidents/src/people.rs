//! What people do with an incident.

use vocabulary::Timestamp;
use vocabulary::state::State;

use crate::core::Incidents;
use crate::deeds::DECLARED;
use crate::entries::check_room;
use crate::incident::{Acknowledged, Entry, Incident, IncidentId, Key, Phase, Trouble};
use crate::limits::{MAX_AUTHOR, MAX_HELPED, MAX_NOTE, MAX_SNOOZE_SECONDS};
use crate::page::PageKind;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    Acknowledge {
        comment: String,
    },
    Resolve {
        comment: String,
        /// Empty: nothing is said of it.
        helped: String,
    },
    Note {
        text: String,
    },
    /// What got it going again.
    Helped {
        text: String,
    },
    Snooze {
        until: Timestamp,
        comment: String,
    },
    /// It is the author's now, whoever had it.
    Take {
        comment: String,
    },
    HandOver {
        to: String,
        comment: String,
    },
    /// To these contacts; none: to those who come next.
    Escalate {
        to: Vec<String>,
        comment: String,
    },
    SetSeverity {
        severity: State,
        comment: String,
    },
    Reopen {
        comment: String,
        /// Members that were ended with it, and are as bad again as they were.
        back: Vec<Key>,
    },
    Merge {
        into: IncidentId,
    },
    /// A step of its playbook, by its words.
    Tick {
        step: String,
        done: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    Unknown,
    /// Why, and what to do instead.
    No(&'static str),
    Bad(String),
    /// Somebody else was first.
    Taken {
        by: String,
        at: i64,
    },
}

const OVER: Refusal =
    Refusal::No("the incident is resolved already; a note, and what helped, can still be added");

impl Incidents {
    /// Do it in somebody's name. Returns the instances that are bad, for whoever keeps their own acknowledgements.
    pub fn act(
        &mut self,
        id: IncidentId,
        author: &str,
        deed: &Deed,
        now: Timestamp,
    ) -> Result<Vec<Key>, Refusal> {
        check_text("author", author, MAX_AUTHOR)?;
        // Pages and links that went out before a merger are of the old number.
        let id = if matches!(deed, Deed::Acknowledge { .. }) { self.root_of(id) } else { id };
        let Some(incident) = self.live.get(&id) else { return Err(Refusal::Unknown) };
        let bad: Vec<Key> = incident.bad().map(|(key, _)| key.clone()).collect();
        let closed = incident.is_closed();
        if closed && !matches!(deed, Deed::Note { .. } | Deed::Helped { .. } | Deed::Reopen { .. }) {
            return Err(OVER);
        }
        if incident.owner().is_some_and(|(owner, _)| owner == author) {
            // Whatever they do, they know that they have it.
            self.is_known_to_be_given(id);
        }
        match deed {
            Deed::Acknowledge { comment } => self.acknowledge(id, author, comment, now)?,
            Deed::Resolve { comment, helped } => self.resolve(id, author, comment, helped, now)?,
            Deed::Note { text } => {
                self.live.get(&id).map_or(Ok(()), check_room)?;
                self.note(id, author, text, now)?;
            }
            Deed::Helped { text } => self.say_what_helped(id, author, text, now)?,
            Deed::Snooze { until, comment } => self.snooze(id, author, *until, comment, now)?,
            Deed::Take { comment } => self.take_over(id, author, comment, now)?,
            Deed::HandOver { to, comment } => self.hand_over(id, author, to, comment, now)?,
            Deed::Escalate { to, comment } => self.escalate(id, author, to, comment, now)?,
            Deed::SetSeverity { severity, comment } => {
                self.set_severity(id, author, *severity, comment, now)?;
            }
            Deed::Reopen { comment, back } => self.reopen_by_hand(id, author, comment, back, now)?,
            Deed::Merge { into } => self.merge(id, *into, author, now)?,
            Deed::Tick { step, done } => self.tick_step(id, author, step, *done, now)?,
        }
        self.touch(id);
        Ok(bad)
    }

    /// What can still be done with one that memory has let go of.
    pub(crate) fn act_on_old(
        &mut self,
        incident: Incident,
        author: &str,
        deed: &Deed,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        check_text("author", author, MAX_AUTHOR)?;
        match deed {
            Deed::Note { text } => self.note_on_old(&incident, author, text, now),
            Deed::Helped { text } => self.say_what_helped_in_old(incident, author, text, now),
            _ => Err(OVER),
        }
    }

    fn acknowledge(
        &mut self,
        id: IncidentId,
        by: &str,
        comment: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        check_text("comment", comment, MAX_NOTE)?;
        let Some(incident) = self.live.get(&id) else { return Err(Refusal::Unknown) };
        let in_hand = incident.detail.acknowledged.as_ref().is_some_and(|before| !before.of_parts);
        if let Some((owner, at)) = incident.owner().filter(|(owner, _)| in_hand && *owner != by) {
            return Err(Refusal::Taken { by: owner.to_owned(), at });
        }
        let Some(incident) = self.live.get_mut(&id) else { return Err(Refusal::Unknown) };
        if let Some(before) = &incident.detail.acknowledged
            && before.by == by
            && before.comment == comment
            && !before.of_parts
        {
            // Asked twice, as scripts and impatient fingers do: one line is enough.
            return Ok(());
        }
        incident.phase = Phase::Acknowledged;
        let acknowledged =
            Acknowledged { by: by.into(), at: now.0, comment: comment.into(), of_parts: false };
        incident.detail.acknowledged = Some(acknowledged);
        incident.detail.first_acknowledged.get_or_insert(now.0);
        self.hear(id, now);
        self.write(id, Entry { at: now, kind: "acknowledged", who: by.into(), text: comment.into() });
        self.tell_followers(id, by, comment, now);
        Ok(())
    }

    /// Closed though it may still be bad: what is stays quiet until it is over or gets worse.
    fn resolve(
        &mut self,
        id: IncidentId,
        by: &str,
        comment: &str,
        helped: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        check_text("comment", comment, MAX_NOTE)?;
        check_text("helped", helped, MAX_HELPED)?;
        if !comment.is_empty() {
            self.note(id, by, comment, now)?;
        }
        if !helped.trim().is_empty() {
            self.say_what_helped(id, by, helped, now)?;
        }
        let Some(incident) = self.live.get(&id) else { return Err(Refusal::Unknown) };
        let bad: Vec<(Key, Trouble)> =
            incident.bad().map(|(key, trouble)| (key.clone(), trouble.clone())).collect();
        self.close(id, Some(by), now);
        for (key, trouble) in bad {
            match key.monitor.starts_with(DECLARED) {
                true => self.end_declared(id, key, now),
                false => self.hold(key, Trouble { dismissed: true, ..trouble }),
            }
        }
        let Some(incident) = self.live.get(&id) else { return Ok(()) };
        let told = incident.detail.told.iter();
        let due = told.filter(|(_, told)| told.waits() && told.by_notices_of.is_empty());
        let host = incident.is_of_host();
        let due = due.filter(|(contact, _)| self.may_tell_end(incident, contact, host, now));
        let due: Vec<String> = due.map(|(contact, _)| contact.clone()).collect();
        self.tell_end(id, &due, PageKind::Resolved, now);
        Ok(())
    }

    /// What a person says is wrong is over when a person says so.
    fn end_declared(&mut self, id: IncidentId, key: Key, now: Timestamp) {
        let trouble = self.live.get_mut(&id).and_then(|incident| incident.troubles.get_mut(&key));
        if let Some(trouble) = trouble {
            (trouble.state, trouble.until) = (State::Ok, Some(now.0));
            self.unsaved.trouble(id, key);
        }
    }

    fn snooze(
        &mut self,
        id: IncidentId,
        by: &str,
        until: Timestamp,
        comment: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        check_text("comment", comment, MAX_NOTE)?;
        let seconds = until.since(now);
        if seconds <= 0 {
            return Err(Refusal::Bad("the end of a snooze lies in the future".into()));
        }
        if seconds > MAX_SNOOZE_SECONDS {
            let days = MAX_SNOOZE_SECONDS / 86_400;
            return Err(Refusal::Bad(format!(
                "a snooze lasts {days} days at most; what may stay bad longer needs a downtime, or another rule"
            )));
        }
        let Some(incident) = self.live.get_mut(&id) else { return Err(Refusal::Unknown) };
        incident.detail.snoozed_until = Some(until.0);
        let text = format!("for {seconds} s{}{comment}", if comment.is_empty() { "" } else { ": " });
        self.write(id, Entry { at: now, kind: "snoozed", who: by.into(), text });
        Ok(())
    }
}

pub(crate) fn check_text(what: &str, text: &str, bound: usize) -> Result<(), Refusal> {
    match text.len() > bound {
        true => Err(Refusal::Bad(format!("`{what}` is longer than {bound} bytes"))),
        false => Ok(()),
    }
}
