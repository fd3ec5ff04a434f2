//! What is known of an object now.

use std::sync::Arc;
use std::time::Duration;

use vocabulary::Timestamp;
use vocabulary::state::{InstanceId, State, StateType, Withheld};

use super::knobs::Options;
use super::live::Acknowledgement;
use super::{Kind, Machine, Object, ObjectId};

#[derive(Clone, Debug)]
pub struct Status {
    pub id: InstanceId,
    pub kind: Kind,
    /// Of a check.
    pub host: Option<Arc<str>>,
    /// Nothing: PENDING, there was no result yet.
    pub state: Option<State>,
    pub state_type: StateType,
    pub attempt: u32,
    pub max_attempts: u32,
    pub last_hard_state: State,
    pub flapping: bool,
    /// Of the last 21 states, in per cent.
    pub percent_state_change: f64,
    /// Own downtimes; a host's hold back its checks' notices, but its checks do not show them.
    pub downtime_depth: u32,
    pub acknowledgement: Option<Acknowledgement>,
    pub output: Arc<str>,
    pub long_output: Arc<str>,
    pub perfdata: Arc<str>,
    pub value: Option<f64>,
    /// How long the last look took.
    pub seconds: f64,
    pub last_check: Option<Timestamp>,
    /// When the last result came in: the freshness clock.
    pub last_result: Option<Timestamp>,
    pub last_state_change: Option<Timestamp>,
    pub last_hard_state_change: Option<Timestamp>,
    pub last_notification: Option<Timestamp>,
    pub next_notification: Option<Timestamp>,
    pub notification_number: u32,
    pub notifications_enabled: bool,
    pub active_checks_enabled: bool,
    pub passive_results_enabled: bool,
    pub flap_detection_enabled: bool,
    pub event_handler_enabled: bool,
    /// Why nobody would be told of the state now.
    pub withheld: Option<Withheld>,
    pub shadow: bool,
}

impl Status {
    pub fn in_downtime(&self) -> bool {
        self.downtime_depth > 0
    }

    pub fn acknowledged(&self) -> bool {
        self.acknowledgement.is_some()
    }
}

impl Machine {
    pub fn status(&self, id: ObjectId, now: Timestamp) -> Status {
        let object = self.of(id);
        let (knobs, live) = (&*object.knobs, &object.live);
        let at = |at: i64| (at > 0).then_some(Timestamp(at));
        Status {
            id: object.id.clone(),
            kind: knobs.kind,
            host: knobs.host.map(|host| Arc::from(self.plain_name(host))),
            state: live.checked.then_some(live.state),
            state_type: live.state_type,
            attempt: live.attempt,
            max_attempts: knobs.max_attempts,
            last_hard_state: live.last_hard_state,
            flapping: live.flapping,
            percent_state_change: live.history.percent(),
            downtime_depth: live.downtime_depth,
            acknowledgement: live.acknowledgement.as_deref().cloned(),
            output: live.output.clone(),
            long_output: live.long_output.clone(),
            perfdata: live.perfdata.clone(),
            value: live.value,
            seconds: live.seconds,
            last_check: at(live.last_check),
            last_result: at(live.last_result),
            last_state_change: at(live.last_state_change),
            last_hard_state_change: at(live.last_hard_state_change),
            last_notification: at(live.last_notification),
            next_notification: at(live.next_notification),
            notification_number: live.number,
            notifications_enabled: live.switches.notifications.unwrap_or(knobs.notifications),
            active_checks_enabled: live.switches.active_checks.unwrap_or(true),
            passive_results_enabled: live.switches.passive_results.unwrap_or(true),
            flap_detection_enabled: live.switches.flap_detection.unwrap_or(knobs.flap_detection),
            event_handler_enabled: live.switches.event_handler.unwrap_or(true),
            withheld: self.withheld(id, now.0),
            shadow: knobs.shadow,
        }
    }

    /// What the history keeps of the last result. Asked for each, so it is no more than that.
    pub(crate) fn made_of_it(&self, id: ObjectId) -> Made {
        let live = &self.of(id).live;
        Made {
            last_check: Timestamp(live.last_check),
            state: live.state,
            state_type: live.state_type,
            attempt: live.attempt,
        }
    }

