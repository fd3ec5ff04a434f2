//! All heartbeats, and the queue to the disk.
//!
//! Whoever pings puts in a question and is answered through a callback; one thread calls [`Heartbeats::work`] again and
//! again, which writes all that wait with one transaction. Thousands of pings a second cost a hundred transactions.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use state_store::{StateError, StateStore};
use vocabulary::Timestamp;

use super::ask::{Ask, Refused};
use super::config::HeartbeatsConfig;
use super::heart::{Heart, Shown, Status};
use super::hearts::{Inner, One};
use super::limits::{MAX_BATCH, MAX_WAITING};
use super::store::{self, KeptPing};
use crate::Outcome;
use crate::config::Definitions;

/// A result for the monitor of this name.
#[derive(Clone, Debug, PartialEq)]
pub struct Beat {
    pub name: Arc<str>,
    pub outcome: Outcome,
}

/// 200, or 201 if the ping made its heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    Known,
    Made,
}

pub type Answer = Result<Heard, Refused>;
pub type Reply = Box<dyn FnOnce(Answer) + Send>;

/// What one round of work came to. The beats go to the state machine, then those who wait are answered.
#[derive(Default)]
pub struct Round {
    pub beats: Vec<Beat>,
    pub replies: Vec<(Reply, Answer)>,
    /// Heartbeats that pings have made.
    pub made: Vec<Arc<str>>,
}

/// Everything about one heartbeat, for people.
#[derive(Clone, Debug)]
pub struct Known {
    pub name: Arc<str>,
    pub uuid: String,
    pub slug: Option<String>,
    pub created: bool,
    pub shown: Shown,
    pub text: String,
    pub schedule: Option<String>,
    pub time_zone: Option<String>,
    pub period_ms: Option<i64>,
    pub grace_ms: i64,
    pub expected_ms: Option<i64>,
    pub deadline_ms: Option<i64>,
    pub heart: Heart,
}

/// Plain counters.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    pub pings: u64,
    pub refused: u64,
    pub batches: u64,
    /// Batches that could not be written; who waited for them was told so.
    pub failed: u64,
}

pub struct Heartbeats {
    store: Arc<StateStore>,
    inner: Mutex<Inner>,
    asked: Condvar,
}

impl Heartbeats {
    /// `gone`: when the server was last known to be alive, if it has been away.
    pub fn open(
        store: Arc<StateStore>,
        definitions: &Definitions,
        config: &HeartbeatsConfig,
        gone: Option<Timestamp>,
        now_ms: i64,
    ) -> Result<Heartbeats, StateError> {
        let mut kept: HashMap<String, store::Kept> =
            store::load(&store)?.into_iter().map(|kept| (kept.name.clone(), kept)).collect();
        let mut inner = Inner::default();
        inner.define(definitions, config, |name| kept.remove(name));
        for (name, kept) in kept.into_iter().filter(|(_, kept)| kept.created) {
            inner.add(Arc::from(name.as_str()), One::made(name, kept.uuid, kept.heart));
        }
        // A process that ended in its first second has left no mark; a short absence it is in any case.
        let gone_ms = gone.map_or(now_ms, |gone| gone.0.saturating_mul(1_000));
        for one in inner.all.values_mut() {
            one.heart.resume_after(&one.rule, gone_ms, now_ms);
        }
        inner.dirty.extend(inner.all.keys().cloned());
        inner.plan_all();
        Ok(Heartbeats { store, inner: Mutex::new(inner), asked: Condvar::new() })
    }

    /// Other definitions; what is known of those that stay, stays.
    pub fn reload(&self, definitions: &Definitions, config: &HeartbeatsConfig) {
        let mut inner = self.inner.lock();
        let mut before = std::mem::take(&mut inner.all);
        (inner.by_uuid, inner.by_slug) = Default::default();
        inner.define(definitions, config, |name| {
            let one = before.remove(name)?;
            Some(store::Kept {
                name: name.to_owned(),
                uuid: one.uuid,
                created: one.created,
                heart: one.heart,
            })
        });
        for (name, one) in before.into_iter().filter(|(_, one)| one.created) {
            match one.config {
                // Its monitor is not made yet.
                None => inner.add(name, one),
                // Somebody took its monitor out.
                Some(_) => inner.forgotten.push(name),
            }
        }
        inner.dirty = inner.all.keys().cloned().collect();
        inner.plan_all();
        self.asked.notify_all();
    }

    /// Put a ping in; `reply` is called when it is on the disk, or at once when it cannot be taken.
    pub fn ask(&self, ask: Ask, now_ms: i64, reply: Reply) {
        let mut inner = self.inner.lock();
        let refused = match inner.queue.len() >= MAX_WAITING || inner.stopped {
            true => Some(Refused::Busy),
            false => inner.refusal(&ask.whom),
        };
        match refused {
            Some(refused) => {
                inner.counters.refused += 1;
                drop(inner);
                reply(Err(refused));
            }
            None => {
                inner.queue.push((ask, now_ms, reply));
                self.asked.notify_all();
            }
        }
    }

    /// From here on the time that is passed in is that of a clock on the wall.
    pub fn under_real_clock(&self, now_ms: i64) {
        self.inner.lock().looked = Some((now_ms, Instant::now()));
    }

