//! One state for each service: the worst of what watches it, and which condition makes it.

use vocabulary::Timestamp;
use vocabulary::state::State;

use super::{CONDITIONS, Condition, Services};

/// Members that are told of a service, the worst first; a host group of thousands needs no more.
pub const MOST_MEMBERS: usize = 200;

/// A check, host or monitor as it is now.
#[derive(Clone, Copy, Debug)]
pub struct Watched<'w> {
    pub name: &'w str,
    /// As the monitor itself says.
    pub service: Option<&'w str>,
    /// The confirmed one; `None` before the first result.
    pub state: Option<State>,
    pub since: Option<Timestamp>,
    pub text: &'w str,
    /// In downtime: it is as it is, and does not count.
    pub planned: bool,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    pub name: String,
    pub condition: Condition,
    pub state: Option<State>,
    pub since: Option<Timestamp>,
    pub text: String,
    pub planned: bool,
}

impl Member {
    fn badness(&self) -> u8 {
        if self.planned { 0 } else { self.state.map_or(0, State::badness) }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ConditionState {
    /// `None`: nothing watches it, or nothing has told yet.
    pub state: Option<State>,
    pub members: usize,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceState {
    /// Place in the list of services.
    pub service: usize,
    /// The worst; `None`: nothing watches it, or nothing has told yet.
    pub state: Option<State>,
    pub since: Option<Timestamp>,
    /// What makes the state, while it is in trouble.
    pub condition: Option<Condition>,
    /// As in [`CONDITIONS`].
    pub conditions: [ConditionState; 3],
    /// The worst first.
    pub members: Vec<Member>,
    pub members_in_all: usize,
    /// Services that it needs, near or far, that are in trouble themselves; those nearest first.
    pub causes: Vec<usize>,
}

impl ServiceState {
    pub fn in_trouble(&self) -> bool {
        self.state.is_some_and(State::is_problem)
    }
}

impl Services {
    /// How each service is, in the order of definition.
    pub fn rollup<'w>(&self, watched: impl Iterator<Item = Watched<'w>>) -> Vec<ServiceState> {
        let mut states: Vec<ServiceState> =
            (0..self.all.len()).map(|service| ServiceState { service, ..ServiceState::default() }).collect();
        for one in watched {
            for (service, condition) in self.watched_by(one.name, one.service) {
                states[service].members.push(member(&one, condition));
            }
        }
        states.iter_mut().for_each(ServiceState::settle);
        let troubled: Vec<bool> = states.iter().map(ServiceState::in_trouble).collect();
        for state in states.iter_mut().filter(|state| state.in_trouble()) {
            state.causes = self.needed_by(state.service).filter(|needed| troubled[*needed]).collect();
        }
        states
    }

    /// All that a service needs, near or far; the nearest first.
    fn needed_by(&self, service: usize) -> impl Iterator<Item = usize> {
        let mut found: Vec<usize> = Vec::new();
        let mut next = vec![service];
        while !next.is_empty() {
            let needs = next.iter().flat_map(|of| self.all[*of].dependencies.iter());
            next = needs.filter_map(|name| self.named(name)).collect();
            next.retain(|needed| *needed != service && !found.contains(needed));
            next.sort_unstable();
            next.dedup();
            found.extend(&next);
        }
        found.into_iter()
    }
}

fn member(one: &Watched<'_>, condition: Condition) -> Member {
    Member {
        name: one.name.to_owned(),
        condition,
        state: one.state,
        since: one.since,
        text: one.text.to_owned(),
        planned: one.planned,
    }
}

impl ServiceState {
    /// All members are known: what comes of them?
    fn settle(&mut self) {
        let order = |member: &Member| (std::cmp::Reverse(member.badness()), member.condition, member.since);
        self.members.sort_by(|a, b| order(a).cmp(&order(b)).then_with(|| a.name.cmp(&b.name)));
        for (state, condition) in self.conditions.iter_mut().zip(CONDITIONS) {
            let mut members = self.members.iter().filter(|member| member.condition == condition);
            state.members = members.clone().count();
            // The worst stands first; planned trouble counts as none.
            state.state = members.find(|member| member.state.is_some()).and_then(counted);
        }
        let worst = self.members.iter().find(|member| member.state.is_some());
        self.state = worst.and_then(counted);
        if self.in_trouble() {
            self.condition = worst.map(|member| member.condition);
            let same = self
                .members
                .iter()
                .filter(|member| !member.planned && member.state.is_some_and(State::is_problem));
            self.since = same.filter_map(|member| member.since).min();
        } else {
            // Calm since the last of them became so.
            self.since = self.members.iter().filter_map(|member| member.since).max();
        }
        self.members_in_all = self.members.len();
        self.members.truncate(MOST_MEMBERS);
    }
}

/// Hosts have words of their own; a service is OK or not.
fn counted(member: &Member) -> Option<State> {
    let state = member.state?;
    Some(match state {
        state if member.planned || !state.is_problem() => State::Ok,
        State::Down | State::Unreachable => State::Critical,
        state => state,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ServiceConfig;

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn services() -> Services {
        let all = [
            ServiceConfig {
                name: "Shop".into(),
                dependencies: list(&["Database", "Payments"]),
                availability: list(&["web*/http"]),
                latency: list(&["shop latency"]),
                function: list(&["web*", "orders"]),
                ..ServiceConfig::default()
            },
            ServiceConfig {
                name: "Database".into(),
                dependencies: list(&["Disk"]),
                ..ServiceConfig::default()
            },
            ServiceConfig {
                name: "Payments".into(),
                external: true,
                availability: list(&["payments api"]),
                ..ServiceConfig::default()
            },
            ServiceConfig { name: "Disk".into(), availability: list(&["san"]), ..ServiceConfig::default() },
        ];
        Services::new(&all, |_| None)
    }

    fn watched(name: &'static str, state: Option<State>, since: i64) -> Watched<'static> {
        Watched { name, service: None, state, since: Some(Timestamp(since)), text: "", planned: false }
    }

    #[test]
    fn the_worst_says_the_state_and_in_what_way() {
        let all = [
            watched("web1/http", Some(State::Ok), 10),
            watched("web2/http", Some(State::Warning), 30),
            watched("shop latency", Some(State::Critical), 20),
            watched("orders", None, 0),
            watched("other", Some(State::Critical), 1),
        ];
        let states = services().rollup(all.into_iter());
        let shop = &states[0];
        assert_eq!(
            (shop.state, shop.condition, shop.since),
            (Some(State::Critical), Some(Condition::Latency), Some(Timestamp(20)))
        );
        let conditions = shop.conditions.map(|one| (one.state, one.members));
        assert_eq!(conditions, [(Some(State::Warning), 2), (Some(State::Critical), 1), (None, 1)]);
        assert_eq!(shop.members_in_all, 4, "a check that two lists name counts for the first");
        assert_eq!(
            (states[1].state, states[1].members_in_all),
            (None, 0),
            "nothing watches it: that is not OK"
        );
    }

    #[test]
    fn is_it_us_or_them() {
        let all = [
            watched("orders", Some(State::Critical), 20),
            watched("payments api", Some(State::Down), 10),
            watched("san", Some(State::Warning), 5),
        ];
        let states = services().rollup(all.into_iter());
        assert_eq!(states[0].causes, [2, 3], "near first, then what is behind the database");
        assert_eq!((states[2].state, states[2].causes.len()), (Some(State::Critical), 0));
        let alone = services().rollup([watched("orders", Some(State::Critical), 20)].into_iter());
        assert_eq!(alone[0].causes, [0; 0], "it is us");
    }

    #[test]
    fn planned_trouble_does_not_count() {
        let planned = Watched { planned: true, ..watched("orders", Some(State::Critical), 20) };
        let states = services().rollup([planned, watched("web1/http", Some(State::Ok), 10)].into_iter());
        assert_eq!((states[0].state, states[0].condition), (Some(State::Ok), None));
        assert_eq!(states[0].conditions[2].state, Some(State::Ok));
    }

    #[test]
    fn a_monitor_may_name_its_service() {
        let one = Watched { service: Some("Database"), ..watched("slow queries", Some(State::Warning), 7) };
        let states = services().rollup([one].into_iter());
        assert_eq!((states[1].state, states[1].condition), (Some(State::Warning), Some(Condition::Function)));
    }
}
