//! A name looked up, judged, connected to; bounded reads; TLS on top, at once or later (STARTTLS).
//!
//! A name is looked up once, and the addresses that were judged are the ones that are connected to: a name server that
//! answers differently the second time gains nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rustls::pki_types::ServerName;
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;

use crate::deadline::Deadline;
use crate::egress::Egress;
use crate::failure::{Failure, Kind};
use crate::limits::ADDRESSES_MAX;
use crate::tls::{self, Shown};

pub trait Stream: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Stream for T {}

/// How long each part took.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Timings {
    pub resolve: Duration,
    pub connect: Duration,
    pub tls: Duration,
    /// From the request to the first byte of its answer.
    pub first_byte: Duration,
    pub total: Duration,
}

/// Where to.
#[derive(Clone, Copy, Debug)]
pub struct Target<'t> {
    /// A name or an address.
    pub host: &'t str,
    pub port: u16,
    /// Whose answer sent us there.
    pub sent_by: Option<IpAddr>,
}

impl<'t> Target<'t> {
    pub fn new(host: &'t str, port: u16) -> Target<'t> {
        Target { host: host.trim_matches(['[', ']']), port, sent_by: None }
    }
}

impl std::fmt::Display for Target<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Target { host, port, .. } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

pub struct Connection {
    stream: Box<dyn Stream>,
    host: String,
    pub address: SocketAddr,
    /// Of our end.
    pub local: SocketAddr,
    pub timings: Timings,
    pub tls: Option<Shown>,
}

/// The addresses of a name that may be called.
pub async fn resolve(
    egress: &Egress,
    target: Target<'_>,
    deadline: Deadline,
) -> Result<Vec<SocketAddr>, Failure> {
    let found = look_up(egress, target, deadline).await?;
    let judge = |address: &SocketAddr| match target.sent_by {
        Some(from) => egress.rules().judge_redirect(from, address.ip()),
        None => egress.rules().judge(address.ip()),
    };
    let mut forbidden = None;
    let mut open = Vec::new();
    for address in found {
        match judge(&address) {
            Ok(()) => open.push(address),
            Err(why) => forbidden = Some(why),
        }
    }
    match (open.is_empty(), forbidden) {
        (false, _) => Ok(open),
        (true, Some(why)) => Err(Failure::new(Kind::Forbidden, format!("call {target}: {why}"))),
        (true, None) => {
            Err(Failure::new(Kind::Unresolved, format!("{}: the name has no address", target.host)))
        }
    }
}

async fn look_up(
    egress: &Egress,
    target: Target<'_>,
    deadline: Deadline,
) -> Result<Vec<SocketAddr>, Failure> {
    if let Ok(address) = target.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, target.port)]);
    }
    let doing = format!("look up {}", target.host);
    let looked_up = async {
        let closed = |_| Failure::new(Kind::Unresolved, "we are stopping");
        let _room = egress.lookups.acquire().await.map_err(closed)?;
        let found = tokio::net::lookup_host((target.host, target.port)).await;
        found.map(|found| found.take(ADDRESSES_MAX).collect()).map_err(|error| {
            let text = error.to_string();
            let why = text.rsplit("information: ").next().unwrap_or(&text);
            Failure::new(Kind::Unresolved, format!("{doing}: {why}"))
        })
    };
    deadline.within(&doing, looked_up).await
}

impl Connection {
    /// The first address that takes the connection. Each has an equal share of what is left of the time, so that one
    /// that says nothing does not hide the next.
    pub async fn open(
        egress: &Egress,
        target: Target<'_>,
        deadline: Deadline,
    ) -> Result<Connection, Failure> {
        let begun = Instant::now();
        let addresses = resolve(egress, target, deadline).await?;
        let resolve = begun.elapsed();
        let begun = Instant::now();
        let (stream, address) = connect(target, &addresses, deadline).await?;
        let local = stream.local_addr().map_err(|error| Failure::of_io("connect", &error))?;
        let timings = Timings { resolve, connect: begun.elapsed(), ..Timings::default() };
        let host = target.host.to_owned();
        Ok(Connection { stream: Box::new(stream), host, address, local, timings, tls: None })
    }

