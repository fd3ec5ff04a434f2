//! StatsD's listeners: datagrams, lines over TCP, the admin port.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use vocabulary::time::Clock;

use crate::datagrams::{Handler, Packets};
use crate::intake::{Intake, Lane, Packet};
use crate::limits;
use crate::listener::{Listener, Tally};
use crate::stats::BadInput;
use crate::streams::{Conversation, Desk, Progress, Protocol};

/// Datagrams, over UDP or a Unix socket.
pub struct StatsdDatagrams {
    pub lane: Lane,
    pub clock: Arc<dyn Clock>,
}

impl Handler for StatsdDatagrams {
    fn packets(&mut self, packets: &Packets<'_>) {
        let mut tally = Tally::new(self.clock.now(), packets.len() as u64, 0);
        for packet in packets.iter() {
            tally.totals.bytes += packet.bytes.len() as u64;
            if packet.cut {
                tally.bad(
                    packet.source,
                    BadInput::TooLong,
                    "the datagram is longer than 64 KiB",
                    packet.bytes,
                );
            }
        }
        // The start of a datagram may end within a number.
        let whole = packets.iter().filter(|packet| !packet.cut);
        self.lane.take(whole.map(|packet| Packet { bytes: packet.bytes, source: packet.source }), &mut tally);
        tally.settle(packets.listener);
        self.lane.write_if_due();
    }

    fn pausing(&mut self, idle: bool) {
        if idle {
            self.lane.write_out();
        } else {
            self.lane.write_if_due();
        }
    }
}

/// Lines over TCP. What a read completes counts as one packet, as in the original.
pub struct StatsdLines {
    /// One for each worker.
    pub lanes: Arc<[Lane]>,
}

impl Protocol for StatsdLines {
    fn converse(&self, listener: &Arc<Listener>, peer: SocketAddr) -> Box<dyn Conversation> {
        Box::new(LineConversation {
            lanes: Arc::clone(&self.lanes),
            listener: Arc::clone(listener),
            source: peer.ip(),
            skipping: false,
        })
    }
}

struct LineConversation {
    lanes: Arc<[Lane]>,
    listener: Arc<Listener>,
    source: IpAddr,
    /// In the middle of a line that is too long, already counted.
    skipping: bool,
}

impl Conversation for LineConversation {
    fn received(&mut self, input: &[u8], desk: &mut Desk) -> Progress {
        let mut tally = Tally::new(desk.now, 1, 0);
        let used = self.take(input, desk, &mut tally);
        // What is left comes again with the next read, and is counted then.
        tally.totals.bytes = used as u64;
        tally.settle(&self.listener);
        Progress::used(used)
    }

    fn ended(&mut self, rest: &[u8], desk: &mut Desk) {
        // The original forgets a line without an end too.
        if !rest.is_empty() {
            let mut tally = Tally::new(desk.now, 0, rest.len() as u64);
            let reason = "the connection ended within the line";
            tally.bad(Some(self.source), BadInput::Unterminated, reason, rest);
            tally.settle(&self.listener);
        }
    }
}

impl LineConversation {
    /// How many bytes are done with.
    fn take(&mut self, input: &[u8], desk: &Desk, tally: &mut Tally) -> usize {
        let mut start = 0;
        if self.skipping {
            let Some(end) = memchr::memchr(b'\n', input) else { return input.len() };
            self.skipping = false;
            start = end + 1;
        }
        let end = memchr::memrchr(b'\n', &input[start..]).map_or(start, |at| start + at + 1);
        if end > start
            && let Some(lane) = self.lanes.get(desk.worker)
        {
            let lines = Packet { bytes: &input[start..end], source: Some(self.source) };
            lane.take(std::iter::once(lines), tally);
            // Nothing else calls this thread in time.
            lane.write_out();
        }
        if input.len() - end > limits::LINE_BYTES_MAX {
            let reason = format_args!("the line is longer than {} bytes", limits::LINE_BYTES_MAX);
            tally.bad(Some(self.source), BadInput::TooLong, reason, &input[end..]);
            self.skipping = true;
            return input.len();
        }
        end
    }
}

/// The admin port.
pub struct StatsdAdmin {
    pub lanes: Arc<[Lane]>,
}

impl Protocol for StatsdAdmin {
    fn converse(&self, listener: &Arc<Listener>, peer: SocketAddr) -> Box<dyn Conversation> {
        let (lanes, listener) = (Arc::clone(&self.lanes), Arc::clone(listener));
        Box::new(AdminConversation { lanes, listener, source: peer.ip() })
    }
}

struct AdminConversation {
    lanes: Arc<[Lane]>,
    listener: Arc<Listener>,
    source: IpAddr,
}

/// What fits into one segment on an Ethernet: shorter input did not come in pieces.
const ONE_SEGMENT_BYTES: usize = 1400;

impl Conversation for AdminConversation {
    fn received(&mut self, input: &[u8], desk: &mut Desk) -> Progress {
        let Some(lane) = self.lanes.get(desk.worker) else { return Progress::used(input.len()) };
        let mut tally = Tally::new(desk.now, 1, 0);
        let mut progress = Progress::used(0);
        for line in input.split_inclusive(|byte| *byte == b'\n') {
            let complete = line.ends_with(b"\n");
            if !complete && input.len() > limits::LINE_BYTES_MAX {
                tally.bad(Some(self.source), BadInput::TooLong, "the command is too long", line);
                progress.goes_on = false;
                break;
            }
            // The original takes whatever arrives at once as a command, with or without an end.
            if !complete && input.len() > ONE_SEGMENT_BYTES {
                break;
            }
            if desk.answer.len() > limits::UNREAD_ANSWER_BYTES_MAX {
                tally.totals.closed_for_memory += 1;
                progress.goes_on = false;
                break;
            }
            progress.used += line.len();
            tally.totals.lines += 1;
            let (answer, quit) = Intake::admin(lane.intake(), lane, line);
            desk.answer.extend_from_slice(&answer);
            if quit {
                progress.goes_on = false;
                break;
            }
        }
        tally.totals.bytes = progress.used as u64;
        tally.settle(&self.listener);
        progress
    }

    fn ended(&mut self, _rest: &[u8], _desk: &mut Desk) {}
}
