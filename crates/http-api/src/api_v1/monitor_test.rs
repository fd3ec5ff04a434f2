//! A rule tried on the past: what it would have done, and beside another version of it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use monitors::config::{Definitions, MonitorConfig, MonitorKind};
use monitors::kinds::metric::Look;
use monitors::replay::{self, Comparison, Past, Replayed};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vocabulary::Timestamp;
use vocabulary::ports::{QueryLimits, Scope};

use super::check_test;
use super::proof::pager::Pager;
use crate::accounts::Caller;
use crate::answer::{Answer, Body, Problem};
use crate::evaluate::{StateEvents, parse_time};
use crate::services::Services;

#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TestRequest {
    /// A monitor that is defined, or a check or host (`*` stands for any text: several); or
    name: Option<String>,
    /// a rule, with the keys that it has in a file.
    #[schema(value_type = Option<Object>)]
    monitor: Option<serde_json::Value>,
    /// checks, hosts, … as tables (`{"check": [{…}]}`), in the place of those of the same name.
    #[schema(value_type = Option<Object>)]
    definitions: Option<serde_json::Value>,
    /// Another version of it, to be compared; of checks and hosts, tables.
    #[schema(value_type = Option<Object>)]
    compare: Option<serde_json::Value>,
    /// Default: the last 24 hours. Seconds since 1970, or Graphite's time grammar.
    #[schema(value_type = Option<String>)]
    from: Option<Moment>,
    #[schema(value_type = Option<String>)]
    until: Option<Moment>,
    tz: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Moment {
    Seconds(i64),
    Text(String),
}

impl Moment {
    pub(super) fn read(&self, now: Timestamp, zone: &str) -> Answer<Timestamp> {
        match self {
            Moment::Seconds(seconds) => Ok(Timestamp(*seconds)),
            Moment::Text(text) => parse_time(text, now, zone),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct TestAnswer {
    rule: String,
    now: i64,
    milliseconds: f64,
    /// One line of plain words.
    sentence: String,
    /// Firings, counts of each instance, pages, and what cannot be told.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    replay: Replayed,
    /// Of the other version.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    other: Option<Replayed>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_sentence: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    comparison: Option<Comparison>,
}

/// What a rule would have done over stored history.
#[utoipa::path(post, path = "/monitors/test", request_body = TestRequest,
    responses((status = 200, body = TestAnswer, description = "Of checks and hosts also `notices`, and `beside`: what was really sent"), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn test(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<TestRequest>,
) -> Answer<Response> {
    if !caller.scope.is_everything() {
        return Err(Problem::forbidden("a token that sees a part of all series cannot try rules on them"));
    }
    let definitions = services.monitors.definitions();
    let now = services.clock.now();
    let zone = request.tz.as_deref().unwrap_or("UTC");
    let time = |moment: &Option<Moment>, otherwise: Timestamp| {
        moment.as_ref().map_or(Ok(otherwise), |moment| moment.read(now, zone))
    };
    let (from, until) = (time(&request.from, now.minus(86_400))?, time(&request.until, now)?.min(now));
    if from >= until {
        return Err(
            Problem::bad_request("`from` is not before `until`").hint("write -30d, or seconds since 1970")
        );
    }
    if is_of_checks(&request, &definitions) {
        let TestRequest { name, definitions: changed, compare, .. } = request;
        let asked = check_test::Asked { name, definitions: changed, compare, from, until };
        let answer = services
            .query(move |services, limits| check_test::answer(services, limits, &definitions, &asked, now));
        return Ok(Json(answer.await??).into_response());
    }
    let rule = rule_of(&request, &definitions)?;
    let other = request.compare.as_ref().map(|other| read(other, "compare")).transpose()?;
    let past = Past { from, until, blind: services.control.away() };
    let answer = services
        .query(move |services, limits| answer(services, limits, &definitions, (rule, other), &past, now))
        .await??;
    Ok(Json(answer).into_response())
}

/// Checks and hosts have a past of their own.
fn is_of_checks(request: &TestRequest, definitions: &Definitions) -> bool {
    let is_monitor = |name: &String| definitions.monitors.iter().any(|monitor| monitor.name == *name);
    request.monitor.is_none()
        && (request.definitions.is_some() || request.name.as_ref().is_some_and(|name| !is_monitor(name)))
}

fn answer(
    services: &Services,
    limits: &QueryLimits,
    definitions: &Definitions,
    (rule, other): (MonitorConfig, Option<MonitorConfig>),
    past: &Past,
    now: Timestamp,
) -> Answer<TestAnswer> {
    let started = std::time::Instant::now();
    let events = StateEvents { state: &services.state, scope: &Scope::everything() };
    let look = Look { source: services.source.as_ref(), events: &events, zone: &services.zone, limits, now };
    let mut pager = Pager::of(services, definitions, past.from, past.until)?;
    let mut run =
        |rule: &MonitorConfig| pager.tried(rule, definitions, &look, past).map_err(Problem::bad_request);
    let replay = run(&rule)?;
    let other = other.map(|other| run(&other)).transpose()?;
    Ok(TestAnswer {
        rule: rule.name,
        now: now.0,
        sentence: replay.sentence(),
        other_sentence: other.as_ref().map(Replayed::sentence),
        comparison: other.as_ref().map(|other| replay::compare(&replay, other)),
        milliseconds: started.elapsed().as_secs_f64() * 1000.0,
        replay,
        other,
    })
}

fn rule_of(request: &TestRequest, definitions: &Definitions) -> Answer<MonitorConfig> {
    match (&request.monitor, &request.name) {
        (Some(rule), None) => read(rule, "monitor"),
        (None, Some(name)) => {
            let named = definitions.monitors.iter().find(|monitor| monitor.name == *name);
            let monitor = named.ok_or_else(|| {
                Problem::not_found(format!("there is no monitor `{name}`"))
                    .hint("name a [[monitor]], or send its keys as `monitor`")
            })?;
            metric(monitor.clone(), "name")
        }
        _ => Err(Problem::bad_request("write either `name` or `monitor`")
            .hint("{\"monitor\": {\"name\": \"api\", \"target\": \"a.b\", \"critical\": \"> 300\"}, \"from\": \"-30d\"}")),
    }
}

fn read(value: &serde_json::Value, key: &str) -> Answer<MonitorConfig> {
    let mut rule = serde_json::from_value::<MonitorConfig>(value.clone())
        .map_err(|error| Problem::bad_request(format!("`{key}` is not a monitor: {error}")))?;
    if rule.name.is_empty() {
        "rule".clone_into(&mut rule.name);
    }
    metric(rule, key)
}

fn metric(rule: MonitorConfig, key: &str) -> Answer<MonitorConfig> {
    if rule.kind != MonitorKind::Metric {
        return Err(Problem::bad_request(format!(
            "`{key}`: only rules of kind \"metric\" are tried on stored series"
        )));
    }
    let problems = monitors::kinds::metric::problems(&rule);
    if problems.is_empty() {
        return Ok(rule);
    }
    let lines: Vec<String> = problems.iter().map(|(name, why)| format!("{name}: {why}")).collect();
    Err(Problem::bad_request(lines.join("\n")))
}
