//! `/dashboard/*`: graphite-web's dashboards and templates, kept as they come. Its editor is not here: whoever
//! opens one sees its graphs, each with a way to Explore.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use state_store::StateStore;

use super::kept::{self, Kind, Refused, TEMPORARY};
use super::page::{escaped, page, query, segment};
use super::{Form, jsonp, plain, wrong_method};
use crate::accounts::{Caller, Role};
use crate::api_v1::off_thread;
use crate::guard::{refuse_other_pages, require};
use crate::parameters::Parameters;
use crate::services::Services;

/// What stands in a kept template for the text that is put in when it is loaded.
const PLACE: &str = "__VALUE__";

fn told(value: &Value) -> Response {
    jsonp(None, &value.to_string())
}

fn missing(kind: Kind, name: &str) -> Response {
    let what = if kind == Kind::Template { "Template" } else { "Dashboard" };
    told(&json!({ "error": format!("{what} '{name}' does not exist. ") }))
}

/// The original answers so with status 200, and its page shows the text.
fn may_not(what: &str) -> Response {
    told(&json!({ "error": format!("Must be logged in with appropriate permissions to {what}") }))
}

fn refuse(why: &str) -> Response {
    (StatusCode::BAD_REQUEST, axum::Json(json!({ "error": why }))).into_response()
}

/// serde_json reads no deeper.
const STATE_DEPTH_MAX: usize = 127;

/// What is kept is read once: it must be there, and JSON that can be read when it is shown (not nested without end).
/// It is kept as it was written: the original takes numbers that no float holds, too.
fn state_of(parameters: &Parameters) -> Result<&str, String> {
    let text = parameters.last("state").ok_or("send a form with the field `state`")?;
    serde_json::from_str::<serde::de::IgnoredAny>(text)
        .map_err(|error| format!("`state` is not JSON that can be read: {error}"))?;
    if depth(text) > STATE_DEPTH_MAX {
        return Err(format!("`state` is nested deeper than {STATE_DEPTH_MAX} levels"));
    }
    Ok(text)
}

/// Of those who are limited to prefixes it is theirs if its name begins so: what is in it names series, and is of everybody.
fn is_theirs(caller: &Caller, name: &str) -> bool {
    caller.scope.sees(name)
}

/// The state that somebody who may do it has posted; else the answer.
fn posted<'p>(
    method: &Method,
    caller: &Caller,
    name: &str,
    what: &str,
    parameters: &'p Parameters,
) -> Result<&'p str, Box<Response>> {
    if method != Method::POST {
        return Err(Box::new(wrong_method("POST")));
    }
    if require(caller, Role::Editor).is_err() || !is_theirs(caller, name) {
        return Err(Box::new(may_not(what)));
    }
    state_of(parameters).map_err(|why| Box::new(refuse(&why)))
}

/// Levels of brackets in JSON.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let (mut in_text, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b'[' | b'{' if !in_text => depth += 1,
            b']' | b'}' if !in_text => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// Work on the records, and its answer.
async fn records(
    services: &Arc<Services>,
    work: impl FnOnce(&Services, &StateStore) -> Result<Response, Refused> + Send + 'static,
) -> Response {
    let done = off_thread(services, move |services| match work(services, &services.state) {
        Ok(response) => Ok(response),
        Err(Refused::Because(why)) => Ok(refuse(&why)),
        Err(Refused::State(error)) => Err(error.into()),
    });
    done.await.unwrap_or_else(IntoResponse::into_response)
}

pub async fn save(
    method: Method,
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Form(parameters): Form,
) -> Response {
    let state = match posted(&method, &caller, &name, "save", &parameters) {
        Ok(state) => state.to_owned(),
        Err(answer) => return *answer,
    };
    records(&services, move |services, records| {
        kept::set(records, Kind::Dashboard, &name, &state, &caller.name, services.clock.now())?;
        Ok(told(&json!({"success": true})))
    })
    .await
}

