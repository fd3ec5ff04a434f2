//! Values in place of `$name`, `${name}`, `${name:format}` and `[[name]]`, as Grafana's Graphite data source puts them.

use super::{Dashboard, MAX_TARGET_BYTES, Variable};

/// How Grafana writes "all" among chosen values.
const ALL: [&str; 2] = ["$__all", "All"];
/// For `$__interval` and automatic intervals: what a graph of some hours on a screen would have.
const INTERVAL: &str = "1min";

/// The target with the chosen values of all variables. What is no variable stays as it is.
pub fn substituted(target: &str, dashboard: &Dashboard) -> String {
    let mut out = String::with_capacity(target.len());
    let mut rest = target;
    while let Some(at) = rest.find(['$', '[']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        match reference(rest) {
            Some((name, format, length)) => {
                match value(name, format, dashboard)
                    .filter(|value| out.len() + value.len() <= MAX_TARGET_BYTES)
                {
                    Some(value) => out.push_str(&value),
                    None => out.push_str(&rest[..length]),
                }
                rest = &rest[length..];
            }
            None => {
                let (one, after) = rest.split_at(1);
                out.push_str(one);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// The names of variables in it that nothing is known of.
pub fn unknown(target: &str, dashboard: &Dashboard) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = target;
    while let Some(at) = rest.find(['$', '[']) {
        rest = &rest[at..];
        let length = match reference(rest) {
            Some((name, format, length)) => {
                // `$1` and the like belong to aliasSub and templates.
                if value(name, format, dashboard).is_none() && !name.starts_with(|c: char| c.is_ascii_digit())
                {
                    found.push(name.to_owned());
                }
                length
            }
            None => 1,
        };
        rest = &rest[length..];
    }
    found
}

/// At the start of the text: the name, its format, and how long all of it is.
fn reference(text: &str) -> Option<(&str, &str, usize)> {
    let in_brackets = |open: &str, close: &str| {
        let inside = text.strip_prefix(open)?;
        let end = inside.find(close)?;
        let (name, format) = inside[..end].split_once(':').unwrap_or((&inside[..end], ""));
        is_name(name).then_some((name, format, open.len() + end + close.len()))
    };
    if let Some(found) = in_brackets("${", "}").or_else(|| in_brackets("[[", "]]")) {
        return Some(found);
    }
    let name = text.strip_prefix('$')?;
    let length = name.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(name.len());
    is_name(&name[..length]).then_some((&name[..length], "", 1 + length))
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn value(name: &str, format: &str, dashboard: &Dashboard) -> Option<String> {
    if let Some(variable) = dashboard.variables.iter().find(|variable| variable.name == name) {
        return of_variable(variable, format);
    }
    match name {
        "__interval" | "interval" => Some(INTERVAL.into()),
        "__interval_ms" => Some("60000".into()),
        "__range" => Some("1h".into()),
        "__dashboard" => Some(dashboard.title.clone()),
        _ => None,
    }
}

fn of_variable(variable: &Variable, format: &str) -> Option<String> {
    let all = variable.current.iter().any(|value| ALL.contains(&value.as_str()));
    if all && !variable.all_value.is_empty() {
        return Some(variable.all_value.clone());
    }
    let chosen = if all { &variable.options } else { &variable.current };
    let mut values: Vec<&str> =
        chosen.iter().map(String::as_str).filter(|value| !ALL.contains(value)).collect();
    if variable.kind == "interval" {
        values =
            values.into_iter().map(|value| if value.starts_with('$') { INTERVAL } else { value }).collect();
    }
    match values.as_slice() {
        // All, and the file does not say which: in Graphite that is what a wildcard means.
        [] if all => Some("*".into()),
        [] => None,
        [one] => Some((*one).to_owned()),
        several => Some(match format {
            "csv" | "raw" => several.join(","),
            "pipe" => several.join("|"),
            "regex" => format!("({})", several.join("|")),
            _ => format!("{{{}}}", several.join(",")),
        }),
    }
}
