//! Releases of a project: when each was first seen, what it brought, how its runs go, where it went and with which changes.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use error_tracking::Group;
use error_tracking::limits::MAX_RELEASES;
use error_tracking::look::{By, Span};
use error_tracking::runs::Health;
use error_tracking::shipped::{Commit, Deploy, Shipped};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::Timestamp;

use super::super::status::off_thread;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Params, Problem};
use crate::guard::require;
use crate::services::Services;

const DAY: i64 = 86_400;
const USUAL_SECONDS: i64 = 14 * DAY;
const USUAL_LIMIT: usize = 50;
const MAX_LIMIT: usize = 500;
/// As many as the page of a group shows.
const OF_A_GROUP: usize = 50;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Its number or name.
    project: String,
    /// Events and sessions of this one only.
    environment: Option<String>,
    /// Events and sessions since then, from the beginning of that day on; usually 14 days ago.
    since: Option<i64>,
    /// 1 to 500, usually 50.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub struct ProjectReleases {
    since: i64,
    /// The last to be seen for the first time comes first.
    releases: Vec<ReleaseState>,
}

#[derive(Serialize, ToSchema)]
pub struct ReleaseState {
    release: String,
    /// An event or a session of it, or the word of whoever made it.
    first_seen: i64,
    /// When it was said to be out.
    released: Option<i64>,
    url: Option<String>,
    /// As many as were said of it.
    deploys: u64,
    commits: u64,
    /// Groups that were seen in it before any other.
    groups_new: u64,
    events: u64,
    sessions: u64,
    crashed: u64,
    /// 1: none crashed; null: there were no sessions.
    crash_free: Option<f64>,
    /// Its part of all sessions; null: there were none.
    adoption: Option<f64>,
}

#[derive(Serialize, ToSchema)]
pub struct WholeRelease {
    #[serde(flatten)]
    release: ReleaseState,
    since: i64,
    /// The newest first.
    deployed: Vec<DeployItem>,
    changes: Vec<CommitItem>,
}

#[derive(Serialize, ToSchema)]
pub struct DeployItem {
    environment: String,
    name: String,
    url: String,
    started: Option<i64>,
    finished: i64,
}

#[derive(Serialize, ToSchema)]
pub struct CommitItem {
    id: String,
    repository: String,
    author_name: String,
    author_email: String,
    at: Option<i64>,
    message: String,
}

/// What of a group was in which release.
#[derive(Serialize, ToSchema)]
pub struct ReleaseItem {
    release: String,
    count: u64,
    /// When the project was first seen in it.
    first_seen: Option<i64>,
}

/// What is known of the releases of one project, by version.
struct Known {
    project: u64,
    since: Timestamp,
    shipped: HashMap<String, Shipped>,
    opened: HashMap<String, u64>,
    events: HashMap<String, u64>,
    health: HashMap<String, Health>,
    runs: u64,
}

#[utoipa::path(get, path = "/errors/releases", params(Which),
    responses((status = 200, body = ProjectReleases), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(which): Params<Which>,
) -> Answer<Json<ProjectReleases>> {
    require(&caller, Role::Viewer)?;
    let limit = which.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::bad_request(format!("limit is 1 to {MAX_LIMIT}")));
    }
    off_thread(&services, move |services| {
        let known = Known::look(services, &caller, &which)?;
        let releases = services.tracker.releases(known.project, limit)?;
        let releases = releases.into_iter().map(|(release, first_seen)| known.state(release, first_seen));
        Ok(Json(ProjectReleases { releases: releases.collect(), since: known.since.0 }))
    })
    .await
}

#[utoipa::path(get, path = "/errors/releases/{version}", params(("version" = String, Path), Which),
    responses((status = 200, body = WholeRelease), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn one(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(version): Path<String>,
    Params(which): Params<Which>,
) -> Answer<Json<WholeRelease>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let known = Known::look(services, &caller, &which)?;
        let all = services.tracker.releases(known.project, MAX_RELEASES)?;
        let found = all.into_iter().find(|(release, _)| *release == version);
        let (release, first_seen) = found.ok_or_else(|| {
            Problem::not_found(format!("nothing has been seen of the release `{version}`"))
                .hint("GET /api/v1/errors/releases lists those of a project")
        })?;
        let deploys = services.tracker.deploys(known.project, &release)?;
        let commits = services.tracker.commits(known.project, &release)?;
        Ok(Json(WholeRelease {
            release: known.state(release, first_seen),
            since: known.since.0,
            deployed: deploys.into_iter().map(deploy).collect(),
            changes: commits.into_iter().map(commit).collect(),
        }))
    })
    .await
}

