//! What each contact was told, exactly as Nagios would have.

use std::sync::Arc;

use axum::extract::State;
use axum::{Extension, Json};
use monitors::look::Told;
use monitors::machine::ObjectName;
use monitors::store::KeptNotice;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use vocabulary::state::{NoticeKind, State as WatchedState};

use super::status::off_thread;
use super::watched;
use crate::accounts::Caller;
use crate::answer::{Answer, Params, Problem};
use crate::services::Services;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Of {
    check: Option<String>,
    host: Option<String>,
    monitor: Option<String>,
    /// One of the monitor's instances; left out: all of them.
    instance: Option<String>,
    /// The newest so many; left out: all.
    limit: Option<usize>,
}

/// One entry for each recipient and channel.
#[derive(Serialize, ToSchema)]
pub struct Notification {
    at: i64,
    #[schema(value_type = String, example = "problem")]
    kind: NoticeKind,
    #[schema(value_type = String, example = "CRITICAL")]
    state: WatchedState,
    /// The contact's name.
    recipient: String,
    channel: String,
    check: Option<String>,
    host: Option<String>,
    instance: Option<String>,
    /// How many problem notices there were, with this one.
    number: u32,
    text: String,
    author: String,
    comment: String,
}

/// In the order in which they were told.
#[utoipa::path(get, path = "/notifications", params(Of), responses((status = 200, body = Vec<Notification>)))]
pub async fn notifications(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Params(of): Params<Of>,
) -> Answer<Json<Vec<Notification>>> {
    watched::sees(&caller)?;
    let limit = of.limit;
    let name = match (of.check, of.host, of.monitor, of.instance) {
        (Some(name), None, None, None) => Told::Of(ObjectName::Check(name)),
        (None, Some(name), None, None) => Told::Of(ObjectName::Host(name)),
        (None, None, Some(name), Some(instance)) => Told::Of(ObjectName::Instance(name, instance)),
        (None, None, Some(name), None) => Told::OfMonitor(name),
        (None, None, None, None) => Told::OfAll,
        _ => {
            let why =
                "write one of `check`, `host` and `monitor` (which may have an `instance`), or none for all";
            return Err(Problem::bad_request(why));
        }
    };
    off_thread(&services, move |services| {
        let kept = services.monitors.notices(&name, limit)?;
        let mut all: Vec<Notification> = kept.into_iter().flat_map(of_each_channel).collect();
        if let Some(limit) = limit {
            all.drain(..all.len().saturating_sub(limit));
        }
        Ok(Json(all))
    })
    .await
}

fn of_each_channel(notice: KeptNotice) -> Vec<Notification> {
    let host = notice.monitor.strip_prefix(monitors::machine::HOST_PREFIX).map(str::to_owned);
    let check = host.is_none().then(|| notice.monitor.clone());
    let instance = (!notice.instance.is_empty()).then(|| notice.instance.clone());
    let entry = |channel: &String| Notification {
        at: notice.at,
        kind: notice.kind,
        state: notice.state,
        recipient: notice.recipient.clone(),
        channel: channel.clone(),
        check: check.clone(),
        host: host.clone(),
        instance: instance.clone(),
        number: notice.number,
        text: notice.text.clone(),
        author: notice.author.clone(),
        comment: notice.comment.clone(),
    };
    notice.channels.iter().map(entry).collect()
}
