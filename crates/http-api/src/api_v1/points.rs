//! Points over HTTP, for scripts and the command line.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::ports::Successor;
use vocabulary::{PointBatch, Timestamp};

use super::status::off_thread;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Params, Problem};
use crate::guard::require;
use crate::services::Services;

/// More points than this in one request are refused: Carbon's port is made for them.
const MAX_POINTS: usize = 100_000;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPoints {
    points: Vec<NewPoint>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPoint {
    #[schema(example = "shop.orders")]
    name: String,
    value: f64,
    /// Seconds since 1970; left out = now.
    time: Option<f64>,
}

#[derive(Deserialize, IntoParams)]
pub struct Durability {
    /// Answer only when the points would survive a power cut.
    #[serde(default)]
    durable: bool,
}

#[derive(Serialize, ToSchema)]
pub struct Stored {
    stored: u64,
    created: u64,
    late: u64,
    too_old: u64,
    in_future: u64,
    /// Kept for live views only: the store is read-only.
    volatile: u64,
}

#[utoipa::path(post, path = "/points", params(Durability), request_body = NewPoints,
    responses((status = 200, body = Stored), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub async fn store(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(durability): Params<Durability>,
    Body(new): Body<NewPoints>,
) -> Answer<Json<Stored>> {
    require(&caller, Role::Editor)?;
    if new.points.len() > MAX_POINTS {
        return Err(Problem::bad_request(format!("more than {MAX_POINTS} points in one request")));
    }
    off_thread(&services, move |services| write(services, &caller, &new.points, durability.durable)).await
}

fn write(services: &Services, caller: &Caller, points: &[NewPoint], durable: bool) -> Answer<Json<Stored>> {
    let now = services.clock.now();
    let mut batch = PointBatch::default();
    for point in points {
        let name = vocabulary::series::canonical(&point.name)
            .map_err(|error| Problem::bad_request(format!("`{}`: {error}", point.name)))?;
        if !caller.scope.sees(&name) {
            return Err(Problem::forbidden(format!("`{name}` is outside of what this token may touch")));
        }
        let time = point.time.map_or(now, |time| Timestamp(time.floor() as i64));
        batch.push(name.as_bytes(), time, point.value);
    }
    let report = services.sink.write(&batch, &mut Successor::default());
    if report.refused_name + report.refused_limit > 0 {
        return Err(Problem::bad_request(format!(
            "{} points had names that cannot be series, {} had new names beyond the limits",
            report.refused_name, report.refused_limit
        ))
        .hint("see /api/v1/cardinality and [storage] max_series, max_new_series_per_minute"));
    }
    if durable && report.volatile > 0 {
        return Err(Problem::new(axum::http::StatusCode::SERVICE_UNAVAILABLE, "the store is read-only"));
    }
    if durable {
        services.sink.sync()?;
    }
    Ok(Json(Stored {
        stored: report.stored,
        created: report.created,
        late: report.late,
        too_old: report.too_old,
        in_future: report.in_future,
        volatile: report.volatile,
    }))
}
