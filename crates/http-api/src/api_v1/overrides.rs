//! Somebody stands in for whoever is on call.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use incidents::oncall;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vocabulary::Timestamp;

use super::schedules::refusal;
use super::status::off_thread;
use super::watched;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Id, Problem};
use crate::guard::require;
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct Overrides {
    now: i64,
    overrides: Vec<Override>,
}

#[derive(Serialize, ToSchema)]
pub struct Override {
    id: i64,
    schedule: String,
    person: String,
    /// Only while this one would be on call; null: whoever it is.
    in_place_of: Option<String>,
    start: i64,
    until: i64,
    made_by: String,
    made_at: i64,
    note: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOverride {
    schedule: String,
    /// Default: who asks.
    person: Option<String>,
    in_place_of: Option<String>,
    /// Seconds since 1970; default, and at the earliest: now.
    start: Option<i64>,
    until: i64,
    #[serde(default)]
    note: String,
}

fn told(over: oncall::Override) -> Override {
    Override {
        id: over.id,
        schedule: over.schedule.to_string(),
        person: over.person.to_string(),
        in_place_of: over.in_place_of.as_deref().map(str::to_owned),
        start: over.start.0,
        until: over.until.0,
        made_by: over.by,
        made_at: over.at.0,
        note: over.note,
    }
}

fn unknown(id: i64) -> Problem {
    Problem::not_found(format!("there is no override {id} that is not over"))
        .hint("GET /api/v1/overrides lists them")
}

/// Those that are not over.
#[utoipa::path(get, path = "/overrides", responses((status = 200, body = Overrides)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Overrides>> {
    require(&caller, Role::Viewer)?;
    watched::sees(&caller)?;
    off_thread(&services, |services| {
        let now = services.clock.now();
        let overrides = services.desk.overrides(now).into_iter().map(told).collect();
        Ok(Json(Overrides { now: now.0, overrides }))
    })
    .await
}

/// Somebody is on call from then until then, whatever the layers say: taking over is one that begins now.
#[utoipa::path(post, path = "/overrides", request_body = NewOverride,
    responses((status = 200, body = Override), (status = 400, body = Problem)))]
pub async fn create(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(wanted): Body<NewOverride>,
) -> Answer<Json<Override>> {
    watched::may(&caller, Role::Responder)?;
    off_thread(&services, move |services| {
        let now = services.clock.now();
        let over = oncall::Override {
            id: 0,
            schedule: wanted.schedule.into(),
            person: wanted.person.unwrap_or_else(|| caller.name.clone()).into(),
            in_place_of: wanted.in_place_of.map(Arc::from),
            // Who was on call stays as it was.
            start: wanted.start.map_or(now, Timestamp).max(now),
            until: Timestamp(wanted.until),
            by: caller.name,
            at: now,
            note: wanted.note,
        };
        let made = services.desk.stand_in(over);
        Ok(Json(told(made.map_err(|failed| refusal(failed, || unknown(0)))?)))
    })
    .await
}

/// It ends now; what was stays as it was.
#[utoipa::path(delete, path = "/overrides/{id}", params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn end(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
) -> Answer<StatusCode> {
    watched::may(&caller, Role::Responder)?;
    off_thread(&services, move |services| {
        let ended = services.desk.end_override(id, services.clock.now());
        ended.map_err(|failed| refusal(failed, || unknown(id)))?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
