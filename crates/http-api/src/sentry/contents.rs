//! What is in a request: every item is read before anything is answered. What can be read is taken; the answer tells of the first
//! item that cannot be.

use std::sync::Arc;

use error_tracking::runs::Runs;
use error_tracking::{Digested, LINES, Received, browser, digest};
use formats::sentry::check_in::{self, CheckIn};
use formats::sentry::envelope::{Envelope, Header, Item};
use formats::sentry::json::{self, Limits};
use formats::sentry::limits::{ATTACHMENTS, CHECK_INS, EVENT_BYTES, SESSIONS, USER_REPORTS};
use formats::sentry::security;
use formats::sentry::transaction;
use formats::sentry::user_report::{self, UserReport};
use formats::sentry::{Category, ItemKind, Tree, client_report, sessions};
use vocabulary::Timestamp;
use vocabulary::error::EventId;

use super::answers::Refusal;
use super::door::{Asked, Sender};
use super::intake::{Answered, Busy, Incoming};
use super::kept::{self, Attachment};
use super::limits::{ATTACHED_BYTES, ATTACHMENT_BYTES, BODY_BYTES, MINIDUMP_BYTES, NAME_BYTES};
use super::room::Held;
use super::{FILE_KIND, minidump, spare_id};
use crate::services::Services;

/// What is to be done with it.
#[derive(Default)]
pub struct Contents {
    pub events: Vec<Incoming>,
    /// What becomes of them, once they are handed over.
    pub taken: Option<Result<Answered, Busy>>,
    pub check_ins: Vec<CheckIn>,
    pub reports: Vec<(EventId, UserReport)>,
    pub attachments: Vec<Attachment>,
    /// What the answer names.
    pub event_id: Option<EventId>,
    /// There was something in it that is never used.
    pub has_unused: bool,
    /// The first item that could not be taken, with the limits of all.
    pub refusal: Option<Refusal>,
    /// Its place in memory, until it is answered for: what was digested is about as long as what was sent.
    pub held: Option<Held>,
}

impl Contents {
    pub fn refuse(&mut self, refusal: Refusal) {
        match &mut self.refusal {
            Some(first) => first.join(refusal),
            none => *none = Some(refusal),
        }
    }
}

pub fn is_kept(services: &Services, project: u64, event: EventId) -> Result<bool, Refusal> {
    if services.event_log.contains(project, event) {
        return Ok(true);
    }
    let read = services.event_log.read(project, event);
    read.map(|event| event.is_some()).map_err(|error| Refusal::busy(error.to_string()))
}

/// One more event, or words about one, within the quotas of the key and the project.
pub fn admit(services: &Services, sender: &Sender, at: Timestamp) -> Result<(), Refusal> {
    let admitted = within_quotas(services, sender, at);
    if admitted.is_err() {
        services.senders.note(sender.project.id, |sent| sent.limited += 1);
    }
    admitted
}

/// The key's own limit first: what it is refused takes nothing of the others'.
fn within_quotas(services: &Services, sender: &Sender, at: Timestamp) -> Result<(), Refusal> {
    let Sender { project, key, .. } = sender;
    let of_key = services.key_quota.admit(key.clone(), project.most_events_of(key), at);
    of_key.map_err(|beyond| Refusal::over_key_quota(beyond.retry_after_seconds))?;
    let most = services.settings.load().errors.most_events(&project.settings);
    let spike = match most {
        // Whoever has lifted the limit wants all of it.
        0 => None,
        _ => services.spikes.most_events(&services.tracker, project, at),
    };
    let of_project = services.quota.admit(project.id, most.min(spike.unwrap_or(most)), at);
    of_project.map_err(|beyond| match spike {
        Some(spike) if spike < most => Refusal::over_spike(spike, beyond.retry_after_seconds),
        _ => Refusal::over_quota(beyond.retry_after_seconds),
    })
}

/// Reads what one sender has sent.
pub struct Reading<'s> {
    pub services: &'s Services,
    pub sender: &'s Sender,
    pub asked: &'s Asked,
    pub contents: Contents,
    sessions: usize,
    attachments: usize,
    /// Files that are too long to be kept, as the next event tells of them.
    lost_files: Vec<Tree<'static>>,
}

