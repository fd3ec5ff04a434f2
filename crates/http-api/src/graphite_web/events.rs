//! `/events/`: marks in time, as graphite-web takes and gives them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::json;
use vocabulary::Timestamp;

use super::page::{escaped, page};
use super::{jsonp, plain, wrong_method};
use crate::accounts::{Caller, Role};
use crate::annotations::{self, Annotation, NewAnnotation, Query, Refused, TagSet};
use crate::answer::Problem;
use crate::api_v1::off_thread;
use crate::guard::require;
use crate::marks;
use crate::parameters::Parameters;
use crate::services::Services;

#[derive(Deserialize)]
struct NewEvent {
    what: Option<String>,
    tags: Option<serde_json::Value>,
    when: Option<f64>,
    data: Option<serde_json::Value>,
}

/// Takes an event: 200 without a body, as the original.
async fn post(services: Arc<Services>, caller: Caller, body: Bytes) -> Response {
    if let Err(problem) = require(&caller, Role::Editor) {
        return problem.into_response();
    }
    let event: NewEvent = match serde_json::from_slice(&body) {
        Ok(event) => event,
        Err(error) => {
            return refuse(&format!("the body is not a JSON object with what, tags, when, data: {error}"));
        }
    };
    let Some(what) = event.what else { return refuse("`what` is missing: say what happened") };
    let Some(tags) = tags_of(event.tags.as_ref()) else {
        return refuse("\"tags\" must be an array or space-separated string");
    };
    let data = match event.data {
        None | Some(serde_json::Value::Null) => String::new(),
        Some(serde_json::Value::String(text)) => text,
        Some(other) => other.to_string(),
    };
    let new = NewAnnotation {
        at: event.when.unwrap_or_else(|| services.clock.since_epoch().as_secs_f64()),
        what,
        tags,
        data,
    };
    let added = off_thread(&services, move |services| {
        Ok(match annotations::add(&services.state, &new) {
            Err(Refused::Because(why)) => Err(why),
            Err(Refused::State(error)) => return Err(error.into()),
            Ok(id) => Ok(id),
        })
    });
    match added.await {
        Ok(Ok(_)) => (StatusCode::OK, [(header::CONTENT_TYPE, "text/html; charset=utf-8")]).into_response(),
        Ok(Err(why)) => refuse(&why),
        Err(problem) => problem.into_response(),
    }
}

fn refuse(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, Json(json!({ "error": why }))).into_response()
}

/// A list of words, or words with blanks between them; `None` if it is neither.
fn tags_of(tags: Option<&serde_json::Value>) -> Option<Vec<String>> {
    let text = match tags {
        None | Some(serde_json::Value::Null) => return Some(Vec::new()),
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(serde_json::Value::Array(items)) => {
            items.iter().map(serde_json::Value::as_str).collect::<Option<Vec<_>>>()?.join(" ")
        }
        Some(_) => return None,
    };
    Some(text.split_whitespace().map(str::to_owned).collect())
}

/// What of the events a request asks for. The original reads the address only, whatever the method.
struct Asked {
    from: f64,
    until: f64,
    tags: Option<Vec<String>>,
    set: TagSet,
}

fn asked(services: &Services, address: &Parameters) -> Result<Asked, Problem> {
    let now = services.clock.now();
    // A moment in words is one of now, which has a fraction of a second; one in digits has none.
    let until = match address.last("until").filter(|text| *text != "now") {
        None => services.clock.since_epoch().as_secs_f64(),
        Some(text) => {
            let until = crate::evaluate::parse_time(text, now, "UTC")?.0 as f64;
            if text.bytes().all(|byte| byte.is_ascii_digit()) { until } else { until + 0.999_999 }
        }
    };
    let tags: Option<Vec<String>> =
        address.last("tags").map(|tags| tags.split(' ').map(str::to_owned).collect());
    if tags.as_ref().is_some_and(|tags| tags.len() > annotations::MAX_WANTED_TAGS) {
        let most = annotations::MAX_WANTED_TAGS;
        return Err(Problem::bad_request(format!("there are more than {most} tags")));
    }
    let from = address.last("from").map(|text| crate::evaluate::parse_time(text, now, "UTC"));
    Ok(Asked {
        from: from.transpose()?.map_or(0.0, |from| from.0 as f64),
        until,
        tags,
        set: match address.last("set") {
            Some("union") => TagSet::Any,
            Some("intersection") => TagSet::Each,
            _ => TagSet::All,
        },
    })
}