pub async fn save_template(
    method: Method,
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((name, key)): Path<(String, String)>,
    Form(parameters): Form,
) -> Response {
    let state = match posted(&method, &caller, &name, "save the template", &parameters) {
        Ok(state) => with_place(state, &key),
        Err(answer) => return *answer,
    };
    let Some(state) = state else {
        return refuse("`state` is not a dashboard: a list `graphs` of [name, {\"target\": []}, url]");
    };
    records(&services, move |services, records| {
        kept::set(records, Kind::Template, &name, &state, &caller.name, services.clock.now())?;
        Ok(told(&json!({"success": true})))
    })
    .await
}

/// The key's text in every graph's name, targets and address gives way to the place.
fn with_place(state: &str, key: &str) -> Option<String> {
    let mut state: Value = serde_json::from_str(state).ok()?;
    let replace = |value: &mut Value| {
        if let Value::String(text) = value {
            *text = text.replace(key, PLACE);
        }
    };
    for graph in state.get_mut("graphs")?.as_array_mut()? {
        replace(graph.get_mut(0)?);
        graph.get_mut(1)?.get_mut("target")?.as_array_mut()?.iter_mut().for_each(replace);
        replace(graph.get_mut(2)?);
    }
    Some(state.to_string())
}

/// Longest dashboard that is made of a template: a short template with many places grows with each value.
const MAX_FILLED_BYTES: usize = 4 << 20;

/// A kept template with a value in its place.
fn with_value(name: &str, template: &str, value: &str) -> Option<Value> {
    // Within a JSON text, so that no value can end it.
    let quoted = json!(value).to_string();
    let grown = template.matches(PLACE).count().saturating_mul(quoted.len());
    if template.len().saturating_add(grown) > MAX_FILLED_BYTES {
        return None;
    }
    let mut state: Value =
        serde_json::from_str(&template.replace(PLACE, &quoted[1..quoted.len() - 1])).ok()?;
    state.as_object_mut()?.insert("name".into(), json!(format!("{name}/{value}")));
    Some(state)
}

/// The kept text, if there is one for this caller.
fn read(
    records: &StateStore,
    caller: &Caller,
    kind: Kind,
    name: &str,
) -> Result<Option<String>, state_store::StateError> {
    if is_theirs(caller, name) { kept::get(records, kind, name) } else { Ok(None) }
}

