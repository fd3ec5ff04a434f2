//! What arrives, worst first, and the host at a glance: useful without any set-up.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;
use vocabulary::ports::{FindQuery, Node, QueryLimits, Scope};
use vocabulary::{Timestamp, ValueKind};

use crate::accounts::Caller;
use crate::answer::Answer;
use crate::control::{Health, Panel, State as HealthState};
use crate::guess::{self, Level};
use crate::levels::{self, LevelRule};
use crate::services::Services;

const MAX_GROUPS: usize = 24;
/// Nodes of one level that are looked at; wider levels are cut.
const MAX_NODES: usize = 2_000;
/// Sparklines of a group.
const MAX_TARGETS: usize = 3;
/// A source that is silent for longer counts as stale.
const STALE_AFTER_SECONDS: f64 = 60.0;

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

/// One way in: StatsD, Carbon, the host.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Arriving {
    pub source: &'static str,
    pub points_per_second: f64,
    pub series: u64,
    pub newest: Option<f64>,
    pub listening: Option<String>,
    /// The newest series of this source.
    pub latest: Option<String>,
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
    services.query(move |services, limits| gather(services, &caller.scope, limits)).await?.map(Json)
}

fn gather(services: &Services, scope: &Scope, limits: &QueryLimits) -> Answer<Home> {
    let now = services.clock.since_epoch().as_secs_f64();
    let health = services.control.health();
    let arriving = services.control.arriving();
    let newest = arriving
        .iter()
        .filter_map(|source| source.newest)
        .fold(None, |a: Option<f64>, b| Some(a.map_or(b, |a| a.max(b))));
    let identity = services.control.identity();
    Ok(Home {
        sentence: sentence(&health, &arriving, now),
        newest_point_age: newest.map(|newest| (now - newest).max(0.0)),
        host: Host { name: identity.host, panels: services.control.host_panels() },
        groups: groups(services, scope, limits)?,
        arriving,
    })
}

/// Is it broken, since when? Until monitors exist this is about the data itself: does it arrive, is any lost?
fn sentence(health: &Health, arriving: &[Arriving], now: f64) -> Sentence {
    let since = health.since;
    if health.state > HealthState::Ok {
        return Sentence { state: health.state, text: health.sentence.clone(), since };
    }
    let silent: Vec<&str> = arriving
        .iter()
        .filter(|source| source.newest.is_some_and(|newest| now - newest > STALE_AFTER_SECONDS))
        .map(|source| title(source.source))
        .collect();
    if !silent.is_empty() {
        let text = format!("Nothing has come from {} for more than a minute.", silent.join(" and "));
        return Sentence { state: HealthState::Warning, text, since: None };
    }
    let senders =
        arriving.iter().filter(|source| source.newest.is_some() && source.source != "bellwether").count();
    let text = match senders {
        0 => "Nothing arrives yet.".to_owned(),
        1 if arriving.iter().any(|source| source.source == "host" && source.newest.is_some()) => {
            "This host is watched. Nothing else arrives yet.".to_owned()
        }
        _ => "Everything that arrives is fresh, and nothing was lost.".to_owned(),
    };
    Sentence { state: HealthState::Ok, text, since }
}

fn title(source: &str) -> &str {
    match source {
        "statsd" => "StatsD",
        "carbon" => "Carbon",
        "host" => "this host's collector",
        other => other,
    }
}

fn groups(services: &Services, scope: &Scope, limits: &QueryLimits) -> Answer<Vec<Group>> {
    let rules = levels::load(&services.state)?;
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for prefix in roots(services, scope)? {
        for (branch, leaf) in children(services, scope, &prefix)? {
            let name = if prefix.is_empty() { branch.clone() } else { format!("{prefix}.{branch}") };
            found.entry(branch).or_default().push(if leaf { name } else { format!("{name}.**") });
        }
    }
    let mut groups = Vec::new();
    for (title, patterns) in found {
        if groups.len() >= MAX_GROUPS || limits.over().is_some() {
            break;
        }
        groups.extend(group(services, scope, &rules, title, &patterns)?);
    }
    groups.sort_by_key(|group| (group.level != Level::Business, std::cmp::Reverse(group.series)));
    Ok(groups)
}

