//! Incidents and pages over the state database, shared by threads. Whatever this returns is on the disk.
//!
//! Lock order: the desk, then the database. Whoever has a transaction of its own to put this into takes a
//! [`Batch`] first, then begins the transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard, RwLock};
use state_store::{StateError, StateStore, Transaction};
use vocabulary::Timestamp;
use vocabulary::state::{Notice, State, StateChange};

use crate::book::{Book, LOG_CHANNEL, Unread};
use crate::core::{self, Estate, Incidents};
use crate::deeds::Declaration;
use crate::incident::{Incident, IncidentId, Key, Phase};
use crate::limits::FAILURES_TO_TELL;
use crate::oncall::ahead::Ahead;
use crate::oncall::announcing::Announced;
use crate::oncall::store::Kept;
use crate::outbox::{self, Failing, Outbox, Waiting};
use crate::people::{Deed, Refusal};
use crate::store::{self, KeptEntry, KeptPage, Wanted};
use crate::token;
use crate::unreached::{self, Unreached};

type Waker = Box<dyn Fn() + Send + Sync>;
type Listener = Box<dyn Fn(&[Seen]) + Send + Sync>;

/// How an incident is, after something has happened to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub id: IncidentId,
    pub reason: String,
    pub title: String,
    pub phase: Phase,
    pub severity: State,
    pub owner: Option<String>,
    pub opened: i64,
    pub closed: Option<i64>,
    pub bad: usize,
    /// What is, or was, bad in it, and whether it is so now.
    pub members: Vec<(Key, bool)>,
}

impl Seen {
    pub(crate) fn of(incident: &Incident) -> Seen {
        Seen {
            id: incident.id,
            reason: incident.reason.clone(),
            title: incident.title.clone(),
            phase: incident.phase,
            severity: incident.severity_now(),
            owner: incident.owner().map(|(name, _)| name.to_owned()),
            opened: incident.opened.0,
            closed: incident.closed.map(|closed| closed.0),
            bad: incident.bad().count(),
            members: incident.troubles.iter().map(|(key, one)| (key.clone(), !one.is_over())).collect(),
        }
    }
}

pub struct Desk {
    pub(crate) store: Arc<StateStore>,
    pub(crate) inner: Mutex<Inner>,
    /// Called when there are pages to send.
    waker: RwLock<Option<Waker>>,
    /// Hears what has happened to incidents, once it is on the disk.
    listener: RwLock<Option<Listener>>,
    /// What links that acknowledge are made with.
    pub(crate) secret: Vec<u8>,
    /// When nobody is on call, as it was last looked at.
    pub(crate) ahead: Mutex<Option<Ahead>>,
}

pub(crate) struct Inner {
    pub incidents: Incidents,
    pub outbox: Outbox,
    /// Schedules made by the API, the past of all, and overrides.
    pub oncall: Kept,
    pub roster_is_old: bool,
    pub announced: Announced,
}

/// What became of one try to send a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    Delivered,
    /// Delivered, and this is what the receiver calls it: an answer to it is found by that.
    Taken {
        handle: String,
    },
    /// This channel has no word for such a page, as a telephone does not ring for good news: it says nothing of the channel.
    Unsaid,
    /// To be tried again at this time, in milliseconds since 1970.
    Later {
        at_ms: i64,
        why: String,
    },
    /// It leads to this contact no more, and may lead to others.
    Unreached {
        why: String,
    },
    /// No further try would help.
    GivenUp {
        why: String,
    },
    /// And neither would one of any other page by this channel.
    Gone {
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
    pub unreached: Vec<Unreached>,
    /// Those of them who have no other way that leads to them.
    pub cut_off: BTreeSet<Arc<str>>,
}

impl Desk {
    /// `secret` is the server's own.
    pub fn open(store: Arc<StateStore>, book: Book, secret: &[u8]) -> Result<Desk, StateError> {
        let mut incidents = Incidents::load(&store)?;
        incidents.set_book(book);
        incidents.tell_all_unheard();
        let mut outbox = Outbox::load(store::waiting_pages(&store)?);
        outbox.unreached = unreached::load(&store)?;
        outbox.forget_unreached(&incidents.book);
        for channel in incidents.failing_channels() {
            let told = Failing { in_a_row: FAILURES_TO_TELL, told: true, ..Failing::default() };
            outbox.failing.insert(channel, told);
        }
        Ok(Desk {
            inner: Mutex::new(Inner {
                incidents,
                outbox,
                oncall: Kept::load(&store)?,
                roster_is_old: true,
                announced: Announced::load(&store)?,
            }),
            store,
            waker: RwLock::new(None),
            listener: RwLock::new(None),
            secret: secret.to_vec(),
            ahead: Mutex::new(None),
        })
    }

