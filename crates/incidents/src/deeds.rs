//! What people do beside saying that they have it: take it from somebody, hand it over, call others, say how bad it is,
//! and declare what no monitor sees.

use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::state::State;

use crate::core::Incidents;
use crate::incident::{
    Acknowledged, ByHand, Entry, Given, Incident, IncidentId, Key, Owner, Phase, Told, Trouble,
};
use crate::limits::{
    DECLARED_SOON_SECONDS, MAX_AUTHOR, MAX_DECLARED, MAX_DECLARED_OPEN, MAX_DECLARED_SOON,
    MAX_NAMED_CONTACTS, MAX_NOTE, MAX_TITLE,
};
use crate::page::PageKind;
use crate::people::{Refusal, check_text};

/// What people declare is called so, with a number or the key that they gave.
pub const DECLARED: &str = "declared:";

/// A contact with the channels by which they are reached.
pub(crate) type Reached = (Arc<str>, Vec<Arc<str>>);

/// What somebody declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declaration {
    pub title: String,
    pub severity: Option<State>,
    pub what: String,
    /// While one of this key is open, it is that one.
    pub key: String,
    /// Told of it, beside those of `[incidents] contacts`.
    pub contacts: Vec<String>,
    /// Who asks: a program may name anybody as who declares. Empty: who declares.
    pub asked_by: String,
    /// Who asks may do nothing else: they name nobody in what others declared, and theirs come one after the other.
    pub only_looks: bool,
}

/// Keys that begin so are of calls for help from outside, and of nothing else.
pub const OUTSIDE: &str = "911/";

impl Declaration {
    fn asker<'d>(&'d self, by: &'d str) -> &'d str {
        if self.asked_by.is_empty() { by } else { &self.asked_by }
    }
}

fn is_declared_of(incident: &Incident, asker: &str) -> bool {
    let detail = &incident.detail;
    detail.asked_by.as_ref().or(detail.declared_by.as_ref()).is_some_and(|one| one == asker)
}

/// A host's words are those of a service once a person says it.
pub(crate) fn as_of_service(state: State) -> State {
    match state {
        State::Warning | State::Unknown => state,
        _ => State::Critical,
    }
}

impl Incidents {
    /// It is theirs now, whoever had it.
    pub(crate) fn take_over(
        &mut self,
        id: IncidentId,
        by: &str,
        comment: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        check_text("comment", comment, MAX_NOTE)?;
        let before = self.live.get(&id).and_then(Incident::owner).map(|(name, _)| name.to_owned());
        if before.as_deref() == Some(by) {
            return Ok(());
        }
        self.own(id, by, by, comment, now);
        let from = before.map(|before| format!("from {before}")).unwrap_or_default();
        let text = joined(&from, comment);
        self.write(id, Entry { at: now, kind: "taken", who: by.into(), text });
        Ok(())
    }

    /// Into the hands of a contact, who is told at once.
    pub(crate) fn hand_over(
        &mut self,
        id: IncidentId,
        by: &str,
        to: &str,
        comment: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        check_text("comment", comment, MAX_NOTE)?;
        let reached = self.reached(&[to.to_owned()])?;
        self.own(id, to, by, comment, now);
        let text = joined(&format!("to {to}"), comment);
        self.write(id, Entry { at: now, kind: "handed_over", who: by.into(), text });
        self.call(id, PageKind::HandedOver, &reached, by, comment, now);
        Ok(())
    }

