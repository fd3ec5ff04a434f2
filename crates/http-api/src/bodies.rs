//! How much of a request's body is taken.
//!
//! What anybody may post is small, and whole within a moment: it is read here, before any handler, so that strangers hold
//! little of our memory, and that for a short time. Pings are read otherwise: only their beginning is kept (`ping`); so is what
//! SDKs send (`sentry::body`).

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::alerts_in::pagerduty;
use crate::answer::{Answer, Problem};
use crate::{guard, ping, providers, sentry};

/// A form that somebody fills in, or a password.
const MAX_OPEN_BYTES: usize = 64 << 10;
/// Half a MiB, the most that any of them may send, comes over a bad line of 20 KiB a second in this time.
pub const WHOLE_WITHIN: Duration = Duration::from_secs(30);

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
pub async fn read_open(request: Request, next: Next) -> Response {
    let Some(most) = most_of(&request) else { return next.run(request).await };
    match whole(request, most, WHOLE_WITHIN).await {
        Ok(request) => next.run(request).await,
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

async fn whole(request: Request, most: usize, within: Duration) -> Answer<Request> {
    if is_announced_above(&request, most) {
        return Err(too_long(most));
    }
    let (head, body) = request.into_parts();
    let mut body = Request::new(body);
    DefaultBodyLimit::max(most).apply(&mut body);
    let read = tokio::time::timeout(within, Bytes::from_request(body, &())).await.map_err(|_| {
        let why = format!("the body was not whole within {} s", within.as_secs());
        Problem::new(StatusCode::REQUEST_TIMEOUT, why).hint("send it at once")
    })?;
    let read = read.map_err(|unread| match unread.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_long(most),
        status => Problem::new(status, unread.body_text()),
    })?;
    Ok(Request::from_parts(head, Body::from(read)))
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
        let status = |read: Answer<Request>| read.err().map(|problem| problem.status());
        let of = |length: usize| request("POST", "/in/pd", Body::from("a".repeat(length)));
        let read = whole(of(10), 10, soon).await.unwrap();
        assert_eq!(Bytes::from_request(read, &()).await.unwrap().len(), 10);
        assert_eq!(status(whole(of(11), 10, soon).await), Some(StatusCode::PAYLOAD_TOO_LARGE));
        let never = Body::from_stream(tokio_stream::pending::<Result<Bytes, std::io::Error>>());
        let never = whole(request("POST", "/in/pd", never), 10, Duration::from_millis(1)).await;
        assert_eq!(status(never), Some(StatusCode::REQUEST_TIMEOUT));
        let mut announced = of(0);
        announced.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(11));
        assert_eq!(status(whole(announced, 10, soon).await), Some(StatusCode::PAYLOAD_TOO_LARGE));
    }
}
