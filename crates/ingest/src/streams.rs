//! Threads that read TCP connections: Carbon lines and pickles, StatsD lines, StatsD's admin port.
//!
//! Each worker has an epoll set with all listeners and its share of the connections, and one large read buffer
//! for all of them: a connection that waits keeps only the unfinished line or frame at its end. A read goes
//! straight from that buffer through the parser into one batch. Threads and epoll rather than an async runtime:
//! the work per wake-up is one read, one parse and one write into the store, none of which waits, so there is
//! nothing for a runtime to interleave, and a task with a read buffer of its own per connection would cost
//! 256 KiB each.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use formats::pickle::Unpickler;
use parking_lot::Mutex;
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;
use vocabulary::time::Clock;
use vocabulary::{PointBatch, Timestamp};

use crate::limits;
use crate::listener::{Listener, Seat};
use crate::stats::Totals;

/// What one kind of stream does with its connections.
pub trait Protocol: Send + Sync {
    fn converse(&self, listener: &Arc<Listener>, peer: SocketAddr) -> Box<dyn Conversation>;
}

/// One connection's side of a protocol.
pub trait Conversation: Send {
    /// What the peer is sent before it says anything, into the desk's answer.
    fn begun(&mut self, _: &mut Desk) {}

    /// Takes what is complete in `input`, which begins where the last call left off.
    fn received(&mut self, input: &[u8], desk: &mut Desk) -> Progress;

    /// The peer has closed; `rest` was never completed.
    fn ended(&mut self, rest: &[u8], desk: &mut Desk);
}

/// What every conversation of a worker may use while it is served.
pub struct Desk {
    /// Which of the workers this is, counted from 0.
    pub worker: usize,
    /// Cleared by whoever fills it.
    pub batch: PointBatch,
    pub unpickler: Unpickler,
    pub now: Timestamp,
    /// What the peer shall be sent.
    pub answer: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the input that are done with.
    pub used: usize,
    /// Bytes, of those left and those to come, before there is anything new to do: the whole of a frame.
    pub wants: usize,
    pub goes_on: bool,
}

impl Progress {
    pub fn used(used: usize) -> Progress {
        Progress { used, wants: 0, goes_on: true }
    }
}

/// How a listener treats its connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    pub connections_max: usize,
    pub idle_timeout: Option<Duration>,
}

/// A listening socket with what is said on its connections.
pub struct StreamListener {
    pub socket: TcpListener,
    pub listener: Arc<Listener>,
    pub protocol: Arc<dyn Protocol>,
    pub limits: StreamLimits,
}

/// Names a listener among those of one [`Streams`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenerId(u64);

/// The worker threads.
pub struct Streams {
    workers: Vec<(Arc<Mailbox>, JoinHandle<()>)>,
    listeners: u64,
}

/// How the rest of the room speaks to a worker.
struct Mailbox {
    orders: Mutex<Vec<Order>>,
    bell: OwnedFd,
}

#[derive(Clone)]
enum Order {
    Open(ListenerId, Arc<StreamListener>),
    Close(ListenerId),
    Stop,
}

impl Streams {
    pub fn start(workers: usize, clock: &Arc<dyn Clock>) -> io::Result<Streams> {
        let carried = Arc::new(AtomicUsize::new(0));
        let start = |index: usize| {
            let mailbox = Arc::new(Mailbox::new()?);
            let mut worker =
                Worker::new(index, Arc::clone(&mailbox), Arc::clone(clock), Arc::clone(&carried))?;
            let name = format!("ingest-tcp-{index}");
            let thread = thread::Builder::new().name(name).spawn(move || worker.run())?;
            Ok((mailbox, thread))
        };
        Ok(Streams { workers: (0..workers).map(start).collect::<io::Result<_>>()?, listeners: 0 })
    }

    /// Every worker accepts from it; whoever is awake first has the connection.
    pub fn open(&mut self, listener: StreamListener) -> ListenerId {
        let id = ListenerId(self.listeners);
        self.listeners += 1;
        self.order(&Order::Open(id, Arc::new(listener)));
        id
    }

    /// Accepts no more, reads what has arrived on its connections, and closes them.
    pub fn close(&self, id: ListenerId) {
        self.order(&Order::Close(id));
    }

    /// False if a worker has panicked.
    pub fn are_running(&self) -> bool {
        self.workers.iter().all(|(_, thread)| !thread.is_finished())
    }

    fn order(&self, order: &Order) {
        for (mailbox, _) in &self.workers {
            mailbox.orders.lock().push(order.clone());
            mailbox.ring();
        }
    }
}

