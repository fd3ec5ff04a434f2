//! Incidents and pages over the state database, shared by threads. Whatever this returns is on the disk.
//!
//! Lock order: the desk, then the database. Whoever has a transaction of its own to put this into takes a
//! [`Batch`] first, then begins the transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard, RwLock};
use state_store::{StateError, StateStore, Transaction, Value};
use vocabulary::Timestamp;
use vocabulary::state::{InstanceId, Notice, State, StateChange, StateType};

use crate::book::{Book, LOG_CHANNEL};
use crate::core::{self, Estate, Incidents};
use crate::incident::{Entry, Incident, IncidentId, Key};
use crate::limits::{FAILURES_TO_TELL, MAX_TEXT, cut};
use crate::outbox::{self, Failing, Outbox, Waiting};
use crate::people::{Deed, Refusal};
use crate::store::{self, KeptEntry, KeptPage, Wanted};

type Waker = Box<dyn Fn() + Send + Sync>;

pub struct Desk {
    store: Arc<StateStore>,
    inner: Mutex<Inner>,
    /// Called when there are pages to send.
    waker: RwLock<Option<Waker>>,
}

struct Inner {
    incidents: Incidents,
    outbox: Outbox,
}

/// What became of one try to send a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    Delivered,
    /// To be tried again at this time, in milliseconds since 1970.
    Later {
        at_ms: i64,
        why: String,
    },
    /// No further try would help.
    GivenUp {
        why: String,
    },
}

#[derive(Debug)]
pub enum Failed {
    Refused(Refusal),
    State(StateError),
}

impl From<StateError> for Failed {
    fn from(error: StateError) -> Failed {
        Failed::State(error)
    }
}

/// All there is to know of one incident.
pub struct Whole {
    pub incident: Incident,
    pub timeline: Vec<KeptEntry>,
    pub pages: Vec<KeptPage>,
}

/// How sending stands, for health.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    pub open: usize,
    pub incidents: core::Counters,
    pub pages: outbox::Counters,
    /// Pages that wait, by channel.
    pub waiting: BTreeMap<Arc<str>, usize>,
    pub failing: BTreeMap<Arc<str>, Failing>,
}

impl Desk {
    pub fn open(store: Arc<StateStore>, book: Book) -> Result<Desk, StateError> {
        let mut incidents = Incidents::load(&store)?;
        incidents.set_book(book);
        let mut outbox = Outbox::load(store::waiting_pages(&store)?);
        for channel in incidents.failing_channels() {
            let told = Failing { in_a_row: FAILURES_TO_TELL, told: true, ..Failing::default() };
            outbox.failing.insert(channel, told);
        }
        Ok(Desk { store, inner: Mutex::new(Inner { incidents, outbox }), waker: RwLock::new(None) })
    }

    pub fn set_waker(&self, waker: impl Fn() + Send + Sync + 'static) {
        *self.waker.write() = Some(Box::new(waker));
    }

    pub fn set_book(&self, book: Book) {
        self.inner.lock().incidents.set_book(book);
    }