    pub fn set_waker(&self, waker: impl Fn() + Send + Sync + 'static) {
        *self.waker.write() = Some(Box::new(waker));
    }

    pub fn set_listener(&self, listener: impl Fn(&[Seen]) + Send + Sync + 'static) {
        *self.listener.write() = Some(Box::new(listener));
    }

    /// For a link by which this contact acknowledges this incident.
    pub fn acknowledge_token(&self, incident: IncidentId, contact: &str) -> String {
        token::make(&self.secret, incident, contact)
    }

    pub fn read_token(&self, token: &str) -> Option<(IncidentId, String)> {
        token::read(&self.secret, token)
    }

    /// For a link that shows the graph of this incident, and nothing else.
    pub fn graph_token(&self, incident: IncidentId) -> String {
        token::make_graph(&self.secret, incident)
    }

    pub fn read_graph_token(&self, token: &str) -> Option<IncidentId> {
        token::read_graph(&self.secret, token)
    }

    pub fn set_book(&self, book: Book) {
        let mut inner = self.inner.lock();
        let Inner { incidents, outbox, .. } = &mut *inner;
        incidents.set_book(book);
        outbox.forget_unreached(&incidents.book);
        inner.roster_is_old();
    }

    /// Something of the book could not be read when it was made.
    pub fn is_unread(&self) -> bool {
        self.inner.lock().incidents.book.unread != Unread::default()
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
        self.refresh_roster(&mut batch.inner, now);
        batch.inner.incidents.tick(estate, now);
        batch.commit_alone()?;
        self.announce_turns(now)
    }

    /// Returns the instances that were bad then.
    pub fn act(&self, id: IncidentId, author: &str, deed: &Deed, now: Timestamp) -> Result<Vec<Key>, Failed> {
        let mut batch = self.batch();
        self.refresh_roster(&mut batch.inner, now);
        if let Deed::HandOver { to, .. } = deed {
            batch.inner.check_reach(to).map_err(Failed::Refused)?;
        }
        match batch.inner.incidents.act(id, author, deed, now) {
            Ok(bad) => {
                batch.inner.incidents.take(&[], &[], now);
                batch.commit_alone()?;
                Ok(bad)
            }
            Err(Refusal::Unknown) => match deed {
                Deed::Reopen { .. } => self.reopen_old(batch, id, author, deed, now),
                _ => self.act_on_old(batch, id, author, deed, now).map(|()| Vec::new()),
            },
            Err(refusal) => Err(Failed::Refused(refusal)),
        }
    }

    /// One that memory has let go of.
    fn reopen_old(
        &self,
        mut batch: Batch<'_>,
        id: IncidentId,
        author: &str,
        deed: &Deed,
        now: Timestamp,
    ) -> Result<Vec<Key>, Failed> {
        let Some(incident) = store::one(&self.store, id)? else {
            return Err(Failed::Refused(Refusal::Unknown));
        };
        let incidents = &mut batch.inner.incidents;
        incidents.check_reopen(&incident, now).map_err(Failed::Refused)?;
        incidents.settle_in(incident);
        let bad = incidents.act(id, author, deed, now).map_err(Failed::Refused)?;
        incidents.take(&[], &[], now);
        batch.commit_alone()?;
        Ok(bad)
    }

    /// Some members become an incident of their own, whose number is returned.
    pub fn split(
        &self,
        id: IncidentId,
        author: &str,
        members: &[Key],
        comment: &str,
        now: Timestamp,
    ) -> Result<IncidentId, Failed> {
        self.change(now, |incidents| incidents.split(id, author, members, comment, now))
    }

    /// Returns the incident, and whether it is a new one.
    pub fn declare(
        &self,
        author: &str,
        declared: &Declaration,
        now: Timestamp,
    ) -> Result<(IncidentId, bool), Failed> {
        self.change(now, |incidents| incidents.declare(author, declared, now))
    }

    fn change<T>(
        &self,
        now: Timestamp,
        change: impl FnOnce(&mut Incidents) -> Result<T, Refusal>,
    ) -> Result<T, Failed> {
        let mut batch = self.batch();
        self.refresh_roster(&mut batch.inner, now);
        let done = change(&mut batch.inner.incidents).map_err(Failed::Refused)?;
        batch.inner.incidents.take(&[], &[], now);
        batch.commit_alone()?;
        Ok(done)
    }

    /// The same, of what is over and stays so.
    fn act_on_old(
        &self,
        mut batch: Batch<'_>,
        id: IncidentId,
        author: &str,
        deed: &Deed,
        now: Timestamp,
    ) -> Result<(), Failed> {
        let Some(incident) = store::one(&self.store, id)? else {
            return Err(Failed::Refused(Refusal::Unknown));
        };
        batch.inner.incidents.act_on_old(incident, author, deed, now).map_err(Failed::Refused)?;
        batch.commit_alone()?;
        Ok(())
    }

