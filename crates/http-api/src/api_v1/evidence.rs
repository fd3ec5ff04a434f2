//! What is behind one incident, for a page that asks once: its window, the graphs, the deploys and flips of its time, the
//! errors that were new then, and what else was bad on the same hosts and in the same services. It is read where it is kept,
//! and copied nowhere.

mod beside;
mod errors;

use std::collections::BTreeSet;

use incidents::Incident;
use monitors::config::MonitorConfig;
use monitors::machine::ObjectName;
use serde::Serialize;
use utoipa::ToSchema;
use vocabulary::Timestamp;
use vocabulary::ports::Scope;

use self::beside::Beside;
use self::errors::ErrorThen;
use super::incidents::unknown;
use super::watched::{self, NumberSeries, PerfdataItem};
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

#[derive(Serialize, ToSchema)]
pub struct Evidence {
    /// From before it began to after its end.
    window: Span,
    graphs: Vec<Graph>,
    /// Of the hour before it and of its time.
    events: Vec<Event>,
    /// Other checks on its hosts and of its services that were bad in the window.
    beside: Vec<Beside>,
    /// Groups of errors that were new in the window, came back, or came far more often than before.
    errors: Vec<ErrorThen>,
}

#[derive(Serialize, ToSchema)]
struct Span {
    from: i64,
    until: i64,
}

#[derive(Serialize, ToSchema)]
struct Graph {
    monitor: String,
    /// Which of a check's numbers it is; a rule has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
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
        beside: beside::found(services, scope, incident, &window)?,
        errors: errors::found(services, scope, &window, now)?,
        window,
    })
}

fn window(incident: &Incident, now: Timestamp) -> Span {
    let end = incident.closed.unwrap_or(now).0;
    let lead = LEAD_SECONDS.max((end - incident.opened.0).max(0) / 4);
    let until = if incident.is_closed() { (end + lead).min(now.0) } else { now.0 };
    Span { from: incident.opened.0 - lead, until }
}

/// Of each metric monitor in it, with the series that were worst; and of each check the numbers, those over their threshold first.
fn graphs(services: &Services, scope: &Scope, incident: &Incident) -> Vec<Graph> {
    let names: BTreeSet<&str> =
        incident.troubles.keys().filter(|key| !key.host).map(|key| &*key.monitor).collect();
    let definitions = services.monitors.definitions();
    let mut drawn = Vec::new();
    for name in names.into_iter().filter(|name| scope.sees(name)) {
        if drawn.len() >= MOST_GRAPHS {
            break;
        }
        match definitions.monitors.iter().find(|rule| rule.name == name) {
            Some(rule) => drawn.extend(of_rule(rule, incident)),
            None => drawn.extend(of_check(services, scope, name)),
        }
    }
    drawn.truncate(MOST_GRAPHS);
    drawn
}

fn of_rule(rule: &MonitorConfig, incident: &Incident) -> Option<Graph> {
    let level = |said: &Option<String>| said.as_deref().and_then(threshold);
    Some(Graph {
        monitor: rule.name.clone(),
        label: None,
        targets: targets_of(rule.target.as_deref()?, &rule.name, incident),
        warning: level(&rule.warning),
        critical: level(&rule.critical),
    })
}

/// Those of its last result.
fn of_check(services: &Services, scope: &Scope, name: &str) -> Vec<Graph> {
    let check = ObjectName::Check(name.to_owned());
    // What is not defined any more has none.
    let Ok(shown) = watched::show(services, scope, &check) else { return Vec::new() };
    let mut numbers = shown.0.numbers();
    numbers.sort_by_key(|(item, _)| item.breach == "none");
    let graph = |(item, series): (&PerfdataItem, &NumberSeries)| Graph {
        monitor: name.to_owned(),
        label: Some(item.label.clone()),
        targets: vec![series.series.clone()],
        warning: upper(item.warn.as_deref(), series.scale),
        critical: upper(item.crit.as_deref(), series.scale),
    };
    numbers.into_iter().map(graph).collect()
}

/// Of a Nagios range that is a plain upper end, in the unit of the series.
fn upper(range: Option<&str>, scale: f64) -> Option<f64> {
    let range = range.filter(|range| !range.starts_with('@'))?;
    let end: f64 = range.rsplit(':').next()?.parse().ok()?;
    Some(end * scale)
}
