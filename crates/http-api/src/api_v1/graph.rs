//! Targets as drawn: at most one column of slots for each pixel, with the smallest, the largest and the
//! average of what lies in it, so that no peak is lost and no more is sent than can be seen.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vocabulary::Timestamp;
use vocabulary::ports::{QueryLimits, Scope};

use crate::accounts::Caller;
use crate::allowance::Allowance;
use crate::annotations::{Annotation, Query, TagSet};
use crate::answer::{Answer, Body, Problem};
use crate::evaluate::{self, Evaluated, TargetError};
use crate::marks;
use crate::parameters::Parameters;
use crate::services::Services;

const USUAL_WIDTH: usize = 800;
const MAX_WIDTH: usize = 4_000;
pub const MAX_TARGETS: usize = 200;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GraphRequest {
    pub targets: Vec<String>,
    /// Graphite's time grammar; left out = the last hour.
    from: Option<String>,
    until: Option<String>,
    now: Option<String>,
    /// Pixel columns.
    width: Option<usize>,
    /// For dates in `from` and `until`.
    tz: Option<String>,
}

impl GraphRequest {
    pub fn of(parameters: &Parameters) -> Answer<GraphRequest> {
        let text = |name: &str| parameters.last(name).map(str::to_owned);
        let number =
            |width: String| width.parse().map_err(|_| Problem::bad_request("`width` is not a number"));
        Ok(GraphRequest {
            targets: parameters.all("target"),
            from: text("from"),
            until: text("until"),
            now: text("now"),
            width: text("width").map(number).transpose()?,
            tz: text("tz"),
        })
    }
}

#[derive(Serialize, ToSchema)]
pub struct Graph {
    now: f64,
    from: i64,
    until: i64,
    /// One for each target, in order.
    results: Vec<TargetResult>,
    annotations: Vec<Annotation>,
}

#[derive(Serialize, ToSchema)]
struct TargetResult {
    target: String,
    error: Option<TargetError>,
    series: Vec<Drawn>,
}

#[derive(Serialize, ToSchema)]
struct Drawn {
    name: String,
    tags: BTreeMap<String, String>,
    /// Seconds from one slot to the next, and where the first column begins.
    step: i64,
    start: i64,
    /// Slots in one column, so a column is `step * every` seconds; 1 = these are the values as they are.
    every: usize,
    values: Vec<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Vec<Number>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Vec<Number>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<Vec<usize>>,
}

/// What a number takes, and what it is written as.
const BYTES_OF_NUMBER: usize = 8 + 24;

impl Drawn {
    /// Of it and of what it is written as.
    fn bytes(&self) -> usize {
        let columns = if self.every == 1 { 1 } else { 4 };
        let tags: usize = self.tags.iter().map(|(tag, value)| tag.len() + value.len()).sum();
        size_of::<Drawn>() + columns * self.values.len() * BYTES_OF_NUMBER + 2 * (self.name.len() + tags)
    }
}

/// NaN becomes null, an infinity the largest number of its sign: a chart cannot draw further.
#[derive(Clone, Copy, Debug, PartialEq, ToSchema)]
#[schema(value_type = Option<f64>)]
struct Number(f64);

impl Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            value if value.is_nan() => serializer.serialize_none(),
            value => serializer.serialize_f64(value.clamp(f64::MIN, f64::MAX)),
        }
    }
}

