//! `/tags`: the tags of series, for Grafana's query editor and others.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use graphite::tag_expressions;
use serde_json::json;
use vocabulary::ports::{FindQuery, Node, StoreError, TagExpression, TagListQuery, TagQuery};
use vocabulary::{SeriesRef, SeriesSource, ValueKind};

use super::jsonp;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Problem};
use crate::api_v1::off_thread;
use crate::guard::require;
use crate::parameters::Parameters;
use crate::services::Services;

/// How many completions graphite-web gives unless asked for more.
const USUAL_COMPLETIONS: usize = 100;

/// A list of tags or values as JSON; errors as graphite-web tells them.
async fn answer(
    services: Arc<Services>,
    parameters: Parameters,
    work: impl FnOnce(&dyn SeriesSource, &Parameters, usize) -> Result<serde_json::Value, StoreError>
    + Send
    + 'static,
) -> Response {
    let callback = parameters.last("jsonp").map(str::to_owned);
    let worked = services
        .query(move |services, limits| work(services.source.as_ref(), &parameters, limits.max_series));
    match worked.await {
        Ok(Ok(value)) => jsonp(callback.as_deref(), &value.to_string()),
        Ok(Err(error)) => {
            let status = match error {
                StoreError::BadQuery(_) | StoreError::TooMuch { .. } => StatusCode::BAD_REQUEST,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            (status, axum::Json(json!({"error": error.to_string()}))).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

fn refuse(text: &str) -> Response {
    (StatusCode::BAD_REQUEST, axum::Json(json!({ "error": text }))).into_response()
}

fn expressions(parameters: &Parameters) -> Vec<String> {
    [parameters.all("expr"), parameters.all("expr[]")].concat()
}

/// For completion: all expressions, without the demand that one of them be narrow.
fn parse_each(texts: &[String]) -> Result<Vec<TagExpression>, StoreError> {
    texts.iter().map(|text| tag_expressions::parse_one(text)).collect()
}

fn wanted(parameters: &Parameters, otherwise: usize) -> usize {
    parameters.last("limit").and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// Of all series, as the parameters `filter` and `limit` want it.
fn filtered<'q>(parameters: &'q Parameters, caller: &'q Caller, most: usize) -> TagListQuery<'q> {
    let limit = wanted(parameters, most).min(most);
    TagListQuery {
        expressions: &[],
        prefix: "",
        filter: parameters.last("filter"),
        scope: &caller.scope,
        limit,
    }
}

pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    parameters: Parameters,
) -> Response {
    answer(services, parameters, move |source, parameters, most| {
        let tags = source.tags(&filtered(parameters, &caller, most))?;
        Ok(tags.iter().enumerate().map(|(index, tag)| json!({"id": index + 1, "tag": tag})).collect())
    })
    .await
}

pub async fn one(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(tag): Path<String>,
    parameters: Parameters,
) -> Response {
    answer(services, parameters, move |source, parameters, most| {
        let query = filtered(parameters, &caller, most);
        let values = source.tag_values(&tag, &query)?;
        if values.is_empty() && query.filter.is_none() {
            return Ok(serde_json::Value::Null);
        }
        let value = |(index, (value, count)): (usize, &(String, u64))| json!({"id": index + 1, "value": value, "count": count});
        let values: Vec<_> = values.iter().enumerate().map(value).collect();
        Ok(json!({"id": 1, "tag": tag, "values": values}))
    })
    .await
}

pub async fn find_series(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    parameters: Parameters,
) -> Response {
    if expressions(&parameters).is_empty() {
        return refuse("no tag expressions specified");
    }
    answer(services, parameters, move |source, parameters, most| {
        let texts = expressions(parameters);
        let expressions = tag_expressions::parse_all(texts.iter().map(String::as_str))?;
        let query = TagQuery {
            expressions: &expressions,
            kind: ValueKind::Number,
            scope: &caller.scope,
            limit: most,
        };
        Ok(source.find_tagged(&query)?.iter().map(|found| found.name.to_string()).collect())
    })
    .await
}

pub async fn complete_tags(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    parameters: Parameters,
) -> Response {
    answer(services, parameters, move |source, parameters, most| {
        let expressions = parse_each(&expressions(parameters))?;
        let prefix = parameters.last("tagPrefix").unwrap_or_default();
        let wanted = wanted(parameters, USUAL_COMPLETIONS);
        // Tags that the expressions name already are left out, so as many more are asked for.
        let limit = wanted.saturating_add(expressions.len()).min(most);
        let query =
            TagListQuery { expressions: &expressions, prefix, filter: None, scope: &caller.scope, limit };
        let mut tags = source.tags(&query)?;
        tags.retain(|tag| !expressions.iter().any(|expression| expression.tag == *tag));
        tags.truncate(wanted);
        Ok(tags.into_iter().collect())
    })
    .await
}

pub async fn complete_values(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    parameters: Parameters,
) -> Response {
    let Some(tag) = parameters.last("tag").map(str::to_owned) else {
        return refuse("no tag specified");
    };
    answer(services, parameters, move |source, parameters, most| {
        let expressions = parse_each(&expressions(parameters))?;
        let prefix = parameters.last("valuePrefix").unwrap_or_default();
        let limit = wanted(parameters, USUAL_COMPLETIONS).min(most);
        let query =
            TagListQuery { expressions: &expressions, prefix, filter: None, scope: &caller.scope, limit };
        Ok(source.tag_values(&tag, &query)?.into_iter().map(|(value, _)| value).collect())
    })
    .await
}

/// Series are tagged by sending them; this tells the canonical name, as carbon expects it.
pub async fn tag_series(parameters: Parameters) -> Response {
    let Some(path) = parameters.last("path") else { return refuse("no path specified") };
    match vocabulary::series::canonical(path) {
        Ok(name) => jsonp(None, &json!(name).to_string()),
        Err(error) => refuse(&error.to_string()),
    }
}

/// All of the paths or none; one that is not there is no mistake. Where graphite-web forgets the tags and
/// leaves a file that nothing names, the points go too. Names without tags it leaves in the tree and on the
/// disk, which would look like a deletion: refused.
pub async fn delete_series(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    parameters: Parameters,
) -> Response {
    if let Err(problem) = require(&caller, Role::Editor) {
        return problem.into_response();
    }
    let paths = paths(&parameters);
    if paths.is_empty() {
        return refuse("no path specified");
    }
    let deleted = off_thread(&services, move |services| {
        let series = to_delete(services, &caller, &paths)?;
        services.control.delete_series(&series).map_err(|why| {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("series were not deleted for good: {why}"))
        })
    });
    match deleted.await {
        Ok(_) => jsonp(parameters.last("jsonp"), "true"),
        Err(problem) => problem.into_response(),
    }
}

fn to_delete(services: &Services, caller: &Caller, paths: &[String]) -> Answer<Vec<SeriesRef>> {
    let mut found = Vec::new();
    for path in paths {
        let name = vocabulary::series::canonical(path)
            .map_err(|error| Problem::bad_request(format!("`{path}`: {error}")))?;
        if !name.contains(';') {
            return Err(Problem::bad_request(format!(
                "`{name}` has no tags; only tagged series are deleted here"
            )));
        }
        if !caller.scope.sees(&name) {
            return Err(Problem::forbidden(format!("`{name}` is outside of what this token may touch")));
        }
        for kind in [ValueKind::Number, ValueKind::Sketch] {
            let query = FindQuery { pattern: &name, kind, scope: &caller.scope, limit: 1 };
            found.extend(services.source.find(&query)?.into_iter().filter_map(|node| match node {
                Node::Leaf(found) => Some(found.series),
                Node::Branch { .. } => None,
            }));
        }
    }
    Ok(found)
}

fn paths(parameters: &Parameters) -> Vec<String> {
    [parameters.all("path"), parameters.all("path[]")].concat()
}

pub async fn tag_multi_series(parameters: Parameters) -> Response {
    let paths = paths(&parameters);
    if paths.is_empty() {
        return refuse("no paths specified");
    }
    let names: Result<Vec<_>, _> = paths.iter().map(|path| vocabulary::series::canonical(path)).collect();
    match names {
        Ok(names) => jsonp(None, &json!(names).to_string()),
        Err(error) => refuse(&error.to_string()),
    }
}
