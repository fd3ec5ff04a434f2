//! Lists of series cut into groups, each group made one series.

use std::collections::HashMap;

use super::combine::{aggregate, name_node};
use super::lists::{group_by, key_of};
use super::table::{Constant, Function, Group, Kind, SERIES, optional, required};
use crate::error::EvaluationError;
use crate::evaluate::Invocation;
use crate::python::replaced;
use crate::series::{Series, Tags};
use crate::value::Value;

type Answer = Result<Value, EvaluationError>;

pub const APPLY_BY_NODE: Function = Function {
    signature: "(seriesList, nodeNum, templateFunction, newName=None)",
    group: Group::Combine,
    params: &[
        SERIES,
        required("nodeNum", Kind::Node),
        required("templateFunction", Kind::String),
        optional("newName", Kind::String),
    ],
    help: "Takes each different beginning of the names up to the node `nodeNum` (counted from 0), puts it for `%` \
           into the template, and evaluates that. `newName` may name the results, with `%` too.\n\n\
           Example: applyByNode(web.*.disk.used, 1, \"divideSeries(%.disk.used,%.disk.size)\", \"%.disk\")",
    aggregator: false,
    run: apply_by_node,
};

pub const GROUP_BY_NODE: Function = Function {
    signature: "(seriesList, nodeNum, callback='average')",
    group: Group::Combine,
    params: &[
        SERIES,
        required("nodeNum", Kind::NodeOrTag),
        optional("callback", Kind::AggOrSeriesFunc).default(Constant::Text("average")),
    ],
    help: "Groups series that have the node (counted from 0) or tag in common and makes one of each group with \
           the callback. Results are named by the node or tag.\n\n\
           Example: groupByNode(web.*.requests.*, 1, \"sum\")",
    aggregator: false,
    run: |call| {
        let (node, callback) = (call.arguments.get(1), callback(call, 2)?);
        group_by_nodes(call, &callback, &[node])
    },
};

pub const GROUP_BY_NODES: Function = Function {
    signature: "(seriesList, callback, *nodes)",
    group: Group::Combine,
    params: &[
        SERIES,
        required("callback", Kind::AggOrSeriesFunc),
        optional("nodes", Kind::NodeOrTag).multiple(),
    ],
    help: "Groups series that have all these nodes (counted from 0) and tags in common and makes one of each \
           group with the callback. Results are named by them.\n\n\
           Example: groupByNodes(web.*.requests.*, \"sum\", 1, 3)",
    aggregator: false,
    run: |call| {
        let (callback, nodes) = (callback(call, 1)?, call.arguments.rest().to_vec());
        group_by_nodes(call, &callback, &nodes)
    },
};

pub const GROUP_BY_TAGS: Function = Function {
    signature: "(seriesList, callback, *tags)",
    group: Group::Combine,
    params: &[SERIES, required("callback", Kind::AggOrSeriesFunc), required("tags", Kind::Tag).multiple()],
    help: "Groups series whose tags have the same values and makes one of each group with the callback. Results \
           carry just these tags; they are called by the common name of all series, or else by the callback.\n\n\
           Example: groupByTags(seriesByTag(\"name=requests\"), \"sum\", \"dc\")",
    aggregator: false,
    run: group_by_tags,
};

pub const MAP_SERIES: Function = Function {
    signature: "(seriesList, *mapNodes)",
    group: Group::Combine,
    params: &[SERIES, required("mapNodes", Kind::NodeOrTag).multiple()],
    help: "Cuts a list into lists of series that have the nodes in common, for reduceSeries().\n\n\
           Example: mapSeries(web.*.memory.*, 1)",
    aggregator: false,
    run: |call| {
        let nodes = call.arguments.rest().to_vec();
        let groups = group_by(call.series()?, |series| key_of(series, &nodes))?;
        Ok(Value::Lists(groups.into_iter().map(|(_, list)| list).collect()))
    },
};

pub const REDUCE_SERIES: Function = Function {
    signature: "(seriesLists, reduceFunction, reduceNode, *reduceMatchers)",
    group: Group::Combine,
    params: &[
        required("seriesLists", Kind::SeriesLists),
        required("reduceFunction", Kind::String),
        required("reduceNode", Kind::Node),
        required("reduceMatchers", Kind::String).multiple(),
    ],
    help: "Calls a function with the series of each list whose node `reduceNode` is one of the matchers, in the \
           order of the matchers.\n\nExample: reduceSeries(mapSeries(web.*.memory.*, 1), \"asPercent\", 3, \
           \"used\", \"total\")",
    aggregator: false,
    run: reduce_series,
};

fn group_by_nodes(call: &mut Invocation<'_, '_>, callback: &str, nodes: &[Value]) -> Answer {
    let groups = group_by(call.series()?, |series| key_of(series, nodes))?;
    let mut results = Vec::with_capacity(groups.len());
    for (key, list) in groups {
        let series = called_back(call, callback, list)?;
        results.push(Series { name: key, ..series });
    }
    Ok(Value::Series(results))
}

/// One series of a group: the first that the function of this name gives, or else the aggregation of this name.
fn called_back(
    call: &mut Invocation<'_, '_>,
    callback: &str,
    list: Vec<Series>,
) -> Result<Series, EvaluationError> {
    let result = match super::find(callback) {
        None => aggregate(call, list, callback, None)?,
        Some(function) => match call.call(function, vec![Value::Series(list)])? {
            Value::Series(list) => list.into_iter().next(),
            _ => None,
        },
    };
    result.ok_or_else(|| EvaluationError::failed(format!("{callback} gives no series for a group")))
}

