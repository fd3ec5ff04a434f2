//! What others see of [`Monitors`]: how everything is, what was told, what is planned. Answers are copies, made under
//! the lock in one go; what is on the disk only is read without it.

mod summary;

use std::sync::Arc;
use std::time::Duration;

use vocabulary::Timestamp;
use vocabulary::ports::Scope;
use vocabulary::state::{InstanceId, State, StateType, Withheld};

use crate::config::Definitions;
use crate::history::Run;
use crate::inner::Inner;
use crate::limits::{MAX_LISTED, USUAL_LISTED};
use crate::machine::{
    Acknowledgement, Comment, Downtime, HOST_PREFIX, Hold, Kind, NotRun, ObjectId, ObjectName, Occurrence,
    Status,
};
use crate::made::{self, Version};
use crate::monitors::Monitors;
use crate::refused::{Refused, plain, unknown};
use crate::silence::Silence;
use crate::store::{self, KeptNotice, Of};
pub use summary::{Origin, Summary};

/// One object, and what belongs to it.
pub struct Found {
    pub name: String,
    /// What senders of results call a check.
    pub service: Option<String>,
    pub status: Status,
    /// The machine's reason, or a silence.
    pub withheld: Option<Withheld>,
    /// How long after a result the next look is due; zero: never by itself.
    pub interval: Duration,
    pub parents: Vec<(String, Option<State>)>,
    pub downtimes: Vec<Planned>,
    pub comments: Vec<Comment>,
}

/// A downtime, and of what it is.
pub struct Planned {
    pub of: ObjectName,
    pub downtime: Downtime,
}

/// Of what notices are asked for.
pub enum Told {
    OfAll,
    /// With all its instances.
    OfMonitor(String),
    Of(ObjectName),
}

/// How many are in which state, for the sentence on top of every page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub ok: usize,
    pub warning: usize,
    pub critical: usize,
    pub unknown: usize,
    pub pending: usize,
    /// In trouble, and nobody is told for a reason.
    pub handled: usize,
}

impl Monitors {
    pub fn look(&self, name: &ObjectName, now: Timestamp) -> Result<Found, Refused> {
        let inner = self.inner.lock();
        let id = inner.machine.named(name).ok_or_else(|| unknown(name))?;
        Ok(inner.found(id, now))
    }

    /// All monitors, checks and hosts, in the order of their names.
    pub fn list(&self, now: Timestamp) -> Vec<Summary> {
        self.list_in(&Scope::everything(), now)
    }

    /// What is in this scope by its own name, and of other monitors those with an instance in it, with these only.
    pub fn list_in(&self, scope: &Scope, now: Timestamp) -> Vec<Summary> {
        self.inner.lock().list(scope, now)
    }

    /// A monitor or a check, as the list has it.
    pub fn summary(&self, name: &str, now: Timestamp) -> Option<Summary> {
        self.summary_in(&Scope::everything(), name, now)
    }

    /// As [`Monitors::list_in`] has it.
    pub fn summary_in(&self, scope: &Scope, name: &str, now: Timestamp) -> Option<Summary> {
        let inner = self.inner.lock();
        if let Some(check) = inner.all.checks.iter().find(|check| check.name == name) {
            return inner.check(check, now).filter(|check| scope.sees(&check.name));
        }
        let monitor = inner.all.monitors.iter().find(|monitor| monitor.name == name)?;
        inner.monitor(monitor, scope, now)
    }

    /// How one is, without what belongs to it.
    pub fn status(&self, name: &ObjectName, now: Timestamp) -> Option<Status> {
        let inner = self.inner.lock();
        inner.machine.named(name).map(|id| inner.machine.status(id, now))
    }

    pub fn hosts(&self, now: Timestamp) -> Vec<Found> {
        let inner = self.inner.lock();
        let all = inner.all.hosts.iter();
        all.filter_map(|host| Some(inner.found(inner.machine.host(&host.name)?, now))).collect()
    }

