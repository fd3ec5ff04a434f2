//! How much of a request's body is taken.
//!
//! What anybody may post is small, whole within a moment, and all of it together has a bound: it is read here, before any
//! handler, so that strangers hold little of our memory, and that for a short time. Pings are read otherwise: only their
//! beginning is kept (`ping`); so is what SDKs send (`sentry::body`).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::StreamExt;

use crate::alerts_in::pagerduty;
use crate::answer::{Answer, Problem};
use crate::services::Services;
use crate::{guard, ping, providers, sentry};

/// A form that somebody fills in, or a password.
const MAX_OPEN_BYTES: usize = 64 << 10;
/// Half a MiB, the most that any of them may send, comes over a bad line of 20 KiB a second in this time.
pub const WHOLE_WITHIN: Duration = Duration::from_secs(30);
/// Bytes of all bodies that strangers have open: a hundred of the longest, in a part of a small machine's memory. A connection
/// that sends nothing holds none of them.
const MAX_OPEN_BYTES_AT_ONCE: usize = 64 << 20;
/// Seconds until whoever found no room asks again.
const AGAIN_AFTER: &str = "5";

/// What strangers may still send.
pub struct OpenBodies(Arc<Semaphore>);

impl Default for OpenBodies {
    fn default() -> OpenBodies {
        OpenBodies(Arc::new(Semaphore::new(MAX_OPEN_BYTES_AT_ONCE)))
    }
}

impl OpenBodies {
    fn hold(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        self.0.clone().try_acquire_many_owned(u32::try_from(bytes).ok()?).ok()
    }
}

/// Whoever says beforehand that a body is too long need not send it.
pub async fn refuse_long(max_body: usize, request: Request, next: Next) -> Response {
    // SDKs are told in their own form, and by their own bounds.
    let is_long = is_announced_above(&request, max_body) && !sentry::is_ingest(request.uri().path());
    match is_long {
        true => Problem::unread_body(StatusCode::PAYLOAD_TOO_LARGE, String::new()).into_response(),
        false => next.run(request).await,
    }
}

fn is_announced_above(request: &Request, most: usize) -> bool {
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    announced.and_then(|length| length.parse::<u64>().ok()).is_some_and(|length| length > most as u64)
}

