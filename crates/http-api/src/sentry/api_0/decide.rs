//! What `sentry-cli issues` does with groups: resolve, mute, open again.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::{Extension, Json};
use error_tracking::look::Wanted;
use error_tracking::{Deed, Group, Project, Until};
use serde::Deserialize;
use serde_json::{Value, json};
use vocabulary::Timestamp;

use super::{Sent, Told, find_project, issues, working};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Problem};
use crate::api_v1::errors;
use crate::parameters::Parameters;
use crate::services::Services;

/// As many as Sentry changes at once.
const MOST: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    status: String,
    /// Minutes for which it is muted, else for ever.
    snooze_duration: Option<u32>,
}

impl Decision {
    fn deed(&self, now: Timestamp) -> Answer<Deed> {
        match self.status.as_str() {
            "unresolved" => Ok(Deed::Reopen),
            "resolved" => Ok(Deed::Resolve),
            "resolvedInNextRelease" => Ok(Deed::ResolveInNext),
            "ignored" | "muted" => Ok(Deed::Ignore { until: self.until(now) }),
            strange => Err(Problem::bad_request(format!("a group cannot become `{strange}`"))
                .hint("status is resolved, resolvedInNextRelease, ignored, muted or unresolved")),
        }
    }

    fn until(&self, now: Timestamp) -> Until {
        match self.snooze_duration {
            Some(minutes) => Until::Time(now.0.saturating_add(i64::from(minutes) * 60)),
            None => Until::Forever,
        }
    }
}

/// Those whose `id` is said, else those of a `status`, else all.
fn meant(services: &Services, project: &Project, asked: &Parameters, now: Timestamp) -> Answer<Vec<Group>> {
    let ids: BTreeSet<String> = asked.all("id").into_iter().collect();
    if ids.len() > MOST {
        return Err(too_many());
    }
    if !ids.is_empty() {
        return ids.iter().map(|id| one(services, project, id)).collect();
    }
    let status = asked.last("status").map(issues::status).transpose()?.map(str::to_owned);
    let wanted = Wanted { project: Some(project.id), status, limit: MOST + 1, ..Wanted::default() };
    let groups = services.tracker.list(&wanted, now)?;
    match groups.len() > MOST {
        true => Err(too_many()),
        false => Ok(groups),
    }
}

fn too_many() -> Problem {
    Problem::bad_request(format!("those are more than {MOST} groups"))
        .hint(format!("name {MOST} of them at most: sentry-cli issues … --id ID"))
}

fn one(services: &Services, project: &Project, id: &str) -> Answer<Group> {
    let number: Option<u64> = id.parse().ok();
    let group = number.map(|id| services.tracker.one(id)).transpose()?.flatten();
    group.filter(|group| group.project == project.id).ok_or_else(|| {
        Problem::not_found(format!("project {} has no group {id}", project.name))
            .hint("sentry-cli issues list tells the numbers, as Issue ID")
    })
}

pub async fn of_project(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, slug)): Path<(String, String)>,
    uri: Uri,
    Sent(decision): Sent<Decision>,
) -> Told<Json<Value>> {
    let asked = Parameters::of_query(uri.query().unwrap_or_default());
    working(&services, caller, Role::Responder, move |services, caller| {
        let project = find_project(services, caller, &slug)?;
        let now = services.clock.now();
        let deed = decision.deed(now)?;
        let groups = meant(services, &project, &asked, now)?;
        for group in &groups {
            services.tracker.act(group.id, &deed, &caller.name, now)?;
        }
        let changed: BTreeSet<u64> = groups.iter().map(|group| group.id).collect();
        errors::tell(services, &BTreeSet::new(), &changed);
        Ok(Json(json!({"status": decision.status})))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentrys_words_for_what_is_done() {
        let deed = |sent: Value| {
            let decision: Decision = serde_json::from_value(sent).unwrap();
            decision.deed(Timestamp(1_000)).map_err(|problem| problem.error)
        };
        let ignore = |until: Until| -> Result<Deed, String> { Ok(Deed::Ignore { until }) };
        assert_eq!(deed(json!({"status": "resolved", "snoozeDuration": null})), Ok(Deed::Resolve));
        assert_eq!(deed(json!({"status": "resolvedInNextRelease"})), Ok(Deed::ResolveInNext));
        assert_eq!(deed(json!({"status": "unresolved"})), Ok(Deed::Reopen));
        assert_eq!(deed(json!({"status": "muted"})), ignore(Until::Forever));
        assert_eq!(deed(json!({"status": "ignored", "snoozeDuration": 30})), ignore(Until::Time(2_800)));
        assert_eq!(deed(json!({"status": "gone"})), Err("a group cannot become `gone`".to_owned()));
    }
}
