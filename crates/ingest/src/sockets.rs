//! Opening sockets, with errors that name the listener.

use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

/// A listener that could not be opened. `statsd.udp 127.0.0.1:8125: address in use`
#[derive(Debug)]
pub struct BindError {
    pub listener: &'static str,
    pub address: String,
    pub error: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BindError { listener, address, error } = self;
        let what = match Errno::from_io_error(error) {
            Some(Errno::ADDRINUSE) => "address in use: stop what listens there, or set another".into(),
            Some(Errno::ADDRNOTAVAIL) => "this host has no such address".into(),
            Some(Errno::ACCESS) => "permission denied: below 1024 only root may listen".into(),
            _ => error.to_string(),
        };
        write!(f, "{listener} {address}: {what}")
    }
}

impl std::error::Error for BindError {}

/// Waiting connections that the kernel keeps for a listener before it is asked for them.
const BACKLOG: i32 = 1024;

/// A peer that is silent is asked after two minutes, and then every half minute: gone after about seven (the kernel asks
/// nine times). Its own default would be eleven hours.
const KEEP_ALIVE_IDLE: Duration = Duration::from_secs(120);
const KEEP_ALIVE_PAUSE: Duration = Duration::from_secs(30);

/// Non-blocking, with keep-alive for what is accepted from it.
pub fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = new_socket(address, SocketType::STREAM)?;
    // A restart must not wait for connections of the last run to time out.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    // Accepted connections inherit it: peers that vanished are found.
    sockopt::set_socket_keepalive(&socket, true)?;
    sockopt::set_tcp_keepidle(&socket, KEEP_ALIVE_IDLE)?;
    sockopt::set_tcp_keepintvl(&socket, KEEP_ALIVE_PAUSE)?;
    rustix::net::bind(&socket, &address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(TcpListener::from(socket))
}

/// `count` sockets on one address, between which the kernel spreads the senders.
pub fn udp_group(address: SocketAddr, count: usize, receive_buffer: usize) -> io::Result<Vec<UdpSocket>> {
    // Two processes that both share a port would steal each other's packets. So the first socket asks for the
    // address alone, which fails when anybody has it, and shares it only then.
    let first = udp(address, receive_buffer, false)?;
    sockopt::set_socket_reuseport(&first, true)?;
    let address = first.local_addr()?;
    let mut group = vec![first];
    for _ in 1..count {
        group.push(udp(address, receive_buffer, true)?);
    }
    Ok(group)
}

fn udp(address: SocketAddr, receive_buffer: usize, share: bool) -> io::Result<UdpSocket> {
    let socket = new_socket(address, SocketType::DGRAM)?;
    grow_receive_buffer(&socket, receive_buffer)?;
    sockopt::set_socket_reuseport(&socket, share)?;
    rustix::net::bind(&socket, &address)?;
    Ok(UdpSocket::from(socket))
}

fn new_socket(address: SocketAddr, kind: SocketType) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(rustix::net::socket_with(family, kind, flags, None)?)
}

/// As large as wanted where the process may, else as large as `net.core.rmem_max` lets it be.
fn grow_receive_buffer(socket: impl AsFd, bytes: usize) -> io::Result<()> {
    if sockopt::set_socket_recv_buffer_size_force(&socket, bytes).is_err() {
        sockopt::set_socket_recv_buffer_size(&socket, bytes)?;
    }
    Ok(())
}

/// A socket file that a killed process left behind is replaced; one that is served, or anything else of that
/// name, is not.
pub fn unix_datagram(path: &Path, receive_buffer: usize) -> io::Result<UnixDatagram> {
    if let Ok(found) = std::fs::symlink_metadata(path) {
        if !found.file_type().is_socket() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "there is a file of that name that is not a socket",
            ));
        }
        if UnixDatagram::unbound()?.connect(path).is_ok() {
            return Err(Errno::ADDRINUSE.into());
        }
        std::fs::remove_file(path)?;
    }
    let socket = UnixDatagram::bind(path)?;
    socket.set_nonblocking(true)?;
    grow_receive_buffer(&socket, receive_buffer)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any_port() -> SocketAddr {
        "127.0.0.1:0".parse().unwrap()
    }

    #[test]
    fn an_address_in_use_is_said_so_for_every_kind() {
        let taken = udp_group(any_port(), 2, 1 << 16).unwrap();
        let address = taken[0].local_addr().unwrap();
        assert_eq!(taken[1].local_addr().unwrap(), address);
        for count in [1, 2] {
            let error = udp_group(address, count, 1 << 16).unwrap_err();
            let told = BindError { listener: "statsd.udp", address: address.to_string(), error }.to_string();
            assert_eq!(
                told,
                format!("statsd.udp {address}: address in use: stop what listens there, or set another")
            );
        }
        let taken = tcp(any_port()).unwrap();
        assert!(tcp(taken.local_addr().unwrap()).is_err());
    }

    #[test]
    fn a_stale_socket_file_is_replaced_and_a_served_one_is_not() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("statsd.sock");
        drop(unix_datagram(&path, 1 << 16).unwrap());
        assert!(path.exists(), "the file stays behind");
        let _served = unix_datagram(&path, 1 << 16).unwrap();
        assert_eq!(unix_datagram(&path, 1 << 16).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let plain = directory.path().join("plain");
        std::fs::write(&plain, "x").unwrap();
        assert!(unix_datagram(&plain, 1 << 16).is_err());
    }
}
