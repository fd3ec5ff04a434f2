//! `/post-mortems/TOKEN`: what somebody has published, for whoever has the link.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::api_v1::off_thread;
use crate::plain_page;
use crate::services::Services;

/// What is below it asks for no sign-in.
pub const PREFIX: &str = "/post-mortems/";

pub async fn show(State(services): State<Arc<Services>>, Path(token): Path<String>) -> Response {
    let found = off_thread(&services, move |services| Ok(services.desk.published_page(&token)?)).await;
    match found {
        // Withdrawn, it is to be gone at once.
        Ok(Some(page)) => plain_page::answer(StatusCode::OK, page, "no-cache"),
        Ok(None) => {
            let words = "<h1>There is nothing here</h1><p>It was withdrawn, or the link is not complete.</p>";
            plain_page::answer(StatusCode::NOT_FOUND, plain_page::page("Nothing here", words), "no-store")
        }
        Err(problem) => problem.into_response(),
    }
}
