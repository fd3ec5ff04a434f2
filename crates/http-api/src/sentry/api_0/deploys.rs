//! Deploys of releases. Each is a mark on every graph, too.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use error_tracking::Project;
use error_tracking::shipped::{Deploy, Said};
use serde::Deserialize;
use serde_json::Value;
use vocabulary::Timestamp;

use super::releases::{Found, time};
use super::{Sent, Told, find_projects, shapes, working};
use crate::accounts::{Caller, Role};
use crate::annotations::{self, NewAnnotation};
use crate::answer::Answer;
use crate::services::Services;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewDeploy {
    environment: String,
    name: Option<String>,
    url: Option<String>,
    date_started: Option<Value>,
    date_finished: Option<Value>,
    projects: Option<Vec<String>>,
}

impl NewDeploy {
    fn read(&self, now: Timestamp) -> Answer<Deploy> {
        Ok(Deploy {
            id: 0,
            environment: self.environment.clone(),
            name: self.name.clone().unwrap_or_default(),
            url: self.url.clone().unwrap_or_default(),
            started: time("dateStarted", self.date_started.as_ref())?,
            finished: time("dateFinished", self.date_finished.as_ref())?.unwrap_or(now),
        })
    }
}

/// Those of the release that whoever asks may see.
fn with_release(services: &Services, caller: &Caller, version: &str) -> Answer<Vec<Arc<Project>>> {
    Found::look(services, caller, version, None).map(Found::projects)
}

pub async fn create(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, version)): Path<(String, String)>,
    Sent(new): Sent<NewDeploy>,
) -> Told<Response> {
    working(&services, caller, Role::Editor, move |services, caller| {
        let now = services.clock.now();
        let mut deploy = new.read(now)?;
        let projects = match &new.projects {
            Some(slugs) if !slugs.is_empty() => find_projects(services, caller, slugs)?,
            _ => with_release(services, caller, &version)?,
        };
        for project in &projects {
            services.tracker.ship(project.id, &version, &Said::default(), now)?;
            deploy.id = services.tracker.deploy(project.id, &version, &deploy)?;
        }
        mark(services, &projects, &version, &deploy);
        Ok((StatusCode::CREATED, Json(shapes::deploy(&deploy))).into_response())
    })
    .await
}

/// The deploy is kept; that it is marked is more than was asked for.
fn mark(services: &Services, projects: &[Arc<Project>], version: &str, deploy: &Deploy) {
    let names: Vec<String> = projects.iter().map(|project| project.name.clone()).collect();
    let what = format!("{version} deployed to {}", deploy.environment);
    let new = NewAnnotation {
        at: deploy.finished.0 as f64,
        what: what.chars().take(annotations::MAX_WHAT).collect(),
        tags: ["deploy".to_owned()]
            .into_iter()
            .chain(names.iter().cloned())
            .take(annotations::MAX_TAGS)
            .collect(),
        data: deploy.url.clone(),
    };
    if annotations::add_of(&services.state, &new, &names).is_err() {
        tracing::warn!(version, "a deploy cannot be marked on the graphs");
    }
}

pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, version)): Path<(String, String)>,
) -> Told<Json<Value>> {
    working(&services, caller, Role::Viewer, move |services, caller| {
        let mut deploys = Vec::new();
        for project in with_release(services, caller, &version)? {
            deploys.extend(services.tracker.deploys(project.id, &version)?);
        }
        deploys.sort_by_key(|deploy| std::cmp::Reverse(deploy.id));
        Ok(Json(deploys.iter().map(shapes::deploy).collect()))
    })
    .await
}
