//! What pages say to whoever sees a part of all names: of an incident in which something is theirs that, and no word of
//! what is others'. Where nothing of it is theirs, whoever named them wanted them told of it all the same.

use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::ports::Scope;

use crate::core::Incidents;
use crate::desk::Desk;
use crate::incident::{Incident, IncidentId};
use crate::page::{Message, PageKind};

impl Incidents {
    /// One page for each channel, in words that are for this contact.
    pub(crate) fn page(
        &mut self,
        incident: Option<IncidentId>,
        kind: PageKind,
        contact: &Arc<str>,
        channels: &[Arc<str>],
        message: &Message,
        now: Timestamp,
    ) {
        let whole = incident.and_then(|id| self.live.get(&self.root_of(id)));
        let own = whole.and_then(|whole| self.in_words_for(contact, whole, message));
        self.page_as_it_is(incident, kind, contact, channels, own.as_ref().unwrap_or(message), now);
    }

    /// None: the message is for them as it is.
    pub(crate) fn in_words_for(&self, contact: &str, whole: &Incident, message: &Message) -> Option<Message> {
        let scope = self.limits_of(contact)?;
        let part = whole.clone().part(scope)?;
        if part.troubles.len() == whole.troubles.len() {
            return None;
        }
        let worst = part.tellable().or_else(|| part.bad().next());
        let own = match worst.filter(|_| message.until.is_none()) {
            Some((key, trouble)) => self.message(&part, key, trouble, self.book.about(key)),
            None => {
                let until = message.until;
                Message { until, ..self.message_of_end(&part, Timestamp(until.unwrap_or(message.since))) }
            }
        };
        // What nobody said is our own word of other members.
        let comment = if message.author.is_empty() { String::new() } else { message.comment.clone() };
        // How bad the whole is, who did what, and the way that the page goes stay.
        Some(Message {
            comment,
            title: own.title,
            since: own.since,
            until: own.until,
            value: own.value,
            warning: own.warning,
            critical: own.critical,
            text: own.text,
            instances: own.instances,
            bad: own.bad,
            description: own.description,
            playbook: own.playbook,
            about: own.about,
            name: own.name,
            instance: own.instance,
            ..message.clone()
        })
    }

    /// None: they see everything.
    fn limits_of(&self, contact: &str) -> Option<&Scope> {
        let scope = &self.book.contacts.get(contact)?.scope;
        (!scope.is_everything()).then_some(scope)
    }

    pub(crate) fn is_limited(&self, contact: &str) -> bool {
        self.limits_of(contact).is_some()
    }
}

impl Desk {
    /// Does this contact see a part of all names only?
    pub fn is_limited(&self, contact: &str) -> bool {
        self.inner.lock().incidents.is_limited(contact)
    }
}
