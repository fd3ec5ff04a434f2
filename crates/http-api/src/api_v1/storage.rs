//! The store's upkeep: retention, merging, checking, copies.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::status::off_thread;
use super::watched;
use crate::accounts::{Caller, Role, Via};
use crate::answer::{Answer, Body, Params, Problem};
use crate::control::{BackedUp, Checked, Compacted, Repolicied, Retention, RetentionQuestion};
use crate::guard::require;
use crate::services::Services;

#[derive(Deserialize, IntoParams)]
pub struct WhatIf {
    /// The name of a rule.
    rule: Option<String>,
    /// Archives that it might have: `1s:6h,10s:7d`.
    archives: Option<String>,
}

/// The rules, what they keep and cost, and what a changed rule would do.
#[utoipa::path(get, path = "/storage/retention", params(WhatIf),
    responses((status = 200, body = Retention), (status = 400, body = Problem)))]
pub async fn retention(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(what_if): Params<WhatIf>,
) -> Answer<Json<Retention>> {
    require(&caller, Role::Viewer)?;
    let question = match (what_if.rule, what_if.archives) {
        (Some(rule), Some(archives)) => Some(RetentionQuestion { rule, archives }),
        (None, None) => None,
        _ => return Err(Problem::bad_request("`rule` and `archives` go together")),
    };
    if question.is_some() {
        // What would change counts everybody's series.
        watched::whole(&caller, Role::Viewer)?;
    }
    off_thread(&services, move |services| {
        let retention = services.control.retention(question).map_err(Problem::internal)?;
        Ok(Json(retention.seen_by(&caller.scope)))
    })
    .await
}

/// Flushes and merges everything to final blocks; answers when done.
#[utoipa::path(post, path = "/storage/compact", responses((status = 200, body = Compacted)))]
pub async fn compact(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Compacted>> {
    require(&caller, Role::Admin)?;
    off_thread(&services, |services| services.control.compact().map(Json).map_err(Problem::internal)).await
}

/// Checks every checksum.
#[utoipa::path(post, path = "/storage/fsck", responses((status = 200, body = Checked)))]
pub async fn fsck(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Checked>> {
    require(&caller, Role::Admin)?;
    off_thread(&services, |services| services.control.fsck().map(Json).map_err(Problem::internal)).await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Repolicy {
    /// false: only say what would be done.
    #[serde(default)]
    apply: bool,
}

/// What the present retention rules mean for series that have older ones.
#[utoipa::path(post, path = "/storage/repolicy", request_body = Repolicy,
    responses((status = 200, body = Repolicied)))]
pub async fn repolicy(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(wanted): Body<Repolicy>,
) -> Answer<Json<Repolicied>> {
    require(&caller, Role::Admin)?;
    off_thread(&services, move |services| {
        services.control.repolicy(wanted.apply).map(Json).map_err(Problem::internal)
    })
    .await
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    #[schema(value_type = String)]
    directory: PathBuf,
}

/// A copy of everything in a directory of the server's machine; through the control socket only.
#[utoipa::path(post, path = "/backup", request_body = Backup,
    responses((status = 200, body = BackedUp), (status = 403, body = Problem)))]
pub async fn backup(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(wanted): Body<Backup>,
) -> Answer<Json<BackedUp>> {
    if caller.via != Via::ControlSocket {
        return Err(Problem::forbidden(
            "a backup writes where it is told, so only the control socket may ask for it",
        )
        .hint("run `bellwether backup DIR` on the server's machine"));
    }
    off_thread(&services, move |services| {
        services.control.backup(&wanted.directory).map(Json).map_err(Problem::internal)
    })
    .await
}
