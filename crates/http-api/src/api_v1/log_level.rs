//! Verbosity of our own log, until the restart.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Problem};
use crate::guard::require;
use crate::services::Services;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogLevel {
    #[schema(example = "debug")]
    level: String,
}

#[utoipa::path(put, path = "/log-level", request_body = LogLevel,
    responses((status = 204), (status = 400, body = Problem)))]
pub async fn set(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(wanted): Body<LogLevel>,
) -> Answer<StatusCode> {
    require(&caller, Role::Admin)?;
    services.control.set_log_level(&wanted.level).map_err(Problem::bad_request)?;
    Ok(StatusCode::NO_CONTENT)
}
