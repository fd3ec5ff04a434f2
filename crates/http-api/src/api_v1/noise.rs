//! Which monitors page for nothing.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::status::off_thread;
use super::watched;
use crate::accounts::Caller;
use crate::answer::{Answer, Params, Problem};
use crate::services::Services;

const USUAL_DAYS: i64 = 30;
/// Incidents are not kept for longer.
const MAX_DAYS: i64 = 400;
const USUAL_LIMIT: usize = 100;

#[derive(Deserialize, IntoParams)]
pub struct How {
    /// Default 30.
    days: Option<i64>,
    /// Default 100.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub struct NoiseAnswer {
    now: i64,
    days: i64,
    /// The noisiest first: judged useless most often, then most pages.
    monitors: Vec<NoisyMonitor>,
    more: bool,
}

#[derive(Serialize, ToSchema)]
struct NoisyMonitor {
    /// Such as `monitor:api-latency`, `host:web1`, or `monitor:api-latency@staging`.
    reason: String,
    incidents: u64,
    /// One for each contact and channel that was told of trouble.
    pages: u64,
    /// Incidents that ended before anybody did anything.
    self_healed: u64,
    acknowledged: u64,
    /// Judged so by people.
    useful: u64,
    useless: u64,
    /// Of those that were useful.
    too_late: u64,
}

/// What each monitor's incidents came to, the noisiest first.
#[utoipa::path(get, path = "/noise", params(How), responses((status = 200, body = NoiseAnswer), (status = 400, body = Problem)))]
pub async fn noise(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(how): Params<How>,
) -> Answer<Json<NoiseAnswer>> {
    watched::sees(&caller)?;
    let days = how.days.unwrap_or(USUAL_DAYS);
    if !(1..=MAX_DAYS).contains(&days) {
        return Err(Problem::bad_request(format!("`days` is from 1 to {MAX_DAYS}")));
    }
    let limit = how.limit.unwrap_or(USUAL_LIMIT);
    off_thread(&services, move |services| {
        let now = services.clock.now();
        let mut all: Vec<_> = services.desk.noise(now.minus(days * 86_400))?.into_iter().collect();
        all.sort_by_key(|(_, noise)| noise.rank());
        let more = all.len() > limit;
        let shown = all.into_iter().take(limit).map(|(reason, noise)| NoisyMonitor {
            reason,
            incidents: noise.incidents,
            pages: noise.pages,
            self_healed: noise.self_healed,
            acknowledged: noise.acknowledged,
            useful: noise.useful,
            useless: noise.useless,
            too_late: noise.too_late,
        });
        Ok(Json(NoiseAnswer { now: now.0, days, monitors: shown.collect(), more }))
    })
    .await
}
