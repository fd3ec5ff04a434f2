//! One call over HTTP/1.1, with its redirects.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use hyper_util::rt::TokioIo;

use crate::Secret;
use crate::connection::{Connection, Target, Timings};
use crate::deadline::Deadline;
use crate::egress::Egress;
use crate::failure::{Failure, Kind};
use crate::limits::{BODY_BYTES_MAX, HEAD_BYTES_MAX, HEADERS_MAX, REDIRECTS_MAX};
use crate::tls::{self, Shown};
use crate::url::Url;

/// Says by the peer's address, and that of our end, whether a call may not reach whom it has connected to: asked before anything
/// is sent.
pub type Spared = Arc<dyn Fn(SocketAddr, IpAddr) -> bool + Send + Sync>;

/// Without `Debug`: headers and bodies hold secrets.
#[derive(Clone)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
    pub auth: Option<Auth>,
    /// Connect there instead of where the URL says, which is still what is asked for.
    pub connect_to: Option<String>,
    /// For looking up, connecting and shaking hands, each time.
    pub connect_timeout: Duration,
    /// For all of it, redirects included.
    pub timeout: Duration,
    /// Bytes of the answer's body that are kept.
    pub body_most: usize,
    /// 0: a redirect is the answer.
    pub redirects_most: u8,
    pub tls: tls::Options,
    pub spared: Option<Spared>,
}

#[derive(Clone)]
pub enum Auth {
    Basic { user: String, password: Secret },
    Bearer(Secret),
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// There was more than was kept.
    pub is_cut: bool,
    /// Where it came from, in the end.
    pub url: Url,
    pub redirects: u8,
    pub address: SocketAddr,
    pub tls: Option<Shown>,
    /// Of the last hop; `total` of all.
    pub timings: Timings,
}

impl Request {
    pub fn new(method: Method, url: Url) -> Request {
        Request {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            auth: None,
            connect_to: None,
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            body_most: BODY_BYTES_MAX,
            redirects_most: REDIRECTS_MAX,
            tls: tls::Options::default(),
            spared: None,
        }
    }

    /// The message says what is wrong, not what was written: it may be a secret.
    pub fn header(&mut self, name: &str, value: &str) -> Result<(), Failure> {
        let (name, value) = header(name, value).map_err(|message| Failure::new(Kind::Wrong, message))?;
        self.headers.append(name, value);
        Ok(())
    }
}

/// For callers that name no library of ours.
pub fn get() -> Method {
    Method::GET
}

pub fn post() -> Method {
    Method::POST
}

/// What may be sent as a header.
pub fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), String> {
    let key = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| format!("`{name}` is no name of a header: letters, digits and dashes only"))?;
    let mut value = HeaderValue::from_str(value).map_err(|_| {
        format!("the value of the header `{name}` has a line break or another control character")
    })?;
    value.set_sensitive(true);
    Ok((key, value))
}

/// Asks, follows redirects as browsers do, and reads the answer.
pub async fn call(egress: &Egress, request: &Request) -> Result<Answer, Failure> {
    let begun = Instant::now();
    let deadline = Deadline::after(request.timeout);
    let mut hop = Hop::first(request);
    loop {
        let doing =
            if hop.number == 0 { String::new() } else { format!("redirected to {}: ", hop.url.origin()) };
        let asked = hop.ask(egress, request, deadline).await;
        let mut answer =
            asked.map_err(|failure| Failure { message: format!("{doing}{}", failure.message), ..failure })?;
        let next = if request.redirects_most == 0 { None } else { location(&answer)? };
        match next {
            None => {
                answer.timings.total = begun.elapsed();
                return Ok(answer);
            }
            Some(_) if hop.number == request.redirects_most => {
                let (most, origin) = (request.redirects_most, answer.url.origin());
                let told = format!("more than {most} redirects, the last from {origin}");
                return Err(Failure::new(Kind::Redirected, told));
            }
            Some(url) => hop = hop.follow(url, &answer),
        }
    }
}

