//! What all sockets of one listener share: its name, whom it takes, what it counted.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use vocabulary::Timestamp;

use crate::allow::Allow;
use crate::stats::{BadInput, BadLine, BadLines, ListenerStats, Totals};

#[derive(Debug)]
pub struct Listener {
    pub name: &'static str,
    pub address: String,
    pub allow: ArcSwap<Allow>,
    pub open_connections: AtomicUsize,
    totals: Mutex<Totals>,
    bad_lines: Mutex<BadLines>,
}

impl Listener {
    pub fn new(name: &'static str, address: String, allow: Allow) -> Arc<Listener> {
        Arc::new(Listener {
            name,
            address,
            allow: ArcSwap::from_pointee(allow),
            open_connections: AtomicUsize::new(0),
            totals: Mutex::default(),
            bad_lines: Mutex::default(),
        })
    }

    /// Once per read, not per packet or line.
    pub fn count(&self, totals: &Totals) {
        self.totals.lock().add(totals);
    }

    pub fn note(&self, change: impl FnOnce(&mut Totals)) {
        change(&mut self.totals.lock());
    }

    pub fn keep_bad_line(&self, line: BadLine) {
        self.bad_lines.lock().push(line);
    }

    pub fn stats(&self, kernel_drops: Option<u64>, is_served: bool) -> ListenerStats {
        ListenerStats {
            name: self.name,
            address: self.address.clone(),
            totals: *self.totals.lock(),
            is_served,
            kernel_drops,
            open_connections: self.open_connections.load(Ordering::Relaxed),
            bad_lines: self.bad_lines.lock().to_vec(),
        }
    }
}

/// Counts of one read, and the first line in it that was bad: a flood of garbage costs one sample a read.
#[derive(Debug)]
pub struct Tally {
    pub totals: Totals,
    pub now: Timestamp,
    first_bad: Option<BadLine>,
}

impl Tally {
    pub fn new(now: Timestamp, packets: u64, bytes: u64) -> Tally {
        let mut totals = Totals::default();
        (totals.packets, totals.bytes, totals.last_received) = (packets, bytes, Some(now));
        Tally { totals, now, first_bad: None }
    }

    /// A line that is nothing but bad.
    #[cold]
    pub fn bad(&mut self, source: Option<IpAddr>, what: BadInput, reason: impl ToString, line: &[u8]) {
        self.totals.lines += 1;
        self.bad_sample(source, what, reason, line);
    }

    /// Something bad within a line that is counted already.
    #[cold]
    pub fn bad_sample(&mut self, source: Option<IpAddr>, what: BadInput, reason: impl ToString, line: &[u8]) {
        self.totals.count_bad(what);
        if self.first_bad.is_none() {
            self.first_bad = Some(BadLine::new(self.now, source, reason, line));
        }
    }

    pub fn settle(self, listener: &Listener) {
        listener.count(&self.totals);
        if let Some(line) = self.first_bad {
            listener.keep_bad_line(line);
        }
    }
}

/// A place among the connections of a listener; given back when dropped.
#[derive(Debug)]
pub struct Seat(Arc<Listener>);

impl Seat {
    /// `None`, and counted, if the source may not connect or there is no place left.
    pub fn take(listener: &Arc<Listener>, source: SocketAddr, connections_max: usize) -> Option<Seat> {
        if !listener.allow.load().takes(source.ip()) {
            listener.note(|totals| totals.refused_sources += 1);
            return None;
        }
        if listener.open_connections.fetch_add(1, Ordering::Relaxed) >= connections_max {
            listener.open_connections.fetch_sub(1, Ordering::Relaxed);
            listener.note(|totals| totals.refused_connections += 1);
            return None;
        }
        listener.note(|totals| totals.connections += 1);
        Some(Seat(Arc::clone(listener)))
    }

    pub fn listener(&self) -> &Arc<Listener> {
        &self.0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.open_connections.fetch_sub(1, Ordering::Relaxed);
    }
}
