//! `/metrics/find`, `/metrics/expand` and `/metrics/index.json`: what names there are.

use std::collections::{BTreeSet, HashSet};

use jiff::tz::TimeZone;
use vocabulary::ports::{FindQuery, Node, QueryLimits, Scope, SeriesSource};
use vocabulary::{Timestamp, ValueKind};

use crate::answer::Answer;
use crate::attime;
use crate::binary::{Binary, MessagePack, Pickle};
use crate::error::Refusal;
use crate::json::Json;
use crate::parameters::{Parameters, not_an_integer, python_int};
use crate::python::{quoted, unquoted};

/// Where names come from, and how many.
#[derive(Clone, Copy)]
pub struct Names<'a> {
    pub source: &'a dyn SeriesSource,
    pub scope: &'a Scope,
    pub limits: &'a QueryLimits,
}

impl Names<'_> {
    fn find(self, pattern: &str) -> Result<Vec<Node>, Refusal> {
        let Names { source, scope, limits } = self;
        let query = FindQuery { pattern, kind: ValueKind::Number, scope, limit: limits.max_series };
        source.find(&query).map_err(|error| Refusal::of_store(&error))
    }
}

fn path(node: &Node) -> &str {
    match node {
        Node::Branch { path } => path,
        Node::Leaf(series) => &series.name,
    }
}

fn is_leaf(node: &Node) -> bool {
    matches!(node, Node::Leaf(_))
}

/// The last part of the path.
fn name(node: &Node) -> &str {
    path(node).rsplit('.').next().unwrap_or_default()
}

/// `/metrics/find`
pub fn find(
    params: &[(String, String)],
    now: Timestamp,
    zone: &TimeZone,
    names: Names<'_>,
) -> Result<Answer, Refusal> {
    let params = Parameters(params);
    let request = FindRequest::of(params, now, zone)?;
    let mut nodes = names.find(&request.pattern)?;
    if request.leaves_only {
        nodes.retain(is_leaf);
    }
    // By name alone; a name that is both has its branch first, as the store gave it.
    nodes.sort_by(|a, b| name(a).cmp(name(b)));
    let pretty = params.is_set("pretty");
    let callback = params.get("jsonp").filter(|callback| !callback.is_empty());
    let json = |body| Answer::json(body, callback);
    let answer = match params.get("format").unwrap_or("treejson") {
        "treejson" => json(tree_json(&nodes, &request, pretty)),
        "completer" => json(completer(&nodes, request.wildcards, pretty)),
        "json" => json(json_nodes(&nodes, now, names, pretty)),
        "nodelist" => json(node_list(&nodes, request.position, pretty)?),
        "pickle" => Answer::new("application/pickle", intervals(Pickle::new(), &nodes, now, names)),
        "msgpack" => Answer::new("application/x-msgpack", intervals(MessagePack::new(), &nodes, now, names)),
        _ => {
            return Err(Refusal { status: 400, text: "Invalid value for 'format' parameter".into() });
        }
    };
    Ok(not_cached(answer))
}

fn not_cached(answer: Answer) -> Answer {
    answer.with("Pragma", "no-cache").with("Cache-Control", "no-cache")
}

struct FindRequest {
    pattern: String,
    /// The query up to its last dot: what identifiers of a tree begin with.
    base: String,
    leaves_only: bool,
    wildcards: bool,
    position: i64,
}

impl FindRequest {
    fn of(params: Parameters<'_>, now: Timestamp, zone: &TimeZone) -> Result<FindRequest, Refusal> {
        let leaves_only = params.integer("leavesOnly", 0)? != 0;
        params.integer("local", 0)?;
        let wildcards = params.integer("wildcards", 0)? != 0;
        check_times(params, now, zone)?;
        let position = params.integer("position", -1)?;
        let variants = params.integer("automatic_variants", 0)? != 0;
        let query = params.get("query");
        let query = query.ok_or_else(|| Refusal::bad_parameters("Missing required parameter 'query'"))?;
        if query.is_empty() {
            return Err(Refusal::bad_parameters("Required parameter 'query' is empty"));
        }
        let base = query.rsplit_once('.').map_or_else(String::new, |(base, _)| format!("{base}."));
        let pattern = match params.get("format") {
            Some("completer") => completed(query, variants),
            _ => query.to_owned(),
        };
        Ok(FindRequest { pattern, base, leaves_only, wildcards, position })
    }
}

