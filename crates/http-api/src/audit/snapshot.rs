//! How what a route changes is now, in the form of what the API shows. Nothing secret is in it.

use std::sync::Arc;

use monitors::silence::Silence;
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::accounts;
use crate::answer::{Answer, Problem};
use crate::api_v1::watched::Downtime;
use crate::services::Services;
use crate::{flags, levels};

/// None: it is not there, or nothing is known of how it was.
pub fn of(services: &Services, parts: &[String]) -> Answer<Option<Value>> {
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let state = &services.state;
    Ok(match parts.as_slice() {
        ["monitors", name] => match services.monitors.made(name) {
            Some(made) => made.definition.map(|made| value(&made.without_secrets())).transpose()?,
            None => None,
        },
        ["people", name] | ["people", name, "role"] => {
            accounts::person(state, name)?.as_ref().map(value).transpose()?
        }
        ["people"] => Some(keyed(accounts::people(state)?, |person| person.name.clone())?),
        ["teams", name] => {
            let all = accounts::teams(state, &services.settings.load().teams)?;
            all.iter().find(|team| team.team.name == *name).map(value).transpose()?
        }
        ["tokens"] | ["tokens", _] => {
            Some(keyed(unused(accounts::tokens(state)?), |token| token.id.to_string())?)
        }
        ["invitations"] | ["invitations", _] => {
            let open = accounts::invitations(state, services.clock.now())?;
            Some(keyed(open, |invitation| invitation.id.to_string())?)
        }
        ["playbooks", name] => {
            services.desk.playbook(name).map(|one| json!({"text": *one.text, "version": one.version}))
        }
        ["levels"] => Some(json!({"rules": levels::load(state)?})),
        ["flags", name] => {
            let all = flags::all(state)?;
            all.iter().find(|flag| flag.name == *name).map(|flag| {
                json!({"state": flag.state, "since": flag.since, "author": flag.author, "note": flag.note})
            })
        }
        ["silences"] | ["silences", _] => {
            let silences = services.monitors.silences().into_iter().map(Arc::unwrap_or_clone).collect();
            Some(keyed(silences, |silence: &Silence| silence.id.to_string())?)
        }
        ["downtimes"] | ["downtimes", _] => {
            let all = services.monitors.downtimes();
            let pairs = all.iter().map(|one| Ok((one.downtime.id.to_string(), value(&Downtime::from(one))?)));
            Some(Value::Object(pairs.collect::<Answer<Map<String, Value>>>()?))
        }
        ["schedules", name] => {
            let roster = services.desk.roster(services.clock.now());
            roster.schedules.get(*name).map(|known| value(&known.config)).transpose()?
        }
        ["escalation-policies", name] => {
            let roster = services.desk.roster(services.clock.now());
            roster.policies.get(*name).map(|known| value(&*known.config)).transpose()?
        }
        ["incidents", id, _] => match id.parse() {
            Ok(id) => services.desk.one(id)?.map(|found| standing(&found.incident)),
            Err(_) => None,
        },
        _ => None,
    })
}

/// What deeds change of an incident. What is said and measured of it stands in its timeline.
fn standing(incident: &incidents::Incident) -> Value {
    let detail = &incident.detail;
    json!({
        "phase": incident.phase,
        "severity": detail.severity,
        "owner": incident.owner().map(|(name, _)| name),
        "acknowledged": detail.acknowledged,
        "snoozed_until": detail.snoozed_until,
        "resolved_by": detail.resolved_by,
    })
}

/// When a token was last used is nobody's change.
fn unused(mut tokens: Vec<accounts::Token>) -> Vec<accounts::Token> {
    tokens.iter_mut().for_each(|token| token.last_used = None);
    tokens
}

fn value(of: &impl Serialize) -> Answer<Value> {
    serde_json::to_value(of).map_err(Problem::internal)
}

fn keyed<T: Serialize>(all: Vec<T>, key: impl Fn(&T) -> String) -> Answer<Value> {
    let pairs = all.iter().map(|one| Ok((key(one), value(one)?)));
    Ok(Value::Object(pairs.collect::<Answer<Map<String, Value>>>()?))
}

/// Without what is the same in both. What had nothing to differ in is none.
pub fn differing(before: Option<Value>, after: Option<Value>) -> (Option<Value>, Option<Value>) {
    let (Some(Value::Object(mut before)), Some(Value::Object(mut after))) = (before.clone(), after.clone())
    else {
        return (before, after);
    };
    before.retain(|key, value| match after.get(key) == Some(value) {
        true => {
            after.remove(key);
            false
        }
        false => true,
    });
    let some = |map: Map<String, Value>| (!map.is_empty()).then_some(Value::Object(map));
    (some(before), some(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_kept() {
        let check =
            |before: Option<Value>, after: Option<Value>, expected: (Option<Value>, Option<Value>)| {
                assert_eq!(differing(before, after), expected);
            };
        let (old, new) = (json!({"a": 1, "b": 2}), json!({"a": 1, "b": 3, "c": 4}));
        check(Some(old.clone()), Some(new), (Some(json!({"b": 2})), Some(json!({"b": 3, "c": 4}))));
        check(Some(old.clone()), Some(old.clone()), (None, None));
        check(None, Some(old.clone()), (None, Some(old.clone())));
        check(Some(old.clone()), None, (Some(old), None));
    }
}
