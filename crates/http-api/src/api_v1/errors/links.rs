//! Where a group is found: here, by an address that stays, in the source, and in the tracker that a project uses.

use std::collections::HashMap;

use error_tracking::links::{commit_of, fill};
use error_tracking::{Group, Project};
use formats::sentry::Tree;
use formats::sentry::json::{self, Limits};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use vocabulary::error::StoredEvent;

use crate::answer::Answer;
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct GroupLinks {
    /// To share: it stays the same for ever. Without `http.public_url` a path.
    page: String,
    /// The form of a new issue in the project's tracker (`issue_url`), filled in.
    new_issue: Option<String>,
}

/// Its page, by an address that stays.
pub fn page_of(services: &Services, project: &Project, group: &Group) -> String {
    let public_url = services.settings.load().http.public_url.trim_end_matches('/').to_owned();
    format!("{public_url}/errors/{}", project.short(group.number))
}

pub fn of_group(services: &Services, project: &Project, group: &Group) -> GroupLinks {
    let (short, page) = (project.short(group.number), page_of(services, project, group));
    let body = body(group, &short, &page);
    let new_issue = project.settings.issue_url.as_deref().and_then(|template| {
        let values = [
            ("title", group.title.as_str()),
            ("body", body.as_str()),
            ("short", short.as_str()),
            ("link", page.as_str()),
            ("level", group.level.word()),
            ("culprit", group.culprit.as_str()),
        ];
        fill(template, &values)
    });
    GroupLinks { page, new_issue }
}

/// Short, as an address has to be: the rest is behind the link.
fn body(group: &Group, short: &str, page: &str) -> String {
    let release = group.detail.first_release.as_deref();
    let since = release.map(|release| format!(", first in `{release}`")).unwrap_or_default();
    let place = Some(&group.culprit).filter(|culprit| !culprit.is_empty());
    let place = place.map(|culprit| format!("`{culprit}`\n\n")).unwrap_or_default();
    format!("{place}{} events, {} people{since}.\n\n[{short}]({page})\n", group.count, group.users.count())
}

/// Where the sources of events are, as their project says; commits of releases are asked for once.
pub struct Sources<'s> {
    services: &'s Services,
    project: &'s Project,
    commits: HashMap<String, String>,
}

impl<'s> Sources<'s> {
    pub fn of(services: &'s Services, project: &'s Project) -> Sources<'s> {
        Sources { services, project, commits: HashMap::new() }
    }

    /// `{url, root}`: what of the address has to do with a frame is left to whoever shows it.
    pub fn of_event(&mut self, stored: &StoredEvent) -> Answer<Option<Value>> {
        let project: &'s Project = self.project;
        let settings = &project.settings;
        let Some(template) = &settings.source_url else { return Ok(None) };
        let event = json::read(&stored.body, &Limits::default()).unwrap_or_default();
        let release = event.get("release").and_then(Tree::text).unwrap_or_default();
        let commit = self.commit(release)?;
        let url = fill(template, &[("release", release), ("commit", commit.as_str())]);
        Ok(url.map(|url| json!({"url": url, "root": settings.source_root})))
    }

    /// The newest that was said of it, else what it is called by.
    fn commit(&mut self, release: &str) -> Answer<String> {
        if let Some(known) = self.commits.get(release) {
            return Ok(known.clone());
        }
        let said = self.services.tracker.commits(self.project.id, release)?.into_iter().next();
        let commit = said.map_or_else(|| commit_of(release).to_owned(), |commit| commit.id);
        self.commits.insert(release.to_owned(), commit.clone());
        Ok(commit)
    }
}
