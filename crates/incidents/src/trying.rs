//! "Send a test now": a page that says that nothing is wrong, to see whether it arrives. It begins as the worst does, so that
//! a telephone rings as it would, and is over at once, so that no provider keeps it.

use std::sync::Arc;

use state_store::StateError;
use vocabulary::Timestamp;
use vocabulary::state::State;

use crate::desk::{Desk, Failed};
use crate::limits::{MAX_AUTHOR, TEST_PAUSE_SECONDS};
use crate::page::{About, Detour, Message, Page, PageKind};
use crate::people::Refusal;
use crate::store::{self, KeptPage};

/// What such a page is about, with the contact behind it.
const PREFIX: &str = "test of ";
/// Of one contact so many are listed.
const LISTED: i64 = 20;

impl Desk {
    /// By every channel of the contact, or by `only` this one.
    pub fn try_contact(
        &self,
        contact: &str,
        only: Option<&str>,
        by: &str,
        now: Timestamp,
    ) -> Result<(), Failed> {
        if by.len() > MAX_AUTHOR {
            return Err(Failed::Refused(Refusal::Bad(format!("`author` is longer than {MAX_AUTHOR} bytes"))));
        }
        let last = self.tests_of(contact)?.first().map(|kept| kept.page.at);
        if last.is_some_and(|last| now.since(last) < TEST_PAUSE_SECONDS) {
            let why = "a test has just been sent: see what becomes of it, and send another in half a minute";
            return Err(Failed::Refused(Refusal::No(why)));
        }
        let mut batch = self.batch();
        let incidents = &mut batch.inner.incidents;
        if !incidents.book.contacts.contains_key(contact) {
            return Err(Failed::Refused(Refusal::Unknown));
        }
        let mut channels = incidents.channels_of(contact);
        if channels.is_empty() {
            let why = "the contact has no channels: name some in its `channels`";
            return Err(Failed::Refused(Refusal::No(why)));
        }
        if let Some(only) = only {
            channels.retain(|channel| **channel == *only);
            if channels.is_empty() {
                let why = format!("`{contact}` is not reached by a channel `{only}`");
                return Err(Failed::Refused(Refusal::Bad(why)));
            }
        }
        let contact: Arc<str> = Arc::from(contact);
        let begins = message(&contact, by, State::Critical, now);
        incidents.page(None, PageKind::Problem, &contact, &channels, &begins, now);
        let ends = Message { until: Some(now.0), ..message(&contact, by, State::Ok, now) };
        incidents.page(None, PageKind::Recovery, &contact, &channels, &ends, now);
        batch.commit_alone()?;
        Ok(())
    }

    /// What became of the latest tests, the newest first.
    pub fn tests_of(&self, contact: &str) -> Result<Vec<KeptPage>, StateError> {
        let all = store::pages_of_nothing(&self.store, contact, LISTED)?;
        let wanted = format!("{PREFIX}{contact}");
        Ok(all.into_iter().filter(|kept| kept.page.message.name == wanted).collect())
    }
}

/// The same for one way of a contact, to be sent by `channel` beside the outbox.
pub fn pages(contact: &str, channel: &str, now: Timestamp) -> [Page; 2] {
    let page = |id, kind, message| {
        let (contact, channel) = (Arc::from(contact), Arc::from(channel));
        Page { id, incident: None, kind, contact, channel, at: now, message }
    };
    let ends = Message { until: Some(now.0), ..message(contact, contact, State::Ok, now) };
    [
        page(1, PageKind::Problem, message(contact, contact, State::Critical, now)),
        page(2, PageKind::Recovery, ends),
    ]
}

/// What shows that this way leads to the person who says so.
pub fn code(contact: &str, channel: &str, code: &str, now: Timestamp) -> Page {
    let text = format!(
        "{contact} wants to be reached here by Bellwether, and types this code there within ten minutes. If that is not you, do nothing."
    );
    let message = Message {
        title: format!("{code} is your code"),
        text,
        name: code.to_owned(),
        playbook: None,
        ..message(contact, contact, State::Ok, now)
    };
    let (contact, channel) = (Arc::from(contact), Arc::from(channel));
    Page { id: 1, incident: None, kind: PageKind::Code, contact, channel, at: now, message }
}

fn message(contact: &str, by: &str, state: State, now: Timestamp) -> Message {
    let name = format!("{PREFIX}{contact}");
    Message {
        title: name.clone(),
        state,
        since: now.0,
        until: None,
        value: None,
        warning: None,
        critical: None,
        text: format!(
            "This is a test that {by} has asked for. Nothing is wrong, and there is nothing to do."
        ),
        instances: Vec::new(),
        bad: 0,
        description: None,
        playbook: Some("Nothing: it has arrived.".into()),
        about: About::Channel,
        name,
        instance: String::new(),
        author: String::new(),
        comment: String::new(),
        number: None,
        instead_of: None,
        email: None,
        ways: crate::book::Ways::new(),
        tried: Vec::new(),
        detour: Detour::default(),
        rerouted: false,
        otherwise: Default::default(),
        nobodys_since: None,
        unsubscribe: None,
    }
}
