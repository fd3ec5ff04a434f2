//! Asking the API: a server elsewhere, the one on this machine through its control socket, or, when none
//! runs, the data directory itself, opened by this process and asked through the same paths.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header};
use http_api::server::{Peer, at_any_depth};
use http_body_util::BodyExt;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tower::ServiceExt;

use crate::failure::Failure;
use crate::tls;

/// A server that does not take the connection in this time is away.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest that anybody waits for an answer: merging or checking a large store takes its time.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3_600);
/// Longest answer that is held in memory.
const MAX_ANSWER_BYTES: usize = 1 << 30;

/// Names a server for the commands of a shell.
pub const URL_VARIABLE: &str = "BELLWETHER_URL";

/// Whom to ask.
pub enum Server {
    Remote { url: Uri, token: Option<String>, by_variable: bool },
    Socket(PathBuf),
    Here(Router),
}

pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// `http://host:port` or `https://host:port`, perhaps with a path below which the server stands.
pub fn parse_url(text: &str) -> Result<Uri, Failure> {
    let wrong = || Failure::usage(format!("`{text}` is not a URL such as http://localhost:8080"));
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let scheme_known = matches!(uri.scheme_str(), Some("http" | "https"));
    if scheme_known && uri.host().is_some() { Ok(uri) } else { Err(wrong()) }
}

/// Is a server listening at this control socket?
pub fn socket_answers(path: &Path) -> bool {
    at_any_depth(path, std::os::unix::net::UnixStream::connect).is_ok()
}

impl Server {
    pub async fn get(&self, path: &str) -> Result<Bytes, Failure> {
        self.ask(Method::GET, path, None).await
    }

    pub async fn get_json<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        parse(&self.get(path).await?)
    }

    pub async fn send_json(
        &self,
        method: Method,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<Bytes, Failure> {
        self.ask(method, path, Some(body.to_string())).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<String>) -> Result<Bytes, Failure> {
        let asked = async { whole(self.open(method, path, body).await?).await };
        within(ANSWER_TIMEOUT, "wait for the answer", asked).await
    }

    /// The answer as it comes, if it is a good one; else the server's own words.
    pub async fn open(
        &self,
        method: Method,
        path: &str,
        body: Option<String>,
    ) -> Result<Response<Body>, Failure> {
        let asked = async {
            let response = self.exchange(self.request(method, path, body)?).await?;
            if response.status().is_success() { Ok(response) } else { Err(refusal(response).await) }
        };
        asked.await.map_err(|failure| self.naming_variable(failure))
    }

    /// A variable that was set long ago is easily forgotten.
    fn naming_variable(&self, failure: Failure) -> Failure {
        let Server::Remote { url, by_variable: true, .. } = self else { return failure };
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let host = url.host().unwrap_or_default();
        let message = format!(
            "{}\n  {host}{port} was asked, as {URL_VARIABLE} says: --url, --config and --data-dir go before it",
            failure.message
        );
        Failure { message, ..failure }
    }

    /// A question to one of Graphite's paths, or a form, since they know nothing of JSON. The answer may be a refusal.
    pub async fn ask_graphite(
        &self,
        path: &str,
        form: Option<String>,
    ) -> Result<(StatusCode, Bytes), Failure> {
        let method = if form.is_some() { Method::POST } else { Method::GET };
        let mut request = self.request(method, path, form)?;
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().insert(header::CONTENT_TYPE, form_type);
        let asked = async {
            let response = self.exchange(request).await?;
            Ok((response.status(), whole(response).await?))
        };
        within(ANSWER_TIMEOUT, "wait for the answer", asked).await
    }

    async fn exchange(&self, request: Request<Body>) -> Result<Response<Body>, Failure> {
        match self {
            Server::Here(router) => {
                Ok(router.clone().oneshot(request).await.unwrap_or_else(|never| match never {}))
            }
            Server::Socket(_) | Server::Remote { .. } => send(&mut self.connection().await?, request).await,
        }
    }

    /// A connection for one request after the other, with a server that runs.
    pub async fn session(&self) -> Result<Session<'_>, Failure> {
        Ok(Session { server: self, sender: self.connection().await? })
    }

    async fn connection(&self) -> Result<SendRequest<Body>, Failure> {
        match self {
            Server::Here(_) => Err(Failure::new("no server answers")),
            Server::Socket(socket) => {
                let stream = at_any_depth(socket, std::os::unix::net::UnixStream::connect)
                    .and_then(|stream| stream.set_nonblocking(true).and(UnixStream::from_std(stream)))
                    .map_err(Failure::doing(format!("connect to {}", socket.display())))?;
                handshake(stream).await
            }
            Server::Remote { url, .. } => dial(url).await,
        }
    }

    fn request(&self, method: Method, path: &str, body: Option<String>) -> Result<Request<Body>, Failure> {
        let mut request = Request::builder().method(method);
        request = match self {
            Server::Remote { url, token, .. } => {
                let base = url.path().trim_end_matches('/');
                let authority = url.authority().map_or("", |authority| authority.as_str());
                let request = request.uri(format!("{base}{path}")).header(header::HOST, authority);
                match token {
                    Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
                    None => request,
                }
            }
            Server::Socket(_) | Server::Here(_) => {
                request.uri(path).header(header::HOST, "localhost").extension(Peer::ControlSocket)
            }
        };
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        request.body(body.map_or_else(Body::empty, Body::from)).map_err(Failure::doing("make the request"))
    }
}

