//! What a list shows of each: a monitor with the worst of its instances, a check, a host.

use std::sync::Arc;

use vocabulary::Timestamp;
use vocabulary::ports::Scope;
use vocabulary::state::{State, StateType, Withheld};

use crate::config::{CheckConfig, CheckType, HostConfig, MonitorConfig, MonitorKind};
use crate::inner::Inner;
use crate::machine::{ObjectId, Status};
use crate::record::Counts;

/// What a list shows of a monitor, a check or a host.
#[derive(Clone, Debug)]
pub struct Summary {
    pub name: String,
    /// As PRODUCT.md calls it: metric, check, passive, heartbeat; host.
    pub kind: &'static str,
    pub host: Option<String>,
    pub service: Option<String>,
    /// The worst of its instances; nothing: PENDING.
    pub state: Option<State>,
    pub state_type: StateType,
    pub attempt: u32,
    pub max_attempts: u32,
    pub since: Option<Timestamp>,
    pub text: Arc<str>,
    pub instances: usize,
    pub in_trouble: usize,
    pub withheld: Option<Withheld>,
    pub in_downtime: bool,
    pub acknowledged: bool,
    pub flapping: bool,
    /// Its notifications are on.
    pub notifies: bool,
    /// Of the last 30 days.
    pub record: Counts,
    pub owner: Option<String>,
    pub playbook: Option<String>,
    pub shadow: bool,
    pub origin: Origin,
}

/// Where a definition is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `file:line`
    File(String),
    Ui,
}

impl Inner {
    pub fn check(&self, check: &CheckConfig, now: Timestamp) -> Option<Summary> {
        let id = self.machine.check(&check.name)?;
        let one = self.of_one(id, now);
        let bad = self.machine.instances_of(&check.name).filter(|id| self.machine.is_bad(*id)).count();
        Some(Summary {
            name: check.name.clone(),
            instances: one.instances + self.machine.instances_of(&check.name).count(),
            in_trouble: one.in_trouble + bad,
            kind: if check.kind == CheckType::Passive { "passive" } else { "check" },
            host: (!check.host.is_empty()).then(|| check.host.clone()),
            service: Some(check.service.clone().unwrap_or_else(|| check.name.clone())),
            owner: check.owner.clone(),
            playbook: check.playbook.clone(),
            shadow: check.shadow,
            origin: self.origin(&check.name),
            ..one
        })
    }

    pub fn host(&self, host: &HostConfig, now: Timestamp) -> Option<Summary> {
        let id = self.machine.host(&host.name)?;
        let place = self.files.origins.get(&("host", host.name.clone())).cloned();
        Some(Summary {
            name: host.name.clone(),
            kind: "host",
            host: Some(host.name.clone()),
            playbook: host.playbook.clone(),
            origin: place.map_or(Origin::Ui, Origin::File),
            ..self.of_one(id, now)
        })
    }

    /// What the machine knows of a check or a host.
    fn of_one(&self, id: ObjectId, now: Timestamp) -> Summary {
        let status = self.machine.status(id, now);
        let bad = status.state.is_some_and(State::is_problem);
        Summary {
            name: String::new(),
            kind: "check",
            host: None,
            service: None,
            state: status.state,
            state_type: status.state_type,
            attempt: status.attempt,
            max_attempts: status.max_attempts,
            since: status.last_state_change,
            text: status.output.clone(),
            instances: 1,
            in_trouble: usize::from(bad),
            withheld: self.withheld(id, now).filter(|_| bad),
            in_downtime: status.in_downtime(),
            acknowledged: status.acknowledged(),
            flapping: status.flapping,
            notifies: status.notifications_enabled,
            record: self.record.of(&status.id.monitor, now),
            owner: None,
            playbook: None,
            shadow: status.shadow,
            origin: Origin::Ui,
        }
    }

    /// With what of it is in this scope; nothing if nothing is.
    pub fn monitor(&self, monitor: &MonitorConfig, scope: &Scope, now: Timestamp) -> Option<Summary> {
        let ids = self.machine.instances_of(&monitor.name);
        let seen =
            ids.filter(|id| scope.sees_watched(&monitor.name, &self.machine.instance_id(*id).instance));
        let statuses: Vec<Status> = seen.map(|id| self.machine.status(id, now)).collect();
        let is_seen = scope.sees(&monitor.name) || !statuses.is_empty();
        is_seen.then(|| self.summed_up(monitor, &statuses, now))
    }

    fn summed_up(&self, monitor: &MonitorConfig, statuses: &[Status], now: Timestamp) -> Summary {
        let badness = |status: &&Status| status.state.map_or(0, State::badness);
        let is_bad = |status: &Status| status.state.is_some_and(State::is_problem);
        // Of equally bad ones the one that is so for the longest time.
        let worst = statuses
            .iter()
            .max_by_key(|status| (badness(status), std::cmp::Reverse(status.last_state_change)));
        let in_trouble = statuses.iter().filter(|status| is_bad(status)).count();
        let all_bad =
            |has: &dyn Fn(&Status) -> bool| in_trouble > 0 && statuses.iter().filter(|s| is_bad(s)).all(has);
        Summary {
            name: monitor.name.clone(),
            kind: match monitor.kind {
                MonitorKind::Metric => "metric",
                MonitorKind::Heartbeat => "heartbeat",
                MonitorKind::Errors => "errors",
            },
            host: None,
            service: monitor.service.clone(),
            state: worst.and_then(|status| status.state),
            state_type: worst.map_or(StateType::Hard, |status| status.state_type),
            attempt: worst.map_or(1, |status| status.attempt),
            max_attempts: worst.map_or(1, |status| status.max_attempts),
            since: worst.and_then(|status| status.last_state_change),
            text: worst.map_or_else(|| Arc::from(""), |status| status.output.clone()),
            instances: statuses.len(),
            in_trouble,
            withheld: worst.filter(|worst| is_bad(worst)).and_then(|worst| {
                let silenced = || self.is_silenced(&worst.id, now).then_some(Withheld::Silence);
                worst.withheld.or_else(silenced)
            }),
            in_downtime: all_bad(&Status::in_downtime),
            acknowledged: all_bad(&Status::acknowledged),
            flapping: statuses.iter().any(|status| status.flapping),
            notifies: statuses.iter().all(|status| status.notifications_enabled),
            record: self.record.of(&monitor.name, now),
            owner: monitor.owner.clone(),
            playbook: monitor.playbook.clone(),
            shadow: monitor.shadow,
            origin: self.origin(&monitor.name),
        }
    }

    pub fn origin(&self, name: &str) -> Origin {
        let written = |list: &'static str| self.files.origins.get(&(list, name.to_owned())).cloned();
        // A host is asked for as instances name it: a check may be called as it is.
        let host = || self.files.origins.get(&("host", name.strip_prefix("host:")?.to_owned())).cloned();
        match written("monitor").or_else(|| written("check")).or_else(host) {
            Some(place) => Origin::File(place),
            None => Origin::Ui,
        }
    }
}
