//! An incident, the troubles in it, and its timeline.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use vocabulary::Timestamp;
use vocabulary::state::{InstanceId, State};

use crate::learning::Helped;
use crate::limits::{MAX_COUNTED_PARTS, PARTS_IN_TITLE};
use crate::oncall::{Escalation, Reaching};
use crate::page::PageKind;
use crate::playbooks::Tick;
pub use crate::trouble::Trouble;
use crate::untold::Unheard;

pub type IncidentId = i64;

/// What changes and notices of a host have before its name.
const HOST_PREFIX: &str = "host:";

/// What something that is watched is called here. A host may be called as a check is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub host: bool,
    pub monitor: Arc<str>,
    pub instance: Arc<str>,
}

impl Key {
    pub fn of(id: &InstanceId) -> Key {
        match id.monitor.strip_prefix(HOST_PREFIX) {
            Some(host) => Key { host: true, monitor: host.into(), instance: id.instance.clone() },
            None => Key { host: false, monitor: id.monitor.clone(), instance: id.instance.clone() },
        }
    }

    /// Differs from that of everything else, which the words for people need not.
    pub fn mark(&self) -> String {
        let prefix = if self.host { HOST_PREFIX } else { "" };
        format!("{prefix}{}\n{}", self.monitor, self.instance)
    }

    /// As those call it who watch.
    pub fn id(&self) -> InstanceId {
        let monitor = match self.host {
            true => format!("{HOST_PREFIX}{}", self.monitor).into(),
            false => self.monitor.clone(),
        };
        InstanceId { monitor, instance: self.instance.clone() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.instance.is_empty() {
            true => f.write_str(&self.monitor),
            false => write!(f, "{}: {}", self.monitor, self.instance),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    Open,
    Acknowledged,
    Resolved,
}

impl Phase {
    pub fn word(self) -> &'static str {
        match self {
            Phase::Open => "open",
            Phase::Acknowledged => "acknowledged",
            Phase::Resolved => "resolved",
        }
    }
}

/// What one contact has heard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The instances of which a check's own notice told; none: the incident's page did.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub by_notices_of: BTreeSet<String>,
    /// By which channels the problem went.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub channels: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_end: bool,
    /// Instances of which a notice was due and a silence kept it back.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub owed: BTreeSet<String>,
    /// Where mail went, should the contact not be defined any more when it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "crate::book::Ways::is_empty")]
    pub ways: crate::book::Ways,
    /// To be told when the contact's own period begins, if it is still bad.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
    /// … since the contact sleeps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<Held>,
    /// How far the contact's own rule has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Reaching>,
    /// How bad it was when it was told. Versions before wrote none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<State>,
    /// It was told in the contact's night, which is over then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub woken_until: Option<i64>,
    /// The last word of trouble was given up by all the ways that it went.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lost: bool,
    /// The end was given up by all the ways that it went.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub missed_end: bool,
    /// Some word of trouble was delivered by a way with a person at its end.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reached: bool,
    /// Some word of trouble went by a way with a person at its end, as it was defined then. Versions before wrote nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_person: Option<bool>,
    /// When the last word of trouble went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
}

/// Until when somebody is not told, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub until: i64,
    pub why: String,
}

impl Told {
    pub fn knows(&self) -> bool {
        !self.channels.is_empty() || !self.by_notices_of.is_empty()
    }

    /// Knows of a beginning, and of no end.
    pub fn waits(&self) -> bool {
        self.knows() && !self.of_end
    }

    /// A word of trouble goes to the contact; what came of those of another time says nothing of it.
    pub(crate) fn begin_word(&mut self, anew_at: Option<i64>, now: Timestamp) {
        if !self.waits() || (self.lost && !self.reached) {
            // What was lost went to no person, whatever it went by.
            (self.reached, self.in_person) = (false, None);
        }
        self.reached &= self.is_since(anew_at);
        (self.lost, self.missed_end, self.at) = (false, false, Some(now.0));
    }

    /// The last word went then or later. Versions before wrote nothing of it.
    pub(crate) fn is_since(&self, anew_at: Option<i64>) -> bool {
        anew_at.is_none_or(|anew_at| self.at.is_some_and(|at| at >= anew_at))
    }

    /// It is so bad: what was delivered when it was less bad says nothing of that.
    pub(crate) fn hears_of(&mut self, known: Option<State>, now: impl Iterator<Item = State>) {
        let worst = known.into_iter().chain(now).max_by_key(|state| state.badness());
        let is_worse = |known: State| worst.is_some_and(|worst| worst.badness() > known.badness());
        self.reached &= !known.is_some_and(is_worse);
        self.severity = worst;
    }