    /// To be taken before a transaction begins that this is to be part of.
    pub fn batch(&self) -> Batch<'_> {
        Batch { desk: self, inner: self.inner.lock() }
    }

    /// In a transaction of its own.
    pub fn take(
        &self,
        changes: &[StateChange],
        notices: &[(Notice, bool)],
        now: Timestamp,
    ) -> Result<(), StateError> {
        let mut batch = self.batch();
        batch.take(changes, notices, now);
        batch.commit_alone()
    }

    pub fn tick(&self, estate: &dyn Estate, now: Timestamp) -> Result<(), StateError> {
        let mut batch = self.batch();
        batch.inner.incidents.tick(estate, now);
        batch.commit_alone()
    }

    /// Returns the instances that were bad then.
    pub fn act(&self, id: IncidentId, author: &str, deed: &Deed, now: Timestamp) -> Result<Vec<Key>, Failed> {
        let mut batch = self.batch();
        match batch.inner.incidents.act(id, author, deed, now) {
            Ok(bad) => {
                batch.inner.incidents.take(&[], &[], now);
                batch.commit_alone()?;
                Ok(bad)
            }
            Err(Refusal::Unknown) => {
                drop(batch);
                self.act_on_closed(id, author, deed, now).map(|()| Vec::new())
            }
            Err(refusal) => Err(Failed::Refused(refusal)),
        }
    }

    fn act_on_closed(&self, id: IncidentId, author: &str, deed: &Deed, now: Timestamp) -> Result<(), Failed> {
        if store::one(&self.store, id)?.is_none() {
            return Err(Failed::Refused(Refusal::Unknown));
        }
        let Deed::Note { text } = deed else {
            let why = "the incident is resolved already; a note can still be added";
            return Err(Failed::Refused(Refusal::No(why)));
        };
        if text.trim().is_empty() || text.len() > crate::limits::MAX_NOTE {
            return Err(Failed::Refused(Refusal::Bad("a note needs a text that is not too long".into())));
        }
        let entry = Entry { at: now, kind: "note", who: author.to_owned(), text: text.clone() };
        self.store.transaction(|tx| store::save_entry(tx, id, &entry))?;
        Ok(())
    }

    /// What may be sent by this channel now.
    pub fn due(&self, channel: &str, now_ms: i64, limit: usize) -> Vec<Waiting> {
        self.inner.lock().outbox.due(channel, now_ms, limit)
    }

    pub fn next_due(&self, channel: &str) -> Option<i64> {
        self.inner.lock().outbox.next_due(channel)
    }

    /// The first page of an incident to this contact by this channel.
    pub fn first_page(&self, incident: IncidentId, contact: &str, channel: &str) -> Option<i64> {
        let first = store::first_page(&self.store, incident, contact, channel);
        first.inspect_err(|error| tracing::warn!(%error, "which page was the first")).ok().flatten()
    }

    /// What became of tries that were made together.
    pub fn record(
        &self,
        channel: &str,
        attempts: &[(i64, Attempt)],
        now: Timestamp,
    ) -> Result<(), StateError> {
        let mut batch = self.batch();
        let mut gone = Vec::new();
        for (id, attempt) in attempts {
            batch.inner.note_attempt(channel, *id, attempt, now);
            match attempt {
                Attempt::Delivered => gone.push((*id, "delivered", String::new())),
                Attempt::GivenUp { why } => {
                    gone.push((*id, "given_up", why.clone()));
                    batch.inner.another_way(*id, why, now);
                }
                Attempt::Later { .. } => {}
            }
        }
        batch.inner.tell_of_channel(channel, now);
        batch.write(|tx, inner| {
            for (id, attempt) in attempts {
                if let Attempt::Later { at_ms, why } = attempt {
                    save_later(tx, *id, *at_ms, why)?;
                }
            }
            inner.outbox.changed.iter().try_for_each(|id| save_message(tx, *id, inner))?;
            gone.iter().try_for_each(|(id, state, why)| save_end(tx, *id, state, why, now))
        })?;
        for (id, ..) in &gone {
            batch.inner.outbox.remove(*id);
        }
        batch.inner.outbox.changed.clear();
        batch.committed();
        Ok(())
    }

    /// There is no such channel any more: what waits for it goes another way.
    pub fn abandon(&self, channel: &str, now: Timestamp) -> Result<(), StateError> {
        let pages = self.inner.lock().outbox.of_channel(channel);
        let why = "there is no channel of this name any more".to_owned();
        let given_up = Attempt::GivenUp { why };
        let attempts: Vec<_> = pages.iter().map(|page| (page.id, given_up.clone())).collect();
        self.record(channel, &attempts, now)?;
        let mut batch = self.batch();
        if let Some(failing) = batch.inner.outbox.failing.get_mut(channel) {
            failing.in_a_row = 0;
        }
        batch.inner.tell_of_channel(channel, now);
        batch.inner.outbox.failing.remove(channel);
        batch.commit_alone()
    }

    /// The channels that pages wait for.
    pub fn waited_for(&self) -> Vec<Arc<str>> {
        self.inner.lock().outbox.depths().into_keys().collect()
    }

    pub fn list(&self, wanted: Wanted, limit: usize) -> Result<Vec<(Incident, usize)>, StateError> {
        store::list(&self.store, wanted, limit)
    }

    pub fn one(&self, id: IncidentId) -> Result<Option<Whole>, StateError> {
        let Some(incident) = store::one(&self.store, id)? else { return Ok(None) };
        let timeline = store::timeline(&self.store, id)?;
        Ok(Some(Whole { incident, timeline, pages: store::pages_of(&self.store, id)? }))
    }

    pub fn standing(&self) -> Standing {
        let inner = self.inner.lock();
        let failing = inner.outbox.failing.iter().filter(|(_, failing)| failing.in_a_row > 0);
        Standing {
            open: inner.incidents.open_count(),
            incidents: inner.incidents.counters,
            pages: inner.outbox.counters,
            waiting: inner.outbox.depths(),
            failing: failing.map(|(name, failing)| (name.clone(), failing.clone())).collect(),
        }
    }
}

