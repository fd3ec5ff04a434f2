//! A TCP connection to somebody else's server, with a bounded queue in front of it.
//!
//! Whoever fills the queue never waits: when it is full the oldest go, and are counted. One thread connects (again and
//! again, with growing pauses) and sends, oldest first; every step of it has a timeout.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use parking_lot::{Condvar, Mutex};

use crate::limits;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// carbon's own `maxDelay`: whoever comes back has the queue soon.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long a stop waits for what is still in the queue.
const DRAIN_MAX: Duration = Duration::from_secs(1);

/// Why nothing is sent to ourselves.
pub const OWN_LISTENER: &str =
    "this is our own listener: what is sent there would come in again without an end";

/// What to do with a piece of which only a part may have been sent when the connection broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Send it again: the same point twice is one point.
    Repeat,
    /// Drop and count it: a counter sent twice counts twice.
    Drop,
}

/// What became of what was offered: offered = sent + dropped + queued.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutgoingStats {
    /// What people call the other server.
    pub label: String,
    /// Points or packets.
    pub sent: u64,
    pub dropped: u64,
    pub queued: usize,
    /// How full the queue is, 0 to 1; `None` where there is none (datagrams).
    pub filled: Option<f64>,
    pub connected: bool,
    /// Since something was last handed to the other server's connection.
    pub last_sent: Option<Duration>,
    /// Why the last attempt failed; `None` while connected.
    pub failure: Option<String>,
}

/// The addresses of our own listeners: what is sent to them would come in again, and again.
#[derive(Clone, Default)]
pub struct OwnAddresses(Arc<ArcSwap<Own>>);

#[derive(Default)]
struct Own {
    tcp: Vec<SocketAddr>,
    udp: Vec<SocketAddr>,
}

impl OwnAddresses {
    pub fn set(&self, tcp: Vec<SocketAddr>, udp: Vec<SocketAddr>) {
        self.0.store(Arc::new(Own { tcp, udp }));
    }

    /// `local`: the address of our end. It is that of the peer for a peer on this machine.
    pub fn take_connections(&self, peer: SocketAddr, local: IpAddr) -> bool {
        self.0.load().tcp.iter().any(|own| is_reached_by(*own, peer, Some(local)))
    }

    pub fn take_datagrams(&self, peer: SocketAddr) -> bool {
        self.0.load().udp.iter().any(|own| is_reached_by(*own, peer, None))
    }
}

/// Whether who connects to `peer` reaches the listener `own`.
pub fn is_reached_by(own: SocketAddr, peer: SocketAddr, local: Option<IpAddr>) -> bool {
    let everywhere = [IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()];
    // An address of IPv4 may be written as one of IPv6.
    let (mine, theirs) = (own.ip().to_canonical(), peer.ip().to_canonical());
    // Connecting to "everywhere" reaches this machine.
    let here = theirs.is_loopback()
        || everywhere.contains(&theirs)
        || local.is_some_and(|local| local.to_canonical() == theirs);
    let hears = mine == theirs
        || (here && everywhere.contains(&mine))
        || (mine.is_loopback() && everywhere.contains(&theirs));
    own.port() == peer.port() && hears
}

/// Where to send.
pub struct Place {
    pub label: String,
    pub address: String,
    pub own: OwnAddresses,
}

pub struct Outgoing {
    queue: Arc<Queue>,
    thread: JoinHandle<()>,
}

struct Queue {
    place: Place,
    items_max: usize,
    broken: Broken,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Waiting, oldest first.
    pieces: VecDeque<Piece>,
    /// Being sent at the moment, before all that wait.
    sending: Vec<Piece>,
    /// Of both.
    items: usize,
    bytes: usize,
    sent: u64,
    dropped: u64,
    connected: bool,
    last_sent: Option<Instant>,
    failure: Option<String>,
    stopping_since: Option<Instant>,
}

struct Piece {
    bytes: Arc<[u8]>,
    items: usize,
}

impl Outgoing {
    pub fn start(place: Place, items_max: usize, broken: Broken) -> io::Result<Outgoing> {
        let queue =
            Arc::new(Queue { place, items_max, broken, state: Mutex::default(), changed: Condvar::new() });
        let sender = Arc::clone(&queue);
        let thread = thread::Builder::new().name("ingest-outgoing".into()).spawn(move || sender.run())?;
        Ok(Outgoing { queue, thread })
    }

