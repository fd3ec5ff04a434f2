//! A way that leads to somebody no more, such as a browser that is gone or a number that is wrong: no fault of the channel.
//! That person hears of it by their other ways, health names it, and what was to go by it goes another way. When it is so with
//! several, and nobody was reached in between, it is the channel.

use std::collections::HashMap;
use std::sync::Arc;

use vocabulary::Timestamp;

use crate::book::{Book, Contact};
use crate::desk::{Desk, Inner};
use crate::limits::{MAX_TEXT, cut};
use crate::oncall::announcing;
use crate::outbox::Outbox;
use crate::page::PageKind;

/// How it stands with one person and one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreached {
    pub contact: Arc<str>,
    pub channel: Arc<str>,
    pub in_a_row: u32,
    pub since: i64,
    pub why: String,
}

impl Desk {
    /// Does this channel fail, or reach none any more of those who use it?
    pub fn is_dead(&self, channel: &str) -> bool {
        let inner = self.inner.lock();
        let is_failing = inner.outbox.failing.get(channel).is_some_and(|failing| failing.told);
        let users = inner.incidents.book.users_of(channel);
        let name: Arc<str> = Arc::from(channel);
        let is_unreached =
            |user: &Arc<str>| inner.outbox.unreached.contains_key(&(user.clone(), name.clone()));
        is_failing || (!users.is_empty() && users.iter().all(is_unreached))
    }
}

impl Inner {
    /// True: it is so with others too.
    pub(crate) fn note_unreached(
        &mut self,
        channel: &str,
        contact: &Arc<str>,
        why: &str,
        now: Timestamp,
    ) -> bool {
        let failing = self.outbox.failing.entry(Arc::from(channel)).or_default();
        failing.people.insert(contact.clone());
        let several = failing.people.len() > 1;
        let key = (contact.clone(), Arc::from(channel));
        let known = self.outbox.unreached.contains_key(&key);
        let way = self.outbox.unreached.entry(key).or_insert_with(|| Unreached {
            contact: contact.clone(),
            channel: Arc::from(channel),
            in_a_row: 0,
            since: now.0,
            why: String::new(),
        });
        way.in_a_row += 1;
        way.why = cut(why, MAX_TEXT).to_owned();
        if !known {
            self.tell_unreached(channel, contact, why, now);
        }
        several
    }

    /// By the ways of theirs that ring for nothing, else by all others.
    fn tell_unreached(&mut self, channel: &str, contact: &Arc<str>, why: &str, now: Timestamp) {
        let works = |name: &Arc<str>| !self.outbox.unreached.contains_key(&(contact.clone(), name.clone()));
        let others = self.incidents.channels_of(contact).into_iter().filter(works);
        let (quiet, loud): (Vec<Arc<str>>, Vec<Arc<str>>) =
            others.partition(|name| self.incidents.book.quiet.contains(name));
        let channels = if quiet.is_empty() { loud } else { quiet };
        let title = format!("you are not reached by {channel} any more");
        let text = format!(
            "{}. Mend that way in your settings (`/settings`), or have it mended where it is defined; until then you are told by the others.",
            cut(why, MAX_TEXT)
        );
        let message = announcing::plain(contact, title, text, now);
        self.incidents.page(None, PageKind::OnCall, contact, &channels, &message, now);
    }
}

impl Outbox {
    /// This way leads to them after all.
    pub(crate) fn note_reached(&mut self, channel: &str, contact: &Arc<str>) {
        if !self.unreached.is_empty() {
            self.unreached.remove(&(contact.clone(), Arc::from(channel)));
        }
    }

    /// By other definitions: what is nobody's way any more is no matter for anybody, and what leads elsewhere now may lead
    /// to them.
    pub(crate) fn forget_unreached(&mut self, last: &HashMap<Arc<str>, Contact>, book: &Book) {
        let is_same = |contact: &Arc<str>, channel: &Arc<str>| {
            let (Some(was), Some(is)) = (last.get(contact), book.contacts.get(contact)) else { return false };
            is.channels.contains(channel) && (&was.email, &was.ways) == (&is.email, &is.ways)
        };
        self.unreached.retain(|(contact, channel), _| is_same(contact, channel));
    }
}
