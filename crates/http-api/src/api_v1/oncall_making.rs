//! What the forms of the on-call page need: what a schedule would mean, and what was made in the UI as it would stand in a
//! file.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::{Extension, Json};
use incidents::limits::GAPS_AHEAD_SECONDS;
use incidents::oncall::roster::Origin;
use incidents::oncall::{PolicyConfig, ScheduleConfig};
use serde::Serialize;

use super::refused::refusal;
use super::schedules::{Shifts, unknown};
use super::status::off_thread;
use super::watched;
use crate::accounts::{self, Caller, Role, TeamConfig};
use crate::answer::{Answer, Body, Problem};
use crate::services::Services;

const NAMELESS: &str = "preview";

/// By the names of the tables.
#[derive(Default, Serialize)]
pub(super) struct Made {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    schedule: Vec<ScheduleConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    escalation_policy: Vec<PolicyConfig>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    team: Vec<TeamConfig>,
}

pub(super) fn made(services: &Services) -> Answer<Made> {
    let roster = services.desk.roster(services.clock.now());
    let here = |origin: &Origin| matches!(origin, Origin::Made { .. });
    let schedules = roster.schedules.values().filter(|known| here(&known.origin));
    let policies = roster.policies.values().filter(|known| here(&known.origin));
    let teams = accounts::teams(&services.state, &services.settings.load().teams)?;
    Ok(Made {
        schedule: schedules.map(|known| known.config.clone()).collect(),
        escalation_policy: policies.map(|known| (*known.config).clone()).collect(),
        team: teams.into_iter().filter(|team| !team.in_files).map(|team| team.team).collect(),
    })
}

/// What is made in the UI, as a file for `conf.d`.
#[utoipa::path(get, path = "/oncall/export",
    responses((status = 200, body = String, content_type = "application/toml")))]
pub async fn export(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<([(header::HeaderName, &'static str); 1], String)> {
    watched::may(&caller, Role::Editor)?;
    off_thread(&services, |services| {
        let text = toml::to_string(&made(services)?).map_err(Problem::internal)?;
        Ok(([(header::CONTENT_TYPE, "application/toml; charset=utf-8")], text))
    })
    .await
}

/// Who would be on call in the next 30 days if a schedule were defined so. Nothing is changed.
#[utoipa::path(post, path = "/oncall/preview",
    request_body(content = Object, description = "a schedule as written in a file"),
    responses((status = 200, body = Shifts), (status = 400, body = Problem)))]
pub async fn preview(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Body(mut config): Body<ScheduleConfig>,
) -> Answer<Json<Shifts>> {
    watched::may(&caller, Role::Editor)?;
    if config.name.is_empty() {
        // What is not kept yet needs none.
        NAMELESS.clone_into(&mut config.name);
    }
    off_thread(&services, move |services| {
        let now = services.clock.now();
        let schedule = services.desk.would_be(&config, now);
        let schedule = schedule.map_err(|failed| refusal(failed, || unknown(&config.name)))?;
        Ok(Json(Shifts::of(&schedule, now, now, now.plus(GAPS_AHEAD_SECONDS))))
    })
    .await
}

#[cfg(test)]
mod tests {
    use incidents::oncall::LayerConfig;
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Back {
        schedule: Vec<ScheduleConfig>,
        escalation_policy: Vec<PolicyConfig>,
    }

    #[test]
    fn what_is_exported_is_read_back_as_it_was() {
        let layer = LayerConfig {
            people: vec!["ana".into(), "ben".into()],
            rotation: "weekly".into(),
            start: "2026-01-05".into(),
            restrictions: vec!["monday 09:00 - friday 18:00".into()],
            ..LayerConfig::default()
        };
        let schedule = ScheduleConfig { name: "web".into(), layer: vec![layer], ..ScheduleConfig::default() };
        let policy = PolicyConfig { name: "web".into(), repeat: 2, ..PolicyConfig::default() };
        let made = Made {
            schedule: vec![schedule.clone()],
            escalation_policy: vec![policy.clone()],
            ..Made::default()
        };
        let text = toml::to_string(&made).unwrap();
        let back: Back = toml::from_str(&text).unwrap();
        assert_eq!((back.schedule, back.escalation_policy), (vec![schedule], vec![policy]));
        assert_eq!(toml::to_string(&Made::default()).unwrap(), "");
    }
}
