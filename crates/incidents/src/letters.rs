//! Letters: mail that is about no trouble, such as the report of a month. They wait on the disk and are tried again as pages
//! are, behind these; nobody is woken by them, and one that does not arrive goes no other way.

use std::sync::Arc;

use state_store::{StateError, Transaction};
use vocabulary::Timestamp;
use vocabulary::state::State;

use crate::book::Ways;
use crate::core::Incidents;
use crate::desk::Desk;
use crate::page::{About, Detour, Message, Page, PageKind};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Who reads it: a contact, or what readers are called who are none.
    pub reader: String,
    /// One that sends mail.
    pub channel: String,
    /// The reader's address; none: the channel says where.
    pub to: Option<String>,
    pub subject: String,
    pub text: String,
    /// Where the reader says that no more of these are wanted.
    pub unsubscribe: Option<String>,
}

/// By which mail a contact is reached, and at which address unless the channel says where.
pub type Mailbox = (Arc<str>, Option<String>);

impl Desk {
    /// The contact's own channels that send mail.
    pub fn mailboxes(&self, contact: &str) -> Vec<Mailbox> {
        let inner = self.inner.lock();
        let book = &inner.incidents.book;
        let Some(known) = book.contacts.get(contact) else { return Vec::new() };
        let mail = known.channels.iter().filter(|channel| book.mail.contains(*channel));
        mail.map(|channel| (channel.clone(), known.email.clone())).collect()
    }

    /// Of a contact who has one.
    pub fn email_of(&self, contact: &str) -> Option<String> {
        self.inner.lock().incidents.book.contacts.get(contact)?.email.clone()
    }

    /// Together with what says that they are sent: both happen, or neither.
    pub fn post(
        &self,
        letters: &[Letter],
        now: Timestamp,
        sent: impl FnOnce(&Transaction<'_>) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let mut batch = self.batch();
        let first = batch.inner.incidents.next_page;
        for letter in letters {
            batch.inner.incidents.put_letter(letter, now);
        }
        if let Err(error) = batch.write(|tx, _| sent(tx)) {
            // Else the next transaction would send them, and whoever posts them again would have sent them twice.
            batch.inner.incidents.unsaved.pages.retain(|page| page.id < first);
            return Err(error);
        }
        batch.committed();
        Ok(())
    }
}

impl Incidents {
    fn put_letter(&mut self, letter: &Letter, now: Timestamp) {
        let id = self.next_page;
        self.next_page += 1;
        self.unsaved.pages.push(Page {
            id,
            incident: None,
            kind: PageKind::Letter,
            contact: Arc::from(letter.reader.as_str()),
            channel: Arc::from(letter.channel.as_str()),
            at: now,
            message: message(letter, now),
        });
    }
}

fn message(letter: &Letter, now: Timestamp) -> Message {
    Message {
        title: letter.subject.clone(),
        state: State::Ok,
        since: now.0,
        until: None,
        value: None,
        warning: None,
        critical: None,
        text: letter.text.clone(),
        instances: Vec::new(),
        bad: 0,
        description: None,
        playbook: None,
        about: About::Letter,
        name: letter.subject.clone(),
        instance: String::new(),
        author: String::new(),
        comment: String::new(),
        number: None,
        instead_of: None,
        email: letter.to.clone(),
        ways: Ways::new(),
        tried: Vec::new(),
        detour: Detour::default(),
        rerouted: false,
        otherwise: Default::default(),
        nobodys_since: None,
        unsubscribe: letter.unsubscribe.clone(),
    }
}
