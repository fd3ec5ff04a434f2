//! Heartbeats of projects, as `sentry-cli monitors list` reads them: what check-ins go to.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use monitors::kinds::heartbeat::Known;
use monitors::kinds::heartbeat::heart::Shown;
use serde_json::{Value, json};
use vocabulary::Timestamp;

use super::{Page, Told, projects_of, shapes, working};
use crate::accounts::{Caller, Role};
use crate::api_v1::heartbeats::now_ms;
use crate::services::Services;

pub async fn list(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Told<Response> {
    let page = Page::read(uri.query().unwrap_or_default())?;
    let listed = working(&services, caller, Role::Viewer, move |services, caller| {
        let projects = projects_of(services, caller);
        let of_project = |known: Known| {
            let (name, slug) = known.name.split_once('/')?;
            let project = projects.iter().find(|project| project.name == name)?;
            Some(shapes::monitor(project, slug, &shown(&known)))
        };
        let all = services.heartbeats.list(now_ms(services));
        Ok(page.cut(all.into_iter().filter_map(of_project).collect()))
    });
    let (items, has_more) = listed.await?;
    Ok(page.answer(&uri, items, has_more))
}

fn shown(known: &Known) -> shapes::Job {
    let at = |ms: Option<i64>| ms.map(|ms| Timestamp(ms.div_euclid(1_000)));
    shapes::Job {
        is_on: known.shown != Shown::Paused,
        schedule: schedule(known),
        timezone: known.time_zone.clone(),
        margin_minutes: known.grace_ms / 60_000,
        status: match known.shown {
            Shown::New => "active",
            Shown::Up | Shown::Grace | Shown::Started => "ok",
            Shown::Down => "error",
            Shown::Paused => "disabled",
        },
        last: at(known.heart.last_ping),
        next: at(known.expected_ms),
    }
}

/// A crontab, or so many minutes.
fn schedule(known: &Known) -> (&'static str, Value) {
    match (&known.schedule, known.period_ms) {
        (Some(crontab), _) => ("crontab", json!(crontab)),
        (None, Some(ms)) => ("interval", json!([(ms / 60_000).max(1), "minute"])),
        (None, None) => ("interval", Value::Null),
    }
}
