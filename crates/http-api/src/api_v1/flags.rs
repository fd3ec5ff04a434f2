//! Flags: what is switched on and off, as whoever switches it tells us.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::status::off_thread;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Problem};
use crate::flags::{self, Flag, MAX_FLAGS, Refused};
use crate::guard::require;
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct Flags {
    flags: Vec<FlagItem>,
}

#[derive(Serialize, ToSchema)]
pub struct FlagItem {
    name: String,
    #[schema(example = "on")]
    state: String,
    since: i64,
    author: String,
    note: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewState {
    /// `on`, `off`, `25%`: a short word of your own.
    state: String,
    /// In whose name; default: who asks.
    author: Option<String>,
    #[serde(default)]
    note: String,
}

fn item(flag: Flag) -> FlagItem {
    let Flag { name, state, since, author, note } = flag;
    FlagItem { name, state, since, author, note }
}

#[utoipa::path(get, path = "/flags", responses((status = 200, body = Flags)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Flags>> {
    require(&caller, Role::Viewer)?;
    super::watched::sees(&caller)?;
    off_thread(&services, |services| {
        Ok(Json(Flags { flags: flags::all(&services.state)?.into_iter().map(item).collect() }))
    })
    .await
}

/// Tells how it is switched now. A change is an event on every graph; the same again changes nothing.
#[utoipa::path(put, path = "/flags/{name}", params(("name" = String, Path)), request_body = NewState,
    responses((status = 200, body = FlagItem), (status = 400, body = Problem), (status = 409, body = Problem)))]
pub async fn set(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Body(new): Body<NewState>,
) -> Answer<Json<FlagItem>> {
    super::watched::may(&caller, Role::Editor)?;
    let author = super::watched::author(&caller, new.author.unwrap_or_default());
    off_thread(&services, move |services| {
        let since = services.clock.now().0;
        let flag = Flag { name, state: new.state, since, author, note: new.note };
        flags::set(&services.state, flag).map(|flag| Json(item(flag))).map_err(refusal)
    })
    .await
}

#[utoipa::path(delete, path = "/flags/{name}", params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn remove(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<StatusCode> {
    super::watched::may(&caller, Role::Editor)?;
    off_thread(&services, move |services| {
        let removed = flags::remove(&services.state, &name, &caller.name, services.clock.now());
        match removed.map_err(refusal)? {
            true => Ok(StatusCode::NO_CONTENT),
            false => Err(Problem::not_found(format!("there is no flag `{name}`"))),
        }
    })
    .await
}

fn refusal(refused: Refused) -> Problem {
    match refused {
        Refused::Bad(why) => Problem::bad_request(why),
        Refused::Full => Problem::new(
            StatusCode::CONFLICT,
            format!("{MAX_FLAGS} flags are there already: take some out with DELETE"),
        ),
        Refused::State(error) => error.into(),
    }
}
