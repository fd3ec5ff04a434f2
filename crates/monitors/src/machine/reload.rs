//! Definitions taken in, at the start and later: all of them or none. What is known of an object stays with its
//! name.

use std::collections::HashMap;
use std::sync::Arc;

use vocabulary::state::{InstanceId, State};

use super::estate;
use super::knobs::{ContactId, Kind, Knobs, Shared};
use super::limits::MAX_INSTANCES;
use super::live::Live;
use super::recurring::Recurring;
use super::{HOST_PREFIX, Machine, Monitor, Object, ObjectId, Problem, Refusal};
use crate::config::{CheckType, Definitions, MonitorConfig};

/// All that a reload puts in place, made before anything is changed.
struct Plan {
    shared: Shared,
    checks: HashMap<Arc<str>, ObjectId>,
    hosts: HashMap<Arc<str>, ObjectId>,
    /// Of checks and hosts.
    knobs: Vec<(ObjectId, Knobs)>,
    monitors: HashMap<Arc<str>, Arc<Knobs>>,
    recurring: Vec<Recurring>,
}

impl Machine {
    /// Nothing is told by it, and no state is lost but that of what is no longer defined.
    pub fn reload(&mut self, definitions: &Definitions) -> Result<(), Vec<Problem>> {
        let plan = self.plan_for(definitions)?;
        self.rename_contacts(&plan.shared);
        self.shared = plan.shared;
        self.forget_all_but(&plan.checks, &plan.hosts, &plan.monitors);
        for (id, knobs) in plan.knobs {
            self.put(id, knobs);
        }
        self.name_new(&plan.checks, &plan.hosts);
        self.checks = plan.checks;
        self.hosts = plan.hosts;
        self.renew_monitors(plan.monitors);
        self.recurring = plan.recurring;
        self.drop_outdated_recurring();
        Ok(())
    }

    fn plan_for(&self, definitions: &Definitions) -> Result<Plan, Vec<Problem>> {
        let problems = definitions.problems();
        if !problems.is_empty() {
            return Err(problems.into_iter().map(|(key, message)| Problem { key, message }).collect());
        }
        let mut ids = Ids { free: self.free.clone(), next: self.objects.len() as u32 };
        let hosts = ids.of(definitions.hosts.iter().map(|host| host.name.as_str()), &self.hosts);
        let checks = ids.of(definitions.checks.iter().map(|check| check.name.as_str()), &self.checks);
        let (shared, names) = estate::shared(definitions, &self.zone, &checks, &hosts);
        let mut knobs: HashMap<ObjectId, Knobs> = HashMap::new();
        knobs.extend(
            definitions.hosts.iter().map(|host| (hosts[host.name.as_str()], estate::host(host, &names))),
        );
        knobs.extend(
            definitions
                .checks
                .iter()
                .map(|check| (checks[check.name.as_str()], estate::check(check, &names))),
        );
        estate::link_hosts(&mut knobs);
        definitions.escalations.iter().for_each(|config| estate::escalate(config, &names, &mut knobs));
        definitions.dependencies.iter().for_each(|config| estate::depend(config, &names, &mut knobs));
        let of_monitor = |config: &MonitorConfig| {
            (Arc::from(config.name.as_str()), Arc::new(estate::monitor(config, &names)))
        };
        let mut monitors: HashMap<Arc<str>, Arc<Knobs>> =
            definitions.monitors.iter().map(of_monitor).collect();
        // Checks and monitors share their names, so parts can stand where instances do.
        for check in definitions.checks.iter().filter(|check| check.sees_parts()) {
            let (name, id) = (Arc::from(check.name.as_str()), checks[check.name.as_str()]);
            let alert = check.kind == CheckType::Passive;
            monitors.insert(name, Arc::new(estate::part(id, &knobs[&id], alert)));
        }
        let recurring =
            definitions.downtimes.iter().map(|config| estate::recurring(config, &self.zone)).collect();
        let knobs = knobs.into_iter().collect();
        Ok(Plan { shared, checks, hosts, knobs, monitors, recurring })
    }