    /// Of a monitor: everything that it watches one of; of a check: itself, and its parts.
    pub fn instances(&self, monitor: &str, now: Timestamp) -> Vec<Found> {
        let inner = self.inner.lock();
        let ids = inner.machine.check(monitor).into_iter().chain(inner.machine.instances_of(monitor));
        let mut all: Vec<Found> = ids.map(|id| inner.found(id, now)).collect();
        all.sort_by(|a, b| a.status.id.instance.cmp(&b.status.id.instance));
        all
    }

    /// Instances that are kept of a monitor, for whoever evaluates it after a restart.
    pub fn known_instances(&self, monitor: &str) -> Vec<Arc<str>> {
        let inner = self.inner.lock();
        let ids = inner.machine.instances_of(monitor);
        ids.map(|id| inner.machine.instance_id(id).instance.clone()).collect()
    }

    /// What the machine knows of one of them; nothing before its first result.
    pub fn instance_state(&self, monitor: &str, instance: &str) -> Option<(State, StateType)> {
        let inner = self.inner.lock();
        inner.machine.state(inner.machine.instance(monitor, instance)?)
    }

    /// How many of all that is watched are in which state. A check counts once, whatever parts it has.
    pub fn tally(&self) -> Tally {
        let inner = self.inner.lock();
        let mut tally = Tally::default();
        for id in inner.machine.ids().filter(|id| !inner.machine.is_part(inner.machine.instance_id(*id))) {
            match inner.machine.state(id) {
                None => tally.pending += 1,
                Some((State::Ok | State::Up, _)) => tally.ok += 1,
                Some((State::Warning, _)) => tally.warning += 1,
                Some((State::Critical | State::Down | State::Unreachable, _)) => tally.critical += 1,
                Some((State::Unknown, _)) => tally.unknown += 1,
            }
        }
        tally
    }

    pub fn downtimes(&self) -> Vec<Planned> {
        let inner = self.inner.lock();
        inner.machine.downtimes().map(|downtime| inner.planned(downtime)).collect()
    }

    /// Recurring downtimes of that time, in order, at most so many.
    pub fn upcoming(&self, from: Timestamp, until: Timestamp, limit: usize) -> Vec<Occurrence> {
        self.inner.lock().machine.upcoming(from, until, limit)
    }

    /// The numbers of the silences that hold it back now.
    pub fn silenced_by(&self, id: &InstanceId, now: Timestamp) -> Vec<i64> {
        self.inner.lock().silenced_by(id, now)
    }

    pub fn silences(&self) -> Vec<Arc<Silence>> {
        self.inner.lock().silences.all().cloned().collect()
    }

    /// In order; the newest if there are more than are wanted.
    pub fn notices(&self, of: &Told, limit: Option<usize>) -> Result<Vec<KeptNotice>, Refused> {
        let limit = limit.unwrap_or(MAX_LISTED).min(MAX_LISTED);
        let known = |name: &ObjectName| self.inner.lock().machine.named(name).map(|_| instance_id(name));
        let of = match of {
            Told::OfAll => Of::All,
            Told::OfMonitor(name) => match self.inner.lock().all.monitors.iter().any(|one| one.name == *name)
            {
                true => Of::Monitor(name.as_str().into()),
                false => return Err(unknown(&ObjectName::Instance(name.clone(), String::new()))),
            },
            Told::Of(name) => Of::One(known(name).ok_or_else(|| unknown(name))?),
        };
        Ok(store::notices(&self.state, &of, limit)?)
    }

    /// The runs that reach into the window, in order; whether there are older ones in it.
    pub fn history(
        &self,
        name: &ObjectName,
        from: i64,
        until: i64,
        limit: Option<usize>,
    ) -> Result<(Vec<Run>, bool), Refused> {
        let limit = limit.unwrap_or(USUAL_LISTED).clamp(1, MAX_LISTED);
        let (row, fresh) = {
            let inner = self.inner.lock();
            let id = inner.machine.named(name).ok_or_else(|| unknown(name))?;
            match inner.rows.get(&id) {
                Some(row) => (row.id, inner.runs_not_written(row)),
                None => return Ok((Vec::new(), false)),
            }
        };
        let mut runs = store::runs(&self.state, row, from, until, limit + 1)?;
        // What was written meanwhile is there twice.
        let last = runs.last().map_or(i64::MIN, |run| run.began);
        for run in fresh {
            if run.began >= last && run.began <= until && !runs.contains(&run) {
                runs.push(run);
            }
        }
        let more = runs.len() > limit;
        runs.drain(..runs.len().saturating_sub(limit));
        Ok((runs, more))
    }

