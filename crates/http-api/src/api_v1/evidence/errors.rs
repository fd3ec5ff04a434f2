//! Errors of the time of an incident: what was new then, came back, or came far more often than before is often its reason.

use std::collections::BTreeMap;

use error_tracking::look::{Order, Span as Counted, Wanted};
use error_tracking::{Group, Project};
use serde::Serialize;
use utoipa::ToSchema;
use vocabulary::Timestamp;
use vocabulary::ports::Scope;

use super::Span;
use crate::answer::Answer;
use crate::api_v1::errors::sees;
use crate::services::Services;

const MOST: usize = 20;
/// Of each project, by when they were seen last.
const MOST_LOOKED_AT: usize = 200;
/// Groups of which it is counted how often they came: the ones that come most often at all.
const MOST_COUNTED: usize = 20;
/// So many times what came in a time of the same length before it is a spike, if it is so many events.
const SPIKE_FACTOR: u64 = 3;
const SPIKE_EVENTS: u64 = 10;
/// Counts by the minute are kept for two days.
const BY_MINUTES_SECONDS: i64 = 86_400;

#[derive(Serialize, ToSchema)]
pub struct ErrorThen {
    id: u64,
    /// As people call it: `WEB-12`.
    short: String,
    project: String,
    title: String,
    level: &'static str,
    /// `new`, `back` or `spike`.
    why: &'static str,
    /// When it was new or came back; of a spike, when the window begins.
    at: i64,
    /// Events in the window.
    count: u64,
}

/// Of the projects that the caller sees: what is new first, then what is back, then the spikes.
pub fn found(services: &Services, scope: &Scope, window: &Span, now: Timestamp) -> Answer<Vec<ErrorThen>> {
    let mut found = Vec::new();
    for project in services.projects.list().iter().filter(|project| sees(scope, &project.name)) {
        of_project(services, project, window, now, &mut found)?;
    }
    let order = |why| ["new", "back", "spike"].iter().position(|known| *known == why);
    found.sort_by_key(|one| (order(one.why), std::cmp::Reverse(one.count)));
    found.truncate(MOST);
    Ok(found)
}

fn of_project(
    services: &Services,
    project: &Project,
    window: &Span,
    now: Timestamp,
    found: &mut Vec<ErrorThen>,
) -> Answer<()> {
    let wanted = |first_since, order, limit| Wanted {
        project: Some(project.id),
        seen_since: Some(Timestamp(window.from)),
        first_seen_since: first_since,
        order,
        limit,
        ..Wanted::default()
    };
    let tracker = &services.tracker;
    let mut groups: BTreeMap<u64, Group> = BTreeMap::new();
    let new = wanted(Some(Timestamp(window.from)), Order::FirstSeen, MOST_LOOKED_AT);
    let last = wanted(None, Order::LastSeen, MOST_LOOKED_AT);
    let often = wanted(None, Order::Count, MOST_COUNTED);
    for (wanted, counts) in [(new, false), (last, false), (often, true)] {
        for group in tracker.list(&wanted, now)? {
            if groups.contains_key(&group.id) {
                continue;
            }
            let event = event_of(&group, window);
            if event.is_some() || counts {
                groups.insert(group.id, group);
            }
        }
    }
    for group in groups.values() {
        let count = events(services, group, window.from, window.until, now)?;
        let why = match event_of(group, window) {
            Some(event) => Some(event),
            None => is_spike(services, group, window, count, now)?.then_some(("spike", window.from)),
        };
        let Some((why, at)) = why else { continue };
        found.push(ErrorThen {
            id: group.id,
            short: project.short(group.number),
            project: project.name.clone(),
            title: group.title.clone(),
            level: group.level.word(),
            why,
            at,
            count,
        });
    }
    Ok(())
}

/// What became of it in the window.
fn event_of(group: &Group, window: &Span) -> Option<(&'static str, i64)> {
    let within = |at: i64| (window.from..=window.until).contains(&at);
    if within(group.first_seen.0) {
        return Some(("new", group.first_seen.0));
    }
    group.detail.regressed_at.filter(|at| within(*at)).map(|at| ("back", at))
}

fn is_spike(services: &Services, group: &Group, window: &Span, count: u64, now: Timestamp) -> Answer<bool> {
    if count < SPIKE_EVENTS {
        return Ok(false);
    }
    let length = window.until - window.from;
    let before = events(services, group, window.from - length, window.from, now)?;
    Ok(count >= before.saturating_mul(SPIKE_FACTOR))
}

fn events(services: &Services, group: &Group, from: i64, until: i64, now: Timestamp) -> Answer<u64> {
    let step = if now.0 - from < BY_MINUTES_SECONDS { 60 } else { 3_600 };
    let span = Counted {
        project: group.project,
        group: Some(group.id),
        step,
        from: Timestamp(from - from.rem_euclid(step)),
        until: Timestamp(until + 1),
        by: None,
        environment: None,
        release: None,
    };
    Ok(services.tracker.counts(&span, now)?.iter().map(|slot| slot.count).sum())
}