/// What asks for no sign-in is handed on with its whole body, or not at all.
pub async fn read_open(State(services): State<Arc<Services>>, request: Request, next: Next) -> Response {
    let Some(most) = most_of(&request) else { return next.run(request).await };
    match whole(request, most, WHOLE_WITHIN, &services.open_bodies).await {
        // Its room is another's once it is answered.
        Ok((request, _room)) => next.run(request).await,
        Err(problem) if problem.is(StatusCode::SERVICE_UNAVAILABLE) => {
            services.counters.refused_bodies.fetch_add(1, Ordering::Relaxed);
            // Not as a failure of ours in the log: whoever sends so many would fill that, too.
            (problem.status(), [(header::RETRY_AFTER, AGAIN_AFTER)], Json(problem)).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// None: whoever sends it has said who they are, nothing of it is kept, or it is bounded elsewhere.
fn most_of(request: &Request) -> Option<usize> {
    let path = request.uri().path();
    let has_none = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if has_none || !guard::is_open(request) || path.starts_with(ping::PREFIX) || sentry::is_ingest(path) {
        return None;
    }
    Some(match path {
        pagerduty::PATH => pagerduty::MAX_BYTES,
        _ if path.starts_with(providers::PREFIX) => providers::MAX_BYTES,
        _ => MAX_OPEN_BYTES,
    })
}

async fn whole(
    request: Request,
    most: usize,
    within: Duration,
    room: &OpenBodies,
) -> Answer<(Request, Option<OwnedSemaphorePermit>)> {
    if is_announced_above(&request, most) {
        return Err(too_long(most));
    }
    let (head, body) = request.into_parts();
    let read = tokio::time::timeout(within, gathered(body, most, room)).await.map_err(|_| {
        let why = format!("the body was not whole within {} s", within.as_secs());
        Problem::new(StatusCode::REQUEST_TIMEOUT, why).hint("send it at once")
    })?;
    let (read, held) = read?;
    Ok((Request::from_parts(head, Body::from(read)), held))
}

/// Room is taken as it comes.
async fn gathered(
    body: Body,
    most: usize,
    room: &OpenBodies,
) -> Answer<(Vec<u8>, Option<OwnedSemaphorePermit>)> {
    let (mut read, mut held) = (Vec::new(), None::<OwnedSemaphorePermit>);
    let mut stream = body.into_data_stream();
    while let Some(chunk) = stream.next().await {
        let chunk: Bytes = chunk.map_err(|_| Problem::bad_request("the body of the request broke off"))?;
        if read.len() + chunk.len() > most {
            return Err(too_long(most));
        }
        let more = room.hold(chunk.len()).ok_or_else(no_room)?;
        match &mut held {
            Some(held) => held.merge(more),
            None => held = Some(more),
        }
        read.extend_from_slice(&chunk);
    }
    Ok((read, held))
}

fn no_room() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too many bodies are sent at once without a sign-in")
        .hint("send it again in a moment, or with a token")
}

fn too_long(most: usize) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "the body of the request is too long")
        .hint(format!("what needs no sign-in takes {} KiB here at most", most >> 10))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn request(method: &str, path: &str, body: Body) -> Request {
        Request::builder().method(method).uri(path).body(body).unwrap()
    }

    #[test]
    fn what_anybody_may_post_has_a_bound() {
        let check = |method: &str, path: &str, most: Option<usize>| {
            assert_eq!(most_of(&request(method, path, Body::empty())), most, "{method} {path}");
        };
        check("POST", "/in/pd", Some(256 << 10));
        check("POST", "/v2/enqueue", Some(512 << 10));
        for path in [
            "/911/key",
            "/status/mail",
            "/status/mail/token",
            "/a/token",
            "/a/token/keys",
            "/api/v1/session",
            "/api/v1/invitations/accept",
        ] {
            check("POST", path, Some(64 << 10));
        }
        check("DELETE", "/api/v1/session", Some(64 << 10));
        check("POST", "/ping/some-key/job", None);
        check("POST", "/api/1/envelope/", None);
        check("POST", "/api/v1/points", None);
        check("POST", "/render", None);
        check("GET", "/", None);
    }

    #[tokio::test]
    async fn a_body_comes_whole_and_soon_or_not_at_all() {
        let soon = Duration::from_secs(60);
        let room = &OpenBodies::default();
        let whole = |request, most, within| whole(request, most, within, room);
        let status = |read: Answer<(Request, Option<OwnedSemaphorePermit>)>| {
            read.err().map(|problem| problem.status())
        };
        let of = |length: usize| request("POST", "/in/pd", Body::from("a".repeat(length)));
        let (read, held) = whole(of(10), 10, soon).await.unwrap();
        assert_eq!(axum::body::to_bytes(read.into_body(), 10).await.unwrap().len(), 10);
        assert_eq!(room.0.available_permits(), MAX_OPEN_BYTES_AT_ONCE - 10);
        drop(held);
        assert_eq!(status(whole(of(11), 10, soon).await), Some(StatusCode::PAYLOAD_TOO_LARGE));
        let never = Body::from_stream(tokio_stream::pending::<Result<Bytes, std::io::Error>>());
        let never = whole(request("POST", "/in/pd", never), 10, Duration::from_millis(1)).await;
        assert_eq!(status(never), Some(StatusCode::REQUEST_TIMEOUT));
        let mut announced = of(0);
        announced.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(11));
        assert_eq!(status(whole(announced, 10, soon).await), Some(StatusCode::PAYLOAD_TOO_LARGE));
        assert_eq!(room.0.available_permits(), MAX_OPEN_BYTES_AT_ONCE, "what is not handed on holds nothing");
    }

    #[tokio::test]
    async fn strangers_together_hold_so_much() {
        let room = OpenBodies(Arc::new(Semaphore::new(15)));
        let of = |length: usize| {
            let bytes = Bytes::from("a".repeat(length));
            let chunks: Vec<_> = bytes.chunks(3).map(|part| Ok::<_, std::io::Error>(part.to_vec())).collect();
            whole(
                request("POST", "/in/pd", Body::from_stream(tokio_stream::iter(chunks))),
                20,
                WHOLE_WITHIN,
                &room,
            )
        };
        let first = of(10).await.unwrap();
        let refused = of(10).await.unwrap_err();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        let second = of(5).await.unwrap();
        assert_eq!(of(1).await.unwrap_err().status(), StatusCode::SERVICE_UNAVAILABLE);
        drop((first, second));
        assert!(of(15).await.is_ok());
    }
}
