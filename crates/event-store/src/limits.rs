//! Every bound of the store, with its reason.

/// A segment that is longer is sealed. Small enough to be written anew within seconds, large enough that few are open.
pub const SEGMENT_BYTES: u64 = 64 << 20;

/// The longest body. SDKs may send 1 MB; what normalising adds to it is far less.
pub const BODY_BYTES: usize = 4 << 20;
/// The bodies of one batch together, and how many: with them offsets within a segment fit 32 bits.
pub const BATCH_BYTES: usize = 256 << 20;
pub const BATCH_EVENTS: usize = 100_000;

/// A group's first event is packed well: others are packed against it. Those are packed fast: what they share is found at any level.
pub const LEVEL_WHOLE: i32 = 3;
pub const LEVEL_REPEAT: i32 = 1;

/// Events that others are packed against, in memory: so many groups that get events at the same time. Prepared they take
/// about twice their bytes.
pub const DICTIONARIES: usize = 512;
pub const DICTIONARIES_BYTES: usize = 48 << 20;
/// A repeat that takes more than half of what its dictionary took was hardly one; after so many in a row the group gets another.
pub const POOR_REPEATS: u32 = 8;
/// The same while reading: bodies that others need, of one segment.
pub const READ_DICTIONARIES_BYTES: usize = 16 << 20;

/// Sealed segments that are looked through for an event that came twice: SDKs and proxies repeat within minutes.
pub const RECENT_SEGMENTS: usize = 4;

/// Events of one answer.
pub const LIST_EVENTS: usize = 1_000;

/// A segment is written anew without its expired events when these are at least one in so many.
pub const EXPIRED_SHARE: u64 = 2;
/// Bodies that a rewrite holds at a time.
pub const REWRITE_BYTES: usize = 8 << 20;

/// Moved groups and retention: 40 bytes each. People merge groups by hand.
pub const MARKS_BYTES: u64 = 16 << 20;
/// Moves of one project, each of which is looked at for each event that is listed, and of all of them: what those take is
/// far from what may be written, so that a merge that was begun can be finished.
pub const MOVES: usize = 20_000;
pub const MOVES_OF_ALL: usize = 200_000;

/// Entries of a sealed index that are read at once.
pub const INDEX_CHUNK: u32 = 64;

/// Head and fixed fields of a record, and what packing may add to a body that does not pack.
const RECORD_BYTES: u64 = 128;
const _: () = assert!(
    SEGMENT_BYTES
        + BATCH_BYTES as u64
        + (BATCH_BYTES as u64 >> 7)
        + BATCH_EVENTS as u64 * (RECORD_BYTES + 64)
        < u32::MAX as u64,
    "an offset fits 32 bits"
);
