//! What users said: of an error that they had, or of anything else.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use error_tracking::{Group, Project};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::error::EventId;

use super::super::status::off_thread;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Params, Problem};
use crate::guard::require;
use crate::sentry::kept::{self, KeptReport};
use crate::services::Services;

const USUAL_LIMIT: usize = 50;
/// So many of a project are looked at: each event is read for the group that it is in.
const MAX_LIMIT: usize = 200;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Its number or name; left out: all that the caller sees.
    project: Option<String>,
    /// Only what is said of this one, of the newest 200 of each project.
    group: Option<u64>,
    /// 1 to 200, usually 50.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub struct ErrorFeedback {
    at: i64,
    name: String,
    email: String,
    comments: String,
    /// The page that it was sent from.
    url: Option<String>,
    project: u64,
    project_name: String,
    /// The event that it is about; its own, if it is about none.
    event: String,
    /// Null: the event is not kept.
    group: Option<FeedbackGroup>,
}

#[derive(Serialize, ToSchema)]
pub struct FeedbackGroup {
    id: u64,
    short: String,
    title: String,
    status: &'static str,
    /// `feedback`: it is about no error.
    kind: String,
}

/// The newest first.
#[utoipa::path(get, path = "/errors/feedback", params(Which),
    responses((status = 200, body = Vec<ErrorFeedback>), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(which): Params<Which>,
) -> Answer<Json<Vec<ErrorFeedback>>> {
    require(&caller, Role::Viewer)?;
    let limit = which.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::bad_request(format!("limit is 1 to {MAX_LIMIT}")));
    }
    off_thread(&services, move |services| {
        let wanted = which.group.map(|id| group(services, &caller, id)).transpose()?;
        let mut said = Vec::new();
        for project in projects(services, &caller, &which, wanted.as_ref())? {
            let looked_at = if wanted.is_some() { MAX_LIMIT } else { limit };
            for (event, report) in kept::reports(&services.state, project.id, looked_at)? {
                let of = group_of(services, &project, event)?;
                if wanted.as_ref().is_none_or(|wanted| of.as_ref().is_some_and(|of| of.id == wanted.id)) {
                    said.push(item(services, &project, event, report, of));
                }
            }
        }
        said.sort_by_key(|one| Reverse(one.at));
        said.truncate(limit);
        Ok(Json(said))
    })
    .await
}

fn group(services: &Services, caller: &Caller, id: u64) -> Answer<Group> {
    let found = services.tracker.one(id)?;
    let is_seen = |group: &Group| {
        services.projects.get(group.project).is_some_and(|project| super::sees(&caller.scope, &project.name))
    };
    found.filter(is_seen).ok_or_else(|| super::unknown(id))
}

fn projects(
    services: &Services,
    caller: &Caller,
    which: &Which,
    wanted: Option<&Group>,
) -> Answer<Vec<Arc<Project>>> {
    let mut projects = match &which.project {
        Some(named) => vec![super::project(services, caller, named)?],
        None => services.projects.list(),
    };
    projects.retain(|project| {
        super::sees(&caller.scope, &project.name) && wanted.is_none_or(|group| group.project == project.id)
    });
    Ok(projects)
}

fn group_of(services: &Services, project: &Project, event: EventId) -> Answer<Option<Group>> {
    match services.event_log.read(project.id, event)? {
        Some(event) => Ok(services.tracker.one(event.key.group)?),
        None => Ok(None),
    }
}

fn item(
    services: &Services,
    project: &Project,
    event: EventId,
    report: KeptReport,
    group: Option<Group>,
) -> ErrorFeedback {
    let KeptReport { at, name, email, comments, url } = report;
    let now = services.clock.now();
    ErrorFeedback {
        at: at.0,
        name,
        email,
        comments,
        url,
        project: project.id,
        project_name: project.name.clone(),
        event: event.to_string(),
        group: group.map(|group| FeedbackGroup {
            id: group.id,
            short: project.short(group.number),
            status: group.detail.life.word_at(now),
            title: group.title,
            kind: group.detail.kind,
        }),
    }
}
