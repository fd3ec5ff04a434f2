//! Batches of agents on other machines. What is in them docs/formats/agent-batch.md draws.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::{Extension, Json};

use super::status::off_thread;
use crate::accounts::{Caller, Role};
use crate::agents::{self, Taken};
use crate::answer::{Answer, Problem};
use crate::guard::require;
use crate::services::Services;

/// The answer says that everything in the request is on this server's disk, or why it was refused.
#[utoipa::path(post, path = "/agent/batch",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = Taken), (status = 400, body = Problem), (status = 403, body = Problem),
        (status = 413, body = Problem), (status = 422, body = Problem, description = "a batch cannot be read"),
        (status = 503, body = Problem)))]
pub async fn take(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    body: Result<Bytes, BytesRejection>,
) -> Answer<Json<Taken>> {
    require(&caller, Role::Editor)?;
    let body = body.map_err(|rejection| Problem::unread_body(rejection.status(), rejection.body_text()))?;
    off_thread(&services, move |services| agents::take(services, &caller, &body).map(Json)).await
}