    /// It goes by these.
    pub(crate) fn goes_by(&mut self, channels: &[Arc<str>], in_person: bool) {
        self.channels.extend(channels.iter().map(ToString::to_string));
        self.in_person = Some(in_person || self.in_person == Some(true));
    }
}

/// What people did, or what the incident went through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub at: Timestamp,
    /// `opened`, `worse`, `better`, `instance`, `notice`, `page`, `acknowledged`, `unacknowledged`, `note`, `snoozed`,
    /// `resolved`, `reopened`, `taken`, `handed_over`, `escalated`, `severity`, `merged`, `split`, `declared`,
    /// `helped`, `ticked`, `unticked`.
    pub kind: &'static str,
    /// A person, a contact, or empty.
    pub who: String,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    pub id: IncidentId,
    /// Such as `monitor:api-latency`. Of those that are open there is one for each reason.
    pub reason: String,
    pub title: String,
    pub opened: Timestamp,
    pub closed: Option<Timestamp>,
    pub phase: Phase,
    pub detail: Detail,
    /// Those in memory: all, until it is closed.
    pub troubles: BTreeMap<Key, Trouble>,
}

/// What is kept as one text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detail {
    /// The worst that any instance is now.
    pub severity: State,
    /// The worst that there was.
    pub worst: State,
    /// Told at this severity or below it; what is worse is told again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paged_at: Option<State>,
    pub told: BTreeMap<String, Told>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<Acknowledged>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snoozed_until: Option<i64>,
    /// Nobody did anything: it went away by itself.
    #[serde(default)]
    pub self_healed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_by: Option<String>,
    /// Instances that are bad now.
    #[serde(default)]
    pub bad: usize,
    /// How often an instance went bad.
    pub breaches: u64,
    /// Entries that the timeline had no room for.
    #[serde(default)]
    pub unlisted: u64,
    pub entries: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<String>,
    /// Steps of the playbook that are done, by their words.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub ticks: BTreeMap<String, Tick>,
    pub production: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Closed, and somebody is still to be told so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ending: bool,
    /// Some of it ended because it is not defined any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unwatched: bool,
    /// Since when nothing keeps the end from being told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_since: Option<i64>,
    /// Who has it, if that is somebody else than who acknowledged it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// When somebody first said that they have it; it stays when it opens again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_acknowledged: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<ByHand>,
    /// Further reasons that it stands for: those of incidents that were merged into it, or belong to the same cause.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub also: BTreeSet<String>,
    /// Its members are in this one now; whoever was told of it hears of the end when that one ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<IncidentId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared_by: Option<String>,
    /// Who asked for it, if that is somebody else than who is said to have declared it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked_by: Option<String>,
    /// How often it was bad again soon after its end, or opened again by hand.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reopened: u32,
    /// How far its policy has come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<Escalation>,
    /// Acknowledgements of before have run out: nobody answered in time, or it opened again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ran_out_at: Option<i64>,
    /// Nobody had it any more then, or a snooze was over: who has heard of it before need not look any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anew_at: Option<i64>,
    /// It was handed over in vain, and nobody has been told that since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_back: Option<TakenBack>,
    /// When its checks were acknowledged, and some are not any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts_opened_at: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub helped: Option<Helped>,
    /// Members of other reasons than its own.
    #[serde(default)]
    pub grouped: usize,
    /// Who has it, since when, and knows that there is more of it since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_told: Option<(String, i64)>,
    /// What was in it by then is in what people were told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heard_until: Option<i64>,
    /// Since when something is bad in it that nobody has heard of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_since: Option<i64>,
    /// When somebody was told last that there is more of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more_at: Option<i64>,
    /// When the first in it went bad, if whoever looked says that it was before it opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub began: Option<i64>,
    /// When the last in it was well, if whoever looked says that it was before it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<i64>,
    /// It was told, and nobody has heard of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unheard: Option<Unheard>,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    pub name: String,
    pub since: i64,
    /// Somebody gave it to them, and nobody is known to have heard of that, neither they nor who stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given: Option<Given>,
}

/// A handing over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    pub by: String,
    /// The first page that says so.
    pub page: i64,
}

