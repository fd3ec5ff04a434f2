//! How what a route changes is now, in the form of what the API shows. Nothing secret is in it.

use std::sync::Arc;

use monitors::machine::ObjectName;
use monitors::silence::Silence;
use serde::Serialize;
use serde_json::{Map, Value, json};
use vocabulary::ports::Scope;

use crate::accounts::{self, Caller};
use crate::answer::{Answer, Problem};
use crate::api_v1::watched::{self, Downtime};
use crate::api_v1::{calendars, cover, errors, heartbeats, overrides, post_mortems, ways};
use crate::graphite_web::kept::{self, Kind};
use crate::services::Services;
use crate::status_page::posts;
use crate::{flags, levels};

/// What a list of what people write is looked at for: the newest.
const NEWEST: usize = 100;

/// None: it is not there, or nothing is known of how it was. `caller` is who changes it.
pub fn of(services: &Services, caller: &Caller, parts: &[String]) -> Answer<Option<Value>> {
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let state = &services.state;
    Ok(match parts.as_slice() {
        ["monitors", name] => match services.monitors.made(name) {
            Some(made) => made.definition.map(|made| value(&made.without_secrets())).transpose()?,
            None => None,
        },
        ["people", name] | ["people", name, _] => {
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
        ["incidents"] => {
            let newest = services.desk.list(incidents::Wanted::All, NEWEST)?;
            let declared = newest.into_iter().filter(|(one, _)| one.detail.declared_by.is_some());
            let told = |(one, _): (incidents::Incident, usize)| {
                (one.id.to_string(), json!({"title": one.title, "declared_by": one.detail.declared_by}))
            };
            Some(Value::Object(declared.map(told).collect()))
        }
        ["incidents", id, _] => match id.parse() {
            Ok(id) => services.desk.one(id)?.map(standing).transpose()?,
            Err(_) => None,
        },
        ["overrides"] | ["overrides", _] => {
            let all = services.desk.overrides(services.clock.now());
            Some(keyed(all.into_iter().map(overrides::told).collect(), |one: &overrides::Override| {
                one.id.to_string()
            })?)
        }
        ["cover"] | ["cover", ..] => {
            let all = services.desk.covers(services.clock.now())?;
            Some(keyed(all.into_iter().map(cover::told).collect(), |one: &cover::Cover| one.id.to_string())?)
        }
        ["oncall", "calendars"] | ["oncall", "calendars", _] => {
            let all = services.desk.feeds()?;
            Some(keyed(all.into_iter().map(calendars::told).collect(), |one: &calendars::Calendar| {
                one.id.to_string()
            })?)
        }
        ["me", "rules"] => services
            .desk
            .own_rules(&caller.name)
            .map(|own| json!({"rules": own.rules, "of_file": own.of_file})),
        ["me", "ways", ..] => own_ways(services, caller)?,
        ["post-mortems"] => {
            let begun = |one: &incidents::learning::PostMortem| {
                (one.id.to_string(), json!({"incident": one.about.incident, "author": one.author}))
            };
            Some(Value::Object(services.desk.post_mortems(NEWEST)?.iter().map(begun).collect()))
        }
        ["post-mortems", id, ..] => match id.parse() {
            Ok(id) => services.desk.post_mortem(id)?.map(written).transpose()?,
            Err(_) => None,
        },
        ["status-posts"] | ["status-posts", ..] => {
            Some(keyed(posts::all(state, NEWEST)?, |post| post.id.to_string())?)
        }
        ["errors", "groups", named, "merge" | "split"] => hashes(services, caller, named)?,
        ["checks", name, _] => watched_now(services, &ObjectName::Check((*name).to_owned()))?,
        ["hosts", name, _] => watched_now(services, &ObjectName::Host((*name).to_owned()))?,
        ["heartbeats", name] | ["heartbeats", name, _] => {
            let found = services.heartbeats.one(name, heartbeats::now_ms(services))?;
            found.map(|(known, _)| json!({"name": &*known.name, "status": known.shown}))
        }
        ["comments"] => {
            let newest = services.desk.newest_comments(NEWEST)?;
            Some(Value::Object(
                newest
                    .into_iter()
                    .map(|one| (one.id.to_string(), json!({"on": one.on, "text": one.text})))
                    .collect(),
            ))
        }
        ["comments", id] => match id.trim_start_matches('c').parse() {
            Ok(number) if id.starts_with('c') => {
                services.desk.one_comment(number)?.map(|one| json!({"by": one.by, "text": one.text}))
            }
            _ => None,
        },
        ["dashboard", name] => kept::get(state, Kind::Dashboard, name)?.map(read_as_json),
        ["dashboard-template", name] => kept::get(state, Kind::Template, name)?.map(read_as_json),
        _ => None,
    })
}

/// By what one is reached, without where that is: whoever knows a topic or a number of a chat writes there, too.
fn own_ways(services: &Services, caller: &Caller) -> Answer<Option<Value>> {
    // Who is nobody here is refused by the route itself.
    let Ok(person) = ways::me(services, caller) else { return Ok(None) };
    let way = |way: accounts::Way| {
        let shown = json!({"type": way.kind, "label": way.label, "channel": way.channel,
            "confirmed": way.confirmed.is_some()});
        (way.id.to_string(), shown)
    };
    Ok(Some(Value::Object(accounts::ways(&services.state, &person)?.into_iter().map(way).collect())))
}

/// Without the token of its address, by which it is read.
fn written(one: incidents::learning::PostMortem) -> Answer<Value> {
    let mut follow_ups = Map::new();
    for item in one.follow_ups {
        follow_ups.insert(item.id.to_string(), value(&post_mortems::follow_ups::item(item))?);
    }
    let published = one.published.map(|it| json!({"at": it.at, "by": it.by, "version": it.version}));
    Ok(json!({"text": value(&one.text)?, "published": published, "follow_ups": follow_ups}))
}

/// What people set of a check or host; how it does is told by its history.
fn watched_now(services: &Services, name: &ObjectName) -> Answer<Option<Value>> {
    // What is not there is refused by the route itself.
    let Ok(shown) = watched::show(services, &Scope::everything(), name) else { return Ok(None) };
    let Value::Object(mut all) = value(&shown.0)? else { return Ok(None) };
    all.retain(|key, _| matches!(key.as_str(), "acknowledgement" | "notifications_enabled" | "comments"));
    Ok(Some(Value::Object(all)))
}

/// What of errors is one group: what was merged is found under the whole.
fn hashes(services: &Services, caller: &Caller, named: &str) -> Answer<Option<Value>> {
    // What is not there is refused by the route itself.
    let Ok((group, _)) = errors::group(services, caller, named) else { return Ok(None) };
    let kept = services.tracker.hashes(group.id, services.clock.now())?;
    let hashes: Vec<String> = kept.into_iter().map(|one| one.hash).collect();
    Ok(Some(json!({"group": group.id.to_string(), "title": group.title, "hashes": hashes})))
}

/// What is kept as it came. It may hold numbers that are none of ours.
fn read_as_json(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// What deeds change of an incident. What is said and measured of it stands in its timeline.
fn standing(found: incidents::desk::Whole) -> Answer<Value> {
    let incident = &found.incident;
    let detail = &incident.detail;
    // What was written, who was called: the last thing that anybody did.
    let deed = found.timeline.iter().rev().find(|entry| !entry.who.is_empty());
    Ok(json!({
        "phase": incident.phase,
        "severity": detail.severity,
        "owner": incident.owner().map(|(name, _)| name),
        "acknowledged": detail.acknowledged,
        "snoozed_until": detail.snoozed_until,
        "resolved_by": detail.resolved_by,
        "helped": value(&detail.helped)?,
        "last": deed.map(|entry| json!({"at": entry.at, "kind": entry.kind, "who": entry.who, "text": entry.text})),
    }))
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