    /// What may be sent by this channel now.
    pub fn due(&self, channel: &str, now_ms: i64, limit: usize) -> Vec<Waiting> {
        self.inner.lock().outbox.due(channel, now_ms, limit)
    }

    pub fn next_due(&self, channel: &str) -> Option<i64> {
        self.inner.lock().outbox.next_due(channel)
    }

    /// For how long the oldest page has waited that could have been tried. What waits for a channel that fails does not count:
    /// its time is later, and others have been told.
    pub fn overdue(&self, now_ms: i64) -> Option<Duration> {
        self.inner.lock().outbox.overdue(now_ms)
    }

    /// Our own parts that an open incident is about, without the prefix.
    pub fn open_own(&self) -> Vec<String> {
        self.inner.lock().incidents.open_own()
    }

    /// The open incident in which this is bad.
    pub fn incident_of(&self, key: &Key) -> Option<IncidentId> {
        self.inner.lock().incidents.placed_bad(key)
    }

    /// The first page of an incident to this contact by this channel.
    pub fn first_page(&self, incident: IncidentId, contact: &str, channel: &str) -> Option<i64> {
        let first = store::first_page(&self.store, incident, contact, channel);
        first.inspect_err(|error| tracing::warn!(%error, "which page was the first")).ok().flatten()
    }

    /// The channels that pages wait for, and those that an open incident says fail.
    pub fn channels_at_work(&self) -> BTreeSet<Arc<str>> {
        let inner = self.inner.lock();
        inner.outbox.depths().into_keys().chain(inner.incidents.failing_channels()).collect()
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
        let unreached = inner.outbox.unreached.values();
        let cut_off = unreached.map(|way| way.contact.clone()).filter(|name| inner.is_cut_off(name));
        Standing {
            cut_off: cut_off.collect(),
            open: inner.incidents.open_count(),
            incidents: inner.incidents.counters,
            pages: inner.outbox.counters,
            waiting: inner.outbox.depths(),
            failing: failing.map(|(name, failing)| (name.clone(), failing.clone())).collect(),
            unreached: inner.outbox.unreached.values().cloned().collect(),
        }
    }
}

/// Something that happens at the desk, and is not yet on the disk.
pub struct Batch<'d> {
    desk: &'d Desk,
    pub(crate) inner: MutexGuard<'d, Inner>,
}

impl Batch<'_> {
    /// A notice comes with whether a silence keeps it from being sent.
    pub fn take(&mut self, changes: &[StateChange], notices: &[(Notice, bool)], now: Timestamp) {
        // What is the first to happen after a start or a reload goes by the policies of now.
        self.desk.refresh_roster(&mut self.inner, now);
        self.inner.incidents.take(changes, notices, now);
    }

    /// In the transaction of whatever caused it.
    pub fn save(&self, tx: &Transaction<'_>) -> Result<(), StateError> {
        self.inner.incidents.save(tx)
    }

    /// The transaction has happened: the pages in it may be sent. Without this they are written again with the next.
    pub fn committed(mut self) {
        let seen = self.inner.incidents.seen();
        let pages = self.inner.incidents.committed();
        let sent = pages.into_iter().filter(|page| &*page.channel != LOG_CHANNEL);
        let refused = self.inner.outbox.put(sent);
        for page in &refused {
            tracing::error!(
                channel = &*page.channel,
                contact = &*page.contact,
                "too many pages wait: one is not sent"
            );
            // What that says of its incident is on the disk with the next.
            self.inner.note_lost(std::slice::from_ref(page), page.at);
        }
        drop(self.inner);
        if let Some(waker) = self.desk.waker.read().as_ref() {
            waker();
        }
        if let Some(listener) = self.desk.listener.read().as_ref().filter(|_| !seen.is_empty()) {
            listener(&seen);
        }
    }

    pub(crate) fn commit_alone(mut self) -> Result<(), StateError> {
        if self.inner.incidents.is_saved() && !self.inner.outbox.unreached_changed {
            return Ok(());
        }
        self.write(|_, _| Ok(()))?;
        self.committed();
        Ok(())
    }

    pub(crate) fn write(
        &mut self,
        and: impl FnOnce(&Transaction<'_>, &Inner) -> Result<(), StateError>,
    ) -> Result<(), StateError> {
        let inner: &Inner = &self.inner;
        self.desk.store.transaction(|tx| {
            inner.incidents.save(tx)?;
            unreached::save(tx, &inner.outbox)?;
            and(tx, inner)
        })?;
        self.inner.outbox.unreached_changed = false;
        Ok(())
    }
}
