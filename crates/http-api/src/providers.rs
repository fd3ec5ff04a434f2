//! `POST /in/CHANNEL`: what the provider of a channel posts to us, such as that somebody has acknowledged there. Whoever posts
//! is believed by the channel's own `secret`, so nobody signs in.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};

use crate::answer::{Answer, Problem};
use crate::api_v1::off_thread;
use crate::control::{NotHeard, Posted};
use crate::services::Services;

/// What is below it asks for no sign-in.
pub const PREFIX: &str = "/in/";
/// Events of PagerDuty and Opsgenie have some KiB.
pub const MAX_BYTES: usize = 256 << 10;

/// An event that says nothing to us is taken too: else it would be sent again and again.
pub async fn take(
    State(services): State<Arc<Services>>,
    Path(channel): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Answer<StatusCode> {
    off_thread(&services, move |services| {
        let posted = Posted { channel, headers, body };
        services.control.hear(&posted).map(|()| StatusCode::ACCEPTED).map_err(told)
    })
    .await
}

fn told(why: NotHeard) -> Problem {
    match why {
        NotHeard::Unknown => {
            Problem::not_found("no channel of this name has a `secret` for what its provider posts")
                .hint("docs/channels.md tells which types hear, and what to write")
        }
        NotHeard::NotTheirs(why) => Problem::forbidden(why),
        NotHeard::Garbled(why) => Problem::bad_request(why),
        NotHeard::NotNow(why) => Problem::new(StatusCode::SERVICE_UNAVAILABLE, why),
    }
}
