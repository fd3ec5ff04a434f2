//! Accepting connections: TCP, TLS, and the control socket. Each connection is one task with bounds on
//! how long a client may take to say what it wants.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;
use tower_http::timeout::TimeoutBody;

use crate::config::HttpConfig;
use crate::sources::{Share, Shares};

/// A client that does not finish its request headers in this time is let go.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Nor may it pause for longer than this within a body,
const BODY_PAUSE: Duration = Duration::from_secs(30);
/// or take nothing of an answer for longer than this.
const UNREAD_TIMEOUT_MILLISECONDS: u32 = 60_000;
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Accepting fails when the process has no file descriptors left; trying at once again would spin.
const PAUSE_AFTER_ACCEPT_ERROR: Duration = Duration::from_millis(50);
/// How long open requests may go on after the server was asked to stop.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(3);

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    Address(SocketAddr),
    /// A process of the same user, or of root.
    ControlSocket,
    Unknown,
}

/// One thing to accept from.
pub enum Door {
    Tcp { listener: TcpListener, tls: Tls },
    Control(UnixListener),
}

/// The certificate in use, if any; a reload puts another in its place.
pub type Tls = Arc<ArcSwapOption<TlsAcceptor>>;

/// One source gets such a part of all connections.
const PARTS: usize = 8;

/// Whose connections are open, at all doors together: one source keeps nobody else out.
pub struct Crowd {
    shares: Arc<Shares>,
    proxies: ArcSwap<Vec<IpNet>>,
    /// Connections that were closed at once, as their source had its part.
    pub refused: AtomicU64,
}

impl Crowd {
    pub fn new(max_connections: usize, proxies: Vec<IpNet>) -> Crowd {
        Crowd {
            shares: Arc::new(Shares::new((max_connections / PARTS).max(1))),
            proxies: ArcSwap::from_pointee(proxies),
            refused: AtomicU64::new(0),
        }
    }

    /// A reload says who may stand for many.
    pub fn trust(&self, proxies: Vec<IpNet>) {
        self.proxies.store(Arc::new(proxies));
    }

