//! What a Nagios leaves to its successor: states, acknowledgements, downtimes and comments, and its archived past.
//! `bellwether import nagios` and `import nagios-archive` read the files and send it here in parts.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use monitors::adopt::{Adopted, AdoptedCounts};
use monitors::past::{self, Chunk, PastFile};
use serde::Serialize;
use utoipa::ToSchema;

use super::status::off_thread;
use super::watched;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Problem};
use crate::services::Services;

/// Takes states, acknowledgements, downtimes and comments over. What is newer here stays; the same twice is there once.
#[utoipa::path(post, path = "/import/nagios-state", request_body = Object, responses((status = 200, body = Object), (status = 403, body = Problem)))]
pub async fn take_state(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(adopted): Body<Adopted>,
) -> Answer<Json<AdoptedCounts>> {
    watched::may(&caller, Role::Admin)?;
    let now = services.clock.now();
    watched::change(&services, move |monitors| monitors.adopt(&adopted, now)).await.map(Json)
}

/// What of a part of an archive was not here yet.
#[derive(Serialize, ToSchema)]
pub struct NewEvents {
    new: usize,
}

/// Takes a part of an archive, all of it or nothing.
#[utoipa::path(post, path = "/import/nagios-archive", request_body = Object, responses((status = 200, body = NewEvents), (status = 403, body = Problem)))]
pub async fn take_archive(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(chunk): Body<Chunk>,
) -> Answer<Json<NewEvents>> {
    watched::may(&caller, Role::Admin)?;
    off_thread(&services, move |services| {
        let new = services.state.transaction(|tx| past::write(tx, &chunk)).map_err(Problem::internal)?;
        Ok(Json(NewEvents { new }))
    })
    .await
}

/// The archives that were read to the end, as they were then.
#[utoipa::path(get, path = "/import/nagios-archive", responses((status = 200, body = [Object]), (status = 403, body = Problem)))]
pub async fn archives(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Vec<PastFile>>> {
    watched::may(&caller, Role::Admin)?;
    off_thread(&services, |services| past::files(&services.state).map(Json).map_err(Problem::internal)).await
}
