//! `bellwether import sentry FILE…`, `--from URL`: projects of a Sentry or a GlitchTip with their numbers and keys, so that DSNs stay as they
//! are but for the host, and what was done with their groups. What programs did wrong before is not told of as new for some days.

use std::path::Path;

use axum::http::Method;
use formats::sentry::export::{self, MovedGroup, MovedKey, MovedProject, Status};
use serde_json::{Value, json};
use vocabulary::{Clock, Timestamp};

use super::sentry_api;
use crate::cli::{Common, ImportSentryOptions};
use crate::client::Server;
use crate::clock::SystemClock;
use crate::failure::Failure;

const PROJECTS: &str = "/api/v1/errors/projects";
const DAY_SECONDS: i64 = 86_400;
/// Of one request.
const GROUPS_AT_ONCE: usize = 500;
/// What a project takes over.
const MAX_GROUPS: usize = 100_000;
/// What may be waited for here, of what is ignored.
const LONGEST_WINDOW_SECONDS: u64 = 7 * 86_400;
const MOST_USERS: u64 = 1_000;
/// In which keys are limited here.
const WINDOW_SECONDS: u64 = 300;

/// What holds for all of them.
struct Moving {
    baseline: i64,
    now: Timestamp,
    /// The old one, without a slash at its end.
    tee: Option<String>,
}