    /// To be held as long as the connection is open.
    fn place(&self, peer: Peer) -> Option<Share> {
        let source = match peer {
            Peer::Address(address) => address.ip(),
            Peer::ControlSocket | Peer::Unknown => IpAddr::V4(Ipv4Addr::LOCALHOST),
        };
        let mut share = self.shares.of(source, &self.proxies.load());
        let has_place = share.take(1);
        if !has_place {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        has_place.then_some(share)
    }
}

/// Answers before the server is ready and, once `router` is set, through it.
pub fn front(router: Arc<OnceLock<Router>>) -> Router {
    Router::new().fallback(move |request: Request| {
        let router = router.get().cloned();
        async move {
            match router {
                Some(router) => router.oneshot(request).await.unwrap_or_else(|never| match never {}),
                None => starting(),
            }
        }
    })
}

fn starting() -> Response {
    let headers = [(header::RETRY_AFTER, "1"), (header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (StatusCode::SERVICE_UNAVAILABLE, headers, "starting\n").into_response()
}

/// Serve until `stop` says so, then let open requests finish for a moment.
pub async fn serve(
    door: Door,
    router: Router,
    max_connections: usize,
    crowd: Arc<Crowd>,
    mut stop: watch::Receiver<bool>,
) {
    let connections = Arc::new(Semaphore::new(max_connections.max(1)));
    let graceful = GracefulShutdown::new();
    loop {
        let permit = tokio::select! {
            permit = connections.clone().acquire_owned() => permit,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Ok(permit) = permit else { break };
        let accepted = tokio::select! {
            accepted = accept(&door) => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(place) = crowd.place(peer) else { continue };
                let connection = connection(stream, peer, router.clone(), &graceful);
                tokio::spawn(async move {
                    connection.await;
                    drop((permit, place));
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept an HTTP connection");
                tokio::time::sleep(PAUSE_AFTER_ACCEPT_ERROR).await;
            }
        }
    }
    drop(door);
    if tokio::time::timeout(DRAIN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::info!("closed HTTP connections that did not end by themselves");
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

enum Accepted {
    Plain(Box<dyn Stream>),
    Tls(Box<tokio_rustls::Accept<tokio::net::TcpStream>>),
}

async fn accept(door: &Door) -> std::io::Result<(Accepted, Peer)> {
    match door {
        Door::Tcp { listener, tls } => {
            let (stream, address) = listener.accept().await?;
            stream.set_nodelay(true)?;
            rustix::net::sockopt::set_tcp_user_timeout(&stream, UNREAD_TIMEOUT_MILLISECONDS)?;
            let accepted = match &*tls.load() {
                Some(acceptor) => Accepted::Tls(Box::new(acceptor.accept(stream))),
                None => Accepted::Plain(Box::new(stream)),
            };
            Ok((accepted, Peer::Address(address)))
        }
        Door::Control(listener) => loop {
            let (stream, _) = listener.accept().await?;
            // The socket's mode keeps others out already; this holds where a file system ignores modes.
            let user = stream.peer_cred()?.uid();
            if user == 0 || user == rustix::process::getuid().as_raw() {
                return Ok((Accepted::Plain(Box::new(stream)), Peer::ControlSocket));
            }
            tracing::warn!(user, "refused a connection to the control socket by another user");
        },
    }
}

fn connection(
    accepted: Accepted,
    peer: Peer,
    router: Router,
    graceful: &GracefulShutdown,
) -> impl Future<Output = ()> + Send + use<> {
    let watcher = graceful.watcher();
    async move {
        let stream = match accepted {
            Accepted::Plain(stream) => stream,
            Accepted::Tls(handshake) => match tokio::time::timeout(TLS_HANDSHAKE_TIMEOUT, *handshake).await {
                Ok(Ok(stream)) => Box::new(stream) as Box<dyn Stream>,
                Ok(Err(error)) => return tracing::debug!(%error, ?peer, "TLS handshake failed"),
                Err(_) => return tracing::debug!(?peer, "TLS handshake took too long"),
            },
        };
        let service = tower::service_fn(move |request: Request<hyper::body::Incoming>| {
            let mut request = request.map(|body| axum::body::Body::new(TimeoutBody::new(BODY_PAUSE, body)));
            request.extensions_mut().insert(peer);
            router.clone().oneshot(request)
        });
        let mut builder = hyper::server::conn::http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
        let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, ?peer, "an HTTP connection ended badly");
        }
    }
}

/// The control socket: only for processes of the same user.
pub fn bind_control_socket(path: &Path) -> std::io::Result<std::os::unix::net::UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = at_any_depth(path, std::os::unix::net::UnixListener::bind)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// The kernel takes 107 bytes as a socket's path; deeper ones are reached through their open directory.
pub fn at_any_depth<T>(path: &Path, go: impl FnOnce(PathBuf) -> std::io::Result<T>) -> std::io::Result<T> {
    const LONGEST_SOCKET_PATH: usize = 107;
    if path.as_os_str().len() <= LONGEST_SOCKET_PATH {
        return go(path.to_owned());
    }
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else { return go(path.to_owned()) };
    let directory = std::fs::File::open(directory)?;
    go(Path::new("/proc/self/fd").join(directory.as_raw_fd().to_string()).join(name))
}

/// What TLS needs, read at the start and at each reload.
pub fn tls(config: &HttpConfig) -> Result<Option<Arc<TlsAcceptor>>, String> {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};

    let (Some(certificate), Some(key)) = (&config.tls_certificate, &config.tls_key) else { return Ok(None) };
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| format!("http.tls_certificate {}: {error}", certificate.display()))?;
    if chain.is_empty() {
        return Err(format!("http.tls_certificate {}: holds no certificate", certificate.display()));
    }
    let key_der = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| format!("http.tls_key {}: {error}", key.display()))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key_der))
        .map_err(|error| format!("http.tls_certificate, http.tls_key: {error}"))?;
    Ok(Some(Arc::new(TlsAcceptor::from(Arc::new(server)))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_source_takes_its_part_of_the_connections() {
        let crowd = Crowd::new(17, vec!["198.51.100.7/32".parse().unwrap()]);
        let connect = |address: &str| crowd.place(Peer::Address(address.parse().unwrap()));
        let held: Vec<_> = (1..=5).filter_map(|port| connect(&format!("192.0.2.1:{port}"))).collect();
        assert_eq!((held.len(), crowd.refused.load(Ordering::Relaxed)), (2, 3));
        assert!(connect("192.0.2.2:1").is_some(), "another source has its own part");
        let many = ["198.51.100.7:1", "127.0.0.1:1", "[::1]:1"];
        let of_many: Vec<_> =
            many.into_iter().flat_map(|of| [connect(of), connect(of), connect(of)]).collect();
        assert!(of_many.iter().all(Option::is_some), "nor have those a bound behind whom there may be many");
        assert!([0; 3].map(|_| crowd.place(Peer::ControlSocket)).iter().all(Option::is_some));
        drop(held);
        let again = connect("192.0.2.1:9");
        assert!(again.is_some(), "a closed connection makes room");
        crowd.trust(vec!["192.0.2.0/24".parse().unwrap()]);
        let more = [1, 2, 3].map(|port| connect(&format!("192.0.2.1:{port}")));
        assert!(more.iter().all(Option::is_some), "a reload trusts others");
        assert!(Crowd::new(1, Vec::new()).place(Peer::Address("192.0.2.1:1".parse().unwrap())).is_some());
    }
}
