//! `/functions`: the table of functions as json, for editors and Grafana.

use crate::answer::Answer;
use crate::error::Refusal;
use crate::functions::{AGGREGATORS, Constant, Kind, Named, Param, TABLE, find};
use crate::json::Json;
use crate::parameters::Parameters;

/// Where graphite-web keeps its functions; part of its answers.
const MODULE: &str = "graphite.render.functions";

/// `/functions`, all of them, one group, or by group.
pub fn functions(params: &[(String, String)]) -> Answer {
    let params = Parameters(params);
    let grouped = matches!(params.get("grouped").unwrap_or_default().to_lowercase().as_str(), "1" | "true");
    let wanted = params.get("group");
    let functions: &[Named] = if params.get("type") == Some("pie") { &[] } else { TABLE };
    let mut shown: Vec<Named> = functions.to_vec();
    shown.retain(|(_, function)| wanted.is_none_or(|group| group == function.group.name()));
    // Python sorts keys only when it prints prettily.
    let pretty = params.is_set("pretty");
    if pretty {
        shown.sort_by_key(|(name, _)| *name);
    }
    let mut json = Json::new(pretty);
    json.object(|json| match grouped {
        false => shown.iter().for_each(|named| member(json, *named, pretty)),
        true => {
            for group in groups(&shown, pretty) {
                json.key(group);
                json.object(|json| {
                    let members = shown.iter().filter(|(_, function)| function.group.name() == group);
                    members.for_each(|named| member(json, *named, pretty));
                });
            }
        }
    });
    Answer::json(json.out, None)
}

fn groups(functions: &[Named], sorted: bool) -> Vec<&'static str> {
    let mut groups: Vec<&str> = Vec::new();
    for (_, function) in functions {
        if !groups.contains(&function.group.name()) {
            groups.push(function.group.name());
        }
    }
    if sorted {
        groups.sort_unstable();
    }
    groups
}

/// `/functions/NAME`
pub fn function(name: &str, params: &[(String, String)]) -> Result<Answer, Refusal> {
    let params = Parameters(params);
    let pretty = params.is_set("pretty");
    let mut json = Json::new(pretty);
    match find(name).filter(|_| params.get("type") != Some("pie")) {
        Some(named) => {
            info(&mut json, named, pretty);
            Ok(Answer::json(json.out, None))
        }
        None => {
            json.object(|json| {
                json.key("error");
                // The text of a Python KeyError carries quotes around it.
                json.text(&format!("Function not found: {name}"));
            });
            Err(Refusal { status: 404, text: String::from_utf8_lossy(&json.out).into_owned() })
        }
    }
}

fn member(json: &mut Json, named: Named, sorted: bool) {
    json.key(named.0);
    info(json, named, sorted);
}

fn info(json: &mut Json, (name, function): Named, sorted: bool) {
    let signature = format!("{name}{}", function.signature);
    let group = function.group.name();
    let mut texts = [
        ("name", name),
        ("function", signature.as_str()),
        ("description", function.help),
        ("module", MODULE),
        ("group", group),
        ("params", ""),
    ];
    if sorted {
        texts.sort_by_key(|(key, _)| *key);
    }
    json.object(|json| {
        for (key, text) in texts {
            json.key(key);
            if key != "params" {
                json.text(text);
                continue;
            }
            json.list(|json| {
                for param in function.params {
                    json.item();
                    parameter(json, param, sorted);
                }
            });
        }
    });
}

fn parameter(json: &mut Json, param: &Param, sorted: bool) {
    let mut keys = ["name", "type", "required", "default", "multiple", "options", "suggestions"];
    if sorted {
        keys.sort_unstable();
    }
    let options = options(param);
    json.object(|json| {
        for key in keys {
            match key {
                "name" => {
                    json.key(key);
                    json.text(param.name);
                }
                "type" => {
                    json.key(key);
                    json.text(param.kind.name());
                }
                "required" | "multiple" => {
                    if if key == "required" { param.required } else { param.multiple } {
                        json.key(key);
                        json.bool(true);
                    }
                }
                "default" => {
                    if let Some(default) = param.default {
                        json.key(key);
                        constant(json, default);
                    }
                }
                _ => {
                    let values = if key == "options" { options.as_slice() } else { param.suggestions };
                    if !values.is_empty() {
                        json.key(key);
                        json.list(|json| {
                            for value in values {
                                json.item();
                                constant(json, *value);
                            }
                        });
                    }
                }
            }
        }
    });
}

/// Those of the parameter, or those of its type; sorted by their texts.
fn options(param: &Param) -> Vec<Constant> {
    let mut names: Vec<&'static str> = match param.kind {
        Kind::AggFunc | Kind::AggOrSeriesFunc => AGGREGATORS.to_vec(),
        _ => return param.options.to_vec(),
    };
    if param.kind == Kind::AggOrSeriesFunc {
        names.extend(TABLE.iter().filter(|(_, function)| function.aggregator).map(|(name, _)| *name));
    }
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(Constant::Text).collect()
}

fn constant(json: &mut Json, constant: Constant) {
    match constant {
        Constant::None => json.raw("null"),
        Constant::Bool(value) => json.bool(value),
        Constant::Int(value) => json.integer(value),
        Constant::Float(value) if value.is_infinite() => json.raw("1e9999"),
        Constant::Float(value) => json.raw(&crate::python::float(value)),
        Constant::Text(text) => json.text(text),
    }
}
