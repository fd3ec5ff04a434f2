//! `/metrics/find`, `/metrics/expand`, `/metrics/index.json`

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use graphite::{Names, find as answers};
use vocabulary::ports::QueryLimits;

use super::query;
use crate::accounts::Caller;
use crate::parameters::Parameters;
use crate::services::Services;

fn names<'a>(services: &'a Services, caller: &'a Caller, limits: &'a QueryLimits) -> Names<'a> {
    Names { source: services.source.as_ref(), scope: &caller.scope, limits }
}

pub async fn find(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Parameters(parameters): Parameters,
) -> Response {
    query(&services, move |services, limits| {
        answers::find(&parameters, services.clock.now(), &services.zone, names(services, &caller, limits))
    })
    .await
}

pub async fn expand(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Parameters(parameters): Parameters,
) -> Response {
    query(&services, move |services, limits| answers::expand(&parameters, names(services, &caller, limits)))
        .await
}

pub async fn index(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Parameters(parameters): Parameters,
) -> Response {
    query(&services, move |services, limits| answers::index(&parameters, names(services, &caller, limits)))
        .await
}
