//! The level of series by pattern.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::status::off_thread;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Problem};
use crate::levels::{self, LevelRule, MAX_RULES};
use crate::services::Services;

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LevelRules {
    rules: Vec<LevelRule>,
}

#[utoipa::path(get, path = "/levels", responses((status = 200, body = LevelRules)))]
pub async fn rules(State(services): State<Arc<Services>>) -> Answer<Json<LevelRules>> {
    let rules = off_thread(&services, |services| Ok(levels::load(&services.state)?)).await?;
    Ok(Json(LevelRules { rules }))
}

#[utoipa::path(put, path = "/levels", request_body = LevelRules,
    responses((status = 200, body = LevelRules), (status = 400, body = Problem)))]
pub async fn set_rules(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(wanted): Body<LevelRules>,
) -> Answer<Json<LevelRules>> {
    super::watched::whole(&caller, Role::Editor)?;
    let too_long = wanted.rules.iter().any(|rule| rule.pattern.is_empty() || rule.pattern.len() > 512);
    if wanted.rules.len() > MAX_RULES || too_long {
        return Err(Problem::bad_request(format!(
            "at most {MAX_RULES} rules, with patterns of 1 to 512 characters"
        )));
    }
    off_thread(&services, move |services| {
        levels::save(&services.state, &wanted.rules)?;
        Ok(Json(wanted))
    })
    .await
}
