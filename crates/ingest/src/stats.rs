//! What each listener counts.

use std::collections::VecDeque;
use std::net::IpAddr;

use formats::carbon_line::LineError;
use vocabulary::Timestamp;
use vocabulary::ports::WriteReport;

use crate::limits;

/// Why something that was received is not a point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadInput {
    Blank,
    Fields,
    NotUtf8,
    Value,
    Timestamp,
    NotANumber,
    /// Longer than a line may be.
    TooLong,
    /// The connection ended within a line or a frame.
    Unterminated,
    /// The pickle of a frame cannot be read.
    Pickle,
    /// The length in front of a frame is more than a frame may have.
    FrameTooLong,
    /// An entry of a pickle is not (name, (timestamp, value)).
    Entry,
    /// StatsD could not read the line.
    Statsd,
    /// collectd: the packet cannot be read, or not to its end.
    Packet,
    /// collectd: not signed, encrypted or known as it has to be.
    Security,
    /// collectd: values of a type that has others.
    Type,
    /// collectd: not newer than the value before, so no rate.
    Backwards,
    /// collectd: more counters than are remembered.
    Counters,
    /// NSCA: sent too long after the greeting, or before it.
    Age,
    /// NSCA: more results than were taken in time.
    QueueFull,
    /// NSCA: a result of what is not known here.
    NoSuchCheck,
}

const BAD_INPUTS: [(BadInput, &str); 20] = [
    (BadInput::Blank, "blank"),
    (BadInput::Fields, "fields"),
    (BadInput::NotUtf8, "utf8"),
    (BadInput::Value, "value"),
    (BadInput::Timestamp, "timestamp"),
    (BadInput::NotANumber, "nan"),
    (BadInput::TooLong, "too_long"),
    (BadInput::Unterminated, "unterminated"),
    (BadInput::Pickle, "pickle"),
    (BadInput::FrameTooLong, "frame_too_long"),
    (BadInput::Entry, "entry"),
    (BadInput::Statsd, "statsd"),
    (BadInput::Packet, "packet"),
    (BadInput::Security, "security"),
    (BadInput::Type, "type"),
    (BadInput::Backwards, "backwards"),
    (BadInput::Counters, "counters"),
    (BadInput::Age, "age"),
    (BadInput::QueueFull, "queue_full"),
    (BadInput::NoSuchCheck, "no_such_check"),
];

impl From<LineError> for BadInput {
    fn from(error: LineError) -> BadInput {
        match error {
            LineError::Blank => BadInput::Blank,
            LineError::Fields => BadInput::Fields,
            LineError::NotUtf8 => BadInput::NotUtf8,
            LineError::Value => BadInput::Value,
            LineError::Timestamp => BadInput::Timestamp,
            LineError::NotANumber => BadInput::NotANumber,
        }
    }
}

/// Points that the rules of `[carbon]` and `[relay]` kept from the store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sorted {
    pub blacklisted: u64,
    pub not_whitelisted: u64,
    /// Only aggregated.
    pub aggregated: u64,
    /// `forward_all = false`, and no rule of aggregation took it.
    pub unaggregated: u64,
    /// `store = false`: only sent on.
    pub relayed: u64,
    /// `store = false`, and there is no destination for the name.
    pub unroutable: u64,
}

impl Sorted {
    pub fn add(&mut self, other: Sorted) {
        let Sorted { blacklisted, not_whitelisted, aggregated, unaggregated, relayed, unroutable } = other;
        self.blacklisted += blacklisted;
        self.not_whitelisted += not_whitelisted;
        self.aggregated += aggregated;
        self.unaggregated += unaggregated;
        self.relayed += relayed;
        self.unroutable += unroutable;
    }

    pub fn each(&self) -> [(&'static str, u64); 6] {
        let Sorted { blacklisted, not_whitelisted, aggregated, unaggregated, relayed, unroutable } = *self;
        [
            ("blacklisted", blacklisted),
            ("not_whitelisted", not_whitelisted),
            ("aggregated", aggregated),
            ("unaggregated", unaggregated),
            ("relayed", relayed),
            ("unroutable", unroutable),
        ]
    }

    pub fn sum(&self) -> u64 {
        self.each().iter().map(|(_, count)| count).sum()
    }
}

/// Everything that a listener has counted since it was opened.
///
/// For Carbon `lines` is the sum of `points` (all of its outcomes), `sorted` and `bad`, for collectd of these and
/// `samples`: nothing disappears.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Datagrams or pickle frames; for other streams, reads.
    pub packets: u64,
    pub bytes: u64,
    /// Lines or pickle entries, good or bad.
    pub lines: u64,
    /// Of the lines: what became of those that are points. Empty for StatsD, whose points come with the flush.
    pub points: WriteReport,
    pub sorted: Sorted,
    /// StatsD: samples that were aggregated. collectd: what is no point by itself: the first value of a counter, a
    /// notification. NSCA: results that were handed on.
    pub samples: u64,
    bad: [u64; BAD_INPUTS.len()],
    /// Packets (or connections) from sources that are not allowed.
    pub refused_sources: u64,
    /// Connections that found the listener full.
    pub refused_connections: u64,
    /// Connections that were closed because all together carried too many unfinished bytes, or because answers
    /// were not read.
    pub closed_for_memory: u64,
    pub closed_idle: u64,
    pub connections: u64,
    /// Errors of the socket itself.
    pub socket_errors: u64,
    pub last_received: Option<Timestamp>,
}