    /// Contacts are known by their place in the list, which may be another one now.
    fn rename_contacts(&mut self, new: &Shared) {
        let places: HashMap<&str, u32> =
            new.contacts.iter().enumerate().map(|(index, contact)| (&*contact.name, index as u32)).collect();
        let old: Vec<Option<ContactId>> = self
            .shared
            .contacts
            .iter()
            .map(|contact| places.get(&*contact.name).copied().map(ContactId))
            .collect();
        for object in &mut self.objects {
            let told = std::mem::take(&mut object.live.told);
            object.live.told = told.into_iter().filter_map(|contact| old[contact.0 as usize]).collect();
        }
    }

    fn forget_all_but(
        &mut self,
        checks: &HashMap<Arc<str>, ObjectId>,
        hosts: &HashMap<Arc<str>, ObjectId>,
        monitors: &HashMap<Arc<str>, Arc<Knobs>>,
    ) {
        let mut gone: Vec<ObjectId> = Vec::new();
        gone.extend(self.checks.iter().filter(|(name, _)| !checks.contains_key(*name)).map(|(_, id)| *id));
        gone.extend(self.hosts.iter().filter(|(name, _)| !hosts.contains_key(*name)).map(|(_, id)| *id));
        for (name, monitor) in &self.monitors {
            if !monitors.contains_key(name) {
                gone.extend(monitor.instances.values());
            }
        }
        for id in gone {
            self.forget(id);
        }
    }

    fn forget(&mut self, id: ObjectId) {
        let downtimes: Vec<u64> = self.downtimes.of(id).map(|downtime| downtime.id).collect();
        for downtime in downtimes {
            self.forget_downtime(downtime);
        }
        self.comments.remove_where(|comment| comment.object == id);
        self.expiring.retain(|(_, object)| *object != id);
        let nothing = self.nothing.clone();
        let object = &mut self.objects[id.0 as usize];
        object.gone = true;
        object.live = Live::new(State::Ok, &nothing);
        self.free.push(id);
    }

    /// Without a word to anybody.
    pub(super) fn forget_downtime(&mut self, id: u64) {
        if let Some(downtime) = self.downtimes.remove(id) {
            let live = self.live(downtime.object);
            live.downtime_depth -= u32::from(downtime.in_effect);
            live.pending_flexible -= u32::from(!downtime.fixed);
        }
    }

    fn put(&mut self, id: ObjectId, knobs: Knobs) {
        let knobs = Arc::new(knobs);
        let good = if knobs.kind == Kind::Host { State::Up } else { State::Ok };
        while self.objects.len() <= id.0 as usize {
            let name = InstanceId { monitor: self.nothing.clone(), instance: self.nothing.clone() };
            let live = Live::new(good, &self.nothing);
            self.objects.push(Object { id: name, knobs: knobs.clone(), live, gone: true });
        }
        let object = &mut self.objects[id.0 as usize];
        if object.gone {
            object.live = Live::new(good, &self.nothing);
            object.gone = false;
        }
        object.knobs = knobs;
    }

    fn name_new(&mut self, checks: &HashMap<Arc<str>, ObjectId>, hosts: &HashMap<Arc<str>, ObjectId>) {
        for (name, id) in checks {
            self.objects[id.0 as usize].id =
                InstanceId { monitor: name.clone(), instance: self.nothing.clone() };
        }
        for (name, id) in hosts {
            let monitor = Arc::from(format!("{HOST_PREFIX}{name}"));
            self.objects[id.0 as usize].id = InstanceId { monitor, instance: self.nothing.clone() };
        }
        let used: std::collections::HashSet<ObjectId> =
            checks.values().chain(hosts.values()).copied().collect();
        self.free.retain(|id| !used.contains(id));
    }

