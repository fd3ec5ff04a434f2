//! Threads that read datagrams: StatsD over UDP and Unix sockets, Carbon over UDP.
//!
//! What a datagram costs is mostly the way into the kernel and back, and being woken. So a receiver takes up
//! to [`DATAGRAMS_PER_READ`](crate::limits::DATAGRAMS_PER_READ) at once, and while packets keep coming it does
//! not wait to be woken by each but sleeps for [`PAUSE`] and takes what came meanwhile; the socket's buffer
//! holds many times that. When nothing comes it waits in the kernel and costs nothing.

use std::net::IpAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::kernel::Inbox;
use crate::limits::DATAGRAMS_PER_READ;
use crate::listener::Listener;
use crate::stop::Stop;

/// At half a million packets a second 1,000 arrive meanwhile, a fortieth of what our socket buffer holds, and of a
/// default one too much: then the reads are full, and there is no pause.
const PAUSE: Duration = Duration::from_millis(2);

/// Pauses without a packet after which the receiver lets itself be woken again.
const QUIET_PAUSES: u32 = 3;

/// How long a stopping receiver goes on emptying a socket that is being flooded, beyond what had arrived.
const DRAIN_MAX: Duration = Duration::from_secs(1);

/// What the kernel counts a datagram as that waits in a socket's buffer, at the least.
const DATAGRAM_WAITING_BYTES_MIN: usize = 256;

/// What happens to datagrams.
pub trait Handler: Send {
    /// Datagrams of allowed sources, in the order of their arrival.
    fn packets(&mut self, packets: &Packets<'_>);

    /// Called before each pause; `idle` if the next packet may be long in coming.
    fn pausing(&mut self, idle: bool);
}

/// The accepted datagrams of one read.
pub struct Packets<'a> {
    inbox: &'a Inbox,
    accepted: &'a [u16],
    pub listener: &'a Listener,
}

pub struct Packet<'a> {
    pub bytes: &'a [u8],
    pub source: Option<IpAddr>,
    /// Only the start of it is here.
    pub cut: bool,
}

impl<'a> Packets<'a> {
    pub fn len(&self) -> usize {
        self.accepted.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = Packet<'a>> + use<'a> {
        let inbox = self.inbox;
        self.accepted.iter().map(|index| usize::from(*index)).map(move |index| Packet {
            bytes: inbox.packet(index),
            source: inbox.source(index),
            cut: inbox.is_cut(index),
        })
    }
}

const _: () = assert!(DATAGRAMS_PER_READ <= u16::MAX as usize, "an index fits");

/// Reads `socket` until `stop` is requested and what had arrived by then is read.
pub fn run(socket: &OwnedFd, listener: &Arc<Listener>, stop: &Stop, handler: &mut dyn Handler) {
    let mut receiver = Receiver { inbox: Inbox::new(), accepted: Vec::new() };
    let mut quiet = 0;
    let mut stopping: Option<Stopping> = None;
    loop {
        if stop.requested() && stopping.get_or_insert_with(|| Stopping::now(socket)).is_over() {
            break;
        }
        match receiver.inbox.receive(socket.as_fd()) {
            Ok(count) => {
                quiet = 0;
                receiver.hand_over(count, listener, handler);
                if let Some(stopping) = &mut stopping {
                    stopping.left = stopping.left.saturating_sub(count);
                }
                if count < DATAGRAMS_PER_READ && !stop.requested() {
                    handler.pausing(false);
                    thread::sleep(PAUSE);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                if stop.requested() {
                    break;
                }
                quiet += 1;
                let idle = quiet > QUIET_PAUSES;
                handler.pausing(idle);
                if idle {
                    stop.wait_readable(socket.as_fd());
                } else {
                    thread::sleep(PAUSE);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => {
                // An ICMP message reported on the socket, or no memory in the kernel: passing.
                listener.note(|totals| totals.socket_errors += 1);
                if let Some(stopping) = &mut stopping {
                    // It may not pass: from here on time alone decides when to stop.
                    stopping.left = 0;
                }
                thread::sleep(PAUSE);
            }
        }
    }
    handler.pausing(true);
}

/// A stop that was asked for.
struct Stopping {
    since: Instant,
    /// As many datagrams as may have waited then.
    left: usize,
}

impl Stopping {
    fn now(socket: &OwnedFd) -> Stopping {
        // Cannot fail for a socket of ours; then time alone decides.
        let buffer = rustix::net::sockopt::socket_recv_buffer_size(socket).unwrap_or(0);
        Stopping { since: Instant::now(), left: buffer / DATAGRAM_WAITING_BYTES_MIN }
    }

    /// What had arrived is read however long that takes on a busy machine; what comes meanwhile, only for so long.
    fn is_over(&self) -> bool {
        self.left == 0 && self.since.elapsed() > DRAIN_MAX
    }
}

struct Receiver {
    inbox: Inbox,
    accepted: Vec<u16>,
}

impl Receiver {
    fn hand_over(&mut self, count: usize, listener: &Listener, handler: &mut dyn Handler) {
        let allow = listener.allow.load();
        self.accepted.clear();
        if allow.everybody() {
            self.accepted.extend(0..count as u16);
        } else {
            // Most packets come from the same few hosts.
            let mut last_allowed = None;
            for index in 0..count {
                let source = self.inbox.source(index);
                // A Unix socket has no addresses; who may send is said by the permissions of its file.
                if source == last_allowed || source.is_none_or(|source| allow.takes(source)) {
                    last_allowed = source;
                    self.accepted.push(index as u16);
                }
            }
        }
        let refused_sources = (count - self.accepted.len()) as u64;
        if refused_sources > 0 {
            listener.note(|totals| totals.refused_sources += refused_sources);
        }
        if self.accepted.is_empty() {
            return;
        }
        handler.packets(&Packets { inbox: &self.inbox, accepted: &self.accepted, listener });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;

    impl Handler for Nothing {
        fn packets(&mut self, _: &Packets<'_>) {}

        fn pausing(&mut self, _: bool) {}
    }

    #[test]
    fn a_stop_does_not_wait_for_a_socket_that_only_fails() {
        // It has a buffer, and there are no datagrams in it: every receive fails.
        let socket = OwnedFd::from(std::net::TcpListener::bind("127.0.0.1:0").unwrap());
        let listener = Listener::new("test", String::new(), crate::allow::Allow::new(&[]));
        let stop = Stop::new().unwrap();
        stop.request();
        let (ended, wait) = std::sync::mpsc::sync_channel(1);
        thread::spawn({
            let listener = Arc::clone(&listener);
            move || {
                run(&socket, &listener, &stop, &mut Nothing);
                let _ = ended.send(());
            }
        });
        wait.recv_timeout(Duration::from_secs(60)).expect("it goes on for ever");
        assert!(listener.stats(None, true).totals.socket_errors > 0);
    }
}
