//! A way that leads to somebody no more, such as a browser that is gone or a number that is wrong: no fault of the channel.
//! That person hears of it by their other ways, health names it, and what was to go by it goes another way. When it is so with
//! several, and nobody was reached in between, it is the channel.

use std::collections::BTreeMap;
use std::sync::Arc;

use state_store::{Row, StateError, StateStore, Transaction};
use vocabulary::Timestamp;

use crate::book::{Book, LOG_CHANNEL};
use crate::desk::{Desk, Inner};
use crate::incident::IncidentId;
use crate::limits::{MAX_TEXT, cut};
use crate::oncall::announcing;
use crate::outbox::Outbox;
use crate::page::PageKind;
use crate::people::Refusal;

/// How it stands with one person and one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreached {
    pub contact: Arc<str>,
    pub channel: Arc<str>,
    pub in_a_row: u32,
    pub since: i64,
    pub why: String,
    /// Where they were reached then: once it is another, this may be another way.
    pub address: String,
}

type Ways = BTreeMap<(Arc<str>, Arc<str>), Unreached>;

/// As it was when the process ended.
pub(crate) fn load(store: &StateStore) -> Result<Ways, StateError> {
    let rows = store.query("SELECT contact, channel, in_a_row, since, why, address FROM unreached", &[])?;
    let way = |row: &Row| Unreached {
        contact: Arc::from(row.text(0)),
        channel: Arc::from(row.text(1)),
        in_a_row: u32::try_from(row.integer(2)).unwrap_or(0),
        since: row.integer(3),
        why: row.text(4).to_owned(),
        address: row.text(5).to_owned(),
    };
    Ok(rows.iter().map(way).map(|way| ((way.contact.clone(), way.channel.clone()), way)).collect())
}

/// There are few of them.
pub(crate) fn save(tx: &Transaction<'_>, outbox: &Outbox) -> Result<(), StateError> {
    if !outbox.unreached_changed {
        return Ok(());
    }
    tx.execute("DELETE FROM unreached", &[])?;
    for way in outbox.unreached.values() {
        tx.execute(
            "INSERT INTO unreached (contact, channel, in_a_row, since, why, address) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            &[
                (&*way.contact).into(),
                (&*way.channel).into(),
                i64::from(way.in_a_row).into(),
                way.since.into(),
                way.why.as_str().into(),
                way.address.as_str().into(),
            ],
        )?;
    }
    Ok(())
}

/// All by which a contact is reached, in one text that is compared; none: there is no such contact.
fn address(book: &Book, contact: &str) -> Option<String> {
    let known = book.contacts.get(contact)?;
    let ways = known.ways.iter().map(|(way, at)| format!("{way}={at}"));
    Some(known.email.iter().cloned().chain(ways).collect::<Vec<_>>().join("\n"))
}

impl Desk {
    /// Open ones of which a word of trouble was given up by all its ways, whoever was told instead.
    pub fn with_lost_words(&self) -> Vec<IncidentId> {
        let inner = self.inner.lock();
        let open = inner.incidents.live.values().filter(|incident| !incident.is_closed());
        let lost = open.filter(|incident| incident.detail.told.values().any(|told| told.lost));
        lost.map(|incident| incident.id).collect()
    }

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
    /// Who is known not to be reached by anything is refused rather than relied on. That there is such a contact, with channels,
    /// is looked at elsewhere.
    pub(crate) fn check_reach(&self, name: &str) -> Result<(), Refusal> {
        if !self.is_cut_off(name) {
            return Ok(());
        }
        let channels = self.incidents.channels_of(name);
        let lost = |channel: &Arc<str>| format!("`{channel}` leads to them no more");
        let why = |channel| self.incidents.book.why_nobody(name, channel).unwrap_or_else(|| lost(channel));
        let why: Vec<String> = channels.iter().map(why).collect();
        Err(Refusal::Bad(format!(
            "`{name}` is reached by nothing: {}. Give them a way that leads to a person, or name somebody else",
            why.join(", ")
        )))
    }

    /// There are channels, and none that leads to this contact, as far as is known.
    pub(crate) fn is_cut_off(&self, name: &str) -> bool {
        let Some((name, contact)) = self.incidents.book.contacts.get_key_value(name) else { return false };
        let leads = |channel: &Arc<str>| **channel != *LOG_CHANNEL && self.leads_to(name, channel);
        !contact.channels.is_empty() && !contact.channels.iter().any(leads)
    }

    /// As far as is known. What is no contact, such as a channel that a policy names, needs no address.
    pub(crate) fn leads_to(&self, name: &Arc<str>, channel: &Arc<str>) -> bool {
        let book = &self.incidents.book;
        let has_address = book.contacts.get(name).is_none_or(|contact| book.leads_to(contact, channel));
        has_address && !self.outbox.unreached.contains_key(&(name.clone(), channel.clone()))
    }

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
            address: address(&self.incidents.book, contact).unwrap_or_default(),
        });
        way.in_a_row += 1;
        way.why = cut(why, MAX_TEXT).to_owned();
        self.outbox.unreached_changed = true;
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
        self.forget_unreached_where(|way| way.contact == *contact && *way.channel == *channel);
    }

    /// By other definitions: what is nobody's way any more is no matter for anybody, and what leads elsewhere now may lead
    /// to them.
    pub(crate) fn forget_unreached(&mut self, book: &Book) {
        self.forget_unreached_where(|way| {
            let known = book.contacts.get(&way.contact);
            let is_theirs = known.is_some_and(|contact| contact.channels.contains(&way.channel));
            !is_theirs || address(book, &way.contact).as_ref() != Some(&way.address)
        });
    }

    pub(crate) fn forget_unreached_where(&mut self, is_over: impl Fn(&Unreached) -> bool) {
        let before = self.unreached.len();
        self.unreached.retain(|_, way| !is_over(way));
        self.unreached_changed |= self.unreached.len() != before;
    }
}