impl Totals {
    pub fn count_bad(&mut self, what: BadInput) {
        self.bad[what as usize] += 1;
    }

    pub fn bad(&self) -> impl Iterator<Item = (&'static str, u64)> {
        BAD_INPUTS.iter().zip(self.bad).map(|((_, label), count)| (*label, count))
    }

    pub fn bad_sum(&self) -> u64 {
        self.bad.iter().sum()
    }

    pub fn add(&mut self, other: &Totals) {
        let Totals {
            packets,
            bytes,
            lines,
            points,
            sorted,
            samples,
            bad,
            refused_sources,
            refused_connections,
            closed_for_memory,
            closed_idle,
            connections,
            socket_errors,
            last_received,
        } = other;
        self.packets += packets;
        self.bytes += bytes;
        self.lines += lines;
        self.points.add(*points);
        self.sorted.add(*sorted);
        self.samples += samples;
        self.bad.iter_mut().zip(bad).for_each(|(sum, count)| *sum += count);
        self.refused_sources += refused_sources;
        self.refused_connections += refused_connections;
        self.closed_for_memory += closed_for_memory;
        self.closed_idle += closed_idle;
        self.connections += connections;
        self.socket_errors += socket_errors;
        self.last_received = self.last_received.max(*last_received);
    }
}

/// A line that was not understood, to be shown to whoever sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    pub at: Timestamp,
    pub source: Option<IpAddr>,
    pub reason: String,
    /// Its first bytes, made printable.
    pub sample: String,
}

impl BadLine {
    pub fn new(at: Timestamp, source: Option<IpAddr>, reason: impl ToString, line: &[u8]) -> BadLine {
        let start = &line[..line.len().min(limits::BAD_LINE_SAMPLE_BYTES)];
        let printable = |c: char| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c };
        let sample = String::from_utf8_lossy(start).chars().map(printable).collect();
        BadLine { at, source, reason: reason.to_string(), sample }
    }
}

/// The last few bad lines.
#[derive(Debug, Default)]
pub struct BadLines(VecDeque<BadLine>);

impl BadLines {
    pub fn push(&mut self, line: BadLine) {
        if self.0.len() == limits::BAD_LINES_KEPT {
            self.0.pop_front();
        }
        self.0.push_back(line);
    }

    pub fn to_vec(&self) -> Vec<BadLine> {
        self.0.iter().cloned().collect()
    }
}

/// One listener as it is at the moment.
#[derive(Clone, Debug)]
pub struct ListenerStats {
    /// `statsd.udp`, `carbon.line`, …
    pub name: &'static str,
    /// Where it really listens (a port that was asked for as 0 is filled in), or the path of a Unix socket.
    pub address: String,
    /// False if the thread behind it is gone, which is a fault of ours.
    pub is_served: bool,
    pub totals: Totals,
    /// Datagrams that the kernel dropped because the buffer was full, where there are datagrams.
    pub kernel_drops: Option<u64>,
    pub open_connections: usize,
    pub bad_lines: Vec<BadLine>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enum() {
        for (index, (what, label)) in BAD_INPUTS.iter().enumerate() {
            assert_eq!(*what as usize, index, "{label}");
        }
    }

    #[test]
    fn samples_are_short_and_printable() {
        let mut lines = BadLines::default();
        for at in 0..100 {
            lines.push(BadLine::new(Timestamp(at), None, LineError::Fields, &[b'\x1b'; 500]));
        }
        let kept = lines.to_vec();
        assert_eq!((kept.len(), kept[0].at.0), (limits::BAD_LINES_KEPT, 80));
        assert_eq!(kept[0].sample, "\u{fffd}".repeat(limits::BAD_LINE_SAMPLE_BYTES));
    }
}
