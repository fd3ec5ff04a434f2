//! All heartbeats, and the queue to the disk.
//!
//! Whoever pings puts in a question and is answered through a callback; one thread calls [`Heartbeats::work`] again and
//! again, which writes all that wait with one transaction. Thousands of pings a second cost a hundred transactions.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use state_store::{StateError, StateStore};
use vocabulary::Timestamp;

use super::ask::{Ask, Refused, Whom, uuid_of};
use super::config::{HeartbeatsConfig, rule};
use super::heart::{Heart, PingKind, Rule, Shown, Status, failure};
use super::limits::{DEFAULT_GRACE_MS, DEFAULT_PERIOD_MS, MAX_BATCH, MAX_BODY, MAX_CREATED, MAX_WAITING};
use super::schedule::Schedule;
use super::store::{self, KeptPing};
use crate::Outcome;
use crate::config::{Definitions, MonitorConfig, MonitorKind};

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

struct One {
    uuid: String,
    slug: Option<String>,
    created: bool,
    config: Option<MonitorConfig>,
    rule: Rule,
    heart: Heart,
    /// When it is looked at again.
    planned: Option<i64>,
}

#[derive(Default)]
struct Inner {
    key: String,
    all: BTreeMap<Arc<str>, One>,
    by_uuid: HashMap<String, Arc<str>>,
    by_slug: HashMap<String, Vec<Arc<str>>>,
    /// (deadline, name)
    due: BTreeSet<(i64, Arc<str>)>,
    queue: Vec<(Ask, i64, Reply)>,
    /// Taken out of the definitions; their records go.
    forgotten: Vec<Arc<str>>,
    /// Changed since they were written.
    dirty: BTreeSet<Arc<str>>,
    pings: Vec<(Arc<str>, KeptPing)>,
    stopped: bool,
    counters: Counters,
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
        inner.look(now_ms(), &mut round);
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

impl One {
    /// Of a ping that asked for it; its slug is its name.
    fn made(slug: String, uuid: String, heart: Heart) -> One {
        let rule = Rule { schedule: Schedule::Period(DEFAULT_PERIOD_MS), grace_ms: DEFAULT_GRACE_MS };
        One { uuid, slug: Some(slug), created: true, config: None, rule, heart, planned: None }
    }

    fn beat(&self, name: &Arc<str>, now_ms: i64) -> Beat {
        let down = self.heart.status == Status::Down;
        let outcome = Outcome {
            status: if down { 2 } else { 0 },
            output: self.heart.text(&self.rule),
            at: Timestamp(now_ms.div_euclid(1_000)),
            seconds: self.heart.last_duration_ms.map_or(0.0, |ms| ms as f64 / 1_000.0),
            ..Outcome::default()
        };
        Beat { name: name.clone(), outcome }
    }

    fn known(&self, name: &Arc<str>, now_ms: i64) -> Known {
        let config = self.config.as_ref();
        Known {
            name: name.clone(),
            uuid: self.uuid.clone(),
            slug: self.slug.clone(),
            created: self.created,
            shown: self.heart.shown(&self.rule, now_ms),
            text: self.heart.text(&self.rule),
            schedule: config.and_then(|config| config.schedule.clone()),
            time_zone: config.and_then(|config| config.time_zone.clone()),
            period_ms: match self.rule.schedule {
                Schedule::Period(period) => Some(period),
                _ => None,
            },
            grace_ms: self.rule.grace_ms,
            expected_ms: self.heart.expected(&self.rule),
            deadline_ms: self.heart.deadline(&self.rule),
            heart: self.heart.clone(),
        }
    }
}

impl Inner {
    fn define(
        &mut self,
        definitions: &Definitions,
        config: &HeartbeatsConfig,
        mut kept: impl FnMut(&str) -> Option<store::Kept>,
    ) {
        self.key.clone_from(&config.ping_key);
        for monitor in definitions.monitors.iter().filter(|monitor| monitor.kind == MonitorKind::Heartbeat) {
            // What cannot be read was refused with the configuration.
            let Ok(rule) = rule(monitor) else { continue };
            let (uuid, created, heart) =
                kept(&monitor.name).map(|kept| (kept.uuid, kept.created, kept.heart)).unwrap_or_default();
            let uuid = match &monitor.uuid {
                Some(uuid) => uuid.to_ascii_lowercase(),
                None if uuid.is_empty() => random_uuid(),
                None => uuid,
            };
            let slug = monitor.slug.clone();
            let one = One { uuid, slug, created, config: Some(monitor.clone()), rule, heart, planned: None };
            self.add(Arc::from(monitor.name.as_str()), one);
        }
    }

    fn add(&mut self, name: Arc<str>, one: One) {
        self.by_uuid.insert(one.uuid.clone(), name.clone());
        if let Some(slug) = &one.slug {
            self.by_slug.entry(slug.clone()).or_default().push(name.clone());
        }
        self.all.insert(name, one);
    }

    fn drop_one(&mut self, name: &Arc<str>) {
        let Some(one) = self.all.remove(name) else { return };
        self.by_uuid.remove(&one.uuid);
        if let Some(names) = one.slug.as_ref().and_then(|slug| self.by_slug.get_mut(slug)) {
            names.retain(|other| other != name);
        }
        if let Some(planned) = one.planned {
            self.due.remove(&(planned, name.clone()));
        }
        self.dirty.remove(name);
    }