    /// Takes the piece, whole; for want of room the oldest are dropped and counted, or the piece if it alone is too
    /// large.
    pub fn offer(&self, bytes: &Arc<[u8]>, items: usize) {
        let mut state = self.queue.state.lock();
        if items > self.queue.items_max || bytes.len() > limits::OUTGOING_BYTES_MAX {
            state.dropped += items as u64;
            return;
        }
        let has_room = |state: &State| {
            state.items + items <= self.queue.items_max
                && state.bytes + bytes.len() <= limits::OUTGOING_BYTES_MAX
        };
        while !has_room(&state) {
            // Nothing left but what is being sent at the moment.
            let Some(oldest) = state.pieces.pop_front() else {
                state.dropped += items as u64;
                return;
            };
            state.leave(&oldest);
            state.dropped += oldest.items as u64;
        }
        state.items += items;
        state.bytes += bytes.len();
        state.pieces.push_back(Piece { bytes: Arc::clone(bytes), items });
        self.queue.changed.notify_one();
    }

    pub fn stats(&self) -> OutgoingStats {
        let state = self.queue.state.lock();
        let by_items = state.items as f64 / self.queue.items_max.max(1) as f64;
        let by_bytes = state.bytes as f64 / limits::OUTGOING_BYTES_MAX as f64;
        OutgoingStats {
            label: self.queue.place.label.clone(),
            filled: Some(by_items.max(by_bytes)),
            sent: state.sent,
            dropped: state.dropped,
            queued: state.items,
            connected: state.connected,
            last_sent: state.last_sent.map(|at| at.elapsed()),
            failure: state.failure.clone(),
        }
    }

