//! What is fixed between two reloads: the knobs of each object with Nagios's defaults and inheritance worked in,
//! and names turned into ids.

use std::sync::Arc;

use vocabulary::state::State;

use super::ObjectId;
use super::period::Period;

/// An index into the contacts of the estate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct ContactId(pub u32);

/// An index into the time periods of the estate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PeriodId(pub u32);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Check,
    Host,
    /// Of a metric monitor or a heartbeat.
    Instance,
}

/// A set of states, and of the other letters of Nagios's options.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options(u16);

impl Options {
    pub const NONE: Options = Options(0);
    pub const ALL: Options = Options(u16::MAX);
    /// Nagios has one bit for `r` and `o`.
    pub const RECOVERY: Options = Options(1);
    pub const FLAPPING: Options = Options(1 << 8);
    pub const DOWNTIME: Options = Options(1 << 9);

    pub fn of(state: State) -> Options {
        Options(match state {
            State::Ok | State::Up => 1,
            State::Warning | State::Down => 1 << 1,
            State::Critical | State::Unreachable => 1 << 2,
            State::Unknown => 1 << 3,
        })
    }

    pub fn has(self, other: Options) -> bool {
        self.0 & other.0 != 0
    }

    pub fn with(self, other: Options) -> Options {
        Options(self.0 | other.0)
    }

    pub fn bits(self) -> u16 {
        self.0
    }

    pub fn from_bits(bits: u16) -> Options {
        Options(bits)
    }

    /// Letters as Nagios writes them; what is none was told with the definitions.
    pub fn read(kind: Kind, letters: &[String]) -> Options {
        letters.iter().fold(Options::NONE, |options, letter| {
            options.with(match (kind, letter.as_str()) {
                (_, "r" | "o") => Options::RECOVERY,
                (_, "f") => Options::FLAPPING,
                (_, "s") => Options::DOWNTIME,
                (Kind::Host, "d") => Options::of(State::Down),
                (Kind::Host, "u") => Options::of(State::Unreachable),
                (Kind::Check | Kind::Instance, "w") => Options::of(State::Warning),
                (Kind::Check | Kind::Instance, "c") => Options::of(State::Critical),
                (Kind::Check | Kind::Instance, "u") => Options::of(State::Unknown),
                // `n` is none. `p` of a dependency is for a master that was never looked at; Nagios knows the
                // letter, and never looks at it: such a master counts as good.
                _ => Options::NONE,
            })
        })
    }
}

/// A contact with its own filters.
#[derive(Debug)]
pub(super) struct Contact {
    pub name: Arc<str>,
    pub enabled: bool,
    pub check_options: Options,
    pub host_options: Options,
    pub check_period: Option<PeriodId>,
    pub host_period: Option<PeriodId>,
}

/// While it applies its contacts stand in the place of the object's own.
#[derive(Debug)]
pub(super) struct Escalation {
    pub first: u32,
    /// 0: no end.
    pub last: u32,
    pub interval: i64,
    pub contacts: Vec<ContactId>,
    pub options: Options,
    pub period: Option<PeriodId>,
}

/// On a master: while it is in one of these states, this one's notices are held back, or it is not run.
#[derive(Clone, Debug)]
pub(super) struct Dependency {
    pub master: ObjectId,
    pub fails_in: Options,
    pub inherits_parent: bool,
    pub period: Option<PeriodId>,
}

/// One object's knobs. Instances of one monitor share theirs.
#[derive(Debug)]
pub(super) struct Knobs {
    pub kind: Kind,
    /// Of a sub-check: its check, which holds it back and tells of it.
    pub part_of: Option<ObjectId>,
    /// A sub-check of a passive check: an alert of others, of which each flaps and is acknowledged by itself.
    pub alert: bool,
    /// Of a check: the host that it is on.
    pub host: Option<ObjectId>,
    /// Of a host.
    pub parents: Vec<ObjectId>,
    pub children: Vec<ObjectId>,
    /// On a host.
    pub checks: Vec<ObjectId>,
    pub max_attempts: u32,
    /// Seconds; 0: only on demand.
    pub check_interval: i64,
    pub retry_interval: i64,
    pub check_period: Option<PeriodId>,
    pub volatile: bool,
    pub notifications: bool,
    /// Seconds; 0: once for each state.
    pub notification_interval: i64,
    pub first_delay: i64,
    pub notification_period: Option<PeriodId>,
    pub options: Options,
    pub contacts: Vec<ContactId>,
    pub flap_detection: bool,
    pub flap_low: f64,
    pub flap_high: f64,
    pub flap_options: Options,
    pub event_handler: bool,
    pub shadow: bool,
    /// Of a host: passive results go through SOFT, as active ones do.
    pub passive_soft: bool,
    /// Of a host: parents turn a passive DOWN into UNREACHABLE.
    pub translate_passive: bool,
    pub escalations: Vec<Escalation>,
    pub notify_dependencies: Vec<Dependency>,
    pub run_dependencies: Vec<Dependency>,
}

/// What all objects share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub contacts: Vec<Contact>,
    pub periods: Vec<Period>,
}

impl Shared {
    /// Nothing is kept from being done when there is no period.
    pub fn in_period(&self, period: Option<PeriodId>, now: i64) -> bool {
        period.is_none_or(|id| self.periods[id.0 as usize].contains(now, &self.periods))
    }

    /// The first moment from `from` on that lies in the period; nothing: there is none in a year.
    pub fn next_in_period(&self, period: Option<PeriodId>, from: i64) -> Option<i64> {
        match period {
            None => Some(from),
            Some(id) => self.periods[id.0 as usize].next_valid(from, &self.periods),
        }
    }
}
