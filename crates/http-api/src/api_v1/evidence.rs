//! What is behind one incident, for a page that asks once: its window, the graphs, the deploys and flips of its time, and
//! what else on the same hosts was bad meanwhile. It is read where it is kept, and copied nowhere.

use std::collections::BTreeSet;

use incidents::Incident;
use monitors::machine::ObjectName;
use serde::Serialize;
use utoipa::ToSchema;
use vocabulary::Timestamp;
use vocabulary::ports::Scope;
use vocabulary::state::{State, StateType};

use super::incidents::unknown;
use crate::acknowledge::{targets_of, threshold};
use crate::annotations::{self, Query, TagSet};
use crate::answer::Answer;
use crate::services::Services;

/// What led to it belongs to it: a quarter of its length, and this at least.
const LEAD_SECONDS: i64 = 900;
/// What was deployed or switched shortly before is what people ask about first.
const BEFORE_SECONDS: i64 = 3_600;
/// The newest; of a storm of flips these say enough.
const MOST_EVENTS: usize = 200;
const MOST_GRAPHS: usize = 4;
/// Checks whose history is read from the disk.
const MOST_LOOKED_AT: usize = 100;

#[derive(Serialize, ToSchema)]
pub struct Evidence {
    /// From before it began to after its end.
    window: Span,
    graphs: Vec<Graph>,
    /// Of the hour before it and of its time.
    events: Vec<Event>,
    /// Other checks on its hosts that were bad in the window.
    beside: Vec<Beside>,
}

#[derive(Serialize, ToSchema)]
struct Span {
    from: i64,
    until: i64,
}

#[derive(Serialize, ToSchema)]
struct Graph {
    monitor: String,
    targets: Vec<String>,
    /// Of a rule that is a plain threshold.
    warning: Option<f64>,
    critical: Option<f64>,
}

#[derive(Serialize, ToSchema)]
struct Event {
    at: f64,
    what: String,
    tags: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct Beside {
    check: String,
    host: String,
    /// The worst of the window.
    #[schema(value_type = String)]
    worst: State,
    /// When that began.
    since: i64,
    text: String,
}

/// Those who see a part of all names get what is theirs of it, and the events, which are everybody's but for those of projects.
pub fn of(services: &Services, scope: &Scope, id: i64) -> Answer<Evidence> {
    let now = services.clock.now();
    let incident = &services.desk.one_in(scope, id)?.ok_or_else(|| unknown(id))?.incident;
    let window = window(incident, now);
    let end = incident.closed.unwrap_or(now).0;
    let query = Query {
        from: (incident.opened.0 - BEFORE_SECONDS) as f64,
        until: end as f64,
        tags: None,
        set: TagSet::All,
    };
    let events = annotations::seen(scope, annotations::marks(&services.state, &query)?);
    let older = events.len().saturating_sub(MOST_EVENTS);
    let events = events.into_iter().skip(older);
    Ok(Evidence {
        graphs: graphs(services, scope, incident),
        events: events.map(|one| Event { at: one.at, what: one.what, tags: one.tags }).collect(),
        beside: beside(services, scope, incident, &window)?,
        window,
    })
}

fn window(incident: &Incident, now: Timestamp) -> Span {
    let end = incident.closed.unwrap_or(now).0;
    let lead = LEAD_SECONDS.max((end - incident.opened.0).max(0) / 4);
    let until = if incident.is_closed() { (end + lead).min(now.0) } else { now.0 };
    Span { from: incident.opened.0 - lead, until }
}

/// Of each metric monitor in it, with the series that were worst.
fn graphs(services: &Services, scope: &Scope, incident: &Incident) -> Vec<Graph> {
    let names: BTreeSet<&str> =
        incident.troubles.keys().filter(|key| !key.host).map(|key| &*key.monitor).collect();
    let definitions = services.monitors.definitions();
    let drawn = names.into_iter().filter(|name| scope.sees(name)).filter_map(|name| {
        let rule = definitions.monitors.iter().find(|rule| rule.name == name)?;
        let level = |said: &Option<String>| said.as_deref().and_then(threshold);
        Some(Graph {
            monitor: name.to_owned(),
            targets: targets_of(rule.target.as_deref()?, name, incident),
            warning: level(&rule.warning),
            critical: level(&rule.critical),
        })
    });
    drawn.take(MOST_GRAPHS).collect()
}

/// Members are in the incident already.
fn beside(services: &Services, scope: &Scope, incident: &Incident, window: &Span) -> Answer<Vec<Beside>> {
    let definitions = services.monitors.definitions();
    let is_member = |name: &str| incident.troubles.keys().any(|key| !key.host && *key.monitor == *name);
    let mut hosts: BTreeSet<&str> =
        incident.troubles.keys().filter(|key| key.host).map(|key| &*key.monitor).collect();
    let of_members = definitions.checks.iter().filter(|check| is_member(&check.name));
    hosts.extend(of_members.map(|check| &*check.host).filter(|host| !host.is_empty()));
    let others = definitions.checks.iter();
    let others = others
        .filter(|check| hosts.contains(&*check.host) && !is_member(&check.name) && scope.sees(&check.name));
    let mut found = Vec::new();
    for check in others.take(MOST_LOOKED_AT) {
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
