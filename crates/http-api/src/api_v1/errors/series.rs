//! Counts over time, of a project or a group, as a whole or by release or environment. They are exact, whatever is kept of events.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use error_tracking::look::{By, Span};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::Timestamp;

use super::super::status::off_thread;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Params, Problem};
use crate::guard::require;
use crate::services::Services;

const USUAL_SECONDS: i64 = 86_400;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Its number or name.
    project: Option<String>,
    /// Its number, or `WEB-12`.
    group: Option<String>,
    /// Seconds since 1970; usually a day ago until now.
    from: Option<i64>,
    until: Option<i64>,
    /// 60 (kept for two days), 3600 (for 90) or 86400 seconds; usually the smallest that is kept so long and is not too fine.
    step: Option<i64>,
    /// `release` or `environment`.
    by: Option<String>,
    release: Option<String>,
    environment: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ErrorCounts {
    step: i64,
    from: i64,
    until: i64,
    series: Vec<ErrorSeries>,
}

#[derive(Serialize, ToSchema)]
pub struct ErrorSeries {
    /// Of what it is divided by; empty for what says of none.
    name: String,
    /// `[at, count]`; slots without events are left out.
    points: Vec<(i64, u64)>,
}

#[utoipa::path(get, path = "/errors/series", params(Which),
    responses((status = 200, body = ErrorCounts), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn series(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(which): Params<Which>,
) -> Answer<Json<ErrorCounts>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let span = which.span(services, &caller)?;
        let mut series = BTreeMap::<String, Vec<(i64, u64)>>::new();
        for slot in services.tracker.counts(&span, services.clock.now())? {
            series.entry(slot.name).or_default().push((slot.at.0, slot.count));
        }
        let series = series.into_iter().map(|(name, points)| ErrorSeries { name, points }).collect();
        Ok(Json(ErrorCounts { step: span.step, from: span.from.0, until: span.until.0, series }))
    })
    .await
}

impl Which {
    fn span(self, services: &Services, caller: &Caller) -> Answer<Span> {
        let (project, group) = match (&self.project, &self.group) {
            (_, Some(group)) => {
                let (group, project) = super::group(services, caller, group)?;
                (project, Some(group.id))
            }
            (Some(named), None) => (super::project(services, caller, named)?, None),
            (None, None) => return Err(Problem::bad_request("name a project or a group")),
        };
        let now = services.clock.now();
        let until = self.until.unwrap_or(now.0 + 1);
        let from = self.from.unwrap_or(until - USUAL_SECONDS);
        let step = self.step.unwrap_or_else(|| usual_step(from, until, now));
        let by = match self.by.as_deref() {
            None => None,
            Some("release") => Some(By::Release),
            Some("environment") => Some(By::Environment),
            Some(strange) => {
                return Err(Problem::bad_request(format!("counts are not divided by `{strange}`"))
                    .hint("by is release or environment"));
            }
        };
        let span = Span {
            project: project.id,
            group,
            step,
            // The slot that it lies in counts as a whole.
            from: Timestamp(if step > 0 { from - from.rem_euclid(step) } else { from }),
            until: Timestamp(until),
            by,
            environment: self.environment,
            release: self.release,
        };
        span.problem().map_or(Ok(span), |why| Err(Problem::bad_request(why)))
    }
}

fn usual_step(from: i64, until: i64, now: Timestamp) -> i64 {
    use error_tracking::limits::{HOURS_KEPT_SECONDS, MINUTES_KEPT_SECONDS};
    let (length, age) = (until - from, now.0 - from);
    match (length, age) {
        (length, age) if length <= 6 * 3_600 && age < MINUTES_KEPT_SECONDS => 60,
        (length, age) if length <= 31 * 86_400 && age < HOURS_KEPT_SECONDS => 3_600,
        _ => 86_400,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_step_is_one_that_is_kept() {
        let day = 86_400;
        let now = Timestamp(1_000 * day);
        let check = |ago: i64, length: i64, step: i64| {
            assert_eq!(usual_step(now.0 - ago, now.0 - ago + length, now), step, "{ago} {length}");
        };
        check(3_600, 3_600, 60);
        check(day, day, 3_600);
        check(10 * day, 3_600, 3_600);
        check(60 * day, 60 * day, day);
        check(400 * day, 3_600, day);
    }
}
