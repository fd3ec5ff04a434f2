//! What incidents know of what is watched and of contacts. The binary makes it from the definitions, at the start and
//! at each reload.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::tz::TimeZone;
use vocabulary::Timestamp;
use vocabulary::ports::Scope;
use vocabulary::reach::ReachRule;
use vocabulary::state::State;

use crate::config::{Environments, IncidentsConfig};
use crate::incident::Key;
use crate::limits::LONGEST_LATE_SECONDS;
use crate::oncall::policy::Target;
use crate::oncall::{PolicyConfig, ScheduleConfig};
pub use crate::owning::Owning;
use crate::page::PageKind;

/// Where somebody is reached other than by mail, by what the way is called: `phone`, `telegram`, `pushover` and so on.
pub type Ways = BTreeMap<String, String>;

/// Sends nothing; what it gets is only listed.
pub const LOG_CHANNEL: &str = "log";
/// Before the name of a part of ours that is in trouble. Nobody defines them.
pub const OWN_PREFIX: &str = "self:";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Rule with instances: the incident pages, once for all of them.
    #[default]
    Monitor,
    /// Its own notices page, as Nagios's do; the incident tells those whom they leave out.
    Check,
    Host,
    /// Rule on error groups: as a monitor, and each group is a reason of its own.
    Errors,
    /// What others send to a passive check: as a monitor, and each part is a reason of its own.
    Alerts,
}

impl Kind {
    /// It has no rules of telling of its own.
    pub(crate) fn is_told_by_incident(self) -> bool {
        matches!(self, Kind::Monitor | Kind::Errors | Kind::Alerts)
    }
}

/// A monitor, a check or a host.
#[derive(Clone, Debug, Default)]
pub struct Subject {
    pub kind: Kind,
    /// Of a check.
    pub host: Option<Arc<str>>,
    /// What it cannot do without, as (is it a host, name): parents, masters of dependencies.
    pub needs: Vec<(bool, Arc<str>)>,
    /// The services that it watches.
    pub services: Vec<Arc<str>>,
    pub contacts: Vec<Arc<str>>,
    pub playbook: Option<String>,
    /// Of a service that it watches, for what has none itself.
    pub playbook_of_service: Option<String>,
    pub description: Option<String>,
    /// The conditions as written, such as `> 300`.
    pub warning: Option<String>,
    pub critical: Option<String>,
    pub shadow: bool,
    pub escalation_policy: Option<Arc<str>>,
    /// Who looks after it.
    pub owner: Option<Arc<str>>,
}

#[derive(Clone, Debug, Default)]
pub struct Contact {
    pub channels: Vec<Arc<str>>,
    pub email: Option<String>,
    pub ways: Ways,
    /// Of Nagios's letters (`w u c r`, `d u r`); none: all.
    pub check_options: Option<Vec<String>>,
    pub host_options: Option<Vec<String>>,
    pub disabled: bool,
    /// Where this person lives, as the files say.
    pub time_zone: Option<String>,
    /// By which channel first, by which when there is no answer. None: by all at once, unless the person has made some.
    pub rules: Vec<ReachRule>,
    /// A person of accounts, and not of the files.
    pub of_account: bool,
    /// What the account of this name sees; everything if there is none.
    pub scope: Scope,
}

/// What the state database did not tell when the book was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    pub people: bool,
    pub teams: bool,
}

impl Contact {
    /// Does this contact want to hear of a problem of this state?
    pub fn wants(&self, state: State) -> bool {
        let (options, letter) = match state {
            State::Ok | State::Up => return !self.disabled,
            State::Warning => (&self.check_options, "w"),
            State::Critical => (&self.check_options, "c"),
            State::Unknown => (&self.check_options, "u"),
            State::Down => (&self.host_options, "d"),
            State::Unreachable => (&self.host_options, "u"),
        };
        !self.disabled && options.as_ref().is_none_or(|options| options.iter().any(|option| option == letter))
    }
}

/// Is this contact to be told now, of a host or of anything else? By the contact's own periods.
pub type Periods = Arc<dyn Fn(&str, bool, Timestamp) -> bool + Send + Sync>;

/// When that is next, from this moment on. None: not in a year.
pub type NextTimes = Arc<dyn Fn(&str, bool, Timestamp) -> Option<Timestamp> + Send + Sync>;

/// Is it within the time period of this name? None: there is no such period.
pub type NamedPeriods = Arc<dyn Fn(&str, Timestamp) -> Option<bool> + Send + Sync>;

#[derive(Clone, Default)]
pub struct Book {
    /// Rules that do not fit to what they name: nobody watches them now, and they are not gone.
    pub left_out: BTreeSet<Arc<str>>,
    /// By whether it is a host, and name: a host may be called as a check is.
    pub subjects: HashMap<(bool, Arc<str>), Subject>,
    /// Of passive checks what holds for each of the alerts that are sent to them; the check itself is among `subjects`.
    pub alerts: HashMap<Arc<str>, Subject>,
    pub contacts: HashMap<Arc<str>, Contact>,
    /// Who is in which team, by names of contacts; members need not be any.
    pub teams: HashMap<Arc<str>, Vec<Arc<str>>>,
    /// What is whose, by the names of teams.
    pub owning: Vec<Owning>,
    pub config: IncidentsConfig,
    pub environments: Environments,
    /// Those that there are. None: that is others' to know.
    pub channels: Option<BTreeSet<Arc<str>>>,
    /// Channels whose provider keeps a state of each incident: they hear who has it, so that it stops calling others.
    pub followers: BTreeSet<Arc<str>>,
    /// Channels that may be empty at night: who is told there alone is not reached.
    pub rooms: BTreeSet<Arc<str>>,
    /// Channels that ring for trouble only, if at all: mail, chats.
    pub quiet: BTreeSet<Arc<str>>,
    /// Channels that call for trouble and say nothing else: telephones.
    pub calls: BTreeSet<Arc<str>>,
    /// Channels that send mail.
    pub mail: BTreeSet<Arc<str>>,
    /// What of the contact a channel goes by, such as `email` or `phone`, of which one is enough; a channel that goes elsewhere is
    /// not here.
    pub needs: BTreeMap<Arc<str>, Vec<&'static str>>,
    /// The services that a service cannot do without.
    pub service_needs: HashMap<Arc<str>, Vec<Arc<str>>>,
    /// None: everybody at any time.
    pub periods: Option<Periods>,
    pub named_periods: Option<NamedPeriods>,
    /// None: everybody's begins soon enough.
    pub next_times: Option<NextTimes>,
    /// Of files, each with its `file:line`.
    pub schedules: Vec<(ScheduleConfig, String)>,
    pub policies: Vec<(PolicyConfig, String)>,
    /// Of schedules that name none. None: UTC.
    pub zone: Option<TimeZone>,
    pub unread: Unread,
}

