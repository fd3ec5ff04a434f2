//! Series by words of their names.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::Timestamp;
use vocabulary::ports::{FetchRequest, QueryLimits, SearchQuery, SeriesMatch};

use crate::accounts::Caller;
use crate::answer::{Answer, Params, Problem};
use crate::guess::{self, Level};
use crate::levels::Levels;
use crate::services::Services;

const USUAL_LIMIT: usize = 50;
const MAX_LIMIT: usize = 1_000;
/// With a level asked for, so many names are looked at for each one wanted.
const LOOKED_AT_FOR_EACH: usize = 20;
/// How far back the last value is looked for: it tells what a name is about, not history.
const LAST_VALUE_WITHIN_SECONDS: i64 = 300;

#[derive(Deserialize, IntoParams)]
pub struct Search {
    /// Words; names that hold all of them are found. Empty: the newest names.
    #[serde(default)]
    q: String,
    level: Option<Level>,
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub struct Found {
    series: Vec<FoundSeries>,
    more: bool,
}

#[derive(Serialize, ToSchema)]
struct FoundSeries {
    name: String,
    level: Level,
    unit: Option<&'static str>,
    last_point: Option<i64>,
    last_value: Option<f64>,
}

#[utoipa::path(get, path = "/series", params(Search),
    responses((status = 200, body = Found), (status = 400, body = Problem)))]
pub async fn series(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(search): Params<Search>,
) -> Answer<Json<Found>> {
    services.query(move |services, limits| find(services, &caller, &search, limits)).await?.map(Json)
}

fn find(services: &Services, caller: &Caller, search: &Search, limits: &QueryLimits) -> Answer<Found> {
    let limit = search.limit.unwrap_or(USUAL_LIMIT).clamp(1, MAX_LIMIT);
    let levels = Levels::load(&services.state)?;
    let mut words: Vec<String> = search.q.split_whitespace().map(str::to_lowercase).collect();
    if search.level.is_some() && words.is_empty() {
        // Of a level all names are meant, not only the newest: this word is in each.
        words.push(String::new());
    }
    let looked_at = if search.level.is_some() { limit * LOOKED_AT_FOR_EACH } else { limit };
    let query = SearchQuery { words: &words, scope: &caller.scope, limit: looked_at + 1 };
    let mut matches = services.source.search(&query)?;
    let mut more = matches.len() > looked_at;
    if let Some(level) = search.level {
        matches.retain(|found| levels.of(&found.name) == level);
    }
    more |= matches.len() > limit;
    matches.truncate(limit);
    Ok(Found { series: described(services, caller, &levels, &matches, limits)?, more })
}

fn described(
    services: &Services,
    caller: &Caller,
    levels: &Levels,
    matches: &[SeriesMatch],
    limits: &QueryLimits,
) -> Answer<Vec<FoundSeries>> {
    let now = services.clock.now();
    let values = last_values(services, caller, matches, now, limits)?;
    let described = matches.iter().zip(values).map(|(found, last_value)| FoundSeries {
        name: found.name.to_string(),
        level: levels.of(&found.name),
        unit: guess::unit(&found.name),
        last_point: services.source.describe(found.series).and_then(|info| info.last_point).map(|at| at.0),
        last_value,
    });
    Ok(described.collect())
}

fn last_values(
    services: &Services,
    caller: &Caller,
    matches: &[SeriesMatch],
    now: Timestamp,
    limits: &QueryLimits,
) -> Answer<Vec<Option<f64>>> {
    let series: Vec<_> = matches.iter().map(|found| found.series).collect();
    let rows = services.source.fetch(&FetchRequest {
        series: &series,
        from: now.minus(LAST_VALUE_WITHIN_SECONDS),
        until: now,
        now,
        step: None,
        consolidation: Default::default(),
        scope: &caller.scope,
        limits,
    })?;
    Ok(rows.iter().map(|row| row.slots.iter().rev().copied().find(|value| value.is_finite())).collect())
}