/// Names do not depend on times, but times that cannot be read are errors.
fn check_times(params: Parameters<'_>, now: Timestamp, zone: &TimeZone) -> Result<(), Refusal> {
    let zone = params.get("tz").and_then(attime::zone).unwrap_or_else(|| zone.clone());
    let read = |name: &str, now: Timestamp| match params.get(name) {
        Some(text) if name == "now" || text != "-1" => {
            let wrong = |error: attime::TimeError| {
                let shown = quoted(text);
                Refusal::bad_parameters(&format!("Invalid value {shown} for param {name}: {error}"))
            };
            attime::parse(text, &zone, now).map_err(wrong)
        }
        _ => Ok(now),
    };
    let now = read("now", now)?;
    let (from, until) = (read("from", now)?, read("until", now)?);
    let is_given = |name: &str| params.get(name).is_some_and(|text| text != "-1");
    if is_given("from") && is_given("until") && from > until {
        return Err(Refusal::bad_parameters(&format!(
            "Failed to instantiate find query: Invalid interval start={from} end={until}"
        )));
    }
    Ok(())
}

/// What is typed so far -> what may follow.
fn completed(query: &str, variants: bool) -> String {
    let mut pattern = query.replace("..", "*.");
    if !pattern.ends_with('*') {
        pattern.push('*');
    }
    if !variants {
        return pattern;
    }
    let braced = |part: &str| match part.contains(',') && !part.contains('{') {
        true => format!("{{{part}}}"),
        false => part.to_owned(),
    };
    pattern.split('.').map(braced).collect::<Vec<_>>().join(".")
}

fn tree_json(nodes: &[Node], request: &FindRequest, pretty: bool) -> Vec<u8> {
    let mut seen = HashSet::new();
    let unseen: Vec<&Node> = nodes.iter().filter(|node| seen.insert(name(node))).collect();
    let mut json = Json::new(pretty);
    json.list(|json| {
        if nodes.len() > 1 && request.wildcards {
            tree_node(json, "*", &format!("{}*", request.base), nodes.iter().all(is_leaf));
        }
        for leaves in [false, true] {
            for node in unseen.iter().filter(|node| is_leaf(node) == leaves) {
                let id = format!("{}{}", request.base, name(node));
                tree_node(json, &unquoted(name(node)), &id, leaves);
            }
        }
    });
    json.out
}

fn tree_node(json: &mut Json, text: &str, id: &str, leaf: bool) {
    let branch = i64::from(!leaf);
    json.item();
    json.object(|json| {
        json.key("text");
        json.text(text);
        json.key("id");
        json.text(id);
        for (key, value) in [("allowChildren", branch), ("expandable", branch), ("leaf", 1 - branch)] {
            json.key(key);
            json.integer(value);
        }
    });
}

fn completer(nodes: &[Node], wildcards: bool, pretty: bool) -> Vec<u8> {
    let mut json = Json::new(pretty);
    json.object(|json| {
        json.key("metrics");
        json.list(|json| {
            for node in nodes {
                json.item();
                json.object(|json| {
                    let dot = if is_leaf(node) { "" } else { "." };
                    json.key("path");
                    json.text(&format!("{}{dot}", path(node)));
                    json.key("name");
                    json.text(name(node));
                    json.key("is_leaf");
                    json.text(if is_leaf(node) { "1" } else { "0" });
                });
            }
            if nodes.len() > 1 && wildcards {
                json.item();
                json.object(|json| {
                    json.key("name");
                    json.text("*");
                });
            }
        });
    });
    json.out
}

/// Since when and until when a series may have points.
fn interval(node: &Node, now: Timestamp, names: Names<'_>) -> Option<(Timestamp, Timestamp)> {
    let Node::Leaf(series) = node else { return None };
    let info = names.source.describe(series.series)?;
    let start = now.minus(info.policy.archives.longest_retention_seconds());
    Some((start, info.last_point.unwrap_or(now).max(start)))
}

fn by_path(nodes: &[Node]) -> Vec<&Node> {
    let mut nodes: Vec<&Node> = nodes.iter().collect();
    nodes.sort_by(|a, b| path(a).cmp(path(b)));
    nodes
}