    pub fn last_check(&self, id: ObjectId) -> Option<Timestamp> {
        let at = self.of(id).live.last_check;
        (at > 0).then_some(Timestamp(at))
    }

    /// When the last result came in; 0: none has.
    pub(crate) fn last_result(&self, id: ObjectId) -> Timestamp {
        Timestamp(self.of(id).live.last_result)
    }

    /// Results that are sent are taken.
    pub fn takes_results(&self, id: ObjectId) -> bool {
        self.of(id).live.switches.passive_results.unwrap_or(true)
    }

    pub fn is_bad(&self, id: ObjectId) -> bool {
        self.of(id).live.is_bad()
    }

    /// Why nobody would be told of the state now.
    pub fn why_withheld(&self, id: ObjectId, now: Timestamp) -> Option<Withheld> {
        self.withheld(id, now.0)
    }

    /// Why nobody would be told though whoever acknowledged it has it no more.
    pub fn why_withheld_unless_acknowledged(&self, id: ObjectId, now: Timestamp) -> Option<Withheld> {
        self.withheld_by(id, false, now.0)
    }

    /// The state alone, for whoever only counts; nothing: PENDING.
    pub fn state(&self, id: ObjectId) -> Option<(State, StateType)> {
        let live = &self.of(id).live;
        live.checked.then_some((live.state, live.state_type))
    }

    pub fn attempt(&self, id: ObjectId) -> u32 {
        self.of(id).live.attempt
    }

    /// The text of the last result.
    pub fn output(&self, id: ObjectId) -> Arc<str> {
        self.of(id).live.output.clone()
    }

    pub fn is_acknowledged(&self, id: ObjectId) -> bool {
        self.of(id).live.acknowledgement.is_some()
    }

    pub fn is_volatile(&self, id: ObjectId) -> bool {
        self.of(id).knobs.volatile
    }

    /// Its last states are all the same, or flapping is not looked at: nothing changes by one more of them.
    pub fn is_steady(&self, id: ObjectId) -> bool {
        let Object { knobs, live, .. } = self.of(id);
        live.history.percent() == 0.0 || !live.switches.flap_detection.unwrap_or(knobs.flap_detection)
    }

    /// As `notified_on` of [`super::Saved`] has it.
    pub fn bit_of(&self, state: State) -> u16 {
        Options::of(state).bits()
    }

    pub fn retry_interval(&self, id: ObjectId) -> Duration {
        Duration::from_secs(self.of(id).knobs.retry_interval.max(0).unsigned_abs())
    }

    /// How long after the last result the next look is due: the retry interval while the state is SOFT, else the
    /// check interval. Zero: only on demand.
    pub fn interval(&self, id: ObjectId) -> Duration {
        let object = self.of(id);
        let live = &object.live;
        let retry = live.retry_next && object.knobs.check_interval > 0;
        let seconds = if retry { object.knobs.retry_interval } else { object.knobs.check_interval };
        Duration::from_secs(seconds.max(0).unsigned_abs())
    }

    /// The first moment from `from` on at which the check period allows a look; nothing: none in a year.
    pub fn next_in_check_period(&self, id: ObjectId, from: Timestamp) -> Option<Timestamp> {
        self.shared.next_in_period(self.of(id).knobs.check_period, from.0).map(Timestamp)
    }

    /// Why it is not to be looked at now; a forced look does not ask.
    pub fn may_run(&self, id: ObjectId, now: Timestamp) -> Result<(), NotRun> {
        let object = self.of(id);
        if !object.live.switches.active_checks.unwrap_or(true) {
            return Err(NotRun::Off);
        }
        if !self.shared.in_period(object.knobs.check_period, now.0) {
            return Err(NotRun::Period);
        }
        if self.depends_on_failed_alone(id, now.0) {
            return Err(NotRun::Dependency);
        }
        Ok(())
    }
}

/// What was made of a result.
pub(crate) struct Made {
    pub last_check: Timestamp,
    pub state: State,
    pub state_type: StateType,
    pub attempt: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRun {
    /// Active checks are switched off for it.
    Off,
    /// Outside of its check period.
    Period,
    /// What it depends on is in a state that lets it not be run.
    Dependency,
}