    /// Sends what is queued if that is quick, and waits for it: for all of them together as long as for one.
    pub fn finish_all<'o>(all: impl Iterator<Item = &'o Outgoing>) {
        let all: Vec<&Outgoing> = all.inspect(|outgoing| outgoing.end()).collect();
        let give_up = Instant::now() + DRAIN_MAX;
        while !all.iter().all(|outgoing| outgoing.thread.is_finished()) && Instant::now() < give_up {
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn end(&self) {
        let mut state = self.queue.state.lock();
        state.stopping_since.get_or_insert_with(Instant::now);
        self.queue.changed.notify_one();
    }
}

impl Drop for Outgoing {
    /// Does not wait: the thread sends what it can for a moment and ends by itself, one that is in a name look-up or
    /// a connect when that times out.
    fn drop(&mut self) {
        self.end();
    }
}

impl State {
    fn leave(&mut self, piece: &Piece) {
        self.items -= piece.items;
        self.bytes -= piece.bytes.len();
    }

    /// The oldest pieces, as many as go with one call. They still count as queued.
    fn begin_sending(&mut self) -> Vec<Arc<[u8]>> {
        let mut bytes = 0;
        while let Some(piece) = self.pieces.front()
            && (self.sending.is_empty() || bytes + piece.bytes.len() <= limits::SEND_BYTES)
        {
            bytes += piece.bytes.len();
            self.sending.extend(self.pieces.pop_front());
        }
        self.sending.iter().map(|piece| Arc::clone(&piece.bytes)).collect()
    }

    /// To be sent again; until then they are the first to go for want of room.
    fn put_back(&mut self) {
        while let Some(piece) = self.sending.pop() {
            self.pieces.push_front(piece);
        }
    }

    /// Those that were being sent have gone, or are given up.
    fn end_sending(&mut self, sent: bool) {
        for piece in std::mem::take(&mut self.sending) {
            self.leave(&piece);
            let counter = if sent { &mut self.sent } else { &mut self.dropped };
            *counter += piece.items as u64;
        }
        if sent {
            self.last_sent = Some(Instant::now());
        }
    }
}

impl Queue {
    fn run(&self) {
        let mut connection: Option<TcpStream> = None;
        let mut pause = FIRST_PAUSE;
        let mut joined = Vec::new();
        while self.wait_for_pieces() {
            let sent = self.connected(&mut connection).and_then(|stream| self.send(stream, &mut joined));
            match sent {
                Ok(()) => pause = FIRST_PAUSE,
                Err(error) => {
                    connection = None;
                    self.note_failure(&error);
                    self.sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
        // What could not be sent by the end is lost with this queue.
        let mut state = self.state.lock();
        state.dropped += state.items as u64;
        (state.items, state.bytes) = (0, 0);
    }

    /// False if all is done, or over.
    fn wait_for_pieces(&self) -> bool {
        let mut state = self.state.lock();
        loop {
            match state.stopping_since {
                Some(since) if since.elapsed() > DRAIN_MAX => return false,
                _ if !state.pieces.is_empty() => return true,
                Some(_) => return false,
                None => self.changed.wait(&mut state),
            }
        }
    }

    /// `joined` is room to put small pieces together in; a single one is not copied.
    fn send(&self, stream: &mut TcpStream, joined: &mut Vec<u8>) -> io::Result<()> {
        let pieces = self.state.lock().begin_sending();
        joined.clear();
        let bytes = match &pieces[..] {
            [only] => only,
            several => {
                several.iter().for_each(|piece| joined.extend_from_slice(piece));
                &joined[..]
            }
        };
        let sent = stream.write_all(bytes);
        let mut state = self.state.lock();
        match (&sent, self.broken) {
            (Err(_), Broken::Repeat) => state.put_back(),
            (outcome, _) => state.end_sending(outcome.is_ok()),
        }
        sent
    }

    fn connected<'a>(&self, connection: &'a mut Option<TcpStream>) -> io::Result<&'a mut TcpStream> {
        if connection.as_ref().is_some_and(has_ended) {
            *connection = None;
        }
        if connection.is_none() {
            *connection = Some(connect(&self.place)?);
            let mut state = self.state.lock();
            (state.connected, state.failure) = (true, None);
        }
        connection.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn note_failure(&self, error: &io::Error) {
        let text = match error.kind() {
            // What a write that timed out is called.
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "it takes nothing for too long".to_owned(),
            _ => error.to_string(),
        };
        let mut state = self.state.lock();
        state.connected = false;
        state.failure = Some(text);
    }

    /// Ends early when a stop is requested; then there are no further attempts.
    fn sleep(&self, pause: Duration) {
        let mut state = self.state.lock();
        let end = Instant::now() + pause;
        while state.stopping_since.is_none() && Instant::now() < end {
            self.changed.wait_until(&mut state, end);
        }
        if state.stopping_since.is_some() && !state.connected {
            state.stopping_since = Instant::now().checked_sub(DRAIN_MAX * 2);
        }
    }
}

fn connect(place: &Place) -> io::Result<TcpStream> {
    let nowhere = format!("`{}` has no address", place.address);
    let mut failure = io::Error::new(io::ErrorKind::NotFound, nowhere);
    for address in place.address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => {
                if place.own.take_connections(address, stream.local_addr()?.ip()) {
                    return Err(io::Error::other(OWN_LISTENER));
                }
                stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// The other side has closed. Without asking, the first write after that would seem to succeed.
fn has_ended(stream: &TcpStream) -> bool {
    let flags = rustix::net::RecvFlags::PEEK | rustix::net::RecvFlags::DONTWAIT;
    match rustix::net::recv(stream, &mut [0u8; 1], flags) {
        Ok((_, length)) => length == 0,
        Err(error) => error != rustix::io::Errno::AGAIN,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::net::TcpListener;

    use rustix::net::{AddressFamily, SocketType};

    use super::*;

    fn piece(text: &str) -> Arc<[u8]> {
        text.as_bytes().into()
    }

    fn place(address: impl ToString) -> Place {
        let address = address.to_string();
        Place { label: address.clone(), address, own: OwnAddresses::default() }
    }

    fn wait_until(what: &str, condition: impl Fn() -> bool) {
        let give_up = Instant::now() + Duration::from_secs(20);
        while !condition() {
            assert!(Instant::now() < give_up, "{what} did not come about");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// An address at which nobody listens, and nobody else can: it is taken. To listen there is to come up.
    fn nobody() -> (TcpListener, SocketAddr) {
        let socket = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
        rustix::net::bind(&socket, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
        let socket = TcpListener::from(socket);
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    /// Has our end of a connection been closed without the kernel having told the peer's yet? A busy one puts that off.
    fn is_unheard(peer: u16) -> bool {
        const FIN_WAIT_1: &str = "04";
        let all = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let peer = format!(":{peer:04X}");
        let mut lines = all.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        lines.any(|line| line.len() > 3 && line[2].ends_with(&peer) && line[3] == FIN_WAIT_1)
    }

    #[test]
    fn what_is_offered_is_sent_also_over_a_new_connection() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let outgoing = Outgoing::start(place(server.local_addr().unwrap()), 10, Broken::Repeat).unwrap();
        for round in 0..2 {
            outgoing.offer(&piece("a 1 1\n"), 1);
            let (mut stream, peer) = server.accept().unwrap();
            let mut seen = [0; 6];
            stream.read_exact(&mut seen).unwrap();
            assert_eq!(&seen, b"a 1 1\n", "round {round}");
            drop(stream);
            wait_until("the end to be heard of", || !is_unheard(peer.port()));
        }
        drop(outgoing);
    }

    #[test]
    fn a_full_queue_drops_the_oldest_and_counts() {
        let (_server, address) = nobody();
        let outgoing = Outgoing::start(place(address), 3, Broken::Repeat).unwrap();
        outgoing.offer(&piece("1"), 1);
        wait_until("a failed attempt", || outgoing.stats().failure.is_some());
        for text in ["2", "3", "4", "5"] {
            outgoing.offer(&piece(text), 1);
        }
        outgoing.offer(&piece("xxxx"), 4);
        wait_until("the attempt to end", || outgoing.stats().queued == 3);
        let stats = outgoing.stats();
        // The oldest of five went for want of room; a piece that never fits does not even wait.
        assert_eq!((stats.sent, stats.connected, stats.dropped), (0, false, 6), "{stats:?}");
        assert!(stats.filled.is_some_and(|filled| filled > 0.0), "{stats:?}");
        let begun = Instant::now();
        Outgoing::finish_all([&outgoing, &outgoing].into_iter());
        assert!(begun.elapsed() < DRAIN_MAX * 2, "a stop does not wait for who is not there");
    }

    #[test]
    fn the_newest_arrive_in_order_after_an_outage() {
        let (server, address) = nobody();
        let outgoing = Outgoing::start(place(address), 5, Broken::Repeat).unwrap();
        outgoing.offer(&piece("0;"), 1);
        wait_until("a failed attempt", || outgoing.stats().failure.is_some());
        for number in 1..10 {
            outgoing.offer(&piece(&format!("{number};")), 1);
        }
        assert_eq!((outgoing.stats().dropped, outgoing.stats().queued), (5, 5));
        rustix::net::listen(&server, 1).unwrap();
        let (mut stream, _) = server.accept().unwrap();
        let mut seen = [0; 10];
        stream.read_exact(&mut seen).unwrap();
        assert_eq!(std::str::from_utf8(&seen).unwrap(), "5;6;7;8;9;");
        wait_until("the count", || outgoing.stats().sent == 5);
        assert!(outgoing.stats().last_sent.is_some());
    }

    #[test]
    fn who_reads_nothing_holds_nobody_up() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let outgoing = Outgoing::start(place(server.local_addr().unwrap()), 64, Broken::Repeat).unwrap();
        let large = piece(&"x".repeat(1 << 20));
        let begun = Instant::now();
        for _ in 0..200 {
            outgoing.offer(&large, 1);
        }
        let stats = outgoing.stats();
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        assert_eq!(stats.sent + stats.dropped + stats.queued as u64, 200, "{stats:?}");
        assert!(stats.dropped > 0 && stats.queued <= 64, "{stats:?}");
    }

    #[test]
    fn our_own_listener_is_no_destination() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = server.local_addr().unwrap();
        let place = place(address);
        place.own.set(vec![SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port())], Vec::new());
        let outgoing = Outgoing::start(place, 5, Broken::Repeat).unwrap();
        outgoing.offer(&piece("x"), 1);
        wait_until("a refusal", || outgoing.stats().failure.is_some());
        let stats = outgoing.stats();
        assert!(stats.failure.is_some_and(|why| why.contains("our own listener")));
        let check = |own: &str, peer: &str, local: Option<&str>, wanted: bool| {
            let local = local.map(|local| local.parse().unwrap());
            assert_eq!(
                is_reached_by(own.parse().unwrap(), peer.parse().unwrap(), local),
                wanted,
                "{own} {peer}"
            );
        };
        check("127.0.0.1:2003", "127.0.0.1:2003", None, true);
        check("127.0.0.1:2003", "127.0.0.1:2004", None, false);
        check("127.0.0.1:2003", "127.0.0.2:2003", None, false);
        check("0.0.0.0:2003", "127.0.0.2:2003", None, true);
        check("0.0.0.0:2003", "10.0.0.5:2003", None, false);
        check("127.0.0.1:2003", "[::ffff:127.0.0.1]:2003", None, true);
        check("0.0.0.0:2003", "[::ffff:10.0.0.5]:2003", Some("::ffff:10.0.0.5"), true);
        check("0.0.0.0:2003", "10.0.0.5:2003", Some("10.0.0.5"), true);
        check("[::]:2003", "127.0.0.1:2003", None, true);
        check("127.0.0.1:2003", "0.0.0.0:2003", None, true);
    }
}