    fn renew_monitors(&mut self, monitors: HashMap<Arc<str>, Arc<Knobs>>) {
        let mut before = std::mem::take(&mut self.monitors);
        for (name, knobs) in monitors {
            let instances = before.remove(&name).map(|monitor| monitor.instances).unwrap_or_default();
            for id in instances.values() {
                self.objects[id.0 as usize].knobs = knobs.clone();
            }
            self.monitors.insert(name, Monitor { knobs, instances });
        }
    }

    /// An instance of a monitor, which is made if there is none yet.
    pub fn add_instance(&mut self, monitor: &str, instance: &str, now: i64) -> Result<ObjectId, Refusal> {
        let Some((name, known)) = self.monitors.get_key_value(monitor) else {
            return Err(Refusal::NotFound(format!("there is no [[monitor]] named `{monitor}`")));
        };
        if let Some(id) = known.instances.get(instance) {
            return Ok(*id);
        }
        let held: usize = self.monitors.values().map(|monitor| monitor.instances.len()).sum();
        if held >= MAX_INSTANCES {
            let message = format!("there are {MAX_INSTANCES} instances of monitors already: narrow a target");
            return Err(Refusal::TooMany(message));
        }
        let (name, knobs) = (name.clone(), known.knobs.clone());
        let id = self.free.pop().unwrap_or(ObjectId(self.objects.len() as u32));
        let key: Arc<str> = Arc::from(instance);
        let object = Object {
            id: InstanceId { monitor: name, instance: key.clone() },
            knobs,
            live: Live::new(State::Ok, &self.nothing),
            gone: false,
        };
        match self.objects.get_mut(id.0 as usize) {
            Some(place) => *place = object,
            None => self.objects.push(object),
        }
        if let Some(monitor) = self.monitors.get_mut(monitor) {
            monitor.instances.insert(key, id);
        }
        self.plan_recurring_of(id, now);
        Ok(id)
    }

    /// The series is gone for good. Who was told of its problem should have heard the end before.
    pub fn remove_instance(&mut self, id: ObjectId) {
        let InstanceId { monitor, instance } = self.of(id).id.clone();
        let known = self.monitors.get_mut(&monitor).and_then(|monitor| monitor.instances.remove(&instance));
        if known.is_some() {
            self.forget(id);
        }
    }

    /// Those whose definition is gone, does not name the object any more, or has other times.
    pub(super) fn drop_outdated_recurring(&mut self) {
        let outdated: Vec<u64> = self
            .downtimes
            .by_id
            .values()
            .filter(|downtime| {
                downtime.recurring.as_ref().is_some_and(|name| !self.still_recurs(name, downtime))
            })
            .map(|downtime| downtime.id)
            .collect();
        for id in outdated {
            self.forget_downtime(id);
        }
    }

    fn still_recurs(&self, name: &Arc<str>, downtime: &super::Downtime) -> bool {
        let kind = self.of(downtime.object).knobs.kind;
        let object = self.plain_name(downtime.object);
        self.recurring.iter().any(|recurring| {
            recurring.name == *name
                && recurring.covers(kind, object)
                && recurring.has(downtime.start, downtime.end)
        })
    }
}

/// Gives names the ids that they have, and new ones new ids.
struct Ids {
    free: Vec<ObjectId>,
    next: u32,
}

impl Ids {
    fn of<'n>(
        &mut self,
        names: impl Iterator<Item = &'n str>,
        known: &HashMap<Arc<str>, ObjectId>,
    ) -> HashMap<Arc<str>, ObjectId> {
        let id_of = |name| match known.get_key_value(name) {
            Some((key, id)) => (key.clone(), *id),
            None => (Arc::from(name), self.new_id()),
        };
        names.map(id_of).collect()
    }

    fn new_id(&mut self) -> ObjectId {
        self.free.pop().unwrap_or_else(|| {
            self.next += 1;
            ObjectId(self.next - 1)
        })
    }
}