/// Where names of people's own begin: at the top, and below what StatsD puts in front.
fn roots(services: &Services, scope: &Scope) -> Answer<Vec<String>> {
    const STATSD: [&str; 7] =
        ["stats", "stats.timers", "stats.gauges", "stats.sets", "stats.counters", "stats_counts", "statsd"];
    let mut roots = vec![String::new()];
    for root in STATSD {
        let query = FindQuery { pattern: root, kind: ValueKind::Number, scope, limit: MAX_NODES };
        if !services.source.find(&query)?.is_empty() {
            roots.push(root.to_owned());
        }
    }
    Ok(roots)
}

/// The nodes below a prefix that are not known roots: (node, is a series).
fn children(services: &Services, scope: &Scope, prefix: &str) -> Answer<Vec<(String, bool)>> {
    const NOT_GROUPS: [&str; 11] = [
        "host",
        "bellwether",
        "stats",
        "stats_counts",
        "statsd",
        "timers",
        "gauges",
        "sets",
        "counters",
        "carbon",
        "collectd",
    ];
    let pattern = if prefix.is_empty() { "*".to_owned() } else { format!("{prefix}.*") };
    let query = FindQuery { pattern: &pattern, kind: ValueKind::Number, scope, limit: usize::MAX };
    let nodes = services.source.find(&query)?.into_iter().take(MAX_NODES).map(|node| match node {
        Node::Branch { path } => (path, false),
        Node::Leaf(found) => (found.name.to_string(), true),
    });
    let nodes = nodes.map(|(path, leaf)| (path.rsplit('.').next().unwrap_or_default().to_owned(), leaf));
    Ok(nodes.filter(|(node, _)| !NOT_GROUPS.contains(&node.as_str())).collect())
}

fn group(
    services: &Services,
    scope: &Scope,
    rules: &[LevelRule],
    title: String,
    patterns: &[String],
) -> Answer<Option<Group>> {
    let mut names: Vec<String> = Vec::new();
    let mut newest: Option<Timestamp> = None;
    for pattern in patterns {
        let query = FindQuery { pattern, kind: ValueKind::Number, scope, limit: usize::MAX };
        for node in services.source.find(&query)?.into_iter().take(MAX_NODES) {
            let Node::Leaf(found) = node else { continue };
            let last = services.source.describe(found.series).and_then(|info| info.last_point);
            newest = newest.max(last);
            names.push(found.name.to_string());
        }
    }
    let Some(first) = names.first().cloned() else { return Ok(None) };
    let series = names.len() as u64;
    names.sort_by_key(|name| (std::cmp::Reverse(worth(name)), name.len()));
    names.dedup_by_key(|name| subject(name).to_owned());
    names.truncate(MAX_TARGETS);
    let now = services.clock.since_epoch().as_secs_f64();
    let best = names.first().unwrap_or(&first);
    Ok(Some(Group {
        prefix: patterns[0].trim_end_matches(".**").to_owned(),
        level: levels::of(rules, best),
        unit: guess::unit(best),
        age: newest.map(|newest| (now - newest.0 as f64).max(0.0)),
        title,
        series,
        targets: names,
    }))
}

/// What a sparkline says something with: failures first, then how long things take, then how many there are.
fn worth(name: &str) -> u32 {
    let last = name.rsplit('.').next().unwrap_or_default();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    let noise = ["sum_squares", "std", "lower", "median", "count_", "sum_", "mean_", "stats_counts."];
    if noise.iter().any(|word| last.starts_with(word) || name.starts_with(word)) {
        return 0;
    }
    match last {
        _ if has(&["error", "fail", "exception", "5xx"]) => 5,
        last if last.starts_with("upper_") || last.starts_with("p9") => 4,
        "count_ps" | "rate" | "m1_rate" => 3,
        _ if !name.contains(".timers.") => 2,
        _ => 1,
    }
}

/// The thing that a series is about, without which of its numbers it is.
fn subject(name: &str) -> &str {
    match name.contains(".timers.") {
        true => name.rsplit_once('.').map_or(name, |(thing, _)| thing),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_and_percentiles_come_first() {
        let mut names = [
            "stats.timers.a.mean",
            "stats.timers.a.upper_90",
            "stats.a.failed",
            "stats.timers.a.sum_squares",
        ];
        names.sort_by_key(|name| std::cmp::Reverse(worth(name)));
        assert_eq!(
            names,
            [
                "stats.a.failed",
                "stats.timers.a.upper_90",
                "stats.timers.a.mean",
                "stats.timers.a.sum_squares"
            ]
        );
    }
}