/// Where the answer sends us.
fn location(answer: &Answer) -> Result<Option<Url>, Failure> {
    if !matches!(answer.status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = answer.headers.get(header::LOCATION) else { return Ok(None) };
    let wrong = |why: String| {
        let origin = answer.url.origin();
        Failure::new(Kind::Redirected, format!("{origin} redirects to something that is not followed: {why}"))
    };
    answer.url.join(location.as_bytes()).map(Some).map_err(wrong)
}

/// One of the requests that a call may take.
struct Hop {
    number: u8,
    url: Url,
    method: Method,
    with_body: bool,
    /// The caller's headers and name; not for whom another server names.
    with_secrets: bool,
    sent_by: Option<IpAddr>,
}

impl Hop {
    fn first(request: &Request) -> Hop {
        Hop {
            number: 0,
            url: request.url.clone(),
            method: request.method.clone(),
            with_body: true,
            with_secrets: true,
            sent_by: None,
        }
    }

    /// After 303, and after 301 and 302 to a POST, browsers ask with GET. A body is kept from another server as headers
    /// are: it was not meant for it.
    fn follow(self, url: Url, answer: &Answer) -> Hop {
        let status = answer.status.as_u16();
        let becomes_get = status == 303 && self.method != Method::HEAD
            || matches!(status, 301 | 302) && self.method == Method::POST;
        let with_secrets = self.with_secrets && url.is_same_origin(&self.url);
        Hop {
            number: self.number + 1,
            method: if becomes_get { Method::GET } else { self.method },
            with_body: self.with_body && with_secrets && !becomes_get,
            with_secrets,
            sent_by: Some(answer.address.ip()),
            url,
        }
    }

    async fn ask(&self, egress: &Egress, request: &Request, deadline: Deadline) -> Result<Answer, Failure> {
        let connection = self.connect(egress, request, deadline.or_after(request.connect_timeout)).await?;
        let (address, tls) = (connection.address, connection.tls.clone());
        let mut timings = connection.timings;
        let begun = Instant::now();
        let (response, _driver) = deadline.within("ask", send(connection, self.message(request)?)).await?;
        timings.first_byte = begun.elapsed();
        let (head, body) = response.into_parts();
        let (body, is_cut) = deadline.within("read the answer", kept(body, request.body_most)).await?;
        timings.total = begun.elapsed();
        Ok(Answer {
            status: head.status,
            headers: head.headers,
            body,
            is_cut,
            url: self.url.clone(),
            redirects: self.number,
            address,
            tls,
            timings,
        })
    }

    async fn connect(
        &self,
        egress: &Egress,
        request: &Request,
        deadline: Deadline,
    ) -> Result<Connection, Failure> {
        let mut target = Target::new(self.url.host(), self.url.port());
        if let Some(instead) = request.connect_to.as_deref().filter(|_| self.url.is_same_origin(&request.url))
        {
            target = Target::new(instead, self.url.port());
        }
        target.sent_by = self.sent_by;
        let connection = Connection::open(egress, target, deadline).await?;
        let (peer, local) = (connection.address, connection.local.ip());
        if request.spared.as_ref().is_some_and(|is_spared| is_spared(peer, local)) {
            return Err(Failure::new(
                Kind::Forbidden,
                format!("{target} is where this server itself listens"),
            ));
        }
        if !self.url.is_encrypted() {
            return Ok(connection);
        }
        let mut options = request.tls.clone();
        options.protocols = &[b"http/1.1"];
        if options.name.is_none() || !self.url.is_same_origin(&request.url) {
            options.name = Some(self.url.host().to_owned());
        }
        connection.encrypt(egress, &options, deadline).await
    }

    fn message(&self, request: &Request) -> Result<hyper::Request<Full<Bytes>>, Failure> {
        let body = if self.with_body { request.body.clone() } else { Bytes::new() };
        let wrong =
            |error: &dyn std::fmt::Display| Failure::new(Kind::Wrong, format!("make the request: {error}"));
        let mut message = hyper::Request::builder()
            .method(self.method.clone())
            .uri(self.url.path_and_query())
            .body(Full::new(body))
            .map_err(|error| wrong(&error))?;
        let headers = message.headers_mut();
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static(concat!("bellwether/", env!("CARGO_PKG_VERSION"))),
        );
        headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
        let host = HeaderValue::from_str(&self.url.authority()).map_err(|error| wrong(&error))?;
        headers.insert(header::HOST, host);
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        if self.with_secrets {
            // The first of a name takes the place of ours, further ones stand beside it.
            for name in request.headers.keys() {
                headers.remove(name);
                for value in request.headers.get_all(name) {
                    headers.append(name, value.clone());
                }
            }
            if let Some(auth) = &request.auth {
                headers.insert(header::AUTHORIZATION, auth.header()?);
            }
        }
        Ok(message)
    }
}

impl Auth {
    fn header(&self) -> Result<HeaderValue, Failure> {
        let text = match self {
            Auth::Basic { user, password } => {
                format!("Basic {}", BASE64.encode(format!("{user}:{}", password.0)))
            }
            Auth::Bearer(token) => format!("Bearer {}", token.0),
        };
        let wrong = |_| Failure::new(Kind::Wrong, "the token has a line break or another control character");
        let mut value = HeaderValue::from_str(&text).map_err(wrong)?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// Ends the work on a connection when the call ends, however that is.
struct Driver(tokio::task::JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn send(
    connection: Connection,
    message: hyper::Request<Full<Bytes>>,
) -> Result<(hyper::Response<Incoming>, Driver), Failure> {
    let shaken = http1::Builder::new()
        .max_headers(HEADERS_MAX)
        // Old servers look for `Host`, though any case is right.
        .title_case_headers(true)
        .max_buf_size(HEAD_BYTES_MAX)
        .handshake(TokioIo::new(connection))
        .await;
    let (mut sender, work) = shaken.map_err(|error| of_hyper("ask", &error))?;
    // Its errors come out of the request or the body as well.
    let driver = Driver(tokio::spawn(async move {
        let _ = work.await;
    }));
    let response = sender.send_request(message).await.map_err(|error| of_hyper("ask", &error))?;
    Ok((response, driver))
}

async fn kept(mut body: Incoming, most: usize) -> Result<(Bytes, bool), Failure> {
    let mut kept = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| of_hyper("read the answer", &error))?;
        let Ok(data) = frame.into_data() else { continue };
        let room = most - kept.len();
        kept.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            return Ok((kept.into(), true));
        }
    }
    Ok((kept.into(), false))
}

fn of_hyper(doing: &str, error: &hyper::Error) -> Failure {
    use std::error::Error;
    if error.is_parse_too_large() {
        let told = format!("{doing}: more than {HEADERS_MAX} headers or {HEAD_BYTES_MAX} bytes of them");
        return Failure::new(Kind::TooMuch, told);
    }
    if error.is_parse() {
        return Failure::new(Kind::Garbled, format!("{doing}: what came is not HTTP/1.1 ({error})"));
    }
    let inner = error.source().and_then(|inner| inner.downcast_ref::<io::Error>());
    match inner {
        Some(inner) if inner.kind() != io::ErrorKind::UnexpectedEof => Failure::of_io(doing, inner),
        _ => Failure::new(
            Kind::Closed,
            format!("{doing}: the connection was closed before the answer was whole"),
        ),
    }
}
