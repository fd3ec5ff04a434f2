//! What people do with groups: resolve, ignore, assign, merge, split.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::{Extension, Json};
use error_tracking::{Deed, HashValue, Until};
use serde::Deserialize;
use utoipa::ToSchema;
use vocabulary::time::HumanDuration;

use super::super::status::off_thread;
use super::super::{comments, watched};
use super::groups::{WholeGroup, whole};
use super::parting;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Problem};
use crate::guard::require;
use crate::services::Services;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupDecision {
    /// `resolved`, `ignored` or `unresolved`.
    status: Option<String>,
    /// Of `resolved`: the release that has the cure, or `next` for whatever comes after the newest one.
    #[serde(rename = "in")]
    fixed_in: Option<String>,
    /// Of `ignored`: until one of these is so; without any for ever.
    until: Option<GroupEnding>,
    /// To a person or team; empty: to nobody.
    assign: Option<String>,
    author: Option<String>,
}

#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupEnding {
    /// Seconds since 1970.
    time: Option<i64>,
    /// So many more events, of `within` if that is there.
    events: Option<u64>,
    #[schema(value_type = Option<String>, example = "1h")]
    within: Option<HumanDuration>,
    /// So many people had it.
    users: Option<u64>,
    /// It is seen in this release or a later one.
    release: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupMerge {
    /// The group that it becomes part of.
    into: u64,
    author: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupSplit {
    /// One of the group's hashes: what is found by it is another group from now on.
    hash: String,
    author: Option<String>,
}

impl GroupDecision {
    pub fn deeds(&self) -> Answer<Vec<Deed>> {
        let mut deeds = Vec::new();
        let only = |set: bool, key: &str, of: &str| match set && self.status.as_deref() != Some(of) {
            true => Err(Problem::bad_request(format!("`{key}` goes with the status {of}"))),
            false => Ok(()),
        };
        only(self.fixed_in.is_some(), "in", "resolved")?;
        only(self.until.is_some(), "until", "ignored")?;
        match self.status.as_deref() {
            None => {}
            Some("unresolved") => deeds.push(Deed::Reopen),
            Some("ignored") => deeds.push(Deed::Ignore { until: until(self.until.as_ref())? }),
            Some("resolved") => deeds.push(match self.fixed_in.as_deref() {
                None => Deed::Resolve,
                Some("next") => Deed::ResolveInNext,
                Some(release) => Deed::ResolveIn { release: release.to_owned() },
            }),
            Some(strange) => {
                return Err(Problem::bad_request(format!("a group cannot become `{strange}`"))
                    .hint("status is resolved, ignored or unresolved"));
            }
        }
        if let Some(to) = &self.assign {
            deeds.push(Deed::Assign { to: Some(to.clone()).filter(|to| !to.is_empty()) });
        }
        match deeds.is_empty() {
            true => Err(Problem::bad_request("nothing is to be done").hint("send a status, or assign")),
            false => Ok(deeds),
        }
    }
}

fn until(ending: Option<&GroupEnding>) -> Answer<Until> {
    let Some(ending) = ending else { return Ok(Until::Forever) };
    match ending.clone() {
        GroupEnding { time: None, events: None, within: None, users: None, release: None } => {
            Ok(Until::Forever)
        }
        GroupEnding { time: Some(at), events: None, within: None, users: None, release: None } => {
            Ok(Until::Time(at))
        }
        GroupEnding { time: None, events: Some(count), within: None, users: None, release: None } => {
            Ok(Until::Events(count))
        }
        GroupEnding { time: None, events: Some(count), within: Some(within), users: None, release: None } => {
            let seconds = i64::try_from(within.0.as_secs()).unwrap_or(i64::MAX);
            Ok(Until::EventsWithin { count, seconds })
        }
        GroupEnding { time: None, events: None, within: None, users: Some(count), release: None } => {
            Ok(Until::Users(count))
        }
        GroupEnding { time: None, events: None, within: None, users: None, release: Some(release) } => {
            Ok(Until::Release(release))
        }
        _ => Err(Problem::bad_request("`until` says more than one thing")
            .hint("one of time, events (with within or without), users, release")),
    }
}

#[utoipa::path(post, path = "/errors/groups/{id}", params(("id" = String, Path)), request_body = GroupDecision,
    responses((status = 200, body = WholeGroup), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn decide(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(named): Path<String>,
    Body(decision): Body<GroupDecision>,
) -> Answer<Json<WholeGroup>> {
    require(&caller, Role::Responder)?;
    let deeds = decision.deeds()?;
    let author = watched::author(&caller, decision.author.unwrap_or_default());
    off_thread(&services, move |services| {
        let (mut group, _) = super::group(services, &caller, &named)?;
        for deed in &deeds {
            group = services.tracker.act(group.id, deed, &author, services.clock.now())?;
        }
        super::tell(services, &Default::default(), &[group.id].into());
        whole(services, &group).map(Json)
    })
    .await
}

/// The answer is the whole.
#[utoipa::path(post, path = "/errors/groups/{id}/merge", params(("id" = String, Path)), request_body = GroupMerge,
    responses((status = 200, body = WholeGroup), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn merge(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(named): Path<String>,
    Body(merging): Body<GroupMerge>,
) -> Answer<Json<WholeGroup>> {
    require(&caller, Role::Responder)?;
    let author = watched::author(&caller, merging.author.unwrap_or_default());
    off_thread(&services, move |services| {
        let (part, _) = super::group(services, &caller, &named)?;
        let (into, project) = super::group(services, &caller, &merging.into.to_string())?;
        if part.id == into.id {
            return Err(Problem::bad_request(format!("{named} and {} are one group already", merging.into)));
        }
        parting::refuse_full(services, &project, 1)?;
        parting::finish(services)?;
        let moved = services.tracker.merge(into.id, &[part.id], &author, services.clock.now())?;
        for from in moved {
            services.event_log.move_group(project.id, from, into.id)?;
            services.desk.move_comments(&comments::of_group(from), &comments::of_group(into.id))?;
        }
        let (group, _) = super::group(services, &caller, &into.id.to_string())?;
        super::tell(services, &Default::default(), &[group.id].into());
        whole(services, &group).map(Json)
    })
    .await
}

/// The answer is the group that was made. Of the kept events the newest 10,000 are looked at: those of the hash go along, with all
/// that was counted of them; `unparted` says of both groups what could not be told apart.
#[utoipa::path(post, path = "/errors/groups/{id}/split", params(("id" = String, Path)), request_body = GroupSplit,
    responses((status = 200, body = WholeGroup), (status = 400, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn split(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(named): Path<String>,
    Body(splitting): Body<GroupSplit>,
) -> Answer<Json<WholeGroup>> {
    require(&caller, Role::Responder)?;
    let author = watched::author(&caller, splitting.author.unwrap_or_default());
    off_thread(&services, move |services| {
        let (old, project) = super::group(services, &caller, &named)?;
        let (hash, now) = (hash(&splitting.hash)?, services.clock.now());
        let made = parting::split(services, &project, old.id, hash, (now, author.as_str()))?;
        let (group, _) = super::group(services, &caller, &made.to_string())?;
        super::tell(services, &[made].into(), &[old.id].into());
        whole(services, &group).map(Json)
    })
    .await
}

fn hash(text: &str) -> Answer<HashValue> {
    // As many digits as an id of an event has, and no dashes.
    let id: Result<vocabulary::error::EventId, String> = text.parse();
    match id {
        Ok(id) if text.len() == 32 => Ok(HashValue(id.0)),
        _ => Err(Problem::bad_request("`hash` is 32 hexadecimal digits")
            .hint("GET /api/v1/errors/groups/ID lists a group's hashes")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deeds(text: &str) -> Result<Vec<Deed>, String> {
        let decision: GroupDecision = serde_json::from_str(text).map_err(|error| error.to_string())?;
        decision.deeds().map_err(|problem| problem.error)
    }

    #[test]
    fn what_people_decide_is_said_in_one_way_each() {
        let check = |text: &str, deed: Deed| assert_eq!(deeds(text), Ok(vec![deed]), "{text}");
        check(r#"{"status": "resolved"}"#, Deed::Resolve);
        check(r#"{"status": "resolved", "in": "next"}"#, Deed::ResolveInNext);
        check(r#"{"status": "resolved", "in": "web@2"}"#, Deed::ResolveIn { release: "web@2".into() });
        check(r#"{"status": "unresolved"}"#, Deed::Reopen);
        check(r#"{"status": "ignored"}"#, Deed::Ignore { until: Until::Forever });
        let within = Until::EventsWithin { count: 5, seconds: 3_600 };
        check(
            r#"{"status": "ignored", "until": {"events": 5, "within": "1h"}}"#,
            Deed::Ignore { until: within },
        );
        check(r#"{"assign": "ana"}"#, Deed::Assign { to: Some("ana".into()) });
        check(r#"{"assign": ""}"#, Deed::Assign { to: None });
        for wrong in [
            "{}",
            r#"{"status": "gone"}"#,
            r#"{"in": "next"}"#,
            r#"{"status": "ignored", "until": {"users": 1, "events": 1}}"#,
            r#"{"status": "ignored", "until": {"within": "1h"}}"#,
            r#"{"state": "resolved"}"#,
        ] {
            assert!(deeds(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn hashes_are_read_as_they_are_shown() {
        let shown = "00112233445566778899aabbccddeeff";
        assert_eq!(hash(shown).unwrap().to_string(), shown);
        assert!(hash("0011").is_err());
        assert!(hash("00112233-4455-6677-8899-aabbccddeeff").is_err());
    }
}
