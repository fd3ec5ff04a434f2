//! What people do with incidents, beyond saying that they have them: take, hand over, escalate, say how bad it is, open
//! again, merge, split, silence, declare.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use incidents::incident::Key;
use incidents::{Declaration, Deed};
use monitors::silence::{Matcher, Silence};
use serde::Deserialize;
use utoipa::ToSchema;
use vocabulary::Timestamp;
use vocabulary::ports::Scope;
use vocabulary::state::State as Word;
use vocabulary::time::HumanDuration;

use super::incidents::{WholeIncident, do_it, refusal, shown_to, theirs, unknown};
use super::status::off_thread;
use super::watched;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Id, Problem};
use crate::guard::require;
use crate::services::Services;

/// What lasts longer is a downtime, or a silence that somebody writes knowingly.
const MAX_SILENCE_SECONDS: i64 = 86_400;
/// Of one monitor; of more, the monitor itself is silenced.
const MAX_SILENCED_INSTANCES: usize = 100;

/// Done, with who did it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Taking {
    /// In whose name; default: who asks.
    author: Option<String>,
    comment: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HandingOver {
    /// A contact.
    to: String,
    author: Option<String>,
    #[serde(default)]
    comment: String,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Escalating {
    /// Contacts; none: those who come next.
    to: Vec<String>,
    author: Option<String>,
    comment: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HowBad {
    /// `critical`, `warning` or `unknown`.
    severity: String,
    author: Option<String>,
    #[serde(default)]
    comment: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Merging {
    /// The number of the incident that stays.
    into: i64,
    author: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Splitting {
    members: Vec<Member>,
    author: Option<String>,
    #[serde(default)]
    comment: String,
}

/// As `troubles` of the incident name it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Member {
    #[serde(default)]
    host: bool,
    monitor: String,
    #[serde(default)]
    instance: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Silencing {
    /// Seconds since 1970, or how long in `for`; a day at most.
    until: Option<i64>,
    #[serde(rename = "for")]
    lasting: Option<String>,
    author: Option<String>,
    #[serde(default)]
    comment: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Declaring {
    title: String,
    /// What is seen.
    #[serde(default)]
    what: String,
    /// `critical` (default), `warning` or `unknown`.
    severity: Option<String>,
    /// While an incident of this key is open, it is that one.
    #[serde(default)]
    key: String,
    /// Contacts who are told, beside those of `[incidents] contacts`.
    #[serde(default)]
    contacts: Vec<String>,
    author: Option<String>,
}

#[utoipa::path(post, path = "/incidents/{id}/take", params(("id" = i64, Path)), request_body = Taking,
    responses((status = 200, body = WholeIncident), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn take(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(said): Body<Taking>,
) -> Answer<Json<WholeIncident>> {
    act(services, caller, id, said.author, Deed::Take { comment: said.comment }).await
}

#[utoipa::path(post, path = "/incidents/{id}/handover", params(("id" = i64, Path)), request_body = HandingOver,
    responses((status = 200, body = WholeIncident), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn hand_over(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(said): Body<HandingOver>,
) -> Answer<Json<WholeIncident>> {
    act(services, caller, id, said.author, Deed::HandOver { to: said.to, comment: said.comment }).await
}

#[utoipa::path(post, path = "/incidents/{id}/escalate", params(("id" = i64, Path)), request_body = Escalating,
    responses((status = 200, body = WholeIncident), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn escalate(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(said): Body<Escalating>,
) -> Answer<Json<WholeIncident>> {
    act(services, caller, id, said.author, Deed::Escalate { to: said.to, comment: said.comment }).await
}

#[utoipa::path(post, path = "/incidents/{id}/severity", params(("id" = i64, Path)), request_body = HowBad,
    responses((status = 200, body = WholeIncident), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn severity(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(said): Body<HowBad>,
) -> Answer<Json<WholeIncident>> {
    let deed = Deed::SetSeverity { severity: word(&said.severity)?, comment: said.comment };
    act(services, caller, id, said.author, deed).await
}

#[utoipa::path(post, path = "/incidents/{id}/reopen", params(("id" = i64, Path)), request_body = Taking,
    responses((status = 200, body = WholeIncident), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn reopen(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(said): Body<Taking>,
) -> Answer<Json<WholeIncident>> {
    act(services, caller, id, said.author, Deed::Reopen { comment: said.comment }).await
}

/// The members of this one go into another, which the answer shows.
#[utoipa::path(post, path = "/incidents/{id}/merge", params(("id" = i64, Path)), request_body = Merging,
    responses((status = 200, body = WholeIncident), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn merge(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(said): Body<Merging>,
) -> Answer<Json<WholeIncident>> {
    require(&caller, Role::Responder)?;
    let author = name_of(said.author, &caller);
    off_thread(&services, move |services| {
        theirs(services, &caller, id)?;
        theirs(services, &caller, said.into)?;
        do_it(services, id, &author, &Deed::Merge { into: said.into })?;
        shown_to(services, &caller, said.into)
    })
    .await
}

/// Some members become an incident of their own, which the answer shows.
#[utoipa::path(post, path = "/incidents/{id}/split", params(("id" = i64, Path)), request_body = Splitting,
    responses((status = 200, body = WholeIncident), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn split(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(said): Body<Splitting>,
) -> Answer<Json<WholeIncident>> {
    require(&caller, Role::Responder)?;
    let author = name_of(said.author, &caller);
    off_thread(&services, move |services| {
        theirs(services, &caller, id)?;
        let key = |it: &Member| Key {
            host: it.host,
            monitor: it.monitor.as_str().into(),
            instance: it.instance.as_str().into(),
        };
        let members: Vec<Key> = said.members.iter().map(key).collect();
        if let Some(foreign) = members.iter().find(|key| !key.is_in(&caller.scope)) {
            return Err(Problem::bad_request(format!("`{foreign}` is not a member of incident {id}")));
        }
        let made = services.desk.split(id, &author, &members, &said.comment, services.clock.now());
        shown_to(services, &caller, made.map_err(|failed| refusal(id, failed))?)
    })
    .await
}

/// Nobody is paged for what is bad in it, for a day at most.
#[utoipa::path(post, path = "/incidents/{id}/silence", params(("id" = i64, Path)), request_body = Silencing,
    responses((status = 200, body = WholeIncident), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn silence(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
    Body(said): Body<Silencing>,
) -> Answer<Json<WholeIncident>> {
    require(&caller, Role::Responder)?;
    let now = services.clock.now();
    let until = end(said.until, said.lasting.as_deref(), now)?;
    if said.comment.trim().is_empty() {
        return Err(Problem::bad_request("a silence needs a reason")
            .hint("say in `comment` why nobody is to be paged"));
    }
    let author = name_of(said.author, &caller);
    off_thread(&services, move |services| {
        let found = services.desk.one_in(&caller.scope, id)?.ok_or_else(|| unknown(id))?;
        let is_shared = |host: &str| watched::is_shared(services, &caller.scope, host);
        let matchers = matchers(found.incident.bad().map(|(key, _)| key), &caller.scope, is_shared);
        if matchers.is_empty() {
            let why = "nothing in this incident is watched and bad now, so there is nothing to silence";
            return Err(Problem::new(StatusCode::CONFLICT, why));
        }
        let count = matchers.len();
        let reason = format!("incident {id}: {}", said.comment);
        let silence = Silence { id: 0, matchers, from: now.0, until, reason, author: author.clone() };
        services.monitors.silence(silence, now)?;
        let text = format!("silenced for {} s ({count} matchers): {}", until - now.0, said.comment);
        do_it(services, id, &author, &Deed::Note { text })?;
        shown_to(services, &caller, id)
    })
    .await
}

fn end(until: Option<i64>, lasting: Option<&str>, now: Timestamp) -> Answer<i64> {
    let until = match (until, lasting.map(str::parse::<HumanDuration>)) {
        (Some(until), None) => until,
        (None, Some(Ok(lasting))) => now.plus(i64::try_from(lasting.0.as_secs()).unwrap_or(i64::MAX)).0,
        (None, Some(Err(why))) => return Err(Problem::bad_request(format!("`for`: {why}"))),
        _ => {
            return Err(Problem::bad_request("a silence needs one end")
                .hint("send {\"for\": \"2h\"} or {\"until\": SECONDS}"));
        }
    };
    if until <= now.0 || until - now.0 > MAX_SILENCE_SECONDS {
        let why = "a silence of an incident ends in the future, within 24 hours";
        return Err(
            Problem::bad_request(why).hint("for longer plan a downtime, or POST /api/v1/silences (editor)")
        );
    }
    Ok(until)
}

/// A storm is silenced by its monitor; for those who see a part of it, by what all of theirs begins with.
fn matchers<'k>(
    bad: impl Iterator<Item = &'k Key>,
    scope: &Scope,
    is_shared: impl Fn(&str) -> bool,
) -> Vec<Matcher> {
    let mut by_monitor: BTreeMap<(bool, &str), Vec<&str>> = BTreeMap::new();
    for key in bad.filter(|key| !key.monitor.contains(':') || key.host) {
        by_monitor.entry((key.host, &key.monitor)).or_default().push(&key.instance);
    }
    let of = |((host, name), instances): ((bool, &str), Vec<&str>)| -> Vec<Matcher> {
        let is_all_theirs = scope.sees(name);
        let is_shared = host && is_shared(name);
        let name = Some(literal(name));
        if is_shared {
            // Of what is on it that which is theirs; the host's own word is of all.
            let begin = |prefix: &String| Matcher {
                monitor: Some(format!("{}*", literal(prefix))),
                host: name.clone(),
                ..Matcher::default()
            };
            return scope.as_prefixes().iter().map(begin).collect();
        }
        if host {
            return vec![Matcher { host: name, ..Matcher::default() }];
        }
        let many = instances.len() > MAX_SILENCED_INSTANCES;
        if many && !is_all_theirs {
            let begin = |prefix: &String| Matcher {
                monitor: name.clone(),
                instance: Some(format!("{}*", literal(prefix))),
                ..Matcher::default()
            };
            return scope.as_prefixes().iter().map(begin).collect();
        }
        if many || instances.contains(&"") {
            return vec![Matcher { monitor: name, ..Matcher::default() }];
        }
        let one = |instance: &str| Matcher {
            monitor: name.clone(),
            instance: Some(literal(instance)),
            ..Matcher::default()
        };
        instances.into_iter().map(one).collect()
    };
    by_monitor.into_iter().flat_map(of).collect()
}

/// A name as a glob: what would be special in one stands for any one character.
fn literal(name: &str) -> String {
    name.replace(['*', '[', ']', '{', '}', '\\'], "?")
}

/// Everybody who is signed in may say that something is wrong.
#[utoipa::path(post, path = "/incidents", request_body = Declaring,
    responses((status = 201, body = WholeIncident), (status = 200, body = WholeIncident), (status = 400, body = Problem)))]
pub async fn declare(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(said): Body<Declaring>,
) -> Answer<(StatusCode, Json<WholeIncident>)> {
    require(&caller, Role::Viewer)?;
    let now = services.clock.now();
    let key = key_for(&caller, said.key, now)?;
    let author = name_of(said.author, &caller);
    let declared = Declaration {
        title: said.title,
        severity: said.severity.as_deref().map(word).transpose()?,
        what: said.what,
        key,
        contacts: said.contacts,
    };
    off_thread(&services, move |services| {
        let made = services.desk.declare(&author, &declared, now);
        let (id, new) = made.map_err(|failed| refusal(0, failed))?;
        let status = if new { StatusCode::CREATED } else { StatusCode::OK };
        Ok((status, shown_to(services, &caller, id)?))
    })
    .await
}

fn word(severity: &str) -> Answer<Word> {
    match severity.to_ascii_lowercase().as_str() {
        "critical" => Ok(Word::Critical),
        "warning" => Ok(Word::Warning),
        "unknown" => Ok(Word::Unknown),
        other => Err(Problem::bad_request(format!("`severity` is `{other}`"))
            .hint("write critical, warning or unknown")),
    }
}

/// Whoever is limited declares for those who see what they see: by the key, which gets a prefix of theirs if none was said.
fn key_for(caller: &Caller, said: String, now: Timestamp) -> Answer<String> {
    match caller.scope.as_prefixes().first() {
        Some(prefix) if said.is_empty() => Ok(format!("{prefix}declared-{}", now.0)),
        Some(prefix) if !caller.scope.sees(&said) => {
            let why = format!("`key` is `{said}`, and {} is limited to other prefixes", caller.name);
            Err(Problem::bad_request(why).hint(format!("leave it out, or begin it with `{prefix}`")))
        }
        _ => Ok(said),
    }
}

fn name_of(said: Option<String>, caller: &Caller) -> String {
    watched::author(caller, said.unwrap_or_default())
}

async fn act(
    services: Arc<Services>,
    caller: Caller,
    id: i64,
    author: Option<String>,
    deed: Deed,
) -> Answer<Json<WholeIncident>> {
    require(&caller, Role::Responder)?;
    let author = name_of(author, &caller);
    off_thread(&services, move |services| {
        theirs(services, &caller, id)?;
        do_it(services, id, &author, &deed)?;
        shown_to(services, &caller, id)
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_bad_is_silenced_one_by_one_and_a_storm_by_its_monitor() {
        let key = |host, monitor: &str, instance: &str| Key {
            host,
            monitor: monitor.into(),
            instance: instance.into(),
        };
        let mut keys = vec![
            key(true, "web", ""),
            key(false, "web/http", ""),
            key(false, "latency", "a.b[1]"),
            key(false, "declared:3", ""),
        ];
        keys.extend((0..101).map(|n| key(false, "storm", &format!("s{n}"))));
        let found = matchers(keys.iter(), &Scope::everything(), |_| false);
        let texts: Vec<_> = found
            .iter()
            .map(|it| (it.host.as_deref(), it.monitor.as_deref(), it.instance.as_deref()))
            .collect();
        assert_eq!(
            texts,
            [
                (None, Some("latency"), Some("a.b?1?")),
                (None, Some("storm"), None),
                (None, Some("web/http"), None),
                (Some("web"), None, None)
            ]
        );
    }

    #[test]
    fn a_host_with_checks_of_others_is_silenced_in_part() {
        let key = |host, monitor: &str| Key { host, monitor: monitor.into(), instance: "".into() };
        let keys = [key(true, "shop.web"), key(true, "shop.own")];
        let scope = Scope::prefixes(vec!["shop.".into(), "pay.".into()]);
        let found = matchers(keys.iter(), &scope, |host| host == "shop.web");
        let texts: Vec<_> = found.iter().map(|it| (it.host.as_deref(), it.monitor.as_deref())).collect();
        let web = Some("shop.web");
        // A scope may put its prefixes into an order of its own.
        assert_eq!(texts[0], (Some("shop.own"), None));
        assert!(texts[1..].contains(&(web, Some("shop.*"))) && texts[1..].contains(&(web, Some("pay.*"))));
        assert_eq!(texts.len(), 3);
    }

    #[test]
    fn a_silence_ends_within_a_day() {
        let now = Timestamp(1_000);
        assert_eq!(end(None, Some("2h"), now).ok(), Some(8_200));
        for (until, lasting) in
            [(None, Some("25h")), (Some(999), None), (None, None), (Some(2_000), Some("1h"))]
        {
            assert!(end(until, lasting, now).is_err(), "{until:?} {lasting:?}");
        }
    }
}
