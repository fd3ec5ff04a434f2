//! What is done with groups: resolved, muted, opened again, given to somebody; by sentry-cli and by scripts.
//!
//! What is asked for and cannot be done is refused: a group that is muted for ever, where it was to ring after five more, is
//! worse than a script that stops.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::{Extension, Json};
use error_tracking::look::Wanted;
use error_tracking::{Deed, Group, Project, Until};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use vocabulary::Timestamp;

use super::search::search;
use super::{Sent, Told, find_project, issues, projects_asked, working};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Problem};
use crate::api_v1::errors;
use crate::parameters::Parameters;
use crate::services::Services;

/// As many as Sentry changes at once.
const MOST: usize = 1_000;
/// What Sentry calls the ways of being ignored and open. Escalating is judged by a forecast that there is none of here.
const FOR_EVER: &str = "archived_forever";
const CONDITION: &str = "archived_until_condition_met";
const OPEN: [&str; 3] = ["ongoing", "new", "regressed"];

/// A body, and what its `statusDetails` says. Times are minutes.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Said {
    status: Option<String>,
    substatus: Option<String>,
    in_release: Option<String>,
    in_next_release: Option<bool>,
    #[serde(alias = "snoozeDuration")]
    ignore_duration: Option<u32>,
    ignore_count: Option<u64>,
    ignore_window: Option<u32>,
    ignore_user_count: Option<u64>,
}

/// What is to be done, one after the other, and how it is told.
struct Decision {
    deeds: Vec<Deed>,
    told: Value,
}