impl Drop for Streams {
    /// Reads what has arrived everywhere and ends.
    fn drop(&mut self) {
        self.order(&Order::Stop);
        for (_, thread) in self.workers.drain(..) {
            // A worker that panicked has said so; its connections are closed.
            let _ = thread.join();
        }
    }
}

impl Mailbox {
    fn new() -> io::Result<Mailbox> {
        let flags = rustix::event::EventfdFlags::CLOEXEC | rustix::event::EventfdFlags::NONBLOCK;
        Ok(Mailbox { orders: Mutex::default(), bell: rustix::event::eventfd(0, flags)? })
    }

    fn ring(&self) {
        // Cannot fail: the counter only overflows at 2^64 - 1.
        let _ = rustix::io::write(&self.bell, &1u64.to_ne_bytes());
    }

    fn take(&self) -> Vec<Order> {
        // Empty when the bell was heard already.
        let _ = rustix::io::read(&self.bell, &mut [0u8; 8]);
        std::mem::take(&mut self.orders.lock())
    }
}

/// Marks in the event's number: the mailbox, or a listener. Anything else is the place of a connection.
const MAILBOX: u64 = u64::MAX;
const LISTENER: u64 = 1 << 63;

/// Room in front of the read buffer for the unfinished line of the connection that is read, so that it and
/// what follows are one piece. Longer rests (frames) are completed where they are kept.
const FRONT: usize = 16 * 1024;

/// How long a closing listener goes on reading from connections that keep sending.
const DRAIN_MAX: Duration = Duration::from_secs(1);

struct Worker {
    mailbox: Arc<Mailbox>,
    clock: Arc<dyn Clock>,
    epoll: OwnedFd,
    listeners: Vec<(ListenerId, Arc<StreamListener>)>,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    buffer: Box<[u8]>,
    desk: Desk,
    /// Over all workers.
    carried: Arc<AtomicUsize>,
    swept: Instant,
    running: bool,
}

struct Connection {
    /// First, so that the peer sees the end only after it is no longer counted.
    seat: Seat,
    stream: TcpStream,
    listener: ListenerId,
    conversation: Box<dyn Conversation>,
    carry: Carry,
    wants: usize,
    unsent: Vec<u8>,
    /// To be closed once everything is sent.
    closing: bool,
    idle_timeout: Option<Duration>,
    last_read: Instant,
}

/// The unfinished end of what was read, accounted for in the sum over all connections.
struct Carry {
    bytes: Vec<u8>,
    sum: Arc<AtomicUsize>,
}

impl Carry {
    /// `false` if all connections together now carry too much.
    fn change(&mut self, change: impl FnOnce(&mut Vec<u8>)) -> bool {
        let before = self.bytes.len();
        change(&mut self.bytes);
        let after = self.bytes.len();
        if after == 0 && self.bytes.capacity() > FRONT {
            self.bytes = Vec::new();
        }
        if after <= before {
            self.sum.fetch_sub(before - after, Ordering::Relaxed);
            return true;
        }
        self.sum.fetch_add(after - before, Ordering::Relaxed) + (after - before) <= limits::CARRIED_BYTES_MAX
    }
}

impl Drop for Carry {
    fn drop(&mut self) {
        self.sum.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

/// What a read left a connection in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// There may be more.
    Open,
    /// There was nothing.
    Empty,
    Closed,
}

impl Worker {
    fn new(
        worker: usize,
        mailbox: Arc<Mailbox>,
        clock: Arc<dyn Clock>,
        carried: Arc<AtomicUsize>,
    ) -> io::Result<Worker> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(&epoll, &mailbox.bell, EventData::new_u64(MAILBOX), EventFlags::IN)?;
        Ok(Worker {
            mailbox,
            clock,
            epoll,
            listeners: Vec::new(),
            connections: Vec::new(),
            free: Vec::new(),
            buffer: vec![0; FRONT + limits::READ_BYTES].into_boxed_slice(),
            desk: Desk {
                worker,
                batch: PointBatch::default(),
                unpickler: Unpickler::default(),
                now: Timestamp(0),
                answer: Vec::new(),
            },
            carried,
            swept: Instant::now(),
            running: true,
        })
    }

    fn run(&mut self) {
        let mut events = Vec::with_capacity(256);
        while self.running {
            let wait = self.sweep_interval().map(|interval| {
                let left = interval.saturating_sub(self.swept.elapsed());
                rustix::time::Timespec {
                    tv_sec: left.as_secs() as i64,
                    tv_nsec: i64::from(left.subsec_nanos()),
                }
            });
            events.clear();
            // Interrupted by a signal: nothing happened.
            let _ = epoll::wait(&self.epoll, spare_capacity(&mut events), wait.as_ref());
            self.desk.now = self.clock.now();
            for event in &events {
                self.attend(event.data.u64(), event.flags);
            }
            self.close_idle();
        }
        let all: Vec<ListenerId> = self.listeners.iter().map(|(id, _)| *id).collect();
        all.into_iter().for_each(|id| self.close_listener(id));
    }