pub fn run(common: &Common, options: &ImportSentryOptions) -> Result<(), Failure> {
    let mut files = options.files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
    if let Some(from) = &options.from {
        let from = old_side("--from", from)?;
        let token = std::env::var(sentry_api::TOKEN).ok().filter(|token| !token.is_empty());
        let token =
            token.ok_or_else(|| Failure::usage(format!("--from: set {} to a token", sentry_api::TOKEN)))?;
        let told = sentry_api::fetch(&from, token)?;
        files.push((from, told));
    }
    let moved = export::read(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let mut problems = moved.problems;
    let now = SystemClock.now();
    let moving = Moving {
        baseline: now.0 + i64::from(options.baseline_days) * DAY_SECONDS,
        now,
        tee: options.tee.as_deref().map(|url| old_side("--tee", url)).transpose()?,
    };
    if options.dry_run {
        for (id, project) in &moved.projects {
            let (keys, groups) = (project.keys.len(), project.groups.len());
            super::say(format!("{id} {}: {keys} keys, {groups} groups", project.name))?;
        }
        return told(&problems);
    }
    let server = super::server(common)?;
    for (id, project) in &moved.projects {
        match super::block_on(carry_over(&server, *id, project, &moving)) {
            Ok(done) => super::say(format!("{id} {}: {done}", project.name))?,
            Err(error) => problems.push(format!("{id} {}: {}", project.name, error.message)),
        }
    }
    told(&problems)
}

fn read(file: &Path) -> Result<(String, String), Failure> {
    Ok((file.display().to_string(), super::import::read(file)?))
}

fn old_side(option: &str, url: &str) -> Result<String, Failure> {
    let wrong = |why: String| {
        Failure::usage(format!("{option}: {why}; name the old one, such as https://old.example"))
    };
    outbound::Url::parse(url).map_err(wrong)?;
    match url.contains(['@', '?', '#']) {
        true => Err(wrong("it has more than a host and a path".to_owned())),
        false => Ok(url.trim_end_matches('/').to_owned()),
    }
}

/// One project, as far as it is not there yet: a second run goes on where the first ended.
async fn carry_over(
    server: &Server,
    id: u64,
    project: &MovedProject,
    moving: &Moving,
) -> Result<String, Failure> {
    let known: Vec<Value> = server.get_json(PROJECTS).await?;
    let there = known.iter().find(|known| known["id"].as_u64() == Some(id));
    if let Some(there) = there
        && there["name"].as_str() != Some(project.name.as_str())
    {
        return Err(Failure::new(format!("its number is that of {} here", there["name"])));
    }
    if there.is_none() {
        let key = project.keys.first().map(|key| &key.key);
        let body = json!({"name": project.name, "id": id, "public_key": key});
        server.send_json(Method::POST, PROJECTS, &body).await?;
    }
    let path = format!("{PROJECTS}/{id}");
    let here: Value = server.get_json(&path).await?;
    carry_keys(server, &path, project, &here).await?;
    let mut settings = here["settings"].clone();
    if there.is_none() {
        settings["baseline_until"] = moving.baseline.into();
    }
    if let Some(old) = &moving.tee {
        settings["tee"] = tee(old, id, project)?.into();
    }
    if settings != here["settings"] {
        server.send_json(Method::PUT, &path, &json!({"settings": settings})).await?;
    }
    let groups = carry_groups(server, &path, project, moving.now).await?;
    let done = match (there.is_none(), project.keys.is_empty()) {
        (true, true) => "made, with a new key: none was told of",
        (true, false) => "made",
        (false, _) => "is there already; its keys are",
    };
    Ok(if groups.is_empty() { done.to_owned() } else { format!("{done}; {groups}") })
}

/// `here`: the project as it is.
async fn carry_keys(
    server: &Server,
    path: &str,
    project: &MovedProject,
    here: &Value,
) -> Result<(), Failure> {
    let has = |key: &str| {
        let mut keys = here["keys"].as_array().into_iter().flatten();
        keys.any(|known| known["key"].as_str() == Some(key))
    };
    for MovedKey { key, label, enabled, limit } in &project.keys {
        if !has(key) {
            let body = json!({"add_key": {"key": key, "label": label}});
            server.send_json(Method::PUT, path, &body).await?;
        }
        if !enabled {
            server.send_json(Method::PUT, path, &json!({"keys": {(key.as_str()): false}})).await?;
        }
        if let Some((count, seconds)) = limit {
            let most = count.saturating_mul(WINDOW_SECONDS).div_ceil(*seconds);
            server.send_json(Method::PUT, path, &json!({"key_limits": {(key.as_str()): most}})).await?;
        }
    }
    Ok(())
}

/// A key that the old one takes.
fn tee(old: &str, id: u64, project: &MovedProject) -> Result<String, Failure> {
    let key = project.keys.iter().find(|key| key.enabled);
    let key = key.ok_or_else(|| Failure::new("--tee: it has no key that is switched on"))?;
    let (scheme, place) = old.split_once("://").unwrap_or(("https", old));
    Ok(format!("{scheme}://{}@{place}/{id}", key.key))
}

/// What is to be said of it; nothing if there are none.
async fn carry_groups(
    server: &Server,
    path: &str,
    project: &MovedProject,
    now: Timestamp,
) -> Result<String, Failure> {
    let (mut kept, mut applied) = (0, 0);
    let groups = &project.groups[..project.groups.len().min(MAX_GROUPS)];
    for some in groups.chunks(GROUPS_AT_ONCE) {
        let some: Vec<Value> = some.iter().map(|group| group_json(group, now)).collect();
        let body = json!({"groups": some});
        let done = server.send_json(Method::POST, &format!("{path}/groups"), &body).await?;
        let done: Value = crate::client::parse(&done)?;
        kept += done["kept"].as_u64().unwrap_or(0);
        applied += done["applied"].as_u64().unwrap_or(0);
    }
    let left_out = project.groups.len() - groups.len();
    if left_out > 0 {
        return Err(Failure::new(format!(
            "{left_out} of its groups are too many: a project takes over {MAX_GROUPS}"
        )));
    }
    Ok(match kept {
        0 => String::new(),
        _ => format!("{kept} groups are known, {applied} of those that are here changed"),
    })
}

fn group_json(group: &MovedGroup, now: Timestamp) -> Value {
    let MovedGroup { id, title, culprit, status, assigned, first_seen, count } = group;
    let ignored = |until: Value| json!({"status": "ignored", "until": until});
    let mut decision = match status {
        Status::Unresolved => json!({"status": "unresolved"}),
        Status::Resolved => json!({"status": "resolved"}),
        Status::ResolvedIn(release) => json!({"status": "resolved", "in": release}),
        Status::ResolvedInNext => json!({"status": "resolved", "in": "next"}),
        Status::Ignored => json!({"status": "ignored"}),
        // That is over.
        Status::IgnoredUntil(at) if *at <= now.0 => json!({"status": "unresolved"}),
        Status::IgnoredUntil(at) => ignored(json!({"time": at})),
        Status::IgnoredEvents(count, None) => ignored(json!({"events": count})),
        Status::IgnoredEvents(count, Some(seconds)) => {
            let within = format!("{}s", (*seconds).min(LONGEST_WINDOW_SECONDS));
            ignored(json!({"events": count, "within": within}))
        }
        Status::IgnoredUsers(count) => ignored(json!({"users": (*count).min(MOST_USERS)})),
    };
    if let Some(to) = assigned {
        decision["assign"] = to.as_str().into();
    }
    json!({"id": id, "title": title, "culprit": culprit, "first_seen": first_seen, "count": count, "decision": decision})
}

fn told(problems: &[String]) -> Result<(), Failure> {
    match problems.len() {
        0 => Ok(()),
        count => Err(Failure::new(format!("{}\n{count} not carried over", problems.join("\n")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_ignored_until_yesterday_is_open() {
        let group = |status: Status| MovedGroup {
            id: "WEB-1".into(),
            title: "A: b".into(),
            culprit: String::new(),
            status,
            assigned: Some("ana".into()),
            first_seen: None,
            count: 3,
        };
        let decided = |status: Status| group_json(&group(status), Timestamp(100))["decision"].clone();
        assert_eq!(decided(Status::IgnoredUntil(99)), json!({"status": "unresolved", "assign": "ana"}));
        let until = json!({"status": "ignored", "until": {"time": 101}, "assign": "ana"});
        assert_eq!(decided(Status::IgnoredUntil(101)), until);
        let within = json!({"status": "ignored", "until": {"events": 5, "within": "3600s"}, "assign": "ana"});
        assert_eq!(decided(Status::IgnoredEvents(5, Some(3_600))), within);
    }

    #[test]
    fn copies_go_to_the_old_one_with_a_key_that_it_takes() {
        let key = |key: &str, enabled: bool| MovedKey {
            key: key.into(),
            label: String::new(),
            enabled,
            limit: None,
        };
        let project =
            MovedProject { keys: vec![key("aa", false), key("bb", true)], ..MovedProject::default() };
        let old =
            old_side("--tee", "https://old.example/sentry/").map_err(|failure| failure.message).unwrap();
        let dsn = tee(&old, 7, &project).map_err(|failure| failure.message).unwrap();
        assert_eq!(dsn, "https://bb@old.example/sentry/7");
        assert!(old_side("--tee", "old").is_err() && old_side("--tee", "https://a@old.example").is_err());
        assert!(tee(&old, 7, &MovedProject::default()).is_err());
    }
}
