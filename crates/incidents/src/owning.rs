//! By which policy people are called, and why by that one: its own, that of the team that owns it, or that of
//! `[incidents]`. What names contacts goes by its own policy or by none.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use vocabulary::Timestamp;

use crate::book::{Book, Kind};
use crate::core::{Incidents, is_ours};
use crate::desk::Desk;
use crate::incident::{Incident, Key, Trouble};
use crate::oncall::PolicyConfig;

/// What is a team's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owning {
    pub team: Arc<str>,
    /// What the names of its series begin with.
    pub prefixes: Vec<String>,
    /// Those whose errors are its.
    pub projects: Vec<String>,
    /// By which it is called, for what is its and names nobody.
    pub policy: Option<Arc<str>>,
}

/// Why something goes by a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    Own,
    /// This team is the `owner` of it, or of its service.
    Owner(Arc<str>),
    /// The error is assigned to this team, or to a person of it.
    Assigned(Arc<str>),
    /// Its name, the series or the project is this team's.
    Name(Arc<str>),
    Series(Arc<str>),
    Project(Arc<str>),
    Usual,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Own => f.write_str("its own"),
            Why::Owner(team) => write!(f, "of team {team}, its owner"),
            Why::Assigned(team) => write!(f, "of team {team}, whose its assignee is"),
            Why::Name(team) => write!(f, "of team {team}, whose prefix its name has"),
            Why::Series(team) => write!(f, "of team {team}, whose prefix the series has"),
            Why::Project(team) => write!(f, "of team {team}, whose project it is"),
            Why::Usual => f.write_str("that of [incidents]"),
        }
    }
}

/// A policy, and why it is that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub policy: Arc<str>,
    pub why: Why,
}

impl Desk {
    /// That a monitor or check names a policy or a contact which is not there.
    pub fn problems_of_telling(&self, name: &str, now: Timestamp) -> Vec<String> {
        let mut inner = self.inner.lock();
        self.refresh_roster(&mut inner, now);
        let Incidents { book, roster, .. } = &inner.incidents;
        let Some(subject) = book.subject(false, name) else { return Vec::new() };
        let gone = subject.contacts.iter().filter(|contact| !book.contacts.contains_key(*contact));
        let mut problems: Vec<String> = gone
            .map(|contact| {
                format!("`contacts`: there is no contact `{contact}`; {}", book.who_instead(subject))
            })
            .collect();
        let policy = subject.escalation_policy.as_ref();
        problems.extend(policy.filter(|policy| !roster.policies.contains_key(*policy)).map(|policy| {
            format!(
                "`escalation_policy`: there is no policy `{policy}`, so people are told as if it named none"
            )
        }));
        problems
    }
}

impl Book {
    /// By which it may go; the first that is defined counts.
    pub(crate) fn routes(&self, key: &Key) -> Vec<Route> {
        self.routes_of(key, None)
    }

    /// `assigned`: the team or person whose it is by itself, before the team of what it belongs to.
    pub(crate) fn routes_of(&self, key: &Key, assigned: Option<&str>) -> Vec<Route> {
        let subject = self.about(key);
        let own = subject.and_then(|subject| subject.escalation_policy.clone());
        let own = own.map(|policy| Route { policy, why: Why::Own });
        if subject.is_some_and(|subject| !subject.contacts.is_empty()) {
            return own.into_iter().collect();
        }
        let teams = [assigned.and_then(|whose| self.team_of_assignee(whose, key)), self.team_of(key)];
        let teams = teams.into_iter().flatten();
        let teams = teams.filter_map(|(team, why)| Some(Route { policy: team.policy.clone()?, why }));
        let usual = self.config.escalation_policy.as_deref();
        let usual = usual.map(|policy| Route { policy: policy.into(), why: Why::Usual });
        own.into_iter().chain(teams).chain(usual).collect()
    }

