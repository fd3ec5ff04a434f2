//! All events of one cause: what is known of them together.

use serde::{Deserialize, Serialize};
use state_store::Row;
use vocabulary::Timestamp;
use vocabulary::error::EventId;

use crate::event::{Digested, Level};
use crate::life::Life;
use crate::limits::{MAX_ENVIRONMENTS_PER_GROUP, MAX_NAME, MAX_UNPARTED, cut};
use crate::pending::OTHER;
use crate::release::Releases;
use crate::users::Users;

#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    pub id: u64,
    pub project: u64,
    /// Within its project: `WEB-12`.
    pub number: u64,
    pub title: String,
    pub culprit: String,
    pub level: Level,
    pub first_seen: Timestamp,
    pub last_seen: Timestamp,
    /// Of all events that were accepted, kept or not.
    pub count: u64,
    pub users: Users,
    pub assigned: Option<String>,
    pub detail: Detail,
    /// Hashes that lead to it.
    pub(crate) hashes: usize,
    /// When it was last asked for, as the tracker counts.
    pub(crate) used: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Detail {
    pub life: Life,
    pub kind: String,
    /// What it was called where the project comes from.
    pub moved_from: Option<String>,
    pub platform: String,
    pub handled: Option<bool>,
    pub first_release: Option<String>,
    pub last_release: Option<String>,
    pub environments: Vec<String>,
    pub first_event: EventId,
    pub last_event: EventId,
    /// When it came back after it was resolved, if nobody has said anything of it since.
    pub regressed_at: Option<i64>,
    /// What could not be told apart when it was split from others.
    pub unparted: Vec<Unparted>,
}

/// Events that were gone when two groups were split are told apart by their number alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Unparted {
    /// The other one.
    pub group: u64,
    /// The other one's are counted with this group; false: this group's are counted with the other one.
    pub is_here: bool,
    /// So many events, in their tags, users, and counts over time.
    pub events: u64,
    /// So many of this group's users may be only the other one's.
    pub users: u64,
}

/// What of an event its group is changed by.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub group: u64,
    pub project: u64,
    pub id: EventId,
    pub at: Timestamp,
    pub level: Level,
    pub release: Option<String>,
    pub environment: Option<String>,
    pub user: Option<u64>,
    pub title: String,
    pub culprit: String,
    pub tags: Vec<(String, String)>,
    pub hash: Option<crate::event::HashValue>,
}

impl Mark {
    pub fn of(event: &Digested, group: u64) -> Mark {
        Mark {
            group,
            project: event.project,
            id: event.event_id,
            at: event.at,
            level: event.level,
            release: event.release.clone(),
            environment: event.environment.clone(),
            user: event.user.as_ref().map(|user| user.hash),
            title: event.title.clone(),
            culprit: event.culprit.clone(),
            tags: event.tags.clone(),
            hash: event.hashes.first().map(|hash| hash.value),
        }
    }
}

impl Group {
    pub(crate) fn new(id: u64, number: u64, event: &Digested) -> Group {
        Group {
            id,
            project: event.project,
            number,
            title: event.title.clone(),
            culprit: event.culprit.clone(),
            level: event.level,
            first_seen: event.at,
            last_seen: event.at,
            count: 0,
            users: Users::default(),
            assigned: event.owner.as_deref().map(|owner| cut(owner, MAX_NAME).to_owned()),
            detail: Detail {
                kind: event.kind.word().to_owned(),
                platform: event.platform.clone(),
                handled: event.handled,
                first_event: event.event_id,
                last_event: event.event_id,
                ..Detail::default()
            },
            hashes: 0,
            used: 0,
        }
    }

    /// One more. What it is known by is of the newest event; so is how bad it is.
    pub(crate) fn count(&mut self, mark: &Mark, releases: &Releases) {
        self.count += 1;
        if let Some(user) = mark.user {
            self.users.add(user);
        }
        if mark.at >= self.last_seen {
            self.title.clone_from(&mark.title);
            self.culprit.clone_from(&mark.culprit);
            self.level = mark.level;
            self.detail.last_event = mark.id;
        }
        if mark.at < self.first_seen {
            self.detail.first_event = mark.id;
        }
        self.first_seen = self.first_seen.min(mark.at);
        self.last_seen = self.last_seen.max(mark.at);
        self.detail.seen_in(mark, releases);
    }

