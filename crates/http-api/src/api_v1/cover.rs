//! Somebody asks for cover, and somebody else accepts.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use incidents::oncall::cover;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vocabulary::Timestamp;

use super::refused::refusal;
use super::status::off_thread;
use super::watched;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Id, Problem};
use crate::guard::require;
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct Covers {
    now: i64,
    covers: Vec<Cover>,
}

#[derive(Serialize, ToSchema)]
pub struct Cover {
    pub id: i64,
    schedule: String,
    /// Whose turns are to be covered.
    person: String,
    from: i64,
    until: i64,
    note: String,
    made_by: String,
    made_at: i64,
    /// Null: nobody has accepted it yet.
    accepted_by: Option<String>,
    /// The number of the override that came of it.
    r#override: Option<i64>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCover {
    schedule: String,
    /// Whose turns; default: of who asks.
    person: Option<String>,
    /// Seconds since 1970; default: now.
    from: Option<i64>,
    until: i64,
    #[serde(default)]
    note: String,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CoverAcceptance {
    /// Who stands in; default: who accepts.
    person: Option<String>,
}

pub fn told(cover: cover::Cover) -> Cover {
    Cover {
        id: cover.id,
        schedule: cover.schedule.to_string(),
        person: cover.person.to_string(),
        from: cover.from.0,
        until: cover.until.0,
        note: cover.note,
        made_by: cover.by,
        made_at: cover.at.0,
        r#override: cover.taken.as_ref().map(|taken| taken.override_id),
        accepted_by: cover.taken.map(|taken| taken.by.to_string()),
    }
}

fn unknown(id: i64) -> Problem {
    Problem::not_found(format!("nobody asks for cover {id}, or it is over"))
        .hint("GET /api/v1/cover lists what is asked for")
}

/// What is asked for and not over, accepted or not.
#[utoipa::path(get, path = "/cover", responses((status = 200, body = Covers)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Covers>> {
    require(&caller, Role::Viewer)?;
    watched::sees(&caller)?;
    off_thread(&services, |services| {
        let now = services.clock.now();
        let covers = services.desk.covers(now)?.into_iter().map(told).collect();
        Ok(Json(Covers { now: now.0, covers }))
    })
    .await
}

/// Asks that somebody stands in for one's own turns between these times.
#[utoipa::path(post, path = "/cover", request_body = NewCover,
    responses((status = 201, body = Cover), (status = 400, body = Problem)))]
pub async fn ask(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(wanted): Body<NewCover>,
) -> Answer<(StatusCode, Json<Cover>)> {
    watched::may(&caller, Role::Responder)?;
    off_thread(&services, move |services| {
        let now = services.clock.now();
        let wanted = cover::Cover {
            id: 0,
            schedule: wanted.schedule.into(),
            person: wanted.person.unwrap_or_else(|| caller.name.clone()).into(),
            from: wanted.from.map_or(now, Timestamp),
            until: Timestamp(wanted.until),
            note: wanted.note,
            by: caller.name,
            at: now,
            taken: None,
        };
        let asked = services.desk.ask_for_cover(wanted);
        Ok((StatusCode::CREATED, Json(told(asked.map_err(|failed| refusal(failed, || unknown(0)))?))))
    })
    .await
}

/// Makes the override: only in the turns of who asks. The first who accepts has it.
#[utoipa::path(post, path = "/cover/{id}/accept", params(("id" = i64, Path)), request_body = CoverAcceptance,
    responses((status = 200, body = Cover), (status = 400, body = Problem), (status = 404, body = Problem),
        (status = 409, body = Problem)))]
pub async fn accept(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(said): Body<CoverAcceptance>,
) -> Answer<Json<Cover>> {
    watched::may(&caller, Role::Responder)?;
    off_thread(&services, move |services| {
        let person = said.person.unwrap_or_else(|| caller.name.clone()).into();
        let accepted = services.desk.accept_cover(id, &person, &caller.name, services.clock.now());
        Ok(Json(told(accepted.map_err(|failed| refusal(failed, || unknown(id)))?)))
    })
    .await
}

/// It is not wanted any more.
#[utoipa::path(delete, path = "/cover/{id}", params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn withdraw(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
) -> Answer<StatusCode> {
    watched::may(&caller, Role::Responder)?;
    off_thread(&services, move |services| {
        let withdrawn = services.desk.withdraw_cover(id, services.clock.now());
        withdrawn.map_err(|failed| refusal(failed, || unknown(id)))?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