impl Book {
    /// People and teams that could not be read are as they were last: nobody is out of reach because a disk stumbled.
    pub(crate) fn keep_unread(&mut self, last: &Book) {
        if self.unread.people {
            for (name, contact) in last.contacts.iter().filter(|(_, contact)| contact.of_account) {
                self.contacts.entry(name.clone()).or_insert_with(|| contact.clone());
            }
            if self.config.contacts.is_empty() && self.config.escalation_policy.is_none() {
                let of_account = |name: &&String| {
                    last.contacts.get(name.as_str()).is_some_and(|contact| contact.of_account)
                };
                self.config.contacts = last.config.contacts.iter().filter(of_account).cloned().collect();
            }
        }
        if self.unread.teams {
            for (name, members) in &last.teams {
                self.teams.entry(name.clone()).or_insert_with(|| members.clone());
            }
            self.owning.clone_from(&last.owning);
        }
    }

    pub fn subject(&self, host: bool, name: &str) -> Option<&Subject> {
        self.subjects.get(&(host, Arc::from(name)))
    }

    /// What holds for this one: of a part that somebody else's alert has made not all that holds for its check.
    pub fn about(&self, key: &Key) -> Option<&Subject> {
        let alert = self.alerts.get(&key.monitor).filter(|_| !key.host && !key.instance.is_empty());
        alert.or_else(|| self.subject(key.host, &key.monitor))
    }

    /// Is it this contact's time? Somebody who is not defined any more has no other.
    pub fn is_time(&self, contact: &str, host: bool, now: Timestamp) -> bool {
        !self.contacts.contains_key(contact)
            || self.periods.as_ref().is_none_or(|periods| periods(contact, host, now))
    }

    /// Is it not this contact's time for longer than anybody would wait? Who is told then is as good as told by nobody.
    pub(crate) fn is_never(&self, contact: &str, host: bool, now: Timestamp) -> bool {
        let soon = |next: Option<Timestamp>| next.is_some_and(|next| next.since(now) <= LONGEST_LATE_SECONDS);
        let is_late = || self.next_times.as_ref().is_some_and(|next| !soon(next(contact, host, now)));
        !self.is_time(contact, host, now) && is_late()
    }

    /// Of these somebody is reached by something, at some time.
    pub(crate) fn has_somebody(&self, names: &[Arc<str>], host: bool, now: Timestamp) -> bool {
        let is_somebody = |name: &Arc<str>| {
            let known = self.contacts.get(name).is_some_and(|contact| !contact.channels.is_empty());
            known && !self.is_never(name, host, now)
        };
        names.iter().any(is_somebody)
    }

    /// In the place of one whom this names and nobody knows.
    pub(crate) fn who_instead(&self, subject: &Subject) -> &'static str {
        let is_known =
            |name: &Arc<str>| self.contacts.get(name).is_some_and(|contact| !contact.channels.is_empty());
        match subject.contacts.iter().any(is_known) {
            true => "nobody is told in their place",
            false => "[incidents] contacts are told in their place",
        }
    }

    /// Is there such a one? Schedules are others' to know.
    pub(crate) fn knows(&self, target: &Target) -> bool {
        match target {
            Target::Person(name) => self.contacts.contains_key(name),
            Target::Team(name) => self.teams.contains_key(name),
            Target::Channel(name) => self.has_channel(name),
            Target::Schedule(_) => true,
        }
    }

    pub(crate) fn has_channel(&self, name: &str) -> bool {
        name == LOG_CHANNEL || self.channels.as_ref().is_none_or(|all| all.contains(name))
    }

    /// None: there is no period of this name.
    pub fn is_in_period(&self, name: &str, now: Timestamp) -> Option<bool> {
        self.named_periods.as_ref().and_then(|periods| periods(name, now))
    }

    /// Has this channel a word for such a page? Telephones have for trouble only.
    pub(crate) fn says(&self, channel: &Arc<str>, kind: PageKind) -> bool {
        kind.is_problem() || !self.calls.contains(channel)
    }

    /// Has this contact an address for this channel, as far as it needs one?
    pub fn leads_to(&self, contact: &Contact, channel: &Arc<str>) -> bool {
        let has = |way: &&str| match *way {
            "email" => contact.email.is_some(),
            way => contact.ways.contains_key(way),
        };
        self.needs.get(channel).is_none_or(|ways| ways.iter().any(has))
    }

    /// The contacts who use this channel.
    pub fn users_of(&self, channel: &str) -> Vec<Arc<str>> {
        let uses = |contact: &Contact| contact.channels.iter().any(|name| &**name == channel);
        let mut names: Vec<_> =
            self.contacts.iter().filter(|(_, contact)| uses(contact)).map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }
}
