//! Groups that may be the same, to be merged by hand.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;

use super::super::status::off_thread;
use super::groups::{GroupItem, items};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Problem};
use crate::guard::require;
use crate::services::Services;

const MOST: usize = 10;

#[derive(Serialize, ToSchema)]
pub struct SimilarGroup {
    #[serde(flatten)]
    group: GroupItem,
    /// Of what both are found by the share that is the same: 0.5 to 1.
    alike: f64,
}

#[utoipa::path(get, path = "/errors/groups/{id}/similar", params(("id" = String, Path)),
    responses((status = 200, body = Vec<SimilarGroup>), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(named): Path<String>,
) -> Answer<Json<Vec<SimilarGroup>>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let (group, _) = super::group(services, &caller, &named)?;
        let found = services.tracker.similar(&group, MOST, services.clock.now())?;
        let (groups, alike): (Vec<_>, Vec<f64>) = found.into_iter().unzip();
        let items = items(services, &groups)?.into_iter().zip(alike);
        Ok(Json(items.map(|(group, alike)| SimilarGroup { group, alike }).collect()))
    })
    .await
}