/// Whoever was to have it is not reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenBack {
    pub from: String,
    /// Who handed it over, and takes it to be in good hands.
    pub by: String,
}

/// Somebody has said how bad it is. It holds until it is worse than anything that it was by then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ByHand {
    pub severity: State,
    pub who: String,
    /// The worst that was measured by then.
    pub worst: State,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acknowledged {
    pub by: String,
    pub at: i64,
    #[serde(default)]
    pub comment: String,
    /// All that was bad was acknowledged, each by itself; it holds as long as they are.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub of_parts: bool,
}

impl Incident {
    pub fn bad(&self) -> impl Iterator<Item = (&Key, &Trouble)> {
        self.troubles.iter().filter(|(_, trouble)| !trouble.is_over())
    }

    pub fn is_of_host(&self) -> bool {
        self.reason.starts_with(HOST_PREFIX)
    }

    /// A check's name says less than which of its sub-checks were bad: `shop: cache, db and 2 more`.
    pub fn title_with_parts(&self, check: &str) -> String {
        let itself = Key { host: false, monitor: Arc::from(check), instance: Arc::from("") };
        let of_check =
            self.troubles.range(itself..).map(|(key, _)| key).take_while(|key| *key.monitor == *check);
        let mut parts = of_check.map(|key| &*key.instance).filter(|part| !part.is_empty());
        let named: Vec<&str> = parts.by_ref().take(PARTS_IN_TITLE).collect();
        let more = match parts.take(MAX_COUNTED_PARTS + 1).count() {
            0 => String::new(),
            more if more > MAX_COUNTED_PARTS => format!(" and more than {MAX_COUNTED_PARTS} more"),
            more => format!(" and {more} more"),
        };
        format!("{check}: {}{more}", named.join(", "))
    }

    /// Since when something is, or was, bad.
    pub fn since(&self) -> i64 {
        self.detail.began.map_or(self.opened.0, |began| began.min(self.opened.0))
    }

    /// When all of it was well, or somebody said that it is enough.
    pub fn ended(&self) -> Option<i64> {
        let closed = self.closed?.0;
        Some(self.detail.ended.map_or(closed, |ended| ended.clamp(self.since().min(closed), closed)))
    }

    pub(crate) fn note_began(&mut self, trouble: &Trouble) {
        let before = trouble.began().min(self.since());
        if before < self.opened.0 {
            self.detail.began = Some(before);
        }
    }

    pub fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// It is well again, or somebody said that it is enough.
    pub fn kind_of_end(&self) -> PageKind {
        match self.detail.resolved_by.is_some() || self.detail.unwatched {
            true => PageKind::Resolved,
            false => PageKind::Recovery,
        }
    }

    /// The worst that is now, told or not, or what somebody has said.
    pub fn severity_now(&self) -> State {
        match self.measured() {
            Some(measured) => self.said(measured),
            None if self.is_of_host() => State::Up,
            None => State::Ok,
        }
    }

    /// The worst that is now, whatever anybody says.
    pub fn measured(&self) -> Option<State> {
        self.bad().map(|(_, trouble)| trouble.state).max_by_key(|state| state.badness())
    }

    /// What somebody has said counts before what is measured.
    pub fn said(&self, measured: State) -> State {
        self.detail.by_hand.as_ref().map_or(measured, |said| said.severity)
    }

    /// Who has it, and since when.
    pub fn owner(&self) -> Option<(&str, i64)> {
        let named = self.detail.owner.as_ref().map(|owner| (owner.name.as_str(), owner.since));
        named.or_else(|| self.detail.acknowledged.as_ref().map(|by| (by.by.as_str(), by.at)))
    }

    /// When it became nobody's, though somebody had it.
    pub fn nobodys_since(&self) -> Option<i64> {
        let since = self.detail.ran_out_at.max(self.detail.parts_opened_at);
        since.filter(|_| self.phase == Phase::Open)
    }

    /// All reasons that it stands for.
    pub fn reasons(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.reason).chain(&self.detail.also)
    }

    /// Over, and everybody knows: kept in mind for a while, should it come back.
    pub fn rests(&self) -> bool {
        self.is_closed() && !self.detail.ending
    }

    /// What may be told of it, the worst first.
    pub fn tellable(&self) -> Option<(&Key, &Trouble)> {
        let tellable = self.bad().filter(|(_, trouble)| trouble.withheld.is_none());
        tellable.max_by_key(|(key, trouble)| (trouble.state.badness(), key.host, std::cmp::Reverse(*key)))
    }
}
