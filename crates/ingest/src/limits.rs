//! What bounds this room, and why these figures. Those that people may want to change are keys of the
//! configuration; these are their defaults.

use std::time::Duration;

/// Carbon's own `MAX_LENGTH` of a line. Longer ones are skipped up to their end and counted.
pub const LINE_BYTES_MAX: usize = 16 * 1024;

/// Carbon's `PICKLE_RECEIVER_MAX_LENGTH`: some 25,000 points. The length stands in front of the frame, so
/// nothing is kept for a longer one.
pub const FRAME_BYTES_MAX: usize = 1024 * 1024;

/// Connections per listener. One that only waits costs about 500 bytes here and a few KiB in the kernel.
pub const CONNECTIONS_MAX: usize = 10_000;

/// Bytes of unfinished lines and frames that all connections may keep together: enough for 10,000 longest
/// lines, or 256 longest frames. The connection that exceeds it is closed and counted.
pub const CARRIED_BYTES_MAX: usize = 256 * 1024 * 1024;

/// NSCA's connections: a sender says what it has and goes. Each keeps a packet of 4 KiB and a cipher.
pub const NSCA_CONNECTIONS_MAX: usize = 1_000;

/// A sender that says nothing for so long is hung up on.
pub const NSCA_IDLE_TIMEOUT: Duration = Duration::from_secs(15);

/// One read. Larger ones no longer lower the cost per line: at 256 KiB a system call is shared by some
/// 5,000 lines.
pub const READ_BYTES: usize = 256 * 1024;

/// Datagrams taken with one system call: enough that the call itself (about 1 us) no longer shows.
pub const DATAGRAMS_PER_READ: usize = 256;

/// The longest datagram that IPv4 and IPv6 carry without jumbograms, and what a Unix socket's client may send.
pub const DATAGRAM_BYTES_MAX: usize = 65_535;

/// What of it is left for the payload over IPv4.
pub const DATAGRAM_PAYLOAD_MAX: usize = 65_507;

/// Socket buffer asked for per UDP listener. The kernel charges about 770 bytes for a small datagram: 32 MiB
/// hold some 40,000 of them, 80 ms at half a million a second. Memory is used only while it is filled.
pub const RECEIVE_BUFFER_BYTES: usize = 32 * 1024 * 1024;

/// Counters and derivatives of collectd that are remembered to make rates of: some 150 bytes each. A host has a
/// few hundred, so these are thousands of hosts.
pub const COLLECTD_COUNTERS_MAX: usize = 1_000_000;

/// A types.db or a file of passwords: collectd's own has 20 KB.
pub const COLLECTD_FILE_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// Lines that were not understood, kept per listener to be shown.
pub const BAD_LINES_KEPT: usize = 20;

/// How much of such a line is kept.
pub const BAD_LINE_SAMPLE_BYTES: usize = 100;

/// Once this much of an answer to the admin port waits to be sent, further commands of the same read are not taken.
pub const UNREAD_ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

const _: () = assert!(LINE_BYTES_MAX <= READ_BYTES, "a longest line fits into one read");
const _: () = assert!(FRAME_BYTES_MAX <= CARRIED_BYTES_MAX, "one connection can carry a longest frame");

/// Points that wait for another Carbon: some 20 MiB, five seconds at 50,000 points a second.
pub const FORWARD_QUEUE_POINTS: usize = 250_000;

/// One segment of the journal, a flush interval's packets: at half a million packets of 60 bytes a second, half a
/// minute. What exceeds it is not journaled, and counted.
pub const SEGMENT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// Flushed segments whose points the store has not yet called safe. It does within a second; while it cannot
/// write at all, the oldest are given up, since they would only repeat what is lost anyhow.
pub const SEGMENTS_WAITING_MAX: usize = 60;

/// Whole lines of a stream are journaled in pieces of at most a read; a datagram is shorter.
pub const LONGEST_RECORD_BYTES: usize = READ_BYTES + LINE_BYTES_MAX;

/// What may wait for one target in all, whatever the names' length.
pub const OUTGOING_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Points sent to another Carbon in one piece: Carbon's own `MAX_DATAPOINTS_PER_MESSAGE`.
pub const POINTS_PER_PIECE: usize = 500;

/// Packets that wait for a StatsD server that is repeated to over TCP.
pub const REPEATED_PACKETS_WAITING_MAX: usize = 100_000;

/// Names whose way through the rules is remembered: some 250 bytes each. Beyond, decisions are made anew, at some
/// 0.1 us a rule.
pub const VERDICTS_MAX: usize = 400_000;

/// Longer names are decided anew each time.
pub const VERDICT_NAME_BYTES_MAX: usize = 512;

/// Running intervals of aggregates, and values that percentiles need one by one: some 200 MB when full of intervals.
/// Values beyond are not aggregated, and counted.
pub const AGGREGATION_CELLS_MAX: usize = 2_000_000;

/// Values further ahead of the clock are not aggregated, and counted: their intervals would stay for so long.
pub const AGGREGATION_AHEAD_SECONDS: i64 = 3_600;

/// Bytes that one system call sends on. Many small pieces go together, as one that comes alone would cost as much.
pub const SEND_BYTES: usize = 64 * 1024;

/// Of an aggregate. A longer one would be told once in a lifetime.
pub const LONGEST_INTERVAL: Duration = Duration::from_secs(366 * 86_400);
