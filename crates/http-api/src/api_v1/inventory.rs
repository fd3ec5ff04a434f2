//! What arrives: hosts and prefixes, and which of them nobody watches.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use monitors::services::inventory::{Inventory, Prefix, Thing, Watchers};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::accounts::Caller;
use crate::answer::{Answer, Params};
use crate::estate::Estate;
use crate::services::Services;

/// What was silent for so long does not arrive any more.
const SILENT_AFTER_SECONDS: i64 = 86_400;
/// Of each list, unless asked for more or fewer.
const USUAL_LIMIT: usize = 1_000;
const MAX_LIMIT: usize = 20_000;
/// Unwatched parts of a prefix that are named.
const MAX_PARTS_NAMED: usize = 12;

#[derive(Deserialize, IntoParams)]
pub struct How {
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub struct InventoryAnswer {
    now: i64,
    hosts: Listed<HostItem>,
    prefixes: Listed<PrefixItem>,
    /// Series of hosts and prefixes beyond those that are told apart.
    beyond: u64,
}

#[derive(Serialize, ToSchema)]
struct Listed<T> {
    /// Unwatched first, of these the newest first; then by name.
    items: Vec<T>,
    arriving: usize,
    unwatched: usize,
    /// Without a point for a day: neither arriving nor unwatched.
    silent: usize,
}

#[derive(Serialize, ToSchema)]
struct HostItem {
    name: String,
    /// What brings its points: host, collectd, tag, agent
    sources: Vec<&'static str>,
    series: u64,
    /// When its first series came.
    since: Option<i64>,
    newest: Option<i64>,
    /// Up to three names of monitors and checks.
    watched_by: Vec<String>,
    services: Vec<String>,
}

/// A first node of names, and how much of what is below it is watched.
#[derive(Serialize, ToSchema)]
struct PrefixItem {
    name: String,
    series: u64,
    since: Option<i64>,
    newest: Option<i64>,
    parts: usize,
    watched: usize,
    /// Some of those that nobody watches.
    unwatched_parts: Vec<String>,
    watched_by: Vec<String>,
    services: Vec<String>,
}

#[utoipa::path(get, path = "/inventory", params(How), responses((status = 200, body = InventoryAnswer)))]
pub async fn inventory(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(how): Params<How>,
) -> Answer<Json<InventoryAnswer>> {
    super::watched::sees(&caller)?;
    let limit = how.limit.unwrap_or(USUAL_LIMIT).min(MAX_LIMIT);
    let answer = services.query(move |services, _| {
        let now = services.clock.now();
        let inventory = services.inventories.of(services.control.as_ref(), &caller.scope, now);
        let estate = Estate::of(services);
        let gather = Gather { services, estate: &estate, now: now.0 };
        InventoryAnswer {
            now: now.0,
            hosts: listed(gather.hosts(&inventory), limit, now.0),
            prefixes: listed(gather.prefixes(&inventory), limit, now.0),
            beyond: inventory.beyond,
        }
    });
    Ok(Json(answer.await?))
}

struct Gather<'g> {
    services: &'g Services,
    estate: &'g Estate,
    now: i64,
}

impl Gather<'_> {
    fn hosts(&self, inventory: &Inventory) -> Vec<HostItem> {
        let mut hosts: Vec<HostItem> =
            inventory.hosts.iter().map(|(name, thing)| self.host(name, thing)).collect();
        for agent in self.services.agents.statuses(self.now as f64) {
            let newest = agent.newest.map(|newest| newest.0);
            match hosts.iter_mut().find(|host| host.name == agent.name) {
                Some(host) => host.sources.push("agent"),
                // It is there, though nothing that it sent is called after it.
                None => hosts.push(HostItem {
                    sources: vec!["agent"],
                    since: agent.heard_since.map(|since| since as i64),
                    newest,
                    ..self.host(&agent.name, &Thing::default())
                }),
            }
        }
        hosts
    }

    fn host(&self, name: &str, thing: &Thing) -> HostItem {
        let (since, newest) = self.times(thing);
        HostItem {
            name: name.to_owned(),
            sources: thing.sources.clone(),
            series: thing.series,
            since,
            newest,
            watched_by: owned(self.estate.watchers.of_host(name)),
            services: owned(self.estate.services.of_host(name)),
        }
    }

    fn prefixes(&self, inventory: &Inventory) -> Vec<PrefixItem> {
        inventory.prefixes.iter().map(|(title, prefix)| self.prefix(title, prefix)).collect()
    }

    fn prefix(&self, title: &str, prefix: &Prefix) -> PrefixItem {
        let watchers: &Watchers = &self.estate.watchers;
        let of_parts = prefix.parts.keys().map(|part| (part, watchers.of_part(title, part)));
        let (watched, unwatched): (Vec<_>, Vec<_>) = of_parts.partition(|(_, watchers)| !watchers.is_empty());
        let mut watched_by =
            owned(watched.iter().flat_map(|(_, watchers)| watchers.iter().copied()).collect());
        watched_by.sort_unstable();
        watched_by.dedup();
        watched_by.truncate(3);
        let times: Vec<_> = prefix.parts.values().map(|thing| self.times(thing)).collect();
        let named = unwatched.iter().map(|(part, _)| part.as_str()).filter(|part| !part.is_empty());
        PrefixItem {
            name: title.to_owned(),
            series: prefix.series,
            since: times.iter().filter_map(|(since, _)| *since).min(),
            newest: times.iter().filter_map(|(_, newest)| *newest).max(),
            parts: prefix.parts.len(),
            watched: watched.len(),
            unwatched_parts: named.take(MAX_PARTS_NAMED).map(str::to_owned).collect(),
            watched_by,
            services: owned(self.estate.services.of_title(title)),
        }
    }

    /// When it began, and its newest point.
    fn times(&self, thing: &Thing) -> (Option<i64>, Option<i64>) {
        let known: Vec<_> =
            thing.examples.iter().filter_map(|series| self.services.source.describe(*series)).collect();
        let newest = known.iter().filter_map(|info| info.last_point).max();
        (known.iter().map(|info| info.created.0).min(), newest.map(|at| at.0))
    }
}

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

trait Item {
    fn is_watched(&self) -> bool;
    fn since(&self) -> Option<i64>;
    fn newest(&self) -> Option<i64>;
}

impl Item for HostItem {
    fn is_watched(&self) -> bool {
        !self.watched_by.is_empty()
    }
    fn since(&self) -> Option<i64> {
        self.since
    }
    fn newest(&self) -> Option<i64> {
        self.newest
    }
}

impl Item for PrefixItem {
    fn is_watched(&self) -> bool {
        self.watched > 0
    }
    fn since(&self) -> Option<i64> {
        self.since
    }
    fn newest(&self) -> Option<i64> {
        self.newest
    }
}

fn listed<T: Item>(items: Vec<T>, limit: usize, now: i64) -> Listed<T> {
    let (mut items, silent): (Vec<T>, Vec<T>) =
        items.into_iter().partition(|item| item.newest().is_some_and(|at| now - at < SILENT_AFTER_SECONDS));
    let (arriving, unwatched) = (items.len(), items.iter().filter(|item| !item.is_watched()).count());
    // They come by name, and the order is a stable one.
    items.sort_by_key(|item| (item.is_watched(), std::cmp::Reverse(item.since())));
    items.truncate(limit);
    Listed { items, arriving, unwatched, silent: silent.len() }
}
