//! `use`: what a definition takes from templates.

use std::collections::HashMap;
use std::sync::Arc;

use super::lines::{Definition, Problem, Value, items};

/// A value that begins with `+` is added to the template's.
const ADDITIVE: [&str; 13] = [
    "contacts",
    "contact_groups",
    "hostgroups",
    "servicegroups",
    "parents",
    "host_name",
    "hostgroup_name",
    "servicegroup_name",
    "service_description",
    "dependent_host_name",
    "dependent_hostgroup_name",
    "dependent_servicegroup_name",
    "dependent_service_description",
];

/// Gives every definition of one kind what it inherits.
pub fn resolve(definitions: &mut [Definition], problems: &mut Vec<Problem>) {
    let mut named = HashMap::new();
    for (index, definition) in definitions.iter().enumerate() {
        if let Some(name) = definition.text("name") {
            // The first one is found, as in Nagios, which refuses the second.
            if let Some(first) = named.get(name) {
                let first: &usize = first;
                let place = &definitions[*first].place;
                let message = format!("template `{name}` is defined at {place} already: that one is used");
                problems.push(Problem { place: definition.place.clone(), message });
            } else {
                named.insert(Arc::<str>::from(name), index);
            }
        }
    }
    let mut resolved = vec![false; definitions.len()];
    for index in 0..definitions.len() {
        resolve_one(index, definitions, &named, &mut resolved, problems);
    }
    for definition in definitions {
        for value in definition.values.values_mut() {
            if let Some(rest) = value.text.as_deref().and_then(|text| text.strip_prefix('+')) {
                value.text = Some(rest.into());
            }
        }
    }
}

/// Those that it uses first; a circle ends where it began. Without recursion: chains may be long.
fn resolve_one(
    start: usize,
    definitions: &mut [Definition],
    named: &HashMap<Arc<str>, usize>,
    resolved: &mut [bool],
    problems: &mut Vec<Problem>,
) {
    if std::mem::replace(&mut resolved[start], true) {
        return;
    }
    let mut stack = vec![(start, 0)];
    while let Some((index, at)) = stack.pop() {
        let Some(used) =
            definitions[index].text("use").and_then(|list| items(list).nth(at)).map(str::to_owned)
        else {
            continue;
        };
        let Some(&template) = named.get(used.as_str()) else {
            let place = definitions[index].place_of("use");
            problems.push(Problem { place, message: format!("template `{used}` is not defined") });
            stack.push((index, at + 1));
            continue;
        };
        if !std::mem::replace(&mut resolved[template], true) {
            stack.push((index, at));
            stack.push((template, 0));
            continue;
        }
        if template != index {
            let from = definitions[template].clone();
            inherit(&mut definitions[index], &from);
        }
        stack.push((index, at + 1));
    }
}

fn inherit(definition: &mut Definition, template: &Definition) {
    for (key, theirs) in &template.values {
        if matches!(&**key, "use" | "name" | "register") {
            continue;
        }
        match definition.values.get_mut(key) {
            None => {
                definition.values.insert(key.clone(), theirs.clone());
            }
            Some(own) if ADDITIVE.contains(&&**key) => add(own, theirs),
            Some(_) => {}
        }
    }
    for range in &template.ranges {
        if !definition.ranges.iter().any(|(days, ..)| *days == range.0) {
            definition.ranges.push(range.clone());
        }
    }
}

fn add(own: &mut Value, theirs: &Value) {
    if let (Some(more), Some(text)) =
        (own.text.as_deref().and_then(|text| text.strip_prefix('+')), &theirs.text)
    {
        own.text = Some(format!("{text},{more}").into());
    }
}