async fn within<T>(
    patience: Duration,
    doing: &str,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let late = |_| Failure::new(format!("{doing}: no answer within {} s", patience.as_secs()));
    tokio::time::timeout(patience, work).await.map_err(late)?
}

/// A connection to whoever serves this URL.
pub async fn dial(url: &Uri) -> Result<SendRequest<Body>, Failure> {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let doing = format!("connect to {}{port}", url.host().unwrap_or_default());
    let connected = async { handshake(connect(url, &doing).await?).await };
    within(CONNECT_TIMEOUT, &doing, connected).await
}

async fn connect(url: &Uri, doing: &str) -> Result<Box<dyn Stream>, Failure> {
    let tls = (url.scheme_str() == Some("https")).then(|| tls::client(None)).transpose()?;
    connect_with(url, tls).await.map_err(Failure::doing(doing))
}

/// A stream to the server of the URL, encrypted if there is a way to.
pub async fn connect_with(
    url: &Uri,
    tls: Option<Arc<rustls::ClientConfig>>,
) -> Result<Box<dyn Stream>, String> {
    let host = url.host().unwrap_or("localhost").trim_matches(['[', ']']);
    let port = url.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await.map_err(|error| error.to_string())?;
    // Requests are small and wait for nothing else.
    stream.set_nodelay(true).map_err(|error| error.to_string())?;
    let Some(tls) = tls else { return Ok(Box::new(stream)) };
    let name = rustls::pki_types::ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let stream = tokio_rustls::TlsConnector::from(tls).connect(name, stream).await;
    Ok(Box::new(stream.map_err(|error| tls::explain(&error))?))
}

pub async fn handshake(stream: impl Stream + 'static) -> Result<SendRequest<Body>, Failure> {
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(Failure::doing("speak to the server"))?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn send(sender: &mut SendRequest<Body>, request: Request<Body>) -> Result<Response<Body>, Failure> {
    let response = sender.send_request(request).await.map_err(Failure::doing("ask the server"))?;
    Ok(response.map(Body::new))
}

/// One connection, kept from request to request as browsers and Grafana do.
pub struct Session<'a> {
    server: &'a Server,
    sender: SendRequest<Body>,
}

impl Session<'_> {
    pub async fn get(&mut self, path: &str) -> Result<Bytes, Failure> {
        let request = self.server.request(Method::GET, path, None)?;
        self.sender.ready().await.map_err(Failure::doing("speak to the server"))?;
        let response = send(&mut self.sender, request).await?;
        if response.status().is_success() { whole(response).await } else { Err(refusal(response).await) }
    }
}

async fn whole(response: Response<Body>) -> Result<Bytes, Failure> {
    let limited = http_body_util::Limited::new(response.into_body(), MAX_ANSWER_BYTES);
    Ok(limited.collect().await.map_err(Failure::doing("read the answer"))?.to_bytes())
}

/// The API tells errors as `{"error", "hint"}`; Graphite's paths as plain text.
async fn refusal(response: Response<Body>) -> Failure {
    const ENOUGH: usize = 64 << 10;
    let status = response.status();
    let body = http_body_util::Limited::new(response.into_body(), ENOUGH).collect().await;
    let body = body.map(|body| body.to_bytes()).unwrap_or_default();
    let told: Option<serde_json::Value> = serde_json::from_slice(&body).ok();
    let field = |name: &str| told.as_ref()?.get(name)?.as_str().map(str::to_owned);
    let error = field("error").unwrap_or_else(|| String::from_utf8_lossy(&body).trim().to_owned());
    let hint = field("hint").map(|hint| format!("\n  {hint}")).unwrap_or_default();
    Failure::new(if error.is_empty() {
        format!("the server answered {status}")
    } else {
        format!("{error}{hint}")
    })
}

pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(Failure::doing("understand the server's answer"))
}

/// For query strings.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte as char),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