/// Targets as drawn, from the query string.
#[utoipa::path(get, path = "/graph",
    params(("target" = Vec<String>, Query), ("from" = Option<String>, Query), ("until" = Option<String>, Query),
        ("now" = Option<String>, Query), ("width" = Option<usize>, Query), ("tz" = Option<String>, Query)),
    responses((status = 200, body = Graph), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub async fn graph(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    parameters: Parameters,
) -> Answer<Response> {
    draw(services, caller, GraphRequest::of(&parameters)?).await
}

/// The same from a JSON body.
#[utoipa::path(post, path = "/graph", request_body = GraphRequest,
    responses((status = 200, body = Graph), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub async fn graph_from_body(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<GraphRequest>,
) -> Answer<Response> {
    draw(services, caller, request).await
}

async fn draw(services: Arc<Services>, caller: Caller, request: GraphRequest) -> Answer<Response> {
    if request.targets.len() > MAX_TARGETS {
        return Err(Problem::bad_request(format!("at most {MAX_TARGETS} targets at once")));
    }
    let window = Window::of(&services, &request)?;
    // Written here, too: it takes longer than an async thread has for one answer.
    let written = services.query(move |services, limits| {
        let graph = window.graph(services, &caller.scope, request.targets, limits)?;
        serde_json::to_vec(&graph).map_err(Problem::internal)
    });
    Ok(([(header::CONTENT_TYPE, "application/json")], written.await??).into_response())
}

/// The time that is asked for, and into how many columns it is drawn.
#[derive(Clone, Copy)]
pub struct Window {
    pub from: Timestamp,
    pub until: Timestamp,
    pub now: Timestamp,
    width: usize,
}

impl Window {
    pub fn of(services: &Services, request: &GraphRequest) -> Answer<Window> {
        let clock = services.clock.now();
        let zone = request.tz.as_deref().unwrap_or("UTC");
        let time = |text: &Option<String>, otherwise: Timestamp, now: Timestamp| match text {
            Some(text) => evaluate::parse_time(text, now, zone),
            None => Ok(otherwise),
        };
        let now = time(&request.now, clock, clock)?;
        let from = time(&request.from, now.minus(3_600), now)?;
        let until = time(&request.until, now, now)?;
        if from >= until {
            return Err(Problem::bad_request("`from` is not before `until`"));
        }
        Ok(Window { from, until, now, width: request.width.unwrap_or(USUAL_WIDTH).clamp(1, MAX_WIDTH) })
    }

    fn graph(
        self,
        services: &Services,
        scope: &Scope,
        targets: Vec<String>,
        limits: &QueryLimits,
    ) -> Answer<Graph> {
        let mut allowance = Allowance::new(limits);
        let result = |target| self.result(services, scope, target, &mut allowance);
        let results = targets.into_iter().map(result).collect();
        // What happened within the last second belongs to it: "now" is a whole second, a mark's time is not.
        let until = self.until.0 as f64 + 1.0;
        let query = Query { from: self.from.0 as f64, until, tags: None, set: TagSet::All };
        Ok(Graph {
            now: services.clock.since_epoch().as_secs_f64(),
            from: self.from.0,
            until: self.until.0,
            results,
            annotations: marks::all(&services.state, scope, &query)?,
        })
    }

    fn result(
        self,
        services: &Services,
        scope: &Scope,
        target: String,
        allowance: &mut Allowance<'_>,
    ) -> TargetResult {
        match self.series(services, scope, &target, allowance) {
            Ok(series) => TargetResult { error: evaluate::mistake_of_form(&target), target, series },
            Err(error) => TargetResult { error: Some(error), target, series: Vec::new() },
        }
    }

    fn series(
        self,
        services: &Services,
        scope: &Scope,
        target: &str,
        allowance: &mut Allowance<'_>,
    ) -> Result<Vec<Drawn>, TargetError> {
        let window = graphite::Window { from: self.from, until: self.until };
        let series = evaluate::evaluate_within(services, target, scope, window, self.now, allowance)?;
        let drawn: Vec<Drawn> = series.into_iter().map(|series| drawn(series, self.width)).collect();
        allowance.keep(drawn.iter().map(Drawn::bytes).sum())?;
        Ok(drawn)
    }
}

/// Buckets lie on multiples of their length, so that columns do not wander while time goes on.
fn drawn(series: Evaluated, width: usize) -> Drawn {
    let every = series.values.len().div_ceil(width).max(1);
    let numbers = |values: Vec<f64>| values.into_iter().map(Number).collect();
    let Evaluated { name, tags, start, step, values } = series;
    if every == 1 {
        return Drawn {
            name,
            tags,
            step,
            start,
            every,
            values: numbers(values),
            min: None,
            max: None,
            count: None,
        };
    }
    let bucket = step * every as i64;
    let first = start - start.rem_euclid(bucket);
    let lead = ((start - first) / step) as usize;
    let head = every - lead;
    let (front, rest) = values.split_at(head.min(values.len()));
    let mut columns = Columns::default();
    std::iter::once(front).chain(rest.chunks(every)).for_each(|slots| columns.push(slots));
    Drawn {
        name,
        tags,
        step,
        start: first,
        every,
        values: numbers(columns.average),
        min: Some(numbers(columns.min)),
        max: Some(numbers(columns.max)),
        count: Some(columns.count),
    }
}

#[derive(Default)]
struct Columns {
    average: Vec<f64>,
    min: Vec<f64>,
    max: Vec<f64>,
    count: Vec<usize>,
}

impl Columns {
    fn push(&mut self, slots: &[f64]) {
        let known = || slots.iter().copied().filter(|value| !value.is_nan());
        let count = known().count();
        self.average.push(known().sum::<f64>() / count as f64);
        self.min.push(known().fold(f64::NAN, f64::min));
        self.max.push(known().fold(f64::NAN, f64::max));
        self.count.push(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_keep_peaks_and_gaps_and_lie_on_multiples() {
        let nan = f64::NAN;
        let values = vec![1.0, 9.0, 2.0, nan, nan, nan, nan, 4.0];
        let series = Evaluated { name: "a".into(), tags: BTreeMap::new(), start: 103, step: 1, values };
        let drawn = drawn(series, 2);
        assert_eq!((drawn.every, drawn.step, drawn.start), (4, 1, 100));
        let plain = |numbers: &[Number]| {
            numbers.iter().map(|n| n.0).map(|v| if v.is_nan() { -1.0 } else { v }).collect::<Vec<_>>()
        };
        assert_eq!(plain(&drawn.values), [1.0, 5.5, 4.0]);
        assert_eq!(plain(drawn.max.as_ref().unwrap()), [1.0, 9.0, 4.0]);
        assert_eq!(drawn.count.unwrap(), [1, 2, 1]);
    }

    #[test]
    fn few_slots_stay_as_they_are() {
        let series = Evaluated {
            name: "a".into(),
            tags: BTreeMap::new(),
            start: 7,
            step: 5,
            values: vec![1.0, f64::INFINITY],
        };
        let drawn = drawn(series, 800);
        assert_eq!((drawn.every, drawn.start, drawn.min.is_none()), (1, 7, true));
        assert_eq!(serde_json::to_string(&drawn.values).unwrap(), "[1.0,1.7976931348623157e+308]");
    }
}