async fn found(services: &Arc<Services>, caller: Caller, uri: &Uri) -> Result<Vec<Annotation>, Problem> {
    let Asked { from, until, tags, set } =
        asked(services, &Parameters::of_query(uri.query().unwrap_or_default()))?;
    off_thread(services, move |services| {
        let query = Query { from, until, tags: tags.as_deref(), set };
        Ok(marks::asked(&services.state, &caller.scope, &query)?)
    })
    .await
}

/// The list between two times, for graphs.
pub async fn get_data(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    parameters: Parameters,
) -> Response {
    match found(&services, caller, &uri).await {
        Ok(found) => jsonp(parameters.last("jsonp"), &python_json(&found)),
        Err(problem) => problem.into_response(),
    }
}

/// `/events/`: a page with all, or a new one.
pub async fn all(
    method: Method,
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    body: Bytes,
) -> Response {
    match method {
        Method::POST => post(services, caller, body).await,
        Method::GET => match found(&services, caller, &uri).await {
            Ok(found) => page(StatusCode::OK, "Events", &table(&found)),
            Err(problem) => problem.into_response(),
        },
        _ => wrong_method("GET, POST"),
    }
}

fn table(events: &[Annotation]) -> String {
    if events.is_empty() {
        return "<p>There are none. Tell of one with <code>bellwether event \"deployed 4.2\" --tag deploy</code>, or by \
                POST to this address: <code>{\"what\": \"deployed 4.2\", \"tags\": \"deploy\"}</code>."
            .into();
    }
    let row = |event: &Annotation| {
        format!(
            "<tr><td>{}<td><a href=\"/events/{}/\">{}</a><td>{}\n",
            iso(event.at),
            event.id,
            escaped(&event.what),
            escaped(&event.tags.join(", "))
        )
    };
    let rows: String = events.iter().map(row).collect();
    format!("<table><tr><th>when<th>what<th>tags\n{rows}</table>")
}

/// One event, as JSON or as a page.
pub async fn one(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Ok(id) = id.parse::<i64>() else { return plain(StatusCode::NOT_FOUND, "There is no such event.\n") };
    let found = off_thread(&services, move |services| {
        let one = annotations::one(&services.state, id)?;
        Ok(annotations::seen(&caller.scope, one.into_iter().collect()).pop())
    })
    .await;
    match found {
        Ok(Some(event)) if wants_json(&headers) => Json(json!({
            "id": event.id, "when": iso(event.at), "what": event.what, "data": event.data, "tags": event.tags
        }))
        .into_response(),
        Ok(Some(event)) => page(StatusCode::OK, &event.what, &details(&event)),
        Ok(None) if wants_json(&headers) => {
            let missing = json!({"error": "Event matching query does not exist"});
            (StatusCode::NOT_FOUND, Json(missing)).into_response()
        }
        Ok(None) => plain(StatusCode::NOT_FOUND, "There is no such event.\n"),
        Err(problem) => problem.into_response(),
    }
}

/// What it says, and the way to the graphs of that moment.
fn details(event: &Annotation) -> String {
    let at = event.at as i64;
    format!(
        "<table><tr><th>when<td>{}<tr><th>tags<td>{}<tr><th>data<td>{}</table>\n\
         <p><a href=\"/explore?from={}&amp;to={}\">Graphs of that hour</a> · <a href=\"/events/\">All events</a>",
        iso(event.at),
        escaped(&event.tags.join(", ")),
        escaped(&event.data),
        at - 1_800,
        at + 1_800
    )
}

fn wants_json(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_some_and(|accept| accept == "application/json")
}

/// `2026-11-21T10:00:00Z`, with milliseconds if there are any, as Django's encoder writes times.
fn iso(at: f64) -> String {
    let whole = crate::evaluate::iso_time(Timestamp(at.floor() as i64));
    let microseconds = ((at - at.floor()) * 1e6).round() as u32;
    match microseconds {
        0 => whole,
        // Cut off, not rounded.
        _ => format!("{}.{:03}Z", whole.trim_end_matches('Z'), (microseconds / 1_000).min(999)),
    }
}

/// `json.dumps` puts a blank behind `:` and `,`; keys in the original's order.
fn python_json(events: &[Annotation]) -> String {
    let one = |event: &Annotation| {
        let tags: Vec<String> = event.tags.iter().map(|tag| json!(tag).to_string()).collect();
        format!(
            "{{\"when\": {}, \"what\": {}, \"data\": {}, \"tags\": [{}], \"id\": {}}}",
            event.at.floor() as i64,
            json!(event.what),
            json!(event.data),
            tags.join(", "),
            event.id
        )
    };
    format!("[{}]", events.iter().map(one).collect::<Vec<_>>().join(", "))
}
