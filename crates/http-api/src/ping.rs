//! `/ping/…`: Healthchecks' way in, for whatever runs on a schedule. Whoever knows the UUID or the key may ping, with any
//! method; the answers are the original's.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use monitors::kinds::heartbeat::ask::{self, Ask, Refused};
use monitors::kinds::heartbeat::beats::{Answer, Heard};
use monitors::kinds::heartbeat::limits::MAX_BODY;
use tokio::sync::oneshot;
use tokio_stream::StreamExt;

use crate::bodies::WHOLE_WITHIN;
use crate::services::Services;

/// What is below it asks for no sign-in.
pub const PREFIX: &str = "/ping/";
/// What a client sends beyond what is kept is read as far as this, so that it gets to hear the answer.
const MAX_READ: usize = 1 << 20;

pub async fn ping(
    State(services): State<Arc<Services>>,
    Path(path): Path<String>,
    request: Request,
) -> Response {
    let method = request.method().to_string();
    let query: Vec<(String, String)> =
        form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes()).into_owned().collect();
    let first = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let read = ask::read(&path, first("rid"), first("create") == Some("1"));
    let (whom, kind, exit, rid) = match read {
        Ok(read) => read,
        Err(refused) => return answer(Err(refused)),
    };
    let body = body(request.into_body(), WHOLE_WITHIN).await;
    let (sender, receiver) = oneshot::channel();
    let now_ms = i64::try_from(services.clock.since_epoch().as_millis()).unwrap_or(i64::MAX);
    let ask = Ask { whom, kind, exit, rid, method, body };
    services.heartbeats.ask(
        ask,
        now_ms,
        Box::new(move |answer| {
            // Whoever asked has gone; the ping counts all the same.
            let _ = sender.send(answer);
        }),
    );
    // Nobody answers any more when the server stops in this moment.
    answer(receiver.await.unwrap_or(Err(Refused::Busy)))
}

/// As much of it as is kept; a client that breaks off, or takes too long, has pinged all the same.
async fn body(body: Body, within: Duration) -> Vec<u8> {
    let mut kept = Vec::new();
    tokio::time::timeout(within, keep(body, &mut kept)).await.ok();
    kept
}

async fn keep(body: Body, kept: &mut Vec<u8>) {
    let mut seen = 0;
    let mut stream = body.into_data_stream();
    while let Some(Ok(chunk)) = stream.next().await {
        let chunk: Bytes = chunk;
        seen += chunk.len();
        kept.extend_from_slice(&chunk[..chunk.len().min(MAX_BODY - kept.len())]);
        if seen > MAX_READ {
            break;
        }
    }
}

fn answer(answer: Answer) -> Response {
    let (status, text) = match answer {
        Ok(Heard::Known) => (StatusCode::OK, "OK"),
        Ok(Heard::Made) => (StatusCode::CREATED, "Created"),
        Err(Refused::NotFound) => (StatusCode::NOT_FOUND, "not found"),
        Err(Refused::BadExit) => (StatusCode::BAD_REQUEST, "invalid url format"),
        Err(Refused::BadRid) => (StatusCode::BAD_REQUEST, "invalid uuid format"),
        Err(Refused::Ambiguous) => (StatusCode::CONFLICT, "ambiguous slug"),
        Err(Refused::Busy) => (StatusCode::TOO_MANY_REQUESTS, "rate limited"),
        Err(Refused::TooMany) => {
            (StatusCode::TOO_MANY_REQUESTS, "pings have made as many heartbeats as they may")
        }
        Err(Refused::Disk) => (StatusCode::SERVICE_UNAVAILABLE, "the ping could not be written"),
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("max-age=0, no-cache, no-store, must-revalidate, private"),
    );
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(HeaderName::from_static("ping-body-limit"), HeaderValue::from(MAX_BODY));
    if status == StatusCode::TOO_MANY_REQUESTS {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    (status, headers, text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn of_a_body_that_does_not_end_what_came_counts() {
        let first = tokio_stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"begun"))]);
        let slow = Body::from_stream(first.chain(tokio_stream::pending()));
        assert_eq!(body(slow, Duration::from_millis(50)).await, b"begun");
        assert_eq!(body(Body::from("whole"), Duration::from_secs(60)).await, b"whole");
    }
}
