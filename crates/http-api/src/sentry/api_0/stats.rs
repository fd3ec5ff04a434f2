//! Counts over time, as pairs of a time and a number.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::{Extension, Json};
use error_tracking::look::Span;
use serde_json::{Value, json};
use vocabulary::Timestamp;

use super::{Told, find_project, working};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Problem};
use crate::api_v1::watched::check_time;
use crate::parameters::Parameters;
use crate::services::Services;

const MINUTE: i64 = 60;
const HOUR: i64 = 3_600;
const DAY: i64 = 86_400;

/// Of which time the counts of a group are shown beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Period {
    name: &'static str,
    step: i64,
    slots: i64,
}

impl Period {
    pub(super) const DAY: Period = Period { name: "24h", step: HOUR, slots: 24 };

    /// None: they are not asked for.
    pub(super) fn read(said: &str) -> Answer<Option<Period>> {
        let (name, step, slots) = match said {
            "" => return Ok(None),
            "24h" | "auto" => return Ok(Some(Period::DAY)),
            "1h" => ("1h", MINUTE, 60),
            "7d" => ("7d", DAY, 7),
            "14d" => ("14d", DAY, 14),
            "30d" => ("30d", DAY, 30),
            "90d" => ("90d", DAY, 90),
            other => {
                return Err(Problem::bad_request(format!("statsPeriod is not `{other}`"))
                    .hint("it is 1h, 24h, 7d, 14d, 30d, 90d or empty"));
            }
        };
        Ok(Some(Period { name, step, slots }))
    }

    pub(super) fn of(
        self,
        services: &Services,
        project: u64,
        group: Option<u64>,
        now: Timestamp,
    ) -> Answer<Value> {
        let until = now.0.div_euclid(self.step) * self.step + self.step;
        let from = until - self.slots * self.step;
        let span = span(project, group, self.step, Timestamp(from), Timestamp(until));
        Ok(json!({(self.name): pairs(services, &span, now)?}))
    }
}

pub(super) fn span(project: u64, group: Option<u64>, step: i64, from: Timestamp, until: Timestamp) -> Span {
    Span { project, group, step, from, until, by: None, environment: None, release: None }
}

/// One for each step, also where there was nothing.
pub(super) fn pairs(services: &Services, span: &Span, now: Timestamp) -> Answer<Vec<(i64, u64)>> {
    if let Some(why) = span.problem() {
        return Err(Problem::bad_request(why));
    }
    let counts = services.tracker.counts(span, now)?;
    let counts: HashMap<i64, u64> = counts.into_iter().map(|slot| (slot.at.0, slot.count)).collect();
    let first = span.from.0.div_euclid(span.step) * span.step;
    let slots = span.until.since(Timestamp(first)).saturating_add(span.step - 1) / span.step;
    let times = (0..slots).map(|slot| first + slot * span.step);
    Ok(times.map(|at| (at, counts.get(&at).copied().unwrap_or(0))).collect())
}

/// What `stat`, `since`, `until` and `resolution` ask for; None: it is not counted.
fn asked(query: &str, project: u64, now: Timestamp) -> Answer<Option<Span>> {
    let parameters = Parameters::of_query(query);
    match parameters.last("stat").unwrap_or("received") {
        "received" | "generated" => {}
        // What was refused is counted in series of ours; exporters ask all the same, and add up what they get.
        "rejected" | "blacklisted" => return Ok(None),
        other => {
            return Err(Problem::bad_request(format!("`{other}` is not counted over time here")).hint(
                "stat is received; what was refused is in the series errors.PROJECT.events_limited.count",
            ));
        }
    }
    let step = match parameters.last("resolution").unwrap_or("1h") {
        "1m" => MINUTE,
        "1h" => HOUR,
        "1d" => DAY,
        other => {
            return Err(Problem::bad_request(format!("resolution is not `{other}`"))
                .hint("it is 1m (of two days), 1h (of 90 days) or 1d"));
        }
    };
    let time = |name: &str, otherwise: i64| -> Answer<i64> {
        let Some(text) = parameters.last(name) else { return Ok(otherwise) };
        let at = text.parse::<f64>().map_err(|_| {
            Problem::bad_request(format!("`{name}` is no time: {text}")).hint("write seconds since 1970")
        })?;
        // What is further away than any clock goes would overflow where slots are counted.
        check_time(name, at)?;
        Ok(at as i64)
    };
    let until = time("until", now.0.saturating_add(1))?;
    let from = time("since", until.saturating_sub(DAY))?;
    Ok(Some(span(project, None, step, Timestamp(from.div_euclid(step) * step), Timestamp(until))))
}

pub async fn of_project(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, slug)): Path<(String, String)>,
    uri: Uri,
) -> Told<Json<Value>> {
    let query = uri.query().unwrap_or_default().to_owned();
    working(&services, caller, Role::Viewer, move |services, caller| {
        let project = find_project(services, caller, &slug)?;
        let now = services.clock.now();
        let counted = asked(&query, project.id, now)?.map(|span| pairs(services, &span, now));
        Ok(Json(json!(counted.transpose()?.unwrap_or_default())))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_read() {
        let now = Timestamp(1_700_000_000);
        let check = |query: &str, expected: (i64, i64, i64)| {
            let span = asked(query, 1, now).unwrap().unwrap();
            assert_eq!((span.step, span.from.0, span.until.0), expected, "{query}");
        };
        check("", (3_600, 1_699_912_800, 1_700_000_001));
        check(
            "stat=received&resolution=1m&since=1699999990.5&until=1700000000",
            (60, 1_699_999_980, 1_700_000_000),
        );
        assert!(asked("stat=rejected", 1, now).unwrap().is_none());
        for wrong in [
            "stat=luck",
            "resolution=10s",
            "since=yesterday",
            "since=-1",
            "until=NaN",
            "until=1700000000000",
            // Slots that are counted from here wrap before they reach the end.
            "since=9223372036854774784&until=9300000000000000000&resolution=1m",
        ] {
            assert!(asked(wrong, 1, now).is_err(), "{wrong}");
        }
    }
}
