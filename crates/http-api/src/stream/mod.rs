//! The live stream: server-sent events, one message a second and tick, columns instead of objects.
//!
//! Every distinct target is evaluated once a tick over its last few slots, whoever watches it, and where there is no time
//! for all those of who has used the least of it come first ([`turns`]); what
//! changed since the tick before goes to the streams that want it ([`watch`]). A stream that does not
//! read fast enough is closed: the browser comes back and says what it saw last.

mod batches;
mod feed;
mod hub;
mod message;
mod turns;
mod watch;

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use serde::Deserialize;
use tokio_stream::{Stream, StreamExt};
use utoipa::ToSchema;
use vocabulary::Timestamp;

use crate::accounts::Caller;
use crate::answer::{Answer, Body, Problem};
use crate::parameters::Parameters;
use crate::services::Services;

pub use feed::run;
pub use hub::{Hub, LookedAt};

/// A comment this often keeps proxies from closing a quiet connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Live points of targets. `target` may be repeated; `from` (such as `-60s`) asks for that much past first.
#[utoipa::path(get, path = "/stream",
    params(("target" = Vec<String>, Query, description = "targets"), ("from" = Option<String>, Query, description = "-60s")),
    responses((status = 200, content_type = "text/event-stream"), (status = 400, body = Problem)))]
pub async fn open(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Extension(looked_at): Extension<LookedAt>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let parameters = Parameters::of_query(query.as_deref().unwrap_or_default());
    let now = services.clock.now();
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok()).map(Timestamp);
    let from = match parameters.last("from") {
        Some(text) => Some(crate::evaluate::parse_time(text, now, "UTC")?),
        None => seen,
    };
    let (id, events) = services.hub.open(looked_at, caller, parameters.all("target"), from)?;
    services.counters.streams.fetch_add(1, Ordering::Relaxed);
    let hello =
        message::hello(&id, services.clock.since_epoch().as_secs_f64(), services.control.identity().version);
    let closing = Closing { services: services.clone(), id };
    let events = tokio_stream::once(hello).chain(events).map(move |event| {
        let _open = &closing;
        Ok(event)
    });
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

/// Dropped with the response's body, when the reader has gone.
struct Closing {
    services: Arc<Services>,
    id: String,
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.services.hub.close(&self.id);
        self.services.counters.streams.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Targets {
    targets: Vec<String>,
    /// How much past is wanted of targets that the stream did not have before, such as `-60s`.
    from: Option<String>,
}

/// Changes what an open stream carries.
#[utoipa::path(put, path = "/streams/{id}", params(("id" = String, Path)), request_body = Targets,
    responses((status = 204), (status = 404, body = Problem)))]
pub async fn set_targets(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Body(wanted): Body<Targets>,
) -> Answer<StatusCode> {
    let now = services.clock.now();
    let from = wanted.from.map(|text| crate::evaluate::parse_time(&text, now, "UTC")).transpose()?;
    services.hub.set_targets(&id, &caller.scope, wanted.targets, from)?;
    Ok(StatusCode::NO_CONTENT)
}
