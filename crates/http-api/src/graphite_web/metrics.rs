//! `/metrics/find`, `/metrics/expand`, `/metrics/index.json`.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use graphite::find as answers;

use super::{names, query};
use crate::accounts::Caller;
use crate::parameters::Parameters;
use crate::services::Services;

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
