//! `/metrics/get-metadata`, `/metrics/set-metadata`: what Carbon keeps about a series, asked for by key. The key
//! `aggregationMethod` is how the series is rolled up; others are kept as they are set.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use vocabulary::ValueKind;
use vocabulary::ports::{FindQuery, Node, StoreError};
use vocabulary::retention::Aggregation;

use super::jsonp;
use super::kept::{self, Kind, Refused};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Problem};
use crate::api_v1::off_thread;
use crate::guard::{refuse_other_pages, require};
use crate::parameters::Parameters;
use crate::services::Services;

const AGGREGATION: &str = "aggregationMethod";

/// Series of one request: the original asks Carbon for each in turn.
const MAX_OPERATIONS: usize = 1_000;

#[derive(Deserialize)]
struct Operation {
    metric: String,
    key: String,
    value: Value,
}

/// What is known, or the original's way to say that Carbon answered with an error.
fn unknown(asked: &str, why: &str) -> Value {
    json!({ "error": format!("Unexpected error occurred in CarbonLink.{asked}: {why}") })
}

pub async fn get(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    parameters: Parameters,
) -> Response {
    let metrics = parameters.all("metric");
    if metrics.len() > MAX_OPERATIONS {
        return Problem::bad_request(format!("ask for at most {MAX_OPERATIONS} series at once"))
            .into_response();
    }
    let callback = parameters.last("jsonp").filter(|callback| !callback.is_empty()).map(str::to_owned);
    let key = parameters.last("key").map(str::to_owned);
    let found = off_thread(&services, move |services| {
        let mut results = BTreeMap::new();
        for metric in metrics {
            let asked = format!("get_metadata({metric}, {})", key.as_deref().unwrap_or("None"));
            let value = match key.as_deref() {
                None => unknown(&asked, "no key"),
                Some(key) => {
                    read(services, &caller, &metric, key)?.unwrap_or_else(|why| unknown(&asked, why))
                }
            };
            results.insert(metric, value);
        }
        Ok(results)
    });
    match found.await {
        Ok(results) => jsonp(callback.as_deref(), &json!(results).to_string()),
        Err(problem) => problem.into_response(),
    }
}

/// The value, or why there is none.
fn read(
    services: &Services,
    caller: &Caller,
    metric: &str,
    key: &str,
) -> Answer<Result<Value, &'static str>> {
    let Some(aggregation) = aggregation(services, caller, metric)? else { return Ok(Err("no such series")) };
    if key == AGGREGATION {
        return Ok(Ok(json!(aggregation)));
    }
    let kept = kept::get(&services.state, Kind::Metadata, &record(metric, key))?;
    let value = kept.and_then(|value| serde_json::from_str(&value).ok());
    Ok(value.ok_or("nothing was set under this key"))
}

/// One name for both; no series' name has a line break.
fn record(metric: &str, key: &str) -> String {
    format!("{metric}\n{key}")
}

/// How the series is rolled up; none if there is no such series for the caller.
fn aggregation(services: &Services, caller: &Caller, metric: &str) -> Answer<Option<Aggregation>> {
    let Ok(name) = vocabulary::series::canonical(metric) else { return Ok(None) };
    // More than one node is a pattern, or a branch of the same name.
    let query = FindQuery { pattern: &name, kind: ValueKind::Number, scope: &caller.scope, limit: 2 };
    let nodes = match services.source.find(&query) {
        Err(StoreError::TooMuch { .. } | StoreError::BadQuery(_)) => return Ok(None),
        found => found?,
    };
    let found = nodes.iter().find_map(|node| match node {
        // A pattern is no name.
        Node::Leaf(found) if *found.name == *name => services.source.describe(found.series),
        _ => None,
    });
    Ok(found.map(|series| series.policy.aggregation))
}

