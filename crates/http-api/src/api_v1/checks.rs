//! Checks: how each is, results that are sent, and what people do about them.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use axum::{Extension, Json};
use monitors::machine::ObjectName;

use super::downtimes::Made;
use super::watched::{
    self, AcknowledgementAnswer, Enabled, History, NewAcknowledgement, NewComment, NewNotice, NewResult,
    NotTold, Patience, Taken, Watched, Window,
};
use crate::accounts::{Caller, Role};
use crate::answer::{Answer, Body, Params, Problem};
use crate::services::Services;

#[utoipa::path(get, path = "/checks/{name}", params(("name" = String, Path)),
    responses((status = 200, body = Watched), (status = 404, body = Problem)))]
pub async fn show_check(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<Json<Watched>> {
    let name = ObjectName::Check(name);
    watched::theirs(&caller, Role::Viewer, &name)?;
    watched::show(&services, &caller.scope, &name)
}

/// On the disk when it is answered.
#[utoipa::path(post, path = "/checks/{name}/result", params(("name" = String, Path)), request_body = NewResult,
    responses((status = 200, body = Taken), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub async fn take_check_result(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Body(new): Body<NewResult>,
) -> Answer<Json<Taken>> {
    watched::take_result(&services, &caller, ObjectName::Check(name), new).await
}

#[utoipa::path(get, path = "/checks/{name}/history", params(("name" = String, Path), Window),
    responses((status = 200, body = History), (status = 404, body = Problem)))]
pub async fn check_history(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Params(window): Params<Window>,
) -> Answer<Json<History>> {
    watched::history(&services, &caller, ObjectName::Check(name), window).await
}

#[utoipa::path(post, path = "/checks/{name}/run", params(("name" = String, Path), Patience),
    responses((status = 200, body = Watched), (status = 202), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn run_check(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Params(patience): Params<Patience>,
) -> Answer<Response> {
    watched::run_now(&services, &caller, ObjectName::Check(name), patience).await
}

#[utoipa::path(post, path = "/checks/{name}/ack", params(("name" = String, Path)), request_body = NewAcknowledgement,
    responses((status = 200, body = AcknowledgementAnswer), (status = 404, body = Problem)))]
pub async fn acknowledge_check(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Body(new): Body<NewAcknowledgement>,
) -> Answer<Json<AcknowledgementAnswer>> {
    watched::acknowledge(&services, &caller, ObjectName::Check(name), new).await
}

#[utoipa::path(delete, path = "/checks/{name}/ack", params(("name" = String, Path)),
    responses((status = 200, body = AcknowledgementAnswer), (status = 404, body = Problem)))]
pub async fn remove_check_acknowledgement(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Answer<Json<AcknowledgementAnswer>> {
    watched::remove_acknowledgement(&services, &caller, ObjectName::Check(name)).await
}

#[utoipa::path(put, path = "/checks/{name}/notifications", params(("name" = String, Path)), request_body = Enabled,
    responses((status = 200, body = Enabled), (status = 404, body = Problem)))]
pub async fn switch_check_notifications(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Body(wanted): Body<Enabled>,
) -> Answer<Json<Enabled>> {
    watched::switch(&services, &caller, ObjectName::Check(name), wanted).await
}

/// A custom notice.
#[utoipa::path(post, path = "/checks/{name}/notify", params(("name" = String, Path)), request_body = NewNotice,
    responses((status = 204), (status = 200, body = NotTold), (status = 404, body = Problem)))]
pub async fn notify_of_check(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Body(new): Body<NewNotice>,
) -> Answer<Response> {
    watched::notify(&services, &caller, ObjectName::Check(name), new).await
}

#[utoipa::path(post, path = "/checks/{name}/comments", params(("name" = String, Path)), request_body = NewComment,
    responses((status = 200, body = Made), (status = 404, body = Problem)))]
pub async fn comment_on_check(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Body(new): Body<NewComment>,
) -> Answer<Json<Made>> {
    watched::comment(&services, &caller, ObjectName::Check(name), new).await
}