    fn own(&mut self, id: IncidentId, owner: &str, by: &str, comment: &str, now: Timestamp) {
        // Who looks at rooms only is taken to know.
        let is_told = owner != by && self.book.reaches(&self.channels_of(owner));
        let given = is_told.then(|| Given { by: by.to_owned(), page: self.next_page });
        let Some(incident) = self.live.get_mut(&id) else { return };
        let was_open = incident.phase == Phase::Open;
        incident.phase = Phase::Acknowledged;
        let detail = &mut incident.detail;
        detail.first_acknowledged.get_or_insert(now.0);
        if detail.acknowledged.as_ref().is_none_or(|before| before.of_parts) {
            let said = Acknowledged { by: by.into(), at: now.0, comment: comment.into(), of_parts: false };
            detail.acknowledged = Some(said);
        }
        detail.owner = Some(Owner { name: owner.into(), since: now.0, given });
        self.hear(id, now);
        if was_open {
            self.tell_followers(id, by, comment, now);
        }
    }

    /// Others are called: these contacts, else those who come next.
    pub(crate) fn escalate(
        &mut self,
        id: IncidentId,
        by: &str,
        to: &[String],
        comment: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        check_text("comment", comment, MAX_NOTE)?;
        if to.is_empty() && self.hand_on(id, by, comment, now) {
            return Ok(());
        }
        let whom = if to.is_empty() { self.next_in_line(id) } else { self.reached(to)? };
        if whom.is_empty() {
            return Err(Refusal::No(
                "there is nobody left to call: name contacts in `to`, or in [incidents] contacts",
            ));
        }
        let names: Vec<&str> = whom.iter().map(|(name, _)| &**name).collect();
        let text = joined(&format!("to {}", names.join(", ")), comment);
        self.write(id, Entry { at: now, kind: "escalated", who: by.into(), text });
        let told = self.live.get(&id).is_some_and(|incident| incident.detail.told.values().any(Told::waits));
        let kind = if told { PageKind::Still } else { PageKind::Problem };
        self.call(id, kind, &whom, by, comment, now);
        Ok(())
    }

    /// The incident's own contacts and those of `[incidents]` who have not been told; if all were, all again.
    fn next_in_line(&self, id: IncidentId) -> Vec<Reached> {
        let Some(incident) = self.live.get(&id) else { return Vec::new() };
        let subjects = incident.bad().filter_map(|(key, _)| self.book.about(key));
        let own = subjects.flat_map(|subject| subject.contacts.iter().cloned());
        let default = self.book.config.contacts.iter().map(|name| Arc::from(name.as_str()));
        let mut all: Vec<Reached> = Vec::new();
        for name in own.chain(default) {
            let channels = self.channels_of(&name);
            if !channels.is_empty() && all.iter().all(|(known, _)| *known != name) {
                all.push((name, channels));
            }
        }
        let untold = |name: &str| !incident.detail.told.get(name).is_some_and(Told::waits);
        let next: Vec<_> = all.iter().filter(|(name, _)| untold(name)).cloned().collect();
        if next.is_empty() { all } else { next }
    }

    /// With their channels. Who cannot be reached is refused rather than relied on.
    fn reached(&self, names: &[String]) -> Result<Vec<Reached>, Refusal> {
        if names.len() > MAX_NAMED_CONTACTS {
            return Err(Refusal::Bad(format!("`to` names more than {MAX_NAMED_CONTACTS} contacts")));
        }
        let reach = |name: &String| {
            let channels = self.channels_of(name);
            if channels.is_empty() {
                let why = if self.book.contacts.contains_key(name.as_str()) {
                    "has no channel"
                } else {
                    "is no contact"
                };
                // Who they are is not for everybody who may declare.
                return Err(Refusal::Bad(format!(
                    "`{name}` {why}, so nobody would be told: GET /api/v1/contacts lists them"
                )));
            }
            Ok((Arc::from(name.as_str()), channels))
        };
        names.iter().map(reach).collect()
    }

