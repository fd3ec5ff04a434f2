//! `/tags`: the tags of series, for Grafana's query editor and others. What is read is answered by
//! [`graphite::tags`]; this adds methods, and what changes series.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use graphite::{Answer, Names, Refusal, tags};
use vocabulary::ports::{FindQuery, Node, StoreError};
use vocabulary::{SeriesRef, ValueKind};

use super::{names, query, respond, wrong_method};
use crate::accounts::{Caller, Role};
use crate::api_v1::off_thread;
use crate::guard::require;
use crate::parameters::Parameters;
use crate::services::Services;

type Shown = fn(&[(String, String)], Names<'_>) -> Result<Answer, Refusal>;

/// HEAD is none of them in the original either.
const READ: [Method; 2] = [Method::GET, Method::POST];

async fn shown(
    services: Arc<Services>,
    caller: Caller,
    parameters: Parameters,
    work: impl FnOnce(&[(String, String)], Names<'_>) -> Result<Answer, Refusal> + Send + 'static,
) -> Response {
    query(&services, move |services, limits| work(&parameters.0, names(services, &caller, limits))).await
}

pub async fn list(
    method: Method,
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    parameters: Parameters,
) -> Response {
    match method {
        Method::GET => shown(services, caller, parameters, tags::list).await,
        _ => wrong_method("GET"),
    }
}

pub async fn one(
    method: Method,
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(tag): Path<String>,
    parameters: Parameters,
) -> Response {
    match method {
        Method::GET => {
            shown(services, caller, parameters, move |params, names| tags::one(&tag, params, names)).await
        }
        _ => wrong_method("GET"),
    }
}

async fn read(
    method: Method,
    services: Arc<Services>,
    caller: Caller,
    parameters: Parameters,
    work: Shown,
) -> Response {
    match READ.contains(&method) {
        true => shown(services, caller, parameters, work).await,
        false => wrong_method("GET, POST"),
    }
}

pub async fn find_series(
    method: Method,
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    parameters: Parameters,
) -> Response {
    read(method, services, caller, parameters, tags::find_series).await
}

pub async fn complete_tags(
    method: Method,
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    parameters: Parameters,
) -> Response {
    read(method, services, caller, parameters, tags::complete_tags).await
}

pub async fn complete_values(
    method: Method,
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    parameters: Parameters,
) -> Response {
    read(method, services, caller, parameters, tags::complete_values).await
}

/// What a request changes, off the threads that serve everybody.
async fn change(
    method: Method,
    services: Arc<Services>,
    caller: Caller,
    parameters: Parameters,
    work: impl FnOnce(&Services, &Caller, &Parameters) -> Result<Answer, Refusal> + Send + 'static,
) -> Response {
    if method != Method::POST {
        return wrong_method("POST");
    }
    if let Err(problem) = require(&caller, Role::Editor) {
        return problem.into_response();
    }
    let changed = off_thread(&services, move |services| Ok(work(services, &caller, &parameters)));
    changed.await.map_or_else(IntoResponse::into_response, respond)
}

/// Tags are known from the moment of the request, with or without points: Carbon tells of each new series
/// before it writes it.
pub async fn tag_series(
    method: Method,
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    parameters: Parameters,
) -> Response {
    change(method, services, caller, parameters, |services, caller, parameters| {
        let path = parameters.last("path").filter(|path| !path.is_empty());
        let path = path.ok_or_else(|| tags::refusal(400, "no path specified"))?;
        let tagged = register(services, caller, &[path])?;
        Ok(tags::told(&parameters.0, &tagged, true))
    })
    .await
}

pub async fn tag_multi_series(
    method: Method,
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    parameters: Parameters,
) -> Response {
    change(method, services, caller, parameters, |services, caller, parameters| {
        let paths = tags::several(&parameters.0, "path");
        if paths.is_empty() {
            return Err(tags::refusal(400, "no paths specified"));
        }
        let tagged = register(services, caller, &paths)?;
        Ok(tags::told(&parameters.0, &tagged, false))
    })
    .await
}

/// All of the paths or, where one is malformed or outside of what the caller may see, none.
fn register(services: &Services, caller: &Caller, paths: &[&str]) -> Result<Vec<String>, Refusal> {
    let names: Vec<String> = paths.iter().map(|path| tags::canonical(path)).collect::<Result<_, _>>()?;
    names.iter().try_for_each(|name| refuse_unseen(caller, name))?;
    match services.control.register_series(&names) {
        Ok(_) => Ok(names),
        Err(StoreError::BadQuery(why)) => Err(tags::refusal(400, &why)),
        Err(error) => Err(tags::refusal(503, &format!("the series were not registered: {error}"))),
    }
}

fn refuse_unseen(caller: &Caller, name: &str) -> Result<(), Refusal> {
    if caller.scope.sees(name) {
        return Ok(());
    }
    Err(tags::refusal(403, &format!("`{name}` is outside of what this token may touch")))
}

/// All of the paths or none; one that is not there is no mistake. Where graphite-web forgets the tags and
/// leaves a file that nothing names, the points go too. Names without tags it leaves in the tree and on the
/// disk, which would look like a deletion: refused.
pub async fn delete_series(
    method: Method,
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    parameters: Parameters,
) -> Response {
    change(method, services, caller, parameters, |services, caller, parameters| {
        let paths = tags::several(&parameters.0, "path");
        if paths.is_empty() {
            return Err(tags::refusal(400, "no path specified"));
        }
        let series = to_delete(services, caller, &paths)?;
        services.control.delete_series(&series).map_err(|why| {
            let text = format!("series were not deleted for good: {why}");
            tags::refusal(StatusCode::SERVICE_UNAVAILABLE.as_u16(), &text)
        })?;
        Ok(Answer::json(b"true".to_vec(), None))
    })
    .await
}

fn to_delete(services: &Services, caller: &Caller, paths: &[&str]) -> Result<Vec<SeriesRef>, Refusal> {
    let mut found = Vec::new();
    for path in paths {
        let name = tags::canonical(path)?;
        if !name.contains(';') {
            let why = format!("`{name}` has no tags; only tagged series are deleted here");
            return Err(tags::refusal(400, &why));
        }
        refuse_unseen(caller, &name)?;
        for kind in [ValueKind::Number, ValueKind::Sketch] {
            let query = FindQuery { pattern: &name, kind, scope: &caller.scope, limit: 1 };
            let nodes = services.source.find(&query).map_err(|error| Refusal::of_store(&error))?;
            found.extend(nodes.into_iter().filter_map(|node| match node {
                Node::Leaf(found) => Some(found.series),
                Node::Branch { .. } => None,
            }));
        }
    }
    Ok(found)
}
