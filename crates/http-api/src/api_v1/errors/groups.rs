//! Groups: lists of them, and everything about one.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use error_tracking::group::Unparted;
use error_tracking::look::{Order, Span, Wanted};
use error_tracking::{Group, Level, Life, Project};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use vocabulary::Timestamp;
use vocabulary::error::EventId;

use super::super::status::off_thread;
use super::links::{self, GroupLinks};
use super::releases::{self, ReleaseItem};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Params, Problem};
use crate::guard::require;
use crate::services::Services;

const USUAL_LIMIT: usize = 100;
const MAX_LIMIT: usize = 10_000;
/// Longer lists have no counts by the hour: each group's are looked up by themselves.
const MAX_WITH_HOURS: usize = 200;
const HOURS: i64 = 24;
const REGRESSED: &str = "regressed";
/// What was done to a group, as far as its page shows it.
const ACTIVITIES: usize = 100;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Which {
    /// Its number or name; left out: all that the caller sees.
    project: Option<String>,
    /// `unresolved`, `resolved` or `ignored`; `regressed`: unresolved, since it came back.
    status: Option<String>,
    /// `debug`, `info`, `warning`, `error` or `fatal`.
    level: Option<String>,
    /// Seen in it.
    release: Option<String>,
    /// Seen in it before any other.
    first_release: Option<String>,
    environment: Option<String>,
    assigned: Option<String>,
    /// It has this tag: `browser:Firefox 121`.
    tag: Option<String>,
    /// In the title or the culprit.
    q: Option<String>,
    /// Seen since then, in seconds since 1970.
    since: Option<i64>,
    /// Seen for the first time since then.
    first_since: Option<i64>,
    /// `last` (the default), `first` or `new`, `count`, `users`.
    sort: Option<String>,
    /// 1 to 10000, usually 100.
    limit: Option<usize>,
    offset: Option<usize>,
}

/// The first eleven are what scripts rely on.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GroupItem {
    pub id: u64,
    pub title: String,
    pub culprit: String,
    pub level: &'static str,
    pub status: &'static str,
    /// Of all events that were accepted, kept or not.
    pub count: u64,
    pub users: u64,
    pub first_seen: i64,
    pub last_seen: i64,
    pub release_first: Option<String>,
    pub environment: Vec<String>,
    /// As people call it: `WEB-12`.
    pub short: String,
    pub project: u64,
    pub project_name: String,
    pub release_last: Option<String>,
    pub assigned: Option<String>,
    /// `exception`, `message`, `security` or `feedback`.
    pub kind: String,
    pub platform: String,
    /// The program did not catch it.
    pub unhandled: bool,
    /// First seen since the newest release was.
    pub is_new_since_deploy: bool,
    /// When it came back after it was resolved, if nobody has said anything of it since.
    pub regressed_at: Option<i64>,
    /// Events in each of the last 24 hours, the present one last; not in lists of more than 200.
    pub hours: Option<Vec<u64>>,
}

/// `newest`: when the newest release of the project was first seen.
pub fn item(group: &Group, project: &Project, newest: Option<Timestamp>, now: Timestamp) -> GroupItem {
    let detail = &group.detail;
    GroupItem {
        id: group.id,
        title: group.title.clone(),
        culprit: group.culprit.clone(),
        level: group.level.word(),
        status: detail.life.word_at(now),
        count: group.count,
        users: group.users.count(),
        first_seen: group.first_seen.0,
        last_seen: group.last_seen.0,
        release_first: detail.first_release.clone(),
        environment: detail.environments.clone(),
        short: project.short(group.number),
        project: group.project,
        project_name: project.name.clone(),
        release_last: detail.last_release.clone(),
        assigned: group.assigned.clone(),
        kind: detail.kind.clone(),
        platform: detail.platform.clone(),
        unhandled: detail.handled == Some(false),
        is_new_since_deploy: newest.is_some_and(|newest| group.first_seen >= newest),
        regressed_at: detail.regressed_at,
        hours: None,
    }
}

impl Which {
    fn wanted(&self, project: Option<u64>) -> Answer<Wanted> {
        // Those that are back are not resolved any more.
        let is_back = self.status.as_deref() == Some(REGRESSED);
        let status = if is_back { Some("unresolved".to_owned()) } else { self.status.clone() };
        if let Some(strange) =
            status.as_ref().filter(|one| !["unresolved", "resolved", "ignored"].contains(&one.as_str()))
        {
            return Err(Problem::bad_request(format!("no group is `{strange}`"))
                .hint("status is unresolved, regressed, resolved or ignored"));
        }
        let level = self.level.as_deref().map(|level| {
            Level::read(level).ok_or_else(|| {
                Problem::bad_request(format!("there is no level `{level}`"))
                    .hint("level is debug, info, warning, error or fatal")
            })
        });
        Ok(Wanted {
            project,
            status,
            is_back,
            level: level.transpose()?,
            environment: self.environment.clone(),
            release: self.release.clone(),
            first_release: self.first_release.clone(),
            assigned: self.assigned.clone(),
            text: self.q.clone().filter(|text| !text.is_empty()),
            seen_since: self.since.map(Timestamp),
            first_seen_since: self.first_since.map(Timestamp),
            tags: self.tag()?.into_iter().collect(),
            order: self.order()?,
            limit: self.limit()?,
            offset: self.offset.unwrap_or(0),
            ..Wanted::default()
        })
    }

