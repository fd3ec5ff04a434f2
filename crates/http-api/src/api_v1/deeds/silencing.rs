//! Silencing an incident: nobody is paged for what is bad in it, for a while.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use incidents::Deed;
use incidents::incident::Key;
use monitors::silence::{MAX_GLOB_BYTES, Matcher, Silence};
use serde::Deserialize;
use utoipa::ToSchema;
use vocabulary::Timestamp;
use vocabulary::ports::Scope;
use vocabulary::time::HumanDuration;

use super::name_of;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Id, Problem};
use crate::api_v1::incidents::{WholeIncident, do_it, shown_to, unknown};
use crate::api_v1::{off_thread, watched};
use crate::guard::require;
use crate::services::Services;

/// What lasts longer is a downtime, or a silence that somebody writes knowingly.
const MAX_SILENCE_SECONDS: i64 = 86_400;
/// Of one monitor; of more, the monitor itself is silenced.
const MAX_SILENCED_INSTANCES: usize = 100;

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

/// A name as a glob: what would be special in one stands for any one character, as does the end of a very long one for any.
fn literal(name: &str) -> String {
    let glob = name.replace(['*', '[', ']', '{', '}', '\\'], "?");
    if glob.len() <= MAX_GLOB_BYTES {
        return glob;
    }
    format!("{}*", &glob[..glob.floor_char_boundary(MAX_GLOB_BYTES - 2)])
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
    fn of_a_very_long_name_the_beginning_is_silenced() {
        let long = literal(&"ä".repeat(400));
        assert!(long.len() <= MAX_GLOB_BYTES && long.ends_with("ä*"), "{long}");
        // A scope's prefix is given a star of its own, too.
        assert!(format!("{long}*").len() <= MAX_GLOB_BYTES);
        assert_eq!(literal(&"a".repeat(512)), "a".repeat(512));
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