/// The name of the second or third argument. What is no text fails only when there is something to call it for;
/// what is missing, always.
fn callback(call: &Invocation<'_, '_>, index: usize) -> Result<String, EvaluationError> {
    let nothing = matches!(call.arguments.first(), Some(Value::Series(list)) if list.is_empty());
    match call.arguments.get(index) {
        Value::Text(name) => Ok(name),
        other if nothing && call.arguments.has(index) => Ok(other.text()),
        _ => call.arguments.text(index),
    }
}

fn group_by_tags(call: &mut Invocation<'_, '_>) -> Answer {
    let callback = callback(call, 1)?;
    let mut tags = Vec::new();
    for tag in call.arguments.rest() {
        match tag {
            Value::Text(tag) => tags.push(tag.clone()),
            other => return Err(EvaluationError::failed(format!("{} is not a tag", other.repr()))),
        }
    }
    if tags.is_empty() {
        return Err(EvaluationError::input("groupByTags(): no tags specified"));
    }
    let list = call.series()?;
    let by_name = tags.iter().any(|tag| tag == "name");
    let first_name = list.first().map(|series| tag_of(series, "name").to_owned());
    let shared = first_name.filter(|name| list.iter().all(|series| tag_of(series, "name") == name));
    let common_name = shared.unwrap_or_else(|| callback.clone());
    let groups = group_by(list, |series| {
        let name = if by_name { tag_of(series, "name") } else { &common_name };
        let pairs = tags.iter().filter(|tag| *tag != "name");
        let mut pairs: Vec<String> = pairs.map(|tag| format!("{tag}={}", tag_of(series, tag))).collect();
        pairs.sort_unstable();
        pairs.insert(0, name.to_owned());
        Ok(pairs.join(";"))
    })?;
    let mut results = Vec::with_capacity(groups.len());
    for (key, list) in groups {
        let mut series = called_back(call, &callback, list)?;
        series.tags = Tags::of_series(&key).ok_or_else(|| {
            EvaluationError::failed(format!("a tag of {key} has no value: not all series carry it"))
        })?;
        series.rename(key);
        results.push(series);
    }
    Ok(Value::Series(results))
}

fn tag_of<'s>(series: &'s Series, tag: &str) -> &'s str {
    series.tags.get(tag).map_or("", |value| value.as_ref())
}

fn reduce_series(call: &mut Invocation<'_, '_>) -> Answer {
    let (callback, index) = (call.arguments.text(1)?, call.arguments.int(2)?);
    let matchers: Vec<String> = call.arguments.rest().iter().map(Value::text).collect();
    let mut groups: Vec<(String, Vec<Option<Series>>)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for series in call.arguments.lists(0)?.into_iter().flatten() {
        let node = name_node(&series, index)?;
        let Some(place) = matchers.iter().position(|matcher| matcher == node) else { continue };
        let name = format!("{}.reduce.{callback}", nodes_before(&series.name, index));
        let group = *places.entry(name.clone()).or_insert_with(|| {
            groups.push((name, matchers.iter().map(|_| None).collect()));
            groups.len() - 1
        });
        groups[group].1[place] = Some(series);
    }
    if groups.is_empty() {
        return Ok(Value::nothing());
    }
    let function = super::find(&callback)
        .ok_or_else(|| EvaluationError::failed(format!("Function \"{callback}\" not found")))?;
    let mut results = Vec::with_capacity(groups.len());
    for (name, list) in groups {
        let lists: Option<Vec<Value>> = list.into_iter().map(|one| Some(Value::Series(vec![one?]))).collect();
        let lists =
            lists.ok_or_else(|| EvaluationError::failed(format!("{name} lacks one of the matchers")))?;
        match call.call(function, lists)? {
            Value::Series(list) if !list.is_empty() => {
                results
                    .extend(list.into_iter().take(1).map(|series| Series { name: name.clone(), ..series }));
            }
            _ => return Err(EvaluationError::failed("list index out of range")),
        }
    }
    Ok(Value::Series(results))
}

/// Python's `nodes[0:index]`, joined.
fn nodes_before(name: &str, index: i64) -> String {
    let count = name.split('.').count() as i64;
    let end = if index < 0 { (count + index).max(0) } else { index };
    name.split('.').take(end as usize).collect::<Vec<_>>().join(".")
}

fn apply_by_node(call: &mut Invocation<'_, '_>) -> Answer {
    let (node, template) = (call.arguments.int(1)?, call.arguments.text(2)?);
    // Python's `if newName`.
    let new_name = if call.arguments.flag(3) { Some(call.arguments.text(3)?) } else { None };
    let list = call.series()?;
    let mut prefixes: Vec<String> =
        list.iter().map(|series| nodes_before(&series.name, node.saturating_add(1))).collect();
    prefixes.sort_unstable();
    prefixes.dedup();
    // The original gives all results the bounds of the last series it looked at.
    let Some((start, end)) = list.last().map(|series| (series.start, series.end)) else {
        return Ok(Value::nothing());
    };
    let mut results = Vec::new();
    for prefix in prefixes {
        for mut series in call.evaluate_text(&replaced(&template, "%", &prefix)?)? {
            if let Some(name) = &new_name {
                series.name = replaced(name, "%", &prefix)?;
            }
            series.path_expression = prefix.as_str().into();
            (series.start, series.end) = (start, end);
            results.push(series);
        }
    }
    Ok(Value::Series(results))
}