pub async fn set(
    method: Method,
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    parameters_of_form: SetParameters,
) -> Response {
    let allowed = refuse_other_pages(&services, &caller, &method, &headers);
    let allowed = allowed.and_then(|()| require(&caller, Role::Editor));
    if let Err(problem) = allowed {
        return problem.into_response();
    }
    let operations = match (method, parameters_of_form) {
        (Method::GET, SetParameters::Form(parameters)) => one_operation(&parameters),
        (Method::POST, SetParameters::Form(parameters)) => match parameters.last("operations") {
            Some(text) => operations(text.as_bytes()),
            None => Err("send a list of operations as JSON, or as the form's field `operations`".into()),
        },
        (Method::POST, SetParameters::Json(body)) => operations(&body),
        _ => return jsonp(None, "{\"error\": \"Invalid request method\"}"),
    };
    let operations = match operations {
        Ok(operations) if operations.len() <= MAX_OPERATIONS => operations,
        Ok(_) => return refuse(&format!("send at most {MAX_OPERATIONS} operations at once")),
        Err(why) => return refuse(&why),
    };
    let done = off_thread(&services, move |services| {
        let mut results = BTreeMap::new();
        for operation in operations {
            let asked = format!("set_metadata({}, {})", operation.metric, operation.key);
            let told = write(services, &caller, &operation)?.unwrap_or_else(|why| unknown(&asked, &why));
            results.insert(operation.metric, told);
        }
        Ok(results)
    });
    match done.await {
        Ok(results) => jsonp(None, &json!(results).to_string()),
        Err(problem) => problem.into_response(),
    }
}

fn refuse(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, axum::Json(json!({ "error": why }))).into_response()
}

fn one_operation(parameters: &Parameters) -> Result<Vec<Operation>, String> {
    let get = |name: &str| {
        parameters.last(name).map(str::to_owned).ok_or_else(|| format!("the parameter `{name}` is missing"))
    };
    Ok(vec![Operation { metric: get("metric")?, key: get("key")?, value: json!(get("value")?) }])
}

fn operations(text: &[u8]) -> Result<Vec<Operation>, String> {
    serde_json::from_slice(text)
        .map_err(|error| format!("not a list of {{\"metric\", \"key\", \"value\"}}: {error}"))
}

/// What it was and what it is, or why it stays.
fn write(services: &Services, caller: &Caller, operation: &Operation) -> Answer<Result<Value, String>> {
    let Operation { metric, key, value } = operation;
    let changed = |old: &Value| Ok(Ok(json!({"old_value": old, "new_value": value})));
    let Some(aggregation) = aggregation(services, caller, metric)? else {
        return Ok(Err("no such series".into()));
    };
    if key == AGGREGATION {
        let old = json!(aggregation);
        let why = "how series are rolled up is set for all of a pattern, by [[storage.aggregation]] in the \
                   configuration; `bellwether storage repolicy --apply` brings series that are there to it";
        return if *value == old { changed(&old) } else { Ok(Err(why.into())) };
    }
    let (name, now) = (record(metric, key), services.clock.now());
    let old = kept::get(&services.state, Kind::Metadata, &name)?;
    match kept::set(&services.state, Kind::Metadata, &name, &value.to_string(), &caller.name, now) {
        Ok(()) => changed(&old.and_then(|old| serde_json::from_str(&old).ok()).unwrap_or(Value::Null)),
        Err(Refused::Because(why)) => Ok(Err(why)),
        Err(Refused::State(error)) => Err(error.into()),
    }
}

/// A form, or JSON if the request says so.
pub enum SetParameters {
    Form(Parameters),
    Json(Bytes),
}

impl<S: Send + Sync> axum::extract::FromRequest<S> for SetParameters {
    type Rejection = Problem;

    async fn from_request(request: axum::extract::Request, state: &S) -> Answer<Self> {
        let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
            return Parameters::from_request(request, state).await.map(SetParameters::Form);
        }
        let body = Bytes::from_request(request, state).await;
        body.map(SetParameters::Json)
            .map_err(|rejection| Problem::unread_body(rejection.status(), rejection.body_text()))
    }
}
