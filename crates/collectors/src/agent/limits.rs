//! What bounds the agent, and why these figures.

use std::time::Duration;

/// A segment is deleted when all of it is settled, or dropped whole when the spool is full: a sixteenth of the spool,
/// between these.
pub const SEGMENT_BYTES_MIN: u64 = 256 << 10;
pub const SEGMENT_BYTES_MAX: u64 = 4 << 20;
/// A segment is a batch longer at most; what is longer is no segment of ours.
pub const SEGMENT_BYTES_READ: u64 = 4 * SEGMENT_BYTES_MAX;
pub const SEGMENTS_PER_SPOOL: u64 = 16;

/// A smaller spool would hold no ten seconds of 5,000 points a second.
pub const SPOOL_BYTES_MIN: u64 = 1 << 20;

/// A segment that is settled to its end is left for a new one only then, so that a quiet agent makes no file a second.
pub const SETTLED_BYTES_KEPT: u64 = 256 << 10;

/// The log of the rows that are in no batch yet; a batch is closed long before.
pub const ROWS_LOG_BYTES_READ: u64 = 64 << 20;

/// Numbers that a start leaves out: more than batches can have been made of which a power cut left no trace. They are in
/// files within a minute.
pub const NUMBERS_SKIPPED: u64 = 1_000_000;
/// And so many bits of a number drawn at random: machines made from one image have one instance, and must not give the
/// same numbers. Sixteen million starts fit.
pub const NUMBERS_DRAWN_BITS: u32 = 40;

/// The table of marks: a line for each sender, of which an agent has one.
pub const MARKS_BYTES_READ: u64 = 1 << 20;

/// Batches kept in memory while the disk takes none; some minutes at 5,000 points a second.
pub const HELD_BYTES_MAX: usize = 8 << 20;

/// Damaged segments and refused batches that are kept for whoever wants to look; the oldest go.
pub const SET_ASIDE_MAX: usize = 8;

/// One request: some 200,000 points, a fraction of a second's work for a server, so that what is fresh waits for no
/// backlog. Below the longest body that proxies take as they come (1 MiB).
pub const REQUEST_BYTES: usize = 512 << 10;
pub const BATCHES_PER_REQUEST: usize = 1_000;
/// While it is not known whether anybody is there.
pub const BATCHES_PER_ATTEMPT: usize = 16;
/// After refusals for length a request holds less, down to this, or one batch.
pub const REQUEST_BYTES_MIN: usize = 16 << 10;

/// Fresh batches that may overtake a backlog, in memory; others wait for their turn.
pub const READY_BYTES_MAX: usize = 2 << 20;

/// With fewer batches waiting than this there is no backlog worth overtaking.
pub const BACKLOG_BATCHES: u64 = 5;

/// Points further ahead of the clock than this are nobody's regular ones: servers refuse them.
pub const AHEAD_SECONDS_MAX: i64 = 3_600;

/// Pauses between attempts to reach a server that is away, growing from the first to the longest. With the time that
/// connecting may take, its return is noticed within three seconds.
pub const FIRST_PAUSE: Duration = Duration::from_millis(200);
pub const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// After a refusal that only a person can end (a wrong token).
pub const REFUSED_PAUSE: Duration = Duration::from_secs(3);

/// What a server may ask for with Retry-After; else its return would be noticed late.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3);

/// How often batches are closed.
pub const BATCH_INTERVAL_MIN: Duration = Duration::from_secs(1);
pub const BATCH_INTERVAL_MAX: Duration = Duration::from_secs(60);

const _: () = assert!(SEGMENT_BYTES_MIN * 2 <= SPOOL_BYTES_MIN, "a full spool has more than one segment");
const _: () = assert!(READY_BYTES_MAX > REQUEST_BYTES, "what is fresh fits in");
