//! What of an object changes with results and commands.

use std::sync::Arc;

use vocabulary::state::{OfSender, State, StateType, Withheld};

use super::flapping::History;
use super::knobs::{ContactId, Options};

/// Somebody has seen the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// Ends with the problem only; else it ends with any change of state.
    pub sticky: bool,
    pub author: Arc<str>,
    pub comment: Arc<str>,
    pub at: i64,
    /// Ends by itself then; Nagios has no such thing.
    pub expires: Option<i64>,
    pub persistent: bool,
}

/// What a command switched; nothing: as configured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Switches {
    pub notifications: Option<bool>,
    pub active_checks: Option<bool>,
    pub passive_results: Option<bool>,
    pub flap_detection: Option<bool>,
    pub event_handler: Option<bool>,
}

/// Times are seconds since 1970; 0 is never, as in Nagios.
#[derive(Clone, Debug)]
pub(super) struct Live {
    pub state: State,
    pub state_type: StateType,
    pub attempt: u32,
    /// There was a result.
    pub checked: bool,
    pub last_hard_state: State,
    pub last_check: i64,
    /// When the last result came in, by our clock.
    pub last_result: i64,
    pub last_state_change: i64,
    pub last_hard_state_change: i64,
    /// When it was first seen bad of what is bad now, confirmed or not; 0 while it is good.
    pub bad_since: i64,
    /// The next look is after the retry interval.
    pub retry_next: bool,
    /// The last result was passive: the host's reachability is judged by that.
    pub last_was_active: bool,

    pub last_notification: i64,
    pub next_notification: i64,
    pub no_more_notifications: bool,
    pub number: u32,
    /// States of this problem that somebody was told of.
    pub notified_on: Options,
    /// Contacts that were told of the problem and not yet of its end.
    pub told: Vec<ContactId>,
    pub acknowledgement: Option<Box<Acknowledgement>>,
    pub host_problem_at_last_check: bool,

    pub history: History,
    pub flapping: bool,
    pub tell_recovery_after_flapping: bool,

    /// Why nobody would be told, when it was last looked at.
    pub withheld: Option<Withheld>,
    pub downtime_depth: u32,
    pub pending_flexible: u32,
    pub switches: Switches,

    pub output: Arc<str>,
    pub long_output: Arc<str>,
    pub perfdata: Arc<str>,
    pub value: Option<f64>,
    pub seconds: f64,
    /// Of an alert of others. Whoever is told of it keeps it: after a start nobody has to know it here.
    pub of_sender: Option<Arc<OfSender>>,
}

impl Live {
    pub fn new(good: State, nothing: &Arc<str>) -> Live {
        Live {
            state: good,
            state_type: StateType::Hard,
            attempt: 1,
            checked: false,
            last_hard_state: good,
            last_check: 0,
            last_result: 0,
            last_state_change: 0,
            last_hard_state_change: 0,
            bad_since: 0,
            retry_next: false,
            last_was_active: true,
            last_notification: 0,
            next_notification: 0,
            no_more_notifications: false,
            number: 0,
            notified_on: Options::NONE,
            told: Vec::new(),
            acknowledgement: None,
            host_problem_at_last_check: false,
            history: History::default(),
            flapping: false,
            tell_recovery_after_flapping: false,
            withheld: None,
            downtime_depth: 0,
            pending_flexible: 0,
            switches: Switches::default(),
            output: nothing.clone(),
            long_output: nothing.clone(),
            perfdata: nothing.clone(),
            value: None,
            seconds: 0.0,
            of_sender: None,
        }
    }

    pub fn is_bad(&self) -> bool {
        self.state.is_problem()
    }

    pub fn soft(&self) -> bool {
        self.state_type == StateType::Soft
    }

    pub fn hard(&self) -> bool {
        self.state_type == StateType::Hard
    }
}

/// Texts are kept as they are where they did not change, so that most results allocate nothing.
pub(super) fn keep_text(kept: &mut Arc<str>, new: &str) {
    if **kept != *new {
        *kept = Arc::from(new);
    }
}
