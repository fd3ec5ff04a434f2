//! Silences: nobody is paged for what matches until then.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use monitors::services::pattern::{Glob, alternatives, left_open};
use monitors::silence::Silence as Kept;
use monitors::silence::labels::LabelMatcher;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vocabulary::ports::Scope;

use super::status::off_thread;
use super::watched::{self, RESPONDERS_SECONDS};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Id, Problem};
use crate::guard::require;
use crate::services::Services;

/// What a silence is about; every key that is there has to match. Names or globs.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Matcher {
    monitor: Option<String>,
    instance: Option<String>,
    host: Option<String>,
    /// Of instances whose names carry labels, as alerts of Prometheus do: `{"name", "value", "is_regex"?, "is_equal"?}`,
    /// all of which have to fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<Object>)]
    labels: Vec<LabelMatcher>,
}

impl Matcher {
    fn check(&self) -> Answer<()> {
        for (key, pattern) in [("monitor", &self.monitor), ("instance", &self.instance), ("host", &self.host)]
        {
            if let Some((pattern, open)) = pattern.as_ref().and_then(|it| Some((it, left_open(it)?))) {
                let why = format!("`{key}` is `{pattern}`, in which a `{open}` is never closed");
                return Err(Problem::bad_request(why).hint("close it, or write `?` for the sign itself"));
            }
        }
        Ok(())
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSilence {
    matchers: Vec<Matcher>,
    /// Seconds since 1970.
    until: i64,
    reason: String,
    #[serde(default)]
    author: String,
}

#[derive(Serialize, ToSchema)]
pub struct Begun {
    id: u64,
    /// Names in it that nobody knows: it holds nothing of theirs back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct Silence {
    id: i64,
    matchers: Vec<Matcher>,
    from: i64,
    until: i64,
    reason: String,
    author: String,
}

#[derive(Serialize, ToSchema)]
pub struct Silences {
    silences: Vec<Silence>,
}

/// Nothing but what begins so can match one of these. A host does not say whose the checks on it are.
fn is_within(scope: &Scope, silence: &Kept) -> bool {
    let begins =
        |one: &String| one.split(['*', '?', '[', '{', '\\']).next().is_some_and(|text| scope.sees(text));
    // More alternatives in braces than are told apart stand for anything at all.
    let begins_so = |pattern: &Option<String>| {
        pattern.as_ref().is_some_and(|one| begins(one) && alternatives(one).iter().all(begins))
    };
    scope.is_everything()
        || silence.matchers.iter().all(|one| begins_so(&one.monitor) || begins_so(&one.instance))
}

/// Those that the caller sees.
pub fn seen(services: &Services, caller: &Caller) -> Vec<Arc<Kept>> {
    let mut all = services.monitors.silences();
    all.retain(|silence| is_within(&caller.scope, silence));
    all
}

#[utoipa::path(get, path = "/silences", responses((status = 200, body = Silences)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Silences>> {
    require(&caller, Role::Viewer)?;
    let matcher = |matcher: &monitors::silence::Matcher| Matcher {
        monitor: matcher.monitor.clone(),
        instance: matcher.instance.clone(),
        host: matcher.host.clone(),
        labels: matcher.labels.clone(),
    };
    let silence = |silence: &Arc<Kept>| Silence {
        id: silence.id,
        matchers: silence.matchers.iter().map(matcher).collect(),
        from: silence.from,
        until: silence.until,
        reason: silence.reason.clone(),
        author: silence.author.clone(),
    };
    Ok(Json(Silences { silences: seen(&services, &caller).iter().map(silence).collect() }))
}

#[utoipa::path(post, path = "/silences", request_body = NewSilence,
    responses((status = 200, body = Begun), (status = 400, body = Problem)))]
pub async fn silence(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(new): Body<NewSilence>,
) -> Answer<Json<Begun>> {
    new.matchers.iter().try_for_each(Matcher::check)?;
    let matcher = |matcher: Matcher| monitors::silence::Matcher {
        monitor: matcher.monitor,
        instance: matcher.instance,
        host: matcher.host,
        labels: matcher.labels,
    };
    let silence = Kept {
        id: 0,
        matchers: new.matchers.into_iter().map(matcher).collect(),
        from: services.clock.now().0,
        until: new.until,
        reason: new.reason,
        author: watched::author(&caller, new.author),
    };
    let id = begin(&services, &caller, silence.clone()).await?;
    // To the others that would say which names there are.
    let warnings = if caller.scope.is_everything() { unknown_names(&services, &silence) } else { Vec::new() };
    Ok(Json(Begun { id: id.unsigned_abs(), warnings }))
}

/// A silence, by whatever way it is asked for.
pub async fn begin(services: &Arc<Services>, caller: &Caller, silence: Kept) -> Answer<i64> {
    let now = services.clock.now();
    let long = silence.until.saturating_sub(now.0) > RESPONDERS_SECONDS;
    require(caller, if long { Role::Editor } else { Role::Responder })?;
    watched::check_time("until", silence.until as f64)?;
    if silence.reason.trim().is_empty() {
        return Err(Problem::bad_request("a silence needs a reason")
            .hint("say in `reason` why nobody is to be paged"));
    }
    // Before any of its patterns is read.
    if let Some(why) = silence.wrong() {
        return Err(Problem::bad_request(why));
    }
    if !is_within(&caller.scope, &silence) {
        let theirs = caller.scope.as_prefixes().join("`, `");
        return Err(Problem::forbidden(format!("{} silences what is theirs only", caller.name)).hint(
            format!(
                "begin `monitor` or `instance` of each matcher with `{theirs}`, without `*` or `{{` before"
            ),
        ));
    }
    off_thread(services, move |services| Ok(services.monitors.silence(silence, now)?)).await
}

/// Whoever mistypes a name believes that it is quiet.
fn unknown_names(services: &Services, silence: &Kept) -> Vec<String> {
    let all = services.monitors.definitions();
    let monitors = all.monitors.iter().map(|one| &one.name);
    let watched: Vec<&String> = monitors.chain(all.checks.iter().map(|one| &one.name)).collect();
    let hosts: Vec<&String> = all.hosts.iter().map(|one| &one.name).collect();
    let unknown = |what: &str, pattern: &Option<String>, known: &[&String]| {
        let name = pattern.as_deref().and_then(|pattern| Glob::new(pattern).literal())?;
        let is_known = known.iter().any(|one| **one == name);
        (!is_known).then(|| format!("there is no {what} `{name}`: nothing of that name is silenced"))
    };
    let of = |one: &monitors::silence::Matcher| {
        [unknown("monitor", &one.monitor, &watched), unknown("host", &one.host, &hosts)]
    };
    silence.matchers.iter().flat_map(of).flatten().collect()
}

#[utoipa::path(delete, path = "/silences/{id}", params(("id" = i64, Path)),
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn end(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Id(id): Id<i64>,
) -> Answer<StatusCode> {
    end_one(&services, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One that is others' is not there.
pub async fn end_one(services: &Arc<Services>, caller: &Caller, id: i64) -> Answer<()> {
    require(caller, Role::Responder)?;
    if !seen(services, caller).iter().any(|silence| silence.id == id) {
        return Err(Problem::not_found(format!("there is no silence {id}: it may have ended")));
    }
    off_thread(services, move |services| Ok(services.monitors.end_silence(id)?)).await
}