/// Something that happens at the desk, and is not yet on the disk.
pub struct Batch<'d> {
    desk: &'d Desk,
    inner: MutexGuard<'d, Inner>,
}

impl Batch<'_> {
    /// A notice comes with whether a silence keeps it from being sent.
    pub fn take(&mut self, changes: &[StateChange], notices: &[(Notice, bool)], now: Timestamp) {
        self.inner.incidents.take(changes, notices, now);
    }

    /// In the transaction of whatever caused it.
    pub fn save(&self, tx: &Transaction<'_>) -> Result<(), StateError> {
        self.inner.incidents.save(tx)
    }

    /// The transaction has happened: the pages in it may be sent. Without this they are written again with the next.
    pub fn committed(mut self) {
        let pages = self.inner.incidents.committed();
        let sent = pages.into_iter().filter(|page| &*page.channel != LOG_CHANNEL);
        let refused = self.inner.outbox.put(sent);
        for page in &refused {
            tracing::error!(
                channel = &*page.channel,
                contact = &*page.contact,
                "too many pages wait: one is not sent"
            );
        }
        drop(self.inner);
        if let Some(waker) = self.desk.waker.read().as_ref() {
            waker();
        }
    }

    fn commit_alone(self) -> Result<(), StateError> {
        if self.inner.incidents.is_saved() {
            return Ok(());
        }
        self.write(|_, _| Ok(()))?;
        self.committed();
        Ok(())
    }

    fn write(
        &self,
        and: impl FnOnce(&Transaction<'_>, &Inner) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        self.desk.store.transaction(|tx| {
            self.inner.incidents.save(tx)?;
            and(tx, &self.inner)
        })
    }
}

fn save_later(tx: &Transaction<'_>, id: i64, at_ms: i64, why: &str) -> Result<(), StateError> {
    tx.execute(
        "UPDATE page SET tries = tries + 1, next_try = ?2, error = ?3 WHERE id = ?1",
        &[id.into(), at_ms.into(), cut(why, MAX_TEXT).into()],
    )?;
    Ok(())
}

fn save_message(tx: &Transaction<'_>, id: i64, inner: &Inner) -> Result<(), StateError> {
    let Some(waiting) = inner.outbox.get(id) else { return Ok(()) };
    tx.execute(
        "UPDATE page SET message = ?2 WHERE id = ?1",
        &[id.into(), store::json(&waiting.page.message)],
    )?;
    Ok(())
}

fn save_end(tx: &Transaction<'_>, id: i64, state: &str, why: &str, now: Timestamp) -> Result<(), StateError> {
    let values: [Value; 4] = [id.into(), state.into(), now.0.into(), cut(why, MAX_TEXT).into()];
    tx.execute(
        "UPDATE page SET state = ?2, ended = ?3, error = ?4, tries = tries + 1 WHERE id = ?1",
        &values,
    )?;
    Ok(())
}