    /// Somebody wants them to know of it now, whatever their hours are.
    pub(crate) fn call(
        &mut self,
        id: IncidentId,
        kind: PageKind,
        whom: &[Reached],
        by: &str,
        comment: &str,
        now: Timestamp,
    ) {
        let Some(incident) = self.live.get(&id) else { return };
        let worst = incident.bad().max_by_key(|(_, trouble)| trouble.state.badness());
        let Some((key, trouble)) = worst else { return };
        let mut message = self.message(incident, key, trouble, self.book.about(key));
        message.author = by.to_owned();
        message.comment = comment.to_owned();
        message.detour.called = true;
        for (contact, channels) in whom {
            if self.rule_goes_on(id, contact, now) {
                self.tell_by_rule(id, kind, contact, channels, &message, now);
            } else {
                // Somebody has it, or it is night: by its first way alone nobody may be reached.
                let ways = self.all_ways(contact, message.state, channels);
                self.tell(id, kind, contact, &ways, &message, now);
            }
        }
    }

    /// How bad it is, in the words of a person.
    pub(crate) fn set_severity(
        &mut self,
        id: IncidentId,
        by: &str,
        severity: State,
        comment: &str,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        check_text("comment", comment, MAX_NOTE)?;
        if !matches!(severity, State::Warning | State::Critical | State::Unknown) {
            return Err(Refusal::Bad("`severity` is critical, warning or unknown".into()));
        }
        let Some(incident) = self.live.get_mut(&id) else { return Err(Refusal::Unknown) };
        let before = incident.severity_now();
        let worst = incident.measured().unwrap_or(severity);
        incident.detail.by_hand = Some(ByHand { severity, who: by.into(), worst });
        let text = joined(&format!("{severity} ({before} before)"), comment);
        self.write(id, Entry { at: now, kind: "severity", who: by.into(), text });
        Ok(())
    }

    /// What no monitor sees. Returns the incident, and whether it is a new one.
    pub fn declare(
        &mut self,
        by: &str,
        declared: &Declaration,
        now: Timestamp,
    ) -> Result<(IncidentId, bool), Refusal> {
        check_text("author", by, MAX_AUTHOR)?;
        check_text("title", &declared.title, MAX_TITLE)?;
        check_text("what", &declared.what, MAX_NOTE)?;
        check_text("key", &declared.key, MAX_TITLE)?;
        if one_line(&declared.title).is_empty() {
            return Err(Refusal::Bad("an incident needs a title: what does not work?".into()));
        }
        let state = declared.severity.unwrap_or(State::Critical);
        if state != as_of_service(state) {
            return Err(Refusal::Bad("`severity` is critical, warning or unknown".into()));
        }
        let whom = self.reached(&declared.contacts)?;
        let name = match declared.key.is_empty() {
            true => format!("{DECLARED}{}", self.next_incident),
            false => format!("{DECLARED}key:{}", declared.key),
        };
        let key = Key { host: false, monitor: name.as_str().into(), instance: "".into() };
        let is_bad = self.placed_bad(&key).is_some();
        let before = self.placed_bad(&key).or_else(|| self.open_of(&key));
        let asker = declared.asker(by);
        match before {
            None => {
                self.refuse_to_reopen(&key, asker, declared, now)?;
                self.refuse_many(asker, declared, now)?;
            }
            Some(id) => self.refuse_names(id, asker, declared)?,
        }
        let title = Some(one_line(&declared.title));
        let trouble = Trouble { title, ..Trouble::of(state, now.0, &declared.what) };
        let id = match before {
            Some(id) if is_bad => id,
            Some(id) => {
                // Open, and this part of it was over: what people know the whole by stays.
                self.enter(key.clone(), trouble, now);
                self.place.get(&key).copied().unwrap_or(id)
            }
            None => self.enter_declared(key, trouble, by, asker, now),
        };
        let text = joined(&one_line(&declared.title), &declared.what);
        self.write(id, Entry { at: now, kind: "declared", who: by.into(), text });
        self.touch(id);
        self.settle(now);
        let told = self.live.get(&id).map(|incident| incident.detail.told.clone()).unwrap_or_default();
        let knows = |name: &str| told.get(name).is_some_and(Told::waits);
        let whom: Vec<_> = whom.into_iter().filter(|(name, _)| !knows(name)).collect();
        self.call(id, PageKind::Problem, &whom, by, &declared.what, now);
        Ok((id, before.is_none()))
    }