impl Known {
    fn look(services: &Services, caller: &Caller, which: &Which) -> Answer<Known> {
        let project = super::project(services, caller, &which.project)?.id;
        let (now, tracker) = (services.clock.now(), &services.tracker);
        let since = which.since.unwrap_or(now.0 - USUAL_SECONDS);
        let since = Timestamp(since.saturating_sub(since.rem_euclid(DAY)));
        let span = Span {
            project,
            group: None,
            step: DAY,
            from: since,
            until: now.plus(DAY),
            by: Some(By::Release),
            environment: which.environment.clone(),
            release: None,
        };
        if let Some(why) = span.problem() {
            return Err(Problem::bad_request(format!("`since`: {why}")));
        }
        let mut events = HashMap::<String, u64>::new();
        for slot in tracker.counts(&span, now)? {
            *events.entry(slot.name).or_default() += slot.count;
        }
        let health = tracker.health(project, since, which.environment.as_deref(), now)?;
        let shipped = tracker.shipped_of(project, MAX_RELEASES)?;
        Ok(Known {
            project,
            since,
            shipped: shipped.into_iter().map(|one| (one.version.clone(), one)).collect(),
            opened: tracker.opened_by_release(project, now)?,
            events,
            runs: health.values().map(|health| health.runs).sum(),
            health,
        })
    }

    fn state(&self, release: String, first_seen: Timestamp) -> ReleaseState {
        let shipped = self.shipped.get(&release);
        let health = self.health.get(&release).copied().unwrap_or_default();
        let count = |counts: &HashMap<String, u64>| counts.get(&release).copied().unwrap_or(0);
        ReleaseState {
            first_seen: first_seen.0,
            released: shipped.and_then(|shipped| shipped.released).map(|at| at.0),
            url: shipped.map(|shipped| shipped.url.clone()).filter(|url| !url.is_empty()),
            deploys: shipped.map_or(0, |shipped| shipped.deploys),
            commits: shipped.map_or(0, |shipped| shipped.commits),
            groups_new: count(&self.opened),
            events: count(&self.events),
            sessions: health.runs,
            crashed: health.crashed,
            crash_free: health.crash_free(),
            adoption: (self.runs > 0).then(|| health.runs as f64 / self.runs as f64),
            release,
        }
    }
}

/// In how many events of a group each was, of one environment or all; the last to be seen for the first time comes first.
pub fn of_group(services: &Services, group: &Group, environment: Option<String>) -> Answer<Vec<ReleaseItem>> {
    let now = services.clock.now();
    let span = Span {
        project: group.project,
        group: Some(group.id),
        step: DAY,
        from: Timestamp(0),
        until: now.plus(DAY),
        by: Some(By::Release),
        environment,
        release: None,
    };
    let mut counts = HashMap::<String, u64>::new();
    for slot in services.tracker.counts(&span, now)? {
        *counts.entry(slot.name).or_default() += slot.count;
    }
    counts.remove("");
    let mut releases = Vec::new();
    for (release, at) in services.tracker.releases(group.project, MAX_RELEASES)? {
        if let Some(count) = counts.remove(&release) {
            releases.push(ReleaseItem { release, count, first_seen: Some(at.0) });
        }
    }
    let forgotten = |(release, count)| ReleaseItem { release, count, first_seen: None };
    releases.extend(counts.into_iter().map(forgotten));
    releases.truncate(OF_A_GROUP);
    Ok(releases)
}

/// Of those that it was seen in.
pub fn newest_of(services: &Services, group: &Group, environment: Option<String>) -> Answer<Option<String>> {
    Ok(of_group(services, group, environment)?.into_iter().next().map(|newest| newest.release))
}

fn deploy(one: Deploy) -> DeployItem {
    DeployItem {
        environment: one.environment,
        name: one.name,
        url: one.url,
        started: one.started.map(|at| at.0),
        finished: one.finished.0,
    }
}

fn commit(one: Commit) -> CommitItem {
    CommitItem {
        id: one.id,
        repository: one.repository,
        author_name: one.author_name,
        author_email: one.author_email,
        at: one.at.map(|at| at.0),
        message: one.message,
    }
}
