//! The state machine: results in, states and notices out; the model is Nagios, 4.5 where 4.4 and 4.5 differ.
//!
//! ```text
//! Machine::new(&definitions, zone)                 every problem of the definitions at once, or the machine
//! machine.result(id, &outcome, now, &mut out)      a result of a check, a host, or an instance
//! machine.command(command, now, &mut out)          what people do: acknowledge, downtime, switches, custom notices
//! machine.tick(now, &mut out)                      downtimes begin and end; acknowledgements expire
//! machine.next_due()                               when `tick` has something to do
//! out: Happenings                                  what came of it; the caller keeps it and clears it
//! ```
//!
//! **Rule**: suppression gates delivery, never state. The notices are exactly those that Nagios would send; who was
//! told of a problem and is not among those told of its end stands in [`Machine::outstanding`], for the incident.
//!
//! * Nothing here asks for the time. `now` may go back: see `mend_clocks` for what is measured anew then.
//! * Names: checks, hosts and monitors have a name space each. In an [`InstanceId`] a check is its name, a host is
//!   `host:` and its name ([`HOST_PREFIX`]), an instance is monitor and instance; `instance` is empty but for those.
//! * An [`ObjectId`] stays with its name through reloads; removed objects' ids are used again.
//! * What has to be on the disk before anybody is answered: [`Machine::save`] of each of [`Happenings::touched`],
//!   and, if [`Happenings::kept_changed`], [`Machine::take_kept_changes`] (downtimes and comments).
//! * The first result that is good makes no [`StateChange`]: before it the state is PENDING, which counts as good.
//!   A soft recovery is one change, from SOFT to HARD. Nagios shows a host UP and SOFT until its next result.
//!
//! | module | holds |
//! |---|---|
//! | `knobs`, `estate` | what is configured, resolved |
//! | `live`, `saved` | what changes, and how it is written down |
//! | `results` | SOFT and HARD, attempts, reachability |
//! | `changes` | what others see of that |
//! | `flapping` | the ring of 21 states |
//! | `filter`, `telling` | whether anybody is told, and who |
//! | `downtime`, `commands`, `comments` | planned times; what people do and say |
//! | `period` | time periods |

mod ahead;
mod changes;
mod commands;
mod comments;
mod downtime;
mod estate;
mod filter;
mod flapping;
mod knobs;
mod limits;
mod live;
mod period;
mod recurring;
mod reload;
mod results;
mod saved;
mod status;
mod telling;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use jiff::tz::TimeZone;
use vocabulary::Timestamp;
use vocabulary::state::{InstanceId, Notice, State, StateChange, StateType};

pub use ahead::Hold;
pub use commands::{Command, Comment, Done, Refusal, Switch};
pub use downtime::{Downtime, NewDowntime};
pub use knobs::Kind;
pub use live::Acknowledgement;
pub use recurring::Occurrence;
pub use saved::{Kept, KeptChanges, ObjectName, Saved, SavedAcknowledgement, SavedComment, SavedDowntime};
pub use status::{NotRun, Status};

use crate::config::Definitions;
use comments::Comments;
use downtime::Downtimes;
use knobs::{Contact, ContactId, Knobs, Shared};
use live::Live;
use recurring::Recurring;
use telling::Note;

/// What a host's name has before it where checks and hosts are named in one space, as in an [`InstanceId`].
pub const HOST_PREFIX: &str = "host:";

/// A check, a host, or an instance of a monitor, in one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId(pub(crate) u32);

/// What is wrong with a definition, and how to mend it; the key is as [`Definitions::problems`] writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub key: String,
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.key, self.message)
    }
}

/// When each contact may be told, for whoever tells beside the machine.
#[derive(Debug)]
pub struct Hours {
    shared: Shared,
    by_name: HashMap<Arc<str>, ContactId>,
    periods: HashMap<String, knobs::PeriodId>,
}

