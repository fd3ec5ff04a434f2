//! What else was bad meanwhile: checks on the hosts that an incident is about, and of the services that it is of.

use std::collections::BTreeSet;
use std::sync::Arc;

use incidents::Incident;
use incidents::incident::Key;
use monitors::config::CheckConfig;
use monitors::machine::ObjectName;
use serde::Serialize;
use utoipa::ToSchema;
use vocabulary::ports::Scope;
use vocabulary::state::{State, StateType};

use super::Span;
use crate::answer::Answer;
use crate::services::Services;

/// Checks whose history is read from the disk.
const MOST_LOOKED_AT: usize = 100;

#[derive(Serialize, ToSchema)]
pub struct Beside {
    check: String,
    host: String,
    /// The worst of the window.
    #[schema(value_type = String)]
    worst: State,
    /// When that began.
    since: i64,
    text: String,
}

/// The worst first. Members are in the incident already.
pub fn found(services: &Services, scope: &Scope, incident: &Incident, window: &Span) -> Answer<Vec<Beside>> {
    let definitions = services.monitors.definitions();
    let hosts = hosts(&definitions.checks, incident);
    let is_member = |name: &str| incident.troubles.keys().any(|key| !key.host && *key.monitor == *name);
    let others: Vec<&CheckConfig> = definitions
        .checks
        .iter()
        .filter(|check| !is_member(&check.name) && scope.sees(&check.name))
        .collect();
    let own = own_services(services, incident);
    let of_checks = of_services(services, others.iter().map(|check| key(false, &check.name)));
    let of_hosts = of_services(services, others.iter().map(|check| key(true, &check.host)));
    let is_kin = |of: &[Arc<str>]| of.iter().any(|service| own.contains(service));
    let near = others.into_iter().zip(of_checks.iter().zip(&of_hosts)).filter(|(check, (of, of_host))| {
        hosts.contains(check.host.as_str()) || is_kin(of) || is_kin(of_host)
    });
    let mut found = Vec::new();
    for (check, _) in near.take(MOST_LOOKED_AT) {
        let name = ObjectName::Check(check.name.clone());
        let (runs, _) = services.monitors.history(&name, window.from, window.until, None)?;
        let bad = runs.iter().filter(|run| run.state.is_problem() && run.state_type == StateType::Hard);
        let Some(worst) = bad.rev().max_by_key(|run| run.state.badness()) else { continue };
        found.push(Beside {
            check: check.name.clone(),
            host: check.host.clone(),
            worst: worst.state,
            since: worst.began,
            text: worst.text.clone(),
        });
    }
    found.sort_by_key(|one| (std::cmp::Reverse(one.worst.badness()), one.since));
    Ok(found)
}

/// Those that are in it, those of its checks, and those that are a part of the name of a series in it.
fn hosts<'i>(checks: &'i [CheckConfig], incident: &'i Incident) -> BTreeSet<&'i str> {
    let mut hosts = BTreeSet::new();
    for key in incident.troubles.keys() {
        match key.host {
            true => hosts.extend([&*key.monitor]),
            false => hosts.extend(key.instance.split('.')),
        }
    }
    let names: BTreeSet<&str> = incident.troubles.keys().map(|key| &*key.monitor).collect();
    hosts.extend(checks.iter().filter(|check| names.contains(&*check.name)).map(|check| &*check.host));
    hosts.remove("");
    hosts
}

fn own_services(services: &Services, incident: &Incident) -> BTreeSet<Arc<str>> {
    of_services(services, incident.troubles.keys().cloned()).into_iter().flatten().collect()
}

fn of_services(services: &Services, keys: impl Iterator<Item = Key>) -> Vec<Vec<Arc<str>>> {
    services.desk.services_of(&keys.collect::<Vec<Key>>())
}

fn key(host: bool, name: &str) -> Key {
    Key { host, monitor: name.into(), instance: "".into() }
}
