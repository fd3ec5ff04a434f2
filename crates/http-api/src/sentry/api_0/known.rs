//! Releases as they are known: by what was said of them, and by the events of them. Sentry makes one by the first event.

use std::collections::HashMap;
use std::sync::Arc;

use error_tracking::Project;
use error_tracking::look::Seen;
use error_tracking::shipped::Shipped;
use vocabulary::Timestamp;

use super::issues;
use crate::answer::{Answer, Problem};
use crate::parameters::Parameters;
use crate::services::Services;

/// One release in one project.
pub(super) struct Known {
    pub project: Arc<Project>,
    pub shipped: Shipped,
    /// None: there was no event of it.
    pub seen: Option<Seen>,
    /// Groups that were seen in it before any other.
    pub groups_new: u64,
}

/// Of a project: all, or the one that is named; of an environment: those with events there. In no order.
pub(super) fn of_project(
    services: &Services,
    project: &Arc<Project>,
    version: Option<&str>,
    environment: Option<&str>,
    most: usize,
) -> Answer<Vec<Known>> {
    let (tracker, now) = (&services.tracker, services.clock.now());
    let mut seen = tracker.seen_by_release(project.id, version, environment, now)?;
    let opened = tracker.opened_by_release(project.id, now)?;
    let said = match version {
        Some(version) => tracker.shipped(version)?,
        None => tracker.shipped_of(project.id, most)?,
    };
    let known = |shipped: Shipped, seen: Option<Seen>, opened: &HashMap<String, u64>| {
        let groups_new = opened.get(&shipped.version).copied().unwrap_or(0);
        Known { project: project.clone(), shipped, seen, groups_new }
    };
    let mut all: Vec<Known> = Vec::new();
    for shipped in said.into_iter().filter(|shipped| shipped.project == project.id) {
        let seen = seen.remove(&shipped.version);
        if environment.is_none() || seen.is_some() {
            all.push(known(shipped, seen, &opened));
        }
    }
    let only_seen = seen
        .into_iter()
        .map(|(version, seen)| known(unsaid(project.id, version, seen.first), Some(seen), &opened));
    all.extend(only_seen);
    Ok(all)
}

/// What there is to tell of a release that nobody has said anything of.
fn unsaid(project: u64, version: String, first: Timestamp) -> Shipped {
    Shipped {
        project,
        version,
        created: first,
        released: None,
        url: String::new(),
        reference: String::new(),
        status: "open".to_owned(),
        deploys: 0,
        commits: 0,
    }
}

/// Which releases a list is of.
pub(super) struct Asked {
    /// By name or number; none: all.
    pub projects: Vec<String>,
    /// A part of the version, in any case.
    version: String,
    pub environment: Option<String>,
    status: Option<String>,
}

impl Asked {
    pub fn read(query: &str) -> Answer<Asked> {
        let parameters = Parameters::of_query(query);
        let said = |name: &str| parameters.last(name).filter(|text| !text.is_empty()).map(str::to_owned);
        if let Some(order) = said("sort").filter(|order| order != "date") {
            return Err(
                Problem::bad_request(format!("releases are not sorted by `{order}`")).hint("sort is date")
            );
        }
        if let Some(strange) =
            said("status").filter(|status| !["open", "archived"].contains(&status.as_str()))
        {
            return Err(
                Problem::bad_request(format!("no release is `{strange}`")).hint("status is open or archived")
            );
        }
        Ok(Asked {
            projects: issues::named_projects(&parameters),
            version: said("query").unwrap_or_default().to_lowercase(),
            environment: said("environment"),
            status: said("status"),
        })
    }

    pub fn takes(&self, shipped: &Shipped) -> bool {
        let is_of_status = self.status.as_ref().is_none_or(|status| *status == shipped.status);
        is_of_status && shipped.version.to_lowercase().contains(&self.version)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn which_releases_a_list_is_of() {
        let asked = Asked::read("project=7&project=-1&query=WEB%401&environment=&sort=date").unwrap();
        assert_eq!(
            (asked.projects, asked.version.as_str(), asked.environment),
            (vec!["7".to_owned()], "web@1", None)
        );
        assert!(Asked::read("sort=sessions").is_err() && Asked::read("status=gone").is_err());
    }
}
