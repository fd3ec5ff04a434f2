//! What to do about one incident: the matching section of its playbook, and the steps of it that are done.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use incidents::playbooks;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::incidents::{do_it, refusal, unknown};
use super::status::off_thread;
use super::watched;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Id, Problem};
use crate::guard::require;
use crate::services::Services;

/// All but `steps` may be null or empty: `problem` says why.
#[derive(Serialize, ToSchema)]
pub struct Guide {
    /// Of a playbook that is kept here, which is changed at `/playbooks/{name}`.
    name: Option<String>,
    /// 0: it stands in the definition of what is watched.
    version: i64,
    /// It is elsewhere.
    url: Option<String>,
    title: String,
    /// Markdown: the section that matches, else all of it.
    text: String,
    steps: Vec<Step>,
    /// Why there is none, or not the section that was meant.
    problem: Option<String>,
    /// Written under this name, it would be found.
    missing: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Step {
    /// From 1.
    number: usize,
    text: String,
    ticked: Option<Ticked>,
}

#[derive(Serialize, ToSchema)]
struct Ticked {
    by: String,
    at: i64,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Ticking {
    /// Its number.
    step: usize,
    /// The version in which it has this number.
    version: i64,
    /// In whose name; default: who asks.
    author: Option<String>,
}

fn shown(services: &Services, caller: &Caller, id: i64) -> Answer<Json<Guide>> {
    let guide = services.desk.guide(&caller.scope, id)?.ok_or_else(|| unknown(id))?;
    let playbooks::Guide { name, version, url, title, text, steps, problem, missing } = guide;
    let step = |(index, step): (usize, playbooks::Step)| Step {
        number: index + 1,
        text: step.text,
        ticked: step.ticked.map(|tick| Ticked { by: tick.by, at: tick.at }),
    };
    let steps = steps.into_iter().enumerate().map(step).collect();
    Ok(Json(Guide { name, version, url, title, text, steps, problem, missing }))
}

#[utoipa::path(get, path = "/incidents/{id}/playbook", params(("id" = i64, Path)),
    responses((status = 200, body = Guide), (status = 404, body = Problem)))]
pub async fn guide(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
) -> Answer<Json<Guide>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| shown(services, &caller, id)).await
}

/// A step is done: it stands on the timeline, with who did it.
#[utoipa::path(post, path = "/incidents/{id}/tick", params(("id" = i64, Path)), request_body = Ticking,
    responses((status = 200, body = Guide), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn tick(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(ticking): Body<Ticking>,
) -> Answer<Json<Guide>> {
    set(services, caller, id, ticking, true).await
}

/// It was not done.
#[utoipa::path(post, path = "/incidents/{id}/untick", params(("id" = i64, Path)), request_body = Ticking,
    responses((status = 200, body = Guide), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn untick(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(ticking): Body<Ticking>,
) -> Answer<Json<Guide>> {
    set(services, caller, id, ticking, false).await
}

async fn set(
    services: Arc<Services>,
    caller: Caller,
    id: i64,
    ticking: Ticking,
    done: bool,
) -> Answer<Json<Guide>> {
    require(&caller, Role::Responder)?;
    let author = watched::author(&caller, ticking.author.unwrap_or_default());
    off_thread(&services, move |services| {
        let step = (ticking.step, ticking.version);
        let deed = services.desk.ticking(&caller.scope, id, step, done);
        do_it(services, id, &author, &deed.map_err(|failed| refusal(id, failed))?)?;
        shown(services, &caller, id)
    })
    .await
}
