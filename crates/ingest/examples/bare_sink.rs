//! The least that receiving can cost: `recvmmsg` or `read` in a loop, and nothing done with what came.
//!
//! `bare_sink udp|tcp ADDRESS SECONDS`: reads for so long, then prints what came and what CPU time it took.

use std::io::Read;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use ingest::kernel::{Inbox, drops};
use rustix::net::sockopt;

#[path = "support/cpu.rs"]
mod cpu;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [protocol, address, seconds] = arguments.as_slice() else {
        return Err("usage: bare_sink udp|tcp ADDRESS SECONDS".into());
    };
    let (address, end) = (address.parse()?, Instant::now() + Duration::from_secs(seconds.parse()?));
    match protocol.as_str() {
        "udp" => udp(address, end),
        "tcp" => tcp(address, end),
        other => Err(format!("`{other}` is neither udp nor tcp").into()),
    }
}

fn udp(address: SocketAddr, end: Instant) -> Result<(), Box<dyn std::error::Error>> {
    let socket = UdpSocket::bind(address)?;
    // The same buffer as Bellwether's.
    if sockopt::set_socket_recv_buffer_size_force(&socket, ingest::limits::RECEIVE_BUFFER_BYTES).is_err() {
        sockopt::set_socket_recv_buffer_size(&socket, ingest::limits::RECEIVE_BUFFER_BYTES)?;
    }
    socket.set_read_timeout(Some(Duration::from_millis(100)))?;
    let mut inbox = Inbox::new();
    let (mut packets, mut bytes) = (0, 0);
    while Instant::now() < end {
        // A timeout: look at the clock.
        let Ok(count) = inbox.receive_waiting(socket.as_fd()) else { continue };
        packets += count;
        bytes += (0..count).map(|index| inbox.packet(index).len()).sum::<usize>();
    }
    let dropped = drops(&socket).unwrap_or(0);
    println!("packets {packets} bytes {bytes} kernel_drops {dropped} cpu_seconds {:.3}", cpu::seconds());
    Ok(())
}

fn tcp(address: SocketAddr, end: Instant) -> Result<(), Box<dyn std::error::Error>> {
    let (mut stream, _) = TcpListener::bind(address)?.accept()?;
    stream.set_read_timeout(Some(Duration::from_millis(100)))?;
    let mut buffer = vec![0; ingest::limits::READ_BYTES];
    let (mut lines, mut bytes) = (0, 0);
    while Instant::now() < end {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => {
                bytes += length;
                lines += memchr::memchr_iter(b'\n', &buffer[..length]).count();
            }
            Err(_) => continue,
        }
    }
    println!("lines {lines} bytes {bytes} cpu_seconds {:.3}", cpu::seconds());
    Ok(())
}
