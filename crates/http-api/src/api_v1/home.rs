//! What arrives, worst first, and the host at a glance: useful without any set-up.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;
use vocabulary::ports::Scope;

use crate::accounts::Caller;
use crate::answer::Answer;
use crate::control::{Arriving, Health, Panel, State as HealthState};
use crate::groups::{NameGroup, Telling};
use crate::guess::{self, Level};
use crate::levels::Levels;
use crate::services::Services;

/// A source that sends regularly, if only once a minute, and is silent for longer counts as stale.
const STALE_AFTER_SECONDS: f64 = 75.0;

#[derive(Serialize, ToSchema)]
pub struct Home {
    sentence: Sentence,
    newest_point_age: Option<f64>,
    arriving: Vec<Arriving>,
    host: Host,
    groups: Vec<Group>,
}

#[derive(Serialize, ToSchema)]
struct Sentence {
    state: HealthState,
    text: String,
    /// Since when it is so.
    since: Option<f64>,
}

#[derive(Serialize, ToSchema)]
struct Host {
    name: String,
    panels: Vec<Panel>,
}

/// Series that belong together by their names.
#[derive(Serialize, ToSchema)]
struct Group {
    prefix: String,
    title: String,
    level: Level,
    series: u64,
    age: Option<f64>,
    targets: Vec<String>,
    unit: Option<&'static str>,
}

#[utoipa::path(get, path = "/home", responses((status = 200, body = Home)))]
pub async fn home(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Home>> {
    services.query(move |services, _| gather(services, &caller)).await?.map(Json)
}

fn gather(services: &Services, caller: &Caller) -> Answer<Home> {
    let scope = &caller.scope;
    let now = services.clock.since_epoch().as_secs_f64();
    let health = services.control.health().told_to(caller);
    let mut arriving = services.control.arriving();
    arriving
        .iter_mut()
        .for_each(|source| source.latest = source.latest.take().filter(|name| scope.sees(name)));
    let newest = arriving
        .iter()
        .filter_map(|source| source.newest)
        .fold(None, |a: Option<f64>, b| Some(a.map_or(b, |a| a.max(b))));
    let identity = services.control.identity();
    Ok(Home {
        sentence: sentence(&health, &arriving, !services.senders.all().is_empty(), now),
        newest_point_age: newest.map(|newest| (now - newest).max(0.0)),
        host: Host { name: identity.host, panels: host_panels(services, scope) },
        groups: groups(services, scope)?,
        arriving,
    })
}

/// Graphs of the host, without what the caller may not see.
fn host_panels(services: &Services, scope: &Scope) -> Vec<Panel> {
    let mut panels = services.control.host_panels();
    panels.iter_mut().for_each(|panel| panel.targets.retain(|target| scope.sees_below(target)));
    panels.retain(|panel| !panel.targets.is_empty());
    panels
}

/// Is it broken, since when? Until monitors exist this is about the data itself: does it arrive, is any lost?
fn sentence(health: &Health, arriving: &[Arriving], errors_come: bool, now: f64) -> Sentence {
    let since = health.since;
    if health.state > HealthState::Ok {
        return Sentence { state: health.state, text: health.sentence.clone(), since };
    }
    let silent: Vec<&str> = arriving
        .iter()
        .filter(|source| {
            source.regular && source.newest.is_some_and(|newest| now - newest > STALE_AFTER_SECONDS)
        })
        .map(|source| title(source.source))
        .collect();
    if !silent.is_empty() {
        let text = format!("Nothing has come from {} for more than a minute.", silent.join(" and "));
        return Sentence { state: HealthState::Warning, text, since: None };
    }
    Sentence { state: HealthState::Ok, text: who_sends(arriving, errors_come).to_owned(), since }
}

/// What is stored tells of what came before the start.
fn who_sends(arriving: &[Arriving], errors_come: bool) -> &'static str {
    let others = || arriving.iter().filter(|source| !["bellwether", "host"].contains(&source.source));
    let comes = errors_come || others().any(|source| source.newest.is_some());
    let came = others().any(|source| source.series > 0);
    let host = arriving.iter().any(|source| source.source == "host" && source.newest.is_some());
    match (comes, host, came) {
        (true, ..) => "Everything that arrives is fresh, and nothing was lost.",
        (false, true, false) => "This host is watched. Nothing else arrives yet.",
        (false, true, true) => "This host is watched. Nothing else has come since the server was started.",
        (false, false, false) => "Nothing arrives yet.",
        (false, false, true) => "Nothing has come since the server was started.",
    }
}

fn title(source: &str) -> &str {
    match source {
        "statsd" => "StatsD",
        "carbon" => "Carbon",
        "host" => "this host's collector",
        other => other,
    }
}

fn groups(services: &Services, scope: &Scope) -> Answer<Vec<Group>> {
    let levels = Levels::load(&services.state)?;
    let now = services.clock.since_epoch().as_secs_f64();
    let groups = services.groups.of(services.control.as_ref(), scope, services.clock.now());
    let group = |group: NameGroup| {
        let newest = |telling: &Telling| services.source.describe(telling.series)?.last_point;
        let best = group.best.first().map_or("", |telling| telling.example.as_str());
        Group {
            level: levels.of(best),
            unit: guess::unit(best),
            age: group.best.iter().filter_map(newest).max().map(|newest| (now - newest.0 as f64).max(0.0)),
            prefix: group.prefix,
            title: group.title,
            series: group.series,
            targets: group.best.into_iter().map(|telling| telling.target).collect(),
        }
    };
    let mut groups: Vec<Group> = groups.into_iter().map(group).collect();
    groups.sort_by_key(|group| (group.level != Level::Business, std::cmp::Reverse(group.series)));
    Ok(groups)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(source: &'static str, series: u64, newest: Option<f64>) -> Arriving {
        Arriving {
            source,
            points_per_second: 0.0,
            series,
            newest,
            listening: None,
            latest: None,
            regular: false,
            target: None,
        }
    }

    #[test]
    fn what_came_before_the_start_is_not_forgotten() {
        let host = || source("host", 300, Some(1e9));
        let check = |arriving: &[Arriving], errors: bool, expected: &str| {
            assert!(who_sends(arriving, errors).contains(expected), "{expected}");
        };
        check(&[host(), source("carbon", 0, None)], false, "watched. Nothing else arrives yet");
        check(
            &[host(), source("carbon", 7, None)],
            false,
            "Nothing else has come since the server was started",
        );
        check(&[source("carbon", 7, None)], false, "Nothing has come since");
        check(&[source("carbon", 0, None)], false, "Nothing arrives yet");
        check(&[host(), source("carbon", 7, Some(1e9))], false, "is fresh");
        check(&[host(), source("carbon", 0, None)], true, "is fresh");
    }
}