    /// What has been asked and what is due, written. Waits for something to do, at most so long.
    pub fn work(&self, now_ms: impl Fn() -> i64, patience: Duration) -> Round {
        let mut inner = self.inner.lock();
        if inner.queue.is_empty() && !inner.stopped && inner.dirty.is_empty() {
            let next = inner.due.first().map(|(due, _)| due.saturating_sub(now_ms()).max(0).unsigned_abs());
            let wait = next.map_or(patience, |ms| patience.min(Duration::from_millis(ms)));
            self.asked.wait_for(&mut inner, wait);
        }
        let mut round = Round::default();
        let count = inner.queue.len().min(MAX_BATCH);
        let asked: Vec<_> = inner.queue.drain(..count).collect();
        for (ask, at, reply) in asked {
            let answer = inner.take(&ask, at, &mut round);
            round.replies.push((reply, answer));
        }
        let now = now_ms();
        inner.notice_absence(now);
        inner.look(now, &mut round);
        self.write(inner, &mut round);
        round
    }

    fn write(&self, mut inner: parking_lot::MutexGuard<'_, Inner>, round: &mut Round) {
        let names = std::mem::take(&mut inner.dirty);
        let pings = std::mem::take(&mut inner.pings);
        let forgotten = std::mem::take(&mut inner.forgotten);
        if names.is_empty() && pings.is_empty() && forgotten.is_empty() {
            return;
        }
        let rows: Vec<_> = names
            .iter()
            .filter_map(|name| inner.all.get_key_value(name))
            .map(|(name, one)| (name.clone(), one.uuid.clone(), one.created, one.heart.clone()))
            .collect();
        inner.counters.batches += 1;
        // Others may ask meanwhile.
        drop(inner);
        let written = self.store.transaction(|tx| {
            forgotten.iter().try_for_each(|name| store::remove(tx, name))?;
            rows.iter()
                .try_for_each(|(name, uuid, created, heart)| store::save(tx, name, uuid, *created, heart))?;
            pings.iter().try_for_each(|(name, ping)| store::save_ping(tx, name, ping))
        });
        if let Err(error) = written {
            tracing::error!(%error, "pings could not be written, and are refused");
            let mut inner = self.inner.lock();
            inner.counters.failed += 1;
            // They happened all the same, and are written with the next ones.
            inner.dirty.extend(names);
            inner.forgotten.extend(forgotten);
            for (_, answer) in &mut round.replies {
                *answer = answer.and(Err(Refused::Disk));
            }
            drop(inner);
            std::thread::sleep(PAUSE_AFTER_FAILURE);
        }
    }

    /// The state of each that has one, for a machine that has just been started.
    pub fn beats(&self, now_ms: i64) -> Vec<Beat> {
        let inner = self.inner.lock();
        let known = inner.all.iter().filter(|(_, one)| matches!(one.heart.status, Status::Up | Status::Down));
        known.map(|(name, one)| one.beat(name, now_ms)).collect()
    }

    pub fn pause(&self, whom: &str, paused: bool) -> bool {
        let mut inner = self.inner.lock();
        let Some(name) = inner.find(whom) else { return false };
        let Some(one) = inner.all.get_mut(&name) else { return false };
        match paused {
            true => one.heart.pause(),
            false => one.heart.resume(),
        }
        inner.changed(&name);
        self.asked.notify_all();
        true
    }

    pub fn list(&self, now_ms: i64) -> Vec<Known> {
        self.inner.lock().all.iter().map(|(name, one)| one.known(name, now_ms)).collect()
    }

    /// What is called so, by name, slug or UUID.
    pub fn name_of(&self, whom: &str) -> Option<Arc<str>> {
        self.inner.lock().find(whom)
    }

    /// By name, slug or UUID, with its last pings.
    pub fn one(&self, whom: &str, now_ms: i64) -> Result<Option<(Known, Vec<KeptPing>)>, StateError> {
        let known = {
            let inner = self.inner.lock();
            inner.find(whom).and_then(|name| inner.all.get(&name).map(|one| one.known(&name, now_ms)))
        };
        let Some(known) = known else { return Ok(None) };
        let pings = store::pings(&self.store, &known.name)?;
        Ok(Some((known, pings)))
    }

    /// Those that pings have made, which no file defines.
    pub fn made(&self) -> Vec<Arc<str>> {
        let inner = self.inner.lock();
        inner.all.iter().filter(|(_, one)| one.created).map(|(name, _)| name.clone()).collect()
    }

    /// Forget one that a ping has made. False: there is none, or a file defines it.
    pub fn remove(&self, whom: &str) -> Result<bool, StateError> {
        let mut inner = self.inner.lock();
        let name = inner.find(whom).filter(|name| inner.all.get(name).is_some_and(|one| one.created));
        let Some(name) = name else { return Ok(false) };
        self.store.transaction(|tx| store::remove(tx, &name))?;
        inner.drop_one(&name);
        Ok(true)
    }

    pub fn counters(&self) -> Counters {
        self.inner.lock().counters
    }

    /// Nobody is taken any more; who waits is answered by the rounds that follow.
    pub fn stop(&self) {
        self.inner.lock().stopped = true;
        self.asked.notify_all();
    }

    pub fn is_idle(&self) -> bool {
        self.inner.lock().queue.is_empty()
    }
}

/// A disk that is full stays so for a while.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(200);
