//! Playbooks: what to look at and do when something fires, written together.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use incidents::playbooks::Playbook;
use incidents::playbooks::markdown;
use incidents::playbooks::store::{Version, Written};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::refused::refusal;
use super::removing::Removing;
use super::status::off_thread;
use super::watched;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Params, Problem};
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct Playbooks {
    now: i64,
    playbooks: Vec<Listed>,
    /// Monitors, checks and hosts (`host:NAME`) that can wake somebody and say nothing of what to do.
    missing: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct Listed {
    name: String,
    version: i64,
    by: String,
    at: i64,
    /// What uses it; a host is `host:NAME`.
    monitors: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct PlaybookItem {
    name: String,
    version: i64,
    by: String,
    at: i64,
    /// Markdown.
    text: String,
    /// What its headings say: a monitor names one as `NAME#SECTION`.
    sections: Vec<String>,
}

/// Somebody else has written meanwhile.
#[derive(Serialize, ToSchema)]
pub struct Newer {
    #[serde(flatten)]
    problem: Problem,
    /// As it is now; null: it was taken out.
    newer: Option<PlaybookItem>,
}

#[derive(Serialize, ToSchema)]
pub struct PlaybookVersions {
    versions: Vec<VersionItem>,
}

#[derive(Serialize, ToSchema)]
struct VersionItem {
    version: i64,
    at: i64,
    by: String,
    /// Null: it was taken out.
    text: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WritingPlaybook {
    text: String,
    /// The version that was read; 0 of one that is not there yet.
    #[serde(default)]
    version: i64,
}

pub fn item(one: Playbook) -> PlaybookItem {
    PlaybookItem {
        sections: markdown::titles(&one.text).map(str::to_owned).collect(),
        name: one.name.to_string(),
        version: one.version,
        by: one.by,
        at: one.at,
        text: one.text.to_string(),
    }
}

fn unknown(name: &str) -> Problem {
    Problem::not_found(format!("there is no playbook `{name}`"))
        .hint("GET /api/v1/playbooks lists them; PUT with {\"text\"} writes it")
}

#[utoipa::path(get, path = "/playbooks", responses((status = 200, body = Playbooks)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Playbooks>> {
    watched::whole(&caller, Role::Viewer)?;
    off_thread(&services, |services| {
        let listed = |(one, monitors): (Playbook, Vec<String>)| Listed {
            name: one.name.to_string(),
            version: one.version,
            by: one.by,
            at: one.at,
            monitors,
        };
        Ok(Json(Playbooks {
            now: services.clock.now().0,
            playbooks: services.desk.playbooks().into_iter().map(listed).collect(),
            missing: services.desk.without_playbook(),
        }))
    })
    .await
}

#[utoipa::path(get, path = "/playbooks/{name}", params(("name" = String, Path)),
    responses((status = 200, body = PlaybookItem), (status = 404, body = Problem)))]
pub async fn one(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<Json<PlaybookItem>> {
    watched::whole(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        services.desk.playbook(&name).map(|one| Json(item(one))).ok_or_else(|| unknown(&name))
    })
    .await
}

/// Writes one, or changes it. Whoever has read an older version gets the newer one (409), and overwrites nothing.
#[utoipa::path(put, path = "/playbooks/{name}", params(("name" = String, Path)), request_body = WritingPlaybook,
    responses((status = 200, body = PlaybookItem), (status = 400, body = Problem), (status = 409, body = Newer)))]
pub async fn write(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Body(writing): Body<WritingPlaybook>,
) -> Answer<Response> {
    watched::whole(&caller, Role::Editor)?;
    off_thread(&services, move |services| {
        let WritingPlaybook { text, version } = writing;
        let written = services.desk.write_playbook(&name, &caller.name, version, &text, services.clock.now());
        match written.map_err(|failed| refusal(failed, || unknown(&name)))? {
            Written::Done(one) => Ok(Json(item(one)).into_response()),
            Written::Newer(newer) => Ok(conflict(&name, newer)),
        }
    })
    .await
}

fn conflict(name: &str, newer: Option<Playbook>) -> Response {
    let why = match &newer {
        Some(one) => format!("{} has changed `{name}` meanwhile: it is version {} now", one.by, one.version),
        None => format!("there is no playbook `{name}` (any more)"),
    };
    let hint = match &newer {
        Some(one) => format!("put both together and send them with \"version\": {}", one.version),
        None => "send it with \"version\": 0 to write it anew".to_owned(),
    };
    let problem = Problem::new(StatusCode::CONFLICT, why).hint(hint);
    (StatusCode::CONFLICT, Json(Newer { problem, newer: newer.map(item) })).into_response()
}

/// Its versions stay to be read.
#[utoipa::path(delete, path = "/playbooks/{name}", params(Removing, ("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn remove(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Params(removing): Params<Removing>,
) -> Answer<StatusCode> {
    watched::whole(&caller, Role::Editor)?;
    off_thread(&services, move |services| {
        removing.check(&format!("the playbook `{name}`"), || named_by(services, &name))?;
        let removed = services.desk.remove_playbook(&name, &caller.name, services.clock.now());
        removed.map_err(|failed| refusal(failed, || unknown(&name)))?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// Pages of these would say nothing of what to do.
fn named_by(services: &Services, name: &str) -> Vec<String> {
    let all = services.desk.playbooks().into_iter();
    let users = all.filter(|(one, _)| *one.name == *name).flat_map(|(_, users)| users);
    users.map(|user| format!("`{user}`")).collect()
}

/// The newest first, also of one that was taken out.
#[utoipa::path(get, path = "/playbooks/{name}/versions", params(("name" = String, Path)),
    responses((status = 200, body = PlaybookVersions), (status = 404, body = Problem)))]
pub async fn versions(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<Json<PlaybookVersions>> {
    watched::whole(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let found = services.desk.playbook_versions(&name)?;
        if found.is_empty() {
            return Err(unknown(&name));
        }
        let item =
            |one: Version| VersionItem { version: one.version, at: one.at, by: one.by, text: one.text };
        Ok(Json(PlaybookVersions { versions: found.into_iter().map(item).collect() }))
    })
    .await
}