    /// Of a person of several teams it is that of the project, else the first that has a policy.
    fn team_of_assignee(&self, assignee: &str, key: &Key) -> Option<(&Owning, Why)> {
        let has = |one: &Owning| {
            let members = self.teams.get(&one.team);
            members.is_some_and(|members| members.iter().any(|member| **member == *assignee))
        };
        let of_project = || self.team_of(key).map(|(team, _)| team).filter(|team| has(team));
        let of_person = || self.owning.iter().find(|one| one.policy.is_some() && has(one));
        let team = self.owning.iter().find(|one| *one.team == *assignee);
        let team = team.or_else(of_project).or_else(of_person)?;
        Some((team, Why::Assigned(team.team.clone())))
    }

    fn team_of(&self, key: &Key) -> Option<(&Owning, Why)> {
        if is_ours(&key.monitor) {
            return None;
        }
        let subject = self.about(key);
        let owner = subject.and_then(|subject| subject.owner.as_ref());
        if let Some(team) = owner.and_then(|owner| self.owning.iter().find(|one| one.team == *owner)) {
            return Some((team, Why::Owner(team.team.clone())));
        }
        let is_error = subject.is_some_and(|subject| subject.kind == Kind::Errors);
        let project = key.instance.split('/').next().filter(|_| is_error);
        let of_project = project.and_then(|name| {
            self.owning.iter().find(|one| one.projects.iter().any(|project| project == name))
        });
        if let Some(team) = of_project {
            return Some((team, Why::Project(team.team.clone())));
        }
        if let Some(team) = self.team_of_name(&key.monitor) {
            return Some((team, Why::Name(team.team.clone())));
        }
        self.team_of_name(&key.instance).map(|team| (team, Why::Series(team.team.clone())))
    }

    /// The longest prefix says most.
    fn team_of_name(&self, name: &str) -> Option<&Owning> {
        let fitting = self.owning.iter().flat_map(|one| {
            let prefixes = one.prefixes.iter().filter(|prefix| name.starts_with(prefix.as_str()));
            prefixes.map(move |prefix| (Reverse(prefix.len()), one))
        });
        fitting.min_by_key(|(length, _)| *length).map(|(_, team)| team)
    }

    /// The team that is called for this series of a rule for all names: others of the rule are other teams' matter.
    pub(crate) fn team_of_series(&self, key: &Key) -> Option<Arc<str>> {
        let is_monitor = self.about(key).is_some_and(|subject| subject.kind == Kind::Monitor);
        let route = self.routes(key).into_iter().next().filter(|_| is_monitor && !key.host)?;
        match route.why {
            Why::Series(team) => Some(team),
            _ => None,
        }
    }
}

impl Incidents {
    /// By which policy the incident goes, if one is defined.
    pub(crate) fn policy_for(&self, incident: &Incident, key: &Key) -> Option<Arc<PolicyConfig>> {
        if incident.reason.starts_with("channel:") {
            // What fails is the way to people: whoever uses it is told, by other ways.
            return None;
        }
        let assigned = incident.troubles.get(key).and_then(Trouble::assigned);
        let route = self.route_of(key, assigned)?;
        self.roster.policies.get(&route.policy).map(|known| known.config.clone())
    }

    pub(crate) fn route(&self, key: &Key) -> Option<Route> {
        self.route_of(key, None)
    }

    fn route_of(&self, key: &Key, assigned: Option<&str>) -> Option<Route> {
        let mut routes = self.book.routes_of(key, assigned).into_iter();
        routes.find(|route| self.roster.policies.contains_key(&route.policy))
    }
}

impl Desk {
    /// By which policy each thing that is watched goes, by whether it is a host, and name. Series of other teams go by theirs.
    pub fn policies_of_all(&self, now: Timestamp) -> BTreeMap<(bool, Arc<str>), Route> {
        let mut inner = self.inner.lock();
        self.refresh_roster(&mut inner, now);
        let of = |(host, name): &(bool, Arc<str>)| {
            let key = Key { host: *host, monitor: name.clone(), instance: "".into() };
            Some(((*host, name.clone()), inner.incidents.route(&key)?))
        };
        inner.incidents.book.subjects.keys().filter_map(of).collect()
    }
}
