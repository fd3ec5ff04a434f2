//! statsd's `repeater`: packets as they came, on to other StatsD servers.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use statsd::config::{RepeaterProtocol, RepeaterTarget};

use crate::limits;
use crate::outgoing::{Broken, OWN_LISTENER, Outgoing, OutgoingStats, OwnAddresses, Place};

/// How often names of hosts are looked up again.
const LOOK_UP_EVERY: Duration = Duration::from_secs(30);

/// Where packets go, besides into the aggregator.
pub enum Repeater {
    Udp(Arc<UdpRepeater>),
    Tcp(Vec<Outgoing>),
}

pub struct UdpRepeater {
    own: OwnAddresses,
    began: Instant,
    socket: UdpSocket,
    targets: Vec<UdpTarget>,
}

struct UdpTarget {
    name: String,
    /// `None` while its name cannot be looked up.
    address: ArcSwap<Option<SocketAddr>>,
    sent: AtomicU64,
    dropped: AtomicU64,
    /// In milliseconds since the repeater began; 0 before the first.
    last_sent: AtomicU64,
}

impl Repeater {
    pub fn start(
        targets: &[RepeaterTarget],
        protocol: RepeaterProtocol,
        own: &OwnAddresses,
    ) -> io::Result<Repeater> {
        match protocol {
            RepeaterProtocol::Tcp => {
                let open = |target: &RepeaterTarget| {
                    let place =
                        Place { label: target.address(), address: target.address(), own: own.clone() };
                    Outgoing::start(place, limits::REPEATED_PACKETS_WAITING_MAX, Broken::Drop)
                };
                Ok(Repeater::Tcp(targets.iter().map(open).collect::<io::Result<_>>()?))
            }
            RepeaterProtocol::Udp4 => UdpRepeater::start(targets, (Ipv4Addr::UNSPECIFIED, 0).into(), own),
            RepeaterProtocol::Udp6 => UdpRepeater::start(targets, (Ipv6Addr::UNSPECIFIED, 0).into(), own),
        }
    }

    /// Never waits.
    pub fn repeat(&self, packet: &[u8]) {
        match self {
            Repeater::Udp(udp) => datagrams(packet).for_each(|datagram| udp.repeat(datagram)),
            Repeater::Tcp(targets) if !targets.is_empty() => {
                // As the original does, also behind a packet that ends with one.
                let line: Arc<[u8]> = [packet, b"\n"].concat().into();
                targets.iter().for_each(|target| target.offer(&line, 1));
            }
            Repeater::Tcp(_) => {}
        }
    }

    /// Sends what is queued if that is quick.
    pub fn finish(&self) {
        if let Repeater::Tcp(targets) = self {
            Outgoing::finish_all(targets.iter());
        }
    }

    pub fn stats(&self) -> Vec<OutgoingStats> {
        match self {
            Repeater::Udp(udp) => udp.targets.iter().map(|target| target.stats(udp)).collect(),
            Repeater::Tcp(targets) => targets.iter().map(Outgoing::stats).collect(),
        }
    }
}

/// The packet, in pieces of whole lines if it came over TCP and is longer than a datagram may be.
fn datagrams(packet: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = packet;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = match rest.get(..limits::DATAGRAM_PAYLOAD_MAX) {
            // A line that is longer by itself goes as it is, is refused, and is counted.
            Some(start) if rest.len() > start.len() => {
                memchr::memrchr(b'\n', start).map_or(rest.len(), |at| at + 1)
            }
            _ => rest.len(),
        };
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

impl UdpRepeater {
    fn start(targets: &[RepeaterTarget], from: SocketAddr, own: &OwnAddresses) -> io::Result<Repeater> {
        let socket = UdpSocket::bind(from)?;
        socket.set_nonblocking(true)?;
        let target = |target: &RepeaterTarget| UdpTarget {
            name: target.address(),
            address: ArcSwap::from_pointee(target.address().parse().ok()),
            sent: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            last_sent: AtomicU64::new(0),
        };
        let (own, began) = (own.clone(), Instant::now());
        let repeater =
            Arc::new(UdpRepeater { own, began, socket, targets: targets.iter().map(target).collect() });
        if repeater.targets.iter().any(UdpTarget::is_name) {
            let weak = Arc::downgrade(&repeater);
            thread::Builder::new()
                .name("repeater-names".into())
                .spawn(move || look_up(&weak, from.is_ipv4()))?;
        }
        Ok(Repeater::Udp(repeater))
    }

    fn repeat(&self, packet: &[u8]) {
        for target in &self.targets {
            // A packet to ourselves would come back for ever.
            let address = target.address.load().filter(|address| !self.own.take_datagrams(*address));
            let sent = address.is_some_and(|address| self.socket.send_to(packet, address).is_ok());
            let counter = if sent { &target.sent } else { &target.dropped };
            counter.fetch_add(1, Ordering::Relaxed);
            if sent {
                let now = self.began.elapsed().as_millis() as u64;
                target.last_sent.store(now.max(1), Ordering::Relaxed);
            }
        }
    }
}

impl UdpTarget {
    fn is_name(&self) -> bool {
        self.name.parse::<SocketAddr>().is_err()
    }

    fn stats(&self, repeater: &UdpRepeater) -> OutgoingStats {
        let failure = match **self.address.load() {
            None => Some("the name of the host cannot be looked up"),
            Some(address) if repeater.own.take_datagrams(address) => Some(OWN_LISTENER),
            Some(_) => None,
        };
        let last = self.last_sent.load(Ordering::Relaxed);
        let since_last = repeater.began.elapsed().saturating_sub(Duration::from_millis(last));
        OutgoingStats {
            label: self.name.clone(),
            sent: self.sent.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            queued: 0,
            filled: None,
            connected: failure.is_none(),
            last_sent: (last > 0).then_some(since_last),
            failure: failure.map(str::to_owned),
        }
    }
}

/// Ends when the repeater is gone. A look-up may take as long as it likes: only this thread waits for it.
fn look_up(repeater: &Weak<UdpRepeater>, ipv4: bool) {
    while let Some(repeater) = repeater.upgrade() {
        for target in repeater.targets.iter().filter(|target| target.is_name()) {
            let found = target.name.to_socket_addrs().ok();
            let found = found.and_then(|mut all| all.find(|address| address.is_ipv4() == ipv4));
            // A name that cannot be looked up for a while keeps its last address.
            if found.is_some() {
                target.address.store(Arc::new(found));
            }
        }
        drop(repeater);
        thread::sleep(LOOK_UP_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_packets_are_cut_between_lines() {
        let check = |packet: &[u8], wanted: &[usize]| {
            let pieces: Vec<&[u8]> = datagrams(packet).collect();
            assert_eq!(pieces.iter().map(|piece| piece.len()).collect::<Vec<_>>(), wanted);
            assert_eq!(pieces.concat(), packet);
        };
        check(b"", &[]);
        check(b"a:1|c", &[5]);
        check(&b"123456789\n".repeat(6_550), &[65_500]);
        check(&b"123456789\n".repeat(13_000), &[65_500, 64_500]);
        check(&[b'x'; 70_000], &[70_000]);
    }
}