impl Hours {
    pub fn new(definitions: &Definitions, zone: &TimeZone) -> Hours {
        let nobody = HashMap::new();
        let (shared, names) = estate::shared(definitions, zone, &nobody, &nobody);
        let periods = names.periods();
        let contacts = shared.contacts.iter().enumerate();
        let by_name =
            contacts.map(|(index, contact)| (contact.name.clone(), ContactId(index as u32))).collect();
        Hours { shared, by_name, periods }
    }

    /// Is it within the time period of this name? None: there is none.
    pub fn holds(&self, period: &str, now: Timestamp) -> Option<bool> {
        self.periods.get(period).map(|id| self.shared.in_period(Some(*id), now.0))
    }

    /// Is it within the contact's own period, that of hosts or that of everything else?
    pub fn allow(&self, contact: &str, host: bool, now: Timestamp) -> bool {
        self.shared.in_period(self.period_of(contact, host), now.0)
    }

    /// When it is so next. None: not in a year.
    pub fn next(&self, contact: &str, host: bool, now: Timestamp) -> Option<Timestamp> {
        self.shared.next_in_period(self.period_of(contact, host), now.0).map(Timestamp)
    }

    fn period_of(&self, contact: &str, host: bool) -> Option<knobs::PeriodId> {
        let contact = &self.shared.contacts[self.by_name.get(contact)?.0 as usize];
        if host { contact.host_period } else { contact.check_period }
    }
}

/// What is wrong with one line of a time period, such as `monday 09:00-17:00`, and how to mend it.
pub fn check_range(line: &str) -> Result<(), String> {
    period::read_line(line).map(|_| ())
}

/// An event handler that is to be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Handler {
    pub object: ObjectId,
    pub at: Timestamp,
    pub state: State,
    /// A soft recovery is SOFT here.
    pub state_type: StateType,
    pub attempt: u32,
}

/// What came of results, commands and time. The caller takes it out and clears it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Happenings {
    pub changes: Vec<StateChange>,
    pub notices: Vec<Notice>,
    pub handlers: Vec<Handler>,
    /// Worth a look soon, where they are looked at actively: hosts of checks that changed, neighbours of hosts.
    pub looks: Vec<ObjectId>,
    /// Whose state is to be saved; one may stand there twice.
    pub touched: Vec<ObjectId>,
    /// Downtimes or comments are to be saved.
    pub kept_changed: bool,
}

impl Happenings {
    /// Empty, with its room kept.
    pub fn clear(&mut self) {
        let Happenings { changes, notices, handlers, looks, touched, kept_changed } = self;
        changes.clear();
        notices.clear();
        handlers.clear();
        looks.clear();
        touched.clear();
        *kept_changed = false;
    }

    fn touch(&mut self, id: ObjectId) {
        if self.touched.last() != Some(&id) {
            self.touched.push(id);
        }
    }

    fn look_at(&mut self, id: ObjectId) {
        if !self.looks.contains(&id) {
            self.looks.push(id);
        }
    }
}

#[derive(Debug)]
struct Object {
    id: InstanceId,
    knobs: Arc<Knobs>,
    live: Live,
    gone: bool,
}

/// One kind of instances.
#[derive(Debug)]
struct Monitor {
    knobs: Arc<Knobs>,
    instances: HashMap<Arc<str>, ObjectId>,
}

/// The whole estate.
#[derive(Debug)]
pub struct Machine {
    zone: TimeZone,
    shared: Shared,
    objects: Vec<Object>,
    free: Vec<ObjectId>,
    checks: HashMap<Arc<str>, ObjectId>,
    hosts: HashMap<Arc<str>, ObjectId>,
    monitors: HashMap<Arc<str>, Monitor>,
    downtimes: Downtimes,
    recurring: Vec<Recurring>,
    comments: Comments,
    /// Acknowledgements that end by themselves.
    expiring: BTreeSet<(i64, ObjectId)>,
    no_note: Note,
    nothing: Arc<str>,
    recurring_left_out: u64,
    comments_left_out: u64,
}

