//! What the events of a group differ in: tags, as counted of all events; extras and other fields, over those that are kept.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use error_tracking::Group;
use error_tracking::facet::{Facet, Keys};
use error_tracking::look::TagShares;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::error::StoredEvent;
use vocabulary::ports::EventPage;

use super::super::status::off_thread;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Params, Problem};
use crate::guard::require;
use crate::services::Services;

/// Events in which fields are looked for, and over which one is counted.
const SAMPLE: usize = 100;
const MOST_EVENTS: usize = 5_000;
const MOST_BYTES: usize = 64 << 20;
/// Read at a time: 100 KB each.
const PAGE: usize = 100;
const USUAL_LIMIT: usize = 100;
const MAX_LIMIT: usize = 10_000;
/// The value of a tag that stands for those beyond the bound.
const OTHER: &str = "other";

#[derive(Serialize, ToSchema)]
pub struct FacetKeys {
    /// So many of the newest were looked at for what is no tag.
    events: u64,
    facets: Vec<FacetKey>,
}

#[derive(Serialize, ToSchema)]
pub struct FacetKey {
    key: String,
    /// How many have it.
    events: u64,
    /// Different ones.
    values: u64,
    /// Counted over all events, kept or not.
    exact: bool,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Values: 1 to 10000, usually 100.
    limit: Option<usize>,
}

#[derive(Serialize, ToSchema)]
pub struct FacetCounts {
    key: String,
    /// Counted over all events, kept or not.
    exact: bool,
    /// So many were looked at; of them those without it.
    events: u64,
    without: u64,
    /// Of values that are too many to be told apart, or beyond the limit.
    other: u64,
    values: Vec<FacetItem>,
}

#[derive(Serialize, ToSchema)]
pub struct FacetItem {
    value: String,
    count: u64,
    /// Of the events that have it.
    share: f64,
    /// Of the project's; of tags only.
    usual: Option<f64>,
    users: Option<u64>,
    last_seen: i64,
    /// The newest that has it, to be looked at.
    event: Option<String>,
}

#[utoipa::path(get, path = "/errors/groups/{id}/facets", params(("id" = String, Path)),
    responses((status = 200, body = FacetKeys), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(named): Path<String>,
) -> Answer<Json<FacetKeys>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let (group, _) = super::group(services, &caller, &named)?;
        let tags = services.tracker.tags(group.project, group.id, services.clock.now())?;
        let mut facets: Vec<FacetKey> = tags.into_iter().map(of_tag).collect();
        let (mut keys, mut events) = (Keys::default(), 0);
        each_kept(services, &group, SAMPLE, |event| {
            events += 1;
            keys.add(event);
        })?;
        for (key, events, values) in keys.all() {
            if facets.iter().all(|tag| tag.key != key) {
                facets.push(FacetKey { key: key.to_owned(), events, values, exact: false });
            }
        }
        Ok(Json(FacetKeys { events, facets }))
    })
    .await
}

fn of_tag(tag: TagShares) -> FacetKey {
    let events = tag.values.iter().map(|value| value.count).sum();
    FacetKey { events, values: tag.values.len() as u64, key: tag.key, exact: true }
}

#[utoipa::path(get, path = "/errors/groups/{id}/facets/{key}", params(("id" = String, Path), ("key" = String, Path), Which),
    responses((status = 200, body = FacetCounts), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn one(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((named, key)): Path<(String, String)>,
    Params(which): Params<Which>,
) -> Answer<Json<FacetCounts>> {
    require(&caller, Role::Viewer)?;
    let limit = which.limit.unwrap_or(USUAL_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(Problem::bad_request(format!("limit is 1 to {MAX_LIMIT}")));
    }
    off_thread(&services, move |services| {
        let (group, _) = super::group(services, &caller, &named)?;
        let tags = services.tracker.tags(group.project, group.id, services.clock.now())?;
        let counts = match tags.into_iter().find(|tag| tag.key == key) {
            Some(tag) => counted(&group, tag),
            None => looked_for(services, &group, key)?,
        };
        Ok(Json(counts.within(limit)))
    })
    .await
}

/// A tag, over all events.
fn counted(group: &Group, tag: TagShares) -> FacetCounts {
    let all: u64 = tag.values.iter().map(|value| value.count).sum();
    let (other, values): (Vec<_>, Vec<_>) = tag.values.into_iter().partition(|value| value.value == OTHER);
    let item = |value: error_tracking::look::TagShare| FacetItem {
        value: value.value,
        count: value.count,
        share: value.share,
        usual: Some(value.usual),
        users: None,
        last_seen: value.last_seen.0,
        event: None,
    };
    FacetCounts {
        key: tag.key,
        exact: true,
        events: group.count,
        without: group.count.saturating_sub(all),
        other: other.iter().map(|value| value.count).sum(),
        values: values.into_iter().map(item).collect(),
    }
}

/// Any field, over what is kept.
fn looked_for(services: &Services, group: &Group, key: String) -> Answer<FacetCounts> {
    let mut facet = Facet::default();
    each_kept(services, group, MOST_EVENTS, |event| facet.add(&key, event))?;
    let with = facet.events - facet.without;
    let values = facet.values();
    if values.is_empty() {
        let why = format!("none of the {} newest events that are kept has `{key}`", facet.events);
        return Err(Problem::not_found(why).hint("GET /api/v1/errors/groups/ID/facets lists what they have"));
    }
    let item = |value: error_tracking::facet::FacetValue| FacetItem {
        value: value.value,
        count: value.count,
        share: value.count as f64 / with.max(1) as f64,
        usual: None,
        users: Some(value.users),
        last_seen: value.last_seen.0,
        event: Some(value.event.to_string()),
    };
    Ok(FacetCounts {
        exact: false,
        events: facet.events,
        without: facet.without,
        other: facet.other,
        values: values.into_iter().map(item).collect(),
        key,
    })
}

impl FacetCounts {
    fn within(mut self, limit: usize) -> FacetCounts {
        let beyond = self.values.split_off(limit.min(self.values.len()));
        self.other += beyond.iter().map(|value| value.count).sum::<u64>();
        self
    }
}

/// The newest first, until it is enough.
pub fn each_kept(
    services: &Services,
    group: &Group,
    most: usize,
    mut see: impl FnMut(&StoredEvent),
) -> Answer<()> {
    let (mut before, mut left, mut bytes) = (None, most, 0);
    while left > 0 && bytes < MOST_BYTES {
        let page = EventPage { before, limit: left.min(PAGE) };
        let events = services.event_log.list(group.project, group.id, page)?;
        let Some(last) = events.last() else { break };
        before = Some((last.key.at, last.key.id));
        left -= events.len().min(left);
        bytes += events.iter().map(|event| event.body.len()).sum::<usize>();
        events.iter().for_each(&mut see);
    }
    Ok(())
}