fn json_nodes(nodes: &[Node], now: Timestamp, names: Names<'_>, pretty: bool) -> Vec<u8> {
    let mut json = Json::new(pretty);
    json.list(|json| {
        for node in by_path(nodes) {
            json.item();
            json.object(|json| {
                json.key("path");
                json.text(path(node));
                json.key("is_leaf");
                json.bool(is_leaf(node));
                if !is_leaf(node) {
                    return;
                }
                json.key("intervals");
                json.list(|json| {
                    let Some((start, end)) = interval(node, now, names) else { return };
                    json.item();
                    json.object(|json| {
                        json.key("start");
                        json.integer(start.0);
                        json.key("end");
                        json.integer(end.0);
                    });
                });
            });
        }
    });
    json.out
}

fn intervals(mut out: Box<dyn Binary>, nodes: &[Node], now: Timestamp, names: Names<'_>) -> Vec<u8> {
    out.list(nodes.len(), &mut |out| {
        for node in nodes {
            out.object(if is_leaf(node) { 3 } else { 2 }, &mut |out| {
                out.text("path");
                out.text(path(node));
                out.text("is_leaf");
                out.bool(is_leaf(node));
                if is_leaf(node) {
                    out.text("intervals");
                    let interval = interval(node, now, names);
                    out.list(usize::from(interval.is_some()), &mut |out| {
                        if let Some((start, end)) = interval {
                            out.list(2, &mut |out| {
                                out.integer(start.0);
                                out.integer(end.0);
                            });
                        }
                    });
                }
            });
        }
    });
    out.finish()
}

fn node_list(nodes: &[Node], position: i64, pretty: bool) -> Result<Vec<u8>, Refusal> {
    let mut found = BTreeSet::new();
    for node in nodes {
        let part = crate::functions::node_of(path(node), position);
        let outside = || Refusal { status: 500, text: "list index out of range".into() };
        found.insert(part.ok_or_else(outside)?);
    }
    let mut json = Json::new(pretty);
    json.object(|json| {
        json.key("nodes");
        json.texts(found);
    });
    Ok(json.out)
}

/// `/metrics/expand`
pub fn expand(params: &[(String, String)], names: Names<'_>) -> Result<Answer, Refusal> {
    let params = Parameters(params);
    let flag = |name: &str| match params.get(name) {
        None => Ok(false),
        // The original fails here (500) where find complains (400).
        Some(text) => python_int(text)
            .map(|value| value != 0)
            .ok_or_else(|| Refusal { status: 500, text: not_an_integer(text) }),
    };
    flag("local")?;
    let (grouped, leaves_only) = (flag("groupByExpr")?, flag("leavesOnly")?);
    let mut queries: Vec<(&str, BTreeSet<String>)> = Vec::new();
    for query in params.all("query") {
        let nodes = names.find(query)?;
        let kept = nodes.iter().filter(|node| is_leaf(node) || !leaves_only);
        let paths = kept.map(|node| path(node).to_owned()).collect();
        queries.retain(|(known, _)| *known != query);
        queries.push((query, paths));
    }
    let mut json = Json::new(params.is_set("pretty"));
    json.object(|json| {
        json.key("results");
        if grouped {
            json.object(|json| {
                for (query, paths) in &queries {
                    json.key(query);
                    json.texts(paths.iter().map(String::as_str));
                }
            });
        } else {
            let all: BTreeSet<&str> =
                queries.iter().flat_map(|(_, paths)| paths.iter().map(String::as_str)).collect();
            json.texts(all);
        }
    });
    let callback = params.get("jsonp").filter(|callback| !callback.is_empty());
    Ok(not_cached(Answer::json(json.out, callback)))
}

/// `/metrics/index.json`
pub fn index(params: &[(String, String)], names: Names<'_>) -> Result<Answer, Refusal> {
    let params = Parameters(params);
    let nodes = names.find("**")?;
    let all: BTreeSet<&str> = nodes.iter().filter(|node| is_leaf(node)).map(path).collect();
    let mut json = Json::new(params.is_set("pretty"));
    json.texts(all);
    let callback = params.get("jsonp").filter(|callback| !callback.is_empty());
    Ok(Answer::json(json.out, callback))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_completer_looks_for() {
        let check =
            |query: &str, variants: bool, wanted: &str| assert_eq!(completed(query, variants), wanted);
        check("a.b", false, "a.b*");
        check("a.b*", false, "a.b*");
        check("a..b", false, "a*.b*");
        check("a,b.c", true, "{a,b}.c*");
        check("a,b.c", false, "a,b.c*");
    }

    #[test]
    fn texts_of_a_tree() {
        assert_eq!(unquoted("uni%20x+y%zz%4"), "uni x y%zz%4");
    }
}
