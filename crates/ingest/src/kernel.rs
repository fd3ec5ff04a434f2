//! The two system calls that no safe library offers: `recvmmsg`, and a socket's own count of drops.
#![allow(unsafe_code)]

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::ptr;

use crate::limits::{DATAGRAM_BYTES_MAX, DATAGRAMS_PER_READ};

/// Room for the longest datagram, rounded up to an odd number of cache lines: were the distance a power of two,
/// the starts of all buffers (small packets have nothing else) would fall into the same few sets of the cache.
const STRIDE: usize = 1025 * 64;

const _: () = assert!(STRIDE > DATAGRAM_BYTES_MAX && (STRIDE / 64) % 2 == 1);

const SOURCE_LENGTH: libc::socklen_t = size_of::<libc::sockaddr_in6>() as libc::socklen_t;

/// Buffers for one `recvmmsg`, and what the last one brought. Some 16 MiB of address space, of which only what
/// packets fill is ever touched.
pub struct Inbox {
    /// Kept only because `headers` point into them; none of the three is ever resized.
    bytes: Box<[u8]>,
    _slices: Box<[libc::iovec]>,
    sources: Box<[libc::sockaddr_in6]>,
    headers: Box<[libc::mmsghdr]>,
    received: usize,
}

// SAFETY: the raw pointers in `headers` and `_slices` point into boxes that the same value owns and that do not
// move with it, so it can be sent to another thread as a whole.
unsafe impl Send for Inbox {}

impl Default for Inbox {
    fn default() -> Inbox {
        Inbox::new()
    }
}

impl Inbox {
    pub fn new() -> Inbox {
        let mut bytes = vec![0u8; STRIDE * DATAGRAMS_PER_READ].into_boxed_slice();
        let mut slices: Box<[libc::iovec]> = bytes
            .chunks_exact_mut(STRIDE)
            .map(|buffer| libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: STRIDE })
            .collect();
        let nobody = libc::sockaddr_in6 {
            sin6_family: 0,
            sin6_port: 0,
            sin6_flowinfo: 0,
            sin6_addr: libc::in6_addr { s6_addr: [0; 16] },
            sin6_scope_id: 0,
        };
        let mut sources = vec![nobody; DATAGRAMS_PER_READ].into_boxed_slice();
        let headers = slices
            .iter_mut()
            .zip(sources.iter_mut())
            .map(|(slice, source)| {
                // SAFETY: msghdr is plain data for which all zero bits mean "nothing".
                let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
                header.msg_name = ptr::from_mut(source).cast();
                header.msg_namelen = SOURCE_LENGTH;
                header.msg_iov = slice;
                header.msg_iovlen = 1;
                libc::mmsghdr { msg_hdr: header, msg_len: 0 }
            })
            .collect();
        Inbox { bytes, _slices: slices, sources, headers, received: 0 }
    }

    /// Takes what is there, at most [`DATAGRAMS_PER_READ`], without waiting; `WouldBlock` if there is nothing.
    pub fn receive(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.receive_with(socket, libc::MSG_DONTWAIT)
    }

    /// Waits for the first datagram, as far as the socket's own settings let it; for the bare sink of the benches.
    pub fn receive_waiting(&mut self, socket: BorrowedFd<'_>) -> io::Result<usize> {
        self.receive_with(socket, libc::MSG_WAITFORONE)
    }

    fn receive_with(&mut self, socket: BorrowedFd<'_>, flags: libc::c_int) -> io::Result<usize> {
        // The last call overwrote them.
        for header in &mut self.headers[..self.received] {
            header.msg_hdr.msg_namelen = SOURCE_LENGTH;
        }
        self.received = 0;
        // SAFETY: `headers` holds DATAGRAMS_PER_READ initialised entries whose name and buffer pointers point into
        // live boxes of this value, of at least the lengths given with them; `&mut self` keeps everybody else out.
        // No timeout is passed. The descriptor is open because it is borrowed.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.headers.as_mut_ptr(),
                DATAGRAMS_PER_READ as libc::c_uint,
                flags as _,
                ptr::null_mut(),
            )
        };
        if count < 0 {
            return Err(io::Error::last_os_error());
        }
        self.received = count as usize;
        Ok(self.received)
    }

    pub fn packet(&self, index: usize) -> &[u8] {
        let start = index * STRIDE;
        &self.bytes[start..start + (self.headers[index].msg_len as usize).min(STRIDE)]
    }

    /// It was longer than any buffer; only its start is here. Only Unix sockets carry such.
    pub fn is_cut(&self, index: usize) -> bool {
        self.headers[index].msg_hdr.msg_flags & libc::MSG_TRUNC != 0
    }

    /// Who sent it, if the socket is an IP socket.
    pub fn source(&self, index: usize) -> Option<IpAddr> {
        let source = &self.sources[index];
        match i32::from(source.sin6_family) {
            libc::AF_INET6 => Some(Ipv6Addr::from(source.sin6_addr.s6_addr).into()),
            // A sockaddr_in has the address where a sockaddr_in6 has the flow information; both big-endian.
            libc::AF_INET => Some(Ipv4Addr::from(source.sin6_flowinfo.to_ne_bytes()).into()),
            _ => None,
        }
    }
}

