//! Carbon: lines over TCP and UDP, pickles over TCP, straight into the store.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use formats::carbon_line::{DatagramLines, Read, StreamLines};
use formats::pickle::EntryError;
use vocabulary::PointBatch;
use vocabulary::ports::{PointSink, Successor};
use vocabulary::time::Clock;

use crate::datagrams::{Handler, Packets};
use crate::forward::{Forwards, Origin};
use crate::listener::{Listener, Tally};
use crate::relay::Relay;
use crate::stats::BadInput;
use crate::streams::{Conversation, Desk, Progress, Protocol};

/// Where the points of all Carbon listeners go.
#[derive(Clone)]
pub struct Outlet {
    pub sink: Arc<dyn PointSink>,
    pub relay: Relay,
    /// Copies of everything as it came.
    pub forwards: Forwards,
}

impl Outlet {
    /// The end of a read: the points to the store, the counts to the listener.
    pub fn hand_over(&self, batch: &PointBatch, hint: &mut Successor, mut tally: Tally, listener: &Listener) {
        if !batch.is_empty() {
            tally.totals.lines += batch.len() as u64;
            (tally.totals.points, tally.totals.sorted) =
                self.relay.write(batch, &*self.sink, hint, tally.now);
            self.forwards.offer(batch, Origin::Carbon);
        }
        tally.settle(listener);
    }
}

/// Lines over TCP.
pub struct Lines {
    pub outlet: Outlet,
    pub line_bytes_max: usize,
}

impl Protocol for Lines {
    fn converse(&self, listener: &Arc<Listener>, peer: SocketAddr) -> Box<dyn Conversation> {
        Box::new(LineConversation {
            outlet: self.outlet.clone(),
            listener: Arc::clone(listener),
            source: peer.ip(),
            line_bytes_max: self.line_bytes_max,
            hint: Successor::default(),
            skipping: false,
        })
    }
}

struct LineConversation {
    outlet: Outlet,
    listener: Arc<Listener>,
    source: IpAddr,
    line_bytes_max: usize,
    hint: Successor,
    /// In the middle of a line that is too long, already counted.
    skipping: bool,
}

impl Conversation for LineConversation {
    fn received(&mut self, input: &[u8], desk: &mut Desk) -> Progress {
        let mut tally = Tally::new(desk.now, 1, 0);
        let Some(start) = self.skip(input) else {
            tally.totals.bytes = input.len() as u64;
            tally.settle(&self.listener);
            return Progress::used(input.len());
        };
        let mut lines = StreamLines::new(&input[start..], desk.now);
        desk.batch.clear();
        take_lines(lines.by_ref(), Some(self.source), self.line_bytes_max, &mut desk.batch, &mut tally);
        let mut rest = lines.rest();
        if rest.len() > self.line_bytes_max {
            too_long(Some(self.source), rest, self.line_bytes_max, &mut tally);
            self.skipping = true;
            rest = &[];
        }
        let used = input.len() - rest.len();
        // What is left comes again with the next read, and is counted then.
        tally.totals.bytes = used as u64;
        self.outlet.hand_over(&desk.batch, &mut self.hint, tally, &self.listener);
        Progress::used(used)
    }

    fn ended(&mut self, rest: &[u8], desk: &mut Desk) {
        // Carbon does not take a line without an end either: its timestamp may lack digits.
        if !rest.is_empty() {
            let mut tally = Tally::new(desk.now, 0, rest.len() as u64);
            let reason = "the connection ended within the line";
            tally.bad(Some(self.source), BadInput::Unterminated, reason, rest);
            tally.settle(&self.listener);
        }
    }
}

impl LineConversation {
    /// Where the next line begins; `None` if the one that is skipped goes on.
    fn skip(&mut self, input: &[u8]) -> Option<usize> {
        if !self.skipping {
            return Some(0);
        }
        let end = memchr::memchr(b'\n', input)?;
        self.skipping = false;
        Some(end + 1)
    }
}

fn take_lines<'a>(
    lines: impl Iterator<Item = Read<'a>>,
    source: Option<IpAddr>,
    line_bytes_max: usize,
    batch: &mut PointBatch,
    tally: &mut Tally,
) {
    for (read, line) in lines {
        match read {
            _ if line.len() > line_bytes_max => too_long(source, line, line_bytes_max, tally),
            Ok(point) => batch.push(point.name, point.time, point.value),
            Err(error) => tally.bad(source, error.into(), error, line),
        }
    }
}