/// What found no room; shown among the server's own numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    pub recurring_downtimes: u64,
    pub comments: u64,
}

impl Machine {
    /// Times of periods without a zone of their own are in `zone`. Every problem is told at once.
    pub fn new(definitions: &Definitions, zone: TimeZone) -> Result<Machine, Vec<Problem>> {
        let nothing: Arc<str> = Arc::from("");
        let mut machine = Machine {
            zone,
            shared: Shared::default(),
            objects: Vec::new(),
            free: Vec::new(),
            checks: HashMap::new(),
            hosts: HashMap::new(),
            monitors: HashMap::new(),
            downtimes: Downtimes::default(),
            recurring: Vec::new(),
            comments: Comments::default(),
            expiring: BTreeSet::new(),
            no_note: Note::default(),
            nothing,
            recurring_left_out: 0,
            comments_left_out: 0,
        };
        machine.reload(definitions)?;
        Ok(machine)
    }

    /// A check, else a host, else the only instance of a monitor.
    pub fn object(&self, name: &str) -> Option<ObjectId> {
        self.check(name).or_else(|| self.host(name)).or_else(|| self.instance(name, ""))
    }

    pub fn check(&self, name: &str) -> Option<ObjectId> {
        self.checks.get(name).copied()
    }

    pub fn host(&self, name: &str) -> Option<ObjectId> {
        self.hosts.get(name).copied()
    }

    pub fn instance(&self, monitor: &str, instance: &str) -> Option<ObjectId> {
        self.monitors.get(monitor)?.instances.get(instance).copied()
    }

    pub fn named(&self, name: &ObjectName) -> Option<ObjectId> {
        match name {
            ObjectName::Check(name) => self.check(name),
            ObjectName::Host(name) => self.host(name),
            ObjectName::Instance(monitor, instance) => self.instance(monitor, instance),
        }
    }

    pub fn name(&self, id: ObjectId) -> ObjectName {
        let object = self.of(id);
        match object.knobs.kind {
            Kind::Check => ObjectName::Check(self.plain_name(id).to_owned()),
            Kind::Host => ObjectName::Host(self.plain_name(id).to_owned()),
            Kind::Instance => {
                ObjectName::Instance(object.id.monitor.to_string(), object.id.instance.to_string())
            }
        }
    }

    /// As it is named where changes and notices tell of it.
    pub fn instance_id(&self, id: ObjectId) -> &InstanceId {
        &self.of(id).id
    }

    pub fn kind(&self, id: ObjectId) -> Kind {
        self.of(id).knobs.kind
    }

