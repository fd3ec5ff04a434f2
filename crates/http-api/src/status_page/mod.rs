//! `/status`: what we say to people outside, in words that a person wrote. Nothing that is measured gets there by itself, and
//! no name of anybody.
//!
//! | file | holds |
//! |---|---|
//! | `config.rs` | `[status_page]` |
//! | `posts.rs` | what was said, in the state database |
//! | `page.rs`, `feed.rs` | the page, and its Atom feed |
//! | `readers.rs`, `mail.rs` | who gets it by mail, and the mail |

mod config;
mod feed;
pub mod mail;
mod page;
pub mod posts;
mod readers;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::answer::Answer;
use crate::api_v1::off_thread;
use crate::services::Services;
use crate::{plain_page, ui};

pub use config::StatusPageConfig;
pub use posts::MIGRATIONS;

/// These ask for no sign-in.
pub const PATHS: [&str; 3] = ["/status", "/status/feed.atom", mail::PATH];
/// So do those below.
pub const MAIL_PREFIX: &str = "/status/mail/";

/// In an outage everybody looks: what stands between may keep it so long.
const CACHING: &str = "public, max-age=15";

pub async fn show(State(services): State<Arc<Services>>, headers: HeaderMap) -> Response {
    let made = made(&services, &headers, |services, config| {
        let now = services.clock.now();
        Ok(page::of(config, &posts::shown(&services.state, now)?, now))
    });
    match made.await {
        Ok(page) => plain_page::answer(StatusCode::OK, page, CACHING),
        Err(refused) => refused,
    }
}

pub async fn feed(State(services): State<Arc<Services>>, headers: HeaderMap) -> Response {
    let made = made(&services, &headers, |services, config| {
        let now = services.clock.now();
        let base = services.settings.load().http.public_url.trim_end_matches('/').to_owned();
        Ok(feed::of(config, &posts::shown(&services.state, now)?, &base))
    });
    match made.await {
        Ok(feed) => {
            let headers = [
                (header::CONTENT_TYPE, HeaderValue::from_static("application/atom+xml; charset=utf-8")),
                (header::CACHE_CONTROL, HeaderValue::from_static(CACHING)),
            ];
            (StatusCode::OK, headers, feed).into_response()
        }
        Err(refused) => refused,
    }
}

/// While it is switched off there is no such page.
async fn made(
    services: &Arc<Services>,
    headers: &HeaderMap,
    make: impl FnOnce(&Services, &StatusPageConfig) -> Answer<String> + Send + 'static,
) -> Result<String, Response> {
    let config = services.settings.load().status_page.clone();
    if !config.enabled {
        return Err(ui::nothing(&Method::GET, "status", headers));
    }
    let made = off_thread(services, move |services| make(services, &config)).await;
    made.map_err(|problem| {
        tracing::warn!(error = problem.error, "the status page cannot be made");
        let words =
            "<h1>Not now</h1><p>This page cannot be shown at this moment. Please come back in a minute.</p>";
        let page = plain_page::page("Not now", words);
        plain_page::answer(StatusCode::SERVICE_UNAVAILABLE, page, "no-store")
    })
}