    fn tag(&self) -> Answer<Option<(String, String)>> {
        let Some(tag) = &self.tag else { return Ok(None) };
        match tag.split_once(':') {
            Some((key, value)) if !key.is_empty() => Ok(Some((key.to_owned(), value.to_owned()))),
            _ => Err(Problem::bad_request(format!("`{tag}` is no tag with its value"))
                .hint("write tag=NAME:VALUE, such as tag=browser:Firefox 121")),
        }
    }

    fn order(&self) -> Answer<Order> {
        Ok(match self.sort.as_deref() {
            None | Some("last") => Order::LastSeen,
            Some("first" | "new") => Order::FirstSeen,
            Some("count") => Order::Count,
            Some("users") => Order::Users,
            Some(strange) => {
                return Err(Problem::bad_request(format!("groups are not sorted by `{strange}`"))
                    .hint("sort is last, first, new, count or users"));
            }
        })
    }

    fn limit(&self) -> Answer<usize> {
        let limit = self.limit.unwrap_or(USUAL_LIMIT);
        match (1..=MAX_LIMIT).contains(&limit) {
            true => Ok(limit),
            false => Err(Problem::bad_request(format!("limit is 1 to {MAX_LIMIT}"))),
        }
    }
}

#[utoipa::path(get, path = "/errors/groups", params(Which),
    responses((status = 200, body = Vec<GroupItem>), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(which): Params<Which>,
) -> Answer<Json<Vec<GroupItem>>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let groups = found(services, &caller, &which)?;
        items(services, &groups).map(Json)
    })
    .await
}

fn found(services: &Services, caller: &Caller, which: &Which) -> Answer<Vec<Group>> {
    let now = services.clock.now();
    let project =
        which.project.as_deref().map(|named| super::project(services, caller, named)).transpose()?;
    if project.is_some() || caller.scope.is_everything() {
        let wanted = which.wanted(project.map(|project| project.id))?;
        return Ok(services.tracker.list(&wanted, now)?);
    }
    // Of each project of theirs, put together.
    let (offset, limit) = (which.offset.unwrap_or(0), which.limit()?);
    let mut groups = Vec::new();
    for project in services.projects.list() {
        if super::sees(&caller.scope, &project.name) {
            let wanted = which.wanted(Some(project.id))?;
            let wanted = Wanted { limit: offset.saturating_add(limit), offset: 0, ..wanted };
            groups.extend(services.tracker.list(&wanted, now)?);
        }
    }
    let order = which.order()?;
    groups.sort_by_key(|group| {
        let by = match order {
            Order::LastSeen => group.last_seen.0,
            Order::FirstSeen => group.first_seen.0,
            Order::Count => i64::try_from(group.count).unwrap_or(i64::MAX),
            Order::Users => i64::try_from(group.users.count()).unwrap_or(i64::MAX),
        };
        std::cmp::Reverse((by, group.id))
    });
    Ok(groups.into_iter().skip(offset).take(limit).collect())
}

pub fn items(services: &Services, groups: &[Group]) -> Answer<Vec<GroupItem>> {
    let now = services.clock.now();
    let mut newest = std::collections::HashMap::new();
    let mut items = Vec::with_capacity(groups.len());
    for group in groups {
        let Some(project) = services.projects.get(group.project) else { continue };
        let known = match newest.get(&project.id) {
            Some(known) => *known,
            None => {
                let releases = services.tracker.releases(project.id, 1)?;
                let first = releases.first().map(|(_, at)| *at);
                newest.insert(project.id, first);
                first
            }
        };
        let mut one = item(group, &project, known, now);
        if groups.len() <= MAX_WITH_HOURS {
            one.hours = Some(hours(services, group, now)?);
        }
        items.push(one);
    }
    Ok(items)
}

fn hours(services: &Services, group: &Group, now: Timestamp) -> Answer<Vec<u64>> {
    let from = now.0 - now.0.rem_euclid(3_600) - (HOURS - 1) * 3_600;
    let span = Span {
        project: group.project,
        group: Some(group.id),
        step: 3_600,
        from: Timestamp(from),
        until: Timestamp(from + HOURS * 3_600),
        by: None,
        environment: None,
        release: None,
    };
    let mut hours = vec![0; HOURS as usize];
    for slot in services.tracker.counts(&span, now)? {
        if let Some(hour) = usize::try_from((slot.at.0 - from) / 3_600).ok().and_then(|at| hours.get_mut(at))
        {
            *hour += slot.count;
        }
    }
    Ok(hours)
}

