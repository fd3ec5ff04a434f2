//! `/js-sdk-loader/KEY.min.js`: a few lines for a page instead of Sentry's whole client. They note what breaks, and load the client
//! when there is something to send; the options are those that Sentry's own loader takes.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::answers::{Refusal, open_to_pages};
use super::door;
use crate::api_v1::errors::projects;
use crate::services::Services;

pub const PREFIX: &str = "/js-sdk-loader/";
const SCRIPT: &str = include_str!("loader.js");
/// Where the settings stand in the script.
const PLACE: &str = "__SETTINGS__";
const ENDINGS: [&str; 2] = [".min.js", ".js"];
/// A page asks once a visit, and another client or DSN is there as soon.
const CACHING: &str = "public, max-age=300";

pub async fn loader(State(services): State<Arc<Services>>, Path(file): Path<String>) -> Response {
    open_to_pages(script(&services, &file).unwrap_or_else(Refusal::into_response))
}

fn script(services: &Services, file: &str) -> Result<Response, Refusal> {
    let key = ENDINGS.iter().find_map(|ending| file.strip_suffix(ending));
    let key = key.ok_or_else(|| {
        Refusal::new(StatusCode::NOT_FOUND, "a loader is called after the public key: KEY.min.js")
    })?;
    let (project, key) = door::of_written_key(services, key)?;
    let settings = services.settings.load();
    let client = settings.errors.browser_client.as_deref().ok_or_else(|| {
        let why =
            "nobody has said where Sentry's client lies that pages are to load: set errors.browser_client";
        Refusal::new(StatusCode::NOT_FOUND, why)
    })?;
    let script = filled(&projects::dsn(services, project.id, &key), client);
    let headers =
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8"), (header::CACHE_CONTROL, CACHING)];
    Ok((headers, script).into_response())
}

fn filled(dsn: &str, client: &str) -> String {
    SCRIPT.replacen(PLACE, &json!({"dsn": dsn, "client": client}).to_string(), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_configuration_says_is_data_in_the_script() {
        let script = filled("http://ab@shop.example/1", "https://shop.example/\"+alert(1)+\".js");
        assert!(script.contains(r#""client":"https://shop.example/\"+alert(1)+\".js""#), "{script}");
        assert!(script.contains(r#""dsn":"http://ab@shop.example/1""#) && !script.contains(PLACE));
    }
}
