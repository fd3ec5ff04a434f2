//! The newest events of a project, as `sentry-cli events list` reads them.

use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use error_tracking::look::{Order, Wanted};
use error_tracking::{Group, Project};
use serde_json::{Value, json};
use vocabulary::Timestamp;
use vocabulary::error::{EventId, StoredEvent};
use vocabulary::ports::{EventPage, QueryLimits};

use super::{Page, Told, find_project, shapes};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Problem};
use crate::guard::require;
use crate::services::Services;

/// What is older is in the lists of groups: of each page all that is newer is read again.
const NEWEST: usize = 1_000;
/// Bodies of one group that are read at a time: few at first, since there may be many groups.
const FIRST_READ: usize = 4;
const AT_ONCE: usize = 100;
/// The newest event of a group.
pub(super) const FIRST: EventPage = EventPage { before: None, limit: 1 };
/// What an event is made of: as Sentry calls it, and where it is.
const PARTS: [(&str, &str); 5] = [
    ("exception", "exception"),
    ("message", "logentry"),
    ("threads", "threads"),
    ("request", "request"),
    ("breadcrumbs", "breadcrumbs"),
];

pub async fn of_project(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, slug)): Path<(String, String)>,
    uri: Uri,
) -> Told<Response> {
    let page = Page::read(uri.query().unwrap_or_default())?;
    require(&caller, Role::Viewer)?;
    // Many events may have to be looked at for few: as a query, within its time and beside so many others.
    // Many events may have to be looked at for few: as a query, within its time and beside so many others.
    let listed = services.query(move |services, limits| {
        let project = find_project(services, &caller, &slug)?;
        let wanted = Wanted {
            project: Some(project.id),
            order: Order::LastSeen,
            limit: most(page),
            ..Wanted::default()
        };
        let groups = services.tracker.list(&wanted, services.clock.now())?;
        Ok::<_, Problem>(page.cut(newest(services, &project, &groups, page, limits)?))
    });
    let (items, has_more) = listed.await??;
    Ok(page.answer(&uri, items, has_more))
}

/// One more than the page and all before it tells whether there are more.
fn most(page: Page) -> usize {
    page.offset.saturating_add(page.limit).saturating_add(1).min(NEWEST)
}

/// So many of these groups, the newest first; of pages before the one that is wanted nothing but how many they are.
pub(super) fn newest(
    services: &Services,
    project: &Project,
    groups: &[Group],
    page: Page,
    limits: &QueryLimits,
) -> Answer<Vec<Value>> {
    let mut found = Vec::new();
    let read = |at: usize, page: EventPage| -> Answer<Vec<StoredEvent>> {
        limits.over().map_or(Ok(()), Err)?;
        Ok(services.event_log.list(project.id, groups[at].id, page)?)
    };
    merge(groups.iter().map(|group| group.last_seen), most(page), read, |at, event| {
        let before = found.len() < page.offset;
        found.push(if before { Value::Null } else { shown(project, &groups[at], &event)? });
        Ok(())
    })?;
    Ok(found)
}

/// What of a group is the next that was not taken yet. Of one second what was not read may be the newest.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Read(EventId),
    Unread,
}

/// A group, of which no more is read than may be among the newest of all.
struct Run {
    ahead: VecDeque<StoredEvent>,
    before: Option<(Timestamp, EventId)>,
    /// Nothing that was not read is newer; none: all was.
    rest: Option<Timestamp>,
    at_once: usize,
}

impl Run {
    fn until(last_seen: Timestamp) -> Run {
        Run { ahead: VecDeque::new(), before: None, rest: Some(last_seen), at_once: FIRST_READ }
    }

    fn next(&self) -> Option<(Timestamp, Next)> {
        match self.ahead.front() {
            Some(event) => Some((event.key.at, Next::Read(event.key.id))),
            None => self.rest.map(|at| (at, Next::Unread)),
        }
    }

    fn read(&mut self, read: impl FnOnce(EventPage) -> Answer<Vec<StoredEvent>>) -> Answer<()> {
        let events = read(EventPage { before: self.before, limit: self.at_once })?;
        self.before = events.last().map(|last| (last.key.at, last.key.id));
        self.rest = self.before.map(|(at, _)| at);
        self.at_once = (self.at_once * 2).min(AT_ONCE);
        self.ahead.extend(events);
        Ok(())
    }
}