impl<'s> Reading<'s> {
    pub fn new(services: &'s Services, sender: &'s Sender, asked: &'s Asked) -> Reading<'s> {
        let contents = Contents::default();
        Reading { services, sender, asked, contents, sessions: 0, attachments: 0, lost_files: Vec::new() }
    }

    pub fn envelope(&mut self, envelope: &Envelope<'_>) {
        self.contents.event_id = envelope.header.event_id;
        for item in envelope.items.iter().filter(|item| item.kind == ItemKind::Attachment) {
            self.foresee(said_of(item, "filename"), kind_of(item), item.payload);
        }
        for item in &envelope.items {
            let taken = self.item(&envelope.header, item);
            self.note(taken);
        }
        self.drop_strays();
    }

    /// Attachments of what is no event here fill the disk, and nobody ever sees them.
    fn drop_strays(&mut self) {
        let (services, project) = (self.services, self.sender.project.id);
        let Contents { events, attachments, .. } = &mut self.contents;
        let all = attachments.len();
        attachments.retain(|file| {
            let is_here = events.iter().any(|incoming| incoming.event.event_id == file.event);
            is_here || matches!(is_kept(services, project, file.event), Ok(true))
        });
        let strays = (all - attachments.len()) as u64;
        services.senders.note(project, |sent| sent.dropped_attachments += strays);
    }

    /// What is wrong with one item is told, and the others are taken all the same.
    fn note(&mut self, taken: Result<(), Refusal>) {
        if let Err(refusal) = taken {
            // What is over the quota is counted where that is found.
            if refusal.status != axum::http::StatusCode::TOO_MANY_REQUESTS {
                self.services.senders.note(self.sender.project.id, |sent| sent.invalid += 1);
            }
            self.contents.refuse(refusal);
        }
    }

    fn item(&mut self, header: &Header, item: &Item<'_>) -> Result<(), Refusal> {
        let most = item.kind.bytes_max();
        if item.payload.len() > most {
            return Err(Refusal::too_large(&format!("an item of type {}", item.kind.name()), most));
        }
        match item.kind {
            ItemKind::Event => self.event(header, item.payload),
            ItemKind::Feedback => self.feedback(header, item.payload),
            ItemKind::RawSecurity => {
                let text = |key: &str| item.headers.get(key).and_then(Tree::text);
                self.security(item.payload, text("sentry_release"), text("sentry_environment"))
            }
            ItemKind::UserReport => self.report(header, item.payload),
            ItemKind::CheckIn => {
                if self.contents.check_ins.len() >= CHECK_INS {
                    return Err(Refusal::bad_request(format!("more than {CHECK_INS} check-ins")));
                }
                self.contents.check_ins.push(check_in::read(item.payload, None)?);
                Ok(())
            }
            ItemKind::Session | ItemKind::Sessions => self.sessions(item),
            ItemKind::ClientReport => {
                let report = client_report::read(item.payload)?;
                self.services.senders.note(self.sender.project.id, |sent| {
                    report.lost.iter().for_each(|lost| sent.lost(lost.category, lost.quantity));
                });
                Ok(())
            }
            ItemKind::Transaction => {
                let project = &self.sender.project;
                let most = self.services.settings.load().errors.most_transactions(&project.settings);
                self.within(Category::Transaction, most)?;
                let mut transaction = transaction::read(item.payload)?;
                transaction.name = project.scrubbed(&transaction.name);
                self.services.timings.note(project.id, &transaction);
                Ok(())
            }
            ItemKind::Attachment => self.attachment(header, item),
            unused => {
                self.contents.has_unused = true;
                self.services.senders.note(self.sender.project.id, |sent| sent.unused(unused));
                Ok(())
            }
        }
    }

    /// One event of JSON.
    pub fn event(&mut self, header: &Header, payload: &[u8]) -> Result<(), Refusal> {
        if payload.len() > EVENT_BYTES {
            return Err(Refusal::too_large("an event", EVENT_BYTES));
        }
        let mut room = json::room_for(payload);
        let tree = json::read_but(&LINES, payload, &Limits::default(), &mut room)?;
        self.digest(header, tree)
    }

    /// Within the quotas of the key and the project.
    fn digest(&mut self, header: &Header, mut tree: Tree<'_>) -> Result<(), Refusal> {
        let project = &self.sender.project;
        // First, as digesting is most of the work: also what turns out to be no event has been sent.
        admit(self.services, self.sender, self.asked.at)?;
        let lost = std::mem::take(&mut self.lost_files);
        match tree.get_mut("errors") {
            _ if lost.is_empty() => {}
            Some(Tree::List(errors)) => errors.extend(lost),
            _ => tree.set("errors", Tree::List(lost)),
        }
        let event = self.digested(header, tree)?;
        if event.body.len() > BODY_BYTES {
            return Err(Refusal::too_large("an event as it is kept", BODY_BYTES));
        }
        self.contents.event_id = Some(event.event_id);
        self.contents.events.push(Incoming { project: Arc::clone(project), event });
        Ok(())
    }

    fn digested(&self, header: &Header, tree: Tree<'_>) -> Result<Digested, Refusal> {
        let received = Received {
            at: self.asked.at,
            sent_at: header.sent_at.map(|sent| Timestamp(sent.floor() as i64)),
            peer_ip: Some(self.asked.peer),
            envelope_event_id: header.event_id,
            spare_id: spare_id()?,
            client: self.sender.client.clone(),
        };
        digest(&self.sender.project, tree, &received, &*self.services.symbols)
            .map_err(|invalid| Refusal::bad_request(invalid.to_string()))
    }

    /// A person's words about an event that was sent, or will be.
    fn report(&mut self, header: &Header, payload: &[u8]) -> Result<(), Refusal> {
        if self.contents.reports.len() >= USER_REPORTS {
            return Err(Refusal::bad_request(format!("more than {USER_REPORTS} reports of users")));
        }
        admit(self.services, self.sender, self.asked.at)?;
        let report = user_report::read(payload)?;
        let event = report.event.or(header.event_id);
        let event = event.ok_or_else(|| Refusal::bad_request("a report of a user names no event"))?;
        self.contents.reports.push((event, report));
        Ok(())
    }

    /// A person's words, which may be about another event, and an event of their own.
    fn feedback(&mut self, header: &Header, payload: &[u8]) -> Result<(), Refusal> {
        let tree = json::read(payload, &Limits::default())?;
        let report = user_report::of_event(&tree)?;
        self.digest(header, tree)?;
        let own = self.contents.event_id;
        let event = match report.event {
            Some(about) if !self.has_other_words(about, &report)? => Some(about),
            _ => own,
        };
        self.contents.reports.extend(event.map(|event| (event, report)));
        Ok(())
    }

    /// Whether somebody said something else about it: each feedback is its own, and takes the place of no other.
    fn has_other_words(&self, about: EventId, report: &UserReport) -> Result<bool, Refusal> {
        let is_in_this = |(event, said): &(EventId, UserReport)| {
            *event == about && (&said.email, &said.comments) != (&report.email, &report.comments)
        };
        if self.contents.reports.iter().any(is_in_this) {
            return Ok(true);
        }
        let project = &self.sender.project;
        let kept = kept::report_of(&self.services.state, project.id, about);
        let kept = kept.map_err(|error| Refusal::busy(error.to_string()))?;
        // What is kept was scrubbed.
        let comments = project.scrubbed(&report.comments);
        Ok(kept.is_some_and(|kept| (kept.email, kept.comments) != (report.email.clone(), comments)))
    }

    /// What browsers report: one report, or many.
    pub fn security(
        &mut self,
        payload: &[u8],
        release: Option<&str>,
        environment: Option<&str>,
    ) -> Result<(), Refusal> {
        let reports = security::read(payload)?;
        for report in reports {
            // Each is an event of its own, whatever the envelope is called.
            let taken = self.digest(&Header::default(), browser::event_of(report, release, environment));
            self.note(taken);
        }
        Ok(())
    }

    /// One more of what has a quota of its own: a flood of it holds nothing else back.
    fn within(&self, category: Category, most: u64) -> Result<(), Refusal> {
        let project = self.sender.project.id;
        let admitted = self.services.category_quota.admit((project, category), most, self.asked.at);
        admitted.map_err(|beyond| {
            self.services.senders.note(project, |sent| sent.limited(category));
            Refusal::over_quota_of(category, beyond.retry_after_seconds)
        })
    }

    fn sessions(&mut self, item: &Item<'_>) -> Result<(), Refusal> {
        self.sessions += 1;
        if self.sessions > SESSIONS {
            return Err(Refusal::bad_request(format!("more than {SESSIONS} items of sessions")));
        }
        let most = self.services.settings.load().errors.most_sessions(&self.sender.project.settings);
        self.within(Category::Session, most)?;
        let (project, at) = (self.sender.project.id, self.asked.at);
        let runs = runs(item)?;
        self.services.tracker.ran(project, &runs, at);
        self.services.senders.note(project, |sent| sent.ran(&runs, at));
        Ok(())
    }

    fn attachment(&mut self, header: &Header, item: &Item<'_>) -> Result<(), Refusal> {
        self.attachments += 1;
        if self.attachments > ATTACHMENTS {
            return Err(Refusal::bad_request(format!("more than {ATTACHMENTS} attachments")));
        }
        let kind = kind_of(item);
        let is_minidump = kind == minidump::KIND;
        if is_minidump && self.contents.events.is_empty() {
            self.digest(header, minidump::event(None))?;
        }
        let event = self.contents.event_id;
        let event = event.ok_or_else(|| Refusal::bad_request("an attachment comes without an event"))?;
        self.attach(event, said_of(item, "filename"), said_of(item, "content_type"), kind, item.payload);
        Ok(())
    }

    /// What comes of an event whose file is too long tells of it, as whoever looks for the file looks there.
    pub fn foresee(&mut self, name: &str, kind: &str, content: &[u8]) {
        let most = longest(kind);
        if content.len() <= most || self.lost_files.len() >= ATTACHMENTS {
            return;
        }
        let why = format!("attachment too large: {} bytes, and {most} are the most", content.len());
        self.lost_files.push(Tree::Map(vec![
            ("type".into(), Tree::owned_text("attachment_too_large")),
            ("name".into(), Tree::owned_text(cut(name))),
            ("value".into(), Tree::owned_text(why)),
        ]));
    }

    /// Kept if it is short, and within the project's quota. False: it is too long.
    pub fn attach(
        &mut self,
        event: EventId,
        name: &str,
        content_type: &str,
        kind: &str,
        content: &[u8],
    ) -> bool {
        let (services, project) = (self.services, self.sender.project.id);
        let drop_it = || services.senders.note(project, |sent| sent.dropped_attachments += 1);
        if content.len() > longest(kind) {
            drop_it();
            return false;
        }
        let bytes = content.len() as u64;
        let of = (project, Category::Attachment);
        if let Err(beyond) = services.category_quota.admit_many(of, bytes, ATTACHED_BYTES, self.asked.at) {
            let refusal = Refusal::over_attachments(beyond.retry_after_seconds);
            self.contents.refuse(refusal);
            drop_it();
            return true;
        }
        self.contents.attachments.push(Attachment {
            event,
            name: cut(name),
            content_type: cut(content_type),
            kind: cut(kind),
            content: content.to_vec(),
        });
        true
    }

    /// Its events are on their way to whoever keeps them: who waits for the answer is woken when they are kept, and not before.
    pub fn done(self, held: Held) -> Contents {
        let Contents { events, .. } = self.contents;
        let taken = (!events.is_empty()).then(|| self.services.errors.take(events));
        Contents { events: Vec::new(), taken, held: Some(held), ..self.contents }
    }

    /// A crash without any event beside it, or with what the client says of it.
    pub fn crash(&mut self, said: Tree<'_>) -> Result<EventId, Refusal> {
        self.digest(&Header::default(), minidump::event(Some(said)))?;
        Ok(self.contents.event_id.unwrap_or_default())
    }
}

fn cut(text: &str) -> String {
    text[..text.floor_char_boundary(NAME_BYTES)].to_owned()
}

fn said_of<'i>(item: &'i Item<'_>, key: &str) -> &'i str {
    item.headers.get(key).and_then(Tree::text).unwrap_or_default()
}

fn kind_of<'i>(item: &'i Item<'_>) -> &'i str {
    match said_of(item, "attachment_type") {
        "" => FILE_KIND,
        kind => kind,
    }
}

/// Of a file that is kept.
pub fn longest(kind: &str) -> usize {
    if kind == minidump::KIND { MINIDUMP_BYTES } else { ATTACHMENT_BYTES }
}

/// What an item says of sessions.
fn runs(item: &Item<'_>) -> Result<Runs, Refusal> {
    if item.kind == ItemKind::Session {
        let session = sessions::read(item.payload)?;
        return Ok(Runs {
            // A session is told of when it begins and when it ends: counted once.
            began: u64::from(session.init),
            crashed: u64::from(session.status == sessions::Status::Crashed),
            release: session.release,
            environment: session.environment,
        });
    }
    let counted = sessions::read_aggregates(item.payload)?;
    let sum = |count: fn(&sessions::Counts) -> u64| {
        counted.minutes.iter().fold(0, |sum: u64, minute| sum.saturating_add(count(minute)))
    };
    Ok(Runs {
        began: sum(sessions::Counts::all),
        crashed: sum(|minute| minute.crashed),
        release: counted.release,
        environment: counted.environment,
    })
}