    /// The same connection, encrypted from here on.
    pub async fn encrypt(
        self,
        egress: &Egress,
        options: &tls::Options,
        deadline: Deadline,
    ) -> Result<Connection, Failure> {
        let begun = Instant::now();
        let (config, judge) = tls::client(egress, options)?;
        let name = options.name.clone().unwrap_or_else(|| self.host.clone());
        let wrong =
            |_| Failure::new(Kind::Wrong, format!("`{name}` is no name that a certificate can be for"));
        let server = ServerName::try_from(name.clone()).map_err(wrong)?;
        let doing = format!("speak TLS with {}", self.address);
        let shaken = async {
            let connector = tokio_rustls::TlsConnector::from(config);
            connector.connect(server, self.stream).await.map_err(|error| judge.failure(&error))
        };
        let stream = deadline.within(&doing, shaken).await?;
        let shown = Shown::of(stream.get_ref().1, &judge);
        let timings = Timings { tls: begun.elapsed(), ..self.timings };
        Ok(Connection { stream: Box::new(stream), timings, tls: Some(shown), ..self })
    }

    pub async fn send(&mut self, bytes: &[u8], deadline: Deadline) -> Result<(), Failure> {
        let sent = async {
            let written = async { self.stream.write_all(bytes).await.and(self.stream.flush().await) };
            written.await.map_err(|error| Failure::of_io("send", &error))
        };
        deadline.within("send", sent).await
    }

    /// What came, at most so much at once. Nothing: the other side has closed.
    pub async fn read(&mut self, most: usize, deadline: Deadline) -> Result<Vec<u8>, Failure> {
        let mut buffer = vec![0; most];
        let count = async {
            let read = self.stream.read(&mut buffer).await;
            read.map_err(|error| Failure::of_io("read", &error))
        };
        let count = deadline.within("read", count).await?;
        buffer.truncate(count);
        Ok(buffer)
    }

    /// Just so many bytes.
    pub async fn read_exact(&mut self, count: usize, deadline: Deadline) -> Result<Vec<u8>, Failure> {
        let mut buffer = vec![0; count];
        let read = async {
            let read = self.stream.read_exact(&mut buffer).await;
            read.map_err(|error| Failure::of_io("read", &error))
        };
        deadline.within("read", read).await?;
        Ok(buffer)
    }

    /// Reads on until what came is enough, the other side closes, or there is more than `most`.
    pub async fn read_until(
        &mut self,
        most: usize,
        deadline: Deadline,
        mut is_enough: impl FnMut(&[u8]) -> bool,
    ) -> Result<Vec<u8>, Failure> {
        const AT_ONCE: usize = 4 << 10;
        let mut got = Vec::new();
        while got.len() < most && !is_enough(&got) {
            let more = self.read(AT_ONCE.min(most - got.len()), deadline).await?;
            if more.is_empty() {
                break;
            }
            got.extend(more);
        }
        Ok(got)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

async fn connect(
    target: Target<'_>,
    addresses: &[SocketAddr],
    deadline: Deadline,
) -> Result<(TcpStream, SocketAddr), Failure> {
    let doing = format!("connect to {target}");
    let mut failure = Failure::new(Kind::Unresolved, format!("{}: the name has no address", target.host));
    for (index, address) in addresses.iter().enumerate() {
        let share = deadline.left() / (addresses.len() - index) as u32;
        // The last one has all that is left, and the caller's own figure in what is said.
        let deadline = if index + 1 == addresses.len() { deadline } else { deadline.or_after(share) };
        let connected = async {
            let stream = TcpStream::connect(address).await.map_err(|error| Failure::of_io(&doing, &error))?;
            // Requests are small and wait for nothing else.
            stream.set_nodelay(true).map_err(|error| Failure::of_io(&doing, &error))?;
            Ok(stream)
        };
        match deadline.within(&doing, connected).await {
            Ok(stream) => return Ok((stream, *address)),
            Err(why) => failure = why,
        }
    }
    Err(failure)
}