    /// Another group's events are this one's from now on.
    pub(crate) fn absorb(&mut self, other: &Group, releases: &Releases) {
        self.count += other.count;
        self.users.join(&other.users);
        self.hashes += other.hashes;
        if other.first_seen < self.first_seen {
            self.first_seen = other.first_seen;
            self.detail.first_event = other.detail.first_event;
        }
        if other.last_seen > self.last_seen {
            self.last_seen = other.last_seen;
            self.detail.last_event = other.detail.last_event;
        }
        for release in [&other.detail.first_release, &other.detail.last_release].into_iter().flatten() {
            self.detail.released(release, releases);
        }
        for environment in &other.detail.environments {
            self.detail.environment(environment);
        }
        other.detail.unparted.iter().for_each(|one| self.detail.note_unparted(*one));
        // They are together again.
        self.detail.unparted.retain(|one| ![self.id, other.id].contains(&one.group));
    }

    /// It has counts of these releases and environments, each of which may be empty, and of no others.
    pub(crate) fn be_seen_in(&mut self, names: &[(String, String)], releases: &Releases) {
        let detail = &mut self.detail;
        // Of others it is not known which they were.
        if names.iter().all(|(release, _)| release != OTHER) {
            (detail.first_release, detail.last_release) = (None, None);
            for (release, _) in names.iter().filter(|(release, _)| !release.is_empty()) {
                detail.released(release, releases);
            }
        }
        if names.iter().all(|(_, environment)| environment != OTHER) {
            detail.environments.retain(|known| names.iter().any(|(_, environment)| environment == known));
        }
    }
}

impl Detail {
    fn seen_in(&mut self, mark: &Mark, releases: &Releases) {
        if let Some(release) = &mark.release {
            self.released(release, releases);
        }
        if let Some(environment) = &mark.environment {
            self.environment(environment);
        }
    }

    /// The latest are told of.
    pub(crate) fn note_unparted(&mut self, one: Unparted) {
        if one.events > 0 || one.users > 0 {
            self.unparted.push(one);
            let too_many = self.unparted.len().saturating_sub(MAX_UNPARTED);
            self.unparted.drain(..too_many);
        }
    }

    fn released(&mut self, release: &str, releases: &Releases) {
        let is_first = self.first_release.as_ref().is_none_or(|first| releases.is_later(first, release));
        let is_last = self.last_release.as_ref().is_none_or(|last| releases.is_later(release, last));
        if is_first {
            self.first_release = Some(release.to_owned());
        }
        if is_last {
            self.last_release = Some(release.to_owned());
        }
    }

    fn environment(&mut self, environment: &str) {
        let is_known = self.environments.iter().any(|known| known == environment);
        if !is_known && self.environments.len() < MAX_ENVIRONMENTS_PER_GROUP {
            self.environments.push(environment.to_owned());
        }
    }
}

pub(crate) const COLUMNS: &str =
    "id, project, number, title, culprit, level, first_seen, last_seen, count, assigned, detail, sketch,
    (SELECT count(*) FROM error_hash WHERE grp = error_group.id)";

/// A row of [`COLUMNS`].
pub(crate) fn of_row(row: &Row) -> Option<Group> {
    let detail = serde_json::from_str(row.text(10));
    // The table is ours, so something else has written it. The rest is of more use than a refusal.
    let detail = detail.inspect_err(|error| tracing::warn!(%error, "an error group cannot be read")).ok()?;
    Some(Group {
        id: row.integer(0).unsigned_abs(),
        project: row.integer(1).unsigned_abs(),
        number: row.integer(2).unsigned_abs(),
        title: row.text(3).to_owned(),
        culprit: row.text(4).to_owned(),
        level: Level::ALL.get(row.integer(5).unsigned_abs() as usize).copied().unwrap_or_default(),
        first_seen: Timestamp(row.integer(6)),
        last_seen: Timestamp(row.integer(7)),
        count: row.integer(8).unsigned_abs(),
        assigned: (!row.is_null(9)).then(|| row.text(9).to_owned()),
        users: Users::from_bytes(row.bytes(11)),
        detail,
        hashes: row.integer(12).unsigned_abs() as usize,
        used: 0,
    })
}