/// The newest of groups that were seen last then, one after the other, each with the place of its group.
fn merge(
    last_seen: impl Iterator<Item = Timestamp>,
    most: usize,
    mut read: impl FnMut(usize, EventPage) -> Answer<Vec<StoredEvent>>,
    mut take: impl FnMut(usize, StoredEvent) -> Answer<()>,
) -> Answer<()> {
    let mut runs: Vec<Run> = last_seen.map(Run::until).collect();
    let place = |at: usize, run: &Run| run.next().map(|(when, next)| (when, next, at));
    let mut places: BinaryHeap<_> = runs.iter().enumerate().filter_map(|(at, run)| place(at, run)).collect();
    let mut left = most;
    while let Some((_, next, at)) = places.pop().filter(|_| left > 0) {
        let run = &mut runs[at];
        if next == Next::Unread {
            run.read(|page| read(at, page))?;
        } else if let Some(event) = run.ahead.pop_front() {
            take(at, event)?;
            left -= 1;
        }
        places.extend(place(at, &runs[at]));
    }
    Ok(())
}

fn shown(project: &Project, group: &Group, event: &StoredEvent) -> Answer<Value> {
    let body: Value = serde_json::from_slice(&event.body).map_err(Problem::internal)?;
    let user = body.get("user").filter(|user| user.is_object()).map(user_of);
    let tag = |(key, value): (&String, &Value)| json!({"key": key, "value": text(value)});
    let tags = body.get("tags").and_then(Value::as_object);
    let id = event.key.id.to_string();
    Ok(json!({"id": id, "eventID": id, "groupID": group.id.to_string(), "projectID": project.id.to_string(),
        "title": group.title, "message": body.pointer("/logentry/formatted"), "culprit": group.culprit,
        "platform": body.get("platform"), "dateCreated": shapes::time(event.key.at), "user": user,
        "tags": tags.map_or_else(Vec::new, |tags| tags.iter().map(tag).collect())}))
}

/// With what is in it, by Sentry's names of the parts.
pub(super) fn whole(project: &Project, group: &Group, event: &StoredEvent) -> Answer<Value> {
    let body: Value = serde_json::from_slice(&event.body).map_err(Problem::internal)?;
    let part = |(kind, key): &(&str, &str)| Some(json!({"type": kind, "data": body.get(*key)?}));
    let mut shown = shown(project, group, event)?;
    shown["entries"] = PARTS.iter().filter_map(part).collect();
    for key in ["contexts", "release", "dist", "sdk", "environment", "errors"] {
        shown[key] = body.get(key).cloned().unwrap_or_default();
    }
    Ok(shown)
}

fn user_of(user: &Value) -> Value {
    let part = |name: &str| user.get(name).map(text);
    json!({"id": part("id"), "email": part("email"), "username": part("username"), "ip_address": part("ip_address"),
        "name": part("name")})
}

/// Clients send numbers too.
fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use vocabulary::error::EventKey;

    use super::*;

    /// Of so many groups; event `n` is of group `n % groups`, and the newest has the highest number.
    fn newest_of(groups: u64, events: u64, most: usize) -> (Vec<u64>, usize) {
        let event = |number: u64| {
            let id = EventId(u128::from(number).to_be_bytes());
            let key = EventKey { project: 1, group: number % groups, at: Timestamp(number as i64 / 7), id };
            StoredEvent { number, key, user: None, body: Vec::new() }
        };
        let (mut found, mut read) = (Vec::new(), 0);
        let last_seen = (0..groups).map(|group| event(events - groups + group).key.at);
        let list = |at: usize, page: EventPage| {
            let of_group = (0..events).rev().map(event).filter(|one| one.key.group == at as u64);
            let older =
                of_group.filter(|one| page.before.is_none_or(|before| (one.key.at, one.key.id) < before));
            let page: Vec<StoredEvent> = older.take(page.limit).collect();
            read += page.len();
            Ok(page)
        };
        let merged = merge(last_seen, most, list, |at, event| {
            assert_eq!(event.key.group, at as u64);
            found.push(event.number);
            Ok(())
        });
        assert!(merged.is_ok());
        (found, read)
    }

    #[test]
    fn of_many_groups_no_more_is_read_than_may_be_among_the_newest() {
        let (found, read) = newest_of(50, 20_000, 300);
        assert_eq!(found, (19_700..20_000).rev().collect::<Vec<_>>());
        assert!(read <= 2 * 300 + 50 * FIRST_READ, "{read}");
        let (found, read) = newest_of(50, 20_000, 5);
        assert_eq!(found, (19_995..20_000).rev().collect::<Vec<_>>());
        assert!(read <= 14 * FIRST_READ, "{read}");
        assert_eq!(newest_of(3, 30, 300), ((0..30).rev().collect(), 30));
    }
}