    /// All that is in effect, from files and from the UI.
    pub fn definitions(&self) -> Arc<Definitions> {
        self.inner.lock().all.clone()
    }

    pub fn versions(&self, name: &str) -> Result<Vec<Version>, Refused> {
        Ok(made::versions(&self.state, name)?)
    }

    /// What is made in the UI, as it would stand in a file.
    pub fn export(&self) -> Definitions {
        self.inner.lock().made.export()
    }

    pub fn origin(&self, name: &str) -> Origin {
        self.inner.lock().origin(name)
    }

    /// The newest version of what is made in the UI under this name.
    pub fn made(&self, name: &str) -> Option<Version> {
        self.inner.lock().made.get(name).cloned()
    }

    /// How long after a result the next look is due; zero: never by itself.
    pub fn interval(&self, name: &ObjectName) -> Option<Duration> {
        let inner = self.inner.lock();
        inner.machine.named(name).map(|id| inner.machine.interval(id))
    }

    /// How far ahead the next look is by what is known of the last one; nothing if that moment has passed.
    pub fn next_in(&self, name: &ObjectName, now: Timestamp) -> Option<Duration> {
        let inner = self.inner.lock();
        let id = inner.machine.named(name)?;
        let last = inner.machine.last_check(id)?;
        let interval = inner.machine.interval(id).as_secs() as i64;
        let wait = last.plus(interval).since(now);
        (0..=interval).contains(&wait).then(|| Duration::from_secs(wait.unsigned_abs()))
    }

    /// Why it is not run now: ask again after so long.
    pub fn held_back(&self, name: &ObjectName, now: Timestamp) -> Option<Duration> {
        let inner = self.inner.lock();
        let id = inner.machine.named(name)?;
        let interval = inner.machine.interval(id);
        match inner.machine.may_run(id, now) {
            Ok(()) => None,
            Err(NotRun::Period) => {
                let next = inner.machine.next_in_check_period(id, now);
                Some(next.map_or(interval, |next| Duration::from_secs(next.since(now).max(1).unsigned_abs())))
            }
            Err(NotRun::Off | NotRun::Dependency) => Some(interval),
        }
    }

    /// Why nobody is to be told of it now.
    pub fn withheld(&self, id: &InstanceId, now: Timestamp) -> Option<Withheld> {
        let inner = self.inner.lock();
        let object = inner.machine.named(&object_name(&inner.machine, id)?)?;
        inner.withheld(object, now)
    }

    /// The same, for whom its acknowledgement is no reason any more.
    pub fn withheld_unless_acknowledged(&self, id: &InstanceId, now: Timestamp) -> Option<Withheld> {
        let inner = self.inner.lock();
        let object = inner.machine.named(&object_name(&inner.machine, id)?)?;
        inner.silenced_or(inner.machine.why_withheld_unless_acknowledged(object, now), object, now)
    }

    /// What will hold back the word of it between these, as it is known now.
    pub fn holds(&self, id: &InstanceId, from: Timestamp, until: Timestamp) -> Vec<Hold> {
        self.inner.lock().holds(id, from, until)
    }

    /// The object's own list will yet tell this contact that it is over.
    pub fn will_tell(&self, id: &InstanceId, contact: &str) -> bool {
        let inner = self.inner.lock();
        let object = object_name(&inner.machine, id).and_then(|name| inner.machine.named(&name));
        object.is_some_and(|object| inner.machine.will_tell_end(object, contact))
    }

    /// The object that a change or a notice is of.
    pub fn name_of(&self, id: &InstanceId) -> Option<ObjectName> {
        object_name(&self.inner.lock().machine, id)
    }

    /// Who has acknowledged this instance.
    pub fn acknowledgement(&self, id: &InstanceId) -> Option<Acknowledgement> {
        let inner = self.inner.lock();
        let machine = &inner.machine;
        let object = object_name(machine, id).and_then(|name| machine.named(&name))?;
        machine.acknowledgement(object).cloned()
    }

