//! All that is defined and how it is, in one look: what services and inventory are made from.

use std::collections::HashSet;
use std::sync::Arc;

use monitors::Definitions;
use monitors::config::CheckConfig;
use monitors::look::Summary;
use monitors::services::inventory::Watchers;
use monitors::services::{Services as Components, Watched};
use vocabulary::state::{State, StateType};

use crate::inventory::place;
use crate::services::Services;

pub struct Estate {
    pub services: Components,
    pub watchers: Watchers,
    watched: Vec<Summary>,
}

impl Estate {
    pub fn of(services: &Services) -> Estate {
        let definitions: Arc<Definitions> = services.monitors.definitions();
        Estate {
            services: Components::new(&definitions.services, place),
            watchers: watchers(&definitions),
            watched: services.monitors.list(services.clock.now()),
        }
    }

    /// What watches each service, in the order of the services. What is only tried out does not count.
    pub fn members(&self) -> Vec<Vec<&Summary>> {
        let mut members = vec![Vec::new(); self.services.all.len()];
        for one in self.watched.iter().filter(|one| !one.shadow) {
            self.services.of_watched(&one.name, says_itself(one)).for_each(|index| members[index].push(one));
        }
        members
    }

    pub fn watched(&self) -> impl Iterator<Item = Watched<'_>> {
        // A host's downtime is its checks' too, though they do not show it as their own.
        let hosts = self.watched.iter().filter(|one| one.kind == "host" && one.in_downtime);
        let planned: HashSet<&str> = hosts.map(|one| one.name.as_str()).collect();
        let on_planned = move |one: &Summary| one.host.as_deref().is_some_and(|host| planned.contains(host));
        self.watched.iter().map(move |one| Watched {
            name: &one.name,
            service: says_itself(one),
            state: one.state.map(|state| confirmed(state, one.state_type)),
            since: one.since,
            text: &one.text,
            planned: one.in_downtime || one.shadow || on_planned(one),
        })
    }
}

/// The service that a monitor names. Of a check, `service` is what Nagios calls it.
fn says_itself(one: &Summary) -> Option<&str> {
    one.service.as_deref().filter(|_| matches!(one.kind, "metric" | "heartbeat" | "errors"))
}

/// Trouble that is not confirmed comes after a state that was fine.
fn confirmed(state: State, state_type: StateType) -> State {
    match (state_type, state) {
        (StateType::Hard, state) => state,
        (StateType::Soft, State::Up | State::Down | State::Unreachable) => State::Up,
        (StateType::Soft, _) => State::Ok,
    }
}

/// What targets read, and which hosts are looked at.
fn watchers(definitions: &Definitions) -> Watchers {
    let mut watchers = Watchers::default();
    for monitor in &definitions.monitors {
        for target in monitor.target.iter().chain(monitor.series.values()).chain(&monitor.funnel) {
            watchers.target(target, &monitor.name, place);
        }
    }
    let on_host = |check: &&CheckConfig| !check.host.is_empty();
    for check in definitions.checks.iter().filter(on_host) {
        watchers.host(&check.host, &check.name);
    }
    for host in definitions.hosts.iter().filter(|host| !host.command.is_empty()) {
        watchers.host(&host.name, &host.name);
    }
    watchers
}
