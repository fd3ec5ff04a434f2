//! graphite-web's own paths, with or without a trailing slash, as version 1.1.10 answers them. The names,
//! shapes and quirks are its own; what is behind them is the room `graphite`.

mod events;
mod functions;
mod metrics;
mod render;
mod tags;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::multipart::{Multipart, MultipartError};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use graphite::{Answer, Refusal};
use vocabulary::ports::QueryLimits;

use crate::answer::Problem;
use crate::parameters::Parameters;
use crate::services::Services;

pub fn router() -> Router<Arc<Services>> {
    let both =
        |router: Router<Arc<Services>>, path: &str, method: axum::routing::MethodRouter<Arc<Services>>| {
            router.route(path, method.clone()).route(&format!("{path}/"), method)
        };
    let router = Router::new()
        .route("/version", get(version))
        .route("/version/", get(version))
        .route("/metrics/index.json", any(metrics::index))
        .route("/functions/{name}", any(functions::one))
        .route("/tags/{tag}", get(tags::one))
        .route("/tags/findSeries", any(tags::find_series))
        .route("/tags/autoComplete/tags", any(tags::complete_tags))
        .route("/tags/autoComplete/values", any(tags::complete_values))
        .route("/tags/tagSeries", post(tags::tag_series))
        .route("/tags/tagMultiSeries", post(tags::tag_multi_series))
        .route("/tags/delSeries", post(tags::delete_series))
        .route("/events/get_data", any(events::get_data));
    let router = both(router, "/events/{id}", get(events::one));
    let router = both(router, "/render", any(render::render));
    let router = both(router, "/metrics", any(metrics::find));
    let router = both(router, "/metrics/find", any(metrics::find));
    let router = both(router, "/metrics/expand", any(metrics::expand));
    let router = both(router, "/functions", any(functions::list));
    let router = both(router, "/tags", get(tags::list));
    both(router, "/events", get(events::get_data).post(events::post))
}

/// Grafana reads a version of 1.1 or later as "knows tags and the list of functions".
async fn version() -> Response {
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], "1.1.10\n").into_response()
}

fn plain(status: StatusCode, text: &str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text.to_owned()).into_response()
}

/// An answer or a refusal of `graphite` as HTTP.
fn respond(answered: Result<Answer, Refusal>) -> Response {
    match answered {
        Ok(answer) => {
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
        Err(refusal) => {
            let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            let content_type =
                if refusal.text.starts_with('{') { "application/json" } else { "text/plain; charset=utf-8" };
            (status, [(header::CONTENT_TYPE, content_type)], refusal.text).into_response()
        }
    }
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
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let kind = kind.unwrap_or_default().to_ascii_lowercase();
        if kind.starts_with("multipart/form-data") {
            return Ok(query.and(multipart(request, state).await?));
        }
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return Ok(query);
        }
        let body = axum::body::Bytes::from_request(request, state)
            .await
            .map_err(|rejection| Problem::unread_body(rejection.status(), rejection.body_text()))?;
        Ok(query.and(Parameters::of_query(&String::from_utf8_lossy(&body))))
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