impl Decision {
    fn read(sent: Value, now: Timestamp) -> Answer<Decision> {
        let Value::Object(mut sent) = sent else {
            return Err(Problem::bad_request("the body is no object").hint(r#"send {"status": "resolved"}"#));
        };
        let assigned = sent.remove("assignedTo").map(assigned).transpose()?;
        let mut told = Map::new();
        told.extend(sent.get("status").map(|status| ("status".to_owned(), status.clone())));
        told.extend(assigned.clone().map(|to| ("assignedTo".to_owned(), json!(to))));
        let said = Said::read(sent)?;
        let deeds: Vec<Deed> =
            said.deed(now)?.into_iter().chain(assigned.map(|to| Deed::Assign { to })).collect();
        match deeds.is_empty() {
            true => Err(Problem::bad_request("nothing is to be done").hint("send `status` or `assignedTo`")),
            false => Ok(Decision { deeds, told: Value::Object(told) }),
        }
    }
}

/// A name, `user:NAME` or `team:NAME`; null or empty: nobody.
fn assigned(to: Value) -> Answer<Option<String>> {
    match to {
        Value::Null => Ok(None),
        Value::String(to) => {
            let name = ["user:", "team:"].iter().find_map(|kind| to.strip_prefix(kind)).unwrap_or(&to);
            Ok(Some(name.to_owned()).filter(|name| !name.is_empty()))
        }
        _ => {
            Err(Problem::bad_request("`assignedTo` is no text").hint("it is the name of a person or a team"))
        }
    }
}

impl Said {
    /// Details are taken from beside the status too, as older scripts write them.
    fn read(mut sent: Map<String, Value>) -> Answer<Said> {
        match sent.remove("statusDetails") {
            None | Some(Value::Null) => {}
            Some(Value::Object(details)) => sent.extend(details),
            Some(_) => return Err(Problem::bad_request("`statusDetails` is no object")),
        }
        serde_json::from_value(Value::Object(sent)).map_err(|error| {
            Problem::bad_request(format!("this cannot be done with a group: {error}")).hint(
                "status, assignedTo, and of statusDetails inRelease, inNextRelease, ignoreDuration, ignoreCount, ignoreWindow, ignoreUserCount",
            )
        })
    }

    /// None: only something else is said.
    fn deed(&self, now: Timestamp) -> Answer<Option<Deed>> {
        let status = self.status.as_deref();
        let is_ignored = matches!(status, Some("ignored" | "muted"));
        let resolves = self.in_release.is_some() || self.in_next_release.is_some();
        if resolves && status != Some("resolved") {
            return Err(Problem::bad_request(
                "`inRelease` and `inNextRelease` go with the status resolved, and nothing else",
            ));
        }
        let until = self.until(now)?;
        if until != Until::Forever && !is_ignored {
            return Err(Problem::bad_request("`ignore…` goes with the status ignored, and nothing else"));
        }
        self.check_substatus(is_ignored, &until)?;
        Ok(Some(match status {
            None => return Ok(None),
            Some("unresolved") => Deed::Reopen,
            Some("resolvedInNextRelease") => Deed::ResolveInNext,
            Some("resolved") => self.resolve()?,
            Some(_) if is_ignored => Deed::Ignore { until },
            Some(strange) => {
                return Err(Problem::bad_request(format!("a group cannot become `{strange}`"))
                    .hint("status is resolved, resolvedInNextRelease, ignored, muted or unresolved"));
            }
        }))
    }

    fn resolve(&self) -> Answer<Deed> {
        match (self.in_release.as_deref(), self.in_next_release) {
            (None, None | Some(false)) => Ok(Deed::Resolve),
            (None, Some(true)) => Ok(Deed::ResolveInNext),
            (Some("latest"), _) => {
                Err(Problem::bad_request("`inRelease` names no release: `latest` is not known here")
                    .hint("name the release that has the cure, or send inNextRelease"))
            }
            (Some(release), None | Some(false)) => Ok(Deed::ResolveIn { release: release.to_owned() }),
            (Some(_), Some(true)) => Err(Problem::bad_request("`statusDetails` says more than one thing")
                .hint("one of inRelease and inNextRelease")),
        }
    }

    fn until(&self, now: Timestamp) -> Answer<Until> {
        match (self.ignore_duration, self.ignore_count, self.ignore_window, self.ignore_user_count) {
            (None, None, None, None) => Ok(Until::Forever),
            (Some(minutes), None, None, None) => {
                Ok(Until::Time(now.0.saturating_add(i64::from(minutes) * 60)))
            }
            (None, Some(count), None, None) => Ok(Until::Events(count)),
            (None, Some(count), Some(minutes), None) => {
                Ok(Until::EventsWithin { count, seconds: i64::from(minutes) * 60 })
            }
            (None, None, None, Some(count)) => Ok(Until::Users(count)),
            _ => Err(Problem::bad_request("`statusDetails` says more than one thing")
                .hint("one of ignoreDuration, ignoreCount (with ignoreWindow or without), ignoreUserCount")),
        }
    }

    fn check_substatus(&self, is_ignored: bool, until: &Until) -> Answer<()> {
        let Some(substatus) = self.substatus.as_deref() else { return Ok(()) };
        let has_end = *until != Until::Forever;
        let is_known = match self.status.as_deref() {
            Some("unresolved") => OPEN.contains(&substatus),
            _ => is_ignored && substatus == if has_end { CONDITION } else { FOR_EVER },
        };
        match is_known {
            true => Ok(()),
            false => Err(Problem::bad_request(format!("a group cannot become `{substatus}` so")).hint(
                "ignored goes with archived_forever, or with an end in statusDetails: ignoreCount and ignoreWindow say how many events are too many",
            )),
        }
    }
}

/// Those whose `id` is said, else those of a `status` or a `query`, else all.
fn meant(
    services: &Services,
    projects: &[Arc<Project>],
    asked: &Parameters,
    now: Timestamp,
) -> Answer<Vec<Group>> {
    let ids: BTreeSet<String> = asked.all("id").into_iter().collect();
    if ids.len() > MOST {
        return Err(too_many());
    }
    if !ids.is_empty() {
        return ids.iter().map(|id| one_among(services, projects, id)).collect();
    }
    let mut wanted = Wanted { limit: MOST + 1, ..Wanted::default() };
    search(&mut wanted, asked.last("query").unwrap_or_default(), now)?;
    if let Some(status) = asked.last("status") {
        wanted.status = Some(issues::status(status)?.to_owned());
    }
    let mut groups = Vec::new();
    for project in projects {
        wanted.project = Some(project.id);
        groups.extend(services.tracker.list(&wanted, now)?);
        if groups.len() > MOST {
            return Err(too_many());
        }
    }
    Ok(groups)
}

fn too_many() -> Problem {
    Problem::bad_request(format!("those are more than {MOST} groups"))
        .hint(format!("name {MOST} of them at most: sentry-cli issues … --id ID"))
}

fn one_among(services: &Services, projects: &[Arc<Project>], id: &str) -> Answer<Group> {
    let number: Option<u64> = id.parse().ok();
    let group = number.map(|id| services.tracker.one(id)).transpose()?.flatten();
    group.filter(|group| projects.iter().any(|project| project.id == group.project)).ok_or_else(|| {
        let of = match projects {
            [project] => format!("project {}", project.name),
            _ => "what you may see".to_owned(),
        };
        Problem::not_found(format!("{of} has no group {id}"))
            .hint("sentry-cli issues list tells the numbers, as Issue ID")
    })
}

fn act(
    services: &Services,
    caller: &Caller,
    groups: &[Group],
    decision: &Decision,
    now: Timestamp,
) -> Answer<()> {
    for group in groups {
        for deed in &decision.deeds {
            services.tracker.act(group.id, deed, &caller.name, now)?;
        }
    }
    errors::tell(services, &BTreeSet::new(), &groups.iter().map(|group| group.id).collect());
    Ok(())
}

/// `slug`: the project, which else a query may name.
async fn decide(
    services: Arc<Services>,
    caller: Caller,
    slug: Option<String>,
    uri: Uri,
    sent: Value,
) -> Told<Json<Value>> {
    let asked = Parameters::of_query(uri.query().unwrap_or_default());
    working(&services, caller, Role::Responder, move |services, caller| {
        let projects = match &slug {
            Some(slug) => vec![find_project(services, caller, slug)?],
            None => projects_asked(services, caller, &issues::named_projects(&asked))?,
        };
        let now = services.clock.now();
        let decision = Decision::read(sent, now)?;
        let groups = meant(services, &projects, &asked, now)?;
        act(services, caller, &groups, &decision, now)?;
        Ok(Json(decision.told))
    })
    .await
}

pub async fn of_project(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((_, slug)): Path<(String, String)>,
    uri: Uri,
    Sent(sent): Sent<Value>,
) -> Told<Json<Value>> {
    decide(services, caller, Some(slug), uri, sent).await
}

pub async fn of_organization(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
    Sent(sent): Sent<Value>,
) -> Told<Json<Value>> {
    decide(services, caller, None, uri, sent).await
}

/// The answer is the group as it is afterwards.
pub async fn one(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(named): Path<String>,
    Sent(sent): Sent<Value>,
) -> Told<Json<Value>> {
    working(&services, caller, Role::Responder, move |services, caller| {
        let (group, _) = errors::group(services, caller, &named)?;
        let now = services.clock.now();
        let decision = Decision::read(sent, now)?;
        act(services, caller, &[group], &decision, now)?;
        issues::whole(services, caller, &named).map(Json)
    })
    .await
}

pub async fn one_of(
    services: State<Arc<Services>>,
    caller: Extension<Caller>,
    Path((_, named)): Path<(String, String)>,
    sent: Sent<Value>,
) -> Told<Json<Value>> {
    one(services, caller, Path(named), sent).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deeds(sent: Value) -> Result<Vec<Deed>, String> {
        let decision = Decision::read(sent, Timestamp(1_000));
        decision.map(|decision| decision.deeds).map_err(|problem| problem.error)
    }

    #[test]
    fn sentrys_words_for_what_is_done() {
        let ignore = |until: Until| -> Result<Vec<Deed>, String> { Ok(vec![Deed::Ignore { until }]) };
        let ignored = |details: Value| deeds(json!({"status": "ignored", "statusDetails": details}));
        assert_eq!(deeds(json!({"status": "resolved", "snoozeDuration": null})), Ok(vec![Deed::Resolve]));
        assert_eq!(deeds(json!({"status": "resolvedInNextRelease"})), Ok(vec![Deed::ResolveInNext]));
        assert_eq!(deeds(json!({"status": "unresolved", "substatus": "ongoing"})), Ok(vec![Deed::Reopen]));
        assert_eq!(deeds(json!({"status": "muted"})), ignore(Until::Forever));
        assert_eq!(
            deeds(json!({"status": "ignored", "substatus": "archived_forever"})),
            ignore(Until::Forever)
        );
        assert_eq!(deeds(json!({"status": "ignored", "snoozeDuration": 30})), ignore(Until::Time(2_800)));
        assert_eq!(deeds(json!({"status": "ignored", "ignoreDuration": 30})), ignore(Until::Time(2_800)));
        assert_eq!(ignored(json!({"ignoreDuration": 30})), ignore(Until::Time(2_800)));
        assert_eq!(ignored(json!({"ignoreCount": 5})), ignore(Until::Events(5)));
        let within = Until::EventsWithin { count: 5, seconds: 600 };
        assert_eq!(ignored(json!({"ignoreCount": 5, "ignoreWindow": 10})), ignore(within));
        assert_eq!(ignored(json!({"ignoreUserCount": 3})), ignore(Until::Users(3)));
        let resolved = |details: Value| deeds(json!({"status": "resolved", "statusDetails": details}));
        assert_eq!(
            resolved(json!({"inRelease": "web@2.0"})),
            Ok(vec![Deed::ResolveIn { release: "web@2.0".into() }])
        );
        assert_eq!(resolved(json!({"inNextRelease": true})), Ok(vec![Deed::ResolveInNext]));
        let to = |to: &str| Deed::Assign { to: Some(to.to_owned()).filter(|to| !to.is_empty()) };
        assert_eq!(
            deeds(json!({"status": "unresolved", "assignedTo": "bob"})),
            Ok(vec![Deed::Reopen, to("bob")])
        );
        assert_eq!(deeds(json!({"assignedTo": "team:shop"})), Ok(vec![to("shop")]));
        assert_eq!(deeds(json!({"assignedTo": null})), Ok(vec![to("")]));
    }

    #[test]
    fn what_cannot_be_done_is_refused() {
        let refused = |sent: Value, why: &str| {
            let error = deeds(sent.clone()).expect_err(&sent.to_string());
            assert!(error.contains(why), "{sent}: {error}");
        };
        refused(json!({"status": "gone"}), "a group cannot become `gone`");
        refused(json!({}), "nothing is to be done");
        refused(json!([]), "no object");
        refused(json!({"merge": 1}), "unknown field `merge`");
        refused(json!({"status": "resolved", "statusDetails": {"inCommit": {}}}), "unknown field `inCommit`");
        refused(json!({"status": "resolved", "statusDetails": {"inRelease": "latest"}}), "`latest`");
        refused(json!({"status": "resolved", "statusDetails": {"ignoreCount": 5}}), "status ignored");
        refused(json!({"status": "ignored", "statusDetails": {"inNextRelease": true}}), "status resolved");
        refused(json!({"status": "ignored", "statusDetails": 5}), "`statusDetails` is no object");
        refused(json!({"status": "ignored", "ignoreCount": 1, "ignoreUserCount": 1}), "more than one thing");
        refused(json!({"status": "ignored", "ignoreWindow": 1}), "more than one thing");
        refused(json!({"status": "ignored", "substatus": "archived_until_escalating"}), "escalating");
        refused(json!({"status": "unresolved", "assignedTo": 7}), "`assignedTo` is no text");
    }
}