    fn attend(&mut self, data: u64, flags: EventFlags) {
        if data == MAILBOX {
            self.obey();
        } else if data & LISTENER != 0 {
            let _ = self.accept(ListenerId(data & !LISTENER));
        } else {
            let place = data as usize;
            if flags.contains(EventFlags::OUT) {
                self.send(place);
            }
            if flags.intersects(EventFlags::IN | EventFlags::HUP | EventFlags::ERR) {
                self.read(place);
            }
        }
    }

    fn obey(&mut self) {
        for order in self.mailbox.take() {
            match order {
                Order::Open(id, listener) => {
                    let data = EventData::new_u64(LISTENER | id.0);
                    let flags = EventFlags::IN | EventFlags::EXCLUSIVE;
                    if epoll::add(&self.epoll, &listener.socket, data, flags).is_err() {
                        listener.listener.note(|totals| totals.socket_errors += 1);
                    }
                    self.listeners.push((id, listener));
                }
                Order::Close(id) => self.close_listener(id),
                Order::Stop => self.running = false,
            }
        }
    }

    /// One connection at a time, so that other workers get some of a crowd. False if there was none.
    fn accept(&mut self, id: ListenerId) -> bool {
        let Some((_, open)) = self.listeners.iter().find(|(each, _)| *each == id) else { return false };
        let open = Arc::clone(open);
        match open.socket.accept() {
            Ok((stream, peer)) => {
                if let Some(seat) = Seat::take(&open.listener, peer, open.limits.connections_max)
                    && self.settle_in(stream, peer, id, &open, seat).is_err()
                {
                    open.listener.note(|totals| totals.socket_errors += 1);
                }
                true
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(error) => {
                open.listener.note(|totals| totals.socket_errors += 1);
                if matches!(Errno::from_io_error(&error), Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM)) {
                    // The waiting connection would wake us again at once, for ever.
                    thread::sleep(Duration::from_millis(10));
                }
                false
            }
        }
    }

    fn settle_in(
        &mut self,
        stream: TcpStream,
        peer: SocketAddr,
        id: ListenerId,
        open: &StreamListener,
        seat: Seat,
    ) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        let place = self.free.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        let watched = epoll::add(&self.epoll, &stream, EventData::new_u64(place as u64), EventFlags::IN);
        if let Err(error) = watched {
            self.free.push(place);
            return Err(error.into());
        }
        self.connections[place] = Some(Connection {
            conversation: open.protocol.converse(&open.listener, peer),
            seat,
            stream,
            listener: id,
            carry: Carry { bytes: Vec::new(), sum: Arc::clone(&self.carried) },
            wants: 0,
            unsent: Vec::new(),
            closing: false,
            idle_timeout: open.limits.idle_timeout,
            last_read: Instant::now(),
        });
        self.greet(place);
        Ok(())
    }

    fn greet(&mut self, place: usize) {
        if let Some(connection) = self.connections.get_mut(place).and_then(Option::as_mut) {
            connection.conversation.begun(&mut self.desk);
            if !self.desk.answer.is_empty() {
                connection.unsent.append(&mut self.desk.answer);
                self.send(place);
            }
        }
    }

    /// One read and what follows from it.
    fn read(&mut self, place: usize) -> After {
        let Some(connection) = self.connections.get_mut(place).and_then(Option::as_mut) else {
            return After::Closed;
        };
        let after = connection.read(&mut self.buffer, &mut self.desk);
        connection.closing = after == After::Closed;
        if !self.desk.answer.is_empty() {
            connection.unsent.append(&mut self.desk.answer);
            self.send(place);
        } else if after == After::Closed {
            self.close(place);
        }
        after
    }

    /// While there is something unsent no command is read, so a client that does not read cannot make us work.
    fn send(&mut self, place: usize) {
        let Some(connection) = self.connections.get_mut(place).and_then(Option::as_mut) else { return };
        let waits = match connection.send() {
            Ok(done) if done && connection.closing => return self.close(place),
            Ok(done) => !done,
            Err(_) => return self.close(place),
        };
        let flags = if waits { EventFlags::OUT } else { EventFlags::IN };
        if epoll::modify(&self.epoll, &connection.stream, EventData::new_u64(place as u64), flags).is_err() {
            self.close(place);
        }
    }

    /// Dropping the stream takes it out of the epoll set too.
    fn close(&mut self, place: usize) {
        if self.connections[place].take().is_some() {
            self.free.push(place);
        }
    }

    fn close_listener(&mut self, id: ListenerId) {
        let give_up = Instant::now() + DRAIN_MAX;
        // Connections that the kernel has made already may have brought something.
        while self.accept(id) && Instant::now() < give_up {}
        if let Some(at) = self.listeners.iter().position(|(each, _)| *each == id) {
            let (_, open) = self.listeners.swap_remove(at);
            // Another worker, or whoever takes the socket over, may keep it open.
            let _ = epoll::delete(&self.epoll, &open.socket);
        }
        for place in 0..self.connections.len() {
            if self.connections[place].as_ref().is_some_and(|connection| connection.listener == id) {
                while self.read(place) == After::Open && Instant::now() < give_up {}
                if let Some(connection) = self.connections[place].as_mut() {
                    connection.end(&mut self.desk);
                }
                self.close(place);
            }
        }
    }

    fn sweep_interval(&self) -> Option<Duration> {
        let shortest =
            self.listeners.iter().filter_map(|(_, listener)| listener.limits.idle_timeout).min()?;
        Some((shortest / 4).clamp(Duration::from_millis(50), Duration::from_secs(30)))
    }

    fn close_idle(&mut self) {
        let Some(interval) = self.sweep_interval() else { return };
        if self.swept.elapsed() < interval {
            return;
        }
        self.swept = Instant::now();
        for place in 0..self.connections.len() {
            let idle = |connection: &Connection| {
                connection.idle_timeout.is_some_and(|timeout| connection.last_read.elapsed() >= timeout)
            };
            if let Some(connection) = self.connections[place].as_mut().filter(|connection| idle(connection)) {
                connection.note(|totals| totals.closed_idle += 1);
                connection.end(&mut self.desk);
                self.close(place);
            }
        }
    }
}

