//! `/render`

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use graphite::{Defaults, Environment, RenderRequest};

use super::{plain, query};
use crate::accounts::Caller;
use crate::evaluate::StateEvents;
use crate::parameters::Parameters;
use crate::services::Services;

pub async fn render(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Parameters(parameters): Parameters,
) -> Response {
    query(&services, move |services, limits| {
        let defaults = Defaults::of_zone(services.zone.clone());
        let request = RenderRequest::from_params(&parameters, services.clock.now(), &defaults)?;
        let events = StateEvents(&services.state);
        let environment =
            Environment { source: services.source.as_ref(), events: &events, scope: &caller.scope, limits };
        graphite::render(&request, environment).map(|(answer, _)| answer)
    })
    .await
}

/// How front ends of graphite-web ask one another to evaluate; with pickles that hold anything.
pub async fn local() -> Response {
    plain(
        StatusCode::NOT_FOUND,
        "Rendering for another graphite-web is not served. List this server in its CLUSTER_SERVERS: /render and \
         /metrics/find answer pickle and msgpack.\n",
    )
}
