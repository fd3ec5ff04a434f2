//! All heartbeats in memory: who is meant by a ping, what it does, whose time has come.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use vocabulary::Timestamp;

use super::ask::{Ask, Refused, Whom, uuid_of};
use super::beats::{Answer, Beat, Counters, Heard, Known, Reply, Round};
use super::config::{HeartbeatsConfig, rule};
use super::heart::{Heart, PingKind, Rule, Status, failure};
use super::limits::{ABSENCE_MS, DEFAULT_GRACE_MS, DEFAULT_PERIOD_MS, MAX_BODY, MAX_CREATED};
use super::schedule::Schedule;
use super::store::{self, KeptPing};
use crate::Outcome;
use crate::config::{Definitions, MonitorConfig, MonitorKind};

pub(super) struct One {
    pub uuid: String,
    pub slug: Option<String>,
    pub created: bool,
    pub config: Option<MonitorConfig>,
    pub rule: Rule,
    pub heart: Heart,
    /// When it is looked at again.
    pub planned: Option<i64>,
}

#[derive(Default)]
pub(super) struct Inner {
    pub key: String,
    pub all: BTreeMap<Arc<str>, One>,
    pub by_uuid: HashMap<String, Arc<str>>,
    pub by_slug: HashMap<String, Vec<Arc<str>>>,
    /// (deadline, name)
    pub due: BTreeSet<(i64, Arc<str>)>,
    pub queue: Vec<(Ask, i64, Reply)>,
    /// Taken out of the definitions; their records go.
    pub forgotten: Vec<Arc<str>>,
    /// Changed since they were written.
    pub dirty: BTreeSet<Arc<str>>,
    pub pings: Vec<(Arc<str>, KeptPing)>,
    pub stopped: bool,
    pub counters: Counters,
    /// The last look, by the wall clock and by time itself; nothing in tests, whose time is made.
    pub looked: Option<(i64, Instant)>,
}

impl One {
    /// Of a ping that asked for it; its slug is its name.
    pub fn made(slug: String, uuid: String, heart: Heart) -> One {
        let rule = Rule { schedule: Schedule::Period(DEFAULT_PERIOD_MS), grace_ms: DEFAULT_GRACE_MS };
        One { uuid, slug: Some(slug), created: true, config: None, rule, heart, planned: None }
    }

    pub fn beat(&self, name: &Arc<str>, now_ms: i64) -> Beat {
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

    pub fn known(&self, name: &Arc<str>, now_ms: i64) -> Known {
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
    pub fn define(
        &mut self,
        definitions: &Definitions,
        config: &HeartbeatsConfig,
        mut kept: impl FnMut(&str) -> Option<store::Kept>,
    ) {
        config.ping_key.reveal().clone_into(&mut self.key);
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

    pub fn add(&mut self, name: Arc<str>, one: One) {
        self.by_uuid.insert(one.uuid.clone(), name.clone());
        if let Some(slug) = &one.slug {
            self.by_slug.entry(slug.clone()).or_default().push(name.clone());
        }
        self.all.insert(name, one);
    }

    pub fn drop_one(&mut self, name: &Arc<str>) {
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
    pub fn refusal(&self, whom: &Whom) -> Option<Refused> {
        match self.whom(whom) {
            Ok(_) => None,
            Err(Refused::NotFound) if self.may_make(whom) => None,
            Err(refused) => Some(refused),
        }
    }

    pub fn may_make(&self, whom: &Whom) -> bool {
        matches!(whom, Whom::Slug { key, create: true, .. } if self.is_key(key))
    }

    pub fn is_key(&self, key: &str) -> bool {
        // As long for every wrong key of this length.
        let same = |(a, b): (u8, u8)| a ^ b;
        !self.key.is_empty()
            && key.len() == self.key.len()
            && key.bytes().zip(self.key.bytes()).map(same).fold(0, |all, one| all | one) == 0
    }

    pub fn whom(&self, whom: &Whom) -> Result<Arc<str>, Refused> {
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

    pub fn find(&self, whom: &str) -> Option<Arc<str>> {
        let by_name = self.all.get_key_value(whom).map(|(name, _)| name.clone());
        let by_slug =
            || self.by_slug.get(whom).and_then(|names| (names.len() == 1).then(|| names[0].clone()));
        by_name.or_else(by_slug).or_else(|| self.by_uuid.get(&whom.to_ascii_lowercase()).cloned())
    }

    pub fn take(&mut self, ask: &Ask, at: i64, round: &mut Round) -> Answer {
        let (name, heard) = match self.whom(&ask.whom) {
            Ok(name) => (name, Heard::Known),
            Err(Refused::NotFound) if self.may_make(&ask.whom) => (self.make(&ask.whom, round)?, Heard::Made),
            Err(refused) => return Err(refused),
        };
        let Some(one) = self.all.get_mut(&name) else { return Err(Refused::NotFound) };
        let note = if ask.kind == PingKind::Fail { failure(ask.exit, &ask.body) } else { String::new() };
        let run = one.heart.ping(&one.rule, ask.kind, ask.rid.as_deref(), &note, at);
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

    pub fn make(&mut self, whom: &Whom, round: &mut Round) -> Result<Arc<str>, Refused> {
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

    /// The wall clock was set, the machine slept, or nobody looked for long: pings of that time may have been sent in
    /// vain, as when the server was away.
    pub fn notice_absence(&mut self, now: i64) {
        let Some((wall, at)) = self.looked else { return };
        self.looked = Some((now, Instant::now()));
        let passed = i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX);
        let set_by = now.saturating_sub(wall).saturating_sub(passed);
        if (-ABSENCE_MS..=ABSENCE_MS).contains(&set_by) && passed <= ABSENCE_MS {
            return;
        }
        for one in self.all.values_mut() {
            one.heart.clock_is_now(now);
            one.heart.resume_after(&one.rule, wall.min(now), now);
        }
        self.dirty.extend(self.all.keys().cloned());
        self.plan_all();
    }

    /// Those whose time has come.
    pub fn look(&mut self, now: i64, round: &mut Round) {
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
    pub fn changed(&mut self, name: &Arc<str>) {
        self.plan(name);
        self.dirty.insert(name.clone());
    }

    pub fn plan(&mut self, name: &Arc<str>) {
        let Some(one) = self.all.get_mut(name) else { return };
        if let Some(before) = one.planned.take() {
            self.due.remove(&(before, name.clone()));
        }
        one.planned = one.heart.deadline(&one.rule);
        self.due.extend(one.planned.map(|deadline| (deadline, name.clone())));
    }

    pub fn plan_all(&mut self) {
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