    fn refuse_many(&self, asker: &str, declared: &Declaration, now: Timestamp) -> Result<(), Refusal> {
        let open = || self.live.values().filter(|one| !one.is_closed() && one.detail.declared_by.is_some());
        let own = || open().filter(|one| is_declared_of(one, asker));
        let soon = |one: &&Incident| now.0 - one.opened.0 < DECLARED_SOON_SECONDS;
        if own().count() >= MAX_DECLARED {
            let why = "too many incidents that you have declared are open: add to one of them, or have some resolved";
            return Err(Refusal::No(why));
        }
        if declared.only_looks && own().filter(soon).count() >= MAX_DECLARED_SOON {
            let why = "you have declared many incidents within ten minutes: add to one of them by its `key`, or wait";
            return Err(Refusal::No(why));
        }
        if open().count() >= MAX_DECLARED_OPEN && !declared.key.starts_with(OUTSIDE) {
            let why = "too many declared incidents are open: add to one of them by its `key`, or have some resolved";
            return Err(Refusal::No(why));
        }
        Ok(())
    }

    /// To be told of what others declared, and to act on it by the link, is not for everybody to bring about.
    fn refuse_names(&self, id: IncidentId, asker: &str, declared: &Declaration) -> Result<(), Refusal> {
        let is_theirs = self.live.get(&id).is_some_and(|incident| is_declared_of(incident, asker));
        if declared.only_looks && !declared.contacts.is_empty() && !is_theirs {
            let why = "an incident of this key is open already, and whom it is told to is for others to say: leave `contacts` out";
            return Err(Refusal::No(why));
        }
        Ok(())
    }

    /// What others declared, and has just ended, would come back as the same: to open that again is not for everybody.
    fn refuse_to_reopen(
        &self,
        key: &Key,
        asker: &str,
        declared: &Declaration,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let ended = self.incident_of_reason(&self.reason(key), key, now.0, now);
        let ended = ended.and_then(|id| self.live.get(&id));
        if declared.only_looks && ended.is_some_and(|incident| !is_declared_of(incident, asker)) {
            let why = "an incident of this key has just ended, and whether it goes on is for others to say: leave `key` out, or take another one";
            return Err(Refusal::No(why));
        }
        Ok(())
    }

    /// The open incident that stands for this, though what was declared may be over in it.
    fn open_of(&self, key: &Key) -> Option<IncidentId> {
        let id = *self.by_reason.get(&self.reason(key))?;
        self.live.get(&id).filter(|incident| !incident.is_closed()).map(|incident| incident.id)
    }

    /// What comes back keeps its title, and whose it is.
    fn enter_declared(
        &mut self,
        key: Key,
        trouble: Trouble,
        by: &str,
        asker: &str,
        now: Timestamp,
    ) -> IncidentId {
        let title = trouble.title_of_incident(&key);
        let next = self.next_incident;
        self.enter(key.clone(), trouble, now);
        let id = self.place.get(&key).copied().unwrap_or_default();
        if let Some(incident) = self.live.get_mut(&id).filter(|incident| incident.id >= next) {
            incident.title = title;
            incident.detail.declared_by = Some(by.to_owned());
            incident.detail.asked_by = (asker != by).then(|| asker.to_owned());
        }
        id
    }
}

/// A title stands in subjects and lists: what breaks lines there, or is no letter at all, is a space.
fn one_line(title: &str) -> String {
    let words = title.split(|letter: char| letter.is_control() || letter.is_whitespace());
    words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

pub(crate) fn joined(what: &str, comment: &str) -> String {
    let separator = if what.is_empty() || comment.is_empty() { "" } else { ": " };
    format!("{what}{separator}{comment}")
}
