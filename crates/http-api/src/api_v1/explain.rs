//! How an answer came about: series matched, archives chosen, points read, milliseconds of each function.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use graphite::evaluate::explain;
use graphite::{Environment, Question};
use serde::Serialize;
use utoipa::ToSchema;
use vocabulary::ports::{QueryLimits, Scope};

use super::graph::{GraphRequest, MAX_TARGETS, Window};
use crate::accounts::Caller;
use crate::answer::{Answer, Body, Problem};
use crate::answers::Question as Asked;
use crate::evaluate::{self, StateEvents, TargetError};
use crate::parameters::Parameters;
use crate::services::Services;

#[derive(Serialize, ToSchema)]
pub struct Explanation {
    now: f64,
    /// Of everything together.
    milliseconds: f64,
    /// Whether `/render` would answer from memory; this call always computes.
    cache: &'static str,
    targets: Vec<Target>,
    fetches: Vec<Fetch>,
}

#[derive(Serialize, ToSchema)]
struct Target {
    target: String,
    error: Option<TargetError>,
    /// Reading included.
    milliseconds: f64,
    /// Null if the target cannot be read.
    tree: Option<Step>,
}

/// One path or call.
#[derive(Serialize, ToSchema)]
struct Step {
    /// As it is written, pipes turned into calls.
    text: String,
    /// Null for a path.
    function: Option<String>,
    from: i64,
    until: i64,
    /// With its children.
    milliseconds: f64,
    own_milliseconds: f64,
    /// What came out.
    series: usize,
    points: usize,
    #[schema(no_recursion)]
    children: Vec<Step>,
    /// There were more children than are shown.
    cut: bool,
}

#[derive(Serialize, ToSchema)]
struct Fetch {
    path: String,
    /// "number", or "sketch" for distributions.
    kind: &'static str,
    from: i64,
    until: i64,
    series: usize,
    points: usize,
    archives: Vec<Archive>,
    /// Of all patterns that were read in this window together.
    milliseconds: f64,
}

#[derive(Serialize, ToSchema)]
struct Archive {
    #[schema(example = "10s:7d")]
    archive: String,
    series: usize,
    step: i64,
}

/// How the answers to targets come about, from the query string.
#[utoipa::path(get, path = "/explain",
    params(("target" = Vec<String>, Query), ("from" = Option<String>, Query), ("until" = Option<String>, Query),
        ("now" = Option<String>, Query), ("tz" = Option<String>, Query)),
    responses((status = 200, body = Explanation), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub async fn explain(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    parameters: Parameters,
) -> Answer<Response> {
    answer(services, caller, GraphRequest::of(&parameters)?).await
}

/// The same from a JSON body.
#[utoipa::path(post, path = "/explain", request_body = GraphRequest,
    responses((status = 200, body = Explanation), (status = 400, body = Problem), (status = 503, body = Problem)))]
pub async fn explain_from_body(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<GraphRequest>,
) -> Answer<Response> {
    answer(services, caller, request).await
}

async fn answer(services: Arc<Services>, caller: Caller, request: GraphRequest) -> Answer<Response> {
    if request.targets.iter().all(|target| target.trim().is_empty()) {
        return Err(Problem::bad_request("`target` is missing")
            .hint("say what is to be explained: /api/v1/explain?target=sumSeries(a.*)"));
    }
    if request.targets.len() > MAX_TARGETS {
        return Err(Problem::bad_request(format!("at most {MAX_TARGETS} targets at once")));
    }
    let window = Window::of(&services, &request)?;
    let explained = services
        .query(move |services, limits| explained(services, &caller.scope, window, request.targets, limits))
        .await?;
    Ok(Json(explained).into_response())
}

fn explained(
    services: &Services,
    scope: &Scope,
    window: Window,
    targets: Vec<String>,
    limits: &QueryLimits,
) -> Explanation {
    let question = Question {
        targets,
        window: graphite::Window { from: window.from, until: window.until },
        now: window.now,
        zone: services.zone.clone(),
        server_zone: services.zone.clone(),
        x_files_factor: 0.0,
        template: Vec::new(),
    };
    let events = StateEvents { state: &services.state, scope };
    let environment = Environment { source: services.source.as_ref(), events: &events, scope, limits };
    let cache = cache(services, scope, &window, &question.targets);
    let explained = explain::explain(&question, environment);
    Explanation {
        now: services.clock.since_epoch().as_secs_f64(),
        milliseconds: milliseconds(explained.took),
        cache,
        targets: explained.targets.into_iter().map(target).collect(),
        fetches: explained.fetches.into_iter().map(fetch).collect(),
    }
}

/// Does `/render` have the answer to the same targets in the same window as json at hand?
fn cache(services: &Services, scope: &Scope, window: &Window, targets: &[String]) -> &'static str {
    if services.settings.load().http.answer_cache_bytes == 0 {
        return "off";
    }
    let targets = targets.iter().map(|target| ("target".to_owned(), target.clone()));
    let parameters = Parameters(targets.chain([("format".to_owned(), "json".to_owned())]).collect());
    let asked = graphite::Window { from: window.from, until: window.until };
    let question = Asked::new(&parameters, asked, scope);
    match services.answers.look(&question, services.source.as_ref(), window.now, Duration::MAX) {
        Some(_) => "hit",
        None => "miss",
    }
}

fn target(explained: explain::ExplainedTarget) -> Target {
    let error = match explained.answer {
        Ok(_) => evaluate::mistake_of_form(&explained.target),
        Err(error) => Some(evaluate::explain(error, &explained.target)),
    };
    Target {
        target: explained.target,
        error,
        milliseconds: milliseconds(explained.took),
        tree: explained.tree.map(step),
    }
}

fn step(node: explain::Node) -> Step {
    Step {
        milliseconds: milliseconds(node.took),
        own_milliseconds: milliseconds(node.own()),
        text: node.text,
        function: node.function,
        from: node.window.from.0,
        until: node.window.until.0,
        series: node.series,
        points: node.points,
        children: node.children.into_iter().map(step).collect(),
        cut: node.cut,
    }
}

fn fetch(fetch: explain::Fetch) -> Fetch {
    let archives = fetch.archives.into_iter();
    Fetch {
        path: fetch.path,
        kind: match fetch.kind {
            vocabulary::ValueKind::Number => "number",
            vocabulary::ValueKind::Sketch => "sketch",
        },
        from: fetch.window.from.0,
        until: fetch.window.until.0,
        series: fetch.series,
        points: fetch.points,
        archives: archives
            .map(|one| Archive { archive: one.archive, series: one.series, step: one.step.seconds() })
            .collect(),
        milliseconds: milliseconds(fetch.took),
    }
}

fn milliseconds(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e6).round() / 1e3
}