/// How many datagrams the kernel has thrown away since the socket was opened because its buffer was full (or a
/// checksum was wrong). One question per look, where SO_RXQ_OVFL would cost a control message per packet and
/// would not tell of drops after the last packet. `None` before Linux 4.12.
pub fn drops(socket: impl AsFd) -> Option<u64> {
    memory(socket).map(|values| u64::from(values[libc::SK_MEMINFO_DROPS as usize]))
}

/// What the kernel tells of a socket's memory, `SO_MEMINFO`.
fn memory(socket: impl AsFd) -> Option<[u32; libc::SK_MEMINFO_DROPS as usize + 1]> {
    let mut values = [0u32; libc::SK_MEMINFO_DROPS as usize + 1];
    let mut length = size_of_val(&values) as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes into `values`, which is that long, and the descriptor is
    // open because it is borrowed.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            values.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    let whole = length as usize == size_of_val(&values);
    (answer == 0 && whole).then_some(values)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::time::{Duration, Instant};

    use super::*;

    fn pair(address: &str) -> (UdpSocket, UdpSocket) {
        let receiver = UdpSocket::bind(address).unwrap();
        let sender = UdpSocket::bind(address).unwrap();
        sender.connect(receiver.local_addr().unwrap()).unwrap();
        (receiver, sender)
    }

    /// What was sent is there when `send` returns, unless the kernel has put the work off, as a busy one does.
    fn wait_for(what: &str, mut there: impl FnMut() -> bool) {
        let give_up = Instant::now() + Duration::from_secs(60);
        while !there() {
            assert!(Instant::now() < give_up, "{what} did not come");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// How much of what was sent waits for the receiver, in bytes of the kernel's.
    fn waiting(receiver: &UdpSocket) -> u32 {
        memory(receiver).expect("Linux 4.12 or newer")[libc::SK_MEMINFO_RMEM_ALLOC as usize]
    }

    #[test]
    fn takes_what_is_there_with_its_sources() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let (receiver, sender) = pair(address);
            let mut inbox = Inbox::new();
            let nothing = inbox.receive(receiver.as_fd()).unwrap_err();
            assert_eq!(nothing.kind(), io::ErrorKind::WouldBlock);
            for round in 0..3 {
                let sent: Vec<Vec<u8>> = vec![b"a".to_vec(), vec![], vec![b'x'; 9_000 + round]];
                for packet in &sent {
                    let before = waiting(&receiver);
                    sender.send(packet).unwrap();
                    wait_for("a packet", || waiting(&receiver) > before);
                }
                assert_eq!(inbox.receive(receiver.as_fd()).unwrap(), 3);
                for (index, packet) in sent.iter().enumerate() {
                    assert_eq!(inbox.packet(index), packet);
                    assert!(!inbox.is_cut(index));
                    assert_eq!(inbox.source(index), Some(sender.local_addr().unwrap().ip()));
                }
            }
        }
    }

    #[test]
    fn what_the_kernel_drops_is_counted_by_it() {
        let (receiver, sender) = pair("127.0.0.1:0");
        rustix::net::sockopt::set_socket_recv_buffer_size(&receiver, 4096).unwrap();
        let sent = 500;
        for _ in 0..sent {
            sender.send(&[0; 100]).unwrap();
        }
        let mut inbox = Inbox::new();
        let mut taken = 0;
        wait_for("the end of all packets", || {
            taken += inbox.receive(receiver.as_fd()).unwrap_or(0) as u64;
            taken + drops(&receiver).expect("Linux 4.12 or newer") >= sent
        });
        let dropped = drops(&receiver).expect("Linux 4.12 or newer");
        assert!(dropped > 0);
        assert_eq!(taken + dropped, sent);
    }
}