#[derive(Serialize, ToSchema)]
pub struct WholeGroup {
    #[serde(flatten)]
    group: GroupItem,
    /// What was decided of it: `"unresolved"`, or `resolved` or `ignored` with by whom and until when.
    #[schema(value_type = Object)]
    life: Value,
    /// What it was called where its project comes from.
    moved_from: Option<String>,
    /// Of those that were counted; null: none of them is known after a split.
    first_event: Option<String>,
    last_event: Option<String>,
    /// What could not be told apart when it was split from other groups, since those events are not kept.
    unparted: Vec<UnpartedItem>,
    links: GroupLinks,
    /// The values of each tag, with their share of the group's events and of all of the project.
    tags: Vec<TagItem>,
    /// What its events are found by, and why.
    hashes: Vec<HashItem>,
    /// Events of it in each release, the newest first.
    releases: Vec<ReleaseItem>,
    activity: Vec<ActivityItem>,
}

#[derive(Serialize, ToSchema)]
pub struct UnpartedItem {
    /// The other one, and as people call it.
    group: u64,
    short: Option<String>,
    /// The other one's events are counted with this group; false: this group's are counted with the other one.
    is_here: bool,
    /// So many events, in their tags, users and counts over time; `count` is right of both.
    events: u64,
    /// So many of this group's users may be only the other one's.
    users: u64,
}

#[derive(Serialize, ToSchema)]
pub struct TagItem {
    key: String,
    values: Vec<TagValue>,
}

#[derive(Serialize, ToSchema)]
pub struct TagValue {
    value: String,
    count: u64,
    last_seen: i64,
    share: f64,
    usual: f64,
}

#[derive(Serialize, ToSchema)]
pub struct HashItem {
    hash: String,
    version: u32,
    count: u64,
    first_seen: i64,
    last_seen: i64,
    /// A tree of `{name, value, counts, hint, parts}`.
    #[schema(value_type = Object)]
    why: Value,
}

#[derive(Serialize, ToSchema)]
pub struct ActivityItem {
    at: i64,
    /// Empty: it happened by itself.
    who: String,
    kind: String,
    text: String,
}

#[utoipa::path(get, path = "/errors/groups/{id}", params(("id" = String, Path)),
    responses((status = 200, body = WholeGroup), (status = 404, body = Problem)))]
pub async fn one(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(named): Path<String>,
) -> Answer<Json<WholeGroup>> {
    require(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let (group, _) = super::group(services, &caller, &named)?;
        whole(services, &group).map(Json)
    })
    .await
}

pub fn whole(services: &Services, group: &Group) -> Answer<WholeGroup> {
    let (now, tracker) = (services.clock.now(), &services.tracker);
    let item = items(services, std::slice::from_ref(group))?.pop().ok_or_else(|| super::unknown(group.id))?;
    let project = services.projects.get(group.project).ok_or_else(|| super::unknown(group.id))?;
    let tags = tracker.tags(group.project, group.id, now)?.into_iter().map(|tag| TagItem {
        key: tag.key,
        values: tag
            .values
            .into_iter()
            .map(|value| TagValue {
                value: value.value,
                count: value.count,
                last_seen: value.last_seen.0,
                share: value.share,
                usual: value.usual,
            })
            .collect(),
    });
    let hashes = tracker.hashes(group.id, now)?.into_iter().map(|hash| HashItem {
        hash: hash.hash,
        version: hash.version,
        count: hash.count,
        first_seen: hash.first_seen.0,
        last_seen: hash.last_seen.0,
        why: hash.why,
    });
    let activity = tracker.activity(group.id, ACTIVITIES, now)?.into_iter().map(|one| ActivityItem {
        at: one.at.0,
        who: one.who,
        kind: one.kind,
        text: one.text,
    });
    Ok(WholeGroup {
        group: item,
        life: life(&group.detail.life),
        moved_from: group.detail.moved_from.clone(),
        first_event: event_named(group.detail.first_event),
        last_event: event_named(group.detail.last_event),
        unparted: unparted(services, &project, group)?,
        links: links::of_group(services, &project, group),
        tags: tags.collect(),
        hashes: hashes.collect(),
        releases: releases::of_group(services, group, None)?,
        activity: activity.collect(),
    })
}

fn event_named(id: EventId) -> Option<String> {
    (!id.is_zero()).then(|| id.to_string())
}

fn unparted(services: &Services, project: &Project, group: &Group) -> Answer<Vec<UnpartedItem>> {
    let item = |one: &Unparted| -> Answer<UnpartedItem> {
        let other = services.tracker.one(one.group)?;
        let short = other.map(|other| project.short(other.number));
        let Unparted { group, is_here, events, users } = *one;
        Ok(UnpartedItem { group, short, is_here, events, users })
    };
    group.detail.unparted.iter().map(item).collect()
}

fn life(life: &Life) -> Value {
    serde_json::to_value(life).unwrap_or_default()
}