#[cold]
fn too_long(source: Option<IpAddr>, line: &[u8], line_bytes_max: usize, tally: &mut Tally) {
    tally.bad(
        source,
        BadInput::TooLong,
        format_args!("the line is longer than {line_bytes_max} bytes"),
        line,
    );
}

/// Lines in datagrams.
pub struct Datagrams {
    pub outlet: Outlet,
    pub line_bytes_max: usize,
    pub clock: Arc<dyn Clock>,
    pub batch: PointBatch,
    pub hint: Successor,
}

impl Handler for Datagrams {
    fn packets(&mut self, packets: &Packets<'_>) {
        let now = self.clock.now();
        let mut tally = Tally::new(now, packets.len() as u64, 0);
        self.batch.clear();
        for packet in packets.iter() {
            tally.totals.bytes += packet.bytes.len() as u64;
            let lines = DatagramLines::new(packet.bytes, now);
            take_lines(lines, packet.source, self.line_bytes_max, &mut self.batch, &mut tally);
        }
        self.outlet.hand_over(&self.batch, &mut self.hint, tally, packets.listener);
    }

    fn pausing(&mut self, _idle: bool) {}
}

/// Pickles over TCP, each behind its length in four bytes, big-endian.
pub struct Pickles {
    pub outlet: Outlet,
    pub frame_bytes_max: usize,
}

impl Protocol for Pickles {
    fn converse(&self, listener: &Arc<Listener>, peer: SocketAddr) -> Box<dyn Conversation> {
        Box::new(PickleConversation {
            outlet: self.outlet.clone(),
            listener: Arc::clone(listener),
            source: peer.ip(),
            frame_bytes_max: self.frame_bytes_max,
            hint: Successor::default(),
        })
    }
}

struct PickleConversation {
    outlet: Outlet,
    listener: Arc<Listener>,
    source: IpAddr,
    frame_bytes_max: usize,
    hint: Successor,
}

const LENGTH_BYTES: usize = 4;

impl Conversation for PickleConversation {
    fn received(&mut self, input: &[u8], desk: &mut Desk) -> Progress {
        let mut tally = Tally::new(desk.now, 0, 0);
        desk.batch.clear();
        let mut rest = input;
        let mut progress = Progress::used(0);
        while let Some((head, body)) = rest.split_first_chunk::<LENGTH_BYTES>() {
            let length = u32::from_be_bytes(*head) as usize;
            if length > self.frame_bytes_max {
                let reason = format_args!(
                    "a pickle of {length} bytes is announced; {} are allowed",
                    self.frame_bytes_max
                );
                tally.bad(Some(self.source), BadInput::FrameTooLong, reason, rest);
                // As Carbon does: what follows cannot be told from points.
                progress.goes_on = false;
                rest = &[];
                break;
            }
            let Some((pickle, after)) = body.split_at_checked(length) else {
                progress.wants = LENGTH_BYTES + length;
                break;
            };
            self.take_pickle(pickle, desk, &mut tally);
            rest = after;
        }
        progress.used = input.len() - rest.len();
        tally.totals.bytes = progress.used as u64;
        self.outlet.hand_over(&desk.batch, &mut self.hint, tally, &self.listener);
        progress
    }

    fn ended(&mut self, rest: &[u8], desk: &mut Desk) {
        if !rest.is_empty() {
            let mut tally = Tally::new(desk.now, 0, rest.len() as u64);
            tally.bad(
                Some(self.source),
                BadInput::Unterminated,
                "the connection ended within a pickle",
                rest,
            );
            tally.settle(&self.listener);
        }
    }
}

impl PickleConversation {
    fn take_pickle(&self, pickle: &[u8], desk: &mut Desk, tally: &mut Tally) {
        tally.totals.packets += 1;
        let entries = match desk.unpickler.read(pickle) {
            Ok(entries) => entries,
            Err(error) => return tally.bad(Some(self.source), BadInput::Pickle, error, pickle),
        };
        for point in entries.points(desk.now) {
            match point {
                Ok(point) => desk.batch.push(point.name, point.time, point.value),
                Err(EntryError::Shape) => {
                    tally.bad(Some(self.source), BadInput::Entry, EntryError::Shape, pickle)
                }
                Err(EntryError::Point(error)) => tally.bad(Some(self.source), error.into(), error, pickle),
            }
        }
    }
}
