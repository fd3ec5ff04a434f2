//! What things look like in answers: in Sentry's words.

use error_tracking::shipped::{Commit, Deploy};
use error_tracking::{Group, Project};
use serde_json::{Value, json};
use vocabulary::Timestamp;

use super::known::Known;

pub(super) fn time(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.0).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn optional(at: Option<Timestamp>) -> Value {
    at.map_or(Value::Null, |at| time(at).into())
}

pub(super) fn organization(slug: &str) -> Value {
    json!({"id": "1", "slug": slug, "name": slug, "dateCreated": time(Timestamp(0)), "isEarlyAdopter": false,
        "require2FA": false, "requireEmailVerification": false, "requiresSso": false, "status": {"id": "active", "name": "active"}, "features": []})
}

pub(super) fn project(organization_slug: &str, project: &Project) -> Value {
    json!({"id": project.id.to_string(), "slug": project.name, "name": project.name, "status": "active",
        "dateCreated": time(project.created), "isMember": true, "hasAccess": true, "team": null, "teams": [],
        "features": [], "platform": null, "organization": organization(organization_slug)})
}

/// One release, of all projects that have it.
pub(super) fn release(of: &[Known], last_commit: Option<&Commit>) -> Value {
    let Some(Known { shipped: first, .. }) = of.first() else { return Value::Null };
    let project = |known: &Known| {
        let Project { id, name, .. } = &*known.project;
        json!({"id": id, "slug": name, "name": name, "newGroups": known.groups_new})
    };
    let projects: Vec<Value> = of.iter().map(project).collect();
    let groups_new: u64 = of.iter().map(|known| known.groups_new).sum();
    let first_event = of.iter().filter_map(|known| known.seen).map(|seen| seen.first).min();
    let last_event = of.iter().filter_map(|known| known.seen).map(|seen| seen.last).max();
    let text = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    json!({"version": first.version, "shortVersion": first.version, "status": first.status,
        "dateCreated": time(first.created), "dateReleased": optional(first.released), "url": text(&first.url),
        "ref": text(&first.reference), "projects": projects, "newGroups": groups_new,
        "lastEvent": optional(last_event), "firstEvent": optional(first_event),
        "deployCount": first.deploys, "commitCount": first.commits,
        "lastCommit": last_commit.map_or(Value::Null, commit)})
}

pub(super) fn commit(commit: &Commit) -> Value {
    json!({"id": commit.id, "message": commit.message, "dateCreated": optional(commit.at),
        "repository": {"name": commit.repository}, "author": {"name": commit.author_name, "email": commit.author_email}})
}

pub(super) fn deploy(deploy: &Deploy) -> Value {
    let text = |text: &str| if text.is_empty() { Value::Null } else { text.into() };
    json!({"id": deploy.id.to_string(), "environment": deploy.environment, "name": text(&deploy.name),
        "url": text(&deploy.url), "dateStarted": optional(deploy.started), "dateFinished": time(deploy.finished)})
}

/// A group. Numbers that grow are texts there, as Sentry writes them.
pub(super) fn issue(project: &Project, group: &Group, page: &str, stats: Value, now: Timestamp) -> Value {
    let (kind, rest) = group.title.split_once(": ").unwrap_or((&group.title, ""));
    let kind_of_issue = match group.detail.kind.as_str() {
        "exception" => "error",
        "security" => "csp",
        _ => "default",
    };
    json!({"id": group.id.to_string(), "shortId": project.short(group.number), "title": group.title,
        "permalink": page, "logger": null, "culprit": group.culprit, "level": group.level.word(), "status": group.detail.life.word_at(now),
        "count": group.count.to_string(), "userCount": group.users.count(),
        "firstSeen": time(group.first_seen), "lastSeen": time(group.last_seen), "type": kind_of_issue,
        "metadata": {"type": kind, "value": rest, "title": group.title}, "platform": group.detail.platform,
        "project": {"id": project.id.to_string(), "name": project.name, "slug": project.name},
        "assignedTo": group.assigned, "isUnhandled": group.detail.handled == Some(false),
        "isBookmarked": false, "isPublic": false, "isSubscribed": false, "hasSeen": true, "numComments": 0,
        "annotations": [], "stats": stats})
}

/// What is checked in for, and how it is.
pub(super) struct Job {
    pub is_on: bool,
    /// `crontab` or `interval`, and what it is.
    pub schedule: (&'static str, Value),
    pub timezone: Option<String>,
    pub margin_minutes: i64,
    pub status: &'static str,
    pub last: Option<Timestamp>,
    pub next: Option<Timestamp>,
}

/// Its name is what it is known by everywhere; the address that it is pinged at is a secret.
pub(super) fn monitor(of: &Project, slug: &str, job: &Job) -> Value {
    let (kind, schedule) = &job.schedule;
    let environment = json!({"name": "production", "status": job.status, "isMuted": false,
        "lastCheckIn": optional(job.last), "nextCheckIn": optional(job.next)});
    json!({"id": format!("{}/{slug}", of.name), "slug": slug, "name": slug, "type": "cron_job",
        "status": if job.is_on { "active" } else { "disabled" }, "isMuted": false,
        "config": {"schedule_type": kind, "schedule": schedule, "timezone": job.timezone,
            "checkin_margin": job.margin_minutes, "max_runtime": null},
        "project": {"id": of.id.to_string(), "name": of.name, "slug": of.name},
        "environments": [environment]})
}