pub async fn load(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Response {
    records(&services, move |_, records| {
        Ok(match read(records, &caller, Kind::Dashboard, &name)? {
            Some(state) => jsonp(None, &format!("{{\"state\": {state}}}")),
            None => missing(Kind::Dashboard, &name),
        })
    })
    .await
}

pub async fn load_template(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((name, value)): Path<(String, String)>,
) -> Response {
    records(&services, move |_, records| {
        let template = read(records, &caller, Kind::Template, &name)?;
        let Some(template) = template else { return Ok(missing(Kind::Template, &name)) };
        Ok(match with_value(&name, &template, &value) {
            Some(state) => told(&json!({ "state": state })),
            None => refuse("with this value the template makes no dashboard, or one that is too long"),
        })
    })
    .await
}

pub async fn create_temporary(
    method: Method,
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Form(parameters): Form,
) -> Response {
    let state = match posted(&method, &caller, TEMPORARY, "save", &parameters) {
        Ok(state) => state.to_owned(),
        Err(answer) => return *answer,
    };
    records(&services, move |services, records| {
        let name = kept::set_temporary(records, &state, &caller.name, services.clock.now())?;
        Ok(told(&json!({ "name": name })))
    })
    .await
}

async fn delete_one(
    kind: Kind,
    method: &Method,
    services: &Arc<Services>,
    caller: &Caller,
    name: String,
    headers: &HeaderMap,
) -> Response {
    // The original's page deletes by GET, so a link would too: only our own pages and scripts may.
    if *method != Method::GET && *method != Method::POST {
        return wrong_method("GET, POST");
    }
    if let Err(problem) = refuse_other_pages(services, caller, method, headers) {
        return problem.into_response();
    }
    if require(caller, Role::Editor).is_err() {
        return may_not(if kind == Kind::Template { "delete the template" } else { "delete" });
    }
    if !is_theirs(caller, &name) {
        return missing(kind, &name);
    }
    records(services, move |_, records| {
        Ok(match kept::remove(records, kind, &name)? {
            true => told(&json!({"success": true})),
            false => missing(kind, &name),
        })
    })
    .await
}

pub async fn delete(
    method: Method,
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    delete_one(Kind::Dashboard, &method, &services, &caller, name, &headers).await
}

pub async fn delete_template(
    method: Method,
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Response {
    delete_one(Kind::Template, &method, &services, &caller, name, &headers).await
}

async fn found(
    kind: Kind,
    list: &'static str,
    services: &Arc<Services>,
    caller: Caller,
    parameters: Parameters,
) -> Response {
    records(services, move |_, records| {
        let wanted = parameters.last("query").unwrap_or_default().to_lowercase();
        let fits = |name: &String| {
            let is_theirs = is_theirs(&caller, name);
            let name = name.to_lowercase();
            let named = kind == Kind::Template || !name.starts_with(TEMPORARY);
            is_theirs && named && wanted.split_whitespace().all(|word| name.contains(word))
        };
        let names = kept::names(records, kind)?.into_iter().filter(fits);
        let names: Vec<Value> = names.map(|name| json!({ "name": name })).collect();
        Ok(told(&json!({ list: names })))
    })
    .await
}

pub async fn find(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    parameters: Parameters,
) -> Response {
    found(Kind::Dashboard, "dashboards", &services, caller, parameters).await
}

pub async fn find_template(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    parameters: Parameters,
) -> Response {
    found(Kind::Template, "templates", &services, caller, parameters).await
}

/// `/dashboard`: those that there are.
pub async fn all(State(services): State<Arc<Services>>, Extension(caller): Extension<Caller>) -> Response {
    records(&services, move |_, records| {
        let mut names = kept::names(records, Kind::Dashboard)?;
        names.retain(|name| is_theirs(&caller, name));
        let link = |name: &String| {
            format!("<li><a href=\"/dashboard/{}\">{}</a>", segment(name), escaped(name))
        };
        let list = match names.is_empty() {
            true => "<p>None was saved yet. Scripts save them with POST /dashboard/save/NAME.".to_owned(),
            false => format!("<ul>{}</ul>", names.iter().map(link).collect::<String>()),
        };
        let body = format!(
            "<p>Dashboards as graphite-web saves them. Graphs are made in <a href=\"/explore\">Explore</a>.\n{list}"
        );
        Ok(page(StatusCode::OK, "Graphite dashboards", &body))
    })
    .await
}

/// `/dashboard/NAME`: its graphs.
pub async fn one(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Response {
    records(&services, move |_, records| {
        let state = read(records, &caller, Kind::Dashboard, &name)?;
        Ok(shown(&name, state.and_then(|state| serde_json::from_str(&state).ok())))
    })
    .await
}

/// `/dashboard/NAME/VALUE`: a template's graphs.
pub async fn one_of_template(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((name, value)): Path<(String, String)>,
) -> Response {
    records(&services, move |_, records| {
        let template = read(records, &caller, Kind::Template, &name)?;
        let state = template.and_then(|template| with_value(&name, &template, &value));
        Ok(shown(&format!("{name}/{value}"), state))
    })
    .await
}

fn shown(name: &str, state: Option<Value>) -> Response {
    let back = "<p><a href=\"/dashboard\">All dashboards</a>";
    let Some(state) = state else {
        let body = format!("<p>It may have been deleted, or saved under another name.\n{back}");
        return page(StatusCode::NOT_FOUND, &format!("There is no dashboard {name}"), &body);
    };
    let graphs: String = state["graphs"].as_array().into_iter().flatten().filter_map(graph).collect();
    page(StatusCode::OK, name, &format!("{graphs}\n{back}"))
}

/// One picture and the way to Explore, from [name, parameters, address].
fn graph(graph: &Value) -> Option<String> {
    let options = graph.get(1)?.as_object()?;
    let targets: Vec<&str> = match options.get("target")? {
        Value::String(target) => vec![target],
        several => several.as_array()?.iter().filter_map(Value::as_str).collect(),
    };
    let texts: Vec<(&String, String)> = options
        .iter()
        .filter(|(option, _)| *option != "target")
        .filter_map(|(option, value)| match value {
            Value::String(text) => Some((option, text.clone())),
            Value::Number(_) | Value::Bool(_) => Some((option, value.to_string())),
            _ => None,
        })
        .collect();
    let targets_as = |name: &'static str| targets.iter().map(move |target| (name, *target));
    let picture: Vec<(&str, &str)> = targets_as("target")
        .chain(texts.iter().map(|(option, text)| (option.as_str(), text.as_str())))
        .collect();
    let from = options.get("from").and_then(Value::as_str).map(|from| ("from", from));
    let explore: Vec<(&str, &str)> = from.into_iter().chain(targets_as("q")).collect();
    let title = options
        .get("title")
        .and_then(Value::as_str)
        .unwrap_or_else(|| targets.first().copied().unwrap_or(""));
    Some(format!(
        "<figure><a href=\"/explore?{}\"><img src=\"/render?{}\" alt=\"{title}\"></a><figcaption>{title}</figcaption></figure>\n",
        escaped(&query(&explore)),
        escaped(&query(&picture)),
        title = escaped(title),
    ))
}

/// What the original does by mail and with accounts of its own.
pub async fn not_here() -> Response {
    plain(
        StatusCode::NOT_FOUND,
        "This part of graphite-web is not served. Signing in is done on /signin; dashboards are listed on /dashboard.\n",
    )
}

/// `/composer`, `/graphlot`: a graph under the editor. Ours is Explore.
pub async fn compose(parameters: Parameters) -> Response {
    let mut explore: Vec<(&str, &str)> = Vec::new();
    for (theirs, ours) in [("from", "from"), ("until", "to")] {
        explore.extend(parameters.last(theirs).map(|time| (ours, time)));
    }
    let targets = parameters.all("target");
    explore.extend(targets.iter().map(|target| ("q", target.as_str())));
    let place =
        if explore.is_empty() { "/explore".to_owned() } else { format!("/explore?{}", query(&explore)) };
    super::page::redirect(StatusCode::FOUND, &place)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_shown_is_not_kept() {
        let state = |text: &str| {
            let form = Parameters(vec![("state".into(), text.into())]);
            state_of(&form).map(str::to_owned)
        };
        assert_eq!(state("{}").as_deref(), Ok("{}"));
        assert!(state(&("[".repeat(500) + &"]".repeat(500))).unwrap_err().contains("nested deeper"));
        assert!(state(&("[".repeat(127) + "1e400" + &"]".repeat(127))).is_ok());
        assert_eq!(depth(r#"{"a\"[": [1]}"#), 2);
        assert!(state("{").unwrap_err().contains("not JSON that can be read: EOF"));
    }

    #[test]
    fn a_template_has_a_place_for_a_value() {
        let state = r#"{"graphs": [["a.web1", {"target": ["a.web1", 5]}, "/render?target=a.web1"]]}"#;
        let template = with_place(state, "web1").unwrap();
        let loaded = with_value("host", &template, "x\"y").unwrap();
        let graph = json!(["a.x\"y", {"target": ["a.x\"y", 5]}, "/render?target=a.x\"y"]);
        assert_eq!(loaded, json!({"graphs": [graph], "name": "host/x\"y"}));
        let many = json!({"graphs": [["x".repeat(100_000), {"target": []}, ""]]}).to_string();
        let many = with_place(&many, "x").unwrap();
        assert!(with_value("t", &many, "y").is_some() && with_value("t", &many, &"y".repeat(100)).is_none());
        for not_one in ["{}", "{\"graphs\": [[1, {}, 3]]}", "{\"graphs\": 5}", "5"] {
            assert_eq!(with_place(not_one, "x"), None, "{not_one}");
        }
    }

    #[test]
    fn a_graph_is_a_picture_and_a_way_to_explore() {
        let html =
            graph(&json!(["x", {"target": ["a&b"], "from": "-1h", "width": 5, "title": "<t>"}, ""])).unwrap();
        assert!(html.contains("/render?target=a%26b&amp;from=-1h&amp;title=%3Ct%3E&amp;width=5"), "{html}");
        assert!(html.contains("/explore?from=-1h&amp;q=a%26b") && html.contains("&lt;t&gt;"), "{html}");
        assert!(graph(&json!(["x"])).is_none());
    }
}