    /// What can be said before it waits in the queue.
    fn refusal(&self, whom: &Whom) -> Option<Refused> {
        match self.whom(whom) {
            Ok(_) => None,
            Err(Refused::NotFound) if self.may_make(whom) => None,
            Err(refused) => Some(refused),
        }
    }

    fn may_make(&self, whom: &Whom) -> bool {
        matches!(whom, Whom::Slug { key, create: true, .. } if self.is_key(key))
    }

    fn is_key(&self, key: &str) -> bool {
        // As long for every wrong key of this length.
        let same = |(a, b): (u8, u8)| a ^ b;
        !self.key.is_empty()
            && key.len() == self.key.len()
            && key.bytes().zip(self.key.bytes()).map(same).fold(0, |all, one| all | one) == 0
    }

    fn whom(&self, whom: &Whom) -> Result<Arc<str>, Refused> {
        match whom {
            Whom::Uuid(uuid) => self.by_uuid.get(uuid).cloned().ok_or(Refused::NotFound),
            Whom::Name(name) => self.find(name).ok_or(Refused::NotFound),
            Whom::Slug { key, slug, .. } => {
                if !self.is_key(key) {
                    return Err(Refused::NotFound);
                }
                match self.by_slug.get(slug).map(Vec::as_slice) {
                    None | Some([]) => Err(Refused::NotFound),
                    Some([name]) => Ok(name.clone()),
                    Some(_) => Err(Refused::Ambiguous),
                }
            }
        }
    }

    fn find(&self, whom: &str) -> Option<Arc<str>> {
        let by_name = self.all.get_key_value(whom).map(|(name, _)| name.clone());
        let by_slug =
            || self.by_slug.get(whom).and_then(|names| (names.len() == 1).then(|| names[0].clone()));
        by_name.or_else(by_slug).or_else(|| self.by_uuid.get(&whom.to_ascii_lowercase()).cloned())
    }

    fn take(&mut self, ask: &Ask, at: i64, round: &mut Round) -> Answer {
        let (name, heard) = match self.whom(&ask.whom) {
            Ok(name) => (name, Heard::Known),
            Err(Refused::NotFound) if self.may_make(&ask.whom) => (self.make(&ask.whom, round)?, Heard::Made),
            Err(refused) => return Err(refused),
        };
        let Some(one) = self.all.get_mut(&name) else { return Err(Refused::NotFound) };
        let note = if ask.kind == PingKind::Fail { failure(ask.exit, &ask.body) } else { String::new() };
        let run = one.heart.ping(ask.kind, ask.rid.as_deref(), &note, at);
        if matches!(ask.kind, PingKind::Success | PingKind::Fail) {
            round.beats.push(one.beat(&name, at));
        }
        let ping = KeptPing {
            n: one.heart.pings,
            at_ms: at,
            kind: ask.kind,
            exit: ask.exit,
            rid: ask.rid.clone(),
            method: ask.method.clone(),
            duration_ms: run.duration_ms,
            overlaps: run.overlaps,
            body: ask.body[..ask.body.len().min(MAX_BODY)].to_vec(),
        };
        self.pings.push((name.clone(), ping));
        self.counters.pings += 1;
        self.changed(&name);
        Ok(heard)
    }

    fn make(&mut self, whom: &Whom, round: &mut Round) -> Result<Arc<str>, Refused> {
        let Whom::Slug { slug, .. } = whom else { return Err(Refused::NotFound) };
        if self.all.values().filter(|one| one.created).count() >= MAX_CREATED {
            return Err(Refused::TooMany);
        }
        if self.all.contains_key(slug.as_str()) {
            // A monitor of this name has another slug, or none.
            return Err(Refused::Ambiguous);
        }
        let name: Arc<str> = Arc::from(slug.as_str());
        self.add(name.clone(), One::made(slug.clone(), random_uuid(), Heart::default()));
        round.made.push(name.clone());
        Ok(name)
    }

    /// Those whose time has come.
    fn look(&mut self, now: i64, round: &mut Round) {
        while let Some((due, name)) = self.due.first().cloned()
            && due <= now
        {
            let Some(one) = self.all.get_mut(&name) else {
                self.due.pop_first();
                continue;
            };
            if one.heart.look(&one.rule, now) {
                round.beats.push(one.beat(&name, now));
            }
            self.changed(&name);
        }
    }

    /// To be written, and to be looked at again when it is due.
    fn changed(&mut self, name: &Arc<str>) {
        self.plan(name);
        self.dirty.insert(name.clone());
    }

    fn plan(&mut self, name: &Arc<str>) {
        let Some(one) = self.all.get_mut(name) else { return };
        if let Some(before) = one.planned.take() {
            self.due.remove(&(before, name.clone()));
        }
        one.planned = one.heart.deadline(&one.rule);
        self.due.extend(one.planned.map(|deadline| (deadline, name.clone())));
    }

    fn plan_all(&mut self) {
        self.due.clear();
        for name in self.all.keys().cloned().collect::<Vec<_>>() {
            self.plan(&name);
        }
    }
}

fn random_uuid() -> String {
    let mut bytes = [0u8; 16];
    // Without a source of randomness nothing in this process works.
    getrandom::fill(&mut bytes).expect("the system has random bytes");
    uuid_of(bytes)
}