    /// All of them: hosts, checks, instances, in no order that means anything.
    pub fn ids(&self) -> impl Iterator<Item = ObjectId> + '_ {
        let objects = self.objects.iter().enumerate();
        objects.filter(|(_, object)| !object.gone).map(|(index, _)| ObjectId(index as u32))
    }

    /// What a monitor watches one of; of a check: its parts.
    pub fn instances_of(&self, monitor: &str) -> impl Iterator<Item = ObjectId> + '_ {
        self.monitors.get(monitor).into_iter().flat_map(|monitor| monitor.instances.values().copied())
    }

    /// A part of a check, not an instance of a monitor.
    pub fn is_part(&self, id: &InstanceId) -> bool {
        let monitor = (!id.instance.is_empty()).then(|| self.monitors.get(&id.monitor)).flatten();
        monitor.is_some_and(|monitor| monitor.knobs.part_of.is_some())
    }

    /// The checks that are on a host.
    pub fn checks_on(&self, host: ObjectId) -> &[ObjectId] {
        &self.of(host).knobs.checks
    }

    pub fn host_of(&self, check: ObjectId) -> Option<ObjectId> {
        self.of(check).knobs.host
    }

    pub fn parents_of(&self, host: ObjectId) -> &[ObjectId] {
        &self.of(host).knobs.parents
    }

    /// Downtimes begin and end, acknowledgements expire. Nothing else happens by time alone.
    pub fn tick(&mut self, now: Timestamp, out: &mut Happenings) {
        self.run_downtimes(now.0, out);
        self.expire_acknowledgements(now.0, out);
    }

    /// When [`Machine::tick`] has something to do.
    pub fn next_due(&self) -> Option<Timestamp> {
        let expiry = self.expiring.first().map(|(at, _)| *at);
        self.downtimes.next_due().into_iter().chain(expiry).min().map(Timestamp)
    }

    /// Contacts that were told of the problem and have not heard of its end, though it is over or going on.
    pub fn outstanding(&self, id: ObjectId) -> Vec<Arc<str>> {
        self.of(id).live.told.iter().map(|contact| self.contact(*contact).name.clone()).collect()
    }

    /// The check's own list will yet tell of the end: the state is good, and something keeps the notice back.
    pub fn recovery_is_due(&self, id: ObjectId) -> bool {
        let live = &self.of(id).live;
        !live.is_bad() && live.notified_on != knobs::Options::NONE
    }

    /// Of a part it is its check's. Of an alert of others that counts only if the alert was as it is when it was said.
    pub fn acknowledgement(&self, id: ObjectId) -> Option<&Acknowledgement> {
        let object = self.of(id);
        let said = self.of(object.knobs.part_of.unwrap_or(id)).live.acknowledgement.as_deref();
        said.filter(|said| !object.knobs.alert || object.live.last_state_change <= said.at)
    }

    /// Whether that end can ever be told to this contact: it knows of the problem, is still named, and wants recoveries.
    pub fn will_tell_end(&self, id: ObjectId, contact: &str) -> bool {
        let object = self.of(id);
        let options = |contact: &Contact| match object.knobs.kind {
            Kind::Host => contact.host_options,
            Kind::Check | Kind::Instance => contact.check_options,
        };
        let escalated = object.knobs.escalations.iter().flat_map(|escalation| &escalation.contacts);
        let mut named = object.knobs.contacts.iter().chain(escalated);
        let is_named = |id: &ContactId| {
            let known = self.contact(*id);
            &*known.name == contact && known.enabled && options(known).has(knobs::Options::RECOVERY)
        };
        self.recovery_is_due(id)
            && object.live.told.iter().any(|told| &*self.contact(*told).name == contact)
            && named.any(is_named)
    }

    pub fn downtimes(&self) -> impl Iterator<Item = &Downtime> {
        self.downtimes.by_id.values()
    }

    pub fn downtimes_of(&self, id: ObjectId) -> impl Iterator<Item = &Downtime> {
        self.downtimes.of(id)
    }

    pub fn comments(&self) -> impl Iterator<Item = &Comment> {
        self.comments.by_id.values()
    }

    pub fn left_out(&self) -> LeftOut {
        LeftOut { recurring_downtimes: self.recurring_left_out, comments: self.comments_left_out }
    }

    fn of(&self, id: ObjectId) -> &Object {
        &self.objects[id.0 as usize]
    }

    fn live(&mut self, id: ObjectId) -> &mut Live {
        &mut self.objects[id.0 as usize].live
    }

    fn contact(&self, id: ContactId) -> &Contact {
        &self.shared.contacts[id.0 as usize]
    }

    fn contact_named(&self, name: &str) -> Option<ContactId> {
        let index = self.shared.contacts.iter().position(|contact| *contact.name == *name)?;
        Some(ContactId(index as u32))
    }

    /// Of an instance: the monitor's.
    pub fn name_of(&self, id: ObjectId) -> &str {
        self.plain_name(id)
    }

    fn plain_name(&self, id: ObjectId) -> &str {
        let object = self.of(id);
        match object.knobs.kind {
            Kind::Host => &object.id.monitor[HOST_PREFIX.len()..],
            Kind::Check | Kind::Instance => &object.id.monitor,
        }
    }
}
