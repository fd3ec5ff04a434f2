//! Errors of programs: groups, their events, projects, counts over time.
//!
//! A project is theirs who see everything, or whose prefixes its series begin with (`errors.PROJECT.`); of others everything is as if
//! it were not there.

pub mod deeds;
pub mod events;
pub mod facets;
pub mod feedback;
pub mod groups;
mod links;
pub mod moving;
mod parting;
pub mod projects;
pub mod releases;
pub mod series;
pub mod similar;
pub mod trial;

use std::collections::BTreeSet;
use std::sync::Arc;

use error_tracking::{Group, Project, Refusal};
use vocabulary::ports::{EventLogError, Scope};

use crate::accounts::Caller;
use crate::answer::{Answer, Problem};
use crate::services::Services;

pub use links::page_of;

/// Groups of one message of the stream; whoever is told of more looks again.
const MAX_TOLD: usize = 200;

pub fn sees(scope: &Scope, project: &str) -> bool {
    scope.is_everything() || scope.sees(&format!("errors.{project}."))
}

/// By its number or its name.
fn project(services: &Services, caller: &Caller, named: &str) -> Answer<Arc<Project>> {
    let by_number = named.parse().ok().and_then(|id| services.projects.get(id));
    let found = by_number.or_else(|| services.projects.named(named));
    found.filter(|project| sees(&caller.scope, &project.name)).ok_or_else(|| {
        Problem::not_found(format!("there is no project `{named}`"))
            .hint("GET /api/v1/errors/projects lists them; bellwether project create NAME makes one")
    })
}

/// By its number, or as people call it: `WEB-12`. Of a merged one the whole.
pub fn group(services: &Services, caller: &Caller, named: &str) -> Answer<(Group, Arc<Project>)> {
    let found = match named.parse() {
        Ok(id) => services.tracker.one(id)?,
        Err(_) => by_short(services, named)?,
    };
    let found = found.and_then(|group| Some((services.projects.get(group.project)?, group)));
    found
        .filter(|(project, _)| sees(&caller.scope, &project.name))
        .map(|(project, group)| (group, project))
        .ok_or_else(|| unknown(named))
}

fn by_short(services: &Services, named: &str) -> Answer<Option<Group>> {
    let parts = named.rsplit_once('-').and_then(|(prefix, number)| Some((prefix, number.parse().ok()?)));
    let (prefix, number) = parts.ok_or_else(|| {
        Problem::bad_request(format!("`{named}` is no error group"))
            .hint("write its number, or what it is called by, such as WEB-12")
    })?;
    let all = services.projects.list();
    let project = all.iter().find(|project| project.prefix().eq_ignore_ascii_case(prefix));
    let numbered =
        |project: &Arc<Project>| services.tracker.numbered(project.id, number, services.clock.now());
    Ok(project.map(numbered).transpose()?.flatten())
}

fn unknown(named: impl std::fmt::Display) -> Problem {
    Problem::not_found(format!("there is no error group {named}"))
        .hint("GET /api/v1/errors/groups lists them")
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {
            Refusal::NoSuchGroup(id) => unknown(id),
            Refusal::Wrong(why) => Problem::bad_request(why),
            Refusal::State(error) => error.into(),
            Refusal::Log(error) => error.into(),
        }
    }
}

impl From<EventLogError> for Problem {
    fn from(error: EventLogError) -> Problem {
        Problem::internal(error)
    }
}

/// Whoever looks at errors is told what came: which groups are new, and which have changed.
pub fn tell(services: &Services, new: &BTreeSet<u64>, changed: &BTreeSet<u64>) {
    if (new.is_empty() && changed.is_empty()) || !services.hub.is_heard() {
        return;
    }
    let now = services.clock.now();
    let item = |id: &u64| {
        // What cannot be read in this moment is seen by whoever looks again.
        let group = services.tracker.one(*id).ok().flatten()?;
        let project = services.projects.get(group.project)?;
        let item = groups::item(&group, &project, None, now);
        Some((project.name.clone(), serde_json::to_value(item).ok()?))
    };
    let items = |ids: &mut dyn Iterator<Item = &u64>| ids.take(MAX_TOLD).filter_map(item).collect::<Vec<_>>();
    let only_changed = &mut changed.difference(new);
    let (new, changed) = (items(&mut new.iter()), items(only_changed));
    services.hub.tell_errors(&new, &changed);
}
