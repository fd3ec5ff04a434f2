//! What is said of something that is watched: its state, how it changed, and who is told.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Of a check or a metric: the first four. Of a host: the last three.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum State {
    Ok,
    Warning,
    Critical,
    Unknown,
    Up,
    Down,
    Unreachable,
}

impl State {
    /// What a plugin's exit status means.
    pub fn of_status(status: u8) -> State {
        match status {
            0 => State::Ok,
            1 => State::Warning,
            2 => State::Critical,
            _ => State::Unknown,
        }
    }

    /// The exit status of a plugin that says this.
    pub fn status(self) -> u8 {
        match self {
            State::Ok | State::Up => 0,
            State::Warning => 1,
            State::Critical | State::Down | State::Unreachable => 2,
            State::Unknown => 3,
        }
    }

    pub fn is_problem(self) -> bool {
        !matches!(self, State::Ok | State::Up)
    }

    /// For lists that show the worst first.
    pub fn badness(self) -> u8 {
        match self {
            State::Ok | State::Up => 0,
            State::Warning => 1,
            State::Unknown => 2,
            State::Unreachable => 3,
            State::Critical | State::Down => 4,
        }
    }

    pub fn word(self) -> &'static str {
        match self {
            State::Ok => "OK",
            State::Warning => "WARNING",
            State::Critical => "CRITICAL",
            State::Unknown => "UNKNOWN",
            State::Up => "UP",
            State::Down => "DOWN",
            State::Unreachable => "UNREACHABLE",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// SOFT until enough results have confirmed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum StateType {
    Soft,
    Hard,
}

/// What a monitor watches one of. `instance` is empty where there is only one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InstanceId {
    pub monitor: Arc<str>,
    pub instance: Arc<str>,
}

/// Why nobody is told of a state, though it is as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Withheld {
    Downtime,
    Silence,
    Acknowledged,
    Dependency,
    /// The host is down, or what is before it.
    HostDown,
    Flapping,
    /// Notifications are off for it.
    Off,
    /// Outside of its notification period.
    Period,
    Shadow,
    /// Too early: first_notification_delay.
    Delayed,
}

/// One step of an instance. Every change of state or type is one, whether anybody is told or not.
#[derive(Clone, Debug, PartialEq)]
pub struct StateChange {
    pub id: InstanceId,
    pub at: Timestamp,
    pub from: State,
    pub from_type: StateType,
    pub to: State,
    pub to_type: StateType,
    pub attempt: u32,
    pub value: Option<f64>,
    pub text: Arc<str>,
    pub withheld: Option<Withheld>,
    /// Since when it is so for whoever looked, where that is before `at`, when we were told: bad since its first bad result,
    /// confirmed or not.
    pub since: Option<Timestamp>,
    /// Of an alert of others, or an error.
    pub of_sender: Option<Arc<OfSender>>,
}

impl StateChange {
    /// Since when it is as bad or as well as it says, which is never after we were told.
    pub fn seen_since(&self) -> Timestamp {
        self.since.map_or(self.at, |since| since.min(self.at))
    }
}

/// What whoever sends an alert, or keeps an error, says of it beside how bad it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfSender {
    /// When it began there, which may be before it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The address of what is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook: Option<String>,
    /// The team or person that it is assigned to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assigned: Option<String>,
}

/// What a notice is about; the names are Nagios's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    Problem,
    Recovery,
    Acknowledgement,
    FlappingStart,
    FlappingStop,
    FlappingDisabled,
    DowntimeStart,
    DowntimeEnd,
    DowntimeCancelled,
    Custom,
}

/// A check's own word to one contact: exactly what Nagios would have sent. The contact's channels carry it.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub id: InstanceId,
    pub at: Timestamp,
    pub kind: NoticeKind,
    pub state: State,
    /// The contact's name.
    pub contact: Arc<str>,
    /// How many problem notices there were, with this one.
    pub number: u32,
    pub text: Arc<str>,
    /// Of an acknowledgement, a downtime, or a custom notice.
    pub author: Arc<str>,
    pub comment: Arc<str>,
}