    /// The check that NSCA and the command pipe mean.
    pub fn check_of(&self, host: &str, service: &str) -> Option<String> {
        self.inner.lock().services.get(host)?.get(service).cloned()
    }
}

impl Inner {
    fn list(&self, scope: &Scope, now: Timestamp) -> Vec<Summary> {
        let checks = self.all.checks.iter().filter(|check| scope.sees(&check.name));
        let mut all: Vec<Summary> = checks.filter_map(|check| self.check(check, now)).collect();
        let hosts = self.all.hosts.iter().filter(|host| scope.sees(&host.name));
        all.extend(hosts.filter_map(|host| self.host(host, now)));
        all.extend(self.all.monitors.iter().filter_map(|monitor| self.monitor(monitor, scope, now)));
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    fn found(&self, id: ObjectId, now: Timestamp) -> Found {
        let status = self.machine.status(id, now);
        let name = match self.machine.name(id) {
            ObjectName::Check(name) | ObjectName::Host(name) => name,
            ObjectName::Instance(_, instance) => instance,
        };
        let parent = |id: &ObjectId| {
            let name = plain(&self.machine.name(*id)).to_owned();
            (name, self.machine.state(*id).map(|(state, _)| state))
        };
        let before = match self.machine.kind(id) {
            Kind::Host => self.machine.parents_of(id).to_vec(),
            _ => self.machine.host_of(id).into_iter().collect(),
        };
        let service = (self.machine.kind(id) == Kind::Check).then(|| self.service_of(&name));
        Found {
            name,
            service,
            withheld: self.withheld(id, now),
            interval: self.machine.interval(id),
            parents: before.iter().map(parent).collect(),
            downtimes: self.machine.downtimes_of(id).map(|downtime| self.planned(downtime)).collect(),
            comments: self.machine.comments().filter(|comment| comment.object == id).cloned().collect(),
            status,
        }
    }

    fn service_of(&self, check: &str) -> String {
        let host = self.machine.check(check).and_then(|id| self.machine.host_of(id));
        let on = host.and_then(|host| self.services.get(self.machine.name_of(host)));
        let known = on.and_then(|on| on.iter().find(|(_, name)| **name == *check));
        known.map_or_else(|| check.to_owned(), |(service, _)| service.clone())
    }

    fn planned(&self, downtime: &Downtime) -> Planned {
        Planned { of: self.machine.name(downtime.object), downtime: downtime.clone() }
    }

    fn withheld(&self, id: ObjectId, now: Timestamp) -> Option<Withheld> {
        self.silenced_or(self.machine.why_withheld(id, now), id, now)
    }

    fn silenced_or(&self, why: Option<Withheld>, id: ObjectId, now: Timestamp) -> Option<Withheld> {
        let silenced = || self.is_silenced(self.machine.instance_id(id), now).then_some(Withheld::Silence);
        why.or_else(silenced)
    }
}

/// As changes and notices call it.
pub fn instance_id(name: &ObjectName) -> InstanceId {
    let (monitor, instance) = match name {
        ObjectName::Check(name) => (name.clone(), ""),
        ObjectName::Host(name) => (format!("{HOST_PREFIX}{name}"), ""),
        ObjectName::Instance(monitor, instance) => (monitor.clone(), instance.as_str()),
    };
    InstanceId { monitor: monitor.into(), instance: instance.into() }
}

/// What a change or a notice is of.
pub fn object_name(machine: &crate::machine::Machine, id: &InstanceId) -> Option<ObjectName> {
    if let Some(host) = id.monitor.strip_prefix(HOST_PREFIX) {
        return machine.host(host).map(|_| ObjectName::Host(host.to_owned()));
    }
    if id.instance.is_empty() && machine.check(&id.monitor).is_some() {
        return Some(ObjectName::Check(id.monitor.to_string()));
    }
    machine
        .instance(&id.monitor, &id.instance)
        .map(|_| ObjectName::Instance(id.monitor.to_string(), id.instance.to_string()))
}
