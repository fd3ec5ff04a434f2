//! How much of a request's body is taken.
//!
//! What anybody may post is small, whole within a moment, and all of it together has a bound: it is read here, before any
//! handler, so that strangers hold little of our memory, and that for a short time. Pings are read otherwise: only their
//! beginning is kept (`ping`); so is what SDKs send (`sentry::body`).

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::StreamExt;

use crate::accounts::Caller;
use crate::alerts_in::pagerduty;
use crate::answer::{Answer, Problem};
use crate::server::Peer;
use crate::services::Services;
use crate::sources::{Share, Shares};
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

/// Of them those of one source: it takes the room of nobody else.
const MAX_OPEN_BYTES_OF_SOURCE: usize = MAX_OPEN_BYTES_AT_ONCE / 8;
/// The beginning of a body needs no room, so that whoever signs in, acknowledges or calls for help always finds some. There
/// are no more of them than connections.
const FREE_BYTES: usize = 4 << 10;

/// What strangers may still send.
pub struct OpenBodies {
    all: Arc<Semaphore>,
    shares: Arc<Shares>,
}

impl Default for OpenBodies {
    fn default() -> OpenBodies {
        OpenBodies::of(MAX_OPEN_BYTES_AT_ONCE, MAX_OPEN_BYTES_OF_SOURCE)
    }
}

impl OpenBodies {
    fn of(all: usize, of_source: usize) -> OpenBodies {
        OpenBodies { all: Arc::new(Semaphore::new(all)), shares: Arc::new(Shares::new(of_source)) }
    }

    fn room(&self, source: IpAddr, proxies: &[IpNet]) -> Room {
        Room { all: self.all.clone(), share: self.shares.of(source, proxies), held: None }
    }
}

/// What one body holds of it.
#[derive(Debug)]
struct Room {
    all: Arc<Semaphore>,
    share: Share,
    held: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// For a body that is so long by now.
    fn reach(&mut self, length: usize) -> bool {
        let has = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = length.saturating_sub(FREE_BYTES).saturating_sub(has);
        if more == 0 {
            return true;
        }
        let Ok(permits) = u32::try_from(more) else { return false };
        let Ok(permit) = self.all.clone().try_acquire_many_owned(permits) else { return false };
        match &mut self.held {
            Some(held) => held.merge(permit),
            None => self.held = Some(permit),
        }
        self.share.take(more)
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
    let room = room_for(&services, &request);
    match whole(request, most, WHOLE_WITHIN, room).await {
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

/// None: whoever sends it has said who they are, and shares nothing with strangers.
fn room_for(services: &Services, request: &Request) -> Option<Room> {
    let known = request.extensions();
    if known.get::<Caller>().is_some() {
        return None;
    }
    let source = guard::source(services, request.headers(), known.get::<Peer>().copied());
    Some(services.open_bodies.room(source, &services.settings.load().auth.trusted_proxies))
}

/// None: it is for whoever has signed in only, nothing of it is kept, or it is bounded elsewhere.
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
    room: Option<Room>,
) -> Answer<(Request, Option<Room>)> {
    if is_announced_above(&request, most) {
        return Err(too_long(most));
    }
    let (head, body) = request.into_parts();
    let read = tokio::time::timeout(within, gathered(body, most, room)).await.map_err(|_| {
        let why = format!("the body was not whole within {} s", within.as_secs());
        Problem::new(StatusCode::REQUEST_TIMEOUT, why).hint("send it at once")
    })?;
    let (read, room) = read?;
    Ok((Request::from_parts(head, Body::from(read)), room))
}

/// Room is taken as it comes.
async fn gathered(body: Body, most: usize, mut room: Option<Room>) -> Answer<(Vec<u8>, Option<Room>)> {
    let mut read = Vec::new();
    let mut stream = body.into_data_stream();
    while let Some(chunk) = stream.next().await {
        let chunk: Bytes = chunk.map_err(|_| Problem::bad_request("the body of the request broke off"))?;
        let length = read.len() + chunk.len();
        if length > most {
            return Err(too_long(most));
        }
        if room.as_mut().is_some_and(|room| !room.reach(length)) {
            return Err(no_room());
        }
        read.extend_from_slice(&chunk);
    }
    Ok((read, room))
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

    const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

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
        let bodies = &OpenBodies::default();
        let whole = |request, most, within| whole(request, most, within, Some(bodies.room(THERE, &[])));
        let status = |read: Answer<(Request, Option<Room>)>| read.err().map(|problem| problem.status());
        let of = |length: usize| request("POST", "/in/pd", Body::from("a".repeat(length)));
        let length = FREE_BYTES + 10;
        let (read, held) = whole(of(length), length, soon).await.unwrap();
        assert_eq!(axum::body::to_bytes(read.into_body(), length).await.unwrap().len(), length);
        assert_eq!(bodies.all.available_permits(), MAX_OPEN_BYTES_AT_ONCE - 10);
        drop(held);
        assert_eq!(status(whole(of(11), 10, soon).await), Some(StatusCode::PAYLOAD_TOO_LARGE));
        let never = Body::from_stream(tokio_stream::pending::<Result<Bytes, std::io::Error>>());
        let never = whole(request("POST", "/in/pd", never), 10, Duration::from_millis(1)).await;
        assert_eq!(status(never), Some(StatusCode::REQUEST_TIMEOUT));
        let mut announced = of(0);
        announced.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(11));
        assert_eq!(status(whole(announced, 10, soon).await), Some(StatusCode::PAYLOAD_TOO_LARGE));
        let left = bodies.all.available_permits();
        assert_eq!(left, MAX_OPEN_BYTES_AT_ONCE, "what is not handed on holds nothing");
    }