impl Inner {
    fn note_attempt(&mut self, channel: &str, id: i64, attempt: &Attempt, now: Timestamp) {
        let failing = self.outbox.failing.entry(Arc::from(channel)).or_default();
        let (kind, text) = match attempt {
            Attempt::Delivered => {
                self.outbox.counters.delivered += 1;
                failing.in_a_row = 0;
                ("page", "delivered".to_owned())
            }
            Attempt::Later { why, .. } | Attempt::GivenUp { why } => {
                self.outbox.counters.failures += 1;
                if failing.in_a_row == 0 {
                    failing.since = now.0;
                }
                failing.in_a_row += 1;
                failing.why = cut(why, MAX_TEXT).to_owned();
                let end =
                    if matches!(attempt, Attempt::GivenUp { .. }) { "given up" } else { "not delivered yet" };
                ("page", format!("{end}: {why}"))
            }
        };
        let Some(waiting) = self.outbox.get_mut(id) else { return };
        waiting.tries += 1;
        if let Attempt::Later { at_ms, .. } = attempt {
            waiting.next_try = *at_ms;
        }
        // Of tries that failed the first is a line of the timeline, and the end.
        if matches!(attempt, Attempt::Later { .. }) && waiting.tries > 1 {
            return;
        }
        let page = waiting.page.clone();
        if let Some(incident) = page.incident {
            let text = format!("{} by {channel}: {}", page.kind.word(), cut(&text, MAX_TEXT));
            self.incidents.write(incident, Entry { at: now, kind, who: page.contact.to_string(), text });
        }
    }

    /// A page that was given up goes by another channel of the contact, else to those who are told by default.
    fn another_way(&mut self, id: i64, why: &str, now: Timestamp) {
        self.outbox.counters.given_up += 1;
        let Some(page) = self.outbox.get_mut(id).map(|waiting| waiting.page.clone()) else { return };
        if !page.message.rerouted && !self.incidents.reroute(&page, why, now) {
            self.outbox.counters.reached_nobody += 1;
            tracing::error!(
                channel = &*page.channel,
                contact = &*page.contact,
                title = page.message.title,
                why,
                "a page reached nobody: there is no other channel to send it by"
            );
        }
    }

    /// A channel that fails is told of by others, and what waits for it goes by them; so is that it works again.
    fn tell_of_channel(&mut self, channel: &str, now: Timestamp) {
        let Some(failing) = self.outbox.failing.get_mut(channel) else { return };
        let (bad, why) = (failing.in_a_row >= FAILURES_TO_TELL, failing.why.clone());
        if bad == failing.told {
            if bad {
                self.reroute_waiting(channel, &why, now);
            }
            return;
        }
        if !bad && failing.in_a_row > 0 {
            return;
        }
        failing.told = bad;
        let text = match bad {
            true => format!("pages cannot be delivered by {channel}: {why}"),
            false => format!("pages are delivered by {channel} again"),
        };
        let (from, to) = if bad { (State::Ok, State::Critical) } else { (State::Critical, State::Ok) };
        let change = StateChange {
            id: InstanceId { monitor: format!("channel:{channel}").into(), instance: "".into() },
            at: now,
            from,
            from_type: StateType::Hard,
            to,
            to_type: StateType::Hard,
            attempt: 1,
            value: None,
            text: text.into(),
            withheld: None,
        };
        self.incidents.take(&[change], &[], now);
        if bad {
            self.reroute_waiting(channel, &why, now);
        }
    }

    fn reroute_waiting(&mut self, channel: &str, why: &str, now: Timestamp) {
        for page in self.outbox.of_channel(channel) {
            if page.message.rerouted || !self.incidents.reroute(&page, why, now) {
                continue;
            }
            self.outbox.counters.rerouted += 1;
            if let Some(waiting) = self.outbox.get_mut(page.id) {
                waiting.page.message.rerouted = true;
            }
            self.outbox.changed.insert(page.id);
        }
    }
}
