//! Somebody stands in for whoever is on call.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use incidents::oncall::{self, Answering};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vocabulary::Timestamp;

use super::people::is_self;
use super::refused::refusal;
use super::schedules;
use super::status::off_thread;
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
    pub id: i64,
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

pub fn told(over: oncall::Override) -> Override {
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
    off_thread(&services, move |services| {
        let now = services.clock.now();
        let answering = services.desk.answering(&caller.scope, now);
        let all = services.desk.overrides(now).into_iter();
        let is_theirs =
            |over: &oncall::Override| caller.scope.is_everything() || answering.contains_key(&over.schedule);
        let overrides = all.filter(is_theirs).map(told).collect();
        Ok(Json(Overrides { now: now.0, overrides }))
    })
    .await
}

/// Whoever sees a part of all names changes who is on call for that, and for nothing else; and names people whom they know.
fn theirs(services: &Services, caller: &Caller, schedule: &str, people: &[&str]) -> Answer<()> {
    if caller.scope.is_everything() {
        return Ok(());
    }
    if schedules::answering(services, caller, schedule)? == Answering::ToOthersToo {
        let why = format!("the schedule `{schedule}` answers for what others see, too");
        return Err(Problem::forbidden(why).hint("whoever sees everything changes who is on call there"));
    }
    let roster = services.desk.roster(services.clock.now());
    let known = roster.schedules.get(schedule);
    let on_it = |name: &str| known.is_some_and(|known| known.schedule.names(name));
    let teams = super::teams::seen(services, caller)?;
    let in_a_team = |name: &str| teams.iter().any(|team| team.members().any(|member| member == name));
    match people.iter().find(|&&name| !is_self(caller, name) && !on_it(name) && !in_a_team(name)) {
        Some(name) => {
            Err(Problem::bad_request(format!("`{name}` is neither of your teams nor on this schedule"))
                .hint("name somebody who is"))
        }
        None => Ok(()),
    }
}

/// Somebody is on call from then until then, whatever the layers say: taking over is one that begins now.
#[utoipa::path(post, path = "/overrides", request_body = NewOverride,
    responses((status = 200, body = Override), (status = 400, body = Problem)))]
pub async fn create(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(wanted): Body<NewOverride>,
) -> Answer<Json<Override>> {
    require(&caller, Role::Responder)?;
    off_thread(&services, move |services| {
        let now = services.clock.now();
        let person = wanted.person.unwrap_or_else(|| caller.name.clone());
        let named: Vec<&str> =
            std::iter::once(person.as_str()).chain(wanted.in_place_of.as_deref()).collect();
        theirs(services, &caller, &wanted.schedule, &named)?;
        let over = oncall::Override {
            id: 0,
            schedule: wanted.schedule.into(),
            person: person.into(),
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
    require(&caller, Role::Responder)?;
    off_thread(&services, move |services| {
        let now = services.clock.now();
        if !caller.scope.is_everything() {
            let over = services.desk.overrides(now).into_iter().find(|over| over.id == id);
            let over = over.ok_or_else(|| unknown(id))?;
            schedules::answering(services, &caller, &over.schedule).map_err(|_| unknown(id))?;
            theirs(services, &caller, &over.schedule, &[])?;
        }
        let ended = services.desk.end_override(id, now);
        ended.map_err(|failed| refusal(failed, || unknown(id)))?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
