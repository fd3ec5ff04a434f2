//! What else Alertmanager's clients ask under `/api/v2`: what this is, who is told, and which alerts belong together.

use std::collections::BTreeMap;
use std::sync::Arc;

use ::incidents::incident::Key;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, Uri};
use axum::{Extension, Json};
use serde::Serialize;

use super::alertmanager::{Gettable, RECEIVER, Receiver, Which, listed, utc};
use super::filters::Filters;
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Params, Problem};
use crate::api_v1::off_thread;
use crate::api_v1::watched::may;
use crate::services::Services;

/// Enough of a configuration for those who read it: people are reached by policies and contacts of ours.
const CONFIGURATION: &str = "route:\n  receiver: bellwether\nreceivers:\n- name: bellwether\n";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    cluster: Cluster,
    version_info: Version,
    config: Configuration,
    uptime: String,
}

#[derive(Serialize)]
struct Cluster {
    status: &'static str,
    peers: [String; 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Version {
    version: &'static str,
    branch: &'static str,
    revision: &'static str,
    build_user: &'static str,
    build_date: &'static str,
    go_version: &'static str,
}

#[derive(Serialize)]
struct Configuration {
    original: &'static str,
}

pub async fn status(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Answer<Json<Status>> {
    may(&caller, Role::Viewer)?;
    let identity = services.control.identity();
    let version = Version {
        version: identity.version,
        branch: "bellwether",
        revision: "",
        build_user: "",
        build_date: "",
        go_version: "",
    };
    Ok(Json(Status {
        cluster: Cluster { status: "disabled", peers: [] },
        version_info: version,
        config: Configuration { original: CONFIGURATION },
        uptime: utc(identity.started as i64),
    }))
}

pub async fn receivers(Extension(caller): Extension<Caller>) -> Answer<Json<[Receiver; 1]>> {
    may(&caller, Role::Viewer)?;
    Ok(Json([RECEIVER]))
}

#[derive(Serialize)]
pub struct Group {
    labels: BTreeMap<&'static str, String>,
    receiver: Receiver,
    alerts: Vec<Gettable>,
}

/// By the incident that they are in; those that are in none, as nobody is told of them, stand together.
pub async fn groups(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(which): Params<Which>,
    RawQuery(query): RawQuery,
) -> Answer<Json<Vec<Group>>> {
    may(&caller, Role::Viewer)?;
    off_thread(&services, move |services| {
        let filters = Filters::of_query(query.as_deref().unwrap_or_default())?;
        let mut groups: BTreeMap<Option<i64>, Vec<Gettable>> = BTreeMap::new();
        for (name, alert) in listed(services, &which, &filters) {
            let key = Key { host: false, monitor: which.check().into(), instance: name };
            groups.entry(services.desk.incident_of(&key)).or_default().push(alert);
        }
        let group = |(incident, alerts): (Option<i64>, Vec<Gettable>)| {
            let labels = incident.map(|id| ("incident", id.to_string())).into_iter().collect();
            Group { labels, receiver: RECEIVER, alerts }
        };
        Ok(Json(groups.into_iter().map(group).collect()))
    })
    .await
}

/// The rest of it.
pub async fn not_here(uri: Uri) -> Problem {
    let why = format!("{} of Alertmanager's API is not here", uri.path());
    Problem::new(StatusCode::NOT_FOUND, why)
        .hint("there are /api/v2/alerts, /alerts/groups, /silences, /silence/ID, /receivers and /status")
}
