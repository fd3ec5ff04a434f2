//! `bellwether import sentry FILE…`: projects of a Sentry or a GlitchTip with their numbers and keys, so that DSNs stay as they
//! are but for the host. What programs did wrong before is not told of as new for some days.

use std::path::Path;

use axum::http::Method;
use formats::sentry::export::{self, MovedProject};
use serde_json::{Value, json};
use vocabulary::Clock;

use crate::cli::{Common, ImportSentryOptions};
use crate::client::Server;
use crate::clock::SystemClock;
use crate::failure::Failure;

const PROJECTS: &str = "/api/v1/errors/projects";
const DAY_SECONDS: i64 = 86_400;

pub fn run(common: &Common, options: &ImportSentryOptions) -> Result<(), Failure> {
    let files = options.files.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
    let moved = export::read(files.iter().map(|(name, text)| (name.as_str(), text.as_str())));
    let mut problems = moved.problems;
    if options.dry_run {
        for (id, project) in &moved.projects {
            super::say(format!("{id} {}: {} keys", project.name, project.keys.len()))?;
        }
        return told(&problems);
    }
    let server = super::server(common)?;
    let baseline = SystemClock.now().0 + i64::from(options.baseline_days) * DAY_SECONDS;
    for (id, project) in &moved.projects {
        match super::block_on(carry_over(&server, *id, project, baseline)) {
            Ok(done) => super::say(format!("{id} {}: {done}", project.name))?,
            Err(error) => problems.push(format!("{id} {}: {}", project.name, error.message)),
        }
    }
    told(&problems)
}

fn read(file: &Path) -> Result<(String, String), Failure> {
    Ok((file.display().to_string(), super::import::read(file)?))
}

/// One project, as far as it is not there yet: a second run goes on where the first ended.
async fn carry_over(
    server: &Server,
    id: u64,
    project: &MovedProject,
    baseline: i64,
) -> Result<&'static str, Failure> {
    let known: Vec<Value> = server.get_json(PROJECTS).await?;
    let there = known.iter().find(|known| known["id"].as_u64() == Some(id));
    if let Some(there) = there
        && there["name"].as_str() != Some(project.name.as_str())
    {
        return Err(Failure::new(format!("its number is that of {} here", there["name"])));
    }
    let is_new = there.is_none();
    if is_new {
        let key = project.keys.first().map(|key| &key.key);
        let body = json!({"name": project.name, "id": id, "public_key": key});
        server.send_json(Method::POST, PROJECTS, &body).await?;
    }
    let path = format!("{PROJECTS}/{id}");
    let first = usize::from(is_new);
    let has = |key: &str| {
        let mut keys = there.and_then(|there| there["keys"].as_array()).into_iter().flatten();
        keys.any(|known| known["key"].as_str() == Some(key))
    };
    for key in project.keys.iter().skip(first).filter(|key| !has(&key.key)) {
        let body = json!({"add_key": {"key": key.key, "label": key.label}});
        server.send_json(Method::PUT, &path, &body).await?;
    }
    for key in project.keys.iter().filter(|key| !key.enabled) {
        server.send_json(Method::PUT, &path, &json!({"keys": {(key.key.as_str()): false}})).await?;
    }
    if is_new {
        let body = json!({"settings": {"baseline_until": baseline}});
        server.send_json(Method::PUT, &path, &body).await?;
    }
    Ok(match (is_new, project.keys.is_empty()) {
        (true, true) => "made, with a new key: none was told of",
        (true, false) => "made",
        (false, _) => "is there already; its keys are",
    })
}

fn told(problems: &[String]) -> Result<(), Failure> {
    match problems.len() {
        0 => Ok(()),
        count => Err(Failure::new(format!("{}\n{count} not carried over", problems.join("\n")))),
    }
}