impl Connection {
    fn read(&mut self, buffer: &mut [u8], desk: &mut Desk) -> After {
        let length = match rustix::io::read(&self.stream, &mut buffer[FRONT..]) {
            Ok(0) => {
                self.end(desk);
                return After::Closed;
            }
            Ok(length) => length,
            Err(Errno::AGAIN | Errno::INTR) => return After::Empty,
            Err(_) => {
                // Reset by the peer: what was unfinished is lost, and said to be.
                self.end(desk);
                return After::Closed;
            }
        };
        self.last_read = Instant::now();
        let progress = self.take_in(buffer, length, desk);
        if progress { After::Open } else { After::Closed }
    }

    /// `false` if the connection is to be closed.
    fn take_in(&mut self, buffer: &mut [u8], length: usize, desk: &mut Desk) -> bool {
        let carried = self.carry.bytes.len();
        let new = FRONT..FRONT + length;
        if carried + length < self.wants {
            return self.keep(|carry| carry.extend_from_slice(&buffer[new]));
        }
        if carried <= FRONT {
            let start = FRONT - carried;
            buffer[start..FRONT].copy_from_slice(&self.carry.bytes);
            let input = &buffer[start..FRONT + length];
            let Progress { used, wants, goes_on } = self.conversation.received(input, desk);
            self.wants = wants;
            let kept = self.keep(|carry| {
                carry.clear();
                carry.extend_from_slice(&input[used..]);
            });
            return goes_on && kept;
        }
        let kept = self.keep(|carry| carry.extend_from_slice(&buffer[new]));
        let Progress { used, wants, goes_on } = self.conversation.received(&self.carry.bytes, desk);
        self.wants = wants;
        self.keep(|carry| drop(carry.drain(..used))) && kept && goes_on
    }

    fn keep(&mut self, change: impl FnOnce(&mut Vec<u8>)) -> bool {
        let fits = self.carry.change(change);
        if !fits {
            self.note(|totals| totals.closed_for_memory += 1);
        }
        fits
    }

    fn end(&mut self, desk: &mut Desk) {
        self.conversation.ended(&self.carry.bytes, desk);
        self.carry.change(Vec::clear);
    }

    fn note(&self, change: impl FnOnce(&mut Totals)) {
        self.seat.listener().note(change);
    }

    /// Whether everything is sent.
    fn send(&mut self) -> io::Result<bool> {
        let mut sent = 0;
        while sent < self.unsent.len() {
            match rustix::net::send(&self.stream, &self.unsent[sent..], rustix::net::SendFlags::NOSIGNAL) {
                Ok(length) => sent += length,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(error.into()),
            }
        }
        self.unsent.drain(..sent);
        Ok(self.unsent.is_empty())
    }
}