    #[tokio::test]
    async fn strangers_together_hold_so_much() {
        let bodies = OpenBodies::of(15, 15);
        let first = sent(FREE_BYTES + 10, Some(bodies.room(THERE, &[]))).await.unwrap();
        let refused = sent(FREE_BYTES + 10, Some(bodies.room(THERE, &[]))).await.unwrap_err();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        let second = sent(FREE_BYTES + 5, Some(bodies.room(THERE, &[]))).await.unwrap();
        let refused = sent(FREE_BYTES + 1, Some(bodies.room(THERE, &[]))).await.unwrap_err();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert!(sent(FREE_BYTES, Some(bodies.room(THERE, &[]))).await.is_ok(), "a password finds room");
        assert!(sent(FREE_BYTES + 10, None).await.is_ok(), "whoever is signed in shares nothing with them");
        drop((first, second));
        assert!(sent(FREE_BYTES + 15, Some(bodies.room(THERE, &[]))).await.is_ok());
    }

    async fn sent(length: usize, room: Option<Room>) -> Answer<(Request, Option<Room>)> {
        let bytes = Bytes::from("a".repeat(length));
        let chunks: Vec<_> = bytes.chunks(3).map(|part| Ok::<_, std::io::Error>(part.to_vec())).collect();
        let body = Body::from_stream(tokio_stream::iter(chunks));
        whole(request("POST", "/in/pd", body), 2 * FREE_BYTES, WHOLE_WITHIN, room).await
    }

    #[tokio::test]
    async fn one_stranger_leaves_room_for_the_next() {
        let bodies = OpenBodies::of(40, 5);
        let proxies: [IpNet; 1] = ["198.51.100.0/24".parse().unwrap()];
        let room = |source: &str| Some(bodies.room(source.parse().unwrap(), &proxies));
        let _first = sent(FREE_BYTES + 5, room("2001:db8::1")).await.unwrap();
        let refused = sent(FREE_BYTES + 1, room("2001:db8::2")).await.unwrap_err();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(bodies.all.available_permits(), 35, "what is refused holds nothing");
        assert!(sent(FREE_BYTES + 5, room("192.0.2.1")).await.is_ok());
        assert!(sent(FREE_BYTES + 20, room("198.51.100.7")).await.is_ok(), "everybody may be behind a proxy");
    }
}
