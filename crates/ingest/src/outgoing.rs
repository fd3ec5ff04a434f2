//! A TCP connection to somebody else's server, with a bounded queue in front of it.
//!
//! Whoever fills the queue never waits: what does not fit is dropped and counted. One thread connects (again and
//! again, with growing pauses) and sends; every step of it has a timeout.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::limits;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long a stop waits for what is still in the queue.
const DRAIN_MAX: Duration = Duration::from_secs(1);

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
    pub address: String,
    /// Points or packets.
    pub sent: u64,
    pub dropped: u64,
    pub queued: usize,
    /// How full the queue is, 0 to 1; `None` where there is none (datagrams).
    pub filled: Option<f64>,
    pub connected: bool,
    /// Why the last attempt failed; `None` while connected.
    pub failure: Option<String>,
}

pub struct Outgoing {
    queue: Arc<Queue>,
    thread: JoinHandle<()>,
}

struct Queue {
    address: String,
    items_max: usize,
    broken: Broken,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    pieces: VecDeque<Piece>,
    items: usize,
    bytes: usize,
    sent: u64,
    dropped: u64,
    connected: bool,
    failure: Option<String>,
    stopping_since: Option<Instant>,
}

struct Piece {
    bytes: Arc<[u8]>,
    items: usize,
}

impl Outgoing {
    pub fn start(address: &str, items_max: usize, broken: Broken) -> io::Result<Outgoing> {
        let queue = Arc::new(Queue {
            address: address.to_owned(),
            items_max,
            broken,
            state: Mutex::default(),
            changed: Condvar::new(),
        });
        let sender = Arc::clone(&queue);
        let thread = thread::Builder::new().name("ingest-outgoing".into()).spawn(move || sender.run())?;
        Ok(Outgoing { queue, thread })
    }

    /// Takes the piece, whole, or drops and counts it.
    pub fn offer(&self, bytes: &Arc<[u8]>, items: usize) {
        let mut state = self.queue.state.lock();
        let fits = state.items + items <= self.queue.items_max
            && state.bytes + bytes.len() <= limits::OUTGOING_BYTES_MAX;
        if !fits {
            state.dropped += items as u64;
            return;
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
            address: self.queue.address.clone(),
            filled: Some(by_items.max(by_bytes)),
            sent: state.sent,
            dropped: state.dropped,
            queued: state.items,
            connected: state.connected,
            failure: state.failure.clone(),
        }
    }
}

impl Outgoing {
    /// Sends what is queued if that is quick, and waits for it.
    pub fn finish(&self) {
        self.end();
        let give_up = Instant::now() + DRAIN_MAX;
        while !self.thread.is_finished() && Instant::now() < give_up {
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

impl Queue {
    fn run(&self) {
        let mut connection: Option<TcpStream> = None;
        let mut pause = FIRST_PAUSE;
        while let Some(piece) = self.wait_for_piece() {
            let sent = self.connected(&mut connection).and_then(|stream| stream.write_all(&piece));
            match sent {
                Ok(()) => {
                    pause = FIRST_PAUSE;
                    self.take_first(true);
                }
                Err(error) => {
                    let was_connected = connection.take().is_some();
                    self.note_failure(&error);
                    if was_connected && self.broken == Broken::Drop {
                        self.take_first(false);
                    }
                    self.sleep(pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// The first piece stays in the queue until it is sent. `None` if all is done, or over.
    fn wait_for_piece(&self) -> Option<Arc<[u8]>> {
        let mut state = self.state.lock();
        loop {
            match (state.pieces.front(), state.stopping_since) {
                (_, Some(since)) if since.elapsed() > DRAIN_MAX => return None,
                (Some(piece), _) => return Some(Arc::clone(&piece.bytes)),
                (None, Some(_)) => return None,
                (None, None) => self.changed.wait(&mut state),
            }
        }
    }

    fn connected<'a>(&self, connection: &'a mut Option<TcpStream>) -> io::Result<&'a mut TcpStream> {
        if connection.as_ref().is_some_and(has_ended) {
            *connection = None;
        }
        if connection.is_none() {
            *connection = Some(connect(&self.address)?);
            let mut state = self.state.lock();
            (state.connected, state.failure) = (true, None);
        }
        connection.as_mut().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn take_first(&self, sent: bool) {
        let mut state = self.state.lock();
        let Some(piece) = state.pieces.pop_front() else { return };
        state.items -= piece.items;
        state.bytes -= piece.bytes.len();
        let counter = if sent { &mut state.sent } else { &mut state.dropped };
        *counter += piece.items as u64;
    }

    fn note_failure(&self, error: &io::Error) {
        let mut state = self.state.lock();
        state.connected = false;
        state.failure = Some(error.to_string());
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

fn connect(address: &str) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, format!("`{address}` has no address"));
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(stream) => {
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

    use super::*;

    fn piece(text: &str) -> Arc<[u8]> {
        text.as_bytes().into()
    }

    #[test]
    fn what_is_offered_is_sent_also_over_a_new_connection() {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let outgoing =
            Outgoing::start(&server.local_addr().unwrap().to_string(), 10, Broken::Repeat).unwrap();
        for round in 0..2 {
            outgoing.offer(&piece("a 1 1\n"), 1);
            let (mut stream, _) = server.accept().unwrap();
            let mut seen = [0; 6];
            stream.read_exact(&mut seen).unwrap();
            assert_eq!(&seen, b"a 1 1\n", "round {round}");
        }
        drop(outgoing);
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        // A listener that never accepts more than its backlog would do too, but a closed port is surer.
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let outgoing = Outgoing::start(&closed.to_string(), 3, Broken::Repeat).unwrap();
        for _ in 0..5 {
            outgoing.offer(&piece("x"), 1);
        }
        outgoing.offer(&piece("xxx"), 3);
        let give_up = Instant::now() + Duration::from_secs(20);
        while outgoing.stats().failure.is_none() && Instant::now() < give_up {
            thread::sleep(Duration::from_millis(5));
        }
        let stats = outgoing.stats();
        assert_eq!((stats.sent, stats.dropped, stats.queued, stats.connected), (0, 5, 3, false), "{stats:?}");
        assert!(stats.filled.is_some_and(|filled| filled > 0.0), "{stats:?}");
        let begun = Instant::now();
        outgoing.finish();
        assert!(begun.elapsed() < DRAIN_MAX * 2, "a stop does not wait for who is not there");
    }
}
