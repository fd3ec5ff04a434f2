//! `/functions`: what the target language can do.

use axum::extract::Path;
use axum::http::Method;
use axum::response::Response;
use graphite::describe;

use super::{respond, wrong_method};
use crate::parameters::Parameters;

pub async fn list(method: Method, Parameters(parameters): Parameters) -> Response {
    match reads(&method) {
        true => respond(Ok(describe::functions(&parameters))),
        false => wrong_method("GET, HEAD"),
    }
}

pub async fn one(method: Method, Path(name): Path<String>, Parameters(parameters): Parameters) -> Response {
    match reads(&method) {
        true => respond(describe::function(&name, &parameters)),
        false => wrong_method("GET, HEAD"),
    }
}

fn reads(method: &Method) -> bool {
    *method == Method::GET || *method == Method::HEAD
}
