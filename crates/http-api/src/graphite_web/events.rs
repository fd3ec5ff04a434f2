//! `/events/`: marks in time, as graphite-web takes and gives them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::json;
use vocabulary::Timestamp;

use super::{jsonp, plain};
use crate::accounts::{Caller, Role};
use crate::annotations::{self, Annotation, NewAnnotation, Query, Refused, TagSet};
use crate::api_v1::off_thread;
use crate::guard::require;
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
pub async fn post(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    body: Bytes,
) -> Response {
    if let Err(problem) = require(&caller, Role::Editor) {
        return problem.into_response();
    }
    let event: NewEvent = match serde_json::from_slice(&body) {
        Ok(event) => event,
        Err(error) => {
            return refuse(&format!("the body is not a JSON object with what, tags, when, data: {error}"));
        }
    };
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
        what: event.what.unwrap_or_default(),
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
        Ok(Ok(_)) => StatusCode::OK.into_response(),
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

/// The list between two times, for graphs.
pub async fn get_data(State(services): State<Arc<Services>>, parameters: Parameters) -> Response {
    let now = services.clock.now();
    let time = |name: &str, otherwise: Timestamp| match parameters.last(name) {
        Some(text) => crate::evaluate::parse_time(text, now, "UTC"),
        None => Ok(otherwise),
    };
    let (from, until) = match (time("from", Timestamp(0)), time("until", now)) {
        (Ok(from), Ok(until)) => (from, until),
        (Err(problem), _) | (_, Err(problem)) => return problem.into_response(),
    };
    let tags: Vec<String> = parameters
        .last("tags")
        .map(|tags| tags.split_whitespace().map(str::to_owned).collect())
        .unwrap_or_default();
    let set = if parameters.last("set") == Some("union") { TagSet::Any } else { TagSet::All };
    let found = off_thread(&services, move |services| {
        // Events carry fractions; the whole second `until` is part of the answer.
        let query = Query { from: from.0 as f64, until: until.0 as f64 + 0.999_999, tags: &tags, set };
        Ok(annotations::list(&services.state, &query)?)
    });
    match found.await {
        Ok(found) => jsonp(parameters.last("jsonp"), &python_json(&found)),
        Err(problem) => problem.into_response(),
    }
}

/// One event as JSON; people are sent to the graph of that moment.
pub async fn one(State(services): State<Arc<Services>>, Path(id): Path<i64>, headers: HeaderMap) -> Response {
    let found = off_thread(&services, move |services| Ok(annotations::one(&services.state, id)?)).await;
    let event = match found {
        Ok(Some(event)) => event,
        Ok(None) if wants_json(&headers) => {
            let missing = json!({"error": "Event matching query does not exist"});
            return (StatusCode::NOT_FOUND, Json(missing)).into_response();
        }
        Ok(None) => return plain(StatusCode::NOT_FOUND, "There is no such event.\n"),
        Err(problem) => return problem.into_response(),
    };
    if wants_json(&headers) {
        return Json(json!({
            "id": event.id, "when": iso(event.at), "what": event.what, "data": event.data, "tags": event.tags
        }))
        .into_response();
    }
    let at = event.at as i64;
    let place = format!("/explore?from={}&to={}", at - 1_800, at + 1_800);
    match HeaderValue::from_str(&place) {
        Ok(place) => (StatusCode::FOUND, [(header::LOCATION, place)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn wants_json(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_some_and(|accept| accept == "application/json")
}

/// `2026-11-21T10:00:00Z`, as Django's encoder writes times.
fn iso(at: f64) -> String {
    crate::evaluate::iso_time(Timestamp(at.floor() as i64))
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
