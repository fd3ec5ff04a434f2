//! Groups of the Sentry that a project comes from: what was done with them there holds here.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use error_tracking::{MovedGroup, MovedIn};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::status::off_thread;
use super::super::watched;
use super::deeds::GroupDecision;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Problem};
use crate::guard::require;
use crate::services::Services;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OldGroups {
    /// 1,000 at most.
    groups: Vec<OldGroup>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OldGroup {
    /// What people called it there: `WEB-12`.
    id: String,
    title: String,
    /// The transaction, or where in the code it was. Empty: anywhere.
    #[serde(default)]
    culprit: String,
    first_seen: Option<i64>,
    /// Events there.
    #[serde(default)]
    count: u64,
    /// Left out: it was open, and nobody's.
    decision: Option<GroupDecision>,
}

#[derive(Serialize, ToSchema)]
pub struct TakenOver {
    kept: u64,
    /// Of groups that had begun here, and that nobody here has touched.
    applied: u64,
}

impl OldGroup {
    fn read(self) -> Answer<MovedGroup> {
        let deeds = self.decision.map(|decision| decision.deeds()).transpose()?.unwrap_or_default();
        let OldGroup { id, title, culprit, first_seen, count, .. } = self;
        Ok(MovedGroup { id, title, culprit, first_seen, count, deeds })
    }
}

/// What is seen here for the first time and has the title and place of one of these is known, and goes on as it was. What is said
/// again counts anew.
#[utoipa::path(post, path = "/errors/projects/{name}/groups", params(("name" = String, Path)), request_body = OldGroups,
    responses((status = 200, body = TakenOver), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn take_over(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Body(old): Body<OldGroups>,
) -> Answer<Json<TakenOver>> {
    require(&caller, Role::Editor)?;
    let by = watched::author(&caller, String::new());
    off_thread(&services, move |services| {
        let project = super::project(services, &caller, &name)?;
        let groups = old.groups.into_iter().map(OldGroup::read).collect::<Answer<Vec<_>>>()?;
        let now = services.clock.now();
        let MovedIn { kept, applied } = services.tracker.move_in(project.id, &groups, &by, now)?;
        Ok(Json(TakenOver { kept, applied }))
    })
    .await
}
