//! graphite-web's own paths, with or without a trailing slash, as version 1.1.10 answers them. The names,
//! shapes and quirks are its own; what is behind them is the room `graphite`.

mod dashboards;
mod events;
mod functions;
pub mod kept;
mod links;
mod metadata;
mod metrics;
mod page;
mod render;
mod tags;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use graphite::{Answer, Names, Refusal};
use vocabulary::ports::QueryLimits;

use crate::accounts::Caller;
use crate::answer::Problem;
use crate::answers::KeptAnswer;
use crate::parameters::Parameters;
use crate::services::Services;

pub fn router() -> Router<Arc<Services>> {
    let router = Router::new()
        .route("/metrics/index.json", any(metrics::index))
        .route("/functions/{*name}", any(functions::one))
        .route("/tags/{*tag}", any(tags::one))
        .route("/tags/findSeries", any(tags::find_series))
        .route("/tags/autoComplete/tags", any(tags::complete_tags))
        .route("/tags/autoComplete/values", any(tags::complete_values))
        .route("/tags/tagSeries", any(tags::tag_series))
        .route("/tags/tagMultiSeries", any(tags::tag_multi_series))
        .route("/tags/delSeries", any(tags::delete_series))
        .route("/events/get_data", any(events::get_data))
        .route("/s/", any(links::shorten))
        .route("/s/{*path}", any(links::shorten))
        .route("/dashboard/save/{name}", any(dashboards::save))
        .route("/dashboard/save_template/{name}/{key}", any(dashboards::save_template))
        .route("/dashboard/load/{name}", any(dashboards::load))
        .route("/dashboard/load/{name}/{value}", any(dashboards::load_template))
        .route("/dashboard/load_template/{name}/{value}", any(dashboards::load_template))
        .route("/dashboard/delete/{name}", any(dashboards::delete))
        .route("/dashboard/delete_template/{name}", any(dashboards::delete_template))
        .route("/dashboard/email", any(dashboards::not_here))
        .route("/dashboard/{name}", any(dashboards::one))
        .route("/dashboard/{name}/{value}", any(dashboards::one_of_template))
        .route("/browser/{*page}", any(dashboards::compose))
        .route("/account/{*page}", any(dashboards::not_here));
    let paths = [
        ("/version", any(version)),
        ("/render", any(render::render)),
        ("/render/local", any(render::local)),
        ("/metrics", any(metrics::find)),
        ("/metrics/find", any(metrics::find)),
        ("/metrics/expand", any(metrics::expand)),
        ("/metrics/get-metadata", any(metadata::get)),
        ("/metrics/set-metadata", any(metadata::set)),
        ("/functions", any(functions::list)),
        ("/tags", any(tags::list)),
        ("/events", any(events::all)),
        ("/events/{id}", any(events::one)),
        ("/S/{id}", any(links::follow)),
        ("/dashboard", any(dashboards::all)),
        ("/dashboard/create-temporary", any(dashboards::create_temporary)),
        ("/dashboard/find", any(dashboards::find)),
        ("/dashboard/find_template", any(dashboards::find_template)),
        ("/dashboard/login", any(dashboards::not_here)),
        ("/dashboard/logout", any(dashboards::not_here)),
        ("/dashboard/help", any(dashboards::all)),
        ("/composer", any(dashboards::compose)),
        ("/graphlot", any(dashboards::compose)),
    ];
    paths.into_iter().fold(router, |router, (path, method)| {
        router.route(path, method.clone()).route(&format!("{path}/"), method)
    })
}

/// Grafana reads a version of 1.1 or later as "knows tags and the list of functions".
async fn version() -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], "1.1.10\n").into_response()
}

fn plain(status: StatusCode, text: &str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text.to_owned()).into_response()
}

fn wrong_method(allowed: &'static str) -> Response {
    let told = plain(StatusCode::METHOD_NOT_ALLOWED, &format!("This is asked for with {allowed}.\n"));
    ([(header::ALLOW, allowed)], told).into_response()
}

fn names<'a>(services: &'a Services, caller: &'a Caller, limits: &'a QueryLimits) -> Names<'a> {
    Names { source: services.source.as_ref(), scope: &caller.scope, limits }
}

/// An answer or a refusal of `graphite` as HTTP.
fn respond(answered: Result<Answer, Refusal>) -> Response {
    match answered {
        Ok(answer) => respond_with(answer.into()),
        Err(refusal) => {
            let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let content_type =
                if refusal.text.starts_with('{') { "application/json" } else { "text/plain; charset=utf-8" };
            (status, [(header::CONTENT_TYPE, content_type)], refusal.text).into_response()
        }
    }
}

fn respond_with(answer: KeptAnswer) -> Response {
    let mut response = answer.body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    response
}

/// Run a query that ends in an answer of `graphite`.
async fn query(
    services: &Arc<Services>,
    work: impl FnOnce(&Services, &QueryLimits) -> Result<Answer, Refusal> + Send + 'static,
) -> Response {
    match services.query(work).await {
        Ok(answered) => {
            if answered.is_err() {
                services.counters.queries_failed.fetch_add(1, Ordering::Relaxed);
            }
            respond(answered)
        }
        Err(problem) => problem.into_response(),
    }
}

/// JSON, or a call of the function that the client named.
fn jsonp(function: Option<&str>, json: &str) -> Response {
    let (content_type, body) = match function {
        Some(function) => ("text/javascript", format!("{function}({json})")),
        None => ("application/json", json.to_owned()),
    };
    let content_type = HeaderValue::from_static(content_type);
    ([(header::CONTENT_TYPE, content_type)], body).into_response()
}

/// The query string and, over it, a form in either of the two ways to send one: what Django calls `request.GET`
/// and `request.POST` together.
impl<S: Send + Sync> FromRequest<S> for Parameters {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let query = Parameters::of_query(request.uri().query().unwrap_or_default());
        let Form(form) = Form::from_request(request, state).await?;
        Ok(query.and(form))
    }
}

/// Only the form: what Django calls `request.POST`.
struct Form(Parameters);

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_ascii_lowercase();
        if kind.starts_with("multipart/form-data") {
            return multipart(request, state).await.map(Form);
        }
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return Ok(Form(Parameters::default()));
        }
        let body = axum::body::Bytes::from_request(request, state)
            .await
            .map_err(|rejection| Problem::unread_body(rejection.status(), rejection.body_text()))?;
        Ok(Form(Parameters::of_query(&String::from_utf8_lossy(&body))))
    }
}

/// The fields of a form as `curl -F` and many HTTP libraries send it. Files are no parameters.
async fn multipart<S: Send + Sync>(request: Request, state: &S) -> Result<Parameters, Problem> {
    let form = Multipart::from_request(request, state).await;
    let mut form = form.map_err(|error| Problem::unread_body(error.status(), error.body_text()))?;
    let mut parameters = Parameters::default();
    let unread = |error: MultipartError| Problem::unread_body(error.status(), error.body_text());
    while let Some(field) = form.next_field().await.map_err(unread)? {
        let name = field.name().filter(|_| field.file_name().is_none()).map(str::to_owned);
        if let Some(name) = name {
            let value = field.bytes().await.map_err(unread)?;
            parameters.0.push((name, String::from_utf8_lossy(&value).into_owned()));
        }
    }
    Ok(parameters)
}
